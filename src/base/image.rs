//! An image as bytes: H×W×C, row by row, channels interleaved, as Pillow and PNG have it.

/// One image of `height × width × channels` bytes; 1 channel is grayscale, 3 are RGB.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Image {
    /// Pixels per row.
    pub width: usize,
    /// Rows.
    pub height: usize,
    /// Bytes per pixel: 1 or 3.
    pub channels: usize,
    /// `height × width × channels` bytes.
    pub pixels: Vec<u8>,
}

impl Image {
    /// An image of the given shape around `pixels`.
    ///
    /// # Panics
    /// If the number of bytes does not match the shape, a side is zero, or `channels` is neither 1 nor 3.
    pub fn new(width: usize, height: usize, channels: usize, pixels: Vec<u8>) -> Self {
        assert!(width > 0 && height > 0, "an image has at least one pixel");
        assert!(channels == 1 || channels == 3, "an image has 1 or 3 channels, not {channels}");
        assert_eq!(pixels.len(), width * height * channels, "pixels do not match {width}×{height}×{channels}");
        Self { width, height, channels, pixels }
    }

    /// The image with fewer pixels, each the mean of those that it stands for. Sides that are asked to be longer stay.
    #[must_use]
    pub fn shrunk(&self, width: usize, height: usize) -> Self {
        self.resized(width.clamp(1, self.width), height.clamp(1, self.height))
    }

    /// The image with other sides, of at least a pixel: each pixel is the mean of those that it stands for, or the one that
    /// it is a part of.
    #[must_use]
    pub fn resized(&self, width: usize, height: usize) -> Self {
        if (width, height) == (self.width, self.height) {
            return self.clone();
        }
        let span = |i: usize, n: usize, side: usize| i * side / n..((i + 1) * side / n).max(i * side / n + 1);
        let mut pixels = Vec::with_capacity(width * height * self.channels);
        for y in 0..height {
            for x in 0..width {
                let (rows, columns) = (span(y, height, self.height), span(x, width, self.width));
                let n = (rows.len() * columns.len()) as u64;
                let mut sums = [0_u64; 3];
                for row in rows {
                    let from = (row * self.width + columns.start) * self.channels;
                    let part = &self.pixels[from..from + columns.len() * self.channels];
                    for pixel in part.chunks_exact(self.channels) {
                        sums.iter_mut().zip(pixel).for_each(|(sum, byte)| *sum += u64::from(*byte));
                    }
                }
                pixels.extend(sums[..self.channels].iter().map(|sum| (sum / n) as u8));
            }
        }
        Self::new(width, height, self.channels, pixels)
    }

    /// Three bytes a pixel, whether it has colours or not.
    pub fn in_color(&self) -> std::borrow::Cow<'_, [u8]> {
        if self.channels == 3 {
            return (&self.pixels[..]).into();
        }
        self.pixels.iter().flat_map(|&gray| [gray; 3]).collect::<Vec<_>>().into()
    }

    /// A black image.
    pub fn black(width: usize, height: usize, channels: usize) -> Self {
        Self::new(width, height, channels, vec![0; width * height * channels])
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_larger_image_repeats_pixels_where_it_is_asked_for() {
        let image = Image::new(2, 1, 1, vec![0, 200]);
        assert_eq!(image.resized(4, 2).pixels, [0, 0, 200, 200, 0, 0, 200, 200]);
        assert_eq!(image.resized(3, 1).pixels, [0, 0, 200]);
        assert_eq!(image.shrunk(4, 2), image);
    }

    #[test]
    fn a_smaller_image_has_the_means_of_the_larger_one() {
        let image = Image::new(4, 2, 1, vec![0, 100, 7, 7, 200, 60, 7, 9]);
        assert_eq!(image.shrunk(2, 1), Image::new(2, 1, 1, vec![90, 7]));
        assert_eq!(image.shrunk(9, 9), image);
        assert_eq!(Image::new(3, 1, 1, vec![1, 2, 3]).shrunk(2, 1).pixels, [1, 2]);
        assert_eq!(&*Image::new(1, 1, 1, vec![7]).in_color(), [7, 7, 7]);
    }
}
