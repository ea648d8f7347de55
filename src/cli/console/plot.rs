//! What a chart draws: curves as columns of pixels, and the cursor. Knows no characters; axes are in [`super::axis`].

use fixmatch::run::curves::{Axis, Bucket, Series};

use super::axis::Scale;
use super::axis::Vertical;
use super::charts::CHARTS;
use super::screens::run::OpenRun;

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
    /// The nth chart of a run in so many columns and rows of pixels, on axes that were settled.
    pub fn new(run: &OpenRun, chart: usize, columns: usize, rows: usize) -> Self {
        let (axis, range, vertical) = (run.charts.axis, run.charts.range(), run.charts.vertical(chart).cloned());
        let of = |series: &Series| bars_of(series, axis, range, vertical.as_ref(), (columns, rows));
        let metrics = || CHARTS[chart].curves.iter().map(|(metric, _)| *metric);
        let is_smooth = run.charts.smoothing() > 0.0;
        Self {
            curves: metrics().map(|metric| of(&run.charts.smooth(metric, &run.curves.of(metric)))).collect(),
            raw: metrics().filter(|_| is_smooth).map(|metric| of(&run.curves.of(metric))).collect(),
            range,
            cursor: run.charts.cursor.and_then(|x| place(x, range, columns)),
            vertical,
        }
    }

    /// Curves that share axes, in so many columns and rows of pixels.
    pub fn together(series: &[&Series], axis: Axis, range: (f64, f64), size: (usize, usize)) -> Self {
        let points = series.iter().flat_map(|series| series.between(axis, range.0, range.1));
        let vertical = Vertical::settled(None, Scale::Fitted, points.map(|point| point.value));
        let of = |series: &&Series| bars_of(series, axis, range, vertical.as_ref(), size);
        Self { curves: series.iter().map(of).collect(), raw: Vec::new(), range, cursor: None, vertical }
    }
}

/// The column of a place on an axis, if that is in sight.
pub fn place(x: f64, (from, to): (f64, f64), columns: usize) -> Option<usize> {
    let share = (x - from) / (to - from).max(f64::MIN_POSITIVE);
    (0.0..=1.0).contains(&share).then(|| ((share * columns as f64) as usize).min(columns.saturating_sub(1)))
}

fn bars_of(
    series: &Series,
    axis: Axis,
    (from, to): (f64, f64),
    vertical: Option<&Vertical>,
    (columns, rows): (usize, usize),
) -> Vec<Option<Bar>> {
    vertical.map_or_else(Vec::new, |vertical| bars(&series.buckets(axis, from, to, columns), vertical, rows))
}

/// Turns buckets into bars, each joined to the one before it unless a gap lies between.
fn bars(buckets: &[Option<Bucket>], vertical: &Vertical, rows: usize) -> Vec<Option<Bar>> {
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
    use crate::console::sample;

    #[test]
    fn a_line_joins_points_across_empty_columns_but_not_across_a_gap() {
        let bucket = |value, after_gap| Some(Bucket { low: value, high: value, first: value, last: value, after_gap });
        let axis = Vertical { low: 0.0, high: 1.0, lines: vec![0.0, 1.0], is_log: false };
        let joined = bars(&[bucket(0.0, true), None, bucket(1.0, false)], &axis, 9);
        assert!(joined.iter().all(Option::is_some), "{joined:?}");
        let apart = bars(&[bucket(0.0, true), None, bucket(1.0, true)], &axis, 9);
        assert_eq!(apart[1], None);
    }

    #[test]
    fn a_spike_reaches_its_height_in_a_narrow_chart() {
        let mut run = sample::run();
        sample::spike(&mut run);
        run.charts.settle(&run.curves);
        let plot = Plot::new(&run, 0, 10, 40);
        let top = plot.curves[0].iter().flatten().map(|bar| bar.top).min();
        assert!(top.is_some_and(|top| top < 10), "{top:?}");
    }

    #[test]
    fn the_cursor_has_a_column_while_it_is_in_sight() {
        let mut run = sample::run();
        run.charts.move_cursor(-1.0);
        assert!(Plot::new(&run, 0, 80, 40).cursor.is_some());
        assert_eq!(
            [place(-1.0, (0.0, 10.0), 5), place(10.0, (0.0, 10.0), 5), place(4.0, (0.0, 10.0), 5)],
            [None, Some(4), Some(2)]
        );
    }

    #[test]
    fn what_is_not_finite_breaks_the_line_and_leaves_the_axis_alone() {
        let values = [1.0, 2.0, f64::INFINITY, f64::NAN, 2.0, 1.0];
        let mut series = Series::default();
        for (i, value) in values.into_iter().enumerate() {
            series.push(fixmatch::run::curves::Point { step: i as f64, seconds: 0.0, value });
        }
        let plot = Plot::together(&[&series], Axis::Step, (0.0, 5.0), (6, 10));
        assert_eq!(plot.vertical.map(|it| (it.low, it.high)), Some((0.0, 2.0)));
        let drawn: Vec<bool> = plot.curves[0].iter().map(Option::is_some).collect();
        assert_eq!(drawn, [true, true, false, false, true, true]);
    }
}
