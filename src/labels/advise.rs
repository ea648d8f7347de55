//! Which images to label next, by what the networks of a run said of the unlabeled images that it follows.
//!
//! Four things make a label of an image worth more, each a number in [0, 1]: its class flipped between evaluations; the
//! averaged and the trained network disagreed; it is taken for a class that gets few pseudo-labels; no labeled image is
//! near it. The score is their weighted mean.

use std::collections::BTreeMap;

use crate::run::insight::Panel;

/// The weights of flips, disagreement, starving and distance.
const WEIGHTS: [f64; 4] = [1.0, 1.0, 0.5, 0.5];

/// From this on, a part of the score is a reason that is told.
const TOLD: f64 = 0.25;

/// Why an image should be labeled.
#[derive(Clone, Debug, PartialEq)]
pub enum Reason {
    /// The averaged network changed its mind so often, of so many times that it could have.
    Flips(usize, usize),
    /// The two networks said different classes at so many of so many evaluations.
    Disagreement(usize, usize),
    /// Its class has this share of the accepted pseudo-labels, where that share was expected.
    Starving(f64, f64),
    /// It is farther from all labeled images than this share of the others.
    Far(f64),
    /// It is the least sure of those that are left.
    Unsure,
}

/// An image to label next.
#[derive(Clone, Debug, PartialEq)]
pub struct Advice {
    /// Its number among the training images.
    pub index: u32,
    /// The class that the averaged network takes it for.
    pub class: u16,
    /// How sure it is.
    pub confidence: f32,
    /// How much a label is worth, in [0, 1].
    pub score: f64,
    /// Why, the weightiest first.
    pub reasons: Vec<Reason>,
}

/// What is known of a run beside its panels.
pub struct Known<'a> {
    /// Of each class, its share of the accepted pseudo-labels and the one that is expected; empty if that is not known.
    pub shares: &'a [(f64, f64)],
    /// How far an image is from the nearest labeled one, in any unit.
    pub distance: &'a dyn Fn(u32) -> f64,
    /// Images that are labeled by now.
    pub labeled: &'a [u32],
}

/// What was said of an image over time.
#[derive(Default)]
struct Story {
    n: usize,
    n_flips: usize,
    n_disagreements: usize,
    class: u16,
    confidence: f32,
}

/// The followed images that are not labeled, those whose label is worth most first. To spread them, no class that the
/// averaged network takes them for has more than twice its part before all others have had theirs.
pub fn advise(panels: &[Panel], known: &Known, n_classes: usize, budget: usize) -> Vec<Advice> {
    let mut stories = BTreeMap::<u32, Story>::new();
    for panel in panels {
        for opinion in &panel.unlabeled {
            let story = stories.entry(opinion.index).or_default();
            story.n_flips += usize::from(story.n > 0 && story.class != opinion.ema.class);
            story.n_disagreements += usize::from(opinion.ema.class != opinion.online.class);
            (story.class, story.confidence) = (opinion.ema.class, opinion.ema.confidence);
            story.n += 1;
        }
    }
    stories.retain(|index, _| !known.labeled.contains(index));
    let distances: Vec<f64> = stories.keys().map(|&index| (known.distance)(index)).collect();
    let farther = quantiles(&distances);
    let mut all: Vec<Advice> =
        stories.into_iter().zip(farther).map(|((index, story), far)| worth(index, &story, far, known)).collect();
    all.sort_by(|a, b| b.score.total_cmp(&a.score).then(a.confidence.total_cmp(&b.confidence)));
    let most = (2 * budget).div_ceil(n_classes.max(1));
    let mut of_class = BTreeMap::<u16, usize>::new();
    let (mut first, mut rest) = (Vec::new(), Vec::new());
    for advice in all {
        let n = of_class.entry(advice.class).or_default();
        *n += 1;
        if *n <= most { first.push(advice) } else { rest.push(advice) }
    }
    first.into_iter().chain(rest).take(budget).collect()
}

fn worth(index: u32, story: &Story, far: f64, known: &Known) -> Advice {
    let Story { n, n_flips, n_disagreements, class, confidence } = *story;
    let share = |part: usize, of: usize| part as f64 / of.max(1) as f64;
    let (got, expected) = known.shares.get(usize::from(class)).copied().unwrap_or((1.0, 1.0));
    let starving = if expected > 0.0 { (1.0 - got / expected).clamp(0.0, 1.0) } else { 0.0 };
    let n_times = n.saturating_sub(1);
    let parts = [
        (share(n_flips, n_times), Reason::Flips(n_flips, n_times)),
        (share(n_disagreements, n), Reason::Disagreement(n_disagreements, n)),
        (starving, Reason::Starving(got, expected)),
        (far, Reason::Far(far)),
    ];
    let mut weighed: Vec<(f64, f64, Reason)> =
        parts.into_iter().zip(WEIGHTS).map(|((part, reason), weight)| (part * weight, part, reason)).collect();
    let score = weighed.iter().map(|(weighed, ..)| weighed).sum::<f64>() / WEIGHTS.iter().sum::<f64>();
    weighed.sort_by(|a, b| b.0.total_cmp(&a.0));
    let told = |part: f64, reason: &Reason| part >= if matches!(reason, Reason::Far(_)) { 0.75 } else { TOLD };
    let mut reasons: Vec<Reason> =
        weighed.into_iter().filter(|(_, part, reason)| told(*part, reason)).map(|(_, _, reason)| reason).collect();
    if reasons.is_empty() {
        reasons.push(Reason::Unsure);
    }
    Advice { index, class, confidence, score, reasons }
}

