//! What happened in a run, as lines: events as sentences, and the worker's output as it is.

use std::borrow::Cow;

use fixmatch::run::event::{Event, Progress, Record};

use crate::console::input::{Cursor, Input};
use crate::console::text::clean;
use crate::words::events::sentence;

mod keys;
mod view;

/// What is shown.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum View {
    /// Events without the points of the curves.
    #[default]
    Milestones,
    /// All events.
    Events,
    /// The worker's output.
    Output,
}

impl View {
    /// As a user reads it.
    pub fn label(self) -> &'static str {
        match self {
            Self::Milestones => "what happened",
            Self::Events => "all events",
            Self::Output => "the worker's output",
        }
    }
}

/// Where the newest line stands.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Order {
    /// At the bottom.
    #[default]
    NewestLast,
    /// At the top.
    NewestFirst,
}

/// The lines of a run.
#[derive(Debug, Default)]
pub struct Log {
    /// What is shown.
    pub view: View,
    /// Where the newest line stands.
    pub order: Order,
    /// Letters that a shown line holds.
    pub filter: Input,
    /// Whether the filter is being typed.
    pub is_filtering: bool,
    /// The last line on the screen; None follows the newest.
    pub at: Option<Cursor>,
    entries: Vec<Entry>,
    output: Vec<String>,
    /// Which of the entries, or of the lines of output, are shown.
    shown: Vec<usize>,
}

/// An event that has a line.
#[derive(Debug)]
enum Entry {
    /// A point of the curves, with what its line says: there are thousands.
    Point { time: f64, step: u64, loss: f64, mask_ratio: Option<f64>, lr: f64, images_per_s: f64 },
    /// Another event.
    Other(Box<Record>),
}

impl Entry {
    /// None where it has no line.
    fn new(mut record: Record) -> Option<Self> {
        match &mut record.event {
            Event::Progress(it) => {
                let (step, loss, mask_ratio, lr) = (it.step, it.loss, it.mask_ratio, it.lr);
                return Some(Self::Point {
                    time: record.time,
                    step,
                    loss,
                    mask_ratio,
                    lr,
                    images_per_s: it.images_per_s,
                });
            }
            Event::Evaluated(evaluated) => evaluated.shorten(),
            _ => {}
        }
        sentence(&record.event)?;
        Some(Self::Other(Box::new(record)))
    }

    /// The event, as far as its line says it.
    fn record(&self) -> Cow<'_, Record> {
        match self {
            &Self::Point { time, step, loss, mask_ratio, lr, images_per_s } => {
                let progress = Progress { step, loss, mask_ratio, lr, images_per_s, ..Progress::default() };
                Cow::Owned(Record { time, event: Event::Progress(progress) })
            }
            Self::Other(record) => Cow::Borrowed(record),
        }
    }
}

/// The worker's output is kept to so many lines.
const MAX_OUTPUT: usize = 20_000;

impl Log {
    /// Adds what is new.
    pub fn extend(&mut self, records: Vec<Record>, output: &[String]) {
        let (n_entries, n_output) = (self.entries.len(), self.output.len());
        self.entries.extend(records.into_iter().filter_map(Entry::new));
        self.output.extend(output.iter().map(|line| clean(line)));
        let excess = self.output.len().saturating_sub(MAX_OUTPUT);
        self.output.drain(..excess);
        if excess > 0 && self.view == View::Output {
            return self.select_again(excess);
        }
        let new = match self.view {
            View::Milestones | View::Events => n_entries..self.entries.len(),
            View::Output => n_output..self.output.len(),
        };
        let new: Vec<_> = new.filter(|&i| self.is_shown(i)).collect();
        self.shown.extend(new);
    }

    /// Shows the next kind of lines.
    pub fn next_view(&mut self) {
        self.view = match self.view {
            View::Milestones => View::Events,
            View::Events => View::Output,
            View::Output => View::Milestones,
        };
        self.select();
    }

    /// Finds the lines to show anew, after the view or the filter changed.
    pub fn select(&mut self) {
        let n = match self.view {
            View::Milestones | View::Events => self.entries.len(),
            View::Output => self.output.len(),
        };
        self.shown = (0..n).filter(|&i| self.is_shown(i)).collect();
        self.at = None;
    }

    /// Finds the lines to show anew after the first `n_gone` of the output are gone. One that was scrolled to stays.
    fn select_again(&mut self, n_gone: usize) {
        let at = self.at;
        let n_before = self.shown.partition_point(|&i| i < n_gone);
        self.select();
        self.at = at.map(|cursor| Cursor { at: cursor.at.saturating_sub(n_before), ..cursor });
    }

