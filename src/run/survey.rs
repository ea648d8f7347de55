//! All runs of a folder at a glance: what a list shows, kept up to date cheaply.
//!
//! A run whose log has the length that its `summary.json` speaks of is not read at all; of any other one only what is
//! new is read. So a folder of a thousand runs opens at once. A run that cannot be read is a row with its error.

use std::collections::HashMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::thread;
use std::time::{Duration, Instant, SystemTime};

use anyhow::Result;

use crate::base::sealed::Seal;
use crate::run::card::Card;
use crate::run::dir::RunDir;
use crate::run::file::{Parent, RunFile};
use crate::run::heartbeat::Phase;
use crate::run::log::Follower;
use crate::run::rate::Rate;
use crate::run::setup::Setup;
use crate::run::state::{LastState, RunState, Status, live_step, status_of};
use crate::run::summary::Summary;

/// From so many runs on, several threads look at them.
const MANY: usize = 200;

/// Looking is mostly opening files, and saving mostly waiting for the disk: more threads hasten neither.
const MOST_THREADS: usize = 8;

/// What a list says of one run.
#[derive(Clone, Debug, PartialEq)]
pub struct Row {
    /// The run.
    pub dir: RunDir,
    /// How it stands.
    pub status: Status,
    /// Steps, accuracies and their trend.
    pub summary: Summary,
    /// What the worker is doing, while there is one.
    pub phase: Option<Phase>,
    /// When it was made, in seconds since 1970.
    pub created: Option<f64>,
    /// The preset that it was made of.
    pub preset: String,
    /// The run that it was forked from.
    pub parent: Option<Parent>,
    /// How long the rest takes at the rate of the last minutes.
    pub remaining: Option<Duration>,
    /// What its speed depends on, if it ran on this machine.
    pub setup: Option<Setup>,
    /// The folder of images that its configuration names.
    pub images: Option<PathBuf>,
    /// `run.toml`; None where it cannot be read.
    pub file: Option<Arc<RunFile>>,
    /// What people wrote on it.
    pub card: Card,
    /// Why a part of it cannot be read.
    pub error: Option<String>,
    /// Whether `run.toml` is not what was sealed.
    pub is_damaged: bool,
}

impl Row {
    /// What keeps it from going on, if something does: its disk, or the ranking that it picks labels by.
    pub fn trouble(&self) -> Option<&'static str> {
        let ranks = self.file.as_ref().is_some_and(|file| file.config.rank.is_some());
        match self.phase? {
            Phase::Ranking if !ranks => Some("waiting for a ranking"),
            phase => phase.trouble(),
        }
    }

    /// Of one run by itself, wherever it is.
    pub fn of(dir: &RunDir) -> Self {
        Known::default().look(dir)
    }

    /// Why the run failed, if it did.
    pub fn failure(&self) -> Option<&str> {
        match &self.summary.last_state {
            Some(LastState::Failed(reason)) => Some(reason),
            _ => None,
        }
    }
}

/// The runs of a folder, looked at again and again.
#[derive(Debug)]
pub struct Survey {
    folder: PathBuf,
    known: HashMap<PathBuf, Known>,
}

/// What is remembered of a run between two looks.
#[derive(Debug)]
struct Known {
    summary: Summary,
    /// The fold of a log that grew since it was first seen.
    fold: Option<(Follower, RunState)>,
    /// Whether the summary stands in the run's folder, or need not.
    is_saved: bool,
    file: Reread<About>,
    card: Reread<Card>,
    rate: Rate,
}

/// What stands in a file, which is opened again only when it was written again.
#[derive(Debug)]
struct Reread<T> {
    /// What was read last, with the time and the length that the file had; None of one that was not there.
    known: Option<(Option<(SystemTime, u64)>, T)>,
}

/// What the list needs of `run.toml`.
#[derive(Clone, Debug, Default)]
struct About {
    preset: String,
    parent: Option<Parent>,
    created: Option<f64>,
    steps: u64,
    setup: Option<Setup>,
    images: Option<PathBuf>,
    file: Option<Arc<RunFile>>,
    /// Whether its seal is broken.
    is_damaged: bool,
}

