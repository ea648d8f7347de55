//! The runs, one by one, with what people wrote on them.

use ratatui::buffer::Buffer;
use ratatui::layout::{Position, Rect};
use ratatui::text::Span;

use crate::console::app::App;
use crate::console::mouse::Rows;
use crate::console::screens::race::{Lane, Race};
use crate::console::screens::run::OpenRun;
use crate::console::text::{fit, fit_middle, left, right};
use crate::console::views::{put_spans, short_id};
use crate::words::comparisons::letter;
use crate::words::numbers::{grouped, or_dash, percent};

/// Draws them, group by group, around the one in focus.
pub fn draw(race: &Race, buffer: &mut Buffer, app: &App, area: Rect) {
    let theme = app.theme;
    let all = all(race);
    let name = usize::from(area.width).saturating_sub(60).clamp(12, 44);
    let head = format!(
        "     {}  {:>5}  {:<12}{:>11}{:>10}{:>9}",
        left("run", name),
        "seed",
        "status",
        "step",
        "accuracy",
        "best"
    );
    put_spans(buffer, area, area.y, vec![Span::styled(head, theme.faint())]);
    for (at, y) in rows(race, &all, area).seen() {
        let (place, run) = all[at];
        let (is_focused, open) = (run == race.focus, &race.runs[run]);
        let style = if is_focused { theme.strong() } else { theme.text() };
        let last = open.state.evaluations.last();
        let spans = vec![
            Span::styled(if is_focused { "▸ " } else { "  " }, theme.selected()),
            Span::styled(left(&letter(place), 3), theme.curve(place)),
            Span::styled(left(&fit_middle(&short_id(&open.dir.id()), name), name), style),
            Span::styled(format!("  {:>5}  ", seed(open)), style),
            Span::styled(left(&fit(open.status().label(), 12), 12), theme.status(open.status())),
            Span::styled(right(&grouped(open.step()), 11), style),
            Span::styled(right(&or_dash(last.map(|it| it.ema.accuracy), percent), 10), style),
            Span::styled(right(&or_dash(last.map(|it| it.best), percent), 9), style),
        ];
        put_spans(buffer, area, y, spans);
    }
    let card = app.home.card(&race.runs[race.focus].dir).map(ToString::to_string);
    if let Some(card) = card.filter(|card| !card.is_empty()) {
        let text = fit(&card, usize::from(area.width).saturating_sub(4));
        put_spans(buffer, area, area.bottom() - 1, vec![Span::styled(format!("  {text}"), theme.accent())]);
    }
}

/// All runs, each behind the place of its group.
fn all(race: &Race) -> Vec<(usize, usize)> {
    let of = |(place, lane): (usize, &Lane)| lane.runs.iter().map(move |run| (place, *run)).collect::<Vec<_>>();
    race.lanes.iter().enumerate().flat_map(of).collect()
}

/// The rows that are seen, around the one in focus.
fn rows(race: &Race, all: &[(usize, usize)], area: Rect) -> Rows {
    let place = Rect { y: area.y + 1, height: area.height.saturating_sub(2), ..area };
    let at = all.iter().position(|(_, run)| *run == race.focus).unwrap_or(0);
    Rows::from(place, (at + 1).saturating_sub(place.height.into()), all.len())
}

/// The run at a position.
pub fn at(race: &Race, area: Rect, position: Position) -> Option<usize> {
    let all = all(race);
    rows(race, &all, area).at(position).map(|at| all[at].1)
}

fn seed(run: &OpenRun) -> String {
    match &run.file {
        Some(Ok(file)) => file.config.train.seed.to_string(),
        Some(Err(_)) | None => "–".into(),
    }
}
