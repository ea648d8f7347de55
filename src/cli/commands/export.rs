//! `fixmatch export`: a run's classifier to take away, as safetensors under PyTorch's names or as an ONNX model.
//!
//! Averaged weights go with the live batch norm statistics, as they are evaluated.

use std::path::{Path, PathBuf};
use std::process::ExitCode;

use anyhow::Result;
use fixmatch::base::files::replace_file;
use fixmatch::classifier::{At, Classifier};
use fixmatch::examples;
use fixmatch::run::checkpoint::Which;

use super::{RunArg, Runs, fresh_file, note, say};
use crate::words::numbers::bytes;

/// Export a run's classifier, as safetensors for PyTorch and `fixmatch predict`, or as an ONNX model
///
/// Both hold classes, size and normalisation of the images, the network and where it comes from. The ONNX model takes
/// bytes and gives probabilities.
#[derive(clap::Args)]
#[command(after_help = examples!(
    "fixmatch export quickstart --onnx fashion.onnx",
    "fixmatch export quickstart --weights weights.safetensors --best",
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
    let dir = runs.find(&args.run)?;
    let at = if args.best { At::Best } else { args.step.map_or(At::Newest, At::Step) };
    let which = if args.raw { Which::Raw } else { Which::Ema };
    let (classifier, broken) = Classifier::of_run(&dir, at, which)?;
    for reason in broken {
        note(format_args!("warning: passed over a checkpoint: {reason}"));
    }
    if let Some(out) = weights {
        write(&out, &classifier.to_bytes()?, &classifier)?;
    }
    if let Some(out) = onnx {
        write(&out, &classifier.to_onnx()?, &classifier)?;
    }
    Ok(ExitCode::SUCCESS)
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
