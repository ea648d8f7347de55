//! Text as it stands on a screen: nothing in it steers a terminal, and it is measured in columns.
//!
//! Class names, titles, folders, reasons and settings come from files and from the environment, and a terminal does what
//! the characters in them say. [`clean`] makes one line of any text, [`name`] keeps two names apart that only look the
//! same, [`lines`] leaves line ends. All that is cut, padded or wrapped is clean, and measured by [`width`]: a Chinese
//! character and an emoji take two columns, an accent of its own none.

use std::borrow::Cow;
use std::fmt;
use std::ops::{Deref, RangeInclusive};
use std::path::Path;

use serde::{Deserialize, Serialize};
use unicode_segmentation::UnicodeSegmentation as _;
use unicode_width::UnicodeWidthStr as _;

/// What stands for a character that cannot be shown and has no picture of its own.
const UNSHOWN: char = '\u{fffd}';

/// A name that others gave, of a class or a file: exactly what its folder or its file says, and on a screen no more than a
/// name, on one line.
///
/// It is written to files as it is. Whoever prints, draws or measures it gets [`name`] of it, so that nobody has to think of
/// that; `{:12.40}` pads it to 12 columns and cuts it at 40.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(from = "String", into = "String")]
pub struct Name {
    raw: String,
    /// Where it is shown as something else.
    shown: Option<Box<str>>,
}

/// A path as a name of its own in a sentence.
pub trait Shown {
    /// All of it visible, on one line.
    fn shown(&self) -> Name;
}

impl Shown for Path {
    fn shown(&self) -> Name {
        self.to_string_lossy().into()
    }
}

impl Name {
    /// The name itself, to compare and to look up; not for a screen.
    pub fn raw(&self) -> &str {
        &self.raw
    }
}

impl Deref for Name {
    type Target = str;

    /// As it is shown.
    fn deref(&self) -> &str {
        self.shown.as_deref().unwrap_or(&self.raw)
    }
}

impl PartialEq<&str> for Name {
    fn eq(&self, raw: &&str) -> bool {
        self.raw == *raw
    }
}

impl From<&str> for Name {
    fn from(raw: &str) -> Self {
        raw.to_owned().into()
    }
}

impl From<Cow<'_, str>> for Name {
    fn from(raw: Cow<str>) -> Self {
        raw.into_owned().into()
    }
}

impl From<String> for Name {
    fn from(raw: String) -> Self {
        let shown = Some(name(&raw)).filter(|shown| *shown != raw).map(String::into_boxed_str);
        Self { raw, shown }
    }
}

impl From<Name> for String {
    fn from(name: Name) -> Self {
        name.raw
    }
}

impl fmt::Display for Name {
    fn fmt(&self, f: &mut fmt::Formatter) -> fmt::Result {
        let name = f.precision().map_or_else(|| Cow::Borrowed(&**self), |widest| Cow::Owned(fit(self, widest)));
        match f.width() {
            Some(width) => f.write_str(&left(&name, width.max(self::width(&name)))),
            None => f.write_str(&name),
        }
    }
}

impl fmt::Debug for Name {
    fn fmt(&self, f: &mut fmt::Formatter) -> fmt::Result {
        write!(f, "{:?}", &**self)
    }
}

/// One line that cannot steer a terminal: blanks for tabs and line ends, pictures for other control characters, a
/// replacement for marks that reorder or hide text.
pub fn clean(text: &str) -> String {
    shown(text, |c| matches!(c, '\t' | '\n' | '\r').then_some(' '))
}

/// The same for text of several lines, whose ends stay.
pub fn lines(text: &str) -> String {
    shown(text, |c| match c {
        '\n' => Some('\n'),
        '\t' | '\r' => Some(' '),
        _ => None,
    })
}

/// A name, all of it visible: also tabs, line ends, and blanks at its ends.
pub fn name(text: &str) -> String {
    let trimmed = text.trim_matches(' ');
    let n_before = if trimmed.is_empty() { 0 } else { text.len() - text.trim_start_matches(' ').len() };
    let n_after = text.len() - trimmed.len() - n_before;
    "␣".repeat(n_before) + &shown(trimmed, |_| None) + &"␣".repeat(n_after)
}

/// A word as a shell takes it.
pub fn shell_quoted(word: &str) -> String {
    let is_plain = |c: char| c.is_ascii_alphanumeric() || "-_./=:,+@%".contains(c);
    if !word.is_empty() && word.chars().all(is_plain) {
        word.to_owned()
    } else {
        format!("'{}'", word.replace('\'', r"'\''"))
    }
}

