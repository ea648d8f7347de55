//! How a run's curves are looked at: which charts, how far, on which axes. Knows the curves, but not the screen.

use fixmatch::run::curves::{Axis, Curves, Metric, Series};

use super::axis::{Scale, Vertical, end_of_steps, end_of_time};
use crate::words::numbers::Unit;

/// Curves that share axes.
#[derive(Clone, Copy, Debug)]
pub struct Chart {
    /// Its name.
    pub title: &'static str,
    /// Its curves.
    pub curves: &'static [(Metric, &'static str)],
    /// How its values are written.
    pub unit: Unit,
}

/// Every chart, in the order in which they are shown: in the list of values, in the grid, by Tab.
pub const CHARTS: &[Chart] = &[
    Chart {
        title: "loss",
        curves: &[(Metric::Loss, "total"), (Metric::Supervised, "supervised"), (Metric::Unsupervised, "unsupervised")],
        unit: Unit::Number,
    },
    Chart {
        title: "pseudo-labels",
        curves: &[(Metric::MaskRatio, "mask ratio"), (Metric::PseudoLabels, "accuracy")],
        unit: Unit::Percent,
    },
    Chart {
        title: "test accuracy",
        curves: &[(Metric::TestEma, "EMA"), (Metric::TestRaw, "raw")],
        unit: Unit::Percent,
    },
    Chart { title: "learning rate", curves: &[(Metric::Lr, "rate")], unit: Unit::Number },
];

/// What can have the focus: the charts, then the classes.
pub const N_PANELS: usize = CHARTS.len() + 1;

/// One chart or all.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Layout {
    /// All that fit.
    #[default]
    Grid,
    /// The one in focus.
    Single,
}

/// Weights on the past to choose from.
const SMOOTHINGS: [f64; 4] = [0.0, 0.6, 0.9, 0.97];

/// How many times a view can be halved.
const MAX_ZOOM: u32 = 14;

/// The view of the charts.
#[derive(Clone, Debug, Default)]
pub struct Charts {
    /// The panel in focus.
    pub focus: usize,
    /// One or all.
    pub layout: Layout,
    /// Steps or time.
    pub axis: Axis,
    /// From bottom to top.
    pub scale: Scale,
    /// Where values are read.
    pub cursor: Option<f64>,
    smoothing: usize,
    /// How many times the whole was halved.
    zoom: u32,
    /// The left end of what is seen; None follows the newest point.
    from: Option<f64>,
    /// Where the whole ends: while the run goes on at a round number, so that it seldom moves.
    end: f64,
    last: f64,
    /// The values of each quantity.
    smooth: Vec<Vec<f64>>,
    verticals: [Option<Vertical>; CHARTS.len()],
}

impl Charts {
    /// Takes note of new points. `steps` is how many there will be; none come any more where the run has ended.
    pub fn follow(&mut self, curves: &Curves, steps: Option<u64>, has_ended: bool) {
        let newest = |metric| curves.of(metric).newest().map_or(0.0, |point| point.x(self.axis));
        self.last = newest(Metric::Loss).max(newest(Metric::TestEma));
        self.end = match self.axis {
            _ if has_ended && self.last > 0.0 => self.last,
            Axis::Step => end_of_steps(self.last, steps.map(|steps| steps as f64)),
            Axis::Time => end_of_time(self.last),
        };
        let weight = self.smoothing();
        self.smooth.clear();
        if weight > 0.0 {
            self.smooth.extend(Metric::ALL.iter().map(|&metric| curves.of(metric).smoothed(weight)));
        }
    }

    /// The weight on the past.
    pub fn smoothing(&self) -> f64 {
        SMOOTHINGS[self.smoothing]
    }

    /// The curve of a quantity, smoothed where smoothing is on.
    pub fn smooth<'a>(&'a self, metric: Metric, curve: &'a Series) -> Series<'a> {
        self.smooth.get(metric as usize).map_or_else(|| curve.until(f64::INFINITY), |values| curve.with_values(values))
    }

    /// Fits the vertical axes to what is seen; each stays as it is while it suits.
    pub fn settle(&mut self, curves: &Curves) {
        let ((from, to), axis) = (self.range(), self.axis);
        for (vertical, chart) in self.verticals.iter_mut().zip(CHARTS) {
            let series: Vec<_> = chart.curves.iter().map(|(metric, _)| curves.of(*metric)).collect();
            let points = series.iter().flat_map(|series| series.between(axis, from, to));
            *vertical = Vertical::settled(vertical.take(), self.scale, points.map(|point| point.value));
        }
    }

    /// The vertical axis of a chart; None without any number in sight.
    pub fn vertical(&self, chart: usize) -> Option<&Vertical> {
        self.verticals.get(chart)?.as_ref()
    }

