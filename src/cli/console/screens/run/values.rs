//! The values of a run that can change: those in force, and the recorded changes of them.

use fixmatch::run::change::{Change, Edit, Request};
use fixmatch::run::history::{Entry, start};
use fixmatch::run::live::Live;

use super::OpenRun;

impl OpenRun {
    /// The recorded change that is looked at.
    pub fn selected_change(&self) -> Option<&Entry> {
        self.state.history.entries().get(self.change_at.at)
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
}
