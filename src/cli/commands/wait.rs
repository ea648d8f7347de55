//! `fixmatch wait`: silent until a run's worker ends, for scripts.

use std::process::ExitCode;

use anyhow::Result;
use fixmatch::examples;
use fixmatch::run::state::Status;

use super::watch::POLL;
use super::{Reader, RunArg, Runs, STOPPED};
use crate::signals::let_signals_end_this;

/// Wait until a run's worker ends
///
/// Exit code: 0 finished, 1 failed or lost, 3 stopped or suspended.
#[derive(clap::Args)]
#[command(after_help = examples!("fixmatch wait quickstart && fixmatch show quickstart"))]
pub struct Args {
    #[command(flatten)]
    run: RunArg,
}

pub fn run(args: &Args, runs: &Runs) -> Result<ExitCode> {
    let_signals_end_this();
    let mut reader = Reader::new(runs.find(&args.run)?);
    loop {
        match reader.look()?.1 {
            Status::Starting | Status::Running | Status::Paused | Status::NotResponding => std::thread::sleep(POLL),
            Status::Finished => return Ok(ExitCode::SUCCESS),
            Status::Stopped | Status::Suspended => return Ok(STOPPED.into()),
            Status::Failed | Status::Lost => return Ok(ExitCode::FAILURE),
        }
    }
}
