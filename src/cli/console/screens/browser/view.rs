//! The images of a data set in an order, as contact sheets, and the label set that is put together from them.
//!
//! ```text
//! ends  order  set 12  scores           by agreement · all classes · page 1 of 834
//! most representative                    least representative
//! ▀▀▀▀ ▀▀▀▀ ▀▀▀▀                         ▀▀▀▀ ▀▀▀▀ ▀▀▀▀
//! ▸1 cat  2 dog  ● 3 cat                  50,000 …
//! image 4255: cat, rank 1 of 50,000, 1 in class, score 0.0001
//! set: 10 images · mean rank 4321.0 · not saved · f picks 1 per class · + more, - fewer
//! ```

use fixmatch::config::Metric;
use ratatui::buffer::Buffer;
use ratatui::layout::{Position, Rect};
use ratatui::text::Span;
use strum::VariantArray as _;

use crate::console::app::App;
use crate::console::keys::{Action, Place};
use crate::console::mouse::Spot;
use crate::console::screens::browser::atlas::Atlas;
use crate::console::screens::browser::{Browser, End, Loading, View};
use crate::console::text::{fit, fit_parts, wrap};
use crate::console::views::{picture, put, put_right, put_spans};
use crate::words::numbers::{grouped, plural, significant};

mod opened;
mod scores;

/// A thumbnail in cells, without its name and the space around it.
pub fn thumbnail(area: Rect) -> (u16, u16) {
    if area.width >= 160 && area.height >= 40 { (16, 8) } else { (10, 5) }
}

/// Columns and rows of a sheet.
fn grid(browser: &Browser, area: Rect) -> (usize, usize) {
    let (width, height) = thumbnail(area);
    let sheet = sheets(browser.view, area)[0];
    let (columns, rows) = ((sheet.width + 1) / (width + 2), (sheet.height + 1) / (height + 2));
    (usize::from(columns.max(1)), usize::from(rows.max(1)))
}

/// Where the sheets lie: one, or two beside each other. Two rows above and two below are for words.
fn sheets(view: View, area: Rect) -> Vec<Rect> {
    let whole = Rect { x: 2, y: area.y + 2, width: area.width - 3, height: area.height.saturating_sub(4) };
    let half = whole.width / 2 - 1;
    match view {
        View::Ends => {
            vec![Rect { width: half, ..whole }, Rect { x: whole.x + half + 3, width: half, ..whole }]
        }
        View::Order | View::Set | View::Scores => vec![whole],
    }
}

impl Browser {
    /// Learns how many images stand beside each other.
    pub fn arrange(&mut self, area: Rect) {
        self.grid = grid(self, area);
    }

    /// Draws the browser.
    pub fn draw(&self, buffer: &mut Buffer, app: &App, area: Rect) {
        let theme = app.theme;
        let width = usize::from(area.width).saturating_sub(4);
        let message = match &self.loading {
            Loading::Ready(atlas) => return ready(buffer, app, self, atlas, area),
            Loading::Reading => ("reading the images and their orders…", theme.faint()),
            Loading::Failed(reason) => (reason.as_str(), theme.error()),
        };
        for (line, y) in wrap(message.0, width).iter().zip(area.y..area.bottom()) {
            put(buffer, 2, y, line, message.1);
        }
    }

    /// What a mouse points at: an image or its name.
    pub fn spot(&self, area: Rect, position: Position) -> Option<Spot> {
        let browser = Some(self).filter(|it| it.opened.is_none())?;
        let (end, at) = match browser.view {
            View::Ends | View::Order => (browser.end, browser.at.at),
            View::Set => (End::Most, browser.set_at.at),
            View::Scores => return None,
        };
        let ends = if browser.view == View::Ends { vec![End::Most, End::Least] } else { vec![end] };
        let holds = |cell: Rect| Rect { height: cell.height + 1, ..cell }.contains(position);
        ends.into_iter().zip(sheets(browser.view, area)).find_map(|(end, sheet)| {
            let n = (0..browser.page()).find(|&n| holds(cell(browser, thumbnail(area), sheet, n)))?;
            Some(Spot::Image(end, at / browser.page() * browser.page() + n))
        })
    }
}

fn ready(buffer: &mut Buffer, app: &App, browser: &Browser, atlas: &Atlas, area: Rect) {
    tabs(buffer, app, browser, atlas, area);
    match (&browser.opened, browser.view) {
        (Some(opened), _) => opened::draw(buffer, app, browser, atlas, opened, area),
        (None, View::Scores) => scores::draw(buffer, app, browser, atlas, area),
        (None, View::Set) => set(buffer, app, browser, atlas, area),
        (None, View::Ends | View::Order) => order(buffer, app, browser, atlas, area),
    }
    about_set(buffer, app, browser, atlas, Rect { y: area.bottom() - 1, height: 1, ..area });
}

