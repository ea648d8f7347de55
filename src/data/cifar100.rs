//! CIFAR-100, binary version: two files of records with a coarse and a fine label. The fine one is the class.

use super::checksum::Checksum;
use super::cifar::{HOMEPAGE, LICENCE, SHAPE, Version};
use super::layout::Layout;
use super::{Descriptor, Download, Found, Member, Unpack};

/// `cifar100`. The archive's size and SHA-256 are those of TensorFlow Datasets (`url_checksums/cifar100.txt`). Its MD5,
/// published on the home page, is 03b5dce01913d631647c71ecec9e9cb8.
pub const DESCRIPTOR: Descriptor = Descriptor {
    name: VERSION.layout.name,
    title: VERSION.title,
    n_images: Some((50_000, 10_000)),
    n_unlabeled: 0,
    shape: Some(SHAPE),
    licence: LICENCE,
    homepage: HOMEPAGE,
    downloads: &[Download {
        url: "https://www.cs.toronto.edu/~kriz/cifar-100-binary.tar.gz",
        n_bytes: 168_513_733,
        sha256: "58a81ae192c23a4be8b1804d68e518ed807d710a4eb253b1f2a199162a40d8ec",
        unpack: Unpack::TarGz(&FILES),
    }],
    looks_in: |place| VERSION.layout.folders(place),
    find: |place| VERSION.layout.find(place).map(Found::Folder),
    load: |place| VERSION.load(place),
};

/// How its files are read.
pub const VERSION: Version = Version {
    title: "CIFAR-100",
    layout: Layout { name: "cifar100", files: &FILES, unpacked: Some("cifar-100-binary") },
    archive: "cifar-100-binary",
    python: ("cifar-100-python", "train"),
    labels: &[("coarse label", 20), ("label", CLASSES.len())],
    classes: &CLASSES,
};

/// The training file, then the test file. Their SHA-1 are those of MXNet (`gluon/data/vision/datasets.py`).
const FILES: [Member; 2] = [
    Member {
        path: "cifar-100-binary/train.bin",
        n_bytes: 50_000 * (2 + 3072),
        checksum: Checksum::Sha1("e207cd2e05b73b1393c74c7f5e7bea451d63e08e"),
    },
    Member {
        path: "cifar-100-binary/test.bin",
        n_bytes: 10_000 * (2 + 3072),
        checksum: Checksum::Sha1("8fb6623e830365ff53cf14adec797474f5478006"),
    },
];

/// The classes in the order of their labels, named as in `fine_label_names.txt`.
#[rustfmt::skip]
pub const CLASSES: [&str; 100] = [
    "apple", "aquarium_fish", "baby", "bear", "beaver", "bed", "bee", "beetle", "bicycle", "bottle",
    "bowl", "boy", "bridge", "bus", "butterfly", "camel", "can", "castle", "caterpillar", "cattle",
    "chair", "chimpanzee", "clock", "cloud", "cockroach", "couch", "crab", "crocodile", "cup", "dinosaur",
    "dolphin", "elephant", "flatfish", "forest", "fox", "girl", "hamster", "house", "kangaroo", "keyboard",
    "lamp", "lawn_mower", "leopard", "lion", "lizard", "lobster", "man", "maple_tree", "motorcycle", "mountain",
    "mouse", "mushroom", "oak_tree", "orange", "orchid", "otter", "palm_tree", "pear", "pickup_truck", "pine_tree",
    "plain", "plate", "poppy", "porcupine", "possum", "rabbit", "raccoon", "ray", "road", "rocket",
    "rose", "sea", "seal", "shark", "shrew", "skunk", "skyscraper", "snail", "snake", "spider",
    "squirrel", "streetcar", "sunflower", "sweet_pepper", "table", "tank", "telephone", "television", "tiger", "tractor",
    "train", "trout", "tulip", "turtle", "wardrobe", "whale", "willow_tree", "wolf", "woman", "worm",
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn classes_are_sorted_by_name_as_in_the_archive() {
        assert!(CLASSES.is_sorted() && CLASSES.windows(2).all(|pair| pair[0] != pair[1]));
    }
}
