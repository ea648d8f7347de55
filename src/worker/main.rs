//! The worker: trains one run and writes down what happens. The only program that loads libtorch.
//!
//! ```text
//!   run directory ──► main thread (tokio): recorder ◄── events ──┐
//!                       ▲ signals, mailbox, heartbeat            │
//!                       └── commands ──► thread "trainer": session ► trainer ► tensors
//!                                                    ▲ batches
//!                                        threads "loader-N": decode and augment, plain Rust
//! ```

mod allocator;
mod bench;
mod device;
mod evaluate;
mod failure;
mod flat;
mod gpu;
mod host;
mod input;
mod kept;
mod libtorch;
mod logits;
mod loss;
mod model;
mod ops;
mod optim;
mod part;
mod passes;
mod policy;
mod predict;
mod rank;
mod recorder;
mod session;
mod trainer;
mod weights;

use std::fs::File;
use std::io::Write as _;
use std::os::fd::FromRawFd as _;
use std::os::unix::fs::FileTypeExt as _;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::PathBuf;
use std::process::ExitCode;
use std::thread;

use anyhow::{Context, Result};
use clap::{CommandFactory as _, Parser, Subcommand};
use fixmatch::base::manual;
use fixmatch::base::output::{note, say};
use fixmatch::examples;
use fixmatch::run::dir::RunDir;
use fixmatch::run::launch::OVERTAKEN;
use fixmatch::run::log::Follower;

use self::failure::Failure;
use self::recorder::{Overtaken, Recorder, TrainerEnds};

#[derive(Parser)]
#[command(version = fixmatch::VERSION, about = "Trains one fixmatch run; `fixmatch` starts it")]
#[command(name = "fixmatch-worker", bin_name = "fixmatch-worker")]
#[command(after_help = examples!("fixmatch-worker run RUN_DIRECTORY", "fixmatch-worker bench --model wrn --steps 5"))]
struct Arguments {
    #[command(subcommand)]
    task: Task,
}

#[derive(Subcommand)]
enum Task {
    /// Trains the run in a run directory, from its newest checkpoint if it has one
    #[command(after_help = examples!("fixmatch-worker run ~/.local/state/fixmatch/runs/20261123-180112-quickstart-s0"))]
    Run {
        /// The run directory
        dir: PathBuf,
        /// The bytes of the log that whoever starts this worker has read; it ends if there are others by now
        #[arg(long, value_name = "BYTES")]
        seen: Option<u64>,
    },
    /// Times the parts of a training step on random images of CIFAR-10's shape
    Bench(bench::Args),
    /// Prints the logits of a run's newest checkpoint for the first test images, as JSON
    Logits(logits::Args),
    /// Tells what images show, as `fixmatch predict` asks on standard input
    #[command(hide = true)]
    Predict(predict::Args),
    /// Prints the version of libtorch
    #[command(hide = true, after_help = examples!("fixmatch-worker libtorch"))]
    Libtorch,
    /// Writes the manual pages into a folder
    #[command(hide = true, after_help = examples!("fixmatch-worker man ~/.local/share/man/man1"))]
    Man { folder: PathBuf },
}

fn main() -> ExitCode {
    allocator::keep_memory();
    ignore_file_size_signal();
    let task = Arguments::parse().task;
    let mut launcher = matches!(task, Task::Run { .. }).then(launcher).flatten();
    let done = catch_unwind(AssertUnwindSafe(|| match task {
        Task::Run { dir, seen } => RunDir::open(&dir).and_then(|dir| run(&dir, seen)),
        Task::Bench(args) => bench::run(&args),
        Task::Logits(args) => logits::run(&args),
        Task::Predict(args) => predict::run(&args),
        Task::Libtorch => libtorch::version().and_then(say),
        Task::Man { folder } => manual::write_pages(Arguments::command(), &folder),
    }));
    match done.unwrap_or_else(|panic| Err(Failure::fault(&*panic))) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            // The last of worker.log, and for whoever started this worker even where that file takes nothing more.
            note(format_args!("error: {error:#}"));
            if let Some(launcher) = &mut launcher {
                let _ = write!(launcher, "{error:#}");
            }
            if error.is::<Overtaken>() { ExitCode::from(OVERTAKEN) } else { ExitCode::FAILURE }
        }
    }
}

