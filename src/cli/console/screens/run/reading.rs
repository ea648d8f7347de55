//! What the follower of an open run read, and what it changes.

use std::time::Duration;

use fixmatch::compare::crossval::Crossval;
use fixmatch::run::change::Request;
use fixmatch::run::curves::Curves;
use fixmatch::run::event::{Event, Record};
use fixmatch::run::file::RunFile;
use fixmatch::run::heartbeat::Phase;
use fixmatch::run::seen::{Digest, Seen};
use fixmatch::run::state::{RunState, Status};

use super::OpenRun;
use crate::console::marks::Marks;

/// How a run stands this moment.
#[derive(Clone, Debug, PartialEq)]
pub struct Glance {
    /// Its status.
    pub status: Status,
    /// The steps done, by the heartbeat.
    pub step: u64,
    /// What the worker is doing.
    pub phase: Option<Phase>,
    /// How long the rest takes at the recent rate.
    pub remaining: Option<Duration>,
    /// How long the worker has given no sign of life.
    pub silent: Option<Duration>,
    /// From this step on recorded changes lie ahead.
    pub ahead_from: u64,
}

/// What events come to.
#[derive(Debug, Default)]
pub struct Folded {
    /// How the run stands.
    pub state: RunState,
    /// Its curves.
    pub curves: Curves,
    /// Its checkpoints and forks.
    pub marks: Marks,
}

/// The most points of a curve of many runs beside each other: more than charts have columns.
const MOST_POINTS: usize = 1024;

impl Folded {
    /// Takes one more event into account.
    pub fn apply(&mut self, record: &Record) {
        fold(record, &mut self.state, &mut self.curves, &mut self.marks);
    }

    /// Leaves out what is not seen of one of many runs.
    pub fn outline(&mut self) {
        self.curves = self.curves.outline(MOST_POINTS);
        self.state.outline();
    }
}

/// What a follower found.
#[derive(Debug, Default)]
pub struct Reading {
    /// `run.toml`, the first time and when it changed.
    pub file: Option<Result<Box<RunFile>, String>>,
    /// What all events so far come to, where they were folded by the follower.
    pub folded: Option<Box<Folded>>,
    /// New events.
    pub records: Vec<Record>,
    /// New lines of the worker's output.
    pub output: Vec<String>,
    /// The digest of its labeled images, once.
    pub labeled: Option<String>,
    /// How it stands.
    pub glance: Option<Glance>,
    /// What its cross-validation has come to, where there are no test images and that is new.
    pub crossval: Option<Crossval>,
    /// What the user saw of it when they last looked; read once, with the first events.
    pub seen: Option<Seen>,
    /// What cannot be read.
    pub error: Option<String>,
}

/// Takes one more event into what screens show of a run.
fn fold(record: &Record, state: &mut RunState, curves: &mut Curves, marks: &mut Marks) {
    state.apply(record);
    if let (Event::Evaluated(_), Some(last)) = (&record.event, state.evaluations.last_mut()) {
        last.raw.confusion = Vec::new(); // no screen shows it
    }
    curves.apply(record);
    marks.apply(&record.event);
}

/// How far a request has come.
#[derive(Clone, Debug, PartialEq)]
pub enum Stage {
    /// In the mailbox.
    Posted,
    /// Read by the worker.
    Accepted,
    /// In force from this step on.
    Applied(u64),
    /// Not followed.
    Refused(String),
}

/// A request of this console's or another one's.
#[derive(Clone, Debug, PartialEq)]
pub struct Asked {
    /// Its file's name.
    pub id: String,
    /// What was asked, in words.
    pub what: String,
    /// Who asked, if it was not this console.
    pub who: Option<String>,
    /// How far it has come.
    pub stage: Stage,
    /// When it came so far.
    pub at: f64,
}

impl OpenRun {
    /// Takes in what the follower found.
    pub fn take(&mut self, reading: Reading, now: f64) {
        let is_first = self.glance.is_none();
        if let Some(folded) = reading.folded {
            Folded { state: self.state, curves: self.curves, marks: self.marks } = *folded;
        }
        for record in &reading.records {
            self.apply(record, is_first, now);
        }
        self.state.forget_points(); // the curves have them
        self.file = reading.file.or(self.file.take());
        self.error = reading.error;
        self.labeled = reading.labeled.or(self.labeled.take());
        self.crossval = reading.crossval.or(self.crossval.take());
        if let Some(glance) = reading.glance {
            self.glance = Some(glance);
        }
        if let Some(seen) = reading.seen {
            let remaining = self.remaining().map(|left| left.as_secs_f64());
            self.digest = Digest::of(seen, &self.state, &reading.records, remaining);
        }
        self.log.extend(reading.records, &reading.output);
        self.follow_charts();
    }

