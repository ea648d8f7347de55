//! Which runs a command about many of them means.

use anyhow::{Context as _, Result, ensure};
use fixmatch::compare::experiment::{Experiment, Measure};
use fixmatch::compare::expression::Expression;
use fixmatch::compare::saved::{self, Saved};
use fixmatch::suite::members;

use super::{Runs, complete};

/// Names and conditions.
#[derive(clap::Args)]
pub struct Choice {
    /// Names of runs or suites, or parts of them, and conditions in quotes, such as 'train.lr>=0.03' status=finished
    /// 'accuracy>60%'; all conditions must hold. @NAME stands for a saved one
    #[arg(value_name = "EXPRESSION", add = complete::run())]
    expression: Vec<String>,
}

/// The accuracy that runs are compared by.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
pub enum By {
    /// The last evaluation
    Last,
    /// The median of the last 20, as in the paper
    Median,
    /// The best one, which is chosen on the test set
    Best,
}

impl From<By> for Measure {
    fn from(by: By) -> Self {
        match by {
            By::Last => Self::Last,
            By::Median => Self::Median,
            By::Best => Self::Best,
        }
    }
}

impl Choice {
    /// Whether all runs are meant.
    pub fn is_all(&self) -> bool {
        self.expression.is_empty()
    }

    /// Its words, as a shell gave them.
    pub fn words(&self) -> &[String] {
        &self.expression
    }

    /// The expression as it was given.
    pub fn text(&self) -> String {
        self.expression.join(" ")
    }

    /// Saves it under a name.
    ///
    /// # Errors
    /// If it cannot be read: one that is saved names no other.
    pub fn save(&self, name: &str) -> Result<()> {
        let text = self.text();
        Expression::parse(&text).with_context(|| format!("{text:?} is not saved"))?;
        saved::save(name, &text)
    }

    /// The runs that are meant, the oldest first or in the order of their names.
    pub fn runs(&self, runs: &Runs) -> Result<Vec<Experiment>> {
        let text = self.text();
        let saved = if text.contains('@') { saved::read()? } else { Saved::new() };
        let expression = Expression::parse_with(&text, &saved)?;
        let mut all = Experiment::all(runs.folder())?;
        members::join(&mut all, runs.folder(), text.split_whitespace())?;
        expression.select(all)
    }

    /// The same where a command is nothing without any.
    pub fn some_runs(&self, runs: &Runs) -> Result<Vec<Experiment>> {
        let chosen = self.runs(runs)?;
        let folder = runs.folder().display();
        ensure!(!chosen.is_empty() || !self.is_all(), "there are no runs in {folder}");
        ensure!(!chosen.is_empty(), "no run in {folder} fits {:?}; `fixmatch runs` lists them", self.text());
        Ok(chosen)
    }
}
