//! Batches of augmented bytes, made ahead by threads.
//!
//! The batch of a step is a function of the seed and the step alone: which images (repeated permutations of the
//! labeled and of the unlabeled set) and which views. Thread n of N makes the batches of the steps n, n + N, …, so the
//! order is fixed without any coordination, and their number does not change a byte.
//!
//! CTAugment's strong views also depend on rates that the training learns. The batch of step t follows the rates as of
//! step t − d, so each thread takes one table a batch, in order, from a queue of its own: those of the history when it
//! starts, then those that the trainer publishes. It waits for a table as the trainer waits for a batch.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::mpsc::{Receiver, Sender, SyncSender, channel, sync_channel};
use std::thread;

use anyhow::{Context, Result};

use crate::augment::ctaugment::{Choice, History, Rates};
use crate::augment::{CtAugment, Scratch, Strong, StrongPolicy, Weak};
use crate::base::image::Image;
use crate::base::rng::{Rng, Stream};
use crate::data::Images;

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

impl Source {
    /// The policy that learns, if there is one and strong views that it could learn for. Its loader starts with rates.
    pub fn ctaugment(&self) -> Option<&CtAugment> {
        match &self.strong.policy {
            StrongPolicy::CtAugment(policy) if self.n_unlabeled > 0 => Some(policy),
            StrongPolicy::CtAugment(_)
            | StrongPolicy::None
            | StrongPolicy::RandAugment { .. }
            | StrongPolicy::AutoAugment => None,
        }
    }
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
    /// The place of each of them among the unlabeled ones.
    pub places: Vec<i64>,
    /// The labels that training does not see, for display.
    pub hidden_labels: Vec<i64>,
    /// CTAugment's probes: the labeled views, distorted at random (B). Empty for other policies, and without
    /// unlabeled images.
    pub probes: Vec<u8>,
    /// What was done to each of them, `augment.depth` choices an image: what its rates learn from.
    pub probe_choices: Vec<Choice>,
}

impl Batch {
    /// Images that pass through the network.
    pub fn n_images(&self) -> usize {
        self.labels.len() + 2 * self.hidden_labels.len()
    }

    /// Takes everything out, and keeps the memory.
    fn clear(&mut self) {
        let Self { labeled, labels, weak, strong, places, hidden_labels, probes, probe_choices } = self;
        [labeled, weak, strong, probes].into_iter().for_each(Vec::clear);
        [labels, places, hidden_labels].into_iter().for_each(Vec::clear);
        probe_choices.clear();
    }
}

/// Threads that make the batches of `step`, `step` + 1, … Batches that are given back lend their memory to later ones.
#[derive(Debug)]
pub struct Loader {
    threads: Vec<Thread>,
    next: usize,
    /// The thread that gets the next table of rates.
    next_rates: usize,
    n_made_anew: Arc<AtomicU64>,
}

/// The trainer's ends of a thread's queues.
#[derive(Debug)]
struct Thread {
    batches: Receiver<Batch>,
    rates: Sender<Arc<Rates>>,
    spent: Sender<Batch>,
}

/// The ends of a thread that makes batches.
struct Ends {
    batches: SyncSender<Batch>,
    rates: Receiver<Arc<Rates>>,
    spent: Receiver<Batch>,
    n_made_anew: Arc<AtomicU64>,
}

impl Loader {
    /// Starts `n_threads` threads, named `loader-N`. They end when the loader is dropped.
    ///
    /// # Panics
    /// If the policy learns: [`with_rates`](Self::with_rates) is for that.
    pub fn start(source: &Source, first_step: u64, n_threads: usize) -> Result<Self> {
        assert!(source.ctaugment().is_none(), "CTAugment's loader starts with rates");
        Self::spawn(source, first_step, n_threads)
    }

    /// Starts threads for CTAugment. `history` holds the rates as of the d steps before `first_step` and as of it, so
    /// the first d + 1 batches can be made at once.
    pub fn with_rates(source: &Source, first_step: u64, n_threads: usize, history: &History) -> Result<Self> {
        let mut loader = Self::spawn(source, first_step, n_threads)?;
        for rates in history.tables() {
            loader.publish(rates.clone());
        }
        Ok(loader)
    }

    fn spawn(source: &Source, first_step: u64, n_threads: usize) -> Result<Self> {
        let n_made_anew = Arc::new(AtomicU64::new(0));
        let spawn = |thread: usize| {
            let (for_batches, batches) = sync_channel(PREFETCH);
            let ((rates, for_rates), (spent, for_spent)) = (channel(), channel());
            let n_made_anew = n_made_anew.clone();
            let ends = Ends { batches: for_batches, rates: for_rates, spent: for_spent, n_made_anew };
            let mut maker = Maker::new(source.clone());
            let steps = (first_step + thread as u64..).step_by(n_threads);
            let body = move || make_all(&mut maker, steps, &ends);
            thread::Builder::new().name(format!("loader-{thread}")).spawn(body).context("cannot start a loader")?;
            Ok(Thread { batches, rates, spent })
        };
        let threads = (0..n_threads).map(spawn).collect::<Result<_>>()?;
        Ok(Self { threads, next: 0, next_rates: 0, n_made_anew })
    }

