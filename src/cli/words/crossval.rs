//! Cross-validation, in words.

use fixmatch::compare::crossval::{Crossval, Share};

use super::numbers::{percent, plural};

/// What came of it; None before a part is tested.
pub fn estimate(found: &Crossval) -> Option<String> {
    let Share { n, n_right, interval: (low, high) } = found.share()?;
    let part = if found.is_whole() { String::new() } else { format!(", {} of {} parts", found.tested.len(), found.of) };
    let images = plural(n, "labeled image");
    let (accuracy, low, high) = (percent(n_right as f64 / n as f64), percent(low), percent(high));
    Some(format!(
        "cross-validated accuracy {accuracy}: {n_right} of {images} right{part} (95 % interval {low} to {high})"
    ))
}
