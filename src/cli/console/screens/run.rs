//! An open run: all that its screens show, kept up to date by what its follower reads.

use std::time::Duration;

use fixmatch::base::stats::median;
use fixmatch::run::change::{Change, Edit, Request};
use fixmatch::run::curves::{Axis, Curves, Metric, Series};
use fixmatch::run::dir::RunDir;
use fixmatch::run::event::{Compared, Evaluated, Event, Record};
use fixmatch::run::file::RunFile;
use fixmatch::run::heartbeat::Phase;
use fixmatch::run::history::{Entry, start};
use fixmatch::run::live::Live;
use fixmatch::run::pseudo::alarm::Alarm;
use fixmatch::run::seen::{Digest, Seen};
use fixmatch::run::state::{RunState, Status};

use crate::console::charts::Charts;
use crate::console::form::{Field, fields_of};
use crate::console::input::Cursor;
use crate::console::keys::{Action, Place};
use crate::console::marks::Marks;
use crate::console::mouse::Spot;
use crate::console::screens::log::Log;
use crate::console::screens::pseudo_labels::PseudoLabels;
use crate::console::screens::samples::Samples;

mod keys;
mod view;

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

/// What a follower found.
#[derive(Debug, Default)]
pub struct Reading {
    /// `run.toml`, the first time and when it changed.
    pub file: Option<Result<Box<RunFile>, String>>,
    /// New events.
    pub records: Vec<Record>,
    /// New lines of the worker's output.
    pub output: Vec<String>,
    /// How it stands.
    pub glance: Option<Glance>,
    /// What the user saw of it when they last looked; read once, with the first events.
    pub seen: Option<Seen>,
    /// What cannot be read.
    pub error: Option<String>,
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

/// Which of a run's screens is shown: they share the run, and Escape leads from each to the charts.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Page {
    /// Its charts.
    #[default]
    Charts,
    /// Its configuration.
    Configuration,
    /// Its recorded changes.
    Changes,
    /// Its events and output.
    Log,
    /// Its labeled images.
    Samples,
    /// What its pseudo-labels did.
    PseudoLabels,
}

impl Page {
    /// Where its keys are in the table.
    pub fn place(self) -> Place {
        match self {
            Self::Charts => Place::Run,
            Self::Configuration => Place::Configuration,
            Self::Changes => Place::Changes,
            Self::Log => Place::Log,
            Self::Samples => Place::Samples,
            Self::PseudoLabels => Place::PseudoLabels,
        }
    }
}

/// A run on the screen.
#[derive(Debug)]
pub struct OpenRun {
    /// Where it is.
    pub dir: RunDir,
    /// What is shown of it.
    pub page: Page,
    /// What it is, or why that cannot be read.
    pub file: Option<Result<Box<RunFile>, String>>,
    /// The fold of its events.
    pub state: RunState,
    /// Its curves.
    pub curves: Curves,
    /// How they are looked at.
    pub charts: Charts,
    /// What its pseudo-labels did.
    pub pseudo_labels: PseudoLabels,
    /// Its labeled images.
    pub samples: Samples,
    /// The value of its configuration that is looked at.
    pub value_at: Cursor,
    /// The recorded change that is looked at.
    pub change_at: Cursor,
    /// The step at which the screens are frozen; None shows the newest.
    pub moment: Option<u64>,
    /// Its events and its worker's output.
    pub log: Log,
    /// How it stands; None before it was read.
    pub glance: Option<Glance>,
    /// The request that was last heard of.
    pub asked: Option<Asked>,
    /// Its checkpoints and forks.
    pub marks: Marks,
    /// What happened since the user last looked.
    pub digest: Option<Digest>,
    /// What cannot be read.
    pub error: Option<String>,
    /// What it was opened for, to be done once it is read.
    pub then: Option<Action>,
    /// When it was last remembered what was seen of it.
    pub remembered_at: Option<f64>,
}

impl OpenRun {
    /// A run of which nothing was read.
    pub fn new(dir: RunDir) -> Self {
        Self {
            dir,
            page: Page::default(),
            samples: Samples::default(),
            value_at: Cursor::default(),
            change_at: Cursor::default(),
            then: None,
            remembered_at: None,
            file: None,
            state: RunState::default(),
            curves: Curves::default(),
            charts: Charts::default(),
            pseudo_labels: PseudoLabels::default(),
            moment: None,
            log: Log::default(),
            glance: None,
            asked: None,
            marks: Marks::default(),
            digest: None,
            error: None,
        }
    }

    /// A run that is opened to do something there.
    pub fn to(dir: RunDir, then: Action) -> Self {
        Self { then: Some(then), ..Self::new(dir) }
    }

