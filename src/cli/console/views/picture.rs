//! Pictures in characters: two pixels to a cell where there are colours, shades of ASCII where there are none.

use fixmatch::base::image::Image;
use ratatui::buffer::Buffer;
use ratatui::layout::{Position, Rect};
use ratatui::style::{Color, Style};

use super::covers_body;
use crate::console::app::App;
use crate::console::glyphs::Glyphs;
use crate::console::pictures::Pictures;
use crate::console::theme::Depth;

/// From dark to light.
const SHADES: &[u8] = b" .:-=+*#%@";

/// The sixteen colours as most terminals have them.
const ANSI: [(Color, [u8; 3]); 16] = [
    (Color::Black, [0, 0, 0]),
    (Color::DarkGray, [102, 102, 102]),
    (Color::Gray, [190, 190, 190]),
    (Color::White, [255, 255, 255]),
    (Color::Red, [190, 0, 0]),
    (Color::Green, [0, 190, 0]),
    (Color::Yellow, [190, 190, 0]),
    (Color::Blue, [0, 0, 220]),
    (Color::Magenta, [190, 0, 190]),
    (Color::Cyan, [0, 190, 190]),
    (Color::LightRed, [255, 90, 90]),
    (Color::LightGreen, [90, 255, 90]),
    (Color::LightYellow, [255, 255, 90]),
    (Color::LightBlue, [110, 110, 255]),
    (Color::LightMagenta, [255, 90, 255]),
    (Color::LightCyan, [90, 255, 255]),
];

/// The least and the largest number of rows of a thumbnail. A square is twice as wide as it is high.
const TILE_ROWS: std::ops::RangeInclusive<u16> = 5..=16;

/// Columns and rows of a thumbnail, as large as lets `n` of them stand in an area with a line below each; if that is not
/// to be had, the smallest ones.
pub fn tile(area: Rect, n: usize) -> (u16, u16) {
    let fits = |rows: &u16| {
        let (columns, lines) = tiles(area, (2 * rows, *rows));
        columns * lines >= n && 2 * rows + 2 <= area.width && *rows < area.height
    };
    let rows = TILE_ROWS.rev().find(fits).unwrap_or(*TILE_ROWS.start());
    (2 * rows, rows)
}

/// How many thumbnails stand beside each other in an area, and how many below each other.
pub fn tiles(area: Rect, (width, height): (u16, u16)) -> (usize, usize) {
    let (columns, lines) = (area.width.saturating_sub(2) / (width + 2), (area.height + 1) / (height + 2));
    (usize::from(columns.max(1)), usize::from(lines.max(1)))
}

/// The thumbnails that are in sight, of `n` from the line `top` on, each with its place.
pub fn cells(area: Rect, (width, height): (u16, u16), top: usize, n: usize) -> impl Iterator<Item = (usize, Rect)> {
    let (columns, lines) = tiles(area, (width, height));
    (top * columns..n).take(lines * columns).enumerate().map(move |(place, i)| {
        let (column, row) = ((place % columns) as u16, (place / columns) as u16);
        (i, Rect { x: 2 + column * (width + 2), y: area.y + row * (height + 2), width, height })
    })
}

/// The thumbnail at a position, or whose name below it is there.
pub fn at(mut cells: impl Iterator<Item = (usize, Rect)>, position: Position) -> Option<usize> {
    let holds = |cell: &Rect| Rect { height: cell.height + 1, ..*cell }.contains(position);
    cells.find(|(_, cell)| holds(cell)).map(|(i, _)| i)
}

/// Draws an image into an area: a real picture if the user wants it and nothing lies over it, else characters.
pub fn draw(buffer: &mut Buffer, app: &App, image: &Image, area: Rect) {
    let is_drawn = match &app.window.pictures {
        // What lies over a part of a picture would leave its mark there.
        Pictures::On(gallery) if !covers_body(app, buffer.area) => gallery.draw(buffer, image, area),
        Pictures::On(_) | Pictures::Off | Pictures::Asking => false,
    };
    if !is_drawn {
        characters(buffer, image, app.theme.depth, app.glyphs, area);
    }
}

/// Draws an image into an area by characters, scaled to fill it.
fn characters(buffer: &mut Buffer, image: &Image, depth: Depth, glyphs: Glyphs, area: Rect) {
    let is_shaded = depth == Depth::Mono || glyphs == Glyphs::Ascii;
    let (columns, rows) = (usize::from(area.width), usize::from(area.height));
    for position in area.positions() {
        let (x, y) = (usize::from(position.x - area.x), usize::from(position.y - area.y));
        let Some(cell) = buffer.cell_mut(Position::new(position.x, position.y)) else { continue };
        if is_shaded {
            let [red, green, blue] = average(image, (x, columns), (y, rows)).map(u32::from);
            let light = (299 * red + 587 * green + 114 * blue) / 1000; // ITU-R BT.601, as Pillow's "L"
            cell.set_char(char::from(SHADES[light as usize * (SHADES.len() - 1) / 255]));
        } else {
            let [upper, lower] =
                [0, 1].map(|half| color(average(image, (x, columns), (2 * y + half, 2 * rows)), depth));
            cell.set_char('▀').set_style(Style::new().fg(upper).bg(lower));
        }
    }
}

