//! What can be asked of a run's worker, and the values that can change while it trains.

use std::str::FromStr;

use anyhow::{Context, Result, bail, ensure};
use serde::{Deserialize, Serialize};

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
    /// τ, in [0, 1].
    Threshold(f64),
    /// `λ_u`, in [0, 1000].
    LambdaU(f64),
    /// Multiplies the scheduled learning rate; in (0, 100].
    LrFactor(f64),
    /// K: the rest of the cosine is stretched over the rest of the steps.
    Steps(u64),
}

impl Change {
    /// The keys of what can change while a run trains.
    pub const KEYS: [&str; 4] = ["threshold", "lambda_u", "lr_factor", "steps"];

    /// Checks the value by itself.
    pub fn validate(self) -> Result<()> {
        match self {
            Self::Threshold(x) => ensure!((0.0..=1.0).contains(&x), "threshold must be in [0, 1], not {x}"),
            Self::LambdaU(x) => ensure!((0.0..=1000.0).contains(&x), "lambda_u must be in [0, 1000], not {x}"),
            Self::LrFactor(x) => {
                ensure!(x > 0.0 && x <= 100.0, "lr_factor must be more than 0 and at most 100, not {x}");
            }
            Self::Steps(x) => ensure!(i64::try_from(x).is_ok() && x > 0, "steps must be in [1, 2^63), not {x}"),
        }
        Ok(())
    }

    /// To how many steps it goes, if it is a change of them.
    pub fn to_steps(self) -> Option<u64> {
        if let Self::Steps(steps) = self { Some(steps) } else { None }
    }

    /// Its value, as a user writes it.
    pub fn value(self) -> String {
        match self {
            Self::Threshold(x) | Self::LambdaU(x) | Self::LrFactor(x) => x.to_string(),
            Self::Steps(x) => x.to_string(),
        }
    }

    /// The key that a user writes.
    pub fn key(self) -> &'static str {
        match self {
            Self::Threshold(_) => "threshold",
            Self::LambdaU(_) => "lambda_u",
            Self::LrFactor(_) => "lr_factor",
            Self::Steps(_) => "steps",
        }
    }
}

impl std::fmt::Display for Change {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Threshold(x) | Self::LambdaU(x) | Self::LrFactor(x) => write!(f, "{} = {x}", self.key()),
            Self::Steps(x) => write!(f, "steps = {x}"),
        }
    }
}

impl FromStr for Change {
    type Err = anyhow::Error;

    /// `threshold=0.9`; the key may carry the preset's `train.` in front.
    fn from_str(text: &str) -> Result<Self> {
        let keys = Self::KEYS.join(", ");
        let (key, value) =
            text.split_once('=').with_context(|| format!("{text:?} is not KEY=VALUE; KEY is one of {keys}"))?;
        let number = || value.trim().parse::<f64>().with_context(|| format!("{text:?}: {value:?} is not a number"));
        let change = match key.trim().trim_start_matches("train.") {
            "threshold" => Self::Threshold(number()?),
            "lambda_u" => Self::LambdaU(number()?),
            "lr_factor" => Self::LrFactor(number()?),
            "steps" => Self::Steps(
                value.trim().parse().with_context(|| format!("{text:?}: {value:?} is not a whole number of steps"))?,
            ),
            "lr" => bail!("the learning rate follows its schedule; set lr_factor, which multiplies it"),
            other => bail!("{other:?} cannot change while a run trains; what can: {keys}"),
        };
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
        assert_eq!("train.steps = 100".parse::<Change>().expect("parses"), Change::Steps(100));
        for (text, expected) in [
            ("threshold=1.5", "must be in [0, 1]"),
            ("threshold", "is not KEY=VALUE"),
            ("lr=0.1", "set lr_factor"),
            ("batch=3", "cannot change while a run trains"),
            ("steps=1.5", "not a whole number"),
            ("lambda_u=nan", "must be in [0, 1000], not NaN"),
        ] {
            let error = format!("{:#}", text.parse::<Change>().expect_err(text));
            assert!(error.contains(expected), "{text}: {error}");
        }
    }
}
