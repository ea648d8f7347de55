//! What the pseudo-labels of a run did: bulky records in `insight.bin`, read only when they are shown.
//!
//! Two kinds. A [`Histogram`] counts all pseudo-labels of some steps by class, confidence, and whether they are right. A
//! [`Panel`] holds what the network says at an evaluation about images that are followed over the whole run. The event
//! log stays the truth: a record counts if an event names its place, so a torn tail, and what a resumed run takes again,
//! is nothing. Knows neither tensors nor terminals; [`crate::run::pseudo`] says what the records mean.

mod file;
mod format;

pub use file::{InsightFile, InsightReader};

use serde::{Deserialize, Serialize};
use strum::VariantArray;

use crate::config::Policy;

/// Edges of the bins of confidence. A bin holds its lower edge; the last one also 1. Finer where thresholds lie, with
/// edges at 0.95, the paper's τ, and at every hundredth above 0.9.
pub const EDGES: [f64; N_BINS + 1] = [
    0.0, 0.1, 0.2, 0.3, 0.4, 0.5, 0.55, 0.6, 0.65, 0.7, 0.75, 0.8, 0.85, 0.9, 0.91, 0.92, 0.93, 0.94, 0.95, 0.96, 0.97,
    0.98, 0.99, 0.995, 0.999, 1.0,
];

/// How many bins there are.
pub const N_BINS: usize = 25;

/// A record's kind.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Kind {
    /// A [`Histogram`].
    Histogram,
    /// A [`Panel`].
    Panel,
}

/// Where a record is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Pointer {
    /// The steps done when it was taken.
    pub step: u64,
    /// What it is.
    pub record: Kind,
    /// Where it begins in `insight.bin`.
    pub offset: u64,
    /// Its length.
    pub n_bytes: u64,
}

/// A record.
#[derive(Clone, Debug, PartialEq)]
pub enum Record {
    /// Of the pseudo-labels of some steps.
    Histogram(Histogram),
    /// Of the images that are followed.
    Panel(Panel),
}

/// The records that events name, as far as they can be read, and why the others cannot.
pub fn read_all(path: &std::path::Path, pointers: &[Pointer]) -> anyhow::Result<(Vec<Record>, Vec<String>)> {
    let mut reader = InsightReader::open(path)?;
    let (mut records, mut problems) = (Vec::with_capacity(pointers.len()), Vec::new());
    for pointer in pointers {
        match reader.read(pointer) {
            Ok(record) => records.push(record),
            Err(error) => problems.push(format!("{error:#}")),
        }
    }
    Ok((records, problems))
}

impl Record {
    /// What it is.
    pub fn kind(&self) -> Kind {
        match self {
            Self::Histogram(_) => Kind::Histogram,
            Self::Panel(_) => Kind::Panel,
        }
    }

    /// The steps done when it was taken.
    pub fn step(&self) -> u64 {
        match self {
            Self::Histogram(histogram) => histogram.step,
            Self::Panel(panel) => panel.step,
        }
    }
}

/// How many pseudo-labels, and how many of them are right.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Count {
    /// All of them.
    pub n: u64,
    /// Those that are right, by the labels that training does not see; 0 where there are none.
    pub right: u64,
}

impl Count {
    /// The part that is right; None of none.
    pub fn purity(self) -> Option<f64> {
        (self.n > 0).then(|| self.right as f64 / self.n as f64)
    }
}

impl std::ops::Add for Count {
    type Output = Self;

    fn add(self, other: Self) -> Self {
        Self { n: self.n + other.n, right: self.right + other.right }
    }
}

impl std::iter::Sum for Count {
    fn sum<I: Iterator<Item = Self>>(counts: I) -> Self {
        counts.fold(Self::default(), std::ops::Add::add)
    }
}

/// The pseudo-labels of the steps `step - n_steps .. step`, counted by the class that they name.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Histogram {
    /// The steps done.
    pub step: u64,
    /// Of how many steps.
    pub n_steps: u64,
    /// τ, as it stood in the last of them.
    pub threshold: f64,
    /// Whether it is known which are right.
    pub has_oracle: bool,
    /// For each class, each bin: (classes × `N_BINS`).
    pub bins: Vec<Count>,
    /// For each class, those that training accepted, by whatever τ was in force at each step.
    pub accepted: Vec<Count>,
    /// What each policy made of them: the run's own, and the others that watched. Empty in runs of before there were any.
    pub judged: Vec<Judged>,
}

