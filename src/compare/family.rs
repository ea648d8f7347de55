//! Runs that come from each other: forks, and what was changed in each while it trained.

use std::collections::HashSet;

use crate::compare::experiment::Experiment;
use crate::config::decides;
use crate::run::dir::RunDir;
use crate::run::history::{Fate, History};
use crate::run::survey::Row;

/// A run among others.
#[derive(Clone, Debug)]
pub struct Member {
    /// The run.
    pub run: Experiment,
    /// The place among the members of the run that it was forked from; None of one that none of them is the parent of.
    pub parent: Option<usize>,
    /// What its configuration says else than its parent's: keys with its own values.
    pub values: Vec<(String, String)>,
    /// What was changed since it is a run of its own, each by the step from which it holds.
    pub changes: Vec<(u64, String)>,
}

/// The runs of a list that come from the same run as one of them, this one first among its like.
pub fn relatives(rows: &[Row], dir: &RunDir) -> Vec<RunDir> {
    let parent = |row: &Row| row.parent.as_ref().map(|parent| parent.run.clone());
    let find = |id: &str| rows.iter().find(|row| row.dir.id() == id);
    let mut root = dir.id();
    let mut seen = HashSet::new();
    // a circle, which no command makes, ends where it began
    while let Some(above) = find(&root).and_then(parent).filter(|above| find(above).is_some())
        && seen.insert(above.clone())
    {
        root = above;
    }
    let (mut family, mut next) = (Vec::new(), vec![root]);
    let mut taken = HashSet::new();
    while let Some(id) = next.pop() {
        if taken.insert(id.clone()) {
            next.extend(rows.iter().filter(|row| parent(row).as_ref() == Some(&id)).map(|row| row.dir.id()));
            family.push(if id == dir.id() {
                dir.clone()
            } else {
                find(&id).map_or_else(|| dir.clone(), |row| row.dir.clone())
            });
        }
    }
    family
}

/// Runs with their changes as families, those that others were forked from before these.
pub fn families(runs: Vec<(Experiment, History)>) -> Vec<Member> {
    let mut left: Vec<Option<(Experiment, History)>> = runs.into_iter().map(Some).collect();
    let ids: HashSet<String> = left.iter().flatten().map(|(run, _)| run.id()).collect();
    let is_root = |run: &Experiment| run.row.parent.as_ref().is_none_or(|parent| !ids.contains(&parent.run));
    let roots: Vec<usize> =
        (0..left.len()).filter(|&i| left[i].as_ref().is_some_and(|(run, _)| is_root(run))).collect();
    let mut members = Vec::new();
    // what is in a circle comes last, from any of it
    for start in roots.into_iter().chain(0..left.len()) {
        add(start, None, &mut left, &mut members);
    }
    members
}

fn add(at: usize, parent: Option<usize>, left: &mut [Option<(Experiment, History)>], members: &mut Vec<Member>) {
    let Some((run, history)) = left[at].take() else { return };
    let (place, id) = (members.len(), run.id());
    let since = run.row.parent.as_ref().map_or(0, |parent| parent.step);
    let entries = history.entries().iter().filter(|entry| entry.fate == Fate::Stands && entry.step >= since);
    let words = |undoes: Option<u32>| if undoes.is_some() { " (undo)" } else { "" };
    let changes = entries.map(|entry| (entry.step, format!("{}{}", entry.change, words(entry.undoes)))).collect();
    let values = parent.map_or_else(Vec::new, |parent| differences(&run, &members[parent].run));
    members.push(Member { run, parent, values, changes });
    let step =
        |it: &Option<(Experiment, History)>| it.as_ref().and_then(|(run, _)| Some(run.row.parent.as_ref()?.step));
    let is_child = |it: &Option<(Experiment, History)>| {
        it.as_ref().is_some_and(|(run, _)| run.row.parent.as_ref().is_some_and(|parent| parent.run == id))
    };
    let mut children: Vec<usize> = (0..left.len()).filter(|&i| is_child(&left[i])).collect();
    children.sort_by_key(|&i| step(&left[i]));
    for child in children {
        add(child, Some(place), left, members);
    }
}

/// The values of a configuration that another one has not.
fn differences(run: &Experiment, parent: &Experiment) -> Vec<(String, String)> {
    let differs = |key: &&str| decides(key) && run.configured(key) != parent.configured(key);
    let value = |key: &str| run.configured(key).map_or_else(|| "none".into(), |value| value.text.clone());
    run.keys().filter(differs).map(|key| (key.to_owned(), value(key))).collect()
}