    /// The stretch that is seen.
    pub fn range(&self) -> (f64, f64) {
        let width = self.width();
        let follows = || {
            // By quarters, so that following redraws the whole now and then rather than at each point.
            let quarter = width / 4.0;
            let from = ((self.last / quarter).floor() - 3.0).max(0.0) * quarter;
            self.bounded(from)
        };
        let from = self.from.unwrap_or_else(|| if self.zoom == 0 { 0.0 } else { follows() });
        (from, from + width)
    }

    fn width(&self) -> f64 {
        self.end.max(1.0) / f64::from(1_u32 << self.zoom)
    }

    /// Halves or doubles what is seen, around the cursor or the newest point.
    pub fn zoom(&mut self, by: i32) {
        let (from, to) = self.range();
        let centre = self.cursor;
        let share = centre.map(|x| (x - from) / (to - from));
        self.zoom = self.zoom.saturating_add_signed(by).min(MAX_ZOOM);
        self.from = match (centre, share) {
            _ if self.zoom == 0 => None,
            (Some(x), Some(share)) => Some(self.bounded(x - share * self.width())),
            _ => self.from.map(|from| self.bounded(from)),
        };
    }

    /// Moves what is seen by a quarter of it.
    pub fn pan(&mut self, by: f64) {
        if self.zoom > 0 {
            let from = self.range().0 + by * self.width() / 4.0;
            let newest = self.last - self.width();
            self.from = (from < newest).then(|| self.bounded(from));
        }
    }

    fn bounded(&self, from: f64) -> f64 {
        from.clamp(0.0, (self.end - self.width()).max(0.0))
    }

    /// Moves the cursor by an eightieth of what is seen; the first time it appears at the newest point.
    pub fn move_cursor(&mut self, by: f64) {
        let (from, to) = self.range();
        let x = match self.cursor {
            Some(x) => x + by * (to - from) / 80.0,
            None => self.last,
        };
        self.cursor = Some(x.clamp(from, to));
    }

    /// Puts the cursor at a share of what is seen.
    pub fn put_cursor(&mut self, share: f64) {
        let (from, to) = self.range();
        self.cursor = Some(from + share.clamp(0.0, 1.0) * (to - from));
    }

    /// The whole run and no cursor.
    pub fn reset(&mut self) {
        (self.zoom, self.from, self.cursor) = (0, None, None);
    }

    /// Whether all of the run is seen.
    pub fn is_whole(&self) -> bool {
        self.zoom == 0
    }

    /// Goes to the next weight on the past.
    pub fn next_smoothing(&mut self) {
        self.smoothing = (self.smoothing + 1) % SMOOTHINGS.len();
    }

    /// Goes to the other axis.
    pub fn switch_axis(&mut self) {
        self.axis = match self.axis {
            Axis::Step => Axis::Time,
            Axis::Time => Axis::Step,
        };
        self.reset();
    }

    /// Goes some panels on.
    pub fn next(&mut self, by: isize) {
        self.focus = (self.focus as isize + by).rem_euclid(N_PANELS as isize) as usize;
    }
}

#[cfg(test)]
mod tests {
    use fixmatch::run::event::{Event, Progress, Record};

    use super::*;

    fn followed(last: u64, steps: Option<u64>) -> Charts {
        let mut curves = Curves::default();
        for step in [0, last] {
            let progress = Progress { step, ..Progress::default() };
            curves.apply(&Record { time: step as f64, event: Event::Progress(progress) });
        }
        let mut charts = Charts::default();
        charts.follow(&curves, steps, false);
        charts
    }

    #[test]
    fn the_axis_ends_at_a_round_number_and_with_the_run() {
        assert_eq!(followed(10, None).range(), (0.0, 10.0));
        assert_eq!(followed(65, Some(1 << 20)).range(), (0.0, 70.0));
        assert_eq!(followed(430, Some(500)).range(), (0.0, 500.0));
        let mut curves = Curves::default();
        curves.apply(&Record { time: 0.0, event: Event::Progress(Progress { step: 307, ..Progress::default() }) });
        let mut charts = Charts::default();
        charts.follow(&curves, Some(500), true);
        assert_eq!(charts.range(), (0.0, 307.0), "a run that has ended");
    }

    #[test]
    fn zooming_keeps_the_cursor_in_its_place_and_comes_back() {
        let mut charts = followed(1000, Some(1 << 20));
        charts.cursor = Some(250.0);
        charts.zoom(1);
        assert_eq!(charts.range(), (125.0, 625.0));
        charts.zoom(-1);
        assert_eq!(charts.range(), (0.0, 1000.0));
    }

    #[test]
    fn without_a_cursor_zooming_follows_the_newest_point() {
        let mut charts = followed(1000, Some(1 << 20));
        charts.zoom(1);
        charts.zoom(1);
        let (from, to) = charts.range();
        assert!(from <= 1000.0 && 1000.0 <= to && to - from == 250.0, "{from}..{to}");
        charts.pan(-1.0);
        assert!(charts.range().0 < from);
        charts.reset();
        assert_eq!(charts.range(), (0.0, 1000.0));
    }
}
