//! A suite through a real Slurm, which preempts, times out, requeues, and whose daemons are killed. In the end each run
//! is, bit for bit, what the queue of this machine trains undisturbed.
//!
//! As root with Debian's packages slurm-wlm and munge; otherwise skipped, with a sentence. `FIXMATCH_SLURM_RUNS=12` and
//! `FIXMATCH_SLURM_INTERRUPTIONS=50` make it larger.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};
use std::thread::sleep;
use std::time::{Duration, Instant};

use fixmatch::base::output::note;
use fixmatch::run::dir::RunDir;
use fixmatch::run::event::Event;
use fixmatch::run::state::RunState;
use rustix::process::{Pid, Signal, kill_process};
use safetensors::SafeTensors;
use serde_json::Value;

use super::support::{Place, assert_same, events, out_of};

const DEADLINE: Duration = Duration::from_mins(20);

/// A number of the environment.
fn asked(name: &str, default: u64) -> u64 {
    std::env::var(name).ok().and_then(|text| text.parse().ok()).unwrap_or(default)
}

/// A Slurm of its own, which ends with this.
struct Cluster {
    folder: tempfile::TempDir,
    /// Jobs that Slurm holds back, and since when.
    held: BTreeMap<String, Instant>,
}

impl Cluster {
    /// None where it cannot be had, which is said.
    fn start() -> Option<Self> {
        let it = Self { folder: tempfile::tempdir().expect("a temporary folder"), held: BTreeMap::new() };
        let said = it.script("up");
        let why = format!("{}{}", String::from_utf8_lossy(&said.stdout), String::from_utf8_lossy(&said.stderr));
        match said.status.code() {
            Some(0) => Some(it),
            Some(77) => {
                note(format_args!("skipped: there is no Slurm here: {}", why.trim()));
                None
            }
            _ => panic!("{why}"),
        }
    }

    fn script(&self, name: &str) -> Output {
        let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/slurm").join(name);
        Command::new(script).arg(self.folder.path()).output().expect("runs")
    }

    fn conf(&self) -> PathBuf {
        self.folder.path().join("slurm.conf")
    }

    /// What a command of Slurm prints; nothing where it fails.
    fn ask(&self, command: &str, args: &[&str]) -> String {
        let output = Command::new(command).args(args).env("SLURM_CONF", self.conf()).output().expect("runs");
        if output.status.success() { String::from_utf8_lossy(&output.stdout).into_owned() } else { String::new() }
    }

    /// The state of each of the suite's jobs that is open.
    fn jobs(&self) -> BTreeMap<String, String> {
        let said = self.ask("squeue", &["--noheader", "--array", "--partition=low", "--format=%F_%K|%T"]);
        said.lines().filter_map(|line| line.split_once('|')).map(|(id, state)| (id.into(), state.into())).collect()
    }

    fn running(&self) -> Vec<String> {
        self.jobs().into_iter().filter(|(_, state)| state == "RUNNING").map(|(id, _)| id).collect()
    }

    /// Slurm holds jobs that were queued again back for two minutes, so that late words of the old job are not taken for
    /// the new one's. Here a few seconds are enough.
    fn hurry(&mut self) {
        let said = self.ask("squeue", &["--noheader", "--array", "--partition=low", "--format=%F_%K|%r"]);
        let held: Vec<&str> = said.lines().filter_map(|line| line.strip_suffix("|BeginTime")).collect();
        self.held.retain(|id, _| held.contains(&id.as_str()));
        for id in held {
            let since = self.held.entry(id.to_owned()).or_insert_with(Instant::now);
            if since.elapsed() > Duration::from_secs(4) {
                self.ask("scontrol", &["update", &format!("JobId={id}"), "StartTime=now"]);
            }
        }
    }

    /// Ends a daemon.
    fn end(&self, daemon: &str, signal: Signal) {
        let pid = fs::read_to_string(self.folder.path().join(format!("{daemon}.pid"))).expect("a pid");
        let pid: i32 = pid.trim().parse().expect("a number");
        let _ = kill_process(Pid::from_raw(pid).expect("not zero"), signal);
        let deadline = Instant::now() + Duration::from_secs(20);
        // A process that nobody waited for has no program any more.
        while fs::read_link(format!("/proc/{pid}/exe")).is_ok() && Instant::now() < deadline {
            sleep(Duration::from_millis(20));
        }
    }

