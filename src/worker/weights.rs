//! A network's numbers: named tensors with a role, made from a specification and a seed.
//!
//! Names are those that PyTorch's modules would give. The same networks run on the weights as trained and on their
//! moving average, so a network is a function of [`Weights`] and holds none. Trained tensors are views of one row of memory.

use std::collections::HashMap;
use std::ops::Index;

use anyhow::{Context, Result, ensure};
use fixmatch::base::rng::{Rng, Stream};
use fixmatch::run::checkpoint::{Array, Tensors};
use tch::{Device, Kind, Tensor};

use crate::flat::Layout;
use crate::host;

/// What a tensor is for: decides whether it is trained and whether it decays.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Role {
    /// The weight of a convolution or a dense layer.
    Kernel,
    /// A bias, or batch norm's scale and shift.
    Other,
    /// Batch norm's running statistics: not trained.
    Statistic,
}

/// How a tensor begins.
#[derive(Clone, Copy, Debug)]
pub enum Init {
    /// All the same.
    Constant(f64),
    /// Uniform over ± this.
    Uniform(f64),
    /// Normal with this standard deviation.
    Normal(f64),
    /// Normal, drawn again beyond two standard deviations, with this standard deviation after the cut.
    TruncatedNormal(f64),
}

/// One tensor of a network.
#[derive(Clone, Debug)]
pub struct Spec {
    /// PyTorch's name.
    pub name: String,
    /// Its sides.
    pub shape: Vec<i64>,
    /// What it is for.
    pub role: Role,
    /// How it begins.
    pub init: Init,
}

/// The standard deviation that a standard normal distribution keeps when it is cut at ±2.
const TRUNCATED_STD: f64 = 0.879_625_661_034_239_8;

impl Init {
    fn draw(self, rng: &mut Rng) -> f64 {
        match self {
            Self::Constant(value) => value,
            Self::Uniform(bound) => rng.uniform(-bound, bound),
            Self::Normal(std) => std * rng.normal(),
            Self::TruncatedNormal(std) => loop {
                let draw = rng.normal();
                if draw.abs() <= 2.0 {
                    return draw * std / TRUNCATED_STD;
                }
            },
        }
    }
}

/// Named tensors in the order of their specification.
#[derive(Debug)]
pub struct Weights {
    specs: Vec<Spec>,
    tensors: Vec<Tensor>,
    places: HashMap<String, usize>,
    layout: Layout,
    /// Whose views the trained tensors are: (trained numbers) f32.
    flat: Tensor,
}

impl Weights {
    /// Draws a network's initial weights. They depend on the seed alone, not on device or libtorch.
    pub fn init(specs: Vec<Spec>, seed: u64, device: Device) -> Self {
        let draw = |(place, spec): (usize, &Spec)| {
            let mut rng = Rng::new(seed, Stream::Weights, 0, place as u64);
            let n: i64 = spec.shape.iter().product();
            let values: Vec<f32> = (0..n).map(|_| spec.init.draw(&mut rng) as f32).collect();
            on_device(&values, &spec.shape, device)
        };
        let tensors = specs.iter().enumerate().map(draw).collect();
        let weights = Self::new(specs, tensors);
        for (_, tensor) in weights.trained() {
            let _ = tensor.set_requires_grad(true);
        }
        weights
    }

    /// A network's weights as a file has them, to be used and not trained.
    pub fn of(specs: Vec<Spec>, arrays: &Tensors, device: Device) -> Result<Self> {
        let tensor = |spec: &Spec| {
            let array = arrays.get(&spec.name).with_context(|| format!("there is no tensor {}", spec.name))?;
            let shape: Vec<i64> = array.shape.iter().map(|&side| side as i64).collect();
            ensure!(shape == spec.shape, "{} is {shape:?}, and the network has {:?}", spec.name, spec.shape);
            Ok(on_device(&array.values, &shape, device))
        };
        let tensors = specs.iter().map(tensor).collect::<Result<_>>()?;
        Ok(Self::new(specs, tensors))
    }

    /// Moves those of the tensors that are trained into one row.
    fn new(specs: Vec<Spec>, mut tensors: Vec<Tensor>) -> Self {
        let places = specs.iter().enumerate().map(|(place, spec)| (spec.name.clone(), place)).collect();
        let is_trained = |spec: &Spec| spec.role != Role::Statistic;
        let trained = || specs.iter().zip(&tensors).filter(|(spec, _)| is_trained(spec));
        let layout =
            Layout::new(&trained().map(|(spec, tensor)| (tensor, spec.role == Role::Kernel)).collect::<Vec<_>>());
        let flat = layout.join(&trained().map(|(_, tensor)| tensor.shallow_clone()).collect::<Vec<_>>());
        let slots = specs.iter().zip(&mut tensors).filter(|(spec, _)| is_trained(spec));
        for ((_, tensor), view) in slots.zip(layout.views(&flat)) {
            *tensor = view;
        }
        Self { specs, tensors, places, layout, flat }
    }

