//! A tiny data set, runs on it, and a worker that is watched through the run directory.

use std::fs::{self, OpenOptions};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Output, Stdio};
use std::thread::sleep;
use std::time::{Duration, Instant};

use fixmatch::base::rng::{Rng, Stream};
use fixmatch::config::{CtAugment, Device, Model, ModelName, RunConfig, Strong};
use fixmatch::run::change::Request;
use fixmatch::run::checkpoint::{Checkpoint, file_name, list};
use fixmatch::run::dir::RunDir;
use fixmatch::run::event::{Event, Progress, Record, VARYING_FIELDS};
use fixmatch::run::file::RunFile;
use fixmatch::run::launch::log_tail;
use fixmatch::run::log::{Follower, read_all};
use fixmatch::run::mailbox;
use rustix::process::{Pid, Signal, kill_process};
use serde_json::Value;

const DEADLINE: Duration = Duration::from_mins(1);

/// The side of an image.
pub const SIDE: u32 = 12;

/// Training images of a class; half as many test images.
pub const PER_CLASS: u32 = 12;

/// A folder of images and the runs on it, for one test.
pub struct Place {
    folder: tempfile::TempDir,
}

impl Place {
    pub fn new() -> Self {
        let place = Self { folder: tempfile::tempdir().expect("a temporary folder") };
        for (split, n, first) in [("train", PER_CLASS, 0), ("test", PER_CLASS / 2, 1000)] {
            for (class, name) in ["blue", "green", "red"].into_iter().enumerate() {
                for i in 0..n {
                    place.draw(&format!("{split}/{name}/{i:02}.png"), class, first + i);
                }
            }
        }
        place
    }

    pub fn data(&self) -> PathBuf {
        self.folder.path().join("data")
    }

    pub fn runs(&self) -> PathBuf {
        self.folder.path().join("runs")
    }

    /// What workers keep for each other.
    pub fn cache(&self) -> PathBuf {
        self.folder.path().join("cache")
    }

    /// Writes an image that is noise with more of one channel.
    pub fn draw(&self, path: &str, class: usize, i: u32) {
        let path = self.data().join(path);
        fs::create_dir_all(path.parent().expect("a folder")).expect("made");
        let mut rng = Rng::new(class as u64, Stream::Weights, i.into(), 0);
        let image = image::RgbImage::from_fn(SIDE, SIDE, |_, _| {
            let mut pixel = [0; 3].map(|_| rng.uniform(0.0, 200.0) as u8);
            pixel[2 - class] += 55;
            image::Rgb(pixel)
        });
        image.save(path).expect("written");
    }

    /// Forty steps of the small network.
    pub fn config(&self) -> RunConfig {
        let mut config = RunConfig::default();
        config.data.dataset = "folder".into();
        config.data.path = Some(self.data());
        config.labels.per_class = 2;
        config.model.name = ModelName::Cnn;
        config.train.steps = 40;
        config.train.batch = 2;
        config.train.mu = 2;
        config.train.threshold = 0.4;
        config.train.window = 7;
        config.optim.ema_decay = 0.9;
        config.eval.every = 20;
        config.checkpoint.every = 10;
        config.machine.device = Device::Cpu;
        (config.machine.threads, config.machine.loaders) = (1, 1);
        config
    }

    /// The same with the smallest residual network, whose batch norm sees all views at once.
    pub fn wrn_config(&self) -> RunConfig {
        RunConfig { model: Model { name: ModelName::Wrn, depth: 10, width: 1, bn_momentum: 0.1 }, ..self.config() }
    }

    /// The same with strong views whose strengths are learned, from rates that forget fast.
    pub fn learning_config(&self) -> RunConfig {
        let mut config = self.config();
        config.augment.strong = Strong::Ctaugment;
        config.augment.ctaugment = CtAugment { threshold: 0.8, decay: 0.5, delay: 3 };
        config
    }

    /// A run that ends only when it is asked to.
    pub fn endless_config(&self) -> RunConfig {
        let mut config = self.config();
        config.train.steps = 1_000_000;
        config.train.lr = 0.001; // batches of two images diverge at 0.03, on some processors within 160 steps
        config.train.window = 50;
        config.eval.every = 50;
        config.checkpoint.every = 1_000_000;
        config
    }

