//! The trainer's way to the recorder, and what holds the trainer while nothing can be written.

use std::sync::mpsc as std_mpsc;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use anyhow::{Context, Error, Result};
use fixmatch::base::files;
use fixmatch::base::output::note;
use fixmatch::run::event::{Event, FailureKind};
use fixmatch::run::heartbeat::Phase;
use fixmatch::run::insight;
use tokio::sync::mpsc::{UnboundedReceiver, UnboundedSender, unbounded_channel};

use crate::failure::kind_of;

/// How long to wait before what could not be written is tried again.
pub const RETRY: Duration = Duration::from_secs(1);

/// What the trainer's thread says.
#[derive(Debug)]
pub enum Report {
    /// What goes on, for the heartbeat.
    Phase(u64, Phase),
    /// What keeps a file from being written, and no longer.
    Trouble(Option<Phase>),
    /// For the log.
    Event(Event),
    /// A bulky record and, after it, the event that names it.
    Insight(Box<insight::Record>),
    /// The end of the run, with what kind of error it is and the reason; the recorder knows the step.
    Failed(FailureKind, String),
    /// Answered when all that was reported is on disk.
    Sync(std_mpsc::SyncSender<()>),
}

/// The trainer's way out. Whoever reports something waits while nothing can be written.
#[derive(Clone, Debug)]
pub struct Reporter {
    reports: UnboundedSender<Report>,
    hold: Hold,
}

impl Reporter {
    /// A way out, and where it leads.
    pub fn new(hold: Hold) -> (Self, UnboundedReceiver<Report>) {
        let (reports, receiver) = unbounded_channel();
        (Self { reports, hold }, receiver)
    }

    /// Says what goes on, for the heartbeat.
    pub fn phase(&self, step: u64, phase: Phase) {
        self.send(Report::Phase(step, phase));
    }

    /// Puts an event into the log.
    pub fn event(&self, event: Event) {
        self.send(Report::Event(event));
    }

    /// Puts a record into `insight.bin`, and into the log where it is.
    pub fn insight(&self, record: insight::Record) {
        self.send(Report::Insight(Box::new(record)));
    }

    /// Tells the user something, through the log.
    pub fn warn(&self, message: String) {
        self.event(Event::warning(message));
    }

    /// Ends the run with the reason.
    pub fn failed(&self, error: &Error) {
        self.send(Report::Failed(kind_of(error), format!("{error:#}")));
    }

    /// Returns when all events so far are in the log and would survive a loss of power.
    pub fn sync(&self) -> Result<()> {
        let (sender, receiver) = std_mpsc::sync_channel(1);
        self.send(Report::Sync(sender));
        receiver.recv().context("the recorder has ended")
    }

    /// Writes a file, again and again while there is no room for it or the disk fails, and says so meanwhile.
    ///
    /// # Errors
    /// Of another kind, and this one once the run is asked to end while it waits.
    pub fn insist<T>(&self, mut write: impl FnMut() -> Result<T>) -> Result<T> {
        let asked_before = self.hold.times_asked_to_end();
        let (mut told, since) = (None, Instant::now());
        let mut last = None;
        loop {
            let error = match write() {
                Err(error) if files::may_pass(&error) => error,
                done => {
                    if let Some(error) = last {
                        self.send(Report::Trouble(None));
                        self.event(was_held(&error, since.elapsed()));
                    }
                    return done;
                }
            };
            let phase = trouble(&error);
            if told.replace(phase) != Some(phase) {
                tell(&error);
                self.send(Report::Trouble(Some(phase)));
            }
            if self.hold.is_asked_to_end(asked_before, RETRY) {
                return Err(gave_up(error));
            }
            last = Some(error);
        }
    }

    /// A recorder that has ended also ends the trainer, at its next look for requests.
    fn send(&self, report: Report) {
        self.hold.wait();
        let _ = self.reports.send(report);
    }
}

/// What to call a state in which this cannot be written.
pub fn trouble(error: &Error) -> Phase {
    if files::is_full(error) { Phase::NoSpace } else { Phase::DiskFails }
}

/// Says in `worker.log` what cannot be written.
pub fn tell(error: &Error) {
    note(format_args!("{error:#}: the training is held, and it is tried again every second"));
}

/// What the log says of it afterwards.
pub fn was_held(error: &Error, time: Duration) -> Event {
    Event::Warning {
        message: format!("the training was held for a while: {error:#}"),
        held_s: Some(time.as_secs_f64()),
    }
}

/// What is said of what was never written.
pub fn gave_up(error: Error) -> Error {
    error.context("asked to end while it waited for the disk, it gave up; the newest checkpoint is kept")
}

/// What the recorder and the trainer's thread know of each other beside what is in their channels.
#[derive(Clone, Debug, Default)]
pub struct Hold(Arc<(Mutex<Held>, Condvar)>);

#[derive(Debug, Default)]
struct Held {
    is_held: bool,
    times_asked_to_end: usize,
}

impl Hold {
    /// Lets whoever reports wait, or go on.
    pub fn set(&self, is_held: bool) {
        self.lock().is_held = is_held;
        self.0.1.notify_all();
    }

    /// Takes note that the run was asked to end.
    pub fn ask_to_end(&self) {
        self.lock().times_asked_to_end += 1;
        self.0.1.notify_all();
    }

    fn wait(&self) {
        let _unheld = self.0.1.wait_while(self.lock(), |held| held.is_held);
    }

    fn times_asked_to_end(&self) -> usize {
        self.lock().times_asked_to_end
    }

    /// Whether the run is asked to end once more than `before` within this time.
    fn is_asked_to_end(&self, before: usize, within: Duration) -> bool {
        let waited = self.0.1.wait_timeout_while(self.lock(), within, |held| held.times_asked_to_end == before);
        waited.unwrap_or_else(PoisonError::into_inner).0.times_asked_to_end > before
    }

    fn lock(&self) -> MutexGuard<'_, Held> {
        self.0.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
