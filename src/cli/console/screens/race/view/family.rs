//! Forks and changes, drawn like commits.

use ratatui::buffer::Buffer;
use ratatui::layout::Rect;
use ratatui::text::Span;

use crate::console::app::App;
use crate::console::mouse::Rows;
use crate::console::screens::race::Race;
use crate::console::text::fit;
use crate::console::views::{more, put_spans};

/// Draws them, around the run in focus.
pub fn draw(race: &Race, buffer: &mut Buffer, app: &App, area: Rect) {
    let theme = app.theme;
    let rows = rows(race, area);
    for (at, y) in rows.seen() {
        let (line, run) = &race.family[at];
        let is_focused = *run == race.focus && line.is_head;
        let style = match (is_focused, line.is_head) {
            (true, _) => theme.strong(),
            (false, true) => theme.text(),
            (false, false) => theme.changed(),
        };
        let lane = race.lane_of(*run);
        let mark = if is_focused { "▸ " } else { "  " };
        let room = usize::from(area.width).saturating_sub(4 + line.graph.chars().count());
        let spans = vec![
            Span::styled(mark, theme.selected()),
            Span::styled(format!("{} ", line.graph), theme.curve(lane)),
            Span::styled(fit(&line.text, room), style),
        ];
        put_spans(buffer, area, y, spans);
    }
    more(buffer, app, &rows);
}

/// The lines that are seen.
pub fn rows(race: &Race, area: Rect) -> Rows {
    let is_focused = |(line, run): &(crate::words::family::Line, usize)| line.is_head && *run == race.focus;
    let at = race.family.iter().position(is_focused).unwrap_or(0);
    let height = usize::from(area.height);
    let last = race.family.len().saturating_sub(height);
    Rows::from(area, (at + 2).saturating_sub(height / 2).min(last), race.family.len())
}