    /// The batch of the next step; waits for it.
    pub fn next_batch(&mut self) -> Result<Batch> {
        let thread = self.next;
        self.next = (thread + 1) % self.threads.len();
        self.threads[thread].batches.recv().with_context(|| format!("thread loader-{thread} panicked; see worker.log"))
    }

    /// Gives back the batch that was taken last, once nobody needs it any more.
    pub fn give_back(&mut self, batch: Batch) {
        let n = self.threads.len();
        // A thread that has panicked is told of by the batch that it does not make.
        let _ = self.threads[(self.next + n - 1) % n].spent.send(batch);
    }

    /// How many batches took memory of their own, which is three a thread if each is given back.
    pub fn n_made_anew(&self) -> u64 {
        self.n_made_anew.load(Ordering::Relaxed)
    }

    /// Hands on CTAugment's rates after the update of a step, once for each step and in their order. For step s they
    /// decide the batch of step s + 1 + d, so a trainer must have published those of step t − d − 1 before it asks for
    /// the batch of step t.
    pub fn publish(&mut self, rates: Arc<Rates>) {
        let thread = self.next_rates;
        self.next_rates = (thread + 1) % self.threads.len();
        // A thread that has panicked is told of by the batch that it does not make.
        let _ = self.threads[thread].rates.send(rates);
    }
}

