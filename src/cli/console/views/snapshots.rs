//! Each screen as it is, with its colours; and every screen at every size.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use crossterm::event::KeyCode;
use fixmatch::run::file::Parent;
use fixmatch::run::insight::{Kind, Pointer};
use fixmatch::run::state::Status;
use ratatui::Terminal;
use ratatui::backend::TestBackend;
use ratatui::buffer::{Buffer, Cell};
use ratatui::style::Color;

use crate::console::app::App;
use crate::console::glyphs::Glyphs;
use crate::console::keys::{Access, Action, Place};
use crate::console::sample;
use crate::console::screens::home::groups::leaf;
use crate::console::screens::pseudo_labels::tab::Tab;
use crate::console::screens::run::Page;
use crate::console::tasks::TerminalTask;
use crate::console::theme::{Depth, Theme};

mod cases;

use self::cases::{frozen, on_page, samples, screens};

fn drawn(app: &mut App, width: u16, height: u16) -> Buffer {
    let mut terminal = Terminal::new(TestBackend::new(width, height)).expect("a terminal in memory");
    terminal.draw(|frame| super::draw(frame, app)).expect("memory does not fail");
    terminal.backend().buffer().clone()
}

/// A screen as text, then a letter for the style of each cell, then what the letters mean.
fn dump(buffer: &Buffer) -> String {
    let mut letters: BTreeMap<String, char> = BTreeMap::new();
    let (mut text, mut styles) = (String::new(), String::new());
    for row in buffer.content.chunks(buffer.area.width.into()) {
        let mut line = String::new();
        let mut codes = String::new();
        for cell in row {
            line.push_str(cell.symbol());
            codes.push(code_of(cell, &mut letters));
        }
        let _ = writeln!(text, "{}", line.trim_end());
        let _ = writeln!(styles, "{}", codes.trim_end_matches('.'));
    }
    let legend: Vec<_> = letters.into_iter().map(|(style, letter)| format!("{letter}: {style}")).collect();
    format!("{text}{styles}{}", legend.join("\n"))
}

/// A dot for a plain cell, `#` for one of a picture, which has a background, and else a letter.
fn code_of(cell: &Cell, letters: &mut BTreeMap<String, char>) -> char {
    if style_of(cell) == style_of(&Cell::EMPTY) {
        return '.';
    }
    if cell.bg != Color::Reset {
        return '#';
    }
    let next = char::from(b'a' + letters.len() as u8);
    *letters.entry(style_of(cell)).or_insert(next)
}

fn style_of(cell: &Cell) -> String {
    format!("{} on {} {:?}", cell.fg, cell.bg, cell.modifier)
}

#[test]
fn each_screen_looks_as_it_did() {
    for (name, mut app) in screens() {
        for (width, height) in [(80, 24), (120, 40)] {
            insta::assert_snapshot!(format!("{name}_{width}x{height}"), dump(&drawn(&mut app, width, height)));
        }
    }
}

#[test]
fn every_screen_can_be_drawn_at_every_size() {
    let draw = |mut app: App| {
        for width in (1..=250).step_by(7).chain([60, 61, 76, 80, 120]) {
            for height in (1..=80).step_by(5).chain([14, 15, 24]) {
                drawn(&mut app, width, height);
            }
        }
    };
    // by far the longest of these tests: in two threads
    std::thread::scope(|scope| {
        for half in 0..2 {
            scope.spawn(move || screens().into_iter().skip(half).step_by(2).for_each(|(_, app)| draw(app)));
        }
    });
}

/// A console on a tab of a run with so many classes, whose names are as wide as names come.
fn with_classes(tab: Tab, n: usize) -> App {
    let mut app = sample::app_on_pseudo_labels(tab);
    if let Some(run) = app.run_mut() {
        sample::give_classes(run, n);
    }
    app
}

