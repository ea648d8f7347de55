//! This machine's memory, against what a run would hold at once.

use std::thread::available_parallelism;

use anyhow::{Result, ensure};

use crate::base::host::available_bytes;
use crate::config::{Device, Forward, Model, ModelName, Precision, RunConfig};
use crate::machine::gpu::Gpu;

/// Batches that each loader thread holds: one that waits for the trainer, and one that it makes or holds out.
const BATCHES_A_LOADER: u64 = 2;

/// Bytes of a step's row in the open window of the curves: its measurements, and the tensor that carries them.
const ROW_BYTES: u64 = 128;

/// Bytes of a neighbour while a ranking sorts the others of an image by distance: place and distance, twice.
const NEIGHBOR_BYTES: u64 = 24;

/// Something that a run holds, and what makes it less.
struct Need {
    what: &'static str,
    bytes: u64,
    remedy: &'static str,
}

/// The images of a run.
#[derive(Clone, Copy, Debug)]
pub struct Images {
    /// How many there are to train on.
    pub n: usize,
    /// Pixels per row.
    pub width: usize,
    /// Rows.
    pub height: usize,
    /// Bytes per pixel.
    pub channels: usize,
    /// Bytes of pixels that are in memory, those to test on too.
    pub n_held: usize,
}

/// Refuses a run that would hold more than the machine has, beside the network's weights.
///
/// # Errors
/// If it would; the largest part is named, with what makes it smaller.
pub fn check(config: &RunConfig, images: Images) -> Result<()> {
    let is_on_gpu = match config.machine.device {
        Device::Cpu => false,
        Device::Cuda(_) => true,
        Device::Auto => Gpu::look().has_driver,
    };
    check_in(config, images, is_on_gpu, available_bytes())
}

fn check_in(config: &RunConfig, images: Images, is_on_gpu: bool, available: Option<u64>) -> Result<()> {
    let needs = needs(config, images, is_on_gpu);
    let sum = needs.iter().fold(0, |sum: u64, need| sum.saturating_add(need.bytes));
    let available = available.unwrap_or(u64::MAX);
    let largest = needs.iter().max_by_key(|need| need.bytes).expect("there are needs");
    ensure!(
        sum < available,
        "{} take {} MB and this machine has {} MB of memory: {}",
        largest.what,
        largest.bytes / 1_000_000,
        available / 1_000_000,
        largest.remedy,
    );
    Ok(())
}

fn needs(config: &RunConfig, images: Images, is_on_gpu: bool) -> Vec<Need> {
    let (train, machine) = (&config.train, &config.machine);
    let (n, image_bytes) = (images.n as u64, (images.width * images.height * images.channels) as u64);
    let held = Need {
        what: "the images of the data set",
        bytes: images.n_held as u64,
        remedy: "take a machine with more, or fewer images",
    };
    let batch = u64::from(train.batch).saturating_mul(2 * u64::from(train.mu) + 1).saturating_mul(image_bytes);
    let n_loaders = match machine.loaders {
        0 => available_parallelism().map_or(1, usize::from) as u64,
        n_loaders => u64::from(n_loaders),
    };
    let of_one = Need {
        what: "the images of one batch",
        bytes: batch.saturating_mul(1 + size_of::<f32>() as u64), // as bytes, and as the network's input
        remedy: "lower train.batch or train.mu",
    };
    let ahead = Need {
        what: "the batches that loaders make ahead",
        bytes: batch.saturating_mul(BATCHES_A_LOADER).saturating_mul(n_loaders),
        remedy: "lower machine.loaders, train.batch or train.mu",
    };
    let window = Need {
        what: "the measurements of a window of the curves",
        bytes: train.window.min(train.steps).saturating_mul(ROW_BYTES),
        remedy: "lower train.window",
    };
    let neighbors = config.rank.as_ref().map_or(0, |rank| u64::from(rank.neighbors).min(n));
    let neighbors = Need {
        what: "the neighbours of all images",
        bytes: neighbors.saturating_mul(n).saturating_mul(NEIGHBOR_BYTES),
        remedy: "lower rank.neighbors",
    };
    let activations = Need {
        what: "the activations of a training step",
        bytes: if is_on_gpu || config.rank.is_some() { 0 } else { activations(config, images) },
        remedy: "lower train.batch or train.mu, or set train.precision = \"bf16\" or train.forward = \"split\"",
    };
    vec![held, of_one, ahead, window, neighbors, activations]
}

/// Bytes of activations that a step of the wide network keeps for its gradients, at least: what goes into each batch norm,
/// and what comes out of it. Those of the small network are few.
fn activations(config: &RunConfig, images: Images) -> u64 {
    let (train, model) = (&config.train, &config.model);
    if model.name == ModelName::Cnn {
        return 0;
    }
    let n_unlabeled = match (train.lambda_u > 0.0, train.forward) {
        (false, _) => 0,
        (true, Forward::Joint) => 2 * u64::from(train.mu),
        (true, Forward::Split) => train.mu.into(), // the weak views take no gradient
    };
    let n_images = u64::from(train.batch).saturating_mul(1 + n_unlabeled);
    let width = match train.precision {
        Precision::F32 => size_of::<f32>(),
        Precision::Bf16 => size_of::<u16>(),
    } as u64;
    n_images.saturating_mul(2 * width * n_outputs(model, images))
}

