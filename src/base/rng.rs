//! Keyed random generators: every draw of a run is a function of (seed, stream, step, index).
//!
//! No generator outlives the thing it draws for, so a resumed run draws what the unbroken run would have drawn, and
//! results do not depend on the number of loader threads. The four words are the key of ChaCha with 8 rounds, whose
//! output is fixed by its specification; the conversions below are ours so that no library update can change them.

use rand_chacha::ChaCha8Rng;
use rand_chacha::rand_core::{Rng as _, SeedableRng as _};

/// What a generator is for. The discriminants are part of every recorded run: never renumber them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u64)]
pub enum Stream {
    /// Which images are labeled (its seed is the label set's own).
    LabelSet = 1,
    /// The initial weights; index = the tensor's position in the model.
    Weights = 2,
    /// The order of the labeled images; step = pass over them.
    LabeledOrder = 3,
    /// The order of the unlabeled images; step = pass over them.
    UnlabeledOrder = 4,
    /// The weak view of a labeled image; step and index = place in the batch.
    LabeledWeak = 5,
    /// The weak view of an unlabeled image that gives the pseudo-label.
    UnlabeledWeak = 6,
    /// The strong view of an unlabeled image, its own weak draw included.
    UnlabeledStrong = 7,
    /// CTAugment's probe of a labeled image, on top of its weak view.
    Probe = 8,
    /// The halves that a ranking by `retraining` cuts the images into.
    RankHalves = 9,
    /// The seeds of k-means.
    Clusters = 10,
    /// The unlabeled images that are followed (its seed is always 0: runs on the same data follow the same images);
    /// step = class.
    Panel = 11,
    /// Into which part of a cross-validation labeled images come (its seed is the label set's own); step = class.
    Crossval = 12,
}

/// A generator for one purpose. Cheap to make: 32 bytes of key, no warm-up.
#[derive(Clone, Debug)]
pub struct Rng(ChaCha8Rng);

impl Rng {
    /// The generator of `(seed, stream, step, index)`.
    pub fn new(seed: u64, stream: Stream, step: u64, index: u64) -> Self {
        let mut key = [0; 32];
        for (bytes, word) in key.chunks_exact_mut(8).zip([seed, stream as u64, step, index]) {
            bytes.copy_from_slice(&word.to_le_bytes());
        }
        Self(ChaCha8Rng::from_seed(key))
    }

    /// Uniform over `0..n` without bias (Lemire, "Fast random integer generation in an interval", 2019).
    ///
    /// # Panics
    /// If `n` is zero.
    pub fn below(&mut self, n: u32) -> u32 {
        assert!(n > 0, "cannot draw from an empty range");
        let rejected = n.wrapping_neg() % n;
        loop {
            let product = u64::from(self.0.next_u32()) * u64::from(n);
            if product as u32 >= rejected {
                return (product >> 32) as u32;
            }
        }
    }

    /// Uniform over [0, 1), with 53 random bits.
    pub fn unit(&mut self) -> f64 {
        (self.0.next_u64() >> 11) as f64 / (1_u64 << 53) as f64
    }

    /// Uniform over [low, high).
    pub fn uniform(&mut self, low: f64, high: f64) -> f64 {
        low + (high - low) * self.unit()
    }

    /// True with probability `p`.
    pub fn chance(&mut self, p: f64) -> bool {
        self.unit() < p
    }

    /// One draw of the standard normal distribution (Box–Muller, the cosine half).
    pub fn normal(&mut self) -> f64 {
        let radius = (-2.0 * (1.0 - self.unit()).ln()).sqrt();
        radius * (std::f64::consts::TAU * self.unit()).cos()
    }

    /// Shuffles in place (Fisher–Yates, from the end).
    pub fn shuffle<T>(&mut self, items: &mut [T]) {
        for last in (1..items.len()).rev() {
            items.swap(last, self.below(last as u32 + 1) as usize);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn first_words(seed: u64, stream: Stream, step: u64, index: u64) -> [u32; 4] {
        let mut rng = Rng::new(seed, stream, step, index);
        std::array::from_fn(|_| rng.0.next_u32())
    }

    #[test]
    fn each_part_of_the_key_gives_another_sequence() {
        let base = first_words(1, Stream::Weights, 2, 3);
        assert_eq!(base, first_words(1, Stream::Weights, 2, 3));
        assert_ne!(base, first_words(2, Stream::Weights, 2, 3));
        assert_ne!(base, first_words(1, Stream::LabelSet, 2, 3));
        assert_ne!(base, first_words(1, Stream::Weights, 3, 3));
        assert_ne!(base, first_words(1, Stream::Weights, 2, 4));
    }

    #[test]
    fn integers_cover_their_range_evenly() {
        let mut rng = Rng::new(0, Stream::LabelSet, 0, 0);
        let mut counts = [0_u32; 7];
        for _ in 0..70_000 {
            counts[rng.below(7) as usize] += 1;
        }
        // 10,000 expected, standard deviation 93
        assert!(counts.iter().all(|&n| (9_500..10_500).contains(&n)), "{counts:?}");
    }

    #[test]
    fn normal_draws_have_mean_zero_and_variance_one() {
        let mut rng = Rng::new(0, Stream::Weights, 0, 0);
        let draws: Vec<f64> = (0..100_000).map(|_| rng.normal()).collect();
        let mean = draws.iter().sum::<f64>() / draws.len() as f64;
        let variance = draws.iter().map(|x| (x - mean).powi(2)).sum::<f64>() / draws.len() as f64;
        assert!(mean.abs() < 0.015 && (variance - 1.0).abs() < 0.03, "mean {mean}, variance {variance}");
    }

    #[test]
    fn a_shuffle_is_a_permutation() {
        let mut items: Vec<u32> = (0..100).collect();
        Rng::new(0, Stream::LabeledOrder, 0, 0).shuffle(&mut items);
        assert_ne!(items, (0..100).collect::<Vec<_>>());
        items.sort_unstable();
        assert_eq!(items, (0..100).collect::<Vec<_>>());
    }
}
