//! A contact sheet as pixels, black on white, each image's pixels enlarged to squares.

use anyhow::Result;
use fixmatch::base::image::Image;

use super::{Anchor, Line, Page, Picture, font};
use crate::commands::png_of;

/// The bytes of a PNG.
pub fn of(page: &Page) -> Result<Vec<u8>> {
    let mut canvas = Image::black(page.width, page.height, 3);
    canvas.pixels.fill(255);
    for picture in &page.pictures {
        paste(&mut canvas, picture);
    }
    for line in &page.lines {
        write(&mut canvas, line);
    }
    png_of(&canvas)
}

fn paste(canvas: &mut Image, Picture { image, x, y, scale, .. }: &Picture) {
    for row in 0..image.height * scale {
        let start = ((y + row) * canvas.width + x) * 3;
        let line = &image.pixels[row / scale * image.width * image.channels..][..image.width * image.channels];
        for (column, target) in canvas.pixels[start..][..image.width * scale * 3].chunks_exact_mut(3).enumerate() {
            let pixel = &line[column / scale * image.channels..][..image.channels];
            for (channel, byte) in target.iter_mut().enumerate() {
                *byte = pixel[channel % image.channels]; // gray has one for all three
            }
        }
    }
}

fn write(canvas: &mut Image, Line { text, x, y, anchor, style }: &Line) {
    let start = match anchor {
        Anchor::Start => *x,
        Anchor::End => x.saturating_sub(font::width(text, *style)),
    };
    font::draw(text, *style, |dx, dy, ink| {
        let (x, y) = (start as i32 + dx, *y as i32 + dy);
        if (0..canvas.width as i32).contains(&x) && (0..canvas.height as i32).contains(&y) {
            let place = (y as usize * canvas.width + x as usize) * 3;
            for byte in &mut canvas.pixels[place..][..3] {
                let (from, to) = (f32::from(*byte), f32::from(style.shade()));
                *byte = (from + (to - from) * ink.min(1.0)).round() as u8;
            }
        }
    });
}
