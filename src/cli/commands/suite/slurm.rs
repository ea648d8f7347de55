//! The commands of a suite that Slurm trains.

use std::process::ExitCode;
use std::thread::sleep;

use anyhow::{Context as _, Result};
use fixmatch::base::text::shell_quoted;
use fixmatch::suite::batch::Batch;
use fixmatch::suite::cluster::{Look, look};
use fixmatch::suite::order::{Folder, Order};
use fixmatch::suite::slurm::{Setup, Slurm};
use fixmatch::suite::submission::{Submission, Submitted};

use super::super::{Runs, STOPPED, note, say};
use super::POLL;
use super::planning::foretell;
use crate::signals::let_signals_end_this;
use crate::words::numbers::plural;
use crate::words::suites;

/// Says what would be submitted, with the script.
pub fn dry_run(submission: &Submission, runs: &Runs) -> Result<()> {
    let order = submission.order(submission.folder.read()?.as_ref());
    let look = look(&Slurm, &submission.folder, &order)?;
    if let Some(error) = &look.error {
        note(format_args!("warning: {error:#}"));
    }
    foretell(&order.grid, &look.stands(), &order.slots, "one after another", runs)?;
    let setup = if look.error.is_none() { Slurm::setup()? } else { Setup::default() };
    match submission.left(&look.members).len() {
        0 => say("nothing to submit: all runs are there or have a job"),
        n => {
            say(format_args!("{} to submit, with this script:\n", plural(n as u64, "run")))?;
            let batch = Batch::next(&submission.folder, 0);
            say(submission.script(&batch, n.min(setup.max_tasks), setup)?.trim_end())
        }
    }
}

/// Says what came of a submission.
pub fn say_submitted(name: &str, submitted: &Submitted) -> Result<()> {
    let Submitted { jobs, setup } = submitted;
    if setup.preempts_unsaid {
        note(
            "warning: this Slurm gives no early signal to jobs that must make room: SlurmctldParameters lacks \
             preempt_send_user_signal. Runs save on SIGTERM, so the partition needs a GraceTime or a KillWait that is \
             long enough for that",
        );
    }
    if jobs.is_empty() {
        say(format_args!("nothing to submit: all runs of {name} are there or have a job"))?;
    }
    for (job, n) in jobs {
        say(format_args!("{} of {name} submitted as job {job}", plural(*n as u64, "run")))?;
    }
    let name = shell_quoted(name);
    say(format_args!("  fixmatch suite status {name}   shows where they are"))?;
    say(format_args!("  fixmatch suite stop {name}     cancels the jobs, all saved; run goes on"))
}

/// Says how a suite stands, and where its runs are.
pub fn status(order: &Order, look: &Look, standing: &suites::Standing) -> Result<()> {
    say(standing.told(order))?;
    let jobs = standing.jobs_told();
    if !jobs.is_empty() {
        say(jobs)?;
    }
    if let Some(error) = &look.error {
        note(format_args!("warning: Slurm does not answer, so this is by the run directories alone: {error:#}"));
        return Ok(());
    }
    let n_left = look.members.iter().filter(|it| it.is_left()).count();
    if n_left > 0 {
        let n = plural(n_left as u64, "run");
        say(format_args!("{n} without a job: `{}` submits what is left", suites::run_command(order)))?;
    }
    Ok(())
}

/// Waits until no run has a job.
pub fn wait(folder: &Folder) -> Result<ExitCode> {
    let_signals_end_this();
    let (mut told, mut is_in_trouble) = (String::new(), false);
    loop {
        let order = folder.read()?.context("the suite's order is gone")?;
        let look = look(&Slurm, folder, &order)?;
        let standing = suites::Standing::of_cluster(&order, &look);
        if standing.line() != told {
            told = standing.line();
            note(&told);
        }
        if let (Some(error), false) = (&look.error, is_in_trouble) {
            note(format_args!("warning: {error:#}"));
        }
        is_in_trouble = look.error.is_some();
        if !is_in_trouble && !standing.queue {
            status(&order, &look, &standing)?;
            return Ok(match (standing.failed, standing.is_left()) {
                (0, false) => ExitCode::SUCCESS,
                (0, true) => STOPPED.into(),
                _ => ExitCode::FAILURE,
            });
        }
        sleep(2 * POLL);
    }
}
