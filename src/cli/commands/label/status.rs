//! What was answered so far, for people and for programs.

use std::path::Path;

use fixmatch::base::text::{Name, Shown as _};
use fixmatch::labels::answers::{Answers, Share};
use fixmatch::labels::desk::Desk;
use serde::Serialize;

use crate::words::numbers::{grouped, plural, table};

/// What was answered so far.
#[derive(Serialize)]
pub struct Status {
    file: String,
    images: usize,
    answered: usize,
    labeled: usize,
    unsure: usize,
    skipped: usize,
    disputed: usize,
    elsewhere: usize,
    guess_seen: usize,
    guess_followed: usize,
    classes: Vec<Class>,
    people: Vec<Person>,
}

#[derive(Serialize)]
struct Class {
    name: Name,
    images: usize,
}

#[derive(Serialize)]
struct Person {
    name: Name,
    answers: usize,
    median_s: Option<f64>,
}

/// Counts the answers about the images of a desk.
pub fn of(desk: &Desk, answers: &Answers) -> Status {
    let is_here = |name: &Path| desk.place_of(name).is_some();
    let tally = answers.tally(is_here);
    let others = answers.classes().iter().filter(|class| !desk.classes.contains(class));
    let classes = desk.classes.iter().chain(others);
    let person = |(name, share): (Name, Share)| Person { name, answers: share.n, median_s: share.median_s };
    Status {
        file: desk.path().to_string_lossy().into_owned(),
        images: desk.images.len(),
        answered: tally.n_answered,
        labeled: tally.n_labeled,
        unsure: tally.n_unsure,
        skipped: tally.n_skipped,
        disputed: tally.n_disputed,
        elsewhere: tally.n_elsewhere,
        guess_seen: tally.n_guess_seen,
        guess_followed: tally.n_guess_followed,
        classes: classes.map(|class| Class { name: class.clone(), images: tally.of(class) }).collect(),
        people: answers.shares(is_here).into_iter().map(person).collect(),
    }
}

/// The same for people.
pub fn lines(status: &Status) -> String {
    let Status { images, answered, labeled, unsure, skipped, disputed, elsewhere, .. } = status;
    let file = Path::new(&status.file).shown();
    let mut lines = vec![format!(
        "{file}: {} of {} have an answer: {labeled} labeled, {unsure} not sure, {skipped} passed over",
        grouped(*answered as u64),
        plural(*images as u64, "image"),
    )];
    if *disputed > 0 {
        lines.push(format!("people disagree about {}; the last answer counts", plural(*disputed as u64, "image")));
    }
    if *elsewhere > 0 {
        lines.push(format!("{} about images that are not among these", plural(*elsewhere as u64, "answer")));
    }
    if status.guess_seen > 0 {
        let (seen, followed) = (status.guess_seen, status.guess_followed);
        lines.push(format!(
            "{} after a look at the guess, of which {followed} follow it",
            plural(seen as u64, "answer")
        ));
    }
    if !status.classes.is_empty() {
        let rows: Vec<_> =
            status.classes.iter().map(|class| vec![class.name.to_string(), grouped(class.images as u64)]).collect();
        lines.push(table(&["class", "images"], &rows));
    }
    if !status.people.is_empty() {
        let pace = |person: &Person| match person.median_s {
            Some(seconds) => {
                [format!("{seconds:.1}"), if seconds > 0.0 { format!("{:.0}", 60.0 / seconds) } else { "–".into() }]
            }
            None => ["–".into(), "–".into()],
        };
        let row = |person: &Person| {
            let [each, minute] = pace(person);
            vec![person.name.to_string(), grouped(person.answers as u64), each, minute]
        };
        let rows: Vec<_> = status.people.iter().map(row).collect();
        lines.push(table(&["who", "answers", "median s", "a minute"], &rows));
    }
    lines.join("\n")
}
