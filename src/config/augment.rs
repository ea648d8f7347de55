//! Weak and strong views.

use serde::{Deserialize, Serialize};

use super::range;

/// The most operations that a policy draws for an image, Cutout at the end not counted.
pub const MAX_DEPTH: usize = 4;

/// `[augment]`
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Augment {
    /// Weak views are mirrored with probability one half (paper, section 2.3; not for digits, as in SVHN).
    pub flip: bool,
    /// Weak views are shifted by up to 12.5 % of the side, with reflection (paper, section 2.3).
    pub shift: bool,
    /// The strong views' policy. Default: `randaugment` (paper, section 2.3).
    pub strong: Strong,
    /// Whose operations and ranges RandAugment and CTAugment draw from. Default: `paper`.
    pub table: Table,
    /// Operations that RandAugment and CTAugment draw for an image. Default: 2, as in the original code.
    #[serde(deserialize_with = "range::depth")]
    pub depth: u32,
    /// The side of the gray square cut out of strong views, as a share of the width; 0 turns it off.
    /// Default: 0.5 (DeVries and Taylor's 16 pixels of 32, used by the paper).
    #[serde(deserialize_with = "range::ratio")]
    pub cutout: f64,
    /// How CTAugment learns.
    pub ctaugment: CtAugment,
}

impl Default for Augment {
    fn default() -> Self {
        Self {
            flip: true,
            shift: true,
            strong: Strong::Randaugment,
            table: Table::Paper,
            depth: 2,
            cutout: 0.5,
            ctaugment: CtAugment::default(),
        }
    }
}

/// The policy of strong views, before Cutout.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Strong {
    /// A second weak view, no more.
    None,
    /// Any of fourteen operations, parameters uniform in their ranges (paper, table 12).
    Randaugment,
    /// Any of eighteen operations, parameters where the network still recognises labeled images (paper, appendix).
    Ctaugment,
    /// One of the 25 pairs of operations that a search found for CIFAR-10 (Cubuk et al., CVPR 2019).
    Autoaugment,
}

/// Where operations and their parameters' ranges come from.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Table {
    /// The tables in the paper's appendix.
    Paper,
    /// The original code, where it departs from them.
    Reference,
}

/// `[augment.ctaugment]`
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct CtAugment {
    /// Bins below this share of the best rate of their parameter are not drawn. Default: 0.80 (paper, appendix).
    #[serde(deserialize_with = "range::ratio")]
    pub threshold: f64,
    /// What a rate keeps of itself at an update. Default: 0.99 (paper, appendix).
    #[serde(deserialize_with = "range::below_one")]
    pub decay: f64,
    /// Steps from an update of the rates to the first strong views that follow it, which the loaders use to work ahead:
    /// fewer than `machine.loaders` × 2 (a batch in work and one that waits, for each) let some of them idle. Part of
    /// the result, unlike the number of loaders. Default: 8; in the original code some 5 to 10, by the speed of its queues.
    #[serde(deserialize_with = "range::delay")]
    pub delay: u32,
}

impl Default for CtAugment {
    fn default() -> Self {
        Self { threshold: 0.80, decay: 0.99, delay: 8 }
    }
}
