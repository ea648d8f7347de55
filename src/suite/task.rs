//! One run in one job: what a job's script runs. It outlives no job, and the run goes on in the next one.
//!
//! Who puts a job back into the queue is told apart by one question to Slurm, once the run is saved: a job that goes on
//! by itself (its time is about to end, or another one waits for its place) is put back from here; one that Slurm is
//! ending already is left to Slurm. So it happens once.

use std::time::Duration;

use anyhow::{Context, Result, bail, ensure};
use tokio::signal::unix::{Signal, SignalKind, signal};

use crate::base::host::host;
use crate::base::output;
use crate::run::change::Request;
use crate::run::dir::RunDir;
use crate::run::event::{Event, Record};
use crate::run::jobs::{PREEMPTION, TIME_LIMIT};
use crate::run::launch::{OVERTAKEN, Worker, launch, worker_command};
use crate::run::log::{Follower, read_all};
use crate::run::mailbox;
use crate::run::state::{RunState, Status};
use crate::suite::batch::{Batch, Tasks};
use crate::suite::grid::{Grid, Planned};
use crate::suite::order::{Order, Wanted};
use crate::suite::slurm::inside::Inside;
use crate::suite::standing::Standing;

/// How often it looks.
const POLL: Duration = Duration::from_millis(100);

/// How long it waits before it asks Slurm again that did not answer.
const AGAIN: Duration = Duration::from_secs(2);

/// A worker that vanished so often without saving a step further, or a job that used up its time so, is left alone.
const MAX_LOST: u32 = 3;

/// Slurm may send the signal so much earlier than asked for.
const EARLY: Duration = Duration::from_mins(1);

/// Trains a task of a batch until it is done or Slurm wants it to end.
pub fn run(batch: &Batch, task: usize) -> Result<()> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
    let runtime = runtime.context("cannot set up signals and timers")?;
    runtime.block_on(async {
        let signals = Signals::new()?; // first: from here on, none is missed
        let mut job = Task { batch, tasks: batch.tasks()?, inside: Inside::new()?, signals, told: None };
        job.run(task).await
    })
}

/// What Slurm has told this job.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Told {
    /// The signal that was asked for: its time is about to end, or it has to make room.
    Soon,
    /// SIGTERM.
    Now,
}

/// The signals of Slurm.
struct Signals {
    user: Signal,
    terminate: Signal,
}

impl Signals {
    fn new() -> Result<Self> {
        let on = |kind| signal(kind).context("cannot listen for signals");
        Ok(Self { user: on(SignalKind::user_defined1())?, terminate: on(SignalKind::terminate())? })
    }

    async fn next(&mut self) -> Told {
        tokio::select! {
            _ = self.user.recv() => Told::Soon,
            _ = self.terminate.recv() => Told::Now,
        }
    }
}

struct Task<'a> {
    batch: &'a Batch,
    tasks: Tasks,
    inside: Inside,
    signals: Signals,
    told: Option<Told>,
}

