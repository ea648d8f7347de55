//! What a run is: every value that decides its result, and the few that only decide its speed.
//!
//! A default is the paper's CIFAR-10 recipe (Sohn et al., "FixMatch: Simplifying Semi-Supervised Learning with
//! Consistency and Confidence", NeurIPS 2020) unless its documentation says otherwise. A value out of range is refused
//! where it is read, so that the error can point at it; [`RunConfig::validate`] checks what several values say together.
//! Knows nothing of files, data or tensors.

use std::fmt;
use std::path::PathBuf;

use anyhow::{Result, ensure};
use serde::{Deserialize, Serialize};

mod range;

/// The cosine of the learning rate ends at this share of π: η·cos(7πk / 16K) (paper, section 2.5).
pub const COSINE_END: f64 = 7.0 / 16.0;

/// Progress windows of a run are at most about this many, so that its event log stays small.
const MAX_WINDOWS: u64 = 50_000;

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
    /// SGD and the average of the weights.
    pub optim: Optim,
    /// How often the test set is evaluated.
    pub eval: Eval,
    /// How often the run is saved.
    pub checkpoint: Checkpoint,
    /// With this table a run does not train FixMatch: it orders its training images by how representative they are.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub rank: Option<Rank>,
    /// Where it runs. Threads change results in the last bit, the rest not at all.
    pub machine: Machine,
}

/// `[data]`
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Data {
    /// A name that `fixmatch data list` shows. Default: `cifar10`.
    pub dataset: String,
    /// Where its files are, when not in the data directory; required for `folder`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub path: Option<PathBuf>,
    /// Resizes the images of a folder to this many pixels a side.
    #[serde(skip_serializing_if = "Option::is_none", deserialize_with = "range::side")]
    pub resize: Option<u32>,
    /// How bytes become the network's input. Default: `unit`, as in the original code.
    pub normalize: Normalize,
}

impl Default for Data {
    fn default() -> Self {
        Self { dataset: "cifar10".into(), path: None, resize: None, normalize: Normalize::Unit }
    }
}

/// How bytes become numbers.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Normalize {
    /// x / 127.5 − 1, in [−1, 1].
    Unit,
    /// (x / 255 − mean) / standard deviation, per channel, measured on the training images.
    MeanStd,
    /// x / 255, in [0, 1].
    None,
}

/// `[labels]`
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Labels {
    /// Labeled images per class. Default: 4, the paper's hardest standard setting (table 2).
    #[serde(deserialize_with = "range::positive_u32")]
    pub per_class: u32,
    /// Which images; all but `published`, `fold` and `file` take `per_class` of each class.
    pub pick: Pick,
    /// The order that `most-representative`, `least-representative`, `quantile` and `typical` go by. Default:
    /// `agreement`, one of the metrics of Carlini et al., which the paper's study of 10 labels sorts by.
    pub by: Metric,
    /// The ranking's file, instead of the one that the standard recipe for `by` gives.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub ranking: Option<PathBuf>,
    /// These training indices instead of a draw.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub indices: Option<Vec<u32>>,
    /// The seed of the draw, apart from the run's own.
    #[serde(deserialize_with = "range::seed")]
    pub seed: u64,
    /// Whether the unlabeled set holds the labeled images too, as in the paper.
    pub in_unlabeled: bool,
}

impl Default for Labels {
    fn default() -> Self {
        Self {
            per_class: 4,
            pick: Pick::Random,
            by: Metric::Agreement,
            ranking: None,
            indices: None,
            seed: 0,
            in_unlabeled: true,
        }
    }
}

/// How the labeled images are picked.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub enum Pick {
    /// A stratified draw with `labels.seed`.
    Random,
    /// Of each class, the most representative ones of an order.
    MostRepresentative,
    /// The least representative ones.
    LeastRepresentative,
    /// Those around this place of the order, from 0, the most representative, to 1.
    Quantile(f64),
    /// The most typical image of each of as many clusters as there are labels (TypiClust): the budget, `per_class` ×
    /// classes, is not shared out by class.
    Typical,
    /// A published set, by name.
    Published(String),
    /// The original code's fold of this number (the paper has 1 to 5), of `per_class` × classes labels.
    Fold(u32),
    /// The indices in a file, one a line.
    File(PathBuf),
}

/// What `labels.pick` may say.
const PICKS: &str = "\"random\", \"most-representative\", \"least-representative\", \"quantile:Q\" with Q in [0, 1], \
                     \"typical\", \"published:NAME\", \"fold:N\" or \"file:PATH\"";

