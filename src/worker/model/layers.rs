//! Layers as functions of named tensors, and the specifications of those tensors.

use tch::Tensor;

use super::Mode;
use crate::weights::{Init, Role, Spec, Weights};

/// One tensor.
pub fn spec(name: String, shape: &[i64], role: Role, init: Init) -> Spec {
    Spec { name, shape: shape.to_vec(), role, init }
}

/// A convolution with bias, zero-padded by half of its kernel.
pub fn conv(weights: &Weights, name: &str, xs: &Tensor, stride: i64) -> Tensor {
    let [kernel, bias] = kernel_and_bias(weights, name, xs);
    let padding = kernel.size()[2] / 2;
    xs.conv2d(&kernel, Some(&bias), [stride; 2], [padding; 2], [1; 2], 1)
}

/// A dense layer.
pub fn linear(weights: &Weights, name: &str, xs: &Tensor) -> Tensor {
    let [kernel, bias] = kernel_and_bias(weights, name, xs);
    xs.linear(&kernel, Some(&bias))
}

/// In the precision of what they are applied to: the same tensors for f32, copies for bf16. Their gradients are f32.
fn kernel_and_bias(weights: &Weights, name: &str, xs: &Tensor) -> [Tensor; 2] {
    ["weight", "bias"].map(|part| weights[&format!("{name}.{part}")].to_kind(xs.kind()))
}

/// Batch norm's constants.
#[derive(Clone, Copy, Debug)]
pub struct BatchNorm {
    /// The weight of a new batch in the running statistics.
    pub momentum: f64,
    /// Added to the variance.
    pub eps: f64,
}

impl BatchNorm {
    /// Batch norm over N, H and W.
    pub fn forward(self, weights: &Weights, name: &str, xs: &Tensor, mode: Mode) -> Tensor {
        let tensor = |part: &str| &weights[&format!("{name}.{part}")];
        let (mean, variance) = match mode {
            Mode::Train | Mode::Evaluate => (Some(tensor("running_mean")), Some(tensor("running_var"))),
            Mode::Batch => (None, None),
        };
        let by_batch = mode != Mode::Evaluate;
        let (scale, shift) = (Some(tensor("weight")), Some(tensor("bias")));
        xs.batch_norm(scale, shift, mean, variance, by_batch, self.momentum, self.eps, true)
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
