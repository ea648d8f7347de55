//! One preset: what it shows, and every value, with the default where it departs from it.

use ratatui::buffer::Buffer;
use ratatui::layout::{Position, Rect};
use ratatui::style::Style;
use ratatui::text::Span;

use crate::console::app::App;
use crate::console::form::{Field, Form};
use crate::console::input::Input;
use crate::console::keys::{Action, Place};
use crate::console::mouse::{Rows, Spot};
use crate::console::screens::home::DataState;
use crate::console::screens::home::view::cost;
use crate::console::screens::preset::Draft;
use crate::console::text::{self, fit, left, wrap};
use crate::console::views::{more, put, put_spans};
use crate::words::numbers::{bytes, grouped, plural};

impl Draft {
    /// Keeps the selected value in sight.
    pub fn arrange(&mut self, app: &App, area: Rect) {
        let rows = value_rows(app, self, area);
        self.form.at.keep_in_sight(1, rows.area.height.into(), rows.n);
    }

    /// Draws the preset.
    pub fn draw(&self, buffer: &mut Buffer, app: &App, area: Rect) {
        put(buffer, 2, area.y, &self.config.title, app.theme.strong());
        for ((line, style), y) in head(app, self, area).iter().zip(area.y + 1..) {
            put(buffer, 2, y, line, *style);
        }
        values(buffer, app, self, area);
    }

    /// What a mouse points at.
    pub fn spot(&self, app: &App, area: Rect, position: Position) -> Option<Spot> {
        value_rows(app, self, area).at(position).map(Spot::Row)
    }
}

/// The values that are in sight however much there is to say before them.
const LEAST_ROWS: u16 = 3;

/// What there is to say before the values: plain lines, as far as there is room, then warnings.
fn head(app: &App, draft: &Draft, area: Rect) -> Vec<(String, Style)> {
    let (theme, width) = (app.theme, usize::from(area.width).saturating_sub(4));
    let is_small = area.height < 24;
    // what a preset says of itself may not hold for a fork
    let about = if draft.fork.is_some() { Vec::new() } else { wrap(&draft.config.about, width) };
    let about = about.into_iter().take(if is_small { 2 } else { 3 });
    let machine = machine_lines(app, usize::from(area.height) / 5);
    let facts = [cost(app, &draft.config)].into_iter().chain(machine).map(|line| fit(&line, width));
    let fork = draft.fork.as_ref().map(|(_, until)| {
        let until = until.map_or_else(String::new, |step| format!(" at or before step {}", grouped(step)));
        let text = format!("goes on from its newest checkpoint{until}; the network and the data stay as they are");
        wrap(&text, width)
    });
    let fork: Vec<String> = fork.into_iter().flatten().collect();
    let baseline = draft.with_baseline.then(|| {
        let text = "with its baseline: the labels alone are trained beside it, at the same time, as a second run";
        wrap(text, width).into_iter().map(|line| (line, theme.changed())).collect::<Vec<_>>()
    });
    let warnings = warnings(app, draft).into_iter().flat_map(|text| wrap(&format!("! {text}"), width));
    let warnings = warnings.take(4).map(|line| (line, theme.error()));
    let mut loud: Vec<_> = baseline.into_iter().flatten().chain(warnings).collect();
    let most = usize::from(area.height.saturating_sub(2 + FOOT + LEAST_ROWS));
    loud.truncate(most);
    let facts: Vec<String> = facts.collect();
    let mut plain = [&fork[..], &about.collect::<Vec<_>>(), &facts].concat();
    if plain.len() + loud.len() > most {
        plain = [fork, facts].concat();
    }
    let is_cut = plain.len() + loud.len() > most;
    plain.truncate(most - loud.len());
    if let Some(last) = plain.last_mut().filter(|_| is_cut) {
        last.push_str(" …");
    }
    plain.into_iter().map(|line| (line, theme.faint())).chain(loud).collect()
}

/// What is known before a launch to go wrong.
fn warnings(app: &App, draft: &Draft) -> Vec<String> {
    let config = &draft.config;
    let mut found = Vec::new();
    if let (DataState::Missing(n_bytes), None) = (app.home.data(&config.data.dataset), &config.data.path) {
        let fetches = app.offer(Place::Preset, Action::Fetch, ("; ", " fetches them"));
        found.push(format!("the images of {} are not here, {}{fetches}", config.data.dataset, bytes(n_bytes)));
    }
    found.extend(config.slow_averages());
    let free = app.machine.as_ref().and_then(|machine| machine.memory).map(|(free, _)| free);
    let n_runs = if draft.with_baseline { 2 } else { 1 };
    if let (Some(estimate), Some(free)) = (app.home.estimate(config), free) {
        let needed = n_runs * estimate.memory_bytes;
        if needed > free {
            found.push(format!("needs about {} of memory, and {} are free", bytes(needed), bytes(free)));
        }
    }
    found
}

