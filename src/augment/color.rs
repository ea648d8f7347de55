//! Brightness, Color and Contrast: a blend of the image with a duller version of itself (Pillow's `ImageEnhance`).

use super::blend::blend;
use super::channels::{gray, map, table};
use crate::base::image::Image;

/// Blends with black.
pub(super) fn brightness(image: &mut Image, factor: f64) {
    map(image, &table(|value| blend(0, value, factor as f32)));
}

/// Blends with the luminance. A grayscale image is its own luminance and stays.
pub(super) fn color(image: &mut Image, factor: f64) {
    if image.channels == 1 {
        return;
    }
    for pixel in image.pixels.as_chunks_mut::<3>().0 {
        let gray = gray(*pixel);
        *pixel = pixel.map(|value| blend(gray, value, factor as f32));
    }
}

/// Blends with the rounded mean luminance.
pub(super) fn contrast(image: &mut Image, factor: f64) {
    let mean = mean_gray(image);
    map(image, &table(|value| blend(mean, value, factor as f32)));
}

fn mean_gray(image: &Image) -> u8 {
    let sum: u32 = if image.channels == 1 {
        image.pixels.iter().map(|&value| u32::from(value)).sum()
    } else {
        image.pixels.as_chunks::<3>().0.iter().map(|&pixel| u32::from(gray(pixel))).sum()
    };
    (f64::from(sum) / (image.width * image.height) as f64 + 0.5) as u8
}
