//! Characters that stand for amounts, in braille, in blocks, and in plain ASCII.
//!
//! Views write whatever characters say it best. For a terminal without UTF-8, [`to_ascii`] goes over the finished screen
//! and puts a plain character in the place of every other one, so that no view need think of it.

use clap::ValueEnum;
use ratatui::buffer::Buffer;

/// Which characters the terminal can show.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum, serde::Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Glyphs {
    /// Letters and signs only
    Ascii,
    /// Half blocks, which every font has
    Block,
    /// Eight dots a cell
    Braille,
}

impl Glyphs {
    /// Braille where the locale is UTF-8, else ASCII: ssh often loses the locale. Also ASCII where the font is a text
    /// console's or a hardware terminal's, which has neither dots nor most signs, whatever the locale.
    pub fn detect(env: impl Fn(&str) -> Option<String>) -> Self {
        let set = |name: &str| env(name).filter(|value| !value.is_empty());
        if has_small_font(&set("TERM").unwrap_or_default()) {
            return Self::Ascii;
        }
        let locale = set("LC_ALL").or_else(|| set("LC_CTYPE")).or_else(|| set("LANG")).unwrap_or_default();
        let locale = locale.to_ascii_lowercase();
        if locale.contains("utf-8") || locale.contains("utf8") { Self::Braille } else { Self::Ascii }
    }

    /// A bar of `width` characters, filled to `share`.
    pub fn bar(self, share: f64, width: usize) -> (String, String) {
        let n_halves = (share.clamp(0.0, 1.0) * 2.0 * width as f64).floor() as usize;
        let (full, half, empty) = match self {
            Self::Ascii => ('#', "", '-'),
            Self::Block | Self::Braille => ('━', "╸", '─'),
        };
        let half = if n_halves % 2 == 1 { half } else { "" };
        let done: String = std::iter::repeat_n(full, n_halves / 2).chain(half.chars()).collect();
        let rest = width - done.chars().count();
        (done, std::iter::repeat_n(empty, rest).collect())
    }

    /// A line of small columns between the lowest and the highest value; a blank where there is none.
    pub fn sparkline(self, values: &[Option<f64>]) -> String {
        let numbers = || values.iter().copied().flatten();
        let (low, high) = numbers().fold((f64::MAX, f64::MIN), |(low, high), x| (x.min(low), x.max(high)));
        let ramp: &[char] = match self {
            Self::Ascii => &['_', '.', '-', '=', '*', '#'],
            Self::Block | Self::Braille => &['▁', '▂', '▃', '▄', '▅', '▆', '▇', '█'],
        };
        let column = |value: &Option<f64>| {
            let Some(value) = value else { return ' ' };
            let share = if high > low { (value - low) / (high - low) } else { 0.5 };
            ramp[((share * ramp.len() as f64) as usize).min(ramp.len() - 1)]
        };
        values.iter().map(column).collect()
    }
}

/// Whether a terminal of this name has no more than the letters and signs of its own font: `linux`, `vt100`, `dumb`. The
/// name may say more behind a dash (`linux-16color`); `vte-256color` is another one.
fn has_small_font(term: &str) -> bool {
    let name = term.split('-').next().unwrap_or_default();
    let is_vt = name.strip_prefix("vt").is_some_and(|model| model.starts_with(|c: char| c.is_ascii_digit()));
    is_vt || matches!(name, "linux" | "dumb" | "unknown" | "ansi" | "cons25" | "sun" | "wsvt25" | "hurd" | "bterm")
}

/// Replaces every character of a screen that is not ASCII.
pub fn to_ascii(buffer: &mut Buffer) {
    for cell in &mut buffer.content {
        if !cell.symbol().is_ascii() {
            let plain = cell.symbol().chars().next().map_or(' ', plain);
            cell.set_char(plain);
        }
    }
}

fn plain(c: char) -> char {
    match c {
        '─' | '━' | '–' | '╸' | '┄' | '−' => '-',
        '│' | '┃' | '┆' | '┊' => '|',
        '┌' | '┐' | '└' | '┘' | '├' | '┤' | '╭' | '╮' | '╰' | '╯' | '┼' => '+',
        '▸' | '›' | '→' | '↳' => '>',
        '←' | '‹' => '<',
        '↑' => '^',
        '↓' => 'v',
        '●' | '•' | '★' | '✓' => '*',
        '○' => 'o',
        '·' | '…' | '⋅' => '.',
        '×' | '✗' => 'x',
        '█' | '▀' | '▄' | '■' => '#',
        '◉' => '@',
        'τ' => 't',
        'λ' => 'l',
        'μ' => 'u',
        '⚑' => '!',
        '±' => '~',
        _ => '?',
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_bar_is_as_wide_as_it_should_be_and_filled_by_halves() {
        let bar = |share| {
            let (done, rest) = Glyphs::Braille.bar(share, 4);
            done + &rest
        };
        assert_eq!([bar(0.0), bar(0.5), bar(0.65), bar(1.0)], ["────", "━━──", "━━╸─", "━━━━"]);
        assert_eq!(Glyphs::Ascii.bar(0.65, 4), ("##".into(), "--".into()));
    }

    #[test]
    fn a_sparkline_spans_from_the_lowest_to_the_highest() {
        assert_eq!(Glyphs::Block.sparkline(&[Some(1.0), None, Some(2.0), Some(3.0)]), "▁ ▅█");
        assert_eq!(Glyphs::Ascii.sparkline(&[Some(0.0), Some(9.0)]), "_#");
        assert_eq!(Glyphs::Braille.sparkline(&[Some(7.0)]), "▅");
    }

    #[test]
    fn a_locale_without_utf_8_gets_ascii() {
        let detect = |name: &'static str, value: &'static str| {
            Glyphs::detect(|wanted| (wanted == name).then(|| value.to_owned()))
        };
        assert_eq!(detect("LANG", "en_US.UTF-8"), Glyphs::Braille);
        assert_eq!(detect("LC_ALL", "C"), Glyphs::Ascii);
        assert_eq!(detect("LANG", "C.utf8"), Glyphs::Braille);
        assert_eq!(detect("HOME", "/"), Glyphs::Ascii);
    }

    #[test]
    fn a_terminal_with_a_small_font_gets_ascii_whatever_the_locale() {
        let detect = |term: &str| {
            Glyphs::detect(|name| match name {
                "TERM" => Some(term.to_owned()),
                "LANG" => Some("C.UTF-8".into()),
                _ => None,
            })
        };
        for term in ["linux", "linux-16color", "vt100", "vt220", "vt52", "dumb", "ansi"] {
            assert_eq!(detect(term), Glyphs::Ascii, "{term}");
        }
        for term in ["xterm-256color", "vte-256color", "tmux-256color", "screen", "xterm-kitty", "st", "foot"] {
            assert_eq!(detect(term), Glyphs::Braille, "{term}");
        }
    }
}
