//! Presets above, runs below, and a line about the one that is selected.

use fixmatch::compare::expression::Expression;
use fixmatch::config::RunConfig;
use fixmatch::config::preset::OWN;
use fixmatch::run::estimate::Estimate;
use fixmatch::run::state::Status;
use ratatui::buffer::Buffer;
use ratatui::layout::{Position, Rect};
use ratatui::style::Style;
use ratatui::text::Span;

use crate::console::app::App;
use crate::console::keys::{Action, Place};
use crate::console::mouse::{Rows, Spot};
use crate::console::screens::home::groups::{self, Broken, Line, SUITES, leaf};
use crate::console::screens::home::{DataState, Home, Listing, Pane, PresetRow, model_name};
use crate::console::screens::suite::Study;
use crate::console::screens::suite::view::progress;
use crate::console::text::{self, clean, fit, fit_middle, left, wrap};
use crate::console::views::{put, put_spans, short_id};
use crate::words::numbers::{bytes, duration, plural, short};
use crate::words::presets::taken;
use line::{hidden, mark, shows_all};

mod line;
mod runs;
mod table;

impl Home {
    /// Keeps what is selected in sight.
    pub fn arrange(&mut self, area: Rect) {
        let [above, below] = places(self, area);
        let (presets, runs) = (preset_rows(self, above), runs::rows(self, below));
        self.preset_at.keep_in_sight(1, presets.area.height.into(), presets.n);
        self.run_at.keep_in_sight(1, runs.area.height.into(), runs.n);
    }

    /// Draws the lists.
    pub fn draw(&self, buffer: &mut Buffer, app: &App, area: Rect) {
        let [above, below] = places(self, area);
        presets(buffer, app, above);
        runs::draw(buffer, app, below);
        filter(buffer, app, area);
    }

    /// What a mouse points at.
    pub fn spot(&self, area: Rect, position: Position) -> Option<Spot> {
        let [above, below] = places(self, area);
        let preset = preset_rows(self, above).at(position).map(Spot::Preset);
        preset.or_else(|| runs::rows(self, below).at(position).map(Spot::Run))
    }

    /// How many runs there are, for the header.
    pub fn counts(&self) -> String {
        let Listing::Read(rows) = &self.runs else { return String::new() };
        let n_training = rows.iter().filter(|row| row.status == Status::Running).count();
        let runs = if rows.len() == 1 { "1 run".into() } else { format!("{} runs", rows.len()) };
        if n_training > 0 { format!("{runs}, {n_training} training") } else { runs }
    }
}

/// Presets above, runs below.
fn places(home: &Home, area: Rect) -> [Rect; 2] {
    let (n_presets, n_runs) = (home.lines().len() as u16, home.n_run_lines() as u16);
    // Runs take what they need, up to six tenths; presets are few and known.
    let runs_height = (n_runs + 3).clamp(5, area.height * 6 / 10);
    let presets_height = (n_presets + 9).min(area.height - runs_height);
    let above = Rect { height: presets_height, ..area };
    [above, Rect { y: area.y + presets_height, height: area.height - presets_height, ..area }]
}

/// Rows for what there is to say about the selected preset, and the one that sets it off from the runs.
fn about_height(home: &Home, area: Rect) -> u16 {
    // Three presets at least stay in sight.
    let room = area.height.saturating_sub(5);
    match home.pane {
        Pane::Presets if room >= 3 => room.min(if area.height < 20 { 6 } else { 7 }),
        Pane::Presets | Pane::Runs => 0,
    }
}

/// The presets that are in sight, in their part of the screen.
fn preset_rows(home: &Home, area: Rect) -> Rows {
    let list = Rect { y: area.y + 1, height: area.height.saturating_sub(2 + about_height(home, area)), ..area };
    Rows::from(list, home.preset_at.top, home.lines().len())
}

fn filter(buffer: &mut Buffer, app: &App, area: Rect) {
    let home = &app.home;
    if home.is_filtering || !home.filter.text.is_empty() {
        let caret = if home.is_filtering { "▏" } else { "" };
        let x = put(buffer, 1, area.y - 1, &format!("/{}{caret}", home.filter.text), app.theme.changed());
        if let Some(error) = home.filter_error() {
            let width = usize::from(area.right().saturating_sub(x + 2));
            put(buffer, x + 2, area.y - 1, &fit(&error, width), app.theme.error());
        }
    }
}

