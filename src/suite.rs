//! Studies: many runs of one preset, one for each cell of a grid and each seed, and the queue that trains them.
//!
//! A suite's state is never stored: a planned run is the run directory whose configuration decides the same results, and
//! how it stands is what that directory says. So the queue can be killed at any moment, and a suite that was changed
//! trains only what is new.

pub mod asking;
pub mod batch;
pub mod cluster;
pub mod engine;
pub mod expand;
pub mod file;
pub mod forecast;
pub mod grid;
pub mod members;
pub mod order;
pub mod outcome;
pub mod own;
pub mod queue;
pub mod slots;
pub mod slurm;
pub mod standing;
pub mod submission;
pub mod table;
pub mod task;
pub mod usual;
