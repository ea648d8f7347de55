//! What a user does on the screen of labeled images.

use super::Loading;
use crate::console::app::App;
use crate::console::keys::Action;
use crate::console::screens::run::{OpenRun, Page};
use crate::console::tasks::WorldTask;

impl OpenRun {
    pub fn show_samples(&mut self, app: &mut App) {
        self.page = Page::Samples;
        self.begin_records(&mut app.tasks.world);
        if let Loading::Not | Loading::Failed(_) = self.samples.loading {
            app.tasks.world.push(WorldTask::Samples(self.dir.clone()));
            self.samples.loading = Loading::Reading;
        }
    }

    pub fn update_samples(&mut self, action: Action, app: &mut App) {
        let (samples, page) = (&mut self.samples, app.window.page as isize);
        let columns = samples.columns.max(1) as isize;
        match action {
            Action::Left => samples.step(-1),
            Action::Right => samples.step(1),
            Action::Up => samples.step(-columns),
            Action::Down => samples.step(columns),
            Action::PageUp => samples.step(-page),
            Action::PageDown => samples.step(page),
            Action::First => samples.step(isize::MIN),
            Action::Last => samples.step(isize::MAX),
            Action::Draw => samples.redraw(),
            Action::Pictures => app.switch_pictures(),
            Action::Enter => match samples.enlarged.take() {
                Some(_) => {}
                None => samples.enlarge(),
            },
            Action::Freeze | Action::Earlier | Action::Later | Action::FarEarlier | Action::FarLater => {
                self.move_in_time(action);
            }
            Action::Back if samples.enlarged.is_some() => samples.enlarged = None,
            Action::Back => self.page = Page::Charts,
            _ => {}
        }
    }
}
