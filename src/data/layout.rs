//! Where the files of a published data set lie on this machine.

use std::path::{Path, PathBuf};

use anyhow::{Result, anyhow};

use super::{Member, Place};
use crate::base::text::Shown as _;

/// The files of a published data set.
#[derive(Clone, Copy, Debug)]
pub struct Layout {
    /// The data set's name.
    pub name: &'static str,
    /// Its files.
    pub files: &'static [Member],
    /// The folder that its archive unpacks to, if it comes in one.
    pub unpacked: Option<&'static str>,
}

impl Layout {
    /// The folder itself, and where the official archive puts a folder of its own: inside it or beside it.
    pub fn folders(&self, place: &Place) -> Vec<PathBuf> {
        let folder = place.folder(self.name);
        let mut folders = vec![folder.clone()];
        if let Some(unpacked) = self.unpacked {
            folders.push(folder.join(unpacked));
            let beside = folder.parent().map(|parent| parent.join(unpacked));
            folders.extend(beside.filter(|beside| *beside != folder));
        }
        folders
    }

    /// The first of these that has all files.
    pub fn find(&self, place: &Place) -> Option<PathBuf> {
        self.whole(self.folders(place))
    }

    /// The first of some folders that has all files.
    pub fn whole(&self, folders: Vec<PathBuf>) -> Option<PathBuf> {
        let is_whole = |folder: &PathBuf| self.files.iter().all(|file| folder.join(file.file_name()).is_file());
        folders.into_iter().find(is_whole)
    }

    /// The error for files that are not there: an archive that is still to be unpacked, or the first file that is absent.
    pub fn missing(&self, place: &Place, archive: Option<&str>) -> anyhow::Error {
        let folder = place.folder(self.name);
        let archives = archive.into_iter().flat_map(|stem| [format!("{stem}.tar.gz"), format!("{stem}.tar")]);
        if let (Some(path), Some(unpacked)) =
            (archives.map(|name| folder.join(name)).find(|path| path.is_file()), self.unpacked)
        {
            return anyhow!("{} is an archive: unpack it (tar -xf), and its {unpacked} is found", path.shown());
        }
        let names = || self.files.iter().map(Member::file_name);
        let has_some = |folder: &PathBuf| names().any(|name| folder.join(name).is_file());
        let folder = self.folders(place).into_iter().find(has_some).unwrap_or(folder);
        let absent = names().find(|name| !folder.join(name).is_file());
        place.missing(self.name, &folder, absent.unwrap_or("a file"))
    }
}

impl Member {
    /// Reads it from a folder, as `decode` does, and says whether it is the published file. Both at once: a checksum takes
    /// about as long as decoding.
    ///
    /// # Errors
    /// Those of `decode`, and if it cannot be read.
    pub fn read<T: Send>(&self, folder: &Path, decode: impl FnOnce(&Path) -> Result<T> + Send) -> Result<(T, bool)> {
        let path = folder.join(self.file_name());
        std::thread::scope(|scope| {
            let decoded = scope.spawn(|| decode(&path));
            let is_published = self.checksum.is_of(&path);
            let decoded = decoded.join().expect("decoding a file does not panic")?;
            Ok((decoded, is_published?))
        })
    }
}
