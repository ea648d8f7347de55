//! Decoded images that are kept: a file for each folder or list and what was made of its images, in the cache directory.
//!
//! ```text
//! magic       16 bytes
//! pixels      n images of height × width × channels bytes
//! records     n of 48 bytes: which file it was made of, what it shows, a checksum of its pixels
//! head        JSON: whose images, how many, of what size
//! end         length and CRC-32 of records and head, magic
//! ```
//!
//! A file is written aside and renamed, and what is read is compared with its checksums: what is damaged or half written is
//! decoded again. Which folders are kept is a matter of room: the one that was not used for the longest leaves first.

use std::fs::{self, File};
use std::io::{self, BufWriter, Write};
use std::os::unix::fs::FileExt as _;
use std::path::{Path, PathBuf};
use std::time::SystemTime;

use anyhow::{Context as _, Result, ensure};
use serde::{Deserialize, Serialize};
use tempfile::NamedTempFile;

use crate::base::hex::sha256_hex;
use crate::base::{aside, dirs, files};

const MAGIC: &[u8; 16] = b"fixmatch-images1";
const END_BYTES: u64 = 8 + 4 + 16;
const RECORD_BYTES: usize = 48;

/// How a file of the cache ends.
const EXTENSION: &str = "images";

/// Gigabytes that are kept where `FIXMATCH_CACHE_GB` says nothing else.
const USUAL_GB: f64 = 20.0;

/// Of a kept image, all but its pixels.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Record {
    /// A hash of its file's name, size, times and number.
    pub stamp: [u8; 16],
    /// What it shows, exactly and roughly.
    pub print: Print,
    /// CRC-32 of its pixels as they are kept.
    pub checksum: u32,
    /// What had to be done to it, and whether its file stores gray.
    pub flags: u8,
}

/// What an image shows: equal for equal pixels, and close for images that look alike.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Print {
    /// The first half of SHA-256 over its pixels.
    pub exact: [u8; 16],
    /// Whether it gets brighter from left to right, in 8 rows of 8 places.
    pub rough: u64,
}

/// Whose images a file holds.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Head {
    /// The folder or the list.
    pub path: PathBuf,
    /// How many.
    pub n: usize,
    /// Pixels per row.
    pub width: usize,
    /// Rows.
    pub height: usize,
    /// Bytes per pixel.
    pub channels: usize,
}

impl Head {
    /// Bytes of an image.
    pub fn bytes_per_image(&self) -> usize {
        self.width * self.height * self.channels
    }
}

/// A file of the cache, open.
pub struct Kept {
    /// The file.
    pub file: File,
    /// Whose images.
    pub head: Head,
    /// One for each image.
    pub records: Vec<Record>,
}

impl Kept {
    /// Opens a file and compares records and head with their checksum; None if there is none, or it is damaged.
    pub fn open(path: &Path) -> Option<Self> {
        Self::read(files::open_no_link(path).ok()?)
    }

    /// The same of a file that is open.
    pub fn read(file: File) -> Option<Self> {
        let length = file.metadata().ok()?.len();
        let (head, n_before) = read_head(&file, length)?;
        let (pixels, records) = (head.n.checked_mul(head.bytes_per_image())?, head.n.checked_mul(RECORD_BYTES)?);
        let at = (MAGIC.len() as u64).checked_add(pixels as u64)?;
        if at.checked_add(records as u64)? != n_before {
            return None;
        }
        let mut bytes = vec![0; (length - at) as usize];
        file.read_exact_at(&mut bytes, at).ok()?;
        let (checked, end) = bytes.split_at(bytes.len() - END_BYTES as usize);
        if crc32fast::hash(checked).to_le_bytes() != end[8..12] {
            return None;
        }
        let records = checked[..records].as_chunks().0.iter().map(Record::parse).collect();
        Some(Self { file, head, records })
    }

    /// Where the pixels of image `i` begin in the file.
    pub fn start_of(&self, i: usize) -> usize {
        MAGIC.len() + i * self.head.bytes_per_image()
    }

