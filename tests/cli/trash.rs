//! What was deleted: listed, brought back, and removed for good.

use std::fs;
use std::path::PathBuf;

use fixmatch::labels::saved;
use serde_json::Value;

use super::{Place, whole_run};

const LABELS: &str = "# a label set\n0\n1\n";

/// The file of a saved label set.
fn label_set(place: &Place, name: &str) -> PathBuf {
    let folder = place.folder.path().join("state/label-sets");
    fs::create_dir_all(&folder).expect("made");
    let path = saved::path_of(&folder, name).expect("a name");
    fs::write(&path, LABELS).expect("written");
    path
}

/// A place with a run and a label set in the trash; where they were.
fn deleted() -> (Place, [PathBuf; 2]) {
    let place = Place::new();
    let run = place.run("gone", &whole_run(0.5));
    let set = label_set(&place, "mine");
    run.discard().expect("moved");
    saved::discard(&set).expect("moved");
    (place, [run.path().to_owned(), set])
}

#[test]
fn an_empty_trash_says_so() {
    let place = Place::new();
    for command in ["list", "empty"] {
        place.fixmatch(&["trash", command]).check(0, &[], &["the trash is empty"]);
    }
    place.fixmatch(&["trash", "list", "--json"]).check(0, &["[]"], &[]);
    place.fixmatch(&["trash", "restore", "x"]).check(1, &[], &["called \"x\"", "`fixmatch trash list`"]);
}

#[test]
fn deleted_runs_and_label_sets_are_listed_with_the_command_that_brings_each_back() {
    let (place, before) = deleted();
    let hints = ["`fixmatch trash restore NAME`", "removes 1 run and 1 label set ("];
    place.fixmatch(&["trash", "list"]).check(0, &["gone", "mine", "SIZE", "kB"], &hints);
    let listed = place.fixmatch(&["trash", "list", "--json"]);
    let items: Vec<Value> = serde_json::from_str(&listed.out).expect("JSON");
    let mut kinds: Vec<_> = items.iter().map(|item| item["kind"].as_str().expect("a word")).collect();
    kinds.sort_unstable();
    assert_eq!(kinds, ["label-set", "run"]);
    let set = items.iter().find(|item| item["kind"] == "label-set").expect("the set");
    assert_eq!(set["bytes"], LABELS.len());
    assert!(items.iter().all(|item| item["trashed"].as_str().is_some_and(|time| time.ends_with('Z'))), "{items:?}");
    for item in &items {
        let command: Vec<&str> =
            item["restore"].as_array().expect("words").iter().map(|word| word.as_str().expect("a word")).collect();
        assert_eq!(command[0], "fixmatch");
        place.fixmatch(&command[1..]).check(0, &["is back: "], &[]);
    }
    assert!(before.iter().all(|path| path.exists()));
    place.fixmatch(&["runs"]).check(0, &["gone"], &[]);
    place.fixmatch(&["trash", "list"]).check(0, &[], &["the trash is empty"]);
}

#[test]
fn another_folder_of_runs_has_its_own_trash_and_the_hint_names_it() {
    let (place, [run, _]) = deleted();
    let folder = run.parent().expect("a folder").to_str().expect("UTF-8");
    let other = place.command(&["--runs", folder, "trash", "list"]).env("FIXMATCH_RUNS", "/nowhere").spawn();
    let hint = format!("`fixmatch --runs {folder} trash restore NAME`");
    super::end_of(other.expect("starts")).check(0, &["gone"], &[&hint]);
}

#[test]
fn nothing_takes_the_place_of_what_has_the_name_by_now() {
    let (place, [run, set]) = deleted();
    fs::create_dir(&run).expect("made");
    fs::write(&set, "other").expect("written");
    for name in ["gone", "mine"] {
        place.fixmatch(&["trash", "restore", name]).check(1, &[], &["is there already: what is in the trash stays"]);
    }
    assert_eq!(fs::read_to_string(&set).expect("reads"), "other");
    place.fixmatch(&["trash", "list"]).check(0, &["gone", "mine"], &[]);
}

#[test]
fn a_name_that_fits_several_is_asked_for_again() {
    let place = Place::new();
    for name in ["one-s0", "one-s1"] {
        place.run(name, &[]).discard().expect("moved");
    }
    place.fixmatch(&["trash", "restore", "one"]).check(1, &[], &["fits 2 things in the trash", "one-s0", "one-s1"]);
    let twins = place.run("two", &[]);
    saved::discard(&label_set(&place, &twins.id())).expect("moved");
    let trashed = twins.discard().expect("moved");
    let path = trashed.to_str().expect("UTF-8");
    place.fixmatch(&["trash", "restore", &twins.id()]).check(1, &[], &["is a run and a label set", path]);
    place.fixmatch(&["trash", "restore", path]).check(0, &["is back"], &[]);
}

#[test]
fn emptying_removes_nothing_unasked_nor_what_is_no_run_or_in_use() {
    let (place, _) = deleted();
    let trash = place.runs().join(".trash");
    fs::create_dir(trash.join("photos")).expect("made");
    place.fixmatch(&["trash", "empty"]).check(1, &[], &["error: this would remove 1 run and 1 label set (", "--yes"]);
    place.fixmatch(&["trash", "list"]).check(0, &["gone", "mine"], &[]);
    let used = place.run("used", &[]).discard().expect("moved");
    let lock = fixmatch::run::dir::RunDir::open(&used).expect("a run").lock().expect("free");
    let emptied = place.fixmatch(&["trash", "empty", "--yes"]);
    emptied.check(1, &["removed 1 run and 1 label set ("], &["-s1 stays: another worker is training this run"]);
    drop(lock);
    place.fixmatch(&["trash", "empty", "--yes"]).check(0, &["removed 1 run ("], &[]);
    let left: Vec<_> = fs::read_dir(&trash).expect("reads").map(|entry| entry.expect("reads").file_name()).collect();
    assert_eq!(left, ["photos"]);
}
