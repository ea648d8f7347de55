//! A contact sheet as a drawing that can be scaled and searched: names are text, images are embedded whole.

use std::fmt::Write as _;

use anyhow::Result;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

use super::{Anchor, Line, Page, Picture};
use crate::commands::png_of;

/// An SVG document.
pub fn of(page: &Page) -> Result<String> {
    let Page { width, height, lines, pictures } = page;
    let mut svg = format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"{width}\" height=\"{height}\" viewBox=\"0 0 {width} {height}\" \
         font-family=\"Ubuntu, 'Segoe UI', 'Helvetica Neue', Arial, sans-serif\">\n\
         <style>image {{ image-rendering: pixelated }}</style>\n\
         <rect width=\"{width}\" height=\"{height}\" fill=\"#fff\"/>\n"
    );
    for Line { text, x, y, anchor, style } in lines {
        let end = match anchor {
            Anchor::Start => "",
            Anchor::End => " text-anchor=\"end\"",
        };
        let (size, shade, text) = (style.size(), style.shade(), escaped(text));
        let _ = writeln!(
            svg,
            "<text x=\"{x}\" y=\"{y}\" font-size=\"{size}\" fill=\"#{shade:02x}{shade:02x}{shade:02x}\"{end}>{text}</text>"
        );
    }
    for Picture { image, x, y, scale, about } in pictures {
        let (width, height) = (image.width * scale, image.height * scale);
        let (data, about) = (STANDARD.encode(png_of(image)?), escaped(about));
        let _ = writeln!(
            svg,
            "<image x=\"{x}\" y=\"{y}\" width=\"{width}\" height=\"{height}\" href=\"data:image/png;base64,{data}\">\
             <title>{about}</title></image>"
        );
    }
    svg.push_str("</svg>\n");
    Ok(svg)
}

/// Text as XML has it; control characters, which XML cannot say, become spaces.
fn escaped(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '&' => escaped.push_str("&amp;"),
            '<' => escaped.push_str("&lt;"),
            '>' => escaped.push_str("&gt;"),
            c if c.is_control() || matches!(c, '\u{fffe}' | '\u{ffff}') => escaped.push(' '),
            c => escaped.push(c),
        }
    }
    escaped
}
