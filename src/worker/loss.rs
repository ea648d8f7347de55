//! The loss of FixMatch (paper, section 2.2, equations 3 and 4).

use tch::{Kind, Reduction, Tensor};

use crate::policy::PseudoLabels;

/// The loss of one step and what it was made of; scalars unless said otherwise.
#[derive(Debug)]
pub struct Loss {
    /// ℓ_s + λ_u ℓ_u and what the policy adds, with its graph.
    pub total: Tensor,
    /// ℓ_s: mean cross-entropy of the labeled views.
    pub supervised: Tensor,
    /// What the unlabeled images add; None without any.
    pub unlabeled: Option<Unlabeled>,
}

/// The unlabeled part.
#[derive(Debug)]
pub struct Unlabeled {
    /// ℓ_u: cross-entropy of the strong views against the pseudo-labels, masked ones counted as zero, mean over all μB.
    pub loss: Tensor,
    /// What the policy adds beside it, weighted.
    pub fairness: Option<Tensor>,
    /// Of all μB images.
    pub pseudo: PseudoLabels,
}

/// ℓ_s of labeled logits (B, classes).
pub fn supervised(logits: &Tensor, labels: &Tensor) -> Tensor {
    logits.cross_entropy_loss::<Tensor>(labels, None, Reduction::Mean, -100, 0.0)
}

/// ℓ_u of strong logits (n, classes) and their images' pseudo-labels, in the same order. Masked images among the μB
/// may be missing: they would add nothing.
///
/// A mask without any image in it gives a loss and a gradient of zero.
pub fn unsupervised(logits_strong: &Tensor, pseudo: &PseudoLabels, n_unlabeled: i64) -> Tensor {
    let losses = logits_strong.cross_entropy_loss::<Tensor>(&pseudo.classes, None, Reduction::None, -100, 0.0); // (n)
    (losses * pseudo.weights()).sum(None) / n_unlabeled as f64
}

/// What pairs of views, whose rows correspond, have to be closer than: SimCLR's temperature for small batches.
const TEMPERATURE: f64 = 0.5;

/// The normalised temperature-scaled cross-entropy of SimCLR (Chen et al., ICML 2020, equation 1): each view of an image
/// must find the other one among all views, by the cosine of their projections (N, d).
pub fn contrastive(one: &Tensor, other: &Tensor) -> Tensor {
    let n = one.size()[0];
    let views = Tensor::cat(&[one, other], 0); // (2N, d)
    let views = &views / views.norm_scalaropt_dim(2, [1_i64].as_slice(), true).clamp_min(1e-12);
    let itself = Tensor::eye(2 * n, (Kind::Bool, one.device()));
    let similarity = (views.matmul(&views.transpose(0, 1)) / TEMPERATURE).masked_fill(&itself, f64::NEG_INFINITY);
    let partners = Tensor::arange(2 * n, (Kind::Int64, one.device())).roll(n, 0);
    similarity.cross_entropy_loss::<Tensor>(&partners, None, Reduction::Mean, -100, 0.0)
}

/// ℓ_s + λ_u ℓ_u, and what the policy adds.
pub fn combine(supervised: Tensor, unlabeled: Option<Unlabeled>, lambda_u: f64) -> Loss {
    let total = match &unlabeled {
        Some(Unlabeled { loss, fairness: None, .. }) => &supervised + lambda_u * loss,
        Some(Unlabeled { loss, fairness: Some(fairness), .. }) => &supervised + lambda_u * loss + fairness,
        None => supervised.shallow_clone(),
    };
    Loss { total, supervised, unlabeled }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn logits(rows: &[[f32; 2]]) -> Tensor {
        Tensor::from_slice(rows.as_flattened()).view([rows.len() as i64, 2])
    }

    fn assert_near(value: &Tensor, expected: f64) {
        let value = value.double_value(&[]);
        assert!((value - expected).abs() < 1e-6, "{value} is not {expected}");
    }

    /// Worked by hand. Weak: ln 19 : 0 gives p = 0.95 for class 0; 0 : ln 3 gives p = 0.75 for class 1.
    /// Strong: 0 : 0 costs ln 2; 0 : ln 3 costs ln(4/3) against class 1.
    #[test]
    fn the_loss_is_what_the_hand_gets() {
        let (ln3, ln19) = (3.0_f32.ln(), 19.0_f32.ln());
        let weak = logits(&[[ln19 + 0.001, 0.0], [0.0, ln3], [0.0, ln19 + 0.001], [0.0, 0.0]]);
        let strong = logits(&[[0.0, 0.0], [0.0, 5.0], [0.0, ln3], [9.0, 0.0]]);
        let pseudo = PseudoLabels::new(&weak, 0.95);
        assert_eq!(Vec::<bool>::try_from(&pseudo.mask).expect("a vector"), [true, false, true, false]);
        let loss = unsupervised(&strong, &pseudo, 4);
        let expected = (2.0_f64.ln() + (4.0_f64 / 3.0).ln()) / 4.0;
        assert_near(&loss, expected);
        let rows = Tensor::from_slice(&[2_i64, 0]);
        assert_near(&unsupervised(&strong.index_select(0, &rows), &pseudo.select(&rows), 4), expected);
        let labeled = supervised(&logits(&[[0.0, ln3], [0.0, 0.0]]), &Tensor::from_slice(&[0_i64, 1]));
        assert_near(&labeled, 8.0_f64.ln() / 2.0);
        let total = combine(labeled, Some(Unlabeled { loss, fairness: None, pseudo }), 0.5).total;
        assert_near(&total, 1.5 * 2.0_f64.ln() + 0.5 * expected);
    }

    /// By hand: two images whose views are the same unit vector, at right angles to the other image's. A view's partner
    /// has similarity 1 / 0.5, the two other views 0: −ln(e² / (e² + 2)).
    #[test]
    fn views_of_an_image_find_each_other() {
        let views = logits(&[[3.0, 0.0], [0.0, 0.5]]);
        let e2 = 2.0_f64.exp();
        assert_near(&contrastive(&views, &views), -(e2 / (e2 + 2.0)).ln());
        let crossed = contrastive(&views, &logits(&[[0.0, 1.0], [1.0, 0.0]]));
        assert_near(&crossed, -(1.0 / (e2 + 2.0)).ln());
    }

    #[test]
    fn a_probability_at_the_threshold_counts() {
        let pseudo = PseudoLabels::new(&logits(&[[0.0, 0.0]]), 0.5);
        assert_eq!(Vec::<bool>::try_from(&pseudo.mask).expect("a vector"), [true]);
    }

    #[test]
    fn an_empty_mask_gives_zero_and_no_gradient() {
        let strong = logits(&[[1.0, 2.0]]).set_requires_grad(true);
        let loss = unsupervised(&strong, &PseudoLabels::new(&logits(&[[0.0, 0.0]]), 0.95), 1);
        assert_near(&loss, 0.0);
        loss.backward();
        assert_near(&strong.grad().abs().sum(None), 0.0);
    }

    #[test]
    fn no_gradient_reaches_the_weak_views() {
        let weak = logits(&[[9.0, 0.0]]).set_requires_grad(true);
        let strong = logits(&[[0.0, 0.0]]).set_requires_grad(true);
        unsupervised(&strong, &PseudoLabels::new(&weak, 0.95), 1).backward();
        assert!(!weak.grad().defined());
        assert!(strong.grad().abs().sum(None).double_value(&[]) > 0.1);
    }
}
