//! Which training images are labeled: drawn by seed, listed, or read from a file.
//!
//! Indices refer to the data set's training order and are kept ascending, so a label set is a set: how it was drawn
//! or listed does not leak into the order in which a run sees its images.

use std::fmt;
use std::path::Path;

use anyhow::{Context as _, Result, anyhow, bail, ensure};
use serde::{Deserialize, Serialize};

use super::published::{fold, published};
use super::{Dataset, label_file};
use crate::config::{Labels, Metric, Pick};
use crate::files;
use crate::ranking::Ranking;
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

/// Picks the images that a configuration asks for.
///
/// # Errors
/// If its pick goes by an order and `ranking` is None or of other images, or the images that it asks for are not there.
pub fn pick(labels: &Labels, dataset: &Dataset, ranking: Option<&Ranking>) -> Result<LabelSet> {
    if let Some(indices) = &labels.indices {
        return from_indices(indices, dataset.train.n()).context("labels.indices");
    }
    let n = labels.per_class as usize;
    match &labels.pick {
        Pick::Random => {
            draw_per_class(&dataset.train.labels, &dataset.classes, n, labels.seed).context("labels.per_class")
        }
        Pick::All => sorted((0..dataset.train.n() as u32).collect(), Picked::All),
        Pick::File(path) => label_file::read(path, dataset),
        Pick::Published(name) => published_set(name, dataset).context("labels.pick"),
        Pick::Fold(number) => fold_set(dataset, n * dataset.classes.len(), *number).context("labels.pick"),
        Pick::MostRepresentative | Pick::LeastRepresentative | Pick::Quantile(_) | Pick::Typical => {
            let ranking = ranking.context("labels.pick goes by a ranking, and there is none")?;
            by_ranking(dataset, ranking, n, &labels.pick).context("labels.pick")
        }
    }
}

