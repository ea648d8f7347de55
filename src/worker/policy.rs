//! Which pseudo-labels count, and how much: one file a policy.
//!
//! A policy sees what the weak views of a batch say, and answers which of them count. What it remembers of earlier batches
//! stays on the device, is part of the checkpoint, and moves once a step. Nothing here waits for a GPU but saving.
//!
//! A run goes by one policy. The others see the same and are asked the same, so that it is known what each would have
//! counted; nothing of what training does depends on them.

mod align;
mod fixed;
mod flexmatch;
mod freematch;
#[cfg(test)]
mod goldens;
mod softmatch;

use std::fmt::Debug;

use anyhow::Result;
use fixmatch::config::{self, PseudoLabel};
use fixmatch::run::checkpoint::{Array, Tensors};
use fixmatch::run::insight::{Judged, Quantity};
use strum::VariantArray as _;
use tch::{Device, Kind, Tensor};

use self::align::Align;
use crate::part::Part;
use crate::weights::{to_array, to_tensor};

/// What a policy can know of a run.
#[derive(Clone, Debug)]
pub struct Facts {
    /// C.
    pub n_classes: usize,
    /// Unlabeled images.
    pub n_unlabeled: usize,
    /// Labeled images of each class.
    pub labeled_per_class: Vec<u64>,
    /// Where tensors are.
    pub device: Device,
}

/// The numbers of the rules, as they are in force.
#[derive(Clone, Copy, Debug)]
pub struct Constants {
    /// τ.
    pub threshold: f64,
    /// What is left of an average after a step.
    pub momentum: f64,
    /// `w_f`.
    pub fairness: f64,
    /// No class has a lower threshold.
    pub floor: f64,
    /// No class has a higher one.
    pub ceiling: f64,
    /// `n_σ`.
    pub n_sigma: f64,
}

impl Constants {
    /// τ, and the others as a configuration or what changed it since has them.
    pub fn new(threshold: f64, of: &PseudoLabel) -> Self {
        Self {
            threshold,
            momentum: of.momentum,
            fairness: of.fairness(),
            floor: of.floor(),
            ceiling: of.ceiling(),
            n_sigma: of.n_sigma,
        }
    }

    /// τ, and the usual others.
    pub fn usual(threshold: f64) -> Self {
        Self::new(threshold, &PseudoLabel::default())
    }
}

/// What the weak views say, without gradient.
#[derive(Debug)]
pub struct PseudoLabels {
    /// argmax p: (N) i64.
    pub classes: Tensor,
    /// max p: (N) f32.
    pub confidence: Tensor,
    /// Whether each counts: (N) bool. In the paper where max p ≥ τ.
    pub mask: Tensor,
    /// How much each counts, where that is not all or nothing: (N) f32.
    pub weight: Option<Tensor>,
    /// What each policy of [`Judge::policies`] says of them, the run's own among them: (N) bool, or f32 for weights.
    pub judged: Vec<Tensor>,
}

impl PseudoLabels {
    /// The pseudo-labels of weak logits (N, C) by the paper's rule.
    #[cfg(test)]
    pub fn new(logits_weak: &Tensor, threshold: f64) -> Self {
        let nowhere = Tensor::zeros([logits_weak.size()[0]], (Kind::Int64, logits_weak.device())); // it remembers nothing
        Judge::fixed().judge(logits_weak, &nowhere, Constants::usual(threshold))
    }

    /// How much each counts, in [0, 1]: (N) f32.
    pub fn weights(&self) -> Tensor {
        self.weight.as_ref().map_or_else(|| self.mask.to_kind(Kind::Float), Tensor::shallow_clone)
    }

    /// Each tensor changed in the same way.
    fn map(&self, change: impl Fn(&Tensor) -> Tensor) -> Self {
        let [classes, confidence, mask] = [&self.classes, &self.confidence, &self.mask].map(&change);
        let judged = self.judged.iter().map(&change).collect();
        Self { classes, confidence, mask, weight: self.weight.as_ref().map(&change), judged }
    }

