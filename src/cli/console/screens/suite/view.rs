//! A suite as a grid.
//!
//! ```text
//! Labels per class                                   queue at work on cpu
//! ━━━━━━╸───────  9 of 18 runs done · 2 training · about 12m left
//!
//!                    per_class                                    3 more →
//!  strong            1               4               25
//!  none              ✓ 65.2 ± 1.4    ◉ 61.0 ± 2.1    ○
//!                      ▁▃▅▆ 3/3        ▁▃▅▆ 2/3
//!
//! per_class=4 strong=none: 2 of 3 finished, 1 training …
//! ```

use fixmatch::suite::order::Wanted;
use fixmatch::suite::outcome::Outcome;
use fixmatch::suite::queue::Stand;
use fixmatch::suite::slots::Slot;
use ratatui::buffer::Buffer;
use ratatui::layout::{Position, Rect};
use ratatui::style::Style;

use super::{OnSlurm, OpenSuite, Study};
use crate::console::app::App;
use crate::console::keys::{Action, Place};
use crate::console::mouse::Spot;
use crate::console::text::{self, clean, fit, fit_parts, left, wrap};
use crate::console::views::{put, put_right};
use crate::words::numbers::{duration, plural};
use crate::words::suites::{GONE, JobRow};

/// Rows above the grid: title, progress, a blank one, the axis of the columns, their values.
const ABOVE: u16 = 5;

/// Rows below it: a blank one, and two about the selected cell.
const BELOW: u16 = 3;

/// How much a cell shows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Detail {
    /// The mean alone.
    Mean,
    /// With the spread.
    Spread,
    /// With how many seeds are done and the trend, in the same row.
    Wide,
    /// The same in two rows, with a blank one below.
    Tall,
}

impl Detail {
    /// The fewest and the most columns that a cell takes.
    fn widths(self) -> (usize, usize) {
        match self {
            Self::Mean => (9, 12),
            Self::Spread => (15, 18),
            Self::Tall => (17, 24),
            Self::Wide => (31, 36),
        }
    }
}

/// Where the grid's cells are.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Layout {
    /// The cells, without their headings.
    cells: Rect,
    /// Columns of the headings of rows, one for each of their axes and one for what baselines are called.
    heads: Vec<usize>,
    detail: Detail,
    /// Columns and rows from one cell to the next.
    pitch: (usize, usize),
}

impl Layout {
    fn of(study: &Study, area: Rect) -> Self {
        let table = &study.table;
        let has_baseline = table.rows.iter().any(|row| row.baseline);
        let of_axis = |i: usize| {
            let values = table.rows.iter().filter_map(|row| row.values.get(i)).map(|value| text::width(value));
            values.chain([text::width(&table.heads[i])]).max().unwrap_or(0) + 2
        };
        let mut heads: Vec<usize> = (0..table.heads.len()).map(of_axis).chain(has_baseline.then_some(13)).collect();
        // The headings take no more than a third of a narrow screen.
        let room = usize::from(area.width) / 3;
        while heads.iter().sum::<usize>() > room {
            let Some(widest) = heads.iter_mut().max().filter(|width| **width > 6) else { break };
            *widest -= 1;
        }
        let start = 2 + heads.iter().sum::<usize>() as u16;
        let (width, height) = (area.width.saturating_sub(start + 1), area.height.saturating_sub(ABOVE + BELOW));
        let (n_rows, n_columns) = (table.rows.len().max(1), table.columns.len().max(1));
        let each = usize::from(width) / n_columns;
        let detail = if each >= Detail::Tall.widths().0 && 3 * n_rows <= usize::from(height) + 1 {
            Detail::Tall
        } else if each >= Detail::Wide.widths().0 {
            Detail::Wide
        } else if each >= Detail::Spread.widths().0 {
            Detail::Spread
        } else {
            Detail::Mean
        };
        let (least, most) = detail.widths();
        let heading = table.columns.iter().map(|value| text::width(value) + 4).max().unwrap_or(0);
        let across = each.clamp(least, most.max(heading.min(most + 8))).max(least);
        let cells = Rect { x: area.x + start, y: area.y + ABOVE, width, height };
        Self { cells, heads, detail, pitch: (across, if detail == Detail::Tall { 3 } else { 1 }) }
    }

