//! What the state looks like. Views draw it and do nothing else: no files, no clock, no decisions.
//!
//! ```text
//! fixmatch › quickstart-s0                        where, and what matters of it
//!
//! … the screen …
//!
//! asked: pause … applied at step 312              what was last done
//! enter open  / filter  ? help  q quit            keys, from the table
//! ```

use ratatui::Frame;
use ratatui::buffer::Buffer;
use ratatui::layout::{Position, Rect};
use ratatui::style::Style;
use ratatui::text::{Line, Span};

use crate::words::numbers::grouped;

use super::app::{App, Notice, Tone};
use super::dialog::Dialog;
use super::glyphs::{Glyphs, to_ascii};
use super::keys::{Access, Action};
use super::mouse::{Rows, Spot};
use super::screens::Screen;
use super::screens::run::{Asked, Page, Stage};
use super::text;

pub mod chart;
pub mod columns;
mod dialog;
mod help;
pub mod picture;
#[cfg(test)]
mod snapshots;

/// Smaller screens only say that they are too small.
const SMALLEST: (u16, u16) = (60, 14);

/// A request's end stays on the screen for so many seconds.
const ANSWER_S: f64 = 15.0;

/// Draws the console.
pub fn draw(frame: &mut Frame, app: &mut App) {
    let area = frame.area();
    let buffer = frame.buffer_mut();
    app.window.is_too_small = area.width < SMALLEST.0 || area.height < SMALLEST.1;
    if app.window.is_too_small {
        too_small(buffer, area);
    } else {
        let body = body(area);
        arrange(app, body);
        header(buffer, app, Rect { height: 1, ..area });
        match app.screens.last() {
            None => app.home.draw(buffer, app, body),
            Some(Screen::Preset(draft)) => draft.draw(buffer, app, body),
            Some(Screen::Run(run)) => run.draw(buffer, app, body),
            Some(Screen::Race(race)) => race.draw(buffer, app, body),
            Some(Screen::LabelSets) => app.label_sets.draw(buffer, app, body),
            Some(Screen::Browser(browser)) => browser.draw(buffer, app, body),
            Some(Screen::Suite(suite)) => suite.draw(buffer, app, body),
            Some(Screen::Label(label)) => label.draw(buffer, app, body),
        }
        status_line(buffer, app, Rect { y: area.height - 2, height: 1, ..area });
        footer(buffer, app, Rect { y: area.height - 1, height: 1, ..area });
        match &app.dialog {
            None => {}
            Some(Dialog::Help(line)) => help::draw(buffer, app, *line, body),
            Some(Dialog::Confirm(question)) => dialog::confirm(buffer, app, question, body),
            Some(Dialog::Change(form)) => dialog::change(buffer, app, form, body),
            Some(Dialog::Choose(chooser)) => dialog::list(buffer, app, chooser, body),
            Some(Dialog::Ask(ask)) => dialog::ask(buffer, app, ask, body),
        }
    }
    if app.glyphs == Glyphs::Ascii {
        to_ascii(buffer);
    }
}

/// Tells the state what fits on the screen, and scrolls to what is selected.
fn arrange(app: &mut App, body: Rect) {
    app.window.page = usize::from(body.height).saturating_sub(4).max(1);
    let last = help::last_first(app, body);
    if let Some(Dialog::Help(first)) = &mut app.dialog {
        *first = (*first).min(last);
    }
    let Some(mut screen) = app.screens.pop() else { return app.home.arrange(body) };
    match &mut screen {
        Screen::Preset(draft) => draft.arrange(app, body),
        Screen::Run(run) => run.arrange(app, body),
        Screen::Race(race) => race.arrange(body),
        Screen::LabelSets => app.label_sets.arrange(body),
        Screen::Browser(browser) => browser.arrange(body),
        Screen::Suite(suite) => suite.arrange(app, body),
        Screen::Label(label) => label.arrange(app, body),
    }
    app.screens.push(screen);
}

