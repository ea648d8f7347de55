//! A suite as a grid that fills in: rows and columns are its axes, the seeds lie within a cell, and a cell's runs are a
//! list of their own.
//!
//! How a suite stands is the home screen's, which hears of all of them; what is open here is a name and two cursors.

use std::sync::Arc;

use fixmatch::run::dir::RunDir;
use fixmatch::suite::forecast::Forecast;
use fixmatch::suite::grid::{Grid, Planned};
use fixmatch::suite::order::Wanted;
use fixmatch::suite::outcome::{Outcome, outcomes};
use fixmatch::suite::queue::Stand;
use fixmatch::suite::slots::Slot;
use fixmatch::suite::table::Table;

use crate::console::input::Cursor;
use crate::console::keys::{Action, Place};
use crate::console::mouse::Spot;
use crate::words::suites::JobRow;

mod keys;
mod runs;
pub mod view;

/// A suite as it stands.
#[derive(Clone, Debug, PartialEq)]
pub struct Study {
    /// Its name.
    pub name: String,
    /// One line for lists.
    pub title: String,
    /// What it shows.
    pub about: String,
    /// All its runs.
    pub grid: Arc<Grid>,
    /// What its queue was told last; None where it was not started here.
    pub wanted: Option<Wanted>,
    /// Where its runs are trained.
    pub slots: Vec<Slot>,
    /// Where they are instead, if Slurm trains them.
    pub slurm: Option<OnSlurm>,
    /// Whether its queue is at work, or a job of it in Slurm's.
    pub has_queue: bool,
    /// How its runs stand, in the order in which they are started.
    pub stands: Vec<Stand>,
    /// What its cells have come to.
    pub outcomes: Vec<Outcome>,
    /// The cells as a table.
    pub table: Table,
    /// What the rest takes.
    pub forecast: Forecast,
    /// Why it cannot be read.
    pub error: Option<String>,
}

/// Where the runs of a suite are that Slurm trains.
#[derive(Clone, Debug, PartialEq)]
pub struct OnSlurm {
    /// The profile by which they were handed in.
    pub profile: String,
    /// Run by run, in the order of the suite's runs.
    pub jobs: Vec<JobRow>,
    /// Whether Slurm has answered, or why it does not. None while it is asked for the first time.
    pub answer: Option<Result<(), String>>,
}

impl OnSlurm {
    /// How many runs have something to train and no job that will.
    pub fn n_left(&self) -> usize {
        self.jobs.iter().filter(|job| job.is_left).count()
    }
}

impl Study {
    /// Of its runs and how they stand; nothing else known.
    pub fn new(name: &str, title: &str, grid: Arc<Grid>, stands: Vec<Stand>) -> Self {
        let outcomes = outcomes(&grid, &stands);
        Self {
            name: name.to_owned(),
            title: title.to_owned(),
            about: String::new(),
            wanted: None,
            slots: Vec::new(),
            slurm: None,
            has_queue: false,
            table: Table::of(&grid, &outcomes),
            outcomes,
            grid,
            stands,
            forecast: Forecast::default(),
            error: None,
        }
    }

    /// How many runs stand so.
    pub fn count(&self, of: fn(&Outcome) -> usize) -> usize {
        self.outcomes.iter().map(of).sum()
    }

    /// Whether there is something to train.
    pub fn is_left(&self) -> bool {
        self.count(|it| it.waiting + it.alive) > 0
    }

    /// The planned runs of a cell or its baseline, seed by seed, and how they stand.
    pub fn runs(&self, outcome: &Outcome) -> Vec<(&Planned, &Stand)> {
        let run = |at: usize| (&self.grid.runs[at], &self.stands[at]);
        self.places(outcome).into_iter().map(run).collect()
    }

    /// Where they are in Slurm, if it trains them.
    pub fn jobs(&self, outcome: &Outcome) -> Vec<&JobRow> {
        let jobs = self.slurm.as_ref().map_or(&[][..], |slurm| &slurm.jobs);
        self.places(outcome).into_iter().filter_map(|at| jobs.get(at)).collect()
    }

    fn places(&self, outcome: &Outcome) -> Vec<usize> {
        let runs = &self.grid.runs[..self.stands.len().min(self.grid.runs.len())];
        let is_of = |at: &usize| runs[*at].cell == outcome.cell && runs[*at].baseline == outcome.baseline;
        let mut places: Vec<usize> = (0..runs.len()).filter(is_of).collect();
        places.sort_by_key(|&at| runs[at].seed);
        places
    }

    /// What a cell is called.
    pub fn label(&self, outcome: &Outcome) -> String {
        let baseline = if outcome.baseline { " labels only" } else { "" };
        format!("{}{baseline}", self.grid.label(outcome.cell)).trim().to_owned()
    }
}

