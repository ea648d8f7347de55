//! Files that are written aside and then put in their place, whole.
//!
//! Where the file system can, a file has no name until it is whole: a kill while it is written leaves nothing behind. A kill
//! between its two names does. So whoever writes a file holds it by `flock`, and there what nobody holds is removed by the
//! next who writes the same file.

use std::fs::{self, File, Permissions, TryLockError};
use std::io::{self, Write as _};
use std::os::fd::AsRawFd as _;
use std::os::unix::fs::{MetadataExt as _, PermissionsExt as _};
use std::path::Path;

use anyhow::{Context as _, Result};
use rustix::fs::{AtFlags, CWD};
use tempfile::NamedTempFile;

use super::files;

/// How the name of a file ends that is to be renamed.
const ASIDE: &str = ".fixmatch.tmp";

/// The bytes that such a name takes from that of the file it is for. No name may have more than 255.
const MAX_BYTES: usize = 200;

/// Writes a file aside, syncs it and renames it into place, so that a reader sees the old or the new one, whole. Who may
/// read it is for the user's umask to say.
pub fn replace_file(path: &Path, content: &[u8]) -> Result<()> {
    let write = || -> io::Result<()> {
        let (folder, beginning) = (folder_of(path), beginning(path));
        let fill = |mut file: &File| file.write_all(content).and_then(|()| file.sync_all());
        let linked = match files::nameless(folder) {
            Ok(file) => {
                fill(&file)?;
                let _ = file.try_lock(); // where there are no locks, nobody removes it either
                let linked = names(&beginning).make_in(folder, |aside| link(&file, aside)).ok();
                linked.map(|aside| NamedTempFile::from_parts(file, aside.into_temp_path()))
            }
            Err(_) => None,
        };
        let aside = if let Some(aside) = linked {
            // other file systems, such as NFS, may have locks that hold on one machine only
            remove_abandoned(folder, |name| name.starts_with(&beginning) && name.ends_with(ASIDE));
            aside
        } else {
            let aside = beside(path)?;
            fill(aside.as_file())?;
            aside
        };
        aside.persist(path)?;
        File::open(folder)?.sync_all()
    };
    write().with_context(|| format!("cannot write {}", path.display()))
}

/// A new file beside the one that it is to become, held by whoever writes it.
///
/// # Errors
/// If the folder takes no file.
pub fn beside(path: &Path) -> io::Result<NamedTempFile> {
    loop {
        let anyone = Permissions::from_mode(files::ANYONE);
        let aside = names(&beginning(path)).permissions(anyone).tempfile_in(folder_of(path))?;
        let is_taken = matches!(aside.as_file().try_lock(), Err(TryLockError::WouldBlock));
        if !is_taken && aside.as_file().metadata()?.nlink() > 0 {
            return Ok(aside);
        } // else somebody was faster than the lock, and removes it
    }
}

/// Removes what was left in a folder by whoever was killed while writing a file there.
pub fn remove_leftovers(folder: &Path) {
    remove_abandoned(folder, |name| {
        let of_earlier_versions = |random: &str| random.len() == 6 && random.bytes().all(|b| b.is_ascii_alphanumeric());
        let middle = name.strip_prefix('.').and_then(|rest| rest.strip_suffix(".tmp"));
        middle.is_some_and(|it| it.ends_with(".fixmatch") || of_earlier_versions(it)) || name.ends_with(".images-aside")
    });
}

/// Removes the files of such names that nobody holds.
fn remove_abandoned(folder: &Path, is_aside: impl Fn(&str) -> bool) {
    for entry in fs::read_dir(folder).into_iter().flatten().flatten() {
        let is_one = entry.file_name().to_str().is_some_and(&is_aside);
        let file = is_one.then(|| files::open_no_link(&entry.path()).ok()).flatten();
        if file.as_ref().is_some_and(|file| file.try_lock().is_ok()) {
            let _ = fs::remove_file(entry.path()); // a matter of room, no more
        }
    }
}

fn folder_of(path: &Path) -> &Path {
    path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."))
}

/// How the names of files begin that are to become this one.
fn beginning(path: &Path) -> String {
    let name = path.file_name().unwrap_or_default().to_string_lossy();
    format!(".{}.", &name[..name.floor_char_boundary(MAX_BYTES)])
}

