//! Text on the screen: fitted to its room ([`fixmatch::base::text`]), and found by a few letters.

pub use fixmatch::base::text::{clean, fit, fit_middle, fit_parts, left, right, width, wrap};

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
    fn a_few_letters_in_order_find_a_name_and_the_closer_one_first() {
        assert!(fuzzy("qs", "quickstart").is_some());
        assert!(fuzzy("c4", "paper/cifar10-4000") > fuzzy("c4", "slides/labels-c-x4"));
        assert_eq!(fuzzy("xyz", "quickstart"), None);
        assert_eq!(fuzzy("", "quickstart"), Some(0));
    }
}
