//! Rankings: the training images of a data set from the most to the least representative, and the recipes that make
//! them.
//!
//! A ranking is the result of a run whose configuration has a `[rank]` table. It is kept in the run's directory and,
//! under the digest of its recipe and its images, in a cache that all runs share. Knows no tensors: how scores come
//! about is the worker's affair.

use std::fs::{self, OpenOptions};
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::{Path, PathBuf};

use anyhow::{Context as _, Result, ensure};
use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};

use crate::base::aside::replace_file;
use crate::base::dirs;
use crate::base::files;
use crate::base::hex::hex;
use crate::base::sealed;
use crate::config::{Metric, ModelName, Pick, Rank, RunConfig};
use crate::data::Dataset;
use crate::machine::processor::Level;
use crate::run::dir::RunDir;
use crate::run::file::RunFile;
use crate::run::state::{RunState, Status};

mod evidence;
mod spearman;

pub use evidence::{N_NEIGHBORS, Neighbors, Predictions};
pub use spearman::spearman;

/// An order of a data set's training images.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Ranking {
    /// The data set's name.
    pub dataset: String,
    /// SHA-256 of its images and labels.
    pub data_digest: String,
    /// What representative means, and how it was found out.
    pub rank: Rank,
    /// Whether the labels of all training images were used.
    pub needs_labels: bool,
    /// Who made it: version, user and host, run.
    pub made: Made,
    /// The metric's value for each training image, larger or smaller being more representative as the metric has it.
    pub scores: Vec<f32>,
    /// All training images, the most representative first; among equals, in the data set's order.
    pub order: Vec<u32>,
    /// The cluster of each image, for `typicality`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub clusters: Option<Vec<u32>>,
    /// What the networks took the images for, where they were asked.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub predictions: Option<Predictions>,
    /// The nearest images in the features that the scores are of, for `density` and `typicality`, there of its cluster.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub neighbors: Option<Neighbors>,
}

/// Where a ranking comes from.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Made {
    /// fixmatch's version and commit.
    pub version: String,
    /// The run's directory, whose name has its date.
    pub run: String,
}

/// Puts images in order by their scores.
pub fn order(metric: Metric, scores: &[f32]) -> Vec<u32> {
    let mut order: Vec<u32> = (0..scores.len() as u32).collect();
    let score = |index: &u32| scores[*index as usize];
    if metric.larger_is_more() {
        order.sort_by(|a, b| score(b).total_cmp(&score(a)));
    } else {
        order.sort_by(|a, b| score(a).total_cmp(&score(b)));
    }
    order
}

impl Ranking {
    /// Reads a ranking and checks that it is one.
    pub fn read(path: &Path) -> Result<Self> {
        let text = files::read(path).with_context(|| format!("cannot read the ranking {}", path.display()))?;
        let ranking: Self = sealed::read_json(&text).with_context(|| format!("{} is no ranking", path.display()))?;
        ranking.check().with_context(|| format!("{} is no ranking", path.display()))?;
        Ok(ranking)
    }

    fn check(&self) -> Result<()> {
        let n = self.scores.len();
        ensure!(self.order.len() == n, "it orders {} images and scores {n}", self.order.len());
        let mut seen = vec![false; n];
        for &index in &self.order {
            let slot = seen.get_mut(index as usize).with_context(|| format!("there is no image {index} of {n}"))?;
            ensure!(!std::mem::replace(slot, true), "image {index} is in it twice");
        }
        let n_clusters = self.clusters.as_ref().map_or(n, Vec::len);
        ensure!(n_clusters == n, "it has clusters for {n_clusters} images and scores for {n}");
        self.predictions.as_ref().map_or(Ok(()), |predictions| predictions.check(n))?;
        self.neighbors.as_ref().map_or(Ok(()), |neighbors| neighbors.check(n))
    }

    /// Writes it, in one go.
    pub fn write(&self, path: &Path) -> Result<()> {
        if let Some(folder) = path.parent() {
            fs::create_dir_all(folder).with_context(|| format!("cannot make {}", folder.display()))?;
        }
        replace_file(path, &sealed::json(serde_json::to_vec(self)?))
    }

