//! Numbers about numbers.

/// The middle value, or the mean of the two middle ones; None of none.
pub fn median(mut values: Vec<f64>) -> Option<f64> {
    values.sort_by(f64::total_cmp);
    let n = values.len();
    let upper = values.get(n / 2)?;
    Some(if n % 2 == 1 { *upper } else { f64::midpoint(values[n / 2 - 1], *upper) })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_median_is_the_middle() {
        let cases = [
            (vec![], None),
            (vec![0.3], Some(0.3)),
            (vec![0.9, 0.1, 0.5], Some(0.5)),
            (vec![0.9, 0.1, 0.5, 0.7], Some(0.6)),
        ];
        for (values, expected) in cases {
            assert_eq!(median(values.clone()), expected, "{values:?}");
        }
    }
}
