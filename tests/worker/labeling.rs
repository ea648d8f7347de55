//! Which images are labeled and unlabeled, where classes are uneven and nothing is left, and where a file says it.

use std::fmt::Write as _;
use std::fs;

use fixmatch::config::{Part, Pick};
use fixmatch::labels::recorded;
use fixmatch::plan;
use fixmatch::run::change::{Change, Request};
use fixmatch::run::dir::RunDir;
use fixmatch::run::event::{Event, Started};
use fixmatch::run::fork::Fork;

use super::support::{Place, Worker, assert_same, events, failure, finish};

fn started(dir: &RunDir) -> Started {
    events(dir)
        .into_iter()
        .find_map(|event| if let Event::Started(it) = event { Some(*it) } else { None })
        .expect("started")
}

/// One more image of one class, and a run that labels all.
fn uneven() -> (Place, fixmatch::config::RunConfig) {
    let place = Place::new();
    place.draw("train/red/more.png", 2, 99);
    let mut config = place.config();
    config.labels.pick = Pick::All;
    (place, config)
}

#[test]
fn all_images_of_uneven_classes_are_labeled_beside_those_of_unknown_class() {
    let (place, mut config) = uneven();
    place.draw("unlabeled/0.png", 0, 100);
    config.labels.in_unlabeled = false;
    let Started { labeled_per_class, n_labeled, n_unlabeled, .. } = started(&place.finished(&config));
    assert_eq!((labeled_per_class, n_labeled, n_unlabeled), (vec![12, 12, 13], 37, 1));
}

#[test]
fn labels_alone_train_without_any_unlabeled_image() {
    let (place, mut config) = uneven();
    config.labels.in_unlabeled = false;
    let reason = failure(&place.run(&config));
    assert!(reason.contains("train on the labels alone with train.lambda_u = 0"), "{reason}");
    config.train.lambda_u = 0.0;
    let Started { n_labeled, n_unlabeled, .. } = started(&place.finished(&config));
    assert_eq!((n_labeled, n_unlabeled), (37, 0));

    (config.train.steps, config.train.lr) = (1_000_000, 1e-3); // so long as the test takes, and then not to diverge
    (config.train.window, config.eval.every, config.checkpoint.every) = (50, 50, 1_000_000);
    config.insight.every = 1_000;
    let mut worker = Worker::start(&place.run(&config));
    let _ = worker.until_progress();
    let refusal = "there are no unlabeled images: all are labeled, and labels.in_unlabeled is false";
    assert_eq!(worker.ask_in_vain(Request::Set(Change::LambdaU(1.0))), refusal);
    let _ = worker.post(Request::Stop);
    assert!(worker.end().success());
}

/// All training images in one folder, and a configuration that takes their labels from a file: those of the first `n` of each
/// class.
fn heap(place: &Place, n: usize) -> fixmatch::config::RunConfig {
    let heap = place.data().join("heap");
    fs::create_dir_all(&heap).expect("room on disk");
    let mut lines = "path,label\n".to_owned();
    for class in ["red", "green", "blue"] {
        let mut files: Vec<_> = fs::read_dir(place.data().join("train").join(class)).expect("a folder").collect();
        files.sort_by_key(|entry| entry.as_ref().expect("an entry").path());
        for (i, entry) in files.into_iter().enumerate() {
            let name = format!("{i}-{class}.png");
            fs::copy(entry.expect("an entry").path(), heap.join(&name)).expect("copied");
            if i < n {
                writeln!(lines, "heap/{name},{class}").expect("a string takes all");
            }
        }
    }
    fs::write(place.data().join("labels.csv"), lines).expect("written");
    let mut config = place.config();
    config.data.path = Some(heap);
    config.labels.pick = Pick::File(place.data().join("labels.csv"));
    config
}

