//! A colour, as presets write it.

use std::fmt;

use serde::{Deserialize, Serialize};

/// Red, green and blue; in text, `#rrggbb` in hex. Default: black.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Color(pub [u8; 3]);

impl TryFrom<String> for Color {
    type Error = String;

    fn try_from(text: String) -> Result<Self, String> {
        let digits = text.strip_prefix('#').filter(|digits| digits.len() == 6);
        let digits = digits.filter(|digits| digits.bytes().all(|digit| digit.is_ascii_hexdigit()));
        let number = digits.and_then(|digits| u32::from_str_radix(digits, 16).ok());
        let [_, color @ ..] = number.map(u32::to_be_bytes).ok_or_else(|| {
            format!("must be a colour as \"#rrggbb\" in hex, such as \"#000000\" (black) or \"#ffffff\", not {text:?}")
        })?;
        Ok(Self(color))
    }
}

impl From<Color> for String {
    fn from(color: Color) -> Self {
        color.to_string()
    }
}

impl fmt::Display for Color {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let [red, green, blue] = self.0;
        write!(f, "#{red:02x}{green:02x}{blue:02x}")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_color_is_six_hex_digits() {
        let color = Color::try_from("#0080Ff".to_owned()).expect("a colour");
        assert_eq!((color, color.to_string().as_str()), (Color([0, 128, 255]), "#0080ff"));
        for text in ["", "#", "0080ff", "#0080f", "#0080ffa", "#+080ff", "black", "#ü80ff"] {
            assert!(Color::try_from(text.to_owned()).is_err(), "{text}");
        }
    }
}
