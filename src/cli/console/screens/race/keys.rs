//! What a user does on the screen of runs beside each other.

use fixmatch::compare::experiment::Measure;
use fixmatch::run::curves::Axis;

use super::part::Part;
use super::{QUANTITIES, Race};
use crate::console::keys::Action;
use crate::console::mouse::Spot;
use crate::console::screens::{Go, Screen};

/// Of what is seen of the curves, the cursor goes so many parts.
const CURSOR_STEPS: f64 = 80.0;

impl Race {
    /// Follows an action.
    pub fn update(&mut self, action: Action) -> Go {
        self.renew();
        match action {
            Action::Next => self.turn(),
            Action::Down => self.go(1),
            Action::Up => self.go(-1),
            Action::PageDown => self.scroll = self.scroll.saturating_add(8),
            Action::PageUp => self.scroll = self.scroll.saturating_sub(8),
            Action::Right => self.move_cursor(1.0),
            Action::Left => self.move_cursor(-1.0),
            Action::Quantity => {
                self.part = Part::Curves;
                self.quantity = (self.quantity + 1) % QUANTITIES.len();
            }
            Action::Measure => {
                let at = Measure::ALL.iter().position(|it| *it == self.measure).unwrap_or(0);
                self.measure = Measure::ALL[(at + 1) % Measure::ALL.len()];
                self.judge();
            }
            Action::Reference => {
                self.against = self.focus;
                self.judge();
            }
            Action::Axis => {
                self.cursor = None;
                self.bands = Default::default();
                self.axis = match self.axis {
                    Axis::Step => Axis::Time,
                    Axis::Time => Axis::Step,
                }
            }
            Action::Enter => return Go::To(Screen::run(self.runs[self.focus].dir.clone())),
            Action::Back if self.cursor.is_some() => self.cursor = None,
            Action::Back => return Go::Back,
            _ => {}
        }
        Go::Nowhere
    }

    /// Selects what a mouse points at; says whether it was selected before.
    pub fn point_at(&mut self, spot: Spot) -> bool {
        match spot {
            Spot::Part(part) => (self.part, self.scroll) = (part, 0),
            // a group, whose runs are opened one by one
            Spot::Grid(lane, 0) => {
                if let Some(run) = self.lanes.get(lane).and_then(|lane| lane.runs.first()) {
                    self.focus = *run;
                }
            }
            Spot::Row(run) if run < self.runs.len() => return std::mem::replace(&mut self.focus, run) == run,
            Spot::Panel(_, Some(share)) => self.cursor = Some(share * self.end()),
            _ => {}
        }
        false
    }

    /// Goes to the next part.
    fn turn(&mut self) {
        let parts = self.parts();
        let at = parts.iter().position(|part| *part == self.part).unwrap_or(0);
        (self.part, self.scroll) = (parts[(at + 1) % parts.len()], 0);
    }

    /// Goes to another group; where the runs are shown one by one, to another run.
    fn go(&mut self, by: isize) {
        let order: Vec<usize> = if self.part == Part::Family {
            self.family.iter().filter(|(line, _)| line.is_head).map(|(_, run)| *run).collect()
        } else if self.part == Part::Runs || self.runs.len() == 2 {
            self.lanes.iter().flat_map(|lane| lane.runs.iter().copied()).collect()
        } else {
            self.lanes.iter().filter_map(|lane| lane.runs.first().copied()).collect()
        };
        let here = order.iter().position(|run| self.lane_of(*run) == self.lane_of(self.focus));
        let at = order.iter().position(|run| *run == self.focus).or(here).unwrap_or(0);
        self.focus = order[at.saturating_add_signed(by).min(order.len() - 1)];
    }

    /// Moves the cursor along the curves; the first time it appears at the newest point.
    fn move_cursor(&mut self, by: f64) {
        if self.part == Part::Curves {
            let end = self.end();
            let newest = || self.newest(&[QUANTITIES[self.quantity].1]);
            let x = self.cursor.map_or_else(newest, |x| x + by * end / CURSOR_STEPS);
            self.cursor = Some(x.clamp(0.0, end));
        }
    }
}
