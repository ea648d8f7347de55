//! SVHN, cropped digits of 32×32 pixels: a MATLAB file for each part, with the images in `X` and their labels in `y`.
//!
//! Netzer et al., "Reading digits in natural images with unsupervised feature learning", 2011. `X` is 32×32×3×N in
//! column-major order; `y` has 10 for the digit 0, which is class 0 here. `svhn` trains on the training part alone,
//! `svhn-extra` on the easier extra images too, numbered behind the others.

use std::io::{BufRead, BufReader, Read as _};
use std::path::{Path, PathBuf};

use anyhow::{Context as _, Result, bail, ensure};

use super::layout::Layout;
use super::mat::{self, Array};
use super::pixels::rows_of_columns;
use super::{Descriptor, Download, Found, Images, Loaded, Place, Published, Unpack, refuse_resize};
use crate::base::files;
use crate::base::text::{Name, Shown as _};

/// `svhn`. Sizes and SHA-256 of the files are those of TensorFlow Datasets (`url_checksums/svhn_cropped.txt`).
pub const DESCRIPTOR: Descriptor = Descriptor {
    name: PLAIN.name,
    title: "SVHN without its extra images",
    n_images: Some((73_257, 26_032)),
    n_unlabeled: 0,
    shape: Some((SIDE, SIDE, CHANNELS)),
    licence: "non-commercial",
    homepage: "http://ufldl.stanford.edu/housenumbers/",
    downloads: &[TRAIN, TEST],
    looks_in: |place| folders(&PLAIN, place),
    find: |place| PLAIN.whole(folders(&PLAIN, place)).map(Found::Folder),
    load: |place| load(&PLAIN, &[TRAIN], place),
};

/// `svhn-extra`.
pub const WITH_EXTRA: Descriptor = Descriptor {
    name: ALL.name,
    title: "SVHN with its extra images",
    n_images: Some((73_257 + 531_131, 26_032)),
    downloads: &[TRAIN, EXTRA, TEST],
    looks_in: |place| folders(&ALL, place),
    find: |place| ALL.whole(folders(&ALL, place)).map(Found::Folder),
    load: |place| load(&ALL, &[TRAIN, EXTRA], place),
    ..DESCRIPTOR
};

/// The digits, in the order of their labels.
pub const CLASSES: [&str; 10] = ["0", "1", "2", "3", "4", "5", "6", "7", "8", "9"];

/// Where the original code counts classes: from the digit 1 to the digit 0, as the files do (google-research/fixmatch,
/// `scripts/create_datasets.py`). Its folds depend on that.
pub const FIRST_CLASS_OF_FOLDS: u16 = 1;

const SIDE: usize = 32;
const CHANNELS: usize = 3;
const IMAGE_BYTES: usize = SIDE * SIDE * CHANNELS;

const PLAIN: Layout = Layout { name: "svhn", files: &[TRAIN.kept(), TEST.kept()], unpacked: None };
const ALL: Layout = Layout { name: "svhn-extra", files: &[TRAIN.kept(), EXTRA.kept(), TEST.kept()], unpacked: None };

const TRAIN: Download = Download {
    url: "http://ufldl.stanford.edu/housenumbers/train_32x32.mat",
    n_bytes: 182_040_794,
    sha256: "435e94d69a87fde4fd4d7f3dd208dfc32cb6ae8af2240d066de1df7508d083b8",
    unpack: Unpack::Keep,
};
const TEST: Download = Download {
    url: "http://ufldl.stanford.edu/housenumbers/test_32x32.mat",
    n_bytes: 64_275_384,
    sha256: "cdce80dfb2a2c4c6160906d0bd7c68ec5a99d7ca4831afa54f09182025b6a75b",
    unpack: Unpack::Keep,
};
const EXTRA: Download = Download {
    url: "http://ufldl.stanford.edu/housenumbers/extra_32x32.mat",
    n_bytes: 1_329_278_602,
    sha256: "a133a4beb38a00fcdda90c9489e0c04f900b660ce8a316a5e854838379a71eb3",
    unpack: Unpack::Keep,
};

/// Its own folder, then that of the other one, which may have all files too.
fn folders(layout: &Layout, place: &Place) -> Vec<PathBuf> {
    let mut folders = layout.folders(place);
    if place.path.is_none() {
        let other = if layout.name == PLAIN.name { ALL } else { PLAIN };
        folders.extend(other.folders(place));
    }
    folders
}

