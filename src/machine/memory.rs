//! This machine's memory, against what a run would hold at once.

use std::thread::available_parallelism;

use anyhow::{Result, ensure};

use crate::base::host::available_bytes;
use crate::config::RunConfig;

/// Batches that each loader thread holds: one that waits for the trainer, and one that it makes or holds out.
const BATCHES_A_LOADER: u64 = 2;

/// Bytes of a step's row in the open window of the curves: its measurements, and the tensor that carries them.
const ROW_BYTES: u64 = 128;

/// Bytes of a neighbour while a ranking sorts the others of an image by distance: place and distance, twice.
const NEIGHBOR_BYTES: u64 = 24;

/// Something that a run holds, and the keys that make it less.
struct Need {
    what: &'static str,
    bytes: u64,
    keys: &'static str,
}

/// Refuses a run that would hold more than the machine has, beside the network: `n` training images of `image_bytes`
/// bytes each are read already.
///
/// # Errors
/// If it would; the largest part is named, with the keys that make it smaller.
pub fn check(config: &RunConfig, n: usize, image_bytes: usize) -> Result<()> {
    check_in(config, n, image_bytes, available_bytes())
}

fn check_in(config: &RunConfig, n: usize, image_bytes: usize, available: Option<u64>) -> Result<()> {
    let needs = needs(config, n as u64, image_bytes as u64);
    let sum = needs.iter().fold(0, |sum: u64, need| sum.saturating_add(need.bytes));
    let available = available.unwrap_or(u64::MAX);
    let largest = needs.iter().max_by_key(|need| need.bytes).expect("there are needs");
    ensure!(
        sum < available,
        "{} take {} MB and this machine has {} MB of memory: lower {}",
        largest.what,
        largest.bytes / 1_000_000,
        available / 1_000_000,
        largest.keys,
    );
    Ok(())
}

fn needs(config: &RunConfig, n: u64, image_bytes: u64) -> Vec<Need> {
    let (train, machine) = (&config.train, &config.machine);
    let batch = u64::from(train.batch).saturating_mul(2 * u64::from(train.mu) + 1).saturating_mul(image_bytes);
    let n_loaders = match machine.loaders {
        0 => available_parallelism().map_or(1, usize::from) as u64,
        n_loaders => u64::from(n_loaders),
    };
    let of_one = Need {
        what: "the images of one batch",
        bytes: batch.saturating_mul(1 + size_of::<f32>() as u64), // as bytes, and as the network's input
        keys: "train.batch or train.mu",
    };
    let ahead = Need {
        what: "the batches that loaders make ahead",
        bytes: batch.saturating_mul(BATCHES_A_LOADER).saturating_mul(n_loaders),
        keys: "machine.loaders, train.batch or train.mu",
    };
    let window = Need {
        what: "the measurements of a window of the curves",
        bytes: train.window.min(train.steps).saturating_mul(ROW_BYTES),
        keys: "train.window",
    };
    let neighbors = config.rank.as_ref().map_or(0, |rank| u64::from(rank.neighbors).min(n));
    let neighbors = Need {
        what: "the neighbours of all images",
        bytes: neighbors.saturating_mul(n).saturating_mul(NEIGHBOR_BYTES),
        keys: "rank.neighbors",
    };
    vec![of_one, ahead, window, neighbors]
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::Rank;

    fn refusal(change: impl Fn(&mut RunConfig)) -> Option<String> {
        let mut config = RunConfig::default();
        config.machine.loaders = 2;
        change(&mut config);
        check_in(&config, 50_000, 3072, Some(16 << 30)).err().map(|error| error.to_string())
    }

    #[test]
    fn what_is_larger_than_the_memory_is_refused_by_name_with_the_keys_that_make_it_smaller() {
        type Change = fn(&mut RunConfig);
        let cases: [(Change, &str, &str); 4] = [
            (
                |c| (c.train.batch, c.train.mu) = (65_536, 1024),
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
        assert!(check_in(&config, 50_000, 3072, None).is_ok());
    }
}
