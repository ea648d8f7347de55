//! What knows nothing of FixMatch: files and folders, the machine and who is at it, text and how it gets out, images,
//! random numbers.

pub mod alike;
pub mod aside;
pub mod detached;
pub mod dirs;
pub mod files;
pub mod hex;
pub mod host;
pub mod image;
pub mod manual;
pub mod number;
pub mod output;
pub mod rng;
pub mod sealed;
pub mod stats;
pub mod text;
pub mod tfevents;
pub mod trash;
