//! The trainer's thread: from the run directory to the last step.
//!
//! At each boundary between two steps it follows requests, and after each step it closes progress windows, evaluates
//! and saves when these are due. Which events come of it is a function of the run alone, never of the clock.

mod awaited;
pub mod insight;
mod milestones;
mod prepare;
pub mod probes;
mod ranked;
mod requests;
pub mod window;

use std::sync::mpsc::Receiver;
use std::time::Instant;

use anyhow::{Context, Result, ensure};
use fixmatch::base::host::user_at_host;
use fixmatch::loader::{Batch, Loader, Source};
use fixmatch::run::change::Change;
use fixmatch::run::checkpoint::{self, Checkpoint, State};
use fixmatch::run::digests::Digests;
use fixmatch::run::dir::RunDir;
use fixmatch::run::event::Event;
use fixmatch::run::heartbeat::Phase;
use fixmatch::run::history::History;
use fixmatch::run::insight as insight_file;
use fixmatch::run::insight::Pointer;
use fixmatch::run::live::Live;
use fixmatch::run::pseudo::alarm::Watch;
use fixmatch::run::seal;
use fixmatch::run::state::RunState;

use self::insight::Insight;
use self::prepare::{Preparation, Prepared, prepare};
use self::probes::Probes;
use self::window::Window;
use crate::allocator;
use crate::part::Part;
use crate::policy::Constants;
use crate::rank::Ranker;
use crate::recorder::{Command, Reporter};
use crate::trainer::StepValues;

/// A run in training.
struct Session {
    dir: RunDir,
    reporter: Reporter,
    commands: Receiver<Command>,
    run: Prepared,
    /// None until a step needs a batch, and again when what batches hold has changed.
    loader: Option<Loader>,
    live: Live,
    /// The values that the run started with.
    start: Live,
    /// The changes, also those of earlier workers at steps that lie ahead again.
    history: History,
    window: Window,
    /// None for a run that ranks.
    insight: Option<Insight>,
    /// What goes wrong with the pseudo-labels.
    watch: Watch,
    /// None for policies that do not learn.
    probes: Option<Probes>,
    /// None for a run that trains FixMatch.
    ranker: Option<Ranker>,
    state: State,
    /// The step of the newest checkpoint.
    saved_at: Option<u64>,
    paused: bool,
}

/// Trains the run in `dir` to its end, or to the request that ends it.
pub fn train(dir: &RunDir, reporter: &Reporter, commands: Receiver<Command>) -> Result<()> {
    let mut log = RunState::read(dir)?;
    let (newest, broken) = checkpoint::newest(&dir.checkpoints())?;
    seal::check(dir, &log, newest.as_ref())?;
    let run = match prepare(dir, reporter, &commands, &mut log.history)? {
        Preparation::Ready(run) => *run,
        Preparation::Ended(end) => {
            reporter.event(end);
            return Ok(());
        }
    };
    ensure!(
        !run.source.unlabeled.is_empty()
            || !log.history.standing().iter().any(|it| matches!(it.change, Change::LambdaU(x) if x > 0.0)),
        "lambda_u was set above 0, but there are no unlabeled images: all are labeled, and labels.in_unlabeled is false"
    );
    let before = log.digests.clone().or(newest.as_ref().and_then(|it| Some(it.seals.clone()?.digests)));
    if let Some(before) = &before {
        seal::check_made(dir, before)?;
    }
    if log.started.is_none() {
        reporter.event(Event::Started(Box::new(run.started.clone())));
    } else if log.digests.is_none() {
        let step = newest.as_ref().map_or(0, |it| it.state.step);
        let digests = Box::new(Digests::of(dir)?);
        reporter.event(Event::Sealed { step, who: user_at_host(), digests, damage: Vec::new() });
    }
    let mut session = Session::new(dir, reporter, commands, run, log.history)?;
    if log.n_unknown > 0 {
        let n = log.n_unknown;
        reporter.warn(format!("{n} events of a later version in the log were passed over: changes may be among them"));
    }
    session.restore(newest, broken, &log.insights)?;
    if let (None, Some(step)) = (session.saved_at, log.saved) {
        reporter.warn(format!(
            "no checkpoint is left, though one was saved at step {step}: the run starts again from step 0; stop it if the \
             checkpoints can be brought back"
        ));
    }
    if log.started.is_some() || session.state.step > 0 {
        reporter.event(Event::Resumed { step: session.state.step });
    }
    let end = session.take_steps()?;
    reporter.event(end);
    Ok(())
}

impl Session {
    fn new(
        dir: &RunDir,
        reporter: &Reporter,
        commands: Receiver<Command>,
        run: Prepared,
        history: History,
    ) -> Result<Self> {
        let live = Live::new(&run.config, (run.source.unlabeled.len() / run.source.n_unlabeled) as u64);
        let probes = Probes::new(&run.source.strong.policy, &run.config, run.trainer.input().device());
        let insight = run.config.rank.is_none().then(|| Insight::new(&run));
        let watch = Watch::new(&run.started.classes, &run.started.labeled_per_class);
        let ranker = Ranker::new(&run.config, &run.source.images)?;
        Ok(Self {
            dir: dir.clone(),
            reporter: reporter.clone(),
            commands,
            run,
            loader: None,
            start: live.clone(),
            live,
            history,
            window: Window::default(),
            insight,
            watch,
            probes,
            ranker,
            state: State::default(),
            saved_at: None,
            paused: false,
        })
    }

