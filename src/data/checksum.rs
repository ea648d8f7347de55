//! Checksums of whole files, of the kinds in which those of data sets were published.

use std::fmt;
use std::io::Read as _;
use std::path::Path;

use anyhow::{Context as _, Result};
use md5::Md5;
use sha1::Sha1;
use sha2::{Digest, Sha256};

use crate::base::files;
use crate::base::hex::hex;

/// A published checksum, in hex. MD5 and SHA-1 tell damage, not malice; whatever is downloaded has a SHA-256 too.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Checksum {
    /// SHA-256.
    Sha256(&'static str),
    /// SHA-1.
    Sha1(&'static str),
    /// MD5.
    Md5(&'static str),
}

impl Checksum {
    /// Its digits.
    pub fn digits(self) -> &'static str {
        match self {
            Self::Sha256(digits) | Self::Sha1(digits) | Self::Md5(digits) => digits,
        }
    }

    /// The same of a file.
    ///
    /// # Errors
    /// If it cannot be read.
    pub fn of_file(self, path: &Path) -> Result<String> {
        match self {
            Self::Sha256(_) => of_file::<Sha256>(path),
            Self::Sha1(_) => of_file::<Sha1>(path),
            Self::Md5(_) => of_file::<Md5>(path),
        }
    }

    /// Whether it is that of a file.
    ///
    /// # Errors
    /// If the file cannot be read.
    pub fn is_of(self, path: &Path) -> Result<bool> {
        Ok(self.of_file(path)? == self.digits())
    }
}

impl fmt::Display for Checksum {
    /// Its kind.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Sha256(_) => "SHA-256",
            Self::Sha1(_) => "SHA-1",
            Self::Md5(_) => "MD5",
        })
    }
}

/// SHA-256 of a file, in hex.
///
/// # Errors
/// If it cannot be read.
pub fn sha256_of(path: &Path) -> Result<String> {
    of_file::<Sha256>(path)
}

fn of_file<D: Digest>(path: &Path) -> Result<String> {
    let problem = || format!("cannot read {}", path.display());
    let mut file = files::open(path).with_context(problem)?;
    let mut hash = D::new();
    let mut buffer = vec![0; 1 << 16];
    loop {
        let n = file.read(&mut buffer).with_context(problem)?;
        if n == 0 {
            return Ok(hex(&hash.finalize()));
        }
        hash.update(&buffer[..n]);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// By `sha256sum`, `sha1sum` and `md5sum`.
    #[test]
    fn each_kind_is_computed_as_its_program_does() {
        let path = tempfile::NamedTempFile::new().expect("a temporary file");
        std::fs::write(path.path(), "fixmatch\n").expect("written");
        let is_right = |checksum: Checksum| checksum.is_of(path.path()).expect("readable");
        let right = [
            Checksum::Sha256("9b402e8169516b171e65b2fdd6b33edd9b954558df8fbe5f7b4556e52028a38a"),
            Checksum::Sha1("49edd60e1b7f1984194afa8c8f17ea8bb0b9f389"),
            Checksum::Md5("d8d03ff2c329ee2184963d86b310a02d"),
        ];
        assert!(right.into_iter().all(is_right));
        assert!(!is_right(Checksum::Md5("49edd60e1b7f1984194afa8c8f17ea8bb0b9f389")));
    }
}