/// Images and labels of a file or of several, one after the other.
#[derive(Debug, Default, PartialEq, Eq)]
struct Digits {
    pixels: Vec<u8>,
    labels: Vec<u16>,
}

fn load(layout: &Layout, train: &[Download], place: &Place) -> Result<Loaded> {
    refuse_resize(place, layout.name)?;
    let folder = layout.whole(folders(layout, place)).ok_or_else(|| layout.missing(place, None))?;
    let read = |downloads: &[Download]| -> Result<(Images, bool)> {
        let (mut digits, mut are_published) = (Digits::default(), true);
        for download in downloads {
            let ((), is_published) = download.kept().read(&folder, |path| digits.read(path))?;
            are_published &= is_published;
        }
        Ok((digits.into_images(), are_published))
    };
    let (train, test) = std::thread::scope(|scope| {
        let test = scope.spawn(|| read(&[TEST]));
        (read(train), test.join().expect("reading a file does not panic"))
    });
    let ((train, train_is), (test, test_is)) = (train?, test?);
    let classes = CLASSES.map(Name::from).to_vec();
    Ok(Loaded::fixed(classes, train, test, Published::Compared(train_is && test_is)))
}

impl Digits {
    /// Reads a file behind what is here.
    fn read(&mut self, path: &Path) -> Result<()> {
        let file = files::open(path).with_context(|| format!("cannot read {}", path.shown()))?;
        let file = BufReader::with_capacity(1 << 16, file);
        self.decode(file).with_context(|| format!("{} cannot be used", path.shown()))
    }

    fn decode(&mut self, file: impl BufRead) -> Result<()> {
        let n_before = self.labels.len();
        let (mut has_images, mut has_labels) = (false, false);
        mat::read(file, &mut |array| match array.name.as_str() {
            "X" => {
                ensure!(!std::mem::replace(&mut has_images, true), "it has X twice");
                self.images(array)
            }
            "y" => {
                ensure!(!std::mem::replace(&mut has_labels, true), "it has y twice");
                self.labels(array)
            }
            _ => Ok(()),
        })?;
        for (name, what, is_there) in [("X", "images", has_images), ("y", "labels", has_labels)] {
            ensure!(is_there, "it has no {name}, the array of the {what}: is it a file of SVHN's cropped digits?");
        }
        let n_images = self.pixels.len() / IMAGE_BYTES - n_before;
        let n_labels = self.labels.len() - n_before;
        ensure!(n_images == n_labels, "it has {n_images} images and {n_labels} labels");
        self.pixels.shrink_to_fit();
        Ok(())
    }

    fn images(&mut self, mut array: Array) -> Result<()> {
        // MATLAB leaves a last side of one out
        let n = match array.sides[..] {
            [32, 32, 3] => 1,
            [32, 32, 3, n] => n,
            _ => bail!("X is of size {:?}, and 32×32×3×N is needed", array.sides),
        };
        let planes = array.bytes()?;
        let (mut columns, mut image) = ([0; IMAGE_BYTES], [0; IMAGE_BYTES]);
        for _ in 0..n {
            planes.read_exact(&mut columns).map_err(mat::cut)?;
            rows_of_columns(&columns, SIDE, &mut image);
            self.pixels.extend(image);
        }
        Ok(())
    }

    fn labels(&mut self, mut array: Array) -> Result<()> {
        for (place, label) in array.whole_numbers()?.into_iter().enumerate() {
            ensure!((1..=10).contains(&label), "label {label} of image {place} is not in 1..=10");
            self.labels.push(label % 10);
        }
        Ok(())
    }

    fn into_images(self) -> Images {
        Images { width: SIDE, height: SIDE, channels: CHANNELS, pixels: self.pixels.into(), labels: self.labels }
    }
}

#[cfg(test)]
mod tests {
    use std::io::Write as _;

    use flate2::Compression;
    use flate2::write::ZlibEncoder;
    use proptest::prelude::*;

    use super::*;

    const TRAIN: &[u8] = include_bytes!("../../tests/golden/svhn/train_32x32.mat");
    const EXTRA: &[u8] = include_bytes!("../../tests/golden/svhn/extra_32x32.mat");
    const TEST: &[u8] = include_bytes!("../../tests/golden/svhn/test_32x32.mat");

