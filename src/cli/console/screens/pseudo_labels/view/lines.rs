//! Curves of shares over steps, smaller than the charts of a run.

use fixmatch::run::curves::{Axis, Series};
use ratatui::buffer::Buffer;
use ratatui::layout::Rect;
use ratatui::style::Style;

use crate::console::app::App;
use crate::console::axis::end_of_steps;
use crate::console::screens::run::OpenRun;
use crate::console::views::chart;
use crate::words::numbers::Unit;

/// Draws curves, the first one on top, over the whole run, with the moment that is shown as a line.
pub fn draw(buffer: &mut Buffer, app: &App, run: &OpenRun, curves: &[(Series, Style)], area: Rect) {
    // the row above them is not a chart's title, but belongs to the caller
    let Some(inner) = chart::inner(Rect { y: area.y.saturating_sub(1), height: area.height + 1, ..area }) else {
        return;
    };
    let last = curves.iter().filter_map(|(series, _)| series.newest()).map(|it| it.step).fold(0.0, f64::max);
    let has_ended = !run.status().is_alive() && last > 0.0;
    let end = if has_ended { last } else { end_of_steps(last, run.steps().map(|steps| steps as f64)) };
    chart::small(buffer, app, (Axis::Step, end, run.moment.map(|it| it as f64)), Unit::Percent, curves, inner);
}
