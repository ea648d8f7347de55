//! Curves: the points of one quantity over a run, and what a chart of any width shows of them.
//!
//! A chart has far fewer columns than a run has points. A column therefore keeps the lowest and the highest of its
//! points, so that a spike is never hidden, and smoothing is computed on all points before columns are made. A value
//! that is missing or not finite is a gap. Knows no terminal; a run has at most some 50,000 points
//! ([`crate::config::RunConfig::validate`]), and so has a curve.

use strum::VariantArray;

use crate::run::event::{Event, Record};

/// What a curve is drawn over.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Axis {
    /// Steps done.
    #[default]
    Step,
    /// Seconds since the run's first event, pauses included.
    Time,
}

/// One point of a curve.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Point {
    /// Steps done.
    pub step: f64,
    /// Seconds since the run's first event.
    pub seconds: f64,
    /// NaN where there is none.
    pub value: f64,
}

impl Point {
    /// Its place on an axis.
    pub fn x(&self, axis: Axis) -> f64 {
        match axis {
            Axis::Step => self.step,
            Axis::Time => self.seconds,
        }
    }
}

/// What one column of a chart shows of the points that fall into it.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Bucket {
    /// The lowest value.
    pub low: f64,
    /// The highest one.
    pub high: f64,
    /// The first one, where a line from the left arrives.
    pub first: f64,
    /// The last one, where the line goes on.
    pub last: f64,
    /// Whether a gap lies between this bucket's points and the ones before it.
    pub after_gap: bool,
}

/// The points of one quantity, in the order of the steps.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Series {
    points: Vec<Point>,
}

impl Series {
    /// Adds the newest point.
    pub fn push(&mut self, point: Point) {
        self.points.push(point);
    }

    /// Drops every point after `step`, which a resumed run takes again.
    pub fn rewind(&mut self, step: f64) {
        self.points.retain(|point| point.step <= step);
    }

    /// The points.
    pub fn points(&self) -> &[Point] {
        &self.points
    }

    /// The newest value, if it is a number.
    pub fn last(&self) -> Option<f64> {
        self.points.last().map(|point| point.value).filter(|value| value.is_finite())
    }

    /// The exponential moving average with weight `smoothing` in [0, 1) on the past, corrected for its start
    /// (Kingma and Ba, "Adam", 2015, section 3), so that a constant stays that constant. Gaps stay gaps.
    #[must_use]
    pub fn smoothed(&self, smoothing: f64) -> Self {
        let (mut mean, mut weight) = (0.0, 0.0);
        let smooth = |point: &Point| {
            if !point.value.is_finite() {
                return *point;
            }
            mean = smoothing * mean + (1.0 - smoothing) * point.value;
            weight = smoothing * weight + (1.0 - smoothing);
            Point { value: mean / weight, ..*point }
        };
        Self { points: self.points.iter().map(smooth).collect() }
    }

    /// The points between two places on an axis, both included.
    pub fn between(&self, axis: Axis, from: f64, to: f64) -> &[Point] {
        let start = self.points.partition_point(|point| point.x(axis) < from);
        let end = self.points.partition_point(|point| point.x(axis) <= to);
        &self.points[start..end.max(start)]
    }

    /// The same without the points after a step.
    #[must_use]
    pub fn until(&self, step: f64) -> Self {
        Self { points: self.between(Axis::Step, f64::MIN, step).to_vec() }
    }

    /// The same with at most about `most` points: every second, third, … one, and the last.
    #[must_use]
    pub fn outline(&self, most: usize) -> Self {
        let size = self.points.len().div_ceil(most.max(1)).max(1);
        let mut points: Vec<Point> = self.points.iter().step_by(size).copied().collect();
        if let Some(last) = self.points.last().filter(|last| points.last() != Some(last)) {
            points.push(*last);
        }
        Self { points }
    }

    /// The lowest and the highest number between two places on an axis.
    pub fn extent(&self, axis: Axis, from: f64, to: f64) -> Option<(f64, f64)> {
        let values = self.between(axis, from, to).iter().map(|point| point.value).filter(|value| value.is_finite());
        values.fold(None, |extent, value| {
            let (low, high) = extent.unwrap_or((value, value));
            Some((value.min(low), value.max(high)))
        })
    }

