//! Pixels in characters: eight to a cell in braille, two in half blocks, two in ASCII. One colour a cell: that of the
//! curve that was painted last.

use ratatui::buffer::Buffer;
use ratatui::layout::{Position, Rect};
use ratatui::style::Style;

use super::glyphs::Glyphs;

/// Pixels over an area of cells.
#[derive(Clone, Debug)]
pub struct Raster {
    glyphs: Glyphs,
    area: Rect,
    cells: Vec<(u8, Style)>,
}

/// The bits of a braille cell's dots, by row and column (Unicode, chapter 21.1).
const DOTS: [[u8; 2]; 4] = [[0x01, 0x08], [0x02, 0x10], [0x04, 0x20], [0x40, 0x80]];

/// Columns and rows of pixels in a cell.
pub fn density(glyphs: Glyphs) -> (usize, usize) {
    match glyphs {
        Glyphs::Braille => (2, 4),
        Glyphs::Block | Glyphs::Ascii => (1, 2),
    }
}

impl Raster {
    /// Nothing painted yet.
    pub fn new(glyphs: Glyphs, area: Rect) -> Self {
        Self { glyphs, area, cells: vec![(0, Style::new()); area.area() as usize] }
    }

    /// Paints a pixel; outside of the area, nothing.
    pub fn paint(&mut self, x: usize, y: usize, style: Style) {
        let (across, down) = density(self.glyphs);
        let (column, row) = (x / across, y / down);
        if column >= usize::from(self.area.width) || row >= usize::from(self.area.height) {
            return;
        }
        let bit = match self.glyphs {
            Glyphs::Braille => DOTS[y % down][x % across],
            Glyphs::Block | Glyphs::Ascii => 1 << (y % down),
        };
        let cell = &mut self.cells[row * usize::from(self.area.width) + column];
        *cell = (cell.0 | bit, style);
    }

    /// Puts what was painted onto the screen.
    pub fn draw(&self, buffer: &mut Buffer) {
        for (i, (bits, style)) in self.cells.iter().enumerate().filter(|(_, (bits, _))| *bits > 0) {
            let (x, y) = (i as u16 % self.area.width, i as u16 / self.area.width);
            if let Some(cell) = buffer.cell_mut(Position::new(self.area.x + x, self.area.y + y)) {
                cell.set_char(self.character(*bits)).set_style(*style);
            }
        }
    }

    fn character(&self, bits: u8) -> char {
        match (self.glyphs, bits) {
            (Glyphs::Braille, bits) => char::from_u32(0x2800 + u32::from(bits)).unwrap_or(' '),
            (Glyphs::Block, 1) => '▀',
            (Glyphs::Block, 2) => '▄',
            (Glyphs::Block, _) => '█',
            (Glyphs::Ascii, 1) => '\'',
            (Glyphs::Ascii, 2) => '.',
            (Glyphs::Ascii, _) => ':',
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn drawn(glyphs: Glyphs, pixels: &[(usize, usize)]) -> String {
        let area = Rect::new(0, 0, 2, 1);
        let mut raster = Raster::new(glyphs, area);
        for &(x, y) in pixels {
            raster.paint(x, y, Style::new());
        }
        let mut buffer = Buffer::empty(area);
        raster.draw(&mut buffer);
        buffer.content.iter().map(|cell| cell.symbol().to_owned()).collect()
    }

    #[test]
    fn pixels_become_the_characters_that_show_them() {
        assert_eq!(drawn(Glyphs::Braille, &[(0, 0), (3, 3)]), "⠁⢀");
        assert_eq!(drawn(Glyphs::Block, &[(0, 1), (1, 0), (1, 1)]), "▄█");
        assert_eq!(drawn(Glyphs::Ascii, &[(0, 0), (1, 0), (1, 1)]), "':");
        assert_eq!(drawn(Glyphs::Ascii, &[(9, 9)]), "  ");
    }
}
