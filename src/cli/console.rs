//! The console: presets, runs, and one run in full, in a terminal.
//!
//! One state ([`app`]) changes by keys ([`keys`]) and by what happens outside ([`world`]); [`views`] draw it and do nothing
//! else. The loop waits for whatever comes first, and draws only after something changed: at once after a key, else at
//! most ten times a second. Workers do not depend on it; when it ends, in whatever way, runs go on.

use std::io::IsTerminal as _;
use std::path::PathBuf;
use std::process::ExitCode;
use std::thread;
use std::time::Duration;

use anyhow::{Context as _, Result, bail};
use crossterm::event::{Event, EventStream, KeyEventKind};
use fixmatch::base::host::now;
use fixmatch::base::{dirs, output};
use fixmatch::labels::desk::Labeling;
use fixmatch::notify;
use fixmatch::run::dir::RunDir;
use tokio::signal::unix::{Signal, SignalKind, signal};
use tokio::sync::mpsc::unbounded_channel;
use tokio::sync::oneshot;
use tokio::time::{Instant, MissedTickBehavior, interval, sleep_until, timeout};
use tokio_stream::StreamExt as _;

pub mod app;
pub mod axis;
pub mod charts;
pub mod dialog;
#[cfg(test)]
mod extremes;
pub mod flags;
pub mod form;
pub mod glyphs;
pub mod input;
pub mod keys;
pub mod link;
pub mod machine;
mod marks;
pub mod mouse;
pub mod pictures;
pub mod plot;
pub mod raster;
#[cfg(test)]
pub mod sample;
pub mod screens;
pub mod settings;
pub mod svg;
pub mod tasks;
pub mod terminal;
pub mod text;
pub mod theme;
pub mod views;
pub mod world;

use app::{App, Tone};
use glyphs::Glyphs;
use input::Answers;
use keys::Access;
use screens::Screen;
use screens::label::Label;
use settings::{Bell, Settings};
use tasks::{TerminalTask, WorldTask};
use terminal::TakenTerminal;
use theme::{Depth, Theme};
use world::{World, labeling, remembered};

use crate::signals::Ask;

/// What happens outside is drawn at most this often.
const FRAME: Duration = Duration::from_millis(100);

/// How long a terminal may take to be given back.
const PATIENCE: Duration = Duration::from_millis(300);

/// How to open the console.
pub struct Options {
    /// The folder of runs.
    pub runs: PathBuf,
    /// What to open.
    pub shown: Shown,
    /// Who leaves when that run ends.
    pub stay: Stay,
    /// Whether it may drive.
    pub access: Access,
    /// Which characters to use, if the user says.
    pub glyphs: Option<Glyphs>,
}

/// What the console shows at first.
pub enum Shown {
    /// The lists of presets and runs.
    Home,
    /// A run.
    Run(RunDir),
    /// Runs beside each other.
    Beside(Vec<RunDir>),
    /// Images that are labeled.
    Label(Box<Labeling>),
}

/// How long the console stays.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Stay {
    /// Until the user leaves.
    #[default]
    Open,
    /// Also no longer than the run on the screen goes on, for a command that has more to do then.
    WithRun,
}

/// Opens the console and stays until the user leaves.
pub fn open(options: Options) -> Result<ExitCode> {
    notify::wake(&options.runs); // it may have been killed with the machine, and have something left to tell
    let (_stays, asked) = oneshot::channel();
    stay_until(options, asked)?;
    Ok(ExitCode::SUCCESS)
}

/// A console in a thread of its own, beside a program that goes on without it.
pub struct Beside {
    asks: oneshot::Sender<()>,
    left: oneshot::Receiver<Result<()>>,
}

impl Beside {
    /// Opens it.
    pub fn open(options: Options) -> Result<Self> {
        let ((asks, asked), (says, left)) = (oneshot::channel(), oneshot::channel());
        let stay = move || drop(says.send(stay_until(options, asked)));
        thread::Builder::new().name("console".into()).spawn(stay).context("cannot open the console")?;
        Ok(Self { asks, left })
    }

    /// Waits until it was left.
    pub async fn left(&mut self) -> Result<()> {
        // A thread that panicked has said so, and the terminal was given back.
        (&mut self.left).await.unwrap_or(Ok(()))
    }

    /// Has it give the terminal back, and takes that from it if it takes longer than anyone would wait.
    pub async fn close(mut self) -> Result<()> {
        let _ = self.asks.send(());
        if let Ok(outcome) = timeout(PATIENCE, &mut self.left).await {
            return outcome.unwrap_or(Ok(()));
        }
        give_back();
        Ok(())
    }
}

/// The user's settings, all of them: also a table or a key that only other processes would look for.
///
/// # Errors
/// With the line and the key that is not understood.
pub fn read_settings() -> Result<Settings> {
    Settings::read(&dirs::config_file()?)
}

