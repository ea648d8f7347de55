//! What is to be done outside of the console's state: by the terminal at once, by the world in threads.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::Arc;

use fixmatch::base::text::Name;
use fixmatch::config::preset::Preset;
use fixmatch::config::{Data, Metric};
use fixmatch::labels::desk::{Desk, Labeling};
use fixmatch::labels::log::Row;
use fixmatch::labels::saved::Overwrite;
use fixmatch::labels::set::LabelSet;
use fixmatch::run::card;
use fixmatch::run::change::Request;
use fixmatch::run::dir::RunDir;
use fixmatch::run::insight::Pointer;
use fixmatch::run::seen::Seen;

use super::screens::browser::Start;
use super::screens::browser::atlas::Atlas;
use super::screens::home::table::Kept;

/// What there is to do, each list in its order; the world's comes first, for the terminal may be told to leave.
#[derive(Debug, Default)]
pub struct Tasks {
    /// For the world outside of the screen.
    pub world: Vec<WorldTask>,
    /// For the terminal.
    pub terminal: Vec<TerminalTask>,
}

/// Something that the terminal is to do.
#[derive(Debug, PartialEq)]
pub enum TerminalTask {
    /// Leave; runs go on.
    Quit,
    /// Go to the shell until `fg`.
    Background,
    /// Draw the whole screen.
    Redraw,
    /// Take the mouse from the terminal, or give it back.
    Mouse(bool),
    /// Ask the terminal whether it can show pictures.
    AskForPictures,
    /// Ring the bell, or tell the terminal what happened.
    Ring(String),
    /// Give this to the terminal's clipboard.
    Copy(String),
}

/// Something to be done with runs, data and label sets.
#[derive(Debug)]
pub enum WorldTask {
    /// Read these runs as they grow, and no others.
    Follow(Vec<RunDir>),
    /// Make a run and start a worker on it.
    Launch(Preset, Vec<String>),
    /// Make a fork of a run, at the newest checkpoint up to a step, and start a worker on it.
    Fork(RunDir, Option<u64>, Vec<String>),
    /// Start a worker on a run that has none.
    Resume(RunDir),
    /// Put a request into a run's mailbox.
    Post(RunDir, Request),
    /// Change what a run without a worker goes on with.
    Amend(RunDir, Vec<Request>),
    /// Write something on runs.
    Write(Vec<RunDir>, card::Edit),
    /// Save an expression under a name.
    SaveExpression(String, String),
    /// Move runs to the trash.
    Discard(Vec<RunDir>),
    /// Bring runs back from where they are in the trash.
    Restore(Vec<(RunDir, PathBuf)>),
    /// Fetch a data set.
    Fetch(String),
    /// Read a run's labeled images.
    Samples(RunDir),
    /// Ask a run's network about its unlabeled images.
    Predict(RunDir),
    /// Read records of a run's `insight.bin`.
    Records(RunDir, Vec<Pointer>),
    /// Read the images that a run follows.
    Followed(RunDir, Vec<u32>),
    /// Remember what was seen of a run.
    Remember(RunDir, Seen),
    /// Remember which groups of presets are folded.
    RememberFolds(BTreeMap<String, bool>),
    /// Remember how the runs are listed.
    RememberList(Kept),
    /// Ask the queue of the suite of this name for something.
    Suite(String, SuiteTask),
    /// Look which label sets there are to browse.
    LabelSets,
    /// Read a data set with its orders.
    Atlas(Data),
    /// Find the preset that a run was made of, with its settings.
    Base(String, Vec<String>),
    /// Pick a label set.
    Start {
        /// Of these images.
        atlas: Arc<Atlas>,
        /// By this order of theirs.
        order: Option<usize>,
        /// In this way.
        start: Start,
        /// So many of each class.
        per_class: u32,
        /// The seed of a random one.
        seed: u64,
    },
    /// Save a label set.
    SaveSet {
        /// The images that it is of.
        atlas: Arc<Atlas>,
        /// Its name.
        name: String,
        /// The set.
        set: LabelSet,
        /// How it came about.
        how: String,
        /// Whether one of that name gives way.
        overwrite: Overwrite,
        /// Whether a run is to be launched from it.
        then_launch: bool,
    },
    /// Move a saved label set to the trash.
    DiscardSet(PathBuf),
    /// Find the images nearest to one by their pixels.
    Nearest(Arc<Atlas>, u32),
    /// Have a run make an order of a data set.
    Rank(Data, Metric),
    /// Make two runs and start a worker on each.
    Race(Box<[Contestant; 2]>),
    /// Find the images that are to be labeled.
    OpenLabels(Labeling),
    /// Do something with them.
    Label(Arc<Desk>, LabelTask),
}

/// What there is to do with images that are labeled.
#[derive(Clone, Debug, PartialEq)]
pub enum LabelTask {
    /// Get the pictures of these.
    Look(Vec<usize>),
    /// Write the order of the classes down.
    KeepClasses(Vec<Name>),
    /// Put answers on disk.
    Answer(Vec<Row>),
    /// See what others answered.
    Reread,
    /// Find those of the others that look most like one.
    Near(usize, Vec<usize>),
}

/// What the queue of a suite is asked for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum SuiteTask {
    /// Train it, for the first time.
    Start,
    /// Train what is left.
    GoOn,
    /// Start no other run.
    Hold,
    /// Suspend what trains, and end.
    Stop,
    /// Try again what failed or was stopped.
    Retry,
    /// Train so many more seeds of each cell.
    MoreSeeds(u64),
    /// Start the runs of these identities before all others.
    Front(Vec<String>),
}

/// One of two runs that are to be compared.
#[derive(Debug)]
pub struct Contestant {
    /// What to call it.
    pub name: String,
    /// What it is made of.
    pub preset: Preset,
    /// What that is changed by.
    pub settings: Vec<String>,
}
