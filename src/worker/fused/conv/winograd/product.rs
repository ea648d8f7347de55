//! Products of matrices that fit into caches.

use pulp::Simd;

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
    let len = N * S::F32_LANES;
    for first in (0..columns).step_by(len) {
        for (xs, products) in xs.chunks_exact(ROWS * inner).zip(products.chunks_exact_mut(ROWS * columns)) {
            let mut rows: [&[f32]; ROWS] = [&[]; ROWS];
            rows.iter_mut().zip(xs.chunks_exact(inner)).for_each(|(row, xs)| *row = xs);
            let mut sums = [[simd.splat_f32s(0.0); N]; ROWS];
            for (i, ys) in ys[first..].chunks(columns).enumerate() {
                let (ys, _) = S::as_simd_f32s(&ys[..len]);
                for (sums, row) in sums.iter_mut().zip(&rows) {
                    let x = simd.splat_f32s(row[i]);
                    for (sum, y) in sums.iter_mut().zip(ys) {
                        *sum = simd.mul_add_e_f32s(x, *y, *sum);
                    }
                }
            }
            for (row, sums) in sums.iter().enumerate() {
                let (products, _) = S::as_mut_simd_f32s(&mut products[row * columns + first..][..len]);
                products.iter_mut().zip(sums).for_each(|(product, sum)| *product = *sum);
            }
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
    let len = N * S::F32_LANES;
    for first in (0..columns).step_by(len) {
        for (part, sums) in sums.chunks_exact_mut(ROWS * columns).enumerate() {
            let mut totals = [[simd.splat_f32s(0.0); N]; ROWS];
            for (row, totals) in totals.iter_mut().enumerate() {
                let (sums, _) = S::as_simd_f32s(&sums[row * columns + first..][..len]);
                totals.iter_mut().zip(sums).for_each(|(total, sum)| *total = *sum);
            }
            for (xs, ys) in xs.chunks_exact(rows).zip(ys.chunks_exact(columns)) {
                let (ys, _) = S::as_simd_f32s(&ys[first..first + len]);
                for (totals, x) in totals.iter_mut().zip(&xs[part * ROWS..][..ROWS]) {
                    let x = simd.splat_f32s(*x);
                    for (total, y) in totals.iter_mut().zip(ys) {
                        *total = simd.mul_add_e_f32s(x, *y, *total);
                    }
                }
            }
            for (row, totals) in totals.iter().enumerate() {
                let (sums, _) = S::as_mut_simd_f32s(&mut sums[row * columns + first..][..len]);
                sums.iter_mut().zip(totals).for_each(|(sum, total)| *sum = *total);
            }
        }
    }
}
