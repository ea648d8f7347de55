//! Policies against the hooks of semilearn (USB), by what `tests/golden/make_policies.py` wrote, and against values by hand.

use fixmatch::config::PseudoLabel;
use fixmatch::run::checkpoint::Tensors;
use serde::Deserialize;
use tch::{Device, Kind, Tensor};

use super::{Constants, Facts, Judge, PseudoLabels};
use crate::part::Part as _;

const N_IMAGES: usize = 203;
const BATCH: usize = 16;
const STEPS: usize = 560;
/// Every so many steps a state was written.
const KEPT: usize = 35;
const SCALES: [f32; 6] = [0.0, 0.5, 2.0, 5.0, 12.0, 60.0];
const THRESHOLD: f64 = 0.95;

#[derive(Deserialize)]
struct Goldens {
    cases: Vec<Case>,
}

#[derive(Deserialize)]
struct Case {
    config: PseudoLabel,
    n_classes: usize,
    states: Vec<Vec<f32>>,
    /// Which of a batch count, the first image in the highest bit.
    masks: Vec<u32>,
    /// Which are within 1e-6 of their threshold.
    near: Vec<u32>,
    weights: Vec<Vec<f32>>,
    fairness: Vec<f64>,
}

/// As in the script.
fn logits(n_classes: usize, step: usize) -> Tensor {
    let mix = |mut x: u64| {
        for by in [0xbf58_476d_1ce4_e5b9, 0x94d0_49bb_1331_11eb] {
            x = (x ^ (x >> 30)).wrapping_mul(by);
        }
        x ^ (x >> 31)
    };
    let scale = SCALES[step * SCALES.len() / STEPS];
    let of = |i: usize| {
        let noise = (mix((step * BATCH * n_classes + i) as u64) >> 40) as f32 * 2.0_f32.powi(-23) - 1.0;
        let class = i % n_classes;
        let favoured = if class == step / 40 % n_classes { 2.0 } else { 0.0 };
        let rare = if class == n_classes - 1 && step < STEPS / 2 { 20.0 } else { 0.0 };
        noise * scale + favoured - rare
    };
    let all: Vec<f32> = (0..BATCH * n_classes).map(of).collect();
    Tensor::from_slice(&all).view([BATCH as i64, n_classes as i64])
}

fn places(step: usize) -> Tensor {
    let all: Vec<i64> = (0..BATCH).map(|i| ((step * BATCH + i) * 7 % N_IMAGES) as i64).collect();
    Tensor::from_slice(&all)
}

/// All policies, and the numbers that are in force.
struct Court {
    judge: Judge,
    by: Constants,
}

impl Court {
    /// By a `[pseudo_label]` and τ.
    fn new(config: &PseudoLabel, threshold: f64, facts: &Facts) -> Self {
        Self { judge: Judge::new(config, facts), by: Constants::new(threshold, config) }
    }

    fn judge(&mut self, logits_weak: &Tensor, places: &Tensor) -> PseudoLabels {
        self.judge.judge(logits_weak, places, self.by)
    }

    /// Without the policies that only watch.
    fn alone(mut self) -> Self {
        self.judge.watchers = vec![self.judge.watchers.swap_remove(self.judge.own)];
        self.judge.own = 0;
        self
    }

    fn sure_from(&self) -> f64 {
        self.judge.memories(self.by)[self.judge.own].sure_from().expect("each policy has a threshold")
    }

    fn fairness(&self, logits_strong: &Tensor, mask: &Tensor) -> Tensor {
        self.judge.fairness(logits_strong, mask, self.by).expect("it has a weight")
    }
}

fn state_of(Court { judge, .. }: &mut Court) -> Vec<f32> {
    let mut tensors = Tensors::new();
    judge.save(&mut tensors);
    let names = ["flexmatch.learned", "freematch.global", "freematch.shares", "freematch.histogram"];
    let names = names.into_iter().chain(["softmatch.mean", "softmatch.variance"]);
    let own = judge.watchers[judge.own].kind.name();
    let names = names.filter(|name| name.starts_with(own));
    names.filter_map(|name| tensors.get(name)).flat_map(|array| array.values.clone()).collect()
}

fn facts(n_classes: usize) -> Facts {
    Facts { n_classes, n_unlabeled: N_IMAGES, labeled_per_class: vec![4; n_classes], device: Device::Cpu }
}

fn bits(mask: &Tensor) -> u32 {
    let mask = Vec::<bool>::try_from(mask).expect("a row of truth values");
    mask.iter().fold(0, |bits, &it| bits << 1 | u32::from(it))
}

