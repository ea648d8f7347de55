//! `fixmatch resume`: goes on with a run that is paused, or whose worker is gone.

use std::process::ExitCode;

use anyhow::{Result, bail};
use fixmatch::run_state::Status;

use super::{Reader, RunArg, Runs, foreground, note, requests, train};

/// Go on with a run: one that is paused, stopped, suspended, failed or lost
///
/// Where no worker is left, one starts from the newest checkpoint and stays in the foreground, as with `fixmatch train`.
#[derive(clap::Args)]
pub struct Args {
    #[command(flatten)]
    run: RunArg,
    /// Hand it to the background and return
    #[arg(long)]
    detach: bool,
}

pub fn run(args: &Args, runs: &Runs) -> Result<ExitCode> {
    let mut reader = Reader::new(runs.find(&args.run)?);
    let (_, status) = reader.look()?;
    let (dir, name) = (reader.dir.clone(), runs.name_of(&reader.dir));
    match status {
        Status::Paused => requests::go_on(reader),
        Status::Starting | Status::Running => {
            bail!("{} is {} already; `fixmatch watch {name}` follows it", dir.id(), status.label())
        }
        Status::NotResponding => bail!("{}", requests::not_responding(&dir)),
        Status::Finished => bail!(
            "{} has finished all {} steps; `fixmatch fork {name} --set train.steps={}` goes on from its last checkpoint in a new run",
            dir.id(),
            reader.state.step,
            2 * reader.state.step
        ),
        Status::Stopped | Status::Suspended | Status::Failed | Status::Lost => {
            let steps = dir.read_run()?.config.train.steps;
            note(format_args!("run directory: {}", dir.path().display()));
            if args.detach {
                return foreground::detach(&dir, runs);
            }
            train::finish(&foreground::follow(&dir, steps, || Ok(()))?, runs)
        }
    }
}
