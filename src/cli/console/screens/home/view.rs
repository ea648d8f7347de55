//! Presets above, runs below, and a line about the one that is selected.

use std::time::Duration;

use fixmatch::compare::expression::Expression;
use fixmatch::config::RunConfig;
use fixmatch::config::preset::OWN;
use fixmatch::run::estimate::Estimate;
use fixmatch::run::heartbeat::Phase;
use fixmatch::run::state::Status;
use fixmatch::run::survey::Row;
use ratatui::buffer::Buffer;
use ratatui::layout::{Position, Rect};
use ratatui::style::Style;
use ratatui::text::Span;

use crate::console::app::App;
use crate::console::keys::{Action, Place};
use crate::console::mouse::{Rows, Spot};
use crate::console::screens::home::groups::{self, Broken, Line, SUITES, leaf};
use crate::console::screens::home::table::View;
use crate::console::screens::home::{DataState, Home, Listing, Pane, PresetRow, model_name};
use crate::console::screens::suite::Study;
use crate::console::screens::suite::view::progress;
use crate::console::text::{self, clean, fit, fit_middle, left, right, wrap};
use crate::console::views::{put, put_spans, short_id};
use crate::words::events::AT_CHANCE;
use crate::words::numbers::{bytes, duration, grouped, percent, plural, short};
use crate::words::presets::taken;

mod table;

impl Home {
    /// Keeps what is selected in sight.
    pub fn arrange(&mut self, area: Rect) {
        let [above, below] = places(self, area);
        let (presets, runs) = (preset_rows(self, above), run_rows(self, below));
        self.preset_at.keep_in_sight(1, presets.area.height.into(), presets.n);
        self.run_at.keep_in_sight(1, runs.area.height.into(), runs.n);
    }

    /// Draws the lists.
    pub fn draw(&self, buffer: &mut Buffer, app: &App, area: Rect) {
        let [above, below] = places(self, area);
        presets(buffer, app, above);
        runs(buffer, app, below);
        filter(buffer, app, area);
    }

