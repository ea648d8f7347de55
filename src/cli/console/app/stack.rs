//! The screens that are open: how one is opened over another, and left again.

use crossterm::event::{KeyCode, KeyEvent, KeyModifiers};
use fixmatch::labels::desk::Labeling;
use fixmatch::run::dir::RunDir;

use super::{App, Tone};
use crate::console::dialog::Confirm;
use crate::console::keys::{Action, Place};
use crate::console::screens::browser::{Base, Browser, Opening, Start};
use crate::console::screens::label::Label;
use crate::console::screens::preset::Draft;
use crate::console::screens::race::Race;
use crate::console::screens::run::OpenRun;
use crate::console::screens::{Go, Screen};
use crate::console::tasks::{LabelTask, WorldTask};

/// What was seen of an open run is remembered so often, in seconds.
const REMEMBER_S: f64 = 10.0;

impl App {
    /// Where the keys of the screen that is shown are in the table.
    pub fn place(&self) -> Place {
        self.screens.last().map_or(Place::Home, Screen::place)
    }

    /// The run that is open, if there is one: the last that was opened.
    pub fn run(&self) -> Option<&OpenRun> {
        self.screens.iter().rev().find_map(|screen| if let Screen::Run(it) = screen { Some(&**it) } else { None })
    }

    /// The same, to be changed.
    pub fn run_mut(&mut self) -> Option<&mut OpenRun> {
        self.screens.iter_mut().rev().find_map(|it| if let Screen::Run(run) = it { Some(&mut **run) } else { None })
    }

    /// The values of a preset that are open.
    pub fn draft(&self) -> Option<&Draft> {
        self.screens.iter().rev().find_map(|screen| if let Screen::Preset(it) = screen { Some(&**it) } else { None })
    }

    /// The browser that is open.
    pub fn browser_mut(&mut self) -> Option<&mut Browser> {
        self.screens.iter_mut().rev().find_map(|it| if let Screen::Browser(it) = it { Some(&mut **it) } else { None })
    }

    /// Lets the screen that is shown follow an action, and goes where that leads. Meanwhile it is not among the others.
    pub(super) fn update_screen(&mut self, action: Action) {
        let Some(mut screen) = self.screens.pop() else {
            let mut home = std::mem::take(&mut self.home);
            let go = home.update(action, self);
            self.home = home;
            return self.go(go);
        };
        let go = match &mut screen {
            Screen::Preset(draft) => draft.update(action, self),
            Screen::Run(run) => run.update(action, self),
            Screen::Race(race) => race.update(action),
            Screen::LabelSets => {
                let mut label_sets = std::mem::take(&mut self.label_sets);
                let go = label_sets.update(action, self);
                self.label_sets = label_sets;
                go
            }
            Screen::Browser(browser) => browser.update(action, self),
            Screen::Suite(suite) => suite.update(action, self),
            Screen::Label(label) => label.update(action, self),
        };
        self.screens.push(screen);
        self.go(go);
    }

    /// Goes where an action leads.
    pub(super) fn go(&mut self, go: Go) {
        match go {
            Go::Nowhere => {}
            Go::Back => self.back(),
            Go::To(screen) => self.open(screen),
        }
    }

    /// Opens a screen over the one that is shown.
    pub fn open(&mut self, mut screen: Screen) {
        self.remember();
        self.dialog = None; // it is about the screen below
        let dirs: Vec<_> = screen.runs().iter().map(|run| run.dir.clone()).collect();
        if !dirs.is_empty() {
            self.tasks.world.push(WorldTask::Follow(dirs));
        }
        if let Screen::Race(race) = &mut screen {
            race.know(self.home.rows());
        }
        match &screen {
            Screen::LabelSets => self.tasks.world.push(WorldTask::LabelSets),
            Screen::Browser(browser) => {
                let Opening { data, made_of, .. } = &browser.opening;
                self.tasks.world.extend([WorldTask::Atlas(data.clone()), WorldTask::LabelSets]);
                self.tasks.world.extend(made_of.clone().map(|(preset, settings)| WorldTask::Base(preset, settings)));
                // one holds all images of a data set, which is enough; one that is not saved is gone back to instead
                self.screens.retain(|screen| !matches!(screen, Screen::Browser(_)));
            }
            Screen::Label(label) => self.tasks.world.push(WorldTask::OpenLabels(label.request.clone())),
            Screen::Preset(_) | Screen::Run(_) | Screen::Race(_) | Screen::Suite(_) => {}
        }
        self.screens.push(screen);
    }

    /// Leaves the screen that is shown for the one below.
    pub(super) fn back(&mut self) {
        self.remember();
        self.dialog = None;
        let Some(mut left) = self.screens.pop() else { return };
        let was_followed = !left.runs().is_empty();
        if was_followed {
            self.follow_again();
        }
        match self.screens.last() {
            Some(Screen::LabelSets) => self.tasks.world.push(WorldTask::LabelSets),
            // there may be another order by now
            Some(Screen::Browser(browser)) if was_followed => {
                let data = browser.opening.data.clone();
                self.tasks.world.extend([WorldTask::Atlas(data), WorldTask::LabelSets]);
            }
            _ => {}
        }
    }

    /// Reads the runs anew that were open before, if there are any.
    fn follow_again(&mut self) {
        let runs = self.screens.iter_mut().rev().map(Screen::runs).find(|runs| !runs.is_empty());
        let runs = runs.unwrap_or_default();
        runs.iter_mut().for_each(OpenRun::forget);
        self.tasks.world.push(WorldTask::Follow(runs.iter().map(|run| run.dir.clone()).collect()));
    }

