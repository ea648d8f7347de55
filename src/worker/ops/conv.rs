//! Convolutions, on the CPU with less work than libtorch has with them.

mod direct;
mod layout;
mod pool;
mod registers;
mod rows;
mod sparse;
mod winograd;

use half::bf16;
use tch::{Device, Kind, Tensor};

use self::layout::Layout;
use self::pool::{Mark, Winner, pool};
use super::batch_norm::BatchNorm;
use super::gpu;
use super::graph::{wants_gradient, with_gradient};
use super::pixels::{Number, Pixels, numbers};

/// The convolution of images (N, C, H, W), zero-padded by half of the kernels, by kernels (K, C, S, S) and a bias (K), both
/// f32: (N, K, H / stride, W / stride).
pub fn conv(images: &Tensor, kernels: &Tensor, bias: &Tensor, stride: i64) -> Tensor {
    if stride != 1 || !winograd::is_for(images, kernels) {
        let [of_kind, bias] = [kernels, bias].map(|tensor| tensor.to_kind(images.kind()));
        return convolve(images, &of_kind, Some(&bias), stride);
    }
    let (xs, detached) = (Pixels::of(images), kernels.detach());
    let ys = tch::no_grad(|| winograd::convolve(&xs, &detached, &numbers(bias)));
    let wants_xs = images.requires_grad();
    with_gradient(ys.into_images(), &[images, kernels, bias], move |of_ys| {
        let of_ys = Pixels::of(of_ys);
        let of_xs = if wants_xs { winograd::of_inputs(&of_ys, &detached).into_images() } else { Tensor::new() };
        let [of_kernels, of_bias] = winograd::of_kernels(&xs, &of_ys);
        vec![of_xs, of_kernels, of_bias]
    })
}

/// [`conv`], then batch norm and leaky ReLU. Where a batch's own mean is taken away, the bias is too: a GPU leaves it out.
pub fn conv_norm(images: &Tensor, kernels: &Tensor, bias: &Tensor, stride: i64, norm: &BatchNorm) -> Tensor {
    if !gpu::fits(images, kernels) || norm.needs_pieces(images) {
        return norm.forward(&conv(images, kernels, bias, stride));
    }
    let convolved = convolve(images, &kernels.to_kind(images.kind()), None, stride);
    gpu::batch_norm(norm, &convolved, Some(bias))
}

/// [`conv`] of stride 1, and other images added to it.
pub fn conv_add(images: &Tensor, kernels: &Tensor, bias: &Tensor, others: &Tensor) -> Tensor {
    if !gpu::fits(images, kernels) {
        return conv(images, kernels, bias, 1).g_add_(others);
    }
    let convolved = convolve(images, &kernels.to_kind(images.kind()), None, 1);
    gpu::add_up(&convolved, others, bias)
}

fn convolve(images: &Tensor, kernels: &Tensor, bias: Option<&Tensor>, stride: i64) -> Tensor {
    let padding = kernels.size()[2] / 2;
    images.conv2d(kernels, bias, [stride; 2], [padding; 2], [1; 2], 1)
}

/// Of images (N, C, H, W), by kernels (K, C, 3, 3) and a bias (K), both f32, and zero-padded by one pixel: the ReLU of the
/// largest number in each window of 2×2, (N, K, ⌊H/2⌋, ⌊W/2⌋). The gradient goes to the first of equals, and to none where
/// it is cut.
///
/// The largest of what a bias and ReLU give is what they give of the largest: the same values and gradients for less
/// work.
pub fn conv_pool_relu(images: &Tensor, kernels: &Tensor, bias: &Tensor) -> Tensor {
    match (images.device(), images.kind()) {
        (Device::Cpu, Kind::Float) => fused::<f32>(images, kernels, bias),
        (Device::Cpu, Kind::BFloat16) => fused::<bf16>(images, kernels, bias),
        _ => in_pieces(images, kernels, bias),
    }
}

fn in_pieces(images: &Tensor, kernels: &Tensor, bias: &Tensor) -> Tensor {
    let [kernels, bias] = [kernels, bias].map(|tensor| tensor.to_kind(images.kind()));
    let convolved = convolve(images, &kernels, None, 1);
    (convolved.max_pool2d([2; 2], [2; 2], [0; 2], [1; 2], false) + bias.view([-1, 1, 1])).relu_()
}

