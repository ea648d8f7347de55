//! One chart: a title with the values, the curves, and both axes.

use std::time::Duration;

use fixmatch::compare::bands::{self, Place};
use fixmatch::run::curves::{Axis, Metric, Point, Series};
use ratatui::buffer::Buffer;
use ratatui::layout::Rect;
use ratatui::style::Style;
use ratatui::text::Span;

use super::{put, put_right, put_spans, short_id};
use crate::console::app::App;
use crate::console::axis::{Vertical, ticks};
use crate::console::charts::CHARTS;
use crate::console::flags::{self, Flag, Kind};
use crate::console::plot::{Bar, Plot, place};
use crate::console::raster::{Raster, density};
use crate::console::screens::race::Race;
use crate::console::screens::run::OpenRun;
use crate::console::text::{self, fit};
use crate::words::comparisons::letter;
use crate::words::numbers::{Unit, duration, grouped, short};

/// Room for the numbers of the vertical axis.
const LABELS: u16 = 8;

/// Draws the nth chart.
pub fn draw(buffer: &mut Buffer, app: &App, run: &OpenRun, chart: usize, flags: &[Flag], area: Rect) {
    let n_rows = title(buffer, app, run, chart, area);
    let Some(inner) = inner(Rect { y: area.y + n_rows - 1, height: area.height.saturating_sub(n_rows - 1), ..area })
    else {
        return;
    };
    let (across, down) = density(app.glyphs);
    let plot = Plot::new(run, chart, usize::from(inner.width) * across, usize::from(inner.height) * down);
    let cursor = plot.cursor.map(|pixel| (inner.x + (pixel / across) as u16, at_cursor(run)));
    horizontal(buffer, app, run.charts.axis, plot.range, cursor.as_ref(), inner);
    let Some(axis) = &plot.vertical else {
        put(buffer, inner.x + 1, inner.y + inner.height / 2, empty(run), app.theme.faint());
        return;
    };
    vertical(buffer, app, CHARTS[chart].unit, axis, inner);
    let flags = flags::gathered(flags, plot.range, inner.width.into());
    for flag in flags.iter().filter(|flag| flag.kind != Kind::Checkpoint) {
        for y in inner.y + 1..inner.bottom() {
            put(buffer, inner.x + flag.column as u16, y, "┊", flag_style(app, flag.kind));
        }
    }
    if let Some((x, _)) = cursor {
        for y in inner.top()..inner.bottom() {
            put(buffer, x, y, "│", app.theme.accent());
        }
    }
    let mut raster = Raster::new(app.glyphs, inner);
    for bars in &plot.raw {
        paint(&mut raster, bars, app.theme.faint());
    }
    // The first curve matters most and comes on top.
    for (n, bars) in plot.curves.iter().enumerate().rev() {
        paint(&mut raster, bars, app.theme.curve(n));
    }
    raster.draw(buffer);
    for flag in flags {
        put(buffer, inner.x + flag.column as u16, inner.y, &flag.label, flag_style(app, flag.kind));
    }
}

/// What the flags mean; with the cursor at some, what happened there.
pub fn legend(buffer: &mut Buffer, app: &App, run: &OpenRun, flags: &[Flag], area: Rect) {
    let here = flags::at_cursor(run, flags);
    let words = match here.first() {
        Some(first) => {
            let at = (first.kind, format!("step {}", grouped(first.step as u64)));
            std::iter::once(at).chain(here.iter().map(|flag| (flag.kind, flag.words.clone()))).collect()
        }
        None => flags::legend(flags),
    };
    let mut spans = vec![Span::raw("  ")];
    for (i, (kind, words)) in words.into_iter().enumerate() {
        spans.extend((i > 0).then(|| Span::styled(" · ", app.theme.faint())));
        spans.push(Span::styled(words, flag_style(app, kind)));
    }
    put_spans(buffer, area, area.y, spans);
}

fn flag_style(app: &App, kind: Kind) -> Style {
    match kind {
        Kind::Alarm => app.theme.error(),
        Kind::Fork => app.theme.accent(),
        Kind::Change(_) => app.theme.changed(),
        Kind::Checkpoint => app.theme.faint(),
    }
}

