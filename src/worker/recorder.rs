//! The worker's main thread: the only writer of events.
//!
//! It takes reports from the trainer's thread, requests from the mailbox and signals, and gives a sign of life every
//! two seconds, whatever the trainer is busy with. While the log cannot be written, it holds the trainer and tries again.

mod reporter;
mod signals;

use std::collections::BTreeSet;
use std::ffi::OsString;
use std::sync::mpsc as std_mpsc;
use std::time::{Duration, Instant};

use anyhow::{Error, Result, bail, ensure};
use fixmatch::base::files;
use fixmatch::base::host::{host, now};
use fixmatch::base::text::Name;
use fixmatch::run::change::Request;
use fixmatch::run::dir::RunDir;
use fixmatch::run::event::{Event, Job, Record};
use fixmatch::run::heartbeat::{Heartbeat, Phase, STALE};
use fixmatch::run::insight::{self, InsightFile};
use fixmatch::run::log::{EventLog, Follower};
use fixmatch::run::mailbox::{self, Content, Letter, Mail};
use fixmatch::run::state::{LastState, RunState};
use fixmatch::run::summary::Summary;
use tokio::sync::mpsc::UnboundedReceiver;
use tokio::time::{MissedTickBehavior, interval, sleep};

pub use self::reporter::Reporter;
use self::reporter::{Hold, RETRY, Report, gave_up, tell, trouble, was_held};
use self::signals::Signals;
use crate::failure::kind_of;

const HEARTBEAT: Duration = Duration::from_secs(2);

/// A request on its way to the trainer.
#[derive(Debug)]
pub struct Command {
    /// The request's file name, which answers carry.
    pub id: String,
    /// What is asked.
    pub request: Request,
}

/// Another worker has written to the log since someone decided to start this one.
#[derive(Debug, PartialEq, Eq)]
pub struct Overtaken;

impl std::fmt::Display for Overtaken {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("another worker has taken this run up since this one was started")
    }
}

/// Refuses a run that a worker of another machine trains. A lock says that of this machine's workers, but not every file
/// system carries locks from one machine to another. So where the last sign of life is another machine's and recent, one more
/// is waited for, until the last one is stale.
fn refuse_another_machines(dir: &RunDir) -> Result<()> {
    let Some((last, age)) = dir.heartbeat().filter(|(beat, _)| beat.host != host()) else { return Ok(()) };
    let began = Instant::now();
    while age + began.elapsed() < STALE {
        if let Some((beat, _)) = dir.heartbeat()
            && beat != last
        {
            bail!(
                "a worker on {} is training this run, and locks do not reach from there to here: end that one first",
                Name::from(beat.host.as_str())
            );
        }
        std::thread::sleep(Duration::from_millis(20));
    }
    Ok(())
}

/// The log, the state that follows from it, and the last sign of life.
pub struct Recorder {
    dir: RunDir,
    log: EventLog,
    /// None before the first record of this worker: what follows the step that it resumes at is cut off then.
    insight: Option<InsightFile>,
    state: RunState,
    step: u64,
    phase: Phase,
    /// What keeps the trainer's thread from writing a file.
    trouble: Option<Phase>,
    /// What was in the mailbox before this worker was there: it was meant for another one. No clock tells that.
    stale: BTreeSet<OsString>,
    /// What stays in the mailbox, since it is no request or cannot be removed.
    passed_over: BTreeSet<OsString>,
    /// What kept the log from being written for a while; not said in it yet.
    /// Why the training was held, and for how long.
    was_held: Option<(Error, Duration)>,
    /// Whether it was said that the mailbox cannot be read.
    is_deaf: bool,
    /// Requests that were accepted and not answered yet.
    open: BTreeSet<String>,
    /// None once the trainer is to end.
    commands: Option<std_mpsc::Sender<Command>>,
    reports: UnboundedReceiver<Report>,
    hold: Hold,
    signals: Signals,
}

/// The trainer's ends of the channels.
pub struct TrainerEnds {
    /// Where to report.
    pub reporter: Reporter,
    /// Where requests come from.
    pub commands: std_mpsc::Receiver<Command>,
}

impl Recorder {
    /// Opens a run's log and says in it that a worker has taken the run up. Inside of a runtime, by whoever has the lock.
    ///
    /// # Errors
    /// Also [`Overtaken`], if the log has other than `n_seen` bytes in whole lines.
    pub fn open(dir: &RunDir, n_seen: u64) -> Result<(Self, TrainerEnds)> {
        let signals = Signals::new()?; // first: who sees that the worker is there may send one
        let mut follower = Follower::new(dir.events());
        let (state, _) = RunState::fold(&mut follower)?;
        ensure!(follower.n_bytes() == n_seen, Error::msg(Overtaken));
        if state.last_state.as_ref().is_none_or(|it| matches!(it, LastState::Running | LastState::Paused)) {
            refuse_another_machines(dir)?;
        }
        dir.mend()?;
        let hold = Hold::default();
        let (reporter, reports) = Reporter::new(hold.clone());
        let (sender, commands) = std_mpsc::channel();
        let recorder = Self {
            dir: dir.clone(),
            log: EventLog::open(&dir.events())?,
            insight: None,
            step: state.step,
            state,
            phase: Phase::Loading,
            trouble: None,
            stale: mailbox::names(&dir.control())?.into_iter().collect(),
            passed_over: BTreeSet::new(),
            was_held: None,
            is_deaf: false,
            open: BTreeSet::new(),
            commands: Some(sender),
            reports,
            hold,
            signals,
        };
        Ok((recorder, TrainerEnds { reporter, commands }))
    }

