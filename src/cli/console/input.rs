//! A line that a user types, and a list of values of which one can be typed.

use std::time::{Duration, Instant};

use crossterm::event::{KeyCode, KeyEvent, KeyModifiers};
use fixmatch::base::text::{clean, end, is_unshown, left};

/// What came of a key in a text field.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Typed {
    /// It changed the text, or did nothing.
    On,
    /// Enter.
    Done,
    /// Escape.
    Left,
}

/// A line of text, edited at its end.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Input {
    /// What stands there.
    pub text: String,
}

/// The longest line, in bytes: longer ones are of no use to anyone, and long paths fit.
const MAX_LENGTH: usize = 1000;

/// The keys that a pasted text stands for: one line without line ends and control characters, no longer than a line may be.
pub fn pasted(text: &str) -> impl Iterator<Item = KeyEvent> {
    let mut before = None;
    let shown = text.trim().chars().filter(move |&c| {
        let is_shown = !is_unshown(c, before);
        before = Some(c);
        is_shown
    });
    shown.take(MAX_LENGTH).map(|c| KeyEvent::new(KeyCode::Char(c), KeyModifiers::NONE))
}

/// Tells answers of the terminal from keys.
///
/// What a terminal is asked it answers through the keyboard, and a late answer that nobody waits for any more would be
/// read as keys: Alt and a letter that begins it, the letters of the answer, then Alt-\ or Ctrl-G.
#[derive(Debug, Default)]
pub struct Answers {
    /// When the last character of an answer came that has not ended.
    last: Option<Instant>,
}

/// Characters of one answer follow each other at least as fast; no one types so fast after Alt-].
const WITHIN: Duration = Duration::from_millis(50);

impl Answers {
    /// Whether a key is part of an answer.
    pub fn take(&mut self, key: KeyEvent, now: Instant) -> bool {
        let alt = key.modifiers.contains(KeyModifiers::ALT);
        let is_begun = self.last.is_some_and(|last| now.duration_since(last) < WITHIN);
        let begins = alt && matches!(key.code, KeyCode::Char(']' | '_' | '^' | 'P' | 'X'));
        let ends = match key.code {
            KeyCode::Char('\\') => alt,
            KeyCode::Char('g') => key.modifiers.contains(KeyModifiers::CONTROL),
            _ => false,
        };
        self.last = ((begins || is_begun) && !ends).then_some(now);
        begins || is_begun
    }
}

impl Input {
    /// Takes a key: characters, Backspace, Ctrl-U, Ctrl-W; Enter and Escape end it.
    pub fn press(&mut self, key: KeyEvent) -> Typed {
        let ctrl = key.modifiers.contains(KeyModifiers::CONTROL);
        match key.code {
            KeyCode::Enter => return Typed::Done,
            KeyCode::Esc => return Typed::Left,
            KeyCode::Char('c') if ctrl => return Typed::Left,
            KeyCode::Char('u') if ctrl => self.text.clear(),
            KeyCode::Char('w') if ctrl => {
                let end = self.text.trim_end().rfind(' ').map_or(0, |space| space + 1);
                self.text.truncate(end);
            }
            KeyCode::Backspace => drop(self.text.pop()),
            KeyCode::Char(c) if !ctrl && !c.is_control() && self.text.len() < MAX_LENGTH => self.text.push(c),
            _ => {}
        }
        Typed::On
    }

    /// The line with its cursor in `width` columns: of a long one its end, which matters while it is typed.
    pub fn shown(&self, width: usize) -> String {
        left(&format!("{}▏", end(&clean(&self.text), width.saturating_sub(1))), width)
    }
}

/// A place in a list.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Cursor {
    /// The row that is selected.
    pub at: usize,
    /// The first line that is in sight; the view says.
    pub top: usize,
}

impl Cursor {
    /// Moves by some rows in a list of `n`, not past its ends.
    pub fn step(&mut self, by: isize, n: usize) {
        self.at = self.at.saturating_add_signed(by).min(n.saturating_sub(1));
    }

