//! The runs as a table of experiments: by the values in which they differ, or a line for all seeds of a configuration.

use fixmatch::compare::keys::{self, Key, SEEDS, short};
use fixmatch::compare::sort::Sort;
use ratatui::buffer::Buffer;
use ratatui::style::Style;
use ratatui::text::Span;

use super::{label, mark, name};
use crate::console::app::App;
use crate::console::mouse::Rows;
use crate::console::screens::home::Pane;
use crate::console::screens::home::table::{Made, View};
use crate::console::text::{self, clean, fit, fit_middle, left, right};
use crate::console::views::put_spans;
use crate::words::comparisons::{groups, shown};

/// No column is wider.
const WIDEST: usize = 28;

/// A column of it.
struct Column {
    head: String,
    /// The lower, the longer it stays where there is little room.
    rank: usize,
    cells: Vec<(String, Style)>,
}

impl Column {
    fn width(&self) -> usize {
        let cells = self.cells.iter().map(|(cell, _)| text::width(cell));
        cells.chain([text::width(&self.head)]).max().unwrap_or(0).min(WIDEST)
    }
}

/// Draws the lines that are seen, below a head of which `title` is the beginning. Returns the keys that have no room.
pub fn draw(buffer: &mut Buffer, app: &App, rows: &Rows, title: &str) -> Vec<&'static str> {
    let (theme, home, has_focus) = (app.theme, &app.home, app.home.pane == Pane::Runs);
    let made = home.made();
    let all = if home.table.view == View::Groups { of_groups(app, &made) } else { of_runs(app, &made) };
    let heads: Vec<(String, usize)> = all.iter().map(|column| (column.head.clone(), column.rank)).collect();
    let (columns, width) = fitting(all, usize::from(rows.area.width).saturating_sub(3), text::width(title));
    let sort = home.table.sort;
    let cell = |text: &str, i: usize| {
        let width = if i == 0 { width } else { columns[i].width() };
        if i == 0 { left(&fit_middle(text, width), width) } else { right(&fit(text, width), width) }
    };
    let mut head = vec![Span::raw("  ")];
    let of_title = if has_focus { theme.strong() } else { theme.faint() };
    head.push(Span::styled(left(title, width) + "  ", of_title));
    head.extend((1..columns.len()).map(|i| {
        let style =
            if sort.is_some_and(|sort| is_by(sort, &columns[i].head)) { theme.selected() } else { theme.faint() };
        Span::styled(cell(&columns[i].head, i) + "  ", style)
    }));
    put_spans(buffer, rows.area, rows.area.y - 1, head);
    for (at, y) in rows.seen() {
        let is_selected = at == home.run_at.at;
        let (marks, style) = mark(app, (is_selected, has_focus), is_marked(app, at));
        let mut spans = marks.to_vec();
        spans.extend((0..columns.len()).map(|i| {
            let (text, own) = &columns[i].cells[at];
            let style = if i == 0 || *own == theme.text() { style } else { *own };
            Span::styled(cell(text, i) + "  ", style)
        }));
        put_spans(buffer, rows.area, y, spans);
    }
    let is_shown = |head: &str| columns.iter().any(|column| column.head == head);
    let hidden = heads.iter().filter(|(head, rank)| *rank == VALUE && !is_shown(head)).map(|(head, _)| head.as_str());
    let hidden: Vec<&str> = hidden.collect();
    made.keys.iter().map(|key| name_of(key, &made)).filter(|name| hidden.contains(name)).collect()
}

/// The rank of values; those of results are lower, since they stay longer.
const VALUE: usize = 3;

fn is_marked(app: &App, line: usize) -> bool {
    match app.home.grouped() {
        Some(groups) => groups.get(line).is_some_and(|rows| rows.iter().all(|row| app.home.marked.contains(&row.dir))),
        None => app.home.shown_runs().get(line).is_some_and(|row| app.home.marked.contains(&row.dir)),
    }
}

