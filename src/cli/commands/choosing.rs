//! Which runs a command about many of them means.

use anyhow::{Result, ensure};
use fixmatch::compare::experiment::{Experiment, Measure};
use fixmatch::compare::expression::Expression;

use super::{Runs, complete};

/// Names and conditions.
#[derive(clap::Args)]
pub struct Choice {
    /// Names of runs or suites, or parts of them, and conditions in quotes, such as 'train.lr>=0.03' status=finished
    /// 'accuracy>60%'; all conditions must hold
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

    /// The runs that are meant, the oldest first or in the order of their names.
    pub fn runs(&self, runs: &Runs) -> Result<Vec<Experiment>> {
        let expression = Expression::parse(&self.text())?;
        expression.select(Experiment::all(runs.folder())?)
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