fn fused<T: Number>(images: &Tensor, kernels: &Tensor, bias: &Tensor) -> Tensor {
    let inputs = [images, kernels, bias];
    let (xs, of_kind) = (Pixels::of(images), kernels.detach().to_kind(T::KIND));
    let shape = [xs.shape[0], xs.shape[1] / 2, xs.shape[2] / 2, bias.size()[0] as usize];
    let mut pooled = Pixels::empty::<T>(shape);
    if !wants_gradient(&inputs) {
        convolve_and_pool::<T, ()>(inputs, &xs, &of_kind, &mut pooled, &mut vec![(); shape.iter().product()]);
        return pooled.into_images();
    }
    let mut winners = Pixels::empty::<Winner>(shape);
    convolve_and_pool::<T, Winner>(inputs, &xs, &of_kind, &mut pooled, winners.values_mut());
    let wants_xs = images.requires_grad();
    with_gradient(pooled.into_images(), &inputs, move |of_pooled| {
        sparse::gradients::<T>(&xs, &of_kind, &Pixels::of(of_pooled), &winners, wants_xs)
    })
}

fn convolve_and_pool<T: Number, M: Mark>(
    [images, kernels, bias]: [&Tensor; 3],
    xs: &Pixels,
    of_kind: &Tensor,
    pooled: &mut Pixels,
    winners: &mut [M],
) {
    let biases = numbers(bias);
    if winograd::is_for(images, kernels) {
        winograd::convolve_and_pool(xs, of_kind, &biases, pooled, winners);
    } else if direct::is_for(Layout::of(xs, biases.len())) {
        direct::convolve_and_pool::<T, M>(xs, of_kind, &biases, pooled, winners);
    } else {
        let convolved = Pixels::of(&tch::no_grad(|| convolve(images, of_kind, None, 1)));
        pool::<T, M>(&convolved, &biases, pooled, winners);
    }
}

/// Kernels (K, C, 3, 3) as rows of pixels, (K, 3, 3·C) f32.
fn rows(kernels: &Tensor) -> Tensor {
    kernels.to_kind(Kind::Float).permute([0, 2, 3, 1]).flatten(2, 3)
}

#[cfg(test)]
mod tests {
    use super::super::instructions::{Instructions, Level, at_every_level};
    use super::*;

    /// Images, kernels and bias.
    type Inputs = [Tensor; 3];
    type Operation = fn(&Tensor, &Tensor, &Tensor) -> Tensor;

    /// N, C, H, W and K: with and without whole vectors, odd sides, few channels and many, several parts.
    const POOLED_SHAPES: [[i64; 5]; 8] = [
        [2, 3, 8, 8, 32],
        [3, 1, 9, 6, 64],
        [2, 3, 6, 6, 5],
        [3, 5, 7, 9, 7],
        [2, 32, 16, 16, 64],
        [17, 16, 4, 4, 8],
        [1, 64, 2, 3, 64],
        [2200, 32, 2, 2, 32],
    ];

    /// What Winograd's way is for, and what it is not.
    const SHAPES: [([i64; 5], bool); 6] = [
        ([2, 32, 8, 8, 32], true),
        ([3, 64, 6, 4, 32], true),
        ([2100, 32, 2, 2, 96], true),
        ([2, 32, 8, 7, 32], false),
        ([2, 16, 8, 8, 32], false),
        ([2, 3, 5, 5, 32], false),
    ];

    fn conv_of_stride_1(images: &Tensor, kernels: &Tensor, bias: &Tensor) -> Tensor {
        conv(images, kernels, bias, 1)
    }

    fn libtorchs_conv(images: &Tensor, kernels: &Tensor, bias: &Tensor) -> Tensor {
        convolve(images, kernels, Some(bias), 1)
    }

    /// As PyTorch users write it.
    fn conv_then_relu_then_pool(images: &Tensor, kernels: &Tensor, bias: &Tensor) -> Tensor {
        libtorchs_conv(images, kernels, bias).relu().max_pool2d([2; 2], [2; 2], [0; 2], [1; 2], false)
    }

    /// Numbers in [−1, 1] without an order.
    fn chirp(shape: &[i64], frequency: f64) -> Tensor {
        let places = Tensor::arange(shape.iter().product::<i64>(), (Kind::Double, Device::Cpu));
        (places.square() * frequency).sin().to_kind(Kind::Float).view(shape)
    }

