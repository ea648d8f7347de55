//! Commands that only read, and what they say where there is nothing to read.

use std::collections::BTreeMap;
use std::fs;
use std::io::Write as _;
use std::os::unix::fs::symlink;
use std::path::Path;
use std::process::{Command, Stdio};

use fixmatch::run::change::Change;
use fixmatch::run::checkpoint::{Array, Checkpoint, State, file_name};
use fixmatch::run::event::{Event, FailureKind};
use rustix::fs::{CWD, Mode, mkfifoat};
use serde_json::Value;

use super::{Place, end_of, evaluated, launched, progress, started, whole_run};

#[test]
fn without_runs_every_command_says_how_to_start_one() {
    let place = Place::new();
    place.fixmatch(&["runs"]).check(0, &[], &["there are no runs in", "`fixmatch train quickstart`"]);
    for args in [
        &["show"][..],
        &["watch"],
        &["wait"],
        &["pause"],
        &["resume"],
        &["stop"],
        &["set", "threshold=0.9"],
        &["export", "--weights", "out"],
    ] {
        place.fixmatch(args).check(1, &[], &["error: there are no runs in", "`fixmatch train quickstart`"]);
    }
}

#[test]
fn settings_can_be_given_in_a_folder_that_was_deleted_unless_they_need_it() {
    let place = Place::new();
    for (setting, reason) in [("train.lr=-1", "train.lr"), ("data.path=\"images\"", "in a folder that is gone")] {
        let mut command = Command::new("sh");
        let script = "mkdir gone && cd gone && rmdir ../gone && exec \"$0\" \"$@\"";
        command.args(["-c", script, env!("CARGO_BIN_EXE_fixmatch"), "--runs"]).arg(place.runs());
        command.args(["train", "quickstart", "--set", setting]).current_dir(place.folder.path());
        command.stdout(Stdio::piped()).stderr(Stdio::piped());
        end_of(command.spawn().expect("starts")).check(1, &[], &[reason]);
    }
}

#[test]
fn what_cannot_be_meant_is_refused_with_advice() {
    let place = Place::new();
    place.run("one", &[]);
    place.run("one", &[]);
    fs::write(place.folder.path().join("file"), "").expect("written");
    let cases = [
        (&["show", "two"][..], "no run in", "`fixmatch runs` lists them"),
        (&["show", "on"], "\"on\" fits 2 runs: ", "; give more of the name, or none for the newest"),
        (&["show", "./file"], "is not a run: it has no run.toml", ""),
        (&["runs", "--runs", "file"], "cannot read the folder of runs file", ""),
        (&["presets", "quikstart"], "no preset is called \"quikstart\"; did you mean quickstart?", ""),
        (&["train", "quikstart"], "no preset is called \"quikstart\"; did you mean quickstart?", ""),
        (&["train", "none.toml"], "cannot read the preset none.toml", ""),
        (&["train", "quickstart", "--set", "train.lrr=1"], "unknown field `lrr`", ""),
        (&["train", "quickstart", "--set", "labels.per_class=9999"], "class 0 (T-shirt/top) has only 1000", ""),
        (&["train", "quickstart", "--set", "labels.pick=file:none.txt"], "cannot read the label set", "none.txt"),
        (&["train", "quickstart", "--set", "labels.indices=[10000]"], "indices go from 0 to 9999", ""),
        (
            &["train", "quickstart", "--set", "labels.pick=all", "--set", "labels.in_unlabeled=false"],
            "all 10000 training images are labeled",
            "train.lambda_u = 0",
        ),
        (
            &[
                "train",
                "quickstart",
                "--set=labels.pick=most-representative",
                "--set=labels.per_class=1000",
                "--set=labels.in_unlabeled=false",
            ],
            "all 10000 training images are labeled",
            "train.lambda_u = 0",
        ),
        (&["train", "quickstart", "--set", "train.steps=2.5"], "expected a whole number", ""),
        (&["train", "quickstart", "--set", "data.dataset=mnist"], "there is no data set \"mnist\"", ""),
        (&["train", "paper/cifar10-40"], "CIFAR-10 is not on this machine", "`fixmatch data fetch cifar10`"),
        (&["train", "quickstart", "--set", "train.lambda_u=0", "--baseline"], "it is its own baseline", ""),
        (&["set", "one"], "say what to set", "threshold=0.9"),
        (&["set", "one", "lr=1"], "set lr_factor, which multiplies it", ""),
        (&["set", "one", "threshold=2"], "must be in [0, 1]", ""),
    ];
    for (args, message, advice) in cases {
        place.fixmatch(args).check(1, &[], &["error: ", message, advice]);
    }
    let of_the_console = &["--readonly and --glyphs are of the console"];
    place.fixmatch(&["--readonly", "train", "quickstart"]).check(1, &[], of_the_console);
    place.fixmatch(&["--glyphs", "ascii", "runs"]).check(1, &[], of_the_console);
    place.fixmatch(&["train", "quickstart", "--device", "tpu"]).check(2, &[], &["\"cuda:N\", not \"tpu\""]);
    place.fixmatch(&["train", "quickstart", "--baseline", "--detach"]).check(2, &[], &["cannot be used with"]);
    let names = fs::read_dir(place.runs()).expect("reads").map(|it| it.expect("one").file_name());
    let n = names.filter(|name| name != ".making.lock").count();
    assert_eq!(n, 2, "a refused run left a folder");
}

