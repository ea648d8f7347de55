//! What each key of a configuration means, in a line, and what it may be.
//!
//! Only meanings are written here. Ranges and choices are asked of the code that reads the key, so that they cannot
//! differ from what is refused.

use std::sync::LazyLock;

use super::RunConfig;

/// A key of a preset.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Key {
    /// Its dotted name, such as `train.lr`.
    pub name: &'static str,
    /// What it means, with its unit; a line.
    pub meaning: &'static str,
    /// The range or the form of its values, such as `in [0, 1]`; empty where there are only choices, or any text goes.
    pub allowed: String,
    /// All values of a key that has few; the words among them where others are allowed too.
    pub choices: Vec<String>,
}

/// Every key, in the order of the documentation.
pub fn keys() -> &'static [Key] {
    static KEYS: LazyLock<Vec<Key>> =
        LazyLock::new(|| MEANINGS.iter().map(|&(name, text)| Key::of(name, text)).collect());
    &KEYS
}

/// What a key means and may be; None for what is no key.
pub fn describe(name: &str) -> Option<&'static Key> {
    keys().iter().find(|key| key.name == name)
}

/// Values that a key with a range or with choices refuses, among them one that each key refuses with the whole reason.
const PROBES: [&str; 6] = ["\"?\"", "nan", "0", "-1", "1e300", "4000000000"];

impl Key {
    fn of(name: &'static str, meaning: &'static str) -> Self {
        let refusals: Vec<String> = PROBES.iter().filter_map(|probe| refusal(name, probe)).collect();
        let part = |from: &str, to: &str| {
            refusals.iter().find_map(|text| {
                let (_, rest) = text.split_once(from)?;
                Some(rest.rsplit_once(to).map_or(rest, |(part, _)| part).to_owned())
            })
        };
        let words = part("unknown variant `?`, expected ", "\0");
        if let Some(words) = words {
            return Self { name, meaning, allowed: String::new(), choices: between(&words, '`') };
        }
        if refusals.iter().any(|text| text.contains("expected a boolean")) {
            return Self { name, meaning, allowed: String::new(), choices: vec!["true".into(), "false".into()] };
        }
        let is_whole = refusals.iter().any(|text| text.contains("expected u"));
        let unlimited = if is_whole { "a whole number" } else { "" };
        let allowed = part("must be ", ", not ").unwrap_or_else(|| unlimited.to_owned());
        let mut choices = between(&allowed, '"');
        // `file:PATH` and its like have to be typed
        choices.retain(|word| !word.contains(':') && refusal(name, &format!("{word:?}")).is_none());
        Self { name, meaning, allowed, choices }
    }
}

/// Why a value of a key is refused, if it is.
pub fn refusal(name: &str, value: &str) -> Option<String> {
    let error = toml::from_str::<RunConfig>(&format!("{name} = {value}")).err()?;
    Some(error.message().to_owned())
}

/// The words of a text that stand between these marks.
fn between(text: &str, mark: char) -> Vec<String> {
    text.split(mark).skip(1).step_by(2).map(str::to_owned).collect()
}

