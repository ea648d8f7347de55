//! `fixmatch show`: all that is known of one run.

use fixmatch::base::text::Name;
use std::path::PathBuf;
use std::process::ExitCode;

use anyhow::{Result, ensure};
use fixmatch::compare::crossval::Whole;
use fixmatch::config::one_line;
use fixmatch::examples;
use fixmatch::run::card::Card;
use fixmatch::run::checkpoint;
use fixmatch::run::dir::RunDir;
use fixmatch::run::event::{Compared, Evaluated, Evaluation, Progress, Started};
use fixmatch::run::file::{Environment, Parent, RunFile};
use fixmatch::run::heartbeat::{Heartbeat, Phase};
use fixmatch::run::pseudo::alarm::Alarm;
use fixmatch::run::seal;
use fixmatch::run::state::{RunState, Status, live_step};
use fixmatch::run::survey::Survey;
use serde::Serialize;

use super::card::Written;
use super::crossval::Estimate;
use super::foreground::last_output;
use super::pseudo::Moment;
use super::{Reader, RunArg, Runs, say, say_json};
use crate::words::changes::Changed;
use crate::words::crossval::estimate;
use crate::words::events::{AT_CHANCE, agreement, test_images};
use crate::words::numbers::{bytes, grouped, or_dash, percent, percent_of, plural, seconds, short, table};

/// Show a run: status, configuration, machine, progress, accuracies, pseudo-labels, checkpoints
#[derive(clap::Args)]
#[command(after_help = examples!("fixmatch show", "fixmatch show quickstart --at 200"))]
pub struct Args {
    #[command(flatten)]
    run: RunArg,
    /// As it was after this many steps
    #[arg(long, value_name = "STEP")]
    at: Option<u64>,
    /// Everything, as JSON
    #[arg(long)]
    json: bool,
}

/// A run in full.
#[derive(Serialize)]
struct Page {
    id: String,
    #[serde(flatten)]
    written: Written,
    #[serde(skip)]
    card: Card,
    /// How the next command names it.
    #[serde(skip)]
    name: String,
    path: String,
    status: Status,
    /// The step that was asked for.
    #[serde(skip_serializing_if = "Option::is_none")]
    at: Option<u64>,
    step: u64,
    steps: u64,
    phase: Option<Phase>,
    heartbeat: Option<Heartbeat>,
    #[serde(flatten)]
    run: RunFile,
    started: Option<Started>,
    last_progress: Option<Progress>,
    evaluations: Vec<Evaluated>,
    /// What takes their place without test images.
    comparisons: Vec<Compared>,
    /// The accuracy by the labeled images, where their parts were tested.
    crossval: Option<Estimate>,
    #[serde(skip)]
    estimate: Option<String>,
    /// What the newest of them did.
    pseudo_labels: Option<Moment>,
    /// Seconds of training, pauses and absent workers left out.
    training_s: f64,
    /// Whether it finished no better than guessing.
    at_chance: bool,
    changes: Vec<Changed>,
    alarms: Vec<Alarm>,
    warnings: Vec<String>,
    failure: Option<String>,
    /// How to go on without the change that it failed after.
    way_out: Option<String>,
    checkpoints: Vec<CheckpointFile>,
    jobs: JobsOf,
    #[serde(skip)]
    last_output: Option<String>,
}

/// The jobs of a cluster that the run was trained in.
#[derive(Serialize)]
struct JobsOf {
    ids: Vec<String>,
    timeouts: u32,
    preemptions: u32,
}

#[derive(Serialize)]
struct CheckpointFile {
    step: u64,
    file: String,
    n_bytes: u64,
}

pub fn run(args: &Args, runs: &Runs) -> Result<ExitCode> {
    let page = Page::of(runs.find(&args.run)?, args.at, runs)?;
    if args.json {
        say_json(&page)?;
    } else {
        say(page.text())?;
    }
    Ok(ExitCode::SUCCESS)
}

