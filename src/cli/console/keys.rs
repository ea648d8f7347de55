//! What a user can do, and the one table that says with which key.
//!
//! The table drives the dispatch, the footer and the help, so these cannot disagree. The configuration replaces keys in
//! it by an action's name. Text fields and questions read keys themselves, see [`super::input`].

use fixmatch::run::state::Status;
use strum::VariantArray;

pub use self::keymap::Keymap;
pub use self::table::TABLE;

mod keymap;
mod table;

/// Something that a user can do.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Action {
    Up,
    Down,
    Left,
    Right,
    PageUp,
    PageDown,
    First,
    Last,
    Next,
    Enter,
    Back,
    Filter,
    Fetch,
    Delete,
    Launch,
    Pause,
    Suspend,
    Resume,
    Stop,
    Checkpoint,
    Evaluate,
    Change,
    Undo,
    ZoomIn,
    ZoomOut,
    PanLeft,
    PanRight,
    ResetView,
    Scale,
    Axis,
    Smooth,
    Log,
    Samples,
    PseudoLabels,
    /// Ask the network of a run about its unlabeled images.
    Predictions,
    Freeze,
    Earlier,
    Later,
    FarEarlier,
    FarLater,
    LowerTau,
    HigherTau,
    ApplyTau,
    OtherPolicy,
    Fork,
    Redrawn,
    Draw,
    Order,
    Pictures,
    Copy,
    Glyphs,
    Mouse,
    Help,
    Background,
    Quit,
    Browse,
    Beside,
    /// Show the family of a run.
    Family,
    /// Give a run a title.
    Title,
    /// Tag runs.
    Tags,
    /// Write a note on a run.
    Note,
    /// List the runs in another way.
    View,
    /// Sort the runs.
    Sort,
    /// Pick what is listed of the runs.
    Columns,
    /// Save the filter as an expression.
    SaveFilter,
    Class,
    Ranking,
    Mark,
    From,
    Swap,
    SwapMore,
    SwapLess,
    More,
    Less,
    GoTo,
    Save,
    Race,
    Baseline,
    Configuration,
    Changes,
    Drop,
    Move,
    Retry,
    Label,
    Skip,
    Unsure,
    NextOpen,
    Disputed,
    MarkAll,
    Guess,
    Quantity,
    Measure,
    Reference,
}

/// Where a key means something.
#[derive(Clone, Copy, Debug, PartialEq, Eq, VariantArray)]
pub enum Place {
    /// The lists of presets and runs.
    Home,
    /// One preset's values.
    Preset,
    /// A run's charts.
    Run,
    /// A run's configuration.
    Configuration,
    /// A run's recorded changes.
    Changes,
    /// A run's events and output.
    Log,
    /// The labeled images.
    Samples,
    /// What the pseudo-labels did.
    PseudoLabels,
    /// What the unlabeled images are taken for.
    Predictions,
    /// What label sets there are to browse.
    LabelSets,
    /// The images of a data set, and a label set of them.
    Browser,
    /// Runs beside each other.
    Race,
    /// A suite as a grid.
    Suite,
    /// The runs of a cell of it.
    Cell,
    /// An image that is labeled.
    Label,
    /// Many of them at once.
    LabelGrid,
}

/// What may be done.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Access {
    /// Everything.
    #[default]
    Full,
    /// Looking (`--readonly`).
    ReadOnly,
}

/// Whether an action changes something outside of the console.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Effect {
    /// It only looks.
    Looks,
    /// It drives: hidden and refused with `--readonly`.
    Drives,
}

/// One line of the table.
#[derive(Clone, Copy, Debug)]
pub struct Binding {
    /// What it does.
    pub action: Action,
    /// What the configuration calls it.
    pub name: &'static str,
    /// The keys as it comes, between blanks.
    pub keys: &'static str,
    /// Where.
    pub places: &'static [Place],
    /// A word for the footer; empty to leave it out there.
    pub footer: &'static str,
    /// A line for the help.
    pub help: &'static str,
    /// Whether it drives.
    pub effect: Effect,
}

impl Action {
    /// What it is called, where it is one that drives a run without more to be said.
    pub fn verb(self) -> Option<&'static str> {
        match self {
            Self::Pause => Some("pause"),
            Self::Suspend => Some("suspend"),
            Self::Resume => Some("resume"),
            Self::Stop => Some("stop"),
            Self::Checkpoint => Some("save a checkpoint of"),
            Self::Evaluate => Some("evaluate"),
            Self::Delete => Some("delete"),
            _ => None,
        }
    }

    /// Whether a run that stands so can follow it. What fits no matter how a run stands fits always.
    pub fn fits(self, status: Status) -> bool {
        match self {
            Self::Pause => matches!(status, Status::Starting | Status::Running),
            Self::Resume => match status {
                Status::Paused | Status::Stopped | Status::Suspended | Status::Failed | Status::Lost => true,
                Status::Starting | Status::Running | Status::NotResponding | Status::Finished => false,
            },
            Self::Suspend | Self::Stop | Self::Checkpoint | Self::Evaluate => status.is_alive(),
            Self::Change | Self::ApplyTau | Self::Undo | Self::Drop | Self::Move => status != Status::Finished,
            Self::Delete => !status.is_alive(),
            _ => true,
        }
    }
}
