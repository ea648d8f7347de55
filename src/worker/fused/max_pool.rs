//! A bias, 2×2 maximum pooling and ReLU in one.

use half::bf16;
use rayon::prelude::*;
use tch::{Device, Kind, Tensor};

use super::graph::with_gradient;
use super::pixels::{Number, Pixels, numbers};
use super::vectorized;

/// What follows a convolution of the small network: of images (N, C, H, W) without bias, and the bias (C) f32, the ReLU of
/// the largest of 2×2 pixels, (N, C, ⌊H/2⌋, ⌊W/2⌋). The gradient goes to the first of equals, and to none where it is cut.
///
/// The largest of what a bias and ReLU give is what they give of the largest: the same values and gradients, for a
/// quarter of the work.
pub fn max_pool_and_relu(images: &Tensor, bias: &Tensor) -> Tensor {
    match (images.device(), images.kind()) {
        (Device::Cpu, Kind::Float) => fused::<f32>(images, bias),
        (Device::Cpu, Kind::BFloat16) => fused::<bf16>(images, bias),
        _ => in_pieces(images, bias),
    }
}

fn in_pieces(images: &Tensor, bias: &Tensor) -> Tensor {
    let pooled = images.max_pool2d([2; 2], [2; 2], [0; 2], [1; 2], false);
    (pooled + bias.to_kind(images.kind()).view([-1, 1, 1])).relu_()
}

/// Which of the four pixels it was, or none.
type Winner = u8;
const NONE: Winner = 4;

fn fused<T: Number>(images: &Tensor, bias: &Tensor) -> Tensor {
    let inputs = Pixels::of(images);
    let [n, height, width, channels] = inputs.shape;
    let shape = [n, height / 2, width / 2, channels];
    let (of_input, of_output) = (height * width * channels, shape[1..].iter().product::<usize>());
    let biases = numbers(bias);
    let mut outputs = Pixels::empty::<T>(shape);
    let by_image = outputs.values_mut::<T>().par_chunks_exact_mut(of_output);
    let by_image = by_image.zip(inputs.values::<T>().par_chunks_exact(of_input));
    if !images.requires_grad() {
        let scratch = || vec![NONE; of_output];
        by_image.for_each_init(scratch, |winners, (output, input)| {
            vectorized(
                #[inline(always)]
                || pool(input, &biases, output, winners, width),
            );
        });
        return outputs.into_images();
    }
    let mut winners = Pixels::empty::<Winner>(shape);
    let by_image = by_image.zip(winners.values_mut::<Winner>().par_chunks_exact_mut(of_output));
    by_image.for_each(|((output, input), winners)| {
        vectorized(
            #[inline(always)]
            || pool(input, &biases, output, winners, width),
        );
    });
    with_gradient(outputs.into_images(), &[images, bias], move |gradient| {
        let gradient = Pixels::of(gradient);
        let mut of_inputs = Pixels::empty::<T>([n, height, width, channels]);
        let by_image = of_inputs.values_mut::<T>().par_chunks_exact_mut(of_input);
        let by_image = by_image.zip(gradient.values::<T>().par_chunks_exact(of_output));
        let by_image = by_image.zip(winners.values::<Winner>().par_chunks_exact(of_output));
        let of_bias = by_image.map(|((of_input, gradient), winners)| {
            let mut of_bias = vec![0.0; channels];
            vectorized(
                #[inline(always)]
                || give(gradient, winners, of_input, &mut of_bias, width),
            );
            of_bias
        });
        let of_bias = of_bias.collect::<Vec<_>>().concat();
        let of_bias = Tensor::from_slice(&of_bias).view([-1, channels as i64]);
        let of_bias = of_bias.sum_dim_intlist([0_i64].as_slice(), false, Kind::Double).to_kind(Kind::Float);
        vec![of_inputs.into_images(), of_bias]
    })
}

/// Pools one image.
#[inline(always)]
fn pool<T: Number>(input: &[T], biases: &[f32], output: &mut [T], winners: &mut [Winner], width: usize) {
    let channels = biases.len();
    let (stride, of_row) = (width * channels, width / 2 * channels);
    let rows = output.chunks_exact_mut(of_row).zip(winners.chunks_exact_mut(of_row));
    for (input, (output, winners)) in input.chunks_exact(2 * stride).zip(rows) {
        let (upper, lower) = input.split_at(stride);
        let pairs = upper.chunks_exact(2 * channels).zip(lower.chunks_exact(2 * channels));
        let pixels = output.chunks_exact_mut(channels).zip(winners.chunks_exact_mut(channels));
        for ((upper, lower), (output, winners)) in pairs.zip(pixels) {
            let (a, b) = upper.split_at(channels);
            let (c, d) = lower.split_at(channels);
            let numbers = a.iter().zip(b).zip(c.iter().zip(d));
            let outputs = output.iter_mut().zip(winners).zip(biases);
            for (((a, b), (c, d)), ((output, winner), bias)) in numbers.zip(outputs) {
                let (largest, place) = first_largest([a, b, c, d].map(|x| x.get()));
                let value = largest + bias;
                let is_cut = value <= 0.0;
                *output = T::of(if is_cut { 0.0 } else { value });
                *winner = if is_cut { NONE } else { place as Winner };
            }
        }
    }
}

