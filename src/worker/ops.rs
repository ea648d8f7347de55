//! Operations that are better done otherwise than in libtorch's pieces, each of which reads and writes whole tensors: here one pass
//! does what took several, and on a CPU convolutions need fewer products. [`gpu`] has those of a GPU. Elsewhere pieces are used.
//!
//! Work is split into parts of a fixed size, so that results do not depend on the number of threads. Inner loops are functions
//! of their own that go over slices side by side, always inlined into [`Instructions::run`]: the compiler vectorises that.

#![allow(clippy::inline_always)]

mod batch_norm;
mod conv;
mod gpu;
mod graph;
mod instructions;
mod normalize;
mod pixels;

use rayon::prelude::*;
use tch::Tensor;

pub use self::batch_norm::{BatchNorm, Statistics};
pub use self::conv::{conv, conv_add, conv_norm, conv_pool_relu};
pub use self::gpu::use_pieces;
#[cfg(test)]
pub use self::instructions::at_every_level;
pub use self::instructions::{Instructions, Level, set_level};
pub use self::normalize::Normalizer;

/// Batch norm and leaky ReLU of images (N, C, H, W), in their precision; sums are f32 or better.
pub fn batch_norm(images: &Tensor, norm: &BatchNorm) -> Tensor {
    if gpu::is_for(images) && !norm.needs_pieces(images) {
        gpu::batch_norm(norm, images, None)
    } else {
        norm.forward(images)
    }
}

/// How many threads libtorch uses, and these operations from their first use on; the one that calls this is among them.
pub fn set_num_threads(n: usize) {
    tch::set_num_threads(n as i32);
    // The only failure is that there are threads already: another call was first.
    let _ = rayon::ThreadPoolBuilder::new()
        .use_current_thread()
        .num_threads(n)
        .thread_name(|i| format!("fused-{i}"))
        .build_global();
}

/// About how many numbers a loop goes over where every channel has constants of its own: pixels side by side, however few
/// channels they have.
const TILE: usize = 512;

/// The constants of the channels, as often as pixels fit into a tile.
fn to_tile(by_channel: &[f32]) -> Vec<f32> {
    by_channel.repeat(TILE.div_ceil(by_channel.len()))
}

/// The sum of rows of numbers, in f64, rounded.
fn total(rows: &[&[f32]]) -> Tensor {
    const BLOCK: usize = 1024;
    let (mut total, simd) = (vec![0.0; rows[0].len()], Instructions::in_force());
    total.par_chunks_mut(BLOCK).enumerate().for_each(|(block, total)| {
        simd.run(
            #[inline(always)]
            || {
                let mut sums = [0.0; BLOCK];
                for row in rows {
                    let row = &row[block * BLOCK..][..total.len()];
                    sums.iter_mut().zip(row).for_each(|(sum, &number)| *sum += f64::from(number));
                }
                total.iter_mut().zip(sums).for_each(|(total, sum)| *total = sum as f32);
            },
        );
    });
    Tensor::from_slice(&total)
}
