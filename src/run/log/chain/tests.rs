use std::fs;
use std::path::Path;

use crate::run::change::Change;
use crate::run::event::{Event, Record};
use crate::run::log::{EventLog, Follower};
use crate::run::state::RunState;

/// The steps of the events that are left, and what is said of the others.
fn read(path: &Path) -> (Vec<u64>, Vec<String>) {
    let mut follower = Follower::new(path.to_owned());
    let records = follower.read_new().expect("reads");
    let told = follower.damage().iter().map(ToString::to_string).collect();
    (records.iter().filter_map(step).collect(), told)
}

fn step(record: &Record) -> Option<u64> {
    match record.event {
        Event::Paused { step } => Some(step),
        _ => None,
    }
}

fn write(path: &Path, steps: impl IntoIterator<Item = u64>) {
    let mut log = EventLog::open(path).expect("opens");
    for step in steps {
        log.append(Event::Paused { step }).expect("appended");
    }
}

/// A log of six lines, `paused` at steps 1 to 6.
fn six_lines() -> (tempfile::TempDir, std::path::PathBuf) {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let path = folder.path().join("events.jsonl");
    write(&path, 1..=3);
    write(&path, 4..=6);
    (folder, path)
}

fn lines(path: &Path) -> Vec<String> {
    fs::read_to_string(path).expect("reads").lines().map(str::to_owned).collect()
}

type Spoil = fn(&mut Vec<String>);

