//! Runs beside each other, as groups whose runs differ in nothing but seeds: how each stands, its curves, what can be said of
//! the differences, and where they lie.

use std::collections::HashMap;
use std::sync::Arc;

use fixmatch::compare::bands::{Place, band};
use fixmatch::compare::experiment::{Experiment, Measure};
use fixmatch::compare::family::families;
use fixmatch::compare::groups::Groups;
use fixmatch::compare::verdict::{Comparison, Verdict};
use fixmatch::run::card::Card;
use fixmatch::run::curves::{Axis, Metric};
use fixmatch::run::dir::{RunDir, without_moment};
use fixmatch::run::event::Evaluated;
use fixmatch::run::state::Status;
use fixmatch::run::survey::Row;
use strum::VariantArray as _;

use crate::console::axis::{end_of_steps, end_of_time};
use crate::console::screens::log::Log;
use crate::console::screens::run::{OpenRun, Reading};
use crate::console::text::clean;
use crate::words::comparisons;
use crate::words::family::{Line, lines};
use crate::words::numbers::{Unit, grouped, plural};
use part::Part;

mod keys;
pub mod part;
#[cfg(test)]
mod tests;
mod view;

/// The quantities whose curves are shown.
pub const QUANTITIES: [(&str, Metric, Unit); 5] = [
    ("test accuracy (EMA)", Metric::TestEma, Unit::Percent),
    ("mask ratio", Metric::MaskRatio, Unit::Percent),
    ("pseudo-label accuracy", Metric::PseudoLabels, Unit::Percent),
    ("loss", Metric::Loss, Unit::Number),
    ("test accuracy (raw)", Metric::TestRaw, Unit::Percent),
];

/// Runs that are followed together.
#[derive(Debug)]
pub struct Race {
    /// The runs.
    pub runs: Vec<OpenRun>,
    /// How many were to be shown.
    n_chosen: usize,
    /// The one in focus, and with it its group.
    pub focus: usize,
    /// Steps or time.
    pub axis: Axis,
    /// What is shown below the groups.
    pub part: Part,
    /// The place of the quantity whose curves are shown.
    pub quantity: usize,
    /// The accuracy that is compared.
    pub measure: Measure,
    /// Where the curves are read, on their axis.
    pub cursor: Option<f64>,
    /// A run of the group that differences count from.
    pub against: usize,
    /// The first line of the verdict that is shown.
    pub scroll: usize,
    /// What is known of each run, once its configuration is.
    experiments: Vec<Option<Experiment>>,
    groups: Groups,
    /// The forks and changes among them, where there are any, each with the place of its run.
    family: Vec<(Line, usize)>,
    /// The same as places of runs; behind them those of which nothing is known yet.
    lanes: Vec<Lane>,
    told: Told,
    /// The curve of each group by the places of the quantities, where it was drawn since something was read.
    bands: [Option<Vec<Vec<Place>>>; QUANTITIES.len()],
    /// Whether something was read since the groups were formed.
    is_stale: bool,
}

/// Runs of one configuration.
#[derive(Debug)]
struct Lane {
    /// What it differs in from the others.
    label: String,
    /// What people call it, if they do.
    title: Option<String>,
    /// The places of its runs, those that count first.
    runs: Vec<usize>,
    /// How many of them count.
    n_counting: usize,
}

/// What can be said of the differences.
#[derive(Debug, Default)]
struct Told {
    comparisons: Vec<Comparison>,
    /// Each comparison in a few words.
    in_short: Vec<String>,
    /// Each in full.
    sentences: Vec<String>,
    notes: Vec<String>,
}

impl Race {
    /// How many go beside each other: what is known of them is in memory.
    pub const MOST: usize = 1000;

    /// Runs of which nothing was read: of more than go beside each other the first ones, which the title says.
    pub fn new(mut dirs: Vec<RunDir>) -> Self {
        let n_chosen = dirs.len();
        dirs.truncate(Self::MOST);
        let experiments = dirs.iter().map(|_| None).collect();
        let runs = dirs.into_iter().map(OpenRun::new).collect();
        let mut race = Self {
            runs,
            n_chosen,
            focus: 0,
            axis: Axis::Step,
            part: Part::default(),
            quantity: 0,
            measure: Measure::default(),
            cursor: None,
            against: 0,
            scroll: 0,
            experiments,
            groups: Groups::default(),
            family: Vec::new(),
            lanes: Vec::new(),
            told: Told::default(),
            bands: Default::default(),
            is_stale: false,
        };
        race.form_lanes();
        race
    }

    /// What it is of.
    pub fn title(&self) -> String {
        let (n, n_lanes) = (self.runs.len(), self.lanes.len());
        let runs = match self.n_chosen {
            all if all == n => plural(n as u64, "run"),
            all => format!("the first {} of {}", grouped(n as u64), plural(all as u64, "run")),
        };
        if n == n_lanes { runs } else { format!("{runs} in {}", plural(n_lanes as u64, "group")) }
    }

