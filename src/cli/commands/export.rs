//! `fixmatch export`: a checkpoint's weights under the names that PyTorch gives them.
//!
//! Averaged weights go with the live batch norm statistics, as they are evaluated.

use std::path::PathBuf;
use std::process::ExitCode;

use anyhow::Result;
use fixmatch::base::files::replace_file;
use fixmatch::classifier::{At, Classifier};
use fixmatch::examples;
use fixmatch::run::checkpoint::Which;

use super::{RunArg, Runs, fresh_file, note, say};
use crate::words::numbers::bytes;

/// Export a checkpoint's weights as safetensors, with PyTorch's names
#[derive(clap::Args)]
#[command(after_help = examples!("fixmatch export quickstart --ema --weights weights.safetensors"))]
pub struct Args {
    #[command(flatten)]
    run: RunArg,
    /// The file to write
    #[arg(long, value_name = "OUT.safetensors")]
    weights: PathBuf,
    /// The averaged weights, which the paper evaluates, rather than those as trained
    #[arg(long)]
    ema: bool,
    /// The checkpoint of this step rather than the newest
    #[arg(long, value_name = "N", conflicts_with = "best")]
    step: Option<u64>,
    /// The checkpoint with the best test accuracy (EMA) rather than the newest
    #[arg(long)]
    best: bool,
    /// Overwrite the file
    #[arg(long)]
    force: bool,
}

pub fn run(args: &Args, runs: &Runs) -> Result<ExitCode> {
    let out = fresh_file(&args.weights, args.force)?;
    let dir = runs.find(&args.run)?;
    let at = if args.best { At::Best } else { args.step.map_or(At::Newest, At::Step) };
    let which = if args.ema { Which::Ema } else { Which::Raw };
    let (classifier, broken) = Classifier::of_run(&dir, at, which)?;
    for reason in broken {
        note(format_args!("warning: passed over a checkpoint: {reason}"));
    }
    let content = classifier.to_bytes()?;
    replace_file(&out, &content)?;
    say(format_args!(
        "{}: {} tensors of step {}, {}",
        out.display(),
        classifier.weights.len(),
        classifier.provenance.step,
        bytes(content.len() as u64)
    ))?;
    Ok(ExitCode::SUCCESS)
}
