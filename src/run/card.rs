//! What people write on a run: tags and a note, in `card.json` beside it. Nothing that decides results reads it.

use std::collections::BTreeSet;
use std::fmt;

use anyhow::{Context as _, Result, ensure};
use serde::{Deserialize, Serialize};

use crate::base::files::{self, replace_file};
use crate::base::sealed;
use crate::run::dir::RunDir;

/// A tag is at most so many characters.
const LONGEST_TAG: usize = 40;

/// A note is at most so many characters.
const LONGEST_NOTE: usize = 2000;

/// Tags and a note.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Card {
    /// Words to find it by, in alphabetical order.
    #[serde(default)]
    pub tags: BTreeSet<String>,
    /// A sentence or two; empty where there is none.
    #[serde(default)]
    pub note: String,
}

impl fmt::Display for Card {
    /// `#paper #warm  The learning rate was too high.`
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let tags = self.tags.iter().map(|tag| format!("#{tag}")).collect::<Vec<_>>().join(" ");
        let between = if tags.is_empty() || self.note.is_empty() { "" } else { "  " };
        write!(f, "{tags}{between}{}", self.note)
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

    /// Writes it on a run.
    pub fn write(&self, dir: &RunDir) -> Result<()> {
        replace_file(&dir.card(), &sealed::json(serde_json::to_vec(self).expect("a card has only JSON's types")))
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