    /// Where the horizontal axis ends: at a round number while one of the runs goes on, else with the longest one.
    pub fn end(&self) -> f64 {
        let last = self.newest(&[Metric::Loss, Metric::TestEma]);
        let steps = self.runs.iter().filter_map(OpenRun::steps).max();
        let go_on = self.runs.iter().any(|run| run.status().is_alive());
        match self.axis {
            _ if !go_on && last > 0.0 => last,
            Axis::Step => end_of_steps(last, steps.map(|steps| steps as f64)),
            Axis::Time => end_of_time(last),
        }
    }

    /// The place of the newest point of these quantities in any run.
    fn newest(&self, metrics: &[Metric]) -> f64 {
        let newest = |run: &OpenRun, metric| run.curves.of(metric).newest().map_or(0.0, |it| it.x(self.axis));
        let ends = self.runs.iter().flat_map(|run| metrics.iter().map(|metric| newest(run, *metric)));
        ends.fold(0.0, f64::max)
    }

    /// Takes in what a list of runs says: of those that were not read yet all, so that there is a table at once; of the
    /// others what people wrote on them.
    pub fn know(&mut self, rows: &[Row]) {
        let rows: HashMap<&RunDir, &Row> = rows.iter().map(|row| (&row.dir, row)).collect();
        for (run, known) in self.runs.iter().zip(&mut self.experiments) {
            let Some(row) = rows.get(&run.dir) else { continue };
            match known {
                Some(known) if run.file.is_some() => {
                    self.is_stale |= known.row.card != row.card;
                    known.row.card.clone_from(&row.card);
                }
                _ if run.file.is_none() && row.file.is_some() => {
                    *known = Some(Experiment::of((*row).clone()));
                    self.is_stale = true;
                }
                _ => {}
            }
        }
    }

    /// What people call a run, if they do.
    pub fn title_of(&self, run: usize) -> Option<String> {
        self.experiments[run].as_ref().map(|it| clean(&it.row.card.title)).filter(|title| !title.is_empty())
    }

    /// Whether the logs of all runs were read.
    fn is_read(&self) -> bool {
        self.runs.iter().all(|run| run.glance.is_some())
    }

    /// Takes in what the follower of one of them found.
    pub fn take(&mut self, dir: &RunDir, reading: Reading, now: f64) {
        let Some(place) = self.runs.iter().position(|run| run.dir == *dir) else { return };
        let (was_read, has_labels) = (self.is_read(), reading.labeled.is_some());
        if reading.folded.is_some() || !reading.records.is_empty() {
            self.bands = Default::default();
        }
        let run = &mut self.runs[place];
        run.take(reading, now);
        (run.digest, run.log) = (None, Log::default()); // which are not shown here, and large
        let known = self.experiments[place].as_ref().map(|it| &it.row);
        let card = known.map(|it| it.card.clone()).unwrap_or_default();
        let row = row(run).map(|row| Row { card, ..row });
        // many runs were in a list that said as much of them
        if known.map(standing) != row.as_ref().map(standing)
            || known.map(|it| &it.file) != row.as_ref().map(|it| &it.file)
        {
            self.experiments[place] = row.map(Experiment::of);
            self.is_stale = true;
        }
        // what can be said of differences needs all of them, with their labeled images
        let is_read = self.is_read();
        self.is_stale |= is_read && (has_labels || !was_read);
    }

    /// Groups the runs anew if something is known of them that was not.
    fn renew(&mut self) {
        if std::mem::take(&mut self.is_stale) {
            self.form_lanes();
        }
    }

    /// Groups the runs; one of which nothing is known yet is by itself.
    fn form_lanes(&mut self) {
        self.groups = Groups::of(self.experiments.iter().flatten().cloned().collect());
        let places: HashMap<&RunDir, usize> = self.runs.iter().enumerate().map(|(at, run)| (&run.dir, at)).collect();
        let place = |run: &Experiment| places.get(&run.row.dir).copied();
        let mut lanes: Vec<Lane> = Vec::new();
        for group in &self.groups.groups {
            let mut runs: Vec<usize> = group.runs.iter().filter_map(place).collect();
            let n_counting = runs.len();
            runs.extend(group.left_out.iter().filter_map(|(run, _)| place(run)));
            let label = if group.label.is_empty() { group.name() } else { group.label.clone() };
            lanes.push(Lane { label, title: group.title(), runs, n_counting });
        }
        for place in (0..self.runs.len()).filter(|&place| self.experiments[place].is_none()) {
            let label = clean(without_moment(&self.runs[place].dir.id()));
            lanes.push(Lane { label, title: None, runs: vec![place], n_counting: 0 });
        }
        self.lanes = lanes;
        self.bands = Default::default();
        self.form_family();
        self.judge();
    }

