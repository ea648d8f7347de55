//! What histograms of pseudo-labels say: how many are accepted, how many of those are right, how the classes share them,
//! and what another threshold would have accepted.
//!
//! What-ifs tell what another τ or another policy would have accepted of what the network said. They do not tell what
//! the network would have learned with it. Knows no terminal; the alarms are in [`alarm`].

pub mod alarm;

use anyhow::{Result, bail};

use crate::config::Policy;
use crate::run::insight::{Count, EDGES, Histogram, Judged, N_BINS};

/// Which pseudo-labels count.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub enum Threshold {
    /// Those that training accepted.
    #[default]
    InForce,
    /// Those from this edge of the bins on, see [`EDGES`].
    Edge(usize),
    /// Those that this policy would have accepted, by what it saw of the run.
    Policy(Policy),
}

impl Threshold {
    /// The threshold τ, which must be an edge of the bins below 1: between edges nothing is known.
    pub fn at(tau: f64) -> Result<Self> {
        let below = EDGES.iter().rposition(|edge| edge - 1e-9 <= tau).filter(|_| (0.0..=1.0).contains(&tau));
        match below {
            Some(edge) if (EDGES[edge] - tau).abs() < 1e-9 && edge < N_BINS => Ok(Self::Edge(edge)),
            Some(edge) if edge < N_BINS => bail!(
                "the histograms count between edges, and {tau} is none; the nearest ones are {} and {}",
                EDGES[edge],
                EDGES[edge + 1]
            ),
            Some(_) => bail!("nothing is more probable than 1; the highest edge below is {}", EDGES[N_BINS - 1]),
            None => bail!("τ must be in [0, 1], not {tau}"),
        }
    }

    /// What the policy that it stands for made of a histogram's pseudo-labels, if it is one that was watched.
    pub fn judged(self, histogram: &Histogram) -> Option<&Judged> {
        match self {
            Self::InForce => histogram.decided(),
            Self::Edge(_) => None,
            Self::Policy(policy) => histogram.judged_by(policy),
        }
    }

    /// From which confidence on a pseudo-label of a class counts fully.
    pub fn of_class(self, histogram: &Histogram, class: usize) -> Option<f64> {
        match self {
            Self::InForce => histogram.decided().map_or(Some(histogram.threshold), |judged| judged.threshold(class)),
            Self::Edge(edge) => Some(EDGES[edge]),
            Self::Policy(policy) => histogram.judged_by(policy)?.threshold(class),
        }
    }
}

/// What each class is expected to have of the accepted pseudo-labels.
#[derive(Clone, Debug, PartialEq)]
pub struct Expected {
    /// Its share, for each class.
    pub shares: Vec<f64>,
    /// Where that comes from.
    pub basis: Basis,
}

/// Where the expected shares come from.
#[derive(Clone, Copy, Debug, PartialEq, Eq, serde::Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Basis {
    /// All the same.
    Uniform,
    /// The classes of the labeled images, which are not all equally many.
    LabelSet,
}

impl Expected {
    /// From how many labeled images each class has: uniform unless these differ.
    pub fn of(labeled: &[u64], n_classes: usize) -> Self {
        let total: u64 = labeled.iter().sum();
        let is_uniform = labeled.len() != n_classes || labeled.iter().all(|n| *n == labeled[0]);
        if is_uniform {
            return Self { shares: vec![1.0 / n_classes.max(1) as f64; n_classes], basis: Basis::Uniform };
        }
        Self { shares: labeled.iter().map(|&n| n as f64 / total as f64).collect(), basis: Basis::LabelSet }
    }
}

/// The pseudo-labels that name one class.
#[derive(Clone, Debug, PartialEq)]
pub struct Class {
    /// All of them.
    pub named: Count,
    /// Those that count.
    pub accepted: Count,
    /// The share of the class's that count; None of none.
    pub acceptance: Option<f64>,
    /// The share of those that are right; None of none, and where that is not known.
    pub purity: Option<f64>,
    /// The class's share of all that count; None of none.
    pub share: Option<f64>,
}

