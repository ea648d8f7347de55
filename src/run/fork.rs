//! A new run that goes on from a checkpoint of another one, with changed values or other labels.
//!
//! The fork has a copy of what led up to its step: the checkpoint, the points of the curves, the records, the changes. So
//! its screens show the whole story, and unchanged it goes on as its parent did, bit for bit. Values that can change
//! while a run trains are changed at the step of the fork; all others hold from there on.

use std::path::{Path, PathBuf};

use anyhow::{Context, Result, bail, ensure};
use strum::VariantArray as _;

use crate::base::aside::replace_file;
use crate::base::files;
use crate::base::host::user_at_host;
use crate::config::{Policy, RunConfig, Strong, Train, preset};
use crate::machine::processor;
use crate::run::change::{Change, LiveKey, Request};
use crate::run::checkpoint::{self, Checkpoint};
use crate::run::dir::RunDir;
use crate::run::event::{Event, Record};
use crate::run::file::{Parent, RunFile};
use crate::run::live::Live;
use crate::run::log::{EventLog, read_all};
use crate::run::seal;
use crate::run::state::RunState;

/// How the names begin of what FlexMatch remembers of each unlabeled image.
const FLEXMATCH: &str = "flexmatch.";

/// A fork that is checked in full before anything is written.
#[derive(Debug)]
pub struct Fork {
    parent: RunDir,
    step: u64,
    checkpoint: Checkpoint,
    run: RunFile,
    /// Changed at the step of the fork, as a user changes them while a run trains.
    changes: Vec<Change>,
    /// What of the parent's log is the fork's too.
    story: Vec<Record>,
    /// The changes that were made up to the step and count, with who made them.
    past: Vec<(Record, String)>,
    keeps_labels: bool,
}

impl Fork {
    /// A fork of a run at a step of which there is a checkpoint, or at the newest one, with `KEY=VALUE` settings.
    pub fn plan(parent: &RunDir, at: Option<u64>, settings: &[String]) -> Result<Self> {
        let of = parent.read_run()?;
        ensure!(of.config.rank.is_none(), "{} ranks images; only a run that trains can be forked", parent.id());
        let (step, path) = find_checkpoint(parent, at)?;
        let checkpoint = Checkpoint::read(&path)?;
        let state = RunState::read(parent)?;
        seal::check(parent, &state, Some(&checkpoint))?;
        let (changes, others): (Vec<_>, Vec<_>) = settings.iter().partition(|setting| is_live(setting));
        let changes: Vec<Change> = changes.into_iter().map(|it| it.parse()).collect::<Result<_>>()?;
        let mut others: Vec<String> = others.into_iter().cloned().collect();
        if others.iter().any(|setting| finds_its_threshold(setting)) {
            others.insert(0, format!("train.threshold={}", Train::default().threshold)); // the parent's ends here
        }
        let config = preset::with_settings(&of.config, &others)?;
        let live = state.history.live(&Live::new(&config, 1), step);
        changes.iter().try_for_each(|change| live.check(*change))?;
        check(&of.config, &config)?;
        let story = story(parent, step)?;
        let past = state.history.until(step);
        let earlier = past.iter().filter_map(|(record, _)| match record.event {
            Event::Applied { change, .. } => change,
            _ => None,
        });
        let all = earlier.chain(changes.iter().copied());
        let steps = all.filter_map(Change::to_steps).next_back().unwrap_or(of.config.train.steps);
        ensure!(
            steps > step,
            "nothing is left to train after step {step} of {steps}: give the fork more, as in train.steps={}, or an earlier \
             checkpoint",
            2 * step
        );
        let mut run = RunFile::new(of.provenance.preset.clone(), settings.to_vec(), config);
        run.provenance.parent = Some(Parent { run: parent.id(), step });
        run.environment = of.environment;
        // who names labels anew has them picked anew: a file of the same name may say more by now
        let names_labels = others.iter().any(|setting| setting.trim_start().starts_with("labels."));
        let keeps_labels = run.config.labels == of.config.labels && !names_labels;
        // what it was trained with is not what the fork will be
        let mut checkpoint = Checkpoint { seals: None, ..checkpoint };
        if !keeps_labels && !run.config.labels.in_unlabeled {
            // other images are unlabeled, so another one is the nth of which FlexMatch remembers something
            checkpoint.tensors.retain(|name, _| !name.starts_with(FLEXMATCH));
        }
        Ok(Self { parent: parent.clone(), step, checkpoint, run, changes, story, past, keeps_labels })
    }

