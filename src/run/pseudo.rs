//! What histograms of pseudo-labels say: how many are accepted, how many of those are right, how the classes share them,
//! and what another threshold would have accepted.
//!
//! What-ifs tell what another τ would have accepted of what the network said. They do not tell what the network would
//! have learned with it. Knows no terminal; the alarms are in [`alarm`].

pub mod alarm;

use anyhow::{Result, bail};

use crate::run::insight::{Count, EDGES, Histogram, N_BINS};

/// Which pseudo-labels count.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub enum Threshold {
    /// Those that training accepted.
    #[default]
    InForce,
    /// Those from this edge of the bins on, see [`EDGES`].
    Edge(usize),
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

    /// τ for a histogram.
    pub fn tau(self, histogram: &Histogram) -> f64 {
        match self {
            Self::InForce => histogram.threshold,
            Self::Edge(edge) => EDGES[edge],
        }
    }

    /// What of a class would count.
    fn accepts(self, histogram: &Histogram, class: usize) -> Count {
        match self {
            Self::InForce => histogram.accepted[class],
            Self::Edge(edge) => histogram.of_class(class)[edge..].iter().copied().sum(),
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
    /// τ.
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
    /// What a threshold accepts of a histogram.
    pub fn of(histogram: &Histogram, threshold: Threshold) -> Self {
        let accepted: Vec<Count> =
            (0..histogram.n_classes()).map(|class| threshold.accepts(histogram, class)).collect();
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
            tau: threshold.tau(histogram),
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
    use super::*;

    /// Two classes: of class 0, 30 sure ones of which 27 are right, 10 around 0.92, all right, and 60 unsure ones, half
    /// of them right; of class 1, 10 around 0.92, 4 right, and 90 unsure ones, none right. τ = 0.95 was in force.
    fn histogram() -> Histogram {
        let count = |n, right| Count { n, right };
        let mut bins = vec![Count::default(); 2 * N_BINS];
        (bins[24], bins[15], bins[5]) = (count(30, 27), count(10, 10), count(60, 30));
        (bins[N_BINS + 15], bins[N_BINS + 5]) = (count(10, 4), count(90, 0));
        let accepted = vec![count(30, 27), Count::default()];
        Histogram { step: 100, n_steps: 10, threshold: 0.95, has_oracle: true, bins, accepted }
    }

    #[test]
    fn what_was_accepted_is_told_for_each_class() {
        let view = View::of(&histogram(), Threshold::InForce);
        assert_eq!((view.tau, view.mask_ratio, view.purity), (0.95, Some(0.15), Some(0.9)));
        let class = &view.classes[0];
        assert_eq!((class.acceptance, class.purity, class.share), (Some(0.3), Some(0.9), Some(1.0)));
        let class = &view.classes[1];
        assert_eq!((class.acceptance, class.purity, class.share), (Some(0.0), None, Some(0.0)));
        assert_eq!(view.named, Count { n: 200, right: 71 });
    }

    #[test]
    fn another_threshold_would_have_accepted_more() {
        let view = View::of(&histogram(), Threshold::at(0.9).expect("an edge"));
        assert_eq!((view.tau, view.mask_ratio, view.purity), (0.9, Some(0.25), Some(0.82)));
        assert_eq!(view.classes[1].share, Some(0.2));
        let all = View::of(&histogram(), Threshold::at(0.0).expect("an edge"));
        assert_eq!((all.mask_ratio, all.accepted), (Some(1.0), all.named));
        assert_eq!(View::of(&histogram(), Threshold::at(0.95).expect("an edge")).accepted, Count { n: 30, right: 27 });
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
        let view = View::of(&Histogram { has_oracle: false, ..histogram() }, Threshold::InForce);
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
        let view = View::of(&empty, Threshold::InForce);
        assert_eq!((view.mask_ratio, view.purity, view.classes[0].share), (None, None, None));
    }
}
