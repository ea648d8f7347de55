//! The quickstart set, compiled into the program: 1,000 training and 200 test images of each class of Fashion-MNIST.
//!
//! `assets/fashion-mini/README.md` says how it was chosen and under which licence it comes.

use anyhow::{Result, ensure};

use super::{Descriptor, Found, Loaded, Place, Published, fashion_mnist, idx, refuse_resize};
use crate::base::text::Name;

/// `fashion-mini`, always at hand.
pub const DESCRIPTOR: Descriptor = Descriptor {
    name: "fashion-mini",
    title: "Fashion-MNIST, the first 1,000 images of each class",
    n_images: Some((10_000, 2_000)),
    n_unlabeled: 0,
    shape: Some((28, 28, 1)),
    licence: "MIT",
    homepage: fashion_mnist::HOMEPAGE,
    downloads: &[],
    looks_in: |_| Vec::new(),
    find: |_| Some(Found::Embedded),
    load,
};

const DIGEST: &str = "34bf8a973d60af32ea54970b63f9a1784050a3c197ead9440277a0951bf242c8";

macro_rules! asset {
    ($name:literal) => {
        idx::File {
            name: concat!("the embedded ", $name),
            bytes: include_bytes!(concat!("../../assets/fashion-mini/", $name)),
        }
    };
}

fn load(place: &Place) -> Result<Loaded> {
    refuse_resize(place, DESCRIPTOR.name)?;
    ensure!(place.path.is_none(), "{} is part of the program: remove data.path", DESCRIPTOR.name);
    let n_classes = fashion_mnist::CLASSES.len();
    let train = idx::decode(asset!("train-images.idx.gz"), asset!("train-labels.idx.gz"), n_classes)?;
    let test = idx::decode(asset!("test-images.idx.gz"), asset!("test-labels.idx.gz"), n_classes)?;
    let classes = fashion_mnist::CLASSES.map(Name::from).to_vec();
    Ok(Loaded::fixed(classes, train, test, Published::Digest(DIGEST)))
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::*;
    use crate::config::Data;
    use crate::data::{Known, load};

    #[test]
    fn the_quickstart_set_is_stratified_and_as_pinned() {
        let dataset = load(&Data::named("fashion-mini"), Path::new("unused")).expect("it is embedded");
        assert_eq!(dataset.digest, DIGEST);
        assert_eq!(dataset.known, Known::Official);
        assert!(dataset.warnings.is_empty());
        assert_eq!(dataset.train.class_counts(10), [1000; 10]);
        assert_eq!(dataset.test.class_counts(10), [200; 10]);
        // the official set starts with an ankle boot, two T-shirts and a dress
        assert_eq!(dataset.train.labels[..4], [9, 0, 0, 3]);
    }

    #[test]
    fn settings_that_it_cannot_follow_are_refused() {
        let resized = load(&Data { resize: Some(32), ..Data::named("fashion-mini") }, Path::new(""))
            .expect_err("fixed size")
            .to_string();
        assert_eq!(resized, "fashion-mini cannot be resized: data.resize is for a folder of images, remove it");
        let moved = load(&Data { path: Some("/x".into()), ..Data::named("fashion-mini") }, Path::new(""))
            .expect_err("no path")
            .to_string();
        assert_eq!(moved, "fashion-mini is part of the program: remove data.path");
    }
}
