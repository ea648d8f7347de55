//! Class folders: which there are, what their images are, and what of their names is probably a mistake.

use std::collections::{HashMap, HashSet};
use std::ffi::OsString;
use std::path::{Path, PathBuf};

use anyhow::{Result, bail, ensure};
use unicode_normalization::UnicodeNormalization as _;

use super::super::UNKNOWN;
use super::layout::{self, name_of, shortened};
use super::scan::{self, Leads, children, leads};
use super::tally::{Remark, Tally};
use super::{Entry, MAX_CLASSES};
use crate::base::text::{Name, Shown as _};

/// A class folder.
pub struct Class {
    folder: PathBuf,
    /// Its name, which need not be UTF-8.
    key: OsString,
    /// Its name, to be shown.
    pub name: Name,
}

impl Class {
    /// The class of a folder, named as it is.
    pub fn of(folder: PathBuf) -> Self {
        let key = folder.file_name().unwrap_or_default().to_owned();
        Self { name: name_of(&folder).into(), key, folder }
    }
}

/// The class folders in `train`, `test` or their like, sorted by name. Images that lie beside them are counted.
pub fn classes_in(folder: &Path, root: &Path, tally: &mut Tally) -> Result<Vec<Class>> {
    let mut classes = Vec::new();
    for path in children(folder)? {
        match leads(&path) {
            Leads::Folder(_) => classes.push(Class::of(path)),
            Leads::Nowhere(remark) => tally.add(remark, &path),
            Leads::File if scan::is_image(&path, tally) => tally.add(Remark::Loose, &path),
            Leads::File => {}
        }
    }
    ensure!(!classes.is_empty(), "{} has no class folders: expected {}", folder.shown(), layout::expected(root));
    Ok(classes)
}

/// Counts what lies beside class folders in the root of all.
pub fn count_beside(root: &Path, tally: &mut Tally) -> Result<()> {
    for path in children(root)? {
        match leads(&path) {
            Leads::Nowhere(remark) => tally.add(remark, &path),
            Leads::File if scan::is_image(&path, tally) => tally.add(Remark::Loose, &path),
            Leads::Folder(_) | Leads::File => {}
        }
    }
    Ok(())
}

/// With one class there is nothing to tell apart; labels are 16 bits.
pub fn check_classes(classes: &[Class], train: &Path) -> Result<()> {
    let n = classes.len();
    ensure!(n <= MAX_CLASSES, "{} has {n} class folders, and at most {MAX_CLASSES} can be told apart", train.shown());
    let [only] = classes else { return Ok(()) };
    let inside: Vec<_> =
        children(&only.folder)?.into_iter().filter(|path| matches!(leads(path), Leads::Folder(_))).collect();
    let hint = if inside.len() > 1 {
        let names: Vec<_> = inside.iter().map(|path| name_of(path)).collect();
        format!("; if {} are the classes, move them up into {}", shortened(&names), train.shown())
    } else {
        String::new()
    };
    bail!(
        "{} has only one class, {}: with one there is nothing to tell apart, and the loss is 0 from the first step; at least \
         2 class folders are needed{hint}",
        train.shown(),
        only.name,
    );
}

/// The images of class folders, which must hold some each.
pub fn training_images(classes: &[Class], tally: &mut Tally) -> Result<Vec<Entry>> {
    let mut entries = Vec::new();
    for (label, class) in classes.iter().enumerate() {
        list(&class.folder, label as u16, &mut entries, tally)?;
    }
    Ok(entries)
}

/// The images of class folders to test on.
pub fn test_images(test_classes: &[Class], classes: &[Class], tally: &mut Tally) -> Result<Vec<Entry>> {
    let labels: HashMap<_, _> = (0..).zip(classes).map(|(label, class)| (&class.key, label)).collect();
    let mut entries = Vec::new();
    for class in test_classes {
        let Some(&label) = labels.get(&class.key) else { return Err(no_such_class(class, classes)) };
        scan_into(&class.folder, label, &mut entries, tally)?;
    }
    Ok(entries)
}

/// The images of unknown class in a folder that must hold some.
pub fn unlabeled_images(folder: &Path, tally: &mut Tally) -> Result<Vec<Entry>> {
    let mut entries = Vec::new();
    list(folder, UNKNOWN, &mut entries, tally)?;
    Ok(entries)
}

/// The error for a test class that nothing trains.
fn no_such_class(class: &Class, classes: &[Class]) -> anyhow::Error {
    let folder = class.folder.shown();
    match classes.iter().find(|known| look(known.name.raw()) == look(class.name.raw())) {
        Some(like) => anyhow::anyhow!(
            "{folder} is a class without training images, but {} differs only in case, blanks or the way its letters are \
             encoded: give both the same name",
            like.folder.shown(),
        ),
        None => anyhow::anyhow!("{folder} is a class without training images: remove it or add it to train"),
    }
}

/// What people see of a name: two that look alike are most likely one class.
pub fn look(name: &str) -> String {
    name.nfkc().collect::<String>().to_lowercase().split_whitespace().collect()
}

/// Warns of classes that are probably one, or none.
pub fn alike(classes: &[Class]) -> Vec<String> {
    let mut warnings = Vec::new();
    let mut looks = HashMap::new();
    for class in classes {
        if let Some(other) = looks.insert(look(class.name.raw()), class) {
            let (class, other) = (class.folder.shown(), other.folder.shown());
            warnings.push(format!(
                "{other} and {class} are two classes whose names differ only in case, blanks or encoding: if they are one, \
                 move the images into one folder"
            ));
        }
        if layout::means_unlabeled(class.name.raw()) {
            let folder = class.folder.shown();
            warnings.push(format!(
                "{folder} is taken for a class: images of unknown class belong in unlabeled, beside train and test"
            ));
        }
    }
    warnings
}

/// Warns of labels of a list that are probably one.
pub fn alike_labels(labels: &[String], list: &str) -> Vec<String> {
    let mut looks = HashMap::new();
    let mut warnings = Vec::new();
    for label in labels {
        if let Some(other) = looks.insert(look(label), label) {
            let [other, label] = [other, label].map(|label| Name::from(label.as_str()));
            warnings.push(format!("{other} and {label} are two classes of {list} that differ only in case or blanks"));
        }
    }
    warnings
}

/// Appends the images of a folder that must hold some.
fn list(folder: &Path, label: u16, entries: &mut Vec<Entry>, tally: &mut Tally) -> Result<()> {
    let n_before = entries.len();
    let here = scan_into(folder, label, entries, tally)?;
    let found = if here.is_empty() { String::new() } else { format!(" ({here})") };
    ensure!(
        entries.len() > n_before,
        "{} holds no images{found}: add some (PNG, JPEG, WebP, BMP, TIFF or GIF) or remove the folder",
        folder.shown()
    );
    Ok(())
}

/// Appends the images of a folder. Returns what else is in it, if there are no images.
fn scan_into(folder: &Path, label: u16, entries: &mut Vec<Entry>, tally: &mut Tally) -> Result<String> {
    let mut here = Tally::default();
    let paths = scan::images(folder, &mut here)?;
    let other = if paths.is_empty() { here.others(folder) } else { String::new() };
    tally.join(here);
    entries.extend(paths.into_iter().map(|path| Entry { path, label }));
    Ok(other)
}

/// The classes that none of these images has.
pub fn classes_without(entries: &[Entry], n_classes: usize) -> Vec<usize> {
    let found: HashSet<_> = entries.iter().map(|entry| usize::from(entry.label)).collect();
    (0..n_classes).filter(|class| !found.contains(class)).collect()
}
