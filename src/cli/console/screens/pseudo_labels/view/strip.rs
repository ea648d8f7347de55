//! Classes by confidence: how many pseudo-labels each has, how confident and accurate, and its share of the accepted.
//!
//! ```text
//!               0    .5      .9   │.95 .99  accepted  accuracy   share
//! T-shirt/top        ▁▁▂▂▂▁▁▁▂▂▁▁▁│▂▂▂▃▃▄▆    61.2 %   91.0 %    9.8 %
//! ```

use fixmatch::config::Policy;
use fixmatch::run::curves::{Axis, Series};
use fixmatch::run::insight::{Agreement, EDGES, Histogram, Judged, N_BINS, Panel};
use fixmatch::run::pseudo::{Basis, Class, Expected, Threshold, View};
use ratatui::buffer::Buffer;
use ratatui::layout::{Position, Rect};
use ratatui::style::{Modifier, Style};
use ratatui::text::Span;

use super::{lines, message, more, name};
use crate::console::app::App;
use crate::console::glyphs::Glyphs;
use crate::console::keys::{Action, Place};
use crate::console::mouse::{Rows, Spot};
use crate::console::screens::pseudo_labels::Cell;
use crate::console::screens::run::OpenRun;
use crate::console::text::{fit, left, right, width};
use crate::console::theme::Depth;
use crate::console::views::{put, put_right, put_spans};
use crate::words::numbers::{grouped, or_dash, percent, plural};

/// Columns of a class's name, where there is little room, and as many as there may be.
const NAME: usize = 13;
const SHORT_NAME: usize = 9;
const LONG_NAME: usize = 30;

/// Columns from which on there is room for two columns of a bin, and for agreement beside accuracy.
const WIDE: u16 = 112;

/// Columns below which names are shorter and numbers stand closer, so that all have room.
const NARROW: u16 = 69;

/// Columns of a quantity's title, where it is a line.
const TITLE: usize = 12;

/// Columns of an expected share.
const EXPECTED: u16 = 8;

/// Rows above the classes: two lines of totals, the alarm or the cell, the head; then the weights, where there are such.
const ABOVE: u16 = 4;

/// Draws the strip.
pub fn draw(buffer: &mut Buffer, app: &App, run: &OpenRun, area: Rect) {
    let pseudo_labels = &run.pseudo_labels;
    let Some(histogram) = pseudo_labels.histogram(run.moment) else {
        return message(buffer, app, &why_none(run), area);
    };
    let in_force = View::in_force(histogram);
    let what_if = pseudo_labels.what_if.and_then(|threshold| View::of(histogram, threshold));
    let view = what_if.as_ref().unwrap_or(&in_force);
    totals(buffer, app, run, &in_force, what_if.as_ref(), area);
    let labeled = run.state.started.as_ref().map_or(&[][..], |started| &started.labeled_per_class);
    let expected = Expected::of(labeled, histogram.n_classes());
    note(buffer, app, run, histogram, &expected, Rect { y: area.y + 2, height: 1, ..area });

    let strip = Strip::of(app, run, histogram, area);
    strip.head(buffer, Rect { y: area.y + 3, height: 1, ..area });
    strip.weights(buffer, area.y + ABOVE);
    let rows = rows_of(run, histogram, area);
    if let Some(more) = more(rows.first, rows.height(), rows.n) {
        put(buffer, 2, area.y + 3, &left(&more, strip.name), app.theme.accent());
    }
    for (class, y) in rows.seen() {
        strip.class(buffer, class, &view.classes[class], expected.shares[class], Rect { y, height: 1, ..area });
    }
    let top = rows.area.bottom();
    let rest = Rect { y: top, height: area.bottom().saturating_sub(top), ..area };
    over_the_run(buffer, app, run, rest);
}

