//! Text in pixels: the embedded font, Ubuntu Light, so that a sheet looks the same on every machine.

use std::sync::LazyLock;

use ab_glyph::{Font as _, FontRef, Glyph, PxScaleFont, ScaleFont as _, point};

use super::Style;

static FONT: LazyLock<FontRef<'static>> =
    LazyLock::new(|| FontRef::try_from_slice(epaint_default_fonts::UBUNTU_LIGHT).expect("the embedded font is sound"));

/// The font at a style's size, whose em ab_glyph counts from the highest ascender to the lowest descender.
fn scaled(style: Style) -> PxScaleFont<&'static FontRef<'static>> {
    let per_em = FONT.height_unscaled() / FONT.units_per_em().expect("an outline font has an em");
    FONT.as_scaled(style.size() * per_em)
}

/// The width of a line in pixels, rounded up.
pub fn width(text: &str, style: Style) -> usize {
    set(text, style).1.ceil() as usize
}

/// Calls `paint` with each pixel of a line that begins at (0, 0) on its base line: x, y, and its share of ink in [0, 1].
pub fn draw(text: &str, style: Style, mut paint: impl FnMut(i32, i32, f32)) {
    for glyph in set(text, style).0 {
        let Some(outline) = FONT.outline_glyph(glyph) else { continue };
        let corner = outline.px_bounds().min;
        outline.draw(|x, y, ink| paint(corner.x as i32 + x as i32, corner.y as i32 + y as i32, ink));
    }
}

/// The glyphs of a line, and its width.
fn set(text: &str, style: Style) -> (Vec<Glyph>, f32) {
    let font = scaled(style);
    let (mut glyphs, mut x) = (Vec::<Glyph>::new(), 0.0);
    for c in text.chars() {
        let id = font.glyph_id(c);
        x += glyphs.last().map_or(0.0, |last| font.kern(last.id, id));
        glyphs.push(id.with_scale_and_position(font.scale(), point(x, 0.0)));
        x += font.h_advance(id);
    }
    (glyphs, x)
}