#[test]
fn runs_are_listed_newest_last_with_how_they_stand() {
    let place = Place::new();
    place.run("first", &whole_run(0.75));
    place.run("second", &[launched(), started(), progress(100)]);
    let said = place.fixmatch(&["runs"]);
    said.check(0, &[], &[]);
    let lines: Vec<Vec<&str>> = said.out.lines().map(|line| line.split_whitespace().collect()).collect();
    assert_eq!(lines.len(), 3, "{}", said.out);
    assert_eq!(lines[1][1..8], ["finished", "20/500", "4", "%", "75.0", "%", "75.0"], "{}", said.out);
    assert_eq!(lines[2][1..7], ["lost", "100/500", "20", "%", "–", "–"], "{}", said.out);
}

#[test]
fn a_run_that_cannot_be_read_does_not_hide_the_others() {
    let place = Place::new();
    let dir = place.run("broken", &whole_run(0.5));
    fs::write(dir.run_toml(), "[provenance").expect("written");
    place.run("sound", &whole_run(0.75));
    place.fixmatch(&["runs"]).check(0, &["broken", "sound"], &["run.toml, line 1: "]);
    place.fixmatch(&["show", "broken"]).check(1, &[], &["error: ", "run.toml, line 1: "]);
    place.fixmatch(&["watch", "broken"]).check(0, &["finished all 20 steps"], &[]);
}

#[test]
fn a_torn_log_is_read_up_to_its_last_whole_line() {
    let place = Place::new();
    let dir = place.run("torn", &[launched(), started(), progress(10), evaluated(10, 0.5)]);
    let mut log = fs::OpenOptions::new().append(true).open(dir.events()).expect("opens");
    log.write_all(b"{\"time\":1,\"event\":\"prog").expect("written");
    place.fixmatch(&["show"]).check(0, &["lost, step 10 of 500", "50.0 % (EMA)"], &[]);
    place.fixmatch(&["watch"]).check(1, &["step 10: test accuracy 50.0 %"], &["`fixmatch resume"]);
}

#[test]
fn show_tells_configuration_progress_accuracies_and_what_went_wrong() {
    let place = Place::new();
    let change = Event::Applied {
        id: "1".into(),
        step: 15,
        change: Some(Change::Threshold(0.9)),
        undoes: None,
        cancels: Vec::new(),
    };
    let failed = Event::Failed { step: 20, reason: "the loss is NaN".into(), kind: FailureKind::Unknown };
    place.run("it", &[launched(), started(), change, progress(20), evaluated(20, 0.75), failed]);
    let parts = [
        "failed, step 20 of 500 (4 %)",
        "train.steps = 500",
        "40 labeled and 10,000 unlabeled images of 2 classes",
        "loss 1.500",
        "mask ratio 0.25",
        "75.0 % (EMA), 65.0 % (raw)",
        "cats   75.0 %  65.0 %\ndogs        –       –",
        "from step 15: threshold = 0.9",
        "failed: the loss is NaN",
    ];
    place.fixmatch(&["show"]).check(0, &parts, &[]);
}

