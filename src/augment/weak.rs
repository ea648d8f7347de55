//! The weak view: a mirror image half of the time, then a shift of up to an eighth (FixMatch paper, section 2.3).

use super::Scratch;
use crate::base::image::Image;
use crate::base::rng::Rng;

/// What the weak augmentation of a dataset does.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Weak {
    /// Mirrors half of the images. Not for digits.
    pub flip: bool,
    /// Pads each side by reflection with an eighth of it, then crops at a random place.
    pub shift: bool,
}

/// What it does to one image.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct WeakDraw {
    /// Whether the image is mirrored, before the shift.
    pub flip: bool,
    /// Columns that the crop starts after the image does, in ± padding.
    pub dx: isize,
    /// Rows that the crop starts after the image does, in ± padding.
    pub dy: isize,
}

impl Weak {
    /// Draws for an image of this size. All draws are made whatever is on, so that one setting does not move the rest.
    pub fn draw(&self, width: usize, height: usize, rng: &mut Rng) -> WeakDraw {
        let flip = rng.chance(0.5);
        let [dx, dy] = [width, height].map(|side| draw_offset(side, rng));
        let (dx, dy) = if self.shift { (dx, dy) } else { (0, 0) };
        WeakDraw { flip: flip && self.flip, dx, dy }
    }
}

/// Uniform over 0 to 2 × padding, from which the padding is taken off: round(side / 8) pixels, halves up.
fn draw_offset(side: usize, rng: &mut Rng) -> isize {
    let padding = (side + 4) / 8;
    rng.below(2 * padding as u32 + 1) as isize - padding as isize
}

impl WeakDraw {
    /// Applies the draw; the shape stays.
    ///
    /// # Panics
    /// If an offset is not smaller than its side: one reflection does not reach further.
    pub fn apply(&self, image: &mut Image, scratch: &mut Scratch) {
        if *self == Self::default() {
            return;
        }
        scratch.pixels.resize(image.pixels.len(), 0);
        if image.channels == 1 {
            self.copy::<1>(image, &mut scratch.pixels);
        } else {
            self.copy::<3>(image, &mut scratch.pixels);
        }
        scratch.swap_into(image);
    }

    fn copy<const C: usize>(&self, image: &Image, output: &mut [u8]) {
        let input = image.pixels.as_chunks::<C>().0;
        let rows = output.as_chunks_mut::<C>().0.chunks_exact_mut(image.width);
        // Shifting left and mirroring is mirroring and shifting right; in this order rows are copied as slices.
        let dx = if self.flip { -self.dx } else { self.dx };
        for (y, row) in rows.enumerate() {
            let y = reflect(y as isize + self.dy, image.height);
            shift_row(&input[y * image.width..][..image.width], row, dx);
            if self.flip {
                row.reverse();
            }
        }
    }
}

/// The pixel that lies at `position` once the image is continued by reflection, its edge not repeated.
fn reflect(position: isize, length: usize) -> usize {
    let distance = position.unsigned_abs();
    if distance < length { distance } else { 2 * (length - 1) - distance }
}

fn shift_row<const C: usize>(input: &[[u8; C]], output: &mut [[u8; C]], dx: isize) {
    let (width, distance) = (input.len(), dx.unsigned_abs());
    assert!(distance < width, "a shift by {distance} of {width} pixels is more than a reflection");
    if dx >= 0 {
        output[..width - distance].copy_from_slice(&input[distance..]);
        let reflected = input[..width - 1].iter().rev();
        output[width - distance..].iter_mut().zip(reflected).for_each(|(to, from)| *to = *from);
    } else {
        output[distance..].copy_from_slice(&input[..width - distance]);
        let reflected = input[1..].iter();
        output[..distance].iter_mut().rev().zip(reflected).for_each(|(to, from)| *to = *from);
    }
}
