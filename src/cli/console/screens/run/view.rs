//! A run: how it stands, its values, its charts.
//!
//! ```text
//! ● running  ━━━━━━━━━━━━━━╸──────── 312/500  62 %  ETA 1m12s
//! cpu, 2 threads · 4,012 images/s · …
//!
//! loss               ▸ loss  total 0.412  …
//!   total  0.412 ▆▃▁   2.0 ⡇
//!   …                  1.0 ⠈⠢⡀        one chart, or all where there is room
//! test accuracy        0.0   ⠈⠒⠤⣀
//!   …                      0      512 steps
//! ```

use fixmatch::compare::crossval::{Crossval, Share};
use fixmatch::run::curves::Metric;
use fixmatch::run::event::{Compared, Evaluated};
use fixmatch::run::heartbeat::Phase;
use fixmatch::run::history::Fate;
use fixmatch::run::state::Status;
use ratatui::buffer::Buffer;
use ratatui::layout::{Position, Rect};
use ratatui::style::Style;
use ratatui::text::Span;

use crate::console::app::App;
use crate::console::charts::{CHARTS, Chart, Layout, N_PANELS};
use crate::console::flags;
use crate::console::keys::{Action, Place};
use crate::console::machine::{Gpu, gpu_of};
use crate::console::mouse::Spot;
use crate::console::screens::changes::view::resumes;
use crate::console::screens::run::{OpenRun, Page};
use crate::console::text::{self, fit, fit_parts, left, right, wrap};
use crate::console::views::chart::{self, number};
use crate::console::views::{overlay, put, put_right, put_spans};
use crate::words::crossval::estimate;
use crate::words::events::AT_CHANCE;
use crate::words::numbers::{bytes, duration, grouped, or_dash, percent, plural, seconds, short};

/// Columns of the list of values.
const VALUES: u16 = 32;

/// The charts are shown beside each other where each has so much room.
const SMALLEST: (u16, u16) = (38, 11);

impl OpenRun {
    /// Tells the page what fits on the screen, and scrolls to what is selected.
    pub fn arrange(&mut self, app: &App, area: Rect) {
        match self.page {
            Page::Charts => self.charts.settle(&self.curves),
            Page::Configuration => self.arrange_configuration(app, area),
            Page::Changes => self.arrange_changes(area),
            Page::Samples => self.arrange_samples(area),
            Page::PseudoLabels => self.arrange_pseudo_labels(area),
            Page::Predictions => self.arrange_predictions(area),
            Page::Log => {}
        }
    }

    /// Draws the page.
    pub fn draw(&self, buffer: &mut Buffer, app: &App, area: Rect) {
        match self.page {
            Page::Charts => self.draw_charts(buffer, app, area),
            Page::Configuration => self.draw_configuration(buffer, app, area),
            Page::Changes => self.draw_changes(buffer, app, area),
            Page::Log => self.draw_log(buffer, app, area),
            Page::Samples => self.draw_samples(buffer, app, area),
            Page::PseudoLabels => self.draw_pseudo_labels(buffer, app, area),
            Page::Predictions => self.draw_predictions(buffer, app, area),
        }
    }

    /// What a mouse points at.
    pub fn spot(&self, app: &App, area: Rect, position: Position) -> Option<Spot> {
        match self.page {
            Page::Charts => self.chart_spot(area, position),
            Page::Changes => self.change_spot(area, position),
            Page::Samples => self.sample_spot(area, position),
            Page::PseudoLabels => self.pseudo_label_spot(app, area, position),
            Page::Predictions => self.prediction_spot(area, position),
            Page::Configuration | Page::Log => None,
        }
    }

    /// Draws the run.
    pub fn draw_charts(&self, buffer: &mut Buffer, app: &App, area: Rect) {
        head(buffer, app, self, area);
        machine(buffer, app, self, Rect { y: area.y + 1, ..area });
        ahead(buffer, app, self, Rect { y: area.y + 3, ..area });
        let body = below_head(self, area);
        values(buffer, app, self, Rect { width: VALUES, ..body });
        let flags = flags::of(self);
        for (panel, place) in panels(self, body) {
            if panel < CHARTS.len() {
                chart::draw(buffer, app, self, panel, &flags, place);
            } else {
                classes(buffer, app, self, place);
            }
        }
        if let Some(below) = below_charts(self, body) {
            chart::legend(buffer, app, self, &flags, below);
        }
        digest(buffer, app, self, body);
    }

