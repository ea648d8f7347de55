//! Opening and reading the files that a user or another program may have put there.
//!
//! What a path names need not be what was written there: a named pipe would hang whoever opens it, a device may have no end.
//! So everything that is read by name is opened here, and only if it is a regular file. Links to such a file are followed.

use std::fs::{self, File, OpenOptions, TryLockError};
use std::io::{self, ErrorKind, Read as _};
use std::os::unix::fs::{FileTypeExt as _, OpenOptionsExt as _};
use std::path::Path;
use std::thread::sleep;
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, bail};
use rustix::fs::OFlags;
use rustix::io::Errno;

/// More than any file of TOML that is meant has: reading one takes many times its length in memory.
pub const MAX_TOML: u64 = 4 << 20;

/// More than any other file has that is written by hand, or could be.
pub const MAX_TEXT: u64 = 64 << 20;

/// Who may read and write a new file, before the umask.
pub const ANYONE: u32 = 0o666;

/// What is locked to hold a folder: folders themselves cannot be, from one machine to another.
const LOCK: &str = ".lock";

/// How long somebody else may hold a folder: changing a file in it takes no longer, unless the disk is very slow.
const HELD: Duration = Duration::from_secs(10);

/// Opens a regular file for reading.
///
/// # Errors
/// Also if it is something else: a folder, a named pipe, a device or a socket.
pub fn open(path: &Path) -> io::Result<File> {
    open_as(path, OpenOptions::new().read(true))
}

/// Opens a regular file as `options` say, without waiting for whoever is at the other end of what is none.
///
/// # Errors
/// Also if it is something else: a folder, a named pipe, a device or a socket.
pub fn open_as(path: &Path, options: &OpenOptions) -> io::Result<File> {
    open_with(path, options, OFlags::NONBLOCK | OFlags::NOCTTY)
}

/// The same for a name that must not be a link.
pub fn open_no_link(path: &Path) -> io::Result<File> {
    open_with(path, OpenOptions::new().read(true), OFlags::NONBLOCK | OFlags::NOCTTY | OFlags::NOFOLLOW)
}

fn open_with(path: &Path, options: &OpenOptions, flags: OFlags) -> io::Result<File> {
    let file = match options.clone().custom_flags(flags.bits() as i32).open(path) {
        Ok(file) => file,
        // The kernel's own words for these ("No such device or address", "Too many levels of symbolic links") mislead.
        Err(error) => return Err(what_it_is(path).filter(|_| error.kind() != ErrorKind::NotFound).unwrap_or(error)),
    };
    match not_regular(&file.metadata()?) {
        Some(kind) => Err(refusal(kind)),
        None => Ok(file),
    }
}

/// Why the name can never be opened, where that is so.
fn what_it_is(path: &Path) -> Option<io::Error> {
    let kind = fs::metadata(path).ok().and_then(|meta| not_regular(&meta));
    let is_link = || fs::symlink_metadata(path).is_ok_and(|meta| meta.is_symlink());
    kind.or_else(|| is_link().then_some("a link")).map(refusal)
}

fn not_regular(meta: &fs::Metadata) -> Option<&'static str> {
    let kind = meta.file_type();
    Some(match () {
        () if kind.is_file() => return None,
        () if kind.is_dir() => "a folder",
        () if kind.is_fifo() => "a named pipe",
        () if kind.is_socket() => "a socket",
        () if kind.is_char_device() || kind.is_block_device() => "a device",
        () => "no regular file",
    })
}

fn refusal(kind: &str) -> io::Error {
    io::Error::new(ErrorKind::InvalidInput, format!("it is {kind}, not a file"))
}

/// The bytes of a regular file.
pub fn read(path: &Path) -> io::Result<Vec<u8>> {
    read_at_most(path, u64::MAX)
}

/// The bytes of a regular file of at most `limit` bytes; a longer one is an error, unread.
pub fn read_at_most(path: &Path, limit: u64) -> io::Result<Vec<u8>> {
    read_open(&open(path)?, limit)
}

/// The bytes of an open file of at most `limit` bytes.
pub fn read_open(file: &File, limit: u64) -> io::Result<Vec<u8>> {
    let n_bytes = file.metadata()?.len();
    let too_long = || io::Error::new(ErrorKind::FileTooLarge, format!("it has more than {limit} bytes"));
    if n_bytes > limit {
        return Err(too_long());
    }
    let mut bytes = Vec::new();
    file.take(limit.saturating_add(1)).read_to_end(&mut bytes)?; // it may grow, or as in /proc, not tell its length
    if bytes.len() as u64 > limit { Err(too_long()) } else { Ok(bytes) }
}

/// The text of a regular file of at most `limit` bytes, without the byte order mark that editors of Windows begin it with.
pub fn read_text(path: &Path, limit: u64) -> io::Result<String> {
    let text = String::from_utf8(read_at_most(path, limit)?);
    let text = text.map_err(|_| io::Error::new(ErrorKind::InvalidData, "it is no text: not UTF-8"))?;
    Ok(text.strip_prefix('\u{feff}').map(str::to_owned).unwrap_or(text))
}

