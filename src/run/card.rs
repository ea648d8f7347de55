//! What people write on a run: a title, tags and a note, in `card.json` beside it. Nothing that decides results reads it.

use std::collections::BTreeSet;
use std::fmt;

use anyhow::{Context as _, Result, ensure};
use serde::{Deserialize, Serialize};

use crate::base::aside::replace_file;
use crate::base::files;
use crate::base::sealed;
use crate::run::dir::RunDir;

/// A tag is at most so many characters.
const LONGEST_TAG: usize = 40;

/// A note is at most so many characters.
const LONGEST_NOTE: usize = 2000;

/// A title is at most so many characters.
const LONGEST_TITLE: usize = 120;

/// A title, tags and a note.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Card {
    /// What to call it where its name says too little; empty where there is none.
    #[serde(default)]
    pub title: String,
    /// Words to find it by, in alphabetical order.
    #[serde(default)]
    pub tags: BTreeSet<String>,
    /// A sentence or two; empty where there is none.
    #[serde(default)]
    pub note: String,
}

/// What is written on a run.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Edit {
    /// This title; an empty one takes it away.
    Title(String),
    /// Tags to add and to take off, with blanks between them.
    Tags(String),
    /// This note; an empty one takes it away.
    Note(String),
}

impl fmt::Display for Card {
    /// `Too hot  #paper #warm  The learning rate was too high.`
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let tags = self.tags.iter().map(|tag| format!("#{tag}")).collect::<Vec<_>>().join(" ");
        let parts = [self.title.as_str(), &tags, &self.note].into_iter().filter(|part| !part.is_empty());
        write!(f, "{}", parts.collect::<Vec<_>>().join("  "))
    }
}

impl Card {
    /// What stands on a run; nothing where nobody wrote anything.
    ///
    /// # Errors
    /// If its file is there and cannot be read, so that it is not written over.
    pub fn read(dir: &RunDir) -> Result<Self> {
        let path = dir.card();
        let text = match files::read_at_most(&path, files::MAX_TEXT) {
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(Self::default()),
            text => text.with_context(|| format!("cannot read {}", path.display()))?,
        };
        sealed::read_json(&text).with_context(|| format!("cannot read {}", path.display()))
    }

    /// Changes what stands on a run, and returns what stands there then.
    ///
    /// # Errors
    /// Those of `edit`, and if the file cannot be read or written: then nothing is changed.
    pub fn change(dir: &RunDir, edit: impl FnOnce(&mut Self) -> Result<()>) -> Result<Self> {
        let _held = files::hold(dir.path())?;
        let mut card = Self::read(dir)?;
        edit(&mut card)?;
        card.write(dir)?;
        Ok(card)
    }

    fn write(&self, dir: &RunDir) -> Result<()> {
        replace_file(&dir.card(), &sealed::json(serde_json::to_vec(self).expect("a card has only JSON's types")))
    }

    /// Writes something on it.
    ///
    /// # Errors
    /// For what cannot be written, with nothing changed.
    pub fn edit(&mut self, edit: &Edit) -> Result<()> {
        match edit {
            Edit::Title(title) => self.set_title(title),
            Edit::Tags(words) => self.tag(&words.split_whitespace().map(str::to_owned).collect::<Vec<_>>()),
            Edit::Note(note) => self.set_note(note),
        }
    }

    /// Gives a title in the place of the old one; an empty one takes it away.
    pub fn set_title(&mut self, title: &str) -> Result<()> {
        let (title, n) = (title.trim(), title.trim().chars().count());
        ensure!(n <= LONGEST_TITLE, "a title has at most {LONGEST_TITLE} characters, not {n}");
        ensure!(!title.chars().any(char::is_control), "a title is one line without control characters");
        title.clone_into(&mut self.title);
        Ok(())
    }

    /// Adds tags, or takes them off: `+good` or `good`, and `-bad`.
    ///
    /// # Errors
    /// For what is no tag, with nothing changed.
    pub fn tag(&mut self, words: &[String]) -> Result<()> {
        let mut tags = self.tags.clone();
        for word in words {
            let (tag, is_added) = match word.strip_prefix('-') {
                Some(tag) => (tag, false),
                None => (word.strip_prefix('+').unwrap_or(word), true),
            };
            let is_fine = |c: char| c.is_alphanumeric() || "-_.:/".contains(c);
            ensure!(
                !tag.is_empty() && tag.chars().all(is_fine) && tag.chars().count() <= LONGEST_TAG,
                "{word:?} is no tag: write +NAME or -NAME, at most {LONGEST_TAG} letters, digits and - _ . : /"
            );
            if is_added {
                tags.insert(tag.to_owned());
            } else {
                ensure!(tags.remove(tag), "it has no tag {tag:?} to take off");
            }
        }
        self.tags = tags;
        Ok(())
    }

    /// Writes a note over the old one; an empty one takes it away.
    pub fn set_note(&mut self, note: &str) -> Result<()> {
        let n = note.chars().count();
        ensure!(n <= LONGEST_NOTE, "a note has at most {LONGEST_NOTE} characters, not {n}");
        note.trim().clone_into(&mut self.note);
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn of_those_who_write_at_once_none_undoes_what_another_one_wrote() {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let dir = RunDir::at(folder.path().to_owned());
        let tag = |n: usize| Card::change(&dir, |card| card.tag(&[format!("t{n}")])).expect("written");
        std::thread::scope(|scope| {
            for n in 0..8 {
                scope.spawn(move || (10 * n..10 * n + 5).for_each(|n| drop(tag(n))));
            }
        });
        assert_eq!(Card::read(&dir).expect("reads").tags.len(), 40);
    }

    #[test]
    fn a_title_is_one_line_of_some_length() {
        let mut card = Card::default();
        card.edit(&Edit::Title("  Too hot ".into())).expect("given");
        for (wrong, reason) in [("two\nlines", "one line"), (&"x".repeat(121), "at most 120 characters, not 121")] {
            let error = card.set_title(wrong).expect_err(wrong).to_string();
            assert!(error.contains(reason), "{error}");
        }
        card.edit(&Edit::Tags("+good warm".into())).expect("tagged");
        card.edit(&Edit::Note("See the log.".into())).expect("noted");
        assert_eq!(card.to_string(), "Too hot  #good #warm  See the log.");
        card.set_title("").expect("taken away");
        assert_eq!(card.to_string(), "#good #warm  See the log.");
    }

    #[test]
    fn tags_are_added_and_taken_off_all_or_none() {
        let mut card = Card::default();
        let words = |text: &str| text.split(' ').map(str::to_owned).collect::<Vec<_>>();
        card.tag(&words("+good paper:table-1")).expect("added");
        assert_eq!(card.tags.iter().collect::<Vec<_>>(), ["good", "paper:table-1"]);
        card.tag(&words("-good +ablation")).expect("changed");
        for (wrong, reason) in [("+a -none", "it has no tag \"none\""), ("+a +b,c", "is no tag"), ("+", "is no tag")] {
            let before = card.clone();
            let error = card.tag(&words(wrong)).expect_err(wrong).to_string();
            assert!(error.contains(reason), "{error}");
            assert_eq!(card, before, "half of it was done");
        }
    }
}