    /// How many columns and rows of cells have room.
    fn n_seen(&self) -> (usize, usize) {
        let (width, height) = (usize::from(self.cells.width), usize::from(self.cells.height));
        ((width / self.pitch.0).max(1), ((height + usize::from(self.pitch.1 > 1)) / self.pitch.1).max(1))
    }
}

impl OpenSuite {
    /// Keeps what is selected in sight.
    pub fn arrange(&mut self, app: &App, area: Rect) {
        let Some(study) = app.home.study(&self.name) else { return };
        let (n_columns, n_rows) = Layout::of(study, area).n_seen();
        let (all_columns, all_rows) = (study.table.columns.len(), study.table.rows.len());
        self.column.step(0, all_columns);
        self.row.step(0, all_rows);
        self.column.keep_in_sight(1, n_columns, all_columns);
        self.row.keep_in_sight(1, n_rows, all_rows);
        self.arrange_runs(study, area);
    }

    /// Draws the grid, or the runs of its open cell.
    pub fn draw(&self, buffer: &mut Buffer, app: &App, area: Rect) {
        let theme = app.theme;
        let Some(study) = app.home.study(&self.name) else {
            put(buffer, 2, area.y, &format!("the suite {} is gone", self.name), theme.error());
            return;
        };
        head(buffer, app, study, area);
        if let Some(error) = &study.error {
            for (line, y) in wrap(&clean(error), usize::from(area.width) - 4).iter().zip(area.y + 3..area.bottom()) {
                put(buffer, 2, y, line, theme.error());
            }
        } else if self.runs.is_some() {
            self.draw_runs(buffer, app, study, area);
        } else {
            self.draw_grid(buffer, app, study, area);
        }
    }

    /// What a mouse points at.
    pub fn spot(&self, app: &App, area: Rect, position: Position) -> Option<Spot> {
        let study = app.home.study(&self.name)?;
        if self.runs.is_some() {
            return self.run_spot(study, area, position);
        }
        let Layout { cells, pitch, .. } = Layout::of(study, area);
        if !cells.contains(position) {
            return None;
        }
        let column = self.column.top + usize::from(position.x - cells.x) / pitch.0;
        let row = self.row.top + usize::from(position.y - cells.y) / pitch.1;
        let is_one = row < study.table.rows.len() && column < study.table.columns.len();
        is_one.then_some(Spot::Grid(row, column))
    }

    fn draw_grid(&self, buffer: &mut Buffer, app: &App, study: &Study, area: Rect) {
        let (theme, table) = (app.theme, &study.table);
        let layout = Layout::of(study, area);
        let Layout { cells, heads, detail, pitch } = &layout;
        let (n_columns, n_rows) = layout.n_seen();
        let axis_y = area.y + ABOVE - 2;
        put(buffer, cells.x + 1, axis_y, &table.axis, theme.faint());
        let (right, below) = (
            table.columns.len().saturating_sub(self.column.top + n_columns),
            table.rows.len().saturating_sub(self.row.top + n_rows),
        );
        let part = |arrow: &str, n: usize| if n > 0 { format!(" {arrow}{n}") } else { String::new() };
        let hidden = part("←", self.column.top) + &part("→", right) + &part("↑", self.row.top) + &part("↓", below);
        put_right(buffer, area.right() - 1, axis_y, &hidden, theme.faint());
        let mut x = area.x + 2;
        for (head, width) in table.heads.iter().zip(heads) {
            put(buffer, x, axis_y + 1, &fit(head, width - 1), theme.faint());
            x += *width as u16;
        }
        let columns = table.columns.iter().enumerate().skip(self.column.top).take(n_columns);
        for ((i, value), x) in columns.zip((cells.x..).step_by(pitch.0)) {
            let style = if i == self.column.at { theme.selected() } else { theme.strong() };
            put(buffer, x + 1, axis_y + 1, &fit(value, pitch.0 - 2), style);
        }
        let rows = table.rows.iter().enumerate().skip(self.row.top).take(n_rows);
        for ((i, row), y) in rows.zip((cells.y..).step_by(pitch.1)) {
            let style = if i == self.row.at { theme.selected() } else { theme.strong() };
            let mut x = area.x + 2;
            for (value, width) in row.values.iter().zip(heads) {
                put(buffer, x, y, &fit(value, width - 1), style);
                x += *width as u16;
            }
            if row.baseline {
                put(buffer, x, y, &fit("labels only", usize::from(cells.x.saturating_sub(x))), theme.faint());
            }
            let seen = row.cells.iter().enumerate().skip(self.column.top).take(n_columns);
            for ((column, place), x) in seen.zip((cells.x..).step_by(pitch.0)) {
                let is_selected = (i, column) == (self.row.at, self.column.at);
                let at = Rect { x, y, width: pitch.0 as u16 - 1, height: 1 };
                cell(buffer, app, study, (place.map(|place| &study.outcomes[place]), is_selected), (*detail, at));
            }
        }
        let width = usize::from(area.width) - 4;
        let about = self.outcome(study).map_or_else(
            || "this combination is left out".into(),
            |outcome| format!("{}: {}", study.label(outcome), standing(study, outcome)),
        );
        for (line, y) in wrap(&clean(&about), width).iter().zip(area.bottom() - 2..area.bottom()) {
            put(buffer, 2, y, line, theme.faint());
        }
    }
}

