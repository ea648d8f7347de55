//! The console's one state, and how it changes: by what a user does ([`App::press`], [`App::update`]) and by what
//! happens outside ([`App::learn`]).
//!
//! Nothing here reads a file or a clock or knows a terminal: what is to be done outside is put into a list of tasks.

use crossterm::event::KeyEvent;
use fixmatch::control::{Change, Request};
use fixmatch::run_dir::RunDir;
use fixmatch::run_state::Status;
use jiff::tz::TimeZone;

use super::charts::Layout;
use super::form::{Draft, Form, live_form};
use super::glyphs::Glyphs;
use super::home::{DataState, Home, Pane};
use super::input::{Cursor, Typed};
use super::keys::{Action, Effect, Keymap, Place};
use super::run::OpenRun;
use super::samples::{Loading, Samples};
use super::theme::Theme;
use super::world::{News, Task};

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
            theme,
            glyphs,
            keymap,
            place: Place::Home,
            dialog: None,
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

    /// Gives a key to a text field or a dialog; says whether there was one.
    fn type_key(&mut self, key: KeyEvent) -> bool {
        if let Some(dialog) = self.dialog.take() {
            self.press_in(dialog, key);
            return true;
        }
        match (self.place, &mut self.draft, &mut self.run) {
            (Place::Home, ..) if self.home.is_filtering => {
                self.home.is_filtering = keeps_typing(&mut self.home.filter, key);
                self.home.settle();
            }
            (Place::Preset, Some(draft), _) if draft.form.editing.is_some() => {
                if let Some(setting) = draft.form.press(key) {
                    draft.set(setting);
                }
            }
            (Place::Log, _, Some(run)) if run.log.is_filtering => {
                run.log.is_filtering = keeps_typing(&mut run.log.filter, key);
                run.log.select();
            }
            _ => return false,
        }
        true
    }

    fn press_in(&mut self, dialog: Dialog, key: KeyEvent) {
        use crossterm::event::KeyCode;
        match dialog {
            Dialog::Help(line) => match self.keymap.find(self.place, key.into()).map(|binding| binding.action) {
                Some(Action::Down) => self.dialog = Some(Dialog::Help(line + 1)),
                Some(Action::PageDown) => self.dialog = Some(Dialog::Help(line + self.page)),
                Some(Action::Up) => self.dialog = Some(Dialog::Help(line.saturating_sub(1))),
                Some(Action::PageUp) => self.dialog = Some(Dialog::Help(line.saturating_sub(self.page))),
                Some(Action::Background) => self.tasks.push(Task::Background),
                _ => {}
            },
            Dialog::Confirm(question) => match key.code {
                KeyCode::Char('y' | 'Y') => self.confirmed(question),
                KeyCode::Char('n' | 'N' | 'q') | KeyCode::Esc => {}
                _ => self.dialog = Some(Dialog::Confirm(question)),
            },
            Dialog::Change(form) => self.press_in_form(form, key),
        }
    }

    fn press_in_form(&mut self, mut form: Form, key: KeyEvent) {
        if form.editing.is_some() {
            if let Some(text) = form.press(key) {
                match text.parse::<Change>() {
                    Ok(change) => return self.post(Request::Set(change)),
                    Err(error) => form.error = Some(format!("{error:#}")),
                }
            }
            self.dialog = Some(Dialog::Change(form));
            return;
        }
        let n = form.fields.len();
        match self.keymap.find(self.place, key.into()).map(|binding| binding.action) {
            Some(Action::Down) => form.at.step(1, n),
            Some(Action::Up) => form.at.step(-1, n),
            Some(Action::Layout | Action::Change) => form.edit(), // Enter
            Some(Action::Back | Action::Quit) => return,
            _ => {}
        }
        self.dialog = Some(Dialog::Change(form));
    }

    fn confirmed(&mut self, question: Confirm) {
        match question {
            Confirm::Stop(dir) => self.tasks.push(Task::Post(dir, Request::Stop)),
            Confirm::Delete(dir) => self.tasks.push(Task::Discard(dir)),
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

    fn update_home(&mut self, action: Action) {
        let page = self.page as isize;
        match action {
            Action::Up => self.home.step(-1),
            Action::Down => self.home.step(1),
            Action::PageUp => self.home.step(-page),
            Action::PageDown => self.home.step(page),
            Action::First => self.home.step(isize::MIN),
            Action::Last => self.home.step(isize::MAX),
            Action::Next => self.home.switch(),
            Action::Filter => self.home.is_filtering = true,
            Action::Enter => match self.home.pane {
                Pane::Presets => self.open_preset(),
                Pane::Runs => self.open_selected_run(),
            },
            Action::Fetch => self.fetch(),
            Action::Delete => self.delete(),
            _ => {}
        }
    }

    fn update_preset(&mut self, action: Action) {
        let page = self.page as isize;
        let Some(draft) = &mut self.draft else { return self.go_home() };
        let n = draft.form.fields.len();
        match action {
            Action::Up => draft.form.at.step(-1, n),
            Action::Down => draft.form.at.step(1, n),
            Action::PageUp => draft.form.at.step(-page, n),
            Action::PageDown => draft.form.at.step(page, n),
            Action::First => draft.form.at = Cursor::default(),
            Action::Last => draft.form.at.step(isize::MAX, n),
            Action::Enter => draft.form.edit(),
            Action::Launch => {
                let task = Task::Launch(draft.preset.clone(), draft.settings.clone());
                self.say(Tone::Info, "starting a worker…".into());
                self.tasks.push(task);
            }
            Action::Back => self.go_home(),
            _ => {}
        }
    }

    fn update_run(&mut self, action: Action) {
        let Some(run) = &mut self.run else { return self.go_home() };
        let charts = &mut run.charts;
        match action {
            Action::Next | Action::Down => charts.next(1),
            Action::Up => charts.next(-1),
            Action::Layout => {
                charts.layout = match charts.layout {
                    Layout::Grid => Layout::Single,
                    Layout::Single => Layout::Grid,
                }
            }
            Action::Left => charts.move_cursor(-1.0),
            Action::Right => charts.move_cursor(1.0),
            Action::ZoomIn => charts.zoom(1),
            Action::ZoomOut => charts.zoom(-1),
            Action::PanLeft | Action::PageUp => charts.pan(-1.0),
            Action::PanRight | Action::PageDown => charts.pan(1.0),
            Action::ResetView | Action::First | Action::Last => charts.reset(),
            Action::Axis => charts.switch_axis(),
            Action::Scale => charts.scale = charts.scale.next(),
            Action::Smooth => charts.next_smoothing(),
            Action::Log => self.place = Place::Log,
            Action::Samples => return self.open_samples(),
            Action::Back if charts.cursor.is_some() || !charts.is_whole() => charts.reset(),
            Action::Back => return self.go_home(),
            Action::Pause => return self.post(Request::Pause),
            Action::Suspend => return self.post(Request::Suspend),
            Action::Checkpoint => return self.post(Request::Checkpoint),
            Action::Evaluate => return self.post(Request::Evaluate),
            Action::Stop => return self.ask_stop(),
            Action::Change => return self.open_changes(),
            Action::Undo => return self.undo(),
            _ => {}
        }
        self.refresh_charts();
    }

    fn update_log(&mut self, action: Action) {
        let page = self.page as isize;
        let Some(run) = &mut self.run else { return self.go_home() };
        match action {
            Action::Up => run.log.scroll(-1),
            Action::Down => run.log.scroll(1),
            Action::PageUp => run.log.scroll(-page),
            Action::PageDown => run.log.scroll(page),
            Action::First => run.log.scroll(isize::MIN / 2),
            Action::Last => run.log.at = None,
            Action::Next => run.log.next_view(),
            Action::Filter => run.log.is_filtering = true,
            Action::Samples => self.open_samples(),
            Action::Back if !run.log.filter.text.is_empty() => {
                run.log.filter.text.clear();
                run.log.select();
            }
            Action::Back => self.place = Place::Run,
            _ => {}
        }
    }

    fn update_samples(&mut self, action: Action) {
        let (columns, page) = (self.samples.columns.max(1) as isize, self.page as isize);
        match action {
            Action::Left => self.samples.step(-1),
            Action::Right => self.samples.step(1),
            Action::Up => self.samples.step(-columns),
            Action::Down => self.samples.step(columns),
            Action::PageUp => self.samples.step(-page),
            Action::PageDown => self.samples.step(page),
            Action::First => self.samples.step(isize::MIN),
            Action::Last => self.samples.step(isize::MAX),
            Action::Draw => self.samples.redraw(),
            Action::Enter => match self.samples.enlarged.take() {
                Some(_) => {}
                None => self.samples.enlarge(),
            },
            Action::Log => self.place = Place::Log,
            Action::Back if self.samples.enlarged.is_some() => self.samples.enlarged = None,
            Action::Back => self.place = Place::Run,
            _ => {}
        }
    }

    fn refresh_charts(&mut self) {
        if let Some(run) = &mut self.run {
            let steps = run.steps();
            run.charts.follow(&run.curves, steps);
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

    fn open_preset(&mut self) {
        if let Some(row) = self.home.preset() {
            self.draft = Some(Draft::new(&row.preset, &row.config));
            self.place = Place::Preset;
        }
    }

    fn open_selected_run(&mut self) {
        if let Some(dir) = self.home.run().map(|row| row.dir.clone()) {
            self.open_run(dir);
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

    fn open_samples(&mut self) {
        self.place = Place::Samples;
        if let (Some(run), Loading::Not | Loading::Failed(_)) = (&self.run, &self.samples.loading) {
            self.tasks.push(Task::Sheet(run.dir.clone()));
            self.samples.loading = Loading::Reading;
        }
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

    fn fetch(&mut self) {
        let Some(row) = self.home.preset().filter(|_| self.home.pane == Pane::Presets) else { return };
        let name = row.config.data.dataset.clone();
        match row.data {
            DataState::Missing(_) => {
                self.home.set_data(&name, &DataState::Coming(0.0));
                self.say(Tone::Info, format!("fetching {name}"));
                self.tasks.push(Task::Fetch(name));
            }
            DataState::Here => self.say(Tone::Info, format!("{name} is here already")),
            DataState::Coming(_) => self.say(Tone::Info, format!("{name} is on its way")),
            DataState::Unknown | DataState::Nowhere => {
                self.say(Tone::Error, format!("{name} cannot be fetched: data.path says where it is"));
            }
        }
    }

    fn delete(&mut self) {
        let Some(row) = self.home.run().filter(|_| self.home.pane == Pane::Runs) else { return };
        if row.status.is_alive() {
            return self.say(Tone::Error, format!("the run is {}: stop it first", row.status.label()));
        }
        self.dialog = Some(Dialog::Confirm(Confirm::Delete(row.dir.clone())));
    }

    /// Ends a pause, or starts a worker on a run that has none.
    fn resume(&mut self) {
        let selected = match (self.place, &self.run) {
            (Place::Home, _) => {
                self.home.run().filter(|_| self.home.pane == Pane::Runs).map(|row| (row.dir.clone(), row.status))
            }
            (_, Some(run)) => Some((run.dir.clone(), run.status())),
            (_, None) => None,
        };
        let Some((dir, status)) = selected else { return };
        match status {
            Status::Paused => self.tasks.push(Task::Post(dir, Request::Continue)),
            Status::Stopped | Status::Suspended | Status::Failed | Status::Lost => {
                self.say(Tone::Info, "starting a worker…".into());
                self.tasks.push(Task::Resume(dir));
            }
            Status::Starting | Status::Running => {
                self.say(Tone::Info, format!("the run is {} already", status.label()));
            }
            Status::NotResponding => {
                self.say(
                    Tone::Error,
                    "the worker holds the run but gives no sign of life; if it hangs, kill it first".into(),
                );
            }
            Status::Finished => self.say(Tone::Info, "the run has done all of its steps".into()),
        }
    }

    fn ask_stop(&mut self) {
        if let Some(run) = self.living_run() {
            self.dialog = Some(Dialog::Confirm(Confirm::Stop(run.dir.clone())));
        }
    }

    fn open_changes(&mut self) {
        let Some(run) = self.living_run() else { return };
        match run.live() {
            Some(live) => self.dialog = Some(Dialog::Change(live_form(&live))),
            None => self.say(Tone::Error, "run.toml cannot be read".into()),
        }
    }

    fn undo(&mut self) {
        let Some(run) = self.living_run() else { return };
        match run.undo() {
            Some(change) => self.post(Request::Set(change)),
            None => self.say(Tone::Info, "nothing was changed yet".into()),
        }
    }

    fn post(&mut self, request: Request) {
        if let Some(dir) = self.living_run().map(|run| run.dir.clone()) {
            self.tasks.push(Task::Post(dir, request));
        }
    }

    /// The open run, if it has a worker to ask; else says that it has none.
    fn living_run(&mut self) -> Option<&OpenRun> {
        let status = self.run.as_ref()?.status();
        if !status.is_alive() {
            let hint = if status == Status::Finished { "" } else { "; r starts one" };
            self.say(Tone::Error, format!("the run is {}: there is no worker to ask{hint}", status.label()));
            return None;
        }
        self.run.as_ref()
    }

    fn say(&mut self, tone: Tone, text: String) {
        self.notice = Some(Notice { text, tone, at: self.now });
    }

    /// Takes in what happened outside.
    pub fn learn(&mut self, news: News) {
        match news {
            News::Runs(listing) => self.home.take(listing),
            News::Run(dir, reading) => self.learn_of_run(&dir, *reading),
            News::Launched(Ok(dir)) => {
                self.notice = None;
                if self.run.as_ref().is_none_or(|run| run.dir != dir) {
                    self.open_run(dir);
                }
            }
            News::Died(dir, error) => {
                let text = format!("{}: {error}", dir.id());
                self.say(Tone::Error, text);
            }
            News::Posted(dir, request, Ok(id)) => {
                if let Some(run) = self.run.as_mut().filter(|run| run.dir == dir) {
                    run.posted(id, request, self.now);
                }
            }
            News::Launched(Err(error)) | News::Posted(_, _, Err(error)) | News::Discarded(Err(error)) => {
                self.say(Tone::Error, error);
            }
            News::Discarded(Ok(path)) => self.say(Tone::Info, format!("moved to {}", path.display())),
            News::Data(name, state) => self.home.set_data(&name, &state),
            News::Fetched(name, Ok(())) => self.say(Tone::Info, format!("{name} is here, checksums right")),
            News::Fetched(_, Err(error)) => self.say(Tone::Error, error),
            News::Sheet(dir, sheet) => {
                if self.run.as_ref().is_some_and(|run| run.dir == dir) {
                    self.samples.loading = sheet.map_or_else(Loading::Failed, Loading::Read);
                }
            }
        }
    }

    fn learn_of_run(&mut self, dir: &RunDir, reading: super::run::Reading) {
        let Some(run) = self.run.as_mut().filter(|run| run.dir == *dir) else { return };
        let before = run.glance.as_ref().map(|glance| glance.status);
        run.take(reading, self.now);
        let status = run.status();
        let has_ended = matches!(status, Status::Finished | Status::Failed | Status::Lost);
        if has_ended && before.is_some_and(|before| before != status && before.is_alive()) {
            self.tasks.push(Task::Ring(format!("{} {}", run.dir.id(), status.label())));
        }
    }
}

/// Gives a key to a filter; says whether it is typed on. Escape empties it.
fn keeps_typing(input: &mut super::input::Input, key: KeyEvent) -> bool {
    match input.press(key) {
        Typed::On => true,
        Typed::Done => false,
        Typed::Left => {
            input.text.clear();
            false
        }
    }
}
