//! What a report is of: groups with their logs, and the figures that these make.

use anyhow::Result;
use fixmatch::compare::bands::{Logged, band};
use fixmatch::compare::classes::per_class;
use fixmatch::compare::groups::{Group, Groups};
use fixmatch::run::curves::{Axis, Metric};

use super::figure::Figure;
use crate::words::comparisons::letter;
use crate::words::numbers::Unit;
use crate::words::numbers::{or_dash, percent};
use crate::words::tables::Table;

/// A quantity that a figure shows.
#[derive(Clone, Copy, Debug)]
pub struct Quantity {
    /// The curve.
    pub metric: Metric,
    /// What it is called.
    pub title: &'static str,
    /// How its values are written.
    pub unit: Unit,
}

/// Test accuracy, which figures show if nothing else is asked for.
pub const ACCURACY: Quantity = quantity(Metric::TestEma, "test accuracy (EMA)", Unit::Percent);

/// The figures of a report.
pub const OF_REPORT: [Quantity; 4] = [
    ACCURACY,
    quantity(Metric::MaskRatio, "mask ratio: share of the pseudo-labels that are accepted", Unit::Percent),
    quantity(Metric::PseudoLabels, "purity: share of the accepted ones that are right", Unit::Percent),
    quantity(Metric::Loss, "loss", Unit::Number),
];

/// A quantity.
pub const fn quantity(metric: Metric, title: &'static str, unit: Unit) -> Quantity {
    Quantity { metric, title, unit }
}

/// Groups and the logs of their runs.
#[derive(Debug)]
pub struct Study<'a> {
    /// The groups.
    pub groups: &'a Groups,
    logs: Vec<Vec<Logged>>,
}

impl<'a> Study<'a> {
    /// Reads the logs of all runs that count.
    pub fn read(groups: &'a Groups) -> Result<Self> {
        let logs = groups.groups.iter().map(Logged::of_group).collect::<Result<_>>()?;
        Ok(Self { groups, logs })
    }

    /// A group as a legend has it.
    fn name(&self, place: usize, group: &Group) -> String {
        let n = self.logs[place].len();
        let unfinished = if group.runs.is_empty() { ", not finished" } else { "" };
        format!("{} {} (n = {n}{unfinished})", letter(place), group.legend())
    }

    /// A figure with a band for each group.
    pub fn figure(&self, quantity: Quantity, axis: Axis, size: (f64, f64)) -> Figure {
        let groups = self.groups.groups.iter().zip(&self.logs).enumerate();
        let curve = |(place, (group, logs)): (usize, (&Group, &Vec<Logged>))| {
            (self.name(place, group), band(logs.iter().map(|log| &log.curves), quantity.metric, axis))
        };
        Figure {
            title: quantity.title.into(),
            axis,
            unit: quantity.unit,
            curves: groups.map(curve).collect(),
            branches: Vec::new(),
            size,
        }
    }

    /// The accuracy of each class, a column for each group; None where the groups have other classes.
    pub fn classes(&self) -> Option<Table> {
        let names = self.logs.iter().flatten().map(|log| &log.classes).find(|classes| !classes.is_empty())?;
        let others = self.logs.iter().flatten().filter(|log| !log.classes.is_empty());
        if others.into_iter().any(|log| log.classes != *names) {
            return None;
        }
        let columns: Vec<Vec<Option<f64>>> = self
            .logs
            .iter()
            .map(|logs| per_class(&logs.iter().filter_map(|log| log.last.as_ref()).collect::<Vec<_>>()))
            .collect();
        let head = ["class".to_owned()].into_iter().chain((0..columns.len()).map(letter)).collect();
        let mut table = Table { head, rows: Vec::new() };
        for (class, name) in names.iter().enumerate() {
            let values = columns.iter().map(|column| or_dash(column.get(class).copied().flatten(), percent));
            table.rows.push([name.clone()].into_iter().chain(values).collect());
        }
        Some(table)
    }
}
