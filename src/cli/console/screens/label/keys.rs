//! What a user does on the labelling screen.

use std::sync::Arc;

use crossterm::event::{KeyCode, KeyEvent, KeyModifiers};
use fixmatch::labels::desk::Desk;
use fixmatch::labels::log::{Answer, Row};

use super::finder::{Finder, Found, Outcome};
use super::{Grid, Label, Saving, compared};
use crate::console::app::{App, Tone};
use crate::console::keys::{Access, Action, Keymap, Place};
use crate::console::mouse::Spot;
use crate::console::screens::Go;
use crate::console::tasks::{LabelTask, WorldTask};
use crate::words::numbers::plural;

#[cfg(test)]
mod tests;

/// The keys that may stand for classes, in their order.
const LETTERS: &str = "123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ";

/// The keys that stand for classes: those that mean nothing else here.
pub fn class_keys(keymap: &Keymap) -> Vec<char> {
    let is_free = |c: &char| {
        let key = KeyEvent::new(KeyCode::Char(*c), KeyModifiers::NONE);
        [Place::Label, Place::LabelGrid].iter().all(|place| keymap.find(*place, key.into()).is_none())
    };
    LETTERS.chars().filter(is_free).collect()
}

impl Label {
    /// Follows an action.
    pub fn update(&mut self, action: Action, app: &mut App) -> Go {
        if self.desk().is_none() {
            return if action == Action::Back { Go::Back } else { Go::Nowhere };
        }
        match action {
            Action::Left => self.step(-1),
            Action::Right => self.step(1),
            Action::Up => self.step_row(-1),
            Action::Down => self.step_row(1),
            Action::PageUp => self.step_page(-1),
            Action::PageDown => self.step_page(1),
            Action::First => self.go_to(0),
            Action::Last => self.go_to(usize::MAX),
            Action::NextOpen => match self.open_from(self.at + 1) {
                Some(image) => self.go_to(image),
                None => app.say(Tone::Info, "every image has an answer".into()),
            },
            Action::Disputed => match self.first_from(self.at + 1, |image| self.is_disputed(image)) {
                Some(image) => self.go_to(image),
                None => app.say(Tone::Info, "nobody disagrees about an image".into()),
            },
            Action::Next => self.turn_grid(),
            Action::Mark => self.mark(),
            Action::MarkAll => self.mark_sheet(),
            Action::Skip => self.give(&Answer::Skip, app),
            Action::Unsure => self.give(&Answer::Unsure, app),
            Action::Filter => {
                self.finder = Some(Finder::open(&self.classes, |class| self.tally.of(&self.classes[class])));
            }
            Action::Undo => self.take_back(app),
            Action::Guess => self.look_at_guess(app),
            Action::Enter => self.take_guess(app),
            Action::Pictures => app.switch_pictures(),
            Action::Back if self.grid.as_ref().is_some_and(|grid| !grid.marked.is_empty()) => {
                self.grid.iter_mut().for_each(|grid| grid.marked.clear());
            }
            Action::Back if self.grid.is_some() => self.grid = None,
            Action::Back => return Go::Back,
            _ => {}
        }
        self.ask(app);
        Go::Nowhere
    }

    /// Whether an action is of use as things stand.
    pub fn fits(&self, action: Action) -> bool {
        match action {
            Action::Guess | Action::Enter => self.desk().is_some_and(|desk| desk.has_guesses()),
            Action::Disputed => self.tally.n_disputed > 0,
            Action::Undo => self.answers.n_rows() > 0,
            _ => true,
        }
    }

    /// Takes a key that is none of the table: it may stand for a class.
    pub fn press_class(&mut self, key: KeyEvent, app: &mut App) {
        let KeyCode::Char(c) = key.code else { return };
        if self.desk().is_none() || key.modifiers.contains(KeyModifiers::CONTROL) {
            return;
        }
        let class = class_keys(&app.keymap).iter().position(|it| *it == c);
        if let Some(class) = class.filter(|class| *class < self.classes.len()) {
            return self.give_class(class, app);
        }
        let finds = app.offer(self.place(), Action::Filter, ("; ", " finds a class or makes one"));
        app.say(Tone::Info, format!("{c} stands for no class{finds}"));
    }

    /// Gives the class of this place in the list, as its key or a click on it does.
    pub fn give_class(&mut self, class: usize, app: &mut App) {
        if let Some(class) = self.classes.get(class).cloned() {
            self.give(&Answer::Class(class), app);
        }
    }

