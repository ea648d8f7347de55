//! Requests: how anything outside the worker changes a run.
//!
//! A request is one small file in the run's `control/` folder. The worker reads it, answers in the event log
//! (`accepted`, then `applied` or `refused`) and removes it, so every change to a run can be read later.

use std::ffi::{OsStr, OsString};
use std::fs;
use std::io;
use std::path::Path;
use std::str::FromStr;
use std::time::{Duration, SystemTime};

use anyhow::{Context, Result, bail, ensure};
use serde::{Deserialize, Serialize};

use crate::files::{self, replace_file};

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
    let letter = Letter { who: crate::host::user_at_host(), request };
    let text = serde_json::to_vec(&letter).expect("a letter has only JSON's types");
    let path = control.join(format!("{id}.json"));
    replace_file(&path, &text).with_context(|| format!("cannot put a request into {}", control.display()))?;
    Ok(id)
}

/// The longest request that is read.
const MAX_LETTER: u64 = 64 << 10;

/// A file of the mailbox.
#[derive(Debug)]
pub struct Mail {
    /// Its name.
    pub name: OsString,
    /// What is in it.
    pub content: Content,
}

/// What a file of the mailbox holds.
#[derive(Debug)]
pub enum Content {
    /// A request.
    Letter(Letter),
    /// What is none, and why: to be refused.
    Nonsense(anyhow::Error),
    /// No file that could be a request, and why: to be left alone.
    Foreign(anyhow::Error),
}

impl Mail {
    /// The request's id, which answers carry: the name without its extension.
    pub fn id(&self) -> String {
        Path::new(&self.name).file_stem().unwrap_or_default().to_string_lossy().into_owned()
    }
}

/// What waits in the mailbox, oldest first, but for what `is_known` already.
pub fn collect(control: &Path, is_known: impl Fn(&OsStr) -> bool) -> Result<Vec<Mail>> {
    let mut names = names(control)?;
    names.retain(|name| !is_known(name));
    names.sort();
    let mail = |name: OsString| Some(Mail { content: read(&control.join(&name))?, name });
    Ok(names.into_iter().filter_map(mail).collect())
}

/// The names of what waits in the mailbox.
pub fn names(control: &Path) -> Result<Vec<OsString>> {
    let problem = || format!("cannot read {}", control.display());
    let mut names = Vec::new();
    for entry in fs::read_dir(control).with_context(problem)? {
        let name = entry.with_context(problem)?.file_name();
        let is_aside = name.as_encoded_bytes().starts_with(b"."); // being written
        if !is_aside && Path::new(&name).extension().is_some_and(|extension| extension == "json") {
            names.push(name);
        }
    }
    Ok(names)
}

/// None of what is gone again.
fn read(path: &Path) -> Option<Content> {
    let file = match files::open_no_link(path) {
        Ok(file) => file,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return None,
        Err(error) => return Some(Content::Foreign(error.into())),
    };
    let parse = || -> Result<Letter> {
        let text = files::read_open(&file, MAX_LETTER).context("cannot read the request")?;
        let letter: Letter = serde_json::from_slice(&text).context("the request is not one this version knows")?;
        if let Request::Set(change) | Request::Edit(Edit::Value(_, change)) = letter.request {
            change.validate()?;
        }
        Ok(letter)
    };
    Some(parse().map_or_else(Content::Nonsense, Content::Letter))
}

/// Removes an answered request.
pub fn discard(control: &Path, name: &OsStr) -> Result<()> {
    let path = control.join(name);
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
        let mail = collect(folder.path(), |_| false).expect("collected");
        assert_eq!(mail.len(), 1);
        assert_eq!(mail[0].id(), id);
        let Content::Letter(letter) = &mail[0].content else { panic!("{mail:?}") };
        assert_eq!(letter.request, Request::Set(Change::Threshold(0.9)));
        assert!(collect(folder.path(), |name| name == mail[0].name).expect("collected").is_empty());
        discard(folder.path(), &mail[0].name).expect("discarded");
        assert!(names(folder.path()).expect("collected").is_empty());
    }

    #[test]
    fn a_request_that_makes_no_sense_is_collected_with_its_reason() {
        let folder = tempfile::tempdir().expect("a temporary folder");
        fs::write(folder.path().join("1.json"), "{").expect("written");
        fs::write(folder.path().join("2.json"), r#"{"who":"me","request":{"set":{"threshold":7}}}"#).expect("written");
        let reasons: Vec<_> = collect(folder.path(), |_| false)
            .expect("collected")
            .into_iter()
            .map(|mail| match mail.content {
                Content::Nonsense(error) => format!("{error:#}"),
                other => panic!("{other:?}"),
            })
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
