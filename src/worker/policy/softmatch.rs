//! `SoftMatch`: each pseudo-label counts by how near its confidence is to the usual one (Chen et al., "`SoftMatch`:
//! Addressing the Quantity-Quality Trade-off in Semi-supervised Learning", ICLR 2023, equations 6 to 8).

use anyhow::Result;
use fixmatch::config::{PseudoLabel, Variant};
use fixmatch::run::checkpoint::Tensors;
use fixmatch::run::insight::Quantity;
use tch::{Kind, Tensor};

use super::{Constants, Counted, Facts, Guess, Policy, keep, moved, take};
use crate::part::Part;

/// exp(−min(max p − μ, 0)² / (2σ² / `n_σ`²)).
#[derive(Debug)]
pub struct SoftMatch {
    /// μ, the usual confidence: (1) f32.
    mean: Tensor,
    /// σ²: (1) f32.
    variance: Tensor,
    /// μ and σ are those of predictions before they are aligned.
    learns_unaligned: bool,
}

impl SoftMatch {
    pub(super) fn new(config: &PseudoLabel, facts: &Facts) -> Self {
        let full = |x: f64| Tensor::full([1], x, (Kind::Float, facts.device));
        Self {
            mean: full(1.0 / facts.n_classes as f64),
            variance: full(1.0),
            learns_unaligned: config.variant == Variant::Torchssl,
        }
    }
}

impl Policy for SoftMatch {
    fn judge(&mut self, guess: &Guess, by: Constants) -> Counted {
        let usual = if self.learns_unaligned { &guess.unaligned } else { &guess.confidence };
        self.mean = moved(&self.mean, &usual.mean(Kind::Float), by.momentum);
        // one image has no variance
        if usual.size()[0] > 1 {
            self.variance = moved(&self.variance, &usual.var(true), by.momentum);
        }
        let below = (&guess.confidence - &self.mean).clamp_max(0.0);
        let spread = &self.variance * (2.0 / (by.n_sigma * by.n_sigma));
        Counted::Weighted((-(&below * &below) / spread).exp())
    }

    fn memory(&self, by: Constants) -> Vec<(Quantity, Tensor)> {
        vec![(Quantity::Threshold, self.mean.shallow_clone()), (Quantity::Deviation, self.variance.sqrt() / by.n_sigma)]
    }
}

impl Part for SoftMatch {
    fn save(&mut self, into: &mut Tensors) {
        keep("softmatch.mean", &self.mean, into);
        keep("softmatch.variance", &self.variance, into);
    }

    fn restore(&mut self, from: &Tensors, _: u64) -> Result<()> {
        take("softmatch.mean", &mut self.mean, from);
        take("softmatch.variance", &mut self.variance, from);
        Ok(())
    }
}