    /// The pixels of image `i`, if they are what was written.
    pub fn pixels_of(&self, i: usize) -> Option<Vec<u8>> {
        let mut pixels = vec![0; self.head.bytes_per_image()];
        self.file.read_exact_at(&mut pixels, self.start_of(i) as u64).ok()?;
        (crc32fast::hash(&pixels) == self.records[i].checksum).then_some(pixels)
    }
}

/// The head of a file of this length, and where its text begins.
fn read_head(file: &File, length: u64) -> Option<(Head, u64)> {
    let mut end = [0; END_BYTES as usize];
    file.read_exact_at(&mut end, length.checked_sub(END_BYTES)?).ok()?;
    if end[12..] != *MAGIC {
        return None;
    }
    let n_bytes = u64::from_le_bytes(end[..8].try_into().expect("8 bytes"));
    let at = (length - END_BYTES).checked_sub(n_bytes).filter(|_| n_bytes <= files::MAX_TOML)?;
    let mut text = vec![0; n_bytes as usize];
    file.read_exact_at(&mut text, at).ok()?;
    Some((serde_json::from_slice(&text).ok()?, at))
}

impl Record {
    fn parse(bytes: &[u8; RECORD_BYTES]) -> Self {
        let part = |from: usize| bytes[from..from + 16].try_into().expect("16 bytes");
        Self {
            stamp: part(0),
            print: Print { exact: part(16), rough: u64::from_le_bytes(bytes[32..40].try_into().expect("8 bytes")) },
            checksum: u32::from_le_bytes(bytes[40..44].try_into().expect("4 bytes")),
            flags: bytes[44],
        }
    }

    fn to_bytes(self) -> [u8; RECORD_BYTES] {
        let mut bytes = [0; RECORD_BYTES];
        bytes[..16].copy_from_slice(&self.stamp);
        bytes[16..32].copy_from_slice(&self.print.exact);
        bytes[32..40].copy_from_slice(&self.print.rough.to_le_bytes());
        bytes[40..44].copy_from_slice(&self.checksum.to_le_bytes());
        bytes[44] = self.flags;
        bytes
    }
}

/// A file of the cache on its way: pixels first.
pub struct Writer {
    file: BufWriter<NamedTempFile>,
    to: PathBuf,
}

impl Writer {
    /// Begins a file that is to be `to`.
    ///
    /// # Errors
    /// If the disk does not take it.
    pub fn new(to: &Path) -> io::Result<Self> {
        let folder = to.parent().unwrap_or(Path::new("."));
        fs::create_dir_all(folder)?;
        aside::remove_leftovers(folder);
        let mut file = BufWriter::with_capacity(1 << 20, aside::beside(to)?);
        file.write_all(MAGIC)?;
        Ok(Self { file, to: to.to_owned() })
    }

    /// Appends pixels.
    pub fn write(&mut self, pixels: &[u8]) -> io::Result<()> {
        self.file.write_all(pixels)
    }

    /// Ends the file and gives it its name.
    pub fn finish(mut self, head: &Head, records: &[Record]) -> io::Result<File> {
        let mut rest: Vec<u8> = records.iter().flat_map(|record| record.to_bytes()).collect();
        let text = serde_json::to_vec(head)?;
        rest.extend_from_slice(&text);
        self.file.write_all(&rest)?;
        self.file.write_all(&(text.len() as u64).to_le_bytes())?;
        self.file.write_all(&crc32fast::hash(&rest).to_le_bytes())?;
        self.file.write_all(MAGIC)?;
        let file = self.file.into_inner().map_err(io::IntoInnerError::into_error)?;
        file.as_file().sync_all()?;
        file.persist(&self.to).map_err(|error| error.error)
    }
}

fn entries(folder: &Path) -> Vec<PathBuf> {
    let entries = fs::read_dir(folder).into_iter().flatten().flatten();
    entries.map(|entry| entry.path()).collect()
}

