//! How the runs of a suite stand that an engine trains: by their directories, and by what the engine says of their jobs.

use std::collections::HashMap;

use anyhow::{Context, Error, Result};

use crate::run::dir::RunDir;
use crate::run::file::RunFile;
use crate::run::jobs::Interruption;
use crate::run::state::Status;
use crate::suite::batch::Batch;
use crate::suite::engine::{Engine, Job, JobState};
use crate::suite::grid::Grid;
use crate::suite::order::{Folder, Order, Wanted};
use crate::suite::queue::{Stand, suspend};
use crate::suite::standing::{Found, Standing};

/// A planned run with its job.
#[derive(Clone, Debug)]
pub struct Member {
    /// How it stands by its directory. A run that was changed while it trained is still its job's.
    pub stand: Stand,
    /// Where it is.
    pub place: Place,
    /// The batch and the task that it was handed in with last.
    pub task: Option<(Batch, usize)>,
    /// Its job, as far as the engine knows it.
    pub job: Option<Job>,
    /// How often its time was used up before it was done.
    pub timeouts: u32,
    /// How often it was interrupted otherwise.
    pub preemptions: u32,
}

/// Where a run of a suite is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Place {
    /// Its directory says all, or all that can be known while the engine does not answer.
    Directory,
    /// It waits for its first job; why, in the engine's word.
    Queued(String),
    /// It was interrupted and waits for its next job; why, in the engine's word.
    QueuedAgain(Interruption, String),
    /// It trains on a machine, perhaps on a GPU.
    Running(String, Option<String>),
    /// Its job has begun on a machine, and its worker is about to.
    Starting(String),
    /// Its job is about to end, or to be queued again.
    Ending,
    /// It has neither a job nor an end; what is known of why.
    Gone(String),
}

impl Member {
    /// Whether it is to be handed in: there is something to train, and no job that will.
    pub fn is_left(&self) -> bool {
        let has_job = self.job.as_ref().is_some_and(|job| job.state.is_open());
        matches!(self.stand, Stand::Waiting | Stand::Interrupted(_)) && !has_job
    }

    /// Whether it has a job, or a worker without one.
    pub fn is_at_work(&self) -> bool {
        self.job.as_ref().is_some_and(|job| job.state.is_open()) || matches!(self.stand, Stand::Alive(_))
    }

    /// What the engine calls its last job.
    pub fn job_id(&self) -> Option<String> {
        let known = self.job.as_ref().map(|job| job.id.clone());
        known.or_else(|| self.task.as_ref().and_then(|(batch, task)| Some(format!("{}_{task}", batch.job()?))))
    }
}

/// What is known of a suite that an engine trains.
#[derive(Debug)]
pub struct Look {
    /// Run by run.
    pub members: Vec<Member>,
    /// Why the engine does not answer, if it does not.
    pub error: Option<Error>,
}

impl Look {
    /// How the runs stand by their directories.
    pub fn stands(&self) -> Vec<Stand> {
        self.members.iter().map(|it| it.stand.clone()).collect()
    }

    /// The runs, where nothing can be decided without an answer.
    pub fn sure(self) -> Result<Vec<Member>> {
        match self.error {
            Some(error) => Err(error.context("cannot tell which runs have a job")),
            None => Ok(self.members),
        }
    }
}

/// Looks at the run directories, and asks the engine once. Where that does not answer, the directories have to do.
pub fn look(engine: &dyn Engine, folder: &Folder, order: &Order) -> Result<Look> {
    let (jobs, error) = match engine.jobs() {
        Ok(jobs) => (Some(jobs), None),
        Err(error) => (None, Some(error)),
    };
    let mut standing = Standing::new(&folder.runs());
    standing.survey()?;
    let tasks = Tasks::read(folder)?;
    let members = members(&tasks, (&order.grid, order.retry_after, order.wanted), &mut standing, jobs.as_deref());
    standing.save();
    Ok(Look { members, error })
}

