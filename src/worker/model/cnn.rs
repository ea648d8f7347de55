//! The course study's small network: three convolutions and two dense layers, without batch norm.
//!
//! 3→32, pool, 32→64, pool, 64→64, then 64·(H/4)·(W/4) → 64 → classes; 3×3 kernels, padding 1, ReLU. It begins as
//! PyTorch's layers do: weights and biases uniform over ±1/√(inputs of a unit).

use tch::Tensor;

use super::Shape;
use super::layers::{conv, linear, spec};
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
        let xs = activated_and_pooled(&conv(weights, "conv1", images, 1)); // (N, 32, H/2, W/2)
        let xs = activated_and_pooled(&conv(weights, "conv2", &xs, 1)); // (N, 64, H/4, W/4)
        let xs = conv(weights, "conv3", &xs, 1).relu_(); // (N, 64, H/4, W/4)
        linear(weights, "fc1", &xs.flatten(1, -1)).relu_() // (N, 64)
    }

    pub(super) fn classify(weights: &Weights, features: &Tensor) -> Tensor {
        linear(weights, "fc2", features) // (N, classes)
    }
}

/// The maximum of what ReLU gives is what ReLU gives of the maximum: the same values and gradients, for a quarter of the
/// work.
fn activated_and_pooled(xs: &Tensor) -> Tensor {
    xs.max_pool2d([2; 2], [2; 2], [0; 2], [1; 2], false).relu_()
}

fn layer(name: &str, shape: &[i64]) -> Vec<Spec> {
    let n_inputs: i64 = shape[1..].iter().product();
    let init = Init::Uniform(1.0 / (n_inputs as f64).sqrt());
    vec![
        spec(format!("{name}.weight"), shape, Role::Kernel, init),
        spec(format!("{name}.bias"), &shape[..1], Role::Other, init),
    ]
}

#[cfg(test)]
mod tests {
    use super::*;
    use tch::{Device, Kind};

    #[test]
    fn pooling_before_relu_gives_the_values_and_gradients_of_pooling_after_it() {
        let options = (Kind::Float, Device::Cpu);
        // 1 or 0 where numbers are near zero, so that ties and windows without a positive number occur
        let wave = Tensor::arange(4 * 8 * 8, options).sin() * 3.0;
        let start = wave.round().view([1, 4, 8, 8]);
        let weights = Tensor::arange(4 * 4 * 4, options).view([1, 4, 4, 4]);
        let values_and_gradient = |pooled: fn(&Tensor) -> Tensor| {
            let xs = start.copy().set_requires_grad(true);
            let pooled = pooled(&xs);
            (&pooled * &weights).sum(None).backward();
            (pooled, xs.grad())
        };
        let (values, gradient) = values_and_gradient(activated_and_pooled);
        let (expected, expected_gradient) =
            values_and_gradient(|xs| xs.relu().max_pool2d([2; 2], [2; 2], [0; 2], [1; 2], false));
        assert!(values.equal(&expected) && gradient.equal(&expected_gradient));
        assert!(gradient.count_nonzero(None).int64_value(&[]) > 0);
        assert!(values.eq(0.0).any().int64_value(&[]) == 1, "some windows hold nothing above zero");
    }
}
