//! What a suite's queue was asked for: the one file that commands write and the queue reads.
//!
//! It lies in `.suites/NAME/` among the runs, beside the queue's lock and log.

use std::fs::{self, File, OpenOptions, TryLockError};
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, ensure};
use serde::{Deserialize, Serialize};

use crate::base::aside::{self, replace_file};
use crate::base::files;
use crate::base::host::{now, user_at_host};
use crate::suite::grid::Grid;
use crate::suite::slots::Slot;

/// The folder of suites among the runs.
const FOLDER: &str = ".suites";

/// The most that is read of an order: ten thousand runs are 40 MB.
const MAX_ORDER: u64 = 256 << 20;

/// What the queue is to do.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Order {
    /// The suite's name.
    pub suite: String,
    /// One line for lists.
    pub title: String,
    /// Who gave the order last.
    pub who: String,
    /// Where runs are trained by the queue of this machine.
    pub slots: Vec<Slot>,
    /// The profile of Slurm by which they are trained instead.
    #[serde(default)]
    pub slurm: Option<String>,
    /// What is wanted.
    pub wanted: Wanted,
    /// Runs that failed or were stopped before this moment, in seconds since 1970, are tried again.
    pub retry_after: f64,
    /// All runs, in the order in which they are started.
    pub grid: Grid,
}

/// What is wanted of a queue.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Wanted {
    /// Train what is left.
    Train,
    /// Start no other run.
    Hold,
    /// Suspend what trains, and end.
    Stop,
}

/// The folder of a suite's order.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Folder {
    path: PathBuf,
}

impl Folder {
    /// Of a suite among some runs.
    pub fn of(runs: &Path, suite: &str) -> Self {
        Self { path: runs.join(FOLDER).join(suite) }
    }

    /// The folder at a path.
    pub fn at(path: PathBuf) -> Self {
        Self { path }
    }

    /// All suites that were ever started among some runs, by name.
    pub fn list(runs: &Path) -> Vec<Self> {
        let entries = fs::read_dir(runs.join(FOLDER)).into_iter().flatten().flatten();
        let mut all: Vec<_> = entries.map(|entry| Self::at(entry.path())).filter(|it| it.order().is_file()).collect();
        all.sort_by(|a, b| a.path.cmp(&b.path));
        all
    }

    /// Where it is.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// The folder of the runs.
    pub fn runs(&self) -> PathBuf {
        self.path.parent().and_then(Path::parent).unwrap_or(&self.path).to_owned()
    }

    /// The suite's name.
    pub fn name(&self) -> String {
        self.path.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default()
    }

    fn order(&self) -> PathBuf {
        self.path.join("order.json")
    }

    /// What the queue says.
    pub fn log(&self) -> PathBuf {
        self.path.join("queue.log")
    }

    /// The order as it stands; None before the first one.
    pub fn read(&self) -> Result<Option<Order>> {
        let path = self.order();
        let bytes = match files::read_at_most(&path, MAX_ORDER) {
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(None),
            bytes => bytes.with_context(|| format!("cannot read {}", path.display()))?,
        };
        let order = serde_json::from_slice(&bytes);
        order.map(Some).with_context(|| format!("{} is no order of a suite", path.display()))
    }

    /// Makes the folder, if it is not there.
    pub fn make(&self) -> Result<()> {
        fs::create_dir_all(&self.path).with_context(|| format!("cannot make {}", self.path.display()))
    }

    /// Writes what an order comes to by a change of the one that stands. Nobody else writes meanwhile.
    pub fn change(&self, change: impl FnOnce(Option<Order>) -> Result<Order>) -> Result<Order> {
        self.make()?;
        let lock = self.open("order.lock")?;
        lock.lock().with_context(|| format!("cannot lock {}", self.path.display()))?;
        aside::remove_leftovers(&self.path); // of one that was killed: nobody else writes here now
        let order = change(self.read()?)?;
        let text = serde_json::to_vec(&order).context("an order that is no JSON")?;
        replace_file(&self.order(), &text)?;
        Ok(order)
    }

    /// Changes the order that stands; an error where there is none.
    fn amend(&self, change: impl FnOnce(&mut Order) -> Result<()>) -> Result<Order> {
        self.change(|order| {
            let mut order = order.with_context(|| format!("the suite {} was not started here", self.name()))?;
            change(&mut order)?;
            order.who = user_at_host();
            Ok(order)
        })
    }

    /// Orders something else of the queue.
    pub fn want(&self, wanted: Wanted) -> Result<Order> {
        self.amend(|order| {
            order.wanted = wanted;
            Ok(())
        })
    }

    /// Has what failed or was stopped until now tried again.
    pub fn retry(&self) -> Result<Order> {
        self.amend(|order| {
            (order.wanted, order.retry_after) = (Wanted::Train, now());
            Ok(())
        })
    }

    /// Plans runs of `n` more seeds for each cell.
    pub fn add_seeds(&self, n: u64) -> Result<Order> {
        self.amend(|order| order.grid.add_seeds(n))
    }

    /// Has the runs of these identities started before all others.
    pub fn to_front(&self, identities: &[String]) -> Result<Order> {
        self.amend(|order| {
            order.grid.to_front(identities);
            Ok(())
        })
    }

    /// When the order was written last.
    pub fn written(&self) -> Option<std::time::SystemTime> {
        self.order().metadata().and_then(|meta| meta.modified()).ok()
    }

    /// Takes the queue's lock, or says that there is a queue already.
    pub fn lock(&self) -> Result<File> {
        let file = self.open("queue.lock")?;
        let taken = file.try_lock();
        ensure!(
            !matches!(taken, Err(TryLockError::WouldBlock)),
            "a queue is at work on this suite already ({})",
            self.path.display()
        );
        taken.with_context(|| format!("cannot lock {}", self.path.display()))?;
        Ok(file)
    }

    /// Whether there is a queue.
    pub fn is_locked(&self) -> bool {
        let file = files::open(&self.path.join("queue.lock"));
        file.is_ok_and(|file| matches!(file.try_lock_shared(), Err(TryLockError::WouldBlock)))
    }

    fn open(&self, name: &str) -> Result<File> {
        let path = self.path.join(name);
        let file = files::open_as(&path, OpenOptions::new().write(true).create(true).mode(0o600));
        file.with_context(|| format!("cannot open {}", path.display()))
    }
}
