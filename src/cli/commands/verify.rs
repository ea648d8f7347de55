//! `fixmatch verify`: whether a run's directory is whole, and whether its log is what this code computes.

use std::process::ExitCode;

use anyhow::Result;
use fixmatch::examples;
use fixmatch::run::verify::{Part, Verdict, verify};
use serde::Serialize;

use self::recompute::{Recomputed, recompute};
use super::{RunArg, Runs, say, say_json};
use crate::words::numbers::columns;

mod recompute;

/// Say whether a run's directory is whole: nothing edited, damaged or lost
///
/// The exit code is 1 if anything is wrong. With --recompute, windows of the curves are also trained again from the checkpoints
/// before them, and must come out as they are in the log, bit for bit.
#[derive(clap::Args)]
#[command(after_help = examples!("fixmatch verify quickstart", "fixmatch verify quickstart --recompute 3"))]
pub struct Args {
    #[command(flatten)]
    run: RunArg,
    /// Train so many windows of the curves again, picked at random, and compare them with the log
    #[arg(long, value_name = "N")]
    recompute: Option<usize>,
    /// What picks the windows [default: another one each time, which is told]
    #[arg(long, value_name = "N", requires = "recompute")]
    seed: Option<u64>,
    /// Pick them from the whole run, also far from any checkpoint: those are trained from the last one before them
    ///
    /// Without it, windows are picked that begin no further behind a kept checkpoint, or the start, than checkpoints are apart.
    /// With it, a window may take as long as all of the run before it.
    #[arg(long, requires = "recompute")]
    anywhere: bool,
    /// As JSON
    #[arg(long)]
    json: bool,
}

#[derive(Serialize)]
struct Page {
    id: String,
    path: String,
    whole: bool,
    parts: Vec<Part>,
    #[serde(skip_serializing_if = "Option::is_none")]
    recomputed: Option<Recomputed>,
}

pub fn run(args: &Args, runs: &Runs) -> Result<ExitCode> {
    let dir = runs.find(&args.run)?;
    let parts = verify(&dir)?;
    let recomputed = args.recompute.map(|n| recompute(&dir, n, args.seed, args.anywhere)).transpose();
    let is_whole = parts.iter().all(|part| part.verdict != Verdict::Damaged);
    if !args.json {
        say(columns(&["FILE", "", "ABOUT"], &rows(&parts)))?;
        let name = runs.name_of(&dir);
        say(if is_whole {
            "nothing is damaged".to_owned()
        } else {
            format!("damaged: put back what was there, or accept it as it is with `fixmatch seal {name}`")
        })?;
    }
    let recomputed = recomputed?;
    let is_same = recomputed.as_ref().is_none_or(Recomputed::is_same);
    if args.json {
        let path = dir.path().display().to_string();
        say_json(&Page { id: dir.id(), path, whole: is_whole, parts, recomputed })?;
    } else if let Some(recomputed) = &recomputed {
        say(recomputed.text())?;
    }
    Ok(if is_whole && is_same { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

fn rows(parts: &[Part]) -> Vec<Vec<String>> {
    let word = |verdict| match verdict {
        Verdict::Whole => "whole",
        Verdict::Unsealed => "not sealed",
        Verdict::Damaged => "damaged",
    };
    let row = |part: &Part, i: usize| {
        let (file, verdict) =
            if i == 0 { (part.file.clone(), word(part.verdict).to_owned()) } else { Default::default() };
        vec![file, verdict, part.about[i].clone()]
    };
    parts.iter().flat_map(|part| (0..part.about.len()).map(move |i| row(part, i))).collect()
}
