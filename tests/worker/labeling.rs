//! Which images are labeled and unlabeled, where classes are uneven and nothing is left.

use fixmatch::config::Pick;
use fixmatch::run::change::{Change, Request};
use fixmatch::run::dir::RunDir;
use fixmatch::run::event::{Event, Started};

use super::support::{Place, Worker, events, failure};

fn started(dir: &RunDir) -> Started {
    events(dir)
        .into_iter()
        .find_map(|event| if let Event::Started(it) = event { Some(it) } else { None })
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
