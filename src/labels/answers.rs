//! What all answers of a [log](super::log) come to: which class each image has, who disagrees, what can be taken back.
//!
//! A fold over the rows: the same whether they are read at once or as they come.

use std::collections::{BTreeMap, HashMap, HashSet};
use std::path::{Path, PathBuf};

use super::log::{Answer, Row};
use crate::base::text::Name;

/// Nobody looks at an image for longer than that: who answers later was elsewhere meanwhile.
const AWAY_S: f64 = 120.0;

/// All answers so far.
#[derive(Clone, Debug, Default)]
pub struct Answers {
    rows: Vec<Row>,
    /// Of each image, the rows that count, the last one last.
    of_image: HashMap<PathBuf, Vec<usize>>,
    /// Of each person, the images of each of their answers that can be taken back; those given at once are together.
    of_person: HashMap<Name, Vec<(String, Vec<PathBuf>)>>,
    classes: Vec<Name>,
    known: HashSet<Name>,
    conflicts: HashSet<PathBuf>,
}

/// What the answers about some images come to. Each image counts once, by its last answer.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Tally {
    /// Images with an answer.
    pub n_answered: usize,
    /// Those that have a class.
    pub n_labeled: usize,
    /// Those of which the last who answered was not sure.
    pub n_unsure: usize,
    /// Those that were passed over.
    pub n_skipped: usize,
    /// Those about which people disagree.
    pub n_disputed: usize,
    /// Images with an answer that are none of these.
    pub n_elsewhere: usize,
    /// Answers that were given after the guess of a network was looked at.
    pub n_guess_seen: usize,
    /// Those of them that follow it.
    pub n_guess_followed: usize,
    of_class: HashMap<Name, usize>,
}

impl Tally {
    /// Images of a class.
    pub fn of(&self, class: &Name) -> usize {
        self.of_class.get(class).copied().unwrap_or(0)
    }
}

/// What somebody did.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Share {
    /// Answers of theirs that were not taken back.
    pub n: usize,
    /// The median time for one, in seconds, where the file says how long they took.
    pub median_s: Option<f64>,
}

impl Answers {
    /// Takes in rows as they were added.
    pub fn extend(&mut self, rows: impl IntoIterator<Item = Row>) {
        rows.into_iter().for_each(|row| self.take(row));
    }

    fn take(&mut self, row: Row) {
        if let Some(class) = row.answer.class().filter(|class| !self.known.contains(*class)) {
            self.known.insert(class.clone());
            self.classes.push(class.clone());
        }
        let path = row.path.clone();
        match row.answer {
            Answer::Undo => self.take_back(&row),
            Answer::Class(_) | Answer::Unsure | Answer::Skip => {
                let given = self.of_person.entry(row.who.clone()).or_default();
                match given.last_mut() {
                    // rows of one moment were given by one key
                    Some((time, paths)) if *time == row.time && !time.is_empty() => paths.push(path.clone()),
                    _ => given.push((row.time.clone(), vec![path.clone()])),
                }
                self.of_image.entry(path.clone()).or_default().push(self.rows.len());
            }
        }
        self.rows.push(row);
        if self.disagree(&path) {
            self.conflicts.insert(path);
        } else {
            self.conflicts.remove(&path);
        }
    }

    fn take_back(&mut self, row: &Row) {
        let rows = &self.rows;
        let Some(stack) = self.of_image.get_mut(&row.path) else { return };
        let Some(at) = stack.iter().rposition(|&at| rows[at].who == row.who) else { return };
        stack.remove(at);
        if stack.is_empty() {
            self.of_image.remove(&row.path);
        }
        let given = self.of_person.entry(row.who.clone()).or_default();
        let of_path = |(_, paths): &(String, Vec<PathBuf>)| paths.contains(&row.path);
        if let Some(at) = given.iter().rposition(of_path) {
            given[at].1.retain(|path| *path != row.path);
            if given[at].1.is_empty() {
                given.remove(at);
            }
        }
    }

    /// Whether the last answers of two people about an image name different classes.
    fn disagree(&self, path: &Path) -> bool {
        let mut classes = self.opinions(path).into_iter().filter_map(|row| row.answer.class());
        classes.next().is_some_and(|first| classes.any(|other| other != first))
    }

    fn stack(&self, path: &Path) -> impl DoubleEndedIterator<Item = &Row> {
        self.of_image.get(path).into_iter().flatten().map(|&at| &self.rows[at])
    }

