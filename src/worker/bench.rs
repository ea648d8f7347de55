//! `fixmatch-worker bench`: where the time of a training step goes, and how much memory it takes.
//!
//! Random images of CIFAR-10's shape, B = 64, μ = 7, every pseudo-label accepted or none. On a CPU libtorch returns from an
//! operation when it is done, so a clock between the parts tells them apart; a GPU is waited for between them. `benches/peer.rs` runs it beside PyTorch.

#![expect(clippy::disallowed_macros, reason = "numbers that it measured itself")]

mod convolutions;

use std::ffi::CString;
use std::os::unix::ffi::OsStrExt as _;
use std::path::PathBuf;
use std::sync::Arc;
use std::thread::available_parallelism;
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result};
use clap::ValueEnum;
use fixmatch::augment::{Strong, StrongPolicy, Weak};
use fixmatch::base::rng::{Rng, Stream};
use fixmatch::base::stats::median;
use fixmatch::config::{self, Forward, Machine, Model, ModelName, Normalize, Precision, PseudoLabel, RunConfig, Train};
use fixmatch::data::Images;
use fixmatch::data::preprocess::Preprocess;
use fixmatch::examples;
use fixmatch::loader::{Loader, Maker, Source};
use pulp::{Simd, WithSimd};
use tch::{Cuda, Device, Kind, Tensor};

use crate::input::Input;
use crate::model::{Network, Shape};
use crate::policy::{Constants, Facts, Judge};
use crate::session::insight::Insight;
use crate::trainer::{StepValues, Trainer, Which};
use crate::{device, host, libtorch, ops};

/// What to time
#[derive(clap::Args)]
#[command(after_help = examples!(
    "fixmatch-worker bench",
    "fixmatch-worker bench --model wrn --precision bf16 --steps 5",
))]
#[expect(clippy::struct_excessive_bools, reason = "options of a command")]
pub struct Args {
    /// Which network
    #[arg(long, value_enum, default_value_t = Net::Cnn)]
    model: Net,
    /// Steps to time, and evaluations of 500 images, after two that warm up
    #[arg(long, default_value_t = 20)]
    steps: usize,
    /// libtorch's threads; 0 for all cores
    #[arg(long, default_value_t = 0)]
    threads: usize,
    /// Where to train: auto, cpu or cuda:N
    #[arg(long, default_value = "cpu", value_parser = |text: &str| config::Device::try_from(text.to_owned()))]
    device: config::Device,
    /// What layers compute in
    #[arg(long, value_enum, default_value_t = Precision::F32)]
    precision: Precision,
    /// On a GPU: have convolutions of f32 round their factors to 10 bits, or not
    #[arg(long, value_name = "BOOL", action = clap::ArgAction::Set, default_value_t = Machine::default().tf32)]
    tf32: bool,
    /// On a GPU: have cuDNN try its algorithms and keep the fastest
    #[arg(long)]
    cudnn_benchmark: bool,
    /// On a GPU: have cuDNN use only algorithms that give the same bits each time
    #[arg(long, value_name = "BOOL", action = clap::ArgAction::Set, default_value_t = Machine::default().deterministic)]
    deterministic: bool,
    /// On a GPU: ask for operations one by one in steps where nothing is waited for in between
    #[arg(long)]
    no_cuda_graphs: bool,
    /// On a GPU: use libtorch's operations where there are kernels of our own
    #[arg(long)]
    pieces: bool,
    /// With --way: write what a step asks of libtorch, and what a GPU does, as a trace for chrome://tracing
    #[arg(long, value_name = "FILE", requires = "way")]
    trace: Option<PathBuf>,
    /// The vector instructions of our own operations [default: $FIXMATCH_SIMD, else the widest]
    #[arg(long, value_enum)]
    simd: Option<ops::Level>,
    /// Only this way, such as "split, all" or "evaluation", and as JSON: milliseconds of each part of each step, and the
    /// peak of memory. Or "convolutions": a table of them, each by itself
    #[arg(long)]
    way: Option<String>,
}

