//! What a reader knows of a run: the fold of its events, and the status that follows from them, the lock and the
//! heartbeat.

use std::time::Duration;

use serde::{Deserialize, Serialize};
use strum::VariantArray;

use crate::run::checkpoint;
use crate::run::digests::Digests;
use crate::run::dir::RunDir;
use crate::run::event::{Compared, Evaluated, Event, FailureKind, Progress, Record, Started};
use crate::run::heartbeat::{Phase, STALE};
use crate::run::history::{Fate, History};
use crate::run::insight::Pointer;
use crate::run::jobs::Jobs;
use crate::run::log::Follower;
use crate::run::pseudo::alarm::Alarm;

/// A run without events and without a worker is still starting for this long.
const STARTING: Duration = Duration::from_secs(30);

/// How a run stands. Derived, never stored.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, VariantArray)]
#[serde(rename_all = "snake_case")]
pub enum Status {
    /// The worker is on its way.
    Starting,
    /// Taking steps, or about to.
    Running,
    /// Parked, memory kept.
    Paused,
    /// A worker holds the lock but gives no sign of life.
    NotResponding,
    /// All steps are done.
    Finished,
    /// Saved and ended on request.
    Stopped,
    /// Saved and ended, to be resumed.
    Suspended,
    /// Ended by an error.
    Failed,
    /// The worker vanished: killed, or the machine went down.
    Lost,
}

impl Status {
    /// As a user reads it.
    pub fn label(self) -> &'static str {
        match self {
            Self::Starting => "starting",
            Self::Running => "running",
            Self::Paused => "paused",
            Self::NotResponding => "not responding",
            Self::Finished => "finished",
            Self::Stopped => "stopped",
            Self::Suspended => "suspended",
            Self::Failed => "failed",
            Self::Lost => "lost",
        }
    }

    /// The same as one word, as expressions and JSON have it.
    pub fn word(self) -> String {
        self.label().replace(' ', "_")
    }

    /// Whether a worker is at work on the run, or about to be.
    pub fn is_alive(self) -> bool {
        match self {
            Self::Starting | Self::Running | Self::Paused | Self::NotResponding => true,
            Self::Finished | Self::Stopped | Self::Suspended | Self::Failed | Self::Lost => false,
        }
    }
}

/// The fold of a run's events.
#[derive(Clone, Debug, Default)]
pub struct RunState {
    /// What it trains on, once known.
    pub started: Option<Started>,
    /// The steps done by the last event that says so.
    pub step: u64,
    /// Points of the curves, oldest first.
    pub progress: Vec<Progress>,
    /// Evaluations, oldest first.
    pub evaluations: Vec<Evaluated>,
    /// How far the averaged and the trained weights agree, oldest first, where there are no test images.
    pub comparisons: Vec<Compared>,
    /// The step of the checkpoint that was saved last.
    pub saved: Option<u64>,
    /// Where records of `insight.bin` are, oldest first.
    pub insights: Vec<Pointer>,
    /// What was seen to go wrong with the pseudo-labels, oldest first.
    pub alarms: Vec<Alarm>,
    /// The changes that were made.
    pub history: History,
    /// Why these may not be all changes, where the log was read in one go and is damaged.
    pub doubt: Option<String>,
    /// The digests of the files that decide its results, as they were last found right.
    pub digests: Option<Digests>,
    /// The step at which they were last taken as they were.
    pub sealed_at: Option<u64>,
    /// The number of the change that the run failed shortly after.
    pub cause: Option<u32>,
    /// What kind of error it failed of, if it failed.
    pub failure_kind: FailureKind,
    /// Events of a later version, which were passed over.
    pub n_unknown: usize,
    /// What the user should know.
    pub warnings: Vec<String>,
    /// The last event that says how the run stands.
    pub last_state: Option<LastState>,
    /// The jobs of a cluster that it was trained in.
    pub jobs: Jobs,
    /// When the first and the last event were written, in seconds since 1970.
    pub span: Option<(f64, f64)>,
    /// When the last event was written that says what a worker did.
    pub counted_until: Option<f64>,
    /// Seconds of training, evaluations and checkpoints with it, without pauses, absent workers, and what comes before a
    /// worker's first step.
    pub training_s: f64,
    /// Whether the last worker has begun with its steps.
    pub has_begun: bool,
    /// The steps that were taken in that time, also those that were lost and taken again.
    pub n_timed_steps: u64,
    /// The most memory that a worker held.
    pub memory_bytes: u64,
}

