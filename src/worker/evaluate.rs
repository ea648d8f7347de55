//! The test set under the current weights.

use fixmatch::data::Images;
use fixmatch::run::event::Evaluation;
use tch::{Kind, Reduction, Tensor};

use crate::host;
use crate::trainer::{Trainer, Which};

/// Images that are compared, at most, so that it takes no longer than the evaluation of a usual test set.
const MOST_COMPARED: usize = 10_000;

/// Accuracy, loss and confusion over all images. Waits for the device once, at the end.
pub fn evaluate(trainer: &Trainer, which: Which, images: &Images, n_classes: usize) -> Evaluation {
    let options = (Kind::Double, trainer.input().device());
    let n = n_classes as i64;
    let (mut loss, mut confusion) = (Tensor::zeros([1], options), Tensor::zeros([n * n], options));
    let n_at_once = trainer.input().images_a_pass();
    for start in (0..images.n()).step_by(n_at_once) {
        let range = start..(start + n_at_once).min(images.n());
        let size = images.bytes_per_image();
        let logits = trainer.predict(which, &images.pixels[range.start * size..range.end * size]); // (N, classes)
        let labels: Vec<i64> = images.labels[range].iter().map(|&label| i64::from(label)).collect();
        let labels = trainer.input().labels(&labels); // (N) i64
        let losses = logits.cross_entropy_loss::<Tensor>(&labels, None, Reduction::Sum, -100, 0.0);
        let cells = labels * n + logits.argmax(-1, false);
        let _ = loss.g_add_(&losses);
        let _ = confusion.index_add_(0, &cells, &cells.ones_like().to_kind(Kind::Double));
    }
    summarize(&host::numbers(&confusion), host::numbers(&loss)[0], n_classes)
}

/// What the averaged and the trained weights say of at most [`MOST_COMPARED`] of some images: how many they were, the share
/// of them that both take for the same class, and how many the averaged weights take for each class.
pub fn compare(trainer: &Trainer, images: &Images, among: &[u32], n_classes: usize) -> (usize, f64, Vec<u64>) {
    let n = among.len().min(MOST_COMPARED);
    let evenly: Vec<u32> = (0..n).map(|i| among[i * among.len() / n]).collect();
    let (mut n_same, mut predicted) = (0, vec![0; n_classes]);
    for part in evenly.chunks(trainer.input().images_a_pass()) {
        let pixels: Vec<&[u8]> = part.iter().map(|&index| images.pixels_of(index as usize)).collect();
        let pixels = pixels.concat();
        let [ema, raw] = [Which::Ema, Which::Raw]
            .map(|which| host::numbers::<i64>(&trainer.predict(which, &pixels).argmax(-1, false)));
        n_same += ema.iter().zip(&raw).filter(|(ema, raw)| ema == raw).count();
        for class in ema {
            predicted[class as usize] += 1;
        }
    }
    (n, n_same as f64 / n.max(1) as f64, predicted)
}

fn summarize(confusion: &[f64], loss: f64, n_classes: usize) -> Evaluation {
    let confusion: Vec<Vec<u32>> =
        confusion.chunks(n_classes).map(|row| row.iter().map(|&n| n as u32).collect()).collect();
    let row_sums: Vec<u32> = confusion.iter().map(|row| row.iter().sum()).collect();
    let n: u32 = row_sums.iter().sum();
    let n_right: u32 = (0..n_classes).map(|class| confusion[class][class]).sum();
    let of_class = |class: usize| {
        let n = row_sums[class];
        (n > 0).then(|| f64::from(confusion[class][class]) / f64::from(n))
    };
    Evaluation {
        accuracy: f64::from(n_right) / f64::from(n),
        loss: loss / f64::from(n),
        per_class: (0..n_classes).map(of_class).collect(),
        confusion,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_confusion_matrix_gives_accuracies() {
        let evaluation = summarize(&[3.0, 1.0, 0.0, 0.0, 4.0, 0.0, 0.0, 0.0, 0.0], 4.0, 3);
        assert_eq!(evaluation.accuracy, 7.0 / 8.0);
        assert_eq!(evaluation.loss, 0.5);
        assert_eq!(evaluation.per_class, [Some(0.75), Some(1.0), None]);
        assert_eq!(evaluation.confusion[0], [3, 1, 0]);
    }
}
