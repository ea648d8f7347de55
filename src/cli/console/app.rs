//! The console's one state, and how it changes: by what a user does ([`App::press`], [`App::update`]) and by what
//! happens outside ([`App::learn`]).
//!
//! Nothing here reads a file or a clock or knows a terminal: what is to be done outside is put into a list of tasks. What
//! the keys of a screen do is with the screen (see [`super::screens`]).

mod dialogs;
mod driving;
mod news;
mod pointing;
mod stack;
#[cfg(test)]
mod tests;
mod writing;

use crossterm::event::{KeyCode, KeyEvent, KeyModifiers};
use fixmatch::run::dir::RunDir;
use jiff::tz::TimeZone;

use super::dialog::{Confirm, Dialog};
use super::glyphs::Glyphs;
use super::keys::{Action, Binding, Keymap, Place};
use super::machine::Machine;
use super::pictures::{Gallery, Pictures};
use super::screens::Screen;
use super::screens::home::Home;
use super::screens::label_sets::LabelSets;
use super::tasks::{Tasks, TerminalTask};
use super::theme::{Depth, Theme};

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

/// What the console's clock shows.
#[derive(Clone, Debug)]
pub struct Clock {
    /// Seconds since 1970, UTC.
    pub now: f64,
    /// Where the user's clock stands; UTC unless it is set.
    pub zone: TimeZone,
}

/// How the console uses the terminal.
#[derive(Debug)]
pub struct Window {
    /// Whether the mouse is the console's; else the terminal selects text with it.
    pub has_mouse: bool,
    /// Whether images are shown as pictures.
    pub pictures: Pictures,
    /// Rows of a page, for scrolling; the view says.
    pub page: usize,
    /// Whether there is no room to show anything; the view says. Nobody sees then what a key would do.
    pub is_too_small: bool,
}

/// The console.
#[derive(Debug)]
pub struct App {
    /// Keys, and which of them may be pressed.
    pub keymap: Keymap,
    /// The run at whose end the console leaves.
    pub stays_with: Option<RunDir>,
    /// Colours.
    pub theme: Theme,
    /// Characters.
    pub glyphs: Glyphs,
    /// The terminal.
    pub window: Window,
    /// The time.
    pub clock: Clock,
    /// The machine that the console runs on, once it was looked at.
    pub machine: Option<Machine>,
    /// The screen below all others, with the lists of presets and runs.
    pub home: Home,
    /// The list of label sets.
    pub label_sets: LabelSets,
    /// What is open over the home screen; the last one is shown.
    pub screens: Vec<Screen>,
    /// What lies over the screen that is shown.
    pub dialog: Option<Dialog>,
    /// What was last done.
    pub notice: Option<Notice>,
    /// Whether what a user waits for has come, so that it is to be drawn at once.
    pub has_come: bool,
    /// What is to be done outside.
    pub tasks: Tasks,
}

impl App {
    /// The console on its home screen, nothing known yet.
    pub fn new(keymap: Keymap, theme: Theme, glyphs: Glyphs, now: f64) -> Self {
        Self {
            keymap,
            stays_with: None,
            theme,
            glyphs,
            window: Window { has_mouse: false, pictures: Pictures::Off, page: 10, is_too_small: false },
            clock: Clock { now, zone: TimeZone::UTC },
            machine: None,
            home: Home::new(),
            label_sets: LabelSets::default(),
            screens: Vec::new(),
            dialog: None,
            notice: None,
            has_come: false,
            tasks: Tasks::default(),
        }
    }

    /// What is to be done outside.
    pub fn take_tasks(&mut self) -> Tasks {
        std::mem::take(&mut self.tasks)
    }

    /// Takes the time.
    pub fn tick(&mut self, now: f64) {
        self.clock.now = now;
        if self.notice.as_ref().is_some_and(|notice| now - notice.at > NOTICE_S) {
            self.notice = None;
        }
        self.remember_now_and_then();
        self.reread_answers();
    }

    /// Takes a key: for what is being typed, else for what lies over the screen, else by the table.
    pub fn press(&mut self, key: KeyEvent) {
        let key = as_typed(key);
        if let (KeyCode::Char(_), true) = (key.code, key.modifiers.contains(KeyModifiers::ALT)) {
            return self.press_after_escape(KeyEvent::new(key.code, key.modifiers - KeyModifiers::ALT));
        }
        if (self.window.is_too_small && !self.quits(key)) || self.holds(key) {
            return;
        }
        self.act(|app| {
            if app.type_key(key) {
                return;
            }
            match app.keymap.find(app.place(), key.into()) {
                Some(binding) => app.follow(binding),
                None => app.in_label(|label, app| label.press_class(key, app)),
            }
        });
    }

    fn quits(&self, key: KeyEvent) -> bool {
        self.keymap.find(self.place(), key.into()).is_some_and(|binding| binding.action == Action::Quit)
    }

    /// Takes Escape and a key that came in one piece, as over a slow connection: a terminal sends the same for Alt and
    /// the key, which means nothing here. While a text is typed it is passed over, since Alt may be meant, and the text
    /// would be lost.
    fn press_after_escape(&mut self, key: KeyEvent) {
        if !self.is_typing() {
            self.press(KeyEvent::new(KeyCode::Esc, KeyModifiers::NONE));
            self.press(key);
        }
    }

    /// Lets a user do something. A notice from before stays behind where it was put up.
    fn act(&mut self, does: impl FnOnce(&mut Self)) {
        let (place, notice) = (self.place(), self.notice.clone());
        does(self);
        if self.place() != place && self.notice == notice {
            self.notice = None;
        }
    }