/// What a mouse points at: a cell, or beside the cells their class.
pub fn spot(app: &App, run: &OpenRun, area: Rect, position: Position) -> Option<Spot> {
    let histogram = run.pseudo_labels.histogram(run.moment)?;
    let class = rows_of(run, histogram, area).at(position)?;
    Some(Spot::Cell(class, Strip::of(app, run, histogram, area).bin_at(class, position.x)))
}

fn threshold(run: &OpenRun) -> Threshold {
    run.pseudo_labels.what_if.unwrap_or_default()
}

/// The classes that are in sight.
pub fn rows_in_sight(run: &OpenRun, area: Rect) -> Option<Rows> {
    Some(rows_of(run, run.pseudo_labels.histogram(run.moment)?, area))
}

fn rows_of(run: &OpenRun, histogram: &Histogram, area: Rect) -> Rows {
    let above = ABOVE + u16::from(weigher(run, histogram).is_some());
    super::rows(run, area, above, histogram.n_classes(), usize::from(area.height.saturating_sub(above)))
}

/// The policy on the screen, if pseudo-labels count in part by it.
fn weigher<'a>(run: &OpenRun, histogram: &'a Histogram) -> Option<&'a Judged> {
    threshold(run).judged(histogram).filter(|judged| judged.policy.weighs())
}

fn why_none(run: &OpenRun) -> String {
    if let Some(problem) = super::unread(run) {
        return problem;
    }
    let Some(Ok(file)) = &run.file else { return String::new() };
    let every = plural(file.config.insight.every, "step");
    if run.live().is_some_and(|live| live.lambda_u == 0.0) {
        return "λ_u is 0: the run has no unlabeled images, and so no pseudo-labels".into();
    }
    match run.moment {
        Some(moment) => format!("no pseudo-labels were counted by step {}", grouped(moment)),
        None => format!("no pseudo-labels were counted yet: that happens every {every} and at evaluations"),
    }
}

/// The mask ratio and the pseudo-label accuracy, as they were and as another τ would have had them.
fn totals(buffer: &mut Buffer, app: &App, run: &OpenRun, in_force: &View, what_if: Option<&View>, area: Rect) {
    let theme = app.theme;
    let accuracy = if area.width >= 90 { "   pseudo-label accuracy " } else { "   accuracy " };
    let line = |rule: &str, what: &str, view: &View| {
        vec![
            Span::styled(format!(" {} ", left(rule, 9)), theme.strong()),
            Span::styled(left(what, 8), theme.faint()),
            Span::styled(" mask ratio ", theme.text()),
            Span::styled(right(&or_dash(view.mask_ratio, percent), 8), theme.strong()),
            Span::styled(accuracy, theme.text()),
            Span::styled(right(&or_dash(view.purity, percent), 8), theme.strong()),
        ]
    };
    let own = run.pseudo_labels.histogram(run.moment).and_then(Histogram::decided).map(|judged| judged.policy);
    let own = own.filter(|&policy| policy != Policy::Fixed);
    let in_words = own.map_or_else(|| format!("τ {}", (in_force.tau * 1e4).round() / 1e4), |it| it.name().into());
    let mut spans = line(&in_words, "in force", in_force);
    let agreement = run.pseudo_labels.panel(run.moment).and_then(|panel| panel.agreement().share());
    let agreement = agreement.map(|it| Span::styled(format!("   agreement {}", percent(it)), theme.faint()));
    let used: usize = spans.iter().map(Span::width).sum();
    spans.extend(agreement.filter(|it| used + it.width() <= usize::from(area.width)));
    put_spans(buffer, area, area.y, spans);
    if let Some(view) = what_if {
        let mut spans = line(&rule(threshold(run)), "what if", view);
        if matches!(threshold(run), Threshold::Edge(_)) {
            spans.push(Span::styled("   a", theme.accent()));
            spans.push(Span::styled(" applies it", theme.faint()));
        }
        put_spans(buffer, area, area.y + 1, spans);
        return;
    }
    let keys =
        [Action::LowerTau, Action::HigherTau].into_iter().filter_map(|it| app.keymap.key(Place::PseudoLabels, it));
    let keys = keys.collect::<Vec<_>>().join(" ");
    if !keys.is_empty() {
        let x = put(buffer, 1, area.y + 1, &keys, theme.accent());
        let x = put(buffer, x, area.y + 1, " another τ", theme.faint());
        let key = app.keymap.key(Place::PseudoLabels, Action::OtherPolicy).unwrap_or_default();
        let x = put(buffer, x + 2, area.y + 1, &key, theme.accent());
        put(buffer, x, area.y + 1, " another policy: what it would have accepted", theme.faint());
    }
}

