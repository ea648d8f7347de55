//! CTAugment's rates: operations × bins, and how much of each range is drawn, over the run.

use fixmatch::augment::ctaugment::{Rates, rows};
use fixmatch::config::{CtAugment, Table};
use ratatui::buffer::Buffer;
use ratatui::layout::Rect;
use ratatui::style::Style;

use super::{message, put_more};
use crate::console::app::App;
use crate::console::glyphs::Glyphs;
use crate::console::mouse::Rows;
use crate::console::screens::run::OpenRun;
use crate::console::text::{fit, left, right};
use crate::console::views::put;

/// A learned parameter: the row of its operation in the table, and which of its parameters it is.
type Place = (usize, usize);

fn settings(run: &OpenRun) -> Option<(Table, CtAugment)> {
    let Some(Ok(file)) = &run.file else { return None };
    run.state
        .evaluations
        .iter()
        .any(|it| it.rates.is_some())
        .then_some((file.config.augment.table, file.config.augment.ctaugment))
}

fn places(table: Table) -> Vec<Place> {
    rows(table).iter().enumerate().flat_map(|(row, it)| (0..it.parameters.len()).map(move |n| (row, n))).collect()
}

/// The rates of an evaluation.
fn rates_of(table: Table, thousandths: &[u16]) -> Option<Rates> {
    Rates::from_values(table, thousandths.iter().map(|&rate| f32::from(rate) / 1000.0).collect()).ok()
}

/// The parameters that are in sight.
pub fn rows_in_sight(run: &OpenRun, area: Rect) -> Option<Rows> {
    Some(super::rows(run, area, 2, places(settings(run)?.0).len(), usize::from(area.height - 2)))
}

/// Draws the heat map.
pub fn draw(buffer: &mut Buffer, app: &App, run: &OpenRun, area: Rect) {
    let Some((table, settings)) = settings(run) else {
        let text = "this run has no rates of CTAugment: its augment.strong is not \"ctaugment\"";
        return message(buffer, app, text, area);
    };
    let over_time: Vec<Rates> = run.evaluations().iter().filter_map(|it| rates_of(table, it.rates.as_ref()?)).collect();
    let Some(now) = over_time.last() else {
        return message(buffer, app, "no rates were learned by this step", area);
    };
    let theme = app.theme;
    let head = format!("learned rate of each strength; ×: not drawn, below {} of the highest rate", settings.threshold);
    put(buffer, 1, area.y, &fit(&head, usize::from(area.width) - 2), theme.faint());
    put(buffer, 18, area.y + 1, "weak to strong", theme.faint());
    put(buffer, 37, area.y + 1, "drawn  over the run", theme.faint());
    let (places, in_sight) = (places(table), rows_in_sight(run, area));
    if let Some(rows) = &in_sight {
        put_more(buffer, app, rows, area.y + 1, area.right() - 1);
    }
    for (i, y) in in_sight.iter().flat_map(Rows::seen) {
        let (row, parameter) = places[i];
        let it = &rows(table)[row];
        let is_selected = i == run.pseudo_labels.row.at;
        let (mark, style) = if is_selected { ("▸", theme.selected()) } else { (" ", theme.text()) };
        let text = format!("{} {}", it.kind.name(), it.parameters[parameter].symbol);
        put(buffer, 0, y, &format!(" {mark}{}", left(&text, 15)), style);
        for (bin, &rate) in now.of(row, parameter).iter().enumerate() {
            let is_drawn = now.is_drawn(row, parameter, bin, settings);
            let (glyph, style) = heat(app, rate, is_drawn);
            put(buffer, 18 + bin as u16, y, &glyph.to_string(), style);
        }
        let strength = |rates: &Rates| rates.share_drawn(row, parameter, settings);
        let x = put(buffer, 36, y, &right(&format!("{:.0} %", 100.0 * strength(now)), 6), theme.strong());
        let size = over_time.len().div_ceil(24).max(1).next_power_of_two();
        let curve: Vec<Option<f64>> = over_time.chunks(size).map(|part| part.last().map(strength)).collect();
        put(buffer, x + 2, y, &shares(app.glyphs, &curve), theme.curve(0));
    }
}

/// Small columns from 0 to 1, whatever the values are.
pub(super) fn shares(glyphs: Glyphs, values: &[Option<f64>]) -> String {
    let with_ends: Vec<Option<f64>> = [Some(0.0), Some(1.0)].into_iter().chain(values.iter().copied()).collect();
    glyphs.sparkline(&with_ends).chars().skip(2).collect()
}

fn heat(app: &App, rate: f32, is_drawn: bool) -> (char, Style) {
    if !is_drawn {
        return ('×', app.theme.error());
    }
    let ramp: &[char] = match app.glyphs {
        Glyphs::Ascii => &['.', ':', '-', '=', '+', '*', '#', '@'],
        Glyphs::Block | Glyphs::Braille => &['▁', '▂', '▃', '▄', '▅', '▆', '▇', '█'],
    };
    (ramp[((rate * ramp.len() as f32) as usize).min(ramp.len() - 1)], app.theme.good())
}
