//! `insight.bin`: records behind each other, appended by one worker, read at places that the event log names.

use std::fs::{File, OpenOptions};
use std::io::{ErrorKind, Read as _, Seek as _, SeekFrom, Write as _};
use std::path::{Path, PathBuf};

use anyhow::{Context, Result};

use super::{Pointer, Record, format};
use crate::base::files;

/// Far more than any record has.
const MAX_RECORD: u64 = 1 << 28;

/// The one writer of a run's records.
#[derive(Debug)]
pub struct InsightFile {
    file: File,
    path: PathBuf,
    n_bytes: u64,
    /// Whether half of a record may follow, since it could not be written in full.
    is_torn: bool,
}

impl InsightFile {
    /// Opens the file for appending behind the records that the log still names, and cuts off what follows: a torn
    /// tail, or records of steps that a resumed run takes again.
    pub fn open(path: &Path, named: &[Pointer]) -> Result<Self> {
        let open = || -> std::io::Result<(File, u64)> {
            let file = files::open_as(path, OpenOptions::new().read(true).append(true).create(true))?;
            let end = named.iter().map(|it| it.offset.saturating_add(it.n_bytes)).max().unwrap_or(0);
            let n_bytes = file.metadata()?.len();
            if n_bytes > end {
                file.set_len(end)?;
            }
            Ok((file, n_bytes.min(end)))
        };
        let (file, n_bytes) = open().with_context(|| format!("cannot open {}", path.display()))?;
        Ok(Self { file, path: path.to_owned(), n_bytes, is_torn: false })
    }

    /// Appends a record and says where it is. All of it or, after an error, nothing, so that it can be tried again.
    pub fn append(&mut self, record: &Record) -> Result<Pointer> {
        let bytes = format::encode(record);
        self.append_bytes(&bytes).with_context(|| format!("cannot write to {}", self.path.display()))?;
        let (offset, n_bytes) = (self.n_bytes, bytes.len() as u64);
        self.n_bytes += n_bytes;
        Ok(Pointer { step: record.step(), record: record.kind(), offset, n_bytes })
    }

    fn append_bytes(&mut self, bytes: &[u8]) -> std::io::Result<()> {
        if self.is_torn {
            self.file.set_len(self.n_bytes)?;
            self.is_torn = false;
        }
        let written = self.file.write_all(bytes);
        self.is_torn = written.is_err() && self.file.set_len(self.n_bytes).is_err();
        written
    }

    /// Returns when all that was appended would survive a loss of power.
    pub fn sync(&self) -> Result<()> {
        self.file.sync_data().with_context(|| format!("cannot sync {}", self.path.display()))
    }
}

/// A reader of a run's records.
#[derive(Debug)]
pub struct InsightReader {
    file: Option<File>,
    path: PathBuf,
}

impl InsightReader {
    /// Opens the file; one that is not there has no records.
    pub fn open(path: &Path) -> Result<Self> {
        let file = match files::open(path) {
            Ok(file) => Some(file),
            Err(error) if error.kind() == ErrorKind::NotFound => None,
            Err(error) => return Err(error).with_context(|| format!("cannot read {}", path.display())),
        };
        Ok(Self { file, path: path.to_owned() })
    }

    /// Reads the record that an event names.
    pub fn read(&mut self, pointer: &Pointer) -> Result<Record> {
        let mut read = || -> Result<Record> {
            let file = self.file.as_mut().context("there is no such file")?;
            let end = pointer.offset.saturating_add(pointer.n_bytes);
            anyhow::ensure!(end <= file.metadata()?.len(), "the file ends before it");
            anyhow::ensure!(pointer.n_bytes <= MAX_RECORD, "no record is of {} bytes", pointer.n_bytes);
            file.seek(SeekFrom::Start(pointer.offset))?;
            let mut bytes = vec![0; pointer.n_bytes as usize];
            file.read_exact(&mut bytes)?;
            let record = format::decode(&bytes)?;
            anyhow::ensure!(
                (record.step(), record.kind()) == (pointer.step, pointer.record),
                "another record is in its place"
            );
            Ok(record)
        };
        read().with_context(|| format!("{}, record of step {}", self.path.display(), pointer.step))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::run::insight::{Histogram, Panel};

    fn record(step: u64) -> Record {
        Record::Histogram(Histogram { step, ..Histogram::default() })
    }

    #[test]
    fn what_was_appended_is_read_by_its_place() {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let path = folder.path().join("insight.bin");
        let mut file = InsightFile::open(&path, &[]).expect("opens");
        let panel = Record::Panel(Panel { step: 9, ..Panel::default() });
        let (one, two) = (file.append(&record(1)).expect("appended"), file.append(&panel).expect("appended"));
        let mut reader = InsightReader::open(&path).expect("opens");
        assert_eq!(reader.read(&two).expect("reads"), panel);
        assert_eq!(reader.read(&one).expect("reads"), record(1));
        let error = reader.read(&Pointer { step: 2, ..one }).expect_err("another step");
        assert!(format!("{error:#}").contains("insight.bin, record of step 2: another record"), "{error:#}");
    }

    #[test]
    fn what_the_log_does_not_name_is_cut_off() {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let path = folder.path().join("insight.bin");
        let mut file = InsightFile::open(&path, &[]).expect("opens");
        let kept = file.append(&record(1)).expect("appended");
        file.append(&record(2)).expect("appended");
        file.file.write_all(b"half a rec").expect("written");
        let mut file = InsightFile::open(&path, &[kept]).expect("opens");
        let again = file.append(&record(2)).expect("appended");
        assert_eq!(again.offset, kept.n_bytes);
        assert_eq!(std::fs::metadata(&path).expect("there").len(), again.offset + again.n_bytes);
        let mut reader = InsightReader::open(&path).expect("opens");
        assert_eq!(reader.read(&again).expect("reads"), record(2));
        assert_eq!(reader.read(&kept).expect("reads"), record(1));
    }

    #[test]
    fn a_file_that_lost_records_is_told_by_the_ones_that_are_missing() {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let path = folder.path().join("insight.bin");
        let gone = Pointer { step: 5, record: crate::run::insight::Kind::Panel, offset: 100, n_bytes: 20 };
        let mut file = InsightFile::open(&path, &[gone]).expect("opens");
        let next = file.append(&record(6)).expect("appended");
        let mut reader = InsightReader::open(&path).expect("opens");
        assert!(reader.read(&gone).is_err());
        assert_eq!(reader.read(&next).expect("reads"), record(6));
        assert!(InsightReader::open(&folder.path().join("none")).expect("opens").read(&gone).is_err());
    }
}