/// Numbers that come out of the wide network's convolutions of 3×3, of one image.
fn n_outputs(model: &Model, images: Images) -> u64 {
    let (mut height, mut width) = (images.height as u64, images.width as u64);
    let mut channels = Model::STEM;
    let mut n = channels * height * width;
    channels *= u64::from(model.width);
    for _ in 0..model.n_stages() {
        n += 2 * u64::from(model.n_blocks()) * channels * height * width;
        (height, width, channels) = (height.div_ceil(2), width.div_ceil(2), 2 * channels);
    }
    n
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::Rank;

    const CIFAR10: Images = Images { n: 50_000, width: 32, height: 32, channels: 3, n_held: 60_000 * 3072 };
    const STL10: Images = Images { n: 105_000, width: 96, height: 96, channels: 3, n_held: 113_000 * 27_648 };

    fn refusal_of(images: Images, is_on_gpu: bool, change: impl Fn(&mut RunConfig)) -> Option<String> {
        let mut config = RunConfig::default();
        config.machine.loaders = 2;
        change(&mut config);
        check_in(&config, images, is_on_gpu, Some(16 << 30)).err().map(|error| error.to_string())
    }

    fn refusal(change: impl Fn(&mut RunConfig)) -> Option<String> {
        refusal_of(CIFAR10, false, change)
    }

    #[test]
    fn what_is_larger_than_the_memory_is_refused_by_name_with_the_keys_that_make_it_smaller() {
        type Change = fn(&mut RunConfig);
        let cases: [(Change, &str, &str); 4] = [
            (
                |c| (c.model.name, c.train.batch, c.train.mu) = (ModelName::Cnn, 65_536, 1024),
                "the images of one batch take 2062",
                "lower train.batch",
            ),
            (
                |c| c.machine.loaders = 4000,
                "the batches that loaders make ahead take 23592 MB",
                "lower machine.loaders",
            ),
            (
                |c| (c.train.steps, c.train.window) = (u64::MAX, u64::from(u32::MAX)),
                "the measurements of a window of the curves take 549755 MB",
                "lower train.window",
            ),
            (
                |c| c.rank = Some(Rank { neighbors: u32::MAX, ..Rank::default() }),
                "the neighbours of all images take 60000 MB and this machine has 17179 MB of memory",
                "lower rank.neighbors",
            ),
        ];
        assert_eq!(refusal(|_| ()), None);
        for (change, what, keys) in cases {
            let refusal = refusal(change).expect(what);
            assert!(refusal.contains(what) && refusal.contains(keys), "{refusal}");
        }
    }

    #[test]
    fn nothing_is_refused_where_the_machine_does_not_say_what_it_has() {
        let mut config = RunConfig::default();
        config.train.batch = 65_536;
        assert!(check_in(&config, CIFAR10, false, None).is_ok());
    }

    /// docs/scale.md has the activations; docs/measurements.md what a whole process takes, which is more.
    #[test]
    fn the_activations_of_the_papers_networks_are_counted_where_they_are_in_this_memory() {
        assert_eq!(n_outputs(&Model::default(), CIFAR10), 475_136);
        assert_eq!(activations(&RunConfig::default(), CIFAR10), 2 * 4 * 960 * 475_136);
        let stl10 = |c: &mut RunConfig| c.model.depth = 37;
        assert_eq!(n_outputs(&Model { depth: 37, ..Model::default() }, STL10), 4_571_136);
        assert_eq!(
            refusal_of(STL10, false, stl10).expect("too large"),
            "the activations of a training step take 35106 MB and this machine has 17179 MB of memory: lower train.batch or \
             train.mu, or set train.precision = \"bf16\" or train.forward = \"split\""
        );
        assert_eq!(refusal_of(STL10, true, stl10), None);
        let small = |c: &mut RunConfig| (c.model.depth, c.train.lambda_u) = (37, 0.0);
        assert_eq!(refusal_of(STL10, false, small), None);
        let split = |c: &mut RunConfig| (c.train.forward, c.train.precision) = (Forward::Split, Precision::Bf16);
        assert_eq!(refusal_of(STL10, false, |c| (stl10(c), split(c)).1), None);
    }

    #[test]
    fn images_that_leave_no_room_for_the_rest_are_named() {
        let refusal = refusal_of(Images { n_held: 17_170_000_000, ..CIFAR10 }, true, |_| ()).expect("too large");
        assert!(refusal.starts_with("the images of the data set take 17170 MB and this machine has 17179 MB"));
    }
}
