//! Operations on a GPU that are one or few kernels of our own (`gpu/kernels.cu`) where libtorch has several, each of which reads
//! and writes whole tensors.

use std::ffi::CStr;
use std::sync::atomic::{AtomicBool, Ordering};

use tch::{Kind, Tensor};

use super::batch_norm::{BatchNorm, Statistics};
use super::graph::{wants_gradient, with_gradient};
use super::pixels::by_pixel;
use crate::gpu::Argument::{Float, Int, Long, Optional, Tensor as Numbers};
use crate::gpu::{Argument, Kernels, Size};

/// Bytes that a thread reads at once.
const VECTOR: usize = 16;

/// Threads of a block, at most.
const THREADS: usize = 256;

/// Blocks that add up, at most. Part of what decides the last bits of sums.
const SUMMING: usize = 1056;

/// Other blocks, at most.
const BLOCKS: usize = 2112;

static USES_PIECES: AtomicBool = AtomicBool::new(false);

/// Has libtorch's pieces used from now on, to compare with.
pub fn use_pieces() {
    USES_PIECES.store(true, Ordering::Relaxed);
}

/// What is launched for images: as rows of channels, one a pixel.
struct Rows {
    kernels: &'static Kernels,
    kind: Kind,
    n: usize,
    channels: usize,
}

impl Rows {
    /// None where the kernels [are not for](is_for) the images.
    fn of(images: &Tensor) -> Option<Self> {
        let size = images.size();
        let channels = size[1] as usize;
        let kernels = kernels(images, channels)?;
        Some(Self { kernels, kind: images.kind(), n: (size[0] * size[2] * size[3]) as usize, channels })
    }

    fn columns(&self) -> usize {
        let n_bytes = if self.kind == Kind::Float { 4 } else { 2 };
        self.channels * n_bytes / VECTOR
    }

    /// For kernels whose threads take `rows` rows each, or more.
    fn size(&self, rows: usize, most: usize) -> Size {
        let height = THREADS / self.columns();
        let blocks = self.n.div_ceil(height * rows).clamp(1, most);
        Size { blocks, threads: height * self.columns(), shared: height * self.channels * size_of::<f32>() }
    }

    fn launch(&self, name: &CStr, size: Size, arguments: &[Argument]) {
        self.kernels.launch(name, self.kind, size, arguments);
    }

    /// Of two sums for each channel: what adds them up, and where its blocks leave them.
    fn summing(&self, like: &Tensor) -> (Size, Tensor) {
        let size = self.size(4, SUMMING);
        let partial = Tensor::empty([2, self.channels as i64, size.blocks as i64], (Kind::Float, like.device()));
        (size, partial)
    }

    /// A warp for each channel.
    fn by_channel(&self) -> Size {
        Size { blocks: self.channels, threads: 32, shared: 0 }
    }
}

/// The kernels for as many channels in the precision of some images, if these are on a GPU.
fn kernels(images: &Tensor, channels: usize) -> Option<&'static Kernels> {
    let n_bytes = match images.kind() {
        Kind::Float => 4 * channels,
        Kind::BFloat16 => 2 * channels,
        _ => return None,
    };
    if !n_bytes.is_multiple_of(VECTOR) || n_bytes > THREADS * VECTOR || USES_PIECES.load(Ordering::Relaxed) {
        return None;
    }
    #[cfg(test)]
    if !images.device().is_cuda() {
        return crate::gpu::emulated::get();
    }
    if images.device().is_cuda() { Kernels::get() } else { None }
}

/// Whether [`batch_norm`] and [`add_up`] are there for images: on a GPU, with whole vectors of channels.
pub fn is_for(images: &Tensor) -> bool {
    kernels(images, images.size()[1] as usize).is_some()
}

/// Whether they are there for what kernels (K, C, S, S) make of images.
pub fn fits(images: &Tensor, of: &Tensor) -> bool {
    kernels(images, of.size()[0] as usize).is_some()
}

