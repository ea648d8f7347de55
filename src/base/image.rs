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

    /// A black image.
    pub fn black(width: usize, height: usize, channels: usize) -> Self {
        Self::new(width, height, channels, vec![0; width * height * channels])
    }
}