#[test]
fn every_tab_and_the_charts_can_be_drawn_with_any_number_of_classes() {
    for n in [1, 2, 1000] {
        for &tab in Tab::ALL {
            let mut app = with_classes(tab, n);
            for (width, height) in [(60, 14), (300, 80)] {
                for action in [Action::Right, Action::Last] {
                    app.run_mut().expect("open").page = Page::PseudoLabels;
                    app.update(action);
                    drawn(&mut app, width, height);
                }
                app.run_mut().expect("open").page = Page::Charts;
                drawn(&mut app, width, height);
            }
        }
    }
}

#[test]
fn a_confusion_matrix_that_is_larger_than_the_screen_says_which_way_it_goes_on() {
    let mut app = with_classes(Tab::Confusion, 100);
    let screen = dump(&drawn(&mut app, 80, 24));
    assert!(screen.contains("↓ 89 more") && screen.contains("→ 89 more"), "{screen}");
    app.update(Action::Last);
    for _ in 0..200 {
        app.update(Action::Right);
    }
    let screen = dump(&drawn(&mut app, 80, 24));
    assert!(screen.contains("↑ 89 more") && screen.contains("← 89 more"), "{screen}");
}

#[test]
fn a_large_screen_is_used_for_whole_names_and_larger_images() {
    let screen = dump(&drawn(&mut sample::app_on_pseudo_labels(Tab::Confusion), 200, 60));
    for name in ["T-shirt/top", "Ankle boot"] {
        assert!(screen.matches(name).count() >= 2, "{name}: {screen}");
    }
    let pixels = |width, height| {
        dump(&drawn(&mut sample::app_on_pseudo_labels(Tab::Images), width, height)).matches('▀').count()
    };
    assert!(pixels(200, 60) > 8 * pixels(80, 24), "{} {}", pixels(200, 60), pixels(80, 24));
}

#[test]
fn labeled_images_below_the_screen_are_told() {
    let mut app = samples();
    let screen = dump(&drawn(&mut app, 60, 14));
    assert!(screen.contains("↓ "), "{screen}");
    assert!(!dump(&drawn(&mut app, 200, 60)).contains("↓ "));
}

#[test]
fn a_screen_that_is_too_small_says_so() {
    let screen = dump(&drawn(&mut sample::app(), 50, 10));
    assert!(screen.starts_with("too small: 50×10, needs 60×14"), "{screen}");
}

#[test]
fn on_a_screen_that_is_too_small_no_key_does_anything_but_to_quit() {
    let mut app = sample::app();
    let press = |app: &mut App, (width, height), keys: &[KeyCode]| {
        drawn(app, width, height);
        for key in keys {
            app.press((*key).into());
        }
    };
    let (small, large) = ((50, 12), (80, 24));
    press(&mut app, small, &[KeyCode::Tab, KeyCode::Char('D'), KeyCode::Char('?'), KeyCode::Char('/')]);
    assert!(app.dialog.is_none() && app.take_tasks().world.is_empty());
    press(&mut app, large, &[KeyCode::Char('?')]);
    press(&mut app, small, &[KeyCode::Esc]);
    assert!(app.dialog.is_some(), "not even that");
    press(&mut app, large, &[KeyCode::Esc]);
    assert!(app.dialog.is_none());
    press(&mut app, small, &[KeyCode::Char('q')]);
    assert!(app.take_tasks().terminal.contains(&TerminalTask::Quit));
}

#[test]
fn in_ascii_no_cell_holds_anything_else() {
    for (name, mut app) in screens() {
        app.glyphs = Glyphs::Ascii;
        let buffer = drawn(&mut app, 120, 40);
        let other = buffer.content.iter().find(|cell| !cell.symbol().is_ascii());
        assert!(other.is_none(), "{name} shows {other:?}");
    }
}

