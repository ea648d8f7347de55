//! The only way to standard output and standard error: nothing leaves here that steers a terminal.
//!
//! What is printed holds names, paths, reasons and file excerpts that others wrote. So every line passes through
//! [`text::lines`] on its way out, whoever printed it and whatever it holds. JSON keeps its exact values: there the same
//! characters are written as JSON's escapes. clippy refuses `println!`, `stdout()` and their like elsewhere (`clippy.toml`).

#![expect(clippy::disallowed_methods, reason = "this is the one place that may")]

use std::fmt::{Display, Write as _};
use std::io::{self, IsTerminal as _, Write as _};

use anyhow::Result;
use serde::Serialize;

use crate::base::text;

/// Prints a line of the result, or several.
pub fn say(line: impl Display) -> Result<()> {
    print(&text::lines(&line.to_string()))
}

/// Prints a line about what happens on the way; a closed stderr is no reason to end.
pub fn note(line: impl Display) {
    let _ = writeln!(io::stderr(), "{}", text::lines(&line.to_string()));
}

/// Prints a value as JSON over several lines.
pub fn say_json(value: &impl Serialize) -> Result<()> {
    say_json_text(&serde_json::to_string_pretty(value).expect("the value has only JSON's types"))
}

/// Prints a value as JSON on one line.
pub fn say_json_line(value: &impl Serialize) -> Result<()> {
    say_json_text(&serde_json::to_string(value).expect("the value has only JSON's types"))
}

/// Prints JSON, of the same value.
pub fn say_json_text(json: &str) -> Result<()> {
    print(&escaped(json))
}

/// Writes bytes that are for another program: an image, a script for a shell.
pub fn write_raw(bytes: &[u8]) -> Result<()> {
    let mut out = io::stdout();
    out.write_all(bytes)?;
    Ok(out.flush()?)
}

/// Whether results go to a terminal.
pub fn is_terminal() -> bool {
    io::stdout().is_terminal()
}

/// Whether what happens on the way goes to a terminal.
pub fn notes_are_on_terminal() -> bool {
    io::stderr().is_terminal()
}

/// How wide the terminal is to which that goes.
pub fn columns_of_notes() -> Option<usize> {
    rustix::termios::tcgetwinsize(io::stderr()).ok().map(|size| usize::from(size.ws_col))
}

fn print(text: &str) -> Result<()> {
    let mut out = io::stdout();
    writeln!(out, "{text}")?;
    Ok(out.flush()?)
}

/// JSON in which what a terminal would obey or hide is written as an escape; such characters stand only in its strings.
fn escaped(json: &str) -> String {
    let mut text = String::with_capacity(json.len());
    let mut before = None;
    for c in json.chars() {
        match c {
            '\n' => text.push('\n'),
            '\t' | '\r' => text.push(' '),
            c if text::is_unshown(c, before) => {
                for unit in c.encode_utf16(&mut [0; 2]) {
                    let _ = write!(text, "\\u{unit:04x}");
                }
            }
            c => text.push(c),
        }
        before = Some(c);
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn json_keeps_its_values_and_holds_no_control_character() {
        let value = "a\x1b\u{9b}\x7f\u{202e}\u{e0041}\t\"\\👨‍👩‍👧";
        let json = escaped(&serde_json::to_string(value).expect("a string"));
        assert_eq!(serde_json::from_str::<String>(&json).expect("JSON"), value);
        assert!(!json.contains(|c| text::is_unshown(c, Some('猫'))), "{json}");
        assert!(json.contains("\\u009b\\u007f\\u202e\\udb40\\udc41"), "{json}");
    }
}
