//! Curves of a group of runs as one: the mean, and how far seeds lie apart around it.

use anyhow::Result;

use crate::base::stats::mean_and_sd;
use crate::compare::experiment::Experiment;
use crate::compare::groups::Group;
use crate::run::curves::{Axis, Curves, Metric, Series};
use crate::run::event::Evaluated;
use crate::run::log::read_all;
use crate::run::state::RunState;

/// A band has at most so many points: more than a figure has pixels nobody sees.
const MOST_POINTS: usize = 400;

/// What the log of a run tells.
#[derive(Clone, Debug)]
pub struct Logged {
    /// Its curves.
    pub curves: Curves,
    /// Its last evaluation.
    pub last: Option<Evaluated>,
    /// The names of its classes.
    pub classes: Vec<String>,
}

/// A place on an axis, and what the runs of a group come to there.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Place {
    /// Steps, or seconds.
    pub x: f64,
    /// The mean of the runs.
    pub mean: f64,
    /// The sample's standard deviation; None of one run.
    pub sd: Option<f64>,
}

impl Logged {
    /// Reads the log of a run.
    pub fn read(run: &Experiment) -> Result<Self> {
        let (mut curves, mut state) = (Curves::default(), RunState::default());
        for record in &read_all(&run.row.dir.events())? {
            curves.apply(record);
            state.apply(record);
        }
        let last = state.evaluations.into_iter().rev().find(|evaluated| !evaluated.requested);
        let classes = state.started.map_or_else(Vec::new, |it| it.classes.iter().map(ToString::to_string).collect());
        Ok(Self { curves, last, classes })
    }

    /// The logs of the runs of a group that count, of all where none does.
    pub fn of_group(group: &Group) -> Result<Vec<Self>> {
        let counting: Vec<_> = group.runs.iter().collect();
        let others = group.left_out.iter().map(|(run, _)| run);
        let runs = if counting.is_empty() { others.collect() } else { counting };
        runs.into_iter().map(Self::read).collect()
    }
}

/// The band of a quantity over the curves of a group, as far as all of them go.
pub fn band<'a>(curves: impl IntoIterator<Item = &'a Curves>, metric: Metric, axis: Axis) -> Vec<Place> {
    let mut series: Vec<Series> = curves.into_iter().map(|curves| numbers(curves.of(metric))).collect();
    series.retain(|series| series.points().len() > 0);
    let from = series.iter().filter_map(|series| Some(series.points().next()?.x(axis))).reduce(f64::max);
    let to = series.iter().filter_map(|series| Some(series.newest()?.x(axis))).reduce(f64::min);
    let (Some(from), Some(to)) = (from, to) else { return Vec::new() };
    let Some(first) = series.first().filter(|_| from <= to) else { return Vec::new() };
    let own: Vec<f64> = first.between(axis, from, to).map(|point| point.x(axis)).collect();
    let size = own.len().div_ceil(MOST_POINTS).max(1);
    let mut places: Vec<f64> = own.iter().step_by(size).copied().collect();
    if places.last() != Some(&to) {
        places.push(to);
    }
    let place = |x: f64| {
        let values: Vec<f64> = series.iter().filter_map(|series| value_at(series, axis, x)).collect();
        mean_and_sd(&values).map(|(mean, sd)| Place { x, mean, sd })
    };
    places.into_iter().filter_map(place).collect()
}

/// The points that are numbers.
fn numbers(series: Series) -> Series {
    if series.points().all(|point| point.value.is_finite()) {
        return series;
    }
    let mut numbers = Series::default();
    series.points().filter(|point| point.value.is_finite()).for_each(|point| numbers.push(point));
    numbers
}

/// The value on the straight line between the points before and after a place; None before the first and after the last.
pub fn value_at(series: &Series, axis: Axis, x: f64) -> Option<f64> {
    let after = series.n_before(axis, x);
    let right = series.get(after)?;
    if after == 0 && right.x(axis) > x {
        return None;
    }
    let Some(left) = after.checked_sub(1).and_then(|before| series.get(before)).filter(|_| right.x(axis) > x) else {
        return Some(right.value);
    };
    let share = (x - left.x(axis)) / (right.x(axis) - left.x(axis));
    Some(left.value + share * (right.value - left.value))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::run::event::{Evaluation, Event, Record};

    fn log(points: &[(u64, f64, f64)]) -> Logged {
        let mut logged = Logged { curves: Curves::default(), last: None, classes: Vec::new() };
        for &(step, time, accuracy) in points {
            let ema = Evaluation { accuracy, ..Evaluation::default() };
            let evaluated = Evaluated { step, ema, ..Evaluated::default() };
            logged.curves.apply(&Record { time, event: Event::Evaluated(Box::new(evaluated)) });
        }
        logged
    }

    fn of(logs: &[Logged]) -> impl Iterator<Item = &Curves> {
        logs.iter().map(|log| &log.curves)
    }

    #[test]
    fn a_band_is_mean_and_spread_where_all_runs_are() {
        let logs = [
            log(&[(10, 0.0, 0.2), (20, 10.0, 0.4), (30, 20.0, 0.6)]),
            log(&[(10, 0.0, 0.4), (20, 5.0, f64::NAN), (30, 10.0, 0.8)]),
        ];
        let found = band(of(&logs), Metric::TestEma, Axis::Step);
        let expected = [(10.0, 0.3), (20.0, 0.5), (30.0, 0.7)]; // the gap lies on the line between its neighbours
        for (place, (x, mean)) in found.iter().zip(expected) {
            assert!(place.x == x && (place.mean - mean).abs() < 1e-12, "{found:?}");
            assert!(place.sd.is_some_and(|sd| (sd - 0.02_f64.sqrt()).abs() < 1e-12), "{found:?}");
        }
        let found = band(of(&logs), Metric::TestEma, Axis::Time);
        assert_eq!(found.iter().map(|place| place.x).collect::<Vec<_>>(), [0.0, 10.0]);
        assert_eq!(band(of(&logs[..1]), Metric::TestEma, Axis::Step)[0].sd, None);
        assert_eq!(band(of(&[]), Metric::TestEma, Axis::Step), []);
        assert_eq!(band(of(&logs), Metric::Loss, Axis::Step), []);
    }

    #[test]
    fn a_long_curve_keeps_both_of_its_ends() {
        let points: Vec<_> = (0..5000).map(|i| (i, 0.0, 0.5)).collect();
        let found = band(of(&[log(&points)]), Metric::TestEma, Axis::Step);
        assert!(found.len() <= MOST_POINTS + 1, "{}", found.len());
        assert_eq!((found[0].x, found[found.len() - 1].x), (0.0, 4999.0));
    }
}
