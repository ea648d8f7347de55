//! `fixmatch export`: a checkpoint's weights under the names that PyTorch gives them.
//!
//! A checkpoint holds `model.NAME` (parameters and buffers), `ema.NAME` (parameters only) and the optimiser's state.
//! Averaged weights are exported with the model's own buffers, as they are evaluated.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use anyhow::{Context, Result, bail, ensure};
use fixmatch::event::Event;
use fixmatch::event_log::read_all;
use fixmatch::run_dir::{RunDir, replace_file};
use safetensors::SafeTensors;
use safetensors::tensor::TensorView;

use super::format::bytes;
use super::{RunArg, Runs, say};

/// Export a checkpoint's weights as safetensors, with PyTorch's names
#[derive(clap::Args)]
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

/// Which weights.
#[derive(Clone, Copy)]
enum Weights {
    Raw,
    Ema,
}

pub fn run(args: &Args, runs: &Runs) -> Result<ExitCode> {
    let out = std::path::absolute(&args.weights)?;
    ensure!(args.force || !out.exists(), "{} exists; --force overwrites it", out.display());
    let path = checkpoint_of(&runs.find(&args.run)?, args)?;
    let checkpoint = read_checkpoint(&path)?;
    let tensors =
        SafeTensors::deserialize(&checkpoint).with_context(|| format!("{} is not a checkpoint", path.display()))?;
    let weights = if args.ema { Weights::Ema } else { Weights::Raw };
    let chosen = choose(&tensors, weights);
    ensure!(!chosen.is_empty(), "{} holds no tensors of a model", path.display());
    let n_tensors = chosen.len();
    let content = safetensors::serialize(chosen, None).context("the weights do not fit into a file")?;
    replace_file(&out, &content)?;
    say(format_args!(
        "{} from {}: {n_tensors} tensors, {}",
        out.display(),
        path.display(),
        bytes(content.len() as u64)
    ))?;
    Ok(ExitCode::SUCCESS)
}

/// The checkpoint that is asked for.
fn checkpoint_of(dir: &RunDir, args: &Args) -> Result<PathBuf> {
    let mut saved = Vec::new();
    let mut best = None;
    for record in read_all(&dir.events())? {
        if let Event::Checkpointed { step, file, best: is_best } = record.event {
            let path = dir.checkpoints().join(file);
            if is_best {
                best = Some(path.clone());
            }
            saved.push((step, path));
        }
    }
    saved.retain(|(_, path)| path.is_file());
    if args.best {
        let best = best.filter(|path| path.is_file());
        return best.with_context(|| format!("{} has no checkpoint that was the best one", dir.id()));
    }
    let found = match args.step {
        Some(step) => saved.iter().rev().find(|(saved_step, _)| *saved_step == step),
        None => saved.last(),
    };
    match found {
        Some((_, path)) => Ok(path.clone()),
        None if saved.is_empty() => bail!("{} has no checkpoint yet; `fixmatch checkpoint` asks for one", dir.id()),
        None => {
            let mut steps: Vec<_> = saved.iter().map(|(step, _)| step.to_string()).collect();
            steps.dedup();
            bail!("{} has no checkpoint of that step; there are: {}", dir.id(), steps.join(", "))
        }
    }
}

fn read_checkpoint(path: &Path) -> Result<Vec<u8>> {
    fs::read(path).with_context(|| format!("cannot read the checkpoint {}", path.display()))
}

/// The tensors of a model by their PyTorch names.
fn choose<'a>(checkpoint: &SafeTensors<'a>, weights: Weights) -> BTreeMap<String, TensorView<'a>> {
    let mut chosen = BTreeMap::new();
    let mut take = |prefix: &str| {
        let named = checkpoint.tensors().into_iter();
        chosen.extend(named.filter_map(|(name, tensor)| Some((name.strip_prefix(prefix)?.to_owned(), tensor))));
    };
    take("model.");
    match weights {
        Weights::Raw => {}
        Weights::Ema => take("ema."), // over the model's parameters; its buffers stay
    }
    chosen
}
