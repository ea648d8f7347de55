//! What a run's pseudo-labels did, in tabs: classes by confidence, what each policy makes of them, the images that are
//! followed, confusion, the accuracy of each class, CTAugment's rates.
//!
//! ```text
//! strip  policies  images  confusion  classes  CTAugment                steps 476 to 500
//! τ 0.95 in force    mask ratio  62.1 %   accuracy  91.3 %
//! τ 0.9  what if     mask ratio  71.0 %   accuracy  88.0 %   a applies it
//!
//! … the tab …
//! ```

use ratatui::buffer::Buffer;
use ratatui::layout::{Position, Rect};
use ratatui::text::Span;

use crate::console::app::App;
use crate::console::mouse::{Rows, Spot};
use crate::console::screens::pseudo_labels::tab::Tab;
use crate::console::screens::run::OpenRun;
use crate::console::text::{self, wrap};
use crate::console::views::{put, put_right, put_spans};
use crate::words::numbers::grouped;

mod classes;
mod confusion;
mod images;
mod lines;
mod policies;
mod rates;
mod strip;

pub use images::now_says;

impl OpenRun {
    /// Tells the state what fits on the screen, and scrolls to what is under the cursor.
    pub fn arrange_pseudo_labels(&mut self, area: Rect) {
        let body = below_tabs(area);
        if self.pseudo_labels.tab == Tab::Images {
            let n = self.pseudo_labels.shown(self.moment).len();
            let (columns, lines) = images::grid(body, n);
            self.pseudo_labels.columns = columns;
            self.pseudo_labels.image.step(0, n); // another moment has others in the cell
            self.pseudo_labels.image.keep_in_sight(columns, lines, n);
        } else {
            let (n, height) = rows_in_sight(self, body).map_or((0, 0), |rows| (rows.n, rows.height()));
            self.pseudo_labels.n_rows = n;
            if self.pseudo_labels.tab == Tab::Confusion {
                confusion::arrange(self, body);
            }
            self.pseudo_labels.row.keep_in_sight(1, height, n);
        }
    }

    /// Draws the tab.
    pub fn draw_pseudo_labels(&self, buffer: &mut Buffer, app: &App, area: Rect) {
        tabs(buffer, app, self, area);
        let body = below_tabs(area);
        match self.pseudo_labels.tab {
            Tab::Strip => strip::draw(buffer, app, self, body),
            Tab::Policies => policies::draw(buffer, app, self, body),
            Tab::Images => images::draw(buffer, app, self, body),
            Tab::Confusion => confusion::draw(buffer, app, self, body),
            Tab::Classes => classes::draw(buffer, app, self, body),
            Tab::Rates => rates::draw(buffer, app, self, body),
        }
    }

    /// What a mouse points at: a tab, a cell of the strip, a row, an image.
    pub fn pseudo_label_spot(&self, app: &App, area: Rect, position: Position) -> Option<Spot> {
        if position.y == area.y {
            return tab_at(position.x.checked_sub(area.x)?).map(Spot::Tab);
        }
        let body = below_tabs(area);
        match self.pseudo_labels.tab {
            Tab::Strip => strip::spot(app, self, body, position),
            Tab::Images => images::spot(self, body, position),
            Tab::Policies | Tab::Confusion | Tab::Classes | Tab::Rates => {
                rows_in_sight(self, body)?.at(position).map(Spot::Row)
            }
        }
    }
}

/// The rows of the tab that are in sight, unless it shows images or nothing.
fn rows_in_sight(run: &OpenRun, body: Rect) -> Option<Rows> {
    match run.pseudo_labels.tab {
        Tab::Strip => strip::rows_in_sight(run, body),
        Tab::Policies => policies::rows_in_sight(run, body),
        Tab::Images => None,
        Tab::Confusion => confusion::rows_in_sight(run, body),
        Tab::Classes => classes::rows_in_sight(run, body),
        Tab::Rates => rates::rows_in_sight(run, body),
    }
}

