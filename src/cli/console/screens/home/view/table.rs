//! The runs as a table of experiments: by the values in which they differ, or a line for all seeds of a configuration.

use fixmatch::compare::keys::{Key, SEEDS, short};
use fixmatch::compare::sort::Sort;
use fixmatch::run::survey::Row;
use ratatui::buffer::Buffer;
use ratatui::text::Span;

use super::line::{label, mark, name};
use crate::console::app::App;
use crate::console::mouse::Rows;
use crate::console::screens::home::Pane;
use crate::console::screens::home::table::{Made, RESULTS, View};
use crate::console::text::{self, clean, fit, fit_middle, left, right};
use crate::console::views::columns::{Column, fitting};
use crate::console::views::put_spans;

/// No column is wider.
const WIDEST: usize = 28;

/// Draws the lines that are seen, below a head of which `title` is the beginning. Returns the keys that have no room.
pub fn draw(buffer: &mut Buffer, app: &App, rows: &Rows, title: &str) -> Vec<&'static str> {
    let (theme, home, has_focus) = (app.theme, &app.home, app.home.pane == Pane::Runs);
    let made = home.made();
    let all = if home.table.view == View::Groups { of_groups(app, &made) } else { of_runs(app, &made) };
    let heads: Vec<(String, usize)> = all.iter().map(|column| (column.title.clone(), column.rank)).collect();
    let (columns, width) = with_names(all, usize::from(rows.area.width).saturating_sub(3), text::width(title));
    let (sort, marked) = (home.table.sort, marked(app));
    let widths: Vec<usize> = columns.iter().map(Column::width).collect();
    let cell = |text: &str, i: usize| {
        let width = if i == 0 { width } else { widths[i] };
        if i == 0 { left(&fit_middle(text, width), width) } else { right(&fit(text, width), width) }
    };
    let mut head = vec![Span::raw("  ")];
    let of_title = if has_focus { theme.strong() } else { theme.faint() };
    head.push(Span::styled(left(title, width) + "  ", of_title));
    head.extend((1..columns.len()).map(|i| {
        let style =
            if sort.is_some_and(|sort| is_by(sort, &columns[i].title)) { theme.selected() } else { theme.faint() };
        Span::styled(cell(&columns[i].title, i) + "  ", style)
    }));
    put_spans(buffer, rows.area, rows.area.y - 1, head);
    for (at, y) in rows.seen() {
        let is_selected = at == home.run_at.at;
        let (marks, style) = mark(app, (is_selected, has_focus), marked.get(at).copied().unwrap_or(false));
        let mut spans = marks.to_vec();
        spans.extend((0..columns.len()).map(|i| {
            let (text, own) = &columns[i].cells[at];
            let style = if i == 0 || *own == theme.text() { style } else { *own };
            Span::styled(cell(text, i) + "  ", style)
        }));
        put_spans(buffer, rows.area, y, spans);
    }
    let is_shown = |head: &str| columns.iter().any(|column| column.title == head);
    let hidden = heads.iter().filter(|(head, rank)| *rank == VALUE && !is_shown(head)).map(|(head, _)| head.as_str());
    let hidden: Vec<&str> = hidden.collect();
    made.keys.iter().map(|key| name_of(key, &made)).filter(|name| hidden.contains(name)).collect()
}

/// The rank of values; those of results are lower, since they stay longer.
const VALUE: usize = 3;

/// Which lines are marked: of a group, all runs.
fn marked(app: &App) -> Vec<bool> {
    let is_marked = |row: &&Row| app.home.marked.contains(&row.dir);
    match app.home.grouped() {
        Some(groups) => groups.iter().map(|rows| rows.iter().all(is_marked)).collect(),
        None => app.home.shown_runs().iter().map(is_marked).collect(),
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
            title: String::new(),
            rank: 0,
            is_left: true,
            cells: made.runs.iter().map(|run| (name(&run.row), theme.text())).collect(),
        },
        Column {
            title: "status".into(),
            rank: 2,
            is_left: false,
            cells: made.runs.iter().map(|run| (label(&run.row).to_owned(), theme.status(run.row.status))).collect(),
        },
    ];
    let results = RESULTS.iter().zip([1, 5, 4, 6]).map(|(name, rank)| ((*name).to_owned(), rank));
    let heads = made.keys.iter().map(|key| (name_of(key, made).to_owned(), VALUE)).chain(results);
    let column = |((title, rank), cells): ((String, usize), &Vec<String>)| Column {
        title,
        rank,
        is_left: false,
        cells: cells.iter().map(|cell| (fit(cell, WIDEST), theme.text())).collect(),
    };
    columns.extend(heads.zip(&made.values).map(column));
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
    let table = &made.table;
    let has_names = table.head.first().is_some_and(|head| head == "runs of");
    let n_keys = made.groups.keys.len();
    let of_width = |i: usize, cell: String| if has_names && i == 0 { cell } else { fit(&cell, WIDEST) };
    let columns = table.head.iter().enumerate().map(|(i, head)| Column {
        title: if has_names && i == 0 { String::new() } else { head.clone() },
        rank: match head.as_str() {
            "n" | "last" => 1,
            "median" => 4,
            "best" => 5,
            "best − last" => 7,
            "time" => 6,
            _ if i < n_keys + usize::from(has_names) => VALUE,
            _ => 8,
        },
        is_left: false,
        cells: table.rows.iter().map(|row| (of_width(i, clean(&row[i])), theme.text())).collect(),
    });
    let mut columns: Vec<Column> = columns.collect();
    if !has_names {
        let label = |at: usize| made.groups.groups[at].first().map_or_else(String::new, |run| run.row.dir.name());
        let cells = (0..table.rows.len()).map(|at| (clean(&label(at)), theme.text())).collect();
        columns.insert(0, Column { title: String::new(), rank: 0, is_left: true, cells });
    }
    columns[0].rank = 0;
    columns
}

/// The names with the other columns that have room, and how wide the names are: as wide as they like to be where the others
/// leave room, else down to what they need to be told apart.
fn with_names(mut columns: Vec<Column>, width: usize, title: usize) -> (Vec<Column>, usize) {
    const LEAST: usize = 16;
    let others = columns.split_off(1);
    let wanted = columns[0].width().max(title);
    let least = wanted.min(LEAST.max(title));
    let room = width.saturating_sub(least + 2);
    columns.extend(fitting(others, room));
    let taken: usize = columns[1..].iter().map(|column| column.width() + 2).sum();
    (columns, wanted.min(least + room - taken))
}
