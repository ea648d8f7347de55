//! `events.jsonl`: appended by one worker, followed by any number of readers.
//!
//! A reader takes whole lines only, so it never sees half an event; a line that a crash tore is skipped. Each line has a
//! seal (`chain`), and `events.seal` says which one is the last (`tail`). A reader passes over what is damaged, and
//! says so with a warning of its own among the events.

use std::borrow::Cow;
use std::fs::{self, File, OpenOptions};
use std::io::{self, Read as _, Seek as _, SeekFrom, Write as _};
use std::path::{Path, PathBuf};

use anyhow::{Context, Result};
use serde::Deserialize;

use crate::base::aside::replace_file;
use crate::base::files;
use crate::base::host::now;
use crate::run::event::{Event, Record};
use crate::run::history::History;

mod chain;
mod tail;

use self::chain::Chain;
pub use self::chain::Damage;
use self::tail::{Tail, TailFile};

/// The one writer of a run's log.
#[derive(Debug)]
pub struct EventLog {
    file: File,
    path: PathBuf,
    chain: Chain,
    tail: (Tail, TailFile),
    /// The changes that the log holds, which the tail sums up.
    history: History,
    /// What was found to be lost at its end: the first line that is appended says so, for nothing else will any more.
    lost: Option<String>,
    /// Where a line begins that did not get onto the disk in full, if that could not be taken back at once.
    torn_at: Option<u64>,
    /// A last line that a crash left without an end, which the next line brings.
    open_end: Option<Vec<u8>>,
}

impl EventLog {
    /// Opens the log for appending. A line that a crash left torn ends where the next one begins.
    pub fn open(path: &Path) -> Result<Self> {
        let expected = Tail::of(path);
        let open = || -> io::Result<(File, Vec<u8>)> {
            let mut file = files::open_as(path, OpenOptions::new().read(true).append(true).create(true))?;
            let mut text = Vec::new();
            file.read_to_end(&mut text)?;
            Ok((file, text))
        };
        let (file, text) = open().with_context(|| format!("cannot open {}", path.display()))?;
        let (whole, rest) = text.split_at(n_whole(&text));
        let mut chain = Chain::with_end(expected.as_ref().map(Tail::link));
        let lines = lines_of(whole);
        let mut history = History::default();
        for index in chain.read(&lines) {
            let is_change = |head: &Head| matches!(&*head.event, "accepted" | "applied" | "edited" | "refused");
            if head(lines[index]).is_none_or(|it| is_change(&it))
                && let Some(record) = parse(lines[index])
            {
                history.apply(&record);
            }
        }
        let is_lost = |it: &&Damage| matches!(it, Damage::Lost(_) | Damage::LostSome(..));
        let lost = chain.damage().iter().rev().find(is_lost).filter(|_| chain.ends_early()).map(|it| told(path, it));
        let sure = tail::is_sure(expected.as_ref(), chain.damage(), &history);
        let tail = Tail { line: 0, sum: 0, changes: history.digest(u64::MAX), sure };
        let tail = (tail, TailFile::of(path));
        let open_end = (!rest.is_empty()).then(|| rest.to_vec());
        Ok(Self { file, path: path.to_owned(), chain, tail, history, lost, torn_at: None, open_end })
    }

    /// Appends one event, stamped with the time.
    pub fn append(&mut self, event: Event) -> Result<Record> {
        let record = Record::now(event);
        self.append_record(&record)?;
        Ok(record)
    }

    /// Appends an event with its time. All of it or, after an error, nothing, so that it can be tried again.
    pub fn append_record(&mut self, record: &Record) -> Result<()> {
        if let Some(message) = self.lost.clone() {
            self.append_one(&Record { time: record.time, event: Event::warning(message) })?;
            self.lost = None;
        }
        self.append_one(record)
    }

