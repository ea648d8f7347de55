//! The queue: a process of its own that keeps the slots busy until nothing is left.
//!
//! What it knows it reads: the order, and the run directories. A queue that takes over from a killed one finds the
//! workers that are alive on their slots, and goes on.

use std::collections::HashMap;
use std::fs::OpenOptions;
use std::process::{Child, Command, Stdio};
use std::thread::{sleep, spawn};
use std::time::Duration;

use anyhow::{Context, Result, bail};

use crate::base::{detached, files, output};
use crate::config::Device;
use crate::run::change::Request;
use crate::run::dir::RunDir;
use crate::run::launch::{Worker, launch};
use crate::run::log::Follower;
use crate::run::mailbox;
use crate::run::state::{RunState, Status, status_of};
use crate::suite::grid::Planned;
use crate::suite::order::{Folder, Order, Wanted};
use crate::suite::slots::Slot;
use crate::suite::standing::{Found, Standing};

/// How often it looks.
const POLL: Duration = Duration::from_millis(300);

/// The longest pause after something failed that may pass, such as a full disk.
const LONGEST_PAUSE: Duration = Duration::from_mins(1);

/// A run whose worker vanished so often without taking a step further is left alone.
const MAX_LOST: u32 = 3;

/// How a planned run stands, as the queue sees it.
#[derive(Clone, Debug, PartialEq)]
pub enum Stand {
    /// There is no run directory yet.
    Waiting,
    /// A worker is at work.
    Alive(Found),
    /// It was interrupted, and goes on when there is a slot.
    Interrupted(Found),
    /// All steps are done.
    Finished(Found),
    /// Stopped by somebody: it stays as it is until a retry.
    Stopped(Found),
    /// It failed, and stays so until a retry.
    Failed(Found),
}

impl Stand {
    /// How a planned run stands, given its directory.
    pub fn of(found: Option<Found>, retry_after: f64) -> Self {
        let Some(found) = found else { return Self::Waiting };
        match found.row.status {
            Status::Finished => Self::Finished(found),
            status if status.is_alive() => Self::Alive(found),
            Status::Suspended | Status::Lost => Self::Interrupted(found),
            _ if found.written() < retry_after => Self::Interrupted(found),
            Status::Stopped => Self::Stopped(found),
            _ => Self::Failed(found),
        }
    }

    /// The run directory, if there is one.
    pub fn found(&self) -> Option<&Found> {
        match self {
            Self::Waiting => None,
            Self::Alive(found)
            | Self::Interrupted(found)
            | Self::Finished(found)
            | Self::Stopped(found)
            | Self::Failed(found) => Some(found),
        }
    }
}

/// What is to be started next: the place of the planned run, and the slot.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Start {
    run: usize,
    slot: Slot,
}

/// The first run that can be started, if a slot is free for it. A run goes on where it began; others take any slot.
fn next(slots: &[Slot], stands: &[Stand], is_given_up: impl Fn(usize) -> bool) -> Option<Start> {
    let mut free = slots.to_vec();
    for stand in stands {
        if let Stand::Alive(found) = stand
            && let Some(place) = free.iter().position(|slot| is_on(found.device, *slot))
        {
            free.swap_remove(place);
        }
    }
    stands.iter().enumerate().filter(|(run, _)| !is_given_up(*run)).find_map(|(run, stand)| {
        let slot = match stand {
            Stand::Waiting => slots.iter().find(|slot| free.contains(slot)),
            Stand::Interrupted(found) => slots.iter().find(|slot| free.contains(slot) && is_on(found.device, **slot)),
            _ => None,
        };
        slot.map(|slot| Start { run, slot: *slot })
    })
}

/// How many bytes of a run's log, in whole lines, say that it is neither finished nor trained by a worker; None where they
/// do not. A worker that finds more ends at once.
fn still_waits(dir: &RunDir) -> Result<Option<u64>> {
    let (mut follower, mut state) = (Follower::new(dir.events()), RunState::default());
    for record in &follower.read_new()? {
        state.apply(record);
    }
    let status = status_of(dir, state.last_state.as_ref());
    Ok((status != Status::Finished && !status.is_alive()).then(|| follower.n_bytes()))
}

/// Whether a run of this device takes this slot: one that takes what there is takes any.
fn is_on(device: Device, slot: Slot) -> bool {
    device == Device::Auto || device == slot.device
}

/// Starts a queue in a session of its own, which outlives this process.
///
/// # Errors
/// Also if Slurm trains the suite.
pub fn start(folder: &Folder) -> Result<()> {
    let slurms = folder.read()?.and_then(|order| order.slurm);
    if let Some(profile) = slurms {
        let name = folder.name();
        bail!("Slurm trains {name}: `fixmatch suite run {name} --slurm {profile}` submits what is left");
    }
    let program = std::env::current_exe().context("cannot tell where this program is")?;
    let log = files::open_as(&folder.log(), OpenOptions::new().append(true).create(true).read(true));
    let log = log.with_context(|| format!("cannot open {}", folder.log().display()))?;
    let mut command = Command::new(&program);
    command.args(["suite", "work"]).arg(folder.path());
    let mut command = detached::of(command)?;
    command.stdin(Stdio::null()).stdout(log.try_clone()?).stderr(log);
    let mut child = command.spawn().with_context(|| format!("cannot start {}", program.display()))?;
    for _ in 0..100 {
        if folder.is_locked() {
            reap(child);
            return Ok(());
        }
        if let Some(status) = child.try_wait()? {
            if status.success() {
                return Ok(()); // nothing was left to do
            }
            bail!("the queue ended at once, {status}; {} says why", folder.log().display());
        }
        sleep(Duration::from_millis(50));
    }
    reap(child);
    Ok(())
}

