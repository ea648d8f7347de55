//! How far an image is from the decision boundary: the norm of the smallest change that a gradient attack finds.
//!
//! DeepFool (Moosavi-Dezfooli, Fawzi and Frossard, CVPR 2016) towards the runner-up: where the network were linear, one
//! step of (f_label − f_other) / ‖∇‖² · ∇ would reach the boundary; steps are taken until the prediction changes.

use fixmatch::data::Images;
use tch::{Kind, Tensor};

use crate::host;
use crate::trainer::{Trainer, Which};

/// Steps at most; most images cross after two or three.
const MAX_STEPS: usize = 10;

/// How much further than to the linear boundary a step goes, as in the original.
const OVERSHOOT: f64 = 0.02;

/// The L2 distance of each image from the boundary, in the network's input units; 0 for an image that is taken for
/// another class as it is: (n) f32 on the CPU.
pub fn distances(trainer: &Trainer, images: &Images) -> Tensor {
    let size = images.bytes_per_image();
    let n_at_once = trainer.input().images_a_pass().div_ceil(2); // each needs its gradient
    let chunks = images.pixels.chunks(n_at_once * size).zip(images.labels.chunks(n_at_once));
    let rows: Vec<Tensor> = chunks
        .map(|(pixels, labels)| {
            let labels: Vec<i64> = labels.iter().map(|&label| i64::from(label)).collect();
            let labels = trainer.input().labels(&labels);
            let logits = |views: &Tensor| trainer.logits_of(Which::Ema, views);
            host::fetch(&distance(&trainer.input().images(&[pixels]), &labels, logits))
        })
        .collect();
    Tensor::cat(&rows, 0)
}

/// The distance of each view (N, C, H, W) from where the classifier stops saying its label.
fn distance(views: &Tensor, labels: &Tensor, logits: impl Fn(&Tensor) -> Tensor) -> Tensor {
    let labels = labels.unsqueeze(1); // (N, 1) i64
    let change = views.zeros_like();
    for _ in 0..MAX_STEPS {
        let moved = (views + &change).detach().set_requires_grad(true);
        let margins = margins(&logits(&moved), &labels); // (N), positive while the label wins
        let holds = margins.detach().gt(0.0);
        if !host::numbers::<bool>(&holds.any())[0] {
            break;
        }
        let gradient = Tensor::run_backward(&[margins.sum(None)], &[&moved], false, false).remove(0);
        let _guard = tch::no_grad_guard();
        let flat = gradient.flatten(1, -1);
        let squared = (&flat * &flat).sum_dim_intlist([1_i64].as_slice(), false, Kind::Float).clamp_min(1e-12);
        let length = margins.detach() / squared * holds * (1.0 + OVERSHOOT); // (N)
        let _ = change.shallow_clone().g_sub_(&(gradient * length.view([-1, 1, 1, 1])));
    }
    change.flatten(1, -1).norm_scalaropt_dim(2, [1_i64].as_slice(), false)
}

/// The label's logit less the highest other one: (N).
fn margins(logits: &Tensor, labels: &Tensor) -> Tensor {
    let own = logits.gather(1, labels, false).squeeze_dim(1);
    let others = logits.scatter_value(1, labels, f64::NEG_INFINITY);
    own - others.max_dim(1, false).0
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A linear classifier of two pixels: class 0 where 3 x + 4 y > 5, whose distance from a point is |3 x + 4 y − 5| / 5.
    #[test]
    fn the_distance_to_a_flat_boundary_is_exact() {
        let views = Tensor::from_slice(&[3.0_f32, 4.0, 1.0, 1.0, 0.0, 0.0]).view([3, 1, 1, 2]);
        let normal = Tensor::from_slice(&[3.0_f32, 4.0]).view([2, 1]);
        let logits = |views: &Tensor| {
            let margin = views.flatten(1, -1).matmul(&normal) - 5.0_f64;
            Tensor::cat(&[&margin, &margin.zeros_like()], 1)
        };
        let found = distance(&views, &Tensor::from_slice(&[0_i64, 0, 0]), logits);
        let found = Vec::<f32>::try_from(found).expect("a row");
        // (3, 4) is 4 away, (1, 1) is 0.4 away, and (0, 0) is on the other side already
        for (found, expected) in found.into_iter().zip([4.0 * 1.02, 0.4 * 1.02, 0.0]) {
            assert!((f64::from(found) - expected).abs() < 1e-5, "{found} is not {expected}");
        }
    }
}