    /// What each of `n` columns shows of the stretch between two places on an axis; None for a column without a number.
    pub fn buckets(&self, axis: Axis, from: f64, to: f64, n: usize) -> Vec<Option<Bucket>> {
        let mut buckets = vec![None; n];
        let mut after_gap = true;
        for point in self.between(axis, from, to) {
            if !point.value.is_finite() {
                after_gap = true;
                continue;
            }
            let share = (point.x(axis) - from) / (to - from).max(f64::MIN_POSITIVE);
            let column = ((share * n as f64) as usize).min(n.saturating_sub(1));
            if let Some(slot) = buckets.get_mut(column) {
                add(slot, point.value, after_gap);
            }
            after_gap = false;
        }
        buckets
    }

    /// The means of at most `n` equal parts for a sparkline. A part holds a power of two of points, so that a new point
    /// moves no older part; None where a part has no number.
    pub fn sparks(&self, n: usize) -> Vec<Option<f64>> {
        let size = self.points.len().div_ceil(n.max(1)).max(1).next_power_of_two();
        let mean = |points: &[Point]| {
            let numbers = points.iter().map(|point| point.value).filter(|value| value.is_finite());
            let (sum, count) = numbers.fold((0.0, 0), |(sum, count), value| (sum + value, count + 1));
            (count > 0).then(|| sum / f64::from(count))
        };
        self.points.chunks(size).map(mean).collect()
    }

    /// The last point at or before a place on an axis.
    pub fn at(&self, axis: Axis, x: f64) -> Option<&Point> {
        let end = self.points.partition_point(|point| point.x(axis) <= x);
        self.points[..end].last()
    }
}

fn add(slot: &mut Option<Bucket>, value: f64, after_gap: bool) {
    match slot {
        None => *slot = Some(Bucket { low: value, high: value, first: value, last: value, after_gap }),
        Some(bucket) => {
            bucket.low = bucket.low.min(value);
            bucket.high = bucket.high.max(value);
            bucket.last = value;
        }
    }
}

/// A quantity that has a curve.
#[derive(Clone, Copy, Debug, PartialEq, Eq, VariantArray)]
pub enum Metric {
    /// The whole loss.
    Loss,
    /// Its labeled part.
    Supervised,
    /// Its unlabeled part.
    Unsupervised,
    /// The learning rate.
    Lr,
    /// Share of pseudo-labels at or above the threshold.
    MaskRatio,
    /// Share of those that name the true class.
    PseudoLabels,
    /// Test accuracy of the averaged weights.
    TestEma,
    /// Test accuracy of the weights as trained.
    TestRaw,
    /// Images through the network a second.
    ImagesPerS,
}

impl Metric {
    /// All of them.
    pub const ALL: &[Self] = Self::VARIANTS;
}

/// The curves of a run: the fold of its events.
#[derive(Clone, Debug, Default)]
pub struct Curves {
    series: [Series; Metric::ALL.len()],
    first: Option<f64>,
}

impl Curves {
    /// The curve of a quantity.
    pub fn of(&self, metric: Metric) -> &Series {
        &self.series[metric as usize]
    }

    /// The same with at most about `most` points in each.
    #[must_use]
    pub fn outline(&self, most: usize) -> Self {
        Self { series: self.series.each_ref().map(|series| series.outline(most)), first: self.first }
    }

    /// Takes one more event into account.
    pub fn apply(&mut self, record: &Record) {
        let seconds = record.time - *self.first.get_or_insert(record.time);
        match &record.event {
            Event::Progress(progress) => {
                let point = |value| Point { step: progress.step as f64, seconds, value };
                self.push(Metric::Loss, point(progress.loss));
                self.push(Metric::Supervised, point(progress.loss_supervised));
                self.push(Metric::Unsupervised, point(progress.loss_unsupervised));
                self.push(Metric::Lr, point(progress.lr));
                self.push(Metric::MaskRatio, point(progress.mask_ratio.unwrap_or(f64::NAN)));
                self.push(Metric::PseudoLabels, point(progress.pseudo_label_accuracy.unwrap_or(f64::NAN)));
                self.push(Metric::ImagesPerS, point(progress.images_per_s));
            }
            Event::Evaluated(evaluated) => {
                let point = |value| Point { step: evaluated.step as f64, seconds, value };
                self.push(Metric::TestEma, point(evaluated.ema.accuracy));
                self.push(Metric::TestRaw, point(evaluated.raw.accuracy));
            }
            Event::Resumed { step } => {
                for series in &mut self.series {
                    series.rewind(*step as f64);
                }
            }
            _ => {}
        }
    }

