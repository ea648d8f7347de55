//! Columns of a table, of which those stay that have room.

use ratatui::style::Style;

use crate::console::text;

/// A column.
#[derive(Clone, Debug)]
pub struct Column {
    /// What stands above it.
    pub title: String,
    /// The lower, the longer it stays where there is little room.
    pub rank: usize,
    /// Whether its cells begin at the left.
    pub is_left: bool,
    /// As wide as its widest cell.
    pub width: usize,
    /// Its cells, a row each.
    pub cells: Vec<String>,
    /// How they are written, where not all are as other text.
    pub styles: Vec<Style>,
}

impl Column {
    /// One of cells that end at the right.
    pub fn new(title: impl Into<String>, rank: usize, cells: Vec<String>) -> Self {
        let title = title.into();
        let width = cells.iter().map(|cell| text::width(cell)).chain([text::width(&title)]).max().unwrap_or(0);
        Self { title, rank, is_left: false, width, cells, styles: Vec::new() }
    }
}

/// The columns that have room, each with two blanks behind it, those that stay longest first chosen.
pub fn fitting(columns: &[Column], room: usize) -> Vec<&Column> {
    let mut order: Vec<usize> = (0..columns.len()).collect();
    order.sort_by_key(|&i| (columns[i].rank, i));
    let mut left = room;
    let mut chosen = vec![false; columns.len()];
    for i in order {
        let width = columns[i].width + 2;
        if width <= left {
            left -= width;
            chosen[i] = true;
        }
    }
    columns.iter().zip(chosen).filter_map(|(column, is_chosen)| is_chosen.then_some(column)).collect()
}
