//! Reports of many runs: figures and pages that need nothing but themselves.

pub mod figure;
pub mod page;
pub mod study;
