//! `fixmatch crossval`: how accurate a run is by its labeled images alone, a part of them tested at a time.

use std::process::ExitCode;

use anyhow::{Context as _, Result, bail, ensure};
use fixmatch::compare::crossval::{Crossval, Tested, Whole, configured};
use fixmatch::config::{Part, Pick, RunConfig};
use fixmatch::examples;
use fixmatch::labels::{file, recorded};
use fixmatch::plan;
use fixmatch::run::dir::RunDir;
use fixmatch::run::file::{Parent, RunFile};
use fixmatch::run::launch;
use fixmatch::run::state::{RunState, Status};
use fixmatch::run::survey::{Row, Survey};
use serde::Serialize;

use super::foreground::{self, End};
use super::{RunArg, Runs, note, reading, say, say_json};
use crate::words::crossval::estimate;
use crate::words::numbers::{columns, percent, plural};

/// Estimate a run's accuracy by its labeled images alone, where there are none to test on
///
/// Trains a run for each part of the labeled images: it learns from the other parts, and is tested on this one. So every
/// labeled image is tested once, by a network that did not know its class. Parts that are done are not trained again:
/// Ctrl-C stops, and the same command goes on.
#[derive(clap::Args)]
#[command(after_help = examples!("fixmatch crossval photos", "fixmatch crossval photos --parts 10"))]
pub struct Args {
    #[command(flatten)]
    run: RunArg,
    /// How many parts
    #[arg(long, value_name = "N", default_value_t = 5, value_parser = clap::value_parser!(u32).range(2..=Part::MOST as i64))]
    parts: u32,
    /// As JSON
    #[arg(long)]
    json: bool,
}

pub fn run(args: &Args, runs: &Runs) -> Result<ExitCode> {
    let dir = runs.find(&args.run)?;
    let file = dir.read_run()?;
    check(&dir, &file)?;
    if let Some(Parent { run, .. }) = &file.provenance.parent {
        note(format_args!("{} goes on from {run}; its parts begin anew", dir.id()));
    }
    if !RunState::read(&dir)?.history.standing().is_empty() {
        note(format_args!("{} was changed while it trained; its parts train as it was launched", dir.id()));
    }
    let (whole, mut survey, mut is_checked) = (Whole::read(&dir)?, Survey::new(runs.folder()), false);
    for part in Part::all(args.parts) {
        let rows = survey.look()?;
        let found = whole.runs_of(part, &rows);
        if found.iter().any(|row| row.status == Status::Finished) {
            continue;
        }
        let config = configured(&file.config, part);
        if !is_checked {
            plan::check(&config)?;
            check_data(&dir, &file)?;
            is_checked = true;
        }
        let name = String::from(part);
        note(format_args!("part {name} of the labeled images of {}", dir.id()));
        let of_part = going_on(&found, runs)?.map_or_else(|| make(&dir, &file, config, part, runs), Ok)?;
        let report = foreground::follow(&of_part, file.config.train.steps, Vec::new(), None)?;
        if report.end != End::Finished {
            return report.conclude(runs);
        }
    }
    let found = whole.tested(args.parts, &survey.look()?)?;
    let page = Page { run: dir.id(), estimate: Estimate::of(&found).context("no part was tested")? };
    if args.json {
        say_json(&page)?;
    } else {
        let (table, estimate) = (page.estimate.table(), estimate(&found).unwrap_or_default());
        say(format_args!("{table}\n\n{estimate}\n{CAUTION}"))?;
    }
    Ok(ExitCode::SUCCESS)
}

fn check(dir: &RunDir, file: &RunFile) -> Result<()> {
    ensure!(file.config.rank.is_none(), "{} puts images in order, without labels: name a run that trains", dir.id());
    ensure!(file.config.labels.crossval.is_none(), "{} is a part of a cross-validation: name the whole run", dir.id());
    ensure!(dir.labels().exists(), "{} has no labels yet: its worker picks them when it starts", dir.id());
    Ok(())
}