    /// Follows a click: on a class, the image gets it; on an image of the sheet, it is marked.
    pub fn point_at(&mut self, spot: Spot, app: &mut App) {
        match spot {
            _ if self.is_busy() => {}
            Spot::Row(class) => self.give_class(class, app),
            Spot::Image(_, image) => {
                self.go_to(image);
                self.turn_mark();
            }
            _ => {}
        }
        self.ask(app);
    }

    /// Takes a key while a class is being looked for.
    pub fn press_finder(&mut self, key: KeyEvent, app: &mut App) {
        let Some(mut finder) = self.finder.take() else { return };
        let outcome = finder.press(key, &self.classes, |class| self.tally.of(&self.classes[class]));
        match outcome {
            Outcome::On => self.finder = Some(finder),
            Outcome::Left => {}
            Outcome::Chosen(Found::Known(class)) => self.give_class(class, app),
            Outcome::Chosen(Found::New(class)) => self.give(&Answer::Class(class), app),
        }
    }

    /// Has an answer about the image, or those that are marked, put on disk.
    fn give(&mut self, answer: &Answer, app: &mut App) {
        if app.keymap.access == Access::ReadOnly {
            return app.say_read_only();
        }
        let Some(desk) = self.desk().cloned() else { return };
        let images = self.subject();
        let elsewhere = self.answered_elsewhere.take();
        if let Some(row) = elsewhere.filter(|image| images == [*image]).and_then(|image| self.answer(image)) {
            let said = words(&row.answer);
            let goes_on = app.offer(self.place(), Action::NextOpen, (", ", " goes on"));
            return app
                .say(Tone::Info, format!("answered elsewhere meanwhile, {said}: once more gives another{goes_on}"));
        }
        let damaged = images.iter().find_map(|image| self.picture(*image)?.as_ref().err());
        if let (Answer::Class(_), Some(why)) = (answer, damaged) {
            let skips = app.offer(self.place(), Action::Skip, ("; ", " passes over it"));
            return app.say(Tone::Error, format!("an image that cannot be shown gets no class: {why}{skips}"));
        }
        let shown = self.shown_at.map_or(0.0, |at| (app.clock.now - at).max(0.0));
        let time = time_of(app.clock.now);
        let row = |image: &usize| Row {
            line: 0,
            path: desk.images[*image].name.clone(),
            answer: answer.clone(),
            time: time.clone(),
            who: desk.who.clone(),
            guess: self.sees_guess.then(|| desk.guess(*image).first().map(|(class, _)| class.clone())).flatten(),
            seconds: Some(shown / images.len() as f64),
        };
        let rows: Vec<Row> = images.iter().map(row).collect();
        let paths = rows.iter().map(|row| row.path.clone()).collect();
        self.saving = Some(Saving { paths, seconds: shown, is_undo: false });
        self.keep_classes(answer, &desk, app);
        app.tasks.world.push(WorldTask::Label(desk, LabelTask::Answer(rows)));
    }

    /// Has the order of the classes written down where it is not, so that the next who opens the file has the same keys.
    fn keep_classes(&mut self, answer: &Answer, desk: &Arc<Desk>, app: &mut App) {
        if let Some(class) = answer.class() {
            self.know(class);
        }
        if self.classes != desk.kept_classes() {
            app.tasks.world.push(WorldTask::Label(desk.clone(), LabelTask::KeepClasses(self.classes.clone())));
        }
    }

    /// Has the last answer taken back: of those given here, else of those that the same person gave before.
    fn take_back(&mut self, app: &mut App) {
        let Some(desk) = self.desk().cloned() else { return };
        let before = || self.answers.last_of(&desk.who).map(<[_]>::to_vec);
        let Some(paths) = self.given.pop().or_else(before) else {
            return app.say(Tone::Info, format!("{} gave no answer that could be taken back", desk.who));
        };
        let time = time_of(app.clock.now);
        let row = |path: &std::path::PathBuf| Row {
            line: 0,
            path: path.clone(),
            answer: Answer::Undo,
            time: time.clone(),
            who: desk.who.clone(),
            guess: None,
            seconds: Some(0.0),
        };
        let rows: Vec<Row> = paths.iter().map(row).collect();
        let what = match &paths[..] {
            [path] => self.answers.of(path).map_or_else(|| "an answer".into(), |row| words(&row.answer)),
            several => plural(several.len() as u64, "answer"),
        };
        app.say(Tone::Info, format!("taken back: {what}"));
        self.saving = Some(Saving { paths, seconds: 0.0, is_undo: true });
        app.tasks.world.push(WorldTask::Label(desk, LabelTask::Answer(rows)));
    }

