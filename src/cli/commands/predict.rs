//! `fixmatch predict`: what a trained network says of images, as lines, CSV or JSON, or as images sorted into folders.
//!
//! The network runs in the worker's program, which also decodes; here it is said what is to be told, and how.

use std::path::{Path, PathBuf};
use std::process::ExitCode;

use anyhow::{Result, bail, ensure};
use fixmatch::classifier::wire::Answer;
use fixmatch::classifier::{At, Classifier};
use fixmatch::config::Device;
use fixmatch::data::preprocess::Preprocess;
use fixmatch::examples;
use fixmatch::predict::ask::{self, Ask};
use fixmatch::predict::images::Images;
use fixmatch::run::checkpoint::Which;
use fixmatch::run::dir::RunDir;

use self::report::{Form, Report, called};
use self::sort::Sorter;
use super::progress::Progress;
use super::{RunArg, Runs, complete, fresh_file, note, reading};
use crate::words::numbers::{grouped, percent, plural};

mod report;
mod sort;

/// The exit code where some images were passed over.
const PASSED_OVER: u8 = 4;

/// Classify images with a network that a run has trained
///
/// Images are decoded, turned, laid over the background, fitted and normalised as the run's own were. Files that
/// cannot be used are named with the reason and passed over; the exit code is 4 then.
#[expect(clippy::struct_excessive_bools, reason = "one a flag")]
#[derive(clap::Args)]
#[command(after_help = examples!(
    "fixmatch predict quickstart photos",
    "fixmatch predict quickstart photos --jsonl --top 3 > predictions.jsonl",
    "fixmatch predict classifier.safetensors photos --min-confidence 0.95 --sort-into sorted --link",
    "fixmatch predict quickstart --unlabeled --output pseudo-labels.csv",
))]
pub struct Args {
    /// A run, or a file that `fixmatch export --weights` wrote
    #[arg(value_name = "RUN|FILE", add = complete::run())]
    from: String,
    /// Images, folders of images, and lists of paths: text files that end in .txt, or - for standard input
    #[arg(value_name = "PATH", required_unless_present = "unlabeled")]
    paths: Vec<PathBuf>,
    /// Predict the run's own unlabeled images
    #[arg(long, conflicts_with = "paths")]
    unlabeled: bool,
    /// Print CSV: path, label, confidence
    #[arg(long, conflicts_with = "jsonl")]
    csv: bool,
    /// Print JSON, one object per image
    #[arg(long)]
    jsonl: bool,
    /// Write to this file once all is predicted; a name in .csv or .jsonl sets the format
    #[arg(short, long, value_name = "FILE")]
    output: Option<PathBuf>,
    /// Overwrite that file
    #[arg(long, requires = "output")]
    force: bool,
    /// Give the K most likely classes
    #[arg(long, value_name = "K", default_value_t = 1, value_parser = clap::value_parser!(u32).range(1..))]
    top: u32,
    /// Leave out images below this confidence, in [0, 1]
    #[arg(long, value_name = "P", default_value_t = 0.0, value_parser = probability)]
    min_confidence: f32,
    /// Copy each image into the folder of its class in DIR; what is there already stays
    #[arg(long, value_name = "DIR")]
    sort_into: Option<PathBuf>,
    /// Make links instead of copies
    #[arg(long, requires = "sort_into")]
    link: bool,
    /// With the averaged weights, which runs are evaluated with [default]
    #[arg(long, conflicts_with = "raw")]
    ema: bool,
    /// With the weights as trained
    #[arg(long)]
    raw: bool,
    /// The checkpoint of this step rather than the newest
    #[arg(long, value_name = "N", conflicts_with = "best")]
    step: Option<u64>,
    /// The checkpoint with the best test accuracy (EMA) rather than the newest
    #[arg(long)]
    best: bool,
    /// Where to compute: auto, cpu or cuda:N
    #[arg(long, default_value = "auto", value_parser = |text: &str| Device::try_from(text.to_owned()),
        add = complete::choices("machine.device"))]
    device: Device,
}

/// Where the network is.
enum Source {
    Run(RunDir),
    File(PathBuf),
}

fn probability(text: &str) -> Result<f32, String> {
    let value = text.parse().ok().filter(|value| (0.0..=1.0).contains(value));
    value.ok_or_else(|| "must be in [0, 1]".into())
}

