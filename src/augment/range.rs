//! The values that a table allows for a parameter.

use std::fmt;

use super::Filter;
use crate::base::rng::Rng;

/// What a parameter may be.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Range {
    /// Always this one, as where the table has no parameter.
    Fixed(f64),
    /// Uniform from the first to the second.
    Real(f64, f64),
    /// The whole numbers from the first to the second, each as likely.
    Whole(u8, u8),
    /// As [`Real`](Self::Real), then rounded to a whole number, halves to even.
    Rounded(f64, f64),
    /// Pixels, from the first to the second, where the operation wants a share of the side.
    Pixels(f64, f64),
    /// One of the six filters, by its place in [`Filter::ALL`].
    Filters,
}

impl Range {
    /// A random value, for an image with this side.
    pub(super) fn draw(self, side: usize, rng: &mut Rng) -> f64 {
        match self {
            Self::Fixed(value) => value,
            Self::Whole(low, high) => f64::from(u32::from(low) + rng.below(u32::from(high - low) + 1)),
            Self::Real(..) | Self::Rounded(..) | Self::Pixels(..) | Self::Filters => self.at(rng.unit(), side),
        }
    }

    /// The value at the share `v`, in [0, 1), of the way from the first to the last, for an image with this side.
    pub(super) fn at(self, v: f64, side: usize) -> f64 {
        let real = |low: f64, high: f64| low + (high - low) * v;
        // Rounding can make a 1 of a share just below it.
        let whole = |n: u8| (v * f64::from(n)).floor().min(f64::from(n - 1));
        match self {
            Self::Fixed(value) => value,
            Self::Real(low, high) => real(low, high),
            Self::Whole(low, high) => f64::from(low) + whole(high - low + 1),
            Self::Rounded(low, high) => real(low, high).round_ties_even(),
            Self::Pixels(low, high) => real(low, high) / side as f64,
            Self::Filters => whole(Filter::ALL.len() as u8),
        }
    }
}

impl fmt::Display for Range {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Fixed(_) => f.write_str("–"),
            Self::Real(low, high) => write!(f, "{low} to {high}"),
            Self::Whole(low, high) => write!(f, "{low} to {high}, whole"),
            Self::Rounded(low, high) => write!(f, "{low} to {high}, rounded"),
            Self::Pixels(low, high) => write!(f, "{low} to {high} pixels"),
            Self::Filters => f.write_str("a filter"),
        }
    }
}
