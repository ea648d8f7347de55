//! The binary versions of CIFAR-10 and CIFAR-100: records of label bytes and 3,072 bytes of C×H×W pixels.
//!
//! Krizhevsky, "Learning multiple layers of features from tiny images", 2009.

use std::path::{Path, PathBuf};

use anyhow::{Context as _, Result, anyhow, bail, ensure};

use super::layout::Layout;
use super::{Images, Loaded, Place, Published, refuse_resize};
use crate::base::files;
use crate::base::text::{Name, Shown as _};

/// Where to read about both.
pub const HOMEPAGE: &str = "https://www.cs.toronto.edu/~kriz/cifar.html";

/// What is known of their licence.
pub const LICENCE: &str = "none stated; cite Krizhevsky 2009";

/// The sides and channels of an image.
pub const SHAPE: (usize, usize, usize) = (SIDE, SIDE, CHANNELS);

const SIDE: usize = 32;
const CHANNELS: usize = 3;
const IMAGE_BYTES: usize = SIDE * SIDE * CHANNELS;

/// One of them.
#[derive(Clone, Copy, Debug)]
pub struct Version {
    /// What people call it.
    pub title: &'static str,
    /// The training files in the official order, then the test file.
    pub layout: Layout,
    /// The archive without its ending.
    pub archive: &'static str,
    /// The folder that the Python version unpacks to, which is pickled, and a file of it.
    pub python: (&'static str, &'static str),
    /// The label bytes of a record and how many classes each knows; the last one is the class.
    pub labels: &'static [(&'static str, usize)],
    /// The classes in the order of their labels.
    pub classes: &'static [&'static str],
}

/// Labels and H×W×C pixels of a file.
pub type Decoded = (Vec<u16>, Vec<u8>);

impl Version {
    /// Reads it.
    ///
    /// # Errors
    /// If it is not there, or a file is damaged, with the file's name.
    pub fn load(&self, place: &Place) -> Result<Loaded> {
        refuse_resize(place, self.layout.name)?;
        let folder = self.layout.find(place).ok_or_else(|| self.missing(place))?;
        let files = self.read_all(&folder)?;
        let official = files.iter().all(|(_, is_published)| *is_published);
        let mut files: Vec<Decoded> = files.into_iter().map(|(file, _)| file).collect();
        let test = files.pop().expect("there is a test file");
        let classes = self.classes.iter().map(|&class| Name::from(class)).collect();
        Ok(Loaded::fixed(classes, joined(&files), joined(&[test]), Published::Compared(official)))
    }

    /// The error for files that are not there: which other thing is.
    fn missing(&self, place: &Place) -> anyhow::Error {
        let folder = place.folder(self.layout.name);
        let (unpacked, file) = self.python;
        let is_python = |folder: &PathBuf| folder.join(file).is_file();
        if let Some(python) = [folder.clone(), folder.join(unpacked)].into_iter().find(is_python) {
            let (title, name, archive) = (self.title, self.layout.name, self.archive);
            return anyhow!(
                "{} holds the Python version of {title}, and the binary version is needed: `fixmatch data fetch {name}` gets \
                 it and is all it takes without data.path; or unpack {archive}.tar.gz from {HOMEPAGE} and set data.path to its \
                 {}",
                python.shown(),
                self.layout.unpacked.unwrap_or("folder"),
            );
        }
        self.layout.missing(place, Some(self.archive))
    }

    /// Reads the files, a thread each: hashing and transposing take longer than reading.
    fn read_all(&self, folder: &Path) -> Result<Vec<(Decoded, bool)>> {
        std::thread::scope(|scope| {
            let read = |file: &'static super::Member| move || file.read(folder, |path| self.read(path, file.n_bytes));
            let threads: Vec<_> = self.layout.files.iter().map(|file| scope.spawn(read(file))).collect();
            threads.into_iter().map(|thread| thread.join().expect("reading a file does not panic")).collect()
        })
    }

    fn read(&self, path: &Path, n_bytes: u64) -> Result<Decoded> {
        let bytes = files::read(path).with_context(|| format!("cannot read {}", path.shown()))?;
        let n = n_bytes as usize / (self.labels.len() + IMAGE_BYTES);
        self.decode(&bytes, n).with_context(|| format!("{} is damaged", path.shown()))
    }