impl Page {
    fn of(dir: RunDir, at: Option<u64>, runs: &Runs) -> Result<Self> {
        let mut reader = Reader::new(dir);
        let (_, status) = reader.look()?;
        let Reader { dir, mut state, .. } = reader;
        let run = dir.read_run()?;
        let (mut step, phase) = live_step(&dir, state.step);
        let failure = state.failure().map(str::to_owned);
        let way_out = state.way_out(&dir, &runs.name_of(&dir));
        let steps = state.steps().unwrap_or(run.config.train.steps);
        if let Some(at) = at {
            ensure!(at <= step, "{} has done {step} steps, not yet {at}", dir.id());
            state.forget_after(at);
            step = at;
        }
        let ahead_from = state.ahead_from(&dir, status)?;
        let changes = Changed::all(&state, ahead_from);
        let damaged = seal::wrong_files(&dir, &state, None)?.into_iter().map(|(file, what)| format!("{file}: {what}"));
        let damaged = damaged.chain(state.doubt.iter().map(|it| format!("events.jsonl: {it}")));
        state.warnings = damaged.chain(std::mem::take(&mut state.warnings)).collect();
        let card = Card::read(&dir).unwrap_or_else(|error| {
            state.warnings.push(format!("{error:#}"));
            Card::default()
        });
        let is_tested = state.comparisons.is_empty() || at.is_some();
        // without labels, or with damaged ones, which the warnings tell of, there is nothing to have tested
        let whole = if is_tested { None } else { Whole::read(&dir).ok() };
        let tested = whole.map(|whole| whole.most_tested(&Survey::new(runs.folder()).look()?));
        let crossval = tested.transpose()?.flatten();
        let pseudo_labels = Moment::newest(&dir, &state)?;
        let at_chance = state.is_at_chance();
        let (timeouts, preemptions) = state.jobs.interruptions(status.is_alive());
        let jobs = JobsOf { ids: state.jobs.ids.clone(), timeouts, preemptions };
        let RunState { started, mut progress, evaluations, comparisons, alarms, warnings, training_s, .. } = state;
        Ok(Self {
            id: dir.id(),
            name: runs.name_of(&dir),
            written: Written::of(&card),
            card,
            path: dir.path().display().to_string(),
            status,
            at,
            step,
            steps,
            phase,
            heartbeat: dir.heartbeat().map(|(beat, _)| beat),
            run,
            started,
            last_progress: progress.pop(),
            evaluations,
            crossval: crossval.as_ref().and_then(Estimate::of),
            estimate: crossval.as_ref().and_then(estimate),
            comparisons,
            pseudo_labels,
            training_s,
            at_chance,
            changes,
            alarms,
            warnings,
            way_out,
            failure,
            checkpoints: checkpoints_of(&dir)?,
            jobs,
            last_output: (status == Status::Lost).then(|| last_output(&dir)),
        })
    }

    fn text(&self) -> String {
        let parts = [
            self.head(),
            self.configuration(),
            self.run.environment.as_ref().map(machine).unwrap_or_default(),
            self.progress(),
            self.accuracy(),
            self.pseudo_labels.as_ref().map(Moment::text).unwrap_or_default(),
            self.history(),
            self.saved(),
        ];
        parts.into_iter().filter(|part| !part.is_empty()).collect::<Vec<_>>().join("\n\n")
    }

    fn head(&self) -> String {
        let done = percent_of(self.step, self.steps);
        let (id, status) = (&self.id, self.status.label());
        let trouble = self.phase.and_then(Phase::trouble).map_or_else(String::new, |trouble| format!(", {trouble}"));
        let as_of = self.at.map_or("", |_| "as it was at ");
        let card = self.card.to_string();
        let card = if card.is_empty() { card } else { format!("{card}\n") };
        format!("{id}\n{card}{status}{trouble}, {as_of}step {} of {} ({done} %)\n{}", self.step, self.steps, self.path)
    }

    fn configuration(&self) -> String {
        let provenance = &self.run.provenance;
        let mut lines = vec![
            format!("preset       {}", provenance.preset),
            format!("made         {} by {}, version {}", provenance.created, provenance.who, provenance.version),
        ];
        let forked =
            |parent: &Parent| format!("forked       from {} after {}", parent.run, plural(parent.step, "step"));
        lines.extend(provenance.parent.as_ref().map(forked));
        let departures = self.run.config.departures();
        lines.push("departs from the paper's defaults in".into());
        lines.extend(departures.iter().map(|(key, value)| format!("  {key} = {}", one_line(value))));
        lines.join("\n")
    }

    fn progress(&self) -> String {
        let mut lines = Vec::new();
        if self.training_s > 0.0 {
            lines.push(format!("trained for {}, pauses left out", seconds(self.training_s)));
        }
        let JobsOf { ids, timeouts, preemptions } = &self.jobs;
        if !ids.is_empty() {
            lines.push(format!(
                "in Slurm's job {}: its time was used up {timeouts}×, otherwise interrupted {preemptions}×",
                ids.join(", ")
            ));
        }
        if let Some(started) = &self.started {
            lines.push(format!(
                "training on {} labeled and {} unlabeled images of {} classes, {}; {}",
                grouped(started.n_labeled),
                grouped(started.n_unlabeled),
                started.classes.len(),
                test_images(started),
                plural(started.n_parameters, "parameter"),
            ));
        }
        if let Some(point) = &self.last_progress {
            lines.push(format!(
                "step {}: loss {:.3} = {:.3} labeled + λ_u × {:.3} unlabeled, learning rate {:.4}",
                point.step, point.loss, point.loss_supervised, point.loss_unsupervised, point.lr
            ));
            lines.push(format!(
                "mask ratio {}, pseudo-label accuracy {}, {} images/s, waiting for data {}, memory {}",
                or_dash(point.mask_ratio, |mask| format!("{mask:.2}")),
                or_dash(point.pseudo_label_accuracy, percent),
                short(point.images_per_s),
                percent(point.data_wait),
                bytes(point.memory_bytes),
            ));
        }
        lines.join("\n")
    }