    fn push(&mut self, metric: Metric, point: Point) {
        self.series[metric as usize].push(point);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn series(values: &[f64]) -> Series {
        let point = |(i, &value): (usize, &f64)| Point { step: i as f64, seconds: 10.0 * i as f64, value };
        Series { points: values.iter().enumerate().map(point).collect() }
    }

    #[test]
    fn a_spike_survives_any_number_of_columns() {
        let mut values = vec![1.0; 1000];
        (values[321], values[777]) = (9.0, -9.0);
        for n in [1, 7, 50, 2000] {
            let buckets: Vec<_> = series(&values).buckets(Axis::Step, 0.0, 999.0, n).into_iter().flatten().collect();
            assert_eq!(buckets.iter().map(|bucket| bucket.high).fold(0.0, f64::max), 9.0, "{n} columns");
            assert_eq!(buckets.iter().map(|bucket| bucket.low).fold(0.0, f64::min), -9.0, "{n} columns");
        }
    }

    #[test]
    fn a_missing_value_is_a_gap_in_the_line() {
        let buckets = series(&[1.0, 2.0, f64::NAN, 4.0]).buckets(Axis::Step, 0.0, 3.0, 4);
        let gaps: Vec<_> = buckets.iter().map(|bucket| bucket.map(|bucket| bucket.after_gap)).collect();
        assert_eq!(gaps, [Some(true), Some(false), None, Some(true)]);
    }

    #[test]
    fn smoothing_keeps_a_constant_and_does_not_depend_on_columns() {
        let smooth = series(&[2.0, 2.0, f64::INFINITY, 2.0]).smoothed(0.9);
        let values: Vec<_> = smooth.points().iter().map(|point| point.value).collect();
        assert!((values[0] - 2.0).abs() < 1e-12 && (values[3] - 2.0).abs() < 1e-12, "{values:?}");
        assert!(values[2].is_infinite());
        // by hand: (0.5·1·0.5 + 0.5·3) / 0.75
        assert!((series(&[1.0, 3.0]).smoothed(0.5).points()[1].value - 7.0 / 3.0).abs() < 1e-12);
    }

    #[test]
    fn a_new_point_moves_no_older_part_of_a_sparkline() {
        let values: Vec<f64> = (0..100).map(f64::from).collect();
        let (before, after) = (series(&values[..90]).sparks(20), series(&values).sparks(20));
        assert_eq!(before[..11], after[..11]);
        assert!(after.len() <= 20);
        assert_eq!(series(&[1.0, f64::NAN]).sparks(9), [Some(1.0), None]);
    }

    #[test]
    fn an_outline_has_both_ends_and_few_points() {
        for n in 1..40_usize {
            let whole = series(&(0..n).map(|i| i as f64).collect::<Vec<_>>());
            for most in [1, 3, 7, 100] {
                let outline = whole.outline(most);
                let points = outline.points();
                assert!(
                    points.len() <= most + 1 && points.windows(2).all(|two| two[0].step < two[1].step),
                    "{points:?}"
                );
                assert_eq!((points[0], points.last()), (whole.points()[0], whole.points().last()), "{n} to {most}");
            }
        }
        assert_eq!(series(&[]).outline(5), series(&[]));
    }

    #[test]
    fn a_place_on_the_axis_reads_the_last_point_before_it() {
        let series = series(&[5.0, 6.0, 7.0]);
        assert_eq!(series.at(Axis::Time, 19.0).map(|point| point.value), Some(6.0));
        assert_eq!(series.at(Axis::Step, -1.0), None);
        assert_eq!(series.extent(Axis::Step, 1.0, 5.0), Some((6.0, 7.0)));
    }

    #[test]
    fn a_resumed_run_takes_points_back() {
        let mut curves = Curves::default();
        for step in [10, 20, 30] {
            let progress = crate::run::event::Progress { step, ..Default::default() };
            curves.apply(&Record { time: step as f64, event: Event::Progress(progress) });
        }
        curves.apply(&Record { time: 40.0, event: Event::Resumed { step: 20 } });
        assert_eq!(curves.of(Metric::Loss).points().len(), 2);
        assert_eq!(curves.of(Metric::Loss).points()[1].seconds, 10.0);
    }
}
