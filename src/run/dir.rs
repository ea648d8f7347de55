//! The run directory: the only interface between a worker and everyone else, and the only place that knows its file
//! names.
//!
//! ```text
//! 20261123-180112-quickstart-s0/
//!   run.toml        the resolved configuration and where it came from
//!   labels.json     the labeled indices and how they were picked
//!   held-out.csv    the test images, where they were held out of a folder's
//!   events.jsonl    append-only, one writer: the truth
//!   events.seal     its last line's number and checksum
//!   insight.bin     bulky records at places that events name: histograms and followed images
//!   card.json       a title, tags and a note that people wrote
//!   summary.json    what lists show; a cache of the log, rebuilt at will
//!   checkpoints/    00012000.safetensors
//!   control/        the mailbox
//!   heartbeat       replaced every two seconds
//!   worker.lock     held for the worker's life
//!   .lock           held while somebody changes card.json
//!   worker.log      its stdout and stderr
//! ```
//!
//! Every file that is replaced is written aside, synced and renamed.

use std::fs::{self, File, OpenOptions, Permissions, TryLockError};
use std::io::{self, ErrorKind, Write as _};
use std::os::unix::fs::{OpenOptionsExt as _, PermissionsExt as _};
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

use anyhow::{Context, Result, bail, ensure};
use rustix::fs::{CWD, RenameFlags, renameat_with};
use rustix::io::Errno;
use tempfile::TempDir;

use crate::base::alike::{asked, closest_by};
use crate::base::aside::{self, replace_file};
use crate::base::files;
use crate::base::sealed::{self, Seal};
use crate::base::{text, trash};
use crate::run::file::RunFile;
use crate::run::heartbeat::{Heartbeat, Phase, STALE};

/// The length of a heartbeat's file: one of the same length can take its place on a full disk.
const BEAT_BYTES: usize = 512;

/// How the name of a folder begins that is to become a run's.
const MAKING: &str = ".making-";

/// From which age on nobody is still making it, also where locks do not hold from one machine to another.
const ABANDONED: Duration = Duration::from_hours(1);

/// A run's folder.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct RunDir {
    path: PathBuf,
}

impl RunDir {
    /// Makes the folder of a new run in `runs`, named after the moment, `name` and the seed, and writes `run.toml`.
    pub fn create(runs: &Path, name: &str, run: &RunFile) -> Result<Self> {
        Self::create_with(runs, name, run, |_| Ok(()))
    }

    /// The same for a run that begins with more: the folder has its name only once `fill` is through. An error or a kill
    /// leaves no run.
    pub fn create_with(runs: &Path, name: &str, run: &RunFile, fill: impl FnOnce(&Self) -> Result<()>) -> Result<Self> {
        fs::create_dir_all(runs).with_context(|| format!("cannot make the folder for runs {}", runs.display()))?;
        let runs = std::path::absolute(runs)?;
        let (folder, _held) = begin(&runs)?;
        let aside = Self { path: folder.path().to_owned() };
        for folder in [aside.checkpoints(), aside.control()] {
            fs::create_dir(&folder).with_context(|| format!("cannot make {}", folder.display()))?;
        }
        aside.write_run(run)?;
        fill(&aside)?;
        let moment = jiff::ZonedDateTime::now().strftime("%Y%m%d-%H%M%S");
        let id = format!("{moment}-{}-s{}", sanitized(name), run.config.train.seed);
        let path = move_to_free(folder.path(), &runs, &id)?;
        let _ = folder.keep();
        Ok(Self { path })
    }

    /// The run in a folder that need not be there, an absolute path.
    pub fn at(path: PathBuf) -> Self {
        Self { path }
    }

    /// The run in an existing folder.
    pub fn open(path: &Path) -> Result<Self> {
        let path = std::path::absolute(path).with_context(|| format!("cannot resolve {}", path.display()))?;
        let dir = Self { path };
        ensure!(dir.run_toml().is_file(), "{} is not a run: it has no run.toml", dir.path.display());
        Ok(dir)
    }

