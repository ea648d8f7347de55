//! A run's curves for other programs: as CSV, as JSON lines, as TensorBoard's event files.

use std::collections::BTreeMap;
use std::fs::{self, OpenOptions};
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::{Context as _, Result};
use fixmatch::base::files::{self, replace_file};
use fixmatch::base::host::now;
use fixmatch::base::output::write_raw;
use fixmatch::base::tfevents;
use fixmatch::run::dir::RunDir;
use fixmatch::run::event::{Event, Record};
use fixmatch::run::log::Follower;
use fixmatch::run::points::Points;
use serde_json::Value;

use crate::commands::{Reader, fresh_file, note, say};
use crate::signals::let_signals_end_this;
use crate::words::numbers::plural;

/// How long to wait between two looks at a log.
const POLL: Duration = Duration::from_millis(500);

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
pub fn tensorboard(dir: RunDir, folder: &Path, follow: bool) -> Result<()> {
    let run = dir.read_run()?;
    let folder = folder.join(dir.id());
    fs::create_dir_all(&folder).with_context(|| format!("cannot make {}", folder.display()))?;
    let mut reader = Reader::new(dir);
    let mut points = Points::default();
    for record in &reader.read()? {
        points.apply(record);
    }
    let began = points.began.unwrap_or_else(now);
    let path = event_file(&folder);
    let mut bytes = Vec::new();
    tfevents::Event::version(began).write_to(&mut bytes);
    let configuration = toml::to_string(&run.config).unwrap_or_default();
    let markdown = format!("```toml\n{configuration}```");
    tfevents::Event::text(began, 0, "configuration/text_summary", &markdown).write_to(&mut bytes);
    for row in &points.rows {
        let values = row.values.iter().map(|(name, value)| (name.as_str(), *value));
        tfevents::Event::scalars(row.time, row.step, values).write_to(&mut bytes);
    }
    replace_file(&path, &bytes)?;
    say(format_args!("{}: {}", path.display(), plural(points.rows.len() as u64, "step")))?;
    if follow { go_on(&mut reader, &points, &path) } else { Ok(()) }
}

/// The one name that an export of a run has, so that a second export takes the place of the first.
fn event_file(folder: &Path) -> PathBuf {
    folder.join("events.out.tfevents.0000000000.fixmatch")
}

/// Appends what is new until the run has ended.
fn go_on(reader: &mut Reader, points: &Points, path: &Path) -> Result<()> {
    let_signals_end_this();
    let mut points = points.clone();
    let mut file = files::open_as(path, OpenOptions::new().append(true))?;
    loop {
        let (records, status) = reader.look()?;
        let mut bytes = Vec::new();
        for record in &records {
            append(&mut bytes, &mut points, record);
        }
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
