//! What a worker reports: one event, one line of `events.jsonl`.
//!
//! Events are a function of the run, not of the clock: two runs with one configuration write the same events in every
//! field but [`VARYING_FIELDS`]. Fields are added, never renamed; a reader keeps unknown events as [`Event::Unknown`].

use std::env::var;
use std::fmt;

use serde::{Deserialize, Serialize};

use crate::base::host::now;
use crate::base::text::Name;
use crate::run::change::{Change, Edit, Request};
use crate::run::digests::Digests;
use crate::run::file::Parent;
use crate::run::insight::Pointer;
use crate::run::pseudo::alarm::Alarm;

/// The fields of a line that depend on the machine and the moment.
pub const VARYING_FIELDS: [&str; 8] =
    ["time", "images_per_s", "data_wait", "memory_bytes", "id", "job", "digests", "seal"];

/// An event and when it was written.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Record {
    /// Seconds since 1970, UTC.
    pub time: f64,
    /// What happened.
    #[serde(flatten)]
    pub event: Event,
}

impl Record {
    /// An event that happens now, to the millisecond.
    pub fn now(event: Event) -> Self {
        Self { time: (now() * 1000.0).round() / 1000.0, event }
    }
}

/// What happened in a run.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "event", rename_all = "snake_case")]
pub enum Event {
    /// A worker took the run up. Written once per worker, before anything that can fail.
    Launched {
        /// Its process.
        pid: u32,
        /// Its machine.
        host: String,
        /// Its version and commit.
        version: String,
        /// The job of a cluster that it runs in.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        job: Option<Job>,
    },
    /// Data and model are ready; the first step follows. Written once per run.
    Started(Box<Started>),
    /// A worker continues from a checkpoint. Every point after this step is void.
    Resumed {
        /// The steps done.
        step: u64,
    },
    /// All before is a copy of another run's log, from whose checkpoint this run goes on.
    Forked(Parent),
    /// The files that decide the results were taken as they are: by the first worker that knows seals, or by a user.
    Sealed {
        /// The step of the newest checkpoint.
        step: u64,
        /// Who took them so, as user@host.
        who: String,
        /// What they are.
        digests: Box<Digests>,
        /// What was wrong with the log before, and is not in it any more.
        #[serde(default, skip_serializing_if = "Vec::is_empty")]
        damage: Vec<String>,
    },
    /// The mean over the steps of one window.
    Progress(Progress),
    /// The test set was evaluated.
    Evaluated(Box<Evaluated>),
    /// There are no test images: the averaged and the trained weights were compared instead.
    Compared(Box<Compared>),
    /// A record is in `insight.bin`.
    Insight(Pointer),
    /// Pseudo-labels go wrong.
    Alarm(Alarm),
    /// A checkpoint is on disk.
    Checkpointed {
        /// The steps done.
        step: u64,
        /// Its name in `checkpoints/`.
        file: String,
        /// Whether it is the best so far by the accuracy of the averaged weights.
        best: bool,
    },
    /// Something the user should know, without consequence for the run.
    Warning {
        /// One sentence.
        message: String,
        /// The seconds for which the training was held, where it is about that.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        held_s: Option<f64>,
    },
    /// A request was read.
    Accepted {
        /// Its file's name.
        id: String,
        /// What is asked.
        request: Request,
        /// Who asks, as user@host.
        who: String,
    },
    /// A request took effect before the step that follows `step` steps.
    Applied {
        /// The request's file name.
        id: String,
        /// The steps done.
        step: u64,
        /// The value it changed, if it changed one.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        change: Option<Change>,
        /// The number of the change that it takes back, if it was an undo.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        undoes: Option<u32>,
        /// The numbers of the changes of the same value that lay ahead and count no more.
        #[serde(default, skip_serializing_if = "Vec::is_empty")]
        cancels: Vec<u32>,
    },
    /// A recorded change that lay ahead was edited.
    Edited {
        /// The request's file name.
        id: String,
        /// The steps done, or from which the run goes on.
        step: u64,
        /// What became of it.
        edit: Edit,
    },
    /// A number of the training is not finite: the run is about to fail.
    Diverged {
        /// The steps done before the one that it was seen in.
        step: u64,
        /// The number of the change that was made shortly before, if there is one.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        change: Option<u32>,
    },
    /// A request was not followed.
    Refused {
        /// The request's file name.
        id: String,
        /// Why, in a sentence.
        reason: String,
    },
    /// Parked: the worker waits, memory kept.
    Paused {
        /// The steps done.
        step: u64,
    },
    /// No longer parked.
    Continued {
        /// The steps done.
        step: u64,
    },
    /// Saved and ended, to be resumed.
    Suspended {
        /// The steps done.
        step: u64,
    },
    /// Saved and ended on request.
    Stopped {
        /// The steps done.
        step: u64,
    },
    /// All steps are done.
    Finished {
        /// The steps done.
        step: u64,
    },
    /// Ended by an error.
    Failed {
        /// The steps done.
        step: u64,
        /// What went wrong and what to try.
        reason: String,
        /// What kind of error it was.
        #[serde(default)]
        kind: FailureKind,
    },
    /// An event of a later version.
    #[serde(other)]
    Unknown,
}

