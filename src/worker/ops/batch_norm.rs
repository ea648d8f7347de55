//! Batch norm and leaky ReLU in one.

use half::bf16;
use rayon::prelude::*;
use tch::{Device, Kind, Tensor};

use super::graph::with_gradient;
use super::instructions::Instructions;
use super::pixels::{Number, Pixels, numbers};
use super::to_tile;

/// Batch norm over N, H and W, then leaky ReLU: y = leaky(weight·(x − μ)/√(σ² + ε) + bias).
#[derive(Clone, Copy, Debug)]
pub struct BatchNorm<'a> {
    /// γ: (C) f32.
    pub weight: &'a Tensor,
    /// β: (C) f32.
    pub bias: &'a Tensor,
    /// Where μ and σ² come from.
    pub statistics: Statistics<'a>,
    /// ε, added to the variance.
    pub eps: f64,
    /// Leaky ReLU's slope below zero.
    pub slope: f64,
}

/// Where means and variances come from; running ones are (C) f32.
#[derive(Clone, Copy, Debug)]
pub enum Statistics<'a> {
    /// From the batch, which also moves the running ones by its weight in them.
    BatchAndMove { mean: &'a Tensor, variance: &'a Tensor, momentum: f64 },
    /// From the batch.
    Batch,
    /// The running ones.
    Running { mean: &'a Tensor, variance: &'a Tensor },
}

/// Pixels that are summed up in f32 before they are added to sums in f64, and that a thread takes at a time.
const BLOCK: usize = 512;

impl BatchNorm<'_> {
    /// Of images (N, C, H, W), in their precision; sums are f32 or better.
    pub fn forward(&self, images: &Tensor) -> Tensor {
        match (images.device(), images.kind()) {
            _ if self.needs_pieces(images) => self.in_pieces(images),
            (Device::Cpu, Kind::Float) => self.fused::<f32>(images),
            (Device::Cpu, Kind::BFloat16) => self.fused::<bf16>(images),
            _ => self.in_pieces(images),
        }
    }

    /// Whether images that want a gradient are evaluated: only pieces have that gradient.
    pub fn needs_pieces(&self, images: &Tensor) -> bool {
        matches!(self.statistics, Statistics::Running { .. }) && images.requires_grad()
    }

    fn in_pieces(&self, images: &Tensor) -> Tensor {
        let (mean, variance, by_batch, momentum) = match self.statistics {
            Statistics::BatchAndMove { mean, variance, momentum } => (Some(mean), Some(variance), true, momentum),
            Statistics::Batch => (None, None, true, 0.0),
            Statistics::Running { mean, variance } => (Some(mean), Some(variance), false, 0.0),
        };
        let (weight, bias) = (Some(self.weight), Some(self.bias));
        leaky_relu(&images.batch_norm(weight, bias, mean, variance, by_batch, momentum, self.eps, true), self.slope)
    }

    fn fused<T: Number>(&self, images: &Tensor) -> Tensor {
        let inputs = Pixels::of(images);
        let n_pixels = inputs.n_pixels();
        let (weight, bias) = (numbers(self.weight), numbers(self.bias));
        let (mean, variance) = match self.statistics {
            Statistics::Running { mean, variance } => (numbers(mean), numbers(variance)),
            Statistics::Batch => moments(inputs.values::<T>(), weight.len()),
            Statistics::BatchAndMove { mean: running_mean, variance: running_variance, momentum } => {
                let (mean, variance) = moments(inputs.values::<T>(), weight.len());
                let _guard = tch::no_grad_guard();
                let unbiased = Tensor::from_slice(&variance) * (n_pixels as f64 / (n_pixels as f64 - 1.0));
                let _ = running_mean.shallow_clone().lerp_(&Tensor::from_slice(&mean), momentum);
                let _ = running_variance.shallow_clone().lerp_(&unbiased, momentum);
                (mean, variance)
            }
        };
        let inverse_std: Vec<f32> = variance.iter().map(|variance| 1.0 / (variance + self.eps as f32).sqrt()).collect();
        let scale = zip_with(&weight, &inverse_std, |weight, inverse_std| weight * inverse_std);
        let mean_scaled = zip_with(&mean, &scale, |mean, scale| mean * scale);
        let shift = zip_with(&bias, &mean_scaled, |bias, mean| bias - mean);
        let layer = Layer {
            channels: weight.len(),
            scale: to_tile(&scale),
            shift: to_tile(&shift),
            mean: to_tile(&mean),
            slope: self.slope as f32,
        };
        let mut outputs = Pixels::empty::<T>(inputs.shape);
        layer.apply(inputs.values::<T>(), outputs.values_mut::<T>());
        if !images.requires_grad() {
            return outputs.into_images();
        }
        with_gradient(outputs.into_images(), &[images, self.weight, self.bias], move |of_outputs| {
            let of_outputs = Pixels::of(of_outputs);
            let (xs, of_ys) = (inputs.values::<T>(), of_outputs.values::<T>());
            // With g the gradient of z: that of β is Σg, that of γ is Σg·(x − μ)/√(σ² + ε), and that of x is
            // scale·(g − mean of g − (x − μ)/(σ² + ε) · mean of g·(x − μ)).
            let [products, of_bias] = layer.sum_gradients(xs, of_ys);
            let of_weight = zip_with(&products, &inverse_std, |sum, inverse_std| sum * inverse_std);
            let level: Vec<f32> = of_bias.iter().map(|sum| sum / n_pixels as f32).collect();
            let slant = zip_with(&of_weight, &inverse_std, |sum, inverse_std| sum * inverse_std / n_pixels as f32);
            let mut of_inputs = Pixels::empty::<T>(inputs.shape);
            layer.give(xs, of_ys, &to_tile(&level), &to_tile(&slant), of_inputs.values_mut::<T>());
            vec![of_inputs.into_images(), Tensor::from_slice(&of_weight), Tensor::from_slice(&of_bias)]
        })
    }
}