    /// A new run, without a worker.
    pub fn run(&self, config: &RunConfig) -> RunDir {
        let run = RunFile::new("test".into(), vec![], config.clone());
        RunDir::create(&self.runs(), "x", &run).expect("made")
    }

    /// A run that has come to its end.
    pub fn finished(&self, config: &RunConfig) -> RunDir {
        let dir = self.run(config);
        finish(&dir);
        dir
    }
}

/// Trains a run to its end.
#[track_caller]
pub fn finish(dir: &RunDir) {
    assert!(Worker::start(dir).end().success());
    let last = events(dir).pop();
    assert!(matches!(last, Some(Event::Finished { .. })), "{last:?}\n{}", log_tail(&dir.worker_log()));
}

/// Lets a worker fail and returns the reason that it gives.
#[track_caller]
pub fn failure(dir: &RunDir) -> String {
    let _ = Worker::start(dir).end();
    match events(dir).pop() {
        Some(Event::Failed { reason, .. }) => reason,
        last => panic!("{last:?}\n{}", log_tail(&dir.worker_log())),
    }
}

/// What a command printed, which must have gone well.
#[track_caller]
pub fn out_of(args: &[&str], output: &Output) -> String {
    let [out, err] = [&output.stdout, &output.stderr].map(|bytes| String::from_utf8_lossy(bytes).into_owned());
    assert!(output.status.success(), "{args:?}: {out}{err}");
    out
}

/// The command of a worker on a run.
pub fn worker_command(dir: &RunDir) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_fixmatch-worker"));
    let cache = dir.path().parent().expect("a folder of runs").with_file_name("cache");
    command.arg("run").arg(dir.path()).env("FIXMATCH_CACHE", cache).env("GOMP_SPINCOUNT", "2000").stdin(Stdio::null());
    command
}

/// A worker, killed when it is dropped.
pub struct Worker {
    pub dir: RunDir,
    child: Child,
    follower: Follower,
    /// Events that no wait has looked at yet.
    unseen: Vec<Record>,
}

impl Worker {
    /// Starts a worker; its events are seen from this moment on.
    pub fn start(dir: &RunDir) -> Self {
        let mut follower = Follower::new(dir.events());
        follower.read_new().expect("reads");
        let log = OpenOptions::new().append(true).create(true).open(dir.worker_log()).expect("opens");
        let mut command = worker_command(dir);
        command.stdout(log.try_clone().expect("a second handle")).stderr(log);
        let child = command.spawn().expect("the worker starts");
        Self { dir: dir.clone(), child, follower, unseen: Vec::new() }
    }

    /// Waits for the first event that gives a value. Later waits see only what came after it.
    #[track_caller]
    pub fn until<T>(&mut self, what: &str, mut find: impl FnMut(&Event) -> Option<T>) -> T {
        let deadline = Instant::now() + DEADLINE;
        loop {
            let ended = self.child.try_wait().expect("waits").is_some();
            self.unseen.extend(self.follower.read_new().expect("reads"));
            let found = self.unseen.iter().enumerate().find_map(|(i, record)| Some((i, find(&record.event)?)));
            if let Some((place, value)) = found {
                self.unseen.drain(..=place);
                return value;
            }
            let in_vain = ended || Instant::now() > deadline;
            assert!(!in_vain, "no {what} in {:#?}\n{}", self.unseen, log_tail(&self.dir.worker_log()));
            sleep(Duration::from_millis(1));
        }
    }

    /// Whether it still runs.
    pub fn is_alive(&mut self) -> bool {
        self.child.try_wait().expect("waits").is_none()
    }

    /// Waits for a point of the curves.
    #[track_caller]
    pub fn until_progress(&mut self) -> Progress {
        self.until("progress", |event| match event {
            Event::Progress(progress) => Some(progress.clone()),
            _ => None,
        })
    }

    /// Puts a request into the mailbox and returns its id.
    pub fn post(&self, request: Request) -> String {
        mailbox::post(&self.dir.control(), request).expect("posted")
    }