    fn start_daemon(&self, daemon: &str) {
        let path = format!("{}:/usr/sbin", std::env::var("PATH").unwrap_or_default());
        let said = Command::new(daemon).env("SLURM_CONF", self.conf()).env("PATH", path).status().expect("starts");
        assert!(said.success(), "{daemon}: {said}");
    }
}

impl Drop for Cluster {
    fn drop(&mut self) {
        let _ = self.script("down");
    }
}

/// A suite with a login to a cluster.
struct Study {
    place: Place,
    file: PathBuf,
    steps: u64,
    runs: PathBuf,
    conf: PathBuf,
}

impl Study {
    /// The small convolutional network and the smallest residual one, RandAugment and CTAugment.
    ///
    /// Of so many steps that a run takes about `seconds` on this machine.
    fn new(cluster: &Cluster, n_runs: u64, seconds: f64) -> Self {
        let place = Place::new();
        let mut config = place.wrn_config();
        config.train.lr = 0.001;
        let probe = RunState::read(&place.finished(&config)).expect("reads");
        let steps = seconds * probe.n_timed_steps as f64 / probe.training_s.max(0.001);
        let steps = (steps / 100.0).ceil().clamp(1.0, 100.0) as u64 * 100;
        (config.train.steps, config.train.window) = (steps, 50);
        (config.eval.every, config.checkpoint.every) = (steps / 4, 25);
        let folder = place.data().parent().expect("a folder").to_owned();
        fs::write(folder.join("base.toml"), toml::to_string(&config).expect("TOML")).expect("written");
        let text = format!(
            "title = \"Study\"\nbase = \"base.toml\"\nseeds = {}\n\
             [[axis]]\nkey = \"model.name\"\nvalues = [\"cnn\", \"wrn\"]\n\
             [[axis]]\nkey = \"augment.strong\"\nvalues = [\"randaugment\", \"ctaugment\"]\n",
            n_runs.div_ceil(4)
        );
        let file = folder.join("study.toml");
        fs::write(&file, text).expect("written");
        fs::create_dir(folder.join("slurm")).expect("made");
        fs::write(folder.join("slurm/low.toml"), "partition = \"low\"\ntime = \"1:00:00\"\ncpus = 1\n")
            .expect("written");
        Self { runs: place.runs().with_file_name("disturbed"), place, file, steps, conf: cluster.conf() }
    }

    fn fixmatch(&self, args: &[&str]) -> Output {
        let mut fixmatch = Command::new(env!("CARGO_BIN_EXE_fixmatch"));
        fixmatch.args(args).env("FIXMATCH_RUNS", &self.runs).env("FIXMATCH_CACHE", self.place.cache());
        fixmatch.env("SLURM_CONF", &self.conf).env("FIXMATCH_CONFIG", self.file.with_file_name("config.toml"));
        fixmatch.output().expect("runs")
    }

    #[track_caller]
    fn said(&self, args: &[&str]) -> String {
        out_of(args, &self.fixmatch(args))
    }

    fn submit(&self) -> String {
        self.said(&["suite", "run", &self.file.display().to_string(), "--slurm", "low"])
    }

    fn status(&self) -> Value {
        serde_json::from_str(&self.said(&["suite", "status", "study", "--json"])).expect("JSON")
    }

    /// The runs by what decides their results.
    fn by_identity(&self) -> BTreeMap<String, RunDir> {
        let dirs = RunDir::list(&self.runs).expect("lists");
        dirs.into_iter().map(|dir| (dir.read_run().expect("reads").config.identity(), dir)).collect()
    }

    /// What the jobs printed.
    fn outputs(&self) -> String {
        let mut text = String::new();
        for batch in fs::read_dir(self.runs.join(".suites/study/jobs")).into_iter().flatten().flatten() {
            for path in fs::read_dir(batch.path()).into_iter().flatten().flatten().map(|entry| entry.path()) {
                if path.extension().is_some_and(|it| it == "out") {
                    text += &path.display().to_string();
                    text += "\n";
                    text += &fs::read_to_string(&path).unwrap_or_default();
                }
            }
        }
        text
    }
}

