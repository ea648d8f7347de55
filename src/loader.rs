//! Batches of augmented bytes, made ahead by threads.
//!
//! The batch of a step is a function of the seed and the step alone: which images (repeated permutations of the
//! labeled and of the unlabeled set) and which views. Thread n of N makes the batches of the steps n, n + N, …, so the
//! order is fixed without any coordination, and their number does not change a byte.

use std::sync::Arc;
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::thread;

use anyhow::{Context, Result};

use crate::augment::{Scratch, Strong, Weak};
use crate::data::Images;
use crate::image::Image;
use crate::rng::{Rng, Stream};

/// Finished batches that wait for the trainer, per thread.
const PREFETCH: usize = 1;

/// What batches are made of.
#[derive(Clone, Debug)]
pub struct Source {
    /// The training images.
    pub images: Arc<Images>,
    /// Indices of the labeled ones.
    pub labeled: Arc<[u32]>,
    /// Indices of the unlabeled ones.
    pub unlabeled: Arc<[u32]>,
    /// Labeled views a batch.
    pub n_labeled: usize,
    /// Unlabeled images a batch; 0 makes none, and moves no labeled view.
    pub n_unlabeled: usize,
    /// The weak augmentation.
    pub weak: Weak,
    /// The strong one.
    pub strong: Strong,
    /// The run's seed.
    pub seed: u64,
}

/// The views of one step; pixels are N×H×W×C bytes.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Batch {
    /// Weak views of labeled images (B).
    pub labeled: Vec<u8>,
    /// Their labels.
    pub labels: Vec<i64>,
    /// Weak views of unlabeled images (μB), which give the pseudo-labels.
    pub weak: Vec<u8>,
    /// Strong views of the same images, in the same order.
    pub strong: Vec<u8>,
    /// The labels that training does not see, for display.
    pub hidden_labels: Vec<i64>,
}

impl Batch {
    /// Images that pass through the network.
    pub fn n_images(&self) -> usize {
        self.labels.len() + 2 * self.hidden_labels.len()
    }
}

/// Threads that make the batches of `step`, `step` + 1, …
#[derive(Debug)]
pub struct Loader {
    queues: Vec<Receiver<Batch>>,
    next: usize,
}

impl Loader {
    /// Starts `n_threads` threads, named `loader-N`. They end when the loader is dropped.
    pub fn start(source: &Source, first_step: u64, n_threads: usize) -> Result<Self> {
        let spawn = |thread: usize| {
            let (sender, queue) = sync_channel(PREFETCH);
            let mut maker = Maker::new(source.clone());
            let steps = (first_step + thread as u64..).step_by(n_threads);
            let body = move || make_all(&mut maker, steps, &sender);
            thread::Builder::new().name(format!("loader-{thread}")).spawn(body).context("cannot start a loader")?;
            Ok(queue)
        };
        Ok(Self { queues: (0..n_threads).map(spawn).collect::<Result<_>>()?, next: 0 })
    }

    /// The batch of the next step; waits for it.
    pub fn next_batch(&mut self) -> Result<Batch> {
        let queue = self.next;
        self.next = (queue + 1) % self.queues.len();
        self.queues[queue].recv().with_context(|| format!("thread loader-{queue} panicked; see worker.log"))
    }
}

fn make_all(maker: &mut Maker, steps: impl Iterator<Item = u64>, sender: &SyncSender<Batch>) {
    for step in steps {
        if sender.send(maker.batch(step)).is_err() {
            return; // nobody waits any more
        }
    }
}

/// Makes batches, with the memory that it takes to make them.
#[derive(Debug)]
pub struct Maker {
    source: Source,
    labeled: Order,
    unlabeled: Order,
    scratch: Scratch,
    image: Image,
}

impl Maker {
    /// A maker of the batches of a source.
    pub fn new(source: Source) -> Self {
        let Images { width, height, channels, .. } = *source.images;
        Self {
            labeled: Order::new(source.seed, Stream::LabeledOrder, &source.labeled),
            unlabeled: Order::new(source.seed, Stream::UnlabeledOrder, &source.unlabeled),
            scratch: Scratch::default(),
            image: Image::black(width, height, channels),
            source,
        }
    }

    /// The batch of a step.
    pub fn batch(&mut self, step: u64) -> Batch {
        let size = self.source.images.bytes_per_image();
        let (n_labeled, n_unlabeled) = (self.source.n_labeled, self.source.n_unlabeled);
        let mut batch = Batch {
            labeled: Vec::with_capacity(n_labeled * size),
            labels: Vec::with_capacity(n_labeled),
            weak: Vec::with_capacity(n_unlabeled * size),
            strong: Vec::with_capacity(n_unlabeled * size),
            hidden_labels: Vec::with_capacity(n_unlabeled),
        };
        for place in 0..n_labeled as u64 {
            let index = self.labeled.at(step * n_labeled as u64 + place);
            self.view(index, Stream::LabeledWeak, step, place, &mut batch.labeled);
            batch.labels.push(self.label(index));
        }
        for place in 0..n_unlabeled as u64 {
            let index = self.unlabeled.at(step * n_unlabeled as u64 + place);
            self.view(index, Stream::UnlabeledWeak, step, place, &mut batch.weak);
            self.view(index, Stream::UnlabeledStrong, step, place, &mut batch.strong);
            batch.hidden_labels.push(self.label(index));
        }
        batch
    }

