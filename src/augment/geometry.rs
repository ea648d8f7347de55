//! Rotation, shear and translation: NEAREST sampling with black fill (Pillow's `Image.transform` and `Image.rotate`).
//!
//! Pillow has two code paths with different rounding, and which one runs depends on the matrix: coordinates that do
//! not mix are stepped in double precision, all others in 16.16 fixed point. Both are needed for equal pixels.

use std::io::Write as _;
use std::ops::Range;

use super::Scratch;
use crate::base::image::Image;

/// From an output pixel to an input pixel: per coordinate the factors of x and y, and the offset.
pub(super) type Matrix = [[f64; 3]; 2];

/// Consecutive input pixels that become consecutive output pixels.
#[derive(Clone, Copy, Debug)]
pub(super) struct Run {
    input: usize,
    output: usize,
    length: usize,
}

/// Rotates counter-clockwise about the centre.
pub(super) fn rotate(image: &mut Image, degrees: f64, scratch: &mut Scratch) {
    let degrees = degrees.rem_euclid(360.0);
    if degrees == 0.0 {
        return;
    }
    let (sin, cos) = (-degrees.to_radians()).sin_cos();
    let (sin, cos) = (round_to_15_digits(sin), round_to_15_digits(cos));
    let (x, y) = (image.width as f64 / 2.0, image.height as f64 / 2.0);
    let to_x = [cos, sin, cos * -x + sin * -y + x];
    let to_y = [-sin, cos, -sin * -x + cos * -y + y];
    affine(image, [to_x, to_y], scratch);
}

/// Takes each pixel from `shares` of the width and of the height further on.
pub(super) fn translate(image: &mut Image, shares: [f64; 2], scratch: &mut Scratch) {
    let x = shares[0] * image.width as f64;
    let y = shares[1] * image.height as f64;
    affine(image, [[1.0, 0.0, x], [0.0, 1.0, y]], scratch);
}

/// Applies the matrix; what comes from outside of the image is black.
pub(super) fn affine(image: &mut Image, matrix: Matrix, scratch: &mut Scratch) {
    scratch.pixels.resize(image.pixels.len(), 0);
    if image.channels == 1 {
        transform::<1>(image, matrix, scratch);
    } else {
        transform::<3>(image, matrix, scratch);
    }
    scratch.swap_into(image);
}

/// Python's `round(x, 15)`, which rounds the exact decimal value; multiplying by 1e15 would round twice.
fn round_to_15_digits(x: f64) -> f64 {
    let mut digits = [0; 24];
    let mut rest = digits.as_mut_slice();
    write!(rest, "{x:.15}").expect("a sine has at most 18 characters");
    let unused = rest.len();
    let digits = &digits[..digits.len() - unused];
    str::from_utf8(digits).expect("digits are ASCII").parse().expect("a printed number is a number")
}

fn transform<const C: usize>(image: &Image, matrix: Matrix, scratch: &mut Scratch) {
    let size = [image.width, image.height];
    let input = image.pixels.as_chunks::<C>().0;
    let output = scratch.pixels.as_chunks_mut::<C>().0;
    match matrix {
        [[_, 0.0, _], [0.0, _, _]] => step(input, output, size, matrix, &mut scratch.runs),
        [[1.0, ..], [0.0, 1.0, 0.0]] => shear_rows(input, output, image.width, matrix[0]),
        _ => sample(input, output, size, matrix),
    }
}

/// Both coordinates on their own, stepped in double precision: translation.
fn step<const C: usize>(
    input: &[[u8; C]],
    output: &mut [[u8; C]],
    [width, height]: [usize; 2],
    [to_x, to_y]: Matrix,
    runs: &mut Vec<Run>,
) {
    output.fill([0; C]);
    find_runs(positions(to_x[2], to_x[0], width, width), runs);
    let lines = positions(to_y[2], to_y[1], height, height);
    copy_runs(input, output, width, lines, runs);
}

/// Stretches a box of the image to its whole size (Pillow's `crop`, then `resize` with NEAREST).
pub(super) fn stretch(image: &mut Image, columns: &Range<usize>, rows: &Range<usize>, scratch: &mut Scratch) {
    scratch.pixels.resize(image.pixels.len(), 0);
    if image.channels == 1 {
        stretch_pixels::<1>(image, columns, rows, scratch);
    } else {
        stretch_pixels::<3>(image, columns, rows, scratch);
    }
    scratch.swap_into(image);
}

