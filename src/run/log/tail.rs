//! `events.seal`: the last line of the log, without which a log that was cut would look whole, and what its changes come
//! to, so that one knows whether a damaged line was one of them.
//!
//! Written over in place after each line, and never synced: what it says of an older log is right, only less.

use std::fs::{File, OpenOptions};
use std::os::unix::fs::FileExt as _;
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use super::chain::Damage;
use crate::base::{files, sealed};
use crate::run::history::History;

/// The length of the file: one that has room for all numbers is never longer, so writing it needs no room on the disk.
const N_BYTES: usize = 144;

/// The end of a log.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Tail {
    /// The number of its last line.
    pub line: u64,
    /// That line's checksum.
    pub sum: u32,
    /// What the changes in the log come to: [`History::digest`].
    pub changes: String,
    /// Whether no change is missing among them, as far as one knows.
    pub sure: bool,
}

impl Tail {
    /// That of a log, where it can be read and is intact.
    pub fn of(log: &Path) -> Option<Self> {
        let text = files::read_at_most(&beside(log), 1 << 16).ok()?;
        sealed::read_json(&text).ok()
    }

    /// The number and the checksum of the last line.
    pub fn link(&self) -> (u64, u32) {
        (self.line, self.sum)
    }
}

/// Whether the changes that were read of a log are all that it held, though some of it is damaged.
pub fn is_sure(tail: Option<&Tail>, damage: &[Damage], history: &History) -> bool {
    let is_harmless = |it: &Damage| matches!(it, Damage::Unreadable(_)); // a line of before there were seals
    let is_whole = damage.iter().all(is_harmless);
    match tail {
        Some(tail) => tail.sure && (is_whole || tail.changes == history.digest(u64::MAX)),
        None => is_whole,
    }
}

/// The file of a log that is written.
#[derive(Debug)]
pub struct TailFile {
    path: PathBuf,
    file: Option<File>,
}

impl TailFile {
    /// That of a log; made with its first line.
    pub fn of(log: &Path) -> Self {
        Self { path: beside(log), file: None }
    }

    /// Notes the last line. Best effort: without it, only a cut at the log's very end would be missed.
    pub fn write(&mut self, tail: &Tail) {
        let mut text = sealed::json(serde_json::to_vec(tail).expect("a tail has only JSON's types"));
        text.resize(text.len().max(N_BYTES - 1), b' ');
        text.push(b'\n');
        if self.file.is_none() {
            let options = OpenOptions::new().write(true).create(true).truncate(false).clone();
            self.file = files::open_as(&self.path, &options).ok();
        }
        if let Some(file) = &self.file {
            let _ = file.write_all_at(&text, 0);
        }
    }
}

/// Where it is.
fn beside(log: &Path) -> PathBuf {
    log.with_extension("seal")
}
