//! What a run's pseudo-labels did, in tabs: classes by confidence, the images that are followed, confusion, the accuracy
//! of each class, CTAugment's rates.
//!
//! ```text
//! pseudo-labels  images  confusion  classes  CTAugment                  steps 476 to 500
//! τ 0.95 in force    mask ratio  62.1 %   right  91.3 %
//! τ 0.9  what if     mask ratio  71.0 %   right  88.0 %   a applies it
//!
//! … the tab …
//! ```

use ratatui::buffer::Buffer;
use ratatui::layout::Rect;
use ratatui::text::Span;

use super::{put, put_right, put_spans};
use crate::commands::format::grouped;
use crate::console::app::App;
use crate::console::insight::Tab;
use crate::console::run::OpenRun;
use crate::console::text::wrap;

mod classes;
mod confusion;
mod images;
mod lines;
mod rates;
mod strip;

pub use images::{n_columns, now_says};

/// How many rows the cursor of the tab can be on.
pub fn n_rows(app: &App) -> usize {
    let Some(run) = &app.run else { return 0 };
    match run.insight.tab {
        Tab::Strip => run.insight.histogram(run.moment).map_or(0, fixmatch::insight::Histogram::n_classes),
        Tab::Images => 0,
        Tab::Confusion | Tab::Classes => run.evaluation().map_or(0, |it| it.ema.per_class.len()),
        Tab::Rates => rates::n_rows(run),
    }
}

/// Draws the tab.
pub fn draw(buffer: &mut Buffer, app: &App, area: Rect) {
    let Some(run) = &app.run else { return };
    tabs(buffer, app, run, area);
    let body = Rect { y: area.y + 1, height: area.height - 1, ..area };
    match run.insight.tab {
        Tab::Strip => strip::draw(buffer, app, run, body),
        Tab::Images => images::draw(buffer, app, run, body),
        Tab::Confusion => confusion::draw(buffer, app, run, body),
        Tab::Classes => classes::draw(buffer, app, run, body),
        Tab::Rates => rates::draw(buffer, app, run, body),
    }
}

fn tabs(buffer: &mut Buffer, app: &App, run: &OpenRun, area: Rect) {
    let theme = app.theme;
    let mark = |tab: Tab| {
        let style = if tab == run.insight.tab { theme.selected() } else { theme.faint() };
        let mark = if tab == run.insight.tab { "▸" } else { " " };
        Span::styled(format!("{mark}{} ", tab.label()), style)
    };
    put_spans(buffer, area, area.y, Tab::ALL.map(mark).to_vec());
    put_right(buffer, area.right() - 1, area.y, &when(run), theme.faint());
}

/// Which steps the tab is about.
fn when(run: &OpenRun) -> String {
    let at = |step: u64| format!("at step {}", grouped(step));
    match run.insight.tab {
        Tab::Strip => run.insight.histogram(run.moment).map_or_else(String::new, |it| {
            format!("steps {} to {}", grouped(it.step - it.n_steps.min(it.step) + 1), grouped(it.step))
        }),
        Tab::Images => run.insight.panel(run.moment).map_or_else(String::new, |it| at(it.step)),
        Tab::Confusion | Tab::Classes | Tab::Rates => run.evaluation().map_or_else(String::new, |it| at(it.step)),
    }
}

/// The name of a class.
fn name(run: &OpenRun, class: usize) -> String {
    let names = run.state.started.as_ref().map_or(&[][..], |started| &started.classes);
    names.get(class).cloned().unwrap_or_else(|| format!("class {class}"))
}

/// Says why there is nothing to see.
fn message(buffer: &mut Buffer, app: &App, text: &str, area: Rect) {
    let width = usize::from(area.width).saturating_sub(4);
    for (line, y) in wrap(text, width).iter().zip(area.y + 1..area.bottom()) {
        put(buffer, 2, y, line, app.theme.faint());
    }
}

/// The first row to show so that the one under the cursor is seen.
fn first_row(at: usize, n: usize, height: usize) -> usize {
    at.saturating_sub(height.saturating_sub(1)).min(n.saturating_sub(height))
}
