//! The labelling screen, one image large beside the classes and their keys.
//!
//! ```text
//! IMG_0012.jpg                                   12 of 300 · shuffled, seed 0
//! ▀▀▀▀▀▀▀▀▀▀▀▀▀▀▀   1 cat   ━━━━━━──── 12
//! ▀▀▀▀▀▀▀▀▀▀▀▀▀▀▀   2 dog   ━━━─────── 7
//! ▀▀▀▀▀▀▀▀▀▀▀▀▀▀▀   labeled already, most like it
//! ▀▀▀▀▀▀▀▀▀▀▀▀▀▀▀   ▀▀▀▀▀▀▀▀  ▀▀▀▀▀▀▀▀
//! ▀▀▀▀▀▀▀▀▀▀▀▀▀▀▀   cat       dog
//! no answer yet
//! ━━━───────── 40 of 300 have an answer: 37 labeled, 2 not sure, 1 passed over · 3.1 s each
//! ```

use fixmatch::base::image::Image;
use fixmatch::base::text::Shown as _;
use fixmatch::labels::desk::Desk;
use fixmatch::labels::log::Row;
use ratatui::buffer::Buffer;
use ratatui::layout::{Position, Rect};
use ratatui::style::Style;

use super::keys::words;
use super::{Label, Loading, Looked};
use crate::console::app::App;
use crate::console::keys::{Action, Place};
use crate::console::mouse::Spot;
use crate::console::screens::browser::End;
use crate::console::text::{fit, fit_middle, fit_parts, left, right, wrap};
use crate::console::views::{picture, put, put_right};
use crate::words::numbers::{grouped, percent};

mod classes;
mod sheet;

/// Where the parts lie.
struct Parts {
    /// The image, or the sheet.
    image: Rect,
    /// The classes.
    classes: Rect,
    /// Images that were labeled already; of no height where there is no room.
    near: Rect,
}

/// Columns of the classes beside a sheet.
const NARROW: u16 = 24;

/// A row above and two below are for words.
fn parts(label: &Label, area: Rect) -> Parts {
    let (top, height) = (area.y + 1, area.height.saturating_sub(3));
    if label.grid.is_some() {
        let width = area.width.saturating_sub(NARROW + 5);
        let image = Rect { x: 2, y: top, width, height };
        let classes = Rect { x: area.right().saturating_sub(NARROW + 1), y: top, width: NARROW, height };
        return Parts { image, classes, near: Rect::default() };
    }
    let width = (2 * height).min(area.width / 2 - 4);
    let x = 2 + width + 3;
    let right = area.width.saturating_sub(x + 1);
    let near_height = if height >= 30 { 10 } else { 6 };
    let n_classes = label.classes.len() as u16;
    // the classes take what they need, as long as they leave room for a few others to compare with
    let for_classes = height.saturating_sub(near_height + 1).min(n_classes.max(4));
    let near_y = top + for_classes + 1;
    Parts {
        image: Rect { x: 2, y: top, width, height },
        classes: Rect { x, y: top, width: right, height: for_classes },
        near: Rect { x, y: near_y, width: right, height: near_height.min(area.bottom().saturating_sub(near_y + 3)) },
    }
}

impl Label {
    /// Learns how much has room.
    pub fn arrange(&mut self, app: &mut App, area: Rect) {
        let parts = parts(self, area);
        self.n_shown = classes::n_shown(parts.classes, self.classes.len());
        self.first_class = self.first_class.min(self.classes.len().saturating_sub(self.n_shown));
        let before = self.grid.as_ref().map(|grid| grid.size);
        if let Some(grid) = &mut self.grid {
            grid.size = sheet::size(parts.image);
        }
        if self.grid.as_ref().map(|grid| grid.size) != before {
            self.ask(app); // for images that have room now
        }
    }

    /// Draws the screen.
    pub fn draw(&self, buffer: &mut Buffer, app: &App, area: Rect) {
        let theme = app.theme;
        let width = usize::from(area.width).saturating_sub(4);
        let message = match &self.loading {
            Loading::Ready(desk) => return ready(buffer, app, self, desk, area),
            Loading::Reading => ("looking for the images…", theme.faint()),
            Loading::Failed(reason) => (reason.as_str(), theme.error()),
        };
        for (line, y) in wrap(message.0, width).iter().zip(area.y..area.bottom()) {
            put(buffer, 2, y, line, message.1);
        }
    }

