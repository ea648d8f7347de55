//! One training step of FixMatch, in the order of the paper, and what it leaves behind.
//!
//! The trainer owns every tensor. It knows no channel, file, clock or pause.

use anyhow::{Context, Result, ensure};
use fixmatch::config::{Forward, MaskedViews, Precision, RunConfig};
use fixmatch::data::Dataset;
use fixmatch::data::preprocess::Preprocess;
use fixmatch::loader::Batch;
use fixmatch::run::checkpoint::Tensors;
use tch::{Device, Kind, Tensor};

use crate::host;
use crate::input::Input;
use crate::kept::Kept;
use crate::loss::{self, Loss, Unlabeled};
use crate::model::{Mode, Network, Shape};
use crate::optim::{Sgd, move_average};
use crate::part::Part;
use crate::passes::{Logits, Passes, Recorder, Views};
use crate::policy::{Constants, Judge, PseudoLabels};
use crate::weights::{self, Weights};

/// The values of a step that can change while a run trains.
#[derive(Clone, Copy, Debug)]
pub struct StepValues {
    /// The learning rate.
    pub lr: f64,
    /// `λ_u`.
    pub lambda_u: f64,
    /// τ and the other numbers of the policies.
    pub policy: Constants,
}

/// Columns of a step's row of measurements: what a progress window averages.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Column {
    /// The whole loss.
    Loss,
    /// ℓ_s.
    Supervised,
    /// ℓ_u.
    Unsupervised,
    /// Accepted pseudo-labels; where each counts in part, the sum of the weights.
    Accepted,
    /// Those of them that are right.
    Right,
    /// Unlabeled images.
    Unlabeled,
    /// The learning rate.
    Lr,
}

/// How many columns a row has.
pub const N_COLUMNS: usize = 7;

/// What a step leaves behind, on the device.
#[derive(Debug)]
pub struct Taken {
    /// Its measurements: (`N_COLUMNS`) f32.
    pub row: Tensor,
    /// What the weak views say, and the labels that training does not see, (μB) i64; None without unlabeled images.
    pub pseudo: Option<(PseudoLabels, Tensor)>,
}

/// The network, its weights, their average and their momentum.
#[derive(Debug)]
pub struct Trainer {
    network: Network,
    input: Input,
    weights: Weights,
    average: Weights,
    sgd: Sgd,
    forward: Forward,
    /// What the layers compute in while they train.
    kind: Kind,
    skips_masked: bool,
    judge: Judge,
    recorder: Recorder,
    /// Learns from pairs of views, without labels.
    is_contrastive: bool,
    ema_decay: f64,
}

/// Outputs of a network that learns without labels: SimCLR's projection, here of one layer.
const N_PROJECTIONS: i64 = 64;

/// Which weights to evaluate.
pub use fixmatch::run::checkpoint::Which;

impl Trainer {
    /// A trainer of the network that a configuration asks for, on the images of a data set; an error if they are too small.
    pub fn for_data(config: &RunConfig, dataset: &Dataset, input: &Preprocess, device: Device) -> Result<Self> {
        let images = &dataset.train;
        let shape = Shape {
            channels: images.channels as i64,
            height: images.height as i64,
            width: images.width as i64,
            classes: if config.is_contrastive() { N_PROJECTIONS } else { dataset.classes.len() as i64 },
        };
        let network = Network::new(&config.model, shape);
        let least = network.least_side();
        ensure!(
            shape.height.min(shape.width) >= least,
            "images of {}×{} pixels are too small for model.name = {:?}: at least {least}×{least} are needed, which data.resize makes of a folder's",
            shape.width,
            shape.height,
            format!("{:?}", config.model.name).to_lowercase(),
        );
        Ok(Self::new(config, network, Input::new(input, device)))
    }