/// Refuses images and labels that are others by now.
fn check_data(dir: &RunDir, run: &RunFile) -> Result<()> {
    let dataset = reading::load(&run.config.data)?;
    let then = recorded::read(dir, &dataset)?; // of these images, or an error
    let Pick::File(path) = &run.config.labels.pick else { return Ok(()) };
    let now = file::read(path, &dataset)?;
    ensure!(
        (&now.indices, &now.given) == (&then.indices, &then.given),
        "{} labels {} by now, and {} learned from {}: start a run with the labels of today, and cross-validate that",
        path.display(),
        plural(now.indices.len() as u64, "image"),
        dir.id(),
        if now.indices.len() == then.indices.len() { "others".to_owned() } else { then.indices.len().to_string() },
    );
    Ok(())
}

/// The run of this part that was broken off, if there is one.
fn going_on(found: &[&Row], runs: &Runs) -> Result<Option<RunDir>> {
    let Some(row) = found.first() else { return Ok(None) };
    let name = runs.name_of(&row.dir);
    match row.status {
        Status::Stopped | Status::Suspended | Status::Lost => {
            note(format_args!("going on with {}", row.dir.path().display()));
            Ok(Some(row.dir.clone()))
        }
        Status::Failed => bail!(
            "{} failed: {}; `fixmatch resume {name}` goes on with it once that is mended",
            row.dir.id(),
            row.failure().unwrap_or("nobody knows why")
        ),
        status => bail!("{} is {} already; `fixmatch watch {name}` follows it", row.dir.id(), status.label()),
    }
}

fn make(dir: &RunDir, file: &RunFile, config: RunConfig, part: Part, runs: &Runs) -> Result<RunDir> {
    let Part { number, of } = part;
    let setting = format!("labels.crossval={}", String::from(part));
    let settings = file.provenance.settings.iter().cloned().chain([setting]).collect();
    let of_part = RunFile::new(file.provenance.preset.clone(), settings, config);
    launch::check()?;
    let made = RunDir::create(runs.folder(), &format!("{}-part-{number}-of-{of}", dir.name()), &of_part)?;
    note(format_args!("run directory: {}", made.path().display()));
    Ok(made)
}

/// What came of it.
#[derive(Serialize)]
struct Page {
    run: String,
    #[serde(flatten)]
    estimate: Estimate,
}

/// An accuracy by labeled images, and what it was made of.
#[derive(Serialize)]
pub struct Estimate {
    n_parts: u32,
    parts: Vec<OfPart>,
    n: u64,
    n_right: u64,
    accuracy: f64,
    /// Of the accuracy, by Wilson's method.
    interval: [f64; 2],
}

/// A part and its run.
#[derive(Serialize)]
struct OfPart {
    part: String,
    run: String,
    n: u64,
    n_right: u64,
}

impl Estimate {
    /// None before a part is tested.
    pub fn of(found: &Crossval) -> Option<Self> {
        let share = found.share()?;
        let of_part = |it: &Tested| OfPart { part: it.part.into(), run: it.run.id(), n: it.n, n_right: it.n_right };
        Some(Self {
            n_parts: found.of,
            parts: found.tested.iter().map(of_part).collect(),
            n: share.n,
            n_right: share.n_right,
            accuracy: share.accuracy(),
            interval: share.interval.into(),
        })
    }

    fn table(&self) -> String {
        let row = |it: &OfPart| {
            let (right, accuracy) = (format!("{} of {}", it.n_right, it.n), percent(it.n_right as f64 / it.n as f64));
            vec![it.part.clone(), right, accuracy, it.run.clone()]
        };
        let rows: Vec<_> = self.parts.iter().map(row).collect();
        columns(&["PART", "RIGHT", "ACCURACY", "RUN"], &rows)
    }
}

/// What the number does not say.
const CAUTION: &str = "each network learned from the other parts alone, so one that learns from all labels is rather \
better; and labeled images tell of the others only if nobody chose them for being easy or hard";
