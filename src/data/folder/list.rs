//! A list of images in place of a folder: a CSV, TSV or JSON-lines file with a path, a label and perhaps a split for each.
//!
//! The first line of a CSV or TSV file names the columns, so that their order does not matter and a list without labels is
//! not taken for one with them. Relative paths start at the list's folder. What is not understood is an error with its
//! line and column; columns of other names are not looked at, and that is said.

use std::collections::{BTreeSet, HashMap};
use std::ffi::OsStr;
use std::fs;
use std::os::unix::ffi::OsStrExt as _;
use std::path::{Path, PathBuf};

use anyhow::{Context as _, Result, bail, ensure};
use serde_json::Value;

use super::layout::is_stand_in;
use super::refused;
use crate::base::alike::did_you_mean;
use crate::base::dirs::expand_home;
use crate::base::files;
use crate::base::text::{self, Shown as _};

/// The columns that are looked at.
const COLUMNS: [&str; 3] = ["path", "label", "split"];

/// More than any list has.
const MAX_BYTES: u64 = 1 << 30;

/// A list, read and checked.
pub struct List {
    /// Its images in their order.
    pub rows: Vec<Row>,
    /// Names of the columns that are not looked at.
    pub unused: BTreeSet<String>,
    /// Whether a split is said of any.
    pub has_split: bool,
}

/// An image of a list.
#[derive(Debug, PartialEq, Eq)]
pub struct Row {
    /// Where it stands in the list, from 1.
    pub line: u64,
    /// The file.
    pub path: PathBuf,
    /// Its class, if that is known.
    pub label: Option<String>,
    /// What it is for.
    pub split: Split,
}

/// What an image is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Split {
    /// To train on; also where nothing is said.
    Train,
    /// To test on.
    Test,
    /// To test on where there are no test images.
    Validation,
}

/// Whether a path is that of a list by its name.
pub fn is_list(path: &Path) -> bool {
    format(path).is_some()
}

#[derive(Clone, Copy)]
enum Format {
    Separated(u8),
    JsonLines,
}

fn format(path: &Path) -> Option<Format> {
    match path.extension()?.to_str()?.to_lowercase().as_str() {
        "csv" => Some(Format::Separated(b',')),
        "tsv" => Some(Format::Separated(b'\t')),
        "jsonl" | "ndjson" => Some(Format::JsonLines),
        _ => None,
    }
}

/// Reads a list and sees that each of its files is there and named once.
///
/// # Errors
/// With the line and the column, if a part of it is not understood.
pub fn read(path: &Path) -> Result<List> {
    let name = path.shown();
    let Some(format) = format(path) else {
        bail!(
            "{name} is a file, and a list of images ends in .csv, .tsv or .jsonl; data.path may also be a folder of images"
        );
    };
    let bytes = files::read_at_most(path, MAX_BYTES).with_context(|| format!("cannot read {name}"))?;
    let bytes = bytes.strip_prefix(b"\xef\xbb\xbf").unwrap_or(&bytes);
    let folder = std::path::absolute(path)?.parent().map(Path::to_owned).unwrap_or_default();
    let list = match format {
        Format::Separated(separator) => separated(bytes, separator, &folder),
        Format::JsonLines => json_lines(bytes, &folder),
    };
    let list = list.with_context(|| name.to_string())?;
    ensure!(!list.rows.is_empty(), "{name} names no image");
    check_files(&list.rows).with_context(|| name.to_string())?;
    Ok(list)
}

/// An error at a line, and in a column if that is known.
fn at(line: u64, what: impl std::fmt::Display) -> anyhow::Error {
    anyhow::anyhow!("line {line}: {what}")
}

fn separated(bytes: &[u8], separator: u8, folder: &Path) -> Result<List> {
    let mut reader = csv::ReaderBuilder::new().delimiter(separator).flexible(true).from_reader(bytes);
    let header = reader.byte_headers()?.clone();
    let names: Vec<String> = header.iter().map(|name| String::from_utf8_lossy(name).trim().to_owned()).collect();
    let columns = COLUMNS.map(|column| names.iter().position(|name| name.eq_ignore_ascii_case(column)));
    let [Some(of_path), Some(of_label), of_split] = columns else { return Err(no_columns(&names, &columns)) };
    let is_used = |name: &String| COLUMNS.iter().any(|column| name.eq_ignore_ascii_case(column));
    let (mut rows, mut has_split) = (Vec::new(), false);
    for record in reader.byte_records() {
        let record = record?;
        let line = record.position().map_or(0, csv::Position::line) + leading_ends(bytes, record.position());
        if record.len() != names.len() {
            let (n, of) = (record.len(), names.len());
            return Err(at(line, format!("it has {n} columns, and the first line names {of}")));
        }
        let label = std::str::from_utf8(&record[of_label]).map_err(|_| at(line, "column label: it is not UTF-8"))?;
        let split = of_split.map(|column| String::from_utf8_lossy(&record[column]).into_owned());
        has_split |= split.as_ref().is_some_and(|split| !split.trim().is_empty());
        let path = Path::new(OsStr::from_bytes(&record[of_path]));
        rows.push(row(line, folder, path, label, split.as_deref())?);
    }
    let unused = names.iter().filter(|name| !is_used(name)).cloned().collect();
    Ok(List { rows, unused, has_split })
}

