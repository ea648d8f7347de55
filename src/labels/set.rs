//! Which training images are labeled, and how they were picked.
//!
//! Indices refer to the data set's training order and are kept ascending, so a label set is a set: how it was drawn
//! or listed does not leak into the order in which a run sees its images.

use std::collections::{BTreeMap, HashSet};
use std::fmt;

use anyhow::{Result, anyhow, bail, ensure};
use serde::{Deserialize, Serialize};

use crate::base::rng::{Rng, Stream};
use crate::base::text::Name;
use crate::config::{Metric, Part};
use crate::data::{Dataset, Images, UNKNOWN};

/// The labeled training images and how they were picked.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct LabelSet {
    /// Indices into the training images, ascending, without duplicates.
    pub indices: Vec<u32>,
    /// How they were picked.
    pub picked: Picked,
    /// The classes that a label file gives them, where it does.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub given: Option<Given>,
    /// Labeled images that are tested on instead, which `indices` lacks.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub held: Option<Held>,
}

/// Labeled images that are tested on instead of trained on (cross-validation). They stay among the unlabeled ones.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Held {
    /// Their numbers among the training images, ascending.
    pub indices: Vec<u32>,
    /// Their classes.
    pub labels: Vec<u16>,
}

/// The classes that a label file gives to images.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Given {
    /// The names of all classes.
    pub classes: Vec<Name>,
    /// The class of each image of the set, in its order.
    pub labels: Vec<u16>,
}

/// How a label set came about.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Picked {
    /// `n` of every class by seed.
    PerClass {
        /// Images of every class.
        n: usize,
        /// The label set's own seed.
        seed: u64,
    },
    /// Every image whose class is known.
    All,
    /// `n` of every class by an order of the training images.
    Ranked {
        /// Images of every class, or for `typical`, their mean.
        n: usize,
        /// Which end or place of the order, as `labels.pick` says it.
        pick: String,
        /// The order's metric.
        by: Metric,
    },
    /// A published set.
    Published(String),
    /// A fold of the original code.
    Fold {
        /// Its number.
        number: u32,
        /// Labels in all.
        n: usize,
    },
    /// Listed in the configuration.
    Listed,
    /// Read from this file.
    File(String),
}

impl fmt::Display for Picked {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::PerClass { n, seed } => write!(f, "random, {n} per class, seed {seed}"),
            Self::All => f.write_str("all"),
            Self::Ranked { n, pick, by } => write!(f, "{pick} by {by}, {n} per class"),
            Self::Published(name) => write!(f, "published:{name}"),
            Self::Fold { number, n } => write!(f, "fold:{number}, {n} in all"),
            Self::Listed => f.write_str("listed one by one"),
            Self::File(path) => write!(f, "file:{path}"),
        }
    }
}

/// The listed images. Fails if an index is not one of the `n_train` training images or is listed twice.
pub fn from_indices(indices: &[u32], n_train: usize) -> Result<LabelSet> {
    let mut listed = HashSet::new();
    for &index in indices {
        check_index(index, n_train)?;
        ensure!(listed.insert(index), "labeled image {index} is listed twice");
    }
    sorted(indices.to_vec(), Picked::Listed)
}

/// Refuses an index that is none of the `n_train` training images.
pub(super) fn check_index(index: u32, n_train: usize) -> Result<()> {
    ensure!(
        (index as usize) < n_train,
        "there is no training image {index}: indices go from 0 to {}",
        n_train.saturating_sub(1),
    );
    Ok(())
}

/// The set of these images, which must be some, in any order.
pub(super) fn sorted(mut indices: Vec<u32>, picked: Picked) -> Result<LabelSet> {
    ensure!(!indices.is_empty(), "the list of labeled images is empty");
    indices.sort_unstable();
    Ok(LabelSet::new(indices, picked))
}

impl LabelSet {
    /// The set of these images, ascending and without duplicates, in the classes that they have in the data set.
    pub fn new(indices: Vec<u32>, picked: Picked) -> Self {
        Self { indices, picked, given: None, held: None }
    }

