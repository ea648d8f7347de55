//! Reports of many runs: figures and pages that need nothing but themselves.

mod drawing;
pub mod figure;
pub mod page;
mod pdf;
pub mod study;
