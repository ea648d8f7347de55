//! Editing the changes of a run that has no worker: what its next worker goes on with.

use anyhow::{Context as _, Result, bail, ensure};

use crate::base::host::user_at_host;
use crate::run::change::Request;
use crate::run::checkpoint;
use crate::run::dir::RunDir;
use crate::run::event::{Event, Record};
use crate::run::history::start;
use crate::run::log::EventLog;
use crate::run::seal;
use crate::run::state::{LastState, RunState};

/// Answers requests about changes in the log of a run without a worker, at the step that it goes on from. Returns that
/// step and the answers.
///
/// # Errors
///
/// Where a worker has the run, where it has nothing left to train, and where a request cannot be followed: then none is.
pub fn amend(dir: &RunDir, requests: &[Request]) -> Result<(u64, Vec<Record>)> {
    let _lock = dir.lock().context("the run has a worker now: ask again")?;
    let mut state = RunState::read(dir)?;
    let config = dir.read_run()?.config;
    refuse(&state, &config, dir)?;
    let (newest, _) = checkpoint::newest(&dir.checkpoints())?;
    seal::check(dir, &state, newest.as_ref())?;
    let done = newest.map_or(0, |found| found.state.step);
    let (start, time) = (start(&config), crate::base::host::now());
    let mut records = Vec::new();
    for (request, n) in requests.iter().zip(1..) {
        let id = format!("{:015}-{}-{n}", (time * 1e6) as u64, std::process::id());
        let answer = state.history.answer(*request, &id, done, &start)?;
        let accepted = Event::Accepted { id, request: *request, who: user_at_host() };
        for event in [accepted, answer] {
            let record = Record { time: (time * 1000.0).round() / 1000.0, event };
            state.apply(&record);
            records.push(record);
        }
    }
    let mut log = EventLog::open(&dir.events())?;
    for record in &records {
        log.append_record(record)?;
    }
    log.sync()?;
    Ok((done, records))
}

/// Refuses runs whose values cannot change any more.
fn refuse(state: &RunState, config: &crate::config::RunConfig, dir: &RunDir) -> Result<()> {
    ensure!(
        config.rank.is_none(),
        "a ranking has the values of its recipe; `fixmatch rank` with others makes another one"
    );
    if state.last_state == Some(LastState::Finished) {
        bail!("{} has finished: fork it to go on from a checkpoint with other values", dir.id());
    }
    Ok(())
}
