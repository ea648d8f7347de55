//! What test images are taken for: classes with the most errors first, and the worst pairs in words.

use fixmatch::run::event::Evaluation;
use ratatui::buffer::Buffer;
use ratatui::layout::Rect;
use ratatui::style::Style;

use super::{message, name, put_more};
use crate::console::app::App;
use crate::console::mouse::Rows;
use crate::console::screens::pseudo_labels::Cells;
use crate::console::screens::run::OpenRun;
use crate::console::text::{fit, left, right, width};
use crate::console::views::{put, put_right};
use crate::words::numbers::{grouped, percent};

/// Columns of a class's name with its mark: at least, and where there is room.
const NAME: usize = 13;
const LONG_NAME: usize = 32;

/// Columns of a number: at least, and where there is room.
const CELL: usize = 5;
const WIDE_CELL: usize = 18;

/// Columns of the number of errors.
const ERRORS: usize = 9;

/// Pairs that are told in words: at least, and where there is room.
const N_PAIRS: usize = 3;
const MOST_PAIRS: usize = 12;

/// Rows of the screen from one class to the next, where there is room.
const MOST_PITCH: usize = 3;

/// Images of one class that are taken for another one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Pair {
    class: usize,
    predicted: usize,
    n: u32,
}

/// How the columns share the width.
struct Columns {
    /// Columns of the screen of a class's name.
    name: usize,
    /// Of a number.
    cell: usize,
    /// Classes that have room beside each other.
    n: usize,
}

impl Columns {
    fn of(run: &OpenRun, n_classes: usize, area: Rect) -> Self {
        let longest = (0..n_classes).map(|class| width(&name(run, class))).max().unwrap_or(0);
        let room = usize::from(area.width).saturating_sub(ERRORS + 2);
        // names may take what the numbers do not need
        let spare = room.saturating_sub(n_classes * (longest + 2).clamp(CELL, WIDE_CELL));
        let name = (longest + 3).clamp(NAME, LONG_NAME).min(spare.max(NAME));
        let room = room.saturating_sub(name);
        let cell = (room / n_classes.max(1)).clamp(CELL, (longest + 2).clamp(CELL, WIDE_CELL));
        Self { name, cell, n: (room / cell).clamp(1, n_classes.max(1)) }
    }
}

/// Tells the state how many columns have room.
pub fn arrange(run: &mut OpenRun, area: Rect) {
    let n = run.evaluation().map_or(0, |it| it.ema.confusion.len());
    let n_shown = Columns::of(run, n, area).n;
    run.pseudo_labels.n_columns = n_shown;
    run.pseudo_labels.column = run.pseudo_labels.column.min(n.saturating_sub(n_shown));
}

/// Draws the matrix.
pub fn draw(buffer: &mut Buffer, app: &App, run: &OpenRun, area: Rect) {
    let Some(evaluated) = run.evaluation().filter(|it| !it.ema.confusion.is_empty()) else {
        return message(buffer, app, run.why_not_evaluated(), area);
    };
    let (theme, matrix) = (app.theme, &evaluated.ema);
    let what = match run.pseudo_labels.cells {
        Cells::Images => "test images",
        Cells::Percent => "% of a class's images",
    };
    let accuracy = percent(matrix.accuracy);
    let head = format!("{what} (EMA, accuracy {accuracy}); row: true class, column: predicted");
    put(buffer, 1, area.y, &fit(&head, usize::from(area.width) - 2), theme.faint());
    let (order, columns) = (order(matrix), Columns::of(run, matrix.confusion.len(), area));
    let rows = rows_of(run, matrix, area);
    put_more(buffer, app, &rows, area.y, area.right() - 1);
    let first = run.pseudo_labels.column;
    let shown = &order[first..order.len().min(first + columns.n)];
    let x_of = |column: usize| (columns.name + 1 + column * columns.cell) as u16;
    for (column, &class) in shown.iter().enumerate() {
        let text = right(&fit(&name(run, class), columns.cell - 1), columns.cell);
        put(buffer, x_of(column), area.y + 1, &text, theme.faint());
    }
    let end = x_of(shown.len());
    put_right(buffer, end + ERRORS as u16, area.y + 1, "errors", theme.faint());
    if let Some(aside) = aside(first, shown.len(), order.len()) {
        put(buffer, 1, area.y + 1, &left(&aside, columns.name), theme.accent());
    }
    for (place, y) in rows.seen() {
        let class = order[place];
        let is_selected = place == run.pseudo_labels.row.at;
        let (mark, style) = if is_selected { ("▸", theme.selected()) } else { (" ", theme.text()) };
        put(buffer, 0, y, &format!(" {mark}{}", left(&name(run, class), columns.name - 2)), style);
        let row = &matrix.confusion[class];
        let total: u32 = row.iter().sum();
        for (column, &other) in shown.iter().enumerate() {
            let text = cell(row[other], total, run.pseudo_labels.cells);
            put(buffer, x_of(column), y, &right(&text, columns.cell), shade(app, class == other, row[other], total));
        }
        put(buffer, end, y, &right(&grouped((total - row[class]).into()), ERRORS), theme.text());
    }
    let below = rows.area.bottom() + 1..area.bottom();
    let selected = order.get(run.pseudo_labels.row.at).and_then(|&class| of_class(run, matrix, class));
    let pairs = worst_pairs(matrix).into_iter().map(|pair| words(run, matrix, pair));
    for (words, y) in selected.into_iter().chain(pairs).zip(below).take(MOST_PAIRS + 1) {
        put(buffer, 1, y, &fit(&words, usize::from(area.width) - 2), theme.text());
    }
}