    /// Leaves screens until one is to be kept: what was edited always is.
    fn leave_until(&mut self, is_kept: impl Fn(&Screen) -> bool) {
        while self.screens.last().is_some_and(|screen| !is_kept(screen) && !screen.is_edited()) {
            self.back();
        }
    }

    /// Opens a run over the lists, the browser or the race that it belongs to.
    pub fn open_run(&mut self, dir: RunDir) {
        self.leave_until(|screen| matches!(screen, Screen::Browser(_) | Screen::Race(_) | Screen::Suite(_)));
        self.open(Screen::run(dir));
    }

    /// Shows runs beside each other, over the lists or the browser.
    pub fn open_race(&mut self, dirs: Vec<RunDir>) {
        self.leave_until(|screen| matches!(screen, Screen::Browser(_)));
        self.home.marked.clear();
        self.open(Screen::Race(Box::new(Race::new(dirs))));
    }

    /// Opens the list of what can be browsed, or from a preset or a run, the browser on its label set; goes back to a set
    /// that is not saved.
    pub(super) fn browse(&mut self) {
        if self.screens.iter().any(|screen| matches!(screen, Screen::Browser(_)) && screen.is_edited()) {
            self.leave_until(|_| false);
            // values that were edited over it are not thrown away unasked
            if let Some(Screen::Preset(_)) = self.screens.last() {
                self.ask(Confirm::LeaveDraft(Action::Back));
            }
            return;
        }
        let opening = match self.screens.last() {
            Some(Screen::Preset(draft)) => {
                let base = Base { preset: draft.preset.clone(), settings: draft.settings.clone() };
                let is_listed = draft.config.labels.indices.is_some();
                let start = (!is_listed).then(|| Start::Pick(draft.config.labels.pick.clone()));
                Some(Opening { base: Some(base), start, ..Opening::of(&draft.config) })
            }
            Some(Screen::Run(run)) => run.file.as_ref().and_then(|file| file.as_ref().ok()).map(|file| {
                let made_of = Some((file.provenance.preset.clone(), file.provenance.settings.clone()));
                let start = file.config.rank.is_none().then(|| Start::Run(run.dir.clone()));
                Opening { start, made_of, ..Opening::of(&file.config) }
            }),
            None
            | Some(Screen::Race(_) | Screen::LabelSets | Screen::Browser(_) | Screen::Suite(_) | Screen::Label(_)) => {
                None
            }
        };
        self.open(opening.map_or(Screen::LabelSets, |opening| Screen::Browser(Box::new(Browser::new(opening)))));
    }

    /// Opens the labelling screen on the images of what is shown or selected.
    pub(super) fn label(&mut self) {
        let data = match self.screens.last() {
            None => self.home.preset().map(|row| row.config.data.clone()),
            Some(Screen::Preset(draft)) => Some(draft.config.data.clone()),
            Some(Screen::Run(run)) => run.file.as_ref().and_then(|file| Some(file.as_ref().ok()?.config.data.clone())),
            Some(Screen::Browser(browser)) => Some(browser.opening.data.clone()),
            Some(Screen::LabelSets) => self.label_sets.data(),
            Some(Screen::Race(_) | Screen::Suite(_) | Screen::Label(_)) => None,
        };
        let Some(data) = data else {
            let text = "select a preset or a data set first; `fixmatch label FOLDER` labels the images of a folder";
            return self.say(Tone::Info, text.into());
        };
        let request = Labeling { data, ..Labeling::default() };
        self.open(Screen::Label(Box::new(Label::new(request))));
    }

    /// The labelling screen, if it is the one that is shown.
    pub fn label_mut(&mut self) -> Option<&mut Label> {
        if let Some(Screen::Label(label)) = self.screens.last_mut() { Some(label) } else { None }
    }

    /// Lets the labelling screen do something, if it is the one that is shown; meanwhile it is not among the screens.
    pub(super) fn in_label(&mut self, does: impl FnOnce(&mut Label, &mut Self)) {
        let Some(mut screen) = self.screens.pop() else { return };
        if let Screen::Label(label) = &mut screen {
            does(label, self);
        }
        self.screens.push(screen);
    }

    /// Has a key wait while an answer is on its way to the disk or the next image is not here; says whether it waits. What
    /// leaves does not wait.
    pub(super) fn holds(&mut self, key: KeyEvent) -> bool {
        let waits = self.dialog.is_none() && key.code != KeyCode::Esc && !key.modifiers.contains(KeyModifiers::CONTROL);
        let label = self.label_mut().filter(|label| waits && label.is_busy() && label.finder.is_none());
        label.map(|label| label.hold(key)).is_some()
    }

    /// Looks now and then for answers that others gave.
    pub(super) fn reread_answers(&mut self) {
        let desk = self.label_mut().and_then(|label| label.desk().cloned());
        self.tasks.world.extend(desk.map(|desk| WorldTask::Label(desk, LabelTask::Reread)));
    }

    /// Remembers what was seen of the run that is open.
    pub(super) fn remember(&mut self) {
        let now = self.clock.now;
        let Some(run) = self.run_mut() else { return };
        run.remembered_at = Some(now);
        if let Some(seen) = run.seen() {
            let dir = run.dir.clone();
            self.tasks.world.push(WorldTask::Remember(dir, seen));
        }
    }

    pub(super) fn remember_now_and_then(&mut self) {
        let now = self.clock.now;
        if self.run_mut().is_some_and(|run| now - *run.remembered_at.get_or_insert(now) > REMEMBER_S) {
            self.remember();
        }
    }
}