/// What a policy made of a histogram's pseudo-labels.
#[derive(Clone, Debug, PartialEq)]
pub struct Judged {
    /// Which one.
    pub policy: Policy,
    /// Whether training went by it. The others saw the same, and changed nothing.
    pub decides: bool,
    /// The steps done when it began to watch: what it remembers is of the steps since.
    pub since: u64,
    /// For each class, those that counted. Of those that count in part, the sum of their weights, rounded.
    pub counted: Vec<Count>,
    /// What it remembers after the last step.
    pub memory: Vec<(Quantity, Vec<f32>)>,
}

impl Quantity {
    /// As JSON has it.
    pub fn name(self) -> &'static str {
        match self {
            Self::Threshold => "threshold",
            Self::Status => "status",
            Self::Shares => "shares",
            Self::Histogram => "histogram",
            Self::Deviation => "deviation",
            Self::Alignment => "alignment",
        }
    }
}

impl Judged {
    /// A quantity of each class, or of all together, where that is one number.
    pub fn remembers(&self, quantity: Quantity) -> Option<&[f32]> {
        self.memory.iter().find(|(it, _)| *it == quantity).map(|(_, values)| values.as_slice())
    }

    /// From which confidence on a pseudo-label of a class counts fully.
    pub fn threshold(&self, class: usize) -> Option<f64> {
        let thresholds = self.remembers(Quantity::Threshold)?;
        thresholds.get(class).or_else(|| thresholds.first().filter(|_| thresholds.len() == 1)).map(|&it| as_written(it))
    }

    /// From which confidence on pseudo-labels count fully: of the class with the lowest threshold, and of that with the
    /// highest.
    pub fn thresholds(&self) -> Option<[f64; 2]> {
        let thresholds = self.remembers(Quantity::Threshold)?.iter().copied();
        let [low, high] = [f32::min, f32::max].map(|of: fn(f32, f32) -> f32| thresholds.clone().reduce(of));
        Some([as_written(low?), as_written(high?)])
    }

    /// How much a pseudo-label counts by its confidence, where each counts in part (`SoftMatch`, equation 8).
    pub fn weight(&self, confidence: f64) -> Option<f64> {
        let deviation = f64::from(*self.remembers(Quantity::Deviation)?.first()?);
        let below = (confidence - self.threshold(0)?).min(0.0);
        Some((-(below * below) / (2.0 * deviation * deviation)).exp())
    }

    /// From which confidence on a pseudo-label of any class counts fully.
    pub fn sure_from(&self) -> Option<f64> {
        self.thresholds().map(|[_, high]| high)
    }
}

/// The number that the shortest text for it names: 0.95 stays 0.95.
fn as_written(number: f32) -> f64 {
    number.to_string().parse().expect("a number is written as one")
}

/// What policies remember, and what follows from it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, VariantArray)]
pub enum Quantity {
    /// From which confidence on a pseudo-label counts fully: of each class, or one for all.
    Threshold,
    /// `FlexMatch`'s β, how well each class is learned.
    Status,
    /// `FreeMatch`'s p̃, the mean prediction.
    Shares,
    /// `FreeMatch`'s h̃, how often each class is predicted.
    Histogram,
    /// `SoftMatch`'s σ / `n_σ`, by which weights fall below its threshold μ. One number.
    Deviation,
    /// By what alignment multiplies the prediction of each class.
    Alignment,
}

impl Histogram {
    /// What a policy made of them, if it watched.
    pub fn judged_by(&self, policy: Policy) -> Option<&Judged> {
        self.judged.iter().find(|it| it.policy == policy)
    }

    /// What the run's own policy made of them.
    pub fn decided(&self) -> Option<&Judged> {
        self.judged.iter().find(|it| it.decides)
    }

    /// How many classes there are.
    pub fn n_classes(&self) -> usize {
        self.accepted.len()
    }

    /// The bins of one class.
    pub fn of_class(&self, class: usize) -> &[Count] {
        &self.bins[class * N_BINS..][..N_BINS]
    }