fn text<'a>(job: &'a Value, key: &str) -> &'a str {
    job[key].as_str().unwrap_or_default()
}

fn count(status: &Value, key: &str) -> u64 {
    status["jobs"].as_array().expect("jobs").iter().filter_map(|job| job[key].as_u64()).sum()
}

/// How long the status may differ from what `squeue` says: a worker may still save when its job waits again.
const LAG: Duration = Duration::from_secs(5);

/// What Slurm says before and after is what the status says between, or will say soon.
#[track_caller]
fn assert_told(cluster: &Cluster, study: &Study) {
    let deadline = Instant::now() + LAG;
    while let Some((state, job)) = wrongly_told(cluster, study) {
        assert!(Instant::now() < deadline, "squeue has {state}: {job:#}\n{}", study.outputs());
    }
}

/// A job that the status has in another state than Slurm.
fn wrongly_told(cluster: &Cluster, study: &Study) -> Option<(String, Value)> {
    let before = cluster.jobs();
    let status = study.status();
    let after = cluster.jobs();
    for job in status["jobs"].as_array().expect("jobs") {
        if text(job, "state") == "gone" {
            return Some(("no job of it".into(), job.clone())); // nobody took one away for good
        }
        let Some(state) = before.get(text(job, "job")).filter(|state| after.get(text(job, "job")) == Some(state))
        else {
            continue;
        };
        let expected: &[&str] = match state.as_str() {
            // a run that finishes as Slurm takes its job away waits for one that will have nothing to do
            "PENDING" => &["queued", "preempted", "timed out", "finished"],
            "RUNNING" => &["running", "starting", "finished"],
            _ => continue,
        };
        if !expected.contains(&text(job, "state")) {
            return Some((state.clone(), job.clone()));
        }
    }
    None
}

/// What is done to the suite, in turn.
const DEEDS: [&str; 6] =
    ["preemption", "scontrol requeue", "time limit", "slurmd killed", "preemption", "controller down"];

/// Does something to the suite's jobs.
fn disturb(cluster: &Cluster, study: &Study, deed: &str) {
    match deed {
        "preemption" => {
            let n = std::thread::available_parallelism().map_or(1, usize::from);
            let (n, job) = (format!("--ntasks={n}"), "--wrap=sleep 1");
            cluster.ask("sbatch", &["--partition=high", &n, "--output=/dev/null", job]);
        }
        "scontrol requeue" => {
            if let Some(job) = cluster.running().first() {
                cluster.ask("scontrol", &["requeue", job]);
            }
        }
        // Its signal comes at once then, as soon as Slurm looks.
        "time limit" => {
            for job in cluster.running() {
                cluster.ask("scontrol", &["update", &format!("JobId={job}"), "TimeLimit=2"]);
            }
        }
        "slurmd killed" => {
            cluster.end("slurmd", Signal::KILL);
            wait_for_a_step(study);
            cluster.start_daemon("slurmd");
        }
        "controller down" => {
            // Killed, it forgets the jobs of its last seconds, numbers others like them, and shuts the node for that.
            cluster.end("slurmctld", Signal::TERM);
            let told = study.fixmatch(&["suite", "status", "study"]);
            let told = String::from_utf8_lossy(&told.stderr).into_owned();
            assert!(told.contains("Slurm does not answer"), "{told}");
            cluster.start_daemon("slurmctld");
        }
        _ => unreachable!("{deed}"),
    }
}

/// A daemon is down for a while.
fn wait_for_a_step(study: &Study) {
    let steps = || count(&study.status(), "step");
    let (before, deadline) = (steps(), Instant::now() + Duration::from_secs(3));
    while steps() <= before && Instant::now() < deadline {
        sleep(Duration::from_millis(100));
    }
}

