//! What each threshold policy makes of the same pseudo-labels, and what the selected one remembers of each class.
//!
//! ```text
//! policy                 mask ratio  accuracy  counts from    over the run
//! ▸fixed      in force       62.1 %    91.3 %  0.950          ▂▃▄▅▅▆▇
//!  flexmatch                 88.0 %    80.2 %  0.312 to 0.95  ▇▇▆▆▆▆▆
//!
//! flexmatch              counts from  over the run              status
//! T-shirt/top                  0.838  ▂▃▄▅▅▆▇▇                   0.938 ━━━━━━━━━
//! ```

use fixmatch::config::Policy;
use fixmatch::run::curves::Series;
use fixmatch::run::insight::{Histogram, Judged, Quantity};
use fixmatch::run::pseudo::{Threshold, View};
use ratatui::buffer::Buffer;
use ratatui::layout::Rect;

use super::{lines, message, more, name};
use crate::console::app::App;
use crate::console::mouse::Rows;
use crate::console::screens::run::OpenRun;
use crate::console::text::{fit, left};
use crate::console::views::{put, put_right};
use crate::words::numbers::{grouped, or_dash, percent, range};

/// Columns of a name, and where the curve of a row begins.
const NAME: usize = 21;
const CURVE: u16 = 61;

/// Rows above the policies.
const ABOVE: u16 = 1;

/// Columns of the tables; what is beyond is for charts.
const TABLE: u16 = 80;

/// Columns of a curve over the run in the lower table, and of a bar.
const SPARKS: usize = 16;
const BAR: usize = 8;

/// Draws the policies, below them what the selected one remembers, and where there is room its curves.
pub fn draw(buffer: &mut Buffer, app: &App, run: &OpenRun, area: Rect) {
    let Some(histogram) = run.pseudo_labels.histogram(run.moment) else {
        let text = super::unread(run).unwrap_or_else(|| "no pseudo-labels were counted yet".into());
        return message(buffer, app, &text, area);
    };
    let judged = &histogram.judged;
    let place = if run.pseudo_labels.row.at < judged.len() { run.pseudo_labels.row.at } else { 0 };
    let Some(selected) = judged.get(place) else {
        let text = "no policies watched this run's pseudo-labels, as they do in runs of this fixmatch";
        return message(buffer, app, text, area);
    };
    let faint = app.theme.faint();
    put(buffer, 2, area.y, &left("policy", NAME), faint);
    for (end, head) in [(33, "mask ratio"), (43, "accuracy")] {
        put_right(buffer, end, area.y, head, faint);
    }
    put(buffer, 45, area.y, "counts from", faint);
    put(buffer, CURVE, area.y, "mask ratio so far", faint);
    let so_far = |it: &Judged| run.pseudo_labels.curves(Threshold::Policy(it.policy));
    let so_far: Vec<[Series; 2]> = judged.iter().map(so_far).collect();
    let table = Rect { width: TABLE.min(area.width), ..area };
    for (i, y) in rows_in_sight(run, area).iter().flat_map(Rows::seen) {
        policy(buffer, app, run, (histogram, i, &so_far[i][0]), Rect { y, height: 1, ..table });
    }
    let below = ABOVE + judged.len() as u16 + 1;
    memory(buffer, app, run, selected, Rect { y: area.y + below, height: area.height.saturating_sub(below), ..table });
    if area.width >= TABLE + 30 {
        curves(
            buffer,
            app,
            run,
            (selected.policy, place, &so_far),
            Rect { x: area.x + TABLE, width: area.width - TABLE, ..area },
        );
    }
}

/// The policies.
pub fn rows_in_sight(run: &OpenRun, area: Rect) -> Option<Rows> {
    let n = run.pseudo_labels.histogram(run.moment)?.judged.len();
    Some(super::rows(run, area, ABOVE, n, usize::from(area.height.saturating_sub(ABOVE))))
}

fn policy(
    buffer: &mut Buffer,
    app: &App,
    run: &OpenRun,
    (histogram, place, mask_ratio): (&Histogram, usize, &Series),
    area: Rect,
) {
    let theme = app.theme;
    let judged = &histogram.judged[place];
    let Some(view) = View::of(histogram, Threshold::Policy(judged.policy)) else { return };
    let (mark, style) = if place == run.pseudo_labels.row.at { ("▸", theme.selected()) } else { (" ", theme.text()) };
    let x = put(buffer, 0, area.y, &format!(" {mark}{}", left(judged.policy.name(), 10)), style);
    let role = match (judged.decides, judged.since) {
        (true, _) => "in force".into(),
        (false, 0) => String::new(),
        (false, since) => format!("since {}", grouped(since)),
    };
    put(buffer, x, area.y, &left(&role, NAME - 10), if judged.decides { theme.changed() } else { theme.faint() });
    put_right(buffer, 33, area.y, &or_dash(view.mask_ratio, percent), theme.strong());
    put_right(buffer, 43, area.y, &or_dash(view.purity, percent), theme.strong());
    put(buffer, 45, area.y, &or_dash(judged.thresholds(), |[low, high]| range(low, high)), theme.text());
    let sparks = super::rates::shares(app.glyphs, &run.sparks(mask_ratio, SPARKS));
    put(buffer, CURVE, area.y, &sparks, theme.curve(usize::from(!judged.decides)));
}