    /// The run that a user means: a path, a name, the newest that is called so, a part that fits one name, or without any,
    /// the newest that is trained for its own sake.
    pub fn find(runs: &Path, wanted: Option<&str>) -> Result<Self> {
        let all = Self::list(runs)?;
        let Some(wanted) = wanted else {
            let is_for_itself = |dir: &&Self| dir.read_run().map_or(true, |run| run.config.is_for_itself());
            return all.iter().rfind(is_for_itself).or(all.last()).cloned().with_context(|| {
                format!("there are no runs in {}; start one with `fixmatch train quickstart`", runs.display())
            });
        };
        if wanted.contains('/') || wanted.starts_with('.') {
            return Self::open(Path::new(wanted));
        }
        let exact = all.iter().find(|dir| dir.id() == wanted);
        let named: Vec<_> = all.iter().filter(|dir| dir.id().starts_with(wanted)).collect();
        let holding: Vec<_> = all.iter().filter(|dir| dir.id().contains(wanted)).collect();
        let called = all.iter().rfind(|dir| dir.is_called(wanted));
        let candidates = if named.is_empty() { holding } else { named };
        match (exact.or(called), candidates.as_slice()) {
            (Some(dir), _) => Ok(dir.clone()),
            (None, [dir]) => Ok((*dir).clone()),
            (None, []) => {
                let ids: Vec<_> = all.iter().rev().map(Self::id).collect();
                let meant = asked(&ids_like(wanted, ids.iter().map(String::as_str)));
                bail!("no run in {} is called {wanted:?}; {meant}`fixmatch runs` lists them", runs.display())
            }
            (None, several) => {
                let ids: Vec<_> = several.iter().map(|dir| dir.id()).collect();
                bail!(
                    "{wanted:?} fits {} runs: {}; give more of the name, or none for the newest",
                    ids.len(),
                    ids.join(", ")
                )
            }
        }
    }

    /// Whether this is its name: what stands between the moment that it was made and its seed, which may be named too.
    pub fn is_called(&self, name: &str) -> bool {
        without_moment(&self.id()) == name || self.name() == name
    }

    /// The runs in a folder, oldest first. A missing folder has none.
    pub fn list(runs: &Path) -> Result<Vec<Self>> {
        let entries = match fs::read_dir(runs) {
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(Vec::new()),
            entries => entries.with_context(|| format!("cannot read the folder of runs {}", runs.display()))?,
        };
        let mut found = Vec::new();
        for entry in entries {
            let entry = entry?;
            let is_hidden = entry.file_name().as_encoded_bytes().starts_with(b".");
            let dir = Self { path: std::path::absolute(entry.path())? };
            if !is_hidden && dir.run_toml().is_file() {
                found.push(dir);
            }
        }
        found.sort_by(|a, b| a.path.cmp(&b.path));
        Ok(found)
    }

    /// Moves the run into the folder `.trash` beside it, and returns where it is now.
    ///
    /// Refused while a worker holds it. A run of the same name in the trash stays.
    pub fn discard(&self) -> Result<PathBuf> {
        let _lock = self.lock()?;
        let folder = self.path.with_file_name(trash::FOLDER);
        fs::create_dir_all(&folder).with_context(|| format!("cannot make {}", folder.display()))?;
        move_to_free(&self.path, &folder, &self.id())
    }

    /// Brings the run back from its folder in the trash. Refused where another one has its name by now.
    pub fn restore(&self, from: &Path) -> Result<()> {
        trash::bring_back(from, &self.path)
    }

    /// The folder.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// The folder's name, which names the run.
    pub fn id(&self) -> String {
        self.path.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default()
    }

    /// What it is called: its id without the moment that it was made and its seed.
    pub fn name(&self) -> String {
        let id = self.id();
        let rest = without_moment(&id);
        let is_seed = |seed: &str| !seed.is_empty() && seed.bytes().all(|byte| byte.is_ascii_digit());
        rest.rsplit_once("-s").filter(|(_, seed)| is_seed(seed)).map_or(rest, |(name, _)| name).to_owned()
    }

    /// `run.toml`
    pub fn run_toml(&self) -> PathBuf {
        self.path.join("run.toml")
    }

    /// `labels.json`
    pub fn labels(&self) -> PathBuf {
        self.path.join("labels.json")
    }

    /// The test images that were held out of a folder's, as a list that `data.path` takes.
    pub fn held_out(&self) -> PathBuf {
        self.path.join("held-out.csv")
    }

    /// `events.jsonl`
    pub fn events(&self) -> PathBuf {
        self.path.join("events.jsonl")
    }

    /// `events.seal`
    pub fn events_seal(&self) -> PathBuf {
        self.path.join("events.seal")
    }

    /// `insight.bin`
    pub fn insight(&self) -> PathBuf {
        self.path.join("insight.bin")
    }