/// The title, how far the suite is, and what its queue does.
fn head(buffer: &mut Buffer, app: &App, study: &Study, area: Rect) {
    let (theme, width) = (app.theme, usize::from(area.width));
    let (queue, style) = queue(app, study);
    let room = width.saturating_sub(text::width(&queue) + 6);
    let title = if study.title.is_empty() { &study.name } else { &study.title };
    put(buffer, 2, area.y, &fit(&clean(title), room), theme.strong());
    put_right(buffer, area.right() - 2, area.y, &queue, style);
    let (n, n_done) = (study.stands.len(), study.count(|it| it.finished));
    let done = study.outcomes.iter().map(|it| it.done * it.n as f64).sum::<f64>() / n.max(1) as f64;
    let n_cells = (width / 8).clamp(8, 24);
    let (bar, rest) = app.glyphs.bar(done, n_cells);
    let style = if n_done == n { theme.good() } else { theme.accent() };
    let x = put(buffer, 2, area.y + 1, &bar, style);
    let x = put(buffer, x, area.y + 1, &rest, theme.faint());
    put(buffer, x + 2, area.y + 1, &progress(study, width.saturating_sub(usize::from(x) + 4)), theme.text());
}

/// How many runs stand how, and how long the rest takes, as far as there is room.
pub fn progress(study: &Study, width: usize) -> String {
    let done = format!("{} of {} done", study.count(|it| it.finished), plural(study.stands.len() as u64, "run"));
    let counts = [
        (4, study.count(|it| it.alive), "training"),
        (3, study.count(|it| it.failed), "failed"),
        (5, study.count(|it| it.stopped), "stopped"),
    ];
    let counts = counts.into_iter().filter(|(_, n, _)| *n > 0).map(|(rank, n, how)| (rank, format!("{n} {how}")));
    let time = study.forecast.left().filter(|_| study.is_left());
    let time = time.map(|time| (2, format!("about {} left", duration(time))));
    fit_parts([(1, done)].into_iter().chain(counts).chain(time).collect(), width)
}

/// What the queue does, and the key that has it do something else.
fn queue(app: &App, study: &Study) -> (String, Style) {
    let theme = app.theme;
    let key = |action, after| app.offer(Place::Suite, action, (": ", after));
    match (study.wanted, study.has_queue) {
        _ if study.error.is_some() => ("cannot be read".into(), theme.error()),
        (None, _) if !study.is_left() => ("all of it is there".into(), theme.good()),
        (None, _) => (format!("not started{}", key(Action::Launch, " starts it")), theme.changed()),
        (Some(Wanted::Train), _)
            if study.is_left()
                && let Some(slurm) = &study.slurm =>
        {
            on_slurm(app, slurm)
        }
        (Some(Wanted::Train), true) => (format!("training on {}", slots(&study.slots)), theme.good()),
        (Some(Wanted::Hold), true) => (format!("held{}", key(Action::Resume, " goes on")), theme.changed()),
        (Some(Wanted::Stop), true) => ("stopping…".into(), theme.changed()),
        (Some(_), false) if !study.is_left() && study.count(|it| it.failed + it.stopped) > 0 => {
            (format!("done, but for some{}", key(Action::Retry, " tries them again")), theme.error())
        }
        (Some(_), false) if !study.is_left() => ("done".into(), theme.good()),
        (Some(_), false) if study.slurm.is_some() => {
            (format!("not on Slurm now{}", key(Action::Resume, " submits what is left")), theme.changed())
        }
        (Some(_), false) => (format!("no queue is at work{}", key(Action::Resume, " goes on")), theme.changed()),
    }
}

