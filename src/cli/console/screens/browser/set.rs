//! A label set in the making: images put in, taken out and exchanged, each of which can be taken back.

use std::path::PathBuf;

use fixmatch::labels::set::{LabelSet, Picked};

/// The images that were chosen so far.
#[derive(Clone, Debug, Default)]
pub struct EditedSet {
    /// Training indices, ascending.
    pub indices: Vec<u32>,
    /// The name and the file that it is saved under, if it is.
    pub saved: Option<(String, PathBuf)>,
    /// Whether it departs from what is saved.
    pub is_changed: bool,
    /// How it came about: where it started, then what was done.
    steps: Vec<Step>,
    start: String,
}

#[derive(Clone, Debug)]
struct Step {
    words: String,
    before: Vec<u32>,
}

/// More edits than this are summed up in a set's file.
const MAX_WORDS: usize = 20;

impl EditedSet {
    /// A set as it was picked, or as it is saved.
    pub fn from_set(set: &LabelSet, how: String, saved: Option<(String, PathBuf)>) -> Self {
        Self { indices: set.indices.clone(), is_changed: saved.is_none(), saved, steps: Vec::new(), start: how }
    }

    /// Whether an image is in it.
    pub fn holds(&self, index: u32) -> bool {
        self.indices.binary_search(&index).is_ok()
    }

    /// Puts an image in, or takes it out if it is in.
    pub fn toggle(&mut self, index: u32) {
        if self.holds(index) {
            self.change(format!("without {index}"), |indices| indices.retain(|&other| other != index));
        } else {
            self.change(format!("with {index}"), |indices| indices.push(index));
        }
    }

    /// Puts an image that is not in it in the place of one that is.
    pub fn swap(&mut self, old: u32, new: u32) {
        if self.holds(old) && !self.holds(new) {
            self.change(format!("{new} for {old}"), |indices| {
                indices.retain(|&other| other != old);
                indices.push(new);
            });
        }
    }

    fn change(&mut self, words: String, edit: impl FnOnce(&mut Vec<u32>)) {
        self.steps.push(Step { words, before: self.indices.clone() });
        edit(&mut self.indices);
        self.indices.sort_unstable();
        self.is_changed = true;
    }

    /// Takes the last step back; says whether there was one.
    pub fn undo(&mut self) -> bool {
        let Some(step) = self.steps.pop() else { return false };
        (self.indices, self.is_changed) = (step.before, true);
        true
    }

    /// Whether leaving it would lose what was done by hand.
    pub fn has_unsaved_edits(&self) -> bool {
        self.is_changed && !self.steps.is_empty() && !self.indices.is_empty()
    }

    /// How it came about, in words.
    pub fn how(&self) -> String {
        let start = if self.start.is_empty() { "by hand" } else { &self.start };
        let mut words = vec![start.to_owned()];
        if self.steps.len() > MAX_WORDS {
            words.push(format!("{} images exchanged by hand", self.steps.len()));
        } else {
            words.extend(self.steps.iter().map(|step| step.words.clone()));
        }
        words.join("; ")
    }

    /// As a label set. None while it is empty.
    pub fn label_set(&self) -> Option<LabelSet> {
        (!self.indices.is_empty()).then(|| LabelSet::new(self.indices.clone(), Picked::Listed))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn images_go_in_and_out_and_every_step_can_be_taken_back() {
        let mut set = EditedSet::default();
        for index in [7, 3, 7, 5] {
            set.toggle(index);
        }
        assert_eq!((set.indices.as_slice(), set.holds(7)), (&[3, 5][..], false));
        set.swap(3, 9);
        set.swap(3, 8); // no longer in it
        set.swap(5, 9); // in it already
        assert_eq!(set.indices, [5, 9]);
        assert_eq!(set.how(), "by hand; with 7; with 3; without 7; with 5; 9 for 3");
        while set.undo() {}
        assert!(set.indices.is_empty() && set.label_set().is_none());
    }

    #[test]
    fn a_set_that_was_read_under_a_name_is_unchanged_until_it_is_edited() {
        let set = LabelSet::new(vec![1, 2], Picked::Listed);
        let mut set = EditedSet::from_set(&set, "typical".into(), Some(("mine".into(), "mine.txt".into())));
        assert!(!set.is_changed);
        set.swap(1, 4);
        assert!(set.is_changed && set.how() == "typical; 4 for 1");
    }
}
