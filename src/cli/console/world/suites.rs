//! The suites: those that come with fixmatch, and those that were started here. How they stand is read with the list of
//! runs, from the same look; and what their queues are asked for.

use std::collections::HashMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::SystemTime;

use anyhow::{Context as _, Result};
use fixmatch::config::preset::own as preset;
use fixmatch::machine::gpu::Gpu;
use fixmatch::suite::asking;
use fixmatch::suite::expand::expand;
use fixmatch::suite::file::Suite;
use fixmatch::suite::forecast::Forecast;
use fixmatch::suite::grid::Grid;
use fixmatch::suite::order::{Folder, Order, Wanted};
use fixmatch::suite::own;
use fixmatch::suite::queue::Stand;
use fixmatch::suite::slots::Slot;
use fixmatch::suite::standing::Standing;
use fixmatch::suite::usual;

use super::super::screens::suite::Study;
use super::super::tasks::SuiteTask;
use super::in_one_line;
use crate::words::numbers::plural;
use crate::words::suites;

/// What is known of the suites between two looks.
pub struct Suites {
    runs: PathBuf,
    /// Those that come with fixmatch, and one's own.
    known: Vec<Planned>,
    /// The orders as last read, and when they were written.
    orders: HashMap<String, (Option<SystemTime>, Result<Planned, String>)>,
}

/// A suite without how it stands.
#[derive(Clone)]
struct Planned {
    name: String,
    title: String,
    about: String,
    grid: Arc<Grid>,
    order: Option<Wanted>,
    retry_after: f64,
    slots: Vec<Slot>,
    slurm: Option<String>,
    /// Why it cannot be read.
    error: Option<String>,
}

impl Planned {
    fn new(name: String, suite: Result<Suite, String>, n_gpus: usize) -> Self {
        let grid =
            suite.as_ref().map_err(Clone::clone).and_then(|it| expand(it).map_err(|error| preset::in_one_line(&error)));
        let (title, about) = suite.map(|suite| (suite.title, suite.about)).unwrap_or_default();
        let error = grid.as_ref().err().cloned();
        let grid = grid.unwrap_or_else(|_| nothing());
        let slots = usual::slots(n_gpus, &grid);
        Self { name, title, about, grid: Arc::new(grid), order: None, retry_after: 0.0, slots, slurm: None, error }
    }

    fn ordered(order: Order, about: String) -> Self {
        let Order { suite, title, slots, slurm, wanted, retry_after, grid, .. } = order;
        let (grid, order) = (Arc::new(grid), Some(wanted));
        Self { name: suite, title, about, grid, order, retry_after, slots, slurm, error: None }
    }

    fn study(&self, standing: &mut Standing, has_queue: bool) -> Study {
        let found = standing.of(&self.grid);
        let stands: Vec<_> = found.into_iter().map(|found| Stand::of(found, self.retry_after)).collect();
        let forecast = Forecast::of(&self.grid, &stands, &self.slots, standing.rows());
        let study = Study::new(&self.name, &self.title, self.grid.clone(), stands);
        let Self { about, slots, slurm, error, .. } = self.clone();
        Study { about, wanted: self.order, slots, slurm, has_queue, forecast, error, ..study }
    }
}

impl Suites {
    /// Of a folder of runs; the shipped ones and one's own are known from the start.
    pub fn new(runs: &Path) -> Self {
        let n_gpus = Gpu::look().n_visible;
        let shipped = Suite::shipped().into_iter().map(|suite| (suite.name.clone(), Ok(suite)));
        let own = own::list().into_iter().map(|own| (own.name, own.suite));
        let known = shipped.chain(own).map(|(name, suite)| Planned::new(name, suite, n_gpus)).collect();
        Self { runs: runs.to_owned(), known, orders: HashMap::new() }
    }

    /// All of them as they stand by the last look at the runs, those that were started here first.
    pub fn look(&mut self, standing: &mut Standing) -> Vec<Arc<Study>> {
        let mut all = Vec::new();
        for folder in Folder::list(&self.runs) {
            let name = folder.name();
            all.push(Arc::new(match self.order(&folder) {
                Ok(planned) => planned.study(standing, folder.is_locked()),
                Err(error) => {
                    let study = Study::new(&name, "", Arc::new(nothing()), Vec::new());
                    Study { error: Some(error), wanted: Some(Wanted::Hold), ..study }
                }
            }));
        }
        let n_started = all.len();
        for planned in &self.known {
            if all[..n_started].iter().all(|study| study.name != planned.name) {
                all.push(Arc::new(planned.study(standing, false)));
            }
        }
        all
    }

    fn order(&mut self, folder: &Folder) -> Result<Planned, String> {
        let (name, written) = (folder.name(), folder.written());
        match self.orders.get(&name) {
            Some((then, order)) if *then == written && written.is_some() => order.clone(),
            _ => {
                let about =
                    self.known.iter().find(|it| it.name == name).map_or_else(String::new, |it| it.about.clone());
                let order = folder.read().and_then(|order| order.context("there is no order"));
                let order = order.map(|order| Planned::ordered(order, about)).map_err(|error| in_one_line(&error));
                self.orders.insert(name, (written, order.clone()));
                order
            }
        }
    }
}

fn nothing() -> Grid {
    Grid { axes: Vec::new(), cells: Vec::new(), runs: Vec::new(), seed_keys: Vec::new() }
}

/// Asks a suite's queue for something. Returns what came of it.
pub fn ask(runs: &Path, name: &str, task: SuiteTask) -> Result<String> {
    let folder = Folder::of(runs, name);
    Ok(match task {
        SuiteTask::Start => {
            let suite = Suite::find(name)?;
            let grid = expand(&suite)?;
            asking::check(&grid)?;
            let slots = usual::slots(Gpu::look().n_visible, &grid);
            let order = asking::order(&folder, &suite, grid, slots)?;
            asking::begin(&folder, &order)?;
            format!("{name}: its queue trains in the background")
        }
        SuiteTask::GoOn => {
            let order = folder.want(Wanted::Train)?;
            asking::begin(&folder, &order)?;
            format!("{name} goes on")
        }
        SuiteTask::Hold => {
            asking::hold(&folder)?;
            format!("{name} starts no other run; those that train go on to their end")
        }
        SuiteTask::Stop => {
            asking::stop(&folder, |_| {})?;
            format!("{name} is stopped: its runs are saved")
        }
        SuiteTask::Retry => {
            let order = folder.retry()?;
            asking::begin(&folder, &order)?;
            format!("{name}: what failed or was stopped is tried again")
        }
        SuiteTask::MoreSeeds(n) => {
            let order = folder.add_seeds(n)?;
            if order.wanted == Wanted::Train {
                asking::begin(&folder, &order)?;
            }
            format!("{name}: {} in all now", plural(order.grid.runs.len() as u64, "run"))
        }
        SuiteTask::Front(identities) => {
            folder.to_front(&identities)?;
            suites::at_the_front(name, identities.len())
        }
    })
}
