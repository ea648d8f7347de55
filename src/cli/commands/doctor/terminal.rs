//! What the terminal can show.

use super::Finding;
use crate::console::glyphs::Glyphs;
use crate::console::theme::Depth;

const AREA: &str = "terminal";

/// The least that the console needs.
const LEAST: (u16, u16) = (80, 24);

pub fn look(is_terminal: bool) -> Vec<Finding> {
    if !is_terminal {
        return vec![Finding::ok(AREA, "this is not shown in one")];
    }
    let size = crossterm::terminal::size().unwrap_or_default();
    judged(|name| std::env::var(name).ok(), size)
}

fn judged(env: impl Fn(&str) -> Option<String>, (width, height): (u16, u16)) -> Vec<Finding> {
    if env("TERM").is_none_or(|term| term == "dumb") {
        let what = "TERM says that it can show nothing but lines: there is no console here";
        return vec![Finding::warning(AREA, what, "set TERM to what it is, such as xterm-256color")];
    }
    let mut found = Vec::new();
    if width < LEAST.0 || height < LEAST.1 {
        let what = format!("it has {width}×{height} characters, the console needs {}×{}", LEAST.0, LEAST.1);
        found.push(Finding::warning(AREA, what, "make it larger"));
    }
    if Glyphs::detect(&env) == Glyphs::Ascii {
        let mend = "set LANG to a UTF-8 locale such as C.UTF-8; ssh sends it with `SendEnv LANG`";
        found.push(Finding::warning(AREA, "without a UTF-8 locale, charts are drawn in ASCII", mend));
    }
    let colors = match Depth::detect(&env) {
        Depth::Mono => "no colours (NO_COLOR)",
        Depth::Ansi => "16 colours",
        Depth::Indexed => "256 colours",
        Depth::True => "all colours",
    };
    found.push(Finding::ok(AREA, format!("{width}×{height} characters, {colors}")));
    found
}

#[cfg(test)]
mod tests {
    use super::super::Verdict;
    use super::*;

    #[test]
    fn a_terminal_is_judged_by_its_size_its_locale_and_its_kind() {
        let of = |term: &'static str, lang: &'static str, size| {
            let env = |name: &str| match name {
                "TERM" => Some(term.to_owned()),
                "LANG" => Some(lang.to_owned()),
                _ => None,
            };
            judged(env, size).iter().filter(|it| it.verdict == Verdict::Warning).count()
        };
        assert_eq!(of("xterm-256color", "C.UTF-8", (80, 24)), 0);
        assert_eq!(of("xterm-256color", "C", (79, 24)), 2);
        assert_eq!(of("dumb", "C.UTF-8", (80, 24)), 1);
    }
}
