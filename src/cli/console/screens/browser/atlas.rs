//! A data set with every order that is known of it, ready to be paged through. Knows neither keys nor the screen.

use std::path::Path;

use anyhow::Result;
use fixmatch::base::dirs;
use fixmatch::config::Data;
use fixmatch::data::{self, Dataset, Images};
use fixmatch::labels::ranking::{self, spearman};

use crate::words::numbers::plural;
use fixmatch::labels::order::Order;

/// Columns of a histogram.
pub const N_BINS: usize = 24;

/// A data set, its test images left out, and its orders.
#[derive(Debug)]
pub struct Atlas {
    /// Its training images and classes.
    pub dataset: Dataset,
    /// Its orders, by metric.
    pub orders: Vec<Listed>,
    /// What could not be used, a sentence each.
    pub warnings: Vec<String>,
    /// The images as the data set has them.
    natural: Lists,
}

/// Training images in some order, all of them, those of each class, and at last those of unknown class.
#[derive(Debug)]
pub struct Lists {
    all: Vec<u32>,
    by_class: Vec<Vec<u32>>,
}

impl Lists {
    fn new(all: Vec<u32>, dataset: &Dataset) -> Self {
        // an order that was made without labels has images behind those of known class too
        let all: Vec<u32> = all.into_iter().filter(|&index| (index as usize) < dataset.train.n()).collect();
        let mut by_class = vec![Vec::new(); dataset.classes.len() + 1];
        for &index in &all {
            by_class[class_of(dataset, index)].push(index);
        }
        Self { all, by_class }
    }

    /// All images, or those of a class.
    pub fn of(&self, class: Option<usize>) -> &[u32] {
        class.map_or(&self.all, |class| &self.by_class[class])
    }
}

/// An order with what is shown of it.
#[derive(Debug)]
pub struct Listed {
    /// The order.
    pub order: Order,
    /// The images in it.
    pub lists: Lists,
    /// How often scores fall into each of [`N_BINS`] equal parts, by class.
    pub histogram: Vec<[u32; N_BINS]>,
    /// The lowest and the highest score.
    pub extent: (f32, f32),
    /// The mean rank of each class's images, from 1.
    pub class_mean_ranks: Vec<f64>,
    /// How far it agrees with each order of the atlas.
    pub correlations: Vec<Correlation>,
}

/// Spearman's ρ of two orders; None where nothing varies.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Correlation {
    /// Over all images.
    pub overall: Option<f64>,
    /// Over those of each class.
    pub classes: Vec<Option<f64>>,
}

impl Atlas {
    /// Reads a data set and its rankings in the cache.
    pub fn read(data: &Data) -> Result<Self> {
        let dataset = data::load(data, &dirs::data_dir()?)?;
        let (mut orders, mut warnings, mut n_others) = (Vec::new(), dataset.warnings.clone(), 0);
        for (path, ranking) in ranking::cached()? {
            match ranking {
                Ok(ranking) if ranking.dataset != dataset.name => {}
                Ok(ranking) if !ranking.is_of(&dataset) => n_others += 1,
                Ok(ranking) => orders.push(Order::new(&path, ranking, &dataset)?),
                Err(error) => warnings.push(format!("{error:#}")),
            }
        }
        if n_others > 0 {
            let (rankings, name) = (plural(n_others, "ranking"), &dataset.name);
            warnings.push(format!("{rankings} of {name} in the cache left out: of other images than these"));
        }
        Ok(Self::new(dataset, orders, warnings))
    }

    /// Of what was read.
    pub fn new(mut dataset: Dataset, mut orders: Vec<Order>, warnings: Vec<String>) -> Self {
        dataset.test = Images { pixels: Vec::new().into(), labels: Vec::new(), ..dataset.test };
        orders.sort_by_key(|order| order.ranking.rank.by as usize);
        let correlations: Vec<_> = orders
            .iter()
            .map(|order| orders.iter().map(|other| correlation(order, other, &dataset)).collect())
            .collect();
        let listed = orders.into_iter().zip(correlations).map(|(order, correlations)| {
            let extent = extent(&order.ranking.scores);
            let lists = Lists::new(order.ranking.order.clone(), &dataset);
            let mean_rank = |images: &Vec<u32>| if images.is_empty() { 0.0 } else { order.mean_rank(images) };
            Listed {
                class_mean_ranks: lists.by_class.iter().map(mean_rank).collect(),
                lists,
                histogram: histogram(&order, extent, &dataset),
                extent,
                order,
                correlations,
            }
        });
        let orders = listed.collect();
        let natural = Lists::new((0..dataset.train.n() as u32).collect(), &dataset);
        Self { dataset, orders, warnings, natural }
    }

