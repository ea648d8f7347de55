//! Unlabeled images that are followed over the whole run: what they are taken for now, how surely, and since when.

use fixmatch::insight::{EDGES, Opinion, Verdict};
use ratatui::buffer::Buffer;
use ratatui::layout::{Position, Rect};
use ratatui::style::Style;

use super::super::samples::side_by_side;
use super::super::{picture, put};
use super::{message, name, unread};
use crate::commands::format::{grouped, percent, plural};
use crate::console::app::App;
use crate::console::mouse::Spot;
use crate::console::run::OpenRun;
use crate::console::samples::{Loading, Sample, Sheet, views};
use crate::console::text::{self, fit};

/// A thumbnail in cells, without the line below it.
fn thumbnail(area: Rect) -> (u16, u16) {
    if area.width >= 160 && area.height >= 40 { (16, 8) } else { (11, 5) }
}

/// How many thumbnails stand beside each other.
pub fn n_columns(area: Rect) -> usize {
    usize::from((area.width - 2) / (thumbnail(area).0 + 2)).max(1)
}

/// How many lines of thumbnails there is room for.
pub fn n_lines(area: Rect) -> usize {
    n_lines_below_head(below_head(area))
}

fn n_lines_below_head(area: Rect) -> usize {
    usize::from((area.height + 1) / (thumbnail(area).1 + 2)).max(1)
}

/// Draws the sheet, or the image that is enlarged.
pub fn draw(buffer: &mut Buffer, app: &App, run: &OpenRun, area: Rect) {
    let insight = &run.insight;
    let Some(panel) = insight.panel(run.moment) else {
        let why = unread(run).unwrap_or_else(|| "no evaluation has asked about images yet".into());
        return message(buffer, app, &why, area);
    };
    let sheet = match &insight.sheet {
        Loading::Read(sheet) => sheet,
        Loading::Not | Loading::Reading => return message(buffer, app, "reading the images…", area),
        Loading::Failed(reason) => return message(buffer, app, reason, area),
    };
    let shown = insight.shown(run.moment);
    let head = match insight.cell {
        Some(cell) => format!(
            "{}, {} to {}: {} of the {} that are followed; esc: back",
            name(run, cell.class),
            EDGES[cell.bin],
            EDGES[cell.bin + 1],
            shown.len(),
            plural(panel.unlabeled.len() as u64, "image")
        ),
        None => format!(
            "{} that are followed, with their pseudo-labels",
            plural(panel.unlabeled.len() as u64, "unlabeled image")
        ),
    };
    put(buffer, 1, area.y, &fit(&head, usize::from(area.width) - 2), app.theme.faint());
    let body = below_head(area);
    let sample = |opinion: &Opinion| sheet.samples.iter().find(|sample| sample.index == opinion.index);
    match shown.get(insight.image.at).filter(|_| insight.is_enlarged) {
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
    let (width, height) = thumbnail(area);
    let columns = run.insight.columns.max(1);
    let first = run.insight.image.top * columns;
    (first..n).take(n_lines_below_head(area) * columns).enumerate().map(move |(place, i)| {
        let (column, row) = ((place % columns) as u16, (place / columns) as u16);
        (i, Rect { x: 2 + column * (width + 2), y: area.y + row * (height + 2), width, height })
    })
}

/// What a mouse points at: an image or what stands below it.
pub fn spot(run: &OpenRun, area: Rect, position: Position) -> Option<Spot> {
    let n = if run.insight.is_enlarged { 0 } else { run.insight.shown(run.moment).len() };
    let holds = |cell: &Rect| Rect { height: cell.height + 1, ..*cell }.contains(position);
    cells(run, n, below_head(area)).find(|(_, cell)| holds(cell)).map(|(i, _)| Spot::Followed(i))
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
            "none of the images that are followed is in this cell; cells that hold some are underlined",
            area,
        );
    }
    for (i, cell) in cells(run, shown.len(), area) {
        let opinion = shown[i];
        if let Some(sample) = sample(opinion) {
            picture::draw(buffer, app, &sample.image, cell);
        }
        if i == run.insight.image.at {
            put(buffer, cell.x - 1, cell.bottom(), "▸", app.theme.selected());
        }
        put(
            buffer,
            cell.x,
            cell.bottom(),
            &caption(run, opinion, cell.width.into()),
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
    format!("now taken for {} (EMA), {} (raw)", says(opinion.ema), says(opinion.online))
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
    let story = run.insight.story(opinion.index, run.moment);
    let truth = opinion
        .label
        .map_or_else(|| "its class is not known".to_owned(), |label| format!("in truth {}", name(run, label.into())));
    put(buffer, 2, area.y, &format!("training image {}, {truth}", sample.index), theme.strong());
    let mut y = area.y + 1;
    for (who, verdict) in [("pseudo-label", opinion.online), ("EMA", opinion.ema)] {
        let x = put(buffer, 2, y, &format!("{who:<13}"), theme.faint());
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
            format!("last flipped at step {}, {} in all", grouped(step), plural(story.n_flips as u64, "flip"))
        }
        None => "it never flipped".into(),
    };
    let size = story.confidences.len().div_ceil(32).max(1).next_power_of_two();
    let sparks: Vec<Option<f64>> =
        story.confidences.chunks(size).map(|part| *part.last().expect("not empty")).collect();
    let x = put(buffer, 2, y, &format!("{flipped}   "), theme.text());
    let x = put(buffer, x, y, "how sure ", theme.faint());
    put(buffer, x, y, &app.glyphs.sparkline(&sparks), theme.curve(0));

    let views = views(sheet, sample, run.insight.draw);
    let below = Rect { y: y + 2, height: area.bottom().saturating_sub(y + 2), ..area };
    side_by_side(buffer, app, &sample.image, &views, below);
}