/// The error with which the disk of a folder refuses a file; nothing is left of what is tried.
pub fn refused_by_disk(folder: &Path) -> Option<io::Error> {
    let of_disks = [Errno::ROFS, Errno::NOSPC, Errno::DQUOT, Errno::IO].map(Errno::raw_os_error);
    nameless(folder).err().filter(|error| error.raw_os_error().is_some_and(|it| of_disks.contains(&it)))
}

/// A new file in a folder that has no name yet, where the file system can.
pub fn nameless(folder: &Path) -> io::Result<File> {
    OpenOptions::new().write(true).mode(ANYONE).custom_flags(OFlags::TMPFILE.bits() as i32).open(folder)
}

/// Holds a folder while a file in it is read, changed and replaced, for as long as what is returned lives. So of two who do
/// that at once, neither undoes what the other one did. Where the file system has no locks, nobody is kept out.
///
/// # Errors
/// If the folder is not there, or somebody else holds it for ten seconds.
pub fn hold(folder: &Path) -> Result<File> {
    let path = folder.join(LOCK);
    let held = open_as(&path, OpenOptions::new().read(true).write(true).create(true).mode(ANYONE));
    let held = held.with_context(|| format!("cannot open {}", path.display()))?;
    let deadline = Instant::now() + HELD;
    while let Err(TryLockError::WouldBlock) = held.try_lock() {
        if Instant::now() > deadline {
            bail!("another program is changing a file in {}: try again", folder.display());
        }
        sleep(Duration::from_millis(5));
    }
    Ok(held)
}

/// Whether an error says that there is no room, or that the disk fails: what may be over in a while.
pub fn may_pass(error: &anyhow::Error) -> bool {
    const NUMBERS: [Errno; 3] = [Errno::IO, Errno::MFILE, Errno::NFILE];
    let is_passing = |error: &io::Error| {
        let number = error.raw_os_error();
        matches!(error.kind(), ErrorKind::ReadOnlyFilesystem | ErrorKind::StaleNetworkFileHandle)
            || NUMBERS.iter().any(|errno| number == Some(errno.raw_os_error()))
    };
    is_full(error) || io_errors(error).any(is_passing)
}

/// Whether an error says that there is no room.
pub fn is_full(error: &anyhow::Error) -> bool {
    // by their kind: tempfile wraps errors, which hides their numbers
    io_errors(error).any(|error| {
        matches!(error.kind(), ErrorKind::StorageFull | ErrorKind::QuotaExceeded | ErrorKind::FileTooLarge)
    })
}

fn io_errors(error: &anyhow::Error) -> impl Iterator<Item = &io::Error> {
    error.chain().filter_map(|cause| cause.downcast_ref())
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::symlink;
    use std::os::unix::net::UnixListener;

    use rustix::fs::{CWD, Mode, mkfifoat};

    use super::*;

    #[test]
    fn only_regular_files_are_opened_and_links_to_them() {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let at = |name: &str| folder.path().join(name);
        fs::write(at("file"), "text").expect("written");
        fs::create_dir(at("folder")).expect("made");
        mkfifoat(CWD, at("pipe"), Mode::RWXU).expect("made");
        let _listener = UnixListener::bind(at("socket")).expect("bound");
        for (name, to) in [("to-file", "file"), ("to-pipe", "pipe"), ("to-zero", "/dev/zero"), ("to-nothing", "none")] {
            symlink(to, at(name)).expect("linked");
        }
        for name in ["file", "to-file"] {
            assert_eq!(read_text(&at(name), 4).expect(name), "text");
        }
        let append = OpenOptions::new().read(true).append(true).create(true).clone();
        for (name, expected) in [
            ("folder", "it is a folder"),
            ("pipe", "it is a named pipe"),
            ("socket", "it is a socket"),
            ("to-pipe", "it is a named pipe"),
            ("to-zero", "it is a device"),
        ] {
            for opened in [open(&at(name)), open_as(&at(name), &append)] {
                let error = opened.expect_err(name).to_string();
                assert!(error.contains(expected), "{name}: {error}");
            }
        }
        assert_eq!(open(&at("to-nothing")).expect_err("dangling").kind(), ErrorKind::NotFound);
        assert_eq!(open_no_link(&at("to-file")).expect_err("a link").to_string(), "it is a link, not a file");
    }

    #[test]
    fn a_file_beyond_the_limit_is_not_read() {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let path = folder.path().join("file");
        File::create(&path).and_then(|file| file.set_len(1 << 40)).expect("a hole");
        assert_eq!(read_at_most(&path, 100).expect_err("long").to_string(), "it has more than 100 bytes");
        assert!(read_at_most(Path::new("/proc/self/status"), 10).is_err(), "a length that is not told");
    }
}
