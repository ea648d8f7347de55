//! What a user does to the lists, to a preset's values and to runs, and what comes of it.

use std::path::PathBuf;

use crossterm::event::{KeyCode, KeyEvent, KeyModifiers};
use fixmatch::config::Policy;
use fixmatch::run::change::Request;
use fixmatch::run::fork;
use fixmatch::run::state::{LastState, Status};
use fixmatch::suite::order::Wanted;
use ratatui::Terminal;
use ratatui::backend::TestBackend;

use super::App;
use crate::console::dialog::{Confirm, Dialog};
use crate::console::keys::{Access, Action, Place, TABLE};
use crate::console::screens::Screen;
use crate::console::screens::home::{DataState, Listing, Pane};
use crate::console::screens::preset::Draft;
use crate::console::screens::pseudo_labels::tab::Tab;
use crate::console::screens::run::{Page, Reading};
use crate::console::screens::suite::Study;
use crate::console::tasks::{TerminalTask, WorldTask};
use crate::console::world::News;
use crate::console::{sample, views};

fn press(app: &mut App, keys: &str) {
    for c in keys.chars() {
        let code = match c {
            '\x1b' => KeyCode::Esc,
            '\n' => KeyCode::Enter,
            '\t' => KeyCode::Tab,
            c => KeyCode::Char(c),
        };
        app.press(KeyEvent::new(code, KeyModifiers::NONE));
    }
}

fn notice(app: &App) -> &str {
    app.notice.as_ref().map_or("", |notice| notice.text.as_str())
}

/// What was asked of which run, in short.
fn asked(app: &mut App) -> Vec<String> {
    let name = |dir: &fixmatch::run::dir::RunDir| views::short_id(&dir.id());
    let words = |task: &WorldTask| match task {
        WorldTask::Post(dir, request) => Some(format!("{request:?} {}", name(dir))),
        WorldTask::Resume(dir) => Some(format!("Resume {}", name(dir))),
        WorldTask::Discard(dirs) => Some(format!("Discard {}", dirs.iter().map(name).collect::<Vec<_>>().join(" "))),
        WorldTask::Restore(trashed) => Some(format!("Restore {}", trashed.len())),
        WorldTask::Race(both) => Some(format!("Race {} {}", both[0].name, both[1].name)),
        WorldTask::Write(dirs, edit) => {
            Some(format!("{edit:?} {}", dirs.iter().map(name).collect::<Vec<_>>().join(" ")))
        }
        WorldTask::SaveExpression(name, text) => Some(format!("SaveExpression {name} {text}")),
        WorldTask::Launch(preset, settings) => Some(format!("Launch {} {}", preset.name, settings.join(" "))),
        _ => None,
    };
    app.take_tasks().world.iter().filter_map(words).collect()
}

/// The values of the preset that is shown.
fn draft(app: &mut App) -> &mut Draft {
    match app.screens.last_mut() {
        Some(Screen::Preset(draft)) => draft,
        other => panic!("{other:?} is no preset"),
    }
}

/// The list of runs with the cursor on the one of this name.
fn on_run(name: &str) -> App {
    let mut app = sample::app_with_runs();
    app.home.pane = Pane::Runs;
    app.home.run_at.at = at(&app, name);
    app.take_tasks();
    app
}

fn at(app: &App, name: &str) -> usize {
    app.home.shown_runs().iter().position(|row| views::short_id(&row.dir.id()) == name).expect(name)
}

fn marked(names: &[&str]) -> App {
    let mut app = on_run(names[0]);
    for name in names {
        app.home.run_at.at = at(&app, name);
        press(&mut app, " ");
    }
    app
}

