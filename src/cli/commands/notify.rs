//! `fixmatch notify`: whom the settings name to be told, a message to try it, and what was sent.

use std::process::ExitCode;

use anyhow::{Result, ensure};
use clap::Subcommand;
use fixmatch::base::{dirs, host};
use fixmatch::examples;
use fixmatch::notify::Place;
use fixmatch::notify::journal::{self, Mark};
use fixmatch::notify::message::{Message, Outcome};
use fixmatch::notify::settings::{Kind, Notify};
use jiff::Timestamp;
use jiff::tz::TimeZone;

use super::{Runs, note, say};
use crate::console;
use crate::messenger;
use crate::words::numbers::table;

/// Be told when runs end, fail, are lost or raise alarms, and when suites are done
///
/// Whom to tell stands in config.toml, in the table [notify]: webhooks as of ntfy and Slack, any other that takes JSON, and
/// mail. A process of its own sends, so that no run waits for a server.
#[derive(clap::Args)]
#[command(after_help = examples!("fixmatch notify test", "fixmatch notify status"))]
pub struct Args {
    #[command(subcommand)]
    task: Task,
}

#[derive(Subcommand)]
enum Task {
    /// Send a message to everybody that the settings name, and say whether it arrived
    #[command(after_help = examples!("fixmatch notify test"))]
    Test,
    /// Say who is told of what, and what was sent last
    #[command(after_help = examples!("fixmatch notify status"))]
    Status,
    /// Watches the runs and sends
    #[command(hide = true, after_help = examples!("fixmatch notify work"))]
    Work {
        /// What happened before is not told, in seconds since 1970
        #[arg(long, value_name = "SECONDS")]
        since: Option<f64>,
    },
}

/// Lines of what was sent.
const N_SHOWN: usize = 10;

pub fn run(args: &Args, runs: &Runs) -> Result<ExitCode> {
    match args.task {
        Task::Test => test(),
        Task::Status => status(runs).map(|()| ExitCode::SUCCESS),
        Task::Work { since } => messenger::work(runs.folder(), since).map(|()| ExitCode::SUCCESS),
    }
}

/// The settings, which must name somebody.
fn settings() -> Result<Notify> {
    console::read_settings()?; // a table of another name would be none of Notify's
    let path = dirs::config_file()?;
    let notify = Notify::read(&path)?;
    ensure!(
        !notify.receivers().is_empty(),
        "nobody is to be told: name somebody in {}, for example\n[notify]\nntfy = \"https://ntfy.sh/A-TOPIC-OF-YOURS\"",
        path.display()
    );
    if let Ok(meta) = path.metadata() {
        use std::os::unix::fs::PermissionsExt as _;
        if meta.permissions().mode() & 0o077 != 0 {
            note(format_args!("others can read {}, and addresses may be secrets: chmod 600 it", path.display()));
        }
    }
    Ok(notify)
}

fn test() -> Result<ExitCode> {
    let time = host::now();
    let about = format!("a message from {}", host::user_at_host());
    let lines = vec!["If you can read this, fixmatch can tell you of your runs.".to_owned()];
    let message = Message { kind: Kind::Test, id: format!("test {time}"), time, about, lines };
    let mut code = ExitCode::SUCCESS;
    for receiver in settings()?.receivers() {
        let name = receiver.name();
        match message.send(&receiver) {
            Outcome::Told => say(format_args!("{name}: sent"))?,
            Outcome::NotNow(why) | Outcome::Never(why) => {
                say(format_args!("{name}: not sent: {why}"))?;
                code = ExitCode::FAILURE;
            }
            Outcome::Unclear(why) => {
                say(format_args!("{name}: no answer, so it may have arrived or not: {why}"))?;
                code = ExitCode::FAILURE;
            }
        }
    }
    Ok(code)
}

fn status(runs: &Runs) -> Result<()> {
    let notify = settings()?;
    let words: Vec<_> = notify.on.iter().map(|kind| kind.word()).collect();
    say(format_args!("told of: {}", words.join(", ")))?;
    let place = Place::of(runs.folder())?;
    let entries = journal::read(&place.journal())?;
    for receiver in notify.receivers() {
        let key = receiver.key();
        say(receiver.name())?;
        let last = entries.iter().filter(|entry| entry.to == key && entry.mark != Mark::Since);
        let mut of_message: Vec<&journal::Entry> = Vec::new();
        let mut titles = std::collections::HashMap::new();
        for entry in last {
            if entry.mark == Mark::Sending {
                titles.insert(&entry.id, &entry.what);
            }
            of_message.retain(|other| other.id != entry.id);
            of_message.push(entry);
        }
        let shown = &of_message[of_message.len().saturating_sub(N_SHOWN)..];
        let rows: Vec<Vec<String>> = shown
            .iter()
            .map(|entry| {
                let how = match entry.mark {
                    Mark::Since | Mark::Sending => "being sent".to_owned(),
                    Mark::Sent => "sent".to_owned(),
                    Mark::Failed => format!("not yet: {}", entry.what),
                    Mark::GivenUp => format!("given up: {}", entry.what),
                };
                let title = titles.get(&entry.id).map_or_else(String::new, |title| (*title).clone());
                vec![clock(entry.time), title, how]
            })
            .collect();
        if rows.is_empty() {
            say("  nothing was sent yet")?;
        } else {
            say(table(&["TIME", "WHAT", "STATE"], &rows))?;
        }
    }
    say(format_args!("what the messenger says: {}", place.log().display()))
}

/// A moment of the last days, in this machine's time zone.
fn clock(time: f64) -> String {
    let moment = Timestamp::from_millisecond((time * 1000.0) as i64).unwrap_or_default();
    moment.to_zoned_datetime(TimeZone::system()).strftime("%m-%d %H:%M:%S").to_string()
}
