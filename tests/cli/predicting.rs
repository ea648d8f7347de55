//! `fixmatch predict` with a worker that is a script: which images are asked about, and what becomes of the answers.

use std::collections::BTreeMap;
use std::ffi::OsStr;
use std::fs;
use std::io::Write as _;
use std::os::unix::ffi::OsStrExt as _;
use std::os::unix::fs::{PermissionsExt as _, symlink};
use std::path::{Path, PathBuf};
use std::process::Stdio;

use fixmatch::classifier::{Classifier, Input, Provenance};
use fixmatch::config::{Color, Data, Fit, Model, ModelName, Rank};
use fixmatch::data;
use fixmatch::data::preprocess::Preprocess;
use fixmatch::labels::set::{LabelSet, Picked};
use fixmatch::run::checkpoint::{Array, Checkpoint, State, Which, file_name};

use super::{Place, Said, end_of};

const CLASSES: [&str; 3] = ["cat", "a/b", ".."];

/// A classifier as the command reads it; only a worker would look at its weights.
fn classifier() -> Classifier {
    let bias = Array { shape: vec![CLASSES.len()], values: vec![0.0; CLASSES.len()] };
    Classifier {
        network: Model { name: ModelName::Cnn, ..Model::default() },
        input: Input {
            preprocess: Preprocess { width: 8, height: 8, channels: 3, mean: vec![127.5; 3], std: vec![127.5; 3] },
            is_stretched: true,
            fit: Fit::Stretch,
            background: Color::default(),
        },
        classes: CLASSES.map(Into::into).to_vec(),
        provenance: Provenance {
            run: "elder".into(),
            step: 20,
            weights: Which::Ema,
            dataset: "folder".into(),
            data_digest: None,
            version: "0".into(),
        },
        weights: BTreeMap::from([("fc2.bias".to_owned(), bias)]),
    }
}