#[test]
fn the_selected_run_of_the_list_is_driven_without_opening_it() {
    let cases = [
        ("quickstart-s0", "p", "Pause quickstart-s0", "asked to pause 1 run"),
        ("quickstart-s0", "S", "Suspend quickstart-s0", "asked to suspend 1 run"),
        ("quickstart-s0", "C", "Checkpoint quickstart-s0", "asked to save a checkpoint of 1 run"),
        ("quickstart-s0", "E", "Evaluate quickstart-s0", "asked to evaluate 1 run"),
        ("quickstart-s0", "Xy", "Stop quickstart-s0", "asked to stop 1 run"),
        ("quickstart-s1", "r", "Continue quickstart-s1", "asked to resume 1 run"),
        ("slides-labels-4-s0", "r", "Resume slides-labels-4-s0", "asked to resume 1 run"),
        ("quickstart-s2", "Dy", "Discard quickstart-s2", ""),
    ];
    for (name, keys, task, said) in cases {
        let mut app = on_run(name);
        press(&mut app, keys);
        assert_eq!((asked(&mut app), notice(&app), app.place()), (vec![task.to_owned()], said, Place::Home), "{keys}");
    }
}

#[test]
fn a_title_a_note_and_tags_are_written_on_runs_from_where_they_are_seen() {
    let mut app = on_run("quickstart-s2");
    press(&mut app, "TToo hot\n");
    assert_eq!(asked(&mut app), ["Title(\"Too hot\") quickstart-s2"]);
    assert_eq!(notice(&app), "written on 1 run");
    press(&mut app, "Nsee the log\n");
    assert_eq!(asked(&mut app), ["Note(\"see the log\") quickstart-s2"]);
    press(&mut app, "\nTagain\n");
    assert_eq!(asked(&mut app), ["Title(\"again\") quickstart-s2"]);
    let mut app = marked(&["quickstart-s0", "quickstart-s2"]);
    press(&mut app, "Tx");
    assert_eq!(notice(&app), "this is written on one run at a time; 2 are marked");
    press(&mut app, "#good, paper\n");
    assert!(
        matches!(&app.dialog, Some(Dialog::Ask(ask)) if ask.error.as_ref().is_some_and(|it| it.contains("is no tag")))
    );
    for _ in 0..7 {
        app.press(KeyEvent::new(KeyCode::Backspace, KeyModifiers::NONE));
    }
    press(&mut app, " paper\n");
    assert_eq!(asked(&mut app), ["Tags(\"good paper\") quickstart-s0 quickstart-s2"]);
}

#[test]
fn the_filter_is_saved_as_an_expression_as_it_is_typed_or_later() {
    let ctrl_s = KeyEvent::new(KeyCode::Char('s'), KeyModifiers::CONTROL);
    let mut app = on_run("quickstart-s2");
    press(&mut app, "W");
    assert_eq!(notice(&app), "there is no filter to save: / types one");
    press(&mut app, "/accuracy>60%");
    app.press(ctrl_s);
    press(&mut app, "@good one\n");
    assert!(
        matches!(&app.dialog, Some(Dialog::Ask(ask)) if ask.error.as_ref().is_some_and(|it| it.contains("is no name")))
    );
    app.press(KeyEvent::new(KeyCode::Esc, KeyModifiers::NONE));
    press(&mut app, "\nW@good\n");
    assert_eq!(asked(&mut app), ["SaveExpression good accuracy>60%"]);
    assert_eq!(app.home.saved.get("good").map(String::as_str), Some("accuracy>60%"));
    app.press(KeyEvent::new(KeyCode::Esc, KeyModifiers::NONE));
    press(&mut app, "/lr>>\nW");
    assert!(asked(&mut app).is_empty() && app.dialog.is_none(), "{}", notice(&app));
}

#[test]
fn a_run_that_cannot_follow_is_left_alone_with_the_reason_and_the_key_that_can() {
    let cases = [
        ("quickstart-s2", "p", "cannot pause quickstart-s2: it has finished"),
        ("quickstart-s2", "r", "cannot resume quickstart-s2: it has finished; F goes on from it in a new run"),
        ("slides-labels-4-s0", "S", "cannot suspend slides-labels-4-s0: it is suspended; r starts a worker on it"),
        ("quickstart-s0", "r", "cannot resume quickstart-s0: it is running"),
        ("quickstart-s0", "D", "cannot delete quickstart-s0: it is running; X stops it"),
        ("paper-cifar10-40-s0", "X", "cannot stop paper-cifar10-40-s0: it has failed; r starts a worker on it"),
    ];
    for (name, keys, said) in cases {
        let mut app = on_run(name);
        press(&mut app, keys);
        assert_eq!((asked(&mut app).len(), notice(&app)), (0, said));
        assert!(app.dialog.is_none());
    }
}

