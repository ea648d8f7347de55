//! Tests of a difference between means, and their power.
//!
//! Distributions are statrs's; `tests/golden/stats.txt` holds what SciPy says of all of it. The noncentral t, which statrs lacks,
//! is an integral over the χ of its denominator.

use statrs::distribution::{Continuous as _, ContinuousCDF as _, Normal, StudentsT};
use statrs::function::erf::erfc;
use statrs::function::gamma::ln_gamma;

use crate::base::stats::mean_and_sd;

/// The level of all tests, and one minus the coverage of all intervals.
pub const ALPHA: f64 = 0.05;

/// The power that a plan of more seeds aims at.
pub const POWER: f64 = 0.8;

/// More seeds than anybody trains.
pub const MOST_SEEDS: u64 = 1000;

/// A test of whether a difference of means is other than zero.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct TTest {
    /// The difference.
    pub difference: f64,
    /// Its standard error.
    pub se: f64,
    /// Degrees of freedom.
    pub df: f64,
    /// Student's t; None where there is no spread to hold the difference against.
    pub t: Option<f64>,
    /// The two-sided p-value; None as above.
    pub p: Option<f64>,
    /// The interval that holds the true difference in 95 % of all studies.
    pub interval: (f64, f64),
}

/// Below this, values differ only in how they were rounded: equal differences of accuracies may differ in their last bits.
const ROUNDING: f64 = 1e-12;

impl TTest {
    fn new(difference: f64, se: f64, df: f64) -> Self {
        let se = if se > ROUNDING { se } else { 0.0 };
        let t = (se > 0.0).then(|| difference / se);
        let p = t.map(|t| two_sided(t, df));
        let half = if se > 0.0 { critical(df, ALPHA) * se } else { 0.0 };
        Self { difference, se, df, t, p, interval: (difference - half, difference + half) }
    }

    /// The paired test: of differences within pairs against zero. None of fewer than two.
    pub fn paired(differences: &[f64]) -> Option<Self> {
        let (mean, sd) = mean_and_sd(differences)?;
        let n = differences.len() as f64;
        Some(Self::new(mean, sd? / n.sqrt(), n - 1.0))
    }

    /// Welch's test of two samples of any variances, the second against the first. None if one has fewer than two values.
    pub fn welch(first: &[f64], second: &[f64]) -> Option<Self> {
        let ((mean_a, sd_a), (mean_b, sd_b)) = (mean_and_sd(first)?, mean_and_sd(second)?);
        let (n_a, n_b) = (first.len() as f64, second.len() as f64);
        let (se, df) = welch_error((sd_a?, n_a), (sd_b?, n_b));
        Some(Self::new(mean_b - mean_a, se, df))
    }
}

/// The standard error of a difference of means, and Welch's and Satterthwaite's degrees of freedom, of standard deviations and
/// numbers of values.
fn welch_error((sd_a, n_a): (f64, f64), (sd_b, n_b): (f64, f64)) -> (f64, f64) {
    let (a, b) = (sd_a * sd_a / n_a, sd_b * sd_b / n_b);
    let below = a * a / (n_a - 1.0) + b * b / (n_b - 1.0);
    let df = if below > 0.0 { (a + b).powi(2) / below } else { n_a + n_b - 2.0 };
    ((a + b).sqrt(), df)
}

fn student(df: f64) -> StudentsT {
    StudentsT::new(0.0, 1.0, df).expect("degrees of freedom are positive")
}

/// How likely a t at least as far from zero is, if there is no difference.
fn two_sided(t: f64, df: f64) -> f64 {
    (2.0 * student(df).sf(t.abs())).min(1.0)
}

/// The t that is exceeded to both sides with probability `alpha`.
pub fn critical(df: f64, alpha: f64) -> f64 {
    let student = student(df);
    let mut t = student.inverse_cdf(1.0 - alpha / 2.0);
    for _ in 0..3 {
        t += (student.sf(t) - alpha / 2.0) / student.pdf(t); // Newton: the library's own inverse has fewer digits
    }
    t
}

/// Holm's correction (1979): p-values that keep the chance of any false alarm among all of them.
pub fn holm(p: &[f64]) -> Vec<f64> {
    let mut order: Vec<usize> = (0..p.len()).collect();
    order.sort_by(|&i, &j| p[i].total_cmp(&p[j]));
    let (mut corrected, mut floor) = (vec![0.0; p.len()], 0.0_f64);
    for (rank, &i) in order.iter().enumerate() {
        floor = floor.max((p.len() - rank) as f64 * p[i]).min(1.0);
        corrected[i] = floor;
    }
    corrected
}

