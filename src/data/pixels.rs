//! The pixels of many images: in memory, or of a file that is mapped into it and read as it is needed.

use std::fmt;
use std::fs::File;
use std::io;
use std::ops::{Deref, Range};
use std::sync::Arc;

use memmap2::Mmap;

/// Bytes, image after image.
#[derive(Clone)]
pub enum Pixels {
    /// In memory.
    Held(Vec<u8>),
    /// A part of a file.
    Mapped(Arc<Mmap>, Range<usize>),
}

impl Pixels {
    /// A part of a file, mapped. Whoever calls this makes sure that the file is replaced and removed, but never cut or written to.
    ///
    /// # Errors
    /// If the system cannot map it.
    pub fn map(file: &File, range: Range<usize>) -> io::Result<Self> {
        // SAFETY: a file that others cut while it is mapped would end this process; files of the cache are written aside,
        // renamed and removed, and never changed in place.
        let map = unsafe { Mmap::map(file)? };
        Ok(Self::Mapped(Arc::new(map), range))
    }

    /// Takes the bytes from `at` on away, and returns them.
    #[must_use]
    pub fn split_off(&mut self, at: usize) -> Self {
        match self {
            Self::Held(bytes) => Self::Held(bytes.split_off(at)),
            Self::Mapped(map, range) => {
                let middle = range.start + at;
                let rest = Self::Mapped(Arc::clone(map), middle..range.end);
                range.end = middle;
                rest
            }
        }
    }

    /// These and behind them others: without a copy if both are mapped and neighbours.
    #[must_use]
    pub fn followed_by(self, others: Self) -> Self {
        match (self, others) {
            (Self::Mapped(map, one), Self::Mapped(same, other))
                if Arc::ptr_eq(&map, &same) && one.end == other.start =>
            {
                Self::Mapped(map, one.start..other.end)
            }
            (Self::Held(mut bytes), others) => {
                bytes.extend_from_slice(&others);
                Self::Held(bytes)
            }
            (mapped, others) => Self::Held([&*mapped, &*others].concat()),
        }
    }

    /// Whether they are read from a file as they are needed.
    pub fn are_mapped(&self) -> bool {
        matches!(self, Self::Mapped(..))
    }
}

impl Deref for Pixels {
    type Target = [u8];

    fn deref(&self) -> &[u8] {
        match self {
            Self::Held(bytes) => bytes,
            Self::Mapped(map, range) => &map[range.clone()],
        }
    }
}

impl From<Vec<u8>> for Pixels {
    fn from(bytes: Vec<u8>) -> Self {
        Self::Held(bytes)
    }
}

impl FromIterator<u8> for Pixels {
    fn from_iter<I: IntoIterator<Item = u8>>(bytes: I) -> Self {
        Self::Held(bytes.into_iter().collect())
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parts_of_a_mapped_file_are_put_together_without_a_copy() {
        let path = tempfile::NamedTempFile::new().expect("a temporary file");
        std::fs::write(path.path(), [0, 1, 2, 3, 4, 5]).expect("written");
        let mut one = Pixels::map(&File::open(path.path()).expect("opens"), 1..6).expect("maps");
        let other = one.split_off(2);
        assert_eq!((&*one, &*other), (&[1, 2][..], &[3, 4, 5][..]));
        let both = one.clone().followed_by(other.clone());
        assert_eq!((&*both, both.are_mapped()), (&[1, 2, 3, 4, 5][..], true));
        let turned = other.followed_by(one);
        assert_eq!((&*turned, turned.are_mapped()), (&[3, 4, 5, 1, 2][..], false));
        let held = Pixels::from(vec![7]).followed_by(both);
        assert_eq!(held, Pixels::from(vec![7, 1, 2, 3, 4, 5]));
    }
}
