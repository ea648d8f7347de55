//! The paper's networks against PyTorch, by what `tests/golden/make_networks.py` wrote.

use fixmatch::config::{Model, ModelName};
use fixmatch::run::checkpoint::{Array, Tensors};
use serde::Deserialize;
use tch::{Device, Tensor};

use super::{Mode, Network, Shape};
use crate::weights::{Role, Spec, Weights, to_array};

const TOLERANCE: f32 = 1e-4;

#[derive(Deserialize)]
struct Case {
    depth: u32,
    width: u32,
    side: i64,
    classes: i64,
    logits: Vec<Vec<f32>>,
}

/// As in the script: `n` numbers in [-1, 1).
fn noise(stream: usize, n: usize) -> impl Iterator<Item = f32> {
    let of = move |i: usize| {
        let mut x = (stream as u64) << 32 | i as u64;
        for by in [0xbf58_476d_1ce4_e5b9, 0x94d0_49bb_1331_11eb] {
            x = (x ^ (x >> 30)).wrapping_mul(by);
        }
        ((x ^ (x >> 31)) >> 40) as f32 * 2.0_f32.powi(-23) - 1.0
    };
    (0..n).map(of)
}

/// As in the script.
fn weights(specs: Vec<Spec>) -> Weights {
    let mut names: Vec<&Spec> = specs.iter().collect();
    names.sort_by(|one, other| one.name.cmp(&other.name));
    let array = |(place, spec): (usize, &Spec)| {
        let shape: Vec<usize> = spec.shape.iter().map(|&side| side as usize).collect();
        let n: usize = shape.iter().product();
        let is_around_one = spec.name.ends_with("running_var")
            || (spec.name.split('.').any(|part| part.starts_with("bn")) && spec.name.ends_with("weight"));
        let (factor, offset) = match spec.role {
            Role::Kernel => ((1.5 / (n / shape[0]) as f64).sqrt() as f32, 0.0),
            _ if is_around_one => (0.25, 1.0),
            _ => (0.125, 0.0),
        };
        let values = noise(place + 1, n).map(|x| offset + factor * x).collect();
        (spec.name.clone(), Array { shape, values })
    };
    let arrays: Tensors = names.into_iter().enumerate().map(array).collect();
    Weights::of(specs, &arrays, Device::Cpu).expect("the network's own tensors")
}

#[test]
fn the_papers_networks_give_pytorchs_logits() {
    let cases: Vec<Case> = serde_json::from_str(include_str!("../../../tests/golden/networks.json")).expect("goldens");
    assert_eq!(cases.len(), 3);
    for case in cases {
        let shape = Shape { channels: 3, height: case.side, width: case.side, classes: case.classes };
        let model = Model { name: ModelName::Wrn, depth: case.depth, width: case.width, ..Model::default() };
        let network = Network::new(&model, shape);
        let weights = weights(network.specs());
        let (n, name) = (case.logits.len(), format!("WRN-{}-{}", case.depth, case.width));
        let images: Vec<f32> = noise(0, n * (3 * case.side * case.side) as usize).collect();
        let images = Tensor::from_slice(&images).view([n as i64, 3, case.side, case.side]);
        let ours = tch::no_grad(|| network.forward(&weights, &images, Mode::Evaluate));
        let (ours, theirs) = (to_array(&ours).values, case.logits.concat());
        assert_eq!(ours.len(), theirs.len(), "{name}");
        let spread = theirs.iter().fold(0.0_f32, |most, x| most.max(x.abs()));
        let apart = ours.iter().zip(&theirs).map(|(a, b)| (a - b).abs()).fold(0.0, f32::max);
        assert!(spread > 0.25 && apart < TOLERANCE, "{name}: {apart} apart, of logits up to {spread}");
    }
}