    /// Tells the charts of new points, and whether more will come.
    pub fn follow_charts(&mut self) {
        self.charts.follow(&self.curves, self.steps(), !self.status().is_alive());
    }

    fn apply(&mut self, record: &Record, is_past: bool, now: f64) {
        fold(record, &mut self.state, &mut self.curves, &mut self.marks);
        match &record.event {
            Event::Accepted { id, request, who } if !is_past => {
                self.heard(id, Some((who, *request)), Stage::Accepted, now);
            }
            Event::Applied { id, step, .. } | Event::Edited { id, step, .. } => {
                self.heard(id, None, Stage::Applied(*step), now);
            }
            Event::Refused { id, reason } => self.heard(id, None, Stage::Refused(reason.clone()), now),
            _ => {}
        }
    }

    /// Takes note of an answer to the request that was last heard of, or of another console's request.
    fn heard(&mut self, id: &str, request: Option<(&String, Request)>, stage: Stage, now: f64) {
        match (&mut self.asked, request) {
            (Some(asked), _) if asked.id == id => (asked.stage, asked.at) = (stage, now),
            (asked, Some((who, request))) => {
                let (id, what) = (id.to_owned(), words(request));
                *asked = Some(Asked { id, what, who: Some(who.clone()), stage, at: now });
            }
            (_, None) => {}
        }
    }

    /// Takes note of a request that this console put into the mailbox.
    pub fn posted(&mut self, id: String, request: Request, now: f64) {
        self.asked = Some(Asked { id, what: words(request), who: None, stage: Stage::Posted, at: now });
    }
}

/// A request as a user names it.
fn words(request: Request) -> String {
    match request {
        Request::Stop => "stop".into(),
        Request::Suspend => "suspend".into(),
        Request::Pause => "pause".into(),
        Request::Continue => "go on".into(),
        Request::Checkpoint => "checkpoint".into(),
        Request::Evaluate => "evaluate".into(),
        Request::Set(change) => change.to_string(),
        Request::Undo => "undo".into(),
        Request::Edit(edit) => edit.to_string(),
    }
}

#[cfg(test)]
mod tests {
    use fixmatch::run::change::Change;

    use super::*;
    use crate::console::sample;

    #[test]
    fn a_request_is_followed_to_its_answer() {
        let mut run = sample::run();
        run.posted("5".into(), Request::Set(Change::Threshold(0.8)), 0.0);
        let answers = [
            Event::Accepted { id: "5".into(), request: Request::Pause, who: "me@here".into() },
            Event::Applied {
                id: "5".into(),
                step: 320,
                change: Some(Change::Threshold(0.8)),
                undoes: None,
                cancels: Vec::new(),
            },
        ];
        let stages = answers.map(|event| {
            let records = vec![Record { time: 5.0, event }];
            run.take(Reading { records, ..Reading::default() }, 1.0);
            run.asked.clone().expect("asked").stage
        });
        assert_eq!(stages, [Stage::Accepted, Stage::Applied(320)]);
        assert_eq!(run.live().expect("known").threshold, 0.8);
    }

    #[test]
    fn the_rest_of_a_run_is_not_taken_to_stand_still_as_long_as_the_run_just_did() {
        let remaining_after = |pause: f64| {
            let mut run = sample::run();
            let mut records = sample::records(40).split_off(sample::records(31).len());
            for record in &mut records {
                record.time += pause;
            }
            run.take(Reading { records, ..Reading::default() }, 1.0);
            run.glance.as_mut().expect("under way").remaining = None;
            run.remaining().map(|left| left.as_secs())
        };
        assert!(remaining_after(0.0).is_some_and(|left| left > 10));
        assert_eq!(remaining_after(600.0), remaining_after(0.0));
    }

    #[test]
    fn what_another_console_asks_is_heard_with_its_name() {
        let mut run = sample::run();
        let event = Event::Accepted { id: "9".into(), request: Request::Pause, who: "you@box".into() };
        run.take(Reading { records: vec![Record { time: 5.0, event }], ..Reading::default() }, 1.0);
        let asked = run.asked.expect("heard");
        assert_eq!((asked.what.as_str(), asked.who.as_deref()), ("pause", Some("you@box")));
    }
}
