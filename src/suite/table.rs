//! The cells of a suite as a table: the last axis makes the columns, the others the rows, and baselines have rows of
//! their own.

use crate::suite::grid::{Grid, bare, short};
use crate::suite::outcome::Outcome;

/// A table of cells.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Table {
    /// What the axes of the rows are called.
    pub heads: Vec<String>,
    /// What the axis of the columns is called; empty where there is none.
    pub axis: String,
    /// The values of that axis; one without a name where there is none.
    pub columns: Vec<String>,
    /// The rows.
    pub rows: Vec<Row>,
}

/// A row of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Row {
    /// The values of the rows' axes.
    pub values: Vec<String>,
    /// Whether it is of the runs on the labels alone.
    pub baseline: bool,
    /// Column by column the place among the outcomes; None for what is left out.
    pub cells: Vec<Option<usize>>,
}

impl Table {
    /// Of a grid and what its cells have come to.
    pub fn of(grid: &Grid, outcomes: &[Outcome]) -> Self {
        let (axis, rows) = grid.axes.split_last().map_or((None, &[][..]), |(last, rows)| (Some(last), rows));
        let columns = axis.map_or_else(
            || vec![String::new()],
            |axis| axis.values.iter().map(|value| bare(value).to_owned()).collect(),
        );
        let mut table = Self {
            heads: rows.iter().map(|axis| short(&axis.key).to_owned()).collect(),
            axis: axis.map_or_else(String::new, |axis| short(&axis.key).to_owned()),
            columns,
            rows: Vec::new(),
        };
        let mut places: Vec<(&[usize], bool)> = Vec::new();
        for (i, outcome) in outcomes.iter().enumerate() {
            let Some(cell) = grid.cells.get(outcome.cell) else { continue };
            let (column, row) = cell.split_last().map_or((0, &[][..]), |(last, row)| (*last, row));
            let at = places.iter().position(|place| *place == (row, outcome.baseline)).unwrap_or_else(|| {
                places.push((row, outcome.baseline));
                let values = rows.iter().zip(row).filter_map(|(axis, &place)| axis.values.get(place));
                let values = values.map(|value| bare(value).to_owned()).collect();
                table.rows.push(Row { values, baseline: outcome.baseline, cells: vec![None; table.columns.len()] });
                places.len() - 1
            });
            if let Some(place) = table.rows[at].cells.get_mut(column) {
                *place = Some(i);
            }
        }
        table
    }
}
