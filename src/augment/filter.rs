//! Sharpness, and the 3×3 smoothing filter behind it.

use super::Scratch;
use super::blend::blend;
use crate::image::Image;

/// Blends with the smoothed image (Pillow's `ImageEnhance.Sharpness`).
pub(super) fn sharpness(image: &mut Image, factor: f64, scratch: &mut Scratch) {
    smooth(image, scratch);
    for (value, &smooth) in image.pixels.iter_mut().zip(&scratch.pixels) {
        *value = blend(smooth, *value, factor as f32);
    }
}

/// Leaves in `scratch.pixels` the image filtered with [1 1 1; 1 5 1; 1 1 1] / 13 (Pillow's `ImageFilter.SMOOTH`).
///
/// The outermost pixels are copied, and with them all of an image that is narrower or lower than the filter.
fn smooth(image: &Image, scratch: &mut Scratch) {
    let Scratch { pixels, sums, .. } = scratch;
    pixels.clone_from(&image.pixels);
    if image.width < 3 || image.height < 3 {
        return;
    }
    let stride = image.width * image.channels;
    for y in 1..image.height - 1 {
        let [above, row, below] = [y - 1, y, y + 1].map(|y| &image.pixels[y * stride..][..stride]);
        sums.clear();
        sums.extend(above.iter().zip(row).zip(below).map(|((&a, &b), &c)| u16::from(a) + u16::from(b) + u16::from(c)));
        smooth_row(&mut pixels[y * stride..][..stride], sums, image.channels);
    }
}

/// Smooths the inside of `row`, given the sum of each value with the ones above and below.
///
/// Pillow adds floats and rounds half up. A sum of 13ths is never near a half, so integers give the same.
fn smooth_row(row: &mut [u8], sums: &[u16], channels: usize) {
    let inside = row.len() - 2 * channels;
    let [left, middle, right] = [0, channels, 2 * channels].map(|start| &sums[start..][..inside]);
    let row = &mut row[channels..][..inside];
    for (((value, &left), &middle), &right) in row.iter_mut().zip(left).zip(middle).zip(right) {
        *value = ((left + middle + right + 4 * u16::from(*value) + 6) / 13) as u8;
    }
}
