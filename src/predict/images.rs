//! Which images are to be told: files, those in folders, and those that lists name.

use std::ffi::OsStr;
use std::io::{Read as _, stdin};
use std::os::unix::ffi::OsStrExt as _;
use std::path::{Path, PathBuf};

use crate::base::files;
use crate::classifier::wire::Question;
use crate::data::{self, Dataset, folder, images_a_pass};
use crate::labels::recorded;
use crate::labels::set::LabeledImages;
use crate::run::dir::RunDir;
use anyhow::{Context as _, Result, ensure};

/// Images with what they are called.
pub enum Images {
    /// Files.
    Files(Vec<PathBuf>),
    /// The unlabeled training images of a run.
    OfRun {
        /// All of its training images.
        images: data::Images,
        /// Which of them.
        indices: Vec<u32>,
        /// The files of all, where they are files.
        files: Vec<PathBuf>,
    },
}

impl Images {
    /// The training images that a run has no labels of, of its data set.
    ///
    /// # Errors
    /// If the data set is another one, the run has no labels yet, or all are labeled.
    pub fn unlabeled(dir: &RunDir, dataset: Dataset) -> Result<Self> {
        let (labels, dataset) = recorded::with_dataset(dir, dataset)?;
        let n_train = dataset.train.n();
        let images = dataset.train.followed_by(dataset.unlabeled);
        let mut indices = labels.unlabeled(n_train, LabeledImages::LeftOut);
        indices.extend(n_train as u32..images.n() as u32);
        ensure!(!indices.is_empty(), "{} has no unlabeled images: all {n_train} are labeled", dir.id());
        let files = dataset.own.map_or_else(Vec::new, |own| [own.files.train, own.files.unlabeled].concat());
        Ok(Self::OfRun { images, indices, files })
    }

    /// At most so many of them, spread evenly.
    #[must_use]
    pub fn at_most(self, most: usize) -> Self {
        fn spread<T: Clone>(all: &[T], most: usize) -> Vec<T> {
            let n = all.len().min(most);
            (0..n).map(|i| all[i * all.len() / n].clone()).collect()
        }
        match self {
            Self::Files(files) => Self::Files(spread(&files, most)),
            Self::OfRun { images, indices, files } => Self::OfRun { images, indices: spread(&indices, most), files },
        }
    }

    /// The images that paths lead to, in their order; those below `except`, a folder that is written to, left out. With a
    /// sentence on each other file that was found. Relative paths in a list start at its folder; those on standard input, at the current one.
    ///
    /// # Errors
    /// If a path leads nowhere, a list cannot be read, or there is no image at all. What a list names need not be there.
    pub fn of_paths(paths: &[PathBuf], except: Option<&Path>) -> Result<(Self, Vec<String>)> {
        let mut files = Vec::new();
        let mut other = Vec::new();
        for path in paths {
            if path.as_os_str() == "-" {
                let mut list = Vec::new();
                let mut input = stdin().lock().take(files::MAX_TEXT + 1);
                input.read_to_end(&mut list).context("cannot read standard input")?;
                ensure!(list.len() as u64 <= files::MAX_TEXT, "standard input has more than {} bytes", files::MAX_TEXT);
                for path in listed(&list) {
                    add(&path, &mut files, &mut other)?;
                }
                continue;
            }
            ensure!(path.exists() || path.is_symlink(), "there is no {}", path.display());
            if path.is_file() && path.extension().is_some_and(|extension| extension == "txt") {
                let list = files::read_at_most(path, files::MAX_TEXT);
                let folder = path.parent().unwrap_or(Path::new(""));
                for path in listed(&list.with_context(|| format!("cannot read {}", path.display()))?) {
                    add(&folder.join(path), &mut files, &mut other)?;
                }
            } else {
                add(path, &mut files, &mut other)?;
            }
        }
        let n_named = files.len();
        if let Some(except) = except.and_then(|except| except.canonicalize().ok()) {
            files.retain(|file| !file.canonicalize().is_ok_and(|file| file.starts_with(&except)));
        }
        ensure!(
            n_named == 0 || !files.is_empty(),
            "all {n_named} images that were named lie where they are to be sorted into"
        );
        ensure!(!files.is_empty(), "there are no images to predict in what was named");
        Ok((Self::Files(files), other))
    }