/// One curve of each of two runs, in one chart; with the cursor, the values there.
pub fn together(buffer: &mut Buffer, app: &App, race: &Race, (title, metric, unit): (&str, Metric, Unit), area: Rect) {
    let theme = app.theme;
    let cursor = race.cursor;
    let mut spans = vec![Span::styled(format!("  {title}"), theme.strong())];
    spans.extend(cursor.map(|x| Span::styled(format!("  {}", at(race.axis, x)), theme.accent())));
    for (n, run) in race.runs.iter().enumerate() {
        let value = cursor.and_then(|x| bands::value_at(&run.curves.of(metric), race.axis, x));
        match (cursor, value) {
            (None, _) => {
                let name = race.title_of(n).unwrap_or_else(|| short_id(&run.dir.id()));
                spans.push(Span::styled(format!("  {}", fit(&name, 20)), theme.curve(n)));
            }
            (Some(_), value) => {
                let value = value.map_or_else(|| "–".into(), |value| number(value, unit));
                spans.push(Span::styled(format!("  {} {value}", letter(n)), theme.curve(n)));
            }
        }
    }
    put_spans(buffer, area, area.y, spans);
    let Some(inner) = inner(area) else { return };
    let curves: Vec<_> = race.runs.iter().enumerate().map(|(n, run)| (run.curves.of(metric), theme.curve(n))).collect();
    small(buffer, app, (race.axis, race.end(), cursor), unit, &curves, inner);
}

/// A place on the horizontal axis, in words.
pub fn at(axis: Axis, x: f64) -> String {
    match axis {
        Axis::Step => format!("at {}", grouped(x.round() as u64)),
        Axis::Time => format!("at {}", time(x)),
    }
}

/// The curve of a group of runs.
#[derive(Debug)]
pub struct Band {
    /// Its letter.
    pub name: String,
    /// What people call it, if they do.
    pub title: Option<String>,
    /// Its colour.
    pub style: Style,
    /// Whether it is on top and shows its spread.
    pub is_focused: bool,
    /// Where it goes.
    pub places: Vec<Place>,
}

/// The mean of each group's runs as a line; of the one in focus, one standard deviation to both sides as faint ones.
pub fn bands(
    buffer: &mut Buffer,
    app: &App,
    (title, unit): (&str, Unit),
    (axis, end, cursor): (Axis, f64, Option<f64>),
    groups: &[Band],
    area: Rect,
) {
    let theme = app.theme;
    let mut spans = vec![Span::styled(format!("  {title}"), theme.strong())];
    // titles where all of them have room, else letters alone
    let words =
        |it: &Band| format!("  {}{}", it.name, it.title.as_ref().map_or_else(String::new, |it| format!(" {it}")));
    let needed: usize = groups.iter().map(|it| text::width(&words(it))).sum();
    let has_room = needed + text::width(title) + 2 <= area.width.into();
    let name = |it: &Band| if has_room { words(it) } else { format!("  {}", it.name) };
    spans.extend(groups.iter().map(|it| Span::styled(name(it), it.style)));
    let focused = groups.iter().find(|it| it.is_focused);
    if let Some(focused) = focused.filter(|it| it.places.iter().any(|place| place.sd.is_some())) {
        spans.push(Span::styled(format!("  faint: ± one sd of {}", focused.name), theme.faint()));
    }
    put_spans(buffer, area, area.y, spans);
    let Some(inner) = inner(area) else { return };
    let series = |places: &[Place], of: &dyn Fn(&Place) -> Option<f64>| {
        let mut series = Series::default();
        for (place, value) in places.iter().filter_map(|place| Some((place, of(place)?))) {
            series.push(Point { step: place.x, seconds: place.x, value });
        }
        series
    };
    // no share is below 0 or above 1, however far seeds lie apart
    let (low, high) = if unit == Unit::Percent { (0.0, 1.0) } else { (f64::MIN, f64::MAX) };
    let mut all: Vec<(Series, Style)> = Vec::new();
    for group in focused.into_iter().chain(groups.iter().filter(|it| !it.is_focused)) {
        all.push((series(&group.places, &|place| Some(place.mean)), group.style));
    }
    for side in [-1.0, 1.0] {
        let edge = |place: &Place| Some((place.mean + side * place.sd?).clamp(low, high));
        all.extend(focused.map(|focused| (series(&focused.places, &edge), theme.faint())));
    }
    small(buffer, app, (axis, end, cursor), unit, &all, inner);
}

/// Faint lines where curves of steps branch, behind what is drawn already.
pub fn branches(buffer: &mut Buffer, app: &App, end: f64, steps: &[f64], area: Rect) {
    let Some(inner) = inner(area) else { return };
    for column in steps.iter().filter_map(|step| place(*step, (0.0, end), inner.width.into())) {
        for y in inner.top()..inner.bottom() {
            let x = inner.x + column as u16;
            if buffer.cell((x, y)).is_some_and(|cell| cell.symbol() == " ") {
                put(buffer, x, y, "┊", app.theme.changed());
            }
        }
    }
}

