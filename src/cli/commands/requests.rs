//! `fixmatch pause`, `stop`, `suspend`, `checkpoint`, `evaluate` and `set`: put a request into the mailbox of a run and
//! wait for what comes of it.

use std::process::ExitCode;
use std::time::Instant;

use anyhow::{Context as _, Result, bail, ensure};
use fixmatch::examples;
use fixmatch::run::amend::amend;
use fixmatch::run::change::{Change, LIVE, LiveKey, Request};
use fixmatch::run::dir::RunDir;
use fixmatch::run::event::{Evaluated, Event, Record};
use fixmatch::run::heartbeat::Phase;
use fixmatch::run::history::{self, Entry, Fate, History};
use fixmatch::run::live::Live;
use fixmatch::run::state::{Status, live_step};
use fixmatch::run::{checkpoint, mailbox};

use super::watch::POLL;
use super::{Reader, RunArg, Runs, complete, note, say};
use crate::words::events::agreement;
use crate::words::numbers::percent;

/// How long a worker may take to answer: its mailbox is read ten times a second, but its disk may be slow.
const TIMEOUT_S: u64 = 30;

/// What all requests take.
#[derive(clap::Args)]
pub struct Ask {
    #[command(flatten)]
    run: RunArg,
    #[command(flatten)]
    patience: Patience,
}

/// How long to wait for an answer.
#[derive(clap::Args)]
pub struct Patience {
    /// Seconds to wait for the worker to answer
    #[arg(long, value_name = "SECONDS", default_value_t = TIMEOUT_S)]
    timeout: u64,
}

/// Pause a run: it keeps its memory and waits for `fixmatch resume`
#[derive(clap::Args)]
#[command(after_help = examples!("fixmatch pause", "fixmatch pause quickstart"))]
pub struct Pause {
    #[command(flatten)]
    pub ask: Ask,
}

/// Save a run and end its worker
#[derive(clap::Args)]
#[command(after_help = examples!("fixmatch stop quickstart"))]
pub struct Stop {
    #[command(flatten)]
    pub ask: Ask,
}

/// Save a run and end its worker for now, which frees its memory; `fixmatch resume` goes on
#[derive(clap::Args)]
#[command(after_help = examples!("fixmatch suspend quickstart"))]
pub struct Suspend {
    #[command(flatten)]
    pub ask: Ask,
}

/// Save a run now
#[derive(clap::Args)]
#[command(after_help = examples!("fixmatch checkpoint quickstart"))]
pub struct Checkpoint {
    #[command(flatten)]
    pub ask: Ask,
}

/// Evaluate a run on the test set now
#[derive(clap::Args)]
#[command(after_help = examples!("fixmatch evaluate quickstart"))]
pub struct Evaluate {
    #[command(flatten)]
    pub ask: Ask,
}

/// Change values of a run while it trains
#[derive(clap::Args)]
#[command(long_about = about_set(), after_help = examples!("fixmatch set threshold=0.9", "fixmatch set quickstart threshold=0.9 lr_factor=0.5"))]
pub struct Set {
    /// RUN, then KEY=VALUE, repeatable
    #[arg(required = true, value_name = "RUN | KEY=VALUE", add = complete::run_or_change())]
    words: Vec<String>,
    #[command(flatten)]
    patience: Patience,
}

fn about_set() -> String {
    let line = |key: &LiveKey| format!("\n  {:<21}  {}; {}", key.name, key.meaning, key.allowed);
    let keys = LIVE.map(line).concat();
    format!("Change values of a run while it trains\n\nRUN may be left out for the newest run. KEY is one of{keys}")
}

impl Patience {
    /// As it comes.
    pub fn usual() -> Self {
        Self { timeout: TIMEOUT_S }
    }
}

