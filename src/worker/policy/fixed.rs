//! `FixMatch`: one threshold for all (paper, equation 4).

use anyhow::Result;
use fixmatch::run::checkpoint::Tensors;
use fixmatch::run::insight::Quantity;
use tch::Tensor;

use super::{Constants, Counted, Guess, Policy};
use crate::part::Part;

/// max p ≥ τ.
#[derive(Debug)]
pub struct Fixed;

impl Policy for Fixed {
    fn judge(&mut self, guess: &Guess, by: Constants) -> Counted {
        Counted::Some(guess.confidence.ge(by.threshold))
    }

    fn memory(&self, by: Constants) -> Vec<(Quantity, Tensor)> {
        vec![(Quantity::Threshold, Tensor::from_slice(&[by.threshold as f32]))]
    }
}

impl Part for Fixed {
    fn save(&mut self, _: &mut Tensors) {}

    fn restore(&mut self, _: &Tensors, _: u64) -> Result<()> {
        Ok(())
    }
}
