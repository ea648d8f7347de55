//! What a file is, by its first bytes.

use std::ffi::OsStr;
use std::io::{self, Read as _};
use std::path::Path;

use ::image::ImageFormat;

use crate::base::files;

/// How many of a file's first bytes tell what it is.
const N_BYTES: u64 = 32;

/// What a file is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// An image of a format that is read.
    Image(ImageFormat),
    /// An image of a format, by this name, that is not read.
    Foreign(&'static str),
    /// Anything else.
    Other,
}

/// File names that promise an image of a format that is read.
const EXTENSIONS: [&str; 17] = [
    "png", "apng", "jpg", "jpeg", "jpe", "jfif", "mpo", "webp", "bmp", "dib", "tif", "tiff", "gif", "pgm", "ppm",
    "pbm", "pnm",
];

/// A camera's raw files that begin as a TIFF, of which they hold a small copy at best.
const RAW: [&str; 13] = ["cr2", "nef", "nrw", "arw", "sr2", "srf", "dng", "pef", "3fr", "erf", "kdc", "mos", "srw"];

/// What the file is. A raw file of a camera is told by its name, as its bytes are a TIFF's.
///
/// # Errors
/// If it cannot be read.
pub fn kind_of(path: &Path) -> io::Result<Kind> {
    let mut head = Vec::new();
    files::open(path)?.take(N_BYTES).read_to_end(&mut head)?;
    let kind = kind(&head);
    if kind == Kind::Image(ImageFormat::Tiff) && has_extension(path, &RAW) {
        return Ok(Kind::Foreign("camera raw"));
    }
    Ok(kind)
}

/// Whether a file's name promises an image that is read.
pub fn promises_image(path: &Path) -> bool {
    has_extension(path, &EXTENSIONS)
}

/// Whether a file's name ends in one of these, in whatever case.
pub fn has_extension(path: &Path, extensions: &[&str]) -> bool {
    let extension = path.extension().map(OsStr::to_ascii_lowercase);
    extension.is_some_and(|extension| extensions.iter().any(|known| extension == *known))
}

/// What begins with these bytes.
pub fn kind(head: &[u8]) -> Kind {
    let begins = |magic: &[u8]| head.starts_with(magic);
    let at = |place: usize, magic: &[u8]| head.get(place..).is_some_and(|rest| rest.starts_with(magic));
    if begins(b"\x89PNG\r\n\x1a\n") {
        Kind::Image(ImageFormat::Png)
    } else if begins(b"\xff\xd8\xff") {
        Kind::Image(ImageFormat::Jpeg)
    } else if begins(b"GIF87a") || begins(b"GIF89a") {
        Kind::Image(ImageFormat::Gif)
    } else if begins(b"RIFF") && at(8, b"WEBP") {
        Kind::Image(ImageFormat::WebP)
    } else if begins(b"BM") && is_bmp(head) {
        Kind::Image(ImageFormat::Bmp)
    } else if [&b"II*\0"[..], b"MM\0*", b"II+\0", b"MM\0+"].iter().any(|magic| begins(magic)) {
        Kind::Image(ImageFormat::Tiff)
    } else if is_pnm(head, b"456") || begins(b"P7\n") {
        Kind::Image(ImageFormat::Pnm)
    } else {
        foreign(head).map_or(Kind::Other, Kind::Foreign)
    }
}

/// Two letters are too little to tell a bitmap by: the size of its second header is one of a few.
fn is_bmp(head: &[u8]) -> bool {
    const HEADERS: [u8; 8] = [12, 16, 40, 52, 56, 64, 108, 124];
    head.get(14..18).is_some_and(|size| HEADERS.contains(&size[0]) && size[1..] == [0; 3])
}

/// `P`, one of these digits, then white space and a number or a comment.
fn is_pnm(head: &[u8], digits: &[u8]) -> bool {
    match head {
        [b'P', digit, space, next, ..] => {
            digits.contains(digit) && space.is_ascii_whitespace() && (next.is_ascii_digit() || *next == b'#')
        }
        _ => false,
    }
}

fn foreign(head: &[u8]) -> Option<&'static str> {
    const MAGICS: [(&[u8], &str); 14] = [
        (b"\xff\x0a", "JPEG XL"),
        (b"\0\0\0\x0cJXL \r\n\x87\n", "JPEG XL"),
        (b"\0\0\0\x0cjP  ", "JPEG 2000"),
        (b"\xff\x4f\xff\x51", "JPEG 2000"),
        (b"8BPS", "PSD"),
        (b"\0\0\x01\0", "ICO"),
        (b"qoif", "QOI"),
        (b"\x76\x2f\x31\x01", "OpenEXR"),
        (b"DDS ", "DDS"),
        (b"gimp xcf", "XCF"),
        (b"SIMPLE  =", "FITS"),
        (b"<svg", "SVG"),
        (b"IIRO", "camera raw"),
        (b"FUJIFILMCCD-RAW", "camera raw"),
    ];
    if let Some(brand) = head.get(4..12).and_then(|brand| brand.strip_prefix(b"ftyp")) {
        return match brand {
            b"avif" | b"avis" => Some("AVIF"),
            b"heic" | b"heix" | b"heim" | b"heis" | b"hevc" | b"hevx" | b"mif1" | b"msf1" => Some("HEIC"),
            b"crx " => Some("camera raw"),
            _ => None, // a video
        };
    }
    if is_pnm(head, b"123") {
        return Some("PNM as text");
    }
    MAGICS.iter().find(|(magic, _)| head.starts_with(magic)).map(|(_, name)| *name)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn files_are_told_apart_by_what_they_hold() {
        let cases: [(&[u8], Kind); 11] = [
            (b"\x89PNG\r\n\x1a\n....", Kind::Image(ImageFormat::Png)),
            (b"\xff\xd8\xff\xe0....", Kind::Image(ImageFormat::Jpeg)),
            (b"RIFF....WEBPVP8 ", Kind::Image(ImageFormat::WebP)),
            (b"RIFF....AVI LIST", Kind::Other),
            (b"P5 3 2 255\n......", Kind::Image(ImageFormat::Pnm)),
            (b"\0\0\0\x18ftypheic....", Kind::Foreign("HEIC")),
            (b"\0\0\0\x18ftypisom....", Kind::Other),
            (b"BMW has sent us the list of all the cars", Kind::Other),
            (b"P5", Kind::Other),
            (b"\xef\xbb\xbfname,label\n", Kind::Other),
            (b"", Kind::Other),
        ];
        for (bytes, expected) in cases {
            assert_eq!(kind(bytes), expected, "{bytes:?}");
        }
    }

    #[test]
    fn names_promise_images_in_any_case() {
        for (name, promises) in
            [("a.JPG", true), ("a.b.TiFf", true), ("a.jfif", true), ("png", false), ("a.txt", false)]
        {
            assert_eq!(promises_image(Path::new(name)), promises, "{name}");
        }
    }
}
