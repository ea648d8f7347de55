//! The wide residual network of the paper's original code (its `libml/models.py`), to the letter.
//!
//! Three stages of (depth − 4) / 6 blocks, or four of (depth − 5) / 8. Only the very first block shares its activation with its shortcut; in the
//! first blocks of the later stages the residual branch sees batch norm and leaky ReLU, and the shortcut sees what came
//! in. Convolutions have biases. The original pads strided convolutions at the bottom and right only; this network
//! pads both sides, as PyTorch does.

use fixmatch::config::Model;
use tch::Tensor;

use super::layers::{Activation, bn_specs, conv, conv_add, linear, spec};
use super::{Mode, Shape};
use crate::weights::{Init, Role, Spec, Weights};

/// Channels of the first convolution.
const STEM: i64 = Model::STEM as i64;

/// WRN-depth-width for images of one shape.
#[derive(Debug)]
pub struct Wrn {
    pub(super) shape: Shape,
    pub(super) n_stages: u32,
    pub(super) n_blocks: u32,
    pub(super) width: u32,
    pub(super) bn_momentum: f64,
}

/// One residual block.
struct Block {
    name: String,
    inputs: i64,
    outputs: i64,
    stride: i64,
    /// The very first block.
    is_first: bool,
}

impl Wrn {
    fn blocks(&self) -> Vec<Block> {
        let mut inputs = STEM;
        let mut blocks = Vec::new();
        for stage in 0..self.n_stages {
            let outputs = (STEM * i64::from(self.width)) << stage;
            for place in 0..self.n_blocks {
                let stride = if stage > 0 && place == 0 { 2 } else { 1 };
                let name = format!("block{}.{place}", stage + 1);
                blocks.push(Block { name, inputs, outputs, stride, is_first: stage == 0 && place == 0 });
                inputs = outputs;
            }
        }
        blocks
    }

    pub(super) fn specs(&self) -> Vec<Spec> {
        let blocks = self.blocks();
        let n_features = blocks.last().expect("a network has blocks").outputs;
        let mut specs = conv_specs("conv1", self.shape.channels, STEM, 3).to_vec();
        for block in &blocks {
            let Block { name, inputs, outputs, .. } = block;
            specs.extend(bn_specs(&format!("{name}.bn1"), *inputs));
            specs.extend(conv_specs(&format!("{name}.conv1"), *inputs, *outputs, 3));
            specs.extend(bn_specs(&format!("{name}.bn2"), *outputs));
            specs.extend(conv_specs(&format!("{name}.conv2"), *outputs, *outputs, 3));
            if inputs != outputs {
                specs.extend(conv_specs(&format!("{name}.shortcut"), *inputs, *outputs, 1));
            }
        }
        specs.extend(bn_specs("bn", n_features));
        // Glorot's normal distribution, cut at two standard deviations as TensorFlow's is
        let std = (2.0 / (n_features + self.shape.classes) as f64).sqrt();
        let init = Init::TruncatedNormal(std);
        specs.push(spec("fc.weight".into(), &[self.shape.classes, n_features], Role::Kernel, init));
        specs.push(spec("fc.bias".into(), &[self.shape.classes], Role::Other, Init::Constant(0.0)));
        specs
    }

    /// How many places of an image a layer is applied to: each stage after the first halves the sides, rounded up.
    pub(super) fn n_places(&self, layer: &str) -> i64 {
        let halved = |times: u32| {
            let half = |side: i64| (0..times).fold(side, |side, _| (side + 1) / 2);
            half(self.shape.height) * half(self.shape.width)
        };
        match layer.split_once('.') {
            Some(("conv1", _)) => halved(0),
            Some((block, _)) => {
                let stage = block.strip_prefix("block").and_then(|stage| stage.parse::<u32>().ok());
                stage.map_or(1, |stage| halved(stage - 1))
            }
            None => 1,
        }
    }

    pub(super) fn features(&self, weights: &Weights, images: &Tensor, mode: Mode) -> Tensor {
        let activate = Activation { momentum: self.bn_momentum, eps: Model::BN_EPS, slope: Model::LEAKY_SLOPE };
        let mut xs = conv(weights, "conv1", images, 1); // (N, 16, H, W)
        for block in self.blocks() {
            xs = block.forward(weights, &xs, mode, activate);
        }
        let xs = activate.forward(weights, "bn", &xs, mode); // (N, channels, sides of the last stage)
        xs.mean_dim([2_i64, 3].as_slice(), false, None) // (N, channels)
    }

