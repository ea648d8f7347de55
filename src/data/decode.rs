//! Image files into bytes: PNG, JPEG, WebP, BMP, TIFF, GIF and binary PNM, told apart by what they hold and not by name.
//!
//! A damaged file is an error and never half an image: [`whole`] finds a cut end, [`jpeg`] also most holes, and the
//! decoders are strict about the rest. Of a file with several frames or pages the first one counts. The camera's
//! orientation is applied, then what is transparent is laid over a colour. An image is gray (one channel) if its file
//! stores gray; all others are RGB, also when a palette holds grays only. 16 bits become 8 by rounding.

use std::fmt;
use std::io::{Cursor, ErrorKind};
use std::path::Path;

use ::image::error::ImageError;
use ::image::metadata::Orientation;
use ::image::{
    DynamicImage, GrayImage, ImageDecoder, ImageFormat, ImageReader, Limits, Luma, Rgb, RgbImage,
    imageops::{FilterType, replace},
};

use crate::base::files;
use crate::base::image::Image;
use crate::config::{Color, Fit};

mod jpeg;
mod quiet;
pub mod sniff;
mod whole;

/// An image has at most this many pixels: 512 MiB of RGB, where Pillow draws the line too.
pub const MAX_PIXELS: u64 = 512 * 1024 * 1024 / 3;

/// A file has at most this many bytes: that many pixels of RGB with 16 bits, uncompressed.
const MAX_BYTES: u64 = 6 * MAX_PIXELS;

/// What is made of an image once it is decoded.
#[derive(Clone, Copy, Debug, Default)]
pub struct Wanted {
    /// Width and height in pixels that it gets.
    pub resize: Option<(u32, u32)>,
    /// How, if it has another shape.
    pub fit: Fit,
    /// What lies behind transparent parts.
    pub background: Color,
}

/// An image, and what had to be done to it.
#[expect(clippy::struct_excessive_bools, reason = "remarks that have nothing to do with each other")]
#[derive(Clone, Debug)]
pub struct Decoded {
    /// Its bytes.
    pub image: Image,
    /// Whether the camera's orientation turned or mirrored it.
    pub is_turned: bool,
    /// Whether some of it was transparent.
    pub is_transparent: bool,
    /// Whether its file holds more frames or pages.
    pub has_more: bool,
    /// Whether it had another size than was asked for.
    pub is_resized: bool,
}

/// Why a file gives no image.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Fault {
    /// The operating system does not give it.
    Unreadable(String),
    /// It is empty.
    Empty,
    /// It begins as no format that is read here.
    NoImage,
    /// Its end is missing.
    Cut,
    /// It has more pixels than are read.
    TooLarge {
        /// Pixels per row.
        width: u32,
        /// Rows.
        height: u32,
    },
    /// It has more bytes than are read.
    TooLong(u64),
    /// A kind of this format that the decoder does not know.
    Unsupported(String),
    /// What it holds makes no image.
    Damaged(String),
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Unreadable(why) => write!(f, "cannot be read: {why}"),
            Self::Empty => f.write_str("is empty (0 bytes)"),
            Self::NoImage => f.write_str("holds no image that fixmatch reads (PNG, JPEG, WebP, BMP, TIFF, GIF, PNM)"),
            Self::Cut => f.write_str("is cut short: its end is missing"),
            Self::TooLarge { width, height } => {
                write!(f, "is too large: {width}×{height} pixels, and at most {MAX_PIXELS} in all are read")
            }
            Self::TooLong(bytes) => write!(f, "is too large: {bytes} bytes, and at most {MAX_BYTES} are read"),
            Self::Unsupported(why) => write!(f, "is of a kind that is not read: {why}"),
            Self::Damaged(why) => write!(f, "is damaged: {why}"),
        }
    }
}

impl std::error::Error for Fault {}

/// Reads an image file.
///
/// # Errors
/// If it is no image of a known format, not all of it is there, or it is too large.
pub fn read(path: &Path, wanted: &Wanted) -> Result<Decoded, Fault> {
    decode(&bytes_of(path)?, wanted)
}