/// A column of the presets.
struct Column {
    head: &'static str,
    width: usize,
    /// The columns of the lowest ranks stay where the screen is narrow.
    rank: usize,
    cell: for<'a> fn(&'a App, &'a PresetRow) -> (String, Style),
}

const COLUMNS: [Column; 8] = [
    Column {
        head: "data set",
        width: 14,
        rank: 6,
        cell: |app, row| (row.config.data.dataset.clone(), app.theme.text()),
    },
    Column { head: "labels", width: 10, rank: 3, cell: |app, row| (labels(row), app.theme.text()) },
    Column { head: "model", width: 10, rank: 4, cell: |app, row| (model_name(&row.config), app.theme.text()) },
    Column {
        head: "steps",
        width: 7,
        rank: 2,
        cell: |app, row| (short(row.config.train.steps as f64), app.theme.text()),
    },
    Column { head: "time", width: 9, rank: 1, cell: time },
    Column { head: "memory", width: 10, rank: 5, cell: memory },
    Column { head: "data", width: 16, rank: 0, cell: data },
    Column { head: "", width: 60, rank: 7, cell: |app, row| (row.config.title.clone(), app.theme.faint()) },
];

/// The columns that have room beside names of that width.
fn columns(width: usize, names: usize) -> Vec<&'static Column> {
    let has_room = |column: &&Column| {
        let needed: usize = COLUMNS.iter().filter(|it| it.rank <= column.rank).map(|it| it.width).sum();
        names + needed <= width
    };
    COLUMNS.iter().filter(has_room).collect()
}

fn presets(buffer: &mut Buffer, app: &App, area: Rect) {
    let (theme, home, has_focus) = (app.theme, &app.home, app.home.pane == Pane::Presets);
    let head = if has_focus { theme.strong() } else { theme.faint() };
    let lines = home.lines();
    let longest = home.presets.iter().map(|row| indent(row) + text::width(leaf(row))).max().unwrap_or(0);
    let names = (longest + 2).min(usize::from(area.width) - 20);
    let columns = columns(usize::from(area.width) - 2, names);
    let heads: String = columns.iter().map(|column| left(column.head, column.width)).collect();
    let seen = preset_rows(home, area);
    let title = Span::styled(format!("  {}", left(&format!("Presets {}", hidden(&seen)), names)), head);
    put_spans(buffer, area, area.y, vec![title, Span::styled(heads, theme.faint())]);
    let Rows { area: list, first, .. } = seen;
    let height = usize::from(list.height);
    for ((i, line), y) in lines.iter().enumerate().skip(first).take(height).zip(list.y..) {
        let (marks, style) = mark(app, (i == home.preset_at.at, has_focus), false);
        let mut spans = marks.to_vec();
        match line {
            Line::Group(group) => spans.extend(heading(app, group, style, area.width.into())),
            Line::Preset(i) => spans.extend(preset_line(app, &home.presets[*i], style, (names, &columns, area.width))),
            Line::Broken(i) => {
                let Broken { name, path, error } = &home.broken[*i];
                let error =
                    error.strip_prefix(&path.display().to_string()).unwrap_or(error).trim_start_matches([':', ' ']);
                spans.push(Span::styled(left(&format!("    {name}"), names - 1) + " ", style));
                let room = usize::from(area.width).saturating_sub(names + 3);
                spans.push(Span::styled(fit(&clean(error), room), theme.error()));
            }
            Line::Suite(i) => spans.extend(suite_line(app, &home.suites[*i], style, (names, area.width))),
        }
        put_spans(buffer, area, y, spans);
    }
    if lines.is_empty() {
        let is_of_runs = Expression::has_condition(&home.filter.text);
        let why = if is_of_runs { "conditions are for runs" } else { "no preset holds these letters" };
        let text = format!("{why}{}", shows_all(app));
        put(buffer, 2, area.y + 1, &text, theme.faint());
    }
    let about_height = usize::from(about_height(home, area));
    let y = area.y + 2 + height.min(lines.len()) as u16;
    let about_area =
        Rect { x: 2, y, width: area.width.saturating_sub(4), height: about_height.saturating_sub(1) as u16 };
    if let Some(line) = home.line().filter(|_| about_height > 0) {
        about_line(buffer, app, &line, about_area);
    }
}

