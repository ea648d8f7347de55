//! The real program in a terminal of its own, which the tests read as a user would see it.

mod labeling;
#[cfg(feature = "train")]
mod labels;
mod looking;
mod naming;
mod reacting;
mod suites;
#[cfg(feature = "train")]
mod training;

use std::io::{Read as _, Write};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::thread::{JoinHandle, sleep, spawn};
use std::time::{Duration, Instant};

use portable_pty::{Child, CommandBuilder, ExitStatus, MasterPty, PtySize, native_pty_system};
use rustix::process::Signal;

const DEADLINE: Duration = Duration::from_mins(3);

/// A machine of its own for one test.
struct Place {
    folder: tempfile::TempDir,
}

impl Place {
    fn new() -> Self {
        Self { folder: tempfile::tempdir().expect("a temporary folder") }
    }

    fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    fn runs(&self) -> PathBuf {
        self.path("runs")
    }

    /// Opens a terminal of 100×30 on the program.
    fn open(&self, args: &[&str]) -> Terminal {
        self.open_with(args, &[])
    }

    fn open_with(&self, args: &[&str], variables: &[(&str, &str)]) -> Terminal {
        self.open_at((100, 30), args, variables)
    }

    fn open_at(&self, size: (u16, u16), args: &[&str], variables: &[(&str, &str)]) -> Terminal {
        let mut command = CommandBuilder::new(env!("CARGO_BIN_EXE_fixmatch"));
        command.args(args);
        command.cwd(self.folder.path());
        for name in ["NO_COLOR", "COLORTERM", "LC_ALL", "LC_CTYPE", "FIXMATCH_WORKER"] {
            command.env_remove(name);
        }
        let path = |name: &str| self.path(name).display().to_string();
        command.env("FIXMATCH_RUNS", path("runs"));
        command.env("FIXMATCH_STATE", path("state"));
        command.env("FIXMATCH_DATA", path("data"));
        command.env("FIXMATCH_CACHE", path("cache"));
        command.env("FIXMATCH_CONFIG", path("config.toml"));
        command.env("FIXMATCH_PRESETS", path("presets"));
        command.env("TERM", "xterm-256color");
        command.env("LANG", "C.UTF-8");
        for (name, value) in variables {
            command.env(name, value);
        }
        Terminal::start(size, command)
    }
}

/// What a program told the terminal beside what is on the screen.
#[derive(Default)]
struct Said {
    title: String,
    /// What it gave to the clipboard, in base64.
    copied: String,
    n_bells: usize,
    /// Questions that it asked the terminal: reports of its state, its place, its kind.
    n_questions: usize,
}

impl vt100::Callbacks for Said {
    fn set_window_title(&mut self, _: &mut vt100::Screen, title: &[u8]) {
        self.title = String::from_utf8_lossy(title).into_owned();
    }

    fn audible_bell(&mut self, _: &mut vt100::Screen) {
        self.n_bells += 1;
    }

    fn unhandled_csi(&mut self, _: &mut vt100::Screen, _: Option<u8>, _: Option<u8>, _: &[&[u16]], end: char) {
        self.n_questions += usize::from(matches!(end, 'n' | 'c' | 't'));
    }

    fn copy_to_clipboard(&mut self, _: &mut vt100::Screen, _: &[u8], data: &[u8]) {
        self.copied = String::from_utf8_lossy(data).into_owned();
    }
}

/// A terminal with a program in it, killed when it is dropped.
struct Terminal {
    child: Box<dyn Child + Send + Sync>,
    master: Option<Box<dyn MasterPty + Send>>,
    keyboard: Option<Box<dyn Write + Send>>,
    screen: Arc<Mutex<vt100::Parser<Said>>>,
    is_read: Arc<AtomicBool>,
    reader: Option<JoinHandle<()>>,
}

impl Terminal {
    fn start((cols, rows): (u16, u16), command: CommandBuilder) -> Self {
        let size = PtySize { rows, cols, pixel_width: 0, pixel_height: 0 };
        let pair = native_pty_system().openpty(size).expect("a pseudo-terminal");
        let child = pair.slave.spawn_command(command).expect("fixmatch starts");
        let screen = Arc::new(Mutex::new(vt100::Parser::new_with_callbacks(size.rows, size.cols, 0, Said::default())));
        let is_read = Arc::new(AtomicBool::new(true));
        let mut output = pair.master.try_clone_reader().expect("its output");
        let reader = spawn({
            let (screen, is_read) = (screen.clone(), is_read.clone());
            move || {
                let mut bytes = [0; 4096];
                while is_read.load(Ordering::Relaxed) {
                    match output.read(&mut bytes) {
                        Ok(n) if n > 0 => screen.lock().expect("no reader panics").process(&bytes[..n]),
                        _ => return,
                    }
                }
            }
        });
        let keyboard = pair.master.take_writer().expect("its keyboard");
        let (master, keyboard, reader) = (Some(pair.master), Some(keyboard), Some(reader));
        Self { child, master, keyboard, screen, is_read, reader }
    }

    fn text(&self) -> String {
        self.screen.lock().expect("no reader panics").screen().contents()
    }

