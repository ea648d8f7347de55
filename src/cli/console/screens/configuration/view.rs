//! A run's configuration: where it came from, how long it took, and every value, with what it departs in.

use fixmatch::run::file::RunFile;
use ratatui::buffer::Buffer;
use ratatui::layout::Rect;
use ratatui::text::Span;

use crate::console::app::App;
use crate::console::mouse::Rows;
use crate::console::screens::preset::view::{line, meaning};
use crate::console::screens::run::OpenRun;
use crate::console::text::{self, fit, wrap};
use crate::console::views::{more, put, put_spans, short_id};
use crate::words::numbers::{grouped, plural, seconds};

impl OpenRun {
    /// Keeps the selected value in sight.
    pub fn arrange_configuration(&mut self, app: &App, area: Rect) {
        let rows = value_rows(app, self, area);
        self.value_at.keep_in_sight(1, rows.area.height.into(), rows.n);
    }

    /// Draws the configuration.
    pub fn draw_configuration(&self, buffer: &mut Buffer, app: &App, area: Rect) {
        let (theme, width) = (app.theme, usize::from(area.width).saturating_sub(4));
        let file = match &self.file {
            Some(Ok(file)) => file,
            Some(Err(error)) => return message(buffer, app, error, area),
            None => return message(buffer, app, "reading the self…", area),
        };
        for (text, y) in head(app, self, file, width).iter().zip(area.y..) {
            put(buffer, 2, y, text, theme.faint());
        }
        let (fields, rows) = (self.fields(), value_rows(app, self, area));
        let longest = fields.iter().map(|field| text::width(&field.value)).max().unwrap_or(0).clamp(12, 30);
        for (i, y) in rows.seen() {
            let field = &fields[i];
            let is_set = file.provenance.settings.iter().any(|it| it.split('=').next() == Some(&field.key));
            let mut spans = line(app, (field, i == self.value_at.at), (is_set, None), longest);
            let mark = if field.default.is_some() { ", set at launch" } else { "set at launch" };
            spans.extend(is_set.then(|| Span::styled(mark, theme.changed())));
            put_spans(buffer, area, y, spans);
        }
        more(buffer, app, &rows);
        if let Some(field) = fields.get(self.value_at.at) {
            put(buffer, 2, area.bottom() - 1, &fit(meaning(field), width), theme.text());
        }
    }
}

fn message(buffer: &mut Buffer, app: &App, text: &str, area: Rect) {
    for (line, y) in wrap(text, usize::from(area.width).saturating_sub(4)).iter().zip(area.y..area.bottom()) {
        put(buffer, 2, y, line, app.theme.faint());
    }
}

/// The values in sight; the last row says what the selected one means.
fn value_rows(app: &App, run: &OpenRun, area: Rect) -> Rows {
    let width = usize::from(area.width).saturating_sub(4);
    let n_lines = match &run.file {
        Some(Ok(file)) => head(app, run, file, width).len() as u16,
        Some(Err(_)) | None => 1,
    };
    let start = area.y + n_lines + 1;
    let list = Rect { y: start, height: (area.bottom() - 2).saturating_sub(start), ..area };
    Rows::from(list, run.value_at.top, run.fields().len())
}

/// Where the run came from, where it ran, how long it took, and what was changed on the way.
fn head(app: &App, run: &OpenRun, file: &RunFile, width: usize) -> Vec<String> {
    let of = &file.provenance;
    let settings = if of.settings.is_empty() { String::new() } else { format!(" with {}", of.settings.join(" ")) };
    let parent = of
        .parent
        .as_ref()
        .map(|parent| format!("forked from {} after {}", short_id(&parent.run), plural(parent.step, "step")));
    let made = format!("made of {}{settings}, by {}, version {}", of.preset, of.who, of.version);
    let place = file.environment.as_ref().map(|it| {
        format!("on {}: {}, {}, libtorch {}", it.host, it.device, plural(it.threads.into(), "thread"), it.libtorch)
    });
    let departures = file.config.departures().len();
    let departs = format!("departs from the paper's recipe in {}", plural(departures as u64, "value"));
    let changes = run.state.history.standing().into_iter();
    let changes: Vec<_> = changes.map(|it| format!("{} at step {}", it.change, grouped(it.step))).collect();
    let changed = (!changes.is_empty()).then(|| format!("changed while it trained: {}", changes.join(", ")));
    let lines = [parent, Some(made), place, Some(times(app, run)), changed, Some(departs)];
    lines.into_iter().flatten().flat_map(|text| wrap(&text, width).into_iter().take(2).collect::<Vec<_>>()).collect()
}

/// How long it trained, and when.
fn times(app: &App, run: &OpenRun) -> String {
    let Some((from, to)) = run.state.span else { return "not begun yet".into() };
    let at = |seconds: f64, format: &str| {
        let moment = jiff::Timestamp::from_millisecond((seconds * 1000.0) as i64).ok();
        moment.map_or_else(String::new, |it| it.to_zoned_datetime(app.clock.zone.clone()).strftime(format).to_string())
    };
    let trained = seconds(run.state.training_s);
    let (day, hour) = ("%Y-%m-%d", "%H:%M:%S");
    let end_format = if at(from, day) == at(to, day) { hour.to_owned() } else { format!("{day} {hour}") };
    let end = if run.status().is_alive() { "last event" } else { "ended" };
    let begun = at(from, &format!("{day} {hour}"));
    format!("trained {trained}, pauses left out; began {begun}, {end} {}", at(to, &end_format))
}
