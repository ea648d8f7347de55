//! The browser of label sets: which images are looked at, in which order, and the set that is being put together.
//!
//! A place in the order is a distance from one of its ends, so that most and least representative images can be paged
//! through beside each other. Reads no file: the [`Atlas`] comes from outside.

use std::path::PathBuf;
use std::sync::Arc;

use fixmatch::config::preset::Preset;
use fixmatch::config::{Data, Metric, Pick, RunConfig};
use fixmatch::labels::set::LabelSet;
use fixmatch::run::dir::RunDir;
use strum::VariantArray;

use crate::console::input::Cursor;
use crate::console::screens::browser::atlas::{Atlas, Listed};
use crate::console::screens::browser::set::EditedSet;

pub mod atlas;
mod choices;
mod keys;
pub mod set;
mod view;

/// What is shown of a data set.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, VariantArray)]
pub enum View {
    /// The most representative images beside the least representative ones.
    #[default]
    Ends,
    /// The order from one end to the other.
    Order,
    /// The label set.
    Set,
    /// Scores by class, and how far orders agree.
    Scores,
}

/// One end of an order.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum End {
    /// The most representative images.
    #[default]
    Most,
    /// The least representative ones.
    Least,
}

/// The images, as far as they are here.
#[derive(Clone, Debug, Default)]
pub enum Loading {
    /// Being read.
    #[default]
    Reading,
    /// Here.
    Ready(Arc<Atlas>),
    /// Why they cannot be shown.
    Failed(String),
}

/// What a label set can start from.
#[derive(Clone, Debug, PartialEq)]
pub enum Start {
    /// What `labels.pick` may say.
    Pick(Pick),
    /// A run's set.
    Run(RunDir),
    /// No image.
    Empty,
}

/// What a run is made of, but for its labels.
#[derive(Clone, Debug)]
pub struct Base {
    /// The preset.
    pub preset: Preset,
    /// What it is changed by.
    pub settings: Vec<String>,
}

/// Where the browser is opened.
#[derive(Clone, Debug, Default)]
pub struct Opening {
    /// The data set.
    pub data: Data,
    /// The order by this metric, if there is one.
    pub by: Option<Metric>,
    /// The order in this file, if it is one of the cache's.
    pub ranking: Option<PathBuf>,
    /// The label set that is there at first.
    pub start: Option<Start>,
    /// Images of each class.
    pub per_class: Option<u32>,
    /// The seed of a random set.
    pub seed: u64,
    /// What runs are launched from.
    pub base: Option<Base>,
    /// The preset, by its name or path, and the settings of the run that it was opened from, to launch from.
    pub made_of: Option<(String, Vec<String>)>,
}

impl Opening {
    /// The data set of a run or a preset, with what it says of labels.
    pub fn of(config: &RunConfig) -> Self {
        let by = config.rank.as_ref().map_or(config.labels.by, |rank| rank.by);
        Self {
            data: config.data.clone(),
            by: Some(by),
            ranking: config.labels.ranking.clone(),
            per_class: Some(config.labels.per_class),
            seed: config.labels.seed,
            ..Self::default()
        }
    }
}

/// Where the nearest images of one come from.
#[derive(Clone, Debug, PartialEq)]
pub enum Near {
    /// The features of this order of the atlas.
    Features(usize, Vec<u32>),
    /// The pixels; None while they are compared.
    Pixels(Option<Vec<u32>>),
}

/// One image in full.
#[derive(Clone, Debug, PartialEq)]
pub struct Opened {
    /// Its place in the training images.
    pub index: u32,
    /// Its nearest images.
    pub near: Near,
}

/// The browser.
#[derive(Debug, Default)]
pub struct Browser {
    /// The images.
    pub loading: Loading,
    /// What it was opened on.
    pub opening: Opening,
    /// Which order; None while there is none.
    pub order: Option<usize>,
    /// What is shown.
    pub view: View,
    /// Only images of this class.
    pub class: Option<usize>,
    /// The end that places are counted from.
    pub end: End,
    /// The selected place, from that end.
    pub at: Cursor,
    /// The selected image of the set.
    pub set_at: Cursor,
    /// The class from which on scores are shown.
    pub scores_at: Cursor,
    /// The set.
    pub set: EditedSet,
    /// Images of each class, where a set is picked.
    pub per_class: u32,
    /// The seed of the next random set.
    pub seed: u64,
    /// The image of the set for which another one is looked for.
    pub swapping: Option<u32>,
    /// One image in full.
    pub opened: Option<Opened>,
    /// Columns and rows of a sheet; the view says.
    pub grid: (usize, usize),
}

/// Images of each class to choose from.
const PER_CLASS: [u32; 9] = [1, 2, 4, 5, 10, 25, 40, 100, 400];

