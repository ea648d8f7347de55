//! Digests of the files of a run that decide its results, which its log and its checkpoints carry.

use std::fmt;
use std::path::Path;

use anyhow::{Context as _, Result};
use serde::{Deserialize, Serialize};

use crate::base::files;
use crate::base::hex::sha256_hex;
use crate::run::dir::RunDir;

/// SHA-256 of each file, in hex; None of one that is not there.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Digests {
    /// `run.toml`
    pub run: Option<String>,
    /// `labels.json`
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub labels: Option<String>,
    /// `held-out.csv`
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub held_out: Option<String>,
}

/// A file that differs.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Difference {
    /// It has another content.
    Changed(&'static str),
    /// It is not there any more.
    Gone(&'static str),
    /// It was not there before.
    New(&'static str),
}

impl Digests {
    /// Those of a run's files as they are now.
    pub fn of(dir: &RunDir) -> Result<Self> {
        let digest = |path: &Path| match files::read(path) {
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(None),
            read => {
                read.map(|bytes| Some(sha256_hex(&bytes))).with_context(|| format!("cannot read {}", path.display()))
            }
        };
        Ok(Self { run: digest(&dir.run_toml())?, labels: digest(&dir.labels())?, held_out: digest(&dir.held_out())? })
    }

    /// The files that are not what they were.
    pub fn differences(&self, now: &Self) -> Vec<Difference> {
        let files = [
            ("run.toml", &self.run, &now.run),
            ("labels.json", &self.labels, &now.labels),
            ("held-out.csv", &self.held_out, &now.held_out),
        ];
        files.into_iter().filter_map(|(name, then, now)| Difference::of(name, then.as_ref(), now.as_ref())).collect()
    }
}

impl Difference {
    fn of(name: &'static str, then: Option<&String>, now: Option<&String>) -> Option<Self> {
        match (then, now) {
            (Some(_), None) => Some(Self::Gone(name)),
            (None, Some(_)) => Some(Self::New(name)),
            (then, now) => (then != now).then_some(Self::Changed(name)),
        }
    }

    /// The file.
    pub fn file(&self) -> &'static str {
        match self {
            Self::Changed(name) | Self::Gone(name) | Self::New(name) => name,
        }
    }
}

impl fmt::Display for Difference {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Changed(name) => write!(f, "{name} is not what the run was trained with"),
            Self::Gone(name) => write!(f, "{name} is gone"),
            Self::New(name) => write!(f, "{name} was not there when the run was trained"),
        }
    }
}
