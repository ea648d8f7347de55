//! `fixmatch tag` and `fixmatch note`: what people write on a run.

use std::process::ExitCode;

use anyhow::Result;
use fixmatch::examples;
use fixmatch::run::card::Card;

use super::{RunArg, Runs, complete, say};

/// Tag a run, to find it by: `fixmatch runs tag=good`
#[derive(clap::Args)]
#[command(after_help = examples!("fixmatch tag quickstart +good", "fixmatch tag quickstart +paper -draft"))]
pub struct Tag {
    /// A path, a name, or a part of a name that fits only one run
    #[arg(value_name = "RUN", add = complete::run())]
    run: String,
    /// Tags to add, and with a minus before them to take off; without any, the tags of the run are printed
    #[arg(value_name = "+TAG", allow_hyphen_values = true)]
    tags: Vec<String>,
}

/// Write a note on a run
#[derive(clap::Args)]
#[command(after_help = examples!("fixmatch note quickstart", "fixmatch note quickstart diverged-until-lr-0.01"))]
pub struct Note {
    /// A path, a name, or a part of a name that fits only one run
    #[arg(value_name = "RUN", add = complete::run())]
    run: String,
    /// The note, over the old one; "" takes it away; without any, the note of the run is printed
    #[arg(value_name = "TEXT")]
    text: Option<String>,
}

pub fn tag(args: &Tag, runs: &Runs) -> Result<ExitCode> {
    let dir = runs.find(&RunArg { run: Some(args.run.clone()) })?;
    let mut card = Card::read(&dir)?;
    if !args.tags.is_empty() {
        card.tag(&args.tags)?;
        card.write(&dir)?;
    }
    let tags: Vec<&str> = card.tags.iter().map(String::as_str).collect();
    say(format_args!("{}: {}", dir.id(), if tags.is_empty() { "no tags".into() } else { tags.join(", ") }))?;
    Ok(ExitCode::SUCCESS)
}

pub fn note(args: &Note, runs: &Runs) -> Result<ExitCode> {
    let dir = runs.find(&RunArg { run: Some(args.run.clone()) })?;
    let mut card = Card::read(&dir)?;
    if let Some(text) = &args.text {
        card.set_note(text)?;
        card.write(&dir)?;
    }
    say(format_args!("{}: {}", dir.id(), if card.note.is_empty() { "no note" } else { &card.note }))?;
    Ok(ExitCode::SUCCESS)
}
