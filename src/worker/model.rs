//! The networks, each a list of tensors and a function of them.

mod cnn;
mod layers;
mod wrn;

use fixmatch::config;
use tch::{Kind, Tensor};

use self::cnn::Cnn;
use self::wrn::Wrn;
use super::weights::{Spec, Weights};

/// What batch norm does in a pass.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Mode {
    /// Normalises by the batch and moves the running statistics.
    Train,
    /// Normalises by the batch and leaves the running statistics alone.
    Batch,
    /// Normalises by the running statistics.
    Evaluate,
}

/// The images that a network sees and the classes it tells apart.
#[derive(Clone, Copy, Debug)]
pub struct Shape {
    /// Bytes per pixel.
    pub channels: i64,
    /// Rows.
    pub height: i64,
    /// Pixels per row.
    pub width: i64,
    /// Classes.
    pub classes: i64,
}

/// A network.
#[derive(Debug)]
pub enum Network {
    /// The course study's small one.
    Cnn(Cnn),
    /// The paper's.
    Wrn(Wrn),
}

impl Network {
    /// The network that a configuration asks for.
    pub fn new(model: &config::Model, shape: Shape) -> Self {
        match model.name {
            config::ModelName::Cnn => Self::Cnn(Cnn { shape }),
            config::ModelName::Wrn => {
                Self::Wrn(Wrn { shape, depth: model.depth, width: model.width, bn_momentum: model.bn_momentum })
            }
        }
    }

    /// Its tensors.
    pub fn specs(&self) -> Vec<Spec> {
        match self {
            Self::Cnn(cnn) => cnn.specs(),
            Self::Wrn(wrn) => wrn.specs(),
        }
    }

    /// Whether an image's logits depend on the other images of its batch.
    pub fn has_batch_norm(&self) -> bool {
        match self {
            Self::Cnn(_) => false,
            Self::Wrn(_) => true,
        }
    }

    /// Logits (N, classes) f32 of images (N, C, H, W), whose precision is that of the layers. Batch norm's sums are f32.
    pub fn forward(&self, weights: &Weights, images: &Tensor, mode: Mode) -> Tensor {
        let features = self.features(weights, images, mode);
        let logits = match self {
            Self::Cnn(_) => Cnn::classify(weights, &features),
            Self::Wrn(_) => Wrn::classify(weights, &features),
        };
        logits.to_kind(Kind::Float)
    }

    /// What the last layer sees: (N, features), 64 for the small network, 64 × width for the wide one.
    pub fn features(&self, weights: &Weights, images: &Tensor, mode: Mode) -> Tensor {
        match self {
            Self::Cnn(_) => Cnn::features(weights, images),
            Self::Wrn(wrn) => wrn.features(weights, images, mode),
        }
    }
}
