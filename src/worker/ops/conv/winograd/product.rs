//! Products of matrices that fit into caches.

use std::hint::black_box;

use pulp::Simd;

use super::super::registers::{add_product, load, store};

/// Vectors of a row that are computed at once.
const N: usize = 2;

/// Channels come in multiples of this: as many as [`N`] vectors of any processor have.
pub const CHANNELS: usize = 32;

/// `products` = `xs` · `ys`, M × K = M × C times C × K, for M a multiple of 12.
///
/// Of `xs`, the first numbers of all rows come first, as many as a vector has, then the next ones, and so on. So what a step
/// needs of several rows is found from one address, which leaves registers and time for products.
#[inline(always)]
pub fn multiply<S: Simd>(simd: S, xs: &[f32], ys: &[f32], products: &mut [f32], columns: usize) {
    match (S::F32_LANES, S::REGISTER_COUNT) {
        (16, _) => multiply_by_rows::<S, 12, 16>(simd, xs, ys, products, columns),
        (8, _) => multiply_by_rows::<S, 6, 8>(simd, xs, ys, products, columns),
        (4, 32..) => multiply_by_rows::<S, 12, 4>(simd, xs, ys, products, columns),
        (4, _) => multiply_by_rows::<S, 4, 4>(simd, xs, ys, products, columns),
        _ => multiply_by_rows::<S, 4, 1>(simd, xs, ys, products, columns),
    }
}

/// Does so for some rows at once, whose sums fit into registers, and vectors of so many numbers.
#[inline(always)]
fn multiply_by_rows<S: Simd, const ROWS: usize, const LANES: usize>(
    simd: S,
    xs: &[f32],
    ys: &[f32],
    products: &mut [f32],
    columns: usize,
) {
    assert_eq!(LANES, S::F32_LANES);
    let (width, n_rows) = (N * LANES, products.len() / columns);
    let xs: &[[f32; LANES]] = xs.as_chunks().0;
    let n_lanes = black_box(LANES); // of a number that is known, all steps are unrolled, and sums leave their registers
    for first in (0..columns).step_by(width) {
        assert!(first + width <= columns); // once, not for each product
        for (part, products) in products.chunks_exact_mut(ROWS * columns).enumerate() {
            let mut sums = [[simd.splat_f32s(0.0); N]; ROWS];
            for (xs, ys) in xs.chunks_exact(n_rows).zip(ys.chunks_exact(LANES * columns)) {
                let xs: &[[f32; LANES]; ROWS] = xs[part * ROWS..].first_chunk().expect("a part of the rows");
                for (i, ys) in (0..n_lanes).zip(ys.chunks_exact(columns)) {
                    let ys = &ys[first..first + width];
                    for (sums, row) in sums.iter_mut().zip(xs) {
                        add_product(simd, row[i % LANES], ys, sums);
                    }
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
