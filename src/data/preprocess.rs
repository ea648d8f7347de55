//! How bytes become the input of a network: the size of its images, and what is subtracted and divided by.

use serde::{Deserialize, Serialize};

use super::Images;
use crate::config::Normalize;

/// The input of a network: images of one size, (x − mean) / std for each channel of each pixel.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Preprocess {
    /// Pixels per row.
    pub width: usize,
    /// Rows.
    pub height: usize,
    /// Bytes per pixel: 1 (gray) or 3 (RGB).
    pub channels: usize,
    /// What is subtracted from a byte, for each channel.
    pub mean: Vec<f64>,
    /// What the difference is divided by.
    pub std: Vec<f64>,
}

impl Preprocess {
    /// For images like these, the training images.
    pub fn of(images: &Images, normalize: Normalize) -> Self {
        let &Images { width, height, channels, .. } = images;
        let (mean, std) = match normalize {
            Normalize::Unit => (vec![127.5; channels], vec![127.5; channels]),
            Normalize::None => (vec![0.0; channels], vec![255.0; channels]),
            Normalize::MeanStd => mean_and_std(images),
        };
        Self { width, height, channels, mean, std }
    }

    /// Bytes of an image.
    pub fn n_bytes(&self) -> usize {
        self.width * self.height * self.channels
    }

    /// Whether it is the input of a network at all: read from a file, it can be anything.
    pub fn is_sound(&self) -> bool {
        let sides = [self.width, self.height];
        let is_fit = |values: &[f64]| values.len() == self.channels && values.iter().all(|value| value.is_finite());
        sides.iter().all(|side| (1..=1 << 16).contains(side))
            && [1, 3].contains(&self.channels)
            && is_fit(&self.mean)
            && is_fit(&self.std)
            && self.std.iter().all(|std| *std > 0.0)
    }
}

/// Mean and standard deviation of each channel, in the units of a byte.
fn mean_and_std(images: &Images) -> (Vec<f64>, Vec<f64>) {
    let (mut sums, mut squares) = (vec![0_u64; images.channels], vec![0_u64; images.channels]);
    for pixel in images.pixels.chunks_exact(images.channels) {
        for (channel, &value) in pixel.iter().enumerate() {
            sums[channel] += u64::from(value);
            squares[channel] += u64::from(value).pow(2);
        }
    }
    let n = (images.pixels.len() / images.channels) as f64;
    let mean: Vec<f64> = sums.iter().map(|&sum| sum as f64 / n).collect();
    let std = squares.iter().zip(&mean).map(|(&sum, mean)| (sum as f64 / n - mean * mean).sqrt().max(1.0)).collect();
    (mean, std)
}