impl Survey {
    /// A survey of the runs in `folder`, nothing looked at yet.
    pub fn new(folder: &Path) -> Self {
        Self { folder: folder.to_owned(), known: HashMap::new() }
    }

    /// All runs as they are now, the newest first.
    pub fn look(&mut self) -> Result<Vec<Row>> {
        let dirs = RunDir::list(&self.folder)?;
        let known = |dir: RunDir| (self.known.remove(dir.path()).unwrap_or_default(), dir);
        let mut runs: Vec<(Known, RunDir)> = dirs.into_iter().rev().map(known).collect();
        let n_threads = if runs.len() < MANY { 1 } else { thread::available_parallelism().map_or(1, usize::from) };
        let rows = by_threads(&mut runs, n_threads.min(MOST_THREADS), |(run, dir)| run.look(dir));
        self.known = runs.into_iter().map(|(run, dir)| (dir.path().to_owned(), run)).collect();
        Ok(rows)
    }

    /// Writes the summaries of runs whose logs had to be read and have no worker, for the next survey. Each is synced, of
    /// several at a time; still slow, so apart from looking, and best effort.
    pub fn save(&mut self) {
        let mut unsaved: Vec<_> = self.known.iter_mut().filter(|(_, run)| !run.is_saved).collect();
        by_threads(&mut unsaved, MOST_THREADS, |(path, run)| {
            let dir = RunDir::at(path.clone());
            run.is_saved = true;
            if !dir.is_locked() {
                let _ = run.summary.write(&dir);
            }
        });
    }
}

/// Does something with each of these, by so many threads, each with a part of them.
fn by_threads<T: Send, R: Send>(all: &mut [T], n_threads: usize, each: impl Fn(&mut T) -> R + Sync) -> Vec<R> {
    if n_threads < 2 || all.len() < n_threads {
        return all.iter_mut().map(each).collect();
    }
    thread::scope(|scope| {
        let parts = all.chunks_mut(all.len().div_ceil(n_threads));
        let each = &each;
        let threads: Vec<_> =
            parts.map(|part| scope.spawn(move || part.iter_mut().map(each).collect::<Vec<_>>())).collect();
        threads.into_iter().flat_map(|thread| thread.join().expect("no part panics")).collect()
    })
}

impl Default for Known {
    fn default() -> Self {
        Self {
            summary: Summary::default(),
            fold: None,
            is_saved: true,
            file: Reread::default(),
            card: Reread::default(),
            rate: Rate::default(),
        }
    }
}

impl Known {
    fn look(&mut self, dir: &RunDir) -> Row {
        let about = self.file.get(&dir.run_toml(), || About::read(dir));
        let mut error = match &about {
            Ok(about) if about.is_damaged => Some("run.toml was damaged or edited: its seal does not match".to_owned()),
            Ok(_) => None,
            Err(unread) => Some(unread.clone()),
        };
        if let Err(unread) = self.read_log(dir) {
            error.get_or_insert(format!("{unread:#}"));
        }
        let card = self.card.get(&dir.card(), || Card::read(dir)).unwrap_or_else(|unread| {
            error.get_or_insert(unread);
            Card::default()
        });
        let mut summary = self.summary.clone();
        let status = status_of(dir, summary.last_state.as_ref());
        let (step, phase) = if status.is_alive() { live_step(dir, summary.step) } else { (summary.step, None) };
        summary.step = step;
        let about = about.unwrap_or_default();
        if summary.steps == 0 {
            summary.steps = about.steps;
        }
        let remaining = self.remaining(status, &summary);
        let About { preset, parent, created, setup, images, file, is_damaged, .. } = about;
        Row {
            dir: dir.clone(),
            status,
            summary,
            phase,
            created,
            preset,
            parent,
            remaining,
            setup,
            images,
            file,
            card,
            error,
            is_damaged,
        }
    }

    /// How long the remaining steps take at the rate since it was first looked at.
    fn remaining(&mut self, status: Status, summary: &Summary) -> Option<Duration> {
        if status != Status::Running {
            self.rate.clear();
            return None;
        }
        let now = Instant::now();
        self.rate.observe(now, summary.step);
        self.rate.remaining(now, summary.steps)
    }

