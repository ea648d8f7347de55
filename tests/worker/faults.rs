//! What a worker says to data, labels, checkpoints and learning rates that are no good.

use std::fs::{self, File};

use fixmatch::config::RunConfig;
use fixmatch::run::change::Request;
use fixmatch::run::checkpoint::{Checkpoint, file_name, list};
use fixmatch::run::dir::RunDir;
use fixmatch::run::event::Event;

use super::support::{PER_CLASS, Place, Worker, assert_same, copy, events, failure, finish, worker_command};

#[test]
fn bad_data_and_labels_fail_with_the_reason() {
    let place = Place::new();
    let empty = tempfile::tempdir().expect("a temporary folder");
    for class in ["train/cats", "train/dogs", "test/cats"] {
        fs::create_dir_all(empty.path().join(class)).expect("made");
    }
    let check = |spoil: &dyn Fn(&mut RunConfig), expected: &str| {
        let mut config = place.config();
        spoil(&mut config);
        let reason = failure(&place.run(&config));
        assert!(reason.contains(expected), "{reason}");
    };
    check(&|config| config.data.path = Some("no/such/folder".into()), "cannot read the folder no/such/folder: ");
    check(
        &|config| config.data.path = Some(empty.path().to_owned()),
        "train/cats holds no images: add some (PNG, JPEG, WebP, BMP, TIFF or GIF) or remove the folder",
    );
    check(
        &|config| config.labels.per_class = PER_CLASS + 1,
        "labels.per_class: cannot label 13 images of every class: class 0 (blue) has only 12",
    );
    check(&|config| config.labels.indices = Some(vec![0, 3 * PER_CLASS]), "labels.indices: ");
}

#[test]
fn images_too_small_for_the_network_fail_with_their_size() {
    let place = Place::new();
    let small = tempfile::tempdir().expect("a temporary folder");
    for file in ["train/cats/1.png", "train/cats/2.png", "train/dogs/1.png", "test/cats/1.png", "test/dogs/1.png"] {
        let path = small.path().join(file);
        fs::create_dir_all(path.parent().expect("a folder")).expect("made");
        image::RgbImage::new(9, 3).save(path).expect("written");
    }
    let mut config = place.config();
    (config.data.path, config.labels.per_class) = (Some(small.path().to_owned()), 1);
    let reason = failure(&place.run(&config));
    let expected = "images of 9×3 pixels are too small for model.name = \"cnn\": at least 4×4 are needed";
    assert!(reason.contains(expected), "{reason}");
}

#[test]
fn a_run_does_not_go_on_with_other_data() {
    let place = Place::new();
    let dir = place.finished(&place.config());
    place.draw("train/red/99.png", 0, 99);
    let reason = failure(&dir);
    assert!(reason.contains("the data set is not the one this run began with"), "{reason}");
    assert!(reason.contains("put the old one back, or start a new run"), "{reason}");
}

#[test]
fn a_run_that_failed_for_want_of_images_takes_them_when_they_come() {
    let place = Place::new();
    let mut config = place.config();
    config.labels.per_class = PER_CLASS + 1;
    let dir = place.run(&config);
    let reason = failure(&dir);
    assert!(reason.contains("cannot label 13 images of every class"), "{reason}");
    for (class, name) in ["blue", "green", "red"].into_iter().enumerate() {
        place.draw(&format!("train/{name}/99.png"), class, 99);
    }
    finish(&dir);
}

fn cut(dir: &RunDir, step: u64) {
    let path = dir.checkpoints().join(file_name(step));
    let length = path.metadata().expect("exists").len();
    File::options().write(true).open(path).expect("opens").set_len(length / 2).expect("cut");
}

#[test]
fn a_run_whose_checkpoints_are_gone_starts_again_and_says_so() {
    let place = Place::new();
    let dir = place.run(&place.endless_config());
    let mut worker = Worker::start(&dir);
    let _ = worker.until_progress();
    let step = worker.ask(Request::Stop);
    let _ = worker.end();
    fs::remove_dir_all(dir.checkpoints()).expect("removed");
    let mut worker = Worker::start(&dir);
    let warning = worker.until("a warning", |event| match event {
        Event::Warning { message, .. } => Some(message.clone()),
        _ => None,
    });
    assert!(warning.contains(&format!("one was saved at step {step}: the run starts again from step 0")), "{warning}");
    worker.until("the resumption", |event| (*event == Event::Resumed { step: 0 }).then_some(()));
}

#[test]
fn a_torn_checkpoint_is_passed_over_for_an_older_one() {
    let place = Place::new();
    let mut config = place.config();
    config.checkpoint.keep = 1;
    config.eval.every = 30;
    let unbroken = place.finished(&config);
    let dir = copy(&unbroken, "torn");
    cut(&dir, 40);
    finish(&dir);
    let events = events(&dir);
    assert!(events.contains(&Event::Resumed { step: 30 }), "{events:?}");
    let warned = events.iter().any(|event| {
        matches!(event, Event::Warning { message, .. }
            if message.starts_with("passed over a checkpoint: ") && message.contains("00000040.safetensors"))
    });
    assert!(warned, "{events:?}");
    assert!(dir.checkpoints().join("00000040.broken").exists());
    assert_same(&unbroken, &dir, 40);
}

#[test]
fn a_run_whose_checkpoints_are_all_torn_fails_rather_than_start_over() {
    let place = Place::new();
    let dir = place.finished(&place.config());
    for (step, _) in list(&dir.checkpoints()).expect("lists") {
        cut(&dir, step);
    }
    let reason = failure(&dir);
    assert!(reason.contains("none of the 3 checkpoints is intact: "), "{reason}");
}

#[test]
fn a_diverged_run_says_what_to_try_and_saves_no_broken_weights() {
    let place = Place::new();
    for (steps, every) in [(40, 1), (40, 40), (3, 3)] {
        let mut config = place.config();
        (config.train.lr, config.train.steps) = (100.0, steps);
        (config.checkpoint.every, config.checkpoint.keep) = (every, 40);
        let dir = place.run(&config);
        let reason = failure(&dir);
        for part in ["step ", "learning rate of ", "--set train.lr=10)"] {
            assert!(reason.contains(part), "no {part:?} in {reason}");
        }
        for (_, path) in list(&dir.checkpoints()).expect("lists") {
            for (name, array) in Checkpoint::read(&path).expect("intact").tensors {
                assert!(array.values.iter().all(|x| x.is_finite()), "{name} in {}", path.display());
            }
        }
        assert!(!fs::read_to_string(dir.events()).expect("reads").contains(r#""loss":null"#));
    }
}

#[test]
fn what_ends_a_worker_before_its_log_is_open_is_one_line() {
    let place = Place::new();
    let dir = place.run(&place.config());
    fs::create_dir(dir.events()).expect("made");
    let output = worker_command(&dir).env("RUST_BACKTRACE", "1").output().expect("it starts");
    let text = String::from_utf8_lossy(&output.stderr).into_owned();
    let last = text.lines().last().unwrap_or_default();
    assert!(last.starts_with("error: cannot read ") && last.ends_with("it is a folder, not a file"), "{text}");
    let told = String::from_utf8_lossy(&output.stdout).into_owned();
    assert_eq!(format!("error: {told}"), last, "the launcher hears the same");
}