impl Pick {
    /// Whether it goes by an order of the training images.
    pub fn needs_ranking(&self) -> bool {
        match self {
            Self::MostRepresentative | Self::LeastRepresentative | Self::Quantile(_) | Self::Typical => true,
            Self::Random | Self::Published(_) | Self::Fold(_) | Self::File(_) => false,
        }
    }
}

impl TryFrom<String> for Pick {
    type Error = String;

    fn try_from(text: String) -> Result<Self, String> {
        let refuse = || format!("must be {PICKS}, not {text:?}");
        match text.split_once(':') {
            None if text == "random" => Ok(Self::Random),
            None if text == "most-representative" => Ok(Self::MostRepresentative),
            None if text == "least-representative" => Ok(Self::LeastRepresentative),
            None if text == "typical" => Ok(Self::Typical),
            Some(("quantile", q)) => {
                q.parse().ok().filter(|q| (0.0..=1.0).contains(q)).map(Self::Quantile).ok_or_else(refuse)
            }
            Some(("published", name)) if !name.is_empty() => Ok(Self::Published(name.into())),
            Some(("fold", n)) => n.parse().map(Self::Fold).map_err(|_| refuse()),
            Some(("file", path)) if !path.is_empty() => Ok(Self::File(path.into())),
            _ => Err(refuse()),
        }
    }
}

impl From<Pick> for String {
    fn from(pick: Pick) -> Self {
        match pick {
            Pick::Random => "random".into(),
            Pick::MostRepresentative => "most-representative".into(),
            Pick::LeastRepresentative => "least-representative".into(),
            Pick::Quantile(q) => format!("quantile:{q}"),
            Pick::Typical => "typical".into(),
            Pick::Published(name) => format!("published:{name}"),
            Pick::Fold(n) => format!("fold:{n}"),
            Pick::File(path) => format!("file:{}", path.display()),
        }
    }
}

/// `[rank]`
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Rank {
    /// What representative means. Default: `agreement`.
    pub by: Metric,
    /// Networks whose opinions are averaged. Default: 5.
    #[serde(deserialize_with = "range::members")]
    pub members: u32,
    /// Passes over the training images, of each network. Default: 5.
    #[serde(deserialize_with = "range::positive_u32")]
    pub epochs: u32,
    /// K, the neighbours that `density` and `typicality` look at. Default: 20 (TypiClust).
    #[serde(deserialize_with = "range::positive_u32")]
    pub neighbors: u32,
    /// The clusters of `typicality`: TypiClust takes as many as there will be labels. Default: 40.
    #[serde(deserialize_with = "range::positive_u32")]
    pub clusters: u32,
}

impl Default for Rank {
    fn default() -> Self {
        Self { by: Metric::Agreement, members: 5, epochs: 5, neighbors: 20, clusters: 40 }
    }
}

/// What makes an image representative. The first four are of Carlini, Erlingsson and Papernot, "Distribution Density,
/// Tails, and Outliers in Machine Learning" (2019), and need the labels of all training images.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, clap::ValueEnum)]
#[serde(rename_all = "kebab-case")]
pub enum Metric {
    /// Networks agree on it: small Jensen–Shannon divergence between pairs of their predictions.
    Agreement,
    /// Networks are sure of it: large mean of the highest probability.
    Confidence,
    /// Training on other images does not change what a network says of it: small symmetric KL divergence.
    Retraining,
    /// It is far from the decision boundary: large norm of the smallest change found that moves the prediction.
    Adversarial,
    /// Its neighbours are near, in features that were learned without labels.
    Density,
    /// Its neighbours in its cluster are near, in the same features (TypiClust, Hacohen et al. 2022).
    Typicality,
}

impl Metric {
    /// Whether it needs the labels of all training images, which a user who wants to know what to label lacks.
    pub fn needs_labels(self) -> bool {
        match self {
            Self::Agreement | Self::Confidence | Self::Retraining | Self::Adversarial => true,
            Self::Density | Self::Typicality => false,
        }
    }

    /// Whether a larger score is more representative.
    pub fn larger_is_more(self) -> bool {
        match self {
            Self::Confidence | Self::Adversarial | Self::Density | Self::Typicality => true,
            Self::Agreement | Self::Retraining => false,
        }
    }
}

