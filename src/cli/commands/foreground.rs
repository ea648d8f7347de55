//! Starting a worker and staying with it: shows how it goes until it ends or the user leaves.
//!
//! The worker does not depend on this program. Ctrl-C asks it to save and stop, and a second one leaves it alone; SIGTERM
//! asks it to save and suspend, and this program waits until it has: what stops a container kills everything in it once
//! this program ends. A hang-up of the terminal ends this program at once, and the run goes on. All that holds also while
//! the console shows the run: it is closed first.

use std::process::{ExitCode, ExitStatus};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail, ensure};
use fixmatch::machine::gpu;
use fixmatch::run::dir::RunDir;
use fixmatch::run::event::Event;
use fixmatch::run::heartbeat::Phase;
use fixmatch::run::launch::{OVERTAKEN, Worker, launch, log_tail};
use fixmatch::run::mailbox;
use fixmatch::run::state::{RunState, live_step};
use rustix::process::{Pid, kill_process};

use super::screen::{Glimpse, Screen};
use super::{Reader, Runs, STOPPED, note, say};
use crate::console::{self, Beside};
use crate::signals::{Ask, Asks, is_first_process, takes_all_along};
use fixmatch::run::rate::Rate;

/// How often the run is looked at.
const TICK: Duration = Duration::from_millis(200);

/// How long a detached start is waited for.
const DETACHED_WAIT: Duration = Duration::from_secs(10);

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
    /// It ended without a word in the log; perhaps it told the reason to its launcher.
    Died(ExitStatus, Option<String>),
    /// Another worker took the run up before it.
    Overtaken,
    /// The user left while it trains.
    Left,
}

/// What a foreground run leaves to say.
pub struct Report {
    /// How it ended.
    pub end: End,
    /// Whether it was asked to end from here.
    pub asked: Option<Ask>,
    reader: Reader,
    /// From the start of this worker to its end.
    pub wall: Duration,
}

/// Starts a worker on the run and shows how it goes until it ends: in the console until that is left, if it is to be, then
/// in lines.
///
/// Warnings that were told before, word by word, are not told again.
pub fn follow(dir: &RunDir, steps: u64, told_before: Vec<String>, console: Option<console::Options>) -> Result<Report> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
    let runtime = runtime.context("cannot set up signals and timers")?;
    let mut asks = {
        let _context = runtime.enter();
        Asks::new()?
    };
    warn_of_idle_gpu(dir)?;
    let mut foreground = Foreground::launch(dir, steps, told_before)?;
    runtime.block_on(async {
        let mut open = console.map(Beside::open).transpose()?;
        let mut tick = tokio::time::interval(TICK);
        let end = loop {
            tokio::select! {
                outcome = left(&mut open) => {
                    open = None;
                    outcome?;
                }
                _ = tick.tick(), if open.is_none() => if let Some(end) = foreground.look()? { break end },
                ask = asks.next() => {
                    if let Some(open) = open.take() {
                        open.close().await?;
                    }
                    if foreground.is_left_by(ask) {
                        break End::Left;
                    }
                    foreground.ask(ask);
                }
            }
        };
        Ok(foreground.report(end))
    })
}

/// Starts a worker on the run and returns once it is at work.
pub fn detach(dir: &RunDir, runs: &Runs) -> Result<ExitCode> {
    ensure!(
        !is_first_process(),
        "--detach is of no use in the first process of a container: when that ends, the worker is killed; leave it out"
    );
    warn_of_idle_gpu(dir)?;
    let mut reader = Reader::new(dir.clone());
    reader.read()?;
    let mut worker = launch(dir, Some(reader.follower.n_bytes()))?;
    let deadline = Instant::now() + DETACHED_WAIT;
    let mut is_at_work = false;
    while !is_at_work && Instant::now() < deadline {
        let exited = worker.try_wait().context("cannot tell whether the worker lives")?;
        let events = reader.read()?;
        is_at_work = events.iter().any(|record| is_launch_of(&record.event, &worker));
        if is_at_work && let Some(failed) = events.iter().find_map(|record| failure(&record.event)) {
            bail!("the worker failed: {failed}");
        }
        match exited {
            Some(status) if is_overtaken(status) => bail!("{}", overtaken(&reader, runs)),
            Some(status) if !is_at_work => bail!("{}", died(dir, status, worker.last_words())),
            Some(_) | None => {}
        }
        std::thread::sleep(Duration::from_millis(20));
    }
    let name = runs.name_of(dir);
    let trains = if is_at_work { "trains" } else { "is starting" };
    say(format_args!("{} {trains} in the background", dir.id()))?;
    say(format_args!("  fixmatch watch {name}   follows it"))?;
    say(format_args!("  fixmatch stop {name}    saves and stops it"))?;
    Ok(ExitCode::SUCCESS)
}

