//! Which training images are labeled: drawn by seed, listed, or read from a file.
//!
//! Indices refer to the data set's training order and are kept ascending, so a label set is a set: how it was drawn
//! or listed does not leak into the order in which a run sees its images.

use std::fs;
use std::path::Path;

use anyhow::{Context as _, Result, anyhow, bail, ensure};
use serde::{Deserialize, Serialize};

use crate::rng::{Rng, Stream};

/// The labeled training images and how they were picked.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct LabelSet {
    /// Indices into the training images, ascending, without duplicates.
    pub indices: Vec<u32>,
    /// How they were picked.
    pub picked: Picked,
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
    /// Listed in the configuration.
    Listed,
    /// Read from this file.
    File(String),
}

/// Draws `n` images of every class: walks a random permutation of the training images and takes each whose class
/// still lacks some. With the same seed, the set for a smaller `n` is part of the set for a larger one.
pub fn draw_per_class(labels: &[u16], classes: &[String], n: usize, seed: u64) -> Result<LabelSet> {
    ensure!(n > 0, "at least one labeled image per class is needed");
    let mut order: Vec<u32> = (0..labels.len() as u32).collect();
    Rng::new(seed, Stream::LabelSet, 0, 0).shuffle(&mut order);
    let mut taken = vec![0; classes.len()];
    let mut indices = Vec::with_capacity(n * classes.len());
    for index in order {
        let class = usize::from(labels[index as usize]);
        if taken[class] < n {
            taken[class] += 1;
            indices.push(index);
        }
    }
    if let Some(class) = (0..classes.len()).find(|&class| taken[class] < n) {
        let (name, found) = (&classes[class], taken[class]);
        bail!("cannot label {n} images of every class: class {class} ({name}) has only {found} training images");
    }
    indices.sort_unstable();
    Ok(LabelSet { indices, picked: Picked::PerClass { n, seed } })
}

/// The listed images. Fails if an index is not one of the `n_train` training images or is listed twice.
pub fn from_indices(indices: &[u32], n_train: usize) -> Result<LabelSet> {
    for (i, &index) in indices.iter().enumerate() {
        check_index(index, n_train)?;
        ensure!(!indices[..i].contains(&index), "labeled image {index} is listed twice");
    }
    sorted(indices.to_vec(), Picked::Listed)
}

/// The images listed in a file, an index a line; `#` starts a comment, blank lines are skipped.
pub fn from_file(path: &Path, n_train: usize) -> Result<LabelSet> {
    let text = fs::read_to_string(path).with_context(|| format!("cannot read the label set {}", path.display()))?;
    let mut indices = Vec::new();
    for (line, text) in text.lines().enumerate() {
        let place = || format!("{}:{}", path.display(), line + 1);
        let Some(index) = parse_line(text).with_context(place)? else { continue };
        check_index(index, n_train).with_context(place)?;
        indices.push((index, line + 1));
    }
    indices.sort_unstable();
    if let Some(pair) = indices.windows(2).find(|pair| pair[0].0 == pair[1].0) {
        let ((index, first), (_, second)) = (pair[0], pair[1]);
        bail!("{}:{second}: image {index} is already on line {first}", path.display());
    }
    ensure!(!indices.is_empty(), "{} lists no images: write one index a line", path.display());
    let indices = indices.into_iter().map(|(index, _)| index).collect();
    Ok(LabelSet { indices, picked: Picked::File(path.display().to_string()) })
}

fn parse_line(line: &str) -> Result<Option<u32>> {
    let content = line.split('#').next().unwrap_or_default().trim();
    if content.is_empty() {
        return Ok(None);
    }
    content.parse().map(Some).map_err(|_| anyhow!("\"{content}\" is not an index: write one whole number a line"))
}

fn check_index(index: u32, n_train: usize) -> Result<()> {
    ensure!(
        (index as usize) < n_train,
        "there is no training image {index}: indices go from 0 to {}",
        n_train.saturating_sub(1),
    );
    Ok(())
}

fn sorted(mut indices: Vec<u32>, picked: Picked) -> Result<LabelSet> {
    ensure!(!indices.is_empty(), "the list of labeled images is empty");
    indices.sort_unstable();
    Ok(LabelSet { indices, picked })
}

impl LabelSet {
    /// The classes without a labeled image; a run can start, but will hardly learn them.
    pub fn classes_without_label(&self, labels: &[u16], n_classes: usize) -> Vec<usize> {
        let mut has_label = vec![false; n_classes];
        for &index in &self.indices {
            has_label[usize::from(labels[index as usize])] = true;
        }
        (0..n_classes).filter(|&class| !has_label[class]).collect()
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
    use std::io::Write as _;

    use super::*;

    /// Three classes in turn: image i has class i % 3.
    fn labels(n: usize) -> Vec<u16> {
        (0..n).map(|i| (i % 3) as u16).collect()
    }

    fn classes() -> Vec<String> {
        ["cat", "dog", "frog"].map(String::from).to_vec()
    }

    fn drawn(n: usize, seed: u64) -> Vec<u32> {
        draw_per_class(&labels(300), &classes(), n, seed).expect("enough images").indices
    }

    fn from_text(text: &str) -> Result<LabelSet> {
        let mut file = tempfile::NamedTempFile::new().expect("a temporary file");
        file.write_all(text.as_bytes()).expect("room for a few bytes");
        from_file(file.path(), 100)
    }

    #[test]
    fn a_draw_has_n_images_of_every_class_in_ascending_order() {
        let indices = drawn(4, 1);
        assert!(indices.is_sorted() && indices.len() == 12, "{indices:?}");
        for class in 0..3 {
            assert_eq!(indices.iter().filter(|&&index| index % 3 == class).count(), 4);
        }
    }

    #[test]
    fn the_seed_decides_the_draw() {
        assert_eq!(drawn(4, 1), drawn(4, 1));
        assert_ne!(drawn(4, 1), drawn(4, 2));
    }

    #[test]
    fn a_smaller_draw_is_part_of_a_larger_one() {
        let large = drawn(10, 7);
        assert!(drawn(2, 7).iter().all(|index| large.contains(index)));
    }

    #[test]
    fn a_draw_that_cannot_be_done_names_the_class() {
        let error = draw_per_class(&[0, 1, 0, 2, 2], &classes(), 2, 0).expect_err("one dog").to_string();
        assert_eq!(error, "cannot label 2 images of every class: class 1 (dog) has only 1 training images");
        assert!(draw_per_class(&labels(9), &classes(), 0, 0).is_err());
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
    fn a_file_may_have_comments_and_blank_lines() {
        let set = from_text("# ten prototypes\n\n 12 # a cat\n3\n").expect("valid");
        assert_eq!(set.indices, [3, 12]);
        assert!(matches!(set.picked, Picked::File(_)));
    }

    #[test]
    fn a_bad_file_is_named_with_its_line() {
        let check = |text: &str, line: &str, expected: &str| {
            let error = format!("{:#}", from_text(text).expect_err(expected));
            assert!(error.contains(line) && error.ends_with(expected), "{error}");
        };
        check("1\ntwo\n", ":2: ", "\"two\" is not an index: write one whole number a line");
        check("1 2\n", ":1: ", "\"1 2\" is not an index: write one whole number a line");
        check("#\n100\n", ":2: ", "there is no training image 100: indices go from 0 to 99");
        check("5\n4\n5\n", ":3: ", "image 5 is already on line 1");
        check("# nothing\n", "", "lists no images: write one index a line");
        let absent = from_file(Path::new("/no/such/list"), 9).expect_err("no file").to_string();
        assert_eq!(absent, "cannot read the label set /no/such/list");
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
}
