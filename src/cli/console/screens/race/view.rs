//! Runs beside each other: a row for each group of seeds, and below them curves, the verdict, classes or runs.
//!
//! ```text
//!   they differ in train.lr                                curves  verdict  classes  runs
//!        lr     n      accuracy     − A   95 % interval  mask ratio
//! ▸ A  0.03     3  64.6 ± 1.3 %                              81.5 %
//!   B   0.1   2/3  62.0 ± 2.7 %    −2.6     −9.8 to 4.6     100.0 %
//!   B − A: −2.6 points, 95 % interval …: no difference is seen.
//!
//!   … the part …
//! ```

use fixmatch::base::stats::mean_and_sd;
use fixmatch::compare::bands::value_at;
use fixmatch::compare::experiment::Measure;
use fixmatch::compare::keys;
use fixmatch::run::curves::Metric;
use fixmatch::run::event::Evaluated;
use ratatui::buffer::Buffer;
use ratatui::layout::{Position, Rect};
use ratatui::style::Style;
use ratatui::text::Span;

use crate::console::app::App;
use crate::console::mouse::{Rows, Spot};
use crate::console::screens::race::part::Part;
use crate::console::screens::race::{Lane, QUANTITIES, Race};
use crate::console::screens::run::OpenRun;
use crate::console::text::{fit, left, right, wrap};
use crate::console::views::columns::{Column, fitting};
use crate::console::views::{chart, put, put_right, put_spans};
use crate::words::comparisons::{configured, letter, mean_and_sd as mean_and_sd_of, points};
use crate::words::numbers::{grouped, or_dash, percent, short};

mod both;
mod classes;
mod curves;
mod family;
mod runs;

/// From this width on there are two charts.
pub const WIDE: u16 = 110;

impl Race {
    /// Forms the groups anew where that is due, and scrolls no farther than there is text.
    pub fn arrange(&mut self, area: Rect) {
        self.renew();
        if self.part == Part::Curves && !self.is_in_full() {
            self.form_bands(self.quantity);
            if area.width >= WIDE {
                self.form_bands((self.quantity + 1) % QUANTITIES.len());
            }
        }
        let n = self.verdict_lines(area).len();
        let height = usize::from(self.below(area).height);
        self.scroll = self.scroll.min(n.saturating_sub(height));
    }

    /// Draws the runs.
    pub fn draw(&self, buffer: &mut Buffer, app: &App, area: Rect) {
        self.draw_head(buffer, app, area);
        if self.is_in_full() {
            return both::draw(self, buffer, app, Rect { y: area.y + 1, height: area.height - 1, ..area });
        }
        self.draw_lanes(buffer, app, area);
        let below = self.below(area);
        match self.part {
            Part::Curves => curves::draw(self, buffer, app, below),
            Part::Verdict => self.draw_verdict(buffer, app, area),
            Part::Classes => classes::draw(self, buffer, app, below),
            Part::Runs => runs::draw(self, buffer, app, below),
            Part::Family => family::draw(self, buffer, app, below),
        }
    }

    /// Two runs are shown in full where there is no table above their curves.
    fn is_in_full(&self) -> bool {
        self.runs.len() == 2 && self.part == Part::Curves
    }

    /// What the groups differ in, and which parts there are.
    fn draw_head(&self, buffer: &mut Buffer, app: &App, area: Rect) {
        let theme = app.theme;
        let names: Vec<&str> = self.groups.keys.iter().map(|key| keys::short(key.name)).collect();
        let n_known = self.groups.groups.iter().map(fixmatch::compare::groups::Group::len).sum::<usize>();
        let words = match names.len() {
            _ if n_known < self.runs.len() || !self.is_read() => "reading the runs…".into(),
            0 if self.runs.len() == 1 => "one run, with its changes".into(),
            0 if self.lanes.len() == 1 => "they differ in nothing but seeds".into(),
            0 => "their configurations say the same".into(),
            _ => format!("they differ in {}", names.join(", ")),
        };
        let tabs = tabs(self.parts(), area);
        let room = usize::from(tabs[0].1.x.saturating_sub(area.x + 4));
        put(buffer, area.x + 2, area.y, &fit(&words, room), theme.strong());
        for (part, place) in tabs {
            let style = if part == self.part { theme.selected() } else { theme.faint() };
            put(buffer, place.x, place.y, part.label(), style);
        }
    }

