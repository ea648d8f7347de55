//! What can be asked of a run's worker, and the values that can change while it trains.

use std::str::FromStr;

use anyhow::{Context, Result, bail, ensure};
use serde::{Deserialize, Serialize};

use crate::base::alike::closest;
use crate::config::range::{ABOVE_ZERO, BELOW_ONE, LAMBDA_U as WEIGHT, LR, RATIO};
use crate::config::{Align, Policy, PseudoLabel, Variant};

/// What can be asked of a worker.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Request {
    /// Save and end.
    Stop,
    /// Save and end, to be resumed: memory is freed.
    Suspend,
    /// Wait before the next step, memory kept.
    Pause,
    /// Go on after a pause.
    Continue,
    /// Save now.
    Checkpoint,
    /// Evaluate the test set now.
    Evaluate,
    /// Change a value before the next step.
    Set(Change),
    /// Take the last change back that was not taken back yet.
    Undo,
    /// Edit a recorded change that lies ahead.
    Edit(Edit),
}

impl Request {
    /// Whether it is about the values that can change, which it edits also where no worker is left.
    pub fn is_about_changes(self) -> bool {
        matches!(self, Self::Set(_) | Self::Undo | Self::Edit(_))
    }
}

/// What can be done to a recorded change, by its number.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Edit {
    /// It counts no more.
    Drop(u32),
    /// It gets another value.
    Value(u32, Change),
    /// It takes effect at another step.
    Move(u32, u64),
}

impl Edit {
    /// The number of the change.
    pub fn number(self) -> u32 {
        let (Self::Drop(number) | Self::Value(number, _) | Self::Move(number, _)) = self;
        number
    }
}

impl std::fmt::Display for Edit {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Drop(number) => write!(f, "drop change {number}"),
            Self::Value(number, change) => write!(f, "change {number} becomes {change}"),
            Self::Move(number, step) => write!(f, "move change {number} to step {step}"),
        }
    }
}

/// A value that can change while a run trains.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Change {
    /// τ.
    Threshold(f64),
    /// `λ_u`.
    LambdaU(f64),
    /// Multiplies the scheduled learning rate.
    LrFactor(f64),
    /// K: the rest of the cosine is stretched over the rest of the steps.
    Steps(u64),
    /// What is left of a policy's averages after a step.
    #[serde(rename = "pseudo_label.momentum")]
    Momentum(f64),
    /// `w_f`, the weight of `FreeMatch`'s fairness loss.
    #[serde(rename = "pseudo_label.fairness")]
    Fairness(f64),
    /// The lowest threshold that a class has in `FreeMatch`.
    #[serde(rename = "pseudo_label.floor")]
    Floor(f64),
    /// The highest one.
    #[serde(rename = "pseudo_label.ceiling")]
    Ceiling(f64),
    /// What `SoftMatch` divides its σ by.
    #[serde(rename = "pseudo_label.n_sigma")]
    NSigma(f64),
}

/// What is known of one of the values that can change while a run trains.
#[derive(Debug)]
pub struct LiveKey {
    /// As a user writes it.
    pub name: &'static str,
    /// What it means, in at most 40 letters.
    pub meaning: &'static str,
    /// What it may be, as in "must be …".
    pub allowed: &'static str,
    /// Reads a value; None for what is no number of its kind.
    read: fn(&str) -> Option<Change>,
    /// Whether it has a part in a run's rule.
    is_of: fn(&PseudoLabel) -> bool,
}

/// The values that can change while a run trains, in the order in which they are shown.
pub const LIVE: [&LiveKey; 9] =
    [&THRESHOLD, &LAMBDA_U, &LR_FACTOR, &STEPS, &MOMENTUM, &FAIRNESS, &FLOOR, &CEILING, &N_SIGMA];

static THRESHOLD: LiveKey = LiveKey {
    name: "threshold",
    meaning: "τ, confidence a pseudo-label needs",
    allowed: RATIO.text,
    read: |text| text.parse().ok().map(Change::Threshold),
    is_of: |rule| rule.policy.has_threshold(),
};

