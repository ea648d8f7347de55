//! `fixmatch new`: a first preset for one's own images, with values that fit them and the reasons as comments.

use std::collections::{BTreeMap, HashSet};
use std::fmt::Write as _;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use anyhow::{Context as _, Result, ensure};
use fixmatch::base::aside::replace_file;
use fixmatch::base::text::{Name, Shown as _, shell_quoted};
use fixmatch::config::Data;
use fixmatch::config::preset::Preset;
use fixmatch::data::folder::{self, Listed};
use fixmatch::data::{Place, decode, means};
use fixmatch::examples;
use fixmatch::labels::log::Places;
use fixmatch::labels::{desk, file};
use fixmatch::machine::gpu::Gpu;
use toml::Value;

use super::own::HeldOut;
use super::say;
use crate::words::numbers::{grouped, plural};

/// Images up to this many pixels a side are taken as they are.
const MOST_AS_THEY_ARE: u32 = 64;

/// The side that larger images are brought to.
const SIDE: u32 = 32;

/// μ, as in the paper.
const MU: usize = 7;

/// Write a first preset for a folder or a list of your own images
///
/// Its values fit how many images there are, of how many classes and of what size; comments say why. Change what you like:
/// `fixmatch presets FILE` shows all values, `fixmatch train FILE` trains it.
#[derive(clap::Args)]
#[command(after_help = examples!("fixmatch new photos", "fixmatch new photos/labels.csv -o study.toml"))]
pub struct Args {
    /// The folder or the list
    path: PathBuf,
    /// The file to write [default: named after the folder, in the current one]
    #[arg(short, long, value_name = "FILE")]
    output: Option<PathBuf>,
    #[command(flatten)]
    held_out: HeldOut,
}

/// Runs `fixmatch new`.
pub fn run(args: &Args) -> Result<ExitCode> {
    let path = std::path::absolute(&args.path)?;
    ensure!(path.exists(), "there is no {}", args.path.shown());
    let name = path.file_stem().context("a folder with a name")?.to_string_lossy().into_owned();
    let output = args.output.clone().unwrap_or_else(|| PathBuf::from(&name).with_extension("toml"));
    ensure!(
        output.extension().is_some_and(|extension| extension == "toml"),
        "{}: the name of a preset ends in .toml",
        output.shown()
    );
    ensure!(output.symlink_metadata().is_err(), "{} is there already: name another file with -o", output.shown());
    let output = std::path::absolute(&output)?;
    let mut data = Data { path: Some(path.clone()), ..Data::named(folder::DESCRIPTOR.name) };
    args.held_out.apply(&mut data);
    let text = Images::look(&path, &data)?.preset(&name, &path, &output)?;
    // what is written trains
    let aside = tempfile::Builder::new().suffix(".toml").tempfile()?;
    std::fs::write(aside.path(), &text)?;
    Preset::from_file(aside.path()).and_then(|preset| preset.resolve(&[])).context("a fault in `fixmatch new`")?;
    replace_file(&output, text.as_bytes())?;
    let quoted = shell_quoted(&output.shown().to_string());
    say(format_args!("{} is written; `fixmatch train {quoted}` trains it", output.shown()))?;
    Ok(ExitCode::SUCCESS)
}

/// What decides the values.
struct Images {
    n_train: usize,
    n_unlabeled: usize,
    n_test: usize,
    n_classes: usize,
    /// Training images of the smallest class.
    smallest: usize,
    /// The file of answers that their classes are from, where they have none of their own.
    answers: Option<PathBuf>,
    /// Which of them are to test on, where that was said.
    holdout: (Option<f64>, Option<u64>),
    /// The size of all, if they have one; else of the smallest and of the largest image.
    size: Size,
}

enum Size {
    One(u32, u32),
    Several((u32, u32), (u32, u32)),
}

