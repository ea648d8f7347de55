//! What lies over a screen and takes the keys: questions, values to change, lists to choose from and lines to type.

use std::path::PathBuf;

use crossterm::event::{KeyCode, KeyEvent, KeyModifiers};
use fixmatch::config::Metric;
use fixmatch::run::dir::RunDir;

use super::form::Form;

use super::input::{Cursor, Input, Typed};
use super::keys::Action;
use super::screens::browser::{Base, Start};
use super::text::fuzzy;

/// What lies over the screen.
#[derive(Clone, Debug)]
pub enum Dialog {
    /// The keys of this place, from this line on.
    Help(usize),
    /// A question.
    Confirm(Confirm),
    /// The values that can change while a run trains.
    Change(Form),
    /// A list to choose from.
    Choose(Chooser<Choice>),
    /// A line to type.
    Ask(Ask<Purpose>),
}

impl Dialog {
    /// Whether a text field is open in it.
    pub fn is_typing(&self) -> bool {
        match self {
            Self::Choose(_) | Self::Ask(_) => true,
            Self::Change(form) => form.editing.is_some(),
            Self::Help(_) | Self::Confirm(_) => false,
        }
    }
}

/// A line of a list in the browser of label sets.
#[derive(Clone, Debug)]
pub enum Choice {
    /// Only this class, or all.
    Class(Option<usize>),
    /// This order.
    Order(usize),
    /// Have a run make the order by this metric.
    Make(Metric),
    /// Start the label set from this.
    Start(Start),
    /// Type what to start it from.
    Type,
    /// Launch a run on the label set.
    Launch(Base),
    /// Launch two, on the most and on the least representative images.
    Race(Base),
}

/// What a line is typed for.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Purpose {
    /// An image's number.
    GoTo,
    /// What `labels.pick` may say.
    Start,
    /// The label set's name.
    Save {
        /// Whether a run is to be launched from it.
        then_launch: bool,
    },
    /// Another value of a recorded change, of this number.
    ChangeValue(u32),
    /// The step to which one is moved.
    MoveChange(u32),
    /// How many more seeds a suite has.
    MoreSeeds,
    /// The title of a run.
    Title,
    /// Tags to add to runs and to take off.
    Tags,
    /// A note on a run.
    Note,
    /// What the runs are sorted by.
    SortRuns,
    /// What is listed of the runs.
    Columns,
    /// The name under which the filter of the runs is saved.
    SaveFilter,
}

/// A question before something that cannot be taken back with one key.
#[derive(Clone, Debug)]
pub enum Confirm {
    /// Stop these runs? So many others cannot be.
    Stop(Vec<RunDir>, usize),
    /// Move these runs to the trash? So many others cannot be.
    Delete(Vec<RunDir>, usize),
    /// Drop these recorded changes, by their numbers?
    DropChanges(Vec<u32>),
    /// Leave a preset's values that were edited, back or out of the console?
    LeaveDraft(Action),
    /// Start two whole runs on these presets' labels?
    Race(Base),
    /// Start the suite of this name?
    StartSuite(String),
    /// Suspend the runs of the suite of this name?
    StopSuite(String),
    /// Move this saved label set to the trash?
    DeleteSet(String, PathBuf),
    /// Leave a label set that was edited and not saved, back or out of the console?
    LeaveSet(Action),
}

/// A list that is narrowed by typing.
#[derive(Clone, Debug)]
pub struct Chooser<T> {
    /// What is chosen.
    pub title: String,
    /// Letters that a shown line holds.
    pub filter: Input,
    /// The selected one of the shown lines.
    pub at: Cursor,
    items: Vec<Item<T>>,
}

/// A line of a list.
#[derive(Clone, Debug)]
pub struct Item<T> {
    /// What it is called.
    pub text: String,
    /// What else there is to say of it.
    pub note: String,
    /// What it stands for.
    pub value: T,
}

/// What came of a key.
#[derive(Debug)]
pub enum Outcome<T> {
    /// Still choosing or typing.
    On,
    /// This.
    Done(T),
    /// Nothing.
    Left,
}