#[test]
fn keys_for_runs_say_so_while_the_presets_have_the_focus() {
    for key in ["p", "D", "C", "s", "F", "X", "c"] {
        let mut app = sample::app_with_runs();
        app.home.pane = Pane::Presets;
        press(&mut app, key);
        assert_eq!(notice(&app), "no run is selected; tab leads to the runs", "{key}");
        assert!(asked(&mut app).is_empty());
    }
}

#[test]
fn keys_act_on_all_marked_runs_and_say_how_many_were_left_out() {
    let mut app = marked(&["quickstart-s0", "quickstart-s1", "quickstart-s2"]);
    press(&mut app, "S");
    assert_eq!(asked(&mut app), ["Suspend quickstart-s0", "Suspend quickstart-s1"]);
    assert_eq!(notice(&app), "asked to suspend 2 runs; not quickstart-s2: it has finished");
    press(&mut app, "X");
    assert!(matches!(&app.dialog, Some(Dialog::Confirm(Confirm::Stop(dirs, 1))) if dirs.len() == 2), "one question");
    press(&mut app, "y");
    assert_eq!(asked(&mut app), ["Stop quickstart-s0", "Stop quickstart-s1"]);
    press(&mut app, "\x1bp");
    assert!(app.home.marked.is_empty(), "escape takes the marks away");
    let mut app = marked(&["quickstart-s2", "slides-labels-4-s0"]);
    press(&mut app, "p");
    assert_eq!(notice(&app), "cannot pause any of the 2 marked runs as they stand");
}

#[test]
fn marked_runs_are_deleted_after_one_question_and_one_key_brings_them_back() {
    let mut app = marked(&["quickstart-s2", "slides-labels-4-s0"]);
    press(&mut app, "Dy");
    assert_eq!(asked(&mut app), ["Discard quickstart-s2 slides-labels-4-s0"]);
    let kept: Vec<_> = app.home.marked.iter().map(|dir| (dir.clone(), PathBuf::from("/runs/.trash"))).collect();
    let n_before = app.home.shown_runs().len();
    app.learn(News::Trashed { kept, failed: vec!["c: locked".into()] });
    assert_eq!(app.home.shown_runs().len(), n_before - 2, "what is gone is not listed");
    assert!(app.home.marked.is_empty());
    assert_eq!(
        notice(&app),
        "moved 2 runs to the trash; u brings them back; `fixmatch trash list` shows it; but c: locked"
    );
    press(&mut app, "u");
    assert_eq!(asked(&mut app), ["Restore 2"]);
    press(&mut app, "u");
    assert!(asked(&mut app).is_empty() && notice(&app).starts_with("nothing was moved to the trash"));
}

#[test]
fn marked_runs_are_shown_beside_each_other() {
    let mut app = marked(&["quickstart-s0", "quickstart-s1"]);
    press(&mut app, "c");
    assert_eq!(app.place(), Place::Race);
    let mut app = marked(&["quickstart-s0", "quickstart-s1", "quickstart-s2"]);
    press(&mut app, "c");
    assert_eq!(app.place(), Place::Race);
    assert!(matches!(app.screens.last(), Some(Screen::Race(race)) if race.runs.len() == 3));
}

#[test]
fn the_filter_of_the_list_finds_titles_and_tags() {
    let mut app = sample::app_with_runs();
    let mut rows = sample::rows();
    rows[0].card.title = "Wenige Bilder".into();
    rows[1].card.tags.insert("keeper".into());
    app.learn(News::Runs(Listing::Read(rows)));
    for text in ["/Wenige", "/keeper"] {
        press(&mut app, text);
        assert_eq!(app.home.shown_runs().len(), 1, "{text}");
        press(&mut app, "\x1b\x1b");
    }
}

