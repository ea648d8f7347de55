//! Whole runs, driven by keys through the console.

use rustix::process::Signal;

use super::{Place, Terminal};

#[test]
fn a_run_is_launched_paused_left_found_again_and_finished() {
    let place = Place::new();
    let mut terminal = launch(&place, "80");
    terminal.until_it("the mask ratio is measured", |text| {
        text.lines().any(|line| line.contains("mask ratio") && line.contains(" % "))
    });
    terminal.press("p");
    terminal.until("● paused");
    terminal.press("q");
    assert!(terminal.end().success());

    let mut terminal = place.open(&["attach"]);
    terminal.until("● paused");
    terminal.press("r");
    terminal.until("● finished");
    terminal.until("80/80");
    terminal.press("q");
    assert!(terminal.end().success());
    assert!(terminal.is_restored());
}

#[test]
fn the_network_of_a_run_says_what_it_takes_the_unlabeled_images_for() {
    let place = Place::new();
    let mut terminal = launch(&place, "40");
    terminal.until("● finished");
    terminal.press("d");
    terminal.until("least sure first · 9,960 unlabeled images · step 40");
    terminal.until("of the test images taken for ");
    terminal.press("n");
    terminal.until("surest first · 9,960");
    terminal.press("c\r");
    terminal.until("taken for T-shirt/top, surest first");
    terminal.press("q");
    assert!(terminal.end().success());
}

#[test]
fn a_run_is_saved_evaluated_changed_suspended_resumed_and_stopped() {
    let place = Place::new();
    let mut terminal = launch(&place, "20000");
    terminal.press("C");
    terminal.until("checkpoint  ✓ applied at step");
    terminal.press("E");
    terminal.until("evaluate  ✓ applied at step");
    terminal.until("best ");
    terminal.press("s\r\x150.5\r");
    terminal.until("threshold = 0.5  ✓ applied at step");
    terminal.until("τ 0.5 ·");
    terminal.press("u");
    terminal.until("τ 0.95 ·");
    terminal.press("sjjj\r\x1510000");
    terminal.until("learning rate at step");
    terminal.press("\r");
    terminal.until("steps = 10000  ✓ applied at step");
    terminal.until("/10,000 ");
    terminal.press("S");
    terminal.until("● suspended");
    terminal.press("r");
    terminal.until("● running");
    terminal.press("X");
    terminal.until("stop the run?");
    terminal.press("y");
    terminal.until("● stopped");
}

#[test]
fn a_change_that_lies_ahead_of_a_run_in_training_is_given_another_value_and_dropped() {
    let place = Place::new();
    let mut terminal = launch(&place, "20000");
    terminal.press("S");
    terminal.until("● suspended");
    terminal.press("s\r\x150.5\r");
    terminal.until("ahead: threshold = 0.5 at step");
    terminal.press("eM\x1519000\r");
    terminal.until("comes to threshold = 0.5 from step 19,000 on");
    terminal.press("\x1b");
    terminal.until("D drops it · e edits");
    terminal.press("r");
    terminal.until("● running");
    terminal.until("ahead: threshold = 0.5 at step 19,000");
    terminal.press("e\r\x150.6\r");
    terminal.until("becomes threshold = 0.6  ✓ applied at step");
    terminal.until("the run comes to threshold = 0.6 from step 19,000 on");
    terminal.press("D");
    terminal.until("drop the recorded change?");
    terminal.press("y");
    terminal.until("no recorded change lies ahead");
    terminal.press("\x1b");
    terminal.until("X stop");
    terminal.press("X");
    terminal.until("stop the run?");
    terminal.press("y");
    terminal.until("● stopped");
}

#[test]
fn a_signal_to_end_suspends_an_attached_run_and_gives_the_terminal_back() {
    let place = Place::new();
    let settings = ["train.steps=20000", "train.batch=8", "train.window=2"];
    let args: Vec<_> = settings.iter().flat_map(|setting| ["--set", *setting]).collect();
    let mut terminal = place.open(&[&["train", "quickstart", "--attach"][..], &args].concat());
    terminal.until("● running");
    terminal.signal(Signal::TERM);
    assert_eq!(terminal.end().exit_code(), 143, "{}", terminal.text());
    assert!(terminal.is_restored(), "{}", terminal.text());
    let mut terminal = place.open(&["runs"]);
    terminal.until("suspended");
    assert!(terminal.end().success());
}

#[test]
fn training_attached_shows_each_run_in_the_console_and_ends_with_the_comparison() {
    let place = Place::new();
    let settings = ["train.steps=40", "train.batch=8", "train.window=2", "eval.every=20"];
    let args: Vec<_> = settings.iter().flat_map(|setting| ["--set", *setting]).collect();
    let mut terminal = place.open(&[&["train", "quickstart", "--baseline", "--attach"][..], &args].concat());
    terminal.until("● running");
    terminal.until("fixmatch › quickstart-labels-only-s1");
    terminal.until("gap: ");
    assert!(terminal.end().success());
    assert!(terminal.is_restored());
}

/// Launches a small quickstart of so many steps, and waits until it trains.
fn launch(place: &Place, steps: &str) -> Terminal {
    let mut terminal = place.open(&[]);
    terminal.until("▸ quickstart");
    terminal.press("\r");
    let settings = [
        ("train.steps", steps),
        ("train.batch", "8"),
        ("train.lr", "0.01"), // at the preset's, with so small a batch, a run can diverge
        ("train.window", "2"),
        ("eval.every", "20"),
    ];
    for (key, value) in settings {
        set(&mut terminal, key, value);
    }
    terminal.press("L");
    terminal.until("● running");
    terminal.until("images/s");
    terminal
}

/// Changes a value of the preset on the screen.
fn set(terminal: &mut Terminal, key: &str, value: &str) {
    let selected = format!("▸ {key} ");
    terminal.press("g");
    terminal.until("▸ data.dataset");
    terminal.go_down_until(|text| text.contains(&selected));
    terminal.press(&format!("e\x15{value}\r"));
    terminal.until(&format!("{key}={value}"));
}
