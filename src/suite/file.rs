//! Suites as TOML files: a base preset, axes, seeds.

use std::path::{Path, PathBuf};

use anyhow::{Context, Result, anyhow, ensure};
use rust_embed::RustEmbed;
use serde::Deserialize;
use toml::{Table, Value};

use crate::base::files;
use crate::config::preset::{Preset, located};
use crate::suite::grid::{Axis, MAX_RUNS, both_seeds};

#[derive(RustEmbed)]
#[folder = "experiments/suites"]
struct Shipped;

/// A study as it was written.
#[derive(Clone, Debug)]
pub struct Suite {
    /// The shipped name, or the stem of its file.
    pub name: String,
    /// One line for lists.
    pub title: String,
    /// What it shows, in a sentence or two.
    pub about: String,
    /// What all runs have in common.
    pub base: Preset,
    /// Values over the base's, as `key=value`.
    pub settings: Vec<String>,
    /// What the cells differ in; the last axis makes the columns.
    pub axes: Vec<Axis>,
    /// One run of each cell for each of them.
    pub seeds: Vec<u64>,
    /// The keys that a seed is given to.
    pub seed_keys: Vec<String>,
    /// Whether each run is also trained on its labels alone.
    pub baseline: bool,
    leave_out: Vec<Vec<String>>,
    /// What errors call it.
    pub(super) origin: String,
}

/// The file.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Written {
    title: String,
    #[serde(default)]
    about: String,
    base: String,
    #[serde(default)]
    config: Table,
    #[serde(default, rename = "axis")]
    axes: Vec<WrittenAxis>,
    #[serde(default = "three")]
    seeds: Seeds,
    #[serde(default = "both_seeds")]
    seed_keys: Vec<String>,
    #[serde(default)]
    leave_out: Vec<Table>,
    #[serde(default)]
    baseline: bool,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct WrittenAxis {
    key: String,
    values: Vec<Value>,
}

#[derive(Deserialize)]
#[serde(untagged, expecting = "seeds is a number of seeds, as in 3, or a list of them, as in [0, 1, 2]")]
enum Seeds {
    Count(u32),
    List(Vec<u64>),
}

fn three() -> Seeds {
    Seeds::Count(3)
}

impl Suite {
    /// The shipped suites, in the order of their names.
    pub fn shipped() -> Vec<Self> {
        let read = |name: &String| Self::shipped_as(name).and_then(Result::ok).expect("a shipped suite reads");
        Self::shipped_names().iter().map(read).collect()
    }

    /// What the file of the shipped suite of that name says.
    pub(super) fn shipped_text(name: &str) -> Option<String> {
        let file = Shipped::get(&format!("{name}.toml"))?;
        Some(std::str::from_utf8(&file.data).expect("shipped suites are UTF-8").to_owned())
    }

    /// The shipped suite of that name.
    pub(super) fn shipped_as(name: &str) -> Option<Result<Self>> {
        let text = Self::shipped_text(name)?;
        Some(Self::parse(name, &format!("experiments/suites/{name}.toml"), &text, None))
    }

    /// Their names.
    pub(super) fn shipped_names() -> Vec<String> {
        let mut names: Vec<_> =
            Shipped::iter().filter_map(|path| Some(path.strip_suffix(".toml")?.to_owned())).collect();
        names.sort();
        names
    }

    /// The suite in a file, called like it.
    pub(super) fn from_file(path: &Path) -> Result<Self> {
        let text = files::read_text(path, files::MAX_TOML);
        let text = text.with_context(|| format!("cannot read the suite {}", path.display()))?;
        let name = path.file_stem().map_or_else(|| "suite".into(), |stem| stem.to_string_lossy().into_owned());
        let folder = std::path::absolute(path)?.parent().map(Path::to_owned);
        Self::parse(&name, &path.display().to_string(), &text, folder)
    }

