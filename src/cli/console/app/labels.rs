//! What the screens of label sets do: the list of data sets and saved sets, and the browser. What is chosen and typed there
//! is in [`super::choosing`].

use fixmatch::config::{Data, Pick, RunConfig};
use fixmatch::labels::saved::Saved;

use super::{App, Choice, Confirm, Dialog, Purpose, Tone};
use crate::console::browser::{Base, Browser, Opening, Start};
use crate::console::chooser::{Ask, Chooser};
use crate::console::home::DataState;
use crate::console::input::Cursor;
use crate::console::keys::{Action, Place};
use crate::console::shelf::Row;
use crate::console::tasks::WorldTask;

#[cfg(test)]
mod tests;

impl App {
    /// Whether a label set would be lost with the browser.
    pub(super) fn holds_unsaved_set(&self) -> bool {
        self.browser.as_ref().is_some_and(|browser| browser.chosen.has_unsaved_edits())
    }

    /// Opens the list of what can be browsed, or from a preset or a run, the browser on its label set.
    pub(super) fn browse(&mut self) {
        if self.holds_unsaved_set() {
            return self.return_to_browser();
        }
        let opening = match self.place {
            Place::Preset => self.draft.as_ref().map(|draft| {
                let base = Base { preset: draft.preset.clone(), settings: draft.settings.clone() };
                let is_listed = draft.config.labels.indices.is_some();
                let start = (!is_listed).then(|| Start::Pick(draft.config.labels.pick.clone()));
                Opening { base: Some(base), start, ..opening(&draft.config) }
            }),
            Place::Run | Place::Samples => self.run.as_ref().and_then(|run| {
                let Some(Ok(file)) = &run.file else { return None };
                let made_of = Some((file.provenance.preset.clone(), file.provenance.settings.clone()));
                let start = file.config.rank.is_none().then(|| Start::Run(run.dir.clone()));
                Some(Opening { start, made_of, ..opening(&file.config) })
            }),
            Place::Home
            | Place::Configuration
            | Place::Changes
            | Place::Log
            | Place::Insight
            | Place::Shelf
            | Place::Browse
            | Place::Race => None,
        };
        if let Some(opening) = opening {
            return self.open_browser(opening);
        }
        self.place = Place::Shelf;
        self.tasks.world.push(WorldTask::Shelf);
    }

    /// Goes back to the browser; there may be another order by now.
    pub(super) fn return_to_browser(&mut self) {
        let Some(browser) = &self.browser else { return self.go_home() };
        self.tasks.world.extend([
            WorldTask::Follow(Vec::new()),
            WorldTask::Atlas(browser.opening.data.clone()),
            WorldTask::Shelf,
        ]);
        (self.run, self.race, self.place) = (None, None, Place::Browse);
    }

    fn open_browser(&mut self, opening: Opening) {
        self.tasks.world.extend([WorldTask::Atlas(opening.data.clone()), WorldTask::Shelf]);
        self.tasks.world.extend(opening.made_of.clone().map(|(preset, settings)| WorldTask::Base(preset, settings)));
        self.browser = Some(Browser::new(opening, self.place));
        self.place = Place::Browse;
    }

    pub(super) fn update_shelf(&mut self, action: Action) {
        let (n, page) = (self.shelf.rows().len(), self.page as isize);
        match action {
            Action::Up => self.shelf.at.step(-1, n),
            Action::Down => self.shelf.at.step(1, n),
            Action::PageUp => self.shelf.at.step(-page, n),
            Action::PageDown => self.shelf.at.step(page, n),
            Action::First => self.shelf.at = Cursor::default(),
            Action::Last => self.shelf.at.step(isize::MAX, n),
            Action::Enter => self.open_row(),
            Action::Fetch => {
                if let Some(Row::Data { name, state: DataState::Missing(_), .. }) = self.shelf.row().cloned() {
                    self.shelf.set_data(&name, &DataState::Coming(0.0));
                    self.say(Tone::Info, format!("fetching {name}"));
                    self.tasks.world.push(WorldTask::Fetch(name));
                }
            }
            Action::Delete => {
                if let Some(Row::Set(Saved { name, path, .. })) = self.shelf.row().cloned() {
                    self.dialog = Some(Dialog::Confirm(Confirm::DeleteSet(name, path)));
                }
            }
            Action::Back => self.go_home(),
            _ => {}
        }
    }

