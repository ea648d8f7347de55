//! Contact sheets of label sets: a row a class, the most representative image first where an order is known; two sets
//! beside each other.
//!
//! ```text
//!             most-representative by …     least-representative by …
//!             CIFAR-10, mean rank 12 …     CIFAR-10, mean rank 49,988 …
//!   airplane  ▢ ▢ ▢ ▢ ▢                    ▢ ▢ ▢ ▢ ▢
//! automobile  ▢ ▢ ▢ ▢ ▢                    ▢ ▢ ▢ ▢ ▢
//! ```
//!
//! What goes where is decided here, once; [`png`] and [`svg`] draw it.

use std::path::{Path, PathBuf};

use anyhow::{Result, ensure};
use fixmatch::base::aside::replace_file;
use fixmatch::base::image::Image;
use fixmatch::base::text::Name;
use fixmatch::data::{self, Dataset};

use super::choice::Side;
use crate::commands::{fresh_file, note};
use crate::words::numbers::{grouped, significant};
use fixmatch::labels::order::Order;

mod confusion;
mod font;
mod png;
mod svg;

/// The largest side of a sheet in pixels, so that a slip of the finger does not fill the memory.
const MAX_SIDE: usize = 16_384;
/// Small images are enlarged by a whole number to about this width.
const WIDTH: f64 = 64.0;
/// Images of a class beside each other, at most; more go into further rows.
const MAX_COLUMNS: usize = 20;

const MARGIN: usize = 20;
/// Between images.
const GAP: usize = 4;
/// Between classes of several rows.
const CLASS_GAP: usize = 14;
/// Between two sets, and between class names and images.
const SIDE_GAP: usize = 40;
const NAME_GAP: usize = 12;
/// A class's name is cut at so many columns of a terminal.
const WIDEST_NAME: usize = 32;
/// Tiles beside each other, at most.
const TILES: usize = 8;
/// Images of tiles are enlarged to about this width.
const TILE_WIDTH: f64 = 96.0;
/// The height of a caption.
const CAPTION: usize = 16;
/// From the top to the base lines of a set's two lines of text and to its images.
const HEADING: usize = 17;
const NOTE: usize = 40;
const IMAGES: usize = 58;

/// The files that a contact sheet goes into.
#[derive(clap::Args)]
pub struct Files {
    /// Write a contact sheet, a row a class, instead of printing a table
    #[arg(long, value_name = "FILE.png")]
    png: Option<PathBuf>,
    /// The same as a drawing, with names as text and each image's rank as its tooltip
    #[arg(long, value_name = "FILE.svg")]
    svg: Option<PathBuf>,
    /// Overwrite the files
    #[arg(long)]
    pub force: bool,
}

impl Files {
    /// Whether there are any.
    pub fn is_some(&self) -> bool {
        self.png.is_some() || self.svg.is_some()
    }

    /// Refuses files that cannot be written, before there is work to lose.
    pub fn check(&self) -> Result<()> {
        for (path, extension) in [(&self.png, "png"), (&self.svg, "svg")] {
            let Some(path) = path else { continue };
            let has_it = path.extension().is_some_and(|it| it.eq_ignore_ascii_case(extension));
            ensure!(has_it, "{} must end in .{extension}, for that is what is written", path.display());
            fresh_file(path, self.force)?;
        }
        Ok(())
    }

    /// Draws the sets beside each other into each of the files.
    pub fn write(&self, sides: &[&Side], dataset: &Dataset) -> Result<()> {
        if self.is_some() { self.draw(&Page::of(sides, dataset)?) } else { Ok(()) }
    }

    /// Draws images with captions, row by row, below two lines of text.
    pub fn write_tiles(&self, head: (&str, &str), tiles: &[Tile]) -> Result<()> {
        if self.is_some() { self.draw(&Page::of_tiles(head, tiles)?) } else { Ok(()) }
    }

    fn draw(&self, page: &Page) -> Result<()> {
        let write = |path: &Path, content: &[u8]| {
            let path = fresh_file(path, self.force)?;
            replace_file(&path, content)?;
            note(format_args!("{}: {}×{} pixels", path.display(), page.width, page.height));
            anyhow::Ok(())
        };
        if let Some(path) = &self.png {
            write(path, &png::of(page)?)?;
        }
        if let Some(path) = &self.svg {
            write(path, svg::of(page)?.as_bytes())?;
        }
        Ok(())
    }
}

/// Images with captions below two lines of text, as a PNG.
pub fn tiles(head: (&str, &str), tiles: &[Tile]) -> Result<Drawn> {
    Drawn::of(&Page::of_tiles(head, tiles)?)
}

/// What the test images of each class are taken for, as a PNG: a row for each class, darker where there are more.
pub fn confusion(heading: &str, classes: &[Name], counts: &[Vec<u32>]) -> Result<Drawn> {
    Drawn::of(&confusion::page(heading, classes, counts)?)
}

