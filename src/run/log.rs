//! `events.jsonl`: appended by one worker, followed by any number of readers.
//!
//! A reader takes whole lines only, so it never sees half an event; a line that a crash tore is skipped.

use std::borrow::Cow;
use std::fs::{File, OpenOptions};
use std::io::{self, Read as _, Seek as _, SeekFrom, Write as _};
use std::path::{Path, PathBuf};

use anyhow::{Context, Result};
use serde::Deserialize;

use crate::base::files;
use crate::run::event::{Event, Record};

/// The one writer of a run's log.
#[derive(Debug)]
pub struct EventLog {
    file: File,
    path: PathBuf,
    /// Where a line begins that did not get onto the disk in full, if that could not be taken back at once.
    torn_at: Option<u64>,
    /// Whether a crash left its last line without an end, which the next line brings.
    is_open_ended: bool,
}

impl EventLog {
    /// Opens the log for appending. A line that a crash left torn ends where the next one begins.
    pub fn open(path: &Path) -> Result<Self> {
        let open = || -> io::Result<(File, bool)> {
            let mut file = files::open_as(path, OpenOptions::new().read(true).append(true).create(true))?;
            let is_open_ended = !ends_with_newline(&mut file)?;
            Ok((file, is_open_ended))
        };
        let (file, is_open_ended) = open().with_context(|| format!("cannot open {}", path.display()))?;
        Ok(Self { file, path: path.to_owned(), torn_at: None, is_open_ended })
    }

    /// Appends one event, stamped with the time.
    pub fn append(&mut self, event: Event) -> Result<Record> {
        let record = Record::now(event);
        self.append_record(&record)?;
        Ok(record)
    }

    /// Appends an event with its time. All of it or, after an error, nothing, so that it can be tried again.
    pub fn append_record(&mut self, record: &Record) -> Result<()> {
        let mut line = if self.is_open_ended { vec![b'\n'] } else { Vec::new() };
        serde_json::to_writer(&mut line, record).expect("an event has only JSON's types");
        line.push(b'\n');
        self.append_line(&line).with_context(|| format!("cannot write to {}", self.path.display()))?;
        self.is_open_ended = false;
        Ok(())
    }

    fn append_line(&mut self, line: &[u8]) -> io::Result<()> {
        if let Some(torn_at) = self.torn_at {
            self.file.set_len(torn_at)?;
            self.torn_at = None;
        }
        let before = self.file.metadata()?.len();
        let written = self.file.write_all(line);
        if written.is_err() {
            self.torn_at = self.file.set_len(before).is_err().then_some(before);
        }
        written
    }

    /// Its length in bytes.
    pub fn n_bytes(&self) -> Result<u64> {
        Ok(self.file.metadata().with_context(|| format!("cannot read {}", self.path.display()))?.len())
    }

    /// Returns when all that was appended would survive a loss of power.
    pub fn sync(&self) -> Result<()> {
        self.file.sync_data().with_context(|| format!("cannot sync {}", self.path.display()))
    }
}

fn ends_with_newline(file: &mut File) -> io::Result<bool> {
    if file.seek(SeekFrom::End(0))? == 0 {
        return Ok(true);
    }
    file.seek(SeekFrom::End(-1))?;
    let mut last = [0];
    file.read_exact(&mut last)?;
    Ok(last == [b'\n'])
}

/// A reader that remembers how far it has read.
#[derive(Debug)]
pub struct Follower {
    path: PathBuf,
    offset: u64,
}

impl Follower {
    /// Starts at the beginning. The log need not exist yet.
    pub fn new(path: PathBuf) -> Self {
        Self { path, offset: 0 }
    }

    /// The events that were appended since the last call.
    pub fn read_new(&mut self) -> Result<Vec<Record>> {
        let text = self.read_whole_lines()?;
        Ok(text.split(|&byte| byte == b'\n').filter_map(parse).collect())
    }

    /// The whole lines that were appended since the last call, as they are.
    pub fn read_new_lines(&mut self) -> Result<Vec<String>> {
        Ok(String::from_utf8_lossy(&self.read_whole_lines()?).lines().map(str::to_owned).collect())
    }

    fn read_whole_lines(&mut self) -> Result<Vec<u8>> {
        let mut text = match self.read_rest() {
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
            text => text.with_context(|| format!("cannot read {}", self.path.display()))?,
        };
        text.truncate(text.iter().rposition(|&byte| byte == b'\n').map_or(0, |newline| newline + 1));
        self.offset += text.len() as u64;
        Ok(text)
    }

    /// The bytes that were read.
    pub fn n_bytes(&self) -> u64 {
        self.offset
    }

    fn read_rest(&self) -> io::Result<Vec<u8>> {
        let mut file = files::open(&self.path)?;
        file.seek(SeekFrom::Start(self.offset))?;
        let mut text = Vec::new();
        file.read_to_end(&mut text)?;
        Ok(text)
    }
}

/// When an event was written, and its kind.
#[derive(Debug, PartialEq, Deserialize)]
struct Head<'a> {
    time: f64,
    #[serde(borrow)]
    event: Cow<'a, str>,
}

