//! `FlexMatch`: classes of which few images are confident yet have a lower threshold (Zhang et al., "`FlexMatch`: Boosting
//! Semi-Supervised Learning with Curriculum Pseudo Labeling", `NeurIPS` 2021, equations 5 to 11).

use anyhow::Result;
use fixmatch::config::{PseudoLabel, Variant};
use fixmatch::run::checkpoint::Tensors;
use fixmatch::run::insight::Quantity;
use tch::{Kind, Tensor};

use super::{Constants, Counted, Facts, Guess, Policy, keep, take};
use crate::part::Part;

/// max p ≥ τ · β / (2 − β), where β says how well the pseudo-label's class is learned.
#[derive(Debug)]
pub struct FlexMatch {
    /// The class that each unlabeled image was last confident of, −1 before: (N + 1) i64. The last one is nobody's.
    labels: Tensor,
    /// β of each class: (C) f32. At 0, everything is accepted.
    learned: Tensor,
    /// Whether images without a label count where β is made.
    warmup: bool,
    /// The public codes leave β alone as long as one class has all images, not only while none has a label.
    waits_for_two: bool,
}

impl FlexMatch {
    pub(super) fn new(config: &PseudoLabel, facts: &Facts) -> Self {
        Self {
            labels: Tensor::full([facts.n_unlabeled as i64 + 1], -1, (Kind::Int64, facts.device)),
            learned: Tensor::zeros([facts.n_classes as i64], (Kind::Float, facts.device)),
            warmup: config.warmup,
            waits_for_two: config.variant != Variant::Paper,
        }
    }

    /// Makes β anew of the labels.
    fn learn(&mut self) {
        let (n, n_classes) = (self.labels.size()[0] - 1, self.learned.size()[0]);
        let labels = self.labels.narrow(0, 0, n) + 1;
        let counts = Tensor::zeros([n_classes + 1], (Kind::Int64, labels.device()));
        let counts = counts.index_add(0, &labels, &labels.ones_like()); // those without a label, then each class
        let of_classes = counts.narrow(0, 1, n_classes);
        let most = if self.warmup { counts.max() } else { of_classes.max() };
        let is_begun = if self.waits_for_two { counts.max().lt(n) } else { of_classes.sum(Kind::Int64).gt(0) };
        let learned = of_classes.to_kind(Kind::Float) / most.to_kind(Kind::Float);
        self.learned = learned.where_self(&is_begun, &self.learned);
    }

    fn thresholds(&self, threshold: f64) -> Tensor {
        (&self.learned / (2.0 - &self.learned)) * threshold
    }
}

impl Policy for FlexMatch {
    fn judge(&mut self, guess: &Guess, by: Constants) -> Counted {
        let mask = guess.confidence.ge_tensor(&self.thresholds(by.threshold).index_select(0, &guess.classes));
        let nobody = Tensor::full_like(&guess.places, self.labels.size()[0] - 1);
        let places = guess.places.where_self(&guess.confidence.ge(by.threshold), &nobody);
        let _ = self.labels.index_copy_(0, &places, &guess.classes);
        self.learn();
        Counted::Some(mask)
    }

    fn memory(&self, by: Constants) -> Vec<(Quantity, Tensor)> {
        vec![(Quantity::Threshold, self.thresholds(by.threshold)), (Quantity::Status, self.learned.shallow_clone())]
    }
}

impl Part for FlexMatch {
    fn save(&mut self, into: &mut Tensors) {
        keep("flexmatch.labels", &self.labels, into);
        keep("flexmatch.learned", &self.learned, into);
    }

    fn restore(&mut self, from: &Tensors, _: u64) -> Result<()> {
        take("flexmatch.labels", &mut self.labels, from);
        take("flexmatch.learned", &mut self.learned, from);
        Ok(())
    }
}
