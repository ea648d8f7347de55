//! A run's curves for other programs: as CSV, as JSON lines, as TensorBoard's event files.

use std::collections::BTreeMap;
use std::fs::{self, OpenOptions};
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::{Context as _, Result};
use fixmatch::base::aside::replace_file;
use fixmatch::base::files;
use fixmatch::base::hex::sha256_hex;
use fixmatch::base::host::now;
use fixmatch::base::image::Image;
use fixmatch::base::output::write_raw;
use fixmatch::base::text::Name;
use fixmatch::base::tfevents::{self, Setting};
use fixmatch::compare::experiment::Experiment;
use fixmatch::config::{decides, one_line};
use fixmatch::run::dir::RunDir;
use fixmatch::run::event::{Evaluated, Event, Record};
use fixmatch::run::file::RunFile;
use fixmatch::run::log::Follower;
use fixmatch::run::points::Points;
use fixmatch::run::survey::Row;
use serde_json::Value;

use crate::commands::labels::labeled;
use crate::commands::labels::sheet::{self, Drawn, Tile};
use crate::commands::{Reader, fresh_file, note, say};
use crate::signals::let_signals_end_this;
use crate::words::numbers::plural;

/// How long to wait between two looks at a log.
const POLL: Duration = Duration::from_millis(500);

/// A sheet has at most so many labeled images.
const MOST_LABELED: usize = 200;

/// Standard output.
const STDOUT: &str = "-";

/// Writes the curves as CSV: a row for each step, a column for each number.
pub fn csv(dir: &RunDir, out: &Path, force: bool) -> Result<()> {
    let points = read(dir)?;
    let names = points.names();
    let mut writer = csv::Writer::from_writer(Vec::new());
    writer.write_record(["step", "time_s"].into_iter().chain(names.iter().copied()))?;
    for row in &points.rows {
        let values: BTreeMap<&str, f64> = row.values.iter().map(|(name, value)| (name.as_str(), *value)).collect();
        let cells = names.iter().map(|name| values.get(name).map_or_else(String::new, f64::to_string));
        let time = seconds(&points, row.time);
        writer.write_record([row.step.to_string(), time.to_string()].into_iter().chain(cells))?;
    }
    write(out, &writer.into_inner()?, &points, force)
}

/// Writes the curves as JSON lines: an object for each step.
pub fn jsonl(dir: &RunDir, out: &Path, force: bool) -> Result<()> {
    let points = read(dir)?;
    let mut text = Vec::new();
    for row in &points.rows {
        let mut object: serde_json::Map<String, Value> =
            row.values.iter().map(|(name, value)| (name.clone(), Value::from(*value))).collect();
        object.insert("step".into(), row.step.into());
        object.insert("time_s".into(), seconds(&points, row.time).into());
        serde_json::to_writer(&mut text, &object)?;
        text.push(b'\n');
    }
    write(out, &text, &points, force)
}

fn write(out: &Path, content: &[u8], points: &Points, force: bool) -> Result<()> {
    if out == Path::new(STDOUT) {
        return write_raw(content);
    }
    let out = fresh_file(out, force)?;
    replace_file(&out, content)?;
    say(format_args!("{}: {}", out.display(), plural(points.rows.len() as u64, "step")))
}

fn read(dir: &RunDir) -> Result<Points> {
    let mut points = Points::default();
    let mut log = Follower::new(dir.events());
    for record in &log.read_new()? {
        points.apply(record);
    }
    for damage in log.damage() {
        note(format_args!("warning: events.jsonl: {damage}"));
    }
    Ok(points)
}

/// Seconds since the run's first event, to the millisecond that its log has.
fn seconds(points: &Points, time: f64) -> f64 {
    ((time - points.began.unwrap_or(time)) * 1000.0).round() / 1000.0
}

/// Writes the curves into a folder of TensorBoard's, in a folder of the run's name; an earlier export of it is replaced. With
/// `follow` it goes on as the run does, until that has ended.
pub fn tensorboard(dir: &RunDir, folder: &Path, follow: bool) -> Result<()> {
    let run = dir.read_run()?;
    let folder = folder.join(dir.id());
    fs::create_dir_all(&folder).with_context(|| format!("cannot make {}", folder.display()))?;
    let mut reader = Reader::new(dir.clone());
    let (mut points, mut pictures) = (Points::default(), Pictures::default());
    for record in &reader.read()? {
        points.apply(record);
        pictures.apply(record);
    }
    let began = points.began.unwrap_or_else(now);
    let path = event_file(&folder);
    let mut bytes = Vec::new();
    tfevents::Event::version(began).write_to(&mut bytes);
    describe(&mut bytes, dir, &run, began);
    for row in &points.rows {
        let values = row.values.iter().map(|(name, value)| (name.as_str(), *value));
        tfevents::Event::scalars(row.time, row.step, values).write_to(&mut bytes);
        if let Some((time, evaluated)) = pictures.evaluated.get(&row.step) {
            pictures.draw(&mut bytes, *time, evaluated);
        }
    }
    bytes.extend(pictures.end.take().into_iter().flatten());
    replace_file(&path, &bytes)?;
    say(format_args!("{}: {}", path.display(), plural(points.rows.len() as u64, "step")))?;
    if follow { go_on(&mut reader, &points, pictures, &path) } else { Ok(()) }
}

