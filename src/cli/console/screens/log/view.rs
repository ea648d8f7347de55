//! What happened, line by line, and the worker's own output.

use fixmatch::run::event::Event;
use jiff::Timestamp;
use jiff::tz::TimeZone;
use ratatui::buffer::Buffer;
use ratatui::layout::Rect;
use ratatui::style::Style;
use ratatui::text::Span;

use crate::console::app::App;
use crate::console::keys::{Action, Place};
use crate::console::screens::log::{Order, View};
use crate::console::screens::run::OpenRun;
use crate::console::text::{self, wrap};
use crate::console::theme::Theme;
use crate::console::views::{put, put_right, put_spans};

impl OpenRun {
    /// Draws the log.
    pub fn draw_log(&self, buffer: &mut Buffer, app: &App, area: Rect) {
        let (log, theme) = (&self.log, app.theme);
        let mut x = 2;
        for view in [View::Milestones, View::Events, View::Output] {
            let style = if view == log.view { theme.selected() } else { theme.faint() };
            x = put(buffer, x, area.y, view.label(), style) + 3;
        }
        if log.is_filtering || !log.filter.text.is_empty() {
            let caret = if log.is_filtering { "▏" } else { "" };
            put(buffer, 2, area.y + 1, &format!("/{}{caret}", log.filter.text), theme.changed());
        }
        let follows = match (log.at, log.order) {
            (None, _) => ", followed".to_owned(),
            (Some(_), Order::NewestLast) => app.offer(Place::Log, Action::Last, (", ", " follows")),
            (Some(_), Order::NewestFirst) => app.offer(Place::Log, Action::First, (", ", " follows")),
        };
        let lines = format!("{} lines{follows}", log.n());
        let row = area.y + u16::from(usize::from(x) + text::width(&lines) + 2 > usize::from(area.right()));
        put_right(buffer, area.right() - 2, row, &lines, theme.faint());
        let list = Rect { y: area.y + 2, height: area.height.saturating_sub(2), ..area };
        let mut lines = log.lines(list.height.into());
        if log.order == Order::NewestFirst {
            lines.reverse();
        }
        if lines.is_empty() {
            let shows_all = app.offer(Place::Log, Action::Back, ("; ", " shows all"));
            let text = if log.filter.text.is_empty() {
                "nothing yet".into()
            } else {
                format!("no line holds this{shows_all}")
            };
            put(buffer, 2, list.y, &text, theme.faint());
        }
        let mut rows: Vec<Vec<Span>> = Vec::new();
        for (record, text) in lines {
            let (clock, style) = match record {
                Some(record) => (clock(record.time, &app.clock.zone), color(theme, &record.event)),
                None => (String::new(), theme.text()),
            };
            let margin = format!("  {clock}");
            let width = usize::from(list.width).saturating_sub(text::width(&margin) + 1);
            let parts = if text::width(&text) <= width { vec![text] } else { wrap(&text, width) };
            for (i, part) in parts.into_iter().enumerate() {
                let margin = if i == 0 { margin.clone() } else { " ".repeat(text::width(&margin)) };
                rows.push(vec![Span::styled(margin, theme.faint()), Span::styled(part, style)]);
            }
        }
        let height = usize::from(list.height);
        // Long lines take several rows: the newest stay in sight, or the oldest when scrolled to them.
        let is_at_oldest = log.at.is_some_and(|cursor| cursor.at < height);
        let is_from_top = is_at_oldest == (log.order == Order::NewestLast);
        let first = if is_from_top { 0 } else { rows.len().saturating_sub(height) };
        for (spans, y) in rows.into_iter().skip(first).take(height).zip(list.y..) {
            put_spans(buffer, list, y, spans);
        }
    }
}

fn clock(time: f64, zone: &TimeZone) -> String {
    let time = Timestamp::from_millisecond((time * 1000.0) as i64).unwrap_or(Timestamp::UNIX_EPOCH);
    time.to_zoned_datetime(zone.clone()).strftime("%m-%d %H:%M:%S  ").to_string()
}

fn color(theme: Theme, event: &Event) -> Style {
    match event {
        Event::Progress(_)
        | Event::Insight(_)
        | Event::Checkpointed { .. }
        | Event::Launched { .. }
        | Event::Diverged { .. }
        | Event::Unknown => theme.faint(),
        Event::Evaluated(_) | Event::Compared(_) | Event::Started(_) | Event::Forked(_) => theme.text(),
        Event::Warning { .. }
        | Event::Sealed { .. }
        | Event::Paused { .. }
        | Event::Suspended { .. }
        | Event::Stopped { .. } => theme.changed(),
        Event::Accepted { .. }
        | Event::Applied { .. }
        | Event::Edited { .. }
        | Event::Continued { .. }
        | Event::Resumed { .. } => theme.accent(),
        Event::Finished { .. } => theme.good(),
        Event::Alarm(_) | Event::Refused { .. } | Event::Failed { .. } => theme.error(),
    }
}