    /// What a mouse points at.
    pub fn spot(&self, area: Rect, position: Position) -> Option<Spot> {
        if let Some((part, _)) = tabs(self.parts(), area).into_iter().find(|(_, place)| place.contains(position)) {
            return Some(Spot::Part(part));
        }
        if self.is_in_full() {
            let quantity = both::charts(area);
            return chart_spot(quantity, position);
        }
        let (first, n) = self.shown_lanes(area);
        let lanes = Rows::from(Rect { y: area.y + 2, height: n as u16, ..area }, first, self.lanes.len());
        if let Some(lane) = lanes.at(position) {
            return Some(Spot::Grid(lane, 0));
        }
        let below = self.below(area);
        match self.part {
            Part::Curves => chart_spot(below, position),
            Part::Runs => runs::at(self, below, position).map(Spot::Row),
            Part::Family => family::rows(self, below).at(position).map(|at| Spot::Row(self.family[at].1)),
            Part::Verdict | Part::Classes => None,
        }
    }

    /// How many groups have room, and the first of them.
    fn shown_lanes(&self, area: Rect) -> (usize, usize) {
        let most = usize::from(area.height / 2).saturating_sub(3).clamp(1, self.lanes.len().max(1));
        let focused = self.lane_of(self.focus);
        ((focused + 1).saturating_sub(most), most)
    }

    /// The area below the groups and what is said of the one in focus, which the verdict says itself.
    fn below(&self, area: Rect) -> Rect {
        let above = self.shown_lanes(area).1 as u16 + if self.part == Part::Verdict { 3 } else { 5 };
        Rect { y: area.y + above, height: area.height.saturating_sub(above), ..area }
    }

    /// The groups, a row each, and what is said of the one in focus.
    fn draw_lanes(&self, buffer: &mut Buffer, app: &App, area: Rect) {
        let theme = app.theme;
        let (first, n) = self.shown_lanes(area);
        let is_cut = first + n < self.lanes.len() || first > 0;
        let counted = if is_cut { format!("{n} of {} groups", self.lanes.len()) } else { String::new() };
        let all = self.columns(app);
        let columns = fitting(&all, usize::from(area.width).saturating_sub(6 + counted.len()));
        let cell = |column: &Column, text: &str| {
            if column.is_left { left(text, column.width) } else { right(text, column.width) }
        };
        let mut head = vec![Span::raw("     ")];
        head.extend(columns.iter().map(|it| Span::styled(cell(it, &it.title) + "  ", theme.faint())));
        put_spans(buffer, area, area.y + 1, head);
        let focused = self.lane_of(self.focus);
        for (place, y) in (first..self.lanes.len()).take(n).zip(area.y + 2..) {
            let mark = if place == focused { "▸ " } else { "  " };
            let mut spans =
                vec![Span::styled(mark, theme.selected()), Span::styled(left(&letter(place), 3), theme.curve(place))];
            let is_focused = place == focused;
            spans.extend(columns.iter().map(|column| {
                let style = column.styles.get(place).copied().unwrap_or(theme.text());
                let style = if is_focused && style == theme.text() { theme.strong() } else { style };
                Span::styled(cell(column, &column.cells[place]) + "  ", style)
            }));
            put_spans(buffer, area, y, spans);
        }
        put_right(buffer, area.right() - 1, area.y + 1, &counted, theme.faint());
        if self.part == Part::Verdict {
            return;
        }
        let lines = wrap(&self.said(), usize::from(area.width).saturating_sub(4));
        for (line, y) in lines.iter().take(2).zip(area.y + 2 + n as u16..) {
            put(buffer, area.x + 2, y, line, theme.text());
        }
    }

    /// What is said of the group in focus.
    fn said(&self) -> String {
        let (focused, reference) = (self.lane_of(self.focus), self.lane_of(self.against));
        match self.comparison(focused) {
            Some((_, told)) => told.to_owned(),
            None if self.runs.len() < 2 => String::new(),
            None if self.lanes.len() < 2 => "Its seeds differ, and nothing else.".into(),
            None if focused == reference => {
                format!("Differences count from {}; * marks those beyond what seeds do.", letter(reference))
            }
            None if !self.is_read() => String::new(),
            None => format!("No run of {} counts yet: only finished ones do.", letter(focused)),
        }
    }

