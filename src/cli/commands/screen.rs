//! What the foreground shows of a run: a bar in a terminal, plain lines elsewhere. Draws on stderr; knows no files.

use std::time::{Duration, Instant};

use fixmatch::base::output;
use fixmatch::base::text::width;
use fixmatch::run::event::Event;
use fixmatch::run::heartbeat::Phase;
use fixmatch::run::state::RunState;
use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};

use super::note;
use crate::words::events::sentence;
use crate::words::numbers::{duration, percent, short};

/// Plain lines of progress are at least this far apart.
const LINE_EVERY: Duration = Duration::from_secs(10);

/// The bar keeps at least this many columns; fields make way.
const SHORTEST_BAR: usize = 6;

/// A run at this moment.
pub struct Glimpse<'a> {
    /// What was folded.
    pub state: &'a RunState,
    /// The steps done, by the heartbeat.
    pub step: u64,
    /// Steps to do.
    pub steps: u64,
    /// What the worker is doing; None while it gives no sign of life.
    pub phase: Option<Phase>,
    /// When it will be done, once that can be told.
    pub remaining: Option<Duration>,
}

/// A bar or lines.
pub enum Screen {
    /// For a terminal.
    Bar(ProgressBar),
    /// For everything else.
    Lines(Lines),
}

/// What was last printed.
#[derive(Default)]
pub struct Lines {
    waiting: Option<&'static str>,
    progress: Option<Instant>,
}

impl Screen {
    /// A bar where stderr is a terminal that can draw one.
    pub fn new() -> Self {
        let dumb = std::env::var_os("TERM").is_none_or(|term| term == "dumb");
        if dumb || !output::notes_are_on_terminal() {
            return Self::Lines(Lines::default());
        }
        let bar = ProgressBar::with_draw_target(None, ProgressDrawTarget::stderr());
        bar.set_style(style("{msg}"));
        Self::Bar(bar)
    }

    /// Prints what happened, if it is worth a line.
    pub fn event(&mut self, event: &Event) {
        let worth_a_line = match (&self, event) {
            (
                _,
                Event::Warning { .. }
                | Event::Alarm(_)
                | Event::Applied { .. }
                | Event::Edited { .. }
                | Event::Refused { .. }
                | Event::Paused { .. }
                | Event::Continued { .. }
                | Event::Resumed { .. }
                | Event::Sealed { .. },
            )
            | (Self::Lines(_), Event::Started(_) | Event::Evaluated(_) | Event::Compared(_)) => true,
            // How it ended is said by whoever started it.
            (
                _,
                Event::Launched { .. }
                | Event::Started(_)
                | Event::Forked(_)
                | Event::Progress(_)
                | Event::Evaluated(_)
                | Event::Compared(_)
                | Event::Insight(_)
                | Event::Checkpointed { .. }
                | Event::Accepted { .. }
                | Event::Suspended { .. }
                | Event::Stopped { .. }
                | Event::Finished { .. }
                | Event::Failed { .. }
                | Event::Diverged { .. }
                | Event::Unknown,
            ) => false,
        };
        if let Some(line) = sentence(event).filter(|_| worth_a_line) {
            self.say(&line);
        }
    }

    /// Prints a line, above the bar if there is one.
    pub fn say(&self, line: &str) {
        match self {
            Self::Bar(bar) => bar.suspend(|| note(line)),
            Self::Lines(_) => note(line),
        }
    }

    /// Shows how the run stands.
    pub fn show(&mut self, now: Instant, glimpse: &Glimpse) {
        match self {
            Self::Bar(bar) => draw(bar, glimpse),
            Self::Lines(lines) => lines.show(now, glimpse),
        }
    }

    /// Takes the bar away.
    pub fn close(&self) {
        if let Self::Bar(bar) = self {
            bar.finish_and_clear();
        }
    }
}

impl Lines {
    fn show(&mut self, now: Instant, glimpse: &Glimpse) {
        if let Some(waiting) = waiting_for(glimpse) {
            if self.waiting.replace(waiting) != Some(waiting) {
                note(waiting);
            }
            return;
        }
        let due = *self.progress.get_or_insert(now) + LINE_EVERY <= now;
        if let Some(progress) = glimpse.state.progress.last().filter(|_| due) {
            let done = glimpse.remaining.map_or_else(String::new, |left| format!(", done in {}", duration(left)));
            let line = sentence(&Event::Progress(progress.clone())).unwrap_or_default();
            note(format_args!("{line}{done}"));
            self.progress = Some(now);
        }
    }
}

