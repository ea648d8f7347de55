//! Windows of a run's curves, trained again in a copy of the run and compared with its log.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::Path;
use std::process::{Child, Stdio};
use std::thread::sleep;
use std::time::Duration;

use anyhow::{Context as _, Result, bail, ensure};
use fixmatch::base::rng::{Rng, Stream};
use fixmatch::run::change::Request;
use fixmatch::run::checkpoint;
use fixmatch::run::dir::RunDir;
use fixmatch::run::event::{Event, Progress, Record, VARYING_FIELDS};
use fixmatch::run::launch::{log_tail, worker_command};
use fixmatch::run::log::Follower;
use fixmatch::run::mailbox;
use fixmatch::run::state::RunState;
use serde::Serialize;
use serde_json::Value;

use super::super::note;
use crate::words::numbers::plural;

/// How long to wait between two looks at the copy's log.
const POLL: Duration = Duration::from_millis(50);

/// What came of it.
#[derive(Debug, Serialize)]
pub struct Recomputed {
    seed: u64,
    windows: Vec<Window>,
    /// How this machine differs from the one that trained the run.
    notes: Vec<String>,
}

/// A window that was trained again.
#[derive(Debug, Serialize)]
struct Window {
    /// The last step of it.
    step: u64,
    /// The checkpoint that it was trained from; 0 for the start of the run.
    from: u64,
    /// Whether all values are the same, bit for bit.
    same: bool,
    /// Those that are not.
    differences: Vec<String>,
}

impl Recomputed {
    /// Whether all windows came out as they are in the log.
    pub fn is_same(&self) -> bool {
        self.windows.iter().all(|window| window.same)
    }

    /// The same in lines.
    pub fn text(&self) -> String {
        let line = |window: &Window| {
            let Window { step, from, differences, .. } = window;
            let what = if differences.is_empty() { "the same, bit for bit".into() } else { differences.join("; ") };
            format!("window up to step {step}, from step {from}: {what}")
        };
        let n_same = self.windows.iter().filter(|window| window.same).count();
        let last = format!(
            "{n_same} of {} recomputed the same (--seed {})",
            plural(self.windows.len() as u64, "window"),
            self.seed
        );
        let notes = self.notes.iter().filter(|_| !self.is_same()).cloned();
        self.windows.iter().map(line).chain(notes).chain([last]).collect::<Vec<_>>().join("\n")
    }
}

/// Trains `n` windows again, those of a seed or of any: of those near a checkpoint, or of all.
pub fn recompute(dir: &RunDir, n: usize, seed: Option<u64>, anywhere: bool) -> Result<Recomputed> {
    ensure!(n > 0, "--recompute takes at least one window");
    let state = RunState::read(dir)?;
    ensure!(!state.status(dir).is_alive(), "{} has a worker: wait for its end, or stop it first", dir.id());
    let file = dir.read_run()?;
    let config = file.config;
    ensure!(
        config.rank.is_none(),
        "{} ranks images: its windows are of several networks, and not recomputed",
        dir.id()
    );
    let seed = seed.unwrap_or_else(|| jiff::Timestamp::now().as_millisecond() as u64 % 100_000);
    let mut starts: BTreeSet<u64> = checkpoint::list(&dir.checkpoints())?.into_iter().map(|(step, _)| step).collect();
    if file.provenance.parent.is_none() {
        starts.insert(0); // what a fork has of its parent's curves was trained with other values
    }
    let from = |window: &Progress| starts.range(..window.step).next_back().copied();
    // from a checkpoint that was kept it is never further, and few want to train half a run again
    let reach = |it: &Progress| if anywhere { u64::MAX } else { config.checkpoint.every.max(it.n_steps) };
    let is_near = |it: &&Progress| from(it).is_some_and(|from| it.step - from <= reach(it));
    let mut near: Vec<&Progress> = state.progress.iter().filter(|it| it.step > 0).filter(is_near).collect();
    ensure!(
        !near.is_empty(),
        "{} has no window within reach of a checkpoint{}",
        dir.id(),
        if anywhere { "" } else { "; --anywhere takes the others" }
    );
    if near.len() < state.progress.len() {
        let (n, all) = (near.len(), plural(state.progress.len() as u64, "window"));
        note(format_args!("{n} of {all} are within reach of a checkpoint; --anywhere takes the others too"));
    }
    let mut rng = Rng::new(seed, Stream::Weights, 0, 0);
    let mut chosen: BTreeMap<u64, Vec<&Progress>> = BTreeMap::new();
    for _ in 0..n.min(near.len()) {
        let window = near.swap_remove(rng.below(near.len() as u32) as usize);
        chosen.entry(from(window).unwrap_or(0)).or_default().push(window);
    }
    let (mut windows, mut notes) = (Vec::new(), BTreeSet::new());
    for (from, mut logged) in chosen {
        logged.sort_by_key(|it| it.step);
        let last = logged.last().map_or(0, |it| it.step);
        note(format_args!("training again from step {from} to step {last}"));
        let again = train_again(dir, from, last)?;
        notes.extend(again.iter().filter_map(|record| match &record.event {
            Event::Warning { message, .. } if message.contains("not bit for bit") => Some(message.clone()),
            _ => None,
        }));
        windows.extend(logged.into_iter().map(|it| compared(it, from, &again)));
    }
    windows.sort_by_key(|window| window.step);
    Ok(Recomputed { seed, windows, notes: notes.into_iter().collect() })
}

