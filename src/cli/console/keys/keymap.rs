//! Keys as they are pressed and written, and the table with the user's own keys in it.

use anyhow::{Context as _, Result, bail};
use crossterm::event::{KeyCode, KeyEvent, KeyModifiers};
use fixmatch::base::alike::did_you_mean;

use super::table::TABLE;
use super::{Access, Action, Binding, Effect, Place};

/// A key with what is held down beside it. Shift is part of the character.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Key {
    code: KeyCode,
    ctrl: bool,
}

impl From<KeyEvent> for Key {
    fn from(event: KeyEvent) -> Self {
        Self { code: event.code, ctrl: event.modifiers.contains(KeyModifiers::CONTROL) }
    }
}

impl std::str::FromStr for Key {
    type Err = anyhow::Error;

    /// A character, or a name such as `enter`, `ctrl-c`, `f1`.
    fn from_str(text: &str) -> Result<Self> {
        let (ctrl, name) = text.strip_prefix("ctrl-").map_or((false, text), |name| (true, name));
        let mut chars = name.chars();
        let code = match (chars.next(), chars.next()) {
            (Some(c), None) => KeyCode::Char(c),
            _ => named(name).with_context(|| {
                let (names, meant) = (names(), did_you_mean(name, names()));
                format!(
                    "{text:?} is no key; {meant}a key is a character, ctrl-CHARACTER or one of {}",
                    names.join(", ")
                )
            })?,
        };
        Ok(Self { code, ctrl })
    }
}

const NAMED: [(&str, KeyCode); 15] = [
    ("enter", KeyCode::Enter),
    ("esc", KeyCode::Esc),
    ("tab", KeyCode::Tab),
    ("space", KeyCode::Char(' ')),
    ("backspace", KeyCode::Backspace),
    ("delete", KeyCode::Delete),
    ("up", KeyCode::Up),
    ("down", KeyCode::Down),
    ("left", KeyCode::Left),
    ("right", KeyCode::Right),
    ("pageup", KeyCode::PageUp),
    ("pagedown", KeyCode::PageDown),
    ("home", KeyCode::Home),
    ("end", KeyCode::End),
    ("f1", KeyCode::F(1)),
];

fn named(name: &str) -> Option<KeyCode> {
    NAMED.iter().find(|(known, _)| *known == name).map(|(_, code)| *code)
}

fn names() -> Vec<&'static str> {
    NAMED.iter().map(|(name, _)| *name).collect()
}

/// The table with the user's own keys in it.
#[derive(Clone, Debug)]
pub struct Keymap {
    /// What may be done by them.
    pub access: Access,
    /// For each line of the table, its keys as the user writes them.
    keys: Vec<Vec<(String, Key)>>,
}

impl Default for Keymap {
    fn default() -> Self {
        let parse = |word: &str| (word.to_owned(), word.parse().expect("the table's keys are keys"));
        Self {
            access: Access::Full,
            keys: TABLE.iter().map(|binding| binding.keys.split(' ').map(parse).collect()).collect(),
        }
    }
}

impl Keymap {
    /// Gives the action of that name other keys.
    pub fn remap(&mut self, name: &str, words: &[String]) -> Result<()> {
        let Some(line) = TABLE.iter().position(|binding| binding.name == name) else {
            let names: Vec<_> = TABLE.iter().map(|binding| binding.name).collect();
            let meant = did_you_mean(name, names.iter().copied());
            bail!("{name:?} is no action; {meant}the actions are {}", names.join(", "));
        };
        let parsed = words.iter().map(|word| Ok((word.clone(), word.parse()?)));
        self.keys[line] = parsed.collect::<Result<_>>()?;
        Ok(())
    }

    /// Whether what a line of the table says may be done.
    pub fn allows(&self, binding: &Binding) -> bool {
        self.access == Access::Full || binding.effect == Effect::Looks
    }

    /// A key that means two things in one place, and the names of both, if there is one.
    pub fn conflict(&self) -> Option<(&str, [&'static str; 2])> {
        for (line, binding) in TABLE.iter().enumerate() {
            for (other_line, other) in TABLE.iter().enumerate().skip(line + 1) {
                let shares_place = binding.places.iter().any(|place| other.places.contains(place));
                let shared = self.keys[line].iter().find(|key| self.keys[other_line].iter().any(|it| it.1 == key.1));
                if let (true, Some((word, _))) = (shares_place, shared) {
                    return Some((word, [binding.name, other.name]));
                }
            }
        }
        None
    }

    /// What a key does in a place.
    pub fn find(&self, place: Place, key: Key) -> Option<&'static Binding> {
        let holds = |line: usize| self.keys[line].iter().any(|(_, known)| *known == key);
        TABLE.iter().enumerate().find(|(line, it)| it.places.contains(&place) && holds(*line)).map(|(_, it)| it)
    }

    /// The first key of an action in a place, as a user reads it; None where it has none that may be pressed.
    pub fn key(&self, place: Place, action: Action) -> Option<String> {
        let (_, keys) = self.of(place).find(|(binding, _)| binding.action == action)?;
        keys.split(' ').next().filter(|key| !key.is_empty()).map(str::to_owned)
    }

    /// The lines of the table that hold in a place and may be followed, with their keys as a user reads them.
    pub fn of(&self, place: Place) -> impl Iterator<Item = (&'static Binding, String)> {
        let is_here = move |binding: &Binding| binding.places.contains(&place) && self.allows(binding);
        let here = TABLE.iter().zip(&self.keys).filter(move |(binding, _)| is_here(binding));
        here.map(|(binding, keys)| (binding, keys.iter().map(|(word, _)| shown(word)).collect::<Vec<_>>().join(" ")))
    }
}

fn shown(word: &str) -> String {
    match word {
        "up" => "↑".into(),
        "down" => "↓".into(),
        "left" => "←".into(),
        "right" => "→".into(),
        "ctrl-z" | "ctrl-c" | "ctrl-l" | "ctrl-g" | "ctrl-f" | "ctrl-b" => format!("^{}", word[5..].to_uppercase()),
        _ => word.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_key_means_two_things_in_one_place() {
        assert_eq!(Keymap::default().conflict(), None);
    }

    #[test]
    fn a_key_can_be_moved_and_conflicts_and_unknown_names_are_told() {
        let mut keymap = Keymap::default();
        keymap.remap("pause", &["ctrl-p".into()]).expect("free");
        let pressed = KeyEvent::new(KeyCode::Char('p'), KeyModifiers::CONTROL);
        assert_eq!(keymap.find(Place::Run, pressed.into()).map(|it| it.action), Some(Action::Pause));
        assert!(keymap.find(Place::Run, "p".parse().expect("a key")).is_none());
        let error = keymap.remap("puase", &[]).expect_err("unknown").to_string();
        assert!(error.contains("\"puase\" is no action; did you mean pause? the actions are open, "), "{error}");
        let error = keymap.remap("pause", &["enterr".into()]).expect_err("no key").to_string();
        assert!(error.contains("\"enterr\" is no key"), "{error}");
        keymap.remap("pause", &["s".into()]).expect("a key");
        assert_eq!(keymap.conflict(), Some(("s", ["pause", "change"])));
    }
}