/// The screen without its header and its footer.
fn body(area: Rect) -> Rect {
    Rect { y: 2, height: area.height.saturating_sub(4), ..area }
}

/// What a mouse points at.
pub fn spot(app: &App, area: Rect, position: Position) -> Option<Spot> {
    let body = body(area);
    if area.width < SMALLEST.0 || area.height < SMALLEST.1 || !body.contains(position) {
        return None;
    }
    match app.screens.last() {
        None => app.home.spot(body, position),
        Some(Screen::Preset(draft)) => draft.spot(app, body, position),
        Some(Screen::Run(run)) => run.spot(app, body, position),
        Some(Screen::Race(race)) => race.spot(body, position),
        Some(Screen::LabelSets) => app.label_sets.spot(body, position),
        Some(Screen::Browser(browser)) => browser.spot(body, position),
        Some(Screen::Suite(suite)) => suite.spot(app, body, position),
        Some(Screen::Label(label)) => label.spot(body, position),
    }
}

fn too_small(buffer: &mut Buffer, area: Rect) {
    let (width, height) = SMALLEST;
    let text = format!("too small: {}×{}, needs {width}×{height}", area.width, area.height);
    for (line, y) in text::wrap(&text, usize::from(area.width).max(1)).iter().zip(area.top()..area.bottom()) {
        put(buffer, area.x, y, line, Style::new());
    }
}

/// Writes text, as far as there is room; returns the column after it.
pub fn put(buffer: &mut Buffer, x: u16, y: u16, text: &str, style: Style) -> u16 {
    if !buffer.area.contains((x, y).into()) {
        return x;
    }
    buffer.set_stringn(x, y, text::clean(text), usize::MAX, style).0
}

/// Writes text so that it ends before column `end`.
pub fn put_right(buffer: &mut Buffer, end: u16, y: u16, text: &str, style: Style) {
    let width = text::width(text) as u16;
    put(buffer, end.saturating_sub(width), y, text, style);
}

/// Writes pieces of text behind each other, cut at the area's end.
pub fn put_spans(buffer: &mut Buffer, area: Rect, y: u16, spans: Vec<Span>) {
    if y < area.bottom() {
        let spans: Vec<Span> =
            spans.into_iter().map(|span| Span::styled(text::clean(&span.content), span.style)).collect();
        buffer.set_line(area.x, y, &Line::from(spans), area.width);
    }
}

fn header(buffer: &mut Buffer, app: &App, area: Rect) {
    let path: Vec<String> = ["fixmatch".to_owned()].into_iter().chain(titles(app)).collect();
    let frozen = match app.screens.last() {
        Some(Screen::Run(run)) if !matches!(run.page, Page::Configuration | Page::Changes) => {
            run.moment.map(|moment| (moment, run.step()))
        }
        _ => None,
    };
    let right = match (frozen, app.screens.last(), app.keymap.access) {
        (Some((moment, now)), ..) => format!("frozen at {} of {}{}", grouped(moment), grouped(now), scrub_keys(app)),
        (None, None, Access::Full) => app.home.counts(),
        (None, None, Access::ReadOnly) => format!("{}  read-only", app.home.counts()),
        (None, Some(_), Access::ReadOnly) => "read-only".into(),
        (None, Some(_), Access::Full) => String::new(),
    };
    // Where there is no room for both, the way here loses its beginning, then what matters its keys.
    let path = text::clean(&path.join(" › "));
    let without_start = path.split_once(" › ").map_or(path.as_str(), |(_, rest)| rest);
    let without_keys = right.split(": ").next().unwrap_or_default();
    let width = usize::from(area.width) - 2;
    let fits = |(path, right): &(&str, &str)| text::width(path) + 2 + text::width(right) <= width;
    let ways = [(path.as_str(), right.as_str()), (without_start, &right), (without_start, without_keys)];
    let (path, right) = ways.into_iter().find(fits).unwrap_or(ways[2]);
    let path = text::fit(path, width.saturating_sub(text::width(right) + 2));
    let last = path.rfind(" › ").map_or(0, |at| at + " › ".len());
    let x = put(buffer, 1, area.y, &path[..last], app.theme.faint());
    put(buffer, x, area.y, &path[last..], app.theme.strong());
    let style = if frozen.is_some() { app.theme.changed() } else { app.theme.faint() };
    put_right(buffer, area.right().saturating_sub(1), area.y, right, style);
}

