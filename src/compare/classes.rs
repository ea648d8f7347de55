//! What the runs of a group get right of each class, and what they take it for, by their last evaluations.

use crate::base::stats::mean_and_sd;
use crate::run::event::Evaluated;

/// How often images of one class are taken for another one by two groups of runs.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Confusion {
    /// The class that they are of.
    pub class: usize,
    /// The one that they are taken for.
    pub taken_for: usize,
    /// The mean share of the class's test images, in [0, 1], by the first group and by the second one.
    pub shares: [f64; 2],
}

impl Confusion {
    /// By how much the second group confuses them more often.
    pub fn difference(&self) -> f64 {
        self.shares[1] - self.shares[0]
    }
}

/// The mean accuracy of each class, averaged weights; None for a class without test images.
pub fn per_class(last: &[&Evaluated]) -> Vec<Option<f64>> {
    let n = last.iter().map(|it| it.ema.per_class.len()).max().unwrap_or(0);
    let class = |class: usize| {
        let values: Vec<f64> = last.iter().filter_map(|it| it.ema.per_class.get(class).copied().flatten()).collect();
        mean_and_sd(&values).map(|(mean, _)| mean)
    };
    (0..n).map(class).collect()
}

/// What two groups confuse, the pairs of classes with the largest difference first.
pub fn confusions(first: &[&Evaluated], second: &[&Evaluated]) -> Vec<Confusion> {
    let [a, b] = [first, second].map(shares);
    let mut all: Vec<Confusion> = Vec::new();
    for (class, (row_a, row_b)) in a.iter().zip(&b).enumerate() {
        for (taken_for, (&share_a, &share_b)) in row_a.iter().zip(row_b).enumerate() {
            if class != taken_for && share_a.max(share_b) > 0.0 {
                all.push(Confusion { class, taken_for, shares: [share_a, share_b] });
            }
        }
    }
    all.sort_by(|a, b| b.difference().abs().total_cmp(&a.difference().abs()));
    all
}

/// Of the test images of each class (row), the mean share that is taken for each class (column).
fn shares(last: &[&Evaluated]) -> Vec<Vec<f64>> {
    let n = last.iter().map(|it| it.ema.confusion.len()).max().unwrap_or(0);
    let (mut shares, mut n_runs) = (vec![vec![0.0; n]; n], vec![0_u32; n]);
    for (class, row) in last.iter().flat_map(|it| it.ema.confusion.iter().enumerate()) {
        let n_images: u64 = row.iter().map(|n| u64::from(*n)).sum();
        if n_images > 0 {
            n_runs[class] += 1;
            for (sum, &n) in shares[class].iter_mut().zip(row) {
                *sum += f64::from(n) / n_images as f64;
            }
        }
    }
    for (row, n_runs) in shares.iter_mut().zip(n_runs) {
        for sum in row {
            *sum /= f64::from(n_runs.max(1));
        }
    }
    shares
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::run::event::Evaluation;

    fn evaluated(per_class: &[Option<f64>], confusion: &[&[u32]]) -> Evaluated {
        let confusion = confusion.iter().map(|row| row.to_vec()).collect();
        let ema = Evaluation { per_class: per_class.to_vec(), confusion, ..Evaluation::default() };
        Evaluated { ema, ..Evaluated::default() }
    }

    #[test]
    fn classes_are_means_over_runs_without_those_that_have_no_test_images() {
        let runs = [evaluated(&[Some(0.2), None], &[]), evaluated(&[Some(0.4), None], &[]), evaluated(&[], &[])];
        assert_eq!(per_class(&runs.iter().collect::<Vec<_>>()), [Some(0.300_000_000_000_000_04), None]);
        assert_eq!(per_class(&[]), []);
    }

    #[test]
    fn the_confusion_that_differs_most_comes_first_by_its_share() {
        let first = [evaluated(&[], &[&[8, 2, 0], &[1, 9, 0], &[0, 0, 0]])];
        let second = [
            evaluated(&[], &[&[10, 0, 0], &[5, 5, 0], &[0, 0, 0]]),
            evaluated(&[], &[&[20, 0, 0], &[7, 3, 0], &[0, 0, 0]]),
        ];
        let [first, second] = [first.iter().collect::<Vec<_>>(), second.iter().collect()];
        let found = confusions(&first, &second);
        let pairs: Vec<_> = found.iter().map(|it| (it.class, it.taken_for, it.shares)).collect();
        assert_eq!(pairs, [(1, 0, [0.1, 0.6]), (0, 1, [0.2, 0.0])]);
        assert_eq!(confusions(&first, &[]), [], "nothing to hold it against");
    }
}