fn stretch_pixels<const C: usize>(image: &Image, columns: &Range<usize>, rows: &Range<usize>, scratch: &mut Scratch) {
    let along = |side: &Range<usize>, length: usize| {
        let (start, step) = (side.start, side.len() as f64 / length as f64);
        // The crop is an image of its own, so positions start at its corner and are moved afterwards.
        positions(0.0, step, side.len(), length).map(move |position| position.map(|position| start + position))
    };
    find_runs(along(columns, image.width), &mut scratch.runs);
    let output = scratch.pixels.as_chunks_mut::<C>().0;
    copy_runs(image.pixels.as_chunks::<C>().0, output, image.width, along(rows, image.height), &scratch.runs);
}

/// Fills each row of the output that has an input line, by the same runs of columns.
fn copy_runs<const C: usize>(
    input: &[[u8; C]],
    output: &mut [[u8; C]],
    width: usize,
    lines: impl Iterator<Item = Option<usize>>,
    runs: &[Run],
) {
    for (row, line) in output.chunks_exact_mut(width).zip(lines) {
        let Some(line) = line else { continue };
        let source = &input[line * width..][..width];
        for run in runs {
            row[run.output..][..run.length].copy_from_slice(&source[run.input..][..run.length]);
        }
    }
}

/// The input coordinate of each of `n` output coordinates, where it lies in the input's `length`.
fn positions(offset: f64, step: f64, length: usize, n: usize) -> impl Iterator<Item = Option<usize>> {
    let mut position = offset + step * 0.5;
    (0..n).map(move |_| {
        let inside = position >= 0.0 && position < length as f64;
        let index = inside.then_some(position as usize);
        // Added up as Pillow does it: a product would round differently.
        position += step;
        index
    })
}

fn find_runs(positions: impl Iterator<Item = Option<usize>>, runs: &mut Vec<Run>) {
    runs.clear();
    for (output, input) in positions.enumerate() {
        let Some(input) = input else { continue };
        match runs.last_mut() {
            Some(run) if run.input + run.length == input && run.output + run.length == output => run.length += 1,
            _ => runs.push(Run { input, output, length: 1 }),
        }
    }
}

/// 16.16 fixed point, rounded to nearest.
fn fixed(value: f64) -> i64 {
    (value * 65_536.0 + 0.5).floor() as i64
}

/// One input coordinate in fixed point: at the first pixel's centre, and its steps per column and per row.
fn fixed_steps([per_column, per_row, offset]: [f64; 3]) -> [i64; 3] {
    [fixed(offset + per_column * 0.5 + per_row * 0.5), fixed(per_column), fixed(per_row)]
}

/// Horizontal shear, where each row moves as a whole: what [`sample`] gives, by slices.
fn shear_rows<const C: usize>(input: &[[u8; C]], output: &mut [[u8; C]], width: usize, to_x: [f64; 3]) {
    let [mut start, _, per_row] = fixed_steps(to_x);
    for (row, source) in output.chunks_exact_mut(width).zip(input.chunks_exact(width)) {
        let shift = start >> 16;
        let distance = (shift.unsigned_abs() as usize).min(width);
        if shift >= 0 {
            row[..width - distance].copy_from_slice(&source[distance..]);
            row[width - distance..].fill([0; C]);
        } else {
            row[distance..].copy_from_slice(&source[..width - distance]);
            row[..distance].fill([0; C]);
        }
        start += per_row;
    }
}

/// Any matrix, stepped in fixed point. Pillow does so as long as no coordinate leaves ±32768.
fn sample<const C: usize>(input: &[[u8; C]], output: &mut [[u8; C]], [width, height]: [usize; 2], matrix: Matrix) {
    let [[mut row_x, x_per_column, x_per_row], [mut row_y, y_per_column, y_per_row]] = matrix.map(fixed_steps);
    for row in output.chunks_exact_mut(width) {
        let (mut x, mut y) = (row_x, row_y);
        for pixel in row {
            // As unsigned numbers, negative coordinates are beyond the image too.
            let (column, line) = ((x >> 16) as usize, (y >> 16) as usize);
            *pixel = if column < width && line < height { input[line * width + column] } else { [0; C] };
            x += x_per_column;
            y += y_per_column;
        }
        row_x += x_per_row;
        row_y += y_per_row;
    }
}
