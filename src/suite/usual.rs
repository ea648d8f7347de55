//! The slots that a suite gets if nobody says.

use std::thread::available_parallelism;

use crate::base::host::available_bytes;
use crate::config::{Device, ModelName};
use crate::suite::grid::Grid;
use crate::suite::slots::{MAX_SLOTS, Slot};

/// Bytes that are free for each run of the small CNN: it takes a third of them.
const OF_SMALL_RUN: u64 = 1_000_000_000;

/// Those that train these runs soonest here, with so many GPUs.
pub fn slots(n_gpus: usize, grid: &Grid) -> Vec<Slot> {
    let n_cores = available_parallelism().map_or(1, usize::from);
    let with_memory = available_bytes().map_or(usize::MAX, |bytes| (bytes / OF_SMALL_RUN) as usize);
    slots_on(n_gpus, n_cores.min(with_memory), grid)
}

/// One for each GPU. Without one, where all runs train the small CNN, one with one thread for each core: two such runs
/// beside each other are 1.4 times as fast as one after the other on both cores (docs/measurements.md). Else one with
/// all cores: wide networks gain as much, but take so much memory that it has to be asked for.
fn slots_on(n_gpus: usize, n_cores: usize, grid: &Grid) -> Vec<Slot> {
    let are_small = grid.runs.iter().all(|run| run.config.model.name == ModelName::Cnn);
    match (n_gpus, n_cores.min(grid.runs.len())) {
        (0, n @ 2..) if are_small => vec![Slot { device: Device::Cpu, threads: 1 }; n.min(MAX_SLOTS)],
        (0, _) => vec![Slot { device: Device::Cpu, threads: 0 }],
        (n, _) => (0..n).map(|i| Slot { device: Device::Cuda(i as _), threads: 0 }).collect(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::suite::expand::expand;
    use crate::suite::file::Suite;

    #[test]
    fn small_runs_get_a_core_each_where_there_is_no_gpu() {
        for (model, seeds, n_gpus, n_cores, expected) in [
            ("cnn", 3, 0, 2, vec!["cpu:1"; 2]),
            ("cnn", 3, 0, 16, vec!["cpu:1"; 3]),
            ("cnn", 1, 0, 2, vec!["cpu"]),
            ("cnn", 3, 0, 1, vec!["cpu"]),
            ("cnn", 3, 0, 0, vec!["cpu"]),
            ("wrn", 3, 0, 2, vec!["cpu"]),
            ("cnn", 3, 2, 2, vec!["cuda:0", "cuda:1"]),
        ] {
            let text = format!(
                "title = \"T\"\nbase = \"quickstart\"\nseeds = {seeds}\n[config]\nmodel.name = \"{model}\"\n\
                 [[axis]]\nkey = \"train.lr\"\nvalues = [0.03]\n"
            );
            let suite = Suite::parse("t", "t.toml", &text, None).expect("a suite");
            let slots: Vec<_> = slots_on(n_gpus, n_cores, &expand(&suite).expect("resolves"));
            let slots: Vec<_> = slots.iter().map(Slot::to_string).collect();
            assert_eq!(slots, expected, "{model}, {seeds} seeds, {n_gpus} GPUs, {n_cores} cores");
        }
    }
}
