//! The `fixmatch` commands, driven as a user drives them: the real program, run directories in a temporary folder, and
//! a worker that is played by the test ([`Worker`]) or by a shell script.

mod asking;
mod augmenting;
mod cleaning;
mod comparing;
mod completing;
mod crossvalidating;
mod doctoring;
mod exporting;
mod extremes;
mod forking;
mod importing;
mod json;
mod judging;
mod labeling;
mod naming;
mod own;
mod predicting;
mod reading;
mod reporting;
mod sealing;
mod slurm;
mod suggesting;
mod telling;
mod training;
mod trash;

use std::fs::{self, File};
use std::process::{Child, Command, Stdio};
use std::thread::sleep;
use std::time::{Duration, Instant, SystemTime};

use fixmatch::config::preset::Preset;
use fixmatch::run::change::Request;
use fixmatch::run::dir::RunDir;
use fixmatch::run::event::{Evaluated, Evaluation, Event, Progress, Started};
use fixmatch::run::file::RunFile;
use fixmatch::run::heartbeat::{Heartbeat, Phase};
use fixmatch::run::log::{EventLog, Follower};
use fixmatch::run::mailbox::{self, Content};

const DEADLINE: Duration = Duration::from_mins(1);

/// A machine of its own for one test.
struct Place {
    folder: tempfile::TempDir,
}

/// What a command did.
#[derive(Debug)]
struct Said {
    code: Option<i32>,
    out: String,
    err: String,
}

impl Place {
    fn new() -> Self {
        Self { folder: tempfile::tempdir().expect("a temporary folder") }
    }

    fn runs(&self) -> std::path::PathBuf {
        self.folder.path().join("runs")
    }

    /// A new run of the quickstart with these events in its log.
    fn run(&self, name: &str, events: &[Event]) -> RunDir {
        let config =
            Preset::find("quickstart").and_then(|preset| preset.resolve(&[])).expect("the quickstart resolves");
        let run = RunFile::new("quickstart".into(), vec![], config);
        let dir = RunDir::create(&self.runs(), name, &run).expect("made");
        append(&dir, events);
        dir
    }

    fn command(&self, args: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_fixmatch"));
        command.args(args).env("FIXMATCH_RUNS", self.runs()).env("FIXMATCH_DATA", self.folder.path());
        command.env("FIXMATCH_CACHE", self.folder.path().join("cache"));
        command.env("FIXMATCH_STATE", self.folder.path().join("state"));
        command.env("FIXMATCH_PRESETS", self.folder.path().join("presets"));
        // whether one is built or not; a test that needs a worker plays one
        command.env("FIXMATCH_WORKER", "/nowhere/fixmatch-worker");
        command.env("TERM", "dumb").current_dir(self.folder.path());
        command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
        command
    }

    fn start(&self, args: &[&str]) -> Child {
        self.command(args).spawn().expect("fixmatch starts")
    }

    fn fixmatch(&self, args: &[&str]) -> Said {
        end_of(self.start(args))
    }
}

/// What a command did, once it has ended.
fn end_of(mut child: Child) -> Said {
    until("the command ends", || child.try_wait().expect("waits"));
    let output = child.wait_with_output().expect("its output");
    let text = |bytes| String::from_utf8(bytes).expect("UTF-8");
    Said { code: output.status.code(), out: text(output.stdout), err: text(output.stderr) }
}

/// Polls until there is a value.
fn until<T>(what: &str, mut found: impl FnMut() -> Option<T>) -> T {
    let deadline = Instant::now() + DEADLINE;
    loop {
        if let Some(value) = found() {
            return value;
        }
        assert!(Instant::now() < deadline, "waited in vain until {what}");
        sleep(Duration::from_millis(10));
    }
}

fn append(dir: &RunDir, events: &[Event]) {
    let mut log = EventLog::open(&dir.events()).expect("opens");
    for event in events {
        log.append(event.clone()).expect("appended");
    }
}

/// Leaves a run as an older version would have written it: a script cannot seal the lines that it appends.
fn unsealed(dir: &RunDir) {
    let lines = Follower::new(dir.events()).read_new_json().expect("reads");
    fs::write(dir.events(), lines.join("\n") + "\n").expect("written");
    fs::remove_file(dir.events_seal()).expect("there");
}

