//! What `docs/json.md` says of `--json` is what the commands print: each key that comes out stands there with its type, and
//! each key that stands there comes out.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;

use fixmatch::config::{Metric, Rank};
use fixmatch::data::preprocess::Preprocess;
use fixmatch::run::change::{Change, Edit, Request};
use fixmatch::run::checkpoint::{Checkpoint, State, file_name};
use fixmatch::run::digests::Digests;
use fixmatch::run::dir::RunDir;
use fixmatch::run::event::{Compared, Evaluated, Event, FailureKind, Job, Progress, Started};
use fixmatch::run::file::{Environment, Parent, RunFile};
use fixmatch::run::heartbeat::Phase;
use fixmatch::run::pseudo::alarm::{Alarm, Rule};
use fixmatch::suite::expand::expand;
use fixmatch::suite::file::Suite;
use fixmatch::suite::order::{Folder, Order, Wanted};
use fixmatch::suite::slots::Slot;
use serde_json::Value;

use super::judging::run as judged_run;
use super::labeling::{forward, ranked};
use super::{Place, Worker, append, evaluated, progress, started, whole_run};

/// The keys of one part of the document with their types; those below another key are written with it, an element of an
/// array with `[]`.
type Keys = BTreeMap<String, String>;

/// The tables of the document by the command that stands above them.
fn documented() -> BTreeMap<String, Keys> {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/docs/json.md");
    let text = fs::read_to_string(path).unwrap_or_else(|error| panic!("{path}: {error}"));
    let mut parts = BTreeMap::<String, Keys>::new();
    let mut part = String::new();
    for line in text.lines() {
        if let Some(title) = line.strip_prefix("## ") {
            title.trim_matches('`').clone_into(&mut part);
        } else if let Some(row) = line.strip_prefix("| `") {
            let cells: Vec<_> = row.split(" | ").collect();
            let [key, kind, meaning] = cells[..] else { panic!("not three cells: {line}") };
            assert!(meaning.len() > 4, "{line} has no meaning");
            let keys = parts.entry(part.clone()).or_default();
            let earlier = keys.insert(key.trim_end_matches('`').to_owned(), kind.to_owned());
            assert_eq!(earlier, None, "twice: {line}");
        }
    }
    parts
}

/// What was seen of a part.
#[derive(Default)]
struct Seen {
    keys: BTreeSet<String>,
    wrong: BTreeSet<String>,
}

impl Seen {
    fn look(&mut self, value: &Value, path: &str, known: &Keys) {
        let kind = known.get(path);
        self.keys.insert(path.to_owned());
        let below = |key: &str| if path.is_empty() { key.to_owned() } else { format!("{path}.{key}") };
        let has_keys_below =
            known.keys().any(|key| key.starts_with(&below("")) || key.starts_with(&format!("{path}[")));
        let is_closed = kind.is_some() && !has_keys_below;
        let name = match value {
            Value::Object(fields) => {
                for (key, value) in fields.iter().filter(|_| !is_closed) {
                    self.look(value, &below(key), known);
                }
                "object"
            }
            Value::Array(values) => {
                for value in values.iter().filter(|_| !is_closed) {
                    self.look(value, &format!("{path}[]"), known);
                }
                "array"
            }
            Value::Number(number) if number.is_u64() || number.is_i64() => "integer",
            Value::Number(_) => "number",
            Value::String(_) => "string",
            Value::Bool(_) => "boolean",
            Value::Null => "null",
        };
        let is_container = matches!(name, "object" | "array");
        match kind {
            None if is_container => {}
            None => drop(self.wrong.insert(format!("| `{path}` | {name} | not documented"))),
            Some(kind) => {
                let fits = kind.split([' ', ',']).any(|word| word == name || (word == "number" && name == "integer"));
                if !fits {
                    self.wrong.insert(format!("{path} is {kind} in the document, and was {name}"));
                }
            }
        }
    }
}

fn digests() -> Digests {
    let digest = Some("0".repeat(64));
    Digests { run: digest.clone(), labels: digest.clone(), held_out: digest }
}