/// The events of a worker on a copy of the run, from a checkpoint to a step.
fn train_again(dir: &RunDir, from: u64, to: u64) -> Result<Vec<Record>> {
    let folder = tempfile::Builder::new().prefix("fixmatch-verify-").tempdir().context("cannot make a folder")?;
    let copy = copied(dir, from, folder.path())?;
    let mut log = Follower::new(copy.events());
    log.read_new()?;
    let output = fs::File::create(copy.worker_log())?;
    let mut command = worker_command()?;
    command.arg("run").arg(copy.path()).stdin(Stdio::null()).stdout(output.try_clone()?).stderr(output);
    let mut worker = Ended(command.spawn().context("cannot start the worker")?);
    let mut records = Vec::new();
    let is_reached = |record: &Record| matches!(&record.event, Event::Progress(progress) if progress.step >= to);
    while !records.iter().any(is_reached) {
        let has_ended = worker.0.try_wait()?.is_some();
        records.extend(log.read_new()?);
        if let Some(Event::Failed { reason, .. }) = records.last().map(|record| &record.event) {
            bail!("it cannot be trained again: {reason}");
        }
        if has_ended && !records.iter().any(is_reached) {
            bail!("the worker ended before step {to}: {}", log_tail(&copy.worker_log()));
        }
        sleep(POLL);
    }
    let _ = mailbox::post(&copy.control(), Request::Stop);
    Ok(records)
}

/// A worker that does not outlive this.
struct Ended(Child);

impl Drop for Ended {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// A copy of a run in which a checkpoint is the newest.
fn copied(dir: &RunDir, from: u64, folder: &Path) -> Result<RunDir> {
    let copy = RunDir::at(folder.join(dir.id()));
    for folder in [copy.path().to_owned(), copy.checkpoints(), copy.control()] {
        fs::create_dir_all(&folder).with_context(|| format!("cannot make {}", folder.display()))?;
    }
    let checkpoint = Path::new("checkpoints").join(checkpoint::file_name(from));
    let files = ["run.toml", "labels.json", "held-out.csv", "events.jsonl", "events.seal", "insight.bin"];
    for file in files.into_iter().map(Path::new).chain((from > 0).then_some(&*checkpoint)) {
        let path = dir.path().join(file);
        if path.exists() {
            fs::copy(&path, copy.path().join(file)).with_context(|| format!("cannot copy {}", path.display()))?;
        }
    }
    Ok(copy)
}

fn compared(logged: &Progress, from: u64, again: &[Record]) -> Window {
    let found = again.iter().rev().find_map(|record| match &record.event {
        Event::Progress(progress) if progress.step == logged.step => Some(progress),
        _ => None,
    });
    let differences = match found {
        Some(found) => differences(&values(logged), &values(found)),
        None => vec!["no such window came out".to_owned()],
    };
    Window { step: logged.step, from, same: differences.is_empty(), differences }
}

/// The values that the run decides, not the clock.
fn values(progress: &Progress) -> BTreeMap<String, Value> {
    let value = serde_json::to_value(progress).expect("an event has only JSON's types");
    let fields = value.as_object().cloned().unwrap_or_default();
    fields.into_iter().filter(|(key, _)| !VARYING_FIELDS.contains(&key.as_str())).collect()
}

fn differences(logged: &BTreeMap<String, Value>, found: &BTreeMap<String, Value>) -> Vec<String> {
    let differing = logged.iter().filter(|(key, value)| found.get(*key) != Some(value));
    differing.map(|(key, value)| format!("{key} was {value}, is {}", found.get(key).unwrap_or(&Value::Null))).collect()
}
