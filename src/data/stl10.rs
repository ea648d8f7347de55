//! STL-10, binary version: 5,000 labeled and 100,000 unlabeled images to train on, 8,000 to test on, of 96×96 pixels.
//!
//! Coates, Lee and Ng, "An analysis of single layer networks in unsupervised feature learning", AISTATS 2011. Images are
//! C×W×H bytes, columns of one channel after the other; labels are bytes from 1 to 10. Ten folds of 1,000 labeled images
//! are given, a line of indices each.

use std::fs::File;
use std::io;
use std::os::unix::fs::FileExt as _;
use std::path::Path;
use std::thread::available_parallelism;

use anyhow::{Context as _, Result, ensure};

use super::checksum::Checksum;
use super::layout::Layout;
use super::pixels::{Pixels, rows_of_columns};
use super::{Descriptor, Download, Found, Images, Loaded, Member, Place, Published, UNKNOWN, Unpack, refuse_resize};
use crate::base::files;
use crate::base::text::{Name, Shown as _};

/// `stl10`. The archive's size and SHA-256 are those of TensorFlow Datasets (`url_checksums/stl10.txt`).
pub const DESCRIPTOR: Descriptor = Descriptor {
    name: LAYOUT.name,
    title: "STL-10",
    n_images: Some((5_000, 8_000)),
    n_unlabeled: 100_000,
    shape: Some((SIDE, SIDE, CHANNELS)),
    licence: "none stated; cite Coates 2011",
    homepage: "https://cs.stanford.edu/~acoates/stl10/",
    downloads: &[Download {
        url: "http://ai.stanford.edu/~acoates/stl10/stl10_binary.tar.gz",
        n_bytes: 2_640_397_119,
        sha256: "f31fd99273a1acb8609c8db427cebb1de3f71de77758cdc0e22956e1289b9866",
        unpack: Unpack::TarGz(&FILES),
    }],
    looks_in: |place| LAYOUT.folders(place),
    find: |place| LAYOUT.find(place).map(Found::Folder),
    load,
};

/// The classes in the order of their labels, named as in `class_names.txt`.
pub const CLASSES: [&str; 10] = ["airplane", "bird", "car", "cat", "deer", "dog", "horse", "monkey", "ship", "truck"];

const LAYOUT: Layout = Layout { name: "stl10", files: &FILES, unpacked: Some("stl10_binary") };

const SIDE: usize = 96;
const CHANNELS: usize = 3;
const IMAGE_BYTES: usize = SIDE * SIDE * CHANNELS;

/// The MD5 of images and labels are those of torchvision (`datasets/stl10.py`), that of the folds and all sizes those of a
/// public copy of the archive's files (datasets-mila/datasets--stl10, `md5sums`).
const FILES: [Member; 6] = [
    member("stl10_binary/train_X.bin", 138_240_000, "918c2871b30a85fa023e0c44e0bee87f"),
    member("stl10_binary/train_y.bin", 5_000, "5a34089d4802c674881badbb80307741"),
    member("stl10_binary/unlabeled_X.bin", 2_764_800_000, "5242ba1fed5e4be9e1e742405eb56ca4"),
    member("stl10_binary/test_X.bin", 221_184_000, "7f263ba9f9e0b06b93213547f721ac82"),
    member("stl10_binary/test_y.bin", 8_000, "36f9794fa4beb8a2c72628de14fa638e"),
    member("stl10_binary/fold_indices.txt", 47_794, "4bbf8cd098ab9f87fe03fbcb37c06b28"),
];

const fn member(path: &'static str, n_bytes: u64, md5: &'static str) -> Member {
    Member { path, n_bytes, checksum: Checksum::Md5(md5) }
}

fn load(place: &Place) -> Result<Loaded> {
    refuse_resize(place, LAYOUT.name)?;
    let folder = LAYOUT.find(place).ok_or_else(|| LAYOUT.missing(place, Some("stl10_binary")))?;
    let paths = FILES.map(|file| folder.join(file.file_name()));
    let [train_x, train_y, unlabeled_x, test_x, test_y, fold_indices] = &paths;
    std::thread::scope(|scope| {
        let checks: Vec<_> =
            FILES.into_iter().zip(&paths).map(|(file, path)| scope.spawn(move || file.checksum.is_of(path))).collect();
        let (labels, test_labels) = (labels(train_y)?, labels(test_y)?);
        let folds = folds(fold_indices, labels.len())?;
        // neighbours in memory, so that putting them together takes no copy
        let (mut pixels, [n, n_unlabeled]) = read([train_x, unlabeled_x])?;
        let (test_pixels, [n_test]) = read([test_x])?;
        check_number(train_x, n, train_y, labels.len())?;
        check_number(test_x, n_test, test_y, test_labels.len())?;
        let unlabeled = images(pixels.split_off(n * IMAGE_BYTES), vec![UNKNOWN; n_unlabeled]);
        let checks = checks.into_iter().map(|check| check.join().expect("reading a file does not panic"));
        let are_official = checks.collect::<Result<Vec<_>>>()?.into_iter().all(|is| is);
        let classes = CLASSES.map(Name::from).to_vec();
        let (train, test) = (images(pixels, labels), images(test_pixels, test_labels));
        let fixed = Loaded::fixed(classes, train, test, Published::Compared(are_official));
        Ok(Loaded { unlabeled: Some(unlabeled).filter(|images| images.n() > 0), folds, ..fixed })
    })
}

