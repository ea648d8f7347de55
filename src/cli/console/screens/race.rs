//! Two runs beside each other.

use fixmatch::run::curves::{Axis, Metric};
use fixmatch::run::dir::RunDir;

use crate::console::axis::{end_of_steps, end_of_time};
use crate::console::screens::run::{OpenRun, Reading};

mod keys;
mod view;

/// Two runs that are followed together.
#[derive(Debug)]
pub struct Race {
    /// The runs.
    pub runs: [OpenRun; 2],
    /// The one in focus.
    pub focus: usize,
    /// Steps or time.
    pub axis: Axis,
}

impl Race {
    /// Two runs of which nothing was read.
    pub fn new(dirs: [RunDir; 2]) -> Self {
        Self { runs: dirs.map(OpenRun::new), focus: 0, axis: Axis::Step }
    }

    /// Where the horizontal axis ends: at a round number while one of the runs goes on, else with the longer one.
    pub fn end(&self) -> f64 {
        let newest = |run: &OpenRun, metric| run.curves.of(metric).points().last().map_or(0.0, |it| it.x(self.axis));
        let ends = self.runs.iter().flat_map(|run| [Metric::Loss, Metric::TestEma].map(|metric| newest(run, metric)));
        let last = ends.fold(0.0, f64::max);
        let steps = self.runs.iter().filter_map(OpenRun::steps).max();
        let go_on = self.runs.iter().any(|run| run.status().is_alive());
        match self.axis {
            _ if !go_on && last > 0.0 => last,
            Axis::Step => end_of_steps(last, steps.map(|steps| steps as f64)),
            Axis::Time => end_of_time(last),
        }
    }

    /// Takes in what the follower of one of them found; says whether it is one of them.
    pub fn take(&mut self, dir: &RunDir, reading: Reading, now: f64) {
        if let Some(run) = self.runs.iter_mut().find(|run| run.dir == *dir) {
            run.take(reading, now);
            run.digest = None;
        }
    }
}