    /// Refuses a ranking of other images.
    pub fn ensure_of(&self, data_digest: &str, n_train: usize) -> Result<()> {
        ensure!(
            self.data_digest == data_digest && self.order.len() == n_train,
            "the ranking is of {} images of {:?} with digest {:.12}…, this data set has {n_train} with digest {:.12}…",
            self.order.len(),
            self.dataset,
            self.data_digest,
            data_digest,
        );
        Ok(())
    }

    /// Whether it is of these images.
    pub fn is_of(&self, dataset: &Dataset) -> bool {
        self.ensure_of(&dataset.digest, n_ranked(self.rank.by, dataset)).is_ok()
    }

    /// The place of each image in the order, from 0.
    pub fn ranks(&self) -> Vec<u32> {
        let mut ranks = vec![0; self.order.len()];
        for (rank, &index) in self.order.iter().enumerate() {
            ranks[index as usize] = rank as u32;
        }
        ranks
    }

    /// The scores, turned so that a larger one is more representative whatever the metric.
    pub fn representativeness(&self) -> Vec<f32> {
        let sign = if self.rank.by.larger_is_more() { 1.0 } else { -1.0 };
        self.scores.iter().map(|score| sign * score).collect()
    }
}

/// Images whose views are told apart in a step, where features are learned without labels.
const CONTRASTIVE_BATCH: u32 = 256;

/// The run that makes a ranking of a data set with `n_train` images, in full: the networks are trained one after the
/// other, with a cosine of the learning rate for each.
///
/// `base` gives data, model, optimiser and machine; what is FixMatch's alone is set to what a ranking needs.
pub fn recipe(base: &RunConfig, rank: Rank, n_train: usize) -> RunConfig {
    let mut config = base.clone();
    let needs_labels = rank.by.needs_labels();
    if !needs_labels {
        // A step of SimCLR: a weak and a strong view of each of `batch` images.
        (config.train.batch, config.train.mu) = (CONTRASTIVE_BATCH, 1);
    }
    let stage = stage_steps(&rank, config.train.batch, n_train);
    config.train.lambda_u = f64::from(u8::from(!needs_labels));
    config.train.steps = stage * n_stages(&rank);
    config.train.window = (stage / 50).max(1);
    config.eval.every = stage;
    config.checkpoint.every = stage.div_ceil(4);
    config.title = format!("{} by {}", config.data.dataset, rank.by);
    config.about = "Orders the training images from the most to the least representative.".into();
    (config.extends, config.rank) = (None, Some(rank));
    config
}

/// The standard recipe's base: the small network, on the data of a run.
pub fn standard_base(config: &RunConfig) -> RunConfig {
    let mut base = RunConfig { data: config.data.clone(), machine: config.machine.clone(), ..RunConfig::default() };
    base.model.name = ModelName::Cnn;
    // a few passes are too few for the paper's averages
    (base.model.bn_momentum, base.optim.ema_decay) = (0.1, 0.99);
    base
}

/// How many images a ranking by a metric is of: of those of known class, unless the metric asks for no labels.
pub fn n_ranked(by: Metric, dataset: &Dataset) -> usize {
    if by.needs_labels() { dataset.train.n() } else { dataset.n_pool() }
}

/// Refuses a metric that needs the label of every training image where there are none.
///
/// # Errors
/// If it does.
pub fn check_metric(by: Metric, dataset: &Dataset) -> Result<()> {
    ensure!(
        !by.needs_labels() || !dataset.classes.is_empty(),
        "{by} needs the class of every training image, and none is known: --by density and --by typicality need none"
    );
    Ok(())
}

/// The ranking that a run's labels are picked by; None for picks that need none.
pub fn wanted(config: &RunConfig, n_classes: usize) -> Option<Rank> {
    let labels = &config.labels;
    match labels.pick {
        // TypiClust: one cluster for each label
        Pick::Typical => {
            let clusters = labels.per_class * n_classes as u32;
            Some(Rank { by: Metric::Typicality, clusters, ..Rank::default() })
        }
        _ if labels.pick.needs_ranking() => Some(Rank { by: labels.by, ..Rank::default() }),
        _ => None,
    }
}

