//! Keys for what is being typed and for what lies over the screen, before the table of keys is asked.

use crossterm::event::{KeyCode, KeyEvent, KeyModifiers};
use fixmatch::run::card::Edit;
use fixmatch::run::change::{Change, Request};

use super::{App, Tone};
use crate::console::dialog::{Confirm, Dialog, Outcome, Purpose};
use crate::console::form::Form;
use crate::console::input::{Input, Typed, pasted};
use crate::console::keys::Action;
use crate::console::screens::browser::Browser;
use crate::console::screens::home::table::Table;
use crate::console::screens::run::OpenRun;
use crate::console::screens::{Go, Screen};
use crate::console::tasks::{SuiteTask, WorldTask};

impl App {
    /// Gives a key to a text field or a dialog; says whether there was one.
    pub(super) fn type_key(&mut self, key: KeyEvent) -> bool {
        if let Some(dialog) = self.dialog.take() {
            self.press_in(dialog, key);
            return true;
        }
        if !self.is_typing() {
            return false;
        }
        match self.screens.last_mut() {
            None if key.code == KeyCode::Esc => self.home.show_all(),
            None if key.code == KeyCode::Char('s') && key.modifiers.contains(KeyModifiers::CONTROL) => {
                self.ask_for_filter_name();
            }
            None => {
                self.home.is_filtering = keeps_typing(&mut self.home.filter, key);
                self.home.settle();
            }
            Some(Screen::Preset(draft)) => draft.press(key),
            Some(Screen::Run(run)) => {
                run.log.is_filtering = keeps_typing(&mut run.log.filter, key);
                run.log.select();
            }
            Some(Screen::Label(_)) => self.in_label(|label, app| label.press_finder(key, app)),
            Some(Screen::Race(_) | Screen::LabelSets | Screen::Browser(_) | Screen::Suite(_)) => {}
        }
        true
    }

    /// Gives pasted text to the open text field, and to nothing else: to a list its letters would be keys.
    pub fn paste(&mut self, text: &str) {
        if !self.is_typing() {
            return self.say(Tone::Info, "pasted text goes into an open text field only: nothing was done".into());
        }
        for key in pasted(text) {
            self.type_key(key);
        }
    }

    /// Whether a text field is open.
    pub(super) fn is_typing(&self) -> bool {
        match (&self.dialog, self.screens.last()) {
            (Some(dialog), _) => dialog.is_typing(),
            (None, None) => self.home.is_filtering,
            (None, Some(screen)) => screen.is_typing(),
        }
    }

    fn press_in(&mut self, dialog: Dialog, key: KeyEvent) {
        match dialog {
            Dialog::Help(line) => match self.action(key) {
                Some(Action::Down) => self.dialog = Some(Dialog::Help(line.saturating_add(1))),
                Some(Action::PageDown) => self.dialog = Some(Dialog::Help(line.saturating_add(self.window.page))),
                Some(Action::Up) => self.dialog = Some(Dialog::Help(line.saturating_sub(1))),
                Some(Action::PageUp) => self.dialog = Some(Dialog::Help(line.saturating_sub(self.window.page))),
                Some(Action::First) => self.dialog = Some(Dialog::Help(0)),
                Some(Action::Last) => self.dialog = Some(Dialog::Help(usize::MAX)),
                Some(Action::Background) => self.go_to_shell(),
                _ => {}
            },
            Dialog::Confirm(question) => match key.code {
                KeyCode::Char('y' | 'Y') => self.confirmed(question),
                KeyCode::Char('n' | 'N' | 'q') | KeyCode::Esc => {}
                _ => self.dialog = Some(Dialog::Confirm(question)),
            },
            Dialog::Change(form) => self.press_in_form(form, key),
            Dialog::Choose(mut chooser) => match chooser.press(key) {
                Outcome::On => self.dialog = Some(Dialog::Choose(chooser)),
                Outcome::Done(choice) => self.in_browser(|browser, app| browser.chosen(choice, app)),
                Outcome::Left => {}
            },
            Dialog::Ask(mut ask) => match ask.press(key) {
                Outcome::On => self.dialog = Some(Dialog::Ask(ask)),
                Outcome::Done((text, purpose)) => {
                    if let Err(error) = self.answered(&text, purpose) {
                        ask.error = Some(error);
                        self.dialog = Some(Dialog::Ask(ask));
                    }
                }
                Outcome::Left => {}
            },
        }
    }

    /// What a key does on the screen that is shown.
    fn action(&self, key: KeyEvent) -> Option<Action> {
        self.keymap.find(self.place(), key.into()).map(|binding| binding.action)
    }