    /// Moves what is in sight no more than needed to see the selected one of `n`, of which `columns` stand in a line and
    /// `height` lines fit: so what was clicked stays under the pointer.
    pub fn keep_in_sight(&mut self, columns: usize, height: usize, n: usize) {
        let (line, n_lines) = (self.at / columns.max(1), n.div_ceil(columns.max(1)));
        let lowest = (line + 1).saturating_sub(height.max(1));
        self.top = self.top.clamp(lowest, line).min(n_lines.saturating_sub(height));
    }

    /// The first row to show so that the selected one is in the middle of `height` of `n`, in a list that is not clicked.
    pub fn centred(self, height: usize, n: usize) -> usize {
        let centred = self.at.saturating_sub(height / 2);
        centred.min(n.saturating_sub(height))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_is_typed_corrected_and_ended() {
        let mut input = Input::default();
        let mut press = |code, modifiers| input.press(KeyEvent::new(code, modifiers));
        for c in "one two".chars() {
            assert_eq!(press(KeyCode::Char(c), KeyModifiers::NONE), Typed::On);
        }
        press(KeyCode::Char('w'), KeyModifiers::CONTROL);
        press(KeyCode::Backspace, KeyModifiers::NONE);
        assert_eq!(press(KeyCode::Enter, KeyModifiers::NONE), Typed::Done);
        assert_eq!(input.text, "one");
        input.text = "猫 and dog".into();
        assert_eq!([input.shown(12), input.shown(5), input.shown(1)], ["猫 and dog▏ ", " dog▏", "▏"]);
    }

    #[test]
    fn what_is_pasted_is_one_line_without_control_characters() {
        let text = |pasted_text| {
            let mut input = Input::default();
            for key in pasted(pasted_text) {
                assert_eq!(input.press(key), Typed::On);
            }
            input.text
        };
        let cases = [
            ("plain", "plain"),
            ("two\r\nlines\n", "twolines"),
            (" a\tb\x1b[31m\u{9b}\u{202e}c ", "ab[31mc"),
            ("猫👨‍👩‍👧", "猫👨‍👩‍👧"),
        ];
        for (from, expected) in cases {
            assert_eq!(text(from), expected, "{from:?}");
        }
        assert_eq!(text(&"x".repeat(100_000)).len(), MAX_LENGTH);
    }

    #[test]
    fn an_answer_of_the_terminal_is_no_key_and_a_key_is_no_answer() {
        let key = |c, modifiers| KeyEvent::new(KeyCode::Char(c), modifiers);
        let (plain, alt) = (KeyModifiers::NONE, KeyModifiers::ALT);
        let mut answers = Answers::default();
        let start = Instant::now();
        let at = |ms| start + Duration::from_millis(ms);
        for answer in [('_', "Gi=31;OK", ('\\', alt)), (']', "11;rgb:00/00/00", ('g', KeyModifiers::CONTROL))] {
            let (begin, letters, (end, modifiers)) = answer;
            assert!(answers.take(key(begin, alt), at(0)));
            assert!(letters.chars().all(|c| answers.take(key(c, plain), at(1))));
            assert!(answers.take(key(end, modifiers), at(2)));
            assert!(!answers.take(key('q', plain), at(3)), "it has ended");
        }
        assert!(answers.take(key(']', alt), at(10)));
        assert!(!answers.take(key('j', plain), at(500)), "Alt-] was a key, and long ago");
    }

    #[test]
    fn a_cursor_stays_in_its_list_and_in_sight() {
        let mut cursor = Cursor::default();
        cursor.step(-1, 5);
        assert_eq!(cursor.at, 0);
        cursor.step(9, 5);
        assert_eq!((cursor.at, cursor.centred(3, 5), cursor.centred(9, 5)), (4, 2, 0));
        cursor.step(1, 0);
        assert_eq!(cursor.at, 0);
    }

    #[test]
    fn what_is_in_sight_moves_no_more_than_it_must() {
        let mut cursor = Cursor::default();
        let tops = [3, 4, 2, 9, 7, 0].map(|at| {
            cursor.at = at;
            cursor.keep_in_sight(1, 4, 10);
            cursor.top
        });
        assert_eq!(tops, [0, 1, 1, 6, 6, 0]);
        cursor.at = 7;
        cursor.keep_in_sight(3, 2, 8);
        assert_eq!(cursor.top, 1, "the third line of three");
        cursor.keep_in_sight(1, 0, 0);
        assert_eq!(cursor.top, 0);
    }
}
