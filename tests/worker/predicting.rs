//! What `fixmatch predict` says is what the run's own evaluation says of the same images.

use std::fs;
use std::process::{Command, Output};

use fixmatch::classifier::{At, Classifier};
use fixmatch::config::Normalize;
use fixmatch::run::checkpoint::Which;
use fixmatch::run::dir::RunDir;
use fixmatch::run::event::Event;
use serde_json::Value;

use super::older::old_run;
use super::support::{PER_CLASS, Place, SIDE, events};

const CLASSES: [&str; 3] = ["blue", "green", "red"];

/// A command's output; it must end with this code.
#[track_caller]
fn fixmatch(place: &Place, code: i32, args: &[&str]) -> (String, String) {
    let mut command = Command::new(env!("CARGO_BIN_EXE_fixmatch"));
    command.args(args).env("FIXMATCH_RUNS", place.runs()).env("FIXMATCH_CACHE", place.cache()).env("TERM", "dumb");
    let Output { status, stdout, stderr } = command.output().expect("starts");
    let (out, err) = (String::from_utf8(stdout).expect("UTF-8"), String::from_utf8(stderr).expect("UTF-8"));
    assert_eq!(status.code(), Some(code), "{args:?}: {err}");
    (out, err)
}

fn lines(json: &str) -> Vec<Value> {
    json.lines().map(|line| serde_json::from_str(line).expect("JSON")).collect()
}

/// The share of test images that a run's last evaluation told right.
fn accuracy(dir: &RunDir, which: Which) -> f64 {
    let evaluated = events(dir).into_iter().rev().find_map(|event| match event {
        Event::Evaluated(evaluated) => Some(evaluated),
        _ => None,
    });
    let evaluated = evaluated.expect("evaluated");
    if which == Which::Ema { evaluated.ema.accuracy } else { evaluated.raw.accuracy }
}

/// The same of predictions of the test folder.
fn share_right(rows: &[Value]) -> f64 {
    let is_right = |row: &&Value| {
        let (path, name) = (row["path"].as_str().expect("a path"), row["class_name"].as_str().expect("a name"));
        path.contains(&format!("/{name}/"))
    };
    rows.iter().filter(is_right).count() as f64 / rows.len() as f64
}

#[test]
fn a_run_and_its_exported_file_predict_what_the_evaluation_found() {
    let place = Place::new();
    let test = place.data().join("test");
    let test = test.to_str().expect("UTF-8");
    let mut mean_std = place.config();
    mean_std.data.normalize = Normalize::MeanStd;
    for config in [place.wrn_config(), mean_std] {
        let dir = place.finished(&config);
        let run = dir.path().to_str().expect("UTF-8");
        for (which, flag) in [(Which::Ema, "--ema"), (Which::Raw, "--raw")] {
            let (out, _) = fixmatch(&place, 0, &["predict", run, test, "--jsonl", "--top", "3", flag]);
            let rows = lines(&out);
            assert_eq!(rows.len(), PER_CLASS as usize / 2 * 3);
            assert!((share_right(&rows) - accuracy(&dir, which)).abs() < 1e-9, "{flag}: {out}");
            for row in &rows {
                let top = row["top"].as_array().expect("three classes");
                let shares: Vec<f64> =
                    top.iter().map(|guess| guess["confidence"].as_f64().expect("a number")).collect();
                assert!((shares.iter().sum::<f64>() - 1.0).abs() < 1e-5 && shares.is_sorted_by(|a, b| a >= b), "{row}");
                assert_eq!(row["class_name"], CLASSES[row["class"].as_u64().expect("a class") as usize]);
                assert_eq!((&row["class"], &row["confidence"]), (&top[0]["class"], &top[0]["confidence"]));
            }
            let file = dir.path().join(format!("{}.safetensors", &flag[2..]));
            let file = file.to_str().expect("UTF-8");
            let export = ["export", run, "--weights", file];
            let _ = fixmatch(&place, 0, &[&export[..], if which == Which::Ema { &[] } else { &["--raw"] }].concat());
            let (of_file, _) = fixmatch(&place, 0, &["predict", file, test, "--jsonl", "--top", "3"]);
            assert_eq!(of_file, out);
        }
    }
}