    /// The images in an order, or without one, as the data set has them.
    pub fn lists(&self, order: Option<usize>) -> &Lists {
        order.and_then(|order| self.orders.get(order)).map_or(&self.natural, |listed| &listed.lists)
    }

    /// The class of an image; for an unknown one, the number behind the last.
    pub fn class_of(&self, index: u32) -> usize {
        class_of(&self.dataset, index)
    }

    /// The name of an image's class.
    pub fn class_name(&self, index: u32) -> &str {
        self.name_of(self.class_of(index))
    }

    /// How many classes there are, those of unknown class being one, if there are any.
    pub fn n_classes(&self) -> usize {
        let of_unknown = self.natural.of(Some(self.dataset.classes.len()));
        self.dataset.classes.len() + usize::from(!of_unknown.is_empty())
    }

    /// The name of a class.
    pub fn name_of(&self, class: usize) -> &str {
        self.dataset.classes.get(class).map_or("not known", |name| name)
    }

    /// The order from this file.
    pub fn place_of(&self, path: &Path) -> Option<usize> {
        self.orders.iter().position(|listed| listed.order.path == path)
    }
}

fn class_of(dataset: &Dataset, index: u32) -> usize {
    usize::from(dataset.train.labels[index as usize]).min(dataset.classes.len())
}

fn correlation(order: &Order, other: &Order, dataset: &Dataset) -> Correlation {
    let n = dataset.train.n();
    let scores = [order, other].map(|order| {
        let mut scores = order.ranking.representativeness();
        scores.truncate(n);
        scores
    });
    let of_class = |scores: &[f32], class: usize| -> Vec<f32> {
        let labels = dataset.train.labels.iter();
        labels.zip(scores).filter(|(label, _)| usize::from(**label) == class).map(|(_, score)| *score).collect()
    };
    let by_class = |class| spearman(&of_class(&scores[0], class), &of_class(&scores[1], class));
    Correlation {
        overall: spearman(&scores[0], &scores[1]),
        classes: (0..dataset.classes.len()).map(by_class).collect(),
    }
}

fn extent(scores: &[f32]) -> (f32, f32) {
    scores.iter().fold((f32::MAX, f32::MIN), |(low, high), &score| (low.min(score), high.max(score)))
}

fn histogram(order: &Order, (low, high): (f32, f32), dataset: &Dataset) -> Vec<[u32; N_BINS]> {
    let mut bins = vec![[0; N_BINS]; dataset.classes.len() + 1];
    for (index, &score) in (0..dataset.train.n() as u32).zip(&order.ranking.scores) {
        let share = (score - low) / (high - low).max(f32::MIN_POSITIVE);
        bins[class_of(dataset, index)][((share * N_BINS as f32) as usize).min(N_BINS - 1)] += 1;
    }
    bins
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::console::sample;

    #[test]
    fn an_order_lists_all_images_and_those_of_each_class() {
        let atlas = sample::atlas();
        let lists = &atlas.orders[0].lists;
        assert_eq!(lists.of(None).len(), atlas.dataset.train.n());
        for class in 0..atlas.dataset.classes.len() {
            assert!(lists.of(Some(class)).iter().all(|&index| atlas.class_of(index) == class));
        }
        let places = |class| -> Vec<u32> {
            lists.of(Some(class)).iter().map(|&index| atlas.orders[0].order.rank(index)).collect()
        };
        assert!(places(1).is_sorted(), "{:?}", places(1));
        assert_eq!(atlas.lists(None).of(None)[..3], [0, 1, 2]);
    }

    #[test]
    fn every_score_is_in_the_histogram_and_an_order_agrees_with_itself() {
        let atlas = sample::atlas();
        for (i, listed) in atlas.orders.iter().enumerate() {
            let n: u32 = listed.histogram.iter().flatten().sum();
            assert_eq!(n as usize, atlas.dataset.train.n());
            assert!(listed.histogram.iter().any(|bins| bins[0] > 0));
            assert!(listed.histogram.iter().any(|bins| bins[N_BINS - 1] > 0));
            assert!((listed.correlations[i].overall.expect("varies") - 1.0).abs() < 1e-12);
        }
    }
}
