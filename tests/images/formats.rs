//! Which files are images, and what is made of them.

use std::io::Cursor;
use std::path::Path;

use fixmatch::data::decode::{Decoded, Wanted, decode};
use image::codecs::gif::GifEncoder;
use image::codecs::jpeg::JpegEncoder;
use image::codecs::png::PngEncoder;
use image::codecs::webp::WebPEncoder;
use image::{
    DynamicImage, ExtendedColorType, Frame, GrayAlphaImage, GrayImage, ImageEncoder, ImageFormat, Luma, LumaA, Rgb,
    RgbImage, Rgba, RgbaImage,
};

use super::{Color, gray_folder, load_folder, save_gray, write};

/// The formats that are read and lose nothing, with their usual extension.
pub const LOSSLESS: [(ImageFormat, &str); 6] = [
    (ImageFormat::Png, "png"),
    (ImageFormat::WebP, "webp"),
    (ImageFormat::Bmp, "bmp"),
    (ImageFormat::Tiff, "tif"),
    (ImageFormat::Gif, "gif"),
    (ImageFormat::Pnm, "ppm"),
];

/// Two rows of three pixels, all different.
pub fn six() -> RgbImage {
    RgbImage::from_fn(3, 2, |x, y| Rgb([10 + 60 * x as u8, 20 + 100 * y as u8, 7]))
}

pub fn encoded(image: &DynamicImage, format: ImageFormat) -> Vec<u8> {
    let mut bytes = Cursor::new(Vec::new());
    image.write_to(&mut bytes, format).expect("encodes");
    bytes.into_inner()
}

fn decoded(bytes: &[u8]) -> Decoded {
    decode(bytes, &Wanted::default()).expect("an image")
}

#[test]
fn images_are_read_whatever_their_name() {
    for (format, extension) in LOSSLESS {
        let bytes = encoded(&six().into(), format);
        assert_eq!(decoded(&bytes).image.pixels, six().into_raw(), "{format:?}");
        for name in
            [format!("a.{extension}"), format!("a.{}", extension.to_uppercase()), "noext".into(), "a.jpg".into()]
        {
            let root = gray_folder();
            write(&root.path().join("train/dog").join(&name), &encoded(&RgbImage::new(4, 4).into(), format));
            assert_eq!(load_folder(root.path(), None).train.n(), 3, "{name}");
        }
    }
    for name in ["a.jfif", "a.JPG", "a.jpe", "a.png", "a"] {
        let root = gray_folder();
        write(&root.path().join("train/dog").join(name), &encoded(&GrayImage::new(4, 4).into(), ImageFormat::Jpeg));
        let dataset = load_folder(root.path(), None);
        assert_eq!((dataset.train.n(), dataset.train.channels), (3, 1), "{name}");
    }
}

#[test]
fn the_cameras_orientation_is_applied() {
    // what stands at the six places of the upright image, read off the Exif standard's table of tag 274
    let places: [(u8, usize, [usize; 6]); 8] = [
        (1, 3, [0, 1, 2, 3, 4, 5]),
        (2, 3, [2, 1, 0, 5, 4, 3]),
        (3, 3, [5, 4, 3, 2, 1, 0]),
        (4, 3, [3, 4, 5, 0, 1, 2]),
        (5, 2, [0, 3, 1, 4, 2, 5]),
        (6, 2, [3, 0, 4, 1, 5, 2]),
        (7, 2, [5, 2, 4, 1, 3, 0]),
        (8, 2, [2, 5, 1, 4, 0, 3]),
    ];
    for (orientation, width, order) in places {
        let files = [png_with(orientation), png_with_late(orientation), webp_with(orientation), tiff_with(orientation)];
        for (format, bytes) in ["PNG", "PNG, tag behind the pixels", "WebP", "TIFF"].iter().zip(&files) {
            let Decoded { image, is_turned, .. } = decoded(bytes);
            let stored = six().into_raw();
            let expected: Vec<u8> = order.iter().flat_map(|&place| stored[3 * place..][..3].to_vec()).collect();
            assert_eq!((image.width, image.pixels), (width, expected), "{format} {orientation}");
            assert_eq!(is_turned, orientation != 1, "{format} {orientation}");
        }
        let Decoded { image, .. } = decoded(&jpeg_with(orientation));
        let plain = decoded(&jpeg_with(1)).image.pixels;
        let expected: Vec<u8> = order.iter().flat_map(|&place| plain[3 * place..][..3].to_vec()).collect();
        assert_eq!((image.width, image.pixels), (width, expected), "JPEG {orientation}");
    }
}

/// Exif data with nothing but an orientation.
fn exif(orientation: u8) -> Vec<u8> {
    [&b"MM\0*\0\0\0\x08\0\x01\x01\x12\0\x03\0\0\0\x01\0"[..], &[orientation], &[0; 6]].concat()
}

pub fn jpeg_with(orientation: u8) -> Vec<u8> {
    let mut bytes = Vec::new();
    let mut encoder = JpegEncoder::new_with_quality(&mut bytes, 100);
    encoder.set_exif_metadata(exif(orientation)).expect("JPEG has Exif");
    encoder.write_image(&six(), 3, 2, ExtendedColorType::Rgb8).expect("encodes");
    bytes
}

