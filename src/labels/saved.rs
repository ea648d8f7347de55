//! Label sets that a user saved under a name: files of [`super::label_file`] in one folder.

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context as _, Result, bail, ensure};

use crate::base::aside::replace_file;
use crate::base::trash;
use crate::data::Dataset;
use crate::labels::file::{self, Header};
use crate::labels::set::LabelSet;

const EXTENSION: &str = "txt";

/// A saved set, as far as its file says without its data set.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Saved {
    /// Its name.
    pub name: String,
    /// Its file.
    pub path: PathBuf,
    /// What the file says of its data set and of where it comes from.
    pub header: Header,
    /// Its images.
    pub n: usize,
}

/// Whether a set of that name may be there already.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Overwrite {
    /// It is replaced.
    Yes,
    /// It is kept, and nothing written.
    No,
}

/// The file of a set. Fails for a name that could lead out of the folder or be hidden in it.
pub fn path_of(folder: &Path, name: &str) -> Result<PathBuf> {
    let is_plain = |c: char| c.is_alphanumeric() || "-_.".contains(c);
    ensure!(
        !name.is_empty() && name.len() <= 60 && name.chars().all(is_plain) && !name.starts_with('.'),
        "{name:?} cannot be a label set's name: it takes 1 to 60 letters, digits, -, _ and ., and begins with no ."
    );
    Ok(folder.join(format!("{name}.{EXTENSION}")))
}

/// The saved sets by their names. A missing folder has none.
pub fn list(folder: &Path) -> Result<Vec<Saved>> {
    let entries = match fs::read_dir(folder) {
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(Vec::new()),
        entries => entries.with_context(|| format!("cannot read {}", folder.display()))?,
    };
    let mut found = Vec::new();
    for entry in entries {
        let path = entry?.path();
        let name = path.file_stem().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default();
        let is_set = path.extension().is_some_and(|it| it == EXTENSION) && path_of(folder, &name).is_ok();
        if !is_set {
            continue;
        }
        if let Ok((header, n)) = file::summary(&path) {
            found.push(Saved { name, path, header, n });
        }
    }
    found.sort_by(|a, b| a.name.cmp(&b.name));
    Ok(found)
}

/// Saves a set under a name, with how it came about. Refuses one that leaves classes without an image, with their names.
pub fn save(
    folder: &Path,
    name: &str,
    set: &LabelSet,
    dataset: &Dataset,
    how: &str,
    overwrite: Overwrite,
) -> Result<PathBuf> {
    let path = path_of(folder, name)?;
    if overwrite == Overwrite::No && path.exists() {
        bail!("there is a label set called {name} already: give another name");
    }
    ensure!(set.given.is_none(), "a file that gives classes to images is a label set as it is: name it in labels.pick");
    set.ensure_all_classes(dataset)?;
    fs::create_dir_all(folder).with_context(|| format!("cannot make {}", folder.display()))?;
    replace_file(&path, file::text(set, dataset, how).as_bytes())?;
    Ok(path)
}

/// Moves a set to a folder beside the others, where nothing is ever removed; returns where to.
pub fn discard(path: &Path) -> Result<PathBuf> {
    let folder = path.parent().context("a label set's file is in a folder")?.join(trash::FOLDER);
    fs::create_dir_all(&folder).with_context(|| format!("cannot make {}", folder.display()))?;
    let stem = path.file_stem().unwrap_or_default().to_string_lossy();
    let names = std::iter::once(format!("{stem}.{EXTENSION}")).chain((2..).map(|n| format!("{stem}-{n}.{EXTENSION}")));
    let to = names.map(|name| folder.join(name)).find(|path| !path.exists()).expect("some number is free");
    fs::rename(path, &to).with_context(|| format!("cannot move {} to {}", path.display(), to.display()))?;
    Ok(to)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::labels::set::from_indices;

    fn dataset() -> Dataset {
        Dataset::black(&["cat", "dog"], vec![1, 0, 1, 0])
    }

    #[test]
    fn a_set_is_saved_listed_and_moved_to_the_trash() {
        let folder = tempfile::tempdir().expect("a folder");
        let folder = folder.path().join("sets");
        assert_eq!(list(&folder).expect("none"), []);
        let set = from_indices(&[0, 3], 4).expect("valid");
        let path = save(&folder, "best-2", &set, &dataset(), "by hand", Overwrite::No).expect("saved");
        let found = list(&folder).expect("lists");
        assert_eq!((found.len(), found[0].name.as_str(), found[0].n), (1, "best-2", 2));
        assert_eq!(found[0].header.picked.as_deref(), Some("by hand"));
        let again = || save(&folder, "best-2", &set, &dataset(), "again", Overwrite::No);
        assert!(again().expect_err("taken").to_string().contains("called best-2 already"));
        save(&folder, "best-2", &set, &dataset(), "again", Overwrite::Yes).expect("replaced");
        for trash in ["best-2.txt", "best-2-2.txt"] {
            assert!(discard(&path).expect("moved").ends_with(trash));
            assert_eq!(list(&folder).expect("none"), []);
            again().expect("free again");
        }
    }

    #[test]
    fn a_bad_name_and_a_class_without_an_image_are_refused_and_nothing_is_written() {
        let folder = tempfile::tempdir().expect("a folder");
        let refusal = |name: &str, indices: &[u32]| {
            let set = from_indices(indices, 4).expect("valid");
            save(folder.path(), name, &set, &dataset(), "", Overwrite::No).expect_err("refused").to_string()
        };
        for name in ["", "../up", "a/b", ".hidden", "a b"] {
            assert!(refusal(name, &[0, 1]).contains("cannot be a label set's name"), "{name}");
        }
        assert_eq!(refusal("half", &[0, 2]), "1 of 2 classes has no labeled image: 0 (cat)");
        assert_eq!(list(folder.path()).expect("none"), []);
    }
}