/// The last event that says how the run stands: in JSON an object with its `state` and, of a failed run, the `reason`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "state", content = "reason", rename_all = "snake_case")]
pub enum LastState {
    /// `launched`, `started`, `resumed` or `continued`.
    Running,
    /// `paused`
    Paused,
    /// `suspended`
    Suspended,
    /// `stopped`
    Stopped,
    /// `finished`
    Finished,
    /// `failed`, with the reason.
    Failed(String),
}

impl RunState {
    /// The state of a run as its log stands.
    pub fn read(dir: &RunDir) -> anyhow::Result<Self> {
        Ok(Self::fold(&mut Follower::new(dir.events()))?.0)
    }

    /// What a log says that was not read yet, and its events.
    pub fn fold(log: &mut Follower) -> anyhow::Result<(Self, Vec<Record>)> {
        let (mut state, records) = (Self::default(), log.read_new()?);
        for record in &records {
            state.apply(record);
        }
        state.doubt = log.doubt(&state.history);
        Ok((state, records))
    }

    /// Takes one more event into account.
    pub fn apply(&mut self, record: &Record) {
        self.clock(record);
        self.history.apply(record);
        self.jobs.apply(&record.event);
        self.span = Some((self.span.map_or(record.time, |(first, _)| first), record.time));
        match &record.event {
            Event::Launched { .. } => (self.last_state, self.cause) = (Some(LastState::Running), None),
            Event::Started(started) => {
                self.started = Some((**started).clone());
                self.digests.clone_from(&started.digests);
                self.last_state = Some(LastState::Running);
            }
            Event::Forked(parent) => {
                self.step = parent.step;
                (self.training_s, self.n_timed_steps, self.memory_bytes) = (0.0, 0, 0); // these were the parent's
            }
            Event::Resumed { step } => {
                self.rewind(*step);
                self.last_state = Some(LastState::Running);
            }
            Event::Progress(progress) => {
                self.step = progress.step;
                self.memory_bytes = self.memory_bytes.max(progress.memory_bytes);
                self.progress.push(progress.clone());
            }
            Event::Evaluated(evaluated) => {
                self.step = evaluated.step;
                self.evaluations.push((**evaluated).clone());
            }
            Event::Compared(compared) => {
                self.step = compared.step;
                self.comparisons.push((**compared).clone());
            }
            Event::Sealed { step, digests, .. } => {
                (self.digests, self.sealed_at) = (Some((**digests).clone()), Some(*step));
            }
            Event::Alarm(alarm) => self.alarms.push(alarm.clone()),
            Event::Insight(pointer) => self.insights.push(*pointer),
            Event::Applied { step, .. } | Event::Edited { step, .. } => self.step = self.step.max(*step),
            Event::Diverged { change, .. } => self.cause = *change,
            Event::Unknown => self.n_unknown += 1,
            Event::Warning { message, .. } if self.warnings.contains(message) => {} // each worker of a run repeats some
            Event::Warning { message, .. } => self.warnings.push(message.clone()),
            Event::Paused { step } => self.now(*step, LastState::Paused),
            Event::Continued { step } => self.now(*step, LastState::Running),
            Event::Suspended { step } => self.now(*step, LastState::Suspended),
            Event::Stopped { step } => self.now(*step, LastState::Stopped),
            Event::Finished { step } => self.now(*step, LastState::Finished),
            Event::Failed { step, reason, kind } => {
                self.failure_kind = *kind;
                self.now(*step, LastState::Failed(reason.clone()));
            }
            Event::Checkpointed { step, .. } => self.saved = Some(*step),
            Event::Accepted { .. } | Event::Refused { .. } => {}
        }
    }

