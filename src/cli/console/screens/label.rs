//! The labelling screen: one image after another, or many on a sheet, and a key for each class.
//!
//! An answer goes to the world, which has it on disk before it says so; only then does the next image show. Keys that are
//! pressed meanwhile, or before the next image is there, are held and follow in their order: none is lost, and none is
//! about another image than the one that was next.

use std::collections::{BTreeSet, HashMap, HashSet, VecDeque};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use crossterm::event::KeyEvent;
use fixmatch::base::image::Image;
use fixmatch::base::text::{Name, Shown as _};
use fixmatch::labels::answers::{Answers, Tally};
use fixmatch::labels::desk::{Desk, Labeling};
use fixmatch::labels::log::News;

use crate::console::keys::Place;
use finder::Finder;

pub mod finder;
mod keys;
mod view;

/// What is to be labeled, as far as it is here.
#[derive(Debug, Default)]
pub enum Loading {
    /// Being looked for.
    #[default]
    Reading,
    /// Here.
    Ready(Arc<Desk>),
    /// Why it cannot be.
    Failed(String),
}

/// A picture, or why there is none.
pub type Looked = Result<Arc<Image>, String>;

/// An image that was labeled already, with its picture.
pub type Near = (usize, Arc<Image>);

/// Many images at once.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Grid {
    /// Those that the next answer is about.
    pub marked: BTreeSet<usize>,
    /// Columns and rows of a sheet; the view says.
    pub size: (usize, usize),
}

/// An answer on its way to the disk.
#[derive(Debug)]
struct Saving {
    /// The images that it is about.
    paths: Vec<PathBuf>,
    /// How long they had been shown.
    seconds: f64,
    /// Whether it takes others back.
    is_undo: bool,
}

/// What was done since the screen was opened.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Pace {
    /// Answers.
    pub n: usize,
    /// The time that they took.
    pub seconds: f64,
}

/// Pictures that are kept beside those of a sheet.
const MOST_KEPT: usize = 64;

/// Images ahead whose pictures are fetched before they are shown.
const AHEAD: usize = 3;

/// Labeled images among which those are looked for that look like the one that is shown.
const MOST_COMPARED: usize = 4000;

/// The labelling screen.
#[derive(Debug, Default)]
pub struct Label {
    /// What was asked for.
    pub request: Labeling,
    /// The images.
    pub loading: Loading,
    /// All answers so far.
    pub answers: Answers,
    /// What those about the images that are shown come to.
    pub tally: Tally,
    /// The classes: those of the data set or that were asked for, then others as they were named.
    pub classes: Vec<Name>,
    known: HashSet<Name>,
    /// How many of those in the file are among them.
    n_named: usize,
    /// The image that is shown, or under the cursor of the sheet.
    pub at: usize,
    /// The sheet, if it is open.
    pub grid: Option<Grid>,
    /// The class that is being looked for.
    pub finder: Option<Finder>,
    /// The first class of the list that is shown.
    pub first_class: usize,
    /// How many of them the view has room for.
    pub n_shown: usize,
    looked: HashMap<usize, Looked>,
    asked: HashSet<usize>,
    near: Option<(usize, Vec<Near>)>,
    /// Whether the guess about the image was looked at.
    pub sees_guess: bool,
    shown_at: Option<f64>,
    saving: Option<Saving>,
    /// The image that was shown without an answer and got one from elsewhere under this very name.
    answered_elsewhere: Option<usize>,
    held: VecDeque<KeyEvent>,
    /// The images of each answer that was given here and not taken back.
    given: Vec<Vec<PathBuf>>,
    /// How fast it goes.
    pub pace: Pace,
}

impl Label {
    /// On images that were not looked for yet.
    pub fn new(request: Labeling) -> Self {
        Self { request, ..Self::default() }
    }

    /// The images, once they are here.
    pub fn desk(&self) -> Option<&Arc<Desk>> {
        match &self.loading {
            Loading::Ready(desk) => Some(desk),
            Loading::Reading | Loading::Failed(_) => None,
        }
    }

