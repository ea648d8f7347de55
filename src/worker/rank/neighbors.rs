//! Scores from where images lie among each other: k nearest neighbours and k-means, in blocks, so that no n × n matrix
//! is ever in memory. Rows are features of length 1; distances are squared, as in TypiClust's code.

use fixmatch::base::rng::{Rng, Stream};
use tch::{Kind, Tensor};

/// Rows whose distances to all others are in memory at once: 1024 × 50,000 × 4 bytes are 205 MB.
const BLOCK: i64 = 1024;

/// Rounds of k-means at most.
const MAX_ROUNDS: usize = 50;

/// Added to a mean distance before it is inverted, as in TypiClust's code.
const SMALLEST: f64 = 1e-5;

/// How crowded it is around each row.
pub struct Density {
    /// 1 / mean squared distance to the nearest others: (n).
    pub scores: Tensor,
    /// The nearest others of each row, the nearest first.
    pub near: Vec<Vec<u32>>,
}

/// By the `k` nearest others, for each row of features (n, f).
pub fn density(features: &Tensor, k: usize) -> Density {
    let (distances, near) = nearest(features, k);
    Density { scores: 1.0_f64 / (distances + SMALLEST), near }
}

/// The same inside of each row's cluster, with at most half of the cluster as neighbours (TypiClust, section 3).
pub fn typicality(features: &Tensor, clusters: &[u32], k: usize) -> Density {
    let scores = Tensor::zeros([features.size()[0]], (Kind::Float, features.device()));
    let mut near = vec![Vec::new(); clusters.len()];
    let n_clusters = clusters.iter().max().map_or(0, |&cluster| cluster + 1);
    for cluster in 0..n_clusters {
        let members: Vec<i64> = (0..clusters.len()).filter(|&i| clusters[i] == cluster).map(|i| i as i64).collect();
        if members.len() < 2 {
            continue; // nobody is near: 0, the least typical
        }
        let indices = Tensor::from_slice(&members);
        let k = k.min(members.len() / 2).max(1);
        let inside = density(&features.index_select(0, &indices), k);
        let _ = scores.shallow_clone().index_copy_(0, &indices, &inside.scores);
        for (&member, row) in members.iter().zip(inside.near) {
            near[member as usize] = row.into_iter().map(|place| members[place as usize] as u32).collect();
        }
    }
    Density { scores, near }
}

/// Mean squared distance to the `k` nearest others, (n), and which these are.
fn nearest(features: &Tensor, k: usize) -> (Tensor, Vec<Vec<u32>>) {
    let n = features.size()[0];
    let k = (k as i64).min(n - 1).max(1);
    let (mut distances, mut near) = (Vec::new(), Vec::with_capacity(n as usize));
    for start in (0..n).step_by(BLOCK as usize) {
        let block = features.narrow(0, start, BLOCK.min(n - start));
        let (squared, places) = squared_distances(&block, features).topk((k + 1).min(n), 1, false, true);
        // the nearest of all is the row itself
        let others = squared.narrow(1, 1, squared.size()[1] - 1);
        distances.push(others.mean_dim([1_i64].as_slice(), false, Kind::Float));
        let places = Vec::<Vec<i64>>::try_from(places).expect("a row of places for each row");
        near.extend(places.into_iter().zip(start..).map(|(row, own)| {
            row.into_iter().filter(|&place| place != own).take(k as usize).map(|place| place as u32).collect::<Vec<_>>()
        }));
    }
    (Tensor::cat(&distances, 0), near)
}

/// ‖a‖² + ‖b‖² − 2 a·b for all pairs of rows: (n_a, n_b).
fn squared_distances(a: &Tensor, b: &Tensor) -> Tensor {
    let squares = |x: &Tensor| (x * x).sum_dim_intlist([1_i64].as_slice(), false, Kind::Float);
    (squares(a).unsqueeze(1) + squares(b).unsqueeze(0) - a.matmul(&b.transpose(0, 1)) * 2.0_f64).clamp_min(0.0)
}

/// The cluster of each row, by k-means from k-means++ seeds.
pub fn clusters(features: &Tensor, k: usize, seed: u64) -> Vec<u32> {
    let k = k.min(features.size()[0] as usize);
    let mut centers = seeds(features, k, &mut Rng::new(seed, Stream::Clusters, 0, 0));
    let mut assigned = assign(features, &centers);
    for _ in 0..MAX_ROUNDS {
        centers = means(features, &assigned, &centers);
        let again = assign(features, &centers);
        if again == assigned {
            break;
        }
        assigned = again;
    }
    let assigned = Vec::<i64>::try_from(assigned).expect("a cluster a row");
    assigned.into_iter().map(|cluster| cluster as u32).collect()
}