/// Draws `n` images of every class: walks a random permutation of the training images and takes each whose class
/// still lacks some. With the same seed, the set for a smaller `n` is part of the set for a larger one.
pub fn draw_per_class(labels: &[u16], classes: &[String], n: usize, seed: u64) -> Result<LabelSet> {
    ensure!(n > 0, "at least one labeled image per class is needed");
    let mut order: Vec<u32> = (0..labels.len() as u32).collect();
    Rng::new(seed, Stream::LabelSet, 0, 0).shuffle(&mut order);
    let mut taken = vec![0; classes.len()];
    let mut indices = Vec::new(); // as many as there are, whatever n says
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

/// `n` of every class by their places in a ranking.
///
/// # Errors
/// If the ranking is of other images, a class has fewer than `n`, or `pick` does not go by an order.
pub fn by_ranking(dataset: &Dataset, ranking: &Ranking, n: usize, pick: &Pick) -> Result<LabelSet> {
    let train = &dataset.train;
    ranking.ensure_of(&dataset.digest, train.n())?;
    let mut of_class = vec![Vec::new(); dataset.classes.len()];
    for &index in &ranking.order {
        of_class[usize::from(train.labels[index as usize])].push(index);
    }
    if *pick != Pick::Typical
        && let Some(class) = (0..of_class.len()).find(|&class| of_class[class].len() < n)
    {
        let (name, found) = (&dataset.classes[class], of_class[class].len());
        bail!("cannot label {n} images of every class: class {class} ({name}) has only {found} training images");
    }
    let start = |length: usize| match pick {
        Pick::MostRepresentative => Ok(0),
        Pick::LeastRepresentative => Ok(length - n),
        Pick::Quantile(q) => Ok((q * (length - n) as f64).round() as usize),
        Pick::Typical | Pick::Random | Pick::All | Pick::Published(_) | Pick::Fold(_) | Pick::File(_) => {
            bail!("labels.pick = {:?} does not take a class's part of an order", String::from(pick.clone()))
        }
    };
    let indices = if *pick == Pick::Typical {
        typical(ranking, n * dataset.classes.len())?
    } else {
        let parts = of_class.iter().map(|indices| Ok(&indices[start(indices.len())?..][..n]));
        parts.collect::<Result<Vec<_>>>()?.concat()
    };
    sorted(indices, Picked::Ranked { n, pick: pick.clone().into(), by: ranking.rank.by })
}

/// TypiClust leaves out clusters of at most this many images.
const SMALL_CLUSTER: usize = 5;

/// The most typical image of each cluster, the largest clusters first; then the second one of each, and so on.
fn typical(ranking: &Ranking, n: usize) -> Result<Vec<u32>> {
    let clusters = ranking.clusters.as_ref().with_context(|| {
        format!("labels.pick = \"typical\" needs a ranking by typicality, not by {}", ranking.rank.by)
    })?;
    let n_clusters = clusters.iter().max().map_or(0, |&cluster| cluster as usize + 1);
    let mut members = vec![Vec::new(); n_clusters];
    for &index in &ranking.order {
        members[clusters[index as usize] as usize].push(index);
    }
    members.retain(|indices| indices.len() > SMALL_CLUSTER);
    members.sort_by_key(|indices| std::cmp::Reverse(indices.len()));
    let most = members.first().map_or(0, Vec::len);
    let rounds = (0..most).flat_map(|round| members.iter().filter_map(move |indices| indices.get(round)));
    let picked: Vec<u32> = rounds.take(n).copied().collect();
    ensure!(picked.len() == n, "the clusters hold {} images, fewer than the {n} asked for", picked.len());
    Ok(picked)
}

/// A published set of CIFAR-10, by name.
pub fn published_set(name: &str, dataset: &Dataset) -> Result<LabelSet> {
    sorted(published(name, dataset)?, Picked::Published(name.to_owned()))
}

/// A fold of the original code with `n` labels in all.
pub fn fold_set(dataset: &Dataset, n: usize, number: u32) -> Result<LabelSet> {
    sorted(fold(&dataset.train.labels, dataset.classes.len(), n, number)?, Picked::Fold { number, n })
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
    let text = files::read_text(path, files::MAX_TEXT)
        .with_context(|| format!("cannot read the label set {}", path.display()))?;
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
        for &index in &self.indices {
            has_label[usize::from(labels[index as usize])] = true;
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
    use std::io::Write as _;

    use super::*;
    use crate::config::Rank;
    use crate::ranking::{self, Made};

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

    /// Thirty images of three classes in turn, ranked from the last to the first, in two clusters and a small one.
    fn ranked() -> (Dataset, Ranking) {
        let dataset = Dataset::black(&["cat", "dog", "frog"], labels(30));
        let scores: Vec<f32> = (0..30).map(|i| i as f32).collect();
        let rank = Rank { by: Metric::Typicality, ..Rank::default() };
        let ranking = Ranking {
            dataset: dataset.name.clone(),
            data_digest: dataset.digest.clone(),
            needs_labels: false,
            made: Made::default(),
            order: ranking::order(rank.by, &scores),
            rank,
            scores,
            clusters: Some(
                (0..30)
                    .map(|i| {
                        if i < 8 {
                            0
                        } else if i < 12 {
                            1
                        } else {
                            2
                        }
                    })
                    .collect(),
            ),
            predictions: None,
            neighbors: None,
        };
        (dataset, ranking)
    }

    #[test]
    fn a_pick_by_rank_takes_each_classs_part_of_the_order() {
        let (dataset, ranking) = ranked();
        let cases = [
            (Pick::MostRepresentative, vec![24, 25, 26, 27, 28, 29]),
            (Pick::LeastRepresentative, vec![0, 1, 2, 3, 4, 5]),
            (Pick::Quantile(0.0), vec![24, 25, 26, 27, 28, 29]),
            (Pick::Quantile(0.5), vec![12, 13, 14, 15, 16, 17]),
            (Pick::Quantile(1.0), vec![0, 1, 2, 3, 4, 5]),
            // clusters of 18 and 8 by turns, from their ends; the one of 4 is too small
            (Pick::Typical, vec![5, 6, 7, 27, 28, 29]),
        ];
        for (pick, expected) in cases {
            let set = by_ranking(&dataset, &ranking, 2, &pick).expect("enough images");
            assert_eq!(set.indices, expected, "{pick:?}");
        }
    }

    #[test]
    fn a_pick_by_rank_that_cannot_be_is_refused_with_the_numbers() {
        let (dataset, ranking) = ranked();
        let refusal = |ranking: &Ranking, n, pick: Pick| {
            by_ranking(&dataset, ranking, n, &pick).expect_err("refused").to_string()
        };
        assert!(refusal(&ranking, 11, Pick::MostRepresentative).contains("class 0 (cat) has only 10 training images"));
        assert!(refusal(&ranking, 9, Pick::Typical).contains("hold 26 images, fewer than the 27 asked for"));
        let other = Ranking { data_digest: "e".into(), ..ranking.clone() };
        assert!(refusal(&other, 2, Pick::MostRepresentative).contains("the ranking is of 30 images"));
        let unclustered = Ranking { clusters: None, ..ranking };
        assert!(refusal(&unclustered, 2, Pick::Typical).contains("needs a ranking by typicality"));
    }

    #[test]
    fn all_images_of_known_class_are_labeled_where_all_are_asked_for() {
        let dataset = Dataset::black(&["cat", "dog"], vec![0, 1, 1, 1]);
        let labels = Labels { pick: Pick::All, per_class: 9, ..Labels::default() };
        let set = pick(&labels, &dataset, None).expect("a set");
        assert_eq!((set.indices, set.picked), (vec![0, 1, 2, 3], Picked::All));
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
