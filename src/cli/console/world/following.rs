//! Runs that are read while they grow, for the screens that follow them.

use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::thread;
use std::time::{Duration, Instant, SystemTime};

use anyhow::{Context as _, anyhow};
use fixmatch::compare::crossval::{Crossval, Whole};
use fixmatch::compare::verdict::labeled;
use fixmatch::run::digests::Digests;
use fixmatch::run::dir::RunDir;
use fixmatch::run::event::{Event, Record};
use fixmatch::run::file::RunFile;
use fixmatch::run::heartbeat::Phase;
use fixmatch::run::log::Follower;
use fixmatch::run::rate::Rate;
use fixmatch::run::state::{RunState, Status, live_step};
use fixmatch::run::survey::Survey;
use fixmatch::run::{seal, seen};
use tokio::sync::mpsc::UnboundedSender;

use super::super::screens::run::{Folded, Glance, Reading};
use super::{FOLLOW, News, in_one_line};

/// What can be read of a run at once.
pub fn read_run(dir: &RunDir) -> Reading {
    Following::new(dir.clone()).look()
}

/// What is read of each of these runs beside each other.
pub fn read_beside(dirs: &[RunDir]) -> impl Iterator<Item = Reading> {
    dirs.iter().map(|dir| Following::beside(dir.clone(), dirs.len() > 2).look())
}

/// Reads runs beside each other, again and again, while they are wanted. The logs that are there are read by all cores, and
/// folded where they are read; then one thread sees to what is new, since that is little.
pub fn follow_together(dirs: Vec<RunDir>, wanted: &AtomicBool, news: &UnboundedSender<News>) {
    let is_many = dirs.len() > 2;
    let runs: Vec<_> = dirs.into_iter().map(|dir| Mutex::new((Following::beside(dir, is_many), None))).collect();
    let mut n_threads = thread::available_parallelism().map_or(1, usize::from).min(runs.len());
    let is_wanted = || wanted.load(Ordering::Relaxed);
    while is_wanted() {
        let next = AtomicUsize::new(0);
        let take_turns = || {
            while let Some(run) = runs.get(next.fetch_add(1, Ordering::Relaxed)).filter(|_| is_wanted()) {
                let (run, last) = &mut *run.lock().expect("no reader panics");
                if !run.tell(last, news) {
                    wanted.store(false, Ordering::Relaxed); // nobody listens any more
                }
            }
        };
        thread::scope(|scope| {
            (1..n_threads).for_each(|_| drop(scope.spawn(take_turns)));
            take_turns();
        });
        n_threads = 1;
        thread::sleep(FOLLOW);
    }
}

/// What was told last of a run: how it stands, and what cannot be read.
type Told = Option<(Option<Glance>, Option<String>)>;

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
    /// Its cross-validation, where there are no test images.
    parts: Option<Parts>,
    /// What is told of it.
    detail: Detail,
    /// When its files were written, of a run that has ended: while they stay so, nothing happens to it.
    at_rest: Option<[Option<(SystemTime, u64)>; 4]>,
}

/// The runs that cross-validate another one, which are in the same folder.
struct Parts {
    survey: Survey,
    looked_at: Option<Instant>,
    found: Option<Crossval>,
}

/// How often they are looked for: they take minutes each.
const LOOK_FOR_PARTS: Duration = Duration::from_secs(10);

impl Parts {
    fn of(dir: &RunDir) -> Self {
        Self { survey: Survey::new(dir.path().parent().unwrap_or(dir.path())), looked_at: None, found: None }
    }

    fn is_due(&self) -> bool {
        self.looked_at.is_none_or(|at| at.elapsed() >= LOOK_FOR_PARTS)
    }

    /// What they have come to, if it is time to look and that is new. `show` says what cannot be read of them.
    fn look(&mut self, dir: &RunDir) -> Option<Crossval> {
        if !self.is_due() {
            return None;
        }
        self.looked_at = Some(Instant::now());
        let found = Whole::read(dir).and_then(|whole| whole.most_tested(&self.survey.look()?)).ok().flatten();
        let is_new = found.is_some() && found != self.found;
        self.found = found.or(self.found.take());
        is_new.then(|| self.found.clone()).flatten()
    }
}