#[test]
fn a_suite_that_slurm_throws_out_again_and_again_ends_in_the_same_weights() {
    let Some(mut cluster) = Cluster::start() else { return };
    let n_runs = asked("FIXMATCH_SLURM_RUNS", 4).next_multiple_of(4); // of four kinds
    let n_wanted = asked("FIXMATCH_SLURM_INTERRUPTIONS", 4);
    let share = n_wanted as f64 / n_runs as f64;
    // what is done takes seconds, and half of it finds no run to interrupt: many times take longer
    let mut study = Study::new(&cluster, n_runs, (4.0 + 6.0 * share).max(16.0 * share - 6.0));
    study.submit();
    let mut done: BTreeMap<&str, u64> = BTreeMap::new();
    let (deadline, mut deeds) = (Instant::now() + DEADLINE, DEEDS.iter().cycle());
    let mut stops = 0;
    let mut last = study.status();
    while last["finished"] != n_runs {
        assert!(Instant::now() < deadline, "{last:#}\n{}\n{:?}", study.outputs(), cluster.jobs());
        cluster.hurry();
        assert_told(&cluster, &study);
        let now = study.status();
        let n = count(&now, "timeouts") + count(&now, "preemptions");
        let has_moved = count(&now, "step") > count(&last, "step") && now["running"] != 0;
        if has_moved && n < n_wanted {
            if n > n_wanted / 2 && stops == 0 {
                stops += 1;
                study.said(&["suite", "stop", "study"]);
                assert_eq!(study.status()["running"], 0);
                study.submit();
            } else {
                let deed = deeds.next().expect("it never ends");
                disturb(&cluster, &study, deed);
                *done.entry(deed).or_default() += 1;
            }
            last = study.status();
        } else if now["running"] == 0 || now["finished"] != last["finished"] {
            last = now;
        }
        sleep(Duration::from_millis(200));
    }
    let status = study.status();
    note(format_args!("done to the suite: {done:?}, stopped and submitted again {stops}×"));
    for job in status["jobs"].as_array().expect("jobs") {
        let (name, id, n) = (text(job, "name"), text(job, "job"), |key: &str| job[key].as_u64().expect("a number"));
        note(format_args!("{name:32} job {id:8} {:2} timeouts {:3} preemptions", n("timeouts"), n("preemptions")));
    }
    let n = count(&status, "timeouts") + count(&status, "preemptions");
    // How long a run takes while other tests do is not for this one to say; a number that was asked for is held.
    let least = asked("FIXMATCH_SLURM_INTERRUPTIONS", 1);
    assert!(n >= least, "only {n} interruptions: the runs are too short\n{}", study.outputs());
    assert!(study.submit().contains("nothing to submit"));

    let disturbed = study.by_identity();
    assert_eq!(RunDir::list(&study.runs).expect("lists").len() as u64, n_runs, "one run directory a run");
    study.runs = study.runs.with_file_name("undisturbed");
    study.said(&["suite", "run", &study.file.display().to_string(), "--slots", "cpu:1x2", "--wait"]);
    for (identity, dir) in study.by_identity() {
        let other = &disturbed[&identity];
        assert_same(&dir, other, study.steps);
        assert!(exported(&study, &dir) == exported(&study, other), "{} is exported differently", other.id());
        let jobs = events(other).into_iter().filter_map(|event| match event {
            Event::Launched { job, .. } => Some(job.expect("its job").id),
            _ => None,
        });
        assert!(jobs.count() > 0);
        let ends = events(other).iter().filter(|event| matches!(event, Event::Finished { .. })).count();
        assert_eq!(ends, 1, "{}", other.id());
    }
}

/// The weights of a run, as trained and averaged, as they are exported.
fn exported(study: &Study, dir: &RunDir) -> Vec<(String, Vec<u8>)> {
    let to = study.file.with_file_name("weights.safetensors");
    let (run, path) = (dir.path().display().to_string(), to.display().to_string());
    let mut weights = Vec::new();
    for options in [&["--force"][..], &["--force", "--ema"]] {
        study.said(&[&["export", &run, "--weights", &path], options].concat());
        let bytes = fs::read(&to).expect("exported");
        let file = SafeTensors::deserialize(&bytes).expect("reads");
        let mut tensors: Vec<_> = file.iter().map(|(name, it)| (name.to_owned(), it.data().to_vec())).collect();
        tensors.sort();
        weights.extend(tensors);
    }
    weights
}
