//! Slurm, by its own commands: `sbatch`, `squeue`, `scancel`, and `scontrol`.

pub mod inside;
pub mod profile;
pub mod script;

use std::io::ErrorKind;
use std::io::Read as _;
use std::path::PathBuf;
use std::process::{Command, ExitStatus, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail, ensure};

use crate::suite::batch::Batch;
use crate::suite::engine::{Engine, Job, JobState};

/// How long one of its commands may take: where the controller is down, they try again for a while.
const PATIENCE: Duration = Duration::from_secs(30);

/// What stands before a batch's token in the comment of its jobs.
const COMMENT: &str = "fixmatch/";

/// The columns that are asked of `squeue`. The comment is last, since anybody may have written it.
const COLUMNS: &str =
    "ArrayJobID:20|,ArrayTaskID:20|,State:20|,Reason:120|,NodeList:120|,RestartCnt:12|,TimeLeft:24|,Comment:200";

/// Options of the environment that would overrule the batch script.
const OVERRULING: [&str; 8] = [
    "SBATCH_ARRAY_INX",
    "SBATCH_JOB_NAME",
    "SBATCH_NO_REQUEUE",
    "SBATCH_OPEN_MODE",
    "SBATCH_OUTPUT",
    "SBATCH_REQUEUE",
    "SBATCH_SIGNAL",
    "SBATCH_WAIT",
];

/// The Slurm that this machine's commands talk to.
#[derive(Clone, Copy, Debug, Default)]
pub struct Slurm;

impl Engine for Slurm {
    fn submit(&self, batch: &Batch) -> Result<String> {
        let mut sbatch = Command::new("sbatch");
        for name in OVERRULING {
            sbatch.env_remove(name);
        }
        let said = output_of(sbatch.arg("--parsable").arg(batch.script()))?;
        let id = said.trim().split(';').next().unwrap_or_default();
        ensure!(id.parse::<u64>().is_ok(), "sbatch answers {said:?}, which is no job's number");
        Ok(id.to_owned())
    }

    fn jobs(&self) -> Result<Vec<Job>> {
        let all = ["--me", "--noheader", "--array", "--states=all", "--Format", COLUMNS];
        Ok(output_of(Command::new("squeue").args(all))?.lines().filter_map(job).collect())
    }

    fn cancel(&self, jobs: &[&Job]) -> Result<()> {
        scancel(&["--state=PENDING"], jobs)
    }

    fn signal(&self, jobs: &[&Job]) -> Result<()> {
        scancel(&["--batch", "--signal=TERM"], jobs)
    }
}

impl Slurm {
    /// The folder of its commands.
    ///
    /// # Errors
    /// If they are not on the PATH.
    pub fn folder() -> Result<PathBuf> {
        let path = std::env::var_os("PATH").unwrap_or_default();
        let mut folders = std::env::split_paths(&path).filter_map(|it| std::path::absolute(it).ok());
        folders.find(|folder| folder.join("sbatch").is_file()).with_context(|| absent("sbatch"))
    }

    /// How the administrator has set it up.
    pub fn setup() -> Result<Setup> {
        Ok(Setup::of(&output_of(Command::new("scontrol").args(["show", "config"]))?))
    }
}

/// What of Slurm's configuration matters here.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Setup {
    /// Whether jobs may be queued again unless they ask not to be.
    pub requeues: bool,
    /// The most tasks of an array.
    pub max_tasks: usize,
    /// Whether jobs make room for others without being told by a signal of their choice.
    pub preempts_unsaid: bool,
}

impl Default for Setup {
    fn default() -> Self {
        Self { requeues: true, max_tasks: 1001, preempts_unsaid: false }
    }
}

impl Setup {
    fn of(config: &str) -> Self {
        let value = |key: &str| {
            let of =
                |line: &str| Some(line.split_once('=').filter(|(name, _)| name.trim() == key)?.1.trim().to_owned());
            config.lines().find_map(of).unwrap_or_default()
        };
        let preempts = !matches!(value("PreemptType").as_str(), "" | "preempt/none");
        Self {
            requeues: value("JobRequeue") != "0",
            max_tasks: value("MaxArraySize").parse().unwrap_or(1001),
            preempts_unsaid: preempts && !value("SlurmctldParameters").contains("preempt_send_user_signal"),
        }
    }
}

/// A job of one line of `squeue`, if it is one of ours.
fn job(line: &str) -> Option<Job> {
    let mut columns = line.splitn(8, '|').map(str::trim);
    let mut next = || columns.next();
    let (array, task, state, reason, host, restarts, left) =
        (next()?, next()?, next()?, next()?, next()?, next()?, next()?);
    let batch = next()?.strip_prefix(COMMENT)?.to_owned();
    Some(Job {
        id: format!("{array}_{task}"),
        batch,
        task: task.parse().ok()?,
        state: state_of(state, reason),
        host: Some(host.to_owned()).filter(|host| !host.is_empty()),
        restarts: restarts.parse().unwrap_or(0),
        left: time(left),
    })
}

fn state_of(state: &str, reason: &str) -> JobState {
    match state {
        "PENDING" | "REQUEUED" | "REQUEUE_FED" | "REQUEUE_HOLD" | "SPECIAL_EXIT" | "RESV_DEL_HOLD" => {
            JobState::Queued(reason.to_owned())
        }
        "RUNNING" | "CONFIGURING" | "RESIZING" | "SIGNALING" | "STAGE_OUT" | "STOPPED" | "SUSPENDED" => {
            JobState::Running
        }
        "COMPLETING" => JobState::Ending,
        _ if matches!(reason, "" | "None") => JobState::Ended(state.to_owned()),
        _ => JobState::Ended(format!("{state}, {reason}")),
    }
}

