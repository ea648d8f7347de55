//! A 3×3 convolution with 16 products where there were 36: Winograd's F(2×2, 3×3) (Lavin and Gray, "Fast Algorithms for
//! Convolutional Neural Networks", CVPR 2016, section 4.1).
//!
//! 2×2 outputs are computed of 4×4 inputs, Y = Aᵀ[(G g Gᵀ) ⊙ (Bᵀ d B)]A. With the sum over channels, ⊙ is one matrix product
//! for each of 16 places. The gradient of the inputs is the same convolution of the outputs' gradient y by kernels that are
//! turned around; that of the kernels is Gᵀ[Σ (Bᵀ d B) ⊙ (A y Aᵀ)]G, summed over all tiles.

mod product;
mod tiles;

use pulp::{Simd, WithSimd};
use rayon::prelude::*;
use tch::{Device, Kind, Tensor};

use self::product::{CHANNELS, add_transposed_product, multiply};
use self::tiles::{Grid, PLACES, Spread};
use super::pool::{Mark, pool_window};
use crate::ops::instructions::Instructions;
use crate::ops::pixels::Pixels;
use crate::ops::total;

/// Whether images (N, C, H, W) and kernels (K, C, 3, 3) are convolved so: in f32 on a CPU that computes with vectors, for
/// even sides and channels in whole vectors.
pub fn is_for(images: &Tensor, kernels: &Tensor) -> bool {
    let (images_size, kernels_size) = (images.size(), kernels.size());
    images.device() == Device::Cpu
        && images.kind() == Kind::Float
        && Instructions::in_force().have_vectors()
        && kernels_size[2..] == [3, 3]
        && images_size[2..].iter().all(|side| side % 2 == 0)
        && kernels_size[..2].iter().all(|channels| channels % CHANNELS as i64 == 0)
}

/// The convolution of images, zero-padded by one pixel, by kernels (K, C, 3, 3) and biases (K).
pub fn convolve(xs: &Pixels, kernels: &Tensor, biases: &[f32]) -> Pixels {
    let [n, height, width, inputs] = xs.shape;
    let (grid, simd) = (Grid { height, width }, Instructions::in_force());
    let kernels = to_places(kernels);
    let kernels = kernels.values::<f32>();
    let mut ys = Pixels::empty::<f32>([n, height, width, biases.len()]);
    let of_part = grid.images_with(PART) * height * width;
    let parts = xs.values::<f32>().par_chunks(of_part * inputs);
    let parts = parts.zip(ys.values_mut::<f32>().par_chunks_mut(of_part * biases.len()));
    parts.for_each(|(xs, ys)| {
        simd.run(Convolve { grid, kernels, inputs, xs, outputs: biases.len(), to: Images { biases, ys } });
    });
    ys
}

/// The same, of each of the 2×2 outputs of a tile only the ReLU of the largest, and which it was: N × H/2 × W/2 × K.
pub fn convolve_and_pool<M: Mark>(
    xs: &Pixels,
    kernels: &Tensor,
    biases: &[f32],
    pooled: &mut Pixels,
    winners: &mut [M],
) {
    let [_, height, width, inputs] = xs.shape;
    let (grid, simd) = (Grid { height, width }, Instructions::in_force());
    let kernels = to_places(kernels);
    let kernels = kernels.values::<f32>();
    let outputs = biases.len();
    let of_part = grid.images_with(PART) * height * width;
    let parts = pooled.values_mut::<f32>().par_chunks_mut(of_part / 4 * outputs);
    let parts = parts.zip(winners.par_chunks_mut(of_part / 4 * outputs));
    let parts = parts.zip(xs.values::<f32>().par_chunks(of_part * inputs));
    parts.for_each(|((pooled, winners), xs)| {
        let (zeros, outputs_of_tile) = (vec![0.0; outputs], vec![0.0; 4 * outputs]);
        let to = Windows { biases, zeros, outputs_of_tile, pooled, winners };
        simd.run(Convolve { grid, kernels, inputs, xs, outputs, to });
    });
}

/// The gradient of the convolution's inputs, given that of its outputs.
pub fn of_inputs(of_ys: &Pixels, kernels: &Tensor) -> Pixels {
    let turned = kernels.flip([2, 3]).transpose(0, 1);
    convolve(of_ys, &turned, &vec![0.0; kernels.size()[1] as usize])
}

