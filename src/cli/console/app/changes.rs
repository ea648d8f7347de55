//! The recorded changes of the open run: looked at, dropped, given another value, moved. The run's worker answers, or where
//! none is left, the log does (see [`fixmatch::run::amend`]).

use fixmatch::run::change::{Edit, Request};
use fixmatch::run::history::Entry;

use super::{App, Confirm, Dialog, Purpose, Tone};
use crate::console::chooser::Ask;
use crate::console::input::Cursor;
use crate::console::keys::{Action, Place};

impl App {
    /// Shows the recorded changes, the first that lies ahead selected, else the last one.
    pub(super) fn open_recorded(&mut self) {
        let Some(run) = &self.run else { return };
        let all = run.state.history.entries();
        let ahead = run.ahead().first().map(|entry| entry.number);
        let at = all.iter().position(|entry| Some(entry.number) == ahead).unwrap_or(all.len().saturating_sub(1));
        (self.change_at, self.place) = (Cursor { at, ..Cursor::default() }, Place::Changes);
    }

    /// The selected change.
    pub fn recorded(&self) -> Option<&Entry> {
        self.run.as_ref()?.state.history.entries().get(self.change_at.at)
    }

    /// Why an edit cannot be, as far as can be told from here.
    pub fn why_not(&self, edit: Edit) -> Option<String> {
        self.run.as_ref()?.refusal(edit)
    }

    pub(super) fn update_recorded(&mut self, action: Action) {
        let n = self.run.as_ref().map_or(0, |run| run.state.history.entries().len());
        let page = self.page as isize;
        match action {
            Action::Up => self.change_at.step(-1, n),
            Action::Down => self.change_at.step(1, n),
            Action::PageUp => self.change_at.step(-page, n),
            Action::PageDown => self.change_at.step(page, n),
            Action::First => self.change_at = Cursor::default(),
            Action::Last => self.change_at.step(isize::MAX, n),
            Action::Enter | Action::Move | Action::Drop => self.edit_recorded(action),
            Action::Undo => self.undo(),
            Action::Back => self.place = Place::Run,
            _ => {}
        }
    }

    /// Asks what the selected change is to be, or whether it is to go; at once why it can be neither.
    fn edit_recorded(&mut self, action: Action) {
        let Some(Entry { number, step, change, .. }) = self.recorded().cloned() else { return };
        if let Some(refusal) = self.why_not(Edit::Drop(number)) {
            return self.say(Tone::Error, refusal);
        }
        match action {
            Action::Drop => self.dialog = Some(Dialog::Confirm(Confirm::DropChanges(vec![number]))),
            Action::Move => {
                let hint = "a step that was not taken yet; enter moves it there";
                self.ask(Ask::new("have it take effect at step", hint, step.to_string(), Purpose::MoveChange(number)));
            }
            _ => {
                let hint = "its value from its step on; enter records it";
                self.ask(Ask::new(change.key().name, hint, change.value(), Purpose::ChangeValue(number)));
            }
        }
    }

    /// Asks whether all changes that lie ahead are to go.
    pub(super) fn drop_ahead(&mut self) {
        let ahead: Vec<_> = self.run.iter().flat_map(|run| run.ahead()).map(|entry| entry.number).collect();
        if ahead.is_empty() {
            let lists = self.offer(Place::Run, Action::Changes, ("; ", " lists all"));
            return self.say(Tone::Info, format!("no recorded change lies ahead{lists}"));
        }
        self.dialog = Some(Dialog::Confirm(Confirm::DropChanges(ahead)));
    }

    /// Drops changes, after the question.
    pub(super) fn drop_changes(&mut self, numbers: &[u32]) {
        self.post_all(numbers.iter().map(|number| Request::Edit(Edit::Drop(*number))).collect());
    }

    /// A change's new value or step was typed; returns why it cannot be.
    pub(super) fn answered_change(&mut self, text: &str, purpose: &Purpose) -> Result<(), String> {
        let history = self.run.as_ref().map(|run| &run.state.history);
        let edit = match purpose {
            Purpose::ChangeValue(number) => {
                let Some(entry) = history.and_then(|history| history.at(*number)) else { return Ok(()) };
                let change =
                    format!("{}={text}", entry.change.key().name).parse().map_err(|error| format!("{error:#}"))?;
                Edit::Value(*number, change)
            }
            Purpose::MoveChange(number) => {
                Edit::Move(*number, text.parse().map_err(|_| format!("{text:?} is no step"))?)
            }
            Purpose::GoTo | Purpose::Start | Purpose::Save { .. } => return Ok(()),
        };
        if let Some(refusal) = self.why_not(edit) {
            return Err(refusal);
        }
        self.post(Request::Edit(edit));
        Ok(())
    }
}