#[test]
fn the_filter_of_the_list_takes_conditions_and_says_what_is_wrong_with_them() {
    let mut app = sample::app_with_runs();
    let n = app.home.shown_runs().len();
    for (text, expected, error) in [
        ("/status=failed", 1, None),
        ("/status!=failed accuracy>0.7", n - 2, None),
        ("/accuracy>99%", 0, None),
        ("/accuracy>", n, Some("lacks a value after >")),
        ("/acuracy>0.5", n, Some("did you mean accuracy?")),
    ] {
        press(&mut app, text);
        let (shown, found) = (app.home.shown_runs().len(), app.home.filter_error());
        assert_eq!(shown, expected, "{text}");
        assert_eq!(found.is_some(), error.is_some(), "{text}: {found:?}");
        assert!(found.unwrap_or_default().contains(error.unwrap_or_default()), "{text}");
        press(&mut app, "\x1b\x1b");
    }
}

#[test]
fn the_filter_takes_expressions_that_were_saved_and_says_which_there_are() {
    let mut app = sample::app_with_runs();
    let n = app.home.shown_runs().len();
    let shown = |app: &App| (app.home.shown_runs().len(), app.home.filter_error().unwrap_or_default());
    press(&mut app, "/@good");
    assert_eq!(
        shown(&app),
        (n, "no expression is saved as @good; none is saved: `fixmatch runs EXPRESSION --save NAME` saves one".into())
    );
    app.learn(News::Own(Box::new(sample::own_presets())));
    let (n_good, error) = shown(&app);
    assert!(n_good < n && error.is_empty(), "{n_good} of {n}: {error}");
    press(&mut app, " status=running");
    assert!(shown(&app).0 <= n_good);
    for (text, expected) in [("/@", "there are @bad, @good"), ("/@bad", "lacks a value after >")] {
        press(&mut app, "\x1b\x1b");
        press(&mut app, text);
        assert!(shown(&app).1.contains(expected), "{:?}", shown(&app));
    }
}

#[test]
fn a_mark_goes_with_its_run() {
    let mut app = marked(&["quickstart-s0", "quickstart-s1"]);
    let Listing::Read(mut rows) = app.home.runs.clone() else { unreachable!("they were read") };
    rows.remove(0);
    app.learn(News::Runs(Listing::Read(rows)));
    assert_eq!(app.home.marked, [sample::dir("20261123-180112-quickstart-s1")]);
}

#[test]
fn a_fork_and_a_change_from_the_list_open_the_run_and_go_on_there_once_it_is_read() {
    let file = || sample::run().file;
    for (key, name, place) in [("F", "quickstart-s2", Place::Preset), ("s", "quickstart-s0", Place::Run)] {
        let mut app = on_run(name);
        press(&mut app, key);
        let dir = app.run().expect("open").dir.clone();
        assert_eq!(app.place(), Place::Run);
        let glance = sample::run().glance;
        app.learn(News::Run(dir, Box::new(Reading { file: file(), glance, ..Reading::default() })));
        assert_eq!((app.place(), app.dialog.is_some()), (place, key == "s"), "{key}");
        if place == Place::Preset {
            press(&mut app, "g");
            draft(&mut app).set("train.lr=0.5".into());
            let keys: Vec<_> = draft(&mut app).form.fields.iter().map(|field| field.key.clone()).collect();
            assert!(keys.iter().any(|key| key == "train.lr"));
            assert!(!keys.iter().any(|key| fork::keeps(key)), "a fork keeps them: {keys:?}");
        }
    }
}

#[test]
fn a_resume_is_offered_only_where_it_can_help() {
    let mut app = on_run("paper-cifar10-40-s0");
    assert!(!app.fits(Action::Resume), "a loss that is not finite comes back");
    let Listing::Read(rows) = &mut app.home.runs else { unreachable!("they were read") };
    let row = rows.iter_mut().find(|row| row.status == Status::Failed).expect("one failed");
    row.summary.last_state = Some(LastState::Failed("cannot write x: No space left on device".into()));
    row.summary.fails_again = false;
    assert!(app.fits(Action::Resume));
    assert!(!on_run("quickstart-s2").fits(Action::Resume), "it has finished");
}

