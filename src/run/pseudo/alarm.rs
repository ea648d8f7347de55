//! When pseudo-labels go wrong: rules that hold for every run, so that an alarm is a function of the run.
//!
//! - **share**: in three histograms on end a class has more than three times its expected share of the accepted
//!   pseudo-labels, while at least a fifth of all are accepted (of the first few, easy classes have most, and that is no
//!   fault). It is over when the class has less than twice its share.
//! - **lost**: in four histograms on end less than a tenth of its expected share of all pseudo-labels name a class, while
//!   at least a fifth of all are accepted: other classes have swallowed it.
//! - **purity**: over the last four histograms, pseudo-label accuracy is six points lower than over the best four before,
//!   while the mask ratio is five points higher: the network grows sure of its mistakes. Another τ starts this rule anew.
//! - **collapse**: in three histograms on end less than a quarter as many are accepted as in the best one before, which
//!   was at least a fifth: next to nothing is accepted any more. Another τ starts this rule anew.
//! - **agreement**, in place of purity without true labels: over the last three evaluations, averaged and trained weights
//!   predict the same class for 20 points fewer of the followed images than over the best three before.

use crate::base::text::Name;
use std::collections::VecDeque;

use serde::{Deserialize, Serialize};

use super::{Expected, View};
use crate::config::Policy;
use crate::run::insight::{Histogram, Judged, Panel, Record};

/// What is wrong.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Rule {
    /// A class takes far more than its share.
    Share,
    /// A class is hardly named any more.
    Lost,
    /// Fewer are right while more are accepted.
    Purity,
    /// Hardly any are accepted any more.
    Collapse,
    /// Averaged and trained weights agree less.
    Agreement,
}

/// Something that is going wrong.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Alarm {
    /// The steps done.
    pub step: u64,
    /// What is wrong.
    pub rule: Rule,
    /// With which class, if it is with one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub class: Option<u16>,
    /// In a sentence.
    pub message: String,
}

/// Below this mask ratio too few are accepted to judge.
const LEAST_MASK: f64 = 0.2;

/// Times its expected share, and for how many histograms.
const FAR_MORE: f64 = 3.0;
const OVER_AT: f64 = 2.0;
const N_SHARE: usize = 3;

/// The same for a class that is lost.
const FAR_LESS: f64 = 0.1;
const FOUND_AT: f64 = 0.2;
const N_LOST: usize = 4;

/// Histograms that purity is averaged over, and what is a fall and a rise.
const N_PURITY: usize = 4;
const FALL: f64 = 0.06;
const RISE: f64 = 0.05;

/// What part of the best mask ratio is a collapse, and for how many histograms.
const LITTLE: f64 = 0.25;
const N_COLLAPSE: usize = 3;

/// The same for agreement.
const N_AGREEMENT: usize = 3;
const DISAGREEMENT: f64 = 0.2;

/// A condition that has to hold for some time, and then is told once until it is over.
#[derive(Clone, Debug, Default)]
struct Streak {
    n: usize,
    is_told: bool,
}

impl Streak {
    /// Whether to tell it now.
    fn take(&mut self, holds: bool, is_over: bool, needed: usize) -> bool {
        self.n = if holds { self.n + 1 } else { 0 };
        if is_over {
            self.is_told = false;
        }
        let tells = self.n >= needed && !self.is_told;
        self.is_told |= tells;
        tells
    }
}

/// A mean over the last few, and the best one before.
#[derive(Clone, Debug)]
struct Means<const N: usize> {
    last: VecDeque<[f64; N]>,
    n: usize,
    best: Option<[f64; N]>,
}

impl<const N: usize> Means<N> {
    fn over(n: usize) -> Self {
        Self { last: VecDeque::new(), n, best: None }
    }

    /// The mean of the last few, once there are as many, and the best such mean so far, by the first number.
    fn push(&mut self, values: [f64; N]) -> Option<([f64; N], [f64; N])> {
        self.last.push_back(values);
        if self.last.len() > self.n {
            self.last.pop_front();
        }
        if self.last.len() < self.n {
            return None;
        }
        let mean = std::array::from_fn(|i| self.last.iter().map(|it| it[i]).sum::<f64>() / self.n as f64);
        let best = self.best.filter(|best: &[f64; N]| best[0] >= mean[0]).unwrap_or(mean);
        self.best = Some(best);
        Some((mean, best))
    }
}

