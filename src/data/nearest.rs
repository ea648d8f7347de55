//! Which images are nearest to one, pixel by pixel: no network is needed, and nothing has to be kept.
//!
//! One image against 50,000 of 32×32×3 bytes takes some tens of milliseconds, so it is done when somebody asks.

use super::Images;

/// The `k` other images at the smallest squared distance from image `index`, the nearest first; among equals, in order.
pub fn nearest(images: &Images, index: u32, k: usize) -> Vec<u32> {
    let own = images.pixels_of(index as usize);
    let others = (0..images.n() as u32).filter(|&other| other != index);
    let mut by_distance: Vec<(u64, u32)> =
        others.map(|other| (distance(own, images.pixels_of(other as usize)), other)).collect();
    if k < by_distance.len() {
        by_distance.select_nth_unstable(k);
        by_distance.truncate(k);
    }
    by_distance.sort_unstable();
    by_distance.into_iter().map(|(_, other)| other).collect()
}

/// The squared distance of two images.
pub fn between(images: &Images, a: u32, b: u32) -> u64 {
    distance(images.pixels_of(a as usize), images.pixels_of(b as usize))
}

/// The squared distance of two images of one shape.
pub fn distance(a: &[u8], b: &[u8]) -> u64 {
    // sums of 1024 squares fit, and are quicker than wider ones
    let chunk = |(a, b): (&[u8], &[u8])| -> u32 {
        a.iter().zip(b).map(|(&a, &b)| u32::from(a.abs_diff(b)) * u32::from(a.abs_diff(b))).sum()
    };
    a.chunks(1024).zip(b.chunks(1024)).map(|pair| u64::from(chunk(pair))).sum()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_nearest_others_come_first_and_equals_in_order() {
        let pixels = [[0, 0], [3, 4], [1, 0], [255, 255], [0, 1]];
        let images = Images {
            width: 2,
            height: 1,
            channels: 1,
            pixels: pixels.as_flattened().to_vec().into(),
            labels: vec![0; 5],
        };
        assert_eq!(nearest(&images, 0, 3), [2, 4, 1]);
        assert_eq!(nearest(&images, 3, 9), [1, 2, 4, 0]);
        assert_eq!(distance(&[255; 3000], &[0; 3000]), 3000 * 255 * 255);
    }
}
