//! A run that is read while it grows, for the screens that follow it.

use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::{Duration, Instant, SystemTime};

use anyhow::{Context as _, anyhow};
use fixmatch::compare::verdict::labeled;
use fixmatch::run::digests::Digests;
use fixmatch::run::dir::RunDir;
use fixmatch::run::event::{Event, Record};
use fixmatch::run::file::RunFile;
use fixmatch::run::heartbeat::Phase;
use fixmatch::run::log::Follower;
use fixmatch::run::rate::Rate;
use fixmatch::run::state::{RunState, Status, live_step};
use fixmatch::run::{seal, seen};
use tokio::sync::mpsc::UnboundedSender;

use super::super::screens::run::{Glance, Reading};
use super::{FOLLOW, News, in_one_line};

/// What can be read of a run at once.
pub fn read_run(dir: &RunDir) -> Reading {
    Following::new(dir.clone()).look()
}

/// A run that is read as it grows.
pub struct Following {
    dir: RunDir,
    events: Follower,
    output: Follower,
    state: RunState,
    rate: Rate,
    file_written: Option<SystemTime>,
    /// When the files were written that decide results, and how far the log was read, as their seals were checked.
    sealed: Option<([Option<SystemTime>; 2], Option<Digests>)>,
    /// What was said to be wrong with them.
    damage: Vec<String>,
    /// From where changes lie ahead, and of how many events and which status that was found.
    ahead_from: Option<(u64, usize, Status)>,
    n_events: usize,
    /// Whether its labeled images were read.
    has_labeled: bool,
    is_first: bool,
}

impl Following {
    /// Nothing read yet.
    pub fn new(dir: RunDir) -> Self {
        Self {
            events: Follower::new(dir.events()),
            output: Follower::new(dir.worker_log()),
            state: RunState::default(),
            rate: Rate::default(),
            file_written: None,
            sealed: None,
            damage: Vec::new(),
            ahead_from: None,
            n_events: 0,
            has_labeled: false,
            is_first: true,
            dir,
        }
    }

    /// Reads what is new, again and again, while it is wanted.
    pub fn run(mut self, wanted: &AtomicBool, news: &UnboundedSender<News>) {
        let mut last = None;
        while wanted.load(Ordering::Relaxed) {
            let reading = self.look();
            let is_new = !reading.records.is_empty()
                || !reading.output.is_empty()
                || reading.file.is_some()
                || reading.labeled.is_some()
                || last.as_ref() != Some(&(reading.glance.clone(), reading.error.clone()));
            last = Some((reading.glance.clone(), reading.error.clone()));
            if is_new && news.send(News::Run(self.dir.clone(), Box::new(reading))).is_err() {
                return;
            }
            thread::sleep(FOLLOW);
        }
    }

    fn look(&mut self) -> Reading {
        let mut reading = Reading { file: self.read_file(), ..Reading::default() };
        let read = if self.dir.path().exists() {
            self.events.read_new().context("the event log cannot be read")
        } else {
            Err(anyhow!("the run is gone: {} was deleted or moved", self.dir.path().display()))
        };
        reading.records = read.unwrap_or_else(|error| {
            reading.error = Some(in_one_line(&error));
            Vec::new()
        });
        if !self.has_labeled {
            reading.labeled = labeled(&self.dir);
            self.has_labeled = reading.labeled.is_some();
        }
        reading.output = self.output.read_new_lines().unwrap_or_default();
        self.n_events += reading.records.len();
        for record in &reading.records {
            match record.event {
                // The curves are the screen's; what is needed here is how the run stands.
                Event::Progress(ref progress) => self.state.step = progress.step,
                Event::Evaluated(ref evaluated) => self.state.step = evaluated.step,
                Event::Compared(ref compared) => self.state.step = compared.step,
                _ => self.state.apply(record),
            }
        }
        reading.records.extend(self.new_damage());
        reading.glance = Some(self.glance());
        if std::mem::take(&mut self.is_first) {
            reading.seen = seen::file().ok().and_then(|path| seen::recall(&path, &self.dir));
        }
        reading
    }

