//! `fixmatch train`: makes a run of a preset and starts a worker on it.

use std::path::Path;
use std::process::ExitCode;

use anyhow::{Context as _, Result, ensure};
use fixmatch::base::dirs;
use fixmatch::config::preset::Preset;
use fixmatch::config::{Device, Labels, Pick, RunConfig};
use fixmatch::data::{self, Dataset};
use fixmatch::examples;
use fixmatch::labels::pick;
use fixmatch::labels::ranking::{self, Ranking};
use fixmatch::machine::gpu::Gpu;
use fixmatch::machine::processor;
use fixmatch::run::dir::RunDir;
use fixmatch::run::event::Evaluated;
use fixmatch::run::file::RunFile;
use fixmatch::run::state::RunState;

use super::attach::{self, Look};
use super::foreground::{self, End, Report};
use super::{Runs, complete, note, say};
use crate::console::{self, Stay};
use crate::words::numbers::{duration, or_dash, percent, plural, short, table};

/// The setting that leaves the unlabeled images out.
pub const LABELS_ONLY: &str = "train.lambda_u=0";

/// Train a preset
///
/// Ctrl-C asks the worker to save and stop, SIGTERM to save and suspend. The worker does not depend on this terminal: if
/// that goes away, training goes on. Exit code: 0 finished, 1 failed, 3 stopped or suspended from elsewhere, 130 after
/// Ctrl-C, 143 after SIGTERM.
#[derive(clap::Args)]
#[command(after_help = examples!(
    "fixmatch train quickstart --baseline",
    "fixmatch train quickstart --set train.steps=2000 --seed 1 --detach",
))]
pub struct Args {
    /// A name that `fixmatch presets` lists, or the path of a .toml file
    #[arg(add = complete::preset())]
    preset: String,
    /// Override a value, such as train.lr=0.01; repeatable
    #[arg(long = "set", value_name = "KEY=VALUE", add = complete::setting())]
    set: Vec<String>,
    /// The run's seed, as train.seed
    #[arg(long, value_name = "N")]
    seed: Option<u64>,
    /// Where to train, as machine.device: auto, cpu or cuda:N
    #[arg(long, value_parser = |text: &str| Device::try_from(text.to_owned()), add = complete::choices("machine.device"))]
    device: Option<Device>,
    /// What to call the run [default: the preset's name]
    #[arg(long)]
    name: Option<String>,
    /// Hand it to the background and return
    #[arg(long, conflicts_with = "baseline")]
    detach: bool,
    /// Show it in the console, if this is a terminal that can; that closes when the run ends, or with q
    #[arg(long, conflicts_with = "detach")]
    attach: bool,
    /// Then train on the labels alone (`lambda_u` = 0) and compare
    #[arg(long)]
    baseline: bool,
}

pub fn run(args: &Args, runs: &Runs) -> Result<ExitCode> {
    let preset = Preset::find(&args.preset)?;
    let plan = Plan::new(args, &preset)?;
    if args.detach {
        return foreground::detach(&plan.make_and_say(runs)?, runs);
    }
    if !args.baseline {
        return finish(&plan.train(runs, args.attach)?, runs);
    }
    let labels_only = plan.labels_only(&preset)?;
    note("first with the unlabeled images");
    let fixmatch = plan.train(runs, args.attach)?;
    if fixmatch.end != End::Finished {
        return fixmatch.conclude(runs);
    }
    note("then on the labels alone");
    let labels_only = labels_only.train(runs, args.attach)?;
    if labels_only.end == End::Finished {
        say(comparison(&fixmatch, &labels_only))?;
    }
    labels_only.conclude(runs)
}

/// Prints the summary of a run that finished, or says how else it ended.
pub fn finish(report: &Report, runs: &Runs) -> Result<ExitCode> {
    if report.end == End::Finished {
        say(summary(report))?;
    }
    report.conclude(runs)
}

/// What is said of a run that finished without having learned anything.
pub const AT_CHANCE: &str = "this is no better than guessing: the run has learned nothing that the test set shows";

/// A run as it will be made, checked in full before anything is written.
#[derive(Debug)]
pub struct Plan {
    name: String,
    preset: String,
    settings: Vec<String>,
    config: RunConfig,
    /// What was read of a folder of images, and what was left out.
    read: Option<String>,
}

impl Plan {
    fn new(args: &Args, preset: &Preset) -> Result<Self> {
        let mut settings = args.set.clone();
        settings.extend(args.seed.map(|seed| format!("train.seed={seed}")));
        settings.extend(args.device.map(|device| format!("machine.device={device}")));
        Ok(Self { name: args.name.clone().unwrap_or_else(|| preset.name.clone()), ..Self::of(preset, settings)? })
    }

    /// A run of a preset with these settings, named after the preset.
    pub fn of(preset: &Preset, settings: Vec<String>) -> Result<Self> {
        let config = preset.resolve(&settings)?;
        let read = check(&config)?;
        processor::check_precision(&config)?;
        Ok(Self { name: preset.name.clone(), preset: preset.reference(), settings, config, read })
    }

    /// The same under another name.
    pub fn named(self, name: String) -> Self {
        Self { name, ..self }
    }

    /// The same without unlabeled images.
    fn labels_only(&self, preset: &Preset) -> Result<Self> {
        ensure!(
            self.config.train.lambda_u > 0.0,
            "train.lambda_u is 0 in this run, so it is its own baseline; leave --baseline out"
        );
        let mut settings = self.settings.clone();
        settings.push(LABELS_ONLY.into());
        let config = preset.resolve(&settings)?;
        let name = format!("{}-labels-only", self.name);
        Ok(Self { name, preset: self.preset.clone(), settings, config, read: None })
    }