    fn is_shown(&self, i: usize) -> bool {
        let is_point = matches!(self.entries.get(i), Some(Entry::Point { .. }));
        if self.view == View::Milestones && is_point {
            return false;
        }
        let wanted = self.filter.text.to_lowercase();
        self.text(i).is_some_and(|text| wanted.is_empty() || text.to_lowercase().contains(&wanted))
    }

    fn text(&self, i: usize) -> Option<String> {
        match self.view {
            View::Milestones | View::Events => sentence(&self.entries.get(i)?.record().event).map(|text| clean(&text)),
            View::Output => self.output.get(i).cloned(),
        }
    }

    /// How many lines there are to show.
    pub fn n(&self) -> usize {
        self.shown.len()
    }

    /// Puts the newest line to the other end.
    pub fn turn_over(&mut self) {
        self.order = match self.order {
            Order::NewestLast => Order::NewestFirst,
            Order::NewestFirst => Order::NewestLast,
        };
        self.at = None;
    }

    /// Scrolls down the screen; past the newest line, it is followed again.
    pub fn scroll(&mut self, by: isize) {
        let by = if self.order == Order::NewestFirst { -by } else { by };
        let n = self.n();
        let mut cursor = self.at.unwrap_or(Cursor { at: n.saturating_sub(1), ..Cursor::default() });
        cursor.step(by, n);
        self.at = (cursor.at + 1 < n).then_some(cursor);
    }

    /// The lines that fill `height`, up to the one that is scrolled to: the event, if it is one, and the text.
    pub fn lines(&self, height: usize) -> Vec<(Option<Cow<'_, Record>>, String)> {
        let end = self.at.map_or(self.n(), |cursor| (cursor.at + 1).max(height).min(self.n()));
        let start = end.saturating_sub(height);
        let line = |&i: &usize| {
            let record = match self.view {
                View::Milestones | View::Events => self.entries.get(i).map(Entry::record),
                View::Output => None,
            };
            (record, self.text(i).unwrap_or_default())
        };
        self.shown[start..end].iter().map(line).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn log() -> Log {
        let mut log = Log::default();
        let point = Event::Progress(Progress { step: 5, ..Progress::default() });
        let events = [Event::Paused { step: 1 }, point, Event::Continued { step: 1 }, Event::Finished { step: 9 }];
        let records = events.map(|event| Record { time: 0.0, event }).to_vec();
        log.extend(records, &["\x1b[31mpanic\x1b[0m".into()]);
        log
    }

    fn texts(log: &Log) -> Vec<String> {
        log.lines(9).into_iter().map(|(_, text)| text).collect()
    }

    #[test]
    fn points_of_the_curves_are_shown_on_request_and_output_without_escapes() {
        let mut log = log();
        assert_eq!(texts(&log), ["paused at step 1", "going on at step 1", "finished all 9 steps"]);
        log.next_view();
        assert_eq!(log.n(), 4);
        log.next_view();
        assert_eq!(texts(&log), ["␛[31mpanic␛[0m"]);
    }

    #[test]
    fn a_filter_holds_for_new_lines_too() {
        let mut log = log();
        log.filter.text = "PAUSED".into();
        log.select();
        log.extend(vec![Record { time: 1.0, event: Event::Paused { step: 7 } }], &[]);
        assert_eq!(texts(&log), ["paused at step 1", "paused at step 7"]);
    }

    #[test]
    fn what_was_scrolled_to_in_the_output_stays_as_its_first_lines_leave() {
        let mut log = Log { view: View::Output, ..Log::default() };
        let lines = |numbers: std::ops::Range<usize>| numbers.map(|i| format!("line {i}")).collect::<Vec<_>>();
        log.extend(Vec::new(), &lines(0..MAX_OUTPUT));
        log.scroll(-10);
        let shown = log.lines(1)[0].1.clone();
        assert_eq!(shown, format!("line {}", MAX_OUTPUT - 11));
        log.extend(Vec::new(), &lines(MAX_OUTPUT..MAX_OUTPUT + 5));
        assert_eq!((log.lines(1)[0].1.clone(), log.n()), (shown, MAX_OUTPUT));
    }

    #[test]
    fn with_the_newest_line_first_scrolling_down_goes_back_in_time() {
        let mut log = log();
        log.turn_over();
        log.scroll(2);
        assert_eq!(log.lines(1)[0].1, "paused at step 1");
        log.scroll(-9);
        assert_eq!(log.at, None);
    }

    #[test]
    fn scrolling_leaves_the_newest_line_and_comes_back_to_it() {
        let mut log = log();
        log.scroll(-2);
        assert_eq!(log.lines(1)[0].1, "paused at step 1");
        log.scroll(9);
        assert_eq!(log.at, None);
    }
}
