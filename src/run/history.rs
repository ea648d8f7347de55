//! The recorded changes of a run: a small history that can be edited where it lies ahead.
//!
//! A change at step s is in force for the step that follows s steps. It lies *ahead* as long as no step was taken under
//! it, and only then can it be edited, so what was trained stays true. [`History`] is a fold of `accepted`, `applied` and
//! `edited` events. The worker and every reader use this one fold, so they agree on the values in force.

use std::collections::HashMap;

use anyhow::{Context as _, Result, bail, ensure};

use crate::base::hex::sha256_hex;
use crate::config::RunConfig;
use crate::run::change::{Change, Edit, Request};
use crate::run::event::{Event, Record};
use crate::run::live::Live;

/// What is shortly before, in steps, where a run fails after a change.
const SHORTLY: u64 = 200;

/// One recorded change.
#[derive(Clone, Debug, PartialEq)]
pub struct Entry {
    /// Its number: the changes of a log count from 1.
    pub number: u32,
    /// The steps done before it takes effect.
    pub step: u64,
    /// The value that it sets.
    pub change: Change,
    /// The step and the value that it was made with, where it was edited.
    pub made: Option<(u64, Change)>,
    /// Who asked for it, as user@host; empty where the log does not say.
    pub who: String,
    /// When it was made, in seconds since 1970.
    pub time: f64,
    /// The change that it took back, if it was made by an undo.
    pub undoes: Option<u32>,
    /// Whether it counts.
    pub fate: Fate,
    /// Among the changes of one step, the one that was put there last counts.
    placed: u32,
}

/// Whether a recorded change counts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fate {
    /// It does.
    Stands,
    /// It lay ahead when a later change of the same value was made.
    Cancelled {
        /// That change.
        by: u32,
    },
    /// A user dropped it before it took effect.
    Dropped,
}

/// The fold of a run's changes.
#[derive(Clone, Debug, Default)]
pub struct History {
    entries: Vec<Entry>,
    /// Who asked for what is not answered yet.
    asked: HashMap<String, String>,
    n_placed: u32,
}

impl History {
    /// Takes one more event into account.
    pub fn apply(&mut self, record: &Record) {
        match &record.event {
            Event::Accepted { id, who, .. } => drop(self.asked.insert(id.clone(), who.clone())),
            Event::Refused { id, .. } | Event::Applied { id, change: None, .. } => drop(self.asked.remove(id)),
            Event::Applied { id, step, change: Some(change), undoes, cancels } => {
                let number = self.entries.len() as u32 + 1;
                for cancelled in cancels {
                    if let Some(entry) = self.at_mut(*cancelled) {
                        entry.fate = Fate::Cancelled { by: number };
                    }
                }
                let who = self.asked.remove(id).unwrap_or_default();
                let placed = self.place();
                self.entries.push(Entry {
                    number,
                    step: *step,
                    change: *change,
                    made: None,
                    who,
                    time: record.time,
                    undoes: *undoes,
                    fate: Fate::Stands,
                    placed,
                });
            }
            Event::Edited { id, edit, .. } => {
                self.asked.remove(id);
                let placed = self.place();
                let Some(entry) = self.at_mut(edit.number()) else { return };
                let before = (entry.step, entry.change);
                match edit {
                    Edit::Drop(_) => entry.fate = Fate::Dropped,
                    Edit::Value(_, change) => entry.change = *change,
                    Edit::Move(_, step) => (entry.step, entry.placed) = (*step, placed),
                }
                if (entry.step, entry.change) != before {
                    entry.made.get_or_insert(before);
                }
            }
            _ => {}
        }
    }

    fn place(&mut self) -> u32 {
        self.n_placed += 1;
        self.n_placed
    }

    fn at_mut(&mut self, number: u32) -> Option<&mut Entry> {
        self.entries.get_mut((number as usize).checked_sub(1)?)
    }

    /// A change by its number.
    pub fn at(&self, number: u32) -> Option<&Entry> {
        self.entries.get((number as usize).checked_sub(1)?)
    }

    /// Every change that was made, in that order.
    pub fn entries(&self) -> &[Entry] {
        &self.entries
    }

    /// The changes that count, in the order in which they take effect.
    pub fn standing(&self) -> Vec<&Entry> {
        let mut standing: Vec<_> = self.entries.iter().filter(|entry| entry.fate == Fate::Stands).collect();
        standing.sort_by_key(|entry| (entry.step, entry.placed));
        standing
    }

    /// The changes that no step was taken under yet, where `done` steps are done.
    pub fn ahead(&self, done: u64) -> Vec<&Entry> {
        self.standing().into_iter().filter(|entry| entry.step >= done).collect()
    }