fn images(pixels: Pixels, labels: Vec<u16>) -> Images {
    Images { width: SIDE, height: SIDE, channels: CHANNELS, pixels, labels }
}

fn check_number(images: &Path, n: usize, labels: &Path, n_labels: usize) -> Result<()> {
    ensure!(n == n_labels, "{} has {n_labels} labels but {} has {n} images", labels.shown(), images.shown());
    Ok(())
}

fn labels(path: &Path) -> Result<Vec<u16>> {
    let bytes = files::read(path).with_context(|| format!("cannot read {}", path.shown()))?;
    let label = |(index, &label): (usize, &u8)| {
        let in_range = (1..=CLASSES.len() as u8).contains(&label);
        ensure!(in_range, "{}: label {label} of image {index} is not in 1..={}", path.shown(), CLASSES.len());
        Ok(u16::from(label - 1))
    };
    bytes.iter().enumerate().map(label).collect()
}

/// The indices of each fold, of `n` training images.
fn folds(path: &Path, n: usize) -> Result<Vec<Vec<u32>>> {
    let text = files::read(path).with_context(|| format!("cannot read {}", path.shown()))?;
    let text = String::from_utf8_lossy(&text);
    let of_line = |(number, line): (usize, &str)| -> Result<Vec<u32>> {
        let index = |word: &str| {
            let index = word.parse().ok().filter(|&index: &u32| (index as usize) < n);
            index.with_context(|| {
                format!("{}, line {}: {word:?} is the index of none of {n} images", path.shown(), number + 1)
            })
        };
        line.split_whitespace().map(index).collect()
    };
    text.lines().enumerate().filter(|(_, line)| !line.trim().is_empty()).map(of_line).collect()
}

/// The pixels of files, one behind the other, and how many images each has.
fn read<const N: usize>(paths: [&Path; N]) -> Result<(Pixels, [usize; N])> {
    let (mut files, mut counts) = (Vec::new(), [0; N]);
    for (path, count) in paths.iter().zip(&mut counts) {
        let file = files::open(path).with_context(|| format!("cannot read {}", path.shown()))?;
        let n_bytes = file.metadata().with_context(|| format!("cannot read {}", path.shown()))?.len() as usize;
        ensure!(
            n_bytes.is_multiple_of(IMAGE_BYTES),
            "{} is damaged: {n_bytes} bytes are no whole number of images of {IMAGE_BYTES} bytes: get it again with \
             `fixmatch data fetch {}`",
            path.shown(),
            LAYOUT.name,
        );
        *count = n_bytes / IMAGE_BYTES;
        files.push(file);
    }
    let mut pixels = vec![0; counts.iter().sum::<usize>() * IMAGE_BYTES];
    let mut rest = &mut pixels[..];
    for ((path, file), count) in paths.iter().zip(&files).zip(counts) {
        let part = rest.split_off_mut(..count * IMAGE_BYTES).expect("room for all files");
        fill(file, part).with_context(|| format!("cannot read {}", path.shown()))?;
    }
    Ok((pixels.into(), counts))
}

/// Reads as many images as there is room for, a share of them on each core.
fn fill(file: &File, pixels: &mut [u8]) -> io::Result<()> {
    let n_threads = available_parallelism().map_or(1, Into::into);
    let share = (pixels.len() / IMAGE_BYTES).div_ceil(n_threads).max(1) * IMAGE_BYTES;
    let read_share = |(start, share): (u64, &mut [u8])| {
        let mut planes = vec![0; IMAGE_BYTES];
        for (at, image) in (start..).step_by(IMAGE_BYTES).zip(share.chunks_exact_mut(IMAGE_BYTES)) {
            file.read_exact_at(&mut planes, at)?;
            rows_of_columns(&planes, SIDE, image);
        }
        Ok(())
    };
    std::thread::scope(|scope| {
        let shares = (0_u64..).step_by(share).zip(pixels.chunks_mut(share));
        let threads: Vec<_> = shares.map(|share| scope.spawn(move || read_share(share))).collect();
        threads.into_iter().try_for_each(|thread| thread.join().expect("reading a file does not panic"))
    })
}
