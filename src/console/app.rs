//! The console's one state, and how it changes: by what a user does ([`App::press`], [`App::update`]) and by what
//! happens outside ([`App::learn`]).
//!
//! Nothing here reads a file or a clock or knows a terminal: what is to be done outside is put into a list of tasks.

mod driving;
mod news;
mod screens;
mod typing;

use crossterm::event::{KeyCode, KeyEvent, KeyModifiers};
use fixmatch::run_dir::RunDir;
use jiff::tz::TimeZone;

use super::Stay;
use super::form::{Draft, Form};
use super::glyphs::Glyphs;
use super::home::{DataState, Home, Pane};
use super::keys::{Action, Effect, Keymap, Place};
use super::machine::Machine;
use super::run::OpenRun;
use super::samples::Samples;
use super::theme::Theme;
use super::world::Task;

/// What may be done.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Access {
    /// Everything.
    #[default]
    Full,
    /// Looking (`--readonly`).
    ReadOnly,
}

/// What lies over the screen and takes the keys.
#[derive(Clone, Debug)]
pub enum Dialog {
    /// The keys of this place, from this line on.
    Help(usize),
    /// A question.
    Confirm(Confirm),
    /// The values that can change while a run trains.
    Change(Form),
}

/// A question before something that cannot be taken back with one key.
#[derive(Clone, Debug, PartialEq)]
pub enum Confirm {
    /// Stop this run?
    Stop(RunDir),
    /// Move this run to the trash?
    Delete(RunDir),
}

/// Whether a notice is good or bad.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Tone {
    /// Something was done.
    Info,
    /// Something went wrong.
    Error,
}

/// A line about what was last done.
#[derive(Clone, Debug, PartialEq)]
pub struct Notice {
    /// The line.
    pub text: String,
    /// Good or bad.
    pub tone: Tone,
    /// When it was put up.
    pub at: f64,
}

/// A notice stays for so many seconds, if nothing else is done.
const NOTICE_S: f64 = 12.0;

/// The console.
#[derive(Debug)]
pub struct App {
    /// What may be done.
    pub access: Access,
    /// Whether the console leaves when the run on the screen ends.
    pub stay: Stay,
    /// Colours.
    pub theme: Theme,
    /// Characters.
    pub glyphs: Glyphs,
    /// Keys.
    pub keymap: Keymap,
    /// Which screen is shown.
    pub place: Place,
    /// What lies over it.
    pub dialog: Option<Dialog>,
    /// The machine that the console runs on, once it was looked at.
    pub machine: Option<Machine>,
    /// The lists.
    pub home: Home,
    /// The preset that is looked at.
    pub draft: Option<Draft>,
    /// The run that is looked at.
    pub run: Option<OpenRun>,
    /// Its labeled images.
    pub samples: Samples,
    /// What was last done.
    pub notice: Option<Notice>,
    /// Seconds since 1970, UTC.
    pub now: f64,
    /// Where the user's clock stands; UTC unless it is set.
    pub zone: TimeZone,
    /// Rows of a page, for scrolling; the screen says.
    pub page: usize,
    tasks: Vec<Task>,
    remembered_at: f64,
}

impl App {
    /// The console on its home screen, nothing known yet.
    pub fn new(access: Access, theme: Theme, glyphs: Glyphs, keymap: Keymap, now: f64) -> Self {
        Self {
            access,
            stay: Stay::Open,
            theme,
            glyphs,
            keymap,
            place: Place::Home,
            dialog: None,
            machine: None,
            home: Home::new(),
            draft: None,
            run: None,
            samples: Samples::default(),
            notice: None,
            now,
            zone: TimeZone::UTC,
            page: 10,
            tasks: Vec::new(),
            remembered_at: now,
        }
    }

    /// What is to be done outside, in order.
    pub fn take_tasks(&mut self) -> Vec<Task> {
        std::mem::take(&mut self.tasks)
    }

    /// Takes the time.
    pub fn tick(&mut self, now: f64) {
        self.now = now;
        if self.notice.as_ref().is_some_and(|notice| now - notice.at > NOTICE_S) {
            self.notice = None;
        }
        if now - self.remembered_at > 10.0 {
            self.remember();
        }
    }

