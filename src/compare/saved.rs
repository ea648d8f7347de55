//! Expressions that a user saved under names: `@good` stands for one wherever an expression is taken.

use std::collections::BTreeMap;
use std::path::PathBuf;

use anyhow::{Context as _, Result, ensure};

use crate::base::aside::replace_file;
use crate::base::{dirs, files};

/// Expressions by their names.
pub type Saved = BTreeMap<String, String>;

fn path() -> Result<PathBuf> {
    Ok(dirs::state_dir()?.join("expressions.json"))
}

/// Those that there are.
///
/// # Errors
/// If their file is there and cannot be read, so that it is not written over.
pub fn read() -> Result<Saved> {
    let path = path()?;
    let text = match files::read_at_most(&path, files::MAX_TEXT) {
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(Saved::new()),
        text => text.with_context(|| format!("cannot read {}", path.display()))?,
    };
    serde_json::from_slice(&text).with_context(|| format!("cannot read {}", path.display()))
}

/// Saves an expression, which the caller has read, under a name, over an older one of that name.
///
/// # Errors
/// For what is no name, with nothing changed.
pub fn save(name: &str, text: &str) -> Result<()> {
    check_name(name)?;
    ensure!(!text.trim().is_empty(), "there is no expression to save as {name}");
    change(|saved| {
        saved.insert(name.to_owned(), text.trim().to_owned());
        Ok(())
    })
}

/// Whether an expression can be called so.
///
/// # Errors
/// If it cannot, with what can.
pub fn check_name(name: &str) -> Result<()> {
    let is_plain = |c: char| c.is_alphanumeric() || "-_.".contains(c);
    ensure!(
        !name.is_empty() && name.chars().count() <= 40 && name.chars().all(is_plain),
        "{name:?} is no name for an expression: it takes 1 to 40 letters, digits, -, _ and ."
    );
    Ok(())
}

/// Forgets the expression of a name.
///
/// # Errors
/// If there is none.
pub fn forget(name: &str) -> Result<()> {
    change(|saved| {
        ensure!(saved.remove(name).is_some(), "no expression is saved as {name}; {}", there_are(saved));
        Ok(())
    })
}

/// Which there are, in words.
pub fn there_are(saved: &Saved) -> String {
    if saved.is_empty() {
        return "none is saved: `fixmatch runs EXPRESSION --save NAME` saves one".into();
    }
    format!("there are {}", saved.keys().map(|name| format!("@{name}")).collect::<Vec<_>>().join(", "))
}

fn change(edit: impl FnOnce(&mut Saved) -> Result<()>) -> Result<()> {
    let (folder, path) = (dirs::state_dir()?, path()?);
    std::fs::create_dir_all(&folder).with_context(|| format!("cannot make {}", folder.display()))?;
    let _held = files::hold(&folder)?;
    let mut saved = read()?;
    edit(&mut saved)?;
    replace_file(&path, &serde_json::to_vec_pretty(&saved).expect("names are text"))
}
