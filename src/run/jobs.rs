//! The jobs of a cluster that a run was trained in: one run over any number of them, and why each ended before it was done.

use serde::{Deserialize, Serialize};

use crate::run::change::Request;
use crate::run::event::{Event, Job};
use crate::run::mailbox::BY_SIGNAL;

/// Who asks a run to suspend before its job's time limit, as the log says it.
pub const TIME_LIMIT: &str = "Slurm, before the time limit,";

/// Who asks a run to suspend since its job has to make room.
pub const PREEMPTION: &str = "Slurm, for a preemption,";

/// Why a job ended before its run was done.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Interruption {
    /// It had used up its time.
    Timeout,
    /// Anything else that nobody asked for here: another job took its place, somebody queued it again, a node failed.
    Preemption,
}

/// The jobs of a run, by its log.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Jobs {
    /// Their names, each once, oldest first.
    pub ids: Vec<String>,
    /// How often a job of it ended since its time was used up, but for the last one.
    timeouts: u32,
    /// How often it was interrupted otherwise, but for the last one.
    preemptions: u32,
    last: Option<Job>,
    /// Whether and why the last job ends early; None while it does not.
    ending: Option<Ending>,
}

/// How a job ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
enum Ending {
    /// Its time was used up.
    Timeout,
    /// It was told to make room.
    Preemption,
    /// Its run is done or has failed, or a user asked for it.
    Meant,
}

impl Jobs {
    /// Takes one more event into account.
    pub(super) fn apply(&mut self, event: &Event) {
        match event {
            Event::Launched { job, .. } => self.launched(job.as_ref()),
            Event::Accepted { request: Request::Suspend | Request::Stop, who, .. } if self.ending.is_none() => {
                self.ending = match who.as_str() {
                    TIME_LIMIT => Some(Ending::Timeout),
                    PREEMPTION => Some(Ending::Preemption),
                    BY_SIGNAL => None,
                    _ => Some(Ending::Meant),
                };
            }
            Event::Forked(_) => *self = Self::default(), // these were the parent's
            Event::Finished { .. } | Event::Failed { .. } => self.ending = Some(Ending::Meant),
            _ => {}
        }
    }

    fn launched(&mut self, job: Option<&Job>) {
        if job == self.last.as_ref() {
            return; // a second worker in the same job
        }
        (self.timeouts, self.preemptions) = self.counted();
        (self.last, self.ending) = (job.cloned(), None);
        self.ids.extend(job.map(|job| job.id.clone()).filter(|id| !self.ids.contains(id)));
    }

    /// Timeouts and preemptions with the last job taken for one that has ended.
    fn counted(&self) -> (u32, u32) {
        match self.interruption() {
            Some(Interruption::Timeout) => (self.timeouts + 1, self.preemptions),
            Some(Interruption::Preemption) => (self.timeouts, self.preemptions + 1),
            None => (self.timeouts, self.preemptions),
        }
    }

    /// Why the last job ended before the run was done, where it has ended.
    pub fn interruption(&self) -> Option<Interruption> {
        self.last.as_ref()?;
        match self.ending {
            Some(Ending::Timeout) => Some(Interruption::Timeout),
            Some(Ending::Preemption) | None => Some(Interruption::Preemption),
            Some(Ending::Meant) => None,
        }
    }

    /// How often the run was interrupted by a time limit, and otherwise. `is_alive`: whether the last job still trains it.
    pub fn interruptions(&self, is_alive: bool) -> (u32, u32) {
        if is_alive { (self.timeouts, self.preemptions) } else { self.counted() }
    }

    /// The last job.
    pub fn last(&self) -> Option<&Job> {
        self.last.as_ref()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn launched(id: &str, restarts: u32) -> Event {
        let job = Some(Job { id: id.into(), restarts });
        Event::Launched { pid: 1, host: "h".into(), version: "v".into(), job }
    }

    fn suspends(who: &str) -> Event {
        Event::Accepted { id: "1".into(), request: Request::Suspend, who: who.into() }
    }

    #[test]
    fn timeouts_are_counted_apart_from_preemptions_and_what_a_user_asks_for_is_neither() {
        let finished = Event::Finished { step: 9 };
        for (events, interruptions, ids) in [
            (vec![], (0, 0), vec![]),
            (vec![launched("7_1", 0)], (0, 1), vec!["7_1"]), // gone without a word
            (vec![launched("7_1", 0), finished.clone()], (0, 0), vec!["7_1"]),
            (vec![launched("7_1", 0), launched("7_1", 0), finished.clone()], (0, 0), vec!["7_1"]), // a worker that crashed
            (vec![launched("7_1", 0), suspends(TIME_LIMIT)], (1, 0), vec!["7_1"]),
            (vec![launched("7_1", 0), suspends(PREEMPTION)], (0, 1), vec!["7_1"]),
            (vec![launched("7_1", 0), suspends(BY_SIGNAL), suspends(TIME_LIMIT)], (1, 0), vec!["7_1"]),
            (vec![launched("7_1", 0), suspends(TIME_LIMIT), suspends(BY_SIGNAL)], (1, 0), vec!["7_1"]),
            (vec![launched("7_1", 0), suspends("me@here")], (0, 0), vec!["7_1"]),
            (
                vec![
                    launched("7_1", 0),
                    suspends(TIME_LIMIT),
                    launched("7_1", 1),
                    suspends(BY_SIGNAL),
                    launched("7_1", 2),
                    suspends("me@here"),
                    launched("9_0", 0),
                    finished,
                ],
                (1, 1),
                vec!["7_1", "9_0"],
            ),
        ] {
            let mut jobs = Jobs::default();
            for event in &events {
                jobs.apply(event);
            }
            assert_eq!(
                (jobs.interruptions(false), jobs.ids.clone()),
                (interruptions, ids.iter().map(|it| (*it).to_owned()).collect()),
                "{events:?}"
            );
        }
    }
}
