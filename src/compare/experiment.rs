//! A run as an experiment: the values of its configuration, and what came of it.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;

use anyhow::Result;

use crate::compare::keys::{Key, SEEDS};
use crate::config::{decides, one_line};
use crate::run::file::RunFile;
use crate::run::state::Status;
use crate::run::survey::{Row, Survey};

/// A run, its values, and its results.
#[derive(Clone, Debug)]
pub struct Experiment {
    /// What lists say of it.
    pub row: Row,
    /// The values of its configuration by their dotted keys, which its copies share.
    values: Arc<BTreeMap<String, Value>>,
    /// Suites that have it beside the one that it was made for.
    joined: Vec<String>,
}

/// A value of a run.
#[derive(Clone, Debug, PartialEq)]
pub struct Value {
    /// As a user reads it: words without quotes.
    pub text: String,
    /// The number that it is, if it is one.
    pub number: Option<f64>,
}

impl Value {
    fn number(number: f64) -> Self {
        Self { text: number.to_string(), number: Some(number) }
    }

    /// A number that may not be known.
    pub fn of_number(number: Option<f64>) -> Option<Self> {
        number.map(Self::number)
    }

    fn word(text: impl Into<String>) -> Self {
        Self { text: text.into(), number: None }
    }

    fn of(value: &toml::Value) -> Self {
        match value {
            toml::Value::Integer(number) => Self { text: number.to_string(), number: Some(*number as f64) },
            toml::Value::Float(number) => Self::number(*number),
            toml::Value::String(text) => Self::word(text.clone()),
            value => Self::word(one_line(value)),
        }
    }
}

/// Which accuracy runs are compared by.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Measure {
    /// The last evaluation.
    #[default]
    Last,
    /// The median of the last 20, as in the paper.
    Median,
    /// The best one: chosen on the test set, and so too high.
    Best,
}

impl Measure {
    /// All of them.
    pub const ALL: [Self; 3] = [Self::Last, Self::Median, Self::Best];

    /// As a user reads it.
    pub fn label(self) -> &'static str {
        match self {
            Self::Last => "last",
            Self::Median => "median of the last 20",
            Self::Best => "best",
        }
    }
}

impl Experiment {
    /// Of a row of a list.
    pub fn of(row: Row) -> Self {
        let mut values: BTreeMap<String, Value> = row.file.as_ref().map_or_else(BTreeMap::new, |file| {
            file.config.values().into_iter().map(|(key, value)| (key, Value::of(&value))).collect()
        });
        if row.summary.changes > 0 && row.summary.steps > 0 {
            values.insert("train.steps".into(), Value::number(row.summary.steps as f64)); // as a fork or a change has it
        }
        Self { row, values: Arc::new(values), joined: Vec::new() }
    }

    /// The same run as it is now. Its configuration is looked at again only if it was written again.
    #[must_use]
    pub fn renewed(self, row: Row) -> Self {
        let is_same = matches!((&self.row.file, &row.file), (Some(old), Some(new)) if Arc::ptr_eq(old, new));
        let is_same = is_same && self.row.summary.steps == row.summary.steps;
        if is_same { Self { row, ..self } } else { Self::of(row) }
    }

    /// The runs of a folder, the oldest first.
    pub fn all(runs: &Path) -> Result<Vec<Self>> {
        let mut survey = Survey::new(runs);
        let rows = survey.look()?;
        survey.save();
        Ok(rows.into_iter().rev().map(Self::of).collect())
    }

    /// Its name.
    pub fn id(&self) -> String {
        self.row.dir.id()
    }

    /// `run.toml`, where it can be read.
    pub fn file(&self) -> Option<&Arc<RunFile>> {
        self.row.file.as_ref()
    }

    /// The value of a key of its configuration.
    pub fn configured(&self, key: &str) -> Option<&Value> {
        self.values.get(key)
    }

    /// The keys of its configuration that are set, in alphabetical order.
    pub fn keys(&self) -> impl Iterator<Item = &str> {
        self.values.keys().map(String::as_str)
    }

