//! The lists of presets and runs: what is in them, what is shown, what is selected.

use std::cell::OnceCell;
use std::collections::{BTreeMap, HashMap};
use std::path::PathBuf;
use std::sync::Arc;

use fixmatch::compare::experiment::Experiment;
use fixmatch::compare::expression::Expression;
use fixmatch::compare::saved::Saved;
use fixmatch::config::preset::Preset;
use fixmatch::config::preset::own::Taken;
use fixmatch::config::{ModelName, RunConfig};
use fixmatch::run::card::Card;
use fixmatch::run::dir::RunDir;
use fixmatch::run::estimate::Estimate;
use fixmatch::run::survey::Row;

use crate::console::input::{Cursor, Input};
use crate::console::keys::Action;
use crate::console::mouse::Spot;
use crate::console::screens::suite::Study;
use crate::console::text::fuzzy;
use groups::{Broken, Line};

pub mod groups;
mod keys;
pub mod view;

/// A preset as the list shows it.
#[derive(Clone, Debug)]
pub struct PresetRow {
    /// The preset.
    pub preset: Preset,
    /// What it comes to.
    pub config: RunConfig,
    /// Whether its data is here.
    pub data: DataState,
    /// Its file, if it is one's own.
    pub own: Option<PathBuf>,
    /// Who has its name already.
    pub taken: Option<Taken>,
}

/// Whether a data set is on this machine.
#[derive(Clone, Debug, Default, PartialEq)]
pub enum DataState {
    /// Not looked for yet.
    #[default]
    Unknown,
    /// It is.
    Here,
    /// It is not; fetching it takes so many bytes.
    Missing(u64),
    /// It is not, and cannot be fetched.
    Nowhere,
    /// On its way, in [0, 1].
    Coming(f64),
}

/// The model's name as lists show it.
pub fn model_name(config: &RunConfig) -> String {
    match config.model.name {
        ModelName::Cnn => "cnn".into(),
        ModelName::Wrn => format!("wrn-{}-{}", config.model.depth, config.model.width),
    }
}

/// The runs, as far as they are known.
#[derive(Clone, Debug, Default)]
pub enum Listing {
    /// Being read for the first time.
    #[default]
    Reading,
    /// As they are.
    Read(Vec<Row>),
    /// Their folder cannot be read.
    Unreadable(String),
}

/// Which list has the focus.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Pane {
    /// The presets.
    #[default]
    Presets,
    /// The runs.
    Runs,
}

/// The home screen.
#[derive(Clone, Debug, Default)]
pub struct Home {
    /// Which list has the focus.
    pub pane: Pane,
    /// All presets.
    pub presets: Vec<PresetRow>,
    /// Presets of one's own that cannot be trained.
    pub broken: Vec<Broken>,
    /// Where those are looked for, once they were.
    pub own_folders: Vec<PathBuf>,
    /// The suites, those that were started here first.
    pub suites: Vec<Arc<Study>>,
    /// The groups of presets that a user folded (true) or opened.
    pub folds: BTreeMap<String, bool>,
    /// All runs.
    pub runs: Listing,
    /// The selected line of the presets, among those that are shown.
    pub preset_at: Cursor,
    /// The selected run, among those that are shown.
    pub run_at: Cursor,
    /// Letters that a shown row holds, or conditions on runs.
    pub filter: Input,
    /// Expressions that were saved under names, for the filter.
    pub saved: Saved,
    /// The runs with their configurations, once a condition asks for these.
    experiments: OnceCell<Vec<Experiment>>,
    /// Whether the filter is being typed.
    pub is_filtering: bool,
    /// The runs that keys act on, instead of the selected one.
    pub marked: Vec<RunDir>,
    /// What was moved to the trash last: the runs, and where they are now.
    pub trashed: Vec<(RunDir, PathBuf)>,
}

impl Home {
    /// The shipped presets, nothing known of runs and data yet.
    pub fn new() -> Self {
        let row = |preset: Preset| {
            let config = preset.resolve(&[]).ok()?;
            Some(PresetRow { preset, config, data: DataState::default(), own: None, taken: None })
        };
        let mut presets: Vec<_> = Preset::shipped().into_iter().filter_map(row).collect();
        // The quickstart needs nothing that is not here, so it stands first.
        presets.sort_by_key(|row| row.preset.name != "quickstart");
        Self { presets, ..Self::default() }
    }

