//! The open progress window: the rows of its steps, and what they took.

use std::time::Duration;

use anyhow::{Result, ensure};
use fixmatch::run::checkpoint::{Array, Tensors};
use fixmatch::run::event::Progress;
use tch::Tensor;

use crate::part::Part;
use crate::trainer::{Column, N_COLUMNS, read_rows};

/// The name of its rows in a checkpoint.
const NAME: &str = "window";

/// The steps since the last point of the curves.
#[derive(Debug, Default)]
pub struct Window {
    /// Rows that were read from the device.
    rows: Vec<[f32; N_COLUMNS]>,
    /// Rows that are still there.
    pending: Vec<Tensor>,
    n_images: usize,
    waited: Duration,
    took: Duration,
}

impl Window {
    /// Adds a step: its row, its images, how long it waited for the batch and how long it took in all.
    pub fn push(&mut self, row: Tensor, n_images: usize, waited: Duration, took: Duration) {
        self.pending.push(row);
        self.n_images += n_images;
        self.waited += waited;
        self.took += took;
    }

    /// All rows as numbers. Waits for the device.
    pub fn read_rows(&mut self) -> &[[f32; N_COLUMNS]] {
        self.rows.extend(read_rows(&self.pending));
        self.pending.clear();
        &self.rows
    }

    /// The mean over the window's steps, and an empty window. None without steps.
    pub fn close(&mut self, step: u64) -> Option<Progress> {
        self.read_rows();
        let window = std::mem::take(self);
        let n_steps = window.rows.len();
        let last = window.rows.last()?;
        let sum = |column: Column| window.rows.iter().map(|row| f64::from(row[column as usize])).sum::<f64>();
        let mean = |column| sum(column) / n_steps as f64;
        let ratio = |part: f64, of: f64| (of > 0.0).then(|| part / of);
        let took = window.took.as_secs_f64().max(f64::MIN_POSITIVE);
        Some(Progress {
            step,
            n_steps: n_steps as u64,
            loss: mean(Column::Loss),
            loss_supervised: mean(Column::Supervised),
            loss_unsupervised: mean(Column::Unsupervised),
            lr: f64::from(last[Column::Lr as usize]),
            mask_ratio: ratio(sum(Column::Accepted), sum(Column::Unlabeled)),
            pseudo_label_accuracy: ratio(sum(Column::Right), sum(Column::Accepted)),
            images_per_s: window.n_images as f64 / took,
            data_wait: window.waited.as_secs_f64() / took,
            memory_bytes: resident_bytes(),
        })
    }
}

impl Part for Window {
    /// The rows, so that a resumed run closes the window as the unbroken one would have.
    fn save(&mut self, into: &mut Tensors) {
        let rows = self.read_rows();
        let array = Array { shape: vec![rows.len(), N_COLUMNS], values: rows.as_flattened().to_vec() };
        into.insert(NAME.into(), array);
    }

    fn restore(&mut self, from: &Tensors, _: u64) -> Result<()> {
        let Some(Array { shape, values }) = from.get(NAME) else {
            *self = Self::default();
            return Ok(());
        };
        let (rows, rest) = values.as_chunks();
        ensure!(
            rest.is_empty() && shape[..] == [rows.len(), N_COLUMNS],
            "the checkpoint's progress window has the shape {shape:?}, not [steps, {N_COLUMNS}]"
        );
        *self = Self { rows: rows.to_vec(), ..Self::default() };
        Ok(())
    }
}

/// This process's resident memory, from the second number of `statm`; 0 where there is none.
fn resident_bytes() -> u64 {
    let statm = std::fs::read_to_string("/proc/self/statm").unwrap_or_default();
    let n_pages: u64 = statm.split(' ').nth(1).and_then(|n| n.parse().ok()).unwrap_or_default();
    n_pages * rustix::param::page_size() as u64
}

#[cfg(test)]
mod tests {
    use super::*;

    fn push(window: &mut Window, row: [f32; N_COLUMNS]) {
        window.push(Tensor::from_slice(&row), 100, Duration::from_secs(1), Duration::from_secs(4));
    }

    #[test]
    fn a_window_averages_its_steps() {
        let mut window = Window::default();
        push(&mut window, [3.0, 2.0, 1.0, 10.0, 5.0, 40.0, 0.5]);
        push(&mut window, [1.0, 1.0, 0.0, 0.0, 0.0, 40.0, 0.25]);
        let progress = window.close(12).expect("two steps");
        assert_eq!((progress.step, progress.n_steps, progress.loss, progress.lr), (12, 2, 2.0, 0.25));
        assert_eq!((progress.mask_ratio, progress.pseudo_label_accuracy), (Some(0.125), Some(0.5)));
        assert_eq!((progress.images_per_s, progress.data_wait), (25.0, 0.25));
        assert!(progress.memory_bytes > 0);
        assert_eq!(window.close(12), None);
    }

    #[test]
    fn a_window_of_another_shape_is_refused() {
        let restore = |shape: [usize; 2]| {
            let array = Array { shape: shape.to_vec(), values: vec![1.0; shape[0] * shape[1]] };
            Window::default().restore(&Tensors::from([(NAME.to_owned(), array)]), 0)
        };
        restore([2, N_COLUMNS]).expect("rows of all columns");
        restore([0, N_COLUMNS]).expect("a window that was just closed");
        let error = restore([N_COLUMNS, 2]).expect_err("columns of two steps").to_string();
        assert!(error.contains(&format!("shape [{N_COLUMNS}, 2], not [steps, {N_COLUMNS}]")), "{error}");
        Window::default().restore(&Tensors::new(), 0).expect("a checkpoint without one");
    }

    #[test]
    fn without_unlabeled_images_there_is_no_mask_ratio() {
        let mut window = Window::default();
        push(&mut window, [3.0, 3.0, 0.0, 0.0, 0.0, 0.0, 0.5]);
        let progress = window.close(1).expect("a step");
        assert_eq!((progress.mask_ratio, progress.pseudo_label_accuracy), (None, None));
    }

    #[test]
    fn a_window_survives_a_checkpoint() {
        let (mut window, mut tensors) = (Window::default(), Tensors::new());
        push(&mut window, [3.0, 2.0, 1.0, 10.0, 5.0, 40.0, 0.5]);
        window.save(&mut tensors);
        let mut restored = Window::default();
        restored.restore(&tensors, 0).expect("fits");
        assert_eq!(restored.read_rows(), window.read_rows());
    }
}
