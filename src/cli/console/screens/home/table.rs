//! How the runs are listed: by how far they are, by the values in which they differ, or a line for all seeds of a configuration.

use std::cell::RefCell;
use std::collections::HashMap;
use std::sync::{Arc, OnceLock};

use fixmatch::compare::experiment::{Experiment, columns};
use fixmatch::compare::groups::{Group, Groups};
use fixmatch::compare::keys::{self, Key};
use fixmatch::compare::sort::Sort;
use fixmatch::run::dir::RunDir;
use fixmatch::run::survey::Row;
use serde::{Deserialize, Serialize};
use strum::VariantArray;

use super::Home;
use crate::console::views::columns::Column;
use crate::words::comparisons;
use crate::words::tables as words;

/// What a line of the list says.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, VariantArray)]
pub enum View {
    /// How far a run is, and how good.
    #[default]
    Progress,
    /// The values in which a run differs from the others, or those that a user picked.
    Values,
    /// Mean and standard deviation of all seeds of a configuration.
    Groups,
}

impl View {
    /// What it is called where it is kept.
    fn name(self) -> &'static str {
        match self {
            Self::Progress => "progress",
            Self::Values => "values",
            Self::Groups => "groups",
        }
    }
}

/// How the runs are listed, as it is kept from one console to the next. What is left out is as usual.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Kept {
    /// The name of the view.
    pub view: Option<String>,
    /// The columns that a user picked.
    pub columns: Vec<String>,
    /// What the lines are sorted by, with `-` from high to low.
    pub sort: Option<String>,
}

/// The list as a user wants it.
#[derive(Clone, Debug, Default)]
pub struct Table {
    /// What a line says.
    pub view: View,
    /// The columns that a user picked; where there are none, those in which the runs differ.
    pub columns: Vec<&'static Key>,
    /// What the lines are sorted by; else the newest come first.
    pub sort: Option<Sort>,
    /// What was made of the runs that are shown, and for what it holds.
    made: RefCell<Option<(String, Arc<Made>)>>,
}

/// What a list by values or by groups is drawn from.
#[derive(Clone, Debug)]
pub struct Made {
    /// The runs that are shown, sorted.
    pub runs: Vec<Experiment>,
    /// The keys in which they differ, or those that were picked.
    pub keys: Vec<&'static Key>,
    /// The results that are shown beside their values.
    pub results: Vec<&'static Key>,
    /// The same runs in groups, where these are listed.
    pub grouped: Option<Grouped>,
    /// What is drawn of it, once it was.
    pub columns: OnceLock<Vec<Column>>,
}

/// The runs in groups.
#[derive(Clone, Debug)]
pub struct Grouped {
    /// The groups, sorted.
    pub groups: Groups,
    /// The same as a table.
    pub table: words::Table,
    /// The runs of each group by their places among all.
    places: Vec<Vec<usize>>,
}

/// The results that are shown where no columns were picked.
const RESULTS: [&str; 4] = ["accuracy", "median", "best", "time"];

impl Table {
    /// Forgets what was made, since the runs are others.
    pub fn forget(&mut self) {
        self.made.take();
    }

    /// Goes on to the next view.
    pub fn turn(&mut self) {
        let at = View::VARIANTS.iter().position(|view| *view == self.view).unwrap_or(0);
        self.view = View::VARIANTS[(at + 1) % View::VARIANTS.len()];
    }

    /// What of it is to be kept.
    pub fn kept(&self) -> Kept {
        Kept {
            view: Some(self.view.name().into()),
            columns: self.columns.iter().map(|key| key.name.to_owned()).collect(),
            sort: self.sort.map(|sort| sort.to_string()),
        }
    }

    /// Lists the runs as it was kept, but for what cannot be; returns what that is, and why.
    pub fn take(&mut self, kept: &Kept) -> Vec<String> {
        let mut refused = Vec::new();
        for name in &kept.columns {
            match keys::find(name) {
                Ok(key) => self.columns.push(key),
                Err(_) => refused.push(format!("columns: there is no key {name:?}")),
            }
        }
        if let Some(sort) = kept.sort.as_ref().filter(|sort| self.sort_by(sort).is_err()) {
            refused.push(format!("sort: there is no key {sort:?}"));
        }
        match kept.view.as_ref().map(|name| (name, View::VARIANTS.iter().find(|view| view.name() == name))) {
            Some((_, Some(view))) => self.view = *view,
            Some((name, None)) => {
                let all: Vec<_> = View::VARIANTS.iter().map(|view| view.name()).collect();
                refused.push(format!("view: {name:?} is none of {}", all.join(", ")));
            }
            None => {}
        }
        refused
    }

