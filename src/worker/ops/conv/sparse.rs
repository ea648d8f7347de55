//! The gradients of a 3×3 convolution of whose outputs in a 2×2 window one has a gradient, or none: products with the others
//! are left out.

use pulp::{Simd, WithSimd};
use rayon::prelude::*;
use tch::Tensor;

use super::super::instructions::Instructions;
use super::super::pixels::{Number, Pixels};
use super::super::total;
use super::layout::{Layout, VECTOR};
use super::pool::{NONE, Winner};
use super::rows::{Rows, Term, add_rows};

/// How many images add up their gradients before those of others are added.
const PART: usize = 16;

/// Windows that are looked at together: their pixels stay in the processor's first cache while all kernels go over them.
const WINDOWS: usize = 32;

/// The gradients of images, if wanted, kernels (K, C, 3, 3) and bias (K), given those of the pooled outputs,
/// N × ⌊H/2⌋ × ⌊W/2⌋ × K, and which pixels they were.
pub fn gradients<T: Number>(
    xs: &Pixels,
    kernels: &Tensor,
    of_pooled: &Pixels,
    winners: &Pixels,
    wants_xs: bool,
) -> Vec<Tensor> {
    let (layout, simd) = (Layout::of(xs, of_pooled.shape[3]), Instructions::in_force());
    let (of_images, of_windows) = (PART * layout.of_image(), PART * layout.of_pooled());
    let kernels = padded_rows(kernels, row(layout));
    let kernels = kernels.values::<f32>();
    let mut of_xs = wants_xs.then(|| Pixels::empty::<T>(xs.shape));
    let xs = xs.values::<T>();
    let of_xs_parts: Vec<_> = match &mut of_xs {
        Some(of_xs) => of_xs.values_mut::<T>().chunks_mut(of_images).map(Some).collect(),
        None => xs.chunks(of_images).map(|_| None).collect(),
    };
    let gradients = of_pooled.values::<T>().par_chunks(of_windows);
    let windows = gradients.zip(winners.values::<Winner>().par_chunks(of_windows));
    let sums: Vec<Sums> = (xs.par_chunks(of_images).zip(of_xs_parts).zip(windows))
        .map(|((xs, of_xs), (gradients, winners))| simd.run(Part { layout, kernels, xs, gradients, winners, of_xs }))
        .collect();
    let total = |of: fn(&Sums) -> &[f32]| total(&sums.iter().map(of).collect::<Vec<_>>());
    let (inputs, outputs) = (layout.inputs as i64, layout.outputs as i64);
    let of_kernels = total(|sums| &sums.of_kernels).view([outputs * 3, -1]).narrow(1, 0, 3 * inputs);
    let of_kernels = of_kernels.reshape([outputs, 3, 3, inputs]).permute([0, 3, 1, 2]).contiguous();
    vec![of_xs.map_or_else(Tensor::new, Pixels::into_images), of_kernels, total(|sums| &sums.of_bias)]
}

/// Numbers of a kernel's row, those of three pixels, in whole vectors.
fn row(layout: Layout) -> usize {
    (3 * layout.inputs).next_multiple_of(VECTOR)
}

/// K × 3 such rows.
fn padded_rows(kernels: &Tensor, row: usize) -> Pixels {
    let rows = super::rows(kernels);
    let rows = rows.constant_pad_nd([0, row as i64 - rows.size()[2]]);
    Pixels::of(&rows.unsqueeze(0).permute([0, 3, 1, 2]))
}

/// What is added up over images.
struct Sums {
    /// K × 3 rows.
    of_kernels: Vec<f32>,
    of_bias: Vec<f32>,
}

/// Some images, and the gradients of their windows.
struct Part<'a, T> {
    layout: Layout,
    kernels: &'a [f32],
    xs: &'a [T],
    gradients: &'a [T],
    winners: &'a [Winner],
    /// Where the images' gradient is written, if wanted.
    of_xs: Option<&'a mut [T]>,
}

