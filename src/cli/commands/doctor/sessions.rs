//! What happens to runs when their user logs out.

use std::path::Path;
use std::process::Command;

use fixmatch::base::{detached, dirs, host};

use super::Finding;

const AREA: &str = "logging out";

/// What decides it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Sessions {
    /// Whether systemd runs this machine.
    is_systemd: bool,
    /// Whether logind ends all that a session leaves behind; None where it does not say.
    kills: Option<bool>,
    /// Whether the user's own manager goes on without a session.
    lingers: bool,
    /// Whether workers are started in scopes of that manager.
    is_scoped: bool,
}

pub fn look() -> Vec<Finding> {
    let is_systemd = Path::new("/run/systemd/system").exists();
    let user = host::user_at_host();
    let user = user.split('@').next().unwrap_or_default().to_owned();
    let settings = dirs::config_file();
    let is_scoped = settings.and_then(|path| detached::is_scope_wanted(&path)).unwrap_or(false);
    let sessions = Sessions {
        is_systemd,
        kills: is_systemd.then(kills).flatten(),
        lingers: Path::new("/var/lib/systemd/linger").join(&user).exists(),
        is_scoped,
    };
    let mut found = vec![judged(sessions)];
    if is_scoped && !detached::is_there("systemd-run") {
        found.push(Finding::problem(
            AREA,
            "the settings have scope = true, but there is no systemd-run here: no worker starts",
            "set scope = false in config.toml",
        ));
    }
    found
}

/// What logind does, in its own words.
fn kills() -> Option<bool> {
    let mut command = Command::new("busctl");
    command.args(["get-property", "org.freedesktop.login1", "/org/freedesktop/login1"]);
    command.args(["org.freedesktop.login1.Manager", "KillUserProcesses"]);
    let said = command.output().ok()?;
    match String::from_utf8_lossy(&said.stdout).trim() {
        "b true" => Some(true),
        "b false" => Some(false),
        _ => None,
    }
}

fn judged(Sessions { is_systemd, kills, lingers, is_scoped }: Sessions) -> Finding {
    const LINGER: &str = "loginctl enable-linger";
    match (is_systemd, kills) {
        (false, _) => Finding::ok(AREA, "there is no systemd here: nothing ends what you leave behind"),
        (true, Some(false)) => Finding::ok(AREA, "systemd-logind leaves alone what you leave behind"),
        (true, _) if lingers && is_scoped => {
            Finding::ok(AREA, "workers are in scopes of your own systemd, which lingers")
        }
        (true, Some(true)) => {
            let mend = match (is_scoped, lingers) {
                (false, true) => "put `scope = true` into config.toml".to_owned(),
                (true, false) => format!("`{LINGER}`"),
                _ => format!("`{LINGER}`, and `scope = true` in config.toml"),
            };
            Finding::problem(AREA, "systemd-logind ends all runs when you log out (KillUserProcesses=yes)", mend)
        }
        (true, None) => Finding::warning(
            AREA,
            "systemd-logind does not say whether it ends runs when you log out (KillUserProcesses)",
            format!("to be safe, `{LINGER}`, and `scope = true` in config.toml"),
        ),
    }
}

#[cfg(test)]
mod tests {
    use super::super::Verdict;
    use super::*;

    #[test]
    fn only_lingering_and_scopes_together_survive_a_logind_that_kills() {
        let of = |is_systemd, kills, lingers, is_scoped| {
            let found = judged(Sessions { is_systemd, kills, lingers, is_scoped });
            (found.verdict, found.mend.unwrap_or_default())
        };
        for (lingers, is_scoped, mend) in [
            (false, false, "`loginctl enable-linger`, and `scope = true` in config.toml"),
            (true, false, "put `scope = true` into config.toml"),
            (false, true, "`loginctl enable-linger`"),
        ] {
            assert_eq!(of(true, Some(true), lingers, is_scoped), (Verdict::Problem, mend.to_owned()));
            assert_eq!(of(true, None, lingers, is_scoped).0, Verdict::Warning);
            assert_eq!(of(true, Some(false), lingers, is_scoped).0, Verdict::Ok);
            assert_eq!(of(false, None, lingers, is_scoped).0, Verdict::Ok);
        }
        assert_eq!(of(true, Some(true), true, true).0, Verdict::Ok);
    }
}
