//! Where images are, and how they are read.

use std::path::PathBuf;

use serde::{Deserialize, Serialize};

use super::{Color, range};

/// `[data]`
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Data {
    /// A name that `fixmatch data list` shows. Default: `cifar10`.
    pub dataset: String,
    /// Where its files are, when not in the data directory; required for `folder`.
    #[serde(deserialize_with = "range::path", skip_serializing_if = "Option::is_none")]
    pub path: Option<PathBuf>,
    /// Resizes the images of a folder to this many pixels a side.
    #[serde(skip_serializing_if = "Option::is_none", deserialize_with = "range::side")]
    pub resize: Option<u32>,
    /// How an image that is no square becomes one of `resize` pixels a side. Default: `stretch`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub fit: Option<Fit>,
    /// The colour behind transparent parts of a folder's images, as "#rrggbb". Default: black, whatever colour the
    /// transparent pixels hide.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub background: Option<Color>,
    /// The share of a folder's labeled images that is held out to test on, where the folder has no test images of its own.
    /// Default: 0.2 for class folders and lists; `train/` without `test/` has to ask for it. With 0
    /// there are no test images, and how accurate a network is stays unknown.
    #[serde(skip_serializing_if = "Option::is_none", deserialize_with = "range::holdout")]
    pub holdout: Option<f64>,
    /// Decides which images these are. Default: 0.
    #[serde(skip_serializing_if = "Option::is_none", deserialize_with = "range::some_seed")]
    pub holdout_seed: Option<u64>,
    /// How bytes become the network's input. Default: `unit`, as in the original code.
    pub normalize: Normalize,
}

impl Default for Data {
    fn default() -> Self {
        Self {
            dataset: "cifar10".into(),
            path: None,
            resize: None,
            fit: None,
            background: None,
            holdout: None,
            holdout_seed: None,
            normalize: Normalize::Unit,
        }
    }
}

impl Data {
    /// A data set at its usual place.
    pub fn named(dataset: &str) -> Self {
        Self { dataset: dataset.into(), ..Self::default() }
    }
}

/// How an image becomes a square.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Fit {
    /// Width and height change on their own.
    #[default]
    Stretch,
    /// What is beyond the square in its middle is cut off.
    Crop,
    /// All of it stands in the middle of a square of `data.background`.
    Pad,
}

impl Fit {
    /// As configurations have it.
    pub fn name(self) -> &'static str {
        match self {
            Self::Stretch => "stretch",
            Self::Crop => "crop",
            Self::Pad => "pad",
        }
    }

    /// What was done to an image.
    pub fn done(self) -> &'static str {
        match self {
            Self::Stretch => "stretched",
            Self::Crop => "cropped",
            Self::Pad => "padded",
        }
    }
}

/// How bytes become numbers.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Normalize {
    /// x / 127.5 − 1, in [−1, 1].
    Unit,
    /// (x / 255 − mean) / standard deviation, per channel, measured on the training images.
    MeanStd,
    /// x / 255, in [0, 1].
    None,
}
