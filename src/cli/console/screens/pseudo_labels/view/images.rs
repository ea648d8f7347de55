//! Unlabeled images that are followed over the whole run: their pseudo-labels now, how confident, and since when.

use fixmatch::run::insight::{EDGES, Opinion, Verdict};
use ratatui::buffer::Buffer;
use ratatui::layout::{Position, Rect};
use ratatui::style::Style;

use super::{message, more, name, unread};
use crate::console::app::App;
use crate::console::keys::{Action, Place};
use crate::console::mouse::Spot;
use crate::console::screens::run::OpenRun;
use crate::console::screens::samples::view::side_by_side;
use crate::console::screens::samples::{Loading, Sample, Sheet, views};
use crate::console::text::{self, fit};
use crate::console::views::{picture, put, put_right};
use crate::words::numbers::{grouped, percent, plural};

/// How many of `n` thumbnails stand beside each other, and how many lines of them there are room for.
pub fn grid(area: Rect, n: usize) -> (usize, usize) {
    let area = below_head(area);
    picture::tiles(area, picture::tile(area, n))
}

/// Draws the sheet, or the image that is enlarged.
pub fn draw(buffer: &mut Buffer, app: &App, run: &OpenRun, area: Rect) {
    let pseudo_labels = &run.pseudo_labels;
    let Some(panel) = pseudo_labels.panel(run.moment) else {
        let why = unread(run).unwrap_or_else(|| "no evaluation has asked about images yet".into());
        return message(buffer, app, &why, area);
    };
    let sheet = match &pseudo_labels.sheet {
        Loading::Read(sheet) => sheet,
        Loading::Not | Loading::Reading => return message(buffer, app, "reading the images…", area),
        Loading::Failed(reason) => return message(buffer, app, reason, area),
    };
    let shown = pseudo_labels.shown(run.moment);
    let head = match pseudo_labels.cell {
        Some(cell) => format!(
            "{}, confidence {} to {}: {} of the {}{}",
            name(run, cell.class),
            EDGES[cell.bin],
            EDGES[cell.bin + 1],
            shown.len(),
            plural(panel.unlabeled.len() as u64, "followed image"),
            app.offer(Place::PseudoLabels, Action::Back, ("; ", " shows all classes again"))
        ),
        None => format!(
            "{}: pseudo-label, confidence in %",
            plural(panel.unlabeled.len() as u64, "followed unlabeled image")
        ),
    };
    let body = below_head(area);
    let (columns, lines) = grid(area, shown.len());
    let more =
        more(pseudo_labels.image.top * columns, lines * columns, shown.len()).filter(|_| !pseudo_labels.is_enlarged);
    let more = more.unwrap_or_default();
    put_right(buffer, area.right() - 1, area.y, &more, app.theme.accent());
    put(
        buffer,
        1,
        area.y,
        &fit(&head, usize::from(area.width).saturating_sub(3 + text::width(&more))),
        app.theme.faint(),
    );
    let sample = |opinion: &Opinion| sheet.samples.iter().find(|sample| sample.index == opinion.index);
    match shown.get(pseudo_labels.image.at).filter(|_| pseudo_labels.is_enlarged) {
        Some(opinion) => {
            if let Some(sample) = sample(opinion) {
                enlarged(buffer, app, run, (sheet, sample, opinion), body);
            }
        }
        None => sheet_of(buffer, app, run, &shown, &sample, body),
    }
}

fn below_head(area: Rect) -> Rect {
    Rect { y: area.y + 1, height: area.height - 1, ..area }
}

/// The images that are in sight, of `n`, each with its place.
fn cells(run: &OpenRun, n: usize, area: Rect) -> impl Iterator<Item = (usize, Rect)> {
    picture::cells(area, picture::tile(area, n), run.pseudo_labels.image.top, n)
}

/// What a mouse points at: an image or what stands below it.
pub fn spot(run: &OpenRun, area: Rect, position: Position) -> Option<Spot> {
    let n = if run.pseudo_labels.is_enlarged { 0 } else { run.pseudo_labels.shown(run.moment).len() };
    picture::at(cells(run, n, below_head(area)), position).map(Spot::Row)
}