fn names(beginning: &str) -> tempfile::Builder<'_, 'static> {
    let mut names = tempfile::Builder::new();
    names.prefix(beginning).suffix(ASIDE);
    names
}

/// Gives a file a name that had none.
fn link(file: &File, path: &Path) -> io::Result<()> {
    let open = format!("/proc/self/fd/{}", file.as_raw_fd());
    Ok(rustix::fs::linkat(CWD, open, CWD, path, AtFlags::SYMLINK_FOLLOW)?)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn who_may_read_a_replaced_file_is_for_the_umask_to_say() {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let path = folder.path().join("file");
        replace_file(&path, b"x").expect("written");
        let plain = folder.path().join("plain");
        fs::write(&plain, "x").expect("written");
        let mode = |path: &Path| fs::metadata(path).expect("there").permissions().mode();
        assert_eq!(mode(&path), mode(&plain));
    }

    #[test]
    fn a_file_that_cannot_be_put_in_its_place_leaves_nothing_behind() {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let path = folder.path().join("file");
        fs::create_dir_all(path.join("in the way")).expect("made");
        for _ in 0..2 {
            let error = format!("{:#}", replace_file(&path, b"x").expect_err("a folder is in its place"));
            assert!(error.starts_with("cannot write ") && error.contains("irectory"), "{error}");
        }
        assert_eq!(fs::read_dir(folder.path()).expect("lists").count(), 1);
    }

    #[test]
    fn what_a_kill_left_behind_is_removed_and_nothing_else() {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let named = |names: &[&str]| {
            for name in names {
                fs::write(folder.path().join(name), "").expect("written");
            }
        };
        let left = || {
            let entries = fs::read_dir(folder.path()).expect("lists");
            let mut left: Vec<_> =
                entries.map(|it| it.expect("one").file_name().into_string().expect("text")).collect();
            left.sort();
            left
        };
        named(&[
            ".file.a1B2c3.fixmatch.tmp",
            ".other.a1B2c3.fixmatch.tmp",
            ".a1B2c3.tmp",
            ".file.tmp",
            ".heartbeat",
            "x.tmp",
        ]);
        let held = File::create(folder.path().join(".file.b1B2c3.fixmatch.tmp")).expect("made");
        held.lock().expect("held");
        replace_file(&folder.path().join("file"), b"x").expect("written");
        let (held_one, other) = (".file.b1B2c3.fixmatch.tmp", ".other.a1B2c3.fixmatch.tmp");
        assert_eq!(left(), [".a1B2c3.tmp", held_one, ".file.tmp", ".heartbeat", other, "file", "x.tmp"]);
        remove_leftovers(folder.path());
        assert_eq!(left(), [held_one, ".file.tmp", ".heartbeat", "file", "x.tmp"]);
        drop(held);
        remove_leftovers(folder.path());
        assert_eq!(left(), [".file.tmp", ".heartbeat", "file", "x.tmp"]);
    }

    #[test]
    fn a_name_of_any_length_that_a_file_can_have_can_be_replaced() {
        let folder = tempfile::tempdir().expect("a temporary folder");
        for name in ["a".repeat(255), "ä".repeat(127), "z".into()] {
            let path = folder.path().join(&name);
            for content in [b"1", b"2"] {
                replace_file(&path, content).expect(&name);
                assert_eq!(fs::read(&path).expect(&name), content);
            }
        }
        assert_eq!(fs::read_dir(folder.path()).expect("lists").count(), 3);
    }

    #[test]
    fn of_many_who_write_one_file_at_once_none_removes_what_another_one_writes() {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let path = folder.path().join("file");
        std::thread::scope(|scope| {
            for name in [b"a", b"b", b"c", b"d"] {
                let path = &path;
                scope.spawn(move || (0..50).for_each(|_| replace_file(path, name).expect("written")));
                scope.spawn(move || {
                    for _ in 0..50 {
                        let aside = beside(path).expect("a file");
                        aside.as_file().write_all(name).expect("written");
                        aside.persist(path).expect("put in its place");
                    }
                });
            }
        });
        assert_eq!(fs::read_dir(folder.path()).expect("lists").count(), 1);
    }
}
