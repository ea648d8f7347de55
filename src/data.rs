//! Data sets as bytes: images and labels in memory, where they come from, and which of them are labeled.
//!
//! A data set is a name in [`DATASETS`], a loader, and for those that can be fetched the official files with their
//! checksums. Adding one is one file below `data/` and one line in that table. Everything is read whole (the largest,
//! STL-10, is 3.1 GB) and stays `u8`; this module knows neither tensors nor augmentation nor the terminal.

pub mod cache;
pub mod checksum;
mod cifar;
pub mod cifar10;
pub mod cifar100;
pub mod decode;
mod descriptor;
pub mod download;
pub mod duplicates;
pub mod embedded;
pub mod fashion_mnist;
pub mod fetch;
pub mod folder;
pub mod idx;
mod images;
mod layout;
mod mat;
pub mod means;
pub mod nearest;
pub mod pixels;
pub mod preprocess;
mod print;
pub mod stl10;
pub mod svhn;

pub use descriptor::{Descriptor, Download, Found, Loaded, Member, Place, Published, Unpack};
pub use images::{Images, UNKNOWN, images_a_pass};

use std::path::{Path, PathBuf};

use anyhow::{Result, bail, ensure};
use sha2::{Digest as _, Sha256};

use crate::base::alike::did_you_mean;
use crate::base::hex::hex;
use crate::base::host;
use crate::base::text::Name;
use crate::config::Data;

use self::cache::Print;
use self::folder::Reading;
use self::folder::holdout::HeldOut;
use self::means::Means;

/// A data set in memory.
#[derive(Clone, Debug)]
pub struct Dataset {
    /// Its name in [`DATASETS`].
    pub name: String,
    /// The classes' names; a label is an index into them.
    pub classes: Vec<Name>,
    /// The training images whose class is known.
    pub train: Images,
    /// Those whose class is not, if there are any: numbered behind the others.
    pub unlabeled: Option<Images>,
    /// The test images.
    pub test: Images,
    /// SHA-256 in hex over shapes, pixels and labels, training images first (see [`digest`]).
    pub digest: String,
    /// Whether these are the published images.
    pub known: Known,
    /// For a folder of images, how many files were read, and which were left out and why.
    pub read: Option<String>,
    /// Of a folder or a list of images, the files.
    pub own: Option<Own>,
    /// Label sets that come with it: indices of training images.
    pub folds: Vec<Vec<u32>>,
    /// What the user should be told about this copy, a sentence each.
    pub warnings: Vec<String>,
}

#[cfg(test)]
impl Dataset {
    /// Black images of one pixel with these labels, to train and to test on.
    pub fn black(classes: &[&str], labels: Vec<u16>) -> Self {
        let images = Images { width: 1, height: 1, channels: 1, pixels: vec![0; labels.len()].into(), labels };
        Self {
            name: "pets".into(),
            classes: classes.iter().map(|&class| class.into()).collect(),
            train: images.clone(),
            unlabeled: None,
            test: images,
            digest: "d".repeat(64),
            known: Known::Own,
            read: None,
            own: None,
            folds: Vec::new(),
            warnings: Vec::new(),
        }
    }
}

impl Dataset {
    /// How many images there are to train on, of known class or not.
    pub fn n_pool(&self) -> usize {
        self.train.n() + self.unlabeled.as_ref().map_or(0, Images::n)
    }

    /// Bytes of pixels that are in memory.
    pub fn n_held(&self) -> usize {
        let all = [Some(&self.train), self.unlabeled.as_ref(), Some(&self.test)].into_iter().flatten();
        all.filter(|images| !images.pixels.are_mapped()).map(|images| images.pixels.len()).sum()
    }

    /// The same with all of them in `train`, in their order: those of unknown class behind the others.
    #[must_use]
    pub fn pooled(mut self) -> Self {
        self.train = match self.unlabeled.take() {
            Some(all) if self.train.n() == 0 => all, // mapped images stay so
            others => self.train.followed_by(others),
        };
        if let Some(own) = &mut self.own {
            let unlabeled = std::mem::take(&mut own.files.unlabeled);
            own.files.train.extend(unlabeled);
        }
        self
    }
}