    /// Makes the run's directory in a folder of runs.
    pub fn make(&self, runs: &Path) -> Result<RunDir> {
        let run = RunFile::new(self.preset.clone(), self.settings.clone(), self.config.clone());
        RunDir::create(runs, &self.name, &run)
    }

    fn make_and_say(&self, runs: &Runs) -> Result<RunDir> {
        let dir = self.make(runs.folder())?;
        note(format_args!("run directory: {}", dir.path().display()));
        if let Some(read) = &self.read {
            note(format_args!("images: {read}"));
        }
        if let Some(told) = self.config.slow_averages() {
            note(format_args!("warning: {told}"));
        }
        Ok(dir)
    }

    fn train(&self, runs: &Runs, attach: bool) -> Result<Report> {
        let dir = self.make_and_say(runs)?;
        foreground::follow(&dir, self.config.train.steps, || {
            if attach && console::has_terminal() {
                attach::open(&Look::default(), runs, attach::Shown::Run(dir.clone()), Stay::WithRun)?;
            }
            Ok(())
        })
    }
}

/// Says before a run is made what would keep it from its first step, as far as that can be known here: missing or damaged
/// images, labels that the data set does not have, a GPU where there is no driver. Returns what was read of a folder of
/// images.
pub fn check(config: &RunConfig) -> Result<Option<String>> {
    if let Device::Cuda(n) = config.machine.device {
        ensure!(
            Gpu::look().has_driver,
            "machine.device = \"cuda:{n}\", but there is no NVIDIA driver on this machine; use \"cpu\" or \"auto\""
        );
    }
    let data_dir = dirs::data_dir()?;
    if config.data.dataset != data::folder::DESCRIPTOR.name {
        data::check(&config.data, &data_dir)?;
    }
    let dataset = data::load(&config.data, &data_dir)?;
    if config.rank.is_none() {
        check_labels(config, &dataset)?;
    }
    Ok(dataset.read)
}

/// Picks the labels, or where an order is still to be made, sees that every class has enough images for any.
fn check_labels(config: &RunConfig, dataset: &Dataset) -> Result<()> {
    let labels = &config.labels;
    let ranking = match (&labels.ranking, ranking::wanted(config, dataset.classes.len())) {
        (Some(path), _) => Some(Ranking::read(path).context("labels.ranking")?),
        (None, Some(rank)) => {
            let recipe = ranking::recipe(&ranking::standard_base(config), rank, dataset.train.n());
            let cached = ranking::cached_at(&recipe, &dataset.digest)?;
            cached.exists().then(|| Ranking::read(&cached)).transpose()?
        }
        (None, None) => None,
    };
    let is_awaited = labels.pick.needs_ranking() && labels.indices.is_none() && ranking.is_none();
    if is_awaited && labels.pick == Pick::Typical {
        return Ok(()); // it takes as many as its clusters hold
    }
    let checked = if is_awaited { Labels { pick: Pick::Random, ..labels.clone() } } else { labels.clone() };
    pick::pick(&checked, dataset, ranking.as_ref()).map(drop)
}

fn summary(report: &Report) -> String {
    let state = report.state();
    let rate = or_dash(images_per_s(state), short);
    let mut lines =
        vec![format!("finished {} in {}, {rate} images/s", plural(state.step, "step"), duration(report.wall))];
    let last = state.evaluations.last();
    if let Some(last) = last {
        lines.push(format!(
            "test accuracy  {} (EMA)  {} (raw)",
            percent(last.ema.accuracy),
            percent(last.raw.accuracy)
        ));
    }
    if let Some(last) = last.filter(|last| last.median_of > 0) {
        lines.push(format!(
            "of the EMA     {} median of the last {}  {} best, at step {}",
            percent(last.median),
            last.median_of,
            percent(last.best),
            last.best_step
        ));
    }
    if state.is_at_chance() {
        lines.push(AT_CHANCE.into());
    }
    lines.join("\n")
}

/// Both runs, and how far they are apart in the last evaluation of the averaged weights.
fn comparison(fixmatch: &Report, labels_only: &Report) -> String {
    let head = ["TEST ACCURACY", "EMA", "RAW", "MEDIAN", "BEST", "AT STEP", "TIME", "IMAGES/S"];
    let table = table(&head, &[row("FixMatch", fixmatch), row("labels only", labels_only)]);
    let last = |report: &Report| report.state().evaluations.last().map(|evaluated| evaluated.ema.accuracy);
    match (last(fixmatch), last(labels_only)) {
        (Some(with), Some(without)) => format!(
            "{table}\ngap: {:+.1} points of EMA accuracy; the medians are of the last {} evaluations",
            100.0 * (with - without),
            fixmatch.state().evaluations.last().map_or(0, |evaluated| evaluated.median_of)
        ),
        _ => table,
    }
}

fn row(name: &str, report: &Report) -> Vec<String> {
    let last = report.state().evaluations.last();
    let ratio = |value: fn(&Evaluated) -> f64| or_dash(last.map(value), percent);
    vec![
        name.into(),
        ratio(|last| last.ema.accuracy),
        ratio(|last| last.raw.accuracy),
        ratio(|last| last.median),
        ratio(|last| last.best),
        or_dash(last, |last| last.best_step.to_string()),
        duration(report.wall),
        or_dash(images_per_s(report.state()), short),
    ]
}

/// Images a second over all windows.
fn images_per_s(state: &RunState) -> Option<f64> {
    // Every step has the same number of images, so the mean over time is the harmonic one over steps.
    let rated = || state.progress.iter().filter(|point| point.images_per_s > 0.0);
    let n_steps = rated().fold(0, |sum: u64, point| sum.saturating_add(point.n_steps));
    let time: f64 = rated().map(|point| point.n_steps as f64 / point.images_per_s).sum();
    (n_steps > 0).then(|| n_steps as f64 / time)
}
