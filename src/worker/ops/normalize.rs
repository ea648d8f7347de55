//! From bytes to normalised numbers in one.

use rayon::prelude::*;
use tch::Tensor;

use super::instructions::Instructions;
use super::pixels::Pixels;
use super::to_tile;

/// (x − mean) / std of each channel.
#[derive(Debug)]
pub struct Normalizer {
    mean: Vec<f32>,
    std: Vec<f32>,
}

impl Normalizer {
    /// By the mean and the standard deviation of each channel, in the units of a byte.
    pub fn new(mean: &[f32], std: &[f32]) -> Self {
        Self { mean: to_tile(mean), std: to_tile(std) }
    }

    /// Images (N, C, H, W) f32 in `channels_last`, on the CPU, of bytes N×H×W×C in some parts.
    pub fn images(&self, parts: &[&[u8]], [height, width, channels]: [usize; 3]) -> Tensor {
        let n = parts.iter().map(|part| part.len()).sum::<usize>() / (height * width * channels);
        let mut pixels = Pixels::empty::<f32>([n, height, width, channels]);
        let (mut rest, simd) = (pixels.values_mut::<f32>(), Instructions::in_force());
        for part in parts {
            let numbers = rest.split_off_mut(..part.len()).expect("room for all parts");
            let tiles = numbers.par_chunks_mut(self.mean.len()).zip(part.par_chunks(self.mean.len()));
            tiles.with_min_len(64).for_each(|(numbers, bytes)| {
                simd.run(
                    #[inline(always)]
                    || normalize(bytes, &self.mean, &self.std, numbers),
                );
            });
        }
        pixels.into_images()
    }
}

#[inline(always)]
fn normalize(bytes: &[u8], mean: &[f32], std: &[f32], numbers: &mut [f32]) {
    for ((number, byte), (mean, std)) in numbers.iter_mut().zip(bytes).zip(mean.iter().zip(std)) {
        *number = (f32::from(*byte) - mean) / std;
    }
}
