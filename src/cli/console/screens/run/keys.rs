//! What a user does on a run's screens.

use fixmatch::run::change::Request;
use fixmatch::run::state::Status;

use super::{OpenRun, Page};
use crate::console::app::{App, Tone};
use crate::console::charts::Layout;
use crate::console::dialog::Dialog;
use crate::console::form::live_form;
use crate::console::keys::Action;
use crate::console::screens::preset::Draft;
use crate::console::screens::{Go, Screen};
use crate::console::tasks::WorldTask;

impl OpenRun {
    /// Follows an action.
    pub fn update(&mut self, action: Action, app: &mut App) -> Go {
        match action {
            Action::Log => self.page = Page::Log,
            Action::Samples => self.show_samples(app),
            Action::PseudoLabels => self.show_pseudo_labels(app),
            Action::Predictions => self.show_predictions(app),
            Action::Changes => self.show_changes(),
            Action::Configuration => self.show_configuration(),
            Action::Fork => return self.fork(app),
            _ => match self.page {
                Page::Charts => return self.update_charts(action, app),
                Page::Log => self.update_log(action, app),
                Page::Samples => self.update_samples(action, app),
                Page::PseudoLabels => self.update_pseudo_labels(action, app),
                Page::Predictions => self.update_predictions(action, app),
                Page::Changes => self.update_changes(action, app),
                Page::Configuration => self.update_configuration(action, app),
            },
        }
        Go::Nowhere
    }

    fn update_charts(&mut self, action: Action, app: &mut App) -> Go {
        let charts = &mut self.charts;
        match action {
            Action::Next | Action::Down => charts.next(1),
            Action::Up => charts.next(-1),
            Action::Enter => {
                charts.layout = match charts.layout {
                    Layout::Grid => Layout::Single,
                    Layout::Single => Layout::Grid,
                }
            }
            Action::Left | Action::Right => {
                charts.move_cursor(if action == Action::Left { -1.0 } else { 1.0 });
                self.follow_cursor();
            }
            Action::ZoomIn => charts.zoom(1),
            Action::ZoomOut => charts.zoom(-1),
            Action::PanLeft | Action::PageUp => charts.pan(-1.0),
            Action::PanRight | Action::PageDown => charts.pan(1.0),
            Action::ResetView | Action::First | Action::Last => {
                charts.reset();
                self.thaw();
            }
            Action::Freeze | Action::Earlier | Action::Later => self.move_in_time(action),
            Action::Axis => charts.switch_axis(),
            Action::Scale => charts.scale = charts.scale.next(),
            Action::Smooth => charts.next_smoothing(),
            Action::Change => self.ask_for_values(app),
            Action::Undo => self.post(Request::Undo, app),
            Action::Drop => self.drop_ahead(app),
            Action::Back if charts.cursor.is_some() || !charts.is_whole() => {
                charts.reset();
                self.thaw();
            }
            Action::Back => return Go::Back,
            _ => {}
        }
        self.follow_charts();
        Go::Nowhere
    }

    /// Freezes the screens, moves them in time, or lets them go.
    pub fn move_in_time(&mut self, action: Action) {
        match action {
            Action::Earlier => self.scrub(-1),
            Action::Later => self.scrub(1),
            Action::FarEarlier => self.scrub(-self.tenth()),
            Action::FarLater => self.scrub(self.tenth()),
            _ if self.moment.is_some() => self.thaw(),
            _ => self.freeze(self.step()),
        }
    }

    /// Shows the run's values, to be changed in a fork of it.
    fn fork(&self, app: &mut App) -> Go {
        let Some(Ok(file)) = &self.file else {
            app.say(Tone::Error, "run.toml cannot be read".into());
            return Go::Nowhere;
        };
        Go::To(Screen::Preset(Box::new(Draft::fork(&self.dir, self.moment, &file.config))))
    }

    /// Opens the values that can change while it trains.
    fn ask_for_values(&self, app: &mut App) {
        if self.status() == Status::Finished {
            return self.say_cannot_change(app);
        }
        match self.live() {
            Some(live) => app.dialog = Some(Dialog::Change(live_form(&live))),
            None => app.say(Tone::Error, "run.toml cannot be read".into()),
        }
    }

    /// Asks the worker. Where none is left, a change edits what the next one goes on with.
    pub fn post(&self, request: Request, app: &mut App) {
        self.post_all(vec![request], app);
    }

    /// The same with several requests about changes: all of them or none.
    pub fn post_all(&self, requests: Vec<Request>, app: &mut App) {
        let are_about_changes = requests.iter().all(|request| request.is_about_changes());
        let dir = self.dir.clone();
        if are_about_changes && self.is_resumable() {
            app.tasks.world.push(WorldTask::Amend(dir, requests));
        } else if self.status().is_alive() {
            app.tasks.world.extend(requests.into_iter().map(|request| WorldTask::Post(dir.clone(), request)));
        } else {
            self.say_cannot_change(app);
        }
    }

    fn say_cannot_change(&self, app: &mut App) {
        let unable = [(self.dir.clone(), self.status())];
        if let Some(refusal) = app.refusal(self.page.place(), "change", Action::Change, &unable) {
            app.say(Tone::Error, refusal);
        }
    }
}
