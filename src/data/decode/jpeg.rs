//! JPEG. Decoders fill in what is missing of one: so the file is first walked through, segment by segment, and its coded
//! data is given fences that no decoder can walk over.

use ::image::metadata::Orientation;
use ::image::{DynamicImage, GrayImage, RgbImage};
use zune_jpeg::JpegDecoder;
use zune_jpeg::errors::DecodeErrors;
use zune_jpeg::zune_core::bytestream::ZCursor;
use zune_jpeg::zune_core::colorspace::ColorSpace;
use zune_jpeg::zune_core::options::DecoderOptions;

use super::{Fault, Read, check_size};

/// 64 ones, as coded data writes them. No code has ones only (ITU-T T.81, C.2), so a decoder that looks for data behind
/// the last one stops here with an error, where it would make up zeros at a marker.
const FENCE: [u8; 16] = [0xff, 0, 0xff, 0, 0xff, 0, 0xff, 0, 0xff, 0, 0xff, 0, 0xff, 0, 0xff, 0];

/// Decodes a JPEG. Its headers are read with patience, its pixels strictly.
pub fn decode(bytes: &[u8]) -> Result<Read, Fault> {
    let walked = walk(bytes).ok_or(Fault::Cut)?;
    let damaged = |error: DecodeErrors| match error {
        DecodeErrors::Unsupported(kind) => Fault::Unsupported(format!("{kind:?}")),
        other => Fault::Damaged(format!("{other:?}")),
    };
    let options = DecoderOptions::default().set_strict_mode(false).set_max_width(usize::MAX).set_max_height(usize::MAX);
    let fenced = walked.fenced(bytes);
    let mut decoder = JpegDecoder::new_with_options(ZCursor::new(&fenced[..]), options);
    decoder.decode_headers().map_err(damaged)?;
    let (width, height) = decoder.dimensions().ok_or(Fault::Cut)?;
    let (width, height) = (width as u32, height as u32); // of 16 bits each
    check_size(width, height)?;
    let is_gray = decoder.input_colorspace() == Some(ColorSpace::Luma);
    let stored = if is_gray { ColorSpace::Luma } else { ColorSpace::RGB };
    decoder.set_options(decoder.options().set_strict_mode(true).jpeg_set_out_colorspace(stored));
    let orientation = decoder.exif().and_then(|exif| Orientation::from_exif_chunk(exif));
    let pixels = decoder.decode().map_err(|error| match error {
        DecodeErrors::Unsupported(_) => damaged(error),
        _ => Fault::Damaged("some of its data is missing or garbled".into()),
    })?;
    let image = if is_gray {
        GrayImage::from_raw(width, height, pixels).map(DynamicImage::ImageLuma8)
    } else {
        RgbImage::from_raw(width, height, pixels).map(DynamicImage::ImageRgb8)
    };
    let image = image.ok_or_else(|| Fault::Damaged("too few pixels".into()))?;
    Ok((image, orientation.unwrap_or(Orientation::NoTransforms), walked.has_more))
}

/// What a walk through the segments finds.
#[derive(Debug, Default)]
struct Walk {
    has_more: bool,
    is_progressive: bool,
    n_scans: usize,
    /// Where coded data ends before a marker.
    ends: Vec<usize>,
    components: Vec<Component>,
}

/// A colour's bits that are still to come, for each of the 64 frequencies: all of them before its first scan.
#[derive(Debug)]
struct Component {
    id: u8,
    n_bits_left: [u8; 64],
}

/// Segments with their lengths; after a start of scan, coded data up to the next marker; all up to the end of image. None
/// if the end is missing, or scans that the image needs.
fn walk(bytes: &[u8]) -> Option<Walk> {
    let mut at = 2;
    let mut walk = Walk::default();
    let mut is_coded = false;
    loop {
        let begin = at + bytes.get(at..)?.iter().position(|&byte| byte == 0xff)?;
        at = begin + bytes[begin..].iter().position(|&byte| byte != 0xff)?;
        let marker = bytes[at];
        at += 1;
        if is_coded && marker != 0 {
            walk.ends.extend(walk.may_fence(marker).then_some(begin));
            is_coded = matches!(marker, 0xd0..=0xd7);
        }
        match marker {
            0xd9 => return walk.is_complete().then_some(walk),
            0x00 | 0x01 | 0xd0..=0xd8 => {} // an escaped 0xff, and markers without a length
            _ => {
                let length = usize::from(u16::from_be_bytes(bytes.get(at..at + 2)?.try_into().ok()?)).max(2);
                let content = bytes.get(at + 2..at.checked_add(length)?)?;
                match marker {
                    0xc0..=0xc2 => walk.frame(marker == 0xc2, content)?,
                    0xda => {
                        walk.scan(content)?;
                        is_coded = true;
                    }
                    0xe2 => walk.has_more |= content.starts_with(b"MPF\0"),
                    _ => {}
                }
                at += length;
            }
        }
    }
}

impl Walk {
    /// Start of frame: which components there are.
    fn frame(&mut self, is_progressive: bool, content: &[u8]) -> Option<()> {
        self.is_progressive = is_progressive;
        let ids = content.get(6..)?.chunks_exact(3).take(usize::from(content[5]));
        self.components = ids.map(|it| Component { id: it[0], n_bits_left: [u8::MAX; 64] }).collect();
        Some(())
    }

    /// Start of scan: which components, frequencies and bits it brings.
    fn scan(&mut self, content: &[u8]) -> Option<()> {
        self.n_scans += 1;
        let n = usize::from(*content.first()?);
        let ids: Vec<u8> = content.get(1..1 + 2 * n)?.chunks_exact(2).map(|it| it[0]).collect();
        let [first, last, bits] = *content.get(1 + 2 * n..4 + 2 * n)?.first_chunk::<3>()?;
        let (first, last, left) = if self.is_progressive { (first, last, bits & 15) } else { (0, 63, 0) };
        for component in self.components.iter_mut().filter(|it| ids.contains(&it.id)) {
            if let Some(brought) = component.n_bits_left.get_mut(usize::from(first)..=usize::from(last)) {
                brought.fill(left);
            }
        }
        Some(())
    }

    /// Whether all scans are there that the image needs.
    fn is_complete(&self) -> bool {
        !self.components.is_empty() && self.components.iter().all(|it| it.n_bits_left == [0; 64])
    }

    /// Whether the decoder passes over a fence before this marker: where several scans follow, it wants the marker at once
    /// behind the first one.
    fn may_fence(&self, marker: u8) -> bool {
        let is_restart = matches!(marker, 0xd0..=0xd7);
        is_restart || if self.is_progressive { self.n_scans > 1 } else { self.n_scans == 1 && marker == 0xd9 }
    }

    /// The file with a fence at each end of coded data.
    fn fenced(&self, bytes: &[u8]) -> Vec<u8> {
        let mut fenced = Vec::with_capacity(bytes.len() + self.ends.len() * FENCE.len());
        let mut from = 0;
        for &end in &self.ends {
            fenced.extend_from_slice(&bytes[from..end]);
            fenced.extend_from_slice(&FENCE);
            from = end;
        }
        fenced.extend_from_slice(&bytes[from..]);
        fenced
    }
}
