//! Fashion-MNIST: four IDX files, gzipped or not.
//!
//! Xiao, Rasul and Vollgraf, "Fashion-MNIST: a novel image dataset for benchmarking machine learning algorithms", 2017,
//! arXiv 1708.07747. Debian packages it, so its folder is looked into before asking the user to fetch.

use std::path::{Path, PathBuf};

use anyhow::{Context as _, Result, bail};

use super::{Descriptor, Download, Found, Images, Loaded, Place, Published, Unpack, idx, refuse_resize};

use crate::base::files;
use crate::base::text::{Name, Shown as _};

/// Where to read about it.
pub const HOMEPAGE: &str = "https://github.com/zalandoresearch/fashion-mnist";

/// The classes in the order of their labels, named as in the paper's table 2.
pub const CLASSES: [&str; 10] =
    ["T-shirt/top", "Trouser", "Pullover", "Dress", "Coat", "Sandal", "Shirt", "Sneaker", "Bag", "Ankle boot"];

/// `fashion-mnist`; the sizes and checksums are those of the authors' files.
pub const DESCRIPTOR: Descriptor = Descriptor {
    name: "fashion-mnist",
    title: "Fashion-MNIST",
    n_images: Some((60_000, 10_000)),
    n_unlabeled: 0,
    shape: Some((28, 28, 1)),
    licence: "MIT",
    homepage: HOMEPAGE,
    downloads: &[
        Download {
            url: "http://fashion-mnist.s3-website.eu-central-1.amazonaws.com/train-images-idx3-ubyte.gz",
            n_bytes: 26_421_880,
            sha256: "3aede38d61863908ad78613f6a32ed271626dd12800ba2636569512369268a84",
            unpack: Unpack::Keep,
        },
        Download {
            url: "http://fashion-mnist.s3-website.eu-central-1.amazonaws.com/train-labels-idx1-ubyte.gz",
            n_bytes: 29_515,
            sha256: "a04f17134ac03560a47e3764e11b92fc97de4d1bfaf8ba1a3aa29af54cc90845",
            unpack: Unpack::Keep,
        },
        Download {
            url: "http://fashion-mnist.s3-website.eu-central-1.amazonaws.com/t10k-images-idx3-ubyte.gz",
            n_bytes: 4_422_102,
            sha256: "346e55b948d973a97e58d2351dde16a484bd415d4595297633bb08f03db6a073",
            unpack: Unpack::Keep,
        },
        Download {
            url: "http://fashion-mnist.s3-website.eu-central-1.amazonaws.com/t10k-labels-idx1-ubyte.gz",
            n_bytes: 5_148,
            sha256: "67da17c76eaffca5446c3361aaab5c3cd6d1c2608764d35dfb1850b086bf8dd5",
            unpack: Unpack::Keep,
        },
    ],
    looks_in: folders,
    find: |place| find(place).map(Found::Folder),
    load,
};

/// The digest of the authors' images, so that a copy compressed by somebody else is recognised too.
const DIGEST: &str = "66373efee5ee4e48a808a986ccdaff2775fee25a7331ead17ee00603a2984eef";

const DEBIAN_FOLDER: &str = "/usr/share/datasets/fashion-mnist";
const STEMS: [&str; 4] =
    ["train-images-idx3-ubyte", "train-labels-idx1-ubyte", "t10k-images-idx3-ubyte", "t10k-labels-idx1-ubyte"];

fn folders(place: &Place) -> Vec<PathBuf> {
    let mut folders = vec![place.folder(DESCRIPTOR.name)];
    if place.path.is_none() {
        folders.push(DEBIAN_FOLDER.into());
    }
    folders
}

fn find(place: &Place) -> Option<PathBuf> {
    folders(place).into_iter().find(|folder| STEMS.iter().all(|stem| idx::locate(folder, stem).is_some()))
}

fn load(place: &Place) -> Result<Loaded> {
    refuse_resize(place, DESCRIPTOR.name)?;
    let Some(folder) = find(place) else {
        let folder = place.folder(DESCRIPTOR.name);
        let absent = STEMS.iter().find(|stem| idx::locate(&folder, stem).is_none()).unwrap_or(&STEMS[0]);
        return Err(place.missing(DESCRIPTOR.name, &folder, &format!("{absent}.gz")));
    };
    let (train, test) = (read(&folder, STEMS[0], STEMS[1])?, read(&folder, STEMS[2], STEMS[3])?);
    if (train.width, train.height) != (test.width, test.height) {
        let [train_size, test_size] = [&train, &test].map(|images| format!("{}×{}", images.width, images.height));
        bail!("{}: training images of {train_size} but test images of {test_size} pixels", folder.shown());
    }
    Ok(Loaded::fixed(CLASSES.map(Name::from).to_vec(), train, test, Published::Digest(DIGEST)))
}

fn read(folder: &Path, images: &str, labels: &str) -> Result<Images> {
    let read = |stem: &str| -> Result<(String, Vec<u8>)> {
        let path = idx::locate(folder, stem).with_context(|| format!("{stem} vanished from {}", folder.shown()))?;
        let bytes = files::read(&path).with_context(|| format!("cannot read {}", path.shown()))?;
        Ok((path.shown().to_string(), bytes))
    };
    let (images, labels) = (read(images)?, read(labels)?);
    let file = |(name, bytes)| idx::File { name, bytes };
    idx::decode(file((&images.0, &images.1)), file((&labels.0, &labels.1)), CLASSES.len())
}
