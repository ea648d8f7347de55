//! Keys for what is being typed and for what lies over the screen, before the table of keys is asked.

use crossterm::event::{KeyCode, KeyEvent};
use fixmatch::run::change::{Change, Request};

use super::{App, Confirm, Dialog, Tone};
use crate::console::chooser::Outcome;
use crate::console::form::Form;
use crate::console::input::{Input, Typed, pasted};
use crate::console::keys::{Action, Place};
use crate::console::tasks::WorldTask;

impl App {
    /// Gives a key to a text field or a dialog; says whether there was one.
    pub(super) fn type_key(&mut self, key: KeyEvent) -> bool {
        if let Some(dialog) = self.dialog.take() {
            self.press_in(dialog, key);
            return true;
        }
        match (self.place, &mut self.draft, &mut self.run) {
            (Place::Home, ..) if self.home.is_filtering && key.code == KeyCode::Esc => self.home.show_all(),
            (Place::Home, ..) if self.home.is_filtering => {
                self.home.is_filtering = keeps_typing(&mut self.home.filter, key);
                self.home.settle();
            }
            (Place::Preset, Some(draft), _) if draft.form.editing.is_some() => {
                draft.press(key);
            }
            (Place::Log, _, Some(run)) if run.log.is_filtering => {
                run.log.is_filtering = keeps_typing(&mut run.log.filter, key);
                run.log.select();
            }
            _ => return false,
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
    fn is_typing(&self) -> bool {
        match &self.dialog {
            Some(Dialog::Choose(_) | Dialog::Ask(_)) => true,
            Some(Dialog::Change(form)) => form.editing.is_some(),
            Some(Dialog::Help(_) | Dialog::Confirm(_)) => false,
            None => match self.place {
                Place::Home => self.home.is_filtering,
                Place::Preset => self.draft.as_ref().is_some_and(|draft| draft.form.editing.is_some()),
                Place::Log => self.run.as_ref().is_some_and(|run| run.log.is_filtering),
                Place::Run
                | Place::Configuration
                | Place::Changes
                | Place::Samples
                | Place::Insight
                | Place::Race
                | Place::Shelf
                | Place::Browse => false,
            },
        }
    }

    fn press_in(&mut self, dialog: Dialog, key: KeyEvent) {
        match dialog {
            Dialog::Help(line) => match self.keymap.find(self.place, key.into()).map(|binding| binding.action) {
                Some(Action::Down) => self.dialog = Some(Dialog::Help(line.saturating_add(1))),
                Some(Action::PageDown) => self.dialog = Some(Dialog::Help(line.saturating_add(self.page))),
                Some(Action::Up) => self.dialog = Some(Dialog::Help(line.saturating_sub(1))),
                Some(Action::PageUp) => self.dialog = Some(Dialog::Help(line.saturating_sub(self.page))),
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
                Outcome::Done(choice) => self.chosen(choice),
                Outcome::Left => {}
            },
            Dialog::Ask(mut ask) => match ask.press(key) {
                Outcome::On => self.dialog = Some(Dialog::Ask(ask)),
                Outcome::Done((text, purpose)) => {
                    if let Err(error) = self.answered(&text, &purpose) {
                        ask.error = Some(error);
                        self.dialog = Some(Dialog::Ask(ask));
                    }
                }
                Outcome::Left => {}
            },
        }
    }

    fn press_in_form(&mut self, mut form: Form, key: KeyEvent) {
        if form.editing.is_some() {
            if let Some(text) = form.press(key) {
                match text.parse::<Change>() {
                    Ok(change) => return self.post(Request::Set(change)),
                    Err(error) => form.error = Some(format!("{error:#}")),
                }
            }
            self.dialog = Some(Dialog::Change(form));
            return;
        }
        let n = form.fields.len();
        match self.keymap.find(self.place, key.into()).map(|binding| binding.action) {
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
            Confirm::LeaveDraft(Action::Quit) | Confirm::LeaveSet(Action::Quit) => self.quit(),
            Confirm::LeaveDraft(_) => self.close_draft(),
            Confirm::DropChanges(numbers) => self.drop_changes(&numbers),
            Confirm::Race(base) => self.start_race(&base),
            Confirm::DeleteSet(_, path) => self.tasks.world.extend([WorldTask::DiscardSet(path), WorldTask::Shelf]),
            Confirm::LeaveSet(_) => self.close_browser(),
        }
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
