//! `fixmatch wait`: silent until a run's worker ends, for scripts.

use std::process::ExitCode;

use anyhow::Result;
use fixmatch::examples;
use fixmatch::run::dir::RunDir;
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
    Ok(match until_ended(runs.find(&args.run)?)? {
        Status::Finished => ExitCode::SUCCESS,
        Status::Stopped | Status::Suspended => STOPPED.into(),
        _ => ExitCode::FAILURE,
    })
}

/// Waits until a run has no worker any more. Returns how it stands then.
pub fn until_ended(dir: RunDir) -> Result<Status> {
    let mut reader = Reader::new(dir);
    loop {
        let status = reader.look()?.1;
        if !status.is_alive() {
            return Ok(status);
        }
        std::thread::sleep(POLL);
    }
}