    /// The same tensors.
    pub fn shallow_clone(&self) -> Self {
        self.map(Tensor::shallow_clone)
    }

    /// Those of some rows, given by their numbers, (n) i64, as the run's own policy has them.
    pub fn select(&self, rows: &Tensor) -> Self {
        let own = Self { judged: Vec::new(), ..self.shallow_clone() };
        own.map(|all| all.index_select(0, rows))
    }
}

/// What weak views say of a batch's images, without gradient.
#[derive(Debug)]
pub struct Guess {
    /// p, aligned where that was asked for: (N, C) f32.
    pub probabilities: Tensor,
    /// max p: (N) f32.
    pub confidence: Tensor,
    /// The pseudo-label: (N) i64.
    pub classes: Tensor,
    /// max p before it was aligned: (N) f32.
    pub unaligned: Tensor,
    /// The place of each image among the unlabeled ones: (N) i64.
    pub places: Tensor,
}

/// Which pseudo-labels count.
#[derive(Debug)]
pub enum Counted {
    /// Some do, fully: (N) bool.
    Some(Tensor),
    /// All do, in part: (N) f32 above 0.
    Weighted(Tensor),
}

/// A rule by which pseudo-labels count.
pub trait Policy: Part + Debug {
    /// Which of a batch's pseudo-labels count. Moves what the policy remembers.
    fn judge(&mut self, guess: &Guess, by: Constants) -> Counted;

    /// What is added to the loss beside ℓ_u, given the strong logits (n, C) and which of them count (n).
    fn fairness(&self, _logits_strong: &Tensor, _mask: &Tensor, _by: Constants) -> Option<Tensor> {
        None
    }

    /// What it remembers, still on the device: (C) or (1) f32. Among it [`Quantity::Threshold`].
    fn memory(&self, by: Constants) -> Vec<(Quantity, Tensor)>;
}

/// The rule of a kind, at its start.
fn rule(kind: config::Policy, config: &PseudoLabel, facts: &Facts) -> Box<dyn Policy> {
    match kind {
        config::Policy::Fixed => Box::new(fixed::Fixed),
        config::Policy::Flexmatch => Box::new(flexmatch::FlexMatch::new(config, facts)),
        config::Policy::Freematch => Box::new(freematch::FreeMatch::new(config, facts)),
        config::Policy::Softmatch => Box::new(softmatch::SoftMatch::new(config, facts)),
    }
}

/// A policy that sees all pseudo-labels of a run.
#[derive(Debug)]
struct Watcher {
    kind: config::Policy,
    rule: Box<dyn Policy>,
    /// The steps done when it began.
    since: u64,
}

/// All policies, of which one decides, with the alignment before them.
#[derive(Debug)]
pub struct Judge {
    align: Option<Align>,
    watchers: Vec<Watcher>,
    /// The place of the one that decides.
    own: usize,
}

/// The steps at which policies began to watch, in a checkpoint.
const SINCE: &str = "policies.since";

impl Judge {
    /// The paper's rule, without any other.
    pub fn fixed() -> Self {
        let fixed = Watcher { kind: config::Policy::Fixed, rule: Box::new(fixed::Fixed), since: 0 };
        Self { align: None, watchers: vec![fixed], own: 0 }
    }

    /// The rule that a configuration asks for, at its start, and the others with the same constants.
    pub fn new(config: &PseudoLabel, facts: &Facts) -> Self {
        let watcher = |&kind: &config::Policy| Watcher { kind, rule: rule(kind, config, facts), since: 0 };
        let watchers: Vec<_> = config::Policy::VARIANTS.iter().map(watcher).collect();
        let own = watchers.iter().position(|it| it.kind == config.policy).expect("each policy is listed");
        Self { align: Align::new(config, facts), watchers, own }
    }

    /// How many policies there are.
    pub fn n_policies(&self) -> usize {
        self.watchers.len()
    }

