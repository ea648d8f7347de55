//! The labeled images of a run, to be shown by whoever has the data set.

use anyhow::{Context as _, Result};
use fixmatch::base::dirs;
use fixmatch::base::image::Image;
use fixmatch::base::text::Name;
use fixmatch::config::Data;
use fixmatch::data::{self, Dataset};
use fixmatch::labels::recorded;
use fixmatch::run::dir::RunDir;

/// The labeled images of a run.
pub struct Labeled {
    /// How they were picked.
    pub picked: String,
    /// The names of the classes.
    pub classes: Vec<Name>,
    /// The images with their classes, class by class.
    pub images: Vec<(usize, Image)>,
}

/// Reads label sets, and a data set once for all runs that follow each other and have it.
#[derive(Default)]
pub struct Reader {
    known: Option<(Data, Dataset)>,
}

impl Reader {
    /// The labeled images of a run.
    ///
    /// # Errors
    /// If its data set is not here, or another one, or it has no labels yet.
    pub fn read(&mut self, dir: &RunDir) -> Result<Labeled> {
        let data = dir.read_run()?.config.data;
        if self.known.as_ref().is_none_or(|(known, _)| *known != data) {
            self.known = Some((data.clone(), data::load(&data, &dirs::data_dir()?)?));
        }
        let dataset = self.known.as_ref().map(|(_, dataset)| dataset).context("it was just read")?;
        let set = recorded::read(dir, dataset)?;
        let n_train = dataset.train.n();
        let image = |index: usize| match &dataset.unlabeled {
            Some(others) if index >= n_train => others.image(index - n_train),
            _ => dataset.train.image(index),
        };
        let class = |place: usize, index: usize| match &set.given {
            Some(given) => given.labels[place],
            None => dataset.train.labels[index],
        };
        let of = |(place, &index): (usize, &u32)| (usize::from(class(place, index as usize)), image(index as usize));
        let mut images: Vec<_> = set.indices.iter().enumerate().map(of).collect();
        images.sort_by_key(|(class, _)| *class);
        let classes = set.given.as_ref().map_or(&dataset.classes, |given| &given.classes).clone();
        Ok(Labeled { picked: set.picked.to_string(), classes, images })
    }
}
