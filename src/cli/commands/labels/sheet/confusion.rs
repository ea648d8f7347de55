//! What the test images of each class are taken for, as a picture.
//!
//! ```text
//! test images: a row a class, a column what they are taken for
//!            0  1  2
//! 0 airplane ■  ·  ·
//! 1 car      ·  ■  ·
//! ```

use anyhow::Result;
use fixmatch::base::image::Image;
use fixmatch::base::text::Name;

use super::{
    Anchor, HEADING, IMAGES, Line, MARGIN, NAME_GAP, NOTE, Page, Picture, Style, WIDEST_NAME, ensure_possible, font,
};

/// Pixels of a class at most and at least, and of all of them about.
const CELLS: (usize, usize, usize) = (2, 44, 480);

/// The most classes whose names have room.
const MOST_NAMES: usize = 30;

/// All test images of a class in one place.
const FULL: [f64; 3] = [0.0, 68.0, 136.0];

pub fn page(heading: &str, classes: &[Name], counts: &[Vec<u32>]) -> Result<Page> {
    let n = counts.len();
    let cell = (CELLS.2 / n.max(1)).clamp(CELLS.0, CELLS.1);
    let has_names = n <= MOST_NAMES;
    let name =
        |class: usize| classes.get(class).map_or_else(|| class.to_string(), |it| format!("{class} {it:.WIDEST_NAME$}"));
    let names: Vec<String> = (0..if has_names { n } else { 0 }).map(name).collect();
    let width = names.iter().map(|name| font::width(name, Style::Name)).max().unwrap_or(0);
    let (left, top) =
        (MARGIN + width + if has_names { NAME_GAP } else { 0 }, MARGIN + IMAGES + Style::Name.size() as usize);
    let mut lines = Vec::new();
    let note = "a row a class of test images, a column what they are taken for; rows add up to 100 %";
    for (text, base, style) in [(heading, HEADING, Style::Heading), (note, NOTE, Style::Note)] {
        lines.push(Line { text: text.to_owned(), x: MARGIN, y: MARGIN + base, anchor: Anchor::Start, style });
    }
    let page_width =
        lines.iter().map(|line| font::width(&line.text, line.style)).max().unwrap_or(0).max(left - MARGIN + n * cell);
    for (class, text) in names.into_iter().enumerate() {
        let middle = cell / 2 + Style::Name.size() as usize / 3;
        let number = class.to_string();
        let x = left + class * cell + cell / 2;
        let x = x - font::width(&number, Style::Note) / 2;
        lines.push(Line { text: number, x, y: top - 6, anchor: Anchor::Start, style: Style::Note });
        lines.push(Line {
            text,
            x: MARGIN + width,
            y: top + class * cell + middle,
            anchor: Anchor::End,
            style: Style::Name,
        });
    }
    let about = heading.to_owned();
    let pictures = vec![Picture { image: shades(counts), x: left, y: top, scale: cell, about }];
    let (width, height) = (page_width + 2 * MARGIN, top + n * cell + MARGIN);
    ensure_possible(width, height)?;
    Ok(Page { width, height, lines, pictures })
}

/// A pixel for each count, by its share of its row.
fn shades(counts: &[Vec<u32>]) -> Image {
    let n = counts.len();
    let mut image = Image::black(n, n, 3);
    for (class, row) in counts.iter().enumerate() {
        let all: u32 = row.iter().sum();
        for taken_for in 0..n {
            let share = f64::from(row.get(taken_for).copied().unwrap_or(0)) / f64::from(all.max(1));
            let pixel = FULL.map(|full| (255.0 + (full - 255.0) * share.sqrt()).round() as u8);
            image.pixels[3 * (class * n + taken_for)..][..3].copy_from_slice(&pixel);
        }
    }
    image
}
