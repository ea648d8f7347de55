//! No number in a log, however absurd, takes the console down.

use fixmatch::run::event::{Event, Record};
use ratatui::Terminal;
use ratatui::backend::TestBackend;
use serde_json::{Value, json};

use super::screens::run::{OpenRun, Reading};
use super::{sample, views};

/// A value with one of its numbers replaced, for each of them and each extreme.
fn with_extremes(value: &Value) -> Vec<Value> {
    let extremes =
        [json!(0), json!(1), json!(u64::MAX), json!(1_u64 << 63), json!(-1), json!(1e308), json!(-1e308), json!(null)];
    let mut places = Vec::new();
    numbers(value, &mut String::new(), &mut places);
    let mut found = Vec::new();
    for place in places {
        for extreme in &extremes {
            let mut value = value.clone();
            *value.pointer_mut(&place).expect("a place in it") = extreme.clone();
            found.push(value);
        }
    }
    found
}

/// Where numbers are; of a list, the first ones stand for all.
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
        Value::Array(items) => items.iter().take(2).enumerate().for_each(|(i, inner)| enter(&i.to_string(), inner)),
        Value::Null | Value::Bool(_) | Value::String(_) => {}
    }
}

/// A record of each kind, and lists that are too long, too short or ragged.
fn kinds() -> Vec<Value> {
    let mut kinds: Vec<Value> = Vec::new();
    for record in sample::records(48) {
        let value = serde_json::to_value(record).expect("JSON");
        if kinds.iter().all(|other| other["event"] != value["event"]) {
            kinds.push(value);
        }
    }
    let more = [
        json!({"time": 1.0, "event": "paused", "step": 7}),
        json!({"time": 1.0, "event": "resumed", "step": 7}),
        json!({"time": 1.0, "event": "failed", "step": 7, "reason": "x"}),
        json!({"time": 1.0, "event": "applied", "id": "1", "step": 7, "change": {"steps": 100}}),
        json!({"time": 1.0, "event": "applied", "id": "1", "step": 7, "change": {"threshold": 0.5}}),
        json!({"time": 1.0, "event": "applied", "id": "1", "step": 7, "change": {"lr_factor": 0.5}}),
    ];
    kinds.extend(more);
    let evaluated = kinds.iter().find(|kind| kind["event"] == "evaluated").expect("one").clone();
    for part in ["/ema/per_class", "/ema/confusion", "/ema/confusion/0", "/raw/per_class", "/raw/confusion"] {
        for list in [json!([]), json!([[]]), json!([1]), json!([[1, 2], [3]])] {
            let mut ragged = evaluated.clone();
            *ragged.pointer_mut(part).expect("a list") = list;
            kinds.push(ragged);
        }
    }
    kinds
}

#[test]
fn no_number_of_a_log_takes_the_console_down() {
    let mut n_read = 0;
    for kind in kinds() {
        let lines: Vec<Value> = std::iter::once(kind.clone()).chain(with_extremes(&kind)).collect();
        let records: Vec<Record> = lines.iter().filter_map(|line| serde_json::from_value(line.clone()).ok()).collect();
        n_read += records.iter().filter(|record| record.event != Event::Unknown).count();
        for chunk in records.chunks(4) {
            let mut app = sample::app_on_run();
            let mut run: OpenRun = sample::run();
            for record in chunk {
                let reading = Reading { records: vec![record.clone()], ..Reading::default() };
                run.take(reading, sample::NOW);
            }
            let _ = run.state.summary();
            *app.run_mut().expect("open") = run;
            let drawn = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| {
                let mut terminal = Terminal::new(TestBackend::new(120, 40)).expect("a terminal");
                terminal.draw(|frame| views::draw(frame, &mut app)).expect("drawn");
            }));
            assert!(drawn.is_ok(), "{}", serde_json::to_string(chunk).expect("JSON"));
        }
    }
    assert!(n_read > 300, "only {n_read} of the lines are events");
}