    /// The pseudo-labels of weak logits (N, C) of images at these places among the unlabeled ones (N).
    pub fn judge(&mut self, logits_weak: &Tensor, places: &Tensor, by: Constants) -> PseudoLabels {
        let _guard = tch::no_grad_guard();
        let probabilities = logits_weak.detach().softmax(-1, Kind::Float);
        let (unaligned, classes) = probabilities.max_dim(-1, false); // (N) f32, (N) i64
        let guess = match &mut self.align {
            Some(align) => align.align(&probabilities, unaligned, classes, places, by),
            None => Guess {
                confidence: unaligned.shallow_clone(),
                places: places.shallow_clone(),
                probabilities,
                classes,
                unaligned,
            },
        };
        let judged: Vec<Counted> = self.watchers.iter_mut().map(|it| it.rule.judge(&guess, by)).collect();
        let (mask, weight) = match &judged[self.own] {
            Counted::Some(mask) => (mask.shallow_clone(), None),
            Counted::Weighted(weight) => (weight.gt(0.0), Some(weight.shallow_clone())),
        };
        let judged = judged.into_iter().map(|(Counted::Some(counts) | Counted::Weighted(counts))| counts).collect();
        PseudoLabels { classes: guess.classes, confidence: guess.confidence, mask, weight, judged }
    }

    /// See [`Policy::fairness`].
    pub fn fairness(&self, logits_strong: &Tensor, mask: &Tensor, by: Constants) -> Option<Tensor> {
        self.watchers[self.own].rule.fairness(logits_strong, mask, by)
    }

    /// What each policy remembers, before anything is counted. Waits for the device.
    pub fn memories(&self, by: Constants) -> Vec<Judged> {
        let of = |(place, watcher): (usize, &Watcher)| {
            let mut memory = watcher.rule.memory(by);
            if let Some(align) = self.align.as_ref().filter(|_| place == self.own) {
                memory.extend(align.ratio().map(|ratio| (Quantity::Alignment, ratio)));
            }
            let memory = memory.into_iter().map(|(quantity, tensor)| (quantity, to_array(&tensor).values)).collect();
            let (policy, decides, since) = (watcher.kind, place == self.own, watcher.since);
            Judged { policy, decides, since, counted: Vec::new(), memory }
        };
        self.watchers.iter().enumerate().map(of).collect()
    }
}

impl Part for Judge {
    fn save(&mut self, into: &mut Tensors) {
        for watcher in &mut self.watchers {
            watcher.rule.save(into);
        }
        let since: Vec<f32> = self.watchers.iter().map(|it| it.since as f32).collect();
        into.insert(SINCE.into(), Array { shape: vec![since.len()], values: since });
        if let Some(align) = &mut self.align {
            align.save(into);
        }
    }

    /// A policy of which the checkpoint has not all begins anew: it may be of before there were such, or a fork have other
    /// unlabeled images.
    fn restore(&mut self, from: &Tensors, step: u64) -> Result<()> {
        let since = from.get(SINCE).map_or(&[][..], |it| &it.values);
        for (place, watcher) in self.watchers.iter_mut().enumerate() {
            if is_whole(watcher.rule.as_mut(), from) {
                watcher.rule.restore(from, step)?;
                watcher.since = since.get(place).map_or(0, |&since| since as u64);
            } else {
                watcher.since = step;
            }
        }
        self.align.as_mut().map_or(Ok(()), |align| align.restore(from, step))
    }
}

/// Whether a checkpoint has all that a policy remembers, in the same shapes.
fn is_whole(rule: &mut dyn Policy, from: &Tensors) -> bool {
    let mut wanted = Tensors::new();
    rule.save(&mut wanted);
    wanted.iter().all(|(name, array)| from.get(name).is_some_and(|it| it.shape == array.shape))
}

/// Puts what a policy remembers into a checkpoint.
fn keep(name: &str, tensor: &Tensor, into: &mut Tensors) {
    into.insert(name.to_owned(), to_array(&tensor.to_kind(Kind::Float)));
}

