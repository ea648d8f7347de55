//! `fixmatch-worker predict`: what a classifier says of images, for `fixmatch predict`.
//!
//! One thread reads the questions and has the images decoded on all cores, a batch ahead; this one passes them through
//! the network. It knows no run: the classifier comes with the questions.

use std::io::{BufReader, Read};
use std::path::{Path, PathBuf};
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::thread::{self, available_parallelism};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, ensure};
use fixmatch::base::output::write_raw;
use fixmatch::classifier::wire::{Answer, Question, Told, read_bytes};
use fixmatch::classifier::{Classifier, Input as Format};
use fixmatch::config;
use fixmatch::data::decode::{self, Decoded, Wanted};
use fixmatch::data::images_a_pass;
use fixmatch::examples;
use rayon::prelude::*;
use tch::{Device, Kind};

use crate::device;
use crate::host;
use crate::input::Input;
use crate::model::{Mode, Network, Shape};
use crate::ops;
use crate::weights::Weights;

/// Images that are decoded before the clock is looked at.
const SLICE: usize = 32;

/// How long a batch is filled, so that answers come at a steady pace also where decoding is slow.
const FILL: Duration = Duration::from_millis(500);

/// How to predict
#[derive(clap::Args)]
#[command(after_help = examples!("fixmatch-worker predict --device cpu --top 5"))]
pub struct Args {
    /// Where to compute: auto, cpu or cuda:N
    #[arg(long, default_value = "auto", value_parser = |text: &str| config::Device::try_from(text.to_owned()))]
    device: config::Device,
    /// How many of the likeliest classes to tell
    #[arg(long, value_name = "K", default_value_t = 1)]
    top: usize,
}

/// Answers what standard input asks.
pub fn run(args: &Args) -> Result<()> {
    let mut questions = BufReader::with_capacity(1 << 20, std::io::stdin());
    let classifier = read_bytes(&mut questions).context("cannot read the classifier")?;
    let classifier = Classifier::parse(&classifier)?;
    let device = device::resolve(args.device, device::tell)?;
    device::set_up(device, &config::Machine::default())?;
    ops::set_num_threads(available_parallelism().map_or(1, Into::into));
    ops::set_level(None)?;
    let predictor = Predictor::new(&classifier, device)?;
    let top = args.top.clamp(1, classifier.classes.len());
    let (sender, batches) = sync_channel(1);
    let format = classifier.input;
    let reader = thread::Builder::new().name("reader".into());
    let reader = reader.spawn(move || read(&mut questions, &format, &sender)).context("cannot start a thread")?;
    predictor.answer(&batches, top)?;
    reader.join().expect("reading does not panic")
}

/// Images on their way, or why they are none.
#[derive(Default)]
struct Batch {
    pixels: Vec<u8>,
    answers: Vec<Result<Remarks, String>>,
}

/// What had to be done to an image, beside what was done to the training images.
#[derive(Clone, Copy, Default)]
struct Remarks {
    is_stretched: bool,
    is_grayed: bool,
}

/// Reads and decodes until there are no more questions, or nobody waits for the answers.
fn read(questions: &mut impl Read, format: &Format, batches: &SyncSender<Batch>) -> Result<()> {
    let most = images_a_pass(format.preprocess.width * format.preprocess.height);
    let mut is_over = false;
    while !is_over {
        let (began, mut batch) = (Instant::now(), Batch::default());
        while !is_over && batch.answers.len() < most && began.elapsed() < FILL {
            let (mut files, mut decoded) = (Vec::new(), None);
            while !is_over && decoded.is_none() && files.len() < SLICE.min(most - batch.answers.len()) {
                match Question::read(questions).context("cannot read what is asked")? {
                    Some(Question::File(path)) => files.push(path),
                    Some(Question::Pixels(pixels)) => decoded = Some(pixels),
                    None => is_over = true,
                }
            }
            batch.decode(&files, format);
            batch.add(decoded.unwrap_or_default(), format)?;
        }
        if batches.send(batch).is_err() {
            break;
        }
    }
    Ok(())
}

impl Batch {
    /// Adds files, decoded on all cores.
    fn decode(&mut self, files: &[PathBuf], format: &Format) {
        let images: Vec<_> = files.par_iter().map(|path| image_of(path, format)).collect();
        for image in images {
            self.answers.push(image.map(|(pixels, remarks)| {
                self.pixels.extend(pixels);
                remarks
            }));
        }
    }

