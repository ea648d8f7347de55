//! Many runs compared: experiments, which of them are meant, groups of seeds, and what can be said of a difference.
//!
//! All of it is read from run directories. An experiment is a run with its configuration and what came of it; runs whose
//! configurations differ in nothing but seeds are a group, and a verdict is about two groups. Knows nobody who shows it.

pub mod bands;
pub mod classes;
pub mod crossval;
pub mod experiment;
pub mod expression;
pub mod family;
pub mod groups;
pub mod keys;
pub mod saved;
pub mod sort;
pub mod stats;
pub mod verdict;
