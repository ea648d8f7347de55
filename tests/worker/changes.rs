//! Recorded changes through the command: a run that one of them ruined goes on without it, and what lies ahead is edited.

use std::fs;
use std::process::Command;

use fixmatch::config::RunConfig;
use fixmatch::run::amend::amend;
use fixmatch::run::change::{Change, Edit, Request};
use fixmatch::run::checkpoint;
use fixmatch::run::dir::RunDir;
use fixmatch::run::event::{Event, FailureKind};
use fixmatch::run::history::{self, Fate};
use fixmatch::run::state::RunState;
use rustix::process::Signal;
use serde_json::Value;

use super::support::{Place, Worker, assert_same, copy, events, finish};

/// What a command says of a run, and whether it succeeds.
fn fixmatch(place: &Place, command: &str, dir: &RunDir, args: &[&str]) -> (bool, String) {
    let mut fixmatch = Command::new(env!("CARGO_BIN_EXE_fixmatch"));
    fixmatch.arg(command).arg(dir.path()).args(args).env("FIXMATCH_RUNS", place.runs());
    fixmatch.env("FIXMATCH_CACHE", place.cache());
    let output = fixmatch.output().expect("runs");
    let said = [output.stdout, output.stderr].map(|bytes| String::from_utf8_lossy(&bytes).into_owned());
    (output.status.success(), said.concat())
}

/// Steps enough that a change can be made in the middle, with all checkpoints kept.
fn config(place: &Place) -> RunConfig {
    let mut config = place.config();
    config.train.steps = 400;
    config.train.lr = 0.01;
    config.checkpoint.every = 5;
    config.checkpoint.keep = 1000;
    config
}

/// A run that was killed after some steps with a change, and goes on from before it. Returns that step too.
fn killed_after(place: &Place, config: &RunConfig, change: Change) -> (RunDir, u64) {
    let dir = place.run(config);
    let mut worker = Worker::start(&dir);
    let _ = worker.until_progress();
    let step = worker.ask(Request::Pause);
    assert_eq!(worker.ask(Request::Set(change)), step);
    let _ = worker.ask(Request::Continue);
    let _ = worker.until_progress();
    worker.signal(Signal::KILL);
    let _ = worker.end();
    for (saved, path) in checkpoint::list(&dir.checkpoints()).expect("lists") {
        if saved >= step {
            fs::remove_file(path).expect("removed");
        }
    }
    (dir, step)
}

/// The changes as `changes --json` has them: what, from which step on, and what became of it.
fn listed(place: &Place, dir: &RunDir) -> Vec<(String, u64, String)> {
    let (is_fine, said) = fixmatch(place, "changes", dir, &["--json"]);
    assert!(is_fine, "{said}");
    let page: Value = serde_json::from_str(&said).expect("JSON");
    let rows = page.as_array().or_else(|| page["changes"].as_array()).expect("rows");
    let text = |row: &Value, key: &str| row[key].as_str().expect("text").to_owned();
    let value = |row: &Value| {
        let keys = ["threshold", "lambda_u", "lr_factor", "steps"];
        keys.into_iter().find_map(|key| Some(format!("{key} = {}", row.get(key)?))).expect("a change")
    };
    rows.iter().map(|row| (value(row), row["step"].as_u64().expect("a step"), text(row, "state"))).collect()
}

#[test]
fn a_run_that_a_change_ruined_says_so_and_without_it_ends_as_one_that_never_had_it() {
    let place = Place::new();
    let mut config = config(&place);
    // a rate that a hundred times as much makes useless at once, and no checkpoint between the change and what comes of it
    (config.train.lr, config.train.steps, config.checkpoint.every, config.eval.every) = (0.05, 400, 1000, 1000);
    let unbroken = place.finished(&config);
    let dir = place.run(&config);
    let mut worker = Worker::start(&dir);
    let _ = worker.until_progress();
    let step = worker.ask(Request::Pause);
    for change in [Change::LrFactor(100.0), Change::Threshold(0.0)] {
        assert_eq!(worker.ask(Request::Set(change)), step);
    }
    let _ = worker.ask(Request::Continue);
    let _ = worker.end();
    let log = events(&dir);
    assert!(log.iter().any(|it| matches!(it, Event::Diverged { change: Some(1), .. })), "{:?}", log.last());
    let Some(Event::Failed { reason, kind: FailureKind::Diverged, .. }) = log.last() else {
        panic!("{:?}", log.last())
    };
    assert!(reason.contains(&format!("lr_factor = 100 was set at step {step}")), "{reason}");

    let (is_fine, said) = fixmatch(&place, "show", &dir, &[]);
    assert!(is_fine && said.contains(&format!("--drop lr_factor@{step}")), "{said}");
    let (is_fine, said) = fixmatch(&place, "resume", &dir, &["--drop-changes"]);
    assert!(is_fine && said.contains("lr_factor = 100"), "{said}");
    assert_eq!(events(&dir).last(), Some(&Event::Finished { step: 400 }));
    assert_same(&unbroken, &dir, 400);
}

