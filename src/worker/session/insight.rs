//! What the pseudo-labels do: counted on the device as training goes, and images that are asked about at evaluations.
//!
//! A step only keeps what it has at hand. Every few steps that is counted in one go, without waiting for the device, and
//! the counts are read with the histogram.

use std::sync::Arc;

use anyhow::{Result, ensure};
use fixmatch::base::rng::{Rng, Stream};
use fixmatch::data::{Images, UNKNOWN};
use fixmatch::run::checkpoint::{Array, Tensors};
use fixmatch::run::insight::{Count, EDGES, Histogram, Judged, N_BINS, Opinion, Panel, Verdict};
use tch::{Device, Kind, Tensor};

use super::prepare::Prepared;
use crate::host;
use crate::part::Part;
use crate::policy::PseudoLabels;
use crate::trainer::{Trainer, Which};

/// The name of the open histogram in a checkpoint, and of what the policies counted by then.
const CELLS: &str = "insight.cells";
const JUDGED: &str = "insight.judged";

/// Steps that are counted in one go.
const PENDING: usize = 16;

/// Counts are saved as two numbers, since f32 counts only to 2^24: below this one, and above.
const HALF: u64 = 1 << 16;
const HALF_OF_JUDGED: u64 = 1 << 24;

/// Weights are added up as whole parts of a pseudo-label, so that their sum does not depend on the order.
const PARTS: u64 = 1 << 16;

/// The open histogram, and the images that are followed.
#[derive(Debug)]
pub struct Insight {
    /// Edges between bins: (`N_BINS` - 1) f32.
    edges: Tensor,
    n_classes: usize,
    /// (cells) i64, see [`Histogram::from_cells`].
    cells: Tensor,
    /// What each policy counted, in parts: (policies, 2 · classes) i64, wrong ones and right ones of each class.
    judged: Tensor,
    /// Steps that are not counted yet: what the weak views said, and the hidden labels.
    pending: Vec<(PseudoLabels, Tensor)>,
    n_steps: u64,
    images: Arc<Images>,
    unlabeled: Vec<u32>,
    labeled: Vec<u32>,
}

impl Insight {
    /// Nothing counted yet.
    pub fn new(run: &Prepared) -> Self {
        let (config, source, n_classes) = (&run.config.insight, &run.source, run.started.classes.len());
        let n_labeled = source.labeled.len().min(config.labeled as usize);
        let unlabeled: Vec<u32> =
            source.unlabeled.iter().copied().filter(|it| source.labeled.binary_search(it).is_err()).collect();
        Self {
            unlabeled: draw_panel(&unlabeled, &source.images.labels, n_classes, config.panel as usize),
            labeled: source.labeled[..n_labeled].to_vec(),
            images: source.images.clone(),
            ..Self::counting(n_classes, run.trainer.judge().n_policies(), run.trainer.input().device())
        }
    }

    /// One that only counts, and follows no images.
    pub fn counting(n_classes: usize, n_policies: usize, device: Device) -> Self {
        let between: Vec<f32> = EDGES[1..N_BINS].iter().map(|&edge| edge as f32).collect();
        Self {
            edges: Tensor::from_slice(&between).to_device(device),
            n_classes,
            cells: Tensor::zeros([Histogram::n_cells(n_classes) as i64], (Kind::Int64, device)),
            judged: Tensor::zeros([n_policies as i64, 2 * n_classes as i64], (Kind::Int64, device)),
            pending: Vec::new(),
            n_steps: 0,
            images: Arc::new(Images { width: 0, height: 0, channels: 1, pixels: Vec::new().into(), labels: vec![] }),
            unlabeled: Vec::new(),
            labeled: Vec::new(),
        }
    }

    /// Adds a step. Waits for nothing.
    pub fn push(&mut self, pseudo: PseudoLabels, hidden_labels: Tensor) {
        self.pending.push((pseudo, hidden_labels));
        self.n_steps += 1;
        if self.pending.len() >= PENDING {
            self.count();
        }
    }

