//! The user's settings: `config.toml`, with keys, glyphs and how to be told that a run ended.

use std::path::Path;

use anyhow::{Context as _, Result, anyhow, bail};
use fixmatch::base::alike::{asked, unknown_key, with_last};
use fixmatch::base::files;
use fixmatch::notify::settings::{self as notify, Notify};
use serde::Deserialize;
use toml::Spanned;

use super::glyphs::Glyphs;
use super::keys::{Keymap, TABLE};

/// How the user is told that a run ended.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Bell {
    /// Not at all.
    #[default]
    None,
    /// By the terminal's bell.
    #[serde(rename = "bell")]
    Sound,
    /// By a message that some terminals show on the desktop (OSC 9).
    Osc9,
}

/// What the file says.
#[derive(Clone, Debug, Default)]
pub struct Settings {
    /// How to tell that a run ended.
    pub bell: Bell,
    /// Which characters, where the terminal is not to be asked.
    pub glyphs: Option<Glyphs>,
    /// Whether the console begins with the mouse.
    pub mouse: bool,
    /// Whether the console begins with pictures, where the terminal can show them.
    pub pictures: bool,
    /// The keys.
    pub keymap: Keymap,
}

/// The file as it is written.
#[derive(Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
struct File {
    bell: Bell,
    glyphs: Option<Glyphs>,
    mouse: bool,
    pictures: bool,
    scope: bool,
    notify: Notify,
    keys: std::collections::BTreeMap<Spanned<String>, Keys>,
}

/// Its keys.
const FIELDS: [&str; 7] = ["bell", "glyphs", "mouse", "pictures", "scope", "notify", "keys"];

#[derive(Debug, Deserialize)]
#[serde(untagged)]
enum Keys {
    One(String),
    Several(Vec<String>),
}

impl Settings {
    /// Reads the file; a missing one says nothing.
    pub fn read(path: &Path) -> Result<Self> {
        match files::read_text(path, files::MAX_TOML) {
            Ok(text) => Self::parse(&text).map_err(|error| anyhow!("{}: {error:#}", path.display())),
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(Self::default()),
            Err(error) => Err(error).with_context(|| format!("cannot read {}", path.display())),
        }
    }

    fn parse(text: &str) -> Result<Self> {
        let file: File = toml::from_str(text).map_err(|error| told(&error))?;
        let mut keymap = Keymap::default();
        let mut lines = Vec::new();
        for (name, keys) in file.keys {
            let line = text[..name.span().start].matches('\n').count() + 1;
            let name = name.into_inner();
            let words = match keys {
                Keys::One(word) => vec![word],
                Keys::Several(words) => words,
            };
            keymap.remap(&name, &words).with_context(|| format!("line {line}, keys.{name}"))?;
            lines.push((line, name));
        }
        if let Some((word, both)) = keymap.conflict() {
            // The table has no conflict of its own, so the file names at least one of them; the later one is told.
            let place = lines.iter().filter(|(_, name)| both.contains(&name.as_str())).max();
            let place = place.map_or_else(String::new, |(line, name)| format!("line {line}, keys.{name}: "));
            bail!("{place}{word:?} is the key of both {:?} and {:?}", both[0], both[1]);
        }
        let File { bell, glyphs, mouse, pictures, .. } = file; // the others are for those who start processes
        Ok(Self { bell, glyphs, mouse, pictures, keymap })
    }
}

/// A parser's error, with the key that was meant: of the file, or of its table of keys.
fn told(error: &toml::de::Error) -> anyhow::Error {
    let text = error.to_string();
    let keys = TABLE.iter().map(|binding| format!("keys.{}", binding.name));
    let whom = notify::FIELDS.iter().map(|field| format!("notify.{field}"));
    let keys: Vec<_> = FIELDS.iter().map(|&field| field.to_owned()).chain(whom).chain(keys).collect();
    let keys: Vec<_> = keys.iter().map(String::as_str).collect();
    let meant = unknown_key(&text).map_or_else(String::new, |key| asked(&with_last(&keys, '.', key)));
    anyhow!("{meant}{}", text.trim_end())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn settings_are_read_and_the_rest_stays_as_it_comes() {
        let settings =
            Settings::parse("bell = \"osc9\"\n[keys]\npause = [\"P\", \"f1\"]\nhelp = \"?\"").expect("reads");
        assert_eq!((settings.bell, settings.glyphs), (Bell::Osc9, None));
        assert!(Settings::parse("").expect("reads").keymap.conflict().is_none());
    }

    #[test]
    fn an_error_names_the_line_and_the_key() {
        let cases = [
            ("bell = \"loud\"", "line 1"),
            ("bells = \"bell\"", "did you mean bell? "),
            ("bells = \"bell\"", "unknown field `bells`"),
            ("[notify]\nslak = \"https://a.b/c\"", "did you mean notify.slack? "),
            ("pause = \"p\"", "did you mean keys.pause? "),
            ("[keys]\nquit = \"q\"\npuase = \"p\"", "line 3, keys.puase: \"puase\" is no action; did you mean pause? "),
            ("[keys]\npause = \"entr\"", "\"entr\" is no key; did you mean enter? "),
            ("[keys]\npause = \"hyper-p\"", "line 2, keys.pause: \"hyper-p\" is no key"),
            ("[keys]\npause = \"s\"", "line 2, keys.pause: \"s\" is the key of both \"pause\" and \"change\""),
        ];
        for (text, expected) in cases {
            let error = format!("{:#}", Settings::parse(text).expect_err(text));
            assert!(error.contains(expected), "{text}: {error}");
        }
    }
}
