//! What an image shows, in a few bytes: an exact print that only equal pixels share, and a rough one that stays close when
//! an image is saved again, scaled or brightened a little.
//!
//! The rough print is the difference hash: the image's brightness averaged over 9 × 8 cells, and of each two neighbours
//! whether the right one is brighter. It only finds candidates: [`duplicates`](super::duplicates) compares their pixels.

use sha2::{Digest as _, Sha256};

use super::cache::Print;
use crate::base::image::Image;

/// Cells of a row, one more than places between them, and rows.
const COLUMNS: usize = 9;
const ROWS: usize = 8;

/// The prints of an image; one that stores gray as colour has those of the gray one.
pub fn of(image: &Image) -> Print {
    let is_gray = image.channels == 1 || image.pixels.as_chunks::<3>().0.iter().all(|[r, g, b]| r == g && g == b);
    let mut hash = Sha256::new();
    for number in [image.width as u64, image.height as u64, u64::from(is_gray)] {
        hash.update(number.to_le_bytes());
    }
    if is_gray && image.channels == 3 {
        hash.update(image.pixels.iter().step_by(3).copied().collect::<Vec<_>>());
    } else {
        hash.update(&image.pixels);
    }
    Print { exact: hash.finalize()[..16].try_into().expect("16 bytes"), rough: rough(image) }
}

fn rough(image: &Image) -> u64 {
    let brightness = cells(image);
    let mut print = 0;
    for row in 0..ROWS {
        for column in 0..COLUMNS - 1 {
            let at = row * COLUMNS + column;
            print = print << 1 | u64::from(brightness[at + 1] > brightness[at]);
        }
    }
    print
}

/// The mean brightness of each cell, times its number of pixels of the same share: whole pixels belong to the cell that
/// their middle lies in; a cell without any takes the nearest pixel.
fn cells(image: &Image) -> [f64; COLUMNS * ROWS] {
    let (mut sums, mut counts) = ([0_u64; COLUMNS * ROWS], [0_u64; COLUMNS * ROWS]);
    let brightness = |x: usize, y: usize| -> u64 {
        let at = (y * image.width + x) * image.channels;
        image.pixels[at..at + image.channels].iter().map(|byte| u64::from(*byte)).sum()
    };
    for y in 0..image.height {
        let row = y * ROWS / image.height;
        for x in 0..image.width {
            let cell = row * COLUMNS + x * COLUMNS / image.width;
            sums[cell] += brightness(x, y);
            counts[cell] += 1;
        }
    }
    std::array::from_fn(|cell| {
        if counts[cell] > 0 {
            return sums[cell] as f64 / counts[cell] as f64;
        }
        let (row, column) = (cell / COLUMNS, cell % COLUMNS);
        brightness(column * image.width / COLUMNS, row * image.height / ROWS) as f64
    })
}
