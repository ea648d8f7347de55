//! `fixmatch labels race`: one preset on the most and on the least representative images, both at once.

use std::path::{Path, PathBuf, absolute};
use std::process::ExitCode;

use anyhow::Result;
use fixmatch::config::preset::Preset;
use fixmatch::config::{Metric, Pick};
use fixmatch::examples;
use fixmatch::plan::Plan;
use fixmatch::run::dir::RunDir;

use crate::commands::attach::{self, Look};
use crate::commands::{Runs, complete, foreground, note};
use crate::console::{self, Stay};

/// Train a preset on the most and on the least representative images at once, in the background
///
/// The two runs differ in their labels alone. `fixmatch attach RUN --beside RUN` shows both beside each other, as
/// --attach does at once. If the order does not exist yet, one of the two starts a ranking run first.
#[derive(clap::Args)]
#[command(after_help = examples!("fixmatch labels race quickstart --by agreement --per-class 2 --attach"))]
pub struct Args {
    /// A name that `fixmatch presets` lists, or the path of a .toml file
    #[arg(add = complete::preset())]
    preset: String,
    /// What representative means [default: the preset's labels.by]
    #[arg(long, value_name = "METRIC", conflicts_with = "ranking")]
    by: Option<Metric>,
    /// Read the order from this file instead
    #[arg(long, value_name = "FILE")]
    ranking: Option<PathBuf>,
    /// Images of each class [default: the preset's]
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..))]
    per_class: Option<u32>,
    /// Override a value of both, such as train.steps=1000; repeatable
    #[arg(long = "set", value_name = "KEY=VALUE", add = complete::setting())]
    set: Vec<String>,
    /// The seed of both, as train.seed
    #[arg(long, value_name = "N")]
    seed: Option<u64>,
    /// Show both in the console, if this is a terminal that can
    #[arg(long)]
    attach: bool,
}

pub fn run(args: &Args, runs: &Runs) -> Result<ExitCode> {
    let preset = Preset::find(&args.preset)?;
    let [most, least] =
        [(Pick::MostRepresentative, "most"), (Pick::LeastRepresentative, "least")].map(|(pick, end)| {
            Plan::of(&preset, args.settings(pick)?).map(|plan| plan.named(format!("{end}-{}", preset.name)))
        });
    let dirs = make_both(&[most?, least?], runs.folder())?;
    for dir in &dirs {
        foreground::detach(dir, runs)?;
    }
    if args.attach && console::has_terminal() {
        return attach::open(Look::default(), runs, attach::Shown::Beside(dirs.to_vec()), Stay::Open);
    }
    let [most, least] = dirs.each_ref().map(|dir| runs.name_of(dir));
    note(format_args!("`fixmatch attach {most} --beside {least}` shows both"));
    Ok(ExitCode::SUCCESS)
}

/// Both directories before either run starts.
fn make_both(plans: &[Plan; 2], runs: &Path) -> Result<[RunDir; 2]> {
    Ok([plans[0].make(runs)?, plans[1].make(runs)?])
}

impl Args {
    fn settings(&self, pick: Pick) -> Result<Vec<String>> {
        let mut settings = self.set.clone();
        settings.extend(self.seed.map(|seed| format!("train.seed={seed}")));
        settings.push(format!("labels.pick={}", String::from(pick)));
        settings.extend(self.per_class.map(|n| format!("labels.per_class={n}")));
        settings.extend(self.by.map(|by| format!("labels.by={by}")));
        if let Some(path) = &self.ranking {
            settings.push(format!("labels.ranking={}", absolute(path)?.display()));
        }
        Ok(settings)
    }
}
