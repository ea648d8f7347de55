//! Curves of shares over steps, smaller than the charts of a run.

use fixmatch::series::{Axis, Series};
use ratatui::buffer::Buffer;
use ratatui::layout::Rect;
use ratatui::style::Style;

use super::super::{put, put_right};
use crate::commands::format::short;
use crate::console::app::App;
use crate::console::plot::{Vertical, bars};
use crate::console::raster::{Raster, density};
use crate::console::run::OpenRun;

/// Room for the numbers of the vertical axis.
const LABELS: u16 = 6;

/// Draws curves from 0 to 100 %, the first one on top, with the charts' stretch of steps and the moment as a line.
pub fn draw(buffer: &mut Buffer, app: &App, run: &OpenRun, curves: &[(Series, Style)], area: Rect) {
    if area.height < 4 || area.width < LABELS + 8 {
        return;
    }
    let inner = Rect { x: area.x + LABELS, width: area.width - LABELS - 1, height: area.height - 1, ..area };
    let last =
        curves.iter().filter_map(|(series, _)| series.points().last()).map(|point| point.step).fold(1.0, f64::max);
    let to = run.steps().map_or(last, |steps| (steps as f64).min(last.log2().ceil().exp2().max(64.0)).max(last));
    let axis = Vertical { low: 0.0, high: 1.0, step: 0.5, is_log: false };
    for (value, share) in axis.lines() {
        let row = ((1.0 - share) * f64::from(inner.height - 1)).round() as u16;
        put_right(buffer, inner.x - 1, inner.y + row, &format!("{:.0} %", 100.0 * value), app.theme.faint());
    }
    put(buffer, inner.x, inner.bottom(), "0", app.theme.faint());
    put_right(buffer, inner.right(), inner.bottom(), &format!("{} steps", short(to)), app.theme.faint());
    if let Some(moment) = run.moment {
        let column = (moment as f64 / to * f64::from(inner.width)) as u16;
        for y in inner.top()..inner.bottom() {
            put(buffer, (inner.x + column).min(inner.right() - 1), y, "│", app.theme.accent());
        }
    }
    let (across, down) = density(app.glyphs);
    let (columns, rows) = (usize::from(inner.width) * across, usize::from(inner.height) * down);
    let mut raster = Raster::new(app.glyphs, inner);
    for (series, style) in curves.iter().rev() {
        for (x, bar) in bars(&series.buckets(Axis::Step, 0.0, to, columns), &axis, rows).iter().enumerate() {
            for y in bar.map_or(0..0, |bar| bar.top..bar.bottom + 1) {
                raster.paint(x, y, *style);
            }
        }
    }
    raster.draw(buffer);
}
