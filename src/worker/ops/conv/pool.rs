//! What a bias, 2×2 maximum pooling and ReLU leave of an image.

use rayon::prelude::*;

use super::super::instructions::Instructions;
use super::super::pixels::{Number, Pixels};

/// Which of the four pixels it was, by rows, or none.
pub type Winner = u8;

/// ReLU cut the largest.
pub const NONE: Winner = 4;

/// What is kept of which pixel it was.
pub trait Mark: Copy + Send {
    /// That of a pixel, or of none.
    fn of(winner: Winner) -> Self;
}

/// Where a gradient is wanted.
impl Mark for Winner {
    #[inline(always)]
    fn of(winner: Winner) -> Self {
        winner
    }
}

/// Where none is.
impl Mark for () {
    #[inline(always)]
    fn of(_: Winner) {}
}

/// What is left of images N × H × W × K, and which pixels it was: N × ⌊H/2⌋ × ⌊W/2⌋ × K.
pub fn pool<T: Number, M: Mark>(images: &Pixels, biases: &[f32], pooled: &mut Pixels, winners: &mut [M]) {
    let [_, height, width, channels] = images.shape;
    let (of_pooled, simd) = ((height / 2) * (width / 2) * channels, Instructions::in_force());
    let by_image = pooled.values_mut::<T>().par_chunks_exact_mut(of_pooled);
    let by_image = by_image.zip(winners.par_chunks_exact_mut(of_pooled));
    let by_image = by_image.zip(images.values::<T>().par_chunks_exact(height * width * channels));
    by_image.for_each(|((pooled, winners), image)| {
        simd.run(
            #[inline(always)]
            || pool_image(image, biases, width, pooled, winners),
        );
    });
}

#[inline(always)]
fn pool_image<T: Number, M: Mark>(image: &[T], biases: &[f32], width: usize, pooled: &mut [T], winners: &mut [M]) {
    let channels = biases.len();
    let (stride, of_row) = (width * channels, width / 2 * channels);
    let rows = pooled.chunks_exact_mut(of_row).zip(winners.chunks_exact_mut(of_row));
    for (image, (pooled, winners)) in image.chunks_exact(2 * stride).zip(rows) {
        let (upper, lower) = image.split_at(stride);
        let pairs = upper.chunks_exact(2 * channels).zip(lower.chunks_exact(2 * channels));
        let pixels = pooled.chunks_exact_mut(channels).zip(winners.chunks_exact_mut(channels));
        for ((upper, lower), (pooled, winners)) in pairs.zip(pixels) {
            let (a, b) = upper.split_at(channels);
            let (c, d) = lower.split_at(channels);
            pool_window([a, b, c, d], biases, pooled, winners);
        }
    }
}

/// Pools one window, given its four pixels.
#[inline(always)]
pub fn pool_window<X: Number, T: Number, M: Mark>(
    [a, b, c, d]: [&[X]; 4],
    biases: &[f32],
    pooled: &mut [T],
    winners: &mut [M],
) {
    let numbers = a.iter().zip(b).zip(c.iter().zip(d));
    let outputs = pooled.iter_mut().zip(winners).zip(biases);
    for (((a, b), (c, d)), ((pooled, winner), bias)) in numbers.zip(outputs) {
        let (largest, place) = first_largest([a.get(), b.get(), c.get(), d.get()]);
        let value = largest + bias;
        let is_cut = value <= 0.0;
        *pooled = T::of(if is_cut { 0.0 } else { value });
        *winner = M::of(if is_cut { NONE } else { place as Winner });
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
