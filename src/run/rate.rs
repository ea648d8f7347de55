//! How fast a run goes lately, and when it will be done.

use std::collections::VecDeque;
use std::time::{Duration, Instant};

/// The recent past: long enough to hold several evaluations of a short run.
const WINDOW: Duration = Duration::from_mins(1);

/// Shorter observations say nothing: the first steps are slow, and heartbeats are two seconds apart.
const WARM_UP: Duration = Duration::from_secs(5);

/// Steps seen and when.
#[derive(Debug, Default)]
pub struct Rate {
    seen: VecDeque<(Instant, u64)>,
}

impl Rate {
    /// Takes note of the steps done by now.
    pub fn observe(&mut self, now: Instant, step: u64) {
        match self.seen.back() {
            Some(&(_, last)) if last == step => return,
            Some(&(_, last)) if last > step => self.seen.clear(), // resumed from an older checkpoint
            _ => {}
        }
        self.seen.push_back((now, step));
        while self.seen.len() > 2 && now.duration_since(self.seen[0].0) > WINDOW {
            self.seen.pop_front();
        }
    }

    /// Forgets the past, in which the run did not go on as it does now.
    pub fn clear(&mut self) {
        self.seen.clear();
    }

    /// How long the remaining steps take at the recent rate; None before the warm-up.
    pub fn remaining(&self, now: Instant, steps: u64) -> Option<Duration> {
        let (&(first, first_step), &(last, last_step)) = (self.seen.front()?, self.seen.back()?);
        let span = last.duration_since(first);
        if span < WARM_UP || last_step == first_step {
            return None;
        }
        let s_per_step = span.as_secs_f64() / (last_step - first_step) as f64;
        let from_last = s_per_step * steps.saturating_sub(last_step) as f64;
        let since_last = now.duration_since(last).as_secs_f64();
        // An absurdly slow start must not overflow a duration.
        Duration::try_from_secs_f64((from_last - since_last).max(0.0)).ok()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn remaining_after(observations: &[(u64, u64)], now_s: u64) -> Option<u64> {
        let start = Instant::now();
        let at = |s| start + Duration::from_secs(s);
        let mut rate = Rate::default();
        for &(s, step) in observations {
            rate.observe(at(s), step);
        }
        rate.remaining(at(now_s), 1000).map(|remaining| remaining.as_secs())
    }

    #[test]
    fn the_rest_takes_as_long_as_the_recent_rate_says() {
        let cases = [
            (vec![], 0, None),
            (vec![(0, 0), (2, 20)], 2, None),                      // too short
            (vec![(0, 0), (10, 100)], 10, Some(90)),               // 10 steps a second
            (vec![(0, 0), (10, 100)], 12, Some(88)),               // the clock goes on
            (vec![(0, 0), (100, 100), (110, 200)], 110, Some(80)), // a slow start is forgotten
            (vec![(0, 900), (10, 100), (20, 200)], 20, Some(80)),  // resumed
        ];
        for (observations, now_s, expected) in cases {
            assert_eq!(remaining_after(&observations, now_s), expected, "{observations:?}");
        }
    }
}
