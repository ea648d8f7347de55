//! Rescale: the centre of the image, resized to its whole size (Pillow's `crop` and `resize`).
//!
//! Two passes, first along the rows. Each output value is a weighted mean of a few input values, in 22-bit fixed point;
//! a pass that would not change the length is left out, as Pillow does. NEAREST is geometry, with its own rounding.

use std::f64::consts::PI;
use std::ops::Range;

use strum::VariantArray;

use super::{Scratch, geometry};
use crate::base::image::Image;

/// How pixels are weighted when an image is resized (Pillow's `Resampling`).
#[derive(Clone, Copy, Debug, PartialEq, Eq, VariantArray)]
pub enum Filter {
    /// A sine under a sine, over six pixels; the paper's "antialias", Pillow's former name for it.
    Lanczos,
    /// Cubic with a = −0.5, over four pixels.
    Bicubic,
    /// A triangle over two pixels.
    Bilinear,
    /// The same weight for all within half a pixel.
    Box,
    /// A sine under a Hamming window, over two pixels.
    Hamming,
    /// The pixel that is nearest.
    Nearest,
}

/// Fixed-point weights have this many bits behind the point.
const PRECISION: u32 = 22;

/// Working memory.
#[derive(Clone, Debug, Default)]
pub(super) struct Buffers {
    /// The image between the passes.
    pixels: Vec<u8>,
    /// One row of sums.
    sums: Vec<i32>,
    weights: Weights,
}

/// Which input values make each output value.
#[derive(Clone, Debug, Default)]
struct Weights {
    /// Per output position: the first input position, and where its weights are.
    spans: Vec<(usize, Range<usize>)>,
    exact: Vec<f64>,
    fixed: Vec<i32>,
}

/// Crops the box in the centre with this share of both sides, then resizes it to the image's size.
pub(super) fn rescale(image: &mut Image, side: f64, filter: Filter, scratch: &mut Scratch) {
    assert!((0.5..=1.0).contains(&side), "a rescaled box has a side in [0.5, 1], not {side}");
    let [columns, rows] = [image.width, image.height].map(|length| centre(length, side));
    if filter == Filter::Nearest {
        return geometry::stretch(image, &columns, &rows, scratch);
    }
    let buffers = &mut scratch.resized;
    buffers.pixels.clear();
    if image.channels == 1 {
        resize_rows::<1>(image, columns, rows, filter, buffers);
    } else {
        resize_rows::<3>(image, columns, rows, filter, buffers);
    }
    resize_columns(image, filter, buffers);
}

/// The middle of a side, its ends rounded half to even as Python does.
fn centre(length: usize, share: f64) -> Range<usize> {
    let (length, margin) = (length as f64, (1.0 - share) / 2.0);
    let [start, end] = [margin * length, length * (1.0 - margin)].map(|end| end.round_ties_even() as usize);
    start..end
}

/// Appends these `rows` of the image to the buffer, their `columns` resized to its width.
fn resize_rows<const C: usize>(
    image: &Image,
    columns: Range<usize>,
    rows: Range<usize>,
    filter: Filter,
    buffers: &mut Buffers,
) {
    let Buffers { pixels, weights, .. } = buffers;
    let stride = image.width * C;
    if columns.len() == image.width {
        pixels.extend_from_slice(&image.pixels[rows.start * stride..rows.end * stride]);
        return;
    }
    weights.make(columns.len(), image.width, filter);
    for row in image.pixels.chunks_exact(stride).take(rows.end).skip(rows.start) {
        let row = &row.as_chunks::<C>().0[columns.clone()];
        for (first, span) in &weights.spans {
            let mut sums = [1 << (PRECISION - 1); C];
            for (pixel, weight) in row[*first..].iter().zip(&weights.fixed[span.clone()]) {
                for (sum, &value) in sums.iter_mut().zip(pixel) {
                    *sum += i32::from(value) * weight;
                }
            }
            pixels.extend_from_slice(&sums.map(to_byte));
        }
    }
}

