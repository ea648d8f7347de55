//! Numeric arrays of a MATLAB file, version 5, little-endian: what SVHN's files are made of.
//!
//! MathWorks, "MAT-File Format" (level 5). After a header of 128 bytes come elements: a tag of type and length, then so
//! many bytes. An element is an array or, zlib-compressed, holds one. An array is itself made of elements: flags,
//! dimensions, name, numbers. Numbers of any class may be stored in a narrower type. Arrays are read as they come, in
//! column-major order, and never held whole here; those of other classes are passed over.

use std::io::{self, BufRead, Read, Take, copy, sink};

use anyhow::{Context as _, Result, anyhow, bail, ensure};
use flate2::bufread::ZlibDecoder;

const HEADER_BYTES: usize = 128;

/// Types of elements.
const INT8: u32 = 1;
const UINT8: u32 = 2;
const INT16: u32 = 3;
const UINT16: u32 = 4;
const INT32: u32 = 5;
const UINT32: u32 = 6;
const SINGLE: u32 = 7;
const DOUBLE: u32 = 9;
const INT64: u32 = 12;
const UINT64: u32 = 13;
const MATRIX: u32 = 14;
const COMPRESSED: u32 = 15;

/// Classes of arrays that hold numbers, from double to 64-bit integers.
const NUMERIC: std::ops::RangeInclusive<u32> = 6..=15;
const COMPLEX: u32 = 0x0800;

/// More dimensions and longer names than these are damage: MATLAB itself has at most 63 letters.
const MOST_DIMENSIONS: u64 = 32;
const MOST_LETTERS: u64 = 256;

/// An array of real numbers whose head has been read.
pub struct Array<'a> {
    /// Its name.
    pub name: String,
    /// Its sides; the first one is the innermost.
    pub sides: Vec<u64>,
    /// How its numbers are stored.
    stored: u32,
    /// As many bytes as it says that it has.
    numbers: Take<&'a mut dyn Read>,
}

impl Array<'_> {
    /// How many numbers its sides make.
    ///
    /// # Errors
    /// If that is more than can be counted.
    pub fn n(&self) -> Result<u64> {
        let n = self.sides.iter().try_fold(1_u64, |product, &side| product.checked_mul(side));
        n.with_context(|| format!("{} is of impossible size {:?}", self.name, self.sides))
    }

    /// Its bytes, one for each number.
    ///
    /// # Errors
    /// If it is stored in another type, or has more or fewer of them.
    pub fn bytes(&mut self) -> Result<&mut impl Read> {
        ensure!(self.stored == UINT8, "{} is not stored in bytes (type {} instead of {UINT8})", self.name, self.stored);
        self.check_length(1)?;
        Ok(&mut self.numbers)
    }

    /// Its numbers, where all are whole and in 0..=65,535.
    ///
    /// # Errors
    /// If one is not, it has more or fewer of them, or the file ends.
    pub fn whole_numbers(&mut self) -> Result<Vec<u16>> {
        let width = match self.stored {
            INT8 | UINT8 => 1,
            INT16 | UINT16 => 2,
            INT32 | UINT32 | SINGLE => 4,
            DOUBLE | INT64 | UINT64 => 8,
            other => bail!("{} is stored in numbers of the unknown type {other}", self.name),
        };
        let n = self.check_length(width as u64)?;
        let mut numbers = Vec::new(); // as many as there are, whatever n says
        for place in 0..n {
            let mut bytes = [0; 8];
            self.numbers.read_exact(&mut bytes[..width]).map_err(cut)?;
            let unsigned = u64::from_le_bytes(bytes);
            let number = match self.stored {
                INT8 => f64::from(unsigned as i8),
                INT16 => f64::from(unsigned as i16),
                INT32 => f64::from(unsigned as i32),
                INT64 => unsigned as i64 as f64,
                SINGLE => f64::from(f32::from_bits(unsigned as u32)),
                DOUBLE => f64::from_bits(unsigned),
                _ => unsigned as f64,
            };
            let is_whole = number.fract() == 0.0 && (0.0..=f64::from(u16::MAX)).contains(&number);
            ensure!(is_whole, "{}: number {place} is {number}", self.name);
            numbers.push(number as u16);
        }
        Ok(numbers)
    }

    /// Sees that there are as many bytes as numbers of this width take, and says how many numbers that is.
    fn check_length(&self, width: u64) -> Result<u64> {
        let (n, n_bytes) = (self.n()?, self.numbers.limit());
        let name = &self.name;
        let is_right = n.checked_mul(width) == Some(n_bytes);
        ensure!(is_right, "{name} has {n_bytes} bytes where {n} numbers take {width} each");
        Ok(n)
    }
}

/// Reads a file to its end and shows each array of real numbers, in the file's order. What `see` leaves of it is passed over.
///
/// # Errors
/// Those of `see`; if it is no such file, ends early, or an element does not hold what it says.
pub fn read(mut file: impl BufRead, see: &mut dyn FnMut(Array) -> Result<()>) -> Result<()> {
    check_header(&mut file)?;
    while let Some((kind, n_bytes)) = tag(&mut file)? {
        let mut element = file.by_ref().take(n_bytes);
        match kind {
            MATRIX => matrix(&mut element, see)?,
            COMPRESSED => {
                let mut inflated = ZlibDecoder::new(&mut element);
                let Some((MATRIX, n_bytes)) = tag(&mut inflated)? else { bail!("a compressed element holds no array") };
                let mut inner = inflated.by_ref().take(n_bytes);
                matrix(&mut inner, see)?;
                skip(&mut inner)?;
                // to its end: only there is the checksum of the compressed data
                let n_more = copy(&mut inflated, &mut sink()).map_err(cut)?;
                ensure!(n_more == 0, "a compressed element has {n_more} bytes behind its array");
            }
            other => bail!("it has an element of the unknown type {other}"),
        }
        skip(&mut element)?;
    }
    Ok(())
}

