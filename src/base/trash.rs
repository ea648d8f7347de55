//! What is deleted is moved into a folder beside it, from which it can come back.

use std::fs;
use std::path::Path;

use anyhow::{Context as _, Result, ensure};

/// The folder's name, beside what is moved there.
pub const FOLDER: &str = ".trash";

/// Moves something out of the trash. Refused where something else has its place by now.
pub fn bring_back(from: &Path, to: &Path) -> Result<()> {
    ensure!(to.symlink_metadata().is_err(), "{} is there already: what is in the trash stays there", to.display());
    fs::rename(from, to).with_context(|| format!("cannot bring {} back", from.display()))
}
