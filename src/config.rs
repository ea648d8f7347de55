//! What a run is: every value that decides its result, and the few that only decide its speed.
//!
//! A default is the paper's CIFAR-10 recipe (Sohn et al., "FixMatch: Simplifying Semi-Supervised Learning with
//! Consistency and Confidence", NeurIPS 2020) unless its documentation says otherwise. A value out of range is refused
//! where it is read, so that the error can point at it; [`RunConfig::validate`] checks what several values say together.
//! Tables of more than a few keys have a file each in `config/`. Knows nothing of files, data or tensors.

use anyhow::{Result, ensure};
use serde::{Deserialize, Serialize};

use crate::base::hex::sha256_hex;

mod augment;
mod color;
mod data;
mod insight;
mod keys;
mod labels;
mod machine;
mod model;
pub mod preset;
mod pseudo_label;
pub(crate) mod range;
mod rank;
mod train;
mod values;

pub use augment::{Augment, CtAugment, MAX_DEPTH, Strong, Table};
pub use color::Color;
pub use data::{Data, Fit, Normalize};
pub use insight::Insight;
pub use keys::{Key, describe, keys, refusal};
pub use labels::{Labels, Part, Pick};
pub use machine::{Device, Machine};
pub use model::{Model, ModelName};
pub use pseudo_label::{Align, Policy, PseudoLabel, Variant};
pub use rank::{Metric, Rank};
pub use train::{Decay, Forward, MaskedViews, Optim, Precision, Schedule, Train};
pub use values::one_line;

/// The cosine of the learning rate ends at this share of π: η·cos(7πk / 16K) (paper, section 2.5).
pub const COSINE_END: f64 = 7.0 / 16.0;

/// Progress windows of a run are at most about this many, so that its event log stays small.
const MAX_WINDOWS: u64 = 50_000;

/// Histograms of pseudo-labels of a run are at most about this many, a kilobyte each.
const MAX_HISTOGRAMS: u64 = 16_384;

/// An average that is more than this share its initial value at the end of a run cannot be tested.
const MAX_INITIAL_SHARE: f64 = 0.2;

/// A run, in full.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct RunConfig {
    /// The preset that this one departs from; resolved when the preset is read.
    #[serde(skip_serializing)]
    pub extends: Option<String>,
    /// One line for lists.
    pub title: String,
    /// What the run shows, in a sentence or two.
    pub about: String,
    /// The images.
    pub data: Data,
    /// Which of them are labeled.
    pub labels: Labels,
    /// Weak and strong views.
    pub augment: Augment,
    /// The network.
    pub model: Model,
    /// The loss, the batches and the schedule.
    pub train: Train,
    /// Which pseudo-labels count.
    pub pseudo_label: PseudoLabel,
    /// SGD and the average of the weights.
    pub optim: Optim,
    /// How often the test set is evaluated.
    pub eval: Eval,
    /// What is recorded about the pseudo-labels.
    pub insight: Insight,
    /// How often the run is saved.
    pub checkpoint: Checkpoint,
    /// With this table a run does not train FixMatch: it orders its training images by how representative they are.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub rank: Option<Rank>,
    /// Where it runs. Threads change results in the last bit, the rest not at all.
    pub machine: Machine,
}

/// `[eval]`
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Eval {
    /// Steps between evaluations of the test set. Default: 1,024, the original code's epoch.
    #[serde(deserialize_with = "range::positive")]
    pub every: u64,
}

impl Default for Eval {
    fn default() -> Self {
        Self { every: 1024 }
    }
}

/// `[checkpoint]`
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Checkpoint {
    /// Steps between checkpoints. Default: 1,024, the original code's epoch.
    #[serde(deserialize_with = "range::positive")]
    pub every: u64,
    /// How many of the newest are kept, beside the best one. Default: 3.
    #[serde(deserialize_with = "range::positive_u32")]
    pub keep: u32,
}

impl Default for Checkpoint {
    fn default() -> Self {
        Self { every: 1024, keep: 3 }
    }
}

impl RunConfig {
    /// Whether steps learn from pairs of views, without any label.
    pub fn is_contrastive(&self) -> bool {
        self.rank.as_ref().is_some_and(|rank| !rank.by.needs_labels())
    }

