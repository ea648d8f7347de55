//! `summary.json`: what a list of runs shows, without reading their logs.

use serde::{Deserialize, Serialize};

use crate::base::aside::replace_file;
use crate::base::files;
use crate::base::sealed;
use crate::run::dir::RunDir;
use crate::run::event::Evaluated;
use crate::run::jobs::Jobs;
use crate::run::state::{LastState, RunState};

/// Accuracies that a summary keeps for a sparkline.
const N_TREND: usize = 24;

/// What a list shows of a run. A file of before `labels` was there does not parse, and is made anew.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Summary {
    /// The steps done.
    pub step: u64,
    /// Steps to do; 0 where that is not known yet.
    pub steps: u64,
    /// The last evaluation of the averaged weights.
    pub ema_accuracy: Option<f64>,
    /// The best one.
    pub best: Option<f64>,
    /// The median of the last 20.
    pub median: Option<f64>,
    /// The share of images of which the averaged and the trained weights say the same, where there are no test images.
    pub agreement: Option<f64>,
    /// The last event that says how the run stands.
    pub last_state: Option<LastState>,
    /// How the accuracy went, oldest first, in at most 24 parts.
    pub trend: Vec<f32>,
    /// Seconds that a step takes, evaluations and checkpoints shared out; None before any was timed.
    pub step_s: Option<f64>,
    /// Seconds of training, without pauses.
    pub training_s: f64,
    /// Test images; 0 where that is not known yet.
    pub n_test: u64,
    /// The most memory that a worker held.
    pub memory_bytes: u64,
    /// The changes made while it trained that count.
    pub changes: usize,
    /// How often pseudo-labels were seen to go wrong.
    pub alarms: usize,
    /// The last of them, with its step.
    pub last_alarm: Option<(u64, String)>,
    /// Whether the run finished no better than guessing.
    pub at_chance: bool,
    /// Whether the run failed of what comes again when it is resumed.
    pub fails_again: bool,
    /// The jobs of a cluster that it was trained in.
    pub jobs: Jobs,
    /// The digest of `labels.json`; empty where that is not known.
    pub labels: String,
    /// The length of the log that this sums up. It says nothing about a log of another length.
    pub n_log_bytes: u64,
}

impl Summary {
    /// That of a run, where it is there and intact.
    pub fn read(dir: &RunDir) -> Option<Self> {
        sealed::read_json(&files::read_at_most(&dir.summary(), files::MAX_TEXT).ok()?).ok()
    }

    /// Writes it into a run.
    pub fn write(&self, dir: &RunDir) -> anyhow::Result<()> {
        replace_file(&dir.summary(), &sealed::json(serde_json::to_vec(self).expect("a summary has only JSON's types")))
    }
}

impl RunState {
    /// The summary of what was folded.
    pub fn summary(&self) -> Summary {
        let last = self.evaluations.iter().rev().find(|evaluated| !evaluated.requested);
        Summary {
            step: self.step,
            steps: self.steps().unwrap_or_default(),
            ema_accuracy: last.map(|evaluated| evaluated.ema.accuracy),
            best: last.map(|evaluated| evaluated.best),
            median: last.map(|evaluated| evaluated.median),
            agreement: self.comparisons.last().map(|compared| compared.agreement),
            last_state: self.last_state.clone(),
            trend: self.trend(),
            step_s: (self.n_timed_steps > 0).then(|| self.training_s / self.n_timed_steps as f64),
            training_s: self.training_s,
            n_test: self.started.as_ref().map_or(0, |started| started.n_test),
            changes: self.history.standing().len(),
            memory_bytes: self.memory_bytes,
            alarms: self.alarms.len(),
            last_alarm: self.alarms.last().map(|alarm| (alarm.step, alarm.message.clone())),
            at_chance: self.is_at_chance(),
            fails_again: !self.may_get_further(),
            jobs: self.jobs.clone(),
            labels: self.digests.as_ref().and_then(|digests| digests.labels.clone()).unwrap_or_default(),
            n_log_bytes: 0,
        }
    }

    /// The accuracies of the averaged weights in equal parts, each a power of two of them.
    fn trend(&self) -> Vec<f32> {
        let size = self.evaluations.len().div_ceil(N_TREND).max(1).next_power_of_two();
        let mean = |part: &[Evaluated]| part.iter().map(|it| it.ema.accuracy).sum::<f64>() / part.len() as f64;
        self.evaluations.chunks(size).map(|part| mean(part) as f32).collect()
    }
}