/// Width and height of an image file as it is shown, from its beginning alone.
///
/// # Errors
/// If that holds no size of a known format.
pub fn size_of(path: &Path) -> Result<(u32, u32), Fault> {
    let unreadable = |error: std::io::Error| Fault::Unreadable(error.to_string());
    let file = std::io::BufReader::new(files::open(path).map_err(unreadable)?);
    let reader = ImageReader::new(file).with_guessed_format().map_err(unreadable)?;
    if reader.format().is_none() {
        return Err(Fault::NoImage);
    }
    let mut decoder = reader.into_decoder().map_err(fault)?;
    let (width, height) = decoder.dimensions();
    let is_turned = matches!(
        decoder.orientation(),
        Ok(Orientation::Rotate90 | Orientation::Rotate270 | Orientation::Rotate90FlipH | Orientation::Rotate270FlipH)
    );
    Ok(if is_turned { (height, width) } else { (width, height) })
}

fn bytes_of(path: &Path) -> Result<Vec<u8>, Fault> {
    let unreadable = |error: std::io::Error| match error.kind() {
        ErrorKind::PermissionDenied => Fault::Unreadable("this user may not (permission denied)".into()),
        _ => Fault::Unreadable(error.to_string()),
    };
    let file = files::open(path).map_err(unreadable)?;
    let n_bytes = file.metadata().map_err(unreadable)?.len();
    if n_bytes > MAX_BYTES {
        return Err(Fault::TooLong(n_bytes));
    }
    files::read_open(&file, MAX_BYTES).map_err(unreadable)
}

/// Decodes the bytes of an image file.
///
/// # Errors
/// As [`read`].
pub fn decode(bytes: &[u8], wanted: &Wanted) -> Result<Decoded, Fault> {
    // A decoder's panic over odd bytes is one file's fault, and it is named like any other.
    quiet::catch(|| decode_unguarded(bytes, wanted)).unwrap_or(Err(Fault::Damaged("its decoder gave up".into())))
}

fn decode_unguarded(bytes: &[u8], wanted: &Wanted) -> Result<Decoded, Fault> {
    if bytes.is_empty() {
        return Err(Fault::Empty);
    }
    let sniff::Kind::Image(format) = sniff::kind(bytes) else { return Err(Fault::NoImage) };
    let (mut image, orientation, has_more) =
        if format == ImageFormat::Jpeg { jpeg::decode(bytes)? } else { by_format(format, bytes)? };
    image.apply_orientation(orientation);
    let is_transparent = has_transparency(&image);
    if is_transparent {
        image = laid_over(image, wanted.background);
    }
    let resized = wanted.resize.filter(|size| *size != (image.width(), image.height()));
    if let Some(size) = resized {
        image = fitted(&image, size, wanted);
    }
    Ok(Decoded {
        image: to_bytes(image),
        is_turned: orientation != Orientation::NoTransforms,
        is_transparent,
        has_more,
        is_resized: resized.is_some(),
    })
}

/// The image, its orientation, and whether there are more frames or pages.
type Read = (DynamicImage, Orientation, bool);

fn by_format(format: ImageFormat, bytes: &[u8]) -> Result<Read, Fault> {
    let whole = whole::check(format, bytes).ok_or(Fault::Cut)?;
    let reader = ImageReader::with_format(Cursor::new(bytes), format);
    let mut decoder = reader.into_decoder().map_err(fault)?;
    let (width, height) = decoder.dimensions();
    check_size(width, height)?;
    let mut limits = Limits::no_limits();
    limits.max_alloc = Some(16 * MAX_PIXELS);
    decoder.set_limits(limits).map_err(fault)?;
    // An orientation that cannot be read is none.
    let tag = whole.exif.and_then(Orientation::from_exif_chunk);
    let orientation = tag.or_else(|| decoder.orientation().ok()).unwrap_or(Orientation::NoTransforms);
    Ok((DynamicImage::from_decoder(decoder).map_err(fault)?, orientation, whole.has_more))
}

fn check_size(width: u32, height: u32) -> Result<(), Fault> {
    if u64::from(width) * u64::from(height) > MAX_PIXELS {
        return Err(Fault::TooLarge { width, height });
    }
    if width == 0 || height == 0 {
        return Err(Fault::Damaged("it has no pixels".into()));
    }
    Ok(())
}

fn fault(error: ImageError) -> Fault {
    match error {
        ImageError::Unsupported(error) => Fault::Unsupported(error.to_string()),
        ImageError::IoError(error) if error.kind() == ErrorKind::UnexpectedEof => Fault::Cut,
        other => Fault::Damaged(other.to_string()),
    }
}

