//! What the command and the worker say to each other while they predict: the classifier's file, then images, as bytes
//! with their length before them; and an [`Answer`] for each image, as a line of JSON, in the same order.

use std::ffi::OsString;
use std::io::{self, ErrorKind, Read, Write};
use std::os::unix::ffi::{OsStrExt as _, OsStringExt as _};
use std::path::PathBuf;

use serde::{Deserialize, Serialize};

/// Images to be told.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Question {
    /// A file.
    File(PathBuf),
    /// The bytes of any number of images of the classifier's size, N×H×W×C.
    Pixels(Vec<u8>),
}

/// What became of an image.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Answer {
    /// It was told.
    Told(Told),
    /// It was passed over, for this reason.
    PassedOver(String),
}

/// What the network says of an image.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Told {
    /// The likeliest classes with their probabilities, the likeliest first.
    pub top: Vec<(usize, f32)>,
    /// Whether the image had another size and was stretched.
    pub is_stretched: bool,
    /// Whether it was in colour and was turned gray.
    pub is_grayed: bool,
}

const FILE: u8 = b'f';
const PIXELS: u8 = b'p';

/// Writes bytes with their length before them.
pub fn write_bytes(out: &mut impl Write, bytes: &[u8]) -> io::Result<()> {
    out.write_all(&(bytes.len() as u64).to_le_bytes())?;
    out.write_all(bytes)
}

/// Reads what [`write_bytes`] wrote.
pub fn read_bytes(from: &mut impl Read) -> io::Result<Vec<u8>> {
    let mut length = [0; 8];
    from.read_exact(&mut length)?;
    let length = u64::from_le_bytes(length);
    let mut bytes = Vec::with_capacity(length.min(1 << 21) as usize);
    from.take(length).read_to_end(&mut bytes)?;
    if bytes.len() as u64 == length { Ok(bytes) } else { Err(ErrorKind::UnexpectedEof.into()) }
}

impl Question {
    /// Writes it.
    pub fn write(&self, out: &mut impl Write) -> io::Result<()> {
        let (kind, bytes) = match self {
            Self::File(path) => (FILE, path.as_os_str().as_bytes()),
            Self::Pixels(pixels) => (PIXELS, &pixels[..]),
        };
        out.write_all(&[kind])?;
        write_bytes(out, bytes)
    }

    /// Reads the next one; None after the last.
    pub fn read(from: &mut impl Read) -> io::Result<Option<Self>> {
        let mut kind = [0];
        if from.read(&mut kind)? == 0 {
            return Ok(None);
        }
        let bytes = read_bytes(from)?;
        match kind[0] {
            FILE => Ok(Some(Self::File(OsString::from_vec(bytes).into()))),
            PIXELS => Ok(Some(Self::Pixels(bytes))),
            kind => Err(io::Error::new(ErrorKind::InvalidData, format!("no question begins with {kind}"))),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn questions_are_read_as_they_were_written_whatever_a_name_holds() {
        let name = OsString::from_vec(b"a\n\0\xff b".to_vec());
        let questions = [Question::File(name.into()), Question::Pixels(vec![0, 10, 255]), Question::Pixels(vec![])];
        let mut bytes = Vec::new();
        for question in &questions {
            question.write(&mut bytes).expect("written");
        }
        let mut rest = &bytes[..];
        let read: Vec<_> = std::iter::from_fn(|| Question::read(&mut rest).expect("reads")).collect();
        assert_eq!(read, questions);
        let mut cut = &bytes[..bytes.len() - 12];
        assert!((0..3).any(|_| Question::read(&mut cut).is_err()));
    }
}
