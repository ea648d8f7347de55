//! The signals that a worker follows, each as the request that it stands for.

use anyhow::{Context, Result};
use fixmatch::run::change::Request;
use tokio::signal::unix::{Signal, SignalKind, signal};

/// Handlers of signals.
#[derive(Debug)]
pub struct Signals {
    terminate: Signal,
    interrupt: Signal,
    user: Signal,
}

impl Signals {
    /// Listens from now on. Inside of a runtime.
    pub fn new() -> Result<Self> {
        let on = |kind| signal(kind).context("cannot listen for signals");
        Ok(Self {
            terminate: on(SignalKind::terminate())?,
            interrupt: on(SignalKind::interrupt())?,
            user: on(SignalKind::user_defined1())?,
        })
    }

    /// SIGTERM suspends, as when a machine shuts down; SIGINT stops; SIGUSR1 saves, as before a time limit.
    pub async fn next(&mut self) -> Request {
        tokio::select! {
            _ = self.terminate.recv() => Request::Suspend,
            _ = self.interrupt.recv() => Request::Stop,
            _ = self.user.recv() => Request::Checkpoint,
        }
    }
}