    fn columns(&self, app: &App) -> Vec<Column> {
        let plain = |title: &str, rank: usize, cell: &dyn Fn(&Lane) -> String| {
            Column::new(title, rank, self.lanes.iter().map(cell).collect())
        };
        let mut columns = Vec::new();
        let has_names = self.lanes.len() > self.groups.groups.len() || self.groups.has_twins();
        if has_names {
            columns.push(Column { is_left: true, ..plain("", 1, &|lane| fit(&lane.label, 26)) });
        }
        if self.lanes.iter().any(|lane| lane.title.is_some()) {
            let cell = |lane: &Lane| fit(lane.title.as_deref().unwrap_or_default(), 24);
            columns.push(Column { is_left: true, ..plain("title", 3, &cell) });
        }
        for key in self.groups.keys.iter().filter(|_| !has_names) {
            let cell = |place: usize| {
                self.groups.groups.get(place).map_or_else(String::new, |group| fit(&configured(key, group), 16))
            };
            let cells = (0..self.lanes.len()).map(cell).collect();
            columns.push(Column { is_left: true, ..Column::new(keys::short(key.name), 2, cells) });
        }
        let counted = |lane: &Lane| match (lane.n_counting, lane.runs.len()) {
            (n, all) if n == all => n.to_string(),
            (n, all) => format!("{n}/{all}"),
        };
        columns.push(plain("n", 0, &counted));
        let title = match self.measure {
            Measure::Last => "accuracy",
            Measure::Median => "median of 20",
            Measure::Best => "best",
        };
        let cells = self.lanes.iter().enumerate().map(|(place, lane)| self.accuracy(place, lane));
        columns.push(Column::new(title, 0, cells.collect()));
        if let Some(x) = self.cursor.filter(|_| self.part == Part::Curves) {
            let (_, metric, unit) = QUANTITIES[self.quantity];
            let read = |lane: &Lane| {
                let values = self.speaking(lane).filter_map(|run| value_at(&run.curves.of(metric), self.axis, x));
                or_dash(mean_and_sd(&values.collect::<Vec<_>>()), |(mean, _)| chart::number(mean, unit))
            };
            columns.push(plain(&chart::at(self.axis, x), 0, &read));
        }
        columns.extend(self.differences(app));
        let last = |metric: Metric| {
            move |lane: &Lane| {
                let values = self.speaking(lane).filter_map(|run| run.curves.of(metric).last());
                or_dash(mean_and_sd(&values.collect::<Vec<_>>()), |(mean, _)| percent(mean))
            }
        };
        columns.push(plain("mask ratio", 4, &last(Metric::MaskRatio)));
        columns.push(plain("pseudo-labels", 5, &last(Metric::PseudoLabels)));
        let optimism = |lane: &Lane| {
            let above = |it: &&Evaluated| it.best - it.ema.accuracy;
            let values: Vec<f64> = self.evaluated(lane).iter().map(above).collect();
            or_dash(mean_and_sd(&values), |(mean, _)| points(mean))
        };
        columns.push(plain("best − last", 6, &optimism));
        let is_open = self.runs.iter().any(|run| run.share() < 1.0);
        columns.push(plain("step", if is_open { 1 } else { 7 }, &|lane| self.steps(lane)));
        columns
    }

    /// By how much each group lies above the one that differences count from, and how sure that is.
    fn differences(&self, app: &App) -> Vec<Column> {
        if self.lanes.len() < 2 {
            return Vec::new();
        }
        let theme = app.theme;
        let against = letter(self.lane_of(self.against));
        let difference = |place: usize| {
            let Some((it, _)) = self.comparison(place) else { return (String::new(), theme.faint()) };
            let text = or_dash(it.difference, points);
            match (it.is_seen(), it.difference.is_some_and(|it| it > 0.0)) {
                (Some(true), true) => (text + "*", theme.good()),
                (Some(true), false) => (text + "*", theme.error()),
                _ => (text + " ", theme.text()),
            }
        };
        let interval = |place: usize| {
            let test = self.comparison(place).and_then(|(it, _)| it.test);
            let text = test.map(|test| format!("{} to {}", points(test.interval.0), points(test.interval.1)));
            (text.unwrap_or_default(), theme.faint())
        };
        let column = |title: String, rank, cell: &dyn Fn(usize) -> (String, Style)| {
            let (cells, styles) = (0..self.lanes.len()).map(cell).unzip();
            Column { styles, ..Column::new(title, rank, cells) }
        };
        vec![column(format!("− {against} "), 0, &difference), column("95 % interval".into(), 3, &interval)]
    }

