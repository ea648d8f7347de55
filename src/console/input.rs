//! A line that a user types, and a list of values of which one can be typed.

use crossterm::event::{KeyCode, KeyEvent, KeyModifiers};

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

/// Longer lines are of no use to anyone.
const MAX_LENGTH: usize = 200;

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