    fn decode(file: &[u8]) -> Result<Digits> {
        let mut digits = Digits::default();
        digits.decode(file).map(|()| digits)
    }

    fn refusal(file: &[u8]) -> String {
        format!("{:#}", decode(file).expect_err("no file of SVHN's"))
    }

    /// As in `tests/golden/make_svhn.py`.
    fn pixel(image: usize, row: usize, column: usize, channel: usize) -> u8 {
        ((5 * row + 3 * column + 70 * channel + 40 * image) % 256) as u8
    }

    #[test]
    fn files_of_scipy_come_out_as_rows_of_pixels_and_digits() {
        for (file, first, labels) in [(TRAIN, 0, &[0, 1, 7][..]), (EXTRA, 3, &[2, 0]), (TEST, 5, &[0, 1])] {
            let digits = decode(file).expect("a file of SVHN's format");
            assert_eq!(digits.labels, labels);
            let expected = (first..first + labels.len()).flat_map(|image| {
                (0..SIDE * SIDE * CHANNELS).map(move |i| pixel(image, i / 96, i / 3 % 32, i % 3)).collect::<Vec<_>>()
            });
            assert!(digits.pixels.iter().copied().eq(expected), "{first}");
        }
    }

    /// An array's element: its numbers of a class, stored in a type.
    fn array(name: &str, sides: &[i32], class: u8, stored: u32, numbers: &[u8]) -> Vec<u8> {
        let part = |kind: u32, bytes: &[u8]| {
            let mut part = [kind.to_le_bytes(), (bytes.len() as u32).to_le_bytes()].concat();
            part.extend(bytes);
            part.resize(part.len().next_multiple_of(8), 0);
            part
        };
        let sides: Vec<u8> = sides.iter().copied().flat_map(i32::to_le_bytes).collect();
        let parts = [part(6, &[class, 0, 0, 0, 0, 0, 0, 0]), part(5, &sides), part(1, name.as_bytes())];
        part(14, &[parts.concat(), part(stored, numbers)].concat())
    }

    fn compressed(element: &[u8]) -> Vec<u8> {
        let mut zlib = ZlibEncoder::new(Vec::new(), Compression::fast());
        let zlib = zlib.write_all(element).and_then(|()| zlib.finish()).expect("in memory");
        [&15_u32.to_le_bytes()[..], &(zlib.len() as u32).to_le_bytes(), &zlib].concat()
    }

    fn file(elements: &[Vec<u8>]) -> Vec<u8> {
        [&[b' '; 124][..], &[0, 1], b"IM", &elements.concat()].concat()
    }

    const DOUBLE: u8 = 6;
    const BYTES: u8 = 9;

    fn black(n: i32) -> Vec<u8> {
        array("X", &[32, 32, 3, n], BYTES, 2, &vec![0; n as usize * IMAGE_BYTES])
    }

    #[test]
    fn labels_are_read_however_matlab_stores_them() {
        let four = |stored, numbers: &[u8]| array("y", &[4, 1], DOUBLE, stored, numbers);
        let doubles: Vec<u8> = [10.0, 1.0, 2.0, 9.0_f64].into_iter().flat_map(f64::to_le_bytes).collect();
        let singles: Vec<u8> = [10.0, 1.0, 2.0, 9.0_f32].into_iter().flat_map(f32::to_le_bytes).collect();
        let words: Vec<u8> = [10, 1, 2, 9_i32].into_iter().flat_map(i32::to_le_bytes).collect();
        for labels in [four(2, &[10, 1, 2, 9]), four(9, &doubles), four(7, &singles), four(5, &words), four(6, &words)]
        {
            for labels in [compressed(&labels), labels] {
                let digits = decode(&file(&[compressed(&black(4)), labels])).expect("four labels");
                assert_eq!(digits.labels, [0, 1, 2, 9]);
            }
        }
        // MATLAB leaves a last side of one out
        let one = [array("X", &[32, 32, 3], BYTES, 2, &[7; IMAGE_BYTES]), array("y", &[1, 1], DOUBLE, 2, &[3])];
        assert_eq!(decode(&file(&one)).expect("one image").labels, [3]);
    }

