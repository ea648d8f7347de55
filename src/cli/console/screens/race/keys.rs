//! What a user does on the screen of runs beside each other.

use fixmatch::run::curves::Axis;

use super::Race;
use crate::console::keys::Action;
use crate::console::screens::{Go, Screen};

impl Race {
    /// Follows an action.
    pub fn update(&mut self, action: Action) -> Go {
        let n = self.runs.len();
        match action {
            Action::Next | Action::Right | Action::Down => self.focus = (self.focus + 1) % n,
            Action::Left | Action::Up => self.focus = (self.focus + n - 1) % n,
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