/// Batch norm and leaky ReLU of images (N, C, H, W), to which a bias (C) that was left out `before` belongs: it moves the
/// running mean, and nothing else. Its gradient is zero.
///
/// # Panics
/// If it [is not for](is_for) the images.
pub fn batch_norm(norm: &BatchNorm, images: &Tensor, before: Option<&Tensor>) -> Tensor {
    let rows = Rows::of(images).expect("images that it is for");
    let BatchNorm { weight, bias, statistics, eps, slope } = *norm;
    let (n, channels) = (Long(rows.n as i64), Int(rows.channels as i64));
    let xs = by_pixel(&images.detach()).contiguous();
    let numbers = Tensor::empty([4, rows.channels as i64], (Kind::Float, xs.device()));
    let settle = |mean, variance| {
        let arguments = [
            channels,
            Numbers(weight),
            Numbers(bias),
            Float(eps),
            Numbers(&numbers),
            Optional(before),
            Numbers(mean),
            Numbers(variance),
        ];
        rows.launch(
            c"settle",
            Size { blocks: rows.channels.div_ceil(THREADS), threads: THREADS, shared: 0 },
            &arguments,
        );
    };
    let normalise = |running: Option<[&Tensor; 2]>, momentum| {
        let (size, partial) = rows.summing(&xs);
        rows.launch(c"sum_up", size, &[Numbers(&xs), n, channels, Numbers(&partial)]);
        let arguments = [
            Numbers(&partial),
            Int(size.blocks as i64),
            Numbers(&xs),
            n,
            channels,
            Numbers(weight),
            Numbers(bias),
            Float(eps),
            Numbers(&numbers),
            Optional(before),
            Optional(running.map(|[mean, _]| mean)),
            Optional(running.map(|[_, variance]| variance)),
            Float(momentum),
        ];
        rows.launch(c"normalise", rows.by_channel(), &arguments);
    };
    match statistics {
        Statistics::Running { mean, variance } => settle(mean, variance),
        Statistics::Batch => normalise(None, 0.0),
        Statistics::BatchAndMove { mean, variance, momentum } => normalise(Some([mean, variance]), momentum),
    }
    let ys = xs.empty_like();
    let (apart, slope) = (rows.size(2, BLOCKS), Float(slope));
    rows.launch(c"apply", apart, &[Numbers(&xs), n, channels, Numbers(&numbers), slope, Numbers(&ys)]);
    let inputs: Vec<&Tensor> = [images, weight, bias].into_iter().chain(before).collect();
    // the gradient is that of a batch's own statistics
    if matches!(statistics, Statistics::Running { .. }) || !wants_gradient(&inputs) {
        return by_channel(&ys);
    }
    let has_bias_before = before.is_some();
    with_gradient(by_channel(&ys), &inputs, move |of_ys| {
        let of_ys = by_pixel(of_ys).contiguous();
        let (size, partial) = rows.summing(&xs);
        let of = [Numbers(&xs), Numbers(&of_ys), n, channels, Numbers(&numbers)];
        rows.launch(c"sum_up_gradients", size, &[&of[..], &[slope, Numbers(&partial)]].concat());
        let gradients = Tensor::empty([4, rows.channels as i64], (Kind::Float, xs.device()));
        let arguments =
            [Numbers(&partial), Int(size.blocks as i64), n, channels, Numbers(&numbers), Numbers(&gradients)];
        rows.launch(c"finish_gradients", rows.by_channel(), &arguments);
        let of_xs = xs.empty_like();
        rows.launch(c"apply_gradients", apart, &[&of[..], &[Numbers(&gradients), slope, Numbers(&of_xs)]].concat());
        let [of_bias, of_weight] = [0, 1].map(|place| gradients.get(place));
        let of_bias_before = has_bias_before.then(|| of_bias.zeros_like());
        [by_channel(&of_xs), of_weight, of_bias].into_iter().chain(of_bias_before).collect()
    })
}

