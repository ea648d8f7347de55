//! The classes with their keys and how many images each has; or what is left of them while one is being looked for.

use ratatui::buffer::Buffer;
use ratatui::layout::{Position, Rect};

use super::{count, named};
use crate::console::app::App;
use crate::console::keys::{Action, Place};
use crate::console::screens::label::Label;
use crate::console::screens::label::finder::{Finder, Found};
use crate::console::screens::label::keys::class_keys;
use crate::console::text::{fit, left};
use crate::console::views::put;

/// Columns of a class, where several stand beside each other.
const COLUMN: u16 = 26;

/// Columns of its number of images.
const COUNT: usize = 6;

/// How many columns of classes there are, and how many lines of them: the last line is for what has no room.
fn grid(area: Rect, n: usize) -> (usize, usize) {
    let columns = usize::from((area.width / COLUMN).max(1)).min(n.div_ceil(usize::from(area.height).max(1)).max(1));
    let fits = n <= columns * usize::from(area.height);
    (columns, usize::from(area.height).saturating_sub(usize::from(!fits)).max(1))
}

/// How many classes have room.
pub fn n_shown(area: Rect, n: usize) -> usize {
    let (columns, lines) = grid(area, n);
    columns * lines
}

fn cell(area: Rect, n: usize, place: usize) -> Rect {
    let (columns, lines) = grid(area, n);
    let width = area.width / columns as u16;
    let (column, line) = ((place / lines) as u16, (place % lines) as u16);
    Rect {
        x: area.x + column * width,
        y: area.y + line,
        width: width.saturating_sub(u16::from(columns > 1)),
        height: 1,
    }
}

/// The class at a place of the screen.
pub fn at(label: &Label, area: Rect, position: Position) -> Option<usize> {
    let n = label.classes.len();
    let shown = label.first_class..n.min(label.first_class + n_shown(area, n));
    shown.clone().find(|class| cell(area, n, class - shown.start).contains(position))
}

/// Draws the classes.
pub fn draw(buffer: &mut Buffer, app: &App, label: &Label, area: Rect) {
    let theme = app.theme;
    let n = label.classes.len();
    if n == 0 {
        let makes = app.offer(Place::Label, Action::Filter, (": ", " makes one"));
        put(buffer, area.x, area.y, &fit(&format!("no classes yet{makes}"), area.width.into()), theme.changed());
        return;
    }
    let keys = class_keys(&app.keymap);
    let counts = |class: usize| label.tally.of(&label.classes[class]);
    let most = (0..n).map(counts).max().unwrap_or(0).max(1);
    let own = label.answer(label.at).and_then(|row| row.answer.class());
    let shown = n_shown(area, n);
    for (place, class) in (label.first_class..n).take(shown).enumerate() {
        let cell = cell(area, n, place);
        let width = usize::from(cell.width);
        let bar = if width >= 34 { 12 } else { 0 };
        let name_width = width.saturating_sub(COUNT + bar + 1 + usize::from(bar > 0));
        let name = &label.classes[class];
        let is_own = own == Some(name);
        let style = if is_own { theme.good() } else { theme.text() };
        let text = named(keys.get(class).copied(), name, name_width);
        put(buffer, cell.x, cell.y, &text[..text.chars().next().map_or(0, char::len_utf8)], theme.accent());
        let mut x = put(buffer, cell.x + 1, cell.y, &text[text.chars().next().map_or(0, char::len_utf8)..], style);
        if bar > 0 {
            let (done, rest) = app.glyphs.bar(counts(class) as f64 / most as f64, bar);
            x = put(buffer, x + 1, cell.y, &done, theme.accent());
            x = put(buffer, x, cell.y, &rest, theme.faint());
        }
        put(buffer, x, cell.y, &count(counts(class), COUNT), if is_own { theme.good() } else { theme.faint() });
    }
    if shown < n {
        let finds = app.offer(Place::Label, Action::Filter, (": ", " finds one"));
        let text = format!("… of {n} classes{finds}");
        put(buffer, area.x, area.bottom() - 1, &fit(&text, area.width.into()), theme.faint());
    }
}

/// Draws what is left of the classes while one is being looked for.
pub fn find(buffer: &mut Buffer, app: &App, label: &Label, finder: &Finder, area: Rect) {
    let theme = app.theme;
    let width = usize::from(area.width);
    for position in area.positions() {
        if let Some(cell) = buffer.cell_mut(position) {
            cell.reset();
        }
    }
    put(buffer, area.x, area.y, &format!("class: {}", finder.input.shown(width.saturating_sub(8))), theme.strong());
    let height = usize::from(area.height).saturating_sub(2);
    let first = finder.at.centred(height, finder.found.len());
    let lines = finder.found.iter().enumerate().skip(first).take(height);
    for ((place, found), y) in lines.zip(area.y + 1..) {
        let (text, n) = match found {
            Found::Known(class) => {
                let name = &label.classes[*class];
                (fit(name, width.saturating_sub(COUNT + 2)), count(label.tally.of(name), COUNT))
            }
            Found::New(name) => (fit(&format!("new class: {name}"), width.saturating_sub(COUNT + 2)), String::new()),
        };
        let is_selected = place == finder.at.at;
        let style = if is_selected { theme.selected() } else { theme.text() };
        let mark = if is_selected { "▸ " } else { "  " };
        put(buffer, area.x, y, &format!("{mark}{}{n}", left(&text, width.saturating_sub(COUNT + 2))), style);
    }
    if finder.found.is_empty() {
        put(buffer, area.x, area.y + 1, "type its name", theme.faint());
    }
    let hint = "enter takes it, esc leaves";
    put(buffer, area.x, area.bottom() - 1, &fit(hint, width), theme.faint());
}