    /// The same at the newest checkpoint up to a step, if one is given.
    pub fn plan_until(parent: &RunDir, until: Option<u64>, settings: &[String]) -> Result<Self> {
        let Some(until) = until else { return Self::plan(parent, None, settings) };
        let all = checkpoint::list(&parent.checkpoints())?;
        let newest = all.iter().rev().find(|(step, _)| *step <= until);
        let (step, _) = newest.with_context(|| format!("{} keeps no checkpoint up to step {until}", parent.id()))?;
        Self::plan(parent, Some(*step), settings)
    }

    /// The step that it begins at.
    pub fn step(&self) -> u64 {
        self.step
    }

    /// Its configuration.
    pub fn config(&self) -> &RunConfig {
        &self.run.config
    }

    /// Makes the fork's directory in a folder of runs, named so, or after its parent.
    pub fn make(&self, runs: &Path, name: Option<&str>) -> Result<RunDir> {
        let parent = self.parent.name();
        let usual = format!("{}-fork", parent.strip_suffix("-fork").unwrap_or(&parent));
        RunDir::create_with(runs, name.unwrap_or(&usual), &self.run, |dir| self.fill(dir))
    }

    fn fill(&self, dir: &RunDir) -> Result<()> {
        let copy = |from: &Path, to: &Path| {
            let bytes = files::read(from).with_context(|| format!("cannot read {}", from.display()))?;
            replace_file(to, &bytes)
        };
        self.checkpoint.write(&dir.checkpoints().join(checkpoint::file_name(self.step)))?;
        if self.keeps_labels && self.parent.labels().exists() {
            copy(&self.parent.labels(), &dir.labels())?;
        }
        if self.parent.insight().exists() {
            copy(&self.parent.insight(), &dir.insight())?;
        }
        self.write_log(dir)
    }

    /// What happened to the parent up to the step, as far as it is part of the fork's story; then the fork itself, and
    /// its changes as a user's requests.
    fn write_log(&self, dir: &RunDir) -> Result<()> {
        let mut log = EventLog::open(&dir.events())?;
        for record in &self.story {
            log.append_record(record)?;
        }
        for (record, who) in &self.past {
            if let Event::Applied { id, change: Some(change), .. } = &record.event {
                let (id, request, who) = (id.clone(), Request::Set(*change), who.clone());
                log.append_record(&Record { time: record.time, event: Event::Accepted { id, request, who } })?;
            }
            log.append_record(record)?;
        }
        log.append(Event::Forked(Parent { run: self.parent.id(), step: self.step }))?;
        for (i, change) in self.changes.iter().enumerate() {
            let id = format!("fork-{i}");
            log.append(Event::Accepted { id: id.clone(), request: Request::Set(*change), who: user_at_host() })?;
            log.append(Event::Applied {
                id,
                step: self.step,
                change: Some(*change),
                undoes: None,
                cancels: Vec::new(),
            })?;
        }
        log.sync()
    }
}

/// The records of a run up to a step that a fork has too: points, evaluations, changes, records, alarms.
fn story(parent: &RunDir, step: u64) -> Result<Vec<Record>> {
    let mut kept: Vec<Record> = Vec::new();
    for record in read_all(&parent.events())? {
        if let Event::Resumed { step } = record.event {
            kept.retain(|it| step_of(&it.event).is_none_or(|at| at <= step));
        } else if is_story(&record.event) {
            kept.push(record);
        }
    }
    kept.retain(|record| step_of(&record.event).is_none_or(|at| at <= step));
    Ok(kept)
}

fn is_story(event: &Event) -> bool {
    matches!(event, Event::Progress(_) | Event::Evaluated(_) | Event::Compared(_) | Event::Insight(_) | Event::Alarm(_))
}

fn step_of(event: &Event) -> Option<u64> {
    match event {
        Event::Progress(progress) => Some(progress.step),
        Event::Evaluated(evaluated) => Some(evaluated.step),
        Event::Compared(compared) => Some(compared.step),
        Event::Insight(pointer) => Some(pointer.step),
        Event::Alarm(alarm) => Some(alarm.step),
        _ => None,
    }
}

/// Whether a setting is of a value that can change while a run trains.
fn is_live(setting: &str) -> bool {
    let key = setting.split('=').next().unwrap_or_default().trim();
    LiveKey::find(key).is_some()
}