pub fn pause(ask: &Ask, runs: &Runs) -> Result<ExitCode> {
    let (mut reader, status) = open(&ask.run, runs)?;
    let name = runs.name_of(&reader.dir);
    if status == Status::Paused {
        say(format_args!("{} is paused already, at step {}", reader.dir.id(), reader.state.step))?;
        return Ok(ExitCode::SUCCESS);
    }
    note(format_args!("pausing {}…", reader.dir.id()));
    let step = request(&mut reader, Request::Pause, &ask.patience)?;
    say(format_args!(
        "paused at step {step}; its memory is kept. `fixmatch suspend {name}` frees it, `fixmatch resume {name}` goes on"
    ))?;
    Ok(ExitCode::SUCCESS)
}

/// Ends a pause, for `fixmatch resume`.
pub fn go_on(mut reader: Reader) -> Result<ExitCode> {
    let step = request(&mut reader, Request::Continue, &Patience::usual())?;
    say(format_args!("{} goes on at step {step}", reader.dir.id()))?;
    Ok(ExitCode::SUCCESS)
}

pub fn stop(ask: &Ask, runs: &Runs) -> Result<ExitCode> {
    end(ask, runs, Request::Stop, "stopping")
}

pub fn suspend(ask: &Ask, runs: &Runs) -> Result<ExitCode> {
    end(ask, runs, Request::Suspend, "suspending")
}

pub fn checkpoint(ask: &Ask, runs: &Runs) -> Result<ExitCode> {
    let (mut reader, _) = open(&ask.run, runs)?;
    let step = request(&mut reader, Request::Checkpoint, &ask.patience)?;
    let path = reader.dir.checkpoints().join(checkpoint::file_name(step));
    say(format_args!("saved step {step} as {}", path.display()))?;
    Ok(ExitCode::SUCCESS)
}

pub fn evaluate(ask: &Ask, runs: &Runs) -> Result<ExitCode> {
    let (mut reader, _) = open(&ask.run, runs)?;
    note(format_args!("evaluating {}…", reader.dir.id()));
    let step = request(&mut reader, Request::Evaluate, &ask.patience)?;
    // The worker evaluates before it says that it has.
    if let Some(compared) = reader.state.comparisons.iter().rev().find(|it| it.step == step && it.requested) {
        say(format_args!("step {step}: {}", agreement(compared)))?;
        return Ok(ExitCode::SUCCESS);
    }
    let mut evaluations = reader.state.evaluations.iter().rev();
    let evaluated = evaluations.find(|evaluated| evaluated.step == step && evaluated.requested);
    let Evaluated { raw, ema, .. } =
        evaluated.context("the worker says that it evaluated, but not with what result")?;
    say(format_args!("step {step}: test accuracy {} (EMA), {} (raw)", percent(ema.accuracy), percent(raw.accuracy)))?;
    Ok(ExitCode::SUCCESS)
}

pub fn set(args: &Set, runs: &Runs) -> Result<ExitCode> {
    let (run, settings) = match args.words.split_first() {
        Some((run, settings)) if !run.contains('=') => (Some(run.clone()), settings),
        _ => (None, args.words.as_slice()),
    };
    ensure!(!settings.is_empty(), "say what to set, such as `fixmatch set RUN threshold=0.9`");
    let changes = settings.iter().map(|setting| setting.parse()).collect::<Result<Vec<Change>>>()?;
    let requests: Vec<_> = changes.into_iter().map(Request::Set).collect();
    change(runs.find(&RunArg { run })?, &requests, &args.patience, runs)
}

/// Has changes made or edited: by the worker, or where none is left, in what the next one goes on with.
pub fn change(dir: RunDir, requests: &[Request], patience: &Patience, runs: &Runs) -> Result<ExitCode> {
    let mut reader = Reader::new(dir);
    let (_, status) = reader.look()?;
    let start = history::start(&reader.dir.read_run()?.config);
    if matches!(status, Status::Stopped | Status::Suspended | Status::Failed | Status::Lost) {
        let (step, _) = amend(&reader.dir, requests)?;
        let before = reader.state.history.clone();
        reader.read()?;
        report(&before, &reader.state.history, &start)?;
        say(format_args!("`fixmatch resume {}` goes on with this at step {step}", runs.name_of(&reader.dir)))?;
        return Ok(ExitCode::SUCCESS);
    }
    let dir = reader.dir.clone();
    let (mut reader, _) = open_dir(dir, runs)?;
    for one in requests {
        let before = reader.state.history.clone();
        request(&mut reader, *one, patience)?;
        report(&before, &reader.state.history, &start)?;
    }
    Ok(ExitCode::SUCCESS)
}