#[derive(Clone, Copy, Debug, ValueEnum)]
enum Net {
    /// The small CNN of the course study
    Cnn,
    /// WRN-28-2, the paper's for CIFAR-10 and SVHN
    Wrn,
    /// WRN-28-8, the paper's for CIFAR-100
    #[value(name = "wrn-28-8")]
    Wrn28x8,
    /// WRN-37-2, the paper's for STL-10
    #[value(name = "wrn-37-2")]
    Wrn37x2,
}

impl From<Net> for Model {
    fn from(net: Net) -> Self {
        let (name, depth, width) = match net {
            Net::Cnn => (ModelName::Cnn, 28, 2),
            Net::Wrn => (ModelName::Wrn, 28, 2),
            Net::Wrn28x8 => (ModelName::Wrn, 28, 8),
            Net::Wrn37x2 => (ModelName::Wrn, 37, 2),
        };
        Self { name, depth, width, ..Self::default() }
    }
}

/// The parts of a step, in order.
const PARTS: [&str; 4] = ["data wait", "forward", "backward", "optimiser"];

/// Where an evaluation's time stands among them.
const FORWARD: usize = 1;

/// What is timed: name, passes and τ. In the order of memory, of which a process knows only the most it has ever had.
const WAYS: [(&str, Forward, f64); 3] =
    [("split, none", Forward::Split, 1.0), ("split, all", Forward::Split, 0.0), ("joint, all", Forward::Joint, 0.0)];

/// The way that is no step: images through the averaged network.
const EVALUATION: &str = "evaluation";

/// The way that is no step either: each convolution of the network by itself, in f32 on the CPU.
const CONVOLUTIONS: &str = "convolutions";

/// Rows and columns of an image.
const SIDE: usize = 32;

/// Images of the made-up training set.
const N_IMAGES: usize = 2048;

const B: usize = 64;
const N_UNLABELED: usize = 7 * B;

const WARM_UP: usize = 2;

/// Images that are evaluated at once.
const N_EVALUATED: usize = 500;

