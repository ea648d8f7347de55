//! The learning rate: η·cos(7πk / 16K) (paper, section 2.5), and the values that can change while a run trains.
//!
//! [`Live`] is a fold of the configuration and the changes that count (see [`crate::run::history`]), so a resumed run, and a
//! reader of the log, arrive at the same values.

use anyhow::{Result, ensure};

use crate::config::{COSINE_END, PseudoLabel, RunConfig, Schedule};
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
    /// The rule by which pseudo-labels count. Only its numbers change.
    pub pseudo_label: PseudoLabel,
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
            pseudo_label: config.pseudo_label.clone(),
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
            Change::Momentum(value) => self.pseudo_label.momentum = value,
            Change::Fairness(value) => self.pseudo_label.fairness = Some(value),
            Change::Floor(value) => self.pseudo_label.floor = Some(value),
            Change::Ceiling(value) => self.pseudo_label.ceiling = Some(value),
            Change::NSigma(value) => self.pseudo_label.n_sigma = value,
        }
    }

    /// Refuses a change to what has no part in the run's rule, or to what does not go with its other values.
    pub fn check(&self, change: Change) -> Result<()> {
        change.validate()?;
        let (name, policy) = (change.key().name, self.pseudo_label.policy);
        let why = if policy.has_threshold() { "" } else { ", which finds its own thresholds" };
        ensure!(
            change.key().is_of(&self.pseudo_label),
            "{name} has no part in pseudo_label.policy = {:?}{why}",
            policy.name()
        );
        let mut after = self.clone();
        after.apply(change, 0);
        after.pseudo_label.check()
    }

    /// All values, each as a change to it, in the order of [`LIVE`].
    fn all(&self) -> [Change; LIVE.len()] {
        let rule = &self.pseudo_label;
        [
            Change::Threshold(self.threshold),
            Change::LambdaU(self.lambda_u),
            Change::LrFactor(self.lr_factor),
            Change::Steps(self.steps),
            Change::Momentum(rule.momentum),
            Change::Fairness(rule.fairness()),
            Change::Floor(rule.floor()),
            Change::Ceiling(rule.ceiling()),
            Change::NSigma(rule.n_sigma),
        ]
    }

    /// The values that have a part in the run, each as a change to it, in the order of [`LIVE`].
    pub fn values(&self) -> Vec<Change> {
        self.all().into_iter().filter(|change| change.key().is_of(&self.pseudo_label)).collect()
    }

    /// The value in force that a change is of, as a change to it.
    pub fn value_like(&self, change: Change) -> Change {
        let is_like = |other: &Change| other.key().name == change.key().name;
        self.all().into_iter().find(is_like).unwrap_or(change)
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
        let mut live = Live::new(&RunConfig::default(), 1);
        assert_eq!(live.all().map(|change| change.key().name), LIVE.map(|key| key.name));
        for change in live.all() {
            let text = format!("{}={}", change.key().name, change.value());
            assert_eq!(text.parse::<Change>().expect("reads"), change);
            let other = format!("{}={}", change.key().name, if change.value() == "1" { "0.5" } else { "1" });
            let Ok(other) = other.parse::<Change>() else { continue };
            live.apply(other, 0);
            assert_eq!(live.value_like(change), other);
        }
    }

    #[test]
    fn a_value_changes_where_it_has_a_part_in_the_policy() {
        let names = ["threshold", "momentum", "fairness", "floor", "ceiling", "n_sigma"];
        for (rule, expected) in [
            ("policy = \"fixed\"", "threshold"),
            ("policy = \"fixed\"\nalign = \"uniform\"", "threshold momentum"),
            ("policy = \"flexmatch\"", "threshold"),
            ("policy = \"freematch\"", "momentum fairness floor ceiling"),
            ("policy = \"freematch\"\nvariant = \"usb\"", "momentum fairness ceiling"),
            ("policy = \"softmatch\"", "momentum n_sigma"),
        ] {
            let pseudo_label = toml::from_str(rule).expect(rule);
            let live = Live::new(&RunConfig { pseudo_label, ..RunConfig::default() }, 1);
            let shown: Vec<_> = live.values().into_iter().map(|change| change.key().name).collect();
            let has_part = |name: &&&str| {
                let key = if **name == "threshold" { (*name).to_string() } else { format!("pseudo_label.{name}") };
                let change: Change = format!("{key}=0.5").parse().expect("a value");
                let checked = live.check(change);
                assert_eq!(checked.is_ok(), shown.contains(&key.as_str()), "{rule}: {key}");
                checked.is_ok()
            };
            let found: Vec<_> = names.iter().filter(has_part).copied().collect();
            assert_eq!(found.join(" "), expected, "{rule}");
        }
        let mut live = Live::new(&RunConfig::default(), 1);
        live.pseudo_label.policy = crate::config::Policy::Freematch;
        live.apply(Change::Floor(0.6), 0);
        let error = live.check(Change::Ceiling(0.5)).expect_err("the floor is higher").to_string();
        assert!(error.contains("floor = 0.6 is above pseudo_label.ceiling = 0.5"), "{error}");
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
