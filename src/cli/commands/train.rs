//! `fixmatch train`: makes a run of a preset and starts a worker on it.

use std::process::ExitCode;

use anyhow::Result;
use fixmatch::config::Device;
use fixmatch::config::preset::Preset;
use fixmatch::examples;
use fixmatch::plan::Plan;
use fixmatch::run::dir::RunDir;
use fixmatch::run::event::Evaluated;
use fixmatch::run::state::RunState;

use super::attach;
use super::foreground::{self, End, Report};
use super::reading::Bar;
use super::{Runs, complete, note, say};
use crate::words::events::{AT_CHANCE, agreement};
use crate::words::numbers::{duration, or_dash, percent, plural, short, table};

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
    /// Train in the background and return at once
    #[arg(long, conflicts_with = "baseline")]
    detach: bool,
    /// Show it in the console, if the terminal allows; the console closes with q or when the run ends
    #[arg(long, conflicts_with = "detach")]
    attach: bool,
    /// Then train on the labels alone (`lambda_u` = 0) and compare
    #[arg(long)]
    baseline: bool,
}

pub fn run(args: &Args, runs: &Runs) -> Result<ExitCode> {
    let preset = Preset::find(&args.preset)?;
    let plan = plan(args, &preset)?;
    if args.detach {
        return foreground::detach(&make(&plan, runs)?, runs);
    }
    if !args.baseline {
        return finish(&train(&plan, runs, args.attach)?, runs);
    }
    let labels_only = plan.labels_only(&preset)?;
    note("first with the unlabeled images");
    let fixmatch = train(&plan, runs, args.attach)?;
    if fixmatch.end != End::Finished {
        return fixmatch.conclude(runs);
    }
    note("then on the labels alone");
    let labels_only = train(&labels_only, runs, args.attach)?;
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

/// The plan of these arguments.
fn plan(args: &Args, preset: &Preset) -> Result<Plan> {
    let mut settings = args.set.clone();
    settings.extend(args.seed.map(|seed| format!("train.seed={seed}")));
    settings.extend(args.device.map(|device| format!("machine.device={device}")));
    let bar = Bar::default();
    let plan = Plan::watched(preset, settings, Some(&|n_done, n| bar.tell(n_done, n)))?;
    Ok(match &args.name {
        Some(name) => plan.named(name.clone()),
        None => plan,
    })
}

/// Makes a run's directory, and says where it is and what is odd about it.
fn make(plan: &Plan, runs: &Runs) -> Result<RunDir> {
    let dir = plan.make(runs.folder())?;
    note(format_args!("run directory: {}", dir.path().display()));
    if let Some(read) = plan.read() {
        note(format_args!("images: {read}"));
    }
    for told in plan.warnings() {
        note(format_args!("warning: {told}"));
    }
    Ok(dir)
}

/// Makes a run and trains it, in the console if that is asked for and can be.
fn train(plan: &Plan, runs: &Runs, attach: bool) -> Result<Report> {
    let dir = make(plan, runs)?;
    let told = plan.read().map(str::to_owned).into_iter().chain(plan.warnings()).collect();
    foreground::follow(&dir, plan.config().train.steps, told, attach::console_on(&dir, attach, runs))
}

/// What a run came to, in a few lines.
pub fn summary(report: &Report) -> String {
    let state = report.state();
    let rate = or_dash(images_per_s(state), short);
    let mut lines =
        vec![format!("finished {} in {}, {rate} images/s", plural(state.step, "step"), duration(report.wall))];
    lines.extend(state.comparisons.last().map(agreement));
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
