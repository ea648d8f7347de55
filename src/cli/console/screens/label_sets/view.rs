//! What label sets there are to browse: data sets with the orders that are known of them, and saved sets.

use ratatui::buffer::Buffer;
use ratatui::layout::{Position, Rect};
use ratatui::style::Style;
use ratatui::text::Span;

use crate::console::app::App;
use crate::console::keys::{Action, Place};
use crate::console::mouse::Spot;
use crate::console::screens::home::DataState;
use crate::console::screens::label_sets::{LabelSets, Row};
use crate::console::text::{fit, left, wrap};
use crate::console::views::{put, put_spans};
use crate::words::numbers::{bytes, plural};

/// Columns of names.
const NAMES: usize = 24;

impl LabelSets {
    /// Draws the list.
    pub fn draw(&self, buffer: &mut Buffer, app: &App, area: Rect) {
        let theme = app.theme;
        let width = usize::from(area.width).saturating_sub(4);
        let message = match &self.rows {
            None => ("looking for data sets and label sets…", theme.faint()),
            Some(Err(error)) => (error.as_str(), theme.error()),
            Some(Ok(_)) => return list(buffer, app, self, area),
        };
        for (line, y) in wrap(message.0, width).iter().zip(area.y..area.bottom()) {
            put(buffer, 2, y, line, message.1);
        }
    }

    /// Keeps the selected line in sight.
    pub fn arrange(&mut self, area: Rect) {
        let n = self.rows().len();
        self.at.keep_in_sight(1, n_lines(area), n);
    }

    /// What a mouse points at.
    pub fn spot(&self, area: Rect, position: Position) -> Option<Spot> {
        lines(self, area).into_iter().find(|(_, y)| *y == position.y).map(|(i, _)| Spot::Row(i))
    }
}

/// The lines in sight, each with its place and row; a heading stands above the first of each kind.
fn lines(it: &LabelSets, area: Rect) -> Vec<(usize, u16)> {
    let rows = it.rows();
    let n_data = n_data_sets(it);
    let (height, top) = (n_lines(area), it.at.top);
    let mut y = area.y;
    let place = |(i, _)| {
        y += u16::from(i == top || i == n_data) + u16::from(i == n_data && i > top);
        y += 1;
        (i, y - 1)
    };
    rows.iter().enumerate().skip(top).take(height).map(place).collect()
}

/// How many fit beside two headings, a blank line between them, and a hint below.
fn n_lines(area: Rect) -> usize {
    usize::from(area.height.saturating_sub(5)).max(1)
}

fn n_data_sets(it: &LabelSets) -> usize {
    it.rows().iter().filter(|row| matches!(row, Row::Data { .. })).count()
}

fn list(buffer: &mut Buffer, app: &App, it: &LabelSets, area: Rect) {
    let theme = app.theme;
    let (rows, n_data) = (it.rows(), n_data_sets(it));
    let lines = lines(it, area);
    for (n, &(i, y)) in lines.iter().enumerate() {
        if n == 0 || i == n_data {
            let (name, rest) = if i < n_data { ("Data sets", "orders") } else { ("Saved label sets", "images") };
            let spans = vec![
                Span::styled(format!("  {}", left(name, NAMES)), theme.strong()),
                Span::styled(rest, theme.faint()),
            ];
            put_spans(buffer, area, y - 1, spans);
        }
        line(buffer, app, (i == it.at.at, &rows[i]), Rect { y, ..area });
    }
    if n_data == rows.len() {
        let y = lines.last().map_or(area.y, |(_, y)| y + 2);
        let opens = app.offer(Place::LabelSets, Action::Enter, (": ", " opens a data set"));
        let saves = app.offer(Place::Browser, Action::Save, (", where ", " saves one"));
        put(buffer, 2, y, &format!("no label set is saved yet{opens}{saves}"), theme.faint());
    }
}

fn line(buffer: &mut Buffer, app: &App, (is_selected, row): (bool, &Row), area: Rect) {
    let theme = app.theme;
    let (mark, style) = if is_selected { ("▸ ", theme.selected()) } else { ("  ", theme.text()) };
    let (name, rest, rest_style) = match row {
        Row::Data { name, state, orders } => {
            let (text, style) = about_data(app, state, orders);
            (name, text, style)
        }
        Row::Set(saved) => {
            let of = saved.header.dataset.as_deref().unwrap_or("data it does not name");
            let picked = saved.header.picked.as_deref().unwrap_or_default();
            let text = format!("{} of {of}  {picked}", plural(saved.n as u64, "image"));
            (&saved.name, text, theme.text())
        }
    };
    let width = usize::from(area.width).saturating_sub(NAMES + 3);
    let spans = vec![
        Span::styled(mark, theme.selected()),
        Span::styled(left(name, NAMES - 1) + " ", style),
        Span::styled(fit(&rest, width), rest_style),
    ];
    put_spans(buffer, area, area.y, spans);
}

fn about_data(app: &App, state: &DataState, orders: &[fixmatch::config::Metric]) -> (String, Style) {
    let theme = app.theme;
    match state {
        DataState::Unknown | DataState::Nowhere => ("not on this machine".into(), theme.faint()),
        DataState::Missing(n_bytes) => {
            let fetches = app.offer(Place::LabelSets, Action::Fetch, (": ", " fetches it"));
            (format!("not here{fetches}, {}", bytes(*n_bytes)), theme.faint())
        }
        DataState::Coming(share) => {
            let (done, rest) = app.glyphs.bar(*share, 8);
            (format!("{done}{rest} {:.0} %", 100.0 * share), theme.accent())
        }
        DataState::Here if orders.is_empty() => {
            let opens = app.offer(Place::LabelSets, Action::Enter, (": ", ""));
            let makes = app.offer(Place::Browser, Action::Ranking, (", then ", ", makes one"));
            (format!("none yet{opens}{makes}"), theme.faint())
        }
        DataState::Here => {
            let names: Vec<_> = orders.iter().map(ToString::to_string).collect();
            (names.join(", "), theme.text())
        }
    }
}