    /// All runs, as far as they are known.
    pub fn rows(&self) -> &[Row] {
        if let Listing::Read(rows) = &self.runs { rows } else { &[] }
    }

    /// What people wrote on a run that is listed.
    pub fn card(&self, dir: &RunDir) -> Option<&Card> {
        self.rows().iter().find(|row| row.dir == *dir).map(|row| &row.card)
    }

    /// A suite by its name.
    pub fn study(&self, name: &str) -> Option<&Arc<Study>> {
        self.suites.iter().find(|study| study.name == name)
    }

    /// The runs that fit the filter, the newest first.
    pub fn shown_runs(&self) -> Vec<&Row> {
        let Listing::Read(rows) = &self.runs else { return Vec::new() };
        if Expression::has_condition(&self.filter.text) {
            let Ok(expression) = Expression::parse_with(&self.filter.text, &self.saved) else {
                return rows.iter().collect();
            };
            let experiments = self.experiments.get_or_init(|| rows.iter().cloned().map(Experiment::of).collect());
            let shown = rows.iter().zip(experiments).filter(|(_, experiment)| expression.holds(experiment));
            return shown.map(|(row, _)| row).collect();
        }
        let holds =
            |row: &&Row| fuzzy(&self.filter.text, &format!("{} {}", row.dir.id(), row.status.label())).is_some();
        let is_filtered = !self.filter.text.is_empty();
        rows.iter().filter(|row| !is_filtered || holds(row)).collect()
    }

    /// What is wrong with the conditions of the filter, if something is; all runs are shown until it is mended.
    pub fn filter_error(&self) -> Option<String> {
        let has_condition = Expression::has_condition(&self.filter.text);
        let error = Expression::parse_with(&self.filter.text, &self.saved).err().filter(|_| has_condition)?;
        Some(error.root_cause().to_string())
    }

    /// The folders of images that the runs were trained on, the last one first.
    pub fn image_folders(&self) -> Vec<String> {
        let Listing::Read(rows) = &self.runs else { return Vec::new() };
        let mut folders: Vec<String> = Vec::new();
        for path in rows.iter().filter_map(|row| row.images.as_ref()).map(|path| path.display().to_string()) {
            if !folders.contains(&path) {
                folders.push(path);
            }
        }
        folders
    }

    /// What a run of this configuration takes here, by the runs that there are.
    pub fn estimate(&self, config: &RunConfig) -> Option<Estimate> {
        let Listing::Read(rows) = &self.runs else { return None };
        Estimate::of(config, rows)
    }

    /// The selected preset.
    pub fn preset(&self) -> Option<&PresetRow> {
        match self.line()? {
            Line::Preset(i) => self.presets.get(i),
            Line::Group(_) | Line::Broken(_) | Line::Suite(_) => None,
        }
    }

    /// The selected run.
    pub fn run(&self) -> Option<&Row> {
        self.shown_runs().get(self.run_at.at).copied()
    }

    /// The runs that a key acts on: the marked ones, else the selected one.
    pub fn targets(&self) -> Vec<&Row> {
        let Listing::Read(rows) = &self.runs else { return Vec::new() };
        if self.marked.is_empty() {
            return self.run().into_iter().collect();
        }
        rows.iter().filter(|row| self.marked.contains(&row.dir)).collect()
    }

    /// Marks the selected run, or takes its mark away, and goes to the next one.
    pub fn mark(&mut self) {
        let Some(dir) = self.run().map(|row| row.dir.clone()) else { return };
        match self.marked.iter().position(|marked| *marked == dir) {
            Some(at) => drop(self.marked.remove(at)),
            None => self.marked.push(dir),
        }
        self.step(1);
    }

