//! A run is the same bit for bit however often it was broken off, and however many threads make its batches.

use std::fs;

use fixmatch::config::RunConfig;
use fixmatch::run::change::{Change, Request};
use fixmatch::run::checkpoint;
use fixmatch::run::dir::RunDir;
use fixmatch::run::event::{Event, Progress};
use fixmatch::run::log::EventLog;
use rustix::process::Signal;

use super::support::{Place, Worker, assert_same, copy, events, finish};

/// A run that was broken off by a signal after its second window, at a moment that `is_right` for the test.
///
/// A worker may be faster than the test: then another one is broken off.
fn broken_off(place: &Place, config: &RunConfig, signal: Signal, is_right: fn(&Event) -> bool) -> RunDir {
    for _ in 0..20 {
        let dir = place.run(config);
        let mut worker = Worker::start(&dir);
        assert_eq!((worker.until_progress().step, worker.until_progress().step), (7, 14));
        worker.signal(signal);
        let _ = worker.end();
        if is_right(events(&dir).last().expect("a log")) {
            return dir;
        }
    }
    panic!("no worker was broken off at the right moment");
}

/// Runs whose pseudo-labels are judged by what was seen before, with every kind of memory.
fn policies(place: &Place) -> [RunConfig; 3] {
    [
        "policy = \"flexmatch\"\nalign = \"remixmatch\"",
        "policy = \"freematch\"",
        "policy = \"softmatch\"\nalign = \"uniform\"",
    ]
    .map(|rule| RunConfig { pseudo_label: toml::from_str(rule).expect(rule), ..place.config() })
}

#[test]
fn a_stopped_run_goes_on_as_if_it_had_not_stopped() {
    let place = Place::new();
    let inside_a_window = |last: &Event| matches!(last, Event::Stopped { step } if *step < 40 && step % 7 != 0);
    for config in [place.config(), place.wrn_config(), place.learning_config()].into_iter().chain(policies(&place)) {
        let unbroken = place.finished(&config);
        let dir = broken_off(&place, &config, Signal::INT, inside_a_window);
        finish(&dir);
        assert_same(&unbroken, &dir, 40);
    }
}

#[test]
fn a_killed_run_goes_on_from_its_last_checkpoint_as_if_it_had_not_died() {
    let place = Place::new();
    let unfinished = |last: &Event| !matches!(last, Event::Finished { .. });
    for config in [place.config(), place.wrn_config(), place.learning_config()].into_iter().chain(policies(&place)) {
        let unbroken = place.finished(&config);
        let dir = broken_off(&place, &config, Signal::KILL, unfinished);
        finish(&dir);
        let resumed = events(&dir).into_iter().find_map(|event| match event {
            Event::Resumed { step } => Some(step),
            _ => None,
        });
        assert!(resumed.is_some_and(|step| step >= 10 && step % 10 == 0), "{resumed:?}");
        assert_same(&unbroken, &dir, 40);
    }
}

#[test]
fn a_run_that_died_before_its_first_checkpoint_starts_over() {
    let place = Place::new();
    let mut config = place.config();
    let unbroken = place.finished(&config);
    config.checkpoint.every = 40;
    config.eval.every = 40;
    let dir = broken_off(&place, &config, Signal::KILL, |last| matches!(last, Event::Progress(_)));
    let late = place.finished(&config);
    finish(&dir);
    assert!(events(&dir).contains(&Event::Resumed { step: 0 }));
    assert_same(&late, &dir, 40);
    let last = |dir: &RunDir| super::support::checkpoint(dir, 40).tensors;
    assert!(last(&unbroken) == last(&late), "saving and evaluating must not change a run");
}

/// What a crash leaves of a run: the log up to the first point after `step` and half a line, and the checkpoints up
/// to `saved`.
fn crashed(unbroken: &RunDir, name: &str, step: u64, saved: u64) -> RunDir {
    let dir = copy(unbroken, name);
    let log = fs::read_to_string(dir.events()).expect("reads");
    let lines: Vec<&str> = log.split_inclusive('\n').collect();
    let is_later = |event: &Event| matches!(event, Event::Progress(progress) if progress.step > step);
    let last = events(&dir).iter().position(is_later).expect("a point after it");
    let torn = &lines[last + 1][..lines[last + 1].len() / 2];
    fs::write(dir.events(), lines[..=last].concat() + torn).expect("written");
    fs::remove_file(dir.events_seal()).expect("it is of the whole log");
    for (step, path) in checkpoint::list(&dir.checkpoints()).expect("lists") {
        if step > saved {
            fs::remove_file(path).expect("removed");
        }
    }
    dir
}