    /// What a mouse points at: a chart, or one's values in the list.
    pub fn chart_spot(&self, area: Rect, position: Position) -> Option<Spot> {
        let body = below_head(self, area);
        if position.x < VALUES {
            let panel = (0..N_PANELS).rev().find(|&panel| panel_y(self, panel, body) <= position.y)?;
            return Some(Spot::Panel(panel, None));
        }
        let (panel, place) = panels(self, body).into_iter().find(|(_, place)| place.contains(position))?;
        let inner = chart::inner(place).filter(|inner| panel < CHARTS.len() && inner.contains(position));
        let share = inner.map(|inner| (f64::from(position.x - inner.x) + 0.5) / f64::from(inner.width));
        Some(Spot::Panel(panel, share))
    }
}

/// The row below the charts that says what their flags mean, where there is room for it.
fn below_charts(run: &OpenRun, body: Rect) -> Option<Rect> {
    let has_room = body.height >= 12 && run.charts.focus < CHARTS.len();
    has_room.then(|| Rect { x: body.x + VALUES, y: body.bottom() - 1, width: body.width - VALUES, height: 1 })
}

/// The charts that are shown: all where there is room, else the one in focus, which may be the classes.
fn panels(run: &OpenRun, body: Rect) -> Vec<(usize, Rect)> {
    let below = below_charts(run, body).map_or(0, |row| row.height);
    let area = Rect { x: body.x + VALUES, width: body.width - VALUES, height: body.height - below, ..body };
    let grid = grid(area).filter(|_| run.charts.layout == Layout::Grid && run.charts.focus < CHARTS.len());
    grid.unwrap_or_else(|| vec![(run.charts.focus, area)])
}

/// The place of each chart in as few columns as there can be, with an empty row between rows; None without room for all.
fn grid(area: Rect) -> Option<Vec<(usize, Rect)>> {
    let n = CHARTS.len() as u16;
    let n_rows = |columns| n.div_ceil(columns);
    let n_columns = (2..=area.width / SMALLEST.0).find(|&columns| n_rows(columns) * SMALLEST.1 <= area.height)?;
    let (width, height) = (area.width / n_columns, (area.height + 1) / n_rows(n_columns) - 1);
    let place = |i: u16| {
        let (column, row) = (i % n_columns, i / n_columns);
        (usize::from(i), Rect { x: area.x + column * width, y: area.y + row * (height + 1), width, height })
    };
    Some((0..n).map(place).collect())
}

/// What is below the lines about the run: two, and one more where changes lie ahead.
fn below_head(run: &OpenRun, area: Rect) -> Rect {
    let n = 3 + u16::from(!run.ahead().is_empty());
    Rect { y: area.y + n, height: area.height.saturating_sub(n), ..area }
}

/// The recorded changes that lie ahead, where there are any, and what comes of them.
fn ahead(buffer: &mut Buffer, app: &App, run: &OpenRun, area: Rect) {
    let ahead = run.ahead();
    if ahead.is_empty() {
        return;
    }
    let list: Vec<_> = ahead.iter().map(|it| format!("{} at step {}", it.change, grouped(it.step))).collect();
    let goes_on = run.glance.as_ref().filter(|_| run.is_resumable());
    let goes_on = goes_on.map(|glance| resumes(app, Place::Run, glance.ahead_from)).unwrap_or_default();
    let it = if ahead.len() == 1 { " drops it" } else { " drops them" };
    let drops = app.offer(Place::Run, Action::Drop, ("", it));
    let lists = app.offer(Place::Run, Action::Changes, ("", " edits"));
    // the list first: with little room, the keys are in the footer and the help
    let parts = [(1, format!("ahead: {}", list.join(", "))), (4, goes_on), (2, drops), (3, lists)];
    let parts: Vec<_> = parts.into_iter().filter(|(_, part)| !part.is_empty()).collect();
    put(buffer, 1, area.y, &fit_parts(parts, usize::from(area.width).saturating_sub(2)), app.theme.changed());
}

