//! What a chart draws: curves as columns of pixels, axes with round numbers, flags and the cursor. Knows no characters.
//!
//! Axes snap: the horizontal one ends at a power of two (see [`super::charts`]), the vertical one at one of few round
//! numbers. A new point then changes a few pixels, not the whole picture, which is what a slow link needs.

use fixmatch::series::{Axis, Bucket, Series};

use super::charts::{Chart, Scale, Unit};
use super::run::OpenRun;

/// The vertical axis.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Vertical {
    /// The value at the bottom; its logarithm on a logarithmic axis.
    pub low: f64,
    /// The value at the top.
    pub high: f64,
    /// From one line to the next.
    pub step: f64,
    /// Whether these are powers of ten.
    pub is_log: bool,
}

/// A chart, in pixels.
#[derive(Clone, Debug)]
pub struct Plot {
    /// The curves, the one on top last.
    pub curves: Vec<Vec<Option<Bar>>>,
    /// The same without smoothing, where there is any: no spike is hidden.
    pub raw: Vec<Vec<Option<Bar>>>,
    /// The vertical axis; None without any number.
    pub vertical: Option<Vertical>,
    /// The stretch that is seen.
    pub range: (f64, f64),
    /// Columns with a flag, and its number.
    pub flags: Vec<(usize, usize)>,
    /// The cursor's column.
    pub cursor: Option<usize>,
}

/// What a curve covers in a column of pixels: from the lower to the higher row, counted from the top.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Bar {
    /// The upper row.
    pub top: usize,
    /// The lower row.
    pub bottom: usize,
}

impl Plot {
    /// A run's chart in so many columns and rows of pixels.
    pub fn new(run: &OpenRun, chart: &Chart, columns: usize, rows: usize) -> Self {
        let (axis, range) = (run.charts.axis, run.charts.range());
        let drawn: Vec<&Series> = chart.curves.iter().map(|(metric, _)| best(run, *metric)).collect();
        let raw: Vec<&Series> = chart.curves.iter().map(|(metric, _)| run.curves.of(*metric)).collect();
        let vertical = vertical(&raw, chart.unit, run.charts.scale, axis, range);
        let curve = |series: &&Series| match vertical {
            Some(vertical) => bars(&series.buckets(axis, range.0, range.1, columns), &vertical, rows),
            None => Vec::new(),
        };
        let column = |x: f64| {
            let share = (x - range.0) / (range.1 - range.0).max(f64::MIN_POSITIVE);
            (0.0..=1.0).contains(&share).then(|| ((share * columns as f64) as usize).min(columns.saturating_sub(1)))
        };
        let flag = |(number, flag): (usize, &super::run::Flag)| {
            let x = if axis == Axis::Step { flag.step } else { flag.seconds };
            column(x).map(|column| (column, number + 1))
        };
        let is_smooth = run.charts.smoothing() > 0.0;
        Self {
            curves: drawn.iter().map(curve).collect(),
            raw: if is_smooth { raw.iter().map(curve).collect() } else { Vec::new() },
            vertical,
            range,
            flags: run.flags.iter().enumerate().filter_map(flag).collect(),
            cursor: run.charts.cursor.and_then(column),
        }
    }
}

/// Curves of several runs in so many columns and rows of pixels.
pub fn together(
    series: &[&Series],
    unit: Unit,
    axis: Axis,
    range: (f64, f64),
    (columns, rows): (usize, usize),
) -> Plot {
    let vertical = vertical(series, unit, Scale::FromZero, axis, range);
    let curve = |series: &&Series| match vertical {
        Some(vertical) => bars(&series.buckets(axis, range.0, range.1, columns), &vertical, rows),
        None => Vec::new(),
    };
    let curves = series.iter().map(curve).collect();
    Plot { curves, raw: Vec::new(), vertical, range, flags: Vec::new(), cursor: None }
}

/// The smoothed curve, where smoothing is on.
fn best(run: &OpenRun, metric: fixmatch::series::Metric) -> &Series {
    run.charts.smooth(metric).unwrap_or_else(|| run.curves.of(metric))
}

fn vertical(curves: &[&Series], unit: Unit, scale: Scale, axis: Axis, range: (f64, f64)) -> Option<Vertical> {
    let extents = curves.iter().filter_map(|series| series.extent(axis, range.0, range.1));
    let (low, high) = extents.reduce(|all, one| (all.0.min(one.0), all.1.max(one.1)))?;
    Some(match scale {
        Scale::Log => logarithmic(low, high),
        Scale::FromZero if unit == Unit::Percent => Vertical { low: 0.0, high: 1.0, step: 0.25, is_log: false },
        Scale::FromZero => rounded(0.0_f64.min(low), high),
        Scale::Fitted => rounded(low, high),
    })
}

/// Round numbers around a stretch: lines at multiples of 1, 2 or 5 times a power of ten, four or so of them.
fn rounded(low: f64, high: f64) -> Vertical {
    let span = if high > low { high - low } else { high.abs().max(1e-9) };
    let power = 10_f64.powf((span / 4.0).log10().floor());
    let factor = [1.0, 2.0, 5.0, 10.0].into_iter().find(|factor| factor * power >= span / 4.0).unwrap_or(10.0);
    let step = factor * power;
    let (low, high) = ((low / step).floor() * step, (high / step).ceil() * step);
    Vertical { low, high: if high > low { high } else { low + step }, step, is_log: false }
}

