//! `fixmatch labels list|show|make|compare|race|suggest|advise`: which images are labeled, before a run is started and after.

use std::process::ExitCode;

use anyhow::Result;
use clap::Subcommand;

use super::Runs;
use fixmatch::examples;

mod advise;
mod choice;
mod compare;
pub mod labeled;
mod list;
mod listing;
mod make;
mod race;
pub mod sheet;
mod show;
mod suggest;

/// List, show, write, compare and race label sets, and suggest images to label: which training images are labeled
///
/// A label set is that of a preset, of a run, of a file, is saved under a name, or is picked from a data set: `fixmatch labels show quickstart`,
/// `show RUN`, `show file:PATH`, `show cifar10 --pick least-representative --by agreement --per-class 10`. The options
/// are the keys of a preset's [labels] and [data]; with a preset they override its values, with a run they pick anew.
#[derive(clap::Args)]
#[command(after_help = examples!(
    "fixmatch labels show quickstart",
    "fixmatch labels compare cifar10 --pick random --pick least-representative --by agreement",
))]
pub struct Args {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    List(list::Args),
    Show(show::Args),
    Make(make::Args),
    Compare(compare::Args),
    Race(race::Args),
    Suggest(suggest::Args),
    Advise(advise::Args),
}

pub fn run(args: &Args, runs: &Runs) -> Result<ExitCode> {
    match &args.command {
        Command::List(args) => list::run(args),
        Command::Show(args) => show::run(args, runs),
        Command::Make(args) => make::run(args, runs),
        Command::Compare(args) => compare::run(args, runs),
        Command::Race(args) => race::run(args, runs),
        Command::Suggest(args) => suggest::run(args, runs),
        Command::Advise(args) => advise::run(args, runs),
    }
}