/// Follows the records of a run, in their order.
#[derive(Clone, Debug)]
pub struct Watch {
    names: Vec<Name>,
    expected: Expected,
    shares: Vec<Streak>,
    lost: Vec<Streak>,
    threshold: Option<f64>,
    purity: Means<2>,
    purity_told: Streak,
    best_mask: f64,
    collapse: Streak,
    agreement: Means<1>,
    agreement_told: Streak,
    has_oracle: bool,
}

impl Watch {
    /// Nothing seen yet, of a run with these classes and so many labeled images of each.
    pub fn new(names: &[Name], labeled_per_class: &[u64]) -> Self {
        Self {
            names: names.to_vec(),
            expected: Expected::of(labeled_per_class, names.len()),
            shares: vec![Streak::default(); names.len()],
            lost: vec![Streak::default(); names.len()],
            threshold: None,
            purity: Means::over(N_PURITY),
            purity_told: Streak::default(),
            best_mask: 0.0,
            collapse: Streak::default(),
            agreement: Means::over(N_AGREEMENT),
            agreement_told: Streak::default(),
            has_oracle: true,
        }
    }

    /// Takes the next record and says what is wrong since it.
    pub fn take(&mut self, record: &Record) -> Vec<Alarm> {
        match record {
            Record::Histogram(histogram) => self.take_histogram(histogram),
            Record::Panel(panel) => self.take_panel(panel).into_iter().collect(),
        }
    }

    fn take_histogram(&mut self, histogram: &Histogram) -> Vec<Alarm> {
        self.has_oracle = histogram.has_oracle;
        let view = View::in_force(histogram);
        let mask_ratio = view.mask_ratio.unwrap_or(0.0);
        let is_enough = mask_ratio >= LEAST_MASK;
        let mut alarms = Vec::new();
        let mut alarm = |rule, class: Option<usize>, message| {
            let class = class.map(|class| class as u16);
            alarms.push(Alarm { step: histogram.step, rule, class, message });
        };
        for (class, it) in view.classes.iter().enumerate() {
            // A class with few labels, or none, can still have many images.
            let expected = self.expected.shares[class].max(0.5 / self.names.len() as f64);
            let (share, name) = (it.share.unwrap_or(0.0), &self.names[class]);
            let holds = is_enough && share > FAR_MORE * expected;
            if self.shares[class].take(holds, share < OVER_AT * expected, N_SHARE) {
                let times = share / expected;
                let percent = 100.0 * share;
                alarm(
                    Rule::Share,
                    Some(class),
                    format!("{name} has {percent:.0} % of what is accepted, {times:.1} times its share"),
                );
            }
            let named = it.named.n as f64 / view.named.n.max(1) as f64;
            let holds = is_enough && named < FAR_LESS * self.expected.shares[class];
            if self.lost[class].take(holds, named > FOUND_AT * expected, N_LOST) {
                let percent = 100.0 * named;
                alarm(Rule::Lost, Some(class), format!("{name} is lost: {percent:.1} % of the pseudo-labels name it"));
            }
        }
        let threshold = histogram.judged_by(Policy::Fixed).and_then(Judged::sure_from);
        self.begin_anew_with_another(threshold.unwrap_or(histogram.threshold));
        let holds = self.best_mask >= LEAST_MASK && mask_ratio < LITTLE * self.best_mask;
        if self.collapse.take(holds, mask_ratio > 2.0 * LITTLE * self.best_mask, N_COLLAPSE) {
            let [now, best] = [mask_ratio, self.best_mask].map(|ratio| 100.0 * ratio);
            let message = format!(
                "the mask ratio fell to {now:.1} % from {best:.0} %: next to no pseudo-label is accepted any more"
            );
            alarm(Rule::Collapse, None, message);
        }
        self.best_mask = self.best_mask.max(mask_ratio);
        if let Some(message) = self.purity_fell(&view).filter(|_| is_enough) {
            alarm(Rule::Purity, None, message);
        }
        alarms
    }

    /// Forgets what the rules compare with that depends on τ, if that was changed: the value that is configured, not what an
    /// adaptive policy makes of it from step to step.
    fn begin_anew_with_another(&mut self, threshold: f64) {
        if self.threshold.replace(threshold).map(f64::to_bits) != Some(threshold.to_bits()) {
            (self.purity, self.purity_told) = (Means::over(N_PURITY), Streak::default());
            (self.best_mask, self.collapse) = (0.0, Streak::default());
        }
    }

