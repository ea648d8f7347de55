//! A run before it exists: everything that can be known is checked before its directory is made.

use std::path::Path;

use anyhow::{Context as _, Result, ensure};

use crate::base::dirs;
use crate::base::text::Name;
use crate::config::preset::Preset;
use crate::config::{Data, Device, Labels, Pick, RunConfig};
use crate::data::means::{Means, Watch};
use crate::data::{self, Dataset, Images, duplicates};
use crate::labels::pick;
use crate::labels::ranking::{self, Ranking};
use crate::machine::gpu::Gpu;
use crate::machine::memory;
use crate::machine::processor::{self, Level};
use crate::run::dir::RunDir;
use crate::run::file::RunFile;
use crate::run::launch;
use crate::run::state::RunState;

/// The setting that leaves the unlabeled images out.
pub const LABELS_ONLY: &str = "train.lambda_u=0";

/// A run as it will be made, checked in full before anything is written.
#[derive(Debug)]
pub struct Plan {
    name: String,
    preset: String,
    settings: Vec<String>,
    config: RunConfig,
    /// What was read of a folder of images, and what was left out.
    read: Option<String>,
    /// Images that are there twice, a sentence on each kind.
    duplicates: Vec<String>,
}

impl Plan {
    /// A run of a preset with these settings, named after the preset.
    pub fn of(preset: &Preset, settings: Vec<String>) -> Result<Self> {
        Self::watched(preset, settings, None)
    }

    /// The same, while somebody watches how images are decoded.
    pub fn watched(preset: &Preset, settings: Vec<String>, watch: Option<Watch>) -> Result<Self> {
        let config = preset.resolve(&settings)?;
        let (dataset, _) = checked(&config, watch)?;
        processor::check_precision(&config)?;
        let duplicates = duplicates::find(&dataset).told;
        let (name, preset) = (preset.name.clone(), preset.reference());
        Ok(Self { name, preset, settings, config, read: dataset.read, duplicates })
    }

    /// The same under another name.
    #[must_use]
    pub fn named(self, name: String) -> Self {
        Self { name, ..self }
    }

    /// The same on the labels alone: the baseline of the run.
    pub fn labels_only(&self, preset: &Preset) -> Result<Self> {
        ensure!(
            self.config.train.lambda_u > 0.0,
            "train.lambda_u is 0 in this run, so it is its own baseline; leave --baseline out"
        );
        let mut settings = self.settings.clone();
        settings.push(LABELS_ONLY.into());
        let config = preset.resolve(&settings)?;
        let name = format!("{}-labels-only", self.name);
        Ok(Self { name, preset: self.preset.clone(), settings, config, read: None, duplicates: Vec::new() })
    }

    /// Makes the run's directory in a folder of runs.
    pub fn make(&self, runs: &Path) -> Result<RunDir> {
        launch::check()?;
        let run = RunFile::new(self.preset.clone(), self.settings.clone(), self.config.clone());
        RunDir::create(runs, &self.name, &run)
    }

    /// The configuration of the run.
    pub fn config(&self) -> &RunConfig {
        &self.config
    }

    /// What was read of a folder of images, and what was left out.
    pub fn read(&self) -> Option<&str> {
        self.read.as_deref()
    }

    /// What is odd about it, a sentence each: images that are there twice, averages too slow for so few steps.
    pub fn warnings(&self) -> Vec<String> {
        self.duplicates.iter().cloned().chain(self.config.slow_averages()).collect()
    }
}

/// Says before a run is made what would keep it from its first step, as far as that can be known here: missing or damaged
/// images, labels that the data set does not have, a GPU where there is no driver, instructions that the processor lacks.
pub fn check(config: &RunConfig) -> Result<()> {
    checked(config, None).map(drop)
}

/// The same of many runs. Images that several share are read once.
pub fn check_all<'a>(configs: impl IntoIterator<Item = &'a RunConfig>) -> Result<()> {
    let mut loaded: Option<(&Data, Dataset)> = None;
    for config in configs {
        check_machine(config)?;
        let (_, dataset) = match loaded.take().filter(|(data, _)| **data == config.data) {
            Some(same) => loaded.insert(same),
            None => loaded.insert((&config.data, load(&config.data, None)?)),
        };
        check_with(config, dataset)?;
    }
    Ok(())
}

