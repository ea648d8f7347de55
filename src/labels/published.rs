//! Label sets that the field refers to: the paper's folds, and the eight sets of its study with one label per class.

use anyhow::{Context as _, Result, ensure};
use rand_mt::Mt;

use crate::base::alike::did_you_mean;
use crate::data::Dataset;
use crate::data::cifar10::has_official_order;
use crate::data::svhn;

/// One set of the paper's study of 10 labels.
#[derive(Debug)]
pub struct Published {
    /// What `labels.pick = "published:NAME"` calls it.
    pub name: &'static str,
    /// What it is.
    pub about: &'static str,
    /// Indices into CIFAR-10's training images, ascending.
    pub indices: [u32; 10],
}

const fn set(name: &'static str, about: &'static str, indices: [u32; 10]) -> Published {
    Published { name, about, indices }
}

/// CIFAR-10's training images, sorted by representativeness and cut into eight parts; one image of each class drawn
/// from each part (paper, section 4.4 and B.7; indices: google-research/fixmatch, issue 16).
pub const PUBLISHED: [Published; 8] = [
    set(
        "prototypicality-0",
        "outliers: the least representative eighth",
        [7408, 8148, 9850, 10361, 33949, 36506, 37018, 45044, 46443, 47447],
    ),
    set("prototypicality-1", "", [5022, 8193, 8902, 9601, 25226, 26223, 34089, 35186, 40595, 48024]),
    set("prototypicality-2", "", [7510, 13186, 14043, 21305, 22805, 31288, 34508, 40470, 41493, 45506]),
    set("prototypicality-3", "", [9915, 9978, 16631, 19915, 28008, 35314, 35801, 36149, 39215, 42557]),
    set("prototypicality-4", "", [6695, 14891, 19726, 22715, 23999, 34230, 46511, 47457, 49181, 49397]),
    set("prototypicality-5", "", [12830, 20293, 26835, 30517, 30898, 31061, 43693, 46501, 47310, 48517]),
    set("prototypicality-6", "", [1156, 11501, 19974, 21963, 32103, 42189, 46789, 47690, 48229, 48675]),
    set(
        "prototypicality-7",
        "the most representative eighth",
        [4255, 6446, 8580, 11759, 12598, 29349, 29433, 33759, 35345, 38639],
    ),
];

/// The images of a published set. Fails on other data than CIFAR-10 in its official order.
pub fn published(name: &str, dataset: &Dataset) -> Result<Vec<u32>> {
    let set = PUBLISHED.iter().find(|set| set.name == name).with_context(|| {
        let names: Vec<_> = PUBLISHED.iter().map(|set| set.name).collect();
        let meant = did_you_mean(name, names.iter().copied());
        format!("no published label set is called {name:?}; {meant}choose one of {}", names.join(", "))
    })?;
    ensure!(
        dataset.name == "cifar10" && has_official_order(&dataset.train),
        "{name} lists images of CIFAR-10 in its official order, which this data set ({}) is not",
        dataset.name
    );
    let mut classes: Vec<u16> = set.indices.iter().map(|&index| dataset.train.labels[index as usize]).collect();
    classes.sort_unstable();
    ensure!(classes.iter().copied().eq(0..10), "{name} must hold one image of each class, not of {classes:?}");
    Ok(set.indices.to_vec())
}

/// Fold `number` of a data set, with `n` labels. The paper's are 1 to 5.
///
/// STL-10 comes with folds of 1,000 labels. The original code takes those, by line from 0 on.
pub fn fold_of(dataset: &Dataset, n: usize, number: u32) -> Result<Vec<u32>> {
    let (folds, n_classes) = (&dataset.folds, dataset.classes.len());
    if folds.is_empty() {
        // the first class that is shuffled decides over the others
        let first = if is_svhn(dataset) { svhn::FIRST_CLASS_OF_FOLDS } else { 0 };
        let turned = |label: &u16| (label + n_classes as u16 - first) % n_classes as u16;
        let labels: Vec<u16> = dataset.train.labels.iter().map(turned).collect();
        return fold(&labels, n_classes, n, number);
    }
    let fold = folds.get(number as usize).with_context(|| {
        format!("{} comes with the folds 0 to {}, and {number} is none of them", dataset.name, folds.len() - 1)
    })?;
    ensure!(
        fold.len() == n,
        "fold {number} of {} has {} labels, not {n}: set labels.per_class = {}",
        dataset.name,
        fold.len(),
        fold.len() / n_classes,
    );
    Ok(fold.clone())
}

fn is_svhn(dataset: &Dataset) -> bool {
    [svhn::DESCRIPTOR.name, svhn::WITH_EXTRA.name].contains(&dataset.name.as_str())
}

