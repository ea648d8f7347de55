//! What lies over a screen: questions, the values that can change while a run trains, lists and lines to type.

use fixmatch::run::change::LiveKey;
use fixmatch::run::dir::RunDir;
use ratatui::buffer::Buffer;
use ratatui::layout::Rect;
use ratatui::style::Style;
use ratatui::text::Span;

use super::{overlay, put, put_spans};
use crate::console::app::App;
use crate::console::dialog::{Ask, Choice, Chooser, Confirm, Purpose};
use crate::console::form::{Form, preview};
use crate::console::keys::{Action, Place};
use crate::console::screens::browser::Base;
use crate::console::text::{self, clean, fit, left, wrap};
use crate::words::numbers::{duration, grouped, plural};
use crate::words::suites::there_already;

/// Names of runs that a question lists.
const N_NAMES: usize = 5;

/// Asks before something that one key cannot take back.
pub fn confirm(buffer: &mut Buffer, app: &App, question: &Confirm, area: Rect) {
    let (title, about, text) = words(app, question);
    let width = 58_u16.min(area.width.saturating_sub(4)).max(20);
    let lines = wrap(&text, usize::from(width) - 4);
    let height = about.len() as u16 + lines.len() as u16 + 4;
    let inside = overlay(buffer, app, area, (width, height), &title);
    let width = usize::from(inside.width);
    for (line, y) in about.iter().zip(inside.y..) {
        put(buffer, inside.x, y, &fit(&clean(line), width), app.theme.strong());
    }
    let below = inside.y + about.len() as u16;
    for (line, y) in lines.iter().zip(below..inside.bottom().saturating_sub(2)) {
        put(buffer, inside.x, y, line, app.theme.faint());
    }
    let y = inside.bottom() - 1;
    let x = put(buffer, inside.x, y, "y", app.theme.accent());
    let x = put(buffer, x, y, " yes   ", app.theme.text());
    let x = put(buffer, x, y, "n", app.theme.accent());
    put(buffer, x, y, " no", app.theme.text());
}

/// A question's title, what it is about, and what there is to know first.
fn words(app: &App, question: &Confirm) -> (String, Vec<String>, String) {
    match question {
        Confirm::Stop(dirs, n_others) => {
            let it = if dirs.len() == 1 { "The worker saves and ends. " } else { "Their workers save and end. " };
            let resumes = app.offer(app.place(), Action::Resume, ("", " starts one again. "));
            let suspends = app.offer(app.place(), Action::Suspend, ("To free memory for a while, suspend with ", "."));
            let text = format!("{it}{resumes}{suspends}{}", left_out(*n_others));
            (format!("stop {}?", the_runs(dirs)), names(dirs), text)
        }
        Confirm::Delete(dirs, n_others) => {
            let text = "To the folder .trash beside the runs; `fixmatch trash list` shows it. Nothing is removed from it \
                        by itself.";
            (format!("move {} to the trash?", the_runs(dirs)), names(dirs), format!("{text}{}", left_out(*n_others)))
        }
        Confirm::DeleteSet(name, _) => (
            "move the label set to the trash?".into(),
            vec![name.clone()],
            "To the folder .trash beside the label sets; `fixmatch trash list` shows it. Nothing is removed from it by \
             itself."
                .into(),
        ),
        Confirm::DropChanges(numbers) => {
            let entries = app.run().into_iter().flat_map(|run| numbers.iter().filter_map(|number| run.state.history.at(*number)));
            let lines: Vec<_> = entries.map(|it| format!("{} at step {}", it.change, grouped(it.step))).collect();
            let them = if lines.len() == 1 { "the recorded change" } else { "the recorded changes" };
            let text = "No step was taken under it that would be kept. The run then goes on as if it had never been made.";
            let text = if lines.len() == 1 { text.to_owned() } else { text.replace("under it", "under them") };
            (format!("drop {them}?"), at_most(lines), text)
        }
        Confirm::LeaveSet(_) => (
            "leave the label set?".into(),
            vec!["it was edited and is not saved".into()],
            "Your edits would be lost; n goes back, so that you can save them.".into(),
        ),
        Confirm::LeaveDraft(_) => {
            let settings = app.draft().map_or_else(Vec::new, |draft| draft.settings.clone());
            let launches = app.offer(Place::Preset, Action::Launch, ("; ", " launches a run with it"));
            ("leave without launching?".into(), at_most(settings), format!("Your changes would be lost{launches}."))
        }
        Confirm::StartSuite(name) => start_suite(app, name),
        Confirm::StopSuite(name) => (
            "stop the suite?".into(),
            vec![name.clone()],
            format!(
                "{}, and the runs that train are saved and suspended. They go on where they were when it does.",
                match app.home.study(name) {
                    Some(study) if study.slurm.is_some() => "Its jobs are taken back from Slurm",
                    _ => "Its queue ends",
                }
            ),
        ),
        Confirm::Race(base) => race(app, base),
    }
}

