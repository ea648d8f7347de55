//! Text from outside, made fit for the screen: no control characters, no more than its room, found by a few letters.

/// Text that cannot steer a terminal: control characters and marks that reorder text become a replacement, and what
/// follows an escape up to its end is left out.
pub fn clean(text: &str) -> String {
    let mut cleaned = String::with_capacity(text.len());
    let mut chars = text.chars().peekable();
    while let Some(c) = chars.next() {
        match c {
            '\x1b' if chars.next_if_eq(&'[').is_some() => {
                let _ = chars.by_ref().find(|c| ('@'..='~').contains(c));
            }
            '\t' | '\n' | '\r' => cleaned.push(' '),
            '\u{200e}' | '\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}' => cleaned.push('\u{fffd}'),
            c if c.is_control() => cleaned.push('\u{fffd}'),
            c => cleaned.push(c),
        }
    }
    cleaned
}

/// At most `width` characters, the last one an ellipsis where something was cut off.
pub fn fit(text: &str, width: usize) -> String {
    if text.chars().count() <= width {
        return text.to_owned();
    }
    let mut cut: String = text.chars().take(width.saturating_sub(1)).collect();
    if width > 0 {
        cut.push('…');
    }
    cut
}

/// At most `width` characters, an ellipsis in the middle where something was cut out: names that differ at their ends.
pub fn fit_middle(text: &str, width: usize) -> String {
    let n = text.chars().count();
    if n <= width || width < 3 {
        return fit(text, width);
    }
    let end: String = text.chars().skip(n - (width - 1) / 2).collect();
    fit(text, width - (width - 1) / 2) + &end
}

/// Parts with dots between them; where there is no room for all, those of the highest ranks are left out.
pub fn fit_parts(mut parts: Vec<(u32, String)>, width: usize) -> String {
    loop {
        let text = parts.iter().map(|(_, part)| part.as_str()).collect::<Vec<_>>().join(" · ");
        let last = parts.iter().map(|(rank, _)| *rank).max();
        if text.chars().count() <= width || parts.len() < 2 {
            return fit(&text, width);
        }
        parts.retain(|(rank, _)| Some(*rank) != last);
    }
}

/// Exactly `width` characters, to the left.
pub fn left(text: &str, width: usize) -> String {
    format!("{:<width$}", fit(text, width))
}

/// Exactly `width` characters, to the right.
pub fn right(text: &str, width: usize) -> String {
    format!("{:>width$}", fit(text, width))
}

/// Text in lines of at most `width` characters, broken between words, and inside of one only where it is longer. A number
/// and its percent sign are one word.
pub fn wrap(text: &str, width: usize) -> Vec<String> {
    let width = width.max(1);
    let mut lines = vec![String::new()];
    for word in text.replace(" %", "\u{a0}%").split_ascii_whitespace() {
        let mut letters: Vec<char> = word.chars().map(|c| if c == '\u{a0}' { ' ' } else { c }).collect();
        let line = lines.last_mut().expect("there is always one");
        let used = line.chars().count() + usize::from(!line.is_empty());
        let fits = if letters.len() > width { width.saturating_sub(used) } else { letters.len() };
        if used + fits <= width && fits > 0 {
            if used > 0 {
                line.push(' ');
            }
            line.extend(letters.drain(..fits));
        }
        lines.extend(letters.chunks(width).map(|part| part.iter().collect::<String>()));
    }
    lines
}

/// How well `text` holds the letters of `wanted` in their order, whatever their case; None if it does not. Letters that
/// follow each other or begin a word count more.
pub fn fuzzy(wanted: &str, text: &str) -> Option<u32> {
    let text: Vec<char> = text.chars().flat_map(char::to_lowercase).collect();
    let (mut score, mut next) = (0, 0);
    for letter in wanted.chars().flat_map(char::to_lowercase).filter(|c| !c.is_whitespace()) {
        let place = next + text[next..].iter().position(|&c| c == letter)?;
        let begins_word = place == 0 || !text[place - 1].is_alphanumeric();
        let follows = place == next && next > 0;
        score += 1 + 2 * u32::from(follows) + 2 * u32::from(begins_word);
        next = place + 1;
    }
    Some(score)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn cleaned_text_holds_no_escape_and_no_control_character() {
        assert_eq!(clean("a\x1b[31mred\x1b[0m b"), "ared b");
        assert_eq!(clean("\x1b]0;title\x07"), "\u{fffd}]0;title\u{fffd}");
        assert_eq!(clean("x\u{9b}2J\u{202e}y\tz"), "x\u{fffd}2J\u{fffd}y z");
        assert_eq!(clean("\x1b["), "");
    }

    #[test]
    fn text_is_cut_with_an_ellipsis_and_wrapped_between_words() {
        assert_eq!([fit("abc", 3), fit("abcd", 3), fit("ab", 1), fit("ab", 0)], ["abc", "ab…", "…", ""]);
        assert_eq!(["quickstart-s8", "fork-s8", "ab"].map(|text| fit_middle(text, 8)), ["quic…-s8", "fork-s8", "ab"]);
        assert_eq!((left("a", 3), right("abcd", 3)), ("a  ".into(), "ab…".into()));
        assert_eq!(wrap("what ten thousand images add", 10), ["what ten", "thousand", "images add"]);
        assert_eq!(wrap("right 56.5 %, best", 10), ["right", "56.5 %,", "best"]);
        assert_eq!(wrap("see /tmp/a/long/path: full", 10), ["see /tmp/a", "/long/path", ": full"]);
    }

    #[test]
    fn a_few_letters_in_order_find_a_name_and_the_closer_one_first() {
        assert!(fuzzy("qs", "quickstart").is_some());
        assert!(fuzzy("c4", "paper/cifar10-4000") > fuzzy("c4", "slides/labels-c-x4"));
        assert_eq!(fuzzy("xyz", "quickstart"), None);
        assert_eq!(fuzzy("", "quickstart"), Some(0));
    }
}