impl Browser {
    /// On a data set of which nothing was read.
    pub fn new(opening: Opening) -> Self {
        let per_class = opening.per_class.unwrap_or(4);
        let seed = opening.seed;
        Self { opening, per_class, seed, grid: (1, 1), ..Self::default() }
    }

    /// Takes the images in, or takes them in anew with the orders that there are by now, and goes on with the same one;
    /// returns what the set is to start from.
    pub fn take(&mut self, atlas: Arc<Atlas>) -> Option<Start> {
        let known = self.listed().map(|listed| listed.order.path.clone());
        let Opening { by, ranking, start, .. } = &mut self.opening;
        let of_file = known.as_deref().or(ranking.as_deref()).and_then(|path| atlas.place_of(path));
        let of_metric = by.and_then(|by| atlas.orders.iter().position(|listed| listed.order.ranking.rank.by == by));
        let any = (!atlas.orders.is_empty()).then_some(0);
        self.order = of_file.or(of_metric).or(any);
        if self.order.is_none() && self.view == View::Ends {
            self.view = View::Order;
        }
        let start = start.take();
        self.loading = Loading::Ready(atlas);
        start
    }

    /// Goes on with a label set as it was picked, or as it is saved.
    pub fn start_with(&mut self, set: &LabelSet, how: String, saved: Option<(String, PathBuf)>) {
        (self.set, self.set_at) = (EditedSet::from_set(set, how, saved), Cursor::default());
    }

    /// The images, once they are here.
    pub fn atlas(&self) -> Option<&Arc<Atlas>> {
        match &self.loading {
            Loading::Ready(atlas) => Some(atlas),
            Loading::Reading | Loading::Failed(_) => None,
        }
    }

    /// The order that is shown.
    pub fn listed(&self) -> Option<&Listed> {
        self.atlas()?.orders.get(self.order?)
    }

    /// The images of the class that is shown, in the order.
    pub fn list(&self) -> &[u32] {
        self.atlas().map_or(&[], |atlas| atlas.lists(self.order).of(self.class))
    }

    /// The image so far from an end of the order.
    pub fn at_end(&self, end: End, distance: usize) -> Option<u32> {
        let list = self.list();
        match end {
            End::Most => list.get(distance),
            End::Least => list.len().checked_sub(distance + 1).and_then(|place| list.get(place)),
        }
        .copied()
    }

    /// The set's images, class by class, in the order.
    pub fn set_list(&self) -> Vec<u32> {
        let Some(atlas) = self.atlas() else { return Vec::new() };
        let rank = |index: u32| self.listed().map_or(index, |listed| listed.order.rank(index));
        let mut list = self.set.indices.clone();
        list.sort_by_key(|&index| (atlas.class_of(index), rank(index)));
        list
    }

    /// The selected image.
    pub fn selected(&self) -> Option<u32> {
        match (&self.opened, self.view) {
            (Some(opened), _) => Some(opened.index),
            (None, View::Set) => self.set_list().get(self.set_at.at).copied(),
            (None, View::Ends | View::Order) => self.at_end(self.end, self.at.at),
            (None, View::Scores) => None,
        }
    }

    /// Whether images stand in rows.
    pub fn is_sheet(&self) -> bool {
        match self.view {
            View::Ends | View::Order | View::Set => true,
            View::Scores => false,
        }
    }

    /// Images on a sheet.
    pub fn page(&self) -> usize {
        (self.grid.0 * self.grid.1).max(1)
    }

    /// Moves by so many columns and rows, pages or all the way.
    pub fn step(&mut self, by: isize) {
        let n = self.list().len();
        match self.view {
            View::Ends | View::Order => self.at.step(by, n),
            View::Set => self.set_at.step(by, self.set.indices.len()),
            View::Scores => {
                let n_classes = self.atlas().map_or(0, |atlas| atlas.n_classes());
                self.scores_at.step(by, n_classes);
            }
        }
    }

    /// Moves by a column; between the two ends, from one sheet to the other.
    pub fn step_column(&mut self, by: isize) {
        let column = self.at.at % self.grid.0.max(1);
        let last = self.grid.0.saturating_sub(1);
        match (self.view, self.end) {
            (View::Ends, End::Most) if by > 0 && column == last => {
                (self.end, self.at.at) = (End::Least, self.at.at - column);
            }
            (View::Ends, End::Least) if by < 0 && column == 0 => {
                self.end = End::Most;
                self.step(last as isize);
            }
            (View::Ends, End::Most) if by < 0 && column == 0 => {}
            (View::Ends, End::Least) if by > 0 && column == last => {}
            _ => self.step(by),
        }
    }

