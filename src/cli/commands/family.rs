//! `fixmatch family`: a run's forks and changes, and their curves in one figure.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::process::ExitCode;

use anyhow::{Result, ensure};
use fixmatch::base::aside::replace_file;
use fixmatch::compare::experiment::{Experiment, Measure};
use fixmatch::compare::family::{Member, families, relatives};
use fixmatch::compare::groups::Groups;
use fixmatch::examples;
use fixmatch::run::curves::Axis;
use fixmatch::run::file::Parent;
use fixmatch::run::state::{RunState, Status};
use serde::Serialize;

use super::attach::{self, Look, Shown};
use super::report::is_pdf;
use super::{RunArg, Runs, fresh_file, say, say_json};
use crate::console::Stay;
use crate::report::study::{ACCURACY, Study};
use crate::words::family::lines;

/// Draw the family of a run like commits: what it was forked from, its forks, and what was changed in each
#[derive(clap::Args)]
#[command(after_help = examples!("fixmatch family quickstart", "fixmatch family quickstart -o family.svg", "fixmatch family quickstart --json"))]
pub struct Args {
    #[command(flatten)]
    run: RunArg,
    /// Draw the test accuracy of all of them into a figure, .svg or .pdf, with lines where they branch
    #[arg(short, long, value_name = "OUT")]
    out: Option<PathBuf>,
    /// Overwrite the file
    #[arg(long)]
    force: bool,
    /// In the console: their curves, and the same drawing
    #[arg(long, conflicts_with = "out")]
    attach: bool,
    #[command(flatten)]
    look: Look,
    /// As JSON
    #[arg(long, conflicts_with_all = ["out", "attach"])]
    json: bool,
}

/// A run of the family, those that others were forked from before these.
#[derive(Serialize)]
struct Relative {
    id: String,
    status: Status,
    step: u64,
    ema_accuracy: Option<f64>,
    parent: Option<Parent>,
    /// What its configuration says else than its parent's.
    values: BTreeMap<String, String>,
    /// What was changed since it is a run of its own.
    changes: Vec<Changed>,
}

#[derive(Serialize)]
struct Changed {
    step: u64,
    change: String,
}

impl Relative {
    fn of(member: &Member) -> Self {
        let row = &member.run.row;
        Self {
            id: member.run.id(),
            status: row.status,
            step: row.summary.step,
            ema_accuracy: member.run.accuracy(Measure::Last),
            parent: row.parent.clone(),
            values: member.values.iter().cloned().collect(),
            changes: member
                .changes
                .iter()
                .map(|(step, change)| Changed { step: *step, change: change.clone() })
                .collect(),
        }
    }
}

pub fn run(args: &Args, before: Look, runs: &Runs) -> Result<ExitCode> {
    let dir = runs.find(&args.run)?;
    let mut all = Experiment::all(runs.folder())?;
    if all.iter().all(|run| run.row.dir != dir) {
        all.push(Experiment::of(fixmatch::run::survey::Row::of(&dir)));
    }
    let rows: Vec<_> = all.iter().map(|run| run.row.clone()).collect();
    let dirs = relatives(&rows, &dir);
    if args.attach {
        return attach::open(before.and(args.look), runs, Shown::Beside(dirs), Stay::Open);
    }
    all.retain(|run| dirs.contains(&run.row.dir));
    if let Some(out) = &args.out {
        let is_pdf = is_pdf(out)?;
        let out = fresh_file(out, args.force)?;
        let branches = all.iter().filter_map(|run| Some(run.row.parent.as_ref()?.step as f64)).collect();
        let groups = Groups::of(all);
        let mut figure = Study::read(&groups)?.figure(ACCURACY, Axis::Step, (460.0, 270.0));
        ensure!(!figure.is_empty(), "none of these runs was evaluated yet");
        figure.branches = branches;
        replace_file(&out, &if is_pdf { figure.pdf() } else { figure.file().into_bytes() })?;
        say(out.display())?;
        return Ok(ExitCode::SUCCESS);
    }
    let with_history = |run: Experiment| {
        let history = RunState::read(&run.row.dir).map(|state| state.history).unwrap_or_default();
        (run, history)
    };
    let members = families(all.into_iter().map(with_history).collect());
    if args.json {
        say_json(&members.iter().map(Relative::of).collect::<Vec<_>>())?;
        return Ok(ExitCode::SUCCESS);
    }
    for line in lines(&members) {
        let text = if line.text.is_empty() { line.graph } else { format!("{} {}", line.graph, line.text) };
        say(text)?;
    }
    Ok(ExitCode::SUCCESS)
}
