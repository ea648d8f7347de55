//! How images of any shape become squares.

use fixmatch::config::{Color, Fit};
use fixmatch::data::decode::{Wanted, decode};
use image::{DynamicImage, GrayImage, ImageFormat, Luma, Rgb, RgbImage};

use super::formats::encoded;
use super::{data_in, gray_folder, load, save_rgb};

fn fitted(image: &DynamicImage, side: u32, fit: Fit, background: [u8; 3]) -> (usize, Vec<u8>) {
    let wanted = Wanted { resize: Some((side, side)), fit, background: Color(background) };
    let decoded = decode(&encoded(image, ImageFormat::Png), &wanted).expect("an image").image;
    assert_eq!((decoded.width, decoded.height), (side as usize, side as usize));
    (decoded.channels, decoded.pixels)
}

/// Columns of the values 10, 20, 30, … as high as asked for.
fn columns(width: u32, height: u32) -> DynamicImage {
    GrayImage::from_fn(width, height, |x, _| Luma([10 * (x as u8 + 1)])).into()
}

#[test]
fn a_crop_is_the_middle_and_keeps_its_pixels() {
    // by hand: of 6 columns the middle 2; of 5 columns 1.5 are before the middle, and .5 goes to the even number, as in
    // torchvision's CenterCrop
    assert_eq!(fitted(&columns(6, 2), 2, Fit::Crop, [0; 3]).1, [30, 40, 30, 40]);
    assert_eq!(fitted(&columns(5, 2), 2, Fit::Crop, [0; 3]).1, [30, 40, 30, 40]);
    assert_eq!(fitted(&columns(3, 2), 2, Fit::Crop, [0; 3]).1, [10, 20, 10, 20]);
    let high = GrayImage::from_fn(2, 4, |_, y| Luma([y as u8])).into();
    assert_eq!(fitted(&high, 2, Fit::Crop, [0; 3]).1, [1, 1, 2, 2]);
    // a line of one pixel has a middle too
    assert_eq!(fitted(&columns(9, 1), 8, Fit::Crop, [0; 3]).1, [50; 64]);
}

#[test]
fn padding_keeps_the_shape_and_stands_in_the_middle() {
    // Pillow 11: ImageOps.pad(Image.new("L", (4, 2), 7), (4, 4), color=9) has a row of 9, two of 7, a row of 9
    let flat = GrayImage::from_pixel(4, 2, Luma([7])).into();
    assert_eq!(fitted(&flat, 4, Fit::Pad, [9; 3]), (1, [[9; 4], [7; 4], [7; 4], [9; 4]].concat()));
    // 3 rows are left over, 1.5 before the image: 2, as Pillow rounds
    let flat = GrayImage::from_pixel(5, 2, Luma([7])).into();
    assert_eq!(fitted(&flat, 5, Fit::Pad, [0; 3]).1, [[0; 5], [0; 5], [7; 5], [7; 5], [0; 5]].concat());
    // a long line does not vanish
    let line = GrayImage::from_pixel(100, 1, Luma([7])).into();
    assert_eq!(fitted(&line, 10, Fit::Pad, [0; 3]).1.chunks(10).filter(|row| *row == [7; 10]).count(), 1);
}

#[test]
fn a_gray_image_on_a_colour_is_in_colour() {
    let flat = GrayImage::from_pixel(2, 1, Luma([7])).into();
    assert_eq!(fitted(&flat, 2, Fit::Pad, [1, 2, 3]), (3, vec![7, 7, 7, 7, 7, 7, 1, 2, 3, 1, 2, 3]));
    let colour = RgbImage::from_pixel(2, 1, Rgb([7, 8, 9])).into();
    assert_eq!(fitted(&colour, 2, Fit::Pad, [1; 3]), (3, vec![7, 8, 9, 7, 8, 9, 1, 1, 1, 1, 1, 1]));
}

#[test]
fn squares_and_stretched_images_are_as_ever() {
    let square = columns(4, 4);
    let stretched = fitted(&square, 2, Fit::Stretch, [0; 3]);
    assert_eq!(stretched, (1, vec![17, 33, 17, 33]), "a triangle of twice the width: (3·10 + 3·20 + 1·30) / 7 = 17.1");
    for fit in [Fit::Crop, Fit::Pad] {
        assert_eq!(fitted(&square, 2, fit, [200; 3]), stretched, "{fit:?}");
    }
    assert_eq!(fitted(&columns(6, 2), 2, Fit::Stretch, [0; 3]).0, 1);
}

#[test]
fn the_fit_is_part_of_the_data() {
    let root = gray_folder();
    RgbImage::from_fn(9, 4, |x, _| Rgb([x as u8 * 20; 3])).save(root.path().join("train/cat/2.png")).expect("saved");
    save_rgb(&root.path().join("train/dog/2.png"), 4, [1, 2, 3]);
    let digests = [None, Some(Fit::Stretch), Some(Fit::Crop), Some(Fit::Pad)].map(|fit| {
        let data = fixmatch::config::Data { resize: Some(8), fit, ..data_in(root.path()) };
        load(&data).expect("a good folder").digest
    });
    assert_eq!(digests[0], digests[1]);
    assert!(digests[1] != digests[2] && digests[2] != digests[3] && digests[1] != digests[3]);
}