/// Opens the console and stays until the user leaves or it is asked to.
fn stay_until(options: Options, asked: oneshot::Receiver<()>) -> Result<()> {
    check_terminal()?;
    let settings = read_settings()?;
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
    let runtime = runtime.context("cannot set up signals and timers")?;
    runtime.block_on(run(options, settings, asked))?;
    // Threads that read disks may be in the middle of it; nothing depends on their end.
    runtime.shutdown_background();
    Ok(())
}

/// Does here and now what the console asks of the world about images that are labeled, until it asks no more: for
/// pictures of it, and for tests.
pub fn settle(app: &mut App) {
    let (sender, mut news) = unbounded_channel();
    loop {
        for task in app.take_tasks().world {
            match task {
                WorldTask::OpenLabels(request) => labeling::open(&request, &sender),
                WorldTask::Label(desk, task) => labeling::follow(&desk, task, &sender),
                _ => {}
            }
        }
        let Ok(first) = news.try_recv() else { return };
        app.learn(first);
        while let Ok(more) = news.try_recv() {
            app.learn(more);
        }
    }
}

/// Whether there is a terminal that can show the console.
pub fn has_terminal() -> bool {
    check_terminal().is_ok()
}

fn check_terminal() -> Result<()> {
    let is_dumb = std::env::var_os("TERM").is_none_or(|term| term == "dumb");
    if !output::is_terminal() || !std::io::stdin().is_terminal() {
        bail!(
            "the console needs a terminal; `fixmatch watch` follows a run as plain lines, `fixmatch runs` lists them"
        );
    }
    if is_dumb {
        bail!("this terminal (TERM) cannot draw the console; `fixmatch watch` follows a run as plain lines");
    }
    Ok(())
}

fn env(name: &str) -> Option<String> {
    std::env::var(name).ok()
}

/// The console as it opens.
fn first_screen(options: &Options, settings: &Settings) -> App {
    let theme = Theme { depth: Depth::detect(env) };
    let glyphs = options.glyphs.or(settings.glyphs).unwrap_or_else(|| Glyphs::detect(env));
    let mut keymap = settings.keymap.clone();
    keymap.access = options.access;
    let mut app = App::new(keymap, theme, glyphs, now());
    app.clock.zone = jiff::tz::TimeZone::system();
    app.stays_with = match (options.stay, &options.shown) {
        (Stay::WithRun, Shown::Run(dir)) => Some(dir.clone()),
        (Stay::WithRun | Stay::Open, _) => None,
    };
    app.home.folds = remembered::folds();
    let kept = remembered::list().map_err(|error| vec![world::in_one_line(&error)]);
    let refused = kept.map_or_else(|why| why, |kept| app.home.table.take(&kept));
    if !refused.is_empty() {
        app.say(Tone::Error, remembered::refused(&refused.join("; ")));
    }
    if settings.mouse {
        app.take_mouse();
    }
    if settings.pictures {
        app.ask_for_pictures();
    }
    match &options.shown {
        Shown::Home => {}
        Shown::Run(dir) => app.open_run(dir.clone()),
        Shown::Beside(dirs) => app.open_race(dirs.clone()),
        Shown::Label(request) => app.open(Screen::Label(Box::new(Label::new((**request).clone())))),
    }
    app
}

