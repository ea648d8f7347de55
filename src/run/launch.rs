//! Starting a worker that outlives the terminal it was started from.

use std::fs::OpenOptions;
use std::io::{self, PipeReader, Read as _, Seek as _, SeekFrom};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};

use anyhow::{Context, Result, bail, ensure};

use crate::base::dirs::expand_home;
use crate::base::{detached, files};
use crate::machine::processor::Level;
use crate::notify;
use crate::run::checkpoint;
use crate::run::dir::RunDir;

/// The exit code of a worker that another one came before.
pub const OVERTAKEN: u8 = 75;

/// The end of `worker.log` that is looked at.
const TAIL_BYTES: u64 = 64 << 10;

/// Lines of it that are shown.
const TAIL_LINES: usize = 12;

/// What a worker writes at least: events, records, a new number in `run.toml`.
const ROOM: u64 = 1 << 20;

/// A worker that this process has started. It goes on when this is dropped.
#[derive(Debug)]
pub struct Worker {
    child: Child,
    words: PipeReader,
}

impl Worker {
    /// Its process.
    pub fn id(&self) -> u32 {
        self.child.id()
    }

    /// How it ended, if it has.
    pub fn try_wait(&mut self) -> io::Result<Option<ExitStatus>> {
        self.child.try_wait()
    }

    /// Waits until it ends.
    pub fn wait(&mut self) -> io::Result<ExitStatus> {
        self.child.wait()
    }

    /// Why it ended, as it told its launcher, which it can on a full disk too. Once it has ended.
    pub fn last_words(&mut self) -> Option<String> {
        let mut words = Vec::new();
        let _ = self.words.by_ref().take(TAIL_BYTES).read_to_end(&mut words); // what is there: it does not wait
        Some(String::from_utf8_lossy(&words).trim().to_owned()).filter(|words| !words.is_empty())
    }
}

/// What a worker's environment holds unless the user's own does; read before its `main`, so the launcher sets it.
const ENVIRONMENT: [(&str, &str); 3] = [
    // `cuda:N` counts as the driver's own tools do, by PCI address.
    ("CUDA_DEVICE_ORDER", "PCI_BUS_ID"),
    // Large pages for the worker's heap: a tenth off the small network's step on a CPU.
    ("GLIBC_TUNABLES", "glibc.malloc.hugetlb=1"),
    // How long libtorch's threads spin while they wait for each other. As it comes, libgomp spins for milliseconds:
    // on a machine that is busy with something else, a thread then burns its whole time slice waiting for one that
    // cannot run. Measured on two cores beside two compilers: three to four times as fast with this; alone, no change.
    ("GOMP_SPINCOUNT", "2000"),
];

/// Starts a worker on a run, new or to be resumed, in a session of its own. `n_seen` is how many bytes of the log, in whole
/// lines, the decision to start it goes by, where that is known: it ends if another worker has written more by then.
///
/// A hang-up of the terminal, Ctrl-C in it or the end of the calling program do not reach the worker. What it prints goes
/// to `worker.log`, the reason of its end also to [`Worker::last_words`].
pub fn launch(dir: &RunDir, n_seen: Option<u64>) -> Result<Worker> {
    check_room(dir)?;
    if let Some(runs) = dir.path().parent() {
        notify::wake(runs);
    }
    let mut command = worker_command()?;
    let path = dir.worker_log();
    let log = files::open_as(&path, OpenOptions::new().append(true).create(true).read(true));
    let log = log.with_context(|| format!("cannot open {}", path.display()))?;
    let (words, pipe) = io::pipe().context("cannot make a pipe to the worker")?;
    rustix::io::ioctl_fionbio(&words, true).context("cannot make a pipe to the worker")?;
    command.arg("run").arg(dir.path()).args(n_seen.map(|n_seen| format!("--seen={n_seen}")));
    let mut command = detached::of(command)?;
    command.stdin(Stdio::null()).stdout(pipe).stderr(log);
    let child =
        command.spawn().with_context(|| format!("cannot start the worker {}", command.get_program().display()))?;
    Ok(Worker { child, words })
}

/// Says before a run is made what would keep its worker from being started: no program, settings that cannot be read, a
/// scope that cannot be had.
pub fn check() -> Result<()> {
    detached::of(worker_command()?).map(drop)
}

/// The worker's program with what its environment has to hold, without arguments.
///
/// # Errors
/// If there is no worker, or it is to use instructions that the processor lacks, of which it would only fail.
pub fn worker_command() -> Result<Command> {
    Level::wanted()?;
    let mut command = Command::new(worker_program()?);
    command.envs(ENVIRONMENT.into_iter().filter(|(name, _)| std::env::var_os(name).is_none()));
    Ok(command)
}

/// Refuses to start a worker where there is no room for the next checkpoint.
fn check_room(dir: &RunDir) -> Result<()> {
    let newest = checkpoint::list(&dir.checkpoints()).ok().and_then(|mut all| all.pop());
    let n_bytes = newest.and_then(|(_, path)| path.metadata().ok()).map_or(0, |meta| meta.len());
    let needed = n_bytes.saturating_add(ROOM);
    let free = dir.free_bytes().unwrap_or(u64::MAX);
    ensure!(
        free >= needed,
        "no room to train: {} KB are free where {} is, and the next checkpoint takes {} KB; free some space first",
        free / 1000,
        dir.path().display(),
        needed / 1000,
    );
    Ok(())
}

/// The worker's program: `$FIXMATCH_WORKER`, else beside this one.
fn worker_program() -> Result<PathBuf> {
    if let Some(path) = std::env::var_os("FIXMATCH_WORKER") {
        let path = expand_home(Path::new(&path)).context("in $FIXMATCH_WORKER")?;
        ensure!(path.is_file(), "there is no worker at {}, which $FIXMATCH_WORKER names", path.display());
        return Ok(path);
    }
    let this = std::env::current_exe().context("cannot tell where this program is")?;
    let beside = this.with_file_name("fixmatch-worker");
    if beside.is_file() {
        return Ok(beside);
    }
    bail!(
        "there is no worker at {}: build it with `cargo build` after `make setup`, or say where it is in $FIXMATCH_WORKER",
        beside.display()
    )
}

/// The end of the worker's output, for when it ended without a word in the event log.
pub fn log_tail(path: &Path) -> String {
    let read = || -> io::Result<Vec<u8>> {
        let mut file = files::open(path)?;
        let length = file.metadata()?.len();
        file.seek(SeekFrom::Start(length.saturating_sub(TAIL_BYTES)))?;
        let mut tail = Vec::new();
        file.take(TAIL_BYTES).read_to_end(&mut tail)?;
        Ok(tail)
    };
    let text = read().map(|bytes| String::from_utf8_lossy(&bytes).into_owned()).unwrap_or_default();
    let lines: Vec<_> = text.lines().collect();
    lines[lines.len().saturating_sub(TAIL_LINES)..].join("\n")
}