    #[test]
    fn what_is_wrong_with_a_file_is_said() {
        let labels = |numbers: &[u8]| array("y", &[numbers.len() as i32, 1], DOUBLE, 2, numbers);
        let of = |elements: &[Vec<u8>]| refusal(&file(elements));
        assert_eq!(refusal(b"MATLAB"), "it ends in the middle of an element");
        assert_eq!(refusal(&[b'x'; 200]), "it is no MATLAB file of version 5");
        let hdf5 = [&b"MATLAB 7.3 MAT-file"[..], &[0; 200]].concat();
        assert!(refusal(&hdf5).contains("version 7.3 (HDF5)"));
        let turned = [&[b' '; 124][..], &[1, 0], b"MI"].concat();
        assert!(refusal(&turned).contains("big-endian"));
        assert_eq!(of(&[]), "it has no X, the array of the images: is it a file of SVHN's cropped digits?");
        assert!(of(&[black(1)]).starts_with("it has no y, the array of the labels: "));
        assert_eq!(of(&[black(2), labels(&[1])]), "it has 2 images and 1 labels");
        assert_eq!(of(&[black(1), black(1)]), "it has X twice");
        assert_eq!(of(&[black(2), labels(&[1, 0])]), "label 0 of image 1 is not in 1..=10");
        assert_eq!(of(&[black(2), labels(&[11, 1])]), "label 11 of image 0 is not in 1..=10");
        let half = array("y", &[1, 1], DOUBLE, 9, &0.5_f64.to_le_bytes());
        assert_eq!(of(&[black(1), half]), "y: number 0 is 0.5");
        let wide = array("X", &[32, 32, 3, 1], DOUBLE, 9, &vec![0; 8 * IMAGE_BYTES]);
        assert_eq!(of(&[wide]), "X is not stored in bytes (type 9 instead of 2)");
        let flat = array("X", &[1, 3072], BYTES, 2, &vec![0; IMAGE_BYTES]);
        assert_eq!(of(&[flat]), "X is of size [1, 3072], and 32×32×3×N is needed");
        let short = array("X", &[32, 32, 3, 2], BYTES, 2, &vec![0; IMAGE_BYTES]);
        assert_eq!(of(&[short]), "X has 3072 bytes where 6144 numbers take 1 each");
        let absurd = array("X", &[32, 32, 3, i32::MAX], BYTES, 2, &[]);
        assert!(of(&[absurd]).starts_with("X has 0 bytes where 6597069763584 numbers"));
        let negative = array("X", &[32, 32, 3, -1], BYTES, 2, &[]);
        assert_eq!(of(&[negative]), "an array has impossible dimensions");
    }

    #[test]
    fn sizes_that_a_file_does_not_have_take_no_memory() {
        // an array that says that it has 4 GB, and a file that ends behind that
        let n = (u32::MAX as usize / IMAGE_BYTES) as i32;
        let mut head = array("X", &[32, 32, 3, n], BYTES, 2, &[]);
        let n_bytes = (n as u32) * IMAGE_BYTES as u32;
        let at = head.len() - 4;
        head[at..].copy_from_slice(&n_bytes.to_le_bytes());
        head[4..8].copy_from_slice(&u32::MAX.to_le_bytes());
        for element in [compressed(&head), head] {
            let mut digits = Digits::default();
            let error = digits.decode(&file(&[element])[..]).expect_err("nothing there").to_string();
            assert_eq!((error.as_str(), digits.pixels.capacity()), ("it ends in the middle of an element", 0));
        }
    }

    #[test]
    fn a_file_that_is_cut_anywhere_is_refused() {
        for file in [TRAIN, TEST] {
            for n in 0..file.len() {
                assert!(decode(&file[..n]).is_err(), "{n} of {} bytes", file.len());
            }
        }
    }

    proptest! {
        /// Compressed data carry a checksum; bytes that are not compressed may be any pixels.
        #[test]
        fn bytes_that_were_changed_do_no_harm(changes in prop::collection::vec((0.0..1.0, any::<u8>()), 1..4), which in 0..3_usize) {
            let whole = [TRAIN, EXTRA, TEST][which];
            let mut file = whole.to_vec();
            for (place, byte) in changes {
                let at = (place * file.len() as f64) as usize;
                file[at] = byte;
            }
            if let Ok(digits) = decode(&file) {
                prop_assert!(digits.pixels.len() == digits.labels.len() * IMAGE_BYTES && digits.labels.len() <= 3);
            }
        }
    }
}