/// A PNG.
pub struct Drawn {
    /// Its bytes.
    pub png: Vec<u8>,
    /// Its width and its height in pixels.
    pub size: (usize, usize),
}

impl Drawn {
    fn of(page: &Page) -> Result<Self> {
        Ok(Self { png: png::of(page)?, size: (page.width, page.height) })
    }
}

/// An image of a sheet of tiles.
pub struct Tile {
    /// The image.
    pub image: Image,
    /// What stands below it, cut to its width.
    pub caption: String,
    /// What it is, in words.
    pub about: String,
}

/// What is drawn where, in pixels from the upper left corner.
struct Page {
    width: usize,
    height: usize,
    lines: Vec<Line>,
    pictures: Vec<Picture>,
}

struct Line {
    text: String,
    /// Where it begins or ends, and its base line.
    x: usize,
    y: usize,
    anchor: Anchor,
    style: Style,
}

#[derive(Clone, Copy)]
enum Anchor {
    Start,
    End,
}

#[derive(Clone, Copy)]
enum Style {
    Heading,
    Name,
    Note,
    Caption,
}

impl Style {
    /// The em in pixels.
    fn size(self) -> f32 {
        match self {
            Self::Heading => 18.0,
            Self::Name => 16.0,
            Self::Note => 14.0,
            Self::Caption => 12.0,
        }
    }

    /// A shade of gray.
    fn shade(self) -> u8 {
        match self {
            Self::Heading | Self::Name => 0x1a,
            Self::Note | Self::Caption => 0x66,
        }
    }
}

struct Picture {
    image: Image,
    x: usize,
    y: usize,
    /// How many times it is enlarged.
    scale: usize,
    /// What it is, in words.
    about: String,
}

/// The grid that all sets share.
struct Grid {
    /// Images beside each other.
    columns: usize,
    /// Where each class begins, and where the last one ends.
    tops: Vec<usize>,
    /// The place of an image, gap included.
    cell: (usize, usize),
    scale: usize,
}

impl Grid {
    fn of(sides: &[Vec<Vec<u32>>], dataset: &Dataset) -> Self {
        let most = |class: usize| sides.iter().map(|side| side[class].len()).max().unwrap_or_default().max(1);
        let most: Vec<usize> = (0..dataset.classes.len()).map(most).collect();
        let largest = most.iter().copied().max().unwrap_or(1);
        let columns = largest.div_ceil(largest.div_ceil(MAX_COLUMNS)); // as even rows as can be
        let scale = (WIDTH / dataset.train.width as f64).round().max(1.0) as usize;
        let cell = (dataset.train.width * scale + GAP, dataset.train.height * scale + GAP);
        let between = if largest > columns { CLASS_GAP } else { 0 };
        let mut tops = vec![MARGIN + IMAGES];
        for n in &most {
            tops.push(tops[tops.len() - 1] + n.div_ceil(columns) * cell.1 + between);
        }
        Self { columns, tops, cell, scale }
    }

    fn width(&self) -> usize {
        self.columns * self.cell.0 - GAP
    }
}

impl Page {
    fn of(sides: &[&Side], dataset: &Dataset) -> Result<Self> {
        let by_class: Vec<_> = sides.iter().map(|side| side.by_class(dataset)).collect();
        let grid = Grid::of(&by_class, dataset);
        let (mut page, name_width) = Self::of_names(&grid, dataset);
        let mut left = MARGIN + name_width + NAME_GAP;
        ensure_possible(left + sides.len() * grid.width(), page.height)?;
        let any_order = sides.iter().find_map(|side| side.order.as_ref());
        for (side, by_class) in sides.iter().zip(&by_class) {
            let order = side.order.as_ref().or(any_order);
            page.add_pictures(by_class, left, &grid, order, dataset);
            left += page.add_heading(side, left, order, dataset)?.max(grid.width()) + SIDE_GAP;
        }
        page.width = left - SIDE_GAP + MARGIN;
        ensure_possible(page.width, page.height)?;
        Ok(page)
    }

