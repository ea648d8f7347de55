//! CIFAR-10, binary version: six files of 10,000 records.
//!
//! The training images are in the official order, `data_batch_1` to `data_batch_5`, to which every published list of
//! indices refers.

use super::checksum::Checksum;
use super::cifar::{HOMEPAGE, LICENCE, SHAPE, Version};
use super::layout::Layout;
use super::{Descriptor, Download, Found, Images, Loaded, Member, Place, Unpack};
use crate::base::hex::sha256_hex;

/// `cifar10`; the archive's MD5, published on the home page, is c32a1d4ab5d03f1284b67883e8d87530.
pub const DESCRIPTOR: Descriptor = Descriptor {
    name: VERSION.layout.name,
    title: VERSION.title,
    n_images: Some((50_000, 10_000)),
    n_unlabeled: 0,
    shape: Some(SHAPE),
    licence: LICENCE,
    homepage: HOMEPAGE,
    downloads: &[Download {
        url: "https://www.cs.toronto.edu/~kriz/cifar-10-binary.tar.gz",
        n_bytes: 170_052_171,
        sha256: "c4a38c50a1bc5f3a1c5537f2155ab9d68f9f25eb1ed8d9ddda3db29a59bca1dd",
        unpack: Unpack::TarGz(&FILES),
    }],
    looks_in: |place| VERSION.layout.folders(place),
    find: |place| VERSION.layout.find(place).map(Found::Folder),
    load,
};

/// How its files are read.
pub const VERSION: Version = Version {
    title: "CIFAR-10",
    layout: Layout { name: "cifar10", files: &FILES, unpacked: Some("cifar-10-batches-bin") },
    archive: "cifar-10-binary",
    python: ("cifar-10-batches-py", "data_batch_1"),
    labels: &[("label", CLASSES.len())],
    classes: &CLASSES,
};

/// The classes in the order of their labels, named as in `batches.meta.txt`.
pub const CLASSES: [&str; 10] =
    ["airplane", "automobile", "bird", "cat", "deer", "dog", "frog", "horse", "ship", "truck"];

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
    Member { path, n_bytes: 10_000 * (1 + 3072), checksum: Checksum::Sha256(sha256) }
}

/// SHA-256 of the 50,000 official training labels, a byte each.
const LABELS_SHA256: &str = "2b7cd2f24487317614016b72ffd53071c3062f592f0eb300c18a770d41ae1253";

/// Whether the training images' labels are CIFAR-10's official sequence, so that published index lists hold.
pub fn has_official_order(train: &Images) -> bool {
    let labels: Vec<u8> = train.labels.iter().map(|&label| label as u8).collect();
    sha256_hex(&labels) == LABELS_SHA256
}

fn load(place: &Place) -> anyhow::Result<Loaded> {
    let mut loaded = VERSION.load(place)?;
    if !has_official_order(&loaded.train) {
        loaded
            .warnings
            .push("the training labels are not in CIFAR-10's official order: published index lists do not hold".into());
    }
    Ok(loaded)
}
