//! The suites: those that come with fixmatch, and those that were started here. How they stand is read with the list of
//! runs, from the same look; and what their queues are asked for.

use std::collections::HashMap;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread;
use std::time::{Duration, Instant, SystemTime};

use anyhow::{Context as _, Result};
use fixmatch::config::preset::own as preset;
use fixmatch::machine::gpu::Gpu;
use fixmatch::suite::asking::{self, Begun};
use fixmatch::suite::cluster::{self, Tasks};
use fixmatch::suite::engine::{Engine as _, Job};
use fixmatch::suite::expand::expand;
use fixmatch::suite::file::Suite;
use fixmatch::suite::forecast::Forecast;
use fixmatch::suite::grid::Grid;
use fixmatch::suite::order::{Folder, Order, Wanted};
use fixmatch::suite::own;
use fixmatch::suite::queue::Stand;
use fixmatch::suite::slots::Slot;
use fixmatch::suite::slurm::Slurm;
use fixmatch::suite::standing::Standing;
use fixmatch::suite::usual;

use super::super::screens::suite::{OnSlurm, Study};
use super::super::tasks::SuiteTask;
use super::in_one_line;
use crate::words::numbers::plural;
use crate::words::suites::{self, JobRow};

/// How often Slurm is asked for all jobs: its controller serves many people.
const ASK: Duration = Duration::from_secs(10);

/// How soon, after something was done to a suite.
const ASK_SOON: Duration = Duration::from_secs(3);

/// What is known of the suites between two looks.
pub struct Suites {
    runs: PathBuf,
    slurm: Asked,
    /// What was handed to Slurm, of each suite.
    tasks: HashMap<String, Tasks>,
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

/// What Slurm said of the jobs, which it is asked for in a thread: it may take half a minute to say that it is down.
#[derive(Default)]
struct Asked {
    answer: Arc<Mutex<Answer>>,
    /// When it was asked last.
    at: Option<Instant>,
    /// Whether something was done since.
    is_urgent: bool,
}

/// All jobs, or why they are not known.
type Jobs = Result<Vec<Job>, String>;

#[derive(Default)]
struct Answer {
    /// The last one.
    last: Option<Arc<Jobs>>,
    /// Whether another one is awaited.
    is_awaited: bool,
}

impl Asked {
    /// The last answer. Has Slurm asked again if that is due.
    fn look(&mut self) -> Option<Arc<Jobs>> {
        let mut answer = self.answer.lock().unwrap_or_else(PoisonError::into_inner);
        let patience = if self.is_urgent { ASK_SOON } else { ASK };
        if !answer.is_awaited && self.at.is_none_or(|at| at.elapsed() >= patience) {
            (self.at, self.is_urgent) = (Some(Instant::now()), false);
            let into = self.answer.clone();
            let ask = move || {
                let jobs = Slurm.jobs().map_err(|error| in_one_line(&error));
                let mut answer = into.lock().unwrap_or_else(PoisonError::into_inner);
                *answer = Answer { last: Some(Arc::new(jobs)), is_awaited: false };
            };
            answer.is_awaited = thread::Builder::new().name("slurm".into()).spawn(ask).is_ok();
        }
        answer.last.clone()
    }
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
        let Self { about, slots, error, .. } = self.clone();
        Study { about, wanted: self.order, slots, has_queue, forecast, error, ..study }
    }

