//! One chart: a title with the values, the curves, and both axes.

use fixmatch::series::{Axis, Metric};
use ratatui::buffer::Buffer;
use ratatui::layout::Rect;
use ratatui::text::Span;

use super::{put, put_right, put_spans, short_id};
use crate::commands::format::{duration, short};
use crate::console::app::App;
use crate::console::charts::{Chart, Unit};
use crate::console::plot::{self, Bar, Plot, Vertical};
use crate::console::race::Race;
use crate::console::raster::{Raster, density};
use crate::console::run::OpenRun;
use crate::console::text::{self, fit};

/// Room for the numbers of the vertical axis.
const LABELS: u16 = 7;

/// Draws a chart.
pub fn draw(buffer: &mut Buffer, app: &App, run: &OpenRun, chart: &Chart, has_focus: bool, area: Rect) {
    title(buffer, app, run, chart, has_focus, area);
    let Some(inner) = inner(area) else { return };
    let (across, down) = density(app.glyphs);
    let plot = Plot::new(run, chart, usize::from(inner.width) * across, usize::from(inner.height) * down);
    horizontal(buffer, app, run.charts.axis, plot.range, inner);
    let Some(axis) = &plot.vertical else {
        put(buffer, inner.x + 1, inner.y + inner.height / 2, empty(run), app.theme.faint());
        return;
    };
    vertical(buffer, app, chart.unit, axis, inner);
    flags(buffer, app, &plot, across, inner);
    let mut raster = Raster::new(app.glyphs, inner);
    for bars in &plot.raw {
        paint(&mut raster, bars, app.theme.faint());
    }
    // The first curve matters most and comes on top.
    for (n, bars) in plot.curves.iter().enumerate().rev() {
        paint(&mut raster, bars, app.theme.curve(n));
    }
    raster.draw(buffer);
}

/// One curve of each of two runs, in one chart.
pub fn together(buffer: &mut Buffer, app: &App, race: &Race, (title, metric, unit): (&str, Metric, Unit), area: Rect) {
    let theme = app.theme;
    let mut spans = vec![Span::styled(format!("  {title}"), theme.strong())];
    let names = race.runs.each_ref().map(|run| fit(&short_id(&run.dir.id()), 20));
    spans.extend(names.iter().enumerate().map(|(n, name)| Span::styled(format!("  {name}"), theme.curve(n))));
    put_spans(buffer, area, area.y, spans);
    let Some(inner) = inner(area) else { return };
    let series = race.runs.each_ref().map(|run| run.curves.of(metric));
    let end = race.end();
    let (across, down) = density(app.glyphs);
    let pixels = (usize::from(inner.width) * across, usize::from(inner.height) * down);
    let plot = plot::together(&series, unit, race.axis, (0.0, end), pixels);
    horizontal(buffer, app, race.axis, plot.range, inner);
    let Some(axis) = &plot.vertical else {
        put(buffer, inner.x + 1, inner.y + inner.height / 2, "nothing measured yet", theme.faint());
        return;
    };
    vertical(buffer, app, unit, axis, inner);
    let mut raster = Raster::new(app.glyphs, inner);
    for (n, bars) in plot.curves.iter().enumerate().rev() {
        paint(&mut raster, bars, theme.curve(n));
    }
    raster.draw(buffer);
}

/// Where the curves are, if there is room for any.
pub fn inner(area: Rect) -> Option<Rect> {
    let has_room = area.height >= 4 && area.width >= LABELS + 8;
    has_room.then(|| Rect {
        x: area.x + LABELS,
        y: area.y + 1,
        width: area.width - LABELS - 1,
        height: area.height - 2,
    })
}

fn empty(run: &OpenRun) -> &'static str {
    if run.status().is_alive() { "nothing measured yet" } else { "nothing measured" }
}

fn paint(raster: &mut Raster, bars: &[Option<Bar>], style: ratatui::style::Style) {
    for (x, bar) in bars.iter().enumerate() {
        for y in bar.map_or(0..0, |bar| bar.top..bar.bottom + 1) {
            raster.paint(x, y, style);
        }
    }
}

/// The chart's name and those of its curves; with the cursor, the values there. Where there is too little room, these
/// stand without names. The newest values are in the list beside the charts, and not here again: each costs a link.
fn title(buffer: &mut Buffer, app: &App, run: &OpenRun, chart: &Chart, has_focus: bool, area: Rect) {
    let theme = app.theme;
    let (mark, style) = if has_focus { ("▸ ", theme.selected()) } else { ("  ", theme.strong()) };
    let value = |metric| run.charts.cursor.map(|x| value_at(run, chart, metric, x));
    let legend: Vec<_> = chart.curves.iter().map(|(metric, name)| (*name, value(*metric))).collect();
    let width_of = |(name, value): &(&str, Option<String>)| {
        text::width(name) + 2 + value.as_ref().map_or(0, |value| text::width(value) + 1)
    };
    let width = 2 + chart.title.len() + legend.iter().map(width_of).sum::<usize>();
    let has_room = width <= usize::from(area.width);
    let mut spans = vec![Span::styled(format!("{mark}{}", chart.title), style)];
    for (n, (name, value)) in legend.into_iter().enumerate() {
        match value {
            Some(value) if !has_room => spans.push(Span::styled(format!("  {value}"), theme.curve(n))),
            value => {
                spans.push(Span::styled(format!("  {name}"), theme.curve(n)));
                spans.extend(value.map(|value| Span::styled(format!(" {value}"), theme.text())));
            }
        }
    }
    put_spans(buffer, area, area.y, spans);
}