/// Before there is anything to wait for.
fn warn_of_idle_gpu(dir: &RunDir) -> Result<()> {
    if let Some(warning) = gpu::warning_before(dir.read_run()?.config.machine.device) {
        note(format_args!("warning: {warning}"));
    }
    Ok(())
}

/// Waits until the console was left; for ever where there is none.
async fn left(open: &mut Option<Beside>) -> Result<()> {
    match open {
        Some(open) => open.left().await,
        None => std::future::pending().await,
    }
}

struct Foreground {
    reader: Reader,
    worker: Worker,
    began: Instant,
    steps: u64,
    rate: Rate,
    screen: Screen,
    /// Whether the worker reads its mailbox. It refuses what was put there before.
    at_work: bool,
    /// What the worker said last, if that was an end.
    end: Option<End>,
    /// What was asked of it from here.
    asked: Option<Ask>,
    /// Whether it was told that it saves.
    told_saving: bool,
    /// Warnings that need not be told again.
    told_before: Vec<String>,
}

impl Foreground {
    fn launch(dir: &RunDir, steps: u64, told_before: Vec<String>) -> Result<Self> {
        let mut reader = Reader::new(dir.clone());
        reader.read()?;
        let worker = launch(dir, Some(reader.follower.n_bytes()))?;
        Ok(Self {
            reader,
            worker,
            began: Instant::now(),
            steps,
            rate: Rate::default(),
            screen: Screen::new(),
            at_work: false,
            end: None,
            asked: None,
            told_saving: false,
            told_before,
        })
    }

    /// Reads and shows what is new. Returns how the worker ended, once it has.
    fn look(&mut self) -> Result<Option<End>> {
        // Asked before the log is read, so that the last words are read too.
        let exited = self.worker.try_wait().context("cannot tell whether the worker lives")?;
        for record in self.reader.read()? {
            if is_launch_of(&record.event, &self.worker) {
                self.begin();
            }
            if !self.at_work {
                continue; // another worker's
            }
            let is_told = |message: &String| self.told_before.contains(message);
            if !matches!(&record.event, Event::Warning { message, .. } if is_told(message)) {
                self.screen.event(&record.event);
            }
            self.end = end_of(&record.event).or(self.end.take());
            if matches!(record.event, Event::Paused { .. } | Event::Continued { .. }) {
                self.rate.clear();
            }
        }
        if let Some(status) = exited {
            return Ok(Some(self.end_by(status)));
        }
        self.show();
        Ok(None)
    }

    fn end_by(&mut self, status: ExitStatus) -> End {
        match self.end.take() {
            _ if is_overtaken(status) => End::Overtaken,
            Some(end) => end,
            None => End::Died(status, self.worker.last_words()),
        }
    }

    /// Takes note that the worker is there, and passes on what was asked of it before.
    fn begin(&mut self) {
        self.at_work = true;
        if let Some(ask) = self.asked {
            self.pass_on(ask);
        }
    }

    fn show(&mut self) {
        let state = &self.reader.state;
        let (step, phase) = live_step(&self.reader.dir, state.step);
        let (now, steps) = (Instant::now(), state.steps().unwrap_or(self.steps));
        if phase.is_some() {
            self.rate.observe(now, step);
        }
        if self.asked.is_some() && phase == Some(Phase::Saving) && !self.told_saving {
            self.told_saving = true;
            self.screen.say(&format!("saving step {step}…"));
        }
        let remaining = self.rate.remaining(now, steps);
        self.screen.show(now, &Glimpse { state, step, steps, phase, remaining });
    }

