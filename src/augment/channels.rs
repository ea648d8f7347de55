//! Gray values and per-channel tables: what the operations on values have in common.

use super::blend::blend;
use crate::base::image::Image;

/// What each of the 256 values becomes.
pub(super) type Table = [u8; 256];

/// The table whose entry for `value` is `f(value)`.
pub(super) fn table(mut f: impl FnMut(u8) -> u8) -> Table {
    let mut table = [0; 256];
    for (value, entry) in (0..=255).zip(&mut table) {
        *entry = f(value);
    }
    table
}

/// Between no change, for a share of 0, and the table, for 1.
pub(super) fn fade(full: &Table, share: f64) -> Table {
    table(|value| blend(value, full[value as usize], share as f32))
}

/// Applies one table to all channels.
pub(super) fn map(image: &mut Image, table: &Table) {
    for value in &mut image.pixels {
        *value = table[*value as usize];
    }
}

/// Applies to each channel its own table; a grayscale image uses the first.
pub(super) fn map_channels(image: &mut Image, tables: &[Table; 3]) {
    if image.channels == 1 {
        return map(image, &tables[0]);
    }
    for pixel in image.pixels.as_chunks_mut::<3>().0 {
        for (value, table) in pixel.iter_mut().zip(tables) {
            *value = table[*value as usize];
        }
    }
}

/// The luminance of an RGB pixel (ITU-R 601-2), in Pillow's 16-bit fixed point.
pub(super) fn gray([red, green, blue]: [u8; 3]) -> u8 {
    ((u32::from(red) * 19_595 + u32::from(green) * 38_470 + u32::from(blue) * 7_471 + 0x8000) >> 16) as u8
}
