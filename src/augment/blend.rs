//! Pillow's `Image.blend`, the arithmetic behind the enhancements.

/// `from + alpha × (to − from)` in single precision, cut off to a byte.
///
/// The cast saturates. Pillow clips only when `alpha` lies outside of [0, 1], but inside nothing is there to clip.
pub(super) fn blend(from: u8, to: u8, alpha: f32) -> u8 {
    let (from, to) = (f32::from(from), f32::from(to));
    (from + alpha * (to - from)) as u8
}
