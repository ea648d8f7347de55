//! `fixmatch changes`: the recorded changes of a run, and editing those that lie ahead.

use std::process::ExitCode;

use anyhow::{Context as _, Result};
use fixmatch::examples;
use fixmatch::run::change::{Change, Edit, Request};
use fixmatch::run::history::History;

use super::requests::{Patience, change};
use super::{Reader, RunArg, Runs, say, say_json};
use crate::words::changes::Changed;
use crate::words::numbers::table;

/// List the recorded changes of a run; drop or edit those that lie ahead
///
/// CHANGE is its number in the list, or KEY@STEP, such as lr_factor@415. A change lies ahead while no step was taken
/// under it, as after a crash: then the run goes on from its newest checkpoint. Works with a worker and without one.
#[derive(clap::Args)]
#[command(after_help = examples!("fixmatch changes", "fixmatch changes quickstart --drop lr_factor@415"))]
pub struct Args {
    #[command(flatten)]
    run: RunArg,
    /// Drop a change, or `all` that lie ahead; repeatable
    #[arg(long, value_name = "CHANGE")]
    drop: Vec<String>,
    /// Give a change another value; repeatable
    #[arg(long, value_name = "CHANGE=VALUE")]
    set: Vec<String>,
    /// Move a change to another step; repeatable
    #[arg(long = "move", value_name = "CHANGE=STEP")]
    moved: Vec<String>,
    /// Take the last change back; again, the one before
    #[arg(long)]
    undo: bool,
    /// The list as JSON
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    patience: Patience,
}

pub fn run(args: &Args, runs: &Runs) -> Result<ExitCode> {
    let mut reader = Reader::new(runs.find(&args.run)?);
    let (_, status) = reader.look()?;
    let ahead_from = reader.state.ahead_from(&reader.dir, status)?;
    let requests = requests(args, &reader.state.history, ahead_from)?;
    if !requests.is_empty() {
        return change(reader.dir, &requests, &args.patience, runs);
    }
    let all = Changed::all(&reader.state, ahead_from);
    if args.json {
        say_json(&all)?;
    } else if all.is_empty() {
        say("no change was recorded")?;
    } else {
        let rows: Vec<_> = all.iter().map(Changed::row).collect();
        say(table(&["#", "FROM STEP", "CHANGE", "BY", "AT", "STATE"], &rows))?;
    }
    Ok(ExitCode::SUCCESS)
}

/// What is asked for, in the order: edits, drops, undo.
fn requests(args: &Args, history: &History, ahead_from: u64) -> Result<Vec<Request>> {
    let mut edits = Vec::new();
    for text in &args.set {
        let (which, value) = text.rsplit_once('=').with_context(|| format!("{text:?} is not CHANGE=VALUE"))?;
        let number = history.find(which)?;
        let entry = history.at(number).with_context(|| format!("there is no change {number}"))?;
        let change: Change = format!("{}={value}", entry.change.key().name).parse()?;
        edits.push(Edit::Value(number, change));
    }
    for text in &args.moved {
        let (which, step) = text.rsplit_once('=').with_context(|| format!("{text:?} is not CHANGE=STEP"))?;
        let step = step.trim().parse().with_context(|| format!("{text:?}: {step:?} is no step"))?;
        edits.push(Edit::Move(history.find(which)?, step));
    }
    for text in &args.drop {
        if text == "all" {
            edits.extend(history.ahead(ahead_from).iter().map(|it| Edit::Drop(it.number)));
        } else {
            edits.push(Edit::Drop(history.find(text)?));
        }
    }
    Ok(edits.into_iter().map(Request::Edit).chain(args.undo.then_some(Request::Undo)).collect())
}