    /// A trainer before its first step.
    pub fn new(config: &RunConfig, network: Network, input: Input) -> Self {
        let weights = Weights::init(network.specs(), config.train.seed, input.device());
        let average = weights.average();
        let sgd = Sgd::new(&config.optim, &weights);
        let (forward, ema_decay) = (config.train.forward, config.optim.ema_decay);
        let skips_masked = match config.train.masked_views {
            MaskedViews::Auto => {
                !network.has_batch_norm() && input.device() == Device::Cpu && !config.pseudo_label.policy.weighs()
            }
            MaskedViews::Compute => false,
            MaskedViews::Skip => true,
        };
        let device = input.device();
        Self {
            network,
            input,
            weights,
            average,
            sgd,
            forward,
            kind: match config.train.precision {
                Precision::F32 => Kind::Float,
                Precision::Bf16 => Kind::BFloat16,
            },
            skips_masked,
            judge: Judge::fixed(),
            recorder: Recorder::new(config.machine.cuda_graphs && !skips_masked, device),
            is_contrastive: config.is_contrastive(),
            ema_decay,
        }
    }

    /// Has pseudo-labels judged by another rule than the paper's.
    pub fn follow(&mut self, judge: Judge) {
        self.judge = judge;
    }

    /// By which pseudo-labels are judged.
    pub fn judge(&self) -> &Judge {
        &self.judge
    }

    /// Begins anew with the weights of another seed.
    pub fn begin_anew(&mut self, seed: u64) {
        self.weights = Weights::init(self.network.specs(), seed, self.input.device());
        self.average = self.weights.average();
        self.sgd.forget(&self.weights);
        self.recorder.forget();
    }

    /// Trained numbers.
    pub fn n_parameters(&self) -> u64 {
        self.weights.n_parameters()
    }

    /// Takes one step and returns what it leaves behind, still on the device: nothing here waits for a GPU, but for the one
    /// step in which the passes are recorded.
    pub fn step(&mut self, batch: &Batch, values: StepValues) -> Taken {
        let hidden_labels = self.input.labels(&batch.hidden_labels); // (μB) i64
        let loss = if let Some(passes) = self.recorded_passes(batch) {
            let logits = passes.forward(&self.input, &self.views(batch));
            let loss = self.loss_of(batch, &logits, values);
            passes.backward(&loss.total, &logits, values.lr);
            self.recorder.give_back(passes);
            loss
        } else {
            let loss = self.loss(batch, values);
            let gradients = self.gradients(&loss);
            self.update(&gradients, values.lr);
            loss
        };
        let row = measurements(&loss, &hidden_labels, values.lr);
        Taken { row, pseudo: loss.unlabeled.map(|unlabeled| (unlabeled.pseudo, hidden_labels)) }
    }

    /// The passes of such a batch, where they are recorded.
    fn recorded_passes(&mut self, batch: &Batch) -> Option<Passes> {
        let views = self.views(batch);
        let Self { network, input, weights, average, sgd, kind, ema_decay, recorder, .. } = self;
        recorder.take(&views, || {
            let network = |images: &Tensor, mode| network.forward(weights, &images.to_kind(*kind), mode);
            Passes::record(input, &views, network, |total, lr| {
                sgd.step(weights, &gradients(weights, total), lr);
                move_average(average, weights, *ema_decay);
            })
        })
    }

