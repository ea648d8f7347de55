//! Columns of a table, of which those stay that have room.

use ratatui::style::Style;

use crate::console::text;

/// A column.
pub struct Column {
    /// What stands above it.
    pub title: String,
    /// The lower, the longer it stays where there is little room.
    pub rank: usize,
    /// Whether its cells begin at the left.
    pub is_left: bool,
    /// Its cells, a row each.
    pub cells: Vec<(String, Style)>,
}

impl Column {
    /// As wide as its widest cell.
    pub fn width(&self) -> usize {
        let cells = self.cells.iter().map(|(cell, _)| text::width(cell));
        cells.chain([text::width(&self.title)]).max().unwrap_or(0)
    }
}

/// The columns that have room, each with two blanks behind it, those that stay longest first chosen.
pub fn fitting(columns: Vec<Column>, room: usize) -> Vec<Column> {
    let mut order: Vec<usize> = (0..columns.len()).collect();
    order.sort_by_key(|&i| (columns[i].rank, i));
    let mut left = room;
    let mut chosen = vec![false; columns.len()];
    for i in order {
        let width = columns[i].width() + 2;
        if width <= left {
            left -= width;
            chosen[i] = true;
        }
    }
    columns.into_iter().zip(chosen).filter_map(|(column, is_chosen)| is_chosen.then_some(column)).collect()
}