    /// Draws forks and changes, if there are any.
    fn form_family(&mut self) {
        self.family = Vec::new();
        let known = || self.runs.iter().zip(&self.experiments).filter_map(|(run, known)| Some((run, known.as_ref()?)));
        let has_family =
            known().any(|(run, known)| known.row.parent.is_some() || !run.state.history.standing().is_empty());
        let members = known().filter(|_| has_family).map(|(run, known)| (known.clone(), run.state.history.clone()));
        let members = families(members.collect());
        if members.iter().any(|member| member.run.row.parent.is_some() || !member.changes.is_empty()) {
            let place = |line: &Line| self.runs.iter().position(|it| it.dir == members[line.member].run.row.dir);
            self.family = lines(&members)
                .into_iter()
                .map(|line| (place(&line).unwrap_or(0), line))
                .map(|(at, line)| (line, at))
                .collect();
        } else if self.part == Part::Family && self.is_read() {
            self.part = Part::Curves;
        }
    }

    /// The parts that there are.
    fn parts(&self) -> &'static [Part] {
        let all = Part::VARIANTS;
        if self.family.is_empty() { &all[..all.len() - 1] } else { all }
    }

    /// The steps at which runs were forked from others.
    fn branches(&self) -> Vec<f64> {
        let parents = self.experiments.iter().flatten().filter_map(|run| run.row.parent.as_ref());
        parents.map(|parent| parent.step as f64).collect()
    }

    /// Compares all groups with the one that differences count from.
    fn judge(&mut self) {
        let reference = self.lane_of(self.against);
        self.told = Told::default();
        if reference >= self.groups.groups.len() || !self.is_read() {
            return;
        }
        let labels: HashMap<&RunDir, &Option<String>> = self.runs.iter().map(|run| (&run.dir, &run.labeled)).collect();
        let labeled = |run: &Experiment| labels.get(&run.row.dir).copied().cloned().flatten();
        let verdict = Verdict::by(&self.groups, self.measure, Some(reference), labeled);
        let in_short = verdict.comparisons.iter().map(|it| comparisons::in_short(&verdict, it)).collect();
        let sentences = verdict.comparisons.iter().map(|it| comparisons::sentence(&verdict, it)).collect();
        let mut notes = comparisons::notes(&verdict);
        notes.extend(comparisons::left_out(&self.groups));
        self.told = Told { comparisons: verdict.comparisons, in_short, sentences, notes };
    }

    /// Makes one curve of those of each group, where that was not done since something was read.
    fn form_bands(&mut self, quantity: usize) {
        if self.bands[quantity].is_none() {
            let metric = QUANTITIES[quantity].1;
            let of = |lane| band(self.speaking(lane).map(|run| &run.curves), metric, self.axis);
            self.bands[quantity] = Some(self.lanes.iter().map(of).collect());
        }
    }

    /// The place of the group that a run is in.
    fn lane_of(&self, run: usize) -> usize {
        self.lanes.iter().position(|lane| lane.runs.contains(&run)).unwrap_or(0)
    }

    /// What is said of a group against the one that differences count from.
    fn comparison(&self, lane: usize) -> Option<(&Comparison, &str)> {
        let at = self.told.comparisons.iter().position(|it| it.second == lane)?;
        Some((&self.told.comparisons[at], &self.told.in_short[at]))
    }

    /// The runs of a group that say how it stands: those that count, or all where none does.
    fn speaking<'a>(&'a self, lane: &'a Lane) -> impl Iterator<Item = &'a OpenRun> {
        let n = if lane.n_counting > 0 { lane.n_counting } else { lane.runs.len() };
        lane.runs[..n].iter().map(|&run| &self.runs[run])
    }

    /// The last evaluation of each of these.
    fn evaluated<'a>(&'a self, lane: &'a Lane) -> Vec<&'a Evaluated> {
        self.speaking(lane).filter_map(|run| run.state.evaluations.last()).collect()
    }
}

/// What decides whether a run counts, and what it counts.
fn standing(row: &Row) -> (Status, usize, Option<u64>) {
    (row.status, row.summary.changes, row.summary.ema_accuracy.map(f64::to_bits))
}

/// A run as a row of a list, by what was read of it.
pub fn row(run: &OpenRun) -> Option<Row> {
    let Some(Ok(file)) = &run.file else { return None };
    Some(Row {
        dir: run.dir.clone(),
        status: run.status(),
        summary: run.state.summary(),
        phase: None,
        created: None,
        preset: file.provenance.preset.clone(),
        parent: file.provenance.parent.clone(),
        remaining: None,
        setup: None,
        images: None,
        file: Some(Arc::new((**file).clone())),
        card: Card::default(),
        is_damaged: false,
        error: None,
    })
}
