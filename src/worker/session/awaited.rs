//! The ranking that a run's labels are picked by: read, or made first by a run of its own, which anyone can watch.

use std::path::Path;
use std::sync::mpsc::{Receiver, TryRecvError};
use std::thread::sleep;
use std::time::Duration;

use anyhow::{Context, Result, bail};
use fixmatch::config::{Rank, RunConfig};
use fixmatch::data::Dataset;
use fixmatch::labels::ranking::{self, Ranking};
use fixmatch::run::change::Request;
use fixmatch::run::dir::RunDir;
use fixmatch::run::event::Event;
use fixmatch::run::heartbeat::Phase;
use fixmatch::run::history::{History, start};
use fixmatch::run::launch::{Worker, launch};
use fixmatch::run::live::Live;
use fixmatch::run::mailbox;
use fixmatch::run::state::{RunState, Status};

use super::requests::{NO_UNLABELED, asks_for_unlabeled, change};
use crate::recorder::{Command, Reporter};

const POLL: Duration = Duration::from_millis(100);

/// What came of waiting.
pub enum Awaited {
    /// The ranking.
    Found(Box<Ranking>),
    /// A request ended the run before its first step.
    Ended(Event),
}

/// The ranking that `rank` asks for, of a run's data set. Changes that are asked for meanwhile go into the history.
pub fn ranking(
    dir: &RunDir,
    config: &RunConfig,
    (rank, dataset): (Rank, &Dataset),
    (reporter, commands): (&Reporter, &Receiver<Command>),
    history: &mut History,
) -> Result<Awaited> {
    let found = |path: &Path| Ranking::read(path).map(|ranking| Awaited::Found(Box::new(ranking)));
    if let Some(path) = &config.labels.ranking {
        return found(path).context("labels.ranking");
    }
    let recipe = ranking::recipe(&ranking::standard_base(config), rank.clone(), ranking::n_ranked(rank.by, dataset));
    let cached = ranking::cached_at(&recipe, &dataset.digest)?;
    if cached.exists() {
        return found(&cached);
    }
    let by = recipe.rank.as_ref().expect("a recipe has a [rank] table").by;
    reporter.warn(format!("labels are picked by {by}, of which there is no ranking yet: another run makes it first"));
    reporter.phase(0, Phase::Ranking);
    let runs = dir.path().parent().expect("a run directory is in a folder");
    let other = ranking::maker(runs, &recipe, &dir.id())?;
    let worker = if other.is_locked() { None } else { Some(launch(&other, None)?) };
    let has_unlabeled = has_unlabeled(config, dataset);
    if let Some(end) = wait(&other, worker, (reporter, commands), (history, &start(config)), has_unlabeled)? {
        return Ok(Awaited::Ended(end));
    }
    found(&cached).with_context(|| format!("the run {} has ended", other.id()))
}

/// Waits for the other run's end. Returns the event that ends this one, if a request does.
fn wait(
    other: &RunDir,
    mut worker: Option<Worker>,
    (reporter, commands): (&Reporter, &Receiver<Command>),
    (history, start): (&mut History, &Live),
    has_unlabeled: bool,
) -> Result<Option<Event>> {
    loop {
        match commands.try_recv() {
            Ok(Command { id, request: request @ (Request::Stop | Request::Suspend) }) => {
                mailbox::post(&other.control(), request)?;
                while is_alive(other, worker.as_mut())? {
                    sleep(POLL);
                }
                reporter.event(Event::Applied { id, step: 0, change: None, undoes: None, cancels: Vec::new() });
                let end =
                    if request == Request::Stop { Event::Stopped { step: 0 } } else { Event::Suspended { step: 0 } };
                return Ok(Some(end));
            }
            Ok(Command { id, request }) if asks_for_unlabeled(request) && !has_unlabeled => {
                reporter.event(Event::Refused { id, reason: NO_UNLABELED.into() });
            }
            // it has taken no step: each change can be made, edited and taken back before the first one
            Ok(command) if command.request.is_about_changes() => {
                change(history, start, command, 0, reporter)?;
            }
            Ok(Command { id, .. }) => {
                let reason = format!("it has not begun: it waits for {}, which can be asked itself", other.id());
                reporter.event(Event::Refused { id, reason });
            }
            Err(TryRecvError::Empty) => {}
            Err(TryRecvError::Disconnected) => bail!("the recorder has ended"),
        }
        if !is_alive(other, worker.as_mut())? {
            break;
        }
        sleep(POLL);
    }
    match RunState::read(other)?.status(other) {
        Status::Finished => Ok(None),
        status => bail!(
            "{}, which makes the ranking that the labels are picked by, is {}: see `fixmatch show {0}`, then resume this run",
            other.id(),
            status.label()
        ),
    }
}

/// Whether any image will be unlabeled, once as many are labeled as the ranking is made for.
fn has_unlabeled(config: &RunConfig, dataset: &Dataset) -> bool {
    let n_labeled = config.labels.per_class as usize * dataset.classes.len();
    config.labels.in_unlabeled || dataset.unlabeled.is_some() || n_labeled < dataset.train.n()
}

/// Whether a worker is at the other run: the one that this run started, or one that came before it, which another run
/// may have started at the same time.
fn is_alive(other: &RunDir, worker: Option<&mut Worker>) -> Result<bool> {
    let ended = worker.map(Worker::try_wait).transpose().context("cannot wait for a worker")?;
    Ok(matches!(ended, Some(None)) || other.is_locked())
}
