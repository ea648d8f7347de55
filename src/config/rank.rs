//! How representative the training images are, and how that is found out.

use std::fmt;

use serde::{Deserialize, Serialize};

use super::range;

/// `[rank]`
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Rank {
    /// What representative means. Default: `agreement`.
    pub by: Metric,
    /// Networks whose opinions are averaged. Default: 5.
    #[serde(deserialize_with = "range::members")]
    pub members: u32,
    /// Passes over the training images, of each network. Default: 5.
    #[serde(deserialize_with = "range::count")]
    pub epochs: u32,
    /// K, the neighbours that `density` and `typicality` look at. Default: 20 (TypiClust).
    #[serde(deserialize_with = "range::count")]
    pub neighbors: u32,
    /// The clusters of `typicality`: TypiClust takes as many as there will be labels. Default: 40.
    #[serde(deserialize_with = "range::count")]
    pub clusters: u32,
}

impl Default for Rank {
    fn default() -> Self {
        Self { by: Metric::Agreement, members: 5, epochs: 5, neighbors: 20, clusters: 40 }
    }
}

/// What makes an image representative. The first four are of Carlini, Erlingsson and Papernot, "Distribution Density,
/// Tails, and Outliers in Machine Learning" (2019), and need the labels of all training images.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, clap::ValueEnum)]
#[serde(rename_all = "kebab-case")]
pub enum Metric {
    /// Networks agree on it: small Jensen–Shannon divergence between pairs of their predictions.
    Agreement,
    /// Networks are sure of it: large mean of the highest probability.
    Confidence,
    /// Training on other images does not change what a network says of it: small symmetric KL divergence.
    Retraining,
    /// It is far from the decision boundary: large norm of the smallest change found that moves the prediction.
    Adversarial,
    /// Its neighbours are near, in features that were learned without labels.
    Density,
    /// Its neighbours in its cluster are near, in the same features (TypiClust, Hacohen et al. 2022).
    Typicality,
}

impl Metric {
    /// Whether it needs the labels of all training images, which a user who wants to know what to label lacks.
    pub fn needs_labels(self) -> bool {
        match self {
            Self::Agreement | Self::Confidence | Self::Retraining | Self::Adversarial => true,
            Self::Density | Self::Typicality => false,
        }
    }

    /// Whether a larger score is more representative.
    pub fn larger_is_more(self) -> bool {
        match self {
            Self::Confidence | Self::Adversarial | Self::Density | Self::Typicality => true,
            Self::Agreement | Self::Retraining => false,
        }
    }
}

impl fmt::Display for Metric {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Agreement => "agreement",
            Self::Confidence => "confidence",
            Self::Retraining => "retraining",
            Self::Adversarial => "adversarial",
            Self::Density => "density",
            Self::Typicality => "typicality",
        })
    }
}