fn is_by(sort: Sort, head: &str) -> bool {
    short(sort.key.name) == head
        || sort.key.name == SEEDS[0] && head == "seed"
        || sort.key.name == "accuracy" && matches!(head, "last" | "accuracy")
}

/// A line for each run.
fn of_runs(app: &App, made: &Made) -> Vec<Column> {
    let theme = app.theme;
    let mut columns = vec![
        Column {
            head: String::new(),
            rank: 0,
            cells: made.runs.iter().map(|run| (name(&run.row), theme.text())).collect(),
        },
        Column {
            head: "status".into(),
            rank: 2,
            cells: made.runs.iter().map(|run| (label(&run.row).to_owned(), theme.status(run.row.status))).collect(),
        },
    ];
    let of = |key: &'static Key, rank| Column {
        head: name_of(key, made).to_owned(),
        rank,
        cells: made.runs.iter().map(|run| (clean(&shown(key, run.value(key).as_ref())), theme.text())).collect(),
    };
    let is_picked = !app.home.table.columns.is_empty();
    columns.extend(made.keys.iter().map(|key| of(key, VALUE)));
    if !is_picked {
        let results = [("accuracy", 1), ("median", 5), ("best", 4), ("time", 6)];
        columns.extend(results.map(|(name, rank)| of(keys::find(name).expect("it is known"), rank)));
    }
    columns
}

/// What a column is called; where both seeds are the same, they are one.
fn name_of(key: &'static Key, made: &Made) -> &'static str {
    let is_only_seed = key.name == SEEDS[0] && made.keys.iter().all(|key| key.name != SEEDS[1]);
    if is_only_seed { "seed" } else { short(key.name) }
}

/// A line for each configuration.
fn of_groups(app: &App, made: &Made) -> Vec<Column> {
    let theme = app.theme;
    let table = groups(&made.groups, false);
    let has_names = table.head.first().is_some_and(|head| head == "runs of");
    let n_keys = made.groups.keys.len();
    let columns = table.head.iter().enumerate().map(|(i, head)| Column {
        head: if has_names && i == 0 { String::new() } else { head.clone() },
        rank: match head.as_str() {
            "n" | "last" => 1,
            "median" => 4,
            "best" => 5,
            "best − last" => 7,
            "time" => 6,
            _ if i < n_keys + usize::from(has_names) => VALUE,
            _ => 8,
        },
        cells: table.rows.iter().map(|row| (clean(&row[i]), theme.text())).collect(),
    });
    let mut columns: Vec<Column> = columns.collect();
    if !has_names {
        let label = |at: usize| made.groups.groups[at].first().map_or_else(String::new, |run| run.row.dir.name());
        let cells = (0..table.rows.len()).map(|at| (clean(&label(at)), theme.text())).collect();
        columns.insert(0, Column { head: String::new(), rank: 0, cells });
    }
    columns[0].rank = 0;
    columns
}

/// The columns that have room, those of low ranks first chosen, and how wide the first one is: as wide as it likes to be where
/// the others leave room, else down to what names need to be told apart.
fn fitting(columns: Vec<Column>, width: usize, title: usize) -> (Vec<Column>, usize) {
    const LEAST: usize = 16;
    let wanted = columns[0].cells.iter().map(|(cell, _)| text::width(cell)).max().unwrap_or(0).max(title);
    let mut left = width.saturating_sub(wanted.min(LEAST.max(title)) + 2);
    let mut order: Vec<usize> = (1..columns.len()).collect();
    order.sort_by_key(|&i| (columns[i].rank, i));
    let mut is_chosen = vec![false; columns.len()];
    is_chosen[0] = true;
    for i in order {
        let needed = columns[i].width() + 2;
        if needed <= left {
            left -= needed;
            is_chosen[i] = true;
        }
    }
    let first = wanted.min(wanted.min(LEAST.max(title)) + left);
    (columns.into_iter().zip(is_chosen).filter_map(|(column, is_chosen)| is_chosen.then_some(column)).collect(), first)
}
