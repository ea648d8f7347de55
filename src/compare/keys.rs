//! What runs can be chosen, sorted and shown by: what is known of a run, and every key of its configuration.

use std::collections::HashSet;
use std::sync::LazyLock;

use anyhow::{Result, bail, ensure};
use strum::VariantArray as _;

use crate::base::alike::{closest_by, did_you_mean};
use crate::config;
use crate::run::state::Status;

/// How the values of a key are compared and written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// Any number.
    Number,
    /// A number in [0, 1], which may be given and is shown in percent.
    Share,
    /// Seconds, which may be given as `90s`, `15m`, `2h` or `3d`.
    Seconds,
    /// A moment, as `2026-11-26` or longer.
    Moment,
    /// A word: the same or not.
    Word,
}

/// Something that is known of a run.
#[derive(Debug)]
pub struct Key {
    /// Its name: `accuracy`, or a dotted key of a configuration.
    pub name: &'static str,
    /// What it means, in a line.
    pub meaning: &'static str,
    /// What its values are.
    pub kind: Kind,
    /// All its values, where there are few.
    pub choices: Vec<String>,
}

/// What is known of every run beside its configuration.
const OF_RUNS: &[(&str, Kind, &str)] = &[
    ("name", Kind::Word, "the name of the run"),
    ("status", Kind::Word, "how it stands"),
    ("accuracy", Kind::Share, "last test accuracy of the averaged weights"),
    ("median", Kind::Share, "the median of the last 20 evaluations, as in the paper"),
    ("best", Kind::Share, "the best evaluation, which is chosen on the test set"),
    ("time", Kind::Seconds, "time of training, without pauses"),
    ("done", Kind::Share, "share of the steps that are done"),
    ("step", Kind::Number, "steps done"),
    ("preset", Kind::Word, "what it was made of"),
    ("suite", Kind::Word, "the suite that it was made for"),
    ("parent", Kind::Word, "the run that it was forked from"),
    ("host", Kind::Word, "the machine that it trained on"),
    ("images", Kind::Word, "the first digits of the digest of its images"),
    ("created", Kind::Moment, "when it was made, in UTC"),
    ("changes", Kind::Number, "changes made while it trained"),
    ("tag", Kind::Word, "the tags that people gave it; = and != ask for one of them"),
    ("title", Kind::Word, "the title that people gave it"),
    ("note", Kind::Word, "what people wrote on it"),
    ("alarms", Kind::Number, "how often pseudo-labels were seen to go wrong"),
];

/// The keys that differ between runs of one group: seeds, and the part that a cross-validation tests on.
pub const SEEDS: [&str; 3] = ["train.seed", "labels.seed", "labels.crossval"];

/// All keys: those of runs, then those of configurations.
pub fn all() -> &'static [Key] {
    static KEYS: LazyLock<Vec<Key>> = LazyLock::new(|| {
        let of_runs = OF_RUNS.iter().map(|&(name, kind, meaning)| {
            let choices = if name == "status" { statuses() } else { Vec::new() };
            Key { name, meaning, kind, choices }
        });
        of_runs.chain(config::keys().iter().map(of_configuration)).collect()
    });
    &KEYS
}

/// Whether this is a moment as runs have it, or its first parts: a year, a month, a day and so on.
fn is_moment(text: &str) -> bool {
    const WHOLE: &str = "2026-01-01T00:00:00Z";
    let has_whole_parts = [4, 7, 10, 13, 16, 19, 20].contains(&text.len()) && text.is_ascii();
    has_whole_parts && format!("{text}{}", &WHOLE[text.len()..]).parse::<jiff::Timestamp>().is_ok()
}

fn statuses() -> Vec<String> {
    Status::VARIANTS.iter().map(|status| status.word()).collect()
}