/// The sum of two images (N, C, H, W) and a bias (C).
///
/// # Panics
/// If it [is not for](is_for) the images.
pub fn add_up(xs: &Tensor, ys: &Tensor, bias: &Tensor) -> Tensor {
    let rows = Rows::of(xs).expect("images that it is for");
    let (n, channels) = (Long(rows.n as i64), Int(rows.channels as i64));
    let [by_pixel_xs, by_pixel_ys] = [xs, ys].map(|images| by_pixel(&images.detach()).contiguous());
    let sums = by_pixel_xs.empty_like();
    let of = [Numbers(&by_pixel_xs), Numbers(&by_pixel_ys), n, channels, Numbers(bias), Numbers(&sums)];
    rows.launch(c"add_up", rows.size(2, BLOCKS), &of);
    let inputs = [xs, ys, bias];
    if !wants_gradient(&inputs) {
        return by_channel(&sums);
    }
    with_gradient(by_channel(&sums), &inputs, move |of_sums| {
        let by_pixel = by_pixel(of_sums).contiguous();
        let (size, partial) = rows.summing(&by_pixel);
        rows.launch(c"sum_rows", size, &[Numbers(&by_pixel), n, channels, Numbers(&partial)]);
        let of_bias = Tensor::empty([rows.channels as i64], (Kind::Float, by_pixel.device()));
        let arguments = [Numbers(&partial), Int(size.blocks as i64), Numbers(&of_bias)];
        rows.launch(c"finish_sum", rows.by_channel(), &arguments);
        vec![of_sums.shallow_clone(), of_sums.shallow_clone(), of_bias]
    })
}

/// Pixels (N, H, W, C) as images (N, C, H, W) in the same memory.
fn by_channel(pixels: &Tensor) -> Tensor {
    pixels.permute([0, 3, 1, 2])
}

#[cfg(test)]
mod tests {
    use tch::Device;

    use super::*;
    use crate::gpu::emulated;

    /// Waves, other ones for each seed, in `channels_last`.
    fn waves(shape: &[i64], seed: i64) -> Tensor {
        let n = shape.iter().product::<i64>();
        let numbers = (Tensor::arange(n, (Kind::Float, Device::Cpu)) * (0.7 + 0.1 * seed as f64)).sin() * 1.5 + 0.5;
        if let [n, c, h, w] = *shape { numbers.view([n, h, w, c]).permute([0, 3, 1, 2]) } else { numbers.view(shape) }
    }

    /// How far apart: ‖a − b‖ / ‖b‖.
    fn apart(a: &Tensor, b: &Tensor) -> f64 {
        let [a, b] = [a, b].map(|tensor| tensor.to_kind(Kind::Double));
        assert_eq!(a.size(), b.size());
        ((&a - &b).norm() / b.norm().clamp_min(1e-12)).double_value(&[])
    }

    /// Waves that each kind has exactly.
    fn exact(shape: &[i64], seed: i64, kind: Kind) -> Tensor {
        waves(shape, seed).to_kind(Kind::BFloat16).to_kind(kind)
    }

    /// What weights are in beside images of a kind.
    fn of_weights(kind: Kind) -> Kind {
        if kind == Kind::BFloat16 { Kind::Float } else { kind }
    }

    /// The gradients of some weighted sum.
    fn gradients(ys: &Tensor, by: &[&Tensor]) -> Vec<Tensor> {
        let shares = exact(&ys.size(), 8, Kind::Double);
        Tensor::run_backward(&[(ys.to_kind(Kind::Double) * shares).sum(Kind::Double)], by, false, false)
    }

