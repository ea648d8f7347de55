//! Operations that replace each value by another one, whatever its place (Pillow's `ImageOps`).

use super::channels::{Table, fade, map, map_channels, table};
use crate::base::image::Image;

/// Stretches each channel to the full range; a channel of one value stays.
pub(super) fn autocontrast(image: &mut Image, share: f64) {
    let tables = extremes(image).map(|(low, high)| fade(&autocontrast_table(low, high), share));
    map_channels(image, &tables);
}

/// Equalizes each channel's histogram.
pub(super) fn equalize(image: &mut Image, share: f64) {
    let tables = histograms(image).map(|histogram| fade(&equalize_table(&histogram), share));
    map_channels(image, &tables);
}

/// Turns each value into its distance from white.
pub(super) fn invert(image: &mut Image, share: f64) {
    map(image, &fade(&table(|value| 255 - value), share));
}

/// Keeps the `bits` highest bits.
pub(super) fn posterize(image: &mut Image, bits: u8) {
    assert!(bits <= 8, "a byte has 8 bits, not {bits}");
    let mask = (0xff00_u16 >> bits) as u8;
    for value in &mut image.pixels {
        *value &= mask;
    }
}

/// Inverts the values at or above ⌊threshold × 255.999⌋, so that a threshold of 1 still turns 255 into 0.
pub(super) fn solarize(image: &mut Image, threshold: f64) {
    let threshold = (threshold * 255.999) as u8;
    for value in &mut image.pixels {
        // Without a jump, which the processor would mispredict at every edge; value ^ 255 is 255 − value.
        *value ^= if *value >= threshold { 255 } else { 0 };
    }
}

/// The smallest and the largest value of each channel; channels that are not there give (255, 0).
fn extremes(image: &Image) -> [(u8, u8); 3] {
    // A multiple of 1 and of 3, so that each lane sees one channel only, and of the vector width.
    const LANES: usize = 48;
    let (mut low, mut high) = ([255; LANES], [0; LANES]);
    let (blocks, rest) = image.pixels.as_chunks::<LANES>();
    for lanes in blocks.iter().map(<[u8; LANES]>::as_slice).chain([rest]) {
        for ((low, high), &value) in low.iter_mut().zip(&mut high).zip(lanes) {
            *low = value.min(*low);
            *high = value.max(*high);
        }
    }
    let mut extremes = [(255, 0); 3];
    for (lane, (&low, &high)) in low.iter().zip(&high).enumerate() {
        let (lowest, highest) = &mut extremes[lane % image.channels];
        *lowest = low.min(*lowest);
        *highest = high.max(*highest);
    }
    extremes
}

/// Scale and offset are rounded in Pillow's order: the algebraically equal forms differ for a quarter of the ranges.
fn autocontrast_table(low: u8, high: u8) -> Table {
    if high <= low {
        return table(|value| value);
    }
    let scale = 255.0 / f64::from(high - low);
    let offset = -f64::from(low) * scale;
    table(|value| (f64::from(value) * scale + offset) as u8)
}

type Histogram = [u32; 256];

fn histograms(image: &Image) -> [Histogram; 3] {
    let mut histograms = [[0; 256]; 3];
    for pixel in image.pixels.chunks_exact(image.channels) {
        for (histogram, &value) in histograms.iter_mut().zip(pixel) {
            histogram[value as usize] += 1;
        }
    }
    histograms
}

/// Each of the 255 levels gets `step` pixels. The lightest value's pixels do not count, and a channel with too few
/// others stays as it is.
fn equalize_table(histogram: &Histogram) -> Table {
    let lightest = histogram.iter().rev().find(|&&count| count > 0).copied().unwrap_or(0);
    let step = (histogram.iter().sum::<u32>() - lightest) / 255;
    if step == 0 {
        return table(|value| value);
    }
    let mut below = step / 2;
    table(|value| {
        let level = below / step;
        below += histogram[value as usize];
        level.min(255) as u8
    })
}