impl fmt::Display for Metric {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Agreement => "agreement",
            Self::Confidence => "confidence",
            Self::Retraining => "retraining",
            Self::Adversarial => "adversarial",
            Self::Density => "density",
            Self::Typicality => "typicality",
        })
    }
}

/// `[augment]`
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Augment {
    /// Weak views are mirrored with probability one half (paper, section 2.3; not for digits, as in SVHN).
    pub flip: bool,
    /// Weak views are shifted by up to 12.5 % of the side, with reflection (paper, section 2.3).
    pub shift: bool,
    /// The strong views' policy. Default: `randaugment` (paper, section 2.3).
    pub strong: Strong,
    /// Whose operations and ranges RandAugment and CTAugment draw from. Default: `paper`.
    pub table: Table,
    /// Operations that RandAugment and CTAugment draw for an image. Default: 2, as in the original code.
    #[serde(deserialize_with = "range::depth")]
    pub depth: u32,
    /// The side of the gray square cut out of strong views, as a share of the width; 0 turns it off.
    /// Default: 0.5 (DeVries and Taylor's 16 pixels of 32, used by the paper).
    #[serde(deserialize_with = "range::ratio")]
    pub cutout: f64,
    /// How CTAugment learns.
    pub ctaugment: CtAugment,
}

impl Default for Augment {
    fn default() -> Self {
        Self {
            flip: true,
            shift: true,
            strong: Strong::Randaugment,
            table: Table::Paper,
            depth: 2,
            cutout: 0.5,
            ctaugment: CtAugment::default(),
        }
    }
}

/// The policy of strong views, before Cutout.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Strong {
    /// A second weak view, no more.
    None,
    /// Any of fourteen operations, parameters uniform in their ranges (paper, table 12).
    Randaugment,
    /// Any of eighteen operations, parameters where the network still recognises labeled images (paper, appendix).
    Ctaugment,
    /// One of the 25 pairs of operations that a search found for CIFAR-10 (Cubuk et al., CVPR 2019).
    Autoaugment,
}

/// Where operations and their parameters' ranges come from.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Table {
    /// The tables in the paper's appendix.
    Paper,
    /// The original code, where it departs from them.
    Reference,
}

/// `[augment.ctaugment]`
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct CtAugment {
    /// Bins below this share of the best rate of their parameter are not drawn. Default: 0.80 (paper, appendix).
    #[serde(deserialize_with = "range::ratio")]
    pub threshold: f64,
    /// What a rate keeps of itself at an update. Default: 0.99 (paper, appendix).
    #[serde(deserialize_with = "range::below_one")]
    pub decay: f64,
    /// Steps from an update of the rates to the first strong views that follow it, which the loaders use to work ahead:
    /// fewer than `machine.loaders` × 2 (a batch in work and one that waits, for each) let some of them idle. Part of
    /// the result, unlike the number of loaders. Default: 8; in the original code some 5 to 10, by the speed of its queues.
    #[serde(deserialize_with = "range::delay")]
    pub delay: u32,
}

impl Default for CtAugment {
    fn default() -> Self {
        Self { threshold: 0.80, decay: 0.99, delay: 8 }
    }
}

/// `[model]`
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Model {
    /// Default: `wrn`.
    pub name: ModelName,
    /// Layers of the wide ResNet: 6n + 4. Default: 28 (paper, section 4.1).
    #[serde(deserialize_with = "range::wrn_depth")]
    pub depth: u32,
    /// Its widening factor. Default: 2.
    #[serde(deserialize_with = "range::wrn_width")]
    pub width: u32,
    /// The weight of a new batch in batch norm's running statistics. Default: 0.001, as in the original code;
    /// after a few hundred steps such statistics are still the initial ones, so short runs need 0.1.
    #[serde(deserialize_with = "range::ratio")]
    pub bn_momentum: f64,
}

impl Default for Model {
    fn default() -> Self {
        Self { name: ModelName::Wrn, depth: 28, width: 2, bn_momentum: 0.001 }
    }
}

/// The networks.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum ModelName {
    /// Three convolutions and two dense layers, without batch norm.
    Cnn,
    /// WRN-depth-width, as in the original code.
    Wrn,
}