    /// This set without one of so many parts of it, which is to test on. Classes are shared out evenly: each part has about
    /// its share of each class, and an image more or less than the others. The only image of a class is always trained on.
    ///
    /// # Errors
    /// If there are fewer images to share out than parts.
    pub fn without(self, part: Part, seed: u64, dataset: &Dataset) -> Result<Self> {
        let class_of = |place: usize| match &self.given {
            Some(given) => given.labels[place],
            None => dataset.train.labels[self.indices[place] as usize],
        };
        let mut of_class = BTreeMap::<u16, Vec<usize>>::new();
        for place in 0..self.indices.len() {
            of_class.entry(class_of(place)).or_default().push(place);
        }
        of_class.retain(|_, places| places.len() > 1);
        for (&class, places) in &mut of_class {
            Rng::new(seed, Stream::Crossval, class.into(), 0).shuffle(places);
        }
        let dealt: Vec<usize> = of_class.into_values().flatten().collect();
        let n = dealt.len();
        ensure!(
            n >= part.of as usize,
            "{n} labeled images cannot be shared out over {} parts: images that are alone in their class do not count",
            part.of
        );
        let mut held: Vec<usize> = dealt.into_iter().skip(part.number as usize - 1).step_by(part.of as usize).collect();
        held.sort_unstable();
        let labels = held.iter().map(|&place| class_of(place)).collect();
        let kept = |place: &usize| held.binary_search(place).is_err();
        let kept: Vec<usize> = (0..self.indices.len()).filter(kept).collect();
        let given = self.given.as_ref().map(|Given { classes, labels }| Given {
            classes: classes.clone(),
            labels: kept.iter().map(|&place| labels[place]).collect(),
        });
        let indices = |places: &[usize]| places.iter().map(|&place| self.indices[place]).collect();
        let held = Some(Held { indices: indices(&held), labels });
        Ok(Self { indices: indices(&kept), given, held, picked: self.picked })
    }

    /// The data set with the images that this set holds back as its test images, if it does.
    ///
    /// # Errors
    /// If they are not of this data set.
    pub fn test_on_held(&self, mut dataset: Dataset) -> Result<Dataset> {
        let Some(Held { indices, labels }) = &self.held else { return Ok(dataset) };
        let Images { width, height, channels, .. } = dataset.train;
        ensure!(labels.len() == indices.len(), "it holds {} images back and {} labels", indices.len(), labels.len());
        let mut pixels = Vec::with_capacity(indices.len() * dataset.train.bytes_per_image());
        for (&index, &label) in indices.iter().zip(labels) {
            check_index(index, dataset.train.n())?;
            let n_classes = dataset.classes.len();
            ensure!(usize::from(label) < n_classes, "image {index} has class {label} of {n_classes}");
            pixels.extend_from_slice(dataset.train.pixels_of(index as usize));
        }
        dataset.test = Images { width, height, channels, pixels: pixels.into(), labels: labels.clone() };
        Ok(dataset)
    }

    /// The data set with the classes that this set gives to its images: all images that are no test images are training
    /// images then. Without such classes it stays as it is.
    ///
    /// # Errors
    /// If the set is not of this data set.
    pub fn label(&self, dataset: Dataset) -> Result<Dataset> {
        let Some(Given { classes, labels }) = &self.given else { return Ok(dataset) };
        let mut dataset = dataset.pooled();
        let n = dataset.train.n();
        ensure!(labels.len() == self.indices.len(), "it has {} images and {} labels", self.indices.len(), labels.len());
        for (&index, &label) in self.indices.iter().zip(labels) {
            check_index(index, n)?;
            ensure!(usize::from(label) < classes.len(), "image {index} has class {label} of {}", classes.len());
            dataset.train.labels[index as usize] = label;
        }
        dataset.classes.clone_from(classes);
        Ok(dataset)
    }

    /// Puts an image in. Fails if it is none of the `n_train` training images or in it already.
    pub fn insert(&mut self, index: u32, n_train: usize) -> Result<()> {
        check_index(index, n_train)?;
        match self.indices.binary_search(&index) {
            Ok(_) => bail!("image {index} is in the label set already"),
            Err(place) => self.indices.insert(place, index),
        }
        Ok(())
    }

    /// Takes an image out. Fails if it is not in it.
    pub fn remove(&mut self, index: u32) -> Result<()> {
        let place = self.indices.binary_search(&index);
        let place = place.map_err(|_| anyhow!("image {index} is not in the label set"))?;
        self.indices.remove(place);
        Ok(())
    }

    /// The classes without a labeled image; a run can start, but will hardly learn them.
    pub fn classes_without_label(&self, labels: &[u16], n_classes: usize) -> Vec<usize> {
        let mut has_label = vec![false; n_classes];
        for &label in self.indices.iter().map(|&index| &labels[index as usize]).filter(|label| **label != UNKNOWN) {
            has_label[usize::from(label)] = true;
        }
        (0..n_classes).filter(|&class| !has_label[class]).collect()
    }

    /// Refuses a set without an image of some classes, with their names.
    pub fn ensure_all_classes(&self, dataset: &Dataset) -> Result<()> {
        let n = dataset.classes.len();
        let missing = self.classes_without_label(&dataset.train.labels, n);
        let names: Vec<_> = missing.iter().map(|&class| format!("{class} ({})", dataset.classes[class])).collect();
        ensure!(
            missing.is_empty(),
            "{} of {n} classes {} no labeled image: {}",
            missing.len(),
            if missing.len() == 1 { "has" } else { "have" },
            names.join(", "),
        );
        Ok(())
    }

    /// The unlabeled images, ascending: all `n_train`, or all but the labeled ones.
    ///
    /// The paper's code keeps the labeled images among the unlabeled ones.
    pub fn unlabeled(&self, n_train: usize, labeled: LabeledImages) -> Vec<u32> {
        let all = 0..n_train as u32;
        match labeled {
            LabeledImages::Included => all.collect(),
            LabeledImages::LeftOut => all.filter(|index| self.indices.binary_search(index).is_err()).collect(),
        }
    }
}

