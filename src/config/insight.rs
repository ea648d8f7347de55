//! What is recorded about the pseudo-labels.

use serde::{Deserialize, Serialize};

use super::range;

/// `[insight]`
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Insight {
    /// Steps whose pseudo-labels are counted into one histogram; it also ends at evaluations. Default: 256, a quarter of
    /// the original code's epoch.
    #[serde(deserialize_with = "range::positive")]
    pub every: u64,
    /// Unlabeled images that are followed over the whole run, as many of each class as can be. Default: 64.
    #[serde(deserialize_with = "range::panel")]
    pub panel: u32,
    /// Labeled images that are followed; of more, the first ones. Default: 400.
    #[serde(deserialize_with = "range::panel")]
    pub labeled: u32,
}

impl Default for Insight {
    fn default() -> Self {
        Self { every: 256, panel: 64, labeled: 400 }
    }
}