/// What is told of a run.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Detail {
    /// Each event.
    Events,
    /// What its log comes to when it is read first, then each event.
    Fold,
    /// The same, of a run that has ended with no more points than many runs beside each other show.
    Outline,
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
            parts: None,
            detail: Detail::Events,
            at_rest: None,
            dir,
        }
    }

    /// Nothing read yet of one beside others.
    fn beside(dir: RunDir, is_many: bool) -> Self {
        Self { detail: if is_many { Detail::Outline } else { Detail::Fold }, ..Self::new(dir) }
    }

    /// Reads what is new, again and again, while it is wanted.
    pub fn run(mut self, wanted: &AtomicBool, news: &UnboundedSender<News>) {
        let mut last = None;
        while wanted.load(Ordering::Relaxed) && self.tell(&mut last, news) {
            thread::sleep(FOLLOW);
        }
    }

    /// Reads what is new, if anything is, and tells of it; says whether someone listens.
    fn tell(&mut self, last: &mut Told, news: &UnboundedSender<News>) -> bool {
        let is_at_rest = self.at_rest.is_some() && self.at_rest == Some(self.written());
        if is_at_rest && !self.parts.as_ref().is_some_and(Parts::is_due) {
            return true;
        }
        let written = self.written(); // before they are read
        let reading = self.look();
        let has_ended = reading.glance.as_ref().is_some_and(|glance| !glance.status.is_alive());
        // of one whose log is gone, the folder will be too
        self.at_rest = (has_ended && written[0].is_some()).then_some(written);
        let is_new = !reading.records.is_empty()
            || !reading.output.is_empty()
            || reading.file.is_some()
            || reading.labeled.is_some()
            || reading.crossval.is_some()
            || last.as_ref() != Some(&(reading.glance.clone(), reading.error.clone()));
        *last = Some((reading.glance.clone(), reading.error.clone()));
        !is_new || news.send(News::Run(self.dir.clone(), Box::new(reading))).is_ok()
    }

    /// When its files were written, and how long they are.
    fn written(&self) -> [Option<(SystemTime, u64)>; 4] {
        [self.dir.events(), self.dir.worker_log(), self.dir.run_toml(), self.dir.labels()]
            .map(|path| path.metadata().and_then(|it| Ok((it.modified()?, it.len()))).ok())
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
        if self.detail == Detail::Events {
            reading.output = self.output.read_new_lines().unwrap_or_default();
        }
        self.n_events += reading.records.len();
        reading.records.iter().for_each(|record| self.state.follow(record));
        let damage = self.new_damage();
        reading.records.extend(damage);
        let glance = self.glance();
        if self.is_first && self.detail != Detail::Events {
            let mut folded = Folded::default();
            reading.records.drain(..).for_each(|record| folded.apply(&record));
            if self.detail == Detail::Outline && !glance.status.is_alive() {
                folded.outline();
            }
            reading.folded = Some(Box::new(folded));
        }
        reading.glance = Some(glance);
        if self.detail == Detail::Events && self.state.is_untested() {
            reading.crossval = self.parts.get_or_insert_with(|| Parts::of(&self.dir)).look(&self.dir);
        }
        if std::mem::take(&mut self.is_first) && self.detail == Detail::Events {
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
        new.into_iter().map(|message| Record::now(Event::warning(message))).collect()
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
    use fixmatch::run::curves::Metric;
    use fixmatch::run::event::{Evaluated, Evaluation, Progress};
    use fixmatch::run::log::EventLog;

    use crate::console::screens::run::OpenRun;

    /// Runs whose logs have so many points and, now and then, an evaluation.
    fn runs(folder: &std::path::Path, lengths: &[u64]) -> Vec<RunDir> {
        let config = Preset::find("quickstart").and_then(|preset| preset.resolve(&[])).expect("resolves");
        let run = |(i, &n): (usize, &u64)| {
            let file = RunFile::new("quickstart".into(), vec![], config.clone());
            let dir = RunDir::create(folder, &i.to_string(), &file).expect("made");
            let mut log = EventLog::open(&dir.events()).expect("opens");
            for step in 1..=n {
                let progress =
                    Progress { step, loss: 1.0 / step as f64, memory_bytes: step % 7, ..Progress::default() };
                log.append(Event::Progress(progress)).expect("appended");
                if step % 10 == 0 {
                    let ema = Evaluation { accuracy: 0.5, confusion: vec![vec![1; 2]; 2], ..Evaluation::default() };
                    let evaluated = Evaluated { step, ema, ..Evaluated::default() };
                    log.append(Event::Evaluated(Box::new(evaluated))).expect("appended");
                }
            }
            log.append(Event::Finished { step: n }).expect("appended");
            dir
        };
        lengths.iter().enumerate().map(run).collect()
    }

    fn open(dir: &RunDir, reading: Reading) -> OpenRun {
        let mut run = OpenRun::new(dir.clone());
        run.take(reading, 0.0);
        run
    }

    #[test]
    fn a_run_beside_others_is_what_it_is_by_itself_and_among_many_an_outline_of_it() {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let dirs = runs(folder.path(), &[3000, 70, 0]);
        for (of, is_many) in [(&dirs[..2], false), (&dirs[..], true)] {
            for (dir, beside) in of.iter().zip(read_beside(of)) {
                let (alone, beside) = (open(dir, read_run(dir)), open(dir, beside));
                assert_eq!(beside.state.summary(), alone.state.summary());
                assert_eq!(beside.state.evaluations.last(), alone.state.evaluations.last());
                assert_eq!((beside.step(), beside.status()), (alone.step(), alone.status()));
                for metric in [Metric::Loss, Metric::TestEma] {
                    let points = |run: &OpenRun| run.curves.of(metric).points().collect::<Vec<_>>();
                    let (beside, alone) = (points(&beside), points(&alone));
                    assert!(is_many || beside == alone);
                    assert!(alone.len() > 1000 || beside == alone);
                    assert!(beside.iter().all(|point| alone.contains(point)));
                    assert_eq!(beside.last().map(|it| it.step), alone.last().map(|it| it.step));
                }
            }
        }
    }

    #[test]
    fn a_run_whose_files_vanish_before_its_folder_does_is_gone_all_the_same() {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let dir = runs(folder.path(), &[5]).remove(0);
        let (sender, mut news) = tokio::sync::mpsc::unbounded_channel();
        let (mut following, mut last) = (Following::new(dir.clone()), None);
        assert!(following.tell(&mut last, &sender));
        for path in [dir.events(), dir.run_toml()] {
            std::fs::remove_file(path).expect("there");
        }
        assert!(following.tell(&mut last, &sender));
        std::fs::remove_dir_all(dir.path()).expect("there");
        assert!(following.tell(&mut last, &sender));
        let mut told = Vec::new();
        while let Ok(News::Run(_, reading)) = news.try_recv() {
            told.extend(reading.error);
        }
        assert!(told.iter().any(|error| error.contains("the run is gone")), "{told:?}");
    }

    #[test]
    fn runs_beside_each_other_are_told_of_once_each_and_again_when_something_happens() {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let dirs = runs(folder.path(), &[5; 9]);
        let (sender, mut news) = tokio::sync::mpsc::unbounded_channel();
        let wanted = std::sync::Arc::new(AtomicBool::new(true));
        let (following, still) = (dirs.clone(), wanted.clone());
        let reader = thread::spawn(move || follow_together(following, &still, &sender));
        let mut told = |n: usize| -> Vec<(RunDir, Box<Reading>)> {
            let next = |_| match news.blocking_recv() {
                Some(News::Run(dir, reading)) => (dir, reading),
                other => panic!("{other:?}"),
            };
            let mut all: Vec<_> = (0..n).map(next).collect();
            all.sort_by_key(|(dir, _)| dir.id());
            all
        };
        let first: Vec<RunDir> = told(9).into_iter().map(|(dir, _)| dir).collect();
        let mut expected = dirs.clone();
        expected.sort_by_key(RunDir::id);
        assert_eq!(first, expected);
        EventLog::open(&dirs[4].events()).and_then(|mut log| log.append(Event::Resumed { step: 3 })).expect("appended");
        let (dir, reading) = told(1).remove(0);
        assert_eq!((dir, reading.records.len(), reading.folded.is_some()), (dirs[4].clone(), 1, false));
        wanted.store(false, Ordering::Relaxed);
        reader.join().expect("it ends");
    }

    #[test]
    fn a_run_whose_configuration_was_edited_says_so_once() {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let config = Preset::find("quickstart").and_then(|preset| preset.resolve(&[])).expect("resolves");
        let dir = RunDir::create(folder.path(), "x", &RunFile::new("quickstart".into(), vec![], config)).expect("made");
        let mut log = EventLog::open(&dir.events()).expect("opens");
        log.append(Event::Resumed { step: 0 }).expect("appended");
        let warnings = |reading: Reading| {
            let of =
                |record: Record| if let Event::Warning { message, .. } = record.event { Some(message) } else { None };
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
