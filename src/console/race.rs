//! Two runs beside each other.

use fixmatch::run_dir::RunDir;
use fixmatch::series::{Axis, Metric};

use super::run::{OpenRun, Reading};

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

    /// Both directories.
    pub fn dirs(&self) -> [RunDir; 2] {
        self.runs.each_ref().map(|run| run.dir.clone())
    }

    /// Where the horizontal axis ends: at a power of two, so that a new point moves no older one.
    pub fn end(&self) -> f64 {
        let last = |run: &OpenRun, metric| run.curves.of(metric).points().last().map(|point| point.x(self.axis));
        let ends = self.runs.iter().flat_map(|run| [Metric::Loss, Metric::TestEma].map(|metric| last(run, metric)));
        let ends = ends.flatten();
        let end = ends.fold(1.0_f64, f64::max);
        (end.ceil() as u64).next_power_of_two() as f64
    }

    /// Takes in what the follower of one of them found; says whether it is one of them.
    pub fn take(&mut self, dir: &RunDir, reading: Reading, now: f64) {
        if let Some(run) = self.runs.iter_mut().find(|run| run.dir == *dir) {
            run.take(reading, now);
            run.digest = None;
        }
    }
}
