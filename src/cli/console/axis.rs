//! Axes: where they end, and which numbers stand at them. Knows neither runs nor characters.
//!
//! An axis ends close to what it shows, but only at round numbers: a new point then mostly changes a few pixels, not the
//! whole picture, which is what a slow link needs. The vertical one stays as it is while it suits.

/// How values are laid out from bottom to top.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Scale {
    /// Around what is to be seen, from zero where that costs no more than half of the height.
    #[default]
    Fitted,
    /// From zero.
    FromZero,
    /// By powers of ten.
    Log,
}

impl Scale {
    /// The next one.
    pub fn next(self) -> Self {
        match self {
            Self::Fitted => Self::FromZero,
            Self::FromZero => Self::Log,
            Self::Log => Self::Fitted,
        }
    }

    /// As a user reads it.
    pub fn label(self) -> &'static str {
        match self {
            Self::FromZero => "from zero",
            Self::Fitted => "fitted",
            Self::Log => "log",
        }
    }
}

/// What an axis of steps ends at, times a power of ten: each less than a fifth above the number before it.
const ENDS: [f64; 14] = [1.0, 1.2, 1.4, 1.6, 1.9, 2.2, 2.6, 3.0, 3.6, 4.2, 5.0, 6.0, 7.0, 8.4];

/// The same for some seconds, minutes, hours or days below ten, so that the parts are whole seconds, minutes or hours.
const TIME_ENDS: [f64; 17] =
    [60., 70., 80., 90., 105., 120., 140., 160., 180., 210., 240., 270., 300., 360., 420., 480., 540.];

/// Seconds, minutes, hours, days.
const TIME_UNITS: [f64; 4] = [1.0, 60.0, 3600.0, 86_400.0];

/// Distances between the times that stand at an axis, up to a day.
const TIME_TICKS: [f64; 19] = [
    1.0, 2.0, 5.0, 10.0, 15.0, 30.0, 60.0, 120.0, 300.0, 600.0, 900.0, 1800.0, 3600.0, 7200.0, 10_800.0, 21_600.0,
    43_200.0, 86_400.0, 172_800.0,
];

/// A share of the height that curves must take at least, so that an axis is kept; a new one gives them a little more.
const LEAST: f64 = 0.5;
const WANTED: f64 = 0.65;

/// Values closer to each other than this part of them lie on one line: nobody wants their last digits magnified.
const FLAT: f64 = 1e-3;

/// Powers of ten of which a logarithmic axis shows no more.
const MOST_POWERS: i32 = 6;

/// Where an axis of steps ends: the first round number from `last` on, or `total` where that is less than a fifth away.
pub fn end_of_steps(last: f64, total: Option<f64>) -> f64 {
    let total = total.filter(|total| *total >= last);
    match total {
        _ if last <= 0.0 => total.unwrap_or(1.0).max(1.0),
        Some(total) if total < 1.2 * last => total,
        _ => round_up(last, 10_f64.powf(last.log10().floor()), &ENDS).ceil(),
    }
}

/// Where an axis of seconds ends: the first time in round seconds, minutes, hours or days from `last` on.
pub fn end_of_time(last: f64) -> f64 {
    let unit = TIME_UNITS.into_iter().rev().find(|unit| last >= *unit).unwrap_or(1.0);
    if last <= unit {
        return unit;
    }
    if unit > 1.0 && last <= 9.0 * unit {
        return round_up(last, unit / 60.0, &TIME_ENDS);
    }
    let next = TIME_UNITS.into_iter().find(|next| *next > unit).unwrap_or(f64::INFINITY);
    round_up(last, 10_f64.powf((last / unit).log10().floor()) * unit, &ENDS).min(next)
}

/// The first of some multiples of a number that is no less than `x`, which is less than ten times the first of them.
fn round_up(x: f64, of: f64, multiples: &[f64]) -> f64 {
    let fits = |end: &f64| *end >= x * (1.0 - 1e-12);
    multiples.iter().map(|multiple| multiple * of).find(fits).unwrap_or(10.0 * multiples[0] * of)
}

/// The distance between round numbers of which at most `n` fit into a stretch.
pub fn ticks(stretch: f64, n: usize, is_time: bool) -> f64 {
    let least = stretch / n.max(1) as f64;
    let of_time = TIME_TICKS.into_iter().find(|tick| is_time && *tick >= least);
    of_time.unwrap_or_else(|| {
        let power = 10_f64.powf(least.max(f64::MIN_POSITIVE).log10().floor());
        [1.0, 2.0, 5.0, 10.0].into_iter().map(|factor| factor * power).find(|tick| *tick >= least).unwrap_or(least)
    })
}