    /// Images of one size with captions, as many beside each other as [`TILES`].
    fn of_tiles((heading, note): (&str, &str), tiles: &[Tile]) -> Result<Self> {
        let (width, height) = tiles.first().map_or((1, 1), |tile| (tile.image.width, tile.image.height));
        let scale = (TILE_WIDTH / width as f64).round().max(1.0) as usize;
        let cell = (width * scale + 3 * GAP, height * scale + CAPTION + 3 * GAP);
        let n_columns = tiles.len().clamp(1, TILES);
        let size =
            [font::width(heading, Style::Heading), font::width(note, Style::Note)].into_iter().max().unwrap_or(0);
        let page_width = 2 * MARGIN + size.max(n_columns * cell.0 - 3 * GAP);
        let page_height = 2 * MARGIN + IMAGES + tiles.len().div_ceil(n_columns) * cell.1;
        ensure_possible(page_width, page_height)?;
        let head = |text: &str, base, style| Line {
            text: text.to_owned(),
            x: MARGIN,
            y: MARGIN + base,
            anchor: Anchor::Start,
            style,
        };
        let mut lines = vec![head(heading, HEADING, Style::Heading), head(note, NOTE, Style::Note)];
        let mut pictures = Vec::new();
        for (i, tile) in tiles.iter().enumerate() {
            let (x, y) = (MARGIN + i % n_columns * cell.0, MARGIN + IMAGES + i / n_columns * cell.1);
            let (image, about) = (tile.image.clone(), tile.about.clone());
            pictures.push(Picture { image, x, y, scale, about });
            let text = cut(&tile.caption, width * scale);
            lines.push(Line {
                text,
                x,
                y: y + height * scale + CAPTION - GAP,
                anchor: Anchor::Start,
                style: Style::Caption,
            });
        }
        Ok(Self { width: page_width, height: page_height, lines, pictures })
    }

    /// A page with the classes' names beside their first rows, as wide as the widest name.
    fn of_names(grid: &Grid, dataset: &Dataset) -> (Self, usize) {
        let names: Vec<_> = dataset.classes.iter().map(|name| format!("{name:.WIDEST_NAME$}")).collect();
        let width = names.iter().map(|name| font::width(name, Style::Name)).max().unwrap_or_default();
        let middle = (grid.cell.1 - GAP) / 2 + Style::Name.size() as usize / 3;
        let name = |(text, top): (String, &usize)| Line {
            text,
            x: MARGIN + width,
            y: top + middle,
            anchor: Anchor::End,
            style: Style::Name,
        };
        let lines = names.into_iter().zip(&grid.tops).map(name).collect();
        let height = grid.tops[dataset.classes.len()] - GAP + MARGIN;
        (Self { width: 0, height, lines, pictures: Vec::new() }, width)
    }

    fn add_pictures(
        &mut self,
        by_class: &[Vec<u32>],
        left: usize,
        grid: &Grid,
        order: Option<&Order>,
        dataset: &Dataset,
    ) {
        for (class, indices) in by_class.iter().enumerate() {
            let picture = |(place, &index): (usize, &u32)| Picture {
                image: dataset.train.image(index as usize),
                x: left + place % grid.columns * grid.cell.0,
                y: grid.tops[class] + place / grid.columns * grid.cell.1,
                scale: grid.scale,
                about: about_image(index, &dataset.classes[class], order),
            };
            self.pictures.extend(indices.iter().enumerate().map(picture));
        }
    }

    /// Says above a set what it is. Returns how wide that is.
    fn add_heading(&mut self, side: &Side, left: usize, order: Option<&Order>, dataset: &Dataset) -> Result<usize> {
        let heading = (side.set.picked.to_string(), HEADING, Style::Heading);
        let note = (about_set(side, order, dataset)?, NOTE, Style::Note);
        let mut width = 0;
        for (text, base, style) in [heading, note] {
            width = width.max(font::width(&text, style));
            self.lines.push(Line { text, x: left, y: MARGIN + base, anchor: Anchor::Start, style });
        }
        Ok(width)
    }
}

/// As much of a caption as is so wide, its beginning and its end.
fn cut(text: &str, width: usize) -> String {
    let n = text.chars().count();
    let shortened = |n_kept: usize| {
        let start: String = text.chars().take(n_kept.div_ceil(2)).collect();
        let end: String = text.chars().skip(n - n_kept / 2).collect();
        format!("{start}…{end}")
    };
    let fits = |text: &String| font::width(text, Style::Caption) <= width;
    let whole = Some(text.to_owned()).filter(fits);
    whole.or_else(|| (0..n).rev().map(shortened).find(fits)).unwrap_or_default()
}

fn ensure_possible(width: usize, height: usize) -> Result<()> {
    ensure!(
        width <= MAX_SIDE && height <= MAX_SIDE,
        "the sheet would have {width}×{height} pixels, and at most {MAX_SIDE}×{MAX_SIDE} are possible: ask for fewer images"
    );
    Ok(())
}

/// `CIFAR-10, mean rank 1,262 of 50,000 by agreement`
fn about_set(side: &Side, order: Option<&Order>, dataset: &Dataset) -> Result<String> {
    let title = data::find(&dataset.name)?.title;
    let Some(order) = order else { return Ok(title.to_owned()) };
    let mean = grouped(order.mean_rank(&side.set.indices).round() as u64);
    Ok(format!("{title}, mean rank {mean} of {} by {}", grouped(dataset.train.n() as u64), order.ranking.rank.by))
}

/// `cat 6493, rank 2586, score 4.0e-4`
fn about_image(index: u32, class: &str, order: Option<&Order>) -> String {
    let place = order.map(|order| format!(", rank {}, score {}", order.rank(index), significant(order.score(index))));
    format!("{class} {index}{}", place.unwrap_or_default())
}
