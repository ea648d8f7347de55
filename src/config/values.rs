//! A configuration's values by their dotted keys.

/// Puts the values of a table behind those that were found.
pub(super) fn collect_values(prefix: &str, table: &toml::Table, found: &mut Vec<(String, toml::Value)>) {
    for (key, value) in table {
        match value {
            toml::Value::Table(inner) => collect_values(&format!("{prefix}{key}."), inner, found),
            value => found.push((format!("{prefix}{key}"), value.clone())),
        }
    }
}

/// Puts those that are not the defaults behind those that were found. A table without defaults counts as one value: the names of rankings in the cache depend on it.
pub(super) fn collect_departures(
    prefix: &str,
    table: &toml::Table,
    defaults: &toml::Table,
    found: &mut Vec<(String, toml::Value)>,
) {
    for (key, value) in table {
        let default = defaults.get(key);
        match (value, default) {
            (toml::Value::Table(inner), Some(toml::Value::Table(inner_defaults))) => {
                collect_departures(&format!("{prefix}{key}."), inner, inner_defaults, found);
            }
            _ if default != Some(value) => found.push((format!("{prefix}{key}"), value.clone())),
            _ => {}
        }
    }
}

/// A value as TOML has it, in one line whatever is in it.
pub fn one_line(value: &toml::Value) -> String {
    match value {
        toml::Value::String(text) if text.contains(char::is_control) => {
            let escaped = |c: char| match c {
                '"' | '\\' => format!("\\{c}"),
                '\n' => "\\n".into(),
                c if c.is_control() => format!("\\u{:04x}", u32::from(c)),
                c => c.into(),
            };
            format!("\"{}\"", text.chars().map(escaped).collect::<String>())
        }
        value => value.to_string(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_value_with_control_characters_is_one_line_of_toml_and_the_same_value() {
        for text in ["plain", "it's \"quoted\"", "two\nlines\r\t\u{1b}[31m\u{7f}\u{85} \\ 猫", ""] {
            let line = one_line(&text.into());
            assert!(!line.contains(char::is_control), "{line:?}");
            let table: toml::Table = format!("key = {line}").parse().expect(&line);
            assert_eq!(table["key"].as_str(), Some(text));
        }
    }
}