    fn label(&self, index: u32) -> i64 {
        i64::from(self.source.images.labels[index as usize])
    }

    /// Appends a view of one image: strong for that stream, else weak.
    fn view(&mut self, index: u32, stream: Stream, step: u64, place: u64, out: &mut Vec<u8>) {
        let mut rng = Rng::new(self.source.seed, stream, step, place);
        let image = &mut self.image;
        image.pixels.copy_from_slice(self.source.images.pixels_of(index as usize));
        if stream == Stream::UnlabeledStrong {
            self.source.strong.apply(image, &mut rng, &mut self.scratch);
        } else {
            self.source.weak.draw(image.width, image.height, &mut rng).apply(image, &mut self.scratch);
        }
        out.extend_from_slice(&self.image.pixels);
    }
}

/// An endless sequence of permutations of a set, one for each pass over it.
#[derive(Debug)]
struct Order {
    seed: u64,
    stream: Stream,
    set: Vec<u32>,
    pass: Option<u64>,
    permutation: Vec<u32>,
}

impl Order {
    fn new(seed: u64, stream: Stream, set: &[u32]) -> Self {
        Self { seed, stream, set: set.to_vec(), pass: None, permutation: Vec::new() }
    }

    /// The element at a position of the sequence. Quick for positions in order.
    fn at(&mut self, position: u64) -> u32 {
        let n = self.set.len() as u64;
        let pass = position / n;
        if self.pass != Some(pass) {
            self.permutation.clone_from(&self.set);
            Rng::new(self.seed, self.stream, pass, 0).shuffle(&mut self.permutation);
            self.pass = Some(pass);
        }
        self.permutation[(position % n) as usize]
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::augment::StrongPolicy;

    fn source(n_unlabeled: usize) -> Source {
        let n = 12;
        let images = Images {
            width: 8,
            height: 8,
            channels: 3,
            pixels: (0..n * 8 * 8 * 3).map(|i| (i * 31 % 251) as u8).collect(),
            labels: (0..n as u16).collect(),
        };
        let weak = Weak { flip: true, shift: true };
        Source {
            images: Arc::new(images),
            labeled: [1, 5, 9].into(),
            unlabeled: (0..n as u32).collect(),
            n_labeled: 4,
            n_unlabeled,
            weak,
            strong: Strong { weak, policy: StrongPolicy::RANDAUGMENT, cutout: 0.5 },
            seed: 3,
        }
    }

    #[test]
    fn the_number_of_threads_does_not_change_a_byte() {
        let batches = |n_threads| {
            let mut loader = Loader::start(&source(7), 5, n_threads).expect("starts");
            (0..6).map(|_| loader.next_batch().expect("a batch")).collect::<Vec<_>>()
        };
        let one = batches(1);
        assert_ne!(one[0], one[1]);
        assert_eq!(one, batches(2));
        assert_eq!(one, batches(5));
        let mut maker = Maker::new(source(7));
        assert_eq!(one[3], maker.batch(8));
    }

    #[test]
    fn every_image_comes_once_in_a_pass() {
        let mut maker = Maker::new(source(6));
        let mut seen: Vec<i64> = (0..2).flat_map(|step| maker.batch(step).hidden_labels).collect();
        assert_ne!(seen, (0..12).collect::<Vec<_>>());
        seen.sort_unstable();
        assert_eq!(seen, (0..12).collect::<Vec<_>>());
        let labels: Vec<i64> = (0..3).flat_map(|step| maker.batch(step).labels).collect();
        for label in [1, 5, 9] {
            assert_eq!(labels.iter().filter(|&&x| x == label).count(), 4);
        }
    }

    #[test]
    fn the_labeled_views_are_the_same_without_unlabeled_ones() {
        let (with, without) = (Maker::new(source(7)).batch(2), Maker::new(source(0)).batch(2));
        assert_eq!((with.labeled, with.labels), (without.labeled, without.labels));
        assert!(without.weak.is_empty() && without.strong.is_empty());
    }

    #[test]
    fn weak_and_strong_views_of_an_image_are_drawn_apart() {
        let batch = Maker::new(source(7)).batch(0);
        assert_eq!(batch.weak.len(), batch.strong.len());
        assert_ne!(batch.weak, batch.strong);
    }
}
