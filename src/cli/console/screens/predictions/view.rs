//! The predictions as a sheet of images:
//!
//! ```text
//! least sure first · 10,000 of 49,960 unlabeled images · step 1,500       ↓ 9,970 more
//! ▀▀▀▀▀▀▀▀  ▀▀▀▀▀▀▀▀
//! cat 31 %  dog 33 %
//!
//! IMG_0259.jpg: cat 31 %, dog 30 %, frog 12 % · of 98 test images taken for cat, 61 % are, 14 % are dog
//! ```

use fixmatch::base::text::Shown as _;
use ratatui::buffer::Buffer;
use ratatui::layout::{Position, Rect};

use super::{Loading, Predictions, Sheet, mistaken, rightness};
use crate::console::app::App;
use crate::console::mouse::Spot;
use crate::console::screens::pseudo_labels;
use crate::console::screens::run::OpenRun;
use crate::console::text::{fit, fit_middle, wrap};
use crate::console::views::{picture, put, put_right};
use crate::words::numbers::{grouped, percent, plural};

/// Lines below the images.
const BELOW: u16 = 3;

/// Columns of a probability's bar.
const BAR: usize = 20;

impl OpenRun {
    /// Tells the state how many images stand beside each other, and keeps the selected one in sight.
    pub fn arrange_predictions(&mut self, area: Rect) {
        let n = self.predictions.shown.len();
        let area = sheet_area(area);
        let (columns, lines) = picture::tiles(area, tile(area, n));
        self.predictions.columns = columns;
        self.predictions.at.keep_in_sight(columns, lines, n);
    }

    /// Draws the sheet, or the image that is enlarged.
    pub fn draw_predictions(&self, buffer: &mut Buffer, app: &App, area: Rect) {
        let theme = app.theme;
        let (text, style) = match &self.predictions.loading {
            Loading::Read(sheet) if self.predictions.shown.is_empty() => {
                (format!("{}\nnone", head(&self.predictions, sheet)), theme.faint())
            }
            Loading::Read(sheet) => return draw_sheet(buffer, app, self, sheet, area),
            Loading::Not | Loading::Asking(_, 0) => ("reading the images…".into(), theme.faint()),
            Loading::Asking(n, of) => {
                let of = grouped(*of as u64);
                (format!("asking the network: {} of {of} images…", grouped(*n as u64)), theme.faint())
            }
            Loading::Failed(reason) => (reason.clone(), theme.error()),
        };
        let width = usize::from(area.width).saturating_sub(4);
        let lines = text.lines().flat_map(|line| wrap(line, width));
        for (line, y) in lines.zip(area.y..area.bottom()) {
            put(buffer, 2, y, &line, style);
        }
    }

    /// The image that a mouse points at.
    pub fn prediction_spot(&self, area: Rect, position: Position) -> Option<Spot> {
        if self.predictions.is_enlarged {
            return None;
        }
        picture::at(cells(&self.predictions, area), position).map(Spot::Row)
    }
}

/// Where the images are.
fn sheet_area(area: Rect) -> Rect {
    Rect { y: area.y + 2, height: area.height.saturating_sub(2 + BELOW), ..area }
}

/// Columns and rows of an image of a sheet: a caption such as `airplane 43 %` needs some room.
fn tile(area: Rect, n: usize) -> (u16, u16) {
    picture::tile(area, n).max((12, 6))
}

/// The images that are in sight, each with its place in the order.
fn cells(predictions: &Predictions, area: Rect) -> impl Iterator<Item = (usize, Rect)> {
    let (n, area) = (predictions.shown.len(), sheet_area(area));
    picture::cells(area, tile(area, n), predictions.at.top, n)
}

fn head(predictions: &Predictions, sheet: &Sheet) -> String {
    let order = if predictions.is_reversed { "surest first" } else { "least sure first" };
    let (n, step) = (sheet.told.len() as u64, grouped(sheet.step));
    if let Some(class) = predictions.class {
        let (class, n_shown) = (&sheet.classes[class], grouped(predictions.shown.len() as u64));
        return format!("taken for {class}, {order} · {n_shown} of {} · step {step}", plural(n, "image"));
    }
    let of = if n < sheet.n_all as u64 { format!("{} of ", grouped(n)) } else { String::new() };
    format!("{order} · {of}{} · step {step}", plural(sheet.n_all as u64, "unlabeled image"))
}

