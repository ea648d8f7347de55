//! A run that commit aff95dc of version 0.1.0 made and stopped: what it wrote can be read and goes on.
//!
//! `tests/golden/run-of-aff95dc`: quickstart with CTAugment and a small residual network, 73 steps of 4000, in which the
//! threshold was set to 0.3 at step 37.

use std::fs;
use std::path::Path;

use fixmatch::labels::set::LabelSet;
use fixmatch::run::amend::amend;
use fixmatch::run::change::{Change, Request};
use fixmatch::run::dir::RunDir;
use fixmatch::run::event::Event;
use fixmatch::run::fork::Fork;
use fixmatch::run::insight;
use fixmatch::run::state::RunState;
use fixmatch::run::survey::Survey;

use super::support::{events, finish};

/// A copy of the old run in a folder of runs.
pub fn old_run(runs: &Path) -> RunDir {
    let from = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/golden/run-of-aff95dc");
    let to = runs.join("20261125-175549-old-s1");
    fs::create_dir_all(to.join("checkpoints")).expect("made");
    for file in ["run.toml", "labels.json", "events.jsonl", "insight.bin", "checkpoints/00000073.safetensors"] {
        fs::copy(from.join(file), to.join(file)).unwrap_or_else(|error| panic!("{file}: {error}"));
    }
    RunDir::open(&to).expect("a run")
}

#[test]
fn a_run_of_an_older_version_can_be_read_in_full() {
    let runs = tempfile::tempdir().expect("a temporary folder");
    let dir = old_run(runs.path());
    assert_eq!(dir.read_run().expect("reads").provenance.version, "0.1.0 (aff95dc)");
    let state = RunState::read(&dir).expect("reads");
    assert_eq!((state.step, state.progress.len()), (73, 14));
    let changes: Vec<_> = state.history.until(73).into_iter().map(|(record, who)| (record.event, who)).collect();
    assert!(matches!(&changes[..], [(Event::Applied { step: 37, change: Some(Change::Threshold(x)), .. }, who)]
        if (x - 0.3).abs() < 1e-6 && who == "me@vm"));
    let (records, missing) = insight::read_all(&dir.insight(), &state.insights).expect("reads");
    assert_eq!((records.len(), missing), (7, vec![]));
    let rows = Survey::new(runs.path()).look().expect("looks");
    assert_eq!(rows.iter().map(|row| row.dir.id()).collect::<Vec<_>>(), [dir.id()]);
}

#[test]
fn a_run_of_an_older_version_goes_on_to_its_end() {
    let runs = tempfile::tempdir().expect("a temporary folder");
    let dir = old_run(runs.path());
    amend(&dir, &[Request::Set(Change::Steps(80))]).expect("set");
    finish(&dir);
    let log = events(&dir);
    assert!(log.contains(&Event::Resumed { step: 73 }));
    assert_eq!(log.last(), Some(&Event::Finished { step: 80 }));
    let labels: LabelSet = serde_json::from_slice(&fs::read(dir.labels()).expect("there")).expect("reads");
    assert_eq!(labels.indices.len(), 10);
}

#[test]
fn a_run_of_an_older_version_can_be_forked() {
    let runs = tempfile::tempdir().expect("a temporary folder");
    let dir = old_run(runs.path());
    let settings = ["train.steps=80".to_owned(), "train.lambda_u=2".to_owned()];
    let fork = Fork::plan(&dir, None, &settings).expect("fits");
    let fork = fork.make(runs.path(), Some("fork")).expect("made");
    finish(&fork);
    assert_eq!(events(&fork).last(), Some(&Event::Finished { step: 80 }));
}
