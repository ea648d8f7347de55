//! Image files as pixels of one size: those that were decoded before from the cache, the others on all cores.
//!
//! A file counts as the one that was decoded if its name, length, times and number are the same. Decoded images go to a
//! file as they come, so that they need no memory; where the cache cannot be written they stay in memory. Then all are put
//! in order, and gray ones become RGB if there is one in colour.

use std::collections::HashMap;
use std::fs;
use std::io::{self, Write as _};
use std::os::unix::ffi::OsStrExt as _;
use std::os::unix::fs::{FileExt as _, MetadataExt as _};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicUsize, Ordering::Relaxed};
use std::sync::mpsc::sync_channel;
use std::thread::{self, available_parallelism};
use std::time::{Duration, Instant};

use anyhow::{Result, bail, ensure};
use sha2::{Digest as _, Sha256};

use super::super::cache::{self, Head, Kept, Print, Record, Writer};
use super::super::decode::{self, Decoded, Fault, Wanted};
use super::super::pixels::Pixels;
use super::super::{Place, print};
use super::tally::{Remark, Tally};
use super::{Entry, refused};
use crate::base::host;
use crate::base::text::Shown as _;

/// All images of a folder, in the order in which they were asked for.
pub struct All {
    /// Their pixels.
    pub pixels: Pixels,
    /// Pixels per row.
    pub width: usize,
    /// Rows.
    pub height: usize,
    /// Bytes per pixel.
    pub channels: usize,
    /// What each shows.
    pub prints: Vec<Print>,
    /// How they were read.
    pub reading: Reading,
}

/// How images were read.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Reading {
    /// Those that had to be decoded; the others came from the cache.
    pub n_decoded: usize,
    /// How many there are.
    pub n: usize,
    /// How long it took.
    pub took: Duration,
    /// Why they are not kept for the next time.
    pub trouble: Option<String>,
}

/// Files that a thread takes at once.
const BLOCK: usize = 16;

/// Part of the name of what is kept: another number where the same files come to other pixels.
const VERSION: u32 = 1;

const TURNED: u8 = 1;
const TRANSPARENT: u8 = 2;
const HAS_MORE: u8 = 4;
const GRAY: u8 = 8;

/// Reads every file.
///
/// # Errors
/// If some are damaged, with their names; else if one has another size than the first.
pub fn all(entries: &[Entry], place: &Place, tally: &mut Tally) -> Result<All> {
    let began = Instant::now();
    let stamps = in_parallel(entries, |entry| stamp(&entry.path));
    let to = place.means.cache.as_deref().map(|folder| cache::file_for(folder, &told(place)));
    let old = to.as_deref().and_then(Kept::open);
    let mut reading = Reading { n: entries.len(), ..Reading::default() };
    let found = old.as_ref().filter(|old| is_same(old, &stamps)).and_then(|old| from_cache(old, place.means.most_held));
    let Assembled { head, records, pixels } = match found {
        Some(found) => found,
        None => renew(entries, &stamps, (old.as_ref(), to.as_deref()), place, &mut reading)?,
    };
    for (record, Entry { path, .. }) in records.iter().zip(entries) {
        let flags = [(TURNED, Remark::Turned), (TRANSPARENT, Remark::Transparent), (HAS_MORE, Remark::FirstOfSeveral)];
        flags.into_iter().filter(|(flag, _)| record.flags & flag != 0).for_each(|(_, remark)| tally.add(remark, path));
    }
    tally.n_read = entries.len();
    reading.took = began.elapsed();
    let Head { width, height, channels, .. } = head;
    let prints = records.iter().map(|record| record.print).collect();
    Ok(All { pixels, width, height, channels, prints, reading })
}

/// Images in their order.
struct Assembled {
    head: Head,
    records: Vec<Record>,
    pixels: Pixels,
}

/// Why images could not be put together.
enum Failure {
    /// The disk does not take what is to be kept.
    Cache(io::Error),
    /// The images are to blame.
    Images(anyhow::Error),
}

impl From<io::Error> for Failure {
    fn from(error: io::Error) -> Self {
        Self::Cache(error)
    }
}

impl From<anyhow::Error> for Failure {
    fn from(error: anyhow::Error) -> Self {
        Self::Images(error)
    }
}

