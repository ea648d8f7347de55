//! A 3×3 convolution of images with few channels, pooled at once: its outputs are many times the numbers that they are
//! computed from, and are never written down.

use pulp::{Simd, WithSimd};
use rayon::prelude::*;
use tch::Tensor;

use super::super::instructions::Instructions;
use super::super::pixels::{Number, Pixels};
use super::layout::{Layout, VECTOR};
use super::pool::{Mark, pool_window};
use super::registers::{add_product, store};

/// Vectors of outputs that are computed at once, for each pixel of a window.
const N: usize = 2;

/// Whether this is the way: few enough inputs, and outputs in whole vectors.
pub fn is_for(layout: Layout) -> bool {
    layout.inputs <= 4 && layout.outputs.is_multiple_of(N * VECTOR)
}

/// What is left of images convolved by kernels (K, C, 3, 3), and which pixels it was: N × ⌊H/2⌋ × ⌊W/2⌋ × K.
pub fn convolve_and_pool<T: Number, M: Mark>(
    xs: &Pixels,
    kernels: &Tensor,
    biases: &[f32],
    pooled: &mut Pixels,
    winners: &mut [M],
) {
    let (layout, simd) = (Layout::of(xs, biases.len()), Instructions::in_force());
    let kernels = Pixels::of(&super::rows(kernels).unsqueeze(0));
    let kernels = kernels.values::<f32>();
    let by_image = pooled.values_mut::<T>().par_chunks_exact_mut(layout.of_pooled());
    let by_image = by_image.zip(winners.par_chunks_exact_mut(layout.of_pooled()));
    let by_image = by_image.zip(xs.values::<T>().par_chunks_exact(layout.of_image()));
    by_image.for_each_init(
        || layout.padded(),
        |padded, ((pooled, winners), pixels)| {
            let padded = padded.values_mut();
            simd.run(Image { layout, kernels, biases, pixels, padded, pooled, winners });
        },
    );
}

/// An image, and where its pooled outputs and their places go.
struct Image<'a, T, M> {
    layout: Layout,
    /// 3 × 3 × C × K.
    kernels: &'a [f32],
    biases: &'a [f32],
    pixels: &'a [T],
    /// A padded image, zero at its border.
    padded: &'a mut [f32],
    pooled: &'a mut [T],
    winners: &'a mut [M],
}

impl<T: Number, M: Mark> WithSimd for Image<'_, T, M> {
    type Output = ();

    #[inline(always)]
    fn with_simd<S: Simd>(self, simd: S) {
        let Self { layout, kernels, biases, pixels, padded, pooled, winners } = self;
        layout.pad(pixels, padded);
        let (outputs, stride, patch, len) = (layout.outputs, layout.stride(), 4 * layout.inputs, N * S::F32_LANES);
        let kernels = by_part(kernels, outputs, len);
        let mut sums = [[0.0; N * VECTOR]; 4];
        for (window, pooled) in pooled.chunks_exact_mut(outputs).enumerate() {
            let padded = &padded[layout.place(window)..];
            let rows = [
                &padded[..patch],
                &padded[stride..stride + patch],
                &padded[2 * stride..2 * stride + patch],
                &padded[3 * stride..3 * stride + patch],
            ];
            let winners = &mut winners[window * outputs..][..outputs];
            let parts = pooled.chunks_exact_mut(len).zip(winners.chunks_exact_mut(len)).zip(biases.chunks_exact(len));
            for (((pooled, winners), biases), kernels) in parts.zip(kernels.chunks_exact(9 * layout.inputs * len)) {
                convolve(simd, rows, layout.inputs, kernels, &mut sums);
                let [a, b, c, d] = &sums;
                pool_window([&a[..len], &b[..len], &c[..len], &d[..len]], biases, pooled, winners);
            }
        }
    }
}

/// Kernels 3 × 3 × C × K by parts of K. Where the rows of a part follow each other at a distance that the compiler knows, a
/// step has nothing else to do than products.
#[inline(always)]
fn by_part(kernels: &[f32], outputs: usize, len: usize) -> Vec<f32> {
    let mut by_part = Vec::with_capacity(kernels.len());
    for part in (0..outputs).step_by(len) {
        for row in kernels.chunks_exact(outputs) {
            by_part.extend_from_slice(&row[part..part + len]);
        }
    }
    by_part
}

/// Some outputs of the four pixels of a window, given the 4×4 pixels around it.
#[inline(always)]
fn convolve<S: Simd>(simd: S, rows: [&[f32]; 4], inputs: usize, kernels: &[f32], sums: &mut [[f32; N * VECTOR]; 4]) {
    let len = N * S::F32_LANES;
    let mut totals = [[simd.splat_f32s(0.0); N]; 4];
    for (rows, kernels) in rows.windows(2).zip(kernels.chunks_exact(3 * inputs * len)) {
        let (upper, lower) = (rows[0], rows[1]);
        let places = upper.iter().zip(&upper[inputs..]).zip(lower.iter().zip(&lower[inputs..]));
        for (((&a, &b), (&c, &d)), kernels) in places.zip(kernels.chunks_exact(len)) {
            for (totals, x) in totals.iter_mut().zip([a, b, c, d]) {
                add_product(simd, x, kernels, totals);
            }
        }
    }
    store::<S, N, 4>(&totals, sums.as_flattened_mut(), N * VECTOR);
}
