use proptest::prelude::*;

use super::*;

fn config() -> RunConfig {
    let mut config = RunConfig::default();
    config.train.steps = 1000;
    config
}

/// A log that requests are answered in, as a worker and a reader share it.
#[derive(Default)]
struct Log {
    records: Vec<Record>,
    history: History,
}

impl Log {
    fn ask(&mut self, request: Request, done: u64) -> Result<Event> {
        let event = self.history.answer(request, "id", done, &start(&config()))?;
        let record = Record { time: 0.0, event: event.clone() };
        let line = serde_json::to_string(&record).expect("serialises");
        let record: Record = serde_json::from_str(&line).expect("parses");
        self.history.apply(&record);
        self.records.push(record);
        Ok(event)
    }

    fn live(&self, step: u64) -> Live {
        self.history.live(&start(&config()), step)
    }
}

#[test]
fn a_value_set_after_a_crash_is_not_undone_by_an_older_one_that_lies_ahead() {
    let mut log = Log::default();
    log.ask(Request::Set(Change::Threshold(0.3)), 117).expect("set");
    log.ask(Request::Set(Change::Threshold(0.9)), 100).expect("set after going back to 100");
    assert_eq!((log.live(99).threshold, log.live(100).threshold, log.live(500).threshold), (0.95, 0.9, 0.9));
    assert_eq!(log.history.before(2, &start(&config())), Some(Change::Threshold(0.95)));
    assert_eq!(log.history.entries()[0].fate, Fate::Cancelled { by: 2 });
}

#[test]
fn a_log_without_cancellations_folds_by_steps_as_before() {
    let mut history = History::default();
    for (step, value) in [(117, 0.3), (100, 0.9)] {
        let line =
            format!(r#"{{"time":1.0,"event":"applied","id":"1","step":{step},"change":{{"threshold":{value}}}}}"#);
        history.apply(&serde_json::from_str(&line).expect("parses"));
    }
    let at = |step| history.live(&start(&config()), step).threshold;
    assert_eq!((at(110), at(117)), (0.9, 0.3));
}

#[test]
fn undo_walks_back_through_all_changes_one_by_one() {
    let mut log = Log::default();
    for (change, step) in [(Change::Threshold(0.9), 10), (Change::LrFactor(0.5), 20), (Change::Threshold(0.8), 30)] {
        log.ask(Request::Set(change), step).expect("set");
    }
    let values = [40, 41, 42].map(|step| {
        log.ask(Request::Undo, step).expect("undone");
        let live = log.live(step);
        (live.threshold, live.lr_factor)
    });
    assert_eq!(values, [(0.9, 0.5), (0.9, 1.0), (0.95, 1.0)]);
    assert_eq!(log.ask(Request::Undo, 43).expect_err("all undone").to_string(), "nothing is left to undo");
}

#[test]
fn what_lies_ahead_can_be_edited_and_what_was_trained_under_cannot() {
    let mut log = Log::default();
    log.ask(Request::Set(Change::LrFactor(50.0)), 415).expect("set");
    let edit = |log: &mut Log, edit, done| log.ask(Request::Edit(edit), done).map_err(|error| error.to_string());
    for (wrong, done, expected) in [
        (Edit::Drop(1), 416, "lies behind step 416"),
        (Edit::Drop(2), 400, "there is no change 2"),
        (Edit::Value(1, Change::Threshold(0.5)), 400, "is of lr_factor, not of threshold"),
        (Edit::Value(1, Change::LrFactor(0.0)), 400, "lr_factor must be more than 0"),
        (Edit::Move(1, 399), 400, "to step 400 at the earliest"),
        (Edit::Move(1, 1000), 400, "before step 1000, where the run ends"),
    ] {
        let error = edit(&mut log, wrong, done).expect_err(expected);
        assert!(error.contains(expected), "{error}");
    }
    edit(&mut log, Edit::Value(1, Change::LrFactor(2.0)), 400).expect("edited");
    edit(&mut log, Edit::Move(1, 450), 400).expect("moved");
    assert_eq!((log.live(449).lr_factor, log.live(450).lr_factor), (1.0, 2.0));
    assert_eq!(log.history.find("lr_factor@450").expect("found"), 1);
    edit(&mut log, Edit::Drop(1), 400).expect("dropped");
    assert_eq!(log.live(999), start(&config()));
    assert!(edit(&mut log, Edit::Drop(1), 400).expect_err("gone").contains("was dropped"));
}

#[test]
fn a_failure_is_blamed_on_the_change_that_made_larger_steps_shortly_before() {
    let mut log = Log::default();
    for (change, step) in [(Change::LrFactor(50.0), 415), (Change::Threshold(0.9), 417)] {
        log.ask(Request::Set(change), step).expect("set");
    }
    let suspect = |step| log.history.suspect(step, &start(&config())).map(|it| it.number);
    assert_eq!((suspect(414), suspect(419), suspect(900)), (None, Some(1), None));
}

#[derive(Clone, Debug)]
enum Deed {
    Step(u64),
    Set(usize, u8),
    Undo,
    Drop(u32),
    Crash,
}

fn deed() -> impl Strategy<Value = Deed> {
    prop_oneof![
        (1..30_u64).prop_map(Deed::Step),
        (0..3_usize, 1..90_u8).prop_map(|(key, value)| Deed::Set(key, value)),
        Just(Deed::Undo),
        (1..8_u32).prop_map(Deed::Drop),
        Just(Deed::Crash),
    ]
}

proptest! {
    /// A run that saves every 20 steps takes steps, is changed and crashes. At the end the log says of every step what it
    /// was taken under, and the newest change of a value is the one in force.
    #[test]
    fn a_reader_finds_the_values_that_each_step_was_taken_under(deeds in prop::collection::vec(deed(), 1..40)) {
        let (mut log, mut done, mut taken) = (Log::default(), 0_u64, Vec::new());
        for deed in deeds {
            match deed {
                Deed::Step(n) => {
                    for step in done..done + n {
                        taken.push(log.live(step));
                    }
                    done += n;
                }
                Deed::Set(key, value) => {
                    let x = f64::from(value) / 100.0;
                    let change = [Change::Threshold(x), Change::LambdaU(x), Change::LrFactor(x)][key];
                    log.ask(Request::Set(change), done).expect("in range");
                    for step in [done, done + 25, 900] {
                        prop_assert_eq!(log.live(step).value_like(change), change, "the later change wins");
                    }
                }
                Deed::Undo => drop(log.ask(Request::Undo, done)),
                Deed::Drop(number) => drop(log.ask(Request::Edit(Edit::Drop(number)), done)),
                Deed::Crash => {
                    done = done / 20 * 20;
                    taken.truncate(done as usize);
                }
            }
        }
        let mut reader = History::default();
        for record in &log.records {
            reader.apply(record);
        }
        for (step, live) in taken.iter().enumerate() {
            prop_assert_eq!(&reader.live(&start(&config()), step as u64), live, "step {}", step);
        }
    }
}
