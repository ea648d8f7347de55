//! `fixmatch watch`: a run's events as plain lines, for any terminal and for none.

use std::process::ExitCode;
use std::time::Duration;

use anyhow::Result;
use fixmatch::base::output::say_json_text;
use fixmatch::examples;
use fixmatch::run::event::Record;
use fixmatch::run::log::Follower;
use fixmatch::run::state::Status;
use jiff::Timestamp;
use jiff::tz::TimeZone;

use super::foreground::last_output;
use super::{Reader, RunArg, Runs, note, say};
use crate::signals::let_signals_end_this;
use crate::words::events::sentence;

/// How often the log is read.
pub const POLL: Duration = Duration::from_millis(200);

/// How many lines of the past are shown without `--all`.
const TAIL: usize = 10;

/// Follow a run as plain lines, one an event, until its worker ends
///
/// Exit code: 0 finished, stopped or suspended; 1 failed or lost.
#[derive(clap::Args)]
#[command(after_help = examples!("fixmatch watch", "fixmatch watch quickstart --all"))]
pub struct Args {
    #[command(flatten)]
    run: RunArg,
    /// Begin with the first event rather than the last ten
    #[arg(long)]
    all: bool,
    /// The events of the log as JSON, a line each
    #[arg(long)]
    json: bool,
}

pub fn run(args: &Args, runs: &Runs) -> Result<ExitCode> {
    let_signals_end_this();
    let dir = runs.find(&args.run)?;
    let mut raw = Follower::new(dir.events());
    let mut reader = Reader::new(dir);
    let mut n_shown = if args.all { usize::MAX } else { TAIL };
    loop {
        let (records, status) = reader.look()?;
        let lines = if args.json { raw.read_new_json()? } else { records.iter().filter_map(line).collect() };
        for line in &lines[lines.len().saturating_sub(n_shown)..] {
            if args.json { say_json_text(line)? } else { say(line)? }
        }
        n_shown = usize::MAX;
        if !status.is_alive() {
            return Ok(conclude(&reader, status, runs));
        }
        std::thread::sleep(POLL);
    }
}

/// An event with the time of day.
fn line(record: &Record) -> Option<String> {
    let time = Timestamp::from_millisecond((record.time * 1000.0) as i64).unwrap_or(Timestamp::UNIX_EPOCH);
    let clock = time.to_zoned_datetime(TimeZone::system()).strftime("%H:%M:%S").to_string();
    sentence(&record.event).map(|sentence| format!("{clock}  {sentence}"))
}

/// Says what the last event does not, and gives the exit code.
fn conclude(reader: &Reader, status: Status, runs: &Runs) -> ExitCode {
    let name = runs.name_of(&reader.dir);
    match status {
        Status::Stopped | Status::Suspended => note(format_args!("go on with `fixmatch resume {name}`")),
        Status::Lost => note(format_args!(
            "the run is lost: its worker ended without a word; {}\ngo on from the last checkpoint with \
             `fixmatch resume {name}`",
            last_output(&reader.dir)
        )),
        Status::Starting
        | Status::Running
        | Status::Paused
        | Status::NotResponding
        | Status::Finished
        | Status::Failed => {}
    }
    match status {
        Status::Failed | Status::Lost => ExitCode::FAILURE,
        _ => ExitCode::SUCCESS,
    }
}
