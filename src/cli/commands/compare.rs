//! `fixmatch compare`: configurations compared over their seeds, with a verdict.

use std::process::ExitCode;

use anyhow::{Result, bail};
use fixmatch::compare::experiment::Experiment;
use fixmatch::compare::groups::Groups;
use fixmatch::compare::stats::ALPHA;
use fixmatch::compare::verdict::{Comparison, Pairing, Plan, Verdict};
use fixmatch::examples;
use serde::Serialize;

use super::attach::{self, Look, Shown};
use super::choosing::{By, Choice};
use super::runs::{GroupRow, say_csv};
use super::{Runs, note, say, say_json};
use crate::console::Stay;
use crate::words::comparisons::{self, letter, sentence};
use crate::words::tables::{Format, Table};

/// Compare configurations over their seeds: is there a difference, and how sure is that
///
/// Runs that differ in nothing but seeds are one group. Groups are compared two by two: paired where runs have the same seed and
/// the same labeled images, else by Welch's test; p-values are corrected by Holm's way. Only finished runs count.
#[derive(clap::Args)]
#[command(after_help = examples!(
    "fixmatch compare quickstart quickstart-labels-only",
    "fixmatch compare slides-labels-small per_class=4",
    "fixmatch compare 'train.lr>=0.01' --by median --markdown",
    "fixmatch compare slides-labels-small --against A --json",
    "fixmatch compare quickstart --attach",
))]
#[expect(clippy::struct_excessive_bools, reason = "one a flag")]
pub struct Args {
    #[command(flatten)]
    choice: Choice,
    /// Which accuracy
    #[arg(long, value_enum, default_value_t = By::Last)]
    by: By,
    /// Compare all with this group only, by its letter: fewer comparisons see smaller differences
    #[arg(long, value_name = "LETTER")]
    against: Option<String>,
    /// As JSON
    #[arg(long, group = "format")]
    json: bool,
    /// The groups as CSV, every number in full
    #[arg(long, group = "format")]
    csv: bool,
    /// As Markdown
    #[arg(long, group = "format")]
    markdown: bool,
    /// As LaTeX, with booktabs
    #[arg(long, group = "format")]
    latex: bool,
    /// In the console: with curves, classes and a cursor
    #[arg(long, conflicts_with = "format")]
    attach: bool,
    #[command(flatten)]
    look: Look,
}

/// Of so many comparisons there is a sentence each beside the table.
const MOST_SENTENCES: usize = 15;

#[derive(Serialize)]
struct Json {
    by: &'static str,
    alpha: f64,
    keys: Vec<&'static str>,
    groups: Vec<Named>,
    comparisons: Vec<Compared>,
    notes: Vec<String>,
}

#[derive(Serialize)]
struct Named {
    name: String,
    #[serde(flatten)]
    group: GroupRow,
    best_above_last: Option<f64>,
}

#[derive(Serialize)]
struct Compared {
    first: String,
    second: String,
    difference: Option<f64>,
    test: Option<&'static str>,
    pairs: Option<usize>,
    unpaired_because: Option<&'static str>,
    low: Option<f64>,
    high: Option<f64>,
    se: Option<f64>,
    df: Option<f64>,
    t: Option<f64>,
    p: Option<f64>,
    p_holm: Option<f64>,
    seen: Option<bool>,
    seeds: Option<u64>,
    more_seeds: Option<u64>,
    test_images: Option<f64>,
    verdict: String,
}

pub fn run(args: &Args, before: Look, runs: &Runs) -> Result<ExitCode> {
    let chosen = args.choice.some_runs(runs)?;
    if args.attach {
        return attach(&chosen, before.and(args.look), runs);
    }
    let groups = Groups::of(chosen).by_values();
    let against = args.against.as_deref().map(|name| place(name, groups.groups.len())).transpose()?;
    if args.csv {
        say_csv(&comparisons::groups_in_full(&groups))?;
    } else if args.json {
        say_json(&Json::of(&Verdict::of(&groups, args.by.into(), against)))?;
    } else {
        let format = match () {
            () if args.markdown => Format::Markdown,
            () if args.latex => Format::Latex,
            () => Format::Text,
        };
        print(&Verdict::of(&groups, args.by.into(), against), format)?;
    }
    for line in comparisons::left_out(&groups) {
        note(line);
    }
    Ok(ExitCode::SUCCESS)
}