impl Images {
    /// Lists the images and reads their sizes.
    fn look(path: &Path, data: &Data) -> Result<Self> {
        let files = folder::listed(&Place::of(data, Path::new(""), &means::NONE))?;
        let of = |split: &'static str| files.iter().filter(move |file| file.split == split);
        let mut labels: Vec<Name> = of("train").filter_map(|file| file.label.clone()).collect();
        let answers = labels.is_empty().then(|| desk::usual_file(data)).filter(|file| file.exists());
        if let Some(given) = answers.as_deref().map(file::given).transpose()?.flatten() {
            let mut places = Places::default();
            let there: HashSet<PathBuf> = files.iter().map(|file| places.of(&file.path)).collect();
            let of_these = given.images.into_iter().filter(|image| there.contains(&image.path));
            labels = of_these.map(|image| image.class).collect();
        }
        let mut counts = BTreeMap::<&Name, usize>::new();
        for label in &labels {
            *counts.entry(label).or_default() += 1;
        }
        ensure!(
            counts.len() > 1,
            "{} in {}, and training needs two: label some of each with `fixmatch label {}`, and run this again",
            match counts.first_key_value() {
                Some((class, _)) => format!("{class} is the only class"),
                None => "no image has a class".into(),
            },
            path.shown(),
            shell_quoted(&path.shown().to_string()),
        );
        let n_of = |split| of(split).count();
        Ok(Self {
            n_train: labels.len(),
            n_unlabeled: n_of("train") + n_of("") - labels.len(),
            n_test: n_of("test"),
            n_classes: counts.len(),
            smallest: counts.into_values().min().unwrap_or(0),
            answers,
            holdout: (data.holdout, data.holdout_seed),
            size: size(&files)?,
        })
    }

    /// The largest power of two from 8 to 64 of which a step takes at most half of the unlabeled images.
    fn batch(&self) -> usize {
        let n = self.n_train + self.n_unlabeled;
        [64, 32, 16].into_iter().find(|batch| batch * MU * 2 <= n).unwrap_or(8)
    }

    fn preset(&self, name: &str, path: &Path, output: &Path) -> Result<String> {
        let Self { n_train, n_unlabeled, n_test, n_classes, smallest, .. } = *self;
        let folder = output.parent().unwrap_or(output);
        let path = path.strip_prefix(folder).unwrap_or(path);
        let path = path.to_str().with_context(|| format!("{} is not UTF-8, and a preset is", path.shown()))?;
        let count = |n: usize| grouped(n as u64);
        let quoted = |text: &str| Value::String(text.to_owned()).to_string();
        let (classes, images) = (format!("{n_classes} classes"), plural((n_train + n_unlabeled) as u64, "image"));
        let (batch, has_gpu) = (self.batch(), Gpu::look().has_driver);
        let mut text = String::new();
        let mut line = |line: &str| writeln!(text, "{line}").expect("a string takes it");
        line(&format!("title = {}", quoted(&format!("{name}: {classes}, {images} to train on"))));
        line(&format!(
            "about = {}\n",
            quoted(&format!("A first preset for {n_train} labeled, {n_unlabeled} other and {n_test} test images."))
        ));
        line(&format!("[data]\ndataset = \"folder\"\npath = {}", quoted(path)));
        let (share, seed) = self.holdout;
        if let Some(share) = share {
            line(&format!("holdout = {share}  # the share of the images that is to test on"));
        }
        if let Some(seed) = seed {
            line(&format!("holdout_seed = {seed}  # decides which images those are"));
        }
        line(&self.data());
        line("[labels]");
        if let Some(answers) = &self.answers {
            let answers = answers.strip_prefix(folder).unwrap_or(answers);
            let answers = answers.to_str().with_context(|| format!("{} is not UTF-8", answers.shown()))?;
            line(&format!(
                "pick = {}  # {} have a label in it; what it says when a run begins counts",
                quoted(&format!("file:{answers}")),
                plural(n_train as u64, "image"),
            ));
        } else if n_unlabeled > 0 {
            line(&format!(
                "pick = \"all\"  # all {} whose class is known are labeled, and the other {} not",
                count(n_train),
                count(n_unlabeled)
            ));
        } else {
            let per_class = smallest.min(25);
            line(&format!(
                "per_class = {per_class}  # of at least {} a class, {} in all; the others are used as if they had no label;\n\
                 # pick = \"all\" uses every label",
                count(smallest),
                count(n_train),
            ));
        }
        line("\n[augment]\nflip = true  # false where left and right matter: digits, letters\n");
        line(&model_and_train(batch, n_train + n_unlabeled, has_gpu));
        Ok(text)
    }

