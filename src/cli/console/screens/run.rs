//! An open run: all that its screens show, kept up to date by what its follower reads.

use std::time::Duration;

use fixmatch::base::stats::median;
use fixmatch::compare::crossval::Crossval;
use fixmatch::run::change::Edit;
use fixmatch::run::curves::{Curves, Metric};
use fixmatch::run::dir::RunDir;
use fixmatch::run::file::RunFile;
use fixmatch::run::seen::{Digest, Seen};
use fixmatch::run::state::{RunState, Status};

use crate::console::charts::Charts;
use crate::console::form::{Field, fields_of};
use crate::console::input::Cursor;
use crate::console::keys::{Action, Place};
use crate::console::marks::Marks;
use crate::console::mouse::Spot;
use crate::console::screens::log::Log;
use crate::console::screens::predictions::Predictions;
use crate::console::screens::pseudo_labels::PseudoLabels;
use crate::console::screens::samples::Samples;

pub use self::reading::{Asked, Folded, Glance, Reading, Stage};

mod keys;
mod moment;
mod reading;
mod values;
mod view;

/// Which of a run's screens is shown: they share the run, and Escape leads from each to the charts.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Page {
    /// Its charts.
    #[default]
    Charts,
    /// Its configuration.
    Configuration,
    /// Its recorded changes.
    Changes,
    /// Its events and output.
    Log,
    /// Its labeled images.
    Samples,
    /// What its pseudo-labels did.
    PseudoLabels,
    /// What it takes its unlabeled images for.
    Predictions,
}

impl Page {
    /// Where its keys are in the table.
    pub fn place(self) -> Place {
        match self {
            Self::Charts => Place::Run,
            Self::Configuration => Place::Configuration,
            Self::Changes => Place::Changes,
            Self::Log => Place::Log,
            Self::Samples => Place::Samples,
            Self::PseudoLabels => Place::PseudoLabels,
            Self::Predictions => Place::Predictions,
        }
    }
}

/// A run on the screen.
#[derive(Debug)]
pub struct OpenRun {
    /// Where it is.
    pub dir: RunDir,
    /// What is shown of it.
    pub page: Page,
    /// What it is, or why that cannot be read.
    pub file: Option<Result<Box<RunFile>, String>>,
    /// The digest of its labeled images, once they are written.
    pub labeled: Option<String>,
    /// What its cross-validation has come to, where there are no test images.
    pub crossval: Option<Crossval>,
    /// The fold of its events.
    pub state: RunState,
    /// Its curves.
    pub curves: Curves,
    /// How they are looked at.
    pub charts: Charts,
    /// What its pseudo-labels did.
    pub pseudo_labels: PseudoLabels,
    /// Its labeled images.
    pub samples: Samples,
    /// What it takes its unlabeled images for.
    pub predictions: Predictions,
    /// The value of its configuration that is looked at.
    pub value_at: Cursor,
    /// The recorded change that is looked at.
    pub change_at: Cursor,
    /// The step at which the screens are frozen; None shows the newest.
    pub moment: Option<u64>,
    /// Its events and its worker's output.
    pub log: Log,
    /// How it stands; None before it was read.
    pub glance: Option<Glance>,
    /// The request that was last heard of.
    pub asked: Option<Asked>,
    /// Its checkpoints and forks.
    pub marks: Marks,
    /// What happened since the user last looked.
    pub digest: Option<Digest>,
    /// What cannot be read.
    pub error: Option<String>,
    /// What it was opened for, to be done once it is read.
    pub then: Option<Action>,
    /// When it was last remembered what was seen of it.
    pub remembered_at: Option<f64>,
}

impl OpenRun {
    /// A run of which nothing was read.
    pub fn new(dir: RunDir) -> Self {
        Self {
            dir,
            page: Page::default(),
            samples: Samples::default(),
            predictions: Predictions::default(),
            value_at: Cursor::default(),
            change_at: Cursor::default(),
            then: None,
            remembered_at: None,
            file: None,
            labeled: None,
            crossval: None,
            state: RunState::default(),
            curves: Curves::default(),
            charts: Charts::default(),
            pseudo_labels: PseudoLabels::default(),
            moment: None,
            log: Log::default(),
            glance: None,
            asked: None,
            marks: Marks::default(),
            digest: None,
            error: None,
        }
    }

    /// A run that is opened to do something there.
    pub fn to(dir: RunDir, then: Action) -> Self {
        Self { then: Some(then), ..Self::new(dir) }
    }

    /// Forgets what was read of it, to be read anew.
    pub fn forget(&mut self) {
        let old = std::mem::replace(self, Self::new(self.dir.clone()));
        (self.page, self.samples, self.predictions) = (old.page, old.samples, old.predictions);
        self.pseudo_labels.is_open = old.pseudo_labels.is_open;
    }

