//! What happened to runs: events of their logs, and workers that vanished.

use std::collections::HashMap;
use std::path::PathBuf;

use fixmatch::base::host::host;
use fixmatch::notify::message::Message;
use fixmatch::notify::settings::Kind;
use fixmatch::run::dir::RunDir;
use fixmatch::run::event::{Event, Record};
use fixmatch::run::log::Follower;
use fixmatch::run::seen::{self, Digest, Seen};
use fixmatch::run::state::{RunState, Status};
use fixmatch::run::survey::Row;

use super::written;
use crate::words::digest::digest_lines;

/// The clock of a file system may be behind that of the machine.
const SKEW_S: f64 = 5.0;

/// The runs of a folder, looked at again and again.
pub struct Watch {
    /// What happened before is not told to anybody.
    since: f64,
    runs: HashMap<PathBuf, Watched>,
}

/// A run.
struct Watched {
    log: Follower,
    n_bytes: u64,
    /// What names the run: its first worker after it was forked. A copy has the same.
    origin: String,
    /// What names its last worker.
    worker: String,
    /// How often in a row it was seen without a worker and without an end.
    n_lost: u32,
}

/// Something to be told.
struct News {
    kind: Kind,
    id: String,
    time: f64,
    reason: Option<String>,
}

impl Watch {
    /// Nothing looked at yet.
    pub fn new(since: f64) -> Self {
        Self { since, runs: HashMap::new() }
    }

    /// Hands over what is new. Says whether a worker is at work, or may have vanished.
    pub fn look(&mut self, rows: &[Row], tell: &mut impl FnMut(&Message)) -> bool {
        let mut is_alive = false;
        for row in rows {
            let (dir, status) = (&row.dir, row.status);
            is_alive |= status.is_alive();
            let path = dir.events();
            let n_bytes = path.metadata().map_or(0, |meta| meta.len());
            let sign_of_life = || written(&path).max(written(&dir.path().join("heartbeat")));
            let is_new = !self.runs.contains_key(dir.path());
            let is_old = is_new && !status.is_alive() && sign_of_life() < self.since - SKEW_S;
            let watched = self.runs.entry(dir.path().to_owned()).or_insert_with(|| Watched::new(dir));
            if is_old {
                watched.n_bytes = n_bytes;
            }
            let mut news = Vec::new();
            if n_bytes != watched.n_bytes
                && let Ok(records) = watched.log.read_new()
            {
                watched.n_bytes = n_bytes; // what cannot be read is tried again
                for record in &records {
                    watched.apply(dir, record, &mut news);
                }
            }
            watched.n_lost = if status == Status::Lost && !is_old { watched.n_lost.saturating_add(1) } else { 0 };
            is_alive |= (1..3).contains(&watched.n_lost);
            if watched.n_lost == 2 {
                let id = format!("{} lost", watched.worker);
                news.push(News { kind: Kind::Lost, id, time: sign_of_life(), reason: None });
            }
            for it in news.iter().filter(|it| it.time >= self.since) {
                tell(&message(it, dir));
            }
        }
        is_alive
    }
}

impl Watched {
    fn new(dir: &RunDir) -> Self {
        let (origin, worker) = (dir.id(), dir.id());
        Self { log: Follower::new(dir.events()), n_bytes: 0, origin, worker, n_lost: 0 }
    }

    fn apply(&mut self, dir: &RunDir, Record { time, event }: &Record, news: &mut Vec<News>) {
        let (kind, what, reason) = match event {
            Event::Launched { pid, host, .. } => {
                self.worker = format!("{time} {pid} {host}");
                if self.origin == dir.id() {
                    self.origin.clone_from(&self.worker);
                }
                return;
            }
            Event::Forked(_) => {
                self.origin = dir.id();
                return news.clear(); // these were the parent's
            }
            // what a resumed run comes to once more is no news
            Event::Finished { step } => (Kind::Finished, format!("finished {step}"), None),
            Event::Alarm(alarm) => {
                (Kind::Alarm, format!("alarm {} {}", alarm.step, alarm.message), Some(alarm.message.clone()))
            }
            Event::Failed { reason, .. } => (Kind::Failed, format!("failed {time}"), Some(reason.clone())),
            Event::Stopped { .. } | Event::Suspended { .. } => (Kind::Stopped, format!("stopped {time}"), None),
            _ => return,
        };
        news.push(News { kind, id: format!("{} {what}", self.origin), time: *time, reason });
    }
}

fn message(news: &News, dir: &RunDir) -> Message {
    let mut lines = Vec::new();
    lines.extend(news.reason.clone());
    if news.kind == Kind::Lost {
        lines.push("its worker ended without a word: killed, or the machine went down".to_owned());
    }
    lines.extend(digest(dir));
    match news.kind {
        Kind::Finished => {}
        Kind::Alarm => lines.push(format!("see `fixmatch pseudo {}`", dir.id())),
        _ => lines.push(format!("`fixmatch resume {}` goes on", dir.id())),
    }
    lines.push(format!("{} on {}", dir.path().display(), host()));
    Message { kind: news.kind, id: news.id.clone(), time: news.time, about: dir.id(), lines }
}

/// What happened since its user last looked, who goes on not having looked.
fn digest(dir: &RunDir) -> Vec<String> {
    let Ok((state, log)) = RunState::fold(&mut Follower::new(dir.events())) else { return Vec::new() };
    let before = seen::file().ok().and_then(|path| seen::recall(&path, dir));
    let head = if before.is_some() { "since you last looked: " } else { "" };
    let Some(digest) = Digest::of(before.unwrap_or(Seen::NOTHING), &state, &log, None) else { return Vec::new() };
    let mut lines = digest_lines(&digest);
    if let Some(first) = lines.first_mut() {
        first.insert_str(0, head);
    }
    lines
}
