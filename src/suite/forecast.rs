//! What is left of a suite, and what it takes by earlier runs of their kind.

use std::time::Duration;

use crate::run::estimate::Estimate;
use crate::run::setup::Setup;
use crate::run::survey::Row;
use crate::suite::grid::Grid;
use crate::suite::queue::Stand;
use crate::suite::slots::Slot;

/// What the runs that are not finished will take.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Forecast {
    /// How long, on all slots together. Nothing is known of some where [`Self::n_unknown`] is not 0.
    pub time: Duration,
    /// How much memory, if all slots are busy.
    pub memory_bytes: u64,
    /// For each run that is left the run that this is known by.
    pub by: Vec<String>,
    /// Runs of a kind that was never trained here.
    pub n_unknown: usize,
}

/// What a run's time depends on: its setup and its steps.
type Kind = (Option<Setup>, u64);

impl Forecast {
    /// Of a suite whose runs stand so, on these slots, given all runs of the folder.
    pub fn of(grid: &Grid, stands: &[Stand], slots: &[Slot], rows: &[Row]) -> Self {
        let mut forecast = Self::default();
        let (mut seconds, mut memory_bytes) = (0.0, 0);
        // The runs of a suite are of few kinds.
        let mut kinds: Vec<(Kind, Option<Estimate>)> = Vec::new();
        let left = grid.runs.iter().zip(stands).filter(|(_, stand)| !matches!(stand, Stand::Finished(_)));
        for (run, stand) in left {
            let mut config = run.config.clone();
            if let Some(slot) = slots.first() {
                config.machine = slot.applied(&config.machine);
            }
            let kind = (Setup::of(&config), config.train.steps);
            let place = kinds.iter().position(|(known, _)| *known == kind).unwrap_or_else(|| {
                kinds.push((kind, Estimate::of(&config, rows)));
                kinds.len() - 1
            });
            let Some(estimate) = &kinds[place].1 else {
                forecast.n_unknown += 1;
                continue;
            };
            let step = stand.found().map_or(0, |found| found.row.summary.step);
            let share = (1.0 - step as f64 / config.train.steps.max(1) as f64).max(0.0);
            seconds += estimate.time.as_secs_f64() * share;
            memory_bytes = memory_bytes.max(estimate.memory_bytes);
            forecast.by.push(estimate.run.clone());
        }
        let n_slots = slots.len().max(1);
        forecast.time = Duration::try_from_secs_f64(seconds / n_slots as f64).unwrap_or(Duration::MAX);
        forecast.memory_bytes = memory_bytes.saturating_mul(n_slots as u64);
        forecast
    }

    /// How long it takes, where that is known of all runs and some are left.
    pub fn left(&self) -> Option<Duration> {
        (self.n_unknown == 0 && !self.by.is_empty()).then_some(self.time)
    }
}
