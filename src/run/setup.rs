//! What decides how long a step takes: two runs with the same setup take the same time.

use std::path::PathBuf;

use crate::base::host::host;
use crate::config::{Device, Forward, MaskedViews, ModelName, Precision, RunConfig};
use crate::run::file::RunFile;

/// What decides how long a step takes and how much memory it needs.
#[derive(Clone, Debug, PartialEq)]
pub struct Setup {
    data: (String, Option<PathBuf>, Option<u32>),
    model: (ModelName, u32, u32),
    batch: (u32, u32),
    forward: Forward,
    masked_views: MaskedViews,
    precision: Precision,
    /// Whether unlabeled images are drawn at all.
    is_unlabeled: bool,
    threads: u32,
    device: Device,
    /// The device that a worker found.
    found: Option<String>,
}

impl Setup {
    /// A run's setup. None for a run that trains no FixMatch, which takes its time in other ways.
    pub fn of(config: &RunConfig) -> Option<Self> {
        let RunConfig { data, model, train, machine, rank, .. } = config;
        rank.is_none().then(|| Self {
            data: (data.dataset.clone(), data.path.clone(), data.resize),
            model: (model.name, model.depth, model.width),
            batch: (train.batch, train.mu),
            forward: train.forward,
            masked_views: train.masked_views,
            precision: train.precision,
            is_unlabeled: train.lambda_u > 0.0,
            threads: machine.threads,
            device: machine.device,
            found: None,
        })
    }

    /// The setup of a run that was trained on this machine.
    pub fn measured(run: &RunFile) -> Option<Self> {
        let environment = run.environment.as_ref().filter(|environment| environment.host == host())?;
        Some(Self { found: Some(environment.device.clone()), ..Self::of(&run.config)? })
    }

    /// Whether a run of this setup takes as long as one that was measured.
    pub fn is_of_a_kind_with(&self, measured: &Self) -> bool {
        let is_same_device = self.device == measured.device || measured.found == Some(self.device.to_string());
        is_same_device && *self == Self { device: self.device, found: None, ..measured.clone() }
    }
}