impl Event {
    /// A warning of something else than a hold.
    pub fn warning(message: impl Into<String>) -> Self {
        Self::Warning { message: message.into(), held_s: None }
    }

    /// Whether it is about a request, which can be answered where no worker is.
    pub fn is_of_a_request(&self) -> bool {
        matches!(self, Self::Accepted { .. } | Self::Applied { .. } | Self::Edited { .. } | Self::Refused { .. })
    }
}

/// A job, as its worker sees it. A job that was queued again keeps its name.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Job {
    /// What Slurm calls it: `ARRAY_TASK`, or a number.
    pub id: String,
    /// How often it was queued again before.
    pub restarts: u32,
}

impl Job {
    /// The job of Slurm that this process runs in.
    pub fn this() -> Option<Self> {
        let id = match (var("SLURM_ARRAY_JOB_ID"), var("SLURM_ARRAY_TASK_ID")) {
            (Ok(array), Ok(task)) => format!("{array}_{task}"),
            _ => var("SLURM_JOB_ID").ok()?,
        };
        let restarts = var("SLURM_RESTART_COUNT").ok().and_then(|text| text.parse().ok()).unwrap_or(0);
        Some(Self { id, restarts })
    }
}

impl fmt::Display for Job {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.restarts {
            0 => f.write_str(&self.id),
            n => write!(f, "{}, queued again {n}×", self.id),
        }
    }
}

/// What kind of error ended a run: whether resuming may get further.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum FailureKind {
    /// A number of the training is not finite: the same steps come to it again.
    Diverged,
    /// A fault in the worker: most likely it comes again.
    Fault,
    /// Around the run: images, a disk, memory, a device, another run. It may be over, or be mended.
    Outside,
    /// Not told: in logs of before this was written, and of a later version.
    #[default]
    #[serde(other)]
    Unknown,
}

impl FailureKind {
    /// Whether a run that failed of it may get further when it is resumed.
    pub fn may_pass(self) -> bool {
        match self {
            Self::Diverged | Self::Fault => false,
            Self::Outside | Self::Unknown => true,
        }
    }
}

/// What a run trains on, known once data and model are loaded.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Started {
    /// Steps to do.
    pub steps: u64,
    /// `cpu` or `cuda:N`.
    pub device: String,
    /// libtorch's threads.
    pub threads: u32,
    /// Trainable numbers of the model.
    pub n_parameters: u64,
    /// Training images with a label.
    pub n_labeled: u64,
    /// Training images used without a label.
    pub n_unlabeled: u64,
    /// Test images.
    pub n_test: u64,
    /// Their names, in the order of the labels.
    pub classes: Vec<Name>,
    /// Labeled images of each class; empty in logs of before this was told.
    #[serde(default)]
    pub labeled_per_class: Vec<u64>,
    /// Digests of the files that decide the results; none in logs of before this was told.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub digests: Option<Digests>,
}