    /// Selects the image so far from an end; says whether it was selected before.
    pub fn point_at(&mut self, end: End, to: usize) -> bool {
        let was = (self.end, self.at.at, self.set_at.at);
        if self.view == View::Set {
            self.set_at = Cursor { at: to, ..Cursor::default() };
            self.set_at.step(0, self.set.indices.len());
        } else {
            (self.end, self.at) = (end, Cursor { at: to, ..Cursor::default() });
            self.step(0);
        }
        was == (self.end, self.at.at, self.set_at.at)
    }

    /// Goes to an image, in the whole order.
    pub fn go_to(&mut self, index: u32) {
        if self.class.is_some_and(|class| self.atlas().is_some_and(|atlas| atlas.class_of(index) != class)) {
            self.class = None;
        }
        if matches!(self.view, View::Set | View::Scores) {
            self.view = View::Order;
        }
        self.select(index);
    }

    fn select(&mut self, index: u32) {
        let n = self.list().len();
        let place = self.list().iter().position(|&other| other == index).unwrap_or(0);
        let is_far = self.view == View::Ends && place >= n.div_ceil(2);
        (self.end, self.at.at) = if is_far { (End::Least, n - 1 - place) } else { (End::Most, place) };
    }

    /// Shows something else.
    pub fn next_view(&mut self) {
        let selected = self.selected();
        self.view = View::VARIANTS[(self.view as usize + 1) % View::VARIANTS.len()];
        self.opened = None;
        if let (Some(index), View::Ends | View::Order) = (selected, self.view) {
            self.go_to(index);
        }
    }

    /// Shows the images of one class, or of all.
    pub fn show_class(&mut self, class: Option<usize>) {
        self.class = class;
        (self.end, self.at) = (End::Most, Cursor::default());
    }

    /// Goes by another order; the selected image stays selected.
    pub fn show_order(&mut self, order: usize) {
        let selected = self.selected();
        self.order = Some(order);
        if let (Some(index), View::Ends | View::Order) = (selected, self.view) {
            self.select(index);
        }
    }

    /// Picks more or fewer images of each class from now on.
    pub fn change_per_class(&mut self, by: isize) {
        let place = PER_CLASS.iter().position(|&n| n >= self.per_class).unwrap_or(PER_CLASS.len() - 1);
        let place = if by < 0 { place.saturating_sub(1) } else { (place + 1).min(PER_CLASS.len() - 1) };
        self.per_class = PER_CLASS[place];
    }

    /// Opens an image; says whether its nearest ones are to be found by their pixels.
    pub fn open(&mut self, index: u32) -> bool {
        let Some(atlas) = self.atlas() else { return false };
        let first = self.order.into_iter().chain(0..atlas.orders.len());
        let of_features = first.into_iter().find_map(|order| {
            let neighbors = atlas.orders[order].order.ranking.neighbors.as_ref()?;
            let near: Vec<u32> = neighbors.of(index).collect();
            (!near.is_empty()).then_some(Near::Features(order, near))
        });
        let is_by_pixels = of_features.is_none();
        self.opened = Some(Opened { index, near: of_features.unwrap_or(Near::Pixels(None)) });
        is_by_pixels
    }

    /// Goes through the order, or the set, with an image open; says whether its nearest are to be found.
    pub fn step_opened(&mut self, by: isize) -> Option<u32> {
        let opened = self.opened.take()?;
        self.step(by);
        let next = self.selected().unwrap_or(opened.index);
        self.open(next).then_some(next)
    }

    /// Puts an image into the set, or takes it out.
    pub fn toggle(&mut self, index: u32) {
        self.set.toggle(index);
        let n = self.set.indices.len();
        self.set_at.step(0, n);
    }

    /// Looks for an image in the place of one of the set, in its class.
    pub fn begin_swap(&mut self, index: u32) {
        self.class = self.atlas().map(|atlas| atlas.class_of(index));
        (self.swapping, self.opened) = (Some(index), None);
        if matches!(self.view, View::Set | View::Scores) {
            self.view = View::Order;
        }
        self.select(index);
    }

    /// Exchanges the selected image of the set for the next more or less representative one of its class.
    pub fn swap_along(&mut self, by: isize) -> bool {
        let Some(old) = self.selected().filter(|&index| self.set.holds(index)) else { return false };
        let Some(atlas) = self.atlas() else { return false };
        let list = atlas.lists(self.order).of(Some(atlas.class_of(old)));
        let Some(place) = list.iter().position(|&index| index == old) else { return false };
        let is_free = |index: &&u32| !self.set.holds(**index);
        let next =
            if by < 0 { list[..place].iter().rev().find(is_free) } else { list[place + 1..].iter().find(is_free) };
        let Some(&new) = next else { return false };
        self.swap(old, new);
        true
    }

    /// Exchanges an image; the new one is selected.
    pub fn swap(&mut self, old: u32, new: u32) {
        self.set.swap(old, new);
        if self.view == View::Set {
            self.set_at.at = self.set_list().iter().position(|&index| index == new).unwrap_or(0);
        } else {
            self.select(new);
        }
        if self.opened.is_some() {
            self.open(new);
        }
    }

