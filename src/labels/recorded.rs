//! The label set of a run, as its worker recorded it in `labels.json`.

use anyhow::{Context as _, Result, ensure};

use crate::base::{files, sealed};
use crate::data::Dataset;
use crate::labels::set::{LabelSet, from_indices};
use crate::run::dir::RunDir;

/// Reads the label set of a run, and gives the data set the classes that it gives to images.
///
/// # Errors
/// As [`read`].
pub fn with_dataset(dir: &RunDir, dataset: Dataset) -> Result<(LabelSet, Dataset)> {
    let set = read(dir, &dataset)?;
    let dataset = set.label(dataset).with_context(|| dir.labels().display().to_string())?;
    Ok((set, dataset))
}

/// Reads the label set of a run.
///
/// # Errors
/// If none is recorded yet, the run is of other images than this data set, or an index is none of them or there twice.
pub fn read(dir: &RunDir, dataset: &Dataset) -> Result<LabelSet> {
    let path = dir.labels();
    ensure!(path.exists(), "{} has no labels yet: its worker picks them when it starts", dir.id());
    if let Some(environment) = dir.read_run()?.environment {
        ensure!(
            environment.data_digest == dataset.digest,
            "{} labels images of a data set with digest {:.12}…, the one on this machine has {:.12}…",
            dir.id(),
            environment.data_digest,
            dataset.digest,
        );
    }
    read_of(dir, dataset)
}

/// The same for whoever has compared the images: a run of this data set.
pub fn read_of(dir: &RunDir, dataset: &Dataset) -> Result<LabelSet> {
    let (path, set) = (dir.labels(), raw(dir)?);
    let n = if set.given.is_some() { dataset.n_pool() } else { dataset.train.n() };
    let LabelSet { indices, .. } = from_indices(&set.indices, n).with_context(|| path.display().to_string())?;
    Ok(LabelSet { indices, ..set })
}

/// The same without a look at the images: its numbers may be of none.
pub fn raw(dir: &RunDir) -> Result<LabelSet> {
    let path = dir.labels();
    let reason = || format!("cannot read {}", path.display());
    sealed::read_json(&files::read(&path).with_context(reason)?).with_context(reason)
}
