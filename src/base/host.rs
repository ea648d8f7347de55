//! This machine and who is at it, as the system says it; and the time.

use std::fs;
use std::time::SystemTime;

/// user@host, for the log.
pub fn user_at_host() -> String {
    let user = std::env::var("USER").or_else(|_| std::env::var("LOGNAME")).unwrap_or_else(|_| {
        let users = fs::read_to_string("/etc/passwd").unwrap_or_default();
        let id = rustix::process::getuid().as_raw();
        user_name(id, &users).unwrap_or_else(|| id.to_string())
    });
    format!("{user}@{}", host())
}

/// A user's name by their number, in the words of `/etc/passwd`.
pub fn user_name(id: u32, passwd: &str) -> Option<String> {
    passwd.lines().find_map(|line| {
        let mut fields = line.split(':');
        let name = fields.next()?;
        (fields.nth(1)? == id.to_string()).then(|| name.to_owned())
    })
}

/// This machine's name.
pub fn host() -> String {
    rustix::system::uname().nodename().to_string_lossy().into_owned()
}

/// Seconds since 1970, UTC.
pub fn now() -> f64 {
    SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default().as_secs_f64()
}