    /// Sorts by what a user typed, or no more.
    ///
    /// # Errors
    /// If there is no such key.
    pub fn sort_by(&mut self, text: &str) -> Result<(), String> {
        let text = text.trim();
        self.sort = if text.is_empty() { None } else { Some(Sort::parse(text).map_err(|error| format!("{error:#}"))?) };
        Ok(())
    }

    /// Shows the columns that a user typed, or those in which the runs differ.
    ///
    /// # Errors
    /// If one of them is no key.
    pub fn pick(&mut self, text: &str) -> Result<(), String> {
        let names = text.split([' ', ',']).filter(|name| !name.is_empty());
        let columns: Result<Vec<_>, _> = names.map(keys::find).collect();
        self.columns = columns.map_err(|error| format!("{error:#}"))?;
        if self.view == View::Progress {
            self.view = View::Values;
        }
        self.forget();
        Ok(())
    }
}

impl Home {
    /// The runs that are shown, as a table.
    pub fn made(&self) -> Arc<Made> {
        let sort = self.table.sort.map(|sort| sort.to_string()).unwrap_or_default();
        let holds_for = format!("{}\n{sort}\n{}", self.filter.text, self.table.view.name());
        let mut made = self.table.made.borrow_mut();
        if let Some((_, made)) = made.as_ref().filter(|(known, _)| *known == holds_for) {
            return made.clone();
        }
        let new = Arc::new(self.make());
        *made = Some((holds_for, new.clone()));
        new
    }

    fn make(&self) -> Made {
        let runs: Vec<Experiment> = self.shown_experiments().into_iter().cloned().collect();
        let picked = &self.table.columns;
        let keys = if picked.is_empty() { columns(&runs) } else { picked.clone() };
        let results = RESULTS.iter().filter(|_| picked.is_empty()).map(|name| keys::find(name).expect("it is known"));
        let results = results.collect();
        let grouped = (self.table.view == View::Groups).then(|| self.group(runs.clone()));
        Made { runs, keys, results, grouped, columns: OnceLock::new() }
    }

    fn group(&self, runs: Vec<Experiment>) -> Grouped {
        let mut groups = Groups::of(runs);
        if let Some(sort) = self.table.sort {
            sort.by(&mut groups.groups, |group| group.value(sort.key));
        }
        let all: HashMap<&RunDir, usize> = self.rows().iter().enumerate().map(|(at, row)| (&row.dir, at)).collect();
        let places = |group: &Group| {
            let members = group.runs.iter().chain(group.left_out.iter().map(|(run, _)| run));
            members.filter_map(|run| all.get(&run.row.dir).copied()).collect()
        };
        let places = groups.groups.iter().map(places).collect();
        let table = comparisons::groups(&groups, false);
        Grouped { groups, table, places }
    }

    /// The runs of each line of the list, by their places among those that are shown, where a line has several.
    pub(super) fn grouped(&self) -> Option<Vec<Vec<&Row>>> {
        (self.table.view == View::Groups).then(|| {
            let (rows, made) = (self.rows(), self.made());
            let places = made.grouped.iter().flat_map(|grouped| &grouped.places);
            places.map(|places| places.iter().map(|&at| &rows[at]).collect()).collect()
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_list_is_kept_and_taken_up_again_but_for_what_is_not_known() {
        let mut table = Table { view: View::Groups, ..Table::default() };
        table.pick("lr per_class time").expect("keys");
        table.sort_by("-accuracy").expect("a key");
        let mut again = Table::default();
        assert!(again.take(&table.kept()).is_empty());
        assert_eq!(again.kept(), table.kept());
        let parse = |text| serde_json::from_str::<Kept>(text).expect(text);
        for (kept, refusal) in [
            (r#"{"view":"grups","columns":["lr"]}"#, "view: \"grups\" is none of progress, values, groups"),
            (r#"{"view":"progress","columns":["lrr","lr"]}"#, "columns: there is no key \"lrr\""),
            (r#"{"columns":["lr"],"sort":"-acuracy"}"#, "sort: there is no key \"-acuracy\""),
        ] {
            let mut table = Table::default();
            let refused = table.take(&parse(kept));
            assert_eq!(refused, [refusal]);
            assert_eq!(table.kept().columns, ["train.lr"], "what can be taken up is");
        }
    }
}