/// z = scale·x + shift, y = leaky(z), by the numbers of each channel, repeated over a tile.
struct Layer {
    channels: usize,
    scale: Vec<f32>,
    shift: Vec<f32>,
    mean: Vec<f32>,
    slope: f32,
}

impl Layer {
    fn apply<T: Number>(&self, xs: &[T], ys: &mut [T]) {
        let (block, simd) = (BLOCK * self.channels, Instructions::in_force());
        ys.par_chunks_mut(block).zip(xs.par_chunks(block)).for_each(|(ys, xs)| {
            simd.run(
                #[inline(always)]
                || {
                    for (ys, xs) in ys.chunks_mut(self.scale.len()).zip(xs.chunks(self.scale.len())) {
                        apply(xs, &self.scale, &self.shift, self.slope, ys);
                    }
                },
            );
        });
    }

    /// Σg·(x − μ) and Σg of each channel, with g the gradient of z.
    fn sum_gradients<T: Number>(&self, xs: &[T], of_ys: &[T]) -> [Vec<f32>; 2] {
        let (block, simd) = (BLOCK * self.channels, Instructions::in_force());
        let blocks = xs.par_chunks(block).zip(of_ys.par_chunks(block)).map(|(xs, of_ys)| {
            let mut sums = [vec![0.0; self.scale.len()], vec![0.0; self.scale.len()]];
            simd.run(
                #[inline(always)]
                || {
                    let [products, sums] = &mut sums;
                    for (xs, of_ys) in xs.chunks(self.scale.len()).zip(of_ys.chunks(self.scale.len())) {
                        add_gradients(xs, of_ys, [&self.scale, &self.shift, &self.mean], self.slope, products, sums);
                    }
                },
            );
            sums
        });
        total(&blocks.collect::<Vec<_>>(), self.channels).map(|sums| sums.into_iter().map(|sum| sum as f32).collect())
    }

    /// The gradient of x.
    fn give<T: Number>(&self, xs: &[T], of_ys: &[T], level: &[f32], slant: &[f32], of_xs: &mut [T]) {
        let (block, tile, simd) = (BLOCK * self.channels, self.scale.len(), Instructions::in_force());
        let blocks = of_xs.par_chunks_mut(block).zip(xs.par_chunks(block)).zip(of_ys.par_chunks(block));
        blocks.for_each(|((of_xs, xs), of_ys)| {
            simd.run(
                #[inline(always)]
                || {
                    for (of_xs, (xs, of_ys)) in of_xs.chunks_mut(tile).zip(xs.chunks(tile).zip(of_ys.chunks(tile))) {
                        let by_channel = [&self.scale, &self.shift, &self.mean, level, slant];
                        give(xs, of_ys, by_channel, self.slope, of_xs);
                    }
                },
            );
        });
    }
}

/// Means and variances of channels, the latter divided by the number of pixels.
fn moments<T: Number>(pixels: &[T], channels: usize) -> (Vec<f32>, Vec<f32>) {
    // What numbers are taken relative to, so that nothing is lost where they differ little.
    let first: Vec<f32> = pixels[..channels].iter().map(|x| x.get()).collect();
    let (first, simd) = (to_tile(&first), Instructions::in_force());
    let blocks = pixels.par_chunks(BLOCK * channels).map(|pixels| {
        let mut sums = [vec![0.0; first.len()], vec![0.0; first.len()]];
        simd.run(
            #[inline(always)]
            || {
                let [sums, squares] = &mut sums;
                for xs in pixels.chunks(first.len()) {
                    add_moments(xs, &first, sums, squares);
                }
            },
        );
        sums
    });
    let [sums, squares] = total(&blocks.collect::<Vec<_>>(), channels);
    let n = (pixels.len() / channels) as f64;
    let means = sums.iter().zip(&first).map(|(sum, &first)| (f64::from(first) + sum / n) as f32);
    let variances = sums.iter().zip(&squares).map(|(sum, square)| (square / n - (sum / n).powi(2)).max(0.0) as f32);
    (means.collect(), variances.collect())
}

