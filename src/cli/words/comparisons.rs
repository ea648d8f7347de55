//! Groups of runs and what is said of their differences, in words and as tables.

use std::collections::BTreeSet;

use fixmatch::compare::experiment::{Measure, Value};
use fixmatch::compare::groups::{Group, Groups};
use fixmatch::compare::keys::{Key, Kind, NONE, short};
use fixmatch::compare::verdict::{Comparison, Pairing, Plan, Verdict};
use fixmatch::run::dir::without_moment;

use super::numbers::{or_dash, percent, plural, seconds};
use super::tables::Table;

/// What a group is called among others: A, B, …, Z, A2, …
pub fn letter(place: usize) -> String {
    let letter = char::from(b'A' + (place % 26) as u8);
    if place < 26 { letter.into() } else { format!("{letter}{}", place / 26 + 1) }
}

/// A value as a table has it; a dash for one that is not known.
pub fn shown(key: &Key, value: Option<&Value>) -> String {
    let Some(value) = value else { return "–".into() };
    match (key.kind, value.number) {
        (Kind::Share, Some(share)) => percent(share),
        (Kind::Seconds, Some(s)) => seconds(s),
        _ => value.text.clone(),
    }
}

/// What a group has under a key of its configuration.
pub fn configured(key: &Key, group: &Group) -> String {
    let value = group.first().and_then(|run| run.configured(key.name));
    value.map_or_else(|| NONE.into(), |value| shown(key, Some(value)))
}

/// `61.2 ± 0.3 %`, of one value `61.2 %`.
pub fn mean_and_sd(found: Option<(f64, Option<f64>)>) -> String {
    match found {
        None => "–".into(),
        Some((mean, None)) => percent(mean),
        Some((mean, Some(sd))) => format!("{:.1} ± {:.1} %", 100.0 * mean, 100.0 * sd),
    }
}

/// Points of a percent with their sign: `+1.2`.
pub fn points(share: f64) -> String {
    let points = format!("{:.1}", 100.0 * share);
    match points.strip_prefix('-') {
        Some(points) if points.trim_matches(['0', '.']).is_empty() => "0.0".into(),
        Some(points) => format!("−{points}"),
        None if points.trim_matches(['0', '.']).is_empty() => "0.0".into(),
        None => format!("+{points}"),
    }
}

/// `0.032`, or `< 0.001`.
fn probability(p: f64) -> String {
    if p < 0.001 { "< 0.001".into() } else { format!("{p:.3}") }
}

/// How many of a group's runs count, of how many.
fn counted(group: &Group) -> String {
    let (n, all) = (group.runs.len(), group.len());
    if n == all { n.to_string() } else { format!("{n}/{all}") }
}

/// What each group is called: without the moment of its only run, unless that tells it from another one.
fn names(groups: &Groups) -> Vec<String> {
    let names: Vec<String> = groups.groups.iter().map(Group::name).collect();
    let shorter: Vec<&str> = names.iter().map(|name| without_moment(name)).collect();
    let n_different = shorter.iter().collect::<BTreeSet<_>>().len();
    if n_different == names.len() { shorter.into_iter().map(str::to_owned).collect() } else { names }
}

/// The groups: what they differ in, and their accuracies as mean ± standard deviation over seeds.
pub fn groups(groups: &Groups, with_letters: bool) -> Table {
    let keys: Vec<&str> = groups.keys.iter().map(|key| short(key.name)).collect();
    let has_names = groups.has_twins();
    let names = names(groups);
    let mut table = Table::default();
    if with_letters {
        table.head.push(String::new());
    }
    table.head.extend(has_names.then(|| "runs of".to_owned()));
    table.head.extend(keys.iter().map(|key| (*key).to_owned()));
    table.head.extend(["n", "last", "median", "best", "best − last", "time"].map(str::to_owned));
    for (place, group) in groups.groups.iter().enumerate() {
        let mut row = Vec::new();
        if with_letters {
            row.push(letter(place));
        }
        row.extend(has_names.then(|| names[place].clone()));
        row.extend(groups.keys.iter().map(|key| configured(key, group)));
        row.push(counted(group));
        row.extend([Measure::Last, Measure::Median, Measure::Best].map(|it| mean_and_sd(group.mean_and_sd(it))));
        row.push(or_dash(group.optimism(), points));
        row.push(or_dash(group.time(), seconds));
        table.rows.push(row);
    }
    table
}