    pub(super) fn parse(name: &str, origin: &str, text: &str, folder: Option<PathBuf>) -> Result<Self> {
        let written: Written = toml::from_str(text).map_err(|error| {
            const TOLD: &str = "invalid type: map, expected a sequence";
            const MEANT: &str = "there may be several: write [[axis]] and [[leave_out]] with two brackets";
            anyhow!(located(origin, &error).to_string().replace(TOLD, MEANT))
        })?;
        let beside = folder.map(|folder| folder.join(&written.base)).filter(|path| path.is_file());
        let base = match beside {
            Some(path) => Preset::from_file(&path),
            None => Preset::find(&written.base),
        };
        let base = base.with_context(|| format!("{origin}: base"))?;
        let seeds = match written.seeds {
            Seeds::Count(n) => (0..u64::from(n).min(MAX_RUNS as u64 + 1)).collect(), // more are refused below
            Seeds::List(seeds) => seeds,
        };
        let axes = written
            .axes
            .into_iter()
            .map(|axis| Axis { values: axis.values.iter().map(Value::to_string).collect(), key: axis.key });
        let suite = Self {
            name: name.to_owned(),
            title: written.title,
            about: written.about,
            base,
            settings: flat(&written.config),
            axes: axes.collect(),
            seeds,
            seed_keys: written.seed_keys,
            baseline: written.baseline,
            leave_out: written.leave_out.iter().map(flat).collect(),
            origin: origin.to_owned(),
        };
        suite.validate().with_context(|| origin.to_owned())?;
        Ok(suite)
    }

    /// Sets values in all runs, `KEY=VALUE` each.
    ///
    /// # Errors
    /// If one is of an axis, or of what seeds are given to: it would be in no run.
    pub fn set(&mut self, settings: &[String]) -> Result<()> {
        self.settings.extend(settings.iter().cloned());
        self.check_settings()
    }

    fn check_settings(&self) -> Result<()> {
        for setting in &self.settings {
            let key = setting.split('=').next().unwrap_or_default().trim();
            ensure!(
                self.axes.iter().all(|axis| axis.key != key),
                "{key} is an axis, so {setting} would be in no run: take one of them out"
            );
            ensure!(
                self.seed_keys.iter().all(|seeded| seeded != key),
                "{key} is set by seeds (seed_keys), so {setting} would be in no run: say seeds = [...] instead"
            );
        }
        Ok(())
    }

    fn axes_named(&self) -> String {
        self.axes.iter().map(|axis| axis.key.as_str()).collect::<Vec<_>>().join(", ")
    }

    fn validate(&self) -> Result<()> {
        ensure!(!self.title.trim().is_empty(), "a suite needs a title");
        ensure!(!self.seeds.is_empty(), "seeds must be at least one");
        let mut seeds = self.seeds.clone();
        seeds.sort_unstable();
        seeds.dedup();
        ensure!(seeds.len() == self.seeds.len(), "seeds has the same seed twice: {:?}", self.seeds);
        ensure!(!self.seed_keys.is_empty(), "seed_keys must name at least one key, such as \"train.seed\"");
        for (i, axis) in self.axes.iter().enumerate() {
            let Axis { key, values } = axis;
            ensure!(!values.is_empty(), "the axis {key} has no values");
            ensure!(!self.seed_keys.contains(key), "{key} is an axis and one of seed_keys: it can be only one");
            ensure!(self.axes[..i].iter().all(|other| other.key != *key), "two axes are of {key}");
            for (i, value) in values.iter().enumerate() {
                ensure!(!values[..i].contains(value), "the axis {key} has {value} twice");
            }
        }
        self.check_settings()?;
        for out in &self.leave_out {
            for setting in out {
                let (key, value) = setting.split_once('=').unwrap_or((setting, ""));
                let axis = self.axes.iter().find(|axis| axis.key == key);
                let axis = axis.with_context(|| {
                    format!("leave_out names {key}, which is no axis: these are {}", self.axes_named())
                })?;
                ensure!(
                    axis.values.iter().any(|other| other == value),
                    "leave_out names {setting}, but the axis has {}",
                    axis.values.join(", ")
                );
            }
        }
        let n_cells = self.axes.iter().try_fold(1, |n: usize, axis| n.checked_mul(axis.values.len()));
        let n = n_cells.and_then(|n| n.checked_mul(self.seeds.len() * (1 + usize::from(self.baseline))));
        ensure!(n.is_some_and(|n| n <= MAX_RUNS), "it comes to more than {MAX_RUNS} runs");
        Ok(())
    }

    /// Whether a cell of these settings is left out.
    pub(super) fn leaves_out(&self, cell: &[String]) -> bool {
        self.leave_out.iter().any(|out| out.iter().all(|setting| cell.contains(setting)))
    }
}

/// The values of a table as `key=value`, with dotted keys.
fn flat(table: &Table) -> Vec<String> {
    let of = |(key, value): (&String, &Value)| match value {
        Value::Table(table) => flat(table).into_iter().map(|rest| format!("{key}.{rest}")).collect(),
        value => vec![format!("{key}={value}")],
    };
    table.iter().flat_map(of).collect()
}
