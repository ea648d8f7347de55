//! `fixmatch runs`: all runs, one a line.

use std::process::ExitCode;
use std::time::Duration;

use anyhow::Result;
use fixmatch::base::host::now;
use fixmatch::examples;
use fixmatch::run::file::Parent;
use fixmatch::run::heartbeat::Phase;
use fixmatch::run::state::{Status, Summary};
use fixmatch::run::survey::{self, Survey};
use serde::Serialize;

use super::{Runs, note, say, say_json};
use crate::words::numbers::{duration, or_dash, percent, percent_of, plural, table};

/// List the runs, the newest last
#[derive(clap::Args)]
#[command(after_help = examples!("fixmatch runs", "fixmatch runs --json"))]
pub struct Args {
    /// As JSON
    #[arg(long)]
    json: bool,
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
    /// Why a part of it cannot be read.
    #[serde(skip_serializing_if = "Option::is_none")]
    error: Option<String>,
}

pub fn run(args: &Args, runs: &Runs) -> Result<ExitCode> {
    let mut survey = Survey::new(runs.folder());
    let rows: Vec<Row> = survey.look()?.into_iter().rev().map(Row::of).collect();
    survey.save();
    if args.json {
        say_json(&rows)?;
        return Ok(ExitCode::SUCCESS);
    }
    if rows.is_empty() {
        note(format_args!(
            "there are no runs in {}; start one with `fixmatch train quickstart`",
            runs.folder().display()
        ));
        return Ok(ExitCode::SUCCESS);
    }
    let cells: Vec<_> = rows.iter().map(Row::cells).collect();
    say(table(&["RUN", "STATUS", "STEP", "DONE", "EMA", "BEST", "AGE", "NOTES"], &cells))?;
    for (row, parent) in rows.iter().filter_map(|row| Some((row, row.parent.as_ref()?))) {
        say(format_args!("{} was forked from {} after {} steps", row.id, parent.run, parent.step))?;
    }
    for error in rows.iter().filter_map(|row| row.error.as_ref()) {
        note(format_args!("warning: {error}"));
    }
    Ok(ExitCode::SUCCESS)
}

impl Row {
    fn of(row: survey::Row) -> Self {
        let created = row.created.and_then(|seconds| jiff::Timestamp::from_millisecond((seconds * 1000.0) as i64).ok());
        Self {
            id: row.dir.id(),
            path: row.dir.path().display().to_string(),
            status: row.status,
            preset: Some(row.preset).filter(|preset| !preset.is_empty()),
            parent: row.parent,
            created: created.map(|created| created.to_string()),
            trouble: row.phase.and_then(Phase::trouble),
            summary: row.summary,
            error: row.error,
        }
    }

    fn cells(&self) -> Vec<String> {
        let Summary { step, steps, ema_accuracy, best, .. } = self.summary;
        let done = (steps > 0).then(|| format!("{} %", percent_of(step, steps)));
        vec![
            self.id.clone(),
            self.trouble.unwrap_or(self.status.label()).into(),
            if steps > 0 { format!("{step}/{steps}") } else { step.to_string() },
            or_dash(done, |done| done),
            or_dash(ema_accuracy, percent),
            or_dash(best, percent),
            or_dash(self.age(), duration),
            self.notes(),
        ]
    }

    /// What to look into.
    fn notes(&self) -> String {
        let alarms = self.summary.alarms;
        let alarms = (alarms > 0).then(|| plural(alarms as u64, "alarm"));
        let at_chance = self.summary.at_chance.then(|| "at chance".to_owned());
        alarms.into_iter().chain(at_chance).collect::<Vec<_>>().join(", ")
    }

    fn age(&self) -> Option<Duration> {
        let created: jiff::Timestamp = self.created.as_ref()?.parse().ok()?;
        Duration::try_from_secs_f64((now() - created.as_second() as f64).max(0.0)).ok()
    }
}
