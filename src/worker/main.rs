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
mod fused;
mod input;
mod kept;
mod logits;
mod loss;
mod model;
mod optim;
mod rank;
mod recorder;
mod session;
mod trainer;
mod weights;

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::PathBuf;
use std::process::ExitCode;
use std::thread;

use anyhow::{Context, Result, anyhow};
use clap::{Parser, Subcommand};
use fixmatch::output::note;
use fixmatch::run_dir::RunDir;

use self::recorder::{Recorder, TrainerEnds};

/// The libtorch that this program is built against.
const LIBTORCH_VERSION: &str = "2.13.0";

#[derive(Parser)]
#[command(version = fixmatch::VERSION, about = "Trains one fixmatch run; `fixmatch` starts it")]
struct Arguments {
    #[command(subcommand)]
    task: Task,
}

#[derive(Subcommand)]
enum Task {
    /// Trains the run in a run directory, from its newest checkpoint if it has one
    Run {
        /// The run directory
        dir: PathBuf,
    },
    /// Times the parts of a training step on random images of CIFAR-10's shape
    Bench(bench::Args),
    /// Prints the logits of a run's newest checkpoint for the first test images, as JSON
    Logits(logits::Args),
}

fn main() -> ExitCode {
    allocator::keep_memory();
    let done = match Arguments::parse().task {
        Task::Run { dir } => RunDir::open(&dir).and_then(|dir| run(&dir)),
        Task::Bench(args) => bench::run(&args),
        Task::Logits(args) => logits::run(&args),
    };
    match done {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            // One line, the last of worker.log: whoever started the worker shows it.
            note(format_args!("error: {error:#}"));
            ExitCode::FAILURE
        }
    }
}

/// Trains on a thread of its own while this one records.
fn run(dir: &RunDir) -> Result<()> {
    let _lock = dir.lock()?;
    let (recorder, ends) = Recorder::open(dir)?;
    let trainer = thread::Builder::new().name("trainer".into());
    let for_trainer = dir.clone();
    let trainer = trainer.spawn(move || train(&for_trainer, ends)).context("cannot start the trainer's thread")?;
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    runtime.block_on(recorder.record())?;
    trainer.join().map_err(|_| anyhow!("the trainer's thread panicked"))
}

/// Whatever goes wrong here becomes the run's last event.
fn train(dir: &RunDir, TrainerEnds { reporter, commands }: TrainerEnds) {
    let trained = catch_unwind(AssertUnwindSafe(|| session::train(dir, &reporter, commands)));
    let error = match trained {
        Ok(Ok(())) => return,
        Ok(Err(error)) => error,
        Err(panic) => {
            let text = panic.downcast_ref::<String>().cloned();
            let text = text.or_else(|| panic.downcast_ref::<&str>().map(|&text| text.to_owned()));
            anyhow!("a fault in the worker: {}; see worker.log", text.unwrap_or_default())
        }
    };
    reporter.failed(format!("{error:#}"));
}
