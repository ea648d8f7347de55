//! `fixmatch rank`: puts the training images of a data set in order, from the most to the least representative.

use std::path::{Path, PathBuf};
use std::process::ExitCode;

use anyhow::{Context as _, Result, bail, ensure};
use clap::builder::TypedValueParser as _;
use fixmatch::config::{Device, Metric, ModelName, Rank, RunConfig};
use fixmatch::examples;
use fixmatch::labels::ranking::{self, Ranking};
use fixmatch::run::dir::RunDir;
use fixmatch::run::state::Status;

use super::foreground::{self, End};
use super::own::Own;
use super::reading;
use super::wait::until_ended;
use super::{Runs, complete, note, say, train, writable_file};

/// Order the training images from the most to the least representative
///
/// A run like any other makes the ranking: it can be watched, paused and resumed, and a ranking that exists is not made
/// again. Presets ask for it with labels.pick and labels.by, `fixmatch labels` shows what it comes to.
#[derive(Clone, clap::Args)]
#[command(after_help = examples!(
    "fixmatch rank cifar10 --by agreement",
    "fixmatch rank folder --path photos --resize 32 --by typicality --clusters 40",
))]
pub struct Args {
    /// A name that `fixmatch data list` shows
    #[arg(add = complete::dataset())]
    dataset: String,
    /// What representative means
    #[arg(long, value_name = "METRIC", default_value = "agreement")]
    by: Metric,
    /// Where the data set's files are, if not in the usual places
    #[arg(long, value_name = "DIR")]
    path: Option<PathBuf>,
    #[command(flatten)]
    own: Own,
    /// Networks whose opinions are averaged [default: 5]
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..=100))]
    members: Option<u32>,
    /// Passes over the training images, of each network [default: 5]
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..))]
    epochs: Option<u32>,
    /// The neighbours that density and typicality look at [default: 20]
    #[arg(long, value_name = "K", value_parser = clap::value_parser!(u32).range(1..))]
    neighbors: Option<u32>,
    /// The clusters of typicality, as many as there will be labels [default: 40]
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..))]
    clusters: Option<u32>,
    /// The network
    #[arg(long, default_value = "cnn", value_parser = clap::builder::PossibleValuesParser::new(["cnn", "wrn"])
        .map(|name| if name == "wrn" { ModelName::Wrn } else { ModelName::Cnn }))]
    model: ModelName,
    /// The seed of the networks
    #[arg(long, value_name = "N", default_value_t = 0)]
    seed: u64,
    /// Where to train: auto, cpu or cuda:N
    #[arg(long, value_parser = |text: &str| Device::try_from(text.to_owned()), add = complete::choices("machine.device"))]
    device: Option<Device>,
    /// Write the ranking to this file too
    #[arg(short, long, value_name = "FILE")]
    output: Option<PathBuf>,
    /// Train in the background and return at once
    #[arg(long, conflicts_with = "output")]
    detach: bool,
}

pub fn run(args: &Args, runs: &Runs) -> Result<ExitCode> {
    let base = args.base();
    base.validate()?;
    let args = &Args { output: args.output.as_deref().map(writable_file).transpose()?, ..args.clone() };
    let dataset = reading::load(&base.data)?;
    for warning in &dataset.warnings {
        note(format_args!("warning: {warning}"));
    }
    ranking::check_metric(args.by, &dataset)?;
    let recipe = ranking::recipe(&base, args.rank(), ranking::n_ranked(args.by, &dataset));
    recipe.validate()?;
    let cached = ranking::cached_at(&recipe, &dataset.digest)?;
    drop(dataset); // the worker reads its own
    if cached.exists() {
        note("this ranking was made before");
        return args.conclude(&cached);
    }
    match make(&recipe, runs, "fixmatch rank", args.detach)? {
        Some(code) => Ok(code),
        None => args.conclude(&cached),
    }
}

/// Makes a ranking that is not in the cache, in a new run or one that was broken off, or waits for whoever makes it already.
/// Returns how to exit, unless it is there then.
pub fn make(recipe: &RunConfig, runs: &Runs, on_behalf: &str, detach: bool) -> Result<Option<ExitCode>> {
    let dir = ranking::maker(runs.folder(), recipe, on_behalf)?;
    let name = runs.name_of(&dir);
    if dir.is_locked() {
        ensure!(!detach, "{} makes this ranking already; `fixmatch watch {name}` follows it", dir.id());
        return wait_for(dir, &name).map(|()| None);
    }
    let is_begun = dir.events().exists();
    note(format_args!("{}: {}", if is_begun { "going on with" } else { "run directory" }, dir.path().display()));
    if detach {
        return foreground::detach(&dir, runs).map(Some);
    }
    let report = foreground::follow(&dir, recipe.train.steps, Vec::new(), None)?;
    match report.end {
        End::Finished => {
            note(train::summary(&report));
            Ok(None)
        }
        End::Overtaken => wait_for(dir, &name).map(|()| None),
        _ => report.conclude(runs).map(Some),
    }
}

/// Waits for a run that another process began, or began a moment before.
fn wait_for(dir: RunDir, name: &str) -> Result<()> {
    note(format_args!("{} makes this ranking already: waiting for it; `fixmatch watch {name}` follows it", dir.id()));
    let id = dir.id();
    match until_ended(dir)? {
        Status::Finished => Ok(()),
        status => bail!("{id} is {}: `fixmatch resume {name}` goes on with it", status.label()),
    }
}

impl Args {
    fn rank(&self) -> Rank {
        let usual = Rank::default();
        Rank {
            by: self.by,
            members: self.members.unwrap_or(usual.members),
            epochs: self.epochs.unwrap_or(usual.epochs),
            neighbors: self.neighbors.unwrap_or(usual.neighbors),
            clusters: self.clusters.unwrap_or(usual.clusters),
        }
    }

    fn base(&self) -> RunConfig {
        let mut config = RunConfig::default();
        config.data.dataset.clone_from(&self.dataset);
        config.data.path = self.path.as_deref().map(absolute);
        self.own.apply(&mut config.data);
        if let Some(device) = self.device {
            config.machine.device = device;
        }
        let mut base = ranking::standard_base(&config);
        base.train.seed = self.seed;
        base.model.name = self.model;
        base
    }

    /// Says where the ranking is, and how a preset asks for it.
    fn conclude(&self, cached: &Path) -> Result<ExitCode> {
        let ranking = Ranking::read(cached)?;
        if let Some(output) = &self.output {
            ranking.write(output).with_context(|| format!("cannot write {}", output.display()))?;
        }
        let path = self.output.as_deref().unwrap_or(cached);
        let (n, by, path) = (ranking.order.len(), self.by, path.display());
        say(format_args!("{n} images of {} by {by}: {path}", self.dataset))?;
        let pick = if by == Metric::Typicality { "typical" } else { "most-representative" };
        let is_usual = self.model == ModelName::Cnn && self.seed == 0 && self.rank() == Rank { by, ..Rank::default() };
        let source = if is_usual { format!("by = \"{by}\"") } else { format!("ranking = \"{path}\"") };
        say(format_args!("in a preset's [labels]: pick = \"{pick}\", {source}"))?;
        Ok(ExitCode::SUCCESS)
    }
}

fn absolute(path: &Path) -> PathBuf {
    std::path::absolute(path).unwrap_or_else(|_| path.into()) // in a folder that is gone, as it was given
}
