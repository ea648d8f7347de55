//! Loading the published data sets from files, good and bad, made here.

use std::fs;
use std::path::Path;

use fixmatch::config::Data;
use fixmatch::data::{self, Dataset, Found, Known, Place};
use tempfile::TempDir;

fn folder() -> TempDir {
    tempfile::tempdir().expect("a temporary folder")
}

fn load(name: &str, path: &Path) -> anyhow::Result<Dataset> {
    data::load(&Data { path: Some(path.to_owned()), ..Data::named(name) }, Path::new("unused"))
}

fn load_error(name: &str, path: &Path) -> String {
    format!("{:#}", load(name, path).expect_err("a bad data set"))
}

/// CIFAR-10's six files, all zeros: black airplanes. They are sparse, so they take no room on disk.
fn black_cifar10() -> TempDir {
    let root = folder();
    let batches = root.path().join("cifar-10-batches-bin");
    fs::create_dir(&batches).expect("room on disk");
    let names = (1..=5).map(|i| format!("data_batch_{i}.bin")).chain(["test_batch.bin".into()]);
    for name in names {
        let file = fs::File::create(batches.join(name)).expect("room on disk");
        file.set_len(30_730_000).expect("a sparse file");
    }
    root
}

#[test]
fn cifar10_files_load_and_unknown_pixels_are_a_warning() {
    let root = black_cifar10();
    let batch = root.path().join("cifar-10-batches-bin/data_batch_2.bin");
    let file = fs::File::options().write(true).open(batch).expect("just made");
    std::os::unix::fs::FileExt::write_all_at(&file, &[7, 1, 2], 0).expect("room on disk");
    let dataset = load("cifar10", root.path()).expect("the right layout");
    assert_eq!((dataset.train.n(), dataset.test.n()), (50_000, 10_000));
    assert_eq!((dataset.train.labels[9_999], dataset.train.labels[10_000]), (0, 7));
    // the first two bytes of the red plane are the red of the first two pixels
    assert_eq!(dataset.train.pixels_of(10_000)[..6], [1, 0, 0, 2, 0, 0]);
    assert_eq!(dataset.known, Known::Unknown);
    assert_eq!(
        dataset.warnings[0],
        "the training labels are not in CIFAR-10's official order: published index lists do not hold"
    );
    assert!(dataset.warnings[1].starts_with("these are not the published images of CIFAR-10 (pixel digest "));
}

#[test]
fn bad_cifar10_files_are_named() {
    let root = black_cifar10();
    let batch = root.path().join("cifar-10-batches-bin/data_batch_3.bin");
    let file = fs::File::options().write(true).open(&batch).expect("just made");
    file.set_len(3_073 * 9_999).expect("a sparse file");
    assert_eq!(
        load_error("cifar10", root.path()),
        format!(
            "{} is damaged: 30726927 bytes instead of 30730000 (10000 images): get it again with `fixmatch data fetch \
             cifar10`",
            batch.display()
        )
    );
    file.set_len(30_730_000).expect("a sparse file");
    std::os::unix::fs::FileExt::write_all_at(&file, &[10], 3_073 * 4).expect("room on disk");
    assert_eq!(
        load_error("cifar10", root.path()),
        format!(
            "{} is damaged: label 10 of image 4 is not in 0..=9: is this the binary version of CIFAR-10?",
            batch.display()
        )
    );
    fs::remove_file(&batch).expect("just made");
    let error = data::load(&Data::named("cifar10"), root.path()).expect_err("not there").to_string();
    assert_eq!(
        error,
        format!(
            "no cifar10 in {}: data_batch_1.bin is missing; to get it, run `fixmatch data fetch cifar10`",
            root.path().join("cifar10").display()
        )
    );
}

