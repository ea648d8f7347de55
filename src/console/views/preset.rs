//! One preset: what it shows, and every value, with the default where it departs from it.

use ratatui::buffer::Buffer;
use ratatui::layout::{Position, Rect};
use ratatui::text::Span;

use super::home::cost;
use super::{put, put_spans};
use crate::commands::format::{bytes, grouped, plural};
use crate::console::app::App;
use crate::console::form::{Draft, Field};
use crate::console::mouse::{Rows, Spot};
use crate::console::text::{self, fit, left, wrap};

/// Keeps the selected value in sight.
pub fn arrange(app: &mut App, area: Rect) {
    let Some(rows) = app.draft.as_ref().map(|draft| value_rows(app, draft, area)) else { return };
    if let Some(draft) = &mut app.draft {
        draft.form.at.keep_in_sight(1, rows.area.height.into(), rows.n);
    }
}

/// Draws the preset.
pub fn draw(buffer: &mut Buffer, app: &App, area: Rect) {
    let Some(draft) = &app.draft else { return };
    put(buffer, 2, area.y, &draft.config.title, app.theme.strong());
    for (line, y) in head(app, draft, area).iter().zip(area.y + 1..) {
        put(buffer, 2, y, line, app.theme.faint());
    }
    values(buffer, app, draft, area);
}

/// What there is to say before the values.
fn head(app: &App, draft: &Draft, area: Rect) -> Vec<String> {
    let width = usize::from(area.width).saturating_sub(4);
    let about = wrap(&draft.config.about, width).into_iter().take(3);
    let machine = machine_lines(app, usize::from(area.height) / 5);
    let facts = [cost(app, &draft.config)].into_iter().chain(machine).map(|line| fit(&line, width));
    let fork = draft.fork.as_ref().map(|(_, until)| {
        let until = until.map_or_else(String::new, |step| format!(" at or before step {}", grouped(step)));
        let text = format!("goes on from its newest checkpoint{until}; the network and the data stay as they are");
        wrap(&text, width)
    });
    fork.into_iter().flatten().chain(about).chain(facts).collect()
}

/// The values that are in sight; the last row of the screen is for what is said about them.
fn value_rows(app: &App, draft: &Draft, area: Rect) -> Rows {
    let start = area.y + 2 + head(app, draft, area).len() as u16;
    let list = Rect { y: start, height: (area.bottom() - 1).saturating_sub(start), ..area };
    Rows::from(list, draft.form.at.top, draft.form.fields.len())
}

/// What a mouse points at.
pub fn spot(app: &App, area: Rect, position: Position) -> Option<Spot> {
    value_rows(app, app.draft.as_ref()?, area).at(position).map(Spot::Value)
}

/// What there is to train on, in at most so many lines: the processor, then a GPU a line with who holds its memory.
fn machine_lines(app: &App, n_lines: usize) -> Vec<String> {
    let Some(machine) = &app.machine else { return Vec::new() };
    let memory = machine.memory.map(|(free, total)| format!(", {} of {} free", bytes(free), bytes(total)));
    let mut lines = vec![format!("cpu: {}{}", plural(machine.n_cores as u64, "core"), memory.unwrap_or_default())];
    for (i, gpu) in machine.gpus.iter().enumerate() {
        let memory = gpu.memory.map_or_else(String::new, |(used, total)| {
            format!(", {} of {} free", bytes(total.saturating_sub(used)), bytes(total))
        });
        let held: Vec<_> = gpu.holders.iter().map(|(who, n)| format!("{who} {}", bytes(*n))).collect();
        let held = if held.is_empty() { String::new() } else { format!("; in use: {}", held.join(", ")) };
        lines.push(format!("gpu {i}: {}{memory}{held}", gpu.name.trim_start_matches("NVIDIA ")));
    }
    let n_shown = n_lines.max(2);
    if lines.len() > n_shown {
        let rest = lines.split_off(n_shown - 1);
        lines.push(format!("and {}", plural(rest.len() as u64, "more GPU")));
    }
    lines
}

fn values(buffer: &mut Buffer, app: &App, draft: &Draft, area: Rect) {
    let form = &draft.form;
    let Rows { area: list, first, .. } = value_rows(app, draft, area);
    let value_width = form.fields.iter().map(|field| text::width(&field.value)).max().unwrap_or(0).clamp(12, 30);
    for ((i, field), y) in form.fields.iter().enumerate().skip(first).take(list.height.into()).zip(list.y..) {
        put_spans(buffer, area, y, line(app, draft, (i, field), value_width));
    }
    let (text, style) = match &form.error {
        Some(error) => (error.clone(), app.theme.error()),
        None if form.editing.is_some() => ("enter takes it, esc leaves it as it was".into(), app.theme.faint()),
        None if !draft.settings.is_empty() => {
            (format!("changed here: {}", draft.settings.join("  ")), app.theme.changed())
        }
        None => return,
    };
    put(buffer, 2, area.bottom() - 1, &fit(&text, usize::from(area.width).saturating_sub(4)), style);
}

fn line<'a>(app: &App, draft: &Draft, (i, field): (usize, &Field), width: usize) -> Vec<Span<'a>> {
    let theme = app.theme;
    let form = &draft.form;
    let is_selected = i == form.at.at;
    let is_set = draft.settings.iter().any(|setting| setting.split('=').next() == Some(&field.key));
    let (mark, key) = if is_selected { ("▸ ", theme.selected()) } else { ("  ", theme.text()) };
    let value = match (is_set, &field.default) {
        (true, _) => theme.changed(),
        (false, Some(_)) => theme.strong(),
        (false, None) => theme.faint(),
    };
    let text = match form.editing.as_ref().filter(|_| is_selected) {
        Some(input) => Span::styled(input.shown(width + 2), theme.changed()),
        None => Span::styled(left(&field.value, width + 2), value),
    };
    let default = field.default.as_ref().map_or_else(String::new, |default| format!("default: {default}"));
    vec![
        Span::styled(mark, theme.selected()),
        Span::styled(left(&field.key, 28), key),
        text,
        Span::styled(default, theme.faint()),
    ]
}