fn tabs(buffer: &mut Buffer, app: &App, browser: &Browser, atlas: &Atlas, area: Rect) {
    let theme = app.theme;
    let mut x = 2;
    for &view in View::VARIANTS {
        let name = match view {
            View::Ends => "ends".to_owned(),
            View::Order => "order".into(),
            View::Set => format!("set {}", browser.set.indices.len()),
            View::Scores => "scores".into(),
        };
        let style = if view == browser.view { theme.selected() } else { theme.faint() };
        x = put(buffer, x, area.y, &name, style) + 2;
    }
    let by = browser.listed().map_or_else(|| "no order yet".into(), |listed| by_words(listed.order.ranking.rank.by));
    let class = browser.class.map_or("all classes", |class| atlas.name_of(class));
    let page = match (&browser.opened, browser.view) {
        (None, View::Ends | View::Order) => {
            let n = browser.list().len().div_ceil(browser.page()).max(1);
            format!(" · page {} of {}", grouped((browser.at.at / browser.page() + 1) as u64), grouped(n as u64))
        }
        _ => String::new(),
    };
    let room = usize::from(area.right().saturating_sub(x + 1));
    put_right(buffer, area.right() - 1, area.y, &fit(&format!("{by} · {class}{page}"), room), theme.text());
}

fn by_words(by: Metric) -> String {
    format!("by {by}")
}

/// The order from one end, or from both.
fn order(buffer: &mut Buffer, app: &App, browser: &Browser, atlas: &Atlas, area: Rect) {
    let theme = app.theme;
    let page = browser.page();
    let first = browser.at.at / page * page;
    let sheets = sheets(browser.view, area);
    let ends = if browser.view == View::Ends { &[End::Most, End::Least][..] } else { &[browser.end][..] };
    for (&end, &sheet) in ends.iter().zip(&sheets) {
        let heading = match (browser.listed(), browser.view, end) {
            (None, ..) => {
                let makes =
                    app.offer(Place::Browser, Action::Ranking, (": ", " orders them by how representative they are"));
                format!("in the order of the data set{makes}")
            }
            (Some(_), View::Ends, End::Most) => "most representative".into(),
            (Some(_), View::Ends, End::Least) => "least representative".into(),
            (Some(_), _, End::Most) => "from the most to the least representative".into(),
            (Some(_), _, End::Least) => "from the least to the most representative".into(),
        };
        let style = if end == browser.end { theme.strong() } else { theme.faint() };
        put(buffer, sheet.x, sheet.y - 1, &fit(&heading, sheet.width.into()), style);
        let images: Vec<u32> = (first..first + page).map_while(|place| browser.at_end(end, place)).collect();
        let selected = (end == browser.end).then_some(browser.at.at - first);
        contact_sheet(buffer, app, (browser, atlas), (&images, selected), (thumbnail(area), sheet));
    }
    about_image(buffer, app, browser, atlas, area);
}

fn set(buffer: &mut Buffer, app: &App, browser: &Browser, atlas: &Atlas, area: Rect) {
    let theme = app.theme;
    let sheet = sheets(View::Set, area)[0];
    let list = browser.set_list();
    if list.is_empty() {
        let starts = app.offer(Place::Browser, Action::From, (": ", " starts it from a pick, a saved set or a run"));
        let marks = app.offer(Place::Browser, Action::Mark, ("; ", " marks single images"));
        let hint = format!("the label set is empty{starts}{marks}");
        for (line, y) in wrap(&hint, sheet.width.into()).iter().zip(sheet.y..sheet.bottom()) {
            put(buffer, sheet.x, y, line, theme.faint());
        }
        return;
    }
    let page = browser.page();
    let first = browser.set_at.at / page * page;
    let heading = fit(&browser.set.how(), sheet.width.into());
    put(buffer, sheet.x, sheet.y - 1, &heading, theme.faint());
    let images = &list[first..list.len().min(first + page)];
    let selected = Some(browser.set_at.at - first);
    contact_sheet(buffer, app, (browser, atlas), (images, selected), (thumbnail(area), sheet));
    about_image(buffer, app, browser, atlas, area);
}

/// Where the nth image of a sheet lies.
fn cell(browser: &Browser, (width, height): (u16, u16), sheet: Rect, n: usize) -> Rect {
    let (column, row) = ((n % browser.grid.0) as u16, (n / browser.grid.0) as u16);
    Rect { x: sheet.x + column * (width + 2), y: sheet.y + row * (height + 2), width, height }
}

