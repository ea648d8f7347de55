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
use crate::run::mailbox::{self, Content};
use crate::run::state::{RunState, Status, status_of};
use crate::run::survey::Row;
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
fn next(slots: &[Slot], stands: &[Stand], changed: &[Found], is_passed_over: impl Fn(usize) -> bool) -> Option<Start> {
    let mut free = slots.to_vec();
    for found in at_work(stands).chain(changed) {
        if let Some(place) = free.iter().position(|slot| is_on(found.device, *slot)) {
            free.swap_remove(place);
        }
    }
    stands.iter().enumerate().filter(|(run, _)| !is_passed_over(*run)).find_map(|(run, stand)| {
        let slot = match stand {
            Stand::Waiting => slots.iter().find(|slot| free.contains(slot)),
            Stand::Interrupted(found) => slots.iter().find(|slot| free.contains(slot) && is_on(found.device, **slot)),
            _ => None,
        };
        slot.map(|slot| Start { run, slot: *slot })
    })
}

/// How many bytes of a run's log, in whole lines, say that it is to go on and has no worker; None where they do not. A
/// worker that finds more ends at once.
fn still_waits(found: &Found, retry_after: f64) -> Result<Option<u64>> {
    let dir = &found.row.dir;
    let mut log = Follower::new(dir.events());
    let (state, _) = RunState::fold(&mut log)?;
    let row = Row { status: status_of(dir, state.last_state.as_ref()), ..found.row.clone() };
    let stand = Stand::of(Some(Found { row, device: found.device }), retry_after);
    Ok(matches!(stand, Stand::Interrupted(_)).then(|| log.n_bytes()))
}

/// The runs that a worker trains.
fn at_work(stands: &[Stand]) -> impl Iterator<Item = &Found> {
    stands.iter().filter_map(|stand| match stand {
        Stand::Alive(found) => Some(found),
        _ => None,
    })
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
    /// How often each run's worker was started without a step further, and the steps done then, since the last retry.
    tries: HashMap<String, (u32, u64)>,
    retry_after: f64,
    pause: Duration,
}