#[test]
fn one_change_of_several_that_lie_ahead_can_be_left_out() {
    let place = Place::new();
    let config = config(&place);
    let (dir, step) = killed_after(&place, &config, Change::LrFactor(0.5));
    let (is_fine, said) = fixmatch(&place, "resume", &dir, &["--drop", &format!("lr_factor@{step}")]);
    assert!(is_fine, "{said}");
    assert_eq!(listed(&place, &dir), [("lr_factor = 0.5".into(), step, "dropped".into())]);
    assert_same(&place.finished(&config), &dir, 400);
}

#[test]
fn what_lies_ahead_is_altered_moved_dropped_and_undone() {
    let place = Place::new();
    let (dir, step) = killed_after(&place, &config(&place), Change::LrFactor(0.5));
    let edit = |args: &[&str]| {
        let (is_fine, said) = fixmatch(&place, "changes", &dir, args);
        assert!(is_fine, "{args:?}: {said}");
        let (what, at, state) = listed(&place, &dir).swap_remove(0);
        (what, at, state)
    };
    let ahead = |value: &str, step| (format!("lr_factor = {value}"), step, "lies ahead".to_owned());
    assert_eq!(listed(&place, &dir), [ahead("0.5", step)]);
    assert_eq!(edit(&["--set", "1=0.25"]), ahead("0.25", step));
    let later = step + 3;
    assert_eq!(edit(&["--move", &format!("lr_factor@{step}={later}")]), ahead("0.25", later));
    assert_eq!(edit(&["--drop", "1"]).2, "dropped");
    let (is_fine, said) = fixmatch(&place, "set", &dir, &["threshold=0.7"]);
    assert!(is_fine, "{said}");
    let goes_on = RunState::goes_on_at(&dir).expect("reads");
    assert_eq!(listed(&place, &dir)[1].1, goes_on);
    let (is_fine, said) = fixmatch(&place, "changes", &dir, &["--undo"]);
    assert!(is_fine, "{said}");
    let rows = listed(&place, &dir);
    assert_eq!((rows.len(), rows[1].2.as_str()), (2, "dropped"), "{rows:?}"); // no step was taken under it
}

#[test]
fn a_run_with_changes_is_the_same_however_often_it_is_killed() {
    let place = Place::new();
    let config = config(&place);
    let (first, step) = killed_after(&place, &config, Change::Threshold(0.6));
    let often = copy(&first, "often");
    let (is_fine, said) = fixmatch(&place, "resume", &first, &[]);
    assert!(is_fine, "{said}");
    // a kill at the first progress, at the change, and at other windows after it
    for windows in [1, 2, 5, 9] {
        let mut worker = Worker::start(&often);
        for _ in 0..windows {
            let _ = worker.until_progress();
        }
        worker.signal(Signal::KILL);
        let _ = worker.end();
    }
    let (is_fine, said) = fixmatch(&place, "resume", &often, &[]);
    assert!(is_fine, "{said}");
    assert_eq!(listed(&place, &often), [("threshold = 0.6".into(), step, "in force".into())]);
    assert_same(&first, &often, 400);
}

#[test]
fn a_run_whose_change_ahead_was_dropped_ends_as_one_that_never_had_it() {
    let place = Place::new();
    let config = config(&place);
    let unbroken = place.finished(&config);
    for change in [Change::LrFactor(0.5), Change::LambdaU(0.0)] {
        let (dir, step) = killed_after(&place, &config, change);
        let (done, _) = amend(&dir, &[Request::Edit(Edit::Drop(1))]).expect("it lies ahead");
        assert!(done < step, "it goes on at {done}, before {step}");
        finish(&dir);
        assert_same(&unbroken, &dir, 400);
    }
}

#[test]
fn a_value_that_is_set_after_a_crash_holds_and_the_older_one_ahead_does_not_come_back() {
    let place = Place::new();
    let mut config = config(&place);
    config.train.steps = 1_000_000;
    let (dir, step) = killed_after(&place, &config, Change::Threshold(0.3));
    let (done, _) = amend(&dir, &[Request::Set(Change::Threshold(0.9))]).expect("a value");
    assert!(done < step);
    let mut worker = Worker::start(&dir);
    worker.until("a step beyond the old change", |event| match event {
        Event::Progress(progress) => (progress.step > step).then_some(()),
        _ => None,
    });
    let now = worker.ask(Request::Set(Change::Threshold(0.8)));
    let _ = worker.ask(Request::Stop);
    let state = RunState::read(&dir).expect("reads");
    let start = history::start(&config);
    let at = |at: u64| state.history.live(&start, at).threshold;
    assert_eq!([done - 1, done, step, now].map(at), [0.4, 0.9, 0.9, 0.8]);
    assert_eq!(state.history.at(1).expect("the old one").fate, Fate::Cancelled { by: 2 });
    assert_eq!(state.history.before(3, &start), Some(Change::Threshold(0.9)));
}
