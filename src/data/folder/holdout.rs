//! Test images held out of a folder that has none of its own.
//!
//! Each image is drawn on its own, by a hash of the seed and its path from the root: so what is drawn does not depend on
//! which other images there are, and *an image that is added moves none from the test images to the training images*. A
//! class therefore has about its share, not exactly. What the draw cannot give are both kinds in every small class, so a
//! class of two or more lends what it lacks: of those not drawn, the one that came closest, or the reverse.

use std::os::unix::ffi::OsStrExt as _;
use std::path::Path;

use sha2::{Digest as _, Sha256};

use super::Entry;

/// The share where nothing else is said.
pub const SHARE: f64 = 0.2;

/// How test images were held out.
#[derive(Clone, Debug, PartialEq)]
pub struct HeldOut {
    /// The share that was asked for.
    pub share: f64,
    /// What decides which images.
    pub seed: u64,
    /// Classes of which none was drawn, so that one image was lent.
    pub n_lent: usize,
}

/// Divides labeled images into those to train on and those to test on, each in their order.
pub(super) fn divide(
    entries: Vec<Entry>,
    n_classes: usize,
    root: &Path,
    (share, seed): (f64, u64),
) -> (Vec<Entry>, Vec<Entry>, HeldOut) {
    let draws: Vec<f64> = entries.iter().map(|entry| draw(&entry.path, root, seed)).collect();
    let mut is_test: Vec<bool> = draws.iter().map(|draw| *draw < share).collect();
    let mut of_class = vec![Vec::new(); n_classes];
    for (i, entry) in entries.iter().enumerate() {
        of_class[usize::from(entry.label)].push(i);
    }
    let mut n_lent = 0;
    for images in of_class.iter_mut().filter(|images| images.len() > 1) {
        images.sort_by(|&a, &b| draws[a].total_cmp(&draws[b]));
        let (first, last) = (images[0], images[images.len() - 1]);
        n_lent += usize::from(!is_test[first]);
        is_test[first] = true;
        is_test[last] = false;
    }
    // of a class with one image there is nothing to hold out
    for images in of_class.iter().filter(|images| images.len() == 1) {
        is_test[images[0]] = false;
    }
    let mut is_test = is_test.into_iter();
    let (test, train) = entries.into_iter().partition(|_| is_test.next().expect("one for each"));
    (train, test, HeldOut { share, seed, n_lent })
}

/// A number in [0, 1): the first 8 bytes of SHA-256 over the seed (8 bytes, little-endian) and the path from the root.
fn draw(path: &Path, root: &Path, seed: u64) -> f64 {
    let path = path.strip_prefix(root).unwrap_or(path);
    let hash = Sha256::new().chain_update(seed.to_le_bytes()).chain_update(path.as_os_str().as_bytes()).finalize();
    let first = u64::from_le_bytes(hash[..8].try_into().expect("8 bytes"));
    (first >> 11) as f64 / (1_u64 << 53) as f64
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::*;

    fn entries(n_of_class: &[usize]) -> Vec<Entry> {
        let of_class = |(label, &n): (usize, &usize)| {
            (0..n).map(move |i| Entry { path: format!("root/{label}/{i}.png").into(), label: label as u16 })
        };
        n_of_class.iter().enumerate().flat_map(of_class).collect()
    }

    fn test_paths(entries: Vec<Entry>, n_classes: usize, seed: u64) -> HashSet<String> {
        let (train, test, _) = divide(entries, n_classes, Path::new("root"), (0.2, seed));
        assert!(train.iter().all(|a| test.iter().all(|b| a.path != b.path)));
        test.into_iter().map(|entry| entry.path.display().to_string()).collect()
    }

    #[test]
    fn a_draw_is_the_hash_of_seed_and_path() {
        // printf '\7\0\0\0\0\0\0\0cat/1.png' | sha256sum: dd2a4f08…
        let hash = Sha256::digest(b"\x07\0\0\0\0\0\0\0cat/1.png");
        let expected = u64::from_le_bytes(hash[..8].try_into().expect("8")) as f64 / 2_f64.powi(64);
        let drawn = draw(Path::new("root/cat/1.png"), Path::new("root"), 7);
        assert!((drawn - expected).abs() < 1e-15, "{drawn} {expected}");
    }

    #[test]
    fn images_that_are_added_move_none_from_test_to_training() {
        let of_class = [40, 60];
        let before = test_paths(entries(&of_class), 2, 0);
        for more in 1..30 {
            let after = test_paths(entries(&[40 + 7 * more, 60 + more]), 2, 0);
            assert!(before.is_subset(&after), "{more}");
        }
        // and a class more neither
        let after = test_paths(entries(&[40, 60, 25]), 3, 0);
        assert!(before.is_subset(&after));
    }

    #[test]
    fn every_class_of_two_has_both_kinds_and_shares_come_close() {
        for seed in 0..50 {
            let sizes = [1, 2, 3, 5, 1000];
            let (train, test, _) = divide(entries(&sizes), 5, Path::new("root"), (0.2, seed));
            let count = |of: &[Entry], label| of.iter().filter(|entry| entry.label == label).count();
            assert_eq!((count(&train, 0), count(&test, 0)), (1, 0), "one image trains");
            for label in 1..4 {
                assert!(count(&train, label) > 0 && count(&test, label) > 0, "seed {seed}, class {label}");
            }
            assert!((150..250).contains(&count(&test, 4)), "{}", count(&test, 4));
        }
        assert_ne!(test_paths(entries(&[40]), 1, 0), test_paths(entries(&[40]), 1, 1), "the seed decides");
    }
}
