//! The folders that fixmatch writes to: room, locks, clock, and who else may look.

use std::fs::{self, File, OpenOptions, TryLockError};
use std::io::{self, Write as _};
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

use fixmatch::base::dirs;
use rustix::fs::{StatVfs, statfs, statvfs};

use super::Finding;
use crate::words::numbers::{bytes, grouped};

/// Less than this is no room for a run.
const TOO_LITTLE: u64 = 100 << 20;

/// Less than this may be none for the next run.
const LITTLE: u64 = 2 << 30;

const FEW_FILES: u64 = 1000;

/// How far the file system's clock may be off.
const SKEW: Duration = Duration::from_secs(2);

pub fn look(runs: &Path) -> Vec<Finding> {
    let mut found = Vec::new();
    let folders = [
        ("runs", Ok(runs.to_owned())),
        ("data", dirs::data_dir()),
        ("cache", dirs::cache_dir()),
        ("state", dirs::state_dir()),
    ];
    for (area, folder) in folders {
        match folder {
            Ok(folder) => found.push(room(area, &folder)),
            Err(error) => found.push(Finding::problem(area, format!("{error:#}"), "see `fixmatch --help`")),
        }
    }
    found.extend(within(runs));
    found.extend(seen_by_others("runs", runs));
    if let Ok(state) = dirs::state_dir() {
        found.extend(seen_by_others("state", &state));
    }
    found
}

/// The folder, or the one around it that is there.
fn existing(folder: &Path) -> PathBuf {
    let absolute = std::path::absolute(folder).unwrap_or_else(|_| folder.to_owned());
    absolute.ancestors().find(|it| it.exists()).unwrap_or(Path::new("/")).to_owned()
}

fn room(area: &'static str, folder: &Path) -> Finding {
    let shown = folder.display();
    match statvfs(existing(folder)) {
        Ok(disk) => judged(area, &shown.to_string(), &disk),
        Err(error) => Finding::problem(area, format!("{shown} cannot be looked at: {error}"), "choose another folder"),
    }
}

fn judged(area: &'static str, shown: &str, disk: &StatVfs) -> Finding {
    let free = disk.f_bavail.saturating_mul(disk.f_frsize);
    let what = format!("{shown}: {} free", bytes(free));
    let mend = "remove runs (`fixmatch trash`), `fixmatch data clear`, or choose a folder on another disk";
    if free < TOO_LITTLE {
        return Finding::problem(area, what, mend);
    }
    // some file systems count no files
    if disk.f_files > 0 && disk.f_favail < FEW_FILES {
        return Finding::problem(area, format!("{what}, but room for {} files only", grouped(disk.f_favail)), mend);
    }
    if free < LITTLE { Finding::warning(area, what, mend) } else { Finding::ok(area, what) }
}

/// What only shows when something is written: permissions, locks, the clock.
fn within(runs: &Path) -> Vec<Finding> {
    let folder = existing(runs);
    let probe = tempfile::Builder::new().prefix(".doctor").tempfile_in(&folder);
    let probe = match probe {
        Ok(probe) => probe,
        Err(error) => {
            let what = format!("nothing can be written to {}: {error}", folder.display());
            return vec![Finding::problem("runs", what, "choose another folder with FIXMATCH_RUNS")];
        }
    };
    vec![locks(&folder, probe.path()), clock(probe.as_file())]
}

fn locks(folder: &Path, path: &Path) -> Finding {
    const AREA: &str = "locks";
    const MEND: &str = "keep the folder of runs on a local disk, with FIXMATCH_RUNS";
    let kind = kind_of(folder);
    let where_ = kind.map_or_else(String::new, |kind| format!(" ({kind})"));
    let is_kept = || -> io::Result<bool> {
        // for writing, as a worker opens its own: NFS has no exclusive locks on others
        let open = || OpenOptions::new().read(true).write(true).open(path);
        let (one, other) = (open()?, open()?);
        one.lock()?;
        Ok(matches!(other.try_lock(), Err(TryLockError::WouldBlock)))
    };
    match is_kept() {
        Ok(true) if matches!(kind, Some("NFS" | "SMB" | "FUSE")) => Finding::warning(
            AREA,
            format!(
                "the runs are on a file system of a network or a program{where_}: locks may not hold between machines"
            ),
            format!("do not train one run from two machines, or {MEND}"),
        ),
        Ok(true) if kind == Some("tmpfs") => Finding::warning(
            "runs",
            "the runs are in memory (tmpfs): they are gone after a reboot",
            "choose a folder on a disk",
        ),
        Ok(true) => Finding::ok(AREA, format!("locks hold where the runs are{where_}")),
        Ok(false) => Finding::problem(
            AREA,
            format!("locks do not hold where the runs are{where_}: two workers could train one run"),
            MEND,
        ),
        Err(error) => Finding::problem(AREA, format!("there are no locks where the runs are{where_}: {error}"), MEND),
    }
}

