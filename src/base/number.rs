//! Numbers in sentences, as people write them.

/// At most four significant digits, and no more than there are: `2.969`, `0.03`, `12340`; below a ten-thousandth and from 10^9
/// on with a power of ten, `1.5e-5`.
pub fn plain(number: f64) -> String {
    let rounded = format!("{number:.3e}").parse().unwrap_or(number);
    if number == 0.0 || !number.is_finite() || (1e-4..1e9).contains(&number.abs()) {
        rounded.to_string()
    } else {
        format!("{rounded:e}")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_have_the_digits_that_people_write() {
        for (number, expected) in [
            (2.968_750_1, "2.969"),
            (0.07 / 10.0, "0.007"),
            (0.03, "0.03"),
            (100.0, "100"),
            (12_345.6, "12350"),
            (1.5e-5, "1.5e-5"),
            (-0.000_012_345, "-1.234e-5"),
            (3e12, "3e12"),
            (0.0, "0"),
            (f64::NAN, "NaN"),
            (f64::INFINITY, "inf"),
        ] {
            assert_eq!(plain(number), expected);
        }
    }
}
