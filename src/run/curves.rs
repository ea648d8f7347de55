//! Curves: the points of one quantity over a run, and what a chart of any width shows of them.
//!
//! A chart has far fewer columns than a run has points. A column therefore keeps the lowest and the highest of its
//! points, so that a spike is never hidden, and smoothing is computed on all points before columns are made. A value
//! that is missing or not finite is a gap. Knows no terminal; a run has at most some 50,000 points
//! ([`crate::config::RunConfig::validate`]), and so has a curve.

use std::borrow::Cow;
use std::ops::Range;

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

/// Where a point is.
#[derive(Clone, Copy, Debug, PartialEq)]
struct Place {
    step: f64,
    seconds: f64,
}

impl Place {
    fn x(&self, axis: Axis) -> f64 {
        match axis {
            Axis::Step => self.step,
            Axis::Time => self.seconds,
        }
    }
}

/// The points of one quantity, in the order of the steps: of its own, or part of a run's [`Curves`].
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Series<'a> {
    places: Cow<'a, [Place]>,
    values: Cow<'a, [f64]>,
}

impl Series<'_> {
    /// Adds the newest point.
    pub fn push(&mut self, point: Point) {
        self.places.to_mut().push(Place { step: point.step, seconds: point.seconds });
        self.values.to_mut().push(point.value);
    }

    /// The points.
    pub fn points(&self) -> impl DoubleEndedIterator<Item = Point> + ExactSizeIterator {
        self.in_range(0..self.values.len())
    }

    fn in_range(&self, range: Range<usize>) -> impl DoubleEndedIterator<Item = Point> + ExactSizeIterator + Clone {
        let (places, values) = (&self.places[range.clone()], &self.values[range]);
        places.iter().zip(values).map(|(place, value)| Point {
            step: place.step,
            seconds: place.seconds,
            value: *value,
        })
    }

    /// How many points come before a place on an axis.
    pub fn n_before(&self, axis: Axis, x: f64) -> usize {
        self.places.partition_point(|place| place.x(axis) < x)
    }

    fn n_up_to(&self, axis: Axis, x: f64) -> usize {
        self.places.partition_point(|place| place.x(axis) <= x)
    }

    /// The nth point.
    pub fn get(&self, n: usize) -> Option<Point> {
        (n < self.values.len()).then(|| self.in_range(n..n + 1).next()).flatten()
    }

    /// The newest point.
    pub fn newest(&self) -> Option<Point> {
        self.points().next_back()
    }

    /// The newest value, if it is a number.
    pub fn last(&self) -> Option<f64> {
        self.values.last().copied().filter(|value| value.is_finite())
    }

    /// The exponential moving average with weight `smoothing` in [0, 1) on the past, corrected for its start
    /// (Kingma and Ba, "Adam", 2015, section 3), so that a constant stays that constant. Gaps stay gaps.
    pub fn smoothed(&self, smoothing: f64) -> Vec<f64> {
        let (mut mean, mut weight) = (0.0, 0.0);
        let smooth = |&value: &f64| {
            if !value.is_finite() {
                return value;
            }
            mean = smoothing * mean + (1.0 - smoothing) * value;
            weight = smoothing * weight + (1.0 - smoothing);
            mean / weight
        };
        self.values.iter().map(smooth).collect()
    }

    /// Other values at the same places.
    #[must_use]
    pub fn with_values<'b>(&'b self, values: &'b [f64]) -> Series<'b> {
        Series { places: Cow::Borrowed(&self.places), values: Cow::Borrowed(values) }
    }

    /// The points between two places on an axis, both included.
    pub fn between(
        &self,
        axis: Axis,
        from: f64,
        to: f64,
    ) -> impl DoubleEndedIterator<Item = Point> + ExactSizeIterator + Clone {
        let start = self.n_before(axis, from);
        self.in_range(start..self.n_up_to(axis, to).max(start))
    }

    /// The same without the points after a step.
    #[must_use]
    pub fn until(&self, step: f64) -> Series<'_> {
        let end = self.n_up_to(Axis::Step, step);
        Series { places: Cow::Borrowed(&self.places[..end]), values: Cow::Borrowed(&self.values[..end]) }
    }

    /// The lowest and the highest number between two places on an axis.
    pub fn extent(&self, axis: Axis, from: f64, to: f64) -> Option<(f64, f64)> {
        let values = self.between(axis, from, to).map(|point| point.value).filter(|value| value.is_finite());
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
        let size = self.values.len().div_ceil(n.max(1)).max(1).next_power_of_two();
        let mean = |values: &[f64]| {
            let numbers = values.iter().filter(|value| value.is_finite());
            let (sum, count) = numbers.fold((0.0, 0), |(sum, count), value| (sum + value, count + 1));
            (count > 0).then(|| sum / f64::from(count))
        };
        self.values.chunks(size).map(mean).collect()
    }

    /// The last point at or before a place on an axis.
    pub fn at(&self, axis: Axis, x: f64) -> Option<Point> {
        self.in_range(0..self.n_up_to(axis, x)).next_back()
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

/// What a window measures, and what an evaluation does.
const OF_WINDOWS: [Metric; 7] = [
    Metric::Loss,
    Metric::Supervised,
    Metric::Unsupervised,
    Metric::Lr,
    Metric::MaskRatio,
    Metric::PseudoLabels,
    Metric::ImagesPerS,
];
const OF_EVALUATIONS: [Metric; 2] = [Metric::TestEma, Metric::TestRaw];

/// The points of quantities that are measured together, so that their places are kept once.
#[derive(Clone, Debug)]
struct Table<const N: usize> {
    places: Vec<Place>,
    values: [Vec<f64>; N],
}

impl<const N: usize> Default for Table<N> {
    fn default() -> Self {
        Self { places: Vec::new(), values: std::array::from_fn(|_| Vec::new()) }
    }
}

impl<const N: usize> Table<N> {
    fn push(&mut self, place: Place, values: [f64; N]) {
        self.places.push(place);
        for (column, value) in self.values.iter_mut().zip(values) {
            column.push(value);
        }
    }

    /// Drops every point after `step`, which a resumed run takes again.
    fn rewind(&mut self, step: f64) {
        let n = self.places.partition_point(|place| place.step <= step);
        self.places.truncate(n);
        self.values.iter_mut().for_each(|column| column.truncate(n));
    }

    fn column(&self, column: usize) -> Series<'_> {
        Series { places: Cow::Borrowed(&self.places), values: Cow::Borrowed(&self.values[column]) }
    }

    /// At most about `most` points: every second, third, … one, and the last.
    fn outline(&self, most: usize) -> Self {
        let n = self.places.len();
        let size = n.div_ceil(most.max(1)).max(1);
        let kept = || (0..n).step_by(size).chain(n.checked_sub(1).filter(|last| last % size > 0));
        Self {
            places: kept().map(|i| self.places[i]).collect(),
            values: self.values.each_ref().map(|column| kept().map(|i| column[i]).collect()),
        }
    }
}

