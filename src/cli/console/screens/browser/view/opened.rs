//! One image in full: its place in every order, what the networks of a ranking took it for, and its nearest images.

use ratatui::buffer::Buffer;
use ratatui::layout::Rect;
use ratatui::text::Span;

use super::thumbnail;
use crate::console::app::App;
use crate::console::keys::{Action, Place};
use crate::console::screens::browser::atlas::Atlas;
use crate::console::screens::browser::{Browser, Near, Opened};
use crate::console::text::{fit, left, right};
use crate::console::views::{picture, put, put_spans};
use crate::words::numbers::{grouped, significant};

/// Classes whose probability is shown.
const N_LIKELY: usize = 3;

/// Draws the image.
pub fn draw(buffer: &mut Buffer, app: &App, browser: &Browser, atlas: &Atlas, opened: &Opened, area: Rect) {
    let theme = app.theme;
    let small = thumbnail(area);
    let below = small.1 + 2;
    let height = area.height.saturating_sub(below + 4).clamp(4, 24);
    let width = (2 * height).min(area.width / 2 - 4);
    let image = atlas.dataset.train.image(opened.index as usize);
    picture::draw(buffer, app, &image, Rect { x: 2, y: area.y + 2, width, height });
    let mark = if browser.set.holds(opened.index) { "● in the set: " } else { "" };
    let title = format!("{mark}training image {}, {}", opened.index, atlas.class_name(opened.index));
    let style = if mark.is_empty() { theme.strong() } else { theme.changed() };
    put(buffer, 2, area.y + 1, &title, style);
    let facts = Rect { x: 2 + width + 3, y: area.y + 2, width: area.width.saturating_sub(width + 6), height };
    let y = places(buffer, app, browser, atlas, opened.index, facts);
    predictions(
        buffer,
        app,
        browser,
        (atlas, opened.index),
        Rect { y, height: facts.bottom().saturating_sub(y), ..facts },
    );
    let near = Rect { x: 2, y: area.y + 3 + height, width: area.width - 3, height: below };
    nearest(buffer, app, (atlas, opened), small, near);
}

/// Score and rank in every order; returns the row below.
fn places(buffer: &mut Buffer, app: &App, browser: &Browser, atlas: &Atlas, index: u32, area: Rect) -> u16 {
    let theme = app.theme;
    let heads = format!("{}{}{}{}", left("order", 13), right("score", 8), right("rank", 9), right("in class", 10));
    put(buffer, area.x, area.y, &fit(&heads, area.width.into()), theme.faint());
    // the predictions below want as many rows as there are likely classes, and a heading
    let n_rows = usize::from(area.height).saturating_sub(N_LIKELY + 3).max(1);
    let mut y = area.y + 1;
    for (i, listed) in atlas.orders.iter().enumerate().take(n_rows) {
        let order = &listed.order;
        let style = if browser.order == Some(i) { theme.selected() } else { theme.text() };
        let spans = vec![
            Span::styled(left(&order.ranking.rank.by.to_string(), 13), style),
            Span::styled(right(&significant(order.score(index)), 8), theme.text()),
            Span::styled(right(&grouped(order.rank(index).into()), 9), theme.strong()),
            Span::styled(right(&grouped(order.class_rank(index).into()), 10), theme.strong()),
        ];
        put_spans(buffer, area, y, spans);
        y += 1;
    }
    if atlas.orders.is_empty() {
        let makes = app.offer(Place::Browser, Action::Ranking, (": ", " makes one"));
        put(buffer, area.x, y, &fit(&format!("no order yet{makes}"), area.width.into()), theme.faint());
        y += 1;
    }
    y + 1
}

fn predictions(buffer: &mut Buffer, app: &App, browser: &Browser, (atlas, index): (&Atlas, u32), area: Rect) {
    let theme = app.theme;
    let first = browser.order.into_iter().chain(0..atlas.orders.len());
    let found = first.map(|order| &atlas.orders[order].order.ranking).find(|ranking| ranking.predictions.is_some());
    let Some((ranking, predictions)) = found.and_then(|ranking| Some((ranking, ranking.predictions.as_ref()?))) else {
        let text = "no order here has kept its networks' predictions";
        put(buffer, area.x, area.y, &fit(text, area.width.into()), theme.faint());
        return;
    };
    let title = format!("predictions of the networks of {}", ranking.rank.by);
    put(buffer, area.x, area.y, &fit(&title, area.width.into()), theme.faint());
    let mut likely: Vec<(usize, f64)> = predictions.of(index).enumerate().collect();
    likely.sort_by(|a, b| b.1.total_cmp(&a.1));
    let width = usize::from(area.width).saturating_sub(22).min(24);
    for ((class, probability), y) in likely.into_iter().take(N_LIKELY).zip(area.y + 1..area.bottom()) {
        let is_right = class == atlas.class_of(index);
        let (done, rest) = app.glyphs.bar(probability, width);
        let spans = vec![
            Span::styled(left(&atlas.dataset.classes[class], 13), if is_right { theme.good() } else { theme.text() }),
            Span::styled(right(&format!("{:.0} %", 100.0 * probability), 7), theme.strong()),
            Span::styled(format!(" {done}"), if is_right { theme.good() } else { theme.accent() }),
            Span::styled(rest, theme.faint()),
        ];
        put_spans(buffer, area, y, spans);
    }
}

/// The nearest images; those of another class stand out.
fn nearest(
    buffer: &mut Buffer,
    app: &App,
    (atlas, opened): (&Atlas, &Opened),
    (width, height): (u16, u16),
    area: Rect,
) {
    let theme = app.theme;
    let (title, near) = match &opened.near {
        Near::Features(order, near) => {
            let rank = &atlas.orders[*order].order.ranking.rank;
            let where_ = if atlas.orders[*order].order.ranking.clusters.is_some() { " of its cluster" } else { "" };
            (format!("nearest images{where_}, in the features of {}", rank.by), &near[..])
        }
        Near::Pixels(Some(near)) => ("nearest images by their pixels".into(), &near[..]),
        Near::Pixels(None) => ("nearest images by their pixels: comparing…".into(), &[][..]),
    };
    put(buffer, area.x, area.y, &title, theme.faint());
    let n = usize::from((area.width + 1) / (width + 2));
    for (i, &index) in near.iter().take(n).enumerate() {
        let cell = Rect { x: area.x + i as u16 * (width + 2), y: area.y + 1, width, height };
        picture::draw(buffer, app, &atlas.dataset.train.image(index as usize), cell);
        let is_same = atlas.class_of(index) == atlas.class_of(opened.index);
        let style = if is_same { theme.faint() } else { theme.changed() };
        put(buffer, cell.x, cell.bottom(), &fit(atlas.class_name(index), usize::from(width) + 1), style);
    }
}
