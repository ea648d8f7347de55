//! Runs beside each other: two with how each stands and the curves of both in one chart; more as groups of seeds, with mean and
//! spread, and a line with a band for each.

use fixmatch::base::stats::mean_and_sd;
use fixmatch::compare::bands::band;
use fixmatch::config::Pick;
use fixmatch::run::curves::Metric;
use fixmatch::run::event::Evaluated;
use ratatui::buffer::Buffer;
use ratatui::layout::Rect;
use ratatui::text::Span;

use crate::console::app::App;
use crate::console::charts::Unit;
use crate::console::screens::race::{Lane, Race};
use crate::console::screens::run::OpenRun;
use crate::console::text::{clean, fit, left, right};
use crate::console::views::{chart, put, put_spans, short_id};
use crate::words::comparisons;
use crate::words::numbers::{duration, grouped, percent, short};

/// Columns of the key figures' names.
const NAMES: usize = 22;

/// From this width on there are two charts.
const WIDE: u16 = 110;

impl Race {
    /// Draws the runs.
    pub fn draw(&self, buffer: &mut Buffer, app: &App, area: Rect) {
        if self.runs.len() == 2 { self.draw_both(buffer, app, area) } else { self.draw_lanes(buffer, app, area) }
    }

    fn draw_both(&self, buffer: &mut Buffer, app: &App, area: Rect) {
        let rows = figures(self);
        let width = usize::from(area.width).saturating_sub(NAMES + 4) / 2;
        for (i, run) in self.runs.iter().enumerate() {
            let x = 2 + NAMES as u16 + i as u16 * width as u16;
            let is_focused = i == self.focus;
            let (mark, style) = if is_focused { ("▸ ", app.theme.selected()) } else { ("  ", app.theme.strong()) };
            put(buffer, x - 2, area.y, mark, style);
            put(buffer, x, area.y, &fit(&short_id(&run.dir.id()), width - 2), style);
            put(
                buffer,
                x,
                area.y + 1,
                &fit(&format!("● {}", run.status().label()), width - 2),
                app.theme.status(run.status()),
            );
            let (done, rest) = app.glyphs.bar(run.share(), width.saturating_sub(18).min(24));
            let x = x + 14;
            let x = put(buffer, x, area.y + 1, &done, app.theme.curve(i));
            put(buffer, x, area.y + 1, &rest, app.theme.faint());
        }
        for ((name, values), y) in rows.iter().zip(area.y + 2..) {
            let mut spans = vec![Span::styled(format!("  {}", left(name, NAMES)), app.theme.faint())];
            let style = |value: &str| if value.starts_with('⚑') { app.theme.error() } else { app.theme.text() };
            spans.extend(values.iter().map(|value| Span::styled(left(&fit(value, width - 1), width), style(value))));
            put_spans(buffer, area, y, spans);
        }
        let below = area.y + 3 + rows.len() as u16;
        let charts = Rect { y: below, height: area.bottom().saturating_sub(below), ..area };
        if charts.width >= WIDE {
            let half = Rect { width: charts.width / 2, ..charts };
            chart::together(buffer, app, self, ("test accuracy (EMA)", Metric::TestEma, Unit::Percent), half);
            let other = Rect { x: half.right(), ..half };
            chart::together(buffer, app, self, ("mask ratio", Metric::MaskRatio, Unit::Percent), other);
        } else {
            chart::together(buffer, app, self, ("test accuracy (EMA)", Metric::TestEma, Unit::Percent), charts);
        }
    }
}

/// What stands over the groups beside their names, and how wide it is.
const OF_LANES: [(&str, usize); 5] = [("n", 4), ("test accuracy", 16), ("best", 16), ("mask ratio", 12), ("step", 14)];

