//! The lists of presets and runs: what is in them, what is shown, what is selected.

use std::cell::{OnceCell, RefCell};
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
use table::Table;

pub mod groups;
mod keys;
pub mod table;
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

/// The runs that fit a filter.
#[derive(Clone, Debug)]
struct Found {
    filter: String,
    sort: Option<String>,
    saved: Saved,
    /// Their places among all.
    places: Arc<[usize]>,
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
    /// How the runs are listed.
    pub table: Table,
    /// Expressions that were saved under names, for the filter.
    pub saved: Saved,
    /// The runs with their configurations, once a condition asks for these.
    experiments: OnceCell<Vec<Experiment>>,
    /// The runs that are shown, as they were last asked for.
    found: RefCell<Option<Found>>,
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

    /// The runs that fit the filter, the newest first unless they are sorted.
    pub fn shown_runs(&self) -> Vec<&Row> {
        let rows = self.rows();
        self.places().iter().map(|&at| &rows[at]).collect()
    }

    /// The same runs with their configurations.
    fn shown_experiments(&self) -> Vec<&Experiment> {
        let all = self.experiments();
        self.places().iter().map(|&at| &all[at]).collect()
    }

    /// The same by their places among all. A frame asks many times, so what was found is kept.
    fn places(&self) -> Arc<[usize]> {
        let mut found = self.found.borrow_mut();
        let sort = self.table.sort.map(|sort| sort.to_string());
        let holds_for = (&self.filter.text, &sort, &self.saved);
        if let Some(found) = found.as_ref().filter(|it| (&it.filter, &it.sort, &it.saved) == holds_for) {
            return found.places.clone();
        }
        let mut places = self.filtered();
        if let Some(sort) = self.table.sort {
            sort.by(&mut places, |&at| self.experiments()[at].value(sort.key));
        }
        let places: Arc<[usize]> = places.into();
        let (filter, saved) = (self.filter.text.clone(), self.saved.clone());
        *found = Some(Found { filter, sort, saved, places: places.clone() });
        places
    }

    /// All runs with their configurations.
    fn experiments(&self) -> &[Experiment] {
        self.experiments.get_or_init(|| self.rows().iter().cloned().map(Experiment::of).collect())
    }

