//! What people answered when they were shown images: a CSV file (RFC 4180) that only grows, an answer a line.
//!
//! ```csv
//! path,label,answer,time,who,guess,seconds
//! IMG_0001.jpg,cat,class,2026-11-26T05:24:10.114Z,me,,2.4
//! IMG_0002.jpg,,unsure,2026-11-26T05:24:12.530Z,me,cat,2.4
//! IMG_0002.jpg,,undo,2026-11-26T05:24:13.001Z,me,,0.5
//! ```
//!
//! The last answer about an image counts, and `undo` takes back the last one of the same person. `guess` is the class that
//! a network had guessed, if the person looked at that first. A path starts at the file's folder; an image of a data set
//! without files is called `cifar10:123`. A list with the columns `path` and `label` alone is read too, each row an answer.

use std::ffi::OsStr;
use std::os::unix::ffi::OsStrExt as _;
use std::path::{Path, PathBuf};

use anyhow::{Context as _, Result, anyhow, bail, ensure};

use crate::base::alike::did_you_mean;
use crate::base::text::{self, Name};

mod file;

pub use file::{Log, News, Torn};

/// The columns that are written, in their order.
const COLUMNS: [&str; 7] = ["path", "label", "answer", "time", "who", "guess", "seconds"];

/// What somebody said of an image.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Answer {
    /// It is of this class.
    Class(Name),
    /// They are not sure.
    Unsure,
    /// They passed over it.
    Skip,
    /// They take back the last that they said of it.
    Undo,
}

impl Answer {
    /// What it is called in the file.
    fn word(&self) -> &'static str {
        match self {
            Self::Class(_) => "class",
            Self::Unsure => "unsure",
            Self::Skip => "skip",
            Self::Undo => "undo",
        }
    }

    /// The class that it names.
    pub fn class(&self) -> Option<&Name> {
        match self {
            Self::Class(class) => Some(class),
            Self::Unsure | Self::Skip | Self::Undo => None,
        }
    }

    fn parse(word: &str, label: Option<&Name>) -> Result<Self> {
        let class = || label.cloned().with_context(|| format!("column label: it is empty, and the answer is {word}"));
        Ok(match word {
            "class" => Self::Class(class()?),
            "unsure" => Self::Unsure,
            "skip" => Self::Skip,
            "undo" => Self::Undo,
            other => {
                let words = ["class", "unsure", "skip", "undo"];
                let meant = did_you_mean(other, words);
                bail!("column answer: {other:?} is none; {meant}it may be {}", words.join(", "))
            }
        })
    }
}

/// A line of the file.
#[derive(Clone, Debug, PartialEq)]
pub struct Row {
    /// Where it stands, from 1; 0 before it is written.
    pub line: u64,
    /// The image as the file calls it.
    pub path: PathBuf,
    /// What was said.
    pub answer: Answer,
    /// When, RFC 3339 in UTC; empty where the file does not say.
    pub time: String,
    /// By whom; empty where the file does not say.
    pub who: Name,
    /// The class that a network guessed, if they had looked at that.
    pub guess: Option<Name>,
    /// How long the image had been shown, in seconds.
    pub seconds: Option<f64>,
}

/// Which columns a file has, and where.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Columns {
    at: [Option<usize>; COLUMNS.len()],
    names: Vec<String>,
}

impl Columns {
    /// Those of the first line, if it names `path` and `label`.
    fn of(head: &csv::ByteRecord) -> Option<Self> {
        let names: Vec<String> = head.iter().map(|name| String::from_utf8_lossy(name).trim().to_owned()).collect();
        let at = COLUMNS.map(|column| names.iter().position(|name| name.eq_ignore_ascii_case(column)));
        (at[0].is_some() && at[1].is_some()).then_some(Self { at, names })
    }

    /// Whether rows can be added: it is the head that is written.
    fn are_ours(&self) -> bool {
        self.names == COLUMNS
    }

    /// Whether it says when, so that a later row can take the place of an earlier one.
    fn have_answers(&self) -> bool {
        self.at[2].is_some()
    }

