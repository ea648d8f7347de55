//! The labeled images as a contact sheet; one of them enlarged, with a weak and a strong view.

use fixmatch::augment::Op;
use fixmatch::base::image::Image;
use ratatui::buffer::Buffer;
use ratatui::layout::{Position, Rect};

use crate::console::app::App;
use crate::console::mouse::Spot;
use crate::console::screens::pseudo_labels;
use crate::console::screens::run::OpenRun;
use crate::console::screens::samples::{Loading, Sample, Samples, Sheet, Views, op_words, weak_words};
use crate::console::text::fit;
use crate::console::views::{picture, put, put_right};

impl OpenRun {
    /// Tells the state how many thumbnails stand beside each other, and keeps the selected one in sight.
    pub fn arrange_samples(&mut self, area: Rect) {
        self.samples.columns = 1;
        if let (Loading::Read(sheet), None) = (&self.samples.loading, &self.samples.enlarged) {
            let n = sheet.samples.len();
            let (columns, lines) = picture::tiles(area, picture::tile(area, n));
            self.samples.columns = columns;
            self.samples.at.keep_in_sight(columns, lines, n);
        }
    }

    /// Draws the sheet, or the image that is enlarged.
    pub fn draw_samples(&self, buffer: &mut Buffer, app: &App, area: Rect) {
        let theme = app.theme;
        let message = match (&self.samples.loading, &self.samples.enlarged, self.samples.sample()) {
            (Loading::Read(_), Some(views), Some(sample)) => return enlarged(buffer, app, self, (sample, views), area),
            (Loading::Read(sheet), _, _) => return contact_sheet(buffer, app, &self.samples, sheet, area),
            (Loading::Not | Loading::Reading, ..) => ("reading the images…", theme.faint()),
            (Loading::Failed(reason), ..) => (reason.as_str(), theme.error()),
        };
        let width = usize::from(area.width).saturating_sub(4);
        for (line, y) in crate::console::text::wrap(message.0, width).iter().zip(area.y..area.bottom()) {
            put(buffer, 2, y, line, message.1);
        }
    }

    /// What a mouse points at: an image or its name.
    pub fn sample_spot(&self, area: Rect, position: Position) -> Option<Spot> {
        let (Loading::Read(sheet), None) = (&self.samples.loading, &self.samples.enlarged) else { return None };
        picture::at(cells(&self.samples, sheet, area), position).map(Spot::Row)
    }
}

/// That there are more images than are in sight, and which way.
fn more(samples: &Samples, area: Rect) -> Option<String> {
    let (Loading::Read(sheet), None) = (&samples.loading, &samples.enlarged) else { return None };
    let n = sheet.samples.len();
    let (columns, lines) = picture::tiles(area, picture::tile(area, n));
    pseudo_labels::view::more(samples.at.top * columns, columns * lines, n)
}

/// The images that are in sight, each with its place.
fn cells(samples: &Samples, sheet: &Sheet, area: Rect) -> impl Iterator<Item = (usize, Rect)> {
    let n = sheet.samples.len();
    picture::cells(area, picture::tile(area, n), samples.at.top, n)
}

fn contact_sheet(buffer: &mut Buffer, app: &App, samples: &Samples, sheet: &Sheet, area: Rect) {
    if let Some(more) = more(samples, area) {
        put_right(buffer, area.right() - 1, area.y - 1, &more, app.theme.accent());
    }
    for (i, cell) in cells(samples, sheet, area) {
        let sample = &sheet.samples[i];
        picture::draw(buffer, app, &sample.image, cell);
        let is_selected = i == samples.at.at;
        let style = if is_selected { app.theme.selected() } else { app.theme.faint() };
        if is_selected {
            put(buffer, cell.x - 1, cell.bottom(), "▸", style);
        }
        put(buffer, cell.x, cell.bottom(), &fit(&sample.class, cell.width.into()), style);
    }
}

fn enlarged(buffer: &mut Buffer, app: &App, run: &OpenRun, (sample, views): (&Sample, &Views), area: Rect) {
    let theme = app.theme;
    let title = format!("{}, training image {}", sample.class, sample.index);
    put(buffer, 2, area.y, &title, theme.strong());
    if let Some(opinion) = run.pseudo_labels.opinion(sample.index, run.moment) {
        put(buffer, 2, area.y + 1, &pseudo_labels::view::now_says(run, opinion), theme.text());
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