/// The gradients of kernels (K, C, 3, 3) and biases (K), given that of the outputs.
pub fn of_kernels(xs: &Pixels, of_ys: &Pixels) -> [Tensor; 2] {
    let ([_, height, width, inputs], [.., outputs]) = (xs.shape, of_ys.shape);
    let (grid, simd) = (Grid { height, width }, Instructions::in_force());
    let of_part = grid.images_with(PART) * height * width;
    let parts = xs.values::<f32>().par_chunks(of_part * inputs);
    let parts = parts.zip(of_ys.values::<f32>().par_chunks(of_part * outputs));
    let sums: Vec<[Pixels; 2]> =
        parts.map(|(xs, of_ys)| simd.run(OfKernels { grid, inputs, outputs, xs, of_ys })).collect();
    let [of_kernels, of_biases] =
        [0, 1].map(|which| total(&sums.iter().map(|sums| sums[which].values()).collect::<Vec<_>>()));
    let of_kernels = g_g().transpose(0, 1).matmul(&of_kernels.view([PLACES as i64, -1])); // (9, C·K)
    let of_kernels = of_kernels.view([3, 3, inputs as i64, outputs as i64]).permute([3, 2, 0, 1]);
    [of_kernels.contiguous(), of_biases]
}

/// G ⊗ G, (16, 9).
fn g_g() -> Tensor {
    let g = Tensor::from_slice2(&[[1.0_f32, 0.0, 0.0], [0.5, 0.5, 0.5], [0.5, -0.5, 0.5], [0.0, 0.0, 1.0]]);
    g.kron(&g)
}

/// G g Gᵀ of kernels (K, C, 3, 3): 16 matrices C × K.
fn to_places(kernels: &Tensor) -> Pixels {
    let [outputs, inputs] = [kernels.size()[0], kernels.size()[1]];
    let matrices = g_g().matmul(&kernels.permute([2, 3, 1, 0]).reshape([9, -1]));
    Pixels::of(&matrices.view([1, PLACES as i64, inputs, outputs]).permute([0, 3, 1, 2]))
}

/// About how many tiles are worked on one after the other. Gradients of kernels are added up over so many in f32, then in f64.
const PART: usize = 512;

/// Tiles that are multiplied at once: they fit into the second cache.
const TILES: usize = 24;

/// Some images' convolution.
struct Convolve<'a, T> {
    grid: Grid,
    kernels: &'a [f32],
    inputs: usize,
    xs: &'a [f32],
    outputs: usize,
    to: T,
}

/// Where outputs go.
trait To {
    /// Takes those of a tile: at each of 16 places K numbers, `stride` apart.
    fn put<S: Simd>(&mut self, simd: S, grid: Grid, tile: usize, outputs: &[f32], stride: usize);
}

impl<T: To> WithSimd for Convolve<'_, T> {
    type Output = ();

    #[inline(always)]
    fn with_simd<S: Simd>(mut self, simd: S) {
        let Self { grid, kernels, inputs, xs, outputs, .. } = self;
        let (stride_x, stride_y) = (TILES * inputs, TILES * outputs);
        let mut of_xs = Pixels::zeros([1, 1, PLACES, stride_x]);
        let mut of_ys = Pixels::zeros([1, 1, PLACES, stride_y]);
        let (of_xs, of_ys) = (of_xs.values_mut::<f32>(), of_ys.values_mut::<f32>());
        let (n_tiles, zeros) = (xs.len() / inputs / 4, vec![0.0; inputs]);
        for first in (0..n_tiles).step_by(TILES) {
            let tiles = first..n_tiles.min(first + TILES);
            for tile in tiles.clone() {
                let numbers = &mut of_xs[(tile - first) * S::F32_LANES..];
                let of_vector = TILES * S::F32_LANES; // the vectors of all tiles lie beside each other
                grid.take(simd, xs, &zeros, tile, Spread { numbers, of_place: stride_x, of_vector });
            }
            let places = of_xs.chunks_exact(stride_x).zip(kernels.chunks_exact(inputs * outputs));
            for ((xs, kernels), ys) in places.zip(of_ys.chunks_exact_mut(stride_y)) {
                multiply(simd, xs, kernels, ys, outputs);
            }
            for tile in tiles {
                self.to.put(simd, grid, tile, &of_ys[(tile - first) * outputs..], stride_y);
            }
        }
    }
}

