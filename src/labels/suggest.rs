//! Which images to label first: the most typical one of each cluster, as TypiClust picks them (Hacohen et al., ICML 2022).

use std::cmp::Reverse;
use std::path::PathBuf;

use anyhow::{Context as _, Result};

use crate::data::Dataset;
use crate::labels::file::numbered;
use crate::labels::ranking::Ranking;

/// TypiClust leaves out clusters of at most this many images; here they come last.
pub(super) const SMALL_CLUSTER: usize = 5;

/// An image to label.
#[derive(Clone, Debug, PartialEq)]
pub struct Suggestion {
    /// Its number among the training images.
    pub index: u32,
    /// Its cluster.
    pub cluster: u32,
    /// How many images that holds.
    pub cluster_size: usize,
    /// How many of them are labeled, or suggested before this one.
    n_before: usize,
    /// How typical it is of the cluster: larger is more.
    pub score: f32,
}

/// All images that are not labeled, in the order in which to label them: from the cluster with the fewest labels, of
/// equals the largest, its most typical image. Clusters of a few images come last.
///
/// # Errors
/// If the ranking has no clusters, which only one by typicality has.
pub fn order(ranking: &Ranking, labeled: &[u32]) -> Result<Vec<Suggestion>> {
    order_of(ranking, labeled, |_| true)
}

/// The same of some images only.
pub fn order_of(ranking: &Ranking, labeled: &[u32], is_wanted: impl Fn(u32) -> bool) -> Result<Vec<Suggestion>> {
    let by = ranking.rank.by;
    let clusters = ranking.clusters.as_ref().with_context(|| format!("a ranking by {by} has no clusters"))?;
    let n_clusters = clusters.iter().max().map_or(0, |&cluster| cluster as usize + 1);
    let (mut sizes, mut n_labeled) = (vec![0; n_clusters], vec![0; n_clusters]);
    for &cluster in clusters {
        sizes[cluster as usize] += 1;
    }
    let mut is_labeled = vec![false; clusters.len()];
    for &index in labeled {
        if let Some(is_labeled) = is_labeled.get_mut(index as usize).filter(|is_labeled| !**is_labeled) {
            *is_labeled = true;
            n_labeled[clusters[index as usize] as usize] += 1;
        }
    }
    let of_image = |&index: &u32| {
        let cluster = clusters[index as usize];
        let n_before = n_labeled[cluster as usize];
        n_labeled[cluster as usize] += 1;
        let (cluster_size, score) = (sizes[cluster as usize], ranking.scores[index as usize]);
        Suggestion { index, cluster, cluster_size, n_before, score }
    };
    let unlabeled = ranking.order.iter().filter(|&&index| !is_labeled[index as usize] && is_wanted(index));
    let mut all: Vec<Suggestion> = unlabeled.map(of_image).collect();
    all.sort_by_key(|it| (it.cluster_size <= SMALL_CLUSTER, it.n_before, Reverse(it.cluster_size), it.cluster));
    Ok(all)
}

/// What a training image is called: its file, or in a data set without files the set's name and a number.
pub fn name_of(dataset: &Dataset, index: u32) -> PathBuf {
    let file = dataset.own.as_ref().and_then(|own| {
        let n_train = own.files.train.len();
        own.files.train.get(index as usize).or_else(|| own.files.unlabeled.get(index as usize - n_train))
    });
    file.cloned().unwrap_or_else(|| numbered(&dataset.name, index))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::{Metric, Rank};
    use crate::labels::ranking::{self, Made};

    /// Clusters of 8, 6 and 2 images; a later image is more typical.
    fn ranking() -> Ranking {
        let scores: Vec<f32> = (0..16_u8).map(f32::from).collect();
        let rank = Rank { by: Metric::Typicality, ..Rank::default() };
        Ranking {
            dataset: "pets".into(),
            data_digest: "d".into(),
            needs_labels: false,
            made: Made::default(),
            order: ranking::order(rank.by, &scores),
            rank,
            scores,
            clusters: Some([[0; 8].as_slice(), &[1; 6], &[2; 2]].concat()),
            predictions: None,
            neighbors: None,
        }
    }

    fn first(n: usize, labeled: &[u32]) -> Vec<u32> {
        order(&ranking(), labeled).expect("clusters").into_iter().take(n).map(|it| it.index).collect()
    }

    #[test]
    fn one_of_each_cluster_comes_first_and_small_clusters_come_last() {
        assert_eq!(first(5, &[]), [7, 13, 6, 12, 5]);
        assert_eq!(first(16, &[])[14..], [15, 14]);
    }

    #[test]
    fn clusters_with_labels_wait_until_the_others_have_as_many() {
        assert_eq!(first(3, &[0]), [13, 7, 12]);
        assert_eq!(first(4, &[7, 6, 7, 99]), [13, 12, 5, 11]);
        assert_eq!(first(16, &(0..16).collect::<Vec<_>>()), [0; 0]);
    }

    #[test]
    fn an_order_without_clusters_is_refused() {
        let error = order(&Ranking { clusters: None, ..ranking() }, &[]).expect_err("none").to_string();
        assert_eq!(error, "a ranking by typicality has no clusters");
    }
}
