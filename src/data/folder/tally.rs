//! What became of the files of a folder: how many were read, and of the others how many and why, with an example each.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use crate::base::text::Shown as _;
use crate::config::Color;

/// Something to say of a file.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Remark {
    /// Read, from a folder inside a class folder.
    Deeper,
    /// Read, after the camera's orientation turned it.
    Turned,
    /// Read, its transparent parts laid over a colour.
    Transparent,
    /// Read, the first frame or page of several.
    FirstOfSeveral,
    /// An image in no class folder.
    Loose,
    /// An image of a format that is not read.
    Foreign,
    /// Something else.
    NoImage,
    /// A link to nothing.
    DeadLink,
    /// A FIFO, a socket, a device.
    Special,
    /// A folder that was read already, or that the link lies in: it leads back.
    Again,
    /// Hidden, or left by an operating system.
    Hidden,
}

/// The count of each remark with its first example.
#[derive(Clone, Debug, Default)]
pub struct Tally {
    /// Files that were read.
    pub n_read: usize,
    remarks: BTreeMap<Remark, (usize, PathBuf)>,
    formats: Vec<&'static str>,
}

impl Tally {
    /// Counts a file.
    pub fn add(&mut self, remark: Remark, path: &Path) {
        self.remarks.entry(remark).or_insert_with(|| (0, path.to_owned())).0 += 1;
    }

    /// Counts an image of a format that is not read.
    pub fn add_foreign(&mut self, format: &'static str, path: &Path) {
        self.add(Remark::Foreign, path);
        if !self.formats.contains(&format) {
            self.formats.push(format);
        }
    }

    /// The same but for one remark.
    #[must_use]
    pub fn without(mut self, remark: Remark) -> Self {
        self.remarks.remove(&remark);
        self
    }

    /// Adds what was counted elsewhere.
    pub fn join(&mut self, other: Self) {
        self.n_read += other.n_read;
        for (remark, (n, example)) in other.remarks {
            self.remarks.entry(remark).or_insert((0, example)).0 += n;
        }
        for format in other.formats.into_iter().filter(|format| !self.formats.contains(format)).collect::<Vec<_>>() {
            self.formats.push(format);
        }
    }

    /// The remarks alone, paths from `root` on; empty without any.
    pub fn others(&self, root: &Path) -> String {
        self.remarks(root, Color::default()).join("; ")
    }

    /// Whether the user should hear of it even if all went well: anything but hidden files and turned images.
    pub fn is_loud(&self) -> bool {
        self.remarks.keys().any(|remark| !matches!(remark, Remark::Hidden | Remark::Turned))
    }

    /// All of it in one line, paths from `root` on.
    pub fn say(&self, root: &Path, background: Color) -> String {
        let left_out = |remark: &Remark| *remark >= Remark::Loose && *remark != Remark::Again;
        let n_left_out: usize = self.remarks.iter().filter(|(remark, _)| left_out(remark)).map(|(_, (n, _))| n).sum();
        let head = format!("{} of {} files read", self.n_read, self.n_read + n_left_out);
        [vec![head], self.remarks(root, background)].concat().join("; ")
    }

    fn remarks(&self, root: &Path, background: Color) -> Vec<String> {
        let remark = |(remark, (n, example)): (&Remark, &(usize, PathBuf))| {
            let what = match remark {
                Remark::Transparent => format!("{} \"{background}\"", remark.words(*n)),
                Remark::Foreign => format!("{} ({}; PNG or JPEG is)", remark.words(*n), self.formats.join(", ")),
                _ => remark.words(*n).to_owned(),
            };
            let path = example.strip_prefix(root).unwrap_or(example).shown();
            format!("{n} {what}{} {path}", if *n > 1 { ", such as" } else { ":" })
        };
        self.remarks.iter().map(remark).collect()
    }
}

impl Remark {
    /// What is said of so many files.
    fn words(self, n: usize) -> &'static str {
        let few = |one, several| if n > 1 { several } else { one };
        match self {
            Self::Deeper => few("in a folder inside a class folder", "in folders inside class folders"),
            Self::Turned => few("turned as its camera says", "turned as their camera says"),
            Self::Transparent => "with transparent parts, laid over data.background =",
            Self::FirstOfSeveral => "with several frames or pages, of which the first counts",
            Self::Loose => "left out, in no class folder",
            Self::Foreign => "left out, in a format that is not read",
            Self::NoImage => few("file that is not an image", "files that are not images"),
            Self::DeadLink => few("broken link", "broken links"),
            Self::Special => few("special file", "special files"),
            Self::Again => few("link to a folder read already", "links to folders read already"),
            Self::Hidden => few("hidden or system file", "hidden or system files"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_tally_says_what_was_left_out_and_why() {
        let mut tally = Tally { n_read: 9, ..Tally::default() };
        tally.add(Remark::Hidden, Path::new("data/train/.DS_Store"));
        assert!(!tally.is_loud());
        tally.add(Remark::Deeper, Path::new("data/train/cat/more/1.png"));
        for name in ["notes.txt", "old.txt"] {
            tally.add(Remark::NoImage, &Path::new("data/train/cat").join(name));
        }
        tally.add_foreign("HEIC", Path::new("data/train/cat/2.heic"));
        assert!(tally.is_loud());
        assert_eq!(
            tally.say(Path::new("data"), Color::default()),
            "9 of 13 files read; 1 in a folder inside a class folder: train/cat/more/1.png; 1 left out, in a format that \
             is not read (HEIC; PNG or JPEG is): train/cat/2.heic; 2 files that are not images, such as train/cat/notes.txt; 1 hidden or \
             system file: train/.DS_Store"
        );
    }
}
