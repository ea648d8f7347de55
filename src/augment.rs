//! Image augmentation in plain Rust on bytes: FixMatch's weak and strong views.
//!
//! Every operation reproduces Pillow's arithmetic bit for bit, because the paper's results were made with it and
//! because a run must give the same pixels on every machine. Operations work in place, with a [`Scratch`] that each
//! loader thread keeps, so that a view costs no allocation. Nothing here knows tensors, files or threads.
//!
//! To add an operation: a variant of [`Op`] and of [`Kind`], their arms below and in `kind.rs`, and a line in the table
//! that draws it.

pub mod autoaugment;
mod blend;
mod channels;
mod color;
pub mod ctaugment;
mod cutout;
mod filter;
mod geometry;
mod kind;
mod lookup;
mod notation;
pub mod randaugment;
mod range;
mod rescale;
mod strong;
mod weak;

use crate::base::image::Image;

pub use ctaugment::CtAugment;
pub use kind::Kind;
pub use range::Range;
pub use rescale::Filter;
pub use strong::{Strong, StrongDraw, StrongPolicy};
pub use weak::{Weak, WeakDraw};

/// One image operation with its parameters, in the units of the paper's tables (FixMatch paper, appendix).
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Op {
    /// Per channel, the darkest value becomes 0 and the lightest 255; 0 is the original, 1 the full effect.
    Autocontrast(f64),
    /// The mean of the ring two pixels away; 0 is the original, 1 the full effect.
    Blur(f64),
    /// 0 is black, 1 the original.
    Brightness(f64),
    /// 0 is black-and-white, 1 the original; a grayscale image stays as it is.
    Color(f64),
    /// 0 is the mean gray everywhere, 1 the original.
    Contrast(f64),
    /// Paints a square gray; whatever of it lies outside of the image is cut off.
    Cutout {
        /// As a share of the width; rounded to pixels.
        side: f64,
        /// The centre's column.
        x: usize,
        /// The centre's row.
        y: usize,
    },
    /// Equalizes each channel's histogram; 0 is the original, 1 the full effect.
    Equalize(f64),
    /// The original.
    Identity,
    /// Inverts all values; 0 is the original, 1 the full effect.
    Invert(f64),
    /// Keeps this many high bits of each value, 0 to 8.
    Posterize(u8),
    /// Crops a box in the centre whose sides are this share of the image's, in [0.5, 1], and resizes it back.
    Rescale(f64, Filter),
    /// Rotates about the centre by this many degrees, counter-clockwise.
    Rotate(f64),
    /// 0 is blurred, 1 the original.
    Sharpness(f64),
    /// Row `y` takes its pixels from `rate × y` further right; exact while |rate| < 60.
    ShearX(f64),
    /// Column `x` takes its pixels from `rate × x` further down; exact while |rate| < 60.
    ShearY(f64),
    /// 0 is as smooth as the filter makes it, 1 the original.
    Smooth(f64),
    /// Inverts the values at or above ⌊T × 255.999⌋, T in [0, 1].
    Solarize(f64),
    /// Takes each pixel from this share of the width further right.
    TranslateX(f64),
    /// Takes each pixel from this share of the height further down.
    TranslateY(f64),
}

impl Op {
    /// Applies the operation to an RGB or grayscale image of at most 512×512 pixels; the shape stays.
    ///
    /// # Panics
    /// If more than 8 bits are to be kept, or a box to be cropped that is smaller than half of the image or larger than it.
    pub fn apply(&self, image: &mut Image, scratch: &mut Scratch) {
        match *self {
            Self::Autocontrast(share) => lookup::autocontrast(image, share),
            Self::Blur(share) => filter::blur(image, share, scratch),
            Self::Brightness(factor) => color::brightness(image, factor),
            Self::Color(factor) => color::color(image, factor),
            Self::Contrast(factor) => color::contrast(image, factor),
            Self::Cutout { side, x, y } => cutout::cutout(image, side, [x, y]),
            Self::Equalize(share) => lookup::equalize(image, share),
            Self::Identity => {}
            Self::Invert(share) => lookup::invert(image, share),
            Self::Posterize(bits) => lookup::posterize(image, bits),
            Self::Rescale(side, filter) => rescale::rescale(image, side, filter, scratch),
            Self::Rotate(degrees) => geometry::rotate(image, degrees, scratch),
            // Pillow's "sharpness" is how little of the smoothing filter is mixed in, so both are one.
            Self::Sharpness(factor) | Self::Smooth(factor) => filter::smooth(image, factor, scratch),
            Self::ShearX(rate) => geometry::affine(image, [[1.0, rate, 0.0], [0.0, 1.0, 0.0]], scratch),
            Self::ShearY(rate) => geometry::affine(image, [[1.0, 0.0, 0.0], [rate, 1.0, 0.0]], scratch),
            Self::Solarize(threshold) => lookup::solarize(image, threshold),
            Self::TranslateX(share) => geometry::translate(image, [share, 0.0], scratch),
            Self::TranslateY(share) => geometry::translate(image, [0.0, share], scratch),
        }
    }
}

/// Working memory of the operations. Its content means nothing between calls; keep one per thread.
#[derive(Clone, Debug, Default)]
pub struct Scratch {
    pixels: Vec<u8>,
    sums: Vec<u16>,
    runs: Vec<geometry::Run>,
    resized: rescale::Buffers,
}

impl Scratch {
    /// Swaps the pixels made here with the image's.
    fn swap_into(&mut self, image: &mut Image) {
        debug_assert_eq!(self.pixels.len(), image.pixels.len(), "an operation keeps the shape");
        std::mem::swap(&mut self.pixels, &mut image.pixels);
    }
}