    /// Whether a run is trained for its own sake, and not to order images or as a part of a cross-validation.
    pub fn is_for_itself(&self) -> bool {
        self.rank.is_none() && self.labels.crossval.is_none()
    }

    /// Checks what several values say together.
    pub fn validate(&self) -> Result<()> {
        let (train, data) = (&self.train, &self.data);
        let smallest_window = train.steps.div_ceil(MAX_WINDOWS);
        ensure!(
            train.window >= smallest_window,
            "train.window = {} gives {} points a curve; for train.steps = {} it must be at least {smallest_window}",
            train.window,
            train.steps / train.window,
            train.steps,
        );
        let smallest_every = train.steps.div_ceil(MAX_HISTOGRAMS);
        ensure!(
            self.insight.every >= smallest_every,
            "insight.every = {} gives {} histograms; for train.steps = {} it must be at least {smallest_every}",
            self.insight.every,
            train.steps / self.insight.every,
            train.steps,
        );
        ensure!(
            data.dataset != "folder" || data.path.is_some(),
            "data.dataset = \"folder\" needs data.path, the folder of your images, or a list of them"
        );
        ensure!(
            data.resize.is_none() || data.dataset == "folder",
            "data.resize is for data.dataset = \"folder\"; the images of {:?} have their own size",
            data.dataset
        );
        ensure!(
            data.fit.is_none() || data.resize.is_some(),
            "data.fit says how images become squares of data.resize pixels a side: set that too"
        );
        ensure!(
            (data.holdout.is_none() && data.holdout_seed.is_none()) || data.dataset == "folder",
            "data.holdout is for data.dataset = \"folder\"; {:?} has its own test images",
            data.dataset
        );
        ensure!(
            data.background.is_none() || data.dataset == "folder",
            "data.background is for data.dataset = \"folder\"; the images of {:?} hide nothing",
            data.dataset
        );
        ensure!(
            train.masked_views != MaskedViews::Skip || train.forward == Forward::Split,
            "train.masked_views = \"skip\" needs train.forward = \"split\": in one pass the mask comes too late"
        );
        let pseudo = &self.pseudo_label;
        let policy = pseudo.policy.name();
        ensure!(
            train.masked_views != MaskedViews::Skip || !pseudo.policy.weighs(),
            "train.masked_views = \"skip\" has nothing to skip: {policy} gives every image a weight above 0"
        );
        ensure!(
            pseudo.policy.has_threshold() || train.threshold == Train::default().threshold,
            "train.threshold = {} has no part in pseudo_label.policy = {policy:?}: leave it at {}",
            train.threshold,
            Train::default().threshold,
        );
        pseudo.check()?;
        ensure!(
            self.labels.indices.is_none() || self.labels.pick == Pick::Random,
            "labels.indices and labels.pick both say which images are labeled; keep one of them"
        );
        ensure!(
            self.labels.ranking.is_none() || self.labels.pick.needs_ranking(),
            "labels.ranking is there, but labels.pick = {:?} does not go by an order",
            String::from(self.labels.pick.clone()),
        );
        ensure!(
            self.rank.as_ref().is_none_or(|rank| !rank.by.needs_labels() || train.lambda_u == 0.0),
            "a ranking trains on labels only: set train.lambda_u = 0, or let `fixmatch rank` make the run"
        );
        ensure!(
            self.rank.as_ref().is_none_or(|rank| rank.by != Metric::Agreement || rank.members > 1),
            "rank.members = 1, and one network has none to agree with: rank.by = \"agreement\" takes at least 2"
        );
        Ok(())
    }

    /// What to say of averages that are still mostly their initial values after the last step, with values that follow;
    /// None where they follow. An average whose decay is d keeps a share d^K of its initial value over K steps.
    pub fn slow_averages(&self) -> Option<String> {
        let left = |decay: f64| decay.powf(self.train.steps as f64);
        let is_slow = |decay: f64| left(decay) > MAX_INITIAL_SHARE;
        let faster = [0.99, 0.9].into_iter().find(|&decay| !is_slow(decay)).unwrap_or(0.0);
        let (ema, bn) = (self.optim.ema_decay, self.model.bn_momentum);
        let (mut slow, mut set, mut share) = (Vec::new(), Vec::new(), 0.0_f64);
        if is_slow(ema) {
            slow.push(format!("optim.ema_decay = {ema}"));
            set.push(format!("optim.ema_decay = {faster}"));
            share = share.max(left(ema));
        }
        if self.model.name == ModelName::Wrn && is_slow(1.0 - bn) {
            slow.push(format!("model.bn_momentum = {bn}"));
            set.push(format!("model.bn_momentum = {}", if is_slow(0.9) { 1.0 } else { 0.1 }));
            share = share.max(left(1.0 - bn));
        }
        (!slow.is_empty()).then(|| {
            format!(
                "with {} the averages that are tested are still {:.0} % initial values after {} steps, and test near chance: set {}",
                slow.join(" and "),
                100.0 * share,
                self.train.steps,
                set.join(" and "),
            )
        })
    }

