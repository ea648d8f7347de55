//! How a suite stands, in words and as a table.

use std::time::Duration;

use fixmatch::suite::grid::{bare, short};
use fixmatch::suite::order::Order;
use fixmatch::suite::outcome::{Outcome, outcomes};
use fixmatch::suite::queue::Stand;
use serde::Serialize;

use super::numbers::{duration, plural, table};

/// What comes of a hold.
pub fn held(name: &str) -> String {
    format!("{name} starts no other run; `fixmatch suite run {name}` goes on")
}

/// What came of a stop.
pub fn stopped(name: &str) -> String {
    format!("{name} is stopped; `fixmatch suite run {name}` goes on")
}

/// Why there is nothing to retry.
pub fn nothing_to_retry(name: &str) -> String {
    format!("no run of {name} has failed or was stopped")
}

/// How many runs more seeds came to.
pub fn seeds_added(order: &Order, n: usize) -> String {
    format!("{} more of {}, {} in all", plural(n as u64, "run"), order.suite, order.grid.runs.len())
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
        }
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
        let axes = &order.grid.axes;
        let left = self.left_s.and_then(|left| Duration::try_from_secs_f64(left).ok());
        let left = left.map_or_else(String::new, |left| format!("; about {} left", duration(left)));
        let head = format!("{}: {}\n{}{left}", self.suite, self.title, self.line());
        let (rows, columns) = match axes.split_last() {
            None => return format!("{head}\n{}", self.cells.iter().map(Cell::text).collect::<Vec<_>>().join("\n")),
            Some((last, rows)) => (rows, last),
        };
        let mut names: Vec<String> = rows.iter().map(|axis| short(&axis.key).to_uppercase()).collect();
        names.push(String::new());
        names.extend(columns.values.iter().map(|value| format!("{}={}", short(&columns.key), bare(value))));
        let mut lines: Vec<(Vec<usize>, bool, Vec<String>)> = Vec::new();
        for cell in &self.cells {
            let places = &order.grid.cells[cell.outcome.cell];
            let (column, row) = places.split_last().expect("as many places as axes");
            let at = lines.iter().position(|(other, baseline, _)| other == row && *baseline == cell.baseline);
            let at = at.unwrap_or_else(|| {
                lines.push((row.to_vec(), cell.baseline, vec![String::new(); columns.values.len()]));
                lines.len() - 1
            });
            lines[at].2[*column] = cell.text();
        }
        let cells: Vec<Vec<String>> = lines
            .into_iter()
            .map(|(row, baseline, cells)| {
                let values = rows.iter().zip(row).map(|(axis, place)| bare(&axis.values[place]).to_owned());
                let kind = if baseline { "labels only" } else { "" }.to_owned();
                values.chain([kind]).chain(cells).collect()
            })
            .collect();
        let names: Vec<&str> = names.iter().map(String::as_str).collect();
        format!(
            "{head}\n{}\n% of the test set, averaged weights, last evaluation; mean ± sd over finished seeds",
            table(&names, &cells)
        )
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