/// A threshold that is tried, in words.
fn rule(threshold: Threshold) -> String {
    match threshold {
        Threshold::InForce => "in force".into(),
        Threshold::Edge(edge) => format!("τ {}", EDGES[edge]),
        Threshold::Policy(policy) => policy.name().into(),
    }
}

/// What is in the cell under the cursor; else that records are missing; else the newest alarm; else how to read the strip.
fn note(buffer: &mut Buffer, app: &App, run: &OpenRun, histogram: &Histogram, expected: &Expected, area: Rect) {
    let theme = app.theme;
    let (text, style) =
        if let Some(bin) = run.pseudo_labels.bin.filter(|_| run.pseudo_labels.row.at < histogram.n_classes()) {
            let class = run.pseudo_labels.row.at;
            let count = histogram.of_class(class)[bin];
            let purity = count.purity().filter(|_| histogram.has_oracle);
            let accuracy = purity.map_or_else(String::new, |purity| format!(", {} correct", percent(purity)));
            let images = n_followed(run.pseudo_labels.panel(run.moment), Cell { class, bin });
            let name = name(run, class);
            let (from, to) = (EDGES[bin], EDGES[bin + 1]);
            let images = plural(images as u64, "followed image");
            let named = plural(count.n, "pseudo-label");
            (format!("{name}, confidence {from} to {to}: {named}{accuracy}; {images}"), theme.accent())
        } else if let Some((n, _)) = run.pseudo_labels.problem() {
            let of = run.state.insights.len();
            (format!("{n} of {of} records in insight.bin cannot be read: the newest may be missing"), theme.error())
        } else if let Some(alarm) = run.alarm() {
            (format!("⚑ step {}: {}", grouped(alarm.step), alarm.message), theme.error())
        } else {
            let accuracy = match (histogram.has_oracle, theme.depth) {
                (false, _) => "no true labels, so agreement in place of accuracy",
                (true, Depth::Mono) => "accuracy by the true labels, which training does not see",
                (true, _) => "accuracy: green from 90 %, yellow from 70 %, red below",
            };
            let basis = match expected.basis {
                Basis::Uniform => "equal shares expected",
                Basis::LabelSet => "shares expected as labeled",
            };
            (format!("{accuracy}; {basis}"), theme.faint())
        };
    put(buffer, 1, area.y, &fit(&text, usize::from(area.width) - 2), style);
}

/// How many of the followed images are in a cell: those that Enter shows.
fn n_followed(panel: Option<&Panel>, cell: Cell) -> usize {
    panel.map_or(0, |panel| panel.unlabeled.iter().filter(|it| cell.holds(it)).count())
}

/// Columns of a name: where bins and numbers have all the room that they want, as many as the longest takes.
fn name_columns(run: &OpenRun, histogram: &Histogram, columns: u16) -> usize {
    if columns < NARROW {
        return SHORT_NAME;
    }
    let room = usize::from(columns.saturating_sub(WIDE)).min(LONG_NAME - NAME);
    let longest = (0..histogram.n_classes()).map(|class| width(&name(run, class)) + 1).filter(|_| room > 0).max();
    longest.unwrap_or(NAME).clamp(NAME, NAME + room)
}