/// A run in which everything happened that can be told.
fn eventful(place: &Place) -> RunDir {
    let dir = judged_run(place);
    let mut run = dir.read_run().expect("reads");
    run.provenance.parent = Some(Parent { run: "elder".into(), step: 5 });
    run.provenance.settings = vec!["train.steps=500".into()];
    run.provenance.suite = Some("study".into());
    run.environment = Some(Environment {
        host: "here".into(),
        cpu: "a processor".into(),
        device: "cpu".into(),
        gpu: Some("a GPU".into()),
        cuda_visible_devices: Some("0".into()),
        libtorch: "2".into(),
        threads: 2,
        version: "0".into(),
        data_digest: "d".into(),
        data_known: true,
        instructions: Some("avx2".into()),
        input: Some(Preprocess { width: 8, height: 8, channels: 1, mean: vec![127.5], std: vec![127.5] }),
    });
    dir.write_run(&run).expect("written");
    let checkpoint = Checkpoint { state: State { step: 20, ..State::default() }, ..Checkpoint::default() };
    checkpoint.write(&dir.checkpoints().join(file_name(20))).expect("written");
    let changes = [
        Change::Threshold(0.9),
        Change::LambdaU(2.0),
        Change::LrFactor(9.0),
        Change::Steps(600),
        Change::Momentum(0.9),
        Change::Fairness(0.1),
        Change::Floor(0.5),
        Change::Ceiling(0.9),
        Change::NSigma(3.0),
    ];
    for (n, change) in changes.into_iter().enumerate() {
        let (id, who) = (n.to_string(), "user@host".into());
        append(&dir, &[Event::Accepted { id: id.clone(), request: Request::Set(change), who }]);
        let (undoes, cancels) = if n == 3 { (Some(1), vec![2]) } else { (None, vec![]) };
        append(&dir, &[Event::Applied { id, step: 20, change: Some(change), undoes, cancels }]);
    }
    let Event::Evaluated(last) = evaluated(20, 0.5) else { unreachable!() };
    let mut last = Evaluated { rates: Some(vec![500]), ..*last };
    last.ema.confusion = vec![vec![1, 2], vec![3, 4]];
    last.raw.confusion = vec![vec![1, 2], vec![3, 4]];
    let compared =
        Compared { step: 30, n: 9, agreement: 0.5, predicted: vec![4, 5], rates: Some(vec![500]), requested: true };
    let full = Progress {
        step: 30,
        n_steps: 10,
        mask_ratio: Some(0.5),
        pseudo_label_accuracy: Some(0.5),
        ..Progress::default()
    };
    let job = Job { id: "12_3".into(), restarts: 1 };
    let Event::Started(started) = started() else { unreachable!() };
    append(
        &dir,
        &[
            Event::Started(Box::new(Started { digests: Some(digests()), ..*started })),
            Event::Forked(Parent { run: "elder".into(), step: 5 }),
            Event::Edited { id: "9".into(), step: 20, edit: Edit::Drop(1) },
            Event::Launched { pid: 7, host: "here".into(), version: "0".into(), job: Some(job) },
            Event::Resumed { step: 20 },
            Event::Progress(full),
            Event::Evaluated(Box::new(last)),
            Event::Compared(Box::new(compared)),
            Event::Alarm(Alarm { step: 30, rule: Rule::Share, class: Some(1), message: "too many".into() }),
            Event::Checkpointed { step: 20, file: "00000020.safetensors".into(), best: true },
            Event::Warning { message: "look".into(), held_s: Some(1.0) },
            Event::Sealed {
                step: 20,
                who: "user@host".into(),
                digests: Box::new(digests()),
                damage: vec!["line 3 is lost".into()],
            },
            Event::Refused { id: "10".into(), reason: "no".into() },
            Event::Paused { step: 30 },
            Event::Continued { step: 30 },
            Event::Suspended { step: 30 },
            Event::Stopped { step: 30 },
            Event::Finished { step: 30 },
            Event::Diverged { step: 30, change: Some(3) },
            Event::Failed { step: 30, reason: "the loss is NaN".into(), kind: FailureKind::Unknown },
        ],
    );
    dir
}

