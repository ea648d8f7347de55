//! The cells of a suite and their runs.

use std::collections::HashSet;

use anyhow::{Context, Result, ensure};
use serde::{Deserialize, Serialize};

use crate::config::RunConfig;
use crate::plan::LABELS_ONLY;
use crate::suite::file::Suite;

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
    /// Cell by cell, seed by seed, each with its baseline.
    pub runs: Vec<Planned>,
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

impl Grid {
    pub(super) fn of(suite: &Suite) -> Result<Self> {
        let (mut cells, mut runs) = (Vec::new(), Vec::new());
        for cell in places(&suite.axes) {
            let settings: Vec<String> = suite
                .axes
                .iter()
                .zip(&cell)
                .map(|(axis, &place)| format!("{}={}", axis.key, axis.values[place]))
                .collect();
            if suite.leaves_out(&settings) {
                continue;
            }
            for &seed in &suite.seeds {
                runs.extend(runs_of(suite, cells.len(), &settings, seed)?);
            }
            cells.push(cell);
        }
        ensure!(!cells.is_empty(), "leave_out leaves nothing");
        let mut seen = HashSet::new();
        for run in &runs {
            ensure!(
                run.baseline || seen.insert(&run.identity),
                "two cells come to the same run, {}: do the axes change what is trained?",
                run.settings.join(" ")
            );
        }
        Ok(Self { axes: suite.axes.clone(), cells, runs })
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

/// A run of a cell, and its baseline if there is one.
fn runs_of(suite: &Suite, cell: usize, values: &[String], seed: u64) -> Result<Vec<Planned>> {
    let seeds = suite.seed_keys.iter().map(|key| format!("{key}={seed}"));
    let settings: Vec<String> = suite.settings.iter().chain(values).cloned().chain(seeds).collect();
    let parts = values.iter().map(|setting| bare(setting.split_once('=').map_or("", |(_, value)| value)));
    let name = std::iter::once(suite.name.as_str()).chain(parts).collect::<Vec<_>>().join("-");
    let planned = |name: String, settings: Vec<String>, baseline| -> Result<Planned> {
        let config = suite.base.resolve(&settings)?;
        ensure!(config.rank.is_none(), "the base ranks images; a suite is of runs that train");
        let identity = config.identity();
        Ok(Planned { cell, seed, baseline, name, preset: suite.base.reference(), settings, config, identity })
    };
    let what = || format!("the cell {}", if values.is_empty() { "without axes".into() } else { values.join(" ") });
    let run = planned(name.clone(), settings.clone(), false).with_context(what)?;
    if !suite.baseline || run.config.train.lambda_u == 0.0 {
        return Ok(vec![run]);
    }
    let settings = settings.into_iter().chain([LABELS_ONLY.to_owned()]).collect();
    Ok(vec![run, planned(format!("{name}-labels-only"), settings, true).with_context(what)?])
}

/// The places of all cells, the last axis fastest.
fn places(axes: &[Axis]) -> Vec<Vec<usize>> {
    axes.iter().fold(vec![Vec::new()], |cells, axis| {
        let longer = |cell: &Vec<usize>, place| cell.iter().copied().chain([place]).collect();
        cells.iter().flat_map(|cell| (0..axis.values.len()).map(move |place| longer(cell, place))).collect()
    })
}

/// A key without its table.
pub fn short(key: &str) -> &str {
    key.rsplit('.').next().unwrap_or(key)
}

/// A TOML value without quotes.
pub fn bare(value: &str) -> &str {
    value.trim_matches('"')
}
