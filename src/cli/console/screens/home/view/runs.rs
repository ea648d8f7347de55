//! The runs below the presets, each with how far it is, and a line about the one that is selected.

use std::time::Duration;

use fixmatch::run::heartbeat::Phase;
use fixmatch::run::state::Status;
use fixmatch::run::survey::Row;
use ratatui::buffer::Buffer;
use ratatui::layout::Rect;
use ratatui::style::Style;
use ratatui::text::Span;

use super::line::{hidden, label, mark, name, shows_all, trouble};
use super::table;
use crate::console::app::App;
use crate::console::keys::{Action, Place};
use crate::console::mouse::Rows;
use crate::console::screens::home::table::View;
use crate::console::screens::home::{Home, Listing, Pane};
use crate::console::text::{self, clean, fit_middle, left, right, wrap};
use crate::console::views::{put, put_spans, short_id};
use crate::words::events::AT_CHANCE;
use crate::words::numbers::{duration, grouped, percent, plural};

/// The runs that are in sight, in their part of the screen.
pub fn rows(home: &Home, area: Rect) -> Rows {
    // where there is something to say of the runs, it has two rows below them
    let n_told = if home.pane == Pane::Runs || !home.marked.is_empty() { 2 } else { 0 };
    let list = Rect { y: area.y + 1, height: area.height.saturating_sub(1 + n_told), ..area };
    Rows::from(list, home.run_at.top, home.n_run_lines())
}

/// Draws the runs, and a line about the one that is selected.
pub fn draw(buffer: &mut Buffer, app: &App, area: Rect) {
    let (theme, has_focus) = (app.theme, app.home.pane == Pane::Runs);
    let seen = rows(&app.home, area);
    let rows = app.home.shown_runs();
    let title = format!("Runs {}", hidden(&seen));
    let listed_below = if app.home.table.view == View::Progress {
        by_progress(buffer, app, (area, &seen), &rows, &title);
        String::new()
    } else {
        told(app, &table::draw(buffer, app, &seen, &title))
    };
    if rows.is_empty() {
        why_none(buffer, app, area);
    }
    let of_marked = marked_words(app).map(|text| (text, theme.changed()));
    let of_list = Some((listed_below, theme.faint())).filter(|(text, _)| has_focus && !text.is_empty());
    let of_run = || app.home.run().filter(|_| has_focus).and_then(|row| about(app, row));
    if let Some((text, style)) = of_marked.or(of_list).or_else(of_run) {
        let lines = wrap(&text, usize::from(area.width).saturating_sub(4));
        let n = lines.len().min(2) as u16;
        let below = seen.area.y + seen.n.min(seen.area.height.into()) as u16 + 1;
        for (line, y) in lines.iter().zip(below.min(area.bottom() - n)..area.bottom()) {
            put(buffer, 2, y, line, style);
        }
    }
}

/// What there is to say of a list by values or by groups.
fn told(app: &App, hidden: &[&str]) -> String {
    let is_grouped = app.home.table.view == View::Groups;
    let opens = if is_grouped {
        let opens = app.offer(Place::Home, Action::Enter, ("", " shows its runs beside each other"));
        format!("mean ± sd over the seeds; {opens}")
    } else {
        String::new()
    };
    let hidden = if hidden.is_empty() { String::new() } else { format!("without room: {}", hidden.join(", ")) };
    [opens, hidden].iter().filter(|part| !part.is_empty()).map(String::as_str).collect::<Vec<_>>().join(" · ")
}

/// The runs, each with how far it is.
fn by_progress(buffer: &mut Buffer, app: &App, (area, seen): (Rect, &Rows), rows: &[&Row], title: &str) {
    let (theme, has_focus) = (app.theme, app.home.pane == Pane::Runs);
    let head = if has_focus { theme.strong() } else { theme.faint() };
    let longest = rows.iter().map(|row| text::width(&name(row))).max().unwrap_or(0);
    let status = rows.iter().map(|row| text::width(&(label(row).to_owned() + &flag(row)))).max().unwrap_or(0);
    let columns = Columns::of(area.width, longest, status);
    let heads = format!(
        "{}{}{}{}  {}{}",
        left("status", columns.status),
        left("progress", columns.bar + 8),
        right("now", 7),
        right("best", 8),
        left("trend", columns.trend),
        right(if columns.left > 0 { "left" } else { "" }, columns.left) + &right("age", 7)
    );
    let title = Span::styled(format!("  {}", left(title, columns.name)), head);
    put_spans(buffer, area, area.y, vec![title, Span::styled(heads, theme.faint())]);
    let Rows { area: list, first, .. } = *seen;
    for ((i, row), y) in rows.iter().enumerate().skip(first).take(list.height.into()).zip(list.y..) {
        let is_selected = i == app.home.run_at.at;
        put_spans(buffer, area, y, run_line(app, row, (is_selected, has_focus), columns));
    }
}