/// What the screen that is shown is about, for the header.
fn titles(app: &App) -> Vec<String> {
    let of_run = |page: Page| match page {
        Page::Charts => None,
        Page::Configuration => Some("configuration"),
        Page::Changes => Some("recorded changes"),
        Page::Log => Some("log"),
        Page::Samples => Some("labeled images"),
        Page::PseudoLabels => Some("pseudo-labels"),
        Page::Predictions => Some("predictions"),
    };
    match app.screens.last() {
        None => Vec::new(),
        Some(Screen::Preset(draft)) => vec![draft.preset.name.clone()],
        Some(Screen::Run(run)) => {
            let title = app.home.card(&run.dir).map(|card| card.title.as_str()).filter(|title| !title.is_empty());
            let id = short_id(&run.dir.id());
            let name = title.map_or_else(|| id.clone(), |title| format!("{id}  {title}"));
            [name].into_iter().chain(of_run(run.page).map(str::to_owned)).collect()
        }
        Some(Screen::Race(race)) => vec![race.title()],
        Some(Screen::LabelSets) => vec!["label sets".into()],
        Some(Screen::Label(label)) => vec!["label".into(), label.called()],
        Some(Screen::Suite(suite)) => {
            let cell = suite.runs.and_then(|_| {
                let study = app.home.study(&suite.name)?;
                Some(study.label(suite.outcome(study)?)).filter(|label| !label.is_empty())
            });
            ["suites".into(), suite.name.clone()].into_iter().chain(cell).collect()
        }
        Some(Screen::Browser(browser)) => vec!["label sets".into(), browser.opening.data.dataset.clone()],
    }
}

/// The keys that move a frozen screen through time, where there are some.
fn scrub_keys(app: &App) -> String {
    let key = |action| app.keymap.key(app.place(), action);
    let moves = [Action::FarEarlier, Action::Earlier, Action::Later, Action::FarLater].into_iter().filter_map(key);
    let moves = moves.collect::<Vec<_>>().join(" ");
    let freeze = key(Action::Freeze).map_or_else(String::new, |key| format!(", {key} now"));
    if moves.is_empty() { moves } else { format!(": {moves} move{freeze}") }
}

/// A run's name without the moment that it begins with.
pub fn short_id(id: &str) -> String {
    text::clean(fixmatch::run::dir::without_moment(id))
}

/// What was last done: a notice, else the request that was last heard of.
fn status_line(buffer: &mut Buffer, app: &App, area: Rect) {
    let theme = app.theme;
    if let Some(notice) = &app.notice {
        let style = if notice.tone == Tone::Error { theme.error() } else { theme.accent() };
        notice_lines(buffer, &notice.text, style, area);
        return;
    }
    let asked = app.run().and_then(|run| run.asked.as_ref());
    if let Some(asked) = asked.filter(|asked| is_current(asked, app.clock.now)) {
        let who = asked.who.as_ref().map_or_else(String::new, |who| format!("{} asks: ", text::clean(who)));
        let (outcome, style) = match &asked.stage {
            Stage::Posted => ("asked…".to_owned(), theme.accent()),
            Stage::Accepted => ("accepted…".into(), theme.accent()),
            Stage::Applied(step) => (format!("✓ applied at step {step}"), theme.good()),
            Stage::Refused(reason) => (format!("refused: {}", text::clean(reason)), theme.error()),
        };
        let x = put(buffer, 1, area.y, &format!("{who}{}  ", asked.what), theme.text());
        put(buffer, x, area.y, &outcome, style);
    }
}

