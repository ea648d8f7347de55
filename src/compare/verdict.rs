//! What can be said of the difference between groups of runs: by which test and why, how sure, and what more seeds would tell.
//!
//! Two groups are paired where every run of the smaller one has a partner in the other with its seed and its labeled images:
//! the draw of the labels, which moves accuracies most where they are few, then cancels. Else Welch's test takes them as they
//! are. Which one is taken depends on the seeds alone, never on an accuracy.

use std::collections::BTreeSet;

use crate::base::hex::sha256_hex;
use crate::base::{files, stats::mean_and_sd};
use crate::compare::experiment::{Experiment, Measure};
use crate::compare::groups::{Group, Groups};
use crate::compare::stats::{ALPHA, TTest, holm, seeds_paired, seeds_welch};
use crate::labels::set::LabelSet;
use crate::run::dir::RunDir;

/// Of more groups than this, each is compared with the first one only.
pub const MOST_IN_PAIRS: usize = 6;

/// All comparisons of some groups.
#[derive(Clone, Debug)]
pub struct Verdict<'a> {
    /// The groups.
    pub groups: &'a Groups,
    /// The accuracy that is compared.
    pub measure: Measure,
    /// Each of them.
    pub comparisons: Vec<Comparison>,
    /// What makes a comparison unfair or weak, in sentences.
    pub cautions: Vec<String>,
}

/// Two groups compared.
#[derive(Clone, Debug)]
pub struct Comparison {
    /// The place of the group that the difference counts from.
    pub first: usize,
    /// The place of the other one.
    pub second: usize,
    /// Whether runs are compared one by one.
    pub pairing: Pairing,
    /// The mean of the second group less that of the first, of pairs where they are paired; None without runs that count.
    pub difference: Option<f64>,
    /// The test; None where a group has fewer than two runs.
    pub test: Option<TTest>,
    /// The p-value, corrected by Holm's way for the number of comparisons.
    pub p_corrected: Option<f64>,
    /// What more seeds would tell.
    pub plan: Plan,
    /// How far the two accuracies may lie apart because of the images that happen to be in the test set, in 95 % of all test
    /// sets of this size. Where there are no seeds to go by it is the least that can be said.
    pub test_images: Option<f64>,
}

/// How the runs of two groups were put together.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Pairing {
    /// By seed and labeled images: so many pairs, and so many runs without a partner.
    Paired {
        /// Pairs.
        pairs: usize,
        /// Runs of the larger group that no run of the other one goes with.
        single: usize,
    },
    /// They are two samples, for this reason.
    Unpaired(&'static str),
}

/// How many seeds it takes to see a difference of this size in four of five studies.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Plan {
    /// So many for each group, and so many more than there are.
    Seeds {
        /// In all.
        total: u64,
        /// More than the smaller group has.
        more: u64,
    },
    /// More than anybody trains.
    TooMany,
    /// Without a spread or a difference there is nothing to plan by.
    Unknown,
}

impl<'a> Verdict<'a> {
    /// Compares each two groups, or all with one of them. Reads which images the runs are labeled by.
    pub fn of(groups: &'a Groups, measure: Measure, against: Option<usize>) -> Self {
        Self::by(groups, measure, against, |run| labeled(&run.row.dir))
    }

    /// The same without reading a file: `labeled` says what [`labeled`] says of a run.
    pub fn by(
        groups: &'a Groups,
        measure: Measure,
        against: Option<usize>,
        labeled: impl Fn(&Experiment) -> Option<String>,
    ) -> Self {
        let n = groups.groups.len();
        let partner = |run| Partner::of(run, labeled(run));
        let labels: Vec<Vec<Partner>> = groups.groups.iter().map(|it| it.runs.iter().map(partner).collect()).collect();
        let has_runs = |i: &usize| !groups.groups[*i].runs.is_empty();
        let counting: Vec<usize> = (0..n).filter(has_runs).collect();
        let with_one =
            |one: usize| (0..n).filter(|i| *i != one && has_runs(i)).map(move |i| (one, i)).collect::<Vec<_>>();
        let pairs = match against {
            Some(one) => with_one(one),
            None if counting.len() > MOST_IN_PAIRS => with_one(counting[0]),
            None => {
                let after = |(i, first)| counting[i + 1..].iter().map(move |second| (first, *second));
                counting.iter().copied().enumerate().flat_map(after).collect()
            }
        };
        let compare = |(first, second): (usize, usize)| {
            let [a, b] = [first, second].map(|i| Side { group: &groups.groups[i], partners: &labels[i], measure });
            Comparison { first, second, ..Comparison::of(&a, &b) }
        };
        let mut comparisons: Vec<Comparison> = pairs.into_iter().map(compare).collect();
        let tested: Vec<usize> =
            (0..comparisons.len()).filter(|&i| comparisons[i].test.is_some_and(|test| test.p.is_some())).collect();
        let p: Vec<f64> = tested.iter().filter_map(|&i| comparisons[i].test?.p).collect();
        for (i, corrected) in tested.into_iter().zip(holm(&p)) {
            comparisons[i].p_corrected = Some(corrected);
        }
        let cautions = cautions(groups, measure);
        Self { groups, measure, comparisons, cautions }
    }