/// That there are more columns than are in sight, and which way.
fn aside(first: usize, n_shown: usize, n: usize) -> Option<String> {
    let after = n.saturating_sub(first + n_shown);
    match (first, after) {
        (0, 0) => None,
        (before, 0) => Some(format!("← {before} more")),
        (_, after) => Some(format!("→ {after} more")),
    }
}

/// The classes that are in sight.
pub fn rows_in_sight(run: &OpenRun, area: Rect) -> Option<Rows> {
    Some(rows_of(run, &run.evaluation()?.ema, area))
}

fn rows_of(run: &OpenRun, matrix: &Evaluation, area: Rect) -> Rows {
    let (n, room) = (matrix.confusion.len(), usize::from(area.height).saturating_sub(5 + N_PAIRS));
    let pitch = (room / n.max(1)).clamp(1, MOST_PITCH);
    let rows = super::rows(run, area, 2, pitch * n, room);
    Rows { pitch: pitch as u16, n, ..rows }
}

fn cell(n: u32, total: u32, cells: Cells) -> String {
    match (n, cells) {
        (0, _) => "·".into(),
        (n, Cells::Images) => n.to_string(),
        (n, Cells::Percent) => format!("{:.0}", 100.0 * f64::from(n) / f64::from(total.max(1))),
    }
}

/// What is right is good; errors stand out the more there are.
fn shade(app: &App, is_right: bool, n: u32, total: u32) -> Style {
    let share = f64::from(n) / f64::from(total.max(1));
    match share {
        _ if is_right => app.theme.good(),
        0.15.. => app.theme.error(),
        0.05.. => app.theme.changed(),
        _ => app.theme.faint(),
    }
}

/// The classes, those with the most errors first.
fn order(matrix: &Evaluation) -> Vec<usize> {
    let rows = &matrix.confusion;
    let mut order: Vec<usize> = (0..rows.len()).collect();
    order.sort_by_key(|&class| std::cmp::Reverse(rows[class].iter().sum::<u32>() - rows[class][class]));
    order
}

/// What is confused most, the worst first.
fn worst_pairs(matrix: &Evaluation) -> Vec<Pair> {
    let rows = matrix.confusion.iter().enumerate();
    let mut pairs: Vec<Pair> = rows
        .flat_map(|(class, row)| row.iter().enumerate().map(move |(predicted, &n)| Pair { class, predicted, n }))
        .filter(|pair| pair.class != pair.predicted && pair.n > 0)
        .collect();
    pairs.sort_by_key(|pair| std::cmp::Reverse(pair.n));
    pairs
}

/// What the images of one class are taken for, most often first.
fn of_class(run: &OpenRun, matrix: &Evaluation, class: usize) -> Option<String> {
    let row = matrix.confusion.get(class)?;
    let total: u32 = row.iter().sum();
    let mut others: Vec<(u32, usize)> = row.iter().copied().zip(0..).filter(|(n, _)| *n > 0).collect();
    others.sort_by_key(|(n, _)| std::cmp::Reverse(*n));
    let part = |(n, other): (u32, usize)| format!("{} {}", name(run, other), grouped(n.into()));
    let parts: Vec<String> = others.into_iter().take(6).map(part).collect();
    (total > 0)
        .then(|| format!("{}, {} images, predicted as {}", name(run, class), grouped(total.into()), parts.join(", ")))
}

fn words(run: &OpenRun, matrix: &Evaluation, pair: Pair) -> String {
    let total: u32 = matrix.confusion[pair.class].iter().sum();
    let back = matrix.confusion[pair.predicted][pair.class];
    format!(
        "{} predicted as {}: {} of {} ({}); the other way round: {}",
        name(run, pair.class),
        name(run, pair.predicted),
        grouped(pair.n.into()),
        grouped(total.into()),
        percent(f64::from(pair.n) / f64::from(total.max(1))),
        grouped(back.into()),
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_worst_comes_first() {
        let confusion = vec![vec![9, 1, 0], vec![4, 5, 1], vec![0, 0, 10]];
        let matrix = Evaluation { confusion, ..Evaluation::default() };
        assert_eq!(order(&matrix), [1, 0, 2]);
        assert_eq!(worst_pairs(&matrix)[0], Pair { class: 1, predicted: 0, n: 4 });
        assert_eq!(
            [cell(0, 10, Cells::Images), cell(4, 10, Cells::Percent), cell(4, 10, Cells::Images)],
            ["·", "40", "4"]
        );
    }
}
