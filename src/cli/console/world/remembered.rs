//! What the console remembers from one time to the next: what was seen of a run, which groups of presets were folded, how the
//! runs were listed.

use std::collections::BTreeMap;
use std::io::ErrorKind;
use std::path::PathBuf;

use anyhow::{Context as _, Result};
use fixmatch::base::aside::replace_file;
use fixmatch::base::{dirs, files};
use fixmatch::run::dir::RunDir;
use fixmatch::run::seen::{self, Seen};
use serde::Serialize;
use serde::de::DeserializeOwned;

use super::super::screens::home::table::Kept;

const FOLDS: &str = "folded-groups.json";
const LIST: &str = "list-of-runs.json";

fn file(name: &str) -> Result<PathBuf> {
    Ok(dirs::state_dir()?.join(name))
}

/// What a file says; one that is not there says nothing.
fn read<T: DeserializeOwned + Default>(name: &str) -> Result<T> {
    let path = file(name)?;
    match files::read_at_most(&path, files::MAX_TEXT) {
        Err(error) if error.kind() == ErrorKind::NotFound => Ok(T::default()),
        text => serde_json::from_slice(&text?).context("it is not as the console writes it"),
    }
}

/// Losing it loses little, so nothing fails here.
fn write<T: Serialize>(name: &str, what: &T) {
    if let (Ok(path), Ok(text)) = (file(name), serde_json::to_vec(what)) {
        let _ = path.parent().map(std::fs::create_dir_all);
        let _ = replace_file(&path, &text);
    }
}

/// Which groups were folded or opened.
pub fn folds() -> BTreeMap<String, bool> {
    read(FOLDS).unwrap_or_default()
}

/// Remembers them.
pub fn remember_folds(folds: &BTreeMap<String, bool>) {
    write(FOLDS, folds);
}

/// How the runs were listed.
///
/// # Errors
/// With what is wrong with the file, if something is.
pub fn list() -> Result<Kept> {
    read(LIST)
}

/// Remembers it.
pub fn remember_list(list: &Kept) {
    write(LIST, list);
}

/// Remembers what was seen of a run, at once: the program may be about to end.
pub fn remember_seen(dir: &RunDir, what: Seen) {
    if let Ok(path) = seen::file() {
        seen::remember(&path, dir, what);
    }
}

/// What is said of a list that cannot be as it was: where that stands, and why.
pub fn refused(why: &str) -> String {
    let path = file(LIST).map_or_else(|_| LIST.to_owned(), |path| path.display().to_string());
    format!("{path}: {why}; that is passed over")
}
