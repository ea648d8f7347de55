//! The ranges of single values, checked while they are read so that the error carries file, line and caret.

use std::fmt::Display;
use std::path::PathBuf;

use super::MAX_DEPTH;
use crate::base::dirs::expand_home;
use serde::de::{Deserialize, Deserializer, Error};

/// What a number may be, as in "must be …".
pub(crate) struct Range {
    pub text: &'static str,
    pub holds: fn(f64) -> bool,
}

pub(crate) const RATIO: Range = Range { text: "in [0, 1]", holds: |x| (0.0..=1.0).contains(&x) };
pub(crate) const BELOW_ONE: Range = Range { text: "at least 0 and below 1", holds: |x| (0.0..1.0).contains(&x) };
pub(crate) const LR: Range = Range { text: "more than 0 and at most 100", holds: |x| x > 0.0 && x <= 100.0 };
pub(crate) const LAMBDA_U: Range = Range { text: "in [0, 1000]", holds: |x| (0.0..=1000.0).contains(&x) };
pub(crate) const ABOVE_ZERO: Range = Range { text: "more than 0 and at most 1000", holds: |x| x > 0.0 && x <= 1000.0 };

impl Range {
    fn read<'de, D: Deserializer<'de>>(&self, deserializer: D) -> Result<f64, D::Error> {
        checked(deserializer, |&x| (self.holds)(x), self.text)
    }
}

fn checked<'de, D, T>(deserializer: D, allowed: impl Fn(&T) -> bool, must_be: &str) -> Result<T, D::Error>
where
    D: Deserializer<'de>,
    T: Deserialize<'de> + Display,
{
    let value = T::deserialize(deserializer)?;
    if allowed(&value) { Ok(value) } else { Err(D::Error::custom(format!("must be {must_be}, not {value}"))) }
}

/// A path in which `~/` is the home directory.
pub(super) fn path<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<PathBuf>, D::Error> {
    let path = Option::<PathBuf>::deserialize(deserializer)?;
    path.map(|path| expand_home(&path)).transpose().map_err(D::Error::custom)
}

pub(super) fn ratio<'de, D: Deserializer<'de>>(deserializer: D) -> Result<f64, D::Error> {
    RATIO.read(deserializer)
}

pub(super) fn below_one<'de, D: Deserializer<'de>>(deserializer: D) -> Result<f64, D::Error> {
    BELOW_ONE.read(deserializer)
}

pub(super) fn lr<'de, D: Deserializer<'de>>(deserializer: D) -> Result<f64, D::Error> {
    LR.read(deserializer)
}

pub(super) fn lambda_u<'de, D: Deserializer<'de>>(deserializer: D) -> Result<f64, D::Error> {
    LAMBDA_U.read(deserializer)
}

pub(super) fn some_ratio<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<f64>, D::Error> {
    ratio(deserializer).map(Some)
}

pub(super) fn some_lambda_u<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<f64>, D::Error> {
    lambda_u(deserializer).map(Some)
}

pub(super) fn above_zero<'de, D: Deserializer<'de>>(deserializer: D) -> Result<f64, D::Error> {
    ABOVE_ZERO.read(deserializer)
}

pub(super) fn weight_decay<'de, D: Deserializer<'de>>(deserializer: D) -> Result<f64, D::Error> {
    RATIO.read(deserializer)
}

pub(super) fn positive<'de, D: Deserializer<'de>>(deserializer: D) -> Result<u64, D::Error> {
    let value = seed(deserializer)?;
    if value >= 1 { Ok(value) } else { Err(D::Error::custom(format!("must be at least 1, not {value}"))) }
}

pub(super) fn positive_u32<'de, D: Deserializer<'de>>(deserializer: D) -> Result<u32, D::Error> {
    checked(deserializer, |&x| x >= 1, "at least 1")
}

/// TOML's integers are signed: a larger number could be read but not written again.
pub(super) fn seed<'de, D: Deserializer<'de>>(deserializer: D) -> Result<u64, D::Error> {
    checked(deserializer, |&x| i64::try_from(x).is_ok(), "below 2^63")
}

pub(super) fn some_seed<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<u64>, D::Error> {
    seed(deserializer).map(Some)
}

pub(super) fn holdout<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<f64>, D::Error> {
    checked(deserializer, |&x: &f64| (0.0..1.0).contains(&x), "in [0, 1)").map(Some)
}

pub(super) fn batch<'de, D: Deserializer<'de>>(deserializer: D) -> Result<u32, D::Error> {
    checked(deserializer, |x| (1..=65_536).contains(x), "in [1, 65536]")
}

pub(super) fn mu<'de, D: Deserializer<'de>>(deserializer: D) -> Result<u32, D::Error> {
    checked(deserializer, |x| (1..=1024).contains(x), "in [1, 1024]")
}

pub(super) fn depth<'de, D: Deserializer<'de>>(deserializer: D) -> Result<u32, D::Error> {
    checked(deserializer, |&x| (1..=MAX_DEPTH).contains(&(x as usize)), &format!("in [1, {MAX_DEPTH}]"))
}

pub(super) fn members<'de, D: Deserializer<'de>>(deserializer: D) -> Result<u32, D::Error> {
    checked(deserializer, |x| (1..=100).contains(x), "in [1, 100]")
}

pub(super) fn count<'de, D: Deserializer<'de>>(deserializer: D) -> Result<u32, D::Error> {
    checked(deserializer, |x| (1..=65_536).contains(x), "in [1, 65536]")
}

pub(super) fn panel<'de, D: Deserializer<'de>>(deserializer: D) -> Result<u32, D::Error> {
    checked(deserializer, |x| (0..=10_000).contains(x), "in [0, 10000]")
}

pub(super) fn delay<'de, D: Deserializer<'de>>(deserializer: D) -> Result<u32, D::Error> {
    checked(deserializer, |x| (0..=256).contains(x), "in [0, 256]")
}

pub(super) fn threads<'de, D: Deserializer<'de>>(deserializer: D) -> Result<u32, D::Error> {
    checked(deserializer, |x| (0..=1024).contains(x), "in [0, 1024], 0 for all cores")
}

pub(super) fn wrn_depth<'de, D: Deserializer<'de>>(deserializer: D) -> Result<u32, D::Error> {
    let must_be = "6n + 4 (10, 16, 22, 28, …) or, in four stages, 8n + 5 (13, 21, 29, 37, …), with n from 1 to 32";
    let is_depth = |x: u32| (1..=32).any(|n| x == 6 * n + 4 || x == 8 * n + 5);
    checked(deserializer, |&x| is_depth(x), must_be)
}

pub(super) fn wrn_width<'de, D: Deserializer<'de>>(deserializer: D) -> Result<u32, D::Error> {
    checked(deserializer, |x| (1..=32).contains(x), "in [1, 32]")
}

pub(super) fn side<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<u32>, D::Error> {
    checked(deserializer, |x| (8..=512).contains(x), "in [8, 512]").map(Some)
}