fn png_with(orientation: u8) -> Vec<u8> {
    let mut bytes = Vec::new();
    let mut encoder = PngEncoder::new(&mut bytes);
    encoder.set_exif_metadata(exif(orientation)).expect("PNG has Exif");
    encoder.write_image(&six(), 3, 2, ExtendedColorType::Rgb8).expect("encodes");
    bytes
}

/// The same with the tag behind the pixels, where the standard allows it too.
fn png_with_late(orientation: u8) -> Vec<u8> {
    let mut bytes = png_with(orientation);
    let at = bytes.windows(4).position(|name| name == b"eXIf").expect("a chunk") - 4;
    let chunk: Vec<u8> = bytes.drain(at..at + 12 + exif(orientation).len()).collect();
    let end = bytes.len() - 12;
    bytes.splice(end..end, chunk);
    bytes
}

fn webp_with(orientation: u8) -> Vec<u8> {
    let mut bytes = Vec::new();
    let mut encoder = WebPEncoder::new_lossless(&mut bytes);
    encoder.set_exif_metadata(exif(orientation)).expect("WebP has Exif");
    encoder.write_image(&six(), 3, 2, ExtendedColorType::Rgb8).expect("encodes");
    bytes
}

/// A TIFF by hand: pixels, then the tags that it takes.
fn tiff_with(orientation: u8) -> Vec<u8> {
    let pixels = six().into_raw();
    let directory = 8 + pixels.len() as u32 + 6;
    let tags: [(u16, u16, u32, u32); 10] = [
        (256, 3, 1, 3 << 16),
        (257, 3, 1, 2 << 16),
        (258, 3, 3, 8 + pixels.len() as u32),
        (259, 3, 1, 1 << 16),
        (262, 3, 1, 2 << 16),
        (273, 4, 1, 8),
        (274, 3, 1, u32::from(orientation) << 16),
        (277, 3, 1, 3 << 16),
        (278, 3, 1, 2 << 16),
        (279, 4, 1, pixels.len() as u32),
    ];
    let mut bytes = [b"MM\0*", &directory.to_be_bytes()[..], &pixels, b"\0\x08\0\x08\0\x08"].concat();
    bytes.extend((tags.len() as u16).to_be_bytes());
    for (tag, kind, n, value) in tags {
        bytes.extend([tag.to_be_bytes(), kind.to_be_bytes()].concat());
        bytes.extend([n.to_be_bytes(), value.to_be_bytes()].concat());
    }
    bytes.extend([0; 4]);
    bytes
}

#[test]
fn what_is_transparent_shows_the_background_and_not_what_it_hides() {
    let image = RgbaImage::from_fn(3, 1, |x, _| Rgba([200, 100, 50, [255, 0, 51][x as usize]]));
    let bytes = encoded(&image.into(), ImageFormat::Png);
    let over = |background| {
        let wanted = Wanted { background: Color(background), ..Wanted::default() };
        let Decoded { image, is_transparent, .. } = decode(&bytes, &wanted).expect("an image");
        assert!(is_transparent);
        image.pixels
    };
    assert_eq!(over([0, 0, 0]), [200, 100, 50, 0, 0, 0, 40, 20, 10]);
    assert_eq!(over([255, 255, 255]), [200, 100, 50, 255, 255, 255, 244, 224, 214]);

    let gray = GrayAlphaImage::from_pixel(1, 1, LumaA([200, 0]));
    let bytes = encoded(&gray.into(), ImageFormat::Png);
    for (background, pixels) in [([9, 9, 9], &[9][..]), ([9, 8, 7], &[9, 8, 7])] {
        let wanted = Wanted { background: Color(background), ..Wanted::default() };
        assert_eq!(decode(&bytes, &wanted).expect("an image").image.pixels, pixels, "gray stays gray over gray");
    }
}

#[test]
fn a_background_is_part_of_the_data_and_is_said() {
    let root = gray_folder();
    let clear = RgbaImage::from_pixel(4, 4, Rgba([1, 2, 3, 0]));
    write(&root.path().join("train/cat/2.png"), &encoded(&clear.into(), ImageFormat::Png));
    let black = load_folder(root.path(), None);
    let said = "5 of 5 files read; 1 with transparent parts, laid over data.background = \"#000000\": train/cat/2.png";
    assert_eq!(black.warnings, [said]);
    let data = fixmatch::config::Data { background: Some(Color([255; 3])), ..super::data_in(root.path()) };
    let white = super::load(&data).expect("a good folder");
    assert_ne!(white.digest, black.digest);
    assert_eq!((black.train.pixels_of(1)[0], white.train.pixels_of(1)[0]), (0, 255));
}

#[test]
fn opaque_images_with_an_alpha_channel_are_as_without() {
    let root = gray_folder();
    let opaque = RgbaImage::from_pixel(4, 4, Rgba([1, 2, 3, 255]));
    write(&root.path().join("train/cat/2.png"), &encoded(&opaque.into(), ImageFormat::Png));
    let dataset = load_folder(root.path(), None);
    assert!(dataset.warnings.is_empty(), "{:?}", dataset.warnings);
    assert_eq!(dataset.train.pixels_of(1)[..3], [1, 2, 3]);
}

