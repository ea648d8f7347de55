//! The loss, the batches, the schedule and the optimiser.

use serde::{Deserialize, Serialize};

use super::range;

/// `[train]`
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Train {
    /// K. Default: 2^20 (paper, table 4).
    #[serde(deserialize_with = "range::positive")]
    pub steps: u64,
    /// B, labeled images a step. Default: 64.
    #[serde(deserialize_with = "range::batch")]
    pub batch: u32,
    /// μ, unlabeled images for each labeled one. Default: 7.
    #[serde(deserialize_with = "range::mu")]
    pub mu: u32,
    /// η, the learning rate of the first step. Default: 0.03.
    #[serde(deserialize_with = "range::lr")]
    pub lr: f64,
    /// `λ_u`, the weight of the unsupervised loss. Default: 1. At 0 no unlabeled image is drawn: the baseline.
    #[serde(deserialize_with = "range::lambda_u")]
    pub lambda_u: f64,
    /// τ: a pseudo-label counts when its probability is at least this. Default: 0.95.
    #[serde(deserialize_with = "range::ratio")]
    pub threshold: f64,
    /// Whether the learning rate moves every step (the paper) or every pass over the unlabeled images.
    pub schedule: Schedule,
    /// One concatenated pass or two.
    pub forward: Forward,
    /// What is done with strong views whose pseudo-label does not count.
    pub masked_views: MaskedViews,
    /// What the layers compute in while they train. Default: `f32`. Weights, their average, batch norm's statistics and
    /// the loss are f32 either way, and so are evaluations.
    pub precision: Precision,
    /// Of everything but the label set.
    #[serde(deserialize_with = "range::seed")]
    pub seed: u64,
    /// Steps averaged into one point of the curves. Default: 32.
    #[serde(deserialize_with = "range::positive")]
    pub window: u64,
}

impl Default for Train {
    fn default() -> Self {
        Self {
            steps: 1 << 20,
            batch: 64,
            mu: 7,
            lr: 0.03,
            lambda_u: 1.0,
            threshold: 0.95,
            schedule: Schedule::Step,
            forward: Forward::Joint,
            masked_views: MaskedViews::Auto,
            precision: Precision::F32,
            seed: 0,
            window: 32,
        }
    }
}

/// When the learning rate moves.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Schedule {
    /// Every step.
    Step,
    /// At the start of every pass over the unlabeled images.
    Epoch,
}

/// How the three kinds of views pass through the network.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Forward {
    /// All in one batch, as in the original code: batch norm sees all of them.
    Joint,
    /// Weak unlabeled views first, without gradient; then the rest. The same gradients for a network without batch
    /// norm, and cheaper. With batch norm another algorithm: each pass is normalised by its own batch, and only the
    /// second one moves the running statistics.
    Split,
}

/// What is done with strong views whose pseudo-label does not count: their part of the loss is zero.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum MaskedViews {
    /// `skip` where that gives the same gradients and pays: in two passes, without batch norm, on the CPU.
    Auto,
    /// They pass through the network like all others.
    Compute,
    /// They do not. The same gradients for a network without batch norm; with it another algorithm, since they are
    /// missing from the batch's statistics. The step waits for the mask, which a GPU has to be waited for.
    Skip,
}

/// What layers compute in.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, clap::ValueEnum)]
#[serde(rename_all = "kebab-case")]
pub enum Precision {
    /// Single precision.
    F32,
    /// bfloat16: the range of f32 with 8 bits of precision. Needs half of the memory, and on processors with instructions
    /// for it, and on GPUs, less time.
    Bf16,
}

/// `[optim]`
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Optim {
    /// Nesterov's β. Default: 0.9.
    #[serde(deserialize_with = "range::below_one")]
    pub momentum: f64,
    /// Default: true.
    pub nesterov: bool,
    /// Default: 5e-4 (paper, table 4).
    #[serde(deserialize_with = "range::weight_decay")]
    pub weight_decay: f64,
    /// What decays. Default: `kernels`, as in the original code.
    pub decay: Decay,
    /// The decay of the weights' moving average, which is what the paper evaluates. Default: 0.999; an average over
    /// the last thousand steps is of no use to a run of a few hundred, which needs 0.99.
    #[serde(deserialize_with = "range::below_one")]
    pub ema_decay: f64,
}

impl Default for Optim {
    fn default() -> Self {
        Self { momentum: 0.9, nesterov: true, weight_decay: 5e-4, decay: Decay::Kernels, ema_decay: 0.999 }
    }
}

/// Which parameters decay.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Decay {
    /// Weights of convolutions and dense layers.
    Kernels,
    /// Every parameter, biases and batch norm's included.
    All,
}
