//! Smooth, Sharpness and Blur: a blend of the image with a filtered version of itself (Pillow's `ImageFilter`).
//!
//! Pillow adds floats and rounds half up. A sum of 13ths is never near a half and one of 16ths is exact, so integers
//! give the same. The outermost pixels, where the filter would reach beyond the image, are copied.

use super::Scratch;
use super::blend::blend;
use crate::base::image::Image;

/// Blends the image smoothed with [1 1 1; 1 5 1; 1 1 1] / 13 with the original, which a factor of 1 leaves.
///
/// Pillow's `ImageEnhance.Sharpness`; a factor above 1 sharpens.
pub(super) fn smooth(image: &mut Image, factor: f64, scratch: &mut Scratch) {
    scratch.pixels.clone_from(&image.pixels);
    if image.width >= 3 && image.height >= 3 {
        smooth_inside(image, scratch);
    }
    for (value, &smooth) in image.pixels.iter_mut().zip(&scratch.pixels) {
        *value = blend(smooth, *value, factor as f32);
    }
}

/// Blends the image with the mean of the 16 pixels around each pixel's 3×3 neighbourhood (Pillow's `BLUR`).
pub(super) fn blur(image: &mut Image, share: f64, scratch: &mut Scratch) {
    scratch.pixels.clone_from(&image.pixels);
    if image.width >= 5 && image.height >= 5 {
        blur_inside(image, scratch);
    }
    for (value, &blurred) in image.pixels.iter_mut().zip(&scratch.pixels) {
        *value = blend(*value, blurred, share as f32);
    }
}

/// Smooths all pixels of `scratch.pixels`, a copy of the image, but the outermost.
fn smooth_inside(image: &Image, scratch: &mut Scratch) {
    let Scratch { pixels, sums, .. } = scratch;
    let stride = image.width * image.channels;
    for y in 1..image.height - 1 {
        let [above, row, below] = [y - 1, y, y + 1].map(|y| &image.pixels[y * stride..][..stride]);
        sums.clear();
        sums.extend(above.iter().zip(row).zip(below).map(|((&a, &b), &c)| u16::from(a) + u16::from(b) + u16::from(c)));
        smooth_row(&mut pixels[y * stride..][..stride], sums, image.channels);
    }
}

/// Smooths the inside of `row`, given the sum of each value with the ones above and below.
fn smooth_row(row: &mut [u8], sums: &[u16], channels: usize) {
    let inside = row.len() - 2 * channels;
    let [left, middle, right] = [0, channels, 2 * channels].map(|start| &sums[start..][..inside]);
    let row = &mut row[channels..][..inside];
    for (((value, &left), &middle), &right) in row.iter_mut().zip(left).zip(middle).zip(right) {
        *value = ((left + middle + right + 4 * u16::from(*value) + 6) / 13) as u8;
    }
}

/// Blurs all pixels of `scratch.pixels`, a copy of the image, but the outermost two.
fn blur_inside(image: &Image, scratch: &mut Scratch) {
    let Scratch { pixels, sums, .. } = scratch;
    let stride = image.width * image.channels;
    for y in 2..image.height - 2 {
        let rows = [y - 2, y - 1, y, y + 1, y + 2].map(|y| &image.pixels[y * stride..][..stride]);
        sums.clear();
        sums.extend((0..stride).map(|i| rows.iter().map(|row| u16::from(row[i])).sum::<u16>()));
        sums.extend((0..stride).map(|i| u16::from(rows[0][i]) + u16::from(rows[4][i])));
        let (columns, ends) = sums.split_at(stride);
        blur_row(&mut pixels[y * stride..][..stride], columns, ends, image.channels);
    }
}

/// Blurs the inside of a row. The ring is two columns of five values, and between them the `ends` of three columns.
fn blur_row(row: &mut [u8], columns: &[u16], ends: &[u16], channels: usize) {
    let inside = row.len() - 4 * channels;
    let [left, right] = [0, 4].map(|start| &columns[start * channels..][..inside]);
    let ends = [1, 2, 3].map(|start| &ends[start * channels..][..inside]);
    for (i, value) in row[2 * channels..][..inside].iter_mut().enumerate() {
        let ring = left[i] + right[i] + ends[0][i] + ends[1][i] + ends[2][i];
        *value = ((ring + 8) / 16) as u8;
    }
}