/// The same of a run that goes on from a checkpoint of another one, whose network tells certain classes apart.
pub fn check_fork(config: &RunConfig, parent: &RunDir) -> Result<()> {
    let (_, classes) = checked(config, None)?;
    let Some(started) = RunState::read(parent)?.started else { return Ok(()) };
    let names = |classes: &[Name]| classes.iter().map(Name::to_string).collect::<Vec<_>>().join(", ");
    ensure!(
        started.classes == classes,
        "the labels are of other classes than the network of {} tells apart ({} there, {} in the labels): start a new run",
        parent.id(),
        names(&started.classes),
        names(&classes),
    );
    Ok(())
}

/// The same; the data set, since it is read anyway, and the classes that the run tells apart.
fn checked(config: &RunConfig, watch: Option<Watch>) -> Result<(Dataset, Vec<Name>)> {
    check_machine(config)?;
    let dataset = load(&config.data, watch)?;
    let classes = check_with(config, &dataset)?;
    Ok((dataset, classes))
}

fn check_machine(config: &RunConfig) -> Result<()> {
    Level::wanted()?;
    if let Device::Cuda(n) = config.machine.device {
        ensure!(
            Gpu::look().has_driver,
            "machine.device = \"cuda:{n}\", but there is no NVIDIA driver on this machine; use \"cpu\" or \"auto\""
        );
    }
    Ok(())
}

fn load(config: &Data, watch: Option<Watch>) -> Result<Dataset> {
    let data_dir = dirs::data_dir()?;
    if config.dataset != data::folder::DESCRIPTOR.name {
        data::check(config, &data_dir)?;
    }
    data::load_with(config, &data_dir, &Means::usual(watch)?)
}

/// Returns the classes that the network will tell apart.
fn check_with(config: &RunConfig, dataset: &Dataset) -> Result<Vec<Name>> {
    check_memory(config, dataset)?;
    let classes = match &config.rank {
        Some(rank) => ranking::check_metric(rank.by, dataset).map(|()| None)?,
        None => check_labels(config, dataset)?,
    };
    Ok(classes.unwrap_or_else(|| dataset.classes.clone()))
}

/// Refuses a run that would hold more than this machine's memory.
pub fn check_memory(config: &RunConfig, dataset: &Dataset) -> Result<()> {
    let &Images { width, height, channels, .. } = &dataset.train;
    memory::check(config, memory::Images { n: dataset.n_pool(), width, height, channels, n_held: dataset.n_held() })
}

/// Picks the labels, or where an order is still to be made, sees that every class has enough images for any. Returns the
/// classes where the labels bring their own.
fn check_labels(config: &RunConfig, dataset: &Dataset) -> Result<Option<Vec<Name>>> {
    let labels = &config.labels;
    let ranking = match (&labels.ranking, ranking::wanted(config, dataset.classes.len())) {
        (Some(path), _) => Some(Ranking::read(path).context("labels.ranking")?),
        (None, Some(rank)) => {
            let recipe =
                ranking::recipe(&ranking::standard_base(config), rank.clone(), ranking::n_ranked(rank.by, dataset));
            let cached = ranking::cached_at(&recipe, &dataset.digest)?;
            cached.exists().then(|| Ranking::read(&cached)).transpose()?
        }
        (None, None) => None,
    };
    let is_awaited = labels.pick.needs_ranking() && labels.indices.is_none() && ranking.is_none();
    if is_awaited && labels.pick == Pick::Typical {
        return Ok(None); // it takes as many as its clusters hold
    }
    let checked = if is_awaited { Labels { pick: Pick::Random, ..labels.clone() } } else { labels.clone() };
    let set = pick::pick(&checked, dataset, ranking.as_ref())?;
    let n = dataset.n_pool();
    let n_labeled_apart = if labels.in_unlabeled { 0 } else { set.indices.len() };
    check_unlabeled(config, n, n - n_labeled_apart)?;
    Ok(set.given.map(|given| given.classes))
}

/// Refuses to learn from unlabeled images where there are none, of `n` images.
pub fn check_unlabeled(config: &RunConfig, n: usize, n_unlabeled: usize) -> Result<()> {
    ensure!(
        n_unlabeled > 0 || config.train.lambda_u == 0.0,
        "all {n} training images are labeled, and labels.in_unlabeled = false leaves none unlabeled: add images in unlabeled/, \
         set labels.in_unlabeled = true, or train on the labels alone with train.lambda_u = 0"
    );
    Ok(())
}
