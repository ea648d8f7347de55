//! The parts of what is said of runs beside each other.

use strum::VariantArray;

/// What is shown below the groups.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, VariantArray)]
pub enum Part {
    /// The curves of a quantity.
    #[default]
    Curves,
    /// What can be said of the differences.
    Verdict,
    /// Where they lie: the accuracy of each class, and what is taken for what.
    Classes,
    /// The runs, one by one.
    Runs,
    /// Forks and changes, drawn like commits.
    Family,
}

impl Part {
    /// What it is called.
    pub fn label(self) -> &'static str {
        match self {
            Self::Curves => "curves",
            Self::Verdict => "verdict",
            Self::Classes => "classes",
            Self::Runs => "runs",
            Self::Family => "family",
        }
    }
}
