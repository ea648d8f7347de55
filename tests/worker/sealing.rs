//! What becomes of a run whose files were edited, damaged or lost.

use std::fs;
use std::process::Command;

use fixmatch::run::amend::amend;
use fixmatch::run::change::{Change, Request};
use fixmatch::run::dir::RunDir;
use fixmatch::run::event::Event;
use fixmatch::run::fork::Fork;
use fixmatch::run::seal::accept;
use fixmatch::run::verify::{Verdict, verify};

use super::support::{Place, checkpoint, copy, events, failure, finish};

/// What happens to a run's files.
type Spoil = fn(&RunDir);

/// A run with a recorded change that has come to its end.
fn broken_off(place: &Place) -> RunDir {
    let dir = place.run(&place.config());
    amend(&dir, &[Request::Set(Change::LrFactor(0.5))]).expect("set");
    finish(&dir);
    dir
}

fn replace(path: &std::path::Path, from: &str, to: &str) {
    let text = fs::read_to_string(path).expect("reads");
    assert!(text.contains(from), "{from:?} in {text}");
    fs::write(path, text.replacen(from, to, 1)).expect("written");
}

fn without_lines(dir: &RunDir, part: &str) {
    let text = fs::read_to_string(dir.events()).expect("reads");
    let kept: Vec<&str> = text.split_inclusive('\n').filter(|line| !line.contains(part)).collect();
    assert!(kept.concat().len() < text.len(), "no {part}");
    fs::write(dir.events(), kept.concat()).expect("written");
}

fn damaged(dir: &RunDir) -> Vec<String> {
    let parts = verify(dir).expect("looks");
    parts.into_iter().filter(|part| part.verdict == Verdict::Damaged).map(|part| part.file).collect()
}

#[test]
fn a_run_that_is_not_what_it_was_trained_as_is_refused_until_it_is_taken_so() {
    let place = Place::new();
    let whole = broken_off(&place);
    assert_eq!(damaged(&whole), Vec::<String>::new());
    assert!(whole.events_seal().exists());
    let weights = checkpoint(&whole, 40).tensors;
    let refused: &[(&str, &str, Spoil)] = &[
        ("edited", "run.toml", |dir| replace(&dir.run_toml(), "lr = 0.03", "lr = 0.04")),
        ("relabeled", "labels.json", |dir| replace(&dir.labels(), "],", ",35],")),
        ("unchanged", "events.jsonl", |dir| without_lines(dir, r#""event":"applied""#)),
        ("forgetful", "events.jsonl", |dir| fs::write(dir.events(), "").expect("written")),
        ("lost", "events.jsonl", |dir| {
            fs::remove_file(dir.events()).and_then(|()| fs::remove_file(dir.events_seal())).expect("there");
        }),
    ];
    for (name, file, spoil) in refused {
        let dir = copy(&whole, name);
        fs::remove_file(dir.checkpoints().join("00000040.safetensors")).expect("there");
        spoil(&dir);
        assert!(damaged(&dir).contains(&(*file).to_owned()), "{name}: {:?}", damaged(&dir));
        for _ in 0..2 {
            let reason = failure(&dir);
            assert!(reason.contains(file) && reason.contains("fixmatch seal"), "{name}: {reason}");
        }
        let error = Fork::plan(&dir, None, &[]).expect_err(name);
        assert!(format!("{error:#}").contains(file), "{name}: {error:#}");
        let accepted = accept(&dir).expect(name);
        let told = accepted.files.iter().map(|(file, _)| *file).chain(accepted.damage.first().map(|_| "events.jsonl"));
        assert!(told.collect::<Vec<_>>().contains(file), "{name}: {accepted:?}");
        finish(&dir);
        assert_eq!(damaged(&dir), Vec::<String>::new(), "{name}");
        assert!(checkpoint(&dir, 40).tensors != weights, "{name} makes no difference");
    }
}

#[test]
fn damage_that_decides_nothing_is_told_and_the_run_goes_on_to_the_same_weights() {
    let place = Place::new();
    let whole = broken_off(&place);
    let weights = checkpoint(&whole, 40).tensors;
    let harmless: &[(&str, Spoil)] = &[
        ("curve", |dir| replace(&dir.events(), r#""step":14"#, r#""step":13"#)),
        ("point", |dir| without_lines(dir, r#""step":21,"#)),
        ("checkpoint", |dir| fs::write(dir.checkpoints().join("00000040.safetensors"), "x").expect("written")),
        ("unlabeled", |dir| fs::remove_file(dir.labels()).expect("there")), // they are picked again, the same
        ("unsealed", |dir| fs::remove_file(dir.events_seal()).expect("there")),
    ];
    for (name, spoil) in harmless {
        let dir = copy(&whole, name);
        fs::write(dir.checkpoints().join("00000040.safetensors"), "torn").expect("written");
        spoil(&dir);
        assert!(!damaged(&dir).is_empty(), "{name}");
        finish(&dir);
        assert!(checkpoint(&dir, 40).tensors == weights, "{name}");
    }
}

#[test]
fn windows_that_are_recomputed_come_out_as_they_are_in_the_log_and_an_edited_one_does_not() {
    let place = Place::new();
    let dir = broken_off(&place);
    let recompute = |dir: &RunDir, more: &[&str]| {
        let mut fixmatch = Command::new(env!("CARGO_BIN_EXE_fixmatch"));
        fixmatch.arg("verify").arg(dir.path()).args(["--recompute", "9", "--seed", "1"]).args(more);
        fixmatch.env("FIXMATCH_WORKER", env!("CARGO_BIN_EXE_fixmatch-worker")).env("FIXMATCH_CACHE", place.cache());
        let output = fixmatch.output().expect("starts");
        (
            output.status.code(),
            format!("{}{}", String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr)),
        )
    };
    // checkpoints of steps 20, 30 and 40 are kept, ten steps apart: that of step 14 is further from the start
    for (more, expected) in [(&[][..], "5 of 5 windows recomputed the same"), (&["--anywhere"], "6 of 6 windows")] {
        let (code, said) = recompute(&dir, more);
        assert!(code == Some(0) && said.contains(expected), "{said}");
    }
    // what a fork has of its parent's curves was not trained with the fork's values, and is not recomputed
    let fork = Fork::plan(&dir, Some(30), &["train.lambda_u=3".into()]).and_then(|it| it.make(&place.runs(), None));
    let fork = fork.expect("made");
    finish(&fork);
    let (code, said) = recompute(&fork, &["--anywhere"]);
    assert!(code == Some(0) && said.contains("2 of 2 windows recomputed the same"), "{said}");
    let forged = copy(&dir, "forged");
    let log: String = events(&dir)
        .into_iter()
        .map(|event| match event {
            Event::Progress(mut progress) if progress.step == 40 => {
                progress.loss *= 0.5;
                Event::Progress(progress)
            }
            event => event,
        })
        .map(|event| serde_json::to_string(&fixmatch::run::event::Record { time: 1.0, event }).expect("JSON") + "\n")
        .collect();
    fs::write(forged.events(), log).expect("written");
    let (code, said) = recompute(&forged, &[]);
    assert!(code == Some(1) && said.contains("loss was "), "{said}");
}