    /// All pseudo-labels.
    pub fn total(&self) -> Count {
        self.bins.iter().copied().sum()
    }

    /// Cells on a device: each class × bin × right × accepted, see [`cells`](Self::from_cells).
    pub fn n_cells(n_classes: usize) -> usize {
        n_classes * N_BINS * 4
    }

    /// Takes counts from cells. A pseudo-label of class c in bin b is in cell 4·(c·`N_BINS` + b) + 2·right + accepted.
    #[must_use]
    pub fn from_cells(self, cells: &[u64]) -> Self {
        let count = |cell: &[u64]| Count { n: cell.iter().sum(), right: cell[2] + cell[3] };
        let of_accepted = |cell: &[u64]| Count { n: cell[1] + cell[3], right: cell[3] };
        let accepted = cells.chunks(4 * N_BINS).map(|class| class.chunks(4).map(of_accepted).sum()).collect();
        Self { bins: cells.chunks(4).map(count).collect(), accepted, ..self }
    }
}

/// What a network says of an image.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Verdict {
    /// argmax p.
    pub class: u16,
    /// max p, to a 65,535th.
    pub confidence: f32,
}

/// What is thought of an image at an evaluation, without augmentation.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Opinion {
    /// The image's place in the training images.
    pub index: u32,
    /// Its class, where that is known.
    pub label: Option<u16>,
    /// By the averaged weights.
    pub ema: Verdict,
    /// By the weights as trained, which pseudo-labels come from.
    pub online: Verdict,
}

/// Images that are followed, the same ones over the whole run.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Panel {
    /// The steps done.
    pub step: u64,
    /// Some unlabeled ones.
    pub unlabeled: Vec<Opinion>,
    /// The labeled ones, as far as they are followed.
    pub labeled: Vec<Opinion>,
}

/// Of how many images the averaged weights say what the trained ones say. It is no purity: both may be wrong.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Agreement {
    /// All of them.
    pub n: u64,
    /// Those of which both say the same.
    pub agreed: u64,
}

impl Agreement {
    fn of<'a>(opinions: impl Iterator<Item = &'a Opinion>) -> Self {
        opinions.fold(Self::default(), |Self { n, agreed }, it| Self {
            n: n + 1,
            agreed: agreed + u64::from(it.ema.class == it.online.class),
        })
    }

    /// The part of which both say the same; None of none.
    pub fn share(self) -> Option<f64> {
        (self.n > 0).then(|| self.agreed as f64 / self.n as f64)
    }
}

impl Panel {
    /// Of all unlabeled images.
    pub fn agreement(&self) -> Agreement {
        Agreement::of(self.unlabeled.iter())
    }

