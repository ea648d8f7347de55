//! What lists of runs and of groups are sorted by.

use std::fmt;

use anyhow::Result;

use crate::compare::experiment::Value;
use crate::compare::keys::{self, Key, short};

/// A key, from low to high or from high to low.
#[derive(Clone, Copy, Debug)]
pub struct Sort {
    /// What is compared.
    pub key: &'static Key,
    /// Whether the highest value comes first.
    pub is_descending: bool,
}

impl Sort {
    /// Reads `lr`, or `-lr` from high to low.
    ///
    /// # Errors
    /// If there is no such key, with what may have been meant.
    pub fn parse(text: &str) -> Result<Self> {
        Ok(Self { key: keys::find(text.trim_start_matches('-'))?, is_descending: text.starts_with('-') })
    }

    /// Sorts, what has no value last; of equals the order stays.
    pub fn by<T>(self, items: &mut [T], value: impl Fn(&T) -> Option<Value>) {
        items.sort_by_cached_key(|item| {
            let value = value(item);
            Place { is_descending: self.is_descending, value }
        });
    }
}

impl fmt::Display for Sort {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}{}", if self.is_descending { "-" } else { "" }, short(self.key.name))
    }
}

/// A value among others.
struct Place {
    is_descending: bool,
    value: Option<Value>,
}

impl Ord for Place {
    fn cmp(&self, other: &Self) -> std::cmp::Ordering {
        let (a, b) = match (&self.value, &other.value) {
            (Some(a), Some(b)) => (a, b),
            (a, b) => return a.is_none().cmp(&b.is_none()),
        };
        let numbers = a.number.zip(b.number).map(|(a, b)| a.total_cmp(&b));
        let order = numbers.unwrap_or_else(|| a.text.cmp(&b.text));
        if self.is_descending { order.reverse() } else { order }
    }
}

impl PartialOrd for Place {
    fn partial_cmp(&self, other: &Self) -> Option<std::cmp::Ordering> {
        Some(self.cmp(other))
    }
}

impl PartialEq for Place {
    fn eq(&self, other: &Self) -> bool {
        self.cmp(other).is_eq()
    }
}

impl Eq for Place {}
