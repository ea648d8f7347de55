//! `fixmatch doctor`: what on this machine could cost a run or a result, and how to mend it.

use std::process::ExitCode;

use anyhow::Result;
use fixmatch::base::output::is_terminal;
use fixmatch::examples;
use serde::Serialize;

use super::{Runs, say, say_json};
use crate::console;
use crate::words::numbers::plural;

mod folders;
mod machine;
mod sessions;
mod terminal;

/// Look for what could cost a run on this machine, and say how to mend it
///
/// Versions, what happens to runs when you log out, room, locks, the clock, limits, GPUs, Slurm and the terminal. The exit
/// code is 1 if there is a problem, warnings alone leave it 0.
#[derive(clap::Args)]
#[command(after_help = examples!("fixmatch doctor", "fixmatch doctor --json"))]
pub struct Args {
    /// As JSON
    #[arg(long)]
    json: bool,
}

/// How a thing stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
enum Verdict {
    Ok,
    Warning,
    Problem,
}

/// What was found.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
struct Finding {
    /// What it is about.
    area: &'static str,
    verdict: Verdict,
    /// In a sentence.
    what: String,
    /// How to mend it.
    mend: Option<String>,
}

impl Finding {
    fn ok(area: &'static str, what: impl Into<String>) -> Self {
        Self { area, verdict: Verdict::Ok, what: what.into(), mend: None }
    }

    fn warning(area: &'static str, what: impl Into<String>, mend: impl Into<String>) -> Self {
        Self { area, verdict: Verdict::Warning, what: what.into(), mend: Some(mend.into()) }
    }

    fn problem(area: &'static str, what: impl Into<String>, mend: impl Into<String>) -> Self {
        Self { area, verdict: Verdict::Problem, what: what.into(), mend: Some(mend.into()) }
    }
}

#[derive(Serialize)]
struct Page {
    problems: usize,
    warnings: usize,
    findings: Vec<Finding>,
}

pub fn run(args: &Args, runs: &Runs) -> Result<ExitCode> {
    let mut findings = machine::versions();
    findings.extend(sessions::look());
    findings.extend(folders::look(runs.folder()));
    findings.push(settings());
    findings.extend(machine::limits());
    findings.extend(machine::gpu());
    findings.extend(machine::slurm());
    findings.extend(terminal::look(is_terminal()));
    let count = |verdict| findings.iter().filter(|it| it.verdict == verdict).count();
    let (problems, warnings) = (count(Verdict::Problem), count(Verdict::Warning));
    if args.json {
        say_json(&Page { problems, warnings, findings })?;
    } else {
        for finding in &findings {
            say(line(finding))?;
        }
        let parts = [(problems, "problem"), (warnings, "warning")];
        let parts: Vec<_> = parts.iter().filter(|(n, _)| *n > 0).map(|(n, noun)| plural(*n as u64, noun)).collect();
        say(if parts.is_empty() { "nothing to mend".to_owned() } else { parts.join(", ") })?;
    }
    Ok(if problems > 0 { ExitCode::FAILURE } else { ExitCode::SUCCESS })
}

fn settings() -> Finding {
    const AREA: &str = "settings";
    match console::read_settings() {
        Ok(_) => Finding::ok(AREA, "each of their keys is understood, or there are none"),
        Err(error) => Finding::problem(AREA, format!("{error:#}"), "correct that line: docs/console.md lists the keys"),
    }
}

fn line(Finding { area, verdict, what, mend }: &Finding) -> String {
    let word = match verdict {
        Verdict::Ok => "ok",
        Verdict::Warning => "warning",
        Verdict::Problem => "PROBLEM",
    };
    let mend = mend.as_ref().map_or_else(String::new, |mend| format!("\n{:21}mend it: {mend}", ""));
    format!("{word:<8} {area:<11} {what}{mend}")
}