    /// The same of one that Slurm trains.
    fn study_on(&self, profile: &str, standing: &mut Standing, tasks: &Tasks, answer: Option<&Jobs>) -> Study {
        let jobs = answer.and_then(|jobs| jobs.as_ref().ok()).map(Vec::as_slice);
        let order = (&*self.grid, self.retry_after, self.order.unwrap_or(Wanted::Stop));
        let members = cluster::members(tasks, order, standing, jobs);
        let stands = members.iter().map(|it| it.stand.clone()).collect();
        let jobs = self.grid.runs.iter().zip(&members).map(|(run, member)| JobRow::of(run, member)).collect();
        let answer = answer.map(|jobs| jobs.as_ref().map(drop).map_err(Clone::clone));
        let slurm = Some(OnSlurm { profile: profile.to_owned(), jobs, answer });
        let has_queue = members.iter().any(cluster::Member::is_at_work);
        let study = Study::new(&self.name, &self.title, self.grid.clone(), stands);
        let Self { about, slots, .. } = self.clone();
        Study { about, wanted: self.order, slots, slurm, has_queue, ..study }
    }
}

impl Suites {
    /// Of a folder of runs; the shipped ones and one's own are known from the start.
    pub fn new(runs: &Path) -> Self {
        let n_gpus = Gpu::look().n_visible;
        let shipped = Suite::shipped().into_iter().map(|suite| (suite.name.clone(), Ok(suite)));
        let own = own::list().into_iter().map(|own| (own.name, own.suite));
        let known = shipped.chain(own).map(|(name, suite)| Planned::new(name, suite, n_gpus)).collect();
        let (slurm, tasks) = (Asked::default(), HashMap::new());
        Self { runs: runs.to_owned(), slurm, tasks, known, orders: HashMap::new() }
    }

    /// All of them as they stand by the last look at the runs, those that were started here first.
    pub fn look(&mut self, standing: &mut Standing) -> Vec<Arc<Study>> {
        let mut all = Vec::new();
        for folder in Folder::list(&self.runs) {
            let name = folder.name();
            all.push(Arc::new(match self.order(&folder).map(|planned| (planned.slurm.clone(), planned)) {
                Ok((None, planned)) => planned.study(standing, folder.is_locked()),
                Ok((Some(profile), planned)) => self.study_on(&folder, &profile, &planned, standing),
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

    /// Something was done to a suite: Slurm is asked soon.
    pub fn hurry(&mut self) {
        self.slurm.is_urgent = true;
    }

    /// A suite that Slurm trains; it is asked only while something is left to train.
    fn study_on(&mut self, folder: &Folder, profile: &str, planned: &Planned, standing: &mut Standing) -> Study {
        let tasks = self.tasks.entry(planned.name.clone()).or_default();
        let error = tasks.renew(folder).err().map(|error| in_one_line(&error));
        let by_directory = planned.study_on(profile, standing, tasks, None);
        let is_left = by_directory.count(|it| it.n) > by_directory.count(|it| it.finished);
        let study = match is_left.then(|| self.slurm.look()).flatten() {
            Some(answer) => planned.study_on(profile, standing, tasks, Some(&answer)),
            None => by_directory,
        };
        Study { error, ..study }
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
    Grid { axes: Vec::new(), cells: Vec::new(), runs: Vec::new(), seed_keys: Vec::new(), of_file: String::new() }
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
            let order = asking::order(&folder, &suite.title, grid, slots)?;
            asking::begin(&folder, &order)?;
            format!("{name}: its queue trains in the background")
        }
        SuiteTask::GoOn => {
            let order = folder.want(Wanted::Train)?;
            begun(&folder, &order, format!("{name} goes on"))?
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
            begun(&folder, &order, format!("{name}: what failed or was stopped is tried again"))?
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

/// Has an order followed; says how many runs Slurm took, if it trains them.
fn begun(folder: &Folder, order: &Order, said: String) -> Result<String> {
    Ok(match asking::begin(folder, order)? {
        Begun::Submitted(submitted) if submitted.jobs.is_empty() => {
            format!("{}: all runs are there or have a job", order.suite)
        }
        Begun::Submitted(submitted) => {
            let jobs = submitted.jobs.iter().map(|(job, n)| format!("{} as job {job}", plural(*n as u64, "run")));
            format!("{}: {} submitted", order.suite, jobs.collect::<Vec<_>>().join(", "))
        }
        Begun::Followed | Begun::Started => said,
    })
}