    /// Whether a change takes effect right after so many steps.
    pub fn changes_at(&self, step: u64) -> bool {
        self.entries.iter().any(|entry| entry.step == step)
    }

    /// What the changes that count come to, of those that take effect after less than `before` steps: two histories that
    /// change the same values at the same steps have the same digest.
    pub fn digest(&self, before: u64) -> String {
        let counted = self.standing().into_iter().filter(|entry| entry.step < before);
        let pairs: Vec<_> = counted.map(|entry| (entry.step, entry.change)).collect();
        sha256_hex(&serde_json::to_vec(&pairs).expect("changes have only JSON's types"))[..16].to_owned()
    }

    /// The values in force for the step that follows `step` steps. `start` is what the run starts with.
    pub fn live(&self, start: &Live, step: u64) -> Live {
        let mut live = start.clone();
        for entry in self.standing().into_iter().take_while(|entry| entry.step <= step) {
            live.apply(entry.change, entry.step);
        }
        live
    }

    /// Steps to do, as the last change of them has it.
    pub fn steps(&self) -> Option<u64> {
        self.standing().into_iter().rev().find_map(|entry| entry.change.to_steps())
    }

    /// The value that a change replaces, as a change back to it.
    pub fn before(&self, number: u32, start: &Live) -> Option<Change> {
        let this = self.at(number)?;
        let mut live = start.clone();
        let earlier = self.standing().into_iter().filter(|it| (it.step, it.placed) < (this.step, this.placed));
        for entry in earlier {
            live.apply(entry.change, entry.step);
        }
        Some(live.value_like(this.change))
    }

    /// The change that took this one back, if it still does.
    pub fn undone_by(&self, number: u32) -> Option<u32> {
        let step = self.at(number)?.step;
        let undo = |it: &&Entry| it.fate == Fate::Stands && it.undoes == Some(number) && it.step >= step;
        self.entries.iter().find(undo).map(|it| it.number)
    }

    /// Leaves the changes that take effect after at most `step` steps.
    pub fn forget_after(&mut self, step: u64) {
        for entry in self.entries.iter_mut().filter(|entry| entry.step > step) {
            entry.fate = Fate::Dropped;
        }
    }

    /// The change that made a run fail at a step, as far as one can tell: of those made shortly before, one that makes
    /// larger steps, else the last one.
    pub fn suspect(&self, step: u64, start: &Live) -> Option<&Entry> {
        let raises = |entry: &Entry| match (self.before(entry.number, start), entry.change) {
            (Some(Change::LrFactor(before)), Change::LrFactor(after)) if after > before => 2,
            (Some(Change::LambdaU(before)), Change::LambdaU(after)) if after > before => 1,
            _ => 0,
        };
        let is_near = |entry: &&Entry| entry.step <= step && step - entry.step <= SHORTLY;
        self.standing().into_iter().filter(is_near).max_by_key(|entry| (raises(entry), entry.step, entry.placed))
    }

    /// The event that answers a request about changes, where `done` steps are done; or why it cannot be followed.
    pub fn answer(&self, request: Request, id: &str, done: u64, start: &Live) -> Result<Event> {
        let id = id.to_owned();
        match request {
            Request::Set(change) => self.set(change, id, done, None, start),
            Request::Undo => {
                let is_last =
                    |it: &&Entry| it.fate == Fate::Stands && it.undoes.is_none() && self.undone_by(it.number).is_none();
                let last = self.entries.iter().rev().find(is_last).context("nothing is left to undo")?;
                if last.step >= done {
                    return Ok(Event::Edited { id, step: done, edit: Edit::Drop(last.number) });
                }
                let mut live = start.clone();
                let is_earlier =
                    |it: &&Entry| it.number < last.number && it.undoes.is_none() && self.undone_by(it.number).is_none();
                for entry in self.standing().into_iter().filter(is_earlier).take_while(|it| it.step <= done) {
                    live.apply(entry.change, entry.step);
                }
                self.set(live.value_like(last.change), id, done, Some(last.number), start)
            }
            Request::Edit(edit) => {
                self.check(edit, done, start)?;
                Ok(Event::Edited { id, step: done, edit })
            }
            _ => bail!("this is no request about changes"),
        }
    }

    fn set(&self, change: Change, id: String, done: u64, undoes: Option<u32>, start: &Live) -> Result<Event> {
        self.live(start, done).check(change)?;
        if let Some(steps) = change.to_steps() {
            ensure!(steps > done, "steps must be more than the {done} already done, not {steps}");
        }
        let is_overtaken = |it: &&&Entry| it.change.key().name == change.key().name && it.step > done;
        let cancels = self.standing().iter().filter(is_overtaken).map(|it| it.number).collect();
        Ok(Event::Applied { id, step: done, change: Some(change), undoes, cancels })
    }