/// Empty lines that the reader passed over between where it says that a record begins and where it does.
fn leading_ends(bytes: &[u8], position: Option<&csv::Position>) -> u64 {
    let start = position.map_or(0, |position| position.byte() as usize);
    let ends = bytes[start.min(bytes.len())..].iter().take_while(|byte| [b'\n', b'\r'].contains(byte));
    ends.filter(|byte| **byte == b'\n').count() as u64
}

fn no_columns(names: &[String], columns: &[Option<usize>; 3]) -> anyhow::Error {
    let lacking: Vec<_> =
        COLUMNS[..2].iter().zip(columns).filter(|(_, at)| at.is_none()).map(|(name, _)| *name).collect();
    let found: Vec<_> = names.iter().map(|name| text::name(name)).collect();
    let found = found.join(", ");
    at(
        1,
        format!(
            "it must name the columns path and label, and split if there is one; {} is missing, and there is: {found}",
            lacking.join(" and "),
        ),
    )
}

fn json_lines(bytes: &[u8], folder: &Path) -> Result<List> {
    let (mut rows, mut unused, mut has_split) = (Vec::new(), BTreeSet::new(), false);
    for (line, content) in (1..).zip(bytes.split(|byte| *byte == b'\n')) {
        if content.trim_ascii().is_empty() {
            continue;
        }
        let value: Value = serde_json::from_slice(content).map_err(|error| {
            // its own line number is always 1
            let why = error.to_string();
            let why = why.split(" at line ").next().unwrap_or(&why).to_owned();
            at(line, format!("column {}: it is no JSON: {why}", error.column()))
        })?;
        let Value::Object(object) = value else {
            return Err(at(line, "it is no object, such as {\"path\": \"a.png\", \"label\": \"cat\"}"));
        };
        let text = |key: &str| match object.get(key) {
            None | Some(Value::Null) => Ok(None),
            Some(Value::String(text)) => Ok(Some(text.clone())),
            Some(Value::Number(number)) if key == "label" && !number.is_f64() => Ok(Some(number.to_string())),
            Some(other) => Err(at(line, format!("{key} must be text, not {other}"))),
        };
        let path = text("path")?.ok_or_else(|| at(line, "it has no \"path\""))?;
        let split = text("split")?;
        has_split |= split.as_ref().is_some_and(|split| !split.trim().is_empty());
        unused.extend(object.keys().filter(|key| !COLUMNS.contains(&key.as_str())).cloned());
        rows.push(row(line, folder, Path::new(&path), &text("label")?.unwrap_or_default(), split.as_deref())?);
    }
    Ok(List { rows, unused, has_split })
}

fn row(line: u64, folder: &Path, path: &Path, label: &str, split: Option<&str>) -> Result<Row> {
    ensure!(!path.as_os_str().is_empty(), at(line, "column path: it is empty"));
    let path = expand_home(path).map_err(|error| at(line, format!("column path: {error}")))?;
    let label = Some(label.trim()).filter(|label| !label.is_empty()).map(str::to_owned);
    let split = match split.unwrap_or_default().trim() {
        "" | "train" => Split::Train,
        "test" => Split::Test,
        name if is_stand_in(name) => Split::Validation,
        other => {
            let meant = did_you_mean(other, ["train", "test", "val"]);
            return Err(at(
                line,
                format!(
                    "column split: {other:?} is none; {meant}it may be train (or empty), test, or val in its place"
                ),
            ));
        }
    };
    ensure!(
        split == Split::Train || label.is_some(),
        at(line, "column label: it is empty, and an image to test on needs one")
    );
    Ok(Row { line, path: folder.join(path), label, split })
}

