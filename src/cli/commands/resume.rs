//! `fixmatch resume`: goes on with a run that is paused, or whose worker is gone.

use std::process::ExitCode;

use anyhow::{Result, bail};
use fixmatch::examples;
use fixmatch::run::amend::amend;
use fixmatch::run::change::{Edit, Request};
use fixmatch::run::history::in_words;
use fixmatch::run::state::{RunState, Status};

use super::{Reader, RunArg, Runs, foreground, note, requests, train};

/// Go on with a run: one that is paused, stopped, suspended, failed or lost
///
/// Where no worker is left, one starts from the newest checkpoint and stays in the foreground, as with `fixmatch train`.
#[derive(clap::Args)]
#[command(after_help = examples!("fixmatch resume", "fixmatch resume quickstart --drop-changes --detach"))]
pub struct Args {
    #[command(flatten)]
    run: RunArg,
    /// Hand it to the background and return
    #[arg(long)]
    detach: bool,
    /// Drop the recorded changes that lie ahead of the step that it goes on from
    #[arg(long)]
    drop_changes: bool,
    /// Drop this change, which lies ahead: its number or KEY@STEP; repeatable
    #[arg(long, value_name = "CHANGE")]
    drop: Vec<String>,
}

/// Drops what is not wanted of the changes that lie ahead; then says where the run goes on, and with which.
fn settle_changes(args: &Args, reader: &mut Reader) -> Result<()> {
    let step = RunState::goes_on_at(&reader.dir)?;
    let history = &reader.state.history;
    let mut drop: Vec<u32> = args.drop.iter().map(|text| history.find(text)).collect::<Result<_>>()?;
    if args.drop_changes {
        drop.extend(history.ahead(step).iter().map(|it| it.number));
    }
    drop.sort_unstable();
    drop.dedup();
    if !drop.is_empty() {
        let edits: Vec<_> = drop.into_iter().map(|number| Request::Edit(Edit::Drop(number))).collect();
        amend(&reader.dir, &edits)?;
        reader.read()?;
    }
    let ahead = reader.state.history.ahead(step);
    if !ahead.is_empty() {
        note(format_args!("goes on at step {step}; recorded changes ahead: {}", in_words(&ahead)));
        note("  (`fixmatch changes` drops or edits them)");
    } else if !reader.state.history.entries().is_empty() {
        note(format_args!("goes on at step {step}; no recorded change lies ahead"));
    }
    Ok(())
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
            settle_changes(args, &mut reader)?;
            let steps = dir.read_run()?.config.train.steps;
            note(format_args!("run directory: {}", dir.path().display()));
            if args.detach {
                return foreground::detach(&dir, runs);
            }
            train::finish(&foreground::follow(&dir, steps, || Ok(()))?, runs)
        }
    }
}
