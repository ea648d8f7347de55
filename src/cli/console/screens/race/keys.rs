//! What a user does on the screen of two runs.

use fixmatch::run::curves::Axis;

use super::Race;
use crate::console::keys::Action;
use crate::console::screens::{Go, Screen};

impl Race {
    /// Follows an action.
    pub fn update(&mut self, action: Action) -> Go {
        match action {
            Action::Next | Action::Left | Action::Right | Action::Up | Action::Down => self.focus = 1 - self.focus,
            Action::Axis => {
                self.axis = match self.axis {
                    Axis::Step => Axis::Time,
                    Axis::Time => Axis::Step,
                }
            }
            Action::Enter => return Go::To(Screen::run(self.runs[self.focus].dir.clone())),
            Action::Back => return Go::Back,
            _ => {}
        }
        Go::Nowhere
    }
}
