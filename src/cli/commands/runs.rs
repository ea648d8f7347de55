//! `fixmatch runs`: runs as a table of experiments, one a line, or one line for all seeds of a configuration.

use std::collections::BTreeMap;
use std::process::ExitCode;
use std::time::Duration;

use anyhow::{Result, ensure};
use fixmatch::base::host::now;
use fixmatch::base::output::write_raw;
use fixmatch::base::text::width;
use fixmatch::compare::experiment::{self, Experiment, Measure, Value, seeds_are_one};
use fixmatch::compare::groups::{Group, Groups};
use fixmatch::compare::keys::{self, Key, SEEDS, short};
use fixmatch::compare::saved;
use fixmatch::compare::sort::Sort;
use fixmatch::examples;
use fixmatch::run::file::Parent;
use fixmatch::run::state::Status;
use fixmatch::run::summary::Summary;
use serde::Serialize;

use super::card::Written;
use super::choosing::Choice;
use super::{Runs, note, say, say_json};
use crate::words::comparisons::{groups, groups_in_full, left_out, shown};
use crate::words::numbers::{duration, or_dash, percent, percent_of, plural, table};
use crate::words::tables::{Format, Table};

/// Columns of the table beside those that runs differ in, and the least that a name is cut to.
const OTHER_COLUMNS: usize = 56;
const NAME: usize = 30;
const WIDEST: usize = 120;

/// List runs with what they differ in, the newest last
///
/// An expression chooses among them: names, parts of names, suites, and conditions on values of the configuration or on status,
/// accuracy, median, best, time, done, step, name, preset, suite, title, tag, note, parent, host, images, created, changes and
/// alarms. Put conditions with < or > in quotes: shells take these signs otherwise.
#[derive(clap::Args)]
#[command(after_help = examples!(
    "fixmatch runs",
    "fixmatch runs quickstart status=finished",
    "fixmatch runs per_class=4 'accuracy>60%' --sort=-accuracy",
    "fixmatch runs --columns status,lr,accuracy,time",
    "fixmatch runs --group",
    "fixmatch runs per_class=4 'accuracy>60%' --save good",
    "fixmatch runs @good --group",
    "fixmatch runs --json",
))]
#[expect(clippy::struct_excessive_bools, reason = "one a flag")]
pub struct Args {
    #[command(flatten)]
    choice: Choice,
    /// Instead show these columns beside the name
    #[arg(long, value_name = "KEY,…", value_delimiter = ',')]
    columns: Vec<String>,
    /// Sort by a key, from low to high, or with a minus before it from high to low
    #[arg(long, value_name = "[-]KEY", allow_hyphen_values = true)]
    sort: Option<String>,
    /// A line for all seeds of a configuration: mean ± standard deviation
    #[arg(long)]
    group: bool,
    /// Save the expression: @NAME stands for it from then on, in the console's filter too
    #[arg(long, value_name = "NAME")]
    save: Option<String>,
    /// Forget a saved expression
    #[arg(long, value_name = "NAME", exclusive = true)]
    forget: Option<String>,
    /// List the saved expressions
    #[arg(long, exclusive = true)]
    saved: bool,
    /// As JSON
    #[arg(long)]
    json: bool,
    /// As CSV, every number in full
    #[arg(long, conflicts_with = "json")]
    csv: bool,
}

/// What the list says of a run.
#[derive(Serialize)]
struct Row {
    id: String,
    path: String,
    status: Status,
    preset: Option<String>,
    /// The run that it was forked from.
    parent: Option<Parent>,
    created: Option<String>,
    /// What keeps its worker from going on, if something does.
    #[serde(skip_serializing_if = "Option::is_none")]
    trouble: Option<&'static str>,
    #[serde(flatten)]
    summary: Summary,
    /// The values in which the runs of the list differ, or those of `--columns`.
    values: BTreeMap<&'static str, Option<serde_json::Value>>,
    #[serde(flatten)]
    written: Written,
    /// Why a part of it cannot be read.
    #[serde(skip_serializing_if = "Option::is_none")]
    error: Option<String>,
}