    /// Brings the summary up to the end of the log.
    fn read_log(&mut self, dir: &RunDir) -> Result<()> {
        let n_bytes = dir.events().metadata().map_or(0, |meta| meta.len());
        if n_bytes == self.summary.n_log_bytes {
            return Ok(());
        }
        let cached = if self.fold.is_none() { Summary::read(dir) } else { None };
        if let Some(cached) = cached.filter(|cached| cached.n_log_bytes == n_bytes) {
            self.summary = cached;
            return Ok(());
        }
        let (follower, state) = self.fold.get_or_insert_with(|| (Follower::new(dir.events()), RunState::default()));
        for record in follower.read_new()? {
            state.follow(&record);
        }
        self.summary = Summary { n_log_bytes: n_bytes, ..state.summary() };
        if follower.n_bytes() == n_bytes && !dir.is_locked() {
            (self.fold, self.is_saved) = (None, false);
        }
        Ok(())
    }
}

impl<T> Default for Reread<T> {
    fn default() -> Self {
        Self { known: None }
    }
}

impl<T: Clone> Reread<T> {
    /// What `read` makes of the file. What cannot be read is tried again each time.
    fn get(&mut self, path: &Path, read: impl FnOnce() -> Result<T>) -> Result<T, String> {
        let written = path.metadata().and_then(|meta| Ok((meta.modified()?, meta.len()))).ok();
        match &self.known {
            Some((then, content)) if *then == written => Ok(content.clone()),
            _ => {
                let content = read().map_err(|error| format!("{error:#}"))?;
                self.known = Some((written, content.clone()));
                Ok(content)
            }
        }
    }
}

impl About {
    fn read(dir: &RunDir) -> Result<Self> {
        let (run, seal) = dir.read_sealed_run()?;
        Ok(Self { is_damaged: seal == Seal::Broken, ..Self::of(run) })
    }

    fn of(run: RunFile) -> Self {
        let created = run.provenance.created.parse::<jiff::Timestamp>().ok();
        Self {
            setup: Setup::measured(&run),
            preset: run.provenance.preset.clone(),
            parent: run.provenance.parent.clone(),
            created: created.map(|created| created.as_millisecond() as f64 / 1000.0),
            steps: run.config.train.steps,
            images: run.config.data.path.clone(),
            file: Some(Arc::new(run)),
            is_damaged: false,
        }
    }
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;
    use crate::config::RunConfig;
    use crate::run::event::Event;
    use crate::run::log::EventLog;

    fn some_run(runs: &Path, name: &str, events: &[Event]) -> RunDir {
        let run = RunFile::new("quickstart".into(), vec![], RunConfig::default());
        let dir = RunDir::create(runs, name, &run).expect("made");
        append(&dir, events);
        dir
    }

    fn append(dir: &RunDir, events: &[Event]) {
        let mut log = EventLog::open(&dir.events()).expect("opens");
        for event in events {
            log.append(event.clone()).expect("appended");
        }
    }

    #[test]
    fn a_log_is_read_once_and_then_only_what_is_new() {
        let runs = tempfile::tempdir().expect("a temporary folder");
        let dir = some_run(runs.path(), "a", &[Event::Stopped { step: 7 }]);
        let mut survey = Survey::new(runs.path());
        let row = &survey.look().expect("looks")[0];
        assert_eq!((row.status, row.summary.step, row.summary.steps), (Status::Stopped, 7, 1 << 20));
        append(&dir, &[Event::Finished { step: 9 }]);
        assert_eq!(survey.look().expect("looks")[0].status, Status::Finished);
    }