#[track_caller]
fn assert_near(found: &[f32], expected: &[f32], what: &str) {
    assert_eq!(found.len(), expected.len(), "{what}");
    let difference = found.iter().zip(expected).map(|(a, b)| (a - b).abs()).fold(0.0, f32::max);
    assert!(difference < 1e-6, "{what}: off by {difference}");
}

#[test]
fn masks_weights_and_states_are_those_of_usbs_hooks_over_ten_thousand_steps() {
    let goldens: Goldens =
        serde_json::from_str(include_str!("../../../tests/golden/policies.json")).expect("the script's JSON");
    let (mut n_steps, mut n_accepted) = (0, 0);
    for Case { config, n_classes, states, masks, near, weights, fairness } in goldens.cases {
        let mut judge = Court::new(&config, THRESHOLD, &facts(n_classes)).alone();
        for step in 0..STEPS {
            let what = format!("{config:?}, {n_classes} classes, step {step}");
            let pseudo = judge.judge(&logits(n_classes, step), &places(step));
            match masks.get(step) {
                Some(mask) => {
                    let differ = (bits(&pseudo.mask) ^ mask) & !near[step];
                    assert_eq!(differ, 0, "{what}: {:016b} {mask:016b}", bits(&pseudo.mask));
                    n_accepted += mask.count_ones() as usize;
                }
                None if step % KEPT == 0 => {
                    let found = Vec::<f32>::try_from(pseudo.weights()).expect("a row of weights");
                    assert_near(&found, &weights[step / KEPT], &what);
                }
                None => {}
            }
            if let (true, Some(expected)) = (step % KEPT == 0, fairness.get(step / KEPT)) {
                let strong = logits(n_classes, (step + 1) % STEPS);
                let found = judge.fairness(&strong, &pseudo.mask).double_value(&[]);
                let found = found / config.fairness();
                assert!((found - expected).abs() < 1e-5 * expected.abs().max(1.0), "{what}: {found} {expected}");
            }
            if step % KEPT == KEPT - 1 {
                assert_near(&state_of(&mut judge), &states[step / KEPT], &what);
            }
        }
        n_steps += STEPS;
    }
    assert!(n_steps > 10_000 && n_accepted > 10_000, "{n_steps} {n_accepted}");
}

/// Weak logits of two classes that give class 0 with these probabilities.
fn weak(probabilities: &[f64]) -> Tensor {
    let logits: Vec<f32> = probabilities.iter().flat_map(|p| [(p / (1.0 - p)).ln() as f32, 0.0]).collect();
    Tensor::from_slice(&logits).view([-1, 2])
}

fn judged(judge: &mut Court, probabilities: &[f64]) -> Vec<f32> {
    let places = Tensor::arange(probabilities.len() as i64, (Kind::Int64, Device::Cpu));
    Vec::try_from(judge.judge(&weak(probabilities), &places).weights()).expect("a row of weights")
}

fn judge(config: &str, n_unlabeled: usize) -> Court {
    let config = toml::from_str(config).expect(config);
    Court::new(&config, 0.9, &Facts { n_unlabeled, labeled_per_class: vec![3, 1], ..facts(2) })
}

/// Four images. At first β = 0 and all count. Two are then confident of class 0 and none of class 1: β = (2/2, 0), or
/// with images without a label counted, of which there are two, the same. Then three of class 0, one of class 1:
/// β = (1, 1/3), so class 1 needs 0.9 · (1/3) / (5/3) = 0.18.
#[test]
fn flexmatch_learns_classes_as_the_hand_does() {
    for (config, after) in [("policy = \"flexmatch\"", 1.0 / 1.0), ("policy = \"flexmatch\"\nwarmup = false", 1.0)] {
        let mut judge = judge(config, 4);
        assert_eq!(judged(&mut judge, &[0.95, 0.95, 0.6, 0.3]), [1.0; 4]);
        assert_near(&state_of(&mut judge), &[after, 0.0], config);
        assert_eq!(judged(&mut judge, &[0.8, 0.95, 0.95, 0.05]), [0.0, 1.0, 1.0, 1.0]);
        assert_near(&state_of(&mut judge), &[1.0, 1.0 / 3.0], config);
        assert!((judge.sure_from() - 0.9).abs() < 1e-6);
    }
    let warm = |warmup| {
        let mut judge = judge(&format!("policy = \"flexmatch\"\nwarmup = {warmup}"), 8);
        judged(&mut judge, &[0.95, 0.95, 0.05, 0.6]);
        state_of(&mut judge)
    };
    assert_near(&warm(true), &[0.4, 0.2], "five have no label, two of class 0, one of class 1");
    assert_near(&warm(false), &[1.0, 0.5], "five have no label, and do not count");
}

