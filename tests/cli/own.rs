//! Presets of one's own: two folders, names that are taken, files that are broken.

use std::fs;

use fixmatch::suite::expand::expand;
use fixmatch::suite::file::Suite;
use fixmatch::suite::order::{Folder, Order, Wanted};
use fixmatch::suite::slots::Slot;

use serde_json::Value;

use super::Place;

const GOOD: &str = "extends = \"quickstart\"\ntitle = \"Mine\"\n[train]\nsteps = 77\n";

fn place() -> Place {
    let place = Place::new();
    for (path, text) in [
        ("experiments/near.toml", GOOD),
        ("experiments/study/deep.toml", GOOD),
        ("experiments/quickstart.toml", GOOD),
        ("experiments/broken.toml", "[train]\nstep = 3\n"),
        ("config/fixmatch/presets/far.toml", GOOD),
        ("config/fixmatch/presets/near.toml", GOOD),
    ] {
        let path = place.folder.path().join(path);
        fs::create_dir_all(path.parent().expect("a folder")).expect("made");
        fs::write(path, text).expect("written");
    }
    place
}

/// What the command prints in a place whose configuration is in it, too.
fn said(place: &Place, args: &[&str]) -> super::Said {
    let mut command = place.command(args);
    command.env_remove("FIXMATCH_PRESETS").env("XDG_CONFIG_HOME", place.folder.path().join("config"));
    super::end_of(command.spawn().expect("fixmatch starts"))
}

#[test]
fn presets_of_ones_own_stand_beside_the_shipped_ones_and_say_what_is_wrong_with_them() {
    let place = place();
    let said = |args: &[&str]| said(&place, args);
    let listed = said(&["presets"]);
    listed.check(0, &["paper/cifar10-40", "near ", "study/deep ", "far ", "experiments/study/deep.toml"], &[]);
    listed.check(0, &["the name is a shipped preset's: train this one by its path"], &[]);
    listed.check(0, &["the name is that of experiments/near.toml", "did you mean train.steps?"], &[]);
    let rows: Value = serde_json::from_str(&said(&["presets", "--json"]).out).expect("JSON");
    let own: Vec<_> = rows.as_array().expect("rows").iter().filter(|row| !row["path"].is_null()).collect();
    let names: Vec<_> = own.iter().map(|row| (row["name"].as_str().unwrap_or(""), row["problem"].is_null())).collect();
    let expected = [
        ("broken", false),
        ("near", true),
        ("quickstart", false),
        ("study/deep", true),
        ("far", true),
        ("near", false),
    ];
    assert_eq!(names, expected);
}

#[test]
fn a_preset_of_ones_own_is_trained_by_its_name_and_one_whose_name_is_taken_by_its_path() {
    let place = place();
    let said = |args: &[&str]| said(&place, args);
    for (name, steps) in [
        ("near", "steps = 77 "),
        ("study/deep", "steps = 77 "),
        ("far", "steps = 77 "),
        ("quickstart", "steps = 500 "),
        ("experiments/quickstart.toml", "steps = 77 "),
    ] {
        said(&["presets", name]).check(0, &[steps], &[]);
    }
    said(&["presets", "broken"]).check(1, &[], &["experiments/broken.toml", "line 2", "step = 3"]);
    said(&["train", "nera", "--detach"]).check(1, &[], &["no preset is called \"nera\"; did you mean near?"]);
}

#[test]
fn suites_of_ones_own_are_listed_run_by_name_and_moved_cell_by_cell() {
    let place = Place::new();
    let folder = place.folder.path().join("presets/suites");
    fs::create_dir_all(&folder).expect("made");
    let axis = "[[axis]]\nkey = \"labels.per_class\"\nvalues = [1, 4]\n";
    fs::write(folder.join("mine.toml"), format!("title = \"Mine\"\nbase = \"quickstart\"\n{axis}")).expect("written");
    fs::write(folder.join("bad.toml"), format!("title = \"Bad\"\nbase = \"quikstart\"\n{axis}")).expect("written");
    let listed = place.fixmatch(&["suite", "list"]);
    listed.check(0, &["mine", "Mine", "bad cannot be run: ", "bad.toml: base: ", "quikstart"], &[]);
    place.fixmatch(&["suite", "show", "mine"]).check(0, &["per_class=4", "6 runs"], &[]);
    place.fixmatch(&["suite", "show", "minee"]).check(1, &[], &["no suite is called \"minee\"; did you mean mine?"]);
    place.fixmatch(&["suite", "front", "mine", "per_class=4"]).check(1, &[], &["mine was not started"]);
    let grid = expand(&Suite::find(&folder.join("mine.toml").display().to_string()).expect("reads")).expect("resolves");
    let order = |slurm| Order {
        suite: "mine".into(),
        title: "Mine".into(),
        who: "user@host".into(),
        slots: Slot::parse_all("cpu").expect("a slot"),
        slurm,
        wanted: Wanted::Hold,
        retry_after: 0.0,
        grid: grid.clone(),
    };
    let ordered = Folder::of(&place.runs(), "mine");
    ordered.change(|_| Ok(order(None))).expect("written");
    let front = |cells: &[&str]| place.fixmatch(&[&["suite", "front", "mine"], cells].concat());
    front(&["per_class=4"]).check(0, &["mine: 3 runs at the front"], &[]);
    let cells: Vec<_> = ordered.read().expect("reads").expect("there").grid.runs.iter().map(|run| run.cell).collect();
    assert_eq!(cells, [1, 1, 1, 0, 0, 0]);
    front(&["labels.per_class=9"]).check(1, &[], &["labels.per_class is never 9 here, only 1, 4"]);
    front(&["lr=9"]).check(1, &[], &["lr is no axis of this suite; it has labels.per_class"]);
    ordered.change(|_| Ok(order(Some("gpu".into())))).expect("written");
    front(&["per_class=4"]).check(1, &[], &["Slurm starts its jobs in an order of its own"]);
}