    /// How many comparisons were tested, which is what p-values are corrected for.
    pub fn n_tested(&self) -> usize {
        self.comparisons.iter().filter(|it| it.p_corrected.is_some()).count()
    }
}

impl Comparison {
    /// Whether the difference is beyond what seeds do, after the correction; None where that was not tested.
    pub fn is_seen(&self) -> Option<bool> {
        Some(self.p_corrected? < ALPHA)
    }

    fn of(a: &Side, b: &Side) -> Self {
        let (xs, ys) = (a.group.accuracies(a.measure), b.group.accuracies(b.measure));
        let (pairing, differences) = pair(a, b);
        let (test, difference, plan) = if let Pairing::Paired { pairs, .. } = pairing {
            let (mean, sd) = mean_and_sd(&differences).expect("there are two pairs at least");
            let plan = plan(mean, sd.unwrap_or(0.0), pairs, || seeds_paired(mean, sd.unwrap_or(0.0)));
            (TTest::paired(&differences), Some(mean), plan)
        } else {
            let means = mean_and_sd(&xs).zip(mean_and_sd(&ys));
            let difference = means.map(|(first, second)| second.0 - first.0);
            let plan = match (difference, means) {
                (Some(difference), Some(((_, Some(sd_a)), (_, Some(sd_b))))) => {
                    let fewest = xs.len().min(ys.len());
                    plan(difference, sd_a.max(sd_b), fewest, || seeds_welch(difference, sd_a, sd_b))
                }
                _ => Plan::Unknown,
            };
            (TTest::welch(&xs, &ys), difference, plan)
        };
        let test_images = error_of_images(a).zip(error_of_images(b)).map(|(a, b)| 1.96 * (a + b).sqrt());
        Self { first: 0, second: 0, pairing, difference, test, p_corrected: None, plan, test_images }
    }
}

fn plan(difference: f64, sd: f64, n: usize, seeds: impl Fn() -> Option<u64>) -> Plan {
    if difference == 0.0 || sd == 0.0 {
        return Plan::Unknown;
    }
    seeds().map_or(Plan::TooMany, |total| Plan::Seeds { total, more: total.saturating_sub(n as u64) })
}

/// A group that is compared.
struct Side<'a> {
    group: &'a Group,
    partners: &'a [Partner],
    measure: Measure,
}

/// What a run has in common with its partner in another group.
#[derive(Debug, PartialEq, Eq)]
struct Partner {
    seed: Option<String>,
    /// The digest of its labeled images; what its configuration says of them where its worker has not written them.
    labels: String,
    images: Option<String>,
}

impl Partner {
    fn of(run: &Experiment, labeled: Option<String>) -> Self {
        let [seed, ..] = run.seeds().map(|seed| seed.map(str::to_owned));
        let labels = labeled.unwrap_or_else(|| {
            let keys = run.keys().filter(|key| key.starts_with("labels."));
            keys.filter_map(|key| Some(format!("{key}={}\n", run.configured(key)?.text))).collect()
        });
        Self { seed, labels, images: run.images().map(str::to_owned) }
    }
}