#[test]
fn without_colours_the_selected_row_has_a_mark() {
    let mut app = sample::app_with_runs();
    app.theme = Theme { depth: Depth::Mono };
    let screen = dump(&drawn(&mut app, 80, 24));
    assert!(screen.contains("▸ quickstart-s0"), "{screen}");
    assert!(!screen.contains("Indexed") && !screen.contains("Cyan"), "{screen}");
}

#[test]
fn read_only_shows_no_key_that_drives() {
    let mut app = sample::app_on_run();
    app.keymap.access = Access::ReadOnly;
    let screen = dump(&drawn(&mut app, 80, 24));
    assert!(screen.contains("read-only") && !screen.contains("pause"), "{screen}");
    app.update(Action::Help);
    assert!(!dump(&drawn(&mut app, 120, 40)).contains("stop for good"));
}

#[test]
fn hostile_names_cannot_steer_the_terminal() {
    let mut app = sample::app_on_run();
    if let Some(run) = app.run_mut() {
        run.dir = sample::dir("\x1b]0;owned\x07\u{9b}31m");
        if let Some(started) = &mut run.state.started {
            started.classes = vec!["\x1b[2J\r\ncat".into(); 10];
        }
    }
    let buffer = drawn(&mut app, 120, 40);
    assert!(buffer.content.iter().all(|cell| !cell.symbol().contains(char::is_control)));
}

#[test]
fn at_80_columns_every_preset_is_shown_by_its_whole_name() {
    let mut app = sample::app();
    app.home = crate::console::screens::home::Home::new();
    app.home.folds = app.home.groups().into_iter().map(|group| (group.to_owned(), false)).collect();
    let height = app.home.presets.len() as u16 + 24;
    let screen = dump(&drawn(&mut app, 80, height));
    for row in &app.home.presets {
        assert!(screen.contains(&format!(" {} ", leaf(row))), "{}:\n{screen}", row.preset.name);
    }
}

#[test]
fn on_the_smallest_screen_presets_are_listed_and_axes_can_be_read() {
    let screen = dump(&drawn(&mut sample::app(), 60, 14));
    assert!(screen.contains("▸ quickstart") && screen.contains("+ paper 3"), "{screen}");
    let screen = dump(&drawn(&mut sample::app_on_run(), 60, 14));
    assert!(screen.contains(" 0  ") && screen.contains("  360 steps"), "{screen}");
}

#[test]
fn the_values_of_a_preset_and_of_a_fork_are_in_sight_on_every_screen() {
    let (mut preset, mut fork) = (sample::app(), sample::app_on_run());
    preset.update(Action::Enter);
    fork.update(Action::Fork);
    for height in [14, 17, 24] {
        for app in [&mut preset, &mut fork] {
            let screen = dump(&drawn(app, 60, height));
            let n = screen
                .lines()
                .filter(|line| [" labels.", " data.", " augment."].iter().any(|key| line.contains(key)))
                .count();
            assert!(n >= 3, "{screen}");
        }
    }
}

#[test]
fn what_a_log_is_filtered_by_is_seen_beside_how_many_lines_there_are() {
    let mut app = on_page(Page::Log, sample::app_on_run());
    if let Some(run) = app.run_mut() {
        run.log.filter.text = "a longer filter than some".into();
        run.log.select();
    }
    let screen = dump(&drawn(&mut app, 80, 24));
    assert!(screen.contains("/a longer filter than some\n") && screen.contains("0 lines, followed"), "{screen}");
    assert!(screen.contains("no line holds this; esc shows all"), "{screen}");
}

#[test]
fn what_tabs_are_about_stands_beside_them_if_there_is_room() {
    let mut app = sample::app_on_pseudo_labels(Tab::Strip);
    let mut tabs = |width| dump(&drawn(&mut app, width, 24)).lines().nth(2).unwrap_or_default().to_owned();
    assert!(tabs(60).ends_with(" CTAugment"), "{}", tabs(60));
    assert!(tabs(72).ends_with(" up to step 300"), "{}", tabs(72));
    assert!(tabs(80).ends_with(" steps 251 to 300"), "{}", tabs(80));
}