/// What the list says of a group.
#[derive(Serialize)]
pub struct GroupRow {
    label: String,
    values: BTreeMap<&'static str, Option<serde_json::Value>>,
    runs: Vec<String>,
    left_out: Vec<LeftOut>,
    last: Option<Accuracy>,
    median: Option<Accuracy>,
    best: Option<Accuracy>,
    time_s: Option<f64>,
}

#[derive(Serialize)]
struct LeftOut {
    run: String,
    reason: String,
}

#[derive(Serialize)]
struct Accuracy {
    mean: f64,
    sd: Option<f64>,
}

pub fn run(args: &Args, runs: &Runs) -> Result<ExitCode> {
    if args.saved {
        return list_saved();
    }
    if let Some(name) = &args.forget {
        saved::forget(name.trim_start_matches('@'))?;
        note(format_args!("@{} stands for nothing any more", name.trim_start_matches('@')));
        return Ok(ExitCode::SUCCESS);
    }
    if let Some(name) = &args.save {
        let name = name.trim_start_matches('@');
        args.choice.save(name)?;
        note(format_args!("@{name} stands for {}", args.choice.text()));
    }
    let columns = args.columns.iter().map(|name| keys::find(name.trim())).collect::<Result<Vec<_>>>()?;
    let sort = args.sort.as_deref().map(Sort::parse).transpose()?;
    let chosen = args.choice.runs(runs)?;
    if chosen.is_empty() && !args.json && !args.csv {
        let folder = runs.folder().display();
        note(if args.choice.is_all() {
            format!("there are no runs in {folder}; start one with `fixmatch train quickstart`")
        } else {
            format!("no run in {folder} fits {:?}; `fixmatch runs` lists all", args.choice.text())
        });
        return Ok(ExitCode::SUCCESS);
    }
    if args.group { list_groups(args, chosen, &columns, sort) } else { list(args, chosen, columns, sort) }?;
    Ok(ExitCode::SUCCESS)
}

fn list_saved() -> Result<ExitCode> {
    let saved = saved::read()?;
    if saved.is_empty() {
        note(saved::there_are(&saved));
    } else {
        let rows: Vec<_> = saved.into_iter().map(|(name, text)| vec![format!("@{name}"), text]).collect();
        say(table(&["name", "expression"], &rows))?;
    }
    Ok(ExitCode::SUCCESS)
}

fn list(args: &Args, mut chosen: Vec<Experiment>, columns: Vec<&'static Key>, sort: Option<Sort>) -> Result<()> {
    if let Some(sort) = sort {
        sort.by(&mut chosen, |run| run.value(sort.key));
    }
    let is_picked = !columns.is_empty();
    let columns = if is_picked { columns } else { experiment::columns(&chosen) };
    if args.json {
        return say_json(&chosen.iter().map(|run| Row::of(run, &columns)).collect::<Vec<_>>());
    }
    if args.csv {
        let usual =
            ["status", "done", "accuracy", "median", "best", "time"].map(|name| keys::find(name).expect("known"));
        let all = if is_picked { columns } else { [&usual[..1], &columns, &usual[1..]].concat() };
        let head: Vec<_> = ["name"].into_iter().chain(all.iter().map(|key| key.name)).collect();
        let mut table = Table::new(&head);
        table.rows = chosen
            .iter()
            .map(|run| {
                let values = all.iter().map(|key| run.value(key).map_or_else(String::new, |value| value.text));
                [run.id()].into_iter().chain(values).collect()
            })
            .collect();
        return say_csv(&table);
    }
    if is_picked {
        say(picked(&chosen, &columns))?;
    } else {
        say(usual(&chosen, &columns))?;
        for (row, parent) in chosen.iter().filter_map(|run| Some((run, run.row.parent.as_ref()?))) {
            say(format_args!("{} was forked from {} after {} steps", row.id(), parent.run, parent.step))?;
        }
    }
    for (run, error) in chosen.iter().filter_map(|run| Some((run, run.row.error.as_ref()?))) {
        note(format_args!("warning: {}: {error}", run.id()));
    }
    Ok(())
}

