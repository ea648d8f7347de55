//! Lists of images to label, as `suggest` and `advise` hand them on: for people, as JSON, as a list to fill in, as a sheet.

use std::os::unix::ffi::OsStrExt as _;
use std::path::{Path, PathBuf};

use anyhow::{Context as _, Result};
use fixmatch::base::aside::replace_file;
use fixmatch::base::text::Shown as _;
use fixmatch::data::Dataset;
use serde::Serialize;

use super::sheet::{Files, Tile};
use crate::commands::{fresh_file, note, say, say_json};

/// Where a list goes, and as what.
#[derive(clap::Args)]
pub struct Target {
    /// As JSON
    #[arg(long, conflicts_with = "csv")]
    json: bool,
    /// As a list with an empty column for the labels, which is a label file once they are filled in
    #[arg(long)]
    csv: bool,
    /// Write to this file instead of printing
    #[arg(short, long, value_name = "FILE")]
    output: Option<PathBuf>,
    #[command(flatten)]
    sheet: Files,
}

/// A list of images to label.
pub trait Listing: Serialize {
    /// What is said of each image in a list to fill in.
    const COLUMNS: [&str; 2];

    /// For people.
    fn text(&self) -> String;

    /// The images, with what is said of each.
    fn images(&self) -> impl Iterator<Item = Listed<'_>>;

    /// What to do with the file that it was written to.
    fn then(&self) -> String {
        String::new()
    }
}

/// An image of a list.
pub struct Listed<'a> {
    /// Its number among the training images.
    pub index: u32,
    /// What it is called.
    pub file: &'a Path,
    /// What is said of it, in columns.
    pub values: [String; 2],
    /// The same in words.
    pub about: String,
}

impl Target {
    /// Refuses files that cannot be written, before there is work to lose.
    pub fn check(&self) -> Result<()> {
        self.fresh_output()?;
        self.sheet.check()
    }

    fn fresh_output(&self) -> Result<Option<PathBuf>> {
        self.output.as_deref().map(|path| fresh_file(path, self.sheet.force)).transpose()
    }

    /// Hands a list on, and draws its images below two lines of text if there is to be a sheet.
    pub fn tell(&self, list: &impl Listing, head: (&str, &str), dataset: &Dataset) -> Result<()> {
        match self.fresh_output()? {
            Some(path) => {
                let content = match (self.json, self.csv) {
                    (true, _) => [&serde_json::to_vec_pretty(list)?[..], b"\n"].concat(),
                    (_, true) => csv(list, path.parent())?,
                    _ => format!("{}\n", list.text()).into_bytes(),
                };
                replace_file(&path, &content)?;
                note(format_args!("{} is written{}", path.shown(), list.then()));
            }
            None if self.json => say_json(list)?,
            None if self.csv => say(String::from_utf8_lossy(&csv(list, None)?).trim_end())?,
            None if self.sheet.is_some() => {}
            None => say(list.text())?,
        }
        let tile = |(place, it): (usize, Listed)| {
            let short = it.file.file_name().map_or_else(|| it.file.shown(), |name| Path::new(name).shown());
            Tile {
                image: dataset.train.image(it.index as usize),
                caption: format!("{} {short}", place + 1),
                about: format!("{}{}", it.file.shown(), it.about),
            }
        };
        let tiles: Vec<Tile> = list.images().enumerate().map(tile).collect();
        self.sheet.write_tiles(head, &tiles)
    }
}

/// A file as it is shown: from the current folder, if it is below that.
pub fn from_here(file: &Path) -> String {
    let here = std::env::current_dir().unwrap_or_default();
    file.strip_prefix(&here).unwrap_or(file).shown().to_string()
}

/// With an empty column for the labels; with a folder, paths below it start there.
fn csv<L: Listing>(list: &L, folder: Option<&Path>) -> Result<Vec<u8>> {
    let mut writer = csv::Writer::from_writer(Vec::new());
    writer.write_record(["path", "label"].iter().chain(&L::COLUMNS))?;
    for Listed { file, values, .. } in list.images() {
        let path = folder.and_then(|folder| file.strip_prefix(folder).ok()).unwrap_or(file);
        let values = values.iter().map(String::as_bytes);
        writer.write_record([path.as_os_str().as_bytes(), b""].into_iter().chain(values))?;
    }
    writer.into_inner().context("memory takes what is written")
}
