//! What a user saw of a run when they last looked, and what has happened since.
//!
//! One small file of the user's, `last-seen.json` in the state directory. It belongs to the reader: the run directory
//! does not know who looked. Losing it loses a digest, so nothing here is worth failing for.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use anyhow::Result;
use serde::{Deserialize, Serialize};

use crate::base::aside::replace_file;
use crate::base::dirs;
use crate::base::files;
use crate::base::stats::median;
use crate::run::dir::RunDir;
use crate::run::event::{Evaluated, Event, Record};
use crate::run::state::RunState;

/// Runs that are remembered; the ones that were not looked at for longest are forgotten.
const MAX_RUNS: usize = 200;

/// The evaluations whose spread is the noise that a gain is compared with.
const N_NOISE: usize = 10;

/// What was on the screen.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Seen {
    /// When the last event that was seen was written, in seconds since 1970.
    pub time: f64,
    /// The steps done.
    pub step: u64,
    /// The accuracy of the averaged weights.
    pub accuracy: Option<f64>,
    /// How long the rest was going to take, in seconds.
    pub remaining_s: Option<f64>,
}

impl Seen {
    /// Of a run that was never looked at.
    pub const NOTHING: Self = Self { time: 0.0, step: 0, accuracy: None, remaining_s: None };

    /// What a reader of the whole log has seen; None of an empty one.
    pub fn of(state: &RunState, remaining_s: Option<f64>) -> Option<Self> {
        let (_, time) = state.span?;
        let accuracy = state.evaluations.last().map(|evaluated| evaluated.ema.accuracy);
        Some(Self { time, step: state.step, accuracy, remaining_s })
    }
}

/// Where it is remembered.
pub fn file() -> Result<PathBuf> {
    Ok(dirs::state_dir()?.join("last-seen.json"))
}

/// What was last seen of a run, by the file at `path`.
pub fn recall(path: &Path, dir: &RunDir) -> Option<Seen> {
    read(path).remove(&key(dir))
}

/// Remembers what was seen of a run. Fails silently.
pub fn remember(path: &Path, dir: &RunDir, seen: Seen) {
    let mut all = read(path);
    all.insert(key(dir), seen);
    while all.len() > MAX_RUNS {
        let oldest = all.iter().min_by(|a, b| a.1.time.total_cmp(&b.1.time)).map(|(key, _)| key.clone());
        all.remove(&oldest.expect("there is one run at least"));
    }
    if let Some(folder) = path.parent() {
        let _ = std::fs::create_dir_all(folder);
    }
    let text = serde_json::to_vec(&all).expect("the values have only JSON's types");
    let _ = replace_file(path, &text);
}

fn read(path: &Path) -> BTreeMap<String, Seen> {
    files::read_at_most(path, files::MAX_TEXT)
        .ok()
        .and_then(|text| serde_json::from_slice(&text).ok())
        .unwrap_or_default()
}

fn key(dir: &RunDir) -> String {
    dir.path().display().to_string()
}

/// What happened since.
#[derive(Clone, Debug, PartialEq)]
pub struct Digest {
    /// What was seen then.
    pub before: Seen,
    /// What is to see now.
    pub now: Seen,
    /// How far accuracies of neighbouring evaluations lie apart by chance.
    pub noise: Option<f64>,
    /// How often each kind of thing happened, as a user names it.
    pub counts: Vec<(&'static str, usize)>,
}

impl Digest {
    /// What happened after `before`; None if nothing did.
    pub fn of(before: Seen, state: &RunState, log: &[Record], remaining_s: Option<f64>) -> Option<Self> {
        let now = Seen::of(state, remaining_s)?;
        let new: Vec<_> = log.iter().filter(|record| record.time > before.time).collect();
        let count = |noun, is: fn(&Event) -> bool| (noun, new.iter().filter(|record| is(&record.event)).count());
        let counts = [
            count("evaluation", |event| matches!(event, Event::Evaluated(_) | Event::Compared(_))),
            count("checkpoint", |event| matches!(event, Event::Checkpointed { .. })),
            count("change", |event| matches!(event, Event::Applied { change: Some(_), .. })),
            count("pause", |event| matches!(event, Event::Paused { .. })),
            count("resume", |event| matches!(event, Event::Resumed { .. })),
            count("refusal", |event| matches!(event, Event::Refused { .. })),
            count("alarm", |event| matches!(event, Event::Alarm(_))),
            count("warning", |event| matches!(event, Event::Warning { .. })),
            count("failure", |event| matches!(event, Event::Failed { .. })),
        ];
        let counts = counts.into_iter().filter(|(_, n)| *n > 0).collect();
        (!new.is_empty()).then(|| Self { before, now, noise: noise(state), counts })
    }

