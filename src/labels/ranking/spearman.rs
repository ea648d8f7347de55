//! How far two orders agree: Spearman's rank correlation.

/// Spearman's ρ: Pearson's correlation of the ranks, where equal values share the mean of their ranks (Kendall and
/// Gibbons, "Rank Correlation Methods", 1990, chapter 3).
///
/// In [−1, 1]; None for fewer than two values, or where one side has only equal ones.
///
/// # Panics
/// If there are not as many of one as of the other.
pub fn spearman(xs: &[f32], ys: &[f32]) -> Option<f64> {
    assert_eq!(xs.len(), ys.len(), "both orders are of the same images");
    let (xs, ys) = (mean_ranks(xs), mean_ranks(ys));
    let mean = f64::midpoint(1.0, xs.len() as f64); // of ranks, with ties or without
    let covariance = |a: &[f64], b: &[f64]| a.iter().zip(b).map(|(a, b)| (a - mean) * (b - mean)).sum::<f64>();
    let spread = (covariance(&xs, &xs) * covariance(&ys, &ys)).sqrt();
    (spread > 0.0).then(|| covariance(&xs, &ys) / spread)
}

/// The rank of each value, from 1; equal ones share the mean of their ranks.
fn mean_ranks(values: &[f32]) -> Vec<f64> {
    let mut order: Vec<usize> = (0..values.len()).collect();
    order.sort_by(|&a, &b| values[a].total_cmp(&values[b]));
    let mut ranks = vec![0.0; values.len()];
    let mut first = 1;
    for ties in order.chunk_by(|&a, &b| values[a] == values[b]) {
        let rank = first as f64 + (ties.len() as f64 - 1.0) / 2.0;
        for &at in ties {
            ranks[at] = rank;
        }
        first += ties.len();
    }
    ranks
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn equal_values_share_the_mean_of_their_ranks() {
        assert_eq!(mean_ranks(&[3.0, 1.0, 3.0, 2.0, 3.0]), [4.0, 1.0, 4.0, 2.0, 4.0]);
    }

    /// Without ties, 1 − 6 Σd² / (n³ − n); with ties worked out by hand, from ranks 1, 2.5, 2.5, 4 and 1, 2, 3, 4:
    /// 4.5 / √(4.5 · 5) = √0.9; and from ranks 1.5, 1.5, 3.5, 3.5 and 1, 3.5, 2, 3.5: 1 / √(4 · 4.5). Python's
    /// `statistics.correlation(method="ranked")` has the same.
    #[test]
    fn the_correlation_is_that_of_the_textbook() {
        let check = |xs: &[f32], ys: &[f32], expected: f64| {
            let found = spearman(xs, ys).expect("both sides vary");
            assert!((found - expected).abs() < 1e-12, "{xs:?} {ys:?}: {found}, not {expected}");
            assert_eq!(spearman(ys, xs), Some(found));
        };
        check(&[1.0, 2.0, 3.0], &[10.0, 20.0, 90.0], 1.0);
        check(&[1.0, 2.0, 3.0], &[0.3, 0.2, 0.1], -1.0);
        // d = 0, 1, 1, 0, 1, 1
        check(&[1.0, 2.0, 3.0, 4.0, 5.0, 6.0], &[1.0, 3.0, 2.0, 4.0, 7.0, 5.0], 1.0 - 6.0 * 4.0 / 210.0);
        check(&[1.0, 2.0, 2.0, 3.0], &[1.0, 2.0, 3.0, 4.0], 0.9_f64.sqrt());
        check(&[0.0, 0.0, 1.0, 1.0], &[1.0, 5.0, 2.0, 5.0], 1.0 / 18.0_f64.sqrt());
    }

    #[test]
    fn where_nothing_varies_there_is_no_correlation() {
        assert_eq!(spearman(&[], &[]), None);
        assert_eq!(spearman(&[1.0], &[2.0]), None);
        assert_eq!(spearman(&[1.0, 1.0], &[1.0, 2.0]), None);
    }
}
