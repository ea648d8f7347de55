//! Opening, moving about, leaving, and being left.

use std::fs::{self, File};
use std::os::unix::fs::PermissionsExt as _;
use std::time::{Duration, SystemTime};

use base64::Engine as _;
use fixmatch::base::host::{host, now};
use fixmatch::config::preset::Preset;
use fixmatch::labels::set::{LabelSet, Picked};
use fixmatch::run::dir::RunDir;
use fixmatch::run::event::{Event, FailureKind};
use fixmatch::run::file::RunFile;
use fixmatch::run::heartbeat::{Heartbeat, Phase};
use fixmatch::run::log::EventLog;

use super::{Place, Terminal, broken_run};

pub fn some_run(place: &Place, name: &str, events: &[Event]) -> RunDir {
    let config = Preset::find("quickstart").and_then(|preset| preset.resolve(&[])).expect("the quickstart resolves");
    let dir = RunDir::create(&place.runs(), name, &RunFile::new("quickstart".into(), vec![], config)).expect("made");
    let mut log = EventLog::open(&dir.events()).expect("opens");
    for event in events {
        log.append(event.clone()).expect("appended");
    }
    dir
}

/// Beats as a worker that goes on beating: however long the console takes to look, the heartbeat is not stale.
fn beat(dir: &RunDir, phase: Phase) {
    dir.beat(&Heartbeat { time: now(), pid: 1, host: host(), step: 7, phase }).expect("written");
    let file = File::options().write(true).open(dir.path().join("heartbeat")).expect("there");
    file.set_modified(SystemTime::now() + Duration::from_hours(1)).expect("set");
}

pub fn quit(terminal: &mut Terminal) {
    terminal.press("q");
    assert!(terminal.end().success());
    assert!(terminal.is_restored(), "{}", terminal.text());
}

#[test]
fn without_a_command_the_console_opens_and_quitting_gives_the_terminal_back() {
    let place = Place::new();
    let mut terminal = place.open(&[]);
    terminal.until("no runs yet");
    terminal.until("▸ quickstart");
    terminal.press("?");
    terminal.until("filter the list by a text");
    terminal.press("\x1b");
    terminal.until_it("the help goes", |text| !text.contains("show only what"));
    terminal.press("\r");
    terminal.until("Quickstart: 4 labels per class");
    quit(&mut terminal);
}

#[test]
fn a_run_is_opened_from_the_list_with_its_log() {
    let place = Place::new();
    some_run(
        &place,
        "mine",
        &[Event::Failed { step: 7, reason: "the disk is full".into(), kind: FailureKind::Unknown }],
    );
    let mut terminal = place.open(&[]);
    terminal.until("mine-s1");
    terminal.press("\t\r");
    terminal.until("failed: the disk is full");
    terminal.press("o");
    terminal.until("failed at step 7: the disk is full");
    quit(&mut terminal);
}

#[test]
fn a_value_that_cannot_be_is_refused_on_the_spot() {
    let place = Place::new();
    let mut terminal = place.open(&[]);
    terminal.until("▸ quickstart");
    terminal.press("\r");
    terminal.until("▸ data.dataset");
    terminal.go_down_until(|text| text.contains("▸ train.threshold"));
    terminal.press("e\x152\r");
    terminal.until("must be in [0, 1], not 2");
    terminal.press("\x150.9\r");
    terminal.until("changed here: train.threshold=0.9");
}

#[test]
fn without_a_worker_launching_says_why_it_fails() {
    let place = Place::new();
    let mut terminal = place.open_with(&[], &[("FIXMATCH_WORKER", "/nowhere/fixmatch-worker")]);
    terminal.until("▸ quickstart");
    terminal.press("\r");
    terminal.until("data.dataset");
    terminal.press("L");
    terminal.until("there is no worker at /nowhere/fixmatch-worker");
}

#[test]
fn launching_tells_of_images_that_are_there_twice_before_the_run_has_ended() {
    let place = Place::new();
    for class in ["cat", "dog"] {
        let folder = place.path(&format!("photos/train/{class}"));
        fs::create_dir_all(&folder).expect("made");
        let image = image::GrayImage::from_fn(8, 8, |x, y| image::Luma([(x * y) as u8 + class.as_bytes()[0]]));
        image.save(folder.join("it.png")).expect("written");
    }
    std::os::unix::fs::symlink("train", place.path("photos/test")).expect("a link");
    let preset = "extends = \"quickstart\"\ntitle = \"Photos\"\nabout = \"Mine.\"\n[data]\ndataset = \"folder\"\npath = \"../photos\"\n\
                  [labels]\nper_class = 1\n[train]\nbatch = 2\n";
    fs::create_dir_all(place.path("presets")).expect("made");
    fs::write(place.path("presets/photos.toml"), preset).expect("written");
    let worker = place.path("worker.sh");
    fs::write(&worker, "#!/bin/sh\nsleep 60\n").expect("written");
    fs::set_permissions(&worker, fs::Permissions::from_mode(0o755)).expect("made executable");
    let mut terminal = place.open_with(&[], &[("FIXMATCH_WORKER", worker.to_str().expect("UTF-8"))]);
    terminal.until("photos");
    terminal.go_down_until(|text| text.lines().any(|line| line.contains('▸') && line.contains("photos")));
    terminal.press("\r");
    terminal.until("data.dataset");
    terminal.press("L");
    terminal.until("2 test images are among the training images too");
}

