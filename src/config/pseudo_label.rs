//! Which pseudo-labels count, and how much.

use anyhow::{Result, bail, ensure};
use serde::{Deserialize, Serialize};
use strum::VariantArray;

use super::range;

/// `[pseudo_label]`
///
/// The threshold τ of `fixed` and `flexmatch` is `train.threshold`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct PseudoLabel {
    /// Whose rule it is. Default: `fixed`, the paper's.
    pub policy: Policy,
    /// Whose version of the rule, where they differ. Default: `paper`.
    pub variant: Variant,
    /// How predictions are moved towards the classes' shares before they are judged. Default: `none`.
    pub align: Align,
    /// What is left of an average after a step: `FreeMatch`'s, `SoftMatch`'s and those of `align = "uniform"`.
    /// Default: 0.999 (both papers, and both public codes).
    #[serde(deserialize_with = "range::below_one")]
    pub momentum: f64,
    /// `FlexMatch`: whether images without a label so far keep thresholds low (its paper, equation 10). Default: true.
    pub warmup: bool,
    /// `FreeMatch`: the weight of its fairness loss. Default: 0.01 (`TorchSSL`'s configurations of the paper's tables),
    /// for the variant `usb` 0.001 (its configurations).
    #[serde(skip_serializing_if = "Option::is_none", deserialize_with = "range::some_lambda_u")]
    pub fairness: Option<f64>,
    /// `FreeMatch`: this quantile of the confidences moves its threshold, instead of their mean. USB has 0.8, switched off.
    #[serde(skip_serializing_if = "Option::is_none", deserialize_with = "range::some_ratio")]
    pub quantile: Option<f64>,
    /// `FreeMatch`: no class has a lower threshold. `TorchSSL` has 0.9 for SVHN.
    #[serde(skip_serializing_if = "Option::is_none", deserialize_with = "range::some_ratio")]
    pub floor: Option<f64>,
    /// `FreeMatch`: no class has a higher threshold, or for the variant `usb`, the global one is no higher. Both codes have
    /// 0.95 for SVHN.
    #[serde(skip_serializing_if = "Option::is_none", deserialize_with = "range::some_ratio")]
    pub ceiling: Option<f64>,
    /// `SoftMatch`: its σ is divided by this. Default: 2 (both public codes).
    #[serde(deserialize_with = "range::above_zero")]
    pub n_sigma: f64,
}

impl Default for PseudoLabel {
    fn default() -> Self {
        Self {
            policy: Policy::Fixed,
            variant: Variant::Paper,
            align: Align::None,
            momentum: 0.999,
            warmup: true,
            fairness: None,
            quantile: None,
            floor: None,
            ceiling: None,
            n_sigma: 2.0,
        }
    }
}

impl PseudoLabel {
    /// `w_f`, the weight of `FreeMatch`'s fairness loss.
    pub fn fairness(&self) -> f64 {
        self.fairness.unwrap_or(if self.variant == Variant::Usb { 0.001 } else { 0.01 })
    }

    /// The lowest threshold that a class has in `FreeMatch`.
    pub fn floor(&self) -> f64 {
        self.floor.unwrap_or(0.0)
    }

    /// The highest one.
    pub fn ceiling(&self) -> f64 {
        self.ceiling.unwrap_or(1.0)
    }

    /// Refuses values that do not go with each other, and what was set and has no part in the policy.
    pub fn check(&self) -> Result<()> {
        if let Some((key, of)) = self.idle() {
            let policy = self.policy.name();
            bail!("pseudo_label.{key} has no part in pseudo_label.policy = {policy:?}, only in {of}: leave it out");
        }
        let (floor, ceiling) = (self.floor(), self.ceiling());
        ensure!(floor <= ceiling, "pseudo_label.floor = {floor} is above pseudo_label.ceiling = {ceiling}");
        ensure!(
            self.floor.is_none() || self.variant != Variant::Usb,
            "pseudo_label.floor has no part in pseudo_label.variant = \"usb\": set \"torchssl\" or \"paper\""
        );
        Ok(())
    }

    /// A key that was set and has no part in the policy, with the policy in which it has one. The averages' momentum may be
    /// set for all of a suite.
    fn idle(&self) -> Option<(&'static str, &'static str)> {
        let default = Self::default();
        let free = self.policy == Policy::Freematch;
        [
            ("warmup", "flexmatch", !self.warmup && self.policy != Policy::Flexmatch),
            ("fairness", "freematch", self.fairness.is_some() && !free),
            ("quantile", "freematch", self.quantile.is_some() && !free),
            ("floor", "freematch", self.floor.is_some() && !free),
            ("ceiling", "freematch", self.ceiling.is_some() && !free),
            ("n_sigma", "softmatch", self.n_sigma != default.n_sigma && self.policy != Policy::Softmatch),
        ]
        .into_iter()
        .find_map(|(key, of, is_idle)| is_idle.then_some((key, of)))
    }
}

/// Rules by which pseudo-labels count.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, VariantArray)]
#[serde(rename_all = "kebab-case")]
pub enum Policy {
    /// Where the confidence is at least τ (`FixMatch`).
    Fixed,
    /// τ is lower for classes with few confident images (Zhang et al., `NeurIPS` 2021).
    Flexmatch,
    /// The threshold follows the confidences, and is lower for classes that are predicted less (Wang et al., ICLR 2023).
    Freematch,
    /// Each counts by how near its confidence is to the usual one (Chen et al., ICLR 2023).
    Softmatch,
}

impl Policy {
    /// As configurations have it.
    pub fn name(self) -> &'static str {
        match self {
            Self::Fixed => "fixed",
            Self::Flexmatch => "flexmatch",
            Self::Freematch => "freematch",
            Self::Softmatch => "softmatch",
        }
    }

    /// Whether `train.threshold` has a part in it.
    pub fn has_threshold(self) -> bool {
        matches!(self, Self::Fixed | Self::Flexmatch)
    }

    /// Whether every image counts in part, so that there is none to leave out.
    pub fn weighs(self) -> bool {
        self == Self::Softmatch
    }
}

/// Versions of a rule.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Variant {
    /// As the rule's paper writes it, with the constants of its tables.
    Paper,
    /// As the code `TorchSSL` has it.
    Torchssl,
    /// As the code Semi-supervised-learning (USB) has it.
    Usb,
}

/// How predictions are moved towards the classes' shares.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Align {
    /// Not at all.
    None,
    /// Towards equal shares, for the confidence alone (`SoftMatch`, section 3.3).
    Uniform,
    /// Towards the labeled images' shares, then sharpened (`ReMixMatch`, section 3.1, and `FixMatch`'s ablations).
    Remixmatch,
}
