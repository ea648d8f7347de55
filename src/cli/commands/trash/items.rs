//! What was moved to the trash, runs and saved label sets: listed, brought back, or removed for good.
//!
//! Each folder has its own `.trash`. Only what is a run or a label set counts: other things in there are left alone.

use std::fs;
use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};

use anyhow::{Context as _, Result, bail};
use fixmatch::base::alike::asked;
use fixmatch::base::trash;
use fixmatch::labels::saved;
use fixmatch::run::dir::{RunDir, ids_like};
use serde::Serialize;

/// What something in the trash is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Kind {
    /// A run directory.
    Run,
    /// The file of a saved label set.
    LabelSet,
}

/// A run or a label set in the trash.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Item {
    /// What it is.
    pub kind: Kind,
    /// Its name in the trash, under which it comes back.
    pub name: String,
    /// Where it is.
    pub path: PathBuf,
    /// How many bytes its files have.
    pub n_bytes: u64,
    /// When it was moved there, in seconds since 1970: when its entry changed last.
    pub moved: i64,
}

/// What is in the trash of these two folders, what was moved there last at the end. A missing folder has nothing.
pub fn list(runs: &Path, label_sets: &Path) -> Result<Vec<Item>> {
    let runs = RunDir::list(&runs.join(trash::FOLDER))?.into_iter();
    let sets = saved::list(&label_sets.join(trash::FOLDER))?.into_iter();
    let found = runs.map(|dir| (Kind::Run, dir.id(), dir.path().to_owned()));
    let found = found.chain(sets.map(|set| (Kind::LabelSet, set.name, set.path)));
    let mut items = found.map(|(kind, name, path)| Item::at(kind, name, path)).collect::<Result<Vec<_>>>()?;
    items.sort_by(|a, b| (a.moved, &a.name).cmp(&(b.moved, &b.name)));
    Ok(items)
}

/// The one that a user means: a path, a name, or the beginning or a part of one that fits no other.
pub fn find<'a>(items: &'a [Item], wanted: &str) -> Result<&'a Item> {
    let is_path = |item: &Item| item.path == Path::new(wanted);
    let fits: [&dyn Fn(&Item) -> bool; 4] =
        [&is_path, &|item| item.name == wanted, &|item| item.name.starts_with(wanted), &|item| {
            item.name.contains(wanted)
        }];
    let found = fits.iter().map(|fits| items.iter().filter(|item| fits(item)).collect::<Vec<_>>());
    match found.into_iter().find(|found| !found.is_empty()).unwrap_or_default().as_slice() {
        [item] => Ok(item),
        [] => bail!(
            "nothing in the trash is called {wanted:?}; {}`fixmatch trash list` shows what is there",
            asked(&ids_like(wanted, items.iter().rev().map(|item| item.name.as_str())))
        ),
        several if several.iter().all(|item| item.name == several[0].name) => {
            let paths: Vec<_> = several.iter().map(|item| item.path.display().to_string()).collect();
            bail!("{wanted:?} is a run and a label set, give the path: {}", paths.join(" or "))
        }
        several => {
            let names: Vec<_> = several.iter().map(|item| item.name.as_str()).collect();
            bail!("{wanted:?} fits {} things in the trash: {}; give more of the name", names.len(), names.join(", "))
        }
    }
}

impl Item {
    fn at(kind: Kind, name: String, path: PathBuf) -> Result<Self> {
        let meta = fs::symlink_metadata(&path).with_context(|| format!("cannot look at {}", path.display()))?;
        Ok(Self { kind, name, n_bytes: n_bytes(&path)?, moved: meta.ctime(), path })
    }

    /// Moves it back to where it was, and returns that place. Refused where something has its name by now.
    pub fn restore(&self) -> Result<PathBuf> {
        let folder = self.path.parent().and_then(Path::parent).context("the trash is in a folder")?;
        let to = folder.join(self.path.file_name().context("a thing in the trash has a name")?);
        trash::bring_back(&self.path, &to)?;
        Ok(to)
    }

    /// Removes it for good. Refused while a worker holds the run.
    pub fn remove(&self) -> Result<()> {
        let removed = match self.kind {
            Kind::Run => {
                let _lock = RunDir::open(&self.path)?.lock()?;
                fs::remove_dir_all(&self.path)
            }
            Kind::LabelSet => fs::remove_file(&self.path),
        };
        removed.with_context(|| format!("cannot remove {}", self.path.display()))
    }
}

/// The bytes of a file, or of all files in a folder; links are not followed.
fn n_bytes(path: &Path) -> Result<u64> {
    let reason = || format!("cannot look at {}", path.display());
    let meta = fs::symlink_metadata(path).with_context(reason)?;
    if !meta.is_dir() {
        return Ok(if meta.is_file() { meta.len() } else { 0 });
    }
    fs::read_dir(path).with_context(reason)?.map(|entry| n_bytes(&entry?.path())).sum()
}