    fn views<'a>(&self, batch: &'a Batch) -> Views<'a> {
        Views::of(batch, self.forward, self.is_contrastive)
    }

    /// The loss's gradients by the trained weights.
    pub fn gradients(&self, loss: &Loss) -> Vec<Tensor> {
        gradients(&self.weights, &loss.total)
    }

    /// Moves the weights along the gradients, and their average after them.
    pub fn update(&mut self, gradients: &[Tensor], lr: f64) {
        let lr = Tensor::full([1], lr, (Kind::Float, self.input.device()));
        self.sgd.step(&self.weights, gradients, &lr);
        move_average(&self.average, &self.weights, self.ema_decay);
    }

    /// ℓ_s + λ_u ℓ_u of a batch, and what the policy adds. Moves what the policy remembers.
    pub fn loss(&mut self, batch: &Batch, values: StepValues) -> Loss {
        let views = self.views(batch);
        if let Some(weak) = views.guessed.filter(|_| self.skips_masked) {
            return self.loss_without_masked(batch, weak, values);
        }
        let guessed = views.guessed.map(|views| self.input.images(&[views]));
        let logits = Logits::of(self.input.images(&views.trained), guessed, |images, mode| self.logits(&images, mode));
        self.loss_of(batch, &logits, values)
    }

    /// The same of what the network says of a batch's [`Views`].
    fn loss_of(&mut self, batch: &Batch, logits: &Logits, values: StepValues) -> Loss {
        if self.is_contrastive {
            let views = logits.trained.chunk(2, 0);
            return loss::combine(loss::contrastive(&views[0], &views[1]), None, values.lambda_u);
        }
        let labels = self.input.labels(&batch.labels); // (B) i64
        if batch.hidden_labels.is_empty() {
            return loss::combine(loss::supervised(&logits.trained, &labels), None, values.lambda_u);
        }
        let (n_labeled, n_unlabeled) = (batch.labels.len() as i64, batch.hidden_labels.len() as i64);
        let pseudo = {
            let in_the_same_pass = || logits.trained.narrow(0, n_labeled + n_unlabeled, n_unlabeled);
            let weak = logits.guessed.as_ref().map_or_else(in_the_same_pass, Tensor::shallow_clone);
            self.judge.judge(&weak, &self.input.labels(&batch.places), values.policy)
        };
        let supervised = loss::supervised(&logits.trained.narrow(0, 0, n_labeled), &labels);
        self.with_unlabeled(supervised, &logits.trained.narrow(0, n_labeled, n_unlabeled), None, pseudo, values)
    }

    /// The same where masked strong views do not pass through the network: their numbers would be multiplied by zero. Reading
    /// the mask waits for the device.
    fn loss_without_masked(&mut self, batch: &Batch, weak: &[u8], values: StepValues) -> Loss {
        let (labels, places) = (self.input.labels(&batch.labels), self.input.labels(&batch.places));
        let logits_weak = tch::no_grad(|| self.logits(&self.input.images(&[weak]), Mode::Batch));
        let pseudo = self.judge.judge(&logits_weak, &places, values.policy);
        let kept = Kept::new(batch, &host::numbers(&pseudo.mask));
        let logits = self.logits(&self.input.images(&[&batch.labeled, &kept.pixels]), Mode::Train);
        let n_labeled = batch.labels.len() as i64;
        let supervised = loss::supervised(&logits.narrow(0, 0, n_labeled), &labels);
        let logits_strong = logits.narrow(0, n_labeled, logits.size()[0] - n_labeled);
        let rows = self.input.labels(&kept.rows);
        self.with_unlabeled(supervised, &logits_strong, Some(&pseudo.select(&rows)), pseudo, values)
    }

    /// Adds ℓ_u of strong logits (n, C), whose pseudo-labels are some of all, or all.
    fn with_unlabeled(
        &self,
        supervised: Tensor,
        logits_strong: &Tensor,
        some: Option<&PseudoLabels>,
        pseudo: PseudoLabels,
        values: StepValues,
    ) -> Loss {
        let of_strong = some.unwrap_or(&pseudo);
        let loss = loss::unsupervised(logits_strong, of_strong, pseudo.classes.size()[0]);
        let fairness = self.judge.fairness(logits_strong, &of_strong.mask, values.policy);
        loss::combine(supervised, Some(Unlabeled { loss, fairness, pseudo }), values.lambda_u)
    }

    /// Of images (N, C, H, W) f32, in the precision of the training.
    fn logits(&self, images: &Tensor, mode: Mode) -> Tensor {
        self.network.forward(&self.weights, &images.to_kind(self.kind), mode)
    }

    /// Logits (N, classes) of images as bytes, under the given weights, as in evaluation.
    pub fn predict(&self, which: Which, images: &[u8]) -> Tensor {
        tch::no_grad(|| self.logits_of(which, &self.input.images(&[images])))
    }

    /// Logits (N, classes) of a network's input (N, C, H, W), as in evaluation, with a gradient if the input has one.
    pub fn logits_of(&self, which: Which, images: &Tensor) -> Tensor {
        self.network.forward(self.which(which), images, Mode::Evaluate)
    }

    /// What the last layer sees of images as bytes: (N, features).
    pub fn features(&self, which: Which, images: &[u8]) -> Tensor {
        tch::no_grad(|| self.network.features(self.which(which), &self.input.images(&[images]), Mode::Evaluate))
    }

    fn which(&self, which: Which) -> &Weights {
        match which {
            Which::Raw => &self.weights,
            Which::Ema => &self.average,
        }
    }

    /// How near the averaged network's predictions for some views are to their labels: (N) f32, still on the device.
    ///
    /// ω = 1 − ½‖p − onehot(label)‖₁, which is the label's probability, since the others sum up to what it lacks.
    pub fn proximity(&self, views: &[u8], labels: &[i64]) -> Tensor {
        let probabilities = self.predict(Which::Ema, views).softmax(-1, Kind::Float); // (N, classes)
        probabilities.gather(1, &self.input.labels(labels).unsqueeze(1), false).squeeze_dim(1)
    }

    /// Where labels and images go.
    pub fn input(&self) -> &Input {
        &self.input
    }
}