/// Takes it back, if the checkpoint has it in the same shape.
fn take(name: &str, tensor: &mut Tensor, from: &Tensors) {
    if let Some(array) = from.get(name)
        && array.shape.iter().map(|&side| side as i64).eq(tensor.size())
    {
        *tensor = to_tensor(array).to_kind(tensor.kind()).to_device(tensor.device());
    }
}

/// m · average + (1 − m) · now.
fn moved(average: &Tensor, now: &Tensor, momentum: f64) -> Tensor {
    average * momentum + now * (1.0 - momentum)
}

#[cfg(test)]
mod tests {
    use super::*;

    const N: i64 = 30;

    fn facts() -> Facts {
        Facts { n_classes: 3, n_unlabeled: 90, labeled_per_class: vec![4, 4, 2], device: Device::Cpu }
    }

    fn by(policy: config::Policy) -> Judge {
        Judge::new(&PseudoLabel { policy, align: config::Align::Uniform, ..PseudoLabel::default() }, &facts())
    }

    fn numbers(tensor: &Tensor) -> Vec<f32> {
        to_array(&tensor.to_kind(Kind::Float)).values
    }

    /// What the policies say of some steps; the classes become surer, the first one first.
    fn judged(judge: &mut Judge, steps: std::ops::Range<i64>) -> Vec<PseudoLabels> {
        let step = |step: i64| {
            let rows = Tensor::arange(N * 3, (Kind::Float, Device::Cpu)).view([N, 3]);
            let logits = (rows * (1.7 + 0.1 * step as f64)).sin() * (1.0 + 0.4 * step as f64);
            let places = (Tensor::arange(N, (Kind::Int64, Device::Cpu)) + N * step).remainder(90);
            judge.judge(&logits, &places, Constants { momentum: 0.9, ..Constants::usual(0.8) })
        };
        steps.map(step).collect()
    }

    #[test]
    fn what_a_policy_would_have_counted_as_it_watched_is_what_it_counts_as_it_decides() {
        for (place, &policy) in config::Policy::VARIANTS.iter().enumerate() {
            for &other in config::Policy::VARIANTS {
                let (decides, watches) = (judged(&mut by(policy), 0..12), judged(&mut by(other), 0..12));
                for (mine, theirs) in decides.iter().zip(&watches) {
                    let own = mine.weight.as_ref().unwrap_or(&mine.mask);
                    assert_eq!(numbers(own), numbers(&theirs.judged[place]), "{policy:?} beside {other:?}");
                }
            }
        }
        let all: Vec<_> = judged(&mut by(config::Policy::Fixed), 0..12);
        let means: Vec<f64> = (0..4)
            .map(|it| {
                all.iter().map(|step| step.judged[it].to_kind(Kind::Double).mean(Kind::Double).double_value(&[])).sum()
            })
            .collect();
        assert!(means.windows(2).all(|pair| (pair[0] - pair[1]).abs() > 0.1), "they all say the same: {means:?}");
    }

    #[test]
    fn a_policy_that_a_checkpoint_does_not_know_whole_begins_anew_and_says_since_when() {
        let (mut before, mut saved) = (by(config::Policy::Fixed), Tensors::new());
        judged(&mut before, 0..7);
        before.save(&mut saved);
        saved.retain(|name, _| !name.starts_with("softmatch"));
        let mut restored = Judge::new(&PseudoLabel::default(), &Facts { n_unlabeled: 80, ..facts() });
        restored.restore(&saved, 7).expect("fits");
        let since: Vec<_> = restored.memories(Constants::usual(0.8)).iter().map(|it| (it.policy, it.since)).collect();
        let [fixed, flexmatch, freematch, softmatch] = since.try_into().expect("four");
        assert_eq!((fixed.1, flexmatch.1, freematch.1, softmatch.1), (0, 7, 0, 7));
        let mut again = Tensors::new();
        restored.save(&mut again);
        let mut later = Judge::new(&PseudoLabel::default(), &Facts { n_unlabeled: 80, ..facts() });
        later.restore(&again, 9).expect("fits");
        assert_eq!(later.memories(Constants::usual(0.8)), restored.memories(Constants::usual(0.8)));
    }
}
