//! The signals that end a command: what they are called, what they ask, and how they reach the first process of a container.
//!
//! There a signal without a handler does nothing, and when the process ends, the kernel kills all others: a worker too.

use std::process::ExitCode;

use anyhow::{Context as _, Result};
use fixmatch::run::change::Request;
use rustix::process::{Signal as Number, getpid, getppid};
use tokio::signal::unix::{Signal, SignalKind, signal};

/// A request to end this command.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ask {
    /// Ctrl-C.
    Interrupt,
    /// SIGTERM, as of `docker stop`, `kubectl delete` and `timeout`.
    Terminate,
    /// SIGHUP, where nothing goes on without this command.
    HangUp,
}

impl Ask {
    /// Whether [`Asks`] hears it, rather than that it ends the command at once.
    pub fn is_heard(self) -> bool {
        self != Self::HangUp || hears_hang_up()
    }

    /// What it asks of the worker.
    pub fn request(self) -> Request {
        match self {
            Self::Interrupt => Request::Stop,
            Self::Terminate | Self::HangUp => Request::Suspend,
        }
    }

    /// The signal by which a worker can be asked the same.
    pub fn signal(self) -> Number {
        match self {
            Self::Interrupt => Number::INT,
            Self::Terminate | Self::HangUp => Number::TERM,
        }
    }

    /// What the user is told.
    pub fn told(self) -> &'static str {
        match self {
            Self::Interrupt => "asked the worker to save and stop; Ctrl-C again leaves it to do so by itself",
            Self::Terminate => "SIGTERM: asked the worker to save and suspend; this command ends once that is done",
            Self::HangUp => "SIGHUP: asked the worker to save and suspend; this command ends once that is done",
        }
    }

    /// The exit code, as shells have it: 128 and the signal's number.
    pub fn code(self) -> ExitCode {
        let number = match self {
            Self::Interrupt => Number::INT,
            Self::Terminate => Number::TERM,
            Self::HangUp => Number::HUP,
        };
        ExitCode::from(128 + number.as_raw() as u8)
    }
}

/// Handlers of the signals that end a command.
pub struct Asks {
    interrupt: Signal,
    terminate: Signal,
    hang_up: Option<Signal>,
}

impl Asks {
    /// Listens from now on. Inside of a runtime.
    ///
    /// A hang-up is left to end the command at once, and the run to go on, except where the end of the command would be
    /// the end of the worker.
    pub fn new() -> Result<Self> {
        let on = |kind| signal(kind).context("cannot listen for signals");
        let hang_up = if hears_hang_up() { Some(on(SignalKind::hangup())?) } else { None };
        Ok(Self { interrupt: on(SignalKind::interrupt())?, terminate: on(SignalKind::terminate())?, hang_up })
    }

    /// The next one.
    pub async fn next(&mut self) -> Ask {
        let hang_up = async {
            match &mut self.hang_up {
                Some(signal) => signal.recv().await,
                None => std::future::pending().await,
            }
        };
        tokio::select! {
            _ = self.interrupt.recv() => Ask::Interrupt,
            _ = self.terminate.recv() => Ask::Terminate,
            _ = hang_up => Ask::HangUp,
        }
    }
}

/// Whether this is the first process of a container or of a system.
pub fn is_first_process() -> bool {
    getpid().is_init()
}

/// Whether the end of this process may be the end of all others: it is the first one, or the one that the first one (an
/// init of a container, a service manager) waits for.
pub fn takes_all_along() -> bool {
    is_first_process() || getppid().is_none_or(rustix::process::Pid::is_init)
}

/// Whether a hang-up would be the end of the worker too.
fn hears_hang_up() -> bool {
    takes_all_along() && !ignores_hang_up()
}

/// Whether SIGHUP is ignored, as under `nohup`.
fn ignores_hang_up() -> bool {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let mask = status.lines().find_map(|line| u64::from_str_radix(line.strip_prefix("SigIgn:")?.trim(), 16).ok());
    mask.is_some_and(|mask| mask & 1 << (Number::HUP.as_raw() - 1) != 0)
}

/// Lets signals end this command also where it is the first process of a container. For commands that only wait.
pub fn let_signals_end_this() {
    extern "C" fn end(number: libc::c_int) {
        // SAFETY: the one thing to be done here, and allowed in a handler.
        unsafe { libc::_exit(128 + number) }
    }
    if is_first_process() {
        for number in [libc::SIGINT, libc::SIGTERM, libc::SIGHUP] {
            // SAFETY: the handler does nothing but end the process.
            unsafe { libc::signal(number, end as *const () as libc::sighandler_t) };
        }
    }
}