#[test]
fn cifar10_is_found_where_its_archive_puts_it() {
    let root = black_cifar10();
    let batches = root.path().join("cifar-10-batches-bin");
    let find = |path: Option<&Path>| {
        let place = Place { path, ..Place::usual(root.path()) };
        (data::find("cifar10").expect("a data set").find)(&place)
    };
    for path in [root.path(), &batches, &root.path().join("cifar10")] {
        assert_eq!(find(Some(path)), Some(Found::Folder(batches.clone())), "{}", path.display());
    }
    assert_eq!(find(None), Some(Found::Folder(batches.clone())), "in the data directory");
}

#[test]
fn other_things_in_cifar10s_place_are_told_by_name() {
    let root = folder();
    let python = root.path().join("cifar-10-batches-py");
    fs::create_dir(&python).expect("room on disk");
    fs::write(python.join("data_batch_1"), "pickled").expect("room on disk");
    for path in [root.path(), &python] {
        let error = load_error("cifar10", path);
        let expected =
            format!("{} holds the Python version of CIFAR-10, and the binary version is needed: ", python.display());
        assert!(error.starts_with(&expected) && error.contains("`fixmatch data fetch cifar10`"), "{error}");
    }
    let root = folder();
    fs::write(root.path().join("cifar-10-binary.tar.gz"), "packed").expect("room on disk");
    assert!(load_error("cifar10", root.path()).contains("cifar-10-binary.tar.gz is an archive: unpack it"));
}

fn idx(magic: u32, dimensions: &[u32], body: &[u8]) -> Vec<u8> {
    let header = [magic].into_iter().chain(dimensions.iter().copied()).flat_map(u32::to_be_bytes);
    header.chain(body.iter().copied()).collect()
}

/// Two training images and one test image of 2×1 pixels.
fn tiny_fashion() -> TempDir {
    let root = folder();
    let write = |name: &str, content: &[u8]| fs::write(root.path().join(name), content).expect("room on disk");
    write("train-images-idx3-ubyte", &idx(0x803, &[2, 1, 2], &[1, 2, 3, 4]));
    write("train-labels-idx1-ubyte", &idx(0x801, &[2], &[9, 0]));
    write("t10k-images-idx3-ubyte", &idx(0x803, &[1, 1, 2], &[5, 6]));
    write("t10k-labels-idx1-ubyte", &idx(0x801, &[1], &[3]));
    root
}

#[test]
fn plain_idx_files_load_and_other_pixels_are_a_warning() {
    let root = tiny_fashion();
    let dataset = load("fashion-mnist", root.path()).expect("the right layout");
    assert_eq!((dataset.train.labels, dataset.test.labels), (vec![9, 0], vec![3]));
    assert_eq!(dataset.known, Known::Unknown);
    assert!(dataset.warnings[0].starts_with("these are not the published images of Fashion-MNIST (pixel digest "));
}

#[test]
fn bad_idx_files_are_named() {
    let root = tiny_fashion();
    let path = root.path().join("t10k-labels-idx1-ubyte");
    fs::write(&path, idx(0x801, &[1], &[10])).expect("room on disk");
    let expected = format!("{}: label 10 of image 0 is not in 0..=9", path.display());
    assert_eq!(load_error("fashion-mnist", root.path()), expected);

    fs::write(&path, idx(0x801, &[1], &[0])).expect("room on disk");
    fs::write(root.path().join("t10k-images-idx3-ubyte"), idx(0x803, &[1, 1, 3], &[5, 6, 7])).expect("room on disk");
    let expected = format!("{}: training images of 2×1 but test images of 3×1 pixels", root.path().display());
    assert_eq!(load_error("fashion-mnist", root.path()), expected);

    fs::remove_file(&path).expect("just made");
    let expected = format!(
        "no fashion-mnist in {}: t10k-labels-idx1-ubyte.gz is missing; check data.path, or remove it and run `fixmatch \
         data fetch fashion-mnist`",
        root.path().display()
    );
    assert_eq!(load_error("fashion-mnist", root.path()), expected);
}
