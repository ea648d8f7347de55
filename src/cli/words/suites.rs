//! How a suite stands, in words and as a table.

use std::time::Duration;

use fixmatch::base::text::shell_quoted;
use fixmatch::run::jobs::Interruption;
use fixmatch::suite::cluster::{Look, Member, Place};
use fixmatch::suite::grid::{Planned, bare};
use fixmatch::suite::order::Order;
use fixmatch::suite::outcome::{Outcome, outcomes};
use fixmatch::suite::queue::Stand;
use fixmatch::suite::slurm::profile::DEFAULT;
use fixmatch::suite::table::Table;
use serde::Serialize;

use super::numbers::{duration, plural, table};

/// The command that goes on with a suite.
pub fn run_command(order: &Order) -> String {
    let slurm = match order.slurm.as_deref() {
        None => String::new(),
        Some(DEFAULT) => " --slurm".into(),
        Some(profile) => format!(" --slurm {profile}"),
    };
    format!("fixmatch suite run {}{slurm}", shell_quoted(&order.suite))
}

/// What comes of a hold.
pub fn held(order: &Order) -> String {
    format!("{} starts no other run; `{}` goes on", order.suite, run_command(order))
}

/// What came of a stop.
pub fn stopped(order: &Order) -> String {
    format!("{} is stopped; `{}` goes on", order.suite, run_command(order))
}

/// Why there is nothing to retry.
pub fn nothing_to_retry(name: &str) -> String {
    format!("no run of {name} has failed or was stopped")
}

/// How many runs more seeds came to.
pub fn seeds_added(order: &Order, n: usize) -> String {
    format!("{} more of {}, {} in all", plural(n as u64, "run"), order.suite, order.grid.runs.len())
}

/// How many runs are started before all others.
pub fn at_the_front(suite: &str, n: usize) -> String {
    format!("{suite}: {} at the front, to be started before all others", plural(n as u64, "run"))
}

/// How a suite stands.
#[derive(Debug, Serialize)]
pub struct Standing {
    /// The suite's name.
    pub suite: String,
    /// One line for lists.
    pub title: String,
    /// Whether its queue is at work.
    pub queue: bool,
    /// Runs in all.
    pub runs: usize,
    /// Runs that have no directory yet or were interrupted.
    pub waiting: usize,
    /// Runs with a worker.
    pub running: usize,
    /// Runs that are done.
    pub finished: usize,
    /// Runs that somebody stopped.
    pub stopped: usize,
    /// Runs that failed.
    pub failed: usize,
    /// Seconds that the rest takes on its slots, by earlier runs of its kind; null where that is not known.
    pub left_s: Option<f64>,
    /// Cell by cell.
    pub cells: Vec<Cell>,
    /// The profile of Slurm by which it is trained; null for the queue of this machine.
    pub slurm: Option<String>,
    /// Why Slurm does not answer, if it does not: what stands here is then by the run directories alone.
    pub slurm_error: Option<String>,
    /// Where its runs are, if Slurm trains them.
    pub jobs: Vec<JobRow>,
}

/// Where a run is that Slurm trains.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct JobRow {
    /// What the planned run is called, with its seed.
    pub name: String,
    /// The run directory's name, once there is one.
    pub run: Option<String>,
    /// What Slurm calls its last job.
    pub job: Option<String>,
    /// Where it is, in a word or two.
    pub state: String,
    /// Why it waits, or what is known of why it is gone.
    pub reason: Option<String>,
    /// The machine that it trains on.
    pub host: Option<String>,
    /// Its GPU there.
    pub gpu: Option<String>,
    /// The steps done.
    pub step: u64,
    /// Steps to do.
    pub steps: u64,
    /// How often its time was used up before it was done.
    pub timeouts: u32,
    /// How often it was interrupted otherwise.
    pub preemptions: u32,
    /// Whether there is something to train and no job that will.
    #[serde(skip)]
    pub is_left: bool,
}

/// How a cell stands, or its baseline.
#[derive(Debug, Serialize)]
pub struct Cell {
    /// Its values, as `key=value`.
    pub values: Vec<String>,
    /// Whether it is of the runs on the labels alone.
    pub baseline: bool,
    /// Runs in all.
    pub runs: usize,
    /// Runs that are done.
    pub finished: usize,
    /// Their mean test accuracy with averaged weights, in [0, 1].
    pub mean: Option<f64>,
    /// The sample's standard deviation over the seeds; null for one.
    pub sd: Option<f64>,
    /// The accuracy of each.
    pub accuracies: Vec<f64>,
    #[serde(skip)]
    outcome: Outcome,
}