/// What tells the images of a folder, made into pixels in a certain way, from others.
fn told(place: &Place) -> Vec<u8> {
    let way = format!("{VERSION} {:?} {} {} ", place.resize, place.fit.name(), place.background);
    [way.as_bytes(), whole(place).as_os_str().as_bytes()].concat()
}

/// The whole path of the folder or the list.
fn whole(place: &Place) -> PathBuf {
    let path = place.path.unwrap_or(Path::new(""));
    path.canonicalize().or_else(|_| std::path::absolute(path)).unwrap_or_else(|_| path.to_owned())
}

/// A hash of a file's name, length, times and number; None if the system does not tell them.
fn stamp(path: &Path) -> Option<[u8; 16]> {
    let metadata = fs::metadata(path).ok()?;
    let mut hash = Sha256::new();
    for number in [metadata.mtime(), metadata.mtime_nsec(), metadata.ctime(), metadata.ctime_nsec()] {
        hash.update(number.to_le_bytes());
    }
    for number in [metadata.len(), metadata.ino()] {
        hash.update(number.to_le_bytes());
    }
    hash.update(std::path::absolute(path).ok()?.as_os_str().as_bytes());
    Some(hash.finalize()[..16].try_into().expect("16 bytes"))
}

/// Whether exactly these files are kept, in this order.
fn is_same(kept: &Kept, stamps: &[Option<[u8; 16]>]) -> bool {
    kept.records.len() == stamps.len()
        && kept.records.iter().zip(stamps).all(|(record, stamp)| Some(record.stamp) == *stamp)
}

/// All images of a file of the cache, in memory up to a limit; None if they are not what was written.
fn from_cache(kept: &Kept, most_held: u64) -> Option<Assembled> {
    let (head, records) = (kept.head.clone(), kept.records.clone());
    let size = head.bytes_per_image();
    let range = kept.start_of(0)..kept.start_of(head.n);
    let pixels = if range.len() as u64 <= most_held {
        let mut bytes = vec![0; range.len()];
        let read = |from: usize, part: &[Record], bytes: &mut [u8]| {
            let at = kept.start_of(from) as u64;
            kept.file.read_exact_at(bytes, at).is_ok() && is_intact(part, bytes, size)
        };
        let length = part_length(records.len());
        let is_whole = thread::scope(|scope| {
            let parts = records.chunks(length).zip(bytes.chunks_mut(length * size.max(1))).enumerate();
            let start = |(i, (part, bytes))| scope.spawn(move || read(i * length, part, bytes));
            let threads: Vec<_> = parts.map(start).collect();
            threads.into_iter().all(|thread| thread.join().expect("reading does not panic"))
        });
        is_whole.then(|| Pixels::from(bytes))?
    } else {
        let pixels = Pixels::map(&kept.file, range).ok()?;
        let is_part_intact = |from: usize, part: &[Record]| is_intact(part, &pixels[from * size..], size);
        in_parallel_parts(&records, is_part_intact).into_iter().all(|is_intact| is_intact).then_some(pixels)?
    };
    cache::touch(&kept.file);
    Some(Assembled { head, records, pixels })
}

fn is_intact(records: &[Record], pixels: &[u8], size: usize) -> bool {
    records.iter().zip(pixels.chunks(size)).all(|(record, pixels)| crc32fast::hash(pixels) == record.checksum)
}

/// Decodes what is not kept yet, and keeps it if the disk takes it.
fn renew(
    entries: &[Entry],
    stamps: &[Option<[u8; 16]>],
    (old, to): (Option<&Kept>, Option<&Path>),
    place: &Place,
    reading: &mut Reading,
) -> Result<Assembled> {
    let mut make = |to: Option<&Path>| assemble(entries, stamps, (old, to), place, &mut reading.n_decoded);
    match make(to) {
        Ok(assembled) => Ok(assembled),
        Err(Failure::Images(error)) => Err(error),
        Err(Failure::Cache(error)) => {
            let assembled = make(None);
            let folder = to.and_then(Path::parent).unwrap_or(Path::new("")).shown();
            reading.trouble = Some(format!("decoded images cannot be kept in {folder}: {error}"));
            match assembled {
                Ok(assembled) => Ok(assembled),
                Err(Failure::Images(error)) => Err(error),
                Err(Failure::Cache(error)) => Err(error.into()),
            }
        }
    }
}

