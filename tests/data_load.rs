//! Loading data sets from files, good and bad, made here.

use std::fs;
use std::path::Path;

use fixmatch::data::{Dataset, Known, UNKNOWN, load};
use image::{GrayImage, Luma, Rgb, RgbImage};
use tempfile::TempDir;

fn folder() -> TempDir {
    tempfile::tempdir().expect("a temporary folder")
}

fn load_error(name: &str, path: &Path) -> String {
    format!("{:#}", load(name, Some(path), None, Path::new("unused")).expect_err("a bad data set"))
}

fn save_rgb(path: &Path, side: u32, color: [u8; 3]) {
    fs::create_dir_all(path.parent().expect("in a folder")).expect("room on disk");
    RgbImage::from_pixel(side, side, Rgb(color)).save(path).expect("a writable file");
}

fn save_gray(path: &Path, side: u32, value: u8) {
    fs::create_dir_all(path.parent().expect("in a folder")).expect("room on disk");
    GrayImage::from_pixel(side, side, Luma([value])).save(path).expect("a writable file");
}

/// Two classes with one gray training and test image each.
fn gray_folder() -> TempDir {
    let root = folder();
    for (value, file) in ["train/cat/1.png", "train/dog/1.png", "test/cat/1.png", "test/dog/1.png"].iter().enumerate() {
        save_gray(&root.path().join(file), 4, value as u8);
    }
    root
}

fn load_folder(root: &Path, resize: Option<u32>) -> Dataset {
    load("folder", Some(root), resize, Path::new("unused")).expect("a good folder")
}

fn check_folder(root: &TempDir, expected: &str) {
    let error = load_error("folder", root.path());
    assert_eq!(error.replace(root.path().to_str().expect("plain path"), "ROOT"), expected);
}

#[test]
fn a_folder_of_class_folders_loads_in_the_order_of_names() {
    let root = gray_folder();
    save_gray(&root.path().join("train/cat/0.png"), 4, 9);
    let dataset = load_folder(root.path(), None);
    assert_eq!(dataset.classes, ["cat", "dog"]);
    assert_eq!(dataset.train.labels, [0, 0, 1]);
    assert_eq!((dataset.train.width, dataset.train.height, dataset.train.channels), (4, 4, 1));
    let firsts: Vec<_> = (0..3).map(|i| dataset.train.pixels_of(i)[0]).collect();
    assert_eq!(firsts, [9, 0, 1]);
    assert_eq!((dataset.known, dataset.warnings.len()), (Known::Own, 0));
}

#[test]
fn one_image_in_colour_makes_all_rgb() {
    let root = gray_folder();
    save_rgb(&root.path().join("test/dog/2.png"), 4, [1, 2, 3]);
    let dataset = load_folder(root.path(), None);
    assert_eq!((dataset.train.channels, dataset.test.channels), (3, 3));
    assert_eq!(dataset.train.pixels_of(1)[..3], [1, 1, 1]);
    assert_eq!(dataset.test.pixels_of(2)[..3], [1, 2, 3]);
}

#[test]
fn images_of_unknown_class_stand_apart_and_belong_to_the_digest() {
    let root = gray_folder();
    let without = load_folder(root.path(), None);
    assert!(without.unlabeled.is_none() && without.train.are_known());
    save_gray(&root.path().join("unlabeled/b.png"), 4, 8);
    save_gray(&root.path().join("unlabeled/a.png"), 4, 7);
    let dataset = load_folder(root.path(), None);
    assert_eq!((dataset.train.n(), dataset.test.n()), (2, 2));
    assert_ne!(dataset.digest, without.digest);
    let all = dataset.train.followed_by(dataset.unlabeled);
    assert_eq!((all.labels.as_slice(), all.are_known()), (&[0, 1, UNKNOWN, UNKNOWN][..], false));
    assert_eq!([2, 3].map(|i| all.pixels_of(i)[0]), [7, 8]);
    fs::remove_file(root.path().join("unlabeled/a.png")).expect("there");
    fs::remove_file(root.path().join("unlabeled/b.png")).expect("there");
    check_folder(&root, "ROOT/unlabeled holds no PNG or JPEG images: add some or remove the folder");
}