    fn append_one(&mut self, record: &Record) -> Result<()> {
        let mut line = serde_json::to_vec(record).expect("an event has only JSON's types");
        let link = self.chain.seal(&mut line, self.open_end.as_deref());
        line.push(b'\n');
        if self.open_end.is_some() {
            line.insert(0, b'\n');
        }
        self.append_line(&line).with_context(|| format!("cannot write to {}", self.path.display()))?;
        self.chain.wrote(link, self.open_end.take().is_some());
        if record.event.is_of_a_request() {
            self.history.apply(record);
            self.tail.0.changes = self.history.digest(u64::MAX);
        }
        (self.tail.0.line, self.tail.0.sum) = (link.line, link.sum);
        self.tail.1.write(&self.tail.0);
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

    /// Takes the changes in the log for all that there were, whatever was lost.
    pub fn trust(&mut self) {
        self.tail.0.sure = true;
        self.lost = None;
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

/// The length of the whole lines of a text.
fn n_whole(text: &[u8]) -> usize {
    text.iter().rposition(|&byte| byte == b'\n').map_or(0, |newline| newline + 1)
}

/// Whole lines, without their ends.
fn lines_of(text: &[u8]) -> Vec<&[u8]> {
    let mut lines: Vec<&[u8]> = text.split(|&byte| byte == b'\n').collect();
    lines.pop(); // what follows the last line's end: nothing
    lines
}

/// What is said of a damaged log.
fn told(path: &Path, damage: &Damage) -> String {
    format!("{}: {damage}", path.file_name().unwrap_or_default().display())
}

/// A reader that remembers how far it has read.
#[derive(Debug)]
pub struct Follower {
    path: PathBuf,
    offset: u64,
    /// None before anything was read.
    chain: Option<Chain>,
    /// What its last writer left when it was read first.
    tail: Option<Tail>,
}

impl Follower {
    /// Starts at the beginning. The log need not exist yet.
    pub fn new(path: PathBuf) -> Self {
        Self { path, offset: 0, chain: None, tail: None }
    }

    /// The events that were appended since the last call; before them, warnings of what is damaged.
    pub fn read_new(&mut self) -> Result<Vec<Record>> {
        self.read_with(|_, record| record)
    }

    /// The same as JSON, with the keys of later versions, and without seals.
    pub fn read_new_json(&mut self) -> Result<Vec<String>> {
        self.read_with(|line, record| {
            if line.is_empty() {
                return serde_json::to_string(&record).expect("an event has only JSON's types");
            }
            String::from_utf8_lossy(&chain::without_seal(line)).into_owned()
        })
    }

    /// What is made of each event and its line, which is empty for the warnings of what is damaged.
    fn read_with<T>(&mut self, make: impl Fn(&[u8], Record) -> T) -> Result<Vec<T>> {
        let mut chain = self.chain.take().unwrap_or_else(|| {
            self.tail = Tail::of(&self.path); // before the log: it may be behind, but not ahead
            Chain::with_end(self.tail.as_ref().map(Tail::link))
        });
        let text = self.read_whole_lines();
        let n_before = chain.damage().len();
        let (mut made, mut first) = (Vec::new(), None);
        if let Ok(text) = &text {
            let lines = lines_of(text);
            let order = chain.read(&lines);
            made.reserve(order.len());
            for index in order {
                match parse(lines[index]) {
                    Some(record) => {
                        first.get_or_insert(record.time);
                        made.push(make(lines[index], record));
                    }
                    None if lines[index].is_empty() => {}
                    None => chain.unreadable(lines.len() - 1 - index),
                }
            }
        }
        let time = first.unwrap_or_else(now);
        let warning = |damage| Record { time, event: Event::warning(told(&self.path, damage)) };
        made.splice(..0, chain.damage()[n_before..].iter().map(|damage| make(b"", warning(damage))));
        self.chain = Some(chain);
        text.map(|_| made)
    }

    /// What was found to be wrong with the log so far.
    pub fn damage(&self) -> &[Damage] {
        self.chain.as_ref().map_or(&[], Chain::damage)
    }

    /// Whether its last writer left where it ends.
    pub fn has_tail(&self) -> bool {
        self.tail.is_some()
    }

    /// Whether its lines have seals.
    pub fn is_sealed(&self) -> bool {
        self.chain.as_ref().is_some_and(Chain::is_sealed)
    }

    /// The lines that were read.
    pub fn n_lines(&self) -> u64 {
        self.chain.as_ref().map_or(0, Chain::n_lines)
    }

    /// Why one cannot be sure that these are all changes of a log that was read, if that is so.
    pub fn doubt(&self, history: &History) -> Option<String> {
        if tail::is_sure(self.tail.as_ref(), self.damage(), history) {
            return None;
        }
        let told: Vec<_> = self.damage().iter().map(Damage::to_string).collect();
        Some(if told.is_empty() { "lines of it were lost before".into() } else { told.join("; ") })
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
        text.truncate(n_whole(&text));
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

fn head(line: &[u8]) -> Option<Head<'_>> {
    Head::as_written(line).or_else(|| serde_json::from_slice(line).ok())
}

/// An event of a log, if the line is one.
///
/// Nearly all lines are points of the curves. Their kind is found first and the rest read straight into place, which
/// takes a fraction of the time of the general way, where every field is kept aside until the kind is known.
fn parse(line: &[u8]) -> Option<Record> {
    let Head { time, event } = head(line)?;
    let event = match &*event {
        "progress" => Event::Progress(serde_json::from_slice(line).ok()?),
        "evaluated" => Event::Evaluated(serde_json::from_slice(line).ok()?),
        "insight" => Event::Insight(serde_json::from_slice(line).ok()?),
        _ => serde_json::from_slice::<Record>(line).ok()?.event,
    };
    Some(Record { time, event })
}

/// Writes a log anew with these records, and returns where the old one is now: beside it, as `events.damaged`.
pub fn rewrite(path: &Path, records: &[Record]) -> Result<PathBuf> {
    let names = (1..).map(|n| if n == 1 { "damaged".to_owned() } else { format!("damaged-{n}") });
    let mut places = names.map(|extension| path.with_extension(extension));
    let aside = places.find(|path| fs::symlink_metadata(path).is_err()).expect("numbers do not end");
    fs::copy(path, &aside).with_context(|| format!("cannot write {}", aside.display()))?;
    let (mut text, mut chain) = (Vec::new(), Chain::default());
    for record in records {
        let mut line = serde_json::to_vec(record).expect("an event has only JSON's types");
        let link = chain.seal(&mut line, None);
        chain.wrote(link, false);
        text.extend_from_slice(&line);
        text.push(b'\n');
    }
    replace_file(path, &text)?;
    Ok(aside)
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
        let before = std::fs::read(&path).expect("there").len();
        log.append(Event::Paused { step: 2 }).expect("appended");
        let whole = std::fs::read(&path).expect("there");
        log.file.set_len(before as u64 + 20).expect("half a line");
        assert_eq!(steps(&follower.read_new().expect("reads")), [1]);
        assert!(follower.read_new().expect("reads").is_empty());
        log.file.write_all(&whole[before + 20..]).expect("the other half");
        assert_eq!(steps(&follower.read_new().expect("reads")), [2]);
    }

    #[test]
    fn every_kind_of_event_survives_the_log() {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let path = folder.path().join("events.jsonl");
        let mut log = EventLog::open(&path).expect("opens");
        let events = [
            Event::Progress(crate::run::event::Progress { step: 3, mask_ratio: Some(0.5), ..Default::default() }),
            Event::warning("a \"quoted\" word"),
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
        let mut records = read_all(&path).expect("reads");
        let told = records.remove(0).event;
        let torn = "events.jsonl: line 2 is no event, and was passed over";
        assert_eq!((steps(&records), told), (vec![1, 2], Event::warning(torn)));
    }
}
