//! The labeled images of a run, and how the loader's own code would augment one of them.

use fixmatch::augment::ctaugment::Rates;
use fixmatch::augment::{Op, Scratch, Strong, StrongDraw, StrongPolicy, WeakDraw};
use fixmatch::base::image::Image;
use fixmatch::base::rng::{Rng, Stream};
use fixmatch::base::text::Name;
use fixmatch::config::RunConfig;
use fixmatch::data::{self, Dataset};
use fixmatch::labels::recorded;
use fixmatch::labels::set::LabelSet;
use fixmatch::run::dir::RunDir;
use fixmatch::run::state::RunState;

use crate::console::input::Cursor;

mod keys;
pub mod view;

/// One labeled image.
#[derive(Clone, Debug)]
pub struct Sample {
    /// Its place in the training images.
    pub index: u32,
    /// Its class.
    pub class: Name,
    /// Its pixels.
    pub image: Image,
}

/// The labeled images, and how a run augments them.
#[derive(Clone, Debug)]
pub struct Sheet {
    /// The images, class by class.
    pub samples: Vec<Sample>,
    strong: Strong,
    seed: u64,
}

/// More of them are not kept: a sheet of thousands is of no use.
const MAX_SAMPLES: usize = 1000;

impl Sheet {
    /// Reads the data set and picks out the labeled images. Takes as long as reading the data set.
    pub fn read(dir: &RunDir) -> anyhow::Result<Self> {
        let (config, labels, dataset) = data_of(dir)?;
        Self::pick(dir, &config, dataset, &labels.indices)
    }

    /// Reads the data set and picks out some training images.
    pub fn of(dir: &RunDir, indices: &[u32]) -> anyhow::Result<Self> {
        let (config, _, dataset) = data_of(dir)?;
        Self::pick(dir, &config, dataset, indices)
    }

    fn pick(dir: &RunDir, config: &RunConfig, dataset: Dataset, indices: &[u32]) -> anyhow::Result<Self> {
        let Dataset { train, unlabeled, classes, .. } = dataset;
        let images = train.followed_by(unlabeled);
        anyhow::ensure!(
            indices.iter().all(|&index| (index as usize) < images.n()),
            "the run has images that the data set on this machine does not have"
        );
        let sample = |&index: &u32| {
            let class = usize::from(images.labels[index as usize]);
            let name = classes.get(class).cloned().unwrap_or_else(|| "not known".into());
            (class, Sample { index, class: name, image: images.image(index as usize) })
        };
        let mut samples: Vec<_> = indices.iter().map(sample).collect();
        samples.sort_by_key(|(class, _)| *class);
        samples.truncate(MAX_SAMPLES);
        let mut sheet = Self::new(samples.into_iter().map(|(_, sample)| sample).collect(), config);
        sheet.follow_rates(dir, config)?;
        Ok(sheet)
    }

    /// A sheet of these images, augmented as a run of this configuration does it at its start.
    pub fn new(samples: Vec<Sample>, config: &RunConfig) -> Self {
        Self { samples, strong: Strong::new(&config.augment), seed: config.train.seed }
    }

    /// Draws as CTAugment's rates have it that a run's last evaluation tells of.
    fn follow_rates(&mut self, dir: &RunDir, config: &RunConfig) -> anyhow::Result<()> {
        let StrongPolicy::CtAugment(policy) = &mut self.strong.policy else { return Ok(()) };
        let RunState { evaluations, comparisons, .. } = RunState::read(dir)?;
        let compared = comparisons.into_iter().rev().find_map(|compared| compared.rates);
        if let Some(rates) = evaluations.into_iter().rev().find_map(|evaluated| evaluated.rates).or(compared) {
            let rates = rates.into_iter().map(|rate| f32::from(rate) / 1000.0).collect();
            policy.follow(&Rates::from_values(config.augment.table, rates)?);
        }
        Ok(())
    }
}

/// An image with a weak and a strong view, and what was drawn for each.
#[derive(Clone, Debug)]
pub struct Views {
    /// The weak view.
    pub weak: Image,
    /// What was drawn for it.
    pub weak_draw: WeakDraw,
    /// The strong view.
    pub strong: Image,
    /// What was drawn for it.
    pub strong_draw: StrongDraw,
}

