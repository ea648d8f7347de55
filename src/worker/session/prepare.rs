//! Everything that a run needs before its first step: device, data, labels, network.

use std::sync::Arc;
use std::sync::mpsc::Receiver;
use std::thread::available_parallelism;

use anyhow::{Context as _, Result, ensure};
use fixmatch::augment::Strong;
use fixmatch::base::aside::replace_file;
use fixmatch::base::host::host;
use fixmatch::base::output::note;
use fixmatch::base::sealed;
use fixmatch::base::text::Name;
use fixmatch::config::{Precision, RunConfig};
use fixmatch::data::folder::{self, Listed, Reading};
use fixmatch::data::preprocess::Preprocess;
use fixmatch::data::{self, Dataset, Images, Known, duplicates};
use fixmatch::labels::set::{LabelSet, LabeledImages};
use fixmatch::labels::{pick, ranking, recorded};
use fixmatch::loader::Source;
use fixmatch::machine::processor::{self, cpuinfo, emulates_bf16};
use fixmatch::plan;
use fixmatch::run::digests::Digests;
use fixmatch::run::dir::RunDir;
use fixmatch::run::event::{Event, Started};
use fixmatch::run::file::{Environment, RunFile};
use fixmatch::run::history::History;
use fixmatch::run::state::RunState;
use tch::Device;

use super::awaited::{self, Awaited};
use crate::policy::{Facts, Judge};
use crate::recorder::{Command, Reporter};
use crate::trainer::Trainer;
use crate::{device, ops};

/// A run that is ready for its first step.
pub struct Prepared {
    pub config: RunConfig,
    pub trainer: Trainer,
    pub source: Source,
    pub test: Images,
    pub n_loaders: usize,
    pub started: Started,
    pub data_digest: String,
}

/// Whether a run can begin.
pub enum Preparation {
    /// It can.
    Ready(Box<Prepared>),
    /// A request ended it while it waited for a ranking.
    Ended(Event),
}

/// Reads what the run directory asks for. Writes into it what the first worker finds: the environment and the labels.
/// Changes that are asked for meanwhile go into the history.
pub fn prepare(
    dir: &RunDir,
    reporter: &Reporter,
    commands: &Receiver<Command>,
    history: &mut History,
) -> Result<Preparation> {
    let mut run = dir.read_run()?;
    let config = run.config.clone();
    let device = device::resolve(config.machine.device, |warning| {
        note(format_args!("warning: {warning}"));
        reporter.warn(warning.to_owned());
    })?;
    device::set_up(device, &config.machine)?;
    let n_threads = run.environment.as_ref().map_or_else(|| cores_unless(config.machine.threads), |env| env.threads);
    ensure!((1..=1024).contains(&n_threads), "run.toml: environment.threads must be in [1, 1024], not {n_threads}");
    ops::set_num_threads(n_threads as usize);
    ops::set_level(None)?;
    let data_dir = fixmatch::base::dirs::data_dir()?;
    let dataset = data::load(&config.data, &data_dir)?;
    for warning in &dataset.warnings {
        reporter.warn(warning.clone());
    }
    if let Some(read) = &dataset.read {
        note(read);
    }
    if let Some(own) = &dataset.own {
        let Reading { n, n_decoded, took, .. } = &own.reading;
        note(format_args!("{n_decoded} of {n} images decoded, the others before, in {:.1} s", took.as_secs_f64()));
        let n_leaked = duplicates::find(&dataset).n_leaked;
        if n_leaked > 0 {
            reporter
                .warn(format!("{n_leaked} test images are training images too, pixel for pixel: accuracy is too high"));
        }
    }
    record_held_out(dir, &dataset, reporter)?;
    check_precision(&run, device, reporter)?;
    if let Some(told) = config.slow_averages().filter(|_| config.rank.is_none()) {
        reporter.warn(told);
    }
    if let Some(before) = run.environment.as_ref() {
        check_data(before, &dataset)?; // before labels are looked for in it
    }
    let (labels, dataset) = match &config.rank {
        Some(rank) => {
            ranking::check_metric(rank.by, &dataset)?;
            (None, if rank.by.needs_labels() { dataset } else { dataset.pooled() })
        }
        None => match labels(dir, &config, &dataset, (reporter, commands), history)? {
            Labels::Picked(labels) => {
                let dataset = labels.label(dataset)?;
                check_classes(dir, &dataset)?;
                let dataset = labels.test_on_held(dataset).with_context(|| dir.labels().display().to_string())?;
                (Some(labels), dataset)
            }
            Labels::Ended(end) => return Ok(Preparation::Ended(end)),
        },
    };
    // a fork's network goes on being fed as its parent's was, whichever images are labeled by now
    let recorded = run.environment.as_ref().and_then(|environment| environment.input.clone());
    let input = recorded.unwrap_or_else(|| Preprocess::of(&dataset.train, config.data.normalize));
    let found = environment(device, n_threads, &dataset, input.clone());
    if let Some(before) = run.environment.as_ref() {
        compare_environment(before, &found, reporter);
    }
    plan::check_memory(&config, &dataset)?;
    let mut trainer = Trainer::for_data(&config, &dataset, &input, device)?;
    let Dataset { train, unlabeled, test, classes, digest, .. } = dataset;
    let source = source(&config, train, unlabeled, labels);
    plan::check_unlabeled(&config, source.images.n(), source.unlabeled.len())?;
    // a run of an older version has one without its input
    if run.environment.as_ref().is_none_or(|environment| environment.input.is_none()) {
        run.environment = Some(match run.environment.take() {
            Some(older) => Environment { input: found.input, ..older },
            None => found,
        });
        reporter.insist(|| dir.write_run(&run))?;
    }
    let started = Started {
        steps: config.train.steps,
        device: device::name(device),
        threads: n_threads,
        n_parameters: trainer.n_parameters(),
        n_labeled: source.labeled.len() as u64,
        n_unlabeled: source.unlabeled.len() as u64,
        n_test: test.n() as u64,
        labeled_per_class: labeled_per_class(&source, classes.len()),
        classes,
        digests: Some(Digests::of(dir)?),
    };
    // without classes nothing is judged: images are put in order by features that are learned without labels
    if !started.classes.is_empty() {
        let facts = Facts {
            n_classes: started.classes.len(),
            n_unlabeled: source.unlabeled.len(),
            labeled_per_class: started.labeled_per_class.clone(),
            device,
        };
        trainer.follow(Judge::new(&config.pseudo_label, &facts));
    }
    let n_loaders = cores_unless(config.machine.loaders) as usize;
    let data_digest = digest;
    Ok(Preparation::Ready(Box::new(Prepared { config, trainer, source, test, n_loaders, started, data_digest })))
}

