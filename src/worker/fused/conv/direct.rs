//! A 3×3 convolution of images with few channels, pooled at once: its outputs are many times the numbers that they are
//! computed from, and are never written down.

use pulp::{Simd, WithSimd};

use super::super::pixels::Number;
use super::layout::{Layout, VECTOR};
use super::pool::{Winner, pool_window};

/// Vectors of outputs that are computed at once, for each pixel of a window.
const N: usize = 2;

/// Whether this is the way: few enough inputs, and outputs in whole vectors.
pub fn is_for(layout: Layout) -> bool {
    layout.inputs <= 4 && layout.outputs.is_multiple_of(N * VECTOR)
}

/// An image, and where its pooled outputs and their places go.
pub struct Image<'a, T> {
    /// How all lies in memory.
    pub layout: Layout,
    /// 3 × 3 × C × K.
    pub kernels: &'a [f32],
    /// One for each output.
    pub biases: &'a [f32],
    /// The image itself.
    pub pixels: &'a [T],
    /// A padded image, zero at its border.
    pub padded: &'a mut [f32],
    /// What is left of each 2×2 pixels.
    pub pooled: &'a mut [T],
    /// Which of them it was.
    pub winners: &'a mut [Winner],
}

impl<T: Number> WithSimd for Image<'_, T> {
    type Output = ();

    #[inline(always)]
    fn with_simd<S: Simd>(self, simd: S) {
        let Self { layout, kernels, biases, pixels, padded, pooled, winners } = self;
        layout.pad(pixels, padded);
        let (outputs, stride, patch, len) = (layout.outputs, layout.stride(), 4 * layout.inputs, N * S::F32_LANES);
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
            for (part, ((pooled, winners), biases)) in parts.enumerate() {
                convolve(simd, rows, layout, &kernels[part * len..], &mut sums);
                let [a, b, c, d] = &sums;
                pool_window([&a[..len], &b[..len], &c[..len], &d[..len]], biases, pooled, winners);
            }
        }
    }
}

/// Some outputs of the four pixels of a window, given the 4×4 pixels around it.
#[inline(always)]
fn convolve<S: Simd>(
    simd: S,
    rows: [&[f32]; 4],
    Layout { inputs, outputs, .. }: Layout,
    kernels: &[f32],
    sums: &mut [[f32; N * VECTOR]; 4],
) {
    let mut totals = [[simd.splat_f32s(0.0); N]; 4];
    for (y, kernels) in kernels.chunks(3 * inputs * outputs).enumerate() {
        let (upper, lower) = (rows[y], rows[y + 1]);
        let places = upper.iter().zip(&upper[inputs..]).zip(lower.iter().zip(&lower[inputs..]));
        for (((&a, &b), (&c, &d)), kernels) in places.zip(kernels.chunks(outputs)) {
            let (kernels, _) = S::as_simd_f32s(&kernels[..N * S::F32_LANES]);
            for (totals, x) in totals.iter_mut().zip([a, b, c, d]) {
                let x = simd.splat_f32s(x);
                for (total, kernel) in totals.iter_mut().zip(kernels) {
                    *total = simd.mul_add_e_f32s(x, *kernel, *total);
                }
            }
        }
    }
    for (sums, totals) in sums.iter_mut().zip(&totals) {
        let (sums, _) = S::as_mut_simd_f32s(sums);
        sums.iter_mut().zip(totals).for_each(|(sum, total)| *sum = *total);
    }
}