#[test]
fn json_is_for_machines() {
    let place = Place::new();
    place.run("it", &whole_run(0.75));
    let parse = |args: &[&str]| -> Value {
        let said = place.fixmatch(args);
        said.check(0, &[], &[]);
        serde_json::from_str(&said.out).expect("JSON")
    };
    let runs = parse(&["runs", "--json"]);
    assert_eq!((&runs[0]["status"], &runs[0]["ema_accuracy"]), (&"finished".into(), &0.75.into()));
    let show = parse(&["show", "--json"]);
    assert_eq!(show["config"]["train"]["steps"], 500);
    assert_eq!(show["evaluations"][0]["ema"]["accuracy"], 0.75);
    assert_eq!(show["last_progress"]["step"], 20);
    let presets = parse(&["presets", "--json"]);
    assert!(presets.as_array().is_some_and(|presets| presets.iter().any(|preset| preset["name"] == "quickstart")));
    assert_eq!(parse(&["presets", "quickstart", "--json"])["train"]["steps"], 500);
    let watched = place.fixmatch(&["watch", "--json", "--all"]);
    let events: Vec<Value> = watched.out.lines().map(|line| serde_json::from_str(line).expect("JSON")).collect();
    assert_eq!(events.len(), whole_run(0.75).len());
    assert_eq!(events[0]["event"], "launched");
}

#[test]
fn a_preset_is_shown_in_full_with_the_defaults_that_it_departs_from() {
    let place = Place::new();
    let preset = "title = \"two\\nlines\"\n[augment]\nstrong = \"ctaugment\"\n[augment.ctaugment]\ndelay = 4\n\
                  [data]\ndataset = \"folder\"\npath = \"/a\\nb\"\n";
    fs::write(place.folder.path().join("mine.toml"), preset).expect("written");
    let said = place.fixmatch(&["presets", "mine.toml"]);
    said.check(0, &["strong = \"ctaugment\"  # default: \"randaugment\"\n", "delay = 4  # default: 8\n"], &[]);
    said.check(0, &["title = \"two\\nlines\"\n", "path = \"/a\\nb\"  # default: none\n"], &[]);
    assert!(toml::from_str::<fixmatch::config::RunConfig>(&said.out).is_ok(), "{}", said.out);
    let said = place.fixmatch(&["presets", "quickstart"]);
    said.check(0, &["steps = 500  # default: 1048576\n", "mu = 7\n"], &[]);
    assert!(toml::from_str::<fixmatch::config::RunConfig>(&said.out).is_ok(), "{}", said.out);
}

#[test]
fn watch_begins_with_the_last_ten_events_and_with_all_of_them_on_demand() {
    let place = Place::new();
    let mut events = vec![launched(), started()];
    events.extend((1..=20).map(|i| progress(10 * i)));
    events.push(Event::Stopped { step: 200 });
    place.run("it", &events);
    let said = place.fixmatch(&["watch"]);
    said.check(0, &["step 120: ", "stopped at step 200"], &["`fixmatch resume"]);
    assert_eq!(said.out.lines().count(), 10, "{}", said.out);
    assert_eq!(place.fixmatch(&["watch", "--all"]).out.lines().count(), events.len());
}

#[test]
fn a_reader_that_goes_away_is_no_error() {
    let place = Place::new();
    for args in [&["presets", "quickstart"][..], &["completions", "bash"], &["runs", "--json"]] {
        let mut child = place.start(args);
        drop(child.stdout.take());
        end_of(child).check(0, &[], &[""]);
    }
}

