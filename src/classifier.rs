//! A classifier to take away: a network's weights with all that it takes to use them, in one safetensors file.
//!
//! Tensors stand under PyTorch's names. The file's metadata say the rest, each as JSON: the `network`, its `input`, the
//! `classes` in the order of its outputs, and the `provenance`. Knows nothing of libtorch.

use std::collections::{BTreeMap, HashMap};
use std::path::Path;

use anyhow::{Context as _, Result, anyhow, bail, ensure};
use safetensors::SafeTensors;
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};

use crate::base::text::Name;
use crate::base::{dirs, files};
use crate::config::{Color, Fit, Model, ModelName};
use crate::data::preprocess::Preprocess;
use crate::data::{self, Dataset};
use crate::run::checkpoint::{self, Array, Checkpoint, Which};
use crate::run::dir::RunDir;
use crate::run::file::RunFile;
use crate::run::seal;
use crate::run::state::RunState;

pub mod onnx;
pub mod wire;

/// The keys of the metadata, beside `format`.
const KEYS: [&str; 4] = ["network", "input", "classes", "provenance"];

/// The key of a checkpoint's metadata, which is no classifier.
const CHECKPOINT: &str = "fixmatch";

/// A trained network that tells classes apart.
#[derive(Clone, Debug, PartialEq)]
pub struct Classifier {
    /// What it is.
    pub network: Model,
    /// What it is fed with.
    pub input: Input,
    /// The classes' names, in the order of its outputs.
    pub classes: Vec<Name>,
    /// Where it comes from.
    pub provenance: Provenance,
    /// Its weights under PyTorch's names.
    pub weights: BTreeMap<String, Array>,
}

/// What becomes of an image file before the network sees it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Input {
    /// Its size, and how its bytes are normalised.
    #[serde(flatten)]
    pub preprocess: Preprocess,
    /// Whether its training images were stretched to that size; else they had it.
    pub is_stretched: bool,
    /// How an image of another shape gets it.
    #[serde(default)]
    pub fit: Fit,
    /// What lies behind transparent parts.
    #[serde(default)]
    pub background: Color,
}

/// Where a classifier comes from.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Provenance {
    /// The run's name.
    pub run: String,
    /// Steps trained.
    pub step: u64,
    /// Which of its weights.
    pub weights: Which,
    /// The data set's name.
    pub dataset: String,
    /// SHA-256 of its images and labels; None where that is not known.
    pub data_digest: Option<String>,
    /// The version and commit of the program that wrote it.
    pub version: String,
}

/// Which checkpoint of a run.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum At {
    /// The newest that is intact.
    Newest,
    /// The one with the best test accuracy of the average.
    Best,
    /// The one after so many steps.
    Step(u64),
}

impl Classifier {
    /// The classifier that a run has trained so far, and why newer checkpoints were passed over.
    ///
    /// # Errors
    /// If the run ranks images, has no such checkpoint, or is of a version that did not record what its network is fed
    /// with, and its images are not here any more.
    pub fn of_run(dir: &RunDir, at: At, which: Which) -> Result<(Self, Vec<String>)> {
        let run = dir.read_run()?;
        let id = dir.id();
        ensure!(
            run.config.rank.is_none(),
            "{id} puts images in order (`fixmatch rank`) and trains no classifier: name a run that `fixmatch train` made"
        );
        let (checkpoint, broken) = checkpoint_of(dir, at)?;
        let state = RunState::read(dir)?;
        seal::check_files(dir, &state, Some(&checkpoint))?;
        let classes = state.started.map(|started| started.classes);
        let recorded = run.environment.as_ref().and_then(|environment| environment.input.clone());
        let (preprocess, classes) = match (recorded, classes) {
            (Some(preprocess), Some(classes)) => (preprocess, classes),
            (_, classes) => {
                let dataset = images_of(&run).with_context(|| {
                    format!("{id} did not record what its network is fed with, and its images would tell")
                })?;
                let preprocess = Preprocess::of(&dataset.train, run.config.data.normalize);
                (preprocess, classes.unwrap_or(dataset.classes))
            }
        };
        let weights = checkpoint.weights(which).into_iter().map(|(name, array)| (name, array.clone())).collect();
        let classifier = Self {
            network: run.config.model,
            input: Input {
                preprocess,
                is_stretched: run.config.data.resize.is_some(),
                fit: run.config.data.fit.unwrap_or_default(),
                background: run.config.data.background.unwrap_or_default(),
            },
            classes,
            provenance: Provenance {
                run: id,
                step: checkpoint.state.step,
                weights: which,
                dataset: run.config.data.dataset,
                data_digest: run.environment.map(|environment| environment.data_digest),
                version: crate::VERSION.into(),
            },
            weights,
        };
        classifier.check()?;
        Ok((classifier, broken))
    }

    /// Reads a file that `fixmatch export --weights` wrote.
    pub fn read(path: &Path) -> Result<Self> {
        let bytes = files::read(path).with_context(|| format!("cannot read {}", path.display()))?;
        Self::parse(&bytes).with_context(|| format!("{} is no classifier", path.display()))
    }

