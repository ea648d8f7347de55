//! The recorded changes of a run: what each replaces, from when on, and whether it counts; and what a resume would do.

use fixmatch::run::history::Entry;
use ratatui::buffer::Buffer;
use ratatui::layout::{Position, Rect};
use ratatui::style::Style;
use ratatui::text::Span;

use crate::console::app::App;
use crate::console::keys::{Action, Place};
use crate::console::mouse::{Rows, Spot};
use crate::console::screens::run::OpenRun;
use crate::console::text::{fit, fit_parts, left, right, wrap};
use crate::console::views::{more, put, put_spans};
use crate::words::changes::Changed;
use crate::words::numbers::grouped;

/// Columns of a step, and of a value before and after.
const STEP: usize = 12;
const VALUES: usize = 18;

impl OpenRun {
    /// Keeps the selected change in sight.
    pub fn arrange_changes(&mut self, area: Rect) {
        let rows = rows(self, area);
        self.change_at.step(0, rows.n);
        self.change_at.keep_in_sight(1, rows.area.height.into(), rows.n);
    }

    /// Draws the list.
    pub fn draw_changes(&self, buffer: &mut Buffer, app: &App, area: Rect) {
        let (theme, width) = (app.theme, usize::from(area.width).saturating_sub(4));
        let entries = self.state.history.entries();
        for (line, y) in wrap(&going_on(app, self), width).iter().take(2).zip(area.y..) {
            put(buffer, 2, y, line, if self.ahead().is_empty() { theme.faint() } else { theme.changed() });
        }
        if entries.is_empty() {
            let sets = app.offer(Place::Run, Action::Change, (": ", " on the charts changes a value"));
            put(buffer, 2, area.y + 3, &format!("no change was recorded{sets}"), theme.faint());
            return;
        }
        let head = format!("    {}   {}{}state", right("step", STEP), left("value", 12), left("before → then", VALUES));
        put(buffer, 0, area.y + 3, &head, theme.faint());
        let states = Changed::all(&self.state, self.glance.as_ref().map_or(u64::MAX, |glance| glance.ahead_from));
        let rows = rows(self, area);
        for (i, y) in rows.seen() {
            let spans = line(app, self, (&entries[i], i == self.change_at.at), &states[i].state);
            put_spans(buffer, area, y, spans);
        }
        more(buffer, app, &rows);
        if let Some(entry) = self.selected_change() {
            put(buffer, 2, area.bottom() - 1, &fit_parts(about(app, entry), width), theme.faint());
        }
    }

    /// What a mouse points at.
    pub fn change_spot(&self, area: Rect, position: Position) -> Option<Spot> {
        rows(self, area).at(position).map(Spot::Row)
    }
}

/// The list: below two lines that say what a resume does and the head of the table, above one about the selected change.
fn rows(run: &OpenRun, area: Rect) -> Rows {
    let list = Rect { y: area.y + 4, height: area.height.saturating_sub(6), ..area };
    Rows::from(list, run.change_at.top, run.state.history.entries().len())
}

/// What a resume would do, or what the worker comes to.
fn going_on(app: &App, run: &OpenRun) -> String {
    let ahead: Vec<_> =
        run.ahead().iter().map(|it| format!("{} from step {} on", it.change, grouped(it.step))).collect();
    let Some(glance) = run.glance.as_ref().filter(|_| run.is_resumable()) else {
        let none = "no recorded change lies ahead";
        return if ahead.is_empty() { none.into() } else { format!("the run comes to {}", ahead.join(", ")) };
    };
    let resumes = resumes(app, Place::Changes, glance.ahead_from);
    if ahead.is_empty() {
        return format!("{resumes}; no recorded change lies ahead");
    }
    format!("{resumes} and comes to {} again", ahead.join(", "))
}

/// What a resume does: `r goes on at step 400`.
pub fn resumes(app: &App, place: Place, step: u64) -> String {
    let key = app.offer(place, Action::Resume, ("", ""));
    let who = if key.is_empty() { "a resume" } else { &key };
    format!("{who} goes on at step {}", grouped(step))
}

fn line<'a>(app: &App, run: &OpenRun, (entry, is_selected): (&Entry, bool), state: &str) -> Vec<Span<'a>> {
    let theme = app.theme;
    let (mark, style) = if is_selected { ("▸ ", theme.selected()) } else { ("  ", theme.text()) };
    let values = match run.value_before(entry) {
        Some(before) => format!("{before} → {}", entry.change.value()),
        None => entry.change.value(),
    };
    let number = format!("{mark}{}", left(&entry.number.to_string(), 3));
    let name = entry.change.key().name;
    let name = name.rsplit('.').next().unwrap_or(name); // `pseudo_label.` takes the room of the values
    vec![
        Span::styled(number, style),
        Span::styled(right(&grouped(entry.step), STEP - 1), theme.text()),
        Span::styled(format!("   {}", left(name, 12)), theme.text()),
        Span::styled(left(&fit(&values, VALUES - 1), VALUES), theme.strong()),
        Span::styled(state.to_owned(), state_style(app, state)),
    ]
}

fn state_style(app: &App, state: &str) -> Style {
    match state {
        "in force" => app.theme.good(),
        "lies ahead" => app.theme.changed(),
        _ => app.theme.faint(),
    }
}

/// Who made the selected change and when, and how it was made where it was edited since.
fn about(app: &App, entry: &Entry) -> Vec<(u32, String)> {
    let moment = jiff::Timestamp::from_millisecond((entry.time * 1000.0) as i64).ok();
    let at = moment.map(|it| it.to_zoned_datetime(app.clock.zone.clone()).strftime("%Y-%m-%d %H:%M:%S").to_string());
    let who = if entry.who.is_empty() { "made".to_owned() } else { format!("made by {}", entry.who) };
    let made = entry.made.map(|(step, change)| (2, format!("first as {change} at step {}", grouped(step))));
    let undoes = entry.undoes.map(|number| (2, format!("takes change {number} back")));
    [Some((1, who)), at.map(|at| (3, at)), made, undoes].into_iter().flatten().collect()
}
