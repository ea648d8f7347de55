//! What a run leaves behind: points of its curves, evaluations and checkpoints.

use anyhow::{Error, Result, ensure};
use fixmatch::base::number::plain;
use fixmatch::base::stats::median;
use fixmatch::run::checkpoint::{Checkpoint, Tensors, Which, file_name, prune};
use fixmatch::run::event::{Compared, Evaluated, Evaluation, Event};
use fixmatch::run::heartbeat::Phase;
use fixmatch::run::insight::Record;
use fixmatch::run::seal;

use super::Session;
use crate::evaluate::{compare, evaluate};
use crate::failure::Failure;

/// The paper reports the median over the last 20 evaluations (section 4.1).
const MEDIAN_OF: usize = 20;

/// Why the test set is evaluated.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Asked {
    BySchedule,
    ByUser,
}

impl Session {
    /// Reports the mean over the open window's steps, unless one of them was not finite.
    pub(super) fn close_window(&mut self) -> Result<()> {
        self.check_finite()?;
        if let Some(mut progress) = self.window.close(self.state.step) {
            if !self.run.source.images.are_known() {
                progress.pseudo_label_accuracy = None;
            }
            self.reporter.event(Event::Progress(progress));
        }
        Ok(())
    }

    /// Reports the pseudo-labels since the last histogram, if there were any.
    pub(super) fn close_histogram(&mut self) {
        let policy = self.values().policy;
        let Some(insight) = &mut self.insight else { return };
        let memories = self.run.trainer.judge().memories(policy);
        if let Some(histogram) = insight.close(self.state.step, memories) {
            self.keep(Record::Histogram(histogram));
        }
    }

    /// Puts a record down, and then what is wrong by it.
    fn keep(&mut self, record: Record) {
        let alarms = self.watch.take(&record);
        self.reporter.insight(record);
        for alarm in alarms {
            self.reporter.event(Event::Alarm(alarm));
        }
    }

    /// Reports what the network says of the images that are followed.
    fn ask_panel(&mut self) {
        if let Some(insight) = self.insight.as_ref().filter(|it| it.follows_images()) {
            let panel = insight.ask(&self.run.trainer, self.state.step);
            self.keep(Record::Panel(panel));
        }
    }

    /// Evaluates and says whether the averaged weights are the best so far.
    pub(super) fn evaluate_on_schedule(&mut self) -> Result<bool> {
        if self.run.test.n() == 0 {
            self.compare(Asked::BySchedule)?;
            return Ok(false);
        }
        let (raw, ema) = self.evaluate()?;
        let (accuracy, step) = (ema.accuracy, self.state.step);
        let is_best = self.state.best.is_none_or(|(best, _)| accuracy > best);
        if is_best {
            self.state.best = Some((accuracy, step));
        }
        let ring = &mut self.state.ema_accuracies;
        ring.push(accuracy);
        ring.drain(..ring.len().saturating_sub(MEDIAN_OF));
        self.report(raw, ema, Asked::BySchedule);
        self.ask_panel();
        Ok(is_best)
    }

    /// Evaluates outside of the schedule, which leaves no trace in the median and the best.
    pub(super) fn evaluate_on_request(&mut self) -> Result<()> {
        if self.run.test.n() == 0 {
            return self.compare(Asked::ByUser);
        }
        let (raw, ema) = self.evaluate()?;
        self.report(raw, ema, Asked::ByUser);
        self.ask_panel();
        Ok(())
    }

    /// Without test images: how far the two networks agree on the unlabeled images, or where there are none, on all.
    fn compare(&mut self, asked: Asked) -> Result<()> {
        self.check_finite()?;
        self.reporter.phase(self.state.step, Phase::Evaluating);
        let source = &self.run.source;
        let among = if source.unlabeled.is_empty() { &source.labeled } else { &source.unlabeled };
        let n_classes = self.run.started.classes.len();
        let (n, agreement, predicted) = compare(&self.run.trainer, &source.images, among, n_classes);
        let rates = self.probes.as_mut().map(|probes| probes.log(self.loader.as_mut()));
        self.reporter.event(Event::Compared(Box::new(Compared {
            step: self.state.step,
            n: n as u64,
            agreement,
            predicted,
            rates,
            requested: asked == Asked::ByUser,
        })));
        self.ask_panel();
        Ok(())
    }