/// Fold `seed` of the original code, with `n` labels: each class's images, in numpy's legacy shuffle for that seed, one
/// after the other by the class that lacks most (google-research/fixmatch, `scripts/create_split.py`).
///
/// Fold 0 is not shuffled.
fn fold(labels: &[u16], n_classes: usize, n: usize, seed: u32) -> Result<Vec<u32>> {
    ensure!(n <= labels.len(), "cannot label {n} of {} images", labels.len());
    let mut of_class = vec![Vec::new(); n_classes];
    for (index, &label) in labels.iter().enumerate() {
        of_class[usize::from(label)].push(index as u32);
    }
    if seed > 0 {
        let mut rng = Mt::new(seed);
        for indices in &mut of_class {
            legacy_shuffle(indices, &mut rng);
        }
    }
    let largest = of_class.iter().map(Vec::len).max().unwrap_or_default();
    let share: Vec<f64> = of_class.iter().map(|indices| indices.len() as f64 / largest as f64).collect();
    let mut taken = vec![0_usize; n_classes];
    let mut indices = Vec::with_capacity(n);
    while indices.len() < n {
        let most = taken.iter().copied().max().unwrap_or_default().max(1) as f64;
        let lacks = |class: usize| share[class] - taken[class] as f64 / most;
        let first_of_largest = |best: usize, class: usize| if lacks(class) > lacks(best) { class } else { best };
        let class = (1..n_classes).fold(0, first_of_largest);
        let index = of_class[class].get(taken[class]).with_context(|| {
            format!("fold {seed} asks for more than the {} images of class {class}", of_class[class].len())
        })?;
        indices.push(*index);
        taken[class] += 1;
    }
    indices.sort_unstable();
    Ok(indices)
}

/// `numpy.random.RandomState.shuffle`: from the end, with integers drawn by masking and rejection.
fn legacy_shuffle(items: &mut [u32], rng: &mut Mt) {
    for last in (1..items.len()).rev() {
        let mask = u32::MAX >> (last as u32).leading_zeros();
        let other = loop {
            let draw = (rng.next_u32() & mask) as usize;
            if draw <= last {
                break draw;
            }
        };
        items.swap(last, other);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const GOLDEN: [(u32, [u32; 20]); 3] = [
        (1, [15, 22, 30, 36, 37, 39, 42, 47, 81, 96, 103, 105, 109, 118, 143, 148, 151, 154, 160, 174]),
        (2, [19, 36, 40, 43, 48, 52, 56, 67, 69, 73, 77, 120, 131, 135, 138, 141, 145, 154, 172, 194]),
        (5, [20, 31, 50, 58, 76, 83, 104, 109, 112, 114, 121, 122, 128, 136, 137, 157, 165, 173, 195, 199]),
    ];

    /// numpy 2: `np.random.seed(s)`, then, for each of 10 classes with 20 images in turn (label i % 10),
    /// `np.random.shuffle(indices)`; the first two of each class.
    #[test]
    fn folds_are_those_of_numpys_legacy_shuffle() {
        let labels: Vec<u16> = (0..200).map(|i| i % 10).collect();
        for (seed, expected) in GOLDEN {
            assert_eq!(fold(&labels, 10, 20, seed).expect("enough images"), expected, "fold {seed}");
        }
    }

    #[test]
    fn a_fold_takes_classes_in_proportion_to_their_size() {
        let labels: Vec<u16> = (0..90).map(|i| u16::from(i % 3 == 0)).collect();
        let taken = fold(&labels, 2, 30, 1).expect("enough images");
        let n_rare = taken.iter().filter(|&&index| labels[index as usize] == 1).count();
        assert!((9..=11).contains(&n_rare), "{n_rare}");
        assert!(fold(&labels, 2, 91, 1).expect_err("too many").to_string().contains("91 of 90"));
    }

    #[test]
    fn folds_of_svhn_begin_with_the_digit_1_as_in_the_original_code() {
        // the original code's class is the digit less one, and 9 for the digit 0
        let theirs: Vec<u16> = (0..200).map(|i| i % 10).collect();
        let names: Vec<String> = (0..10).map(|digit| digit.to_string()).collect();
        let names: Vec<&str> = names.iter().map(String::as_str).collect();
        let digits = theirs.iter().map(|class| (class + 1) % 10).collect();
        let svhn = Dataset { name: "svhn".into(), ..Dataset::black(&names, digits) };
        for (seed, expected) in GOLDEN {
            assert_eq!(fold_of(&svhn, 20, seed).expect("enough images"), expected, "fold {seed}");
        }
    }

    #[test]
    fn folds_that_come_with_a_data_set_are_taken_by_number() {
        let folds = vec![vec![0, 3], vec![2, 1]];
        let dataset = Dataset { folds, ..Dataset::black(&["a", "b"], vec![0, 1, 0, 1]) };
        assert_eq!(fold_of(&dataset, 2, 1).expect("there is one"), [2, 1]);
        let refusal = |n, number| fold_of(&dataset, n, number).expect_err("refused").to_string();
        assert_eq!(refusal(4, 1), "fold 1 of pets has 2 labels, not 4: set labels.per_class = 1");
        assert_eq!(refusal(2, 2), "pets comes with the folds 0 to 1, and 2 is none of them");
    }

    #[test]
    fn published_sets_are_refused_for_other_data_and_names() {
        let dataset = Dataset::black(&["a"], vec![0; 3]);
        let refusal = |name| published(name, &dataset).expect_err("refused").to_string();
        assert!(refusal("best").contains("choose one of prototypicality-0, prototypicality-1"));
        assert!(refusal("prototypicality-7").contains("which this data set (pets) is not"));
    }
}
