//! What is left of a suite goes to Slurm.

use anyhow::{Context as _, Result};

use crate::base::host::user_at_host;
use crate::notify;
use crate::suite::batch::{Batch, Tasks};
use crate::suite::cluster::{Member, look};
use crate::suite::engine::Engine as _;
use crate::suite::grid::{Grid, Planned};
use crate::suite::order::{Folder, Order, Wanted};
use crate::suite::slurm::profile::Profile;
use crate::suite::slurm::script::script;
use crate::suite::slurm::{Setup, Slurm};

/// A suite with the profile by which its runs are submitted.
#[derive(Clone, Debug)]
pub struct Submission {
    /// The suite's folder.
    pub folder: Folder,
    /// One line for lists.
    pub title: String,
    /// All runs.
    pub grid: Grid,
    /// What each job asks for.
    pub profile: Profile,
}

/// What came of a submission.
#[derive(Clone, Debug)]
pub struct Submitted {
    /// What Slurm calls each job array, with its number of runs; none if nothing was left.
    pub jobs: Vec<(String, usize)>,
    /// How Slurm is set up.
    pub setup: Setup,
}

impl Submission {
    /// What an order says is submitted again, by the profile as it is now.
    pub fn again(folder: &Folder, order: &Order, profile: &str) -> Result<Self> {
        let (title, grid) = (order.title.clone(), order.grid.clone());
        Ok(Self { folder: folder.clone(), title, grid, profile: Profile::find(profile)? })
    }

    /// The order that follows another one.
    pub fn order(&self, before: Option<&Order>) -> Order {
        Order {
            suite: self.folder.name(),
            title: self.title.clone(),
            who: user_at_host(),
            slots: vec![self.profile.slot()],
            slurm: Some(self.profile.name.clone()),
            wanted: Wanted::Train,
            retry_after: before.map_or(0.0, |order| order.retry_after),
            grid: self.grid.clone(),
        }
    }

    /// The planned runs that have neither an end nor a job.
    pub fn left<'a>(&'a self, members: &[Member]) -> Vec<&'a Planned> {
        self.grid.runs.iter().zip(members).filter(|(_, member)| member.is_left()).map(|(run, _)| run).collect()
    }

    /// The script of a batch with so many tasks.
    pub fn script(&self, batch: &Batch, n_tasks: usize, setup: Setup) -> Result<String> {
        let program = std::env::current_exe().context("cannot tell where this program is")?;
        let commands = Slurm::folder().unwrap_or_else(|_| "/usr/bin".into()); // a dry run needs no Slurm
        Ok(script(batch, n_tasks, &self.profile, setup, &program, &commands))
    }

    /// Submits what is left.
    ///
    /// # Errors
    /// If a queue of this machine is at work on the suite, and if Slurm does not answer or refuses.
    pub fn submit(&self) -> Result<Submitted> {
        Slurm::folder()?;
        self.folder.make()?;
        // Neither a queue of this machine nor another submission is at work meanwhile.
        let _lock = self.folder.lock()?;
        let order = self.order(self.folder.read()?.as_ref());
        let members = look(&Slurm, &self.folder, &order)?.sure()?;
        let setup = Slurm::setup()?;
        notify::wake(&self.folder.runs()); // here, since a job's machine may not reach the network
        self.folder.change(|before| Ok(self.order(before.as_ref())))?;
        let mut jobs = Vec::new();
        for (i, some) in self.left(&members).chunks(setup.max_tasks).enumerate() {
            let batch = Batch::next(&self.folder, i);
            let runs = some.iter().map(|run| (*run).clone()).collect();
            let tasks = Tasks { slot: self.profile.slot(), signal_before: self.profile.signal_before, runs };
            batch.write(&tasks, &self.script(&batch, some.len(), setup)?)?;
            let job = Slurm.submit(&batch).inspect_err(|_| batch.discard())?;
            batch.keep_job(&job)?;
            jobs.push((job, some.len()));
        }
        Ok(Submitted { jobs, setup })
    }
}
