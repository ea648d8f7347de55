//! What this machine has, held against what a run asks for.

pub mod gpu;
pub mod memory;
pub mod processor;
