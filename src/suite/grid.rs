//! What a suite trains: its cells and their runs.

use std::collections::{HashMap, HashSet};
use std::path::Path;

use anyhow::{Context as _, Result, ensure};
use serde::{Deserialize, Serialize};

use crate::base::hex::sha256_hex;
use crate::config::RunConfig;
use crate::config::preset::with_settings;
use crate::run::dir::RunDir;
use crate::run::file::RunFile;
use crate::suite::slots::Slot;

/// A suite has at most so many runs: more are a typing error.
pub(super) const MAX_RUNS: usize = 10_000;

/// What cells differ in.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Axis {
    /// The key of a preset.
    pub key: String,
    /// Its values, as TOML.
    pub values: Vec<String>,
}

/// Everything that a suite is to train.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Grid {
    /// What the cells differ in.
    pub axes: Vec<Axis>,
    /// For each cell the place of its value on each axis.
    pub cells: Vec<Vec<usize>>,
    /// In the order in which they are started; at first cell by cell, seed by seed, each with its baseline.
    pub runs: Vec<Planned>,
    /// The keys that a seed is given to.
    #[serde(default = "both_seeds")]
    pub seed_keys: Vec<String>,
    /// The digest of the runs that the suite's file comes to, without what a command added or set. Empty in earlier orders.
    #[serde(default)]
    pub of_file: String,
}

/// The keys that a seed is given to where a suite does not say.
pub(super) fn both_seeds() -> Vec<String> {
    vec!["train.seed".into(), "labels.seed".into()]
}

/// A run of a suite, which need not exist yet.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Planned {
    /// The place of its cell.
    pub cell: usize,
    /// Its seed.
    pub seed: u64,
    /// Whether it is the run on the labels alone.
    pub baseline: bool,
    /// What its directory is called after.
    pub name: String,
    /// The preset that it is made of.
    pub preset: String,
    /// What is set over it.
    pub settings: Vec<String>,
    /// All of it.
    pub config: RunConfig,
    /// [`RunConfig::identity`].
    pub identity: String,
}

impl Planned {
    /// Makes its run directory, for a suite and a slot.
    pub fn make(&self, runs: &Path, suite: &str, slot: Slot) -> Result<RunDir> {
        let mut config = self.config.clone();
        config.machine = slot.applied(&config.machine);
        let mut file = RunFile::new(self.preset.clone(), self.settings.clone(), config);
        file.provenance.suite = Some(suite.to_owned());
        RunDir::create(runs, &self.name, &file)
    }
}

impl Grid {
    /// The digest of its runs.
    pub fn digest(&self) -> String {
        sha256_hex(self.runs.iter().map(|run| &*run.identity).collect::<Vec<_>>().join(" ").as_bytes())
    }

    /// How many runs another plan has that this one has not.
    pub fn n_left_out(&self, of: &Self) -> usize {
        let ours: HashSet<&str> = self.runs.iter().map(|run| &*run.identity).collect();
        of.runs.iter().filter(|run| !ours.contains(&*run.identity)).count()
    }

    /// Plans runs of `n` more seeds, the next ones, for each cell. They are started last.
    pub fn add_seeds(&mut self, n: u64) -> Result<()> {
        ensure!(n > 0, "how many more seeds? it takes at least one");
        let firsts = self.firsts();
        let n_runs = usize::try_from(n).ok().and_then(|n| n.checked_mul(firsts.len())).unwrap_or(usize::MAX);
        ensure!(n_runs.saturating_add(self.runs.len()) <= MAX_RUNS, "it comes to more than {MAX_RUNS} runs");
        let next = self.runs.iter().map(|run| run.seed).max().map_or(Some(0), |last| last.checked_add(1));
        let seeds = next.and_then(|next| Some(next..next.checked_add(n)?)).context("there is no larger seed")?;
        let with_seed = |(run, seed): (&Planned, u64)| run.with_seed(&self.seed_keys, seed);
        let all = firsts.iter().flat_map(|run| seeds.clone().map(move |seed| (run, seed)));
        let more: Vec<_> = all.map(with_seed).collect::<Result<_>>()?;
        self.runs.extend(more);
        Ok(())
    }

    /// A run of each cell, and of its baseline.
    fn firsts(&self) -> Vec<Planned> {
        let mut seen = HashSet::new();
        self.runs.iter().filter(|run| seen.insert((run.cell, run.baseline))).cloned().collect()
    }

    /// Has the runs of these identities started before all others.
    pub fn to_front(&mut self, identities: &[String]) {
        self.runs.sort_by_key(|run| !identities.contains(&run.identity));
    }

    /// Has the runs started in the order in which another grid has them, those that it has not last.
    pub fn in_order_of(&mut self, other: &Self) {
        let places: HashMap<&str, usize> =
            other.runs.iter().enumerate().map(|(place, run)| (run.identity.as_str(), place)).collect();
        self.runs.sort_by_key(|run| places.get(run.identity.as_str()).copied().unwrap_or(usize::MAX));
    }

    /// The cells that have all of some values, each given as `key=value`; keys also without their table.
    pub fn cells_with(&self, settings: &[String]) -> Result<Vec<usize>> {
        let mut wanted = Vec::new();
        for setting in settings {
            let (key, value) = setting.split_once('=').with_context(|| format!("{setting:?} is no key=value"))?;
            let place = self.axes.iter().position(|axis| axis.key == key || short(&axis.key) == key);
            let keys: Vec<_> = self.axes.iter().map(|axis| axis.key.as_str()).collect();
            let axis = place.with_context(|| format!("{key} is no axis of this suite; it has {}", keys.join(", ")))?;
            let values: Vec<_> = self.axes[axis].values.iter().map(|value| bare(value)).collect();
            let place = values.iter().position(|&other| other == bare(value));
            wanted.push((
                axis,
                place.with_context(|| format!("{key} is never {value} here, only {}", values.join(", ")))?,
            ));
        }
        let has_all = |cell: &Vec<usize>| wanted.iter().all(|&(axis, place)| cell[axis] == place);
        Ok(self.cells.iter().enumerate().filter(|(_, cell)| has_all(cell)).map(|(cell, _)| cell).collect())
    }

    /// What a cell is called: its values, in the order of the axes.
    pub fn label(&self, cell: usize) -> String {
        let values = self
            .axes
            .iter()
            .zip(&self.cells[cell])
            .map(|(axis, &place)| format!("{}={}", short(&axis.key), bare(&axis.values[place])));
        values.collect::<Vec<_>>().join(" ")
    }
}

impl Planned {
    /// The same with another seed.
    fn with_seed(&self, seed_keys: &[String], seed: u64) -> Result<Self> {
        let seeds: Vec<String> = seed_keys.iter().map(|key| format!("{key}={seed}")).collect();
        let config = with_settings(&self.config, &seeds)?;
        let is_seed = |setting: &str| setting.split('=').next().is_some_and(|key| seed_keys.iter().any(|it| it == key));
        let others = self.settings.iter().filter(|setting| !is_seed(setting)).cloned();
        let settings = others.chain(seeds).collect();
        Ok(Self { seed, settings, identity: config.identity(), config, ..self.clone() })
    }
}

/// A key without its table.
pub fn short(key: &str) -> &str {
    key.rsplit('.').next().unwrap_or(key)
}

/// A TOML value without quotes.
pub fn bare(value: &str) -> &str {
    value.trim_matches('"')
}