#[test]
fn edited_cut_inserted_and_reordered_lines_are_told_and_the_others_read() {
    let cases: &[(&str, Spoil, &[u64], &[&str])] = &[
        ("nothing", |_| {}, &[1, 2, 3, 4, 5, 6], &[]),
        (
            "edited",
            |it| it[2] = it[2].replace(r#""step":3"#, r#""step":9"#),
            &[1, 2, 4, 5, 6],
            &["line 3 is not as it was written, and was passed over"],
        ),
        (
            "the first one edited",
            |it| it[0] = it[0].replace("paused", "pauses"),
            &[2, 3, 4, 5, 6],
            &["line 1 is not as it was written, and was passed over"],
        ),
        (
            "the last one edited",
            |it| it[5] = it[5].replace(r#""step":6"#, r#""step":7"#),
            &[1, 2, 3, 4, 5],
            &["line 6 is not as it was written, and was passed over"],
        ),
        ("one is cut", |it| drop(it.remove(3)), &[1, 2, 3, 5, 6], &["line 4 is lost"]),
        ("several are cut", |it| drop(it.drain(1..4)), &[1, 5, 6], &["lines 2 to 4 are lost"]),
        ("the first ones are cut", |it| drop(it.drain(..2)), &[3, 4, 5, 6], &["lines 1 to 2 are lost"]),
        ("the last ones are cut", |it| it.truncate(4), &[1, 2, 3, 4], &["lines 5 to 6 are lost"]),
        ("all are cut", Vec::clear, &[], &["lines 1 to 6 are lost"]),
        (
            "two are in another order",
            |it| it.swap(2, 4),
            &[1, 2, 3, 4, 5, 6],
            &["line 4 is out of order: it was line 4", "line 3 is out of order: it was line 5"],
        ),
        (
            "one is there twice",
            |it| it.insert(4, it[1].clone()),
            &[1, 2, 3, 4, 5, 6],
            &["line 5 was inserted, and was passed over"],
        ),
        (
            "one is inserted",
            |it| it.insert(4, r#"{"time":1.0,"event":"paused","step":8}"#.into()),
            &[1, 2, 3, 4, 5, 6],
            &["line 5 was inserted, and was passed over"],
        ),
        (
            "two became one",
            |it| {
                let second = it.remove(2);
                it[1].push_str(&second);
            },
            &[1, 4, 5, 6],
            &["line 2 is not as it was written, and was passed over", "1 of lines 2 to 3 are lost"],
        ),
        (
            "one became another one, with a number and a seal of its own",
            |it| {
                let folder = tempfile::tempdir().expect("a temporary folder");
                let path = folder.path().join("events.jsonl");
                write(&path, 11..=16);
                it[3] = lines(&path).remove(3);
            },
            &[1, 2, 3, 14, 5, 6],
            &["line 4 does not follow from the one before it", "line 5 does not follow from the one before it"],
        ),
    ];
    for (name, spoil, steps, told) in cases {
        let (_folder, path) = six_lines();
        let mut all = lines(&path);
        spoil(&mut all);
        fs::write(&path, all.iter().map(|line| line.to_owned() + "\n").collect::<String>()).expect("written");
        let (found, mut said) = read(&path);
        let mut told: Vec<_> = told.to_vec();
        said.sort();
        told.sort_unstable();
        assert_eq!((found, said), (steps.to_vec(), told.iter().map(ToString::to_string).collect()), "{name}");
    }
}

#[test]
fn no_flip_and_no_cut_of_a_log_is_silent() {
    let (_folder, path) = six_lines();
    let whole = fs::read(&path).expect("reads");
    let check = |text: &[u8], what: &str| {
        fs::write(&path, text).expect("written");
        let (steps, told) = read(&path);
        let is_less = steps.iter().all(|step| (1..=6).contains(step)) && steps.is_sorted();
        assert!(is_less && !told.is_empty(), "{what}: {steps:?} {told:?}");
    };
    for place in 0..whole.len() {
        let mut text = whole.clone();
        text[place] ^= 1 << (place % 8);
        check(&text, &format!("bit {} of byte {place}", place % 8));
        check(&whole[..place], &format!("cut at {place}"));
    }
}

#[test]
fn a_log_that_was_begun_without_seals_is_sealed_from_there_on() {
    let old = [r#"{"time":1.0,"event":"paused","step":1}"#, r#"{"time":1.0,"event":"paused","step":2}"#];
    let folder = tempfile::tempdir().expect("a temporary folder");
    let path = folder.path().join("events.jsonl");
    for torn in ["", r#"{"time":1.0,"eve"#] {
        fs::write(&path, old.join("\n") + "\n" + torn).expect("written");
        write(&path, 3..=4);
        let torn_line = ["line 3 is no event, and was passed over".to_owned()];
        let expected = if torn.is_empty() { &[][..] } else { &torn_line };
        assert_eq!(read(&path), (vec![1, 2, 3, 4], expected.to_vec()));
        let edited = fs::read_to_string(&path).expect("reads").replacen(r#""step":2"#, r#""step":7"#, 1);
        fs::write(&path, edited).expect("written");
        let n = if torn.is_empty() { 2 } else { 3 };
        assert!(read(&path).1.contains(&format!("lines 1 to {n} were changed, or some are lost")), "{:?}", read(&path));
        fs::remove_file(path.with_extension("seal")).expect("there");
    }
}

#[test]
fn a_line_that_a_crash_tore_is_no_damage_once_the_log_goes_on() {
    let (_folder, path) = six_lines();
    let whole = fs::read_to_string(&path).expect("reads");
    for torn in [r#"{"time":1.0,"event":"pau"#, r#"{"time":1.0,"event":"paused","step":9,"seal":"7-0"#] {
        fs::write(&path, whole.clone() + torn).expect("written");
        write(&path, 7..=8);
        assert_eq!(read(&path), ((1..=8).collect(), vec![]), "{torn}");
    }
}

#[test]
fn lines_that_are_missed_at_the_end_are_told_in_the_log_by_whoever_goes_on() {
    let (_folder, path) = six_lines();
    let four: String = lines(&path)[..4].iter().map(|line| line.to_owned() + "\n").collect();
    fs::write(&path, four).expect("written");
    write(&path, 5..=5);
    let records = Follower::new(path.clone()).read_new().expect("reads");
    assert_eq!(records.iter().filter_map(step).collect::<Vec<_>>(), [1, 2, 3, 4, 5]);
    let warning = Event::warning("events.jsonl: lines 5 to 6 are lost");
    assert!(records.iter().any(|record| record.event == warning));
    assert_eq!(read(&path).1, Vec::<String>::new());
}

#[test]
fn one_knows_whether_a_damaged_line_was_a_change() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let path = folder.path().join("events.jsonl");
    let mut log = EventLog::open(&path).expect("opens");
    let change = Some(Change::Threshold(0.5));
    let applied = Event::Applied { id: "1".into(), step: 2, change, undoes: None, cancels: Vec::new() };
    for event in [Event::Paused { step: 1 }, applied, Event::Paused { step: 3 }] {
        log.append(event).expect("appended");
    }
    let doubt = || {
        let (mut follower, mut state) = (Follower::new(path.clone()), RunState::default());
        follower.read_new().expect("reads").iter().for_each(|record| state.apply(record));
        follower.doubt(&state.history)
    };
    assert_eq!(doubt(), None);
    let whole = lines(&path);
    for (gone, is_doubted) in [(0, false), (1, true), (2, false)] {
        let mut left = whole.clone();
        left.remove(gone);
        fs::write(&path, left.join("\n") + "\n").expect("written");
        assert_eq!(doubt().is_some(), is_doubted, "line {}", gone + 1);
    }
    let without_change = [&*whole[0], &*whole[2]].join("\n") + "\n";
    fs::write(&path, without_change).expect("written");
    write(&path, 4..=4);
    assert!(doubt().is_some(), "who goes on does not forget it");
}
