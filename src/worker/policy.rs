//! Which pseudo-labels count, and how much: one file a policy.
//!
//! A policy sees what the weak views of a batch say, and answers which of them count. What it remembers of earlier batches
//! stays on the device, is part of the checkpoint, and moves once a step. Nothing here waits for a GPU but saving.

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
use fixmatch::run::checkpoint::Tensors;
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
}

impl PseudoLabels {
    /// The pseudo-labels of weak logits (N, C) by the paper's rule.
    pub fn new(logits_weak: &Tensor, threshold: f64) -> Self {
        let nowhere = Tensor::zeros([logits_weak.size()[0]], (Kind::Int64, logits_weak.device())); // it remembers nothing
        Judge::fixed().judge(logits_weak, &nowhere, threshold)
    }

    /// How much each counts, in [0, 1]: (N) f32.
    pub fn weights(&self) -> Tensor {
        self.weight.as_ref().map_or_else(|| self.mask.to_kind(Kind::Float), Tensor::shallow_clone)
    }

    /// Each tensor changed in the same way.
    fn map(&self, change: impl Fn(&Tensor) -> Tensor) -> Self {
        let [classes, confidence, mask] = [&self.classes, &self.confidence, &self.mask].map(&change);
        Self { classes, confidence, mask, weight: self.weight.as_ref().map(&change) }
    }

    /// The same tensors.
    pub fn shallow_clone(&self) -> Self {
        self.map(Tensor::shallow_clone)
    }

    /// Those of some rows, given by their numbers: (n) i64.
    pub fn select(&self, rows: &Tensor) -> Self {
        self.map(|all| all.index_select(0, rows))
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
    /// Which of a batch's pseudo-labels count, given τ. Moves what the policy remembers.
    fn judge(&mut self, guess: &Guess, threshold: f64) -> Counted;

    /// What is added to the loss beside ℓ_u, given the strong logits (n, C) and which of them count (n).
    fn fairness(&self, _logits_strong: &Tensor, _mask: &Tensor) -> Option<Tensor> {
        None
    }

    /// From which confidence on a pseudo-label of any class counts fully, given τ. Waits for the device.
    fn sure_from(&self, threshold: f64) -> f64;
}

/// A policy with the alignment before it.
#[derive(Debug)]
pub struct Judge {
    align: Option<Align>,
    policy: Box<dyn Policy>,
}

impl Judge {
    /// The paper's rule.
    pub fn fixed() -> Self {
        Self { align: None, policy: Box::new(fixed::Fixed) }
    }

    /// The rule that a configuration asks for, at its start.
    pub fn new(config: &PseudoLabel, facts: &Facts) -> Self {
        let policy: Box<dyn Policy> = match config.policy {
            config::Policy::Fixed => Box::new(fixed::Fixed),
            config::Policy::Flexmatch => Box::new(flexmatch::FlexMatch::new(config, facts)),
            config::Policy::Freematch => Box::new(freematch::FreeMatch::new(config, facts)),
            config::Policy::Softmatch => Box::new(softmatch::SoftMatch::new(config, facts)),
        };
        Self { align: Align::new(config, facts), policy }
    }

    /// The pseudo-labels of weak logits (N, C) of images at these places among the unlabeled ones (N).
    pub fn judge(&mut self, logits_weak: &Tensor, places: &Tensor, threshold: f64) -> PseudoLabels {
        let _guard = tch::no_grad_guard();
        let probabilities = logits_weak.detach().softmax(-1, Kind::Float);
        let (unaligned, classes) = probabilities.max_dim(-1, false); // (N) f32, (N) i64
        let guess = match &mut self.align {
            Some(align) => align.align(&probabilities, unaligned, classes, places),
            None => Guess {
                confidence: unaligned.shallow_clone(),
                places: places.shallow_clone(),
                probabilities,
                classes,
                unaligned,
            },
        };
        let (mask, weight) = match self.policy.judge(&guess, threshold) {
            Counted::Some(mask) => (mask, None),
            Counted::Weighted(weight) => (weight.gt(0.0), Some(weight)),
        };
        PseudoLabels { classes: guess.classes, confidence: guess.confidence, mask, weight }
    }

    /// See [`Policy::fairness`].
    pub fn fairness(&self, logits_strong: &Tensor, mask: &Tensor) -> Option<Tensor> {
        self.policy.fairness(logits_strong, mask)
    }

    /// See [`Policy::sure_from`].
    pub fn sure_from(&self, threshold: f64) -> f64 {
        self.policy.sure_from(threshold)
    }
}

impl Part for Judge {
    fn save(&mut self, into: &mut Tensors) {
        self.policy.save(into);
        if let Some(align) = &mut self.align {
            align.save(into);
        }
    }

    /// What the checkpoint does not have begins anew: a fork may have another policy, or other unlabeled images.
    fn restore(&mut self, from: &Tensors, step: u64) -> Result<()> {
        self.policy.restore(from, step)?;
        self.align.as_mut().map_or(Ok(()), |align| align.restore(from, step))
    }
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
