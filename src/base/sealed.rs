//! Seals: checksums that files carry inside, so that a bit that flips, a cut and an edit show to whoever reads them.
//!
//! A JSON object has its seal as the last key, a TOML file in its first line, a comment. What older versions wrote has
//! none, and is taken as it is. A seal is against accidents: whoever wants to can compute another one.

use anyhow::{Result, ensure};
use serde::de::DeserializeOwned;

/// How the first line of a sealed TOML file begins.
const COMMENT: &str = "# seal ";

/// What stands before the eight digits of an object's seal, and after them.
const BEFORE: &[u8] = br#""seal":""#;
const AFTER: &[u8] = br#""}"#;

/// A checksum in hex: eight digits.
const DIGITS: usize = 8;

/// What a seal says of a text.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Seal {
    /// It is as it was written.
    Intact,
    /// It is not.
    Broken,
    /// There is none.
    Absent,
}

/// What is said of something whose seal is broken.
pub const BROKEN: &str = "it was damaged or edited: its seal does not match";

/// The checksum of bytes that follow those of `before`.
pub fn sum(before: u32, bytes: &[u8]) -> u32 {
    crc32c::crc32c_append(before, bytes)
}

/// A JSON object with its seal.
pub fn json(mut object: Vec<u8>) -> Vec<u8> {
    let end = object.pop();
    debug_assert_eq!(end, Some(b'}'), "an object");
    if !object.ends_with(b"{") {
        object.push(b',');
    }
    object.extend_from_slice(BEFORE);
    let digits = format!("{:08x}", sum(0, &object));
    object.extend_from_slice(digits.as_bytes());
    object.extend_from_slice(AFTER);
    object
}

/// What the seal of a JSON object says.
pub fn of_json(text: &[u8]) -> Seal {
    let parts = || {
        let rest = text.trim_ascii_end().strip_suffix(AFTER)?;
        let (sealed, digits) = rest.split_at(rest.len().checked_sub(DIGITS)?);
        sealed.ends_with(BEFORE).then_some((sealed, digits))
    };
    parts().map_or(Seal::Absent, |(sealed, digits)| compare(sealed, digits))
}

/// Reads what is in a JSON object.
///
/// # Errors
/// If it is none, or its seal is broken.
pub fn read_json<T: DeserializeOwned>(text: &[u8]) -> Result<T> {
    let value = serde_json::from_slice(text)?;
    ensure!(of_json(text) != Seal::Broken, "{BROKEN}");
    Ok(value)
}

/// A TOML file with its seal.
pub fn toml(text: &str) -> String {
    format!(
        "{COMMENT}{:08x}: fixmatch checks with it whether the rest is as it was written\n{text}",
        sum(0, text.as_bytes())
    )
}

/// What the seal of a TOML file says.
pub fn of_toml(text: &str) -> Seal {
    toml_parts(text).map_or(Seal::Absent, |(digits, sealed)| compare(sealed.as_bytes(), digits.as_bytes()))
}

/// A TOML file without its seal.
pub fn without_toml(text: &str) -> &str {
    toml_parts(text).map_or(text, |(_, sealed)| sealed)
}

fn toml_parts(text: &str) -> Option<(&str, &str)> {
    let (digits, rest) = text.strip_prefix(COMMENT)?.split_at_checked(DIGITS)?;
    Some((digits, rest.split_once('\n')?.1))
}

fn compare(sealed: &[u8], digits: &[u8]) -> Seal {
    if digits == format!("{:08x}", sum(0, sealed)).as_bytes() { Seal::Intact } else { Seal::Broken }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::*;

    /// Every change of one bit, and every cut.
    fn damaged(whole: &[u8]) -> impl Iterator<Item = Vec<u8>> {
        let flip = |(place, bit): (usize, u8)| {
            let mut text = whole.to_vec();
            text[place] ^= 1 << bit;
            text
        };
        let flips = (0..whole.len()).flat_map(|place| (0..8).map(move |bit| (place, bit))).map(flip);
        flips.chain((0..whole.len()).map(|n| whole[..n].to_vec()))
    }

    #[test]
    fn a_sealed_object_says_the_same_or_that_it_is_damaged() {
        type Values = BTreeMap<String, serde_json::Value>;
        for object in [r#"{"indices":[3,14,15],"picked":"x"}"#, "{}"] {
            let before: Values = serde_json::from_str(object).expect("an object");
            let sealed = json(object.as_bytes().to_vec());
            assert_eq!(of_json(&sealed), Seal::Intact);
            for text in damaged(&sealed) {
                let Ok(mut after) = read_json::<Values>(&text) else { continue };
                after.retain(|key, _| before.contains_key(key));
                assert_eq!(after, before, "{}", String::from_utf8_lossy(&text));
            }
        }
    }

    #[test]
    fn a_sealed_file_of_toml_says_the_same_or_that_it_is_damaged() {
        let text = "[a]\nb = 1\n# c\n";
        let sealed = toml(text);
        assert_eq!(of_toml(&sealed), Seal::Intact);
        let value: toml::Table = sealed.parse().expect("TOML");
        for text in damaged(sealed.as_bytes()).filter_map(|text| String::from_utf8(text).ok()) {
            let is_told = of_toml(&text) == Seal::Broken || text.parse::<toml::Table>().is_err();
            // cut behind its first line, or in it: no run
            assert!(is_told || text.len() < 100 || text.parse::<toml::Table>() == Ok(value.clone()), "{text:?}");
        }
    }

    #[test]
    fn what_has_no_seal_is_read_as_it_is() {
        assert_eq!((of_json(br#"{"a":1}"#), of_toml("a = 1\n")), (Seal::Absent, Seal::Absent));
        assert_eq!(read_json::<BTreeMap<String, u8>>(br#"{"a":1}"#).expect("reads").len(), 1);
    }
}