/// Draws images into rows, with what there is to say of each in a few letters.
fn contact_sheet(
    buffer: &mut Buffer,
    app: &App,
    (browser, atlas): (&Browser, &Atlas),
    (images, selected): (&[u32], Option<usize>),
    ((width, height), sheet): ((u16, u16), Rect),
) {
    let theme = app.theme;
    for (i, &index) in images.iter().enumerate() {
        let cell = cell(browser, (width, height), sheet, i);
        picture::draw(buffer, app, &atlas.dataset.train.image(index as usize), cell);
        let is_marked = browser.set.holds(index);
        let style = match (selected == Some(i), browser.swapping == Some(index), is_marked) {
            (true, ..) => theme.selected(),
            (false, true, _) => theme.error(),
            (false, false, true) => theme.changed(),
            (false, false, false) => theme.faint(),
        };
        if selected == Some(i) {
            put(buffer, cell.x - 1, cell.bottom(), "▸", style);
        }
        let mark = if is_marked { "●" } else { "" };
        let text = format!("{mark}{}", caption(browser, atlas, index));
        put(buffer, cell.x, cell.bottom(), &fit(&text, usize::from(width) + 1), style);
    }
}

/// The image's place in its class or among all, and its class.
fn caption(browser: &Browser, atlas: &Atlas, index: u32) -> String {
    let place = match (browser.listed(), browser.class) {
        (Some(listed), Some(_)) => listed.order.class_rank(index),
        (Some(listed), None) => listed.order.rank(index),
        (None, _) => index,
    };
    format!("{place} {}", atlas.class_name(index))
}

/// What there is to say of the selected image.
fn about_image(buffer: &mut Buffer, app: &App, browser: &Browser, atlas: &Atlas, area: Rect) {
    let Some(index) = browser.selected() else { return };
    let n = grouped(atlas.dataset.train.n() as u64);
    let mut text = format!("image {index}: {}", atlas.class_name(index));
    if let Some(listed) = browser.listed() {
        let (rank, in_class) = (listed.order.rank(index), listed.order.class_rank(index));
        let (rank, in_class) = (grouped(rank.into()), grouped(in_class.into()));
        let score = significant(listed.order.score(index));
        text = format!("{text}, rank {rank} of {n}, {in_class} in class, score {score}");
    }
    put(buffer, 2, area.bottom() - 2, &fit(&text, usize::from(area.width) - 4), app.theme.text());
}

/// The set in one line; while an image is exchanged, what that does to it.
fn about_set(buffer: &mut Buffer, app: &App, browser: &Browser, atlas: &Atlas, area: Rect) {
    let theme = app.theme;
    let mean = |rank: f64| format!("mean rank {rank:.1}");
    if let Some(old) = browser.swapping {
        let (before, after) = (browser.mean_rank().map(mean), browser.mean_rank_after_swap());
        let change = before.zip(after).map_or_else(String::new, |(before, after)| format!(": {before} → {after:.1}"));
        let new = browser.selected().unwrap_or(old);
        let swaps = app.offer(Place::Browser, Action::Enter, ("; ", " swaps"));
        let leaves = app.offer(Place::Browser, Action::Back, (", ", " leaves it"));
        let text = format!("swap {old} for {new}{change}{swaps}{leaves}");
        put(buffer, 2, area.y, &fit(&text, usize::from(area.width) - 4), theme.changed());
        return;
    }
    let set = &browser.set;
    let n = set.indices.len();
    let mut parts = vec![(0, format!("set: {}", plural(n as u64, "image")))];
    if n > 0 {
        let n_classes = atlas.dataset.classes.len();
        let mut classes: Vec<_> = set.indices.iter().map(|&index| atlas.class_of(index)).collect();
        classes.sort_unstable();
        classes.dedup();
        if classes.len() < n_classes {
            parts.push((1, format!("{} of {n_classes} classes", classes.len())));
        }
        parts.extend(browser.mean_rank().map(|rank| (1, mean(rank))));
        let saved = match (&set.saved, set.is_changed) {
            (Some((name, _)), false) => format!("saved as {name}"),
            (Some((name, _)), true) => format!("{name}, changed"),
            (None, _) => "not saved".into(),
        };
        parts.push((2, saved));
    }
    let picks = app.offer(Place::Browser, Action::From, ("", " picks"));
    let more = app.offer(Place::Browser, Action::More, ("", " more"));
    let fewer = app.offer(Place::Browser, Action::Less, (", ", " fewer"));
    parts.push((3, format!("{picks} {} per class", browser.per_class)));
    parts.extend((!more.is_empty()).then(|| (4, format!("{more}{fewer}"))));
    let style = if n > 0 { theme.changed() } else { theme.faint() };
    put_spans(
        buffer,
        Rect { x: 2, width: area.width - 3, ..area },
        area.y,
        vec![Span::styled(fit_parts(parts, usize::from(area.width) - 4), style)],
    );
}
