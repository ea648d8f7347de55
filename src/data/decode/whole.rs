//! Whether all of a file is there, told from its structure: decoders are content without an image's last bytes, or fill
//! in what is missing. What a decoder refuses by itself is left to it.

use ::image::ImageFormat;

/// What the structure of a whole file tells.
#[derive(Clone, Copy, Debug, Default)]
pub struct Whole<'a> {
    /// Whether there are more frames or pages than the first.
    pub has_more: bool,
    /// The camera's tags, where this module reads them.
    pub exif: Option<&'a [u8]>,
}

/// None if the end of the file is missing. What follows the end does not count.
pub fn check(format: ImageFormat, bytes: &[u8]) -> Option<Whole<'_>> {
    match format {
        ImageFormat::Jpeg => jpeg(bytes),
        ImageFormat::Png => png(bytes),
        ImageFormat::Gif => gif(bytes),
        ImageFormat::WebP => webp(bytes),
        _ => Some(Whole::default()),
    }
}

/// Segments with their lengths; after a start of scan, coded bytes up to the next marker; all up to the end of image.
fn jpeg(bytes: &[u8]) -> Option<Whole<'_>> {
    let mut at = 2;
    let mut whole = Whole::default();
    loop {
        at += bytes.get(at..)?.iter().position(|&byte| byte == 0xff)?;
        at += bytes[at..].iter().position(|&byte| byte != 0xff)?;
        let marker = bytes[at];
        at += 1;
        match marker {
            0xd9 => return Some(whole),
            0x00 | 0x01 | 0xd0..=0xd8 => {} // an escaped 0xff, and markers without a length
            _ => {
                let length = usize::from(be_u16(bytes, at)?);
                whole.has_more |= marker == 0xe2 && bytes.get(at + 2..)?.starts_with(b"MPF\0");
                at = at.checked_add(length.max(2))?;
            }
        }
    }
}

/// Chunks up to `IEND`, whose checksum is compared: others are the decoder's.
fn png(bytes: &[u8]) -> Option<Whole<'_>> {
    const END: &[u8] = b"\0\0\0\0IEND\xae\x42\x60\x82";
    let mut at = 8;
    let mut whole = Whole::default();
    loop {
        let rest = bytes.get(at..)?;
        if rest.starts_with(END) {
            return Some(whole);
        }
        let length = u32::from_be_bytes(rest.get(..4)?.try_into().ok()?) as usize;
        let name = rest.get(4..8)?;
        let content = rest.get(8..8_usize.checked_add(length)?)?;
        match name {
            b"eXIf" => whole.exif = Some(content),
            b"acTL" => whole.has_more |= content.get(..4).is_some_and(|n| *n != [0, 0, 0, 1]),
            b"IEND" => return None,
            _ => {}
        }
        at += 12 + length;
    }
}

/// Blocks up to the trailer.
fn gif(bytes: &[u8]) -> Option<Whole<'_>> {
    let table = |flags: u8| if flags & 0x80 == 0 { 0 } else { 3 << ((flags & 7) + 1) };
    let mut at = 13 + table(*bytes.get(10)?);
    let mut n_frames = 0;
    loop {
        match *bytes.get(at)? {
            0x3b => return Some(Whole { has_more: n_frames > 1, exif: None }),
            0x21 => at += 2,
            0x2c => {
                n_frames += 1;
                at += 10 + table(*bytes.get(at + 9)?) + 1;
            }
            _ => return None,
        }
        loop {
            let length = usize::from(*bytes.get(at)?);
            at += 1 + length;
            if length == 0 {
                break;
            }
        }
    }
}

/// A RIFF file says at its start how long it is.
fn webp(bytes: &[u8]) -> Option<Whole<'_>> {
    let length = u32::from_le_bytes(bytes.get(4..8)?.try_into().ok()?) as usize;
    let is_animated = bytes.get(12..16)? == b"VP8X" && bytes.get(20)? & 2 != 0;
    (bytes.len() >= length.checked_add(8)?).then_some(Whole { has_more: is_animated, exif: None })
}

fn be_u16(bytes: &[u8], at: usize) -> Option<u16> {
    Some(u16::from_be_bytes(bytes.get(at..at + 2)?.try_into().ok()?))
}
