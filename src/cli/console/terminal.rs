//! The terminal: taken over on the way in, given back on every way out.
//!
//! Each step of giving back is tried, whatever became of the one before. A frame is one write inside of a synchronized
//! update, so that no terminal shows half of it.

use std::io::{self, Stdout, Write};

use anyhow::{Context as _, Result};
use crossterm::event::{DisableBracketedPaste, EnableBracketedPaste};
use crossterm::terminal::{
    BeginSynchronizedUpdate, EndSynchronizedUpdate, EnterAlternateScreen, LeaveAlternateScreen, disable_raw_mode,
    enable_raw_mode,
};
use crossterm::{clipboard::CopyToClipboard, cursor, execute, queue};
use ratatui::layout::Rect;

use super::app::App;
use super::link::Link;
use super::views;

/// A frame is collected here and written at once.
type Frame = io::BufWriter<Stdout>;

/// Room for the first frame of a large terminal.
const FRAME_BYTES: usize = 64 * 1024;

/// Clicks and turns of the wheel (1000) in numbers of any size (1006). crossterm's own command asks for every move of the
/// mouse as well, which a slow link would feel.
const TAKE_MOUSE: &[u8] = b"\x1b[?1000h\x1b[?1006h";
const GIVE_MOUSE: &[u8] = b"\x1b[?1006l\x1b[?1000l";

/// Where the console draws. What it draws of names and texts was cleaned when it was put into the frame.
#[expect(clippy::disallowed_methods, reason = "the console draws by escape sequences")]
fn tty() -> Stdout {
    io::stdout()
}

/// A terminal that shows the console until this is dropped.
pub struct TakenTerminal {
    terminal: ratatui::Terminal<Link<Frame>>,
    has_mouse: bool,
}

impl TakenTerminal {
    /// Takes the terminal over.
    pub fn open() -> Result<Self> {
        give_back_on_panic();
        take_over().context("cannot take over the terminal")?;
        let backend = Link::new(io::BufWriter::with_capacity(FRAME_BYTES, tty()));
        let terminal = ratatui::Terminal::new(backend).context("cannot tell the terminal's size")?;
        Ok(Self { terminal, has_mouse: false })
    }

    /// Draws what has changed.
    pub fn draw(&mut self, app: &mut App) -> io::Result<()> {
        draw(&mut self.terminal, app)
    }

    /// Draws all of it next time. Nothing is asked of the terminal: `Terminal::clear` would wait for it to say where the
    /// cursor is, and over a slow link that answer comes too late or never.
    pub fn clear(&mut self) -> io::Result<()> {
        let size = self.terminal.size()?;
        self.terminal.resize(size.into())
    }

    /// Takes the mouse from the terminal, or gives it back.
    pub fn set_mouse(&mut self, has_mouse: bool) -> io::Result<()> {
        self.has_mouse = has_mouse;
        let mut out = tty();
        out.write_all(if has_mouse { TAKE_MOUSE } else { GIVE_MOUSE })?;
        out.flush()
    }

    /// What the screen covers.
    pub fn area(&mut self) -> Rect {
        self.terminal.get_frame().area()
    }

    /// Hands the terminal to the shell until `fg`.
    pub fn suspend(&mut self) -> io::Result<()> {
        give_back();
        stop_here()?;
        self.take_back()
    }

    /// Takes the terminal over again, whatever became of it since.
    pub fn take_back(&mut self) -> io::Result<()> {
        let _ = disable_raw_mode(); // what it knows of the terminal is old
        take_over()?;
        if self.has_mouse {
            self.set_mouse(true)?;
        }
        self.clear()
    }
}

impl Drop for TakenTerminal {
    fn drop(&mut self) {
        give_back();
    }
}

/// Rings the bell.
pub fn ring() -> io::Result<()> {
    let mut out = tty();
    out.write_all(b"\x07")?;
    out.flush()
}

/// Sends a message that some terminals show on the desktop.
pub fn announce(text: &str) -> io::Result<()> {
    let mut out = tty();
    write!(out, "\x1b]9;{}\x07", super::text::clean(text))?;
    out.flush()
}

/// Puts text into the clipboard of the user's own terminal, also over SSH.
pub fn copy(text: &str) -> io::Result<()> {
    execute!(tty(), CopyToClipboard::to_clipboard_from(text))
}

/// Draws a frame inside of a synchronized update, which is ended whatever happens.
pub fn draw<W: Write>(terminal: &mut ratatui::Terminal<Link<W>>, app: &mut App) -> io::Result<()> {
    queue!(terminal.backend_mut(), BeginSynchronizedUpdate)?;
    let drawn = terminal.draw(|frame| views::draw(frame, app)).map(drop);
    execute!(terminal.backend_mut(), EndSynchronizedUpdate)?;
    drawn
}

