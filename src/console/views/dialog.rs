//! Questions, and the values that can change while a run trains.

use ratatui::buffer::Buffer;
use ratatui::layout::Rect;
use ratatui::style::Style;

use super::{overlay, put};
use crate::console::app::{App, Confirm};
use crate::console::form::{Form, preview};
use crate::console::keys::{Action, Place};
use crate::console::text::{clean, fit, left, wrap};

/// Asks before something that one key cannot take back.
pub fn confirm(buffer: &mut Buffer, app: &App, question: &Confirm, area: Rect) {
    let (title, id, lines) = match question {
        Confirm::Stop(dir) => (
            "stop the run?",
            dir.id(),
            [
                app.offer(Place::Run, Action::Resume, ("The worker saves and ends. ", " starts one again.")),
                app.offer(Place::Run, Action::Suspend, ("To free its memory for a while, suspend it with ", ".")),
            ],
        ),
        Confirm::Delete(dir) => (
            "move the run to the trash?",
            dir.id(),
            ["It goes to the folder .trash beside the runs,".into(), "where nothing is ever removed.".into()],
        ),
        Confirm::DeleteSet(name, _) => (
            "move the label set to the trash?",
            name.clone(),
            ["It goes to the folder .trash beside the label sets,".into(), "where nothing is ever removed.".into()],
        ),
        Confirm::LeaveSet(_) => (
            "leave the label set?",
            "it was edited and is not saved".into(),
            ["What was done by hand would be lost;".into(), "n goes back to where it can be saved.".into()],
        ),
    };
    let inside = overlay(buffer, app, area, (58, 7), title);
    let width = usize::from(inside.width);
    put(buffer, inside.x, inside.y, &fit(&clean(&id), width), app.theme.strong());
    for (line, y) in lines.iter().zip(inside.y + 1..) {
        put(buffer, inside.x, y, &fit(line, width), app.theme.faint());
    }
    let x = put(buffer, inside.x, inside.y + 4, "y", app.theme.accent());
    let x = put(buffer, x, inside.y + 4, " yes   ", app.theme.text());
    let x = put(buffer, x, inside.y + 4, "n", app.theme.accent());
    put(buffer, x, inside.y + 4, " no", app.theme.text());
}

/// The values that can change while a run trains, with what a new one comes to.
pub fn change(buffer: &mut Buffer, app: &App, form: &Form, area: Rect) {
    const NAMES: [&str; 4] = [
        "τ, confidence a pseudo-label needs",
        "λ_u, weight of the unsupervised loss",
        "factor of the learning rate",
        "steps to do",
    ];
    let inside = overlay(buffer, app, area, (66, 9), "change while it trains");
    let theme = app.theme;
    for (i, (field, y)) in form.fields.iter().zip(inside.y..).enumerate() {
        let is_selected = i == form.at.at;
        let (mark, style) = if is_selected { ("▸ ", theme.selected()) } else { ("  ", theme.text()) };
        put(buffer, inside.x, y, &format!("{mark}{}", left(NAMES[i.min(3)], 40)), style);
        match form.editing.as_ref().filter(|_| is_selected) {
            Some(input) => put(
                buffer,
                inside.x + 43,
                y,
                &input.shown(usize::from(inside.width).saturating_sub(43)),
                theme.changed(),
            ),
            None => put(buffer, inside.x + 43, y, &field.value, theme.strong()),
        };
    }
    let (text, style) = hint(app, form);
    for (line, y) in wrap(&text, inside.width.into()).iter().take(2).zip(inside.y + 5..) {
        put(buffer, inside.x, y, line, style);
    }
}

fn hint(app: &App, form: &Form) -> (String, Style) {
    let theme = app.theme;
    if let Some(error) = &form.error {
        return (error.clone(), theme.error());
    }
    let typed = form.editing.as_ref().zip(form.field());
    let live = app.run.as_ref().and_then(|run| Some((run.live()?, run.step())));
    match (typed, live) {
        (Some((input, field)), Some((live, step))) => {
            match preview(&live, &format!("{}={}", field.key, input.text), step) {
                Ok(text) => (format!("{text}; enter asks the worker"), theme.faint()),
                Err(error) => (format!("{error:#}"), theme.error()),
            }
        }
        (Some(_) | None, _) => ("enter changes the value, esc leaves".into(), theme.faint()),
    }
}
