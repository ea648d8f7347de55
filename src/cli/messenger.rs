//! The messenger: a process that looks at the runs and suites of a folder, and tells whom the settings name.
//!
//! One for each folder of runs. What it tells it reads from the logs, so one that was killed is made up for by the next.

mod news;
mod suites;

use std::fs::{File, OpenOptions, TryLockError};
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::Path;
use std::sync::{Arc, Mutex};
use std::thread::sleep;
use std::time::{Duration, Instant, SystemTime};

use anyhow::{Context as _, Result};
use fixmatch::base::output::note;
use fixmatch::base::{dirs, files, host};
use fixmatch::notify::courier::{Courier, Pauses};
use fixmatch::notify::journal::Journal;
use fixmatch::notify::settings::Notify;
use fixmatch::notify::{Place, wake};
use fixmatch::suite::standing::Standing;

use self::news::Watch;
use self::suites::Suites;

/// How often it looks, at least.
const POLL: Duration = Duration::from_millis(500);

/// How much longer than a look the pause after it is: of a folder of ten thousand runs it is no load.
const SHARE: u32 = 20;

/// How long a new messenger waits for one that is about to end.
const HANDOVER: Duration = Duration::from_secs(5);

/// Tells what happens after `since` until nothing is left to watch and to send.
pub fn work(runs: &Path, since: Option<f64>) -> Result<()> {
    let place = Place::of(runs)?;
    place.make()?;
    let Some(lock) = take(&place.lock())? else { return Ok(()) };
    let settings = dirs::config_file()?;
    let written = || settings.metadata().and_then(|meta| meta.modified()).ok();
    let begun_with = written();
    let notify = Notify::read(&settings)?;
    let first = since.unwrap_or_else(host::now);
    let journal = Arc::new(Mutex::new(Journal::open(&place.journal())?));
    let receivers = notify.receivers();
    let couriers = receivers.into_iter().map(|it| Courier::start(it, &journal, first, Pauses::default()));
    let mut couriers = couriers.collect::<Result<Vec<_>>>()?;
    let Some(earliest) = couriers.iter().map(Courier::since).reduce(f64::min) else { return Ok(()) };
    say(&format!("the messenger begins as process {}", std::process::id()));
    let mut standing = Standing::new(runs);
    let (mut watch, mut suites) = (Watch::new(earliest), Suites::new(runs, earliest));
    let mut n_idle = 0;
    while n_idle < 3 {
        let began = Instant::now();
        let is_watching = look(&mut standing, &mut watch, &mut suites, |message| {
            if notify.on.contains(&message.kind) {
                for courier in &mut couriers {
                    courier.offer(message);
                }
            }
        });
        let is_watching = is_watching.unwrap_or_else(|error| {
            note(format_args!("{error:#}"));
            true
        });
        let is_sending = couriers.iter().any(|courier| courier.n_waiting() > 0);
        n_idle = if is_watching || is_sending { 0 } else { n_idle + 1 };
        if written() != begun_with {
            say("the settings have changed");
            drop(lock);
            wake(runs);
            return Ok(());
        }
        sleep(POLL.max(SHARE * began.elapsed()));
    }
    say("the messenger ends: nothing is left to watch");
    Ok(())
}

/// Hands over what there is to tell. Says whether more may come.
fn look(
    standing: &mut Standing,
    watch: &mut Watch,
    suites: &mut Suites,
    mut tell: impl FnMut(&fixmatch::notify::message::Message),
) -> Result<bool> {
    let rows = standing.survey()?;
    let is_alive = watch.look(rows, &mut tell);
    let is_left = suites.look(standing, &mut tell);
    Ok(is_alive || is_left)
}

/// The lock, unless another messenger keeps it.
fn take(path: &Path) -> Result<Option<File>> {
    let file = files::open_as(path, OpenOptions::new().write(true).create(true).mode(0o600));
    let file = file.with_context(|| format!("cannot open {}", path.display()))?;
    let deadline = Instant::now() + HANDOVER;
    loop {
        match file.try_lock() {
            Ok(()) => return Ok(Some(file)),
            Err(TryLockError::WouldBlock) if Instant::now() < deadline => sleep(Duration::from_millis(100)),
            Err(TryLockError::WouldBlock) => return Ok(None),
            Err(TryLockError::Error(error)) => {
                return Err(error).with_context(|| format!("cannot lock {}", path.display()));
            }
        }
    }
}

/// A line of its log.
fn say(line: &str) {
    let moment = jiff::ZonedDateTime::now().strftime("%Y-%m-%d %H:%M:%S");
    note(format_args!("{moment} {line}"));
}

/// When a file was written, in seconds since 1970.
fn written(path: &Path) -> f64 {
    let modified = path.metadata().and_then(|meta| meta.modified()).ok();
    let since = modified.and_then(|time| time.duration_since(SystemTime::UNIX_EPOCH).ok());
    since.map_or(0.0, |since| since.as_secs_f64())
}
