//! How scores are spread in each class, and how far orders agree.

use ratatui::buffer::Buffer;
use ratatui::layout::Rect;
use ratatui::text::Span;

use crate::console::app::App;
use crate::console::keys::{Action, Place};
use crate::console::screens::browser::Browser;
use crate::console::screens::browser::atlas::{Atlas, Correlation, Listed, N_BINS};
use crate::console::text::{self, fit, left, right};
use crate::console::views::{put, put_spans};
use crate::words::labels::recipe_words;
use crate::words::numbers::{grouped, or_dash, significant};

/// Columns of a class's name.
const NAMES: usize = 14;

/// Draws the scores of the order that is shown.
pub fn draw(buffer: &mut Buffer, app: &App, browser: &Browser, atlas: &Atlas, area: Rect) {
    let theme = app.theme;
    let Some(listed) = browser.listed() else {
        let makes = app.offer(Place::Browser, Action::Ranking, (": ", " makes one"));
        put(buffer, 2, area.y + 2, &format!("there is no order yet{makes}"), theme.faint());
        return;
    };
    let n_others = atlas.orders.len().saturating_sub(1) as u16;
    let below = (n_others + 2).min(area.height / 3).max(3);
    let above = Rect { y: area.y + 1, height: area.height.saturating_sub(below + 3), ..area };
    histograms(buffer, app, browser, (atlas, listed), above);
    let agreement = Rect { y: above.bottom() + 1, height: below, ..area };
    correlations(buffer, app, atlas, listed, agreement);
}

fn histograms(buffer: &mut Buffer, app: &App, browser: &Browser, (atlas, listed): (&Atlas, &Listed), area: Rect) {
    let theme = app.theme;
    let rank = &listed.order.ranking.rank;
    let (low, high) = listed.extent;
    let end = if rank.by.larger_is_more() { "more" } else { "less" };
    let title = format!("scores by {}, {end} is more representative; {}", rank.by, recipe_words(rank));
    put(buffer, 2, area.y, &fit(&title, usize::from(area.width) - 4), theme.strong());
    let heads = format!("{}{}{}  ", left("class", NAMES), right("images", 8), right("mean rank", 11));
    let (low, high) = (significant(low), significant(high));
    let scale = format!("{low}{}", right(&high, N_BINS.saturating_sub(text::width(&low))));
    let spans = vec![Span::styled(format!("  {heads}"), theme.faint()), Span::styled(scale, theme.faint())];
    put_spans(buffer, area, area.y + 1, spans);
    let height = usize::from(area.height.saturating_sub(2));
    let top = browser.scores_at.centred(height, atlas.n_classes());
    for class in (0..atlas.n_classes()).skip(top).take(height) {
        let name = atlas.name_of(class);
        let bins = &listed.histogram[class];
        let n: u32 = bins.iter().sum();
        // on a logarithmic scale, since most images crowd at one end
        let columns = bins.map(|count| (count > 0).then(|| f64::from(count).ln_1p()));
        let is_shown = browser.class.is_none_or(|shown| shown == class);
        let style = if is_shown { theme.text() } else { theme.faint() };
        let is_selected = class == browser.scores_at.at;
        let spans = vec![
            Span::styled(if is_selected { "▸ " } else { "  " }, theme.selected()),
            Span::styled(left(name, NAMES), if is_selected { theme.selected() } else { style }),
            Span::styled(right(&grouped(n.into()), 8), style),
            Span::styled(right(&format!("{:.1}", listed.class_mean_ranks[class]), 11), theme.strong()),
            Span::styled(format!("  {}", app.glyphs.sparkline(&columns)), theme.accent()),
        ];
        put_spans(buffer, area, area.y + 2 + (class - top) as u16, spans);
    }
}

fn correlations(buffer: &mut Buffer, app: &App, atlas: &Atlas, listed: &Listed, area: Rect) {
    let theme = app.theme;
    put(buffer, 2, area.y, "rank correlation with other orders (Spearman's ρ, 1: the same order)", theme.strong());
    let others = atlas.orders.iter().zip(&listed.correlations);
    let others: Vec<_> = others.filter(|(other, _)| other.order.path != listed.order.path).collect();
    if others.is_empty() {
        let makes = app.offer(Place::Browser, Action::Ranking, (": ", " makes one"));
        put(buffer, 2, area.y + 1, &format!("there is no other order of these images yet{makes}"), theme.faint());
    }
    for ((other, correlation), y) in others.iter().zip(area.y + 1..area.bottom()) {
        let overall = or_dash(correlation.overall, |rho| format!("{rho:+.3}"));
        let spans = vec![
            Span::styled(format!("  {}", left(&other.order.ranking.rank.by.to_string(), NAMES)), theme.text()),
            Span::styled(right(&overall, 8), theme.strong()),
            Span::styled(format!("  {}", range_words(atlas, correlation)), theme.faint()),
        ];
        put_spans(buffer, area, y, spans);
    }
}

/// The classes in which two orders agree least and most.
fn range_words(atlas: &Atlas, correlation: &Correlation) -> String {
    let known = || correlation.classes.iter().enumerate().filter_map(|(class, rho)| Some((class, (*rho)?)));
    let least = known().min_by(|a, b| a.1.total_cmp(&b.1));
    let most = known().max_by(|a, b| a.1.total_cmp(&b.1));
    let words = |(class, rho): (usize, f64)| format!("{} {rho:+.3}", atlas.dataset.classes[class]);
    match (least.map(words), most.map(words)) {
        (Some(least), Some(most)) => format!("in classes from {least} to {most}"),
        _ => String::new(),
    }
}
