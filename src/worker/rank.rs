//! How representative the training images are: what a run with a `[rank]` table finds out.
//!
//! Its steps are cut into stages of equal length. At the end of a stage a network says what it thinks of the images,
//! and, where the next stage is another network's, the weights begin anew. Scores follow from these opinions alone, so
//! they are all that a checkpoint has to hold beside the network in training.

mod attack;
mod neighbors;
mod opinions;

use std::sync::Arc;

use anyhow::{Context, Result, ensure};
use fixmatch::base::rng::{Rng, Stream};
use fixmatch::config::{Metric, Rank, RunConfig};
use fixmatch::data::Images;
use fixmatch::labels::ranking::{self, Neighbors, Predictions};
use fixmatch::run::checkpoint::{Array, Tensors};
use tch::{Kind, Tensor};

use crate::host;
use crate::part::Part;
use crate::trainer::{Trainer, Which};
use crate::weights::{to_array, to_tensor};

/// Prefix of the opinions in a checkpoint; a stage's number follows.
const NAME: &str = "rank.";

/// The opinions so far.
#[derive(Debug)]
pub struct Ranker {
    rank: Rank,
    seed: u64,
    /// Steps of a stage.
    stage: u64,
    /// All images, in one part or, for `retraining`, in two at random.
    parts: Vec<Arc<[u32]>>,
    opinions: Vec<Array>,
}

/// What the images are worth.
pub struct Findings {
    /// One an image.
    pub scores: Vec<f32>,
    /// The cluster of each, for `typicality`.
    pub clusters: Option<Vec<u32>>,
    /// What the networks took each for, where their probabilities were asked for.
    pub predictions: Option<Predictions>,
    /// The nearest others of each, where features were.
    pub neighbors: Option<Neighbors>,
}

impl Ranker {
    /// For a run's configuration; None for one that trains FixMatch.
    ///
    /// # Errors
    /// If the configuration's steps are not what its networks need for these images.
    pub fn new(config: &RunConfig, images: &Images) -> Result<Option<Self>> {
        let Some(rank) = config.rank.clone() else { return Ok(None) };
        let n = images.n();
        let stage = ranking::stage_steps(&rank, config.train.batch, n);
        let steps = stage * ranking::n_stages(&rank);
        ensure!(
            config.train.steps == steps && config.eval.every == stage,
            "a ranking of {n} images by {} takes {steps} steps with an evaluation every {stage}, not {} and {}: let \
             `fixmatch rank` make the run",
            rank.by,
            config.train.steps,
            config.eval.every,
        );
        let seed = config.train.seed;
        let mut order: Vec<u32> = (0..n as u32).collect();
        let parts = if rank.by == Metric::Retraining {
            Rng::new(seed, Stream::RankHalves, 0, 0).shuffle(&mut order);
            let (one, other) = order.split_at(n / 2);
            vec![one.into(), other.into()]
        } else {
            vec![order.into()]
        };
        Ok(Some(Self { rank, seed, stage, parts, opinions: Vec::new() }))
    }

    /// The images that are trained on in the step after `step` steps.
    pub fn labeled(&self, step: u64) -> &Arc<[u32]> {
        let stage = step / self.stage;
        let network = stage / ranking::stages_each(&self.rank);
        // the first network begins with the first half, the second one with the second
        &self.parts[(network + stage) as usize % self.parts.len()]
    }

    /// Whether a stage ends with this step.
    pub fn is_due(&self, step: u64) -> bool {
        step.is_multiple_of(self.stage)
    }

    /// Ends a stage: hears the network, and where the next one begins, gives it new weights.
    pub fn hear(&mut self, step: u64, trainer: &mut Trainer, images: &Images) {
        let n_done = step / self.stage;
        self.opinions.push(self.opinion(n_done - 1, trainer, images));
        let stages_each = ranking::stages_each(&self.rank);
        if n_done.is_multiple_of(stages_each) && n_done < ranking::n_stages(&self.rank) {
            trainer.begin_anew(self.seed.wrapping_add(n_done / stages_each));
        }
    }

