//! The moment of a run that its screens show: the newest, or one at which they are frozen.

use fixmatch::run::curves::{Axis, Metric, Series};
use fixmatch::run::event::{Compared, Evaluated};
use fixmatch::run::pseudo::alarm::Alarm;

use super::OpenRun;

impl OpenRun {
    /// The newest evaluation of the moment that is shown.
    pub fn evaluation(&self) -> Option<&Evaluated> {
        self.evaluations().last()
    }

    /// How far the networks agreed at the moment that is shown, where there are no test images.
    pub fn comparison(&self) -> Option<&Compared> {
        let all = &self.state.comparisons;
        all.iter().rfind(|it| self.moment.is_none_or(|moment| it.step <= moment))
    }

    /// The evaluations up to the moment that is shown.
    pub fn evaluations(&self) -> &[Evaluated] {
        let all = &self.state.evaluations;
        let n = self.moment.map_or(all.len(), |moment| all.partition_point(|it| it.step <= moment));
        &all[..n]
    }

    /// The last alarm up to the moment that is shown.
    pub fn alarm(&self) -> Option<&Alarm> {
        self.state.alarms.iter().rev().find(|it| self.moment.is_none_or(|moment| it.step <= moment))
    }

    /// A curve's value at the moment that is shown, if it is a number.
    pub fn value(&self, metric: Metric) -> Option<f64> {
        let series = self.curves.of(metric);
        match self.moment {
            Some(moment) => series.at(Axis::Step, moment as f64).map(|point| point.value).filter(|it| it.is_finite()),
            None => series.last(),
        }
    }

    /// The parts of a sparkline of at most `n` columns that ends at the moment that is shown.
    pub fn sparks(&self, series: &Series, n: usize) -> Vec<Option<f64>> {
        self.moment.map_or_else(|| series.sparks(n), |moment| series.until(moment as f64).sparks(n))
    }

    /// Freezes the screens at a step.
    pub fn freeze(&mut self, step: u64) {
        self.moment = Some(step);
        self.charts.cursor = match self.charts.axis {
            Axis::Step => Some(step as f64),
            Axis::Time => self.curves.of(Metric::Loss).at(Axis::Step, step as f64).map(|point| point.seconds),
        };
    }

    /// Shows the newest again.
    pub fn thaw(&mut self) {
        (self.moment, self.charts.cursor) = (None, None);
    }

    /// Takes the moment from the charts' cursor, if the screens are frozen.
    pub fn follow_cursor(&mut self) {
        if let (Some(moment), Some(x)) = (&mut self.moment, self.charts.cursor) {
            let point = self.curves.of(Metric::Loss).at(self.charts.axis, x);
            *moment =
                if self.charts.axis == Axis::Step { x as u64 } else { point.map_or(0, |point| point.step as u64) };
        }
    }

    /// Goes by so many of the moments at which something was recorded, to the first at most; past the last it goes on.
    pub fn scrub(&mut self, by: isize) {
        let moments = self.moments();
        let now = self.moment.unwrap_or(u64::MAX);
        let (n_before, n_until) =
            (moments.partition_point(|step| *step < now), moments.partition_point(|step| *step <= now));
        if by < 0 && n_before > 0 {
            self.freeze(moments[n_before.saturating_sub(by.unsigned_abs())]);
        } else if by > 0 && n_until < moments.len() {
            self.freeze(moments[(n_until + by as usize - 1).min(moments.len() - 1)]);
        } else if by > 0 {
            self.thaw();
        }
    }

    /// A tenth of the moments that it can go to.
    pub fn tenth(&self) -> isize {
        (self.moments().len() / 10).max(1) as isize
    }

    /// The steps at which something was recorded.
    fn moments(&self) -> Vec<u64> {
        let insights = self.state.insights.iter().map(|pointer| pointer.step);
        let mut moments: Vec<u64> = insights.chain(self.state.evaluations.iter().map(|it| it.step)).collect();
        moments.sort_unstable();
        moments.dedup();
        moments
    }
}

#[cfg(test)]
mod tests {
    use fixmatch::run::insight::{Kind, Pointer};

    use super::super::Reading;
    use super::*;
    use crate::console::sample;

    #[test]
    fn a_frozen_run_shows_its_moment_and_goes_on() {
        let mut run = sample::run();
        let newest = run.evaluation().map(|it| it.step);
        run.scrub(-1);
        run.scrub(-1);
        assert_eq!((run.moment, run.evaluation().map(|it| it.step)), (Some(250), Some(250)));
        assert_eq!(run.charts.cursor, Some(250.0));
        run.charts.cursor = Some(120.4);
        run.follow_cursor();
        assert_eq!((run.moment, run.evaluation().map(|it| it.step)), (Some(120), Some(100)));
        assert_eq!(run.sparks(&run.curves.of(Metric::Loss), 100).len(), 12, "one for each window so far");
        run.take(
            Reading { records: sample::records(40).split_off(sample::records(31).len()), ..Reading::default() },
            1.0,
        );
        assert_eq!(run.moment, Some(120));
        run.thaw();
        assert!(run.evaluation().map(|it| it.step) >= newest);
    }

    #[test]
    fn a_frozen_run_is_moved_by_a_tenth_of_its_moments_and_past_the_last_goes_on() {
        let mut run = sample::run();
        let pointer = |step| Pointer { step, record: Kind::Histogram, offset: 0, n_bytes: 1 };
        run.state.evaluations.clear();
        run.state.insights = (1..=40).map(|i| pointer(10 * i)).collect();
        let moments = [-1, -run.tenth(), -run.tenth(), 1, -99, -1, run.tenth(), 99, 1].map(|by| {
            run.scrub(by);
            run.moment
        });
        let expected = [400, 360, 320, 330, 10, 10, 50, 400].map(Some);
        assert_eq!((&moments[..8], moments[8]), (&expected[..], None));
    }
}
