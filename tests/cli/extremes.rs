//! No number in a log, however absurd, takes a command down: one bad line of one run must not hide all the others.

use std::fs::OpenOptions;
use std::io::Write as _;

use fixmatch::run::change::{Change, Edit};
use fixmatch::run::event::{Event, FailureKind, Record};
use fixmatch::run::insight::Pointer;
use serde_json::{Value, json};

use super::{Place, launched, started, unsealed, whole_run};

/// Lines with one of their numbers replaced by an extreme one.
fn lines_of_extremes(line: &Value) -> Vec<String> {
    let extremes =
        [json!(0), json!(u64::MAX), json!(1_u64 << 63), json!(1_i64 << 53), json!(-1), json!(1e308), json!(-1e308)];
    let mut places = Vec::new();
    numbers(line, &mut String::new(), &mut places);
    let mut lines = Vec::new();
    for place in places {
        for extreme in &extremes {
            let mut line = line.clone();
            *line.pointer_mut(&place).expect("a place in it") = extreme.clone();
            lines.push(line.to_string());
        }
    }
    lines
}

fn numbers(value: &Value, place: &mut String, found: &mut Vec<String>) {
    let length = place.len();
    let mut enter = |key: &str, inner: &Value| {
        place.push('/');
        place.push_str(key);
        numbers(inner, place, found);
        place.truncate(length);
    };
    match value {
        Value::Number(_) => found.push(place.clone()),
        Value::Object(fields) => fields.iter().for_each(|(key, inner)| enter(key, inner)),
        Value::Array(items) => items.iter().enumerate().for_each(|(i, inner)| enter(&i.to_string(), inner)),
        Value::Null | Value::Bool(_) | Value::String(_) => {}
    }
}

#[test]
fn a_log_with_absurd_numbers_is_read_by_every_command() {
    let mut events = whole_run(0.5);
    events.extend([
        Event::Paused { step: 7 },
        Event::Failed { step: 7, reason: "x".into(), kind: FailureKind::Unknown },
        Event::Resumed { step: 7 },
        Event::Insight(Pointer { step: 7, record: fixmatch::run::insight::Kind::Histogram, offset: 0, n_bytes: 10 }),
        Event::Applied { id: "1".into(), step: 7, change: Some(Change::Steps(9)), undoes: Some(1), cancels: vec![7] },
        Event::Edited { id: "2".into(), step: 7, edit: Edit::Move(1, 8) },
        Event::Diverged { step: 7, change: Some(1) },
    ]);
    for event in events {
        let line = serde_json::to_value(Record { time: 1.0, event }).expect("JSON");
        let place = Place::new();
        let dir = place.run("it", &[launched(), started()]);
        unsealed(&dir);
        place.run("sound", &whole_run(0.75));
        let mut log = OpenOptions::new().append(true).open(dir.events()).expect("opens");
        for line in lines_of_extremes(&line) {
            // twice, since some numbers are added up
            write!(log, "{line}\n{line}\n").expect("written");
        }
        for args in [
            &["runs"][..],
            &["runs", "--json"],
            &["show", "it"],
            &["show", "it", "--json"],
            &["pseudo", "it"],
            &["watch", "it", "--all"],
            &["attach", "it", "--brief"],
        ] {
            let output = place.command(args).output().expect("it starts"); // more than a pipe holds
            let (out, err) = (String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
            let is_sound = matches!(output.status.code(), Some(0 | 1)) && !err.contains("panicked");
            assert!(is_sound, "{args:?} on {line}: {err}");
            assert!(args != ["runs"] || out.contains("75.0 %"), "{out}");
        }
    }
}