/// Works on a suite until nothing is left to do. Returns at once, with an error, if another queue does.
pub fn work(folder: &Folder) -> Result<()> {
    let _lock = folder.lock()?;
    let standing = Standing::new(&folder.runs());
    let mut queue = Queue {
        folder: folder.clone(),
        standing,
        workers: Vec::new(),
        tries: HashMap::new(),
        retry_after: 0.0,
        pause: POLL,
    };
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

/// Suspends all runs of a suite that train, those that were changed meanwhile too. Returns how many are still alive.
pub fn suspend(stands: &[Stand], changed: &[Found]) -> Result<usize> {
    let mut n_alive = 0;
    for found in at_work(stands).chain(changed) {
        n_alive += 1;
        let control = found.row.dir.control();
        if !is_asked(&control) {
            mailbox::post(&control, Request::Suspend)?;
        }
    }
    Ok(n_alive)
}

/// Whether a request to end waits in a run's mailbox: one is enough.
fn is_asked(control: &std::path::Path) -> bool {
    mailbox::collect(control, |_| false).is_ok_and(|waiting| {
        waiting.iter().any(|mail| match &mail.content {
            Content::Letter(letter) => matches!(letter.request, Request::Suspend | Request::Stop),
            Content::Nonsense(_) | Content::Foreign(_) => false,
        })
    })
}

impl Queue {
    /// Looks once, and starts what can be started. Says whether nothing is left to do.
    fn look(&mut self, order: &Order) -> Result<bool> {
        let found = self.standing.look(&order.grid)?;
        let stands: Vec<Stand> = found.into_iter().map(|it| self.stand(it, order.retry_after)).collect();
        let changed = self.standing.changed(&order.suite);
        let n_alive = at_work(&stands).chain(&changed).count();
        match order.wanted {
            Wanted::Stop => return Ok(suspend(&stands, &changed)? == 0),
            Wanted::Hold => return Ok(n_alive == 0),
            Wanted::Train => {}
        }
        if self.retry_after < order.retry_after {
            (self.tries, self.retry_after) = (HashMap::new(), order.retry_after);
        }
        let runs = &order.grid.runs;
        let mut is_passed_over: Vec<bool> =
            runs.iter().zip(&stands).map(|(run, stand)| self.is_given_up(run, stand)).collect();
        let mut unread = None;
        while let Some(Start { run, slot }) = next(&order.slots, &stands, &changed, |run| is_passed_over[run]) {
            let found = stands[run].found();
            match found.map(|found| still_waits(found, order.retry_after)).transpose() {
                Ok(Some(None)) => return Ok(false), // its worker has written its last events since the look at the log
                Ok(n_seen) => {
                    self.start(order, &runs[run], found, n_seen.flatten(), slot)?;
                    self.pause = POLL;
                    return Ok(false);
                }
                // the others need not wait for it
                Err(error) => (is_passed_over[run], unread) = (true, unread.or(Some(error))),
            }
        }
        if let Some(error) = unread {
            return Err(error);
        }
        let is_left = |(run, stand): (usize, &Stand)| {
            matches!(stand, Stand::Waiting | Stand::Interrupted(_)) && !is_passed_over[run]
        };
        self.pause = POLL;
        Ok(n_alive == 0 && !stands.iter().enumerate().any(is_left))
    }

    /// Whether a run's worker vanished too often without taking a step further.
    fn is_given_up(&self, run: &Planned, stand: &Stand) -> bool {
        let step = stand.found().map_or(0, |found| found.row.summary.step);
        self.tries.get(&run.identity).is_some_and(|(n, at)| *n >= MAX_LOST && *at >= step)
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

    fn start(
        &mut self,
        order: &Order,
        run: &Planned,
        found: Option<&Found>,
        n_seen: Option<u64>,
        slot: Slot,
    ) -> Result<()> {
        let (dir, step) = match found {
            Some(found) => (found.row.dir.clone(), found.row.summary.step),
            None => (run.make(&self.folder.runs(), &order.suite, slot)?, 0),
        };
        let worker = launch(&dir, n_seen)?; // no try, where it cannot even be started: on a full disk that may pass
        let tries = self.tries.entry(run.identity.clone()).or_insert((0, step));
        *tries = if tries.1 < step { (1, step) } else { (tries.0 + 1, step) };
        let (n, _) = *tries;
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::RunConfig;
    use crate::run::event::Event;
    use crate::run::file::RunFile;
    use crate::run::log::EventLog;

    /// A run of a suite with these events, and what lists say of it.
    fn run(runs: &std::path::Path, name: &str, device: Device, events: &[Event]) -> Found {
        let mut file = RunFile::new("quickstart".into(), vec![], RunConfig::default());
        file.provenance.suite = Some("s".into());
        file.config.machine.device = device;
        let dir = RunDir::create(runs, name, &file).expect("made");
        let mut log = EventLog::open(&dir.events()).expect("opens");
        for event in events {
            log.append(event.clone()).expect("appended");
        }
        Found { row: Row::of(&dir), device }
    }

    #[test]
    fn a_run_that_was_changed_while_it_trains_keeps_its_slot() {
        let runs = tempfile::tempdir().expect("a folder");
        let changed = run(runs.path(), "changed", Device::Cuda(0), &[]);
        let slots = [0, 1].map(|gpu| Slot { device: Device::Cuda(gpu), threads: 0 });
        let started = |changed: &[Found]| next(&slots, &[Stand::Waiting], changed, |_| false).map(|it| it.slot.device);
        assert_eq!(started(&[]), Some(Device::Cuda(0)));
        assert_eq!(started(&[changed]), Some(Device::Cuda(1)));
    }

    #[test]
    fn a_run_that_was_stopped_or_failed_since_the_last_look_waits_for_a_retry() {
        let runs = tempfile::tempdir().expect("a folder");
        let failed = Event::Failed { step: 1, reason: "r".into(), kind: crate::run::event::FailureKind::Unknown };
        let cases = [
            (Event::Suspended { step: 1 }, true, true),
            (Event::Stopped { step: 1 }, false, true),
            (failed, false, true),
            (Event::Finished { step: 1 }, false, false),
        ];
        for (i, (event, waits, waits_after_retry)) in cases.into_iter().enumerate() {
            let found = run(runs.path(), &i.to_string(), Device::Cpu, std::slice::from_ref(&event));
            let length = found.row.dir.events().metadata().expect("there").len();
            for (retry_after, expected) in [(0.0, waits), (f64::INFINITY, waits_after_retry)] {
                let seen = still_waits(&found, retry_after).expect("read");
                assert_eq!(seen, expected.then_some(length), "{event:?}, retried at {retry_after}");
            }
        }
    }

    #[test]
    fn what_is_no_request_to_end_keeps_nobody_from_asking_for_one() {
        let runs = tempfile::tempdir().expect("a folder");
        let found = run(runs.path(), "a", Device::Cpu, &[]);
        let control = found.row.dir.control();
        for name in [".tmp1234", ".nfs0001", "notes.txt", "foreign.json"] {
            std::fs::write(control.join(name), "x").expect("written");
        }
        mailbox::post(&control, Request::Checkpoint).expect("posted");
        let n_letters = || mailbox::names(&control).expect("read").len();
        let n_before = n_letters();
        let stands = [Stand::Alive(found)];
        for _ in 0..2 {
            assert_eq!(suspend(&stands, &[]).expect("asked"), 1);
            assert_eq!(n_letters(), n_before + 1, "one request is enough");
        }
    }
}
