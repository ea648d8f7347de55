//! CTAugment's control loop: what the probes of a step say about distortions, and when the loaders hear of it.
//!
//! Predictions stay on the device until they are read back, some steps later on a GPU. That moves no result: the loaders use the
//! rates of a step only `delay` steps after it.

use std::collections::VecDeque;
use std::sync::Arc;

use anyhow::{Context, Result};
use fixmatch::augment::StrongPolicy;
use fixmatch::augment::ctaugment::{Choice, History, Rates};
use fixmatch::config::{self, RunConfig};
use fixmatch::loader::{Batch, Loader};
use fixmatch::run::checkpoint::{Array, Tensors};
use tch::{Device, Tensor};

use crate::host;
use crate::part::Part;
use crate::trainer::Trainer;

/// The name of the rates in a checkpoint.
const NAME: &str = "ctaugment.rates";

/// Steps that a GPU may take before its predictions are read.
const LAG: usize = 2;

/// The rates of a run that learns them.
#[derive(Debug)]
pub struct Probes {
    settings: config::CtAugment,
    table: config::Table,
    depth: usize,
    history: History,
    /// Probes whose predictions were not read yet, oldest first: their operations, and ω of each, (B) f32.
    pending: VecDeque<(Vec<Choice>, Tensor)>,
    lag: usize,
}

impl Probes {
    /// For a run's policy; None when it does not learn.
    pub fn new(policy: &StrongPolicy, config: &RunConfig, device: Device) -> Option<Self> {
        let StrongPolicy::CtAugment(policy) = policy else { return None };
        let (settings, table) = (config.augment.ctaugment, config.augment.table);
        let delay = settings.delay as usize;
        Some(Self {
            settings,
            table,
            depth: policy.depth(),
            history: History::new(table, delay),
            pending: VecDeque::new(),
            lag: if device.is_cuda() { LAG.min(delay) } else { 0 },
        })
    }

    /// Ends a step: shows its probes to the averaged network, and publishes the rates that are known by now.
    pub fn end_step(&mut self, trainer: &Trainer, batch: &mut Batch, loader: &mut Loader) {
        if batch.probes.is_empty() {
            return;
        }
        let proximity = trainer.proximity(&batch.probes, &batch.labels);
        self.pending.push_back((std::mem::take(&mut batch.probe_choices), proximity));
        self.read(self.lag, Some(loader));
    }

    /// Rates up to the last step. Waits for the device.
    pub fn history(&mut self, loader: Option<&mut Loader>) -> &History {
        self.read(0, loader);
        &self.history
    }

    /// Reads predictions until `n_left` steps' are left.
    fn read(&mut self, n_left: usize, mut loader: Option<&mut Loader>) {
        while self.pending.len() > n_left {
            let (choices, proximity) = self.pending.pop_front().expect("more than none");
            let proximity = host::numbers(&proximity);
            let mut rates = Rates::clone(self.history.current());
            for (probe, proximity) in choices.chunks(self.depth).zip(proximity) {
                rates.update(probe, proximity, self.settings.decay);
            }
            self.history.push(Arc::new(rates));
            if let Some(loader) = &mut loader {
                loader.publish(self.history.current().clone());
            }
        }
    }

    /// The rates after the last step in thousandths, for the log.
    pub fn log(&mut self, loader: Option<&mut Loader>) -> Vec<u16> {
        let rates = self.history(loader).current();
        rates.values().iter().map(|rate| (rate * 1000.0).round() as u16).collect()
    }
}

impl Part for Probes {
    /// The last rates: (d + 1, bins).
    fn save(&mut self, into: &mut Tensors) {
        let history = self.history(None);
        let values = history.values();
        let n_tables = history.tables().count();
        into.insert(NAME.into(), Array { shape: vec![n_tables, values.len() / n_tables], values });
    }

    fn restore(&mut self, from: &Tensors, _: u64) -> Result<()> {
        let array = from.get(NAME).with_context(|| format!("the checkpoint has no {NAME}"))?;
        self.history = History::from_values(self.table, self.settings.delay as usize, &array.values)?;
        self.pending.clear();
        Ok(())
    }
}
