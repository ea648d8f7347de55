//! What all answers of a [log](super::log) come to: which class each image has, who disagrees, what can be taken back.
//!
//! A fold over the rows: the same whether they are read at once or as they come.

use std::collections::{HashMap, HashSet};
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
    known: HashMap<Name, usize>,
    /// Images of each class.
    counts: Vec<usize>,
    n_unsure: usize,
    n_skipped: usize,
    conflicts: HashSet<PathBuf>,
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
        if let Some(class) = row.answer.class() {
            self.class(class);
        }
        let path = row.path.clone();
        self.count(&path, false);
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
        self.count(&path, true);
    }

    /// The place of a class, which is a new one if nobody has named it yet.
    pub fn class(&mut self, class: &Name) -> usize {
        *self.known.entry(class.clone()).or_insert_with(|| {
            self.classes.push(class.clone());
            self.counts.push(0);
            self.classes.len() - 1
        })
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

    /// Counts an image in or out.
    fn count(&mut self, path: &Path, is_in: bool) {
        let change = |n: &mut usize| *n = if is_in { *n + 1 } else { *n - 1 };
        let counted = self.of_image.get(path).and_then(|stack| stack.last()).map(|&at| &self.rows[at].answer);
        match counted {
            Some(Answer::Class(class)) => change(&mut self.counts[self.known[class]]),
            Some(Answer::Unsure) => change(&mut self.n_unsure),
            Some(Answer::Skip) => change(&mut self.n_skipped),
            Some(Answer::Undo) | None => {}
        }
        if is_in && self.disagree(path) {
            self.conflicts.insert(path.to_owned());
        } else {
            self.conflicts.remove(path);
        }
    }

    /// Whether the last answers of two people about an image name different classes.
    fn disagree(&self, path: &Path) -> bool {
        let mut seen: HashMap<&Name, &Answer> = HashMap::new();
        for row in self.stack(path) {
            seen.insert(&row.who, &row.answer);
        }
        let mut classes = seen.into_values().filter_map(Answer::class);
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

    /// Images of each of them.
    pub fn counts(&self) -> &[usize] {
        &self.counts
    }

    /// Images of one class.
    pub fn count_of(&self, class: &Name) -> usize {
        self.known.get(class).map_or(0, |&class| self.counts[class])
    }

    /// Images that have a class.
    pub fn n_labeled(&self) -> usize {
        self.counts.iter().sum()
    }

    /// Images of which the last who answered was not sure.
    pub fn n_unsure(&self) -> usize {
        self.n_unsure
    }

    /// Images that were passed over.
    pub fn n_skipped(&self) -> usize {
        self.n_skipped
    }

    /// Images about which people disagree.
    pub fn conflicts(&self) -> &HashSet<PathBuf> {
        &self.conflicts
    }

    /// Rows in all.
    pub fn n_rows(&self) -> usize {
        self.rows.len()
    }

    /// What each person did, by name.
    pub fn shares(&self) -> Vec<(Name, Share)> {
        let mut of_person: std::collections::BTreeMap<&Name, (usize, Vec<f64>)> = std::collections::BTreeMap::new();
        for row in self.of_image.values().flatten().map(|&at| &self.rows[at]) {
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

    /// How many answers were given after the guess of a network was looked at, and how many of those follow it.
    pub fn guessed(&self) -> (usize, usize) {
        let rows = self.images().map(|(_, row)| row).filter(|row| row.guess.is_some());
        let (follow, differ): (Vec<_>, Vec<_>) = rows.partition(|row| row.answer.class() == row.guess.as_ref());
        (follow.len() + differ.len(), follow.len())
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

    #[test]
    fn the_last_answer_counts_and_undo_goes_back_to_any_depth() {
        let mut answers = Answers::default();
        answers.extend([class("me", "1", "a", "cat"), class("me", "2", "a", "dog"), class("me", "3", "b", "cat")]);
        assert_eq!((told(&answers, "a"), answers.counts()), ("Class(\"dog\")".into(), &[1, 1][..]));
        assert_eq!(answers.last_of(&"me".into()), Some(&["b".into()][..]));
        answers.extend([undo("me", "b"), undo("me", "a")]);
        assert_eq!((told(&answers, "a"), told(&answers, "b"), answers.counts()), {
            ("Class(\"cat\")".into(), "none".into(), &[1, 0][..])
        });
        answers.extend([undo("me", "a"), undo("me", "a"), undo("me", "never")]);
        assert_eq!((told(&answers, "a"), answers.counts()), ("none".into(), &[0, 0][..]));
        assert_eq!((answers.last_of(&"me".into()), answers.n_labeled()), (None, 0));
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
        assert_eq!((told(&answers, "a"), answers.conflicts().len()), ("Class(\"dog\")".into(), 1));
        assert_eq!(answers.opinions(Path::new("a")).len(), 2);
        answers.extend([undo("you", "a")]);
        assert_eq!((told(&answers, "a"), answers.conflicts().len()), ("Class(\"cat\")".into(), 0));
        answers.extend([class("you", "3", "a", "dog"), class("me", "4", "a", "dog")]);
        assert_eq!((answers.conflicts().len(), answers.counts()), (0, &[0, 1][..]));
        answers.extend([row("me", "5", "a", Answer::Unsure)]);
        assert_eq!((answers.conflicts().len(), answers.n_unsure(), answers.n_labeled()), (0, 1, 0));
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
        assert_eq!((answers.shares(), answers.n_skipped()), (expected, 0));
    }
}
