//! What each screen does with an action.

use fixmatch::plan::LABELS_ONLY;

use super::{App, Confirm, Dialog, Tone};
use crate::console::charts::Layout;
use crate::console::form::Draft;
use crate::console::home::{DataState, Pane};
use crate::console::input::Cursor;
use crate::console::keys::{Action, Place};
use crate::console::race::Race;
use crate::console::run::OpenRun;
use crate::console::samples::Loading;
use crate::console::tasks::{Contestant, WorldTask};

/// Freezes a run's screens, moves them in time, or lets them go.
pub(super) fn scrub(run: &mut OpenRun, action: Action) {
    match action {
        Action::Earlier => run.scrub(-1),
        Action::Later => run.scrub(1),
        Action::FarEarlier => run.scrub(-run.tenth()),
        Action::FarLater => run.scrub(run.tenth()),
        _ if run.moment.is_some() => run.thaw(),
        _ => run.freeze(run.step()),
    }
}

impl App {
    pub(super) fn update_home(&mut self, action: Action) {
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
            Action::Back if !self.home.marked.is_empty() => self.home.marked.clear(),
            Action::Back => self.home.show_all(),
            Action::Mark if self.home.pane == Pane::Runs => self.home.mark(),
            Action::Change | Action::Fork => self.open_to(action),
            Action::Undo => self.restore(),
            Action::Enter => match self.home.pane {
                Pane::Presets => self.open_preset(),
                Pane::Runs => self.open_selected_run(),
            },
            Action::Fetch => self.fetch(),
            Action::Beside => self.put_beside(),
            _ => {}
        }
    }

    pub(super) fn update_preset(&mut self, action: Action) {
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
            Action::Left | Action::Right => {
                let by = if action == Action::Left { -1 } else { 1 };
                draft.choose(by);
                if draft.form.field().is_some_and(|field| field.choices().is_empty()) {
                    let types = self.offer(Place::Preset, Action::Enter, (": ", " types a value"));
                    self.say(Tone::Info, format!("nothing to choose from here{types}"));
                }
            }
            Action::Baseline if draft.has_baseline() => draft.with_baseline = !draft.with_baseline,
            Action::Baseline => {
                let text = "a baseline is for a new run whose train.lambda_u is more than 0";
                self.say(Tone::Error, text.into());
            }
            Action::Fetch => self.fetch_for_draft(),
            Action::Launch => self.launch(),
            Action::Back if draft.is_edited => {
                self.dialog = Some(Dialog::Confirm(Confirm::LeaveDraft(Action::Back)));
            }
            Action::Back => self.close_draft(),
            _ => {}
        }
    }

    /// Launches what the values say, alone or with its baseline beside it.
    fn launch(&mut self) {
        let Some(draft) = &mut self.draft else { return };
        draft.is_edited = false;
        let (preset, settings) = (draft.preset.clone(), draft.settings.clone());
        let (task, text) = match &draft.fork {
            Some((dir, until)) => (WorldTask::Fork(dir.clone(), *until, settings), "starting a worker…"),
            None if draft.with_baseline => {
                let name = format!("{}-labels-only", preset.name);
                let labels_only = [settings.clone(), vec![LABELS_ONLY.into()]].concat();
                let baseline = Contestant { name, preset: preset.clone(), settings: labels_only };
                let own = Contestant { name: preset.name.clone(), preset, settings };
                (WorldTask::Race(Box::new([own, baseline])), "starting two workers…")
            }
            None => (WorldTask::Launch(preset, settings), "starting a worker…"),
        };
        self.say(Tone::Info, text.into());
        self.tasks.world.push(task);
    }

    /// Goes back to where the values were opened from.
    pub(super) fn close_draft(&mut self) {
        let is_fork = self.draft.take().is_some_and(|draft| draft.fork.is_some());
        match (is_fork, self.browser.is_some()) {
            (true, _) => self.place = Place::Run,
            (false, true) => self.place = Place::Browse,
            (false, false) => self.go_home(),
        }
    }

    /// Shows the run's values, to be changed in a fork of it.
    pub(super) fn open_fork(&mut self) {
        let Some(run) = &self.run else { return };
        match &run.file {
            Some(Ok(file)) => {
                self.draft = Some(Draft::fork(&run.dir, run.moment, &file.config));
                self.place = Place::Preset;
            }
            Some(Err(_)) | None => self.say(Tone::Error, "run.toml cannot be read".into()),
        }
    }

    pub(super) fn update_run(&mut self, action: Action) {
        let Some(run) = &mut self.run else { return self.go_home() };
        let charts = &mut run.charts;
        match action {
            Action::Next | Action::Down => charts.next(1),
            Action::Up => charts.next(-1),
            Action::Enter => {
                charts.layout = match charts.layout {
                    Layout::Grid => Layout::Single,
                    Layout::Single => Layout::Grid,
                }
            }
            Action::Left | Action::Right => {
                charts.move_cursor(if action == Action::Left { -1.0 } else { 1.0 });
                run.follow_cursor();
            }
            Action::ZoomIn => charts.zoom(1),
            Action::ZoomOut => charts.zoom(-1),
            Action::PanLeft | Action::PageUp => charts.pan(-1.0),
            Action::PanRight | Action::PageDown => charts.pan(1.0),
            Action::ResetView | Action::First | Action::Last => {
                charts.reset();
                run.thaw();
            }
            Action::Freeze | Action::Earlier | Action::Later => scrub(run, action),
            Action::Insight => return self.open_insight(),
            Action::Axis => charts.switch_axis(),
            Action::Scale => charts.scale = charts.scale.next(),
            Action::Smooth => charts.next_smoothing(),
            Action::Log => self.place = Place::Log,
            Action::Samples => return self.open_samples(),
            Action::Back if charts.cursor.is_some() || !charts.is_whole() => {
                charts.reset();
                run.thaw();
            }
            Action::Back => return self.leave_run(),
            Action::Change => return self.open_changes(),
            Action::Undo => return self.undo(),
            Action::Drop => return self.drop_ahead(),
            Action::Fork => return self.open_fork(),
            _ => {}
        }
        self.refresh_charts();
    }

    /// Shows all values of the run.
    pub(super) fn open_configuration(&mut self) {
        (self.value_at, self.place) = (Cursor::default(), Place::Configuration);
    }

    pub(super) fn update_configuration(&mut self, action: Action) {
        let page = self.page as isize;
        let n = self.run.as_ref().map_or(0, |run| run.fields().len());
        match action {
            Action::Up => self.value_at.step(-1, n),
            Action::Down => self.value_at.step(1, n),
            Action::PageUp => self.value_at.step(-page, n),
            Action::PageDown => self.value_at.step(page, n),
            Action::First => self.value_at = Cursor::default(),
            Action::Last => self.value_at.step(isize::MAX, n),
            Action::Back => self.place = Place::Run,
            _ => {}
        }
    }

    pub(super) fn update_log(&mut self, action: Action) {
        let page = self.page as isize;
        let Some(run) = &mut self.run else { return self.go_home() };
        match action {
            Action::Up => run.log.scroll(-1),
            Action::Down => run.log.scroll(1),
            Action::PageUp => run.log.scroll(-page),
            Action::PageDown => run.log.scroll(page),
            Action::First => run.log.scroll(isize::MIN / 2),
            Action::Last => run.log.scroll(isize::MAX / 2),
            Action::Order => run.log.turn_over(),
            Action::Next => run.log.next_view(),
            Action::Filter => run.log.is_filtering = true,
            Action::Samples => self.open_samples(),
            Action::Insight => self.open_insight(),
            Action::Back if !run.log.filter.text.is_empty() => {
                run.log.filter.text.clear();
                run.log.select();
            }
            Action::Back => self.place = Place::Run,
            _ => {}
        }
    }

    pub(super) fn update_samples(&mut self, action: Action) {
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
            Action::Pictures => self.switch_pictures(),
            Action::Enter => match self.samples.enlarged.take() {
                Some(_) => {}
                None => self.samples.enlarge(),
            },
            Action::Log => self.place = Place::Log,
            Action::Insight => self.open_insight(),
            Action::Freeze | Action::Earlier | Action::Later | Action::FarEarlier | Action::FarLater => {
                if let Some(run) = &mut self.run {
                    scrub(run, action);
                }
            }
            Action::Back if self.samples.enlarged.is_some() => self.samples.enlarged = None,
            Action::Back => self.place = Place::Run,
            _ => {}
        }
    }

    fn refresh_charts(&mut self) {
        if let Some(run) = &mut self.run {
            run.follow_charts();
        }
    }

    /// Goes back to where the run was opened from: both runs of a race, the browser of label sets, or the lists.
    fn leave_run(&mut self) {
        match self.race.as_ref().map(Race::dirs) {
            Some(dirs) => self.open_race(dirs),
            None if self.browser.is_some() => self.return_to_browser(),
            None => self.go_home(),
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

    pub(super) fn open_samples(&mut self) {
        self.place = Place::Samples;
        self.begin_insight();
        if let (Some(run), Loading::Not | Loading::Failed(_)) = (&self.run, &self.samples.loading) {
            self.tasks.world.push(WorldTask::Sheet(run.dir.clone()));
            self.samples.loading = Loading::Reading;
        }
    }

    fn fetch(&mut self) {
        let Some(row) = self.home.preset().filter(|_| self.home.pane == Pane::Presets) else { return };
        let name = row.config.data.dataset.clone();
        self.fetch_data(name);
    }

    fn fetch_for_draft(&mut self) {
        if let Some(name) = self.draft.as_ref().map(|draft| draft.config.data.dataset.clone()) {
            self.fetch_data(name);
        }
    }

    fn fetch_data(&mut self, name: String) {
        match self.home.data(&name) {
            DataState::Missing(_) => {
                self.home.set_data(&name, &DataState::Coming(0.0));
                self.say(Tone::Info, format!("fetching {name}"));
                self.tasks.world.push(WorldTask::Fetch(name));
            }
            DataState::Here => self.say(Tone::Info, format!("{name} is here already")),
            DataState::Coming(_) => self.say(Tone::Info, format!("{name} is on its way")),
            DataState::Unknown | DataState::Nowhere => {
                self.say(Tone::Error, format!("{name} cannot be fetched: data.path says where it is"));
            }
        }
    }
}
