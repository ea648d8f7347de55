//! Image augmentation in plain Rust on bytes: FixMatch's weak and strong views.
//!
//! Every operation reproduces Pillow's arithmetic bit for bit, because the paper's results were made with it and
//! because a run must give the same pixels on every machine. Operations work in place, with a [`Scratch`] that each
//! loader thread keeps, so that a view costs no allocation. Nothing here knows tensors, files or threads.
//!
//! To add an operation: a variant of [`Op`], its arm in [`Op::apply`], and a line in the table that draws it.

mod blend;
mod channels;
mod color;
mod cutout;
mod filter;
mod geometry;
mod lookup;
mod randaugment;
mod strong;
mod weak;

use crate::image::Image;

pub use strong::{Strong, StrongDraw, StrongPolicy};
pub use weak::{Weak, WeakDraw};

/// One image operation with its parameter (FixMatch paper, table 12, and Cutout).
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Op {
    /// Per channel, the darkest value becomes 0 and the lightest 255.
    Autocontrast,
    /// 0 is black, 1 the original.
    Brightness(f64),
    /// 0 is black-and-white, 1 the original; a grayscale image stays as it is.
    Color(f64),
    /// 0 is the mean gray everywhere, 1 the original.
    Contrast(f64),
    /// Equalizes each channel's histogram.
    Equalize,
    /// The original.
    Identity,
    /// Keeps this many high bits of each value, 0 to 8.
    Posterize(u8),
    /// Rotates about the centre by this many degrees, counter-clockwise.
    Rotate(f64),
    /// 0 is blurred, 1 the original.
    Sharpness(f64),
    /// Row `y` takes its pixels from `rate × y` further right; exact while |rate| < 60.
    ShearX(f64),
    /// Column `x` takes its pixels from `rate × x` further down; exact while |rate| < 60.
    ShearY(f64),
    /// Inverts the values at or above ⌊T × 255.999⌋, T in [0, 1].
    Solarize(f64),
    /// Takes each pixel from this share of the width further right.
    TranslateX(f64),
    /// Takes each pixel from this share of the height further down.
    TranslateY(f64),
    /// Paints a square gray; whatever of it lies outside of the image is cut off.
    Cutout {
        /// Pixels per side.
        side: usize,
        /// The centre's column.
        x: usize,
        /// The centre's row.
        y: usize,
    },
}

impl Op {
    /// Applies the operation to an RGB or grayscale image of at most 512×512 pixels; the shape stays.
    pub fn apply(&self, image: &mut Image, scratch: &mut Scratch) {
        match *self {
            Self::Autocontrast => lookup::autocontrast(image),
            Self::Brightness(factor) => color::brightness(image, factor),
            Self::Color(factor) => color::color(image, factor),
            Self::Contrast(factor) => color::contrast(image, factor),
            Self::Equalize => lookup::equalize(image),
            Self::Identity => {}
            Self::Posterize(bits) => lookup::posterize(image, bits),
            Self::Rotate(degrees) => geometry::rotate(image, degrees, scratch),
            Self::Sharpness(factor) => filter::sharpness(image, factor, scratch),
            Self::ShearX(rate) => geometry::affine(image, [[1.0, rate, 0.0], [0.0, 1.0, 0.0]], scratch),
            Self::ShearY(rate) => geometry::affine(image, [[1.0, 0.0, 0.0], [rate, 1.0, 0.0]], scratch),
            Self::Solarize(threshold) => lookup::solarize(image, threshold),
            Self::TranslateX(share) => geometry::translate(image, [share, 0.0], scratch),
            Self::TranslateY(share) => geometry::translate(image, [0.0, share], scratch),
            Self::Cutout { side, x, y } => cutout::cutout(image, side, [x, y]),
        }
    }
}

/// Working memory of the operations. Its content means nothing between calls; keep one per thread.
#[derive(Clone, Debug, Default)]
pub struct Scratch {
    pixels: Vec<u8>,
    sums: Vec<u16>,
    runs: Vec<geometry::Run>,
}

impl Scratch {
    /// Swaps the pixels made here with the image's.
    fn swap_into(&mut self, image: &mut Image) {
        debug_assert_eq!(self.pixels.len(), image.pixels.len(), "an operation keeps the shape");
        std::mem::swap(&mut self.pixels, &mut image.pixels);
    }
}