    /// What is known of it under a key.
    pub fn value(&self, key: &Key) -> Option<Value> {
        let (row, summary) = (&self.row, &self.row.summary);
        let environment = self.file().and_then(|file| file.environment.as_ref());
        match key.name {
            "name" => Some(Value::word(self.id())),
            "status" => Some(Value::word(row.status.word())),
            "accuracy" => summary.ema_accuracy.map(Value::number),
            "median" => summary.median.map(Value::number),
            "best" => summary.best.map(Value::number),
            "time" => (summary.training_s > 0.0).then(|| Value::number(summary.training_s)),
            "done" => (summary.steps > 0).then(|| Value::number(summary.step as f64 / summary.steps as f64)),
            "step" => Some(Value::number(summary.step as f64)),
            "preset" => Some(Value::word(row.preset.clone())).filter(|it| !it.text.is_empty()),
            "suite" => self.suite().map(Value::word),
            "parent" => row.parent.as_ref().map(|parent| Value::word(parent.run.clone())),
            "host" => environment.map(|it| Value::word(it.host.clone())),
            "images" => environment.map(|it| Value::word(it.data_digest.chars().take(12).collect::<String>())),
            "created" => self.file().map(|file| Value::word(file.provenance.created.clone())),
            "changes" => Some(Value::number(summary.changes as f64)),
            "tag" => Some(&row.card.tags)
                .filter(|tags| !tags.is_empty())
                .map(|tags| Value::word(tags.iter().map(String::as_str).collect::<Vec<_>>().join(" "))),
            "title" => Some(Value::word(row.card.title.clone())).filter(|it| !it.text.is_empty()),
            "note" => Some(Value::word(row.card.note.clone())).filter(|it| !it.text.is_empty()),
            "alarms" => Some(Value::number(summary.alarms as f64)),
            name => self.configured(name).cloned(),
        }
    }

    /// The suite that it was made for.
    pub fn suite(&self) -> Option<&str> {
        self.file()?.provenance.suite.as_deref()
    }

    /// Notes that it is a suite's too.
    pub fn join(&mut self, suite: &str) {
        self.joined.push(suite.to_owned());
    }

    /// Whether it is a suite's.
    pub fn is_of(&self, suite: &str) -> bool {
        self.suite() == Some(suite) || self.joined.iter().any(|it| it == suite)
    }

    /// The digest of its images, once a worker has read them.
    pub fn images(&self) -> Option<&str> {
        self.file()?.environment.as_ref().map(|it| it.data_digest.as_str())
    }

    /// Whether its configuration alone says what it is: it is no fork, and nothing was changed while it trained.
    pub fn is_as_configured(&self) -> bool {
        self.row.parent.is_none() && self.row.summary.changes == 0
    }

    /// Its values of [`SEEDS`].
    pub fn seeds(&self) -> [Option<&str>; 3] {
        SEEDS.map(|key| self.values.get(key).map(|value| value.text.as_str()))
    }

    /// Its accuracy.
    pub fn accuracy(&self, measure: Measure) -> Option<f64> {
        let summary = &self.row.summary;
        let accuracy = match measure {
            Measure::Last => summary.ema_accuracy,
            Measure::Median => summary.median,
            Measure::Best => summary.best,
        };
        accuracy.filter(|accuracy| accuracy.is_finite())
    }

    /// Why it has no result to compare, if it has none.
    pub fn no_result(&self) -> Option<String> {
        let file = match (self.file(), &self.row.error) {
            (Some(file), _) => file,
            (None, error) => return Some(error.clone().unwrap_or_else(|| "its run.toml cannot be read".into())),
        };
        if self.row.is_damaged {
            return Some("its run.toml was damaged or edited: `fixmatch verify` says more".into());
        }
        if file.config.rank.is_some() {
            return Some("it orders images and has no test accuracy of its own".into());
        }
        if self.row.status != Status::Finished {
            let done = u128::from(self.row.summary.step) * 100 / u128::from(self.row.summary.steps.max(1));
            return Some(format!("it is {} after {done} % of its steps", self.row.status.label()));
        }
        self.accuracy(Measure::Last).is_none().then(|| "it was never evaluated".into())
    }

