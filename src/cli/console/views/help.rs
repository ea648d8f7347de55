//! The keys of a place, from the table that drives them.

use ratatui::buffer::Buffer;
use ratatui::layout::Rect;

use super::{overlay, put};
use crate::console::app::App;
use crate::console::keys::Binding;
use crate::console::text::{fit, left};

/// Room for a key and what it does.
const COLUMN: u16 = 66;

/// The last line that help can begin with, so that it ends where the screen does.
pub fn last_first(app: &App, area: Rect) -> usize {
    let n_lines = lines(app).len();
    n_lines.div_ceil(n_columns(n_lines, area)).saturating_sub(usize::from(area.height).saturating_sub(2))
}

fn lines(app: &App) -> Vec<(&'static Binding, String)> {
    app.keymap.of(app.place()).collect()
}

fn n_columns(n_lines: usize, area: Rect) -> usize {
    if area.width >= 4 + 2 * COLUMN && n_lines + 2 > usize::from(area.height) { 2 } else { 1 }
}

/// Draws the help from line `first` on.
pub fn draw(buffer: &mut Buffer, app: &App, first: usize, area: Rect) {
    let lines = lines(app);
    let n_columns = n_columns(lines.len(), area);
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
    let below = n_rows.saturating_sub(first + height);
    let text = match (first, below) {
        (0, 0) => " any key closes this ".into(),
        (0, below) => format!(" ↓ {below} more "),
        (above, 0) => format!(" ↑ {above} more "),
        (above, below) => format!(" ↑ {above} ↓ {below} more "),
    };
    super::put_right(buffer, inside.right(), inside.bottom(), &text, app.theme.faint());
}
