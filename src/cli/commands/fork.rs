//! `fixmatch fork`: a new run that goes on from a checkpoint of another one.

use std::process::ExitCode;

use anyhow::Result;
use fixmatch::examples;
use fixmatch::plan::check_fork;
use fixmatch::run::fork::Fork;
use fixmatch::run::launch;

use super::train;
use super::{RunArg, Runs, complete, foreground, note};

/// Go on from a checkpoint of a run in a new run, with changed values or other labels
///
/// The new run knows its parent, whose curves up to there it has too. Without changes it goes on as its parent did, bit for bit.
#[derive(clap::Args)]
#[command(after_help = examples!(
    "fixmatch fork quickstart --set train.threshold=0.9",
    "fixmatch fork quickstart --at 200 --set labels.seed=2 --name other-labels",
))]
pub struct Args {
    #[command(flatten)]
    run: RunArg,
    /// The step of a checkpoint that is kept; `fixmatch show` lists them [default: the newest]
    #[arg(long, value_name = "STEP")]
    at: Option<u64>,
    /// Change a value, such as train.threshold=0.9 or labels.seed=2; repeatable
    #[arg(long = "set", value_name = "KEY=VALUE", add = complete::setting())]
    set: Vec<String>,
    /// What to call the new run [default: its parent's name and -fork]
    #[arg(long)]
    name: Option<String>,
    /// Train in the background and return at once
    #[arg(long)]
    detach: bool,
}

pub fn run(args: &Args, runs: &Runs) -> Result<ExitCode> {
    let parent = runs.find(&args.run)?;
    let fork = Fork::plan(&parent, args.at, &args.set)?;
    launch::check()?;
    check_fork(fork.config(), &parent)?;
    let dir = fork.make(runs.folder(), args.name.as_deref())?;
    note(format_args!("forked {} after {} steps", parent.id(), fork.step()));
    note(format_args!("run directory: {}", dir.path().display()));
    if args.detach {
        return foreground::detach(&dir, runs);
    }
    train::finish(&foreground::follow(&dir, fork.config().train.steps, Vec::new(), None)?, runs)
}
