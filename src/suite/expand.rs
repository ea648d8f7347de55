//! From a suite to its runs.

use std::collections::HashSet;

use anyhow::{Context, Result, ensure};

use crate::plan::LABELS_ONLY;
use crate::suite::file::Suite;
use crate::suite::grid::{Axis, Grid, Planned, bare};

/// All runs of a suite, checked value by value.
pub fn expand(suite: &Suite) -> Result<Grid> {
    all(suite).with_context(|| suite.origin.clone())
}

fn all(suite: &Suite) -> Result<Grid> {
    let (mut cells, mut runs) = (Vec::new(), Vec::new());
    for cell in places(&suite.axes) {
        let settings: Vec<String> =
            suite.axes.iter().zip(&cell).map(|(axis, &place)| format!("{}={}", axis.key, axis.values[place])).collect();
        if suite.leaves_out(&settings) {
            continue;
        }
        for &seed in &suite.seeds {
            runs.extend(runs_of(suite, cells.len(), &settings, seed)?);
        }
        cells.push(cell);
    }
    ensure!(!cells.is_empty(), "leave_out leaves nothing");
    let mut seen = HashSet::new();
    for run in &runs {
        ensure!(
            run.baseline || seen.insert(&run.identity),
            "two cells come to the same run, {}: do the axes change what is trained?",
            run.settings.join(" ")
        );
    }
    let (axes, seed_keys) = (suite.axes.clone(), suite.seed_keys.clone());
    let grid = Grid { axes, cells, runs, seed_keys, of_file: String::new() };
    Ok(Grid { of_file: grid.digest(), ..grid })
}

/// A run of a cell, and its baseline if there is one.
fn runs_of(suite: &Suite, cell: usize, values: &[String], seed: u64) -> Result<Vec<Planned>> {
    let seeds = suite.seed_keys.iter().map(|key| format!("{key}={seed}"));
    let settings: Vec<String> = suite.settings.iter().chain(values).cloned().chain(seeds).collect();
    let parts = values.iter().map(|setting| bare(setting.split_once('=').map_or("", |(_, value)| value)));
    let name = std::iter::once(suite.name.as_str()).chain(parts).collect::<Vec<_>>().join("-");
    let planned = |name: String, settings: Vec<String>, baseline| -> Result<Planned> {
        let config = suite.base.resolve(&settings)?;
        ensure!(config.rank.is_none(), "the base ranks images; a suite is of runs that train");
        let identity = config.identity();
        Ok(Planned { cell, seed, baseline, name, preset: suite.base.reference(), settings, config, identity })
    };
    let what = || format!("the cell {}", if values.is_empty() { "without axes".into() } else { values.join(" ") });
    let run = planned(name.clone(), settings.clone(), false).with_context(what)?;
    if !suite.baseline || run.config.train.lambda_u == 0.0 {
        return Ok(vec![run]);
    }
    let settings = settings.into_iter().chain([LABELS_ONLY.to_owned()]).collect();
    Ok(vec![run, planned(format!("{name}-labels-only"), settings, true).with_context(what)?])
}