/// Whole powers of ten. What is not positive has no logarithm and lies on the bottom, at most six powers down.
fn logarithmic(low: f64, high: f64) -> Vertical {
    let top = high.max(f64::MIN_POSITIVE).log10().ceil();
    let bottom = if low > 0.0 { low.log10().floor().max(top - 6.0) } else { top - 6.0 };
    Vertical { low: bottom.min(top - 1.0), high: top, step: 1.0, is_log: true }
}

impl Vertical {
    /// Where a value lies, from 0 at the bottom to 1 at the top.
    pub fn share(&self, value: f64) -> f64 {
        let place = if self.is_log { value.max(f64::MIN_POSITIVE).log10() } else { value };
        ((place - self.low) / (self.high - self.low)).clamp(0.0, 1.0)
    }

    /// The values of the lines, from the bottom, with where they lie.
    pub fn lines(&self) -> Vec<(f64, f64)> {
        let n = ((self.high - self.low) / self.step).round() as usize;
        let line = |i: usize| {
            let place = self.low + i as f64 * self.step;
            (if self.is_log { 10_f64.powf(place) } else { place }, i as f64 / n.max(1) as f64)
        };
        (0..=n).map(line).collect()
    }
}

/// Turns buckets into bars, each joined to the one before it unless a gap lies between.
pub fn bars(buckets: &[Option<Bucket>], vertical: &Vertical, rows: usize) -> Vec<Option<Bar>> {
    let row = |value: f64| ((1.0 - vertical.share(value)) * rows.saturating_sub(1) as f64).round() as usize;
    let mut bars: Vec<Option<Bar>> = vec![None; buckets.len()];
    let mut before: Option<(usize, usize)> = None;
    for (column, bucket) in buckets.iter().enumerate() {
        let Some(bucket) = bucket else { continue };
        let bar = Bar { top: row(bucket.high), bottom: row(bucket.low) };
        bars[column] = Some(bar);
        if let Some((from, last)) = before.filter(|_| !bucket.after_gap) {
            join(&mut bars, (from, last), (column, row(bucket.first)));
        }
        before = Some((column, row(bucket.last)));
    }
    bars
}

/// Draws the line between two points into the columns between them.
fn join(bars: &mut [Option<Bar>], (from, from_row): (usize, usize), (to, to_row): (usize, usize)) {
    let at = |column: usize| {
        let share = (column - from) as f64 / (to - from) as f64;
        from_row as f64 + share * (to_row as f64 - from_row as f64)
    };
    for (column, bar) in bars.iter_mut().enumerate().take(to).skip(from) {
        let (start, end) = (at(column).round() as usize, at(column + 1).round() as usize);
        // The last row of a stretch belongs to the next column.
        let end = if end > start { end - 1 } else { (end + 1).min(start) };
        let (top, bottom) = (start.min(end), start.max(end));
        let bar = bar.get_or_insert(Bar { top, bottom });
        (bar.top, bar.bottom) = (bar.top.min(top), bar.bottom.max(bottom));
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::console::charts::CHARTS;
    use crate::console::sample;

    #[test]
    fn axes_have_few_round_lines() {
        let cases =
            [((0.0, 2.31), (0.0, 3.0, 1.0)), ((0.0, 0.06), (0.0, 0.06, 0.02)), ((0.91, 0.94), (0.91, 0.94, 0.01))];
        for ((low, high), (from, to, step)) in cases {
            let axis = rounded(low, high);
            let near = |a: f64, b: f64| (a - b).abs() < 1e-9;
            assert!(near(axis.low, from) && near(axis.high, to) && near(axis.step, step), "{low}..{high}: {axis:?}");
        }
        let flat = rounded(0.5, 0.5);
        assert!(flat.low <= 0.5 && flat.high > flat.low, "{flat:?}");
    }

    #[test]
    fn a_logarithmic_axis_has_whole_powers_of_ten() {
        let axis = logarithmic(0.003, 2.0);
        assert_eq!((axis.low, axis.high), (-3.0, 1.0));
        assert_eq!(axis.lines()[1].0, 0.01);
        assert_eq!(logarithmic(-1.0, 1.0).low, -6.0);
        assert!((axis.share(0.1) - 0.5).abs() < 1e-12);
    }

    #[test]
    fn a_line_joins_points_across_empty_columns_but_not_across_a_gap() {
        let bucket = |value, after_gap| Some(Bucket { low: value, high: value, first: value, last: value, after_gap });
        let axis = Vertical { low: 0.0, high: 1.0, step: 1.0, is_log: false };
        let joined = bars(&[bucket(0.0, true), None, bucket(1.0, false)], &axis, 9);
        assert!(joined.iter().all(Option::is_some), "{joined:?}");
        let apart = bars(&[bucket(0.0, true), None, bucket(1.0, true)], &axis, 9);
        assert_eq!(apart[1], None);
    }

    #[test]
    fn a_spike_reaches_its_height_in_a_narrow_chart() {
        let mut run = sample::run();
        sample::spike(&mut run);
        let plot = Plot::new(&run, &CHARTS[0], 10, 40);
        let top = plot.curves[0].iter().flatten().map(|bar| bar.top).min();
        assert!(top.is_some_and(|top| top < 10), "{top:?}");
    }

    #[test]
    fn every_flag_and_the_cursor_have_a_column() {
        let mut run = sample::run();
        run.charts.move_cursor(-1.0);
        let plot = Plot::new(&run, &CHARTS[0], 80, 40);
        assert_eq!(plot.flags.len(), run.flags.len());
        assert!(plot.cursor.is_some());
    }
}