    /// `card.json`
    pub fn card(&self) -> PathBuf {
        self.path.join("card.json")
    }

    /// `summary.json`
    pub fn summary(&self) -> PathBuf {
        self.path.join("summary.json")
    }

    /// `ranking.json`, the result of a run that ranks.
    pub fn ranking(&self) -> PathBuf {
        self.path.join("ranking.json")
    }

    /// `checkpoints/`
    pub fn checkpoints(&self) -> PathBuf {
        self.path.join("checkpoints")
    }

    /// `control/`
    pub fn control(&self) -> PathBuf {
        self.path.join("control")
    }

    /// `worker.log`
    pub fn worker_log(&self) -> PathBuf {
        self.path.join("worker.log")
    }

    /// Reads `run.toml`.
    pub fn read_run(&self) -> Result<RunFile> {
        Ok(self.read_sealed_run()?.0)
    }

    /// Reads `run.toml`, and what its seal says.
    pub fn read_sealed_run(&self) -> Result<(RunFile, Seal)> {
        let path = self.run_toml();
        let text =
            files::read_text(&path, files::MAX_TOML).with_context(|| format!("cannot read {}", path.display()))?;
        let run = toml::from_str(&text).map_err(|error: toml::de::Error| {
            let line = error.span().map_or(1, |span| text[..span.start].matches('\n').count() + 1);
            anyhow::anyhow!("{}, line {line}: {}", path.display(), error.message())
        })?;
        Ok((run, sealed::of_toml(&text)))
    }

    /// Replaces `run.toml`.
    pub fn write_run(&self, run: &RunFile) -> Result<()> {
        let text = sealed::toml(&toml::to_string(run).expect("a run has only TOML's types"));
        replace_file(&self.run_toml(), text.as_bytes())
    }

    /// Takes the worker's lock, or says within two seconds that another worker holds it.
    ///
    /// Consoles probe the lock with a shared one for an instant, so a first refusal means nothing. Only the owner can
    /// open it: whoever can read it can hold it.
    pub fn lock(&self) -> Result<File> {
        let path = self.path.join("worker.lock");
        let file = files::open_as(&path, OpenOptions::new().write(true).create(true).mode(0o600));
        let file = file.with_context(|| format!("cannot open {}", path.display()))?;
        let deadline = std::time::Instant::now() + Duration::from_secs(2);
        loop {
            match file.try_lock() {
                Ok(()) => {
                    let _ = file.set_permissions(Permissions::from_mode(0o600)); // it may be of an earlier version
                    return Ok(file);
                }
                Err(TryLockError::Error(error)) => {
                    return Err(error).with_context(|| format!("cannot lock {}", path.display()));
                }
                Err(TryLockError::WouldBlock) if std::time::Instant::now() > deadline => {
                    bail!("another worker is training this run ({} is locked)", path.display())
                }
                Err(TryLockError::WouldBlock) => std::thread::sleep(Duration::from_millis(20)),
            }
        }
    }

    /// Whether a worker holds the lock. To users who cannot open it, a fresh heartbeat says so.
    pub fn is_locked(&self) -> bool {
        match files::open(&self.path.join("worker.lock")) {
            Ok(file) => matches!(file.try_lock_shared(), Err(TryLockError::WouldBlock)),
            Err(error) if error.kind() == ErrorKind::PermissionDenied => {
                self.heartbeat().is_some_and(|(_, age)| age < STALE)
            }
            Err(_) => false,
        }
    }

    /// Makes the folders that a worker needs and does not find, and removes what a killed one left half written. For
    /// whoever holds the lock.
    pub fn mend(&self) -> Result<()> {
        for folder in [self.checkpoints(), self.control()] {
            fs::create_dir_all(&folder).with_context(|| format!("cannot make {}", folder.display()))?;
        }
        aside::remove_leftovers(&self.path);
        aside::remove_leftovers(&self.checkpoints());
        Ok(())
    }

    /// The bytes that this user can still write where the run is, if that can be told.
    pub fn free_bytes(&self) -> Option<u64> {
        let disk = rustix::fs::statvfs(&self.path).ok()?;
        Some(disk.f_bavail.saturating_mul(disk.f_frsize))
    }

    /// What keeps a worker from writing a heartbeat, as far as can be seen: a disk that is full, or takes nothing.
    pub fn trouble(&self) -> Option<Phase> {
        if self.free_bytes() == Some(0) {
            return Some(Phase::NoSpace);
        }
        let refusal = files::refused_by_disk(&self.path)?;
        Some(if files::is_full(&refusal.into()) { Phase::NoSpace } else { Phase::DiskFails })
    }