/// Where decoded images wait until all are there: in a file without a name, or in memory.
enum Spool {
    File(fs::File, u64),
    Memory(Vec<u8>),
}

impl Spool {
    fn new(to: Option<&Path>) -> io::Result<Self> {
        let Some(folder) = to.and_then(Path::parent) else { return Ok(Self::Memory(Vec::new())) };
        fs::create_dir_all(folder)?;
        Ok(Self::File(tempfile::tempfile_in(folder)?, 0))
    }

    /// Appends bytes, and says where they begin.
    fn add(&mut self, bytes: &[u8]) -> io::Result<u64> {
        match self {
            Self::File(file, end) => {
                file.write_all(bytes)?;
                *end += bytes.len() as u64;
                Ok(*end - bytes.len() as u64)
            }
            Self::Memory(all) => {
                all.extend_from_slice(bytes);
                Ok((all.len() - bytes.len()) as u64)
            }
        }
    }

    fn read(&self, at: u64, n: usize) -> io::Result<Vec<u8>> {
        match self {
            Self::File(file, _) => {
                let mut bytes = vec![0; n];
                file.read_exact_at(&mut bytes, at)?;
                Ok(bytes)
            }
            Self::Memory(all) => Ok(all[at as usize..at as usize + n].to_vec()),
        }
    }
}

/// Where an image is before it has its place.
#[derive(Clone, Copy)]
enum Found {
    /// With this number in the older file of the cache.
    Old(usize),
    /// In the spool, with its size and what is known of it.
    New { at: u64, size: (usize, usize), print: Print, flags: u8 },
}

fn assemble(
    entries: &[Entry],
    stamps: &[Option<[u8; 16]>],
    (old, to): (Option<&Kept>, Option<&Path>),
    place: &Place,
    n_decoded: &mut usize,
) -> Result<Assembled, Failure> {
    let mut found = reusable(stamps, old);
    let missing: Vec<usize> = (0..entries.len()).filter(|&i| found[i].is_none()).collect();
    if to.is_none() {
        check_memory(entries.len(), place)?;
    }
    *n_decoded = missing.len();
    let mut spool = Spool::new(to)?;
    let (mut n_new, mut keep_at) = (0, FIRST_KEPT);
    let faults = decode_missing(entries, &missing, place, |i, decoded| {
        let Decoded { image, is_turned, is_transparent, has_more, .. } = decoded;
        let flags =
            [(is_turned, TURNED), (is_transparent, TRANSPARENT), (has_more, HAS_MORE), (image.channels == 1, GRAY)];
        let flags = flags.into_iter().filter(|(is, _)| *is).fold(0, |all, (_, flag)| all | flag);
        let at = spool.add(&image.pixels)?;
        found[i] = Some(Found::New { at, size: (image.width, image.height), print: print::of(&image), flags });
        n_new += 1;
        if to.is_some() && n_new == keep_at && n_new < missing.len() {
            // whoever is interrupted from here on has lost no more than half of the work
            let _ = lay_out(&pieces(entries, stamps, &found), (old, to), &spool, place);
            keep_at *= 2;
        }
        Ok(())
    })?;
    let whole = pieces(entries, stamps, &found);
    if !faults.is_empty() {
        // the others are kept, so that only what is mended has to be decoded
        if to.is_some() && !whole.is_empty() {
            let _ = lay_out(&whole, (old, to), &spool, place);
        }
        let said: Vec<_> = faults.iter().map(|(i, fault)| format!("{} {fault}", entries[*i].path.shown())).collect();
        refused(&said, entries.len(), if said.len() == 1 { "mend or remove it" } else { "mend or remove them" })?;
    }
    let Layout { head, records, put } = lay_out(&whole, (old, to), &spool, place)?;
    let file = match put {
        Put::Kept(file) => file,
        Put::Held(pixels) => return Ok(Assembled { head, records, pixels: pixels.into() }),
    };
    let damaged = || io::Error::other("what was written to it cannot be read again");
    let assembled = Kept::read(file).and_then(|kept| from_cache(&kept, place.means.most_held)).ok_or_else(damaged)?;
    if let Some(folder) = to.and_then(Path::parent) {
        cache::make_room(folder, place.means.limit);
    }
    Ok(assembled)
}

