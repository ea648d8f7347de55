//! A run's configuration: where it came from and every value.

use super::run::{OpenRun, Page};
use crate::console::app::App;
use crate::console::input::Cursor;
use crate::console::keys::Action;

mod view;

impl OpenRun {
    pub(super) fn update_configuration(&mut self, action: Action, app: &App) {
        let (n, page) = (self.fields().len(), app.window.page as isize);
        match action {
            Action::Up => self.value_at.step(-1, n),
            Action::Down => self.value_at.step(1, n),
            Action::PageUp => self.value_at.step(-page, n),
            Action::PageDown => self.value_at.step(page, n),
            Action::First => self.value_at = Cursor::default(),
            Action::Last => self.value_at.step(isize::MAX, n),
            Action::Back => self.page = Page::Charts,
            _ => {}
        }
    }
}
