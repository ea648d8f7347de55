//! What happened to suites: all their runs are done, or their queue has ended before.

use std::collections::HashMap;
use std::path::{Path, PathBuf};
use std::time::SystemTime;

use fixmatch::base::host::host;
use fixmatch::notify::message::Message;
use fixmatch::notify::settings::Kind;
use fixmatch::suite::order::{Folder, Order, Wanted};
use fixmatch::suite::queue::Stand;
use fixmatch::suite::standing::{Found, Standing as Runs};

use super::written;
use crate::words::suites::Standing;

/// Looks in a row at a suite without a queue before that is told: one may be taking over.
const N_STALLED: u32 = 3;

/// The suites of a folder of runs, looked at again and again.
pub struct Suites {
    runs: PathBuf,
    /// What happened before is not told to anybody.
    since: f64,
    known: HashMap<PathBuf, Known>,
}

#[derive(Default)]
struct Known {
    order: Option<Order>,
    written: Option<SystemTime>,
    /// How often in a row runs were left and no queue was there.
    n_stalled: u32,
}

impl Suites {
    /// Nothing looked at yet.
    pub fn new(runs: &Path, since: f64) -> Self {
        Self { runs: runs.to_owned(), since, known: HashMap::new() }
    }

    /// Hands over what is new. Says whether a suite is being trained.
    pub fn look(&mut self, runs: &mut Runs, tell: &mut impl FnMut(&Message)) -> bool {
        let mut is_left = false;
        for folder in Folder::list(&self.runs) {
            let known = self.known.entry(folder.path().to_owned()).or_default();
            let now = folder.written();
            if known.written != now {
                (known.order, known.written) = (folder.read().ok().flatten(), now);
            }
            let Some(order) = known.order.as_ref().filter(|order| order.wanted == Wanted::Train) else { continue };
            let found = runs.of(&order.grid).into_iter();
            let stands: Vec<Stand> = found.map(|it| Stand::of(it, order.retry_after)).collect();
            let is_done =
                !stands.iter().any(|it| matches!(it, Stand::Waiting | Stand::Alive(_) | Stand::Interrupted(_)));
            let is_at_work = !is_done && (order.slurm.is_some() || folder.is_locked());
            known.n_stalled = if is_done || is_at_work { 0 } else { known.n_stalled.saturating_add(1) };
            is_left |= is_at_work || (1..N_STALLED).contains(&known.n_stalled);
            let logs = stands.iter().filter_map(Stand::found).map(Found::written);
            let time = logs.fold(written(&folder.path().join("order.json")), f64::max);
            if time >= self.since && (is_done || known.n_stalled == N_STALLED) {
                tell(&message(order, &stands, time, is_done));
            }
        }
        is_left
    }
}

/// The same suite that is done with more runs, or again after a retry, is another event.
fn message(order: &Order, stands: &[Stand], time: f64, is_done: bool) -> Message {
    let standing = Standing::of(order, stands, false, None);
    let (how, id) = if is_done {
        ("is done", format!("done {} {}", stands.len(), order.retry_after))
    } else {
        ("is not done, but its queue has ended", format!("stalled {} {}", stands.len(), standing.waiting))
    };
    let mut lines: Vec<String> = standing.told(order).lines().map(str::to_owned).collect();
    let next = if is_done { "suite status" } else { "suite run" };
    lines.push(format!("`fixmatch {next} {}` on {}", order.suite, host()));
    // a suite of the same name that was begun anew has other runs
    let first = stands.iter().find_map(Stand::found).map_or_else(String::new, |found| found.row.dir.id());
    Message {
        kind: Kind::Suite,
        id: format!("suite {} {first} {id}", order.suite),
        time,
        about: format!("{} {how}", order.suite),
        lines,
    }
}