/// The vertical axis.
#[derive(Clone, Debug, PartialEq)]
pub struct Vertical {
    /// The value at the bottom.
    pub low: f64,
    /// The value at the top.
    pub high: f64,
    /// The values that stand at it, the lowest first.
    pub lines: Vec<f64>,
    /// Whether equal ratios are equal distances.
    pub is_log: bool,
}

impl Vertical {
    /// The axis for some values: the one before it, while it suits them.
    pub fn settled(before: Option<Self>, scale: Scale, values: impl Iterator<Item = f64> + Clone) -> Option<Self> {
        let is_log = scale == Scale::Log && values.clone().any(|value| value > 0.0 && value.is_finite());
        let extent =
            values.filter(|value| value.is_finite() && (!is_log || *value > 0.0)).fold(None, |extent, value| {
                let (low, high) = extent.unwrap_or((value, value));
                Some((value.min(low), value.max(high)))
            });
        let (low, high) = extent?;
        let low = match scale {
            Scale::FromZero => low.min(0.0),
            Scale::Log if is_log => low.max(high / 10_f64.powi(MOST_POWERS)),
            Scale::Fitted | Scale::Log => low,
        };
        let kept = before.filter(|it| it.is_log == is_log && it.suits(low, high));
        Some(kept.unwrap_or_else(|| if is_log { Self::logarithmic(low, high) } else { Self::fitted(low, high) }))
    }

    /// Round numbers around a stretch, from zero on where that costs no more than half of the height.
    fn fitted(low: f64, high: f64) -> Self {
        let most = low.abs().max(high.abs());
        if most < 1e-290 {
            return Self::linear(0.0, 1.0, 0.5);
        }
        if high - low <= FLAT * most {
            return if high > 0.0 { Self::fitted(0.0_f64.min(low), high) } else { Self::fitted(low, 0.0) };
        }
        let span = high - low;
        // from coarse to fine
        let power = 10_f64.powf(span.log10().ceil());
        let steps = || (0..3).flat_map(|n| [1.0, 0.5, 0.2].map(|part| part * power / 10_f64.powi(n)));
        let around = |low: f64, high: f64, step: f64| Self::linear(floor(low, step), ceil(high, step), step);
        let from_zero = (low > 0.0).then(|| steps().map(|step| around(0.0, high, step)));
        let used = |it: &Self| span / (it.high - it.low);
        let has_lines = |it: &Self| (3..13).contains(&it.lines.len());
        let reaches_up = |it: &Self| it.lines.len() < 8 && high >= WANTED * it.high;
        let from_zero =
            from_zero.and_then(|mut all| all.find(|it| has_lines(it) && used(it) >= LEAST - 1e-9 && reaches_up(it)));
        from_zero
            .or_else(|| steps().map(|step| around(low, high, step)).find(|it| has_lines(it) && used(it) >= WANTED))
            .unwrap_or_else(|| Self { low, high, lines: vec![low, high], is_log: false })
    }

    /// A line at every multiple of a step.
    fn linear(low: f64, high: f64, step: f64) -> Self {
        let (first, last) = ((low / step).round() as i64, (high / step).round() as i64);
        Self { low, high, lines: (first..=last).map(|i| i as f64 * step).collect(), is_log: false }
    }

    /// Round numbers around a positive stretch: powers of ten, or where that leaves too much room, numbers with more
    /// digits.
    fn logarithmic(low: f64, high: f64) -> Self {
        let is_flat = high / low < 1.0 + FLAT;
        let around = |digits: Vec<u32>| {
            let (low, high) = (round_digits(low, &digits, false), round_digits(high, &digits, true));
            let lines = between(low, if high > low { high } else { 10.0 * low }, &digits);
            Self { low: lines[0], high: lines[lines.len() - 1], lines, is_log: true }
        };
        let grids = [1..10, 10..100, 100..1000, 1000..10_000].map(Vec::from_iter);
        let grids = [vec![1], vec![1, 2, 5]].into_iter().chain(grids);
        let span = (high / low).log10();
        let fits = |it: &Self| is_flat || span / (it.high / it.low).log10() >= LEAST;
        let found = grids.map(around).find(fits);
        let mut axis = found.unwrap_or_else(|| Self { low, high, lines: vec![low, high], is_log: true });
        if axis.lines.len() < 3 {
            axis.lines = vec![axis.low, (axis.low * axis.high).sqrt(), axis.high];
        }
        axis
    }