/// A suite of one cell with two seeds that are done, and its order.
pub fn study(place: &Place) {
    let path = place.folder.path().join("study.toml");
    let text =
        "title = \"Study\"\nbase = \"quickstart\"\nseeds = 2\n[[axis]]\nkey = \"labels.per_class\"\nvalues = [1]\n";
    fs::write(&path, text).expect("written");
    let suite = Suite::find(&path.display().to_string()).expect("reads");
    let grid = expand(&suite).expect("resolves");
    for run in &grid.runs {
        let file = RunFile::new(run.preset.clone(), run.settings.clone(), run.config.clone());
        let dir = RunDir::create(&place.runs(), &run.name, &file).expect("made");
        append(&dir, &[started(), evaluated(20, 0.5), Event::Finished { step: 500 }]);
    }
    let order = Order {
        suite: suite.name.clone(),
        title: suite.title,
        who: "user@host".into(),
        slots: Slot::parse_all("cpu").expect("a slot"),
        slurm: Some("gpu".into()),
        wanted: Wanted::Train,
        retry_after: 0.0,
        grid,
    };
    Folder::of(&place.runs(), &suite.name).change(|_| Ok(order)).expect("written");
}

#[test]
fn the_keys_of_json_are_those_of_the_document() {
    let place = Place::new();
    eventful(&place);
    place.fixmatch(&["tag", "one", "+good"]).check(0, &["one", "good"], &[]);
    study(&place);
    place.run("plain", &whole_run(0.25));
    let cut_off = place.run("cut-off", &[]);
    fs::write(cut_off.run_toml(), "no configuration").expect("written");
    let alive = place.run("alive", &[]);
    let worker = Worker::on(&alive);
    append(&alive, &[started(), progress(10)]);
    worker.beat(Phase::NoSpace);
    place.run("thrown-away", &[]).discard().expect("moved to the trash");
    place.cache(&forward());
    place.cache(&ranked(Metric::Density, |index| index as f32));
    place.fixmatch(&["labels", "make", "fashion-mini", "--per-class", "1", "--name", "few"]).check(0, &[], &[]);
    let ranking = format!("[train]\nlambda_u = 0.0\n[rank]\nby = \"{}\"\n", Rank::default().by);
    fs::write(place.folder.path().join("ranking.toml"), ranking).expect("written");
    let mini = ["fashion-mini", "--per-class", "1", "--by"];
    // so many of each class that the two sets share some
    let compare = ["labels", "compare", "fashion-mini", "--per-class", "600", "--by", "agreement", "--by", "density"];
    let show = [&["labels", "show"], &mini[..], &["agreement"]].concat();
    let calls: &[(&str, &[&str])] = &[
        ("fixmatch runs --json", &["runs"]),
        ("fixmatch runs --json --group", &["runs", "--group"]),
        ("fixmatch compare --json", &["compare"]),
        ("fixmatch show --json", &["show", "one"]),
        ("fixmatch show --json", &["show", "one", "--at", "20"]),
        ("fixmatch show --json", &["show", "alive"]),
        ("fixmatch changes --json", &["changes", "one"]),
        ("fixmatch family --json", &["family", "one"]),
        ("fixmatch verify --json", &["verify", "one"]),
        ("fixmatch pseudo --json", &["pseudo", "one", "--policy", "freematch"]),
        ("fixmatch watch --json", &["watch", "one", "--all"]),
        ("fixmatch presets --json", &["presets"]),
        ("fixmatch presets PRESET --json", &["presets", "ranking.toml"]),
        ("fixmatch data list --json", &["data", "list"]),
        ("fixmatch label --json", &["label", "photos", "--status"]),
        ("fixmatch labels list --json", &["labels", "list"]),
        ("fixmatch labels show --json", &show),
        ("fixmatch labels compare --json", &compare),
        ("fixmatch suite list --json", &["suite", "list"]),
        ("fixmatch suite show --json", &["suite", "show", "study.toml"]),
        ("fixmatch suite status --json", &["suite", "status", "study"]),
        ("fixmatch trash list --json", &["trash", "list"]),
        ("fixmatch doctor --json", &["doctor"]),
    ];
    for image in ["cat/1", "cat/2", "dog/1", "dog/2"] {
        place.save_image(&format!("photos/{image}.png"), 100);
    }
    place.fixmatch(&["data", "verify", "photos"]).check(0, &[], &[]);
    let answers = "path,label,answer,time,who,guess,seconds\ncat/1.png,cat,class,,me,,1.5\ncat/2.png,,skip,,you,,\n";
    fs::write(place.folder.path().join("photos/labels.csv"), answers).expect("written");
    let document = documented();
    let mut said: Vec<_> =
        calls.iter().map(|(part, call)| (*part, place.fixmatch(&[call, &["--json"][..]].concat()))).collect();
    place.run_with_one_unlabeled_image();
    for args in [["few-left", "--unlabeled", "--top=2"], ["few-left", "ranking.toml", "--top=1"]] {
        said.push(("fixmatch predict --jsonl", place.predict(&[&args[..], &["--jsonl"]].concat())));
    }
    place.clustered_heap();
    said.push(("fixmatch labels suggest --json", place.fixmatch(&["labels", "suggest", "heap", "--json"])));
    place.advised_run();
    said.push(("fixmatch labels advise --json", place.fixmatch(&["labels", "advise", "advised", "--json"])));
    let whole = place.crossvalidated_run().id();
    said.push(("fixmatch crossval --json", place.fixmatch(&["crossval", &whole, "--parts=2", "--json"])));
    said.push(("fixmatch show --json", place.fixmatch(&["show", &whole, "--json"])));
    let mut seen = BTreeMap::<&str, Seen>::new();
    for (part, said) in &said {
        let values = serde_json::Deserializer::from_str(&said.out).into_iter::<Value>();
        let values: Vec<_> =
            values.collect::<Result<_, _>>().unwrap_or_else(|error| panic!("{part}: {error} {said:?}"));
        assert!(!values.is_empty(), "{said:?}");
        let known = document.get(*part).cloned().unwrap_or_default();
        for value in &values {
            // Of an event, all but the first two keys are written with its name.
            let event = value["event"].as_str().filter(|_| *part == "fixmatch watch --json").map(str::to_owned);
            let value = match event {
                Some(event) => {
                    let mut fields = value.clone();
                    let rest = fields.as_object_mut().expect("an object");
                    let common = ["time", "event"].map(|key| (key.to_owned(), rest.remove(key).expect("there")));
                    common.into_iter().chain([(event, fields)]).collect()
                }
                None => value.clone(),
            };
            seen.entry(part).or_default().look(&value, "", &known);
        }
    }
    let mut wrong = Vec::new();
    for (part, seen) in &seen {
        let missing =
            document.get(*part).into_iter().flat_map(|known| known.keys()).filter(|key| !seen.keys.contains(*key));
        let missing = missing.map(|key| format!("{key} is documented and did not come out"));
        let lines: Vec<_> = seen.wrong.iter().cloned().chain(missing).collect();
        if !lines.is_empty() {
            wrong.push(format!("## {part}\n{}", lines.join("\n")));
        }
    }
    assert!(wrong.is_empty(), "docs/json.md\n{}", wrong.join("\n"));
    let parts: BTreeSet<_> = document.keys().map(String::as_str).collect();
    assert_eq!(parts, seen.into_keys().collect(), "the commands of the document");
}

