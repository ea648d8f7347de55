//! Which files of a folder are images: those of the folder, then those of the folders in it, each sorted by name. Links
//! are followed, but into no folder twice.

use std::collections::HashSet;
use std::fs::{self, Metadata};
use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};

use anyhow::{Context as _, Result};

use super::tally::{Remark, Tally};
use crate::base::text::Shown as _;
use crate::data::decode::sniff::{self, Kind};

/// What operating systems and programs leave in folders, in lower case.
const LITTER: [&str; 14] = [
    super::ANSWERS,
    "__macosx",
    "@eadir",
    "@recycle",
    "#recycle",
    "#snapshot",
    "lost+found",
    "$recycle.bin",
    "recycler",
    "system volume information",
    "thumbs.db",
    "ehthumbs.db",
    "desktop.ini",
    "__pycache__",
];

/// What a path leads to.
pub enum Leads {
    /// A folder.
    Folder(Metadata),
    /// A file, or what cannot be looked at and is refused when it is read.
    File,
    /// Nothing to read.
    Nowhere(Remark),
}

/// What a path leads to; links are followed.
pub fn leads(path: &Path) -> Leads {
    if is_hidden(path) {
        return Leads::Nowhere(Remark::Hidden);
    }
    match fs::metadata(path) {
        Ok(metadata) if metadata.is_dir() && leads_up(path) => Leads::Nowhere(Remark::Again),
        Ok(metadata) if metadata.is_dir() => Leads::Folder(metadata),
        Ok(metadata) if metadata.is_file() => Leads::File,
        Ok(_) => Leads::Nowhere(Remark::Special),
        Err(_) if is_dead_link(path) => Leads::Nowhere(Remark::DeadLink),
        Err(_) => Leads::File,
    }
}

/// Whether this is a link to something that is not there, or to itself.
pub fn is_dead_link(path: &Path) -> bool {
    let is_denied = |error: std::io::Error| error.kind() == std::io::ErrorKind::PermissionDenied;
    path.is_symlink() && fs::metadata(path).is_err_and(|error| !is_denied(error))
}

/// Whether this is a link to a folder that it lies in: followed, it would bring the images of all classes into its own.
fn leads_up(path: &Path) -> bool {
    let around = path.parent().filter(|_| path.is_symlink()).and_then(|folder| folder.canonicalize().ok());
    around.is_some_and(|around| path.canonicalize().is_ok_and(|target| around.starts_with(target)))
}

fn is_hidden(path: &Path) -> bool {
    let name = path.file_name().unwrap_or_default().to_string_lossy().to_lowercase();
    name.starts_with('.') || name == "icon\r" || LITTER.contains(&&*name)
}

/// What a folder holds, sorted by name.
pub fn children(folder: &Path) -> Result<Vec<PathBuf>> {
    let problem = || format!("cannot read the folder {}", folder.shown());
    let entries = fs::read_dir(folder).with_context(problem)?.collect::<Result<Vec<_>, _>>().with_context(problem)?;
    let mut paths: Vec<_> = entries.into_iter().map(|entry| entry.path()).collect();
    paths.sort();
    Ok(paths)
}

/// The image files in a folder and in the folders in it; the others are counted.
pub fn images(folder: &Path, tally: &mut Tally) -> Result<Vec<PathBuf>> {
    let mut found = Vec::new();
    let mut seen = HashSet::new();
    let top = fs::metadata(folder).with_context(|| format!("cannot read the folder {}", folder.shown()))?;
    seen.insert((top.dev(), top.ino()));
    let mut folders = vec![folder.to_owned()];
    while let Some(next) = folders.pop() {
        let mut inside = Vec::new();
        for path in children(&next)? {
            match leads(&path) {
                Leads::Folder(metadata) if seen.insert((metadata.dev(), metadata.ino())) => inside.push(path),
                Leads::Folder(_) => tally.add(Remark::Again, &path),
                Leads::Nowhere(remark) => tally.add(remark, &path),
                Leads::File if is_image(&path, tally) => {
                    if next != folder {
                        tally.add(Remark::Deeper, &path);
                    }
                    found.push(path);
                }
                Leads::File => {}
            }
        }
        folders.extend(inside.into_iter().rev());
    }
    Ok(found)
}

/// Whether a file is an image, or should be by its name or for all that can be known: decoding it says what is wrong. Any
/// other file is counted.
pub fn is_image(path: &Path, tally: &mut Tally) -> bool {
    match sniff::kind_of(path) {
        Ok(Kind::Image(_)) | Err(_) => return true,
        Ok(Kind::Foreign(format)) => tally.add_foreign(format, path),
        Ok(Kind::Other) if sniff::promises_image(path) => return true,
        Ok(Kind::Other) => tally.add(Remark::NoImage, path),
    }
    false
}

/// Folders whose contents [`holds_images`] looks at before it gives up.
const MOST_FOLDERS: usize = 1_000;

/// Whether there is an image in a folder or in the folders in it; false for what cannot be read.
pub fn holds_images(folder: &Path) -> bool {
    let mut folders = vec![folder.to_owned()];
    let mut n_folders = 0;
    while let Some(next) = folders.pop().filter(|_| n_folders < MOST_FOLDERS) {
        n_folders += 1;
        for path in children(&next).unwrap_or_default() {
            match leads(&path) {
                Leads::Folder(_) => folders.push(path),
                Leads::File if matches!(sniff::kind_of(&path), Ok(Kind::Image(_) | Kind::Foreign(_))) => return true,
                Leads::File | Leads::Nowhere(_) => {}
            }
        }
    }
    false
}
