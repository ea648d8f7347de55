//! Networks.

use serde::{Deserialize, Serialize};

use super::range;

/// `[model]`
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Model {
    /// Default: `wrn`.
    pub name: ModelName,
    /// Layers of the wide ResNet: 6n + 4 in three stages, or 8n + 5 in four. Default: 28; 37 is the paper's
    /// network for STL-10 (both section 4.1).
    #[serde(deserialize_with = "range::wrn_depth")]
    pub depth: u32,
    /// Its widening factor. Default: 2.
    #[serde(deserialize_with = "range::wrn_width")]
    pub width: u32,
    /// The weight of a new batch in batch norm's running statistics. Default: 0.001, as in the original code;
    /// after a few hundred steps such statistics are still the initial ones, so short runs need 0.1.
    #[serde(deserialize_with = "range::ratio")]
    pub bn_momentum: f64,
}

impl Model {
    /// Channels of the wide residual network's first convolution; a stage has `width` times as many, doubled from one to the
    /// next.
    pub const STEM: u64 = 16;
    /// Leaky ReLU's slope below zero.
    pub const LEAKY_SLOPE: f64 = 0.1;
    /// Batch norm's ε.
    pub const BN_EPS: f64 = 1e-3;

    /// Stages of the wide residual network; from one to the next, images lose half of their sides. The depth says it:
    /// besides two layers a block it counts the first convolution and one shortcut a stage, an even number for three.
    pub fn n_stages(&self) -> u32 {
        if self.depth.is_multiple_of(2) { 3 } else { 4 }
    }

    /// Residual blocks of a stage.
    pub fn n_blocks(&self) -> u32 {
        let n_stages = self.n_stages();
        (self.depth - n_stages - 1) / (2 * n_stages)
    }
}

impl Default for Model {
    fn default() -> Self {
        Self { name: ModelName::Wrn, depth: 28, width: 2, bn_momentum: 0.001 }
    }
}

/// The networks.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum ModelName {
    /// Three convolutions and two dense layers, without batch norm.
    Cnn,
    /// WRN-depth-width, as in the original code.
    Wrn,
}