fn make_all(maker: &mut Maker, steps: impl Iterator<Item = u64>, ends: &Ends) {
    for step in steps {
        if maker.source.ctaugment().is_some() {
            let Ok(rates) = ends.rates.recv() else { return };
            maker.follow(&rates);
        }
        let mut batch = ends.spent.try_recv().unwrap_or_else(|_| {
            ends.n_made_anew.fetch_add(1, Ordering::Relaxed);
            Batch::default()
        });
        maker.make(step, &mut batch);
        if ends.batches.send(batch).is_err() {
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
            labeled: Order::new(source.seed, Stream::LabeledOrder, source.labeled.len()),
            unlabeled: Order::new(source.seed, Stream::UnlabeledOrder, source.unlabeled.len()),
            scratch: Scratch::default(),
            image: Image::black(width, height, channels),
            source,
        }
    }

    /// Makes batches by these rates from now on, which are 1 before; policies without take no notice.
    pub fn follow(&mut self, rates: &Rates) {
        if let StrongPolicy::CtAugment(policy) = &mut self.source.strong.policy {
            policy.follow(rates);
        }
    }

    /// The batch of a step.
    pub fn batch(&mut self, step: u64) -> Batch {
        let mut batch = Batch::default();
        self.make(step, &mut batch);
        batch
    }

    /// Makes the batch of a step in the place of another one.
    fn make(&mut self, step: u64, batch: &mut Batch) {
        let size = self.source.images.bytes_per_image();
        let (n_labeled, n_unlabeled) = (self.source.n_labeled, self.source.n_unlabeled);
        batch.clear();
        batch.labeled.reserve(n_labeled * size);
        batch.weak.reserve(n_unlabeled * size);
        batch.strong.reserve(n_unlabeled * size);
        for place in 0..n_labeled as u64 {
            let index = self.source.labeled[self.labeled.at(step * n_labeled as u64 + place)];
            self.view(index, Stream::LabeledWeak, step, place, &mut batch.labeled);
            batch.labels.push(self.label(index));
            self.probe(step, place, batch);
        }
        for place in 0..n_unlabeled as u64 {
            let of_all = self.unlabeled.at(step * n_unlabeled as u64 + place);
            let index = self.source.unlabeled[of_all];
            batch.places.push(of_all as i64);
            self.view(index, Stream::UnlabeledWeak, step, place, &mut batch.weak);
            self.view(index, Stream::UnlabeledStrong, step, place, &mut batch.strong);
            batch.hidden_labels.push(self.label(index));
        }
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

    /// Appends the probe of the labeled view that was made last, if the policy learns from probes.
    fn probe(&mut self, step: u64, place: u64, batch: &mut Batch) {
        let Some(policy) = self.source.ctaugment() else { return };
        let mut rng = Rng::new(self.source.seed, Stream::Probe, step, place);
        let (ops, choices) = policy.draw_probe([self.image.width, self.image.height], &mut rng);
        batch.probe_choices.extend_from_slice(&choices[..policy.depth()]);
        for op in ops {
            op.apply(&mut self.image, &mut self.scratch);
        }
        batch.probes.extend_from_slice(&self.image.pixels);
    }
}

/// An endless sequence of permutations of the places in a set, one for each pass over it.
#[derive(Debug)]
struct Order {
    seed: u64,
    stream: Stream,
    n: usize,
    pass: Option<u64>,
    permutation: Vec<u32>,
}

impl Order {
    fn new(seed: u64, stream: Stream, n: usize) -> Self {
        Self { seed, stream, n, pass: None, permutation: Vec::new() }
    }

    /// The place at a position of the sequence. Quick for positions in order.
    fn at(&mut self, position: u64) -> usize {
        let n = self.n as u64;
        let pass = position / n;
        if self.pass != Some(pass) {
            self.permutation = (0..self.n as u32).collect();
            Rng::new(self.seed, self.stream, pass, 0).shuffle(&mut self.permutation);
            self.pass = Some(pass);
        }
        self.permutation[(position % n) as usize] as usize
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::augment::Kind;
    use crate::augment::ctaugment::rows;
    use crate::config::{self, Table};

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
        assert!(batch.probes.is_empty() && batch.probe_choices.is_empty());
    }

    const DELAY: usize = 2;

    fn learning_source(n_unlabeled: usize) -> Source {
        let mut source = source(n_unlabeled);
        source.strong.policy = StrongPolicy::CtAugment(CtAugment::new(Table::Paper, 2, config::CtAugment::default()));
        source
    }

    /// Trains for some steps: the rates forget, by turns, one operation after the other. Returns the batches.
    fn train(history: &mut History, steps: std::ops::Range<u64>, n_threads: usize) -> Vec<Batch> {
        let mut loader = Loader::with_rates(&learning_source(7), steps.start, n_threads, history).expect("starts");
        let mut step = |_| {
            let batch = loader.next_batch().expect("a batch");
            let mut rates = Rates::clone(history.current());
            for probe in batch.probe_choices.chunks(2) {
                rates.update(probe, f32::from(probe[0].bins[0] < 4), 0.5);
            }
            history.push(Arc::new(rates));
            loader.publish(history.current().clone());
            batch
        };
        steps.map(&mut step).collect()
    }

    #[test]
    fn a_batch_in_the_memory_of_one_that_was_given_back_is_the_same() {
        for source in [source(7), learning_source(0)] {
            let mut loader = Loader::start(&source, 0, 2).expect("starts");
            let mut maker = Maker::new(source);
            for step in 0..20 {
                let mut batch = loader.next_batch().expect("a batch");
                assert_eq!(batch, maker.batch(step));
                batch.hidden_labels.push(3); // whatever the trainer does to it
                loader.give_back(batch);
            }
            assert!(loader.n_made_anew() <= 2 * 3, "{}", loader.n_made_anew());
        }
    }

    #[test]
    fn learned_batches_do_not_depend_on_the_threads_nor_on_a_restart() {
        let unbroken = train(&mut History::new(Table::Paper, DELAY), 0..12, 1);
        for n_threads in [2, 3, 7] {
            assert_eq!(unbroken, train(&mut History::new(Table::Paper, DELAY), 0..12, n_threads));
        }
        let mut history = History::new(Table::Paper, DELAY);
        let mut resumed = train(&mut history, 0..5, 3);
        let mut saved = History::from_values(Table::Paper, DELAY, &history.values()).expect("fits");
        resumed.extend(train(&mut saved, 5..12, 2));
        assert_eq!(unbroken, resumed);
    }

    #[test]
    fn rates_reach_the_batches_after_the_delay() {
        let (unlearned, learned) = (
            (0..6).map(|step| Maker::new(learning_source(7)).batch(step)).collect::<Vec<_>>(),
            train(&mut History::new(Table::Paper, DELAY), 0..6, 2),
        );
        // The first update, that of step 0, is followed by the batch of step 0 + 1 + DELAY.
        assert_eq!(unlearned[..=DELAY], learned[..=DELAY]);
        assert_ne!(unlearned[DELAY + 1..], learned[DELAY + 1..]);
        let probes = |batches: &[Batch]| batches.iter().map(|batch| batch.probes.clone()).collect::<Vec<_>>();
        assert_eq!(probes(&unlearned), probes(&learned), "probes do not follow the rates");
    }

    #[test]
    fn a_probe_is_the_labeled_view_distorted_once_more() {
        let (plain, batch) = (Maker::new(source(7)).batch(0), Maker::new(learning_source(7)).batch(0));
        assert_eq!((&plain.labeled, &plain.weak), (&batch.labeled, &batch.weak));
        assert_eq!(batch.probes.len(), batch.labeled.len());
        assert_eq!(batch.probe_choices.len(), 2 * batch.labels.len());
        let identity = |choices: &[Choice]| {
            choices.iter().all(|choice| rows(Table::Paper)[choice.row as usize].kind == Kind::Identity)
        };
        let size = 8 * 8 * 3;
        let mut maker = Maker::new(learning_source(7));
        let mut n_same = 0;
        for batch in (0..200).map(|step| maker.batch(step)) {
            let views = batch.labeled.chunks(size).zip(batch.probes.chunks(size));
            for ((view, probe), choices) in views.zip(batch.probe_choices.chunks(2)) {
                if identity(choices) {
                    assert_eq!(view, probe);
                    n_same += 1;
                }
            }
        }
        assert!(n_same > 0, "800 probes, of which one in 324 changes nothing");
    }

    #[test]
    fn without_unlabeled_images_there_is_nothing_to_learn_or_to_wait_for() {
        let mut loader = Loader::start(&learning_source(0), 0, 2).expect("starts");
        for _ in 0..5 {
            assert!(loader.next_batch().expect("a batch").probes.is_empty());
        }
    }
}