    /// Whether this is the second Ctrl-C, where the worker can be left to itself.
    fn is_left_by(&self, ask: Ask) -> bool {
        ask == Ask::Interrupt && self.asked == Some(ask) && !takes_all_along()
    }

    fn ask(&mut self, ask: Ask) {
        self.asked = Some(ask);
        self.screen.say(ask.told());
        if self.at_work {
            self.pass_on(ask);
        }
    }

    /// By the mailbox, which says who asks; where that takes nothing, by a signal.
    fn pass_on(&self, ask: Ask) {
        let posted = mailbox::post(&self.reader.dir.control(), ask.request());
        let worker = Pid::from_raw(self.worker.id() as i32).filter(|_| posted.is_err());
        if let Some(worker) = worker {
            let _ = kill_process(worker, ask.signal()); // it may have ended
        }
    }

    fn report(self, end: End) -> Report {
        self.screen.close();
        Report { end, asked: self.asked, reader: self.reader, wall: self.began.elapsed() }
    }
}

impl Report {
    /// Says how it ended, unless it finished, and how to go on. Returns the exit code.
    pub fn conclude(&self, runs: &Runs) -> Result<ExitCode> {
        let (step, dir) = (self.state().step, &self.reader.dir);
        let name = runs.name_of(dir);
        match &self.end {
            End::Finished => return Ok(ExitCode::SUCCESS),
            End::Stopped => note(format_args!("stopped at step {step}; go on with `fixmatch resume {name}`")),
            End::Suspended => note(format_args!("suspended at step {step}; go on with `fixmatch resume {name}`")),
            End::Left => note(format_args!("the worker saves and stops by itself; `fixmatch wait {name}` tells when")),
            End::Failed(reason) => {
                let way_out = self.state().way_out(dir, &name).map_or_else(String::new, |it| format!("\n{it}"));
                bail!("the run failed at step {step}: {reason}{way_out}")
            }
            End::Died(status, words) => bail!("{}", died(dir, *status, words.clone())),
            End::Overtaken => bail!("{}", overtaken(&self.reader, runs)),
        }
        Ok(self.asked.map_or(STOPPED.into(), Ask::code))
    }

    /// All that is known of the run.
    pub fn state(&self) -> &RunState {
        &self.reader.state
    }
}

fn is_launch_of(event: &Event, worker: &Worker) -> bool {
    matches!(event, Event::Launched { pid, .. } if *pid == worker.id())
}

fn is_overtaken(status: ExitStatus) -> bool {
    status.code() == Some(i32::from(OVERTAKEN))
}

/// What to say where another worker came first.
fn overtaken(reader: &Reader, runs: &Runs) -> String {
    let (id, name) = (reader.dir.id(), runs.name_of(&reader.dir));
    let status = reader.state.status(&reader.dir);
    if !status.is_alive() {
        let (label, step) = (status.label(), reader.state.step);
        return format!("another resume was faster: {id} was taken up meanwhile, and is {label} at step {step} now");
    }
    let beat = reader.dir.heartbeat();
    let who = beat.map_or_else(String::new, |(beat, _)| format!(" by process {} on {}", beat.pid, beat.host));
    format!("another resume was faster: {id} is being trained{who}; `fixmatch watch {name}` follows it")
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

fn died(dir: &RunDir, status: ExitStatus, words: Option<String>) -> String {
    match words {
        Some(words) => format!("the worker ended: {words}\nsee {}", dir.worker_log().display()),
        None => format!("the worker ended without a word in the event log ({status})\n{}", last_output(dir)),
    }
}

/// The end of the worker's output and where it is.
pub fn last_output(dir: &RunDir) -> String {
    let path = dir.worker_log();
    match log_tail(&path).trim_end() {
        "" => format!("it printed nothing either ({})", path.display()),
        tail => format!("its last output, in {}:\n{tail}", path.display()),
    }
}