struct Images<'a> {
    biases: &'a [f32],
    ys: &'a mut [f32],
}

impl To for Images<'_> {
    #[inline(always)]
    fn put<S: Simd>(&mut self, simd: S, grid: Grid, tile: usize, outputs: &[f32], stride: usize) {
        let (channels, first) = (self.biases.len(), grid.pixel(tile) * self.biases.len());
        let (upper, lower) = self.ys[first..].split_at_mut(grid.width * channels);
        let ((a, b), (c, d)) = (upper.split_at_mut(channels), lower.split_at_mut(channels));
        tiles::give(simd, outputs, stride, self.biases, [a, b, c, d]);
    }
}

struct Windows<'a, M> {
    biases: &'a [f32],
    zeros: Vec<f32>,
    outputs_of_tile: Vec<f32>,
    pooled: &'a mut [f32],
    winners: &'a mut [M],
}

impl<M: Mark> To for Windows<'_, M> {
    #[inline(always)]
    fn put<S: Simd>(&mut self, simd: S, _: Grid, tile: usize, outputs: &[f32], stride: usize) {
        let channels = self.biases.len();
        let (upper, lower) = self.outputs_of_tile.split_at_mut(2 * channels);
        let ((a, b), (c, d)) = (upper.split_at_mut(channels), lower.split_at_mut(channels));
        tiles::give(simd, outputs, stride, &self.zeros, [&mut *a, &mut *b, &mut *c, &mut *d]);
        let window = tile * channels..(tile + 1) * channels;
        pool_window([a, b, c, d], self.biases, &mut self.pooled[window.clone()], &mut self.winners[window]);
    }
}

/// Some images' share in the gradients of kernels, as 16 matrices C × K, and biases.
struct OfKernels<'a> {
    grid: Grid,
    inputs: usize,
    outputs: usize,
    xs: &'a [f32],
    of_ys: &'a [f32],
}

impl WithSimd for OfKernels<'_> {
    type Output = [Pixels; 2];

    #[inline(always)]
    fn with_simd<S: Simd>(self, simd: S) -> [Pixels; 2] {
        // twice as many, since sums are read and written once for all of them
        const TILES: usize = 2 * super::winograd::TILES;
        let Self { grid, inputs, outputs, xs, of_ys } = self;
        let mut sums = [Pixels::zeros([1, PLACES, inputs, outputs]), Pixels::zeros([1, 1, 1, outputs])];
        let [of_kernels, of_biases] = &mut sums;
        let (of_kernels, of_biases) = (of_kernels.values_mut::<f32>(), of_biases.values_mut::<f32>());
        let (stride_x, stride_y) = (TILES * inputs, TILES * outputs);
        let mut of_xs = Pixels::zeros([1, 1, PLACES, stride_x]);
        let mut gradients = Pixels::zeros([1, 1, PLACES, stride_y]);
        let (of_xs, gradients) = (of_xs.values_mut::<f32>(), gradients.values_mut::<f32>());
        let (n_tiles, zeros) = (xs.len() / inputs / 4, vec![0.0; inputs]);
        for first in (0..n_tiles).step_by(TILES) {
            let tiles = first..n_tiles.min(first + TILES);
            for tile in tiles.clone() {
                let numbers = &mut of_xs[(tile - first) * inputs..];
                grid.take(simd, xs, &zeros, tile, Spread { numbers, of_place: stride_x, of_vector: S::F32_LANES });
                let (upper, lower) = of_ys[grid.pixel(tile) * outputs..].split_at(grid.width * outputs);
                let ((a, b), (c, d)) = (upper.split_at(outputs), lower.split_at(outputs));
                let to = &mut gradients[(tile - first) * outputs..];
                tiles::spread(simd, [a, b, c, d], to, stride_y, of_biases);
            }
            let places = of_xs.chunks_exact(stride_x).zip(gradients.chunks_exact(stride_y));
            for ((xs, gradients), sums) in places.zip(of_kernels.chunks_exact_mut(inputs * outputs)) {
                let (xs, gradients) = (&xs[..tiles.len() * inputs], &gradients[..tiles.len() * outputs]);
                add_transposed_product(simd, xs, gradients, sums, inputs, outputs);
            }
        }
        sums
    }
}