#[test]
fn values_that_were_set_are_set_again_at_their_steps() {
    let place = Place::new();
    let mut config = place.config();
    config.train.steps = 1_000_000;
    config.checkpoint.every = 5;
    config.checkpoint.keep = 1000;
    let unbroken = place.run(&config);
    let mut worker = Worker::start(&unbroken);
    let _ = worker.until_progress();
    let step = worker.ask(Request::Pause);
    let steps = step + 20;
    for change in [Change::Threshold(0.9), Change::LambdaU(0.0), Change::LrFactor(0.5), Change::Steps(steps)] {
        assert_eq!(worker.ask(Request::Set(change)), step);
    }
    let _ = worker.post(Request::Continue);
    assert!(worker.end().success());

    let before = (step - 1) / 5 * 5;
    for (name, saved) in [("from-before", before), ("from-after", before + 5), ("from-nothing", 0)] {
        let dir = crashed(&unbroken, name, step, saved);
        finish(&dir);
        assert!(events(&dir).contains(&Event::Resumed { step: saved }));
        assert_same(&unbroken, &dir, steps);
    }
    let rows = events(&unbroken);
    let ratios = rows.iter().filter_map(|event| match event {
        Event::Progress(Progress { step, mask_ratio, .. }) => Some((*step, *mask_ratio)),
        _ => None,
    });
    for (at, ratio) in ratios {
        assert_eq!(ratio.is_none(), at >= step + 7, "λ_u became 0 at step {step}, and at {at} the ratio is {ratio:?}");
    }
}

#[test]
fn steps_that_were_added_after_the_last_one_are_taken_again() {
    let place = Place::new();
    let dir = place.finished(&place.config());
    let mut log = EventLog::open(&dir.events()).expect("opens");
    let added =
        Event::Applied { id: "1".into(), step: 40, change: Some(Change::Steps(50)), undoes: None, cancels: Vec::new() };
    log.append(added).expect("appended");
    for (_, path) in checkpoint::list(&dir.checkpoints()).expect("lists") {
        fs::remove_file(path).expect("removed");
    }
    finish(&dir);
    assert_eq!(events(&dir).pop(), Some(Event::Finished { step: 50 }));
}

#[test]
fn the_number_of_loaders_changes_nothing() {
    let place = Place::new();
    for config in [place.config(), place.learning_config()] {
        let with = |loaders| {
            let mut config = config.clone();
            config.machine.loaders = loaders;
            place.finished(&config)
        };
        let one = with(1);
        for n in [2, 3] {
            assert_same(&one, &with(n), 40);
        }
    }
}

#[test]
fn ctaugment_learns_rates_and_puts_them_into_the_log() {
    let place = Place::new();
    let dir = place.finished(&place.learning_config());
    let rates: Vec<Vec<u16>> = events(&dir)
        .into_iter()
        .filter_map(|event| match event {
            Event::Evaluated(evaluated) => evaluated.rates,
            _ => None,
        })
        .collect();
    assert_eq!(rates.iter().map(Vec::len).collect::<Vec<_>>(), [286, 286]);
    let n_moved = |rates: &[u16]| rates.iter().filter(|&&rate| rate < 1000).count();
    // two probes a step of two operations each: 80 updates of up to two bins after 20 steps, as many again after 40
    assert!(n_moved(&rates[0]) > 20 && n_moved(&rates[1]) > n_moved(&rates[0]), "{rates:?}");
    let saved = &super::support::checkpoint(&dir, 40).tensors["ctaugment.rates"];
    assert_eq!(saved.shape, [4, 286]);
    let last: Vec<u16> = saved.values[3 * 286..].iter().map(|rate| (rate * 1000.0).round() as u16).collect();
    assert_eq!(last, rates[1]);
}

#[test]
fn unlabeled_images_can_be_put_out_and_back_in_while_rates_are_learned() {
    let place = Place::new();
    let mut config = place.learning_config();
    (config.train.steps, config.train.lr) = (1_000_000, 1e-3); // so long as the test takes, and then not to diverge
    let mut worker = Worker::start(&place.run(&config));
    let _ = worker.until_progress();
    let _ = worker.ask(Request::Set(Change::LambdaU(0.0)));
    let step = worker.until_progress().step;
    let again = worker.ask(Request::Set(Change::LambdaU(1.0)));
    assert!(again >= step);
    while worker.until_progress().step < again + 50 {}
}

#[test]
fn without_lambda_u_no_unlabeled_image_is_drawn() {
    let place = Place::new();
    let mut config = place.config();
    config.train.lambda_u = 0.0;
    let dir = place.finished(&config);
    for event in events(&dir) {
        if let Event::Progress(progress) = event {
            assert_eq!((progress.mask_ratio, progress.pseudo_label_accuracy), (None, None));
            assert_eq!((progress.loss, progress.loss_unsupervised), (progress.loss_supervised, 0.0));
        }
    }
}
