//! Whether a run is what it was trained as: its files by their seals and digests, its log by its chain.
//!
//! Whoever goes on with a run, forks it or takes something out of it asks here first. Whoever only shows it says what is
//! wrong and shows the rest. An edit that is meant is taken with [`accept`].

use std::path::{Path, PathBuf};

use anyhow::{Context as _, Result, bail};
use serde_json::{Map, Value};

use crate::base::aside::replace_file;
use crate::base::dirs;
use crate::base::files;
use crate::base::host::user_at_host;
use crate::base::sealed::{self, Seal};
use crate::run::checkpoint::{Checkpoint, Seals};
use crate::run::digests::{Difference, Digests};
use crate::run::dir::RunDir;
use crate::run::event::Event;
use crate::run::history::History;
use crate::run::log::{self, EventLog, Follower};
use crate::run::state::RunState;

/// What a checkpoint after `step` steps says of the run that it is of.
///
/// # Errors
/// If a file cannot be read.
pub fn seals(dir: &RunDir, history: &History, step: u64) -> Result<Seals> {
    Ok(Seals { digests: Digests::of(dir)?, changes: history.digest(step) })
}

/// Refuses a run whose files or whose changes are not those that it was trained with. `state` is its log, read in one
/// go, and `checkpoint` the one to go on from, if there is one.
pub fn check(dir: &RunDir, state: &RunState, checkpoint: Option<&Checkpoint>) -> Result<()> {
    check_files(dir, state, checkpoint)?;
    if let Some(doubt) = &state.doubt {
        let ways = ways_out(dir, "events.jsonl");
        bail!("a change of the run may be missing from events.jsonl: {doubt}. {ways}");
    }
    match checkpoint.and_then(|checkpoint| check_changes(state, checkpoint)) {
        Some(wrong) => bail!("events.jsonl: {wrong}. {}", ways_out(dir, "events.jsonl")),
        None => Ok(()),
    }
}

/// What is wrong with a log that has other changes than a checkpoint was trained with, unless it was taken as it is since.
pub fn check_changes(state: &RunState, checkpoint: &Checkpoint) -> Option<String> {
    let step = checkpoint.state.step;
    let seals = checkpoint.seals.as_ref().filter(|_| state.sealed_at.is_none_or(|at| step > at))?;
    (seals.changes != state.history.digest(step))
        .then(|| format!("its changes are not those that the checkpoint of step {step} was trained with"))
}

/// Refuses a run whose files are not those that it was trained with. Files that are gone may come back.
pub fn check_files(dir: &RunDir, state: &RunState, checkpoint: Option<&Checkpoint>) -> Result<()> {
    let Some((file, what)) = wrong_files(dir, state, checkpoint)?.into_iter().next() else { return Ok(()) };
    bail!("{}: {what}. {}", dir.path().join(file).display(), ways_out(dir, file))
}