static LAMBDA_U: LiveKey = LiveKey {
    name: "lambda_u",
    meaning: "λ_u, weight of the unsupervised loss",
    allowed: WEIGHT.text,
    read: |text| text.parse().ok().map(Change::LambdaU),
    is_of: |_| true,
};

static LR_FACTOR: LiveKey = LiveKey {
    name: "lr_factor",
    meaning: "factor of the learning rate",
    allowed: LR.text,
    read: |text| text.parse().ok().map(Change::LrFactor),
    is_of: |_| true,
};

static STEPS: LiveKey = LiveKey {
    name: "steps",
    meaning: "number of steps in total",
    allowed: "a whole number in [1, 2^63)",
    read: |text| text.parse().ok().map(Change::Steps),
    is_of: |_| true,
};

static MOMENTUM: LiveKey = LiveKey {
    name: "pseudo_label.momentum",
    meaning: "what is left of the rule's averages",
    allowed: BELOW_ONE.text,
    read: |text| text.parse().ok().map(Change::Momentum),
    is_of: |rule| matches!(rule.policy, Policy::Freematch | Policy::Softmatch) || rule.align == Align::Uniform,
};

static FAIRNESS: LiveKey = LiveKey {
    name: "pseudo_label.fairness",
    meaning: "w_f, weight of FreeMatch's fairness loss",
    allowed: WEIGHT.text,
    read: |text| text.parse().ok().map(Change::Fairness),
    is_of: |rule| rule.policy == Policy::Freematch,
};

static FLOOR: LiveKey = LiveKey {
    name: "pseudo_label.floor",
    meaning: "no class has a lower threshold",
    allowed: RATIO.text,
    read: |text| text.parse().ok().map(Change::Floor),
    is_of: |rule| rule.policy == Policy::Freematch && rule.variant != Variant::Usb,
};

static CEILING: LiveKey = LiveKey {
    name: "pseudo_label.ceiling",
    meaning: "no class has a higher threshold",
    allowed: RATIO.text,
    read: |text| text.parse().ok().map(Change::Ceiling),
    is_of: |rule| rule.policy == Policy::Freematch,
};

static N_SIGMA: LiveKey = LiveKey {
    name: "pseudo_label.n_sigma",
    meaning: "n_σ, what SoftMatch divides its σ by",
    allowed: ABOVE_ZERO.text,
    read: |text| text.parse().ok().map(Change::NSigma),
    is_of: |rule| rule.policy == Policy::Softmatch,
};

impl LiveKey {
    /// Finds a value by its name, which may carry the preset's `train.` in front.
    pub fn find(name: &str) -> Option<&'static Self> {
        let name = name.trim();
        let name = name.strip_prefix("train.").unwrap_or(name);
        LIVE.into_iter().find(|key| key.name == name)
    }

    /// All names, as a list in a sentence.
    pub fn names() -> String {
        LIVE.map(|key| key.name).join(", ")
    }

    /// Whether it has a part in a run's rule, by which pseudo-labels count.
    pub fn is_of(&self, rule: &PseudoLabel) -> bool {
        (self.is_of)(rule)
    }
}

