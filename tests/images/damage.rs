//! Damaged files: refused by name, and never half an image.

use std::fs;

use fixmatch::data::decode::{Fault, MAX_PIXELS, Wanted, decode};
use image::{GrayImage, ImageFormat, RgbImage};
use proptest::prelude::*;

use super::formats::{LOSSLESS, encoded, jpeg_with, six};
use super::{check, gray_folder, load_error, save_gray, write};

/// Noise that no format packs well.
fn noise(side: u32) -> RgbImage {
    RgbImage::from_fn(side, side, |x, y| image::Rgb([x * 37 + y * 91, x * x * 13 + y, x * y * 7].map(|it| it as u8)))
}

/// A small file of each format, and a JPEG of several rows of blocks.
fn files() -> Vec<(String, Vec<u8>)> {
    let mut files: Vec<_> =
        LOSSLESS.iter().map(|(format, name)| ((*name).into(), encoded(&noise(9).into(), *format))).collect();
    files.push(("gray.png".into(), encoded(&GrayImage::new(9, 9).into(), ImageFormat::Png)));
    files.push(("jpg".into(), encoded(&noise(40).into(), ImageFormat::Jpeg)));
    files.push(("exif.jpg".into(), jpeg_with(6)));
    files
}

#[test]
fn a_file_cut_anywhere_is_refused_or_gives_the_same_pixels() {
    for (name, bytes) in files() {
        let whole = decode(&bytes, &Wanted::default()).expect("whole").image;
        let half = decode(&bytes[..bytes.len() / 2], &Wanted::default());
        assert!(half.is_err(), "half of a {name}");
        for n in 0..bytes.len() {
            if let Ok(cut) = decode(&bytes[..n], &Wanted::default()) {
                assert_eq!(cut.image, whole, "{name}: {n} of {} bytes", bytes.len());
            }
        }
    }
}

#[test]
fn the_last_byte_counts_where_a_format_has_an_end() {
    for (name, bytes) in files() {
        let cut = decode(&bytes[..bytes.len() - 1], &Wanted::default());
        if ["png", "jpg", "exif.jpg", "gif", "webp"].contains(&&*name) {
            assert_eq!(cut.expect_err(&name), Fault::Cut, "{name}");
        }
        let longer = [&bytes[..], b"more"].concat();
        assert!(decode(&longer, &Wanted::default()).is_ok(), "{name}: what follows the end does not count");
    }
}

#[test]
fn a_jpeg_whose_rest_is_zeros_is_refused() {
    let bytes = encoded(&noise(40).into(), ImageFormat::Jpeg);
    let zeros = [&bytes[..bytes.len() / 2], &vec![0; bytes.len() / 2][..]].concat();
    assert!(decode(&zeros, &Wanted::default()).is_err());
}

#[test]
fn a_damaged_image_is_named() {
    let root = gray_folder();
    let path = root.path().join("train/dog/1.png");
    let whole = fs::read(&path).expect("just written");
    let cases: [(&[u8], &str); 4] = [
        (&whole[..whole.len() / 2], "is cut short: its end is missing"),
        (&whole[..whole.len() - 1], "is cut short: its end is missing"),
        (b"", "is empty (0 bytes)"),
        (b"<html>404</html>", "holds no image that fixmatch reads (PNG, JPEG, WebP, BMP, TIFF, GIF, PNM)"),
    ];
    for (bytes, expected) in cases {
        write(&path, bytes);
        check(&root, &format!("ROOT/train/dog/1.png {expected}; mend or remove it"));
    }
}

#[test]
fn all_damaged_images_are_counted_and_the_first_are_named() {
    let root = gray_folder();
    for i in 0..7 {
        write(&root.path().join(format!("train/cat/bad{i}.jpg")), b"");
    }
    let error = load_error(&root);
    assert!(error.starts_with("7 of 11 images cannot be used; mend or remove them: ROOT/train/cat/bad0.jpg is empty"));
    assert!(error.contains("bad4.jpg is empty (0 bytes); and 2 more") && !error.contains("bad5"), "{error}");
}

