//! What a user does to runs, to the open one or to those of the list: each ends as a request, as a worker to start, as a
//! question, or as a word why not.

use fixmatch::run::change::Request;
use fixmatch::run::dir::RunDir;
use fixmatch::run::state::Status;

use super::{App, Confirm, Dialog, Tone};
use crate::console::form::live_form;
use crate::console::home::Pane;
use crate::console::keys::{Action, Place};
use crate::console::run::OpenRun;
use crate::console::tasks::WorldTask;
use crate::console::views::short_id;
use crate::words::numbers::plural;

/// What an action is called, where it is one that drives a run without more to be said.
fn verb(action: Action) -> Option<&'static str> {
    match action {
        Action::Pause => Some("pause"),
        Action::Suspend => Some("suspend"),
        Action::Resume => Some("resume"),
        Action::Stop => Some("stop"),
        Action::Checkpoint => Some("save a checkpoint of"),
        Action::Evaluate => Some("evaluate"),
        Action::Delete => Some("delete"),
        _ => None,
    }
}

/// How a run stands, as a reason.
pub(super) fn stands(status: Status) -> &'static str {
    match status {
        Status::Starting => "it is starting",
        Status::Running => "it is running",
        Status::Paused => "it is paused",
        Status::NotResponding => "its worker gives no sign of life",
        Status::Finished => "it has finished",
        Status::Stopped => "it is stopped",
        Status::Suspended => "it is suspended",
        Status::Failed => "it has failed",
        Status::Lost => "its worker is gone",
    }
}

impl App {
    /// Whether an action here is about the runs of the list, or the open one.
    pub(super) fn drives_runs(&self, action: Action) -> bool {
        verb(action).is_some() && matches!(self.place, Place::Home | Place::Run | Place::Changes)
    }

    /// The runs that a key is about: the marked ones, else the selected one, or the open one.
    fn targets(&self) -> Vec<(RunDir, Status)> {
        match (self.place, &self.run) {
            (Place::Home, _) if self.home.pane == Pane::Runs => {
                self.home.targets().into_iter().map(|row| (row.dir.clone(), row.status)).collect()
            }
            (Place::Home, _) | (_, None) => Vec::new(),
            (_, Some(run)) => vec![(run.dir.clone(), run.status())],
        }
    }

    /// Does to the runs what a key says; those that cannot follow it are left out, and named.
    pub(super) fn drive_runs(&mut self, action: Action) {
        let (able, unable): (Vec<_>, Vec<_>) = self.targets().into_iter().partition(|(_, status)| action.fits(*status));
        let Some(verb) = verb(action) else { return };
        if able.is_empty() {
            if let Some(refusal) = self.refusal(verb, action, &unable) {
                self.say(Tone::Error, refusal);
            }
            return;
        }
        let n_left_out = unable.len();
        let dirs = || able.iter().map(|(dir, _)| dir.clone()).collect::<Vec<_>>();
        match action {
            Action::Stop => self.dialog = Some(Dialog::Confirm(Confirm::Stop(dirs(), n_left_out))),
            Action::Delete => self.dialog = Some(Dialog::Confirm(Confirm::Delete(dirs(), n_left_out))),
            _ => {
                self.tasks.world.extend(able.iter().filter_map(|(dir, status)| task(action, dir, *status)));
                self.tell(verb, able.len(), &unable);
            }
        }
    }

    /// Stops the runs, after the question.
    pub(super) fn stop(&mut self, dirs: Vec<RunDir>) {
        let n = dirs.len();
        self.tasks.world.extend(dirs.into_iter().map(|dir| WorldTask::Post(dir, Request::Stop)));
        self.tell("stop", n, &[]);
    }

    /// Says what was asked of runs in the list. What is asked of the open one is followed to its end below its charts.
    fn tell(&mut self, verb: &str, n_asked: usize, unable: &[(RunDir, Status)]) {
        if self.place != Place::Home {
            return;
        }
        let left_out = match unable {
            [] => String::new(),
            [(dir, status)] => format!("; not {}: {}", short_id(&dir.id()), stands(*status)),
            several => format!("; not {}, which cannot", plural(several.len() as u64, "other")),
        };
        self.say(Tone::Info, format!("asked to {verb} {}{left_out}", plural(n_asked as u64, "run")));
    }

