//! Lists to choose from and lines to type, over a screen.

use ratatui::buffer::Buffer;
use ratatui::layout::Rect;
use ratatui::text::Span;

use super::{overlay, put, put_spans};
use crate::console::app::{App, Choice, Purpose};
use crate::console::chooser::{Ask, Chooser};
use crate::console::text::{self, clean, fit, left, wrap};

/// Draws a list.
pub fn list(buffer: &mut Buffer, app: &App, chooser: &Chooser<Choice>, area: Rect) {
    let theme = app.theme;
    let items = chooser.shown();
    let height = (items.len().max(1) as u16 + 4).min(area.height);
    let width = area.width.min(100);
    let inside = overlay(buffer, app, area, (width, height), &chooser.title);
    let n_rows = usize::from(inside.height.saturating_sub(2));
    let top = chooser.at.centred(n_rows, items.len());
    let names =
        items.iter().map(|item| text::width(&item.text)).max().unwrap_or(0).min(usize::from(inside.width) / 2 + 4);
    for (i, item) in items.iter().enumerate().skip(top).take(n_rows) {
        let is_selected = i == chooser.at.at;
        let (mark, style) = if is_selected { ("▸ ", theme.selected()) } else { ("  ", theme.text()) };
        let width = usize::from(inside.width);
        let name = if item.note.is_empty() { width.saturating_sub(2) } else { names };
        let room = width.saturating_sub(name + 4);
        let spans = vec![
            Span::styled(mark, style),
            Span::styled(left(&clean(&item.text), name), style),
            Span::styled(format!("  {}", fit(&clean(&item.note), room)), theme.faint()),
        ];
        put_spans(buffer, inside, inside.y + (i - top) as u16, spans);
    }
    if items.is_empty() {
        put(buffer, inside.x, inside.y, "nothing holds these letters", theme.faint());
    }
    let (text, style) = if chooser.filter.text.is_empty() {
        ("letters narrow the list, ↑ ↓ move, enter chooses, esc leaves".to_owned(), theme.faint())
    } else {
        (format!("/{}▏", chooser.filter.text), theme.changed())
    };
    put(buffer, inside.x, inside.bottom() - 1, &fit(&text, inside.width.into()), style);
}

/// Draws a line that is typed.
pub fn ask(buffer: &mut Buffer, app: &App, ask: &Ask<Purpose>, area: Rect) {
    let theme = app.theme;
    let inside = overlay(buffer, app, area, (80, 7), ask.title);
    let width = usize::from(inside.width);
    // the end of a long line matters while it is typed
    put(buffer, inside.x, inside.y, &ask.input.shown(width.saturating_sub(1)), theme.changed());
    let (text, style) = match &ask.error {
        Some(error) => (error.as_str(), theme.error()),
        None => (ask.hint, theme.faint()),
    };
    for (line, y) in wrap(text, width).iter().zip(inside.y + 2..inside.bottom()) {
        put(buffer, inside.x, y, line, style);
    }
}