    /// The last heartbeat, and its age by this machine's view of the file.
    pub fn heartbeat(&self) -> Option<(Heartbeat, Duration)> {
        let path = self.path.join("heartbeat");
        let beat = serde_json::from_slice(&files::read_at_most(&path, 1 << 16).ok()?).ok()?;
        let written = fs::metadata(&path).and_then(|meta| meta.modified()).ok()?;
        Some((beat, SystemTime::now().duration_since(written).unwrap_or_default()))
    }

    /// Replaces the heartbeat. Not synced: it is worth nothing after a crash.
    ///
    /// Where there is no room for a second file, the old one is written over in place.
    pub fn beat(&self, heartbeat: &Heartbeat) -> Result<()> {
        let path = self.path.join("heartbeat");
        let mut text = serde_json::to_vec(heartbeat)?;
        text.resize(text.len().max(BEAT_BYTES), b' ');
        let write = |path: &Path, options: &OpenOptions| files::open_as(path, options)?.write_all(&text);
        let aside = self.path.join(".heartbeat");
        let replaced = write(&aside, OpenOptions::new().write(true).create(true).truncate(true))
            .and_then(|()| fs::rename(&aside, &path));
        if replaced.is_err() {
            let _ = fs::remove_file(&aside);
        }
        replaced
            .or_else(|_| write(&path, OpenOptions::new().write(true)))
            .with_context(|| format!("cannot write {}", path.display()))
    }
}

/// The runs' names that a mistyped one comes closest to, whole or without its moment and its seed.
pub fn ids_like<'a>(wanted: &str, ids: impl IntoIterator<Item = &'a str>) -> Vec<&'a str> {
    const MOMENT: usize = "20261123-180112-".len();
    let is_moment = |text: &str| text.chars().all(|c| c.is_ascii_digit() || c == '-');
    let forms = |id: &'a str| {
        let name = id.split_at_checked(MOMENT).filter(|(moment, _)| is_moment(moment)).map_or(id, |(_, name)| name);
        let without_seed = name.rfind("-s").map_or(name, |at| &name[..at]);
        [(id, id), (name, id), (without_seed, id)]
    };
    closest_by(wanted, ids.into_iter().flat_map(forms))
}

/// A name that is safe as part of a file name, on any system and in any shell: letters of any script stay.
fn sanitized(name: &str) -> String {
    const MAX_BYTES: usize = 160; // a file's name has 255, the moment and the seed take some
    let stays = |c: char, before: Option<char>| match c {
        c if c.is_ascii() => c.is_ascii_alphanumeric() || "-_.".contains(c),
        c => !c.is_whitespace() && !text::is_unshown(c, before),
    };
    let mut safe = String::new();
    for c in name.chars() {
        let c = if stays(c, safe.chars().next_back()) { c } else { '-' };
        if safe.len() + c.len_utf8() > MAX_BYTES {
            break;
        }
        safe.push(c);
    }
    let safe = safe.trim_matches(['-', '.']);
    if safe.is_empty() { "run".into() } else { safe.into() }
}

/// A hidden folder for a run that is being made, and a lock that says that one is. While nobody has it, those are removed
/// that makers left which were killed. Where there is no lock, as where another user made it, nobody's are.
fn begin(runs: &Path) -> Result<(TempDir, Option<File>)> {
    let options = OpenOptions::new().read(true).write(true).create(true).clone();
    let lock = files::open_as(&runs.join(".making.lock"), &options).ok();
    if let Some(lock) = lock.as_ref().filter(|lock| lock.try_lock().is_ok()) {
        for entry in fs::read_dir(runs).into_iter().flatten().flatten() {
            let is_one = entry.file_name().as_encoded_bytes().starts_with(MAKING.as_bytes());
            let age = entry.metadata().and_then(|meta| meta.modified()).map(|at| at.elapsed().unwrap_or_default());
            if is_one && age.is_ok_and(|age| age > ABANDONED) {
                let _ = fs::remove_dir_all(entry.path()); // a matter of room, no more
            }
        }
        let _ = lock.unlock();
    }
    let _ = lock.as_ref().map(File::lock_shared);
    let anyone = Permissions::from_mode(0o777);
    let folder = tempfile::Builder::new().prefix(MAKING).permissions(anyone).tempdir_in(runs);
    Ok((folder.with_context(|| format!("cannot make a folder in {}", runs.display()))?, lock))
}

