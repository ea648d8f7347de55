//! FixMatch: semi-supervised image classification, driven from the terminal.

pub mod data;
pub mod dirs;
pub mod image;
pub mod rng;