    /// What decides its results but for seeds: runs that have it in common differ in nothing else.
    ///
    /// Runs of other images are another experiment even where their configurations say the same, and those of the same images
    /// are the same one wherever these lie. A run that is not what its configuration says is one of its own.
    pub fn design(&self) -> String {
        let is_kept =
            |key: &str| decides(key) && !SEEDS.contains(&key) && (key != "data.path" || self.images().is_none());
        let values = self.values.iter().filter(|(key, _)| is_kept(key));
        let values: Vec<_> = values.map(|(key, value)| format!("{key}={}\n", value.text)).collect();
        let mut design = values.concat();
        design += self.images().unwrap_or_default();
        if self.configured("labels.pick").is_some_and(|pick| pick.text.starts_with("file:")) {
            design += &self.row.summary.labels; // the file may have had other labels by then
        }
        if self.file().is_none() || !self.is_as_configured() {
            design += &self.id();
        }
        design
    }
}

/// The keys in which runs differ, as a table has them: the labels' seeds left out where they are the seeds of the rest.
pub fn columns(runs: &[Experiment]) -> Vec<&'static Key> {
    let mut keys = differing(&runs.iter().collect::<Vec<_>>());
    if seeds_are_one(runs) {
        keys.retain(|key| key.name != SEEDS[1]);
    }
    keys
}

/// Whether the labels of each run have the seed of the rest.
pub fn seeds_are_one(runs: &[Experiment]) -> bool {
    runs.iter().all(|run| run.seeds()[0] == run.seeds()[1])
}

/// The keys of configurations in which runs differ, in the order of the documentation: what decides results, seeds among it.
/// Runs that order images train otherwise in everything, so they do not count beside others.
pub fn differing(experiments: &[&Experiment]) -> Vec<&'static Key> {
    let ranks = |it: &&&Experiment| it.file().is_some_and(|file| file.config.rank.is_some());
    let all_rank = experiments.iter().all(|it| ranks(&it));
    let counting: Vec<_> = experiments.iter().filter(|it| it.file().is_some() && (all_rank || !ranks(it))).collect();
    let differ = |key: &&Key| {
        let mut values = counting.iter().map(|it| it.configured(key.name));
        let first = values.next();
        values.any(|value| Some(value) != first)
    };
    let keys = crate::compare::keys::all().iter().filter(|key| key.name.contains('.') && decides(key.name));
    keys.filter(differ).collect()
}

#[cfg(test)]
mod tests {
    use std::path::PathBuf;

    use super::*;
    use crate::config::{Pick, RunConfig};
    use crate::run::digests::Digests;
    use crate::run::dir::RunDir;
    use crate::run::event::{Event, Started};
    use crate::run::log::EventLog;

    #[test]
    fn a_label_file_that_had_other_labels_makes_another_experiment() {
        let runs = tempfile::tempdir().expect("a folder");
        let design = |pick: &Pick, labels: &str, seed| {
            let mut config = RunConfig::default();
            (config.labels.pick, config.train.seed) = (pick.clone(), seed);
            let file = RunFile::new("quickstart".into(), vec![], config);
            let dir = RunDir::create(runs.path(), "a", &file).expect("made");
            let digests = Some(Digests { labels: Some(labels.into()), ..Digests::default() });
            let started = Event::Started(Box::new(Started { digests, ..Started::default() }));
            EventLog::open(&dir.events()).and_then(|mut log| log.append(started)).expect("appended");
            Experiment::of(Row::of(&dir)).design()
        };
        let file = Pick::File(PathBuf::from("labels.csv"));
        assert_eq!(design(&file, "forty", 0), design(&file, "forty", 1));
        assert_ne!(design(&file, "forty", 0), design(&file, "eighty", 1));
        // of these, the seed decides which labels they are
        assert_eq!(design(&Pick::Random, "these", 0), design(&Pick::Random, "those", 1));
    }
}
