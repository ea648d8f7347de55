//! What a suite is asked by a command or the console, beyond its order (see [`super::order`]).

use std::collections::HashSet;
use std::thread::sleep;
use std::time::{Duration, Instant};

use anyhow::{Result, bail, ensure};

use crate::base::host::user_at_host;
use crate::config::RunConfig;
use crate::plan;
use crate::suite::cluster;
use crate::suite::grid::Grid;
use crate::suite::order::{Folder, Order, Wanted};
use crate::suite::queue::{self, Stand};
use crate::suite::slots::Slot;
use crate::suite::slurm::Slurm;
use crate::suite::standing::Standing;
use crate::suite::submission::{Submission, Submitted};

/// How long a stop waits for the workers.
const PATIENCE: Duration = Duration::from_mins(10);

/// How often it looks.
const POLL: Duration = Duration::from_millis(250);

/// Sees that each kind of run has its images and its labels, before anything is started.
pub fn check(grid: &Grid) -> Result<()> {
    let mut seen = HashSet::new();
    let is_new = |config: &&RunConfig| {
        seen.insert(toml::to_string(&(&config.data, &config.labels)).unwrap_or_else(|_| format!("{config:?}")))
    };
    plan::check_all(grid.runs.iter().map(|run| &run.config).filter(is_new))
}

/// Orders that a suite be trained on these slots. Runs that an order had are started in its order.
///
/// # Errors
/// Also if Slurm has jobs of it.
pub fn order(folder: &Folder, title: &str, mut grid: Grid, slots: Vec<Slot>) -> Result<Order> {
    if let Some(order) = folder.read()?.filter(|order| order.slurm.is_some()) {
        let members = cluster::look(&Slurm, folder, &order)?.members; // without Slurm, workers' locks still keep runs apart
        let n = members.iter().filter(|it| it.job.as_ref().is_some_and(|job| job.state.is_open())).count();
        ensure!(
            n == 0,
            "{0} has jobs in Slurm ({n}): `fixmatch suite status {0}` shows them, and `fixmatch suite stop {0}` takes them \
             back",
            folder.name()
        );
    }
    folder.change(|before| {
        if let Some(before) = &before {
            grid.in_order_of(&before.grid);
        }
        Ok(Order {
            suite: folder.name(),
            title: title.to_owned(),
            who: user_at_host(),
            slots,
            slurm: None,
            wanted: Wanted::Train,
            retry_after: before.map_or(0.0, |order| order.retry_after),
            grid,
        })
    })
}

/// What came of [`begin`].
#[derive(Clone, Debug)]
pub enum Begun {
    /// There was a queue at work, which follows the order.
    Followed,
    /// A queue was started.
    Started,
    /// What was left went to Slurm.
    Submitted(Submitted),
}

/// Has an order followed: by the queue of this machine, which is started unless there is one, or by Slurm.
pub fn begin(folder: &Folder, order: &Order) -> Result<Begun> {
    if let Some(profile) = &order.slurm {
        return Submission::again(folder, order, profile)?.submit().map(Begun::Submitted);
    }
    if folder.is_locked() {
        return Ok(Begun::Followed);
    }
    queue::start(folder)?;
    Ok(Begun::Started)
}

/// Starts no other run of a suite.
pub fn hold(folder: &Folder) -> Result<Order> {
    let order = folder.want(Wanted::Hold)?;
    if order.slurm.is_some() {
        cluster::hold(&Slurm, folder, &order)?;
    }
    Ok(order)
}

/// Suspends the runs of a suite and ends its queue, or takes its jobs back from Slurm; waits until that is done, and
/// tells how many runs it waits for each time that there are fewer or more.
pub fn stop(folder: &Folder, mut waits_for: impl FnMut(usize)) -> Result<Order> {
    let order = folder.want(Wanted::Stop)?;
    let is_slurms = order.slurm.is_some();
    let (mut standing, begun) = (Standing::new(&folder.runs()), Instant::now());
    let mut n_before = 0;
    loop {
        let n = if is_slurms {
            cluster::stop(&Slurm, folder, &order)?
        } else {
            let found = standing.look(&order.grid)?;
            let stands: Vec<_> = found.into_iter().map(|found| Stand::of(found, order.retry_after)).collect();
            queue::suspend(&stands, &standing.changed(&order.suite))?
        };
        if n == 0 && !folder.is_locked() {
            return Ok(order);
        }
        if n > 0 && n != n_before {
            waits_for(n);
        }
        n_before = n;
        if begun.elapsed() > PATIENCE {
            bail!("{n} runs do not end; `fixmatch suite status {}` shows them", folder.name());
        }
        sleep(if is_slurms { 4 * POLL } else { POLL }); // its controller serves many
    }
}