/// Whether something lies over the screen between header and footer.
fn covers_body(app: &App, area: Rect) -> bool {
    let is_long = |notice: &Notice| text::width(&notice.text) > usize::from(area.width).saturating_sub(2);
    app.dialog.is_some() || app.notice.as_ref().is_some_and(is_long)
}

/// A long notice, such as why something failed, takes rows from the screen above it.
fn notice_lines(buffer: &mut Buffer, notice: &str, style: Style, area: Rect) {
    let lines = text::wrap(&text::clean(notice), usize::from(area.width) - 2);
    let lines = &lines[..lines.len().min(4)];
    let top = area.y + 1 - lines.len() as u16;
    for (line, y) in lines.iter().zip(top..) {
        put(buffer, 0, y, &text::left("", area.width.into()), Style::reset());
        put(buffer, 1, y, line, style);
    }
}

fn is_current(asked: &Asked, now: f64) -> bool {
    match asked.stage {
        Stage::Posted | Stage::Accepted => true,
        Stage::Applied(_) | Stage::Refused(_) => now - asked.at < ANSWER_S,
    }
}

/// Says at the right of a list how much of it lies above and below what is in sight.
pub fn more(buffer: &mut Buffer, app: &App, rows: &Rows) {
    let (list, end) = (rows.area, rows.area.right().saturating_sub(1));
    let below = rows.n.saturating_sub(rows.first + usize::from(list.height));
    if rows.first > 0 && list.height > 0 {
        put_right(buffer, end, list.y, &format!(" ↑ {} more", rows.first), app.theme.faint());
    }
    if below > 0 && list.height > 0 {
        put_right(buffer, end, list.bottom() - 1, &format!(" ↓ {below} more"), app.theme.faint());
    }
}

/// The keys of this place that have a word for the footer, as many as fit; help and quit always do.
fn footer(buffer: &mut Buffer, app: &App, area: Rect) {
    let hints: Vec<(String, &str)> = app
        .keymap
        .of(app.place())
        .filter(|(binding, _)| !binding.footer.is_empty() && app.fits(binding.action))
        .map(|(binding, keys)| (keys.split(' ').next().unwrap_or_default().to_owned(), binding.footer))
        .collect();
    let width_of = |hint: &(String, &str)| text::width(&hint.0) + text::width(hint.1) + 3;
    let always: usize = hints.iter().rev().take(2).map(width_of).sum();
    let mut room = usize::from(area.width).saturating_sub(always + 1);
    let (n, mut x) = (hints.len(), 1);
    for (i, hint) in hints.iter().enumerate() {
        if i + 2 < n {
            if width_of(hint) > room {
                continue;
            }
            room -= width_of(hint);
        }
        x = put(buffer, x, area.y, &hint.0, app.theme.accent());
        x = put(buffer, x, area.y, &format!(" {}  ", hint.1), app.theme.faint());
    }
}

/// Empties a box in the middle of an area and draws a frame around it; returns what is inside.
pub fn overlay(buffer: &mut Buffer, app: &App, area: Rect, (width, height): (u16, u16), title: &str) -> Rect {
    let (width, height) = (width.min(area.width), height.min(area.height));
    let x = area.x + (area.width - width) / 2;
    let y = area.y + (area.height - height) / 2;
    let outer = Rect { x, y, width, height };
    for position in outer.positions() {
        if let Some(cell) = buffer.cell_mut(position) {
            cell.reset();
        }
    }
    let style = app.theme.faint();
    let line = "─".repeat(usize::from(width.saturating_sub(2)));
    put(buffer, x, y, &format!("╭{line}╮"), style);
    put(buffer, x, y + height - 1, &format!("╰{line}╯"), style);
    for row in y + 1..y + height - 1 {
        put(buffer, x, row, "│", style);
        put(buffer, x + width - 1, row, "│", style);
    }
    put(buffer, x + 2, y, &format!(" {title} "), app.theme.strong());
    Rect { x: x + 2, y: y + 1, width: width.saturating_sub(4), height: height.saturating_sub(2) }
}
