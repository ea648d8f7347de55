//! What a user does to runs: each ends as a request, as a worker to start, or as a word why not.

use fixmatch::control::Request;
use fixmatch::run_state::Status;

use super::{App, Confirm, Dialog, Tone};
use crate::console::form::live_form;
use crate::console::home::Pane;
use crate::console::keys::{Action, Place};
use crate::console::run::OpenRun;
use crate::console::world::Task;

impl App {
    /// Ends a pause, or starts a worker on a run that has none.
    pub(super) fn resume(&mut self) {
        let selected = match (self.place, &self.run) {
            (Place::Home, _) => {
                self.home.run().filter(|_| self.home.pane == Pane::Runs).map(|row| (row.dir.clone(), row.status))
            }
            (_, Some(run)) => Some((run.dir.clone(), run.status())),
            (_, None) => None,
        };
        let Some((dir, status)) = selected else { return };
        match status {
            Status::Paused => self.tasks.push(Task::Post(dir, Request::Continue)),
            Status::Stopped | Status::Suspended | Status::Failed | Status::Lost => {
                self.say(Tone::Info, "starting a worker…".into());
                self.tasks.push(Task::Resume(dir));
            }
            Status::Starting | Status::Running => {
                self.say(Tone::Info, format!("the run is {} already", status.label()));
            }
            Status::NotResponding => {
                self.say(
                    Tone::Error,
                    "the worker holds the run but gives no sign of life; if it hangs, kill it first".into(),
                );
            }
            Status::Finished => self.say(Tone::Info, "the run has done all of its steps".into()),
        }
    }

    pub(super) fn ask_stop(&mut self) {
        if let Some(run) = self.living_run() {
            self.dialog = Some(Dialog::Confirm(Confirm::Stop(run.dir.clone())));
        }
    }

    pub(super) fn open_changes(&mut self) {
        let Some(run) = self.living_run() else { return };
        match run.live() {
            Some(live) => self.dialog = Some(Dialog::Change(live_form(&live))),
            None => self.say(Tone::Error, "run.toml cannot be read".into()),
        }
    }

    pub(super) fn undo(&mut self) {
        let Some(run) = self.living_run() else { return };
        match run.undo() {
            Some(change) => self.post(Request::Set(change)),
            None => self.say(Tone::Info, "nothing was changed yet".into()),
        }
    }

    pub(super) fn post(&mut self, request: Request) {
        if let Some(dir) = self.living_run().map(|run| run.dir.clone()) {
            self.tasks.push(Task::Post(dir, request));
        }
    }

    /// The open run, if it has a worker to ask; else says that it has none.
    fn living_run(&mut self) -> Option<&OpenRun> {
        let status = self.run.as_ref()?.status();
        if !status.is_alive() {
            let hint = if status == Status::Finished {
                String::new()
            } else {
                self.offer(Place::Run, Action::Resume, ("; ", " starts one"))
            };
            self.say(Tone::Error, format!("the run is {}: there is no worker to ask{hint}", status.label()));
            return None;
        }
        self.run.as_ref()
    }
}