#[inline(always)]
fn apply<T: Number>(xs: &[T], scale: &[f32], shift: &[f32], slope: f32, ys: &mut [T]) {
    for ((y, x), (scale, shift)) in ys.iter_mut().zip(xs).zip(scale.iter().zip(shift)) {
        let z = scale * x.get() + shift;
        let low = slope * z;
        *y = T::of(if z > 0.0 { z } else { low });
    }
}

#[inline(always)]
fn add_moments<T: Number>(xs: &[T], first: &[f32], sums: &mut [f32], squares: &mut [f32]) {
    for ((x, first), (sum, square)) in xs.iter().zip(first).zip(sums.iter_mut().zip(squares)) {
        let x = x.get() - first;
        *sum += x;
        *square += x * x;
    }
}

/// The gradient of z, given that of y.
#[inline(always)]
fn of_z(x: f32, of_y: f32, scale: f32, shift: f32, slope: f32) -> f32 {
    let low = slope * of_y;
    if scale * x + shift > 0.0 { of_y } else { low }
}

#[inline(always)]
fn add_gradients<T: Number>(
    xs: &[T],
    of_ys: &[T],
    [scale, shift, mean]: [&[f32]; 3],
    slope: f32,
    products: &mut [f32],
    sums: &mut [f32],
) {
    let by_channel = scale.iter().zip(shift).zip(mean);
    let pixels = xs.iter().zip(of_ys).zip(by_channel);
    for (((x, of_y), ((scale, shift), mean)), (product, sum)) in pixels.zip(products.iter_mut().zip(sums)) {
        let of_z = of_z(x.get(), of_y.get(), *scale, *shift, slope);
        *product += of_z * (x.get() - mean);
        *sum += of_z;
    }
}

#[inline(always)]
fn give<T: Number>(
    xs: &[T],
    of_ys: &[T],
    [scale, shift, mean, level, slant]: [&[f32]; 5],
    slope: f32,
    of_xs: &mut [T],
) {
    let by_channel = scale.iter().zip(shift).zip(mean.iter().zip(level).zip(slant));
    let pixels = xs.iter().zip(of_ys).zip(by_channel);
    for (of_x, ((x, of_y), ((scale, shift), ((mean, level), slant)))) in of_xs.iter_mut().zip(pixels) {
        let of_z = of_z(x.get(), of_y.get(), *scale, *shift, slope);
        *of_x = T::of(scale * (of_z - level - slant * (x.get() - mean)));
    }
}

/// Two sums for each channel over all blocks, in their order.
fn total(blocks: &[[Vec<f32>; 2]], channels: usize) -> [Vec<f64>; 2] {
    [0, 1].map(|which| {
        let mut total = vec![0.0; channels];
        for pixel in blocks.iter().flat_map(|sums| sums[which].chunks_exact(channels)) {
            for (total, &sum) in total.iter_mut().zip(pixel) {
                *total += f64::from(sum);
            }
        }
        total
    })
}

fn zip_with(xs: &[f32], ys: &[f32], f: impl Fn(f32, f32) -> f32) -> Vec<f32> {
    xs.iter().zip(ys).map(|(&x, &y)| f(x, y)).collect()
}

/// x where x > 0, else slope · x. The binding of `leaky_relu` has no slope, but that of its backward has: it multiplies a
/// gradient by 1 or the slope, here x itself.
fn leaky_relu(xs: &Tensor, slope: f64) -> Tensor {
    xs.detach().leaky_relu_backward(xs, slope, false)
}

#[cfg(test)]
mod tests {
    use super::super::instructions::at_every_level;
    use super::*;

    const CPU: (Kind, Device) = (Kind::Float, Device::Cpu);

    /// Waves around `offset`, other ones for each channel.
    fn images([n, c, h, w]: [i64; 4], offset: f64) -> Tensor {
        let wave = (Tensor::arange(n * h * w * c, CPU) * 1.3).sin().view([n, h, w, c]);
        (wave * (Tensor::arange(c, CPU) * 0.1 + 0.5) + offset).permute([0, 3, 1, 2])
    }

