//! A run's directory that is copied, moved or removed while its worker trains.

use std::fs;

use fixmatch::config::RunConfig;
use fixmatch::run::dir::RunDir;
use fixmatch::run::event::Event;

use super::support::{Place, Worker, assert_same, checkpoint, events, finish};

/// Long enough to be caught in the middle.
fn config(place: &Place) -> RunConfig {
    let mut config = place.config();
    config.train.steps = 300;
    config.train.lr = 0.001;
    config
}

/// Copies what is there now, some of it first, with what happens between. A file that is gone again is not copied.
fn copy_slowly(dir: &RunDir, name: &str, first: &str, meanwhile: impl FnOnce()) -> RunDir {
    let to = dir.path().with_file_name(name);
    let copy = |what: &str| {
        let from = dir.path().join(what);
        let files = if from.is_dir() {
            fs::read_dir(&from).expect("lists").map(|it| it.expect("one").path()).collect()
        } else {
            vec![from]
        };
        for file in files {
            let target = to.join(file.strip_prefix(dir.path()).expect("in the run"));
            fs::create_dir_all(target.parent().expect("a folder")).expect("made");
            let _ = fs::copy(file, target);
        }
    };
    copy(first);
    meanwhile();
    for what in ["run.toml", "labels.json", "insight.bin", "events.seal", "events.jsonl", "heartbeat", "checkpoints"] {
        if what != first {
            copy(what);
        }
    }
    RunDir::open(&to).expect("a run")
}

#[test]
fn a_run_that_is_copied_while_it_trains_ends_in_the_same_weights_or_says_what_is_missing() {
    let place = Place::new();
    let dir = place.run(&config(&place));
    let mut worker = Worker::start(&dir);
    let _ = worker.until_progress();
    let mut copied = |first: &str| {
        copy_slowly(&dir, first, first, || {
            for _ in 0..3 {
                let _ = worker.until_progress();
            }
        })
    };
    let [checkpoints, log] = ["checkpoints", "events.jsonl"].map(&mut copied);
    assert!(worker.end().success());
    finish(&checkpoints);
    assert_same(&dir, &checkpoints, 300);
    // its checkpoints are of steps that its log does not know of
    let _ = Worker::start(&log).end();
    match events(&log).pop() {
        Some(Event::Finished { .. }) => assert!(checkpoint(&log, 300).tensors == checkpoint(&dir, 300).tensors),
        Some(Event::Failed { reason, .. }) => assert!(reason.contains("events.jsonl"), "{reason}"),
        last => panic!("{last:?}"),
    }
}

#[test]
fn a_run_that_is_moved_while_it_trains_ends_with_the_reason_and_goes_on_from_its_new_place() {
    let place = Place::new();
    let whole = place.finished(&config(&place));
    let dir = place.run(&config(&place));
    let mut worker = Worker::start(&dir);
    let _ = worker.until_progress();
    let moved = dir.path().with_file_name("moved");
    fs::rename(dir.path(), &moved).expect("moved");
    let _ = worker.end();
    let moved = RunDir::open(&moved).expect("a run");
    let is_told = |reason: &str| reason.contains("cannot write") && reason.contains("No such file or directory");
    // behind it may stand that requests do not arrive any more
    let events = events(&moved);
    let has_failed = events.iter().any(|it| matches!(it, Event::Failed { reason, .. } if is_told(reason)));
    assert!(has_failed, "{:?}", events.last());
    finish(&moved);
    assert_same(&whole, &moved, 300);
}

#[test]
fn a_worker_whose_run_is_removed_ends() {
    let place = Place::new();
    let mut worker = Worker::start(&place.run(&config(&place)));
    let _ = worker.until_progress();
    fs::rename(worker.dir.path(), place.runs().join("going")).expect("moved"); // at once, whatever is written meanwhile
    fs::remove_dir_all(place.runs().join("going")).expect("removed");
    let _ = worker.end();
}
