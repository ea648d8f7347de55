//! `fixmatch trash list|restore|empty`: the runs and label sets that were deleted in the console.

use std::io::{self, IsTerminal as _};
use std::process::ExitCode;
use std::time::Duration;

use anyhow::{Context as _, Result, bail};
use clap::Subcommand;
use fixmatch::base::dirs;
use fixmatch::base::host::now;
use fixmatch::examples;
use serde::Serialize;

use super::{Runs, complete, note, say, say_json};
use crate::words::numbers::{bytes, duration, plural, table};

mod items;

use self::items::{Item, Kind};

/// List, bring back or remove for good what was deleted: runs and saved label sets
///
/// The console moves them to the folder .trash beside the others. Nothing is removed from there by itself.
#[derive(clap::Args)]
#[command(after_help = examples!("fixmatch trash list", "fixmatch trash restore quickstart"))]
pub struct Args {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// List what is in the trash, with its size and since when
    #[command(after_help = examples!("fixmatch trash list"))]
    List {
        /// As JSON
        #[arg(long)]
        json: bool,
    },
    /// Bring a run or a label set back
    ///
    /// Refused where another one has its name by now.
    #[command(after_help = examples!("fixmatch trash restore quickstart"))]
    Restore {
        /// A name that `trash list` shows, a part that fits no other, or a path
        #[arg(add = complete::trashed())]
        name: String,
    },
    /// Remove all that is in the trash for good, after a question
    #[command(after_help = examples!("fixmatch trash empty"))]
    Empty {
        /// Without the question
        #[arg(long)]
        yes: bool,
    },
}

/// What the list says of something in the trash.
#[derive(Serialize)]
struct Row<'a> {
    name: &'a str,
    kind: Kind,
    path: String,
    bytes: u64,
    /// When it was moved to the trash.
    trashed: Option<String>,
    /// The command that brings it back, as arguments.
    restore: Vec<String>,
}

pub fn run(args: &Args, runs: &Runs) -> Result<ExitCode> {
    let items = items::list(runs.folder(), &dirs::label_sets_dir()?)?;
    match &args.command {
        Command::List { json } => list(&items, *json, runs)?,
        Command::Restore { name } => {
            let item = items::find(&items, name)?;
            let to = item.restore()?;
            say(format_args!("{} {} is back: {}", word(item.kind), item.name, to.display()))?;
        }
        Command::Empty { .. } if items.is_empty() => note("the trash is empty"),
        Command::Empty { yes } => return empty(&items, *yes),
    }
    Ok(ExitCode::SUCCESS)
}

fn list(items: &[Item], json: bool, runs: &Runs) -> Result<()> {
    if json {
        return say_json(&items.iter().map(|item| Row::of(item, runs)).collect::<Vec<_>>());
    }
    if items.is_empty() {
        note("the trash is empty");
        return Ok(());
    }
    let cells = |item: &Item| {
        let age = Duration::try_from_secs_f64((now() - item.moved as f64).max(0.0)).unwrap_or_default();
        vec![item.name.clone(), word(item.kind).into(), bytes(item.n_bytes), duration(age)]
    };
    say(table(&["NAME", "WHAT", "SIZE", "DELETED AGO"], &items.iter().map(cells).collect::<Vec<_>>()))?;
    let command = command(runs).join(" ");
    note(format_args!("`{command} restore NAME` brings one back; `{command} empty` removes {} for good", all(items)));
    Ok(())
}

/// Removes what can be removed, and says of the rest why it stays.
fn empty(items: &[Item], yes: bool) -> Result<ExitCode> {
    if !yes && !is_agreed(items)? {
        note("nothing was removed");
        return Ok(ExitCode::FAILURE);
    }
    let (mut removed, mut kept) = (Vec::new(), 0);
    for item in items {
        match item.remove() {
            Ok(()) => removed.push(item.clone()),
            Err(error) => {
                kept += 1;
                note(format_args!("error: {} stays: {error:#}", item.name));
            }
        }
    }
    if !removed.is_empty() {
        say(format_args!("removed {}", all(&removed)))?;
    }
    Ok(if kept == 0 { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

fn is_agreed(items: &[Item]) -> Result<bool> {
    if !io::stdin().is_terminal() {
        bail!("this would remove {} for good: --yes says so where nobody can be asked", all(items));
    }
    for item in items {
        note(format_args!("  {} {}", word(item.kind), item.name));
    }
    note(format_args!("remove {} for good? y or n:", all(items)));
    let mut answer = String::new();
    io::stdin().read_line(&mut answer).context("cannot read the answer")?;
    Ok(matches!(answer.trim().to_lowercase().as_str(), "y" | "yes"))
}

/// `2 runs and 1 label set (12.3 MB)`
fn all(items: &[Item]) -> String {
    let n = |kind| items.iter().filter(|item| item.kind == kind).count() as u64;
    let counts = [Kind::Run, Kind::LabelSet].map(|kind| (n(kind), word(kind)));
    let counts: Vec<_> = counts.iter().filter(|(n, _)| *n > 0).map(|(n, word)| plural(*n, word)).collect();
    format!("{} ({})", counts.join(" and "), bytes(items.iter().map(|item| item.n_bytes).sum()))
}

fn word(kind: Kind) -> &'static str {
    match kind {
        Kind::Run => "run",
        Kind::LabelSet => "label set",
    }
}

/// The words of this command for the same folder of runs.
fn command(runs: &Runs) -> Vec<String> {
    let folder = (!runs.is_usual()).then(|| ["--runs".to_owned(), runs.folder().display().to_string()]);
    let words = ["fixmatch".to_owned()].into_iter().chain(folder.into_iter().flatten());
    words.chain(["trash".to_owned()]).collect()
}

impl<'a> Row<'a> {
    fn of(item: &'a Item, runs: &Runs) -> Self {
        let path = item.path.display().to_string();
        let trashed = jiff::Timestamp::from_second(item.moved).ok().map(|moved| moved.to_string());
        let restore = [command(runs), vec!["restore".into(), path.clone()]].concat();
        Self { name: &item.name, kind: item.kind, bytes: item.n_bytes, trashed, restore, path }
    }
}
