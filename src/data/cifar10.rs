//! CIFAR-10, binary version: six files of 10,000 records, each a label byte and 3,072 bytes of C×H×W pixels.
//!
//! Krizhevsky, "Learning multiple layers of features from tiny images", 2009. The training images are in the official
//! order, `data_batch_1` to `data_batch_5`, to which every published list of indices refers.

use std::path::{Path, PathBuf};

use anyhow::{Context as _, Result, anyhow, bail, ensure};

use super::{Descriptor, Download, Found, Images, Loaded, Member, Place, Published, Unpack, refuse_resize};
use crate::base::files;
use crate::base::hex::sha256_hex;
use crate::base::text::{Name, Shown as _};

/// `cifar10`; the archive's MD5, published on the home page, is c32a1d4ab5d03f1284b67883e8d87530.
pub const DESCRIPTOR: Descriptor = Descriptor {
    name: "cifar10",
    title: "CIFAR-10",
    n_images: Some((50_000, 10_000)),
    shape: Some((SIDE, SIDE, CHANNELS)),
    licence: "none stated; cite Krizhevsky 2009",
    homepage: "https://www.cs.toronto.edu/~kriz/cifar.html",
    downloads: &[Download {
        url: "https://www.cs.toronto.edu/~kriz/cifar-10-binary.tar.gz",
        n_bytes: 170_052_171,
        sha256: "c4a38c50a1bc5f3a1c5537f2155ab9d68f9f25eb1ed8d9ddda3db29a59bca1dd",
        unpack: Unpack::TarGz(&FILES),
    }],
    looks_in: folders,
    find: |place| find(place).map(Found::Folder),
    load,
};

/// The classes in the order of their labels, named as in `batches.meta.txt`.
pub const CLASSES: [&str; 10] =
    ["airplane", "automobile", "bird", "cat", "deer", "dog", "frog", "horse", "ship", "truck"];

const SIDE: usize = 32;
const CHANNELS: usize = 3;
const IMAGE_BYTES: usize = SIDE * SIDE * CHANNELS;
const RECORD_BYTES: usize = 1 + IMAGE_BYTES;
const RECORDS: usize = 10_000;
const FILE_BYTES: usize = RECORDS * RECORD_BYTES;

/// The five training files in the official order, then the test file.
const FILES: [Member; 6] = [
    member("cifar-10-batches-bin/data_batch_1.bin", "cee916563c9f80d84e3cc88e17fdc0941787f1244f00a67874d45b261883ada5"),
    member("cifar-10-batches-bin/data_batch_2.bin", "a591ca11fa1708a91ee40f54b3da4784ccd871ecf2137de63f51ada8b3fa57ed"),
    member("cifar-10-batches-bin/data_batch_3.bin", "bbe8596564c0f86427f876058170b84dac6670ddf06d79402899d93ceea26f67"),
    member("cifar-10-batches-bin/data_batch_4.bin", "014e562d6e23c72197cc727519169a60359f5eccd8945ad5a09d710285ff4e48"),
    member("cifar-10-batches-bin/data_batch_5.bin", "755304fc0b379caeae8c14f0dac912fbc7d6cd469eb67a1029a08a39453a9add"),
    member("cifar-10-batches-bin/test_batch.bin", "8e2eb146ae340b09e24670f29cabc6326dba54da8789dab6768acf480273f65b"),
];

const fn member(path: &'static str, sha256: &'static str) -> Member {
    Member { path, n_bytes: FILE_BYTES as u64, sha256 }
}

/// SHA-256 of the 50,000 official training labels, a byte each.
const LABELS_SHA256: &str = "2b7cd2f24487317614016b72ffd53071c3062f592f0eb300c18a770d41ae1253";

/// Whether the training images' labels are CIFAR-10's official sequence, so that published index lists hold.
pub fn has_official_order(train: &Images) -> bool {
    let labels: Vec<u8> = train.labels.iter().map(|&label| label as u8).collect();
    sha256_hex(&labels) == LABELS_SHA256
}

/// The folder that the official archive unpacks to.
const UNPACKED: &str = "cifar-10-batches-bin";

/// The same of the Python version, which is pickled.
const PYTHON: &str = "cifar-10-batches-py";

/// The folder itself, and where the official archive puts a folder of its own: inside it or beside it.
fn folders(place: &Place) -> Vec<PathBuf> {
    let folder = place.folder(DESCRIPTOR.name);
    let beside = folder.parent().map(|parent| parent.join(UNPACKED));
    let mut folders = vec![folder.clone(), folder.join(UNPACKED)];
    folders.extend(beside.filter(|beside| *beside != folder));
    folders
}

fn find(place: &Place) -> Option<PathBuf> {
    let is_whole = |folder: &PathBuf| FILES.iter().all(|file| folder.join(file.file_name()).is_file());
    folders(place).into_iter().find(is_whole)
}