/// What is known of a folder or a list of images beside the images.
#[derive(Clone, Debug, PartialEq)]
pub struct Own {
    /// The files of the images.
    pub files: Files,
    /// How the test images were held out, if they were.
    pub held_out: Option<HeldOut>,
    /// What each shows: the training images, those of unknown class, the test images.
    pub prints: Vec<Print>,
    /// How they were read.
    pub reading: Reading,
}

/// The files of the images of a data set, in their order.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Files {
    /// Where names of files start: the folder, or that of the list.
    pub folder: PathBuf,
    /// Those of the training images whose class is known.
    pub train: Vec<PathBuf>,
    /// Those of the training images whose class is not.
    pub unlabeled: Vec<PathBuf>,
    /// Those of the test images.
    pub test: Vec<PathBuf>,
}

/// Whether a copy of a data set is the published one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Known {
    /// Byte for byte the published images.
    Official,
    /// The right layout, but other bytes than the published ones.
    Unknown,
    /// The user's own images: nothing to compare with.
    Own,
}

/// Every data set, in the order in which they are listed.
pub const DATASETS: &[Descriptor] = &[
    embedded::DESCRIPTOR,
    fashion_mnist::DESCRIPTOR,
    cifar10::DESCRIPTOR,
    cifar100::DESCRIPTOR,
    svhn::DESCRIPTOR,
    svhn::WITH_EXTRA,
    stl10::DESCRIPTOR,
    folder::DESCRIPTOR,
];

/// The descriptor of data set `name`.
pub fn find(name: &str) -> Result<&'static Descriptor> {
    if let Some(descriptor) = DATASETS.iter().find(|descriptor| descriptor.name == name) {
        return Ok(descriptor);
    }
    let names: Vec<_> = DATASETS.iter().map(|descriptor| descriptor.name).collect();
    let meant = did_you_mean(name, names.iter().copied());
    bail!("there is no data set {name:?}; {meant}choose one of {}", names.join(", "))
}

/// Loads the data set of a configuration to train on it, from `data.path` if given, else from the embedded images, `data_dir`
/// or a system package. Decoded images of a folder are kept in the cache directory. Where no class is known, all images
/// are training images of unknown class, and there are no classes. There may be no test images.
///
/// # Errors
/// If it cannot be read, or there is nothing to train on: see [`read`].
pub fn load(data: &Data, data_dir: &Path) -> Result<Dataset> {
    load_with(data, data_dir, &Means::usual(None)?)
}

/// The same with these means.
pub fn load_with(data: &Data, data_dir: &Path, means: &Means) -> Result<Dataset> {
    let dataset = read(data, data_dir, means)?;
    ensure!(dataset.n_pool() > 0, "{} has no training images", data.dataset);
    Ok(if dataset.train.n() == 0 { dataset.pooled() } else { dataset })
}

/// The same as it lies there: images of which no class is known are not among the training images.
pub fn read(data: &Data, data_dir: &Path, means: &Means) -> Result<Dataset> {
    let descriptor = find(&data.dataset)?;
    descriptor.check_memory(host::available_bytes())?;
    let loaded = (descriptor.load)(&Place::of(data, data_dir, means))?;
    Ok(describe(descriptor, loaded))
}

/// Checks before a run is made that its images are there.
pub fn check(data: &Data, data_dir: &Path) -> Result<()> {
    let descriptor = find(&data.dataset)?;
    let place = Place::of(data, data_dir, &means::NONE);
    match (descriptor.find)(&place) {
        Some(_) => Ok(()),
        None if place.path.is_none() => {
            let (name, title) = (descriptor.name, descriptor.title);
            bail!("{title} is not on this machine; `fixmatch data fetch {name}` gets it")
        }
        // the loader says best what is missing
        None => (descriptor.load)(&place).map(|_| ()),
    }
}

/// Refuses `resize` for a data set whose images all have one fixed size.
fn refuse_resize(place: &Place, name: &str) -> Result<()> {
    ensure!(place.resize.is_none(), "{name} cannot be resized: data.resize is for a folder of images, remove it");
    Ok(())
}