    fn row(&self, line: u64, record: &csv::ByteRecord) -> Result<Row> {
        ensure!(
            record.len() == self.names.len(),
            "it has {} columns, and the first line names {}",
            record.len(),
            self.names.len()
        );
        let bytes = |column: usize| self.at[column].map_or(&b""[..], |at| &record[at]);
        let text = |column: usize| {
            let text = std::str::from_utf8(bytes(column));
            text.map(str::trim).map_err(|_| anyhow!("column {}: it is not UTF-8", COLUMNS[column]))
        };
        let name = |column| text(column).map(|text| Some(text).filter(|text| !text.is_empty()).map(Name::from));
        let label = name(1)?;
        let answer = match text(2)? {
            // a plain list: no label is no answer, which counts as passed over
            "" => label.map_or(Answer::Skip, Answer::Class),
            word => Answer::parse(word, label.as_ref())?,
        };
        let path = PathBuf::from(OsStr::from_bytes(bytes(0)));
        ensure!(!path.as_os_str().is_empty(), "column path: it is empty");
        let seconds = match text(6)? {
            "" => None,
            number => {
                Some(number.parse().with_context(|| format!("column seconds: {} is no number", text::name(number)))?)
            }
        };
        let (time, who, guess) = (text(3)?.to_owned(), Name::from(text(4)?), name(5)?);
        Ok(Row { line, path, answer, time, who, guess, seconds })
    }
}

/// Rows as they stand in the file; below a head, if it is to have one.
fn written(rows: &[Row], with_head: bool) -> Result<Vec<u8>> {
    let mut writer = csv::Writer::from_writer(Vec::new());
    if with_head {
        writer.write_record(COLUMNS)?;
    }
    for Row { path, answer, time, who, guess, seconds, .. } in rows {
        let seconds = seconds.map_or_else(String::new, |seconds| format!("{seconds:.1}"));
        let raw = |name: Option<&Name>| name.map_or_else(String::new, |name| name.raw().to_owned());
        let (label, guess) = (raw(answer.class()), raw(guess.as_ref()));
        let [answer, time, who] = [answer.word(), time, who.raw()].map(str::as_bytes);
        writer.write_record([
            path.as_os_str().as_bytes(),
            label.as_bytes(),
            answer,
            time,
            who,
            guess.as_bytes(),
            seconds.as_bytes(),
        ])?;
    }
    writer.into_inner().context("memory takes what is written")
}

/// Rows, and where the last whole one of them ends.
struct Parsed {
    rows: Vec<Row>,
    /// Bytes up to there.
    n_bytes: usize,
    /// Line ends up to there.
    n_lines: u64,
    /// What is behind it: the beginning of a line.
    torn: Option<Torn>,
}

/// The rows below the head in the bytes from line `first` on.
///
/// # Errors
/// With the line, if one is not understood. The last one may be torn.
fn parse(bytes: &[u8], columns: &Columns, first: u64) -> Result<Parsed> {
    let mut reader = csv::ReaderBuilder::new().has_headers(false).flexible(true).from_reader(bytes);
    let (mut rows, mut record, mut n_bytes) = (Vec::new(), csv::ByteRecord::new(), 0);
    let lines_in = |bytes: &[u8]| bytes.split(|byte| *byte == b'\n').skip(1).count() as u64;
    let mut line = first;
    while n_bytes < bytes.len() {
        let is_there = reader.read_byte_record(&mut record)?;
        let end = reader.position().byte() as usize;
        // the reader takes one byte of a line's end
        let end = end + usize::from(end > 0 && bytes[end - 1] == b'\r' && bytes.get(end) == Some(&b'\n'));
        let own = &bytes[n_bytes..end];
        if !is_there {
            n_bytes = bytes.len();
            break;
        }
        let line_of = line + lines_in(&own[..own.iter().take_while(|byte| b"\r\n".contains(byte)).count()]);
        let row = columns.row(line_of, &record);
        if end == bytes.len() && is_torn(own, row.as_ref().ok()) {
            if let Some(lost) = swallowed(own, columns).filter(|_| ends_in_quotes(own)) {
                bail!("line {line_of}: a quotation mark opens and does not close before line {}", line_of + lost);
            }
            let torn = Torn { line: line_of, text: text::clean(&String::from_utf8_lossy(own)) };
            return Ok(Parsed { rows, n_bytes, n_lines: line - first, torn: Some(torn) });
        }
        rows.push(row.with_context(|| format!("line {line_of}"))?);
        line += lines_in(own);
        n_bytes = end;
    }
    Ok(Parsed { rows, n_bytes, n_lines: line - first, torn: None })
}