/// The curves of a run: the fold of its events.
#[derive(Clone, Debug, Default)]
pub struct Curves {
    windows: Table<{ OF_WINDOWS.len() }>,
    evaluations: Table<{ OF_EVALUATIONS.len() }>,
    first: Option<f64>,
    /// Of the last event.
    seconds: f64,
}

impl Curves {
    /// The curve of a quantity.
    pub fn of(&self, metric: Metric) -> Series<'_> {
        let column = |of: &[Metric]| of.iter().position(|it| *it == metric);
        match column(&OF_EVALUATIONS) {
            Some(column) => self.evaluations.column(column),
            None => self.windows.column(column(&OF_WINDOWS).expect("each quantity is of one of them")),
        }
    }

    /// The same with at most about `most` points in each.
    #[must_use]
    pub fn outline(&self, most: usize) -> Self {
        let (windows, evaluations) = (self.windows.outline(most), self.evaluations.outline(most));
        Self { windows, evaluations, ..*self }
    }

    /// Takes one more event into account.
    pub fn apply(&mut self, record: &Record) {
        // a clock may be set back, or be another machine's; places on an axis go up
        let seconds = (record.time - *self.first.get_or_insert(record.time)).max(self.seconds);
        self.seconds = seconds;
        match &record.event {
            Event::Progress(it) => {
                let value = |metric| match metric {
                    Metric::Loss => it.loss,
                    Metric::Supervised => it.loss_supervised,
                    Metric::Unsupervised => it.loss_unsupervised,
                    Metric::Lr => it.lr,
                    Metric::MaskRatio => it.mask_ratio.unwrap_or(f64::NAN),
                    Metric::PseudoLabels => it.pseudo_label_accuracy.unwrap_or(f64::NAN),
                    Metric::ImagesPerS => it.images_per_s,
                    Metric::TestEma | Metric::TestRaw => f64::NAN,
                };
                self.windows.push(Place { step: it.step as f64, seconds }, OF_WINDOWS.map(value));
            }
            Event::Evaluated(it) => {
                let place = Place { step: it.step as f64, seconds };
                self.evaluations.push(place, [it.ema.accuracy, it.raw.accuracy]);
            }
            Event::Resumed { step } => {
                self.windows.rewind(*step as f64);
                self.evaluations.rewind(*step as f64);
            }
            _ => {}
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn series(values: &[f64]) -> Series<'_> {
        let place = |i| Place { step: i as f64, seconds: 10.0 * i as f64 };
        Series { places: (0..values.len()).map(place).collect(), values: Cow::Borrowed(values) }
    }

    /// A window's end, whose loss is its step.
    fn progress(step: usize) -> Record {
        let progress = crate::run::event::Progress { step: step as u64, loss: step as f64, ..Default::default() };
        Record { time: step as f64, event: Event::Progress(progress) }
    }

    #[test]
    fn each_quantity_has_its_own_values() {
        for metric in Metric::ALL {
            let is_of = OF_WINDOWS.contains(metric) != OF_EVALUATIONS.contains(metric);
            assert!(is_of, "{metric:?}");
        }
        let progress = crate::run::event::Progress {
            loss: 1.0,
            loss_supervised: 2.0,
            loss_unsupervised: 3.0,
            lr: 4.0,
            mask_ratio: Some(5.0),
            pseudo_label_accuracy: Some(6.0),
            images_per_s: 7.0,
            ..Default::default()
        };
        let mut evaluated = crate::run::event::Evaluated::default();
        (evaluated.ema.accuracy, evaluated.raw.accuracy) = (8.0, 9.0);
        let mut curves = Curves::default();
        for event in [Event::Progress(progress), Event::Evaluated(Box::new(evaluated))] {
            curves.apply(&Record { time: 0.0, event });
        }
        for (metric, expected) in [
            (Metric::Loss, 1.0),
            (Metric::Supervised, 2.0),
            (Metric::Unsupervised, 3.0),
            (Metric::Lr, 4.0),
            (Metric::MaskRatio, 5.0),
            (Metric::PseudoLabels, 6.0),
            (Metric::ImagesPerS, 7.0),
            (Metric::TestEma, 8.0),
            (Metric::TestRaw, 9.0),
        ] {
            assert_eq!(curves.of(metric).last(), Some(expected), "{metric:?}");
        }
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
        let values = series(&[2.0, 2.0, f64::INFINITY, 2.0]).smoothed(0.9);
        assert!((values[0] - 2.0).abs() < 1e-12 && (values[3] - 2.0).abs() < 1e-12, "{values:?}");
        assert!(values[2].is_infinite());
        // by hand: (0.5·1·0.5 + 0.5·3) / 0.75
        assert!((series(&[1.0, 3.0]).smoothed(0.5)[1] - 7.0 / 3.0).abs() < 1e-12);
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
        for n in 0..40_usize {
            let mut curves = Curves::default();
            for step in 1..=n {
                curves.apply(&progress(step));
            }
            for most in [1, 3, 7, 100] {
                let outline = curves.outline(most);
                let of = |curves: &Curves| curves.of(Metric::Loss).points().collect::<Vec<_>>();
                let (points, whole) = (of(&outline), of(&curves));
                assert!(
                    points.len() <= most + 1 && points.windows(2).all(|two| two[0].step < two[1].step),
                    "{points:?}"
                );
                assert_eq!((points.first(), points.last()), (whole.first(), whole.last()), "{n} to {most}");
                assert!(points.iter().all(|point| whole.contains(point)));
            }
        }
    }

    #[test]
    fn a_place_on_the_axis_reads_the_last_point_before_it() {
        let series = series(&[5.0, 6.0, 7.0]);
        assert_eq!(series.at(Axis::Time, 19.0).map(|point| point.value), Some(6.0));
        assert_eq!(series.at(Axis::Step, -1.0), None);
        assert_eq!(series.extent(Axis::Step, 1.0, 5.0), Some((6.0, 7.0)));
    }

    #[test]
    fn time_goes_on_where_another_machines_clock_is_behind() {
        let mut curves = Curves::default();
        for (step, time) in [(0, 100.0), (1, 160.0), (2, 40.0), (3, 170.0)] {
            curves.apply(&Record { time, ..progress(step) });
        }
        let seconds: Vec<f64> = curves.of(Metric::Loss).points().map(|point| point.seconds).collect();
        assert_eq!(seconds, [0.0, 60.0, 60.0, 70.0]);
    }

    #[test]
    fn a_resumed_run_takes_points_back() {
        let mut curves = Curves::default();
        for step in [10, 20, 30] {
            curves.apply(&progress(step));
        }
        curves.apply(&Record { time: 40.0, event: Event::Resumed { step: 20 } });
        let points: Vec<_> = curves.of(Metric::Loss).points().map(|point| (point.step, point.seconds)).collect();
        assert_eq!(points, [(10.0, 0.0), (20.0, 10.0)]);
    }
}