    /// Whether it holds a stretch that takes enough of its height.
    fn suits(&self, low: f64, high: f64) -> bool {
        let most = low.abs().max(high.abs());
        let is_flat = high - low <= FLAT * most;
        let used = match self.is_log {
            true => (high / low).log10() / (self.high / self.low).log10(),
            false if is_flat => most / self.low.abs().max(self.high.abs()),
            false => (high - low) / (self.high - self.low),
        };
        self.low <= low && high <= self.high && used >= LEAST
    }

    /// Where a value lies, from 0 at the bottom to 1 at the top.
    pub fn share(&self, value: f64) -> f64 {
        let share = if self.is_log {
            (value.max(f64::MIN_POSITIVE) / self.low).log10() / (self.high / self.low).log10()
        } else {
            (value - self.low) / (self.high - self.low)
        };
        share.clamp(0.0, 1.0)
    }

    /// From one line to the next, on an axis that is not logarithmic.
    pub fn step(&self) -> f64 {
        self.lines[1] - self.lines[0]
    }
}

fn floor(x: f64, step: f64) -> f64 {
    (x / step + 1e-9).floor() * step
}

fn ceil(x: f64, step: f64) -> f64 {
    (x / step - 1e-9).ceil() * step
}

/// A positive number, up or down to some digits times a power of ten. All of them have equally many digits.
fn round_digits(x: f64, digits: &[u32], is_up: bool) -> f64 {
    let first = f64::from(digits[0]);
    let mut of = 10_f64.powf((x / first).log10().floor());
    // as rounding has it, x may lie at the next power already
    if x >= 10.0 * first * of * (1.0 - 1e-12) {
        of *= 10.0;
    }
    let all = || digits.iter().map(|digit| f64::from(*digit) * of);
    let (up, down) = (|it: &f64| *it >= x * (1.0 - 1e-12), |it: &f64| *it <= x * (1.0 + 1e-12));
    if is_up { all().find(up).unwrap_or(10.0 * first * of) } else { all().rev().find(down).unwrap_or(first * of) }
}

