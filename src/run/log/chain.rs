//! The seals of a log's lines: each has its number, the checksum of the line before and one over itself.
//!
//! `{"time":…,"event":…,…,"seal":"12-a1b2c3d4-09fe33aa"}` is line 12, follows the line whose checksum is a1b2c3d4, and has
//! the checksum 09fe33aa. So lines that were edited, cut, inserted or put in another order show, and the others are read
//! all the same, in the order in which they were written. The lines of older versions have no seals: the first sealed
//! line follows the checksum of all that stood before it.

use std::borrow::Cow;
use std::fmt;
use std::ops::RangeInclusive;

use crate::base::sealed::sum;

/// What stands between a line's last field and its seal.
const BEFORE: &[u8] = br#","seal":""#;
const AFTER: &[u8] = br#""}"#;

/// The longest seal: twenty digits, two checksums, two dashes.
const MAX_SEAL: usize = 20 + 2 * 8 + 2;

/// A line's place in its log.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Link {
    /// Its number, from 1.
    pub line: u64,
    /// The checksum of the line before.
    pub after: u32,
    /// Its own.
    pub sum: u32,
}

/// What is wrong with a log.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Damage {
    /// The line at this place is not as it was written.
    Changed(u64),
    /// The line at this place was never written here.
    Inserted(u64),
    /// The line at the first place was written as line number so and so.
    Misplaced(u64, u64),
    /// Lines of these numbers are gone.
    Lost(RangeInclusive<u64>),
    /// So many lines are gone of those of these numbers.
    LostSome(u64, RangeInclusive<u64>),
    /// The line of this number follows another line than the one before it.
    Unlinked(u64),
    /// The lines up to this one, which have no seals, are not all that stood there.
    OldChanged(u64),
    /// The line at this place is no event: most likely, a crash tore it before there were seals.
    Unreadable(u64),
}

impl fmt::Display for Damage {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let lines = |range: &RangeInclusive<u64>| match (range.start(), range.end()) {
            (from, to) if from == to => format!("line {from}"),
            (from, to) => format!("lines {from} to {to}"),
        };
        match self {
            Self::Changed(at) => write!(f, "line {at} is not as it was written, and was passed over"),
            Self::Inserted(at) => write!(f, "line {at} was inserted, and was passed over"),
            Self::Misplaced(at, line) => write!(f, "line {at} is out of order: it was line {line}"),
            Self::Lost(range) if range.start() == range.end() => write!(f, "{} is lost", lines(range)),
            Self::Lost(range) => write!(f, "{} are lost", lines(range)),
            Self::LostSome(n, range) => write!(f, "{n} of {} are lost", lines(range)),
            Self::Unlinked(line) => write!(f, "line {line} does not follow from the one before it"),
            Self::OldChanged(to) => write!(f, "{} were changed, or some are lost", lines(&(1..=*to))),
            Self::Unreadable(at) => write!(f, "line {at} is no event, and was passed over"),
        }
    }
}

/// How far a log was read or written, and what was wrong with it.
#[derive(Clone, Debug, Default)]
pub struct Chain {
    /// The lines in the file so far.
    n_lines: u64,
    /// The last sealed line, by its number, and where it stands.
    last: Option<(Link, u64)>,
    /// How many lines without seals stand before the first one with one, and their checksum.
    unsealed: (u64, u32),
    /// The line that must come, and the checksum that it has.
    expected: Option<(u64, u32)>,
    /// Whether that one did not come.
    ends_early: bool,
    /// All that was found to be wrong.
    damage: Vec<Damage>,
}

/// A line on its way through [`Chain::read`].
struct Candidate {
    index: usize,
    link: Link,
}

impl Chain {
    /// A log that once had a line of this number with this checksum.
    pub fn with_end(expected: Option<(u64, u32)>) -> Self {
        Self { expected, ..Self::default() }
    }

    /// All that was found to be wrong so far.
    pub fn damage(&self) -> &[Damage] {
        &self.damage
    }

    /// Whether the last lines of the log are gone.
    pub fn ends_early(&self) -> bool {
        self.ends_early
    }

    /// Whether a line with a seal was read.
    pub fn is_sealed(&self) -> bool {
        self.last.is_some()
    }

    /// The lines in the file.
    pub fn n_lines(&self) -> u64 {
        self.n_lines
    }