    fn inputs([n_images, channels, height, width, outputs]: [i64; 5]) -> Inputs {
        let images = chirp(&[n_images, channels, height, width], 0.17) * 1.9;
        [images, chirp(&[outputs, channels, 3, 3], 0.23), chirp(&[outputs], 0.9)]
    }

    /// Few values, most of the kernels zero: sums are exact, in bf16 too, so that equals, and windows without a positive
    /// number, occur.
    fn exact_inputs(shape: [i64; 5]) -> Inputs {
        let [images, kernels, bias] = inputs(shape);
        [images.round(), (kernels * 0.74).round() * 0.25, (bias * 2.0).round() * 0.25]
    }

    /// Values, and the gradients of kernels, bias and, if wanted, images when outputs are weighed differently.
    fn values_and_gradients(operation: Operation, inputs: &Inputs, wants_images: bool) -> Vec<Tensor> {
        let inputs = inputs.each_ref().map(|tensor| tensor.detach().set_requires_grad(true));
        let images = inputs[0].detach().set_requires_grad(wants_images);
        let values = operation(&images, &inputs[1], &inputs[2]);
        let weights = Tensor::arange(values.numel() as i64, (Kind::Float, Device::Cpu)).remainder(7.0).view_as(&values);
        let sum = (&values * weights.to_kind(values.kind())).sum(Kind::Double);
        let of: &[&Tensor] = if wants_images { &[&inputs[1], &inputs[2], &images] } else { &[&inputs[1], &inputs[2]] };
        let mut all = vec![values.detach()];
        all.extend(Tensor::run_backward(&[sum], of, false, false));
        all
    }

    fn in_f64(operation: Operation, inputs: &Inputs) -> Vec<Tensor> {
        values_and_gradients(operation, &inputs.each_ref().map(|tensor| tensor.to_kind(Kind::Double)), true)
    }

    /// Values, and the gradients of kernels, bias and images: the places of [`values_and_gradients`].
    const ALL: &[usize] = &[0, 1, 2, 3];

