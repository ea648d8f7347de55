//! Groups of presets and the grid of a suite, in the real console.

use std::fs;

use super::Place;
use super::looking::quit;

#[test]
fn a_suite_is_found_on_the_home_screen_opened_as_a_grid_and_started_only_after_a_question() {
    let place = Place::new();
    let own = place.path("experiments");
    fs::create_dir_all(&own).expect("made");
    fs::write(own.join("mine.toml"), "extends = \"quickstart\"\ntitle = \"Mine\"\n").expect("written");
    fs::write(own.join("broken.toml"), "[train]\nstep = 3\n").expect("written");
    let mut terminal = place.open(&[]);
    terminal.until("experiments/mine.toml");
    terminal.until("did you mean train.steps?");
    terminal.until("+ suites");
    terminal.press("G");
    terminal.until("▸ + suites");
    terminal.press("\r");
    terminal.until("quickstart-labels");
    terminal.press("/labels-small\r");
    terminal.until("▸     slides-labels-small");
    terminal.press("\r");
    terminal.until("not started: L starts it");
    terminal.until("per_class");
    terminal.press("l");
    terminal.until("per_class=4: 0 of ");
    terminal.press("\r");
    terminal.until("○ waiting");
    terminal.press("\x1bL"); // in one piece, as over a slow connection
    terminal.until("start the suite?");
    terminal.press("n");
    terminal.until_it("the question goes", |text| !text.contains("start the suite?"));
    assert!(!place.runs().join(".suites").exists(), "nothing was started");
    terminal.press("\x1b\x1b");
    terminal.until("Presets");
    quit(&mut terminal);
    let mut again = place.open(&[]);
    again.until("− suites"); // what was opened stays so
    quit(&mut again);
}