impl Task<'_> {
    async fn run(&mut self, task: usize) -> Result<()> {
        let planned = self.tasks.runs.get(task).cloned();
        let planned = planned.with_context(|| format!("{} has no task {task}", self.batch.path().display()))?;
        say(&format!("job {} begins on {}", self.inside.job(), host()));
        let order = self.order()?;
        if order.wanted != Wanted::Train {
            say("the suite is held: nothing is started");
            return Ok(());
        }
        let dir = match self.batch.run_of(task) {
            Some(dir) => dir,
            None => self.make(task, &order, planned)?,
        };
        self.check_libtorch(&dir)?;
        let mut tries = (0, saved_step(&dir)?);
        loop {
            let (state, n_seen) = read(&dir)?;
            match state.status(&dir) {
                Status::Finished => return Ok(()),
                status if status.is_alive() && dir.is_locked() => {
                    // The job before may still be saving, on another machine.
                    if self.pause().await {
                        return self.leave(&dir).await;
                    }
                    continue;
                }
                Status::Stopped | Status::Failed if written(&dir) >= order.retry_after => {
                    say(&format!("{} has ended: `fixmatch suite retry` tries it again", dir.id()));
                    return Ok(());
                }
                _ => {}
            }
            say(&format!("{} is trained from step {}", dir.id(), saved_step(&dir)?));
            let worker = launch(&dir, Some(n_seen))?;
            if let End::Ended = self.stay(&dir, worker).await? {
                return Ok(());
            }
            if self.told.is_some() {
                return self.leave(&dir).await;
            }
            let step = saved_step(&dir)?;
            tries = if step > tries.1 { (1, step) } else { (tries.0 + 1, step) };
            ensure!(
                tries.0 < MAX_LOST,
                "the worker vanished {MAX_LOST} times without saving a step: see {}",
                dir.worker_log().display()
            );
        }
    }

    fn order(&self) -> Result<Order> {
        let suite = self.batch.suite();
        suite.read()?.with_context(|| format!("there is no order in {}", suite.path().display()))
    }

    /// The directory of a run that has none in this batch: one with its configuration that is there, else a new one.
    fn make(&self, task: usize, order: &Order, planned: Planned) -> Result<RunDir> {
        let runs = self.batch.suite().runs();
        let grid = Grid { axes: vec![], seed_keys: vec![], cells: vec![], runs: vec![planned], of_file: String::new() };
        let found = Standing::new(&runs).look(&grid)?.pop().flatten();
        let dir = match found {
            Some(found) => found.row.dir,
            None => grid.runs[0].make(&runs, &order.suite, self.tasks.slot)?,
        };
        self.batch.bind(task, &dir)?;
        Ok(dir)
    }

    /// Refuses a machine whose worker has another libtorch than the run, or the suite, was begun with.
    fn check_libtorch(&self, dir: &RunDir) -> Result<()> {
        let asked = worker_command()?.arg("libtorch").output().context("cannot start the worker")?;
        let complaint = String::from_utf8_lossy(&asked.stderr).trim().to_owned();
        ensure!(asked.status.success(), "the worker does not start on {}: {complaint}", host());
        let here = String::from_utf8_lossy(&asked.stdout).trim().to_owned();
        let begun = dir.read_run()?.environment.map(|it| (it.libtorch, format!("{} began with", dir.id())));
        let (there, whose) = match begun {
            Some(begun) => begun,
            None => (self.batch.libtorch(&here)?, "the jobs of this suite began with".to_owned()),
        };
        ensure!(
            here == there,
            "the worker on {} has libtorch {here}, and {whose} {there}: the results would differ (a suite of which no \
             run has begun forgets its libtorch without {})",
            host(),
            self.batch.libtorch_file().display()
        );
        Ok(())
    }

    /// Waits a moment. Says whether Slurm has told this job to end.
    async fn pause(&mut self) -> bool {
        tokio::select! {
            told = self.signals.next() => self.told = Some(told),
            () = tokio::time::sleep(POLL) => {}
        }
        self.told.is_some()
    }

    /// Stays with a worker until it ends, and passes on what Slurm tells.
    async fn stay(&mut self, dir: &RunDir, mut worker: Worker) -> Result<End> {
        let mut log = Follower::new(dir.events());
        let (mut is_at_work, mut is_passed_on, mut end) = (false, false, None);
        loop {
            let ended = worker.try_wait().context("cannot tell whether the worker lives")?;
            for record in log.read_new()? {
                match record.event {
                    Event::Launched { pid, .. } if pid == worker.id() => is_at_work = true,
                    _ if !is_at_work => {}
                    Event::Finished { .. } => end = Some(End::Ended),
                    Event::Failed { reason, .. } => bail!("{} has failed: {reason}", dir.id()),
                    Event::Suspended { .. } | Event::Stopped { .. } => end = Some(self.end_of(dir)?),
                    _ => {}
                }
            }
            if let Some(status) = ended {
                if end.is_none() && status.code() != Some(i32::from(OVERTAKEN)) {
                    let words = worker.last_words().map_or_else(String::new, |words| format!(": {words}"));
                    say(&format!("its worker ended, {status}{words}"));
                }
                return Ok(end.unwrap_or(End::Vanished));
            }
            // A request that lies there before the worker does would be refused.
            if let Some(told) = self.told.filter(|_| is_at_work && !is_passed_on) {
                let who = self.who_asks(told)?;
                say(&format!("{who} asks {} to suspend", dir.id()));
                mailbox::post_as(&dir.control(), Request::Suspend, who)?;
                is_passed_on = true;
            }
            tokio::select! {
                told = self.signals.next() => self.told = self.told.or(Some(told)),
                () = tokio::time::sleep(POLL) => {}
            }
        }
    }

    /// A worker that has suspended its run: by what Slurm told it, or since a user asked for it.
    fn end_of(&mut self, dir: &RunDir) -> Result<End> {
        if RunState::read(dir)?.jobs.interruption().is_none() {
            return Ok(End::Ended);
        }
        self.told = self.told.or(Some(Told::Now)); // Slurm's SIGTERM reaches the worker too, and may do so first
        Ok(End::Vanished)
    }

    /// Who asks the run to suspend: a user who stops the suite, or Slurm, whose reasons are counted apart.
    fn who_asks(&self, told: Told) -> Result<String> {
        let order = self.order()?;
        if order.wanted == Wanted::Stop {
            return Ok(order.who);
        }
        let left = self.inside.look().ok().and_then(|seen| seen.left);
        let before = Duration::from_secs(self.tasks.signal_before.into()) + EARLY;
        let is_timeout = told == Told::Soon && left.is_some_and(|left| left <= before);
        Ok(if is_timeout { TIME_LIMIT } else { PREEMPTION }.to_owned())
    }

    /// Once the run is saved: has this job queued again, unless Slurm or a user has decided otherwise.
    async fn leave(&mut self, dir: &RunDir) -> Result<()> {
        loop {
            if self.order()?.wanted != Wanted::Train {
                say("the suite is held: the job ends");
                return Ok(());
            }
            let asked = self.inside.look().and_then(|seen| {
                if seen.goes_on {
                    ensure_progress(dir)?;
                    self.inside.requeue()?;
                    say("queued again");
                } else {
                    say("Slurm ends the job");
                }
                Ok(())
            });
            match asked {
                Ok(()) => return Ok(()),
                Err(error) if error.is::<Stuck>() => return Err(error),
                Err(error) => say(&format!("{error:#}")),
            }
            tokio::time::sleep(AGAIN).await; // until it answers, or the time is over
        }
    }
}