impl<T: Number> WithSimd for Part<'_, T> {
    type Output = Sums;

    #[inline(always)]
    fn with_simd<S: Simd>(mut self, simd: S) -> Sums {
        let layout = self.layout;
        let (of_image, of_pooled) = (layout.of_image(), layout.of_pooled());
        let mut sums =
            Sums { of_kernels: vec![0.0; layout.outputs * 3 * row(layout)], of_bias: vec![0.0; layout.outputs] };
        let [mut padded, mut of_padded] = [layout.padded(), layout.padded()];
        let (padded, of_padded) = (padded.values_mut::<f32>(), of_padded.values_mut::<f32>());
        for (i, image) in self.xs.chunks_exact(of_image).enumerate() {
            let windows = Windows {
                layout,
                gradients: &self.gradients[i * of_pooled..][..of_pooled],
                winners: &self.winners[i * of_pooled..][..of_pooled],
            };
            windows.add_to_bias(&mut sums.of_bias);
            layout.pad(image, padded);
            windows.add_to_kernels(simd, padded, &mut sums.of_kernels);
            if let Some(of_xs) = &mut self.of_xs {
                of_padded.fill(0.0);
                windows.add_to_image(simd, self.kernels, of_padded);
                layout.unpad(of_padded, &mut of_xs[i * of_image..][..of_image]);
            }
        }
        sums
    }
}

/// The windows of an image: of each output its gradient, and the pixel that has it.
struct Windows<'a, T> {
    layout: Layout,
    gradients: &'a [T],
    winners: &'a [Winner],
}

impl<T: Number> Windows<'_, T> {
    #[inline(always)]
    fn each(&self) -> impl ExactSizeIterator<Item = (&[T], &[Winner])> {
        let outputs = self.layout.outputs;
        self.gradients.chunks_exact(outputs).zip(self.winners.chunks_exact(outputs))
    }

    #[inline(always)]
    fn add_to_bias(&self, of_bias: &mut [f32]) {
        for (gradients, winners) in self.each() {
            for ((of_bias, gradient), winner) in of_bias.iter_mut().zip(gradients).zip(winners) {
                *of_bias += if *winner == NONE { 0.0 } else { gradient.get() };
            }
        }
    }

    /// Of each kernel: the sum of the pixels around its outputs, weighed by their gradients.
    #[inline(always)]
    fn add_to_kernels<S: Simd>(&self, simd: S, padded: &[f32], of_kernels: &mut [f32]) {
        let (layout, row) = (self.layout, row(self.layout));
        let mut terms = vec![[Term::default(); WINDOWS]; layout.outputs];
        let mut n_terms = vec![0_usize; layout.outputs];
        let mut of_window = vec![Term::default(); layout.outputs];
        let windows = self.each();
        let n_windows = windows.len();
        for (window, (gradients, winners)) in windows.enumerate() {
            let place = layout.place(window) as u32;
            for ((term, gradient), winner) in of_window.iter_mut().zip(gradients).zip(winners) {
                *term = Term { place: place.wrapping_add(layout.further(*winner)), weight: gradient.get() };
            }
            let lists = terms.iter_mut().zip(&mut n_terms);
            for ((term, winner), (terms, n)) in of_window.iter().zip(winners).zip(lists) {
                terms[*n % WINDOWS] = *term;
                *n = n.wrapping_add(usize::from(*winner != NONE));
            }
            if (window + 1) % WINDOWS == 0 || window + 1 == n_windows {
                for ((sums, terms), n) in of_kernels.chunks_exact_mut(3 * row).zip(&terms).zip(&mut n_terms) {
                    let source = Rows { numbers: padded, stride: layout.stride() };
                    add_rows(simd, &terms[..*n], source, Rows { numbers: sums, stride: row }, row);
                    *n = 0;
                }
            }
        }
    }

    /// Of the pixels around each output: the sum of its kernels, weighed by their gradients.
    #[inline(always)]
    fn add_to_image<S: Simd>(&self, simd: S, kernels: &[f32], of_padded: &mut [f32]) {
        let (layout, row) = (self.layout, row(self.layout));
        let outputs = layout.outputs;
        let mut terms = vec![Term::default(); 5 * outputs];
        for (window, (gradients, winners)) in self.each().enumerate() {
            // those of each pixel, and of none, side by side
            let mut ends = [0, outputs, 2 * outputs, 3 * outputs, 4 * outputs, 0, 0, 0];
            let mut kernel = 0_u32;
            for (gradient, winner) in gradients.iter().zip(winners) {
                let end = &mut ends[usize::from(winner % 8)];
                terms[*end] = Term { place: kernel, weight: gradient.get() };
                *end += 1;
                kernel = kernel.wrapping_add(3 * row as u32);
            }
            for winner in 0..NONE {
                let terms = &terms[usize::from(winner) * outputs..ends[usize::from(winner)]];
                let place = layout.place(window) + layout.further(winner) as usize;
                let sums = Rows { numbers: &mut of_padded[place..], stride: layout.stride() };
                add_rows(simd, terms, Rows { numbers: kernels, stride: row }, sums, row);
            }
        }
    }
}
