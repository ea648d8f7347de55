//! A screen as a picture that can be scaled: one text a stretch of equal cells, on a dark or a light ground.

use std::fmt::Write as _;

use ratatui::buffer::{Buffer, Cell};
use ratatui::style::{Color, Modifier};

/// A cell in pixels.
const CELL: (usize, usize) = (8, 17);

/// Braille.
const DOTS: std::ops::RangeInclusive<char> = '\u{2800}'..='\u{28ff}';

/// What a screen stands on. The other colours are middle tones, which go with both.
#[derive(Clone, Copy, Debug)]
pub struct Ground {
    ground: &'static str,
    text: &'static str,
}

impl Ground {
    /// Light text on dark.
    pub const DARK: Self = Self { ground: "#16181d", text: "#d7dae0" };
    /// Dark text on light, for paper.
    pub const LIGHT: Self = Self { ground: "#ffffff", text: "#24292f" };

    /// A colour of a theme of many colours.
    fn hex(self, color: Color) -> String {
        match color {
            Color::Rgb(r, g, b) => format!("#{r:02x}{g:02x}{b:02x}"),
            Color::Indexed(n @ 16..=231) => {
                let level = |x: u8| if x == 0 { 0 } else { 55 + 40 * u32::from(x) };
                let (r, g, b) = ((n - 16) / 36, (n - 16) / 6 % 6, (n - 16) % 6);
                format!("#{:02x}{:02x}{:02x}", level(r), level(g), level(b))
            }
            Color::Indexed(n @ 232..) => format!("#{0:02x}{0:02x}{0:02x}", 8 + 10 * (u32::from(n) - 232)),
            _ => self.text.into(),
        }
    }
}

/// A screen as an SVG document.
pub fn of(buffer: &Buffer, on: Ground) -> String {
    let (columns, rows) = (usize::from(buffer.area.width), usize::from(buffer.area.height));
    let (width, height) = ((columns + 2) * CELL.0, (rows + 1) * CELL.1);
    let mut svg = format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {width} {height}\" font-family=\"ui-monospace, \
         'DejaVu Sans Mono', Menlo, Consolas, monospace\" font-size=\"13.3\">\n\
         <rect width=\"{width}\" height=\"{height}\" rx=\"8\" fill=\"{}\"/>\n",
        on.ground
    );
    for (y, row) in buffer.content.chunks(columns).enumerate() {
        let mut start = 0;
        for stretch in row.chunk_by(|a, b| looks(a) == looks(b)) {
            draw(&mut svg, on, stretch, (start, y));
            start += stretch.len();
        }
    }
    svg.push_str("</svg>");
    svg
}

fn looks(cell: &Cell) -> (Color, Color, Modifier) {
    (cell.fg, cell.bg, cell.modifier)
}

fn draw(svg: &mut String, on: Ground, cells: &[Cell], (column, row): (usize, usize)) {
    let text: String = cells.iter().map(Cell::symbol).collect();
    let ((x, y), width) = (((column + 1) * CELL.0, row * CELL.1 + CELL.1 / 2), cells.len() * CELL.0);
    let (fg, bg, modifier) = looks(&cells[0]);
    if bg != Color::Reset {
        // Pictures: the upper half in the foreground, the lower in the background.
        let half = CELL.1 / 2;
        let _ = write!(svg, "<path fill=\"{}\" d=\"M{x} {y}h{width}v{}h-{width}z\"/>", on.hex(bg), CELL.1);
        let _ = writeln!(svg, "<path fill=\"{}\" d=\"M{x} {y}h{width}v{half}h-{width}z\"/>", on.hex(fg));
        return;
    }
    if text.trim().is_empty() {
        return;
    }
    if text.chars().all(|c| DOTS.contains(&c)) {
        let _ = writeln!(svg, "<path fill=\"{}\" d=\"{}\"/>", on.hex(fg), dots(&text, (x, y)));
        return;
    }
    let bold = if modifier.contains(Modifier::BOLD) { " font-weight=\"bold\"" } else { "" };
    let line = if modifier.contains(Modifier::UNDERLINED) { " text-decoration=\"underline\"" } else { "" };
    let text = text.replace('&', "&amp;").replace('<', "&lt;");
    let base = y + CELL.1 * 3 / 4;
    let _ = writeln!(
        svg,
        "<text x=\"{x}\" y=\"{base}\" textLength=\"{width}\" fill=\"{}\"{bold}{line} xml:space=\"preserve\">{text}</text>",
        on.hex(fg)
    );
}

/// Braille as dots, since many fonts have none.
fn dots(text: &str, (x, y): (usize, usize)) -> String {
    let mut path = String::new();
    for (i, c) in text.chars().enumerate() {
        let bits = u32::from(c) - u32::from(*DOTS.start());
        // The order of the dots in the character's number: the left column's first three, the right's, then the last row.
        let places = [(0, 0), (0, 1), (0, 2), (1, 0), (1, 1), (1, 2), (0, 3), (1, 3)];
        for (column, row) in places.iter().enumerate().filter(|(bit, _)| bits >> bit & 1 == 1).map(|(_, place)| *place)
        {
            let (left, top) = (x + i * CELL.0 + 1 + 4 * column, y + 1 + row * CELL.1 / 4);
            let _ = write!(path, "M{left} {top}h2v2h-2z");
        }
    }
    path
}

#[cfg(test)]
mod tests {
    use ratatui::layout::Rect;
    use ratatui::style::Style;

    use super::*;

    #[test]
    fn a_stretch_of_equal_cells_is_one_text() {
        let mut buffer = Buffer::empty(Rect::new(0, 0, 5, 1));
        buffer.set_string(0, 0, "a<b", Style::new().fg(Color::Indexed(37)));
        buffer.set_string(3, 0, "d", Style::new());
        let svg = of(&buffer, Ground::DARK);
        assert!(svg.contains("fill=\"#00afaf\" xml:space=\"preserve\">a&lt;b</text>"), "{svg}");
        assert_eq!(svg.matches("<text").count(), 2);
        assert!(svg.contains(Ground::DARK.text) && !svg.contains(Ground::LIGHT.text));
        let light = of(&buffer, Ground::LIGHT);
        assert!(light.contains(Ground::LIGHT.text) && light.contains("#00afaf"), "{light}");
        assert!(!light.contains(Ground::DARK.ground) && !light.contains(Ground::DARK.text), "{light}");
    }
}
