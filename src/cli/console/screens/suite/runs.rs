//! The runs of a cell: seed by seed, how each stands.

use fixmatch::run::state::Status;
use fixmatch::suite::grid::Planned;
use fixmatch::suite::queue::Stand;
use ratatui::buffer::Buffer;
use ratatui::layout::{Position, Rect};
use ratatui::style::Style;
use ratatui::text::Span;

use super::{OpenSuite, Study};
use crate::console::app::App;
use crate::console::mouse::{Rows, Spot};
use crate::console::text::{clean, fit, fit_middle, left, right};
use crate::console::views::{more, put, put_spans};
use crate::words::numbers::{duration, percent};
use crate::words::suites::{GONE, JobRow, PREEMPTED, TIMED_OUT, WAITING};

/// Rows above the list: title, progress, a blank one, the cell, the heads of its columns.
const ABOVE: u16 = 5;

impl OpenSuite {
    pub(super) fn arrange_runs(&mut self, study: &Study, area: Rect) {
        let n = self.outcome(study).map_or(0, |outcome| outcome.n);
        if let Some(cursor) = &mut self.runs {
            cursor.step(0, n);
            cursor.keep_in_sight(1, area.height.saturating_sub(ABOVE + 2).into(), n);
        }
    }

    fn rows(&self, study: &Study, area: Rect) -> Rows {
        let n = self.outcome(study).map_or(0, |outcome| outcome.n);
        let list = Rect { y: area.y + ABOVE, height: area.height.saturating_sub(ABOVE + 2), ..area };
        Rows::from(list, self.runs.map_or(0, |cursor| cursor.top), n)
    }

    pub(super) fn run_spot(&self, study: &Study, area: Rect, position: Position) -> Option<Spot> {
        self.rows(study, area).at(position).map(Spot::Row)
    }

    pub(super) fn draw_runs(&self, buffer: &mut Buffer, app: &App, study: &Study, area: Rect) {
        let theme = app.theme;
        let Some(outcome) = self.outcome(study) else { return };
        let label = study.label(outcome);
        let label = if label.is_empty() { "all runs".into() } else { label };
        put(buffer, 2, area.y + 3, &fit(&clean(&label), usize::from(area.width) - 4), theme.strong());
        let width = usize::from(area.width);
        let bar = if width >= 100 { 12 } else { 0 };
        let heads = format!(
            "    {}{}{}{}{}  {}{}",
            left("seed", 6),
            left("status", 15),
            left("progress", bar + 8),
            right("now", 7),
            right("best", 8),
            left("trend", 12),
            right("left", 9),
        );
        put(buffer, 0, area.y + 4, &heads, theme.faint());
        let (runs, jobs, rows) = (study.runs(outcome), study.jobs(outcome), self.rows(study, area));
        for (i, y) in rows.seen() {
            let Some(run) = runs.get(i) else { break };
            let is_selected = self.runs.is_some_and(|cursor| cursor.at == i);
            let job = jobs.get(i).copied().filter(|job| job.is_in_slurm());
            put_spans(buffer, area, y, line(app, *run, job, is_selected, bar));
        }
        more(buffer, app, &rows);
        if let Some((run, stand)) = self.run(study) {
            let text = match (stand.found(), self.job(study).filter(|job| job.is_in_slurm())) {
                (found, Some(job)) => {
                    let (told, id) = (job.told(), job.job.as_ref().map(|id| format!("job {id}")));
                    let id = id.filter(|id| !told.contains(id)).map_or_else(String::new, |id| id + " · ");
                    let dir = found.map_or_else(String::new, |found| format!(" · {}", found.row.dir.id()));
                    format!("{id}{told}{dir}")
                }
                (Some(found), None) => {
                    let failure = found.row.failure().map_or_else(String::new, |why| format!(": {why}"));
                    format!("{}{failure}", found.row.dir.id())
                }
                (None, None) => format!("not started yet: {}", run.settings.join(" ")),
            };
            put(buffer, 2, area.bottom() - 1, &fit_middle(&clean(&text), width - 4), theme.faint());
        }
    }
}

/// How a run stands: its sign, in words, and their colour.
fn status<'a>(app: &App, stand: &Stand, job: Option<&'a JobRow>) -> (&'static str, &'a str, Style) {
    let theme = app.theme;
    if let Some(job) = job.filter(|job| job.state != WAITING) {
        return match (job.state.as_str(), stand) {
            (GONE, _) => ("✗", &job.state, theme.error()),
            (_, Stand::Alive(found)) => ("◉", &job.state, theme.status(found.row.status)),
            _ if job.host.is_some() => ("◉", &job.state, theme.accent()),
            (TIMED_OUT | PREEMPTED, _) => ("○", &job.state, theme.changed()),
            _ => ("○", &job.state, theme.text()),
        };
    }
    match stand {
        Stand::Waiting => ("○", "waiting", theme.faint()),
        Stand::Alive(found) => ("◉", found.row.status.label(), theme.status(found.row.status)),
        Stand::Interrupted(found) => ("○", "interrupted", theme.status(found.row.status)),
        Stand::Finished(_) => ("✓", "finished", theme.good()),
        Stand::Stopped(_) => ("■", "stopped", theme.status(Status::Stopped)),
        Stand::Failed(_) => ("✗", "failed", theme.error()),
    }
}

fn line<'a>(
    app: &App,
    (run, stand): (&Planned, &Stand),
    job: Option<&JobRow>,
    is_selected: bool,
    bar: usize,
) -> Vec<Span<'a>> {
    let theme = app.theme;
    let (mark, style) = if is_selected { ("  ▸ ", theme.selected()) } else { ("    ", theme.text()) };
    let (sign, label, of_status) = status(app, stand, job);
    let mut spans = vec![
        Span::styled(mark, style),
        Span::styled(left(&run.seed.to_string(), 6), style),
        Span::styled(left(&format!("{sign} {label}"), 15), of_status),
    ];
    let Some(found) = stand.found() else {
        spans.extend(job.map(|job| Span::styled(clean(&job.told()), theme.faint())));
        return spans;
    };
    let summary = &found.row.summary;
    let share = summary.step as f64 / run.config.train.steps.max(1) as f64;
    let (done, rest) = app.glyphs.bar(share, bar);
    let accuracy = |value: Option<f64>| value.map_or_else(|| "–".to_owned(), percent);
    let trend: Vec<_> = summary.trend.iter().map(|&x| Some(f64::from(x))).collect();
    let trend = &trend[trend.len().saturating_sub(12)..];
    let time = found.row.remaining.map_or_else(String::new, duration);
    spans.extend([
        Span::styled(done, of_status),
        Span::styled(rest, theme.faint()),
        Span::styled(left(&format!("{:>5.0} %", (100.0 * share).floor()), 8), theme.text()),
        Span::styled(right(&accuracy(summary.ema_accuracy), 7), theme.strong()),
        Span::styled(right(&accuracy(summary.best), 8), theme.text()),
        Span::styled(format!("  {}", left(&app.glyphs.sparkline(trend), 12)), theme.accent()),
        Span::styled(right(&time, 9), theme.text()),
    ]);
    let place = job.filter(|_| bar > 0).map(|job| format!("  {}", clean(&job.told())));
    spans.extend(place.map(|place| Span::styled(place, theme.faint())));
    spans
}