/// How many runs a suite comes to, where they are trained, and how long that takes.
fn start_suite(app: &App, name: &str) -> (String, Vec<String>, String) {
    let Some(study) = app.home.study(name) else { return ("start the suite?".into(), Vec::new(), String::new()) };
    let (n, n_done) = (study.stands.len() as u64, study.count(|it| it.finished));
    let done = there_already(n_done);
    let slots: Vec<_> = study.slots.iter().map(ToString::to_string).collect();
    let time = match (study.forecast.left(), study.forecast.n_unknown) {
        (Some(time), _) => format!("About {}, judging by earlier runs like them.", duration(time)),
        (None, 0) => String::new(),
        (None, n) => format!("How long is unknown: {} of a kind that was never trained here.", plural(n as u64, "run")),
    };
    let text = format!(
        "Trained in the background, as many at a time as there are slots; `fixmatch suite run` takes other slots. {time}"
    );
    let about = vec![name.to_owned(), format!("{}{done}", plural(n, "run")), format!("on {}", slots.join(", "))];
    ("start the suite?".into(), about, text)
}

/// What two runs that race each other take, before they are started.
fn race(app: &App, base: &Base) -> (String, Vec<String>, String) {
    let about = vec![base.preset.name.clone(), "on the most and on the least representative labels".into()];
    let Ok(config) = base.preset.resolve(&base.settings) else {
        return ("start two runs?".into(), about, String::new());
    };
    let steps = plural(config.train.steps, "step");
    let cost = crate::console::screens::home::view::cost(app, &config);
    let cost = if app.home.estimate(&config).is_some() { format!("Each alone takes {cost}") } else { capital(&cost) };
    let text = format!("Two whole runs of {steps} each train at the same time and share this machine. {cost}.");
    ("start two runs?".into(), about, text)
}

/// The first lines of a long list, and how many more there are.
fn at_most(lines: Vec<String>) -> Vec<String> {
    let more = lines.len().saturating_sub(N_NAMES);
    let more = (more > 0).then(|| format!("and {more} more"));
    lines.into_iter().take(N_NAMES).chain(more).collect()
}

fn capital(text: &str) -> String {
    let mut letters = text.chars();
    letters.next().map_or_else(String::new, |first| first.to_uppercase().chain(letters).collect())
}

fn the_runs(dirs: &[RunDir]) -> String {
    if dirs.len() == 1 { "the run".into() } else { plural(dirs.len() as u64, "run") }
}

fn left_out(n: usize) -> String {
    match n {
        0 => String::new(),
        1 => " Another marked run cannot, and stays as it is.".into(),
        n => format!(" {n} other marked runs cannot, and stay as they are."),
    }
}

fn names(dirs: &[RunDir]) -> Vec<String> {
    let n_shown = if dirs.len() > N_NAMES { N_NAMES - 1 } else { dirs.len() };
    let more = (dirs.len() > n_shown).then(|| format!("and {} more", dirs.len() - n_shown));
    dirs.iter().take(n_shown).map(RunDir::id).chain(more).collect()
}