/// Times the ways of passing through the network and prints a line for each.
pub fn run(args: &Args) -> Result<()> {
    let cores = available_parallelism()?.get();
    let threads = if args.threads == 0 { cores } else { args.threads };
    ops::set_num_threads(threads);
    ops::set_level(args.simd)?;
    if args.pieces {
        ops::use_pieces();
    }
    if args.way.as_deref() == Some(CONVOLUTIONS) {
        convolutions::print(args, peak_gflop_a_second(ops::Instructions::in_force()));
        return Ok(());
    }
    if let Some(wanted) = &args.way {
        let ways = WAYS.map(|(name, ..)| name).join("; ");
        let way = WAYS.into_iter().find(|(name, ..)| name == wanted);
        let unknown = || format!("--way {wanted:?}: must be one of {ways}; {EVALUATION}; {CONVOLUTIONS}");
        let Timed { parts, n_reads, n_pinned, flowing_ms, asking_ms } = if wanted == EVALUATION {
            time_evaluation(args)?
        } else {
            let (_, forward, threshold) = way.with_context(unknown)?;
            time_steps(args, forward, threshold, cores)?
        };
        println!(
            "{}",
            serde_json::json!({
                "parts_ms": parts, "peak_mib": peak_memory_mib(), "device_reads": n_reads, "pinned_allocations": n_pinned,
                "flowing_ms": flowing_ms, "asking_ms": asking_ms,
            })
        );
        return Ok(());
    }
    let device = device::name(device::resolve(args.device, device::tell)?);
    println!(
        "{:?}, {:?}, {device}, {}, B = 64, μ = 7, {threads} threads on {cores} cores, median of {} steps",
        args.model,
        args.precision,
        ops::Instructions::in_force().level().name(),
        args.steps
    );
    let parts = PARTS.map(|part| format!("{part:>10}")).join(" ");
    let simd = ops::Instructions::in_force();
    let is_gpu = device != "cpu";
    let peak = if is_gpu { f64::NAN } else { peak_gflop_a_second(simd) };
    let head = if is_gpu {
        println!("flowing: ms of a step where nothing is waited for in between, as in a run");
        "GFLOP   GFLOP/s   flowing   peak memory of the host"
    } else {
        println!("peak of {} on all threads: {peak:.0} GFLOP/s (multiply and add in registers)", simd.level().name());
        "GFLOP   GFLOP/s   of peak   peak memory"
    };
    println!("{:<18}{:>10} ms   {parts}      {head}", "passes, accepted", "step");
    let macs = network(args).n_macs() as f64;
    for (name, forward, threshold) in WAYS {
        let Timed { parts, flowing_ms, .. } = time_steps(args, forward, threshold, cores)?;
        let of = |part: usize| median(parts.iter().map(|step| step[part]).collect()).unwrap_or(f64::NAN);
        let whole = median(parts.iter().map(|step| step.iter().sum()).collect()).unwrap_or(f64::NAN);
        let columns: Vec<String> = (0..PARTS.len()).map(|part| format!("{:>10.1}", of(part))).collect();
        let gflop = 2e-9 * macs * n_passes(forward, threshold) as f64;
        let (columns, per_s) = (columns.join(" "), 1000.0 * gflop / if is_gpu { flowing_ms } else { whole });
        let share = if is_gpu { format!("{flowing_ms:>6.1} ms") } else { format!("{:>7.0} %", 100.0 * per_s / peak) };
        let memory = peak_memory_mib();
        println!("{name:<18}{whole:>10.1} ms   {columns} {gflop:>10.1} {per_s:>9.0} {share}   {memory} MiB");
    }
    let evaluation = time_evaluation(args)?.parts.iter().map(|pass| pass[FORWARD]).collect();
    let seconds = 1e-3 * median(evaluation).unwrap_or(f64::NAN);
    let (per_s, share) = (N_EVALUATED as f64 / seconds, 2e-7 * macs * N_EVALUATED as f64 / seconds / peak);
    let share = if is_gpu { String::new() } else { format!(", {share:.0} % of the peak") };
    println!("evaluation: {per_s:.0} images/s{share}");
    let per_s = views_a_second();
    println!("augmentation: {per_s:.0} images/s on one core (one weak and one strong view each)");
    let device = device::resolve(args.device, device::tell)?;
    let [alone, watched] = judges(device).map(|judge| judging_us(judge, device));
    println!(
        "judging and counting pseudo-labels: {alone:.0} µs a step by τ alone, {watched:.0} µs with all policies watching"
    );
    println!("to the device: {:.1} MB a step", (B + 2 * N_UNLABELED) as f64 * 3072e-6);
    Ok(())
}

/// Images that pass through the network forward in a step; backward counts twice, since it makes two products for each of
/// the forward pass: one for the gradient of the layer's input, one for that of its weights. On the CPU not all of them are
/// made.
fn n_passes(forward: Forward, threshold: f64) -> usize {
    match forward {
        Forward::Joint => 3 * (B + 2 * N_UNLABELED),
        Forward::Split if threshold > 0.0 => N_UNLABELED + 3 * B,
        Forward::Split => N_UNLABELED + 3 * (B + N_UNLABELED),
    }
}

/// What some steps took.
struct Timed {
    /// Milliseconds of each part of each step.
    parts: Vec<[f64; PARTS.len()]>,
    /// How often all of them looked at numbers of the device.
    n_reads: u64,
    /// How often all of them took pinned memory from the system.
    n_pinned: u64,
    /// Milliseconds of a step where nothing is waited for in between, and of it those in which the host is asking for things: if these
    /// are nearly all, a GPU waits for the host.
    flowing_ms: f64,
    asking_ms: f64,
}

fn machine(args: &Args) -> Machine {
    Machine {
        tf32: args.tf32,
        cudnn_benchmark: args.cudnn_benchmark,
        deterministic: args.deterministic,
        cuda_graphs: !args.no_cuda_graphs,
        ..Machine::default()
    }
}

/// The device, as it is set up for a run.
fn device_of(args: &Args) -> Result<Device> {
    let device = device::resolve(args.device, device::tell)?;
    device::set_up(device, &machine(args))?;
    Ok(device)
}

