//! What a user does to runs, to the open one or to those of the list: each ends as a request, as a worker to start, as a
//! question, or as a word why not.

use fixmatch::run::change::Request;
use fixmatch::run::dir::RunDir;
use fixmatch::run::state::Status;

use super::{App, Tone};
use crate::console::dialog::Confirm;
use crate::console::keys::{Action, Place};
use crate::console::screens::Screen;
use crate::console::screens::home::{Listing, Pane};
use crate::console::tasks::WorldTask;
use crate::console::views::short_id;
use crate::words::numbers::plural;

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
        action.verb().is_some() && matches!(self.place(), Place::Home | Place::Run | Place::Changes)
    }

    /// The runs that a key is about: the marked ones, else the selected one, or the open one.
    fn targets(&self) -> Vec<(RunDir, Status)> {
        match self.screens.last() {
            None if self.home.pane == Pane::Presets => Vec::new(),
            None => self.home.targets().into_iter().map(|row| (row.dir.clone(), row.status)).collect(),
            Some(Screen::Run(run)) => vec![(run.dir.clone(), run.status())],
            Some(_) => Vec::new(),
        }
    }

    /// Does to the runs what a key says; those that cannot follow it are left out, and named.
    pub(super) fn drive_runs(&mut self, action: Action) {
        let (able, unable): (Vec<_>, Vec<_>) = self.targets().into_iter().partition(|(_, status)| action.fits(*status));
        let Some(verb) = action.verb() else { return };
        if able.is_empty() {
            return match self.refusal(self.place(), verb, action, &unable) {
                Some(refusal) => self.say(Tone::Error, refusal),
                None => self.say_no_run(),
            };
        }
        let n_left_out = unable.len();
        let dirs = || able.iter().map(|(dir, _)| dir.clone()).collect::<Vec<_>>();
        match action {
            Action::Stop => self.ask(Confirm::Stop(dirs(), n_left_out)),
            Action::Delete => self.ask(Confirm::Delete(dirs(), n_left_out)),
            _ => {
                self.tasks.world.extend(able.iter().filter_map(|(dir, status)| task(action, dir, *status)));
                self.tell(verb, able.len(), &unable);
            }
        }
    }

    /// Says that a key is about runs, and none is selected.
    pub fn say_no_run(&mut self) {
        let is_empty = matches!(&self.home.runs, Listing::Read(rows) if rows.is_empty());
        let leads = self.offer(Place::Home, Action::Next, ("; ", " leads to the runs"));
        let text = if is_empty { "there is no run yet".into() } else { format!("no run is selected{leads}") };
        self.say(Tone::Error, text);
    }

    /// Stops the runs, after the question.
    pub(super) fn stop(&mut self, dirs: Vec<RunDir>) {
        let n = dirs.len();
        self.tasks.world.extend(dirs.into_iter().map(|dir| WorldTask::Post(dir, Request::Stop)));
        self.tell("stop", n, &[]);
    }

    /// Says what was asked of runs in the list. What is asked of the open one is followed to its end below its charts.
    fn tell(&mut self, verb: &str, n_asked: usize, unable: &[(RunDir, Status)]) {
        if self.place() != Place::Home {
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
    pub fn refusal(&self, place: Place, verb: &str, action: Action, unable: &[(RunDir, Status)]) -> Option<String> {
        let (dir, status) = unable.first()?;
        let instead = match (action, status) {
            (Action::Resume, Status::Finished) => {
                self.offer(place, Action::Fork, ("; ", " goes on from it in a new run"))
            }
            (Action::Resume, Status::NotResponding) => "; if it hangs, kill it first".into(),
            (Action::Delete, _) => self.offer(place, Action::Stop, ("; ", " stops it")),
            (_, status) if Action::Resume.fits(*status) && *status != Status::Paused => {
                self.offer(place, Action::Resume, ("; ", " starts a worker on it"))
            }
            _ => String::new(),
        };
        Some(match unable {
            [_] => format!("cannot {verb} {}: {}{instead}", short_id(&dir.id()), stands(*status)),
            several => format!("cannot {verb} any of the {} marked runs as they stand", several.len()),
        })
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
