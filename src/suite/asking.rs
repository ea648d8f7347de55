//! What a suite is asked by a command or the console, beyond its order (see [`super::order`]).

use std::collections::HashSet;
use std::thread::sleep;
use std::time::{Duration, Instant};

use anyhow::{Result, bail};

use crate::base::host::user_at_host;
use crate::config::RunConfig;
use crate::plan;
use crate::suite::file::Suite;
use crate::suite::grid::Grid;
use crate::suite::order::{Folder, Order, Wanted};
use crate::suite::queue::{self, Stand};
use crate::suite::slots::Slot;
use crate::suite::standing::Standing;

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
    let configs: Vec<_> = grid.runs.iter().map(|run| &run.config).filter(is_new).collect();
    for config in configs {
        plan::check(config)?;
    }
    Ok(())
}

/// Orders that a suite be trained on these slots. Runs that an order had are started in its order.
pub fn order(folder: &Folder, suite: &Suite, mut grid: Grid, slots: Vec<Slot>) -> Result<Order> {
    folder.change(|before| {
        if let Some(before) = &before {
            grid.in_order_of(&before.grid);
        }
        Ok(Order {
            suite: suite.name.clone(),
            title: suite.title.clone(),
            who: user_at_host(),
            slots,
            wanted: Wanted::Train,
            retry_after: before.map_or(0.0, |order| order.retry_after),
            grid,
        })
    })
}

/// Suspends the runs of a suite and ends its queue; waits until that is done, and tells how many runs it waits for each
/// time that there are fewer or more.
pub fn stop(folder: &Folder, mut waits_for: impl FnMut(usize)) -> Result<()> {
    let order = folder.want(Wanted::Stop)?;
    let (mut standing, begun) = (Standing::new(&folder.runs()), Instant::now());
    let mut n_before = 0;
    loop {
        let stands: Vec<Stand> =
            standing.look(&order.grid)?.into_iter().map(|found| Stand::of(found, order.retry_after)).collect();
        let n = queue::suspend(&stands)?;
        if n == 0 && !folder.is_locked() {
            return Ok(());
        }
        if n > 0 && n != n_before {
            waits_for(n);
        }
        n_before = n;
        if begun.elapsed() > PATIENCE {
            bail!("{n} runs do not end; `fixmatch suite status {}` shows them", folder.name());
        }
        sleep(POLL);
    }
}
