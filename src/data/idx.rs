//! The IDX format of MNIST and Fashion-MNIST: a big-endian header, then bytes; gzipped or not.
//!
//! Header of images: magic 0x00000803, number, rows, columns (u32 each); of labels: magic 0x00000801, number.

use std::io::Read as _;
use std::path::{Path, PathBuf};

use anyhow::{Context as _, Result, ensure};

use super::Images;

const IMAGES_MAGIC: u32 = 0x0000_0803;
const LABELS_MAGIC: u32 = 0x0000_0801;

/// A file's bytes with the name to use in error messages.
#[derive(Clone, Copy, Debug)]
pub struct File<'a> {
    /// What errors call it: usually its path.
    pub name: &'a str,
    /// Its content, gzipped or not.
    pub bytes: &'a [u8],
}

/// Decodes gray images and their labels, which must lie below `n_classes`.
pub fn decode(images: File, labels: File, n_classes: usize) -> Result<Images> {
    let (pixels, [n, height, width]) = body(images, IMAGES_MAGIC, "images")?;
    let (labels_body, [n_labels]) = body(labels, LABELS_MAGIC, "labels")?;
    ensure!(height > 0 && width > 0, "{}: images of {width}×{height} pixels", images.name);
    ensure!(n == n_labels, "{} has {n_labels} labels but {} has {n} images", labels.name, images.name);
    for (index, &label) in labels_body.iter().enumerate() {
        let in_range = usize::from(label) < n_classes;
        ensure!(in_range, "{}: label {label} of image {index} is not in 0..={}", labels.name, n_classes - 1);
    }
    let labels = labels_body.iter().map(|&label| u16::from(label)).collect();
    Ok(Images { width, height, channels: 1, pixels: pixels.into(), labels })
}

/// The uncompressed bytes after the header, checked against the `D` dimensions in it.
fn body<const D: usize>(file: File, magic: u32, what: &str) -> Result<(Vec<u8>, [usize; D])> {
    let mut bytes = decompress(file)?;
    let header_len = 4 * (1 + D);
    ensure!(bytes.len() >= header_len, "{}: truncated, {} bytes are no IDX header", file.name, bytes.len());
    let word = |i: usize| u32::from_be_bytes(bytes[4 * i..4 * i + 4].try_into().expect("four bytes"));
    let found = word(0);
    ensure!(found == magic, "{}: no IDX file of {what}: starts with {found:#010x}, not {magic:#010x}", file.name);
    let dimensions: [usize; D] = std::array::from_fn(|i| word(i + 1) as usize);
    let expected = dimensions.iter().try_fold(1_usize, |product, &d| product.checked_mul(d)).unwrap_or(usize::MAX);
    let n_bytes = bytes.len() - header_len;
    let problem = if n_bytes < expected { "truncated" } else { "too long" };
    ensure!(
        n_bytes == expected,
        "{}: {problem}, {n_bytes} bytes after the header instead of {expected}: get the file again",
        file.name,
    );
    bytes.drain(..header_len);
    Ok((bytes, dimensions))
}

fn decompress(file: File) -> Result<Vec<u8>> {
    if !file.bytes.starts_with(&[0x1f, 0x8b]) {
        return Ok(file.bytes.to_vec());
    }
    let mut bytes = Vec::new();
    let problem = || format!("{}: truncated or damaged gzip file: get it again", file.name);
    flate2::read::MultiGzDecoder::new(file.bytes).read_to_end(&mut bytes).with_context(problem)?;
    Ok(bytes)
}

/// The path of IDX file `stem` in `folder`, as `stem.gz` or `stem`.
pub fn locate(folder: &Path, stem: &str) -> Option<PathBuf> {
    [folder.join(format!("{stem}.gz")), folder.join(stem)].into_iter().find(|path| path.is_file())
}

#[cfg(test)]
mod tests {
    use std::io::Write as _;

    use super::*;

    fn idx(magic: u32, dimensions: &[u32], body: &[u8]) -> Vec<u8> {
        let header = [magic].into_iter().chain(dimensions.iter().copied()).flat_map(u32::to_be_bytes);
        header.chain(body.iter().copied()).collect()
    }

    fn two_images() -> Vec<u8> {
        idx(IMAGES_MAGIC, &[2, 1, 3], &[1, 2, 3, 4, 5, 6])
    }

    fn two_labels() -> Vec<u8> {
        idx(LABELS_MAGIC, &[2], &[1, 0])
    }

    fn gzip(bytes: &[u8]) -> Vec<u8> {
        let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
        encoder.write_all(bytes).and_then(|()| encoder.finish()).expect("writing to memory")
    }

    fn decode_pair(images: &[u8], labels: &[u8]) -> Result<Images> {
        decode(File { name: "i.idx", bytes: images }, File { name: "l.idx", bytes: labels }, 2)
    }

    fn check_error(images: &[u8], labels: &[u8], expected: &str) {
        assert_eq!(decode_pair(images, labels).expect_err(expected).to_string(), expected);
    }

    #[test]
    fn images_and_labels_come_out_in_order() {
        let images = decode_pair(&two_images(), &two_labels()).expect("valid files");
        assert_eq!((images.width, images.height, images.channels), (3, 1, 1));
        assert_eq!(images.pixels_of(1), [4, 5, 6]);
        assert_eq!(images.labels, [1, 0]);
    }

    #[test]
    fn gzipped_files_read_like_plain_ones() {
        let plain = decode_pair(&two_images(), &two_labels()).expect("valid files");
        assert_eq!(decode_pair(&gzip(&two_images()), &gzip(&two_labels())).expect("valid files"), plain);
    }

    #[test]
    fn bad_files_are_named_with_what_is_wrong() {
        let images = two_images();
        let labels = two_labels();
        check_error(&images[..10], &labels, "i.idx: truncated, 10 bytes are no IDX header");
        check_error(&[], &labels, "i.idx: truncated, 0 bytes are no IDX header");
        check_error(
            &images[..20],
            &labels,
            "i.idx: truncated, 4 bytes after the header instead of 6: get the file again",
        );
        check_error(
            &images,
            &[&labels[..], &[0]].concat(),
            "l.idx: too long, 3 bytes after the header instead of 2: get the file again",
        );
        let swapped = [&labels[..], &[0; 8]].concat();
        check_error(&swapped, &labels, "i.idx: no IDX file of images: starts with 0x00000801, not 0x00000803");
        check_error(&images, &idx(LABELS_MAGIC, &[3], &[0, 1, 0]), "l.idx has 3 labels but i.idx has 2 images");
        check_error(&images, &idx(LABELS_MAGIC, &[2], &[0, 2]), "l.idx: label 2 of image 1 is not in 0..=1");
        check_error(&idx(IMAGES_MAGIC, &[2, 0, 3], &[]), &labels, "i.idx: images of 3×0 pixels");
        let absurd = idx(IMAGES_MAGIC, &[u32::MAX; 3], &[1]);
        check_error(
            &absurd,
            &labels,
            "i.idx: truncated, 1 bytes after the header instead of 18446744073709551615: get the file again",
        );
        let compressed = gzip(&images);
        check_error(
            &compressed[..compressed.len() - 9],
            &labels,
            "i.idx: truncated or damaged gzip file: get it again",
        );
    }
}