impl Standing {
    /// Of an order, given how its runs stand.
    pub fn of(order: &Order, stands: &[Stand], queue: bool, left: Option<Duration>) -> Self {
        let outcomes = outcomes(&order.grid, stands);
        let sum = |of: fn(&Outcome) -> usize| outcomes.iter().map(of).sum();
        Self {
            suite: order.suite.clone(),
            title: order.title.clone(),
            queue,
            runs: stands.len(),
            waiting: sum(|it| it.waiting),
            running: sum(|it| it.alive),
            finished: sum(|it| it.finished),
            stopped: sum(|it| it.stopped),
            failed: sum(|it| it.failed),
            left_s: left.map(|left| left.as_secs_f64()),
            cells: outcomes.iter().map(|outcome| Cell::of(order, outcome)).collect(),
            slurm: order.slurm.clone(),
            slurm_error: None,
            jobs: Vec::new(),
        }
    }

    /// The same, where Slurm trains it.
    pub fn of_cluster(order: &Order, look: &Look) -> Self {
        let is_at_work = look.members.iter().any(Member::is_at_work);
        let jobs = order.grid.runs.iter().zip(&look.members).map(|(run, member)| JobRow::of(run, member)).collect();
        let slurm_error = look.error.as_ref().map(|error| format!("{error:#}"));
        Self { slurm_error, jobs, ..Self::of(order, &look.stands(), is_at_work, None) }
    }

    /// Where the runs are that Slurm trains: those that wait for their first job counted by why, the others in a table.
    pub fn jobs_told(&self) -> String {
        let mut waiting: Vec<(&str, u64)> = Vec::new();
        let mut rows = Vec::new();
        for job in &self.jobs {
            match job.state.as_str() {
                QUEUED => {
                    let reason = job.reason.as_deref().unwrap_or_default();
                    match waiting.iter_mut().find(|(other, _)| *other == reason) {
                        Some((_, n)) => *n += 1,
                        None => waiting.push((reason, 1)),
                    }
                }
                FINISHED | WAITING => {}
                _ => rows.push(job.cells()),
            }
        }
        let mut parts: Vec<String> =
            waiting.iter().map(|(reason, n)| format!("{} queued ({reason})", plural(*n, "run"))).collect();
        if !rows.is_empty() {
            parts.push(table(&["RUN", "STATE", "STEP", "JOB", "TIMEOUTS", "PREEMPTIONS"], &rows));
        }
        parts.join("\n")
    }

    /// Whether there is something to train.
    pub fn is_left(&self) -> bool {
        self.waiting + self.running > 0
    }

    /// How many runs stand how.
    pub fn line(&self) -> String {
        let parts = [
            (self.finished, "finished"),
            (self.running, "training"),
            (self.waiting, "waiting"),
            (self.stopped, "stopped"),
            (self.failed, "failed"),
        ];
        let parts: Vec<_> = parts.iter().filter(|(n, _)| *n > 0).map(|(n, how)| format!("{n} {how}")).collect();
        format!("{}: {}", plural(self.runs as u64, "run"), parts.join(", "))
    }

    /// The title, how many runs stand how, and a table whose columns are the values of the last axis.
    pub fn told(&self, order: &Order) -> String {
        let left = self.left_s.filter(|_| self.is_left()).and_then(|left| Duration::try_from_secs_f64(left).ok());
        let left = left.map_or_else(String::new, |left| format!("; about {} left", duration(left)));
        let head = format!("{}: {}\n{}{left}", self.suite, self.title, self.line());
        if order.grid.axes.is_empty() {
            return format!("{head}\n{}", self.cells.iter().map(Cell::text).collect::<Vec<_>>().join("\n"));
        }
        let outcomes: Vec<_> = self.cells.iter().map(|cell| cell.outcome.clone()).collect();
        let Table { heads, axis, columns, rows } = Table::of(&order.grid, &outcomes);
        let columns = columns.iter().map(|value| format!("{axis}={value}"));
        let names: Vec<String> =
            heads.iter().map(|head| head.to_uppercase()).chain([String::new()]).chain(columns).collect();
        let cell = |place: Option<usize>| place.map_or_else(String::new, |place| self.cells[place].text());
        let cells: Vec<Vec<String>> = rows
            .into_iter()
            .map(|row| {
                let kind = if row.baseline { "labels only" } else { "" }.to_owned();
                row.values.into_iter().chain([kind]).chain(row.cells.into_iter().map(cell)).collect()
            })
            .collect();
        let names: Vec<&str> = names.iter().map(String::as_str).collect();
        format!(
            "{head}\n{}\n% of the test set, averaged weights, last evaluation; mean ± sd over finished seeds",
            table(&names, &cells)
        )
    }
}