/// The row at which the values of a chart, or at last the classes, begin in the list.
fn panel_y(run: &OpenRun, panel: usize, area: Rect) -> u16 {
    // With little room the groups stand close, but for the classes where there is anything to be said of them.
    let is_loose = area.height >= 24;
    let is_evaluated = !run.state.evaluations.is_empty();
    let has_best = |chart: &Chart| is_evaluated && chart.curves[0].0 == Metric::TestEma;
    let of_chart = |chart: &Chart| 1 + chart.curves.len() as u16 + u16::from(has_best(chart)) + u16::from(is_loose);
    let above = CHARTS.iter().take(panel).map(of_chart).sum::<u16>();
    area.y + above + u16::from(panel == CHARTS.len() && is_evaluated && !is_loose)
}

fn head(buffer: &mut Buffer, app: &App, run: &OpenRun, area: Rect) {
    let (theme, status) = (app.theme, run.status());
    let (label, style) = match (&run.error, status) {
        (Some(_), _) => ("unreadable", theme.error()),
        (None, _) if run.glance.is_none() => ("reading…", theme.faint()),
        (None, status) => (status.label(), theme.status(status)),
    };
    let x = put(buffer, 1, area.y, &format!("● {label}  "), style);
    let steps = run.steps().map_or_else(String::new, |steps| format!("/{}", grouped(steps)));
    let mut end = format!("  {}{steps}  {:>3.0} %", grouped(run.step()), (100.0 * run.share()).floor());
    if let Some(left) = run.remaining() {
        end = format!("{end}  {} left", duration(left));
    } else if !status.is_alive() && run.state.training_s > 0.0 {
        end = format!("{end}  in {}", seconds(run.state.training_s));
    }
    put_right(buffer, area.right() - 1, area.y, &end, theme.strong());
    let width = usize::from(area.right() - 1 - x).saturating_sub(text::width(&end));
    let (done, rest) = app.glyphs.bar(run.share(), width);
    let x = put(buffer, x, area.y, &done, theme.status(status));
    put(buffer, x, area.y, &rest, theme.faint());
}

/// What it runs on and how fast, and the values that can be changed; or why it does not run.
fn machine(buffer: &mut Buffer, app: &App, run: &OpenRun, area: Rect) {
    let theme = app.theme;
    let width = usize::from(area.width) - 2;
    if let Some((text, style)) = trouble(app, run) {
        for (line, y) in wrap(&text, width).iter().take(2).zip(area.y..) {
            put(buffer, 1, y, line, style);
        }
        return;
    }
    let mut parts = Vec::new();
    if let Some(started) = &run.state.started {
        let environment = run.file.as_ref().and_then(|file| file.as_ref().ok()?.environment.as_ref());
        let gpu = environment.and_then(|it| it.gpu.as_ref()).map_or_else(String::new, |gpu| format!("{gpu}, "));
        parts.push((3, format!("{gpu}{}, {}", started.device, plural(started.threads.into(), "thread"))));
    }
    if let Some(last) = run.state.progress.last() {
        parts.push((2, format!("{} images/s", short(last.images_per_s))));
        let waits = (100.0 * last.data_wait).round();
        parts.extend((waits > 0.0).then(|| (5, format!("waits {waits:.0} % for images"))));
        parts.push((4, bytes(last.memory_bytes)));
    }
    if let Some(live) = run.live_shown() {
        let finds_its_own = matches!(&run.file, Some(Ok(file)) if !file.config.pseudo_label.policy.has_threshold());
        parts.extend((!finds_its_own).then(|| (1, format!("τ {}", live.threshold))));
        parts.push((1, format!("λ_u {}", live.lambda_u)));
        let is_changed = live.lr_factor != 1.0;
        parts.extend(is_changed.then(|| (1, format!("lr ×{}", live.lr_factor))));
    }
    let doing = match run.glance.as_ref().and_then(|glance| glance.phase) {
        Some(Phase::Evaluating) => Some("evaluating…"),
        Some(Phase::Saving) => Some("saving…"),
        Some(Phase::Ranking) => Some("ranking the training images…"),
        Some(Phase::Loading | Phase::Training | Phase::Paused | Phase::NoSpace | Phase::DiskFails) | None => None,
    };
    parts.extend(doing.filter(|_| run.status() == Status::Running).map(|doing| (0, doing.to_owned())));
    put(buffer, 1, area.y, &fit_parts(parts, width), theme.faint());
    if let Some(gpu) = gpu(app, run) {
        put(buffer, 1, area.y + 1, &gpu_words(gpu), theme.faint());
    }
    if let Some(alarm) = run.alarm() {
        let text = format!("⚑ step {}: {}", grouped(alarm.step), alarm.message);
        put(buffer, 1, area.y + 1, &left(&fit(&text, width), width), theme.error());
    }
    let view = view_words(run);
    put_right(buffer, area.right() - 1, area.y + 1, &view, theme.changed());
}

