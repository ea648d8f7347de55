//! The recorded changes of a run: looked at, dropped, given another value, moved. Its worker answers, or where none is
//! left, the log does (see [`fixmatch::run::amend`]).

use fixmatch::run::change::{Edit, Request};
use fixmatch::run::history::Entry;

use super::run::{OpenRun, Page};
use crate::console::app::{App, Tone};
use crate::console::dialog::{Ask, Confirm, Dialog, Purpose};
use crate::console::input::Cursor;
use crate::console::keys::{Action, Place};

pub mod view;

impl OpenRun {
    /// Shows the recorded changes, the first that lies ahead selected, else the last one.
    pub(super) fn show_changes(&mut self) {
        let all = self.state.history.entries();
        let ahead = self.ahead().first().map(|entry| entry.number);
        let at = all.iter().position(|entry| Some(entry.number) == ahead).unwrap_or(all.len().saturating_sub(1));
        (self.change_at, self.page) = (Cursor { at, ..Cursor::default() }, Page::Changes);
    }

    pub(super) fn update_changes(&mut self, action: Action, app: &mut App) {
        let (n, page) = (self.state.history.entries().len(), app.window.page as isize);
        match action {
            Action::Up => self.change_at.step(-1, n),
            Action::Down => self.change_at.step(1, n),
            Action::PageUp => self.change_at.step(-page, n),
            Action::PageDown => self.change_at.step(page, n),
            Action::First => self.change_at = Cursor::default(),
            Action::Last => self.change_at.step(isize::MAX, n),
            Action::Enter | Action::Move | Action::Drop => self.edit_change(action, app),
            Action::Undo => self.post(Request::Undo, app),
            Action::Back => self.page = Page::Charts,
            _ => {}
        }
    }

    /// Asks what the selected change is to be, or whether it is to go; at once why it can be neither.
    fn edit_change(&self, action: Action, app: &mut App) {
        let Some(&Entry { number, step, change, .. }) = self.selected_change() else { return };
        if let Some(refusal) = self.refusal(Edit::Drop(number)) {
            return app.say(Tone::Error, refusal);
        }
        let ask = match action {
            Action::Drop => return app.ask(Confirm::DropChanges(vec![number])),
            Action::Move => {
                let hint = "a step that was not taken yet; enter moves it there";
                Ask::new("have it take effect at step", hint, step.to_string(), Purpose::MoveChange(number))
            }
            _ => {
                let hint = "its value from its step on; enter records it";
                Ask::new(change.key().name, hint, change.value(), Purpose::ChangeValue(number))
            }
        };
        app.dialog = Some(Dialog::Ask(ask));
    }

    /// Asks whether all changes that lie ahead are to go.
    pub(super) fn drop_ahead(&self, app: &mut App) {
        let ahead: Vec<_> = self.ahead().iter().map(|entry| entry.number).collect();
        if ahead.is_empty() {
            let lists = app.offer(Place::Run, Action::Changes, ("; ", " lists all"));
            return app.say(Tone::Info, format!("no recorded change lies ahead{lists}"));
        }
        app.ask(Confirm::DropChanges(ahead));
    }

    /// Drops changes, after the question.
    pub fn drop_changes(&self, numbers: &[u32], app: &mut App) {
        self.post_all(numbers.iter().map(|number| Request::Edit(Edit::Drop(*number))).collect(), app);
    }

    /// A change's new value or step was typed; returns why it cannot be.
    pub fn answered(&self, text: &str, purpose: Purpose, app: &mut App) -> Result<(), String> {
        let edit = match purpose {
            Purpose::ChangeValue(number) => {
                let Some(entry) = self.state.history.at(number) else { return Ok(()) };
                let change =
                    format!("{}={text}", entry.change.key().name).parse().map_err(|error| format!("{error:#}"))?;
                Edit::Value(number, change)
            }
            Purpose::MoveChange(number) => {
                Edit::Move(number, text.parse().map_err(|_| format!("{text:?} is no step"))?)
            }
            Purpose::GoTo
            | Purpose::Start
            | Purpose::Save { .. }
            | Purpose::MoreSeeds
            | Purpose::Title
            | Purpose::Tags
            | Purpose::Note
            | Purpose::SortRuns
            | Purpose::Columns
            | Purpose::SaveFilter => return Ok(()),
        };
        if let Some(refusal) = self.refusal(edit) {
            return Err(refusal);
        }
        self.post(Request::Edit(edit), app);
        Ok(())
    }
}