fn has_transparency(image: &DynamicImage) -> bool {
    match image {
        DynamicImage::ImageLumaA8(image) => image.pixels().any(|pixel| pixel.0[1] < u8::MAX),
        DynamicImage::ImageRgba8(image) => image.pixels().any(|pixel| pixel.0[3] < u8::MAX),
        DynamicImage::ImageLumaA16(image) => image.pixels().any(|pixel| pixel.0[1] < u16::MAX),
        DynamicImage::ImageRgba16(image) => image.pixels().any(|pixel| pixel.0[3] < u16::MAX),
        DynamicImage::ImageRgba32F(image) => image.pixels().any(|pixel| pixel.0[3] < 1.0),
        _ => false,
    }
}

/// The image before a background; it stays gray if both are.
fn laid_over(image: DynamicImage, Color(background): Color) -> DynamicImage {
    let blend = |front: u8, behind: u8, alpha: u8| {
        let (front, behind, alpha) = (u32::from(front), u32::from(behind), u32::from(alpha));
        ((front * alpha + behind * (255 - alpha) + 127) / 255) as u8
    };
    let [red, green, blue] = background;
    if !image.color().has_color() && red == green && green == blue {
        let image = image.into_luma_alpha8();
        let (width, height) = image.dimensions();
        let pixels = image.pixels().map(|pixel| blend(pixel.0[0], red, pixel.0[1])).collect();
        return GrayImage::from_raw(width, height, pixels).expect("a byte a pixel").into();
    }
    let image = image.into_rgba8();
    let (width, height) = image.dimensions();
    let pixels = image.pixels().flat_map(|pixel| [0, 1, 2].map(|c| blend(pixel.0[c], background[c], pixel.0[3])));
    RgbImage::from_raw(width, height, pixels.collect()).expect("three bytes a pixel").into()
}

/// The image at another size. A triangle filter averages when it shrinks, and never overshoots.
fn fitted(image: &DynamicImage, (width, height): (u32, u32), wanted: &Wanted) -> DynamicImage {
    const FILTER: FilterType = FilterType::Triangle;
    let (from_width, from_height) = (u64::from(image.width()), u64::from(image.height()));
    let (w, h) = (u64::from(width), u64::from(height));
    match wanted.fit {
        Fit::Stretch => image.resize_exact(width, height, FILTER),
        Fit::Crop => {
            // the largest part of the wanted shape, in the middle
            let part_width = (from_height * w / h).clamp(1, from_width) as u32;
            let part_height = (from_width * h / w).clamp(1, from_height) as u32;
            let (x, y) = (half(image.width() - part_width), half(image.height() - part_height));
            image.crop_imm(x, y, part_width, part_height).resize_exact(width, height, FILTER)
        }
        Fit::Pad => {
            let scale = (w as f64 / from_width as f64).min(h as f64 / from_height as f64);
            let side = |from: u64, most: u32| ((from as f64 * scale).round_ties_even() as u32).clamp(1, most);
            let (inner_width, inner_height) = (side(from_width, width), side(from_height, height));
            let inner = image.resize_exact(inner_width, inner_height, FILTER);
            let (x, y) = (half(width - inner_width), half(height - inner_height));
            on_canvas(inner, (width, height), (x, y), wanted.background)
        }
    }
}

/// What stands before the middle, of so many pixels: rounded as Pillow and torchvision do it, .5 to the even number.
fn half(space: u32) -> u32 {
    (f64::from(space) / 2.0).round_ties_even() as u32
}

/// The image on a canvas of one colour; it stays gray if that is.
fn on_canvas(
    image: DynamicImage,
    (width, height): (u32, u32),
    (x, y): (u32, u32),
    Color([red, green, blue]): Color,
) -> DynamicImage {
    if !image.color().has_color() && red == green && green == blue {
        let mut canvas = GrayImage::from_pixel(width, height, Luma([red]));
        replace(&mut canvas, &image.into_luma8(), x.into(), y.into());
        return canvas.into();
    }
    let mut canvas = RgbImage::from_pixel(width, height, Rgb([red, green, blue]));
    replace(&mut canvas, &image.into_rgb8(), x.into(), y.into());
    canvas.into()
}

fn to_bytes(image: DynamicImage) -> Image {
    let (width, height) = (image.width() as usize, image.height() as usize);
    if image.color().has_color() {
        Image::new(width, height, 3, image.into_rgb8().into_raw())
    } else {
        Image::new(width, height, 1, image.into_luma8().into_raw())
    }
}
