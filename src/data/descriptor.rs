//! What a data set says of itself before it is loaded, where it is looked for, and what its loader hands back.

use std::path::{Path, PathBuf};

use anyhow::{Result, anyhow, ensure};

use crate::base::text::Name;
use crate::config::{Color, Data, Fit};

use super::checksum::Checksum;
use super::means::{self, Means};
use super::{Images, Own};

/// A data set that fixmatch can load, before it is loaded.
#[derive(Clone, Copy, Debug)]
pub struct Descriptor {
    /// What configurations call it.
    pub name: &'static str,
    /// What people call it.
    pub title: &'static str,
    /// Training images of known class and test images, where they are fixed.
    pub n_images: Option<(usize, usize)>,
    /// Further training images, whose class nobody knows.
    pub n_unlabeled: usize,
    /// Width, height and channels, where they are fixed.
    pub shape: Option<(usize, usize, usize)>,
    /// The licence, or what is known of it.
    pub licence: &'static str,
    /// Where to read about it.
    pub homepage: &'static str,
    /// What `fixmatch data fetch` downloads; empty if there is nothing to fetch.
    pub downloads: &'static [Download],
    /// The folders in which a copy is looked for, the likeliest first; none if it is compiled in.
    pub looks_in: fn(&Place) -> Vec<PathBuf>,
    /// Finds a copy on this machine.
    pub find: fn(&Place) -> Option<Found>,
    /// Reads it.
    pub load: fn(&Place) -> Result<Loaded>,
}

impl Descriptor {
    /// Bytes of its pixels, where they are fixed.
    pub fn n_bytes(&self) -> Option<u64> {
        let ((n_train, n_test), (width, height, channels)) = (self.n_images?, self.shape?);
        Some(((n_train + self.n_unlabeled + n_test) * width * height * channels) as u64)
    }

    /// Refuses to read what does not fit into memory.
    pub(super) fn check_memory(&self, available: Option<u64>) -> Result<()> {
        let (needed, available) = (self.n_bytes().unwrap_or(0), available.unwrap_or(u64::MAX));
        ensure!(
            needed < available,
            "the images of {} take {} MB and this machine has {} MB of memory: take one with more",
            self.title,
            needed / 1_000_000,
            available / 1_000_000,
        );
        Ok(())
    }
}

/// One official file to download.
#[derive(Clone, Copy, Debug)]
pub struct Download {
    /// Its official address; the last part is the file's name.
    pub url: &'static str,
    /// Its size.
    pub n_bytes: u64,
    /// Its published SHA-256, in hex.
    pub sha256: &'static str,
    /// The files that it becomes.
    pub unpack: Unpack,
}

impl Download {
    /// The file's name: the last part of its address.
    pub fn file_name(&self) -> &'static str {
        self.url.rsplit('/').next().expect("rsplit gives at least one part")
    }

    /// Itself as a file of the data set, where it is kept as it is.
    pub const fn kept(&self) -> Member {
        Member { path: self.url, n_bytes: self.n_bytes, checksum: Checksum::Sha256(self.sha256) }
    }
}

/// What becomes of a downloaded file.
#[derive(Clone, Copy, Debug)]
pub enum Unpack {
    /// It is kept as it is.
    Keep,
    /// A gzipped tar archive, of which these files are kept, without their folders.
    TarGz(&'static [Member]),
}

/// A file of a data set.
#[derive(Clone, Copy, Debug)]
pub struct Member {
    /// Its path inside the archive; the last part is its name.
    pub path: &'static str,
    /// Its size.
    pub n_bytes: u64,
    /// Its checksum, in the kind that was published.
    pub checksum: Checksum,
}

impl Member {
    /// The file's name without its folder.
    pub fn file_name(&self) -> &'static str {
        self.path.rsplit('/').next().expect("rsplit gives at least one part")
    }
}

/// Where to look for a data set and how to read it.
#[derive(Clone, Copy, Debug)]
pub struct Place<'a> {
    /// The user's own copy, instead of the usual places.
    pub path: Option<&'a Path>,
    /// The side in pixels to resize images to (folders only).
    pub resize: Option<u32>,
    /// How an image becomes a square (folders only).
    pub fit: Fit,
    /// What lies behind transparent parts of images (folders only).
    pub background: Color,
    /// The share that is held out to test on, and the seed of the draw (folders only).
    pub holdout: (Option<f64>, Option<u64>),
    /// Where fetched data sets live.
    pub data_dir: &'a Path,
    /// What images are read with (folders only).
    pub means: &'a Means<'a>,
}

impl<'a> Place<'a> {
    /// Where a configuration says that its images are.
    pub fn of(data: &'a Data, data_dir: &'a Path, means: &'a Means) -> Self {
        Self {
            path: data.path.as_deref(),
            resize: data.resize,
            fit: data.fit.unwrap_or_default(),
            background: data.background.unwrap_or_default(),
            holdout: (data.holdout, data.holdout_seed),
            data_dir,
            means,
        }
    }

    /// The usual places.
    pub fn usual(data_dir: &'a Path) -> Self {
        Self {
            path: None,
            resize: None,
            fit: Fit::default(),
            background: Color::default(),
            holdout: (None, None),
            data_dir,
            means: &means::NONE,
        }
    }

    /// The folder of data set `name`: the user's, else the one that it is fetched into.
    pub(super) fn folder(&self, name: &str) -> PathBuf {
        self.path.map_or_else(|| self.data_dir.join(name), Path::to_path_buf)
    }

    /// The error for a data set that is not in a folder, because `absent` is not.
    pub(super) fn missing(&self, name: &str, folder: &Path, absent: &str) -> anyhow::Error {
        let advice = if self.path.is_some() { "check data.path, or remove it and" } else { "to get it," };
        anyhow!("no {name} in {}: {absent} is missing; {advice} run `fixmatch data fetch {name}`", folder.display())
    }
}

/// Where a data set was found.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Found {
    /// Compiled into the program.
    Embedded,
    /// In this folder.
    Folder(PathBuf),
}

/// What a loader hands back.
#[derive(Clone, Debug)]
pub struct Loaded {
    /// The classes' names.
    pub classes: Vec<Name>,
    /// The training images whose class is known.
    pub train: Images,
    /// Those whose class is not, if there are any.
    pub unlabeled: Option<Images>,
    /// The test images.
    pub test: Images,
    /// How to tell whether these are the published images.
    pub published: Published,
    /// For a folder of images, how many files were read, and which were left out and why.
    pub read: Option<String>,
    /// Of a folder or a list of images, the files.
    pub own: Option<Own>,
    /// Label sets that come with it: indices of training images.
    pub folds: Vec<Vec<u32>>,
    /// What the user should be told, a sentence each.
    pub warnings: Vec<String>,
}

impl Loaded {
    /// A published data set of which every class is known, with nothing to tell.
    pub fn fixed(classes: Vec<Name>, train: Images, test: Images, published: Published) -> Self {
        Self {
            classes,
            train,
            unlabeled: None,
            test,
            published,
            read: None,
            own: None,
            folds: Vec::new(),
            warnings: Vec::new(),
        }
    }
}

/// How to tell whether a copy is the published one.
#[derive(Clone, Copy, Debug)]
pub enum Published {
    /// The digest of the published images.
    Digest(&'static str),
    /// The loader compared the files' own checksums, with this result.
    Compared(bool),
    /// They never were.
    Never,
}