    /// Of the unlabeled images that the trained weights put into a class.
    pub fn agreement_in(&self, class: usize) -> Agreement {
        Agreement::of(self.unlabeled.iter().filter(|it| usize::from(it.online.class) == class))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What ARCHITECTURE.md promises of a run of 2^20 steps of the paper's batches, ten classes and 40 labels, whatever
    /// its pseudo-labels are: less than 8 MB.
    /// By hand: μ = 0.8 and σ / n_σ = 0.1, so 0.7 is one deviation below and counts exp(−½).
    #[test]
    fn a_pseudo_label_counts_less_the_further_it_is_below_the_usual_confidence() {
        let memory = vec![(Quantity::Threshold, vec![0.8]), (Quantity::Deviation, vec![0.1])];
        let judged = Judged { policy: Policy::Softmatch, decides: true, since: 0, counted: Vec::new(), memory };
        for (confidence, expected) in [(0.9, 1.0), (0.8, 1.0), (0.7, (-0.5_f64).exp()), (0.6, (-2.0_f64).exp())] {
            let weight = judged.weight(confidence).expect("it counts in part");
            assert!((weight - expected).abs() < 1e-6, "{confidence}: {weight}");
        }
    }

    #[test]
    fn the_records_of_two_to_the_twenty_steps_stay_below_eight_megabytes() {
        let config = crate::config::RunConfig::default();
        let steps = config.train.steps;
        // As large as bytes get: pseudo-labels spread evenly over all cells, so that no number is short.
        let n = config.insight.every * u64::from(config.train.batch * config.train.mu);
        let spread = |n_cells: usize| Count { n: 2 * n / n_cells as u64, right: n / n_cells as u64 };
        let bins = vec![spread(20 * N_BINS); 10 * N_BINS];
        let histogram = Histogram { step: steps, n_steps: config.insight.every, bins, ..Histogram::default() };
        let histogram = Histogram { threshold: 0.95, has_oracle: true, accepted: vec![spread(20); 10], ..histogram };
        let remembers = |policy: Policy| match policy {
            Policy::Fixed => vec![(Quantity::Threshold, 1)],
            Policy::Flexmatch => vec![(Quantity::Threshold, 10), (Quantity::Status, 10)],
            Policy::Freematch => [Quantity::Threshold, Quantity::Shares, Quantity::Histogram].map(|it| (it, 10)).into(),
            Policy::Softmatch => {
                vec![(Quantity::Threshold, 1), (Quantity::Deviation, 1), (Quantity::Alignment, 10)]
            }
        };
        let judged = |&policy: &Policy| Judged {
            policy,
            decides: policy == Policy::Softmatch,
            since: steps,
            counted: vec![spread(20); 10],
            memory: remembers(policy).into_iter().map(|(quantity, n)| (quantity, vec![0.9; n])).collect(),
        };
        let histogram = Histogram { judged: Policy::VARIANTS.iter().map(judged).collect(), ..histogram };
        let verdict = Verdict { class: 9, confidence: 0.99 };
        let opinion = Opinion { index: 49_999, label: Some(9), ema: verdict, online: verdict };
        let unlabeled = vec![opinion; config.insight.panel as usize];
        let panel = Panel { step: steps, unlabeled, labeled: vec![opinion; 40] };
        let n_bytes = |record| format::encode(&record).len() as u64;
        let n_histograms = steps / config.insight.every;
        let n_panels = steps / config.eval.every;
        let all = n_histograms * n_bytes(Record::Histogram(histogram)) + n_panels * n_bytes(Record::Panel(panel));
        assert!((4_000_000..8_000_000).contains(&all), "{all} bytes");
    }

    #[test]
    fn there_is_an_edge_at_the_papers_threshold_and_bins_are_finer_above_0_9() {
        assert!(EDGES.contains(&0.95));
        assert!(EDGES.is_sorted() && EDGES[0] == 0.0 && EDGES[N_BINS] == 1.0);
        for pair in EDGES.windows(2).filter(|pair| pair[0] >= 0.9) {
            assert!(pair[1] - pair[0] < 0.0101, "{pair:?}");
        }
    }

    #[test]
    fn agreement_is_told_class_by_class_as_the_trained_weights_name_them() {
        let verdict = |class| Verdict { class, confidence: 0.9 };
        let opinion = |(online, ema)| Opinion { online: verdict(online), ema: verdict(ema), ..Opinion::default() };
        let unlabeled = [(0, 0), (0, 1), (0, 0), (1, 0)].map(opinion).to_vec();
        let panel = Panel { unlabeled, ..Panel::default() };
        assert_eq!(panel.agreement(), Agreement { n: 4, agreed: 2 });
        assert_eq!(panel.agreement_in(0), Agreement { n: 3, agreed: 2 });
        assert_eq!(panel.agreement_in(1).share(), Some(0.0));
        assert_eq!(panel.agreement_in(2).share(), None);
    }

    #[test]
    fn cells_become_counts() {
        let mut cells = vec![0; Histogram::n_cells(2)];
        let cell =
            |class: usize, bin: usize, right: usize, accepted: usize| 4 * (class * N_BINS + bin) + 2 * right + accepted;
        cells[cell(1, 18, 1, 1)] = 5;
        cells[cell(1, 18, 0, 1)] = 2;
        cells[cell(1, 3, 1, 0)] = 7;
        cells[cell(0, 0, 0, 0)] = 1;
        let histogram = Histogram::default().from_cells(&cells);
        assert_eq!(histogram.n_classes(), 2);
        assert_eq!(histogram.of_class(1)[18], Count { n: 7, right: 5 });
        assert_eq!(histogram.of_class(1)[3], Count { n: 7, right: 7 });
        assert_eq!(histogram.accepted, [Count::default(), Count { n: 7, right: 5 }]);
        assert_eq!(histogram.total(), Count { n: 15, right: 12 });
    }
}