    /// Dotted keys and values that differ from the defaults, in the order of the documentation; titles left out.
    pub fn departures(&self) -> Vec<(String, toml::Value)> {
        let mut found = Vec::new();
        values::collect_departures("", &self.to_table(), &Self::default().to_table(), &mut found);
        found.retain(|(key, _)| key != "title" && key != "about");
        found
    }

    /// What decides its results, as a SHA-256: two runs of the same identity come to the same, on one machine bit for bit.
    /// Left out are its words, the machine, and how often checkpoints are written.
    pub fn identity(&self) -> String {
        let mut table = self.to_table();
        table.retain(|key, _| decides(key));
        // Runs of before there were policies keep their identity.
        if self.pseudo_label == PseudoLabel::default() {
            table.remove("pseudo_label");
        }
        sha256_hex(table.to_string().as_bytes())
    }

    /// Every value by its dotted key, in alphabetical order.
    pub fn values(&self) -> Vec<(String, toml::Value)> {
        let mut found = Vec::new();
        values::collect_values("", &self.to_table(), &mut found);
        found
    }

    /// The configuration as a TOML table.
    pub fn to_table(&self) -> toml::Table {
        toml::Table::try_from(self).expect("a configuration has only TOML's types")
    }
}

/// Whether the value of a dotted key, or a table, decides results.
pub fn decides(key: &str) -> bool {
    !["title", "about", "machine", "checkpoint"].contains(&key.split('.').next().unwrap_or(key))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_number_that_could_be_read_but_not_written_again_is_refused() {
        for key in ["train.steps", "train.window", "train.seed", "eval.every", "insight.every", "checkpoint.every"] {
            let error =
                toml::from_str::<RunConfig>(&format!("{key} = 18446744073709551615")).expect_err(key).to_string();
            assert!(error.contains("must be below 2^63, not 18446744073709551615"), "{error}");
        }
    }

    #[test]
    fn the_defaults_are_the_papers() {
        let config = RunConfig::default();
        config.validate().expect("the defaults are valid");
        assert_eq!(config.train.steps, 1_048_576);
        assert_eq!((config.train.batch, config.train.mu), (64, 7));
        assert!(config.departures().is_empty());
    }

    #[test]
    fn averages_that_cannot_follow_are_told_with_values_that_can() {
        let config = |text: &str| toml::from_str::<RunConfig>(text).expect(text);
        for (text, expected) in [
            ("train.steps = 500", "set optim.ema_decay = 0.99 and model.bn_momentum = 0.1"),
            ("train.steps = 500\nmodel.name = \"cnn\"", "set optim.ema_decay = 0.99"),
            ("train.steps = 50\noptim.ema_decay = 0.99\nmodel.name = \"cnn\"", "set optim.ema_decay = 0.9"),
        ] {
            let told = config(text).slow_averages().expect(text);
            assert!(told.ends_with(expected), "{told}");
        }
        let values = "optim.ema_decay = 0.99\nmodel.bn_momentum = 0.1\ntrain.steps = 500";
        assert_eq!(config(values).slow_averages(), None, "the values that are told follow");
        assert_eq!(RunConfig::default().slow_averages(), None);
    }

    #[test]
    fn departures_are_dotted_keys() {
        let mut config = RunConfig { title: "x".into(), ..RunConfig::default() };
        config.train.lr = 0.003;
        config.data.path = Some("here".into());
        let keys: Vec<_> = config.departures().into_iter().map(|(key, _)| key).collect();
        assert_eq!(keys, ["data.path", "train.lr"]);
    }

    #[test]
    fn a_configuration_survives_its_own_toml() {
        let config = RunConfig::default();
        let text = toml::to_string(&config).expect("serialises");
        assert_eq!(toml::from_str::<RunConfig>(&text).expect("parses"), config);
    }

    #[test]
    fn a_value_out_of_range_is_refused_with_its_line_and_what_is_allowed() {
        let cases = [
            ("[train]\nthreshold = 1.5", "must be in [0, 1], not 1.5"),
            ("[train]\nlr = nan", "must be more than 0 and at most 100, not NaN"),
            ("[train]\nsteps = 0", "must be at least 1, not 0"),
            ("[train]\nbatch = -3", "invalid value: integer `-3`"),
            ("[train]\nforward = \"both\"", "unknown variant `both`, expected `joint` or `split`"),
            ("[train]\nlrr = 1", "unknown field `lrr`"),
            ("[augment]\ndepth = 5", "must be in [1, 4], not 5"),
            ("[rank]\nclusters = 4294967295", "must be in [1, 65536], not 4294967295"),
            ("[machine]\nthreads = 4000000000", "must be in [0, 1024], 0 for all cores, not 4000000000"),
            ("[augment]\ntable = \"mine\"", "unknown variant `mine`, expected `paper` or `reference`"),
            ("[augment.ctaugment]\ndecay = 1.0", "must be at least 0 and below 1, not 1"),
            ("[optim]\nmomentum = 1", "must be at least 0 and below 1, not 1"),
            ("[model]\ndepth = 27", "must be 6n + 4"),
            ("[machine]\ndevice = \"tpu\"", "must be \"auto\", \"cpu\" or \"cuda:N\", not \"tpu\""),
            ("[data]\nholdout = 1", "must be in [0, 1), not 1"),
            ("[data]\nfit = \"cover\"", "unknown variant `cover`, expected one of `stretch`, `crop`, `pad`"),
            ("[labels]\npick = \"best\"", "must be \"random\", \"all\", \"most-representative\""),
        ];
        for (text, expected) in cases {
            let error = toml::from_str::<RunConfig>(text).expect_err(text).to_string();
            assert!(error.contains(expected) && error.contains("line 2"), "{text}: {error}");
        }
    }

    #[test]
    fn a_run_of_before_there_were_policies_keeps_its_identity() {
        let mut config = RunConfig::default();
        let identity = config.identity();
        assert_eq!(identity, "b270ed96db50dcee239ecb9f10ec7eead457316a076e20aa57ca4ba65d08ec93");
        config.pseudo_label.policy = Policy::Flexmatch;
        assert_ne!(config.identity(), identity);
    }

    #[test]
    fn values_that_contradict_each_other_are_refused() {
        let cases = [
            ("train.window = 1", "train.window = 1 gives 1048576 points"),
            (
                "insight.every = 63",
                "insight.every = 63 gives 16644 histograms; for train.steps = 1048576 it must be at least 64",
            ),
            ("data.dataset = \"folder\"", "needs data.path"),
            ("data.resize = 32", "have their own size"),
            ("data.fit = \"crop\"", "data.fit says how images become squares of data.resize pixels a side"),
            ("data.holdout = 0.1", "data.holdout is for data.dataset = \"folder\""),
            ("data.background = \"#ffffff\"", "data.background is for data.dataset = \"folder\""),
            ("train.masked_views = \"skip\"", "needs train.forward = \"split\""),
            ("train.threshold = 0.9\npseudo_label.policy = \"freematch\"", "train.threshold = 0.9 has no part in"),
            (
                "pseudo_label.floor = 0.5",
                "pseudo_label.floor has no part in pseudo_label.policy = \"fixed\", only in freematch",
            ),
            ("pseudo_label = { policy = \"freematch\", floor = 0.9, ceiling = 0.5 }", "is above pseudo_label.ceiling"),
            (
                "pseudo_label = { policy = \"freematch\", floor = 0.9, variant = \"usb\" }",
                "no part in pseudo_label.variant",
            ),
            (
                "train = { forward = \"split\", masked_views = \"skip\" }\npseudo_label.policy = \"softmatch\"",
                "softmatch gives every image a weight above 0",
            ),
            ("labels = { indices = [1], pick = \"file:x\" }", "keep one of them"),
        ];
        for (text, expected) in cases {
            let error = toml::from_str::<RunConfig>(text).expect(text).validate().expect_err(text).to_string();
            assert!(error.contains(expected), "{text}: {error}");
        }
    }
}