    /// Counts the time since the event before as training, unless a worker only now begins, or waits or loads.
    fn clock(&mut self, record: &Record) {
        let begins = matches!(
            record.event,
            Event::Launched { .. } | Event::Started(_) | Event::Resumed { .. } | Event::Continued { .. }
        );
        let before = self.counted_until.unwrap_or(record.time);
        if record.event.is_of_a_request() {
            return; // it may be of a time when no worker was there
        }
        if let (Some(LastState::Running), false, true) = (&self.last_state, begins, self.has_begun) {
            let held = if let Event::Warning { held_s: Some(held), .. } = record.event { held } else { 0.0 };
            self.training_s += (record.time - before - held).max(0.0);
        }
        self.has_begun = (self.has_begun || begins) && !matches!(record.event, Event::Launched { .. });
        self.counted_until = Some(record.time);
        if let Event::Progress(progress) = &record.event {
            self.n_timed_steps = self.n_timed_steps.saturating_add(progress.n_steps);
        }
    }

    /// Takes one more event into account, and leaves out what [`Self::outline`] does: for whoever follows a run for days.
    pub fn follow(&mut self, record: &Record) {
        self.apply(record);
        match &record.event {
            Event::Progress(_) => self.forget_points(),
            Event::Evaluated(_) => {
                if let [.., before, _] = &mut self.evaluations[..] {
                    before.shorten();
                }
            }
            Event::Insight(_) => self.insights.clear(),
            _ => {}
        }
    }

    /// Leaves out what only a run's own screens show: its summary stays the same.
    pub fn outline(&mut self) {
        self.forget_points();
        if let Some((_, earlier)) = self.evaluations.split_last_mut() {
            earlier.iter_mut().for_each(Evaluated::shorten);
        }
        self.insights = Vec::new();
    }

    /// Leaves out the points of the curves, but for the newest: its summary stays the same.
    pub fn forget_points(&mut self) {
        self.progress.drain(..self.progress.len().saturating_sub(1));
    }

    /// How the run stands.
    pub fn status(&self, dir: &RunDir) -> Status {
        status_of(dir, self.last_state.as_ref())
    }

    /// Steps to do, as the last change of them has it.
    pub fn steps(&self) -> Option<u64> {
        let changed = self.history.steps();
        changed.or(self.started.as_ref().map(|started| started.steps))
    }

    /// The step that the run goes on from, where no worker is left: that of the newest intact checkpoint.
    pub fn goes_on_at(dir: &RunDir) -> anyhow::Result<u64> {
        Ok(checkpoint::newest(&dir.checkpoints())?.0.map_or(0, |found| found.state.step))
    }

    /// The step from which on changes lie ahead: the next one that a worker comes to, or the one to go on from.
    pub fn ahead_from(&self, dir: &RunDir, status: Status) -> anyhow::Result<u64> {
        match status {
            Status::Finished => Ok(u64::MAX),
            _ if status.is_alive() => Ok(self.step.saturating_add(1)),
            _ => Self::goes_on_at(dir),
        }
    }

    /// How to go on without the change that the run failed shortly after, where there is one. `name` names the run in
    /// a command.
    pub fn way_out(&self, dir: &RunDir, name: &str) -> Option<String> {
        self.failure()?;
        let entry = self.history.at(self.cause?).filter(|it| it.fate == Fate::Stands)?;
        let (done, what) = (Self::goes_on_at(dir).ok()?, entry.name());
        if entry.step >= done {
            return Some(format!(
                "{} lies ahead of step {done}, where it goes on. Without it: `fixmatch resume {name} --drop {what}`",
                entry.change
            ));
        }
        let earlier = checkpoint::list(&dir.checkpoints()).ok()?;
        let (step, _) = earlier.into_iter().rev().find(|(step, _)| *step <= entry.step)?;
        Some(format!("to go on from before {what}: `fixmatch fork {name} --at {step}`"))
    }

