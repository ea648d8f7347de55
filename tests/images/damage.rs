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

/// A gray progressive JPEG of 16×16 pixels: six scans.
const PROGRESSIVE: &str = "\
    ffd8ffe000104a46494600010100000100010000ffdb004300140e0f120f0d14121012171514181e32211e1c1c1e3d2c2e243249404c4b47\
    404645505a736250556d5645466488656d777b8182814e608d978c7d96737e817cffc2000b080010001001011100ffc40016000101010000\
    0000000000000000000000020105ffda0008010100000001c9a9ff00ffc400161000030000000000000000000000000000001011ffda0008\
    01010001050270ffc40014100100000000000000000000000000000020ffda0008010100063f021fffc40016100101010000000000000000\
    0000000000010011ffda0008010100013f21c82089ffda00080101000000107fffc400191000010500000000000000000000000000000110\
    2161a1ffda0008010100013f104c14b711ffd9\
    ";

/// A gray JPEG of 24×24 pixels, restarted after every second block.
const RESTARTS: &str = "\
    ffd8ffe000104a46494600010100000100010000ffdb004300140e0f120f0d14121012171514181e32211e1c1c1e3d2c2e243249404c4b47\
    404645505a736250556d5645466488656d777b8182814e608d978c7d96737e817cffc0000b080018001801011100ffc40018000003010100\
    00000000000000000000000205060003ffc4001e100002020202030000000000000000000000020111032112314161a1ffdd00040002ffda\
    0008010100003f009385f81aa7a3ffd09a8c46443fffd14098f41cd278b9a3ffd2438d2ea8ed31c575d9ffd34e98ea371a3fffd9\
    ";

pub fn from_hex(digits: &str) -> Vec<u8> {
    let pairs = digits.as_bytes().chunks_exact(2).map(|pair| std::str::from_utf8(pair).expect("digits"));
    pairs.map(|pair| u8::from_str_radix(pair, 16).expect("digits")).collect()
}

#[test]
fn a_jpeg_that_ends_early_is_refused_though_it_has_an_end_marker() {
    let wide = RgbImage::from_fn(40, 16, |x, y| image::Rgb([x * 37 + y * 91, x * x * 13, y * 7].map(|it| it as u8)));
    let files = [
        ("rgb", encoded(&noise(40).into(), ImageFormat::Jpeg)),
        ("wide", encoded(&wide.into(), ImageFormat::Jpeg)),
        (
            "gray",
            encoded(&GrayImage::from_fn(24, 24, |x, y| image::Luma([(x * y * 5) as u8])).into(), ImageFormat::Jpeg),
        ),
        ("restarts", from_hex(RESTARTS)),
        ("progressive", from_hex(PROGRESSIVE)),
    ];
    for (name, bytes) in files {
        let whole = decode(&bytes, &Wanted::default()).expect(name).image;
        // what is missing of the very last block may read as another block
        for n in 2..bytes.len() - 6 {
            let ended = [&bytes[..n], b"\xff\xd9"].concat();
            if let Ok(read) = decode(&ended, &Wanted::default()) {
                assert!(read.image == whole, "{name}: {n} of {} bytes", bytes.len());
            }
        }
    }
}

#[test]
fn a_jpeg_that_lacks_a_part_in_the_middle_is_refused() {
    let bytes = encoded(&GrayImage::from_fn(64, 64, |x, y| image::Luma([(x * y) as u8])).into(), ImageFormat::Jpeg);
    let (from, to) = (bytes.len() / 2, bytes.len() / 2 + bytes.len() / 8);
    let fault = decode(&[&bytes[..from], &bytes[to..]].concat(), &Wanted::default()).expect_err("a hole");
    assert_eq!(fault, Fault::Damaged("some of its data is missing or garbled".into()));
    for (name, bytes) in [("restarts", from_hex(RESTARTS)), ("progressive", from_hex(PROGRESSIVE))] {
        let scan = bytes.windows(2).rposition(|marker| marker == b"\xff\xda").expect("a scan");
        let hole = [&bytes[..scan], b"\xff\xd9"].concat();
        assert_eq!(decode(&hole, &Wanted::default()).expect_err(name), Fault::Cut, "{name}: its last scan");
    }
}

#[test]
fn a_named_pipe_among_the_images_is_counted_and_one_that_is_named_is_refused() {
    let root = gray_folder();
    let pipe = root.path().join("train/cat/2.png");
    rustix::fs::mkfifoat(rustix::fs::CWD, &pipe, rustix::fs::Mode::RWXU).expect("made");
    std::os::unix::fs::symlink("/dev/zero", root.path().join("train/cat/3.png")).expect("a link");
    let said = "4 of 6 files read; 2 special files, such as train/cat/2.png";
    assert_eq!(super::load_folder(root.path(), None).warnings, [said]);
    let fault = fixmatch::data::decode::read(&pipe, &Wanted::default()).expect_err("a pipe");
    assert_eq!(fault.to_string(), "cannot be read: it is a named pipe, not a file");
    assert!(fixmatch::data::decode::sniff::kind_of(&pipe).is_err());
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
