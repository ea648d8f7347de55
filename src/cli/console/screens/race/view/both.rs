//! Two runs in full: the key figures of both, and their curves in one chart.

use fixmatch::config::Pick;
use fixmatch::run::curves::Metric;
use fixmatch::run::event::Evaluated;
use ratatui::buffer::Buffer;
use ratatui::layout::Rect;
use ratatui::text::Span;

use super::WIDE;
use crate::console::app::App;
use crate::console::screens::race::{QUANTITIES, Race};
use crate::console::screens::run::OpenRun;
use crate::console::text::{clean, fit, left};
use crate::console::views::{chart, put, put_spans, short_id};
use crate::words::numbers::{duration, grouped, percent};

/// How many key figures there are.
const N_FIGURES: usize = 9;

/// Columns of the key figures' names.
const NAMES: usize = 22;

/// Draws both runs.
pub fn draw(race: &Race, buffer: &mut Buffer, app: &App, area: Rect) {
    let rows = figures(race);
    let width = usize::from(area.width).saturating_sub(NAMES + 4) / 2;
    for (i, run) in race.runs.iter().enumerate() {
        let x = 2 + NAMES as u16 + i as u16 * width as u16;
        let is_focused = i == race.focus;
        let (mark, style) = if is_focused { ("▸ ", app.theme.selected()) } else { ("  ", app.theme.strong()) };
        let name = race.title_of(i).unwrap_or_else(|| short_id(&run.dir.id()));
        put(buffer, x - 2, area.y, mark, style);
        put(buffer, x, area.y, &fit(&name, width - 2), style);
        let status = fit(&format!("● {}", run.status().label()), width - 2);
        put(buffer, x, area.y + 1, &status, app.theme.status(run.status()));
        let (done, rest) = app.glyphs.bar(run.share(), width.saturating_sub(18).min(24));
        let x = x + 14;
        let x = put(buffer, x, area.y + 1, &done, app.theme.curve(i));
        put(buffer, x, area.y + 1, &rest, app.theme.faint());
    }
    for ((name, values), y) in rows.iter().zip(area.y + 2..area.bottom()) {
        let mut spans = vec![Span::styled(format!("  {}", left(name, NAMES)), app.theme.faint())];
        let style = |value: &str| if value.starts_with('⚑') { app.theme.error() } else { app.theme.text() };
        spans.extend(values.iter().map(|value| Span::styled(left(&fit(value, width - 1), width), style(value))));
        put_spans(buffer, area, y, spans);
    }
    let charts = charts_below(area, rows.len());
    let next = QUANTITIES[(race.quantity + 1) % QUANTITIES.len()];
    if charts.width >= WIDE {
        let half = Rect { width: charts.width / 2, ..charts };
        chart::together(buffer, app, race, QUANTITIES[race.quantity], half);
        chart::together(buffer, app, race, next, Rect { x: half.right(), ..half });
    } else {
        chart::together(buffer, app, race, QUANTITIES[race.quantity], charts);
    }
}

/// Where the charts are on a screen of two runs.
pub fn charts(area: Rect) -> Rect {
    charts_below(Rect { y: area.y + 1, height: area.height - 1, ..area }, N_FIGURES)
}

fn charts_below(area: Rect, n_rows: usize) -> Rect {
    let below = area.y + 3 + n_rows as u16;
    Rect { y: below, height: area.bottom().saturating_sub(below), ..area }
}

/// The key figures of both, a row each.
fn figures(race: &Race) -> [(&'static str, Vec<String>); N_FIGURES] {
    let of = |figure: fn(&OpenRun) -> String| race.runs.iter().map(figure).collect();
    [
        ("step", of(step)),
        ("labels", of(labels)),
        ("of each class", of(per_class)),
        ("test accuracy (EMA)", of(|run| evaluated(run, |it| percent(it.ema.accuracy)))),
        ("best", of(|run| evaluated(run, |it| percent(it.best)))),
        ("median", of(|run| evaluated(run, |it| format!("{} of the last {}", percent(it.median), it.median_of)))),
        ("mask ratio", of(|run| last(run, Metric::MaskRatio))),
        ("pseudo-label accuracy", of(|run| last(run, Metric::PseudoLabels))),
        ("alarms", of(alarms)),
    ]
}

fn step(run: &OpenRun) -> String {
    let steps = run.steps().map_or_else(String::new, |steps| format!(" of {}", grouped(steps)));
    let left = run.remaining().map_or_else(String::new, |left| format!(", {} left", duration(left)));
    format!("{}{steps}{left}", grouped(run.step()))
}

/// How the labels are picked, as the run's configuration says it.
fn labels(run: &OpenRun) -> String {
    let Some(Ok(file)) = &run.file else { return "–".into() };
    clean(&String::from(file.config.labels.pick.clone()))
}

/// How many there are, and by which order.
fn per_class(run: &OpenRun) -> String {
    let Some(Ok(file)) = &run.file else { return "–".into() };
    let labels = &file.config.labels;
    match &labels.pick {
        Pick::All => "all".into(),
        Pick::Published(_) | Pick::File(_) => "–".into(),
        pick if pick.needs_ranking() => format!("{}, by {}", labels.per_class, labels.by),
        _ => labels.per_class.to_string(),
    }
}

/// How many alarms it raised, and what the last one says.
fn alarms(run: &OpenRun) -> String {
    let alarms = &run.state.alarms;
    let Some(last) = alarms.last() else { return "none".into() };
    format!("⚑ {} at step {}: {}", alarms.len(), grouped(last.step), clean(&last.message))
}

fn evaluated(run: &OpenRun, words: impl Fn(&Evaluated) -> String) -> String {
    run.state.evaluations.last().map_or_else(|| "–".into(), words)
}

fn last(run: &OpenRun, metric: Metric) -> String {
    run.curves.of(metric).last().map_or_else(|| "–".into(), percent)
}
