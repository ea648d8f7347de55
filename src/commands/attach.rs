//! `fixmatch attach`: the console on a run, or in a few lines, what happened to it since one last looked.

use std::process::ExitCode;
use std::time::Duration;

use anyhow::Result;
use fixmatch::event_log::read_all;
use fixmatch::last_seen::{self, Digest, Seen};
use fixmatch::run_dir::RunDir;
use fixmatch::run_state::RunState;

use super::format::{duration, grouped, percent, plural};
use super::{RunArg, Runs, say};
pub use crate::console::Shown;
use crate::console::app::Access;
use crate::console::glyphs::Glyphs;
use crate::console::{self, Options, Stay, world};

/// Open the console on a run
///
/// Without a terminal, `fixmatch watch` follows a run.
#[derive(clap::Args)]
pub struct Args {
    #[command(flatten)]
    run: RunArg,
    /// Show this run beside it
    #[arg(long, value_name = "RUN", conflicts_with = "brief")]
    beside: Option<String>,
    #[command(flatten)]
    look: Look,
    /// Print what happened since you last looked, and return
    #[arg(long)]
    brief: bool,
}

/// How the console is to look and what it may do.
#[derive(clap::Args, Default)]
pub struct Look {
    /// Only look: hides and refuses everything that drives a run
    #[arg(long)]
    readonly: bool,
    /// Which characters to draw with [default: braille, or ASCII without a UTF-8 locale]
    #[arg(long, value_name = "SET")]
    glyphs: Option<Glyphs>,
}

pub fn run(args: &Args, runs: &Runs) -> Result<ExitCode> {
    let dir = runs.find(&args.run)?;
    if args.brief {
        return brief(&dir);
    }
    let shown = match &args.beside {
        Some(other) => Shown::Both([dir, runs.find(&RunArg { run: Some(other.clone()) })?]),
        None => Shown::Run(dir),
    };
    open(&args.look, runs, shown, Stay::Open)
}

/// Opens the console.
pub fn open(look: &Look, runs: &Runs, shown: Shown, stay: Stay) -> Result<ExitCode> {
    let access = if look.readonly { Access::ReadOnly } else { Access::Full };
    console::open(Options { runs: runs.folder().to_owned(), shown, stay, access, glyphs: look.glyphs })
}

fn brief(dir: &RunDir) -> Result<ExitCode> {
    let log = read_all(&dir.events())?;
    let mut state = RunState::default();
    for record in &log {
        state.apply(record);
    }
    let file = world::seen_file()?;
    let nothing = Seen { time: 0.0, step: 0, accuracy: None, remaining_s: None };
    let before = last_seen::recall(&file, dir).unwrap_or(nothing);
    say(format_args!("{}: {}", dir.id(), state.status(dir).label()))?;
    match Digest::of(before, &state, &log, None) {
        None => say("nothing happened since you last looked")?,
        Some(digest) => {
            for line in digest_lines(&digest) {
                say(line)?;
            }
            last_seen::remember(&file, dir, digest.now);
        }
    }
    Ok(ExitCode::SUCCESS)
}

/// A digest in a few lines.
pub fn digest_lines(digest: &Digest) -> Vec<String> {
    let Digest { before, now, .. } = digest;
    let mut lines = Vec::new();
    let steps = now.step as i64 - before.step as i64;
    let away = if before.time > 0.0 {
        let span = Duration::try_from_secs_f64((now.time - before.time).max(0.0)).unwrap_or_default();
        format!(" in {}", duration(span))
    } else {
        String::new()
    };
    let sign = if steps < 0 { "-" } else { "+" };
    lines.push(format!("{sign}{} steps{away}, now at step {}", grouped(steps.unsigned_abs()), grouped(now.step)));
    lines.extend(accuracy_line(digest));
    if !digest.counts.is_empty() {
        let counts: Vec<_> = digest.counts.iter().map(|(noun, n)| plural(*n as u64, noun)).collect();
        lines.push(counts.join(", "));
    }
    let left = |seconds: Option<f64>| Duration::try_from_secs_f64(seconds?).ok();
    if let (Some(before), Some(now)) = (left(before.remaining_s), left(now.remaining_s)) {
        lines.push(format!("left: {} then, {} now", duration(before), duration(now)));
    }
    lines
}

fn accuracy_line(digest: &Digest) -> Option<String> {
    let now = digest.now.accuracy?;
    let Some(gain) = digest.gain() else { return Some(format!("test accuracy {}", percent(now))) };
    let noise = match (digest.is_beyond_noise(), digest.noise) {
        (Some(true), _) => ", more than noise".to_owned(),
        (Some(false), Some(noise)) => format!(", within the noise of ±{:.1}", 200.0 * noise),
        (Some(false) | None, _) => String::new(),
    };
    Some(format!("test accuracy {} ({:+.1} points{noise})", percent(now), 100.0 * gain))
}
