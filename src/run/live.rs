//! The learning rate: η·cos(7πk / 16K) (paper, section 2.5), and the values that can change while a run trains.
//!
//! [`Live`] is a fold of the configuration and the changes that count (see [`crate::run::history`]), so a resumed run, and a
//! reader of the log, arrive at the same values.

use crate::config::{COSINE_END, Policy, RunConfig, Schedule};
use crate::run::change::{Change, LIVE};

/// The values in force.
#[derive(Clone, Debug, PartialEq)]
pub struct Live {
    /// τ.
    pub threshold: f64,
    /// `λ_u`.
    pub lambda_u: f64,
    /// Multiplies the scheduled learning rate.
    pub lr_factor: f64,
    /// K.
    pub steps: u64,
    /// Whose rule says which pseudo-labels count. It does not change.
    pub policy: Policy,
    lr: f64,
    /// A ranking's networks each have a whole cosine of this many steps.
    cycle: Option<u64>,
    /// Steps that share a learning rate.
    stair: u64,
    /// Where the cosine was, in [0, 1], when the number of steps last changed, and at which step.
    phase_start: (f64, u64),
}

impl Live {
    /// The values a run starts with. `steps_per_pass` is the number of steps in one pass over the unlabeled images.
    pub fn new(config: &RunConfig, steps_per_pass: u64) -> Self {
        let train = &config.train;
        let stair = match train.schedule {
            Schedule::Step => 1,
            Schedule::Epoch => steps_per_pass.max(1),
        };
        Self {
            threshold: train.threshold,
            lambda_u: train.lambda_u,
            lr_factor: 1.0,
            steps: train.steps,
            policy: config.pseudo_label.policy,
            lr: train.lr,
            cycle: config.rank.is_some().then_some(config.eval.every),
            stair,
            phase_start: (0.0, 0),
        }
    }

    /// Puts a change into force before the step that follows `step` steps.
    pub fn apply(&mut self, change: Change, step: u64) {
        match change {
            Change::Threshold(value) => self.threshold = value,
            Change::LambdaU(value) => self.lambda_u = value,
            Change::LrFactor(value) => self.lr_factor = value,
            Change::Steps(value) => {
                self.phase_start = (self.phase(step), step);
                self.steps = value;
            }
        }
    }

    /// The values in force, each as a change to it, in the order of [`LIVE`].
    pub fn values(&self) -> [Change; LIVE.len()] {
        [
            Change::Threshold(self.threshold),
            Change::LambdaU(self.lambda_u),
            Change::LrFactor(self.lr_factor),
            Change::Steps(self.steps),
        ]
    }

    /// The value in force that a change is of, as a change to it.
    pub fn value_like(&self, change: Change) -> Change {
        let is_like = |other: &Change| other.key().name == change.key().name;
        self.values().into_iter().find(is_like).unwrap_or(change)
    }

    /// The learning rate of the step that follows `step` steps.
    pub fn lr(&self, step: u64) -> f64 {
        let angle = COSINE_END * std::f64::consts::PI * self.phase(step / self.stair * self.stair);
        self.lr * self.lr_factor * angle.cos()
    }

    /// How far along the cosine: k/K, or from the last change of K on, what then remained.
    fn phase(&self, step: u64) -> f64 {
        if let Some(cycle) = self.cycle {
            return (step % cycle) as f64 / cycle as f64;
        }
        let (phase, start) = self.phase_start;
        let remaining = self.steps.saturating_sub(start).max(1);
        phase + (1.0 - phase) * (step.saturating_sub(start) as f64 / remaining as f64)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::Rank;

    fn live(schedule: Schedule) -> Live {
        let mut config = RunConfig::default();
        config.train.schedule = schedule;
        config.train.steps = 1000;
        config.train.lr = 1.0;
        Live::new(&config, 100)
    }

    #[test]
    fn each_value_is_in_the_table_and_reads_what_it_writes() {
        let values = Live::new(&RunConfig::default(), 1).values();
        assert_eq!(values.map(|change| change.key().name), LIVE.map(|key| key.name));
        for change in values {
            let text = format!("{}={}", change.key().name, change.value());
            assert_eq!(text.parse::<Change>().expect("reads"), change);
        }
    }

    fn assert_near(value: f64, expected: f64) {
        assert!((value - expected).abs() < 1e-12, "{value} is not {expected}");
    }

    #[test]
    fn each_of_a_rankings_networks_has_a_cosine_of_its_own() {
        let mut config = RunConfig { rank: Some(Rank::default()), ..RunConfig::default() };
        (config.train.steps, config.eval.every, config.train.lr) = (300, 100, 1.0);
        let live = Live::new(&config, 1);
        assert_eq!((live.lr(0), live.lr(100), live.lr(200)), (1.0, 1.0, 1.0));
        assert!(live.lr(99) < 0.21 && live.lr(199) == live.lr(99));
    }

    #[test]
    fn the_rate_follows_the_papers_cosine() {
        let live = live(Schedule::Step);
        assert_near(live.lr(0), 1.0);
        assert_near(live.lr(500), (7.0 * std::f64::consts::PI / 32.0).cos());
        assert_near(live.lr(1000), 0.195_090_322_016_128_3); // cos(7π/16)
    }

    #[test]
    fn the_rate_of_a_pass_is_that_of_its_first_step() {
        let live = live(Schedule::Epoch);
        assert_near(live.lr(199), live.lr(100));
        assert_near(live.lr(100), (COSINE_END * std::f64::consts::PI * 0.1).cos());
    }

    #[test]
    fn a_new_number_of_steps_stretches_what_remains_of_the_cosine() {
        let mut live = live(Schedule::Step);
        let before = live.lr(500);
        live.apply(Change::Steps(2000), 500);
        assert_near(live.lr(500), before);
        assert_near(live.lr(1250), (COSINE_END * std::f64::consts::PI * 0.75).cos());
        assert_near(live.lr(2000), (COSINE_END * std::f64::consts::PI).cos());
    }

    #[test]
    fn the_factor_scales_the_rate() {
        let mut live = live(Schedule::Step);
        live.apply(Change::LrFactor(0.5), 0);
        assert_near(live.lr(0), 0.5);
    }
}
