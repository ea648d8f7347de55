//! Telling people what became of their runs: webhooks and mail, as `[notify]` of the settings has them.
//!
//! A process of its own sends, the messenger: no run waits for a server, and a worker that was killed needs no last
//! words. Whoever starts a worker wakes it ([`wake`]); it ends once nothing is left to watch.

use std::fs::OpenOptions;
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::thread;

use anyhow::{Context as _, Result};

use crate::base::hex::sha256_hex;
use crate::base::{detached, dirs, files, host};

pub mod courier;
pub mod journal;
pub mod message;
pub mod settings;

use self::settings::Notify;

/// Where the messenger of a folder of runs keeps its lock and its journal.
#[derive(Clone, Debug)]
pub struct Place {
    folder: PathBuf,
    stem: String,
}

impl Place {
    /// Of a folder of runs.
    pub fn of(runs: &Path) -> Result<Self> {
        let runs = std::path::absolute(runs)?;
        let digest = sha256_hex(runs.as_os_str().as_encoded_bytes());
        Ok(Self { folder: dirs::state_dir()?.join("notify"), stem: digest[..12].to_owned() })
    }

    /// Makes the folder, for its owner alone: addresses may be secrets.
    pub fn make(&self) -> Result<()> {
        use std::os::unix::fs::DirBuilderExt as _;
        let make = std::fs::DirBuilder::new().recursive(true).mode(0o700).create(&self.folder);
        make.with_context(|| format!("cannot make the folder {}", self.folder.display()))
    }

    /// Held by the messenger.
    pub fn lock(&self) -> PathBuf {
        self.folder.join(format!("{}.lock", self.stem))
    }

    /// What was sent.
    pub fn journal(&self) -> PathBuf {
        self.folder.join(format!("{}.jsonl", self.stem))
    }

    /// What the messenger says.
    pub fn log(&self) -> PathBuf {
        self.folder.join(format!("{}.log", self.stem))
    }
}

/// Starts the messenger of a folder of runs, where somebody is to be told; a second one ends by itself. Whatever goes
/// wrong is said in its log: no run waits for it, and none fails of it.
pub fn wake(runs: &Path) {
    if std::env::var_os("SLURM_JOB_ID").is_some() {
        return; // it would end with the job, and may not reach the network: the one where the suite was started sends
    }
    let _ = try_to_wake(runs);
}

fn try_to_wake(runs: &Path) -> Result<()> {
    let is_wanted = Notify::read(&dirs::config_file()?).map_or(true, |notify| !notify.receivers().is_empty());
    let program = std::env::current_exe()?.with_file_name("fixmatch");
    if !is_wanted || !program.is_file() {
        return Ok(());
    }
    let place = Place::of(runs)?;
    place.make()?;
    let log = files::open_as(&place.log(), OpenOptions::new().append(true).create(true).mode(0o600))?;
    let mut command = Command::new(program);
    command.arg("--runs").arg(std::path::absolute(runs)?);
    command.args(["notify", "work", "--since", &format!("{:.3}", host::now())]);
    let mut command = detached::of(command)?;
    command.stdin(Stdio::null()).stdout(log.try_clone()?).stderr(log);
    let mut child = command.spawn()?;
    thread::spawn(move || child.wait()); // nothing is left of it while this process lasts
    Ok(())
}