    /// What a mouse points at: a class, or an image of the sheet.
    pub fn spot(&self, area: Rect, position: Position) -> Option<Spot> {
        self.desk()?;
        let parts = parts(self, area);
        if self.finder.is_none() && parts.classes.contains(position) {
            return classes::at(self, parts.classes, position).map(Spot::Row);
        }
        self.grid.as_ref()?;
        let holds = |(_, cell): &(usize, Rect)| Rect { height: cell.height + 1, ..*cell }.contains(position);
        sheet::cells(self, parts.image).find(holds).map(|(image, _)| Spot::Image(End::Most, image))
    }
}

fn ready(buffer: &mut Buffer, app: &App, label: &Label, desk: &Desk, area: Rect) {
    let parts = parts(label, area);
    heading(buffer, app, label, desk, area);
    if label.grid.is_some() {
        sheet::draw(buffer, app, label, desk, parts.image);
    } else {
        large(buffer, app, label.picture(label.at), parts.image);
        near(buffer, app, label, desk, parts.near);
    }
    match &label.finder {
        Some(finder) => {
            let below = if label.grid.is_some() { 0 } else { parts.near.height + 1 };
            let panel = Rect { height: parts.classes.height + below, ..parts.classes };
            classes::find(buffer, app, label, finder, panel);
        }
        None => classes::draw(buffer, app, label, parts.classes),
    }
    about_image(buffer, app, label, desk, Rect { y: area.bottom() - 2, height: 1, ..area });
    progress(buffer, app, label, Rect { y: area.bottom() - 1, height: 1, ..area });
}

/// The image's name at the left, its place in the order at the right.
fn heading(buffer: &mut Buffer, app: &App, label: &Label, desk: &Desk, area: Rect) {
    let theme = app.theme;
    let place = format!("{} of {}", grouped(label.at as u64 + 1), grouped(label.n() as u64));
    let order = fit_middle(&desk.order, (usize::from(area.width) / 2).saturating_sub(place.len() + 3));
    let right = format!("{place} · {order}");
    put_right(buffer, area.right() - 1, area.y, &right, theme.faint());
    let room = usize::from(area.width).saturating_sub(crate::console::text::width(&right) + 5);
    let name = desk.images[label.at].name.shown();
    put(buffer, 2, area.y, &fit_middle(&name, room), theme.strong());
}

/// The largest area of an image's shape; a square is twice as wide as it is high.
pub fn fitted(image: &Image, area: Rect) -> Rect {
    let (width, height) = (image.width as u64, image.height as u64);
    let (columns, rows) = (u64::from(area.width), u64::from(area.height));
    let wide = (2 * rows * width / height.max(1)).clamp(1, columns.max(1));
    let high = (columns * height).div_ceil(2 * width.max(1)).clamp(1, rows.max(1));
    let (columns, rows) = if wide < columns { (wide, rows) } else { (columns, high) };
    Rect { width: columns as u16, height: rows as u16, ..area }
}

fn large(buffer: &mut Buffer, app: &App, looked: Option<&Looked>, area: Rect) {
    let theme = app.theme;
    match looked {
        Some(Ok(image)) => picture::draw(buffer, app, image, fitted(image, area)),
        Some(Err(why)) => {
            let text = format!("this image cannot be shown: {why}");
            lines(buffer, &text, theme.error(), area);
            let skips = app.offer(Place::Label, Action::Skip, ("", " passes over it"));
            put(buffer, area.x, area.bottom() - 1, &fit(&skips, area.width.into()), theme.faint());
        }
        None => lines(buffer, "reading the image…", theme.faint(), area),
    }
}

fn lines(buffer: &mut Buffer, text: &str, style: Style, area: Rect) {
    for (line, y) in wrap(text, area.width.into()).iter().zip(area.y..area.bottom()) {
        put(buffer, area.x, y, line, style);
    }
}

/// Images that have a class and look most like this one.
fn near(buffer: &mut Buffer, app: &App, label: &Label, desk: &Desk, area: Rect) {
    if area.height < 4 {
        return;
    }
    let theme = app.theme;
    let near = label.near();
    let text = if near.is_empty() {
        "no labeled image to compare with yet"
    } else {
        "labeled already, most like it by pixels"
    };
    put(buffer, area.x, area.y, &fit(text, area.width.into()), theme.faint());
    let rows = area.height - 2;
    let width = 2 * rows;
    let n = usize::from((area.width + 2) / (width + 2));
    for (i, (image, picture)) in near.iter().take(n).enumerate() {
        let cell = Rect { x: area.x + i as u16 * (width + 2), y: area.y + 1, width, height: rows };
        picture::draw(buffer, app, picture, cell);
        let class = label.answers.class_of(&desk.images[*image].name);
        let class = class.map_or_else(String::new, |class| fit(class, width.into()));
        put(buffer, cell.x, cell.bottom(), &class, theme.text());
    }
}