const MEANINGS: &[(&str, &str)] = &[
    ("data.dataset", "the data set to train and test on; `fixmatch data list` lists them"),
    ("data.path", "the folder or the list of the images, if not in the data directory"),
    ("data.resize", "resize the images of a folder to this many pixels a side"),
    ("data.fit", "how images become squares: stretched, cropped or padded"),
    ("data.background", "the colour behind transparent parts of a folder's images; black if not set"),
    ("data.holdout", "share of a folder's images to test on, where it has no test images"),
    ("data.holdout_seed", "decides which images those are"),
    ("data.normalize", "scaling of pixels: unit to [-1, 1], mean-std by both, none to [0, 1]"),
    ("labels.per_class", "labeled images of each class"),
    ("labels.pick", "which images are labeled"),
    ("labels.by", "the order that most-representative and the like are picked by"),
    ("labels.ranking", "the file of the order, instead of the one that the standard recipe makes"),
    ("labels.indices", "the labeled images by their numbers, instead of labels.pick: [3, 14, …]"),
    ("labels.seed", "seed of the random draw of labeled images, apart from train.seed"),
    ("labels.in_unlabeled", "whether the labeled images are among the unlabeled ones too"),
    ("labels.crossval", "the part of the labeled images that is tested on, not trained on: 2/5"),
    ("augment.flip", "mirror weak views with probability one half; not for digits"),
    ("augment.shift", "shift weak views by up to 12.5 % of the side"),
    ("augment.strong", "how strong views are made, before Cutout"),
    ("augment.table", "whose operations and ranges RandAugment and CTAugment draw from"),
    ("augment.depth", "operations that RandAugment and CTAugment apply to an image"),
    ("augment.cutout", "side of the gray square in strong views, as a share of the width; 0: none"),
    ("augment.ctaugment.threshold", "CTAugment: rates below this share of the best are not drawn"),
    ("augment.ctaugment.decay", "CTAugment: decay of the rates at each update"),
    ("augment.ctaugment.delay", "CTAugment: steps until an update of the rates reaches strong views"),
    ("model.name", "the network: a small CNN without batch norm, or a wide ResNet"),
    ("model.depth", "layers of the wide ResNet: 6n + 4 in three stages, 8n + 5 in four"),
    ("model.width", "widening factor of the wide ResNet"),
    ("model.bn_momentum", "weight of a new batch in batch norm's averages; short runs need 0.1"),
    ("train.steps", "K, the steps to train"),
    ("train.batch", "B, labeled images a step"),
    ("train.mu", "μ, unlabeled images for each labeled one"),
    ("train.lr", "η, the learning rate of the first step"),
    ("train.lambda_u", "λ_u, weight of the unsupervised loss; 0 trains on the labels alone"),
    ("train.threshold", "τ, the confidence that a pseudo-label needs to be accepted"),
    ("train.schedule", "whether the learning rate moves every step or every pass over the images"),
    ("train.forward", "all views in one pass, or in two: cheaper, and equal without batch norm"),
    ("train.masked_views", "whether strong views of pseudo-labels below τ are computed"),
    ("train.precision", "what the layers compute in; bf16 only pays where the processor has it"),
    ("train.seed", "seed of everything but the label set"),
    ("train.window", "steps averaged into one point of the curves"),
    ("pseudo_label.policy", "whose rule says which pseudo-labels count, and how much"),
    ("pseudo_label.variant", "whose version of the rule, where paper and public codes differ"),
    ("pseudo_label.align", "how predictions are moved towards the classes' shares before"),
    ("pseudo_label.momentum", "what is left of the rule's averages after a step"),
    ("pseudo_label.warmup", "FlexMatch: images without a label so far keep thresholds low"),
    ("pseudo_label.fairness", "FreeMatch: weight of its fairness loss; 0.01, for usb 0.001, if not set"),
    ("pseudo_label.quantile", "FreeMatch: this quantile of the confidences instead of their mean"),
    ("pseudo_label.floor", "FreeMatch: the lowest threshold of a class"),
    ("pseudo_label.ceiling", "FreeMatch: the highest threshold"),
    ("pseudo_label.n_sigma", "SoftMatch: σ is divided by this"),
    ("optim.momentum", "Nesterov's β, the momentum of SGD"),
    ("optim.nesterov", "Nesterov's momentum instead of the plain one"),
    ("optim.weight_decay", "weight decay"),
    ("optim.decay", "which parameters decay: kernels, or biases and batch norm's too"),
    ("optim.ema_decay", "decay of the weights' moving average (EMA); short runs need 0.99"),
    ("eval.every", "steps between evaluations of the test set"),
    ("insight.every", "steps between histograms of the pseudo-labels"),
    ("insight.panel", "unlabeled images that are followed one by one over the whole run"),
    ("insight.labeled", "labeled images that are followed"),
    ("checkpoint.every", "steps between checkpoints"),
    ("checkpoint.keep", "newest checkpoints that are kept, beside the best one"),
    ("rank.by", "what makes an image representative"),
    ("rank.members", "networks whose opinions are averaged"),
    ("rank.epochs", "passes over the training images, of each network"),
    ("rank.neighbors", "neighbours that density and typicality look at"),
    ("rank.clusters", "clusters of typicality: as many as there will be labels"),
    ("machine.device", "where to train: auto takes the first GPU, else the CPU; or cuda:N"),
    ("machine.threads", "threads of libtorch inside an operation; they change the last bit"),
    ("machine.loaders", "threads that decode and augment images"),
    ("machine.emulate_bf16", "train in bf16 where the processor lacks it: about ten times slower"),
    ("machine.tf32", "on a GPU: convolutions of f32 round factors to 10 bits, as in PyTorch"),
    ("machine.cudnn_benchmark", "on a GPU: try algorithms and keep the fastest, not bit for bit"),
    ("machine.deterministic", "on a GPU: only algorithms that give the same bits each time"),
    ("machine.cuda_graphs", "on a GPU: ask for the passes of a step in one go; the numbers are the same"),
];

