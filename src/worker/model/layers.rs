//! Layers as functions of named tensors, and the specifications of those tensors.

use tch::Tensor;

use super::Mode;
use crate::ops::{self, BatchNorm, Statistics};
use crate::weights::{Init, Role, Spec, Weights};

/// One tensor.
pub fn spec(name: String, shape: &[i64], role: Role, init: Init) -> Spec {
    Spec { name, shape: shape.to_vec(), role, init }
}

/// A convolution with bias, zero-padded by half of its kernel.
pub fn conv(weights: &Weights, name: &str, xs: &Tensor, stride: i64) -> Tensor {
    ops::conv(xs, &weights[&format!("{name}.weight")], &weights[&format!("{name}.bias")], stride)
}

/// A convolution of stride 1 with bias, zero-padded by half of its kernel, and other images added to it.
pub fn conv_add(weights: &Weights, name: &str, xs: &Tensor, others: &Tensor) -> Tensor {
    ops::conv_add(xs, &weights[&format!("{name}.weight")], &weights[&format!("{name}.bias")], others)
}

/// A 3×3 convolution with bias, then 2×2 maximum pooling and ReLU.
pub fn conv_pool_relu(weights: &Weights, name: &str, xs: &Tensor) -> Tensor {
    ops::conv_pool_relu(xs, &weights[&format!("{name}.weight")], &weights[&format!("{name}.bias")])
}

/// A dense layer.
pub fn linear(weights: &Weights, name: &str, xs: &Tensor) -> Tensor {
    xs.linear(&tensor(weights, name, "weight", xs), Some(&tensor(weights, name, "bias", xs)))
}

/// A dense layer of images (N, C, H, W), each a row by channel, then place. The weights are moved to the order of the
/// images, `channels_last`, since they are fewer.
pub fn linear_of_images(weights: &Weights, name: &str, xs: &Tensor) -> Tensor {
    let kernel = tensor(weights, name, "weight", xs);
    let shape = [&kernel.size()[..1], &xs.size()[1..]].concat();
    let by_place = |images: &Tensor| images.permute([0, 2, 3, 1]).flatten(1, -1);
    by_place(xs).linear(&by_place(&kernel.view(shape.as_slice())), Some(&tensor(weights, name, "bias", xs)))
}

/// A tensor in the precision of what it is applied to: itself for f32, a copy for bf16. Its gradient is f32.
fn tensor(weights: &Weights, name: &str, part: &str, xs: &Tensor) -> Tensor {
    weights[&format!("{name}.{part}")].to_kind(xs.kind())
}

/// Batch norm over N, H and W, then leaky ReLU; the constants of both.
#[derive(Clone, Copy, Debug)]
pub struct Activation {
    /// The weight of a new batch in the running statistics.
    pub momentum: f64,
    /// Added to the variance.
    pub eps: f64,
    /// Leaky ReLU's slope below zero.
    pub slope: f64,
}

impl Activation {
    /// Of images (N, C, H, W), by tensors of a name.
    pub fn forward(self, weights: &Weights, name: &str, xs: &Tensor, mode: Mode) -> Tensor {
        ops::batch_norm(xs, &self.norm(weights, name, mode))
    }

    /// Of what a convolution makes of images, by names of both.
    pub fn after_conv(
        self,
        weights: &Weights,
        [conv, norm]: [&str; 2],
        xs: &Tensor,
        stride: i64,
        mode: Mode,
    ) -> Tensor {
        let tensor = |part: &str| &weights[&format!("{conv}.{part}")];
        ops::conv_norm(xs, tensor("weight"), tensor("bias"), stride, &self.norm(weights, norm, mode))
    }

    fn norm<'a>(self, weights: &'a Weights, name: &str, mode: Mode) -> BatchNorm<'a> {
        let tensor = |part: &str| &weights[&format!("{name}.{part}")];
        let (mean, variance) = (tensor("running_mean"), tensor("running_var"));
        let statistics = match mode {
            Mode::Train => Statistics::BatchAndMove { mean, variance, momentum: self.momentum },
            Mode::Batch => Statistics::Batch,
            Mode::Evaluate => Statistics::Running { mean, variance },
        };
        let Self { eps, slope, .. } = self;
        BatchNorm { weight: tensor("weight"), bias: tensor("bias"), statistics, eps, slope }
    }
}

/// The tensors of a batch norm.
pub fn bn_specs(name: &str, channels: i64) -> [Spec; 4] {
    let part = |part: &str, role, init| spec(format!("{name}.{part}"), &[channels], role, Init::Constant(init));
    [
        part("weight", Role::Other, 1.0),
        part("bias", Role::Other, 0.0),
        part("running_mean", Role::Statistic, 0.0),
        part("running_var", Role::Statistic, 1.0),
    ]
}

#[cfg(test)]
mod tests {
    use super::*;
    use tch::{Device, Kind};

    #[test]
    fn a_dense_layer_of_images_takes_them_by_channel_then_place() {
        let layer = [
            spec("fc.weight".into(), &[4, 3 * 2 * 5], Role::Kernel, Init::Normal(1.0)),
            spec("fc.bias".into(), &[4], Role::Other, Init::Normal(1.0)),
        ];
        let weights = Weights::init(layer.to_vec(), 0, Device::Cpu);
        let images = Tensor::arange(2 * 30, (Kind::Float, Device::Cpu)).sin().view([2, 2, 5, 3]).permute([0, 3, 1, 2]);
        let (found, expected) =
            (linear_of_images(&weights, "fc", &images), linear(&weights, "fc", &images.flatten(1, -1)));
        assert!(found.allclose(&expected, 1e-6, 1e-6, false));
        let gradient = |values: &Tensor| {
            Tensor::run_backward(&[values.square().sum(Kind::Float)], &[&weights["fc.weight"]], false, false).remove(0)
        };
        assert!(gradient(&found).allclose(&gradient(&expected), 1e-5, 1e-5, false));
    }
}
