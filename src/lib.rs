//! FixMatch: semi-supervised image classification, driven from the terminal.
//!
//! The story of a run: a preset ([`config`]) becomes a [`plan`], and that a directory ([`run`]); a worker is launched on
//! it. The worker (its own program, the only one that loads libtorch) appends events to the log and follows requests from
//! the mailbox. Everyone else folds the log into a state.
//!
//! The parts are floors, from [`base`] up: each imports only from those below (`tests/floors.rs`). Nothing here knows
//! tensors, or of a terminal more than what a text does to it.

pub mod augment;
pub mod base;
pub mod classifier;
pub mod compare;
pub mod config;
pub mod data;
pub mod labels;
pub mod loader;
pub mod machine;
pub mod notify;
pub mod plan;
pub mod predict;
pub mod run;
pub mod suite;

/// The version and the commit it was built from, as `--version` and run directories say it.
pub const VERSION: &str = concat!(env!("CARGO_PKG_VERSION"), " (", env!("FIXMATCH_COMMIT"), ")");
