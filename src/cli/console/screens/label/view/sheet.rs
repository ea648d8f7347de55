//! Many images at once, with what was said of each.

use fixmatch::base::text::Shown as _;
use fixmatch::labels::desk::Desk;
use fixmatch::labels::log::Answer;
use ratatui::buffer::Buffer;
use ratatui::layout::Rect;

use super::fitted;
use crate::console::app::App;
use crate::console::screens::label::Label;
use crate::console::text::fit_middle;
use crate::console::views::{picture, put};

/// Columns and rows of an image in characters.
fn tile(area: Rect) -> (u16, u16) {
    if area.width >= 120 && area.height >= 36 { (20, 10) } else { (10, 4) }
}

/// How many images stand beside each other, and how many below each other.
pub fn size(area: Rect) -> (usize, usize) {
    picture::tiles(area, tile(area))
}

/// The images in sight, each with its place.
pub fn cells(label: &Label, area: Rect) -> impl Iterator<Item = (usize, Rect)> {
    let (width, height) = tile(area);
    let columns = label.grid.as_ref().map_or(1, |grid| grid.size.0).max(1);
    label.sheet().enumerate().map(move |(place, image)| {
        let (column, row) = ((place % columns) as u16, (place / columns) as u16);
        (image, Rect { x: area.x + column * (width + 2), y: area.y + row * (height + 2), width, height })
    })
}

/// Draws them.
pub fn draw(buffer: &mut Buffer, app: &App, label: &Label, desk: &Desk, area: Rect) {
    let theme = app.theme;
    for (image, cell) in cells(label, area).filter(|(_, cell)| cell.bottom() < area.bottom() + 1) {
        match label.picture(image) {
            Some(Ok(picture)) => picture::draw(buffer, app, picture, fitted(picture, cell)),
            Some(Err(_)) => drop(put(buffer, cell.x, cell.y, "damaged", theme.error())),
            None => drop(put(buffer, cell.x, cell.y, "…", theme.faint())),
        }
        let is_marked = label.grid.as_ref().is_some_and(|grid| grid.marked.contains(&image));
        let answer = label.answer(image).map(|row| &row.answer);
        let said = match answer {
            None => desk.images[image]
                .name
                .file_name()
                .map_or_else(String::new, |name| std::path::Path::new(name).shown().to_string()),
            Some(Answer::Class(class)) => format!("✓ {class}"),
            Some(Answer::Unsure) => "? not sure".into(),
            Some(Answer::Skip | Answer::Undo) => "– passed over".into(),
        };
        let style = match (image == label.at, is_marked, answer) {
            (true, ..) => theme.selected(),
            (_, true, _) => theme.changed(),
            (_, _, Some(Answer::Class(_))) => theme.good(),
            _ => theme.faint(),
        };
        if image == label.at {
            put(buffer, cell.x - 1, cell.bottom(), "▸", style);
        }
        let mark = if is_marked { "●" } else { "" };
        put(buffer, cell.x, cell.bottom(), &fit_middle(&format!("{mark}{said}"), usize::from(cell.width) + 1), style);
    }
}
