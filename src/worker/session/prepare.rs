//! Everything that a run needs before its first step: device, data, labels, network.

use std::sync::Arc;
use std::thread::available_parallelism;

use anyhow::{Context, Result, ensure};
use fixmatch::augment::Strong;
use fixmatch::config::{self, Pick, RunConfig};
use fixmatch::data::label_set::{self, LabelSet, LabeledImages};
use fixmatch::data::{self, Dataset, Images, Known};
use fixmatch::event::Started;
use fixmatch::loader::Source;
use fixmatch::run_dir::{Environment, RunDir, host, replace_file};

use crate::device;
use crate::recorder::Reporter;
use crate::trainer::Trainer;

/// A run that is ready for its first step.
pub struct Prepared {
    pub config: RunConfig,
    pub trainer: Trainer,
    pub source: Source,
    pub test: Images,
    pub n_loaders: usize,
    pub started: Started,
}

/// Reads what the run directory asks for. Writes into it what the first worker finds: the environment and the labels.
pub fn prepare(dir: &RunDir, reporter: &Reporter) -> Result<Prepared> {
    let mut run = dir.read_run()?;
    let config = run.config.clone();
    let device = device::resolve(config.machine.device)?;
    let n_threads = run.environment.as_ref().map_or_else(|| cores_unless(config.machine.threads), |env| env.threads);
    tch::set_num_threads(n_threads as i32);
    let data_dir = fixmatch::dirs::data_dir()?;
    let dataset = data::load(&config.data.dataset, config.data.path.as_deref(), config.data.resize, &data_dir)?;
    for warning in &dataset.warnings {
        reporter.warn(warning.clone());
    }
    let found = environment(&device::name(device), n_threads, &dataset);
    compare_environment(run.environment.as_ref(), &found, reporter)?;
    let labels = labels(dir, &config, &dataset, reporter)?;
    let trainer = Trainer::for_data(&config, &dataset, device);
    let Dataset { train, test, classes, .. } = dataset;
    let source = source(&config, train, labels);
    ensure!(!source.unlabeled.is_empty(), "all {} training images are labeled: none is left", source.images.n());
    if run.environment.is_none() {
        run.environment = Some(found);
        dir.write_run(&run)?;
    }
    let started = Started {
        steps: config.train.steps,
        device: device::name(device),
        threads: n_threads,
        n_parameters: trainer.n_parameters(),
        n_labeled: source.labeled.len() as u64,
        n_unlabeled: source.unlabeled.len() as u64,
        n_test: test.n() as u64,
        classes,
    };
    let n_loaders = cores_unless(config.machine.loaders) as usize;
    Ok(Prepared { config, trainer, source, test, n_loaders, started })
}

/// `n`, or for 0 the number of cores.
fn cores_unless(n: u32) -> u32 {
    if n > 0 { n } else { available_parallelism().map_or(1, |n| n.get() as u32) }
}

fn environment(device: &str, threads: u32, dataset: &Dataset) -> Environment {
    let cpuinfo = std::fs::read_to_string("/proc/cpuinfo").unwrap_or_default();
    let model = cpuinfo.lines().find_map(|line| line.strip_prefix("model name")).unwrap_or_default();
    Environment {
        host: host(),
        cpu: model.trim_start_matches([' ', '\t', ':']).to_owned(),
        device: device.to_owned(),
        cuda_visible_devices: std::env::var("CUDA_VISIBLE_DEVICES").ok(),
        libtorch: crate::LIBTORCH_VERSION.to_owned(),
        threads,
        version: fixmatch::VERSION.to_owned(),
        data_digest: dataset.digest.clone(),
        data_known: dataset.known == Known::Official,
    }
}

/// Tells where a worker's environment differs from the first one's; other data are refused.
fn compare_environment(recorded: Option<&Environment>, found: &Environment, reporter: &Reporter) -> Result<()> {
    let Some(recorded) = recorded else { return Ok(()) };
    ensure!(
        recorded.data_digest == found.data_digest,
        "the data set is not the one this run began with (digest {} then, {} now): put the old one back, or start a new run",
        recorded.data_digest,
        found.data_digest,
    );
    let pairs = [
        ("processor", &recorded.cpu, &found.cpu),
        ("device", &recorded.device, &found.device),
        ("libtorch", &recorded.libtorch, &found.libtorch),
        ("version", &recorded.version, &found.version),
    ];
    for (what, then, now) in pairs.into_iter().filter(|(_, then, now)| then != now) {
        reporter.warn(format!("the {what} was {then:?} and is now {now:?}: the run goes on, but not bit for bit"));
    }
    Ok(())
}

/// The labeled images: as recorded, or for a new run, picked and recorded.
fn labels(dir: &RunDir, config: &RunConfig, dataset: &Dataset, reporter: &Reporter) -> Result<LabelSet> {
    let path = dir.labels();
    if path.exists() {
        let text = std::fs::read(&path).with_context(|| format!("cannot read {}", path.display()))?;
        return serde_json::from_slice(&text).with_context(|| format!("cannot read {}", path.display()));
    }
    let labels = pick(&config.labels, dataset)?;
    for class in labels.classes_without_label(&dataset.train.labels, dataset.classes.len()) {
        reporter.warn(format!("no image of class {class} ({}) is labeled", dataset.classes[class]));
    }
    replace_file(&path, &serde_json::to_vec(&labels)?)?;
    Ok(labels)
}

fn pick(labels: &config::Labels, dataset: &Dataset) -> Result<LabelSet> {
    let train = &dataset.train;
    if let Some(indices) = &labels.indices {
        return label_set::from_indices(indices, train.n()).context("labels.indices");
    }
    match &labels.pick {
        Pick::Random => {
            let n = labels.per_class as usize;
            label_set::draw_per_class(&train.labels, &dataset.classes, n, labels.seed).context("labels.per_class")
        }
        Pick::File(path) => label_set::from_file(path, train.n()),
    }
}

fn source(config: &RunConfig, train: Images, labels: LabelSet) -> Source {
    let strong = Strong::new(&config.augment);
    let kept = if config.labels.in_unlabeled { LabeledImages::Included } else { LabeledImages::LeftOut };
    Source {
        unlabeled: labels.unlabeled(train.n(), kept).into(),
        labeled: labels.indices.into(),
        images: Arc::new(train),
        n_labeled: config.train.batch as usize,
        n_unlabeled: (config.train.batch * config.train.mu) as usize,
        weak: strong.weak,
        strong,
        seed: config.train.seed,
    }
}
