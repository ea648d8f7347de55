//! What happened in a run at some step, as flags on its charts: changes, alarms, forks, and the checkpoints that there
//! are. Flags that would lie over each other are gathered into one.

use fixmatch::run::curves::{Axis, Metric};
use fixmatch::run::history::Entry;

use super::plot::place;
use super::screens::run::OpenRun;
use super::text::width;

/// What a flag tells of; of several in one place the least of these is shown.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Kind {
    /// The pseudo-labels go wrong.
    Alarm,
    /// The run goes on from another one's checkpoint.
    Fork,
    /// A value was changed: the change's number, from one on.
    Change(usize),
    /// There is a checkpoint to resume or fork from.
    Checkpoint,
}

impl Kind {
    /// What stands for it on a chart.
    fn symbol(self) -> String {
        match self {
            Self::Alarm => "⚑".into(),
            Self::Fork => "↳".into(),
            Self::Change(number) => number.to_string(),
            Self::Checkpoint => "○".into(),
        }
    }
}

/// One thing that happened.
#[derive(Clone, Debug, PartialEq)]
pub struct Flag {
    /// After so many steps.
    pub step: f64,
    /// Its place on the axis that is shown.
    x: f64,
    /// What kind of thing.
    pub kind: Kind,
    /// What happened, in words.
    pub words: String,
}

/// Flags that stand in one place of a chart.
#[derive(Clone, Debug, PartialEq)]
pub struct Gathered {
    /// The column of the first one.
    pub column: usize,
    /// What stands there.
    pub label: String,
    /// What the most important of them tells of.
    pub kind: Kind,
}

/// Every flag of a run, in the order of the steps.
pub fn of(run: &OpenRun) -> Vec<Flag> {
    let seconds =
        |step: f64| run.curves.of(Metric::Loss).at(Axis::Step, step).map_or(0.0, |point| point.x(run.charts.axis));
    let flag = |step: u64, kind, words| {
        let step = step as f64;
        Flag { step, x: if run.charts.axis == Axis::Step { step } else { seconds(step) }, kind, words }
    };
    let ahead_from = run.glance.as_ref().map_or(u64::MAX, |glance| glance.ahead_from);
    let change = |it: &Entry| {
        let ahead = if it.step >= ahead_from { ", lies ahead" } else { "" };
        flag(it.step, Kind::Change(it.number as usize), format!("{} by {}{ahead}", it.change, it.who))
    };
    let keep = match &run.file {
        Some(Ok(file)) => file.config.checkpoint.keep as usize,
        Some(Err(_)) | None => 0,
    };
    let changes = run.state.history.standing().into_iter().map(change);
    let alarms = run.state.alarms.iter().map(|it| flag(it.step, Kind::Alarm, it.message.clone()));
    let forks = run.marks.forks.iter().map(|it| flag(it.step, Kind::Fork, format!("forked from {}", it.run)));
    let checkpoints = run.marks.kept(keep).map(|step| flag(step, Kind::Checkpoint, "checkpoint".into()));
    let mut all: Vec<Flag> = changes.chain(alarms).chain(forks).chain(checkpoints).collect();
    all.sort_by(|a, b| a.step.total_cmp(&b.step).then(a.kind.cmp(&b.kind)));
    all
}

/// The flags in sight, in so many columns.
pub fn gathered(flags: &[Flag], range: (f64, f64), columns: usize) -> Vec<Gathered> {
    gather(flags.iter().filter_map(|flag| Some((place(flag.x, range, columns)?, flag.kind))), columns)
}

/// Gathers flags that stand so close that what stands for them would touch.
fn gather(flags: impl Iterator<Item = (usize, Kind)>, columns: usize) -> Vec<Gathered> {
    let mut groups: Vec<(usize, Vec<Kind>)> = Vec::new();
    for (column, kind) in flags {
        match groups.last_mut() {
            Some((first, kinds)) if column <= *first + width(&label(kinds)) => kinds.push(kind),
            _ => groups.push((column, vec![kind])),
        }
        // a label that grew to the right end of the chart has to begin further to the left
        while let [.., (before, earlier), (last, kinds)] = &mut groups[..] {
            let start = (*last).min(columns.saturating_sub(width(&label(kinds))));
            if *before + width(&label(earlier)) < start {
                break;
            }
            earlier.append(kinds);
            groups.pop();
        }
    }
    let gathered = |(column, kinds): (usize, Vec<Kind>)| {
        let label = label(&kinds);
        let kind = kinds.into_iter().min().expect("a group has one at least");
        Gathered { column: column.min(columns.saturating_sub(width(&label))), label, kind }
    };
    groups.into_iter().map(gathered).collect()
}

/// What stands for flags in one place.
fn label(kinds: &[Kind]) -> String {
    let changes: Vec<usize> =
        kinds.iter().filter_map(|kind| if let Kind::Change(number) = kind { Some(*number) } else { None }).collect();
    let most = kinds.iter().min().map(|kind| kind.symbol()).unwrap_or_default();
    match (changes.iter().min(), changes.iter().max(), kinds.len()) {
        (.., 1) => most,
        (Some(first), Some(last), n) if changes.len() == n => format!("{first}–{last}"),
        _ => format!("{most}+"),
    }
}

