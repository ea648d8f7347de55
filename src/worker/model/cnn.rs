//! The course study's small network: three convolutions and two dense layers, without batch norm.
//!
//! 3→32, pool, 32→64, pool, 64→64, then 64·(H/4)·(W/4) → 64 → classes; 3×3 kernels, padding 1, ReLU. It begins as
//! PyTorch's layers do: weights and biases uniform over ±1/√(inputs of a unit).

use tch::Tensor;

use super::Shape;
use super::layers::{conv, conv_pool_relu, linear, linear_of_images, spec};
use crate::weights::{Init, Role, Spec, Weights};

/// The network for images of one shape.
#[derive(Debug)]
pub struct Cnn {
    pub(super) shape: Shape,
}

impl Cnn {
    pub(super) fn specs(&self) -> Vec<Spec> {
        let Shape { channels, height, width, classes } = self.shape;
        let n_features = 64 * (height / 4) * (width / 4);
        [
            layer("conv1", &[32, channels, 3, 3]),
            layer("conv2", &[64, 32, 3, 3]),
            layer("conv3", &[64, 64, 3, 3]),
            layer("fc1", &[64, n_features]),
            layer("fc2", &[classes, 64]),
        ]
        .concat()
    }

    /// How many places of an image a layer is applied to.
    pub(super) fn n_places(&self, layer: &str) -> i64 {
        let n_pixels = self.shape.height * self.shape.width;
        match layer {
            "conv1.weight" => n_pixels,
            "conv2.weight" => n_pixels / 4,
            "conv3.weight" => n_pixels / 16,
            _ => 1,
        }
    }

    pub(super) fn features(weights: &Weights, images: &Tensor) -> Tensor {
        let xs = conv_pool_relu(weights, "conv1", images); // (N, 32, H/2, W/2)
        let xs = conv_pool_relu(weights, "conv2", &xs); // (N, 64, H/4, W/4)
        let xs = conv(weights, "conv3", &xs, 1).relu_(); // (N, 64, H/4, W/4)
        linear_of_images(weights, "fc1", &xs).relu_() // (N, 64)
    }

    pub(super) fn classify(weights: &Weights, features: &Tensor) -> Tensor {
        linear(weights, "fc2", features) // (N, classes)
    }
}

fn layer(name: &str, shape: &[i64]) -> Vec<Spec> {
    let n_inputs: i64 = shape[1..].iter().product();
    let init = Init::Uniform(1.0 / (n_inputs as f64).sqrt());
    vec![
        spec(format!("{name}.weight"), shape, Role::Kernel, init),
        spec(format!("{name}.bias"), &shape[..1], Role::Other, init),
    ]
}