/// Told as one class with this confidence, and as the next one with the rest.
pub fn told(class: usize, confidence: f32) -> String {
    let next = (class + 1) % CLASSES.len();
    let rest = 1.0 - confidence;
    format!(r#"{{"told":{{"top":[[{class},{confidence}],[{next},{rest}]],"is_stretched":false,"is_grayed":false}}}}"#)
}

impl Place {
    fn at(&self, name: impl AsRef<Path>) -> PathBuf {
        self.folder.path().join(name)
    }

    fn write(&self, name: impl AsRef<Path>, content: impl AsRef<[u8]>) -> PathBuf {
        let path = self.at(name);
        fs::create_dir_all(path.parent().expect("a folder")).expect("made");
        fs::write(&path, content).expect("written");
        path
    }

    /// A file of a classifier, and a worker that keeps what it is asked and gives these answers.
    pub fn prepare_to_predict(&self, answers: &[String]) {
        self.write("classifier.safetensors", classifier().to_bytes().expect("fits"));
        self.write("answers", answers.join("\n") + "\n");
        self.worker("cat > asked; cat answers");
    }

    fn worker(&self, script: &str) {
        let path = self.write("worker", format!("#!/bin/sh\n{script}\n"));
        fs::set_permissions(path, fs::Permissions::from_mode(0o755)).expect("set");
    }

    /// A run with all images but one labeled, and a worker that tells one image.
    pub fn run_with_one_unlabeled_image(&self) {
        self.prepare_to_predict(&[told(0, 0.75)]);
        let dir = self.run("few-left", &[]);
        let dataset = data::load(&Data::named("fashion-mini"), self.folder.path()).expect("in the program");
        let labels = LabelSet::new((1..dataset.train.n() as u32).collect(), Picked::Listed);
        fs::write(dir.labels(), serde_json::to_vec(&labels).expect("JSON")).expect("written");
        let bias = Array { shape: vec![dataset.classes.len()], values: vec![0.0; dataset.classes.len()] };
        let tensors = BTreeMap::from([("model.fc2.bias".to_owned(), bias)]);
        let checkpoint = Checkpoint { state: State { step: 20, ..State::default() }, tensors, seals: None };
        checkpoint.write(&dir.checkpoints().join(file_name(20))).expect("written");
    }

    /// `fixmatch predict` with these words behind it, and the worker of the test.
    pub fn predict(&self, args: &[&str]) -> Said {
        let args = [&["predict"], args].concat();
        end_of(self.command(&args).env("FIXMATCH_WORKER", self.at("worker")).spawn().expect("starts"))
    }

    /// The same with the file of the classifier.
    fn predict_by_file(&self, args: &[&str]) -> Said {
        self.predict(&[&["classifier.safetensors"], args].concat())
    }

    /// Whether the worker was asked about a file.
    fn was_asked(&self, path: &str) -> bool {
        let asked = fs::read(self.at("asked")).expect("what was asked");
        asked.windows(path.len()).any(|part| part == path.as_bytes())
    }
}

const PNG: &[u8] = b"\x89PNG\r\n\x1a\n";

#[test]
fn images_of_files_folders_and_lists_are_told_and_damaged_ones_are_passed_over() {
    let place = Place::new();
    let answers =
        [told(0, 0.75), r#"{"passed_over":"is cut short: its end is missing"}"#.into(), told(1, 0.5), told(0, 0.9)];
    place.prepare_to_predict(&answers);
    for name in ["one.png", "photos/b.png", "photos/deep/c.png", "lists/more/listed.png"] {
        place.write(name, PNG);
    }
    place.write("photos/notes.md", "no image");
    place.write("photos/.hidden.png", PNG);
    place.write("lists/list.txt", "more/listed.png\r\n\n"); // from its own folder on
    let said = place.predict_by_file(&["one.png", "photos", "lists/list.txt"]);
    said.check(
        4,
        &["75.0 %  cat  one.png", "50.0 %  a/b  photos/deep/c.png", "90.0 %  cat  lists/more/listed.png"],
        &[
            "passed over: photos/b.png is cut short: its end is missing",
            "left out: photos holds 1 file that is not an image: notes.md",
            "3 images predicted with the averaged weights of elder after 20 steps",
            "1 passed over",
        ],
    );
    assert!(!place.was_asked("hidden") && !place.was_asked("notes"));
}

#[test]
fn names_may_hold_line_ends_and_quotes_and_csv_gives_them_back() {
    let place = Place::new();
    place.prepare_to_predict(&[told(0, 0.75), told(2, 0.5)]);
    let names = ["a\n\"b\",c.png", "d.png"];
    for name in names {
        place.write(name, PNG);
    }
    let args = ["predict", "classifier.safetensors", "-", "--csv", "--top", "2"];
    let mut command = place.command(&args);
    let mut child = command.env("FIXMATCH_WORKER", place.at("worker")).stdin(Stdio::piped()).spawn().expect("starts");
    let list: Vec<u8> = names.iter().flat_map(|name| [name.as_bytes(), b"\0"].concat()).collect();
    child.stdin.take().expect("a pipe").write_all(&list).expect("written");
    let said = end_of(child);
    said.check(0, &[], &[]);
    let mut reader = csv::Reader::from_reader(said.out.as_bytes());
    let head: Vec<_> = reader.headers().expect("a head").iter().map(str::to_owned).collect();
    assert_eq!(head, ["path", "label", "confidence", "label_2", "confidence_2"]);
    let rows: Vec<Vec<String>> = reader.deserialize().collect::<Result<_, _>>().expect("CSV");
    assert_eq!(rows, [[names[0], "cat", "0.75", "a/b", "0.25"], [names[1], "..", "0.5", "cat", "0.5"]]);
}

#[test]
fn what_the_network_is_less_sure_of_is_left_out() {
    let place = Place::new();
    place.prepare_to_predict(&[told(0, 0.75), told(1, 0.5), told(0, 0.95)]);
    for name in ["1.png", "2.png", "3.png"] {
        place.write(name, PNG);
    }
    let said = place.predict_by_file(&["1.png", "2.png", "3.png", "--min-confidence", "0.75", "--csv"]);
    said.check(0, &["1.png,cat,0.75", "3.png,cat,0.95"], &["1 image left out: confidence below 75.0 %"]);
    assert!(!said.out.contains("2.png"), "{said:?}");
    for wrong in ["1.5", "-0.1", "nan", "much"] {
        let option = format!("--min-confidence={wrong}");
        place.predict_by_file(&["1.png", &option]).check(2, &[], &["must be in [0, 1]"]);
    }
}

#[test]
fn a_file_is_written_whole_or_not_at_all_and_never_over_another_one_unasked() {
    let place = Place::new();
    place.prepare_to_predict(&[told(0, 0.75)]);
    place.write("1.png", PNG);
    place.predict_by_file(&["1.png", "-o", "out.csv"]).check(0, &[], &["out.csv is written"]);
    let written = fs::read_to_string(place.at("out.csv")).expect("there");
    assert_eq!(written, "path,label,confidence\n1.png,cat,0.75\n");
    place.predict_by_file(&["1.png", "-o", "out.csv"]).check(1, &[], &["out.csv exists; --force overwrites it"]);
    place.predict_by_file(&["1.png", "-o", "out.csv", "--force"]).check(0, &[], &[]);
    place.predict_by_file(&["1.png", "-o", "out.bin"]).check(1, &[], &["--output needs --csv or --jsonl"]);
    place.worker("cat > /dev/null; cat answers; echo 'error: the weights are not those of cnn' >&2; exit 1");
    place.write("2.png", PNG);
    let said = place.predict_by_file(&["1.png", "2.png", "-o", "none.jsonl"]);
    said.check(1, &[], &["the worker ended (exit status: 1) after 1 of 2 images: the weights are not those of cnn"]);
    assert!(!place.at("none.jsonl").exists());
}

#[test]
fn images_are_sorted_into_folders_and_nothing_that_is_there_is_touched() {
    let place = Place::new();
    place.prepare_to_predict(&[told(0, 0.75), told(0, 0.75), told(1, 0.9), told(2, 0.9)]);
    for (name, content) in [("x/1.png", "one"), ("y/1.png", "other"), ("2.png", "two"), ("3.png", "three")] {
        place.write(name, content);
    }
    let mine = place.write("sorted/a_b/2.png", "mine");
    let paths = ["x/1.png", "y/1.png", "2.png", "3.png"];
    let sort = |flags: &[&str]| place.predict_by_file(&[&paths[..], &["--sort-into", "sorted"], flags].concat());
    sort(&[]).check(
        0,
        &[],
        &[
            "4 copies in sorted: cat 2",
            "2 images of a name that was taken",
            "class a/b is in the folder a_b",
            "class .. is in the folder _.",
        ],
    );
    let content = |name: &str| {
        fs::read_to_string(place.at("sorted").join(name)).unwrap_or_else(|error| panic!("{name}: {error}"))
    };
    assert_eq!([content("cat/1.png"), content("cat/1-2.png"), content("_./3.png")], ["one", "other", "three"]);
    assert_eq!(content("a_b/2-2.png"), "two");
    assert_eq!(fs::read_to_string(&mine).expect("there"), "mine");
    sort(&[]).check(0, &[], &["0 copies in sorted: nothing new", "4 images there already"]);

    let sort_links = || place.predict_by_file(&[&paths[..], &["--sort-into", "links", "--link"]].concat());
    sort_links().check(0, &[], &["4 links in links"]);
    let link = fs::read_link(place.at("links/cat/1.png")).expect("a link");
    assert_eq!(link, place.at("x/1.png"));
    sort_links().check(0, &[], &["4 images there already"]);
    place.predict_by_file(&["2.png", "--link"]).check(2, &[], &["--sort-into"]);
    place.predict_by_file(&["2.png", "--sort-into", "3.png"]).check(1, &[], &["3.png is no folder"]);
}

#[test]
fn ten_thousand_paths_are_asked_about() {
    let place = Place::new();
    let n = 10_000;
    place.prepare_to_predict(&vec![told(1, 0.9); n]);
    place.write("list.txt", (0..n).map(|i| format!("folder/{i}.png")).collect::<Vec<_>>().join("\n"));
    place.predict_by_file(&["list.txt", "-o", "out.csv"]).check(0, &[], &["10,000 images predicted"]);
    let lines = fs::read_to_string(place.at("out.csv")).expect("there");
    assert!(lines.ends_with("\nfolder/9999.png,a/b,0.9\n"));
    assert_eq!(lines.lines().count(), n + 1);
    assert!(place.was_asked("folder/9999.png"));
}

#[test]
fn what_is_no_image_and_no_classifier_is_said_before_any_work() {
    let place = Place::new();
    place.prepare_to_predict(&[]);
    place.worker("touch started");
    fs::create_dir(place.at("empty")).expect("made");
    symlink("nothing", place.at("dead.png")).expect("linked");
    place.write("1.png", PNG);
    place.write("empty.txt", "\n\n");
    let latin = OsStr::from_bytes(b"caf\xe9.png");
    place.write(latin, PNG);
    place.predict_by_file(&["none.png"]).check(1, &[], &["there is no none.png"]);
    place.predict_by_file(&["empty"]).check(1, &[], &["there are no images to predict"]);
    place.predict_by_file(&["empty.txt"]).check(1, &[], &["there are no images to predict"]);
    place.predict_by_file(&[]).check(2, &[], &["PATH"]);
    place.predict_by_file(&["1.png", "--ema", "--raw"]).check(2, &[], &["cannot be used with"]);
    place.predict_by_file(&["1.png", "--raw"]).check(
        1,
        &[],
        &["holds the averaged weights, not the weights as trained"],
    );
    place.predict_by_file(&["1.png", "--best"]).check(1, &[], &["--step and --best are for runs"]);
    place.predict_by_file(&["--unlabeled"]).check(1, &[], &["--unlabeled is for runs"]);
    place.predict_by_file(&["1.png", "--device", "tpu"]).check(2, &[], &["\"auto\", \"cpu\" or \"cuda:N\""]);

    let file = |name: &str| place.fixmatch(&["predict", name, "1.png"]);
    file("gone.safetensors").check(1, &[], &["cannot read gone.safetensors"]);
    place.write("torn.safetensors", "torn");
    file("torn.safetensors").check(1, &[], &["torn.safetensors is no classifier: it is no safetensors file"]);
    let array = Array { shape: vec![1], values: vec![0.0] };
    let foreign = safetensors::serialize([("x", &array)], None).expect("fits");
    place.write("older.safetensors", foreign);
    file("older.safetensors").check(1, &[], &["its metadata has no network, input, classes, provenance", "export RUN"]);
    let checkpoint = Checkpoint { state: State { step: 20, ..State::default() }, ..Checkpoint::default() };
    checkpoint.write(&place.at("00000020.safetensors")).expect("written");
    file("00000020.safetensors").check(1, &[], &["it is a checkpoint: name its run"]);
    let other = Classifier { classes: vec!["one".into()], ..classifier() };
    place.write("other.safetensors", other.to_bytes().expect("fits"));
    file("other.safetensors").check(1, &[], &["it has 1 classes, and fc2.bias is [3]"]);
    assert!(!place.at("started").exists());
}

#[test]
fn runs_without_a_classifier_are_refused() {
    let place = Place::new();
    place.write("1.png", PNG);
    place.run("fresh", &[]);
    place.fixmatch(&["predict", "fresh", "1.png"]).check(1, &[], &["has no checkpoint yet"]);
    let ranking = place.run("ranking", &[]);
    let mut run = ranking.read_run().expect("reads");
    run.config.rank = Some(Rank::default());
    ranking.write_run(&run).expect("written");
    let checkpoint = Checkpoint { state: State { step: 20, ..State::default() }, ..Checkpoint::default() };
    checkpoint.write(&ranking.checkpoints().join(file_name(20))).expect("written");
    place.fixmatch(&["predict", "ranking", "1.png"]).check(1, &[], &["puts images in order", "trains no classifier"]);
    place.fixmatch(&["predict", "nobody", "1.png"]).check(1, &[], &["no run in", "is called \"nobody\""]);
}

#[test]
fn a_run_is_asked_for_guesses_before_the_labelling_screen_opens() {
    let place = Place::new();
    place.run_with_one_unlabeled_image();
    let label = |guesses: &str| {
        let mut command = place.command(&["label", "fashion-mini", "--classes", "a,b", "--guesses", guesses]);
        end_of(command.env("FIXMATCH_WORKER", place.at("worker")).spawn().expect("starts"))
    };
    let said = label("few-left");
    said.check(1, &[], &["1 image predicted with the averaged weights of ", "few-left", "terminal"]);
    label("none.csv").check(1, &[], &["there is no none.csv"]);
    label("nobody").check(1, &[], &["no run"]);
}