    pub(super) fn classify(weights: &Weights, features: &Tensor) -> Tensor {
        linear(weights, "fc", features) // (N, classes)
    }
}

impl Block {
    fn forward(&self, weights: &Weights, xs: &Tensor, mode: Mode, activate: Activation) -> Tensor {
        let part = |part: &str| format!("{}.{part}", self.name);
        let activated = activate.forward(weights, &part("bn1"), xs, mode);
        let branch = activate.after_conv(weights, [&part("conv1"), &part("bn2")], &activated, self.stride, mode);
        let xs = if self.is_first { &activated } else { xs };
        if self.inputs == self.outputs {
            return conv_add(weights, &part("conv2"), &branch, xs);
        }
        let shortcut = conv(weights, &part("shortcut"), xs, self.stride);
        conv_add(weights, &part("conv2"), &branch, &shortcut)
    }
}

/// A convolution that begins as N(0, 2 / (k²·outputs)), its bias as zero.
fn conv_specs(name: &str, inputs: i64, outputs: i64, side: i64) -> [Spec; 2] {
    let std = (2.0 / (side * side * outputs) as f64).sqrt();
    [
        spec(format!("{name}.weight"), &[outputs, inputs, side, side], Role::Kernel, Init::Normal(std)),
        spec(format!("{name}.bias"), &[outputs], Role::Other, Init::Constant(0.0)),
    ]
}

#[cfg(test)]
mod tests {
    use super::*;
    use tch::{Device, Kind};

    fn wrn_28_2() -> Wrn {
        let shape = Shape { channels: 3, height: 32, width: 32, classes: 10 };
        Wrn { shape, n_stages: 3, n_blocks: 4, width: 2, bn_momentum: 0.001 }
    }

    /// The numbers follow from the layers of the original code's `libml/models.py`; its authors tell 23.4 M for CIFAR-100
    /// (issues 25 and 26 there) and 5.9 M for STL-10 (the paper, section 4.1).
    #[test]
    fn the_papers_networks_have_the_original_numbers_of_parameters() {
        let n_parameters = |depth, width, classes| {
            let model = Model { depth, width, ..Model::default() };
            let (n_stages, n_blocks) = (model.n_stages(), model.n_blocks());
            let shape = Shape { classes, ..wrn_28_2().shape };
            let specs = Wrn { shape, n_stages, n_blocks, width, ..wrn_28_2() }.specs().into_iter();
            let trained = specs.filter(|spec| spec.role != Role::Statistic);
            trained.map(|spec| spec.shape.iter().product::<i64>()).sum::<i64>()
        };
        assert_eq!(n_parameters(28, 2, 10), 1_469_642);
        assert_eq!(n_parameters(28, 8, 100), 23_409_092);
        assert_eq!(n_parameters(37, 2, 10), 5_933_770);
    }

    #[test]
    fn later_stages_shortcut_what_came_in_and_the_first_one_what_was_activated() {
        let blocks = wrn_28_2().blocks();
        let first: Vec<_> = blocks.iter().filter(|block| block.is_first).map(|block| block.name.as_str()).collect();
        assert_eq!(first, ["block1.0"]);
        let strided: Vec<_> =
            blocks.iter().filter(|block| block.stride == 2).map(|block| block.name.as_str()).collect();
        assert_eq!(strided, ["block2.0", "block3.0"]);
        assert_eq!(blocks.len(), 12);
    }

    #[test]
    fn only_training_moves_the_running_statistics() {
        let wrn = Wrn { n_blocks: 1, width: 1, ..wrn_28_2() };
        let weights = Weights::init(wrn.specs(), 0, Device::Cpu);
        let images = Tensor::linspace(-1.0, 1.0, 2 * 3 * 32 * 32, (Kind::Float, Device::Cpu)).view([2, 3, 32, 32]);
        let mean = || weights["block2.0.bn1.running_mean"].abs().sum(None).double_value(&[]);
        let _ = wrn.features(&weights, &images, Mode::Evaluate);
        let _ = wrn.features(&weights, &images, Mode::Batch);
        assert_eq!(mean(), 0.0);
        let _ = wrn.features(&weights, &images, Mode::Train);
        assert!(mean() > 0.0);
    }
}