/// What Slurm does with a suite.
fn on_slurm(app: &App, slurm: &OnSlurm) -> (String, Style) {
    let (theme, profile) = (app.theme, clean(&slurm.profile));
    let n = |is: fn(&JobRow) -> bool| slurm.jobs.iter().filter(|job| is(job)).count();
    match &slurm.answer {
        None => (format!("on Slurm ({profile}): asking it…"), theme.faint()),
        Some(Err(_)) => ("Slurm does not answer".into(), theme.error()),
        Some(Ok(())) if slurm.n_left() > 0 => {
            let submits = app.offer(
                Place::Suite,
                Action::Resume,
                (": ", if slurm.n_left() == 1 { " submits it" } else { " submits them" }),
            );
            (format!("{} without a job{submits}", plural(slurm.n_left() as u64, "run")), theme.changed())
        }
        Some(Ok(())) => {
            let (running, queued) = (n(|job| job.host.is_some()), n(|job| job.host.is_none() && job.reason.is_some()));
            (format!("on Slurm ({profile}): {running} running, {queued} queued"), theme.good())
        }
    }
}

/// `cuda:0, cuda:1`, or how many there are.
fn slots(slots: &[Slot]) -> String {
    match slots {
        [] | [_] | [_, _] => slots.iter().map(Slot::to_string).collect::<Vec<_>>().join(", "),
        _ => plural(slots.len() as u64, "slot"),
    }
}

/// A cell's sign and colour.
fn sign(app: &App, study: &Study, outcome: &Outcome) -> (&'static str, Style) {
    let theme = app.theme;
    let is_gone = || study.jobs(outcome).iter().any(|job| job.state == GONE);
    match outcome {
        Outcome { failed, .. } if *failed > 0 => ("✗", theme.error()),
        _ if is_gone() => ("✗", theme.error()),
        Outcome { alive, .. } if *alive > 0 => ("◉", theme.accent()),
        Outcome { stopped, .. } if *stopped > 0 => ("■", theme.changed()),
        Outcome { n, finished, .. } if n == finished => ("✓", theme.good()),
        _ => ("○", theme.faint()),
    }
}

/// `65.2 ± 1.4` of the seeds that are finished; while there is none, `61.0…` of those that train.
fn accuracy(study: &Study, outcome: &Outcome, detail: Detail) -> (String, bool) {
    match outcome.mean_and_sd() {
        Some((mean, Some(sd))) if detail != Detail::Mean => (format!("{:.1} ± {:.1}", 100.0 * mean, 100.0 * sd), true),
        Some((mean, _)) => (format!("{:.1}", 100.0 * mean), true),
        None => (so_far(study, outcome).map_or_else(String::new, |mean| format!("{:.1}…", 100.0 * mean)), false),
    }
}

/// The mean accuracy of runs that are not finished.
fn so_far(study: &Study, outcome: &Outcome) -> Option<f64> {
    let found = study.runs(outcome).into_iter().filter_map(|(_, stand)| stand.found()?.row.summary.ema_accuracy);
    let all: Vec<f64> = found.collect();
    (!all.is_empty()).then(|| all.iter().sum::<f64>() / all.len() as f64)
}

/// How the accuracy of a cell's runs went: the mean of those that went so far.
fn trend(study: &Study, outcome: &Outcome, width: usize) -> Vec<Option<f64>> {
    let runs = study.runs(outcome);
    let trends: Vec<&[f32]> =
        runs.iter().filter_map(|(_, stand)| Some(stand.found()?.row.summary.trend.as_slice())).collect();
    let longest = trends.iter().map(|trend| trend.len()).max().unwrap_or(0);
    let mean = |i: usize| {
        let all: Vec<f64> = trends.iter().filter_map(|trend| trend.get(i)).map(|&x| f64::from(x)).collect();
        (!all.is_empty()).then(|| all.iter().sum::<f64>() / all.len() as f64)
    };
    let whole: Vec<_> = (0..longest).map(mean).collect();
    // Of a long one every so many parts, the last always.
    let step = longest.div_ceil(width.max(1)).max(1);
    let mut parts: Vec<_> = whole.iter().rev().step_by(step).copied().collect();
    parts.reverse();
    parts
}

