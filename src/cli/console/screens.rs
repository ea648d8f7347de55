//! The screens. Home lies below all; what is opened over it is a stack, and of that the last one is shown. So what is open
//! cannot contradict itself, and Escape takes the last one away.
//!
//! Each screen has a file with its state, beside a `keys` that says what a user does there, and a `view`:
//! `update(action, app)` says where that leads, `arrange(area)` is told what has room, `draw` draws it, and `spot` says what
//! a mouse points at.

use fixmatch::run::dir::RunDir;

use super::keys::Place;
use browser::Browser;
use label::Label;
use preset::Draft;
use race::Race;
use run::{OpenRun, Page};
use suite::OpenSuite;

pub mod browser;
pub mod changes;
pub mod configuration;
pub mod home;
pub mod label;
pub mod label_sets;
pub mod log;
pub mod predictions;
pub mod preset;
pub mod pseudo_labels;
pub mod race;
pub mod run;
pub mod samples;
pub mod suite;

/// A screen that is open over the home screen.
#[derive(Debug)]
pub enum Screen {
    /// A preset's values, on their way to a run.
    Preset(Box<Draft>),
    /// A run, in full.
    Run(Box<OpenRun>),
    /// Runs beside each other.
    Race(Box<Race>),
    /// What label sets there are to browse.
    LabelSets,
    /// The images of a data set, and a label set of them.
    Browser(Box<Browser>),
    /// A suite as a grid, or the runs of one of its cells.
    Suite(Box<OpenSuite>),
    /// Images that are labeled.
    Label(Box<Label>),
}

/// Where an action leads.
#[derive(Debug)]
pub enum Go {
    /// It stays here.
    Nowhere,
    /// To the screen below.
    Back,
    /// To another screen, over this one.
    To(Screen),
}

impl Screen {
    /// A run of which nothing was read.
    pub fn run(dir: RunDir) -> Self {
        Self::Run(Box::new(OpenRun::new(dir)))
    }

    /// Where its keys are in the table.
    pub fn place(&self) -> Place {
        match self {
            Self::Preset(_) => Place::Preset,
            Self::Run(run) => run.page.place(),
            Self::Race(_) => Place::Race,
            Self::LabelSets => Place::LabelSets,
            Self::Browser(_) => Place::Browser,
            Self::Suite(suite) => suite.place(),
            Self::Label(label) => label.place(),
        }
    }

    /// The runs that are followed for it.
    pub fn runs(&mut self) -> &mut [OpenRun] {
        match self {
            Self::Run(run) => std::slice::from_mut(run),
            Self::Race(race) => &mut race.runs,
            Self::Preset(_) | Self::LabelSets | Self::Browser(_) | Self::Suite(_) | Self::Label(_) => &mut [],
        }
    }

    /// Whether a text field is open on it.
    pub fn is_typing(&self) -> bool {
        match self {
            Self::Preset(draft) => draft.form.editing.is_some(),
            Self::Run(run) => run.page == Page::Log && run.log.is_filtering,
            Self::Label(label) => label.finder.is_some(),
            Self::Race(_) | Self::LabelSets | Self::Browser(_) | Self::Suite(_) => false,
        }
    }

    /// Whether leaving it would lose what a user did on it.
    pub fn is_edited(&self) -> bool {
        match self {
            Self::Preset(draft) => draft.is_edited,
            Self::Browser(browser) => browser.set.has_unsaved_edits(),
            Self::Run(_) | Self::Race(_) | Self::LabelSets | Self::Suite(_) | Self::Label(_) => false,
        }
    }
}