    /// Does what a line of the table says, if it may be done.
    fn follow(&mut self, binding: &Binding) {
        if self.keymap.allows(binding) {
            self.update(binding.action);
        } else {
            self.say_read_only();
        }
    }

    /// Does what a user wants: what is the same everywhere here, the rest on the screen that is shown.
    pub fn update(&mut self, action: Action) {
        if let Some(run) = self.run_mut() {
            run.digest = None;
        }
        match action {
            Action::Quit => self.quit(),
            Action::Background => self.go_to_shell(),
            Action::Redrawn => {
                self.forget_pictures();
                self.tasks.terminal.push(TerminalTask::Redraw);
            }
            Action::Help => self.dialog = Some(Dialog::Help(0)),
            Action::Glyphs => self.next_glyphs(),
            Action::Mouse => self.switch_mouse(),
            Action::Copy => self.copy(),
            Action::Browse => self.browse(),
            Action::Title | Action::Tags | Action::Note => self.ask_to_write(action),
            Action::Family => self.show_family(),
            Action::SaveFilter => self.ask_for_filter_name(),
            Action::Label => self.label(),
            _ if self.drives_runs(action) => self.drive_runs(action),
            _ => self.update_screen(action),
        }
    }

    /// Words that offer a key, as `; r resumes` does, where it has one and may be pressed; else nothing.
    pub fn offer(&self, place: Place, action: Action, (before, after): (&str, &str)) -> String {
        self.keymap.key(place, action).map_or_else(String::new, |key| format!("{before}{key}{after}"))
    }

    /// Whether what an action is about, if anything, can follow it as it stands.
    pub fn fits(&self, action: Action) -> bool {
        match self.screens.last() {
            None => self.home.fits(action),
            Some(Screen::Preset(draft)) => draft.fits(action, &self.home),
            Some(Screen::Run(run)) => run.fits(action),
            Some(Screen::LabelSets) => self.label_sets.fits(action),
            Some(Screen::Suite(suite)) => suite.fits(action, self.home.study(&suite.name).map(|study| &**study)),
            Some(Screen::Label(label)) => label.fits(action),
            Some(Screen::Race(_) | Screen::Browser(_)) => true,
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

    fn go_to_shell(&mut self) {
        self.forget_pictures();
        self.tasks.terminal.push(TerminalTask::Background);
    }

    /// Sends every picture anew, since the terminal was out of our hands.
    pub fn forget_pictures(&mut self) {
        if let Pictures::On(gallery) = &mut self.window.pictures {
            gallery.forget();
        }
    }

    /// Shows images as pictures, or as characters again.
    pub fn switch_pictures(&mut self) {
        match self.window.pictures {
            Pictures::Asking => {}
            Pictures::On(_) => {
                self.window.pictures = Pictures::Off;
                self.say(Tone::Info, "pictures off".into());
            }
            Pictures::Off => self.ask_for_pictures(),
        }
    }

    /// Shows images as pictures, if the terminal can.
    pub fn ask_for_pictures(&mut self) {
        if self.theme.depth == Depth::Mono || self.glyphs == Glyphs::Ascii {
            let text = "pictures need colours and UTF-8: NO_COLOR or ASCII glyphs rule them out";
            return self.say(Tone::Error, text.into());
        }
        self.window.pictures = Pictures::Asking;
        self.say(Tone::Info, "asking the terminal whether it can show pictures…".into());
        self.tasks.terminal.push(TerminalTask::AskForPictures);
    }

    /// Takes the terminal's answer.
    pub fn take_pictures(&mut self, answer: Option<Gallery>) {
        if let Some(gallery) = answer {
            self.say(Tone::Info, format!("pictures by {}", gallery.protocol()));
            self.window.pictures = Pictures::On(gallery);
        } else {
            let text = "this terminal shows no pictures (kitty, sixel or iTerm2); characters stay";
            self.say(Tone::Error, text.into());
            self.window.pictures = Pictures::Off;
        }
    }

    fn copy(&mut self) {
        let dir = match self.screens.last() {
            None => self.home.run().map(|row| row.dir.clone()),
            Some(_) => self.run().map(|run| run.dir.clone()),
        };
        if let Some(dir) = dir {
            let path = dir.path().display().to_string();
            self.say(Tone::Info, format!("copied {path}"));
            self.tasks.terminal.push(TerminalTask::Copy(path));
        }
    }

    fn quit(&mut self) {
        match self.screens.iter().rev().find(|screen| screen.is_edited()) {
            Some(Screen::Browser(_)) => self.ask(Confirm::LeaveSet(Action::Quit)),
            Some(_) => self.ask(Confirm::LeaveDraft(Action::Quit)),
            None => self.leave(),
        }
    }

    /// Ends the console, whatever is open.
    fn leave(&mut self) {
        self.remember();
        self.tasks.terminal.push(TerminalTask::Quit);
    }

    /// Asks before something that one key cannot take back.
    pub fn ask(&mut self, question: Confirm) {
        self.dialog = Some(Dialog::Confirm(question));
    }

    /// Puts up a notice.
    pub fn say(&mut self, tone: Tone, text: String) {
        self.notice = Some(Notice { text, tone, at: self.clock.now });
    }

    /// Says that nothing may be driven from here.
    pub fn say_read_only(&mut self) {
        self.say(Tone::Error, "opened with --readonly: this only looks".into());
    }
}

/// Enter that was pressed before the terminal was taken over arrives as a line's end, which is Ctrl-J.
fn as_typed(key: KeyEvent) -> KeyEvent {
    let is_line_end = key.code == KeyCode::Char('j') && key.modifiers == KeyModifiers::CONTROL;
    if is_line_end { KeyEvent::new(KeyCode::Enter, KeyModifiers::NONE) } else { key }
}