impl<'a> Head<'a> {
    /// The head of a line as [`EventLog`] writes it, without a look at the rest.
    fn as_written(line: &'a [u8]) -> Option<Self> {
        let line = line.strip_prefix(br#"{"time":"#)?;
        let (time, line) = line.split_at(line.iter().position(|&byte| byte == b',')?);
        let line = line.strip_prefix(br#","event":""#)?;
        let event = &line[..line.iter().position(|&byte| byte == b'"')?];
        let [time, event] = [time, event].map(|it| std::str::from_utf8(it).ok());
        Some(Self { time: time?.parse().ok()?, event: Cow::Borrowed(event?) })
    }
}

/// An event of a log, if the line is one.
///
/// Nearly all lines are points of the curves. Their kind is found first and the rest read straight into place, which
/// takes a fraction of the time of the general way, where every field is kept aside until the kind is known.
fn parse(line: &[u8]) -> Option<Record> {
    let Head { time, event } = Head::as_written(line).or_else(|| serde_json::from_slice(line).ok())?;
    let event = match &*event {
        "progress" => Event::Progress(serde_json::from_slice(line).ok()?),
        "evaluated" => Event::Evaluated(serde_json::from_slice(line).ok()?),
        "insight" => Event::Insight(serde_json::from_slice(line).ok()?),
        _ => serde_json::from_slice::<Record>(line).ok()?.event,
    };
    Some(Record { time, event })
}

/// Every event of a log.
pub fn read_all(path: &Path) -> Result<Vec<Record>> {
    Follower::new(path.to_owned()).read_new()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn steps(records: &[Record]) -> Vec<u64> {
        records
            .iter()
            .map(|record| match record.event {
                Event::Paused { step } => step,
                _ => panic!("unexpected {record:?}"),
            })
            .collect()
    }

    #[test]
    fn a_follower_reads_each_whole_line_once() {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let path = folder.path().join("events.jsonl");
        let mut follower = Follower::new(path.clone());
        assert!(follower.read_new().expect("no log yet").is_empty());
        let mut log = EventLog::open(&path).expect("opens");
        log.append(Event::Paused { step: 1 }).expect("appended");
        log.file.write_all(br#"{"time":0,"event":"pau"#).expect("half a line");
        assert_eq!(steps(&follower.read_new().expect("reads")), [1]);
        assert!(follower.read_new().expect("reads").is_empty());
        log.file.write_all(b"sed\",\"step\":2}\n").expect("the other half");
        assert_eq!(steps(&follower.read_new().expect("reads")), [2]);
    }

    #[test]
    fn every_kind_of_event_survives_the_log() {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let path = folder.path().join("events.jsonl");
        let mut log = EventLog::open(&path).expect("opens");
        let events = [
            Event::Progress(crate::run::event::Progress { step: 3, mask_ratio: Some(0.5), ..Default::default() }),
            Event::Warning { message: "a \"quoted\" word".into() },
            Event::Applied {
                id: "1".into(),
                step: 2,
                change: Some(crate::run::change::Change::Steps(9)),
                undoes: None,
                cancels: Vec::new(),
            },
        ];
        let written = events.map(|event| log.append(event).expect("appended"));
        assert_eq!(read_all(&path).expect("reads"), written);
    }

    #[test]
    fn the_head_of_a_line_is_what_its_json_says() {
        let read = |line: &str| parse(line.as_bytes()).map(|record| (record.time, record.event));
        let cases = [
            (r#"{"time":1.25,"event":"paused","step":7}"#, Some((1.25, Event::Paused { step: 7 }))),
            (r#"{"event":"paused","step":7,"time":1.25}"#, Some((1.25, Event::Paused { step: 7 }))),
            (r#" { "time" : 1.25 , "event" : "paused", "step" : 7 } "#, Some((1.25, Event::Paused { step: 7 }))),
            (r#"{"time":1e3,"event":"paus\u0065d","step":7}"#, Some((1000.0, Event::Paused { step: 7 }))),
            (r#"{"time":1.25,"event":"teleported"}"#, Some((1.25, Event::Unknown))),
            (r#"{"time":1.25,"event":"paused","step":7"#, None),
            (r#"{"time":1.25,"event":"progress","step":7}"#, None),
            (r#"{"time":,"event":"paused","step":7}"#, None),
        ];
        for (line, expected) in cases {
            assert_eq!(read(line), expected, "{line}");
        }
        let head = Head::as_written(br#"{"time":1795456800.123,"event":"insight","step":7}"#);
        assert_eq!(head, Some(Head { time: 1_795_456_800.123, event: "insight".into() }));
    }

    #[test]
    fn a_torn_last_line_is_ended_and_skipped() {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let path = folder.path().join("events.jsonl");
        std::fs::write(&path, "{\"time\":0,\"event\":\"paused\",\"step\":1}\n{\"time\":0,\"ev").expect("written");
        EventLog::open(&path).expect("opens").append(Event::Paused { step: 2 }).expect("appended");
        assert_eq!(steps(&read_all(&path).expect("reads")), [1, 2]);
    }
}