    /// Values, the gradients of images, weight and bias when outputs are weighed differently, and running statistics.
    /// Constants are f64 if the images are.
    fn everything(images: &Tensor, fused: bool, by_batch: bool) -> Vec<Tensor> {
        let channels = Tensor::arange(images.size()[1], CPU);
        let constants = if images.kind() == Kind::Double { Kind::Double } else { Kind::Float };
        let [weight, bias, mean, variance] =
            [(&channels - 3.0) * 0.2, &channels * 0.05, &channels * 0.1, &channels * 0.3 + 1.0]
                .map(|xs| xs.to_kind(constants));
        let (weight, bias) = (weight.set_requires_grad(true), bias.set_requires_grad(true));
        let images = images.detach().set_requires_grad(by_batch);
        let statistics = if by_batch {
            Statistics::BatchAndMove { mean: &mean, variance: &variance, momentum: 0.3 }
        } else {
            Statistics::Running { mean: &mean, variance: &variance }
        };
        let layer = BatchNorm { weight: &weight, bias: &bias, statistics, eps: 1e-3, slope: 0.1 };
        let values = if fused { layer.forward(&images) } else { layer.in_pieces(&images) };
        let mut all = vec![values.detach()];
        if by_batch {
            let weights = (Tensor::arange(values.numel() as i64, CPU) * 0.7).cos().view_as(&values);
            let sum = (values * weights).sum(Kind::Double);
            all.extend(Tensor::run_backward(&[sum], &[&images, &weight, &bias], false, false));
        }
        all.extend([mean, variance]);
        all
    }

    fn largest_difference(found: &Tensor, expected: &Tensor) -> f64 {
        let [found, expected] = [found, expected].map(|xs| xs.to_kind(Kind::Double));
        (&found - &expected).abs().max().double_value(&[]) / expected.abs().max().double_value(&[]).max(1.0)
    }

    #[test]
    fn values_gradients_and_running_statistics_are_those_of_libtorch_in_f64() {
        let shapes = [[2, 16, 4, 4], [3, 32, 16, 17], [5, 7, 3, 3], [2, 128, 8, 8], [40, 64, 8, 8]];
        for (shape, by_batch) in shapes.into_iter().flat_map(|shape| [(shape, true), (shape, false)]) {
            let images = images(shape, 0.4);
            let expected = everything(&images.to_kind(Kind::Double), false, by_batch);
            let in_bf16 = images.to_kind(Kind::BFloat16);
            let expected_in_bf16 = everything(&in_bf16, false, by_batch);
            at_every_level(|level| {
                let assert_near = |images: &Tensor, expected: &[Tensor], tolerance: f64| {
                    for (place, (found, expected)) in
                        everything(images, true, by_batch).iter().zip(expected).enumerate()
                    {
                        let (difference, kind) = (largest_difference(found, expected), images.kind());
                        let case = format!("{shape:?} in {kind:?}, by batch {by_batch}, {level:?}, {place}");
                        assert!(difference < tolerance, "{case}: {difference}");
                    }
                };
                assert_near(&images, &expected, 4e-6);
                assert_near(&images.contiguous(), &expected, 4e-6);
                // as near as numbers of bf16 are to each other
                assert_near(&in_bf16, &expected_in_bf16, 1.0 / 128.0);
            });
        }
    }

    #[test]
    fn numbers_far_from_zero_keep_their_variance() {
        let images = images([8, 16, 16, 16], 1000.0);
        let exact = images.to_kind(Kind::Double).permute([1, 0, 2, 3]).flatten(1, -1);
        let exact = exact.var_dim([1_i64].as_slice(), true, false) * 0.3 + (Tensor::arange(16, CPU) * 0.3 + 1.0) * 0.7;
        at_every_level(|level| {
            let found = everything(&images, true, true);
            let difference = largest_difference(found.last().expect("variances"), &exact);
            assert!(difference < 1e-6, "{level:?}: {difference}");
        });
    }

    #[test]
    fn an_image_that_wants_a_gradient_gets_one_in_evaluation_too() {
        let images = images([2, 16, 4, 4], 0.0).set_requires_grad(true);
        let [weight, variance] = [1.0, 4.0].map(|x| Tensor::full([16], x, CPU));
        let zero = Tensor::zeros([16], CPU);
        let statistics = Statistics::Running { mean: &zero, variance: &variance };
        let values = BatchNorm { weight: &weight, bias: &zero, statistics, eps: 0.0, slope: 0.5 }.forward(&images);
        let gradient = Tensor::run_backward(&[values.sum(Kind::Float)], &[&images], false, false).remove(0);
        let expected = images.gt(0.0).to_kind(Kind::Float) * 0.25 + 0.25;
        assert!(gradient.allclose(&expected, 1e-6, 0.0, false));
    }
}