/// How the runs of a grid stand by the last look at the run directories, given from when on failed runs are tried again and
/// what is wanted. `jobs` is what the engine answered, if it did.
pub fn members(
    tasks: &Tasks,
    (grid, retry_after, wanted): (&Grid, f64, Wanted),
    standing: &mut Standing,
    jobs: Option<&[Job]>,
) -> Vec<Member> {
    let found = standing.of(grid);
    let mut members = Vec::with_capacity(found.len());
    for (run, found) in grid.runs.iter().zip(found) {
        let of_run = tasks.of.get(&run.identity).map_or(&[][..], Vec::as_slice);
        let job = jobs.and_then(|jobs| best(of_run, jobs));
        let task = match &job {
            Some(job) => of_run.iter().find(|(batch, task)| batch.token() == job.batch && *task == job.task),
            None => of_run.last(),
        };
        let bound = task.and_then(|(batch, task)| batch.run_of(*task)).and_then(|dir| standing.found(&dir));
        let stand = Stand::of(bound.or(found), retry_after);
        let mut member =
            Member { stand, place: Place::Directory, task: task.cloned(), job, timeouts: 0, preemptions: 0 };
        if let Some(found) = member.stand.found() {
            let is_alive = matches!(member.stand, Stand::Alive(_));
            (member.timeouts, member.preemptions) = found.row.summary.jobs.interruptions(is_alive);
        }
        member.place = place(&member, wanted, jobs.is_some());
        members.push(member);
    }
    members
}

/// What was handed to an engine of a suite.
#[derive(Clone, Debug, Default)]
pub struct Tasks {
    /// The batches that were read.
    batches: Vec<Batch>,
    /// Their tasks by what decides results, oldest first.
    of: HashMap<String, Vec<(Batch, usize)>>,
}

impl Tasks {
    /// Of all batches of a suite.
    pub fn read(folder: &Folder) -> Result<Self> {
        let mut tasks = Self::default();
        tasks.renew(folder)?;
        Ok(tasks)
    }

    /// Reads the batches again, if there are others: one stays as it was handed in.
    pub fn renew(&mut self, folder: &Folder) -> Result<()> {
        let batches = Batch::list(folder);
        if batches == self.batches {
            return Ok(());
        }
        let mut of: HashMap<String, Vec<(Batch, usize)>> = HashMap::new();
        for batch in &batches {
            for (place, run) in batch.tasks()?.runs.into_iter().enumerate() {
                of.entry(run.identity).or_default().push((batch.clone(), place));
            }
        }
        *self = Self { batches, of };
        Ok(())
    }
}

/// Of several jobs of a run the one that matters: one that is open, else the last one.
fn best(tasks: &[(Batch, usize)], jobs: &[Job]) -> Option<Job> {
    let of = |(batch, task): &(Batch, usize)| {
        let token = batch.token();
        jobs.iter().find(|job| job.task == *task && job.batch == token)
    };
    let known: Vec<_> = tasks.iter().filter_map(of).collect();
    known.iter().rev().find(|job| job.state.is_open()).or(known.last()).map(|job| (*job).clone())
}

fn place(member: &Member, wanted: Wanted, is_answered: bool) -> Place {
    let job = member.job.as_ref();
    match &member.stand {
        Stand::Alive(found) if is_dead(found) && !job.is_some_and(|job| job.state.is_open()) && is_answered => {
            Place::Gone(format!("its worker on {} gives no sign of life", host_of(found).unwrap_or_default()))
        }
        Stand::Alive(found) if found.row.dir.is_locked() => {
            let host = host_of(found).or_else(|| job?.host.clone()).unwrap_or_default();
            Place::Running(host, gpu_of(&found.row.dir))
        }
        Stand::Finished(_) | Stand::Stopped(_) | Stand::Failed(_) => Place::Directory,
        stand => match job.map(|job| &job.state) {
            Some(JobState::Queued(reason)) => {
                let interruption = stand.found().and_then(|found| found.row.summary.jobs.interruption());
                match interruption {
                    Some(interruption) => Place::QueuedAgain(interruption, reason.clone()),
                    None => Place::Queued(reason.clone()),
                }
            }
            Some(JobState::Running) => Place::Starting(job.and_then(|job| job.host.clone()).unwrap_or_default()),
            Some(JobState::Ending) => Place::Ending,
            _ if member.task.is_none() || wanted != Wanted::Train || !is_answered => Place::Directory,
            ended => Place::Gone(why_gone(member, ended)),
        },
    }
}