    fn open_row(&mut self) {
        let data = |name: &str| Data { dataset: name.into(), ..Data::default() };
        match self.shelf.row().cloned() {
            Some(Row::Data { name, state: DataState::Here, .. }) => {
                self.open_browser(Opening { data: data(&name), ..Opening::default() });
            }
            Some(Row::Data { name, .. }) => {
                let fetches = self.offer(Place::Shelf, Action::Fetch, (": ", " fetches it"));
                self.say(Tone::Error, format!("{name} is not on this machine yet{fetches}"));
            }
            Some(Row::Set(Saved { path, header, name, .. })) => match header.dataset {
                Some(dataset) if dataset != "folder" => {
                    let start = Some(Start::Pick(Pick::File(path)));
                    self.open_browser(Opening { data: data(&dataset), start, ..Opening::default() });
                }
                Some(_) => self.say(
                    Tone::Error,
                    format!("{name} is of a folder of images: open it with f from a preset or a run on that folder"),
                ),
                None => self.say(Tone::Error, format!("{} does not say of which data set it is", path.display())),
            },
            None => {}
        }
    }

    pub(super) fn update_browser(&mut self, action: Action) {
        let Some(browser) = &mut self.browser else { return self.go_home() };
        let (columns, page) = (browser.grid.0.max(1) as isize, browser.page() as isize);
        if browser.opened.is_some() {
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
                let by_pixels = browser.step_opened(by);
                return self.find_nearest(by_pixels);
            }
        }
        match action {
            Action::Left => browser.step_column(-1),
            Action::Right => browser.step_column(1),
            Action::Up => browser.step(if browser.is_sheet() { -columns } else { -1 }),
            Action::Down => browser.step(if browser.is_sheet() { columns } else { 1 }),
            Action::PageUp => browser.step(-page),
            Action::PageDown => browser.step(page),
            Action::First => browser.step(isize::MIN),
            Action::Last => browser.step(isize::MAX),
            Action::Next => browser.next_view(),
            Action::Enter => self.look_at_image(),
            Action::Class => self.choose_class(),
            Action::Ranking => self.choose_order(),
            Action::Mark => {
                if let Some(index) = browser.selected() {
                    browser.toggle(index);
                }
            }
            Action::Swap => self.begin_swap(),
            Action::SwapMore => self.swap_along(-1),
            Action::SwapLess => self.swap_along(1),
            Action::Undo if browser.chosen.undo() => {}
            Action::Undo => self.say(Tone::Info, "nothing was changed yet".into()),
            Action::More => browser.change_per_class(1),
            Action::Less => browser.change_per_class(-1),
            Action::From => self.choose_start(),
            Action::GoTo => {
                self.ask(Ask::new("go to image", "its number, counted from 0", String::new(), Purpose::GoTo));
            }
            Action::Pictures => self.switch_pictures(),
            Action::Save => self.ask_for_name(false),
            Action::Launch => self.launch_set(),
            Action::Race => self.choose_race(),
            Action::Back if browser.opened.is_some() => browser.opened = None,
            Action::Back if browser.swapping.is_some() => browser.swapping = None,
            Action::Back if browser.class.is_some() => browser.show_class(None),
            Action::Back => self.leave_browser(),
            _ => {}
        }
    }

    fn leave_browser(&mut self) {
        if self.holds_unsaved_set() {
            self.dialog = Some(Dialog::Confirm(Confirm::LeaveSet(Action::Back)));
        } else {
            self.close_browser();
        }
    }

    pub(super) fn close_browser(&mut self) {
        let came_from = self.browser.take().and_then(|browser| browser.came_from);
        match came_from {
            Some(Place::Shelf) => {
                self.place = Place::Shelf;
                self.tasks.world.push(WorldTask::Shelf);
            }
            Some(place @ Place::Preset) if self.draft.is_some() => self.place = place,
            Some(place @ (Place::Run | Place::Samples)) if self.run.is_some() => self.place = place,
            _ => self.go_home(),
        }
    }

    /// Enter: opens the selected image; while another one is looked for, takes it.
    fn look_at_image(&mut self) {
        let Some(browser) = &mut self.browser else { return };
        let Some(index) = browser.selected() else { return };
        if let Some(old) = browser.swapping {
            return self.end_swap(old, index);
        }
        if browser.opened.take().is_none() {
            let by_pixels = browser.open(index).then_some(index);
            self.find_nearest(by_pixels);
        }
    }

    pub(super) fn find_nearest(&mut self, index: Option<u32>) {
        let atlas = self.browser.as_ref().and_then(Browser::atlas).cloned();
        self.tasks.world.extend(atlas.zip(index).map(|(atlas, index)| WorldTask::Nearest(atlas, index)));
    }

    fn begin_swap(&mut self) {
        let Some(browser) = &mut self.browser else { return };
        match browser.selected() {
            Some(index) if browser.swapping == Some(index) => browser.swapping = None,
            Some(index) if browser.swapping.is_some() => {
                let old = browser.swapping.unwrap_or(index);
                self.end_swap(old, index);
            }
            Some(index) if browser.chosen.holds(index) => {
                browser.begin_swap(index);
                self.say(Tone::Info, "choose the image that takes its place".into());
            }
            Some(_) => self.say_not_in_set(),
            None => {}
        }
    }

    fn end_swap(&mut self, old: u32, new: u32) {
        let Some(browser) = &mut self.browser else { return };
        if browser.chosen.holds(new) {
            return self.say(Tone::Error, format!("image {new} is in the label set already"));
        }
        browser.swapping = None;
        browser.swap(old, new);
        let undo = self.hint(Action::Undo, "; ", " takes it back");
        self.say(Tone::Info, format!("{new} for {old}{undo}"));
    }

    fn swap_along(&mut self, by: isize) {
        let Some(browser) = &mut self.browser else { return };
        let is_in_set = browser.selected().is_some_and(|index| browser.chosen.holds(index));
        if !is_in_set {
            return self.say_not_in_set();
        }
        if !browser.swap_along(by) {
            let side = if by < 0 { "more" } else { "less" };
            self.say(Tone::Info, format!("no {side} representative image of its class is free"));
        }
    }

    fn say_not_in_set(&mut self) {
        let puts = self.hint(Action::Mark, ": ", " puts it in");
        self.say(Tone::Info, format!("this image is not in the label set{puts}"));
    }

    /// Words that offer a key of the browser.
    pub(super) fn hint(&self, action: Action, before: &str, after: &str) -> String {
        self.offer(Place::Browse, action, (before, after))
    }

    pub(super) fn ask(&mut self, ask: Ask<Purpose>) {
        self.dialog = Some(Dialog::Ask(ask));
    }

    pub(super) fn choose(&mut self, chooser: Chooser<Choice>) {
        self.dialog = Some(Dialog::Choose(chooser));
    }
}

fn opening(config: &RunConfig) -> Opening {
    let by = config.rank.as_ref().map_or(config.labels.by, |rank| rank.by);
    Opening {
        data: config.data.clone(),
        by: Some(by),
        ranking: config.labels.ranking.clone(),
        per_class: Some(config.labels.per_class),
        seed: config.labels.seed,
        ..Opening::default()
    }
}