/// Says in what two histories of a run differ.
fn report(before: &History, after: &History, start: &Live) -> Result<()> {
    for entry in &after.entries()[before.entries().len()..] {
        let was = after.before(entry.number, start).map_or_else(String::new, |was| format!(", was {}", was.value()));
        let by = |it: &&Entry| it.fate == Fate::Cancelled { by: entry.number };
        let cancelled: Vec<_> = after.entries().iter().filter(by).collect();
        let cancels = if cancelled.is_empty() {
            String::new()
        } else {
            format!("; cancels {}, which lay ahead", history::in_words(&cancelled))
        };
        say(format_args!("{} from step {} on{was}{cancels}", entry.change, entry.step))?;
    }
    for (old, new) in before.entries().iter().zip(after.entries()).filter(|(old, new)| old != new) {
        let what = format!("{} at step {}", old.change, old.step);
        match new.fate {
            Fate::Dropped => say(format_args!("dropped: {what}"))?,
            Fate::Cancelled { .. } => {}
            Fate::Stands => say(format_args!("{what} is now {} at step {}", new.change, new.step))?,
        }
    }
    Ok(())
}

/// The run and how it stands, if a worker is there to ask.
fn open(run: &RunArg, runs: &Runs) -> Result<(Reader, Status)> {
    open_dir(runs.find(run)?, runs)
}

fn open_dir(dir: RunDir, runs: &Runs) -> Result<(Reader, Status)> {
    let mut reader = Reader::new(dir);
    let (_, mut status) = reader.look()?;
    while status == Status::Starting && reader.state.last_state.is_none() {
        // A worker refuses what was put into the mailbox before it came.
        std::thread::sleep(POLL);
        (_, status) = reader.look()?;
    }
    let (id, name) = (reader.dir.id(), runs.name_of(&reader.dir));
    match status {
        Status::Starting | Status::Running | Status::Paused | Status::NotResponding => Ok((reader, status)),
        Status::Finished => {
            bail!(
                "{id} has finished, so there is no worker to ask; `fixmatch fork {name} --set train.steps=N` trains it further"
            )
        }
        Status::Stopped | Status::Suspended | Status::Failed | Status::Lost => {
            bail!("{id} is {}: there is no worker to ask; `fixmatch resume {name}` starts one", status.label())
        }
    }
}

/// Posts a request and waits until it has been followed. Returns the step at which.
fn request(reader: &mut Reader, request: Request, patience: &Patience) -> Result<u64> {
    post_and_wait(reader, request, patience, |reader, followed, status| {
        if followed.is_none() && !status.is_alive() {
            bail!("{} is {} now; the request came too late", reader.dir.id(), status.label());
        }
        Ok(followed.map(|followed| followed.step))
    })
}

/// Posts a request that ends the worker and waits until it is gone, or where that takes long, until it is saved.
fn end(ask: &Ask, runs: &Runs, request: Request, doing: &str) -> Result<ExitCode> {
    let (mut reader, _) = open(&ask.run, runs)?;
    let name = runs.name_of(&reader.dir);
    let (_, phase) = live_step(&reader.dir, reader.state.step);
    let first = phase.and_then(Phase::comes_first).map_or_else(String::new, |what| format!(", once {what}"));
    note(format_args!("{doing} {}{first}…", reader.dir.id()));
    let said = post_and_wait(&mut reader, request, &ask.patience, |reader, followed, status| {
        let step = reader.state.step;
        match status {
            Status::Starting | Status::Running | Status::Paused | Status::NotResponding => {
                let Some(Followed { step, at, taken_up }) = followed else { return Ok(None) };
                if taken_up {
                    return Ok(Some(format!("saved at step {step}; another worker has taken the run up since")));
                }
                let waited = at.elapsed().as_secs();
                let is_late = waited > ask.patience.timeout;
                Ok(is_late.then(|| format!("saved at step {step}; its worker has not ended for {waited} s since")))
            }
            Status::Finished => Ok(Some(format!("finished all {step} steps before it could be asked"))),
            Status::Stopped | Status::Suspended => {
                Ok(Some(format!("{} at step {step}; go on with `fixmatch resume {name}`", status.label())))
            }
            Status::Failed => bail!("the run failed: {}", reader.state.failure().unwrap_or_default()),
            Status::Lost => bail!(
                "the worker ended without a word; the newest checkpoint is kept, `fixmatch resume {name}` goes on from it"
            ),
        }
    })?;
    say(said)?;
    Ok(ExitCode::SUCCESS)
}