async fn run(options: Options, settings: Settings, mut asked: oneshot::Receiver<()>) -> Result<()> {
    let mut app = first_screen(&options, &settings);
    let (sender, mut news) = unbounded_channel();
    leave_on_signals(options.stay)?;
    // a file that may not grow any further is then an error like a full disk, and does not end the program
    let _grown = listen(libc::SIGXFSZ)?;
    let (mut stopped, mut continued) = (listen(libc::SIGTSTP)?, listen(libc::SIGCONT)?);
    let mut terminal = TakenTerminal::open()?;
    terminal.draw(&mut app)?;
    let mut world = World::new(options.runs, sender);
    let mut keys = EventStream::new();
    let mut answers = Answers::default();
    let mut clock = interval(Duration::from_secs(1));
    clock.set_missed_tick_behavior(MissedTickBehavior::Delay);
    let (mut drawn, mut is_dirty) = (Instant::now(), false);
    loop {
        let mut at_once = false;
        tokio::select! {
            event = keys.next() => match event {
                Some(Ok(Event::Key(key))) if key.kind != KeyEventKind::Release => {
                    if !answers.take(key, Instant::now().into_std()) {
                        app.clock.now = now();
                        app.press(key);
                        (is_dirty, at_once) = (true, true);
                    }
                }
                Some(Ok(Event::Paste(text))) => {
                    app.paste(&text);
                    (is_dirty, at_once) = (true, true);
                }
                Some(Ok(Event::Mouse(event))) => {
                    app.clock.now = now();
                    let spot = views::spot(&app, terminal.area(), (event.column, event.row).into());
                    (is_dirty, at_once) = (true, app.point(event.kind, spot));
                }
                Some(Ok(Event::Resize(..))) => (is_dirty, at_once) = (true, true),
                Some(Ok(_)) => {}
                Some(Err(_)) | None => leave_at_once(1),
            },
            Ok(()) = &mut asked => return Ok(()),
            // Asked from elsewhere, as Ctrl-Z asks. Whatever stopped it, the shell may have had the terminal meanwhile.
            _ = stopped.recv() => terminal.suspend()?,
            _ = continued.recv() => {
                terminal.take_back()?;
                app.forget_pictures();
                (is_dirty, at_once) = (true, true);
            }
            Some(first) = news.recv() => {
                app.clock.now = now();
                app.learn(first);
                // no longer than a frame may take, so that keys are heard while many long logs come in
                let until = Instant::now() + FRAME / 5;
                while Instant::now() < until && let Ok(more) = news.try_recv() {
                    app.learn(more);
                }
                (is_dirty, at_once) = (true, std::mem::take(&mut app.has_come));
            }
            _ = clock.tick() => {
                app.tick(now());
                is_dirty = true;
            }
            () = sleep_until(drawn + FRAME), if is_dirty => at_once = true,
        }
        let tasks = app.take_tasks();
        tasks.world.into_iter().for_each(|task| world.begin(task));
        for task in tasks.terminal {
            match task {
                TerminalTask::Quit => return Ok(()),
                TerminalTask::Background => terminal.suspend()?,
                TerminalTask::Redraw => terminal.clear()?,
                TerminalTask::AskForPictures => {
                    // The terminal answers as if it were typed, so the keys' reader has to be gone first.
                    drop(keys);
                    terminal.draw(&mut app)?;
                    app.take_pictures(pictures::ask());
                    keys = EventStream::new();
                    is_dirty = true;
                }
                TerminalTask::Mouse(has_mouse) => terminal.set_mouse(has_mouse)?,
                TerminalTask::Copy(text) => terminal::copy(&text)?,
                TerminalTask::Ring(text) => match settings.bell {
                    Bell::None => {}
                    Bell::Sound => terminal::ring()?,
                    Bell::Osc9 => terminal::announce(&text)?,
                },
            }
        }
        if is_dirty && (at_once || drawn.elapsed() >= FRAME) {
            terminal.draw(&mut app)?;
            (drawn, is_dirty) = (Instant::now(), false);
        }
    }
}

fn listen(number: i32) -> Result<Signal> {
    signal(SignalKind::from_raw(number)).context("cannot listen for signals")
}

/// Ends the program from a thread of its own when the terminal goes away (SIGHUP) or someone asks (SIGTERM, SIGINT, SIGQUIT;
/// Ctrl-C on the console is a key). A command that stays with the run hears some of them itself, and has more to do.
///
/// The loop cannot do that: once a terminal is gone crossterm reads its end for ever, in the loop's own thread if that
/// is where it looked for keys, and a terminal that takes no more output stops the loop in the middle of a frame.
fn leave_on_signals(stay: Stay) -> Result<()> {
    let is_heard = |ask| stay == Stay::WithRun && Ask::is_heard(ask);
    let [hears_hang_up, hears_interrupt, hears_terminate] = [Ask::HangUp, Ask::Interrupt, Ask::Terminate].map(is_heard);
    let (ready, is_ready) = std::sync::mpsc::channel();
    let listen = move || {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_io().build()?;
        runtime.block_on(async {
            let (mut hang_up, mut terminate) = (signal(SignalKind::hangup())?, signal(SignalKind::terminate())?);
            let (mut interrupt, mut quit) = (signal(SignalKind::interrupt())?, signal(SignalKind::quit())?);
            let _ = ready.send(());
            tokio::select! {
                _ = hang_up.recv(), if !hears_hang_up => leave_at_once(128 + 1),
                _ = interrupt.recv(), if !hears_interrupt => leave_at_once(128 + 2),
                _ = quit.recv() => leave_at_once(128 + 3),
                _ = terminate.recv(), if !hears_terminate => leave_at_once(128 + 15),
            }
        })
    };
    let listener = thread::Builder::new().name("signals".into()).spawn(listen).context("cannot listen for signals")?;
    if is_ready.recv().is_err() {
        let outcome: std::io::Result<()> = listener.join().unwrap_or(Ok(()));
        return outcome.context("cannot listen for signals");
    }
    Ok(())
}

/// Gives the terminal back, unless that takes longer than anyone would wait, and ends the program.
fn leave_at_once(code: i32) -> ! {
    give_back();
    std::process::exit(code)
}

/// Gives the terminal back, unless that takes longer than anyone would wait.
fn give_back() {
    let (done, is_done) = std::sync::mpsc::channel();
    thread::spawn(move || {
        terminal::give_back();
        let _ = done.send(());
    });
    let _ = is_done.recv_timeout(PATIENCE);
}