#[test]
fn a_hang_up_ends_the_console_within_a_second() {
    let place = Place::new();
    // At any moment: also while it looks for keys, where crossterm reads the end of a terminal for ever.
    for _ in 0..10 {
        let mut terminal = place.open(&[]);
        terminal.until("Presets");
        terminal.hang_up();
        terminal.end_within(Duration::from_secs(1));
    }
}

#[test]
fn a_run_that_is_broken_is_a_row_and_a_hostile_name_is_only_a_name() {
    let place = Place::new();
    broken_run(&place.runs(), "broken", "config = 3");
    broken_run(&place.runs(), "x\x1b[2J\x1b]0;owned\x07y", "");
    let mut terminal = place.open(&[]);
    terminal.until("unreadable");
    terminal.until("broken");
    terminal.press("\t");
    terminal.until("run.toml");
    assert_eq!(terminal.title(), "", "a name reached the window's title");
    quit(&mut terminal);
}

#[test]
fn a_run_that_waits_for_its_disk_says_so_in_the_list() {
    let place = Place::new();
    let dir = some_run(&place, "mine", &[Event::Launched { pid: 1, host: host(), version: "1".into(), job: None }]);
    let _lock = dir.lock().expect("free");
    for (phase, label, told) in [
        (Phase::NoSpace, "no disk space", "the training is held: waiting for disk space"),
        (Phase::DiskFails, "disk fails", "the training is held: waiting for its disk, which fails"),
    ] {
        beat(&dir, phase);
        let mut terminal = place.open(&[]);
        terminal.until(label);
        terminal.until(told); // without a key: a run at work has the focus
        quit(&mut terminal);
    }
}

#[test]
fn a_run_whose_folder_vanishes_while_it_is_open_says_so() {
    let place = Place::new();
    let dir = some_run(&place, "mine", &[Event::Stopped { step: 7 }]);
    let mut terminal = place.open(&["attach", "mine"]);
    terminal.until("● stopped");
    // the console may put its summary there meanwhile
    terminal.until_it("the folder is removed", |_| {
        let _ = std::fs::remove_dir_all(dir.path());
        !dir.path().exists()
    });
    terminal.until("the run is gone");
    terminal.press("\x1b");
    terminal.until("no runs yet");
    quit(&mut terminal);
}

#[test]
fn copying_gives_the_path_of_a_run_to_the_terminal() {
    let place = Place::new();
    let dir = some_run(&place, "mine", &[Event::Stopped { step: 7 }]);
    let mut terminal = place.open(&["attach", "mine"]);
    terminal.until("● stopped");
    terminal.press("Y");
    terminal.until("copied ");
    let expected = base64::engine::general_purpose::STANDARD.encode(dir.path().display().to_string());
    terminal.until_it("the clipboard is set", |_| terminal.copied() == expected);
}

#[test]
fn the_bell_rings_when_a_run_of_the_list_ends() {
    let place = Place::new();
    std::fs::write(place.path("config.toml"), "bell = \"bell\"\n").expect("written");
    let dir = some_run(&place, "mine", &[Event::Paused { step: 7 }]);
    let lock = dir.lock().expect("free");
    beat(&dir, Phase::Paused);
    let mut terminal = place.open(&[]);
    terminal.until("● paused");
    EventLog::open(&dir.events()).and_then(|mut log| log.append(Event::Finished { step: 9 })).expect("appended");
    drop(lock);
    terminal.until("● finished");
    terminal.until_it("the bell rings", |_| terminal.n_bells() == 1);
    quit(&mut terminal);
}

#[test]
fn emptying_the_trash_asks_and_takes_only_a_yes() {
    let place = Place::new();
    broken_run(&place.runs().join(".trash"), "gone", "");
    let run = place.runs().join(".trash/gone");
    for (answer, is_left) in [("\r", true), ("n\r", true), ("y\r", false)] {
        let mut terminal = place.open(&["trash", "empty"]);
        terminal.until("for good? y or n:");
        terminal.press(answer);
        assert_eq!(terminal.end().success(), !is_left);
        assert_eq!(run.exists(), is_left, "{answer:?}");
    }
}