    /// Labels and pixels of `n` records.
    ///
    /// # Errors
    /// If there are more bytes or fewer, or a label is of no class.
    pub fn decode(&self, bytes: &[u8], n: usize) -> Result<Decoded> {
        let record_bytes = self.labels.len() + IMAGE_BYTES;
        let expected = n * record_bytes;
        ensure!(
            bytes.len() == expected,
            "{} bytes instead of {expected} ({n} images): get it again with `fixmatch data fetch {}`",
            bytes.len(),
            self.layout.name,
        );
        let mut labels = Vec::with_capacity(n);
        let mut pixels = Vec::with_capacity(n * IMAGE_BYTES);
        for (index, record) in bytes.chunks_exact(record_bytes).enumerate() {
            let (of_record, planes) = record.split_at(self.labels.len());
            for (&(what, n_classes), &label) in self.labels.iter().zip(of_record) {
                if usize::from(label) >= n_classes {
                    let title = self.title;
                    let last = n_classes - 1;
                    bail!(
                        "{what} {label} of image {index} is not in 0..={last}: is this the binary version of {title}?"
                    );
                }
            }
            labels.push(u16::from(*of_record.last().expect("a record has a label")));
            let (red, rest) = planes.split_at(SIDE * SIDE);
            let (green, blue) = rest.split_at(SIDE * SIDE);
            pixels.extend(red.iter().zip(green).zip(blue).flat_map(|((&r, &g), &b)| [r, g, b]));
        }
        Ok((labels, pixels))
    }
}

fn joined(files: &[Decoded]) -> Images {
    Images {
        width: SIDE,
        height: SIDE,
        channels: CHANNELS,
        pixels: files.iter().map(|(_, pixels)| &pixels[..]).collect::<Vec<_>>().concat().into(),
        labels: files.iter().map(|(labels, _)| &labels[..]).collect::<Vec<_>>().concat(),
    }
}

#[cfg(test)]
mod tests {
    use super::super::{cifar10, cifar100};
    use super::*;

    fn record(labels: &[u8], red: u8, green: u8, blue: u8) -> Vec<u8> {
        [labels.to_vec(), vec![red; 1024], vec![green; 1024], vec![blue; 1024]].concat()
    }

    #[test]
    fn planes_become_interleaved_pixels_and_the_last_label_is_the_class() {
        for (version, coarse) in [(cifar10::VERSION, &[][..]), (cifar100::VERSION, &[19][..])] {
            let labels = |fine: u8| [coarse, &[fine]].concat();
            let mut bytes = [record(&labels(3), 10, 20, 30), record(&labels(9), 1, 2, 3)].concat();
            bytes[1 + coarse.len() + 33] = 77; // red of row 1, column 1
            let (labels, pixels) = version.decode(&bytes, 2).expect("two valid records");
            assert_eq!(labels, [3, 9]);
            assert_eq!(pixels[..3], [10, 20, 30]);
            assert_eq!(pixels[33 * 3..33 * 3 + 3], [77, 20, 30]);
            assert_eq!(pixels[IMAGE_BYTES..IMAGE_BYTES + 3], [1, 2, 3]);
        }
    }

    #[test]
    fn bad_records_are_refused() {
        let check = |version: Version, bytes: &[u8], expected: &str| {
            assert_eq!(version.decode(bytes, 1).expect_err(expected).to_string(), expected);
        };
        check(
            cifar10::VERSION,
            &record(&[0], 1, 2, 3)[..3000],
            "3000 bytes instead of 3073 (1 images): get it again with `fixmatch data fetch cifar10`",
        );
        check(
            cifar10::VERSION,
            &record(&[10], 1, 2, 3),
            "label 10 of image 0 is not in 0..=9: is this the binary version of CIFAR-10?",
        );
        check(
            cifar100::VERSION,
            &record(&[20, 0], 1, 2, 3),
            "coarse label 20 of image 0 is not in 0..=19: is this the binary version of CIFAR-100?",
        );
        check(
            cifar100::VERSION,
            &record(&[0, 100], 1, 2, 3),
            "label 100 of image 0 is not in 0..=99: is this the binary version of CIFAR-100?",
        );
    }
}
