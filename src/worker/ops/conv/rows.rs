//! Weighted sums of rows of numbers: what is left of a matrix product where one matrix is mostly zero.

use pulp::Simd;

use super::registers::{add_product, load, store};

/// A number that is not zero, and where the rows begin that it is a weight of.
#[derive(Clone, Copy, Debug, Default)]
pub struct Term {
    /// Of the first row's first number.
    pub place: u32,
    /// The number.
    pub weight: f32,
}

/// Three rows, each some numbers behind the one before.
#[derive(Clone, Copy, Debug)]
pub struct Rows<T> {
    /// From the first number of the first row on.
    pub numbers: T,
    /// From the beginning of a row to that of the next.
    pub stride: usize,
}

/// Adds weighted sums of rows of `source` to the rows of `sums`, `row` numbers each.
#[inline(always)]
pub fn add_rows<S: Simd>(simd: S, terms: &[Term], source: Rows<&[f32]>, sums: Rows<&mut [f32]>, row: usize) {
    let (numbers, stride) = (sums.numbers, sums.stride);
    let mut at = 0;
    while at < row {
        let source = Rows { numbers: &source.numbers[at..], ..source };
        let sums = Rows { numbers: &mut numbers[at..], stride };
        let n_vectors = match (row - at) / S::F32_LANES {
            6.. if S::REGISTER_COUNT >= 32 => add::<S, 6>(simd, terms, source, sums),
            3.. => add::<S, 3>(simd, terms, source, sums),
            2 => add::<S, 2>(simd, terms, source, sums),
            _ => add::<S, 1>(simd, terms, source, sums),
        };
        at += n_vectors * S::F32_LANES;
    }
}

/// Does so for as many vectors of a row as three times fit into registers, and returns their number.
#[inline(always)]
fn add<S: Simd, const N: usize>(simd: S, terms: &[Term], source: Rows<&[f32]>, sums: Rows<&mut [f32]>) -> usize {
    let Rows { numbers, stride } = source;
    let sources = [numbers, &numbers[stride..], &numbers[2 * stride..]];
    let mut totals = [[simd.splat_f32s(0.0); N]; 3];
    let Rows { numbers: sums, stride } = sums;
    load::<S, N, 3>(sums, stride, &mut totals);
    for term in terms {
        for (totals, source) in totals.iter_mut().zip(&sources) {
            add_product(simd, term.weight, &source[term.place as usize..], totals);
        }
    }
    store::<S, N, 3>(&totals, sums, stride);
    N
}