/// What is known of a run whose job is over, or forgotten, before the run is done.
fn why_gone(member: &Member, ended: Option<&JobState>) -> String {
    let id = member.job_id().map_or_else(|| "its job".to_owned(), |id| format!("job {id}"));
    let host = member.job.as_ref().and_then(|job| job.host.as_deref()).unwrap_or("its machine");
    let has_printed = member.task.as_ref().is_some_and(|(batch, task)| batch.output(*task).exists());
    let error = member.task.as_ref().and_then(|(batch, task)| batch.last_error(*task));
    match (ended, error) {
        // Slurm says the same of a job whose processes were killed.
        (Some(JobState::Ended(how)), _) if how.contains("JobLaunchFailure") && !has_printed => {
            format!("{id} could not start on {host}: is the folder of runs visible there?")
        }
        (_, Some(error)) => format!("{id}: {error}"),
        (Some(JobState::Ended(how)), None) => format!("{id} ended: {how}"),
        (_, None) => match member.stand.found() {
            Some(found) if found.row.status == Status::Suspended => format!("{id} is not in the queue any more"),
            Some(found) => {
                let host = found.row.dir.heartbeat().map_or_else(String::new, |(beat, _)| format!(" on {}", beat.host));
                format!("its worker vanished{host}, and {id} is not in the queue any more")
            }
            None => format!("{id} is not in the queue any more, and it left nothing"),
        },
    }
}

fn is_dead(found: &Found) -> bool {
    found.row.status == Status::NotResponding
}

fn host_of(found: &Found) -> Option<String> {
    found.row.dir.heartbeat().map(|(beat, _)| beat.host)
}

/// The GPU that a run trains on: as Slurm lets its jobs see it.
fn gpu_of(dir: &RunDir) -> Option<String> {
    let RunFile { environment, .. } = dir.read_run().ok()?;
    let environment = environment.filter(|it| it.device.starts_with("cuda"))?;
    Some(environment.cuda_visible_devices.unwrap_or(environment.device))
}

/// Takes back what has not begun, and has the rest saved and ended. Returns how many runs still have a job or a worker.
pub fn stop(engine: &dyn Engine, folder: &Folder, order: &Order) -> Result<usize> {
    let members = look(engine, folder, order)?.sure()?;
    let with = |is: fn(&JobState) -> bool| -> Vec<&Job> {
        members.iter().filter_map(|it| it.job.as_ref()).filter(|job| is(&job.state)).collect()
    };
    engine.cancel(&with(|state| matches!(state, JobState::Queued(_)))).context("cannot cancel jobs")?;
    engine.signal(&with(|state| matches!(state, JobState::Running))).context("cannot signal jobs")?;
    let without: Vec<Stand> = members.iter().filter(|it| it.job.is_none()).map(|it| it.stand.clone()).collect();
    suspend(&without, &[])?;
    Ok(members.iter().filter(|it| it.is_at_work()).count())
}

/// Takes back what has not begun.
pub fn hold(engine: &dyn Engine, folder: &Folder, order: &Order) -> Result<()> {
    let members = look(engine, folder, order)?.sure()?;
    let queued = members.iter().filter_map(|it| it.job.as_ref()).filter(|job| matches!(job.state, JobState::Queued(_)));
    engine.cancel(&queued.collect::<Vec<_>>()).context("cannot cancel jobs")
}