    /// Counts the steps that are pending, on the device.
    fn count(&mut self) {
        if self.pending.is_empty() {
            return;
        }
        let all = |part: fn(&(PseudoLabels, Tensor)) -> &Tensor| {
            Tensor::cat(&self.pending.iter().map(part).collect::<Vec<_>>(), 0)
        };
        let classes = all(|step| &step.0.classes); // (n) i64
        let bins = all(|step| &step.0.confidence).bucketize(&self.edges, false, true); // (n) i64
        let right = classes.eq_tensor(&all(|step| &step.1)).to_kind(Kind::Int64);
        let accepted = all(|step| &step.0.mask).to_kind(Kind::Int64);
        let cells = ((&classes * N_BINS as i64 + bins) * 2 + &right) * 2 + accepted;
        // counting bins by themselves would wait for a GPU to know how many there are
        let _ = self.cells.index_add_(0, &cells, &cells.ones_like());
        let cells = classes * 2 + right;
        for (policy, counted) in (0..).zip(self.judged.unbind(0)) {
            let weights: Vec<&Tensor> = self.pending.iter().map(|step| &step.0.judged[policy]).collect();
            let parts = (Tensor::cat(&weights, 0).to_kind(Kind::Double) * PARTS as f64).round().to_kind(Kind::Int64);
            let _ = counted.shallow_clone().index_add_(0, &cells, &parts);
        }
        self.pending.clear();
    }

    /// The counts so far. Waits for the device.
    fn read(&mut self) -> Vec<u64> {
        self.count();
        whole_numbers(&self.cells)
    }

    /// The histogram of the steps since the last one, and an empty one. None without pseudo-labels.
    ///
    /// `memories` is what each policy remembers by now, in the order of [`PseudoLabels::judged`].
    pub fn close(&mut self, step: u64, memories: Vec<Judged>) -> Option<Histogram> {
        let n_steps = std::mem::take(&mut self.n_steps);
        if n_steps == 0 {
            return None;
        }
        let cells = self.read();
        let parts = whole_numbers(&self.judged);
        let (_, _) = (self.cells.zero_(), self.judged.zero_());
        let counted = parts.chunks(2 * self.n_classes).map(|parts| parts.chunks(2).map(count).collect());
        let judged: Vec<Judged> =
            memories.into_iter().zip(counted).map(|(it, counted)| Judged { counted, ..it }).collect();
        let threshold = judged.iter().find(|it| it.decides).and_then(Judged::sure_from).unwrap_or(f64::NAN);
        let has_oracle = self.images.are_known();
        Some(Histogram { step, n_steps, threshold, has_oracle, judged, ..Histogram::default() }.from_cells(&cells))
    }

    /// Whether there are images to ask about.
    pub fn follows_images(&self) -> bool {
        !self.unlabeled.is_empty() || !self.labeled.is_empty()
    }

    /// What the averaged and the trained weights say of the images that are followed. Waits for the device.
    pub fn ask(&self, trainer: &Trainer, step: u64) -> Panel {
        let n_at_once = trainer.input().images_a_pass();
        let opinions =
            |indices: &[u32]| indices.chunks(n_at_once).flat_map(|part| self.opinions(trainer, part)).collect();
        Panel { step, unlabeled: opinions(&self.unlabeled), labeled: opinions(&self.labeled) }
    }

    fn opinions(&self, trainer: &Trainer, indices: &[u32]) -> Vec<Opinion> {
        let pixels: Vec<&[u8]> = indices.iter().map(|&index| self.images.pixels_of(index as usize)).collect();
        let pixels = pixels.concat();
        let [ema, online] = [Which::Ema, Which::Raw].map(|which| verdicts(&trainer.predict(which, &pixels)));
        let of = |((&index, ema), online)| {
            let label = Some(self.images.labels[index as usize]).filter(|label| *label != UNKNOWN);
            Opinion { index, label, ema, online }
        };
        indices.iter().zip(ema).zip(online).map(of).collect()
    }
}

impl Part for Insight {
    /// The open histogram, so that a resumed run closes it as the unbroken one would have: its
    /// steps, then its cells, (1 + cells, 2) with the low and the high half of each number.
    fn save(&mut self, into: &mut Tensors) {
        let numbers: Vec<u64> = std::iter::once(self.n_steps).chain(self.read()).collect();
        into.insert(CELLS.into(), halves(&numbers, HALF));
        into.insert(JUDGED.into(), halves(&whole_numbers(&self.judged), HALF_OF_JUDGED));
    }