/// Records which images were held out to test on, once: other images would be refused by their digest.
fn record_held_out(dir: &RunDir, dataset: &Dataset, reporter: &Reporter) -> Result<()> {
    let path = dir.held_out();
    let Some(own) = dataset.own.as_ref().filter(|own| own.held_out.is_some() && !path.exists()) else { return Ok(()) };
    let class_of = |label: &u16| dataset.classes.get(usize::from(*label)).cloned();
    let files = own.files.test.iter().zip(&dataset.test.labels);
    let files: Vec<_> =
        files.map(|(path, label)| Listed { path: path.clone(), label: class_of(label), split: "test" }).collect();
    let list = folder::csv(&files, None)?;
    reporter.insist(|| replace_file(&path, &list))
}

fn labeled_per_class(source: &Source, n_classes: usize) -> Vec<u64> {
    let mut counts = vec![0; n_classes];
    for &index in &*source.labeled {
        // where images are put in order by features alone, their classes need not be known
        if let Some(count) = counts.get_mut(usize::from(source.images.labels[index as usize])) {
            *count += 1;
        }
    }
    counts
}

/// `n`, or for 0 the number of cores.
fn cores_unless(n: u32) -> u32 {
    if n > 0 { n } else { available_parallelism().map_or(1, |n| n.get() as u32) }
}

/// Refuses bf16 on a processor that emulates it, unless the configuration insists. A run that began elsewhere goes on.
fn check_precision(run: &RunFile, device: tch::Device, reporter: &Reporter) -> Result<()> {
    if device != tch::Device::Cpu || run.config.train.precision == Precision::F32 || !emulates_bf16(&cpuinfo()) {
        return Ok(());
    }
    if run.environment.is_none() {
        processor::check_precision_on_cpu(&run.config)?;
    }
    reporter.warn("this processor has no instructions for bf16: a step takes about ten times as long as in f32".into());
    Ok(())
}

fn environment(device: Device, threads: u32, dataset: &Dataset, input: Preprocess) -> Environment {
    let cpuinfo = cpuinfo();
    let model = cpuinfo.lines().find_map(|line| line.strip_prefix("model name")).unwrap_or_default();
    Environment {
        host: host(),
        cpu: model.trim_start_matches([' ', '\t', ':']).to_owned(),
        device: device::name(device),
        gpu: device.is_cuda().then(crate::gpu::name).flatten(),
        cuda_visible_devices: std::env::var("CUDA_VISIBLE_DEVICES").ok(),
        libtorch: crate::libtorch::version().unwrap_or_else(|error| format!("unknown: {error:#}")),
        threads,
        version: fixmatch::VERSION.to_owned(),
        data_digest: dataset.digest.clone(),
        data_known: dataset.known == Known::Official,
        instructions: Some(ops::Instructions::in_force().level().name()),
        input: Some(input),
    }
}