/// The error for files that are not there: which other thing is.
fn missing(place: &Place) -> anyhow::Error {
    let folder = place.folder(DESCRIPTOR.name);
    let is_python = |folder: &PathBuf| folder.join("data_batch_1").is_file();
    if let Some(python) = [folder.clone(), folder.join(PYTHON)].into_iter().find(is_python) {
        return anyhow!(
            "{} holds the Python version of CIFAR-10, and the binary version is needed: `fixmatch data fetch cifar10` gets it \
             and is all it takes without data.path; or unpack cifar-10-binary.tar.gz from {} and set data.path to its {UNPACKED}",
            python.shown(),
            DESCRIPTOR.homepage,
        );
    }
    let mut archives = ["cifar-10-binary.tar.gz", "cifar-10-binary.tar"].map(|name| folder.join(name)).into_iter();
    if let Some(archive) = archives.find(|archive| archive.is_file()) {
        return anyhow!("{} is an archive: unpack it (tar -xf), and its {UNPACKED} is found", archive.shown());
    }
    let absent = FILES.iter().map(Member::file_name).find(|name| !folder.join(name).is_file());
    place.missing(DESCRIPTOR.name, absent.unwrap_or("a batch"))
}

fn load(place: &Place) -> Result<Loaded> {
    refuse_resize(place, DESCRIPTOR.name)?;
    let folder = find(place).ok_or_else(|| missing(place))?;
    let batches = read_all(&folder)?;
    let official = batches.iter().all(|batch| batch.official);
    let (train, test) = (joined(&batches[..5]), joined(&batches[5..]));
    let mut warnings = Vec::new();
    if !has_official_order(&train) {
        warnings
            .push("the training labels are not in CIFAR-10's official order: published index lists do not hold".into());
    }
    let classes = CLASSES.map(Name::from).to_vec();
    Ok(Loaded {
        classes,
        train,
        unlabeled: None,
        test,
        published: Published::Compared(official),
        read: None,
        own: None,
        warnings,
    })
}

/// One file's images, and whether it is the published file.
struct Batch {
    labels: Vec<u16>,
    pixels: Vec<u8>,
    official: bool,
}

/// Reads the six files, a thread each: hashing and transposing take longer than reading.
fn read_all(folder: &Path) -> Result<Vec<Batch>> {
    std::thread::scope(|scope| {
        let threads = FILES.map(|file| scope.spawn(move || read(&folder.join(file.file_name()), &file)));
        threads.into_iter().map(|thread| thread.join().expect("reading a file does not panic")).collect()
    })
}

fn read(path: &Path, file: &Member) -> Result<Batch> {
    let bytes = files::read(path).with_context(|| format!("cannot read {}", path.shown()))?;
    let (labels, pixels) = decode(&bytes, RECORDS).with_context(|| format!("{} is damaged", path.shown()))?;
    Ok(Batch { labels, pixels, official: sha256_hex(&bytes) == file.sha256 })
}

/// Labels and H×W×C pixels of `n` records.
fn decode(bytes: &[u8], n: usize) -> Result<(Vec<u16>, Vec<u8>)> {
    let expected = n * RECORD_BYTES;
    ensure!(
        bytes.len() == expected,
        "{} bytes instead of {expected} ({n} images): get it again with `fixmatch data fetch cifar10`",
        bytes.len(),
    );
    let mut labels = Vec::with_capacity(n);
    let mut pixels = Vec::with_capacity(n * IMAGE_BYTES);
    for (index, record) in bytes.chunks_exact(RECORD_BYTES).enumerate() {
        let label = record[0];
        if usize::from(label) >= CLASSES.len() {
            bail!("label {label} of image {index} is not in 0..=9: is this the binary version of CIFAR-10?");
        }
        labels.push(u16::from(label));
        let (red, rest) = record[1..].split_at(SIDE * SIDE);
        let (green, blue) = rest.split_at(SIDE * SIDE);
        pixels.extend(red.iter().zip(green).zip(blue).flat_map(|((&r, &g), &b)| [r, g, b]));
    }
    Ok((labels, pixels))
}

fn joined(batches: &[Batch]) -> Images {
    Images {
        width: SIDE,
        height: SIDE,
        channels: CHANNELS,
        pixels: batches.iter().map(|batch| &batch.pixels[..]).collect::<Vec<_>>().concat().into(),
        labels: batches.iter().map(|batch| &batch.labels[..]).collect::<Vec<_>>().concat(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn record(label: u8, red: u8, green: u8, blue: u8) -> Vec<u8> {
        [vec![label], vec![red; 1024], vec![green; 1024], vec![blue; 1024]].concat()
    }

    #[test]
    fn planes_become_interleaved_pixels() {
        let mut bytes = [record(3, 10, 20, 30), record(9, 1, 2, 3)].concat();
        bytes[1 + 33] = 77; // red of row 1, column 1
        let (labels, pixels) = decode(&bytes, 2).expect("two valid records");
        assert_eq!(labels, [3, 9]);
        assert_eq!(pixels[..3], [10, 20, 30]);
        assert_eq!(pixels[33 * 3..33 * 3 + 3], [77, 20, 30]);
        assert_eq!(pixels[IMAGE_BYTES..IMAGE_BYTES + 3], [1, 2, 3]);
    }

    #[test]
    fn bad_records_are_refused() {
        let check = |bytes: &[u8], expected: &str| {
            assert_eq!(decode(bytes, 1).expect_err(expected).to_string(), expected);
        };
        check(
            &record(0, 1, 2, 3)[..3000],
            "3000 bytes instead of 3073 (1 images): get it again with `fixmatch data fetch cifar10`",
        );
        check(&record(10, 1, 2, 3), "label 10 of image 0 is not in 0..=9: is this the binary version of CIFAR-10?");
    }
}
