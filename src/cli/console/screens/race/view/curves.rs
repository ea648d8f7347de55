//! The curves of a quantity, a line for each group; of the one in focus also how far its seeds lie apart.

use fixmatch::compare::bands::Place;
use ratatui::buffer::Buffer;
use ratatui::layout::Rect;

use super::WIDE;
use fixmatch::run::curves::Axis;

use crate::console::app::App;
use crate::console::screens::race::{QUANTITIES, Race};
use crate::console::text::fit;
use crate::console::views::chart;
use crate::words::comparisons::letter;

/// Draws them: one quantity, and where there is room for it the next.
pub fn draw(race: &Race, buffer: &mut Buffer, app: &App, area: Rect) {
    if area.width < WIDE {
        return quantity(race, buffer, app, race.quantity, area);
    }
    let half = Rect { width: area.width / 2, ..area };
    quantity(race, buffer, app, race.quantity, half);
    quantity(race, buffer, app, (race.quantity + 1) % QUANTITIES.len(), Rect { x: half.right(), ..half });
}

fn quantity(race: &Race, buffer: &mut Buffer, app: &App, quantity: usize, area: Rect) {
    let (title, _, unit) = QUANTITIES[quantity];
    let focused = race.lane_of(race.focus);
    let Some(bands) = &race.bands[quantity] else { return };
    let line = |(place, places): (usize, &Vec<Place>)| chart::Band {
        name: letter(place),
        title: race.lanes[place].title.as_ref().map(|title| fit(title, 24)),
        style: app.theme.curve(place),
        is_focused: place == focused,
        places: places.clone(),
    };
    let bands: Vec<_> = bands.iter().enumerate().map(line).collect();
    chart::bands(buffer, app, (title, unit), (race.axis, race.end(), race.cursor), &bands, area);
    if race.axis == Axis::Step {
        chart::branches(buffer, app, race.end(), &race.branches(), area);
    }
}