    /// Where its keys are in the table.
    pub fn place(&self) -> Place {
        if self.grid.is_some() { Place::LabelGrid } else { Place::Label }
    }

    /// What the images are called.
    pub fn called(&self) -> String {
        let data = &self.request.data;
        let name = data.path.as_deref().and_then(Path::file_name).filter(|_| data.dataset == "folder");
        name.map_or_else(|| data.dataset.clone(), |name| Path::new(name).shown().to_string())
    }

    /// Takes the images in, with the answers that there are.
    pub fn take(&mut self, desk: Arc<Desk>, news: News) {
        self.classes.clone_from(&desk.classes);
        self.known = self.classes.iter().cloned().collect();
        self.loading = Loading::Ready(desk);
        self.absorb(news);
        self.at = self.open_from(0).unwrap_or(0);
    }

    /// Takes in answers from elsewhere. Another person's stands beside one that is given here; one under the same name would
    /// be replaced.
    pub fn take_added(&mut self, news: News) {
        let was_open = self.answer(self.at).is_none();
        self.absorb(news);
        let is_own = |who: &str| self.desk().is_some_and(|desk| desk.who == who);
        if was_open && self.answer(self.at).is_some_and(|row| is_own(&row.who)) {
            self.answered_elsewhere = Some(self.at);
        }
    }

    /// Takes in what is new in the file of answers.
    pub fn absorb(&mut self, news: News) {
        if news.is_anew {
            (self.answers, self.n_named) = (Answers::default(), 0);
        }
        self.answers.extend(news.rows);
        if let Loading::Ready(desk) = &self.loading {
            self.tally = self.answers.tally(|name| desk.place_of(name).is_some());
        }
        // a class that was named before stays, so that no key changes its meaning
        if self.answers.classes().len() > self.n_named {
            let named = self.answers.classes()[self.n_named..].to_vec();
            for class in &named {
                self.know(class);
            }
            self.n_named = self.answers.classes().len();
        }
    }

    /// Puts a class behind the others, if it is a new one.
    pub fn know(&mut self, class: &Name) {
        if self.known.insert(class.clone()) {
            self.classes.push(class.clone());
        }
    }

    /// The answer about an image, if there is one.
    pub fn answer(&self, image: usize) -> Option<&fixmatch::labels::log::Row> {
        self.answers.of(&self.desk()?.images.get(image)?.name)
    }

    /// Whether people disagree about an image.
    pub fn is_disputed(&self, image: usize) -> bool {
        let name = self.desk().and_then(|desk| desk.images.get(image)).map(|image| &image.name);
        name.is_some_and(|name| self.answers.is_disputed(name))
    }

    /// How many images there are.
    pub fn n(&self) -> usize {
        self.desk().map_or(0, |desk| desk.images.len())
    }

    /// The first image without an answer from one on, and around.
    pub fn open_from(&self, from: usize) -> Option<usize> {
        self.first_from(from, |image| self.answer(image).is_none())
    }

    fn first_from(&self, from: usize, is_wanted: impl Fn(usize) -> bool) -> Option<usize> {
        let n = self.n();
        (from..n).chain(0..from.min(n)).find(|image| is_wanted(*image))
    }

    /// The images that an answer is about: those that are marked, else the one that is shown.
    pub fn subject(&self) -> Vec<usize> {
        let marked = self.grid.as_ref().map(|grid| &grid.marked).filter(|marked| !marked.is_empty());
        marked.map_or_else(|| vec![self.at], |marked| marked.iter().copied().collect())
    }

    /// The picture of an image, if it is here.
    pub fn picture(&self, image: usize) -> Option<&Looked> {
        self.looked.get(&image)
    }

    /// The images most like the one that is shown, of those that have a class.
    pub fn near(&self) -> &[Near] {
        self.near.as_ref().filter(|(of, _)| *of == self.at).map_or(&[], |(_, near)| near)
    }

