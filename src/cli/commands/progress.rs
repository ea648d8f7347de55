//! How far it is: a bar in a terminal, else a line every ten seconds.

use std::time::{Duration, Instant};

use fixmatch::base::output;
use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};

use super::note;
use crate::words::numbers::grouped;

/// Lines are at least this far apart.
const LINE_EVERY: Duration = Duration::from_secs(10);

/// The progress of a count.
pub struct Progress {
    bar: Option<ProgressBar>,
    n: u64,
    total: u64,
    began: Instant,
    last_line: Instant,
}

impl Progress {
    /// Of so many, from now on.
    pub fn new(total: u64) -> Self {
        let is_dumb = std::env::var_os("TERM").is_none_or(|term| term == "dumb");
        let bar = (!is_dumb && output::notes_are_on_terminal()).then(|| {
            let style = "{bar:30}  {human_pos} of {human_len} images  {per_sec:.0}  {eta} left";
            let bar = ProgressBar::with_draw_target(Some(total), ProgressDrawTarget::stderr());
            bar.with_style(ProgressStyle::with_template(style).expect("the template is well-formed"))
        });
        Self { bar, n: 0, total, began: Instant::now(), last_line: Instant::now() }
    }

    /// One more.
    pub fn advance(&mut self) {
        self.reach(self.n + 1);
    }

    /// So many.
    pub fn reach(&mut self, n: u64) {
        self.n = n;
        if let Some(bar) = &self.bar {
            bar.set_position(n);
        } else if self.last_line.elapsed() >= LINE_EVERY {
            self.last_line = Instant::now();
            note(format_args!("{} of {} images", grouped(self.n), grouped(self.total)));
        }
    }

    /// Prints something without disturbing the bar.
    pub fn aside<T>(&self, print: impl FnOnce() -> T) -> T {
        match &self.bar {
            Some(bar) => bar.suspend(print),
            None => print(),
        }
    }

    /// Takes the bar away. Returns how long it took.
    pub fn finish(self) -> Duration {
        if let Some(bar) = &self.bar {
            bar.finish_and_clear();
        }
        self.began.elapsed()
    }
}