    /// Whether a worker that is started on the run may get further than the last one: it did not fail, or of something
    /// that may be over, or of a change that was dropped or edited since.
    pub fn may_get_further(&self) -> bool {
        let cause = self.cause.and_then(|number| self.history.at(number));
        let is_gone = cause.is_some_and(|entry| entry.fate != Fate::Stands || entry.made.is_some());
        is_gone || self.failure().is_none() || self.failure_kind.may_pass()
    }

    /// Why the run failed, if it did.
    pub fn failure(&self) -> Option<&str> {
        match &self.last_state {
            Some(LastState::Failed(reason)) => Some(reason),
            _ => None,
        }
    }

    /// Whether there are no test images, so that the run's accuracy is unknown.
    pub fn is_untested(&self) -> bool {
        self.started.as_ref().is_some_and(|started| started.n_test == 0)
    }

    /// Whether the run finished no better than guessing: its last accuracy, of the averaged weights, is within two standard
    /// errors of an even guess, or every image is taken for one class.
    pub fn is_at_chance(&self) -> bool {
        let (Some(LastState::Finished), Some(started), Some(last)) =
            (&self.last_state, &self.started, self.evaluations.last())
        else {
            return false;
        };
        let chance = 1.0 / started.classes.len().max(1) as f64;
        let noise = (chance * (1.0 - chance) / started.n_test.max(1) as f64).sqrt();
        let known: Vec<f64> = last.ema.per_class.iter().copied().flatten().collect();
        let n_taken = known.iter().filter(|&&accuracy| accuracy > 0.0).count();
        let is_one_class = known.len() > 1 && n_taken == 1 && known.contains(&1.0);
        started.classes.len() > 1 && (is_one_class || last.ema.accuracy <= chance + 2.0 * noise)
    }

    /// Leaves the state as it was after `step` steps, as far as the log tells.
    pub fn forget_after(&mut self, step: u64) {
        self.rewind(step.min(self.step));
        self.history.forget_after(step);
    }

    /// Drops every point after `step`: a run that was resumed there takes those steps again.
    fn rewind(&mut self, step: u64) {
        self.progress.retain(|point| point.step <= step);
        self.evaluations.retain(|point| point.step <= step);
        self.comparisons.retain(|point| point.step <= step);
        self.insights.retain(|pointer| pointer.step <= step);
        self.alarms.retain(|alarm| alarm.step <= step);
        self.step = step;
    }

    fn now(&mut self, step: u64, state: LastState) {
        self.step = step;
        self.last_state = Some(state);
    }
}

/// How a run stands whose last state event is known.
pub fn status_of(dir: &RunDir, last_state: Option<&LastState>) -> Status {
    let locked = dir.is_locked();
    let beat_age = if locked { dir.heartbeat().map(|(_, age)| age) } else { None };
    // A run that is gone is not about to start.
    let made = dir.run_toml().metadata().map(|meta| meta.modified().ok());
    let age = made.map_or(Duration::MAX, |made| made.and_then(|made| made.elapsed().ok()).unwrap_or_default());
    status_given(last_state, locked, beat_age, age)
}

/// The same from what the folder shows. `age` is how long ago the run was made.
fn status_given(last: Option<&LastState>, locked: bool, beat_age: Option<Duration>, age: Duration) -> Status {
    if locked {
        let fresh = beat_age.is_some_and(|beat_age| beat_age < STALE);
        return match (last, fresh) {
            (_, false) if age < STARTING => Status::Starting,
            (_, false) => Status::NotResponding,
            (Some(LastState::Paused), true) => Status::Paused,
            (None, true) => Status::Starting,
            (Some(_), true) => Status::Running,
        };
    }
    match last {
        None if age < STARTING => Status::Starting,
        Some(LastState::Finished) => Status::Finished,
        Some(LastState::Stopped) => Status::Stopped,
        Some(LastState::Suspended) => Status::Suspended,
        Some(LastState::Failed(_)) => Status::Failed,
        None | Some(LastState::Running | LastState::Paused) => Status::Lost,
    }
}