    /// Why none of the runs can follow.
    fn refusal(&self, verb: &str, action: Action, unable: &[(RunDir, Status)]) -> Option<String> {
        let (dir, status) = unable.first()?;
        let instead = match (action, status) {
            (Action::Resume, Status::Finished) => {
                self.offer(self.place, Action::Fork, ("; ", " goes on from it in a new run"))
            }
            (Action::Resume, Status::NotResponding) => "; if it hangs, kill it first".into(),
            (Action::Delete, _) => self.offer(self.place, Action::Stop, ("; ", " stops it")),
            (_, status) if Action::Resume.fits(*status) && *status != Status::Paused => {
                self.offer(self.place, Action::Resume, ("; ", " starts a worker on it"))
            }
            _ => String::new(),
        };
        Some(match unable {
            [_] => format!("cannot {verb} {}: {}{instead}", short_id(&dir.id()), stands(*status)),
            several => format!("cannot {verb} any of the {} marked runs as they stand", several.len()),
        })
    }

    /// Opens the selected run, to do something there once it is read.
    pub(super) fn open_to(&mut self, action: Action) {
        match self.targets().as_slice() {
            [] => {}
            [(dir, _)] => {
                self.open_run(dir.clone());
                self.then = Some(action);
            }
            several => {
                let text = format!("this is done to one run at a time; {} are marked", several.len());
                self.say(Tone::Error, text);
            }
        }
    }

    /// Brings back the runs that were moved to the trash last.
    pub(super) fn restore(&mut self) {
        let trashed = std::mem::take(&mut self.home.trashed);
        if trashed.is_empty() {
            let text =
                "nothing was moved to the trash since the console was opened; `fixmatch trash list` shows the rest";
            return self.say(Tone::Info, text.into());
        }
        self.tasks.world.push(WorldTask::Restore(trashed));
    }

    pub(super) fn open_changes(&mut self) {
        let Some(run) = self.run.as_ref().filter(|run| run.status() != Status::Finished) else {
            let _ = self.living_run(); // says that it has none
            return;
        };
        match run.live() {
            Some(live) => self.dialog = Some(Dialog::Change(live_form(&live))),
            None => self.say(Tone::Error, "run.toml cannot be read".into()),
        }
    }

    pub(super) fn undo(&mut self) {
        self.post(Request::Undo);
    }

    /// Asks the worker. Where none is left, a change edits what the next one goes on with.
    pub(super) fn post(&mut self, request: Request) {
        self.post_all(vec![request]);
    }

    /// The same with several requests about changes: all of them or none.
    pub(super) fn post_all(&mut self, requests: Vec<Request>) {
        let are_about_changes = requests.iter().all(|request| request.is_about_changes());
        if let Some(run) = self.run.as_ref().filter(|run| are_about_changes && run.is_resumable()) {
            let dir = run.dir.clone();
            return self.tasks.world.push(WorldTask::Amend(dir, requests));
        }
        if let Some(dir) = self.living_run().map(|run| run.dir.clone()) {
            self.tasks.world.extend(requests.into_iter().map(|request| WorldTask::Post(dir.clone(), request)));
        }
    }

    /// The open run, if it has a worker to ask; else says why not.
    fn living_run(&mut self) -> Option<&OpenRun> {
        let run = self.run.as_ref()?;
        let status = run.status();
        if !status.is_alive() {
            let unable = [(run.dir.clone(), status)];
            if let Some(refusal) = self.refusal("change", Action::Change, &unable) {
                self.say(Tone::Error, refusal);
            }
            return None;
        }
        self.run.as_ref()
    }
}

/// What is to be done for an action on a run that can follow it.
fn task(action: Action, dir: &RunDir, status: Status) -> Option<WorldTask> {
    let request = match action {
        Action::Pause => Request::Pause,
        Action::Suspend => Request::Suspend,
        Action::Checkpoint => Request::Checkpoint,
        Action::Evaluate => Request::Evaluate,
        Action::Resume if status == Status::Paused => Request::Continue,
        Action::Resume => return Some(WorldTask::Resume(dir.clone())),
        _ => return None,
    };
    Some(WorldTask::Post(dir.clone(), request))
}