/// The mean colour of the part of the image that lies under pixel `x` of `columns` and `y` of `rows`.
fn average(image: &Image, (x, columns): (usize, usize), (y, rows): (usize, usize)) -> [u8; 3] {
    let span = |i: usize, n: usize, side: usize| {
        let (start, end) = (i * side / n, ((i + 1) * side).div_ceil(n));
        start..end.clamp(start + 1, side)
    };
    let (mut sum, mut n) = ([0_u32; 3], 0);
    for row in span(y, rows, image.height) {
        for column in span(x, columns, image.width) {
            let at = (row * image.width + column) * image.channels;
            for (channel, sum) in sum.iter_mut().enumerate() {
                *sum += u32::from(image.pixels[at + channel.min(image.channels - 1)]);
            }
            n += 1;
        }
    }
    sum.map(|sum| (sum / n.max(1)) as u8)
}

fn color(rgb: [u8; 3], depth: Depth) -> Color {
    match depth {
        Depth::True => Color::Rgb(rgb[0], rgb[1], rgb[2]),
        Depth::Indexed => Color::Indexed(indexed(rgb)),
        Depth::Ansi | Depth::Mono => {
            let distance = |other: &[u8; 3]| -> u32 {
                rgb.iter().zip(other).map(|(&a, &b)| u32::from(a.abs_diff(b)).pow(2)).sum()
            };
            ANSI.iter().min_by_key(|(_, other)| distance(other)).map_or(Color::Reset, |(color, _)| *color)
        }
    }
}

/// The nearest of the 24 grays, or of the cube of 6×6×6 colours (xterm's 16 to 255).
fn indexed([r, g, b]: [u8; 3]) -> u8 {
    let is_gray = r.abs_diff(g) < 10 && g.abs_diff(b) < 10 && r.abs_diff(b) < 10;
    if is_gray {
        return match r {
            0..4 => 16,
            247.. => 231,
            _ => 232 + (r.saturating_sub(3) / 10).min(23),
        };
    }
    let level = |x: u8| {
        if x < 48 {
            0
        } else if x < 115 {
            1
        } else {
            (x - 35) / 40
        }
    };
    16 + 36 * level(r) + 6 * level(g) + level(b)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn colours_map_to_the_nearest_that_the_terminal_has() {
        assert_eq!(indexed([0, 0, 0]), 16);
        assert_eq!(indexed([128, 128, 128]), 244);
        assert_eq!(indexed([255, 0, 0]), 196);
        assert_eq!(color([250, 250, 250], Depth::Ansi), Color::White);
        assert_eq!(color([1, 2, 3], Depth::True), Color::Rgb(1, 2, 3));
    }

    #[test]
    fn thumbnails_grow_until_they_fill_the_area() {
        for (width, height, n) in [(78, 18, 40), (120, 35, 12), (200, 54, 64), (200, 54, 1), (20, 6, 1000), (1, 1, 1)] {
            let area = Rect::new(0, 0, width, height);
            let (columns, rows) = tile(area, n);
            let (across, down) = tiles(area, (columns, rows));
            assert!(across * down >= n || rows == 5, "{n} in {width}×{height}: {columns}×{rows}");
            let (across, down) = tiles(area, (columns + 2, rows + 1));
            assert!(
                rows == 16 || across * down < n || columns + 4 > width || rows + 1 >= height,
                "{n} in {width}×{height}"
            );
        }
    }

    #[test]
    fn an_image_is_averaged_down_and_spread_up() {
        let image = Image::new(2, 2, 1, vec![0, 100, 200, 60]);
        assert_eq!(average(&image, (0, 1), (0, 1)), [90; 3]);
        assert_eq!(average(&image, (3, 4), (0, 4)), [100; 3]);
    }

    #[test]
    fn without_colours_light_is_a_dense_character() {
        let area = Rect::new(0, 0, 2, 1);
        let mut buffer = Buffer::empty(area);
        characters(&mut buffer, &Image::new(2, 1, 1, vec![0, 255]), Depth::Mono, Glyphs::Braille, area);
        assert_eq!((buffer[(0, 0)].symbol(), buffer[(1, 0)].symbol()), (" ", "@"));
    }
}
