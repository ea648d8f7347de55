//! How the numbers of a 3×3 convolution lie in memory.

use super::super::pixels::{Number, Pixels};
use super::pool::Winner;

/// The longest vector of any processor has this many numbers f32.
pub const VECTOR: usize = 16;

/// Images H × W × C, padded by a pixel on each side, and what is computed of them.
#[derive(Clone, Copy, Debug)]
pub struct Layout {
    /// H.
    pub height: usize,
    /// W.
    pub width: usize,
    /// C.
    pub inputs: usize,
    /// Channels of the convolution.
    pub outputs: usize,
}

impl Layout {
    /// Of images N × H × W × C.
    pub fn of(images: &Pixels, outputs: usize) -> Self {
        let [_, height, width, inputs] = images.shape;
        Self { height, width, inputs, outputs }
    }

    /// Numbers of an image.
    pub fn of_image(self) -> usize {
        self.height * self.width * self.inputs
    }

    /// Numbers of what is left of 2×2 pixels each.
    pub fn of_pooled(self) -> usize {
        (self.height / 2) * (self.width / 2) * self.outputs
    }

    /// Numbers of a padded image's row.
    pub fn stride(self) -> usize {
        (self.width + 2) * self.inputs
    }

    /// A padded image of zeros, and some more, so that whole vectors may be read from any pixel on.
    pub fn padded(self) -> Pixels {
        Pixels::zeros([1, 1, 1, (self.height + 2) * self.stride() + VECTOR])
    }

    /// Writes an image into the middle of a padded one.
    #[inline(always)]
    pub fn pad<T: Number>(self, image: &[T], padded: &mut [f32]) {
        let of_row = self.width * self.inputs;
        let rows = padded[self.stride()..].chunks_exact_mut(self.stride()).zip(image.chunks_exact(of_row));
        for (padded, row) in rows {
            for (padded, x) in padded[self.inputs..].iter_mut().zip(row) {
                *padded = x.get();
            }
        }
    }

    /// Takes it out again.
    #[inline(always)]
    pub fn unpad<T: Number>(self, padded: &[f32], image: &mut [T]) {
        let of_row = self.width * self.inputs;
        let rows = image.chunks_exact_mut(of_row).zip(padded[self.stride()..].chunks_exact(self.stride()));
        for (row, padded) in rows {
            for (x, padded) in row.iter_mut().zip(&padded[self.inputs..]) {
                *x = T::of(*padded);
            }
        }
    }

    /// Where the 3×3 pixels around the first one of a 2×2 window begin in a padded image.
    #[inline(always)]
    pub fn place(self, window: usize) -> usize {
        let wide = self.width / 2;
        2 * (window / wide * self.stride() + window % wide * self.inputs)
    }

    /// How much further those around another pixel of the window begin.
    #[inline(always)]
    pub fn further(self, winner: Winner) -> u32 {
        let (down, right) = (u32::from(winner >> 1), u32::from(winner & 1));
        down.wrapping_mul(self.stride() as u32).wrapping_add(right.wrapping_mul(self.inputs as u32))
    }
}