/// Refuses files that are not there, and such as are named twice.
fn check_files(rows: &[Row]) -> Result<()> {
    let mut lines = HashMap::new();
    for Row { line, path, .. } in rows {
        if let Some(before) = lines.insert(path, line) {
            bail!(at(*line, format!("line {before} names {} already", path.shown())));
        }
    }
    let fault = |Row { line, path, .. }: &Row| {
        let why = match fs::metadata(path) {
            Ok(metadata) if metadata.is_dir() => "is a folder, and a list names files".to_owned(),
            Ok(_) => return None,
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => "is not there".to_owned(),
            Err(error) => format!("cannot be read: {error}"),
        };
        Some(format!("line {line}: {} {why}", path.shown()))
    };
    refused(&rows.iter().filter_map(fault).collect::<Vec<_>>(), rows.len(), "mend the list")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parsed(name: &str, text: &str) -> Result<List> {
        let folder = Path::new("/images");
        match format(Path::new(name)).expect("a list") {
            Format::Separated(separator) => separated(text.as_bytes(), separator, folder),
            Format::JsonLines => json_lines(text.as_bytes(), folder),
        }
    }

    fn short(list: &List) -> Vec<String> {
        let say = |row: &Row| {
            format!("{} {:?} {:?} {:?}", row.line, row.path.display().to_string(), row.label.as_deref(), row.split)
        };
        list.rows.iter().map(say).collect()
    }

    #[test]
    fn columns_are_found_by_their_names_and_lines_are_counted() {
        let expected = [r#"2 "/images/a b.png" Some("cat") Train"#, r#"4 "/x.png" None Train"#];
        for (name, text) in [
            ("l.csv", "path,label\na b.png,cat\n\n/x.png,\n"),
            ("l.csv", "Label, PATH ,width\r\n cat ,a b.png,3\r\n\r\n,/x.png,4\r\n"),
            ("l.tsv", "path\tlabel\na b.png\tcat\n\n/x.png\t\n"),
            ("l.jsonl", "\n{\"path\":\"a b.png\",\"label\":\"cat\",\"w\":1}\n\n{\"path\":\"/x.png\",\"label\":null}"),
        ] {
            assert_eq!(short(&parsed(name, text).expect(text)), expected, "{text}");
        }
        let list =
            parsed("l.csv", "path,label,split,w\n\"a\n,b\",1,val,\nb,2,test,\nc,,,\n").expect("names of any kind");
        let expected = [
            r#"2 "/images/a\n,b" Some("1") Validation"#,
            r#"4 "/images/b" Some("2") Test"#,
            r#"5 "/images/c" None Train"#,
        ];
        assert_eq!((short(&list), list.has_split, list.unused.len()), (expected.map(String::from).to_vec(), true, 1));
    }

    #[test]
    fn what_is_not_understood_is_named_by_line_and_column() {
        for (name, text, expected) in [
            (
                "l.csv",
                "a.png,cat\nb.png,dog",
                "line 1: it must name the columns path and label, and split if there is one; path and label is missing, and \
                 there is: a.png, cat",
            ),
            ("l.csv", "path,class\na,b", "line 1: it must name the columns path and label"),
            ("l.csv", "", "line 1: it must name the columns path and label"),
            ("l.csv", "path,label\na.png,cat\nb.png", "line 3: it has 1 columns, and the first line names 2"),
            ("l.csv", "path,label\n,cat", "line 2: column path: it is empty"),
            ("l.csv", "path,label\n~nobody/x,cat", "line 2: column path: ~nobody/x: only ~/ is understood"),
            (
                "l.csv",
                "path,label,split\n\na,cat,tset",
                "line 3: column split: \"tset\" is none; did you mean test? it may",
            ),
            (
                "l.csv",
                "path,label,split\na,,test",
                "line 2: column label: it is empty, and an image to test on needs one",
            ),
            ("l.jsonl", "{\"path\": \"a\"}\n{\"path\": 3}", "line 2: path must be text, not 3"),
            ("l.jsonl", "{\"path\": \"a\", \"label\": [1]}", "line 1: label must be text, not [1]"),
            ("l.jsonl", "{\"label\": \"a\"}", "line 1: it has no \"path\""),
            ("l.jsonl", "\n\n{\"path\": }", "line 3: column 10: it is no JSON: expected value"),
            ("l.jsonl", "[1]", "line 1: it is no object"),
        ] {
            let error = format!("{:#}", parsed(name, text).err().expect(text));
            assert!(error.starts_with(expected), "{text:?}: {error}");
        }
    }
}
