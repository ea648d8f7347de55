//! Runs that rank the training images, and runs whose labels are picked by a ranking.

use std::process::{Command, Output, Stdio};
use std::thread::sleep;
use std::time::{Duration, Instant};

use fixmatch::config::{Metric, Pick, Rank, RunConfig};
use fixmatch::labels::ranking::{self, Ranking};
use fixmatch::labels::set::LabelSet;
use fixmatch::run::change::Request;
use fixmatch::run::dir::RunDir;
use fixmatch::run::event::Event;
use rustix::process::Signal;

use super::support::{PER_CLASS, Place, Worker, events, failure, finish};

/// Training images of the three classes.
const N: usize = 3 * PER_CLASS as usize;

fn recipe(place: &Place, by: Metric) -> RunConfig {
    let rank = Rank { by, members: 2, epochs: 2, neighbors: 3, clusters: 3 };
    ranking::recipe(&place.config(), rank, N)
}

fn ranked(dir: &RunDir) -> Ranking {
    Ranking::read(&dir.ranking()).expect("a ranking")
}

#[test]
fn every_metric_ranks_all_images() {
    let place = Place::new();
    for by in [
        Metric::Agreement,
        Metric::Confidence,
        Metric::Retraining,
        Metric::Adversarial,
        Metric::Density,
        Metric::Typicality,
    ] {
        let dir = place.finished(&recipe(&place, by));
        let ranking = ranked(&dir);
        assert_eq!((ranking.scores.len(), ranking.order.len()), (N, N), "{by}");
        assert!(ranking.scores.iter().all(|score| score.is_finite() && *score >= 0.0), "{by}: {:?}", ranking.scores);
        assert!(ranking.scores.iter().any(|score| *score != ranking.scores[0]), "{by}: all alike");
        assert_eq!(ranking.order, ranking::order(by, &ranking.scores), "{by}");
        assert_eq!(ranking.clusters.is_some(), by == Metric::Typicality);
        assert_eq!(ranking.neighbors.is_some(), matches!(by, Metric::Density | Metric::Typicality), "{by}");
        assert_eq!(ranking.predictions.is_some(), by.needs_labels() && by != Metric::Adversarial, "{by}");
        if let Some(predictions) = ranking.predictions {
            let sum: f64 = predictions.of(N as u32 - 1).sum();
            assert!((sum - 1.0).abs() < 0.01, "{by}: {sum}");
        }
        let evaluations = events(&dir).iter().filter(|event| matches!(event, Event::Evaluated(_))).count();
        assert_eq!(evaluations > 0, by.needs_labels(), "{by}");
    }
}

#[test]
fn images_of_unknown_class_are_put_in_order_too_by_what_needs_no_labels() {
    let place = Place::new();
    for i in 0..5 {
        place.draw(&format!("unlabeled/{i}.png"), 0, 200 + i);
    }
    for by in [Metric::Density, Metric::Typicality] {
        let recipe = |config: &RunConfig, n| {
            ranking::recipe(config, Rank { by, members: 1, epochs: 2, neighbors: 3, clusters: 3 }, n)
        };
        assert_eq!(ranked(&place.finished(&recipe(&place.config(), N + 5))).order.len(), N + 5, "{by}");
        let mut heap = place.config();
        heap.data.path = Some(place.data().join("unlabeled"));
        assert_eq!(ranked(&place.finished(&recipe(&heap, 5))).order.len(), 5, "{by}");
    }
}

#[test]
fn a_broken_off_ranking_goes_on_as_if_it_had_not_been() {
    let place = Place::new();
    for (by, signal) in [(Metric::Agreement, Signal::INT), (Metric::Retraining, Signal::KILL)] {
        let mut config = recipe(&place, by);
        config.train.window = 7;
        let unbroken = place.finished(&config);
        let dir = place.run(&config);
        let mut worker = Worker::start(&dir);
        let first = config.eval.every;
        while worker.until_progress().step <= first {} // into the second stage
        worker.signal(signal);
        let _ = worker.end();
        let ended = matches!(events(&dir).last(), Some(Event::Finished { .. }));
        if !ended {
            finish(&dir);
        }
        assert_eq!(ranked(&unbroken).scores, ranked(&dir).scores, "{by}");
    }
}