#[test]
fn weights_are_exported_under_their_own_names() {
    let place = Place::new();
    let dir = place.run("it", &[launched(), started(), evaluated(10, 0.5), evaluated(20, 0.25)]);
    place.fixmatch(&["export", "--weights", "w"]).check(1, &[], &["has no checkpoint yet"]);
    for step in [10, 20] {
        let array = |value| Array { shape: vec![1], values: vec![value] };
        let tensors = [("model.w", 1.0), ("model.bn.mean", 7.0), ("ema.w", 2.0), ("momentum.w", 3.0)];
        let mut tensors: BTreeMap<_, _> =
            tensors.into_iter().map(|(name, value)| (name.to_owned(), array(value + step as f32))).collect();
        let Event::Started(begun) = started() else { unreachable!() };
        let bias = Array { shape: vec![begun.classes.len()], values: vec![0.0; begun.classes.len()] };
        tensors.insert("model.fc2.bias".into(), bias);
        let checkpoint = Checkpoint { state: State { step, ..State::default() }, tensors, seals: None };
        checkpoint.write(&dir.checkpoints().join(file_name(step))).expect("written");
    }
    let out = place.folder.path().join("w.safetensors");
    let export = |args: &[&str]| {
        let all = [&["export", "--weights", "w.safetensors", "--force"], args].concat();
        place.fixmatch(&all).check(0, &["w.safetensors: cnn, ", "weights of step "], &[]);
        let bytes = fs::read(&out).expect("written");
        let tensors = safetensors::SafeTensors::deserialize(&bytes).expect("safetensors");
        let value = |name| {
            let bytes = tensors.tensor(name).expect(name).data().try_into().expect("one number");
            f32::from_le_bytes(bytes)
        };
        (value("w"), value("bn.mean"))
    };
    assert_eq!(export(&[]), (22.0, 27.0));
    assert_eq!(export(&["--ema"]), (22.0, 27.0));
    assert_eq!(export(&["--raw"]), (21.0, 27.0));
    assert_eq!(export(&["--step", "10", "--raw"]), (11.0, 17.0));
    let again = ["export", "--weights", "w.safetensors"];
    place.fixmatch(&again).check(1, &[], &["w.safetensors exists; --force overwrites it"]);
    place.fixmatch(&["export"]).check(2, &[], &["--weights <OUT.safetensors>", "--onnx <OUT.onnx>"]);
    let incomplete = ["export", "--onnx", "w.onnx"];
    place.fixmatch(&incomplete).check(1, &[], &["error: it has no tensor conv1.weight"]);
    let other = ["export", "--weights", "v", "--step", "15"];
    place.fixmatch(&other).check(1, &[], &["has no checkpoint of step 15; it has: 10, 20"]);
}

#[test]
fn the_list_of_data_sets_says_how_to_fetch_one_and_where_it_was_looked_for() {
    let said = Place::new().fixmatch(&["data", "list"]);
    said.check(0, &["not here (170.1 MB)", "`fixmatch data fetch cifar10` fetches it; looked for in /"], &[]);
}

#[test]
fn the_version_names_the_commit() {
    Place::new().fixmatch(&["--version"]).check(0, &["fixmatch ", fixmatch::VERSION], &[]);
}

#[test]
fn what_is_no_file_in_a_run_directory_or_for_a_preset_hangs_no_command() {
    let pipe = |path: &Path| {
        let _ = fs::remove_file(path);
        mkfifoat(CWD, path, Mode::RWXU).expect("made");
    };
    let zero = |path: &Path| {
        let _ = fs::remove_file(path);
        symlink("/dev/zero", path).expect("linked");
    };
    let commands: [&[&str]; 8] = [
        &["runs"],
        &["show", "it"],
        &["watch", "it"],
        &["pseudo", "it"],
        &["attach", "it", "--brief"],
        &["export", "it", "--weights", "w.safetensors", "--force"],
        &["labels", "show", "it"],
        &["wait", "it"],
    ];
    for spoil in [&pipe as &dyn Fn(&Path), &zero] {
        for name in [
            "events.jsonl",
            "heartbeat",
            "summary.json",
            "worker.lock",
            "labels.json",
            "insight.bin",
            "worker.log",
            "checkpoints/00000020.safetensors",
            "run.toml",
        ] {
            let place = Place::new();
            place.run("sound", &whole_run(0.75));
            let dir = place.run("it", &[launched(), started(), evaluated(20, 0.5)]);
            spoil(&dir.path().join(name));
            for args in commands {
                let said = place.fixmatch(args);
                assert!(matches!(said.code, Some(0 | 1)), "{name}, {args:?}: {said:?}");
                assert!(!said.err.contains("panicked"), "{name}, {args:?}: {said:?}");
                if args == ["runs"] {
                    said.check(0, &["75.0 %"], &[]);
                }
            }
        }
        let place = Place::new();
        let preset = place.folder.path().join("mine.toml");
        spoil(&preset);
        for args in [&["train", "mine.toml"][..], &["presets", "mine.toml"]] {
            place.fixmatch(args).check(1, &[], &["cannot read the preset mine.toml: it is a ", ", not a file"]);
        }
    }
}
