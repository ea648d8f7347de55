//! Alignment: predictions are moved so that each class has its share of them, before they are judged.

use anyhow::Result;
use fixmatch::config::{self, PseudoLabel};
use fixmatch::run::checkpoint::{Array, Tensors};
use tch::{Kind, Tensor};

use super::{Constants, Facts, Guess, keep, moved, take};
use crate::part::Part;
use crate::weights::to_tensor;

/// Keeps shares of 0 from being divided by.
const EPS: f64 = 1e-6;

/// Batches whose mean guess `ReMixMatch` remembers.
const REMEMBERED: i64 = 128;

/// A way to align.
#[derive(Debug)]
pub enum Align {
    /// Towards equal shares, by a moving average of the guesses. Moves the confidence, not the pseudo-label (`SoftMatch`,
    /// section 3.3).
    Uniform {
        /// The average, from the first batch on: (C) f32.
        average: Option<Tensor>,
    },
    /// Towards the labeled images' shares, by the last 128 batches, then squared and normalised, which is sharpened with
    /// T = 0.5. Moves the pseudo-label too (Berthelot et al., `ReMixMatch`, ICLR 2020, section 3.1).
    Remixmatch {
        /// (128, C) f32.
        batches: Tensor,
        /// Where the next batch is remembered: (1) i64.
        next: Tensor,
        /// (C) f32.
        wanted: Tensor,
    },
}

impl Align {
    pub(super) fn new(config: &PseudoLabel, facts: &Facts) -> Option<Self> {
        let (n_classes, options) = (facts.n_classes as i64, (Kind::Float, facts.device));
        match config.align {
            config::Align::None => None,
            config::Align::Uniform => Some(Self::Uniform { average: None }),
            config::Align::Remixmatch => {
                let counts: Vec<f32> = facts.labeled_per_class.iter().map(|&n| n as f32).collect();
                let counts = Tensor::from_slice(&counts).to_device(facts.device);
                Some(Self::Remixmatch {
                    batches: Tensor::full([REMEMBERED, n_classes], 1.0 / n_classes as f64, options),
                    next: Tensor::zeros([1], (Kind::Int64, facts.device)),
                    wanted: &counts / counts.sum(Kind::Float),
                })
            }
        }
    }

    /// By what predictions of each class are multiplied before they are normalised: (C) f32. None before the first batch.
    pub(super) fn ratio(&self) -> Option<Tensor> {
        match self {
            Self::Uniform { average } => {
                let average = average.as_ref()?;
                Some((average + EPS).reciprocal() * (1.0 / average.size()[0] as f64 + EPS))
            }
            Self::Remixmatch { batches, wanted, .. } => {
                Some((wanted + EPS) / (batches.mean_dim([0_i64].as_slice(), false, Kind::Float) + EPS))
            }
        }
    }

    /// The aligned guess of predictions (N, C), of which the largest and their classes are known. Remembers them.
    pub(super) fn align(
        &mut self,
        p: &Tensor,
        unaligned: Tensor,
        classes: Tensor,
        places: &Tensor,
        by: Constants,
    ) -> Guess {
        let of_batch = p.mean_dim([0_i64].as_slice(), false, Kind::Float);
        let places = places.shallow_clone();
        match self {
            Self::Uniform { average } => {
                let now = match average {
                    Some(average) => moved(&average.to_device(p.device()), &of_batch, by.momentum),
                    None => of_batch,
                };
                let even = 1.0 / p.size()[1] as f64;
                let probabilities = normalised(&(p * (even + EPS) / (&now + EPS)));
                *average = Some(now);
                Guess { confidence: probabilities.max_dim(-1, false).0, probabilities, classes, unaligned, places }
            }
            Self::Remixmatch { batches, next, wanted } => {
                let usual = batches.mean_dim([0_i64].as_slice(), false, Kind::Float);
                let aligned = normalised(&(p * (&*wanted + EPS) / (usual + EPS)));
                let probabilities = normalised(&(&aligned * &aligned));
                let _ = batches.index_copy_(0, next, &of_batch.unsqueeze(0));
                *next = (&*next + 1).remainder(REMEMBERED);
                let (confidence, classes) = probabilities.max_dim(-1, false);
                Guess { probabilities, confidence, classes, unaligned, places }
            }
        }
    }
}

/// Rows that sum up to 1.
fn normalised(rows: &Tensor) -> Tensor {
    rows / rows.sum_dim_intlist([-1_i64].as_slice(), true, Kind::Float)
}

impl Part for Align {
    fn save(&mut self, into: &mut Tensors) {
        match self {
            Self::Uniform { average } => {
                if let Some(average) = average {
                    keep("align.average", average, into);
                }
            }
            Self::Remixmatch { batches, next, .. } => {
                keep("align.batches", batches, into);
                keep("align.next", next, into);
            }
        }
    }

    fn restore(&mut self, from: &Tensors, _: u64) -> Result<()> {
        match self {
            Self::Uniform { average } => *average = from.get("align.average").map(|array: &Array| to_tensor(array)),
            Self::Remixmatch { batches, next, .. } => {
                take("align.batches", batches, from);
                take("align.next", next, from);
            }
        }
        Ok(())
    }
}