/// After how many decoded images they are kept for the first time; then after twice as many, and so on.
const FIRST_KEPT: usize = 512;

/// An image, and where it is.
struct Piece<'a> {
    entry: &'a Entry,
    stamp: Option<[u8; 16]>,
    found: Found,
}

/// Those that were found.
fn pieces<'a>(entries: &'a [Entry], stamps: &[Option<[u8; 16]>], found: &[Option<Found>]) -> Vec<Piece<'a>> {
    let all = entries.iter().zip(stamps).zip(found);
    all.filter_map(|((entry, stamp), found)| Some(Piece { entry, stamp: *stamp, found: (*found)? })).collect()
}

/// Images in their order, and where their pixels are.
struct Layout {
    head: Head,
    records: Vec<Record>,
    put: Put,
}

/// Where pixels are.
enum Put {
    /// In this very file of the cache: another process may give its name to one of its own at any time.
    Kept(fs::File),
    /// In memory.
    Held(Vec<u8>),
}

/// Brings images into their order and to the same channels, in the cache if there is one.
fn lay_out(
    pieces: &[Piece],
    (old, to): (Option<&Kept>, Option<&Path>),
    spool: &Spool,
    place: &Place,
) -> Result<Layout, Failure> {
    let of_old = |at: usize| old.map(|old| (&old.head, &old.records[at])).expect("an older file");
    let size_of = |piece: &Piece| match piece.found {
        Found::Old(at) => (of_old(at).0.width, of_old(at).0.height),
        Found::New { size, .. } => size,
    };
    let (width, height) = one_size(pieces, size_of)?;
    let is_gray = |piece: &Piece| match piece.found {
        Found::Old(at) => of_old(at).1.flags & GRAY != 0,
        Found::New { flags, .. } => flags & GRAY != 0,
    };
    let channels = if pieces.iter().all(is_gray) { 1 } else { 3 };
    let path = whole(place).to_string_lossy().into_owned().into();
    let head = Head { path, n: pieces.len(), width, height, channels };
    let mut writer = to.map(Writer::new).transpose()?;
    let mut held = Vec::new();
    let mut records = Vec::with_capacity(pieces.len());
    for piece in pieces {
        let (pixels, print, flags) = match piece.found {
            Found::Old(at) => {
                let changed = || io::Error::other("what was kept changes while it is read");
                let pixels = old.and_then(|old| old.pixels_of(at)).ok_or_else(changed)?;
                (pixels, of_old(at).1.print, of_old(at).1.flags)
            }
            Found::New { at, print, flags, .. } => {
                let n_channels = if flags & GRAY == 0 { 3 } else { 1 };
                (spool.read(at, width * height * n_channels)?, print, flags)
            }
        };
        let pixels = with_channels(pixels, width * height, channels);
        // a file that cannot be told from another one is decoded each time
        let stamp = piece.stamp.unwrap_or_default();
        records.push(Record { stamp, print, checksum: crc32fast::hash(&pixels), flags });
        match &mut writer {
            Some(writer) => writer.write(&pixels)?,
            None => held.extend_from_slice(&pixels),
        }
    }
    let put = match writer {
        Some(writer) => Put::Kept(writer.finish(&head, &records)?),
        None => Put::Held(held),
    };
    Ok(Layout { head, records, put })
}

/// Which images an older file of the cache has, intact.
fn reusable(stamps: &[Option<[u8; 16]>], old: Option<&Kept>) -> Vec<Option<Found>> {
    let Some(old) = old else { return vec![None; stamps.len()] };
    let numbers: HashMap<_, _> = old.records.iter().enumerate().map(|(i, record)| (record.stamp, i)).collect();
    in_parallel(stamps, |stamp| {
        let at = *numbers.get(&(*stamp)?)?;
        old.pixels_of(at).map(|_| Found::Old(at))
    })
}

