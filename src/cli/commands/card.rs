//! `fixmatch title`, `fixmatch tag` and `fixmatch note`: what people write on a run.

use std::process::ExitCode;

use anyhow::Result;
use fixmatch::examples;
use fixmatch::run::card::Card;
use fixmatch::run::dir::RunDir;
use serde::Serialize;

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

/// Give a run a title, which lists and reports show beside its name
#[derive(clap::Args)]
#[command(after_help = examples!("fixmatch title quickstart Few-labels", "fixmatch title quickstart ''"))]
pub struct Title {
    /// A path, a name, or a part of a name that fits only one run
    #[arg(value_name = "RUN", add = complete::run())]
    run: String,
    /// The title, in the place of the old one; "" takes it away; without any, the title of the run is printed
    #[arg(value_name = "TEXT")]
    text: Option<String>,
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

/// What people wrote on a run, for programs.
#[derive(Serialize)]
pub struct Written {
    title: Option<String>,
    tags: Vec<String>,
    note: Option<String>,
}

impl Written {
    /// What stands on a card.
    pub fn of(card: &Card) -> Self {
        let some = |text: &String| Some(text.clone()).filter(|text| !text.is_empty());
        Self { title: some(&card.title), tags: card.tags.iter().cloned().collect(), note: some(&card.note) }
    }
}

pub fn tag(args: &Tag, runs: &Runs) -> Result<ExitCode> {
    let edit = |card: &mut Card| card.tag(&args.tags);
    let (dir, card) = written(&args.run, runs, (!args.tags.is_empty()).then_some(edit))?;
    let tags: Vec<&str> = card.tags.iter().map(String::as_str).collect();
    tell(&dir, "tags", &tags.join(", "))
}

pub fn title(args: &Title, runs: &Runs) -> Result<ExitCode> {
    let edit = args.text.as_ref().map(|text| |card: &mut Card| card.set_title(text));
    let (dir, card) = written(&args.run, runs, edit)?;
    tell(&dir, "title", &card.title)
}

pub fn note(args: &Note, runs: &Runs) -> Result<ExitCode> {
    let edit = args.text.as_ref().map(|text| |card: &mut Card| card.set_note(text));
    let (dir, card) = written(&args.run, runs, edit)?;
    tell(&dir, "note", &card.note)
}

/// A run and what stands on its card, after an edit if there is one.
fn written(run: &str, runs: &Runs, edit: Option<impl FnOnce(&mut Card) -> Result<()>>) -> Result<(RunDir, Card)> {
    let dir = runs.find(&RunArg { run: Some(run.to_owned()) })?;
    let card = match edit {
        Some(edit) => Card::change(&dir, edit)?,
        None => Card::read(&dir)?,
    };
    Ok((dir, card))
}

fn tell(dir: &RunDir, what: &str, text: &str) -> Result<ExitCode> {
    say(format_args!("{}: {}", dir.id(), if text.is_empty() { format!("no {what}") } else { text.to_owned() }))?;
    Ok(ExitCode::SUCCESS)
}