#[cfg(test)]
mod tests {
    use super::*;

    /// All keys, as the parser lists them when it is given one that it does not know.
    fn keys_of(prefix: &str) -> Vec<String> {
        let refused = refusal(&format!("{prefix}zzz"), "1").unwrap_or_default();
        let Some((_, known)) = refused.split_once("unknown field `zzz`, expected ") else {
            return vec![prefix.trim_end_matches('.').to_owned()];
        };
        between(known, '`').iter().flat_map(|name| keys_of(&format!("{prefix}{name}."))).collect()
    }

    #[test]
    fn every_key_has_its_meaning_and_nothing_else_has() {
        let mut known = keys_of("");
        known.retain(|key| !["extends", "title", "about"].contains(&key.as_str()));
        let described: Vec<_> = keys().iter().map(|key| key.name.to_owned()).collect();
        assert_eq!(described, known);
    }

    #[test]
    fn a_meaning_is_one_line_of_a_narrow_screen() {
        for key in keys() {
            assert!((4..=74).contains(&key.meaning.chars().count()), "{}: {}", key.name, key.meaning);
        }
    }

    #[test]
    fn ranges_and_choices_are_those_of_the_parser() {
        let of = |name: &str| describe(name).map(|key| (key.allowed.as_str(), key.choices.join(" "))).expect(name);
        assert_eq!(of("train.threshold"), ("in [0, 1]", String::new()));
        assert_eq!(of("train.steps"), ("at least 1", String::new()));
        assert_eq!(of("train.lr"), ("more than 0 and at most 100", String::new()));
        assert_eq!(of("train.seed"), ("a whole number", String::new()));
        assert!(of("model.depth").0.starts_with("6n + 4 (10, 16, 22, 28, …) or, in four stages, 8n + 5 (13, 21, "));
        assert_eq!(of("train.forward"), ("", "joint split".into()));
        assert_eq!(of("augment.strong"), ("", "none randaugment ctaugment autoaugment".into()));
        assert_eq!(of("augment.flip"), ("", "true false".into()));
        assert_eq!(of("machine.device"), ("\"auto\", \"cpu\" or \"cuda:N\"", "auto cpu".into()));
        assert!(of("labels.pick").1.starts_with("random all most-representative "));
    }

    #[test]
    fn every_choice_is_taken_and_numbers_have_a_range() {
        for key in keys() {
            for choice in &key.choices {
                let is_bare = choice == "true" || choice == "false";
                let value = if is_bare { choice.clone() } else { format!("{choice:?}") };
                assert_eq!(refusal(key.name, &value), None, "{} = {value}", key.name);
            }
            let is_number = refusal(key.name, "1").is_none();
            assert!(!is_number || !key.allowed.is_empty(), "{} has no range", key.name);
        }
    }
}