/// All numbers with such digits between two of them.
fn between(low: f64, high: f64, digits: &[u32]) -> Vec<f64> {
    let (low, high) = (low * (1.0 - 1e-9), high * (1.0 + 1e-9));
    let (from, to) = (low.log10().floor() as i32 - 4, high.log10().ceil() as i32);
    let all = (from..=to).flat_map(|power| digits.iter().map(move |digit| f64::from(*digit) * 10_f64.powi(power)));
    all.filter(|it| (low..=high).contains(it)).collect()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn settled(before: Option<Vertical>, scale: Scale, low: f64, high: f64) -> Vertical {
        Vertical::settled(before, scale, [low, f64::NAN, high, f64::INFINITY].into_iter()).expect("numbers")
    }

    fn used(axis: &Vertical, low: f64, high: f64) -> f64 {
        axis.share(high) - axis.share(low)
    }

    #[test]
    fn an_axis_of_steps_ends_at_a_round_number_less_than_a_fifth_away() {
        let cases = [
            (0.0, None, 1.0),
            (0.0, Some(500.0), 500.0),
            (7.0, Some(500.0), 7.0),
            (8.0, None, 9.0),
            (10.0, None, 10.0),
            (310.0, Some(500.0), 360.0),
            (361.0, Some(500.0), 420.0),
            (416.0, Some(500.0), 420.0),
            (420.0, Some(500.0), 500.0),
            (500.0, Some(500.0), 500.0),
            (501.0, Some(500.0), 600.0),
            (1_000_000.0, Some(1_048_576.0), 1_048_576.0),
        ];
        for (last, total, end) in cases {
            assert_eq!(end_of_steps(last, total), end, "{last} of {total:?}");
        }
    }

    #[test]
    fn an_axis_of_time_ends_at_round_seconds_minutes_hours_or_days() {
        let cases = [
            (0.0, 1.0),
            (0.4, 1.0),
            (11.0, 12.0),
            (52.0, 60.0),
            (61.0, 70.0),
            (605.0, 720.0),
            (3100.0, 3600.0),
            (3601.0, 4200.0),
            (80_000.0, 86_400.0),
            (90_000.0, 100_800.0),
            (864_001.0, 1_036_800.0),
        ];
        for (last, end) in cases {
            assert_eq!(end_of_time(last), end, "{last} s");
        }
    }

    #[test]
    fn a_growing_run_changes_the_end_of_its_axis_seldom() {
        let ends =
            |n: u64| (100..=n).map(|n| end_of_steps(n as f64, None) as u64).collect::<std::collections::BTreeSet<_>>();
        assert_eq!(ends(1000).len(), 15, "from a hundred to a thousand");
        let ends: std::collections::BTreeSet<_> = (60..86_400).map(|s| end_of_time(f64::from(s)) as u64).collect();
        assert!(ends.len() < 60, "{}", ends.len());
    }

    #[test]
    fn an_accuracy_between_20_and_40_percent_takes_the_upper_half_from_zero_and_more_where_it_lies_higher() {
        let ends = |low, high| {
            let axis = settled(None, Scale::Fitted, low, high);
            (axis.low, axis.high)
        };
        let cases = [
            ((0.2, 0.4), (0.0, 0.4)),
            ((0.05, 0.31), (0.0, 0.4)),
            ((0.905, 0.938), (0.9, 0.94)),
            ((0.1, 2.31), (0.0, 3.0)),
            ((0.0, 0.0), (0.0, 1.0)),
            ((0.5, 0.5), (0.0, 0.6)),
        ];
        for ((low, high), expected) in cases {
            let found = ends(low, high);
            let is_near = (found.0 - expected.0).abs() < 1e-12 && (found.1 - expected.1).abs() < 1e-12;
            assert!(is_near, "{low} to {high}: {found:?} instead of {expected:?}");
        }
    }

    #[test]
    fn a_vertical_axis_stays_while_curves_take_half_of_it() {
        let mut axis = None;
        let mut seen: Vec<Vertical> = Vec::new();
        for n in 1..=1000 {
            let next = settled(axis, Scale::Fitted, 0.1, 0.1 + 0.0008 * f64::from(n));
            if seen.last() != Some(&next) {
                seen.push(next.clone());
            }
            axis = Some(next);
        }
        assert!(seen.len() <= 20, "{seen:?}");
        let before = settled(None, Scale::Fitted, 0.0, 0.9);
        assert_eq!(settled(Some(before.clone()), Scale::Fitted, 0.0, 0.5), before);
        assert_ne!(settled(Some(before.clone()), Scale::Fitted, 0.0, 0.4), before);
        assert_ne!(settled(Some(before.clone()), Scale::Log, 0.1, 0.9), before);
    }

    #[test]
    fn a_logarithmic_axis_has_powers_of_ten_where_they_fit_and_leaves_out_what_has_no_logarithm() {
        let axis = settled(None, Scale::Log, 0.003, 2.0);
        assert_eq!((axis.low, axis.high, axis.lines.len()), (0.001, 10.0, 5));
        let axis = settled(None, Scale::Log, 0.3, 0.9);
        assert!(axis.low >= 0.2 && axis.high <= 1.0 && axis.lines.len() > 2, "{axis:?}");
        let axis = settled(None, Scale::Log, -1.0, 1.0);
        assert!(axis.is_log && axis.low > 0.0 && axis.share(0.0) == 0.0, "{axis:?}");
        assert!(!settled(None, Scale::Log, -1.0, 0.0).is_log);
        assert!(settled(None, Scale::Log, 1e-30, 1.0).low >= 1e-6 * 0.99);
        assert_eq!(Vertical::settled(None, Scale::Log, [f64::NAN].into_iter()), None);
    }

    proptest! {
        #[test]
        fn an_axis_of_any_last_step_ends_less_than_a_fifth_above_it(last in 1_u64..1 << 40, total in 1_u64..1 << 40) {
            for total in [None, Some(total as f64), Some(last as f64 + total as f64 % last as f64)] {
                let end = end_of_steps(last as f64, total);
                prop_assert!((last as f64..1.2 * last as f64).contains(&end), "{last} of {total:?}: {end}");
            }
            let seconds = last as f64 / 1000.0 + 1.0;
            let end = end_of_time(seconds);
            prop_assert!((seconds..1.2 * seconds).contains(&end), "{seconds} s: {end}");
        }

        #[test]
        fn a_vertical_axis_holds_any_stretch_in_at_least_half_of_its_height(
            mantissa in -1.0..1.0_f64, power in -12..12_i32, width in -2.9..5.9_f64,
        ) {
            let low = mantissa * 10_f64.powi(power);
            let high = low + low.abs() * 10_f64.powf(width);
            let scales = [Scale::Fitted, Scale::Log].into_iter().filter(|scale| low > 0.0 || *scale == Scale::Fitted);
            prop_assume!(low.abs() > 1e-200);
            for scale in scales {
                let axis = settled(None, scale, low, high);
                let slack = 1e-9 * (axis.high - axis.low);
                prop_assert!(axis.low <= low + slack && high <= axis.high + slack, "{low}..{high}: {axis:?}");
                prop_assert!(used(&axis, low, high) > 0.499, "{low}..{high} {scale:?}: {axis:?}");
                prop_assert!((3..400).contains(&axis.lines.len()), "{low}..{high}: {axis:?}");
                prop_assert!(axis.lines.is_sorted());
            }
        }
    }
}