/// Resizes the rows in the buffer to the image's height, into the image.
fn resize_columns(image: &mut Image, filter: Filter, buffers: &mut Buffers) {
    let Buffers { pixels, sums, weights } = buffers;
    if pixels.len() == image.pixels.len() {
        return image.pixels.copy_from_slice(pixels);
    }
    let stride = image.width * image.channels;
    weights.make(pixels.len() / stride, image.height, filter);
    for (output, (first, span)) in image.pixels.chunks_exact_mut(stride).zip(&weights.spans) {
        sums.clear();
        sums.resize(stride, 1 << (PRECISION - 1));
        for (row, weight) in pixels[first * stride..].chunks_exact(stride).zip(&weights.fixed[span.clone()]) {
            for (sum, &value) in sums.iter_mut().zip(row) {
                *sum += i32::from(value) * weight;
            }
        }
        for (value, &sum) in output.iter_mut().zip(&*sums) {
            *value = to_byte(sum);
        }
    }
}

fn to_byte(sum: i32) -> u8 {
    (sum >> PRECISION).clamp(0, 255) as u8
}

impl Weights {
    /// Makes the weights that turn `from` values into `to`.
    fn make(&mut self, from: usize, to: usize, filter: Filter) {
        self.spans.clear();
        self.fixed.clear();
        let scale = from as f64 / to as f64;
        let widening = scale.max(1.0);
        let support = filter.support() * widening;
        for position in 0..to {
            let centre = (position as f64 + 0.5) * scale;
            let first = (centre - support + 0.5).max(0.0) as usize;
            let end = ((centre + support + 0.5) as usize).min(from);
            let start = self.fixed.len();
            self.add(first..end, |input| filter.weight((input as f64 - centre + 0.5) * (1.0 / widening)));
            self.spans.push((first, start..self.fixed.len()));
        }
    }

    /// Adds the weights of these input positions, scaled to a sum of 1.
    fn add(&mut self, inputs: Range<usize>, weight: impl Fn(usize) -> f64) {
        self.exact.clear();
        self.exact.extend(inputs.map(weight));
        let normal = 1.0 / self.exact.iter().sum::<f64>();
        let fixed = |&weight: &f64| {
            let exact = weight * normal * f64::from(1 << PRECISION);
            (exact + 0.5_f64.copysign(exact)) as i32
        };
        self.fixed.extend(self.exact.iter().map(fixed));
    }
}

impl Filter {
    /// All of them, in the order of the paper's table.
    pub const ALL: &[Self] = Self::VARIANTS;

    /// Its name in commands.
    pub fn name(self) -> &'static str {
        match self {
            Self::Lanczos => "lanczos",
            Self::Bicubic => "bicubic",
            Self::Bilinear => "bilinear",
            Self::Box => "box",
            Self::Hamming => "hamming",
            Self::Nearest => "nearest",
        }
    }

    /// How far from the centre the weights reach, in input pixels.
    fn support(self) -> f64 {
        match self {
            Self::Lanczos => 3.0,
            Self::Bicubic => 2.0,
            Self::Bilinear | Self::Hamming => 1.0,
            Self::Box | Self::Nearest => 0.5,
        }
    }

    /// The weight at this distance from the centre.
    fn weight(self, x: f64) -> f64 {
        let distance = x.abs();
        match self {
            Self::Lanczos if (-3.0..3.0).contains(&x) => sinc(x) * sinc(x / 3.0),
            Self::Bicubic if distance < 1.0 => (1.5 * distance - 2.5) * distance * distance + 1.0,
            Self::Bicubic if distance < 2.0 => (((distance - 5.0) * distance + 8.0) * distance - 4.0) * -0.5,
            Self::Bilinear if distance < 1.0 => 1.0 - distance,
            Self::Hamming if distance < 1.0 => {
                // Pillow has these two constants in single precision.
                sinc(distance) * (f64::from(0.54_f32) + f64::from(0.46_f32) * (distance * PI).cos())
            }
            Self::Box | Self::Nearest if x > -0.5 && x <= 0.5 => 1.0,
            Self::Lanczos | Self::Bicubic | Self::Bilinear | Self::Hamming | Self::Box | Self::Nearest => 0.0,
        }
    }
}

fn sinc(x: f64) -> f64 {
    if x == 0.0 { 1.0 } else { (x * PI).sin() / (x * PI) }
}