    /// Takes runs out of the list, which were moved away.
    pub fn forget(&mut self, gone: &[(RunDir, PathBuf)]) {
        let Listing::Read(rows) = &self.runs else { return };
        let is_here = |row: &&Row| gone.iter().all(|(dir, _)| *dir != row.dir);
        self.take(Listing::Read(rows.iter().filter(is_here).cloned().collect()));
    }

    /// Whether what an action is about, if anything, can follow it as it stands.
    pub fn fits(&self, action: Action) -> bool {
        let (is_among_runs, targets) = (self.pane == Pane::Runs, self.targets());
        match action {
            Action::Undo => !self.trashed.is_empty(),
            Action::Back => !self.filter.text.is_empty() || !self.marked.is_empty(),
            Action::Fetch => {
                let preset = self.preset().filter(|_| !is_among_runs);
                preset.is_some_and(|row| matches!(row.data, DataState::Missing(_)))
            }
            Action::Beside | Action::Mark => is_among_runs && self.run().is_some(),
            Action::Fork => is_among_runs && targets.len() == 1,
            Action::Change => is_among_runs && matches!(targets[..], [row] if action.fits(row.status)),
            Action::Resume => is_among_runs && targets.into_iter().any(resume_helps),
            _ if action.verb().is_some() => is_among_runs && targets.into_iter().any(|row| action.fits(row.status)),
            _ => true,
        }
    }

    /// Moves in the list that has the focus.
    pub fn step(&mut self, by: isize) {
        match self.pane {
            Pane::Presets => self.preset_at.step(by, self.lines().len()),
            Pane::Runs => self.run_at.step(by, self.shown_runs().len()),
        }
    }

    /// Selects what a mouse points at; says whether it was selected before.
    pub fn point_at(&mut self, spot: Spot) -> bool {
        let was = (self.pane, self.preset_at.at, self.run_at.at);
        match spot {
            Spot::Preset(to) => (self.pane, self.preset_at.at) = (Pane::Presets, to),
            Spot::Run(to) => (self.pane, self.run_at.at) = (Pane::Runs, to),
            _ => return false,
        }
        was == (self.pane, self.preset_at.at, self.run_at.at)
    }

    /// Goes to the other list.
    pub fn switch(&mut self) {
        self.pane = match self.pane {
            Pane::Presets => Pane::Runs,
            Pane::Runs => Pane::Presets,
        };
    }

    /// Takes the runs as they are now; the selected one stays selected.
    pub fn take(&mut self, listing: Listing) {
        let first_look = matches!(self.runs, Listing::Reading);
        let selected = self.run().map(|row| row.dir.clone());
        self.runs = listing;
        let known = self.experiments.take();
        if let Listing::Read(rows) = &self.runs {
            if let Some(known) = known {
                let mut known: HashMap<PathBuf, Experiment> =
                    known.into_iter().map(|it| (it.row.dir.path().to_owned(), it)).collect();
                let renewed = rows.iter().cloned().map(|row| match known.remove(row.dir.path()) {
                    Some(experiment) => experiment.renewed(row),
                    None => Experiment::of(row),
                });
                let _ = self.experiments.set(renewed.collect());
            }
            self.marked.retain(|dir| rows.iter().any(|row| row.dir == *dir));
        }
        let rows = self.shown_runs();
        let alive = rows.iter().position(|row| row.status.is_alive() && row.error.is_none());
        let place = selected.and_then(|dir| rows.iter().position(|row| row.dir == dir));
        let n = rows.len();
        if first_look && alive.is_some() {
            self.pane = Pane::Runs;
        }
        self.run_at.at = place.or(alive.filter(|_| first_look)).unwrap_or(self.run_at.at);
        self.run_at.step(0, n);
    }

    /// Where a data set is, as far as it is known.
    pub fn data(&self, dataset: &str) -> DataState {
        let row = self.presets.iter().find(|row| row.config.data.dataset == dataset);
        row.map_or(DataState::Unknown, |row| row.data.clone())
    }

    /// Notes where a data set is.
    pub fn set_data(&mut self, dataset: &str, state: &DataState) {
        for row in self.presets.iter_mut().filter(|row| row.config.data.dataset == dataset) {
            row.data = state.clone();
        }
    }