/// What was said of the image, and the guess if it was asked for.
fn about_image(buffer: &mut Buffer, app: &App, label: &Label, desk: &Desk, area: Rect) {
    let theme = app.theme;
    let opinions = label.answers.opinions(&desk.images[label.at].name);
    let said = |row: &&Row| match &*row.who {
        "" => words(&row.answer),
        who => format!("{} by {who}", words(&row.answer)),
    };
    let marked = label.grid.as_ref().map_or(0, |grid| grid.marked.len());
    let (mut text, style) = match (&opinions[..], label.is_disputed(label.at)) {
        _ if label.is_saving() => ("writing the answer to disk…".to_owned(), theme.faint()),
        _ if marked > 0 => (format!("{marked} marked: the next key is about all of them"), theme.changed()),
        ([], _) => ("no answer yet".into(), theme.faint()),
        (all, true) => {
            let all: Vec<_> = all.iter().map(said).collect();
            (format!("people disagree: {}; the last one counts", all.join(", ")), theme.changed())
        }
        (all, false) => (all.last().map_or_else(String::new, said), theme.good()),
    };
    let guess = desk.guess(label.at);
    if label.grid.is_none() && desk.has_guesses() {
        let shows = app.offer(Place::Label, Action::Guess, (": ", " shows it"));
        let guess = match (guess, label.sees_guess) {
            ([], _) => "no guess".into(),
            (_, false) => format!("guess hidden{shows}"),
            (guess, true) => {
                let one = |(class, share): &(fixmatch::base::text::Name, f32)| {
                    if share.is_nan() { class.to_string() } else { format!("{class} {}", percent(f64::from(*share))) }
                };
                let takes = app.offer(Place::Label, Action::Enter, ("; ", " takes it"));
                format!("guess: {}{takes}", guess.iter().map(one).collect::<Vec<_>>().join(", "))
            }
        };
        text = format!("{text} · {guess}");
    }
    put(buffer, 2, area.y, &fit(&text, usize::from(area.width) - 4), style);
}

/// How many images have an answer, and how fast it goes.
fn progress(buffer: &mut Buffer, app: &App, label: &Label, area: Rect) {
    let theme = app.theme;
    let (tally, n) = (&label.tally, label.n());
    let width = if area.width >= 120 { 24 } else { 10 };
    let (done, rest) = app.glyphs.bar(tally.n_answered as f64 / n.max(1) as f64, width);
    let x = put(buffer, 2, area.y, &done, theme.good());
    let x = put(buffer, x, area.y, &rest, theme.faint());
    let mut parts = vec![
        (0, format!("{} of {} answered", grouped(tally.n_answered as u64), grouped(n as u64))),
        (1, format!("{} labeled", grouped(tally.n_labeled as u64))),
    ];
    let counted = [(tally.n_unsure, "not sure"), (tally.n_skipped, "passed over"), (tally.n_disputed, "disputed")];
    parts.extend(counted.iter().filter(|(n, _)| *n > 0).map(|(n, what)| (2, format!("{} {what}", grouped(*n as u64)))));
    if label.pace.n > 0 {
        let each = label.pace.seconds / label.pace.n as f64;
        parts.push((3, format!("{each:.1} s each")));
        if each > 0.0 {
            parts.push((4, format!("{:.0} a minute", 60.0 / each)));
        }
    }
    let text = fit_parts(parts, usize::from(area.right().saturating_sub(x + 2)));
    put(buffer, x + 1, area.y, &text, theme.text());
}

/// A count at the right of a line.
fn count(n: usize, width: usize) -> String {
    right(&if n == 0 { "·".into() } else { grouped(n as u64) }, width)
}

/// A class with its key.
fn named(key: Option<char>, name: &str, width: usize) -> String {
    format!("{} {}", key.unwrap_or(' '), left(&fit(name, width.saturating_sub(2)), width.saturating_sub(2)))
}
