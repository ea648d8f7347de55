//! Presets of one's own: two folders, names that are taken, files that are broken.

use std::fs;

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