/// All images in one class: the paper has β = 1 for it, both codes leave β as it was.
#[test]
fn flexmatch_of_the_codes_waits_while_one_class_has_all_images() {
    for (variant, learned) in [("paper", 1.0), ("torchssl", 0.0), ("usb", 0.0)] {
        let mut judge = judge(&format!("policy = \"flexmatch\"\nvariant = \"{variant}\""), 2);
        judged(&mut judge, &[0.95, 0.99]);
        assert_near(&state_of(&mut judge), &[learned, 0.0], variant);
    }
}

/// One step of momentum 0.5 from τ = p̃ = ½ with p = 0.9 and 0.7 for class 0: τ = 0.65, p̃ = (0.65, 0.35). So class 0
/// needs 0.65; class 1 would need 0.35.
#[test]
fn freematch_moves_its_thresholds_as_the_hand_does() {
    let mut free = judge("policy = \"freematch\"\nmomentum = 0.5", 2);
    assert_eq!(judged(&mut free, &[0.9, 0.7]), [1.0, 1.0]);
    assert_near(&state_of(&mut free), &[0.65, 0.65, 0.35, 0.75, 0.25], "τ, p̃, h̃");
    assert!((free.sure_from() - 0.65).abs() < 1e-6);
    let clamped = "policy = \"freematch\"\nmomentum = 0.5\nvariant = \"torchssl\"\nfloor = 0.8\nceiling = 0.95";
    assert_eq!(judged(&mut judge(clamped, 2), &[0.9, 0.7]), [1.0, 0.0], "no class is below 0.8");
    let clipped = "policy = \"freematch\"\nmomentum = 0.5\nvariant = \"usb\"\nceiling = 0.6";
    let mut clipped = judge(clipped, 2);
    judged(&mut clipped, &[0.9, 0.7]);
    assert!((clipped.sure_from() - 0.6).abs() < 1e-6);
}

/// By hand, after the step above: a = p̃ / h̃ normalised = (0.65/0.75, 0.35/0.25) = (0.3824, 0.6176). Strong views: the one
/// that counts says 0.8, so q̄ = (0.8, 0.2), h̄ = (1, 0), b = (1, 0) and log(1e-12) = −27.631.
#[test]
fn freematchs_fairness_is_what_the_hand_gets_and_nothing_where_no_image_counts() {
    let mut free = judge("policy = \"freematch\"\nmomentum = 0.5\nfairness = 2.0", 2);
    judged(&mut free, &[0.9, 0.7]);
    let strong = weak(&[0.8, 0.1]).set_requires_grad(true);
    let loss = |mask: &[bool]| free.fairness(&strong, &Tensor::from_slice(mask));
    let (a, b): (f64, f64) = (0.65 / 0.75, 0.35 / 0.25);
    let expected = 2.0 * (b / (a + b)) * 1e-12_f64.ln();
    let found = loss(&[true, false]).double_value(&[]);
    assert!((found - expected).abs() < 1e-3, "{found} {expected}");
    let none = loss(&[false, false]);
    assert_eq!(none.double_value(&[]), 0.0);
    none.backward();
    assert_eq!(strong.grad().abs().sum(Kind::Float).double_value(&[]), 0.0);
    loss(&[true, true]).backward();
    assert!(strong.grad().isfinite().all().int64_value(&[]) == 1);
}

/// One step of momentum 0.5 from μ = ½, σ² = 1 with confidences 0.9 and 0.7: μ = 0.65, σ² = ½ + ½ · 0.02 = 0.51. Then
/// 0.55 is 0.1 below a mean of 0.65 moved by the new batch.
#[test]
fn softmatch_weighs_as_the_hand_does() {
    let mut soft = judge("policy = \"softmatch\"\nmomentum = 0.5", 2);
    assert_near(&judged(&mut soft, &[0.9, 0.7]), &[1.0, 1.0], "both above the mean");
    assert_near(&state_of(&mut soft), &[0.65, 0.51], "μ, σ²");
    let found = judged(&mut soft, &[0.55, 0.85]);
    let (mean, variance): (f64, f64) = (0.5 * 0.65 + 0.5 * 0.7, 0.5 * 0.51 + 0.5 * 0.045);
    let expected = (-(0.55_f64 - mean).powi(2) / (2.0 * variance / 4.0)).exp();
    assert_near(&found, &[expected as f32, 1.0], "weights");
}

