//! What a run's averaged network takes its unlabeled images for, those that it is least sure of first.

use std::path::{Path, PathBuf};

use anyhow::Result;
use fixmatch::base::dirs;
use fixmatch::base::image::Image;
use fixmatch::base::text::Name;
use fixmatch::classifier::wire::Answer;
use fixmatch::classifier::{At, Classifier};
use fixmatch::data::{self, Images};
use fixmatch::labels::file::numbered;
use fixmatch::predict::ask::{Ask, ask};
use fixmatch::predict::images;
use fixmatch::run::checkpoint::Which;
use fixmatch::run::dir::RunDir;

use crate::console::input::Cursor;

mod keys;
pub mod view;

/// Images that are asked about, at most; more are spread evenly.
const MOST: usize = 10_000;

/// The likeliest classes that are told.
const TOP: usize = 5;

/// What the network says of an image.
#[derive(Clone, Debug, PartialEq)]
pub struct Told {
    /// Its number among the training images.
    pub index: u32,
    /// What it is called.
    pub name: PathBuf,
    /// The likeliest classes with their probabilities, the likeliest first.
    pub top: Vec<(usize, f32)>,
}

/// What it says of many.
#[derive(Clone, Debug)]
pub struct Sheet {
    /// The steps that the network had done.
    pub step: u64,
    /// Its classes.
    pub classes: Vec<Name>,
    /// The images that it was asked about.
    pub told: Vec<Told>,
    /// How many unlabeled images there are.
    pub n_all: usize,
    /// All training images.
    pub images: Images,
}

impl Sheet {
    /// Asks the newest checkpoint of a run, and tells how many answers of how many have come.
    pub fn read(dir: &RunDir, mut tell: impl FnMut(usize, usize)) -> Result<Self> {
        let (classifier, _) = Classifier::of_run(dir, At::Newest, Which::Ema)?;
        let config = dir.read_run()?.config;
        let dataset = data::load(&config.data, &dirs::data_dir()?)?;
        let all = images::Images::unlabeled(dir, dataset)?;
        let n_all = all.n();
        let asked = all.at_most(MOST);
        let (n, mut told) = (asked.n(), Vec::with_capacity(asked.n()));
        let name =
            |i: usize, index: u32| asked.file(i).map_or_else(|| numbered(&config.data.dataset, index), Path::to_owned);
        ask(&Ask { classifier: &classifier, device: config.machine.device, top: TOP }, &asked, |i, answer| {
            let index = asked.index(i).unwrap_or_default();
            if let Answer::Told(it) = answer {
                told.push(Told { index, name: name(i, index), top: it.top });
            }
            tell(i + 1, n);
            Ok(())
        })?;
        let images::Images::OfRun { images, .. } = asked else { unreachable!("a run has pixels") };
        Ok(Self { step: classifier.provenance.step, classes: classifier.classes, told, n_all, images })
    }

    /// A picture of one of them.
    pub fn image(&self, place: usize) -> Image {
        self.images.image(self.told[place].index as usize)
    }
}

/// What is known of the predictions.
#[derive(Debug, Default)]
pub enum Loading {
    /// Not asked for.
    #[default]
    Not,
    /// Being asked for: so many answers of so many have come.
    Asking(usize, usize),
    /// Here they are.
    Read(Box<Sheet>),
    /// Why there are none.
    Failed(String),
}

/// The screen of predictions.
#[derive(Debug, Default)]
pub struct Predictions {
    /// The predictions.
    pub loading: Loading,
    /// Those that are shown, in their order, by their places on the sheet.
    pub shown: Vec<usize>,
    /// Only those that are taken for this class.
    pub class: Option<usize>,
    /// Whether the surest come first.
    pub is_reversed: bool,
    /// The selected one.
    pub at: Cursor,
    /// How many stand beside each other; the view says.
    pub columns: usize,
    /// Whether the selected one is enlarged.
    pub is_enlarged: bool,
}

