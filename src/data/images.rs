//! Images in memory.

use crate::base::image::Image;

use super::pixels::Pixels;

/// Images of one size with their labels; `pixels` is N×H×W×C.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Images {
    /// Pixels per row.
    pub width: usize,
    /// Rows.
    pub height: usize,
    /// Bytes per pixel: 1 (gray) or 3 (RGB).
    pub channels: usize,
    /// `n × height × width × channels` bytes, image after image.
    pub pixels: Pixels,
    /// The class of each image, or [`UNKNOWN`].
    pub labels: Vec<u16>,
}

/// The label of an image whose class is not known.
pub const UNKNOWN: u16 = u16::MAX;

/// How many images of so many pixels pass through a network at once where no step says it: as many as 500 of 32×32 have,
/// so that memory does not grow with the size of the images.
pub fn images_a_pass(n_pixels: usize) -> usize {
    (500 * 32 * 32 / n_pixels).clamp(1, 500)
}

impl Images {
    /// How many images.
    pub fn n(&self) -> usize {
        self.labels.len()
    }

    /// Bytes per image.
    pub fn bytes_per_image(&self) -> usize {
        self.width * self.height * self.channels
    }

    /// The bytes of image `i`, H×W×C.
    pub fn pixels_of(&self, i: usize) -> &[u8] {
        let size = self.bytes_per_image();
        &self.pixels[i * size..(i + 1) * size]
    }

    /// A copy of image `i`.
    pub fn image(&self, i: usize) -> Image {
        Image::new(self.width, self.height, self.channels, self.pixels_of(i).to_vec())
    }

    /// These images and behind them others of the same shape.
    #[must_use]
    pub fn followed_by(mut self, others: Option<Self>) -> Self {
        if let Some(others) = others {
            self.pixels = self.pixels.followed_by(&others.pixels);
            self.labels.extend(others.labels);
        }
        self
    }

    /// Whether the class of every image is known.
    pub fn are_known(&self) -> bool {
        !self.labels.contains(&UNKNOWN)
    }

    /// How many images each class has; those of unknown class are not counted.
    pub fn class_counts(&self, n_classes: usize) -> Vec<usize> {
        let mut counts = vec![0; n_classes];
        for &label in self.labels.iter().filter(|label| **label != UNKNOWN) {
            counts[usize::from(label)] += 1;
        }
        counts
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn larger_images_pass_in_smaller_batches_so_that_memory_does_not_grow_with_them() {
        let sizes = [(28, 500), (32, 500), (64, 125), (224, 10), (2048, 1)];
        for (size, expected) in sizes {
            assert_eq!(images_a_pass(size * size), expected, "{size}");
        }
    }

    #[test]
    fn an_image_is_its_slice_of_the_pixels() {
        let images = Images { width: 2, height: 1, channels: 1, pixels: vec![1, 2, 3, 4].into(), labels: vec![0, 2] };
        assert_eq!(images.n(), 2);
        assert_eq!(images.pixels_of(1), [3, 4]);
        assert_eq!(images.image(0), Image::new(2, 1, 1, vec![1, 2]));
        assert_eq!(images.class_counts(3), [1, 0, 1]);
    }
}