impl<T: Clone> Chooser<T> {
    /// A list with one of its lines selected.
    pub fn new(title: impl Into<String>, items: Vec<Item<T>>, at: usize) -> Self {
        Self { title: title.into(), filter: Input::default(), at: Cursor { at, ..Cursor::default() }, items }
    }

    /// The lines that fit the letters, those that fit best first.
    pub fn shown(&self) -> Vec<&Item<T>> {
        let score = |item: &Item<T>| {
            let text = fuzzy(&self.filter.text, &item.text).map(|score| 1000 + score);
            text.or_else(|| fuzzy(&self.filter.text, &format!("{} {}", item.text, item.note)))
        };
        let mut shown: Vec<_> = self.items.iter().filter_map(|item| Some((score(item)?, item))).collect();
        shown.sort_by_key(|(score, _)| std::cmp::Reverse(*score));
        shown.into_iter().map(|(_, item)| item).collect()
    }

    /// Takes a key: letters narrow the list, arrows move, Enter chooses, Escape leaves.
    pub fn press(&mut self, key: KeyEvent) -> Outcome<T> {
        let n = self.shown().len();
        let ctrl = key.modifiers.contains(KeyModifiers::CONTROL);
        match key.code {
            KeyCode::Up => self.at.step(-1, n),
            KeyCode::Down | KeyCode::Tab => self.at.step(1, n),
            KeyCode::Char('p') if ctrl => self.at.step(-1, n),
            KeyCode::Char('n') if ctrl => self.at.step(1, n),
            KeyCode::PageUp => self.at.step(-10, n),
            KeyCode::PageDown => self.at.step(10, n),
            _ => match self.filter.press(key) {
                Typed::On => self.at = Cursor::default(),
                Typed::Left => return Outcome::Left,
                Typed::Done => {
                    let value = self.shown().get(self.at.at).map(|item| item.value.clone());
                    return value.map_or(Outcome::On, Outcome::Done);
                }
            },
        }
        Outcome::On
    }
}

/// A line that is asked for.
#[derive(Clone, Debug)]
pub struct Ask<T> {
    /// What for.
    pub title: &'static str,
    /// What it may be.
    pub hint: &'static str,
    /// What is typed.
    pub input: Input,
    /// Why what was typed last cannot be.
    pub error: Option<String>,
    /// What it is for.
    pub purpose: T,
}

impl<T: Clone> Ask<T> {
    /// A question with a first answer.
    pub fn new(title: &'static str, hint: &'static str, text: String, purpose: T) -> Self {
        Self { title, hint, input: Input { text }, error: None, purpose }
    }

    /// Takes a key; the line and its purpose once Enter is pressed.
    pub fn press(&mut self, key: KeyEvent) -> Outcome<(String, T)> {
        match self.input.press(key) {
            Typed::On => {
                self.error = None;
                Outcome::On
            }
            Typed::Left => Outcome::Left,
            Typed::Done => Outcome::Done((self.input.text.trim().to_owned(), self.purpose.clone())),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn key(code: KeyCode) -> KeyEvent {
        KeyEvent::new(code, KeyModifiers::NONE)
    }

    #[test]
    fn letters_narrow_a_list_and_enter_chooses_from_what_is_left() {
        let item = |text: &str, value| Item { text: text.into(), note: String::new(), value };
        let items = vec![item("cat", 1), item("dog", 2), item("deer", 3)];
        let mut chooser = Chooser::new("class", items, 0);
        chooser.press(key(KeyCode::Char('d')));
        chooser.press(key(KeyCode::Down));
        assert!(matches!(chooser.press(key(KeyCode::Enter)), Outcome::Done(3)));
        chooser.press(key(KeyCode::Char('x')));
        assert!(matches!(chooser.press(key(KeyCode::Enter)), Outcome::On));
        assert!(matches!(chooser.press(key(KeyCode::Esc)), Outcome::Left));
    }
}