    /// How it stands; starting, before it was read.
    pub fn status(&self) -> Status {
        self.glance.as_ref().map_or(Status::Starting, |glance| glance.status)
    }

    /// Why there is no evaluation.
    pub fn why_not_evaluated(&self) -> &'static str {
        if self.state.is_untested() { "there are no test images" } else { "the test set was not evaluated yet" }
    }

    /// Whether it has no worker and can be gone on with.
    pub fn is_resumable(&self) -> bool {
        !self.status().is_alive() && self.status() != Status::Finished
    }

    /// The steps done.
    pub fn step(&self) -> u64 {
        self.glance.as_ref().map_or(0, |glance| glance.step)
    }

    /// Steps to do.
    pub fn steps(&self) -> Option<u64> {
        let planned = || match &self.file {
            Some(Ok(file)) => Some(file.config.train.steps),
            Some(Err(_)) | None => None,
        };
        self.state.steps().or_else(planned)
    }

    /// The part that is done.
    pub fn share(&self) -> f64 {
        self.steps().filter(|steps| *steps > 0).map_or(0.0, |steps| self.step() as f64 / steps as f64)
    }

    /// How long the rest takes: as lately observed, else as the log has it.
    pub fn remaining(&self) -> Option<Duration> {
        let is_under_way =
            |glance: &&Glance| glance.status == Status::Running && self.steps().is_none_or(|steps| glance.step < steps);
        let glance = self.glance.as_ref().filter(is_under_way)?;
        glance.remaining.or_else(|| {
            let series = self.curves.of(Metric::Loss);
            let mut points: Vec<_> = series.points().rev().take(20).collect();
            points.reverse();
            let pairs = points.windows(2);
            let paces = pairs.map(|pair| (pair[1].seconds - pair[0].seconds) / (pair[1].step - pair[0].step));
            // among them may be the time for which the run was paused or dead
            let pace = median(paces.collect())?;
            let left = self.steps()?.saturating_sub(self.step()) as f64;
            Duration::try_from_secs_f64(pace * left).ok()
        })
    }

    /// All values of its configuration.
    pub fn fields(&self) -> Vec<Field> {
        let Some(Ok(file)) = &self.file else { return Vec::new() };
        fields_of(&file.config)
    }

    /// Whether an action is of use as it stands.
    pub fn fits(&self, action: Action) -> bool {
        match (self.page, action) {
            (Page::Samples, Action::Enter) => self.samples.sample().is_some() && self.samples.enlarged.is_none(),
            (Page::Predictions, Action::Enter | Action::Order | Action::Class) => self.predictions.sheet().is_some(),
            (Page::Samples, Action::Draw) => self.samples.enlarged.is_some(),
            (Page::Charts | Page::Changes, Action::Resume) => {
                self.state.may_get_further() && self.error.is_none() && action.fits(self.status())
            }
            (Page::Charts, Action::Drop) => !self.ahead().is_empty(),
            (Page::Charts | Page::PseudoLabels, Action::Changes) => !self.state.history.entries().is_empty(),
            (Page::Changes, Action::Enter | Action::Move | Action::Drop) => {
                self.selected_change().is_some_and(|entry| self.refusal(Edit::Drop(entry.number)).is_none())
            }
            (Page::Charts | Page::PseudoLabels | Page::Changes, _) => action.fits(self.status()),
            (Page::Configuration | Page::Log | Page::Samples | Page::Predictions, _) => true,
        }
    }

    /// Selects what a mouse points at; says whether it was selected before.
    pub fn point_at(&mut self, spot: Spot) -> bool {
        match (self.page, spot) {
            (Page::Charts, Spot::Panel(panel, share)) => {
                self.charts.focus = panel;
                if let Some(share) = share {
                    self.charts.put_cursor(share);
                }
                false
            }
            (Page::Changes, _) => spot.selects(&mut self.change_at),
            (Page::Samples, _) => spot.selects(&mut self.samples.at),
            (Page::Predictions, _) => spot.selects(&mut self.predictions.at),
            (Page::PseudoLabels, _) => self.pseudo_labels.point_at(spot),
            (Page::Charts | Page::Configuration | Page::Log, _) => false,
        }
    }

    /// Shows all values.
    pub fn show_configuration(&mut self) {
        (self.value_at, self.page) = (Cursor::default(), Page::Configuration);
    }

    /// What the user has seen, to be remembered.
    pub fn seen(&self) -> Option<Seen> {
        Seen::of(&self.state, self.remaining().map(|left| left.as_secs_f64()))
    }
}