/// It waits for its first job.
pub const QUEUED: &str = "queued";
/// It used up its time and waits for its next job.
pub const TIMED_OUT: &str = "timed out";
/// It was interrupted otherwise and waits for its next job.
pub const PREEMPTED: &str = "preempted";
/// Its job is about to end, or to be queued again.
pub const ENDING: &str = "ending";
/// It has neither a job nor an end.
pub const GONE: &str = "gone";
const FINISHED: &str = "finished";
/// It waits, and nothing says where.
pub const WAITING: &str = "waiting";

impl JobRow {
    /// Of a planned run.
    pub fn of(run: &Planned, member: &Member) -> Self {
        let found = member.stand.found();
        let by_directory = || found.map_or(WAITING, |found| found.row.status.label()).to_owned();
        let (state, reason, host, gpu) = match &member.place {
            Place::Directory => (by_directory(), found.and_then(|it| it.row.failure().map(str::to_owned)), None, None),
            Place::Queued(reason) => (QUEUED.into(), Some(reason.clone()), None, None),
            Place::QueuedAgain(why, reason) => {
                let why = match why {
                    Interruption::Timeout => TIMED_OUT,
                    Interruption::Preemption => PREEMPTED,
                };
                (why.to_owned(), Some(reason.clone()), None, None)
            }
            Place::Running(host, gpu) => (by_directory(), None, Some(host.clone()), gpu.clone()),
            Place::Starting(host) => ("starting".into(), None, Some(host.clone()), None),
            Place::Ending => (ENDING.into(), None, None, None),
            Place::Gone(reason) => (GONE.into(), Some(reason.clone()), None, None),
        };
        Self {
            name: format!("{}-s{}", run.name, run.seed),
            run: found.map(|found| found.row.dir.id()),
            job: member.job_id(),
            state,
            reason,
            host,
            gpu,
            step: found.map_or(0, |found| found.row.summary.step),
            steps: run.config.train.steps,
            timeouts: member.timeouts,
            preemptions: member.preemptions,
            is_left: member.is_left(),
        }
    }

    /// Whether Slurm has something to do with how it stands: it has a job, or should have one.
    pub fn is_in_slurm(&self) -> bool {
        self.host.is_some() || self.is_left || matches!(self.state.as_str(), QUEUED | ENDING | TIMED_OUT | PREEMPTED)
    }

    /// Where it is, in words.
    pub fn told(&self) -> String {
        let gpu = self.gpu.as_ref().map_or_else(String::new, |gpu| format!(", GPU {gpu}"));
        match (&self.host, &self.reason) {
            (Some(host), _) => format!("{} on {host}{gpu}", self.state),
            (None, Some(reason)) if self.state == QUEUED => format!("queued ({reason})"),
            (None, Some(reason)) if self.state == GONE => format!("gone: {reason}"),
            (None, Some(reason)) if self.state == "failed" => format!("failed: {reason}"),
            (None, Some(reason)) => format!("{}, queued again ({reason})", self.state),
            (None, None) => self.state.clone(),
        }
    }

    fn cells(&self) -> Vec<String> {
        vec![
            self.name.clone(),
            self.told(),
            format!("{}/{}", self.step, self.steps),
            self.job.clone().unwrap_or_default(),
            self.timeouts.to_string(),
            self.preemptions.to_string(),
        ]
    }
}

impl Cell {
    fn of(order: &Order, outcome: &Outcome) -> Self {
        let (mean, sd) = outcome.mean_and_sd().map_or((None, None), |(mean, sd)| (Some(mean), sd));
        let places = &order.grid.cells[outcome.cell];
        Self {
            values: order
                .grid
                .axes
                .iter()
                .zip(places)
                .map(|(axis, &place)| format!("{}={}", axis.key, bare(&axis.values[place])))
                .collect(),
            baseline: outcome.baseline,
            runs: outcome.n,
            finished: outcome.finished,
            mean,
            sd,
            accuracies: outcome.accuracies.clone(),
            outcome: outcome.clone(),
        }
    }

    /// `65.2 ± 1.4 (3)`, or how far it is.
    fn text(&self) -> String {
        let Outcome { n, alive, failed, stopped, finished, done, .. } = self.outcome;
        let counted = if finished == n { format!("({n})") } else { format!("({finished}/{n})") };
        match (self.mean, self.sd) {
            (Some(mean), Some(sd)) => format!("{:.1} ± {:.1} {counted}", 100.0 * mean, 100.0 * sd),
            (Some(mean), None) => format!("{:.1} {counted}", 100.0 * mean),
            _ if failed > 0 => format!("{failed} failed"),
            _ if stopped > 0 => format!("{stopped} stopped"),
            _ if alive > 0 => format!("{:.0} % done", 100.0 * done),
            _ => "waiting".into(),
        }
    }
}
/// What to add to a number of runs, of which so many need not be trained any more.
pub fn there_already(n: usize) -> String {
    match n {
        0 => String::new(),
        1 => "; 1 is there already".into(),
        n => format!("; {n} are there already"),
    }
}