/// A histogram under a threshold.
#[derive(Clone, Debug, PartialEq)]
pub struct View {
    /// From which confidence on a pseudo-label of any class counts fully.
    pub tau: f64,
    /// The share of all pseudo-labels that count.
    pub mask_ratio: Option<f64>,
    /// The share of those that are right; None where that is not known.
    pub purity: Option<f64>,
    /// How many there are, and how many count.
    pub named: Count,
    /// Those that count.
    pub accepted: Count,
    /// For each class.
    pub classes: Vec<Class>,
}

impl View {
    /// What training accepted of a histogram; of pseudo-labels that count in part, the sum of their weights.
    pub fn in_force(histogram: &Histogram) -> Self {
        let accepted = histogram.decided().map_or(&histogram.accepted, |judged| &judged.counted);
        Self::new(histogram, histogram.threshold, accepted)
    }

    /// What a threshold would have accepted of a histogram. None if it is that of a policy that did not watch.
    pub fn of(histogram: &Histogram, threshold: Threshold) -> Option<Self> {
        match threshold {
            Threshold::InForce => Some(Self::in_force(histogram)),
            Threshold::Edge(edge) => {
                let from_edge = |class| histogram.of_class(class)[edge..].iter().copied().sum();
                let accepted: Vec<Count> = (0..histogram.n_classes()).map(from_edge).collect();
                Some(Self::new(histogram, EDGES[edge], &accepted))
            }
            Threshold::Policy(policy) => {
                let judged = histogram.judged_by(policy)?;
                Some(Self::new(histogram, judged.sure_from()?, &judged.counted))
            }
        }
    }

    fn new(histogram: &Histogram, tau: f64, accepted: &[Count]) -> Self {
        let all: Count = accepted.iter().copied().sum();
        let purity = |count: Count| count.purity().filter(|_| histogram.has_oracle);
        let ratio = |part: u64, of: u64| (of > 0).then(|| part as f64 / of as f64);
        let class = |(class, &accepted): (usize, &Count)| {
            let named: Count = histogram.of_class(class).iter().copied().sum();
            Class {
                named,
                accepted,
                acceptance: ratio(accepted.n, named.n),
                purity: purity(accepted),
                share: ratio(accepted.n, all.n),
            }
        };
        let named = histogram.total();
        Self {
            tau,
            mask_ratio: ratio(all.n, named.n),
            purity: purity(all),
            named,
            accepted: all,
            classes: accepted.iter().enumerate().map(class).collect(),
        }
    }
}

#[cfg(test)]
mod tests {
    use crate::run::insight::{Judged, Quantity};

    use super::*;

    /// Two classes: of class 0, 30 sure ones of which 27 are right, 10 around 0.92, all right, and 60 unsure ones, half
    /// of them right; of class 1, 10 around 0.92, 4 right, and 90 unsure ones, none right. τ = 0.95 was in force.
    fn histogram() -> Histogram {
        let count = |n, right| Count { n, right };
        let mut bins = vec![Count::default(); 2 * N_BINS];
        (bins[24], bins[15], bins[5]) = (count(30, 27), count(10, 10), count(60, 30));
        (bins[N_BINS + 15], bins[N_BINS + 5]) = (count(10, 4), count(90, 0));
        let accepted = vec![count(30, 27), Count::default()];
        Histogram { step: 100, n_steps: 10, threshold: 0.95, has_oracle: true, bins, accepted, judged: vec![] }
    }

    fn would(tau: f64) -> View {
        View::of(&histogram(), Threshold::at(tau).expect("an edge")).expect("any histogram has bins")
    }