    /// Refuses an edit of what is gone or was trained under, and one that makes no sense.
    fn check(&self, edit: Edit, done: u64, start: &Live) -> Result<()> {
        let number = edit.number();
        let entry = self.at(number).with_context(|| match self.entries.len() {
            0 => "nothing was changed in this run".to_owned(),
            n => format!("there is no change {number}: they count from 1 to {n}"),
        })?;
        let what = format!("change {number} ({} at step {})", entry.change, entry.step);
        match entry.fate {
            Fate::Stands => {}
            Fate::Cancelled { by } => bail!("{what} was cancelled by change {by}"),
            Fate::Dropped => bail!("{what} was dropped"),
        }
        ensure!(
            entry.step >= done,
            "{what} lies behind step {done}, from which the run goes on: it was trained under. \
             Fork the run from a checkpoint of at most step {} to go on without it",
            entry.step
        );
        let (step, change) = match edit {
            Edit::Drop(_) => return Ok(()),
            Edit::Value(_, change) => (entry.step, change),
            Edit::Move(_, step) => (step, entry.change),
        };
        self.live(start, step).check(change)?;
        let (of, is) = (entry.change.key().name, change.key().name);
        ensure!(of == is, "{what} is of {of}, not of {is}");
        ensure!(step >= done, "a change can be moved to step {done} at the earliest, not to {step}");
        let mut without = self.clone();
        without.entries[number as usize - 1].fate = Fate::Dropped;
        let end = without.live(start, step).steps;
        ensure!(step < end, "a change must lie before step {end}, where the run ends, not at {step}");
        if let Some(steps) = change.to_steps() {
            ensure!(steps > step, "steps must be more than the {step} done by then, not {steps}");
        }
        Ok(())
    }

    /// The number of the change that a user means: a number, or `KEY@STEP`.
    pub fn find(&self, text: &str) -> Result<u32> {
        let text = text.trim();
        if let Ok(number) = text.parse::<u32>() {
            return Ok(number);
        }
        let (key, step) = text
            .split_once('@')
            .with_context(|| format!("{text:?} names no change: a number, or KEY@STEP such as lr_factor@415"))?;
        let step: u64 = step.parse().with_context(|| format!("{text:?}: {step:?} is no step"))?;
        let key = key.strip_prefix("train.").unwrap_or(key);
        let standing = self.standing();
        let fitting: Vec<_> = standing.iter().filter(|it| it.change.key().name == key && it.step == step).collect();
        match fitting[..] {
            [entry] => Ok(entry.number),
            [] => {
                let all: Vec<_> = standing.iter().map(|it| it.name()).collect();
                let all = if all.is_empty() { "none".to_owned() } else { all.join(", ") };
                bail!("there is no change of {key} at step {step} in force; in force are: {all}")
            }
            _ => {
                let all: Vec<_> = fitting.iter().map(|it| format!("{} ({})", it.number, it.change)).collect();
                bail!("{text} is {} changes; give a number: {}", fitting.len(), all.join(", "))
            }
        }
    }

    /// The changes that a fork at a step takes with it, numbered anew, each with who made it.
    pub fn until(&self, step: u64) -> Vec<(Record, String)> {
        let kept: Vec<_> = self.entries.iter().filter(|it| it.fate == Fate::Stands && it.step <= step).collect();
        let mut order = kept.clone();
        order.sort_by_key(|entry| (entry.step, entry.placed));
        let renumber = |number: u32| order.iter().position(|it| it.number == number).map(|at| at as u32 + 1);
        let event = |entry: &&Entry| Record {
            time: entry.time,
            event: Event::Applied {
                id: format!("change-{}", entry.number),
                step: entry.step,
                change: Some(entry.change),
                undoes: entry.undoes.and_then(renumber),
                cancels: Vec::new(),
            },
        };
        order.iter().map(|entry| (event(entry), entry.who.clone())).collect()
    }
}

impl Entry {
    /// How a user names it: `lr_factor@415`.
    pub fn name(&self) -> String {
        format!("{}@{}", self.change.key().name, self.step)
    }
}

/// Changes as a list in a sentence: `lr_factor = 50 at 415, threshold = 0.9 at 430`.
pub fn in_words(entries: &[&Entry]) -> String {
    entries.iter().map(|entry| format!("{} at {}", entry.change, entry.step)).collect::<Vec<_>>().join(", ")
}

/// What a run starts with, for values; where the learning rate does not matter.
pub fn start(config: &RunConfig) -> Live {
    Live::new(config, 1)
}

#[cfg(test)]
#[path = "history/tests.rs"]
mod tests;
