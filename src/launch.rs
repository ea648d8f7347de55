//! Starting a worker that outlives the terminal it was started from.

use std::fs::OpenOptions;
use std::os::unix::process::CommandExt as _;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

use anyhow::{Context, Result, bail};

use crate::run_dir::RunDir;

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

/// Starts a worker on a run, new or to be resumed, in a session of its own.
///
/// A hang-up of the terminal, Ctrl-C in it or the end of the calling program do not reach the worker. Its output goes
/// to `worker.log`.
pub fn launch(dir: &RunDir) -> Result<Child> {
    let program = worker_program()?;
    let path = dir.worker_log();
    let log = OpenOptions::new().append(true).create(true).open(&path);
    let log = log.with_context(|| format!("cannot open {}", path.display()))?;
    let mut command = Command::new(&program);
    command.arg("run").arg(dir.path()).stdin(Stdio::null()).stdout(log.try_clone()?).stderr(log);
    command.envs(ENVIRONMENT.into_iter().filter(|(name, _)| std::env::var_os(name).is_none()));
    // SAFETY: setsid is async-signal-safe and touches no memory of the parent.
    unsafe {
        command.pre_exec(|| rustix::process::setsid().map(|_| ()).map_err(Into::into));
    }
    command.spawn().with_context(|| format!("cannot start the worker {}", program.display()))
}

/// The worker's program: `$FIXMATCH_WORKER`, else beside this one.
fn worker_program() -> Result<PathBuf> {
    if let Some(path) = std::env::var_os("FIXMATCH_WORKER") {
        return Ok(path.into());
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
    let text = std::fs::read(path).map(|bytes| String::from_utf8_lossy(&bytes).into_owned()).unwrap_or_default();
    let lines: Vec<_> = text.lines().collect();
    lines[lines.len().saturating_sub(12)..].join("\n")
}