/// The same with every number in full, for a spreadsheet.
pub fn groups_in_full(groups: &Groups) -> Table {
    let mut table = Table::new(&["group"]);
    table.head.extend(groups.keys.iter().map(|key| key.name.to_owned()));
    let numbers = ["n", "n_left_out", "last", "last_sd", "median", "median_sd", "best", "best_sd", "time_s"];
    table.head.extend(numbers.map(str::to_owned));
    let number = |number: Option<f64>| number.map_or_else(String::new, |number| number.to_string());
    for group in &groups.groups {
        let mut row = vec![group.label.clone()];
        row.extend(groups.keys.iter().map(|key| {
            group.first().and_then(|run| run.configured(key.name)).map_or_else(String::new, |value| value.text.clone())
        }));
        row.extend([group.runs.len().to_string(), group.left_out.len().to_string()]);
        for measure in Measure::ALL {
            let (mean, sd) = group.mean_and_sd(measure).map_or((None, None), |(mean, sd)| (Some(mean), sd));
            row.extend([number(mean), number(sd)]);
        }
        row.push(number(group.time()));
        table.rows.push(row);
    }
    table
}

/// What the groups have not in common.
pub fn differences(groups: &Groups) -> String {
    let names: Vec<&str> = groups.keys.iter().map(|key| key.name).collect();
    match (groups.groups.len(), names.is_empty()) {
        (0 | 1, _) => String::new(),
        (_, true) => "Their configurations differ in nothing but seeds.".into(),
        (_, false) => format!("They differ in {}, and in nothing else that decides results.", names.join(", ")),
    }
}

/// Every comparison, a row each.
pub fn comparisons(verdict: &Verdict) -> Table {
    let mut table = Table::new(&["compared", "difference", "95 % interval", "p", "p (Holm)", "test", "seeds for 80 %"]);
    for comparison in &verdict.comparisons {
        let test = comparison.test;
        table.rows.push(vec![
            format!("{} − {}", letter(comparison.second), letter(comparison.first)),
            or_dash(comparison.difference, points),
            or_dash(test, |test| format!("{} to {}", points(test.interval.0), points(test.interval.1))),
            or_dash(test.and_then(|test| test.p), probability),
            or_dash(comparison.p_corrected, probability),
            test_name(comparison),
            match comparison.plan {
                Plan::Seeds { total, more: 0 } => total.to_string(),
                Plan::Seeds { total, more } => format!("{total}, {more} more"),
                Plan::TooMany => "> 1000".into(),
                Plan::Unknown => "–".into(),
            },
        ]);
    }
    table
}

fn test_name(comparison: &Comparison) -> String {
    match (&comparison.pairing, comparison.test) {
        (_, None) => "none".into(),
        (Pairing::Paired { pairs, .. }, _) => format!("paired t, {pairs} pairs"),
        (Pairing::Unpaired(_), Some(test)) => format!("Welch, df {:.1}", test.df),
    }
}

/// What a comparison comes to, in sentences.
pub fn sentence(verdict: &Verdict, comparison: &Comparison) -> String {
    let [first, second] = [comparison.first, comparison.second].map(letter);
    let head = format!("{second} − {first}:");
    let Some(difference) = comparison.difference else {
        let empty: Vec<_> = [comparison.first, comparison.second]
            .into_iter()
            .filter(|place| verdict.groups.groups[*place].runs.is_empty())
            .map(letter)
            .collect();
        return format!("{head} {} has no run that counts.", empty.join(" and "));
    };
    let Some(test) = comparison.test else {
        let images = or_dash(comparison.test_images, |half| format!("±{:.1}", 100.0 * half));
        return format!(
            "{head} {} points. No test: it takes two seeds on each side. The test images alone leave {images} points.",
            points(difference)
        );
    };
    let interval = format!("{} to {}", points(test.interval.0), points(test.interval.1));
    let (Some(p), Some(corrected)) = (test.p, comparison.p_corrected) else {
        return format!("{head} {} points in every pair: there is no spread to test it against.", points(difference));
    };
    let told = match (comparison.is_seen(), difference > 0.0) {
        (Some(true), true) => format!("{second} is better"),
        (Some(true), false) => format!("{first} is better"),
        _ => "no difference is seen".into(),
    };
    let p = match verdict.n_tested() {
        0 | 1 => format!("p {}", equals(p)),
        n => format!("p {}, {} corrected for {n} comparisons", equals(p), probability(corrected)),
    };
    let plan = match (comparison.is_seen(), comparison.plan) {
        (Some(true), _) | (_, Plan::Unknown) => String::new(),
        (_, Plan::TooMany) => " To see one of this size takes more than 1,000 seeds.".into(),
        (_, Plan::Seeds { total, more: 0 }) => {
            format!(" {} would see one of this size in 4 of 5 studies.", plural(total, "seed"))
        }
        (_, Plan::Seeds { total, more }) => {
            format!(" To see one of this size in 4 of 5 studies takes {}, {more} more.", plural(total, "seed"))
        }
    };
    format!("{head} {} points, 95 % interval {interval}, {p}: {told}.{plan}", points(difference))
}