    /// The same from the bytes of such a file.
    pub fn parse(bytes: &[u8]) -> Result<Self> {
        let (_, header) =
            SafeTensors::read_metadata(bytes).map_err(|error| anyhow!("it is no safetensors file: {error}"))?;
        let metadata = header.metadata().clone().unwrap_or_default();
        ensure!(
            !metadata.contains_key(CHECKPOINT),
            "it is a checkpoint: name its run, or export it with `fixmatch export RUN --weights FILE.safetensors`"
        );
        let missing: Vec<_> = KEYS.into_iter().filter(|key| !metadata.contains_key(*key)).collect();
        ensure!(
            missing.is_empty(),
            "its metadata has no {}: an older version exported it, or another program; `fixmatch export RUN --weights \
             FILE.safetensors` writes it anew",
            missing.join(", "),
        );
        let classifier = Self {
            network: entry(&metadata, "network")?,
            input: entry(&metadata, "input")?,
            classes: entry(&metadata, "classes")?,
            provenance: entry(&metadata, "provenance")?,
            weights: checkpoint::arrays(&SafeTensors::deserialize(bytes)?)?,
        };
        classifier.check()?;
        Ok(classifier)
    }

    /// The bytes of a safetensors file.
    pub fn to_bytes(&self) -> Result<Vec<u8>> {
        // What PyTorch's own writer says, and some readers insist on.
        let format = ("format".to_owned(), "pt".to_owned());
        let metadata: HashMap<_, _> = self.metadata().into_iter().chain([format]).collect();
        safetensors::serialize(&self.weights, Some(metadata)).context("the weights do not fit into a file")
    }

    /// What a file of it says beside the weights, each value as JSON.
    pub fn metadata(&self) -> BTreeMap<String, String> {
        let json = |value: serde_json::Result<String>| value.expect("only JSON's types");
        let values = [
            json(serde_json::to_string(&self.network)),
            json(serde_json::to_string(&self.input)),
            json(serde_json::to_string(&self.classes)),
            json(serde_json::to_string(&self.provenance)),
        ];
        KEYS.map(str::to_owned).into_iter().zip(values).collect()
    }

    /// Its network in a few letters: `cnn` or `wrn-28-2`.
    pub fn name(&self) -> String {
        match self.network.name {
            ModelName::Cnn => "cnn".into(),
            ModelName::Wrn => format!("wrn-{}-{}", self.network.depth, self.network.width),
        }
    }

    /// Refuses what no run can have recorded.
    fn check(&self) -> Result<()> {
        let Preprocess { width, height, channels, .. } = self.input.preprocess;
        ensure!(
            self.input.preprocess.is_sound(),
            "it says images of {width}×{height}×{channels}, or numbers that are none"
        );
        ensure!(!self.classes.is_empty(), "it has no classes");
        let last = if self.network.name == ModelName::Cnn { "fc2.bias" } else { "fc.bias" };
        let (n, name) = (self.classes.len(), self.name());
        let found = self.weights.get(last).with_context(|| format!("it has no tensor {last}, which {name} has"))?;
        ensure!(found.shape == [n], "it has {n} classes, and {last} is {:?}: not of this network", found.shape);
        Ok(())
    }
}

fn entry<T: DeserializeOwned>(metadata: &HashMap<String, String>, key: &str) -> Result<T> {
    serde_json::from_str(&metadata[key]).with_context(|| format!("{key:?} of its metadata"))
}

/// The data set of a run, if it is here and still the one that the run began with.
fn images_of(run: &RunFile) -> Result<Dataset> {
    let dataset = data::load(&run.config.data, &dirs::data_dir()?)?;
    if let Some(environment) = &run.environment {
        ensure!(environment.data_digest == dataset.digest, "the images that are there now are others");
    }
    Ok(dataset)
}

/// A checkpoint of a run, and why newer ones were passed over.
fn checkpoint_of(dir: &RunDir, at: At) -> Result<(Checkpoint, Vec<String>)> {
    let folder = dir.checkpoints();
    let step = match at {
        At::Newest => {
            let (newest, broken) = checkpoint::newest(&folder)?;
            let newest = newest
                .with_context(|| format!("{} has no checkpoint yet; `fixmatch checkpoint` asks for one", dir.id()))?;
            return Ok((newest, broken));
        }
        At::Best => best_step(dir)?,
        At::Step(step) => step,
    };
    let all = checkpoint::list(&folder)?;
    if let Some((_, path)) = all.iter().find(|(saved, _)| *saved == step) {
        return Ok((Checkpoint::read(path)?, Vec::new()));
    }
    if all.is_empty() {
        bail!("{} has no checkpoint yet; `fixmatch checkpoint` asks for one", dir.id());
    }
    let steps: Vec<_> = all.iter().map(|(step, _)| step.to_string()).collect();
    bail!("{} has no checkpoint of step {step}; it has: {}", dir.id(), steps.join(", "))
}

fn best_step(dir: &RunDir) -> Result<u64> {
    let state = RunState::read(dir)?;
    let last = state.evaluations.iter().rfind(|evaluated| evaluated.median_of > 0);
    let last = last.with_context(|| format!("{} was not evaluated yet", dir.id()))?;
    Ok(last.best_step)
}
