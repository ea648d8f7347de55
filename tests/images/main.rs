//! Loading a folder of one's own images, good and bad, made here.

use std::fs;
use std::path::Path;

use fixmatch::config::{Color, Data};
use fixmatch::data::{self, Dataset, Known, UNKNOWN, means};
use image::{GrayImage, Luma, Rgb, RgbImage};
use tempfile::TempDir;

mod damage;
mod fitting;
mod formats;
mod holding_out;
mod keeping;
mod layout;
mod lists;
mod twice;

fn folder() -> TempDir {
    tempfile::tempdir().expect("a temporary folder")
}

fn data_in(root: &Path) -> Data {
    Data { path: Some(root.to_owned()), ..Data::named("folder") }
}

fn load(data: &Data) -> anyhow::Result<Dataset> {
    data::load_with(data, Path::new("unused"), &means::NONE)
}

fn load_folder(root: &Path, resize: Option<u32>) -> Dataset {
    load(&Data { resize, ..data_in(root) }).expect("a good folder")
}

/// The error of a bad folder, which ROOT stands for.
fn load_error(root: &TempDir) -> String {
    let error = format!("{:#}", load(&data_in(root.path())).expect_err("a bad folder"));
    error.replace(root.path().to_str().expect("a plain path"), "ROOT")
}

fn check(root: &TempDir, expected: &str) {
    assert_eq!(load_error(root), expected);
}

/// What is said of a good folder.
fn warnings(root: &TempDir) -> Vec<String> {
    let warnings = load_folder(root.path(), None).warnings;
    let plain = root.path().to_str().expect("a plain path");
    warnings.into_iter().map(|warning| warning.replace(plain, "ROOT")).collect()
}

/// How many files were read, and which were not.
fn read(root: &TempDir) -> String {
    load_folder(root.path(), None).read.expect("a folder counts its files")
}

fn write(path: &Path, bytes: &[u8]) {
    fs::create_dir_all(path.parent().expect("in a folder")).expect("room on disk");
    fs::write(path, bytes).expect("room on disk");
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

#[test]
fn plain_images_keep_their_order_and_digest() {
    let root = folder();
    let files = [
        "train/cat/0.png",
        "train/cat/1.png",
        "train/dog/0.png",
        "test/cat/0.png",
        "test/dog/0.png",
        "unlabeled/0.png",
    ];
    for (k, file) in (0..).zip(files) {
        let pixel = |x, y| Rgb([k * 40 + x * 9, k * 25 + y * 7, x * y + k].map(|byte: u32| (byte % 256) as u8));
        let path = root.path().join(file);
        fs::create_dir_all(path.parent().expect("in a folder")).expect("room on disk");
        RgbImage::from_fn(6, 5, pixel).save(path).expect("a writable file");
    }
    // as version 0.1 read them from Pillow's files: label sets and runs refer to these
    for (resize, digest) in [
        (None, "58404b120880ac6a44c94f7e9228f43254c227721a0b794ed5c55189a9e466a8"),
        (Some(8), "3b72dd658f82ab9e58d5e2e85a95a60ebb7b335f198bbc610f87a4bcd4c865c7"),
    ] {
        let dataset = load_folder(root.path(), resize);
        assert_eq!(dataset.digest, digest, "{resize:?}");
        assert_eq!((dataset.read.as_deref(), dataset.warnings.len()), (Some("6 of 6 files read"), 0));
    }
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
    check(&root, "ROOT/unlabeled holds no images: add some (PNG, JPEG, WebP, BMP, TIFF or GIF) or remove the folder");
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
    check(
        &root,
        "ROOT/train/cat/1.png has 4×4 pixels but ROOT/train/dog/2.png has 5×5: set data.resize to make all images one \
         size",
    );
    let dataset = load_folder(root.path(), Some(8));
    assert_eq!((dataset.train.width, dataset.train.height), (8, 8));
    assert!(dataset.train.pixels_of(2).iter().all(|&pixel| pixel == 7));
}

#[test]
fn hidden_files_and_other_files_are_skipped_and_counted() {
    let root = gray_folder();
    fs::write(root.path().join("train/cat/.hidden.png"), "no image").expect("room on disk");
    fs::create_dir(root.path().join("train/.cache")).expect("room on disk");
    assert_eq!(read(&root), "4 of 6 files read; 2 hidden or system files, such as train/.cache");
    assert!(warnings(&root).is_empty());
    fs::write(root.path().join("train/cat/readme.txt"), "no image").expect("room on disk");
    let said = "4 of 7 files read; 1 file that is not an image: train/cat/readme.txt; 2 hidden or system files, such as train/.cache";
    assert_eq!(warnings(&root), [said]);
    assert_eq!(load_folder(root.path(), None).train.n(), 2);
}

#[test]
fn an_empty_class_folder_is_named() {
    let root = gray_folder();
    fs::create_dir(root.path().join("train/emu")).expect("room on disk");
    check(&root, "ROOT/train/emu holds no images: add some (PNG, JPEG, WebP, BMP, TIFF or GIF) or remove the folder");
}

#[test]
fn a_test_class_without_training_images_is_named() {
    let root = gray_folder();
    save_gray(&root.path().join("test/emu/1.png"), 4, 0);
    check(&root, "ROOT/test/emu is a class without training images: remove it or add it to train");
}

#[test]
fn a_training_class_without_test_images_is_a_warning() {
    let root = gray_folder();
    save_gray(&root.path().join("train/emu/1.png"), 4, 0);
    let warnings = load_folder(root.path(), None).warnings;
    assert!(warnings.len() == 1 && warnings[0].starts_with("class emu has no test images in "), "{warnings:?}");
}