impl Race {
    /// The groups, a row each, and their curves.
    fn draw_lanes(&self, buffer: &mut Buffer, app: &App, area: Rect) {
        let theme = app.theme;
        let others: usize = OF_LANES.iter().map(|(_, width)| width).sum();
        let name = usize::from(area.width).saturating_sub(others + 4).clamp(8, 60);
        let mut head = vec![Span::styled(format!("  {}", left("", name)), theme.faint())];
        head.extend(OF_LANES.iter().map(|(title, width)| Span::styled(right(title, *width), theme.faint())));
        put_spans(buffer, area, area.y, head);
        let focused = self.lanes.iter().position(|lane| lane.runs.contains(&self.focus)).unwrap_or(0);
        let most = usize::from(area.height / 2).saturating_sub(3).max(1);
        let first = focused.saturating_sub(most.saturating_sub(1));
        let shown: Vec<_> = self.lanes.iter().enumerate().skip(first).take(most).collect();
        for ((n, lane), y) in shown.iter().zip(area.y + 1..) {
            let is_focused = *n == focused;
            let (mark, style) = if is_focused { ("▸ ", theme.selected()) } else { ("  ", theme.curve(*n)) };
            let mut spans = vec![Span::styled(format!("{mark}{}", left(&fit(&lane.label, name), name)), style)];
            let cells = self.cells(lane);
            spans.extend(cells.iter().zip(OF_LANES).map(|(cell, (_, width))| Span::raw(right(cell, width))));
            put_spans(buffer, area, y, spans);
        }
        let y = area.y + 1 + shown.len() as u16;
        let run = &self.runs[self.focus];
        let place =
            format!("  run {} of {}: {}, {}", self.focus + 1, self.runs.len(), run.dir.id(), run.status().label());
        put(buffer, area.x, y, &fit(&place, area.width.into()), theme.faint());
        let charts = Rect { y: y + 2, height: area.bottom().saturating_sub(y + 2), ..area };
        let (all, half) = (charts, Rect { width: charts.width / 2, ..charts });
        if charts.width >= WIDE {
            self.draw_bands(buffer, app, ("test accuracy (EMA)", Metric::TestEma), half);
            self.draw_bands(buffer, app, ("mask ratio", Metric::MaskRatio), Rect { x: half.right(), ..half });
        } else {
            self.draw_bands(buffer, app, ("test accuracy (EMA)", Metric::TestEma), all);
        }
    }

    fn draw_bands(&self, buffer: &mut Buffer, app: &App, (title, metric): (&str, Metric), area: Rect) {
        let room = usize::from(area.width).saturating_sub(title.len() + 4) / self.lanes.len().max(1);
        let groups: Vec<_> = self
            .lanes
            .iter()
            .map(|lane| {
                let curves = lane.runs.iter().map(|&run| &self.runs[run].curves);
                let name = if room < 8 { String::new() } else { fit(&lane.label, room - 2) };
                (name, band(curves, metric, self.axis))
            })
            .collect();
        chart::bands(buffer, app, (title, Unit::Percent), (self.axis, self.end()), &groups, area);
    }

    /// What the runs of a group have come to.
    fn cells(&self, lane: &Lane) -> [String; 5] {
        let runs = || lane.runs.iter().map(|&run| &self.runs[run]);
        let of = |value: &dyn Fn(&OpenRun) -> Option<f64>| mean_and_sd(&runs().filter_map(value).collect::<Vec<_>>());
        let last = |value: fn(&Evaluated) -> f64| of(&|run| run.state.evaluations.last().map(value));
        let steps: Vec<u64> = runs().map(OpenRun::step).collect();
        let (low, high) = (steps.iter().min().copied().unwrap_or(0), steps.iter().max().copied().unwrap_or(0));
        [
            lane.runs.len().to_string(),
            comparisons::mean_and_sd(last(|it| it.ema.accuracy)),
            comparisons::mean_and_sd(last(|it| it.best)),
            comparisons::mean_and_sd(of(&|run| run.curves.of(Metric::MaskRatio).last()).map(|(mean, _)| (mean, None))),
            if low == high { grouped(high) } else { format!("{}–{}", short(low as f64), short(high as f64)) },
        ]
    }
}

/// The key figures of both, a row each.
fn figures(race: &Race) -> Vec<(&'static str, Vec<String>)> {
    let of = |figure: fn(&OpenRun) -> String| race.runs.iter().map(figure).collect();
    vec![
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