impl Said {
    #[track_caller]
    fn check(&self, code: i32, out: &[&str], err: &[&str]) {
        assert_eq!(self.code, Some(code), "{self:?}");
        for part in out {
            assert!(self.out.contains(part), "no {part:?} in stdout:\n{}\n{}", self.out, self.err);
        }
        for part in err {
            assert!(self.err.contains(part), "no {part:?} in stderr:\n{}", self.err);
        }
        assert!(!self.err.contains("panicked"), "{}", self.err);
    }
}

/// A worker, as far as the run directory shows it, until it is dropped.
struct Worker {
    dir: RunDir,
    log: EventLog,
    _lock: File,
}

impl Worker {
    fn on(dir: &RunDir) -> Self {
        let lock = dir.lock().expect("the lock is free");
        let log = EventLog::open(&dir.events()).expect("opens");
        let mut worker = Self { dir: dir.clone(), log, _lock: lock };
        worker.beat(Phase::Training);
        worker.say(launched());
        worker
    }

    fn beat(&self, phase: Phase) {
        let beat = Heartbeat { time: 0.0, pid: 77, host: "here".into(), step: 0, phase };
        self.dir.beat(&beat).expect("written");
        // It goes on beating: however long a command takes to look, the heartbeat is not stale.
        let file = File::options().write(true).open(self.dir.path().join("heartbeat")).expect("there");
        file.set_modified(SystemTime::now() + Duration::from_hours(1)).expect("set");
    }

    /// It beats no more, for minutes.
    fn fall_silent(&self) {
        for path in [self.dir.run_toml(), self.dir.path().join("heartbeat")] {
            let file = File::options().write(true).open(path).expect("opens");
            file.set_modified(SystemTime::now() - Duration::from_mins(2)).expect("made older");
        }
    }

    fn say(&mut self, event: Event) {
        self.log.append(event).expect("appended");
    }

    /// Waits for the next request and takes it out of the mailbox.
    fn read(&mut self) -> (String, Request) {
        let control = self.dir.control();
        let mail = || mailbox::collect(&control, |_| false).expect("collects").into_iter().next();
        let mail = until("a request comes", mail);
        mailbox::discard(&control, &mail.name).expect("discarded");
        let Content::Letter(letter) = &mail.content else { panic!("{mail:?}") };
        self.say(Event::Accepted { id: mail.id(), request: letter.request, who: letter.who.clone() });
        (mail.id(), letter.request)
    }

    /// Follows the next request at a step: these events, then that it was applied. Returns what was asked.
    fn follow(&mut self, step: u64, events: &[Event]) -> Request {
        let (id, request) = self.read();
        for event in events {
            self.say(event.clone());
        }
        let change = if let Request::Set(change) = request { Some(change) } else { None };
        self.say(Event::Applied { id, step, change, undoes: None, cancels: Vec::new() });
        request
    }
}

fn launched() -> Event {
    Event::Launched { pid: 77, host: "here".into(), version: "0".into(), job: None }
}

fn started() -> Event {
    Event::Started(Box::new(Started {
        steps: 500,
        device: "cpu".into(),
        threads: 2,
        n_parameters: 1000,
        n_labeled: 40,
        n_unlabeled: 10_000,
        n_test: 100,
        classes: vec!["cats".into(), "dogs".into()],
        labeled_per_class: vec![20, 20],
        digests: None,
    }))
}

fn progress(step: u64) -> Event {
    Event::Progress(Progress {
        step,
        n_steps: 10,
        loss: 1.5,
        mask_ratio: Some(0.25),
        images_per_s: 2000.0,
        ..Progress::default()
    })
}

fn evaluated(step: u64, accuracy: f64) -> Event {
    let scores = |accuracy| Evaluation { accuracy, per_class: vec![Some(accuracy), None], ..Evaluation::default() };
    Event::Evaluated(Box::new(Evaluated {
        step,
        raw: scores(accuracy - 0.1),
        ema: scores(accuracy),
        median: accuracy,
        median_of: 1,
        best: accuracy,
        best_step: step,
        rates: None,
        requested: false,
    }))
}

/// A whole run of 20 steps.
fn whole_run(accuracy: f64) -> Vec<Event> {
    vec![launched(), started(), progress(10), progress(20), evaluated(20, accuracy), Event::Finished { step: 20 }]
}
