//! `FreeMatch`: a threshold that follows the confidences, lower for classes that are predicted less, and a loss for fair
//! shares (Wang et al., "`FreeMatch`: Self-adaptive Thresholding for Semi-supervised Learning", ICLR 2023, equations 5 to 12).

use anyhow::Result;
use fixmatch::config::{PseudoLabel, Variant};
use fixmatch::run::checkpoint::Tensors;
use fixmatch::run::insight::Quantity;
use tch::{Kind, Tensor};

use super::{Constants, Counted, Facts, Guess, Policy, keep, moved, take};
use crate::part::Part;

/// Keeps the logarithm of a share finite.
const EPS: f64 = 1e-12;

/// max p ≥ τ · p̃ / max p̃, at the pseudo-label's class.
#[derive(Debug)]
pub struct FreeMatch {
    /// The global threshold τ: (1) f32.
    global: Tensor,
    /// p̃, the mean prediction: (C) f32.
    shares: Tensor,
    /// h̃, how often each class is predicted: (C) f32.
    histogram: Tensor,
    quantile: Option<f64>,
    /// The ceiling is that of the global threshold, not of the classes'.
    clips_global: bool,
}

impl FreeMatch {
    pub(super) fn new(config: &PseudoLabel, facts: &Facts) -> Self {
        let even = |n: usize| Tensor::full([n as i64], 1.0 / facts.n_classes as f64, (Kind::Float, facts.device));
        Self {
            global: even(1),
            shares: even(facts.n_classes),
            histogram: even(facts.n_classes),
            quantile: config.quantile,
            clips_global: config.variant == Variant::Usb,
        }
    }

    fn learn(&mut self, guess: &Guess, by: Constants) {
        let usual = match self.quantile {
            Some(quantile) => guess.confidence.quantile_scalar(quantile, None, false, "linear"),
            None => guess.confidence.mean(Kind::Float),
        };
        self.global = moved(&self.global, &usual, by.momentum);
        if self.clips_global {
            self.global = self.global.clamp(0.0, by.ceiling);
        }
        let of_batch = guess.probabilities.mean_dim([0_i64].as_slice(), false, Kind::Float);
        self.shares = moved(&self.shares, &of_batch, by.momentum);
        let ones = guess.classes.ones_like().to_kind(Kind::Float);
        let counts = self.histogram.zeros_like().index_add(0, &guess.classes, &ones);
        self.histogram = moved(&self.histogram, &(&counts / counts.sum(Kind::Float)), by.momentum);
    }

    /// Of each class: (C) f32.
    fn thresholds(&self, by: Constants) -> Tensor {
        let thresholds = &self.global * (&self.shares / self.shares.max());
        if self.clips_global { thresholds } else { thresholds.clamp(by.floor, by.ceiling) }
    }
}

impl Policy for FreeMatch {
    fn judge(&mut self, guess: &Guess, by: Constants) -> Counted {
        self.learn(guess, by);
        Counted::Some(guess.confidence.ge_tensor(&self.thresholds(by).index_select(0, &guess.classes)))
    }

    /// `w_f` · Σ a log b over the classes, where a is p̃ / h̃ and b the strong views' q̄ / h̄, both normalised. It is below 0,
    /// and 0 where no image counts.
    fn fairness(&self, logits_strong: &Tensor, mask: &Tensor, by: Constants) -> Option<Tensor> {
        if by.fairness == 0.0 {
            return None;
        }
        let counts = mask.to_kind(Kind::Float); // (n)
        let n = counts.sum(Kind::Float);
        let (is_any, at_least_one) = (n.gt(0), n.clamp_min(1.0));
        let predicted = logits_strong.softmax(-1, Kind::Float); // (n, C)
        let mean =
            (&predicted * counts.unsqueeze(1)).sum_dim_intlist([0_i64].as_slice(), false, Kind::Float) / &at_least_one;
        let classes = predicted.detach().argmax(-1, false); // (n)
        let histogram = self.histogram.zeros_like().index_add(0, &classes, &counts) / &at_least_one;
        let wanted = normalised(&(&self.shares * inverse(&self.histogram)), &is_any);
        let found = normalised(&(mean * inverse(&histogram)), &is_any);
        let loss = (wanted * (found + EPS).log()).sum(Kind::Float);
        Some(loss * is_any.to_kind(Kind::Float) * by.fairness)
    }

    fn memory(&self, by: Constants) -> Vec<(Quantity, Tensor)> {
        vec![
            (Quantity::Threshold, self.thresholds(by)),
            (Quantity::Shares, self.shares.shallow_clone()),
            (Quantity::Histogram, self.histogram.shallow_clone()),
        ]
    }
}

/// 1 / x, and 0 for 0.
fn inverse(x: &Tensor) -> Tensor {
    x.reciprocal().masked_fill(&x.eq(0.0), 0.0)
}

/// Divided by its sum; as it is where nothing counts, so that no gradient is 0 / 0.
fn normalised(x: &Tensor, is_any: &Tensor) -> Tensor {
    let sum = x.sum(Kind::Float);
    x / sum.where_self(is_any, &sum.ones_like())
}

impl Part for FreeMatch {
    fn save(&mut self, into: &mut Tensors) {
        keep("freematch.global", &self.global, into);
        keep("freematch.shares", &self.shares, into);
        keep("freematch.histogram", &self.histogram, into);
    }

    fn restore(&mut self, from: &Tensors, _: u64) -> Result<()> {
        take("freematch.global", &mut self.global, from);
        take("freematch.shares", &mut self.shares, from);
        take("freematch.histogram", &mut self.histogram, from);
        Ok(())
    }
}
