//! Slurm, seen from inside of a job: how much time is left, and to be queued again.

use std::process::Command;
use std::time::Duration;

use anyhow::{Context, Result, bail};

use super::{output_of, state_of, time};
use crate::run::event::Job;
use crate::suite::engine::JobState;

/// The job that this process runs in.
#[derive(Clone, Debug)]
pub struct Inside {
    job: Job,
}

/// What Slurm says of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Seen {
    /// Whether it goes on until it ends by itself. Else Slurm has decided already what becomes of it.
    pub goes_on: bool,
    /// The time that it has left, if that is limited.
    pub left: Option<Duration>,
}

impl Inside {
    /// This process's job.
    pub fn new() -> Result<Self> {
        Ok(Self { job: Job::this().context("this is no job of Slurm: SLURM_JOB_ID is not set")? })
    }

    /// The job's name.
    pub fn job(&self) -> &Job {
        &self.job
    }

    /// Asks Slurm.
    ///
    /// # Errors
    /// If it does not answer, as while its controller is down.
    pub fn look(&self) -> Result<Seen> {
        let columns = "State:20|,RestartCnt:12|,TimeLeft:24";
        let asked = ["--noheader", "--array", "--states=all", "--Format", columns, "--jobs", &self.job.id];
        let said = match output_of(Command::new("squeue").args(asked)) {
            // Forgotten, and so it is over.
            Err(error) if error.to_string().contains("Invalid job id") => String::new(),
            said => said?,
        };
        let gone = Seen { goes_on: false, left: None };
        let Some(line) = said.lines().next() else { return Ok(gone) };
        let columns: Vec<_> = line.split('|').map(str::trim).collect();
        let [state, restarts, left] = columns[..] else { bail!("squeue answers {said:?}") };
        let is_this = restarts.parse() == Ok(self.job.restarts);
        Ok(Seen { goes_on: is_this && state_of(state, "") == JobState::Running, left: time(left) })
    }

    /// Has Slurm end this job, and put it into the queue again.
    pub fn requeue(&self) -> Result<()> {
        output_of(Command::new("scontrol").args(["requeue", &self.job.id])).map(drop)
    }
}