/// The flags that the cursor stands at.
pub fn at_cursor<'a>(run: &OpenRun, flags: &'a [Flag]) -> Vec<&'a Flag> {
    let Some(cursor) = run.charts.cursor else { return Vec::new() };
    let (from, to) = run.charts.range();
    // half of what a key moves the cursor by
    flags.iter().filter(|flag| (flag.x - cursor).abs() <= (to - from) / 160.0).collect()
}

/// What the symbols on the charts mean: of each kind that there is.
pub fn legend(flags: &[Flag]) -> Vec<(Kind, String)> {
    let changes: Vec<&Flag> = flags.iter().filter(|flag| matches!(flag.kind, Kind::Change(_))).collect();
    let mut legend: Vec<(Kind, String)> = match changes[..] {
        [] => Vec::new(),
        [first, .., last] if changes.len() > 2 => {
            vec![(first.kind, format!("{}–{} changes", first.kind.symbol(), last.kind.symbol()))]
        }
        _ => changes.iter().map(|it| (it.kind, format!("{} {}", it.kind.symbol(), it.words))).collect(),
    };
    let others = [(Kind::Alarm, "alarm"), (Kind::Fork, "fork"), (Kind::Checkpoint, "checkpoint")];
    let others = others.into_iter().filter(|(kind, _)| flags.iter().any(|flag| flag.kind == *kind));
    legend.extend(others.map(|(kind, word)| (kind, format!("{} {word}", kind.symbol()))));
    legend
}

#[cfg(test)]
mod tests {
    use fixmatch::run::event::{Event, Record};
    use proptest::prelude::*;

    use super::*;
    use crate::console::sample;
    use crate::console::screens::run::Reading;

    fn labels(flags: &[(usize, Kind)], columns: usize) -> Vec<(usize, String)> {
        gather(flags.iter().copied(), columns).into_iter().map(|it| (it.column, it.label)).collect()
    }

    fn checkpointed(step: u64, best: bool) -> Event {
        Event::Checkpointed { step, file: format!("{step}.safetensors"), best }
    }

    #[test]
    fn flags_that_would_touch_are_gathered() {
        let change = Kind::Change;
        let cases = [
            (vec![(3, change(1)), (9, change(2))], vec![(3, "1"), (9, "2")]),
            (vec![(3, change(1)), (4, change(2)), (5, change(3)), (20, Kind::Alarm)], vec![(3, "1–3"), (20, "⚑")]),
            (vec![(3, Kind::Checkpoint), (3, Kind::Alarm)], vec![(3, "⚑+")]),
            (vec![(5, change(9)), (7, change(10))], vec![(5, "9"), (7, "10")]),
            (vec![(39, change(8)), (39, change(9))], vec![(37, "8–9")]),
        ];
        for (flags, expected) in cases {
            let found = labels(&flags, 40);
            let found: Vec<_> = found.iter().map(|(column, label)| (*column, label.as_str())).collect();
            assert_eq!(found, expected);
        }
    }

    #[test]
    fn the_cursor_tells_every_flag_that_it_stands_at() {
        let mut run = sample::run();
        let record = Record { time: sample::NOW, event: checkpointed(200, true) };
        run.take(Reading { records: vec![record], ..Reading::default() }, sample::NOW);
        run.charts.cursor = Some(201.0);
        let flags = of(&run);
        let words: Vec<_> = at_cursor(&run, &flags).iter().map(|flag| flag.words.clone()).collect();
        assert_eq!(words, ["threshold = 0.9 by me@here", "checkpoint"]);
        run.charts.cursor = Some(220.0);
        assert_eq!(at_cursor(&run, &flags).len(), 0);
        let legend: Vec<_> = legend(&flags).into_iter().map(|(_, text)| text).collect();
        assert_eq!(legend, ["1 threshold = 0.9 by me@here", "○ checkpoint"]);
    }

    proptest! {
        #[test]
        fn no_flag_lies_over_another_one(
            places in proptest::collection::vec((0..60_usize, 0..4_usize), 0..80), columns in 12..60_usize,
        ) {
            let mut places: Vec<_> = places.into_iter().filter(|(column, _)| *column < columns).collect();
            places.sort_unstable();
            let kind = |(n, &(column, kind)): (usize, &(usize, usize))| {
                (column, [Kind::Alarm, Kind::Fork, Kind::Change(n + 1), Kind::Checkpoint][kind])
            };
            let flags: Vec<_> = places.iter().enumerate().map(kind).collect();
            let mut end = 0;
            for (column, label) in labels(&flags, columns) {
                prop_assert!(column >= end, "{label} at {column} begins before {end}");
                end = column + width(&label) + 1;
                prop_assert!(end <= columns + 1, "{label} at {column} leaves {columns} columns");
            }
        }
    }
}
