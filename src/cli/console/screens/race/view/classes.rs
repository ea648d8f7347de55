//! Where a difference lies: the accuracy of each class, and what is taken for what.

use fixmatch::compare::classes::{confusions, per_class};
use ratatui::buffer::Buffer;
use ratatui::layout::Rect;
use ratatui::text::Span;

use super::named;
use crate::console::app::App;
use crate::console::screens::race::Race;
use crate::console::text::{fit, left, right, wrap};
use crate::console::views::{put, put_spans};
use crate::words::comparisons::{letter, points};
use crate::words::numbers::or_dash;

/// Columns of a number.
const NUMBER: usize = 7;

/// Draws the group in focus against the one that differences count from; where that is in focus, beside the others.
pub fn draw(race: &Race, buffer: &mut Buffer, app: &App, area: Rect) {
    let theme = app.theme;
    let (reference, focused) = (race.lane_of(race.against), race.lane_of(race.focus));
    let other =
        if focused == reference { (0..race.lanes.len()).find(|lane| *lane != reference) } else { Some(focused) };
    let names = |lane: usize| {
        named(race, lane).and_then(|run| run.state.started.as_ref()).map(|it| it.classes.clone()).unwrap_or_default()
    };
    let classes = names(reference);
    let Some(other) = other.filter(|other| names(*other) == classes && !classes.is_empty()) else {
        let text = match other {
            Some(other) if !names(other).is_empty() && !classes.is_empty() => {
                format!("{} and {} have different classes.", letter(reference), letter(other))
            }
            Some(_) => "Nothing was evaluated yet.".into(),
            None => "There is one group only: nothing to hold its classes against.".into(),
        };
        for (line, y) in wrap(&text, usize::from(area.width).saturating_sub(4)).iter().zip(area.y..area.bottom()) {
            put(buffer, area.x + 2, y, line, theme.faint());
        }
        return;
    };
    let [before, after] = [reference, other].map(|lane| race.evaluated(&race.lanes[lane]));
    let [first, second] = [&before, &after].map(|last| per_class(last));
    let difference = |class: usize| Some(second.get(class).copied().flatten()? - first.get(class).copied().flatten()?);
    let mut order: Vec<usize> = (0..classes.len()).collect();
    let size = |class: &usize| difference(*class).map_or(-1.0, f64::abs);
    order.sort_by(|a, b| size(b).total_cmp(&size(a)));
    let half = area.width * 9 / 20;
    let name = usize::from(half).saturating_sub(3 * NUMBER + 3).clamp(6, 30);
    let title = |text: &str, lane: usize| Span::styled(right(&format!("{text} %"), NUMBER), theme.curve(lane));
    let delta = format!("{} − {}", letter(other), letter(reference));
    let head = vec![
        Span::styled(format!("  {}", left("class", name)), theme.faint()),
        title(&letter(reference), reference),
        title(&letter(other), other),
        Span::styled(right(&delta, NUMBER), theme.faint()),
    ];
    put_spans(buffer, Rect { width: half, ..area }, area.y, head);
    let percent = |share: f64| format!("{:.1}", 100.0 * share);
    let share = |of: &[Option<f64>], class: usize| or_dash(of.get(class).copied().flatten(), percent);
    let style = |difference: f64| match difference {
        d if d >= 0.005 => theme.good(),
        d if d <= -0.005 => theme.error(),
        _ => theme.faint(),
    };
    for (&class, y) in order.iter().zip(area.y + 1..area.bottom()) {
        let change = difference(class);
        let spans = vec![
            Span::styled(format!("  {}", left(&fit(&classes[class], name), name)), theme.text()),
            Span::styled(right(&share(&first, class), NUMBER), theme.text()),
            Span::styled(right(&share(&second, class), NUMBER), theme.text()),
            Span::styled(right(&or_dash(change, points), NUMBER), change.map_or(theme.faint(), style)),
        ];
        put_spans(buffer, Rect { width: half, ..area }, y, spans);
    }
    let right_side = Rect { x: area.x + half, width: area.width - half, ..area };
    let name = usize::from(right_side.width).saturating_sub(3 * NUMBER + 3).max(6);
    let head = vec![
        Span::styled(format!("  {}", left("taken for", name)), theme.faint()),
        title(&letter(reference), reference),
        title(&letter(other), other),
        Span::styled(right(&delta, NUMBER), theme.faint()),
    ];
    put_spans(buffer, right_side, area.y, head);
    for (it, y) in confusions(&before, &after).iter().zip(area.y + 1..area.bottom()) {
        let pair = |at: usize| classes.get(at).map_or_else(|| at.to_string(), ToString::to_string);
        // a name may take what the other one leaves
        let room = name.saturating_sub(3);
        let (of, other) = (pair(it.class), pair(it.taken_for));
        let of = fit(&of, room.saturating_sub(crate::console::text::width(&other)).max(room / 2));
        let text = format!("{of} → {other}");
        let spans = vec![
            Span::styled(format!("  {}", left(&fit(&text, name), name)), theme.text()),
            Span::styled(right(&percent(it.shares[0]), NUMBER), theme.text()),
            Span::styled(right(&percent(it.shares[1]), NUMBER), theme.text()),
            // to confuse more is worse
            Span::styled(right(&points(it.difference()), NUMBER), style(-it.difference())),
        ];
        put_spans(buffer, right_side, y, spans);
    }
}
