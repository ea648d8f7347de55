//! What happened while nobody looked, in a few lines.

use std::time::Duration;

use fixmatch::run::seen::Digest;

use super::numbers::{duration, grouped, percent, plural};

/// A digest in a few lines.
pub fn digest_lines(digest: &Digest) -> Vec<String> {
    let Digest { before, now, .. } = digest;
    let mut lines = Vec::new();
    let steps = now.step as i64 - before.step as i64;
    let away = if before.time > 0.0 {
        let span = Duration::try_from_secs_f64((now.time - before.time).max(0.0)).unwrap_or_default();
        format!(" in {}", duration(span))
    } else {
        String::new()
    };
    let sign = if steps < 0 { "-" } else { "+" };
    lines.push(format!("{sign}{} steps{away}, now at step {}", grouped(steps.unsigned_abs()), grouped(now.step)));
    lines.extend(accuracy_line(digest));
    if !digest.counts.is_empty() {
        let counts: Vec<_> = digest.counts.iter().map(|(noun, n)| plural(*n as u64, noun)).collect();
        lines.push(counts.join(", "));
    }
    let left = |seconds: Option<f64>| Duration::try_from_secs_f64(seconds?).ok();
    if let (Some(before), Some(now)) = (left(before.remaining_s), left(now.remaining_s)) {
        lines.push(format!("left: {} then, {} now", duration(before), duration(now)));
    }
    lines
}

fn accuracy_line(digest: &Digest) -> Option<String> {
    let now = digest.now.accuracy?;
    let Some(gain) = digest.gain() else { return Some(format!("test accuracy {}", percent(now))) };
    let noise = match (digest.is_beyond_noise(), digest.noise) {
        (Some(true), _) => ", more than noise".to_owned(),
        (Some(false), Some(noise)) => format!(", within the noise of ±{:.1}", 200.0 * noise),
        (Some(false) | None, _) => String::new(),
    };
    Some(format!("test accuracy {} ({:+.1} points{noise})", percent(now), 100.0 * gain))
}
