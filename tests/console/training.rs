//! A whole run, driven by keys: launched, paused, left, found again, resumed and finished.

use super::Place;

#[test]
fn a_run_is_launched_paused_left_found_again_and_finished() {
    let place = Place::new();
    let mut terminal = place.open(&[]);
    terminal.until("▸ quickstart");
    terminal.press("\r");
    for (key, value) in [("train.steps", "80"), ("train.batch", "8"), ("train.window", "2"), ("eval.every", "20")] {
        set(&mut terminal, key, value);
    }
    terminal.press("L");
    terminal.until("● running");
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

/// Changes a value of the preset on the screen.
fn set(terminal: &mut super::Terminal, key: &str, value: &str) {
    let selected = format!("▸ {key} ");
    terminal.press("g");
    terminal.until("▸ data.dataset");
    while !terminal.text().contains(&selected) {
        let before = terminal.text();
        terminal.press("j");
        terminal.until_it("the cursor moves", |text| text != before);
    }
    terminal.press(&format!("e\x15{value}\r"));
    terminal.until(&format!("{key}={value}"));
}