/// `[train]`
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Train {
    /// K. Default: 2^20 (paper, table 4).
    #[serde(deserialize_with = "range::positive")]
    pub steps: u64,
    /// B, labeled images a step. Default: 64.
    #[serde(deserialize_with = "range::batch")]
    pub batch: u32,
    /// μ, unlabeled images for each labeled one. Default: 7.
    #[serde(deserialize_with = "range::mu")]
    pub mu: u32,
    /// η, the learning rate of the first step. Default: 0.03.
    #[serde(deserialize_with = "range::lr")]
    pub lr: f64,
    /// `λ_u`, the weight of the unsupervised loss. Default: 1. At 0 no unlabeled image is drawn: the baseline.
    #[serde(deserialize_with = "range::lambda_u")]
    pub lambda_u: f64,
    /// τ: a pseudo-label counts when its probability is at least this. Default: 0.95.
    #[serde(deserialize_with = "range::ratio")]
    pub threshold: f64,
    /// Whether the learning rate moves every step (the paper) or every pass over the unlabeled images.
    pub schedule: Schedule,
    /// One concatenated pass or two.
    pub forward: Forward,
    /// What is done with strong views whose pseudo-label does not count.
    pub masked_views: MaskedViews,
    /// Of everything but the label set.
    #[serde(deserialize_with = "range::seed")]
    pub seed: u64,
    /// Steps averaged into one point of the curves. Default: 32.
    #[serde(deserialize_with = "range::positive")]
    pub window: u64,
}

impl Default for Train {
    fn default() -> Self {
        Self {
            steps: 1 << 20,
            batch: 64,
            mu: 7,
            lr: 0.03,
            lambda_u: 1.0,
            threshold: 0.95,
            schedule: Schedule::Step,
            forward: Forward::Joint,
            masked_views: MaskedViews::Auto,
            seed: 0,
            window: 32,
        }
    }
}

/// When the learning rate moves.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Schedule {
    /// Every step.
    Step,
    /// At the start of every pass over the unlabeled images.
    Epoch,
}

/// How the three kinds of views pass through the network.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Forward {
    /// All in one batch, as in the original code: batch norm sees all of them.
    Joint,
    /// Weak unlabeled views first, without gradient; then the rest. The same gradients for a network without batch
    /// norm, and cheaper. With batch norm another algorithm: each pass is normalised by its own batch, and only the
    /// second one moves the running statistics.
    Split,
}

/// What is done with strong views whose pseudo-label does not count: their part of the loss is zero.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum MaskedViews {
    /// `skip` where that gives the same gradients and pays: in two passes, without batch norm, on the CPU.
    Auto,
    /// They pass through the network like all others.
    Compute,
    /// They do not. The same gradients for a network without batch norm; with it another algorithm, since they are
    /// missing from the batch's statistics. The step waits for the mask, which a GPU has to be waited for.
    Skip,
}

/// `[optim]`
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Optim {
    /// Nesterov's β. Default: 0.9.
    #[serde(deserialize_with = "range::below_one")]
    pub momentum: f64,
    /// Default: true.
    pub nesterov: bool,
    /// Default: 5e-4 (paper, table 4).
    #[serde(deserialize_with = "range::weight_decay")]
    pub weight_decay: f64,
    /// What decays. Default: `kernels`, as in the original code.
    pub decay: Decay,
    /// The decay of the weights' moving average, which is what the paper evaluates. Default: 0.999; an average over
    /// the last thousand steps is of no use to a run of a few hundred, which needs 0.99.
    #[serde(deserialize_with = "range::below_one")]
    pub ema_decay: f64,
}

impl Default for Optim {
    fn default() -> Self {
        Self { momentum: 0.9, nesterov: true, weight_decay: 5e-4, decay: Decay::Kernels, ema_decay: 0.999 }
    }
}

/// Which parameters decay.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Decay {
    /// Weights of convolutions and dense layers.
    Kernels,
    /// Every parameter, biases and batch norm's included.
    All,
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

/// `[machine]`
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Machine {
    /// `auto` takes the first GPU, or the CPU where there is none.
    pub device: Device,
    /// libtorch's threads inside an operation; 0 takes all cores. Recorded, and used again on resume.
    #[serde(deserialize_with = "range::threads")]
    pub threads: u32,
    /// Threads that decode and augment; 0 takes all cores.
    #[serde(deserialize_with = "range::threads")]
    pub loaders: u32,
}

impl Default for Machine {
    fn default() -> Self {
        Self { device: Device::Auto, threads: 0, loaders: 0 }
    }
}

/// Where tensors live.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub enum Device {
    /// The first GPU, else the CPU.
    Auto,
    /// The CPU.
    Cpu,
    /// The GPU of this number, in PCI order.
    Cuda(u32),
}