    fn purity_fell(&mut self, view: &View) -> Option<String> {
        let mask_ratio = view.mask_ratio.filter(|mask| *mask >= LEAST_MASK)?;
        let (now, best) = self.purity.push([view.purity?, mask_ratio])?;
        let holds = now[0] < best[0] - FALL && now[1] > best[1] + RISE;
        let is_over = now[0] > best[0] - FALL / 2.0;
        self.purity_told.take(holds, is_over, 1).then(|| {
            let percent = [best[0], now[0], best[1], now[1]].map(|ratio| 100.0 * ratio);
            format!(
                "pseudo-label accuracy fell from {:.0} to {:.0} % while the mask ratio rose from {:.0} to {:.0} %",
                percent[0], percent[1], percent[2], percent[3]
            )
        })
    }

    fn take_panel(&mut self, panel: &Panel) -> Option<Alarm> {
        let (now, best) = self.agreement.push([panel.agreement().share()?])?;
        let holds = !self.has_oracle && now[0] < best[0] - DISAGREEMENT;
        let is_over = now[0] > best[0] - DISAGREEMENT / 2.0;
        self.agreement_told.take(holds, is_over, 1).then(|| Alarm {
            step: panel.step,
            rule: Rule::Agreement,
            class: None,
            message: format!(
                "agreement of averaged and trained weights fell from {:.0} to {:.0} % of the followed images",
                100.0 * best[0],
                100.0 * now[0]
            ),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::run::insight::{Count, N_BINS, Opinion, Quantity, Verdict};

    /// A histogram of three classes in which these shares of 100,000 pseudo-labels are accepted for each class, the part
    /// `purity` of them right; the rest is unsure and named evenly.
    fn histogram(step: u64, accepted: [f64; 3], purity: f64) -> Histogram {
        let mut bins = vec![Count::default(); 3 * N_BINS];
        let count = |share: f64| Count { n: (100_000.0 * share) as u64, right: (100_000.0 * share * purity) as u64 };
        let rest = (1.0 - accepted.iter().sum::<f64>()) / 3.0;
        for (class, share) in accepted.into_iter().enumerate() {
            bins[class * N_BINS + N_BINS - 1] = count(share);
            bins[class * N_BINS] = count(rest);
        }
        let accepted = accepted.map(count).to_vec();
        Histogram { step, n_steps: 1, threshold: 0.95, has_oracle: true, bins, accepted, judged: vec![] }
    }

    fn watch() -> Watch {
        Watch::new(&["cats", "dogs", "owls"].map(Name::from), &[4, 4, 4])
    }

    /// The alarms of a made-up run, as step, rule and class.
    fn alarms_in(watch: &mut Watch, histograms: impl IntoIterator<Item = Histogram>) -> Vec<(u64, Rule, Option<u16>)> {
        let alarms = histograms.into_iter().flat_map(|histogram| watch.take(&Record::Histogram(histogram)));
        alarms.map(|alarm| (alarm.step, alarm.rule, alarm.class)).collect()
    }

    fn alarms(histograms: impl IntoIterator<Item = Histogram>) -> Vec<(u64, Rule, Option<u16>)> {
        alarms_in(&mut watch(), histograms)
    }

    #[test]
    fn a_run_that_goes_well_has_no_alarm() {
        let run = (1..100).map(|step| {
            let mask = (step as f64 / 100.0).sqrt() / 3.0;
            histogram(step, [mask, mask * 0.9, mask * 0.8], 0.95 - 0.04 * mask)
        });
        assert_eq!(alarms(run), []);
    }

    #[test]
    fn the_first_few_may_all_be_of_one_class() {
        assert_eq!(alarms((1..50).map(|step| histogram(step, [0.19, 0.0, 0.0], 1.0))), []);
    }

    #[test]
    fn a_class_that_takes_far_more_than_its_share_is_told_once_until_it_is_over() {
        let mut watch = Watch::new(&["cats", "dogs", "owls"].map(Name::from), &[1, 2, 7]);
        let greedy = |step| histogram(step, [0.3, 0.05, 0.05], 0.9); // 75 %, against 0.5 / 3 at least
        let fair = |step| histogram(step, [0.1, 0.15, 0.15], 0.9);
        let run = (1..3)
            .map(greedy)
            .chain([fair(3)])
            .chain((4..20).map(greedy))
            .chain([fair(20)])
            .chain((21..30).map(greedy));
        let share = |step| (step, Rule::Share, Some(0));
        assert_eq!(alarms_in(&mut watch, run), [share(6), share(23)]);
        let alarm = watch.clone().take(&Record::Histogram(fair(30)));
        assert!(alarm.is_empty());
    }

    #[test]
    fn a_class_that_is_named_no_more_is_lost() {
        let swallowed = |step| histogram(step, [0.5, 0.5, 0.0], 0.9);
        assert_eq!(alarms((1..20).map(swallowed)), [(4, Rule::Lost, Some(2))]);
        let mut watch = watch();
        let messages: Vec<_> = (1..5).flat_map(|step| watch.take(&Record::Histogram(swallowed(step)))).collect();
        assert!(messages[0].message.starts_with("owls is lost: 0.0 % of the pseudo-labels"), "{messages:?}");
    }

    #[test]
    fn purity_that_falls_while_the_mask_ratio_rises_is_told() {
        let at = |step: u64, mask: f64, purity| histogram(step, [mask / 3.0; 3], purity);
        let falling = |step: u64| at(step, 0.3 + 0.02 * step as f64, 0.95 - 0.011 * step as f64);
        // the best mean is that of the first four; six steps later it has fallen by 6.6 points
        assert_eq!(alarms((1..20).map(falling)), [(10, Rule::Purity, None)]);
        let steady_mask = |step: u64| at(step, 0.6, 0.95 - 0.011 * step as f64);
        assert_eq!(alarms((1..20).map(steady_mask)), [], "a lower mask ratio is not to blame");
        let another_tau = |step: u64| Histogram { threshold: 0.95 - 0.01 * step as f64, ..falling(step) };
        assert_eq!(alarms((1..20).map(another_tau)), [], "the user's own doing");
    }

    #[test]
    fn a_mask_ratio_that_collapses_is_told() {
        let at = |step: u64, mask: f64| histogram(step, [mask / 3.0; 3], 0.9);
        let collapsing = |step: u64| at(step, if step < 5 { 0.6 } else { 0.01 });
        assert_eq!(alarms((1..20).map(collapsing)), [(7, Rule::Collapse, None)]);
        let higher_tau = |step: u64| Histogram { threshold: if step < 5 { 0.9 } else { 0.99 }, ..collapsing(step) };
        assert_eq!(alarms((1..20).map(higher_tau)), [], "the user's own doing");
        assert_eq!(alarms((1..20).map(|step| at(step, 0.19 / step as f64))), [], "never many");
    }

    #[test]
    fn a_threshold_that_a_policy_moves_by_itself_hides_no_alarm() {
        let run = |tau: fn(u64) -> f32| {
            (1..20).map(move |step| {
                let mask = if step < 5 { 0.6 } else { 0.01 };
                let (seen, moved) = (histogram(step, [mask / 3.0; 3], 0.9), 0.9 + 0.001 * step as f32);
                let judged = [(Policy::Freematch, true, moved), (Policy::Fixed, false, tau(step))];
                let judged = judged.map(|(policy, decides, threshold)| Judged {
                    policy,
                    decides,
                    since: 0,
                    counted: seen.accepted.clone(),
                    memory: vec![(Quantity::Threshold, vec![threshold])],
                });
                Histogram { threshold: f64::from(moved), judged: judged.to_vec(), ..seen }
            })
        };
        assert_eq!(alarms(run(|_| 0.95)), [(7, Rule::Collapse, None)]);
        assert_eq!(alarms(run(|step| if step < 5 { 0.9 } else { 0.99 })), [], "the user's own doing");
        // FlexMatch's has none while it warms up
        let unknown = run(|_| 0.95).map(|it| Histogram { threshold: f64::NAN, judged: vec![], ..it });
        assert_eq!(alarms(unknown), [(7, Rule::Collapse, None)]);
    }

    #[test]
    fn without_right_labels_agreement_stands_for_purity() {
        let panel = |step: u64, n_agreed: usize| {
            let verdict = |class| Verdict { class, confidence: 1.0 };
            let opinion = |i: usize| Opinion { online: verdict(u16::from(i >= n_agreed)), ..Opinion::default() };
            Record::Panel(Panel { step, unlabeled: (0..10).map(opinion).collect(), labeled: vec![] })
        };
        let rules = |has_oracle| {
            let mut watch = watch();
            let blind = Histogram { has_oracle, ..histogram(1, [0.2; 3], 0.0) };
            assert!(watch.take(&Record::Histogram(blind)).is_empty());
            let run = [9, 9, 9, 9, 6, 6, 6, 6].into_iter().enumerate();
            run.flat_map(|(i, n)| watch.take(&panel(i as u64, n))).map(|it| (it.step, it.rule)).collect::<Vec<_>>()
        };
        assert_eq!(rules(false), [(6, Rule::Agreement)]);
        assert_eq!(rules(true), []);
    }
}