    /// Weights of their own memory where these are trained, sharing the statistics: what an average starts from.
    pub fn average(&self) -> Self {
        let tensors = self.tensors.iter().map(Tensor::detach).collect();
        Self::new(self.specs.clone(), tensors)
    }

    /// The tensors that are trained, with their specification.
    pub fn trained(&self) -> impl Iterator<Item = (&Spec, &Tensor)> {
        self.specs.iter().zip(&self.tensors).filter(|(spec, _)| spec.role != Role::Statistic)
    }

    /// All numbers that are trained, in one row: the memory of the trained tensors.
    pub fn flat(&self) -> &Tensor {
        &self.flat
    }

    /// The part of such a row that is kernels.
    pub fn kernels(&self, row: &Tensor) -> Tensor {
        self.layout.first(row)
    }

    /// A new row of tensors in the order of [`trained`](Self::trained).
    pub fn join(&self, tensors: &[Tensor]) -> Tensor {
        self.layout.join(tensors)
    }

    /// The tensors of such a row, in the order of [`trained`](Self::trained).
    pub fn views(&self, row: &Tensor) -> Vec<Tensor> {
        self.layout.views(row)
    }

    /// All tensors, with their specification.
    pub fn all(&self) -> impl Iterator<Item = (&Spec, &Tensor)> {
        self.specs.iter().zip(&self.tensors)
    }

    /// Trained numbers.
    pub fn n_parameters(&self) -> u64 {
        self.trained().map(|(_, tensor)| tensor.numel() as u64).sum()
    }
}

impl Index<&str> for Weights {
    type Output = Tensor;

    fn index(&self, name: &str) -> &Tensor {
        let place = self.places.get(name).unwrap_or_else(|| panic!("the network has no tensor {name}"));
        &self.tensors[*place]
    }
}

/// Copies tensors into a checkpoint under `prefix`.
pub fn save<'a>(prefix: &str, tensors: impl Iterator<Item = (&'a Spec, &'a Tensor)>, into: &mut Tensors) {
    for (spec, tensor) in tensors {
        into.insert(format!("{prefix}{}", spec.name), to_array(tensor));
    }
}

/// Copies tensors back from a checkpoint, in place.
pub fn restore<'a>(prefix: &str, tensors: impl Iterator<Item = (&'a Spec, &'a Tensor)>, from: &Tensors) -> Result<()> {
    for (spec, tensor) in tensors {
        let name = format!("{prefix}{}", spec.name);
        let array = from.get(&name).with_context(|| format!("the checkpoint has no tensor {name}"))?;
        let shape: Vec<i64> = array.shape.iter().map(|&side| side as i64).collect();
        ensure!(shape == spec.shape, "{name} is {shape:?} in the checkpoint and {:?} in the network", spec.shape);
        tch::no_grad(|| tensor.shallow_clone().copy_(&to_tensor(array)));
    }
    Ok(())
}

/// The numbers of a tensor f32, row-major. Waits for the device.
pub fn to_array(tensor: &Tensor) -> Array {
    let shape = tensor.size().iter().map(|&side| side as usize).collect();
    Array { shape, values: host::numbers(tensor) }
}

/// The numbers as a tensor on the CPU.
pub fn to_tensor(array: &Array) -> Tensor {
    let shape: Vec<i64> = array.shape.iter().map(|&side| side as i64).collect();
    Tensor::from_slice(&array.values).view(&shape[..])
}

/// A tensor of these numbers; four-dimensional ones in `channels_last`, as the convolutions want them.
fn on_device(values: &[f32], shape: &[i64], device: Device) -> Tensor {
    let tensor = Tensor::from_slice(values).view(shape).to_device(device).to_kind(Kind::Float);
    if shape.len() == 4 { channels_last(&tensor) } else { tensor }
}

/// The same tensor with its channels innermost in memory.
fn channels_last(tensor: &Tensor) -> Tensor {
    tensor.permute([0, 2, 3, 1]).contiguous().permute([0, 3, 1, 2])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_truncated_normal_keeps_its_standard_deviation() {
        let mut rng = Rng::new(0, Stream::Weights, 0, 0);
        let draws: Vec<f64> = (0..50_000).map(|_| Init::TruncatedNormal(0.5).draw(&mut rng)).collect();
        let variance = draws.iter().map(|x| x * x).sum::<f64>() / draws.len() as f64;
        assert!((variance.sqrt() - 0.5).abs() < 0.005, "{}", variance.sqrt());
        assert!(draws.iter().all(|x| x.abs() <= 1.0 / TRUNCATED_STD));
    }
}
