//! This machine and who is at it, as the system says it; and the time.

use std::fs;
use std::path::Path;
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

/// What this process may use: the machine's memory or, in a container or a job, the least that its control groups allow.
pub fn available_bytes() -> Option<u64> {
    let installed = fs::read_to_string("/proc/meminfo").ok().and_then(|text| installed(&text));
    let groups = fs::read_to_string("/proc/self/cgroup").unwrap_or_default();
    let allowed = allowed(Path::new("/sys/fs/cgroup"), &groups);
    installed.into_iter().chain(allowed).min()
}

fn installed(meminfo: &str) -> Option<u64> {
    let of_line = |line: &str| line.strip_prefix("MemTotal:")?.split_whitespace().next()?.parse::<u64>().ok();
    meminfo.lines().find_map(of_line)?.checked_mul(1024)
}

/// The least that a control group (version 2) of this process or one around it allows, in the folder of all groups.
fn allowed(root: &Path, groups: &str) -> Option<u64> {
    let path = groups.lines().find_map(|line| line.strip_prefix("0::/"))?;
    let limit = |group: &Path| fs::read_to_string(group.join("memory.max")).ok()?.trim().parse::<u64>().ok();
    let group = root.join(path);
    group.ancestors().take_while(|group| group.starts_with(root)).filter_map(limit).min()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_least_that_a_control_group_around_the_process_allows_counts() {
        let root = tempfile::tempdir().expect("a folder");
        let job = root.path().join("slurm/job_7/step_0");
        fs::create_dir_all(&job).expect("folders");
        let write =
            |group: &str, text: &str| fs::write(root.path().join(group).join("memory.max"), text).expect("a file");
        write("slurm", "max\n");
        write("slurm/job_7", "2000000\n");
        write("slurm/job_7/step_0", "3000000\n");
        assert_eq!(allowed(root.path(), "1:name=x:/\n0::/slurm/job_7/step_0\n"), Some(2_000_000));
        assert_eq!(allowed(root.path(), "0::/slurm\n"), None);
        assert_eq!(allowed(root.path(), ""), None);
        assert_eq!(installed("MemFree: 3 kB\nMemTotal:       24 kB\n"), Some(24 * 1024));
    }
}