fn below_tabs(area: Rect) -> Rect {
    Rect { y: area.y + 1, height: area.height - 1, ..area }
}

/// The tab at a column.
fn tab_at(column: u16) -> Option<Tab> {
    let mut end = 0;
    Tab::ALL.iter().copied().find(|tab| {
        end += tab_width(*tab);
        usize::from(column) < end
    })
}

/// Columns of a tab's name with its mark and a space.
fn tab_width(tab: Tab) -> usize {
    text::width(tab.label()) + 2
}

fn tabs(buffer: &mut Buffer, app: &App, run: &OpenRun, area: Rect) {
    let theme = app.theme;
    let mark = |&tab: &Tab| {
        let style = if tab == run.pseudo_labels.tab { theme.selected() } else { theme.faint() };
        let mark = if tab == run.pseudo_labels.tab { "▸" } else { " " };
        Span::styled(format!("{mark}{} ", tab.label()), style)
    };
    put_spans(buffer, area, area.y, Tab::ALL.iter().map(mark).collect());
    let used: usize = Tab::ALL.iter().map(|tab| tab_width(*tab)).sum();
    let room = usize::from(area.width).saturating_sub(used + 2);
    if let Some(text) = when(run).into_iter().find(|text| text::width(text) <= room) {
        put_right(buffer, area.right() - 1, area.y, &text, theme.faint());
    }
}

/// Which steps the tab is about, in as many words as there may be room for, the most first.
fn when(run: &OpenRun) -> Vec<String> {
    let at = |step: u64| vec![format!("at step {}", grouped(step))];
    match run.pseudo_labels.tab {
        Tab::Strip | Tab::Policies => run.pseudo_labels.histogram(run.moment).map_or_else(Vec::new, |it| {
            let (first, last) = (grouped(it.step - it.n_steps.min(it.step) + 1), grouped(it.step));
            vec![format!("steps {first} to {last}"), format!("up to step {last}")]
        }),
        Tab::Images => run.pseudo_labels.panel(run.moment).map_or_else(Vec::new, |it| at(it.step)),
        Tab::Confusion | Tab::Classes | Tab::Rates => run.evaluation().map_or_else(Vec::new, |it| at(it.step)),
    }
}

/// The name of a class.
fn name(run: &OpenRun, class: usize) -> String {
    let names = run.state.started.as_ref().map_or(&[][..], |started| &started.classes);
    names.get(class).map_or_else(|| format!("class {class}"), ToString::to_string)
}

/// Why what records tell is not there, if they cannot be read.
fn unread(run: &OpenRun) -> Option<String> {
    run.pseudo_labels.problem().map(|(_, why)| why.to_owned())
}

/// Says why there is nothing to see.
fn message(buffer: &mut Buffer, app: &App, text: &str, area: Rect) {
    let width = usize::from(area.width).saturating_sub(4);
    for (line, y) in wrap(text, width).iter().zip(area.y + 1..area.bottom()) {
        put(buffer, 2, y, line, app.theme.faint());
    }
}

/// That there is more than what is in sight, and which way: nothing where all is.
pub fn more(first: usize, n_shown: usize, n: usize) -> Option<String> {
    let below = n.saturating_sub(first + n_shown);
    match (first, below) {
        (0, 0) => None,
        (above, 0) => Some(format!("↑ {} more", grouped(above as u64))),
        (_, below) => Some(format!("↓ {} more", grouped(below as u64))),
    }
}

/// Says at the right end of a row that there are more rows than are in sight.
fn put_more(buffer: &mut Buffer, app: &App, rows: &Rows, y: u16, right: u16) {
    if let Some(more) = more(rows.first, rows.height(), rows.n) {
        put_right(buffer, right, y, &format!(" {more}"), app.theme.accent());
    }
}

/// The rows of a tab of which `n` there are, below what stands above them.
fn rows(run: &OpenRun, area: Rect, above: u16, n: usize, height: usize) -> Rows {
    let height = height.min(n) as u16;
    Rows::from(Rect { y: area.y + above, height, ..area }, run.pseudo_labels.row.top, n)
}
