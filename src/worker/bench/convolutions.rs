//! What each convolution of a network takes, forward and backward, and how near to the processor's peak that is.

use std::time::Instant;

use fixmatch::base::stats::median;
use fixmatch::config::{Model, ModelName};
use tch::{Kind, Tensor};

use super::{Args, N_UNLABELED, SIDE, WARM_UP};
use crate::ops;

/// Convolutions of one shape, of images that have as many rows as columns.
struct Convolution {
    /// How many of them the network has.
    n: u32,
    inputs: i64,
    outputs: i64,
    /// The side of their kernels.
    kernel: i64,
    stride: i64,
    /// The side of the images that come in.
    side: i64,
    /// Whether 2×2 maximum pooling and ReLU follow.
    is_pooled: bool,
    /// Whether it is the network's first one, whose images need no gradient.
    is_first: bool,
}

impl Convolution {
    fn square(inputs: i64, outputs: i64, side: i64) -> Self {
        Self { n: 1, inputs, outputs, kernel: 3, stride: 1, side, is_pooled: false, is_first: inputs == 3 }
    }

    /// Those of a network, in the order of their use.
    fn of(model: &Model) -> Vec<Self> {
        let whole = SIDE as i64;
        if model.name == ModelName::Cnn {
            let pooled = |inputs, outputs, side| Self { is_pooled: true, ..Self::square(inputs, outputs, side) };
            return vec![pooled(3, 32, whole), pooled(32, 64, whole / 2), Self::square(64, 64, whole / 4)];
        }
        let mut inputs = Model::STEM as i64;
        let mut all = vec![Self::square(3, inputs, whole)];
        for stage in 0..model.n_stages() {
            let outputs = (Model::STEM as i64 * i64::from(model.width)) << stage;
            let (stride, side) = if stage == 0 { (1, whole) } else { (2, whole >> (stage - 1)) };
            let first = Self { stride, ..Self::square(inputs, outputs, side) };
            all.extend([Self { kernel: 1, ..first }, first]);
            let n = 2 * model.n_blocks() - 1;
            all.push(Self { n, ..Self::square(outputs, outputs, side / stride) });
            inputs = outputs;
        }
        all
    }

    fn name(&self) -> String {
        let Self { n, inputs, outputs, kernel, stride, side, is_pooled, .. } = self;
        let stride = if *stride > 1 { format!(", stride {stride}") } else { String::new() };
        let pooled = if *is_pooled { ", pooled" } else { "" };
        format!("{n}× {inputs} → {outputs}, {kernel}×{kernel} of {side}×{side}{stride}{pooled}")
    }

    /// Multiplications and additions of an image, as a plain convolution makes them.
    fn n_macs(&self) -> i64 {
        (self.side / self.stride).pow(2) * self.inputs * self.outputs * self.kernel.pow(2)
    }

    fn apply(&self, images: &Tensor, kernels: &Tensor, bias: &Tensor) -> Tensor {
        if self.is_pooled {
            ops::conv_pool_relu(images, kernels, bias)
        } else {
            ops::conv(images, kernels, bias, self.stride)
        }
    }

    /// Seconds of the forward and the backward pass of one of them, in the median.
    fn time(&self, n_images: i64, n_times: usize) -> [f64; 2] {
        let options = (Kind::Float, tch::Device::Cpu);
        let images = Tensor::randn([n_images, self.side, self.side, self.inputs], options).permute([0, 3, 1, 2]);
        let images = images.set_requires_grad(!self.is_first);
        let kernels = Tensor::randn([self.outputs, self.inputs, self.kernel, self.kernel], options);
        let [kernels, bias] = [kernels, Tensor::zeros([self.outputs], options)].map(|it| it.set_requires_grad(true));
        let mut of: Vec<&Tensor> = vec![&kernels, &bias];
        of.extend((!self.is_first).then_some(&images));
        let backward = |ys: &Tensor, of: &[&Tensor]| {
            let sum = (ys * Tensor::ones_like(ys)).sum(Kind::Float); // whose gradient is in memory, as a layer's is
            let begun = Instant::now();
            std::hint::black_box(Tensor::run_backward(&[sum], of, false, false));
            begun.elapsed().as_secs_f64()
        };
        let mut took = [Vec::new(), Vec::new()];
        for _ in 0..WARM_UP + n_times {
            let begun = Instant::now();
            let ys = self.apply(&images, &kernels, &bias);
            took[0].push(begun.elapsed().as_secs_f64());
            let alone = ys.detach().set_requires_grad(true);
            took[1].push(backward(&ys, &of) - backward(&alone, &[&alone]));
        }
        took.map(|mut took| median(took.split_off(WARM_UP)).unwrap_or(f64::NAN))
    }
}

/// Prints a line for each kind of convolution of the network, of a step's weak views.
pub fn print(args: &Args, peak: f64) {
    let n_images = N_UNLABELED as i64;
    println!(
        "convolutions of {n_images} images, products counted as a plain convolution makes them; of {peak:.0} GFLOP/s in %:"
    );
    println!("{:<44}{:>12}{:>9}{:>14}{:>9}", "", "forward ms", "of peak", "backward ms", "of peak");
    for convolution in Convolution::of(&args.model.into()) {
        let [forward, backward] = convolution.time(n_images, args.steps);
        let gflop = 2e-9 * (n_images * convolution.n_macs()) as f64;
        let gflop_back = if convolution.is_first { gflop } else { 2.0 * gflop };
        let share = |gflop: f64, seconds: f64| 100.0 * gflop / seconds / peak;
        println!(
            "{:<44}{:>12.1}{:>9.0}{:>14.1}{:>9.0}",
            convolution.name(),
            1e3 * forward,
            share(gflop, forward),
            1e3 * backward,
            share(gflop_back, backward),
        );
    }
}

#[cfg(test)]
mod tests {
    use clap::ValueEnum as _;

    use super::super::{Net, Shape};
    use super::*;
    use crate::model::Network;
    use crate::weights::Role;

    #[test]
    fn all_convolutions_of_a_network_are_timed() {
        for net in Net::value_variants() {
            let model = Model::from(*net);
            let shape = Shape { channels: 3, height: SIDE as i64, width: SIDE as i64, classes: 10 };
            let network = Network::new(&model, shape);
            let matrices = network.specs().into_iter().filter(|it| it.role == Role::Kernel && it.shape.len() == 2);
            let dense: i64 = matrices.map(|it| it.shape.iter().product::<i64>()).sum();
            let timed: i64 = Convolution::of(&model).iter().map(|it| i64::from(it.n) * it.n_macs()).sum();
            assert_eq!((timed + dense) as u64, network.n_macs(), "{net:?}");
        }
    }
}