/// The files that are damaged or edited, and what to say of each.
pub fn wrong_files(
    dir: &RunDir,
    state: &RunState,
    checkpoint: Option<&Checkpoint>,
) -> Result<Vec<(&'static str, String)>> {
    let mut wrong: Vec<(&'static str, String)> = Vec::new();
    for (name, seal) in own_seals(dir) {
        if seal? == Seal::Broken {
            wrong.push((name, sealed::BROKEN.to_owned()));
        }
    }
    let before = state.digests.as_ref().or(checkpoint.and_then(|it| Some(&it.seals.as_ref()?.digests)));
    if let Some(before) = before {
        for difference in before.differences(&Digests::of(dir)?) {
            let is_told = wrong.iter().any(|(name, _)| *name == difference.file());
            if !is_told && !matches!(difference, Difference::Gone(_)) {
                wrong.push((difference.file(), difference.to_string()));
            }
        }
    }
    Ok(wrong)
}

/// What the seals inside of the files that decide results say.
fn own_seals(dir: &RunDir) -> [(&'static str, Result<Seal>); 2] {
    let read = |path: &Path, of: fn(&[u8]) -> Seal| match files::read(path) {
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(Seal::Absent),
        read => read.map(|bytes| of(&bytes)).with_context(|| format!("cannot read {}", path.display())),
    };
    let toml = |bytes: &[u8]| sealed::of_toml(&String::from_utf8_lossy(bytes));
    [("run.toml", read(&dir.run_toml(), toml)), ("labels.json", read(&dir.labels(), sealed::of_json))]
}

/// Refuses files other than those that the run was trained with, once all that the worker makes itself is there again.
pub fn check_made(dir: &RunDir, before: &Digests) -> Result<()> {
    match before.differences(&Digests::of(dir)?).first() {
        None => Ok(()),
        Some(it) => bail!("{}: {it}. {}", dir.path().join(it.file()).display(), ways_out(dir, it.file())),
    }
}

/// What to do about a file.
fn ways_out(dir: &RunDir, file: &str) -> String {
    let name = name_of(dir);
    let first = match file {
        "run.toml" => "Undo the edit; other values are for a new run: `fixmatch fork --set KEY=VALUE`. Or",
        "labels.json" => {
            "Remove the file: the worker picks the labels again and goes on if they are the same. Other labels are for a \
             new run: `fixmatch fork --set labels.KEY=VALUE`. Or"
        }
        _ => "Put the file back from a copy, or",
    };
    format!("{first} take the run as it is now: `fixmatch seal {name}`")
}

/// How a user names a run in the next command.
fn name_of(dir: &RunDir) -> String {
    let is_usual = dirs::runs_dir().is_ok_and(|usual| dir.path().parent() == Some(&usual));
    if is_usual { dir.id() } else { dir.path().display().to_string() }
}

/// What [`accept`] did.
#[derive(Debug, Default)]
pub struct Accepted {
    /// The files that were sealed anew, with what was wrong.
    pub files: Vec<(&'static str, String)>,
    /// What was wrong with the log.
    pub damage: Vec<String>,
    /// Where the damaged log is now.
    pub kept_at: Option<PathBuf>,
}

/// Takes a run as it is: seals its files anew, takes damaged lines out of its log and puts the old one aside, and says so
/// in the log. Nothing is done where nothing is wrong.
///
/// # Errors
/// Where a worker has the run, or a file makes no sense: then it is left alone.
pub fn accept(dir: &RunDir) -> Result<Accepted> {
    let _lock = dir.lock().context("the run has a worker now: stop it first")?;
    dir.read_run()?;
    let mut log = Follower::new(dir.events());
    let (state, records) = RunState::fold(&mut log)?;
    let newest = crate::run::checkpoint::newest(&dir.checkpoints()).ok().and_then(|(found, _)| found);
    let mut done = Accepted { files: wrong_files(dir, &state, newest.as_ref())?, ..Accepted::default() };
    let is_gone = |it: &Difference| matches!(it, Difference::Gone(_));
    let gone = state.digests.iter().map(|it| Ok(it.differences(&Digests::of(dir)?))).collect::<Result<Vec<_>>>()?;
    done.files.extend(gone.into_iter().flatten().filter(is_gone).map(|it| (it.file(), it.to_string())));
    let has_other_changes = newest.as_ref().is_some_and(|it| check_changes(&state, it).is_some());
    for (name, path) in [("card.json", dir.card()), ("ranking.json", dir.ranking())] {
        if path.exists() && sealed::of_json(&files::read(&path)?) == Seal::Broken {
            done.files.push((name, sealed::BROKEN.to_owned()));
        }
    }
    done.damage = log.damage().iter().map(ToString::to_string).collect();
    if done.damage.is_empty() {
        done.damage.extend(state.doubt.clone());
    }
    if has_other_changes && done.damage.is_empty() {
        done.damage.push("its changes were not those that the newest checkpoint was trained with".into());
    }
    if done.files.is_empty() && done.damage.is_empty() {
        return Ok(done);
    }
    for (name, _) in &done.files {
        seal_anew(&dir.path().join(name))?;
    }
    if !log.damage().is_empty() {
        done.kept_at = Some(log::rewrite(&dir.events(), &records)?);
    }
    let mut log = EventLog::open(&dir.events())?;
    log.trust();
    let step = newest.map_or(0, |found| found.state.step);
    let (who, digests, damage) = (user_at_host(), Box::new(Digests::of(dir)?), done.damage.clone());
    log.append(Event::Sealed { step, who, digests, damage })?;
    log.sync()?;
    Ok(done)
}

/// Writes a file with a seal of what is in it now.
fn seal_anew(path: &Path) -> Result<()> {
    let text = match files::read_text(path, files::MAX_TEXT) {
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(()),
        text => text.with_context(|| format!("cannot read {}", path.display()))?,
    };
    match path.extension().and_then(|it| it.to_str()) {
        Some("toml") => replace_file(path, sealed::toml(sealed::without_toml(&text)).as_bytes()),
        Some("json") => {
            let object: Map<String, Value> =
                serde_json::from_str(&text).with_context(|| format!("cannot read {}", path.display()))?;
            let object = object.into_iter().filter(|(key, _)| key != "seal").collect::<Map<_, _>>();
            replace_file(path, &sealed::json(serde_json::to_vec(&object)?))
        }
        _ => Ok(()), // it has none of its own
    }
}
