//! Which runs are a suite's: those that were made for it, and those of the same configurations that were there before.

use std::collections::HashSet;
use std::path::Path;

use anyhow::Result;

use crate::compare::experiment::Experiment;
use crate::suite::order::Folder;

/// Has those of some runs that the suites of a folder share with others know that they are theirs too, of the suites that
/// `words` name.
pub fn join<'a>(all: &mut [Experiment], runs: &Path, words: impl Iterator<Item = &'a str>) -> Result<()> {
    let folders = Folder::list(runs);
    for word in words {
        let Some(folder) = folders.iter().find(|folder| folder.name() == word) else { continue };
        let Some(order) = folder.read()? else { continue };
        let planned: HashSet<&str> = order.grid.runs.iter().map(|run| run.identity.as_str()).collect();
        for run in all.iter_mut().filter(|run| run.suite() != Some(word) && run.is_as_configured()) {
            if run.file().is_some_and(|file| planned.contains(file.config.identity().as_str())) {
                run.join(word);
            }
        }
    }
    Ok(())
}
