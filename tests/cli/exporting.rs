//! `fixmatch export` of curves: every number once, in the formats that other programs read.

use std::fs;

use fixmatch::run::event::Event;
use serde_json::Value;

use super::{Place, Worker, append, end_of, evaluated, launched, progress, started, until, whole_run};

/// An evaluation that says what is taken for what.
fn confused(step: u64, accuracy: f64) -> Event {
    let Event::Evaluated(mut evaluated) = evaluated(step, accuracy) else { unreachable!("it is an evaluation") };
    evaluated.ema.confusion = vec![vec![3, 1], vec![0, 4]];
    Event::Evaluated(evaluated)
}

/// A run that was resumed after 10 steps and took the next ones again.
fn resumed(place: &Place) {
    let events = [launched(), started(), progress(10), progress(20), confused(20, 0.25)];
    let dir = place.run("it", &events);
    append(&dir, &[launched(), Event::Resumed { step: 10 }, progress(20), confused(20, 0.75)]);
    append(&dir, &[Event::Finished { step: 20 }]);
}

#[test]
fn csv_and_json_lines_have_each_step_once() {
    let place = Place::new();
    resumed(&place);
    place.fixmatch(&["export", "it", "--csv", "c.csv", "--jsonl", "c.jsonl"]).check(
        0,
        &["c.csv: 2 steps", "c.jsonl"],
        &[],
    );
    let read = |name: &str| fs::read_to_string(place.folder.path().join(name)).expect("written");
    let mut table = csv::Reader::from_reader(std::io::Cursor::new(read("c.csv")));
    let head = table.headers().expect("a head").clone();
    let rows: Vec<_> = table.records().map(|row| row.expect("a row")).collect();
    let cell =
        |row: usize, name: &str| rows[row].get(head.iter().position(|it| it == name).expect(name)).expect("a cell");
    assert_eq!(rows.len(), 2);
    assert_eq!([cell(0, "step"), cell(0, "loss/total"), cell(0, "test/accuracy")], ["10", "1.5", ""]);
    assert_eq!([cell(1, "step"), cell(1, "test/accuracy"), cell(1, "test_class/cats")], ["20", "0.75", "0.75"]);
    assert!(!head.iter().any(|name| name == "pseudo_labels/purity"), "it is never known: {head:?}");
    let lines: Vec<Value> = read("c.jsonl").lines().map(|line| serde_json::from_str(line).expect(line)).collect();
    assert_eq!(lines.iter().map(|line| line["step"].as_u64()).collect::<Vec<_>>(), [Some(10), Some(20)]);
    assert_eq!((&lines[1]["test/accuracy"], &lines[0]["test/accuracy"]), (&0.75.into(), &Value::Null));
    assert_eq!(place.fixmatch(&["export", "it", "--csv", "-"]).out, read("c.csv"));
    for (args, reason) in [
        (&["--csv", "c.csv"][..], "c.csv exists; --force overwrites it"),
        (&["--csv", "d.csv", "--best"], "choose weights: add --weights or --onnx"),
    ] {
        place.fixmatch(&[&["export", "it"], args].concat()).check(1, &[], &[reason]);
    }
}

/// The records of an event file, with their frames taken off.
fn records(bytes: &[u8]) -> Vec<Vec<u8>> {
    let (mut rest, mut found) = (bytes, Vec::new());
    while !rest.is_empty() {
        let length = u64::from_le_bytes(rest[..8].try_into().expect("eight bytes")) as usize;
        found.push(rest[12..12 + length].to_vec());
        rest = &rest[16 + length..];
    }
    found
}

fn holds(record: &[u8], part: &[u8]) -> bool {
    record.windows(part.len()).any(|window| window == part)
}

#[test]
fn a_second_export_for_tensorboard_takes_the_place_of_the_first() {
    let place = Place::new();
    resumed(&place);
    for _ in 0..2 {
        place.fixmatch(&["export", "it", "--tensorboard", "logs"]).check(0, &["2 steps"], &[]);
    }
    let run = fs::read_dir(place.folder.path().join("logs")).expect("a folder").next().expect("one").expect("read");
    let files: Vec<_> = fs::read_dir(run.path()).expect("a folder").map(|file| file.expect("a file").path()).collect();
    let [file] = &files[..] else { panic!("{files:?}") };
    let records = records(&fs::read(file).expect("written"));
    assert_eq!(records.len(), 7, "version, configuration, hyperparameters, two steps, a picture, the end");
    assert!(holds(&records[0], b"brain.Event:2") && holds(&records[1], b"[train]"));
    assert!(holds(&records[2], b"session_start_info") && holds(&records[2], b"train.lr"));
    assert!(holds(&records[4], b"test/accuracy") && !holds(&records[3], b"test/accuracy"));
    assert!(holds(&records[5], b"confusion") && holds(&records[5], b"\x89PNG"));
}

#[test]
fn an_export_that_follows_a_run_grows_with_it_and_ends_with_it() {
    let place = Place::new();
    let dir = place.run("it", &whole_run(0.5)[1..4]);
    let mut worker = Worker::on(&dir);
    let follower = place.start(&["export", "it", "--tensorboard", "logs", "--follow"]);
    let file = place.folder.path().join("logs").join(dir.id()).join("events.out.tfevents.0000000000.fixmatch");
    let n_records = || fs::read(&file).map_or(0, |bytes| records(&bytes).len());
    until("the first points are there", || (n_records() == 5).then_some(()));
    worker.say(progress(30));
    until("the next point is there", || (n_records() == 6).then_some(()));
    worker.say(Event::Resumed { step: 10 });
    worker.say(Event::Finished { step: 20 });
    drop(worker);
    end_of(follower).check(0, &[], &["the run is finished"]);
    let records = records(&fs::read(&file).expect("written"));
    let [.., restart, end] = &records[..] else { panic!("{records:?}") };
    assert_eq!(restart[restart.len() - 6..], [0x10, 11, 0x3a, 2, 8, 1], "a restart at step 11");
    assert!(holds(end, b"session_end_info"), "how it ended");
}