    fn title(&self) -> String {
        self.screen.lock().expect("no reader panics").callbacks().title.clone()
    }

    fn n_bells(&self) -> usize {
        self.screen.lock().expect("no reader panics").callbacks().n_bells
    }

    fn copied(&self) -> String {
        self.screen.lock().expect("no reader panics").callbacks().copied.clone()
    }

    fn press(&mut self, keys: &str) {
        let keyboard = self.keyboard.as_mut().expect("connected");
        keyboard.write_all(keys.as_bytes()).and_then(|()| keyboard.flush()).expect("typed");
    }

    /// Moves the cursor down until the screen is so.
    #[track_caller]
    fn go_down_until(&mut self, holds: impl Fn(&str) -> bool) {
        while !holds(&self.text()) {
            let before = self.text();
            self.press("j");
            self.until_it("the cursor moves", |text| text != before);
        }
    }

    /// Waits until the screen shows a text.
    #[track_caller]
    fn until(&self, wanted: &str) {
        self.until_it(wanted, |text| text.contains(wanted));
    }

    #[track_caller]
    fn until_it(&self, what: &str, holds: impl Fn(&str) -> bool) {
        let deadline = Instant::now() + DEADLINE;
        while !holds(&self.text()) {
            assert!(Instant::now() < deadline, "waited in vain for {what}:\n{}", self.text());
            sleep(Duration::from_millis(10));
        }
    }

    /// Whether the terminal is as it was before.
    fn is_restored(&self) -> bool {
        let parser = self.screen.lock().expect("no reader panics");
        let screen = parser.screen();
        !screen.alternate_screen() && !screen.hide_cursor() && !reports_mouse(screen) && !screen.bracketed_paste()
    }

    /// What another program left on the screen: nothing of ours.
    fn wipe(&self) {
        self.screen.lock().expect("no reader panics").process(b"\x1b[2J");
    }

    fn n_questions(&self) -> usize {
        self.screen.lock().expect("no reader panics").callbacks().n_questions
    }

    /// Pastes a text as a terminal does that was asked to say so.
    fn paste(&mut self, text: &str) {
        assert!(self.screen.lock().expect("no reader panics").screen().bracketed_paste(), "{}", self.text());
        self.press(&format!("\x1b[200~{text}\x1b[201~"));
    }

    fn reports_mouse(&self) -> bool {
        reports_mouse(self.screen.lock().expect("no reader panics").screen())
    }

    /// The column and row at which a text stands, from 1 on.
    #[track_caller]
    fn place_of(&self, wanted: &str) -> (usize, usize) {
        let text = self.text();
        let place = text.lines().zip(1..).find_map(|(line, row)| {
            let bytes = line.find(wanted)?;
            Some((line[..bytes].chars().count() + 1, row))
        });
        place.unwrap_or_else(|| panic!("{wanted} is not on the screen:\n{text}"))
    }

    /// Presses and lets go of the left button, as a terminal reports it (SGR, 1006).
    fn click(&mut self, column: usize, row: usize) {
        self.press(&format!("\x1b[<0;{column};{row}M\x1b[<0;{column};{row}m"));
    }

    /// Sends the program a signal.
    fn signal(&self, signal: Signal) {
        let id = self.child.process_id().and_then(|id| rustix::process::Pid::from_raw(id as i32));
        rustix::process::kill_process(id.expect("it runs"), signal).expect("sent");
    }

    /// Kills the program without a word.
    fn kill(&mut self) {
        self.child.kill().expect("killed");
        self.child.wait().expect("ends");
    }

    /// Takes the terminal away, as a lost connection does. The reader wakes at the next output, so a key is pressed.
    fn hang_up(&mut self) {
        self.is_read.store(false, Ordering::Relaxed);
        self.press("?");
        self.reader.take().expect("reads").join().expect("it ends");
        (self.keyboard, self.master) = (None, None);
    }

    /// Waits until the program has ended, at most so long.
    #[track_caller]
    fn end_within(&mut self, patience: Duration) -> ExitStatus {
        let deadline = Instant::now() + patience;
        loop {
            if let Some(status) = self.child.try_wait().expect("waits") {
                return status;
            }
            assert!(Instant::now() < deadline, "it does not end:\n{}", self.text());
            sleep(Duration::from_millis(5));
        }
    }

    /// Waits until the program has ended and all of its output was read.
    #[track_caller]
    fn end(&mut self) -> ExitStatus {
        let status = self.end_within(DEADLINE);
        self.until_it("the last output", |_| self.reader.as_ref().is_none_or(JoinHandle::is_finished));
        status
    }
}

impl Drop for Terminal {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn reports_mouse(screen: &vt100::Screen) -> bool {
    screen.mouse_protocol_mode() != vt100::MouseProtocolMode::None
}

/// Makes a folder that looks like a run.
fn broken_run(runs: &Path, name: &str, run_toml: &str) {
    std::fs::create_dir_all(runs.join(name)).expect("made");
    std::fs::write(runs.join(name).join("run.toml"), run_toml).expect("written");
}
