//! `fixmatch crossval`, and what `show` says of it.

use std::fs;

use fixmatch::base::sealed;
use fixmatch::compare::crossval::configured;
use fixmatch::config::Part;
use fixmatch::labels::set::{Held, LabelSet, Picked};
use fixmatch::run::dir::RunDir;
use fixmatch::run::event::{Compared, Evaluated, Evaluation, Event, FailureKind};
use fixmatch::run::file::RunFile;
use serde_json::Value;

use super::{Place, append, launched, progress, started};

/// The run with a label on each of its first eight images.
fn labels(dir: &RunDir, indices: &[u32], held: &[u32]) {
    let held = (!held.is_empty()).then(|| Held { indices: held.to_vec(), labels: vec![0; held.len()] });
    let set = LabelSet { held, ..LabelSet::new(indices.to_vec(), Picked::Listed) };
    fs::write(dir.labels(), sealed::json(serde_json::to_vec(&set).expect("plain"))).expect("written");
}

/// The run of a part, whose network took so many of its images, of `held`, for the right class.
fn part(whole: &RunDir, part: Part, held: &[u32], n_right: u32, end: Event) -> RunDir {
    let file = whole.read_run().expect("whole");
    let file = RunFile::new(file.provenance.preset, vec![], configured(&file.config, part));
    let runs = whole.path().parent().expect("a folder");
    let dir = RunDir::create(runs, &format!("photos-part-{}-of-{}", part.number, part.of), &file).expect("made");
    let kept: Vec<u32> = (0..8).filter(|index| !held.contains(index)).collect();
    labels(&dir, &kept, held);
    let confusion = vec![vec![n_right, held.len() as u32 - n_right], vec![0, 0]];
    let ema = Evaluation { accuracy: f64::from(n_right) / held.len() as f64, confusion, ..Evaluation::default() };
    let evaluated = Evaluated { step: 20, raw: ema.clone(), ema, ..Evaluated::default() };
    append(&dir, &[launched(), started(), progress(20), Event::Evaluated(Box::new(evaluated)), end]);
    dir
}

impl Place {
    /// A run without test images, and a cross-validation of it in two parts.
    pub fn crossvalidated_run(&self) -> RunDir {
        let compared = Compared { step: 20, n: 9, agreement: 0.5, predicted: vec![4, 5], ..Compared::default() };
        let compared = Event::Compared(Box::new(compared));
        let whole = self.run("photos", &[launched(), started(), progress(20), compared, Event::Finished { step: 20 }]);
        labels(&whole, &(0..8).collect::<Vec<_>>(), &[]);
        part(&whole, Part { number: 1, of: 2 }, &[0, 2, 5, 6], 4, Event::Finished { step: 20 });
        part(&whole, Part { number: 2, of: 2 }, &[1, 3, 4, 7], 2, Event::Finished { step: 20 });
        whole
    }
}

#[test]
fn parts_that_are_done_come_to_an_accuracy_with_its_interval() {
    let place = Place::new();
    let whole = place.crossvalidated_run();
    let id = whole.id();
    // SciPy 1.17.1: binomtest(6, 8).proportion_ci(method="wilson") is (0.409275, 0.928521)
    let estimate = "cross-validated accuracy 75.0 %: 6 of 8 labeled images right (95 % interval 40.9 % to 92.9 %)";
    let said = place.fixmatch(&["crossval", &id, "--parts", "2"]);
    said.check(0, &["1/2", "4 of 4", "100.0 %", "2/2", "2 of 4", "50.0 %", "photos-part-2-of-2", estimate], &[]);
    place.fixmatch(&["show", &id]).check(0, &["accuracy unknown", estimate], &[]);
    let page: Value = serde_json::from_str(&place.fixmatch(&["show", &id, "--json"]).out).expect("JSON");
    assert_eq!((&page["crossval"]["n_right"], &page["crossval"]["n_parts"]), (&6.into(), &2.into()));
}

#[test]
fn parts_that_are_missing_or_of_other_labels_do_not_count() {
    let place = Place::new();
    let whole = place.crossvalidated_run();
    let show = || place.fixmatch(&["show", &whole.id()]);
    labels(&whole, &(0..9).collect::<Vec<_>>(), &[]);
    show().check(0, &["`fixmatch crossval ", "estimates the accuracy"], &[]);
    labels(&whole, &(0..8).collect::<Vec<_>>(), &[]);
    // of two kinds of parts, those with more done
    part(&whole, Part { number: 1, of: 3 }, &[0, 1, 2], 0, Event::Finished { step: 20 });
    part(
        &whole,
        Part { number: 2, of: 3 },
        &[3, 4, 5],
        0,
        Event::Failed { step: 20, reason: "lightning".into(), kind: FailureKind::default() },
    );
    show().check(0, &["6 of 8 labeled images right (95 %"], &[]);
    let said = place.fixmatch(&["crossval", &whole.id(), "--parts", "3"]);
    said.check(1, &[], &["photos-part-2-of-3", "failed: lightning", "fixmatch resume"]);
}

#[test]
fn what_cannot_be_cross_validated_is_refused_with_the_reason() {
    let place = Place::new();
    let whole = place.crossvalidated_run();
    let refused =
        |run: &str, parts: &str, reason| place.fixmatch(&["crossval", run, "--parts", parts]).check(1, &[], &[reason]);
    refused("photos-part-1-of-2", "2", "is a part of a cross-validation: name the whole run");
    refused(&whole.id(), "1000", "40 labeled images cannot be shared out over 1000 parts");
    fs::remove_file(whole.labels()).expect("there");
    refused(&whole.id(), "2", "has no labels yet");
    place.fixmatch(&["crossval", "--parts", "1"]).check(2, &[], &["1 is not in 2..=1000"]);
    let set = ["train", "quickstart", "--set", "labels.crossval=3/2"];
    place.fixmatch(&set).check(
        1,
        &[],
        &["labels.crossval", "must be the number of a part and of how many, such as \"2/5\""],
    );
}