fn of_configuration(key: &config::Key) -> Key {
    let takes_numbers = ["1", "0.5"].iter().any(|value| {
        let refusal = config::refusal(key.name, value);
        refusal.is_none_or(|error| !error.contains("invalid type") && !error.contains("unknown variant"))
    });
    let is_closed = key.allowed.is_empty() && !key.choices.is_empty();
    Key {
        name: key.name,
        meaning: key.meaning,
        kind: if takes_numbers && !is_closed { Kind::Number } else { Kind::Word },
        choices: if is_closed { key.choices.clone() } else { Vec::new() },
    }
}

/// The key of that name, or the only one whose name ends so. `seed` is the seed of the training.
///
/// # Errors
/// If there is none, with what may have been meant, or there are several.
pub fn find(name: &str) -> Result<&'static Key> {
    let name = if name == "seed" { SEEDS[0] } else { name };
    if let Some(key) = all().iter().find(|key| key.name == name) {
        return Ok(key);
    }
    match &ending(name)[..] {
        [key] => Ok(key),
        [] => {
            let names = all().iter().flat_map(|key| [(key.name, key.name), (last(key.name), key.name)]);
            let meant = closest_by(name, names);
            let runs: Vec<_> = OF_RUNS.iter().map(|(name, _, _)| *name).collect();
            bail!(
                "there is no key {name:?}; {}keys are those of a preset, such as train.lr, and {}",
                crate::base::alike::asked(&meant),
                runs.join(", ")
            )
        }
        several => {
            let names: Vec<_> = several.iter().map(|key| key.name).collect();
            bail!("{name:?} may be {}: write one of them", names.join(" or "))
        }
    }
}

fn ending(name: &str) -> Vec<&'static Key> {
    all().iter().filter(|key| last(key.name) == name).collect()
}

fn last(name: &str) -> &str {
    name.rsplit('.').next().unwrap_or(name)
}

/// A key as a table's head and a legend have it: without its tables where no other key ends so.
pub fn short(name: &str) -> &str {
    /// The last parts that one key alone ends in.
    static OWN: LazyLock<HashSet<&str>> =
        LazyLock::new(|| all().iter().map(|key| last(key.name)).filter(|last| ending(last).len() == 1).collect());
    let last = last(name);
    if SEEDS.contains(&name) || !OWN.contains(last) { name } else { last }
}

impl Key {
    /// Checks what it is to be compared with, and returns it as a number where its values are numbers.
    pub fn number_in(&self, text: &str) -> Result<Option<f64>> {
        let plain = |text: &str| text.parse::<f64>().ok().filter(|number| !number.is_nan());
        match self.kind {
            Kind::Word if !self.choices.is_empty() && text != NONE && !self.choices.iter().any(|it| it == text) => {
                let meant = did_you_mean(text, self.choices.iter().map(String::as_str));
                bail!("{} is never {text:?}; {meant}it is one of {}", self.name, self.choices.join(", "))
            }
            Kind::Word => Ok(None),
            Kind::Moment => {
                ensure!(is_moment(text) || text == NONE, "{} is a moment such as 2026-11-26, not {text:?}", self.name);
                Ok(None)
            }
            _ if text == NONE => Ok(None),
            Kind::Number => match plain(text) {
                None if self.choices.is_empty() => bail!("{} is a number, not {text:?}", self.name),
                number => Ok(number),
            },
            Kind::Share => {
                let percent = text.strip_suffix('%').and_then(|it| plain(it.trim_end())).map(|it| it / 100.0);
                let Some(share) = percent.or_else(|| plain(text)) else {
                    bail!("{} is a share such as 0.6 or 60%, not {text:?}", self.name)
                };
                ensure!(share <= 1.0, "{} is a share of at most 1: write 0.6 or 60%, not {text}", self.name);
                Ok(Some(share))
            }
            Kind::Seconds => {
                let units = [("s", 1.0), ("m", 60.0), ("h", 3600.0), ("d", 86_400.0)];
                let with_unit = units.iter().find_map(|(unit, s)| Some(plain(text.strip_suffix(unit)?)? * s));
                match with_unit.or_else(|| plain(text)) {
                    None => bail!("{} is a time such as 90s, 15m or 2h, not {text:?}", self.name),
                    seconds => Ok(seconds),
                }
            }
        }
    }
}

