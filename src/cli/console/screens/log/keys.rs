//! What a user does on the screen of the log.

use crate::console::app::App;
use crate::console::keys::Action;
use crate::console::screens::run::{OpenRun, Page};

impl OpenRun {
    pub fn update_log(&mut self, action: Action, app: &App) {
        let (log, page) = (&mut self.log, app.window.page as isize);
        match action {
            Action::Up => log.scroll(-1),
            Action::Down => log.scroll(1),
            Action::PageUp => log.scroll(-page),
            Action::PageDown => log.scroll(page),
            Action::First => log.scroll(isize::MIN / 2),
            Action::Last => log.scroll(isize::MAX / 2),
            Action::Order => log.turn_over(),
            Action::Next => log.next_view(),
            Action::Filter => log.is_filtering = true,
            Action::Back if !log.filter.text.is_empty() => {
                log.filter.text.clear();
                log.select();
            }
            Action::Back => self.page = Page::Charts,
            _ => {}
        }
    }
}