pub fn run(args: &Args, runs: &Runs) -> Result<ExitCode> {
    let form = args.form()?;
    let file = args.output.as_deref().map(|path| fresh_file(path, args.force)).transpose()?;
    let source = args.source(runs)?;
    let classifier = args.classifier(&source)?;
    let images = match &source {
        Source::Run(dir) if args.unlabeled => Images::unlabeled(dir, reading::load(&dir.read_run()?.config.data)?)?,
        Source::File(_) if args.unlabeled => {
            bail!("--unlabeled is for runs: {} is a file and has no images", args.from)
        }
        Source::Run(_) | Source::File(_) => {
            let (images, left_out) = Images::of_paths(&args.paths, args.sort_into.as_deref())?;
            for line in left_out {
                note(format_args!("left out: {line}"));
            }
            images
        }
    };
    ensure!(
        images.are_files() || args.sort_into.is_none(),
        "the images of {} are no files, so --sort-into has nothing to sort",
        classifier.provenance.dataset,
    );
    let names: Vec<_> = classifier.classes.iter().map(|name| name.raw().to_owned()).collect();
    let sorter = args.sort_into.as_deref().map(|dir| Sorter::new(dir, &names, args.link)).transpose()?;
    let top = (args.top as usize).min(classifier.classes.len());
    let report = Report::new(form, file, classifier.classes.clone(), top, args.unlabeled);
    let teller = Teller { sorter, min_confidence: args.min_confidence, ..Teller::new(&images, report) };
    teller.ask(&Ask { classifier: &classifier, device: args.device, top })
}

/// Writes into a CSV file what the averaged network of a run's newest checkpoint takes its unlabeled images for.
pub fn write_unlabeled(dir: &RunDir, path: &Path) -> Result<()> {
    let classifier = of_run(dir, At::Newest, Which::Ema)?;
    let config = dir.read_run()?.config;
    let images = Images::unlabeled(dir, reading::load(&config.data)?)?;
    let report = Report::new(Form::Csv, Some(path.to_owned()), classifier.classes.clone(), 1, true);
    let ask = Ask { classifier: &classifier, device: config.machine.device, top: 1 };
    Teller::new(&images, report).ask(&ask).map(drop)
}

/// The network of a run's checkpoint; says which damaged ones were passed over.
fn of_run(dir: &RunDir, at: At, which: Which) -> Result<Classifier> {
    let (classifier, broken) = Classifier::of_run(dir, at, which)?;
    for reason in broken {
        note(format_args!("warning: passed over a checkpoint: {reason}"));
    }
    Ok(classifier)
}

impl Args {
    /// What is printed: what was asked for, else what the name of the file says, else lines, unless images are sorted.
    fn form(&self) -> Result<Form> {
        let ends =
            |extension| self.output.as_deref().is_some_and(|path| path.extension().is_some_and(|it| it == extension));
        match () {
            () if self.csv => Ok(Form::Csv),
            () if self.jsonl => Ok(Form::JsonLines),
            () if ends("csv") => Ok(Form::Csv),
            () if ends("jsonl") => Ok(Form::JsonLines),
            () if self.output.is_some() => {
                bail!("--output needs --csv or --jsonl, or a file that ends in .csv or .jsonl")
            }
            () if self.sort_into.is_some() => Ok(Form::Nothing),
            () => Ok(Form::Lines),
        }
    }

    /// A file where there is one of that name, or it ends as one; else a run.
    fn source(&self, runs: &Runs) -> Result<Source> {
        let path = Path::new(&self.from);
        if path.extension().is_some_and(|it| it == "safetensors") || path.is_file() {
            return Ok(Source::File(path.to_owned()));
        }
        runs.find(&RunArg { run: Some(self.from.clone()) }).map(Source::Run)
    }

    fn classifier(&self, source: &Source) -> Result<Classifier> {
        let which = if self.raw { Which::Raw } else { Which::Ema };
        match source {
            Source::Run(dir) => {
                let at = if self.best { At::Best } else { self.step.map_or(At::Newest, At::Step) };
                of_run(dir, at, which)
            }
            Source::File(path) => {
                let path_shown = path.display();
                ensure!(
                    self.step.is_none() && !self.best,
                    "{path_shown} is a file with one set of weights: --step and --best are for runs"
                );
                let classifier = Classifier::read(path)?;
                let found = classifier.provenance.weights;
                ensure!(
                    !(self.raw || self.ema) || found == which,
                    "{path_shown} holds the {}, not the {}: export those, or leave --ema and --raw out",
                    weights(found),
                    weights(which),
                );
                Ok(classifier)
            }
        }
    }
}