/// What there is to say of the selected line, in the space below the list.
fn about_line(buffer: &mut Buffer, app: &App, line: &Line, area: Rect) {
    let (theme, home, width) = (app.theme, &app.home, usize::from(area.width));
    let (title, style, lines) = match line {
        Line::Preset(i) => {
            let row = &home.presets[*i];
            let file = row.own.as_ref().map(|path| fit_middle(&path.display().to_string(), width));
            let taken = row.taken.as_ref().map(|by| fit(&taken(by), width));
            let facts = [facts(app, row), cost(app, &row.config)].map(|line| fit(&line, width));
            let about = wrap(&row.config.about, width);
            let title = if row.config.title.is_empty() { &row.preset.name } else { &row.config.title };
            (title.clone(), theme.text(), taken.into_iter().chain(file).chain(facts).chain(about).collect::<Vec<_>>())
        }
        Line::Broken(i) => {
            let Broken { path, error, .. } = &home.broken[*i];
            (path.display().to_string(), theme.text(), wrap(&clean(error), width))
        }
        Line::Suite(i) => {
            let study = &home.suites[*i];
            let opens = app.offer(Place::Home, Action::Enter, ("", " opens it as a grid of its runs"));
            let about = [study.about.as_str(), &opens].join(" ");
            (study.title.clone(), theme.text(), wrap(study.error.as_ref().unwrap_or(&about), width))
        }
        Line::Group(group) => {
            let names: Vec<_> = home.members(group).map(leaf).collect();
            let folders: Vec<_> = home.own_folders.iter().map(|it| it.display().to_string()).collect();
            let own = format!("files that end in .toml, in {}", folders.join(" or "));
            let about = match group.as_str() {
                OWN => own,
                SUITES => "studies of many runs, one for each cell of a grid and each seed".into(),
                _ => names.join(", "),
            };
            (groups::title(group), theme.text(), wrap(&about, width))
        }
    };
    put(buffer, area.x, area.y, &fit(&clean(&title), width), style);
    for (line, y) in lines.iter().zip(area.y + 1..area.bottom()) {
        put(buffer, area.x, y, line, theme.faint());
    }
}

/// A group with how many it has, and while it is folded, which.
fn heading(app: &App, group: &str, style: Style, width: usize) -> Vec<Span<'static>> {
    let (theme, home) = (app.theme, &app.home);
    let n = home.count(group);
    let sign = match (n, home.is_open(group)) {
        (0, _) => " ",
        (_, true) => "−",
        (_, false) => "+",
    };
    let title = format!("{} ", groups::title(group));
    let mut names: Vec<_> = home.members(group).map(leaf).collect();
    if group == SUITES {
        names.extend(home.suites.iter().map(|study| study.name.as_str()));
    }
    let at_work = home.suites.iter().find(|study| group == SUITES && study.has_queue);
    let at_work = at_work.map(|study| format!("  {}: {}", study.name, progress(study, 60)));
    let mut spans = vec![
        Span::styled(format!("{sign} "), theme.accent()),
        Span::styled(title, style),
        Span::styled(n.to_string(), theme.text()),
    ];
    if !home.is_open(group) {
        spans.push(Span::styled(at_work.unwrap_or_default(), theme.good()));
        let room = width.saturating_sub(4 + spans.iter().map(Span::width).sum::<usize>());
        spans.push(Span::styled(format!("  {}", fit(&clean(&names.join(", ")), room)), theme.faint()));
    }
    spans
}

/// A suite with how far it is.
fn suite_line<'a>(app: &App, study: &Study, style: Style, (names, width): (usize, u16)) -> Vec<Span<'a>> {
    let theme = app.theme;
    let room = usize::from(width).saturating_sub(names + 5);
    let text = match (&study.error, study.wanted) {
        (Some(error), _) => clean(error),
        (None, None) if study.count(|it| it.finished) == 0 => {
            format!("{}, not started", plural(study.stands.len() as u64, "run"))
        }
        _ => progress(study, room),
    };
    let sign = if study.has_queue { "● " } else { "  " };
    let of_text = if study.error.is_some() { theme.error() } else { theme.text() };
    vec![
        Span::styled(left(&format!("    {}", study.name), names - 1) + " ", style),
        Span::styled(sign, theme.good()),
        Span::styled(fit(&text, room), of_text),
    ]
}