    /// The images of the sheet that is shown.
    pub fn sheet(&self) -> std::ops::Range<usize> {
        let (columns, rows) = self.grid.as_ref().map_or((1, 1), |grid| grid.size);
        let page = (columns * rows).max(1);
        let first = self.at / page * page;
        first..(first + page).min(self.n())
    }

    /// Whether keys have to wait: an answer is on its way to the disk, or the image is not here yet.
    pub fn is_busy(&self) -> bool {
        let is_awaited = || self.grid.is_none() && !self.looked.contains_key(&self.at);
        self.saving.is_some() || (self.n() > 0 && is_awaited())
    }

    /// Whether an answer is on its way to the disk.
    pub fn is_saving(&self) -> bool {
        self.saving.is_some()
    }

    /// Holds a key until there is an end to that.
    pub fn hold(&mut self, key: KeyEvent) {
        self.held.push_back(key);
    }

    /// The next key that was held, if none has to wait any longer.
    pub fn release(&mut self) -> Option<KeyEvent> {
        if self.is_busy() { None } else { self.held.pop_front() }
    }

    /// Takes in the picture of an image.
    pub fn take_picture(&mut self, image: usize, picture: Looked, now: f64) {
        self.asked.remove(&image);
        self.looked.insert(image, picture);
        if image == self.at {
            self.shown_at.get_or_insert(now);
        }
    }

    /// Takes in the images that look like one.
    pub fn take_near(&mut self, of: usize, near: Vec<Near>) {
        self.near = Some((of, near));
    }

    /// What was given came to the disk, or did not; returns why not.
    pub fn take_saved(&mut self, saved: Result<News, String>) -> Result<(), String> {
        let Some(saving) = self.saving.take() else { return Ok(()) };
        match saved {
            Err(error) => {
                self.held.clear(); // they were meant for what comes after
                if saving.is_undo {
                    self.given.push(saving.paths);
                }
                return Err(error);
            }
            Ok(news) => self.absorb(news),
        }
        let place = saving.paths.first().and_then(|path| self.desk()?.place_of(path));
        if saving.is_undo {
            self.at = place.unwrap_or(self.at);
        } else {
            self.pace = Pace { n: self.pace.n + saving.paths.len(), seconds: self.pace.seconds + saving.seconds };
            if self.grid.is_none() || saving.paths.len() == 1 {
                self.at = self.open_from(self.at).unwrap_or(self.at);
            }
            self.given.push(saving.paths);
        }
        if let Some(grid) = &mut self.grid {
            grid.marked.clear();
        }
        (self.sees_guess, self.shown_at) = (false, None);
        Ok(())
    }

    /// Pictures to be fetched: of what is shown, then of what comes next. Lets go of others.
    fn wanted(&mut self) -> Vec<usize> {
        let mut wanted: Vec<usize> = if self.grid.is_some() { self.sheet().collect() } else { vec![self.at] };
        let mut from = wanted.last().map_or(0, |last| last + 1);
        for _ in 0..AHEAD {
            let Some(next) = self.open_from(from).filter(|next| !wanted.contains(next)) else { break };
            wanted.push(next);
            from = next + 1;
        }
        if self.looked.len() > MOST_KEPT + wanted.len() {
            let kept: HashSet<_> = wanted.iter().copied().collect();
            self.looked.retain(|image, _| kept.contains(image));
        }
        wanted.retain(|image| *image < self.n() && !self.looked.contains_key(image) && !self.asked.contains(image));
        self.asked.extend(&wanted);
        wanted
    }
}

/// Images that have a class: the first of them, as many as are compared with one that has none.
pub fn compared(desk: &Desk, answers: &Answers) -> Vec<usize> {
    let labeled = answers.images().filter(|(_, row)| row.answer.class().is_some());
    let mut places: Vec<usize> = labeled.filter_map(|(name, _)| desk.place_of(name)).collect();
    places.sort_unstable();
    places.truncate(MOST_COMPARED);
    places
}