/// The GPU that the run trains on now, if it is one of this machine.
fn gpu<'a>(app: &'a App, run: &OpenRun) -> Option<&'a Gpu> {
    let machine = app.machine.as_ref()?;
    let Some(Ok(file)) = &run.file else { return None };
    let environment = file.environment.as_ref().filter(|it| run.status().is_alive() && it.host == machine.host)?;
    let n = gpu_of(&environment.device, environment.cuda_visible_devices.as_deref())?;
    machine.gpus.get(n)
}

fn gpu_words(gpu: &Gpu) -> String {
    let busy = gpu.utilization.map(|share| format!("GPU {:.0} % busy", 100.0 * share));
    let memory = gpu.memory.map(|(used, total)| format!("{} of its {} held", bytes(used), bytes(total)));
    let heat = gpu.temperature.map(|degrees| format!("{degrees} °C"));
    [busy, memory, heat].into_iter().flatten().collect::<Vec<_>>().join(" · ")
}

/// How the charts are looked at, where that is not as it comes.
fn view_words(run: &OpenRun) -> String {
    let charts = &run.charts;
    let mut words = Vec::new();
    if charts.scale != crate::console::axis::Scale::default() {
        words.push(charts.scale.label().to_owned());
    }
    if charts.smoothing() > 0.0 {
        words.push(format!("smoothed {}", charts.smoothing()));
    }
    if !charts.is_whole() {
        words.push("zoomed".into());
    }
    words.join(" · ")
}

fn trouble(app: &App, run: &OpenRun) -> Option<(String, ratatui::style::Style)> {
    let theme = app.theme;
    if let Some(error) = &run.error {
        return Some((error.clone(), theme.error()));
    }
    if let Some(Err(error)) = &run.file {
        return Some((error.clone(), theme.error()));
    }
    let goes_on = |after| {
        let words = app.offer(Place::Run, Action::Resume, ("; ", after));
        if app.fits(Action::Resume) { words } else { String::new() }
    };
    let phase = run.glance.as_ref()?.phase;
    let silent = run.glance.as_ref().and_then(|glance| glance.silent);
    Some(match (run.status(), phase) {
        (Status::Failed, _) => {
            let undo = app.offer(Place::Run, Action::Undo, ("; ", " takes the last change back"));
            // one that lies ahead is dropped instead, which the line below says
            let is_behind = |cause| {
                let stands = run.state.history.at(cause).is_some_and(|entry| entry.fate == Fate::Stands);
                stands && run.ahead().iter().all(|entry| entry.number != cause)
            };
            let undo = if run.state.cause.is_some_and(is_behind) { undo } else { String::new() };
            let reason = run.state.failure().unwrap_or_default();
            (format!("failed: {reason}{undo}{}", goes_on(" resumes")), theme.error())
        }
        (Status::Lost, _) => {
            (format!("its worker is gone{}", goes_on(" goes on from the last checkpoint")), theme.error())
        }
        (Status::NotResponding, _) => {
            let silent = silent.map_or_else(String::new, |age| format!(" for {}", duration(age)));
            let disk = phase.and_then(Phase::trouble).map_or_else(String::new, |trouble| format!(": {trouble}"));
            (format!("its worker has given no sign of life{silent}{disk}"), theme.error())
        }
        (Status::Starting, _) => ("starting a worker…".into(), theme.accent()),
        (Status::Running, Some(phase @ (Phase::NoSpace | Phase::DiskFails))) => {
            (format!("the training is held: {}", phase.trouble().unwrap_or_default()), theme.error())
        }
        (Status::Running, Some(Phase::Loading)) => ("loading data and model…".into(), theme.accent()),
        (Status::Paused, _) => {
            let suspends = app.offer(Place::Run, Action::Suspend, (", ", " saves and frees it"));
            let text = format!("paused: the worker waits and keeps its memory{}{suspends}", goes_on(" goes on"));
            (text, theme.changed())
        }
        (Status::Suspended | Status::Stopped, _) => {
            (format!("saved{}", goes_on(" goes on from here")), theme.changed())
        }
        (Status::Finished, _) if run.state.is_at_chance() => {
            (format!("finished at chance: {AT_CHANCE}"), theme.changed())
        }
        (Status::Running | Status::Finished, _) => return None,
    })
}