/// What a run is: its configuration as text and as hyperparameters, and its labeled images where they are here.
fn describe(bytes: &mut Vec<u8>, dir: &RunDir, run: &RunFile, began: f64) {
    let configuration = toml::to_string(&run.config).unwrap_or_default();
    let markdown = format!("```toml\n{configuration}```");
    tfevents::Event::text(began, 0, "configuration/text_summary", &markdown).write_to(bytes);
    let setting = |value: &toml::Value| match value {
        toml::Value::Integer(number) => Setting::Number(*number as f64),
        toml::Value::Float(number) => Setting::Number(*number),
        toml::Value::Boolean(is_on) => Setting::Switch(*is_on),
        toml::Value::String(text) => Setting::Word(text.clone()),
        other => Setting::Word(one_line(other)),
    };
    let settings = run.config.values().into_iter().filter(|(key, _)| decides(key));
    // seeds of one configuration are one group there, too
    let group = Experiment::of(Row::of(dir)).design();
    let group = sha256_hex(group.as_bytes());
    let settings = settings.map(|(key, value)| (key, setting(&value)));
    tfevents::Event::hparams(began, &group, settings).write_to(bytes);
    match labeled_images(dir) {
        Ok(Drawn { png, size }) => tfevents::Event::image(began, 0, "labeled_images", png, size).write_to(bytes),
        Err(error) => note(format_args!("without its labeled images: {error:#}")),
    }
}

/// The labeled images of a run on a sheet.
fn labeled_images(dir: &RunDir) -> Result<Drawn> {
    let labeled = labeled::Reader::default().read(dir)?;
    let name = |class: usize| labeled.classes.get(class).map_or_else(|| class.to_string(), ToString::to_string);
    let tile =
        |(class, image): &(usize, Image)| Tile { image: image.clone(), caption: name(*class), about: name(*class) };
    let tiles: Vec<_> = labeled.images.iter().take(MOST_LABELED).map(tile).collect();
    let n = plural(labeled.images.len() as u64, "labeled image");
    let shown = if tiles.len() < labeled.images.len() { format!("the first {} of {n}", tiles.len()) } else { n };
    sheet::tiles((&labeled.picked, &shown), &tiles)
}

/// What is drawn of a run's evaluations.
#[derive(Default)]
struct Pictures {
    classes: Vec<Name>,
    /// The evaluations by their steps, with their times.
    evaluated: BTreeMap<u64, (f64, Box<Evaluated>)>,
    /// How it ended, if it did.
    end: Option<Vec<u8>>,
}

impl Pictures {
    /// Takes note of an event.
    fn apply(&mut self, record: &Record) {
        match &record.event {
            Event::Started(started) => self.classes.clone_from(&started.classes),
            Event::Evaluated(evaluated) => {
                self.evaluated.insert(evaluated.step, (record.time, evaluated.clone()));
            }
            Event::Resumed { step } => {
                self.evaluated.split_off(&(step + 1));
                self.end = None;
            }
            Event::Finished { .. } => self.end = Some(end(record.time, true)),
            Event::Failed { .. } => self.end = Some(end(record.time, false)),
            _ => {}
        }
    }

    /// Draws what an evaluation takes for what, if it says so.
    fn draw(&self, bytes: &mut Vec<u8>, time: f64, evaluated: &Evaluated) {
        let counts = &evaluated.ema.confusion;
        let heading = format!("confusion at step {}, averaged weights", evaluated.step);
        if counts.is_empty() {
            return;
        }
        if let Ok(Drawn { png, size }) = sheet::confusion(&heading, &self.classes, counts) {
            tfevents::Event::image(time, evaluated.step, "confusion", png, size).write_to(bytes);
        }
    }
}

fn end(time: f64, well: bool) -> Vec<u8> {
    let mut bytes = Vec::new();
    tfevents::Event::ended(time, well).write_to(&mut bytes);
    bytes
}

/// The one name that an export of a run has, so that a second export takes the place of the first.
fn event_file(folder: &Path) -> PathBuf {
    folder.join("events.out.tfevents.0000000000.fixmatch")
}

/// Appends what is new until the run has ended.
fn go_on(reader: &mut Reader, points: &Points, mut pictures: Pictures, path: &Path) -> Result<()> {
    let_signals_end_this();
    let mut points = points.clone();
    let mut file = files::open_as(path, OpenOptions::new().append(true))?;
    loop {
        let (records, status) = reader.look()?;
        let mut bytes = Vec::new();
        for record in &records {
            append(&mut bytes, &mut points, record);
            pictures.apply(record);
            if let Event::Evaluated(evaluated) = &record.event {
                pictures.draw(&mut bytes, record.time, evaluated);
            }
        }
        bytes.extend(pictures.end.take().into_iter().flatten());
        file.write_all(&bytes).with_context(|| format!("cannot write {}", path.display()))?;
        if !status.is_alive() {
            note(format_args!("the run is {}", status.label()));
            return Ok(());
        }
        std::thread::sleep(POLL);
    }
}

/// An event of the log as TensorBoard's: of a resumed run all that comes after its step is void there too.
fn append(bytes: &mut Vec<u8>, points: &mut Points, record: &Record) {
    points.apply(record);
    if let Event::Resumed { step } = record.event {
        tfevents::Event::restart(record.time, step + 1).write_to(bytes);
    }
    if let Some((step, values)) = points.values_of(&record.event) {
        let values = values.iter().map(|(name, value)| (name.as_str(), *value));
        tfevents::Event::scalars(record.time, step, values).write_to(bytes);
    }
}
