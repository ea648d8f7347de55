//! What is asked of whatever trains runs beyond this machine: four verbs.
//!
//! An engine is never the truth. How a run stands is what its directory says; an engine adds where its job is.

use std::time::Duration;

use anyhow::Result;

use crate::suite::batch::Batch;

/// Something that trains the runs of a suite elsewhere.
pub trait Engine {
    /// Hands all tasks of a batch in, which has its script by then. Returns what the engine calls it.
    fn submit(&self, batch: &Batch) -> Result<String>;

    /// All jobs that the engine knows of, of any batch, in one question.
    fn jobs(&self) -> Result<Vec<Job>>;

    /// Takes jobs back that have not begun.
    fn cancel(&self, jobs: &[&Job]) -> Result<()>;

    /// Asks jobs that have begun to save and end.
    fn signal(&self, jobs: &[&Job]) -> Result<()>;
}

/// A task of a batch, as the engine has it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Job {
    /// What the engine calls it.
    pub id: String,
    /// [`Batch::token`].
    pub batch: String,
    /// Its place in the batch.
    pub task: usize,
    /// Where it is.
    pub state: JobState,
    /// The machine, once it has one.
    pub host: Option<String>,
    /// How often it was queued again.
    pub restarts: u32,
    /// The time that it has left, if that is limited.
    pub left: Option<Duration>,
}

/// Where a job is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum JobState {
    /// It has not begun, or is to begin again; why, in the engine's word.
    Queued(String),
    /// It has begun.
    Running,
    /// It is about to end, or to be queued again.
    Ending,
    /// It is over; how, in the engine's words.
    Ended(String),
}

impl JobState {
    /// Whether it trains, or will without being handed in again.
    pub fn is_open(&self) -> bool {
        match self {
            Self::Queued(_) | Self::Running | Self::Ending => true,
            Self::Ended(_) => false,
        }
    }
}
