//! A ranking, read for the places of single images in it.

use std::path::{Path, PathBuf};

use crate::data::Dataset;
use crate::labels::ranking::{self, Ranking};
use anyhow::{Context as _, Result};

/// An order of a data set's training images.
#[derive(Debug)]
pub struct Order {
    /// Its file.
    pub path: PathBuf,
    /// What is in it.
    pub ranking: Ranking,
    ranks: Vec<u32>,
    class_ranks: Vec<u32>,
}

impl Order {
    /// Reads a ranking of this data set.
    pub fn read(path: &Path, dataset: &Dataset) -> Result<Self> {
        Self::new(path, Ranking::read(path)?, dataset)
    }

    /// Of a ranking that was read from a file. Fails if it is of other images.
    pub fn new(path: &Path, ranking: Ranking, dataset: &Dataset) -> Result<Self> {
        let n = ranking::n_ranked(ranking.rank.by, dataset);
        ranking.ensure_of(&dataset.digest, n).with_context(|| path.display().to_string())?;
        let mut order = Self { path: path.into(), ranks: ranking.ranks(), class_ranks: Vec::new(), ranking };
        order.rank_in_classes(dataset);
        Ok(order)
    }

    /// Counts the places in classes anew, for images that have other classes now.
    pub fn rank_in_classes(&mut self, dataset: &Dataset) {
        let mut seen = vec![0; dataset.classes.len()];
        self.class_ranks = vec![0; self.ranking.order.len()];
        for &index in &self.ranking.order {
            let label = dataset.train.labels.get(index as usize);
            if let Some(n_before) = label.and_then(|&label| seen.get_mut(usize::from(label))) {
                self.class_ranks[index as usize] = *n_before;
                *n_before += 1;
            }
        }
    }

    /// An image's place among all, from 1, the most representative.
    pub fn rank(&self, index: u32) -> u32 {
        self.ranks[index as usize] + 1
    }

    /// Its place in its class, from 1; of no meaning where its class is not known.
    pub fn class_rank(&self, index: u32) -> u32 {
        self.class_ranks[index as usize] + 1
    }

    /// Its score by the metric.
    pub fn score(&self, index: u32) -> f32 {
        self.ranking.scores[index as usize]
    }

    /// Whether it has a place for each of these images: an order by metrics that need classes has none for others.
    pub fn holds(&self, indices: &[u32]) -> bool {
        indices.iter().all(|&index| (index as usize) < self.ranks.len())
    }

    /// The mean place of some images, at least one, among all.
    pub fn mean_rank(&self, indices: &[u32]) -> f64 {
        let sum: u64 = indices.iter().map(|&index| u64::from(self.rank(index))).sum();
        sum as f64 / indices.len() as f64
    }
}