    /// What a batch norm gives of images to which a bias belongs, what it moves, and the gradients of images, weight and
    /// shift. In f64 by libtorch's pieces, which are given the bias.
    fn normalised(kind: Kind, [n, c, h, w]: [i64; 4], which: usize) -> Vec<Tensor> {
        let weights = of_weights(kind);
        let images = exact(&[n, c, h, w], 1, kind).set_requires_grad(which < 2);
        let [weight, shift] = [2, 3].map(|seed| exact(&[c], seed, weights).set_requires_grad(true));
        let [before, mean] = [4, 5].map(|seed| exact(&[c], seed, weights));
        let variance = exact(&[c], 6, weights).square();
        let statistics = [
            Statistics::BatchAndMove { mean: &mean, variance: &variance, momentum: 0.1 },
            Statistics::Batch,
            Statistics::Running { mean: &mean, variance: &variance },
        ][which];
        let norm = BatchNorm { weight: &weight, bias: &shift, statistics, eps: 1e-3, slope: 0.1 };
        let ys = if kind == Kind::Double {
            norm.forward(&(&images + before.view([-1, 1, 1])))
        } else {
            batch_norm(&norm, &images, Some(&before))
        };
        let moved = vec![ys.detach(), mean.copy(), variance.copy()];
        let gradients = if which < 2 { gradients(&ys, &[&images, &weight, &shift]) } else { Vec::new() };
        moved.into_iter().chain(gradients).collect()
    }

    const SHAPES: [[i64; 4]; 5] = [[2, 8, 3, 5], [3, 16, 4, 4], [1, 24, 2, 3], [5, 64, 2, 2], [9, 32, 5, 5]];

    /// How far apart both may be: bf16 has 8 bits, and what is rounded may be a difference.
    const KINDS: [(Kind, f64); 2] = [(Kind::Float, 1e-5), (Kind::BFloat16, 2e-2)];

    fn assert_near(found: &[Tensor], expected: &[Tensor], least: f64, what: &str) {
        assert_eq!(found.len(), expected.len(), "{what}");
        for (place, (found, expected)) in found.iter().zip(expected).enumerate() {
            let apart = apart(found, expected);
            assert!(apart < least, "{what}, number {place}: {apart}");
        }
    }

    #[test]
    fn the_kernels_give_what_libtorchs_pieces_do_in_f64_and_so_do_their_gradients() {
        for (kind, least) in KINDS {
            for shape in SHAPES {
                for which in 0..3 {
                    let expected = normalised(Kind::Double, shape, which);
                    let found = emulated::with(|| normalised(kind, shape, which));
                    assert_near(&found, &expected, least, &format!("{kind:?} {shape:?} {which}"));
                }
            }
        }
    }

    #[test]
    fn sums_of_images_and_a_bias_and_their_gradients_are_libtorchs() {
        let summed = |kind: Kind, shape: [i64; 4]| {
            let [xs, ys] = [1, 2].map(|seed| exact(&shape, seed, kind).set_requires_grad(true));
            let bias = exact(&shape[1..2], 3, of_weights(kind)).set_requires_grad(true);
            let sums = if kind == Kind::Double { &xs + &ys + bias.view([-1, 1, 1]) } else { add_up(&xs, &ys, &bias) };
            let mut found = gradients(&sums, &[&xs, &ys, &bias]);
            found.push(sums.detach());
            found
        };
        for (kind, least) in KINDS {
            for shape in SHAPES {
                let (expected, found) = (summed(Kind::Double, shape), emulated::with(|| summed(kind, shape)));
                assert_near(&found, &expected, least, &format!("{kind:?} {shape:?}"));
            }
        }
    }

    #[test]
    fn what_has_no_whole_vectors_of_channels_or_another_kind_is_left_to_pieces() {
        emulated::with(|| {
            for (shape, kind, expected) in [
                ([1, 4, 1, 1], Kind::Float, true),
                ([1, 4, 1, 1], Kind::BFloat16, false),
                ([1, 8, 1, 1], Kind::BFloat16, true),
                ([1, 3, 1, 1], Kind::Float, false),
                ([1, 1024, 1, 1], Kind::Float, true),
                ([1, 2048, 1, 1], Kind::Float, false),
                ([1, 8, 1, 1], Kind::Double, false),
            ] {
                assert_eq!(is_for(&Tensor::zeros(shape, (kind, Device::Cpu))), expected, "{shape:?} {kind:?}");
            }
        });
        assert!(!is_for(&Tensor::zeros([1, 8, 1, 1], (Kind::Float, Device::Cpu))), "on a CPU");
    }
}
