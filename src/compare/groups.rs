//! Runs that differ in nothing but their seeds, as groups.

use std::collections::HashMap;

use crate::base::stats::mean_and_sd;
use crate::base::text::clean;
use crate::compare::experiment::{Experiment, Measure, Value, differing};
use crate::compare::keys::{Key, SEEDS, short};
use crate::compare::sort::Sort;

/// Runs of one configuration.
#[derive(Clone, Debug)]
pub struct Group {
    /// What it differs in from the groups beside it, as `key=value`; the name of its runs where it differs in nothing that a
    /// configuration says.
    pub label: String,
    /// Its runs that count: one for each pair of seeds.
    pub runs: Vec<Experiment>,
    /// Runs that came to nothing that can be compared, and why.
    pub left_out: Vec<(Experiment, String)>,
}

/// Groups in the order in which their first runs came, and what they differ in.
#[derive(Clone, Debug, Default)]
pub struct Groups {
    /// The groups.
    pub groups: Vec<Group>,
    /// The keys in which their configurations differ, seeds left out.
    pub keys: Vec<&'static Key>,
}

impl Groups {
    /// Groups runs by their configurations.
    pub fn of(runs: Vec<Experiment>) -> Self {
        let mut members: Vec<Vec<Experiment>> = Vec::new();
        let mut places = HashMap::new();
        for run in runs {
            let place = *places.entry(run.design()).or_insert(members.len());
            if place == members.len() {
                members.push(Vec::new());
            }
            members[place].push(run);
        }
        let firsts: Vec<&Experiment> = members.iter().filter_map(|runs| runs.first()).collect();
        let mut keys = differing(&firsts);
        keys.retain(|key| !SEEDS.contains(&key.name));
        let groups: Vec<_> = members.iter().map(|runs| Group::of(runs, &label(&runs[0], &keys))).collect();
        let mut all = Self { groups, keys };
        all.tell_apart();
        all
    }

    /// The same in the order of the values in which they differ, not of their first runs: a table says the same whichever run
    /// was trained first.
    #[must_use]
    pub fn by_values(mut self) -> Self {
        for &key in self.keys.iter().rev() {
            Sort { key, is_descending: false }.by(&mut self.groups, |group| group.first()?.value(key));
        }
        self
    }

    /// Whether configurations alone do not tell all groups apart.
    pub fn has_twins(&self) -> bool {
        let has_name =
            |group: &Group| group.label != group.first().map_or_else(String::new, |run| label(run, &self.keys));
        self.keys.is_empty() || self.groups.iter().any(has_name)
    }

    /// Where two groups are called the same, their names tell them apart.
    fn tell_apart(&mut self) {
        let n_groups = self.groups.len();
        let mut n_called: HashMap<String, usize> = HashMap::new();
        for group in &self.groups {
            *n_called.entry(group.label.clone()).or_default() += 1;
        }
        for group in &mut self.groups {
            let is_shared = n_called[&group.label] > 1;
            if (is_shared || group.label.is_empty()) && n_groups > 1 {
                let name = group.name();
                group.label = if group.label.is_empty() { name } else { format!("{} ({name})", group.label) };
            }
        }
    }
}

fn label(run: &Experiment, keys: &[&Key]) -> String {
    let value = |key: &&Key| {
        let value = run.configured(key.name).map_or("none", |value| value.text.as_str());
        format!("{}={value}", short(key.name))
    };
    keys.iter().map(value).collect::<Vec<_>>().join(" ")
}

impl Group {
    fn of(members: &[Experiment], label: &str) -> Self {
        let mut group = Self { label: label.to_owned(), runs: Vec::new(), left_out: Vec::new() };
        for run in members {
            if let Some(reason) = run.no_result() {
                group.left_out.push((run.clone(), reason));
                continue;
            }
            // the same configuration and seeds come to the same result: it would count twice
            match group.runs.iter_mut().find(|it| it.seeds() == run.seeds()) {
                None => group.runs.push(run.clone()),
                Some(twin) => {
                    let (newer, older) =
                        if twin.row.created <= run.row.created { (run, &*twin) } else { (&*twin, run) };
                    let reason = format!("{} has the same configuration and seeds and is newer", newer.id());
                    let (newer, older) = (newer.clone(), older.clone());
                    *twin = newer;
                    group.left_out.push((older, reason));
                }
            }
        }
        group
    }

    /// A run of it, one that counts where there is one.
    pub fn first(&self) -> Option<&Experiment> {
        self.runs.first().or_else(|| self.left_out.first().map(|(run, _)| run))
    }

    /// What its runs are called, without moment and seed where it has several.
    pub fn name(&self) -> String {
        let Some(run) = self.first() else { return String::new() };
        let id = run.id();
        if self.len() == 1 { id } else { run.row.dir.name() }
    }

    /// What people call it: the title of its runs, where all that have one have the same.
    pub fn title(&self) -> Option<String> {
        let all = self.runs.iter().chain(self.left_out.iter().map(|(run, _)| run));
        let mut titles = all.map(|run| run.row.card.title.as_str()).filter(|title| !title.is_empty());
        let first = titles.next()?;
        titles.all(|title| title == first).then(|| clean(first))
    }

    /// What a legend calls it: its title, else what it differs in from the others.
    pub fn legend(&self) -> String {
        self.title().unwrap_or_else(|| if self.label.is_empty() { self.name() } else { self.label.clone() })
    }

    /// All of its runs, also those that do not count.
    pub fn len(&self) -> usize {
        self.runs.len() + self.left_out.len()
    }

    /// Whether it has no runs.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// The accuracies of the runs that count.
    pub fn accuracies(&self, measure: Measure) -> Vec<f64> {
        self.runs.iter().filter_map(|run| run.accuracy(measure)).collect()
    }

    /// Their mean, and of several the sample's standard deviation.
    pub fn mean_and_sd(&self, measure: Measure) -> Option<(f64, Option<f64>)> {
        mean_and_sd(&self.accuracies(measure))
    }

    /// By how much the best evaluation, which is chosen on the test set, lies above the last one, in the mean.
    pub fn optimism(&self) -> Option<f64> {
        let above = |run: &Experiment| Some(run.accuracy(Measure::Best)? - run.accuracy(Measure::Last)?);
        Some(mean_and_sd(&self.runs.iter().filter_map(above).collect::<Vec<_>>())?.0)
    }

    /// What it has under a key: the mean of a result, or a value of its configuration.
    pub fn value(&self, key: &Key) -> Option<Value> {
        let measure = match key.name {
            "accuracy" => Measure::Last,
            "median" => Measure::Median,
            "best" => Measure::Best,
            "time" => return Value::of_number(self.time()),
            _ => return self.first()?.value(key),
        };
        Value::of_number(self.mean_and_sd(measure).map(|(mean, _)| mean))
    }

    /// The mean time of training, in seconds.
    pub fn time(&self) -> Option<f64> {
        let times: Vec<f64> = self.runs.iter().map(|run| run.row.summary.training_s).filter(|s| *s > 0.0).collect();
        Some(mean_and_sd(&times)?.0)
    }
}
