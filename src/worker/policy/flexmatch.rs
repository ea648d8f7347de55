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

    /// Labels the images at some places, where that is so. Of an image that is there twice the later class counts: a GPU writes in
    /// any order, so the others are written to nobody.
    fn remember(&mut self, places: &Tensor, classes: &Tensor, is_so: &Tensor) {
        let nobody = places.full_like(self.labels.size()[0] - 1);
        let places = places.where_self(is_so, &nobody);
        let rows = Tensor::arange(places.size()[0], (Kind::Int64, places.device()));
        let last = self.labels.full_like(-1).internal_scatter_reduce(0, &places, &rows, "amax", true);
        let is_last = last.index_select(0, &places).eq_tensor(&rows).logical_and(is_so);
        let (places, classes) =
            (places.where_self(&is_last, &nobody), classes.where_self(&is_last, &nobody.full_like(-1)));
        let _ = self.labels.index_copy_(0, &places, &classes);
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
        self.remember(&guess.places, &guess.classes, &guess.confidence.ge(by.threshold));
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

#[cfg(test)]
mod tests {
    use tch::Device;

    use super::*;

    #[test]
    fn of_an_image_that_is_in_a_batch_twice_the_later_class_counts_and_nobodys_place_stays_empty() {
        let facts = Facts { n_classes: 5, n_unlabeled: 4, labeled_per_class: vec![1; 5], device: Device::Cpu };
        let mut policy = FlexMatch::new(&PseudoLabel::default(), &facts);
        let row = |numbers: &[i64]| Tensor::from_slice(numbers);
        let is_so = Tensor::from_slice(&[true, true, true, false, false]);
        policy.remember(&row(&[2, 0, 2, 1, 2]), &row(&[1, 4, 3, 2, 0]), &is_so);
        assert!(policy.labels.equal(&row(&[4, -1, 3, -1, -1])), "{:?}", Vec::<i64>::try_from(&policy.labels));
    }
}
