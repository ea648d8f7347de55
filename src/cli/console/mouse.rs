//! What on the screen a mouse can point at. Views say where it is ([`super::views::spot`]), the state what comes of it.

use ratatui::layout::{Position, Rect};

use super::input::Cursor;
use super::screens::browser::End;
use super::screens::pseudo_labels::tab::Tab;
use super::screens::race::part::Part;

/// Something that can be clicked.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Spot {
    /// A preset, by its place among those that are shown.
    Preset(usize),
    /// A run, by its place among those that are shown.
    Run(usize),
    /// A row or an image of another list.
    Row(usize),
    /// A chart or the classes; where it is a curve's own place, at which share of the width.
    Panel(usize, Option<f64>),
    /// An image that is browsed, by its distance from an end.
    Image(End, usize),
    /// A cell of a suite's grid, by its row and its column.
    Grid(usize, usize),
    /// A tab of what the pseudo-labels do.
    Tab(Tab),
    /// A part of what is said of runs beside each other.
    Part(Part),
    /// A class there, and the bin of confidence if it is a cell of the strip.
    Cell(usize, Option<usize>),
}

impl Spot {
    /// Selects the row that it is, if it is one; says whether it was selected before.
    pub fn selects(self, cursor: &mut Cursor) -> bool {
        matches!(self, Self::Row(to) if std::mem::replace(&mut cursor.at, to) == to)
    }
}

/// The rows of a list that are on the screen.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Rows {
    /// Where they are.
    pub area: Rect,
    /// Rows of the screen from one to the next.
    pub pitch: u16,
    /// The place in the list of the topmost.
    pub first: usize,
    /// How many there are, also those that are not seen.
    pub n: usize,
}

impl Rows {
    /// A list of `n` from one of them on, one a row of the screen.
    pub fn from(area: Rect, first: usize, n: usize) -> Self {
        Self { area, pitch: 1, first, n }
    }

    /// How many of them have room.
    pub fn height(&self) -> usize {
        usize::from(self.area.height.div_ceil(self.pitch))
    }

    /// The rows that are seen, each with its place on the screen.
    pub fn seen(&self) -> impl Iterator<Item = (usize, u16)> {
        (self.first..self.n).zip((self.area.top()..self.area.bottom()).step_by(self.pitch.into()))
    }

    /// The row at a position.
    pub fn at(&self, position: Position) -> Option<usize> {
        let row = self.first + usize::from(position.y.saturating_sub(self.area.y) / self.pitch);
        (self.area.contains(position) && row < self.n).then_some(row)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_position_finds_its_row_in_a_list_that_is_scrolled() {
        let rows = Rows::from(Rect::new(0, 5, 10, 4), 6, 10);
        assert_eq!(rows.at((3, 6).into()), Some(7));
        assert_eq!((rows.at((3, 4).into()), rows.at((3, 9).into()), rows.at((10, 6).into())), (None, None, None));
        assert_eq!(Rows::from(Rect::new(0, 0, 9, 9), 0, 2).at((0, 2).into()), None);
        let far = Rows { pitch: 2, ..rows };
        assert_eq!((far.at((3, 6).into()), far.at((3, 7).into()), far.height()), (Some(6), Some(7), 2));
    }
}