fn check_header(file: &mut impl Read) -> Result<()> {
    let mut header = [0; HEADER_BYTES];
    file.read_exact(&mut header).map_err(cut)?;
    ensure!(
        !header.starts_with(b"MATLAB 7.3"),
        "it is a MATLAB file of version 7.3 (HDF5), and version 5 is needed: save it with -v7"
    );
    ensure!(!header.ends_with(b"MI"), "it is a big-endian MATLAB file, and a little-endian one is needed");
    ensure!(header.ends_with(&[0, 1, b'I', b'M']), "it is no MATLAB file of version 5");
    Ok(())
}

/// Type and length of the element that begins here; None at the end of the file.
fn tag(from: &mut impl Read) -> Result<Option<(u32, u64)>> {
    let mut bytes = Vec::with_capacity(8);
    from.by_ref().take(8).read_to_end(&mut bytes).map_err(cut)?;
    let tag = bytes.try_into().map(words);
    match tag {
        Ok([kind, n_bytes]) => Ok(Some((kind, n_bytes.into()))),
        Err(rest) if rest.is_empty() => Ok(None),
        Err(_) => Err(cut(io::ErrorKind::UnexpectedEof.into())),
    }
}

fn words(bytes: [u8; 8]) -> [u32; 2] {
    let word = |at: usize| u32::from_le_bytes([bytes[at], bytes[at + 1], bytes[at + 2], bytes[at + 3]]);
    [word(0), word(4)]
}

/// The head of an array's element, and its numbers if they are real.
fn matrix(element: &mut impl Read, see: &mut dyn FnMut(Array) -> Result<()>) -> Result<()> {
    let flags = Part::begin(element, "flags", UINT32, 8)?.whole(element)?;
    let [flags, _] = words(flags.try_into().map_err(|_| anyhow!("an array has flags of another length than 8"))?);
    if !NUMERIC.contains(&(flags & 0xff)) || flags & COMPLEX != 0 {
        return Ok(());
    }
    let sides = Part::begin(element, "dimensions", INT32, 4 * MOST_DIMENSIONS)?.whole(element)?;
    let side = |bytes: &[u8]| u64::try_from(i32::from_le_bytes(bytes.try_into().ok()?)).ok();
    let sides: Option<Vec<u64>> = sides.chunks(4).map(side).collect();
    let sides = sides.context("an array has impossible dimensions")?;
    let name = Part::begin(element, "name", INT8, MOST_LETTERS)?.whole(element)?;
    let name = String::from_utf8_lossy(&name).into_owned();
    let part = Part::new(element)?;
    let mut inside = &part.inside.unwrap_or_default()[..];
    let numbers: &mut dyn Read = if part.inside.is_some() { &mut inside } else { element };
    see(Array { name, sides, stored: part.kind, numbers: numbers.take(part.n_bytes) })
}

/// A part of an array, whose tag has been read.
struct Part {
    kind: u32,
    n_bytes: u64,
    /// Its bytes, where they are few and stand in the tag.
    inside: Option<[u8; 4]>,
}

impl Part {
    fn new(from: &mut impl Read) -> Result<Self> {
        let mut bytes = [0; 8];
        from.read_exact(&mut bytes).map_err(cut)?;
        let [kind, n_bytes] = words(bytes);
        if kind >> 16 == 0 {
            return Ok(Self { kind, n_bytes: n_bytes.into(), inside: None });
        }
        let n_bytes = kind >> 16;
        ensure!(n_bytes <= 4, "an array has a short part of {n_bytes} bytes, which has room for 4");
        Ok(Self {
            kind: kind & 0xffff,
            n_bytes: n_bytes.into(),
            inside: Some([bytes[4], bytes[5], bytes[6], bytes[7]]),
        })
    }

    /// One of this kind and of at most so many bytes.
    fn begin(from: &mut impl Read, what: &str, kind: u32, most: u64) -> Result<Self> {
        let part = Self::new(from)?;
        ensure!(
            part.kind == kind && part.n_bytes <= most,
            "an array has {what} of type {} and {} bytes, where type {kind} and at most {most} are possible",
            part.kind,
            part.n_bytes,
        );
        Ok(part)
    }

    /// All its bytes, and past its padding to 8.
    fn whole(self, from: &mut impl Read) -> Result<Vec<u8>> {
        let n = self.n_bytes as usize;
        if let Some(inside) = self.inside {
            return Ok(inside[..n].to_vec());
        }
        let mut bytes = vec![0; n.next_multiple_of(8)];
        from.read_exact(&mut bytes).map_err(cut)?;
        bytes.truncate(n);
        Ok(bytes)
    }
}

/// Passes over the rest of an element, which must be there.
fn skip(element: &mut Take<impl Read>) -> Result<()> {
    copy(element, &mut sink()).map_err(cut)?;
    ensure!(element.limit() == 0, "it ends in the middle of an element");
    Ok(())
}

/// What it means when bytes cannot be read.
pub(super) fn cut(error: io::Error) -> anyhow::Error {
    match error.kind() {
        io::ErrorKind::UnexpectedEof => anyhow!("it ends in the middle of an element"),
        io::ErrorKind::InvalidInput | io::ErrorKind::InvalidData => anyhow!("its compressed data are damaged"),
        _ => error.into(),
    }
}