/// Waits for the queue's end while this process lasts, so that nothing is left of it but its log.
fn reap(mut queue: Child) {
    spawn(move || queue.wait());
}

/// A queue at work.
struct Queue {
    folder: Folder,
    standing: Standing,
    workers: Vec<(RunDir, Worker)>,
    /// How often each run's worker was started without a step further, and the steps done then.
    tries: HashMap<String, (u32, u64)>,
    pause: Duration,
}

/// Works on a suite until nothing is left to do. Returns at once, with an error, if another queue does.
pub fn work(folder: &Folder) -> Result<()> {
    let _lock = folder.lock()?;
    let standing = Standing::new(&folder.runs());
    let mut queue = Queue { folder: folder.clone(), standing, workers: Vec::new(), tries: HashMap::new(), pause: POLL };
    let (mut order, mut written) = (None, None);
    say(&format!("the queue begins as process {}", std::process::id()));
    loop {
        let now = folder.written();
        if order.is_none() || now != written {
            (order, written) = (folder.read()?, now);
        }
        let Some(order) = &order else { bail!("there is no order in {}", folder.path().display()) };
        if order.slurm.is_some() {
            say("Slurm trains the suite from now on");
            break;
        }
        match queue.look(order) {
            Ok(false) => {}
            Ok(true) => break,
            Err(error) => {
                say(&format!("{error:#}"));
                queue.pause = (queue.pause * 2).min(LONGEST_PAUSE);
            }
        }
        queue.reap();
        sleep(queue.pause);
    }
    queue.standing.save();
    say("the queue ends");
    Ok(())
}

/// Suspends all runs of a suite that train. Returns how many are still alive.
pub fn suspend(stands: &[Stand]) -> Result<usize> {
    let mut n_alive = 0;
    for stand in stands {
        if let Stand::Alive(found) = stand {
            n_alive += 1;
            let control = found.row.dir.control();
            if mailbox_is_empty(&control) {
                mailbox::post(&control, Request::Suspend)?;
            }
        }
    }
    Ok(n_alive)
}

/// Whether no request waits in a run's mailbox: one is enough.
fn mailbox_is_empty(control: &std::path::Path) -> bool {
    std::fs::read_dir(control).is_ok_and(|mut entries| entries.next().is_none())
}

impl Queue {
    /// Looks once, and starts what can be started. Says whether nothing is left to do.
    fn look(&mut self, order: &Order) -> Result<bool> {
        let found = self.standing.look(&order.grid)?;
        let stands: Vec<Stand> = found.into_iter().map(|it| self.stand(it, order.retry_after)).collect();
        let n_alive = stands.iter().filter(|stand| matches!(stand, Stand::Alive(_))).count();
        match order.wanted {
            Wanted::Stop => return Ok(suspend(&stands)? == 0),
            Wanted::Hold => return Ok(n_alive == 0),
            Wanted::Train => {}
        }
        let runs = &order.grid.runs;
        let is_given_up = |run: usize| {
            let tries = self.tries.get(&runs[run].identity);
            let step = stands[run].found().map_or(0, |found| found.row.summary.step);
            tries.is_some_and(|(n, at)| *n >= MAX_LOST && *at >= step)
        };
        let Some(Start { run, slot }) = next(&order.slots, &stands, is_given_up) else {
            let is_left = |(run, stand): (usize, &Stand)| {
                matches!(stand, Stand::Waiting | Stand::Interrupted(_)) && !is_given_up(run)
            };
            self.pause = POLL;
            return Ok(n_alive == 0 && !stands.iter().enumerate().any(is_left));
        };
        self.start(order, &runs[run], stands[run].found(), slot)?;
        self.pause = POLL;
        Ok(false)
    }

    /// How a run stands; one whose worker was just started may not say so yet.
    fn stand(&self, found: Option<Found>, retry_after: f64) -> Stand {
        match Stand::of(found, retry_after) {
            Stand::Interrupted(found) if self.workers.iter().any(|(dir, _)| *dir == found.row.dir) => {
                Stand::Alive(found)
            }
            stand => stand,
        }
    }

    fn start(&mut self, order: &Order, run: &Planned, found: Option<&Found>, slot: Slot) -> Result<()> {
        let (dir, step, n_seen) = match found {
            Some(found) => {
                let dir = found.row.dir.clone();
                // The worker may have written its last events between two looks, at the log and at the lock.
                let Some(n_seen) = still_waits(&dir)? else { return Ok(()) };
                (dir, found.row.summary.step, Some(n_seen))
            }
            None => (run.make(&self.folder.runs(), &order.suite, slot)?, 0, None),
        };
        let tries = self.tries.entry(run.identity.clone()).or_insert((0, step));
        *tries = if tries.1 < step { (1, step) } else { (tries.0 + 1, step) };
        let (n, _) = *tries;
        let worker = launch(&dir, n_seen)?;
        let how = if found.is_some() { "goes on" } else { "begins" };
        say(&format!("{} {how} on {slot}, try {n}", dir.id()));
        self.workers.push((dir, worker));
        Ok(())
    }

    /// Takes leave of workers that ended.
    fn reap(&mut self) {
        self.workers.retain_mut(|(dir, worker)| match worker.try_wait() {
            Ok(None) => true,
            Ok(Some(status)) => {
                let words = worker.last_words().map_or_else(String::new, |words| format!(": {words}"));
                say(&format!("{}: its worker ended, {status}{words}", dir.id()));
                false
            }
            Err(_) => false,
        });
    }
}

/// A line of the queue's log.
fn say(line: &str) {
    let moment = jiff::ZonedDateTime::now().strftime("%Y-%m-%d %H:%M:%S");
    output::note(format_args!("{moment} {line}"));
}