/// The table of the columns that were asked for.
fn picked(chosen: &[Experiment], columns: &[&'static Key]) -> String {
    let head: Vec<String> =
        ["RUN".to_owned()].into_iter().chain(columns.iter().map(|key| short(key.name).to_uppercase())).collect();
    let cells = chosen.iter().map(|run| {
        let values = columns.iter().map(|key| shown(key, run.value(key).as_ref()));
        [run.id()].into_iter().chain(values).collect()
    });
    table(&head.iter().map(String::as_str).collect::<Vec<_>>(), &cells.collect::<Vec<Vec<String>>>())
}

/// The table as it is without a wish: how runs stand, what they differ in as far as there is room, how good they are.
fn usual(chosen: &[Experiment], columns: &[&'static Key]) -> String {
    let (shown, rest) = fitting(chosen, columns);
    let values: Vec<(String, Vec<String>)> = shown.into_iter().map(|key| column(chosen, key)).collect();
    let mut head = vec!["RUN", "STATUS", "STEP", "DONE"];
    head.extend(values.iter().map(|(name, _)| name.as_str()));
    head.extend(["EMA", "BEST", "AGE", "NOTES"]);
    let rows: Vec<_> = chosen
        .iter()
        .enumerate()
        .map(|(i, run)| cells(run, values.iter().map(|(_, cells)| cells[i].clone()).collect()))
        .collect();
    if !rest.is_empty() {
        let names: Vec<_> = rest.iter().map(|key| key.name).collect();
        note(format_args!("they also differ in {}: --columns shows these, --csv all", names.join(", ")));
    }
    table(&head, &rows)
}

/// A column of values with its name; both seeds are one where they are the same.
fn column(chosen: &[Experiment], key: &'static Key) -> (String, Vec<String>) {
    let name =
        if key.name == SEEDS[0] && seeds_are_one(chosen) { "SEED".into() } else { short(key.name).to_uppercase() };
    let cells = chosen.iter().map(|run| run.configured(key.name).map_or("–", |value| &value.text).to_owned());
    (name, cells.collect())
}

/// The columns that fit into the width of a table, and those that do not.
fn fitting(chosen: &[Experiment], columns: &[&'static Key]) -> (Vec<&'static Key>, Vec<&'static Key>) {
    let name = chosen.iter().map(|run| width(&run.id())).max().unwrap_or(0);
    let mut room = WIDEST.saturating_sub(OTHER_COLUMNS + name.min(NAME));
    let mut is_full = false;
    columns.iter().partition(|key| {
        let (name, cells) = column(chosen, key);
        let needed = 2 + cells.iter().map(|cell| width(cell)).max().unwrap_or(0).max(name.len());
        is_full |= needed > room;
        room = room.saturating_sub(needed);
        !is_full
    })
}

fn list_groups(args: &Args, chosen: Vec<Experiment>, columns: &[&'static Key], sort: Option<Sort>) -> Result<()> {
    let mut all = Groups::of(chosen);
    if !columns.is_empty() {
        let seeds = columns.iter().find(|key| !key.name.contains('.') || SEEDS.contains(&key.name));
        ensure!(
            seeds.is_none(),
            "{} is not the same in a group: name keys of a configuration",
            seeds.map_or("", |it| it.name)
        );
        all.keys = columns.to_vec();
    }
    if let Some(sort) = sort {
        sort.by(&mut all.groups, |group| group.value(sort.key));
    }
    if args.json {
        return say_json(&all.groups.iter().map(|group| GroupRow::of(group, &all.keys)).collect::<Vec<_>>());
    }
    if args.csv {
        return say_csv(&groups_in_full(&all));
    }
    say(groups(&all, false).written(Format::Text)?)?;
    for line in left_out(&all) {
        note(line);
    }
    Ok(())
}

/// CSV for a program: nothing in it is changed.
pub fn say_csv(table: &Table) -> Result<()> {
    write_raw(format!("{}\n", table.written(Format::Csv)?).as_bytes())
}

impl GroupRow {
    /// Of a group among those that differ in some keys.
    pub fn of(group: &Group, keys: &[&'static Key]) -> Self {
        let accuracy = |measure| group.mean_and_sd(measure).map(|(mean, sd)| Accuracy { mean, sd });
        let left_out = group.left_out.iter();
        Self {
            label: group.label.clone(),
            values: group.first().map_or_else(BTreeMap::new, |run| values(run, keys)),
            runs: group.runs.iter().map(Experiment::id).collect(),
            left_out: left_out.map(|(run, reason)| LeftOut { run: run.id(), reason: reason.clone() }).collect(),
            last: accuracy(Measure::Last),
            median: accuracy(Measure::Median),
            best: accuracy(Measure::Best),
            time_s: group.time(),
        }
    }
}

fn values(run: &Experiment, columns: &[&'static Key]) -> BTreeMap<&'static str, Option<serde_json::Value>> {
    let number = |value: &Value| value.number.and_then(|_| serde_json::from_str(&value.text).ok());
    let json = |value: Value| number(&value).unwrap_or_else(|| value.text.into());
    columns.iter().map(|key| (key.name, run.value(key).map(json))).collect()
}

impl Row {
    fn of(run: &Experiment, columns: &[&'static Key]) -> Self {
        let row = &run.row;
        let created = row.created.and_then(|seconds| jiff::Timestamp::from_millisecond((seconds * 1000.0) as i64).ok());
        Self {
            id: run.id(),
            path: row.dir.path().display().to_string(),
            status: row.status,
            preset: Some(row.preset.clone()).filter(|preset| !preset.is_empty()),
            parent: row.parent.clone(),
            created: created.map(|created| created.to_string()),
            trouble: row.trouble(),
            summary: row.summary.clone(),
            values: values(run, columns),
            written: Written::of(&row.card),
            error: row.error.clone(),
        }
    }
}

/// A row of the usual table, the values in its middle.
fn cells(run: &Experiment, values: Vec<String>) -> Vec<String> {
    let Summary { step, steps, ema_accuracy, best, .. } = run.row.summary;
    let done = (steps > 0).then(|| format!("{} %", percent_of(step, steps)));
    let mut cells = vec![
        run.id(),
        run.row.trouble().unwrap_or(run.row.status.label()).into(),
        if steps > 0 { format!("{step}/{steps}") } else { step.to_string() },
        or_dash(done, |done| done),
    ];
    cells.extend(values);
    cells.extend([or_dash(ema_accuracy, percent), or_dash(best, percent), or_dash(age(run), duration), notes(run)]);
    cells
}

/// What to look into.
fn notes(run: &Experiment) -> String {
    let alarms = run.row.summary.alarms;
    let alarms = (alarms > 0).then(|| plural(alarms as u64, "alarm"));
    let at_chance = run.row.summary.at_chance.then(|| "at chance".to_owned());
    let title = Some(&run.row.card.title).filter(|title| !title.is_empty()).map(|title| format!("“{title}”"));
    let tags = run.row.card.tags.iter().map(|tag| format!("#{tag}"));
    let agreement = run.row.summary.agreement;
    let agreement = agreement.map(|share| format!("no test images, agreement {}", percent(share)));
    title.into_iter().chain(alarms).chain(at_chance).chain(agreement).chain(tags).collect::<Vec<_>>().join(", ")
}

fn age(run: &Experiment) -> Option<Duration> {
    Duration::try_from_secs_f64((now() - run.row.created?.floor()).max(0.0)).ok()
}