/// Whether the labeled images are also among the unlabeled ones.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LabeledImages {
    /// As in the paper.
    Included,
    /// Strictly apart.
    LeftOut,
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Three classes in turn: image i has class i % 3.
    fn labels(n: usize) -> Vec<u16> {
        (0..n).map(|i| (i % 3) as u16).collect()
    }

    #[test]
    fn listed_images_are_sorted_and_checked() {
        assert_eq!(from_indices(&[7, 0, 3], 8).expect("valid").indices, [0, 3, 7]);
        let check = |indices: &[u32], expected: &str| {
            assert_eq!(from_indices(indices, 8).expect_err(expected).to_string(), expected);
        };
        check(&[8], "there is no training image 8: indices go from 0 to 7");
        check(&[2, 5, 2], "labeled image 2 is listed twice");
        check(&[], "the list of labeled images is empty");
    }

    #[test]
    fn classes_without_a_labeled_image_are_found() {
        let set = from_indices(&[0, 3, 5], 9).expect("valid");
        assert_eq!(set.classes_without_label(&labels(9), 3), [1]);
    }

    #[test]
    fn the_unlabeled_images_include_the_labeled_ones_or_not() {
        let set = from_indices(&[1, 3], 5).expect("valid");
        assert_eq!(set.unlabeled(5, LabeledImages::Included), [0, 1, 2, 3, 4]);
        assert_eq!(set.unlabeled(5, LabeledImages::LeftOut), [0, 2, 4]);
    }

    /// Classes of 7, 3 and 1 images, all labeled.
    fn uneven() -> (LabelSet, Dataset) {
        let classes: Vec<u16> = [vec![0; 7], vec![1; 3], vec![2]].concat();
        let dataset = Dataset::black(&["cat", "dog", "frog"], classes);
        (LabelSet::new((0..11).collect(), Picked::All), dataset)
    }

    #[test]
    fn each_labeled_image_is_tested_in_one_part_and_each_class_is_trained_on_in_all() {
        let (whole, dataset) = uneven();
        let mut tested = Vec::new();
        for part in Part::all(3) {
            let set = whole.clone().without(part, 1, &dataset).expect("enough images");
            let held = set.held.clone().expect("some");
            assert!([3, 4].contains(&held.indices.len()), "{held:?}");
            assert!((2..=3).contains(&held.labels.iter().filter(|label| **label == 0).count()), "{held:?}");
            assert_eq!(held.labels.iter().filter(|label| **label == 1).count(), 1, "{held:?}");
            assert_eq!(set.classes_without_label(&dataset.train.labels, 3), [0_usize; 0]);
            assert!(held.indices.iter().all(|index| !set.indices.contains(index)));
            assert_eq!(set.unlabeled(11, LabeledImages::LeftOut), held.indices);
            let dataset = set.test_on_held(dataset.clone()).expect("of this data set");
            assert_eq!(dataset.test.labels, held.labels);
            tested.extend(held.indices);
        }
        tested.sort_unstable();
        assert_eq!(tested, (0..10).collect::<Vec<_>>());
        let error = whole.without(Part { number: 1, of: 11 }, 1, &dataset).expect_err("too many parts").to_string();
        assert!(error.starts_with("10 labeled images cannot be shared out over 11 parts"), "{error}");
    }

    #[test]
    fn images_that_are_held_back_keep_the_classes_that_a_file_gives_them() {
        let (whole, mut dataset) = uneven();
        let labels = dataset.train.labels.clone();
        dataset.train.labels = vec![UNKNOWN; 11];
        let classes = dataset.classes.clone();
        let whole = LabelSet { given: Some(Given { classes, labels: labels.clone() }), ..whole };
        let set = whole.without(Part { number: 2, of: 2 }, 0, &dataset).expect("enough images");
        let (held, given) = (set.held.expect("some"), set.given.expect("kept"));
        let pairs = [(&set.indices, &given.labels), (&held.indices, &held.labels)];
        for (&index, &label) in pairs.into_iter().flat_map(|(indices, labels)| indices.iter().zip(labels)) {
            assert_eq!(label, labels[index as usize]);
        }
        assert_eq!((given.labels.len(), held.labels.len()), (6, 5));
    }

    #[test]
    fn images_that_the_data_set_lacks_are_not_tested_on() {
        let (whole, dataset) = uneven();
        for (indices, labels, expected) in [
            (vec![11], vec![0], "there is no training image 11"),
            (vec![1], vec![3], "image 1 has class 3 of 3"),
            (vec![1], vec![], "it holds 1 images back and 0 labels"),
        ] {
            let set = LabelSet { held: Some(Held { indices, labels }), ..whole.clone() };
            let error = set.test_on_held(dataset.clone()).expect_err(expected).to_string();
            assert!(error.starts_with(expected), "{error}");
        }
    }
}
