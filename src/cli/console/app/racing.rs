//! Two runs beside each other: how they are put there, and what their screen does.

use fixmatch::run::curves::Axis;
use fixmatch::run::dir::RunDir;

use super::{App, Tone};
use crate::console::home::Pane;
use crate::console::keys::{Action, Place};
use crate::console::race::Race;
use crate::console::tasks::WorldTask;

impl App {
    /// Shows the two marked runs, or the marked and the selected one, beside each other; with none marked, marks one.
    pub(super) fn put_beside(&mut self) {
        let Some(dir) = self.home.run().filter(|_| self.home.pane == Pane::Runs).map(|row| row.dir.clone()) else {
            return;
        };
        match self.home.marked.as_slice() {
            [one, other] => self.open_race([one.clone(), other.clone()]),
            [one] if *one != dir => self.open_race([one.clone(), dir]),
            [_] => self.home.marked.clear(),
            [] => {
                let shows = self.offer(Place::Home, Action::Beside, (": ", " shows both beside each other"));
                self.say(Tone::Info, format!("marked; go to another run{shows}"));
                self.home.marked.push(dir);
            }
            several => {
                let text = format!("two runs go beside each other; {} are marked", several.len());
                self.say(Tone::Error, text);
            }
        }
    }

    /// Shows two runs beside each other.
    pub fn open_race(&mut self, dirs: [RunDir; 2]) {
        self.remember();
        self.tasks.world.push(WorldTask::Follow(dirs.to_vec()));
        (self.run, self.draft) = (None, None);
        self.race = Some(Race::new(dirs));
        self.home.marked.clear();
        self.place = Place::Race;
    }

    pub(super) fn update_race(&mut self, action: Action) {
        let Some(race) = &mut self.race else { return self.go_home() };
        match action {
            Action::Next | Action::Left | Action::Right | Action::Up | Action::Down => race.focus = 1 - race.focus,
            Action::Axis => {
                race.axis = match race.axis {
                    Axis::Step => Axis::Time,
                    Axis::Time => Axis::Step,
                }
            }
            Action::Enter => {
                let dir = race.runs[race.focus].dir.clone();
                self.open_run(dir);
            }
            Action::Back if self.browser.is_some() => self.return_to_browser(),
            Action::Back => self.go_home(),
            _ => {}
        }
    }
}
