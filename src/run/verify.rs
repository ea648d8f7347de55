//! Whether a run's directory is whole: each of its files against its seal, its digest or its checksums.
//!
//! Nothing is changed, and nothing that is damaged keeps the rest from being looked at.

use std::collections::BTreeSet;
use std::path::Path;

use anyhow::Result;
use serde::Serialize;

use crate::base::files;
use crate::base::sealed::{self, Seal};
use crate::run::card::Card;
use crate::run::checkpoint::{self, Checkpoint};
use crate::run::digests::Digests;
use crate::run::dir::RunDir;
use crate::run::event::Event;
use crate::run::insight;
use crate::run::log::Follower;
use crate::run::seal;
use crate::run::state::RunState;
use crate::run::summary::Summary;

/// How a file stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Verdict {
    /// It is what was written.
    Whole,
    /// It can be read, and has no seal by which one could tell more: an older version wrote it.
    Unsealed,
    /// It is not what was written, or is gone.
    Damaged,
}

/// A file, or what there is of it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Part {
    /// Its name in the run's directory.
    pub file: String,
    /// How it stands.
    pub verdict: Verdict,
    /// What is in it, or what is wrong with it.
    pub about: Vec<String>,
}

impl Part {
    fn new(file: &str, verdict: Verdict, about: impl Into<String>) -> Self {
        Self { file: file.to_owned(), verdict, about: vec![about.into()] }
    }

    /// One that holds something unless there are problems with it.
    fn unless(file: &str, problems: Vec<String>, verdict: Verdict, about: impl Into<String>) -> Self {
        if problems.is_empty() {
            return Self::new(file, verdict, about);
        }
        Self { file: file.to_owned(), verdict: Verdict::Damaged, about: problems }
    }
}

/// What is to be said of each file of a run, the most important first.
///
/// # Errors
/// If the log or the folder of checkpoints cannot be read at all.
pub fn verify(dir: &RunDir) -> Result<Vec<Part>> {
    let mut log = Follower::new(dir.events());
    let (state, records_of_log) = RunState::fold(&mut log)?;
    let (mut saved, keep) = (Saved::default(), dir.read_run().map_or(0, |run| run.config.checkpoint.keep));
    for record in &records_of_log {
        saved.apply(&record.event, keep as usize);
    }
    let (checkpoints, newest) = checkpoints(dir, &saved)?;
    let before = state.digests.clone().or(newest.as_ref().and_then(|it| Some(it.seals.clone()?.digests)));
    let now = Digests::of(dir);
    let mut parts = vec![run_toml(dir, before.as_ref(), now.as_ref().ok())];
    parts.extend(labels(dir, before.as_ref(), &now));
    parts.extend(held_out(before.as_ref(), now.as_ref().ok()));
    parts.extend(events(dir, &log, &state, newest.as_ref()));
    parts.extend(checkpoints);
    parts.extend(records(dir, &state));
    parts.extend(ranking(dir, &state));
    parts.extend(card(dir));
    parts.extend(summary(dir));
    Ok(parts)
}

/// A file that has a seal of its own, and a digest in the log and the checkpoints.
fn sealed_file(file: &str, own: Seal, then: Option<&String>, now: Option<&String>, about: &str) -> Part {
    let problems = match (own, then, now) {
        (Seal::Broken, ..) => vec![sealed::BROKEN.to_owned()],
        (_, Some(_), None) => vec!["it is gone".to_owned()],
        (_, Some(then), Some(now)) if then != now => {
            vec!["it is not what the run was trained with: its digest is another one".to_owned()]
        }
        _ => Vec::new(),
    };
    let is_sealed = own == Seal::Intact || then.is_some();
    Part::unless(file, problems, if is_sealed { Verdict::Whole } else { Verdict::Unsealed }, about)
}

fn run_toml(dir: &RunDir, before: Option<&Digests>, now: Option<&Digests>) -> Part {
    const FILE: &str = "run.toml";
    let seal = match dir.read_sealed_run() {
        Ok((_, seal)) => seal,
        Err(error) => return Part::new(FILE, Verdict::Damaged, format!("{error:#}")),
    };
    let [then, now] = [before, now].map(|it| it.and_then(|it| it.run.as_ref()));
    sealed_file(FILE, seal, then, now, "the configuration")
}

