//! `fixmatch export`: a run's classifier to take away, as safetensors under PyTorch's names or as an ONNX model; and its
//! curves.
//!
//! Averaged weights go with the live batch norm statistics, as they are evaluated.

use std::path::{Path, PathBuf};
use std::process::ExitCode;

use anyhow::{Result, ensure};
use fixmatch::base::aside::replace_file;
use fixmatch::classifier::{At, Classifier};
use fixmatch::examples;
use fixmatch::run::checkpoint::Which;
use fixmatch::run::dir::RunDir;

use super::{RunArg, Runs, fresh_file, note, say};
use crate::words::numbers::bytes;

mod curves;

/// Export a run's classifier, as safetensors for PyTorch and `fixmatch predict`, or as an ONNX model; or its curves
///
/// Classifiers hold classes, size and normalisation of the images, the network and where it comes from. The ONNX model takes
/// bytes and gives probabilities.
#[derive(clap::Args)]
#[command(after_help = examples!(
    "fixmatch export quickstart --onnx fashion.onnx",
    "fixmatch export quickstart --weights weights.safetensors --best",
    "fixmatch export quickstart --csv curves.csv",
    "fixmatch export quickstart --tensorboard logs --follow",
))]
#[command(group = clap::ArgGroup::new("file").required(true).multiple(true))]
#[expect(clippy::struct_excessive_bools, reason = "one a flag")]
pub struct Args {
    #[command(flatten)]
    run: RunArg,
    /// Write the weights into this file, under PyTorch's names
    #[arg(long, value_name = "OUT.safetensors", group = "file")]
    weights: Option<PathBuf>,
    /// Write an ONNX model into this file: images N×H×W×C of bytes in, probabilities out
    #[arg(long, value_name = "OUT.onnx", group = "file")]
    onnx: Option<PathBuf>,
    /// Write the curves into this file, a row for each step; - for standard output
    #[arg(long, value_name = "OUT.csv", group = "file")]
    csv: Option<PathBuf>,
    /// Write the curves into this file, a JSON object for each step; - for standard output
    #[arg(long, value_name = "OUT.jsonl", group = "file")]
    jsonl: Option<PathBuf>,
    /// Write the curves for TensorBoard, into a folder of the run's name in this one
    #[arg(long, value_name = "DIR", group = "file")]
    tensorboard: Option<PathBuf>,
    /// Go on writing for TensorBoard until the run has ended
    #[arg(long, requires = "tensorboard")]
    follow: bool,
    /// The weights as trained, rather than their average (EMA), which the paper evaluates
    #[arg(long)]
    raw: bool,
    /// The averaged weights, which are exported anyway
    #[arg(long, hide = true, conflicts_with = "raw")]
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
    let fresh = |path: &Option<PathBuf>| path.as_ref().map(|path| fresh_file(path, args.force)).transpose();
    let (weights, onnx) = (fresh(&args.weights)?, fresh(&args.onnx)?);
    let chooses = args.raw || args.best || args.step.is_some();
    ensure!(
        !chooses || weights.is_some() || onnx.is_some(),
        "--raw, --best and --step choose weights: add --weights or --onnx"
    );
    let dir = runs.find(&args.run)?;
    if let Some(out) = &args.csv {
        curves::csv(&dir, out, args.force)?;
    }
    if let Some(out) = &args.jsonl {
        curves::jsonl(&dir, out, args.force)?;
    }
    if weights.is_some() || onnx.is_some() {
        write_classifier(args, &dir, weights.as_deref(), onnx.as_deref())?;
    }
    if let Some(folder) = &args.tensorboard {
        curves::tensorboard(&dir, folder, args.follow)?;
    }
    Ok(ExitCode::SUCCESS)
}

fn write_classifier(args: &Args, dir: &RunDir, weights: Option<&Path>, onnx: Option<&Path>) -> Result<()> {
    let at = if args.best { At::Best } else { args.step.map_or(At::Newest, At::Step) };
    let which = if args.raw { Which::Raw } else { Which::Ema };
    let (classifier, broken) = Classifier::of_run(dir, at, which)?;
    for reason in broken {
        note(format_args!("warning: passed over a checkpoint: {reason}"));
    }
    if let Some(out) = weights {
        write(out, &classifier.to_bytes()?, &classifier)?;
    }
    if let Some(out) = onnx {
        write(out, &classifier.to_onnx()?, &classifier)?;
    }
    Ok(())
}

fn write(out: &Path, content: &[u8], classifier: &Classifier) -> Result<()> {
    replace_file(out, content)?;
    let of = &classifier.provenance;
    say(format_args!(
        "{}: {}, {} weights of step {}, {}",
        out.display(),
        classifier.name(),
        if of.weights == Which::Ema { "averaged (EMA)" } else { "trained (raw)" },
        of.step,
        bytes(content.len() as u64)
    ))
}