/// Refuses other data than a run began with.
fn check_data(recorded: &Environment, dataset: &Dataset) -> Result<()> {
    ensure!(
        recorded.data_digest == dataset.digest,
        "the data set is not the one this run began with (digest {} then, {} now): put the old one back, or start a new run",
        recorded.data_digest,
        dataset.digest,
    );
    Ok(())
}

/// Refuses other classes than a run, or the one that it was forked from, began with.
fn check_classes(dir: &RunDir, dataset: &Dataset) -> Result<()> {
    let Some(started) = RunState::read(dir)?.started else { return Ok(()) };
    ensure!(
        started.classes == dataset.classes,
        "the classes are not those that its network tells apart ({} then, {} now): start a new run",
        names(&started.classes),
        names(&dataset.classes),
    );
    Ok(())
}

fn names(classes: &[Name]) -> String {
    classes.iter().map(Name::to_string).collect::<Vec<_>>().join(", ")
}

/// Tells where a worker's environment differs from the first one's.
fn compare_environment(recorded: &Environment, found: &Environment, reporter: &Reporter) {
    let facts = |of: &Environment| {
        let Environment { instructions, gpu, cpu, device, libtorch, version, .. } = of.clone();
        [
            // runs of older versions lack these two, and those on a CPU have no GPU
            ("vectors were", "are", instructions),
            ("the GPU was", "is", gpu),
            ("the processor was", "is", Some(cpu)),
            ("the device was", "is", Some(device)),
            ("the libtorch was", "is", Some(libtorch)),
            ("the version was", "is", Some(version)),
        ]
    };
    for ((was, is, then), (.., now)) in facts(recorded).into_iter().zip(facts(found)) {
        if let (Some(then), Some(now)) = (then, now)
            && then != now
        {
            reporter.warn(format!("{was} {then:?} and {is} now {now:?}: the run goes on, but not bit for bit"));
        }
    }
}

/// The labeled images: as recorded, or for a new run, picked and recorded.
fn labels(
    dir: &RunDir,
    config: &RunConfig,
    dataset: &Dataset,
    (reporter, commands): (&Reporter, &Receiver<Command>),
    history: &mut History,
) -> Result<Labels> {
    let path = dir.labels();
    if path.exists() {
        return recorded::read_of(dir, dataset).map(Labels::Picked);
    }
    let wanted = ranking::wanted(config, dataset.classes.len()).filter(|_| config.labels.indices.is_none());
    let ranking = match wanted {
        Some(rank) => match awaited::ranking(dir, config, (rank, dataset), (reporter, commands), history)? {
            Awaited::Found(ranking) => Some(ranking),
            Awaited::Ended(end) => return Ok(Labels::Ended(end)),
        },
        None => None,
    };
    let labels = pick::pick(&config.labels, dataset, ranking.as_deref())?;
    let without = match labels.given {
        Some(_) => Vec::new(), // they come from the labels, or are the user's choice
        None => labels.classes_without_label(&dataset.train.labels, dataset.classes.len()),
    };
    for class in without {
        reporter.warn(format!("no image of class {class} ({}) is labeled", dataset.classes[class]));
    }
    let text = sealed::json(serde_json::to_vec(&labels)?);
    reporter.insist(|| replace_file(&path, &text))?;
    Ok(Labels::Picked(labels))
}

enum Labels {
    Picked(LabelSet),
    Ended(Event),
}

/// What batches are made of. Without labels picked, for a run that ranks: all images are in both sets, and what is
/// drawn of them is for the ranker to say.
fn source(config: &RunConfig, train: Images, unlabeled: Option<Images>, labels: Option<LabelSet>) -> Source {
    let strong = Strong::new(&config.augment);
    let kept = if config.labels.in_unlabeled { LabeledImages::Included } else { LabeledImages::LeftOut };
    let n_train = train.n();
    let all = || (0..n_train as u32).collect::<Vec<_>>();
    let (images, labeled, unlabeled) = match labels {
        Some(labels) => {
            let images = train.followed_by(unlabeled);
            let mut unlabeled = labels.unlabeled(n_train, kept);
            unlabeled.extend(n_train as u32..images.n() as u32);
            (images, labels.indices, unlabeled)
        }
        None => (train, all(), all()),
    };
    Source {
        labeled: labeled.into(),
        unlabeled: unlabeled.into(),
        images: Arc::new(images),
        n_labeled: if config.is_contrastive() { 0 } else { config.train.batch as usize },
        n_unlabeled: (config.train.batch * config.train.mu) as usize,
        weak: strong.weak,
        strong,
        seed: config.train.seed,
    }
}