    /// The test set under the weights as trained and under their average.
    fn evaluate(&mut self) -> Result<(Evaluation, Evaluation)> {
        self.check_finite()?;
        self.reporter.phase(self.state.step, Phase::Evaluating);
        let n_classes = self.run.started.classes.len();
        let evaluate = |which| evaluate(&self.run.trainer, which, &self.run.test, n_classes);
        let (raw, ema) = (evaluate(Which::Raw), evaluate(Which::Ema));
        for loss in [raw.loss, ema.loss] {
            ensure!(loss.is_finite(), self.diverged("the test loss after", loss, self.state.step));
        }
        Ok((raw, ema))
    }

    fn report(&mut self, raw: Evaluation, ema: Evaluation, asked: Asked) {
        let (best, best_step) = self.state.best.unwrap_or_default();
        let rates = self.probes.as_mut().map(|probes| probes.log(self.loader.as_mut()));
        self.reporter.event(Event::Evaluated(Box::new(Evaluated {
            step: self.state.step,
            raw,
            ema,
            median: median(self.state.ema_accuracies.clone()).unwrap_or(0.0),
            median_of: self.state.ema_accuracies.len() as u64,
            best,
            best_step,
            rates,
            requested: asked == Asked::ByUser,
        })));
    }

    /// Writes a checkpoint, unless there is one of this very step with the same content.
    pub(super) fn save(&mut self) -> Result<()> {
        let step = self.state.step;
        if self.saved_at == Some(step) {
            return Ok(());
        }
        self.check_finite()?;
        self.reporter.phase(step, Phase::Saving);
        if let (Some(probes), loader) = (&mut self.probes, self.loader.as_mut()) {
            let _ = probes.history(loader); // a loader hears of the rates of each step once
        }
        let mut tensors = Tensors::new();
        for part in self.parts() {
            part.save(&mut tensors);
        }
        for (name, array) in &tensors {
            if let Some(value) = array.values.iter().find(|value| !value.is_finite()) {
                return Err(self.diverged(&format!("a number of {name} after"), f64::from(*value), step));
            }
        }
        // A worker that is killed from here on leaves a checkpoint, and the log must hold all that led to it.
        self.reporter.sync()?;
        let file = file_name(step);
        let folder = self.dir.checkpoints();
        let seals = Some(seal::seals(&self.dir, &self.history, step)?);
        let checkpoint = Checkpoint { state: self.state.clone(), tensors, seals };
        self.reporter.insist(|| checkpoint.write(&folder.join(&file)))?;
        let best = self.state.best.map(|(_, step)| step);
        prune(&folder, self.run.config.checkpoint.keep, best)?;
        self.saved_at = Some(step);
        self.reporter.event(Event::Checkpointed { step, file, best: best == Some(step) });
        Ok(())
    }

    /// Fails if a step of the open window had a loss that is no number: such weights are worth neither a checkpoint
    /// nor an evaluation.
    fn check_finite(&mut self) -> Result<()> {
        let rows = self.window.read_rows();
        let Some(place) = rows.iter().position(|row| !row[0].is_finite()) else { return Ok(()) };
        let (loss, step) = (rows[place][0], self.state.step - (rows.len() - place) as u64);
        Err(self.diverged("the loss of", f64::from(loss), step))
    }

    /// What to say when `what` step `step` is no number.
    fn diverged(&self, what: &str, value: f64, step: u64) -> Error {
        let suspect = self.history.suspect(step, &self.start);
        self.reporter.event(Event::Diverged { step, change: suspect.map(|it| it.number) });
        if let Some(change) = suspect {
            return Failure::diverged(format!(
                "{what} step {step} is {value}, {} steps after {} was set at step {}",
                step - change.step,
                change.change,
                change.step
            ));
        }
        Failure::diverged(format!(
            "{what} step {step} is {value}, at a learning rate of {}: start again with a lower train.lr \
             (--set train.lr={}), or with a smaller train.lambda_u",
            plain(self.live.lr(step)),
            plain(self.run.config.train.lr / 10.0),
        ))
    }
}