    /// As FlexMatch would have it, which watched, and as SoftMatch did, by which the run went: the same 30 sure ones, and
    /// 5 of class 1, 2 right.
    #[test]
    fn another_policy_would_have_accepted_what_it_counted_as_it_watched() {
        let judged = |policy, decides, thresholds: &[f32]| Judged {
            policy,
            decides,
            since: 0,
            counted: vec![Count { n: 30, right: 27 }, Count { n: 5, right: 2 }],
            memory: vec![(Quantity::Threshold, thresholds.to_vec())],
        };
        let judged = vec![judged(Policy::Flexmatch, false, &[0.95, 0.25]), judged(Policy::Softmatch, true, &[0.5])];
        let histogram = Histogram { judged, ..histogram() };
        let view = View::of(&histogram, Threshold::Policy(Policy::Flexmatch)).expect("it watched");
        assert_eq!((view.mask_ratio, view.purity), (Some(0.175), Some(29.0 / 35.0)));
        assert!((view.tau - 0.95).abs() < 1e-6);
        assert_eq!(Threshold::Policy(Policy::Flexmatch).of_class(&histogram, 1), Some(0.25));
        assert_eq!(View::in_force(&histogram).accepted, Count { n: 35, right: 29 });
        assert_eq!(Threshold::InForce.of_class(&histogram, 1), Some(0.5));
        assert_eq!(View::of(&histogram, Threshold::Policy(Policy::Freematch)), None);
    }

    #[test]
    fn what_was_accepted_is_told_for_each_class() {
        let view = View::in_force(&histogram());
        assert_eq!((view.tau, view.mask_ratio, view.purity), (0.95, Some(0.15), Some(0.9)));
        let class = &view.classes[0];
        assert_eq!((class.acceptance, class.purity, class.share), (Some(0.3), Some(0.9), Some(1.0)));
        let class = &view.classes[1];
        assert_eq!((class.acceptance, class.purity, class.share), (Some(0.0), None, Some(0.0)));
        assert_eq!(view.named, Count { n: 200, right: 71 });
    }

    #[test]
    fn another_threshold_would_have_accepted_more() {
        let view = would(0.9);
        assert_eq!((view.tau, view.mask_ratio, view.purity), (0.9, Some(0.25), Some(0.82)));
        assert_eq!(view.classes[1].share, Some(0.2));
        let all = would(0.0);
        assert_eq!((all.mask_ratio, all.accepted), (Some(1.0), all.named));
        assert_eq!(would(0.95).accepted, Count { n: 30, right: 27 });
    }

    #[test]
    fn a_threshold_between_edges_is_refused_with_its_neighbours() {
        let cases = [
            (0.72, "the nearest ones are 0.7 and 0.75"),
            (0.9999, "the nearest ones are 0.999 and 1"),
            (1.0, "the highest edge below is 0.999"),
            (1.5, "must be in [0, 1], not 1.5"),
            (f64::NAN, "must be in [0, 1], not NaN"),
        ];
        for (tau, expected) in cases {
            let error = Threshold::at(tau).expect_err(expected).to_string();
            assert!(error.contains(expected), "{tau}: {error}");
        }
        for (edge, tau) in EDGES[..N_BINS].iter().enumerate() {
            assert_eq!(Threshold::at(*tau).expect("an edge"), Threshold::Edge(edge));
        }
    }

    #[test]
    fn without_labels_nothing_is_called_right() {
        let view = View::in_force(&Histogram { has_oracle: false, ..histogram() });
        assert_eq!((view.mask_ratio, view.purity, view.classes[0].purity), (Some(0.15), None, None));
    }

    #[test]
    fn shares_are_expected_to_be_even_unless_the_labels_are_not() {
        let uniform = Expected { shares: vec![0.5, 0.5], basis: Basis::Uniform };
        assert_eq!(Expected::of(&[4, 4], 2), uniform);
        assert_eq!(Expected::of(&[], 2), uniform);
        assert_eq!(Expected::of(&[3, 1], 2), Expected { shares: vec![0.75, 0.25], basis: Basis::LabelSet });
    }

    #[test]
    fn an_empty_histogram_has_no_ratio() {
        let empty = Histogram { bins: vec![Count::default(); N_BINS], accepted: vec![Count::default()], ..histogram() };
        let view = View::in_force(&empty);
        assert_eq!((view.mask_ratio, view.purity, view.classes[0].share), (None, None, None));
    }
}