    /// Records until the trainer's thread has dropped its end.
    ///
    /// # Errors
    /// If the log cannot be written and the run is asked to end, or it never will be. The trainer still runs then.
    pub async fn record(&mut self) -> Result<()> {
        let (version, job) = (fixmatch::VERSION.to_owned(), Job::this());
        let launched = Event::Launched { pid: std::process::id(), host: host(), version, job };
        self.write(launched).await?;
        self.beat();
        let mut mailbox = interval(mailbox::POLL);
        let mut heart = interval(HEARTBEAT);
        mailbox.set_missed_tick_behavior(MissedTickBehavior::Delay);
        heart.set_missed_tick_behavior(MissedTickBehavior::Delay);
        loop {
            tokio::select! {
                report = self.reports.recv() => match report {
                    Some(report) => self.take(report).await?,
                    None => return self.close().await,
                },
                _ = mailbox.tick() => self.read_mail().await?,
                _ = heart.tick() => self.beat(),
                request = self.signals.next() => self.signalled(request).await?,
            }
            if let Some((error, time)) = self.was_held.take() {
                self.write(was_held(&error, time)).await?;
            }
        }
    }

    /// Lets the trainer end, wherever it is: nothing that it reports is written any more.
    pub fn hang_up(&mut self) {
        self.commands = None;
        self.reports.close();
        self.hold.set(false);
    }

    /// Tries to leave the reason in the log why recording has ended.
    pub fn last_words(mut self, error: &Error) {
        let failed = Record::now(Event::Failed { step: self.step, reason: format!("{error:#}"), kind: kind_of(error) });
        if self.append(&failed).is_ok() {
            let _ = self.log.sync();
            self.write_summary();
        }
    }

    async fn take(&mut self, report: Report) -> Result<()> {
        match report {
            Report::Phase(step, phase) => {
                let changed = self.phase != phase;
                (self.step, self.phase) = (step, phase);
                if changed {
                    self.beat();
                }
            }
            Report::Trouble(phase) => {
                self.trouble = phase;
                self.beat();
            }
            Report::Event(event) => self.write(event).await?,
            Report::Insight(record) => self.write_insight(&record).await?,
            Report::Failed(kind, reason) => {
                // Once only: a run that has failed waits for nothing.
                let failed = Record::now(Event::Failed { step: self.step, reason: reason.clone(), kind });
                self.append(&failed).and_then(|()| self.sync()).map_err(|error| error.context(reason))?;
            }
            Report::Sync(done) => {
                self.insist(|it| it.sync()).await?;
                let _ = done.send(());
            }
        }
        Ok(())
    }

    async fn write(&mut self, event: Event) -> Result<()> {
        let is_milestone = !matches!(event, Event::Progress(_) | Event::Insight(_) | Event::Warning { .. });
        let is_evaluation = matches!(event, Event::Evaluated(_) | Event::Compared(_));
        match &event {
            Event::Accepted { id, .. } => drop(self.open.insert(id.clone())),
            Event::Applied { id, .. } | Event::Edited { id, .. } | Event::Refused { id, .. } => {
                self.open.remove(id);
            }
            _ => {}
        }
        let record = Record::now(event);
        self.insist(|it| it.append(&record)).await?;
        if is_milestone {
            self.insist(|it| it.sync()).await?;
        }
        if is_evaluation {
            self.write_summary();
        }
        Ok(())
    }

    fn append(&mut self, record: &Record) -> Result<()> {
        self.log.append_record(record)?;
        self.state.follow(record);
        Ok(())
    }

    /// The record comes first, so that an event never names what is not there.
    async fn write_insight(&mut self, record: &insight::Record) -> Result<()> {
        let append = |it: &mut Self| {
            let file = match &mut it.insight {
                Some(file) => file,
                none => none.insert(InsightFile::open(&it.dir.insight(), &it.state.insights)?),
            };
            file.append(record)
        };
        let pointer = self.insist(append).await?;
        self.write(Event::Insight(pointer)).await
    }

    /// Records before the log that names them.
    fn sync(&self) -> Result<()> {
        if let Some(file) = &self.insight {
            file.sync()?;
        }
        self.log.sync()
    }

