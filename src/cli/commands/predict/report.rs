//! How predictions are written: lines for people, CSV, or JSON; to standard output as they come, or to a file that is
//! replaced once it is whole.

use std::os::unix::ffi::OsStrExt as _;
use std::path::{Path, PathBuf};

use anyhow::{Context as _, Result};
use fixmatch::base::aside::replace_file;
use fixmatch::base::output::{self, say, say_json_line, write_raw};
use fixmatch::base::text::{self, Name};
use serde::Serialize;

use crate::words::numbers::percent;

/// What is written of an image.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Form {
    /// A line for people.
    Lines,
    /// A line of CSV, below a head.
    Csv,
    /// An object of JSON on a line.
    JsonLines,
    /// Nothing.
    Nothing,
}

/// Writes predictions.
pub struct Report {
    form: Form,
    /// Where to, and what is to be written there.
    file: Option<(PathBuf, Vec<u8>)>,
    classes: Vec<Name>,
    /// Columns of the widest class's name.
    width: usize,
    top: usize,
    is_numbered: bool,
    has_head: bool,
}

/// One prediction in JSON.
#[derive(Serialize)]
struct Row<'a> {
    #[serde(skip_serializing_if = "Option::is_none")]
    index: Option<u32>,
    path: Option<String>,
    class: usize,
    class_name: &'a str,
    confidence: f32,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    top: Vec<Guess<'a>>,
}

#[derive(Serialize)]
struct Guess<'a> {
    class: usize,
    class_name: &'a str,
    confidence: f32,
}

/// Columns that a class's name takes at most in a line.
const WIDEST: usize = 30;

impl Report {
    /// Of these classes, the `top` likeliest of each image; images that are numbered are told by their number too.
    pub fn new(form: Form, file: Option<PathBuf>, classes: Vec<Name>, top: usize, is_numbered: bool) -> Self {
        let width = classes.iter().map(|class| text::width(class)).max().unwrap_or_default().min(WIDEST);
        Self { form, file: file.map(|path| (path, Vec::new())), classes, width, top, is_numbered, has_head: false }
    }

    /// Whether predictions appear on a terminal.
    pub fn is_on_terminal(&self) -> bool {
        self.file.is_none() && output::is_terminal()
    }

    /// Writes a prediction.
    pub fn tell(&mut self, index: Option<u32>, file: Option<&Path>, top: &[(usize, f32)]) -> Result<()> {
        let top = &top[..self.top.min(top.len())];
        match self.form {
            Form::Lines => say(self.line(index, file, top)),
            Form::Csv => {
                let mut lines = self.head()?;
                lines.extend(self.csv(index, file, top)?);
                self.write(lines)
            }
            Form::JsonLines => {
                let row = row(&self.classes, index, file, top);
                match &mut self.file {
                    None => say_json_line(&row),
                    Some((_, content)) => {
                        serde_json::to_writer(&mut *content, &row)?;
                        content.push(b'\n');
                        Ok(())
                    }
                }
            }
            Form::Nothing => Ok(()),
        }
    }

    /// Writes the file, if it is to be one, and says where it is.
    pub fn finish(mut self) -> Result<Option<PathBuf>> {
        if self.form == Form::Csv {
            let head = self.head()?; // where nothing was told
            self.write(head)?;
        }
        let Some((path, content)) = self.file else { return Ok(None) };
        replace_file(&path, &content)?;
        Ok(Some(path))
    }

    fn write(&mut self, bytes: Vec<u8>) -> Result<()> {
        match &mut self.file {
            Some((_, content)) => content.extend(bytes),
            None if bytes.is_empty() => {}
            None if output::is_terminal() => say(String::from_utf8_lossy(&bytes).trim_end_matches('\n'))?,
            None => write_raw(&bytes)?,
        }
        Ok(())
    }

    fn line(&self, index: Option<u32>, file: Option<&Path>, top: &[(usize, f32)]) -> String {
        let name = |class: usize| text::fit(&self.classes[class], WIDEST);
        let share = |confidence: f32| percent(f64::from(confidence));
        let (class, confidence) = top[0];
        let image = called(index, file);
        let others: Vec<_> =
            top[1..].iter().map(|&(class, share_of)| format!("{} {}", name(class), share(share_of))).collect();
        let others = if others.is_empty() { String::new() } else { format!("  ({})", others.join(", ")) };
        format!("{:>7}  {}  {image}{others}", share(confidence), text::left(&name(class), self.width))
    }

    /// The head, once.
    fn head(&mut self) -> Result<Vec<u8>> {
        if std::mem::replace(&mut self.has_head, true) {
            return Ok(Vec::new());
        }
        let mut names: Vec<String> = ["path", "label", "confidence"].map(str::to_owned).to_vec();
        if self.is_numbered {
            names.insert(0, "index".into());
        }
        names.extend((2..=self.top).flat_map(|n| [format!("label_{n}"), format!("confidence_{n}")]));
        record(names)
    }

    fn csv(&self, index: Option<u32>, file: Option<&Path>, top: &[(usize, f32)]) -> Result<Vec<u8>> {
        let mut cells: Vec<Vec<u8>> = index.map(|index| index.to_string().into_bytes()).into_iter().collect();
        cells.push(file.map_or_else(Vec::new, |file| file.as_os_str().as_bytes().to_vec()));
        for &(class, confidence) in top {
            cells.push(self.classes[class].raw().as_bytes().to_vec());
            cells.push(confidence.to_string().into_bytes());
        }
        record(cells)
    }
}

fn row<'a>(classes: &'a [Name], index: Option<u32>, file: Option<&Path>, top: &[(usize, f32)]) -> Row<'a> {
    let guess = |&(class, confidence): &(usize, f32)| Guess { class, class_name: classes[class].raw(), confidence };
    let Guess { class, class_name, confidence } = guess(&top[0]);
    let path = file.map(|file| file.to_string_lossy().into_owned());
    let top = if top.len() > 1 { top.iter().map(guess).collect() } else { Vec::new() };
    Row { index, path, class, class_name, confidence, top }
}

/// What an image is called in a line.
pub fn called(index: Option<u32>, file: Option<&Path>) -> String {
    match (file, index) {
        (Some(file), _) => text::name(&file.display().to_string()),
        (None, index) => index.map_or_else(String::new, |index| format!("image {index}")),
    }
}

/// A line of CSV.
fn record(cells: impl IntoIterator<Item: AsRef<[u8]>>) -> Result<Vec<u8>> {
    let mut writer = csv::Writer::from_writer(Vec::new());
    writer.write_record(cells)?;
    writer.into_inner().map_err(csv::IntoInnerError::into_error).context("cannot make CSV")
}