/// Every character that a terminal would obey or hide is replaced, as `special` says where it has an answer.
fn shown(text: &str, special: impl Fn(char) -> Option<char>) -> String {
    let mut before = None;
    let replaced = text.chars().map(|c| {
        let c = match c {
            c if !is_unshown(c, before) => c,
            c if let Some(own) = special(c) => own,
            '\0'..='\x1f' => char::from_u32(0x2400 + c as u32).unwrap_or(UNSHOWN),
            '\x7f' => '␡',
            _ => UNSHOWN,
        };
        before = Some(c);
        c
    });
    replaced.collect()
}

/// Whether a character is no part of what a reader sees: control characters, marks that reorder text, and what has no
/// width. Accents stay; what joins or varies a character stays where it can, behind one that is not ASCII.
pub fn is_unshown(c: char, before: Option<char>) -> bool {
    match c {
        '\u{200c}' | '\u{200d}' | '\u{fe00}'..='\u{fe0f}' | '\u{e0100}'..='\u{e01ef}' => {
            let is_keycap = c == '\u{fe0f}' && before.is_some_and(|c| matches!(c, '0'..='9' | '#' | '*'));
            !is_keycap && before.is_none_or(|c| c.is_ascii() || c == UNSHOWN)
        }
        '\u{ad}'
        | '\u{34f}'
        | '\u{61c}'
        | '\u{115f}'
        | '\u{1160}'
        | '\u{17b4}'
        | '\u{17b5}'
        | '\u{180b}'..='\u{180f}'
        | '\u{200b}'..='\u{200f}'
        | '\u{2028}'..='\u{202e}'
        | '\u{2060}'..='\u{206f}'
        | '\u{3164}'
        | '\u{feff}'
        | '\u{ffa0}'
        | '\u{fff0}'..='\u{fffb}'
        | '\u{1bca0}'..='\u{1bca3}'
        | '\u{1d173}'..='\u{1d17a}'
        | '\u{e0000}'..='\u{e0fff}' => true,
        c => c.is_control(),
    }
}

/// How many columns a text takes once it is [`clean`].
pub fn width(text: &str) -> usize {
    if text.is_ascii() { text.len() } else { columns(&clean(text)) }
}

fn columns(text: &str) -> usize {
    text.graphemes(true).map(grapheme_width).sum()
}

/// A letter with its accents, or an emoji of several characters, is one. Sound marks of half width take a column of their
/// own in terminals, though they belong to the letter before.
fn grapheme_width(grapheme: &str) -> usize {
    if grapheme.len() == 1 {
        return 1;
    }
    let marks = grapheme.chars().filter(|c| matches!(c, '\u{ff9e}' | '\u{ff9f}')).count();
    let own = if marks > 0 { grapheme.replace(['\u{ff9e}', '\u{ff9f}'], "") } else { String::new() };
    if marks > 0 { own.width() + marks } else { grapheme.width() }
}

/// A character as every terminal draws it: as wide as it is measured here. Terminals differ in whether an emoji of several
/// characters is one, so that of a family its first member stays, and of a flag its first letter.
pub fn of_certain_width(grapheme: &str) -> Cow<'_, str> {
    const FLAG: RangeInclusive<char> = '\u{1f1e6}'..='\u{1f1ff}';
    let is_symbol = |c: char| c >= '\u{2190}' && grapheme_width(c.encode_utf8(&mut [0; 4])) > 0;
    let varies = |c: char| matches!(c, '\u{200d}' | '\u{fe0f}' | '\u{20e3}' | '\u{1f3fb}'..='\u{1f3ff}');
    let mut chars = grapheme.chars();
    let (Some(first), rest) = (chars.next(), chars.as_str()) else { return grapheme.into() };
    if FLAG.contains(&first) {
        let letter = |c: char| char::from_u32(c as u32 - *FLAG.start() as u32 + u32::from('A'));
        return format!("{} ", letter(first).unwrap_or(UNSHOWN)).into();
    }
    let is_keycap = rest.contains('\u{20e3}');
    if !rest.contains(varies) || !(is_symbol(first) || is_keycap) {
        return grapheme.into();
    }
    let room = grapheme_width(grapheme).saturating_sub(grapheme_width(&grapheme[..first.len_utf8()]));
    Cow::Owned(format!("{first}{}", " ".repeat(room)))
}

/// As many characters of the beginning of clean text as fit into `width` columns.
pub fn start(text: &str, width: usize) -> &str {
    let mut room = width;
    let mut end = 0;
    for grapheme in text.graphemes(true) {
        let Some(rest) = room.checked_sub(grapheme_width(grapheme)) else { break };
        (room, end) = (rest, end + grapheme.len());
    }
    &text[..end]
}

