//! What test images are taken for: classes with the most mistakes first, and the worst pairs in words.

use fixmatch::event::Evaluation;
use ratatui::buffer::Buffer;
use ratatui::layout::Rect;
use ratatui::style::Style;

use super::super::put;
use super::{message, name};
use crate::commands::format::{grouped, percent};
use crate::console::app::App;
use crate::console::insight::Cells;
use crate::console::mouse::Rows;
use crate::console::run::OpenRun;
use crate::console::text::{fit, left, right};

/// Columns of a class's name, and of a number: at least, and where there is room.
const NAME: usize = 13;
const CELL: usize = 5;
const WIDE_CELL: usize = 9;

/// Pairs that are told in words.
const N_PAIRS: usize = 3;

/// Images of one class that are taken for another one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Pair {
    class: usize,
    taken_for: usize,
    n: u32,
}

/// Draws the matrix.
pub fn draw(buffer: &mut Buffer, app: &App, run: &OpenRun, area: Rect) {
    let Some(evaluated) = run.evaluation().filter(|it| !it.ema.confusion.is_empty()) else {
        return message(buffer, app, "the test set was not evaluated yet", area);
    };
    let (theme, matrix) = (app.theme, &evaluated.ema);
    let what = match run.insight.cells {
        Cells::Images => "test images",
        Cells::Percent => "% of a class's images",
    };
    let accuracy = percent(matrix.accuracy);
    let head = format!("{what} (EMA), {accuracy} right; row: true class, column: taken for");
    put(buffer, 1, area.y, &fit(&head, usize::from(area.width) - 2), theme.faint());
    let order = order(matrix);
    let pairs = worst_pairs(matrix);
    let room = usize::from(area.width).saturating_sub(NAME + 11);
    let width = (room / order.len().max(1)).clamp(CELL, WIDE_CELL);
    let columns = (room / width).min(order.len());
    let x_of = |column: usize| (NAME + 1 + column * width) as u16;
    for (column, &class) in order[..columns].iter().enumerate() {
        let style = theme.faint();
        put(buffer, x_of(column), area.y + 1, &right(&fit(&name(run, class), width - 1), width), style);
    }
    put(buffer, x_of(columns), area.y + 1, " mistakes", theme.faint());
    let rows = rows_of(run, matrix, area);
    for (place, y) in rows.seen() {
        let class = order[place];
        let is_selected = place == run.insight.row.at;
        let (mark, style) = if is_selected { ("▸", theme.selected()) } else { (" ", theme.text()) };
        put(buffer, 0, y, &format!(" {mark}{}", left(&name(run, class), NAME - 2)), style);
        let row = &matrix.confusion[class];
        let total: u32 = row.iter().sum();
        for (column, &other) in order[..columns].iter().enumerate() {
            let text = cell(row[other], total, run.insight.cells);
            put(buffer, x_of(column), y, &right(&text, width), shade(app, class == other, row[other], total));
        }
        put(buffer, x_of(columns), y, &right(&grouped((total - row[class]).into()), 9), theme.text());
    }
    for (pair, y) in pairs.iter().take(N_PAIRS).zip(rows.area.bottom() + 1..area.bottom()) {
        put(buffer, 1, y, &fit(&words(run, matrix, *pair), usize::from(area.width) - 2), theme.text());
    }
}

/// The classes that are in sight.
pub fn rows_in_sight(run: &OpenRun, area: Rect) -> Option<Rows> {
    Some(rows_of(run, &run.evaluation()?.ema, area))
}

fn rows_of(run: &OpenRun, matrix: &Evaluation, area: Rect) -> Rows {
    super::rows(run, area, 2, matrix.confusion.len(), usize::from(area.height).saturating_sub(4 + N_PAIRS))
}

fn cell(n: u32, total: u32, cells: Cells) -> String {
    match (n, cells) {
        (0, _) => "·".into(),
        (n, Cells::Images) => n.to_string(),
        (n, Cells::Percent) => format!("{:.0}", 100.0 * f64::from(n) / f64::from(total.max(1))),
    }
}

/// What is right is good; mistakes stand out the more there are.
fn shade(app: &App, is_right: bool, n: u32, total: u32) -> Style {
    let share = f64::from(n) / f64::from(total.max(1));
    match share {
        _ if is_right => app.theme.good(),
        0.15.. => app.theme.error(),
        0.05.. => app.theme.changed(),
        _ => app.theme.faint(),
    }
}

/// The classes, those with the most mistakes first.
fn order(matrix: &Evaluation) -> Vec<usize> {
    let rows = &matrix.confusion;
    let mut order: Vec<usize> = (0..rows.len()).collect();
    order.sort_by_key(|&class| std::cmp::Reverse(rows[class].iter().sum::<u32>() - rows[class][class]));
    order
}

fn worst_pairs(matrix: &Evaluation) -> Vec<Pair> {
    let rows = matrix.confusion.iter().enumerate();
    let mut pairs: Vec<Pair> = rows
        .flat_map(|(class, row)| row.iter().enumerate().map(move |(taken_for, &n)| Pair { class, taken_for, n }))
        .filter(|pair| pair.class != pair.taken_for && pair.n > 0)
        .collect();
    pairs.sort_by_key(|pair| std::cmp::Reverse(pair.n));
    pairs
}

fn words(run: &OpenRun, matrix: &Evaluation, pair: Pair) -> String {
    let total: u32 = matrix.confusion[pair.class].iter().sum();
    let back = matrix.confusion[pair.taken_for][pair.class];
    format!(
        "{} of {} {} ({}) are taken for {}; the other way round {back}",
        pair.n,
        total,
        name(run, pair.class),
        percent(f64::from(pair.n) / f64::from(total.max(1))),
        name(run, pair.taken_for),
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
        assert_eq!(worst_pairs(&matrix)[0], Pair { class: 1, taken_for: 0, n: 4 });
        assert_eq!(
            [cell(0, 10, Cells::Images), cell(4, 10, Cells::Percent), cell(4, 10, Cells::Images)],
            ["·", "40", "4"]
        );
    }
}
