//! How the runs are listed: by how far they are, by the values in which they differ, or a line for all seeds of a configuration.

use std::cell::RefCell;
use std::sync::Arc;

use fixmatch::compare::experiment::{Experiment, columns};
use fixmatch::compare::groups::Groups;
use fixmatch::compare::keys::{self, Key};
use fixmatch::compare::sort::Sort;
use fixmatch::run::survey::Row;
use strum::VariantArray;

use super::Home;

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
    /// The same runs in groups, sorted.
    pub groups: Groups,
}

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
        let holds_for = format!("{}\n{sort}", self.filter.text);
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
        let mut groups = Groups::of(runs.clone());
        if let Some(sort) = self.table.sort {
            sort.by(&mut groups.groups, |group| group.value(sort.key));
        }
        Made { runs, keys, groups }
    }

    /// The runs of each line of the list, by their places among those that are shown, where a line has several.
    pub(super) fn grouped(&self) -> Option<Vec<Vec<&Row>>> {
        (self.table.view == View::Groups).then(|| {
            let find = |run: &Experiment| self.rows().iter().find(|row| row.dir == run.row.dir);
            let all = |group: &fixmatch::compare::groups::Group| {
                group.runs.iter().chain(group.left_out.iter().map(|(run, _)| run)).filter_map(find).collect()
            };
            self.made().groups.groups.iter().map(all).collect()
        })
    }
}