impl Change {
    /// What is known of the value that it changes.
    pub fn key(self) -> &'static LiveKey {
        match self {
            Self::Threshold(_) => &THRESHOLD,
            Self::LambdaU(_) => &LAMBDA_U,
            Self::LrFactor(_) => &LR_FACTOR,
            Self::Steps(_) => &STEPS,
            Self::Momentum(_) => &MOMENTUM,
            Self::Fairness(_) => &FAIRNESS,
            Self::Floor(_) => &FLOOR,
            Self::Ceiling(_) => &CEILING,
            Self::NSigma(_) => &N_SIGMA,
        }
    }

    /// Checks the value by itself.
    pub fn validate(self) -> Result<()> {
        let is_allowed = match self {
            Self::Threshold(x) | Self::Floor(x) | Self::Ceiling(x) => (RATIO.holds)(x),
            Self::LambdaU(x) | Self::Fairness(x) => (WEIGHT.holds)(x),
            Self::Momentum(x) => (BELOW_ONE.holds)(x),
            Self::NSigma(x) => (ABOVE_ZERO.holds)(x),
            Self::LrFactor(x) => (LR.holds)(x),
            Self::Steps(x) => x > 0 && i64::try_from(x).is_ok(),
        };
        let LiveKey { name, allowed, .. } = self.key();
        ensure!(is_allowed, "{name} must be {allowed}, not {}", self.value());
        Ok(())
    }

    /// To how many steps it goes, if it is a change of them.
    pub fn to_steps(self) -> Option<u64> {
        if let Self::Steps(steps) = self { Some(steps) } else { None }
    }

    /// Its value, as a user writes it.
    pub fn value(self) -> String {
        match self {
            Self::Steps(x) => x.to_string(),
            Self::Threshold(x)
            | Self::LambdaU(x)
            | Self::LrFactor(x)
            | Self::Momentum(x)
            | Self::Fairness(x)
            | Self::Floor(x)
            | Self::Ceiling(x)
            | Self::NSigma(x) => x.to_string(),
        }
    }
}

impl std::fmt::Display for Change {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{} = {}", self.key().name, self.value())
    }
}

impl FromStr for Change {
    type Err = anyhow::Error;

    /// `threshold=0.9`; the key may carry the preset's `train.` in front.
    fn from_str(text: &str) -> Result<Self> {
        let names = LiveKey::names();
        let (name, value) =
            text.split_once('=').with_context(|| format!("{text:?} is not KEY=VALUE; KEY is one of {names}"))?;
        let (name, value) = (name.trim(), value.trim());
        let Some(key) = LiveKey::find(name) else {
            ensure!(
                name.trim_start_matches("train.") != "lr",
                "the learning rate follows its schedule; set lr_factor, which multiplies it"
            );
            let short = LIVE.iter().find(|key| key.name.rsplit('.').next() == Some(name)).map(|key| key.name);
            let meant = short.map_or_else(|| closest(name, LIVE.map(|key| key.name)), |name| vec![name]).join(" or ");
            let meant = if meant.is_empty() { meant } else { format!(" (did you mean {meant}?)") };
            bail!("{name:?} cannot change while a run trains; what can: {names}{meant}");
        };
        let change = (key.read)(value)
            .with_context(|| format!("{text:?}: {} must be {}, not {value:?}", key.name, key.allowed))?;
        change.validate()?;
        Ok(change)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn changes_are_read_from_key_and_value() {
        assert_eq!("threshold=0.9".parse::<Change>().expect("parses"), Change::Threshold(0.9));
        assert_eq!("pseudo_label.n_sigma=3".parse::<Change>().expect("parses"), Change::NSigma(3.0));
        assert_eq!("train.steps = 100".parse::<Change>().expect("parses"), Change::Steps(100));
        for (text, expected) in [
            ("threshold=1.5", "must be in [0, 1]"),
            ("threshold", "is not KEY=VALUE"),
            ("lr=0.1", "set lr_factor"),
            ("batch=3", "cannot change while a run trains"),
            ("steps=1.5", "steps must be a whole number in [1, 2^63), not \"1.5\""),
            ("steps=0", "steps must be a whole number in [1, 2^63), not 0"),
            ("treshold=0.9", "did you mean threshold?"),
            ("n_sigma=3", "did you mean pseudo_label.n_sigma?"),
            ("pseudo_label.momentum=1", "pseudo_label.momentum must be at least 0 and below 1, not 1"),
            ("pseudo_label.policy=fixed", "cannot change while a run trains"),
            ("lambda_u=nan", "must be in [0, 1000], not NaN"),
        ] {
            let error = format!("{:#}", text.parse::<Change>().expect_err(text));
            assert!(error.contains(expected), "{text}: {error}");
        }
    }
}
