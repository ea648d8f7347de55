//! The console's one state, and how it changes: by what a user does ([`App::press`], [`App::update`]) and by what
//! happens outside ([`App::learn`]).
//!
//! Nothing here reads a file or a clock or knows a terminal: what is to be done outside is put into a list of tasks.

mod changes;
mod choosing;
mod driving;
mod insight;
mod labels;
mod news;
mod pointing;
mod racing;
mod screens;
#[cfg(test)]
mod tests;
mod typing;

use std::path::PathBuf;

use crossterm::event::{KeyCode, KeyEvent, KeyModifiers};
use fixmatch::config::Metric;
use fixmatch::run::change::Edit;
use fixmatch::run::dir::RunDir;
use fixmatch::run::survey::Row;
use jiff::tz::TimeZone;

use super::Stay;
use super::browser::{Base, Browser, Start};
use super::chooser::{Ask, Chooser};
use super::form::{Draft, Form};
use super::glyphs::Glyphs;
use super::home::{DataState, Home, Pane};
use super::input::Cursor;
use super::keys::{Action, Binding, Effect, Keymap, Place, TABLE};
use super::machine::Machine;
use super::pictures::{Gallery, Pictures};
use super::race::Race;
use super::run::OpenRun;
use super::samples::Samples;
use super::shelf::{self, Shelf};
use super::tasks::{Tasks, TerminalTask, WorldTask};
use super::theme::{Depth, Theme};

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
    /// A list to choose from.
    Choose(Chooser<Choice>),
    /// A line to type.
    Ask(Ask<Purpose>),
}

/// A line of a list in the browser of label sets.
#[derive(Clone, Debug)]
pub enum Choice {
    /// Only this class, or all.
    Class(Option<usize>),
    /// This order.
    Order(usize),
    /// Have a run make the order by this metric.
    Make(Metric),
    /// Start the label set from this.
    Start(Start),
    /// Type what to start it from.
    Type,
    /// Launch a run on the label set.
    Launch(Base),
    /// Launch two, on the most and on the least representative images.
    Race(Base),
}

/// What a line is typed for.
#[derive(Clone, Debug, PartialEq)]
pub enum Purpose {
    /// An image's number.
    GoTo,
    /// What `labels.pick` may say.
    Start,
    /// The label set's name.
    Save {
        /// Whether a run is to be launched from it.
        then_launch: bool,
    },
    /// Another value of a recorded change, of this number.
    ChangeValue(u32),
    /// The step to which one is moved.
    MoveChange(u32),
}

