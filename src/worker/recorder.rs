//! The worker's main thread: the only writer of events.
//!
//! It takes reports from the trainer's thread, requests from the mailbox and signals, and gives a sign of life every
//! two seconds, whatever the trainer is busy with.

use std::collections::BTreeSet;
use std::sync::mpsc as std_mpsc;
use std::time::{Duration, SystemTime};

use anyhow::{Context, Result};
use fixmatch::control::{self, Mail, Request};
use fixmatch::event::{Event, Record};
use fixmatch::event_log::EventLog;
use fixmatch::insight::{self, InsightFile};
use fixmatch::run_dir::{Heartbeat, Phase, RunDir, host, now, replace_file};
use fixmatch::run_state::{RunState, Summary};
use tokio::signal::unix::{Signal, SignalKind, signal};
use tokio::sync::mpsc::{UnboundedReceiver, UnboundedSender, unbounded_channel};
use tokio::time::{MissedTickBehavior, interval};

const HEARTBEAT: Duration = Duration::from_secs(2);

/// The kernel stamps files with a clock that may lag behind by a tick.
const CLOCK_SLACK: Duration = Duration::from_millis(50);

/// A request on its way to the trainer.
#[derive(Debug)]
pub struct Command {
    /// The request's file name, which answers carry.
    pub id: String,
    /// What is asked.
    pub request: Request,
}

/// What the trainer's thread says.
#[derive(Debug)]
enum Report {
    Phase(u64, Phase),
    Event(Event),
    /// A bulky record and, after it, the event that names it.
    Insight(Box<insight::Record>),
    /// The recorder knows the step.
    Failed(String),
    /// Answered when all that was reported is on disk.
    Sync(std_mpsc::SyncSender<()>),
}

/// The trainer's way out.
#[derive(Clone, Debug)]
pub struct Reporter(UnboundedSender<Report>);

impl Reporter {
    /// A way out, and where it leads.
    fn new() -> (Self, UnboundedReceiver<Report>) {
        let (sender, receiver) = unbounded_channel();
        (Self(sender), receiver)
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
        self.event(Event::Warning { message });
    }

    /// Ends the run with the reason.
    pub fn failed(&self, reason: String) {
        self.send(Report::Failed(reason));
    }

    /// Returns when all events so far are in the log and would survive a loss of power.
    pub fn sync(&self) -> Result<()> {
        let (sender, receiver) = std_mpsc::sync_channel(1);
        self.send(Report::Sync(sender));
        receiver.recv().context("the recorder has ended")
    }

    /// A recorder that has ended also ends the trainer, at its next look for requests.
    fn send(&self, report: Report) {
        let _ = self.0.send(report);
    }
}

/// The log, the state that follows from it, and the last sign of life.
pub struct Recorder {
    dir: RunDir,
    log: EventLog,
    /// None before the first record of this worker: what follows the step that it resumes at is cut off then.
    insight: Option<InsightFile>,
    state: RunState,
    begun: SystemTime,
    step: u64,
    phase: Phase,
    /// Requests that were accepted and not answered yet.
    open: BTreeSet<String>,
    commands: std_mpsc::Sender<Command>,
    reports: UnboundedReceiver<Report>,
}

/// The trainer's ends of the channels.
pub struct TrainerEnds {
    /// Where to report.
    pub reporter: Reporter,
    /// Where requests come from.
    pub commands: std_mpsc::Receiver<Command>,
}

impl Recorder {
    /// Opens a run's log and says in it that a worker has taken the run up.
    pub fn open(dir: &RunDir) -> Result<(Self, TrainerEnds)> {
        let state = RunState::read(dir)?;
        let (reporter, reports) = Reporter::new();
        let (sender, commands) = std_mpsc::channel();
        let mut recorder = Self {
            dir: dir.clone(),
            log: EventLog::open(&dir.events())?,
            insight: None,
            step: state.step,
            state,
            begun: SystemTime::now() - CLOCK_SLACK,
            phase: Phase::Loading,
            open: BTreeSet::new(),
            commands: sender,
            reports,
        };
        let launched = Event::Launched { pid: std::process::id(), host: host(), version: fixmatch::VERSION.to_owned() };
        recorder.write(launched)?;
        recorder.beat()?;
        Ok((recorder, TrainerEnds { reporter, commands }))
    }

    /// Records until the trainer's thread has dropped its end.
    pub async fn record(mut self) -> Result<()> {
        let mut mailbox = interval(control::POLL);
        let mut heart = interval(HEARTBEAT);
        mailbox.set_missed_tick_behavior(MissedTickBehavior::Delay);
        heart.set_missed_tick_behavior(MissedTickBehavior::Delay);
        let mut signals = Signals::new()?;
        loop {
            tokio::select! {
                report = self.reports.recv() => match report {
                    Some(report) => self.take(report)?,
                    None => return self.close(),
                },
                _ = mailbox.tick() => self.read_mail()?,
                _ = heart.tick() => self.beat()?,
                request = signals.next() => self.signalled(request)?,
            }
        }
    }