#[test]
fn an_image_with_too_many_pixels_is_called_too_large() {
    let mut png = encoded(&GrayImage::new(1, 1).into(), ImageFormat::Png);
    png[16..24].copy_from_slice(&[0, 1, 0, 0, 0, 1, 0, 0]);
    let crc = crc32(&png[12..29]);
    png[29..33].copy_from_slice(&crc.to_be_bytes());
    let fault = decode(&png, &Wanted::default()).expect_err("4 billion pixels");
    assert_eq!(fault, Fault::TooLarge { width: 65_536, height: 65_536 });
    let said = format!("is too large: 65536×65536 pixels, and at most {MAX_PIXELS} in all are read");
    assert_eq!(fault.to_string(), said);
}

/// The checksum of a PNG's chunk, bit by bit.
fn crc32(bytes: &[u8]) -> u32 {
    let mut crc = u32::MAX;
    for &byte in bytes {
        crc ^= u32::from(byte);
        for _ in 0..8 {
            crc = if crc & 1 == 1 { (crc >> 1) ^ 0xedb8_8320 } else { crc >> 1 };
        }
    }
    !crc
}

#[test]
fn a_changed_byte_of_a_png_is_found() {
    let bytes = encoded(&noise(9).into(), ImageFormat::Png);
    let whole = decode(&bytes, &Wanted::default()).expect("whole").image;
    for place in 33..bytes.len() {
        let mut changed = bytes.clone();
        changed[place] ^= 1;
        if let Ok(read) = decode(&changed, &Wanted::default()) {
            assert_eq!(read.image, whole, "byte {place}");
        }
    }
}

#[test]
fn a_truncated_link_target_is_damaged_too() {
    let root = gray_folder();
    let elsewhere = super::folder();
    save_gray(&elsewhere.path().join("whole.png"), 4, 0);
    let bytes = fs::read(elsewhere.path().join("whole.png")).expect("just written");
    write(&elsewhere.path().join("cut.png"), &bytes[..bytes.len() - 3]);
    std::os::unix::fs::symlink(elsewhere.path().join("cut.png"), root.path().join("test/dog/l.png")).expect("a link");
    check(&root, "ROOT/test/dog/l.png is cut short: its end is missing; mend or remove it");
}

/// A valid file with some bytes changed, cut or added.
fn mangled() -> impl Strategy<Value = Vec<u8>> {
    let files: Vec<Vec<u8>> =
        files().into_iter().map(|(_, bytes)| bytes).chain([encoded(&six().into(), ImageFormat::Bmp)]).collect();
    let changes = proptest::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 0..6);
    (prop::sample::select(files), changes, any::<prop::sample::Index>(), any::<bool>()).prop_map(
        |(mut bytes, changes, end, cuts)| {
            for (place, byte) in changes {
                let place = place.index(bytes.len());
                bytes[place] = byte;
            }
            if cuts {
                bytes.truncate(end.index(bytes.len()));
            }
            bytes
        },
    )
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 2_000, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn any_bytes_give_an_image_of_their_size_or_an_error(bytes in mangled()) {
        if let Ok(decoded) = decode(&bytes, &Wanted::default()) {
            let image = decoded.image;
            prop_assert_eq!(image.pixels.len(), image.width * image.height * image.channels);
        }
    }

    #[test]
    fn any_bytes_behind_a_formats_first_ones_are_survived(
        magic in prop::sample::select(vec![
            &b"\x89PNG\r\n\x1a\n"[..], b"\xff\xd8\xff\xe0", b"GIF89a", b"RIFF\0\x01\0\0WEBPVP8 ", b"II*\0\x08\0\0\0", b"P5 4 4 ",
        ]),
        rest in proptest::collection::vec(any::<u8>(), 0..200),
    ) {
        drop(decode(&[magic, &rest].concat(), &Wanted::default()));
    }
}