/// The curves' newest values with sparklines, then the classes where there is room.
fn values(buffer: &mut Buffer, app: &App, run: &OpenRun, area: Rect) {
    let theme = app.theme;
    for (i, chart) in CHARTS.iter().enumerate() {
        let style = if i == run.charts.focus { theme.selected() } else { theme.strong() };
        let mut y = panel_y(run, i, area);
        if run.state.is_untested() && chart.curves[0].0 == Metric::TestEma {
            untested(buffer, app, run, style, Rect { y, height: area.bottom().saturating_sub(y), ..area });
            continue;
        }
        put_in(buffer, area, y, &format!(" {}", chart.title), style);
        for (n, (metric, name)) in chart.curves.iter().enumerate() {
            y += 1;
            let series = run.curves.of(*metric);
            let value = run.value(*metric).map_or_else(|| "–".into(), |value| number(value, chart.unit));
            let sparks = app.glyphs.sparkline(&run.sparks(&series, 8));
            let spans = vec![
                Span::styled(format!("   {}", left(name, 12)), theme.text()),
                Span::styled(right(&value, 7), theme.strong()),
                Span::styled(format!(" {sparks}"), theme.curve(n)),
            ];
            put_spans(buffer, area, y, spans);
        }
        if let Some(last) = run.evaluation().filter(|_| chart.curves[0].0 == Metric::TestEma) {
            let text = format!("   best {} at {}", percent(last.best), grouped(last.best_step));
            put_in(buffer, area, y + 1, &text, theme.faint());
        }
    }
    let y = panel_y(run, CHARTS.len(), area);
    let style = if run.charts.focus == CHARTS.len() { theme.selected() } else { theme.strong() };
    if y < area.bottom() {
        put_in(buffer, area, y, " classes", style);
        class_bars(buffer, app, run, Rect { y: y + 1, height: area.bottom().saturating_sub(y + 1), ..area }, 8);
    }
}

/// What takes the place of the test accuracy where there are no test images: how far the networks agree, and the accuracy
/// by the labeled images.
fn untested(buffer: &mut Buffer, app: &App, run: &OpenRun, style: Style, area: Rect) {
    let theme = app.theme;
    put_in(buffer, area, area.y, " no test images", style);
    let share = run.crossval.as_ref().and_then(Crossval::share);
    let interval = |share: &Share| format!("{:.0} to {:.0}", 100.0 * share.interval.0, 100.0 * share.interval.1);
    let rows = [
        ("EMA = raw", or_dash(run.comparison(), |compared| percent(compared.agreement)), "agree".into()),
        (
            "crossval",
            or_dash(share.as_ref().map(Share::accuracy), percent),
            share.as_ref().map_or_else(String::new, interval),
        ),
    ];
    for ((name, value, more), y) in rows.into_iter().zip(area.y + 1..area.bottom()) {
        let spans = vec![
            Span::styled(format!("   {}", left(name, 12)), theme.text()),
            Span::styled(right(&value, 7), theme.strong()),
            Span::styled(format!(" {more}"), theme.faint()),
        ];
        put_spans(buffer, area, y, spans);
    }
}

fn put_in(buffer: &mut Buffer, area: Rect, y: u16, text: &str, style: Style) {
    if y < area.bottom() {
        put(buffer, area.x, y, &fit(text, area.width.into()), style);
    }
}