/// The digest of the labeled images of a run, once its worker has written them.
pub fn labeled(dir: &RunDir) -> Option<String> {
    let text = files::read(&dir.labels()).ok()?;
    let mut indices = serde_json::from_slice::<LabelSet>(&text).ok()?.indices;
    indices.sort_unstable();
    Some(sha256_hex(format!("{indices:?}").as_bytes()))
}

fn pair(a: &Side, b: &Side) -> (Pairing, Vec<f64>) {
    let (mut differences, mut taken) = (Vec::new(), BTreeSet::new());
    for (run, partner) in a.group.runs.iter().zip(a.partners) {
        let free = |i: &usize| b.partners[*i] == *partner && !taken.contains(i);
        let Some(i) = (0..b.partners.len()).find(free) else { continue };
        taken.insert(i);
        let values = run.accuracy(a.measure).zip(b.group.runs[i].accuracy(b.measure));
        differences.extend(values.map(|(x, y)| y - x));
    }
    let (smaller, larger) = (a.group.runs.len().min(b.group.runs.len()), a.group.runs.len().max(b.group.runs.len()));
    let pairs = differences.len();
    let reason = match pairs {
        _ if smaller < 2 => "a group has fewer than two runs",
        0 => {
            let seeds = |side: &Side| side.partners.iter().map(|it| it.seed.clone()).collect::<BTreeSet<_>>();
            if seeds(a).is_disjoint(&seeds(b)) { "they share no seed" } else { "no two share seed and labeled images" }
        }
        _ if pairs < smaller => "only some share seed and labeled images",
        _ => return (Pairing::Paired { pairs, single: larger - pairs }, differences),
    };
    (Pairing::Unpaired(reason), differences)
}

/// The variance of the mean accuracy of a group that comes from the test images, if all of its runs have the same.
fn error_of_images(side: &Side) -> Option<f64> {
    let (accuracy, _) = side.group.mean_and_sd(side.measure)?;
    let n = side.group.runs.first()?.row.summary.n_test;
    (n > 0).then(|| accuracy * (1.0 - accuracy) / n as f64)
}

fn cautions(groups: &Groups, measure: Measure) -> Vec<String> {
    let runs: Vec<&Experiment> = groups.groups.iter().flat_map(|group| &group.runs).collect();
    let distinct = |of: &dyn Fn(&Experiment) -> Option<String>| {
        runs.iter().filter_map(|run| of(run)).collect::<BTreeSet<_>>().into_iter().collect::<Vec<_>>()
    };
    let key = |name: &'static str| distinct(&|run| run.configured(name).map(|value| value.text.clone()));
    let mut cautions = Vec::new();
    let datasets = key("data.dataset");
    let images = distinct(&|run| run.images().map(str::to_owned));
    if datasets.len() > 1 {
        let names = datasets.join(", ");
        cautions.push(format!("They are of different data sets ({names}): the difference says nothing of a method."));
    } else if images.len() > 1 {
        cautions.push("They are of different images: the difference says nothing of a method.".into());
    }
    let steps: BTreeSet<u64> = runs.iter().map(|run| run.row.summary.steps).collect();
    if steps.len() > 1 {
        let steps: Vec<_> = steps.iter().map(u64::to_string).collect();
        cautions.push(format!("They were trained for different numbers of steps: {}.", steps.join(", ")));
    }
    let hosts = distinct(&|run| run.file()?.environment.as_ref().map(|it| it.host.clone()));
    if hosts.len() > 1 {
        cautions.push(format!("They ran on different machines ({}): their times do not compare.", hosts.join(", ")));
    }
    for run in runs.iter().filter(|run| !run.is_as_configured()) {
        let how = if run.row.parent.is_some() { "is a fork" } else { "was changed while it trained" };
        cautions.push(format!("{} {how}, so that its configuration does not say all: it stands alone.", run.id()));
    }
    let fewest = groups.groups.iter().map(|group| group.runs.len()).filter(|n| *n > 0).min().unwrap_or(0);
    if fewest == 1 {
        cautions.push("Of one seed nobody can say how far seeds lie apart: train more.".into());
    } else if fewest == 2 {
        cautions
            .push("Two seeds say little of how far seeds lie apart: only very large differences can be seen.".into());
    }
    if measure == Measure::Best {
        cautions.push(
            "The best evaluation is chosen on the test set: it is too high, the more so the more there are.".into(),
        );
    }
    cautions
}