fn labels(dir: &RunDir, before: Option<&Digests>, now: &Result<Digests>) -> Option<Part> {
    const FILE: &str = "labels.json";
    let then = before.and_then(|it| it.labels.as_ref());
    let now = match now {
        Ok(now) => now.labels.as_ref(),
        Err(error) => return Some(Part::new(FILE, Verdict::Damaged, format!("{error:#}"))),
    };
    if now.is_none() && then.is_none() {
        return None;
    }
    let text = files::read(&dir.labels()).unwrap_or_default();
    let read: Result<serde_json::Value, _> = serde_json::from_slice(&text);
    if let (Err(error), Some(_)) = (&read, now) {
        return Some(Part::new(FILE, Verdict::Damaged, error.to_string()));
    }
    let n = read.ok().and_then(|value| Some(value["indices"].as_array()?.len())).unwrap_or(0);
    let about = format!("{n} labeled {}", if n == 1 { "image" } else { "images" });
    Some(sealed_file(FILE, sealed::of_json(&text), then, now, &about))
}

fn held_out(before: Option<&Digests>, now: Option<&Digests>) -> Option<Part> {
    let (then, now) = (before.and_then(|it| it.held_out.as_ref()), now?.held_out.as_ref());
    let about = "the test images that were held out";
    (now.is_some() || then.is_some()).then(|| sealed_file("held-out.csv", Seal::Absent, then, now, about))
}

/// The log, and the file that says where it ends.
fn events(dir: &RunDir, log: &Follower, state: &RunState, newest: Option<&Checkpoint>) -> Vec<Part> {
    const FILE: &str = "events.jsonl";
    let mut problems: Vec<_> = log.damage().iter().map(ToString::to_string).collect();
    match &state.doubt {
        Some(doubt) if problems.is_empty() => problems.push(doubt.clone()),
        Some(_) => problems.push("a change of the run may be among them".to_owned()),
        None => problems.extend(newest.and_then(|it| seal::check_changes(state, it))),
    }
    let n = log.n_lines();
    let lines = if n == 1 { "line" } else { "lines" };
    let log_part = if log.is_sealed() || n == 0 {
        Part::unless(FILE, problems, Verdict::Whole, format!("{n} {lines}, each follows from the one before"))
    } else {
        Part::unless(FILE, problems, Verdict::Unsealed, format!("{n} {lines}"))
    };
    let seal = dir.events_seal();
    let tail_part = match (log.has_tail(), seal.exists()) {
        (true, _) => Some(Part::new("events.seal", Verdict::Whole, "where the log ends")),
        (false, true) => Some(Part::new(
            "events.seal",
            Verdict::Damaged,
            "it cannot be read, so one cannot tell whether the log's last lines are gone; the next worker writes it anew",
        )),
        (false, false) if log.is_sealed() => Some(Part::new(
            "events.seal",
            Verdict::Damaged,
            "it is gone, so one cannot tell whether the log's last lines are; the next worker writes it anew",
        )),
        (false, false) => None,
    };
    std::iter::once(log_part).chain(tail_part).collect()
}

/// The checkpoints that must be there, by the log.
#[derive(Default)]
struct Saved {
    steps: Vec<u64>,
    best: Option<u64>,
}

impl Saved {
    /// As the worker saves and prunes.
    fn apply(&mut self, event: &Event, keep: usize) {
        match event {
            Event::Checkpointed { step, best, .. } => {
                if *best {
                    self.best = Some(*step);
                }
                self.steps.retain(|it| it != step);
                self.steps.push(*step);
                let n_old = self.steps.len().saturating_sub(keep);
                let oldest_kept = self.steps[n_old.min(self.steps.len() - 1)];
                self.steps.retain(|it| *it >= oldest_kept || Some(*it) == self.best);
            }
            Event::Resumed { step } => {
                self.steps.retain(|it| it <= step);
                self.best = self.best.filter(|it| it <= step);
            }
            _ => {}
        }
    }
}

