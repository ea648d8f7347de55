//! Rows of vectors that stay in registers while products are added to them.

use pulp::Simd;

/// Reads rows of `N` vectors, `stride` numbers apart.
#[inline(always)]
pub fn load<S: Simd, const N: usize, const ROWS: usize>(
    numbers: &[f32],
    stride: usize,
    vectors: &mut [[S::f32s; N]; ROWS],
) {
    for (row, vectors) in vectors.iter_mut().enumerate() {
        let (numbers, _) = S::as_simd_f32s(&numbers[row * stride..][..N * S::F32_LANES]);
        vectors.iter_mut().zip(numbers).for_each(|(vector, numbers)| *vector = *numbers);
    }
}

/// Writes them.
#[inline(always)]
pub fn store<S: Simd, const N: usize, const ROWS: usize>(
    vectors: &[[S::f32s; N]; ROWS],
    numbers: &mut [f32],
    stride: usize,
) {
    for (row, vectors) in vectors.iter().enumerate() {
        let (numbers, _) = S::as_mut_simd_f32s(&mut numbers[row * stride..][..N * S::F32_LANES]);
        numbers.iter_mut().zip(vectors).for_each(|(numbers, vector)| *numbers = *vector);
    }
}

/// Adds a number's products with a row to a row.
#[inline(always)]
pub fn add_product<S: Simd, const N: usize>(simd: S, number: f32, row: &[f32], sums: &mut [S::f32s; N]) {
    let number = simd.splat_f32s(number);
    let (row, _) = S::as_simd_f32s(&row[..N * S::F32_LANES]);
    for (sum, numbers) in sums.iter_mut().zip(row) {
        *sum = simd.mul_add_e_f32s(number, *numbers, *sum);
    }
}
