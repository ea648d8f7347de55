//! The tabs of what the pseudo-labels do.

use strum::VariantArray;

/// What the screen shows.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, VariantArray)]
pub enum Tab {
    /// Classes by confidence.
    #[default]
    Strip,
    /// What each policy makes of them.
    Policies,
    /// The images that are followed.
    Images,
    /// What is taken for what.
    Confusion,
    /// The accuracy of each class over the run.
    Classes,
    /// CTAugment's rates.
    Rates,
}

impl Tab {
    /// All of them, in order.
    pub const ALL: &[Self] = Self::VARIANTS;

    /// As a user reads it.
    pub fn label(self) -> &'static str {
        match self {
            Self::Strip => "strip",
            Self::Policies => "policies",
            Self::Images => "images",
            Self::Confusion => "confusion",
            Self::Classes => "classes",
            Self::Rates => "CTAugment",
        }
    }
}
