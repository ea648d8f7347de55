//! Runs beside each other: two in full, more as groups whose runs differ in nothing but seeds.

use std::sync::Arc;

use fixmatch::compare::experiment::Experiment;
use fixmatch::compare::groups::Groups;
use fixmatch::run::card::Card;
use fixmatch::run::curves::{Axis, Metric};
use fixmatch::run::dir::{RunDir, without_moment};
use fixmatch::run::survey::Row;

use crate::console::axis::{end_of_steps, end_of_time};
use crate::console::screens::run::{OpenRun, Reading};
use crate::console::text::clean;

mod keys;
mod view;

/// Runs that are followed together.
#[derive(Debug)]
pub struct Race {
    /// The runs.
    pub runs: Vec<OpenRun>,
    /// The one in focus.
    pub focus: usize,
    /// Steps or time.
    pub axis: Axis,
    /// What is known of each, once its configuration is.
    experiments: Vec<Option<Experiment>>,
    /// The groups of runs that differ in nothing but seeds.
    lanes: Vec<Lane>,
}

/// Runs of one configuration.
#[derive(Debug)]
struct Lane {
    /// What it differs in from the others.
    label: String,
    /// The places of its runs.
    runs: Vec<usize>,
}

impl Race {
    /// Runs of which nothing was read.
    pub fn new(dirs: Vec<RunDir>) -> Self {
        let experiments = dirs.iter().map(|_| None).collect();
        let runs = dirs.into_iter().map(OpenRun::new).collect();
        let mut race = Self { runs, focus: 0, axis: Axis::Step, experiments, lanes: Vec::new() };
        race.form_lanes();
        race
    }

    /// Where the horizontal axis ends: at a round number while one of the runs goes on, else with the longest one.
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
        let Some(place) = self.runs.iter().position(|run| run.dir == *dir) else { return };
        let run = &mut self.runs[place];
        let is_new = reading.file.is_some();
        run.take(reading, now);
        run.digest = None;
        let n_changes = run.state.history.standing().len();
        let known = self.experiments[place].as_ref().map(|it| it.row.summary.changes);
        if is_new || known != Some(n_changes) {
            self.experiments[place] = experiment(run);
            self.form_lanes();
        }
    }

    /// Groups the runs; one of which nothing is known yet is by itself.
    fn form_lanes(&mut self) {
        let groups = Groups::of(self.experiments.iter().flatten().cloned().collect());
        let place = |dir: &RunDir| self.runs.iter().position(|run| run.dir == *dir);
        let mut lanes: Vec<Lane> = Vec::new();
        for group in &groups.groups {
            let members = group.runs.iter().chain(group.left_out.iter().map(|(run, _)| run));
            let mut runs: Vec<usize> = members.filter_map(|run| place(&run.row.dir)).collect();
            runs.sort_unstable();
            let label = if group.label.is_empty() { group.name() } else { group.label.clone() };
            lanes.push(Lane { label, runs });
        }
        let unknown = (0..self.runs.len()).filter(|&place| self.experiments[place].is_none());
        lanes.extend(
            unknown.map(|place| Lane { label: clean(without_moment(&self.runs[place].dir.id())), runs: vec![place] }),
        );
        lanes.sort_by_key(|lane| lane.runs.first().copied());
        self.lanes = lanes;
    }
}

/// A run as an experiment, by what was read of it.
fn experiment(run: &OpenRun) -> Option<Experiment> {
    let Some(Ok(file)) = &run.file else { return None };
    Some(Experiment::of(Row {
        dir: run.dir.clone(),
        status: run.status(),
        summary: run.state.summary(),
        phase: None,
        created: None,
        preset: file.provenance.preset.clone(),
        parent: file.provenance.parent.clone(),
        remaining: None,
        setup: None,
        images: None,
        file: Some(Arc::new((**file).clone())),
        card: Card::default(),
        error: None,
    }))
}