/// A quantity's heading.
fn heading(quantity: Quantity) -> &'static str {
    match quantity {
        Quantity::Threshold => "counts from",
        Quantity::Status => "status β",
        Quantity::Shares => "mean p",
        Quantity::Histogram => "predicted",
        Quantity::Deviation => "σ / n_σ",
        Quantity::Alignment => "times",
    }
}

/// What a full bar stands for; None of what is no share.
fn full_bar(quantity: Quantity, values: &[f32]) -> Option<f32> {
    match quantity {
        Quantity::Status => Some(1.0),
        Quantity::Shares | Quantity::Histogram => values.iter().copied().reduce(f32::max).filter(|it| *it > 0.0),
        Quantity::Threshold | Quantity::Deviation | Quantity::Alignment => None,
    }
}

/// What a policy remembers: a row for each class, or one for all.
fn memory(buffer: &mut Buffer, app: &App, run: &OpenRun, judged: &Judged, area: Rect) {
    if area.height < 2 {
        return;
    }
    let theme = app.theme;
    let n = judged.memory.iter().map(|(_, values)| values.len()).max().unwrap_or(0);
    put(buffer, 2, area.y, &left(judged.policy.name(), NAME), theme.faint());
    put_right(buffer, 33, area.y, "counts from", theme.faint());
    put(buffer, 35, area.y, "so far", theme.faint());
    let others: Vec<_> = judged.memory.iter().filter(|(quantity, _)| *quantity != Quantity::Threshold).collect();
    let room = usize::from(area.width.saturating_sub(53));
    let width = if others.len() > 1 { room / others.len() } else { room };
    let column = |i: usize| 53 + (i * width) as u16;
    for (i, (quantity, _)) in others.iter().enumerate() {
        put(buffer, column(i), area.y, &fit(heading(*quantity), width.saturating_sub(1)), theme.faint());
    }
    let n_shown = n.min(usize::from(area.height - 1));
    if let Some(more) = more(0, n_shown, n) {
        put_right(buffer, area.right() - 1, area.y, &format!(" {more}"), theme.accent());
    }
    for (class, y) in (0..n_shown).zip(area.y + 1..) {
        let title = if n == 1 { "all classes".into() } else { name(run, class) };
        put(buffer, 2, y, &left(&title, NAME), theme.text());
        put_right(buffer, 33, y, &or_dash(judged.threshold(class), |it| format!("{it:.3}")), theme.strong());
        let thresholds = run.pseudo_labels.thresholds(judged.policy, class);
        put(buffer, 35, y, &super::rates::shares(app.glyphs, &run.sparks(&thresholds, SPARKS)), theme.curve(0));
        for (i, (quantity, values)) in others.iter().enumerate() {
            let Some(&value) = values.get(class) else { continue };
            let x = put(buffer, column(i), y, &format!("{value:.3} "), theme.text());
            if let Some(full) = full_bar(*quantity, values).filter(|_| width >= 6 + BAR) {
                let (done, rest) = app.glyphs.bar(f64::from(value / full), BAR);
                let x = put(buffer, x, y, &done, theme.curve(0));
                put(buffer, x, y, &rest, theme.faint());
            }
        }
    }
}

/// The mask ratio and the accuracy of all policies over the run, the selected one on top.
fn curves(
    buffer: &mut Buffer,
    app: &App,
    run: &OpenRun,
    (selected, place, so_far): (Policy, usize, &[[Series; 2]]),
    area: Rect,
) {
    let theme = app.theme;
    let mut order: Vec<usize> = (0..so_far.len()).collect();
    order.sort_by_key(|&other| other != place);
    let style = |other: usize| if other == place { theme.curve(0) } else { theme.faint() };
    let height = area.height / 2;
    for (which, title) in ["mask ratio", "pseudo-label accuracy"].into_iter().enumerate() {
        let chart = Rect { y: area.y + which as u16 * height, height, ..area };
        let x = put(buffer, chart.x + 1, chart.y, &format!("{title}  "), theme.strong());
        let x = put(buffer, x, chart.y, selected.name(), theme.curve(0));
        put(buffer, x, chart.y, "  others", theme.faint());
        let curves: Vec<_> = order.iter().map(|&i| (so_far[i][which].clone(), style(i))).collect();
        lines::draw(buffer, app, run, &curves, Rect { y: chart.y + 1, height: chart.height - 1, ..chart });
    }
}
