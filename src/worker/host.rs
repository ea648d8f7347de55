//! The ways between the host and the device: every number that the host looks at comes through here, and is counted.
//!
//! A read waits until the device has done all that it was asked for, so a step makes none but those that docs/libtorch.md
//! lists. On the CPU nothing is waited for, but reads are counted there too: a test without a GPU holds them.

use std::cell::Cell;

use tch::kind::Element;
use tch::{Device, Tensor};

use crate::libtorch;

thread_local! {
    static READS: Cell<u64> = const { Cell::new(0) };
}

/// How often this thread has looked at numbers of the device.
pub fn n_reads() -> u64 {
    READS.get()
}

/// A tensor on the host, without its graph. Waits for the device.
pub fn fetch(tensor: &Tensor) -> Tensor {
    READS.set(READS.get() + 1);
    tensor.detach().to_device(Device::Cpu)
}

/// A tensor's numbers, row-major. Waits for the device.
///
/// # Panics
/// If they are of another kind.
pub fn numbers<T: Element + Copy>(tensor: &Tensor) -> Vec<T> {
    assert_eq!(tensor.kind(), T::KIND);
    Vec::try_from(fetch(tensor).reshape([-1])).expect("a row of numbers")
}

/// Numbers as a tensor of a shape on the device. Does not wait for it: a GPU copies on its own, from pinned memory that
/// libtorch keeps and hands out again once the copy is done.
pub fn send<T: Element>(numbers: &[T], shape: &[i64], device: Device) -> Tensor {
    assert_eq!(numbers.len() as i64, shape.iter().product::<i64>());
    if !device.is_cuda() {
        return Tensor::from_slice(numbers).view(shape).to_device(device);
    }
    // SAFETY: `numbers` are of this kind and number, and are borrowed until they were copied into pinned memory.
    let here = unsafe { Tensor::from_blob(numbers.as_ptr().cast(), shape, &[], T::KIND, Device::Cpu) };
    libtorch::pin(&here).to_device_(device, T::KIND, true, false)
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::path::{Path, PathBuf};
    use std::sync::Arc;
    use std::time::Duration;

    use fixmatch::augment::Strong;
    use fixmatch::config::{Align, Forward, MaskedViews, Model, ModelName, Policy, RunConfig};
    use fixmatch::data::Images;
    use fixmatch::data::preprocess::Preprocess;
    use fixmatch::loader::{Loader, Source};

    use super::*;
    use crate::input::Input;
    use crate::libtorch::operations;
    use crate::model::{Network, Shape};
    use crate::policy::{Constants, Facts, Judge};
    use crate::session::insight::Insight;
    use crate::session::probes::Probes;
    use crate::session::window::Window;
    use crate::trainer::{StepValues, Trainer};

    #[test]
    fn what_is_sent_comes_back_and_only_looking_at_it_counts() {
        let before = n_reads();
        let sent = send(&[1_i64, -2, 3, 4, 5, 6], &[2, 3], Device::Cpu);
        assert_eq!(n_reads(), before);
        assert_eq!(numbers::<i64>(&sent.transpose(0, 1)), [1, 4, -2, 5, 3, 6]);
        assert_eq!(fetch(&sent).size(), [2, 3]);
        assert_eq!(n_reads(), before + 2);
    }

    /// What a session does in the steps of a window.
    struct Run {
        config: RunConfig,
        trainer: Trainer,
        loader: Loader,
        probes: Option<Probes>,
        insight: Insight,
        window: Window,
    }

    impl Run {
        fn new(config: RunConfig) -> Self {
            let (n, side, device) = (20, 8, Device::Cpu);
            let pixels = (0..n * side * side * 3).map(|i| (i * i / 7 % 256) as u8).collect();
            let labels = (0..n as u16).map(|i| i % 10).collect();
            let images = Images { width: side, height: side, channels: 3, pixels, labels };
            let strong = Strong::new(&config.augment);
            let input = Input::new(&Preprocess::of(&images, config.data.normalize), device);
            let source = Source {
                images: Arc::new(images),
                labeled: (0..10).collect(),
                unlabeled: (0..20).collect(),
                n_labeled: if config.is_contrastive() { 0 } else { 4 },
                n_unlabeled: if config.train.lambda_u > 0.0 { 12 } else { 0 },
                weak: strong.weak,
                strong,
                seed: 0,
            };
            let shape = Shape { channels: 3, height: 8, width: 8, classes: 10 };
            let mut trainer = Trainer::new(&config, Network::new(&config.model, shape), input);
            let facts = Facts { n_classes: 10, n_unlabeled: 20, labeled_per_class: vec![1; 10], device };
            trainer.follow(Judge::new(&config.pseudo_label, &facts));
            let mut probes = Probes::new(&source.strong.policy, &config, device);
            let loader = match probes.as_mut().map(|probes| probes.history(None)) {
                Some(history) => Loader::with_rates(&source, 0, N_LOADERS as usize, history),
                None => Loader::start(&source, 0, N_LOADERS as usize),
            };
            let insight = Insight::counting(10, trainer.judge().n_policies(), device);
            Self { loader: loader.expect("starts"), trainer, probes, insight, window: Window::default(), config }
        }

        fn step(&mut self) {
            let mut batch = self.loader.next_batch().expect("a batch");
            let policy = Constants::new(0.2, &self.config.pseudo_label);
            let values = StepValues { lr: 0.01, lambda_u: self.config.train.lambda_u, policy };
            let taken = self.trainer.step(&batch, values);
            if let Some(probes) = &mut self.probes {
                probes.end_step(&self.trainer, &mut batch, &mut self.loader);
            }
            if let Some((pseudo, hidden_labels)) = taken.pseudo {
                self.insight.push(pseudo, hidden_labels);
            }
            self.window.push(taken.row, batch.n_images(), Duration::ZERO, Duration::ZERO);
            self.loader.give_back(batch);
        }
    }

    fn config(change: impl FnOnce(&mut RunConfig)) -> RunConfig {
        let mut config = RunConfig {
            model: Model { name: ModelName::Cnn, depth: 10, width: 1, bn_momentum: 0.1 },
            ..RunConfig::default()
        };
        change(&mut config);
        config
    }

    /// Operations of libtorch for which a GPU is waited for, since what they give, or its size, depends on numbers. The variance of
    /// all numbers looks at their mean, but on the CPU only, where it has a loop of its own (`std_var_all_cpu` in ReduceOps.cpp).
    const WAITING: [&str; 10] = [
        "aten::item",
        "aten::_local_scalar_dense",
        "aten::is_nonzero",
        "aten::nonzero",
        "aten::masked_select",
        "aten::bincount",
        "aten::equal",
        "aten::_unique2",
        "aten::unique_dim",
        "aten::repeat_interleave",
    ];

    const N_LOADERS: u64 = 2;

    /// The table of docs/libtorch.md.
    #[test]
    fn a_step_reads_nothing_from_the_device_and_takes_no_new_batch_but_where_the_documentation_says_so() {
        let policy = |policy| config(|config| config.pseudo_label.policy = policy);
        let align = |align| config(|config| config.pseudo_label.align = align);
        let split = |masked_views| {
            config(|config| (config.train.forward, config.train.masked_views) = (Forward::Split, masked_views))
        };
        let cases = [
            ("in one pass", config(|_| {}), 0),
            ("the wide network", config(|config| config.model.name = ModelName::Wrn), 0),
            ("in two passes", split(MaskedViews::Compute), 0),
            ("without masked views: the mask", split(MaskedViews::Skip), 1),
            ("labels only", config(|config| config.train.lambda_u = 0.0), 0),
            ("FlexMatch", policy(Policy::Flexmatch), 0),
            ("FreeMatch", policy(Policy::Freematch), 0),
            ("SoftMatch", policy(Policy::Softmatch), 0),
            ("aligned to equal shares", align(Align::Uniform), 0),
            ("aligned to the labels' shares", align(Align::Remixmatch), 0),
            (
                "CTAugment: the probes' predictions",
                config(|config| config.augment.strong = fixmatch::config::Strong::Ctaugment),
                1,
            ),
        ];
        for (what, config, per_step) in cases {
            const WARM_UP: u64 = 8;
            const STEPS: u64 = 20; // more than are counted in one go
            let mut run = Run::new(config);
            (0..WARM_UP).for_each(|_| run.step());
            let reads = n_reads();
            let ((), asked) = operations(|| (0..STEPS).for_each(|_| run.step()));
            assert_eq!(n_reads() - reads, per_step * STEPS, "{what}");
            let n_made_anew = run.loader.n_made_anew();
            assert!(n_made_anew <= 3 * N_LOADERS, "{what}: {n_made_anew} batches have memory of their own");
            assert!(asked.iter().any(|name| name == "aten::lerp_"), "{what}: operations are seen");
            let n = |name: &str| asked.iter().filter(|it| *it == name).count();
            for name in WAITING {
                let is_item = name.ends_with("item") || name.ends_with("dense");
                let of_variances = if is_item { n("aten::var") / 2 } else { 0 }; // each is seen in two forms
                assert_eq!(n(name), of_variances, "{what}: {name}");
            }
            let before = n_reads();
            run.window.close(WARM_UP + STEPS).expect("steps");
            assert_eq!(n_reads() - before, 1, "{what}: all rows are read at once");
        }
    }

    /// Rust's own ways to look at a tensor's numbers. Kernels (`ops`) are the device where that is the CPU.
    #[test]
    fn no_other_file_of_the_worker_looks_at_a_tensors_numbers() {
        const WAYS: [&str; 8] = [
            "double_value",
            "int64_value",
            "copy_data",
            "Vec::try_from",
            ">::try_from",
            "to_device(Device::Cpu",
            "to_device(tch::Device::Cpu",
            "bincount",
        ];
        // neighbours are looked for on the host, and a GPU is tried out before there is a run
        const OTHERS: [&str; 5] = ["ops", "host.rs", "rank/neighbors.rs", "policy/goldens.rs", "device.rs"];
        let mut files = Vec::new();
        let worker = Path::new(env!("CARGO_MANIFEST_DIR")).join("src/worker");
        walk(&worker, &mut files);
        assert!(files.len() > 40);
        for path in files.iter().filter(|path| !OTHERS.iter().any(|other| path.starts_with(worker.join(other)))) {
            let text = fs::read_to_string(path).expect("a source file");
            let code = text.split("#[cfg(test)]\nmod tests").next().unwrap_or_default();
            for (line, way) in code.lines().flat_map(|line| WAYS.map(|way| (line, way))) {
                assert!(!line.contains(way), "{}: {}", path.display(), line.trim());
            }
        }
    }

    fn walk(folder: &Path, files: &mut Vec<PathBuf>) {
        for entry in fs::read_dir(folder).expect("a folder of sources") {
            let path = entry.expect("an entry").path();
            if path.is_dir() {
                walk(&path, files);
            } else if path.extension().is_some_and(|extension| extension == "rs") {
                files.push(path);
            }
        }
    }
}
