//! A frame in few bytes, for slow links: what changed is written colour by colour, so that each colour is named once,
//! and the cursor moves within a row by a count instead of to a place. All else is crossterm's.

use std::fmt::Write as _;
use std::io::{self, Write};

use fixmatch::base::text::of_certain_width;
use ratatui::backend::{Backend, ClearType, CrosstermBackend, WindowSize};
use ratatui::buffer::Cell;
use ratatui::layout::{Position, Size};
use ratatui::style::{Color, Modifier};
use ratatui::text::Span;

/// A terminal at the other end of something that takes bytes.
#[derive(Debug)]
pub struct Link<W: Write>(CrosstermBackend<W>);

/// A cell's place and what stands in it.
type Place<'a> = (u16, u16, &'a str);

/// How a cell looks.
type Look = (Color, Color, Modifier);

/// What begins a control sequence.
const CSI: &str = "\x1b[";

impl<W: Write> Link<W> {
    /// A terminal that is written to through `writer`.
    pub fn new(writer: W) -> Self {
        Self(CrosstermBackend::new(writer))
    }
}

impl<W: Write> Write for Link<W> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        Write::flush(&mut self.0)
    }
}

impl<W: Write> Backend for Link<W> {
    type Error = io::Error;

    fn draw<'a, I: Iterator<Item = (u16, u16, &'a Cell)>>(&mut self, content: I) -> io::Result<()> {
        let mut looks: Vec<(Look, Vec<Place>)> = Vec::new();
        for (x, y, cell) in content {
            let look = (cell.fg, cell.bg, cell.modifier);
            // the last ones first: what is beside each other mostly looks alike
            match looks.iter_mut().rev().find(|(it, _)| *it == look) {
                Some((_, cells)) => cells.push((x, y, cell.symbol())),
                None => looks.push((look, vec![(x, y, cell.symbol())])),
            }
        }
        let mut text = String::new();
        let mut after: Option<(u16, u16)> = None;
        for (look, cells) in &looks {
            write_look(&mut text, *look);
            for &(x, y, symbol) in cells {
                write_move(&mut text, after, (x, y));
                text.push_str(&of_certain_width(symbol));
                // terminals differ in where a picture or a wide character leaves the cursor
                let is_plain = !symbol.contains(char::is_control) && Span::raw(symbol).width() == 1;
                after = is_plain.then_some((x + 1, y));
            }
        }
        if !looks.is_empty() {
            text.push_str("\x1b[m");
        }
        self.0.write_all(text.as_bytes())
    }

    fn append_lines(&mut self, n: u16) -> io::Result<()> {
        self.0.append_lines(n)
    }

    fn hide_cursor(&mut self) -> io::Result<()> {
        self.0.hide_cursor()
    }

    fn show_cursor(&mut self) -> io::Result<()> {
        self.0.show_cursor()
    }

    fn get_cursor_position(&mut self) -> io::Result<Position> {
        self.0.get_cursor_position()
    }

    fn set_cursor_position<P: Into<Position>>(&mut self, position: P) -> io::Result<()> {
        self.0.set_cursor_position(position)
    }

    fn clear(&mut self) -> io::Result<()> {
        self.0.clear()
    }

    fn clear_region(&mut self, region: ClearType) -> io::Result<()> {
        self.0.clear_region(region)
    }

    fn size(&self) -> io::Result<Size> {
        self.0.size()
    }

    fn window_size(&mut self) -> io::Result<WindowSize> {
        self.0.window_size()
    }

    fn flush(&mut self) -> io::Result<()> {
        Backend::flush(&mut self.0)
    }
}

/// Moves the cursor, from where it is known to be.
fn write_move(text: &mut String, after: Option<(u16, u16)>, (x, y): (u16, u16)) {
    let _ = match after {
        Some(at) if at == (x, y) => Ok(()),
        Some((from, row)) if row == y && from + 1 == x => write!(text, "{CSI}C"),
        Some((from, row)) if row == y && from < x => write!(text, "{CSI}{}C", x - from),
        _ => write!(text, "{CSI}{};{}H", y + 1, x + 1),
    };
}

/// Sets colours and attributes (ECMA-48, section 8.3.117).
fn write_look(text: &mut String, (fg, bg, modifier): Look) {
    let _ = write!(text, "{CSI}0");
    let attributes = [
        (Modifier::BOLD, 1),
        (Modifier::DIM, 2),
        (Modifier::ITALIC, 3),
        (Modifier::UNDERLINED, 4),
        (Modifier::SLOW_BLINK, 5),
        (Modifier::RAPID_BLINK, 6),
        (Modifier::REVERSED, 7),
        (Modifier::HIDDEN, 8),
        (Modifier::CROSSED_OUT, 9),
    ];
    for (_, code) in attributes.into_iter().filter(|(attribute, _)| modifier.contains(*attribute)) {
        let _ = write!(text, ";{code}");
    }
    write_color(text, fg, 30);
    write_color(text, bg, 40);
    text.push('m');
}