/// All checkpoints, and the newest that is intact.
fn checkpoints(dir: &RunDir, saved: &Saved) -> Result<(Vec<Part>, Option<Checkpoint>)> {
    let (mut parts, mut newest) = (Vec::new(), None);
    let all = checkpoint::list(&dir.checkpoints())?;
    let is_there = |step: &u64| all.iter().any(|(there, _)| there == step);
    // a worker saves and prunes while this looks
    for step in saved.steps.iter().filter(|step| !is_there(step) && !dir.is_locked()) {
        let file = format!("checkpoints/{}", checkpoint::file_name(*step));
        parts.push(Part::new(&file, Verdict::Damaged, "it is gone"));
    }
    for (step, path) in all {
        let file = format!("checkpoints/{}", path.file_name().unwrap_or_default().display());
        let read = Checkpoint::read(&path);
        let gone = read.is_err() && !path.exists(); // a worker has pruned it meanwhile
        match read {
            Ok(found) if found.state.step == step => {
                parts.push(Part::new(&file, Verdict::Whole, format!("step {step}, {} numbers", n_numbers(&found))));
                newest = Some(found);
            }
            Ok(found) => {
                let about = format!("it is of step {}, not of the one in its name", found.state.step);
                parts.push(Part::new(&file, Verdict::Damaged, about));
            }
            Err(_) if gone => {}
            Err(error) => parts.push(Part::new(&file, Verdict::Damaged, format!("{:#}", error.root_cause()))),
        }
    }
    Ok((parts, newest))
}

fn n_numbers(checkpoint: &Checkpoint) -> usize {
    checkpoint.tensors.values().map(|array| array.values.len()).sum()
}

fn records(dir: &RunDir, state: &RunState) -> Option<Part> {
    let pointers = &state.insights;
    if pointers.is_empty() && !dir.insight().exists() {
        return None;
    }
    let (records, problems) = insight::read_all(&dir.insight(), pointers).unwrap_or_else(|error| {
        (Vec::new(), vec![format!("{error:#}")]) // it is no file
    });
    let problems = problems.into_iter().collect::<BTreeSet<_>>().into_iter().collect();
    let n = records.len();
    let about = format!("{n} {} of pseudo-labels", if n == 1 { "record" } else { "records" });
    Some(Part::unless("insight.bin", problems, Verdict::Whole, about))
}

fn ranking(dir: &RunDir, state: &RunState) -> Option<Part> {
    let path = dir.ranking();
    let finished = state.last_state == Some(crate::run::state::LastState::Finished);
    let ranks = dir.read_run().is_ok_and(|run| run.config.rank.is_some());
    match path.exists() {
        true => Some(json_file("ranking.json", &path, "the order of the images")),
        false if ranks && finished => Some(Part::new("ranking.json", Verdict::Damaged, "it is gone")),
        false => None,
    }
}

fn card(dir: &RunDir) -> Option<Part> {
    let path = dir.card();
    path.exists().then(|| match Card::read(dir) {
        Ok(_) => json_file("card.json", &path, "a title, tags and a note"),
        Err(error) => Part::new("card.json", Verdict::Damaged, format!("{:#}", error.root_cause())),
    })
}

/// A cache: what is wrong with it is mended by the next look at the run, and hides nothing.
fn summary(dir: &RunDir) -> Option<Part> {
    let path = dir.summary();
    path.exists().then(|| match Summary::read(dir) {
        Some(_) => json_file("summary.json", &path, "what lists show"),
        None => Part::new("summary.json", Verdict::Damaged, "it does not count: lists read the log, and write it anew"),
    })
}

/// A file that is sealed in itself.
fn json_file(file: &str, path: &Path, about: &str) -> Part {
    let read = files::read(path).map_err(anyhow::Error::from).and_then(|text| {
        sealed::read_json::<serde::de::IgnoredAny>(&text)?;
        Ok(sealed::of_json(&text))
    });
    match read {
        Ok(Seal::Absent) => Part::new(file, Verdict::Unsealed, about),
        Ok(_) => Part::new(file, Verdict::Whole, about),
        Err(error) => Part::new(file, Verdict::Damaged, format!("{error:#}")),
    }
}