    /// The mean place of the set's images in the order; None for an empty set or without an order.
    pub fn mean_rank(&self) -> Option<f64> {
        let indices = Some(&self.set.indices).filter(|indices| !indices.is_empty())?;
        Some(self.listed()?.order.mean_rank(indices))
    }

    /// The mean place if the selected image took the place of the one that another is looked for.
    pub fn mean_rank_after_swap(&self) -> Option<f64> {
        let (old, new) = (self.swapping?, self.selected()?);
        let mut after = self.set.clone();
        after.swap(old, new);
        Some(self.listed()?.order.mean_rank(&after.indices))
    }

    /// A name for the set.
    pub fn suggested_name(&self) -> String {
        format!("{}-{}", self.opening.data.dataset, self.set.indices.len())
    }

    /// The settings that say where the images are, for a run on them.
    pub fn data_settings(&self) -> Vec<String> {
        let data = &self.opening.data;
        let path = data.path.as_ref().map(|path| format!("data.path={}", path.display()));
        let others = [
            data.resize.map(|side| format!("data.resize={side}")),
            data.fit.map(|fit| format!("data.fit={}", fit.name())),
            data.background.map(|color| format!("data.background={color}")),
            data.holdout.map(|share| format!("data.holdout={share}")),
            data.holdout_seed.map(|seed| format!("data.holdout_seed={seed}")),
        ];
        path.into_iter().chain(others.into_iter().flatten()).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::console::sample;

    fn browser() -> Browser {
        let mut browser = sample::browser();
        browser.grid = (3, 2);
        browser
    }

    #[test]
    fn most_and_least_lie_beside_each_other_and_the_cursor_crosses_between_them() {
        let mut browser = browser();
        let list = browser.list().to_vec();
        assert_eq!(browser.selected(), Some(list[0]));
        browser.step_column(1);
        browser.step_column(1);
        assert_eq!(browser.selected(), Some(list[2]));
        browser.step_column(1);
        assert_eq!((browser.end, browser.selected()), (End::Least, list.last().copied()));
        browser.step(3);
        assert_eq!(browser.selected(), Some(list[list.len() - 4]));
        browser.step_column(-1);
        assert_eq!((browser.end, browser.selected()), (End::Most, Some(list[5])));
    }

    #[test]
    fn the_selected_image_stays_selected_in_another_order_and_view() {
        let mut browser = browser();
        browser.step(7);
        let selected = browser.selected();
        browser.show_order(1);
        assert_eq!(browser.selected(), selected);
        browser.next_view();
        assert_eq!((browser.view, browser.selected()), (View::Order, selected));
    }

    #[test]
    fn a_class_has_only_its_images_and_an_image_elsewhere_leads_out_of_it() {
        let mut browser = browser();
        browser.show_class(Some(2));
        let atlas = browser.atlas().expect("here").clone();
        assert!(browser.list().iter().all(|&index| atlas.class_of(index) == 2));
        let other = (0..60).find(|&index| atlas.class_of(index) == 0).expect("one");
        browser.go_to(other);
        assert_eq!((browser.class, browser.selected()), (None, Some(other)));
    }

    #[test]
    fn an_image_of_the_set_is_exchanged_along_the_order_and_the_mean_rank_follows() {
        let mut browser = browser();
        browser.view = View::Set;
        let before = browser.mean_rank().expect("a set and an order");
        let old = browser.selected().expect("an image");
        assert!(!browser.swap_along(-1), "it is the most representative of its class");
        assert!(browser.swap_along(1));
        let after = browser.mean_rank().expect("a set and an order");
        let new = browser.selected().expect("the new one");
        assert!(after > before && new != old && !browser.set.holds(old), "{before} {after}");
        browser.set.undo();
        assert_eq!(browser.mean_rank(), Some(before));
        browser.swapping = Some(old);
        browser.view = View::Order;
        browser.go_to(new);
        assert_eq!(browser.mean_rank_after_swap(), Some(after));
    }

    #[test]
    fn numbers_of_images_go_up_and_down_a_ladder() {
        let mut browser = Browser { per_class: 7, ..Browser::default() };
        browser.change_per_class(-1);
        assert_eq!(browser.per_class, 5);
        browser.change_per_class(1);
        assert_eq!(browser.per_class, 10);
        (0..20).for_each(|_| browser.change_per_class(1));
        assert_eq!(browser.per_class, 400);
    }

    #[test]
    fn the_nearest_images_come_from_features_where_an_order_has_them() {
        let mut browser = browser();
        assert!(!browser.open(4), "the second order has neighbours");
        assert!(matches!(&browser.opened, Some(Opened { index: 4, near: Near::Features(1, _) })));
    }
}