/// As many characters of the end of clean text as fit into `width` columns.
pub fn end(text: &str, width: usize) -> &str {
    let mut room = width;
    let mut start = text.len();
    for grapheme in text.graphemes(true).rev() {
        let Some(rest) = room.checked_sub(grapheme_width(grapheme)) else { break };
        (room, start) = (rest, start - grapheme.len());
    }
    &text[start..]
}

/// Clean text of at most `width` columns, an ellipsis in the last one where something was cut off.
pub fn fit(text: &str, width: usize) -> String {
    let text = clean(text);
    if columns(&text) <= width {
        return text;
    }
    if width == 0 { String::new() } else { format!("{}…", start(&text, width - 1)) }
}

/// Clean text of at most `width` columns, an ellipsis in the middle where something was cut out: names that differ at their ends.
pub fn fit_middle(text: &str, width: usize) -> String {
    let text = clean(text);
    if columns(&text) <= width || width < 3 {
        return fit(&text, width);
    }
    let end = end(&text, (width - 1) / 2);
    format!("{}…{end}", start(&text, width - 1 - columns(end)))
}

/// Parts with dots between them; where there is no room for all, those of the highest ranks are left out.
pub fn fit_parts(mut parts: Vec<(u32, String)>, width: usize) -> String {
    loop {
        let text = parts.iter().map(|(_, part)| part.as_str()).collect::<Vec<_>>().join(" · ");
        let last = parts.iter().map(|(rank, _)| *rank).max();
        if self::width(&text) <= width || parts.len() < 2 {
            return fit(&text, width);
        }
        parts.retain(|(rank, _)| Some(*rank) != last);
    }
}

/// Clean text of exactly `width` columns, to the left.
pub fn left(text: &str, width: usize) -> String {
    let text = fit(text, width);
    let room = width - columns(&text);
    text + &" ".repeat(room)
}

/// Clean text of exactly `width` columns, to the right.
pub fn right(text: &str, width: usize) -> String {
    let text = fit(text, width);
    " ".repeat(width - columns(&text)) + &text
}

