//! `fixmatch suite`: studies of many runs, and the queue that trains them.

mod planning;
mod slurm;

use std::path::PathBuf;
use std::process::ExitCode;
use std::time::Duration;

use anyhow::{Context as _, Result, bail, ensure};
use fixmatch::base::text::shell_quoted;
use fixmatch::config::preset::own::in_one_line;
use fixmatch::examples;
use fixmatch::machine::gpu::Gpu;
use fixmatch::suite::asking::{self, Begun};
use fixmatch::suite::batch::Batch;
use fixmatch::suite::cluster;
use fixmatch::suite::expand::expand;
use fixmatch::suite::file::Suite;
use fixmatch::suite::forecast::Forecast;
use fixmatch::suite::grid::{Grid, Planned};
use fixmatch::suite::order::{Folder, Order, Wanted};
use fixmatch::suite::own;
use fixmatch::suite::queue::{self, Stand};
use fixmatch::suite::slots::Slot;
use fixmatch::suite::slurm::Slurm;
use fixmatch::suite::slurm::profile::{DEFAULT, Profile};
use fixmatch::suite::standing::{Found, Standing};
use fixmatch::suite::submission::Submission;
use fixmatch::suite::task;
use fixmatch::suite::usual;
use serde::Serialize;

use self::planning::{foretell, planned, started_here, warn_of_mixed};
use super::{Runs, STOPPED, complete, note, say, say_json};
use crate::signals::let_signals_end_this;
use crate::words::numbers::{columns, plural};
use crate::words::suites;

/// How often `--wait` looks.
const POLL: Duration = Duration::from_secs(1);

/// Train studies: a run for each cell of a grid and each seed
#[derive(clap::Args)]
#[command(after_help = examples!("fixmatch suite run quickstart-labels --dry-run", "fixmatch suite status"))]
pub struct Args {
    #[command(subcommand)]
    command: Command,
}

#[derive(clap::Subcommand)]
enum Command {
    List(List),
    Show(Show),
    Run(Train),
    Status(Status),
    Hold(Hold),
    Stop(Stop),
    Retry(Retry),
    Seeds(Seeds),
    Front(Front),
    /// Be the queue of a suite
    #[command(hide = true, after_help = examples!("fixmatch suite work ~/.local/state/fixmatch/runs/.suites/study"))]
    Work {
        folder: PathBuf,
    },
    /// Train a run of a suite inside of its job
    #[command(hide = true)]
    #[command(after_help = examples!("fixmatch suite task ~/.local/state/fixmatch/runs/.suites/study/jobs/1 3"))]
    Task {
        folder: PathBuf,
        task: usize,
    },
}

/// List the suites that come with fixmatch, your own, and those that were started here
///
/// Your own are .toml files in experiments/suites of this folder and fixmatch/presets/suites of the configuration
/// directory.
#[derive(clap::Args)]
#[command(after_help = examples!("fixmatch suite list"))]
struct List {
    /// As JSON
    #[arg(long)]
    json: bool,
}

/// Show what a suite trains, run by run
#[derive(clap::Args)]
#[command(after_help = examples!("fixmatch suite show quickstart-labels"))]
struct Show {
    #[command(flatten)]
    suite: Which,
    /// As JSON
    #[arg(long)]
    json: bool,
}