    /// Where libtorch's own pieces are exact. Its gradient of the kernels adds images one by one in bf16 where the processor
    /// lacks AVX-512, without which it does not ask oneDNN for bf16: 8 bits do not hold sums over many images. Ours is
    /// exact everywhere.
    fn exact_of_pieces(kind: Kind, n_images: i64) -> &'static [usize] {
        let rounds_sums = kind == Kind::BFloat16 && !fixmatch::machine::processor::cpuinfo().contains(" avx512bw");
        if rounds_sums && n_images > 100 { &[0, 2, 3] } else { ALL }
    }

    /// Of exact numbers, in every order in memory, with and without a gradient of the images, in some places.
    fn assert_exact(operation: Operation, reference: Operation, shape: [i64; 5], kind: Kind, places: &[usize]) {
        let inputs = exact_inputs(shape);
        let expected = in_f64(reference, &inputs);
        let [images, kernels, bias] = inputs;
        let channels_last = images.permute([0, 2, 3, 1]).contiguous().permute([0, 3, 1, 2]);
        for (images, wants_images) in [(&images, true), (&channels_last, true), (&images, false)] {
            let inputs = [images.to_kind(kind), kernels.shallow_clone(), bias.shallow_clone()];
            let found = values_and_gradients(operation, &inputs, wants_images);
            assert_eq!((found[0].kind(), found[1].kind()), (kind, Kind::Float));
            for &place in places.iter().filter(|&&place| place < found.len()) {
                let (found, expected) = (&found[place], &expected[place]);
                // libtorch rounds the gradient of kernels in bf16
                let level = Instructions::in_force().level();
                assert!(found.to_kind(kind).equal(&expected.to_kind(kind)), "{shape:?} {kind:?} {level:?}, {place}");
            }
            let [images, kernels, bias] = &inputs;
            let without_graph = tch::no_grad(|| operation(images, kernels, bias));
            assert!(without_graph.equal(&found[0]) && !without_graph.requires_grad());
        }
    }

    /// To a millionth of the largest.
    fn assert_near(operation: Operation, reference: Operation, shape: [i64; 5]) {
        let inputs = inputs(shape);
        let found = values_and_gradients(operation, &inputs, true);
        for (place, (found, expected)) in found.iter().zip(in_f64(reference, &inputs)).enumerate() {
            let difference = (found.to_kind(Kind::Double) - &expected).abs().max().double_value(&[]);
            let difference = difference / expected.abs().max().double_value(&[]);
            assert!(difference < 1e-6, "{shape:?}, {place}: {difference}");
        }
    }

    #[test]
    fn of_exact_numbers_values_and_gradients_are_exact() {
        for (shape, kind) in POOLED_SHAPES.into_iter().flat_map(|shape| [(shape, Kind::Float), (shape, Kind::BFloat16)])
        {
            let values = &in_f64(conv_then_relu_then_pool, &exact_inputs(shape))[0];
            let some = |which: &Tensor| which.any().int64_value(&[]) == 1;
            assert!(some(&values.eq(0.0)) && some(&values.gt(0.0)), "some windows hold nothing above zero");
            at_every_level(|_| assert_exact(conv_pool_relu, conv_then_relu_then_pool, shape, kind, ALL));
            assert_exact(in_pieces, conv_then_relu_then_pool, shape, kind, exact_of_pieces(kind, shape[0]));
        }
        for (shape, _) in SHAPES {
            at_every_level(|_| assert_exact(conv_of_stride_1, libtorchs_conv, shape, Kind::Float, ALL));
        }
    }

    #[test]
    fn values_and_gradients_are_those_of_libtorch_in_f64() {
        at_every_level(|level| {
            for shape in POOLED_SHAPES {
                assert_near(conv_pool_relu, conv_then_relu_then_pool, shape);
            }
            for (shape, is_winograds) in SHAPES {
                let [images, kernels, _] = inputs(shape);
                let is_winograds = is_winograds && level != Level::Scalar;
                assert_eq!(winograd::is_for(&images, &kernels), is_winograds, "{shape:?} {level:?}");
                if is_winograds {
                    assert_near(conv_of_stride_1, libtorchs_conv, shape);
                } else {
                    // it is libtorch's, whose sums over many images are less exact than ours on some processors
                    let of = |operation| values_and_gradients(operation, &inputs(shape), true);
                    let pairs = of(conv_of_stride_1).into_iter().zip(of(libtorchs_conv));
                    for (found, expected) in pairs {
                        assert!(found.allclose(&expected, 1e-5, 1e-5, false), "{shape:?} {level:?}");
                    }
                }
            }
        });
    }

    #[test]
    fn the_number_of_threads_changes_no_bit() {
        let of_threads = |n_threads: usize| {
            let pool = rayon::ThreadPoolBuilder::new().num_threads(n_threads).build().expect("threads");
            let simd = Instructions::in_force();
            pool.install(|| {
                simd.in_this_thread(|| {
                    let shape = [2100, 32, 2, 2, 32];
                    let images = Pixels::of(&inputs(shape)[0]);
                    let of_ys = Pixels::of(&chirp(&[2100, 32, 2, 2], 0.3));
                    let [of_kernels, of_bias] = winograd::of_kernels(&images, &of_ys);
                    let numbers = Tensor::cat(&[of_kernels.flatten(0, -1), of_bias], 0);
                    numbers.iter::<f64>().expect("numbers").collect::<Vec<_>>()
                })
            })
        };
        at_every_level(|level| assert_eq!(of_threads(1), of_threads(3), "{level:?}"));
    }

    #[test]
    fn a_number_that_is_none_stays_none_next_to_where_it_was() {
        at_every_level(|level| {
            for (channels, outputs) in [(3, 32), (3, 8), (32, 32)] {
                let [images, kernels, bias] = inputs([1, channels, 8, 8, outputs]);
                let _ = images.narrow(2, 5, 1).narrow(3, 5, 1).fill_(f64::NAN);
                let is_none = conv_pool_relu(&images, &kernels, &bias).isnan().all_dim(1, false).squeeze(); // (4, 4)
                let expected = Tensor::zeros([4, 4], (Kind::Bool, Device::Cpu));
                let _ = expected.narrow(0, 2, 2).narrow(1, 2, 2).fill_(1.0);
                assert!(is_none.equal(&expected), "{channels} channels, {level:?}: {is_none}");
            }
        });
    }
}