/// Shows the runs in the console.
fn attach(chosen: &[Experiment], look: Look, runs: &Runs) -> Result<ExitCode> {
    let dirs = chosen.iter().map(|run| run.row.dir.clone()).collect();
    attach::open(look, runs, Shown::Beside(dirs), Stay::Open)
}

/// The place of a group that was named by its letter.
fn place(name: &str, n: usize) -> Result<usize> {
    if let Some(place) = (0..n).find(|&place| letter(place).eq_ignore_ascii_case(name)) {
        return Ok(place);
    }
    bail!("there is no group {name:?}: groups are A to {}", letter(n.saturating_sub(1)))
}

fn print(verdict: &Verdict, format: Format) -> Result<()> {
    let (groups, compared) = (comparisons::groups(verdict.groups, true), comparisons::comparisons(verdict));
    let escaped = |line: String| if format == Format::Latex { crate::words::tables::latex(&line) } else { line };
    let differences = comparisons::differences(verdict.groups);
    if !differences.is_empty() {
        say(format_args!("{}\n", escaped(differences)))?;
    }
    say(groups.written(format)?)?;
    if verdict.groups.groups.len() < 2 {
        say(format_args!("\n{}", escaped("They are one configuration: there is nothing to compare it with.".into())))?;
        return Ok(());
    }
    if verdict.comparisons.is_empty() {
        say(format_args!("\n{}", escaped("Fewer than two of them have a finished run: nothing is compared.".into())))?;
        return Ok(());
    }
    paragraph(&compared, format)?;
    say("")?;
    for comparison in verdict.comparisons.iter().take(MOST_SENTENCES) {
        item(format, &escaped(sentence(verdict, comparison)))?;
    }
    let n_more = verdict.comparisons.len().saturating_sub(MOST_SENTENCES);
    if n_more > 0 {
        item(format, &format!("The table has {n_more} more; --against A compares all with one group only."))?;
    }
    say("")?;
    for line in comparisons::notes(verdict) {
        item(format, &escaped(line))?;
    }
    Ok(())
}

fn paragraph(table: &Table, format: Format) -> Result<()> {
    say(format_args!("\n{}", table.written(format)?))
}

fn item(format: Format, line: &str) -> Result<()> {
    match format {
        Format::Markdown => say(format_args!("- {line}")),
        Format::Latex => say(format_args!("{line}\\par")),
        Format::Text | Format::Csv => say(line),
    }
}

impl Json {
    fn of(verdict: &Verdict) -> Self {
        let keys = &verdict.groups.keys;
        let groups = verdict.groups.groups.iter().enumerate().map(|(place, group)| Named {
            name: letter(place),
            group: GroupRow::of(group, keys),
            best_above_last: group.optimism(),
        });
        Self {
            by: verdict.measure.label(),
            alpha: ALPHA,
            keys: keys.iter().map(|key| key.name).collect(),
            groups: groups.collect(),
            comparisons: verdict.comparisons.iter().map(|it| Compared::of(verdict, it)).collect(),
            notes: comparisons::notes(verdict),
        }
    }
}

impl Compared {
    fn of(verdict: &Verdict, it: &Comparison) -> Self {
        let (pairs, unpaired_because) = match it.pairing {
            Pairing::Paired { pairs, .. } => (Some(pairs), None),
            Pairing::Unpaired(reason) => (None, Some(reason)),
        };
        let (seeds, more_seeds) = match it.plan {
            Plan::Seeds { total, more } => (Some(total), Some(more)),
            Plan::TooMany | Plan::Unknown => (None, None),
        };
        let test = it.test;
        Self {
            first: letter(it.first),
            second: letter(it.second),
            difference: it.difference,
            test: test.map(|_| if pairs.is_some() { "paired t" } else { "welch" }),
            pairs,
            unpaired_because,
            low: test.map(|test| test.interval.0),
            high: test.map(|test| test.interval.1),
            se: test.map(|test| test.se),
            df: test.map(|test| test.df),
            t: test.and_then(|test| test.t),
            p: test.and_then(|test| test.p),
            p_holm: it.p_corrected,
            seen: it.is_seen(),
            seeds,
            more_seeds,
            test_images: it.test_images,
            verdict: sentence(verdict, it),
        }
    }
}