/// Makes a folder `id` in another one, or where that is taken, `id-2`, `id-3`, …
fn move_to_free(folder: &Path, into: &Path, id: &str) -> Result<PathBuf> {
    for n in 1.. {
        let path = into.join(if n == 1 { id.to_owned() } else { format!("{id}-{n}") });
        let renamed = match renameat_with(CWD, folder, CWD, &path, RenameFlags::NOREPLACE) {
            // not on every file system; an empty folder may be replaced on each
            Err(Errno::INVAL | Errno::NOSYS) => match fs::create_dir(&path) {
                Ok(()) => return replace_empty(folder, path),
                taken => taken,
            },
            renamed => renamed.map_err(io::Error::from),
        };
        match renamed {
            Ok(()) => return Ok(path),
            Err(error) if error.kind() == ErrorKind::AlreadyExists => {}
            Err(error) => return Err(cannot_move(error, folder, &path)),
        }
    }
    unreachable!("numbers do not end")
}

fn replace_empty(folder: &Path, path: PathBuf) -> Result<PathBuf> {
    match fs::rename(folder, &path) {
        Ok(()) => Ok(path),
        Err(error) => {
            let _ = fs::remove_dir(&path);
            Err(cannot_move(error, folder, &path))
        }
    }
}

fn cannot_move(error: io::Error, folder: &Path, path: &Path) -> anyhow::Error {
    anyhow::Error::new(error).context(format!("cannot move {} to {}", folder.display(), path.display()))
}

