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
    terminal.until("paper-cifar10");
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

#[cfg(feature = "train")]
#[test]
fn a_queue_at_work_is_held_stopped_given_seeds_and_ended_by_keys_and_leaves_no_process_behind() {
    let place = Place::new();
    let suites = place.path("presets/suites");
    fs::create_dir_all(&suites).expect("made");
    // a small residual network: one run at a time, on all cores
    let model = "model.name = \"wrn\"\nmodel.depth = 10\nmodel.width = 1\n";
    let small = "train.batch = 4\ntrain.mu = 1\ntrain.window = 2\neval.every = 8\ntrain.steps = 8\n";
    let axis = "[[axis]]\nkey = \"labels.per_class\"\nvalues = [1, 2]\n";
    let text = format!("title = \"Zebra\"\nbase = \"quickstart\"\nseeds = 1\n[config]\n{model}{small}{axis}");
    fs::write(suites.join("zebra.toml"), text).expect("written");
    let mut terminal = place.open(&[]);
    terminal.until("+ suites");
    terminal.press("G\r/zebra\r");
    terminal.until("▸     zebra");
    terminal.press("\r");
    terminal.until("not started: L starts it");
    terminal.press("Ly");
    terminal.until("training on cpu");
    terminal.press("p");
    terminal.until("held: r goes on");
    terminal.press("+\x152\r");
    terminal.until(" of 6 runs done");
    terminal.press("l");
    terminal.until("per_class=2: 0 of 3");
    terminal.press("M");
    terminal.until("3 runs at the front, to be started before all others");
    terminal.press("r");
    terminal.until("training on cpu");
    terminal.until(" 1 of 6 runs done");
    terminal.press("Xy");
    terminal.until("no queue is at work: r goes on");
    terminal.press("r");
    terminal.until("training on cpu");
    terminal.until(" 6 of 6 runs done");
    let log = fs::read_to_string(place.runs().join(".suites/zebra/queue.log")).expect("a queue's log");
    let queues: Vec<_> = log.lines().filter_map(|line| Some(line.split_once("begins as process ")?.1)).collect();
    assert_eq!(queues.len(), 2, "{log}");
    for queue in queues {
        let process = place.path(&format!("/proc/{queue}"));
        terminal.until_it("the queue's process is gone", |_| !process.exists());
    }
    assert_eq!(fs::read_dir(place.runs()).expect("runs").flatten().filter(is_run).count(), 6);
    terminal.press("\x1b");
    quit(&mut terminal);
}

#[cfg(feature = "train")]
fn is_run(entry: &fs::DirEntry) -> bool {
    !entry.file_name().to_string_lossy().starts_with('.')
}