#[test]
fn unlabeled_images_of_a_run_get_pseudo_labels_with_their_files() {
    let place = Place::new();
    place.draw("unlabeled/0.png", 0, 100);
    let dir = place.finished(&place.config());
    let (out, _) = fixmatch(&place, 0, &["predict", dir.path().to_str().expect("UTF-8"), "--unlabeled", "--jsonl"]);
    let rows = lines(&out);
    let n_train = PER_CLASS as usize * 3;
    assert_eq!(rows.len(), n_train + 1 - 6, "all but two labeled images of each class");
    let last = rows.last().expect("rows");
    assert_eq!(last["index"], n_train);
    assert!(last["path"].as_str().expect("a path").ends_with("unlabeled/0.png"), "{last}");
    // the same as of the file by itself, but for the last bit: on some processors, sums depend on how many images there are
    let (one, _) = fixmatch(
        &place,
        0,
        &["predict", dir.path().to_str().expect("UTF-8"), last["path"].as_str().expect("a path"), "--jsonl"],
    );
    let [by_itself, among_others] = [&lines(&one)[0], last].map(|row| row["confidence"].as_f64().expect("a number"));
    assert!((by_itself - among_others).abs() < 1e-5, "{by_itself} {among_others}");
}

#[test]
fn images_of_other_kinds_are_made_to_fit_and_damaged_ones_are_passed_over() {
    let place = Place::new();
    let dir = place.finished(&place.config());
    let run = dir.path().to_str().expect("UTF-8");
    let photos = place.data().join("photos");
    fs::create_dir(&photos).expect("made");
    image::GrayImage::from_pixel(SIDE, SIDE, image::Luma([90])).save(photos.join("gray.png")).expect("written");
    image::RgbImage::from_pixel(SIDE, SIDE, image::Rgb([90; 3])).save(photos.join("rgb.png")).expect("written");
    image::RgbImage::from_pixel(40, 30, image::Rgb([90; 3])).save(photos.join("wide.png")).expect("written");
    let whole = fs::read(photos.join("wide.png")).expect("there");
    fs::write(photos.join("cut.png"), &whole[..whole.len() / 2]).expect("written");
    let (out, err) = fixmatch(&place, 4, &["predict", run, photos.to_str().expect("UTF-8"), "--jsonl"]);
    let rows = lines(&out);
    assert_eq!(rows.len(), 3);
    assert!(rows.iter().all(|row| row["confidence"] == rows[0]["confidence"]), "one gray: {out}");
    assert!(err.contains("cut.png is cut short"), "{err}");
    assert!(err.contains("1 image had another size") && err.contains("12×12"), "{err}");
}

#[test]
fn weights_of_another_network_are_refused_with_the_tensor_that_does_not_fit() {
    let place = Place::new();
    let dir = place.finished(&place.config());
    let (classifier, _) = Classifier::of_run(&dir, At::Newest, Which::Ema).expect("a classifier");
    let predict = |change: &dyn Fn(&mut Classifier)| {
        let mut other = classifier.clone();
        change(&mut other);
        let file = dir.path().join("other.safetensors");
        fs::write(&file, other.to_bytes().expect("fits")).expect("written");
        fixmatch(&place, 1, &["predict", file.to_str().expect("UTF-8"), place.data().to_str().expect("UTF-8")]).1
    };
    let err = predict(&|other| drop(other.weights.remove("conv2.weight")));
    assert!(err.contains("the weights are not those of cnn: there is no tensor conv2.weight"), "{err}");
    let err = predict(&|other| other.input.preprocess.width = 40);
    assert!(err.contains("fc1.weight is [64, 576], and the network has [64, 1920]"), "{err}");
    let err = predict(&|other| other.weights.get_mut("fc2.bias").expect("there").values.fill(f32::NAN));
    assert!(err.contains("the network's answers are no numbers"), "{err}");
}

#[test]
fn a_run_of_an_older_version_predicts_where_its_images_are() {
    let place = Place::new();
    let dir = old_run(&place.runs());
    assert!(dir.read_run().expect("reads").environment.is_some_and(|environment| environment.input.is_none()));
    let (out, _) = fixmatch(&place, 0, &["predict", "old", place.data().to_str().expect("UTF-8"), "--csv"]);
    let n_images = PER_CLASS as usize * 3 / 2 * 3;
    assert_eq!(out.lines().count(), 1 + n_images);
}
