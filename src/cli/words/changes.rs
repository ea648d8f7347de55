//! The recorded changes of a run, and what became of each.

use fixmatch::run::change::Change;
use fixmatch::run::history::{Entry, Fate};
use fixmatch::run::state::RunState;
use serde::Serialize;

/// A recorded change, and whether it counts.
#[derive(Serialize)]
pub struct Changed {
    number: u32,
    /// The step from which it holds.
    pub step: u64,
    #[serde(flatten)]
    pub change: Change,
    who: String,
    time: f64,
    /// Whether it counts, in words.
    pub state: String,
}

impl Changed {
    /// Every change of a run, with what became of it. From `ahead_from` on they lie ahead.
    pub fn all(state: &RunState, ahead_from: u64) -> Vec<Self> {
        let history = &state.history;
        let of = |entry: &Entry| {
            let words = match (entry.fate, history.undone_by(entry.number)) {
                (Fate::Dropped, _) => "dropped".to_owned(),
                (Fate::Cancelled { by }, _) => format!("cancelled by change {by}"),
                (Fate::Stands, _) if entry.step >= ahead_from => "lies ahead".into(),
                (Fate::Stands, Some(by)) => format!("undone by change {by}"),
                (Fate::Stands, None) => "in force".into(),
            };
            let who = entry.who.clone();
            Self { number: entry.number, step: entry.step, change: entry.change, who, time: entry.time, state: words }
        };
        history.entries().iter().map(of).collect()
    }

    /// As a line of a table.
    pub fn row(&self) -> Vec<String> {
        let when = jiff::Timestamp::from_second(self.time as i64).map_or_else(|_| String::new(), |it| it.to_string());
        vec![
            self.number.to_string(),
            self.step.to_string(),
            self.change.to_string(),
            self.who.clone(),
            when,
            self.state.clone(),
        ]
    }
}