/// Steps from one network, or one half of the images, to the next.
pub fn stage_steps(rank: &Rank, batch: u32, n_train: usize) -> u64 {
    (n_train as u64 / stages_each(rank)).div_ceil(u64::from(batch)) * u64::from(rank.epochs)
}

/// How many stages a network has: two where it is trained again, on the other half.
pub fn stages_each(rank: &Rank) -> u64 {
    if rank.by == Metric::Retraining { 2 } else { 1 }
}

/// How many stages a ranking has. Where features are learned without labels, one network does.
pub fn n_stages(rank: &Rank) -> u64 {
    let n_networks = if rank.by.needs_labels() { rank.members.into() } else { 1 };
    n_networks * stages_each(rank)
}

/// The tables that decide what comes of a recipe.
const DECISIVE: [&str; 5] = ["data", "model", "train", "optim", "rank"];

/// Where the ranking of a recipe is cached.
pub fn cached_at(recipe: &RunConfig, data_digest: &str) -> Result<PathBuf> {
    let rank = recipe.rank.as_ref().context("the configuration has no [rank] table")?;
    // All that decides the result, and nothing else: titles, machines and where the images lie do not. Only what departs
    // from the defaults, so that a key of a later version, at its default, loses no ranking.
    let decides = |key: &str| DECISIVE.contains(&key.split('.').next().unwrap_or(key)) && key != "data.path";
    let decisive: Vec<_> = recipe.departures().into_iter().filter(|(key, _)| decides(key)).collect();
    let digest = hex(&Sha256::digest(serde_json::to_vec(&(data_digest, decisive))?));
    let name = format!("{}-{}-{:.12}.json", recipe.data.dataset, rank.by, digest);
    Ok(cache_folder()?.join(name))
}

fn cache_folder() -> Result<PathBuf> {
    Ok(dirs::cache_dir()?.join("rankings"))
}

/// The rankings in the cache, by their files' names, or why one cannot be read.
pub fn cached() -> Result<Vec<(PathBuf, Result<Ranking>)>> {
    let folder = cache_folder()?;
    let entries = match fs::read_dir(&folder) {
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(Vec::new()),
        entries => entries.with_context(|| format!("cannot read {}", folder.display()))?,
    };
    let mut paths = entries.map(|entry| Ok(entry?.path())).collect::<Result<Vec<_>>>()?;
    paths.retain(|path| path.extension().is_some_and(|extension| extension == "json"));
    paths.sort();
    Ok(paths.into_iter().map(|path| (path.clone(), Ranking::read(&path))).collect())
}

/// Those of these images that can be read.
///
/// # Errors
/// If the cache cannot be read.
pub fn cached_of(dataset: &Dataset) -> Result<Vec<Ranking>> {
    let all = cached()?.into_iter().filter_map(|(_, ranking)| ranking.ok());
    Ok(all.filter(|ranking| ranking.is_of(dataset)).collect())
}

/// A run in a folder of runs that makes the same ranking and has not come to its end.
fn unfinished(runs: &Path, recipe: &RunConfig) -> Result<Option<RunDir>> {
    for run in RunDir::list(runs)? {
        let is_same = run.read_run().is_ok_and(|file| file.config == *recipe);
        if is_same && RunState::read(&run)?.status(&run) != Status::Finished {
            return Ok(Some(run));
        }
    }
    Ok(None)
}

/// The run that makes a recipe's ranking: one that has not come to its end, else a new one. All that ask at once get the
/// same.
pub fn maker(runs: &Path, recipe: &RunConfig, on_behalf: &str) -> Result<RunDir> {
    fs::create_dir_all(runs).with_context(|| format!("cannot make the folder for runs {}", runs.display()))?;
    let path = runs.join(".rankings.lock");
    let lock = files::open_as(&path, OpenOptions::new().write(true).create(true).mode(0o600));
    let lock = lock.with_context(|| format!("cannot open {}", path.display()))?;
    lock.lock().with_context(|| format!("cannot lock {}", path.display()))?;
    unfinished(runs, recipe)?.map_or_else(|| make(runs, recipe, on_behalf), Ok)
}