fn take_over() -> io::Result<()> {
    enable_raw_mode()?;
    execute!(tty(), EnterAlternateScreen, cursor::Hide, EnableBracketedPaste)
}

/// Stops this program as Ctrl-Z stops others; returns once it goes on. The loop listens for SIGTSTP, so what the system
/// does by itself is put in place for that long.
fn stop_here() -> io::Result<()> {
    // SAFETY: both pointers are to whole `sigaction`s, and an all-zero one with SIG_DFL is valid. `raise` delivers the signal
    // to this thread before it returns.
    unsafe {
        let mut usual: libc::sigaction = std::mem::zeroed();
        usual.sa_sigaction = libc::SIG_DFL;
        let mut ours: libc::sigaction = std::mem::zeroed();
        if libc::sigaction(libc::SIGTSTP, &raw const usual, &raw mut ours) != 0 {
            return Err(io::Error::last_os_error());
        }
        libc::raise(libc::SIGTSTP);
        libc::sigaction(libc::SIGTSTP, &raw const ours, std::ptr::null_mut());
    }
    Ok(())
}

/// Gives the terminal back as far as that can be done.
pub fn give_back() {
    undo(&mut tty());
    let _ = disable_raw_mode();
}

/// Takes back all that was said to the terminal.
fn undo(out: &mut impl Write) {
    let _ = execute!(out, EndSynchronizedUpdate);
    let _ = out.write_all(GIVE_MOUSE);
    let _ = execute!(out, DisableBracketedPaste);
    let _ = execute!(out, LeaveAlternateScreen);
    let _ = execute!(out, cursor::Show);
}

/// A panic of the main thread gives the terminal back before it is told; one of another thread is only that thread's
/// end, and its words would tear the screen.
fn give_back_on_panic() {
    let main = std::thread::current().id();
    let usual = std::panic::take_hook();
    std::panic::set_hook(Box::new(move |panic| {
        if std::thread::current().id() == main {
            give_back();
            usual(panic);
        }
    }));
}

#[cfg(test)]
mod tests {
    use std::cell::Cell;
    use std::rc::Rc;

    use ratatui::{Terminal, TerminalOptions, Viewport};

    use super::*;
    use crate::console::sample;
    use crate::console::screens::run::Reading;

    /// A link that counts.
    #[derive(Clone, Default)]
    struct Counter(Rc<Cell<usize>>);

    impl Write for Counter {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            self.0.set(self.0.get() + bytes.len());
            Ok(bytes.len())
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    #[test]
    fn giving_back_undoes_what_was_done_to_the_terminal() {
        let mut parser = vt100::Parser::new(24, 80, 0);
        let mut bytes = Vec::new();
        execute!(bytes, BeginSynchronizedUpdate, EnterAlternateScreen, cursor::Hide, EnableBracketedPaste)
            .expect("memory");
        bytes.extend(TAKE_MOUSE);
        parser.process(&bytes);
        let state = |screen: &vt100::Screen| {
            (
                screen.alternate_screen(),
                screen.hide_cursor(),
                screen.mouse_protocol_mode() == vt100::MouseProtocolMode::None,
                screen.bracketed_paste(),
            )
        };
        assert_eq!(state(parser.screen()), (true, true, false, true));
        bytes.clear();
        undo(&mut bytes);
        parser.process(&bytes);
        assert_eq!(state(parser.screen()), (false, false, true, false));
        assert!(bytes.starts_with(b"\x1b[?2026l"));
    }

    #[test]
    fn a_run_that_moves_four_charts_takes_no_more_than_2_kib_a_second() {
        const FRAMES_PER_S: usize = 4;
        let mut app = sample::app_on_run();
        let mut records = sample::records(48);
        let rest = records.split_off(records.iter().position(|record| record.time > sample::NOW - 67.0).expect("some"));
        let link = Counter::default();
        let viewport = Viewport::Fixed(Rect::new(0, 0, 120, 40));
        let backend = Link::new(link.clone());
        let mut terminal = Terminal::with_options(backend, TerminalOptions { viewport }).expect("a terminal");
        draw(&mut terminal, &mut app).expect("drawn");
        let before = link.0.get();
        let n = rest.len();
        for record in rest {
            let run = app.run_mut().expect("open");
            run.take(Reading { records: vec![record], ..Reading::default() }, sample::NOW);
            draw(&mut terminal, &mut app).expect("drawn");
        }
        let per_s = (link.0.get() - before) * FRAMES_PER_S / n;
        assert!(per_s <= 2048, "{per_s} bytes a second");
    }
}
