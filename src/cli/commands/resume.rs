//! `fixmatch resume`: goes on with a run that is paused, or whose worker is gone.

use std::process::ExitCode;

use anyhow::{Result, bail};
use fixmatch::examples;
use fixmatch::run::amend::amend;
use fixmatch::run::change::{Edit, Request};
use fixmatch::run::checkpoint;
use fixmatch::run::history::{History, in_words};
use fixmatch::run::seal;
use fixmatch::run::state::{RunState, Status};

use super::requests::Patience;
use super::{Reader, RunArg, Runs, attach, foreground, note, requests, train};

/// Go on with a run: one that is paused, stopped, suspended, failed or lost
///
/// Where no worker is left, one starts from the newest checkpoint and stays in the foreground, as with `fixmatch train`.
#[derive(clap::Args)]
#[command(after_help = examples!("fixmatch resume", "fixmatch resume quickstart --drop-changes --detach"))]
pub struct Args {
    #[command(flatten)]
    run: RunArg,
    /// Train in the background and return at once
    #[arg(long)]
    detach: bool,
    /// Show it in the console, if the terminal allows; the console closes with q or when the run ends
    #[arg(long, conflicts_with = "detach")]
    attach: bool,
    /// Drop the recorded changes that lie ahead of the step that it goes on from
    #[arg(long)]
    drop_changes: bool,
    /// Drop this change, which lies ahead: its number or KEY@STEP; repeatable
    #[arg(long, value_name = "CHANGE")]
    drop: Vec<String>,
}

impl Args {
    /// The changes that are to be dropped, by their numbers, where the run goes on from `step`.
    fn dropped(&self, history: &History, step: u64) -> Result<Vec<u32>> {
        let mut dropped: Vec<u32> = self.drop.iter().map(|text| history.find(text)).collect::<Result<_>>()?;
        if self.drop_changes {
            dropped.extend(history.ahead(step).iter().map(|it| it.number));
        }
        dropped.sort_unstable();
        dropped.dedup();
        Ok(dropped)
    }

    /// Drops what is not wanted of the changes that lie ahead; then says where the run goes on, and with which.
    fn settle_changes(&self, reader: &mut Reader) -> Result<()> {
        let (newest, _) = checkpoint::newest(&reader.dir.checkpoints())?;
        seal::check(&reader.dir, &RunState::read(&reader.dir)?, newest.as_ref())?;
        let step = newest.map_or(0, |found| found.state.step);
        let dropped = self.dropped(&reader.state.history, step)?;
        if !dropped.is_empty() {
            amend(&reader.dir, &drops(&dropped))?;
            reader.read()?;
        }
        let history = &reader.state.history;
        let ahead = history.ahead(step);
        let gone: Vec<_> = dropped.iter().filter_map(|number| history.at(*number)).collect();
        if !gone.is_empty() {
            note(format_args!("dropped: {}", in_words(&gone)));
        }
        let others = if gone.is_empty() { "" } else { "other " };
        if !ahead.is_empty() {
            note(format_args!("goes on at step {step}; {others}recorded changes ahead: {}", in_words(&ahead)));
            note("  (they are made again at their steps; `fixmatch changes` drops or edits them)");
        } else if !gone.is_empty() {
            note(format_args!("goes on at step {step} without {}", if gone.len() == 1 { "it" } else { "them" }));
        } else if self.drop_changes {
            note(format_args!("goes on at step {step}; there was nothing to drop: no recorded change lies ahead"));
        } else if !history.entries().is_empty() {
            note(format_args!("goes on at step {step}; no recorded change lies ahead"));
        }
        Ok(())
    }

    /// Ends a pause, after what is not wanted of the changes that lie ahead was dropped.
    fn go_on(&self, reader: Reader, runs: &Runs) -> Result<ExitCode> {
        let dropped = self.dropped(&reader.state.history, reader.state.step)?;
        if dropped.is_empty() && self.drop_changes {
            note("there was nothing to drop: no recorded change lies ahead");
        }
        let dir = reader.dir.clone();
        requests::change(reader.dir, &drops(&dropped), &Patience::usual(), runs)?;
        let mut reader = Reader::new(dir);
        reader.read()?;
        requests::go_on(reader)
    }
}

fn drops(numbers: &[u32]) -> Vec<Request> {
    numbers.iter().map(|number| Request::Edit(Edit::Drop(*number))).collect()
}

pub fn run(args: &Args, runs: &Runs) -> Result<ExitCode> {
    let mut reader = Reader::new(runs.find(&args.run)?);
    let (_, status) = reader.look()?;
    let (dir, name) = (reader.dir.clone(), runs.name_of(&reader.dir));
    match status {
        Status::Paused => args.go_on(reader, runs),
        Status::Starting | Status::Running => {
            let drops = args.drop_changes || !args.drop.is_empty();
            let drops =
                if drops { format!(", `fixmatch changes {name} --drop CHANGE` drops a change") } else { String::new() };
            bail!("{} is {} already; `fixmatch watch {name}` follows it{drops}", dir.id(), status.label())
        }
        Status::NotResponding => bail!("{}", requests::not_responding(&dir)),
        Status::Finished => bail!(
            "{} has finished all {} steps; `fixmatch fork {name} --set train.steps={}` goes on from its last checkpoint in a new run",
            dir.id(),
            reader.state.step,
            2 * reader.state.step
        ),
        Status::Stopped | Status::Suspended | Status::Failed | Status::Lost => {
            args.settle_changes(&mut reader)?;
            let steps = dir.read_run()?.config.train.steps;
            note(format_args!("run directory: {}", dir.path().display()));
            if args.detach {
                return foreground::detach(&dir, runs);
            }
            let console = attach::console_on(&dir, args.attach, runs);
            train::finish(&foreground::follow(&dir, steps, Vec::new(), console)?, runs)
        }
    }
}