/// The gradients of a loss by trained weights.
fn gradients(weights: &Weights, total: &Tensor) -> Vec<Tensor> {
    let parameters: Vec<&Tensor> = weights.trained().map(|(_, tensor)| tensor).collect();
    Tensor::run_backward(&[total], &parameters, false, false)
}

impl Part for Trainer {
    fn save(&mut self, into: &mut Tensors) {
        weights::save("model.", self.weights.all(), into);
        weights::save("ema.", self.average.trained(), into);
        self.sgd.save(&self.weights, into);
        self.judge.save(into);
    }

    fn restore(&mut self, from: &Tensors, step: u64) -> Result<()> {
        weights::restore("model.", self.weights.all(), from)?;
        weights::restore("ema.", self.average.trained(), from)?;
        self.sgd.restore(&self.weights, from).context("cannot take the optimiser's state back")?;
        self.judge.restore(from, step)
    }
}

/// A step's row of measurements, (`N_COLUMNS`) f32 on the device.
fn measurements(loss: &Loss, hidden_labels: &Tensor, lr: f64) -> Tensor {
    let _guard = tch::no_grad_guard();
    let options = (Kind::Float, loss.total.device());
    let scalar = |x: f64| Tensor::full([1], x, options);
    let as_row = |x: &Tensor| x.detach().to_kind(Kind::Float).reshape([1]);
    let (unsupervised, accepted, right) = match &loss.unlabeled {
        Some(unlabeled) => {
            let weights = unlabeled.pseudo.weights();
            let right = unlabeled.pseudo.classes.eq_tensor(hidden_labels).to_kind(Kind::Float) * &weights;
            (as_row(&unlabeled.loss), as_row(&weights.sum(None)), as_row(&right.sum(None)))
        }
        None => (scalar(0.0), scalar(0.0), scalar(0.0)),
    };
    let n_unlabeled = scalar(if loss.unlabeled.is_some() { hidden_labels.size()[0] as f64 } else { 0.0 });
    let (total, supervised) = (as_row(&loss.total), as_row(&loss.supervised));
    Tensor::cat(&[total, supervised, unsupervised, accepted, right, n_unlabeled, scalar(lr)], 0)
}

