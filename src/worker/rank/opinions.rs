//! Scores from what networks say of images: Carlini, Erlingsson and Papernot, "Distribution Density, Tails, and
//! Outliers in Machine Learning" (2019), section 3. All in natural logarithms.

use std::sync::Arc;

use tch::{Kind, Tensor};

/// Keeps logarithms finite.
const SMALLEST: f64 = 1e-12;

/// Mean over the networks of the highest probability: (n) of probabilities (n, classes) each.
pub fn confidence(opinions: &[Tensor]) -> Tensor {
    let highest: Vec<Tensor> = opinions.iter().map(|probabilities| probabilities.max_dim(-1, false).0).collect();
    mean(&highest)
}

/// Mean over pairs of networks of the Jensen–Shannon divergence between their probabilities: (n), in [0, ln 2].
/// Zero for a single network.
pub fn disagreement(opinions: &[Tensor]) -> Tensor {
    let pairs = (0..opinions.len()).flat_map(|a| (a + 1..opinions.len()).map(move |b| (a, b)));
    let divergences: Vec<Tensor> = pairs.map(|(a, b)| jensen_shannon(&opinions[a], &opinions[b])).collect();
    if divergences.is_empty() { opinions[0].max_dim(-1, false).0.zeros_like() } else { mean(&divergences) }
}

/// Symmetric KL divergence between what a network says of an image after training on its half of the images and after
/// training on the other half as well, mean over the networks that began with that half: (n).
///
/// Opinions come by twos; the first network began with the first half, the second with the second, and so on.
pub fn change(opinions: &[Tensor], halves: &[Arc<[u32]>], n: usize) -> Tensor {
    let divergences = opinions
        .chunks_exact(2)
        .map(|pair| (kullback_leibler(&pair[0], &pair[1]) + kullback_leibler(&pair[1], &pair[0])).unsqueeze(1));
    let divergences: Vec<Tensor> = divergences.collect();
    let of_halves = divergences.iter().zip(halves.iter().cycle()).collect::<Vec<_>>();
    mean_of_parts(&of_halves, n).squeeze_dim(1)
}

/// The mean, for each of `n` images, of the rows that there are of it: (n, columns) of rows for a part of the images each.
pub fn mean_of_parts(parts: &[(&Tensor, &Arc<[u32]>)], n: usize) -> Tensor {
    let options = (Kind::Float, tch::Device::Cpu);
    let n_columns = parts.first().map_or(1, |(rows, _)| rows.size()[1]);
    let (sums, counts) = (Tensor::zeros([n as i64, n_columns], options), Tensor::zeros([n as i64, 1], options));
    for (rows, part) in parts {
        let indices: Vec<i64> = part.iter().map(|&index| i64::from(index)).collect();
        let indices = Tensor::from_slice(&indices);
        let _ = sums.shallow_clone().index_add_(0, &indices, rows);
        let _ = counts.shallow_clone().index_add_(0, &indices, &Tensor::ones([indices.size()[0], 1], options));
    }
    sums / counts
}

fn jensen_shannon(p: &Tensor, q: &Tensor) -> Tensor {
    let middle = (p + q) / 2;
    (kullback_leibler(p, &middle) + kullback_leibler(q, &middle)) / 2
}

/// Σ p ln(p / q) over the classes.
fn kullback_leibler(p: &Tensor, q: &Tensor) -> Tensor {
    let [p, q] = [p, q].map(|x| x.clamp_min(SMALLEST));
    (&p * (&p / &q).log()).sum_dim_intlist([-1_i64].as_slice(), false, Kind::Float)
}

fn mean(rows: &[Tensor]) -> Tensor {
    Tensor::stack(rows, 0).mean_dim([0_i64].as_slice(), false, Kind::Float)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn probabilities(rows: &[[f32; 2]]) -> Tensor {
        Tensor::from_slice(rows.as_flattened()).view([rows.len() as i64, 2])
    }

    fn assert_near(found: &Tensor, expected: &[f64]) {
        let found = Vec::<f32>::try_from(found).expect("a row");
        assert_eq!(found.len(), expected.len());
        let near = |(x, y): (&f32, &f64)| (f64::from(*x) - y).abs() < 1e-6;
        assert!(found.iter().zip(expected).all(near), "{found:?} is not {expected:?}");
    }

    /// By hand. Two networks that are sure of different classes differ by ln 2, two that agree by 0; of three of which
    /// one differs, two of three pairs do.
    #[test]
    fn disagreement_is_the_mean_divergence_of_pairs() {
        let (a, b) = (probabilities(&[[1.0, 0.0], [0.5, 0.5]]), probabilities(&[[0.0, 1.0], [0.5, 0.5]]));
        let ln2 = std::f64::consts::LN_2;
        assert_near(&disagreement(&[a.copy(), b.copy()]), &[ln2, 0.0]);
        assert_near(&disagreement(&[a.copy(), b, a.copy()]), &[ln2 * 2.0 / 3.0, 0.0]);
        assert_near(&disagreement(&[a]), &[0.0, 0.0]);
    }

    #[test]
    fn confidence_is_the_mean_highest_probability() {
        let (a, b) = (probabilities(&[[0.9, 0.1], [0.5, 0.5]]), probabilities(&[[0.3, 0.7], [0.2, 0.8]]));
        assert_near(&confidence(&[a, b]), &[0.8, 0.65]);
    }

    /// KL(½,½ ‖ ¼,¾) = ln 2 − ½ ln 3 / … by hand: ½ ln 2 + ½ ln(2/3); the other way ¼ ln ½ + ¾ ln(3/2).
    #[test]
    fn change_is_the_symmetric_divergence_of_each_half() {
        let halves: [Arc<[u32]>; 2] = [[2].into(), [0, 1].into()];
        let (even, skewed) = ([0.5, 0.5], [0.25, 0.75]);
        let divergence = 0.5 * 2.0_f64.ln() + 0.5 * (2.0_f64 / 3.0).ln() + 0.25 * 0.5_f64.ln() + 0.75 * 1.5_f64.ln();
        let opinions = [[even].as_slice(), &[skewed], &[even, even], &[even, skewed]].map(probabilities);
        assert_near(&change(&opinions, &halves, 3), &[0.0, divergence, divergence]);
    }
}
