//! FixMatch: semi-supervised image classification, driven from the terminal.

pub mod augment;
pub mod image;
pub mod rng;
