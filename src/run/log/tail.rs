//! `events.seal`: the last line of the log, without which a log that was cut would look whole, and what its changes come
//! to, so that one knows whether a damaged line was one of them.
//!
//! It holds two copies, of which the older one is written over in place after each line: a write that is cut short leaves
//! the other one. It is never synced: what it says of an older log is right, only less.

use std::fs::{File, OpenOptions};
use std::os::unix::fs::FileExt as _;
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use super::chain::Damage;
use crate::base::{files, sealed};
use crate::run::history::History;

/// The length of a copy: one that has room for all numbers is never longer, so writing it needs no room on the disk.
const N_BYTES: usize = 144;

/// How many there are.
const N_COPIES: usize = 2;

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
    /// That of a log, where a copy can be read and is intact: the newer one.
    pub fn of(log: &Path) -> Option<Self> {
        copies(&beside(log)).into_iter().flatten().max_by_key(|it| it.line)
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
    /// Which copy is written next.
    next: usize,
}

impl TailFile {
    /// That of a log; made with its first line.
    pub fn of(log: &Path) -> Self {
        Self { path: beside(log), file: None, next: 0 }
    }

    /// Notes the last line. Best effort: without it, only a cut at the log's very end would be missed.
    pub fn write(&mut self, tail: &Tail) {
        let mut text = sealed::json(serde_json::to_vec(tail).expect("a tail has only JSON's types"));
        text.resize(text.len().max(N_BYTES - 1), b' ');
        text.push(b'\n');
        let mut n_copies = 1;
        if self.file.is_none() {
            let options = OpenOptions::new().write(true).create(true).truncate(false).clone();
            self.file = files::open_as(&self.path, &options).ok();
            let lines = copies(&self.path).into_iter().map(|copy| copy.map(|it| it.line)).collect::<Vec<_>>();
            self.next = usize::from(lines.first() > lines.get(1)); // the older one
            n_copies = N_COPIES; // what is there may be of a longer log, which was rewritten since
        }
        let Some(file) = &self.file else { return };
        for _ in 0..n_copies {
            let _ = file.write_all_at(&text, (self.next * N_BYTES) as u64);
            self.next = (self.next + 1) % N_COPIES;
        }
    }
}

/// The copies in a file, those that are intact.
fn copies(path: &Path) -> Vec<Option<Tail>> {
    let text = files::read_at_most(path, 1 << 16).unwrap_or_default();
    text.chunks(N_BYTES).map(|copy| sealed::read_json(copy).ok()).collect()
}

/// Where it is.
fn beside(log: &Path) -> PathBuf {
    log.with_extension("seal")
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;

    fn tail(line: u64) -> Tail {
        Tail { line, sum: line as u32 * 7, changes: "4f53cda18c2baa0c".into(), sure: true }
    }

    /// Where the log is of which some lines were noted, each process some of them.
    fn noted(folder: &Path, processes: &[&[u64]]) -> PathBuf {
        let log = folder.join("events.jsonl");
        for lines in processes {
            let mut file = TailFile::of(&log);
            lines.iter().for_each(|&line| file.write(&tail(line)));
        }
        log
    }

    #[test]
    fn the_last_line_is_known_whoever_noted_it() {
        let cases: [(&[&[u64]], u64); 5] = [
            (&[&[1]], 1),
            (&[&[1, 2, 3]], 3),
            (&[&[1, 2], &[3]], 3),
            (&[&[1, 2, 3], &[4, 5]], 5),
            (&[&[8, 9], &[4]], 4),
        ];
        for (processes, last) in cases {
            let folder = tempfile::tempdir().expect("a folder");
            assert_eq!(Tail::of(&noted(folder.path(), processes)), Some(tail(last)), "{processes:?}");
        }
    }

    #[test]
    fn a_write_that_is_cut_short_anywhere_leaves_the_line_before() {
        for begins_anew in [false, true] {
            let folder = tempfile::tempdir().expect("a folder");
            let log = noted(folder.path(), &[]);
            let mut file = TailFile::of(&log);
            for line in 1..6 {
                file = if begins_anew { TailFile::of(&log) } else { file };
                let before = fs::read(beside(&log)).unwrap_or_default();
                file.write(&tail(line));
                let after = fs::read(beside(&log)).expect("there");
                for (copy, cut) in (0..N_COPIES).flat_map(|copy| (0..N_BYTES).map(move |cut| (copy, cut))) {
                    let mut torn = before.clone();
                    torn.resize(after.len(), 0);
                    torn[copy * N_BYTES..][..cut].copy_from_slice(&after[copy * N_BYTES..][..cut]);
                    fs::write(beside(&log), torn).expect("written");
                    let found = Tail::of(&log);
                    assert!(
                        found == Some(tail(line)) || found == (line > 1).then(|| tail(line - 1)),
                        "{line}, {cut}: {found:?}"
                    );
                }
                fs::write(beside(&log), after).expect("written");
            }
        }
    }

    #[test]
    fn what_an_older_version_noted_is_one_copy() {
        let folder = tempfile::tempdir().expect("a folder");
        let log = noted(folder.path(), &[&[6]]);
        let one = fs::read(beside(&log)).expect("there")[..N_BYTES].to_vec();
        fs::write(beside(&log), &one).expect("written");
        assert_eq!(Tail::of(&log), Some(tail(6)));
        noted(folder.path(), &[&[7]]);
        assert_eq!(Tail::of(&log), Some(tail(7)));
        assert_eq!(fs::read(beside(&log)).expect("there").len(), N_COPIES * N_BYTES);
    }
}