    /// Asks for what is to be shown and is not here.
    pub fn ask(&mut self, app: &mut App) {
        let Some(desk) = self.desk().cloned() else { return };
        if self.looked.contains_key(&self.at) {
            self.shown_at.get_or_insert(app.clock.now);
            if self.grid.is_none() && self.near.as_ref().is_none_or(|(of, _)| *of != self.at) {
                self.near = Some((self.at, Vec::new()));
                let task = LabelTask::Near(self.at, compared(&desk, &self.answers));
                app.tasks.world.push(WorldTask::Label(desk.clone(), task));
            }
        }
        let wanted = self.wanted();
        if !wanted.is_empty() {
            app.tasks.world.push(WorldTask::Label(desk, LabelTask::Look(wanted)));
        }
    }

    /// Goes to an image, or the last one.
    pub fn go_to(&mut self, image: usize) {
        let image = image.min(self.n().saturating_sub(1));
        if image != self.at {
            (self.at, self.sees_guess, self.shown_at) = (image, false, None);
        }
    }

    fn step(&mut self, by: isize) {
        self.go_to(self.at.saturating_add_signed(by));
    }

    /// Moves by a row of the sheet; beside one image, by a class of the list.
    fn step_row(&mut self, by: isize) {
        match &self.grid {
            Some(grid) => {
                let to = self.at.saturating_add_signed(by * grid.size.0 as isize);
                if to < self.n() && (by > 0 || self.at >= grid.size.0) {
                    self.go_to(to);
                }
            }
            None => self.scroll_classes(by),
        }
    }

    fn step_page(&mut self, by: isize) {
        match &self.grid {
            Some(grid) => self.step(by * (grid.size.0 * grid.size.1).max(1) as isize),
            None => self.scroll_classes(by * self.n_shown.max(1) as isize),
        }
    }

    fn scroll_classes(&mut self, by: isize) {
        let last = self.classes.len().saturating_sub(self.n_shown);
        self.first_class = self.first_class.saturating_add_signed(by).min(last);
    }

    fn turn_grid(&mut self) {
        self.grid = match self.grid {
            Some(_) => None,
            None => Some(Grid { size: (1, 1), ..Grid::default() }),
        };
        (self.sees_guess, self.shown_at) = (false, None);
    }

    fn mark(&mut self) {
        self.turn_mark();
        self.step(1);
    }

    fn turn_mark(&mut self) {
        let at = self.at;
        if let Some(grid) = &mut self.grid
            && !grid.marked.remove(&at)
        {
            grid.marked.insert(at);
        }
    }

    /// Marks all of the sheet that have no answer; if they are marked, none.
    fn mark_sheet(&mut self) {
        let open: Vec<usize> = self.sheet().filter(|image| self.answer(*image).is_none()).collect();
        if let Some(grid) = &mut self.grid {
            let all = open.iter().all(|image| grid.marked.contains(image));
            for image in open {
                let _ = if all { grid.marked.remove(&image) } else { grid.marked.insert(image) };
            }
        }
    }

    fn look_at_guess(&mut self, app: &mut App) {
        let Some(desk) = self.desk() else { return };
        if !desk.has_guesses() {
            return app
                .say(Tone::Info, "there are no guesses: --guesses FILE takes those of `fixmatch predict`".into());
        }
        if desk.guess(self.at).is_empty() {
            return app.say(Tone::Info, "there is no guess for this image".into());
        }
        self.sees_guess = true;
    }

    fn take_guess(&mut self, app: &mut App) {
        let guess = self.desk().and_then(|desk| desk.guess(self.at).first().cloned()).filter(|_| self.sees_guess);
        if let Some((class, _)) = guess {
            return self.give(&Answer::Class(class), app);
        }
        let shows = app.offer(Place::Label, Action::Guess, (": ", " shows it first"));
        app.say(Tone::Info, format!("no guess is shown that could be taken{shows}"));
    }
}

/// An answer in words.
pub fn words(answer: &Answer) -> String {
    match answer {
        Answer::Class(class) => class.to_string(),
        Answer::Unsure => "not sure".into(),
        Answer::Skip => "passed over".into(),
        Answer::Undo => "taken back".into(),
    }
}

/// A moment as files have it.
fn time_of(now: f64) -> String {
    let time = jiff::Timestamp::from_microsecond((now * 1e6) as i64).unwrap_or_default();
    format!("{time:.6}")
}