/// Train what is left of a suite, in the background
///
/// A run that is there with the same configuration is not trained again, whoever made it. Runs that were interrupted go
/// on. The queue needs no terminal; `fixmatch suite status` shows how far it is.
#[derive(clap::Args)]
#[command(after_help = examples!(
    "fixmatch suite run quickstart-labels --dry-run",
    "fixmatch suite run quickstart-labels --seeds 5 --slots cpu:1x2",
    "fixmatch suite run study.toml --set train.steps=2000 --wait",
    "fixmatch suite run study.toml --slurm gpu --dry-run",
))]
struct Train {
    #[command(flatten)]
    suite: Which,
    /// Seeds 0 to N - 1 of each cell, instead of those of the suite
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..=1000))]
    seeds: Option<u32>,
    /// Override a value in all runs, such as train.steps=2000; repeatable
    #[arg(long = "set", value_name = "KEY=VALUE", add = complete::setting())]
    set: Vec<String>,
    /// Where to train, and how many at a time: cpu, cpu:THREADS, cuda:N, with xN behind it, separated by commas
    /// [default: one for each GPU, else for small networks one on each core, for others one with all cores]
    #[arg(long, value_parser = |text: &str| Slots::parse(text))]
    slots: Option<Slots>,
    /// Hand the runs to Slurm as one job array, by this profile in the configuration directory (slurm/PROFILE.toml)
    #[arg(long, value_name = "PROFILE", num_args = 0..=1, default_missing_value = DEFAULT, conflicts_with = "slots")]
    #[arg(add = complete::slurm_profile())]
    slurm: Option<String>,
    /// Say how many runs, how long, how much disk and memory, with --slurm also the batch script, and start nothing
    #[arg(long)]
    dry_run: bool,
    /// Wait until nothing is left to do
    #[arg(long, conflicts_with = "dry_run")]
    wait: bool,
}

#[derive(Clone)]
struct Slots(Vec<Slot>);

impl Slots {
    fn parse(text: &str) -> Result<Self, String> {
        Slot::parse_all(text).map(Self).map_err(|error| format!("{error:#}"))
    }
}

/// Show the progress of a suite, and accuracies as mean ± standard deviation over finished seeds
///
/// Without SUITE, all that were started here.
#[derive(clap::Args)]
#[command(after_help = examples!("fixmatch suite status quickstart-labels"))]
struct Status {
    /// The suite's name
    #[arg(value_name = "SUITE", add = complete::suite())]
    suite: Option<String>,
    /// As JSON
    #[arg(long)]
    json: bool,
}

/// Start no further run of a suite; running ones finish
#[derive(clap::Args)]
#[command(after_help = examples!("fixmatch suite hold quickstart-labels"))]
struct Hold {
    #[command(flatten)]
    suite: Which,
}

/// Suspend the runs of a suite and end its queue; `fixmatch suite run` goes on
#[derive(clap::Args)]
#[command(after_help = examples!("fixmatch suite stop quickstart-labels"))]
struct Stop {
    #[command(flatten)]
    suite: Which,
}

/// Try the runs of a suite again that failed or were stopped
#[derive(clap::Args)]
#[command(after_help = examples!("fixmatch suite retry quickstart-labels"))]
struct Retry {
    #[command(flatten)]
    suite: Which,
}

/// Start the runs of some cells of a suite before all others
#[derive(clap::Args)]
#[command(after_help = examples!("fixmatch suite front quickstart-labels labels.per_class=4"))]
struct Front {
    #[command(flatten)]
    suite: Which,
    /// What the cells have in common, such as labels.per_class=4; the columns and rows of `fixmatch suite show`
    #[arg(value_name = "KEY=VALUE", required = true)]
    cells: Vec<String>,
}

/// Plan runs of more seeds for each cell of a suite that was started; they are trained last
#[derive(clap::Args)]
#[command(after_help = examples!("fixmatch suite seeds quickstart-labels --more 2"))]
struct Seeds {
    #[command(flatten)]
    suite: Which,
    /// How many more seeds
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u64).range(1..=1000))]
    more: u64,
}

#[derive(clap::Args)]
struct Which {
    /// A name that `fixmatch suite list` shows, or the path of a .toml file
    #[arg(value_name = "SUITE", add = complete::suite())]
    suite: String,
}

pub fn run(args: Args, runs: &Runs) -> Result<ExitCode> {
    match args.command {
        Command::List(args) => list(&args, runs),
        Command::Show(args) => show(&args, runs),
        Command::Run(args) => train(&args, runs),
        Command::Status(args) => status(&args, runs),
        Command::Hold(args) => hold(&args.suite, runs),
        Command::Stop(args) => stop(&args.suite, runs),
        Command::Retry(args) => retry(&args.suite, runs),
        Command::Seeds(args) => seeds(&args, runs),
        Command::Front(args) => front(&args, runs),
        Command::Task { folder, task } => task::run(&Batch::at(folder), task).map(|()| ExitCode::SUCCESS),
        Command::Work { folder } => queue::work(&Folder::at(folder)).map(|()| ExitCode::SUCCESS),
    }
}

