//! What lines of the lists have in common, and what is said of a run wherever it is listed.

use fixmatch::run::heartbeat::Phase;
use fixmatch::run::state::Status;
use fixmatch::run::survey::Row;
use ratatui::style::Style;
use ratatui::text::Span;

use crate::console::app::App;
use crate::console::keys::{Action, Place};
use crate::console::mouse::Rows;
use crate::console::views::short_id;

/// The two cells before a row: the cursor's, and the mark's.
pub fn mark(app: &App, (is_selected, has_focus): (bool, bool), is_marked: bool) -> ([Span<'static>; 2], Style) {
    let theme = app.theme;
    let (cursor, style) = match (is_selected, has_focus) {
        (true, true) => (Span::styled("▸", theme.selected()), theme.selected()),
        (true, false) => (Span::styled("›", theme.faint()), theme.text()),
        (false, _) => (Span::raw(" "), theme.text()),
    };
    let style = if is_marked && !(is_selected && has_focus) { theme.changed() } else { style };
    ([cursor, Span::styled(if is_marked { "✓" } else { " " }, theme.changed())], style)
}

/// How much of a list lies above and below what is in sight.
pub fn hidden(rows: &Rows) -> String {
    let below = rows.n.saturating_sub(rows.first + usize::from(rows.area.height));
    let part = |arrow: &str, n: usize| if n > 0 { format!(" {arrow}{n}") } else { String::new() };
    part("↑", rows.first) + &part("↓", below)
}

/// The key that takes the filter away.
pub fn shows_all(app: &App) -> String {
    app.offer(Place::Home, Action::Back, ("; ", " shows all"))
}

/// How a run stands, in a word or two.
pub fn label(row: &Row) -> &'static str {
    match trouble(row) {
        _ if row.error.is_some() => "unreadable",
        Some(Phase::NoSpace) => "no disk space",
        Some(_) => "disk fails",
        None if row.trouble().is_some() => "needs ranking",
        None if row.status == Status::Finished && row.summary.at_chance => "at chance",
        None => row.status.label(),
    }
}

/// What keeps a live worker from going on, if something does.
pub fn trouble(row: &Row) -> Option<Phase> {
    row.phase.filter(|phase| phase.trouble().is_some())
}

/// A run's name, with a mark where it is a fork.
pub fn name(row: &Row) -> String {
    let mark = if row.parent.is_some() { "↳ " } else { "" };
    format!("{mark}{}", short_id(&row.dir.id()))
}