/// The kind of a file system, where it matters.
fn kind_of(folder: &Path) -> Option<&'static str> {
    Some(match statfs(folder).ok()?.f_type as u32 {
        0x6969 => "NFS",
        0x517b | 0xff53_4d42 | 0xfe53_4d42 => "SMB",
        0x6573_5546 => "FUSE",
        0x0bd0_0bd0 => "Lustre",
        0x4750_4653 => "GPFS",
        0x0102_1994 => "tmpfs",
        _ => return None,
    })
}

/// Heartbeats are as old as the file system says.
fn clock(mut file: &File) -> Finding {
    const AREA: &str = "clock";
    let now = SystemTime::now();
    let written = file.write_all(b"x").and_then(|()| file.metadata()?.modified());
    let Ok(written) = written else {
        return Finding::warning(
            AREA,
            "the file system of the runs tells no times",
            "choose another folder for the runs",
        );
    };
    let apart = written.duration_since(now).or_else(|_| now.duration_since(written)).unwrap_or_default();
    let year = jiff::ZonedDateTime::now().year();
    if year < 2025 {
        return Finding::problem(AREA, format!("this machine takes the year for {year}"), "set its clock");
    }
    if apart > SKEW {
        let what = format!("the clock of the runs' file system is {} s off this machine's", apart.as_secs());
        return Finding::warning(AREA, what, "set both by NTP; a worker may be taken for one that does not respond");
    }
    Finding::ok(AREA, "this machine and the file system of the runs have the same time")
}

fn seen_by_others(area: &'static str, folder: &Path) -> Option<Finding> {
    let mode = fs::metadata(folder).ok()?.permissions().mode();
    let shown = folder.display();
    (mode & 0o022 != 0 && mode & 0o1000 == 0)
        .then(|| Finding::problem(area, format!("others can write into {shown}"), format!("chmod go-w {shown}")))
}

#[cfg(test)]
mod tests {
    use super::super::Verdict;
    use super::*;

    #[test]
    fn little_room_is_a_warning_and_no_room_for_bytes_or_files_a_problem() {
        let mut disk = statvfs("/").expect("a disk");
        (disk.f_frsize, disk.f_files) = (1 << 20, 1_000_000);
        for (megabytes, files, expected) in [
            (5000, 50_000, Verdict::Ok),
            (1000, 50_000, Verdict::Warning),
            (50, 50_000, Verdict::Problem),
            (5000, 10, Verdict::Problem),
        ] {
            (disk.f_bavail, disk.f_favail) = (megabytes, files);
            assert_eq!(judged("runs", "/x", &disk).verdict, expected, "{megabytes} MB, {files} files");
        }
        (disk.f_files, disk.f_favail, disk.f_bavail) = (0, 0, 5000);
        assert_eq!(judged("runs", "/x", &disk).verdict, Verdict::Ok, "a file system that counts no files");
    }

    #[test]
    fn a_folder_that_is_there_has_locks_and_the_right_time() {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let found = within(&folder.path().join("not/yet/there"));
        assert!(found.iter().all(|it| it.verdict != Verdict::Problem), "{found:?}");
        assert_eq!(fs::read_dir(folder.path()).expect("lists").count(), 0, "the probe is removed");
        fs::set_permissions(folder.path(), fs::Permissions::from_mode(0o777)).expect("set");
        assert_eq!(seen_by_others("runs", folder.path()).map(|it| it.verdict), Some(Verdict::Problem));
    }
}