    #[test]
    fn a_summary_of_the_whole_log_stands_for_it_and_any_other_does_not() {
        let runs = tempfile::tempdir().expect("a temporary folder");
        let dir = some_run(runs.path(), "a", &[Event::Stopped { step: 7 }]);
        let mut first = Survey::new(runs.path());
        first.look().expect("looks");
        first.save();
        let step = || Survey::new(runs.path()).look().expect("looks")[0].summary.step;
        let text = fs::read_to_string(dir.summary()).expect("a cache");
        fs::write(dir.summary(), text.replace("\"step\":7", "\"step\":8")).expect("written");
        assert_eq!(step(), 7, "a damaged cache was used");
        let cached = Summary { step: 8, ..serde_json::from_str(&text).expect("a summary") };
        cached.write(&dir).expect("written");
        assert_eq!(step(), 8, "the cache was not used");
        append(&dir, &[Event::Paused { step: 9 }]);
        assert_eq!(step(), 9, "an old cache was used");
    }

    #[test]
    fn a_broken_run_is_a_row_with_its_error() {
        let runs = tempfile::tempdir().expect("a temporary folder");
        let dir = some_run(runs.path(), "a", &[Event::Finished { step: 7 }]);
        fs::write(dir.run_toml(), "config = 3").expect("written");
        fs::write(dir.summary(), "{").expect("written");
        let rows = Survey::new(runs.path()).look().expect("looks");
        assert!(rows[0].error.as_ref().is_some_and(|error| error.contains("run.toml")), "{rows:?}");
        assert_eq!((rows[0].status, rows[0].summary.step), (Status::Finished, 7));
    }

    #[test]
    fn a_card_is_read_again_only_when_it_was_written_again() {
        let runs = tempfile::tempdir().expect("a temporary folder");
        let dir = some_run(runs.path(), "a", &[Event::Finished { step: 7 }]);
        let mut survey = Survey::new(runs.path());
        let mut note = || survey.look().expect("looks")[0].card.note.clone();
        assert_eq!(note(), "");
        let write = |note: &str| Card::change(&dir, |card| card.set_note(note)).expect("written");
        write("one");
        assert_eq!(note(), "one", "it was not there before");
        let modified = dir.card().metadata().and_then(|meta| meta.modified()).expect("a time");
        write("two");
        let file = fs::File::options().append(true).open(dir.card()).expect("opens");
        file.set_modified(modified).expect("set");
        assert_eq!(note(), "one", "it was read though its time and length say that it is the same");
        write("three");
        assert_eq!(note(), "three");
        fs::write(dir.card(), "{").expect("written");
        let rows = survey.look().expect("looks");
        assert!(rows[0].error.as_ref().is_some_and(|error| error.contains("card.json")), "{rows:?}");
        fs::remove_file(dir.card()).expect("removed");
        assert_eq!(survey.look().expect("looks")[0].card, Card::default());
    }

    #[test]
    fn one_run_by_itself_is_what_it_is_among_others() {
        let runs = tempfile::tempdir().expect("a temporary folder");
        let dir = some_run(runs.path(), "a", &[Event::Finished { step: 7 }]);
        some_run(runs.path(), "b", &[Event::Stopped { step: 3 }]);
        let rows = Survey::new(runs.path()).look().expect("looks");
        assert!(rows.len() == 2 && rows.contains(&Row::of(&dir)), "{rows:?}");
    }

    #[test]
    fn several_threads_see_what_one_sees_in_the_same_order() {
        let runs = tempfile::tempdir().expect("a temporary folder");
        for (i, name) in ["a", "b", "c", "d", "e", "f", "g"].iter().enumerate() {
            some_run(runs.path(), name, &[Event::Stopped { step: i as u64 }]);
        }
        let look = |n_threads| {
            let dirs = RunDir::list(runs.path()).expect("listed").into_iter();
            by_threads(&mut dirs.map(|dir| (Known::default(), dir)).collect::<Vec<_>>(), n_threads, |(run, dir)| {
                run.look(dir)
            })
        };
        let expected = look(1);
        assert_eq!(expected.iter().map(|row| row.summary.step).collect::<Vec<_>>(), [0, 1, 2, 3, 4, 5, 6]);
        for n_threads in [2, 3, 7, 8] {
            assert_eq!(look(n_threads), expected, "{n_threads} threads");
        }
    }

    #[test]
    fn a_missing_folder_has_no_runs() {
        assert!(Survey::new(Path::new("/nowhere/at/all")).look().expect("looks").is_empty());
    }
}