    /// Warnings of files that decide the results and are not as they were, each said once. As of a damaged log, they are
    /// in no file.
    fn new_damage(&mut self) -> Vec<Record> {
        let written =
            [self.dir.run_toml(), self.dir.labels()].map(|path| path.metadata().and_then(|it| it.modified()).ok());
        let now = Some((written, self.state.digests.clone()));
        if self.sealed == now {
            return Vec::new();
        }
        self.sealed = now;
        let wrong = seal::wrong_files(&self.dir, &self.state, None).unwrap_or_default();
        let told = wrong.into_iter().map(|(file, what)| format!("{file}: {what}"));
        let new: Vec<_> = told.filter(|message| !self.damage.contains(message)).collect();
        self.damage.extend(new.iter().cloned());
        new.into_iter().map(|message| Record::now(Event::Warning { message })).collect()
    }

    fn read_file(&mut self) -> Option<Result<Box<RunFile>, String>> {
        let written = self.dir.run_toml().metadata().and_then(|meta| meta.modified()).ok();
        if written == self.file_written && !self.is_first {
            return None;
        }
        self.file_written = written;
        Some(self.dir.read_run().map(Box::new).map_err(|error| in_one_line(&error)))
    }

    fn glance(&mut self) -> Glance {
        let status = self.state.status(&self.dir);
        let (step, phase) = live_step(&self.dir, self.state.step);
        let now = Instant::now();
        if status == Status::Running {
            self.rate.observe(now, step);
        } else {
            self.rate.clear();
        }
        let steps = self.state.steps().unwrap_or(0);
        let remaining = self.rate.remaining(now, steps).map(|left| Duration::from_secs(left.as_secs()));
        let silent = (status == Status::NotResponding).then(|| self.dir.heartbeat().map(|(_, age)| age)).flatten();
        let silent = silent.map(|age| Duration::from_secs(age.as_secs()));
        let ahead_from = self.ahead_from(status, step, phase);
        Glance { status, step, phase, remaining, silent, ahead_from }
    }

    /// From where changes lie ahead. Checkpoints are read for it, so only where there are changes, and once each time that
    /// something has happened.
    fn ahead_from(&mut self, status: Status, step: u64, phase: Option<Phase>) -> u64 {
        let has_begun = status.is_alive() && phase.is_some_and(|phase| phase != Phase::Loading);
        if self.state.history.entries().is_empty() || status == Status::Finished || has_begun {
            return if status == Status::Finished { u64::MAX } else { step.saturating_add(1) };
        }
        match self.ahead_from {
            Some((found, n_events, at)) if (n_events, at) == (self.n_events, status) => found,
            _ => {
                let found = RunState::goes_on_at(&self.dir).unwrap_or(step);
                self.ahead_from = Some((found, self.n_events, status));
                found
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use fixmatch::config::preset::Preset;
    use fixmatch::run::log::EventLog;

    #[test]
    fn a_run_whose_configuration_was_edited_says_so_once() {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let config = Preset::find("quickstart").and_then(|preset| preset.resolve(&[])).expect("resolves");
        let dir = RunDir::create(folder.path(), "x", &RunFile::new("quickstart".into(), vec![], config)).expect("made");
        let mut log = EventLog::open(&dir.events()).expect("opens");
        log.append(Event::Resumed { step: 0 }).expect("appended");
        let warnings = |reading: Reading| {
            let of = |record: Record| if let Event::Warning { message } = record.event { Some(message) } else { None };
            reading.records.into_iter().filter_map(of).collect::<Vec<_>>()
        };
        let mut following = Following::new(dir.clone());
        assert!(warnings(following.look()).is_empty());
        let text = std::fs::read_to_string(dir.run_toml()).expect("reads");
        std::fs::write(dir.run_toml(), text.replace("steps = ", "steps = 1")).expect("written");
        let later = std::fs::File::options().write(true).open(dir.run_toml()).expect("opens");
        later.set_modified(SystemTime::now() + Duration::from_mins(1)).expect("set"); // not within the tick of the first
        let told = warnings(following.look());
        assert!(told.len() == 1 && told[0].starts_with("run.toml: "), "{told:?}");
        assert!(warnings(following.look()).is_empty());
    }
}