    fn press_in_form(&mut self, mut form: Form, key: KeyEvent) {
        if form.editing.is_some() {
            if let Some(text) = form.press(key) {
                match text.parse::<Change>() {
                    Ok(change) => return self.in_run(|run, app| run.post(Request::Set(change), app)),
                    Err(error) => form.error = Some(format!("{error:#}")),
                }
            }
            self.dialog = Some(Dialog::Change(form));
            return;
        }
        let n = form.fields.len();
        match self.action(key) {
            Some(Action::Down) => form.at.step(1, n),
            Some(Action::Up) => form.at.step(-1, n),
            Some(Action::Enter | Action::Change) => form.edit(),
            Some(Action::Back | Action::Quit) => return,
            _ => {}
        }
        self.dialog = Some(Dialog::Change(form));
    }

    fn confirmed(&mut self, question: Confirm) {
        match question {
            Confirm::Stop(dirs, _) => self.stop(dirs),
            Confirm::Delete(dirs, _) => self.tasks.world.push(WorldTask::Discard(dirs)),
            Confirm::LeaveDraft(Action::Quit) | Confirm::LeaveSet(Action::Quit) => self.leave(),
            Confirm::LeaveDraft(_) | Confirm::LeaveSet(_) => self.back(),
            Confirm::DropChanges(numbers) => self.in_run(|run, app| run.drop_changes(&numbers, app)),
            Confirm::StartSuite(name) => self.ask_suite(name, SuiteTask::Start, "starting the queue…"),
            Confirm::StopSuite(name) => self.ask_suite(name, SuiteTask::Stop, "suspending its runs…"),
            Confirm::Race(base) => self.in_browser(|browser, app| browser.start_race(&base, app)),
            Confirm::DeleteSet(_, path) => {
                self.tasks.world.extend([WorldTask::DiscardSet(path), WorldTask::LabelSets]);
            }
        }
    }

    fn ask_suite(&mut self, name: String, task: SuiteTask, said: &str) {
        self.say(Tone::Info, said.into());
        self.tasks.world.push(WorldTask::Suite(name, task));
    }

    /// A line was typed; returns why it cannot be.
    fn answered(&mut self, text: &str, purpose: Purpose) -> Result<(), String> {
        let mut answer = Ok(());
        match purpose {
            Purpose::ChangeValue(_) | Purpose::MoveChange(_) => {
                self.in_run(|run, app| answer = run.answered(text, purpose, app));
            }
            Purpose::MoreSeeds => {
                let Some(screen) = self.screens.pop() else { return Ok(()) };
                if let Screen::Suite(suite) = &screen {
                    answer = suite.answered(text, self);
                }
                self.screens.push(screen);
            }
            Purpose::Title => answer = self.write(Edit::Title(text.into())),
            Purpose::Tags => answer = self.write(Edit::Tags(text.into())),
            Purpose::Note => answer = self.write(Edit::Note(text.into())),
            Purpose::SortRuns => answer = self.list_otherwise(|table| table.sort_by(text)),
            Purpose::Columns => answer = self.list_otherwise(|table| table.pick(text)),
            Purpose::SaveFilter => answer = self.save_filter(text),
            Purpose::GoTo | Purpose::Start | Purpose::Save { .. } => self.in_browser(|browser, app| {
                answer = browser.answered(text, purpose, app);
                Go::Nowhere
            }),
        }
        answer
    }

    /// Lists the runs in another way, and has that remembered; returns why it cannot be.
    fn list_otherwise(&mut self, change: impl FnOnce(&mut Table) -> Result<(), String>) -> Result<(), String> {
        self.home.list_otherwise(change)?;
        self.tasks.world.push(WorldTask::RememberList(self.home.table.kept()));
        Ok(())
    }

    /// Lets the run that is shown do something; meanwhile it is not among the screens.
    fn in_run(&mut self, does: impl FnOnce(&mut OpenRun, &mut Self)) {
        let Some(mut screen) = self.screens.pop() else { return };
        if let Screen::Run(run) = &mut screen {
            does(run, self);
        }
        self.screens.push(screen);
    }

    /// Lets the browser that is shown do something, and goes where that leads.
    pub(super) fn in_browser(&mut self, does: impl FnOnce(&mut Browser, &mut Self) -> Go) {
        let Some(mut screen) = self.screens.pop() else { return };
        let go = if let Screen::Browser(browser) = &mut screen { does(browser, self) } else { Go::Nowhere };
        self.screens.push(screen);
        self.go(go);
    }
}

/// Gives a key to a filter; says whether it is typed on. Escape empties it.
fn keeps_typing(input: &mut Input, key: KeyEvent) -> bool {
    match input.press(key) {
        Typed::On => true,
        Typed::Done => false,
        Typed::Left => {
            input.text.clear();
            false
        }
    }
}
