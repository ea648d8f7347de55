//! SGD with Nesterov momentum and weight decay, and the moving average of the weights.
//!
//! Ours, because libtorch's own optimiser cannot be saved through its binding, and a resumed run needs its momentum.

use anyhow::Result;
use fixmatch::config::{Decay, Optim};
use fixmatch::run::checkpoint::Tensors;
use tch::Tensor;

use crate::weights::{self, Role, Spec, Weights};

/// SGD as PyTorch has it (`torch.optim.SGD` with `dampening` 0), one momentum for each trained tensor.
#[derive(Debug)]
pub struct Sgd {
    config: Optim,
    momentum: Vec<Tensor>,
}

impl Sgd {
    /// Starts with a momentum of zero.
    pub fn new(config: &Optim, weights: &Weights) -> Self {
        let momentum = weights.trained().map(|(_, tensor)| tensor.detach().zeros_like()).collect();
        Self { config: config.clone(), momentum }
    }

    /// Takes the momentum of the steps so far away.
    pub fn forget(&mut self, weights: &Weights) {
        *self = Self::new(&self.config, weights);
    }

    /// One step along gradients in the order of [`Weights::trained`].
    pub fn step(&mut self, weights: &Weights, gradients: &[Tensor], lr: f64) {
        let _guard = tch::no_grad_guard();
        let Optim { momentum: beta, nesterov, weight_decay, decay, .. } = self.config;
        for (((spec, tensor), gradient), momentum) in weights.trained().zip(gradients).zip(&mut self.momentum) {
            let decays = decay == Decay::All || spec.role == Role::Kernel;
            let gradient = if decays { gradient + weight_decay * tensor } else { gradient.shallow_clone() };
            let _ = momentum.g_mul_scalar_(beta).g_add_(&gradient);
            let direction = if nesterov { gradient + beta * &*momentum } else { momentum.shallow_clone() };
            let _ = tensor.shallow_clone().g_sub_(&(direction * lr));
        }
    }

    /// Puts the momentum into a checkpoint.
    pub fn save(&self, weights: &Weights, into: &mut Tensors) {
        weights::save("momentum.", self.named(weights), into);
    }

    /// Takes the momentum from a checkpoint.
    pub fn restore(&mut self, weights: &Weights, from: &Tensors) -> Result<()> {
        weights::restore("momentum.", self.named(weights), from)
    }

    fn named<'a>(&'a self, weights: &'a Weights) -> impl Iterator<Item = (&'a Spec, &'a Tensor)> {
        weights.trained().map(|(spec, _)| spec).zip(&self.momentum)
    }
}

/// Moves an average of the weights towards them: ema ← decay × ema + (1 − decay) × weights.
pub fn move_average(average: &Weights, weights: &Weights, decay: f64) {
    let _guard = tch::no_grad_guard();
    for ((_, average), (_, tensor)) in average.trained().zip(weights.trained()) {
        let _ = average.shallow_clone().lerp_(tensor, 1.0 - decay);
    }
}

#[cfg(test)]
mod tests {
    use tch::Device;

    use super::*;
    use crate::weights::Init;

    fn weights() -> Weights {
        let spec =
            |name: &str, role, value| Spec { name: name.into(), shape: vec![1], role, init: Init::Constant(value) };
        Weights::init(vec![spec("w", Role::Kernel, 1.0), spec("b", Role::Other, -2.0)], 0, Device::Cpu)
    }

    fn values(weights: &Weights) -> [f64; 2] {
        [weights["w"].double_value(&[0]), weights["b"].double_value(&[0])]
    }

    fn assert_near(values: [f64; 2], expected: [f64; 2]) {
        assert!(values.iter().zip(expected).all(|(x, y)| (x - y).abs() < 1e-6), "{values:?} is not {expected:?}");
    }

    /// Values from PyTorch 2.13.0: `torch.optim.SGD(lr=0.1, …)` on w = 1 and b = −2 for the gradients 0.5, −1, 0.25
    /// (twice as large for b), weight decay 0.1; `decay = "kernels"` is a parameter group without it for b. The
    /// average is `torch.optim.swa_utils.AveragedModel` with `get_ema_multi_avg_fn(0.9)`.
    #[test]
    fn three_steps_give_what_pytorch_gives() {
        let cases = [
            (0.9, true, Decay::Kernels, [0.973_948_66, -1.896_900_06], [0.989_111_84, -1.995_270_01]),
            (0.9, true, Decay::All, [0.973_948_66, -1.735_678_43], [0.989_111_84, -1.967_511_89]),
            (0.9, false, Decay::Kernels, [0.974_774_0, -1.940_999_87], [0.990_511_42, -2.001_299_86]),
            (0.0, false, Decay::All, [0.995_293_97, -1.890_607_83], [0.997_423_41, -1.982_868_67]),
        ];
        for (momentum, nesterov, decay, expected, expected_average) in cases {
            let config = Optim { momentum, nesterov, decay, weight_decay: 0.1, ema_decay: 0.9 };
            let weights = weights();
            let average = weights.average();
            let mut sgd = Sgd::new(&config, &weights);
            for gradient in [0.5_f32, -1.0, 0.25] {
                sgd.step(&weights, &[Tensor::from_slice(&[gradient]), Tensor::from_slice(&[gradient * 2.0])], 0.1);
                move_average(&average, &weights, config.ema_decay);
            }
            assert_near(values(&weights), expected);
            assert_near(values(&average), expected_average);
        }
    }
}