    /// Takes lines that stand behind those read so far. Returns which of them to read, in which order.
    pub fn read(&mut self, lines: &[&[u8]]) -> Vec<usize> {
        let first = self.n_lines;
        let at = |index: usize| first + index as u64 + 1;
        self.n_lines += lines.len() as u64;
        let links: Vec<Option<Link>> = lines.iter().map(|line| Link::of(line)).collect();
        let n_old = if self.last.is_some() {
            0
        } else {
            lines.iter().zip(&links).take_while(|(line, link)| link.is_none() && !has_seal(line)).count()
        };
        for line in &lines[..n_old] {
            self.unsealed = (self.unsealed.0 + 1, sum(sum(self.unsealed.1, line), b"\n"));
        }
        let mut order: Vec<usize> = (0..n_old).collect();
        let is_ordered = links.windows(2).all(|pair| match pair {
            [Some(one), Some(two)] => one.line < two.line,
            _ => true,
        });
        let mut candidates: Vec<Candidate> = links[n_old..]
            .iter()
            .enumerate()
            .filter_map(|(i, link)| Some(Candidate { index: n_old + i, link: (*link)? }))
            .collect();
        if !is_ordered {
            candidates.sort_by_key(|it| it.link.line);
            self.drop_repeated(&mut candidates, at);
        }
        let mut loose: Vec<usize> = (n_old..lines.len()).filter(|&i| links[i].is_none()).collect();
        let mut reached = None; // the index of the line before, if it is one of these
        for Candidate { index, link } in candidates {
            let upto = loose.partition_point(|&i| i < index);
            let between: Vec<u64> = loose.drain(..upto).map(at).collect();
            if self.follow(link, at(index), &between) {
                if reached.is_some_and(|before| before > index) {
                    self.damage.push(Damage::Misplaced(at(index), link.line));
                }
                reached = Some(index);
                order.push(index);
            }
        }
        self.end(loose.into_iter().map(at));
        order
    }

    /// Of lines of one number, keeps the one that follows from the line before.
    fn drop_repeated(&mut self, candidates: &mut Vec<Candidate>, at: impl Fn(usize) -> u64) {
        let mut kept: Vec<Candidate> = Vec::with_capacity(candidates.len());
        for candidate in candidates.drain(..) {
            let Some(same) = kept.pop_if(|it| it.link.line == candidate.link.line) else {
                kept.push(candidate);
                continue;
            };
            let before = kept.last().map(|it| it.link.sum).or(self.last.map(|(link, _)| link.sum));
            let fits = |it: &Candidate| before.unwrap_or(self.unsealed.1) == it.link.after;
            let (stays, goes) = if fits(&same) || !fits(&candidate) { (same, candidate) } else { (candidate, same) };
            self.damage.push(Damage::Inserted(at(goes.index)));
            kept.push(stays);
        }
        *candidates = kept;
    }

    /// Takes a line with an intact seal. Returns whether it is one of this log.
    fn follow(&mut self, link: Link, place: u64, between: &[u64]) -> bool {
        let (before, sum) = self.last.map_or(self.unsealed, |(last, _)| (last.line, last.sum));
        let known = |n: u64| link.line.checked_sub(before + 1 + n);
        match (known(0), link.after == sum) {
            (None, _) if self.last.is_some() => {
                self.damage.push(Damage::Misplaced(place, link.line));
                return false;
            }
            (None, _) => self.damage.push(Damage::OldChanged(before)),
            // what stood between when it was written was torn by a crash, and known to be
            (Some(n_torn), true) => {
                self.damage.extend(between.iter().skip(n_torn as usize).map(|&at| Damage::Inserted(at)));
            }
            (Some(_), false) if self.last.is_none() && before > 0 => {
                self.damage.extend(between.iter().map(|&at| Damage::Changed(at)));
                self.damage.push(Damage::OldChanged(link.line - 1));
            }
            (Some(n_missing), false) => {
                let n_changed = n_missing.min(between.len() as u64);
                let (changed, inserted) = between.split_at(n_changed as usize);
                self.damage.extend(changed.iter().map(|&at| Damage::Changed(at)));
                self.damage.extend(inserted.iter().map(|&at| Damage::Inserted(at)));
                let range = before + 1..=link.line - 1;
                match (n_missing, n_missing - n_changed) {
                    (0, _) => self.damage.push(Damage::Unlinked(link.line)),
                    (_, 0) => {}
                    (n, lost) if n == lost => self.damage.push(Damage::Lost(range)),
                    (_, lost) => self.damage.push(Damage::LostSome(lost, range)),
                }
            }
        }
        if self.expected.is_some_and(|(line, sum)| line == link.line && sum != link.sum) {
            self.damage.push(Damage::Unlinked(link.line));
        }
        self.last = Some((link, place));
        true
    }

