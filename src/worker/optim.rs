//! SGD with Nesterov momentum and weight decay, and the moving average of the weights.
//!
//! Ours, because libtorch's own optimiser cannot be saved through its binding, and a resumed run needs its momentum.

use anyhow::Result;
use fixmatch::config::{Decay, Optim};
use fixmatch::run::checkpoint::Tensors;
use tch::Tensor;

use crate::weights::{self, Spec, Weights};

/// SGD as PyTorch has it (`torch.optim.SGD` with `dampening` 0).
///
/// Weights, gradients and momentum are a row each ([`Weights::flat`]), so that a step is nine operations for any number of tensors.
#[derive(Debug)]
pub struct Sgd {
    config: Optim,
    /// (trained numbers) f32.
    momentum: Tensor,
}

impl Sgd {
    /// Starts with a momentum of zero.
    pub fn new(config: &Optim, weights: &Weights) -> Self {
        Self { config: config.clone(), momentum: weights.flat().zeros_like() }
    }

    /// Takes the momentum of the steps so far away.
    pub fn forget(&mut self, weights: &Weights) {
        *self = Self::new(&self.config, weights);
    }

    /// One step along gradients in the order of [`Weights::trained`], at a learning rate (1) f32.
    pub fn step(&mut self, weights: &Weights, gradients: &[Tensor], lr: &Tensor) {
        let _guard = tch::no_grad_guard();
        let Optim { momentum: beta, nesterov, weight_decay, decay, .. } = self.config;
        let gradient = weights.join(gradients);
        let decaying = |row: &Tensor| match decay {
            Decay::All => row.shallow_clone(),
            Decay::Kernels => weights.kernels(row),
        };
        let _ = decaying(&gradient).g_add_(&(weight_decay * decaying(weights.flat())));
        let _ = self.momentum.g_mul_scalar_(beta).g_add_(&gradient);
        let direction = if nesterov { gradient + beta * &self.momentum } else { self.momentum.shallow_clone() };
        let _ = weights.flat().shallow_clone().g_sub_(&(direction * lr));
    }

    /// Puts the momentum into a checkpoint.
    pub fn save(&self, weights: &Weights, into: &mut Tensors) {
        weights::save("momentum.", specs(weights).zip(&weights.views(&self.momentum)), into);
    }

    /// Takes the momentum from a checkpoint.
    pub fn restore(&mut self, weights: &Weights, from: &Tensors) -> Result<()> {
        weights::restore("momentum.", specs(weights).zip(&weights.views(&self.momentum)), from)
    }
}

fn specs(weights: &Weights) -> impl Iterator<Item = &Spec> {
    weights.trained().map(|(spec, _)| spec)
}

/// Moves an average of the weights towards them: ema ← decay × ema + (1 − decay) × weights.
pub fn move_average(average: &Weights, weights: &Weights, decay: f64) {
    let _guard = tch::no_grad_guard();
    let _ = average.flat().shallow_clone().lerp_(weights.flat(), 1.0 - decay);
}

#[cfg(test)]
mod tests {
    use fixmatch::config::{Model, ModelName};
    use tch::{Device, Kind};

    use super::*;
    use crate::model::{Network, Shape};
    use crate::weights::{Init, Role};

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
                sgd.step(
                    &weights,
                    &[Tensor::from_slice(&[gradient]), Tensor::from_slice(&[gradient * 2.0])],
                    &Tensor::from_slice(&[0.1_f32]),
                );
                move_average(&average, &weights, config.ema_decay);
            }
            assert_near(values(&weights), expected);
            assert_near(values(&average), expected_average);
        }
    }

    /// The same update of one tensor after the other, as an optimiser without a row makes it.
    fn step_by_tensor(
        config: &Optim,
        weights: &[(Role, Tensor)],
        momenta: &mut [Tensor],
        average: &[Tensor],
        gradients: &[Tensor],
    ) {
        let Optim { momentum: beta, nesterov, weight_decay, decay, ema_decay } = *config;
        for (place, (role, tensor)) in weights.iter().enumerate() {
            let (gradient, momentum) = (&gradients[place], &mut momenta[place]);
            let decays = decay == Decay::All || *role == Role::Kernel;
            let gradient = if decays { gradient + weight_decay * tensor } else { gradient.shallow_clone() };
            let _ = momentum.g_mul_scalar_(beta).g_add_(&gradient);
            let direction = if nesterov { gradient + beta * &*momentum } else { momentum.shallow_clone() };
            let _ = tensor.shallow_clone().g_sub_(&(direction * LR));
            let _ = average[place].shallow_clone().lerp_(tensor, 1.0 - ema_decay);
        }
    }

    const LR: f64 = 0.03;

    #[test]
    fn one_row_gives_to_the_bit_what_one_tensor_after_the_other_does() {
        let _guard = tch::no_grad_guard();
        let shape = Shape { channels: 3, height: 8, width: 8, classes: 7 };
        let variants = [Decay::Kernels, Decay::All]
            .into_iter()
            .flat_map(|decay| [true, false].map(|nesterov| (decay, nesterov)))
            .flat_map(|(decay, nesterov)| [0.9, 0.0].map(|momentum| (decay, nesterov, momentum)));
        for (decay, nesterov, momentum) in variants {
            for (name, ema_decay) in [(ModelName::Cnn, 0.999), (ModelName::Wrn, 0.3)] {
                let config = Optim { momentum, nesterov, decay, weight_decay: 5e-4, ema_decay };
                let model = Model { name, depth: 10, width: 1, ..Model::default() };
                let weights = Weights::init(Network::new(&model, shape).specs(), 3, Device::Cpu);
                let (average, mut sgd) = (weights.average(), Sgd::new(&config, &weights));
                let copies = || weights.trained().map(|(_, tensor)| tensor.copy());
                let others: Vec<_> = specs(&weights).map(|spec| spec.role).zip(copies()).collect();
                let mut momenta: Vec<_> = copies().map(|tensor| tensor.zeros_like()).collect();
                let other_average: Vec<_> = copies().collect();
                for step in 0..4 {
                    let options = (Kind::Float, Device::Cpu);
                    // in the order of memory of the kernels and in another one
                    let gradients: Vec<_> = copies()
                        .map(|it| (Tensor::randn_like(&it) * 0.1, Tensor::randn(it.size(), options)))
                        .map(|(alike, other)| if step % 2 == 0 { alike } else { other })
                        .collect();
                    sgd.step(&weights, &gradients, &Tensor::from_slice(&[LR as f32]));
                    move_average(&average, &weights, config.ema_decay);
                    step_by_tensor(&config, &others, &mut momenta, &other_average, &gradients);
                }
                for (place, (spec, tensor)) in weights.trained().enumerate() {
                    let of_row = [tensor, &average[&spec.name], &weights.views(&sgd.momentum)[place]];
                    let by_tensor = [&others[place].1, &other_average[place], &momenta[place]];
                    let are_equal = of_row.iter().zip(by_tensor).all(|(found, expected)| found.equal(expected));
                    assert!(are_equal, "{} {config:?}", spec.name);
                }
            }
        }
    }
}
