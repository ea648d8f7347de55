//! Images that are there twice: exactly, pixel for pixel, or nearly. A test image among the training images makes every
//! accuracy a lie, and two classes of one image contradict each other.
//!
//! Exact ones are found by their [`Print`]. Nearly the same are two images whose rough prints differ in few bits and whose
//! pixels differ by little on average: an image that was saved again, say. Images that are cut out or mirrored are not
//! found.

use std::collections::{HashMap, HashSet};
use std::path::{Path, PathBuf};

use super::cache::Print;
use super::{Dataset, Images, UNKNOWN};
use crate::base::text::Shown as _;

/// Rough prints of nearly the same images differ in at most this many bits of 64.
const MOST_BITS: u32 = 5;

/// One more part than that: at least one part of two such prints is equal.
const PARTS: u32 = MOST_BITS + 1;

/// Pixels of nearly the same images differ by at most this much on average, of 255. Of CIFAR-10, pairs that are closer than
/// both bounds show the same animal or car; with either alone, some are two birds in the same sky.
const MOST_DIFFERENCE: u64 = 12;

/// Of prints that share a part, each is compared with so many before it; more of them say little, as of images that are
/// all white.
const MOST_COMPARED: usize = 128;

/// What was found.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Duplicates {
    /// A sentence on each kind, the worst first.
    pub told: Vec<String>,
    /// Test images that are training images too, pixel for pixel.
    pub n_leaked: usize,
}

/// An image of a data set: its place among all, its file and what it is for.
struct Image<'a> {
    images: &'a Images,
    at: usize,
    path: &'a Path,
    label: u16,
    is_test: bool,
    print: Print,
}

impl Image<'_> {
    fn pixels(&self) -> &[u8] {
        self.images.pixels_of(self.at)
    }
}

/// The duplicates in a folder or a list of images; none in other data sets, whose images have no files.
pub fn find(dataset: &Dataset) -> Duplicates {
    let Some(own) = &dataset.own else { return Duplicates::default() };
    let files = &own.files;
    let parts: [(Option<&Images>, &[PathBuf], bool); 3] = [
        (Some(&dataset.train), &files.train, false),
        (dataset.unlabeled.as_ref(), &files.unlabeled, false),
        (Some(&dataset.test), &files.test, true),
    ];
    let mut prints = own.prints.iter();
    let mut all = Vec::with_capacity(own.prints.len());
    for (images, paths, is_test) in parts {
        let Some(images) = images else { continue };
        for (at, (path, print)) in paths.iter().zip(prints.by_ref()).enumerate() {
            all.push(Image { images, at, path, label: images.labels[at], is_test, print: *print });
        }
    }
    let (groups, firsts) = exact(&all);
    let n_leaked = groups.iter().map(|group| leaked(group, &all)).sum();
    let pairs = near(&all, &firsts);
    let told = [told_exact(&groups, &all, &files.folder), told_near(&pairs, &all, &files.folder)].concat();
    Duplicates { told, n_leaked }
}

/// Groups of two or more equal images, and the first image of each group, single ones too.
fn exact(all: &[Image]) -> (Vec<Vec<usize>>, Vec<usize>) {
    let mut of_print: HashMap<[u8; 16], usize> = HashMap::new();
    let mut groups: Vec<Vec<usize>> = Vec::new();
    for (i, image) in all.iter().enumerate() {
        let group = *of_print.entry(image.print.exact).or_insert_with(|| {
            groups.push(Vec::new());
            groups.len() - 1
        });
        groups[group].push(i);
    }
    let firsts = groups.iter().map(|group| group[0]).collect();
    groups.retain(|group| group.len() > 1);
    (groups, firsts)
}

/// Test images of a group that has training images.
fn leaked(group: &[usize], all: &[Image]) -> usize {
    let n_test = group.iter().filter(|i| all[**i].is_test).count();
    if n_test < group.len() { n_test } else { 0 }
}