/// One colour; 30 is the first of the text's and 40 that of the ground's.
fn write_color(text: &mut String, color: Color, first: u8) {
    let of_16 = match color {
        Color::Reset => return,
        Color::Rgb(r, g, b) => {
            let _ = write!(text, ";{};2;{r};{g};{b}", first + 8);
            return;
        }
        Color::Indexed(n) => {
            let _ = write!(text, ";{};5;{n}", first + 8);
            return;
        }
        Color::Black => 0,
        Color::Red => 1,
        Color::Green => 2,
        Color::Yellow => 3,
        Color::Blue => 4,
        Color::Magenta => 5,
        Color::Cyan => 6,
        Color::Gray => 7,
        Color::DarkGray => 60,
        Color::LightRed => 61,
        Color::LightGreen => 62,
        Color::LightYellow => 63,
        Color::LightBlue => 64,
        Color::LightMagenta => 65,
        Color::LightCyan => 66,
        Color::White => 67,
    };
    let _ = write!(text, ";{}", first + of_16);
}

#[cfg(test)]
mod tests {
    use std::cell::RefCell;
    use std::rc::Rc;

    use ratatui::Terminal;
    use ratatui::layout::Rect;
    use ratatui::style::Style;
    use ratatui::{TerminalOptions, Viewport};

    use super::*;

    /// Keeps what is written.
    #[derive(Clone, Default)]
    struct Kept(Rc<RefCell<Vec<u8>>>);

    impl Write for Kept {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            self.0.borrow_mut().write(bytes)
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    #[test]
    fn a_terminal_shows_what_was_drawn_whatever_was_there_before() {
        let colors = [Color::Reset, Color::Cyan, Color::DarkGray, Color::Indexed(172), Color::Rgb(1, 2, 3)];
        let mut parser = vt100::Parser::new(6, 30, 0);
        let viewport = Viewport::Fixed(Rect::new(0, 0, 30, 6));
        let kept = Kept::default();
        let mut terminal =
            Terminal::with_options(Link::new(kept.clone()), TerminalOptions { viewport }).expect("a terminal");
        for round in 0..20_usize {
            let frame = terminal.draw(|frame| {
                for i in 0..180_usize {
                    let at = (i * (round + 7)) % 11;
                    let style = Style::new().fg(colors[(i + round) % 5]).bg(colors[(i / 7 * round) % 5]);
                    let style = if at == 2 { style.add_modifier(Modifier::BOLD) } else { style };
                    let symbol = ["a", "⣿", " ", "│", "τ", "漢"][at % 6];
                    let is_covered = i % 30 > 0 && frame.buffer_mut().content[i - 1].symbol() == "漢";
                    if !is_covered && (symbol != "漢" || i % 30 < 29) {
                        frame.buffer_mut().set_string((i % 30) as u16, (i / 30) as u16, symbol, style);
                    }
                }
            });
            let expected = frame.expect("memory").buffer.clone();
            parser.process(&kept.0.take());
            for (position, cell) in expected.area.positions().zip(&expected.content) {
                let shown = parser.screen().cell(position.y, position.x).expect("inside");
                if shown.is_wide_continuation() {
                    continue;
                }
                let symbol = if shown.has_contents() { shown.contents() } else { " " };
                assert_eq!(symbol, cell.symbol(), "round {round} at {position}");
                assert_eq!(shown.bold(), cell.modifier.contains(Modifier::BOLD), "round {round} at {position}");
                if symbol != " " {
                    assert_eq!(shown.fgcolor(), color(cell.fg), "round {round} at {position}");
                }
                assert_eq!(shown.bgcolor(), color(cell.bg), "round {round} at {position}");
            }
        }
    }

    fn color(color: Color) -> vt100::Color {
        match color {
            Color::Cyan => vt100::Color::Idx(6),
            Color::DarkGray => vt100::Color::Idx(8),
            Color::Indexed(n) => vt100::Color::Idx(n),
            Color::Rgb(r, g, b) => vt100::Color::Rgb(r, g, b),
            _ => vt100::Color::Default,
        }
    }

    #[test]
    fn within_a_row_the_cursor_moves_by_a_count() {
        let moved = |after, to| {
            let mut text = String::new();
            write_move(&mut text, after, to);
            text
        };
        assert_eq!(moved(Some((4, 2)), (4, 2)), "");
        assert_eq!(moved(Some((4, 2)), (5, 2)), "\x1b[C");
        assert_eq!(moved(Some((4, 2)), (9, 2)), "\x1b[5C");
        assert_eq!(moved(Some((4, 2)), (4, 3)), "\x1b[4;5H");
        assert_eq!(moved(None, (0, 0)), "\x1b[1;1H");
    }
}