    /// The rest of `[data]`.
    fn data(&self) -> String {
        match self.size {
            Size::One(width, height) if width == height && width <= MOST_AS_THEY_ARE => {
                format!("# all images have {width}×{height} pixels, and are taken as they are\n")
            }
            Size::One(width, height) => {
                let shape = if width == height { "" } else { &fit() };
                format!(
                    "resize = {SIDE}  # of {width}×{height} pixels; 64 shows more, and a step takes four times as long\n{shape}"
                )
            }
            Size::Several((w0, h0), (w1, h1)) => format!(
                "resize = {SIDE}  # of {w0}×{h0} to {w1}×{h1} pixels; 64 shows more, and a step takes four times as long\n{}",
                fit(),
            ),
        }
    }
}

fn fit() -> String {
    "fit = \"crop\"   # the square in the middle; \"pad\" keeps all of an image, \"stretch\" its middle and its edges\n"
        .into()
}

/// The network, its steps, and averages that can follow in so many.
fn model_and_train(batch: usize, n: usize, has_gpu: bool) -> String {
    let (model, steps) = if has_gpu { ("wrn", 20_000) } else { ("cnn", 3_000) };
    let passes = (steps * batch * MU) as f64 / n as f64;
    let why =
        if has_gpu { "the paper's network, for the GPU here" } else { "small, for a processor; \"wrn\" with a GPU" };
    let (bn, forward) = if has_gpu {
        ("bn_momentum = 0.01  # the paper: 0.001, too slow for so few steps\n", "")
    } else {
        ("", "forward = \"split\"  # the same gradients without batch norm, for half of the work or less\n")
    };
    let ema = if has_gpu { "0.999" } else { "0.99    # the paper: 0.999, too slow for so few steps" };
    format!(
        "[model]\nname = \"{model}\"  # {why}\n{bn}\n\
         [train]\nsteps = {steps}  # about {passes:.0} passes over the {n} images; the paper: 1,048,576 steps\n\
         batch = {batch}     # labeled images a step; {} unlabeled ones with mu = {MU}\n{forward}\n\
         [optim]\nema_decay = {ema}\n\n\
         [eval]\nevery = {every}\n\n\
         [insight]\npanel = 256  # images that are followed, of which `fixmatch labels advise` chooses\n\n\
         [checkpoint]\nevery = {every}\n",
        batch * MU,
        every = steps / 20,
    )
}

/// The sizes that the images have, by what their files say.
fn size(files: &[Listed]) -> Result<Size> {
    let mut sizes = Vec::with_capacity(files.len());
    for Listed { path, .. } in files {
        let size =
            decode::size_of(path).map_err(|fault| anyhow::anyhow!("{} {fault}; mend or remove it", path.shown()))?;
        sizes.push(size);
    }
    let area = |&&(width, height): &&(u32, u32)| u64::from(width) * u64::from(height);
    let (least, most) = (sizes.iter().min_by_key(area), sizes.iter().max_by_key(area));
    let (least, most) = (*least.context("there are images")?, *most.context("there are images")?);
    Ok(if sizes.iter().all(|size| *size == least) { Size::One(least.0, least.1) } else { Size::Several(least, most) })
}
