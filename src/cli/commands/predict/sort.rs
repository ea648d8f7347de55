//! Images sorted into a folder for each class, as copies or links. Nothing that is there is touched: an image that is
//! there already is left alone, and another one of its name gets a number.

use std::collections::HashSet;
use std::fs;
use std::io::{self, ErrorKind, Read as _};
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};

use anyhow::{Context as _, Result, ensure};
use fixmatch::base::{aside, files, text};

use crate::words::numbers::{grouped, plural};

/// The longest name of a folder, in bytes.
const MAX_BYTES: usize = 200;

/// Puts images into folders.
pub struct Sorter {
    dir: PathBuf,
    classes: Vec<String>,
    folders: Vec<String>,
    is_linking: bool,
    /// Of each class, images that were put there.
    n_put: Vec<u64>,
    n_there: u64,
    n_numbered: u64,
}

impl Sorter {
    /// Into the folder, which is made where it is missing.
    ///
    /// # Errors
    /// If it is no folder or cannot be made.
    pub fn new(dir: &Path, classes: &[String], is_linking: bool) -> Result<Self> {
        ensure!(!dir.exists() || dir.is_dir(), "{} is no folder to sort images into", dir.display());
        fs::create_dir_all(dir).with_context(|| format!("cannot make the folder {}", dir.display()))?;
        let n_put = vec![0; classes.len()];
        let (dir, folders, classes) = (dir.to_owned(), folder_names(classes), classes.to_vec());
        for folder in &folders {
            aside::remove_leftovers(&dir.join(folder)); // of one that was killed
        }
        Ok(Self { dir, classes, folders, is_linking, n_put, n_there: 0, n_numbered: 0 })
    }

    /// Puts an image into the folder of a class.
    pub fn put(&mut self, file: &Path, class: usize) -> Result<()> {
        let folder = self.dir.join(&self.folders[class]);
        let put = self.put_into(&folder, file);
        match put.with_context(|| format!("cannot put {} into {}", file.display(), folder.display()))? {
            Put::There => self.n_there += 1,
            Put::As(number) => {
                self.n_put[class] += 1;
                self.n_numbered += u64::from(number > 1);
            }
        }
        Ok(())
    }

    fn put_into(&self, folder: &Path, file: &Path) -> Result<Put> {
        fs::create_dir_all(folder)?;
        let target = std::path::absolute(file)?;
        for number in 1.. {
            let path = folder.join(numbered(file, number));
            let done = if self.is_linking { symlink(&target, &path) } else { copy(file, &path) };
            match done {
                Ok(()) => return Ok(Put::As(number)),
                Err(error) if error.kind() != ErrorKind::AlreadyExists => return Err(error.into()),
                Err(_) if self.is_there(&path, &target)? => return Ok(Put::There),
                Err(_) => {}
            }
        }
        unreachable!("there are more numbers than files")
    }

    /// Whether what has the name is this image already.
    fn is_there(&self, path: &Path, target: &Path) -> Result<bool> {
        if self.is_linking || path.is_symlink() {
            return Ok(fs::read_link(path).is_ok_and(|to| to == target));
        }
        is_same(path, target)
    }

    /// What was done, a line each.
    pub fn told(&self) -> Vec<String> {
        let what = if self.is_linking { "link" } else { "copy" };
        let counts = self.n_put.iter().enumerate().filter(|(_, n)| **n > 0);
        let counts: Vec<_> =
            counts.map(|(class, n)| format!("{} {}", text::name(&self.folders[class]), grouped(*n))).collect();
        let n = self.n_put.iter().sum();
        let what = match (what, n) {
            (_, 1) => what.to_owned(),
            ("copy", _) => "copies".to_owned(),
            _ => "links".to_owned(),
        };
        let mut lines = vec![format!(
            "{} {what} in {}: {}",
            grouped(n),
            self.dir.display(),
            if n > 0 { counts.join(", ") } else { "nothing new".into() }
        )];
        if self.n_there > 0 {
            lines.push(format!("{} there already", plural(self.n_there, "image")));
        }
        if self.n_numbered > 0 {
            lines.push(format!(
                "{} of a name that was taken, with a number behind it",
                plural(self.n_numbered, "image")
            ));
        }
        for (class, folder) in self.classes.iter().zip(&self.folders).filter(|(class, folder)| class != folder) {
            lines.push(format!("class {} is in the folder {folder}: no folder can have its name", text::name(class)));
        }
        lines
    }
}

/// What was done with an image.
enum Put {
    /// It is under its name, or from 2 on, with this number.
    As(u32),
    /// It was there.
    There,
}

/// `a.png`, `a-2.png`, …
fn numbered(file: &Path, number: u32) -> PathBuf {
    if number == 1 {
        return file.file_name().unwrap_or_default().into();
    }
    let mut name = file.file_stem().unwrap_or_default().to_owned();
    name.push(format!("-{number}"));
    if let Some(extension) = file.extension() {
        name.push(".");
        name.push(extension);
    }
    name.into()
}

/// Copies a file under a name that must be free, whole or not at all.
fn copy(file: &Path, path: &Path) -> io::Result<()> {
    if path.symlink_metadata().is_ok() {
        return Err(ErrorKind::AlreadyExists.into());
    }
    let mut from = files::open(file)?;
    let mut aside = aside::beside(path)?;
    io::copy(&mut from, aside.as_file_mut())?;
    aside.persist_noclobber(path)?;
    Ok(())
}

/// Whether two files hold the same.
fn is_same(one: &Path, other: &Path) -> Result<bool> {
    let (Ok(one), Ok(other)) = (files::open(one), files::open(other)) else { return Ok(false) };
    if one.metadata()?.len() != other.metadata()?.len() {
        return Ok(false);
    }
    let mut pair = [io::BufReader::new(one).bytes(), io::BufReader::new(other).bytes()];
    loop {
        let [one, other] = &mut pair;
        match (one.next().transpose()?, other.next().transpose()?) {
            (None, None) => return Ok(true),
            (one, other) if one != other => return Ok(false),
            _ => {}
        }
    }
}

/// A folder's name for each class: its own where that is a safe name of a file, and no two alike.
fn folder_names(classes: &[String]) -> Vec<String> {
    let mut taken: HashSet<String> = HashSet::new();
    let mut names = Vec::new();
    for (number, class) in classes.iter().enumerate() {
        let mut safe = String::new();
        for c in class.chars() {
            let is_unsafe = c == '/' || c == '\0' || c == '\\' || c.is_control() || (safe.is_empty() && c == '.');
            let c = if is_unsafe || text::is_unshown(c, safe.chars().next_back()) { '_' } else { c };
            if safe.len() + c.len_utf8() > MAX_BYTES {
                break;
            }
            safe.push(c);
        }
        let is_blank = safe.trim().is_empty();
        let mut name = if is_blank { format!("class-{number}") } else { safe };
        while !taken.insert(name.clone()) || (name != *class && classes.contains(&name)) {
            name = format!("{name}-{number}");
        }
        names.push(name);
    }
    names
}