    /// The places of the runs that fit the filter, the newest first.
    fn filtered(&self) -> Vec<usize> {
        let (rows, text) = (self.rows(), self.filter.text.as_str());
        if text.is_empty() {
            return (0..rows.len()).collect();
        }
        if Expression::has_condition(text) {
            let Ok(expression) = Expression::parse_with(text, &self.saved) else { return (0..rows.len()).collect() };
            return (0..rows.len()).filter(|&at| expression.holds(&self.experiments()[at])).collect();
        }
        let named = |row: &Row| {
            let tags: Vec<_> = row.card.tags.iter().map(String::as_str).collect();
            format!("{} {} {} {}", row.dir.id(), row.status.label(), row.card.title, tags.join(" "))
        };
        (0..rows.len()).filter(|&at| fuzzy(text, &named(&rows[at])).is_some()).collect()
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

    /// How many lines the list of runs has.
    pub fn n_run_lines(&self) -> usize {
        self.grouped().map_or_else(|| self.shown_runs().len(), |groups| groups.len())
    }

    /// The runs of the selected line: one, or those of a group.
    pub fn selected_runs(&self) -> Vec<&Row> {
        match self.grouped() {
            Some(groups) => groups.into_iter().nth(self.run_at.at).unwrap_or_default(),
            None => self.shown_runs().get(self.run_at.at).copied().into_iter().collect(),
        }
    }

    /// The selected run, of a group the first one.
    pub fn run(&self) -> Option<&Row> {
        self.selected_runs().first().copied()
    }

    /// The line that a run is in.
    fn line_of(&self, dir: &RunDir) -> Option<usize> {
        let has = |row: &&Row| row.dir == *dir;
        match self.grouped() {
            Some(groups) => groups.iter().position(|rows| rows.iter().any(has)),
            None => self.shown_runs().iter().position(has),
        }
    }

    /// The runs that a key acts on: the marked ones, else the selected ones.
    pub fn targets(&self) -> Vec<&Row> {
        if self.marked.is_empty() {
            return self.selected_runs();
        }
        self.rows().iter().filter(|row| self.marked.contains(&row.dir)).collect()
    }

    /// Marks what is selected, or takes its marks away, and goes on.
    pub fn mark(&mut self) {
        let dirs: Vec<RunDir> = self.selected_runs().into_iter().map(|row| row.dir.clone()).collect();
        let are_marked = dirs.iter().all(|dir| self.marked.contains(dir));
        self.marked.retain(|dir| !dirs.contains(dir));
        if !are_marked {
            self.marked.extend(dirs);
        }
        self.step(1);
    }

    /// Lists the runs in another way; what is selected stays so.
    pub fn list_otherwise(&mut self, change: impl FnOnce(&mut Table) -> Result<(), String>) -> Result<(), String> {
        let selected = self.run().map(|row| row.dir.clone());
        change(&mut self.table)?;
        self.pane = Pane::Runs;
        let at = selected.and_then(|dir| self.line_of(&dir)).unwrap_or(0);
        self.run_at.at = at;
        Ok(())
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
            Action::View | Action::Sort | Action::Columns => is_among_runs && !self.rows().is_empty(),
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
            Pane::Runs => self.run_at.step(by, self.n_run_lines()),
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
        self.table.forget();
        self.found.take();
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
        let place = selected.and_then(|dir| self.line_of(&dir));
        let n = self.n_run_lines();
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
        let run = run.and_then(|dir| self.line_of(&dir));
        self.preset_at.at = preset.unwrap_or(self.preset_at.at);
        self.run_at.at = run.unwrap_or(self.run_at.at);
    }

    /// Keeps the cursors inside of what is shown, after the filter changed.
    pub fn settle(&mut self) {
        let (n_presets, n_runs) = (self.lines().len(), self.n_run_lines());
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

    use super::table::View;
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

    /// The lines of the list of runs, each by the seeds of its runs and their learning rate.
    fn listed(home: &Home) -> Vec<String> {
        let of = |row: &Row| {
            let train = &row.file.as_ref().expect("read").config.train;
            format!("{}@{}", train.seed, train.lr)
        };
        match home.grouped() {
            Some(groups) => {
                groups.iter().map(|rows| rows.iter().map(|row| of(row)).collect::<Vec<_>>().join(" ")).collect()
            }
            None => home.shown_runs().into_iter().map(of).collect(),
        }
    }

    #[test]
    fn runs_are_sorted_by_any_value_and_what_is_selected_stays_so() {
        let mut app = sample::app_with_compared_runs(View::Values);
        app.home.run_at.at = 1;
        assert_eq!(listed(&app.home), ["2@0.1", "1@0.1", "0@0.1", "2@0.03", "1@0.03", "0@0.03"]);
        for (sort, expected, at) in [
            ("lr", ["2@0.03", "1@0.03", "0@0.03", "2@0.1", "1@0.1", "0@0.1"], 4),
            ("-accuracy", ["0@0.03", "1@0.03", "2@0.03", "0@0.1", "1@0.1", "2@0.1"], 4),
            ("seed", ["0@0.1", "0@0.03", "1@0.1", "1@0.03", "2@0.1", "2@0.03"], 2),
            ("", ["2@0.1", "1@0.1", "0@0.1", "2@0.03", "1@0.03", "0@0.03"], 1),
        ] {
            app.home.list_otherwise(|table| table.sort_by(sort)).expect(sort);
            assert_eq!((listed(&app.home), app.home.run_at.at), (expected.map(str::to_owned).to_vec(), at), "{sort}");
        }
        let refusal = app.home.list_otherwise(|table| table.sort_by("acuracy")).expect_err("no key");
        assert!(refusal.contains("did you mean accuracy?"), "{refusal}");
    }

    #[test]
    fn keys_act_on_all_runs_of_a_group_and_enter_shows_them_beside_each_other() {
        let mut app = sample::app_with_compared_runs(View::Groups);
        assert_eq!(listed(&app.home), ["2@0.1 1@0.1 0@0.1", "2@0.03 1@0.03 0@0.03"]);
        app.home.run_at.at = 0;
        assert_eq!((app.home.targets().len(), app.home.n_run_lines()), (3, 2));
        app.home.list_otherwise(|table| table.sort_by("-accuracy")).expect("a key");
        assert_eq!((listed(&app.home)[0].as_str(), app.home.run_at.at), ("0@0.03 1@0.03 2@0.03", 1));
        app.update(Action::Mark);
        assert_eq!(app.home.marked.len(), 3);
        app.home.step(-1);
        app.update(Action::Mark);
        assert_eq!(app.home.marked.len(), 6, "the other group, too");
        app.home.run_at.at = 1;
        app.update(Action::Mark);
        assert_eq!(app.home.marked.len(), 3, "marked again, a group is no more");
        app.update(Action::Back);
        app.home.filter.text = "lr=0.1".into();
        app.home.settle();
        assert_eq!(listed(&app.home), ["0@0.1 1@0.1 2@0.1"]);
        app.update(Action::Enter);
        assert_eq!(app.place(), crate::console::keys::Place::Race);
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