/// Passes of [`N_EVALUATED`] images through the averaged network, from bytes to classes.
fn time_evaluation(args: &Args) -> Result<Timed> {
    let (images, device) = (source().images, device_of(args)?);
    let trainer = trainer(args, Forward::Split, &images, device);
    let pixels = &images.pixels[..N_EVALUATED * images.bytes_per_image()];
    let pass = |_| {
        let begun = Instant::now();
        let classes = trainer.predict(Which::Ema, pixels).argmax(-1, false);
        std::hint::black_box(host::numbers::<i64>(&classes)); // which waits for the device
        [0.0, begun.elapsed().as_secs_f64() * 1000.0, 0.0, 0.0]
    };
    let mut parts: Vec<_> = (0..WARM_UP + args.steps).map(pass).collect();
    Ok(Timed {
        parts: parts.split_off(WARM_UP),
        n_reads: args.steps as u64,
        n_pinned: 0,
        flowing_ms: 0.0,
        asking_ms: 0.0,
    })
}

fn time_steps(args: &Args, forward: Forward, threshold: f64, n_loaders: usize) -> Result<Timed> {
    let (source, device) = (source(), device_of(args)?);
    let mut trainer = trainer(args, forward, &source.images, device);
    let now = || {
        if let Device::Cuda(n) = device {
            Cuda::synchronize(n as i64);
        }
        Instant::now()
    };
    let mut loader = Loader::start(&source, 0, n_loaders)?;
    let values = StepValues { lr: 0.03, lambda_u: 1.0, policy: Constants::usual(threshold) };
    let n_pinned = || if device.is_cuda() { libtorch::n_pinned_allocations() } else { 0 };
    let (mut parts, mut before) = (Vec::new(), (0, 0));
    for step in 0..WARM_UP + args.steps {
        if step == WARM_UP {
            before = (host::n_reads(), n_pinned());
        }
        let begun = now();
        let batch = loader.next_batch()?;
        let got_batch = now();
        let loss = trainer.loss(&batch, values);
        let got_loss = now();
        let gradients = trainer.gradients(&loss);
        let got_gradients = now();
        trainer.update(&gradients, values.lr);
        let took = [got_batch - begun, got_loss - got_batch, got_gradients - got_loss, now() - got_gradients];
        parts.push(took.map(|part| part.as_secs_f64() * 1000.0));
        loader.give_back(batch);
    }
    let (n_reads, n_pinned) = (host::n_reads() - before.0, n_pinned() - before.1);
    let mut flow = |n_steps: usize| -> Result<[f64; 2]> {
        let (begun, mut asking) = (now(), Duration::ZERO);
        for _ in 0..n_steps {
            let batch = loader.next_batch()?;
            let asked = Instant::now();
            let _ = trainer.step(&batch, values);
            asking += asked.elapsed();
            loader.give_back(batch);
        }
        Ok([now() - begun, asking].map(|took| took.as_secs_f64() * 1000.0 / n_steps as f64))
    };
    let parts = parts.split_off(WARM_UP);
    let [flowing_ms, asking_ms] = if device.is_cuda() {
        flow(5)?; // in which steps are recorded
        flow(args.steps)?
    } else {
        [parts.iter().flatten().sum::<f64>() / parts.len() as f64; 2]
    };
    if let Some(path) = &args.trace {
        let path = CString::new(path.as_os_str().as_bytes())?;
        libtorch::trace(&path, || flow(3))??;
    }
    Ok(Timed { parts, n_reads, n_pinned, flowing_ms, asking_ms })
}

fn trainer(args: &Args, forward: Forward, images: &Images, device: Device) -> Trainer {
    let train = Train { forward, precision: args.precision, ..Train::default() };
    let config = RunConfig { model: args.model.into(), train, machine: machine(args), ..RunConfig::default() };
    Trainer::new(&config, network(args), Input::new(&Preprocess::of(images, Normalize::Unit), device))
}

fn network(args: &Args) -> Network {
    Network::new(&args.model.into(), Shape { channels: 3, height: SIDE as i64, width: SIDE as i64, classes: 10 })
}

