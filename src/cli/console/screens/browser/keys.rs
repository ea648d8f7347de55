//! What a user does in the browser of label sets. What is chosen from lists and typed there is in [`super::choices`].

use super::Browser;
use super::choices::hint;
use crate::console::app::{App, Tone};
use crate::console::dialog::{Ask, Confirm, Dialog, Purpose};
use crate::console::keys::Action;
use crate::console::screens::Go;
use crate::console::tasks::WorldTask;

#[cfg(test)]
mod tests;

impl Browser {
    /// Follows an action.
    pub fn update(&mut self, action: Action, app: &mut App) -> Go {
        let (columns, page) = (self.grid.0.max(1) as isize, self.page() as isize);
        if self.opened.is_some() {
            let by = match action {
                Action::Left | Action::Up => Some(-1),
                Action::Right | Action::Down => Some(1),
                Action::PageUp => Some(-page),
                Action::PageDown => Some(page),
                Action::First => Some(isize::MIN),
                Action::Last => Some(isize::MAX),
                _ => None,
            };
            if let Some(by) = by {
                let by_pixels = self.step_opened(by);
                self.find_nearest(by_pixels, app);
                return Go::Nowhere;
            }
        }
        match action {
            Action::Left => self.step_column(-1),
            Action::Right => self.step_column(1),
            Action::Up => self.step(if self.is_sheet() { -columns } else { -1 }),
            Action::Down => self.step(if self.is_sheet() { columns } else { 1 }),
            Action::PageUp => self.step(-page),
            Action::PageDown => self.step(page),
            Action::First => self.step(isize::MIN),
            Action::Last => self.step(isize::MAX),
            Action::Next => self.next_view(),
            Action::Enter => self.look_at_image(app),
            Action::Class => self.choose_class(app),
            Action::Ranking => self.choose_order(app),
            Action::Mark => {
                if let Some(index) = self.selected() {
                    self.toggle(index);
                }
            }
            Action::Swap => self.start_swap(app),
            Action::SwapMore => self.swap_for_next(-1, app),
            Action::SwapLess => self.swap_for_next(1, app),
            Action::Undo if self.set.undo() => {}
            Action::Undo => app.say(Tone::Info, "nothing was changed yet".into()),
            Action::More => self.change_per_class(1),
            Action::Less => self.change_per_class(-1),
            Action::From => self.choose_start(app),
            Action::GoTo => {
                let ask = Ask::new("go to image", "its number, counted from 0", String::new(), Purpose::GoTo);
                app.dialog = Some(Dialog::Ask(ask));
            }
            Action::Pictures => app.switch_pictures(),
            Action::Save => self.ask_for_name(false, app),
            Action::Launch => self.launch_set(app),
            Action::Race => self.choose_race(app),
            Action::Back if self.opened.is_some() => self.opened = None,
            Action::Back if self.swapping.is_some() => self.swapping = None,
            Action::Back if self.class.is_some() => self.show_class(None),
            Action::Back if self.set.has_unsaved_edits() => app.ask(Confirm::LeaveSet(Action::Back)),
            Action::Back => return Go::Back,
            _ => {}
        }
        Go::Nowhere
    }

    /// Enter: opens the selected image; while another one is looked for, takes it.
    fn look_at_image(&mut self, app: &mut App) {
        let Some(index) = self.selected() else { return };
        if let Some(old) = self.swapping {
            return self.end_swap(old, index, app);
        }
        if self.opened.take().is_none() {
            let by_pixels = self.open(index).then_some(index);
            self.find_nearest(by_pixels, app);
        }
    }

    pub(super) fn find_nearest(&self, index: Option<u32>, app: &mut App) {
        let atlas = self.atlas().cloned();
        app.tasks.world.extend(atlas.zip(index).map(|(atlas, index)| WorldTask::Nearest(atlas, index)));
    }

    fn start_swap(&mut self, app: &mut App) {
        match self.selected() {
            Some(index) if self.swapping == Some(index) => self.swapping = None,
            Some(index) if self.swapping.is_some() => {
                let old = self.swapping.unwrap_or(index);
                self.end_swap(old, index, app);
            }
            Some(index) if self.set.holds(index) => {
                self.begin_swap(index);
                app.say(Tone::Info, "choose the image that takes its place".into());
            }
            Some(_) => say_not_in_set(app),
            None => {}
        }
    }

    fn end_swap(&mut self, old: u32, new: u32, app: &mut App) {
        if self.set.holds(new) {
            return app.say(Tone::Error, format!("image {new} is in the label set already"));
        }
        self.swapping = None;
        self.swap(old, new);
        let undo = hint(app, Action::Undo, "; ", " takes it back");
        app.say(Tone::Info, format!("{new} for {old}{undo}"));
    }

    fn swap_for_next(&mut self, by: isize, app: &mut App) {
        let is_in_set = self.selected().is_some_and(|index| self.set.holds(index));
        if !is_in_set {
            return say_not_in_set(app);
        }
        if !self.swap_along(by) {
            let side = if by < 0 { "more" } else { "less" };
            app.say(Tone::Info, format!("no {side} representative image of its class is free"));
        }
    }
}

fn say_not_in_set(app: &mut App) {
    let puts = hint(app, Action::Mark, ": ", " puts it in");
    app.say(Tone::Info, format!("this image is not in the label set{puts}"));
}