/// What the two kinds of weights are called.
fn weights(which: Which) -> &'static str {
    match which {
        Which::Raw => "weights as trained",
        Which::Ema => "averaged weights",
    }
}

/// What becomes of the answers.
struct Teller<'a> {
    images: &'a Images,
    report: Report,
    /// Whether what is reported and the bar are in the same place.
    is_beside_bar: bool,
    sorter: Option<Sorter>,
    min_confidence: f32,
    bar: Progress,
    counts: Counts,
}

#[derive(Default)]
struct Counts {
    told: u64,
    unsure: u64,
    passed_over: u64,
    stretched: u64,
    grayed: u64,
}

impl<'a> Teller<'a> {
    /// Tells all, and sorts none.
    fn new(images: &'a Images, report: Report) -> Self {
        let bar = Progress::new(images.n() as u64);
        let is_beside_bar = report.is_on_terminal();
        Self { images, report, is_beside_bar, sorter: None, min_confidence: 0.0, bar, counts: Counts::default() }
    }

    /// Asks about all images, and says what it came to.
    fn ask(mut self, ask: &Ask) -> Result<ExitCode> {
        if let Some(words) = ask::ask(ask, self.images, |i, answer| self.hear(i, answer))? {
            note(words);
        }
        self.conclude(ask.classifier)
    }

    fn hear(&mut self, i: usize, answer: Answer) -> Result<()> {
        self.bar.advance();
        match answer {
            Answer::PassedOver(reason) => {
                self.counts.passed_over += 1;
                let name = called(self.images.index(i), self.images.file(i));
                self.bar.aside(|| note(format_args!("passed over: {name} {reason}")));
                Ok(())
            }
            Answer::Told(told) => {
                self.counts.told += 1;
                self.counts.stretched += u64::from(told.is_stretched);
                self.counts.grayed += u64::from(told.is_grayed);
                self.tell(i, &told.top)
            }
        }
    }

    fn tell(&mut self, i: usize, top: &[(usize, f32)]) -> Result<()> {
        let (class, confidence) = top[0];
        if confidence < self.min_confidence {
            self.counts.unsure += 1;
            return Ok(());
        }
        if let (Some(sorter), Some(file)) = (&mut self.sorter, self.images.file(i)) {
            sorter.put(file, class)?;
        }
        let (report, images) = (&mut self.report, self.images);
        let mut tell = || report.tell(images.index(i), images.file(i), top);
        if self.is_beside_bar { self.bar.aside(tell) } else { tell() }
    }

    /// Ends what was begun, and says what it came to.
    fn conclude(self, classifier: &Classifier) -> Result<ExitCode> {
        let Self { report, sorter, min_confidence, bar, counts, .. } = self;
        let took = bar.finish();
        if let Some(path) = report.finish()? {
            note(format_args!("{} is written", path.display()));
        }
        for line in sorter.iter().flat_map(Sorter::told) {
            note(line);
        }
        let Preprocess { width, height, .. } = classifier.input.preprocess;
        if counts.stretched > 0 && !classifier.input.is_stretched {
            let n = plural(counts.stretched, "image");
            let done = classifier.input.fit.done();
            note(format_args!("warning: {n} had another size than the training images, {done} to {width}×{height}"));
        }
        if counts.grayed > 0 {
            note(format_args!(
                "warning: {} in colour turned gray: the training images were gray",
                plural(counts.grayed, "image")
            ));
        }
        if counts.unsure > 0 {
            let bound = percent(f64::from(min_confidence));
            note(format_args!("{} left out: confidence below {bound}", plural(counts.unsure, "image")));
        }
        let per_s = counts.told as f64 / took.as_secs_f64().max(1e-9);
        let of = &classifier.provenance;
        note(format_args!(
            "{} predicted with the {} of {} after {} in {:.1} s, {} a second{}",
            plural(counts.told, "image"),
            weights(of.weights),
            of.run,
            plural(of.step, "step"),
            took.as_secs_f64(),
            grouped(per_s as u64),
            if counts.passed_over > 0 {
                format!("; {} passed over", grouped(counts.passed_over))
            } else {
                String::new()
            },
        ));
        Ok(if counts.passed_over > 0 { ExitCode::from(PASSED_OVER) } else { ExitCode::SUCCESS })
    }
}