    fn take(&mut self, report: Report) -> Result<()> {
        match report {
            Report::Phase(step, phase) => {
                let changed = self.phase != phase;
                (self.step, self.phase) = (step, phase);
                if changed { self.beat() } else { Ok(()) }
            }
            Report::Event(event) => self.write(event),
            Report::Insight(record) => self.write_insight(&record),
            Report::Failed(reason) => self.write(Event::Failed { step: self.step, reason }),
            Report::Sync(done) => {
                self.sync()?;
                let _ = done.send(());
                Ok(())
            }
        }
    }

    fn write(&mut self, event: Event) -> Result<()> {
        let is_milestone = !matches!(event, Event::Progress(_) | Event::Insight(_) | Event::Warning { .. });
        let is_evaluation = matches!(event, Event::Evaluated(_));
        match &event {
            Event::Accepted { id, .. } => drop(self.open.insert(id.clone())),
            Event::Applied { id, .. } | Event::Refused { id, .. } => drop(self.open.remove(id)),
            _ => {}
        }
        let record: Record = self.log.append(event)?;
        self.state.apply(&record);
        if is_milestone {
            self.sync()?;
        }
        if is_evaluation { self.write_summary() } else { Ok(()) }
    }

    /// The record comes first, so that an event never names what is not there.
    fn write_insight(&mut self, record: &insight::Record) -> Result<()> {
        let file = match &mut self.insight {
            Some(file) => file,
            none => none.insert(InsightFile::open(&self.dir.insight(), &self.state.insights)?),
        };
        let pointer = file.append(record)?;
        self.write(Event::Insight(pointer))
    }

    /// Records before the log that names them.
    fn sync(&self) -> Result<()> {
        if let Some(file) = &self.insight {
            file.sync()?;
        }
        self.log.sync()
    }

    fn write_summary(&self) -> Result<()> {
        let summary = Summary { n_log_bytes: self.log.n_bytes()?, ..self.state.summary() };
        replace_file(&self.dir.summary(), &serde_json::to_vec(&summary)?)
    }

    fn beat(&self) -> Result<()> {
        let Self { step, phase, .. } = *self;
        self.dir.beat(&Heartbeat { time: now(), pid: std::process::id(), host: host(), step, phase })
    }

    fn read_mail(&mut self) -> Result<()> {
        for mail in control::collect(&self.dir.control())? {
            self.answer(&mail)?;
            control::discard(&self.dir.control(), &mail.id)?;
        }
        Ok(())
    }

    /// Passes a request on to the trainer, or refuses what cannot be read or was meant for an earlier worker.
    fn answer(&mut self, mail: &Mail) -> Result<()> {
        let id = mail.id.clone();
        match &mail.letter {
            Err(error) => self.write(Event::Refused { id, reason: format!("{error:#}") }),
            Ok(_) if mail.posted < self.begun => {
                let reason = "the worker that it was meant for ended before reading it".to_owned();
                self.write(Event::Refused { id, reason })
            }
            Ok(letter) => self.pass_on(id, letter.request, letter.who.clone()),
        }
    }

    fn pass_on(&mut self, id: String, request: Request, who: String) -> Result<()> {
        self.write(Event::Accepted { id: id.clone(), request, who })?;
        let _ = self.commands.send(Command { id, request }); // a trainer that has ended reports why
        Ok(())
    }

    fn signalled(&mut self, request: Request) -> Result<()> {
        let id = format!("signal-{:.3}", now());
        self.pass_on(id, request, "a signal".to_owned())
    }

    /// Answers what came too late for the trainer. The run's last event stays the last of its kind.
    fn close(mut self) -> Result<()> {
        self.read_mail()?;
        for id in std::mem::take(&mut self.open) {
            self.write(Event::Refused { id, reason: "the run ended before it was done".to_owned() })?;
        }
        self.write_summary()?;
        self.sync()
    }
}

/// The signals that a worker follows, each as the request that it stands for.
struct Signals {
    terminate: Signal,
    interrupt: Signal,
    user: Signal,
}

impl Signals {
    fn new() -> Result<Self> {
        let on = |kind| signal(kind).context("cannot listen for signals");
        Ok(Self {
            terminate: on(SignalKind::terminate())?,
            interrupt: on(SignalKind::interrupt())?,
            user: on(SignalKind::user_defined1())?,
        })
    }

    /// SIGTERM suspends, as when a machine shuts down; SIGINT stops; SIGUSR1 saves, as before a time limit.
    async fn next(&mut self) -> Request {
        tokio::select! {
            _ = self.terminate.recv() => Request::Suspend,
            _ = self.interrupt.recv() => Request::Stop,
            _ = self.user.recv() => Request::Checkpoint,
        }
    }
}
