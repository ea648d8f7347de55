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
            "no cifar10 in {}: data_batch_3.bin is missing; to get it, run `fixmatch data fetch cifar10`",
            root.path().join("cifar-10-batches-bin").display()
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

/// CIFAR-100's two files, all zeros: black apples. They are sparse, so they take no room on disk.
fn black_cifar100() -> TempDir {
    let root = folder();
    for (name, n) in [("train.bin", 50_000), ("test.bin", 10_000)] {
        let file = fs::File::create(root.path().join(name)).expect("room on disk");
        file.set_len(3_074 * n).expect("a sparse file");
    }
    root
}

#[test]
fn cifar100_files_load_by_their_fine_labels_and_bad_ones_are_named() {
    let root = black_cifar100();
    let path = root.path().join("train.bin");
    let file = fs::File::options().write(true).open(&path).expect("just made");
    let write = |at: u64, bytes: &[u8]| std::os::unix::fs::FileExt::write_all_at(&file, bytes, at).expect("room");
    write(3_074 * 2, &[19, 99, 1, 2]);
    let dataset = load("cifar100", root.path()).expect("the right layout");
    assert_eq!((dataset.train.n(), dataset.test.n(), dataset.classes.len()), (50_000, 10_000, 100));
    assert_eq!(dataset.train.labels[..3], [0, 0, 99]);
    assert_eq!(dataset.train.pixels_of(2)[..6], [1, 0, 0, 2, 0, 0]);
    assert_eq!((dataset.known, dataset.warnings.len()), (Known::Unknown, 1));
    write(3_074 * 2, &[20]);
    assert_eq!(
        load_error("cifar100", root.path()),
        format!(
            "{} is damaged: coarse label 20 of image 2 is not in 0..=19: is this the binary version of CIFAR-100?",
            path.display()
        )
    );
    fs::rename(path, root.path().join("train")).expect("just made");
    assert!(load_error("cifar100", root.path()).contains("holds the Python version of CIFAR-100"));
}

/// Written by SciPy: see `tests/golden/make_svhn.py`.
fn svhn_of_scipy() -> &'static Path {
    Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/tests/golden/svhn"))
}

#[test]
fn svhn_files_of_scipy_load_with_and_without_the_extra_images() {
    let pixel = |image: usize, row: usize, column: usize, channel: usize| {
        ((5 * row + 3 * column + 70 * channel + 40 * image) % 256) as u8
    };
    for (name, labels) in [("svhn", &[0, 1, 7][..]), ("svhn-extra", &[0, 1, 7, 2, 0])] {
        let dataset = load(name, svhn_of_scipy()).expect("the right format");
        assert_eq!((&dataset.train.labels[..], &dataset.test.labels[..]), (labels, &[0, 1][..]), "{name}");
        assert_eq!((dataset.known, dataset.unlabeled), (Known::Unknown, None));
        for (images, first) in [(&dataset.train, 0), (&dataset.test, 5)] {
            for image in 0..images.n() {
                let expected = |i: usize| pixel(first + image, i / 96, i / 3 % 32, i % 3);
                assert!(images.pixels_of(image).iter().copied().eq((0..3072).map(expected)), "{name}, {image}");
            }
        }
    }
}

#[test]
fn svhn_is_found_beside_its_extra_images_and_bad_files_are_named() {
    let root = folder();
    let place = Place::usual(root.path());
    let find = |name: &str| (data::find(name).expect("a data set").find)(&place);
    let both = root.path().join("svhn-extra");
    fs::create_dir(&both).expect("room on disk");
    for part in ["train", "extra", "test"] {
        let name = format!("{part}_32x32.mat");
        fs::copy(svhn_of_scipy().join(&name), both.join(&name)).expect("room on disk");
    }
    assert_eq!(
        (find("svhn"), find("svhn-extra")),
        (Some(Found::Folder(both.clone())), Some(Found::Folder(both.clone())))
    );
    let extra = both.join("extra_32x32.mat");
    let whole = fs::read(&extra).expect("just made");
    fs::write(&extra, &whole[..700]).expect("room on disk");
    let expected = format!("{} cannot be used: it ends in the middle of an element", extra.display());
    assert_eq!(load_error("svhn-extra", &both), expected);
    fs::remove_file(&extra).expect("just made");
    let expected = format!("no svhn-extra in {}: extra_32x32.mat is missing; check data.path, ", both.display());
    assert!(load_error("svhn-extra", &both).starts_with(&expected));
    assert_eq!((find("svhn"), find("svhn-extra")), (Some(Found::Folder(both)), None));
}