    /// The answer about an image that counts, if there is one: the last.
    pub fn of(&self, path: &Path) -> Option<&Row> {
        self.stack(path).next_back()
    }

    /// The class of an image, if it has one.
    pub fn class_of(&self, path: &Path) -> Option<&Name> {
        self.of(path)?.answer.class()
    }

    /// What each person said of an image last, in the order in which they said it.
    pub fn opinions(&self, path: &Path) -> Vec<&Row> {
        let mut last: Vec<&Row> = Vec::new();
        for row in self.stack(path) {
            last.retain(|other| other.who != row.who);
            last.push(row);
        }
        last
    }

    /// Every image with an answer, and the row that counts; in no order.
    pub fn images(&self) -> impl Iterator<Item = (&Path, &Row)> {
        self.of_image.iter().filter_map(|(path, stack)| Some((&**path, &self.rows[*stack.last()?])))
    }

    /// The images of a person's last answer that was not taken back: several where one key answered about several.
    pub fn last_of(&self, who: &Name) -> Option<&[PathBuf]> {
        self.of_person.get(who)?.last().map(|(_, paths)| &paths[..])
    }

    /// The classes, in the order in which they were named first.
    pub fn classes(&self) -> &[Name] {
        &self.classes
    }

    /// Counts the images that are meant.
    pub fn tally(&self, is_meant: impl Fn(&Path) -> bool) -> Tally {
        let mut tally = Tally::default();
        for (path, row) in self.images() {
            if !is_meant(path) {
                tally.n_elsewhere += 1;
                continue;
            }
            tally.n_answered += 1;
            match &row.answer {
                Answer::Class(class) => {
                    tally.n_labeled += 1;
                    *tally.of_class.entry(class.clone()).or_default() += 1;
                }
                Answer::Unsure => tally.n_unsure += 1,
                Answer::Skip | Answer::Undo => tally.n_skipped += 1,
            }
            tally.n_disputed += usize::from(self.conflicts.contains(path));
            tally.n_guess_seen += usize::from(row.guess.is_some());
            tally.n_guess_followed += usize::from(row.guess.is_some() && row.answer.class() == row.guess.as_ref());
        }
        tally
    }

    /// Whether people disagree about an image.
    pub fn is_disputed(&self, path: &Path) -> bool {
        self.conflicts.contains(path)
    }

    /// Rows in all.
    pub fn n_rows(&self) -> usize {
        self.rows.len()
    }

