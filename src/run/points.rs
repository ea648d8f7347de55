//! Every number of a run's curves, a row for each step: what other programs draw.
//!
//! A step that was taken again after a resume is there once, as it was taken last.

use crate::run::event::{Evaluated, Event, Progress, Record};

/// The numbers of one step.
#[derive(Clone, Debug, PartialEq)]
pub struct Row {
    /// Steps done.
    pub step: u64,
    /// When the last of them was written, in seconds since 1970.
    pub time: f64,
    /// Each with its name. Those that are not numbers are left out.
    pub values: Vec<(String, f64)>,
}

/// The rows of a run: the fold of its events.
#[derive(Clone, Debug, Default)]
pub struct Points {
    /// When the first event was written.
    pub began: Option<f64>,
    /// In the order of the steps.
    pub rows: Vec<Row>,
    classes: Vec<String>,
}

impl Points {
    /// Takes one more event into account.
    pub fn apply(&mut self, record: &Record) {
        self.began.get_or_insert(record.time);
        match &record.event {
            Event::Started(started) => {
                self.classes = started.classes.iter().map(|name| name.raw().to_owned()).collect();
            }
            Event::Resumed { step } => self.rows.retain(|row| row.step <= *step),
            event => {
                if let Some((step, values)) = self.values_of(event) {
                    self.put(record.time, step, values);
                }
            }
        }
    }

    /// The step and the numbers of an event that has any.
    pub fn values_of(&self, event: &Event) -> Option<(u64, Vec<(String, f64)>)> {
        let (step, mut values) = match event {
            Event::Progress(progress) => (progress.step, of_progress(progress)),
            Event::Evaluated(evaluated) => (evaluated.step, of_evaluated(evaluated, &self.classes)),
            Event::Compared(compared) => (compared.step, vec![("networks/agreement".into(), compared.agreement)]),
            _ => return None,
        };
        values.retain(|(_, value)| value.is_finite());
        Some((step, values))
    }

    /// All names, in the order in which they came.
    pub fn names(&self) -> Vec<&str> {
        let mut seen = std::collections::HashSet::new();
        let names = self.rows.iter().flat_map(|row| row.values.iter().map(|(name, _)| name.as_str()));
        names.filter(|name| seen.insert(*name)).collect()
    }

    /// Puts numbers into the row of their step, over older ones of the same name.
    fn put(&mut self, time: f64, step: u64, values: Vec<(String, f64)>) {
        let at = self.rows.partition_point(|row| row.step < step);
        if self.rows.get(at).is_none_or(|row| row.step != step) {
            self.rows.insert(at, Row { step, time, values: Vec::new() });
        }
        let row = &mut self.rows[at];
        row.time = time;
        for (name, value) in values {
            match row.values.iter_mut().find(|(known, _)| *known == name) {
                Some((_, known)) => *known = value,
                None => row.values.push((name, value)),
            }
        }
    }
}

fn of_progress(progress: &Progress) -> Vec<(String, f64)> {
    let nan = f64::NAN;
    let values = [
        ("loss/total", progress.loss),
        ("loss/supervised", progress.loss_supervised),
        ("loss/unsupervised", progress.loss_unsupervised),
        ("pseudo_labels/mask_ratio", progress.mask_ratio.unwrap_or(nan)),
        ("pseudo_labels/purity", progress.pseudo_label_accuracy.unwrap_or(nan)),
        ("train/lr", progress.lr),
        ("train/images_per_s", progress.images_per_s),
        ("train/data_wait", progress.data_wait),
        ("train/memory_bytes", progress.memory_bytes as f64),
    ];
    values.map(|(name, value)| (name.to_owned(), value)).to_vec()
}

fn of_evaluated(evaluated: &Evaluated, classes: &[String]) -> Vec<(String, f64)> {
    let values = [
        ("test/accuracy", evaluated.ema.accuracy),
        ("test/loss", evaluated.ema.loss),
        ("test_raw/accuracy", evaluated.raw.accuracy),
        ("test_raw/loss", evaluated.raw.loss),
    ];
    let mut values = values.map(|(name, value)| (name.to_owned(), value)).to_vec();
    for (class, accuracy) in evaluated.ema.per_class.iter().enumerate() {
        let name = classes.get(class).cloned().unwrap_or_else(|| class.to_string());
        values.extend(accuracy.map(|accuracy| (format!("test_class/{name}"), accuracy)));
    }
    values
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::run::event::Compared;

    fn progress(time: f64, step: u64, loss: f64) -> Record {
        Record { time, event: Event::Progress(Progress { step, loss, ..Progress::default() }) }
    }

    #[test]
    fn a_step_that_was_taken_twice_is_there_once_as_it_was_taken_last() {
        let mut points = Points::default();
        let accuracy =
            |step| Record { time: 9.0, event: Event::Evaluated(Box::new(Evaluated { step, ..Evaluated::default() })) };
        for record in [progress(1.0, 10, 1.0), progress(2.0, 20, 2.0), progress(3.0, 30, f64::NAN)] {
            points.apply(&record);
        }
        points.apply(&Record { time: 4.0, event: Event::Resumed { step: 10 } });
        points.apply(&progress(5.0, 20, 4.0));
        points.apply(&accuracy(20));
        points.apply(&accuracy(20));
        let steps: Vec<_> = points.rows.iter().map(|row| (row.step, row.time)).collect();
        assert_eq!(steps, [(10, 1.0), (20, 9.0)]);
        assert_eq!(points.rows[1].values[0], ("loss/total".into(), 4.0));
        let compared = Compared { step: 30, agreement: 0.5, ..Compared::default() };
        points.apply(&Record { time: 10.0, event: Event::Compared(Box::new(compared)) });
        assert_eq!(points.rows[2].values, [("networks/agreement".into(), 0.5)]);
        assert_eq!(points.names().iter().filter(|name| **name == "test/accuracy").count(), 1);
    }
}
