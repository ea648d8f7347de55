//! What a suite trains: its cells and their runs.

use serde::{Deserialize, Serialize};

use crate::config::RunConfig;

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

/// A key without its table.
pub fn short(key: &str) -> &str {
    key.rsplit('.').next().unwrap_or(key)
}

/// A TOML value without quotes.
pub fn bare(value: &str) -> &str {
    value.trim_matches('"')
}