#[test]
fn a_header_shows_where_one_is_and_what_matters_without_one_over_the_other() {
    let mut app = frozen(Page::Samples);
    let mut header = |width| dump(&drawn(&mut app, width, 24)).lines().next().unwrap_or_default().to_owned();
    assert!(header(120).starts_with(" fixmatch › quickstart-s0 › labeled images  "), "{}", header(120));
    let keys = ": < , . > move, f now";
    for (width, end) in [(120, keys), (80, keys), (60, "  frozen at 150 of 312")] {
        assert!(header(width).contains("quickstart-s0 › labeled images  "), "{}", header(width));
        assert!(header(width).ends_with(end), "{}", header(width));
    }
}

#[test]
fn the_views_of_a_log_and_how_many_lines_there_are_stand_apart() {
    let mut app = on_page(Page::Log, sample::app_on_run());
    let screen = dump(&drawn(&mut app, 60, 24));
    assert!(screen.contains("the worker's output\n") && screen.contains(" lines, followed\n"), "{screen}");
}

#[test]
fn on_the_narrowest_screen_classes_keep_their_three_numbers() {
    let screen = dump(&drawn(&mut sample::app_on_pseudo_labels(Tab::Strip), 60, 24));
    assert!(screen.contains("accepted   acc.  share\n") && !screen.contains(" of 10"), "{screen}");
    assert!(screen.lines().nth(7).is_some_and(|line| line.matches(" %").count() == 3), "{screen}");
}

#[test]
fn on_the_narrowest_screen_a_run_still_says_its_threshold() {
    let screen = dump(&drawn(&mut sample::app_on_run(), 60, 24));
    assert!(screen.contains(" cpu, 2 threads · 4012 images/s · 1.1 GB · τ 0.9 · λ_u 1\n"), "{screen}");
}

#[test]
fn the_longest_status_is_shown_whole() {
    let mut app = sample::app_with_runs();
    if let crate::console::screens::home::Listing::Read(rows) = &mut app.home.runs {
        rows[0].status = Status::NotResponding;
    }
    let screen = dump(&drawn(&mut app, 80, 24));
    assert!(screen.contains("● not responding "), "{screen}");
}

#[test]
fn forks_can_be_told_apart_by_their_names_on_every_screen() {
    let mut app = sample::app_with_runs();
    if let crate::console::screens::home::Listing::Read(rows) = &mut app.home.runs {
        for (row, seed) in rows.iter_mut().zip(1..) {
            row.dir = sample::dir(&format!("20261123-180112-quickstart-fork-s{seed}"));
            row.parent = Some(Parent { run: "20261123-180112-quickstart-s0".into(), step: 250 });
        }
    }
    let screen = dump(&drawn(&mut app, 80, 24));
    assert!(screen.contains("↳ quickstart-fork-s1 ") && screen.contains("↳ quickstart-fork-s2 "), "{screen}");
    let screen = dump(&drawn(&mut app, 60, 24));
    assert!(screen.contains("k-s1 ") && screen.contains("k-s2 "), "{screen}");
}

#[test]
fn the_words_of_a_fork_are_shown_to_their_end() {
    let mut app = sample::app_on_run();
    app.update(Action::Earlier);
    app.update(Action::Fork);
    let screen = dump(&drawn(&mut app, 80, 24));
    assert!(screen.contains("at or before step 300; the network and") && screen.contains("as they are"), "{screen}");
}

#[test]
fn records_that_cannot_be_read_are_told_beside_those_that_can() {
    let mut app = sample::app_on_pseudo_labels(Tab::Strip);
    if let Some(run) = app.run_mut() {
        let pointer = Pointer { step: 310, record: Kind::Histogram, offset: 999, n_bytes: 1 };
        run.state.insights.push(pointer);
        run.pseudo_labels.take(vec![(pointer, Err("insight.bin, record of step 310: torn".into()))]);
    }
    let screen = dump(&drawn(&mut app, 80, 24));
    assert!(
        screen.contains("1 of 13 records in insight.bin cannot be read") && screen.contains("▸T-shirt"),
        "{screen}"
    );
}