/// A time as Slurm writes it: `[DAYS-]HOURS:MINUTES:SECONDS`, with hours and days only where there are some.
fn time(text: &str) -> Option<Duration> {
    let (days, rest) = text.split_once('-').unwrap_or(("0", text));
    let mut seconds = 0;
    for part in rest.split(':') {
        seconds = seconds * 60 + part.parse::<u64>().ok()?;
    }
    Some(Duration::from_secs(days.parse::<u64>().ok()? * 86400 + seconds))
}

/// Of many jobs a few hundred at a time: a command line has an end.
fn scancel(options: &[&str], jobs: &[&Job]) -> Result<()> {
    for some in jobs.chunks(200) {
        let scancel = &mut Command::new("scancel");
        scancel.arg("--quiet").args(options).args(some.iter().map(|job| &job.id));
        match answer_of(scancel)? {
            // It says nothing of jobs that have ended meanwhile, and still fails.
            (status, _, complaint) if !status.success() && !complaint.is_empty() => {
                bail!("scancel fails, {status}: {complaint}")
            }
            _ => {}
        }
    }
    Ok(())
}

/// What a command of Slurm prints.
///
/// # Errors
/// With what it says, if it fails, and if it is not there.
fn output_of(command: &mut Command) -> Result<String> {
    let (status, text, complaint) = answer_of(command)?;
    ensure!(status.success(), "{} fails, {status}: {complaint}", command.get_program().display());
    Ok(text)
}

/// How a command of Slurm ends, what it prints, and what it complains of.
fn answer_of(command: &mut Command) -> Result<(ExitStatus, String, String)> {
    let name = command.get_program().to_string_lossy().into_owned();
    let mut child = match command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn() {
        Err(error) if error.kind() == ErrorKind::NotFound => bail!(absent(&name)),
        child => child.with_context(|| format!("cannot start {name}"))?,
    };
    let (mut out, mut err) = (child.stdout.take().context("no pipe")?, child.stderr.take().context("no pipe")?);
    let reading = thread::spawn(move || {
        let mut text = String::new();
        let read = out.read_to_string(&mut text);
        read.map(|_| text)
    });
    let complaining = thread::spawn(move || {
        let mut text = String::new();
        let _ = err.read_to_string(&mut text);
        text
    });
    let begun = Instant::now();
    let status = loop {
        match child.try_wait().with_context(|| format!("cannot wait for {name}"))? {
            Some(status) => break status,
            None if begun.elapsed() > PATIENCE => {
                let _ = child.kill();
                let _ = child.wait();
                bail!("{name} does not answer within {} s", PATIENCE.as_secs());
            }
            None => thread::sleep(Duration::from_millis(10)),
        }
    };
    let text = reading.join().ok().and_then(Result::ok).with_context(|| format!("{name} prints no text"))?;
    let complaint = complaining.join().unwrap_or_default();
    Ok((status, text, complaint.trim().to_owned()))
}

fn absent(name: &str) -> String {
    format!("{name} is not on the PATH: log in where the commands of Slurm are, or load their module")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_of_squeue_are_jobs_of_ours_or_passed_over() {
        let line = |state: &str, reason: &str, left: &str, comment: &str| {
            job(&format!("8    |2    |{state}  |{reason}   |vm    |1   |{left}    |{comment}    "))
        };
        let found = line("RUNNING", "None", "1-02:03:04", "fixmatch/x").expect("a job");
        assert_eq!((found.id.as_str(), found.batch.as_str(), found.task, found.restarts), ("8_2", "x", 2, 1));
        assert_eq!(found.left, Some(Duration::from_secs(86400 + 2 * 3600 + 3 * 60 + 4)));
        let state = |state, reason| line(state, reason, "UNLIMITED", "fixmatch/x").expect("a job").state;
        assert_eq!(state("PENDING", "Resources"), JobState::Queued("Resources".into()));
        assert_eq!(state("COMPLETING", "None"), JobState::Ending);
        assert_eq!(state("FAILED", "JobLaunchFailure"), JobState::Ended("FAILED, JobLaunchFailure".into()));
        assert_eq!(state("TIMEOUT", "None"), JobState::Ended("TIMEOUT".into()));
        assert_eq!(line("RUNNING", "None", "9", "of another program"), None);
        assert_eq!(job("slurm_load_jobs error"), None);
        assert_eq!(line("PENDING", "None", "INVALID", "fixmatch/x").expect("a job").left, None);
    }

    #[test]
    fn what_the_administrator_has_set_is_read() {
        let config = |requeue: &str, kind: &str, parameters: &str| {
            Setup::of(&format!(
                "JobRequeue              = {requeue}\nMaxArraySize            = 500\n\
                 PreemptType             = {kind}\nSlurmctldParameters     = {parameters}\n"
            ))
        };
        let usual = config("1", "preempt/partition_prio", "enable_configless,preempt_send_user_signal");
        assert_eq!(usual, Setup { requeues: true, max_tasks: 500, preempts_unsaid: false });
        assert!(config("1", "preempt/qos", "(null)").preempts_unsaid);
        assert!(!config("1", "preempt/none", "(null)").preempts_unsaid);
        assert!(!config("0", "preempt/none", "(null)").requeues);
    }

    #[test]
    fn a_command_that_fails_or_is_missing_says_so() {
        let of = |script: &str| format!("{:#}", output_of(Command::new("sh").args(["-c", script])).expect_err("fails"));
        assert_eq!(of("echo no such partition >&2; exit 3"), "sh fails, exit status: 3: no such partition");
        let error = output_of(&mut Command::new("squeue-that-is-not-there")).expect_err("missing").to_string();
        assert!(error.contains("squeue-that-is-not-there is not on the PATH"), "{error}");
    }
}