#[derive(Serialize)]
struct Listed {
    name: String,
    title: String,
    /// Runs in all; none if it cannot be read.
    runs: Option<usize>,
    /// Whether it was started in this folder of runs.
    started: bool,
    /// Why it cannot be read.
    error: Option<String>,
}

fn list(args: &List, runs: &Runs) -> Result<ExitCode> {
    let started = Folder::list(runs.folder());
    let listed = |(name, suite): (String, Result<Suite, String>)| {
        let (title, grid) = match suite {
            Ok(suite) => (suite.title.clone(), expand(&suite).map_err(|error| in_one_line(&error))),
            Err(error) => (String::new(), Err(error)),
        };
        let started = started.iter().any(|folder| folder.name() == name);
        let (runs, error) = match grid {
            Ok(grid) => (Some(grid.runs.len()), None),
            Err(error) => (None, Some(error)),
        };
        Listed { name, title, runs, started, error }
    };
    let shipped = Suite::shipped().into_iter().map(|suite| (suite.name.clone(), Ok(suite)));
    let own = own::list().into_iter().map(|own| (own.name, own.suite));
    let mut all: Vec<Listed> = shipped.chain(own).map(listed).collect();
    for folder in &started {
        if all.iter().all(|it| it.name != folder.name())
            && let Some(Order { suite, title, grid, .. }) = folder.read()?
        {
            all.push(Listed { name: suite, title, runs: Some(grid.runs.len()), started: true, error: None });
        }
    }
    if args.json {
        say_json(&all)?;
        return Ok(ExitCode::SUCCESS);
    }
    let row = |it: &Listed| {
        let started = if it.started { "started" } else { "" };
        vec![it.name.clone(), it.runs?.to_string(), it.title.clone(), started.into()].into()
    };
    say(columns(&["SUITE", "RUNS", "WHAT", ""], &all.iter().filter_map(row).collect::<Vec<_>>()))?;
    for it in &all {
        if let Some(error) = &it.error {
            say(format_args!("{} cannot be run: {error}", it.name))?;
        }
    }
    Ok(ExitCode::SUCCESS)
}

fn show(args: &Show, runs: &Runs) -> Result<ExitCode> {
    let suite = Suite::find(&args.suite.suite);
    let name = &args.suite.suite;
    let suite = match (suite, started_here(name, runs)?) {
        (Err(_), Some(_)) => bail!(
            "the file of {name} is elsewhere; it was started here: `fixmatch suite status {}` shows its runs",
            shell_quoted(name)
        ),
        (suite, _) => suite?,
    };
    let grid = expand(&suite)?;
    if args.json {
        say_json(&grid)?;
        return Ok(ExitCode::SUCCESS);
    }
    say(format_args!("{}\n{}", suite.title, suite.about))?;
    say(format_args!(
        "base: {}",
        [suite.base.name.clone()].iter().chain(&suite.settings).cloned().collect::<Vec<_>>().join(" ")
    ))?;
    let row = |cell: usize| {
        let runs = grid.runs.iter().filter(|run| run.cell == cell && !run.baseline);
        let seeds: Vec<_> = runs.map(|run| run.seed.to_string()).collect();
        vec![grid.label(cell), seeds.join(", "), if suite.baseline { "yes" } else { "no" }.into()]
    };
    say(columns(&["CELL", "SEEDS", "BASELINE"], &(0..grid.cells.len()).map(row).collect::<Vec<_>>()))?;
    say(plural(grid.runs.len() as u64, "run"))?;
    Ok(ExitCode::SUCCESS)
}