    /// A checkpoint of before there were histograms has none.
    fn restore(&mut self, from: &Tensors, _: u64) -> Result<()> {
        let Some(array) = from.get(CELLS) else { return Ok(()) };
        let numbers = joined(array, HALF);
        let n_cells = Histogram::n_cells(self.n_classes);
        ensure!(numbers.len() == 1 + n_cells, "the checkpoint's histogram has not {n_cells} cells");
        self.n_steps = numbers[0] as u64;
        self.cells = Tensor::from_slice(&numbers[1..]).to_device(self.cells.device());
        if let Some(array) = from.get(JUDGED) {
            let parts = joined(array, HALF_OF_JUDGED);
            ensure!(parts.len() == self.judged.numel(), "the checkpoint has other policies, or other classes");
            self.judged = Tensor::from_slice(&parts).view_as(&self.judged).to_device(self.judged.device());
        }
        self.pending.clear();
        Ok(())
    }
}

/// A tensor's whole numbers, none below 0. Waits for the device.
fn whole_numbers(tensor: &Tensor) -> Vec<u64> {
    host::numbers::<i64>(tensor).into_iter().map(|n| n as u64).collect()
}

/// Whole numbers as (n, 2), those below `half` and how many of it.
fn halves(numbers: &[u64], half: u64) -> Array {
    let values = numbers.iter().flat_map(|n| [(n % half) as f32, (n / half) as f32]).collect();
    Array { shape: vec![numbers.len(), 2], values }
}

fn joined(array: &Array, half: u64) -> Vec<i64> {
    array.values.chunks(2).map(|n| n[0] as i64 + n[1] as i64 * half as i64).collect()
}

/// The parts of wrong and of right pseudo-labels as counts.
fn count(parts: &[u64]) -> Count {
    let [wrong, right] = [parts[0], parts[1]].map(|n| (n + PARTS / 2) / PARTS);
    Count { n: wrong + right, right }
}

/// What logits (N, classes) come to.
fn verdicts(logits: &Tensor) -> Vec<Verdict> {
    let (confidence, classes) = logits.softmax(-1, Kind::Float).max_dim(-1, false);
    let of = |(class, confidence): (i64, f32)| Verdict { class: class as u16, confidence };
    host::numbers(&classes).into_iter().zip(host::numbers(&confidence)).map(of).collect()
}

