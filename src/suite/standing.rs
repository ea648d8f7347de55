//! How a suite stands, by the run directories alone.

use std::collections::hash_map::Entry;
use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

use anyhow::Result;

use crate::config::{Device, Pick};
use crate::run::dir::RunDir;
use crate::run::state::Status;
use crate::run::survey::{Row, Survey};
use crate::suite::grid::{Grid, Planned};

/// Looks at the runs of a folder again and again.
#[derive(Debug)]
pub struct Standing {
    survey: Survey,
    /// All runs of the folder, as they were last seen.
    rows: Vec<Row>,
    /// By what decides results, the run that is taken for it; None until somebody asks after a look.
    best: Option<HashMap<String, Found>>,
    /// What `run.toml` says; it decides the identity, which never changes.
    known: HashMap<PathBuf, Known>,
}

#[derive(Clone, Debug)]
struct Known {
    identity: String,
    device: Device,
}

/// The run directory of a planned run.
#[derive(Clone, Debug, PartialEq)]
pub struct Found {
    /// What lists say of it.
    pub row: Row,
    /// Where it trains, as its configuration has it.
    pub device: Device,
}

impl Found {
    /// When its log was written last, in seconds since 1970.
    pub fn written(&self) -> f64 {
        let modified = self.row.dir.events().metadata().and_then(|meta| meta.modified());
        let since = modified.ok().and_then(|time| time.duration_since(SystemTime::UNIX_EPOCH).ok());
        since.unwrap_or(Duration::ZERO).as_secs_f64()
    }
}

impl Standing {
    /// Of the runs in a folder.
    pub fn new(runs: &Path) -> Self {
        Self { survey: Survey::new(runs), rows: Vec::new(), best: None, known: HashMap::new() }
    }

    /// Looks at the runs. Returns all that there are, the newest first.
    pub fn survey(&mut self) -> Result<&[Row]> {
        (self.rows, self.best) = (self.survey.look()?, None);
        Ok(&self.rows)
    }

    /// All runs, as they were last seen.
    pub fn rows(&self) -> &[Row] {
        &self.rows
    }

    /// Looks at the runs, and finds those of a suite.
    pub fn look(&mut self, grid: &Grid) -> Result<Vec<Option<Found>>> {
        self.survey()?;
        Ok(self.of(grid))
    }

    /// For each planned run its run directory, if there was one at the last look: of several with its configuration, the
    /// one that is farthest. A fork and a run whose values were changed while it trained are none.
    pub fn of(&mut self, grid: &Grid) -> Vec<Option<Found>> {
        if self.best.is_none() {
            self.best = Some(self.best());
        }
        let best = self.best.as_ref();
        grid.runs.iter().map(|run: &Planned| best?.get(&run.identity).cloned()).collect()
    }

    fn best(&mut self) -> HashMap<String, Found> {
        let mut best: HashMap<String, Found> = HashMap::new();
        for row in self.rows.iter().filter(|row| row.parent.is_none() && row.summary.changes == 0) {
            let known = match self.known.entry(row.dir.path().to_owned()) {
                Entry::Occupied(known) => known.into_mut(),
                Entry::Vacant(unknown) => match Known::read(&row.dir) {
                    Some(known) => unknown.insert(known),
                    None => continue, // until it can be read
                },
            };
            let Known { identity, device } = known.clone();
            let found = Found { row: row.clone(), device };
            match best.get(&identity) {
                Some(other) if rank(other) <= rank(&found) => {}
                _ => drop(best.insert(identity, found)),
            }
        }
        best
    }

    /// A run directory as it was last looked at, whether or not it is a planned run.
    pub fn found(&self, dir: &RunDir) -> Option<Found> {
        let row = self.rows.iter().find(|row| row.dir == *dir)?.clone();
        let device = self.known.get(dir.path()).map_or(Device::Auto, |known| known.device);
        Some(Found { row, device })
    }

    /// Runs that were made for a suite and are at work, but are none of its planned runs any more: their values were changed
    /// while they trained.
    pub fn changed(&self, suite: &str) -> Vec<Found> {
        let is_it = |row: &&Row| row.status.is_alive() && row.parent.is_none() && row.summary.changes > 0;
        let found = |row: &Row| {
            let file = row.file.as_ref().filter(|file| file.provenance.suite.as_deref() == Some(suite))?;
            Some(Found { row: row.clone(), device: file.config.machine.device })
        };
        self.rows.iter().filter(is_it).filter_map(found).collect()
    }

    /// All rows of the folder as they were last seen are kept for the next process.
    pub fn save(&mut self) {
        self.survey.save();
    }
}

/// In how many cells of a grid runs were found that were not trained on the same images, or not by the same file of labels:
/// it has changed in between, and a mean over them is of both.
pub fn n_mixed(grid: &Grid, found: &[Option<Found>]) -> usize {
    let mut seen: BTreeMap<(usize, bool), BTreeSet<(&str, &str)>> = BTreeMap::new();
    for (run, found) in grid.runs.iter().zip(found) {
        let Some(row) = found.as_ref().map(|found| &found.row) else { continue };
        let Some(environment) = row.file.as_ref().and_then(|file| file.environment.as_ref()) else { continue };
        let is_by_file = matches!(run.config.labels.pick, Pick::File(_));
        let labels = if is_by_file { &*row.summary.labels } else { "" };
        seen.entry((run.cell, run.baseline)).or_default().insert((&*environment.data_digest, labels));
    }
    seen.values().filter(|kinds| kinds.len() > 1).count()
}

impl Known {
    fn read(dir: &RunDir) -> Option<Self> {
        let config = dir.read_run().ok()?.config;
        Some(Self { identity: config.identity(), device: config.machine.device })
    }
}

/// Of two runs with one configuration the lower is the suite's: newer ones come first, and stay so.
fn rank(found: &Found) -> u8 {
    match found.row.status {
        Status::Finished => 0,
        status if status.is_alive() => 1,
        Status::Suspended | Status::Lost => 2,
        Status::Stopped => 3,
        _ => 4,
    }
}