    fn accuracy(&self) -> String {
        if let Some(compared) = self.comparisons.last() {
            return self.comparison(compared);
        }
        let Some(last) = self.evaluations.last() else { return String::new() };
        let (ema, raw) = (percent(last.ema.accuracy), percent(last.raw.accuracy));
        let scheduled = if last.median_of > 0 { format!("\n{}", scheduled(last)) } else { String::new() };
        let head = format!("test accuracy at step {}: {ema} (EMA), {raw} (raw){scheduled}", last.step);
        let head = if self.at_chance { format!("{head}\n{AT_CHANCE}") } else { head };
        let names = self.started.as_ref().map_or(&[][..], |started| &started.classes);
        format!("{head}\n{}", per_class(names, &last.ema, &last.raw))
    }

    /// What is known without test images.
    fn comparison(&self, compared: &Compared) -> String {
        let names = self.started.as_ref().map_or(&[][..], |started| &started.classes);
        let row = |(class, &n): (usize, &u64)| {
            let name = names.get(class).map_or_else(|| format!("class {class}"), Name::to_string);
            vec![name, grouped(n), percent(n as f64 / compared.n.max(1) as f64)]
        };
        let rows: Vec<_> = compared.predicted.iter().enumerate().map(row).collect();
        let head = format!("step {}: {}", compared.step, agreement(compared));
        let hint = || format!("`fixmatch crossval {}` estimates the accuracy by the labeled images", self.name);
        let estimate = self.estimate.clone().unwrap_or_else(hint);
        format!("{head}\n{estimate}\n{}", table(&["TAKEN FOR", "IMAGES", "SHARE"], &rows))
    }

    /// Changes, warnings and what went wrong.
    fn history(&self) -> String {
        let changes = self.changes.iter().map(|it| {
            let state = if it.state == "in force" { String::new() } else { format!(", {}", it.state) };
            format!("from step {}: {}{state}", it.step, it.change)
        });
        let alarms = self.alarms.iter().map(|alarm| format!("alarm at step {}: {}", alarm.step, alarm.message));
        let warnings = self.warnings.iter().map(|warning| format!("warning: {warning}"));
        let way_out = self.way_out.clone();
        let failure = self.failure.iter().map(|reason| format!("failed: {reason}"));
        let lost = self.last_output.iter().map(|output| format!("the worker ended without saying why; {output}"));
        changes.chain(alarms).chain(warnings).chain(failure).chain(way_out).chain(lost).collect::<Vec<_>>().join("\n")
    }

    fn saved(&self) -> String {
        let lines =
            self.checkpoints.iter().map(|saved| format!("checkpoints/{}  {}", saved.file, bytes(saved.n_bytes)));
        lines.collect::<Vec<_>>().join("\n")
    }
}

fn machine(environment: &Environment) -> String {
    let Environment {
        host, cpu, device, gpu, cuda_visible_devices, libtorch, threads, data_digest, data_known, ..
    } = environment;
    let visible = cuda_visible_devices.as_ref().map_or_else(String::new, |it| format!(", CUDA_VISIBLE_DEVICES={it}"));
    let gpu = gpu.as_ref().map_or_else(String::new, |name| format!(" ({name})"));
    let known = if *data_known { "the official one" } else { "not a known one" };
    [
        format!("host         {host}, {cpu}"),
        format!("device       {device}{gpu}, {}, libtorch {libtorch}{visible}", plural(u64::from(*threads), "thread")),
        format!("worker       version {}", environment.version),
        format!("data digest  {data_digest}, {known}"),
    ]
    .join("\n")
}

/// What the evaluations on schedule come to.
fn scheduled(last: &Evaluated) -> String {
    let (median, best) = (percent(last.median), percent(last.best));
    format!("median of the last {} {median}, best {best} at step {}", last.median_of, last.best_step)
}

fn per_class(names: &[Name], ema: &Evaluation, raw: &Evaluation) -> String {
    let row = |class: usize| {
        let name = names.get(class).map_or_else(|| format!("class {class}"), Name::to_string);
        let of = |evaluation: &Evaluation| or_dash(evaluation.per_class.get(class).copied().flatten(), percent);
        vec![name, of(ema), of(raw)]
    };
    let rows: Vec<_> = (0..ema.per_class.len()).map(row).collect();
    table(&["CLASS", "EMA", "RAW"], &rows)
}

fn checkpoints_of(dir: &RunDir) -> Result<Vec<CheckpointFile>> {
    let size_of = |(step, path): (u64, PathBuf)| {
        let n_bytes = path.metadata().ok()?.len(); // the worker may remove an old one meanwhile
        Some(CheckpointFile { step, file: checkpoint::file_name(step), n_bytes })
    };
    Ok(checkpoint::list(&dir.checkpoints())?.into_iter().filter_map(size_of).collect())
}