/// Whether the last record of a file was not written to its end. One whose line end alone is missing, as editors leave it,
/// was: the last column of what [`written`] writes is never the beginning of a longer one.
fn is_torn(record: &[u8], row: Option<&Row>) -> bool {
    let is_whole = |row: &Row| row.seconds.is_some() && record.len() > 2 && record[record.len() - 2] == b'.';
    let has_end = record.ends_with(b"\n") || record.ends_with(b"\r");
    !(has_end && !ends_in_quotes(record) || row.is_some_and(is_whole))
}

/// Whether a quotation mark opened and did not close: then a line below is part of the same record.
fn ends_in_quotes(record: &[u8]) -> bool {
    let longer = [record, b"\n?\n"].concat();
    let mut reader = csv::ReaderBuilder::new().has_headers(false).flexible(true).from_reader(&longer[..]);
    let last = reader.byte_records().last();
    last.is_none_or(|last| last.is_ok_and(|last| last.len() != 1 || &last[0] != b"?"))
}

/// How many lines below the first of a torn record there is one that is a row itself: the record is no torn one then, but
/// has an open quotation mark that took others in.
fn swallowed(record: &[u8], columns: &Columns) -> Option<u64> {
    let lines = record.split(|byte| *byte == b'\n').skip(1);
    (1..).zip(lines).find_map(|(n, line)| {
        let mut reader = csv::ReaderBuilder::new().has_headers(false).flexible(true).from_reader(line);
        let record = reader.byte_records().next()?.ok()?;
        columns.row(0, &record).is_ok().then_some(n)
    })
}

/// The rows of a file that is read as a whole, if it is a CSV file with the columns `path` and `label`; None if it is of
/// another kind.
///
/// # Errors
/// With the line, if one is not understood; the last one may be torn, which is the second value. In a plain list, also if
/// it names an image twice.
pub fn rows_of(bytes: &[u8]) -> Result<Option<(Vec<Row>, Option<Torn>)>> {
    let Some((columns, start)) = head_of(bytes)? else { return Ok(None) };
    let Parsed { rows, torn, .. } = parse(&bytes[start..], &columns, 2)?;
    if !columns.have_answers() {
        let mut lines = std::collections::HashMap::new();
        for row in &rows {
            if let Some(before) = lines.insert(&row.path, row.line) {
                let path = text::name(&row.path.to_string_lossy());
                bail!("line {}: line {before} names {path} already", row.line);
            }
        }
    }
    Ok(Some((rows, torn)))
}

/// The columns that the first line names, and where the second one begins.
fn head_of(bytes: &[u8]) -> Result<Option<(Columns, usize)>> {
    let mark = if bytes.starts_with(b"\xef\xbb\xbf") { 3 } else { 0 };
    let Some(end) = bytes.iter().position(|byte| *byte == b'\n') else { return Ok(None) };
    let mut reader = csv::ReaderBuilder::new().has_headers(false).from_reader(&bytes[mark..=end]);
    let mut head = csv::ByteRecord::new();
    reader.read_byte_record(&mut head)?;
    Ok(Columns::of(&head).map(|columns| (columns, end + 1)))
}

/// One spelling for each file: the folder that it lies in as it is without links, then its name. Looks up each folder once.
#[derive(Clone, Debug, Default)]
pub struct Places(std::collections::HashMap<PathBuf, PathBuf>);

impl Places {
    /// The file's one spelling.
    pub fn of(&mut self, path: &Path) -> PathBuf {
        let path = std::path::absolute(path).unwrap_or_else(|_| path.to_owned());
        let (Some(folder), Some(name)) = (path.parent(), path.file_name()) else { return path };
        if let Some(known) = self.0.get(folder) {
            return known.join(name);
        }
        let whole = folder.canonicalize().unwrap_or_else(|_| folder.to_owned());
        self.0.insert(folder.to_owned(), whole.clone());
        whole.join(name)
    }
}

#[cfg(test)]
mod tests;