#[test]
fn sixteen_bits_become_eight_by_rounding() {
    let gray = image::ImageBuffer::<Luma<u16>, _>::from_fn(3, 1, |x, _| Luma([[0, 0x1280, 0xffff][x as usize]]));
    let Decoded { image, .. } = decoded(&encoded(&gray.into(), ImageFormat::Png));
    assert_eq!((image.channels, image.pixels), (1, vec![0, 0x12, 255]));
}

/// Pillow 11: Image.new("CMYK", (8, 8), (0, 255, 255, 0)) saved as JPEG of quality 95.
const CMYK: &str = "\
    ffd8ffee000e41646f626500640000000000ffdb0043000201010101010201010102020202020403020202020504040304060506060605\
    060606070908060709070606080b08090a0a0a0a0a06080b0c0b0a0c090a0a0affc000140800080008044311004d11005911004b1100ff\
    c4001f0000010501010101010100000000000000000102030405060708090a0bffc400b5100002010303020403050504040000017d0102\
    0300041105122131410613516107227114328191a1082342b1c11552d1f02433627282090a161718191a25262728292a3435363738393a\
    434445464748494a535455565758595a636465666768696a737475767778797a838485868788898a92939495969798999aa2a3a4a5a6a7\
    a8a9aab2b3b4b5b6b7b8b9bac2c3c4c5c6c7c8c9cad2d3d4d5d6d7d8d9dae1e2e3e4e5e6e7e8e9eaf1f2f3f4f5f6f7f8f9faffda000e04\
    43004d0059004b00003f00fdfcafe7febf9ffafdfcafffd9\
    ";

#[test]
fn the_colours_of_printers_are_read_as_those_of_screens() {
    let Decoded { image, .. } = decoded(&super::damage::from_hex(CMYK));
    // as Pillow's convert("RGB") has it
    assert_eq!((image.width, image.channels, &image.pixels[..3]), (8, 3, &[255, 0, 0][..]));
}

#[test]
fn gray_and_colour_together_are_rgb() {
    let root = gray_folder();
    save_gray(&root.path().join("train/cat/2.png"), 4, 77);
    assert_eq!(load_folder(root.path(), None).train.channels, 1);
    write(&root.path().join("test/cat/2.gif"), &encoded(&RgbImage::new(4, 4).into(), ImageFormat::Gif));
    let dataset = load_folder(root.path(), None);
    assert_eq!((dataset.train.channels, &dataset.train.pixels_of(1)[..3]), (3, &[77; 3][..]));
}

#[test]
fn of_several_frames_the_first_counts_and_that_is_said() {
    let mut bytes = Vec::new();
    let mut encoder = GifEncoder::new(&mut bytes);
    for value in [10, 200] {
        encoder.encode_frame(Frame::new(RgbaImage::from_pixel(4, 4, Rgba([value, 0, 0, 255])))).expect("encodes");
    }
    drop(encoder);
    let Decoded { image, has_more, .. } = decoded(&bytes);
    assert_eq!((image.pixels[0], has_more), (10, true));
    let root = gray_folder();
    write(&root.path().join("train/cat/2.gif"), &bytes);
    let said = "5 of 5 files read; 1 with several frames or pages, of which the first counts: train/cat/2.gif";
    assert_eq!(load_folder(root.path(), None).warnings, [said]);
}

#[test]
fn of_several_pages_the_first_counts_and_that_is_said() {
    let one = tiff_with(1);
    let directory = u32::from_be_bytes(one[4..8].try_into().expect("4 bytes")) as usize;
    let next = directory + 2 + 12 * 10;
    assert_eq!(one[next..], [0; 4]);
    let mut two = one.clone();
    two[next..].copy_from_slice(&(one.len() as u32).to_be_bytes());
    two.extend_from_slice(&one[directory..]); // the same pixels again
    assert!(!decoded(&one).has_more);
    assert_eq!((decoded(&two).has_more, decoded(&two).image.pixels), (true, six().into_raw()));
    for (format, extension) in LOSSLESS {
        assert!(!decoded(&encoded(&six().into(), format)).has_more, "{extension}");
    }
}

#[test]
fn raw_files_of_cameras_are_not_taken_for_their_small_copies() {
    let root = gray_folder();
    let tiff = encoded(&GrayImage::new(4, 4).into(), ImageFormat::Tiff);
    write(&root.path().join("train/cat/DSC_1.NEF"), &tiff);
    let read = load_folder(root.path(), None).read.expect("counted");
    assert!(
        read.ends_with("1 left out, in a format that is not read (camera raw; PNG or JPEG is): train/cat/DSC_1.NEF")
    );
}

#[test]
fn a_missing_file_is_named() {
    let fault = fixmatch::data::decode::read(Path::new("/no/such/file"), &Wanted::default()).expect_err("no file");
    assert!(fault.to_string().starts_with("cannot be read: No such file"), "{fault}");
}
