//! What the networks of a ranking said of each image beside its score: kept where it is at hand anyway, in a few bytes
//! an image, so that one can see why an image stands where it does.
//!
//! For CIFAR-10 predictions are 10 bytes an image and neighbours 32, together some 3 MB in the file's base64.

use anyhow::{Result, ensure};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde::{Deserialize, Deserializer, Serialize, Serializer};

/// The nearest images that are kept of each.
pub const N_NEIGHBORS: usize = 8;

/// The mean of the networks' probabilities for each image, to 1/255.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Predictions {
    n_classes: usize,
    #[serde(serialize_with = "to_base64", deserialize_with = "from_base64")]
    probabilities: Vec<u8>,
}

impl Predictions {
    /// From probabilities in [0, 1], image after image.
    pub fn new(n_classes: usize, probabilities: &[f32]) -> Self {
        let probabilities = probabilities.iter().map(|p| (255.0 * p).round().clamp(0.0, 255.0) as u8).collect();
        Self { n_classes, probabilities }
    }

    /// The probability of each class for an image.
    pub fn of(&self, index: u32) -> impl Iterator<Item = f64> + '_ {
        let start = index as usize * self.n_classes;
        self.probabilities[start..start + self.n_classes].iter().map(|&p| f64::from(p) / 255.0)
    }

    pub(super) fn check(&self, n: usize) -> Result<()> {
        let (found, expected) = (self.probabilities.len(), n * self.n_classes);
        ensure!(self.n_classes > 0 && found == expected, "it has {found} probabilities for {n} images, not {expected}");
        Ok(())
    }
}

/// The nearest other images of each, in the features that the images were scored by.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Neighbors {
    #[serde(serialize_with = "to_base64", deserialize_with = "from_base64")]
    indices: Vec<u8>,
}

impl Neighbors {
    /// From the nearest others of each image, the nearest first; the first [`N_NEIGHBORS`] are kept.
    pub fn new(rows: &[Vec<u32>]) -> Self {
        let padded = rows.iter().zip(0..).flat_map(|(row, own)| {
            // an image that has fewer is its own neighbour
            row.iter().copied().chain(std::iter::repeat(own)).take(N_NEIGHBORS)
        });
        Self { indices: padded.flat_map(u32::to_le_bytes).collect() }
    }

    /// The nearest others of an image, the nearest first.
    pub fn of(&self, index: u32) -> impl Iterator<Item = u32> + '_ {
        self.all().skip(index as usize * N_NEIGHBORS).take(N_NEIGHBORS).filter(move |&other| other != index)
    }

    fn all(&self) -> impl Iterator<Item = u32> + '_ {
        self.indices.as_chunks().0.iter().map(|bytes| u32::from_le_bytes(*bytes))
    }

    pub(super) fn check(&self, n: usize) -> Result<()> {
        let (found, expected) = (self.indices.len(), 4 * n * N_NEIGHBORS);
        ensure!(found == expected, "its neighbours take {found} bytes for {n} images, not {expected}");
        let outside = self.all().find(|&index| index as usize >= n);
        ensure!(outside.is_none(), "it has image {} of {n} as a neighbour", outside.unwrap_or_default());
        Ok(())
    }
}

fn to_base64<S: Serializer>(bytes: &[u8], serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_str(&STANDARD.encode(bytes))
}

fn from_base64<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Vec<u8>, D::Error> {
    let text = std::borrow::Cow::<str>::deserialize(deserializer)?;
    STANDARD.decode(text.as_bytes()).map_err(serde::de::Error::custom)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn predictions_and_neighbors_survive_their_text() {
        let predictions = Predictions::new(2, &[0.25, 0.75, 1.0, 0.0]);
        let text = serde_json::to_string(&predictions).expect("text");
        let again: Predictions = serde_json::from_str(&text).expect("reads");
        assert_eq!(again, predictions);
        let of = |index| again.of(index).map(|p| (100.0 * p).round()).collect::<Vec<_>>();
        assert_eq!((of(0), of(1)), (vec![25.0, 75.0], vec![100.0, 0.0]));

        let neighbors = Neighbors::new(&[vec![2, 1], vec![], (0..20).collect()]);
        let again: Neighbors = serde_json::from_str(&serde_json::to_string(&neighbors).expect("text")).expect("reads");
        let of = |index| again.of(index).collect::<Vec<_>>();
        assert_eq!((of(0), of(1)), (vec![2, 1], vec![]));
        assert_eq!(of(2), [0, 1, 3, 4, 5, 6, 7]);
    }

    #[test]
    fn what_does_not_fit_the_images_is_refused() {
        let error = |check: Result<()>| check.expect_err("does not fit").to_string();
        let predictions = Predictions::new(2, &[0.5; 6]);
        assert_eq!(error(predictions.check(4)), "it has 6 probabilities for 4 images, not 8");
        let neighbors = Neighbors::new(&[vec![1], vec![7]]);
        assert_eq!(error(neighbors.check(2)), "it has image 7 of 2 as a neighbour");
        assert_eq!(error(neighbors.check(3)), "its neighbours take 64 bytes for 3 images, not 96");
    }
}