fn describe(descriptor: &Descriptor, loaded: Loaded) -> Dataset {
    let Loaded { classes, train, unlabeled, test, published, read, own, folds, mut warnings } = loaded;
    let digest = digest(&train, &test, unlabeled.as_ref());
    let known = match published {
        Published::Digest(official) if official == digest => Known::Official,
        Published::Compared(true) => Known::Official,
        Published::Digest(_) | Published::Compared(false) => Known::Unknown,
        Published::Never => Known::Own,
    };
    if known == Known::Unknown {
        warnings.push(format!(
            "these are not the published images of {} (pixel digest {}…): results may differ from published ones",
            descriptor.title,
            &digest[..12],
        ));
    }
    let name = descriptor.name.into();
    Dataset { name, classes, train, unlabeled, test, digest, known, read, own, folds, warnings }
}

/// SHA-256 in hex over the training, the test and then any unlabeled images: for each their number, height, width and channels as
/// little-endian u32, the pixels, and the labels as little-endian u16.
pub fn digest(train: &Images, test: &Images, unlabeled: Option<&Images>) -> String {
    let mut hash = Sha256::new();
    for images in [train, test].into_iter().chain(unlabeled) {
        for number in [images.n(), images.height, images.width, images.channels] {
            hash.update((number as u32).to_le_bytes());
        }
        hash.update(&*images.pixels);
        let labels: Vec<u8> = images.labels.iter().flat_map(|label| label.to_le_bytes()).collect();
        hash.update(labels);
    }
    hex(&hash.finalize())
}

#[cfg(test)]
mod tests {
    use super::checksum::Checksum;
    use super::*;

    fn two_images() -> Images {
        Images { width: 2, height: 1, channels: 1, pixels: vec![1, 2, 3, 4].into(), labels: vec![0, 2] }
    }

    #[test]
    fn the_digest_covers_shapes_pixels_and_labels_of_both_parts() {
        let images = two_images();
        let base = digest(&images, &images, None);
        // sha256 of twice 02000000 01000000 02000000 01000000 01020304 00000200, by sha256sum
        assert_eq!(base, "d13d23688c9ff804c4ef9ee98899d45ad1f1ed0fc156a1074751d7fae953959e");
        let turned = Images { width: 1, height: 2, ..two_images() };
        let other_pixel = Images { pixels: vec![1, 2, 3, 5].into(), ..two_images() };
        let other_label = Images { labels: vec![0, 1], ..two_images() };
        for changed in [turned, other_pixel, other_label] {
            assert_ne!(digest(&changed, &images, None), base);
            assert_ne!(digest(&images, &changed, None), base);
        }
        assert_ne!(digest(&images, &images, Some(&images)), base);
    }

    #[test]
    fn an_unknown_name_lists_the_known_ones() {
        let error = find("mnist").expect_err("no such data set").to_string();
        assert!(error.starts_with("there is no data set \"mnist\"; choose one of fashion-mini, "), "{error}");
    }

    #[test]
    fn names_are_unique_and_every_download_has_its_checksum() {
        for (i, descriptor) in DATASETS.iter().enumerate() {
            assert!(DATASETS[..i].iter().all(|other| other.name != descriptor.name), "{}", descriptor.name);
            for download in descriptor.downloads {
                assert!(download.sha256.len() == 64 && download.n_bytes > 0, "{}", download.url);
                let members = if let Unpack::TarGz(members) = download.unpack { members } else { &[] };
                for Member { path, n_bytes, checksum } in members {
                    let n_digits = match checksum {
                        Checksum::Sha256(_) => 64,
                        Checksum::Sha1(_) => 40,
                        Checksum::Md5(_) => 32,
                    };
                    assert!(checksum.digits().len() == n_digits && *n_bytes > 0, "{path}");
                }
            }
        }
    }

    #[test]
    fn a_data_set_that_does_not_fit_into_memory_is_refused_before_it_is_read() {
        assert_eq!(stl10::DESCRIPTOR.n_bytes(), Some(113_000 * 96 * 96 * 3));
        let refusal = stl10::DESCRIPTOR.check_memory(Some(2 << 30)).expect_err("too large").to_string();
        assert_eq!(
            refusal,
            "the images of STL-10 take 3124 MB and this machine has 2147 MB of memory: take one with more"
        );
        for descriptor in DATASETS {
            assert!(descriptor.check_memory(Some(4 << 30)).is_ok() && descriptor.check_memory(None).is_ok());
        }
    }
}
