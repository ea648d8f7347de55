//! The test accuracy of each class over the run.

use fixmatch::run::curves::{Point, Series};
use ratatui::buffer::Buffer;
use ratatui::layout::Rect;

use super::{lines, message, name, put_more};
use crate::console::app::App;
use crate::console::mouse::Rows;
use crate::console::screens::run::OpenRun;
use crate::console::text::{left, right};
use crate::console::views::put;
use crate::words::numbers::{grouped, or_dash, percent};

/// Columns of the list: a name, a value, a curve, the best value and its step.
const LIST: u16 = 74;

/// Draws a row for each class, and where there is room all of them in one chart, the selected one on top.
pub fn draw(buffer: &mut Buffer, app: &App, run: &OpenRun, area: Rect) {
    let Some(last) = run.evaluation() else {
        return message(buffer, app, run.why_not_evaluated(), area);
    };
    let theme = app.theme;
    let n = last.ema.per_class.len();
    put(buffer, 2, area.y, "test accuracy of each class (EMA)", theme.faint());
    let is_wide = area.width >= LIST + 50;
    let rest = area.height.saturating_sub(2 + n as u16);
    let is_tall = !is_wide && rest >= 6;
    let in_sight = rows_in_sight(run, area);
    if let Some(rows) = &in_sight {
        put_more(buffer, app, rows, area.y, LIST.min(area.width) - 1);
    }
    for (class, y) in in_sight.iter().flat_map(Rows::seen) {
        row(buffer, app, run, class, Rect { y, height: 1, width: LIST.min(area.width), ..area });
    }
    let chart = if is_wide {
        Rect { x: area.x + LIST, width: area.width - LIST, y: area.y + 1, height: area.height - 1 }
    } else {
        Rect { y: area.y + 3 + n as u16, height: if is_tall { rest - 1 } else { 0 }, ..area }
    };
    let style = |class: usize| if class == run.pseudo_labels.row.at { theme.curve(0) } else { theme.faint() };
    let mut order: Vec<usize> = (0..n).collect();
    order.sort_by_key(|&class| class != run.pseudo_labels.row.at);
    let curves: Vec<_> = order.into_iter().map(|class| (series(run, class), style(class))).collect();
    lines::draw(buffer, app, run, &curves, chart);
}

/// The classes that are in sight.
pub fn rows_in_sight(run: &OpenRun, area: Rect) -> Option<Rows> {
    let n = run.evaluation()?.ema.per_class.len();
    Some(super::rows(run, area, 2, n, usize::from(area.height - 2)))
}

fn row(buffer: &mut Buffer, app: &App, run: &OpenRun, class: usize, area: Rect) {
    let theme = app.theme;
    let is_selected = class == run.pseudo_labels.row.at;
    let (mark, style) = if is_selected { ("▸", theme.selected()) } else { (" ", theme.text()) };
    let all = run.evaluations();
    let values = || all.iter().map(|it| it.ema.per_class.get(class).copied().flatten());
    let x = put(buffer, 0, area.y, &format!(" {mark}{}", left(&name(run, class), 13)), style);
    let x = put(buffer, x, area.y, &right(&or_dash(values().next_back().flatten(), percent), 8), theme.strong());
    let size = all.len().div_ceil(24).max(1).next_power_of_two();
    let parts: Vec<Option<f64>> = values().collect::<Vec<_>>().chunks(size).map(mean).collect();
    let x = put(buffer, x + 2, area.y, &left(&app.glyphs.sparkline(&parts), 24), theme.curve(0));
    let best = all.iter().filter_map(|it| Some((it.ema.per_class.get(class).copied().flatten()?, it.step)));
    if let Some((best, step)) = best.reduce(|best, next| if next.0 > best.0 { next } else { best }) {
        put(buffer, x + 1, area.y, &format!("best {} at {}", percent(best), grouped(step)), theme.faint());
    }
}

fn mean(values: &[Option<f64>]) -> Option<f64> {
    let numbers: Vec<f64> = values.iter().copied().flatten().collect();
    (!numbers.is_empty()).then(|| numbers.iter().sum::<f64>() / numbers.len() as f64)
}

/// The whole run's: the moment is a line in it.
fn series(run: &OpenRun, class: usize) -> Series<'static> {
    let mut series = Series::default();
    for evaluated in &run.state.evaluations {
        let value = evaluated.ema.per_class.get(class).copied().flatten().unwrap_or(f64::NAN);
        series.push(Point { step: evaluated.step as f64, seconds: 0.0, value });
    }
    series
}