    /// Forgets what was read of it, to be read anew.
    pub fn forget(&mut self) {
        let old = std::mem::replace(self, Self::new(self.dir.clone()));
        (self.page, self.samples) = (old.page, old.samples);
        self.pseudo_labels.is_open = old.pseudo_labels.is_open;
    }

    /// Takes in what the follower found.
    pub fn take(&mut self, reading: Reading, now: f64) {
        let is_first = self.glance.is_none();
        for record in &reading.records {
            self.apply(record, is_first, now);
        }
        self.log.extend(reading.records, &reading.output);
        self.file = reading.file.or(self.file.take());
        self.error = reading.error;
        if let Some(glance) = reading.glance {
            self.glance = Some(glance);
        }
        if let Some(seen) = reading.seen {
            let remaining = self.remaining().map(|left| left.as_secs_f64());
            self.digest = Digest::of(seen, &self.state, self.log.records(), remaining);
        }
        self.follow_charts();
    }

    /// Tells the charts of new points, and whether more will come.
    pub fn follow_charts(&mut self) {
        self.charts.follow(&self.curves, self.steps(), !self.status().is_alive());
    }

    fn apply(&mut self, record: &Record, is_past: bool, now: f64) {
        self.state.apply(record);
        self.curves.apply(record);
        self.marks.apply(&record.event);
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

    /// How it stands; starting, before it was read.
    pub fn status(&self) -> Status {
        self.glance.as_ref().map_or(Status::Starting, |glance| glance.status)
    }

    /// Whether it has no worker and can be gone on with.
    pub fn is_resumable(&self) -> bool {
        !self.status().is_alive() && self.status() != Status::Finished
    }

    /// The steps done.
    pub fn step(&self) -> u64 {
        self.glance.as_ref().map_or(0, |glance| glance.step)
    }

    /// Steps to do.
    pub fn steps(&self) -> Option<u64> {
        let planned = || match &self.file {
            Some(Ok(file)) => Some(file.config.train.steps),
            Some(Err(_)) | None => None,
        };
        self.state.steps().or_else(planned)
    }

    /// The part that is done.
    pub fn share(&self) -> f64 {
        self.steps().filter(|steps| *steps > 0).map_or(0.0, |steps| self.step() as f64 / steps as f64)
    }

    /// How long the rest takes: as lately observed, else as the log has it.
    pub fn remaining(&self) -> Option<Duration> {
        let is_under_way =
            |glance: &&Glance| glance.status == Status::Running && self.steps().is_none_or(|steps| glance.step < steps);
        let glance = self.glance.as_ref().filter(is_under_way)?;
        glance.remaining.or_else(|| {
            let points = self.curves.of(Metric::Loss).points();
            let pairs = points[points.len().saturating_sub(20)..].windows(2);
            let paces = pairs.map(|pair| (pair[1].seconds - pair[0].seconds) / (pair[1].step - pair[0].step));
            // among them may be the time for which the run was paused or dead
            let pace = median(paces.collect())?;
            let left = self.steps()?.saturating_sub(self.step()) as f64;
            Duration::try_from_secs_f64(pace * left).ok()
        })
    }

    /// The newest evaluation of the moment that is shown.
    pub fn evaluation(&self) -> Option<&Evaluated> {
        self.evaluations().last()
    }

    /// How far the networks agreed at the moment that is shown, where there are no test images.
    pub fn comparison(&self) -> Option<&Compared> {
        let all = &self.state.comparisons;
        all.iter().rfind(|it| self.moment.is_none_or(|moment| it.step <= moment))
    }

    /// The evaluations up to the moment that is shown.
    pub fn evaluations(&self) -> &[Evaluated] {
        let all = &self.state.evaluations;
        let n = self.moment.map_or(all.len(), |moment| all.partition_point(|it| it.step <= moment));
        &all[..n]
    }

    /// The last alarm up to the moment that is shown.
    pub fn alarm(&self) -> Option<&Alarm> {
        self.state.alarms.iter().rev().find(|it| self.moment.is_none_or(|moment| it.step <= moment))
    }

    /// A curve's value at the moment that is shown, if it is a number.
    pub fn value(&self, metric: Metric) -> Option<f64> {
        let series = self.curves.of(metric);
        match self.moment {
            Some(moment) => series.at(Axis::Step, moment as f64).map(|point| point.value).filter(|it| it.is_finite()),
            None => series.last(),
        }
    }

    /// The parts of a sparkline of at most `n` columns that ends at the moment that is shown.
    pub fn sparks(&self, series: &Series, n: usize) -> Vec<Option<f64>> {
        self.moment.map_or_else(|| series.sparks(n), |moment| series.until(moment as f64).sparks(n))
    }

    /// Freezes the screens at a step.
    pub fn freeze(&mut self, step: u64) {
        self.moment = Some(step);
        self.charts.cursor = match self.charts.axis {
            Axis::Step => Some(step as f64),
            Axis::Time => self.curves.of(Metric::Loss).at(Axis::Step, step as f64).map(|point| point.seconds),
        };
    }

    /// Shows the newest again.
    pub fn thaw(&mut self) {
        (self.moment, self.charts.cursor) = (None, None);
    }

    /// Takes the moment from the charts' cursor, if the screens are frozen.
    pub fn follow_cursor(&mut self) {
        if let (Some(moment), Some(x)) = (&mut self.moment, self.charts.cursor) {
            let point = self.curves.of(Metric::Loss).at(self.charts.axis, x);
            *moment =
                if self.charts.axis == Axis::Step { x as u64 } else { point.map_or(0, |point| point.step as u64) };
        }
    }

    /// Goes by so many of the moments at which something was recorded, to the first at most; past the last it goes on.
    pub fn scrub(&mut self, by: isize) {
        let moments = self.moments();
        let now = self.moment.unwrap_or(u64::MAX);
        let (n_before, n_until) =
            (moments.partition_point(|step| *step < now), moments.partition_point(|step| *step <= now));
        if by < 0 && n_before > 0 {
            self.freeze(moments[n_before.saturating_sub(by.unsigned_abs())]);
        } else if by > 0 && n_until < moments.len() {
            self.freeze(moments[(n_until + by as usize - 1).min(moments.len() - 1)]);
        } else if by > 0 {
            self.thaw();
        }
    }

    /// A tenth of the moments that it can go to.
    pub fn tenth(&self) -> isize {
        (self.moments().len() / 10).max(1) as isize
    }

    /// The steps at which something was recorded.
    fn moments(&self) -> Vec<u64> {
        let insights = self.state.insights.iter().map(|pointer| pointer.step);
        let mut moments: Vec<u64> = insights.chain(self.state.evaluations.iter().map(|it| it.step)).collect();
        moments.sort_unstable();
        moments.dedup();
        moments
    }

    /// All values of its configuration.
    pub fn fields(&self) -> Vec<Field> {
        let Some(Ok(file)) = &self.file else { return Vec::new() };
        fields_of(&file.config)
    }

    /// Whether an action is of use as it stands.
    pub fn fits(&self, action: Action) -> bool {
        match (self.page, action) {
            (Page::Samples, Action::Enter) => self.samples.sample().is_some() && self.samples.enlarged.is_none(),
            (Page::Samples, Action::Draw) => self.samples.enlarged.is_some(),
            (Page::Charts | Page::Changes, Action::Resume) => {
                self.state.may_get_further() && self.error.is_none() && action.fits(self.status())
            }
            (Page::Charts, Action::Drop) => !self.ahead().is_empty(),
            (Page::Charts | Page::PseudoLabels, Action::Changes) => !self.state.history.entries().is_empty(),
            (Page::Changes, Action::Enter | Action::Move | Action::Drop) => {
                self.selected_change().is_some_and(|entry| self.refusal(Edit::Drop(entry.number)).is_none())
            }
            (Page::Charts | Page::PseudoLabels | Page::Changes, _) => action.fits(self.status()),
            (Page::Configuration | Page::Log | Page::Samples, _) => true,
        }
    }

    /// Selects what a mouse points at; says whether it was selected before.
    pub fn point_at(&mut self, spot: Spot) -> bool {
        match (self.page, spot) {
            (Page::Charts, Spot::Panel(panel, share)) => {
                self.charts.focus = panel;
                if let Some(share) = share {
                    self.charts.put_cursor(share);
                }
                false
            }
            (Page::Changes, _) => spot.selects(&mut self.change_at),
            (Page::Samples, _) => spot.selects(&mut self.samples.at),
            (Page::PseudoLabels, _) => self.pseudo_labels.point_at(spot),
            (Page::Charts | Page::Configuration | Page::Log, _) => false,
        }
    }

    /// The recorded change that is looked at.
    pub fn selected_change(&self) -> Option<&Entry> {
        self.state.history.entries().get(self.change_at.at)
    }

    /// Shows all values.
    pub fn show_configuration(&mut self) {
        (self.value_at, self.page) = (Cursor::default(), Page::Configuration);
    }

    /// The recorded changes that lie ahead, in the order in which they take effect.
    pub fn ahead(&self) -> Vec<&Entry> {
        self.glance.as_ref().map_or_else(Vec::new, |glance| self.state.history.ahead(glance.ahead_from))
    }

    /// The step from which on a change can be edited: the one that the run goes on from, or has come to.
    fn done(&self) -> u64 {
        match &self.glance {
            Some(glance) if !glance.status.is_alive() => glance.ahead_from,
            _ => self.state.step,
        }
    }

    /// Why a recorded change cannot be edited so, as far as can be told from here.
    pub fn refusal(&self, edit: Edit) -> Option<String> {
        let Some(Ok(file)) = &self.file else { return Some("run.toml cannot be read".into()) };
        let answer = self.state.history.answer(Request::Edit(edit), "", self.done(), &start(&file.config));
        answer.err().map(|error| format!("{error:#}"))
    }

    /// The value that a recorded change replaces.
    pub fn value_before(&self, entry: &Entry) -> Option<String> {
        let Some(Ok(file)) = &self.file else { return None };
        self.state.history.before(entry.number, &start(&file.config)).map(Change::value)
    }

    /// The values in force; where no worker is left, those that the next one goes on with.
    pub fn live(&self) -> Option<Live> {
        self.live_until(None)
    }

    /// The values that were in force at the moment that is shown.
    pub fn live_shown(&self) -> Option<Live> {
        self.live_until(self.moment)
    }

    fn live_until(&self, until: Option<u64>) -> Option<Live> {
        let Some(Ok(file)) = &self.file else { return None };
        let start = Live::new(&file.config, self.steps_per_pass(&file.config.train));
        Some(match until {
            // a change at a moment is in force after it, so at the beginning none is
            Some(0) => start,
            Some(until) => self.state.history.live(&start, until - 1),
            None => self.state.history.live(&start, self.done()),
        })
    }

    fn steps_per_pass(&self, train: &fixmatch::config::Train) -> u64 {
        let n_unlabeled = self.state.started.as_ref().map_or(0, |started| started.n_unlabeled);
        n_unlabeled / (u64::from(train.batch) * u64::from(train.mu)).max(1)
    }

    /// What the user has seen, to be remembered.
    pub fn seen(&self) -> Option<Seen> {
        Seen::of(&self.state, self.remaining().map(|left| left.as_secs_f64()))
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
    use fixmatch::run::insight::{Kind, Pointer};

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
    fn a_frozen_run_shows_its_moment_and_goes_on() {
        let mut run = sample::run();
        let newest = run.evaluation().map(|it| it.step);
        run.scrub(-1);
        run.scrub(-1);
        assert_eq!((run.moment, run.evaluation().map(|it| it.step)), (Some(250), Some(250)));
        assert_eq!(run.charts.cursor, Some(250.0));
        run.charts.cursor = Some(120.4);
        run.follow_cursor();
        assert_eq!((run.moment, run.evaluation().map(|it| it.step)), (Some(120), Some(100)));
        assert_eq!(run.sparks(run.curves.of(Metric::Loss), 100).len(), 12, "one for each window so far");
        run.take(
            Reading { records: sample::records(40).split_off(sample::records(31).len()), ..Reading::default() },
            1.0,
        );
        assert_eq!(run.moment, Some(120));
        run.thaw();
        assert!(run.evaluation().map(|it| it.step) >= newest);
    }

    #[test]
    fn a_frozen_run_is_moved_by_a_tenth_of_its_moments_and_past_the_last_goes_on() {
        let mut run = sample::run();
        let pointer = |step| Pointer { step, record: Kind::Histogram, offset: 0, n_bytes: 1 };
        run.state.evaluations.clear();
        run.state.insights = (1..=40).map(|i| pointer(10 * i)).collect();
        let moments = [-1, -run.tenth(), -run.tenth(), 1, -99, -1, run.tenth(), 99, 1].map(|by| {
            run.scrub(by);
            run.moment
        });
        let expected = [400, 360, 320, 330, 10, 10, 50, 400].map(Some);
        assert_eq!((&moments[..8], moments[8]), (&expected[..], None));
    }

    #[test]
    fn what_another_console_asks_is_heard_with_its_name() {
        let mut run = sample::run();
        let event = Event::Accepted { id: "9".into(), request: Request::Pause, who: "ann@box".into() };
        run.take(Reading { records: vec![Record { time: 5.0, event }], ..Reading::default() }, 1.0);
        let asked = run.asked.expect("heard");
        assert_eq!((asked.what.as_str(), asked.who.as_deref()), ("pause", Some("ann@box")));
    }
}