/// Why no run is listed.
fn why_none(buffer: &mut Buffer, app: &App, area: Rect) {
    let theme = app.theme;
    let (text, style) = match &app.home.runs {
        Listing::Reading => ("reading the runs…".to_owned(), theme.faint()),
        Listing::Unreadable(error) => (error.clone(), theme.error()),
        Listing::Read(all) if all.is_empty() => {
            let how = app.offer(Place::Preset, Action::Launch, (": Enter on a preset, then ", ", launches one"));
            (format!("no runs yet{how}"), theme.faint())
        }
        Listing::Read(_) => (format!("no run holds these letters{}", shows_all(app)), theme.faint()),
    };
    put(buffer, 2, area.y + 1, &text, style);
}

/// How many runs are marked, and what for.
fn marked_words(app: &App) -> Option<String> {
    let n = app.home.marked.len();
    let clears = app.offer(Place::Home, Action::Back, ("; ", " unmarks"));
    let both = if n == 2 { app.offer(Place::Home, Action::Beside, ("; ", " shows both")) } else { String::new() };
    (n > 0).then(|| format!("{} marked: keys act on them{both}{clears}", plural(n as u64, "run")))
}

/// How wide the columns of the runs are.
#[derive(Clone, Copy)]
struct Columns {
    name: usize,
    status: usize,
    bar: usize,
    trend: usize,
    left: usize,
}

impl Columns {
    /// The columns of a list whose longest name and status have so many letters.
    fn of(width: u16, longest: usize, status: usize) -> Self {
        let status = status.max("suspended".len()) + 4; // with a dot, and a blank on either side
        let spare = usize::from(width).saturating_sub(80);
        let pictures = 8 + (spare / 6).min(16);
        // In a narrow list the line below it says how long the selected run takes.
        let left = if width < 100 { 0 } else { 9 };
        let taken = |bar, trend| 2 + status + bar + 8 + 7 + 8 + 2 + trend + left + 7;
        let of = |(bar, trend)| {
            let name = usize::from(width).saturating_sub(taken(bar, trend)).min(48);
            Self { name, status, bar, trend, left }
        };
        // Where names would be cut, pictures make way: their numbers stand beside them.
        let ways = [(pictures, pictures), (0, pictures), (0, 0)].map(of);
        ways.into_iter().find(|it| it.name > longest.min(39)).unwrap_or(ways[2])
    }
}

/// A flag for a run that raised alarms, with their number where there are several.
fn flag(row: &Row) -> String {
    match row.summary.alarms {
        0 => String::new(),
        1 => " ⚑".into(),
        n => format!(" ⚑{n}"),
    }
}