/// What stands for a value that is not there.
pub const NONE: &str = "none";

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_is_found_by_its_name_or_its_last_part() {
        let cases = [
            ("train.lr", Ok("train.lr")),
            ("lr", Ok("train.lr")),
            ("per_class", Ok("labels.per_class")),
            ("accuracy", Ok("accuracy")),
            ("threshold", Err("train.threshold")),
            ("seed", Ok("train.seed")),
            ("acuracy", Err("did you mean accuracy?")),
            ("train.lrr", Err("did you mean train.lr?")),
            ("zzz", Err("there is no key \"zzz\"; keys are")),
        ];
        for (name, expected) in cases {
            match (find(name), expected) {
                (Ok(key), Ok(expected)) => assert_eq!(key.name, expected),
                (Err(error), Err(part)) => assert!(error.to_string().contains(part), "{name}: {error}"),
                (found, _) => panic!("{name}: {found:?}"),
            }
        }
        assert_eq!(
            ["train.lr", "train.threshold", "train.seed", "best"].map(short),
            ["lr", "train.threshold", "train.seed", "best"]
        );
    }

    #[test]
    fn a_configurations_numbers_words_and_switches_are_told_apart() {
        for (name, kind, is_closed) in [
            ("train.lr", Kind::Number, false),
            ("train.steps", Kind::Number, false),
            ("data.resize", Kind::Number, false),
            ("augment.strong", Kind::Word, true),
            ("augment.flip", Kind::Word, true),
            ("labels.pick", Kind::Word, false),
            ("data.dataset", Kind::Word, false),
            ("data.path", Kind::Word, false),
            ("machine.device", Kind::Word, false),
            ("status", Kind::Word, true),
        ] {
            let key = find(name).expect(name);
            assert_eq!((key.kind, !key.choices.is_empty()), (kind, is_closed), "{name}");
        }
    }

    #[test]
    fn what_a_key_is_compared_with_is_checked() {
        let cases = [
            ("train.lr", "0.03", Ok(Some(0.03))),
            ("train.lr", "1e-3", Ok(Some(1e-3))),
            ("train.lr", "fast", Err("train.lr is a number, not \"fast\"")),
            ("train.lr", "nan", Err("train.lr is a number")),
            ("accuracy", "60%", Ok(Some(0.6))),
            ("accuracy", "0.6", Ok(Some(0.6))),
            ("accuracy", "60", Err("write 0.6 or 60%, not 60")),
            ("time", "2h", Ok(Some(7200.0))),
            ("time", "90", Ok(Some(90.0))),
            ("time", "soon", Err("such as 90s")),
            ("status", "finishd", Err("did you mean finished?")),
            ("augment.strong", "randaug", Err("did you mean randaugment?")),
            ("created", "yesterday", Err("such as 2026-11-26")),
            ("created", "2026-13-45", Err("such as 2026-11-26")),
            ("created", "2026-2-3", Err("such as 2026-11-26")),
            ("created", "2026-11-2é", Err("such as 2026-11-26")),
            ("created", "2026-02", Ok(None)),
            ("created", "2026-11-26T18", Ok(None)),
            ("created", "2026-11-26T18:01:00Z", Ok(None)),
            ("data.path", "none", Ok(None)),
        ];
        for (name, text, expected) in cases {
            match (find(name).expect(name).number_in(text), expected) {
                (Ok(number), Ok(expected)) => assert_eq!(number, expected, "{name} {text}"),
                (Err(error), Err(part)) => assert!(error.to_string().contains(part), "{error}"),
                (found, _) => panic!("{name} {text}: {found:?}"),
            }
        }
    }
}
