//! What a user does on the home screen.

use fixmatch::compare::keys::short;

use super::groups::Line;
use super::{DataState, Home, Pane};
use crate::console::app::{App, Tone};
use crate::console::dialog::{Ask, Dialog, Purpose};
use crate::console::keys::{Action, Place};
use crate::console::screens::preset::Draft;
use crate::console::screens::race::Race;
use crate::console::screens::run::OpenRun;
use crate::console::screens::suite::OpenSuite;
use crate::console::screens::{Go, Screen};
use crate::console::tasks::{Tasks, WorldTask};

impl Home {
    /// Follows an action.
    pub fn update(&mut self, action: Action, app: &mut App) -> Go {
        let page = app.window.page as isize;
        match action {
            Action::Up => self.step(-1),
            Action::Down => self.step(1),
            Action::PageUp => self.step(-page),
            Action::PageDown => self.step(page),
            Action::First => self.step(isize::MIN),
            Action::Last => self.step(isize::MAX),
            Action::Next => self.switch(),
            Action::Filter => self.is_filtering = true,
            Action::Back if !self.marked.is_empty() => self.marked.clear(),
            Action::Back => self.show_all(),
            Action::Mark if self.pane == Pane::Runs => self.mark(),
            Action::Mark => self.turn_group(Self::toggle, app),
            Action::Left if self.pane == Pane::Presets => self.turn_group(|home| home.fold(true), app),
            Action::Right if self.pane == Pane::Presets => self.turn_group(|home| home.fold(false), app),
            Action::Change | Action::Fork if self.pane == Pane::Runs => return self.open_to(action, app),
            Action::View => {
                let _ = self.list_otherwise(|table| {
                    table.turn();
                    Ok(())
                });
                app.tasks.world.push(WorldTask::RememberList(self.table.kept()));
            }
            Action::Sort | Action::Columns => self.ask(action, app),
            Action::Undo => self.restore(app),
            Action::Enter => return self.enter(app),
            Action::Fetch => self.fetch(app),
            Action::Beside if self.pane == Pane::Runs => return self.put_beside(app),
            Action::Change | Action::Fork | Action::Beside => app.say_no_run(),
            _ => {}
        }
        Go::Nowhere
    }

    fn enter(&mut self, app: &mut App) -> Go {
        let screen = match (self.pane, self.line()) {
            (Pane::Presets, Some(Line::Group(_))) => {
                self.turn_group(Self::toggle, app);
                None
            }
            (Pane::Presets, Some(Line::Preset(i))) => {
                let row = &self.presets[i];
                let mut draft = Draft::new(&row.preset, &row.config);
                draft.form.folders = self.image_folders();
                Some(Screen::Preset(Box::new(draft)))
            }
            (Pane::Presets, Some(Line::Broken(i))) => {
                app.say(Tone::Error, self.broken[i].error.clone());
                None
            }
            (Pane::Presets, Some(Line::Suite(i))) => {
                Some(Screen::Suite(Box::new(OpenSuite::new(self.suites[i].name.clone()))))
            }
            (Pane::Presets, None) => None,
            (Pane::Runs, _) => match self.selected_runs().as_slice() {
                [] => None,
                [row] => Some(Screen::run(row.dir.clone())),
                rows => Some(Screen::Race(Box::new(Race::new(rows.iter().map(|row| row.dir.clone()).collect())))),
            },
        };
        screen.map_or(Go::Nowhere, Go::To)
    }

    /// Asks what to sort the runs by, or which columns to show.
    fn ask(&self, action: Action, app: &mut App) {
        let known = &self.table;
        let ask = if action == Action::Sort {
            let now = known.sort.map(|sort| sort.to_string()).unwrap_or_default();
            Ask::new(
                "sort by",
                "accuracy, lr, -created; with - the highest first; nothing: the newest first",
                now,
                Purpose::SortRuns,
            )
        } else {
            let now: Vec<_> = known.columns.iter().map(|key| short(key.name)).collect();
            Ask::new("columns", "lr per_class time; nothing: what the runs differ in", now.join(" "), Purpose::Columns)
        };
        app.dialog = Some(Dialog::Ask(ask));
    }

    /// Folds groups or opens them, and has that remembered.
    fn turn_group(&mut self, turn: impl FnOnce(&mut Self) -> bool, app: &mut App) {
        let before = self.folds.clone();
        turn(self);
        if self.folds != before {
            app.tasks.world.push(WorldTask::RememberFolds(self.folds.clone()));
        }
    }

    /// Opens the selected run, to do something there once it is read.
    fn open_to(&self, action: Action, app: &mut App) -> Go {
        match self.targets().as_slice() {
            [] => {}
            [row] => return Go::To(Screen::Run(Box::new(OpenRun::to(row.dir.clone(), action)))),
            several => {
                let text = format!("this is done to one run at a time; {} are marked", several.len());
                app.say(Tone::Error, text);
            }
        }
        Go::Nowhere
    }

    /// Shows the marked runs, or the marked and the selected one, beside each other; with none marked, marks one.
    fn put_beside(&mut self, app: &mut App) -> Go {
        let Some(dir) = self.run().map(|row| row.dir.clone()) else { return Go::Nowhere };
        let dirs = match self.marked.as_slice() {
            [one] if *one != dir => Some(vec![one.clone(), dir.clone()]),
            [] | [_] => None,
            several => Some(several.to_vec()),
        };
        let was_marked = !self.marked.is_empty();
        self.marked.clear();
        match dirs {
            Some(dirs) => return Go::To(Screen::Race(Box::new(Race::new(dirs)))),
            None if was_marked => {}
            None => {
                let shows = app.offer(Place::Home, Action::Beside, (": ", " shows both beside each other"));
                app.say(Tone::Info, format!("marked; go to another run{shows}"));
                self.marked.push(dir);
            }
        }
        Go::Nowhere
    }

    /// Brings back the runs that were moved to the trash last.
    fn restore(&mut self, app: &mut App) {
        let trashed = std::mem::take(&mut self.trashed);
        if trashed.is_empty() {
            let text =
                "nothing was moved to the trash since the console was opened; `fixmatch trash list` shows the rest";
            return app.say(Tone::Info, text.into());
        }
        app.tasks.world.push(WorldTask::Restore(trashed));
    }

    fn fetch(&mut self, app: &mut App) {
        let Some(row) = self.preset().filter(|_| self.pane == Pane::Presets) else { return };
        let name = row.config.data.dataset.clone();
        let (tone, text) = self.fetch_data(&name, &mut app.tasks);
        app.say(tone, text);
    }

    /// Begins to fetch a data set, where that is of use; says what comes of it.
    pub fn fetch_data(&mut self, name: &str, tasks: &mut Tasks) -> (Tone, String) {
        match self.data(name) {
            DataState::Missing(_) => {
                self.set_data(name, &DataState::Coming(0.0));
                tasks.world.push(WorldTask::Fetch(name.to_owned()));
                (Tone::Info, format!("fetching {name}"))
            }
            DataState::Here => (Tone::Info, format!("{name} is here already")),
            DataState::Coming(_) => (Tone::Info, format!("{name} is on its way")),
            DataState::Unknown | DataState::Nowhere => {
                (Tone::Error, format!("{name} cannot be fetched: data.path says where it is"))
            }
        }
    }
}
