//! `fixmatch attach`: the console on a run, or in a few lines, what happened to it since one last looked.

use anyhow::Result;
use fixmatch::examples;
use fixmatch::run::dir::RunDir;
use fixmatch::run::log::read_all;
use fixmatch::run::seen::{self, Digest, Seen};
use fixmatch::run::state::RunState;
use std::process::ExitCode;

use super::{RunArg, Runs, complete, say};
pub use crate::console::Shown;
use crate::console::glyphs::Glyphs;
use crate::console::keys::Access;
use crate::console::{self, Options, Stay};
use crate::words::digest::digest_lines;

/// Open the console on a run
///
/// Without a terminal, `fixmatch watch` follows a run.
#[derive(clap::Args)]
#[command(after_help = examples!(
    "fixmatch attach",
    "fixmatch attach quickstart --readonly",
    "fixmatch attach quickstart --brief",
))]
pub struct Args {
    #[command(flatten)]
    run: RunArg,
    /// Show this run beside it
    #[arg(long, value_name = "RUN", conflicts_with = "brief", add = complete::run())]
    beside: Option<String>,
    #[command(flatten)]
    look: Look,
    /// Print what happened since you last looked, and return
    #[arg(long)]
    brief: bool,
}

/// How the console is to look and what it may do.
#[derive(Clone, Copy, clap::Args, Default, PartialEq, Eq)]
pub struct Look {
    /// Only look: hides and refuses everything that drives a run
    #[arg(long)]
    readonly: bool,
    /// Which characters to draw with [default: braille, or ASCII without a UTF-8 locale]
    #[arg(long, value_name = "SET")]
    glyphs: Option<Glyphs>,
}

impl Look {
    /// Whether nothing was said of it.
    pub fn is_usual(self) -> bool {
        self == Self::default()
    }

    /// What was said before the command and behind it.
    #[must_use]
    pub fn and(self, other: Self) -> Self {
        Self { readonly: self.readonly || other.readonly, glyphs: other.glyphs.or(self.glyphs) }
    }
}

/// Runs `fixmatch attach`; `before` stands before the word.
pub fn run(args: &Args, before: Look, runs: &Runs) -> Result<ExitCode> {
    let dir = runs.find(&args.run)?;
    if args.brief {
        return brief(&dir);
    }
    let shown = match &args.beside {
        Some(other) => Shown::Beside(vec![dir, runs.find(&RunArg { run: Some(other.clone()) })?]),
        None => Shown::Run(dir),
    };
    open(before.and(args.look), runs, shown, Stay::Open)
}

/// Opens the console.
pub fn open(look: Look, runs: &Runs, shown: Shown, stay: Stay) -> Result<ExitCode> {
    console::open(options(look, runs, shown, stay))
}

fn options(look: Look, runs: &Runs, shown: Shown, stay: Stay) -> Options {
    let access = if look.readonly { Access::ReadOnly } else { Access::Full };
    Options { runs: runs.folder().to_owned(), shown, stay, access, glyphs: look.glyphs }
}

/// How a command that stays with a run shows it in the console, if it is to and there is a terminal that can.
pub fn console_on(dir: &RunDir, attach: bool, runs: &Runs) -> Option<Options> {
    let is_wanted = attach && console::has_terminal();
    is_wanted.then(|| options(Look::default(), runs, Shown::Run(dir.clone()), Stay::WithRun))
}

fn brief(dir: &RunDir) -> Result<ExitCode> {
    let log = read_all(&dir.events())?;
    let mut state = RunState::default();
    for record in &log {
        state.apply(record);
    }
    let file = seen::file()?;
    let before = seen::recall(&file, dir).unwrap_or(Seen::NOTHING);
    say(format_args!("{}: {}", dir.id(), state.status(dir).label()))?;
    match Digest::of(before, &state, &log, None) {
        None => say("nothing happened since you last looked")?,
        Some(digest) => {
            for line in digest_lines(&digest) {
                say(line)?;
            }
            seen::remember(&file, dir, digest.now);
        }
    }
    Ok(ExitCode::SUCCESS)
}