/// The mean over the steps `step - n_steps .. step`.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Progress {
    /// The steps done.
    pub step: u64,
    /// The window's length.
    pub n_steps: u64,
    /// `loss_supervised + lambda_u × loss_unsupervised`, without weight decay.
    pub loss: f64,
    /// Cross-entropy of the labeled batch.
    pub loss_supervised: f64,
    /// Mean over all μB strong views, masked ones counted as zero.
    pub loss_unsupervised: f64,
    /// The learning rate of the window's last step.
    pub lr: f64,
    /// Share of pseudo-labels at or above the threshold. None without unlabeled images.
    pub mask_ratio: Option<f64>,
    /// Share of the accepted pseudo-labels that name the true class, which training does not see.
    /// None where none was accepted.
    pub pseudo_label_accuracy: Option<f64>,
    /// Images through the network a second: labeled, weak and strong ones.
    pub images_per_s: f64,
    /// Share of the time spent waiting for the loader.
    pub data_wait: f64,
    /// Resident memory of the worker.
    pub memory_bytes: u64,
}

/// One evaluation of the test set.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Evaluated {
    /// The steps done.
    pub step: u64,
    /// The weights as trained.
    pub raw: Evaluation,
    /// Their moving average, with the live batch norm statistics: what the paper reports.
    pub ema: Evaluation,
    /// The median of the last 20 scheduled evaluations of the average (paper, section 4.1).
    pub median: f64,
    /// Of how many evaluations, while there are fewer than 20.
    pub median_of: u64,
    /// The best scheduled evaluation of the average so far.
    pub best: f64,
    /// Its step.
    pub best_step: u64,
    /// CTAugment's rates in thousandths, in the order of `augment::ctaugment::rows`: for each operation, for each of its
    /// parameters, for each bin. None for other policies.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub rates: Option<Vec<u16>>,
    /// Asked for, and so left out of `median` and `best`.
    #[serde(default)]
    pub requested: bool,
}

impl Evaluated {
    /// Leaves out the scores of each class, which take most of its memory.
    pub fn shorten(&mut self) {
        for scores in [&mut self.raw, &mut self.ema] {
            (scores.per_class, scores.confusion) = (Vec::new(), Vec::new());
        }
    }
}

/// What the averaged and the trained weights say of the training images, where there are no test images.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Compared {
    /// The steps done.
    pub step: u64,
    /// How many images both were asked about: unlabeled ones, if there are any.
    pub n: u64,
    /// The share of them that both take for the same class, in [0, 1].
    pub agreement: f64,
    /// How many of them the averaged weights take for each class.
    pub predicted: Vec<u64>,
    /// CTAugment's rates, as in [`Evaluated`].
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub rates: Option<Vec<u16>>,
    /// Asked for.
    #[serde(default)]
    pub requested: bool,
}

/// The test set under one set of weights.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Evaluation {
    /// In [0, 1].
    pub accuracy: f64,
    /// Mean cross-entropy.
    pub loss: f64,
    /// Accuracy of each class; None for a class without test images.
    pub per_class: Vec<Option<f64>>,
    /// Test images of class (row) predicted as class (column).
    pub confusion: Vec<Vec<u32>>,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_record_is_one_flat_line() {
        let record = Record { time: 1.5, event: Event::Resumed { step: 7 } };
        let line = serde_json::to_string(&record).expect("serialises");
        assert_eq!(line, r#"{"time":1.5,"event":"resumed","step":7}"#);
        assert_eq!(serde_json::from_str::<Record>(&line).expect("parses"), record);
    }

    #[test]
    fn a_failure_whose_kind_is_not_told_or_not_known_may_pass() {
        for kind in ["", r#","kind":"eclipse""#] {
            let line = format!(r#"{{"time":1.0,"event":"failed","step":3,"reason":"r"{kind}}}"#);
            let event = serde_json::from_str::<Record>(&line).expect("parses").event;
            assert_eq!(event, Event::Failed { step: 3, reason: "r".into(), kind: FailureKind::Unknown });
        }
        assert!(FailureKind::Unknown.may_pass() && !FailureKind::Diverged.may_pass());
    }

    #[test]
    fn events_of_a_later_version_are_kept_as_unknown() {
        let line = r#"{"time":1.0,"event":"teleported","where":"mars"}"#;
        assert_eq!(serde_json::from_str::<Record>(line).expect("parses").event, Event::Unknown);
    }
}