/// That a request was followed.
#[derive(Clone, Copy)]
struct Followed {
    /// After so many steps.
    step: u64,
    /// When that was read.
    at: Instant,
    /// Whether another worker has taken the run up since.
    taken_up: bool,
}

/// Posts a request, then looks at the run until `outcome` finds what it waits for in whether it was followed and the status.
/// A refusal is an error, and so is a worker that does not answer or ends before it follows it.
fn post_and_wait<T>(
    reader: &mut Reader,
    request: Request,
    patience: &Patience,
    outcome: impl Fn(&Reader, Option<Followed>, Status) -> Result<Option<T>>,
) -> Result<T> {
    let id = mailbox::post(&reader.dir.control(), request)?;
    let (posted, mut answered, mut followed) = (Instant::now(), false, None::<Followed>);
    loop {
        let (records, status) = reader.look()?;
        for Record { event, .. } in &records {
            answered |= answers(event, &id)?;
            match (event, &mut followed) {
                (Event::Applied { id: applied, step, .. } | Event::Edited { id: applied, step, .. }, _)
                    if *applied == id =>
                {
                    followed = Some(Followed { step: *step, at: Instant::now(), taken_up: false });
                }
                (Event::Launched { .. }, Some(followed)) => followed.taken_up = true,
                (Event::Launched { .. }, None) if answered => {
                    bail!("the worker ended before it did what it was asked, and another one has taken the run up")
                }
                _ => {}
            }
        }
        if let Some(outcome) = outcome(reader, followed, status)? {
            return Ok(outcome);
        }
        check_patience(&reader.dir, status, patience, posted, answered)?;
        std::thread::sleep(POLL);
    }
}

/// Whether an event answers the request; a refusal is an error.
fn answers(event: &Event, id: &str) -> Result<bool> {
    match event {
        Event::Accepted { id: answered, .. }
        | Event::Applied { id: answered, .. }
        | Event::Edited { id: answered, .. } => Ok(answered == id),
        Event::Refused { id: answered, reason } if answered == id => bail!("the worker refuses: {reason}"),
        _ => Ok(false),
    }
}

fn check_patience(dir: &RunDir, status: Status, patience: &Patience, posted: Instant, answered: bool) -> Result<()> {
    let waited = posted.elapsed().as_secs();
    if answered && status != Status::NotResponding || waited < patience.timeout {
        return Ok(());
    }
    if status == Status::NotResponding {
        bail!("{}\nit will do this once it responds", not_responding(dir));
    }
    bail!(
        "the worker has not answered for {waited} s (status: {}); it will do this once it responds; see {}",
        status.label(),
        dir.worker_log().display()
    )
}

/// What to do about a worker that gives no sign of life.
pub fn not_responding(dir: &RunDir) -> String {
    let process = dir.heartbeat().map_or_else(String::new, |(beat, age)| {
        format!(": process {} on {}, silent for {} s", beat.pid, beat.host, age.as_secs())
    });
    let disk = dir.trouble().and_then(Phase::trouble).map_or_else(String::new, |trouble| format!(", {trouble}"));
    format!(
        "the worker of {} is not responding{process}{disk}; see {}; if it hangs, kill it and `fixmatch resume` the run",
        dir.id(),
        dir.worker_log().display()
    )
}
