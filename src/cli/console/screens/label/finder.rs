//! A class by a few of its letters, or a new one.

use crossterm::event::{KeyCode, KeyEvent, KeyModifiers};
use fixmatch::base::text::Name;

use crate::console::input::{Cursor, Input, Typed};
use crate::console::text::fuzzy;

/// Lines that are shown at most: whoever wants another one types another letter.
const MOST_SHOWN: usize = 40;

/// A line of the list.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Found {
    /// A class that there is.
    Known(usize),
    /// A class that there is not yet.
    New(Name),
}

/// What is being looked for.
#[derive(Clone, Debug, Default)]
pub struct Finder {
    /// The letters.
    pub input: Input,
    /// What there is of it.
    pub found: Vec<Found>,
    /// The selected line.
    pub at: Cursor,
}

/// What came of a key.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// Still looking.
    On,
    /// This one.
    Chosen(Found),
    /// None.
    Left,
}

impl Finder {
    /// Looks among classes, each with its number of images; those with most come first.
    pub fn open(classes: &[Name], counts: impl Fn(usize) -> usize) -> Self {
        let mut finder = Self::default();
        finder.look(classes, counts);
        finder
    }

    /// Takes a key: letters narrow the list, arrows move, Enter chooses, Escape leaves.
    pub fn press(&mut self, key: KeyEvent, classes: &[Name], counts: impl Fn(usize) -> usize) -> Outcome {
        let n = self.found.len();
        let ctrl = key.modifiers.contains(KeyModifiers::CONTROL);
        match key.code {
            KeyCode::Up => self.at.step(-1, n),
            KeyCode::Down | KeyCode::Tab => self.at.step(1, n),
            KeyCode::Char('p') if ctrl => self.at.step(-1, n),
            KeyCode::Char('n') if ctrl => self.at.step(1, n),
            _ => match self.input.press(key) {
                Typed::On => self.look(classes, counts),
                Typed::Left => return Outcome::Left,
                Typed::Done => {
                    let found = self.found.get(self.at.at).cloned();
                    return found.map_or(Outcome::On, Outcome::Chosen);
                }
            },
        }
        Outcome::On
    }

    fn look(&mut self, classes: &[Name], counts: impl Fn(usize) -> usize) {
        let wanted = self.input.text.trim();
        let lower = wanted.to_lowercase();
        let score = |class: usize| {
            let name = &classes[class];
            let shown = name.to_lowercase();
            // the name itself, then one that begins so, then one that has the letters
            let kind = u8::from(shown == lower) + u8::from(shown.starts_with(&lower));
            Some((kind, fuzzy(wanted, name)?, counts(class)))
        };
        let mut scored: Vec<_> = (0..classes.len()).filter_map(|class| Some((score(class)?, class))).collect();
        scored.sort_by_key(|(score, class)| (std::cmp::Reverse(*score), *class));
        self.found = scored.into_iter().take(MOST_SHOWN).map(|(_, class)| Found::Known(class)).collect();
        if !wanted.is_empty() && !classes.iter().any(|class| class.raw() == wanted) {
            self.found.push(Found::New(wanted.into()));
        }
        self.at = Cursor::default();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn typed(keys: &str, classes: &[Name]) -> (Finder, Outcome) {
        let mut finder = Finder::open(classes, |class| class);
        let mut outcome = Outcome::On;
        for c in keys.chars() {
            let code = match c {
                '\n' => KeyCode::Enter,
                '\x1b' => KeyCode::Esc,
                '\t' => KeyCode::Down,
                c => KeyCode::Char(c),
            };
            outcome = finder.press(KeyEvent::new(code, KeyModifiers::NONE), classes, |class| class);
        }
        (finder, outcome)
    }

    #[test]
    fn letters_find_a_class_or_make_one() {
        let classes: Vec<Name> = ["tom cat", "cat", "cattle", "dog"].map(Name::from).to_vec();
        let (finder, _) = typed("", &classes);
        assert_eq!(finder.found.first(), Some(&Found::Known(3)), "the one with most images");
        assert_eq!(typed("cat\n", &classes).1, Outcome::Chosen(Found::Known(1)));
        assert_eq!(typed("catt\n", &classes).1, Outcome::Chosen(Found::Known(2)));
        assert_eq!(typed("tc\n", &classes).1, Outcome::Chosen(Found::Known(0)));
        assert_eq!(
            typed("cat\t\t\t\n", &classes).1,
            Outcome::Chosen(Found::Known(0)),
            "there is no new one of that name"
        );
        assert_eq!(typed(" frog \n", &classes).1, Outcome::Chosen(Found::New("frog".into())));
        assert_eq!(typed("\x1b", &classes).1, Outcome::Left);
        assert_eq!(typed("\n", &[]).1, Outcome::On, "nothing to choose");
    }

    #[test]
    fn one_of_ten_thousand_classes_is_found_by_its_letters() {
        let classes: Vec<Name> = (0..10_000).map(|n| Name::from(format!("species {n:04}"))).collect();
        let (finder, outcome) = typed("4711\n", &classes);
        assert_eq!(outcome, Outcome::Chosen(Found::Known(4711)));
        assert!(finder.found.len() <= MOST_SHOWN + 1);
    }
}