/// The first bin of which all count, given a threshold: the line stands before it.
fn line_before(threshold: f64) -> usize {
    EDGES[..N_BINS].iter().position(|&edge| edge + 1e-6 >= threshold).unwrap_or(N_BINS)
}

/// A histogram on the screen.
struct Strip<'a> {
    app: &'a App,
    run: &'a OpenRun,
    histogram: &'a Histogram,
    panel: Option<&'a Panel>,
    /// From which confidence on pseudo-labels of each class count.
    thresholds: Vec<f64>,
    /// The most pseudo-labels of any bin.
    most: u64,
    /// Columns of a name.
    name: usize,
    width: u16,
}

impl<'a> Strip<'a> {
    fn of(app: &'a App, run: &'a OpenRun, histogram: &'a Histogram, area: Rect) -> Self {
        let panel = run.pseudo_labels.panel(run.moment);
        let of_class = |class| threshold(run).of_class(histogram, class).unwrap_or(histogram.threshold);
        let thresholds = (0..histogram.n_classes()).map(of_class).collect();
        let most = histogram.bins.iter().map(|count| count.n).max().unwrap_or(0);
        let name = name_columns(run, histogram, area.width);
        Self { app, run, histogram, panel, thresholds, most, name, width: area.width }
    }

    /// The bin at a column of a class's row.
    fn bin_at(&self, class: usize, column: u16) -> Option<usize> {
        let line = line_before(self.thresholds[class]);
        let holds = |&bin: &usize| {
            let first = self.column(bin, line);
            (first..first + self.scale() as u16).contains(&column)
        };
        (0..N_BINS).find(holds)
    }

    /// The column of a bin, after the line if that is not behind it.
    fn column(&self, bin: usize, line: usize) -> u16 {
        (2 + self.name + self.scale() * bin + usize::from(bin >= line)) as u16
    }

    /// Columns of a bin.
    fn scale(&self) -> usize {
        if self.width >= WIDE { 2 } else { 1 }
    }

    /// Where the three numbers of a class end.
    fn ends(&self) -> [u16; 3] {
        let start = self.column(N_BINS, 0) + 1;
        let ends = if self.width < NARROW { [8, 15, 22] } else { [9, 18, 27] };
        ends.map(|end| start + end)
    }

    fn head(&self, buffer: &mut Buffer, area: Rect) {
        let faint = self.app.theme.faint();
        let line = line_before(self.thresholds.iter().copied().fold(0.0, f64::max));
        let edges = [(0.0, "0"), (0.5, ".5"), (0.8, ".8"), (0.9, ".9"), (0.95, ".95"), (0.99, ".99")];
        for (edge, text) in edges.into_iter().filter(|(edge, _)| self.scale() > 1 || *edge != 0.8) {
            let bin = EDGES.iter().position(|&it| it == edge).expect("an edge");
            put(buffer, self.column(bin, line), area.y, text, faint);
        }
        let quality = match (self.histogram.has_oracle, self.width < NARROW) {
            (true, false) => "accuracy",
            (true, true) => "acc.",
            (false, false) => "agreement",
            (false, true) => "agree",
        };
        for (end, head) in self.ends().into_iter().zip(["accepted", quality, "share"]) {
            put_right(buffer, end, area.y, head, faint);
        }
        if self.shows_both() {
            put(buffer, self.ends()[2] + EXPECTED, area.y, &right("agreement", 10), faint);
        }
    }

    /// How much a pseudo-label counts in the middle of each bin.
    fn weights(&self, buffer: &mut Buffer, y: u16) {
        let (theme, line) = (self.app.theme, line_before(self.thresholds.iter().copied().fold(0.0, f64::max)));
        let Some(judged) = weigher(self.run, self.histogram) else { return };
        put(buffer, 0, y, &format!("  {}", left("weight", self.name - 1)), theme.faint());
        put(buffer, self.column(line, line) - 1, y, "│", theme.changed());
        for (bin, edges) in EDGES.windows(2).enumerate() {
            let weight = judged.weight(edges[0].midpoint(edges[1])).unwrap_or_default();
            put(
                buffer,
                self.column(bin, line),
                y,
                &self.level(weight).to_string().repeat(self.scale()),
                theme.accent(),
            );
        }
    }