/// The places of all cells, the last axis fastest.
fn places(axes: &[Axis]) -> Vec<Vec<usize>> {
    axes.iter().fold(vec![Vec::new()], |cells, axis| {
        let longer = |cell: &Vec<usize>, place| cell.iter().copied().chain([place]).collect();
        cells.iter().flat_map(|cell| (0..axis.values.len()).map(move |place| longer(cell, place))).collect()
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    const SMALL: &str = r#"
        title = "Small"
        base = "quickstart"
        seeds = 2
        [config]
        train.steps = 20
        [[axis]]
        key = "labels.per_class"
        values = [1, 4]
        [[axis]]
        key = "augment.strong"
        values = ["none", "randaugment"]
        [[leave_out]]
        labels.per_class = 1
        augment.strong = "none"
    "#;

    fn parse(text: &str) -> Result<Suite> {
        Suite::parse("small", "small.toml", text, None)
    }

    #[test]
    fn a_suite_is_a_run_for_each_cell_and_seed_but_those_left_out() {
        let grid = expand(&parse(SMALL).expect("reads")).expect("resolves");
        assert_eq!(grid.cells.len(), 3);
        assert_eq!(grid.runs.len(), 6);
        let of = |i: usize| (grid.runs[i].config.labels.per_class, grid.runs[i].config.train.seed);
        assert_eq!([of(0), of(1), of(5)], [(1, 0), (1, 1), (4, 1)]);
        assert!(grid.runs.iter().all(|run| run.config.train.steps == 20 && run.config.labels.seed == run.seed));
        let mut identities: Vec<_> = grid.runs.iter().map(|run| run.identity.clone()).collect();
        identities.sort();
        identities.dedup();
        assert_eq!(identities.len(), 6);
    }

    #[test]
    fn a_baseline_is_a_run_of_its_own_without_the_unlabeled_images() {
        let suite = parse(&SMALL.replace("seeds = 2", "seeds = [7]\nbaseline = true")).expect("reads");
        let grid = expand(&suite).expect("resolves");
        let lambdas: Vec<_> = grid.runs.iter().map(|run| (run.baseline, run.config.train.lambda_u)).collect();
        assert_eq!(lambdas, [(false, 1.0), (true, 0.0), (false, 1.0), (true, 0.0), (false, 1.0), (true, 0.0)]);
    }

    #[test]
    fn more_seeds_are_the_next_ones_of_each_cell_and_come_last() {
        for text in [SMALL.to_owned(), SMALL.replace("seeds = 2", "seeds = 2\nseed_keys = [\"train.seed\"]")] {
            let mut grid = expand(&parse(&text.replace("seeds = 2", "seeds = 1")).expect("reads")).expect("resolves");
            let more = expand(&parse(&text).expect("reads")).expect("resolves");
            let of_file = grid.of_file.clone();
            assert_ne!(grid.of_file, more.of_file);
            grid.add_seeds(1).expect("more");
            assert!(grid.runs[..3].iter().all(|run| run.seed == 0) && grid.runs[3..].iter().all(|run| run.seed == 1));
            grid.in_order_of(&more);
            assert_eq!(grid, Grid { of_file, ..more }, "they are the runs that a suite of two seeds has");
            assert!(grid.add_seeds(0).is_err() && grid.add_seeds(u64::MAX).is_err());
        }
    }

    #[test]
    fn what_is_moved_to_the_front_is_started_first_and_the_rest_keeps_its_order() {
        let mut grid = expand(&parse(SMALL).expect("reads")).expect("resolves");
        let before: Vec<_> = grid.runs.iter().map(|run| run.identity.clone()).collect();
        grid.to_front(&[before[4].clone(), before[2].clone()]);
        let after: Vec<_> = grid.runs.iter().map(|run| run.identity.clone()).collect();
        assert_eq!(after, [2, 4, 0, 1, 3, 5].map(|place| before[place].clone()));
    }

    #[test]
    fn what_is_wrong_in_a_suite_is_named() {
        for (from, to, expected) in [
            ("quickstart", "quickstrat", "did you mean quickstart?"),
            ("title = \"Small\"", "titel = \"Small\"", "line 2"),
            ("seeds = 2", "seeds = []", "at least one"),
            ("seeds = 2", "seeds = 4294967295", "more than 10000 runs"),
            ("seeds = 2", "seeds = [3, 3]", "the same seed twice"),
            ("seeds = 2", "seeds = \"3\"", "seeds is a number of seeds"),
            ("values = [1, 4]", "values = []", "the axis labels.per_class has no values"),
            ("values = [1, 4]", "values = [4, 4]", "has 4 twice"),
            ("values = [1, 4]", "values = [1, 0]", "labels.per_class"),
            ("key = \"augment.strong\"", "key = \"augment.storng\"", "leave_out names augment.strong"),
            (
                "key = \"augment.strong\"",
                "key = \"augment.storng\"",
                "no axis: these are labels.per_class, augment.storng",
            ),
            (
                "train.steps = 20",
                "labels.per_class = 2",
                "labels.per_class is an axis, so labels.per_class=2 would be in no run",
            ),
            ("train.steps = 20", "train.seed = 77", "train.seed is set by seeds (seed_keys)"),
            ("labels.per_class = 1\n", "labels.per_class = 9\n", "but the axis has 1, 4"),
            ("train.steps = 20", "train.step = 20", "train.steps"),
            ("[[leave_out]]", "[leave_out]", "write [[axis]] and [[leave_out]] with two brackets"),
        ] {
            assert!(SMALL.contains(from), "{from}");
            let text = SMALL.replace(from, to);
            let error = parse(&text).and_then(|suite| expand(&suite).map(drop)).expect_err(to);
            let error = format!("{error:#}");
            assert!(error.contains("small.toml") && error.contains(expected), "{to}: {error}");
        }
    }

    #[test]
    fn every_shipped_suite_resolves() {
        for suite in Suite::shipped() {
            let grid = expand(&suite).unwrap_or_else(|error| panic!("{}: {error:#}", suite.name));
            assert!(!grid.runs.is_empty(), "{}", suite.name);
        }
    }
}