/// How likely a two-sided t-test at level `alpha` sees a difference of `noncentrality` standard errors.
pub fn power(noncentrality: f64, df: f64, alpha: f64) -> f64 {
    let (t, delta) = (critical(df, alpha), noncentrality.abs());
    let beyond = |s: f64| normal_cdf(delta - t * s) + normal_cdf(-delta - t * s);
    // s = √(V/df) with V ~ χ²(df); over u = ln s its density is smooth and falls off fast on both sides
    let ln_scale = std::f64::consts::LN_2 + df / 2.0 * (df / 2.0).ln() - ln_gamma(df / 2.0);
    let density = |u: f64| (ln_scale + df * u - df / 2.0 * (2.0 * u).exp()).exp();
    let width = 10.0 / (2.0 * df).sqrt();
    let (from, to) = (-40.0 / df - width, width.min(5.0));
    let n = 4000;
    let step = (to - from) / f64::from(n);
    let sum: f64 = (0..=n).map(|i| from + f64::from(i) * step).map(|u| density(u) * beyond(u.exp())).sum();
    (sum * step).clamp(0.0, 1.0)
}

fn normal_cdf(x: f64) -> f64 {
    0.5 * erfc(-x / std::f64::consts::SQRT_2)
}

/// What holds the true share in 95 % of all samples of this size, where `n_right` of `n` are right, by Wilson's method.
///
/// # Panics
/// If `n` is zero.
pub fn wilson(n_right: u64, n: u64) -> (f64, f64) {
    assert!(n > 0, "no share of nothing");
    let z = Normal::standard().inverse_cdf(1.0 - ALPHA / 2.0);
    let (share, n) = (n_right as f64 / n as f64, n as f64);
    let middle = (share + z * z / (2.0 * n)) / (1.0 + z * z / n);
    let half = z / (1.0 + z * z / n) * (share * (1.0 - share) / n + z * z / (4.0 * n * n)).sqrt();
    ((middle - half).max(0.0), (middle + half).min(1.0))
}

/// How many seeds a side has to have for the paired test to see differences of this mean and standard deviation with
/// [`POWER`]; None if more than [`MOST_SEEDS`].
pub fn seeds_paired(mean: f64, sd: f64) -> Option<u64> {
    least(|n| power(mean / (sd / n.sqrt()), n - 1.0, ALPHA))
}

/// The same for Welch's test, as many on each side.
pub fn seeds_welch(difference: f64, sd_a: f64, sd_b: f64) -> Option<u64> {
    least(|n| {
        let (se, df) = welch_error((sd_a, n), (sd_b, n));
        power(difference / se, df, ALPHA)
    })
}