impl Predictions {
    /// The sheet, once it is here.
    pub fn sheet(&self) -> Option<&Sheet> {
        match &self.loading {
            Loading::Read(sheet) => Some(sheet),
            Loading::Not | Loading::Asking(..) | Loading::Failed(_) => None,
        }
    }

    /// The selected image, by its place on the sheet.
    pub fn selected(&self) -> Option<usize> {
        self.shown.get(self.at.at).copied()
    }

    /// Puts them in order, by how sure the network is and how often a run is right when it says so.
    pub fn arrange_by(&mut self, confusion: &[Vec<u32>]) {
        let Loading::Read(sheet) = &self.loading else { return };
        let rightness: Vec<f64> =
            (0..sheet.classes.len()).map(|class| rightness(confusion, class).unwrap_or(1.0)).collect();
        let sure = |place: &usize| {
            let (class, confidence) = sheet.told[*place].top[0];
            f64::from(confidence) * rightness[class]
        };
        let is_shown = |place: &usize| self.class.is_none_or(|class| sheet.told[*place].top[0].0 == class);
        let mut shown: Vec<usize> = (0..sheet.told.len()).filter(is_shown).collect();
        shown.sort_by(|a, b| sure(a).total_cmp(&sure(b)));
        if self.is_reversed {
            shown.reverse();
        }
        (self.shown, self.at) = (shown, Cursor::default());
    }
}

/// Of the test images that are taken for a class, the share that is of it; None if there are none.
pub fn rightness(confusion: &[Vec<u32>], class: usize) -> Option<f64> {
    let column: Vec<u32> = confusion.iter().filter_map(|row| row.get(class).copied()).collect();
    let n: u64 = column.iter().map(|&n| u64::from(n)).sum();
    let right = f64::from(*column.get(class)?);
    (n > 0).then(|| right / n as f64)
}

/// The other class that most of the test images that are taken for a class are of, with its share.
pub fn mistaken(confusion: &[Vec<u32>], class: usize) -> Option<(usize, f64)> {
    let column = || confusion.iter().enumerate().filter_map(|(other, row)| Some((other, *row.get(class)?)));
    let n: u64 = column().map(|(_, n)| u64::from(n)).sum();
    let (other, most) = column().filter(|(other, _)| *other != class).max_by_key(|(_, n)| *n)?;
    (most > 0).then(|| (other, f64::from(most) / n as f64))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::console::sample;

    #[test]
    fn what_a_run_is_often_wrong_about_comes_before_what_it_is_as_sure_of() {
        let mut predictions = sample::predictions();
        let first = |predictions: &Predictions| {
            let sheet = predictions.sheet().expect("read");
            predictions.shown.iter().map(|&place| sheet.told[place].index).take(3).collect::<Vec<_>>()
        };
        predictions.arrange_by(&[]);
        assert_eq!(first(&predictions), [100, 101, 102]);
        // of those taken for class 1, nine of ten are of class 0
        predictions.arrange_by(&[vec![9, 9], vec![0, 1]]);
        assert_eq!(first(&predictions), [101, 103, 105]);
        (predictions.is_reversed, predictions.class) = (true, Some(1));
        predictions.arrange_by(&[]);
        assert_eq!(first(&predictions), [111, 109, 107]);
    }

    #[test]
    fn of_a_class_it_is_known_how_often_it_is_right_and_what_it_is_mistaken_for() {
        let confusion = [vec![6, 1, 0], vec![3, 9, 0], vec![1, 0, 0]];
        assert_eq!((rightness(&confusion, 0), mistaken(&confusion, 0)), (Some(0.6), Some((1, 0.3))));
        assert_eq!((rightness(&confusion, 2), mistaken(&confusion, 2)), (None, None));
        assert_eq!((rightness(&[], 0), mistaken(&[vec![2]], 0)), (None, None));
    }
}
