//! Suites through the real programs: a queue that is killed, a machine that goes down, a disk that is full.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};
use std::thread::sleep;
use std::time::{Duration, Instant};

use fixmatch::run::dir::RunDir;
use fixmatch::run::event::Event;
use rustix::process::{Pid, Signal, kill_process};
use serde_json::Value;

use super::disk::SmallDisk;
use super::support::{Place, assert_same, events, out_of};

const DEADLINE: Duration = Duration::from_mins(4);

/// A suite in a folder of its own.
struct Study {
    place: Place,
    file: PathBuf,
    runs: PathBuf,
}

impl Study {
    /// Of runs of 30 steps, with these axes and seeds.
    fn new(axes: &str) -> Self {
        let place = Place::new();
        let mut config = place.config();
        (config.train.steps, config.eval.every, config.checkpoint.every) = (30, 15, 5);
        let folder = place.data().parent().expect("a folder").to_owned();
        fs::write(folder.join("base.toml"), toml::to_string(&config).expect("TOML")).expect("written");
        let file = folder.join("study.toml");
        fs::write(&file, format!("title = \"Study\"\nbase = \"base.toml\"\n{axes}")).expect("written");
        Self { runs: place.runs(), place, file }
    }

    fn fixmatch(&self, args: &[&str]) -> Output {
        let mut fixmatch = Command::new(env!("CARGO_BIN_EXE_fixmatch"));
        fixmatch.arg("suite").args(args).env("FIXMATCH_RUNS", &self.runs).env("FIXMATCH_CACHE", self.place.cache());
        fixmatch.output().expect("runs")
    }

    #[track_caller]
    fn said(&self, args: &[&str]) -> String {
        out_of(args, &self.fixmatch(args))
    }

    /// Has a queue at work on two slots.
    #[track_caller]
    fn begin(&self) {
        self.said(&["run", &self.file.display().to_string(), "--slots", "cpu:1x2"]);
    }

    fn status(&self) -> Value {
        serde_json::from_str(&self.said(&["status", "study", "--json"])).expect("JSON")
    }

    fn log(&self) -> String {
        fs::read_to_string(self.runs.join(".suites/study/queue.log")).unwrap_or_default()
    }

    /// Kills the queue, if there is one.
    fn kill_queue(&self) {
        let log = self.log();
        let pid = log.lines().rev().find_map(|line| line.split_once("begins as process ")?.1.parse().ok());
        kill(pid.expect("a queue says its process"));
    }

    /// Kills everything, as when the machine goes down.
    fn go_down(&self) {
        self.kill_queue();
        for dir in RunDir::list(&self.runs).expect("lists") {
            if let Some((beat, _)) = dir.heartbeat().filter(|_| dir.is_locked()) {
                kill(beat.pid as i32);
            }
        }
    }

    #[track_caller]
    fn until(&self, what: &str, is_so: impl Fn(&Value) -> bool) -> Value {
        let deadline = Instant::now() + DEADLINE;
        loop {
            let status = self.status();
            if is_so(&status) {
                return status;
            }
            assert!(Instant::now() < deadline, "not {what}: {status:#}\n{}", self.log());
            sleep(Duration::from_millis(50));
        }
    }

    /// The runs by what decides their results.
    fn by_identity(&self) -> BTreeMap<String, RunDir> {
        let dirs = RunDir::list(&self.runs).expect("lists");
        dirs.into_iter().map(|dir| (dir.read_run().expect("reads").config.identity(), dir)).collect()
    }
}

impl Drop for Study {
    fn drop(&mut self) {
        if self.runs.join(".suites/study/queue.log").exists() {
            self.go_down();
        }
    }
}

fn kill(pid: i32) {
    if let Some(pid) = Pid::from_raw(pid) {
        let _ = kill_process(pid, Signal::KILL);
    }
}

fn count(dir: &RunDir, is: fn(&Event) -> bool) -> usize {
    events(dir).iter().filter(|event| is(event)).count()
}

/// Every planned run is there once, and took its last step once.
#[track_caller]
fn assert_all_done(runs: &Path, n: usize) {
    let dirs = RunDir::list(runs).expect("lists");
    assert_eq!(dirs.len(), n, "nothing is run twice");
    for dir in &dirs {
        assert_eq!(count(dir, |event| matches!(event, Event::Finished { .. })), 1, "{}", dir.id());
    }
}