fn draw(bar: &ProgressBar, glimpse: &Glimpse) {
    if let Some(waiting) = waiting_for(glimpse) {
        bar.set_style(style("{msg}"));
        bar.set_message(waiting);
        return;
    }
    let done = format!("{}/{}", short(glimpse.step as f64), short(glimpse.steps as f64));
    let n_columns = output::columns_of_notes().unwrap_or(80);
    let room = n_columns.saturating_sub(width(&done) + SHORTEST_BAR + 4);
    bar.set_style(style("{prefix}  {wide_bar}  {msg}").progress_chars("━╸─"));
    bar.set_length(glimpse.steps);
    bar.set_prefix(done);
    bar.set_message(fields(glimpse, room));
    bar.set_position(glimpse.step);
}

/// The numbers beside the bar, as many as fit into `room` columns.
fn fields(glimpse: &Glimpse, room: usize) -> String {
    let progress = glimpse.state.progress.last();
    let evaluated = glimpse.state.evaluations.last();
    let compared = glimpse.state.comparisons.last();
    let paused = glimpse.phase == Some(Phase::Paused);
    let end =
        if paused { Some("paused".into()) } else { glimpse.remaining.map(|left| format!("ETA {}", duration(left))) };
    // How soon each makes way when there is too little room, the first one first.
    let mut fields = [
        (2, progress.map(|point| format!("{} img/s", short(point.images_per_s)))),
        (1, progress.map(|point| format!("loss {:.3}", point.loss))),
        (0, progress.and_then(|point| point.mask_ratio).map(|mask| format!("mask {mask:.2}"))),
        (3, compared.map(|compared| format!("agree {}", percent(compared.agreement)))),
        (3, evaluated.map(|evaluated| format!("test {}", percent(evaluated.ema.accuracy)))),
        (4, end),
    ];
    for makes_way in 0.. {
        let text = fields.iter().filter_map(|(_, field)| field.as_deref()).collect::<Vec<_>>().join("  ");
        if width(&text) <= room || makes_way == 5 {
            return text;
        }
        for (rank, field) in &mut fields {
            if *rank == makes_way {
                *field = None;
            }
        }
    }
    unreachable!("no field is left after five")
}

/// What there is to wait for before there are steps to count.
fn waiting_for(glimpse: &Glimpse) -> Option<&'static str> {
    match glimpse.phase {
        Some(Phase::Loading) => Some("loading data and model…"),
        None if glimpse.step == 0 => Some("starting the worker…"),
        Some(Phase::Ranking) => Some("ranking the training images…"),
        Some(phase @ (Phase::NoSpace | Phase::DiskFails)) => phase.trouble(),
        None | Some(Phase::Training | Phase::Evaluating | Phase::Saving | Phase::Paused) => None,
    }
}

fn style(template: &str) -> ProgressStyle {
    ProgressStyle::with_template(template).expect("the template is well-formed")
}

#[cfg(test)]
mod tests {
    use fixmatch::run::event::{Evaluated, Evaluation, Progress};

    use super::*;

    fn some_state() -> RunState {
        let progress =
            Progress { step: 10, loss: 1.2345, mask_ratio: Some(0.45), images_per_s: 12_345.0, ..Progress::default() };
        let scores = Evaluation { accuracy: 0.712, ..Evaluation::default() };
        let (raw, ema) = (scores.clone(), scores);
        let evaluated = Evaluated {
            step: 10,
            raw,
            ema,
            median: 0.7,
            median_of: 1,
            best: 0.7,
            best_step: 10,
            rates: None,
            requested: false,
        };
        RunState { progress: vec![progress], evaluations: vec![evaluated], ..RunState::default() }
    }

    #[test]
    fn fields_make_way_where_there_is_too_little_room() {
        let state = some_state();
        let remaining = Some(Duration::from_secs(192));
        let glimpse = Glimpse { state: &state, step: 10, steps: 5000, phase: Some(Phase::Training), remaining };
        let cases = [
            (60, "12.3k img/s  loss 1.234  mask 0.45  test 71.2 %  ETA 3m12s"),
            (50, "12.3k img/s  loss 1.234  test 71.2 %  ETA 3m12s"),
            (36, "12.3k img/s  test 71.2 %  ETA 3m12s"),
            (25, "test 71.2 %  ETA 3m12s"),
            (10, "ETA 3m12s"),
            (3, ""),
        ];
        for (room, expected) in cases {
            assert_eq!(fields(&glimpse, room), expected, "{room} columns");
        }
    }
}
