//! Cross-validation: how accurate a configuration is by its labeled images alone, where there are no images to test on.
//!
//! One run for each part of the labeled images learns from the others and is tested on that part, which it sees like the
//! unlabeled images. So every labeled image is tested once, by a network that never knew its class.

use std::collections::BTreeSet;

use anyhow::{Context as _, Result, ensure};

use crate::compare::stats::wilson;
use crate::config::{Part, RunConfig};
use crate::labels::recorded;
use crate::labels::set::{Held, LabelSet};
use crate::run::dir::RunDir;
use crate::run::state::{RunState, Status};
use crate::run::survey::Row;

/// What was found of the parts of a cross-validation.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Crossval {
    /// Of how many parts.
    pub of: u32,
    /// The runs that have finished, by their parts.
    pub tested: Vec<Tested>,
}

/// What the network that did not know a part said of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Tested {
    /// Which part.
    pub part: Part,
    /// The run.
    pub run: RunDir,
    /// How many images it has.
    pub n: u64,
    /// How many of them the averaged network took for their class at its last evaluation.
    pub n_right: u64,
}

/// A share of images that are right, with an interval.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Share {
    /// How many were tested.
    pub n: u64,
    /// How many of them are right.
    pub n_right: u64,
    /// What holds the true share in 95 % of all cases, by Wilson's method, if the images were drawn at random.
    pub interval: (f64, f64),
}

impl Share {
    /// The share itself, in [0, 1].
    pub fn accuracy(&self) -> f64 {
        self.n_right as f64 / self.n as f64
    }
}

/// A run whose labeled images are to tell its accuracy: what its parts have to be of.
#[derive(Debug)]
pub struct Whole {
    config: RunConfig,
    /// The digest of its images.
    data: Option<String>,
    labels: LabelSet,
}

impl Whole {
    /// Reads what a run was launched with, and its labels.
    ///
    /// # Errors
    /// If they cannot be read, or it has no labels yet.
    pub fn read(run: &RunDir) -> Result<Self> {
        let file = run.read_run()?;
        let data = file.environment.map(|environment| environment.data_digest);
        Ok(Self { config: file.config, data, labels: recorded::raw(run)? })
    }

    /// The runs that test this part of its labeled images, in the order of the rows: of its configuration, made of the same
    /// labels, or not begun yet.
    pub fn runs_of<'a>(&self, part: Part, rows: &'a [Row]) -> Vec<&'a Row> {
        let wanted = configured(&self.config, part).identity();
        let has_labels =
            |run: &RunDir| !run.labels().exists() || recorded::raw(run).is_ok_and(|it| is_part_of(&it, &self.labels));
        let data = |row: &Row| Some(row.file.as_ref()?.environment.as_ref()?.data_digest.clone());
        let is_it = |row: &&Row| {
            part_of(row) == Some(part)
                && data(row).is_none_or(|digest| self.data.as_ref().is_none_or(|of_whole| digest == *of_whole))
                && row.parent.is_none()
                && row.summary.changes == 0
                && row.file.as_ref().is_some_and(|file| file.config.identity() == wanted)
                && has_labels(&row.dir)
        };
        rows.iter().filter(is_it).collect()
    }

    /// What its cross-validation in so many parts has come to.
    ///
    /// # Errors
    /// If a run that has finished cannot be read.
    pub fn tested(&self, of: u32, rows: &[Row]) -> Result<Crossval> {
        let mut tested = Vec::new();
        for part in Part::all(of) {
            let finished = self.runs_of(part, rows).into_iter().find(|row| row.status == Status::Finished);
            tested.extend(finished.map(|row| Tested::of(part, &row.dir)).transpose()?);
        }
        Ok(Crossval { of, tested })
    }

    /// The same of the cross-validation with the most parts finished, if there is any.
    ///
    /// # Errors
    /// As [`Self::tested`].
    pub fn most_tested(&self, rows: &[Row]) -> Result<Option<Crossval>> {
        let numbers: BTreeSet<u32> = rows.iter().filter_map(|row| Some(part_of(row)?.of)).collect();
        let all = numbers.into_iter().map(|of| self.tested(of, rows)).collect::<Result<Vec<_>>>()?;
        Ok(all.into_iter().filter(|it| !it.tested.is_empty()).max_by_key(|it| (it.tested.len(), it.of)))
    }
}

impl Crossval {
    /// Whether all parts have been tested.
    pub fn is_whole(&self) -> bool {
        self.tested.len() == self.of as usize
    }

    /// All images that were tested; None if there are none yet.
    pub fn share(&self) -> Option<Share> {
        let n = self.tested.iter().map(|it| it.n).sum();
        let n_right = self.tested.iter().map(|it| it.n_right).sum();
        (n > 0).then(|| Share { n, n_right, interval: wilson(n_right, n) })
    }
}

impl Tested {
    fn of(part: Part, run: &RunDir) -> Result<Self> {
        let state = RunState::read(run)?;
        let last = state.evaluations.last().with_context(|| format!("{} was never evaluated", run.id()))?;
        let rows = last.ema.confusion.iter();
        let n_right = rows.clone().enumerate().filter_map(|(class, row)| row.get(class)).map(|&n| u64::from(n)).sum();
        let n = rows.flatten().map(|&n| u64::from(n)).sum();
        ensure!(n > 0, "{} was tested on no image", run.id());
        Ok(Self { part, run: run.clone(), n, n_right })
    }
}

/// The configuration of the run that tests a part.
#[must_use]
pub fn configured(config: &RunConfig, part: Part) -> RunConfig {
    let mut config = config.clone();
    config.labels.crossval = Some(part);
    config
}

fn part_of(row: &Row) -> Option<Part> {
    row.file.as_ref()?.config.labels.crossval
}

/// Whether a set and what it holds back make up another set, with the classes that it gives.
fn is_part_of(part: &LabelSet, whole: &LabelSet) -> bool {
    let Some(Held { indices, labels }) = &part.held else { return false };
    let pairs = |indices: &[u32], labels: Option<&[u16]>| {
        let label = |place: usize| labels.and_then(|labels| labels.get(place).copied());
        indices.iter().enumerate().map(|(place, &index)| (index, label(place))).collect::<Vec<_>>()
    };
    let given = |set: &LabelSet| pairs(&set.indices, set.given.as_ref().map(|given| &given.labels[..]));
    let mut found = [given(part), pairs(indices, part.given.is_some().then_some(&labels[..]))].concat();
    found.sort_unstable();
    found == given(whole)
}
