//! What a user does on the screen of predictions.

use super::Loading;
use crate::console::app::App;
use crate::console::keys::Action;
use crate::console::screens::run::{OpenRun, Page};
use crate::console::tasks::WorldTask;

impl OpenRun {
    /// Shows the predictions of the newest checkpoint, and asks for them if those that are here are older.
    pub fn show_predictions(&mut self, app: &mut App) {
        self.page = Page::Predictions;
        let is_old = |step: u64| self.state.saved.is_some_and(|saved| saved > step);
        let is_asked = match &self.predictions.loading {
            Loading::Asking(..) => true,
            Loading::Read(sheet) => !is_old(sheet.step),
            Loading::Not | Loading::Failed(_) => false,
        };
        if !is_asked {
            app.tasks.world.push(WorldTask::Predict(self.dir.clone()));
            self.predictions.loading = Loading::Asking(0, 0);
        }
    }

    /// What the last evaluation took for what; empty without one.
    pub fn confusion(&self) -> &[Vec<u32>] {
        self.state.evaluations.last().map_or(&[], |evaluated| &evaluated.ema.confusion)
    }

    /// Takes in what was asked for.
    pub fn take_predictions(&mut self, loading: Loading) {
        self.predictions.loading = loading;
        self.arrange_predictions_anew();
    }

    fn arrange_predictions_anew(&mut self) {
        let mut predictions = std::mem::take(&mut self.predictions);
        predictions.arrange_by(self.confusion());
        self.predictions = predictions;
    }

    /// Follows an action.
    pub fn update_predictions(&mut self, action: Action, app: &mut App) {
        let (n, page) = (self.predictions.shown.len(), app.window.page as isize);
        let columns = self.predictions.columns.max(1) as isize;
        let mut step = |by: isize| self.predictions.at.step(by, n);
        match action {
            Action::Left => step(-1),
            Action::Right => step(1),
            Action::Up => step(-columns),
            Action::Down => step(columns),
            Action::PageUp => step(-page),
            Action::PageDown => step(page),
            Action::First => step(isize::MIN),
            Action::Last => step(isize::MAX),
            Action::Pictures => app.switch_pictures(),
            Action::Enter => self.predictions.is_enlarged = !self.predictions.is_enlarged && n > 0,
            Action::Order => {
                self.predictions.is_reversed = !self.predictions.is_reversed;
                self.arrange_predictions_anew();
            }
            Action::Class => {
                let n_classes = self.predictions.sheet().map_or(0, |sheet| sheet.classes.len());
                let next = self.predictions.class.map_or(0, |class| class + 1);
                self.predictions.class = Some(next).filter(|next| *next < n_classes);
                self.arrange_predictions_anew();
            }
            Action::Back if self.predictions.is_enlarged => self.predictions.is_enlarged = false,
            Action::Back => self.page = Page::Charts,
            _ => {}
        }
    }
}