    /// How many.
    pub fn n(&self) -> usize {
        match self {
            Self::Files(files) => files.len(),
            Self::OfRun { indices, .. } => indices.len(),
        }
    }

    /// Whether each is a file.
    pub fn are_files(&self) -> bool {
        self.file(0).is_some()
    }

    /// The number of image `i` among a run's training images.
    pub fn index(&self, i: usize) -> Option<u32> {
        match self {
            Self::Files(_) => None,
            Self::OfRun { indices, .. } => Some(indices[i]),
        }
    }

    /// The file of image `i`.
    pub fn file(&self, i: usize) -> Option<&Path> {
        let file = match self {
            Self::Files(files) => files.get(i),
            Self::OfRun { indices, files, .. } => files.get(indices[i] as usize),
        };
        file.map(PathBuf::as_path)
    }

    /// What the worker is asked, in their order: about each file, or about the pixels of many images at once.
    pub fn questions(&self) -> Box<dyn Iterator<Item = Question> + '_> {
        match self {
            Self::Files(files) => Box::new(files.iter().cloned().map(Question::File)),
            Self::OfRun { images, indices, .. } => {
                let pixels = |index: &u32| images.pixels_of(*index as usize);
                let n_at_once = images_a_pass(images.width * images.height);
                let blocks = indices.chunks(n_at_once).map(move |block| block.iter().map(pixels).collect::<Vec<_>>());
                Box::new(blocks.map(|block| Question::Pixels(block.concat())))
            }
        }
    }
}

/// The images of a folder, or a file.
fn add(path: &Path, files: &mut Vec<PathBuf>, other: &mut Vec<String>) -> Result<()> {
    if !path.is_dir() {
        files.push(path.to_owned());
        return Ok(());
    }
    let (found, left_out) = folder::images_in(path)?;
    files.extend(found);
    if let Some(left_out) = left_out {
        other.push(format!("{} holds {left_out}", path.display()));
    }
    Ok(())
}

/// The paths of a list: one a line, or where names hold line ends, with a NUL behind each, as `find -print0` writes them.
fn listed(list: &[u8]) -> Vec<PathBuf> {
    let end = if list.contains(&0) { 0 } else { b'\n' };
    let lines = list.split(|byte| *byte == end);
    let lines = lines.map(|line| if end == b'\n' { line.strip_suffix(b"\r").unwrap_or(line) } else { line });
    lines.filter(|line| !line.is_empty()).map(|line| PathBuf::from(OsStr::from_bytes(line))).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn some_of_many_are_spread_evenly() {
        let files = |n: usize| Images::Files((0..n).map(|i| i.to_string().into()).collect());
        let names = |images: Images| (0..images.n()).map(|i| images.file(i).expect("a file").to_owned()).collect();
        let some: Vec<PathBuf> = names(files(10).at_most(4));
        assert_eq!(some, ["0", "2", "5", "7"].map(PathBuf::from));
        assert_eq!((files(3).at_most(4).n(), files(0).at_most(4).n()), (3, 0));
    }

    #[test]
    fn a_list_has_a_path_a_line_or_one_before_each_nul() {
        let cases: [(&[u8], &[&str]); 4] = [
            (b"a.png\nb c.png\n", &["a.png", "b c.png"]),
            (b"a.png\r\n\r\nb.png", &["a.png", "b.png"]),
            (b"a\nb.png\0c.png\0", &["a\nb.png", "c.png"]),
            (b"", &[]),
        ];
        for (list, expected) in cases {
            assert_eq!(listed(list), expected.iter().map(PathBuf::from).collect::<Vec<_>>());
        }
    }
}