/// The same in a few words, beside the difference and its interval.
pub fn in_short(verdict: &Verdict, comparison: &Comparison) -> String {
    let [first, second] = [comparison.first, comparison.second].map(letter);
    if comparison.difference.is_none() || comparison.p_corrected.is_none() {
        return sentence(verdict, comparison);
    }
    let p = comparison.p_corrected.map_or_else(String::new, equals);
    let corrected = match verdict.n_tested() {
        0 | 1 => String::new(),
        n => format!(", corrected for {n} comparisons"),
    };
    let told = match (comparison.is_seen(), comparison.difference.is_some_and(|it| it > 0.0)) {
        (Some(true), true) => format!("{second} is better"),
        (Some(true), false) => format!("{first} is better"),
        _ => format!("no difference from {first} is seen"),
    };
    let plan = match (comparison.is_seen(), comparison.plan) {
        (Some(true), _) | (_, Plan::Unknown) => String::new(),
        (_, Plan::TooMany) => "; it would take more than 1,000 seeds".into(),
        (_, Plan::Seeds { total, .. }) => format!("; one of this size takes {}", plural(total, "seed")),
    };
    format!("{second}: {told} ({}, p {p}{corrected}){plan}.", test_name(comparison))
}

fn equals(p: f64) -> String {
    let text = probability(p);
    if text.starts_with('<') { text } else { format!("= {text}") }
}

/// Which tests were taken and why, how they were corrected, and what makes them weak.
pub fn notes(verdict: &Verdict) -> Vec<String> {
    let mut notes = Vec::new();
    let paired: Vec<_> = verdict.comparisons.iter().filter(|it| matches!(it.pairing, Pairing::Paired { .. })).collect();
    let tested = |it: &&Comparison| it.test.is_some();
    if !paired.is_empty() {
        let single: usize =
            paired.iter().map(|it| if let Pairing::Paired { single, .. } = it.pairing { single } else { 0 }).sum();
        let left = if single > 0 { " Runs without a partner are left out of it." } else { "" };
        notes.push(format!(
            "Paired t-test: runs with the same seed and the same labeled images are compared one by one.{left}"
        ));
    }
    let mut reasons: Vec<&str> = Vec::new();
    for comparison in verdict.comparisons.iter().filter(tested) {
        if let Pairing::Unpaired(reason) = comparison.pairing
            && !reasons.contains(&reason)
        {
            reasons.push(reason);
        }
    }
    if !reasons.is_empty() {
        notes.push(format!("Welch's t-test of two samples with variances of their own: {}.", reasons.join("; ")));
    }
    if verdict.n_tested() > 1 {
        notes.push(format!(
            "Holm's correction for {} comparisons keeps the chance of any false alarm at 5 %; intervals are each by itself.",
            verdict.n_tested()
        ));
    }
    if let Some(optimism) = verdict.groups.groups.iter().filter_map(Group::optimism).max_by(f64::total_cmp)
        && optimism >= 0.0005
    {
        notes.push(format!(
            "The best evaluation is chosen on the test set; it is up to {:.1} points above the last one here.",
            100.0 * optimism
        ));
    }
    notes.extend(verdict.cautions.iter().cloned());
    notes
}

/// Which runs do not count, and why.
pub fn left_out(groups: &Groups) -> Vec<String> {
    let runs = groups.groups.iter().flat_map(|group| &group.left_out);
    runs.map(|(run, reason)| format!("{} does not count: {reason}", run.id())).collect()
}