/// Rows below the values: what the selected one means, what it may be, and what was done.
const FOOT: u16 = 4;

/// The values that are in sight; the last rows of the screen are for what is said about them.
fn value_rows(app: &App, draft: &Draft, area: Rect) -> Rows {
    let start = area.y + 2 + head(app, draft, area).len() as u16;
    let list = Rect { y: start, height: (area.bottom() - FOOT).saturating_sub(start), ..area };
    Rows::from(list, draft.form.at.top, draft.form.fields.len())
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
    let rows = value_rows(app, draft, area);
    let value_width = form.fields.iter().map(|field| text::width(&field.value)).max().unwrap_or(0).clamp(12, 30);
    for (i, y) in rows.seen() {
        let is_set = draft.settings.iter().any(|setting| setting.split('=').next() == Some(&form.fields[i].key));
        let typed = form.editing.as_ref().filter(|_| i == form.at.at);
        put_spans(buffer, area, y, line(app, (&form.fields[i], i == form.at.at), (is_set, typed), value_width));
    }
    more(buffer, app, &rows);
    foot(buffer, app, draft, Rect { y: area.bottom() - FOOT + 1, height: FOOT - 1, ..area });
}

/// What the selected value means and may be, and why what is typed cannot be taken.
fn foot(buffer: &mut Buffer, app: &App, draft: &Draft, area: Rect) {
    let (theme, form, width) = (app.theme, &draft.form, usize::from(area.width).saturating_sub(4));
    if let Some(field) = form.field() {
        put(buffer, 2, area.y, &fit(meaning(field), width), theme.text());
        let (allowed, style) = allowed(app, &draft.form, field);
        put(buffer, 2, area.y + 1, &fit(&allowed, width), style);
    }
    let (lines, style) = match &form.error {
        Some(error) => (wrap(error, width), theme.error()),
        None if form.editing.is_some() => (vec!["enter accepts, esc cancels".into()], theme.faint()),
        None if !draft.settings.is_empty() => {
            (vec![format!("changed here: {}", draft.settings.join("  "))], theme.changed())
        }
        None => return,
    };
    // A long reason takes the row above too, which says what is allowed.
    let y = area.y + if lines.len() > 1 { 1 } else { 2 };
    for (line, y) in lines.iter().zip(y..area.bottom()) {
        put(buffer, 2, y, &left(&fit(line, width), width), style);
    }
}

/// What a value means.
pub fn meaning(field: &Field) -> &'static str {
    field.about.map_or("", |key| key.meaning)
}

/// What a value may be.
fn allowed(app: &App, form: &Form, field: &Field) -> (String, Style) {
    let choices = form.choices(field);
    let allowed = field.about.map_or("", |key| key.allowed.as_str());
    if choices.is_empty() {
        let allowed = if allowed.is_empty() { "text; empty means not set" } else { allowed };
        return (allowed.to_owned(), app.theme.faint());
    }
    let is_open = !allowed.is_empty() || field.key == "data.path";
    let text = choices.join(" · ") + if is_open { " · …" } else { "" };
    let keys = [Action::Left, Action::Right].map(|action| app.offer(Place::Preset, action, ("", "")));
    let keys = keys.join(" ").replace("left", "←").replace("right", "→");
    (format!("{}: {text}", keys.trim()), app.theme.accent())
}

/// A value in its row: its key, what it is, and the default where it departs from it.
pub fn line<'a>(
    app: &App,
    (field, is_selected): (&Field, bool),
    (is_set, typed): (bool, Option<&Input>),
    width: usize,
) -> Vec<Span<'a>> {
    let theme = app.theme;
    let (mark, key) = if is_selected { ("▸ ", theme.selected()) } else { ("  ", theme.text()) };
    let value = match (is_set, &field.default) {
        (true, _) => theme.changed(),
        (false, Some(_)) => theme.strong(),
        (false, None) => theme.faint(),
    };
    let shown = if field.value.is_empty() { "–" } else { &field.value };
    let text = match typed {
        Some(typed) => Span::styled(typed.shown(width + 2), theme.changed()),
        None => Span::styled(left(shown, width + 2), value),
    };
    let default = field.default.as_ref().map_or_else(String::new, |default| format!("default: {default}"));
    vec![
        Span::styled(mark, theme.selected()),
        Span::styled(left(&field.key, 28), key),
        text,
        Span::styled(default, theme.faint()),
    ]
}