/// How far the names of a group stand behind its heading.
fn indent(row: &PresetRow) -> usize {
    if row.preset.group().is_some() { 4 } else { 0 }
}

/// A preset. One's own has its path in place of the last columns.
fn preset_line<'a>(
    app: &App,
    row: &PresetRow,
    style: Style,
    (names, columns, width): (usize, &[&'static Column], u16),
) -> Vec<Span<'a>> {
    let theme = app.theme;
    let name = format!("{}{}", " ".repeat(indent(row)), leaf(row));
    let mut spans = vec![Span::styled(left(&name, names - 1) + " ", style)];
    let columns = columns.iter().filter(|column| row.own.is_none() || !matches!(column.head, "memory" | "data" | ""));
    spans.extend(columns.map(|column| {
        let (text, style) = (column.cell)(app, row);
        Span::styled(left(&text, column.width), style)
    }));
    if let Some(path) = &row.own {
        let taken = if row.taken.is_some() { "name taken: " } else { "" };
        let missing = if row.data == DataState::Nowhere { "no images: " } else { "" };
        spans.push(Span::styled(format!("{taken}{missing}"), theme.error()));
        let used: usize = spans.iter().map(|span| text::width(&span.content)).sum();
        let room = usize::from(width).saturating_sub(used + 3);
        spans.push(Span::styled(fit_middle(&clean(&path.display().to_string()), room), theme.faint()));
    }
    spans
}

/// What the columns say of a preset, whichever of them have room.
fn facts(app: &App, row: &PresetRow) -> String {
    let config = &row.config;
    let steps = short(config.train.steps as f64);
    let fetch = match row.data {
        DataState::Missing(n_bytes) => {
            let fetches = app.offer(Place::Home, Action::Fetch, ("; ", " fetches its images, "));
            if fetches.is_empty() { fetches } else { fetches + &bytes(n_bytes) }
        }
        DataState::Unknown | DataState::Here | DataState::Nowhere | DataState::Coming(_) => String::new(),
    };
    format!("{}, {}, {}, {steps} steps{fetch}", config.data.dataset, labels(row), model_name(config))
}

fn time(app: &App, row: &PresetRow) -> (String, Style) {
    match app.home.estimate(&row.config) {
        Some(estimate) => (format!("≈ {}", duration(estimate.time)), app.theme.text()),
        None => ("–".into(), app.theme.faint()),
    }
}

fn memory(app: &App, row: &PresetRow) -> (String, Style) {
    match app.home.estimate(&row.config) {
        Some(estimate) => (bytes(estimate.memory_bytes), app.theme.text()),
        None => ("–".into(), app.theme.faint()),
    }
}

/// What a run of this configuration takes here, and how that is known.
pub fn cost(app: &App, config: &RunConfig) -> String {
    match app.home.estimate(config) {
        Some(Estimate { time, memory_bytes, run }) => {
            format!("about {} and {} of memory here, as {} took", duration(time), bytes(memory_bytes), short_id(&run))
        }
        None => "time and memory are not known: no run like it was trained here yet".into(),
    }
}

fn labels(row: &PresetRow) -> String {
    row.config.labels.amount()
}

fn data(app: &App, row: &PresetRow) -> (String, Style) {
    let theme = app.theme;
    match &row.data {
        DataState::Unknown => (String::new(), theme.faint()),
        DataState::Here => ("● here".into(), theme.good()),
        DataState::Missing(n_bytes) => (format!("○ {}", bytes(*n_bytes)), theme.faint()),
        DataState::Nowhere => ("○ data.path".into(), theme.faint()),
        DataState::Coming(share) => {
            let (done, rest) = app.glyphs.bar(*share, 8);
            (format!("{done}{rest} {:.0} %", 100.0 * share), theme.accent())
        }
    }
}