/// Rows drawn one after the other, with chances in proportion to the squared distance from the nearest one drawn so far
/// (Arthur and Vassilvitskii, "k-means++", 2007).
fn seeds(features: &Tensor, k: usize, rng: &mut Rng) -> Tensor {
    let n = features.size()[0];
    let first = i64::from(rng.below(n as u32));
    let mut rows = vec![features.narrow(0, first, 1)];
    let mut distance = squared_distances(features, &rows[0]).squeeze_dim(1); // (n)
    while rows.len() < k {
        let sums = distance.cumsum(0, Kind::Double);
        let point = rng.unit() * sums.double_value(&[n - 1]);
        let place = sums.le(point).sum(Kind::Int64).int64_value(&[]).min(n - 1);
        rows.push(features.narrow(0, place, 1));
        distance = distance.minimum(&squared_distances(features, rows.last().expect("just pushed")).squeeze_dim(1));
    }
    Tensor::cat(&rows, 0)
}

/// The nearest center of each row: (n) i64.
fn assign(features: &Tensor, centers: &Tensor) -> Tensor {
    let n = features.size()[0];
    let blocks: Vec<Tensor> = (0..n)
        .step_by(BLOCK as usize)
        .map(|start| squared_distances(&features.narrow(0, start, BLOCK.min(n - start)), centers).argmin(1, false))
        .collect();
    Tensor::cat(&blocks, 0)
}

/// The mean of each cluster's rows; an empty cluster keeps its center.
fn means(features: &Tensor, assigned: &Tensor, centers: &Tensor) -> Tensor {
    let sums = centers.zeros_like().index_add(0, assigned, features);
    let counts = assigned.bincount::<Tensor>(None, centers.size()[0]).to_kind(Kind::Float).unsqueeze(1);
    (sums / counts.clamp_min(1.0)).where_self(&counts.gt(0.0), centers)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn on_a_line(places: &[f32]) -> Tensor {
        Tensor::from_slice(places).view([places.len() as i64, 1])
    }

    fn values(tensor: Tensor) -> Vec<f32> {
        Vec::try_from(tensor).expect("a row")
    }

    #[test]
    fn density_is_one_over_the_mean_squared_distance_of_the_nearest() {
        // at 0, 1 and 3: the two nearest of 0 are 1 and 9 away, of 1 are 1 and 4, of 3 are 4 and 9
        let Density { scores, near } = density(&on_a_line(&[0.0, 1.0, 3.0]), 2);
        assert_eq!(near, [[1, 2], [0, 2], [1, 0]]);
        let found = values(scores);
        for (found, mean) in found.into_iter().zip([5.0, 2.5, 6.5]) {
            assert!((found - 1.0 / mean).abs() < 1e-5, "{found} is not 1 / {mean}");
        }
    }

    #[test]
    fn blocks_give_what_one_matrix_gives() {
        let n = BLOCK + 100;
        let mut rng = Rng::new(1, Stream::Clusters, 0, 0);
        let numbers: Vec<f32> = (0..n * 3).map(|_| rng.unit() as f32).collect();
        let features = Tensor::from_slice(&numbers).view([n, 3]);
        let whole = Tensor::cdist(&features, &features, 2.0, None::<i64>).square().topk(6, 1, false, true).0;
        let expected = whole.narrow(1, 1, 5).mean_dim([1_i64].as_slice(), false, Kind::Float);
        let difference = (nearest(&features, 5).0 - expected).abs().max().double_value(&[]);
        assert!(difference < 1e-5, "{difference}");
    }

    #[test]
    #[ignore = "takes a minute; the peak is that of a process of its own"]
    fn fifty_thousand_images_with_128_features_take_less_than_two_gigabytes() {
        let (n, f) = (50_000, 128);
        let mut rng = Rng::new(1, Stream::Clusters, 0, 0);
        let numbers: Vec<f32> = (0..n * f).map(|_| rng.unit() as f32 - 0.5).collect();
        let features = Tensor::from_slice(&numbers).view([n, f]);
        assert_eq!(density(&features, 20).near.len(), n as usize);
        let clusters = clusters(&features, 40, 0);
        assert_eq!(typicality(&features, &clusters, 20).scores.size(), [n]);
        let peak = crate::bench::peak_memory_mib();
        assert!(peak < 2048, "{peak} MiB");
    }

    #[test]
    fn clusters_are_found_and_typicality_stays_inside_them() {
        let features = on_a_line(&[0.0, 0.1, 0.2, 0.6, 10.0, 10.1, 10.2, 10.9, 50.0]);
        let clusters = clusters(&features, 3, 0);
        let same = |a: usize, b: usize| clusters[a] == clusters[b];
        assert!(same(0, 1) && same(0, 2) && same(0, 3), "{clusters:?}");
        assert!(same(4, 5) && same(4, 6) && same(4, 7), "{clusters:?}");
        assert!(!same(0, 4) && !same(0, 8) && !same(4, 8), "{clusters:?}");
        let Density { scores, near } = typicality(&features, &clusters, 20);
        let scores = values(scores);
        assert_eq!((near[6].as_slice(), near[8].as_slice()), (&[5, 4][..], &[][..]), "{near:?}");
        // the one in the middle of its cluster is the most typical, the one at its edge the least, one alone not at all
        assert!(scores[1] > scores[0] && scores[0] > scores[3], "{scores:?}");
        assert!(scores[5] > scores[7] && scores[8] == 0.0, "{scores:?}");
    }
}
