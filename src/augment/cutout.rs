//! Cutout: a gray square (DeVries and Taylor, "Improved regularization of convolutional neural networks", 2017).

use crate::base::image::Image;

/// The middle of the byte range, which becomes about 0 when the network normalises its input.
const GRAY: u8 = 127;

/// Paints the square of `side × width` pixels that starts half of them before `centre`, in columns and rows.
pub(super) fn cutout(image: &mut Image, side: f64, centre: [usize; 2]) {
    let side = (side * image.width as f64).round() as usize;
    let [columns, rows] = [(centre[0], image.width), (centre[1], image.height)].map(|(centre, length)| {
        let end = (centre + side).saturating_sub(side / 2);
        centre.saturating_sub(side / 2).min(length)..end.min(length)
    });
    let stride = image.width * image.channels;
    for row in image.pixels.chunks_exact_mut(stride).take(rows.end).skip(rows.start) {
        row[columns.start * image.channels..columns.end * image.channels].fill(GRAY);
    }
}