/// STL-10's files with three training images of two folds, two unlabeled ones and one to test on.
fn small_stl10() -> TempDir {
    let root = folder();
    let unpacked = root.path().join("stl10_binary");
    fs::create_dir(&unpacked).expect("room on disk");
    let write = |name: &str, bytes: &[u8]| fs::write(unpacked.join(name), bytes).expect("room on disk");
    write("train_X.bin", &stl10_images(0, 3));
    write("train_y.bin", &[1, 10, 3]);
    write("unlabeled_X.bin", &stl10_images(3, 2));
    write("test_X.bin", &stl10_images(5, 1));
    write("test_y.bin", &[2]);
    write("fold_indices.txt", b"0 2 \n1 0 \n");
    root
}

fn stl10_pixel(image: usize, row: usize, column: usize, channel: usize) -> u8 {
    ((5 * row + 3 * column + 70 * channel + 40 * image) % 256) as u8
}

/// Columns of one channel after the other.
fn stl10_images(first: usize, n: usize) -> Vec<u8> {
    let pixel = |i: usize| stl10_pixel(first + i / 27_648, i % 96, i / 96 % 96, i / 9_216 % 3);
    (0..n * 27_648).map(pixel).collect()
}

#[test]
fn stl10_files_load_with_unlabeled_images_behind_the_others_and_with_their_folds() {
    let root = small_stl10();
    let dataset = load("stl10", root.path()).expect("the right layout");
    assert_eq!((&dataset.train.labels[..], &dataset.test.labels[..]), (&[0, 9, 2][..], &[1][..]));
    assert_eq!((dataset.n_pool(), &dataset.folds), (5, &vec![vec![0, 2], vec![1, 0]]));
    let unlabeled = dataset.unlabeled.as_ref().expect("some");
    assert_eq!(unlabeled.labels, [data::UNKNOWN; 2]);
    for (images, first) in [(&dataset.train, 0), (unlabeled, 3), (&dataset.test, 5)] {
        assert_eq!((images.width, images.height, images.channels), (96, 96, 3));
        for image in 0..images.n() {
            let expected = |i: usize| stl10_pixel(first + image, i / 288, i / 3 % 96, i % 3);
            assert!(images.pixels_of(image).iter().copied().eq((0..27_648).map(expected)), "{first}, {image}");
        }
    }
    let start = dataset.train.pixels.as_ptr();
    assert_eq!(dataset.pooled().train.pixels.as_ptr(), start, "all to train on are put together without a copy");
}

#[test]
fn bad_stl10_files_are_named() {
    let root = small_stl10();
    let path = |name: &str| root.path().join("stl10_binary").join(name);
    let check = |name: &str, bytes: &[u8], expected: &str| {
        let whole = fs::read(path(name)).expect("just made");
        fs::write(path(name), bytes).expect("room on disk");
        assert_eq!(load_error("stl10", root.path()), format!("{}{expected}", path(name).display()));
        fs::write(path(name), whole).expect("room on disk");
    };
    check("train_y.bin", &[1, 0, 3], ": label 0 of image 1 is not in 1..=10");
    check("test_y.bin", &[11], ": label 11 of image 0 is not in 1..=10");
    check("fold_indices.txt", b"0 2\n1 3\n", ", line 2: \"3\" is the index of none of 3 images");
    check(
        "unlabeled_X.bin",
        &vec![0; 27_649],
        " is damaged: 27649 bytes are no whole number of images of 27648 bytes: get it again with `fixmatch data fetch \
         stl10`",
    );
    let of_images = format!(" has 2 labels but {} has 1 images", path("test_X.bin").display());
    check("test_y.bin", &[1, 2], &of_images);
    fs::remove_file(path("test_y.bin")).expect("just made");
    assert!(load_error("stl10", root.path()).contains("stl10_binary: test_y.bin is missing"));
}