fn train(args: &Train, runs: &Runs) -> Result<ExitCode> {
    let (folder, title, grid) = planned(&args.suite.suite, &args.set, args.seeds, runs)?;
    if let Some(profile) = &args.slurm {
        let profile = Profile::find(profile)?;
        asking::check(&grid)?;
        let submission = Submission { folder, title, grid, profile };
        if args.dry_run {
            return slurm::dry_run(&submission, runs).map(|()| ExitCode::SUCCESS);
        }
        slurm::say_submitted(&submission.folder.name(), &submission.submit()?)?;
        return if args.wait { slurm::wait(&submission.folder) } else { Ok(ExitCode::SUCCESS) };
    }
    let slots = args.slots.clone().map_or_else(|| usual::slots(Gpu::look().n_visible, &grid), |Slots(slots)| slots);
    asking::check(&grid)?;
    let stands = stands(runs, &grid, 0.0)?;
    let places: Vec<_> = slots.iter().map(Slot::to_string).collect();
    say(format_args!("{}: {}", plural(slots.len() as u64, "slot"), places.join(", ")))?;
    foretell(&grid, &stands, &slots, "on these slots", runs)?;
    if args.dry_run {
        return Ok(ExitCode::SUCCESS);
    }
    let order = asking::order(&folder, &title, grid, slots)?;
    begin(&folder, &order)?;
    if args.wait { wait(&folder, runs) } else { Ok(ExitCode::SUCCESS) }
}

/// Has an order followed, and says by whom.
fn begin(folder: &Folder, order: &Order) -> Result<()> {
    let name = shell_quoted(&folder.name());
    match asking::begin(folder, order)? {
        Begun::Submitted(submitted) => return slurm::say_submitted(&folder.name(), &submitted),
        Begun::Followed => say(format_args!("the queue of {name} follows the new order"))?,
        Begun::Started => say(format_args!("the queue of {name} trains in the background"))?,
    }
    say(format_args!("  fixmatch suite status {name}   shows how far it is"))?;
    say(format_args!("  fixmatch suite stop {name}     suspends its runs; run goes on"))
}

fn stands(runs: &Runs, grid: &Grid, retry_after: f64) -> Result<Vec<Stand>> {
    let mut standing = Standing::new(runs.folder());
    let found = standing.look(grid)?;
    warn_of_mixed(grid, &found);
    standing.save();
    Ok(found.into_iter().map(|found| Stand::of(found, retry_after)).collect())
}

/// How a suite stands that was started here, and the runs that were found of it.
fn standing(runs: &Runs, folder: &Folder, order: &Order) -> Result<(suites::Standing, Vec<Option<Found>>)> {
    let mut standing = Standing::new(runs.folder());
    let found = standing.look(&order.grid)?;
    let stands: Vec<_> = found.iter().cloned().map(|found| Stand::of(found, order.retry_after)).collect();
    let left = Forecast::of(&order.grid, &stands, &order.slots, standing.rows()).left();
    standing.save();
    Ok((suites::Standing::of(order, &stands, folder.is_locked(), left), found))
}

/// The folder of a suite that was started here.
fn started(which: &str, runs: &Runs) -> Result<(Folder, Order)> {
    let name = match Suite::find(which) {
        Ok(suite) => suite.name,
        Err(error) => return started_here(which, runs)?.ok_or(error),
    };
    let folder = Folder::of(runs.folder(), &name);
    let order = folder.read()?.with_context(|| {
        format!("{name} was not started in {}; `fixmatch suite run {name}` does", runs.folder().display())
    })?;
    Ok((folder, order))
}