    fn class(&self, buffer: &mut Buffer, class: usize, view: &Class, expected: f64, area: Rect) {
        let theme = self.app.theme;
        let is_selected = class == self.run.pseudo_labels.row.at;
        let style = if is_selected { theme.selected() } else { theme.text() };
        let mark = if is_selected { "▸" } else { " " };
        put(buffer, 0, area.y, &format!(" {mark}{}", left(&name(self.run, class), self.name - 1)), style);
        let line = line_before(self.thresholds[class]);
        put(buffer, self.column(line, line) - 1, area.y, "│", theme.changed());
        for bin in 0..N_BINS {
            let (text, mut style) = self.cell(class, bin);
            if is_selected && self.run.pseudo_labels.bin == Some(bin) {
                style = style.add_modifier(Modifier::REVERSED);
            }
            if n_followed(self.panel, Cell { class, bin }) > 0 {
                style = style.add_modifier(Modifier::UNDERLINED);
            }
            put(buffer, self.column(bin, line), area.y, &text.to_string().repeat(self.scale()), style);
        }
        let of = |value: Option<f64>| or_dash(value, percent);
        let agreed = self.agreed(class);
        let quality = if self.histogram.has_oracle {
            (of(view.purity), self.quality(view.purity))
        } else {
            (agreed.clone(), theme.text())
        };
        let excess = view.share.map_or(0.0, |share| share / expected.max(1e-9));
        let share = (of(view.share), if excess >= 2.0 { theme.error() } else { theme.text() });
        let ends = self.ends();
        for (end, (text, style)) in ends.into_iter().zip([(of(view.acceptance), theme.text()), quality, share]) {
            put_right(buffer, end, area.y, &text, style);
        }
        if self.width >= ends[2] + EXPECTED {
            put(buffer, ends[2], area.y, &format!(" of {:.0} %", 100.0 * expected), theme.faint());
        }
        if self.shows_both() {
            put(buffer, ends[2] + EXPECTED, area.y, &right(&agreed, 10), theme.text());
        }
    }

    /// Whether agreement has a column of its own; else it stands where accuracy would, if that is not known.
    fn shows_both(&self) -> bool {
        self.histogram.has_oracle && self.width >= WIDE
    }

    /// Of the followed images that the trained weights put into a class, how many EMA puts there too.
    fn agreed(&self, class: usize) -> String {
        match self.panel.map_or_else(Agreement::default, |panel| panel.agreement_in(class)) {
            Agreement { n: 0, .. } => "–".into(),
            Agreement { n, agreed } => format!("{agreed} of {n}"),
        }
    }

    /// How full a bin is, on a logarithmic scale, and how accurate.
    fn cell(&self, class: usize, bin: usize) -> (char, Style) {
        let count = self.histogram.of_class(class)[bin];
        if count.n == 0 {
            return (' ', Style::new());
        }
        let share = ((count.n + 1) as f64).ln() / ((self.most + 1) as f64).ln();
        let purity = count.purity().filter(|_| self.histogram.has_oracle);
        (self.level(share), self.quality(purity))
    }

    /// A share of 1 as a bar.
    fn level(&self, share: f64) -> char {
        let ramp: &[char] = match self.app.glyphs {
            Glyphs::Ascii => &['.', ':', '-', '=', '+', '*', '#', '@'],
            Glyphs::Block | Glyphs::Braille => &['▁', '▂', '▃', '▄', '▅', '▆', '▇', '█'],
        };
        let height = ((share * ramp.len() as f64).ceil() as usize).clamp(1, ramp.len());
        ramp[height - 1]
    }

