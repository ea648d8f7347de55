//! `run.toml`: the configuration of a run, where it came from, and what its worker found.

use serde::{Deserialize, Serialize};

use crate::base::host::user_at_host;
use crate::config::RunConfig;
use crate::data::preprocess::Preprocess;

/// `run.toml`: a run in full.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct RunFile {
    /// Where the run came from.
    pub provenance: Provenance,
    /// What the worker found where it runs; absent until it has started once.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub environment: Option<Environment>,
    /// Every value, defaults included.
    pub config: RunConfig,
}

impl RunFile {
    /// A run that is made now, by this user with this program.
    pub fn new(preset: String, settings: Vec<String>, config: RunConfig) -> Self {
        let provenance = Provenance {
            preset,
            settings,
            version: crate::VERSION.into(),
            who: user_at_host(),
            created: jiff::Timestamp::now().strftime("%Y-%m-%dT%H:%M:%SZ").to_string(),
            parent: None,
            suite: None,
        };
        Self { provenance, environment: None, config }
    }
}

/// Who made a run, from what.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Provenance {
    /// The preset's name or path.
    pub preset: String,
    /// `--set` and the like, in order.
    pub settings: Vec<String>,
    /// The version and commit of the program that made the run.
    pub version: String,
    /// user@host.
    pub who: String,
    /// RFC 3339, UTC.
    pub created: String,
    /// The run that it was forked from.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub parent: Option<Parent>,
    /// The suite that it was made for.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub suite: Option<String>,
}

/// Where a fork comes from.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Parent {
    /// The run's name.
    pub run: String,
    /// After so many steps.
    pub step: u64,
}

/// What a result depends on beside the configuration.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Environment {
    /// The machine.
    pub host: String,
    /// Its processor.
    pub cpu: String,
    /// `cpu` or `cuda:N`.
    pub device: String,
    /// What GPU that is, as its driver names it; runs on a CPU and of older versions lack it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub gpu: Option<String>,
    /// `CUDA_VISIBLE_DEVICES`, if it was set.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub cuda_visible_devices: Option<String>,
    /// libtorch's version.
    pub libtorch: String,
    /// libtorch's threads inside an operation, resolved.
    pub threads: u32,
    /// The worker's version and commit.
    pub version: String,
    /// SHA-256 of the data set as decoded.
    pub data_digest: String,
    /// Whether that digest is the official one.
    pub data_known: bool,
    /// The level of vector instructions that our own operations run with on a CPU; runs of older versions lack it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub instructions: Option<String>,
    /// What the network is fed with; runs of older versions lack it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub input: Option<Preprocess>,
}