fn status(args: &Status, runs: &Runs) -> Result<ExitCode> {
    let folders = if let Some(which) = &args.suite {
        vec![started(which, runs)?]
    } else {
        let read = |folder: Folder| -> Result<_> { Ok(folder.read()?.map(|order| (folder, order))) };
        let all: Vec<_> = Folder::list(runs.folder()).into_iter().map(read).collect::<Result<_>>()?;
        all.into_iter().flatten().collect()
    };
    let (mut all, mut looks) = (Vec::new(), Vec::new());
    for (folder, order) in &folders {
        let look = order.slurm.is_some().then(|| cluster::look(&Slurm, folder, order)).transpose()?;
        let (standing, found) = match &look {
            Some(look) => (suites::Standing::of_cluster(order, look), Standing::new(runs.folder()).look(&order.grid)?),
            None => standing(runs, folder, order)?,
        };
        warn_of_mixed(&order.grid, &found);
        all.push(standing);
        looks.push(look);
    }
    if args.json {
        match (&args.suite, &all[..]) {
            (Some(_), [one]) => say_json(one)?,
            _ => say_json(&all)?,
        }
        return Ok(ExitCode::SUCCESS);
    }
    if all.is_empty() {
        note(format_args!(
            "no suite was started in {}; `fixmatch suite list` shows what there is",
            runs.folder().display()
        ));
    }
    for (i, ((standing, look), (folder, order))) in all.iter().zip(&looks).zip(&folders).enumerate() {
        if i > 0 {
            say("")?;
        }
        match look {
            Some(look) => slurm::status(order, look, standing)?,
            None => say(standing.told(order))?,
        }
        if standing.failed > 0 {
            say(format_args!("`fixmatch suite retry {}` tries the failed ones again", shell_quoted(&folder.name())))?;
        }
        if look.is_none() && standing.is_left() && !folder.is_locked() {
            say(format_args!("no queue is at work: `fixmatch suite run {}` goes on", shell_quoted(&folder.name())))?;
        }
    }
    Ok(ExitCode::SUCCESS)
}

fn hold(which: &Which, runs: &Runs) -> Result<ExitCode> {
    let (folder, _) = started(&which.suite, runs)?;
    say(suites::held(&asking::hold(&folder)?))?;
    Ok(ExitCode::SUCCESS)
}

fn stop(which: &Which, runs: &Runs) -> Result<ExitCode> {
    let (folder, _) = started(&which.suite, runs)?;
    let order = asking::stop(&folder, |n| note(format_args!("suspending {}…", plural(n as u64, "run"))))?;
    say(suites::stopped(&order))?;
    Ok(ExitCode::SUCCESS)
}

fn retry(which: &Which, runs: &Runs) -> Result<ExitCode> {
    let (folder, order) = started(&which.suite, runs)?;
    let stands = stands(runs, &order.grid, order.retry_after)?;
    let n = stands.iter().filter(|stand| matches!(stand, Stand::Failed(_) | Stand::Stopped(_))).count();
    if n == 0 {
        say(suites::nothing_to_retry(&folder.name()))?;
        return Ok(ExitCode::SUCCESS);
    }
    let order = folder.retry()?;
    say(format_args!("{} to try again", plural(n as u64, "run")))?;
    begin(&folder, &order)?;
    Ok(ExitCode::SUCCESS)
}

fn seeds(args: &Seeds, runs: &Runs) -> Result<ExitCode> {
    let (folder, before) = started(&args.suite.suite, runs)?;
    let order = folder.add_seeds(args.more)?;
    say(suites::seeds_added(&order, order.grid.runs.len() - before.grid.runs.len()))?;
    if order.wanted == Wanted::Train {
        begin(&folder, &order)?;
    }
    Ok(ExitCode::SUCCESS)
}

fn front(args: &Front, runs: &Runs) -> Result<ExitCode> {
    let (folder, order) = started(&args.suite.suite, runs)?;
    ensure!(order.slurm.is_none(), "Slurm starts its jobs in an order of its own");
    let cells = order.grid.cells_with(&args.cells)?;
    let of_cells = |run: &&Planned| cells.contains(&run.cell);
    let identities: Vec<_> = order.grid.runs.iter().filter(of_cells).map(|run| run.identity.clone()).collect();
    folder.to_front(&identities)?;
    say(suites::at_the_front(&folder.name(), identities.len()))?;
    Ok(ExitCode::SUCCESS)
}

/// Waits until nothing is left to do.
fn wait(folder: &Folder, runs: &Runs) -> Result<ExitCode> {
    let_signals_end_this();
    let mut told = String::new();
    loop {
        let order = folder.read()?.context("the suite's order is gone")?;
        let (standing, _) = standing(runs, folder, &order)?;
        let line = standing.line();
        if line != told {
            note(&line);
            told = line;
        }
        if !standing.queue {
            say(standing.told(&order))?;
            return Ok(match (standing.failed, standing.is_left()) {
                (0, false) => ExitCode::SUCCESS,
                (0, true) => STOPPED.into(),
                _ => ExitCode::FAILURE,
            });
        }
        std::thread::sleep(POLL);
    }
}