#[test]
fn a_line_of_the_log_is_shown_to_its_end() {
    let mut app = on_page(Page::Log, sample::app_on_run());
    let screen = dump(&drawn(&mut app, 80, 40));
    assert!(screen.contains("140,000") && screen.contains("parameters, 500 steps"), "{screen}");
}

#[test]
fn the_footer_offers_what_the_run_can_follow() {
    let mut app = sample::app_on_run();
    let glance = app.run_mut().and_then(|run| run.glance.as_mut()).expect("read");
    glance.status = Status::Suspended;
    let footer = dump(&drawn(&mut app, 80, 24)).lines().nth(23).expect("a footer").to_owned();
    assert!(footer.contains("r resume") && !footer.contains("pause"), "{footer}");
}

#[test]
fn words_about_keys_name_the_user_s_own_and_read_only_has_none() {
    let mut app = sample::app_on_run();
    app.run_mut().and_then(|run| run.glance.as_mut()).expect("read").status = Status::Paused;
    app.keymap.remap("resume", &["R".into()]).expect("a key");
    let screen = dump(&drawn(&mut app, 80, 24));
    assert!(
        screen.contains("paused: the worker waits and keeps its memory; R goes on, S saves and frees it"),
        "{screen}"
    );
    app.keymap.access = Access::ReadOnly;
    let screen = dump(&drawn(&mut app, 80, 24));
    assert!(screen.contains("paused: the worker waits and keeps its memory\n"), "{screen}");
}

#[test]
fn letters_that_nothing_holds_are_taken_away_with_escape() {
    use crossterm::event::{KeyCode, KeyEvent, KeyModifiers};
    let mut app = sample::app_with_runs();
    let press = |app: &mut App, codes: &[KeyCode]| {
        for code in codes {
            app.press(KeyEvent::new(*code, KeyModifiers::NONE));
        }
        dump(&drawn(app, 80, 24))
    };
    let screen = press(&mut app, &[KeyCode::Char('/'), KeyCode::Char('#'), KeyCode::Enter]);
    assert!(screen.contains("no preset holds these letters; esc shows all"), "{screen}");
    assert!(screen.contains("no run holds these letters; esc shows all"), "{screen}");
    assert!(screen.contains("  esc clear  "), "{screen}");
    let screen = press(&mut app, &[KeyCode::Esc]);
    assert!(screen.contains("▸ quickstart") && !screen.contains("esc clear"), "{screen}");
}

#[test]
fn why_a_run_cannot_be_read_is_shown_to_its_end() {
    let mut app = sample::app_on_run();
    let run = app.run_mut().expect("open");
    run.error = Some(format!("cannot read {}/events.jsonl: Permission denied", "/a/long/path".repeat(6)));
    let screen = dump(&drawn(&mut app, 80, 24));
    assert!(screen.contains("Permission denied"), "{screen}");
}

#[test]
fn enter_counts_when_it_was_pressed_before_the_console_was_there() {
    use crossterm::event::{KeyCode, KeyEvent, KeyModifiers};
    let mut app = sample::app();
    app.press(KeyEvent::new(KeyCode::Char('j'), KeyModifiers::CONTROL));
    assert_eq!(app.place(), Place::Preset);
}

#[test]
fn a_long_error_is_shown_to_its_end() {
    let mut app = sample::app();
    let error = format!("could not fetch cifar10: {} the end", "so many reasons, ".repeat(8));
    app.learn(crate::console::world::News::Fetched("cifar10".into(), Err(error)));
    let screen = dump(&drawn(&mut app, 80, 24));
    assert!(screen.contains("could not fetch") && screen.contains("the end"), "{screen}");
}