fn value_at(run: &OpenRun, chart: &Chart, metric: Metric, x: f64) -> String {
    let point = run.curves.of(metric).at(run.charts.axis, x);
    let value = point.map(|point| point.value).filter(|value| value.is_finite());
    value.map_or_else(|| "–".into(), |value| number(value, chart.unit))
}

/// A value as the legend and the list of values write it: six characters at most, so that little moves.
pub fn number(value: f64, unit: Unit) -> String {
    match unit {
        Unit::Percent => format!("{:.1} %", 100.0 * value),
        Unit::Number if value != 0.0 && value.abs() < 0.001 => format!("{value:.1e}"),
        Unit::Number if value.abs() < 0.01 => format!("{value:.4}"),
        Unit::Number if value.abs() < 100.0 => format!("{value:.3}"),
        Unit::Number => short(value),
    }
}

fn vertical(buffer: &mut Buffer, app: &App, unit: Unit, axis: &Vertical, area: Rect) {
    let lines = axis.lines();
    let intervals = lines.len() - 1;
    let height = area.height - 1;
    // As many lines as lie equally far from each other and two rows apart, so that the labels tell a scale.
    let every =
        (1..=intervals).find(|every| intervals.is_multiple_of(*every) && 2 * intervals / every <= height.into());
    for (value, share) in lines.iter().step_by(every.unwrap_or(intervals.max(1))) {
        let row = ((1.0 - share) * f64::from(height)).round() as u16;
        put_right(buffer, area.x - 1, area.y + row, &label(*value, axis, unit), app.theme.faint());
    }
}

fn label(value: f64, axis: &Vertical, unit: Unit) -> String {
    if axis.is_log {
        return if (1e-3..1e4).contains(&value) { short_number(value) } else { format!("{value:.0e}") };
    }
    match unit {
        Unit::Percent => {
            let decimals = usize::from(axis.step < 0.0095);
            format!("{:.decimals$} %", 100.0 * value)
        }
        Unit::Number => {
            let decimals = (-axis.step.log10().floor()).clamp(0.0, 6.0) as usize;
            if value.abs() >= 1e4 { short(value) } else { format!("{value:.decimals$}") }
        }
    }
}

fn short_number(value: f64) -> String {
    format!("{value:.3}").trim_end_matches('0').trim_end_matches('.').to_owned()
}

fn horizontal(buffer: &mut Buffer, app: &App, axis: Axis, (from, to): (f64, f64), area: Rect) {
    let y = area.bottom();
    let text = |x: f64| match axis {
        Axis::Step => short(x),
        Axis::Time => duration(std::time::Duration::from_secs_f64(x.max(0.0))),
    };
    let unit = if axis == Axis::Step { " steps" } else { "" };
    put(buffer, area.x, y, &text(from), app.theme.faint());
    let (middle, end) = (text(f64::midpoint(from, to)), format!("{}{unit}", text(to)));
    let has_room = middle.len() / 2 + end.len() + 1 < usize::from(area.width) / 2;
    if has_room {
        put(buffer, area.x + (area.width - middle.len() as u16) / 2, y, &middle, app.theme.faint());
    }
    put_right(buffer, area.right(), y, &end, app.theme.faint());
}

/// Flags where something was changed, and the cursor, as lines behind the curves.
fn flags(buffer: &mut Buffer, app: &App, plot: &Plot, across: usize, area: Rect) {
    let column = |pixel: usize| area.x + (pixel / across) as u16;
    for &(pixel, number) in &plot.flags {
        for y in area.y + 1..area.bottom() {
            put(buffer, column(pixel), y, "┊", app.theme.changed());
        }
        put(buffer, column(pixel), area.y, &number.to_string(), app.theme.changed());
    }
    if let Some(pixel) = plot.cursor {
        for y in area.top()..area.bottom() {
            put(buffer, column(pixel), y, "│", app.theme.accent());
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_value_has_its_digits_in_six_characters() {
        let cases = [
            (0.0, "0.0000"),
            (0.000_123, "1.2e-4"),
            (0.00456, "0.0046"),
            (0.06, "0.060"),
            (1.842, "1.842"),
            (99.5, "99.500"),
            (12_345.0, "12.3k"),
        ];
        for (value, expected) in cases {
            assert_eq!(number(value, Unit::Number), expected);
        }
    }
}