/// A question before something that cannot be taken back with one key.
#[derive(Clone, Debug)]
pub enum Confirm {
    /// Stop these runs? So many others cannot be.
    Stop(Vec<RunDir>, usize),
    /// Move these runs to the trash? So many others cannot be.
    Delete(Vec<RunDir>, usize),
    /// Drop these recorded changes, by their numbers?
    DropChanges(Vec<u32>),
    /// Leave a preset's values that were edited, back or out of the console?
    LeaveDraft(Action),
    /// Start two whole runs on these presets' labels?
    Race(Base),
    /// Move this saved label set to the trash?
    DeleteSet(String, PathBuf),
    /// Leave a label set that was edited and not saved, back or out of the console?
    LeaveSet(Action),
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
    /// Whether the mouse is the console's; else the terminal selects text with it.
    pub has_mouse: bool,
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
    /// The value of its configuration that is looked at.
    pub value_at: Cursor,
    /// The recorded change of it that is looked at.
    pub change_at: Cursor,
    /// Its labeled images.
    pub samples: Samples,
    /// Whether images are shown as pictures.
    pub pictures: Pictures,
    /// What label sets there are to browse.
    pub shelf: Shelf,
    /// The data set that is browsed.
    pub browser: Option<Browser>,
    /// Two runs that are looked at together.
    pub race: Option<Race>,
    /// What was last done.
    pub notice: Option<Notice>,
    /// Seconds since 1970, UTC.
    pub now: f64,
    /// Where the user's clock stands; UTC unless it is set.
    pub zone: TimeZone,
    /// Rows of a page, for scrolling; the screen says.
    pub page: usize,
    /// What is to be done in the run that was opened for it, once it is read.
    then: Option<Action>,
    tasks: Tasks,
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
            has_mouse: false,
            place: Place::Home,
            dialog: None,
            machine: None,
            home: Home::new(),
            draft: None,
            run: None,
            value_at: Cursor::default(),
            change_at: Cursor::default(),
            samples: Samples::default(),
            pictures: Pictures::Off,
            shelf: Shelf::default(),
            browser: None,
            race: None,
            notice: None,
            now,
            zone: TimeZone::UTC,
            page: 10,
            then: None,
            tasks: Tasks::default(),
            remembered_at: now,
        }
    }

    /// What is to be done outside.
    pub fn take_tasks(&mut self) -> Tasks {
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
        self.act(|app| {
            if !app.type_key(key)
                && let Some(binding) = app.keymap.find(app.place, key.into())
            {
                app.follow(binding);
            }
        });
    }

    /// Lets a user do something. A notice from before stays behind where it was put up.
    fn act(&mut self, does: impl FnOnce(&mut Self)) {
        let (place, notice) = (self.place, self.notice.clone());
        does(self);
        if self.place != place && self.notice == notice {
            self.notice = None;
        }
    }

    /// Does what a line of the table says, if it may be done.
    fn follow(&mut self, binding: &Binding) {
        if binding.effect == Effect::Drives && self.access == Access::ReadOnly {
            return self.say(Tone::Error, "opened with --readonly: this only looks".into());
        }
        self.update(binding.action);
    }

    /// Does what a user wants.
    pub fn update(&mut self, action: Action) {
        if let Some(run) = &mut self.run {
            run.digest = None;
        }
        match action {
            Action::Quit if self.holds_unsaved_set() => {
                self.dialog = Some(Dialog::Confirm(Confirm::LeaveSet(Action::Quit)));
            }
            Action::Quit if self.draft.as_ref().is_some_and(|draft| draft.is_edited) => {
                self.dialog = Some(Dialog::Confirm(Confirm::LeaveDraft(Action::Quit)));
            }
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
            Action::Configuration => self.open_configuration(),
            Action::Changes => self.open_recorded(),
            _ if self.drives_runs(action) => self.drive_runs(action),
            _ => match self.place {
                Place::Home => self.update_home(action),
                Place::Preset => self.update_preset(action),
                Place::Run => self.update_run(action),
                Place::Configuration => self.update_configuration(action),
                Place::Changes => self.update_recorded(action),
                Place::Log => self.update_log(action),
                Place::Samples => self.update_samples(action),
                Place::Insight => self.update_insight(action),
                Place::Shelf => self.update_shelf(action),
                Place::Browse => self.update_browser(action),
                Place::Race => self.update_race(action),
            },
        }
    }

    /// Words that offer a key, as `; r resumes` does, where it has one and may be pressed; else nothing.
    pub fn offer(&self, place: Place, action: Action, (before, after): (&str, &str)) -> String {
        let is_allowed = |binding: &Binding| self.access == Access::Full || binding.effect == Effect::Looks;
        let binding = TABLE.iter().find(|it| it.action == action && it.places.contains(&place) && is_allowed(it));
        let key = binding.and_then(|_| self.keymap.key(place, action));
        key.map_or_else(String::new, |key| format!("{before}{key}{after}"))
    }

    /// Whether what an action is about, if anything, can follow it as it stands.
    pub fn fits(&self, action: Action) -> bool {
        let home = &self.home;
        match (self.place, home.pane, action) {
            (Place::Home, Pane::Presets, Action::Fetch) => {
                home.preset().is_some_and(|row| matches!(row.data, DataState::Missing(_)))
            }
            (Place::Home, Pane::Runs, Action::Resume) => home.targets().into_iter().any(resume_helps),
            (Place::Home, _, Action::Undo) => !home.trashed.is_empty(),
            (Place::Home, Pane::Runs, _) if self.drives_runs(action) => {
                home.targets().into_iter().any(|row| action.fits(row.status))
            }
            (Place::Home, Pane::Runs, Action::Change) => {
                matches!(home.targets()[..], [row] if action.fits(row.status))
            }
            (Place::Home, Pane::Runs, Action::Fork) => home.targets().len() == 1,
            (Place::Home, Pane::Runs, Action::Beside | Action::Mark) => home.run().is_some(),
            (Place::Home, _, Action::Back) => !home.filter.text.is_empty() || !home.marked.is_empty(),
            (Place::Home, _, Action::Fetch | Action::Change | Action::Fork | Action::Beside | Action::Mark) => false,
            (Place::Home, ..) if self.drives_runs(action) => false,
            (Place::Preset, _, Action::Fetch) => self
                .draft
                .as_ref()
                .is_some_and(|draft| matches!(home.data(&draft.config.data.dataset), DataState::Missing(_))),
            (Place::Preset, _, Action::Baseline) => self.draft.as_ref().is_some_and(Draft::has_baseline),
            (Place::Samples, _, Action::Enter) => self.samples.sample().is_some() && self.samples.enlarged.is_none(),
            (Place::Samples, _, Action::Draw) => self.samples.enlarged.is_some(),
            (Place::Shelf, _, Action::Fetch) => {
                matches!(self.shelf.row(), Some(shelf::Row::Data { state: DataState::Missing(_), .. }))
            }
            (Place::Shelf, _, Action::Delete) => matches!(self.shelf.row(), Some(shelf::Row::Set(_))),
            (Place::Run | Place::Changes, _, Action::Resume) => self.run.as_ref().is_some_and(|run| {
                let is_of_use = run.state.may_get_further() && run.error.is_none();
                is_of_use && action.fits(run.status())
            }),
            (Place::Run, _, Action::Drop) => self.run.as_ref().is_some_and(|run| !run.ahead().is_empty()),
            (Place::Run | Place::Insight, _, Action::Changes) => {
                self.run.as_ref().is_some_and(|run| !run.state.history.entries().is_empty())
            }
            (Place::Changes, _, Action::Enter | Action::Move | Action::Drop) => {
                self.recorded().is_some_and(|entry| self.why_not(Edit::Drop(entry.number)).is_none())
            }
            (Place::Run | Place::Insight | Place::Changes, ..) => {
                self.run.as_ref().is_none_or(|run| action.fits(run.status()))
            }
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

    pub(super) fn go_to_shell(&mut self) {
        self.forget_pictures();
        self.tasks.terminal.push(TerminalTask::Background);
    }

    /// Sends every picture anew, since the terminal was out of our hands.
    pub fn forget_pictures(&mut self) {
        if let Pictures::On(gallery) = &mut self.pictures {
            gallery.forget();
        }
    }

    pub(super) fn switch_pictures(&mut self) {
        match self.pictures {
            Pictures::Asking => {}
            Pictures::On(_) => {
                self.pictures = Pictures::Off;
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
        self.pictures = Pictures::Asking;
        self.say(Tone::Info, "asking the terminal whether it can show pictures…".into());
        self.tasks.terminal.push(TerminalTask::AskForPictures);
    }

    /// Takes the terminal's answer.
    pub fn take_pictures(&mut self, answer: Option<Gallery>) {
        if let Some(gallery) = answer {
            self.say(Tone::Info, format!("pictures by {}", gallery.protocol()));
            self.pictures = Pictures::On(gallery);
        } else {
            let text = "this terminal shows no pictures (kitty, sixel or iTerm2); characters stay";
            self.say(Tone::Error, text.into());
            self.pictures = Pictures::Off;
        }
    }

    fn copy(&mut self) {
        let dir = match self.place {
            Place::Home => self.home.run().map(|row| row.dir.clone()),
            _ => self.run.as_ref().map(|run| run.dir.clone()),
        };
        if let Some(dir) = dir {
            let path = dir.path().display().to_string();
            self.say(Tone::Info, format!("copied {path}"));
            self.tasks.terminal.push(TerminalTask::Copy(path));
        }
    }

    /// Opens a run's screen.
    pub fn open_run(&mut self, dir: RunDir) {
        self.remember();
        self.then = None;
        self.tasks.world.push(WorldTask::Follow(vec![dir.clone()]));
        self.run = Some(OpenRun::new(dir));
        (self.samples, self.change_at) = (Samples::default(), Cursor::default());
        self.place = Place::Run;
    }

    fn quit(&mut self) {
        self.remember();
        self.tasks.terminal.push(TerminalTask::Quit);
    }

    fn go_home(&mut self) {
        self.remember();
        self.tasks.world.push(WorldTask::Follow(Vec::new()));
        (self.run, self.draft, self.browser, self.race) = (None, None, None, None);
        self.place = Place::Home;
    }

    fn remember(&mut self) {
        self.remembered_at = self.now;
        if let Some((dir, seen)) = self.run.as_ref().and_then(|run| Some((run.dir.clone(), run.seen()?))) {
            self.tasks.world.push(WorldTask::Remember(dir, seen));
        }
    }

    fn say(&mut self, tone: Tone, text: String) {
        self.notice = Some(Notice { text, tone, at: self.now });
    }
}

/// Whether a worker that is started on the run again may get further than the last one.
fn resume_helps(row: &Row) -> bool {
    row.error.is_none() && !row.summary.fails_again && Action::Resume.fits(row.status)
}

/// Enter that was pressed before the terminal was taken over arrives as a line's end, which is Ctrl-J.
fn as_typed(key: KeyEvent) -> KeyEvent {
    let is_line_end = key.code == KeyCode::Char('j') && key.modifiers == KeyModifiers::CONTROL;
    if is_line_end { KeyEvent::new(KeyCode::Enter, KeyModifiers::NONE) } else { key }
}
