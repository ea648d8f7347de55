//! The networks, each a list of tensors and a function of them.

mod cnn;
mod layers;
mod wrn;

use fixmatch::config;
use tch::{Kind, Tensor};

use self::cnn::Cnn;
use self::wrn::Wrn;
use super::weights::{Role, Spec, Weights};

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
                let (n_stages, n_blocks) = (model.n_stages(), model.n_blocks());
                Self::Wrn(Wrn { shape, n_stages, n_blocks, width: model.width, bn_momentum: model.bn_momentum })
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

    /// Multiplications and additions of an image's forward pass, in convolutions and dense layers.
    pub fn n_macs(&self) -> u64 {
        let n_places = |name: &str| match self {
            Self::Cnn(cnn) => cnn.n_places(name),
            Self::Wrn(wrn) => wrn.n_places(name),
        };
        let kernels = self.specs().into_iter().filter(|spec| spec.role == Role::Kernel);
        kernels.map(|spec| spec.shape.iter().product::<i64>() * n_places(&spec.name)).sum::<i64>() as u64
    }

    /// The least height and width of images that leave it a pixel.
    pub fn least_side(&self) -> i64 {
        match self {
            Self::Cnn(_) => 4,
            Self::Wrn(_) => 1,
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

    /// What the last layer sees: (N, features), 64 for the small network; 64 × width for the wide one, twice as
    /// many in four stages.
    pub fn features(&self, weights: &Weights, images: &Tensor, mode: Mode) -> Tensor {
        match self {
            Self::Cnn(_) => Cnn::features(weights, images),
            Self::Wrn(wrn) => wrn.features(weights, images, mode),
        }
    }
}

#[cfg(test)]
mod goldens;

#[cfg(test)]
mod tests {
    use super::*;
    use fixmatch::config::{Model, ModelName};

    /// By hand: 32·27·1024 + 64·288·256 + 64·576·64 + 4096·64 + 64·10 for the small network. For the wide one, a 3×3
    /// convolution of w channels at side s has 9w²s² = 9·32²·32² in every stage; eight a stage of which the first takes half
    /// of the channels, then the stem, three 1×1 shortcuts and the dense layer.
    #[test]
    fn the_work_of_a_pass_is_what_the_layers_add_up_to() {
        let shape = Shape { channels: 3, height: 32, width: 32, classes: 10 };
        let of = |name| Network::new(&Model { name, ..Model::default() }, shape).n_macs();
        assert_eq!(of(ModelName::Cnn), 884_736 + 4_718_592 + 2_359_296 + 262_144 + 640);
        let conv = 9 * 32 * 32 * 32 * 32;
        let shortcuts = 16 * 32 * 1024 + 32 * 64 * 256 + 64 * 128 * 64;
        assert_eq!(of(ModelName::Wrn), 3 * conv / 2 + 21 * conv + 16 * 27 * 1024 + shortcuts + 1280);
        // the others of docs/scale.md, by a script that adds up the original code's layers
        let of = |depth, width, shape| Network::new(&Model { depth, width, ..Model::default() }, shape).n_macs();
        assert_eq!(of(28, 8, Shape { classes: 100, ..shape }), 3_360_131_072);
        assert_eq!(of(37, 2, Shape { height: 96, width: 96, ..shape }), 2_570_897_920);
    }
}
