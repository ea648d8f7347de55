//! Operations that libtorch has only in pieces, each of which reads and writes whole tensors that do not fit into a cache:
//! here, on the CPU, one pass does what took several. Elsewhere the pieces are used.
//!
//! Work is split into parts of a fixed size, so that results do not depend on the number of threads. Inner loops are functions
//! of their own that go over slices side by side, always inlined into [`vectorized`]: the compiler vectorises that.

#![allow(clippy::inline_always)]

mod batch_norm;
mod conv;
mod graph;
mod normalize;
mod pixels;

pub use self::batch_norm::{BatchNorm, Statistics};
pub use self::conv::conv_pool_relu;
pub use self::normalize::Normalizer;

/// How many threads these operations use, from their first use on; the one that calls this is among them.
pub fn set_num_threads(n: usize) {
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

/// Runs loops with the widest instructions that the processor has.
#[inline(always)]
fn vectorized<R>(loops: impl FnOnce() -> R) -> R {
    pulp::Arch::new().dispatch(loops)
}