    /// Adds images that are decoded already.
    fn add(&mut self, pixels: Vec<u8>, format: &Format) -> Result<()> {
        let (n_bytes, n_image) = (pixels.len(), format.preprocess.n_bytes());
        ensure!(n_bytes.is_multiple_of(n_image), "{n_bytes} bytes are no whole number of images of {n_image}");
        self.answers.extend(std::iter::repeat_n(Ok(Remarks::default()), n_bytes / n_image));
        if self.pixels.is_empty() {
            self.pixels = pixels;
        } else {
            self.pixels.extend(pixels);
        }
        Ok(())
    }
}

/// The bytes of an image as the network takes them.
fn image_of(path: &Path, format: &Format) -> Result<(Vec<u8>, Remarks), String> {
    let preprocess = &format.preprocess;
    let size = (preprocess.width as u32, preprocess.height as u32);
    let wanted = Wanted { resize: Some(size), fit: format.fit, background: format.background };
    let Decoded { image, is_resized: is_stretched, .. } =
        decode::read(path, &wanted).map_err(|fault| fault.to_string())?;
    let remarks = Remarks { is_stretched, is_grayed: image.channels > preprocess.channels };
    let pixels = match (image.channels, preprocess.channels) {
        (1, 3) => image.in_color().into_owned(),
        (3, 1) => image.pixels.as_chunks().0.iter().copied().map(gray_of).collect(),
        _ => image.pixels,
    };
    Ok((pixels, remarks))
}

/// The luma of a pixel by ITU-R 601, as Pillow's `convert("L")` has it.
fn gray_of([red, green, blue]: [u8; 3]) -> u8 {
    ((u32::from(red) * 19_595 + u32::from(green) * 38_470 + u32::from(blue) * 7_471 + 0x8000) >> 16) as u8
}

/// A network with its weights, for evaluation only.
struct Predictor {
    network: Network,
    weights: Weights,
    input: Input,
}

impl Predictor {
    fn new(classifier: &Classifier, device: Device) -> Result<Self> {
        let preprocess = &classifier.input.preprocess;
        let shape = Shape {
            channels: preprocess.channels as i64,
            height: preprocess.height as i64,
            width: preprocess.width as i64,
            classes: classifier.classes.len() as i64,
        };
        let network = Network::new(&classifier.network, shape);
        let least = network.least_side();
        ensure!(
            shape.height.min(shape.width) >= least,
            "images of {}×{} pixels are too small for this network",
            shape.width,
            shape.height
        );
        let weights = Weights::of(network.specs(), &classifier.weights, device);
        let weights = weights.with_context(|| format!("the weights are not those of {}", classifier.name()))?;
        Ok(Self { network, weights, input: Input::new(preprocess, device) })
    }

    /// Passes batches through the network and tells what it says, until there are no more.
    fn answer(&self, batches: &Receiver<Batch>, top: usize) -> Result<()> {
        for batch in batches {
            let mut predicted = self.predict(&batch.pixels, top)?.into_iter();
            let mut lines = Vec::new();
            for answer in batch.answers {
                let answer = match answer {
                    Ok(Remarks { is_stretched, is_grayed }) => {
                        let top = predicted.next().expect("a row for each image");
                        Answer::Told(Told { top, is_stretched, is_grayed })
                    }
                    Err(fault) => Answer::PassedOver(fault),
                };
                serde_json::to_writer(&mut lines, &answer)?;
                lines.push(b'\n');
            }
            write_raw(&lines)?;
        }
        Ok(())
    }

    /// The likeliest classes of each image with their probabilities, the likeliest first.
    fn predict(&self, pixels: &[u8], top: usize) -> Result<Vec<Vec<(usize, f32)>>> {
        if pixels.is_empty() {
            return Ok(Vec::new());
        }
        let (confidences, classes) = tch::no_grad(|| {
            let logits = self.network.forward(&self.weights, &self.input.images(&[pixels]), Mode::Evaluate);
            logits.softmax(-1, Kind::Float).topk(top as i64, -1, true, true) // (N, K) each
        });
        let (confidences, classes) = (host::numbers::<f32>(&confidences), host::numbers::<i64>(&classes));
        ensure!(
            confidences.iter().all(|confidence| confidence.is_finite()),
            "the network's answers are no numbers: its weights are damaged, or training diverged"
        );
        let row = |(classes, confidences): (&[i64], &[f32])| {
            classes.iter().map(|&class| class as usize).zip(confidences.iter().copied()).collect()
        };
        Ok(classes.chunks(top).zip(confidences.chunks(top)).map(row).collect())
    }
}