    /// What a mouse points at.
    pub fn spot(&self, area: Rect, position: Position) -> Option<Spot> {
        let [above, below] = places(self, area);
        let preset = preset_rows(self, above).at(position).map(Spot::Preset);
        preset.or_else(|| run_rows(self, below).at(position).map(Spot::Run))
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

/// The runs that are in sight, in their part of the screen.
fn run_rows(home: &Home, area: Rect) -> Rows {
    let list = Rect { y: area.y + 1, height: area.height.saturating_sub(3), ..area };
    Rows::from(list, home.run_at.top, home.n_run_lines())
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

/// The two cells before a row: the cursor's, and the mark's.
fn mark(app: &App, (is_selected, has_focus): (bool, bool), is_marked: bool) -> ([Span<'static>; 2], Style) {
    let theme = app.theme;
    let (cursor, style) = match (is_selected, has_focus) {
        (true, true) => (Span::styled("▸", theme.selected()), theme.selected()),
        (true, false) => (Span::styled("›", theme.faint()), theme.text()),
        (false, _) => (Span::raw(" "), theme.text()),
    };
    let style = if is_marked && !(is_selected && has_focus) { theme.changed() } else { style };
    ([cursor, Span::styled(if is_marked { "✓" } else { " " }, theme.changed())], style)
}

/// How much of a list lies above and below what is in sight.
fn hidden(rows: &Rows) -> String {
    let below = rows.n.saturating_sub(rows.first + usize::from(rows.area.height));
    let part = |arrow: &str, n: usize| if n > 0 { format!(" {arrow}{n}") } else { String::new() };
    part("↑", rows.first) + &part("↓", below)
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
            Line::Group(group) => spans.extend(heading(app, group, style)),
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
fn heading(app: &App, group: &str, style: Style) -> Vec<Span<'static>> {
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
    let names = if home.is_open(group) { String::new() } else { format!("  {}", clean(&names.join(", "))) };
    vec![
        Span::styled(format!("{sign} "), theme.accent()),
        Span::styled(title, style),
        Span::styled(n.to_string(), theme.text()),
        Span::styled(at_work.filter(|_| !home.is_open(group)).unwrap_or_default(), theme.good()),
        Span::styled(names, theme.faint()),
    ]
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

fn shows_all(app: &App) -> String {
    app.offer(Place::Home, Action::Back, ("; ", " shows all"))
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

fn runs(buffer: &mut Buffer, app: &App, area: Rect) {
    let (theme, has_focus) = (app.theme, app.home.pane == Pane::Runs);
    let seen = run_rows(&app.home, area);
    let rows = app.home.shown_runs();
    let title = format!("Runs {}", hidden(&seen));
    let listed_below = if app.home.table.view == View::Progress {
        by_progress(buffer, app, (area, &seen), &rows, &title);
        String::new()
    } else {
        told(app, &table::draw(buffer, app, &seen, &title))
    };
    if rows.is_empty() {
        why_none(buffer, app, area);
    }
    let of_marked = marked_words(app).map(|text| (text, theme.changed()));
    let of_list = Some((listed_below, theme.faint())).filter(|(text, _)| has_focus && !text.is_empty());
    let of_run = || app.home.run().filter(|_| has_focus).and_then(|row| about(app, row));
    if let Some((text, style)) = of_marked.or(of_list).or_else(of_run) {
        let lines = wrap(&text, usize::from(area.width).saturating_sub(4));
        let n = lines.len().min(2) as u16;
        let below = seen.area.y + seen.n.min(seen.area.height.into()) as u16 + 1;
        for (line, y) in lines.iter().zip(below.min(area.bottom() - n)..area.bottom()) {
            put(buffer, 2, y, line, style);
        }
    }
}

/// What there is to say of a list by values or by groups.
fn told(app: &App, hidden: &[&str]) -> String {
    let is_grouped = app.home.table.view == View::Groups;
    let opens = if is_grouped {
        let opens = app.offer(Place::Home, Action::Enter, ("", " shows its runs beside each other"));
        format!("mean ± sd over the seeds; {opens}")
    } else {
        String::new()
    };
    let hidden = if hidden.is_empty() { String::new() } else { format!("without room: {}", hidden.join(", ")) };
    [opens, hidden].iter().filter(|part| !part.is_empty()).map(String::as_str).collect::<Vec<_>>().join(" · ")
}

/// The runs, each with how far it is.
fn by_progress(buffer: &mut Buffer, app: &App, (area, seen): (Rect, &Rows), rows: &[&Row], title: &str) {
    let (theme, has_focus) = (app.theme, app.home.pane == Pane::Runs);
    let head = if has_focus { theme.strong() } else { theme.faint() };
    let longest = rows.iter().map(|row| text::width(&name(row))).max().unwrap_or(0);
    let status = rows.iter().map(|row| text::width(&(label(row).to_owned() + &flag(row)))).max().unwrap_or(0);
    let columns = Columns::of(area.width, longest, status);
    let heads = format!(
        "{}{}{}{}  {}{}",
        left("status", columns.status),
        left("progress", columns.bar + 8),
        right("now", 7),
        right("best", 8),
        left("trend", columns.trend),
        right(if columns.left > 0 { "left" } else { "" }, columns.left) + &right("age", 7)
    );
    let title = Span::styled(format!("  {}", left(title, columns.name)), head);
    put_spans(buffer, area, area.y, vec![title, Span::styled(heads, theme.faint())]);
    let Rows { area: list, first, .. } = *seen;
    for ((i, row), y) in rows.iter().enumerate().skip(first).take(list.height.into()).zip(list.y..) {
        let is_selected = i == app.home.run_at.at;
        put_spans(buffer, area, y, run_line(app, row, (is_selected, has_focus), columns));
    }
}

/// Why no run is listed.
fn why_none(buffer: &mut Buffer, app: &App, area: Rect) {
    let theme = app.theme;
    let (text, style) = match &app.home.runs {
        Listing::Reading => ("reading the runs…".to_owned(), theme.faint()),
        Listing::Unreadable(error) => (error.clone(), theme.error()),
        Listing::Read(all) if all.is_empty() => {
            let how = app.offer(Place::Preset, Action::Launch, (": Enter on a preset, then ", ", launches one"));
            (format!("no runs yet{how}"), theme.faint())
        }
        Listing::Read(_) => (format!("no run holds these letters{}", shows_all(app)), theme.faint()),
    };
    put(buffer, 2, area.y + 1, &text, style);
}

/// How many runs are marked, and what for.
fn marked_words(app: &App) -> Option<String> {
    let n = app.home.marked.len();
    let clears = app.offer(Place::Home, Action::Back, ("; ", " unmarks"));
    let both = if n == 2 { app.offer(Place::Home, Action::Beside, ("; ", " shows both")) } else { String::new() };
    (n > 0).then(|| format!("{} marked: keys act on them{both}{clears}", plural(n as u64, "run")))
}

/// How wide the columns of the runs are.
#[derive(Clone, Copy)]
struct Columns {
    name: usize,
    status: usize,
    bar: usize,
    trend: usize,
    left: usize,
}

impl Columns {
    /// The columns of a list whose longest name and status have so many letters.
    fn of(width: u16, longest: usize, status: usize) -> Self {
        let status = status.max("suspended".len()) + 4; // with a dot, and a blank on either side
        let spare = usize::from(width).saturating_sub(80);
        let pictures = 8 + (spare / 6).min(16);
        // In a narrow list the line below it says how long the selected run takes.
        let left = if width < 100 { 0 } else { 9 };
        let taken = |bar, trend| 2 + status + bar + 8 + 7 + 8 + 2 + trend + left + 7;
        let of = |(bar, trend)| {
            let name = usize::from(width).saturating_sub(taken(bar, trend)).min(48);
            Self { name, status, bar, trend, left }
        };
        // Where names would be cut, pictures make way: their numbers stand beside them.
        let ways = [(pictures, pictures), (0, pictures), (0, 0)].map(of);
        ways.into_iter().find(|it| it.name > longest.min(39)).unwrap_or(ways[2])
    }
}

fn label(row: &Row) -> &'static str {
    match trouble(row) {
        _ if row.error.is_some() => "unreadable",
        Some(Phase::NoSpace) => "no disk space",
        Some(_) => "disk fails",
        None if row.status == Status::Finished && row.summary.at_chance => "at chance",
        None => row.status.label(),
    }
}

/// What keeps a live worker from going on, if something does.
fn trouble(row: &Row) -> Option<Phase> {
    row.phase.filter(|phase| phase.trouble().is_some())
}

/// A flag for a run that raised alarms, with their number where there are several.
fn flag(row: &Row) -> String {
    match row.summary.alarms {
        0 => String::new(),
        1 => " ⚑".into(),
        n => format!(" ⚑{n}"),
    }
}

/// A run's name, with a mark where it is a fork.
fn name(row: &Row) -> String {
    let mark = if row.parent.is_some() { "↳ " } else { "" };
    format!("{mark}{}", short_id(&row.dir.id()))
}

fn run_line<'a>(app: &App, row: &Row, (is_selected, has_focus): (bool, bool), columns: Columns) -> Vec<Span<'a>> {
    let theme = app.theme;
    let summary = &row.summary;
    let (marks, style) = mark(app, (is_selected, has_focus), app.home.marked.contains(&row.dir));
    let name = if columns.name >= 40 {
        row.parent.as_ref().map_or("", |_| "↳ ").to_owned() + &clean(&row.dir.id())
    } else {
        name(row)
    };
    let is_bad = row.error.is_some() || trouble(row).is_some() || row.summary.at_chance;
    let status = if is_bad { theme.error() } else { theme.status(row.status) };
    let share = if summary.steps > 0 { summary.step as f64 / summary.steps as f64 } else { 0.0 };
    let (done, rest) = app.glyphs.bar(share, columns.bar);
    let accuracy = |value: Option<f64>| value.map_or_else(|| "–".to_owned(), percent);
    let trend: Vec<_> = summary.trend.iter().map(|&x| Some(f64::from(x))).collect();
    let trend = &trend[trend.len().saturating_sub(columns.trend)..];
    let label = format!("● {}", label(row));
    let room = columns.status.saturating_sub(text::width(&label));
    let [cursor, mark] = marks;
    vec![
        cursor,
        mark,
        Span::styled(left(&fit_middle(&name, columns.name - 1), columns.name), style),
        Span::styled(label, status),
        Span::styled(left(&flag(row), room), theme.error()),
        Span::styled(done, status),
        Span::styled(rest, theme.faint()),
        Span::styled(format!("{:>5.0} % ", (100.0 * share).floor()), theme.text()),
        Span::styled(right(&accuracy(summary.ema_accuracy), 7), theme.strong()),
        Span::styled(right(&accuracy(summary.best), 8), theme.text()),
        Span::styled(format!("  {}", left(&app.glyphs.sparkline(trend), columns.trend)), theme.accent()),
        Span::styled(right(&remaining(row), columns.left), theme.text()),
        Span::styled(right(&age(app.clock.now, row), 7), theme.faint()),
    ]
}

/// How long the rest takes, where that is known.
fn remaining(row: &Row) -> String {
    row.remaining.map_or_else(String::new, |left| duration(Duration::from_secs(left.as_secs())))
}

/// How long ago it was made, in one unit, so that it seldom changes.
fn age(now: f64, row: &Row) -> String {
    let Some(created) = row.created else { return "–".into() };
    match (now - created).max(0.0) as u64 {
        s @ 0..60 => format!("{s}s"),
        s @ 60..3600 => format!("{}m", s / 60),
        s @ 3600..86_400 => format!("{}h", s / 3600),
        s => format!("{}d", s / 86_400),
    }
}

/// What people wrote on the selected run, how it stands, what it was warned of, and where it comes from.
fn about(app: &App, row: &Row) -> Option<(String, Style)> {
    let forked = row
        .parent
        .as_ref()
        .map(|parent| format!("forked from {} after {}", short_id(&parent.run), plural(parent.step, "step")));
    let hint = hint(app, row);
    let alarm = row.summary.last_alarm.as_ref().filter(|_| row.summary.alarms > 0);
    let alarm = alarm.map(|(step, message)| format!("⚑ step {}: {}", grouped(*step), clean(message)));
    let is_bad = alarm.is_some() || hint.as_ref().is_some_and(|(_, is_bad)| *is_bad);
    let card = Some(clean(&row.card.to_string())).filter(|card| !card.is_empty());
    let parts: Vec<_> = card.into_iter().chain(hint.map(|(text, _)| text)).chain(alarm).chain(forked).collect();
    let style = if is_bad { app.theme.error() } else { app.theme.faint() };
    (!parts.is_empty()).then(|| (parts.join(" · "), style))
}

/// What else there is to say of how the selected run stands, and whether that is bad.
fn hint(app: &App, row: &Row) -> Option<(String, bool)> {
    if let Some(error) = &row.error {
        return Some((clean(error), true));
    }
    let goes_on = |after| {
        if app.fits(Action::Resume) { app.offer(Place::Home, Action::Resume, ("; ", after)) } else { String::new() }
    };
    if let Some(what) = trouble(row).and_then(Phase::trouble) {
        return Some((format!("the training is held: {what}"), true));
    }
    Some(match row.status {
        Status::Failed => {
            (format!("failed: {}{}", row.failure().map(clean).unwrap_or_default(), goes_on(" resumes")), true)
        }
        Status::Lost => (format!("its worker is gone{}", goes_on(" goes on from the last checkpoint")), true),
        Status::Suspended | Status::Stopped => {
            (format!("{}, saved{}", row.status.label(), goes_on(" goes on from here")), false)
        }
        Status::Paused => (format!("paused: the worker waits and keeps its memory{}", goes_on(" goes on")), false),
        Status::NotResponding => ("its worker gives no sign of life".into(), true),
        Status::Running if row.remaining.is_some() => (format!("done in {}", remaining(row)), false),
        Status::Finished if row.summary.at_chance => (format!("finished at chance: {AT_CHANCE}"), true),
        Status::Running | Status::Starting | Status::Finished => return None,
    })
}
