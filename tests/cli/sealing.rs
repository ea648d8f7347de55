//! `fixmatch verify` and `seal`: what is damaged is named, and taken as it is when that is asked for.

use std::fs;

use fixmatch::run::dir::RunDir;

use super::{Place, whole_run};

/// What happens to a run's files.
type Spoil = fn(&RunDir);

fn edit(dir: &RunDir) {
    let text = fs::read_to_string(dir.run_toml()).expect("reads");
    fs::write(dir.run_toml(), text.replacen("lr = ", "lr = 1", 1)).expect("written");
}

fn cut(dir: &RunDir) {
    let text = fs::read_to_string(dir.events()).expect("reads");
    let lines: Vec<&str> = text.split_inclusive('\n').collect();
    fs::write(dir.events(), [&lines[..2], &lines[3..]].concat().concat()).expect("written");
}

#[test]
fn what_is_damaged_is_named_shown_with_the_run_and_taken_as_it_is_when_asked() {
    let cases: [(Spoil, &str, &str); 2] =
        [(edit, "run.toml", "it was damaged or edited"), (cut, "events.jsonl", "line 3 is lost")];
    for (spoil, file, what) in cases {
        let place = Place::new();
        let dir = place.run("it", &whole_run(0.5));
        place.fixmatch(&["seal"]).check(0, &["nothing to take as it is"], &[]);
        place.fixmatch(&["verify"]).check(0, &[file, "nothing is damaged"], &[]);
        spoil(&dir);
        place.fixmatch(&["verify"]).check(1, &[file, "damaged", what], &[]);
        place.fixmatch(&["show"]).check(0, &[what, "50.0 % (EMA)"], &[]);
        if file == "run.toml" {
            place.fixmatch(&["runs"]).check(0, &[], &[&format!("warning: {}: run.toml was damaged", dir.id())]);
        }
        place.fixmatch(&["seal"]).check(0, &[&format!("{file}: {what}")], &[]);
        place.fixmatch(&["verify"]).check(0, &["nothing is damaged"], &[]);
        assert_eq!(dir.path().join("events.damaged").exists(), file == "events.jsonl");
    }
}