#[test]
fn a_suite_loses_nothing_and_runs_nothing_twice_however_often_its_queue_and_the_machine_go_down() {
    const AXES: &str = "seeds = 4\n\
        [[axis]]\nkey = \"labels.per_class\"\nvalues = [1, 2, 3]\n\
        [[axis]]\nkey = \"augment.strong\"\nvalues = [\"randaugment\", \"ctaugment\"]\n";
    let mut study = Study::new(AXES);
    for round in 0..22 {
        study.begin();
        study.until("at work", |status| status["running"] != 0 || status["finished"] == 24);
        sleep(Duration::from_millis(37 * round % 400));
        if round % 10 == 5 { study.go_down() } else { study.kill_queue() }
    }
    study.begin();
    let status = study.until("done", |status| status["queue"] == false);
    assert_eq!((&status["finished"], &status["failed"]), (&24.into(), &0.into()), "{status:#}\n{}", study.log());
    assert_all_done(&study.runs, 24);

    let disturbed = study.by_identity();
    study.runs = study.runs.with_file_name("undisturbed");
    study.begin();
    study.until("done", |status| status["queue"] == false);
    for (identity, dir) in study.by_identity() {
        assert_same(&dir, &disturbed[&identity], 30);
    }
}

#[test]
fn a_suite_that_was_changed_trains_only_what_is_new() {
    let study = Study::new("seeds = 1\n[[axis]]\nkey = \"labels.per_class\"\nvalues = [1, 2]\n");
    study.begin();
    study.until("done", |status| status["queue"] == false);
    let before: Vec<_> = RunDir::list(&study.runs).expect("lists");
    let text = fs::read_to_string(&study.file).expect("reads").replace("[1, 2]", "[1, 2, 3]");
    fs::write(&study.file, text).expect("written");
    let said = study.said(&["run", &study.file.display().to_string(), "--dry-run"]);
    assert!(said.contains("3 runs; 2 are there already"), "{said}");
    assert_eq!(RunDir::list(&study.runs).expect("lists"), before, "a dry run starts nothing");
    study.begin();
    let status = study.until("done", |status| status["queue"] == false);
    assert_eq!(status["finished"], 3);
    let after = RunDir::list(&study.runs).expect("lists");
    assert_eq!((after[..2].to_vec(), after.len()), (before, 3));
}

#[test]
fn a_stopped_suite_suspends_its_runs_and_goes_on_where_it_was() {
    let study = Study::new("seeds = 3\n[config]\ntrain.steps = 400\n");
    study.begin();
    study.until("at work", |status| status["running"] == 2);
    let said = study.said(&["stop", "study"]);
    assert!(said.contains("study is stopped"), "{said}");
    let status = study.status();
    assert_eq!((&status["running"], &status["queue"]), (&0.into(), &false.into()));
    study.begin();
    study.until("done", |status| status["queue"] == false);
    assert_all_done(&study.runs, 3);
}

#[test]
fn a_failed_run_does_not_stop_the_rest_and_is_tried_again_when_asked() {
    let study = Study::new("seeds = 1\n[[axis]]\nkey = \"train.lr\"\nvalues = [0.003, 100.0]\n");
    study.begin();
    let status = study.until("done", |status| status["queue"] == false);
    assert_eq!((&status["finished"], &status["failed"]), (&1.into(), &1.into()), "{status:#}");
    let told = study.said(&["status", "study"]);
    assert!(told.contains("1 failed") && told.contains("fixmatch suite retry study"), "{told}");
    let fails = || {
        let dirs = RunDir::list(&study.runs).expect("lists");
        dirs.iter().map(|dir| count(dir, |event| matches!(event, Event::Failed { .. }))).sum::<usize>()
    };
    assert_eq!(fails(), 1);
    study.said(&["retry", "study"]);
    study.until("done", |status| status["queue"] == false);
    assert_eq!(fails(), 2, "it was tried once more");
    assert_eq!(RunDir::list(&study.runs).expect("lists").len(), 2);
}

#[test]
fn a_suite_waits_for_room_on_a_full_disk() {
    let Some(disk) = SmallDisk::new("size=32m") else { return };
    let mut study = Study::new("seeds = 4\n");
    study.runs = disk.path().join("runs");
    study.begin();
    study.until("begun", |status| status["finished"] == 1);
    disk.fill();
    sleep(Duration::from_secs(2));
    disk.free();
    study.until("done", |status| status["finished"] == 4 && status["queue"] == false);
    assert_all_done(&study.runs, 4);
    drop(study);
}