fn by_agreement(place: &Place) -> RunConfig {
    let mut config = place.config();
    config.labels.pick = Pick::MostRepresentative;
    config
}

fn others(dir: &RunDir) -> Vec<RunDir> {
    let runs = RunDir::list(dir.path().parent().expect("a folder")).expect("lists");
    runs.into_iter().filter(|other| other != dir).collect()
}

#[test]
fn labels_are_picked_by_a_ranking_that_another_run_makes_first() {
    let place = Place::new();
    let dir = place.finished(&by_agreement(&place));
    let [ranker] = &others(&dir)[..] else { panic!("one run ranks: {:?}", others(&dir)) };
    assert!(matches!(events(ranker).last(), Some(Event::Finished { .. })));
    let labels: LabelSet = serde_json::from_slice(&std::fs::read(dir.labels()).expect("reads")).expect("labels");
    let order = ranked(ranker).order;
    for class in 0..3 {
        let of_class = |index: &&u32| **index / PER_CLASS == class;
        let mut best: Vec<u32> = order.iter().filter(of_class).take(2).copied().collect();
        best.sort_unstable();
        assert_eq!(labels.indices.iter().filter(of_class).copied().collect::<Vec<_>>(), best, "class {class}");
    }
    // a second run finds the ranking in the cache
    let again = place.finished(&by_agreement(&place));
    assert_eq!(others(&again).len(), 2);
    let ranking = ranker.ranking();
    let mut by_file = by_agreement(&place);
    by_file.labels.ranking = Some(ranking);
    by_file.labels.pick = Pick::LeastRepresentative;
    finish(&place.run(&by_file));
}

#[test]
fn runs_that_begin_at_once_wait_for_the_same_ranking() {
    let place = Place::new();
    let dirs = [0, 1, 2].map(|_| place.run(&by_agreement(&place)));
    for worker in dirs.each_ref().map(Worker::start) {
        assert!(worker.end().success());
    }
    for dir in &dirs {
        let last = events(dir).pop();
        assert!(matches!(last, Some(Event::Finished { .. })), "{last:?}");
    }
    let rankers = others(&dirs[0]).into_iter().filter(|dir| !dirs.contains(dir));
    assert_eq!(rankers.count(), 1, "one run ranks");
}

#[test]
fn a_run_that_waits_for_a_ranking_can_be_stopped_and_resumed() {
    let place = Place::new();
    let config = by_agreement(&place);
    // As if a worker were at it: the lock is what tells.
    let ranker = place.run(&ranking::recipe(&ranking::standard_base(&config), Rank::default(), N));
    let lock = ranker.lock().expect("free");
    let dir = place.run(&config);
    let mut worker = Worker::start(&dir);
    worker.until("warning", |event| matches!(event, Event::Warning { .. }).then_some(()));
    let refusal = worker.ask_in_vain(Request::Evaluate);
    assert!(refusal.contains("it has not begun: it waits for"), "{refusal}");
    let asked = worker.post(Request::Stop);
    let deadline = Instant::now() + Duration::from_mins(1);
    while std::fs::read_dir(ranker.control()).expect("a mailbox").next().is_none() {
        assert!(Instant::now() < deadline, "the other run was not asked to stop");
        sleep(Duration::from_millis(1));
    }
    drop(lock);
    worker.until("answer", |event| match event {
        Event::Applied { id, step: 0, .. } if *id == asked => Some(()),
        _ => None,
    });
    assert!(worker.end().success());
    assert_eq!(events(&dir).pop(), Some(Event::Stopped { step: 0 }));
    finish(&dir);
    assert_eq!(others(&dir), [ranker], "no second run ranks");
}