fn source() -> Source {
    let mut rng = Rng::new(0, Stream::LabelSet, 0, 0);
    let pixels = (0..N_IMAGES * SIDE * SIDE * 3).map(|_| rng.below(256) as u8).collect();
    let labels = (0..N_IMAGES).map(|i| (i % 10) as u16).collect();
    let weak = Weak { flip: true, shift: true };
    Source {
        images: Arc::new(Images { width: SIDE, height: SIDE, channels: 3, pixels, labels }),
        labeled: (0..40).collect(),
        unlabeled: (0..N_IMAGES as u32).collect(),
        n_labeled: B,
        n_unlabeled: N_UNLABELED,
        weak,
        strong: Strong { weak, policy: StrongPolicy::RANDAUGMENT, cutout: 0.5 },
        seed: 0,
    }
}

/// The paper's rule alone, and with all other policies watching 50,000 unlabeled images.
fn judges(device: Device) -> [Judge; 2] {
    let facts = Facts { n_classes: 10, n_unlabeled: 50_000, labeled_per_class: vec![4; 10], device };
    [Judge::fixed(), Judge::new(&PseudoLabel::default(), &facts)]
}

/// Microseconds that judging and counting a step's pseudo-labels takes, and its share of reading a histogram every 256
/// steps.
fn judging_us(mut judge: Judge, device: Device) -> f64 {
    const EVERY: u64 = 256;
    let by = Constants::usual(0.95);
    let (mut insight, options) = (Insight::counting(10, judge.n_policies(), device), (Kind::Float, device));
    let labels = Tensor::zeros([N_UNLABELED as i64], (Kind::Int64, device));
    let logits = Tensor::randn([N_UNLABELED as i64, 10], options) * 5.0;
    let places = Tensor::arange(N_UNLABELED as i64, (Kind::Int64, device)) * 100;
    let mut record = |step| {
        for _ in 0..EVERY {
            insight.push(judge.judge(&logits, &places, by), labels.shallow_clone());
        }
        insight.close(step, judge.memories(by)).map_or(0, |histogram| histogram.total().n)
    };
    record(0);
    let (begun, n_histograms) = (Instant::now(), 8);
    for step in 0..n_histograms {
        std::hint::black_box(record(step));
    }
    begun.elapsed().as_secs_f64() * 1e6 / (n_histograms * EVERY) as f64
}

/// What the processor can do at most, all threads together: products added to sums that never leave the registers.
///
/// GFLOP of a step are counted as if no product was saved, so a step may exceed its share of this.
fn peak_gflop_a_second(simd: ops::Instructions) -> f64 {
    const N_LOOPS: usize = 20_000_000;
    let begun = Instant::now();
    let flop: usize = rayon::broadcast(|_| simd.run(Products { n_loops: N_LOOPS })).iter().sum();
    1e-9 * flop as f64 / begun.elapsed().as_secs_f64()
}

/// Independent chains of products: as many as hide how long one takes.
struct Products {
    n_loops: usize,
}

impl WithSimd for Products {
    type Output = usize;

    #[inline(always)]
    fn with_simd<S: Simd>(self, simd: S) -> usize {
        const CHAINS: usize = 12;
        let factor = simd.splat_f32s(std::hint::black_box(0.999));
        let mut sums = [factor; CHAINS];
        for _ in 0..self.n_loops {
            for sum in &mut sums {
                *sum = simd.mul_add_e_f32s(*sum, factor, factor);
            }
        }
        std::hint::black_box(sums);
        2 * CHAINS * S::F32_LANES * self.n_loops
    }
}

/// Unlabeled images a second that one thread augments.
fn views_a_second() -> f64 {
    let (mut maker, begun, mut n) = (Maker::new(source()), Instant::now(), 0);
    while begun.elapsed() < Duration::from_secs(2) {
        n += maker.batch(n as u64).hidden_labels.len();
    }
    n as f64 / begun.elapsed().as_secs_f64()
}

/// The most resident memory this process has had.
pub fn peak_memory_mib() -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:")).unwrap_or_default();
    line.trim().trim_end_matches(" kB").parse::<u64>().unwrap_or_default() / 1024
}