#[test]
fn values_that_were_changed_are_not_thrown_away_unasked() {
    for (key, quits) in [("\x1b", false), ("q", true)] {
        let mut app = sample::app();
        press(&mut app, "\n");
        press(&mut app, key);
        assert!(app.dialog.is_none(), "nothing was changed");
        let mut app = sample::app();
        press(&mut app, "\n");
        draft(&mut app).set("train.steps=7".into());
        press(&mut app, key);
        assert!(matches!(app.dialog, Some(Dialog::Confirm(Confirm::LeaveDraft(_)))), "{key:?}");
        press(&mut app, "n");
        assert_eq!((app.place(), app.draft().map(|it| it.settings.len())), (Place::Preset, Some(1)));
        press(&mut app, key);
        press(&mut app, "y");
        let has_quit = app.take_tasks().terminal.contains(&TerminalTask::Quit);
        assert_eq!((has_quit, app.place() == Place::Home), (quits, !quits));
    }
}

#[test]
fn a_launch_with_its_baseline_starts_the_labels_alone_beside_it() {
    let mut app = sample::app();
    press(&mut app, "\nL");
    assert_eq!(asked(&mut app), ["Launch quickstart "]);
    press(&mut app, "BL");
    assert_eq!(asked(&mut app), ["Race quickstart quickstart-labels-only"]);
    draft(&mut app).set("train.lambda_u=0".into());
    press(&mut app, "L");
    assert_eq!(asked(&mut app), ["Launch quickstart train.lambda_u=0"], "it is its own baseline");
}

#[test]
fn a_race_asks_before_it_starts_two_runs() {
    let mut app = sample::app_browsing();
    app.take_tasks();
    press(&mut app, "R\n");
    assert!(matches!(app.dialog, Some(Dialog::Confirm(Confirm::Race(_)))), "{:?}", app.dialog);
    assert!(asked(&mut app).is_empty());
    press(&mut app, "y");
    assert!(asked(&mut app)[0].starts_with("Race most-"));
}

#[test]
fn escape_leads_back_through_all_that_was_opened() {
    let mut app = sample::app_on_run();
    let mut places = vec![app.place()];
    for key in ["b", "L", "\x1b", "\x1b"] {
        if key == "L" {
            app.open(Screen::run(sample::dir("launched from there")));
        } else {
            press(&mut app, key);
        }
        places.push(app.place());
    }
    assert_eq!(places, [Place::Run, Place::Browser, Place::Run, Place::Browser, Place::Run]);
    assert_eq!(app.run().map(|run| run.dir.clone()), Some(sample::run().dir), "the one that was open first");
    let tasks = app.take_tasks().world;
    let is_read_again = |task: &WorldTask| matches!(task, WorldTask::Follow(dirs) if *dirs == [sample::run().dir]);
    assert!(tasks.iter().any(is_read_again), "{tasks:?}");
    press(&mut app, "\x1b");
    assert_eq!((app.place(), app.screens.len()), (Place::Home, 0));
}

#[test]
fn escape_and_a_key_that_come_as_one_are_two_keys_but_where_a_text_is_typed() {
    let press_at_once = |app: &mut App, c| app.press(KeyEvent::new(KeyCode::Char(c), KeyModifiers::ALT));
    let mut app = sample::app_on_run();
    press(&mut app, "b");
    press_at_once(&mut app, '?');
    assert_eq!(app.place(), Place::Run);
    assert!(matches!(app.dialog, Some(Dialog::Help(_))));
    press_at_once(&mut app, '?');
    assert!(matches!(app.dialog, Some(Dialog::Help(_))), "closed, and opened again");
    let mut app = sample::app();
    press(&mut app, "/qu");
    press_at_once(&mut app, 'b');
    assert_eq!((app.home.is_filtering, app.home.filter.text.as_str()), (true, "qu"));
}