#[test]
fn deleting_asks_and_moves_the_run_to_the_trash() {
    let place = Place::new();
    let dir = some_run(&place, "mine", &[Event::Stopped { step: 7 }]);
    let mut terminal = place.open(&[]);
    terminal.until("mine-s1");
    terminal.press("\tD");
    terminal.until("move the run to the trash?");
    terminal.press("n");
    terminal.until_it("the question goes", |text| !text.contains("trash?"));
    assert!(dir.path().exists());
    terminal.press("Dy");
    terminal.until("no runs yet");
    assert!(place.runs().join(".trash").join(dir.id()).join("run.toml").exists());
}

#[test]
fn read_only_refuses_what_drives() {
    let place = Place::new();
    some_run(&place, "mine", &[Event::Stopped { step: 7 }]);
    let mut terminal = place.open(&["attach", "mine", "--readonly"]);
    terminal.until("read-only");
    terminal.press("r");
    terminal.until("opened with --readonly");
}

#[test]
fn without_a_utf_8_locale_the_screen_is_ascii() {
    let place = Place::new();
    let terminal = place.open_with(&[], &[("LANG", "C")]);
    terminal.until("no runs yet");
    assert!(terminal.text().is_ascii(), "{}", terminal.text());
}

#[test]
fn a_terminal_that_cannot_draw_is_told_to_watch() {
    let place = Place::new();
    let mut terminal = place.open_with(&[], &[("TERM", "dumb")]);
    terminal.until("`fixmatch watch`");
    assert!(!terminal.end().success());
}

#[test]
fn keys_come_from_the_settings_and_an_error_in_them_names_line_and_key() {
    let place = Place::new();
    std::fs::write(place.path("config.toml"), "[keys]\nquit = \"Q\"\n").expect("written");
    let mut terminal = place.open(&[]);
    terminal.until("Q quit");
    terminal.press("Q");
    assert!(terminal.end().success());
    std::fs::write(place.path("config.toml"), "[keys]\nquitt = \"Q\"\n").expect("written");
    place.open(&[]).until("line 2, keys.quitt");
}

#[test]
fn what_happened_since_one_last_looked_is_told_once() {
    let place = Place::new();
    let dir = some_run(&place, "mine", &[Event::Stopped { step: 7 }]);
    let mut terminal = place.open(&["attach", "mine", "--brief"]);
    terminal.until("+7 steps, now at step 7");
    terminal.end();
    place.open(&["attach", "mine", "--brief"]).until("nothing happened since");
    EventLog::open(&dir.events()).and_then(|mut log| log.append(Event::Stopped { step: 9 })).expect("appended");
    let mut terminal = place.open(&["attach", "mine"]);
    terminal.until("since you left");
    terminal.until("+2 steps");
    quit(&mut terminal);
}

#[test]
fn the_mouse_is_taken_on_request_and_a_click_selects_a_row() {
    let place = Place::new();
    some_run(&place, "mine", &[Event::Stopped { step: 7 }]);
    let mut terminal = place.open(&[]);
    terminal.until("mine-s1");
    assert!(!terminal.reports_mouse());
    terminal.press("m");
    terminal.until("mouse on");
    assert!(terminal.reports_mouse());
    let (column, row) = terminal.place_of("mine-s1");
    terminal.click(column, row);
    terminal.until("▸ mine-s1");
    terminal.click(column, row);
    terminal.until("› mine-s1");
    terminal.press("m");
    terminal.until("mouse off");
    assert!(!terminal.reports_mouse());
    terminal.press("m");
    terminal.until("mouse on");
    quit(&mut terminal);
}

#[test]
fn pictures_are_shown_where_the_terminal_says_that_it_can() {
    let place = Place::new();
    let mut terminal = open_samples(&place);
    terminal.press("P");
    terminal.until("asking the terminal");
    terminal.press("\x1b[?62;4c\x1b[6;20;10t\x1b[0n");
    terminal.until("pictures by sixel");
    terminal.until_it("half blocks make way", |text| !text.contains('▀'));
    terminal.press("?");
    terminal.until_it("under the help they come back", |text| text.contains('▀'));
    terminal.press("\x1b");
    terminal.until_it("the help goes", |text| !text.contains('▀'));
    terminal.press("P");
    terminal.until("pictures off");
    quit(&mut terminal);
}

#[test]
fn a_terminal_that_cannot_show_pictures_keeps_characters() {
    let place = Place::new();
    let mut terminal = open_samples(&place);
    terminal.press("P");
    terminal.until("asking the terminal");
    terminal.press("\x1b[?62c\x1b[0n");
    terminal.until("this terminal shows no pictures");
    terminal.until("▀");
    quit(&mut terminal);
}

/// A console on the labeled images of a run.
pub fn open_samples(place: &Place) -> Terminal {
    let dir = some_run(place, "mine", &[Event::Stopped { step: 7 }]);
    let labels = LabelSet::new((0..10).collect(), Picked::Listed);
    std::fs::write(dir.labels(), serde_json::to_vec(&labels).expect("plain")).expect("written");
    let mut terminal = place.open(&["attach", "mine"]);
    terminal.until("● stopped");
    terminal.press("i");
    terminal.until("▀");
    terminal
}
