//! `heartbeat`: that a worker lives, and what it is doing between two events.

use std::time::Duration;

use serde::{Deserialize, Serialize};

/// A heartbeat older than this is stale: the worker writes one every two seconds.
pub const STALE: Duration = Duration::from_secs(15);

/// `heartbeat`: that the worker lives, and what it is doing between two events.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Heartbeat {
    /// Seconds since 1970, UTC.
    pub time: f64,
    /// The worker's process.
    pub pid: u32,
    /// Its machine.
    pub host: String,
    /// The steps done.
    pub step: u64,
    /// What it is doing.
    pub phase: Phase,
}

/// What a worker is doing.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Phase {
    /// Reading data, building the model.
    #[default]
    Loading,
    /// Taking steps.
    Training,
    /// Running the test set.
    Evaluating,
    /// Writing a checkpoint.
    Saving,
    /// Parked.
    Paused,
    /// Scoring the training images, or waiting for another run that does.
    Ranking,
    /// Holding the training until there is room for what it writes.
    NoSpace,
    /// Holding the training until the disk takes what it writes.
    DiskFails,
}

impl Phase {
    /// What has to be done before a request can be followed, after "once"; None where that is a step at most.
    pub fn comes_first(self) -> Option<&'static str> {
        match self {
            Self::Loading => Some("its data and model are loaded"),
            Self::Evaluating => Some("the test set is evaluated"),
            Self::Saving => Some("the checkpoint is written"),
            Self::Training | Self::Paused | Self::Ranking | Self::NoSpace | Self::DiskFails => None,
        }
    }

    /// What keeps the worker from going on, if something does.
    pub fn trouble(self) -> Option<&'static str> {
        match self {
            Self::NoSpace => Some("waiting for disk space"),
            Self::DiskFails => Some("waiting for its disk, which fails"),
            Self::Loading | Self::Training | Self::Evaluating | Self::Saving | Self::Paused | Self::Ranking => None,
        }
    }
}
