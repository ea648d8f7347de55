//! Picks the images that `[labels]` asks for: drawn by a seed, by their places in a ranking, published, listed, or read
//! from a file.

use anyhow::{Context as _, Error, Result, anyhow, bail, ensure};

use crate::base::rng::{Rng, Stream};
use crate::base::text::{Name, Shown as _};
use crate::config::{Labels, Pick};
use crate::data::Dataset;
use crate::labels::file;
use crate::labels::published::{fold_of, published};
use crate::labels::ranking::{self, Ranking};
use crate::labels::set::{LabelSet, Picked, from_indices, sorted};
use crate::labels::suggest::{self, SMALL_CLUSTER};

/// Picks the images that a configuration asks for, without those that it holds back to test on.
///
/// # Errors
/// If its pick goes by an order and `ranking` is None or of other images, the images that it asks for are not there, or are
/// too few to hold some back.
pub fn pick(labels: &Labels, dataset: &Dataset, ranking: Option<&Ranking>) -> Result<LabelSet> {
    let set = pick_all(labels, dataset, ranking)?;
    match labels.crossval {
        Some(part) => set.without(part, labels.seed, dataset).context("labels.crossval"),
        None => Ok(set),
    }
}

fn pick_all(labels: &Labels, dataset: &Dataset, ranking: Option<&Ranking>) -> Result<LabelSet> {
    if let Some(indices) = &labels.indices {
        return from_indices(indices, dataset.train.n()).context("labels.indices");
    }
    let n = labels.per_class as usize;
    if let (true, false, Some(own)) = (dataset.classes.is_empty(), matches!(labels.pick, Pick::File(_)), &dataset.own) {
        let (n, folder) = (dataset.n_pool(), own.files.folder.shown());
        bail!(
            "none of the {n} images of {folder} has a class, and training needs some of each: label some in a file of lines \
             path,label, as `fixmatch label` writes it, and name it, as in labels.pick = \"file:labels.csv\""
        );
    }
    match &labels.pick {
        Pick::Random => {
            draw_per_class(&dataset.train.labels, &dataset.classes, n, labels.seed).context("labels.per_class")
        }
        Pick::All => sorted((0..dataset.train.n() as u32).collect(), Picked::All),
        Pick::File(path) => file::read(path, dataset),
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
pub fn draw_per_class(labels: &[u16], classes: &[Name], n: usize, seed: u64) -> Result<LabelSet> {
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
        return Err(too_few(n, class, &classes[class], taken[class]));
    }
    indices.sort_unstable();
    Ok(LabelSet::new(indices, Picked::PerClass { n, seed }))
}

fn too_few(n: usize, class: usize, name: &Name, found: usize) -> Error {
    let images = if found == 1 { "image" } else { "images" };
    anyhow!("cannot label {n} images of every class: class {class} ({name}) has only {found} training {images}")
}

/// `n` of every class by their places in a ranking.
///
/// # Errors
/// If the ranking is of other images, a class has fewer than `n`, or `pick` does not go by an order.
pub fn by_ranking(dataset: &Dataset, ranking: &Ranking, n: usize, pick: &Pick) -> Result<LabelSet> {
    let train = &dataset.train;
    ranking.ensure_of(&dataset.digest, ranking::n_ranked(ranking.rank.by, dataset))?;
    let mut of_class = vec![Vec::new(); dataset.classes.len()];
    for &index in &ranking.order {
        // an order made without labels is of all images, and those of unknown class are behind the others
        if let Some(of_class) = train.labels.get(index as usize).and_then(|&label| of_class.get_mut(usize::from(label)))
        {
            of_class.push(index);
        }
    }
    if *pick != Pick::Typical
        && let Some(class) = (0..of_class.len()).find(|&class| of_class[class].len() < n)
    {
        return Err(too_few(n, class, &dataset.classes[class], of_class[class].len()));
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
        typical(ranking, n * dataset.classes.len(), dataset.train.n())?
    } else {
        let parts = of_class.iter().map(|indices| Ok(&indices[start(indices.len())?..][..n]));
        parts.collect::<Result<Vec<_>>>()?.concat()
    };
    sorted(indices, Picked::Ranked { n, pick: pick.clone().into(), by: ranking.rank.by })
}

/// The most typical image of each cluster, the largest clusters first; then the second one of each, and so on. Of images
/// whose class is known, which are the first `n_train`.
fn typical(ranking: &Ranking, n: usize, n_train: usize) -> Result<Vec<u32>> {
    let by = ranking.rank.by;
    ensure!(ranking.clusters.is_some(), "labels.pick = \"typical\" needs a ranking by typicality, not by {by}");
    let all = suggest::order_of(ranking, &[], |index| (index as usize) < n_train)?.into_iter();
    let picked: Vec<u32> = all.filter(|it| it.cluster_size > SMALL_CLUSTER).map(|it| it.index).take(n).collect();
    ensure!(
        picked.len() == n,
        "the clusters hold {} images whose class is known, fewer than the {n} asked for",
        picked.len()
    );
    Ok(picked)
}

/// A published set of CIFAR-10, by name.
pub fn published_set(name: &str, dataset: &Dataset) -> Result<LabelSet> {
    sorted(published(name, dataset)?, Picked::Published(name.to_owned()))
}

/// A fold of the original code with `n` labels in all; of a data set that comes with folds, one of these.
pub fn fold_set(dataset: &Dataset, n: usize, number: u32) -> Result<LabelSet> {
    sorted(fold_of(dataset, n, number)?, Picked::Fold { number, n })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::{Metric, Rank};
    use crate::data::{Images, UNKNOWN};
    use crate::labels::ranking::{self, Made};

    /// Three classes in turn: image i has class i % 3.
    fn labels(n: usize) -> Vec<u16> {
        (0..n).map(|i| (i % 3) as u16).collect()
    }

    fn classes() -> Vec<Name> {
        ["cat", "dog", "frog"].map(Name::from).to_vec()
    }

    fn drawn(n: usize, seed: u64) -> Vec<u32> {
        draw_per_class(&labels(300), &classes(), n, seed).expect("enough images").indices
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
        // the order is of all images, and only the first 28 are of known class
        let images = Images { labels: labels(28), pixels: vec![0; 28].into(), ..dataset.train };
        let others = Images { labels: vec![UNKNOWN; 2], pixels: vec![0; 2].into(), ..images.clone() };
        let dataset = Dataset { train: images, unlabeled: Some(others), ..dataset };
        let set = by_ranking(&dataset, &ranking, 2, &Pick::Typical).expect("enough images");
        assert_eq!(set.indices, [5, 6, 7, 25, 26, 27]);
    }

    #[test]
    fn a_pick_by_rank_that_cannot_be_is_refused_with_the_numbers() {
        let (dataset, ranking) = ranked();
        let refusal = |ranking: &Ranking, n, pick: Pick| {
            by_ranking(&dataset, ranking, n, &pick).expect_err("refused").to_string()
        };
        assert!(refusal(&ranking, 11, Pick::MostRepresentative).contains("class 0 (cat) has only 10 training images"));
        assert!(refusal(&ranking, 9, Pick::Typical).contains("hold 26 images whose class is known, fewer than the 27"));
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
        assert_eq!(error, "cannot label 2 images of every class: class 1 (dog) has only 1 training image");
        assert!(draw_per_class(&labels(9), &classes(), 0, 0).is_err());
    }
}