/// Refuses what would end the process for want of memory.
fn check_memory(n: usize, place: &Place) -> Result<()> {
    let Some(side) = place.resize else { return Ok(()) };
    let needed = (n as u64).saturating_mul(3 * u64::from(side).pow(2));
    let memory = host::available_bytes().unwrap_or(u64::MAX);
    ensure!(
        needed < memory,
        "{n} images take {} MB as pixels and this machine has {} MB of memory: they have to be read from the cache, which \
         cannot be written; set FIXMATCH_CACHE to a folder with room",
        needed / 1_000_000,
        memory / 1_000_000,
    );
    Ok(())
}

/// Decodes these files, on all cores, and hands each on as it comes. Returns those that are damaged, in their order.
fn decode_missing(
    entries: &[Entry],
    missing: &[usize],
    place: &Place,
    mut take: impl FnMut(usize, Decoded) -> io::Result<()>,
) -> io::Result<Vec<(usize, Fault)>> {
    let wanted = Wanted { resize: place.resize.map(|side| (side, side)), fit: place.fit, background: place.background };
    let next = AtomicUsize::new(0);
    let mut faults: Vec<(usize, Fault)> = Vec::new();
    let n_threads = available_parallelism().map_or(1, Into::into).min(missing.len().max(1));
    let (sender, decoded) = sync_channel(4 * n_threads);
    thread::scope(|scope| {
        for _ in 0..n_threads {
            let (sender, next, wanted) = (sender.clone(), &next, &wanted);
            scope.spawn(move || {
                loop {
                    let from = next.fetch_add(BLOCK, Relaxed);
                    let Some(block) = missing.get(from..(from + BLOCK).min(missing.len())) else { return };
                    for &i in block {
                        if sender.send((i, decode::read(&entries[i].path, wanted))).is_err() {
                            return; // nobody waits for more
                        }
                    }
                    if block.is_empty() {
                        return;
                    }
                }
            });
        }
        drop(sender);
        for (n, (i, decoded)) in decoded.into_iter().enumerate() {
            place.means.tell(n + 1, missing.len());
            match decoded {
                Ok(decoded) => take(i, decoded)?,
                Err(fault) => faults.push((i, fault)),
            }
        }
        io::Result::Ok(())
    })?;
    faults.sort_by_key(|(i, _)| *i);
    Ok(faults)
}

/// The size of all images.
fn one_size(pieces: &[Piece], size_of: impl Fn(&Piece) -> (usize, usize)) -> Result<(usize, usize)> {
    let first = size_of(&pieces[0]);
    if let Some(other) = pieces.iter().find(|piece| size_of(piece) != first) {
        let [first_path, path] = [&pieces[0], other].map(|piece| piece.entry.path.shown());
        let size = size_of(other);
        bail!(
            "{first_path} has {}×{} pixels but {path} has {}×{}: set data.resize to make all images one size",
            first.0,
            first.1,
            size.0,
            size.1,
        );
    }
    Ok(first)
}

/// An image of so many pixels with 1 or 3 channels; gray ones have three equal ones.
fn with_channels(pixels: Vec<u8>, n_pixels: usize, channels: usize) -> Vec<u8> {
    match (pixels.len() / n_pixels, channels) {
        (1, 3) => pixels.iter().flat_map(|&gray| [gray; 3]).collect(),
        (3, 1) => pixels.into_iter().step_by(3).collect(),
        _ => pixels,
    }
}

/// What becomes of each, on all cores.
fn in_parallel<T: Sync, R: Send>(items: &[T], work: impl Fn(&T) -> R + Sync) -> Vec<R> {
    let parts = in_parallel_parts(items, |_, part| part.iter().map(&work).collect::<Vec<_>>());
    parts.into_iter().flatten().collect()
}

/// What becomes of each part, with the number of its first item, on all cores.
fn in_parallel_parts<T: Sync, R: Send>(items: &[T], work: impl Fn(usize, &[T]) -> R + Sync) -> Vec<R> {
    let length = part_length(items.len());
    thread::scope(|scope| {
        let work = &work;
        let start = |(i, part)| scope.spawn(move || work(i * length, part));
        let threads: Vec<_> = items.chunks(length).enumerate().map(start).collect();
        threads.into_iter().map(|thread| thread.join().expect("it does not panic")).collect()
    })
}

/// How many of so many items each core takes.
fn part_length(n: usize) -> usize {
    n.div_ceil(available_parallelism().map_or(1, Into::into)).max(1)
}