    fn quality(&self, purity: Option<f64>) -> Style {
        let theme = self.app.theme;
        match purity {
            Some(purity) if purity >= 0.9 => theme.good(),
            Some(purity) if purity >= 0.7 => theme.changed(),
            Some(_) => theme.error(),
            None => theme.accent(),
        }
    }
}

/// A quantity over the run, as it was and as another τ would have had it.
struct OverTheRun {
    title: &'static str,
    depends_on_tau: bool,
    in_force: Series<'static>,
    what_if: Option<Series<'static>>,
}

/// The mask ratio and the accuracy; where that is not known, the agreement, which no τ changes.
fn quantities(run: &OpenRun) -> [OverTheRun; 2] {
    let pseudo_labels = &run.pseudo_labels;
    let [mask_ratio, purity] = pseudo_labels.curves(Threshold::InForce);
    let what_if = pseudo_labels.what_if.map(|threshold| pseudo_labels.curves(threshold));
    let [other_mask_ratio, other_purity] = what_if.map_or([None, None], |curves| curves.map(Some));
    let mask_ratio =
        OverTheRun { title: "mask ratio", depends_on_tau: true, in_force: mask_ratio, what_if: other_mask_ratio };
    let has_oracle = pseudo_labels.histogram(run.moment).is_none_or(|histogram| histogram.has_oracle);
    let quality = if has_oracle {
        OverTheRun { title: "pseudo-label accuracy", depends_on_tau: true, in_force: purity, what_if: other_purity }
    } else {
        OverTheRun { title: "agreement", depends_on_tau: false, in_force: pseudo_labels.agreement(), what_if: None }
    };
    [mask_ratio, quality]
}

/// Draws them as charts, or where there is no room, as a line each.
fn over_the_run(buffer: &mut Buffer, app: &App, run: &OpenRun, area: Rect) {
    let theme = app.theme;
    let quantities = quantities(run);
    if area.height >= 7 {
        let width = area.width / 2;
        for (i, it) in quantities.into_iter().enumerate() {
            let place = Rect { x: area.x + i as u16 * width, y: area.y + 1, width, height: area.height - 1 };
            let mut x = put(buffer, place.x + 1, place.y, &format!("{}  ", it.title), theme.strong());
            if it.depends_on_tau {
                x = put(buffer, x, place.y, "in force", theme.curve(0));
            }
            let mut curves = vec![(it.in_force, theme.curve(0))];
            if let Some((threshold, what_if)) = run.pseudo_labels.what_if.zip(it.what_if) {
                put(buffer, x, place.y, &format!("  what if {}", rule(threshold)), theme.curve(1));
                curves.push((what_if, theme.curve(1)));
            }
            lines::draw(buffer, app, run, &curves, Rect { y: place.y + 1, height: place.height - 1, ..place });
        }
        return;
    }
    let rows = quantities.iter().flat_map(|it| {
        let other = it.what_if.as_ref().map(|series| ("  what if", series, theme.curve(1)));
        std::iter::once((it.title.trim_start_matches("pseudo-label "), &it.in_force, theme.curve(0))).chain(other)
    });
    let room = usize::from(area.width).saturating_sub(TITLE + 13);
    let gap = u16::from(area.height >= if run.pseudo_labels.what_if.is_some() { 5 } else { 3 });
    let now = |series: &Series| {
        let point = run.moment.map_or_else(|| series.newest(), |moment| series.at(Axis::Step, moment as f64));
        point.map(|point| point.value).filter(|value| value.is_finite())
    };
    for ((title, series, style), y) in rows.zip(area.y + gap..area.bottom()) {
        let x = put(buffer, 2, y, &left(title, TITLE), theme.text());
        let x = put(buffer, x, y, &format!("{} ", right(&or_dash(now(series), percent), 8)), theme.strong());
        put(buffer, x, y, &app.glyphs.sparkline(&run.sparks(series, room.min(48))), style);
    }
}
