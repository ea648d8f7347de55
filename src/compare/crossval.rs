//! Cross-validation: how accurate a configuration is by its labeled images alone, where there are no images to test on.
//!
//! One run for each part of the labeled images learns from the others and is tested on that part, which it sees like the
//! unlabeled images. So every labeled image is tested once, by a network that never knew its class.

use anyhow::{Context as _, Result, ensure};

use crate::compare::stats::wilson;
use crate::config::{Part, RunConfig};
use crate::labels::recorded;
use crate::labels::set::LabelSet;
use crate::run::dir::RunDir;
use crate::run::state::{RunState, Status};
use crate::run::survey::Row;

/// What was found of the parts of a cross-validation.
#[derive(Clone, Debug)]
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

impl Crossval {
    /// Of the runs in these rows, those of a run's cross-validation with the most parts finished.
    ///
    /// # Errors
    /// If the run cannot be read.
    pub fn find(run: &RunDir, rows: &[Row]) -> Result<Option<Self>> {
        let mut numbers: Vec<u32> = rows.iter().filter_map(|row| Some(part_of(row)?.of)).collect();
        numbers.sort_unstable();
        numbers.dedup();
        let all = numbers.into_iter().map(|of| Self::of(run, of, rows)).collect::<Result<Vec<_>>>()?;
        Ok(all.into_iter().filter(|it| !it.tested.is_empty()).max_by_key(|it| (it.tested.len(), it.of)))
    }

    /// The finished runs of a run's cross-validation in so many parts.
    ///
    /// # Errors
    /// If the run cannot be read.
    pub fn of(run: &RunDir, of: u32, rows: &[Row]) -> Result<Self> {
        let mut tested = Vec::new();
        for part in Part::all(of) {
            let finished = runs_of(run, part, rows)?.into_iter().find(|row| row.status == Status::Finished);
            tested.extend(finished.map(|row| Tested::of(part, &row.dir)).transpose()?);
        }
        Ok(Self { of, tested })
    }

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
pub fn configured(config: &RunConfig, part: Option<Part>) -> RunConfig {
    let mut config = config.clone();
    config.labels.crossval = part;
    config
}

/// The runs that test this part of a run's labeled images, the newest first: of its configuration, made of the same labels,
/// or not begun yet.
///
/// # Errors
/// If the run cannot be read.
pub fn runs_of<'a>(run: &RunDir, part: Part, rows: &'a [Row]) -> Result<Vec<&'a Row>> {
    let (wanted, labels) = (configured(&run.read_run()?.config, Some(part)).identity(), recorded::raw(run)?);
    let is_it = |row: &&Row| {
        part_of(row) == Some(part)
            && row.parent.is_none()
            && row.summary.changes == 0
            && row.file.as_ref().is_some_and(|file| file.config.identity() == wanted)
            && (!row.dir.labels().exists()
                || recorded::raw(&row.dir).is_ok_and(|of_part| is_part_of(&of_part, &labels)))
    };
    Ok(rows.iter().filter(is_it).collect())
}

fn part_of(row: &Row) -> Option<Part> {
    row.file.as_ref()?.config.labels.crossval
}

/// Whether a set and what it holds back make up another set, with the classes that it gives.
fn is_part_of(part: &LabelSet, whole: &LabelSet) -> bool {
    let Some(held) = &part.held else { return false };
    let given = |set: &LabelSet, labels: &[u16]| set.given.is_some().then(|| labels.to_vec());
    let of = |set: &LabelSet| set.given.as_ref().map(|given| given.labels.clone());
    let pairs = |indices: &[u32], labels: Option<Vec<u16>>| {
        let labels = labels.map_or_else(|| vec![None; indices.len()], |it| it.into_iter().map(Some).collect());
        indices.iter().copied().zip(labels).collect::<Vec<_>>()
    };
    let mut found = [pairs(&part.indices, of(part)), pairs(&held.indices, given(part, &held.labels))].concat();
    found.sort_unstable();
    found == pairs(&whole.indices, of(whole))
}