    /// Takes a key: for what is being typed, else for what lies over the screen, else by the table.
    pub fn press(&mut self, key: KeyEvent) {
        let key = as_typed(key);
        if self.type_key(key) {
            return;
        }
        if let Some(binding) = self.keymap.find(self.place, key.into()) {
            if binding.effect == Effect::Drives && self.access == Access::ReadOnly {
                return self.say(Tone::Error, "opened with --readonly: this only looks".into());
            }
            self.update(binding.action);
        }
    }

    /// Does what a user wants.
    pub fn update(&mut self, action: Action) {
        if let Some(run) = &mut self.run {
            run.digest = None;
        }
        match action {
            Action::Quit => {
                self.remember();
                self.tasks.push(Task::Quit);
            }
            Action::Background => self.tasks.push(Task::Background),
            Action::Redrawn => self.tasks.push(Task::Redraw),
            Action::Help => self.dialog = Some(Dialog::Help(0)),
            Action::Glyphs => self.next_glyphs(),
            Action::Copy => self.copy(),
            Action::Resume => self.resume(),
            _ => match self.place {
                Place::Home => self.update_home(action),
                Place::Preset => self.update_preset(action),
                Place::Run => self.update_run(action),
                Place::Log => self.update_log(action),
                Place::Samples => self.update_samples(action),
            },
        }
    }

    /// Whether what an action is about, if anything, can follow it as it stands.
    pub fn fits(&self, action: Action) -> bool {
        let home = &self.home;
        match (self.place, home.pane, action) {
            (Place::Home, Pane::Presets, Action::Fetch) => {
                home.preset().is_some_and(|row| matches!(row.data, DataState::Missing(_)))
            }
            (Place::Home, Pane::Runs, Action::Resume | Action::Delete) => {
                home.run().is_some_and(|row| action.fits(row.status))
            }
            (Place::Home, _, Action::Fetch | Action::Resume | Action::Delete) => false,
            (Place::Run, ..) => self.run.as_ref().is_none_or(|run| action.fits(run.status())),
            _ => true,
        }
    }

    fn next_glyphs(&mut self) {
        self.glyphs = match self.glyphs {
            Glyphs::Braille => Glyphs::Block,
            Glyphs::Block => Glyphs::Ascii,
            Glyphs::Ascii => Glyphs::Braille,
        };
        self.say(Tone::Info, format!("glyphs: {}", format!("{:?}", self.glyphs).to_lowercase()));
    }

    fn copy(&mut self) {
        let dir = match self.place {
            Place::Home => self.home.run().map(|row| row.dir.clone()),
            _ => self.run.as_ref().map(|run| run.dir.clone()),
        };
        if let Some(dir) = dir {
            let path = dir.path().display().to_string();
            self.say(Tone::Info, format!("copied {path}"));
            self.tasks.push(Task::Copy(path));
        }
    }

    /// Opens a run's screen.
    pub fn open_run(&mut self, dir: RunDir) {
        self.remember();
        self.tasks.push(Task::Follow(dir.clone()));
        self.run = Some(OpenRun::new(dir));
        self.samples = Samples::default();
        self.place = Place::Run;
    }

    fn go_home(&mut self) {
        self.remember();
        self.tasks.push(Task::Unfollow);
        (self.run, self.draft, self.place) = (None, None, Place::Home);
    }

    fn remember(&mut self) {
        self.remembered_at = self.now;
        if let Some((dir, seen)) = self.run.as_ref().and_then(|run| Some((run.dir.clone(), run.seen()?))) {
            self.tasks.push(Task::Remember(dir, seen));
        }
    }

    fn say(&mut self, tone: Tone, text: String) {
        self.notice = Some(Notice { text, tone, at: self.now });
    }
}

/// Enter that was pressed before the terminal was taken over arrives as a line's end, which is Ctrl-J.
fn as_typed(key: KeyEvent) -> KeyEvent {
    let is_line_end = key.code == KeyCode::Char('j') && key.modifiers == KeyModifiers::CONTROL;
    if is_line_end { KeyEvent::new(KeyCode::Enter, KeyModifiers::NONE) } else { key }
}
