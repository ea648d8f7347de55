//! FixMatch: semi-supervised image classification, driven from the terminal.
//!
//! The story of a run, in the order of the modules: a [`preset`] resolves to a [`config`], which is written into a new
//! [`run_dir`]; [`launch`] starts a worker on it. The worker (its own program, the only one that loads libtorch) appends
//! [`event`]s to the [`event_log`] and follows requests put into the mailbox by [`control`]. Everyone else folds the
//! log into a [`run_state`].
//!
//! Nothing here knows tensors, or of a terminal more than what a text does to it ([`text`], [`output`]).

pub mod augment;
pub mod base;
pub mod config;
pub mod data;
pub mod labels;
pub mod loader;
pub mod machine;
pub mod manual;
pub mod run;

/// The version and the commit it was built from, as `--version` and run directories say it.
pub const VERSION: &str = concat!(env!("CARGO_PKG_VERSION"), " (", env!("FIXMATCH_COMMIT"), ")");