/// The largest number and its place. NaN counts as larger than all.
#[inline(always)]
fn first_largest([a, b, c, d]: [f32; 4]) -> (f32, u32) {
    let (mut value, mut place) = (a, 0);
    for (i, x) in [(1, b), (2, c), (3, d)] {
        let wins = x > value || x.is_nan();
        value = if wins { x } else { value };
        place = if wins { i } else { place };
    }
    (value, place)
}

/// Gives each gradient to the pixel that won, and to the bias; the other pixels, all of which are written, get zero.
#[inline(always)]
fn give<T: Number>(gradient: &[T], winners: &[Winner], of_input: &mut [T], of_bias: &mut [f32], width: usize) {
    let channels = of_bias.len();
    let (stride, of_row) = (width * channels, width / 2 * channels);
    let zero = T::of(0.0);
    let rows = gradient.chunks_exact(of_row).zip(winners.chunks_exact(of_row));
    let (pooled, rest) = of_input.split_at_mut(2 * stride * rows.len());
    rest.fill(zero);
    for (of_rows, (gradient, winners)) in pooled.chunks_exact_mut(2 * stride).zip(rows) {
        let (upper, lower) = of_rows.split_at_mut(stride);
        upper[2 * of_row..].fill(zero);
        lower[2 * of_row..].fill(zero);
        let pairs = upper.chunks_exact_mut(2 * channels).zip(lower.chunks_exact_mut(2 * channels));
        let pixels = gradient.chunks_exact(channels).zip(winners.chunks_exact(channels));
        for ((upper, lower), (gradient, winners)) in pairs.zip(pixels) {
            for ((of_bias, gradient), winner) in of_bias.iter_mut().zip(gradient).zip(winners) {
                *of_bias += if *winner == NONE { 0.0 } else { gradient.get() };
            }
            let (a, b) = upper.split_at_mut(channels);
            let (c, d) = lower.split_at_mut(channels);
            for (place, of_pixel) in [(0, a), (1, b), (2, c), (3, d)] {
                for ((of_number, gradient), winner) in of_pixel.iter_mut().zip(gradient).zip(winners) {
                    *of_number = if *winner == place { *gradient } else { zero };
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// As PyTorch users write it.
    fn bias_then_relu_then_pool(images: &Tensor, bias: &Tensor) -> Tensor {
        let biased = images + bias.to_kind(images.kind()).view([-1, 1, 1]);
        biased.relu().max_pool2d([2; 2], [2; 2], [0; 2], [1; 2], false)
    }

    /// Numbers of few values, so that equals, and windows without a positive number, occur.
    fn images(shape: [i64; 4]) -> Tensor {
        let n = shape.iter().product::<i64>();
        ((Tensor::arange(n, (Kind::Float, Device::Cpu)) * 1.7).sin() * 3.0).round().view(shape)
    }

    fn bias(channels: i64) -> Tensor {
        (Tensor::arange(channels, (Kind::Float, Device::Cpu)) * 0.5 - 2.0).set_requires_grad(true)
    }

    /// Values, and the gradients of images and bias when the outputs are weighed differently.
    fn values_and_gradients(pooled: fn(&Tensor, &Tensor) -> Tensor, images: &Tensor) -> [Tensor; 3] {
        let images = images.detach().set_requires_grad(true);
        let bias = bias(images.size()[1]);
        let values = pooled(&images, &bias);
        let weights = Tensor::arange(values.numel() as i64, (Kind::Float, Device::Cpu)).remainder(7.0).view_as(&values);
        let sum = (&values * weights.to_kind(values.kind())).sum(Kind::Float);
        let gradients = Tensor::run_backward(&[sum], &[&images, &bias], false, false);
        [values, gradients[0].shallow_clone(), gradients[1].shallow_clone()]
    }

    #[test]
    fn values_and_gradients_are_those_of_bias_relu_and_pooling() {
        let shapes = [[2, 32, 8, 8], [3, 5, 7, 9], [1, 64, 2, 3], [4, 1, 6, 2]];
        for (shape, kind) in shapes.into_iter().flat_map(|shape| [(shape, Kind::Float), (shape, Kind::BFloat16)]) {
            let images = images(shape).to_kind(kind);
            let channels_last = images.permute([0, 2, 3, 1]).contiguous().permute([0, 3, 1, 2]);
            let expected = values_and_gradients(bias_then_relu_then_pool, &images);
            for (way, images) in [
                (max_pool_and_relu as fn(&_, &_) -> _, &images),
                (max_pool_and_relu, &channels_last),
                (in_pieces, &images),
            ] {
                let found = values_and_gradients(way, images);
                assert_eq!(found[0].kind(), kind);
                assert!(
                    found.iter().zip(&expected).all(|(found, expected)| found.equal(expected)),
                    "{shape:?} {kind:?}"
                );
            }
            assert!(expected[0].eq(0.0).any().int64_value(&[]) == 1, "some windows hold nothing above zero");
            let without_graph = tch::no_grad(|| max_pool_and_relu(&images, &bias(shape[1])));
            assert!(without_graph.equal(&expected[0]) && !without_graph.requires_grad());
        }
    }

    #[test]
    fn a_number_that_is_none_stays_none() {
        let images = Tensor::from_slice(&[1.0_f32, f32::NAN, 2.0, 3.0]).view([1, 1, 2, 2]);
        let pooled = max_pool_and_relu(&images, &Tensor::from_slice(&[0.0_f32]));
        assert!(pooled.double_value(&[0, 0, 0, 0]).is_nan());
    }
}
