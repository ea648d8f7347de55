//! What somebody may have meant who mistyped a name.

/// The names that a word comes closest to, if it comes close: one typing error (a letter too many, too few, another one or
/// two swapped) for every four letters, and at least one.
pub fn closest<'a>(word: &str, names: impl IntoIterator<Item = &'a str>) -> Vec<&'a str> {
    let allowed = (word.chars().count() / 4).max(1);
    let distances = names.into_iter().map(|name| (strsim::osa_distance(word, name), name));
    let mut close: Vec<_> =
        distances.filter(|(distance, name)| *distance <= allowed && *distance < name.len()).collect();
    let least = close.iter().map(|(distance, _)| *distance).min();
    close.retain(|(distance, _)| Some(*distance) == least);
    close.into_iter().map(|(_, name)| name).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_names_that_differ_little_are_meant() {
        let names = ["lr", "steps", "window", "threshold", "batch"];
        for (word, expected) in [
            ("step", vec!["steps"]),
            ("treshhold", vec!["threshold"]),
            ("wnidow", vec!["window"]),
            ("lrr", vec!["lr"]),
            ("x", vec![]),
            ("momentum", vec![]),
        ] {
            assert_eq!(closest(word, names), expected, "{word}");
        }
    }
}
