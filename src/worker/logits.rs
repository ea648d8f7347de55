//! `fixmatch-worker logits`: what a run's network says to test images, as JSON, to compare with the weights elsewhere.

use std::path::PathBuf;

use anyhow::{Context, Result};
use fixmatch::base::output::{note, say_json_line};
use fixmatch::data;
use fixmatch::data::preprocess::Preprocess;
use fixmatch::examples;
use fixmatch::labels::recorded;
use fixmatch::run::checkpoint::{self, Which};
use fixmatch::run::dir::RunDir;
use serde_json::json;

use crate::device;
use crate::host;
use crate::part::Part;
use crate::trainer::Trainer;

/// Which logits to print
#[derive(clap::Args)]
#[command(after_help = examples!(
    "fixmatch-worker logits ~/.local/state/fixmatch/runs/20261123-180112-quickstart-s0 --ema",
))]
pub struct Args {
    /// The run directory
    dir: PathBuf,
    /// Of the averaged weights, which the paper evaluates, rather than those as trained
    #[arg(long)]
    ema: bool,
    /// Of how many test images, from the first on
    #[arg(long, value_name = "N", default_value_t = 10)]
    images: usize,
}

/// Prints logits (N, classes) of the newest checkpoint, in evaluation mode, with what they belong to.
pub fn run(args: &Args) -> Result<()> {
    let dir = RunDir::open(&args.dir)?;
    let run = dir.read_run()?;
    let (config, input) = (run.config, run.environment.and_then(|environment| environment.input));
    let (newest, broken) = checkpoint::newest(&dir.checkpoints())?;
    for reason in broken {
        note(format_args!("warning: passed over a checkpoint: {reason}"));
    }
    let checkpoint = newest.with_context(|| format!("{} has no checkpoint yet", dir.id()))?;
    let device = device::resolve(config.machine.device, device::tell)?;
    device::set_up(device, &config.machine)?;
    let data_dir = fixmatch::base::dirs::data_dir()?;
    let (_, dataset) = recorded::with_dataset(&dir, data::load(&config.data, &data_dir)?)?;
    let input = input.unwrap_or_else(|| Preprocess::of(&dataset.train, config.data.normalize));
    let mut trainer = Trainer::for_data(&config, &dataset, &input, device)?;
    trainer.restore(&checkpoint.tensors, checkpoint.state.step).context("the checkpoint does not fit this run")?;

    let (test, which) = (&dataset.test, if args.ema { Which::Ema } else { Which::Raw });
    let n = args.images.min(test.n());
    let mut logits: Vec<Vec<f32>> = Vec::new();
    for pixels in
        test.pixels[..n * test.bytes_per_image()].chunks(trainer.input().images_a_pass() * test.bytes_per_image())
    {
        let rows = trainer.predict(which, pixels); // (n, outputs)
        logits.extend(host::numbers(&rows).chunks(rows.size()[1] as usize).map(<[f32]>::to_vec));
    }
    let (step, labels) = (checkpoint.state.step, &test.labels[..n]);
    say_json_line(&json!({ "step": step, "classes": dataset.classes, "labels": labels, "logits": logits }))
}
