//! Starting a worker and staying with it: shows how it goes until it ends or the user leaves.
//!
//! The worker does not depend on this program. Ctrl-C asks it to save and stop; a second one leaves it alone; a
//! hang-up or a termination ends this program at once, and the run goes on.

use std::process::{Child, ExitCode, ExitStatus};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};
use fixmatch::control::{self, Request};
use fixmatch::event::Event;
use fixmatch::launch::{launch, log_tail};
use fixmatch::run_dir::RunDir;
use fixmatch::run_state::{RunState, live_step};
use tokio::signal::unix::{SignalKind, signal};

use super::rate::Rate;
use super::screen::{Glimpse, Screen};
use super::{Reader, Runs, STOPPED, note, say};

/// How often the run is looked at.
const TICK: Duration = Duration::from_millis(200);

/// How long a detached start may take before it counts as a success.
const DETACHED_WAIT: Duration = Duration::from_secs(3);

/// The exit code after Ctrl-C: 128 + SIGINT, as shells have it.
const INTERRUPTED: u8 = 130;

/// How a worker's time ended.
#[derive(Debug, PartialEq)]
pub enum End {
    /// All steps are done.
    Finished,
    /// Saved and ended on request.
    Stopped,
    /// Saved and ended, to be resumed.
    Suspended,
    /// It said why it failed.
    Failed(String),
    /// It ended without a word.
    Died(ExitStatus),
    /// The user left while it trains.
    Left,
}

/// What a foreground run leaves to say.
pub struct Report {
    /// The run.
    pub dir: RunDir,
    /// How it ended.
    pub end: End,
    /// Whether the user pressed Ctrl-C.
    pub interrupted: bool,
    /// All that is known of the run.
    pub state: RunState,
    /// From the start of this worker to its end.
    pub wall: Duration,
}

/// Starts a worker on the run and shows how it goes until it ends: as `first` shows it until that returns, then in lines.
pub fn follow(dir: &RunDir, steps: u64, first: impl FnOnce() -> Result<()>) -> Result<Report> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
    let runtime = runtime.context("cannot set up signals and timers")?;
    let mut interrupts = {
        let _context = runtime.enter();
        signal(SignalKind::interrupt()).context("cannot listen for Ctrl-C")?
    };
    let mut foreground = Foreground::launch(dir, steps)?;
    first()?;
    runtime.block_on(async {
        let mut tick = tokio::time::interval(TICK);
        let end = loop {
            tokio::select! {
                _ = tick.tick() => if let Some(end) = foreground.look()? { break end },
                _ = interrupts.recv() => if foreground.interrupted { break End::Left } else { foreground.stop()? },
            }
        };
        Ok(foreground.report(end))
    })
}

/// Starts a worker on the run and returns once it is at work.
pub fn detach(dir: &RunDir, runs: &Runs) -> Result<ExitCode> {
    let mut reader = Reader::new(dir.clone());
    reader.read()?;
    let mut child = launch(dir)?;
    let deadline = Instant::now() + DETACHED_WAIT;
    loop {
        let exited = child.try_wait().context("cannot tell whether the worker lives")?;
        let events = reader.read()?;
        if let Some(failed) = events.iter().find_map(|record| failure(&record.event)) {
            bail!("the worker failed: {failed}");
        }
        if let Some(status) = exited {
            bail!("{}", died(dir, status));
        }
        let at_work = events.iter().any(|record| matches!(record.event, Event::Launched { .. }));
        if at_work || Instant::now() > deadline {
            break;
        }
        std::thread::sleep(Duration::from_millis(20));
    }
    let name = runs.name_of(dir);
    say(format_args!("{} trains in the background", dir.id()))?;
    say(format_args!("  fixmatch watch {name}   follows it"))?;
    say(format_args!("  fixmatch stop {name}    saves and stops it"))?;
    Ok(ExitCode::SUCCESS)
}

struct Foreground {
    reader: Reader,
    child: Child,
    began: Instant,
    steps: u64,
    rate: Rate,
    screen: Screen,
    /// Whether the worker reads its mailbox. It refuses what was put there before.
    at_work: bool,
    /// What the worker said last, if that was an end.
    end: Option<End>,
    interrupted: bool,
}