#[test]
fn every_command_with_json_is_in_the_document() {
    let place = Place::new();
    let document = documented();
    let help = |args: &[&str]| place.fixmatch(&[args, &["--help"]].concat()).out;
    let commands = |help: &str| -> Vec<String> {
        let list = help.split_once("\nCommands:\n").map_or("", |(_, rest)| rest.split("\n\n").next().unwrap_or(rest));
        let names = list.lines().filter(|line| line.starts_with("  ") && !line.starts_with("   "));
        names
            .filter_map(|line| line.split_whitespace().next())
            .filter(|name| *name != "help")
            .map(str::to_owned)
            .collect()
    };
    let has_json = |help: &str| help.lines().any(|line| line.split_whitespace().next() == Some("--json"));
    let mut with_json = BTreeSet::new();
    for command in commands(&help(&[])) {
        let text = help(&[&command]);
        for below in commands(&text) {
            if has_json(&help(&[&command, &below])) {
                with_json.insert(format!("fixmatch {command} {below} --json"));
            }
        }
        if has_json(&text) {
            with_json.insert(format!("fixmatch {command} --json"));
        }
    }
    let parts = document.into_keys().filter(|part| part.ends_with("--json") && !part.contains("PRESET")).collect();
    assert_eq!(with_json, parts);
}
