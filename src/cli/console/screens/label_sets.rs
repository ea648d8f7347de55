//! What label sets can be browsed: the data sets on this machine with the orders that are known of them, and the sets
//! that were saved under a name.

use fixmatch::config::{Data, Metric};
use fixmatch::labels::saved::Saved;

use crate::console::input::Cursor;
use crate::console::keys::Action;
use crate::console::screens::home::DataState;

mod keys;
mod view;

/// A line of the list.
#[derive(Clone, Debug, PartialEq)]
pub enum Row {
    /// A data set.
    Data {
        /// Its name.
        name: String,
        /// Whether it is here.
        state: DataState,
        /// The metrics that it is ordered by.
        orders: Vec<Metric>,
    },
    /// A saved label set.
    Set(Saved),
}

/// The list.
#[derive(Clone, Debug, Default)]
pub struct LabelSets {
    /// Its lines, data sets first, or why it cannot be read; None before it was.
    pub rows: Option<Result<Vec<Row>, String>>,
    /// The selected one.
    pub at: Cursor,
}

impl LabelSets {
    /// The lines.
    pub fn rows(&self) -> &[Row] {
        match &self.rows {
            Some(Ok(rows)) => rows,
            Some(Err(_)) | None => &[],
        }
    }

    /// The selected line.
    pub fn row(&self) -> Option<&Row> {
        self.rows().get(self.at.at)
    }

    /// The data set of the selected line, where it needs no path.
    pub fn data(&self) -> Option<Data> {
        let dataset = match self.row()? {
            Row::Data { name, .. } => Some(name),
            Row::Set(saved) => saved.header.dataset.as_ref(),
        };
        let dataset = dataset.filter(|name| *name != "folder")?.clone();
        Some(Data { dataset, ..Data::default() })
    }

    /// Whether an action is of use on the selected line.
    pub fn fits(&self, action: Action) -> bool {
        match action {
            Action::Fetch => matches!(self.row(), Some(Row::Data { state: DataState::Missing(_), .. })),
            Action::Delete => matches!(self.row(), Some(Row::Set(_))),
            _ => true,
        }
    }

    /// Takes the lines as they are now.
    pub fn take(&mut self, rows: Result<Vec<Row>, String>) {
        self.rows = Some(rows);
        let n = self.rows().len();
        self.at.step(0, n);
    }

    /// Notes where a data set is.
    pub fn set_data(&mut self, dataset: &str, now: &DataState) {
        let Some(Ok(rows)) = &mut self.rows else { return };
        for row in rows {
            match row {
                Row::Data { name, state, .. } if name == dataset => *state = now.clone(),
                Row::Data { .. } | Row::Set(_) => {}
            }
        }
    }
}