/// Where decoded images are kept, in the cache directory.
///
/// # Errors
/// If there is no home directory.
pub fn folder() -> Result<PathBuf> {
    Ok(dirs::cache_dir()?.join("images"))
}

/// The file in a folder of the cache for what is told by this text.
pub fn file_for(folder: &Path, told: &[u8]) -> PathBuf {
    folder.join(&sha256_hex(told)[..24]).with_extension(EXTENSION)
}

/// Notes that a file is used, now.
pub fn touch(file: &File) {
    let _ = file.set_modified(SystemTime::now()); // it would leave earlier, no more
}

/// Images that are kept.
#[derive(Clone, Debug)]
pub struct Entry {
    /// The file.
    pub file: PathBuf,
    /// Whose images; none of a damaged file.
    pub head: Option<Head>,
    /// Its length.
    pub n_bytes: u64,
    /// When it was used last.
    pub used: SystemTime,
}

/// What a folder of the cache holds, the last used first.
pub fn list(folder: &Path) -> Vec<Entry> {
    let is_kept = |path: &PathBuf| path.extension().is_some_and(|extension| extension == EXTENSION);
    let entry = |path: PathBuf| {
        let file = files::open_no_link(&path).ok()?;
        let metadata = file.metadata().ok()?;
        let head = read_head(&file, metadata.len()).map(|(head, _)| head);
        Some(Entry { file: path, head, n_bytes: metadata.len(), used: metadata.modified().ok()? })
    };
    let mut found: Vec<_> = entries(folder).into_iter().filter(is_kept).filter_map(entry).collect();
    found.sort_by(|a, b| b.used.cmp(&a.used).then_with(|| a.file.cmp(&b.file)));
    found
}

/// Bytes that are kept at most: `$FIXMATCH_CACHE_GB` gigabytes, 20 if that is not set.
///
/// # Errors
/// If it is set to something else than a number from 0 on.
pub fn limit() -> Result<u64> {
    let gigabytes = match std::env::var("FIXMATCH_CACHE_GB") {
        Ok(text) if !text.trim().is_empty() => {
            let number: Option<f64> = text.trim().parse().ok().filter(|gb: &f64| gb.is_finite() && *gb >= 0.0);
            number
                .with_context(|| format!("FIXMATCH_CACHE_GB must be a number of gigabytes from 0 on, not {text:?}"))?
        }
        _ => USUAL_GB,
    };
    Ok((gigabytes * 1e9) as u64)
}

/// Removes the files that were not used for the longest, until the others are within the limit; the last used one stays.
pub fn make_room(folder: &Path, limit: u64) {
    let mut n_bytes = 0_u64;
    for (i, entry) in list(folder).into_iter().enumerate() {
        n_bytes = n_bytes.saturating_add(entry.n_bytes);
        if i > 0 && n_bytes > limit {
            let _ = fs::remove_file(entry.file); // the next one tries again
        }
    }
}

/// Removes what is kept of these folders and lists, or everything; returns how many files and bytes.
///
/// # Errors
/// If a file cannot be removed, or nothing is kept of one that was named.
pub fn remove(folder: &Path, paths: &[PathBuf]) -> Result<(usize, u64)> {
    let all = list(folder);
    let is_of = |entry: &Entry, path: &PathBuf| entry.head.as_ref().is_some_and(|head| head.path == *path);
    for path in paths {
        ensure!(all.iter().any(|entry| is_of(entry, path)), "no decoded images of {} are kept", path.display());
    }
    let meant = all.iter().filter(|entry| paths.is_empty() || paths.iter().any(|path| is_of(entry, path)));
    let (mut n, mut n_bytes) = (0, 0);
    for entry in meant {
        fs::remove_file(&entry.file).with_context(|| format!("cannot remove {}", entry.file.display()))?;
        (n, n_bytes) = (n + 1, n_bytes + entry.n_bytes);
    }
    Ok((n, n_bytes))
}
