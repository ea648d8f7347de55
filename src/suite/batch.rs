//! What was handed to an engine at once: some runs of a suite, the script of their jobs, and what these say.
//!
//! ```text
//! .suites/NAME/jobs/20261126-021500-4242/
//!   tasks.json   the planned runs, and where each is trained
//!   batch.sh     the script, as it was handed in
//!   job          what the engine calls it
//!   3.run        the run directory of task 3, once it has one: it stays the same over any number of jobs
//!   3.out        what the job of task 3 printed
//! ```

use std::fs;
use std::io::ErrorKind;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result};
use serde::{Deserialize, Serialize};

use crate::base::aside::replace_file;
use crate::base::files;
use crate::run::dir::RunDir;
use crate::run::launch::log_tail;
use crate::suite::grid::Planned;
use crate::suite::order::Folder;
use crate::suite::slots::Slot;

/// The most that is read of the tasks: ten thousand runs are 40 MB.
const MAX_TASKS: u64 = 256 << 20;

/// What the jobs of a batch are to do.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Tasks {
    /// Where each run is trained, inside of its job.
    pub slot: Slot,
    /// How many seconds before its time is used up a job is told so.
    pub signal_before: u32,
    /// The planned runs; a job trains the one at its place.
    pub runs: Vec<Planned>,
}

/// The folder of a batch.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Batch {
    path: PathBuf,
}

impl Batch {
    /// Where the next batch of a suite will be.
    /// `n` tells those apart that are handed in at once.
    pub fn next(suite: &Folder, n: usize) -> Self {
        let moment = jiff::ZonedDateTime::now().strftime("%Y%m%d-%H%M%S");
        let n = if n > 0 { format!("-{n}") } else { String::new() };
        Self { path: suite.path().join("jobs").join(format!("{moment}-{}{n}", std::process::id())) }
    }

    /// The batch in a folder.
    pub fn at(path: PathBuf) -> Self {
        Self { path }
    }

    /// All batches of a suite, oldest first.
    pub fn list(suite: &Folder) -> Vec<Self> {
        let entries = fs::read_dir(suite.path().join("jobs")).into_iter().flatten().flatten();
        let mut all: Vec<_> = entries.map(|it| Self::at(it.path())).filter(|it| it.tasks_file().is_file()).collect();
        all.sort_by(|a, b| a.path.cmp(&b.path));
        all
    }

    /// Writes its tasks and its script.
    pub fn write(&self, tasks: &Tasks, script: &str) -> Result<()> {
        fs::create_dir_all(&self.path).with_context(|| format!("cannot make {}", self.path.display()))?;
        replace_file(&self.script(), script.as_bytes())?;
        replace_file(&self.tasks_file(), &serde_json::to_vec(tasks).context("tasks that are no JSON")?)
    }

    /// Removes it again: the engine did not take it.
    pub fn discard(&self) {
        let _ = fs::remove_dir_all(&self.path);
    }

    /// Where it is.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// The suite that it is of.
    pub fn suite(&self) -> Folder {
        Folder::at(self.path.parent().and_then(Path::parent).unwrap_or(&self.path).to_owned())
    }

    /// What it is called in its jobs: the name of its folder.
    pub fn token(&self) -> String {
        self.path.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default()
    }

    fn tasks_file(&self) -> PathBuf {
        self.path.join("tasks.json")
    }

    /// `batch.sh`
    pub fn script(&self) -> PathBuf {
        self.path.join("batch.sh")
    }

    /// What its jobs are to do.
    pub fn tasks(&self) -> Result<Tasks> {
        let path = self.tasks_file();
        let bytes = files::read_at_most(&path, MAX_TASKS).with_context(|| format!("cannot read {}", path.display()))?;
        serde_json::from_slice(&bytes).with_context(|| format!("{} has no planned runs", path.display()))
    }

    /// What the engine calls it.
    pub fn job(&self) -> Option<String> {
        let job = files::read_text(&self.path.join("job"), files::MAX_TEXT).ok()?;
        Some(job.trim().to_owned())
    }

    /// Keeps what the engine calls it.
    pub fn keep_job(&self, job: &str) -> Result<()> {
        replace_file(&self.path.join("job"), format!("{job}\n").as_bytes())
    }

    /// The run directory of a task, if it has one.
    pub fn run_of(&self, task: usize) -> Option<RunDir> {
        let id = files::read_text(&self.path.join(format!("{task}.run")), files::MAX_TEXT).ok()?;
        Some(RunDir::at(self.suite().runs().join(id.trim()))).filter(|dir| dir.run_toml().is_file())
    }

    /// Gives a task its run directory, for good.
    pub fn bind(&self, task: usize, dir: &RunDir) -> Result<()> {
        replace_file(&self.path.join(format!("{task}.run")), format!("{}\n", dir.id()).as_bytes())
    }

    /// What the job of a task prints.
    pub fn output(&self, task: usize) -> PathBuf {
        self.path.join(format!("{task}.out"))
    }

    /// The file that keeps which libtorch the jobs of this suite began with.
    pub fn libtorch_file(&self) -> PathBuf {
        self.path.with_file_name("libtorch")
    }

    /// The libtorch that the jobs of this suite began with: `here`, if this is the first one.
    pub fn libtorch(&self, here: &str) -> Result<String> {
        let (path, aside) = (self.libtorch_file(), self.path.join(format!("libtorch-{}", std::process::id())));
        let problem = || format!("cannot write {}", path.display());
        replace_file(&aside, here.as_bytes())?;
        // Of several at once, one is first.
        let linked = fs::hard_link(&aside, &path);
        let _ = fs::remove_file(&aside);
        match linked {
            Err(error) if error.kind() == ErrorKind::AlreadyExists => {}
            linked => linked.with_context(problem)?,
        }
        Ok(files::read_text(&path, files::MAX_TEXT).with_context(problem)?.trim().to_owned())
    }

    /// The last line that the job of a task printed, if that is an error.
    pub fn last_error(&self, task: usize) -> Option<String> {
        let tail = log_tail(&self.output(task));
        let last = tail.lines().rev().find(|line| !line.trim().is_empty())?;
        last.contains("error: ").then(|| last.trim_start_matches("error: ").to_owned())
    }
}