fn draw_sheet(buffer: &mut Buffer, app: &App, run: &OpenRun, sheet: &Sheet, area: Rect) {
    let (theme, predictions) = (app.theme, &run.predictions);
    let width = usize::from(area.width).saturating_sub(3);
    put(buffer, 2, area.y, &fit(&head(predictions, sheet), width), theme.text());
    let Some(place) = predictions.selected() else { return };
    if predictions.is_enlarged {
        draw_enlarged(buffer, app, sheet, place, Rect { y: area.y + 2, height: area.height.saturating_sub(5), ..area });
    } else {
        let shown = cells(predictions, area).count();
        let first = cells(predictions, area).next().map_or(0, |(i, _)| i);
        if let Some(more) = pseudo_labels::view::more(first, shown, predictions.shown.len()) {
            put_right(buffer, area.right() - 1, area.y, &format!(" {more}"), theme.accent());
        }
        for (i, cell) in cells(predictions, area) {
            let place = predictions.shown[i];
            picture::draw(buffer, app, &sheet.image(place), cell);
            let is_selected = i == predictions.at.at;
            let style = if is_selected { theme.selected() } else { theme.faint() };
            if is_selected {
                put(buffer, cell.x - 1, cell.bottom(), "▸", style);
            }
            put(buffer, cell.x, cell.bottom(), &caption(sheet, place, cell.width.into()), style);
        }
    }
    for (line, y) in about(run, sheet, place).iter().zip(area.bottom() - 2..area.bottom()) {
        put(buffer, 2, y, &fit(line, width), theme.text());
    }
}

/// The class and how sure it is, as `cat 31 %`.
fn caption(sheet: &Sheet, place: usize, width: usize) -> String {
    let (class, confidence) = sheet.told[place].top[0];
    let sure = format!(" {:.0} %", 100.0 * confidence);
    format!("{}{sure}", fit(&sheet.classes[class], width.saturating_sub(sure.len())))
}

/// What is said of the selected image, and of the class that it is taken for.
fn about(run: &OpenRun, sheet: &Sheet, place: usize) -> [String; 2] {
    let told = &sheet.told[place];
    let classes = told.top.iter().take(3).map(|&(class, p)| format!("{} {}", sheet.classes[class], percent(p.into())));
    let name = told.name.file_name().map_or_else(|| told.name.clone(), Into::into);
    let said = format!("{}: {}", name.as_path().shown(), classes.collect::<Vec<_>>().join(", "));
    let (class, confusion) = (told.top[0].0, run.confusion());
    let name = &sheet.classes[class];
    let known = rightness(confusion, class).map_or_else(String::new, |right| {
        let named =
            |(other, share): (usize, f64)| Some(format!(", {} are {}", percent(share), sheet.classes.get(other)?));
        let other = mistaken(confusion, class).and_then(named).unwrap_or_default();
        format!("of the test images taken for {name}, {} are{other}", percent(right))
    });
    [said, known]
}

/// An image as large as there is room, and how likely the classes are.
fn draw_enlarged(buffer: &mut Buffer, app: &App, sheet: &Sheet, place: usize, area: Rect) {
    let theme = app.theme;
    let height = area.height.min(area.width.saturating_sub(46) / 2).clamp(4, 32);
    picture::draw(buffer, app, &sheet.image(place), Rect { x: 2, y: area.y, width: 2 * height, height });
    let x = 4 + 2 * height;
    for (&(class, p), y) in sheet.told[place].top.iter().zip(area.y..area.bottom()) {
        let (done, rest) = app.glyphs.bar(p.into(), BAR);
        let at = put(buffer, x, y, &fit_middle(&format!("{:<14}", sheet.classes[class].to_string()), 14), theme.text());
        let at = put(buffer, at + 1, y, &done, theme.accent());
        let at = put(buffer, at, y, &rest, theme.faint());
        put(buffer, at + 1, y, &percent(p.into()), theme.text());
    }
}