    /// What the network of a stage thinks.
    fn opinion(&self, stage: u64, trainer: &Trainer, images: &Images) -> Array {
        let opinion = match self.rank.by {
            Metric::Agreement | Metric::Confidence => probabilities(trainer, images, &self.parts[0]),
            Metric::Adversarial => attack::distances(trainer, images),
            // of the half that the network trained on first
            Metric::Retraining => probabilities(trainer, images, self.labeled(stage / 2 * 2 * self.stage)),
            Metric::Density | Metric::Typicality => {
                let features = by_batch(trainer, images, &self.parts[0], |views| trainer.features(Which::Ema, views));
                features.shallow_clone() / features.norm_scalaropt_dim(2, [1_i64].as_slice(), true).clamp_min(1e-12)
            }
        };
        to_array(&opinion)
    }

    /// The scores, once all stages are done, and what else came to light on the way.
    pub fn findings(&self) -> Findings {
        let opinions: Vec<Tensor> = self.opinions.iter().map(to_tensor).collect();
        let n = self.parts.iter().map(|part| part.len()).sum::<usize>();
        let k = self.rank.neighbors as usize;
        let (mut clusters, mut near) = (None, None);
        let scores = match self.rank.by {
            Metric::Agreement => opinions::disagreement(&opinions),
            Metric::Confidence => opinions::confidence(&opinions),
            Metric::Adversarial => Tensor::stack(&opinions, 0).mean_dim([0_i64].as_slice(), false, Kind::Float),
            Metric::Retraining => opinions::change(&opinions, &self.parts, n),
            Metric::Density => {
                let density = neighbors::density(&opinions[0], k);
                near = Some(density.near);
                density.scores
            }
            Metric::Typicality => {
                let assigned = neighbors::clusters(&opinions[0], self.rank.clusters as usize, self.seed);
                let density = neighbors::typicality(&opinions[0], &assigned, k);
                (clusters, near) = (Some(assigned), Some(density.near));
                density.scores
            }
        };
        Findings {
            scores: host::numbers(&scores),
            clusters,
            predictions: self.predictions(&opinions, n),
            neighbors: near.map(|near| Neighbors::new(&near)),
        }
    }

    /// What the networks took the images for, in the mean over all opinions that are probabilities.
    fn predictions(&self, opinions: &[Tensor], n: usize) -> Option<Predictions> {
        match self.rank.by {
            Metric::Agreement | Metric::Confidence | Metric::Retraining => {}
            Metric::Adversarial | Metric::Density | Metric::Typicality => return None,
        }
        let n_classes = opinions.first()?.size()[1];
        // a stage's opinion is of the part that its network trained on first
        let part = |stage: usize| &self.parts[stage / ranking::stages_each(&self.rank) as usize % self.parts.len()];
        let of_parts: Vec<_> = opinions.iter().enumerate().map(|(stage, opinion)| (opinion, part(stage))).collect();
        let mean = opinions::mean_of_parts(&of_parts, n);
        let probabilities = host::numbers::<f32>(&mean);
        Some(Predictions::new(n_classes as usize, &probabilities))
    }
}

impl Part for Ranker {
    fn save(&mut self, into: &mut Tensors) {
        into.extend(
            self.opinions.iter().enumerate().map(|(stage, opinion)| (format!("{NAME}{stage}"), opinion.clone())),
        );
    }

    fn restore(&mut self, from: &Tensors, step: u64) -> Result<()> {
        let opinion = |stage| {
            let name = format!("{NAME}{stage}");
            from.get(&name).cloned().with_context(|| format!("the checkpoint has no {name}"))
        };
        self.opinions = (0..step / self.stage).map(opinion).collect::<Result<_>>()?;
        Ok(())
    }
}

/// The averaged network's probabilities for some images: (n, classes) f32 on the CPU.
fn probabilities(trainer: &Trainer, images: &Images, indices: &[u32]) -> Tensor {
    by_batch(trainer, images, indices, |views| trainer.predict(Which::Ema, views).softmax(-1, Kind::Float))
}

/// What `f` gives for some images, one row an image, on the CPU.
fn by_batch(trainer: &Trainer, images: &Images, indices: &[u32], f: impl Fn(&[u8]) -> Tensor) -> Tensor {
    let rows: Vec<Tensor> = indices
        .chunks(trainer.input().images_a_pass())
        .map(|chunk| {
            let views: Vec<&[u8]> = chunk.iter().map(|&index| images.pixels_of(index as usize)).collect();
            host::fetch(&f(&views.concat()))
        })
        .collect();
    Tensor::cat(&rows, 0)
}
