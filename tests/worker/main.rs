//! Whole runs through the real worker: tiny images, a handful of steps, and everything that may happen to a run.

#![cfg(feature = "train")]

mod asking;
mod changes;
mod disk;
mod faults;
mod forking;
mod insight;
mod instructions;
mod labeling;
mod moving;
mod older;
mod predicting;
mod ranking;
mod resume;
mod sealing;
mod slurm;
mod suites;
mod support;
