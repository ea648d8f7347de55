//! Runs that go on from another run's checkpoint, from the command line.

use std::fs;
use std::path::Path;

use fixmatch::run::file::Parent;
use serde_json::Value;

use super::training::worker;
use super::{Place, end_of, launched, started};

#[test]
fn a_run_that_cannot_be_forked_says_why() {
    let place = Place::new();
    place.run("one", &[launched(), started()]);
    place.fixmatch(&["fork"]).check(1, &[], &["has no checkpoint yet to fork from"]);
    place.fixmatch(&["fork", "--at", "7"]).check(1, &[], &["has no checkpoint yet to fork from"]);
    place.fixmatch(&["fork", "two"]).check(1, &[], &["no run in", "is called \"two\""]);
}

#[test]
fn a_fork_is_called_after_its_parent_and_so_are_forks_of_it() {
    let place = Place::new();
    let golden = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/golden/run-of-aff95dc");
    let parent = place.runs().join("20260101-000000-photos-s0");
    fs::create_dir_all(parent.join("checkpoints")).expect("made");
    for file in ["run.toml", "labels.json", "events.jsonl", "insight.bin", "checkpoints/00000073.safetensors"] {
        fs::copy(golden.join(file), parent.join(file)).expect("copied");
    }
    for parent in ["photos", "photos-fork"] {
        let mut command = place.command(&["fork", parent, "--detach"]);
        let said = end_of(command.env("FIXMATCH_WORKER", worker(&place, &[], "")).spawn().expect("starts"));
        said.check(1, &[], &["-photos-fork-s", "the worker ended without a word"]);
        assert!(!said.err.contains("fork-fork"), "{}", said.err);
    }
}

#[test]
fn a_fork_is_listed_and_shown_with_its_parent() {
    let place = Place::new();
    let dir = place.run("fork", &[launched(), started()]);
    let mut run = dir.read_run().expect("reads");
    run.provenance.parent = Some(Parent { run: "20261123-180112-quickstart-s1".into(), step: 300 });
    dir.write_run(&run).expect("written");
    place.fixmatch(&["runs"]).check(0, &["was forked from 20261123-180112-quickstart-s1 after 300 steps"], &[]);
    place.fixmatch(&["show"]).check(0, &["forked       from 20261123-180112-quickstart-s1 after 300 steps"], &[]);
    let rows: Value = serde_json::from_str(&place.fixmatch(&["runs", "--json"]).out).expect("JSON");
    assert_eq!(rows[0]["parent"]["step"], 300);
}
