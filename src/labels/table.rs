//! Files that say something of images, a line each: CSV, TSV or JSON lines with named columns, or paths alone.

use std::path::Path;

use anyhow::{Context as _, Result, anyhow, ensure};
use serde_json::Value;

use crate::base::files;
use crate::base::text::{self, Shown as _};

/// More than any of these files has.
const MAX_BYTES: u64 = 1 << 30;

/// A line, and what it says in each of the columns that were asked for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Line {
    /// Its number, from 1.
    pub number: u64,
    /// A value for each column, if it has one.
    pub cells: Vec<Option<Vec<u8>>>,
}

impl Line {
    /// The text in one of the columns; None if there is none, or it is no text.
    pub fn text(&self, column: usize) -> Option<&str> {
        let text = std::str::from_utf8(self.cells[column].as_deref()?).ok()?.trim();
        Some(text).filter(|text| !text.is_empty())
    }
}

/// Reads a file whose columns have these names; it must have one of the first `n_needed`. A file that does not end in
/// `.csv`, `.tsv` or `.jsonl` has the first column alone, one value a line.
///
/// # Errors
/// If it cannot be read, has none of the needed columns, or a line is not understood.
pub fn lines(path: &Path, columns: &[&str], n_needed: usize) -> Result<Vec<Line>> {
    let name = path.shown();
    let bytes = files::read_at_most(path, MAX_BYTES).with_context(|| format!("cannot read {name}"))?;
    let bytes = bytes.strip_prefix(b"\xef\xbb\xbf").unwrap_or(&bytes);
    let extension = path.extension().unwrap_or_default().to_string_lossy().to_lowercase();
    let read = match &*extension {
        "csv" => separated(bytes, b',', columns, n_needed),
        "tsv" => separated(bytes, b'\t', columns, n_needed),
        "jsonl" | "ndjson" => json_lines(bytes, columns, n_needed),
        _ => Ok(alone(bytes, columns.len())),
    };
    read.with_context(|| name.to_string())
}

fn separated(bytes: &[u8], separator: u8, columns: &[&str], n_needed: usize) -> Result<Vec<Line>> {
    let mut reader = csv::ReaderBuilder::new().delimiter(separator).from_reader(bytes);
    let head = reader.byte_headers()?.clone();
    let names: Vec<String> = head.iter().map(|name| String::from_utf8_lossy(name).trim().to_owned()).collect();
    let at: Vec<_> =
        columns.iter().map(|column| names.iter().position(|name| name.eq_ignore_ascii_case(column))).collect();
    ensure!(
        at[..n_needed].iter().any(Option::is_some),
        "line 1 must name the column {}, and there is: {}",
        columns[..n_needed].join(" or "),
        names.iter().map(|name| text::name(name)).collect::<Vec<_>>().join(", ")
    );
    let mut lines = Vec::new();
    for record in reader.byte_records() {
        let record = record?;
        let number = record.position().map_or(0, csv::Position::line);
        let cell = |at: &Option<usize>| at.and_then(|at| record.get(at)).map(<[u8]>::to_vec);
        lines.push(Line { number, cells: at.iter().map(|at| cell(at).filter(|cell| !cell.is_empty())).collect() });
    }
    Ok(lines)
}

fn json_lines(bytes: &[u8], columns: &[&str], n_needed: usize) -> Result<Vec<Line>> {
    let mut lines = Vec::new();
    for (number, content) in (1..).zip(bytes.split(|byte| *byte == b'\n')) {
        if content.trim_ascii().is_empty() {
            continue;
        }
        let value: Value = serde_json::from_slice(content).with_context(|| format!("line {number}"))?;
        let cell = |column: &&str| match value.get(column) {
            Some(Value::String(text)) => Some(text.clone().into_bytes()),
            Some(Value::Number(number)) => Some(number.to_string().into_bytes()),
            _ => None,
        };
        let cells: Vec<_> = columns.iter().map(cell).collect();
        let needed = || columns[..n_needed].join(" or ");
        ensure!(cells[..n_needed].iter().any(Option::is_some), anyhow!("line {number}: it has no {}", needed()));
        lines.push(Line { number, cells });
    }
    Ok(lines)
}

fn alone(bytes: &[u8], n_columns: usize) -> Vec<Line> {
    let line = |(number, content): (u64, &[u8])| {
        let content = content.strip_suffix(b"\r").unwrap_or(content);
        let mut cells = vec![None; n_columns];
        cells[0] = Some(content.to_vec());
        (!content.is_empty()).then_some(Line { number, cells })
    };
    (1..).zip(bytes.split(|byte| *byte == b'\n')).filter_map(line).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_same_lines_are_read_from_every_kind_of_file() {
        let folder = tempfile::tempdir().expect("a folder");
        for (name, content) in [
            ("a.csv", "confidence,path,label\n0.5,a b.png,cat\n1,c.png,\n"),
            ("a.tsv", "Path\tlabel\na b.png\tcat\nc.png\t\n"),
            ("a.jsonl", "{\"path\":\"a b.png\",\"label\":\"cat\"}\n\n{\"path\":\"c.png\"}\n"),
            ("a.txt", "a b.png\r\n\nc.png"),
        ] {
            let path = folder.path().join(name);
            std::fs::write(&path, content).expect("written");
            let lines = lines(&path, &["path", "label"], 1).expect(name);
            let paths: Vec<_> = lines.iter().map(|line| line.text(0)).collect();
            assert_eq!(paths, [Some("a b.png"), Some("c.png")], "{name}");
            let labels: Vec<_> = lines.iter().map(|line| line.text(1)).collect();
            assert_eq!(labels, [Some("cat").filter(|_| name != "a.txt"), None], "{name}");
        }
        for (name, content, expected) in [
            ("b.csv", "file,label\na,b\n", "line 1 must name the column path, and there is: file, label"),
            ("b.jsonl", "{\"file\":1}\n", "line 1: it has no path"),
            ("b.jsonl", "{\n", "line 1"),
        ] {
            let path = folder.path().join(name);
            std::fs::write(&path, content).expect("written");
            let error = format!("{:#}", lines(&path, &["path", "label"], 1).expect_err(expected));
            assert!(error.contains(expected), "{error}");
        }
    }
}