/// What is known of the labeled images.
#[derive(Debug, Default)]
pub enum Loading {
    /// Not asked for.
    #[default]
    Not,
    /// Being read.
    Reading,
    /// Here they are.
    Read(Sheet),
    /// Why they cannot be shown.
    Failed(String),
}

/// The screen of labeled images.
#[derive(Debug, Default)]
pub struct Samples {
    /// The images.
    pub loading: Loading,
    /// The selected one.
    pub at: Cursor,
    /// How many stand beside each other; the view says.
    pub columns: usize,
    /// The selected one enlarged, with its views.
    pub enlarged: Option<Views>,
    /// Which of the endless row of draws is shown.
    draw: u64,
}

impl Samples {
    fn sheet(&self) -> Option<&Sheet> {
        match &self.loading {
            Loading::Read(sheet) => Some(sheet),
            Loading::Not | Loading::Reading | Loading::Failed(_) => None,
        }
    }

    /// The selected image.
    pub fn sample(&self) -> Option<&Sample> {
        self.sheet()?.samples.get(self.at.at)
    }

    /// Goes to another image.
    pub fn step(&mut self, by: isize) {
        let n = self.sheet().map_or(0, |sheet| sheet.samples.len());
        self.at.step(by, n);
        if self.enlarged.is_some() {
            self.enlarge();
        }
    }

    /// Draws other views.
    pub fn redraw(&mut self) {
        self.draw += 1;
        if self.enlarged.is_some() {
            self.enlarge();
        }
    }

    /// Enlarges the selected image.
    pub fn enlarge(&mut self) {
        self.enlarged = self.sheet().zip(self.sample()).map(|(sheet, sample)| views(sheet, sample, self.draw));
    }
}

/// Draws both views as the loader does: each from a generator of its own.
pub fn views(sheet: &Sheet, sample: &Sample, draw: u64) -> Views {
    let (mut weak, mut strong) = (sample.image.clone(), sample.image.clone());
    let (width, height) = (weak.width, weak.height);
    let place = u64::from(sample.index);
    let weak_draw =
        sheet.strong.weak.draw(width, height, &mut Rng::new(sheet.seed, Stream::UnlabeledWeak, draw, place));
    let mut rng = Rng::new(sheet.seed, Stream::UnlabeledStrong, draw, place);
    let strong_draw = sheet.strong.draw(width, height, &mut rng);
    let mut scratch = Scratch::default();
    weak_draw.apply(&mut weak, &mut scratch);
    strong_draw.apply(&mut strong, &mut scratch);
    Views { weak, weak_draw, strong, strong_draw }
}

/// A weak draw in words.
pub fn weak_words(draw: WeakDraw) -> String {
    let flip = if draw.flip { "mirrored, " } else { "" };
    format!("{flip}shifted {}, {}", draw.dx, draw.dy)
}

/// An operation in words, its parameter to two places.
pub fn op_words(op: &Op) -> String {
    let text = op.to_string();
    let Some((name, value)) = text.split_once('=') else { return text };
    let rounded = value.parse::<f64>().map(|value| ((100.0 * value).round() / 100.0).to_string());
    format!("{name} {}", rounded.unwrap_or_else(|_| value.replace('@', " at ").replace(',', ", ")))
}

fn data_of(dir: &RunDir) -> anyhow::Result<(RunConfig, LabelSet, Dataset)> {
    let config = dir.read_run()?.config;
    let dataset = data::load(&config.data, &fixmatch::base::dirs::data_dir()?)?;
    let (labels, dataset) = recorded::with_dataset(dir, dataset)?;
    Ok((config, labels, dataset))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::console::sample;

    #[test]
    fn an_image_is_enlarged_with_views_that_change_on_request() {
        let mut samples = sample::samples();
        samples.enlarge();
        let first = samples.enlarged.clone().expect("enlarged");
        assert_ne!(first.weak.pixels, first.strong.pixels);
        samples.redraw();
        assert_ne!(samples.enlarged.expect("enlarged").strong.pixels, first.strong.pixels);
    }

    #[test]
    fn draws_read_as_words() {
        assert_eq!(op_words(&Op::Rotate(-12.345)), "rotate -12.35");
        assert_eq!(op_words(&Op::Posterize(4)), "posterize 4");
        assert_eq!(weak_words(WeakDraw { flip: true, dx: -2, dy: 0 }), "mirrored, shifted -2, 0");
    }
}