/// A file that may not grow any further is then an error like a full disk, where else it would end the process.
fn ignore_file_size_signal() {
    // SAFETY: no handler is installed that could run.
    unsafe { libc::signal(libc::SIGXFSZ, libc::SIG_IGN) };
}

/// The pipe to whoever started this worker, if there is one in the place of stdout. What else is printed goes to stderr.
fn launcher() -> Option<File> {
    // SAFETY: asks for a new descriptor, which is this function's own.
    let pipe = unsafe {
        let copy = libc::fcntl(libc::STDOUT_FILENO, libc::F_DUPFD_CLOEXEC, 3);
        (copy >= 0).then(|| File::from_raw_fd(copy))?
    };
    let is_pipe = pipe.metadata().is_ok_and(|meta| meta.file_type().is_fifo());
    // SAFETY: both are open, and nothing has been printed yet.
    let is_freed = is_pipe && unsafe { libc::dup2(libc::STDERR_FILENO, libc::STDOUT_FILENO) } >= 0;
    is_freed.then_some(pipe)
}

/// Trains on a thread of its own while this one records.
fn run(dir: &RunDir, seen: Option<u64>) -> Result<()> {
    // Before the lock, which may take a while: another worker that comes first is noticed by what it writes.
    let n_seen = match seen {
        Some(seen) => seen,
        None => n_whole_lines(dir)?,
    };
    let _lock = dir.lock()?;
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    let (mut recorder, ends) = {
        let _inside = runtime.enter();
        Recorder::open(dir, n_seen)?
    };
    let trainer = thread::Builder::new().name("trainer".into());
    let for_trainer = dir.clone();
    let trainer = trainer.spawn(move || train(&for_trainer, ends)).context("cannot start the trainer's thread")?;
    let recorded = catch_unwind(AssertUnwindSafe(|| runtime.block_on(recorder.record())));
    let recorded = recorded.unwrap_or_else(|panic| Err(Failure::fault(&*panic)));
    if let Err(error) = &recorded {
        note(format_args!("the worker ends, once its step is done: {error:#}"));
    }
    // libtorch must not be taken down under the trainer's feet.
    recorder.hang_up();
    let trained = trainer.join().map_err(|panic| Failure::fault(&*panic));
    let ended = recorded.and(trained);
    if let Err(error) = &ended {
        recorder.last_words(error);
    }
    ended
}

/// The bytes of the log in whole lines.
fn n_whole_lines(dir: &RunDir) -> Result<u64> {
    let mut log = Follower::new(dir.events());
    log.read_new_lines()?;
    Ok(log.n_bytes())
}

/// Whatever goes wrong here becomes the run's last event.
fn train(dir: &RunDir, TrainerEnds { reporter, commands }: TrainerEnds) {
    let trained = catch_unwind(AssertUnwindSafe(|| session::train(dir, &reporter, commands)));
    let error = match trained {
        Ok(Ok(())) => return,
        Ok(Err(error)) => error,
        Err(panic) => Failure::fault(&*panic),
    };
    reporter.failed(&error);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_command_has_examples_that_it_takes() {
        for command in manual::tree(Arguments::command()) {
            let name = command.get_bin_name().unwrap_or(command.get_name()).to_owned();
            let examples = manual::examples_of(&command);
            assert!(!examples.is_empty(), "`{name} --help` has no example");
            for example in examples {
                assert!(example.starts_with(&name), "{example:?} is none of {name}");
                let parsed = Arguments::try_parse_from(example.split_whitespace());
                assert!(parsed.is_ok(), "{example}: {}", parsed.err().expect("an error"));
            }
        }
    }
}