fn told_exact(groups: &[Vec<usize>], all: &[Image], folder: &Path) -> Vec<String> {
    let pair = |one: usize, other: usize| pair(&all[one], &all[other], folder);
    let mut told = Vec::new();
    let split = |group: &&Vec<usize>| leaked(group, all) > 0;
    if let Some(group) = groups.iter().find(split) {
        let n: usize = groups.iter().map(|group| leaked(group, all)).sum();
        let one = group.iter().find(|i| all[**i].is_test).expect("one to test on");
        let other = group.iter().find(|i| !all[**i].is_test).expect("one to train on");
        told.push(format!(
            "{} among the training images too, pixel for pixel: accuracy will be too high; such as {}",
            few(n, "test image is", "test images are"),
            pair(*one, *other),
        ));
    }
    let contradiction = |group: &Vec<usize>| {
        let first = group.iter().find(|i| all[**i].label != UNKNOWN)?;
        let other = group.iter().find(|i| all[**i].label != UNKNOWN && all[**i].label != all[*first].label)?;
        Some((*first, *other))
    };
    let contradictions: Vec<_> = groups.iter().filter_map(contradiction).collect();
    if let Some((one, other)) = contradictions.first() {
        told.push(format!(
            "{} in more than one class, pixel for pixel, such as {}",
            few(contradictions.len(), "image is", "images are"),
            pair(*one, *other),
        ));
    }
    let is_plain = |group: &&Vec<usize>| leaked(group, all) == 0 && contradiction(group).is_none();
    let n: usize = groups.iter().filter(is_plain).map(|group| group.len() - 1).sum();
    if let Some(group) = groups.iter().find(is_plain) {
        told.push(format!(
            "{} of another one, pixel for pixel, such as {}",
            few(n, "image is a copy", "images are copies"),
            pair(group[1], group[0]),
        ));
    }
    told
}

/// Pairs of images that are nearly but not exactly the same; each image at most once as the second of a pair.
fn near(all: &[Image], firsts: &[usize]) -> Vec<(usize, usize)> {
    let mut pairs = Vec::new();
    for part in 0..PARTS {
        // a pair that shares an earlier part was compared already
        let is_new = |one: u64, other: u64| (0..part).all(|earlier| part_of(one, earlier) != part_of(other, earlier));
        let mut buckets: HashMap<u64, Vec<usize>> = HashMap::new();
        for &i in firsts {
            buckets.entry(part_of(all[i].print.rough, part)).or_default().push(i);
        }
        for bucket in buckets.values() {
            for (k, &i) in bucket.iter().enumerate() {
                for &j in &bucket[k.saturating_sub(MOST_COMPARED)..k] {
                    let (one, other) = (all[j].print.rough, all[i].print.rough);
                    if (one ^ other).count_ones() <= MOST_BITS && is_new(one, other) && is_near(&all[j], &all[i]) {
                        pairs.push((j, i));
                    }
                }
            }
        }
    }
    pairs.sort_unstable();
    pairs
}

/// One of the parts of a print: 64 bits in runs of 11 or 10.
fn part_of(rough: u64, part: u32) -> u64 {
    let (from, to) = (64 * part / PARTS, 64 * (part + 1) / PARTS);
    rough >> from & ((1 << (to - from)) - 1)
}

fn is_near(one: &Image, other: &Image) -> bool {
    let (a, b) = (one.pixels(), other.pixels());
    let mut left = MOST_DIFFERENCE * a.len() as u64;
    a.chunks(256).zip(b.chunks(256)).all(|(a, b)| {
        let difference: u64 = a.iter().zip(b).map(|(a, b)| u64::from(a.abs_diff(*b))).sum();
        let is_left = difference <= left;
        left = left.saturating_sub(difference);
        is_left
    })
}

fn told_near(pairs: &[(usize, usize)], all: &[Image], folder: &Path) -> Vec<String> {
    let is_across = |(one, other): &&(usize, usize)| all[*one].is_test != all[*other].is_test;
    let mut told = Vec::new();
    let tests = |(one, other): &(usize, usize)| if all[*one].is_test { *one } else { *other };
    let across: Vec<_> = pairs.iter().filter(is_across).collect();
    if let Some((one, other)) = across.first() {
        let n = across.iter().map(|pair| tests(pair)).collect::<HashSet<_>>().len();
        told.push(format!(
            "{} nearly the same as a training image, such as {}",
            few(n, "test image is", "test images are"),
            pair(&all[*other], &all[*one], folder),
        ));
    }
    let within: Vec<_> = pairs.iter().filter(|pair| !is_across(pair)).collect();
    if let Some((one, other)) = within.first() {
        let n = within.iter().map(|(_, other)| *other).collect::<HashSet<_>>().len();
        told.push(format!(
            "{} nearly the same as another one of its split, such as {}",
            few(n, "image is", "images are"),
            pair(&all[*other], &all[*one], folder),
        ));
    }
    told
}

/// Two files, from the folder on.
fn pair(one: &Image, other: &Image, folder: &Path) -> String {
    let [one, other] = [one, other].map(|image| image.path.strip_prefix(folder).unwrap_or(image.path).shown());
    format!("{one} and {other}")
}

fn few(n: usize, one: &str, several: &str) -> String {
    format!("{n} {}", if n == 1 { one } else { several })
}
