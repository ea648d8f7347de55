//! Colours: what each one means, in as many as the terminal has.
//!
//! A view names a role, never a colour. Backgrounds are the terminal's own, and every colour is a middle tone, so that
//! dark and light terminals both work. `NO_COLOR` leaves bold, dim and underlined, and marks that are characters.

use fixmatch::run::state::Status;
use ratatui::style::{Color, Modifier, Style};

/// How many colours there are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Depth {
    /// None (`NO_COLOR`).
    Mono,
    /// The sixteen of every terminal.
    Ansi,
    /// 256.
    Indexed,
    /// 24 bits.
    True,
}

impl Depth {
    /// What the environment says of the terminal.
    pub fn detect(env: impl Fn(&str) -> Option<String>) -> Self {
        let term = env("TERM").unwrap_or_default();
        let color_term = env("COLORTERM").unwrap_or_default();
        if env("NO_COLOR").is_some_and(|value| !value.is_empty()) {
            Self::Mono
        } else if matches!(color_term.as_str(), "truecolor" | "24bit") || term.ends_with("-direct") {
            Self::True
        } else if term.contains("256color") || ["kitty", "alacritty", "ghostty"].iter().any(|name| term.contains(name))
        {
            Self::Indexed
        } else {
            Self::Ansi
        }
    }
}

/// The colours of a screen.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Theme {
    /// How many there are.
    pub depth: Depth,
}

impl Theme {
    /// Ordinary text.
    #[expect(clippy::unused_self, reason = "a role like the others")]
    pub fn text(self) -> Style {
        Style::new()
    }

    /// What matters less: heads, units, rules.
    pub fn faint(self) -> Style {
        match self.depth {
            Depth::Mono => Style::new().add_modifier(Modifier::DIM),
            Depth::Ansi => self.color(Color::DarkGray, 0),
            Depth::Indexed | Depth::True => self.color(Color::DarkGray, 244),
        }
    }

    /// What stands out: titles and current values.
    #[expect(clippy::unused_self, reason = "a role like the others")]
    pub fn strong(self) -> Style {
        Style::new().add_modifier(Modifier::BOLD)
    }

    /// What has the focus, and keys.
    pub fn accent(self) -> Style {
        self.color(Color::Cyan, 37)
    }

    /// The row under the cursor; it has a mark as well.
    pub fn selected(self) -> Style {
        self.accent().add_modifier(Modifier::BOLD)
    }

    /// What departs from the default.
    pub fn changed(self) -> Style {
        self.color(Color::Yellow, 172)
    }

    /// What went wrong.
    pub fn error(self) -> Style {
        self.color(Color::Red, 167)
    }

    /// What went well.
    pub fn good(self) -> Style {
        self.color(Color::Green, 71)
    }

    /// The colour of a run's status.
    pub fn status(self, status: Status) -> Style {
        match status {
            Status::Starting => self.accent(),
            Status::Running => self.good(),
            Status::Paused | Status::Suspended => self.changed(),
            Status::NotResponding | Status::Failed | Status::Lost => self.error(),
            Status::Finished => self.color(Color::Blue, 68),
            Status::Stopped => self.faint(),
        }
    }

    /// The colour of a chart's nth curve.
    pub fn curve(self, n: usize) -> Style {
        match n % 6 {
            0 => self.color(Color::Cyan, 37),
            1 => self.color(Color::Yellow, 172),
            2 => self.color(Color::Magenta, 133),
            3 => self.color(Color::Green, 71),
            4 => self.color(Color::Blue, 68),
            _ => self.color(Color::Red, 167),
        }
    }

    fn color(self, ansi: Color, indexed: u8) -> Style {
        match self.depth {
            Depth::Mono => Style::new(),
            Depth::Ansi => Style::new().fg(ansi),
            Depth::Indexed | Depth::True => Style::new().fg(Color::Indexed(indexed)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_environment_says_how_many_colours_there_are() {
        let cases: [(&[(&str, &str)], Depth); 6] = [
            (&[("TERM", "xterm-256color"), ("COLORTERM", "truecolor")], Depth::True),
            (&[("TERM", "tmux-256color")], Depth::Indexed),
            (&[("TERM", "linux")], Depth::Ansi),
            (&[("TERM", "xterm-256color"), ("NO_COLOR", "1")], Depth::Mono),
            (&[("TERM", "xterm-256color"), ("NO_COLOR", "")], Depth::Indexed),
            (&[], Depth::Ansi),
        ];
        for (variables, expected) in cases {
            let env = |name: &str| variables.iter().find(|(key, _)| *key == name).map(|(_, value)| (*value).to_owned());
            assert_eq!(Depth::detect(env), expected, "{variables:?}");
        }
    }

    #[test]
    fn without_colours_no_style_has_one() {
        let theme = Theme { depth: Depth::Mono };
        for style in [theme.faint(), theme.accent(), theme.error(), theme.status(Status::Running), theme.curve(2)] {
            assert_eq!((style.fg, style.bg), (None, None));
        }
    }
}
