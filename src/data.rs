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
pub mod download;
pub mod duplicates;
pub mod embedded;
pub mod fashion_mnist;
pub mod fetch;
pub mod folder;
pub mod idx;
mod layout;
mod mat;
pub mod means;
pub mod nearest;
pub mod pixels;
pub mod preprocess;
mod print;
pub mod stl10;
pub mod svhn;

use std::path::{Path, PathBuf};

use anyhow::{Result, anyhow, bail, ensure};
use sha2::{Digest as _, Sha256};

use crate::base::alike::did_you_mean;
use crate::base::hex::hex;
use crate::base::host;
use crate::base::image::Image;
use crate::base::text::Name;
use crate::config::{Color, Data, Fit};

use self::cache::Print;
use self::checksum::Checksum;
use self::folder::Reading;
use self::folder::holdout::HeldOut;
use self::means::Means;
use self::pixels::Pixels;

/// Images of one size with their labels; `pixels` is N×H×W×C.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Images {
    /// Pixels per row.
    pub width: usize,
    /// Rows.
    pub height: usize,
    /// Bytes per pixel: 1 (gray) or 3 (RGB).
    pub channels: usize,
    /// `n × height × width × channels` bytes, image after image.
    pub pixels: Pixels,
    /// The class of each image, or [`UNKNOWN`].
    pub labels: Vec<u16>,
}

/// The label of an image whose class is not known.
pub const UNKNOWN: u16 = u16::MAX;

impl Images {
    /// How many images.
    pub fn n(&self) -> usize {
        self.labels.len()
    }

    /// Bytes per image.
    pub fn bytes_per_image(&self) -> usize {
        self.width * self.height * self.channels
    }

    /// The bytes of image `i`, H×W×C.
    pub fn pixels_of(&self, i: usize) -> &[u8] {
        let size = self.bytes_per_image();
        &self.pixels[i * size..(i + 1) * size]
    }

    /// A copy of image `i`.
    pub fn image(&self, i: usize) -> Image {
        Image::new(self.width, self.height, self.channels, self.pixels_of(i).to_vec())
    }

    /// These images and behind them others of the same shape.
    #[must_use]
    pub fn followed_by(mut self, others: Option<Self>) -> Self {
        if let Some(others) = others {
            self.pixels = self.pixels.followed_by(&others.pixels);
            self.labels.extend(others.labels);
        }
        self
    }

    /// Whether the class of every image is known.
    pub fn are_known(&self) -> bool {
        !self.labels.contains(&UNKNOWN)
    }

    /// How many images each class has; those of unknown class are not counted.
    pub fn class_counts(&self, n_classes: usize) -> Vec<usize> {
        let mut counts = vec![0; n_classes];
        for &label in self.labels.iter().filter(|label| **label != UNKNOWN) {
            counts[usize::from(label)] += 1;
        }
        counts
    }
}

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
    fn check_memory(&self, available: Option<u64>) -> Result<()> {
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
    fn folder(&self, name: &str) -> PathBuf {
        self.path.map_or_else(|| self.data_dir.join(name), Path::to_path_buf)
    }

    /// The error for a data set that is not in a folder, because `absent` is not.
    fn missing(&self, name: &str, folder: &Path, absent: &str) -> anyhow::Error {
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
    use super::*;

    fn two_images() -> Images {
        Images { width: 2, height: 1, channels: 1, pixels: vec![1, 2, 3, 4].into(), labels: vec![0, 2] }
    }

    #[test]
    fn an_image_is_its_slice_of_the_pixels() {
        let images = two_images();
        assert_eq!(images.n(), 2);
        assert_eq!(images.pixels_of(1), [3, 4]);
        assert_eq!(images.image(0), Image::new(2, 1, 1, vec![1, 2]));
        assert_eq!(images.class_counts(3), [1, 0, 1]);
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
