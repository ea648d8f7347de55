//! What comes from the terminal beside keys: pasted text, signals, answers that are late or never come.

use fixmatch::run::dir::RunDir;
use fixmatch::run::event::Event;
use rustix::process::Signal;

use super::looking::{open_samples, quit, some_run};
use super::{Place, Terminal};

/// Text of which every letter is a key somewhere, with all that a line cannot hold.
const PROSE: &str = "Stop\r\nR S C E X\tand\u{9b} fork it.\r";

/// What is left of it.
const LINE: &str = "StopR S C E Xand fork it.";

fn close_help(terminal: &mut Terminal) {
    terminal.press("\x1b");
    terminal.until_it("the help goes", |text| !text.contains("─ keys ─"));
}

#[test]
fn text_that_is_pasted_on_a_list_does_nothing_but_say_so() {
    let place = Place::new();
    some_run(&place, "mine", &[Event::Stopped { step: 7 }]);
    let mut terminal = place.open(&[]);
    terminal.until("mine-s1");
    for keys in ["", "\t", "\r", "?"] {
        terminal.press(keys);
        terminal.paste(PROSE);
        terminal.until("nothing was done");
        assert!(!terminal.text().contains("asks"), "{}", terminal.text());
        terminal.press("\x0c");
    }
    close_help(&mut terminal);
    quit(&mut terminal);
    assert_eq!(RunDir::list(&place.runs()).expect("runs").len(), 1, "no run was launched");
}

#[test]
fn pasted_text_goes_into_the_open_text_field_as_one_line() {
    let place = Place::new();
    let mut terminal = place.open(&[]);
    terminal.until("▸ quickstart");
    terminal.press("/");
    terminal.paste(PROSE);
    terminal.until(LINE);
    terminal.press("\x1b");
    terminal.until("▸ quickstart");
    terminal.press("\r");
    terminal.until("Quickstart: 4 labels per class");
    terminal.press("\r");
    terminal.paste("L\r\nS C\r");
    terminal.until("LS C▏");
    terminal.press("\x1b");
    terminal.until_it("the field closes", |text| !text.contains("LS C"));
    quit(&mut terminal);
}

#[test]
fn the_screen_is_drawn_anew_without_a_question_to_the_terminal() {
    let place = Place::new();
    let mut terminal = place.open(&[]);
    terminal.until("no runs yet");
    let again: [&dyn Fn(&mut Terminal); 4] = [
        &|terminal| terminal.press("\x0c"),
        // the terminal's first program has no shell to go back to, so this does not stop it
        &|terminal| terminal.press("\x1a"),
        &|terminal| terminal.signal(Signal::TSTP),
        &|terminal| {
            terminal.signal(Signal::STOP);
            terminal.signal(Signal::CONT);
        },
    ];
    for redraw in again {
        terminal.wipe();
        redraw(&mut terminal);
        terminal.until("no runs yet");
    }
    assert_eq!(terminal.n_questions(), 0);
    quit(&mut terminal);
}

#[test]
fn whatever_signal_ends_it_the_terminal_is_given_back() {
    let place = Place::new();
    std::fs::write(place.path("config.toml"), "mouse = true\n").expect("written");
    for (signal, number) in [(Signal::HUP, 1), (Signal::INT, 2), (Signal::QUIT, 3), (Signal::TERM, 15)] {
        let mut terminal = place.open(&[]);
        terminal.until("no runs yet");
        assert!(terminal.reports_mouse());
        terminal.signal(signal);
        assert_eq!(terminal.end().exit_code(), 128 + number);
        assert!(terminal.is_restored(), "{signal:?}: {}", terminal.text());
    }
}

#[test]
fn a_terminal_that_never_answers_keeps_its_keys_and_a_late_answer_is_none() {
    let place = Place::new();
    let mut terminal = open_samples(&place);
    terminal.press("P");
    terminal.until("this terminal shows no pictures");
    assert!(terminal.n_questions() > 0, "it was asked");
    terminal.press("?");
    terminal.until("a page up");
    close_help(&mut terminal);
    terminal.press("\x1b_Gi=31;OKq\x1b\\\x1b[?62;4c\x1b[6;20;10t\x1b[0n\x1b]11;rgb:0000/qqqq/0000\x07\x1b[5;5R");
    terminal.press("?");
    terminal.until("a page up");
    close_help(&mut terminal);
    quit(&mut terminal);
}

#[test]
fn a_terminal_with_a_small_font_gets_ascii_whatever_the_locale() {
    let place = Place::new();
    for term in ["linux", "vt100"] {
        let mut terminal = place.open_with(&[], &[("TERM", term), ("LANG", "C.UTF-8")]);
        terminal.until("no runs yet");
        assert!(terminal.text().is_ascii(), "{}", terminal.text());
        quit(&mut terminal);
    }
}