    /// Continues from the newest intact checkpoint, passing over those that are `broken`; without one, from the start.
    fn restore(&mut self, found: Option<Checkpoint>, broken: Vec<String>, records: &[Pointer]) -> Result<()> {
        for reason in broken {
            self.reporter.warn(format!("passed over a checkpoint: {reason}"));
        }
        if let Some(checkpoint) = found {
            for part in self.parts() {
                let restored = part.restore(&checkpoint.tensors, checkpoint.state.step);
                restored.context("the checkpoint does not fit this run")?;
            }
            self.state = checkpoint.state;
            self.saved_at = Some(self.state.step);
            checkpoint::set_aside(&self.dir.checkpoints(), self.state.step)?;
        }
        self.watch_again(records)?;
        self.bring_into_force();
        Ok(())
    }

    /// All that its next steps depend on, but for what is no tensor.
    fn parts(&mut self) -> impl Iterator<Item = &mut dyn Part> {
        let Self { run, window, insight, probes, ranker, .. } = self;
        let always: [&mut dyn Part; 2] = [&mut run.trainer, window];
        always.into_iter().chain(part(insight)).chain(part(probes)).chain(part(ranker))
    }

    /// Sees again what the watch has seen up to this step.
    fn watch_again(&mut self, records: &[Pointer]) -> Result<()> {
        let kept: Vec<Pointer> = records.iter().copied().filter(|it| it.step <= self.state.step).collect();
        let (records, problems) = insight_file::read_all(&self.dir.insight(), &kept)?;
        for problem in problems {
            self.reporter.warn(problem);
        }
        for record in &records {
            self.watch.take(record); // the log holds its alarms
        }
        Ok(())
    }

    /// Takes steps until the last one or until a request ends the run; returns the event that says which.
    fn take_steps(&mut self) -> Result<Event> {
        self.reporter.phase(self.state.step, Phase::Training);
        loop {
            if self.history.changes_at(self.state.step) {
                self.bring_into_force(); // first, as in the log: what is asked now overrides it
            }
            if let Some(end) = self.follow_requests()? {
                return Ok(end);
            }
            if self.state.step >= self.live.steps {
                self.write_ranking()?;
                self.save()?;
                return Ok(Event::Finished { step: self.state.step });
            }
            self.step()?;
            self.after_step()?;
        }
    }

    /// The values in force for the next step.
    fn values(&self) -> StepValues {
        let Live { threshold, lambda_u, pseudo_label, .. } = &self.live;
        let policy = Constants::new(*threshold, pseudo_label);
        StepValues { lr: self.live.lr(self.state.step), lambda_u: *lambda_u, policy }
    }

    fn step(&mut self) -> Result<()> {
        let begun = Instant::now();
        let mut batch = self.next_batch()?;
        let waited = begun.elapsed();
        let taken = self.run.trainer.step(&batch, self.values());
        if let (Some(probes), Some(loader)) = (&mut self.probes, &mut self.loader) {
            probes.end_step(&self.run.trainer, &mut batch, loader);
        }
        if let (Some(insight), Some((pseudo, hidden_labels))) = (&mut self.insight, taken.pseudo) {
            insight.push(pseudo, hidden_labels);
        }
        self.window.push(taken.row, batch.n_images(), waited, begun.elapsed());
        if let Some(loader) = &mut self.loader {
            loader.give_back(batch);
        }
        self.state.step += 1;
        self.reporter.phase(self.state.step, Phase::Training);
        Ok(())
    }

    /// What is due after a step, in this order: the window, the histogram, the evaluation, what a ranking's network thinks, the
    /// checkpoint. So a checkpoint holds all that was reported up to its step.
    fn after_step(&mut self) -> Result<()> {
        let (step, config) = (self.state.step, &self.run.config);
        let is_due = |every: u64| step.is_multiple_of(every) || step == self.live.steps;
        let (evaluates, saves) = (is_due(config.eval.every), is_due(config.checkpoint.every));
        let counts = evaluates || is_due(config.insight.every);
        if is_due(config.train.window) {
            self.close_window()?;
        }
        if counts {
            self.close_histogram();
        }
        let is_best = evaluates && !self.run.config.is_contrastive() && self.evaluate_on_schedule()?;
        let was_heard = self.hear_network();
        if saves || is_best || was_heard {
            self.save()?;
        }
        if evaluates {
            allocator::give_back();
        }
        Ok(())
    }

    /// The batch of the current step, without unlabeled images while `λ_u` is zero.
    fn next_batch(&mut self) -> Result<Batch> {
        let loader = match &mut self.loader {
            Some(loader) => loader,
            none => {
                let n_unlabeled = if self.live.lambda_u > 0.0 { self.run.source.n_unlabeled } else { 0 };
                let mut source = Source { n_unlabeled, ..self.run.source.clone() };
                if let Some(ranker) = &self.ranker {
                    source.labeled = ranker.labeled(self.state.step).clone();
                }
                let (step, n_loaders) = (self.state.step, self.run.n_loaders);
                none.insert(match &mut self.probes {
                    Some(probes) => Loader::with_rates(&source, step, n_loaders, probes.history(None))?,
                    None => Loader::start(&source, step, n_loaders)?,
                })
            }
        };
        loader.next_batch()
    }
}

fn part<P: Part>(part: &mut Option<P>) -> Option<&mut dyn Part> {
    part.as_mut().map(|part| part as &mut dyn Part)
}