    /// Takes the filter away; what is selected stays so.
    pub fn show_all(&mut self) {
        let line = self.line();
        let run = self.run().map(|row| row.dir.clone());
        (self.filter, self.is_filtering) = (Input::default(), false);
        // A preset that was found stays in sight.
        if let Some(Line::Preset(i)) = line
            && let Some(group) = self.presets[i].preset.group().filter(|group| !self.is_open(group))
        {
            self.folds.insert(group.to_owned(), false);
        }
        let preset = line.and_then(|line| self.lines().iter().position(|other| *other == line));
        let run = run.and_then(|dir| self.shown_runs().iter().position(|row| row.dir == dir));
        self.preset_at.at = preset.unwrap_or(self.preset_at.at);
        self.run_at.at = run.unwrap_or(self.run_at.at);
    }

    /// Keeps the cursors inside of what is shown, after the filter changed.
    pub fn settle(&mut self) {
        let (n_presets, n_runs) = (self.lines().len(), self.shown_runs().len());
        self.preset_at.step(0, n_presets);
        self.run_at.step(0, n_runs);
        // What is searched for is a preset, and not its group.
        if !self.filter.text.is_empty() && matches!(self.line(), Some(Line::Group(_))) {
            self.preset_at.step(1, n_presets);
        }
        match self.pane {
            Pane::Presets if n_presets == 0 && n_runs > 0 => self.pane = Pane::Runs,
            Pane::Runs if n_runs == 0 && n_presets > 0 => self.pane = Pane::Presets,
            Pane::Presets | Pane::Runs => {}
        }
    }
}

/// Whether a worker that is started on the run again may get further than the last one.
fn resume_helps(row: &Row) -> bool {
    row.error.is_none() && !row.summary.fails_again && Action::Resume.fits(row.status)
}

#[cfg(test)]
mod tests {
    use fixmatch::run::state::Status;

    use super::*;
    use crate::console::sample;

    #[test]
    fn what_is_selected_stays_so_when_all_is_shown_again() {
        let mut home = Home::new();
        home.filter.text = "slides/labels-25".into();
        home.settle();
        home.show_all();
        assert_eq!(home.preset().map(|row| row.preset.name.as_str()), Some("slides/labels-25"));
        home.filter.text = "nothing has this".into();
        home.settle();
        home.show_all();
        assert!(home.line().is_some() && home.lines().len() > 4);
    }

    #[test]
    fn a_new_run_is_offered_the_folders_of_images_that_were_used_before() {
        let mut app = sample::app_with_runs();
        let Listing::Read(rows) = &mut app.home.runs else { unreachable!("they were read") };
        for (i, images) in [(0, "/photos/birds"), (2, "/photos/cats"), (3, "/photos/birds")] {
            rows[i].images = Some(images.into());
        }
        app.home.pane = Pane::Presets;
        app.update(Action::Enter);
        let form = &mut app.draft().expect("open").form.clone();
        form.at.at = form.fields.iter().position(|field| field.key == "data.path").expect("a field");
        let choices = [1, -1].map(|by| form.choice(by).expect("some"));
        assert_eq!(choices, ["data.path=/photos/birds", "data.path=/photos/cats"]);
        form.fields[form.at.at].value = "/photos/birds".into();
        assert_eq!(form.choice(1).as_deref(), Some("data.path=/photos/cats"));
    }

    #[test]
    fn the_list_of_runs_has_the_focus_when_one_of_them_is_at_work_and_can_be_read() {
        let Listing::Read(rows) = sample::app_with_runs().home.runs else { unreachable!("they were read") };
        let (readable, broken): (Vec<_>, Vec<_>) = rows.into_iter().partition(|row| row.error.is_none());
        let broken: Vec<_> = broken.into_iter().map(|row| Row { status: Status::Starting, ..row }).collect();
        let mut home = Home::new();
        home.take(Listing::Read(broken.clone()));
        assert_eq!(home.pane, Pane::Presets);
        let mut home = Home::new();
        home.take(Listing::Read([broken, readable].concat()));
        assert_eq!((home.pane, home.run_at.at), (Pane::Runs, 1));
    }
}