#[test]
fn a_heap_trains_on_a_label_file_and_says_how_far_its_networks_agree() {
    let place = Place::new();
    let config = heap(&place, 2);
    let dir = place.finished(&config);
    let Started { classes, labeled_per_class, n_labeled, n_unlabeled, n_test, .. } = started(&dir);
    assert_eq!(classes, ["blue", "green", "red"]);
    assert_eq!((labeled_per_class, n_labeled, n_unlabeled, n_test), (vec![2, 2, 2], 6, 36, 0));
    let compared: Vec<_> = events(&dir)
        .into_iter()
        .filter_map(|event| match event {
            Event::Compared(compared) => Some(compared),
            Event::Evaluated(_) => panic!("there is nothing to evaluate on"),
            _ => None,
        })
        .collect();
    assert!(!compared.is_empty());
    for compared in compared {
        assert!((0.0..=1.0).contains(&compared.agreement) && compared.n == 36, "{compared:?}");
        assert_eq!(compared.predicted.iter().sum::<u64>(), 36);
    }
    // the file says more by now, and a run goes on with the labels that it began with
    let again = place.run(&config);
    let mut worker = Worker::start(&again);
    let _ = worker.until_progress();
    let _ = worker.post(Request::Suspend);
    assert!(worker.end().success());
    let _ = heap(&place, 5);
    finish(&again);
    assert_same(&dir, &again, config.train.steps);
}

#[test]
fn a_fork_takes_what_the_label_file_says_by_now_but_no_other_classes() {
    let place = Place::new();
    let config = heap(&place, 2);
    let parent = place.finished(&config);
    let _ = heap(&place, 4);
    let path = place.data().join("labels.csv");
    let again = format!("labels.pick=file:{}", path.display());
    for (settings, n) in [(&["train.steps=50"][..], 6), (&["train.steps=50", &again], 12)] {
        let settings: Vec<String> = settings.iter().map(|&it| it.to_owned()).collect();
        let fork = Fork::plan(&parent, None, &settings).expect("a checkpoint");
        plan::check_fork(fork.config(), &parent).expect("the same classes");
        let dir = fork.make(&place.runs(), Some("fork")).expect("made");
        finish(&dir);
        assert_eq!(started(&dir).n_labeled, n);
    }
    let lines = fs::read_to_string(&path).expect("read").replace("red", "ruby").replace("-ruby.png", "-red.png");
    fs::write(&path, lines).expect("written");
    let fork = Fork::plan(&parent, None, &["train.steps=50".into(), again]).expect("a checkpoint");
    let error = plan::check_fork(fork.config(), &parent).expect_err("other classes").to_string();
    assert!(error.contains("(blue, green, red there, blue, green, ruby in the labels)"), "{error}");
}

#[test]
fn no_loss_on_unlabeled_images_needs_no_test_images_either() {
    let place = Place::new();
    let mut config = heap(&place, 2);
    (config.train.lambda_u, config.labels.in_unlabeled) = (0.0, false);
    let dir = place.finished(&config);
    assert_eq!((started(&dir).n_unlabeled, started(&dir).n_test), (30, 0));
}

#[test]
fn a_part_of_a_cross_validation_is_tested_on_the_labels_that_it_does_not_know() {
    let place = Place::new();
    let mut config = heap(&place, 3);
    let mut tested = Vec::new();
    for part in Part::all(3) {
        config.labels.crossval = Some(part);
        let dir = place.finished(&config);
        let Started { labeled_per_class, n_unlabeled, n_test, .. } = started(&dir);
        assert_eq!((labeled_per_class, n_unlabeled, n_test), (vec![2, 2, 2], 36, 3));
        let last = events(&dir).into_iter().rev().find_map(|event| match event {
            Event::Evaluated(evaluated) => Some(evaluated),
            _ => None,
        });
        let confusion = last.expect("evaluated").ema.confusion;
        assert!(confusion.iter().all(|of_class| of_class.iter().sum::<u32>() == 1), "{confusion:?}");
        tested.extend(recorded::raw(&dir).expect("labels").held.expect("some").indices);
    }
    tested.sort_unstable();
    config.labels.crossval = None;
    assert_eq!(tested, recorded::raw(&place.finished(&config)).expect("labels").indices);
}
