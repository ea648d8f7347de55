//! What a user does with a preset's values.

use fixmatch::plan::LABELS_ONLY;

use super::Draft;
use crate::console::app::{App, Tone};
use crate::console::dialog::Confirm;
use crate::console::input::Cursor;
use crate::console::keys::{Action, Place};
use crate::console::screens::Go;
use crate::console::tasks::{Contestant, WorldTask};

impl Draft {
    /// Follows an action.
    pub fn update(&mut self, action: Action, app: &mut App) -> Go {
        let page = app.window.page as isize;
        let (n, at) = (self.form.fields.len(), &mut self.form.at);
        match action {
            Action::Up => at.step(-1, n),
            Action::Down => at.step(1, n),
            Action::PageUp => at.step(-page, n),
            Action::PageDown => at.step(page, n),
            Action::First => *at = Cursor::default(),
            Action::Last => at.step(isize::MAX, n),
            Action::Enter => self.form.edit(),
            Action::Left | Action::Right => {
                self.choose(if action == Action::Left { -1 } else { 1 });
                if self.form.field().is_some_and(|field| self.form.choices(field).is_empty()) {
                    let types = app.offer(Place::Preset, Action::Enter, (": ", " types a value"));
                    app.say(Tone::Info, format!("nothing to choose from here{types}"));
                }
            }
            Action::Baseline if self.has_baseline() => self.with_baseline = !self.with_baseline,
            Action::Baseline => {
                let text = "a baseline is for a new run whose train.lambda_u is more than 0";
                app.say(Tone::Error, text.into());
            }
            Action::Fetch => self.fetch(app),
            Action::Launch => self.launch(app),
            Action::Back if self.is_edited => app.ask(Confirm::LeaveDraft(Action::Back)),
            Action::Back => return Go::Back,
            _ => {}
        }
        Go::Nowhere
    }

    fn fetch(&self, app: &mut App) {
        let (tone, text) = app.home.fetch_data(&self.config.data.dataset, &mut app.tasks);
        app.say(tone, text);
    }

    /// Launches what the values say, alone or with its baseline beside it.
    fn launch(&mut self, app: &mut App) {
        self.is_edited = false;
        let (preset, settings) = (self.preset.clone(), self.settings.clone());
        let (task, text) = match &self.fork {
            Some((dir, until)) => (WorldTask::Fork(dir.clone(), *until, settings), "starting a worker…"),
            None if self.with_baseline => {
                let name = format!("{}-labels-only", preset.name);
                let labels_only = [settings.clone(), vec![LABELS_ONLY.into()]].concat();
                let baseline = Contestant { name, preset: preset.clone(), settings: labels_only };
                let own = Contestant { name: preset.name.clone(), preset, settings };
                (WorldTask::Race(Box::new([own, baseline])), "starting two workers…")
            }
            None => (WorldTask::Launch(preset, settings), "starting a worker…"),
        };
        app.say(Tone::Info, text.into());
        app.tasks.world.push(task);
    }
}
