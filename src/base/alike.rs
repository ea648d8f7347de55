//! What somebody may have meant who mistyped a name.

/// The names that a word comes closest to, if it comes close: one typing error (a letter too many, too few, another one or
/// two swapped) for every four letters, and at least one. Else those that begin with it.
pub fn closest<'a>(word: &str, names: impl IntoIterator<Item = &'a str>) -> Vec<&'a str> {
    closest_by(word, names.into_iter().map(|name| (name, name)))
}

/// What goes by the names that a word comes closest to, each once.
pub fn closest_by<'a, T: PartialEq>(word: &str, named: impl IntoIterator<Item = (&'a str, T)>) -> Vec<T> {
    /// Shorter words begin too many names.
    const SHORTEST_START: usize = 3;
    let n_letters = word.chars().count();
    let allowed = (n_letters / 4).max(1);
    let mut close = Vec::new();
    for (name, it) in named {
        let distance = strsim::osa_distance(word, name);
        if distance <= allowed && distance < name.chars().count() {
            close.push((distance, it));
        } else if n_letters >= SHORTEST_START && name.starts_with(word) {
            close.push((usize::MAX, it));
        }
    }
    let least = close.iter().map(|(distance, _)| *distance).min();
    let mut found = Vec::new();
    for (distance, it) in close {
        if Some(distance) == least && !found.contains(&it) {
            found.push(it);
        }
    }
    found
}

/// The names whose last part comes closest to a word, if it comes close.
pub fn with_last<'a>(names: &[&'a str], separator: char, word: &str) -> Vec<&'a str> {
    closest_by(word, names.iter().map(|&name| (name.rsplit(separator).next().unwrap_or(name), name)))
}

/// `did you mean steps? ` for a word that comes close to one or a few names, to be put before what else there is to say; else
/// nothing.
pub fn did_you_mean<'a>(word: &str, names: impl IntoIterator<Item = &'a str>) -> String {
    asked(&closest(word, names))
}

/// The same of names that are close by another measure, the likeliest first.
pub fn asked(close: &[impl AsRef<str>]) -> String {
    const MOST: usize = 3;
    match close.len() {
        0 => String::new(),
        n => {
            let names: Vec<_> = close[..n.min(MOST)].iter().map(AsRef::as_ref).collect();
            format!("did you mean {}? ", names.join(" or "))
        }
    }
}

/// The same to be put behind what else there is to say: `; did you mean steps?`
pub fn asked_behind(close: &[impl AsRef<str>]) -> String {
    if close.is_empty() { String::new() } else { format!("; {}", asked(close).trim_end()) }
}

/// The key that a parser does not know, by the words of its error.
pub fn unknown_key(error: &str) -> Option<&str> {
    error.split_once("unknown field `").and_then(|(_, rest)| rest.split_once('`')).map(|(key, _)| key)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_names_that_differ_little_are_meant_or_begin_alike() {
        let names = ["lr", "steps", "window", "threshold", "batch"];
        for (word, expected) in [
            ("step", vec!["steps"]),
            ("treshhold", vec!["threshold"]),
            ("wnidow", vec!["window"]),
            ("lrr", vec!["lr"]),
            ("thre", vec!["threshold"]),
            ("wi", vec![]),
            ("x", vec![]),
            ("momentum", vec![]),
            ("", vec![]),
        ] {
            assert_eq!(closest(word, names), expected, "{word}");
        }
    }

    #[test]
    fn a_question_names_at_most_three() {
        let names = ["s1", "s2", "s3", "s4"];
        assert_eq!(did_you_mean("s", names), "did you mean s1 or s2 or s3? ");
        assert_eq!(did_you_mean("runs", names), "");
    }
}