impl Foreground {
    fn launch(dir: &RunDir, steps: u64) -> Result<Self> {
        let mut reader = Reader::new(dir.clone());
        reader.read()?;
        let child = launch(dir)?;
        Ok(Self {
            reader,
            child,
            began: Instant::now(),
            steps,
            rate: Rate::default(),
            screen: Screen::new(),
            at_work: false,
            end: None,
            interrupted: false,
        })
    }

    /// Reads and shows what is new. Returns how the worker ended, once it has.
    fn look(&mut self) -> Result<Option<End>> {
        // Asked before the log is read, so that the last words are read too.
        let exited = self.child.try_wait().context("cannot tell whether the worker lives")?;
        for record in self.reader.read()? {
            self.screen.event(&record.event);
            self.end = end_of(&record.event).or(self.end.take());
            match &record.event {
                Event::Paused { .. } | Event::Continued { .. } => self.rate.clear(),
                Event::Launched { .. } => self.begin()?,
                _ => {}
            }
        }
        if let Some(status) = exited {
            return Ok(Some(self.end.take().unwrap_or(End::Died(status))));
        }
        self.show();
        Ok(None)
    }

    /// Takes note that the worker is there, and passes on an early Ctrl-C.
    fn begin(&mut self) -> Result<()> {
        self.at_work = true;
        if self.interrupted {
            control::post(&self.reader.dir.control(), Request::Stop)?;
        }
        Ok(())
    }

    fn show(&mut self) {
        let state = &self.reader.state;
        let (step, phase) = live_step(&self.reader.dir, state.step);
        let (now, steps) = (Instant::now(), state.steps().unwrap_or(self.steps));
        if phase.is_some() {
            self.rate.observe(now, step);
        }
        let remaining = self.rate.remaining(now, steps);
        self.screen.show(now, &Glimpse { state, step, steps, phase, remaining });
    }

    fn stop(&mut self) -> Result<()> {
        self.interrupted = true;
        if self.at_work {
            control::post(&self.reader.dir.control(), Request::Stop)?;
        }
        self.screen.say("asked the worker to save and stop; Ctrl-C again leaves it to do so by itself");
        Ok(())
    }

    fn report(self, end: End) -> Report {
        self.screen.close();
        let Reader { dir, state, .. } = self.reader;
        Report { dir, end, interrupted: self.interrupted, state, wall: self.began.elapsed() }
    }
}

impl Report {
    /// Says how it ended, unless it finished, and how to go on. Returns the exit code.
    pub fn conclude(&self, runs: &Runs) -> Result<ExitCode> {
        let (step, name) = (self.state.step, runs.name_of(&self.dir));
        let stopped = if self.interrupted { INTERRUPTED } else { STOPPED };
        match &self.end {
            End::Finished => return Ok(ExitCode::SUCCESS),
            End::Stopped => note(format_args!("stopped at step {step}; go on with `fixmatch resume {name}`")),
            End::Suspended => note(format_args!("suspended at step {step}; go on with `fixmatch resume {name}`")),
            End::Left => note(format_args!("the worker saves and stops by itself; `fixmatch wait {name}` tells when")),
            End::Failed(reason) => bail!("the run failed at step {step}: {reason}"),
            End::Died(status) => bail!("{}", died(&self.dir, *status)),
        }
        Ok(stopped.into())
    }
}

/// Why a run failed, where the event says it did.
fn failure(event: &Event) -> Option<String> {
    match end_of(event) {
        Some(End::Failed(reason)) => Some(reason),
        _ => None,
    }
}

fn end_of(event: &Event) -> Option<End> {
    match event {
        Event::Finished { .. } => Some(End::Finished),
        Event::Stopped { .. } => Some(End::Stopped),
        Event::Suspended { .. } => Some(End::Suspended),
        Event::Failed { reason, .. } => Some(End::Failed(reason.clone())),
        _ => None,
    }
}

fn died(dir: &RunDir, status: ExitStatus) -> String {
    format!("the worker ended without a word in the event log ({status})\n{}", last_output(dir))
}

/// The end of the worker's output and where it is.
pub fn last_output(dir: &RunDir) -> String {
    let path = dir.worker_log();
    match log_tail(&path).trim_end() {
        "" => format!("it printed nothing either ({})", path.display()),
        tail => format!("its last output, in {}:\n{tail}", path.display()),
    }
}
