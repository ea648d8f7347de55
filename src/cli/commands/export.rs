//! `fixmatch export`: a checkpoint's weights under the names that PyTorch gives them.
//!
//! Averaged weights go with the live batch norm statistics, as they are evaluated.

use std::collections::HashMap;
use std::path::PathBuf;
use std::process::ExitCode;

use anyhow::{Context, Result, bail};
use fixmatch::base::files::replace_file;
use fixmatch::examples;
use fixmatch::run::checkpoint::{self, Checkpoint, Which};
use fixmatch::run::dir::RunDir;
use fixmatch::run::state::RunState;

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
    let checkpoint = read(&dir, args)?;
    let which = if args.ema { Which::Ema } else { Which::Raw };
    let weights = checkpoint.weights(which);
    // What PyTorch's own writer says, and some readers insist on.
    let metadata = HashMap::from([("format".to_owned(), "pt".to_owned())]);
    let n_tensors = weights.len();
    let content = safetensors::serialize(weights, Some(metadata)).context("the weights do not fit into a file")?;
    replace_file(&out, &content)?;
    say(format_args!(
        "{}: {n_tensors} tensors of step {}, {}",
        out.display(),
        checkpoint.state.step,
        bytes(content.len() as u64)
    ))?;
    Ok(ExitCode::SUCCESS)
}

/// The checkpoint that is asked for.
fn read(dir: &RunDir, args: &Args) -> Result<Checkpoint> {
    let folder = dir.checkpoints();
    let step = if args.best { Some(best_step(dir)?) } else { args.step };
    let Some(step) = step else {
        let (newest, broken) = checkpoint::newest(&folder)?;
        for reason in broken {
            note(format_args!("warning: passed over a checkpoint: {reason}"));
        }
        return newest
            .with_context(|| format!("{} has no checkpoint yet; `fixmatch checkpoint` asks for one", dir.id()));
    };
    let all = checkpoint::list(&folder)?;
    if let Some((_, path)) = all.iter().find(|(saved, _)| *saved == step) {
        return Checkpoint::read(path);
    }
    let steps: Vec<_> = all.iter().map(|(step, _)| step.to_string()).collect();
    bail!("{} has no checkpoint of step {step}; it has: {}", dir.id(), steps.join(", "))
}

fn best_step(dir: &RunDir) -> Result<u64> {
    let state = RunState::read(dir)?;
    let last = state.evaluations.iter().rfind(|evaluated| evaluated.median_of > 0);
    let last = last.with_context(|| format!("{} was not evaluated yet", dir.id()))?;
    Ok(last.best_step)
}
