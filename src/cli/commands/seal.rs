//! `fixmatch seal`: takes a run as it is now, after an edit that was meant or damage that cannot be mended.

use std::process::ExitCode;

use anyhow::Result;
use fixmatch::examples;
use fixmatch::run::seal::accept;

use super::{RunArg, Runs, say};

/// Take a run as it is now: after an edit that was meant, or damage that cannot be mended
///
/// A run whose files were edited or damaged is shown, but not resumed, forked or exported. `fixmatch verify` says what is wrong.
/// This seals the files anew as they are, takes damaged lines out of the log, keeping the old one beside it, and says so in
/// the log. For other values of a run that is whole, see `fixmatch fork`.
#[derive(clap::Args)]
#[command(after_help = examples!("fixmatch seal quickstart"))]
pub struct Args {
    #[command(flatten)]
    run: RunArg,
}

pub fn run(args: &Args, runs: &Runs) -> Result<ExitCode> {
    let dir = runs.find(&args.run)?;
    let accepted = accept(&dir)?;
    if accepted.files.is_empty() && accepted.damage.is_empty() {
        say(format_args!("{}: nothing to take as it is, all is as it was written", dir.id()))?;
        return Ok(ExitCode::SUCCESS);
    }
    for (file, what) in &accepted.files {
        say(format_args!("{file}: {what}; taken as it is"))?;
    }
    for what in &accepted.damage {
        say(format_args!("events.jsonl: {what}; taken without"))?;
    }
    if let Some(path) = &accepted.kept_at {
        say(format_args!("the log as it was: {}", path.display()))?;
    }
    Ok(ExitCode::SUCCESS)
}