fn cell(
    buffer: &mut Buffer,
    app: &App,
    study: &Study,
    (outcome, is_selected): (Option<&Outcome>, bool),
    (detail, at): (Detail, Rect),
) {
    let theme = app.theme;
    if is_selected {
        put(buffer, at.x, at.y, "▸", theme.selected());
    }
    let Some(outcome) = outcome else { return };
    let (sign, style) = sign(app, study, outcome);
    let x = put(buffer, at.x + 1, at.y, sign, style);
    let (text, is_final) = accuracy(study, outcome, detail);
    let style = match (is_selected, is_final) {
        (true, _) => theme.selected(),
        (false, true) => theme.strong(),
        (false, false) => theme.faint(),
    };
    let x = put(buffer, x + 1, at.y, &fit(&text, usize::from(at.right().saturating_sub(x + 1))), style);
    let done = if outcome.alive > 0 && outcome.finished == 0 {
        format!("{:.0} %", (100.0 * outcome.done).floor())
    } else {
        format!("{}/{}", outcome.finished, outcome.n)
    };
    let room = usize::from(at.width).saturating_sub(3);
    match detail {
        Detail::Mean | Detail::Spread => {}
        Detail::Wide => {
            let x = x.max(at.x + 14);
            let x = put(buffer, x, at.y, &left(&done, 6), theme.faint());
            let width = usize::from(at.right().saturating_sub(x));
            put(buffer, x, at.y, &app.glyphs.sparkline(&trend(study, outcome, width)), theme.accent());
        }
        Detail::Tall => {
            let x = put(buffer, at.x + 3, at.y + 1, &left(&done, 5), theme.faint());
            let trend = trend(study, outcome, room.saturating_sub(5));
            put(buffer, x, at.y + 1, &app.glyphs.sparkline(&trend), theme.accent());
        }
    }
}

/// How a cell stands, in words.
fn standing(study: &Study, outcome: &Outcome) -> String {
    let Outcome { n, waiting, alive, finished, stopped, failed, .. } = outcome;
    let jobs = in_slurm(study, outcome);
    let (alive, waiting) = if jobs.is_empty() { (alive, waiting) } else { (&0, &0) }; // which say more of them
    let counts = [(*alive, "training"), (*waiting, "waiting"), (*stopped, "stopped"), (*failed, "failed")];
    let counts = counts.iter().filter(|(n, _)| *n > 0).map(|(n, how)| format!(", {n} {how}"));
    let counts = format!("{finished} of {n} finished{}{jobs}", counts.collect::<String>());
    let accuracy = match (outcome.mean_and_sd(), so_far(study, outcome)) {
        (Some((mean, Some(sd))), _) => format!("; {:.2} ± {:.2} %", 100.0 * mean, 100.0 * sd),
        (Some((mean, None)), _) => format!("; {:.2} %", 100.0 * mean),
        (None, Some(mean)) => format!("; {:.1} % so far", 100.0 * mean),
        (None, None) => String::new(),
    };
    let steps = study.runs(outcome).into_iter().filter_map(|(run, stand)| match stand {
        Stand::Alive(found) if jobs.is_empty() => {
            Some(format!("; seed {} at step {} of {}", run.seed, found.row.summary.step, run.config.train.steps))
        }
        _ => None,
    });
    format!("{counts}{accuracy}{}", steps.take(2).collect::<String>())
}

/// Where the runs of a cell are that have a job, or should have one: those of which the same is said are counted.
fn in_slurm(study: &Study, outcome: &Outcome) -> String {
    let mut told: Vec<(String, usize)> = Vec::new();
    let jobs = study.jobs(outcome);
    for job in jobs.iter().filter(|job| job.is_in_slurm()) {
        let words = if job.state == GONE { job.state.clone() } else { job.told() }; // why is said of each run
        match told.iter_mut().find(|(other, _)| *other == words) {
            Some((_, n)) => *n += 1,
            None => told.push((words, 1)),
        }
    }
    told.into_iter().fold(String::new(), |all, (words, n)| format!("{all}, {n} {words}"))
}