#[test]
fn jpeg_images_load_too() {
    let root = gray_folder();
    save_gray(&root.path().join("train/dog/2.JPG"), 4, 200);
    assert_eq!(load_folder(root.path(), None).train.n(), 3);
}

#[test]
fn images_of_different_sizes_are_resized_only_on_request() {
    let root = gray_folder();
    save_gray(&root.path().join("train/dog/2.png"), 5, 7);
    check_folder(
        &root,
        "ROOT/train/cat/1.png has 4×4 pixels but ROOT/train/dog/2.png has 5×5: set data.resize to make all images one \
         size",
    );
    let dataset = load_folder(root.path(), Some(8));
    assert_eq!((dataset.train.width, dataset.train.height), (8, 8));
    assert!(dataset.train.pixels_of(2).iter().all(|&pixel| pixel == 7));
}

#[test]
fn hidden_files_and_other_files_are_skipped() {
    let root = gray_folder();
    fs::write(root.path().join("train/cat/.hidden.png"), "no image").expect("room on disk");
    fs::write(root.path().join("train/cat/readme.txt"), "no image").expect("room on disk");
    fs::create_dir(root.path().join("train/.cache")).expect("room on disk");
    assert_eq!(load_folder(root.path(), None).train.n(), 2);
}

#[test]
fn an_unreadable_image_is_named() {
    let root = gray_folder();
    let path = root.path().join("train/dog/1.png");
    let whole = fs::read(&path).expect("just written");
    fs::write(&path, &whole[..whole.len() / 2]).expect("room on disk");
    let error = load_error("folder", root.path());
    let expected = format!("cannot read {}: is it a whole PNG or JPEG image?: ", path.display());
    assert!(error.starts_with(&expected), "{error}");
}

#[test]
fn an_empty_class_folder_is_named() {
    let root = gray_folder();
    fs::create_dir(root.path().join("train/emu")).expect("room on disk");
    check_folder(&root, "ROOT/train/emu holds no PNG or JPEG images: add some or remove the folder");
}

#[test]
fn a_test_class_without_training_images_is_named() {
    let root = gray_folder();
    save_gray(&root.path().join("test/emu/1.png"), 4, 0);
    check_folder(&root, "ROOT/test/emu is a class without training images: remove it or add it to train");
}

#[test]
fn a_training_class_without_test_images_is_a_warning() {
    let root = gray_folder();
    save_gray(&root.path().join("train/emu/1.png"), 4, 0);
    let warnings = load_folder(root.path(), None).warnings;
    assert!(warnings.len() == 1 && warnings[0].starts_with("class emu has no test images in "), "{warnings:?}");
}

#[test]
fn class_folders_at_the_top_get_advice() {
    let root = folder();
    save_gray(&root.path().join("cat/1.png"), 4, 0);
    save_gray(&root.path().join("dog/1.png"), 4, 0);
    check_folder(
        &root,
        "there is no folder ROOT/train: expected ROOT/train/CLASS/*.png and ROOT/test/CLASS/*.png (or .jpg); if cat, dog \
         are classes, move them into ROOT/train",
    );
    let root = folder();
    save_gray(&root.path().join("train/cat/1.png"), 4, 0);
    check_folder(
        &root,
        "there is no folder ROOT/test: expected ROOT/train/CLASS/*.png and ROOT/test/CLASS/*.png (or .jpg)",
    );
    fs::remove_dir_all(root.path().join("train/cat")).expect("just made");
    fs::create_dir(root.path().join("test")).expect("room on disk");
    check_folder(
        &root,
        "ROOT/train has no class folders: expected ROOT/train/CLASS/*.png and ROOT/test/CLASS/*.png (or .jpg)",
    );
    let error = load_error("folder", Path::new("/no/such/folder"));
    assert!(error.starts_with("cannot read the folder /no/such/folder"), "{error}");
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
    let dataset = load("cifar10", Some(root.path()), None, Path::new("unused")).expect("the right layout");
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
    let error = load("cifar10", None, None, root.path()).expect_err("not there").to_string();
    assert_eq!(
        error,
        format!(
            "no cifar10 in {}: data_batch_1.bin is missing; to get it, run `fixmatch data fetch cifar10`",
            root.path().join("cifar10").display()
        )
    );
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
    let dataset = load("fashion-mnist", Some(root.path()), None, Path::new("unused")).expect("the right layout");
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
