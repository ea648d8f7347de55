//! The labeled images as a contact sheet; one of them enlarged, with a weak and a strong view.

use fixmatch::augment::Op;
use fixmatch::image::Image;
use ratatui::buffer::Buffer;
use ratatui::layout::{Position, Rect};

use super::{picture, put};
use crate::console::app::App;
use crate::console::mouse::Spot;
use crate::console::samples::{Loading, Sample, Sheet, Views, op_words, weak_words};
use crate::console::text::fit;

/// A thumbnail in cells, without its name and the space around it.
fn thumbnail(area: Rect) -> (u16, u16) {
    if area.width >= 160 && area.height >= 40 { (16, 8) } else { (10, 5) }
}

/// Tells the state how many thumbnails stand beside each other, and keeps the selected one in sight.
pub fn arrange(app: &mut App, area: Rect) {
    app.samples.columns = n_columns(app, area);
    if let Loading::Read(sheet) = &app.samples.loading {
        app.samples.at.keep_in_sight(app.samples.columns, n_lines(area), sheet.samples.len());
    }
}

/// How many lines of thumbnails fit.
fn n_lines(area: Rect) -> usize {
    usize::from((area.height + 1) / (thumbnail(area).1 + 2)).max(1)
}

fn n_columns(app: &App, area: Rect) -> usize {
    match (&app.samples.loading, &app.samples.enlarged) {
        (Loading::Read(_), None) => usize::from((area.width - 2) / (thumbnail(area).0 + 2)).max(1),
        _ => 1,
    }
}

/// Draws the sheet, or the image that is enlarged.
pub fn draw(buffer: &mut Buffer, app: &App, area: Rect) {
    let theme = app.theme;
    let message = match (&app.samples.loading, &app.samples.enlarged, app.samples.sample()) {
        (Loading::Read(_), Some(views), Some(sample)) => return enlarged(buffer, app, sample, views, area),
        (Loading::Read(sheet), _, _) => return contact_sheet(buffer, app, sheet, area),
        (Loading::Not | Loading::Reading, ..) => ("reading the images…", theme.faint()),
        (Loading::Failed(reason), ..) => (reason.as_str(), theme.error()),
    };
    let width = usize::from(area.width).saturating_sub(4);
    for (line, y) in crate::console::text::wrap(message.0, width).iter().zip(area.y..area.bottom()) {
        put(buffer, 2, y, line, message.1);
    }
}

/// The images that are in sight, each with its place.
fn cells(app: &App, sheet: &Sheet, area: Rect) -> impl Iterator<Item = (usize, Rect)> {
    let (width, height) = thumbnail(area);
    let columns = app.samples.columns.max(1);
    let first = app.samples.at.top * columns;
    (first..sheet.samples.len()).take(n_lines(area) * columns).enumerate().map(move |(place, i)| {
        let (column, row) = ((place % columns) as u16, (place / columns) as u16);
        (i, Rect { x: 2 + column * (width + 2), y: area.y + row * (height + 2), width, height })
    })
}

/// What a mouse points at: an image or its name.
pub fn spot(app: &App, area: Rect, position: Position) -> Option<Spot> {
    let (Loading::Read(sheet), None) = (&app.samples.loading, &app.samples.enlarged) else { return None };
    let holds = |cell: &Rect| Rect { height: cell.height + 1, ..*cell }.contains(position);
    cells(app, sheet, area).find(|(_, cell)| holds(cell)).map(|(i, _)| Spot::Sample(i))
}

fn contact_sheet(buffer: &mut Buffer, app: &App, sheet: &Sheet, area: Rect) {
    for (i, cell) in cells(app, sheet, area) {
        let sample = &sheet.samples[i];
        picture::draw(buffer, app, &sample.image, cell);
        let is_selected = i == app.samples.at.at;
        let style = if is_selected { app.theme.selected() } else { app.theme.faint() };
        if is_selected {
            put(buffer, cell.x - 1, cell.bottom(), "▸", style);
        }
        put(buffer, cell.x, cell.bottom(), &fit(&sample.class, cell.width.into()), style);
    }
}

fn enlarged(buffer: &mut Buffer, app: &App, sample: &Sample, views: &Views, area: Rect) {
    let theme = app.theme;
    let title = format!("{}, training image {}", sample.class, sample.index);
    put(buffer, 2, area.y, &title, theme.strong());
    if let Some((run, opinion)) =
        app.run.as_ref().and_then(|run| Some((run, run.insight.opinion(sample.index, run.moment)?)))
    {
        put(buffer, 2, area.y + 1, &super::insight::now_says(run, opinion), theme.text());
    }
    side_by_side(
        buffer,
        app,
        &sample.image,
        views,
        Rect { y: area.y + 2, height: area.height.saturating_sub(2), ..area },
    );
}

/// An image and its views beside each other, with what was drawn for them.
pub fn side_by_side(buffer: &mut Buffer, app: &App, image: &Image, views: &Views, area: Rect) {
    let theme = app.theme;
    let draw = &views.strong_draw;
    let is_used = |op: &&Op| **op != Op::Identity;
    let operations: Vec<_> = draw.ops.iter().chain([&draw.cutout]).filter(is_used).map(op_words).collect();
    let strong = [vec![weak_words(draw.weak)], operations].concat();
    let panels = [
        ("as it is", image, vec![]),
        ("weak view", &views.weak, vec![weak_words(views.weak_draw)]),
        ("strong view", &views.strong, strong),
    ];
    let third = (area.width - 2) / 3;
    // Two pixels to a cell, so a square is twice as wide as it is high.
    let height = (area.height.saturating_sub(6)).min((third - 2) / 2).min(32);
    for (i, (name, image, words)) in panels.into_iter().enumerate() {
        let x = 2 + i as u16 * third;
        put(buffer, x, area.y, name, theme.faint());
        picture::draw(buffer, app, image, Rect { x, y: area.y + 1, width: 2 * height, height });
        for (word, y) in words.iter().zip(area.y + 1 + height..area.bottom()) {
            put(buffer, x, y, &fit(word, usize::from(third) - 1), theme.text());
        }
    }
}
