//! FixMatch: semi-supervised image classification, driven from the terminal.
//!
//! The story of a run, in the order of the modules: a [`preset`] resolves to a [`config`], which is written into a new
//! [`run_dir`]; [`launch`] starts a worker on it. The worker (its own program, the only one that loads libtorch) appends
//! [`event`]s to the [`event_log`] and follows requests put into the mailbox by [`control`]. Everyone else folds the
//! log into a [`run_state`].
//!
//! Nothing here knows tensors, or of a terminal more than what a text does to it ([`text`], [`output`]).

pub mod alike;
pub mod amend;
pub mod augment;
pub mod checkpoint;
pub mod config;
pub mod control;
pub mod data;
pub mod dirs;
pub mod estimate;
pub mod event;
pub mod event_log;
pub mod files;
pub mod fork;
pub mod gpu;
mod hex;
pub mod history;
pub mod host;
pub mod image;
pub mod insight;
pub mod last_seen;
pub mod launch;
pub mod loader;
pub mod output;
pub mod preset;
pub mod processor;
pub mod pseudo;
pub mod ranking;
pub mod rng;
pub mod run_dir;
pub mod run_state;
pub mod schedule;
pub mod series;
pub mod setup;
pub mod survey;
pub mod text;
pub mod trash;

/// The version and the commit it was built from, as `--version` and run directories say it.
pub const VERSION: &str = concat!(env!("CARGO_PKG_VERSION"), " (", env!("FIXMATCH_COMMIT"), ")");