#[test]
fn a_run_that_starts_takes_the_keys_from_nobody_who_types_and_no_values_that_were_edited() {
    let launched = || News::Launched(Ok(sample::dir("20261123-180112-launched")));
    let mut app = sample::app();
    press(&mut app, "/qu");
    app.learn(launched());
    assert_eq!((app.place(), app.home.is_filtering), (Place::Home, true));
    assert!(notice(&app).contains("launched"), "{}", notice(&app));
    let mut app = sample::app();
    press(&mut app, "\n");
    draft(&mut app).set("train.steps=7".into());
    app.learn(launched());
    assert_eq!(app.place(), Place::Run);
    press(&mut app, "\x1b");
    assert_eq!((app.place(), draft(&mut app).settings.len()), (Place::Preset, 1));
}

/// Consoles in a place that between them can follow each of its keys.
fn consoles_at(place: Place) -> Vec<App> {
    let on_page = |mut app: App, page| {
        app.run_mut().expect("open").page = page;
        app
    };
    let with_status = |status| {
        let mut app = sample::app_on_run();
        app.run_mut().and_then(|run| run.glance.as_mut()).expect("read").status = status;
        app
    };
    let on_tabs = || [Tab::Strip, Tab::Images, Tab::Confusion].map(sample::app_on_pseudo_labels);
    match place {
        Place::Home => {
            let mut presets = sample::app_with_runs();
            presets.home.pane = Pane::Presets;
            presets.home.preset_at.at = 1;
            presets.home.filter.text = "i".into();
            let mut folded = sample::app_with_runs();
            (folded.home.pane, folded.home.preset_at.at) = (Pane::Presets, 1);
            let mut trashed = on_run("quickstart-s1");
            trashed.home.trashed = vec![(sample::dir("gone"), PathBuf::new())];
            vec![presets, folded, trashed, on_run("quickstart-s0"), on_run("quickstart-s2")]
        }
        Place::Preset => {
            let mut app = sample::app();
            app.home.set_data("fashion-mini", &DataState::Missing(7));
            press(&mut app, "\n");
            vec![app]
        }
        Place::Run => vec![sample::app_on_run(), with_status(Status::Paused), with_status(Status::Suspended)],
        Place::Changes => vec![sample::app_on_changes(30)],
        Place::Configuration => vec![on_page(sample::app_on_run(), Page::Configuration)],
        Place::Log => vec![on_page(sample::app_on_run(), Page::Log)],
        Place::Samples => {
            let with_samples = || {
                let mut app = on_page(sample::app_on_pseudo_labels(Tab::Strip), Page::Samples);
                app.run_mut().expect("open").samples = sample::samples();
                app
            };
            let mut enlarged = with_samples();
            enlarged.run_mut().expect("open").samples.enlarge();
            vec![with_samples(), enlarged]
        }
        Place::Predictions => {
            let with_predictions = || {
                let mut app = on_page(sample::app_on_run(), Page::Predictions);
                app.run_mut().expect("open").predictions = sample::predictions();
                app
            };
            let mut enlarged = with_predictions();
            enlarged.update(Action::Enter);
            vec![with_predictions(), enlarged]
        }
        Place::PseudoLabels => {
            let [strip, mut images, confusion] = on_tabs();
            images.update(Action::Enter);
            let [mut what_if, ..] = on_tabs();
            what_if.update(Action::LowerTau);
            vec![strip, images, confusion, what_if]
        }
        Place::LabelSets => {
            let mut missing = sample::app_on_label_sets();
            missing.label_sets.set_data("fashion-mini", &DataState::Missing(7));
            vec![sample::app_on_label_sets(), missing]
        }
        Place::Browser => vec![sample::app_browsing()],
        Place::Race => vec![sample::app_racing()],
        Place::Label => {
            let mut many = sample::app_labeling();
            let classes = (0..200).map(|n| format!("class {n}").into()).collect();
            many.label_mut().expect("open").classes = classes;
            vec![many]
        }
        Place::LabelGrid => {
            let mut app = sample::app_labeling();
            app.update(Action::Next);
            vec![app]
        }
        Place::Suite => {
            let with = |wanted, has_queue| sample::app_on_suite(Study { wanted, has_queue, ..sample::study(40, 2) });
            vec![with(Some(Wanted::Train), true), with(Some(Wanted::Hold), true), with(None, false)]
        }
        Place::Cell => {
            let mut app = sample::app_on_suite(sample::study(2, 2));
            app.update(Action::Enter);
            let mut last = sample::app_on_suite(sample::study(2, 2));
            for action in [Action::Down, Action::Right, Action::Enter] {
                last.update(action);
            }
            vec![app, last]
        }
    }
}