/// By hand: predictions (0.8, 0.2) and (0.6, 0.4), of mean (0.7, 0.3). Aligned with equal shares, class 0 is divided by
/// 0.7 and class 1 by 0.3: (8/7, 2/3) and (6/7, 4/3), normalised 0.6316 and 0.3913.
#[test]
fn alignment_moves_confidences_and_remixmatchs_the_labels_too() {
    let places = Tensor::from_slice(&[0_i64, 1]);
    let aligned = |config: &str, n: usize| {
        let mut judge = judge(config, 2);
        let mut last = judge.judge(&weak(&[0.8, 0.6]), &places);
        for _ in 1..n {
            last = judge.judge(&weak(&[0.8, 0.6]), &places);
        }
        let classes = Vec::<i64>::try_from(&last.classes).expect("classes");
        (Vec::<f32>::try_from(&last.confidence).expect("a row"), classes)
    };
    let (confidence, classes) = aligned("align = \"uniform\"", 1);
    assert_near_by(&confidence, &[0.631_579, 0.608_696], 1e-5);
    assert_eq!(classes, [0, 0], "the label is that of the prediction as it was");
    // 3 of 4 labels are of class 0, and the memory is uniform: (0.8 · 1.5, 0.2 · 0.5), normalised 0.923, squared 0.9931
    let (confidence, classes) = aligned("align = \"remixmatch\"", 1);
    let of = |p: f64| {
        let (a, b) = (p * 0.75 / 0.5, (1.0 - p) * 0.25 / 0.5);
        (a * a / (a * a + b * b)) as f32
    };
    assert_near_by(&confidence, &[of(0.8), of(0.6)], 1e-5);
    assert_eq!(classes, [0, 0]);
    // after 130 batches the memory is (0.7, 0.3) throughout
    let (confidence, _) = aligned("align = \"remixmatch\"", 130);
    let of = |p: f64| {
        let (a, b) = (p * 0.75 / 0.7, (1.0 - p) * 0.25 / 0.3);
        (a * a / (a * a + b * b)) as f32
    };
    assert_near_by(&confidence, &[of(0.8), of(0.6)], 1e-4);
}

#[track_caller]
fn assert_near_by(found: &[f32], expected: &[f32], by: f32) {
    assert!(found.iter().zip(expected).all(|(a, b)| (a - b).abs() < by), "{found:?} {expected:?}");
}

/// What softmatch learns from differs by variant once predictions are aligned.
#[test]
fn torchssls_softmatch_learns_from_predictions_before_they_are_aligned() {
    let learned = |variant: &str| {
        let config = format!("policy = \"softmatch\"\nalign = \"uniform\"\nmomentum = 0.5\nvariant = \"{variant}\"");
        let mut judge = judge(&config, 2);
        judged(&mut judge, &[0.8, 0.6]);
        state_of(&mut judge)[0]
    };
    assert!((learned("torchssl") - 0.6).abs() < 1e-5, "½ · ½ + ½ · 0.7");
    let aligned = 0.25 + 0.25 * (0.631_579 + 0.608_696);
    assert!((learned("usb") - aligned).abs() < 1e-5 && (learned("paper") - aligned).abs() < 1e-5);
}

#[test]
fn a_judge_that_takes_its_state_back_judges_on_as_the_one_that_saved_it() {
    for policy in ["fixed", "flexmatch", "freematch", "softmatch"] {
        for align in ["none", "uniform", "remixmatch"] {
            let config =
                toml::from_str(&format!("policy = \"{policy}\"\nalign = \"{align}\"")).expect("a configuration");
            let new = || Court::new(&config, 0.6, &facts(10));
            let go = |judge: &mut Court, steps: std::ops::Range<usize>| {
                let said = |step| judge.judge(&logits(10, step), &places(step)).weights();
                let all: Vec<Tensor> = steps.map(said).collect();
                let mut tensors = Tensors::new();
                judge.judge.save(&mut tensors);
                (Vec::<f32>::try_from(Tensor::cat(&all, 0)).expect("a row"), tensors)
            };
            let mut unbroken = new();
            let (_, saved) = go(&mut unbroken, 270..300);
            let mut resumed = new();
            resumed.judge.restore(&saved, 30).expect("fits");
            assert_eq!(go(&mut unbroken, 300..400), go(&mut resumed, 300..400), "{policy} {align}");
        }
    }
}