fn run_line<'a>(app: &App, row: &Row, (is_selected, has_focus): (bool, bool), columns: Columns) -> Vec<Span<'a>> {
    let theme = app.theme;
    let summary = &row.summary;
    let (marks, style) = mark(app, (is_selected, has_focus), app.home.marked.contains(&row.dir));
    let name = if columns.name >= 40 {
        row.parent.as_ref().map_or("", |_| "↳ ").to_owned() + &clean(&row.dir.id())
    } else {
        name(row)
    };
    let is_bad = row.error.is_some() || trouble(row).is_some() || row.summary.at_chance;
    let status = if is_bad { theme.error() } else { theme.status(row.status) };
    let share = if summary.steps > 0 { summary.step as f64 / summary.steps as f64 } else { 0.0 };
    let (done, rest) = app.glyphs.bar(share, columns.bar);
    let accuracy = |value: Option<f64>| value.map_or_else(|| "–".to_owned(), percent);
    let trend: Vec<_> = summary.trend.iter().map(|&x| Some(f64::from(x))).collect();
    let trend = &trend[trend.len().saturating_sub(columns.trend)..];
    let label = format!("● {}", label(row));
    let room = columns.status.saturating_sub(text::width(&label));
    let [cursor, mark] = marks;
    vec![
        cursor,
        mark,
        Span::styled(left(&fit_middle(&name, columns.name - 1), columns.name), style),
        Span::styled(label, status),
        Span::styled(left(&flag(row), room), theme.error()),
        Span::styled(done, status),
        Span::styled(rest, theme.faint()),
        Span::styled(format!("{:>5.0} % ", (100.0 * share).floor()), theme.text()),
        Span::styled(right(&accuracy(summary.ema_accuracy), 7), theme.strong()),
        Span::styled(right(&accuracy(summary.best), 8), theme.text()),
        Span::styled(format!("  {}", left(&app.glyphs.sparkline(trend), columns.trend)), theme.accent()),
        Span::styled(right(&remaining(row), columns.left), theme.text()),
        Span::styled(right(&age(app.clock.now, row), 7), theme.faint()),
    ]
}

/// How long the rest takes, where that is known.
fn remaining(row: &Row) -> String {
    row.remaining.map_or_else(String::new, |left| duration(Duration::from_secs(left.as_secs())))
}

/// How long ago it was made, in one unit, so that it seldom changes.
fn age(now: f64, row: &Row) -> String {
    let Some(created) = row.created else { return "–".into() };
    match (now - created).max(0.0) as u64 {
        s @ 0..60 => format!("{s}s"),
        s @ 60..3600 => format!("{}m", s / 60),
        s @ 3600..86_400 => format!("{}h", s / 3600),
        s => format!("{}d", s / 86_400),
    }
}

/// What people wrote on the selected run, how it stands, what it was warned of, and where it comes from.
fn about(app: &App, row: &Row) -> Option<(String, Style)> {
    let forked = row
        .parent
        .as_ref()
        .map(|parent| format!("forked from {} after {}", short_id(&parent.run), plural(parent.step, "step")));
    let hint = hint(app, row);
    let alarm = row.summary.last_alarm.as_ref().filter(|_| row.summary.alarms > 0);
    let alarm = alarm.map(|(step, message)| format!("⚑ step {}: {}", grouped(*step), clean(message)));
    let is_bad = alarm.is_some() || hint.as_ref().is_some_and(|(_, is_bad)| *is_bad);
    let card = Some(clean(&row.card.to_string())).filter(|card| !card.is_empty());
    let parts: Vec<_> = card.into_iter().chain(hint.map(|(text, _)| text)).chain(alarm).chain(forked).collect();
    let style = if is_bad { app.theme.error() } else { app.theme.faint() };
    (!parts.is_empty()).then(|| (parts.join(" · "), style))
}

/// What else there is to say of how the selected run stands, and whether that is bad.
fn hint(app: &App, row: &Row) -> Option<(String, bool)> {
    if let Some(error) = &row.error {
        return Some((clean(error), true));
    }
    let goes_on = |after| {
        if app.fits(Action::Resume) { app.offer(Place::Home, Action::Resume, ("; ", after)) } else { String::new() }
    };
    if let Some(what) = trouble(row).and_then(Phase::trouble) {
        return Some((format!("the training is held: {what}"), true));
    }
    Some(match row.status {
        Status::Failed => {
            (format!("failed: {}{}", row.failure().map(clean).unwrap_or_default(), goes_on(" resumes")), true)
        }
        Status::Lost => (format!("its worker is gone{}", goes_on(" goes on from the last checkpoint")), true),
        Status::Suspended | Status::Stopped => {
            (format!("{}, saved{}", row.status.label(), goes_on(" goes on from here")), false)
        }
        Status::Paused => (format!("paused: the worker waits and keeps its memory{}", goes_on(" goes on")), false),
        Status::NotResponding => ("its worker gives no sign of life".into(), true),
        Status::Running if row.remaining.is_some() => (format!("done in {}", remaining(row)), false),
        Status::Finished if row.summary.at_chance => (format!("finished at chance: {AT_CHANCE}"), true),
        Status::Running | Status::Starting | Status::Finished => return None,
    })
}