/// How a worker's time ended.
enum End {
    /// The run is done, or a user has suspended or stopped it.
    Ended,
    /// It is to go on, here or in the next job.
    Vanished,
}

/// A run that would be queued again for ever.
#[derive(Debug)]
struct Stuck(String);

impl std::fmt::Display for Stuck {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.0)
    }
}

/// Refuses to queue a run again whose last jobs all used up their time without saving a step.
fn ensure_progress(dir: &RunDir) -> Result<()> {
    let n = timeouts_in_vain(&read_all(&dir.events())?);
    if n >= MAX_LOST {
        let told = format!("{n} jobs in a row used up their time without saving a step: a longer `time` is needed");
        return Err(anyhow::Error::msg(Stuck(told)));
    }
    Ok(())
}

/// The jobs that used up their time since a step was saved that is further than all before.
fn timeouts_in_vain(records: &[Record]) -> u32 {
    let (mut n, mut furthest) = (0, 0);
    for record in records {
        match &record.event {
            Event::Accepted { request: Request::Suspend, who, .. } if who == TIME_LIMIT => n += 1,
            Event::Checkpointed { step, .. } | Event::Suspended { step } if *step > furthest => {
                (n, furthest) = (0, *step);
            }
            _ => {}
        }
    }
    n
}

/// The state of a run, and the bytes of its log that it follows from.
fn read(dir: &RunDir) -> Result<(RunState, u64)> {
    let mut log = Follower::new(dir.events());
    let (state, _) = RunState::fold(&mut log)?;
    Ok((state, log.n_bytes()))
}

fn saved_step(dir: &RunDir) -> Result<u64> {
    RunState::goes_on_at(dir)
}

/// When a run's log was written last, in seconds since 1970.
fn written(dir: &RunDir) -> f64 {
    let modified = dir.events().metadata().and_then(|meta| meta.modified()).ok();
    let since = modified.and_then(|it| it.duration_since(std::time::SystemTime::UNIX_EPOCH).ok());
    since.map_or(0.0, |it| it.as_secs_f64())
}

/// A line of the job's output.
fn say(line: &str) {
    let moment = jiff::ZonedDateTime::now().strftime("%Y-%m-%d %H:%M:%S");
    output::note(format_args!("{moment} {line}"));
}