/// The accuracy of every class, as wide as there is room.
fn classes(buffer: &mut Buffer, app: &App, run: &OpenRun, area: Rect) {
    put(buffer, area.x, area.y, "▸ classes", app.theme.selected());
    let what = if run.comparison().is_some() { "images taken for each (EMA)" } else { "test accuracy of each (EMA)" };
    put(buffer, area.x + 11, area.y, what, app.theme.faint());
    let mut list = Rect { y: area.y + 2, height: area.height.saturating_sub(2), ..area };
    if let Some(compared) = run.comparison() {
        let agreement = format!("no test images; EMA and raw agree on {}", percent(compared.agreement));
        let hint = || format!("`fixmatch crossval {}` estimates the accuracy by the labeled images", run.dir.name());
        let estimate = run.crossval.as_ref().and_then(estimate).unwrap_or_else(hint);
        for line in wrap(&format!("{agreement}; {estimate}"), usize::from(area.width).saturating_sub(4)) {
            put_in(buffer, list, list.y, &format!("   {line}"), app.theme.faint());
            (list.y, list.height) = (list.y + 1, list.height.saturating_sub(1));
        }
        (list.y, list.height) = (list.y + 1, list.height.saturating_sub(1));
    }
    class_bars(buffer, app, run, list, usize::from(area.width).saturating_sub(30).min(60));
}

fn class_bars(buffer: &mut Buffer, app: &App, run: &OpenRun, area: Rect, width: usize) {
    let theme = app.theme;
    if let Some(compared) = run.comparison() {
        predicted_bars(buffer, app, run, compared, area, width);
        return;
    }
    let Some(Evaluated { ema, .. }) = run.evaluation() else {
        put_in(buffer, area, area.y, &format!("   {}", run.why_not_evaluated()), theme.faint());
        return;
    };
    let names = run.state.started.as_ref().map_or(&[][..], |started| &started.classes);
    let n_shown = usize::from(area.height);
    for (class, (accuracy, y)) in ema.per_class.iter().zip(area.y..).take(n_shown).enumerate() {
        let is_last = class + 1 == n_shown && ema.per_class.len() > n_shown;
        if is_last {
            let more = format!("   and {} more", ema.per_class.len() - class);
            put_in(buffer, area, y, &more, theme.faint());
            return;
        }
        let name = names.get(class).map_or_else(|| format!("class {class}"), ToString::to_string);
        let (done, rest) = app.glyphs.bar(accuracy.unwrap_or(0.0), width);
        let value = accuracy.map_or_else(|| "–".into(), |x| format!("{:.0} %", 100.0 * x));
        let spans = vec![
            Span::styled(format!("   {}", left(&name, 13)), theme.text()),
            Span::styled(right(&value, 6), theme.strong()),
            Span::styled(format!(" {done}"), theme.accent()),
            Span::styled(rest, theme.faint()),
        ];
        put_spans(buffer, area, y, spans);
    }
}

/// Without test images: how many images are taken for each class.
fn predicted_bars(buffer: &mut Buffer, app: &App, run: &OpenRun, compared: &Compared, area: Rect, width: usize) {
    let theme = app.theme;
    let names = run.state.started.as_ref().map_or(&[][..], |started| &started.classes);
    let n_shown = usize::from(area.height);
    for (class, (&n, y)) in compared.predicted.iter().zip(area.y..).take(n_shown).enumerate() {
        if class + 1 == n_shown && compared.predicted.len() > n_shown {
            put_in(buffer, area, y, &format!("   and {} more", compared.predicted.len() - class), theme.faint());
            return;
        }
        let name = names.get(class).map_or_else(|| format!("class {class}"), ToString::to_string);
        let share = n as f64 / compared.n.max(1) as f64;
        let (done, rest) = app.glyphs.bar(share, width);
        let spans = vec![
            Span::styled(format!("   {}", left(&name, 13)), theme.text()),
            Span::styled(right(&format!("{:.0} %", 100.0 * share), 6), theme.strong()),
            Span::styled(format!(" {done}"), theme.accent()),
            Span::styled(rest, theme.faint()),
        ];
        put_spans(buffer, area, y, spans);
    }
}

/// What happened since the user last looked; any key takes it away.
fn digest(buffer: &mut Buffer, app: &App, run: &OpenRun, area: Rect) {
    let Some(digest) = &run.digest else { return };
    let lines = crate::words::digest::digest_lines(digest);
    let width = lines.iter().map(|line| text::width(line)).max().unwrap_or(0) as u16 + 4;
    let inside = overlay(buffer, app, area, (width.max(30), lines.len() as u16 + 2), "since you left");
    for (line, y) in lines.iter().zip(inside.y..inside.bottom()) {
        put(buffer, inside.x, y, line, app.theme.text());
    }
}