/// The values that can change while a run trains, with what a new one comes to.
pub fn change(buffer: &mut Buffer, app: &App, form: &Form, area: Rect) {
    let n = form.fields.len() as u16;
    let inside = overlay(buffer, app, area, (66, n + 5), "change while it trains");
    let theme = app.theme;
    for (i, (field, y)) in form.fields.iter().zip(inside.y..).enumerate() {
        let is_selected = i == form.at.at;
        let (mark, style) = if is_selected { ("▸ ", theme.selected()) } else { ("  ", theme.text()) };
        put(
            buffer,
            inside.x,
            y,
            &format!("{mark}{}", left(LiveKey::find(&field.key).map_or("", |key| key.meaning), 40)),
            style,
        );
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
    for (line, y) in wrap(&text, inside.width.into()).iter().take(2).zip(inside.y + n + 1..) {
        put(buffer, inside.x, y, line, style);
    }
}

fn hint(app: &App, form: &Form) -> (String, Style) {
    let theme = app.theme;
    if let Some(error) = &form.error {
        return (error.clone(), theme.error());
    }
    let typed = form.editing.as_ref().zip(form.field());
    let live = app.run().and_then(|run| Some((run.live()?, run.step())));
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

/// Draws a list.
pub fn list(buffer: &mut Buffer, app: &App, chooser: &Chooser<Choice>, area: Rect) {
    let theme = app.theme;
    let items = chooser.shown();
    let height = (items.len().max(1) as u16 + 4).min(area.height);
    let width = area.width.min(100);
    let inside = overlay(buffer, app, area, (width, height), &chooser.title);
    let n_rows = usize::from(inside.height.saturating_sub(2));
    let top = chooser.at.centred(n_rows, items.len());
    let names =
        items.iter().map(|item| text::width(&item.text)).max().unwrap_or(0).min(usize::from(inside.width) / 2 + 4);
    for (i, item) in items.iter().enumerate().skip(top).take(n_rows) {
        let is_selected = i == chooser.at.at;
        let (mark, style) = if is_selected { ("▸ ", theme.selected()) } else { ("  ", theme.text()) };
        let width = usize::from(inside.width);
        let name = if item.note.is_empty() { width.saturating_sub(2) } else { names };
        let room = width.saturating_sub(name + 4);
        let spans = vec![
            Span::styled(mark, style),
            Span::styled(left(&clean(&item.text), name), style),
            Span::styled(format!("  {}", fit(&clean(&item.note), room)), theme.faint()),
        ];
        put_spans(buffer, inside, inside.y + (i - top) as u16, spans);
    }
    if items.is_empty() {
        put(buffer, inside.x, inside.y, "nothing holds these letters", theme.faint());
    }
    let (text, style) = if chooser.filter.text.is_empty() {
        ("letters narrow the list, ↑ ↓ move, enter chooses, esc leaves".to_owned(), theme.faint())
    } else {
        (format!("/{}▏", chooser.filter.text), theme.changed())
    };
    put(buffer, inside.x, inside.bottom() - 1, &fit(&text, inside.width.into()), style);
}

/// Draws a line that is typed.
pub fn ask(buffer: &mut Buffer, app: &App, ask: &Ask<Purpose>, area: Rect) {
    let theme = app.theme;
    let inside = overlay(buffer, app, area, (80, 7), ask.title);
    let width = usize::from(inside.width);
    // the end of a long line matters while it is typed
    put(buffer, inside.x, inside.y, &ask.input.shown(width.saturating_sub(1)), theme.changed());
    let (text, style) = match &ask.error {
        Some(error) => (error.as_str(), theme.error()),
        None => (ask.hint, theme.faint()),
    };
    for (line, y) in wrap(text, width).iter().zip(inside.y + 2..inside.bottom()) {
        put(buffer, inside.x, y, line, style);
    }
}