/// A suite that is open.
#[derive(Clone, Debug)]
pub struct OpenSuite {
    /// Its name.
    pub name: String,
    /// The selected row.
    pub row: Cursor,
    /// The selected column.
    pub column: Cursor,
    /// The selected run of the cell, once it is open.
    pub runs: Option<Cursor>,
}

impl OpenSuite {
    /// On its first cell.
    pub fn new(name: String) -> Self {
        Self { name, row: Cursor::default(), column: Cursor::default(), runs: None }
    }

    /// Where its keys are in the table.
    pub fn place(&self) -> Place {
        if self.runs.is_some() { Place::Cell } else { Place::Suite }
    }

    /// What the selected cell has come to; None where a combination is left out.
    pub fn outcome<'a>(&self, study: &'a Study) -> Option<&'a Outcome> {
        let place = (*study.table.rows.get(self.row.at)?.cells.get(self.column.at)?)?;
        study.outcomes.get(place)
    }

    /// The selected run of the open cell.
    pub fn run<'a>(&self, study: &'a Study) -> Option<(&'a Planned, &'a Stand)> {
        let at = self.runs?.at;
        study.runs(self.outcome(study)?).get(at).copied()
    }

    /// Where the selected run of the open cell is in Slurm.
    pub fn job<'a>(&self, study: &'a Study) -> Option<&'a JobRow> {
        let at = self.runs?.at;
        study.jobs(self.outcome(study)?).get(at).copied()
    }

    /// The runs of the selected cell, or the selected one of it, that are still to be started.
    pub fn waiting(&self, study: &Study) -> Vec<String> {
        let Some(outcome) = self.outcome(study) else { return Vec::new() };
        let runs = match self.runs {
            Some(_) => self.run(study).into_iter().collect(),
            None => study.runs(outcome),
        };
        let is_waiting = |stand: &Stand| matches!(stand, Stand::Waiting | Stand::Interrupted(_));
        runs.into_iter().filter(|(_, stand)| is_waiting(stand)).map(|(run, _)| run.identity.clone()).collect()
    }

    /// Selects what a mouse points at; says whether it was selected before.
    pub fn point_at(&mut self, spot: Spot) -> bool {
        match (spot, &mut self.runs) {
            (Spot::Row(_), Some(at)) => spot.selects(at),
            (Spot::Grid(row, column), None) => {
                let was = (self.row.at, self.column.at);
                (self.row.at, self.column.at) = (row, column);
                was == (row, column)
            }
            _ => false,
        }
    }

    /// Whether what an action is about can follow it as it stands.
    pub fn fits(&self, action: Action, study: Option<&Study>) -> bool {
        study.is_some_and(|study| self.refusal(action, study).is_none())
    }

    /// Why an action cannot be followed, if it cannot.
    pub fn refusal(&self, action: Action, study: &Study) -> Option<&'static str> {
        let is_started = study.wanted.is_some();
        let n_to_retry = study.count(|it| it.failed + it.stopped);
        let is_slurms = study.slurm.is_some();
        let is_all_handed_in = study.slurm.as_ref().is_none_or(|slurm| slurm.n_left() == 0);
        let is_training = study.has_queue && study.wanted == Some(Wanted::Train) && is_all_handed_in;
        let is_handed_in = is_slurms && study.wanted == Some(Wanted::Train);
        match action {
            _ if study.error.is_some() && action != Action::Back => Some("it cannot be read"),
            Action::Launch | Action::Resume if is_training && is_slurms => Some("all of its runs have a job"),
            Action::Launch | Action::Resume if is_training => Some("its queue is at work already"),
            Action::Launch | Action::Resume if !study.is_left() => Some("nothing is left to train"),
            Action::Launch if is_started => Some("it was started before"),
            Action::Pause if !is_training && !is_handed_in => Some("its queue starts no runs"),
            Action::Stop if !study.has_queue && !is_slurms && study.count(|it| it.alive) == 0 => {
                Some("it is not training")
            }
            Action::Retry if n_to_retry == 0 => Some("no run has failed or was stopped"),
            Action::Resume | Action::Retry | Action::More | Action::Move if !is_started => {
                Some("it was not started yet")
            }
            Action::Move if is_slurms => Some("Slurm starts its jobs in an order of its own"),
            Action::Move if self.waiting(study).is_empty() => Some("nothing here is still to be started"),
            _ => None,
        }
    }
}

/// The run directory of a planned run, if there is one.
pub fn dir(stand: &Stand) -> Option<&RunDir> {
    stand.found().map(|found| &found.row.dir)
}