fn sheet_of<'a>(
    buffer: &mut Buffer,
    app: &App,
    run: &OpenRun,
    shown: &[&Opinion],
    sample: &dyn Fn(&Opinion) -> Option<&'a Sample>,
    area: Rect,
) {
    if shown.is_empty() {
        return message(
            buffer,
            app,
            "none of the followed images is in this cell; cells that hold some are underlined",
            area,
        );
    }
    for (i, cell) in cells(run, shown.len(), area) {
        let opinion = shown[i];
        if let Some(sample) = sample(opinion) {
            picture::draw(buffer, app, &sample.image, cell);
        }
        if i == run.pseudo_labels.image.at {
            put(buffer, cell.x - 1, cell.bottom(), "▸", app.theme.selected());
        }
        put(
            buffer,
            cell.x,
            cell.bottom(),
            &caption(run, opinion, usize::from(cell.width) + 1),
            judged(app, opinion, opinion.online),
        );
    }
}

/// A verdict in a few characters: the class, whether it is right, how sure.
fn caption(run: &OpenRun, opinion: &Opinion, width: usize) -> String {
    let end = format!("{} {:.0}", mark(opinion, opinion.online), 100.0 * opinion.online.confidence);
    let room = width.saturating_sub(text::width(&end) + 1);
    format!("{} {end}", fit(&name(run, opinion.online.class.into()), room))
}

/// What both networks say of an image now.
pub fn now_says(run: &OpenRun, opinion: &Opinion) -> String {
    let says = |verdict: Verdict| {
        format!("{} {} {}", name(run, verdict.class.into()), mark(opinion, verdict), percent(verdict.confidence.into()))
    };
    format!("predicted now: {} (EMA), {} (raw)", says(opinion.ema), says(opinion.online))
}

/// Whether a verdict is right; nothing where that is not known.
fn mark(opinion: &Opinion, verdict: Verdict) -> &'static str {
    match opinion.label {
        Some(label) if label == verdict.class => "✓",
        Some(_) => "✗",
        None => "",
    }
}

fn judged(app: &App, opinion: &Opinion, verdict: Verdict) -> Style {
    match opinion.label {
        Some(label) if label == verdict.class => app.theme.good(),
        Some(_) => app.theme.error(),
        None => app.theme.text(),
    }
}

fn enlarged(
    buffer: &mut Buffer,
    app: &App,
    run: &OpenRun,
    (sheet, sample, opinion): (&Sheet, &Sample, &Opinion),
    area: Rect,
) {
    let theme = app.theme;
    let story = run.pseudo_labels.story(opinion.index, run.moment);
    let truth = opinion
        .label
        .map_or_else(|| "true class not known".to_owned(), |label| format!("true class {}", name(run, label.into())));
    put(buffer, 2, area.y, &format!("training image {}, {truth}", sample.index), theme.strong());
    let mut y = area.y + 1;
    for (who, verdict) in [("pseudo-label", opinion.online), ("EMA", opinion.ema)] {
        let x = put(buffer, 2, y, &format!("{who:<14}"), theme.faint());
        let text = format!(
            "{} {} {}",
            name(run, verdict.class.into()),
            mark(opinion, verdict),
            percent(verdict.confidence.into())
        );
        put(buffer, x, y, &text, judged(app, opinion, verdict));
        y += 1;
    }
    let flipped = match story.flipped {
        Some(step) => {
            let times = plural(story.n_flips as u64, "change");
            format!("pseudo-label last changed at step {}, {times} in all", grouped(step))
        }
        None => "its pseudo-label never changed".into(),
    };
    let size = story.confidences.len().div_ceil(32).max(1).next_power_of_two();
    let sparks: Vec<Option<f64>> =
        story.confidences.chunks(size).map(|part| *part.last().expect("not empty")).collect();
    let x = put(buffer, 2, y, &format!("{flipped}   "), theme.text());
    let x = put(buffer, x, y, "confidence ", theme.faint());
    put(buffer, x, y, &app.glyphs.sparkline(&sparks), theme.curve(0));

    let views = views(sheet, sample, run.pseudo_labels.draw);
    let below = Rect { y: y + 2, height: area.bottom().saturating_sub(y + 2), ..area };
    side_by_side(buffer, app, &sample.image, &views, below);
}
