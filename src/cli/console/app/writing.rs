//! What is written on runs, and expressions that are kept under names.

use fixmatch::compare::expression::Expression;
use fixmatch::compare::family::relatives;
use fixmatch::run::card::{Card, Edit};
use fixmatch::run::dir::RunDir;

use super::{App, Tone};
use crate::console::dialog::{Ask, Dialog, Purpose};
use crate::console::keys::Action;
use crate::console::screens::Screen;
use crate::console::screens::home::Pane;
use crate::console::screens::race::Race;
use crate::console::screens::race::part::Part;
use crate::console::tasks::WorldTask;
use crate::words::numbers::plural;

impl App {
    /// The runs that would be written on: those that keys act on, the open one, the one in focus.
    fn written_on(&self) -> Vec<RunDir> {
        match self.screens.last() {
            None if self.home.pane == Pane::Presets && self.home.marked.is_empty() => Vec::new(),
            None => self.home.targets().into_iter().map(|row| row.dir.clone()).collect(),
            Some(Screen::Race(race)) => vec![race.runs[race.focus].dir.clone()],
            Some(_) => self.run().map(|run| run.dir.clone()).into_iter().collect(),
        }
    }

    /// Shows the forks and changes of the run that is shown or selected.
    pub(super) fn show_family(&mut self) {
        let Some(dir) = self.written_on().into_iter().next() else { return self.say_no_run() };
        let dirs = relatives(self.home.rows(), &dir);
        let known = self.home.rows().iter().find(|row| row.dir == dir);
        if dirs.len() == 1 && known.is_some_and(|row| row.parent.is_none() && row.summary.changes == 0) {
            return self.say(Tone::Info, "it has no family: it is no fork, has none, and nothing was changed".into());
        }
        let mut race = Race::new(dirs);
        race.part = Part::Family;
        self.open(Screen::Race(Box::new(race)));
    }

    /// What stands on a run, as far as that is known.
    fn card(&self, dir: &RunDir) -> Card {
        self.home.card(dir).cloned().unwrap_or_default()
    }

    /// Asks what to write on the run that is shown, or on the selected ones.
    pub(super) fn ask_to_write(&mut self, action: Action) {
        let dirs = self.written_on();
        let Some(card) = dirs.first().map(|dir| self.card(dir)) else { return self.say_no_run() };
        if dirs.len() > 1 && action != Action::Tags {
            let text = format!("this is written on one run at a time; {} are marked", dirs.len());
            return self.say(Tone::Error, text);
        }
        let tags: Vec<&str> = card.tags.iter().map(String::as_str).collect();
        let ask = match action {
            Action::Tags if dirs.len() == 1 && !tags.is_empty() => {
                Ask::new("tags", "+good adds one, -draft takes one off", String::new(), Purpose::Tags)
            }
            Action::Tags => Ask::new("tags", "with blanks between: good paper", String::new(), Purpose::Tags),
            Action::Note => Ask::new("note", "a sentence or two; nothing takes it away", card.note, Purpose::Note),
            _ => Ask::new("title", "what to call the run; nothing takes it away", card.title, Purpose::Title),
        };
        self.dialog = Some(Dialog::Ask(ask));
    }

    /// Has something written; returns why it cannot be.
    pub(super) fn write(&mut self, edit: Edit) -> Result<(), String> {
        let dirs = self.written_on();
        for dir in &dirs {
            self.card(dir).edit(&edit).map_err(|error| format!("{error:#}"))?;
        }
        self.say(Tone::Info, format!("written on {}", plural(dirs.len() as u64, "run")));
        self.tasks.world.push(WorldTask::Write(dirs, edit));
        Ok(())
    }

    /// Asks under which name to save the expression that is the filter.
    pub(super) fn ask_for_filter_name(&mut self) {
        let text = self.home.filter.text.trim();
        let refusal = match Expression::parse(text) {
            _ if text.is_empty() => Some("there is no filter to save: / types one".to_owned()),
            Err(error) => Some(error.root_cause().to_string()),
            Ok(_) => None,
        };
        if let Some(refusal) = refusal {
            return self.say(Tone::Error, refusal);
        }
        let ask = Ask::new("save the filter as", "@NAME stands for it", String::new(), Purpose::SaveFilter);
        self.dialog = Some(Dialog::Ask(ask));
    }

    /// Has the filter saved under a name; returns why it cannot be.
    pub(super) fn save_filter(&mut self, name: &str) -> Result<(), String> {
        let name = name.trim_start_matches('@');
        fixmatch::compare::saved::check_name(name).map_err(|error| format!("{error:#}"))?;
        let text = self.home.filter.text.trim().to_owned();
        self.home.is_filtering = false;
        self.home.saved.insert(name.to_owned(), text.clone());
        self.tasks.world.push(WorldTask::SaveExpression(name.to_owned(), text));
        Ok(())
    }
}