/// The steps done right now and what the worker is doing, where the log was read up to `step`.
pub fn live_step(dir: &RunDir, step: u64) -> (u64, Option<Phase>) {
    match dir.heartbeat() {
        Some((beat, age)) if age < STALE && dir.is_locked() => (beat.step.max(step), Some(beat.phase)),
        Some(_) if dir.is_locked() => (step, dir.trouble()), // which would also keep it from saying so
        _ => (step, None),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::run::change::Change;
    use crate::run::event::Evaluation;

    fn state_after(events: Vec<Event>) -> RunState {
        let mut state = RunState::default();
        for event in events {
            state.apply(&Record { time: 0.0, event });
        }
        state
    }

    fn point(step: u64) -> Event {
        Event::Progress(Progress { step, ..Progress::default() })
    }

    #[test]
    fn the_status_follows_from_events_lock_and_heartbeat() {
        const OLD: Duration = Duration::from_hours(1);
        const NEW: Duration = Duration::from_secs(1);
        let launched = Event::Launched { pid: 1, host: "h".into(), version: "v".into(), job: None };
        let failed = Event::Failed { step: 1, reason: "r".into(), kind: FailureKind::Unknown };
        let cases = [
            (vec![], false, None, NEW, Status::Starting),
            (vec![], false, None, OLD, Status::Lost),
            (vec![launched.clone()], true, Some(NEW), OLD, Status::Running),
            (vec![launched.clone()], true, Some(OLD), OLD, Status::NotResponding),
            (vec![launched.clone()], false, Some(NEW), NEW, Status::Lost),
            (vec![Event::Paused { step: 1 }], true, Some(NEW), OLD, Status::Paused),
            (vec![Event::Paused { step: 1 }], false, Some(OLD), OLD, Status::Lost),
            (vec![Event::Paused { step: 1 }, Event::Continued { step: 1 }], true, Some(NEW), OLD, Status::Running),
            (vec![Event::Suspended { step: 1 }], false, Some(NEW), OLD, Status::Suspended),
            (vec![Event::Stopped { step: 1 }], false, None, OLD, Status::Stopped),
            (vec![Event::Finished { step: 1 }], false, None, OLD, Status::Finished),
            (vec![failed.clone()], false, None, OLD, Status::Failed),
            (vec![failed, launched], true, Some(NEW), OLD, Status::Running),
        ];
        for (events, locked, beat, age, expected) in cases {
            let status = status_given(state_after(events.clone()).last_state.as_ref(), locked, beat, age);
            assert_eq!(status, expected, "{events:?}, locked {locked}, heartbeat {beat:?}, age {age:?}");
        }
    }

    #[test]
    fn a_clock_that_is_set_back_takes_no_training_time_away() {
        let mut state = RunState::default();
        let resumed = Event::Resumed { step: 0 };
        for (time, event) in [(100.0, resumed), (200.0, point(10)), (50.0, point(20)), (60.0, point(30))] {
            state.apply(&Record { time, event });
        }
        assert_eq!((state.training_s, state.step), (110.0, 30));
    }

    #[test]
    fn the_time_for_which_a_full_disk_held_a_run_is_no_training() {
        let mut state = RunState::default();
        let held = |held_s| Event::Warning { message: "held for a while".into(), held_s: Some(held_s) };
        let resumed = Event::Resumed { step: 0 };
        for (time, event) in [(0.0, resumed), (10.0, point(10)), (612.0, held(600.0)), (620.0, point(20))] {
            state.apply(&Record { time, event });
        }
        assert_eq!(state.training_s, 20.0);
        state.apply(&Record { time: 621.0, event: held(5.0) });
        assert_eq!(state.training_s, 20.0, "clocks differ");
    }

    #[test]
    fn what_a_worker_does_before_its_first_step_is_no_training() {
        let launched = || Event::Launched { pid: 1, host: "h".into(), version: "v".into(), job: None };
        let warning = || Event::warning("waits for a ranking");
        let events = [
            (0.0, launched()),
            (600.0, warning()),
            (700.0, Event::Started(Box::default())),
            (710.0, point(10)),
            (711.0, Event::Stopped { step: 10 }),
            (1000.0, launched()),
            (2000.0, warning()),
            (2010.0, Event::Resumed { step: 10 }),
            (2020.0, point(20)),
            (2020.0, launched()), // after a kill
            (9000.0, Event::Suspended { step: 10 }),
        ];
        let mut state = RunState::default();
        for (time, event) in events {
            state.apply(&Record { time, event });
        }
        assert_eq!(state.training_s, 21.0);
    }

    #[test]
    fn points_after_a_resumed_step_are_void() {
        let state = state_after(vec![point(10), point(20), point(30), Event::Resumed { step: 20 }, point(40)]);
        let steps: Vec<_> = state.progress.iter().map(|point| point.step).collect();
        assert_eq!(steps, [10, 20, 40]);
    }

    #[test]
    fn whoever_follows_a_run_comes_to_the_same_summary_with_less_in_memory() {
        let point = |step, memory_bytes| Event::Progress(Progress { step, memory_bytes, ..Progress::default() });
        let evaluated = |step, accuracy, requested| {
            let per_class = vec![Some(accuracy), Some(1.0 - accuracy)];
            let ema = Evaluation { accuracy, per_class, confusion: vec![vec![1; 2]; 2], ..Evaluation::default() };
            Event::Evaluated(Box::new(Evaluated { step, ema, best: accuracy, requested, ..Evaluated::default() }))
        };
        let started = Started { n_test: 9, classes: vec!["a".into(), "b".into()], ..Started::default() };
        let events = [
            Event::Started(Box::new(started)),
            point(10, 5),
            point(20, 9),
            evaluated(20, 0.5, false),
            point(30, 7),
            evaluated(30, 0.7, true),
            Event::Resumed { step: 10 },
            point(20, 6),
            evaluated(20, 0.6, false),
            Event::Finished { step: 20 },
            evaluated(20, 1.0, false),
        ];
        let (mut whole, mut followed) = (RunState::default(), RunState::default());
        for (n, event) in events.into_iter().enumerate() {
            let record = Record { time: n as f64, event };
            whole.apply(&record);
            followed.follow(&record);
            assert_eq!(followed.summary(), whole.summary(), "after {n} events");
        }
        assert_eq!((whole.memory_bytes, whole.is_at_chance()), (9, true));
        assert_eq!((followed.progress.len(), whole.progress.len()), (1, 2));
        let n_cells = |state: &RunState| state.evaluations.iter().map(|it| it.ema.confusion.len()).sum::<usize>();
        assert_eq!((n_cells(&followed), n_cells(&whole)), (2, 4));
    }

    #[test]
    fn a_run_that_finishes_no_better_than_guessing_is_at_chance() {
        let at_chance = |accuracy: f64, per_class: Vec<Option<f64>>, n_test: u64| {
            let started = Started { classes: vec!["a".into(), "b".into()], n_test, ..Started::default() };
            let ema = Evaluation { accuracy, per_class, ..Default::default() };
            let evaluated = Evaluated { ema, ..Evaluated::default() };
            let events = vec![
                Event::Started(Box::new(started)),
                Event::Evaluated(Box::new(evaluated)),
                Event::Finished { step: 9 },
            ];
            state_after(events).is_at_chance()
        };
        assert!(at_chance(0.5, vec![], 100) && at_chance(0.59, vec![], 100));
        assert!(!at_chance(0.65, vec![], 100) && !at_chance(0.52, vec![], 1_000_000));
        assert!(at_chance(0.9, vec![Some(1.0), Some(0.0)], 100), "all images are taken for the larger class");
        assert!(!at_chance(0.9, vec![Some(0.9), Some(0.9)], 100));
    }

    #[test]
    fn changes_outlive_a_resume() {
        let change =
            Event::Applied { id: "1".into(), step: 25, change: Some(Change::Steps(99)), undoes: None, cancels: vec![] };
        let state = state_after(vec![point(10), change, Event::Resumed { step: 10 }]);
        let changes: Vec<_> = state.history.entries().iter().map(|it| (it.step, it.change)).collect();
        assert_eq!(changes, [(25, Change::Steps(99))]);
        assert_eq!(state.steps(), Some(99));
    }
}