    /// The gain in accuracy.
    pub fn gain(&self) -> Option<f64> {
        Some(self.now.accuracy? - self.before.accuracy?)
    }

    /// Whether the gain is more than twice what neighbouring evaluations differ by.
    pub fn is_beyond_noise(&self) -> Option<bool> {
        Some(self.gain()?.abs() > 2.0 * self.noise?)
    }
}

/// The standard deviation of a difference of two evaluations, from the median one between neighbours among the last ones:
/// neither a steady rise nor one jump moves it much (1.4826 × the median deviation is σ for normal noise).
fn noise(state: &RunState) -> Option<f64> {
    let tail = &state.evaluations[state.evaluations.len().saturating_sub(N_NOISE)..];
    let difference = |pair: &[Evaluated]| (pair[1].ema.accuracy - pair[0].ema.accuracy).abs();
    let differences: Vec<f64> = tail.windows(2).map(difference).collect();
    let is_enough = differences.len() >= 2;
    Some(1.4826 * median(differences)?).filter(|_| is_enough)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::run::event::Evaluation;

    fn evaluated(step: u64, accuracy: f64) -> Event {
        let ema = Evaluation { accuracy, ..Evaluation::default() };
        let raw = ema.clone();
        Event::Evaluated(Box::new(Evaluated {
            step,
            raw,
            ema,
            median: 0.0,
            median_of: 1,
            best: 0.0,
            best_step: 0,
            requested: false,
            rates: None,
        }))
    }

    fn state_of(log: &[Record]) -> RunState {
        let mut state = RunState::default();
        for record in log {
            state.apply(record);
        }
        state
    }

    fn log(accuracies: &[f64]) -> Vec<Record> {
        let record =
            |(i, &accuracy): (usize, &f64)| Record { time: i as f64, event: evaluated(10 * i as u64, accuracy) };
        accuracies.iter().enumerate().map(record).collect()
    }

    #[test]
    fn a_digest_tells_what_is_new_and_whether_it_is_more_than_noise() {
        let log = log(&[0.50, 0.52, 0.50, 0.70]);
        let before = Seen::of(&state_of(&log[..2]), None).expect("seen");
        let digest = Digest::of(before, &state_of(&log), &log, None).expect("something happened");
        assert_eq!((digest.before.step, digest.now.step), (10, 30));
        assert_eq!(digest.counts, [("evaluation", 2)]);
        assert_eq!(digest.is_beyond_noise(), Some(true)); // differences 2, -2 and 20 points: σ = 3.0 points
        assert_eq!(Digest::of(digest.now, &state_of(&log), &log, None), None);
    }

    #[test]
    fn what_was_seen_is_remembered_across_programs() {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let run = folder.path().join("run");
        std::fs::create_dir(&run).expect("made");
        std::fs::write(run.join("run.toml"), "").expect("written");
        let (file, dir) = (folder.path().join("state/last-seen.json"), RunDir::open(&run).expect("a run"));
        assert_eq!(recall(&file, &dir), None);
        let seen = Seen { time: 1.5, step: 7, accuracy: Some(0.5), remaining_s: None };
        remember(&file, &dir, seen);
        assert_eq!(recall(&file, &dir), Some(seen));
    }
}
