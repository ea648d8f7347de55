//! Images that are there twice, exactly or nearly, and links that bring them.

use std::fs;
use std::os::unix::fs::symlink;

use fixmatch::data::duplicates;
use image::{DynamicImage, ImageFormat, Rgb, RgbImage};
use tempfile::TempDir;

use super::formats::encoded;
use super::{data_in, folder, load, load_folder, write};

/// An image of soft shapes, another one for each number.
fn picture(seed: u32) -> RgbImage {
    RgbImage::from_fn(32, 32, |x, y| {
        let wave = |k: u32| {
            let (fx, fy) = (1.0 + (seed * k % 7) as f64, 1.0 + (seed * k % 5) as f64);
            let phase = (x as f64 * fx + y as f64 * fy) / 16.0 + seed as f64 * k as f64;
            (127.0 + 100.0 * phase.sin()) as u8
        };
        Rgb([wave(1), wave(2), wave(3)])
    })
}

fn pictures() -> TempDir {
    let root = folder();
    for (seed, file) in
        (1..).zip(["train/cat/1", "train/cat/2", "train/dog/1", "train/dog/2", "test/cat/1", "test/dog/1"])
    {
        write(&root.path().join(format!("{file}.png")), &encoded(&picture(seed).into(), ImageFormat::Png));
    }
    root
}

fn told(root: &TempDir) -> (Vec<String>, usize) {
    let found = duplicates::find(&load_folder(root.path(), None));
    (found.told, found.n_leaked)
}

#[test]
fn different_images_are_none() {
    assert_eq!(told(&pictures()), (vec![], 0));
}

#[test]
fn a_test_image_among_the_training_images_is_told_with_both_files() {
    let root = pictures();
    // in another format, and so other bytes
    write(&root.path().join("test/cat/9.bmp"), &encoded(&picture(1).into(), ImageFormat::Bmp));
    let (said, n_leaked) = told(&root);
    assert_eq!(
        said,
        [
            "1 test image is among the training images too, pixel for pixel: accuracy will be too high; such as test/cat/9.bmp and \
             train/cat/1.png"
        ]
    );
    assert_eq!(n_leaked, 1);
    write(&root.path().join("unlabeled/1.png"), &encoded(&picture(6).into(), ImageFormat::Png));
    let (said, n_leaked) = told(&root);
    assert!(said[0].starts_with("2 test images are among the training images too"), "{said:?}");
    assert_eq!(n_leaked, 2);
}

#[test]
fn copies_within_a_split_are_told_by_what_they_contradict() {
    let root = pictures();
    fs::copy(root.path().join("train/cat/1.png"), root.path().join("train/dog/3.png")).expect("copied");
    fs::copy(root.path().join("train/cat/2.png"), root.path().join("train/cat/3.png")).expect("copied");
    let (said, n_leaked) = told(&root);
    assert_eq!(
        said,
        [
            "1 image is in more than one class, pixel for pixel, such as train/cat/1.png and train/dog/3.png",
            "1 image is a copy of another one, pixel for pixel, such as train/cat/3.png and train/cat/2.png",
        ]
    );
    assert_eq!(n_leaked, 0);
}

#[test]
fn links_between_classes_and_splits_come_out() {
    for (link, target, expected) in [
        (
            "train/emu",
            "dog",
            "2 images are in more than one class, pixel for pixel, such as train/dog/1.png and train/emu/1.png",
        ),
        ("train/cat/more", "../dog", "2 images are in more than one class"),
        ("test/dog/more", "../../train/dog", "2 test images are among the training images too"),
    ] {
        let root = pictures();
        symlink(target, root.path().join(link)).expect("a link");
        assert!(told(&root).0[0].starts_with(expected), "{link}: {:?}", told(&root));
    }
    let root = pictures();
    fs::remove_dir_all(root.path().join("test")).expect("there");
    symlink("train", root.path().join("test")).expect("a link");
    let (said, n_leaked) = told(&root);
    assert!(said[0].starts_with("4 test images are among the training images too") && n_leaked == 4, "{said:?}");
}

#[test]
fn an_image_that_was_saved_again_is_nearly_the_same() {
    let root = pictures();
    let jpeg = encoded(&picture(3).into(), ImageFormat::Jpeg);
    write(&root.path().join("test/dog/9.jpg"), &jpeg);
    let bright = RgbImage::from_fn(32, 32, |x, y| Rgb(picture(4).get_pixel(x, y).0.map(|byte| byte.saturating_add(3))));
    write(&root.path().join("train/dog/9.png"), &encoded(&bright.into(), ImageFormat::Png));
    let (said, n_leaked) = told(&root);
    assert_eq!(
        said,
        [
            "1 test image is nearly the same as a training image, such as test/dog/9.jpg and train/dog/1.png",
            "1 image is nearly the same as another one of its split, such as train/dog/9.png and train/dog/2.png",
        ]
    );
    assert_eq!(n_leaked, 0);
}

#[test]
fn gray_stored_as_colour_is_the_same_image() {
    let root = pictures();
    let gray = DynamicImage::from(picture(9)).into_luma8();
    write(&root.path().join("train/cat/9.png"), &encoded(&gray.clone().into(), ImageFormat::Png));
    let colour = DynamicImage::from(gray).into_rgb8();
    write(&root.path().join("test/cat/9.png"), &encoded(&colour.into(), ImageFormat::Png));
    assert_eq!(told(&root).1, 1);
}

#[test]
fn many_blank_images_take_no_time() {
    let root = pictures();
    for i in 0..500_u32 {
        let mut blank = RgbImage::from_pixel(4, 4, Rgb([255; 3]));
        blank.put_pixel(i % 4, i / 4 % 4, Rgb([(i % 251) as u8, (i / 251) as u8, 0]));
        write(&root.path().join(format!("unlabeled/{i}.bmp")), &encoded(&blank.into(), ImageFormat::Bmp));
    }
    let data = fixmatch::config::Data { resize: Some(32), ..data_in(root.path()) };
    let found = duplicates::find(&load(&data).expect("a good folder"));
    assert!(found.told.iter().any(|told| told.contains("nearly the same as another one")), "{:?}", found.told);
}