    /// After the last line for now: whether one that must come is missing, and which ones cannot be read.
    fn end(&mut self, loose: impl Iterator<Item = u64>) {
        let n_before = self.damage.len();
        self.damage.extend(loose.map(Damage::Changed));
        let n_changed = (self.damage.len() - n_before) as u64;
        let last = self.last.map_or(self.unsealed.0, |(link, _)| link.line);
        if let Some((expected, _)) = self.expected.take_if(|(line, _)| *line > last) {
            self.ends_early = true;
            let range = last + 1..=expected;
            let n = expected - last;
            match n.saturating_sub(n_changed) {
                0 => {}
                lost if lost == n => self.damage.push(Damage::Lost(range)),
                lost => self.damage.push(Damage::LostSome(lost, range)),
            }
        }
    }

    /// Notes that the line that is so far from the last one is no event.
    pub fn unreadable(&mut self, from_end: usize) {
        self.damage.push(Damage::Unreadable(self.n_lines - from_end as u64));
    }

    /// Writes the next line's seal into it, in the place of its last brace. `torn` is the line before, if a crash left it
    /// without an end. It counts once it is [`Chain::wrote`].
    pub fn seal(&self, line: &mut Vec<u8>, torn: Option<&[u8]>) -> Link {
        let end = line.pop();
        debug_assert_eq!(end, Some(b'}'), "an object");
        let n_torn = u64::from(torn.is_some());
        let (number, after) = if let Some((link, place)) = self.last {
            (link.line + 1 + (self.n_lines - place) + n_torn, link.sum)
        } else {
            // a torn line without a seal will be read as one of an older version
            let torn = torn.filter(|it| !has_seal(it));
            let after = torn.map_or(self.unsealed.1, |it| sum(sum(self.unsealed.1, it), b"\n"));
            (self.n_lines + 1 + n_torn, after)
        };
        line.extend_from_slice(BEFORE);
        line.extend_from_slice(format!("{number}-{after:08x}-").as_bytes());
        let own = sum(0, line);
        line.extend_from_slice(format!("{own:08x}").as_bytes());
        line.extend_from_slice(AFTER);
        Link { line: number, after, sum: own }
    }

    /// A line that was sealed is in the file.
    pub fn wrote(&mut self, link: Link, is_behind_torn: bool) {
        self.n_lines += 1 + u64::from(is_behind_torn);
        self.last = Some((link, self.n_lines));
    }
}

impl Link {
    /// The seal of a line, if it has an intact one.
    fn of(line: &[u8]) -> Option<Self> {
        let (sealed, own) = line.strip_suffix(AFTER)?.split_last_chunk::<8>()?;
        let own = hex(*own)?;
        let (head, after) = sealed.strip_suffix(b"-")?.split_last_chunk::<8>()?;
        let head = head.strip_suffix(b"-")?;
        let begins = head.iter().rposition(|byte| !byte.is_ascii_digit())? + 1;
        let (body, number) = head.split_at(begins);
        let line = std::str::from_utf8(number).ok()?.parse().ok()?;
        (body.ends_with(BEFORE) && sum(0, sealed) == own).then_some(Self { line, after: hex(*after)?, sum: own })
    }
}

/// A line without its seal.
pub fn without_seal(line: &[u8]) -> Cow<'_, [u8]> {
    let place = line.windows(BEFORE.len()).rposition(|window| window == BEFORE).filter(|_| Link::of(line).is_some());
    place.map_or(Cow::Borrowed(line), |place| Cow::Owned([&line[..place], b"}"].concat()))
}

/// Whether a line ends in what is or was a seal.
fn has_seal(line: &[u8]) -> bool {
    let tail = &line[line.len().saturating_sub(BEFORE.len() + MAX_SEAL + AFTER.len())..];
    tail.windows(BEFORE.len()).any(|window| window == BEFORE)
}

fn hex(digits: [u8; 8]) -> Option<u32> {
    let is_hex = digits.iter().all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f'));
    u32::from_str_radix(std::str::from_utf8(&digits).ok().filter(|_| is_hex)?, 16).ok()
}

#[cfg(test)]
#[path = "chain/tests.rs"]
mod tests;