/// A run's id without the moment that it begins with.
pub fn without_moment(id: &str) -> &str {
    let is_moment = |part: &str, n: usize| part.len() == n && part.bytes().all(|byte| byte.is_ascii_digit());
    match id.splitn(3, '-').collect::<Vec<_>>()[..] {
        [day, time, name] if is_moment(day, 8) && is_moment(time, 6) => name,
        _ => id,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::RunConfig;
    use crate::run::file::Provenance;

    fn some_run() -> RunFile {
        let provenance = Provenance {
            preset: "quickstart".into(),
            settings: vec![],
            version: "0".into(),
            who: "me@here".into(),
            created: "2026-11-23T18:01:00Z".into(),
            parent: None,
            suite: None,
        };
        RunFile { provenance, environment: None, config: RunConfig::default() }
    }

    #[test]
    fn run_toml_survives_the_disk() {
        let runs = tempfile::tempdir().expect("a temporary folder");
        let dir = RunDir::create(runs.path(), "a/b c", &some_run()).expect("made");
        assert!(dir.id().ends_with("-a-b-c-s0"), "{}", dir.id());
        assert_eq!(dir.read_run().expect("reads"), some_run());
    }

    #[test]
    fn names_keep_the_letters_of_any_script() {
        for (name, expected) in [
            ("Käfer_v1.2", "Käfer_v1.2"),
            ("猫と犬", "猫と犬"),
            ("a/b c;$(rm)", "a-b-c---rm"),
            ("..", "run"),
            ("~", "run"),
            ("\u{1b}[31mred\u{202e}", "31mred"),
            ("", "run"),
        ] {
            assert_eq!(sanitized(name), expected, "{name:?}");
        }
        assert_eq!(sanitized(&"猫".repeat(200)), "猫".repeat(53));
    }

    #[test]
    fn a_mistyped_name_is_answered_with_the_runs_that_it_may_mean_the_newest_first() {
        let ids =
            ["20261123-190000-slides-labels-4-s0", "20261123-180112-quickstart-s1", "20261123-180000-quickstart-s0"];
        for (wanted, expected) in [
            ("quikstart", vec![ids[1], ids[2]]),
            ("quickstart-s2", vec![ids[1], ids[2]]),
            ("20261123-18112-quickstart-s1", vec![ids[1]]),
            ("slides-label-4", vec![ids[0]]),
            ("猫", vec![]),
        ] {
            assert_eq!(ids_like(wanted, ids), expected, "{wanted}");
        }
    }

    #[test]
    fn runs_of_one_second_get_different_names() {
        let runs = tempfile::tempdir().expect("a temporary folder");
        let dirs: Vec<_> = (0..3).map(|_| RunDir::create(runs.path(), "x", &some_run()).expect("made")).collect();
        assert_eq!(RunDir::list(runs.path()).expect("lists").len(), 3);
        assert_ne!(dirs[0].id(), dirs[1].id());
    }

    #[test]
    fn a_run_is_there_as_a_whole_or_not_at_all() {
        let runs = tempfile::tempdir().expect("a temporary folder");
        let files = || fs::read_dir(runs.path()).expect("lists").count() - 1; // and a lock
        let failed = RunDir::create_with(runs.path(), "x", &some_run(), |dir| {
            assert!(dir.run_toml().is_file() && RunDir::list(runs.path()).expect("lists").is_empty());
            bail!("no room")
        });
        assert_eq!(failed.expect_err("refused").to_string(), "no room");
        assert_eq!(files(), 0, "of one that failed");
        for (name, age) in [(".making-old", 2 * ABANDONED), (".making-new", ABANDONED / 2)] {
            fs::create_dir(runs.path().join(name)).expect("made");
            let left = File::open(runs.path().join(name)).expect("opened");
            left.set_modified(SystemTime::now() - age).expect("dated");
        }
        let other = RunDir::create_with(runs.path(), "y", &some_run(), |_| {
            RunDir::create(runs.path(), "z", &some_run()).map(drop)
        });
        other.expect("two at once");
        assert_eq!(files(), 3, "the old one is removed before the first is made");
        let made = RunDir::create_with(runs.path(), "x", &some_run(), |dir| Ok(fs::write(dir.labels(), "{}")?));
        assert_eq!(fs::read(made.expect("made").labels()).expect("there"), b"{}");
        assert_eq!(RunDir::list(runs.path()).expect("lists").len(), 3);
    }

    #[test]
    fn a_run_is_found_by_path_name_prefix_part_or_as_the_newest() {
        let runs = tempfile::tempdir().expect("a temporary folder");
        for name in ["20260101-000000-one-s0", "20260102-000000-two-s0", "20260102-000001-two-s1"] {
            fs::create_dir(runs.path().join(name)).expect("made");
            RunDir { path: runs.path().join(name) }.write_run(&some_run()).expect("written");
        }
        let find = |wanted| RunDir::find(runs.path(), wanted);
        let id = |wanted| find(wanted).expect("found").id();
        assert_eq!(id(None), "20260102-000001-two-s1");
        assert_eq!(id(Some("20260101")), "20260101-000000-one-s0");
        assert_eq!(id(Some("one")), "20260101-000000-one-s0");
        let path = runs.path().join("20260102-000000-two-s0");
        assert_eq!(id(path.to_str()), "20260102-000000-two-s0");
        assert_eq!(id(Some("two")), "20260102-000001-two-s1", "the newest of its name");
        assert_eq!(id(Some("two-s0")), "20260102-000000-two-s0");
        let mut part = some_run();
        part.config.labels.crossval = Some("1/2".to_owned().try_into().expect("a part"));
        fs::create_dir(runs.path().join("20260103-000000-part-s0")).expect("made");
        RunDir { path: runs.path().join("20260103-000000-part-s0") }.write_run(&part).expect("written");
        assert_eq!(id(None), "20260102-000001-two-s1", "the newest that is trained for its own sake");
        assert!(find(Some("tw")).expect_err("ambiguous").to_string().contains("fits 2 runs"));
        assert!(find(Some("three")).expect_err("unknown").to_string().contains("`fixmatch runs` lists them"));
    }

    #[test]
    fn a_discarded_run_is_in_the_trash_and_no_longer_listed() {
        let runs = tempfile::tempdir().expect("a temporary folder");
        let dir = RunDir::create(runs.path(), "x", &some_run()).expect("made");
        let lock = dir.lock().expect("free");
        assert!(dir.discard().expect_err("in use").to_string().contains("another worker is training"));
        drop(lock);
        let trashed = dir.discard().expect("moved");
        assert!(RunDir::list(runs.path()).expect("lists").is_empty());
        assert_eq!(RunDir::open(&trashed).expect("a run").read_run().expect("reads"), some_run());
    }

    #[test]
    fn the_lock_is_exclusive_and_visible() {
        let runs = tempfile::tempdir().expect("a temporary folder");
        let dir = RunDir::create(runs.path(), "x", &some_run()).expect("made");
        assert!(!dir.is_locked());
        let lock = dir.lock().expect("free");
        assert!(dir.is_locked());
        drop(lock);
        assert!(!dir.is_locked());
    }
}
