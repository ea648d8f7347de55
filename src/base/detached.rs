//! Processes that outlive the terminal, the connection and the program that they were started from.
//!
//! A session of its own keeps hang-ups and Ctrl-C away. Where systemd ends all that a user leaves behind on logging out
//! (`KillUserProcesses`), a process has to be in a scope of the user's manager too: `scope = true` in the settings.

use std::os::unix::process::CommandExt as _;
use std::path::Path;
use std::process::Command;

use anyhow::{Context as _, Result, anyhow, bail};
use serde::Deserialize;

use crate::base::{dirs, files};

/// The program that puts another one into a scope.
const SYSTEMD_RUN: &str = "systemd-run";

/// The command in a session of its own and, where the settings ask for it, in a scope of the user's systemd. Its input
/// and output are for the caller to set.
///
/// # Errors
/// If a scope is wanted and cannot be had, or if the settings cannot be read.
pub fn of(command: Command) -> Result<Command> {
    let settings = dirs::config_file()?;
    let mut command = if is_scope_wanted(&settings)? { in_scope(&command, &settings)? } else { command };
    // SAFETY: setsid is async-signal-safe and touches no memory of the parent.
    unsafe {
        command.pre_exec(|| rustix::process::setsid().map(|_| ()).map_err(Into::into));
    }
    Ok(command)
}

/// Whether the settings ask for scopes.
pub fn is_scope_wanted(settings: &Path) -> Result<bool> {
    #[derive(Deserialize)]
    struct File {
        #[serde(default)]
        scope: bool,
    }
    match files::read_text(settings, files::MAX_TOML) {
        Ok(text) => toml::from_str::<File>(&text)
            .map(|file| file.scope)
            .map_err(|error| anyhow!("{}: {}", settings.display(), error.to_string().trim_end())),
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(false),
        Err(error) => Err(error).with_context(|| format!("cannot read {}", settings.display())),
    }
}

/// Whether a program is among those that a shell would find.
pub fn is_there(program: &str) -> bool {
    let path = std::env::var_os("PATH").unwrap_or_default();
    std::env::split_paths(&path).any(|folder| folder.join(program).is_file())
}

fn in_scope(command: &Command, settings: &Path) -> Result<Command> {
    if !is_there(SYSTEMD_RUN) {
        bail!("{} has scope = true, but there is no {SYSTEMD_RUN} here: set it to false", settings.display());
    }
    let mut scoped = Command::new(SYSTEMD_RUN);
    scoped
        .args(["--user", "--scope", "--quiet", "--collect", "--"])
        .arg(command.get_program())
        .args(command.get_args());
    for (name, value) in command.get_envs() {
        match value {
            Some(value) => scoped.env(name, value),
            None => scoped.env_remove(name),
        };
    }
    Ok(scoped)
}