/// Makes the run directory of a recipe, on behalf of a command or of another run.
fn make(runs: &Path, recipe: &RunConfig, on_behalf: &str) -> Result<RunDir> {
    let rank = recipe.rank.as_ref().context("the configuration has no [rank] table")?;
    Level::wanted()?;
    let name = format!("rank-{}-{}", recipe.data.dataset, rank.by);
    RunDir::create(runs, &name, &RunFile::new(format!("for {on_behalf}"), Vec::new(), recipe.clone()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::Device;

    fn ranking() -> Ranking {
        let scores = vec![0.5, 0.1, 0.9, 0.1];
        Ranking {
            dataset: "x".into(),
            data_digest: "d".repeat(64),
            rank: Rank::default(),
            needs_labels: true,
            made: Made::default(),
            order: order(Metric::Agreement, &scores),
            scores,
            clusters: None,
            predictions: None,
            neighbors: None,
        }
    }

    #[test]
    fn the_order_follows_what_the_metric_calls_representative() {
        assert_eq!(ranking().order, [1, 3, 0, 2]);
        assert_eq!(order(Metric::Confidence, &ranking().scores), [2, 0, 1, 3]);
        assert_eq!(ranking().ranks(), [2, 0, 3, 1]);
    }

    #[test]
    fn a_ranking_survives_its_file_and_a_broken_one_is_refused() {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("new/ranking.json");
        ranking().write(&path).expect("written");
        assert_eq!(Ranking::read(&path).expect("intact"), ranking());
        for (order, reason) in [
            (vec![0, 1, 2], "orders 3 images and scores 4"),
            (vec![0, 1, 2, 4], "no image 4 of 4"),
            (vec![0, 1, 2, 2], "image 2 is in it twice"),
        ] {
            Ranking { order, ..ranking() }.write(&path).expect("written");
            let error = format!("{:#}", Ranking::read(&path).expect_err(reason));
            assert!(error.contains(reason), "{error}");
        }
        assert!(ranking().ensure_of(&"d".repeat(64), 4).is_ok());
        let error = ranking().ensure_of(&"e".repeat(64), 4).expect_err("other data").to_string();
        assert!(error.contains("with digest dddddddddddd…, this data set has 4 with digest eeeeeeeeeeee…"), "{error}");
    }

    #[test]
    fn a_recipe_trains_every_network_for_its_epochs() {
        let steps = |by, n| {
            let config = recipe(&RunConfig::default(), Rank { by, members: 3, epochs: 2, ..Rank::default() }, n);
            config.validate().expect("valid");
            config.train.steps
        };
        // 130 images are 3 batches of 64; 65, half of them, are 2
        assert_eq!(steps(Metric::Agreement, 130), 3 * 2 * 3);
        assert_eq!(steps(Metric::Retraining, 130), 2 * 3 * 2 * 2);
        assert_eq!(steps(Metric::Density, 300), 2 * 2);
    }

    #[test]
    fn the_cache_tells_recipes_and_images_apart() {
        let at = |by, digest: &str, device| {
            let mut base = RunConfig::default();
            base.machine.device = device;
            base.data.path = (device == Device::Auto).then(|| "elsewhere".into());
            let recipe = recipe(&base, Rank { by, ..Rank::default() }, 1000);
            cached_at(&recipe, digest).expect("a home")
        };
        let base = at(Metric::Agreement, "a", Device::Cpu);
        assert_eq!(base, at(Metric::Agreement, "a", Device::Auto));
        assert_ne!(base, at(Metric::Confidence, "a", Device::Cpu));
        assert_ne!(base, at(Metric::Agreement, "b", Device::Cpu));
        // As it was: whoever changes this loses the rankings that users have.
        assert_eq!(base.file_name().expect("a name"), "cifar10-agreement-f4d1e965607f.json");
    }
}