/// The share of the others that each number is larger than.
fn quantiles(numbers: &[f64]) -> Vec<f64> {
    let of_others = numbers.len().saturating_sub(1).max(1) as f64;
    let below = |x: &f64| numbers.iter().filter(|other| *other < x).count() as f64;
    numbers.iter().map(|x| below(x) / of_others).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::run::insight::{Opinion, Verdict};

    /// What the averaged and the trained network say of images at an evaluation, as pairs of classes.
    fn panel(step: u64, said: &[(u16, u16)]) -> Panel {
        let verdict = |class| Verdict { class, confidence: 0.5 };
        let opinion = |(index, &(ema, online)): (u32, &(u16, u16))| Opinion {
            index,
            label: None,
            ema: verdict(ema),
            online: verdict(online),
        };
        Panel { step, unlabeled: (0..).zip(said).map(opinion).collect(), labeled: Vec::new() }
    }

    fn advised(panels: &[Panel], known: &Known, budget: usize) -> Vec<(u32, Reason)> {
        let all = advise(panels, known, 3, budget);
        all.into_iter().map(|it| (it.index, it.reasons[0].clone())).collect()
    }

    const NOTHING: Known = Known { shares: &[], distance: &|_| 0.0, labeled: &[] };

    #[test]
    fn what_flips_and_what_the_networks_disagree_on_comes_first_with_its_reason() {
        // image 0 is steady, 1 flips at each evaluation, 2 has the networks disagree, 3 flips once
        let panels = [
            panel(10, &[(0, 0), (0, 0), (2, 1), (1, 1)]),
            panel(20, &[(0, 0), (1, 1), (2, 1), (1, 1)]),
            panel(30, &[(0, 0), (0, 0), (2, 1), (2, 2)]),
        ];
        let expected = vec![
            (2, Reason::Disagreement(3, 3)),
            (1, Reason::Flips(2, 2)),
            (3, Reason::Flips(1, 2)),
            (0, Reason::Unsure),
        ];
        let mut found = advised(&panels, &NOTHING, 4);
        found[..2].sort_by_key(|(index, _)| std::cmp::Reverse(*index)); // worth the same
        assert_eq!(found, expected);
        let known = Known { labeled: &[1, 2], ..NOTHING };
        assert_eq!(advised(&panels, &known, 1), [(3, Reason::Flips(1, 2))]);
    }

    #[test]
    fn of_steady_images_those_of_a_starving_class_and_far_from_labels_come_first() {
        let panels = [panel(10, &[(0, 0), (1, 1), (1, 1), (0, 0)]), panel(20, &[(0, 0), (1, 1), (1, 1), (0, 0)])];
        let shares = [(0.6, 0.4), (0.04, 0.4), (0.36, 0.2)];
        let distance = |index: u32| if index == 3 { 9.0 } else { f64::from(index) };
        let known = Known { shares: &shares, distance: &distance, labeled: &[] };
        let found = advised(&panels, &known, 4);
        assert_eq!(found[0], (2, Reason::Starving(0.04, 0.4)));
        assert_eq!((found[1].0, found[2].clone(), found[3].0), (1, (3, Reason::Far(1.0)), 0));
    }

    #[test]
    fn one_class_does_not_take_the_whole_budget() {
        // six images that flip and are taken for class 0, and two steady ones of the others
        let said = |flip: u16| [vec![(flip, flip); 6], vec![(1, 1), (2, 2)]].concat();
        let panels = [panel(10, &said(1)), panel(20, &said(0))];
        let found: Vec<u32> = advised(&panels, &NOTHING, 3).into_iter().map(|(index, _)| index).collect();
        assert_eq!(found, [0, 1, 6]);
    }

    #[test]
    fn without_a_history_there_is_no_advice() {
        assert_eq!(advised(&[], &NOTHING, 5), []);
        assert_eq!(advised(&[panel(10, &[(0, 0)])], &NOTHING, 5), [(0, Reason::Unsure)]);
    }
}
