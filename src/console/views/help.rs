//! The keys of a place, from the table that drives them.

use ratatui::buffer::Buffer;
use ratatui::layout::Rect;

use super::{overlay, put};
use crate::console::app::{Access, App};
use crate::console::keys::Effect;
use crate::console::text::{fit, left};

/// Room for a key and what it does.
const COLUMN: u16 = 66;

/// Draws the help from line `first` on.
pub fn draw(buffer: &mut Buffer, app: &App, first: usize, area: Rect) {
    let lines: Vec<_> = app
        .keymap
        .of(app.place)
        .filter(|(binding, _)| binding.effect == Effect::Looks || app.access == Access::Full)
        .collect();
    let n_columns: usize =
        if area.width >= 4 + 2 * COLUMN && lines.len() + 2 > usize::from(area.height) { 2 } else { 1 };
    let n_rows = lines.len().div_ceil(n_columns);
    let size = (4 + COLUMN * n_columns as u16, n_rows as u16 + 2);
    let inside = overlay(buffer, app, area, size, "keys");
    let height = usize::from(inside.height);
    let first = first.min(n_rows.saturating_sub(height));
    let column_width = usize::from(inside.width) / n_columns;
    for column in 0..n_columns {
        let part = lines.iter().skip(column * n_rows).take(n_rows).skip(first).take(height);
        let x = inside.x + (column * column_width) as u16;
        for ((binding, keys), y) in part.zip(inside.y..) {
            put(buffer, x, y, &left(keys, 13), app.theme.accent());
            put(buffer, x + 14, y, &fit(binding.help, column_width.saturating_sub(14)), app.theme.text());
        }
    }
    if first + height < n_rows {
        super::put_right(buffer, inside.right(), inside.bottom(), " ↓ more ", app.theme.faint());
    }
}