/// Rows of measurements as numbers. The one wait for the device in a window.
pub fn read_rows(rows: &[Tensor]) -> Vec<[f32; N_COLUMNS]> {
    if rows.is_empty() {
        return Vec::new();
    }
    host::numbers(&Tensor::stack(rows, 0)).as_chunks().0.to_vec()
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use fixmatch::augment::{Strong, StrongPolicy, Weak};
    use fixmatch::config::{self, Model, ModelName};
    use fixmatch::data::Images;
    use fixmatch::loader::{Maker, Source};

    use super::*;

    /// Values at a threshold τ.
    fn values(threshold: f64) -> StepValues {
        StepValues { lr: 0.1, lambda_u: 2.0, policy: Constants::usual(threshold) }
    }

    fn images() -> Arc<Images> {
        let (n, side) = (20, 8);
        let pixels = (0..n * side * side * 3).map(|i| (i * i / 7 % 256) as u8).collect();
        let labels = (0..n as u16).map(|i| i % 10).collect();
        Arc::new(Images { width: side, height: side, channels: 3, pixels, labels })
    }

    fn batch() -> Batch {
        batch_of(12)
    }

    fn batch_of(n_unlabeled: usize) -> Batch {
        let weak = Weak { flip: true, shift: true };
        let source = Source {
            images: images(),
            labeled: (0..10).collect(),
            unlabeled: (0..20).collect(),
            n_labeled: 4,
            n_unlabeled,
            weak,
            strong: Strong { weak, policy: StrongPolicy::RANDAUGMENT, cutout: 0.5 },
            seed: 0,
        };
        Maker::new(source).batch(0)
    }

    fn trainer(model: ModelName, forward: Forward) -> Trainer {
        trainer_with(model, config::Train { forward, ..config::Train::default() })
    }

    fn trainer_with(model: ModelName, train: config::Train) -> Trainer {
        let config = RunConfig {
            model: Model { name: model, depth: 10, width: 1, bn_momentum: 0.1 },
            train,
            ..RunConfig::default()
        };
        let images = images();
        let input = Input::new(&Preprocess::of(&images, config.data.normalize), Device::Cpu);
        let shape = Shape { channels: 3, height: 8, width: 8, classes: 10 };
        Trainer::new(&config, Network::new(&config.model, shape), input)
    }

    fn largest_difference(a: &Trainer, b: &Trainer) -> f64 {
        let pairs = a.weights.trained().zip(b.weights.trained());
        pairs.map(|((_, a), (_, b))| (a - b).abs().max().double_value(&[])).fold(0.0, f64::max)
    }

    #[test]
    fn one_pass_and_two_give_the_same_step_without_batch_norm() {
        let (mut joint, mut split) = (trainer(ModelName::Cnn, Forward::Joint), trainer(ModelName::Cnn, Forward::Split));
        let before = joint.weights["fc2.weight"].copy();
        let probabilities = joint.predict(Which::Raw, &batch().weak).softmax(-1, Kind::Float);
        let threshold = probabilities.max_dim(-1, false).0.median().double_value(&[]);
        let values = values(threshold);
        let rows = read_rows(&[joint.step(&batch(), values).row, split.step(&batch(), values).row]);
        let accepted = rows[0][Column::Accepted as usize];
        assert!(accepted > 0.0 && accepted < 12.0, "the mask is neither empty nor full: {accepted}");
        assert!((&joint.weights["fc2.weight"] - before).abs().max().double_value(&[]) > 1e-4, "a step moves");
        let difference = largest_difference(&joint, &split);
        assert!(difference < 1e-6, "{difference}");
    }

    #[test]
    fn leaving_masked_views_out_gives_the_same_gradients_without_batch_norm() {
        let way = |masked_views| config::Train { forward: Forward::Split, masked_views, ..config::Train::default() };
        let mut compute = trainer_with(ModelName::Cnn, way(MaskedViews::Compute));
        let mut auto = trainer_with(ModelName::Cnn, way(MaskedViews::Auto));
        assert!(auto.skips_masked && !compute.skips_masked);
        let batch = batch_of(40);
        let probabilities = compute.predict(Which::Raw, &batch.weak).softmax(-1, Kind::Float);
        let confidences = Vec::<f32>::try_from(probabilities.max_dim(-1, false).0.sort(0, true).0).expect("a row");
        // none, one, 21 and all of the 40 count
        for (threshold, n_kept) in [(1.0, 0), (confidences[0], 16), (confidences[20], 32), (0.0, 40)] {
            let values = values(f64::from(threshold));
            let mask = auto.loss(&batch, values).unlabeled.expect("unlabeled images").pseudo.mask;
            assert_eq!(Kept::new(&batch, &host::numbers(&mask)).rows.len(), n_kept);
            let [expected, found] = [&mut compute, &mut auto].map(|trainer| {
                let loss = trainer.loss(&batch, values);
                trainer.gradients(&loss)
            });
            for (expected, found) in expected.iter().zip(&found) {
                let difference = (expected - found).abs().max().double_value(&[]);
                assert!(difference < 1e-6, "{difference} at τ = {threshold}");
            }
        }
    }

    /// bf16 keeps 8 bits of a number, so gradients of some hundred summands may be off by some hundredths of their size.
    /// Labels only: in an untrained network, rounding alone can turn a pseudo-label into another one.
    #[test]
    fn in_bf16_gradients_point_where_those_of_f32_do_and_weights_stay_f32() {
        for (model, forward) in [(ModelName::Cnn, Forward::Split), (ModelName::Wrn, Forward::Joint)] {
            let way = |precision| config::Train { forward, precision, ..config::Train::default() };
            let [mut single, mut half] =
                [Precision::F32, Precision::Bf16].map(|precision| trainer_with(model, way(precision)));
            let [exact, rounded] = [&single, &half].map(|trainer| trainer.predict(Which::Raw, &batch().weak));
            assert!(exact.equal(&rounded), "evaluations are f32");
            let [expected, found] = [&mut single, &mut half].map(|trainer| {
                let labels_only = Batch { weak: vec![], strong: vec![], hidden_labels: vec![], ..batch() };
                let loss = trainer.loss(&labels_only, values(0.1));
                let gradients = trainer.gradients(&loss);
                assert!(gradients.iter().all(|gradient| gradient.kind() == Kind::Float));
                Tensor::cat(&gradients.iter().map(|gradient| gradient.flatten(0, -1)).collect::<Vec<_>>(), 0)
            });
            let share = ((&expected - &found).norm() / expected.norm()).double_value(&[]);
            assert!(share > 0.0 && share < 0.1, "{model:?}: {share}");
        }
    }

    #[test]
    fn with_batch_norm_masked_views_are_left_out_only_when_asked() {
        for (masked_views, skips) in [(MaskedViews::Auto, false), (MaskedViews::Skip, true)] {
            let train = config::Train { forward: Forward::Split, masked_views, ..config::Train::default() };
            assert_eq!(trainer_with(ModelName::Wrn, train).skips_masked, skips);
        }
    }

    #[test]
    fn a_probe_is_as_near_as_the_distance_of_its_prediction_says() {
        let (trainer, batch) = (trainer(ModelName::Cnn, Forward::Split), batch());
        let probabilities = trainer.predict(Which::Ema, &batch.labeled).softmax(-1, Kind::Float);
        let labels = Tensor::from_slice(&batch.labels);
        let distance = (probabilities - labels.one_hot(10)).abs().sum_dim_intlist(1, false, Kind::Float);
        let found = trainer.proximity(&batch.labeled, &batch.labels);
        let difference = (found + distance / 2 - 1).abs().max().double_value(&[]);
        assert!(difference < 1e-6, "{difference}");
    }

    #[test]
    fn a_step_without_unlabeled_images_is_supervised_only() {
        let mut trainer = trainer(ModelName::Cnn, Forward::Split);
        let batch = Batch { weak: vec![], strong: vec![], hidden_labels: vec![], ..batch() };
        let row = read_rows(&[trainer.step(&batch, values(0.1)).row])[0];
        assert_eq!(row[Column::Loss as usize], row[Column::Supervised as usize]);
        assert_eq!(row[Column::Unlabeled as usize], 0.0);
    }

    fn tensors_of(trainer: &mut Trainer) -> Tensors {
        let mut tensors = Tensors::new();
        trainer.save(&mut tensors);
        tensors
    }

    #[test]
    fn a_restored_trainer_takes_the_same_steps_bit_for_bit() {
        for (model, forward) in [(ModelName::Cnn, Forward::Split), (ModelName::Wrn, Forward::Joint)] {
            let mut unbroken = trainer(model, forward);
            let _ = unbroken.step(&batch(), values(0.1));
            let saved = tensors_of(&mut unbroken);
            let _ = unbroken.step(&batch(), values(0.1));
            let mut resumed = trainer(model, forward);
            resumed.restore(&saved, 0).expect("fits");
            let _ = resumed.step(&batch(), values(0.1));
            assert_eq!(tensors_of(&mut unbroken), tensors_of(&mut resumed), "{model:?}");
        }
    }

    #[test]
    fn a_checkpoint_of_another_network_is_refused() {
        let saved = tensors_of(&mut trainer(ModelName::Cnn, Forward::Split));
        let error = trainer(ModelName::Wrn, Forward::Joint).restore(&saved, 0).expect_err("another network");
        assert!(
            error.to_string().contains("the checkpoint has no tensor model.block1.0.bn1.weight")
                || error.to_string().contains("in the checkpoint and"),
            "{error}"
        );
    }
}