/// Curves on axes that fit them, the first one on top; where one is given, a line at a place on the horizontal axis.
pub fn small(
    buffer: &mut Buffer,
    app: &App,
    (axis, end, line): (Axis, f64, Option<f64>),
    unit: Unit,
    curves: &[(Series, Style)],
    inner: Rect,
) {
    let (across, down) = density(app.glyphs);
    let pixels = (usize::from(inner.width) * across, usize::from(inner.height) * down);
    let series: Vec<&Series> = curves.iter().map(|(series, _)| series).collect();
    let plot = Plot::together(&series, axis, (0.0, end), pixels);
    horizontal(buffer, app, axis, plot.range, None, inner);
    let Some(vertical_axis) = &plot.vertical else {
        put(buffer, inner.x + 1, inner.y + inner.height / 2, "nothing measured yet", app.theme.faint());
        return;
    };
    vertical(buffer, app, unit, vertical_axis, inner);
    if let Some(column) = line.and_then(|x| place(x, plot.range, inner.width.into())) {
        for y in inner.top()..inner.bottom() {
            put(buffer, inner.x + column as u16, y, "│", app.theme.accent());
        }
    }
    let mut raster = Raster::new(app.glyphs, inner);
    for (bars, (_, style)) in plot.curves.iter().zip(curves).rev() {
        paint(&mut raster, bars, *style);
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

fn paint(raster: &mut Raster, bars: &[Option<Bar>], style: Style) {
    for (x, bar) in bars.iter().enumerate() {
        for y in bar.map_or(0..0, |bar| bar.top..bar.bottom + 1) {
            raster.paint(x, y, style);
        }
    }
}

/// The chart's name and those of its curves; with the cursor, the values there, which may take a second row. The newest
/// values are in the list beside the charts, and not here again: each costs a link. Returns the rows that it took.
fn title(buffer: &mut Buffer, app: &App, run: &OpenRun, chart: usize, area: Rect) -> u16 {
    let (theme, it, has_focus) = (app.theme, &CHARTS[chart], chart == run.charts.focus);
    let (mark, style) = if has_focus { ("▸ ", theme.selected()) } else { ("  ", theme.strong()) };
    let mut rows = vec![vec![Span::styled(format!("{mark}{}", it.title), style)]];
    for (n, (metric, name)) in it.curves.iter().enumerate() {
        let mut entry = vec![Span::styled(format!("  {name}"), theme.curve(n))];
        if let Some(x) = run.charts.cursor {
            entry.push(Span::styled(format!(" {}", value_at(run, it.unit, *metric, x)), theme.text()));
        }
        let width = |spans: &[Span]| spans.iter().map(Span::width).sum::<usize>();
        let n_rows = rows.len();
        let last = rows.last_mut().expect("there is always one");
        let fits = width(last) + width(&entry) <= usize::from(area.width);
        // with little height a curve's value matters less than the curves
        if fits || area.height < 8 || n_rows > 2 { last.extend(entry) } else { rows.push(entry) }
    }
    let n_rows = rows.len() as u16;
    for (row, y) in rows.into_iter().zip(area.y..area.bottom()) {
        put_spans(buffer, area, y, row);
    }
    n_rows
}

fn value_at(run: &OpenRun, unit: Unit, metric: Metric, x: f64) -> String {
    let point = run.curves.of(metric).at(run.charts.axis, x);
    let value = point.map(|point| point.value).filter(|value| value.is_finite());
    value.map_or_else(|| "–".into(), |value| number(value, unit))
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

/// Writes the numbers at the vertical axis: its ends, and those between them that stand two rows apart.
fn vertical(buffer: &mut Buffer, app: &App, unit: Unit, axis: &Vertical, area: Rect) {
    let height = area.height - 1;
    let row = |value: f64| ((1.0 - axis.share(value)) * f64::from(height)).round() as u16;
    let n = axis.lines.len() - 1;
    // On an even scale every so many lines, so that the numbers tell it; else as many as there is room for.
    let every = if axis.is_log { 1 } else { (2 * n).div_ceil(height.max(1).into()).max(1) };
    let mut below = u16::MAX;
    for (i, value) in axis.lines.iter().enumerate() {
        let (row, is_last) = (row(*value), i == n);
        let has_room = below.saturating_sub(row) >= 2 && (row >= 2 || is_last);
        if i == 0 || has_room && (is_last || i.is_multiple_of(every)) {
            put_right(buffer, area.x - 1, area.y + row, &label(*value, axis, unit), app.theme.faint());
            below = row;
        }
    }
}

/// The number at a line, with the digits that tell it from the next one.
fn label(value: f64, axis: &Vertical, unit: Unit) -> String {
    let factor = if unit == Unit::Percent { 100.0 } else { 1.0 };
    let most = factor * axis.low.abs().max(axis.high.abs());
    let (divisor, letter) = match most {
        1e12.. => return format!("{value:.1e}"),
        1e9.. => (1e9, "G"),
        1e6.. => (1e6, "M"),
        1e4.. => (1e3, "k"),
        _ => (1.0, ""),
    };
    let (scaled, unit) = (factor * value / divisor, if unit == Unit::Percent { " %" } else { "" });
    if axis.is_log {
        return match scaled {
            0.001.. => format!("{}{letter}{unit}", trimmed(scaled, 5)),
            _ => format!("{:.0e}{unit}", factor * value),
        };
    }
    if most < 1e-3 {
        return format!("{:.0e}{unit}", factor * value);
    }
    let step = factor * axis.step() / divisor;
    let decimals = (-(step * (1.0 + 1e-9)).log10().floor()).clamp(0.0, 5.0) as usize;
    format!("{scaled:.decimals$}{letter}{unit}")
}

/// A number with so many decimals at most.
fn trimmed(value: f64, decimals: usize) -> String {
    let text = format!("{value:.decimals$}");
    if text.contains('.') { text.trim_end_matches('0').trim_end_matches('.').to_owned() } else { text }
}

/// A number of steps at the axis: `500`, `12.5k`, `1.05M`.
fn steps(x: f64) -> String {
    let text = short(x);
    let digits = text.trim_end_matches(char::is_alphabetic);
    if digits.contains('.') {
        let letter = &text[digits.len()..];
        return format!("{}{letter}", digits.trim_end_matches('0').trim_end_matches('.'));
    }
    text
}

fn time(x: f64) -> String {
    duration(Duration::try_from_secs_f64(x).unwrap_or_default())
}

/// Where the cursor stands.
fn at_cursor(run: &OpenRun) -> String {
    let x = run.charts.cursor.unwrap_or_default();
    match run.charts.axis {
        Axis::Step => format!("step {}", grouped(x.round() as u64)),
        Axis::Time => {
            let step = run.curves.of(Metric::Loss).at(Axis::Time, x).map_or(0.0, |point| point.step);
            format!("{}, step {}", time(x), grouped(step as u64))
        }
    }
}

/// Writes round numbers below the curves, its ends and where the cursor stands: the cursor before the ends before others.
fn horizontal(
    buffer: &mut Buffer,
    app: &App,
    axis: Axis,
    (from, to): (f64, f64),
    cursor: Option<&(u16, String)>,
    area: Rect,
) {
    let words = |x: f64| if axis == Axis::Step { steps(x) } else { time(x) };
    let last = if axis == Axis::Step { format!("{} steps", steps(to)) } else { time(to) };
    let width = |text: &str| text::width(text) as u16;
    let around = |x: u16, text: &str| {
        let end = area.right().saturating_sub(width(text)).max(area.x);
        x.saturating_sub(width(text) / 2).clamp(area.x, end)
    };
    let mut labels: Vec<(u16, String, Style)> = Vec::new();
    if let Some((x, text)) = cursor {
        labels.push((around(*x, text), text.clone(), app.theme.accent()));
    }
    let faint = app.theme.faint();
    labels.push((area.right().saturating_sub(width(&last)), last, faint));
    labels.push((area.x, words(from), faint));
    let tick = ticks(to - from, usize::from(area.width) / 9, axis == Axis::Time);
    let first = (from / tick).floor() as i64 + 1;
    for x in (first..).map(|n| n as f64 * tick).take(40).take_while(|x| *x < to) {
        let column = place(x, (from, to), area.width.into()).unwrap_or(0) as u16;
        let text = words(x);
        labels.push((around(area.x + column, &text), text, faint));
    }
    let mut taken: Vec<(u16, u16)> = Vec::new();
    for (x, text, style) in labels {
        let (start, end) = (x, x + width(&text));
        if taken.iter().all(|(from, to)| end < *from || start > *to) {
            put(buffer, start, area.bottom(), &text, style);
            taken.push((start, end));
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
