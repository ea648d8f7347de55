//! What the cells of a suite have come to so far.

use crate::base::stats::mean_and_sd;
use crate::suite::grid::Grid;
use crate::suite::queue::Stand;

/// A cell with all its seeds, or their baselines.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Outcome {
    /// The place of the cell.
    pub cell: usize,
    /// Whether it is of the runs on the labels alone.
    pub baseline: bool,
    /// Runs in all.
    pub n: usize,
    /// Runs that have no directory yet or were interrupted.
    pub waiting: usize,
    /// Runs with a worker.
    pub alive: usize,
    /// Runs that are done.
    pub finished: usize,
    /// Runs that somebody stopped.
    pub stopped: usize,
    /// Runs that failed.
    pub failed: usize,
    /// The last test accuracies of the averaged weights of the finished runs, seed by seed.
    pub accuracies: Vec<f64>,
    /// How far the runs that are not finished are, as a share of all steps.
    pub done: f64,
}

impl Outcome {
    /// The mean accuracy, and where there are several seeds, the sample's standard deviation.
    pub fn mean_and_sd(&self) -> Option<(f64, Option<f64>)> {
        mean_and_sd(&self.accuracies)
    }
}

/// The cells in the order of the grid, each followed by its baseline if it has one.
pub fn outcomes(grid: &Grid, stands: &[Stand]) -> Vec<Outcome> {
    let mut all: Vec<Outcome> = Vec::new();
    for (run, stand) in grid.runs.iter().zip(stands) {
        let place = all.iter().rposition(|it| it.cell == run.cell && it.baseline == run.baseline);
        let place = place.unwrap_or_else(|| {
            all.push(Outcome { cell: run.cell, baseline: run.baseline, ..Outcome::default() });
            all.len() - 1
        });
        let outcome = &mut all[place];
        outcome.n += 1;
        let count = match stand {
            Stand::Waiting | Stand::Interrupted(_) => &mut outcome.waiting,
            Stand::Alive(_) => &mut outcome.alive,
            Stand::Finished(_) => &mut outcome.finished,
            Stand::Stopped(_) => &mut outcome.stopped,
            Stand::Failed(_) => &mut outcome.failed,
        };
        *count += 1;
        if let Some(found) = stand.found() {
            let summary = &found.row.summary;
            if matches!(stand, Stand::Finished(_)) {
                outcome.accuracies.extend(summary.ema_accuracy);
                outcome.done += 1.0;
            } else {
                outcome.done += summary.step as f64 / run.config.train.steps.max(1) as f64;
            }
        }
    }
    for outcome in &mut all {
        outcome.done /= outcome.n as f64;
    }
    // Runs may be started in another order than that of the grid.
    all.sort_by_key(|outcome| (outcome.cell, outcome.baseline));
    all
}