/// The state and what is to be done, to tell whether a key did something.
fn print(app: &mut App) -> String {
    // The presets and the suites stay as they are; all of them would take most of the time.
    let presets = std::mem::take(&mut app.home.presets);
    let suites = std::mem::take(&mut app.home.suites);
    let data: Vec<_> = presets.iter().map(|row| row.data.clone()).collect();
    let text = format!("{app:?}{data:?}");
    (app.home.presets, app.home.suites) = (presets, suites);
    text
}

#[test]
fn each_line_of_the_key_table_does_something_in_each_of_its_places() {
    let ways: [&[Action]; 9] = [
        &[],
        &[Action::Down],
        &[Action::Last],
        &[Action::Right],
        &[Action::Next],
        &[Action::Earlier, Action::Earlier],
        &[Action::Last, Action::Up],
        &[Action::Next, Action::Next, Action::Right],
        &[Action::ZoomIn, Action::ZoomIn, Action::PanLeft],
    ];
    let mut idle = Vec::new();
    for binding in TABLE {
        for place in binding.places {
            let acts = ways.iter().any(|way| {
                consoles_at(*place).into_iter().any(|mut app| {
                    let mut terminal = Terminal::new(TestBackend::new(80, 24)).expect("memory");
                    terminal.draw(|frame| views::draw(frame, &mut app)).expect("memory");
                    for action in *way {
                        app.update(*action);
                    }
                    app.dialog = None;
                    if app.place() != *place {
                        return false;
                    }
                    let before = print(&mut app);
                    app.follow(binding);
                    print(&mut app) != before
                })
            });
            if !acts {
                idle.push(format!("{} at {place:?}", binding.name));
            }
        }
    }
    assert!(idle.is_empty(), "{idle:?}");
}

#[test]
fn read_only_drives_nothing_from_the_list() {
    let mut app = on_run("quickstart-s0");
    app.keymap.access = Access::ReadOnly;
    for key in ["p", "S", "X", "D", "C", "E", "u", "s", "F"] {
        press(&mut app, key);
        assert!(notice(&app).contains("--readonly") && asked(&mut app).is_empty() && app.dialog.is_none(), "{key}");
    }
    assert!(!app.take_tasks().world.iter().any(|task| matches!(task, WorldTask::Post(_, Request::Stop))));
}

#[test]
fn a_threshold_is_shown_only_where_the_policy_has_one() {
    for (policy, is_shown) in [(Policy::Fixed, true), (Policy::Flexmatch, true), (Policy::Freematch, false)] {
        let mut app = sample::app_on_run();
        let run = app.run_mut().expect("open");
        let Some(Ok(file)) = &mut run.file else { unreachable!("it was read") };
        file.config.pseudo_label.policy = policy;
        let mut terminal = Terminal::new(TestBackend::new(120, 40)).expect("memory");
        terminal.draw(|frame| views::draw(frame, &mut app)).expect("memory does not fail");
        let text: String = terminal.backend().buffer().content.iter().map(ratatui::buffer::Cell::symbol).collect();
        assert!(text.contains("λ_u 1"), "{policy:?}");
        assert_eq!(text.contains("· τ 0.9"), is_shown, "{policy:?}");
    }
}