impl TryFrom<String> for Device {
    type Error = String;

    fn try_from(text: String) -> Result<Self, String> {
        match text.as_str() {
            "auto" => Ok(Self::Auto),
            "cpu" => Ok(Self::Cpu),
            "cuda" => Ok(Self::Cuda(0)),
            _ => text
                .strip_prefix("cuda:")
                .and_then(|n| n.parse().ok())
                .map(Self::Cuda)
                .ok_or_else(|| format!("must be \"auto\", \"cpu\" or \"cuda:N\", not {text:?}")),
        }
    }
}

impl From<Device> for String {
    fn from(device: Device) -> Self {
        device.to_string()
    }
}

impl fmt::Display for Device {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Auto => f.write_str("auto"),
            Self::Cpu => f.write_str("cpu"),
            Self::Cuda(n) => write!(f, "cuda:{n}"),
        }
    }
}

impl RunConfig {
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
        ensure!(
            data.dataset != "folder" || data.path.is_some(),
            "data.dataset = \"folder\" needs data.path, the folder with train/CLASS and test/CLASS in it"
        );
        ensure!(
            data.resize.is_none() || data.dataset == "folder",
            "data.resize is for data.dataset = \"folder\"; the images of {:?} have their own size",
            data.dataset
        );
        ensure!(
            train.masked_views != MaskedViews::Skip || train.forward == Forward::Split,
            "train.masked_views = \"skip\" needs train.forward = \"split\": in one pass the mask comes too late"
        );
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
        Ok(())
    }

    /// Dotted keys and values that differ from the defaults, in the order of the documentation; titles left out.
    pub fn departures(&self) -> Vec<(String, toml::Value)> {
        let mut found = Vec::new();
        collect_departures("", &self.to_table(), &Self::default().to_table(), &mut found);
        found.retain(|(key, _)| key != "title" && key != "about");
        found
    }

    /// The configuration as a TOML table.
    pub fn to_table(&self) -> toml::Table {
        toml::Table::try_from(self).expect("a configuration has only TOML's types")
    }
}

fn collect_departures(
    prefix: &str,
    table: &toml::Table,
    defaults: &toml::Table,
    found: &mut Vec<(String, toml::Value)>,
) {
    for (key, value) in table {
        let default = defaults.get(key);
        match (value, default) {
            (toml::Value::Table(inner), Some(toml::Value::Table(inner_defaults))) => {
                collect_departures(&format!("{prefix}{key}."), inner, inner_defaults, found);
            }
            _ if default != Some(value) => found.push((format!("{prefix}{key}"), value.clone())),
            _ => {}
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_defaults_are_the_papers() {
        let config = RunConfig::default();
        config.validate().expect("the defaults are valid");
        assert_eq!(config.train.steps, 1_048_576);
        assert_eq!((config.train.batch, config.train.mu), (64, 7));
        assert!(config.departures().is_empty());
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
            ("[augment]\ntable = \"mine\"", "unknown variant `mine`, expected `paper` or `reference`"),
            ("[augment.ctaugment]\ndecay = 1.0", "must be at least 0 and below 1, not 1"),
            ("[optim]\nmomentum = 1", "must be at least 0 and below 1, not 1"),
            ("[model]\ndepth = 27", "must be 6n + 4"),
            ("[machine]\ndevice = \"tpu\"", "must be \"auto\", \"cpu\" or \"cuda:N\", not \"tpu\""),
            ("[labels]\npick = \"best\"", "must be \"random\", \"most-representative\""),
        ];
        for (text, expected) in cases {
            let error = toml::from_str::<RunConfig>(text).expect_err(text).to_string();
            assert!(error.contains(expected) && error.contains("line 2"), "{text}: {error}");
        }
    }

    #[test]
    fn values_that_contradict_each_other_are_refused() {
        let cases = [
            ("train.window = 1", "train.window = 1 gives 1048576 points"),
            ("data.dataset = \"folder\"", "needs data.path"),
            ("data.resize = 32", "have their own size"),
            ("train.masked_views = \"skip\"", "needs train.forward = \"split\""),
            ("labels = { indices = [1], pick = \"file:x\" }", "keep one of them"),
        ];
        for (text, expected) in cases {
            let error = toml::from_str::<RunConfig>(text).expect(text).validate().expect_err(text).to_string();
            assert!(error.contains(expected), "{text}: {error}");
        }
    }
}