fn least(power_of: impl Fn(f64) -> f64) -> Option<u64> {
    let is_enough = |n: u64| power_of(n as f64) >= POWER;
    if !is_enough(MOST_SEEDS) {
        return None;
    }
    let mut high = 2;
    while !is_enough(high) {
        high = (2 * high).min(MOST_SEEDS);
    }
    let mut low = if high == 2 { 1 } else { high / 2 };
    while high - low > 1 {
        let middle = u64::midpoint(low, high);
        if is_enough(middle) {
            high = middle;
        } else {
            low = middle;
        }
    }
    Some(high)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::rng::{Rng, Stream};

    /// What SciPy says, by `scripts/golden_stats.py`.
    const GOLDEN: &str = include_str!("../../tests/golden/stats.txt");

    fn close(found: f64, expected: f64, what: &str) {
        let scale = expected.abs().max(1.0);
        assert!((found - expected).abs() <= 1e-9 * scale, "{what}: {found} is not {expected}");
    }

    #[test]
    fn every_number_is_scipys() {
        let mut seen = std::collections::BTreeMap::<&str, usize>::new();
        for line in GOLDEN.lines().filter(|line| !line.starts_with('#')) {
            let parts: Vec<Vec<f64>> = line
                .split('|')
                .skip(1)
                .map(|part| part.split_whitespace().map(|it| it.parse().expect(line)).collect())
                .collect();
            let kind = line.split('|').next().unwrap_or_default();
            match (kind, &parts[..]) {
                ("paired", [differences, expected]) => compare(TTest::paired(differences), expected, line),
                ("welch", [a, b, expected]) => compare(TTest::welch(a, b), expected, line),
                ("holm", [p, expected]) => {
                    for (found, expected) in holm(p).into_iter().zip(expected) {
                        close(found, *expected, line);
                    }
                }
                ("wilson", [of, expected]) => {
                    let (low, high) = wilson(of[0] as u64, of[1] as u64);
                    close(low, expected[0], line);
                    close(high, expected[1], line);
                }
                ("power", [of, expected]) => close(power(of[0], of[1], of[2]), expected[0], line),
                ("seeds", [of, expected]) => {
                    assert_eq!(
                        seeds_paired(of[0], of[1]).map_or("nan".into(), |n| format!("{n}")),
                        expected[0].to_string().to_lowercase(),
                        "{line}"
                    );
                }
                _ => panic!("{line}"),
            }
            *seen.entry(kind).or_default() += 1;
        }
        assert!(seen.len() == 6 && seen.values().all(|n| *n >= 20), "{seen:?}");
    }

    fn compare(test: Option<TTest>, expected: &[f64], line: &str) {
        let test = test.expect(line);
        let found = [test.t.expect(line), test.p.expect(line), test.df, test.interval.0, test.interval.1];
        for (found, expected) in found.into_iter().zip(expected) {
            close(found, *expected, line);
        }
    }

    #[test]
    fn differences_that_are_equal_but_for_rounding_have_no_t() {
        let differences = [0.656 - 0.628, 0.692 - 0.664]; // 14 of 500 images each
        assert!(differences[0] != differences[1] && (differences[0] - 0.028_f64).abs() < 1e-9);
        let test = TTest::paired(&differences).expect("two pairs");
        assert_eq!((test.t, test.p, test.se), (None, None, 0.0));
    }

    #[test]
    fn one_value_is_no_sample_and_equal_values_have_no_t() {
        assert_eq!(TTest::paired(&[0.1]), None);
        assert_eq!(TTest::welch(&[0.1, 0.2], &[0.3]), None);
        let test = TTest::paired(&[0.5, 0.5, 0.5]).expect("three");
        assert_eq!((test.t, test.p, test.interval), (None, None, (0.5, 0.5)));
        assert_eq!(holm(&[]), Vec::<f64>::new());
    }

    /// So many that a share of 5 % comes out within ±0.7 %.
    const DRAWS: u32 = 4000;

    /// Accuracies with a mean and a standard deviation, normal by Box's and Muller's way.
    fn draw(rng: &mut Rng, n: usize, mean: f64, sd: f64) -> Vec<f64> {
        let normal =
            |rng: &mut Rng| (-2.0 * (1.0 - rng.unit()).ln()).sqrt() * (std::f64::consts::TAU * rng.unit()).cos();
        (0..n).map(|_| mean + sd * normal(rng)).collect()
    }

    /// The share of so many draws in which a difference is seen.
    fn alarms(n: usize, effect: f64, seed: u64, test: impl Fn(&[f64], &[f64]) -> Option<TTest>) -> f64 {
        let mut rng = Rng::new(seed, Stream::LabelSet, n as u64, 0);
        let seen = (0..DRAWS).filter(|_| {
            let (a, b) = (draw(&mut rng, n, 0.5, 0.02), draw(&mut rng, n, 0.5 + effect, 0.02));
            test(&a, &b).and_then(|test| test.p).is_some_and(|p| p < ALPHA)
        });
        seen.count() as f64 / f64::from(DRAWS)
    }

    fn paired(a: &[f64], b: &[f64]) -> Option<TTest> {
        TTest::paired(&a.iter().zip(b).map(|(a, b)| b - a).collect::<Vec<_>>())
    }

    #[test]
    fn at_most_six_in_a_hundred_comparisons_of_a_configuration_with_itself_are_alarms() {
        for n in [2, 3, 5, 20] {
            let found = [alarms(n, 0.0, 1, paired), alarms(n, 0.0, 1, TTest::welch)];
            assert!(found.iter().all(|share| *share <= 0.06), "{n} seeds: {found:?}");
        }
    }

    #[test]
    fn a_difference_is_seen_as_often_as_the_power_says() {
        for (n, effect) in [(3, 0.08), (5, 0.04), (5, 0.06), (20, 0.02)] {
            let n_of = n as f64;
            let sd = 0.02 * 2.0_f64.sqrt();
            let expected = power(effect / (sd / n_of.sqrt()), n_of - 1.0, ALPHA);
            let found = alarms(n, effect, 2, paired);
            assert!((found - expected).abs() < 0.02, "{n} seeds, {effect}: {found}, not {expected}");
        }
    }
}
