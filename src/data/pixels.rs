//! The pixels of many images: in memory, or of a file that is mapped into it and read as it is needed.

use std::fmt;
use std::fs::File;
use std::io;
use std::ops::{Deref, Range};
use std::sync::Arc;

use memmap2::Mmap;

/// Bytes, image after image: a part of what is held, which other parts may share.
#[derive(Clone)]
pub struct Pixels {
    all: Arc<All>,
    part: Range<usize>,
}

/// What is held.
enum All {
    /// In memory.
    Held(Vec<u8>),
    /// A file.
    Mapped(Mmap),
}

impl Pixels {
    /// A part of a file, mapped. Whoever calls this makes sure that the file is replaced and removed, but never cut or written to.
    ///
    /// # Errors
    /// If the system cannot map it.
    pub fn map(file: &File, part: Range<usize>) -> io::Result<Self> {
        // SAFETY: a file that others cut while it is mapped would end this process; files of the cache are written aside,
        // renamed and removed, and never changed in place.
        let map = unsafe { Mmap::map(file)? };
        Ok(Self { all: Arc::new(All::Mapped(map)), part })
    }

    /// Takes the bytes from `at` on away, and returns them. Nothing is copied.
    #[must_use]
    pub fn split_off(&mut self, at: usize) -> Self {
        let middle = self.part.start + at;
        let rest = Self { all: Arc::clone(&self.all), part: middle..self.part.end };
        self.part.end = middle;
        rest
    }

    /// These and behind them others: without a copy if they are neighbours.
    #[must_use]
    pub fn followed_by(self, others: &Self) -> Self {
        if Arc::ptr_eq(&self.all, &others.all) && self.part.end == others.part.start {
            Self { part: self.part.start..others.part.end, ..self }
        } else {
            [&*self, &**others].concat().into()
        }
    }

    /// Whether they are read from a file as they are needed.
    pub fn are_mapped(&self) -> bool {
        matches!(*self.all, All::Mapped(_))
    }
}

impl Deref for Pixels {
    type Target = [u8];

    fn deref(&self) -> &[u8] {
        let all: &[u8] = match &*self.all {
            All::Held(bytes) => bytes,
            All::Mapped(map) => map,
        };
        &all[self.part.clone()]
    }
}

impl From<Vec<u8>> for Pixels {
    fn from(bytes: Vec<u8>) -> Self {
        let part = 0..bytes.len();
        Self { all: Arc::new(All::Held(bytes)), part }
    }
}

impl FromIterator<u8> for Pixels {
    fn from_iter<I: IntoIterator<Item = u8>>(bytes: I) -> Self {
        bytes.into_iter().collect::<Vec<_>>().into()
    }
}

impl PartialEq for Pixels {
    fn eq(&self, other: &Self) -> bool {
        **self == **other
    }
}

impl Eq for Pixels {}

impl fmt::Debug for Pixels {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        const MOST: usize = 64;
        write!(f, "{:?}", &self[..self.len().min(MOST)])
    }
}

/// Turns three planes of bytes, each column after column, into rows of RGB pixels.
pub fn rows_of_columns(planes: &[u8], side: usize, image: &mut [u8]) {
    for (at, pixel) in image.chunks_exact_mut(3).enumerate() {
        let (row, column) = (at / side, at % side);
        for (channel, byte) in pixel.iter_mut().enumerate() {
            *byte = planes[(channel * side + column) * side + row];
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn columns_of_planes_become_rows_of_pixels() {
        let mut image = [0; 12];
        rows_of_columns(&[1, 2, 3, 4, 10, 20, 30, 40, 100, 120, 130, 140], 2, &mut image);
        assert_eq!(image, [1, 10, 100, 3, 30, 130, 2, 20, 120, 4, 40, 140]);
    }

    #[test]
    fn neighbours_are_put_together_without_a_copy() {
        let path = tempfile::NamedTempFile::new().expect("a temporary file");
        std::fs::write(path.path(), [0, 1, 2, 3, 4, 5]).expect("written");
        let mapped = Pixels::map(&File::open(path.path()).expect("opens"), 1..6).expect("maps");
        for (mut one, are_mapped) in [(mapped, true), (Pixels::from(vec![1, 2, 3, 4, 5]), false)] {
            let start = one.as_ptr();
            let other = one.split_off(2);
            assert_eq!((&*one, &*other), (&[1, 2][..], &[3, 4, 5][..]));
            let both = one.clone().followed_by(&other);
            assert_eq!((&*both, both.are_mapped(), both.as_ptr()), (&[1, 2, 3, 4, 5][..], are_mapped, start));
            let turned = other.followed_by(&one);
            assert_eq!((&*turned, turned.are_mapped()), (&[3, 4, 5, 1, 2][..], false));
            assert_eq!(Pixels::from(vec![7]).followed_by(&both), Pixels::from(vec![7, 1, 2, 3, 4, 5]));
        }
    }
}
