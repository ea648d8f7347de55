//! What a user does in the list of label sets.

use fixmatch::config::{Data, Pick};
use fixmatch::labels::saved::Saved;

use super::{LabelSets, Row};
use crate::console::app::{App, Tone};
use crate::console::dialog::Confirm;
use crate::console::input::Cursor;
use crate::console::keys::{Action, Place};
use crate::console::screens::browser::{Browser, Opening, Start};
use crate::console::screens::home::DataState;
use crate::console::screens::{Go, Screen};
use crate::console::tasks::WorldTask;

impl LabelSets {
    /// Follows an action.
    pub fn update(&mut self, action: Action, app: &mut App) -> Go {
        let (n, page) = (self.rows().len(), app.window.page as isize);
        match action {
            Action::Up => self.at.step(-1, n),
            Action::Down => self.at.step(1, n),
            Action::PageUp => self.at.step(-page, n),
            Action::PageDown => self.at.step(page, n),
            Action::First => self.at = Cursor::default(),
            Action::Last => self.at.step(isize::MAX, n),
            Action::Enter => return self.enter(app),
            Action::Fetch => {
                if let Some(Row::Data { name, state: DataState::Missing(_), .. }) = self.row().cloned() {
                    self.set_data(&name, &DataState::Coming(0.0));
                    app.say(Tone::Info, format!("fetching {name}"));
                    app.tasks.world.push(WorldTask::Fetch(name));
                }
            }
            Action::Delete => {
                if let Some(Row::Set(Saved { name, path, .. })) = self.row().cloned() {
                    app.ask(Confirm::DeleteSet(name, path));
                }
            }
            Action::Back => return Go::Back,
            _ => {}
        }
        Go::Nowhere
    }

    /// Opens the data set or the label set.
    fn enter(&self, app: &mut App) -> Go {
        let (dataset, start) = match self.row() {
            Some(Row::Data { name, state: DataState::Here, .. }) => (name, None),
            Some(Row::Data { name, .. }) => {
                let fetches = app.offer(Place::LabelSets, Action::Fetch, (": ", " fetches it"));
                app.say(Tone::Error, format!("{name} is not on this machine yet{fetches}"));
                return Go::Nowhere;
            }
            Some(Row::Set(Saved { path, header, name, .. })) => match &header.dataset {
                Some(dataset) if dataset != "folder" => (dataset, Some(Start::Pick(Pick::File(path.clone())))),
                Some(_) => {
                    let how = "open it with f from a preset or a run on that folder";
                    app.say(Tone::Error, format!("{name} is of a folder of images: {how}"));
                    return Go::Nowhere;
                }
                None => {
                    app.say(Tone::Error, format!("{} does not say of which data set it is", path.display()));
                    return Go::Nowhere;
                }
            },
            None => return Go::Nowhere,
        };
        let data = Data { dataset: dataset.clone(), ..Data::default() };
        let opening = Opening { data, start, ..Opening::default() };
        Go::To(Screen::Browser(Box::new(Browser::new(opening))))
    }
}