    /// Asks for something and waits until it is applied; returns the steps done then.
    #[track_caller]
    pub fn ask(&mut self, request: Request) -> u64 {
        let asked = self.post(request);
        self.until("answer", |event| match event {
            Event::Applied { id, step, .. } | Event::Edited { id, step, .. } if *id == asked => Some(*step),
            Event::Refused { id, reason } if *id == asked => panic!("{request:?} was refused: {reason}"),
            _ => None,
        })
    }

    /// Asks for something and waits until it is refused; returns the reason.
    #[track_caller]
    pub fn ask_in_vain(&mut self, request: Request) -> String {
        let asked = self.post(request);
        self.until("refusal", |event| match event {
            Event::Refused { id, reason } if *id == asked => Some(reason.clone()),
            Event::Applied { id, .. } | Event::Edited { id, .. } if *id == asked => panic!("{request:?} was applied"),
            _ => None,
        })
    }

    pub fn signal(&self, signal: Signal) {
        let pid = Pid::from_raw(self.child.id().try_into().expect("a pid")).expect("not zero");
        kill_process(pid, signal).expect("not yet waited for");
    }

    /// Waits until the worker ends.
    #[track_caller]
    pub fn end(mut self) -> ExitStatus {
        let deadline = Instant::now() + DEADLINE;
        loop {
            if let Some(status) = self.child.try_wait().expect("waits") {
                return status;
            }
            assert!(Instant::now() < deadline, "the worker goes on and on");
            sleep(Duration::from_millis(1));
        }
    }
}

impl Drop for Worker {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// The events of a run's log.
pub fn events(dir: &RunDir) -> Vec<Event> {
    read_all(&dir.events()).expect("reads").into_iter().map(|record| record.event).collect()
}

/// The points of a run's curves as its log has them, without what the clock decides and without what a resumed worker
/// took back.
pub fn curves(dir: &RunDir) -> Vec<Value> {
    let mut kept: Vec<Value> = Vec::new();
    for line in Follower::new(dir.events()).read_new_lines().expect("reads") {
        let Ok(mut event) = serde_json::from_str::<Value>(&line) else { continue };
        let fields = event.as_object_mut().expect("an object");
        for field in VARYING_FIELDS {
            fields.remove(field);
        }
        match fields["event"].as_str().expect("a kind") {
            "resumed" => kept.retain(|point| point["step"].as_u64() <= event["step"].as_u64()),
            "started" | "progress" | "evaluated" | "insight" | "finished" => kept.push(event),
            _ => {}
        }
    }
    kept
}

/// The checkpoint of a step.
#[track_caller]
pub fn checkpoint(dir: &RunDir, step: u64) -> Checkpoint {
    Checkpoint::read(&dir.checkpoints().join(file_name(step))).expect("intact")
}

/// Asserts that two runs ended in the same weights and drew the same curves, bit for bit.
#[track_caller]
pub fn assert_same(one: &RunDir, other: &RunDir, steps: u64) {
    let (one_curves, other_curves) = (curves(one), curves(other));
    for (a, b) in one_curves.iter().zip(&other_curves) {
        assert_eq!(a, b);
    }
    assert_eq!(one_curves.len(), other_curves.len());
    assert!(fs::read(one.insight()).expect("records") == fs::read(other.insight()).expect("records"));
    let (a, b) = (checkpoint(one, steps), checkpoint(other, steps));
    assert_eq!(a.state, b.state);
    for (name, array) in &a.tensors {
        assert!(b.tensors.get(name) == Some(array), "{name} differs");
    }
    assert_eq!(a.tensors.len(), b.tensors.len());
}

/// Copies a run's folder, as far as a worker needs it, beside it.
pub fn copy(dir: &RunDir, name: &str) -> RunDir {
    let to = dir.path().with_file_name(name);
    for folder in ["checkpoints", "control"] {
        fs::create_dir_all(to.join(folder)).expect("made");
    }
    let copy = |from: &Path| {
        let place = from.strip_prefix(dir.path()).expect("in the run");
        fs::copy(from, to.join(place)).expect("copied");
    };
    let files = [dir.run_toml(), dir.labels(), dir.events(), dir.events_seal(), dir.insight()];
    for file in files.into_iter().filter(|file| file.exists()) {
        copy(&file);
    }
    for (_, path) in list(&dir.checkpoints()).expect("lists") {
        copy(&path);
    }
    RunDir::open(&to).expect("a run")
}
