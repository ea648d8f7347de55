//! How things are said, to whoever types commands and whoever looks at the console alike.

pub mod changes;
pub mod comparisons;
pub mod crossval;
pub mod digest;
pub mod events;
pub mod family;
pub mod labels;
pub mod numbers;
pub mod presets;
pub mod suites;
pub mod tables;