    /// What each person did about the images that are meant, by name.
    pub fn shares(&self, is_meant: impl Fn(&Path) -> bool) -> Vec<(Name, Share)> {
        let mut of_person: BTreeMap<&Name, (usize, Vec<f64>)> = BTreeMap::new();
        let meant = self.of_image.iter().filter(|(path, _)| is_meant(path));
        for row in meant.flat_map(|(_, stack)| stack).map(|&at| &self.rows[at]) {
            let (n, seconds) = of_person.entry(&row.who).or_default();
            *n += 1;
            seconds.extend(row.seconds.filter(|seconds| (0.0..=AWAY_S).contains(seconds)));
        }
        let share = |(who, (n, mut seconds)): (&Name, (usize, Vec<f64>))| {
            seconds.sort_by(f64::total_cmp);
            (who.clone(), Share { n, median_s: seconds.get(seconds.len() / 2).copied() })
        };
        of_person.into_iter().map(share).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn row(who: &str, time: &str, path: &str, answer: Answer) -> Row {
        Row { line: 0, path: path.into(), answer, time: time.into(), who: who.into(), guess: None, seconds: Some(1.0) }
    }

    fn class(who: &str, time: &str, path: &str, class: &str) -> Row {
        row(who, time, path, Answer::Class(class.into()))
    }

    fn undo(who: &str, path: &str) -> Row {
        row(who, "9", path, Answer::Undo)
    }

    fn told(answers: &Answers, path: &str) -> String {
        answers.of(Path::new(path)).map_or("none".into(), |row| format!("{:?}", row.answer))
    }

    fn tally(answers: &Answers) -> Tally {
        answers.tally(|_| true)
    }

    /// Images of each class.
    fn counts(answers: &Answers) -> Vec<usize> {
        answers.classes().iter().map(|class| tally(answers).of(class)).collect()
    }

    #[test]
    fn the_last_answer_counts_and_undo_goes_back_to_any_depth() {
        let mut answers = Answers::default();
        answers.extend([class("me", "1", "a", "cat"), class("me", "2", "a", "dog"), class("me", "3", "b", "cat")]);
        assert_eq!((told(&answers, "a"), counts(&answers)), ("Class(\"dog\")".into(), vec![1, 1]));
        assert_eq!(answers.last_of(&"me".into()), Some(&["b".into()][..]));
        answers.extend([undo("me", "b"), undo("me", "a")]);
        assert_eq!((told(&answers, "a"), told(&answers, "b"), counts(&answers)), {
            ("Class(\"cat\")".into(), "none".into(), vec![1, 0])
        });
        answers.extend([undo("me", "a"), undo("me", "a"), undo("me", "never")]);
        assert_eq!((told(&answers, "a"), counts(&answers)), ("none".into(), vec![0, 0]));
        assert_eq!((answers.last_of(&"me".into()), tally(&answers).n_labeled), (None, 0));
    }

    #[test]
    fn what_one_key_said_of_several_images_is_taken_back_together() {
        let mut answers = Answers::default();
        answers.extend(["a", "b", "c"].map(|path| class("me", "1", path, "cat")));
        answers.extend([class("you", "2", "d", "cat")]);
        assert_eq!(answers.last_of(&"me".into()).map(<[_]>::len), Some(3));
        answers.extend([undo("me", "a"), undo("me", "b")]);
        assert_eq!(answers.last_of(&"me".into()), Some(&["c".into()][..]));
    }

    #[test]
    fn people_who_disagree_are_counted_until_they_agree_and_the_last_one_counts() {
        let mut answers = Answers::default();
        answers.extend([class("me", "1", "a", "cat"), class("you", "2", "a", "dog")]);
        assert_eq!((told(&answers, "a"), tally(&answers).n_disputed), ("Class(\"dog\")".into(), 1));
        assert_eq!(answers.opinions(Path::new("a")).len(), 2);
        answers.extend([undo("you", "a")]);
        assert_eq!((told(&answers, "a"), tally(&answers).n_disputed), ("Class(\"cat\")".into(), 0));
        answers.extend([class("you", "3", "a", "dog"), class("me", "4", "a", "dog")]);
        assert_eq!((tally(&answers).n_disputed, counts(&answers)), (0, vec![0, 1]));
        answers.extend([row("me", "5", "a", Answer::Unsure)]);
        assert_eq!((tally(&answers).n_disputed, tally(&answers).n_unsure, tally(&answers).n_labeled), (0, 1, 0));
    }

    #[test]
    fn a_share_is_what_stands_and_leaves_out_who_was_away() {
        let mut answers = Answers::default();
        let seconds = |row: Row, seconds| Row { seconds: Some(seconds), ..row };
        answers.extend([
            seconds(class("me", "1", "a", "cat"), 2.0),
            seconds(class("me", "2", "b", "cat"), 4000.0),
            seconds(class("me", "3", "c", "cat"), 3.0),
            seconds(row("you", "4", "d", Answer::Skip), 1.0),
            undo("you", "d"),
        ]);
        let expected = vec![(Name::from("me"), Share { n: 3, median_s: Some(3.0) })];
        assert_eq!((answers.shares(|_| true), tally(&answers).n_skipped), (expected, 0));
    }

    #[test]
    fn what_is_said_of_other_images_is_counted_apart() {
        let mut answers = Answers::default();
        let guessed = |row: Row| Row { guess: Some("cat".into()), ..row };
        answers.extend([
            guessed(class("me", "1", "a", "cat")),
            guessed(class("me", "2", "b", "dog")),
            class("me", "3", "gone", "cat"),
            class("you", "4", "gone", "dog"),
            row("you", "5", "lost", Answer::Unsure),
        ]);
        let is_meant = |path: &Path| path.as_os_str().len() == 1;
        let tally = answers.tally(is_meant);
        assert_eq!((tally.n_answered, tally.n_labeled, tally.n_unsure, tally.n_elsewhere), (2, 2, 0, 2));
        assert_eq!((tally.of(&"cat".into()), tally.of(&"dog".into()), tally.n_disputed), (1, 1, 0));
        assert_eq!((tally.n_guess_seen, tally.n_guess_followed), (2, 1));
        let expected = vec![(Name::from("me"), Share { n: 2, median_s: Some(1.0) })];
        assert_eq!(answers.shares(is_meant), expected);
    }
}