/// `n` of some images, ascending: as many of each class as can be, and where that does not come out even, one more of the
/// first classes; images of unknown class are as one. A class's images are in an order of their own, so that other label sets change few of them.
fn draw_panel(among: &[u32], labels: &[u16], n_classes: usize, n: usize) -> Vec<u32> {
    let of_class = |class: u16| {
        let mut all: Vec<u32> = (0..labels.len() as u32).filter(|&i| labels[i as usize] == class).collect();
        Rng::new(0, Stream::Panel, u64::from(class), 0).shuffle(&mut all);
        all.retain(|index| among.binary_search(index).is_ok());
        all
    };
    let classes: Vec<_> = (0..n_classes as u16).chain([UNKNOWN]).map(of_class).collect();
    let longest = classes.iter().map(Vec::len).max().unwrap_or(0);
    let in_turns = (0..longest).flat_map(|place| classes.iter().filter_map(move |class| class.get(place)));
    let mut panel: Vec<u32> = in_turns.take(n).copied().collect();
    panel.sort_unstable();
    panel
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::policy::{Constants, Judge};

    /// Weak logits of two classes that give class 0 with these probabilities.
    fn pseudo(probabilities: &[f64], threshold: f64) -> PseudoLabels {
        let logits: Vec<f32> = probabilities.iter().flat_map(|p| [(p / (1.0 - p)).ln() as f32, 0.0]).collect();
        PseudoLabels::new(&Tensor::from_slice(&logits).view([-1, 2]), threshold)
    }

    /// What the paper's rule remembers.
    fn by(threshold: f64) -> Vec<Judged> {
        Judge::fixed().memories(Constants::usual(threshold))
    }

    fn bin(confidence: f64) -> usize {
        EDGES.iter().rposition(|&edge| edge <= confidence).expect("from 0 on").min(N_BINS - 1)
    }

    #[test]
    fn pseudo_labels_are_counted_by_class_confidence_and_whether_they_are_right() {
        let mut insight = Insight::counting(2, 1, Device::Cpu);
        insight.push(pseudo(&[0.972, 0.935, 0.12], 0.95), Tensor::from_slice(&[0_i64, 0, 0]));
        insight.push(pseudo(&[0.972, 0.9995], 0.99), Tensor::from_slice(&[1_i64, 0]));
        let histogram = insight.close(2, by(0.99)).expect("two steps");
        assert_eq!((histogram.step, histogram.n_steps, histogram.threshold), (2, 2, 0.99));
        assert_eq!(histogram.of_class(0)[bin(0.972)], Count { n: 2, right: 1 });
        assert_eq!(histogram.of_class(0)[bin(0.935)], Count { n: 1, right: 1 });
        assert_eq!(histogram.of_class(0)[bin(0.9995)], Count { n: 1, right: 1 });
        assert_eq!(histogram.of_class(1)[bin(0.88)], Count { n: 1, right: 0 });
        assert_eq!(histogram.total(), Count { n: 5, right: 3 });
        assert_eq!(histogram.accepted, [Count { n: 2, right: 2 }, Count::default()]);
        assert_eq!(insight.close(3, by(0.99)), None);
    }

    /// What a threshold at an edge accepts is what lies in the bins from that edge on, to the last bit of the probability.
    #[test]
    fn a_threshold_at_an_edge_parts_pseudo_labels_as_the_bins_do() {
        for (i, &edge) in EDGES.iter().enumerate().skip(6).take(N_BINS - 6) {
            let near = edge as f32;
            let confidences = [near.next_down(), near, near.next_up()];
            let mut pseudo = pseudo(&[0.5; 3], edge);
            pseudo.confidence = Tensor::from_slice(&confidences);
            pseudo.mask = pseudo.confidence.ge(edge);
            let mut insight = Insight::counting(2, 1, Device::Cpu);
            insight.push(pseudo, Tensor::from_slice(&[0_i64; 3]));
            let histogram = insight.close(1, by(edge)).expect("a step");
            let above: Count = histogram.of_class(0)[i..].iter().copied().sum();
            assert_eq!((above.n, histogram.accepted[0].n), (2, 2), "edge {edge}");
        }
    }

    #[test]
    fn an_open_histogram_survives_a_checkpoint() {
        let (mut insight, mut tensors) = (Insight::counting(2, 1, Device::Cpu), Tensors::new());
        for _ in 0..PENDING + 3 {
            insight.push(pseudo(&[0.972; 5], 0.95), Tensor::from_slice(&[0_i64; 5]));
        }
        let _ = insight.cells.g_add_scalar_(1 << 30);
        insight.save(&mut tensors);
        let mut restored = Insight::counting(2, 1, Device::Cpu);
        restored.restore(&tensors, 0).expect("fits");
        assert_eq!(restored.close(19, by(0.95)), insight.close(19, by(0.95)));
        let error = Insight::counting(3, 1, Device::Cpu).restore(&tensors, 0).expect_err("three classes").to_string();
        assert!(error.contains("has not 300 cells"), "{error}");
    }

    #[test]
    fn a_panel_has_as_many_images_of_each_class_as_can_be() {
        let labels: Vec<u16> = (0..60).map(|i| u16::from(i % 10 == 0)).collect(); // six of class 1
        let all: Vec<u32> = (0..60).collect();
        let panel = draw_panel(&all, &labels, 2, 21);
        assert!(panel.is_sorted() && panel.len() == 21);
        assert_eq!(panel.iter().filter(|&&i| labels[i as usize] == 1).count(), 6);
        let fewer: Vec<u32> = all.iter().copied().filter(|i| !panel[..2].contains(i)).collect();
        let other = draw_panel(&fewer, &labels, 2, 21);
        assert!(other.iter().filter(|index| panel.contains(index)).count() >= 19, "{panel:?} {other:?}");
        assert!(draw_panel(&[], &labels, 2, 5).is_empty());
    }
}