fn find_checkpoint(parent: &RunDir, at: Option<u64>) -> Result<(u64, PathBuf)> {
    let all = checkpoint::list(&parent.checkpoints())?;
    let id = parent.id();
    let Some(at) = at else {
        return all.into_iter().next_back().with_context(|| format!("{id} has no checkpoint yet to fork from"));
    };
    let steps: Vec<String> = all.iter().map(|(step, _)| step.to_string()).collect();
    match all.into_iter().find(|(step, _)| *step == at) {
        Some(found) => Ok(found),
        None if steps.is_empty() => bail!("{id} has no checkpoint yet to fork from"),
        None => bail!(
            "{id} keeps no checkpoint of step {at}; it has those of {} (checkpoint.keep says how many are kept)",
            steps.join(", ")
        ),
    }
}

/// Whether a fork keeps its parent's value of a key.
pub fn keeps(key: &str) -> bool {
    key.starts_with("model.") || key.starts_with("data.")
}

/// Whether a setting asks for a policy in which τ has no part.
fn finds_its_threshold(setting: &str) -> bool {
    let named = setting.strip_prefix("pseudo_label.policy=").map(|name| name.trim().trim_matches('"'));
    Policy::VARIANTS.iter().any(|policy| !policy.has_threshold() && named == Some(policy.name()))
}

/// Refuses what a checkpoint cannot go on with, and bf16 where a new run may not have it.
fn check(of: &RunConfig, fork: &RunConfig) -> Result<()> {
    ensure!(fork.model == of.model, "a fork keeps its parent's network: the checkpoint does not fit another [model]");
    ensure!(fork.data == of.data, "a fork keeps its parent's data: train a new run to change [data]");
    ensure!(fork.rank.is_none(), "a fork trains; `fixmatch rank` makes rankings");
    let learns = |config: &RunConfig| config.augment.strong == Strong::Ctaugment;
    let (ours, theirs) = (&fork.augment, &of.augment);
    ensure!(
        !learns(fork) || learns(of),
        "the parent learned no rates for CTAugment: start a new run with augment.strong = \"ctaugment\""
    );
    ensure!(
        !learns(fork) || (ours.table == theirs.table && ours.ctaugment.delay == theirs.ctaugment.delay),
        "the checkpoint's rates are of augment.table = {:?} and augment.ctaugment.delay = {}: a fork keeps both",
        theirs.table,
        theirs.ctaugment.delay
    );
    let computes = |config: &RunConfig| (config.train.precision, config.machine.device);
    if computes(fork) != computes(of) {
        processor::check_precision(fork)?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::Device;

    #[test]
    fn what_a_checkpoint_cannot_go_on_with_is_refused() {
        let cases = [
            ("model.depth=16", "its parent's network"),
            ("data.normalize=none", "its parent's data"),
            ("augment.strong=ctaugment", "the parent learned no rates"),
        ];
        let of = RunConfig::default();
        assert!(of.augment.strong != Strong::Ctaugment);
        assert!(keeps(cases[0].0) && keeps(cases[1].0) && !keeps(cases[2].0));
        for (setting, expected) in cases {
            let fork = preset::with_settings(&of, &[setting.to_owned()]).expect(setting);
            let error = check(&of, &fork).expect_err(setting).to_string();
            assert!(error.contains(expected), "{setting}: {error}");
        }
        let fork = preset::with_settings(&of, &["train.lr=0.01".into(), "labels.seed=7".into()]).expect("settings");
        check(&of, &fork).expect("a fork");
    }

    #[test]
    fn a_fork_turns_to_bf16_only_where_a_new_run_may() {
        let mut of = RunConfig::default();
        of.machine.device = Device::Cpu;
        let fork = preset::with_settings(&of, &["train.precision=bf16".into()]).expect("settings");
        assert_eq!(check(&of, &fork).is_err(), processor::check_precision(&fork).is_err());
        check(&fork, &fork).expect("a run that is in bf16 already may be forked");
    }

    #[test]
    fn values_that_can_change_live_are_told_from_the_others() {
        for (setting, live) in [
            ("train.threshold=0.9", true),
            ("lr_factor=2", true),
            ("train.steps = 9", true),
            ("train.lr=1", false),
            ("optim.momentum=0", false),
        ] {
            assert_eq!(is_live(setting), live, "{setting}");
        }
    }
}
