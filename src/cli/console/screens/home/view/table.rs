//! The runs as a table of experiments: by the values in which they differ, or a line for all seeds of a configuration.

use fixmatch::compare::experiment::Experiment;
use fixmatch::compare::keys::{Key, SEEDS, short};
use fixmatch::compare::sort::Sort;
use fixmatch::run::survey::Row;
use ratatui::buffer::Buffer;
use ratatui::text::Span;

use super::line::{label, mark, name};
use crate::console::app::App;
use crate::console::mouse::Rows;
use crate::console::screens::home::Pane;
use crate::console::screens::home::table::{Grouped, Made};
use crate::console::text::{self, clean, fit, fit_middle, left, right};
use crate::console::views::columns::{Column, fitting};
use crate::console::views::put_spans;
use crate::words::comparisons::shown;

/// No column is wider.
const WIDEST: usize = 28;

/// Draws the lines that are seen, below a head of which `title` is the beginning. Returns the keys that have no room.
pub fn draw(buffer: &mut Buffer, app: &App, rows: &Rows, title: &str) -> Vec<&'static str> {
    let (theme, home, has_focus) = (app.theme, &app.home, app.home.pane == Pane::Runs);
    let made = home.made();
    let all = made.columns.get_or_init(|| made.grouped.as_ref().map_or_else(|| of_runs(&made), of_groups));
    let (columns, width) = with_names(all, usize::from(rows.area.width).saturating_sub(3), text::width(title));
    let (sort, marked) = (home.table.sort, marked(app));
    let cell = |text: &str, i: usize| {
        let width = if i == 0 { width } else { columns[i].width };
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
        let (marks, of_line) = mark(app, (is_selected, has_focus), marked.get(at).copied().unwrap_or(false));
        let mut spans = marks.to_vec();
        spans.extend(columns.iter().enumerate().map(|(i, column)| {
            let is_status = made.grouped.is_none() && column.title == STATUS;
            let own = is_status.then(|| theme.status(made.runs[at].row.status)).filter(|style| *style != theme.text());
            Span::styled(cell(&column.cells[at], i) + "  ", own.unwrap_or(of_line))
        }));
        put_spans(buffer, rows.area, y, spans);
    }
    let is_shown = |name: &str| columns.iter().any(|column| column.title == name);
    let names = made.keys.iter().map(|key| name_of(key, &made));
    names.filter(|name| all.iter().any(|it| it.title == **name && it.rank == VALUE) && !is_shown(name)).collect()
}

/// What stands above how runs stand.
const STATUS: &str = "status";

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
fn of_runs(made: &Made) -> Vec<Column> {
    let of_each = |of: &dyn Fn(&Experiment) -> String| made.runs.iter().map(of).collect();
    let mut columns = vec![
        Column::new("", 0, of_each(&|run| name(&run.row))),
        Column::new(STATUS, 2, of_each(&|run| label(&run.row).to_owned())),
    ];
    let results = made.results.iter().zip([1, 5, 4, 6]).map(|(key, rank)| (*key, key.name, rank));
    let values = made.keys.iter().map(|key| (*key, name_of(key, made), VALUE));
    columns.extend(values.chain(results).map(|(key, title, rank)| {
        Column::new(title, rank, of_each(&|run| fit(&clean(&shown(key, run.value(key).as_ref())), WIDEST)))
    }));
    columns
}

/// What a column is called; where both seeds are the same, they are one.
fn name_of(key: &'static Key, made: &Made) -> &'static str {
    let is_only_seed = key.name == SEEDS[0] && made.keys.iter().all(|key| key.name != SEEDS[1]);
    if is_only_seed { "seed" } else { short(key.name) }
}

/// A line for each configuration.
fn of_groups(Grouped { groups, table, .. }: &Grouped) -> Vec<Column> {
    let has_names = table.head.first().is_some_and(|head| head == "runs of");
    let n_keys = groups.keys.len();
    let of_width = |i: usize, cell: String| if has_names && i == 0 { cell } else { fit(&cell, WIDEST) };
    let columns = table.head.iter().enumerate().map(|(i, head)| {
        let title = if has_names && i == 0 { "" } else { head.as_str() };
        let rank = match head.as_str() {
            "n" | "last" => 1,
            "median" => 4,
            "best" => 5,
            "best − last" => 7,
            "time" => 6,
            _ if i < n_keys + usize::from(has_names) => VALUE,
            _ => 8,
        };
        Column::new(title, rank, table.rows.iter().map(|row| of_width(i, clean(&row[i]))).collect())
    });
    let mut columns: Vec<Column> = columns.collect();
    if !has_names {
        let label = |at: usize| groups.groups[at].first().map_or_else(String::new, |run| run.row.dir.name());
        columns.insert(0, Column::new("", 0, (0..table.rows.len()).map(|at| clean(&label(at))).collect()));
    }
    columns[0].rank = 0;
    columns
}

/// The names with the other columns that have room, and how wide the names are: as wide as they like to be where the others
/// leave room, else down to what they need to be told apart.
fn with_names(columns: &[Column], width: usize, title: usize) -> (Vec<&Column>, usize) {
    const LEAST: usize = 16;
    let (names, others) = columns.split_first().expect("the names");
    let wanted = names.width.max(title);
    let least = wanted.min(LEAST.max(title));
    let room = width.saturating_sub(least + 2);
    let others = fitting(others, room);
    let taken: usize = others.iter().map(|column| column.width + 2).sum();
    (std::iter::once(names).chain(others).collect(), wanted.min(least + room - taken))
}