#[test]
fn a_ranking_of_other_images_is_refused() {
    let place = Place::new();
    let ranker = place.finished(&recipe(&place, Metric::Agreement));
    place.draw("train/red/99.png", 0, 99);
    let mut config = by_agreement(&place);
    config.labels.ranking = Some(ranker.ranking());
    let reason = failure(&place.run(&config));
    assert!(reason.contains("the ranking is of 36 images") && reason.contains("this data set has 37"), "{reason}");
    let mut wrong = recipe(&place, Metric::Agreement);
    wrong.train.steps = 7;
    let reason = failure(&place.run(&wrong));
    assert!(reason.contains("takes 76 steps with an evaluation every 38, not 7 and 36"), "{reason}");
}

#[test]
fn a_command_makes_a_ranking_once_and_says_how_a_preset_asks_for_it() {
    let place = Place::new();
    let rank = |args: &[&str]| {
        let mut command = Command::new(env!("CARGO_BIN_EXE_fixmatch"));
        command.args(["rank", "folder", "--epochs", "1", "--by"]).args(args);
        command.env("FIXMATCH_RUNS", place.runs()).env("FIXMATCH_CACHE", place.cache());
        let Output { status, stdout, stderr } = command.output().expect("fixmatch starts");
        (status.code(), String::from_utf8(stdout).expect("UTF-8"), String::from_utf8(stderr).expect("UTF-8"))
    };
    let (data, file) = (place.data(), place.runs().with_file_name("order.json"));
    let (data, name) = (data.to_str().expect("UTF-8"), file.to_str().expect("UTF-8"));
    let (code, said, noted) = rank(&["confidence", "--members", "2", "--path", data, "-o", name]);
    assert_eq!(code, Some(0), "{noted}");
    assert!(said.contains(&format!("{N} images of folder by confidence: {name}")), "{said}");
    assert!(said.contains(&format!("pick = \"most-representative\", ranking = \"{name}\"")), "{said}");
    let ranking = Ranking::read(&file).expect("a ranking");
    assert_eq!((ranking.rank.members, ranking.order.len()), (2, N));
    let (code, _, noted) = rank(&["confidence", "--members", "2", "--path", data]);
    assert_eq!((code, RunDir::list(&place.runs()).expect("runs").len()), (Some(0), 1), "{noted}");
    assert!(noted.contains("this ranking was made before"), "{noted}");
    for (args, expected, reason) in [
        (&["entropy"][..], 2, "[possible values: agreement, confidence, retraining"),
        (&["confidence", "--path", name], 1, name),
        (&["confidence", "--members", "0", "--path", data], 2, "--members"),
        (&["agreement", "--members", "1", "--path", data], 1, "takes at least 2"),
    ] {
        let (code, _, noted) = rank(args);
        assert!(code == Some(expected) && noted.contains(reason), "{noted}");
    }
}

#[test]
fn commands_that_ask_for_a_ranking_at_once_all_get_the_one_that_one_of_them_makes() {
    let place = Place::new();
    let data = place.data();
    let ask = |_| {
        let mut command = Command::new(env!("CARGO_BIN_EXE_fixmatch"));
        command.args(["rank", "folder", "--epochs", "1", "--members", "2", "--by", "confidence", "--path"]).arg(&data);
        command.env("FIXMATCH_RUNS", place.runs()).env("FIXMATCH_CACHE", place.cache());
        command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().expect("fixmatch starts")
    };
    let asked: Vec<_> = (0..3).map(ask).collect();
    for child in asked {
        let Output { status, stdout, stderr } = child.wait_with_output().expect("ends");
        let (said, noted) = (String::from_utf8_lossy(&stdout), String::from_utf8_lossy(&stderr));
        assert!(status.success() && said.contains("images of folder by confidence: "), "{said}\n{noted}");
    }
    assert_eq!(RunDir::list(&place.runs()).expect("runs").len(), 1);
}