/// Clean text in lines of at most `width` columns, broken between words, and inside of one only where it is longer. A number and
/// its percent sign are one word.
pub fn wrap(text: &str, width: usize) -> Vec<String> {
    let width = width.max(1);
    let mut lines = vec![String::new()];
    for word in clean(text).replace(" %", "\u{a0}%").split_ascii_whitespace() {
        let word = word.replace('\u{a0}', " ");
        let line = lines.last_mut().expect("there is always one");
        let used = columns(line) + usize::from(!line.is_empty());
        let room = width.saturating_sub(used);
        let length = columns(&word);
        let first = match length {
            _ if length <= room => &word[..],
            _ if length > width => start(&word, room),
            _ => "",
        };
        if !first.is_empty() {
            if used > 0 {
                line.push(' ');
            }
            line.push_str(first);
        }
        let mut rest = &word[first.len()..];
        while !rest.is_empty() {
            let fits = start(rest, width);
            // a wide character in a single column
            let part = if fits.is_empty() { rest.graphemes(true).next().unwrap_or(rest) } else { fits };
            match lines.last_mut().filter(|line| line.is_empty()) {
                Some(line) => line.push_str(part),
                None => lines.push(part.to_owned()),
            }
            rest = &rest[part.len()..];
        }
    }
    lines
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Two columns each but the first: accents of their own, Chinese, an emoji, a family, a flag, a keycap, sound marks.
    const WIDE: [&str; 8] = ["u\u{308}", "猫", "🐈", "👨‍👩‍👧", "🇩🇪", "1\u{fe0f}\u{20e3}", "ｶﾞ", "ab"];

    #[test]
    fn cleaned_text_holds_nothing_that_a_terminal_obeys_or_hides() {
        let cases = [
            ("a\x1b[31mred\x1b[0m b", "a␛[31mred␛[0m b"),
            ("\x1b]0;title\x07", "␛]0;title␇"),
            ("x\u{9b}2J\u{202e}y\tz\x7f", "x\u{fffd}2J\u{fffd}y z␡"),
            ("one\r\ntwo", "one  two"),
            ("cat\u{200b}\u{feff}\u{200d}s\u{e0041}", "cat\u{fffd}\u{fffd}\u{fffd}s\u{fffd}"),
        ];
        for (text, expected) in cases {
            assert_eq!(clean(text), expected);
            assert_eq!(clean(&clean(text)), expected, "once is enough");
        }
        assert_eq!(lines("a\tb\r\nc\x1b"), "a b \nc␛");
    }

    #[test]
    fn what_belongs_to_a_script_or_an_emoji_stays() {
        for text in WIDE.into_iter().chain(["می\u{200c}خواهم", "葛\u{e0100}", "Übung", "naïve café"]) {
            assert_eq!((clean(text).as_str(), name(text).as_str()), (text, text));
        }
    }

    #[test]
    fn a_name_shows_what_tells_it_from_another() {
        let cases = [(" a b  ", "␣a b␣␣"), ("a\tb\n", "a␉b␊"), ("  ", "␣␣"), ("", ""), ("\x1b[2J", "␛[2J")];
        for (raw, expected) in cases {
            let name = Name::from(raw);
            assert_eq!((name.to_string().as_str(), &*name, name.raw()), (expected, expected, raw));
            assert!(name == raw && (name != expected || expected == raw), "it is what files have, not what is shown");
            assert_eq!(serde_json::to_value(&name).expect("a string"), raw, "files have it as it is");
        }
        let name = Name::from("猫猫 ");
        assert_eq!(
            [format!("{name:8}|"), format!("{name:.4}|"), format!("{name:2}|")],
            ["猫猫␣   |", "猫…|", "猫猫␣|"]
        );
    }

    #[test]
    fn text_is_measured_in_columns() {
        let widths = WIDE.map(width);
        assert_eq!(widths, [1, 2, 2, 2, 2, 2, 2, 2]);
        assert_eq!(width("a猫u\u{308}🐈"), 6);
    }

    #[test]
    fn what_terminals_draw_in_several_widths_is_drawn_plainly_and_as_wide() {
        for (grapheme, expected) in [
            ("👨‍👩‍👧", "👨"),
            ("🐈‍⬛", "🐈"),
            ("🇩🇪", "D "),
            ("1\u{fe0f}\u{20e3}", "1 "),
            ("❤\u{fe0f}", "❤ "),
            ("👍🏽", "👍"),
            ("猫", "猫"),
            ("u\u{308}", "u\u{308}"),
            ("ｶﾞ", "ｶﾞ"),
            ("क्\u{200d}ष", "क्\u{200d}ष"),
            ("a", "a"),
            ("", ""),
        ] {
            assert_eq!(of_certain_width(grapheme), expected, "{grapheme}");
            assert_eq!(width(expected), width(grapheme), "{grapheme}");
        }
    }

    #[test]
    fn text_is_cut_with_an_ellipsis_and_wrapped_between_words() {
        assert_eq!([fit("abc", 3), fit("abcd", 3), fit("ab", 1), fit("ab", 0)], ["abc", "ab…", "…", ""]);
        assert_eq!([fit("猫猫", 3), fit("猫猫", 2), fit("猫", 1), fit("🐈‍⬛ab", 3)], ["猫…", "…", "…", "🐈‍⬛…"]);
        assert_eq!(["quickstart-s8", "fork-s8", "ab"].map(|text| fit_middle(text, 8)), ["quic…-s8", "fork-s8", "ab"]);
        assert_eq!(fit_middle("猫猫猫猫猫", 8), "猫猫…猫");
        assert_eq!((left("a", 3), right("abcd", 3)), ("a  ".into(), "ab…".into()));
        assert_eq!((left("猫", 3), right("猫", 3), left("猫猫", 2)), ("猫 ".into(), " 猫".into(), "… ".into()));
        assert_eq!(wrap("what ten thousand images add", 10), ["what ten", "thousand", "images add"]);
        assert_eq!(wrap("right 56.5 %, best", 10), ["right", "56.5 %,", "best"]);
        assert_eq!(wrap("see /tmp/a/long/path: full", 10), ["see /tmp/a", "/long/path", ": full"]);
        assert_eq!(wrap("猫猫猫 犬", 4), ["猫猫", "猫", "犬"]);
        assert_eq!(wrap("猫a", 1), ["猫", "a"]);
    }

    #[test]
    fn whatever_is_cut_to_a_width_is_no_wider() {
        for text in WIDE.map(|text| format!("x{text}{text} {text}y")) {
            for room in 0..8 {
                assert!(width(&fit(&text, room)) <= room && width(&fit_middle(&text, room)) <= room, "{text} {room}");
                assert_eq!((width(&left(&text, room)), width(&right(&text, room))), (room, room), "{text} {room}");
                assert!(wrap(&text, room.max(2)).iter().all(|line| width(line) <= room.max(2)), "{text} {room}");
            }
        }
    }
}
