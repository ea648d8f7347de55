//! What was sent to whom: lines that are written before and after each try, so that nothing is sent twice.
//!
//! A message that was being sent when the messenger was killed counts as sent: nobody knows whether it arrived.

use std::collections::{HashMap, HashSet};
use std::fs::{File, OpenOptions};
use std::io::Write as _;
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::Path;
use std::time::Duration;

use anyhow::{Context as _, Result};
use serde::{Deserialize, Serialize};

use crate::base::aside::replace_file;
use crate::base::files;
use crate::base::host::now;

/// What is older is neither told nor remembered.
pub const MAX_AGE: Duration = Duration::from_hours(7 * 24);

/// The most that is read of a journal.
const MAX_JOURNAL: u64 = 64 << 20;

/// What is known of a message and a receiver.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Mark {
    /// Nothing before this moment is told to the receiver.
    Since,
    /// It is being sent.
    Sending,
    /// It was sent.
    Sent,
    /// It did not arrive, and will be sent again.
    Failed,
    /// It will not be sent again, though it did not arrive or nobody knows.
    GivenUp,
}

/// A line.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Entry {
    /// In seconds since 1970.
    pub time: f64,
    /// The receiver's key.
    pub to: String,
    /// The message's; empty where it is about none.
    pub id: String,
    /// What became of it.
    pub mark: Mark,
    /// Its title, or why not.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub what: String,
}

/// The journal of one messenger.
#[derive(Debug)]
pub struct Journal {
    file: File,
    since: HashMap<String, f64>,
    settled: HashSet<(String, String)>,
}

impl Journal {
    /// Opens it, without what is too old. Only the one messenger does.
    pub fn open(path: &Path) -> Result<Self> {
        let mut entries = read(path)?;
        let n_before = entries.len();
        let oldest = now() - 2.0 * MAX_AGE.as_secs_f64();
        entries.retain(|entry| entry.mark == Mark::Since || entry.time >= oldest);
        if entries.len() < n_before {
            let lines: Vec<u8> = entries.iter().flat_map(line).collect();
            replace_file(path, &lines)?;
        }
        let file = files::open_as(path, OpenOptions::new().append(true).create(true).mode(0o600));
        let mut file = file.with_context(|| format!("cannot open {}", path.display()))?;
        if files::read(path).is_ok_and(|text| text.last().is_some_and(|&byte| byte != b'\n')) {
            file.write_all(b"\n")?; // a line that a kill cut off
        }
        let mut journal = Self { file, since: HashMap::new(), settled: HashSet::new() };
        for entry in entries {
            journal.take(entry);
        }
        Ok(journal)
    }

    fn take(&mut self, Entry { time, to, id, mark, .. }: Entry) {
        match mark {
            Mark::Since => drop(self.since.insert(to, time)),
            Mark::Sending | Mark::Sent | Mark::GivenUp => drop(self.settled.insert((to, id))),
            Mark::Failed => drop(self.settled.remove(&(to, id))),
        }
    }

    /// Adds a line.
    pub fn write(&mut self, to: &str, id: &str, mark: Mark, what: &str) -> Result<()> {
        self.write_at(now(), to, id, mark, what)
    }

    fn write_at(&mut self, time: f64, to: &str, id: &str, mark: Mark, what: &str) -> Result<()> {
        let entry = Entry { time, to: to.to_owned(), id: id.to_owned(), mark, what: what.to_owned() };
        let before = self.file.metadata()?.len();
        // what came of it may be lost with the power: that it was being sent may not
        let sync = || if matches!(mark, Mark::Since | Mark::Sending) { self.file.sync_data() } else { Ok(()) };
        let written = (&self.file).write_all(&line(&entry)).and_then(|()| sync());
        if written.is_err() {
            let _ = self.file.set_len(before);
        }
        written.context("cannot write the journal of what was sent")?;
        self.take(entry);
        Ok(())
    }

    /// The moment from which on a receiver is told; `first` of one that is new.
    pub fn since(&mut self, to: &str, first: f64) -> Result<f64> {
        if !self.since.contains_key(to) {
            self.write_at(first, to, "", Mark::Since, "")?;
        }
        Ok(self.since[to])
    }

    /// Whether a message must not be sent again.
    pub fn is_settled(&self, to: &str, id: &str) -> bool {
        self.settled.contains(&(to.to_owned(), id.to_owned()))
    }
}

fn line(entry: &Entry) -> Vec<u8> {
    let mut line = serde_json::to_vec(entry).expect("an entry has only JSON's types");
    line.push(b'\n');
    line
}

/// All lines that are whole.
pub fn read(path: &Path) -> Result<Vec<Entry>> {
    match files::read_at_most(path, MAX_JOURNAL) {
        Ok(text) => {
            Ok(text.split(|&byte| byte == b'\n').filter_map(|line| serde_json::from_slice(line).ok()).collect())
        }
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(Vec::new()),
        Err(error) => Err(error).with_context(|| format!("cannot read {}", path.display())),
    }
}
