//! The file of a [`Row`] a line on disk: how answers are added, and how those that others add are seen.
//!
//! Rows are added under a lock, in one write, and are on disk before anybody is told that they are. What is left of a line
//! after a power cut was never told to be there: it is cut off before the next row is added, so that it takes nothing in.

use std::fs::{File, OpenOptions};
use std::io::{Read as _, Seek as _, SeekFrom, Write as _};
use std::path::{Path, PathBuf};

use anyhow::{Context as _, Result, bail, ensure};

use super::{COLUMNS, Columns, Parsed, Row, head_of, parse, written};
use crate::base::files;
use crate::base::text::Shown as _;

/// More than any file of answers has.
const MAX_BYTES: u64 = 1 << 30;

/// What is left of a line that was not written to its end.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Torn {
    /// Its number, from 1.
    pub line: u64,
    /// What is there of it.
    pub text: String,
}

impl std::fmt::Display for Torn {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let text = crate::base::text::fit(&self.text, 60);
        write!(f, "line {} was not written to its end and does not count: {text}", self.line)
    }
}

/// What is new in the file.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct News {
    /// Its rows.
    pub rows: Vec<Row>,
    /// Whether these are all: the file is another one, or was cut, and what was read before is gone.
    pub is_anew: bool,
    /// Its last line, if that is torn.
    pub torn: Option<Torn>,
}

impl News {
    /// Whether nothing is new.
    pub fn is_empty(&self) -> bool {
        self.rows.is_empty() && !self.is_anew
    }
}

/// A file of answers, as far as it was read.
#[derive(Debug)]
pub struct Log {
    path: PathBuf,
    columns: Option<Columns>,
    /// Bytes and lines that were read.
    n_bytes: u64,
    n_lines: u64,
    /// CRC-32 of these bytes: an editor may have changed some of them.
    checksum: u32,
}

impl Log {
    /// The file of this path, which need not be there yet. Nothing is read or written.
    pub fn at(path: &Path) -> Self {
        Self { path: path.to_owned(), columns: None, n_bytes: 0, n_lines: 0, checksum: 0 }
    }

    /// Reads what was added since the last time. A line that somebody is just writing is left for the next time.
    ///
    /// # Errors
    /// If it cannot be read, or a line is not understood.
    pub fn read(&mut self) -> Result<News> {
        match files::open(&self.path) {
            Ok(mut file) => self.read_from(&mut file),
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => {
                let is_anew = self.n_bytes > 0;
                (self.columns, self.n_bytes, self.n_lines) = (None, 0, 0);
                Ok(News { is_anew, ..News::default() })
            }
            Err(error) => Err(error).with_context(|| format!("cannot read {}", self.path.shown())),
        }
    }

    fn read_from(&mut self, file: &mut File) -> Result<News> {
        let name = self.path.shown();
        let failed = || format!("cannot read {name}");
        let length = file.metadata().with_context(failed)?.len();
        ensure!(length <= MAX_BYTES, "{name} is too long: {length} bytes");
        let mut all = Vec::new();
        file.seek(SeekFrom::Start(0)).with_context(failed)?;
        file.take(length).read_to_end(&mut all).with_context(failed)?;
        let known = all.get(..self.n_bytes as usize);
        let is_anew = known.is_none_or(|known| crc32fast::hash(known) != self.checksum);
        if is_anew {
            (self.columns, self.n_bytes, self.n_lines) = (None, 0, 0);
        }
        let mut bytes = &all[self.n_bytes as usize..];
        if self.columns.is_none() {
            let Some((columns, start)) = head_of(bytes)? else {
                // a head that was torn is written anew
                let is_torn = written(&[], true)?.starts_with(bytes);
                ensure!(is_torn, "{name} is no file of answers: its first line is not {}", COLUMNS.join(","));
                return Ok(News { is_anew, ..News::default() });
            };
            (self.columns, self.n_bytes, self.n_lines) = (Some(columns), start as u64, 1);
            bytes = &bytes[start..];
        }
        let columns = self.columns.as_ref().expect("read");
        let Parsed { rows, n_bytes, n_lines, torn } =
            parse(bytes, columns, self.n_lines + 1).with_context(|| name.to_string())?;
        self.n_bytes += n_bytes as u64;
        self.n_lines += n_lines;
        self.checksum = crc32fast::hash(&all[..self.n_bytes as usize]);
        Ok(News { rows, is_anew, torn })
    }

    /// Adds rows; returns what is new, these and those that others added. They are on disk then, or none of them is there.
    ///
    /// # Errors
    /// If the file has other columns, cannot be read, or there is no room.
    pub fn append(&mut self, rows: &[Row]) -> Result<News> {
        let name = self.path.shown();
        let is_new = !self.path.exists();
        let options = OpenOptions::new().read(true).append(true).create(true).clone();
        let mut file = files::open_as(&self.path, &options).with_context(|| format!("cannot write {name}"))?;
        match file.lock() {
            // a file system without locks still adds what is written at once behind all that is there
            Err(error) if error.kind() == std::io::ErrorKind::Unsupported => {}
            locked => locked.with_context(|| format!("cannot lock {name}"))?,
        }
        let before = self.read_from(&mut file)?;
        if self.columns.as_ref().is_some_and(|columns| !columns.are_ours()) {
            let columns = COLUMNS.join(",");
            bail!("{name} has other columns than {columns}: it is no file of answers; name another one with -o");
        }
        let bytes = written(rows, self.columns.is_none())?;
        let end = self.n_bytes;
        let added = (|| {
            let length = file.metadata()?.len();
            if length > end {
                file.set_len(end)?; // the beginning of a line that was never told to be there
            }
            if length == end && end > 0 && !ends_line(&mut file, end)? {
                file.write_all(&[b"\n", &bytes[..]].concat())?;
            } else {
                file.write_all(&bytes)?;
            }
            file.sync_data()
        })();
        if let Err(error) = added {
            let _ = file.set_len(end); // nothing of them was told to be there
            let _ = file.sync_data();
            return Err(error).with_context(|| format!("cannot write {name}"));
        }
        if is_new && let Some(folder) = self.path.parent() {
            let folder = if folder.as_os_str().is_empty() { Path::new(".") } else { folder };
            let _ = File::open(folder).and_then(|folder| folder.sync_all()); // not every file system can
        }
        let added = self.read_from(&mut file)?;
        Ok(News { rows: [before.rows, added.rows].concat(), is_anew: before.is_anew, torn: before.torn })
    }
}

/// Whether the byte before `end` is a line's end.
fn ends_line(file: &mut File, end: u64) -> std::io::Result<bool> {
    let mut last = [0];
    file.seek(SeekFrom::Start(end - 1))?;
    file.read_exact(&mut last)?;
    Ok(last == *b"\n")
}