    /// The accuracy of a group, mean and spread over its runs.
    fn accuracy(&self, place: usize, lane: &Lane) -> String {
        if let Some(group) = self.groups.groups.get(place).filter(|_| lane.n_counting > 0) {
            return mean_and_sd_of(group.mean_and_sd(self.measure));
        }
        let of = |it: &&Evaluated| match self.measure {
            Measure::Last => it.ema.accuracy,
            Measure::Median => it.median,
            Measure::Best => it.best,
        };
        mean_and_sd_of(mean_and_sd(&self.evaluated(lane).iter().map(of).collect::<Vec<_>>()))
    }

    fn steps(&self, lane: &Lane) -> String {
        let steps = || lane.runs.iter().map(|&run| self.runs[run].step());
        let (low, high) = (steps().min().unwrap_or(0), steps().max().unwrap_or(0));
        if low == high { grouped(high) } else { format!("{}–{}", short(low as f64), short(high as f64)) }
    }

    /// The verdict as lines, each with whether it is a sentence on two groups.
    fn verdict_lines(&self, area: Rect) -> Vec<(String, bool)> {
        let width = usize::from(area.width).saturating_sub(6);
        let mut lines: Vec<(String, bool)> = Vec::new();
        let texts = self.told.sentences.iter().map(|it| (it, true)).chain(self.told.notes.iter().map(|it| (it, false)));
        let mut was_sentence = true;
        for (text, is_sentence) in texts {
            if was_sentence && !is_sentence && !lines.is_empty() {
                lines.push((String::new(), false));
            }
            was_sentence = is_sentence;
            let wrapped = wrap(text, width).into_iter().enumerate();
            lines.extend(wrapped.map(|(i, line)| (if i == 0 { line } else { format!("  {line}") }, is_sentence)));
        }
        if lines.is_empty() {
            let text = if !self.is_read() {
                "Reading the runs…"
            } else if self.lanes.len() < 2 {
                "There is one configuration only, and so nothing to compare: mark runs of another one, too."
            } else {
                "No two groups have finished runs yet that could be compared."
            };
            lines.extend(wrap(text, width).into_iter().map(|line| (line, false)));
        }
        lines
    }

    fn draw_verdict(&self, buffer: &mut Buffer, app: &App, area: Rect) {
        let below = self.below(area);
        let lines = self.verdict_lines(area);
        for ((line, is_sentence), y) in lines.iter().skip(self.scroll).zip(below.y..below.bottom()) {
            let style = if *is_sentence { app.theme.text() } else { app.theme.faint() };
            put(buffer, below.x + 2, y, line, style);
        }
        if self.scroll + usize::from(below.height) < lines.len() {
            put_right(buffer, below.right() - 1, below.bottom() - 1, "↓", app.theme.accent());
        }
    }
}

/// The place on the axis of the charts in an area, one or two beside each other.
fn chart_spot(area: Rect, position: Position) -> Option<Spot> {
    let half = Rect { width: area.width / 2, ..area };
    let places = if area.width < WIDE { vec![area] } else { vec![half, Rect { x: half.right(), ..half }] };
    let inner = places.into_iter().filter_map(chart::inner).find(|inner| inner.contains(position))?;
    let share = f64::from(position.x - inner.x) / f64::from(inner.width.saturating_sub(1).max(1));
    Some(Spot::Panel(0, Some(share)))
}

/// Where the parts are named, at the right.
fn tabs(parts: &[Part], area: Rect) -> Vec<(Part, Rect)> {
    let width = |part: &Part| part.label().len() as u16;
    let all: u16 = parts.iter().map(|part| width(part) + 2).sum();
    let mut x = area.right().saturating_sub(all + 1);
    let tab = |part: &Part| {
        let place = Rect { x: x + 2, width: width(part), height: 1, ..area };
        x = place.right();
        (*part, place)
    };
    parts.iter().map(tab).collect()
}

/// The run that speaks first for a group.
fn named(race: &Race, lane: usize) -> Option<&OpenRun> {
    race.lanes.get(lane)?.runs.first().map(|&run| &race.runs[run])
}
