//! Requests: how anything outside the worker changes a run.
//!
//! A request is one small file in the run's `control/` folder. The worker reads it, answers in the event log
//! (`accepted`, then `applied` or `refused`) and removes it, so every change to a run can be read later.

use std::fs;
use std::path::Path;
use std::str::FromStr;
use std::time::{Duration, SystemTime};

use anyhow::{Context, Result, bail, ensure};
use serde::{Deserialize, Serialize};

use crate::run_dir::replace_file;

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
        const KEYS: &str = "threshold, lambda_u, lr_factor, steps";
        let (key, value) =
            text.split_once('=').with_context(|| format!("{text:?} is not KEY=VALUE; KEY is one of {KEYS}"))?;
        let number = || value.trim().parse::<f64>().with_context(|| format!("{text:?}: {value:?} is not a number"));
        let change = match key.trim().trim_start_matches("train.") {
            "threshold" => Self::Threshold(number()?),
            "lambda_u" => Self::LambdaU(number()?),
            "lr_factor" => Self::LrFactor(number()?),
            "steps" => Self::Steps(
                value.trim().parse().with_context(|| format!("{text:?}: {value:?} is not a whole number of steps"))?,
            ),
            "lr" => bail!("the learning rate follows its schedule; set lr_factor, which multiplies it"),
            other => bail!("{other:?} cannot change while a run trains; what can: {KEYS}"),
        };
        change.validate()?;
        Ok(change)
    }
}

/// A request with its sender.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Letter {
    /// user@host.
    pub who: String,
    /// What is asked.
    pub request: Request,
}

/// Puts a request into the `control` folder of a run and returns its id, which the answers carry.
pub fn post(control: &Path, request: Request) -> Result<String> {
    let since_epoch = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
    let id = format!("{:015}-{}", since_epoch.as_micros(), std::process::id());
    let letter = Letter { who: crate::run_dir::user_at_host(), request };
    let text = serde_json::to_vec(&letter).expect("a letter has only JSON's types");
    let path = control.join(format!("{id}.json"));
    replace_file(&path, &text).with_context(|| format!("cannot put a request into {}", control.display()))?;
    Ok(id)
}

/// A file of the mailbox: its id, age, and what it asks, or why that cannot be read.
#[derive(Debug)]
pub struct Mail {
    /// The file's name without extension.
    pub id: String,
    /// When it was put there.
    pub posted: SystemTime,
    /// Its content.
    pub letter: Result<Letter>,
}

/// What waits in the mailbox, oldest first.
pub fn collect(control: &Path) -> Result<Vec<Mail>> {
    let mut mail = Vec::new();
    for entry in fs::read_dir(control).with_context(|| format!("cannot read {}", control.display()))? {
        let path = entry?.path();
        let (Some(stem), Some("json")) = (path.file_stem(), path.extension().and_then(|x| x.to_str())) else {
            continue;
        };
        if stem.to_string_lossy().starts_with('.') {
            continue; // being written
        }
        let posted = fs::metadata(&path).and_then(|meta| meta.modified()).unwrap_or(SystemTime::UNIX_EPOCH);
        let letter = fs::read(&path).context("cannot read the request").and_then(|text| {
            let letter: Letter = serde_json::from_slice(&text).context("the request is not one this version knows")?;
            if let Request::Set(change) = letter.request {
                change.validate()?;
            }
            Ok(letter)
        });
        mail.push(Mail { id: stem.to_string_lossy().into_owned(), posted, letter });
    }
    mail.sort_by(|a, b| a.id.cmp(&b.id));
    Ok(mail)
}

/// Removes an answered request.
pub fn discard(control: &Path, id: &str) -> Result<()> {
    let path = control.join(format!("{id}.json"));
    fs::remove_file(&path).with_context(|| format!("cannot remove the answered request {}", path.display()))
}

/// How often a worker looks into its mailbox.
pub const POLL: Duration = Duration::from_millis(100);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_posted_request_is_collected_and_discarded() {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let id = post(folder.path(), Request::Set(Change::Threshold(0.9))).expect("posted");
        let mail = collect(folder.path()).expect("collected");
        assert_eq!(mail.len(), 1);
        assert_eq!(mail[0].id, id);
        assert_eq!(mail[0].letter.as_ref().expect("reads").request, Request::Set(Change::Threshold(0.9)));
        discard(folder.path(), &id).expect("discarded");
        assert!(collect(folder.path()).expect("collected").is_empty());
    }

    #[test]
    fn a_request_that_makes_no_sense_is_collected_with_its_reason() {
        let folder = tempfile::tempdir().expect("a temporary folder");
        fs::write(folder.path().join("1.json"), "{").expect("written");
        fs::write(folder.path().join("2.json"), r#"{"who":"me","request":{"set":{"threshold":7}}}"#).expect("written");
        let reasons: Vec<_> = collect(folder.path())
            .expect("collected")
            .into_iter()
            .map(|mail| format!("{:#}", mail.letter.expect_err("refused")))
            .collect();
        assert!(reasons[0].contains("not one this version knows"), "{}", reasons[0]);
        assert!(reasons[1].contains("threshold must be in [0, 1], not 7"), "{}", reasons[1]);
    }

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
