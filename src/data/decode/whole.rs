//! Whether all of a file is there, told from its structure: decoders are content without an image's last bytes, or fill
//! in what is missing. What a decoder refuses by itself is left to it, and JPEG to [`jpeg`](super::jpeg).

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
        ImageFormat::Png => png(bytes),
        ImageFormat::Gif => gif(bytes),
        ImageFormat::WebP => webp(bytes),
        ImageFormat::Tiff => Some(Whole { has_more: tiff_has_more(bytes).unwrap_or(false), exif: None }),
        _ => Some(Whole::default()),
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

/// Whether a TIFF's first directory leads to another one; none if the file ends before that can be known.
fn tiff_has_more(bytes: &[u8]) -> Option<bool> {
    let is_little = bytes.first()? == &b'I';
    let number = |at: usize, n: usize| -> Option<usize> {
        let field = bytes.get(at..at.checked_add(n)?)?;
        let add = |sum: u64, byte: &u8| sum << 8 | u64::from(*byte);
        let value = if is_little { field.iter().rev().fold(0, add) } else { field.iter().fold(0, add) };
        usize::try_from(value).ok()
    };
    // in a BigTIFF offsets and counts have 8 bytes, and an entry has 20
    let (first, of_count, of_entry, of_offset) = if number(2, 2)? == 43 { (8, 8, 20, 8) } else { (4, 2, 12, 4) };
    let directory = number(first, of_offset)?;
    let entries = directory.checked_add(of_count)?;
    let next = entries.checked_add(number(directory, of_count)?.checked_mul(of_entry)?)?;
    Some(number(next, of_offset)? != 0)
}
