//! Runs that go on from a checkpoint of another run.

use std::fs;

use fixmatch::config::{Policy, RunConfig};
use fixmatch::labels::set::LabelSet;
use fixmatch::run::amend::amend;
use fixmatch::run::change::{Change, Request};
use fixmatch::run::dir::RunDir;
use fixmatch::run::event::Event;
use fixmatch::run::file::Parent;
use fixmatch::run::fork::Fork;
use serde_json::Value;

use super::support::{Place, checkpoint, curves, events, finish};

fn fork(place: &Place, of: &RunDir, at: u64, settings: &[&str]) -> RunDir {
    let settings: Vec<String> = settings.iter().map(|&it| it.to_owned()).collect();
    Fork::plan(of, Some(at), &settings).and_then(|fork| fork.make(&place.runs(), Some("fork"))).expect("made")
}

/// What a run did, without the event that says when it began.
fn story(dir: &RunDir) -> Vec<Value> {
    curves(dir).into_iter().filter(|event| event["event"] != "started").collect()
}

#[test]
fn a_fork_without_changes_goes_on_as_its_parent_did() {
    let place = Place::new();
    let small =
        |config: RunConfig| RunConfig { insight: fixmatch::config::Insight { every: 7, ..config.insight }, ..config };
    for config in [small(place.config()), small(place.learning_config())] {
        let parent = place.finished(&config);
        let fork = fork(&place, &parent, 30, &[]);
        let copied = Event::Forked(Parent { run: parent.id(), step: 30 });
        assert_eq!(events(&fork).last(), Some(&copied));
        finish(&fork);
        assert_eq!(story(&fork), story(&parent));
        assert!(fs::read(fork.insight()).expect("records") == fs::read(parent.insight()).expect("records"));
        let (a, b) = (checkpoint(&parent, 40), checkpoint(&fork, 40));
        assert_eq!(a.state, b.state);
        assert!(a.tensors == b.tensors);
        assert_eq!(fork.read_run().expect("reads").provenance.parent, Some(Parent { run: parent.id(), step: 30 }));
    }
}

#[test]
fn a_fork_follows_its_own_values_and_labels_from_its_step_on() {
    let place = Place::new();
    let parent = place.finished(&place.config());
    let fork =
        fork(&place, &parent, 30, &["train.threshold=0.9", "train.lr=0.001", "labels.per_class=3", "train.steps=50"]);
    finish(&fork);
    let (ours, theirs) = (story(&fork), story(&parent));
    let until = |story: &[Value], step| story.iter().filter(|it| it["step"].as_u64() <= Some(step)).count();
    assert_eq!(ours[..until(&ours, 28)], theirs[..until(&theirs, 28)]);
    assert_ne!(ours.last(), theirs.last());
    let log = events(&fork);
    let change = |wanted: Change| {
        log.iter()
            .any(|event| matches!(event, Event::Applied { step: 30, change: Some(change), .. } if *change == wanted))
    };
    assert!(change(Change::Threshold(0.9)) && change(Change::Steps(50)));
    assert_eq!(log.last(), Some(&Event::Finished { step: 50 }));
    let labels: LabelSet = serde_json::from_slice(&fs::read(fork.labels()).expect("picked")).expect("reads");
    assert_eq!(labels.indices.len(), 9);
    assert!(log.iter().any(|event| matches!(event, Event::Started(started) if started.n_labeled == 9)));
}

#[test]
fn a_fork_may_judge_by_another_policy_which_goes_on_from_what_it_saw_and_has_its_own_threshold() {
    let place = Place::new();
    let parent = place.finished(&place.config());
    let fork = fork(&place, &parent, 30, &["pseudo_label.policy=freematch", "train.steps=50"]);
    assert_eq!(fork.read_run().expect("reads").config.pseudo_label.policy, Policy::Freematch);
    let refused = amend(&fork, &[Request::Set(Change::Threshold(0.5))]).expect_err("it has none");
    assert!(refused.to_string().contains("no part in pseudo_label.policy = \"freematch\""), "{refused}");
    finish(&fork);
    assert_eq!(events(&fork).last(), Some(&Event::Finished { step: 50 }));
    let of = |dir: &RunDir, step, name: &str| checkpoint(dir, step).tensors[name].values.clone();
    // it watched the parent's 30 steps, of momentum 0.999 from 1/3 on, towards confidences of at most 1
    let [seen, later] = [(&parent, 30), (&fork, 50)].map(|(dir, step)| of(dir, step, "freematch.global")[0]);
    assert!(1.0 / 3.0 < seen && seen < later && later < 1.0 / 3.0 + 0.05, "{seen} {later}");
    assert_eq!(of(&fork, 50, "policies.since"), [0.0; 4]);
}

#[test]
fn what_flexmatch_remembers_of_each_unlabeled_image_is_forgotten_where_other_ones_are_unlabeled() {
    let place = Place::new();
    let mut config = place.config();
    config.labels.in_unlabeled = false;
    let parent = place.finished(&config);
    for (settings, is_kept) in [
        (&["train.lr=0.001"][..], true),
        (&["labels.seed=5"], false),
        (&["labels.seed=5", "labels.in_unlabeled=true"], true),
    ] {
        let tensors = checkpoint(&fork(&place, &parent, 30, settings), 30).tensors;
        let of_images = tensors.keys().filter(|name| name.starts_with("flexmatch.")).count();
        assert_eq!(of_images > 0, is_kept, "{settings:?}");
        assert!(tensors.contains_key("freematch.global"));
    }
}

#[test]
fn what_cannot_be_forked_is_refused_with_the_reason() {
    let place = Place::new();
    let parent = place.finished(&place.config());
    let cases: [(Option<u64>, &str, &str); 6] = [
        (Some(10), "train.lr=0.1", "keeps no checkpoint of step 10; it has those of 20, 30, 40"),
        (None, "model.name=wrn", "its parent's network"),
        (None, "data.normalize=none", "its parent's data"),
        (
            None,
            "train.threshold=0.9",
            "nothing is left to train after step 40 of 40: give the fork more, as in train.steps=80",
        ),
        (Some(30), "train.steps=30", "nothing is left to train after step 30 of 30"),
        (None, "train.lrr=1", "unknown field `lrr`"),
    ];
    for (at, setting, expected) in cases {
        let error = format!("{:#}", Fork::plan(&parent, at, &[setting.to_owned()]).expect_err(setting));
        assert!(error.contains(expected), "{setting}: {error}");
    }
    let young = place.run(&place.config());
    let error = Fork::plan(&young, None, &[]).expect_err("no checkpoint").to_string();
    assert!(error.contains("has no checkpoint yet to fork from"), "{error}");
}