    /// Tries until it is done, and holds the trainer meanwhile.
    ///
    /// # Errors
    /// Once the run is asked to end, or if trying again is of no use.
    async fn insist<T>(&mut self, mut write: impl FnMut(&mut Self) -> Result<T>) -> Result<T> {
        let (mut told, since) = (None, Instant::now());
        let mut last = None;
        loop {
            let error = match write(self) {
                Err(error) if files::may_pass(&error) => error,
                done => {
                    if let Some(error) = last {
                        self.hold.set(false);
                        self.beat();
                        let before = self.was_held.take().map_or(Duration::ZERO, |(_, time)| time);
                        self.was_held = Some((error, before + since.elapsed()));
                    }
                    return done;
                }
            };
            let phase = trouble(&error);
            if told.replace(phase) != Some(phase) {
                tell(&error);
                self.hold.set(true);
            }
            self.beat_as(phase);
            let asks_to_end = tokio::select! {
                () = sleep(RETRY) => self.mail_asks_to_end(),
                request = self.signals.next() => is_end(request),
            };
            if asks_to_end {
                return Err(gave_up(error));
            }
            last = Some(error);
        }
    }

    /// Whether a new request to end is in the mailbox, which is then removed: no answer can be written.
    fn mail_asks_to_end(&self) -> bool {
        let mail = mailbox::collect(&self.dir.control(), |name| self.stale.contains(name)).unwrap_or_default();
        let mut ends = mail.iter().filter(|mail| matches!(&mail.content, Content::Letter(it) if is_end(it.request)));
        ends.next().is_some_and(|mail| mailbox::discard(&self.dir.control(), &mail.name).is_ok())
    }

    /// A cache of the log, so it is worth no trouble.
    fn write_summary(&self) {
        let Ok(n_log_bytes) = self.log.n_bytes() else { return };
        let _ = Summary { n_log_bytes, ..self.state.summary() }.write(&self.dir);
    }

    fn beat(&self) {
        self.beat_as(self.trouble.unwrap_or(self.phase));
    }

    /// A sign of life that cannot be given is no reason to end it.
    fn beat_as(&self, phase: Phase) {
        let _ =
            self.dir.beat(&Heartbeat { time: now(), pid: std::process::id(), host: host(), step: self.step, phase });
    }

    async fn read_mail(&mut self) -> Result<()> {
        let mail = match mailbox::collect(&self.dir.control(), |name| self.passed_over.contains(name)) {
            Ok(mail) => mail,
            Err(_) if self.is_deaf => return Ok(()),
            Err(error) => {
                self.is_deaf = true;
                let message = format!("{error:#}: requests do not reach the worker, but signals do");
                return self.write(Event::warning(message)).await;
            }
        };
        self.is_deaf = false;
        for mail in mail {
            if let Some(why) = self.answer(&mail).await? {
                let place = self.dir.control().join(&mail.name);
                let message = format!("passed over {}: {why:#}", place.display());
                self.passed_over.insert(mail.name);
                self.write(Event::warning(message)).await?;
            }
        }
        Ok(())
    }

    /// Passes a request on to the trainer, or refuses what cannot be read or was meant for an earlier worker. Returns why
    /// it stays in the mailbox, if it does.
    async fn answer(&mut self, mail: &Mail) -> Result<Option<String>> {
        let id = mail.id();
        let reason = match &mail.content {
            Content::Foreign(error) => return Ok(Some(format!("{error:#}"))),
            Content::Nonsense(error) => Err(format!("{error:#}")),
            Content::Letter(_) if self.stale.contains(&mail.name) => {
                Err("the worker that it was meant for ended before reading it".to_owned())
            }
            Content::Letter(letter) => Ok(letter),
        };
        match reason {
            Ok(Letter { who, request }) => self.pass_on(id, *request, who.clone()).await?,
            Err(reason) => self.write(Event::Refused { id, reason }).await?,
        }
        Ok(mailbox::discard(&self.dir.control(), &mail.name).err().map(|error| format!("{error:#}")))
    }

    async fn pass_on(&mut self, id: String, request: Request, who: String) -> Result<()> {
        let accepted = Event::Accepted { id: id.clone(), request, who };
        if self.trouble.is_some() && is_end(request) {
            // The trainer waits for the disk, and the log may have to wait too: it gives up rather than that.
            self.append(&Record::now(accepted)).and_then(|()| self.sync()).map_err(gave_up)?;
            self.open.insert(id.clone());
        } else {
            self.write(accepted).await?;
        }
        if is_end(request) {
            self.hold.ask_to_end();
        }
        if let Some(commands) = &self.commands {
            let _ = commands.send(Command { id, request }); // a trainer that has ended reports why
        }
        Ok(())
    }

    async fn signalled(&mut self, request: Request) -> Result<()> {
        let id = format!("signal-{:.3}", now());
        self.pass_on(id, request, mailbox::BY_SIGNAL.to_owned()).await
    }

    /// Answers what came too late for the trainer. The run's last event stays the last of its kind.
    async fn close(&mut self) -> Result<()> {
        self.read_mail().await?;
        for id in std::mem::take(&mut self.open) {
            self.write(Event::Refused { id, reason: "the run ended before it was done".to_owned() }).await?;
        }
        self.write_summary();
        self.insist(|it| it.sync()).await
    }
}

fn is_end(request: Request) -> bool {
    matches!(request, Request::Stop | Request::Suspend)
}
