//! Products of matrices that fit into caches.

use pulp::Simd;

use super::super::registers::{add_product, load, store};

/// Vectors of a row that are computed at once.
const N: usize = 2;

/// Channels come in multiples of this: as many as [`N`] vectors of any processor have.
pub const CHANNELS: usize = 32;

/// `products` = `xs` · `ys`, M × K = M × C times C × K, for M a multiple of 12.
#[inline(always)]
pub fn multiply<S: Simd>(simd: S, xs: &[f32], ys: &[f32], products: &mut [f32], inner: usize, columns: usize) {
    if S::REGISTER_COUNT >= 32 {
        multiply_by_rows::<S, 12>(simd, xs, ys, products, inner, columns);
    } else {
        multiply_by_rows::<S, 4>(simd, xs, ys, products, inner, columns);
    }
}

/// Does so for some rows at once, whose sums fit into registers.
#[inline(always)]
fn multiply_by_rows<S: Simd, const ROWS: usize>(
    simd: S,
    xs: &[f32],
    ys: &[f32],
    products: &mut [f32],
    inner: usize,
    columns: usize,
) {
    for first in (0..columns).step_by(N * S::F32_LANES) {
        for (xs, products) in xs.chunks_exact(ROWS * inner).zip(products.chunks_exact_mut(ROWS * columns)) {
            let mut rows: [&[f32]; ROWS] = [&[]; ROWS];
            rows.iter_mut().zip(xs.chunks_exact(inner)).for_each(|(row, xs)| *row = xs);
            let mut sums = [[simd.splat_f32s(0.0); N]; ROWS];
            for (i, ys) in ys[first..].chunks(columns).enumerate() {
                for (sums, row) in sums.iter_mut().zip(&rows) {
                    add_product(simd, row[i], ys, sums);
                }
            }
            store::<S, N, ROWS>(&sums, &mut products[first..], columns);
        }
    }
}

/// `sums` += `xs`ᵀ · `ys`, C × K += (M × C)ᵀ times M × K.
#[inline(always)]
pub fn add_transposed_product<S: Simd>(simd: S, xs: &[f32], ys: &[f32], sums: &mut [f32], rows: usize, columns: usize) {
    if S::REGISTER_COUNT >= 32 {
        add_by_rows::<S, 8>(simd, xs, ys, sums, rows, columns);
    } else {
        add_by_rows::<S, 4>(simd, xs, ys, sums, rows, columns);
    }
}

#[inline(always)]
fn add_by_rows<S: Simd, const ROWS: usize>(
    simd: S,
    xs: &[f32],
    ys: &[f32],
    sums: &mut [f32],
    rows: usize,
    columns: usize,
) {
    for first in (0..columns).step_by(N * S::F32_LANES) {
        for (part, sums) in sums.chunks_exact_mut(ROWS * columns).enumerate() {
            let mut totals = [[simd.splat_f32s(0.0); N]; ROWS];
            load::<S, N, ROWS>(&sums[first..], columns, &mut totals);
            for (xs, ys) in xs.chunks_exact(rows).zip(ys.chunks_exact(columns)) {
                for (totals, x) in totals.iter_mut().zip(&xs[part * ROWS..][..ROWS]) {
                    add_product(simd, *x, &ys[first..], totals);
                }
            }
            store::<S, N, ROWS>(&totals, &mut sums[first..], columns);
        }
    }
}
